//! JSON with the place of each value.
//!
//! Two readers look at the text. `serde_json` decides whether it is JSON at all: it is strict, and bounds the depth. What
//! it took is read once more by `jsonc-parser`, which keeps places and members that stand there twice.

use std::borrow::Cow;
use std::ops::Range;

use jsonc_parser::ast::{ObjectPropName, Value as Ast};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::faults::{Advice, Cause, Element, Fault, Faults, Position, Warning};
use crate::limits::DOCUMENT_FAULTS_MAX;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    pub(super) bytes: Range<usize>,
    pub(super) value: Value<'a>,
}

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    /// As it is written.
    Number(&'a str),
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    /// All members, also those that stand there twice.
    Object(Vec<Member<'a>>),
}

/// A member of an object.
#[derive(Clone, Debug)]
pub(super) struct Member<'a> {
    /// The bytes of the name.
    pub(super) bytes: Range<usize>,
    pub(super) name: Cow<'a, str>,
    pub(super) node: Node<'a>,
}

/// Reads a text that must be JSON.
pub(super) fn parse(text: &str) -> Result<Node<'_>, Fault> {
    if let Err(error) = serde_json::from_str::<serde_json::Value>(text) {
        return Err(not_json(text, &error));
    }
    let strict = ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let fault = |message: String| Fault {
        at: Position::START,
        cause: Cause::Json { message },
    };
    match parse_to_ast(text, &CollectOptions::default(), &strict) {
        Ok(parsed) => parsed
            .value
            .map(node)
            .ok_or_else(|| fault("nothing".to_owned())),
        Err(error) => Err(fault(error.kind().to_string())),
    }
}

fn not_json(text: &str, error: &serde_json::Error) -> Fault {
    let line = text.lines().nth(error.line().saturating_sub(1));
    // The text may end within a character, as far as its reader is concerned.
    let end = |line: &str| line.floor_char_boundary(error.column().saturating_sub(1));
    let before = line.and_then(|line| line.get(..end(line)));
    let column = before.map_or(error.column(), |before| before.chars().count() + 1);
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    Fault {
        at: Position {
            line: short(error.line().max(1)),
            column: short(column.max(1)),
        },
        cause: Cause::Json {
            message: message.to_owned(),
        },
    }
}

fn node(ast: Ast<'_>) -> Node<'_> {
    let range = ast.range();
    let value = match ast {
        Ast::NullKeyword(_) => Value::Null,
        Ast::BooleanLit(truth) => Value::Bool(truth.value),
        Ast::NumberLit(number) => Value::Number(number.value),
        Ast::StringLit(text) => Value::Text(text.value),
        Ast::Array(list) => Value::List(list.elements.into_iter().map(node).collect()),
        Ast::Object(object) => Value::Object(
            object
                .properties
                .into_iter()
                .map(|property| Member {
                    bytes: property.name.range().start..property.name.range().end,
                    name: match property.name {
                        ObjectPropName::String(name) => name.value,
                        ObjectPropName::Word(word) => Cow::Borrowed(word.value),
                    },
                    node: node(property.value),
                })
                .collect(),
        ),
    };
    Node {
        bytes: range.start..range.end,
        value,
    }
}

impl Node<'_> {
    /// What it is, for an error.
    pub(super) const fn what(&self) -> &'static str {
        match &self.value {
            Value::Null => "null",
            Value::Bool(_) => "a truth value",
            Value::Number(_) => "a number",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Object(_) => "an object",
        }
    }
}

/// What was found out about a text: it gathers faults, so that all of them are reported at once.
#[derive(Debug)]
pub(super) struct Notes {
    /// Where each line begins.
    lines: Vec<usize>,
    text: Box<str>,
    faults: Vec<Fault>,
    warnings: Vec<Warning>,
}

