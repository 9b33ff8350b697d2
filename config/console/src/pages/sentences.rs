//! What services say of a problem, in another language. It comes as a whole sentence, the same that programs read: here it is found again
//! among templates, and what fills them is looked for there as well, because one sentence often carries another. What stands between
//! backticks is somebody's word, and stays as it is. `tests/tests/problems.rs` holds that no sentence is missing.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::HashMap;

use crate::limits::{SENTENCE_BYTES_MAX, SENTENCE_CUTS_MAX, SENTENCE_DEPTH_MAX};

/// German, line by line: what is said, a tab, what it is in German. `{}` is what differs from time to time; `{2}` is the second of those,
/// where German has another order.
const GERMAN: &str = include_str!("../../texts/problems.de.tsv");

/// The sentences of one language.
#[derive(Debug)]
pub(super) struct Sentences {
    /// Those without anything to fill in.
    whole: HashMap<&'static str, &'static str>,
    /// The others, by the letter with which they begin; none where it differs.
    templates: HashMap<Option<char>, Vec<Template>>,
}

#[derive(Debug)]
struct Template {
    /// What stands before the first hole.
    head: &'static str,
    /// What stands behind each hole.
    tails: Vec<&'static str>,
    /// How many bytes all of that has.
    weight: usize,
    said: Vec<Piece>,
}

#[derive(Clone, Copy, Debug)]
enum Piece {
    Text(&'static str),
    /// What fills a hole; the first is 0.
    Hole(usize),
}

/// One way to understand a sentence.
struct Reading {
    said: String,
    /// How many of its bytes the catalogue explains.
    weight: usize,
}

/// What is left of a template, and what has been found for the rest.
#[derive(Clone, Copy)]
struct Rest<'r> {
    /// What stands right before the next hole.
    before: &'static str,
    tails: &'r [&'static str],
    depth: usize,
}

impl Sentences {
    /// Those of the catalogue.
    pub(super) fn german() -> Self {
        Self::of(GERMAN)
    }

    fn of(lines: &'static str) -> Self {
        let mut whole = HashMap::new();
        let mut templates: HashMap<_, Vec<Template>> = HashMap::new();
        for (said, meant) in lines.lines().filter_map(|line| line.split_once('\t')) {
            let mut parts = said.split("{}");
            let head = parts.next().unwrap_or_default();
            let tails: Vec<&str> = parts.collect();
            if tails.is_empty() {
                whole.insert(said, meant);
                continue;
            }
            let template = Template {
                head,
                weight: head.len() + tails.iter().map(|it| it.len()).sum::<usize>(),
                tails,
                said: pieces(meant),
            };
            let first = head.chars().next();
            templates.entry(first).or_default().push(template);
        }
        Self { whole, templates }
    }

