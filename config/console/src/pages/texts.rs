//! In which words pages speak. Templates are written in English; what they say in another language stands in a file of its own, and
//! `tests/tests/texts.rs` holds that nothing is missing there.

use std::borrow::Cow;
use std::collections::HashMap;

use postern_config::directory::Language;

use super::sentences::Sentences;

/// German, line by line: what templates say, a tab, what it is in German.
const GERMAN: &str = include_str!("../../texts/de.tsv");

/// A language of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tongue {
    English,
    German,
}

impl Tongue {
    /// Every one, with its own name.
    pub(crate) const ALL: [(Self, &'static str); 2] =
        [(Self::English, "English"), (Self::German, "Deutsch")];

    /// The one that somebody reads: English, where his is none of ours.
    pub(crate) fn of(language: Option<&Language>) -> Self {
        let language = language.map_or("", |it| it.as_str());
        let first = language.split('-').next().unwrap_or_default();
        if first.eq_ignore_ascii_case("de") {
            Self::German
        } else {
            Self::English
        }
    }

    /// Its tag. Source: BCP 47.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }
}

/// What pages say in other languages.
#[derive(Debug)]
pub(crate) struct Catalogue {
    german: HashMap<&'static str, &'static str>,
    problems: Sentences,
}

impl Default for Catalogue {
    fn default() -> Self {
        let lines = GERMAN.lines().filter_map(|line| line.split_once('\t'));
        Self {
            german: lines.collect(),
            problems: Sentences::german(),
        }
    }
}

impl Catalogue {
    /// A text in a language. What the catalogue does not have is said in English.
    pub(crate) fn say<'t>(&self, tongue: Tongue, text: &'t str) -> &'t str {
        match tongue {
            Tongue::English => text,
            Tongue::German => self.german.get(text).copied().unwrap_or(text),
        }
    }

    /// What a service says of a problem, in a language: as programs read it, where the catalogue does not have it.
    pub(crate) fn said<'t>(&self, tongue: Tongue, text: &'t str) -> Cow<'t, str> {
        match tongue {
            Tongue::English => Cow::Borrowed(text),
            Tongue::German => self.problems.say(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_that_is_none_of_ours_reads_english() {
        let tongue = |tag: &str| Tongue::of(Some(&tag.parse().unwrap()));
        assert_eq!(tongue("de-CH"), Tongue::German);
        assert_eq!(tongue("fr"), Tongue::English);
        assert_eq!(Tongue::of(None), Tongue::English);
    }
}
