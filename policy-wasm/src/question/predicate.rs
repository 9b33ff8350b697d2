//! Predicates: what one `test` question can ask, as a value. A list of a hundred principals is one predicate.

use std::collections::BTreeSet;
use std::fmt;

use ipnet::IpNet;

use super::encoding::{self, PredicateError};
use crate::registry::Attribute;

/// A condition on the values of one attribute.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Predicate {
    /// Whether any value must pass, or every one.
    pub quantifier: Quantifier,
    /// What a value must do to pass: fit any of the templates or operands.
    pub test: Test,
}

/// How many values must pass. An absent attribute passes neither; every value of an empty list passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantifier {
    /// At least one.
    Any,
    /// All of them.
    Every,
}

/// What a value is compared with, and how.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Test {
    /// As text.
    Text(TextMatch, Templates),
    /// As a number in thousandths. A moment counts as its seconds.
    Number(Order, Vec<Operand<i64>>),
    /// As a moment in seconds. A number counts as seconds.
    Time(Order, Vec<Operand<i64>>),
    /// As an address, or a block that must lie within.
    Network(Vec<Operand<IpNet>>),
    /// As a truth value.
    Bool(Vec<Operand<bool>>),
}

/// How texts compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextMatch {
    /// Byte by byte. Wildcards are refused when the predicate is made.
    Equals,
    /// As `Equals`, ignoring the case of letters.
    EqualsIgnoreCase,
    /// With `*` and `?`.
    Like,
    /// As `Like`, ignoring the case of ASCII letters: the names of actions.
    LikeIgnoreCase,
    /// With `*` and `?` that do not cross the first five colons. Source: IAM User Guide, "Amazon Resource Name (ARN)
    /// condition operators".
    ArnLike,
}

/// How numbers and moments compare with an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// Equal to it.
    Equal,
    /// Below it.
    Below,
    /// Below it or equal.
    AtMost,
    /// Above it.
    Above,
    /// Above it or equal.
    AtLeast,
}

/// A constant, or every value of another attribute.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operand<T> {
    /// This value.
    Constant(T),
    /// The values of that attribute: none of them where it is absent.
    Reference(Attribute),
}

/// The templates of one predicate, of which any may fit.
///
/// Those without holes stand first and sorted, so that a list of a hundred principals costs seven comparisons, and the
/// order in which a document names them makes no other question.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Templates {
    literals: Box<[Box<[u8]>]>,
    rest: Box<[Template]>,
}

impl Templates {
    /// Sorts templates. The same template twice is one.
    pub fn new(templates: impl IntoIterator<Item = Template>) -> Self {
        let mut literals = BTreeSet::new();
        let mut rest: Vec<Template> = Vec::new();
        for template in templates {
            match template.as_literal() {
                Some(bytes) => {
                    literals.insert(Box::from(bytes));
                }
                None if rest.contains(&template) => {}
                None => rest.push(template),
            }
        }
        Self {
            literals: literals.into_iter().collect(),
            rest: rest.into(),
        }
    }

    /// Those without holes, sorted.
    pub fn literals(&self) -> &[Box<[u8]>] {
        &self.literals
    }

    /// Those with holes.
    pub fn with_holes(&self) -> &[Template] {
        &self.rest
    }

    /// All of them, those without holes first.
    pub fn iter(&self) -> impl Iterator<Item = Template> + '_ {
        self.literals
            .iter()
            .map(Template::literal)
            .chain(self.rest.iter().cloned())
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.literals.len() + self.rest.len()
    }

    /// Whether there is none: then nothing fits.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl FromIterator<Template> for Templates {
    fn from_iter<I: IntoIterator<Item = Template>>(templates: I) -> Self {
        Self::new(templates)
    }
}

/// A text with holes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Template {
    /// Its parts, in order; no parts are the empty text.
    pub parts: Vec<Part>,
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// These bytes.
    Literal(Box<[u8]>),
    /// Any text.
    AnyText,
    /// Any one character.
    AnyCharacter,
    /// Any of the values of that attribute, byte by byte: a `*` in a value is a star and no wildcard.
    Reference(Attribute),
    /// The same, and where the attribute is absent these bytes.
    ReferenceOr(Attribute, Box<[u8]>),
}

impl Template {
    /// A template that is one text.
    pub fn literal(text: impl AsRef<[u8]>) -> Self {
        Self {
            parts: vec![Part::Literal(text.as_ref().into())],
        }
    }

    /// A template of a pattern in which `*` is any text and `?` any character.
    pub fn pattern(pattern: &[u8]) -> Self {
        let mut parts = Vec::new();
        let mut literal = Vec::new();
        for &byte in pattern {
            let wildcard = match byte {
                b'*' => Part::AnyText,
                b'?' => Part::AnyCharacter,
                other => {
                    literal.push(other);
                    continue;
                }
            };
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal).into()));
            }
            if wildcard != Part::AnyText || parts.last() != Some(&Part::AnyText) {
                parts.push(wildcard);
            }
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal.into()));
        }
        Self { parts }
    }

    /// The bytes of a template without holes.
    pub fn as_literal(&self) -> Option<&[u8]> {
        match self.parts.as_slice() {
            [] => Some(&[]),
            [Part::Literal(bytes)] => Some(bytes),
            _ => None,
        }
    }
}