    /// A sentence in this language; as it came, where the catalogue does not have it.
    pub(super) fn say<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if text.len() > SENTENCE_BYTES_MAX {
            return Cow::Borrowed(text);
        }
        let mut cuts = SENTENCE_CUTS_MAX;
        match self.read(text, SENTENCE_DEPTH_MAX, &mut cuts) {
            Some(reading) => Cow::Owned(reading.said),
            None => Cow::Borrowed(text),
        }
    }

    /// The reading that explains most. Where two explain as much, the one with fewer words of its own holds the other: `{}: {}` binds
    /// least.
    fn read(&self, text: &str, depth: usize, cuts: &mut usize) -> Option<Reading> {
        if let Some(said) = self.whole.get(text) {
            return Some(Reading {
                said: (*said).to_owned(),
                weight: text.len(),
            });
        }
        let depth = depth.checked_sub(1)?;
        let first = text.chars().next()?;
        let beginnings = [Some(first), None];
        let templates = beginnings.iter().filter_map(|it| self.templates.get(it));
        let mut best: Option<((usize, Reverse<usize>), Reading)> = None;
        for template in templates.flatten() {
            let Some(rest) = template.fits(text) else {
                continue;
            };
            let holes = Rest {
                before: template.head,
                tails: &template.tails,
                depth,
            };
            let Some((found, weight)) = self.fill(rest, holes, cuts) else {
                continue;
            };
            let weight = weight + template.weight;
            let rank = (weight, Reverse(template.weight));
            if best.as_ref().is_none_or(|(first, _)| *first < rank) {
                let said = template.filled(&found);
                best = Some((rank, Reading { said, weight }));
            }
        }
        best.map(|(_, reading)| reading)
    }

    /// What fills the holes, in this language, and how much of it is explained. Of several ways to cut the text the one that explains most
    /// is taken, and of those the one that cuts first.
    fn fill(&self, text: &str, rest: Rest<'_>, cuts: &mut usize) -> Option<(Vec<String>, usize)> {
        let Some((behind, tails)) = rest.tails.split_first() else {
            return text.is_empty().then(|| (Vec::new(), 0));
        };
        let is_last = tails.is_empty();
        let ends = text.match_indices(behind).map(|(at, _)| at);
        let end = text.len().checked_sub(behind.len());
        let last = end.filter(|_| is_last && text.ends_with(behind));
        let is_word = rest.before.ends_with('`') && behind.starts_with('`');
        let mut best: Option<(Vec<String>, usize)> = None;
        for at in ends.filter(|_| !is_last).chain(last) {
            let Some(left) = cuts.checked_sub(1) else {
                break;
            };
            *cuts = left;
            let (Some(part), Some(after)) = (text.get(..at), text.get(at + behind.len()..)) else {
                continue;
            };
            let next = Rest {
                before: behind,
                tails,
                ..rest
            };
            let Some((mut others, more)) = self.fill(after, next, cuts) else {
                continue;
            };
            let reading = Some(part).filter(|_| !is_word);
            let reading = reading.and_then(|part| self.read(part, rest.depth, cuts));
            let (part, weight) =
                reading.map_or_else(|| (part.to_owned(), 0), |it| (it.said, it.weight));
            let weight = weight + more;
            if best.as_ref().is_none_or(|(_, most)| *most < weight) {
                others.insert(0, part);
                best = Some((others, weight));
            }
        }
        best
    }
}

impl Template {
    /// What follows the head, where a text begins and ends as this does.
    fn fits<'t>(&self, text: &'t str) -> Option<&'t str> {
        let rest = text.strip_prefix(self.head)?;
        let tail = self.tails.last()?;
        rest.ends_with(tail).then_some(rest)
    }

    /// Nothing of what fills a hole is looked at once more: it may be anybody's.
    fn filled(&self, found: &[String]) -> String {
        let pieces = self.said.iter().map(|piece| match piece {
            Piece::Text(text) => text,
            Piece::Hole(place) => found.get(*place).map_or("", String::as_str),
        });
        pieces.collect()
    }
}

/// The pieces of a sentence with holes: `{}`, or `{2}`.
fn pieces(text: &'static str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut count = 0;
    let mut rest = text;
    // What stands between braces and is no number is text.
    while let Some((before, place, after)) = hole(rest) {
        pieces.push(Piece::Text(before));
        pieces.push(Piece::Hole(place.unwrap_or(count)));
        count += 1;
        rest = after;
    }
    pieces.push(Piece::Text(rest));
    pieces
}

