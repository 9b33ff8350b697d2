//! Finds the values of one attribute that answer some questions as wished, or proves that there are none.
//!
//! Of numbers, moments, addresses and lists of words, the borders of all questions are tried: between two of them every
//! answer is the same. Texts are searched. The questions compare with constants only.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::text::{self, Matcher, Text};
use crate::facts::{Fact, Facts, OwnedValue};
use crate::question::{
    Ask, Operand, Quantifier, Question, Test, Work, fixed_point, moment, network, truth,
};
use crate::registry::{Attribute, Kind};

/// A question about the attribute, and the answer that is wished for.
pub(super) type Wish<'a> = (&'a Question, bool);

/// What can be said of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Values {
    /// It can be absent.
    Absent,
    /// It can be these.
    These(Vec<OwnedValue>),
    /// Proven: it can be nothing.
    Never,
    /// Nothing was found, and nothing is proven.
    Unknown,
}

/// What the attribute can be. `needed`: it must be there.
pub(super) fn values(attribute: &Attribute, wishes: &[Wish<'_>], needed: bool) -> Values {
    let needed = needed || wishes.iter().any(|(_, wanted)| *wanted);
    for (question, wanted) in wishes {
        if question.ask == Ask::Present && !wanted {
            return if needed {
                Values::Never
            } else {
                Values::Absent
            };
        }
    }
    let about: Vec<Wish<'_>> = wishes
        .iter()
        .filter(|(question, _)| question.ask != Ask::Present)
        .copied()
        .collect();
    if !needed {
        return Values::Absent;
    }
    if attribute.entry().many {
        return many(attribute, &about);
    }
    match one(attribute, &about) {
        One::Value(value) => Values::These(vec![value]),
        One::Nothing => Values::Never,
        One::Unknown => Values::Unknown,
    }
}

/// Of several values, some questions speak of each and some of any. A question of the second sort can have a value of
/// its own.
fn many(attribute: &Attribute, wishes: &[Wish<'_>]) -> Values {
    let of_each = |question: &Question, wanted: bool| {
        let every =
            matches!(&question.ask, Ask::Test(test) if test.quantifier == Quantifier::Every);
        every == wanted
    };
    let (each, some): (Vec<Wish<'_>>, Vec<Wish<'_>>) = wishes
        .iter()
        .partition(|(question, wanted)| of_each(question, *wanted));
    let mut values: Vec<OwnedValue> = Vec::new();
    for wish in &some {
        if values
            .iter()
            .any(|value| passes(attribute, value, &[*wish]))
        {
            continue;
        }
        let all: Vec<Wish<'_>> = each.iter().copied().chain([*wish]).collect();
        match one(attribute, &all) {
            One::Value(value) => values.push(value),
            One::Nothing => return Values::Never,
            One::Unknown => return Values::Unknown,
        }
    }
    if values.is_empty()
        && let One::Value(value) = one(attribute, &each)
    {
        values.push(value);
    }
    Values::These(values)
}

enum One {
    Value(OwnedValue),
    /// Proven.
    Nothing,
    Unknown,
}

/// One value with which every question has the answer that is wished for.
fn one(attribute: &Attribute, wishes: &[Wish<'_>]) -> One {
    let entry = attribute.entry();
    if entry.kind == Kind::Bool || !entry.domain.is_empty() {
        let domain = entry.domain.iter().map(|word| match entry.kind {
            Kind::Bool => OwnedValue::Bool(*word == "true"),
            _ => OwnedValue::text(word),
        });
        return first(attribute, wishes, domain, true);
    }
    match entry.kind {
        Kind::Text | Kind::Arn => text(attribute, wishes),
        Kind::Number | Kind::Time | Kind::Bool => {
            let (candidates, exact) = numbers(entry.kind, wishes);
            first(attribute, wishes, candidates, exact)
        }
        Kind::Address => {
            let (blocks, exact) = blocks(wishes);
            let addresses = addresses(&blocks).map(OwnedValue::Address);
            first(attribute, wishes, addresses, exact)
        }
        Kind::Network => {
            let (blocks, exact) = blocks(wishes);
            let hosts = addresses(&blocks).map(|address| OwnedValue::Network(address.into()));
            let whole = blocks.iter().copied().map(OwnedValue::Network);
            first(attribute, wishes, whole.chain(hosts), exact)
        }
    }
}

fn first(
    attribute: &Attribute,
    wishes: &[Wish<'_>],
    candidates: impl IntoIterator<Item = OwnedValue>,
    exact: bool,
) -> One {
    let found = candidates
        .into_iter()
        .find(|value| passes(attribute, value, wishes));
    match found {
        Some(value) => One::Value(value),
        None if exact => One::Nothing,
        None => One::Unknown,
    }
}

/// One value, for whichever attribute is asked.
struct Only<'a>(&'a OwnedValue);

impl Facts for Only<'_> {
    fn get(&self, _: &Attribute) -> Fact<'_> {
        Fact::Present(self.0.borrow().into())
    }
}

fn passes(attribute: &Attribute, value: &OwnedValue, wishes: &[Wish<'_>]) -> bool {
    wishes.iter().all(|(question, wanted)| {
        debug_assert_eq!(question.attribute, *attribute, "of one attribute");
        truth(question, &Only(value), &mut Work::full()) == Ok(*wanted)
    })
}

fn text(attribute: &Attribute, wishes: &[Wish<'_>]) -> One {
    let mut matchers = Vec::new();
    // A question that is not about text is left out: what is proven without it is proven with it, too.
    for (question, wanted) in wishes {
        matchers.extend(Matcher::of(&question.ask, *wanted));
    }
    // What one text must be is most often written in a question.
    let constants = wishes.iter().filter(|(_, wanted)| *wanted);
    let constants = constants.flat_map(|(question, _)| constants_of(&question.ask));
    if let One::Value(value) = first(attribute, wishes, constants, false) {
        return One::Value(value);
    }
    match text::find(&matchers) {
        Text::Found(text) => first(attribute, wishes, [OwnedValue::text(text)], false),
        Text::Nothing => One::Nothing,
        Text::Unknown => One::Unknown,
    }
}

fn constants_of(ask: &Ask) -> Vec<OwnedValue> {
    match ask {
        Ask::Equals(bytes) => vec![OwnedValue::text(bytes)],
        Ask::Test(test) => match &test.test {
            Test::Text(_, templates) => templates.literals().iter().map(OwnedValue::text).collect(),
            Test::Number(_, bounds) => constants(bounds).map(|n| number_text(*n)).collect(),
            Test::Time(_, bounds) => constants(bounds)
                .map(|n| OwnedValue::text(n.to_string()))
                .collect(),
            Test::Network(blocks) => constants(blocks)
                .map(|b| OwnedValue::text(b.to_string()))
                .collect(),
            Test::Bool(truths) => constants(truths)
                .map(|t| OwnedValue::text(t.to_string()))
                .collect(),
        },
        Ask::InNetwork(block) => vec![OwnedValue::text(block.to_string())],
        Ask::Below(bound) => vec![number_text(bound.saturating_sub(1))],
        Ask::StartsWith(_) | Ask::EndsWith(_) | Ask::Matches(_) | Ask::Present | Ask::Read(_) => {
            Vec::new()
        }
    }
}

fn number_text(thousandths: i64) -> OwnedValue {
    OwnedValue::text(crate::question::written(crate::facts::Value::Number(
        thousandths,
    )))
}

fn constants<T>(operands: &[Operand<T>]) -> impl Iterator<Item = &T> {
    operands.iter().filter_map(|operand| match operand {
        Operand::Constant(constant) => Some(constant),
        Operand::Reference(_) => None,
    })
}

/// The borders of all questions, what lies beside them, and whether these are all that make a difference.
fn numbers(kind: Kind, wishes: &[Wish<'_>]) -> (Vec<OwnedValue>, bool) {
    let mut borders = Vec::new();
    let mut exact = true;
    for (question, _) in wishes {
        match &question.ask {
            Ask::Below(bound) => borders.push(*bound),
            Ask::Test(test) => match &test.test {
                Test::Number(_, bounds) | Test::Time(_, bounds) => {
                    borders.extend(constants(bounds));
                }
                other => {
                    exact = false;
                    if let Test::Text(_, templates) = other {
                        let texts = templates.literals().iter();
                        borders.extend(texts.filter_map(|text| number(kind, text)));
                    }
                }
            },
            Ask::Equals(text) => {
                exact = false;
                borders.extend(number(kind, text));
            }
            Ask::Present => {}
            Ask::StartsWith(_)
            | Ask::EndsWith(_)
            | Ask::Matches(_)
            | Ask::InNetwork(_)
            | Ask::Read(_) => exact = false,
        }
    }
    let default = if kind == Kind::Time {
        DEFAULT_MOMENT
    } else {
        0
    };
    // A moment that is compared as a number, and the other way round, is scaled by a thousand.
    let scaled = borders.iter().flat_map(|border| {
        [
            *border,
            border.div_euclid(1_000),
            border.saturating_mul(1_000),
            border.saturating_add(1).saturating_mul(1_000),
        ]
    });
    let mut candidates = Vec::new();
    for border in [default].into_iter().chain(scaled) {
        for candidate in [border, border.saturating_sub(1), border.saturating_add(1)] {
            if !candidates.contains(&candidate) {
                candidates.push(candidate);
            }
        }
    }
    let value = |number| match kind {
        Kind::Time => OwnedValue::Time(number),
        _ => OwnedValue::Number(number),
    };
    (candidates.into_iter().map(value).collect(), exact)
}

/// The moment of a situation of which nothing else is known: 2026-01-01, as any other.
const DEFAULT_MOMENT: i64 = 1_767_225_600;

fn number(kind: Kind, text: &[u8]) -> Option<i64> {
    if kind == Kind::Time {
        moment(text)
    } else {
        fixed_point(text)
    }
}

/// The blocks of all questions, and whether these are all that make a difference.
fn blocks(wishes: &[Wish<'_>]) -> (Vec<IpNet>, bool) {
    let mut blocks: Vec<IpNet> = Vec::new();
    let mut exact = true;
    for (question, _) in wishes {
        match &question.ask {
            Ask::InNetwork(block) => blocks.push(*block),
            Ask::Test(test) => match &test.test {
                Test::Network(operands) => blocks.extend(constants(operands)),
                other => {
                    exact = false;
                    if let Test::Text(_, templates) = other {
                        blocks.extend(templates.literals().iter().filter_map(|t| network(t)));
                    }
                }
            },
            Ask::Equals(text) => {
                exact = false;
                blocks.extend(network(text));
            }
            Ask::Present => {}
            Ask::StartsWith(_)
            | Ask::EndsWith(_)
            | Ask::Matches(_)
            | Ask::Below(_)
            | Ask::Read(_) => exact = false,
        }
    }
    (blocks, exact)
}

/// The addresses at the borders of the blocks, on both sides: any set of blocks has one in each part that it cuts out.
fn addresses(blocks: &[IpNet]) -> impl Iterator<Item = IpAddr> + '_ {
    // Addresses that are set aside for documentation, and the first of all.
    let usual = [
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
        IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    ];
    let borders = blocks.iter().flat_map(|block| {
        let (first, last) = (block.network(), block.broadcast());
        [Some(first), Some(last), before(first), after(last)]
    });
    borders
        .flatten()
        .map(|address| address.to_canonical())
        .chain(usual)
}

fn before(address: IpAddr) -> Option<IpAddr> {
    Some(match address {
        IpAddr::V4(four) => IpAddr::V4(four.to_bits().checked_sub(1)?.into()),
        IpAddr::V6(six) => IpAddr::V6(six.to_bits().checked_sub(1)?.into()),
    })
}

fn after(address: IpAddr) -> Option<IpAddr> {
    Some(match address {
        IpAddr::V4(four) => IpAddr::V4(four.to_bits().checked_add(1)?.into()),
        IpAddr::V6(six) => IpAddr::V6(six.to_bits().checked_add(1)?.into()),
    })
}
