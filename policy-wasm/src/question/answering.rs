//! The one function that answers a question from the facts.
//!
//! It does not allocate, except to join the values of a list that is read, and it counts its work in bytes, because
//! the walk of a tree has no fuel.

use std::borrow::Cow;
use std::net::IpAddr;

use ipnet::IpNet;

use super::predicate::{
    Operand, Order, Part, Predicate, Quantifier, Template, Templates, Test, TextMatch,
};
use super::text::{TextOf, canonical, fixed_point, moment, network};
use super::wildcard::{Case, Element, Fence, Glob, Pattern, fits};
use super::{Answer, Ask, Question, Reading};
use crate::facts::{Fact, Facts, Value, Values};
use crate::limits::{TEMPLATE_REFERENCES_MAX, WORK_BYTES_MAX};
use crate::registry::Attribute;

/// Why a question has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// The attribute, or one that a predicate refers to, was not fetched yet.
    #[error("an attribute that was not fetched yet")]
    NotFetched,
    /// The questions of this evaluation looked at more bytes than they may.
    #[error("the answers looked at more than {WORK_BYTES_MAX} bytes")]
    TooMuchWork,
}

/// The budget of bytes was passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMuchWork;

impl From<TooMuchWork> for Unanswered {
    fn from(_: TooMuchWork) -> Self {
        Self::TooMuchWork
    }
}

/// The bytes that the answers of one evaluation, or of one walk, may still look at.
#[derive(Clone, Debug)]
pub struct Work {
    left: u64,
    given: u64,
}

impl Work {
    /// A fresh budget.
    pub const fn full() -> Self {
        Self::of(WORK_BYTES_MAX)
    }

    /// A budget of so many bytes.
    pub const fn of(bytes: u64) -> Self {
        Self {
            left: bytes,
            given: bytes,
        }
    }

    /// How many bytes were looked at.
    pub const fn spent(&self) -> u64 {
        self.given - self.left
    }

    pub(crate) fn spend(&mut self, bytes: usize) -> Result<(), TooMuchWork> {
        let bytes = u64::try_from(bytes).map_err(|_| TooMuchWork)?;
        self.left = self.left.checked_sub(bytes).ok_or(TooMuchWork)?;
        Ok(())
    }
}

/// Answers one question.
///
/// # Errors
/// Where a fact was not fetched yet, or the budget is used up.
#[inline]
pub fn answer<'f>(
    question: &Question,
    facts: &'f dyn Facts,
    work: &mut Work,
) -> Result<Answer<'f>, Unanswered> {
    match question.ask {
        Ask::Read(cap) => read(&question.attribute, cap, facts, work).map(Answer::Reading),
        _ => truth(question, facts, work).map(Answer::Truth),
    }
}

/// Answers a question that is answered yes or no: the greater part of every walk.
pub(crate) fn truth(
    question: &Question,
    facts: &dyn Facts,
    work: &mut Work,
) -> Result<bool, Unanswered> {
    let fact = facts.get(&question.attribute);
    let values = match &fact {
        Fact::Present(values) => values,
        Fact::NotFetched => return Err(Unanswered::NotFetched),
        Fact::Absent => return Ok(false),
    };
    work.spend(1)?;
    Ok(match &question.ask {
        Ask::Present => true,
        Ask::Read(_) => false,
        Ask::Equals(wanted) => any_text(values, work, |text, work| {
            work.spend(if text.len() == wanted.len() {
                text.len()
            } else {
                0
            })?;
            Ok(same_end(text, wanted) && text == &**wanted)
        })?,
        Ask::StartsWith(wanted) => any_text(values, work, |text, work| {
            work.spend(wanted.len())?;
            let start = text.get(..wanted.len());
            Ok(start.is_some_and(|start| same_end(start, wanted) && start == &**wanted))
        })?,
        Ask::EndsWith(wanted) => any_text(values, work, |text, work| {
            work.spend(wanted.len())?;
            Ok(text.ends_with(wanted))
        })?,
        Ask::Matches(pattern) => any_text(values, work, |text, work| {
            fits(&Glob(pattern), text, Fence::None, Case::Exact, work)
        })?,
        Ask::InNetwork(block) => any(values, work, |value, _| Ok(within(value, block)))?,
        Ask::Below(bound) => any(values, work, |value, _| Ok(below(value, *bound)))?,
        Ask::Test(predicate) => return test(predicate, values, facts, work),
    })
}

