//! Finds a text that fits some lists of patterns and none of some others, or proves that there is none.
//!
//! All patterns are followed at once, as one automaton whose states are made when they are reached, and searched breadth
//! first: the text that is found is a shortest one. Characters that no pattern waits for are all alike, so one stands
//! for them. The proof holds for texts of UTF-8.

use std::collections::{BTreeSet, HashSet, VecDeque};

use crate::limits::TEXT_STATES_MAX;
use crate::question::{Ask, Part, Template, Test, TextMatch};

/// The patterns of one question, and whether the text must fit one of them or none.
#[derive(Debug)]
pub(super) struct Matcher {
    patterns: Vec<Pattern>,
    wanted: bool,
}

#[derive(Debug)]
struct Pattern {
    elements: Vec<Element>,
    /// Letters fit in either case; the elements are in lower case.
    folded: bool,
    /// Wildcards do not cross the first five colons.
    fenced: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element {
    Char(char),
    AnyText,
    AnyCharacter,
}

/// What a search ends with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Text {
    Found(String),
    /// Proven.
    Nothing,
    Unknown,
}

impl Matcher {
    /// The patterns of a question; `None` where it is not one about text, or its bytes are no UTF-8.
    pub(super) fn of(ask: &Ask, wanted: bool) -> Option<Self> {
        let patterns = match ask {
            Ask::Equals(bytes) => vec![literal(bytes)?],
            Ask::StartsWith(bytes) => {
                let mut pattern = literal(bytes)?;
                pattern.elements.push(Element::AnyText);
                vec![pattern]
            }
            Ask::EndsWith(bytes) => {
                let mut pattern = literal(bytes)?;
                pattern.elements.insert(0, Element::AnyText);
                vec![pattern]
            }
            Ask::Matches(bytes) => vec![of_template(&Template::pattern(bytes), TextMatch::Like)?],
            Ask::Test(predicate) => {
                let Test::Text(how, templates) = &predicate.test else {
                    return None;
                };
                let patterns = templates
                    .iter()
                    .map(|template| of_template(&template, *how));
                patterns.collect::<Option<_>>()?
            }
            Ask::InNetwork(_) | Ask::Below(_) | Ask::Present | Ask::Read(_) => return None,
        };
        Some(Self { patterns, wanted })
    }
}

fn literal(bytes: &[u8]) -> Option<Pattern> {
    let text = std::str::from_utf8(bytes).ok()?;
    Some(Pattern {
        elements: text.chars().map(Element::Char).collect(),
        folded: false,
        fenced: false,
    })
}

fn of_template(template: &Template, how: TextMatch) -> Option<Pattern> {
    let folded = how == TextMatch::EqualsIgnoreCase;
    let mut elements = Vec::new();
    for part in &template.parts {
        match part {
            Part::Literal(bytes) => {
                let text = std::str::from_utf8(bytes).ok()?;
                if folded {
                    let lower = text.chars().flat_map(char::to_lowercase);
                    elements.extend(lower.map(Element::Char));
                } else {
                    elements.extend(text.chars().map(Element::Char));
                }
            }
            Part::AnyText => elements.push(Element::AnyText),
            Part::AnyCharacter => elements.push(Element::AnyCharacter),
            Part::Reference(_) | Part::ReferenceOr(..) => return None,
        }
    }
    // A lone star is any ARN.
    let fenced = how == TextMatch::ArnLike && elements != [Element::AnyText];
    Some(Pattern {
        elements,
        folded,
        fenced,
    })
}