/// What stands before the first hole, which one it is, where it says so, and what stands behind it.
fn hole(text: &'static str) -> Option<(&'static str, Option<usize>, &'static str)> {
    text.match_indices('{').find_map(|(at, _)| {
        let (before, brace) = text.split_at(at);
        let (number, after) = brace.strip_prefix('{')?.split_once('}')?;
        match number {
            "" => Some((before, None, after)),
            number => {
                let number = number.parse::<usize>().ok()?;
                Some((before, Some(number.checked_sub(1)?), after))
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = "\
there is no such {}\tnicht gefunden: {}
there is no such user\tdiesen Benutzer gibt es nicht
{} is gone\t{} ist fort
the {} `{}` is taken\tvergeben: {} `{}`
{} of {}\t{2} hat {1}
{}: {}\t{}: {}
user `{}`\tBenutzer `{}`
user\tBenutzer
role\tRolle
this is over: ask again\tdas ist vorbei: fragen Sie noch einmal
take it away\tnehmen Sie es weg
unknown {} `{}`{}\tunbekannt: {} `{}`{}
; did you mean `{}`?\t; meinten Sie `{}`?
add `{\"{}\": 1}` to it\tfügen Sie `{\"{}\": 1}` hinzu
";

    fn said(text: &str) -> String {
        Sentences::of(LINES).say(text).into_owned()
    }

    #[test]
    fn a_sentence_is_filled_with_what_stood_in_it() {
        assert_eq!(said("there is no such file"), "nicht gefunden: file");
        assert_eq!(said("the file is gone"), "the file ist fort");
        assert_eq!(
            said("add `{\"x\": 1}` to it"),
            "fügen Sie `{\"x\": 1}` hinzu"
        );
        assert_eq!(said("three of five"), "five hat three");
    }

    #[test]
    fn what_fills_it_is_looked_for_too_but_for_names() {
        assert_eq!(
            said("the role `user` is taken"),
            "vergeben: Rolle `user`",
            "a name is a name, whatever it is"
        );
        assert_eq!(
            said("user `a: b`: this is over: ask again: take it away"),
            "Benutzer `a: b`: das ist vorbei: fragen Sie noch einmal: nehmen Sie es weg"
        );
        assert_eq!(
            said("unknown role `x`; did you mean `y`?"),
            "unbekannt: Rolle `x`; meinten Sie `y`?"
        );
    }

    #[test]
    fn of_two_that_fit_the_one_that_explains_more_is_taken() {
        assert_eq!(
            said("there is no such user"),
            "diesen Benutzer gibt es nicht"
        );
        assert_eq!(said("user `x` is gone"), "Benutzer `x` ist fort");
        // Either holds the other, and explains all of it.
        assert_eq!(
            said("user `x`: role is gone"),
            "Benutzer `x`: Rolle ist fort"
        );
    }

    #[test]
    fn what_is_not_in_the_catalogue_stays() {
        for text in ["", "`", "no such thing", "there is no such", "{}", "\t"] {
            assert_eq!(said(text), text);
        }
        let long = format!("there is no such {}", "x".repeat(SENTENCE_BYTES_MAX));
        assert_eq!(said(&long), long);
    }

    #[test]
    fn what_somebody_has_typed_is_not_read_as_a_template() {
        for typed in ["{}", "{1}", "{2}\t{1}", "`{}`", "` is taken", "{{}}"] {
            let text = format!("the role `{typed}` is taken");
            assert_eq!(said(&text), format!("vergeben: Rolle `{typed}`"));
        }
    }

    #[test]
    fn a_text_that_could_be_cut_in_ever_so_many_ways_comes_to_an_end() {
        for text in [
            ": ".repeat(2_000),
            "user `: of ".repeat(300),
            "`".repeat(4_000),
        ] {
            said(&text);
        }
    }

    #[test]
    fn the_catalogue_says_what_a_refusal_carries() {
        let german = Sentences::german();
        assert_eq!(
            german.say("user `ann`: it still owns buckets: delete those first, or ask for a deletion with data"),
            "Benutzer `ann`: es gehören noch Buckets dazu: löschen Sie zuerst diese, oder verlangen Sie ein Löschen mit Daten"
        );
        assert_eq!(
            german.say("there is no user `an` in tenant `acme`; did you mean `ann`?"),
            "Benutzer `an` im Konto `acme` gibt es nicht; meinten Sie `ann`?"
        );
        assert_eq!(
            german.say("line 3, column 7: unknown action `s3:Got`; did you mean `s3:GetObject`?"),
            "Zeile 3, Spalte 7: das ist nicht bekannt: Aktion `s3:Got`; meinten Sie `s3:GetObject`?"
        );
    }
}