// Facts are looked at where they lie: a copy of one that was just written waits for the writes to land, which takes
// longer than most answers.

fn any(
    values: &Values<'_>,
    work: &mut Work,
    mut passes: impl FnMut(&Value<'_>, &mut Work) -> Result<bool, TooMuchWork>,
) -> Result<bool, TooMuchWork> {
    if let Values::One(value) = values {
        work.spend(1)?;
        return passes(value, work);
    }
    for value in values.iter() {
        work.spend(1)?;
        if passes(&value, work)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn any_text(
    values: &Values<'_>,
    work: &mut Work,
    mut passes: impl FnMut(&[u8], &mut Work) -> Result<bool, TooMuchWork>,
) -> Result<bool, TooMuchWork> {
    match values {
        // What nearly every question is about goes a short way.
        Values::One(Value::Text(text)) => {
            work.spend(1)?;
            passes(text, work)
        }
        Values::Strs(list) => any_of(list, work, passes),
        Values::Strings(list) => any_of(list, work, passes),
        Values::Boxed(list) => any_of(list, work, passes),
        Values::Shared(list) => any_of(list, work, passes),
        Values::One(_) | Values::Networks(_) | Values::Many(_) | Values::Owned(_) => {
            any(values, work, |value, work| {
                passes(TextOf::new(*value).as_bytes(), work)
            })
        }
    }
}

/// Texts of one kind begin alike, as ARNs and keys do, and differ at their ends: one look there answers most comparisons.
fn same_end(text: &[u8], wanted: &[u8]) -> bool {
    text.last() == wanted.last()
}

fn any_of<T: AsRef<str>>(
    list: &[T],
    work: &mut Work,
    mut passes: impl FnMut(&[u8], &mut Work) -> Result<bool, TooMuchWork>,
) -> Result<bool, TooMuchWork> {
    for text in list {
        work.spend(1)?;
        if passes(text.as_ref().as_bytes(), work)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A single-valued attribute reads as its text. A list reads as its values one after the other, each behind its length
/// in two little-endian bytes, because no byte is forbidden within a value.
pub(crate) fn read<'f>(
    attribute: &Attribute,
    cap: u16,
    facts: &'f dyn Facts,
    work: &mut Work,
) -> Result<Reading<'f>, Unanswered> {
    let values = match facts.get(attribute) {
        Fact::Present(values) => values,
        Fact::NotFetched => return Err(Unanswered::NotFetched),
        Fact::Absent => {
            return Ok(Reading {
                length: None,
                bytes: Cow::Borrowed(&[]),
            });
        }
    };
    work.spend(1)?;
    let cap = usize::from(cap);
    if !attribute.entry().many
        && let Some(value) = values.get(0)
    {
        let text = TextOf::new(value);
        work.spend(text.as_bytes().len().min(cap))?;
        let length = u32::try_from(text.as_bytes().len()).ok();
        let bytes = match text {
            TextOf::Borrowed(bytes) => Cow::Borrowed(bytes.get(..cap).unwrap_or(bytes)),
            TextOf::Rendered(_) => Cow::Owned(text.as_bytes().iter().take(cap).copied().collect()),
        };
        return Ok(Reading {
            length: length.or(Some(u32::MAX)),
            bytes,
        });
    }
    let mut joined = Vec::new();
    for value in values.iter() {
        let text = TextOf::new(value);
        let text = text.as_bytes();
        work.spend(text.len() + 2)?;
        let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
        joined.extend_from_slice(&length.to_le_bytes());
        joined.extend(text.iter().take(usize::from(length)));
    }
    let length = u32::try_from(joined.len()).unwrap_or(u32::MAX);
    joined.truncate(cap);
    Ok(Reading {
        length: Some(length),
        bytes: Cow::Owned(joined),
    })
}

fn test(
    predicate: &Predicate,
    values: &Values<'_>,
    facts: &dyn Facts,
    work: &mut Work,
) -> Result<bool, Unanswered> {
    // Whether a reference was fetched must not depend on the values before it: ask them all first.
    if predicate.refers(|attribute| matches!(facts.get(attribute), Fact::NotFetched)) {
        return Err(Unanswered::NotFetched);
    }
    let wanted = predicate.quantifier == Quantifier::Any;
    for value in values.iter() {
        work.spend(1)?;
        if passes(&predicate.test, &value, facts, work)? == wanted {
            return Ok(wanted);
        }
    }
    Ok(!wanted)
}

fn passes(
    test: &Test,
    value: &Value<'_>,
    facts: &dyn Facts,
    work: &mut Work,
) -> Result<bool, TooMuchWork> {
    match test {
        Test::Text(how, templates) => {
            fits_any(*how, templates, TextOf::new(*value).as_bytes(), facts, work)
        }
        Test::Number(order, operands) => {
            compares(operands, number_of, *order, number_of(value), facts, work)
        }
        Test::Time(order, operands) => {
            compares(operands, time_of, *order, time_of(value), facts, work)
        }
        Test::Network(operands) => any_operand(operands, network_of, facts, work, |block| {
            within(value, block)
        }),
        Test::Bool(operands) => {
            let value = bool_of(value);
            any_operand(operands, bool_of, facts, work, |operand| {
                value == Some(*operand)
            })
        }
    }
}

fn compares(
    operands: &[Operand<i64>],
    of: fn(&Value<'_>) -> Option<i64>,
    order: Order,
    value: Option<i64>,
    facts: &dyn Facts,
    work: &mut Work,
) -> Result<bool, TooMuchWork> {
    let Some(value) = value else { return Ok(false) };
    any_operand(operands, of, facts, work, |operand| match order {
        Order::Equal => value == *operand,
        Order::Below => value < *operand,
        Order::AtMost => value <= *operand,
        Order::Above => value > *operand,
        Order::AtLeast => value >= *operand,
    })
}

fn any_operand<T>(
    operands: &[Operand<T>],
    of: fn(&Value<'_>) -> Option<T>,
    facts: &dyn Facts,
    work: &mut Work,
    passes: impl Fn(&T) -> bool,
) -> Result<bool, TooMuchWork> {
    for operand in operands {
        work.spend(1)?;
        let found = match operand {
            Operand::Constant(constant) => passes(constant),
            Operand::Reference(attribute) => match facts.get(attribute) {
                Fact::Present(values) => any(&values, work, |value, _| {
                    Ok(of(value).is_some_and(|operand| passes(&operand)))
                })?,
                Fact::Absent | Fact::NotFetched => false,
            },
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

fn fits_any(
    how: TextMatch,
    templates: &Templates,
    text: &[u8],
    facts: &dyn Facts,
    work: &mut Work,
) -> Result<bool, TooMuchWork> {
    let literals = templates.literals();
    if how == TextMatch::EqualsIgnoreCase {
        for literal in literals {
            work.spend(literal.len() + 1)?;
            if folded(literal).eq(folded(text)) {
                return Ok(true);
            }
        }
    } else if how == TextMatch::LikeIgnoreCase {
        for literal in literals {
            work.spend(literal.len() + 1)?;
            if literal.eq_ignore_ascii_case(text) {
                return Ok(true);
            }
        }
    } else if !literals.is_empty() {
        work.spend(text.len())?;
        if literals
            .binary_search_by(|literal| (**literal).cmp(text))
            .is_ok()
        {
            return Ok(true);
        }
    }
    for template in templates.with_holes() {
        if fits_template(how, template, text, facts, work)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Tries every combination of the values that a template refers to.
fn fits_template(
    how: TextMatch,
    template: &Template,
    text: &[u8],
    facts: &dyn Facts,
    work: &mut Work,
) -> Result<bool, TooMuchWork> {
    let mut references = [Values::Strs(&[]); TEMPLATE_REFERENCES_MAX];
    let mut count = 0;
    for part in &template.parts {
        let (attribute, otherwise) = match part {
            Part::Reference(attribute) => (attribute, None),
            Part::ReferenceOr(attribute, bytes) => (attribute, Some(bytes)),
            Part::Literal(_) | Part::AnyText | Part::AnyCharacter => continue,
        };
        let values = match (facts.get(attribute), otherwise) {
            (Fact::Present(values), _) => values,
            (Fact::Absent, Some(bytes)) => Values::One(Value::Text(bytes)),
            (Fact::Absent | Fact::NotFetched, _) => return Ok(false),
        };
        let Some(slot) = references.get_mut(count) else {
            return Ok(false);
        };
        if values.is_empty() {
            return Ok(false);
        }
        *slot = values;
        count += 1;
    }
    let mut chosen = [0_usize; TEMPLATE_REFERENCES_MAX];
    loop {
        work.spend(1 + template.parts.len())?;
        let texts: [TextOf<'_>; TEMPLATE_REFERENCES_MAX] = std::array::from_fn(|at| {
            let value = references
                .get(at)
                .zip(chosen.get(at))
                .and_then(|(v, i)| v.get(*i));
            TextOf::new(value.unwrap_or(Value::Text(&[])))
        });
        let filled = Filled {
            parts: &template.parts,
            references: texts.each_ref().map(TextOf::as_bytes),
        };
        if filled.fits(how, text, work)? {
            return Ok(true);
        }
        if !next_combination(&mut chosen, &references, count) {
            return Ok(false);
        }
    }
}

/// Counts through the combinations like an odometer; false after the last.
fn next_combination(chosen: &mut [usize], references: &[Values<'_>], count: usize) -> bool {
    for (place, values) in chosen.iter_mut().zip(references).take(count) {
        *place += 1;
        if *place < values.len() {
            return true;
        }
        *place = 0;
    }
    false
}

/// A template with one value for each of its references.
struct Filled<'a> {
    parts: &'a [Part],
    references: [&'a [u8]; TEMPLATE_REFERENCES_MAX],
}

/// A place in a filled template: which part, how many references stand before it, how many bytes of it are behind us.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Place {
    part: usize,
    reference: usize,
    byte: usize,
}

impl Filled<'_> {
    fn fits(&self, how: TextMatch, text: &[u8], work: &mut Work) -> Result<bool, TooMuchWork> {
        match how {
            TextMatch::Equals | TextMatch::Like => fits(self, text, Fence::None, Case::Exact, work),
            TextMatch::LikeIgnoreCase => fits(self, text, Fence::None, Case::Folded, work),
            TextMatch::ArnLike => fits(self, text, Fence::Arn, Case::Exact, work),
            TextMatch::EqualsIgnoreCase => {
                let mut references = self.references.iter();
                let bytes = self.parts.iter().map(|part| match part {
                    Part::Literal(bytes) => bytes,
                    Part::Reference(_) | Part::ReferenceOr(..) => {
                        references.next().copied().unwrap_or_default()
                    }
                    Part::AnyText | Part::AnyCharacter => &[],
                });
                work.spend(text.len())?;
                Ok(bytes.flat_map(folded).eq(folded(text)))
            }
        }
    }
}

impl Pattern for Filled<'_> {
    type Place = Place;

    fn start(&self) -> Place {
        Place {
            part: 0,
            reference: 0,
            byte: 0,
        }
    }

    fn next(&self, mut place: Place) -> Option<(Element, Place)> {
        loop {
            let part = self.parts.get(place.part)?;
            let (bytes, is_reference) = match part {
                Part::Literal(bytes) => (&**bytes, false),
                Part::Reference(_) | Part::ReferenceOr(..) => {
                    (*self.references.get(place.reference)?, true)
                }
                Part::AnyText | Part::AnyCharacter => {
                    let behind = Place {
                        part: place.part + 1,
                        ..place
                    };
                    let any = *part == Part::AnyText;
                    return Some((
                        if any {
                            Element::AnyText
                        } else {
                            Element::AnyCharacter
                        },
                        behind,
                    ));
                }
            };
            if let Some(byte) = bytes.get(place.byte) {
                return Some((
                    Element::Byte(*byte),
                    Place {
                        byte: place.byte + 1,
                        ..place
                    },
                ));
            }
            place = Place {
                part: place.part + 1,
                reference: place.reference + usize::from(is_reference),
                byte: 0,
            };
        }
    }
}

/// The characters of a text in lower case. A byte that is no UTF-8 stands for itself, in a private plane.
fn folded(bytes: &[u8]) -> impl Iterator<Item = char> + '_ {
    bytes.utf8_chunks().flat_map(|chunk| {
        let broken = chunk.invalid().iter();
        chunk
            .valid()
            .chars()
            .flat_map(char::to_lowercase)
            .chain(broken.filter_map(|byte| char::from_u32(0xF_0000 + u32::from(*byte))))
    })
}

fn below(value: &Value<'_>, bound: i64) -> bool {
    match *value {
        Value::Number(number) | Value::Time(number) => number < bound,
        Value::Text(text) => fixed_point(text).is_some_and(|number| number < bound),
        Value::Address(_) | Value::Network(_) | Value::Bool(_) => false,
    }
}

fn within(value: &Value<'_>, block: &IpNet) -> bool {
    let address_within = |address: IpAddr| block.contains(&address.to_canonical());
    match *value {
        Value::Address(address) => address_within(address),
        Value::Network(inner) => block.contains(&canonical(&inner)),
        Value::Text(text) => network(text).is_some_and(|inner| block.contains(&inner)),
        Value::Number(_) | Value::Time(_) | Value::Bool(_) => false,
    }
}

pub(crate) fn number_of(value: &Value<'_>) -> Option<i64> {
    match *value {
        Value::Number(number) => Some(number),
        Value::Time(seconds) => seconds.checked_mul(1_000),
        Value::Text(text) => fixed_point(text),
        Value::Address(_) | Value::Network(_) | Value::Bool(_) => None,
    }
}

pub(crate) fn time_of(value: &Value<'_>) -> Option<i64> {
    match *value {
        Value::Time(seconds) => Some(seconds),
        Value::Number(thousandths) => Some(thousandths.div_euclid(1_000)),
        Value::Text(text) => moment(text),
        Value::Address(_) | Value::Network(_) | Value::Bool(_) => None,
    }
}

pub(crate) fn network_of(value: &Value<'_>) -> Option<IpNet> {
    match *value {
        Value::Network(block) => Some(canonical(&block)),
        Value::Address(address) => Some(IpNet::from(address.to_canonical())),
        Value::Text(text) => network(text),
        Value::Number(_) | Value::Time(_) | Value::Bool(_) => None,
    }
}

pub(crate) fn bool_of(value: &Value<'_>) -> Option<bool> {
    match *value {
        Value::Bool(truth) => Some(truth),
        Value::Text(text) if text.eq_ignore_ascii_case(b"true") => Some(true),
        Value::Text(text) if text.eq_ignore_ascii_case(b"false") => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Name;
    use std::collections::HashMap;
    use std::sync::Arc;

    struct Held(HashMap<Name, Vec<Value<'static>>>);

    impl Facts for Held {
        fn get(&self, attribute: &Attribute) -> Fact<'_> {
            match self.0.get(&attribute.name()) {
                Some(values) => Fact::list(values.as_slice()),
                None if attribute.name() == Name::ExistingObjectTag => Fact::NotFetched,
                None => Fact::Absent,
            }
        }
    }

    fn held(facts: &[(Name, &[Value<'static>])]) -> Held {
        Held(
            facts
                .iter()
                .map(|(name, values)| (*name, values.to_vec()))
                .collect(),
        )
    }

    fn plain(name: Name) -> Attribute {
        Attribute::plain(name).unwrap()
    }

    fn ask(facts: &Held, name: Name, ask: Ask) -> bool {
        let question = Question {
            attribute: plain(name),
            ask,
        };
        answer(&question, facts, &mut Work::full()) == Ok(Answer::Truth(true))
    }

    fn bytes(text: &str) -> Arc<[u8]> {
        Arc::from(text.as_bytes())
    }

    const fn text(text: &'static str) -> Value<'static> {
        Value::Text(text.as_bytes())
    }

    fn predicate(quantifier: Quantifier, test: Test) -> Ask {
        Ask::Test(Arc::new(Predicate { quantifier, test }))
    }

    fn texts(how: TextMatch, templates: &[Template]) -> Test {
        Test::Text(how, templates.iter().cloned().collect())
    }

    #[test]
    fn any_value_of_a_list_is_enough_and_none_of_an_empty_one_is() {
        let facts = held(&[
            (Name::Principals, &[text("a"), text("bc")]),
            (Name::KeyBuckets, &[]),
        ]);
        assert!(ask(&facts, Name::Principals, Ask::Equals(bytes("bc"))));
        assert!(ask(&facts, Name::Principals, Ask::StartsWith(bytes("b"))));
        assert!(ask(&facts, Name::Principals, Ask::EndsWith(bytes("c"))));
        assert!(ask(&facts, Name::Principals, Ask::Matches(bytes("?c"))));
        assert!(!ask(&facts, Name::Principals, Ask::Equals(bytes("b"))));
        assert!(
            ask(&facts, Name::KeyBuckets, Ask::Present),
            "an empty list is there"
        );
        assert!(
            !ask(&facts, Name::KeyBuckets, Ask::StartsWith(bytes(""))),
            "and matches nothing"
        );
    }

    #[test]
    fn everything_about_an_absent_attribute_is_no() {
        let facts = held(&[]);
        let every = predicate(
            Quantifier::Every,
            texts(TextMatch::Like, &[Template::pattern(b"*")]),
        );
        for question in [
            Ask::Present,
            Ask::Equals(bytes("")),
            Ask::Matches(bytes("*")),
            Ask::Below(i64::MAX),
            Ask::InNetwork("0.0.0.0/0".parse().unwrap()),
            every.clone(),
        ] {
            assert!(!ask(&facts, Name::Prefix, question));
        }
        assert!(
            ask(&held(&[(Name::KeyBuckets, &[])]), Name::KeyBuckets, every),
            "every value of none"
        );
    }

    #[test]
    fn every_differs_from_any() {
        let facts = held(&[(Name::Principals, &[text("a"), text("b")])]);
        let test = || texts(TextMatch::Equals, &[Template::literal("a")]);
        assert!(ask(
            &facts,
            Name::Principals,
            predicate(Quantifier::Any, test())
        ));
        assert!(!ask(
            &facts,
            Name::Principals,
            predicate(Quantifier::Every, test())
        ));
    }

    #[test]
    fn a_template_is_filled_with_every_value_of_what_it_refers_to() {
        let prefix = Template {
            parts: vec![Part::Reference(plain(Name::KeyPrefixes)), Part::AnyText],
        };
        let within = || {
            predicate(
                Quantifier::Any,
                texts(TextMatch::Like, std::slice::from_ref(&prefix)),
            )
        };
        let facts = |key, prefixes: &[Value<'static>]| {
            held(&[(Name::Key, &[key]), (Name::KeyPrefixes, prefixes)])
        };
        assert!(ask(
            &facts(text("logs/1"), &[text("tmp/"), text("logs/")]),
            Name::Key,
            within()
        ));
        assert!(!ask(
            &facts(text("logs-secret/1"), &[text("tmp/"), text("logs/")]),
            Name::Key,
            within()
        ));
        assert!(!ask(&facts(text("logs/1"), &[]), Name::Key, within()));
        assert!(
            !ask(
                &held(&[(Name::Key, &[text("logs/1")])]),
                Name::Key,
                within()
            ),
            "absent fits nothing"
        );
        assert!(
            !ask(&facts(text("x"), &[text("*")]), Name::Key, within()),
            "a star in a value is a star"
        );
        assert!(ask(&facts(text("*x"), &[text("*")]), Name::Key, within()));
    }

    #[test]
    fn a_reference_with_a_default_is_filled_with_it_where_nothing_is_there() {
        let home = Template {
            parts: vec![
                Part::ReferenceOr(plain(Name::Username), Box::from(*b"nobody")),
                Part::Literal(Box::from(*b"/")),
                Part::AnyText,
            ],
        };
        let within = || {
            let test = texts(TextMatch::Like, std::slice::from_ref(&home));
            predicate(Quantifier::Any, test)
        };
        let key = |key| (Name::Key, [text(key)]);
        let (nobody, ann) = (key("nobody/x"), key("ann/x"));
        let user: [Value<'static>; 1] = [text("ann")];
        let signed = |key: &(Name, [Value<'static>; 1])| {
            ask(
                &held(&[(key.0, &key.1), (Name::Username, &user)]),
                Name::Key,
                within(),
            )
        };
        let unsigned =
            |key: &(Name, [Value<'static>; 1])| ask(&held(&[(key.0, &key.1)]), Name::Key, within());
        assert!(signed(&ann) && !signed(&nobody));
        assert!(unsigned(&nobody) && !unsigned(&ann));
        let empty = held(&[(Name::Key, &nobody.1), (Name::Username, &[])]);
        assert!(
            !ask(&empty, Name::Key, within()),
            "an empty list is there, and fills nothing"
        );
    }

    #[test]
    fn two_references_are_tried_in_every_combination() {
        let both = Template {
            parts: vec![
                Part::Reference(plain(Name::KeyPrefixes)),
                Part::Literal(Box::from(*b"/")),
                Part::Reference(plain(Name::KeyBuckets)),
            ],
        };
        let facts = held(&[
            (Name::Key, &[text("b/y")]),
            (Name::KeyPrefixes, &[text("a"), text("b")]),
            (Name::KeyBuckets, &[text("x"), text("y")]),
        ]);
        assert!(ask(
            &facts,
            Name::Key,
            predicate(Quantifier::Any, texts(TextMatch::Equals, &[both]))
        ));
    }

    #[test]
    fn case_is_ignored_where_it_is_asked_and_nowhere_else() {
        let facts = held(&[(Name::Username, &[text("Ärger")])]);
        let template = [Template::literal("ÄRGER")];
        let how = |how| predicate(Quantifier::Any, texts(how, &template));
        assert!(ask(
            &facts,
            Name::Username,
            how(TextMatch::EqualsIgnoreCase)
        ));
        assert!(!ask(&facts, Name::Username, how(TextMatch::Equals)));

        let facts = held(&[(Name::Action, &[text("s3:GetObject")])]);
        let fits = |how, pattern: &str| {
            let test = texts(how, &[Template::pattern(pattern.as_bytes())]);
            ask(&facts, Name::Action, predicate(Quantifier::Any, test))
        };
        for pattern in ["S3:get*", "s3:GETOBJECT", "*OBJECT", "s?:getobjec?"] {
            assert!(fits(TextMatch::LikeIgnoreCase, pattern), "{pattern}");
            assert!(!fits(TextMatch::Like, pattern), "{pattern}");
        }
        assert!(!fits(TextMatch::LikeIgnoreCase, "s3:put*"));
    }

    #[test]
    fn numbers_moments_networks_and_truths_compare_with_constants_and_references() {
        let facts = held(&[
            (Name::MaxKeys, &[Value::Number(10_000)]),
            (Name::CurrentTime, &[Value::Time(100)]),
            (Name::KeyExpires, &[Value::Time(101)]),
            (
                Name::SourceIp,
                &[Value::Address("10.0.0.9".parse().unwrap())],
            ),
            (
                Name::KeyNetworks,
                &[Value::Network("10.0.0.0/24".parse().unwrap())],
            ),
            (Name::SecureTransport, &[Value::Bool(true)]),
        ]);
        let passes = |name, test| ask(&facts, name, predicate(Quantifier::Any, test));
        let ten = |order| Test::Number(order, vec![Operand::Constant(10_000)]);
        for (order, holds) in [
            (Order::Equal, true),
            (Order::Below, false),
            (Order::AtMost, true),
            (Order::Above, false),
            (Order::AtLeast, true),
        ] {
            assert_eq!(passes(Name::MaxKeys, ten(order)), holds, "{order}");
        }
        let expires = Operand::Reference(plain(Name::KeyExpires));
        assert!(passes(
            Name::CurrentTime,
            Test::Time(Order::Below, vec![expires.clone()])
        ));
        assert!(!passes(
            Name::CurrentTime,
            Test::Time(Order::AtLeast, vec![expires])
        ));
        let networks = vec![Operand::Reference(plain(Name::KeyNetworks))];
        assert!(passes(Name::SourceIp, Test::Network(networks)));
        assert!(passes(
            Name::SecureTransport,
            Test::Bool(vec![Operand::Constant(true)])
        ));
        assert!(
            ask(&facts, Name::SecureTransport, Ask::Equals(bytes("true"))),
            "as text, too"
        );
        assert!(
            ask(&facts, Name::MaxKeys, Ask::Below(10_001))
                && !ask(&facts, Name::MaxKeys, Ask::Below(10_000))
        );
        assert!(ask(
            &facts,
            Name::SourceIp,
            Ask::InNetwork(
                "::ffff:10.0.0.0/120"
                    .parse()
                    .map(|n| canonical(&n))
                    .unwrap()
            )
        ));
    }

    #[test]
    fn what_a_predicate_refers_to_must_be_fetched_whatever_the_values_are() {
        let tag = Attribute::with_parameter(Name::ExistingObjectTag, "x").unwrap();
        let templates = [
            Template::literal("a"),
            Template {
                parts: vec![Part::Reference(tag)],
            },
        ];
        let question = Question {
            attribute: plain(Name::Username),
            ask: predicate(Quantifier::Any, texts(TextMatch::Equals, &templates)),
        };
        let facts = held(&[(Name::Username, &[text("a")])]);
        assert_eq!(
            answer(&question, &facts, &mut Work::full()),
            Err(Unanswered::NotFetched)
        );
        assert!(question.is_fetched());
    }

    #[test]
    fn a_reading_tells_absent_from_empty_and_a_list_from_its_joined_text() {
        let read = |facts: &Held, name, cap| {
            let question = Question {
                attribute: plain(name),
                ask: Ask::Read(cap),
            };
            match answer(&question, facts, &mut Work::full())
                .unwrap()
                .into_owned()
            {
                Answer::Reading(reading) => (reading.length, reading.bytes.into_owned()),
                Answer::Truth(truth) => panic!("{truth}"),
            }
        };
        assert_eq!(read(&held(&[]), Name::Username, 9), (None, vec![]));
        assert_eq!(
            read(&held(&[(Name::Username, &[text("")])]), Name::Username, 9),
            (Some(0), vec![])
        );
        assert_eq!(
            read(
                &held(&[(Name::Username, &[text("abc")])]),
                Name::Username,
                2
            ),
            (Some(3), b"ab".to_vec())
        );
        let lists = [&[text("ab"), text("c")][..], &[text("a"), text("bc")][..]];
        let [first, second] =
            lists.map(|list| read(&held(&[(Name::Principals, list)]), Name::Principals, 99));
        assert_eq!(first.1, b"\x02\0ab\x01\0c");
        assert_ne!(first, second);
    }

    #[test]
    fn the_work_of_many_values_ends_at_its_bound() {
        let values = vec![text("aaaaaaaaaaaaaaaa"); 1_000];
        let facts = held(&[(Name::Principals, &values)]);
        let question = Question {
            attribute: plain(Name::Principals),
            ask: Ask::Matches(bytes("*a*a*a*b")),
        };
        assert_eq!(
            answer(&question, &facts, &mut Work::of(10_000)),
            Err(Unanswered::TooMuchWork)
        );
        assert!(answer(&question, &facts, &mut Work::full()).is_ok());
    }
}