/// Searches for a text, the shortest but for the empty one, which is taken only where there is no other.
pub(super) fn find(matchers: &[Matcher]) -> Text {
    let search = Search::new(matchers);
    let start = search.start();
    if search.is_dead(&start) {
        return Text::Nothing;
    }
    let empty_fits = search.accepts(&start);
    let mut seen = HashSet::from([start.clone()]);
    // The text that leads to a state stands beside it; the texts are as short as the patterns.
    let mut open = VecDeque::from([(start, String::new())]);
    while let Some((state, text)) = open.pop_front() {
        for character in search.choices(&state) {
            let next = search.step(&state, character);
            if search.is_dead(&next) {
                continue;
            }
            let mut longer = text.clone();
            longer.push(character);
            if search.accepts(&next) {
                return Text::Found(longer);
            }
            if seen.insert(next.clone()) {
                open.push_back((next, longer));
            }
        }
        if seen.len() > TEXT_STATES_MAX {
            return if empty_fits {
                Text::Found(String::new())
            } else {
                Text::Unknown
            };
        }
    }
    if empty_fits {
        Text::Found(String::new())
    } else {
        Text::Nothing
    }
}

struct Search<'a> {
    /// Every pattern, with the matcher that it belongs to.
    patterns: Vec<(usize, &'a Pattern)>,
    wanted: Vec<bool>,
    fenced: bool,
    /// A character that no pattern waits for.
    other: char,
}

/// Which places of which patterns the text has reached, sorted, and how many of its first five colons are behind it.
#[derive(Clone, PartialEq, Eq, Hash)]
struct State {
    alive: Vec<(usize, usize)>,
    colons: u8,
}

const COLONS: u8 = 5;

impl<'a> Search<'a> {
    fn new(matchers: &'a [Matcher]) -> Self {
        let patterns: Vec<(usize, &Pattern)> = matchers
            .iter()
            .enumerate()
            .flat_map(|(place, matcher)| matcher.patterns.iter().map(move |p| (place, p)))
            .collect();
        let named: BTreeSet<char> = patterns
            .iter()
            .flat_map(|(_, pattern)| &pattern.elements)
            .filter_map(|element| match element {
                Element::Char(character) => Some(*character),
                Element::AnyText | Element::AnyCharacter => None,
            })
            .collect();
        let other = ('w'..='z')
            .chain('a'..='v')
            .chain('0'..='9')
            .chain('\u{4e00}'..='\u{9fff}')
            .find(|c| !named.contains(c) && !named.contains(&c.to_ascii_uppercase()));
        Self {
            fenced: patterns.iter().any(|(_, pattern)| pattern.fenced),
            patterns,
            wanted: matchers.iter().map(|matcher| matcher.wanted).collect(),
            other: other.unwrap_or('\u{9fff}'),
        }
    }

    fn start(&self) -> State {
        let places = (0..self.patterns.len()).map(|pattern| (pattern, 0));
        self.state(places.collect(), 0)
    }

    /// A `*` may stand for nothing: who is before it is behind it, too.
    fn state(&self, places: BTreeSet<(usize, usize)>, colons: u8) -> State {
        let mut alive = places;
        let mut open: Vec<(usize, usize)> = alive.iter().copied().collect();
        while let Some((pattern, place)) = open.pop() {
            if self.element(pattern, place) == Some(Element::AnyText)
                && alive.insert((pattern, place + 1))
            {
                open.push((pattern, place + 1));
            }
        }
        State {
            alive: alive.into_iter().collect(),
            colons,
        }
    }

    fn element(&self, pattern: usize, place: usize) -> Option<Element> {
        self.patterns.get(pattern)?.1.elements.get(place).copied()
    }

    /// Whether a list that must be fitted cannot be any more.
    fn is_dead(&self, state: &State) -> bool {
        self.wanted.iter().enumerate().any(|(matcher, wanted)| {
            *wanted && !state.alive.iter().any(|(p, _)| self.is_of(*p, matcher))
        })
    }

    fn accepts(&self, state: &State) -> bool {
        self.wanted.iter().enumerate().all(|(matcher, wanted)| {
            let fits = state.alive.iter().any(|(pattern, place)| {
                self.is_of(*pattern, matcher) && self.element(*pattern, *place).is_none()
            });
            fits == *wanted
        })
    }