impl Predicate {
    /// Writes the predicate as `test` takes it.
    ///
    /// `index` gives an attribute's place in the module's table.
    ///
    /// # Errors
    /// Where a bound of `limits.rs` is passed, an attribute has no place, or `Equals` holds a wildcard.
    pub fn encode(
        &self,
        index: impl Fn(&Attribute) -> Option<u16>,
    ) -> Result<Vec<u8>, PredicateError> {
        encoding::encode(self, &index)
    }

    /// Reads what [`Predicate::encode`] wrote. Total: any bytes give a predicate or an error.
    ///
    /// # Errors
    /// Where the bytes are not a predicate within the bounds of `limits.rs`, or name a place past the table.
    pub fn decode(bytes: &[u8], table: &[Attribute]) -> Result<Self, PredicateError> {
        encoding::decode(bytes, table)
    }

    /// What it weighs in memory, in bytes, about.
    pub(crate) fn weight(&self) -> usize {
        let held = match &self.test {
            Test::Text(_, templates) => {
                let literals = templates.literals.iter().map(|literal| literal.len() + 32);
                let parts = templates
                    .rest
                    .iter()
                    .flat_map(|template| &template.parts)
                    .map(|part| {
                        size_of::<Part>()
                            + if let Part::Literal(bytes) | Part::ReferenceOr(_, bytes) = part {
                                bytes.len()
                            } else {
                                0
                            }
                    });
                literals.sum::<usize>() + parts.sum::<usize>() + templates.rest.len() * 48
            }
            Test::Number(_, operands) | Test::Time(_, operands) => operands.len() * 48,
            Test::Network(operands) => operands.len() * 64,
            Test::Bool(operands) => operands.len() * 32,
        };
        size_of::<Self>() + held
    }

    /// Whether a template or operand refers to an attribute of this sort. It stops at the first.
    pub fn refers(&self, mut sort: impl FnMut(&Attribute) -> bool) -> bool {
        fn any<T>(operands: &[Operand<T>], mut sort: impl FnMut(&Attribute) -> bool) -> bool {
            operands.iter().any(|operand| match operand {
                Operand::Constant(_) => false,
                Operand::Reference(attribute) => sort(attribute),
            })
        }
        match &self.test {
            Test::Text(_, templates) => templates
                .rest
                .iter()
                .flat_map(|template| &template.parts)
                .any(|part| match part {
                    Part::Reference(attribute) | Part::ReferenceOr(attribute, _) => sort(attribute),
                    Part::Literal(_) | Part::AnyText | Part::AnyCharacter => false,
                }),
            Test::Number(_, operands) | Test::Time(_, operands) => any(operands, sort),
            Test::Network(operands) => any(operands, sort),
            Test::Bool(operands) => any(operands, sort),
        }
    }
}

impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.quantifier {
            Quantifier::Any => "has a value that ",
            Quantifier::Every => "has only values that each ",
        })?;
        match &self.test {
            Test::Text(how, templates) => {
                f.write_str(match how {
                    TextMatch::Equals => "is",
                    TextMatch::EqualsIgnoreCase => "is, ignoring case,",
                    TextMatch::Like => "fits",
                    TextMatch::LikeIgnoreCase => "fits, ignoring case,",
                    TextMatch::ArnLike => "fits the ARN",
                })?;
                list(f, &templates.iter().collect::<Vec<_>>())
            }
            Test::Number(order, operands) => {
                write!(f, "is {order}")?;
                list(f, operands)
            }
            Test::Time(order, operands) => {
                write!(f, "is, in time, {order}")?;
                list(f, operands)
            }
            Test::Network(operands) => {
                f.write_str("is in")?;
                list(f, operands)
            }
            Test::Bool(operands) => {
                f.write_str("is")?;
                list(f, operands)
            }
        }
    }
}

fn list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, items: &[T]) -> fmt::Result {
    for (place, item) in items.iter().enumerate() {
        write!(f, "{} `{item}`", if place == 0 { "" } else { " or" })?;
    }
    Ok(())
}

impl<T: fmt::Display> fmt::Display for Operand<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant(value) => value.fmt(f),
            Self::Reference(attribute) => write!(f, "${{{attribute}}}"),
        }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Literal(bytes) => write!(f, "{}", bytes.escape_ascii()),
            Part::AnyText => f.write_str("*"),
            Part::AnyCharacter => f.write_str("?"),
            Part::Reference(attribute) => write!(f, "${{{attribute}}}"),
            Part::ReferenceOr(attribute, otherwise) => {
                write!(f, "${{{attribute}, '{}'}}", otherwise.escape_ascii())
            }
        })
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "equal to",
            Self::Below => "below",
            Self::AtMost => "at most",
            Self::Above => "above",
            Self::AtLeast => "at least",
        })
    }
}
