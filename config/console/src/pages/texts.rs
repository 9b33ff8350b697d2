//! In which words pages speak. Templates are written in English; what they say in another language stands in a file of its own, and
//! `tests/tests/texts.rs` holds that nothing is missing there.

use std::borrow::Cow;
use std::collections::HashMap;

use http::{HeaderMap, header};
use postern_config::directory::Language;

use super::sentences::Sentences;
use crate::limits::LANGUAGES_READ_MAX;

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

    /// The one that somebody has chosen: English, where his is none of ours.
    pub(crate) fn of(language: &Language) -> Self {
        Self::tagged(language.as_str()).unwrap_or(Self::English)
    }

    /// The one that a browser likes best: English, where it likes none of ours. Source: RFC 9110, 12.5.4.
    ///
    /// The crates that read this header either leave its weights unread or sort by them as they come, and `q=nan` has no order.
    pub(crate) fn liked(headers: &HeaderMap) -> Self {
        let text = headers.get(header::ACCEPT_LANGUAGE);
        let text = text.and_then(|it| it.to_str().ok()).unwrap_or_default();
        let mut best = (0.0, Self::English);
        for range in text.split(',').take(LANGUAGES_READ_MAX) {
            let (tag, weight) = range.split_once(';').unwrap_or((range, "q=1"));
            let weight = weight.trim().strip_prefix("q=").map(str::parse::<f32>);
            if let (Some(tongue), Some(Ok(weight))) = (Self::tagged(tag.trim()), weight)
                && weight > best.0
            {
                best = (weight, tongue);
            }
        }
        best.1
    }

    /// The one of a tag, whatever country follows.
    fn tagged(tag: &str) -> Option<Self> {
        let first = tag.split('-').next().unwrap_or_default();
        let mut all = Self::ALL.into_iter().map(|(tongue, _)| tongue);
        all.find(|it| it.tag().eq_ignore_ascii_case(first))
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
        let tongue = |tag: &str| Tongue::of(&tag.parse().unwrap());
        assert_eq!(tongue("de-CH"), Tongue::German);
        assert_eq!(tongue("fr"), Tongue::English);
    }

    #[test]
    fn a_browser_is_read_the_language_that_it_likes_best() {
        use Tongue::{English, German};
        let far = |before: usize| format!("{}de", "fr,".repeat(before));
        for (header, tongue) in [
            ("", English),
            ("de", German),
            ("de-AT, de;q=0.9, en;q=0.8", German),
            ("en-US,en;q=0.9,de;q=0.8", English),
            ("fr;q=1, de ; q=0.4, en;q=0.3", German),
            ("fr, *", English),
            ("de;q=0", English),
            ("de;q=nan, en;q=0.1", English),
            ("en;q=0.1, de;q=1e9", German),
            ("de;level=1", English),
            (&far(LANGUAGES_READ_MAX - 1), German),
            (&far(LANGUAGES_READ_MAX), English),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, header.parse().unwrap());
            assert_eq!(Tongue::liked(&headers), tongue, "{header}");
        }
        assert_eq!(Tongue::liked(&HeaderMap::new()), English);
    }
}