impl Notes {
    pub(super) fn new(text: &str) -> Self {
        let begins = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            lines: std::iter::once(0).chain(begins).collect(),
            text: text.into(),
            faults: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// The place of a byte.
    pub(super) fn position(&self, byte: usize) -> Position {
        let line = self.lines.partition_point(|begin| *begin <= byte).max(1);
        let begin = self.lines.get(line - 1).copied().unwrap_or_default();
        let before = self.text.get(begin..byte).unwrap_or_default();
        Position {
            line: short(line),
            column: short(before.chars().count() + 1),
        }
    }

    pub(super) fn fault(&mut self, bytes: &Range<usize>, cause: Cause) {
        let at = self.position(bytes.start);
        self.faults.push(Fault { at, cause });
    }

    pub(super) fn warn(&mut self, bytes: &Range<usize>, advice: Advice) {
        let at = self.position(bytes.start);
        let warning = Warning { at, advice };
        if self.warnings.len() < DOCUMENT_FAULTS_MAX && !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// A value of another type than belongs there.
    pub(super) fn wrong_type(&mut self, node: &Node<'_>, expected: &'static str) {
        let found = node.what();
        self.fault(&node.bytes, Cause::Type { found, expected });
    }

    /// A name that is not one of these.
    pub(super) fn unknown<'n>(
        &mut self,
        bytes: &Range<usize>,
        element: Element,
        name: &str,
        known: impl IntoIterator<Item = &'n str>,
    ) {
        // A proposal costs more than a fault, and those behind the last that is reported are for nobody.
        let proposes = self.faults.len() < DOCUMENT_FAULTS_MAX;
        let cause = Cause::Unknown {
            element,
            name: excerpt(name),
            nearest: proposes.then(|| nearest(name, known)).flatten(),
        };
        self.fault(bytes, cause);
    }

    pub(super) fn text<'n>(
        &mut self,
        node: &'n Node<'_>,
        expected: &'static str,
    ) -> Option<&'n str> {
        if let Value::Text(text) = &node.value {
            return Some(text);
        }
        self.wrong_type(node, expected);
        None
    }

    /// The members of an object. One that stands there twice is a fault.
    pub(super) fn members<'n, 'a>(
        &mut self,
        node: &'n Node<'a>,
        expected: &'static str,
    ) -> Option<&'n [Member<'a>]> {
        let Value::Object(members) = &node.value else {
            self.wrong_type(node, expected);
            return None;
        };
        for (place, member) in members.iter().enumerate() {
            let before = members.iter().take(place);
            if let Some(first) = before.rev().find(|other| other.name == member.name) {
                let name = excerpt(&member.name);
                let first = self.position(first.bytes.start);
                self.fault(&member.bytes, Cause::Duplicate { name, first });
            }
        }
        Some(members)
    }

    pub(super) fn finish(self) -> Result<Vec<Warning>, Faults> {
        if self.faults.is_empty() {
            Ok(self.warnings)
        } else {
            Err(Faults::new(self.faults))
        }
    }
}

/// A list, or one value that stands for a list of one.
pub(super) fn one_or_many<'n, 'a>(node: &'n Node<'a>) -> &'n [Node<'a>] {
    match &node.value {
        Value::List(list) => list,
        _ => std::slice::from_ref(node),
    }
}

/// As much of a text as belongs into an error.
pub(super) fn excerpt(text: &str) -> String {
    const CHARACTERS_MAX: usize = 100;
    let mut excerpt: String = text.chars().take(CHARACTERS_MAX).collect();
    if text.chars().nth(CHARACTERS_MAX).is_some() {
        excerpt.push('…');
    }
    excerpt
}

/// The name that is most like `name`, if one is like it at all.
pub(super) fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<String> {
    /// Below it, a proposal is a guess. Found by trying the usual slips.
    const LIKENESS_MIN: f64 = 0.85;
    let name = excerpt(name).to_lowercase();
    known
        .into_iter()
        .map(|known| (strsim::jaro_winkler(&name, &known.to_lowercase()), known))
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .map(|(_, known)| known.to_owned())
}

fn short(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_not_json_is_refused_with_its_place() {
        for (text, line, column) in [
            ("", 1, 1),
            ("{", 1, 1),
            ("{\n  \"a\": }", 2, 8),
            ("{\"a\": 1,}", 1, 9),
            ("// x\n{}", 1, 1),
            ("{'a': 1}", 1, 2),
            ("{\"é\": é}", 1, 7),
            ("{} {}", 1, 4),
            ("\"é", 1, 2),
        ] {
            let fault = parse(text).unwrap_err();
            assert!(matches!(fault.cause, Cause::Json { .. }), "{text}");
            assert_eq!((fault.at.line, fault.at.column), (line, column), "{text}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        for deep in ["[".repeat(20_000), "{\"a\":".repeat(4_000)] {
            assert!(parse(&deep).is_err());
        }
        let deep = "[".repeat(200) + &"]".repeat(200);
        assert!(parse(&deep).is_err());
    }

    #[test]
    fn a_place_counts_lines_and_characters() {
        let text = "{\n \"é\": [1,\r\n 2]\n}";
        let notes = Notes::new(text);
        let Ok(Node {
            value: Value::Object(members),
            ..
        }) = parse(text)
        else {
            panic!("an object");
        };
        let place = |bytes: &Range<usize>| {
            let at = notes.position(bytes.start);
            (at.line, at.column)
        };
        assert_eq!(place(&members[0].bytes), (2, 2));
        assert_eq!(place(&members[0].node.bytes), (2, 7));
        let [one, two] = one_or_many(&members[0].node) else {
            panic!("two");
        };
        assert_eq!((place(&one.bytes), place(&two.bytes)), ((2, 8), (3, 2)));
    }

    #[test]
    fn escapes_are_read_as_serde_reads_them() {
        for text in [r#""\u00e9\ud83d\ude00\n\/""#, r#""\\ \" \t""#] {
            let Ok(Node {
                value: Value::Text(read),
                ..
            }) = parse(text)
            else {
                panic!("a text");
            };
            assert_eq!(read, serde_json::from_str::<String>(text).unwrap());
        }
        assert!(parse(r#""\ud83d""#).is_err());
    }
}