    fn is_of(&self, pattern: usize, matcher: usize) -> bool {
        self.patterns
            .get(pattern)
            .is_some_and(|(owner, _)| *owner == matcher)
    }

    /// The characters that make a difference here.
    fn choices(&self, state: &State) -> Vec<char> {
        let mut choices = Vec::new();
        let mut add = |character: char| {
            if !choices.contains(&character) {
                choices.push(character);
            }
        };
        for (pattern, place) in &state.alive {
            let Some(Element::Char(character)) = self.element(*pattern, *place) else {
                continue;
            };
            add(character);
            if self
                .patterns
                .get(*pattern)
                .is_some_and(|(_, pattern)| pattern.folded)
            {
                character.to_uppercase().for_each(&mut add);
                // Three more letters whose lower case is one that has another upper case.
                match character {
                    'k' => add('\u{212a}'),
                    'å' => add('\u{212b}'),
                    'ω' => add('\u{2126}'),
                    _ => {}
                }
            }
        }
        if self.fenced {
            add(':');
        }
        add(self.other);
        choices
    }

    fn step(&self, state: &State, character: char) -> State {
        let mut places = BTreeSet::new();
        for (pattern, place) in &state.alive {
            let Some((_, Pattern { folded, fenced, .. })) = self.patterns.get(*pattern) else {
                continue;
            };
            let stopped = *fenced && state.colons < COLONS && character == ':';
            match self.element(*pattern, *place) {
                Some(Element::Char(wanted)) => {
                    let same = if *folded {
                        character.to_lowercase().eq([wanted])
                    } else {
                        character == wanted
                    };
                    if same {
                        places.insert((*pattern, place + 1));
                    }
                }
                Some(Element::AnyCharacter) if !stopped => {
                    places.insert((*pattern, place + 1));
                }
                Some(Element::AnyText) if !stopped => {
                    places.insert((*pattern, *place));
                }
                _ => {}
            }
        }
        let colon = self.fenced && character == ':' && state.colons < COLONS;
        self.state(places, state.colons + u8::from(colon))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn found(asks: &[(Ask, bool)]) -> Text {
        let matchers: Vec<Matcher> = asks
            .iter()
            .map(|(ask, wanted)| Matcher::of(ask, *wanted).unwrap())
            .collect();
        find(&matchers)
    }

    fn bytes(text: &str) -> Arc<[u8]> {
        Arc::from(text.as_bytes())
    }

    #[test]
    fn prefixes_nest_or_exclude() {
        let starts = |text| Ask::StartsWith(bytes(text));
        assert_eq!(
            found(&[(starts("a/"), true), (starts("a/b"), true)]),
            Text::Found("a/b".to_owned())
        );
        assert_eq!(
            found(&[(starts("a/"), true), (starts("b/"), true)]),
            Text::Nothing
        );
        assert_eq!(
            found(&[(starts("a/b"), true), (starts("a/"), false)]),
            Text::Nothing
        );
    }

    #[test]
    fn a_known_value_decides_every_pattern() {
        let is = Ask::Equals(bytes("logs/a"));
        for pattern in ["*", "logs/*", "l*a", "logs/?", "*/?"] {
            let fits = Ask::Matches(bytes(pattern));
            assert_eq!(
                found(&[(is.clone(), true), (fits, false)]),
                Text::Nothing,
                "{pattern}"
            );
        }
    }

    #[test]
    fn patterns_that_only_together_have_no_text_are_found_out() {
        let fits = |text| Ask::Matches(bytes(text));
        assert_eq!(
            found(&[(fits("?"), true), (fits("??*"), true)]),
            Text::Nothing
        );
        let Text::Found(text) =
            found(&[(fits("a*"), true), (fits("*b"), true), (fits("ab"), false)])
        else {
            panic!("there is one");
        };
        assert!(
            text.starts_with('a') && text.ends_with('b') && text.len() == 3,
            "{text}"
        );
    }
}
