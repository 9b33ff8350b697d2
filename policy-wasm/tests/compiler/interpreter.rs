//! A second opinion: what statements mean, written as plainly as possible and without a line of the compiler or of the
//! engine's answers.

use policy_wasm::compiler::{Absent, Check, Condition, Effect, Missing, Sense, Statement};
use policy_wasm::engine::Verdict;
use policy_wasm::facts::Value;
use policy_wasm::plan::Obligation;
use policy_wasm::question::{
    Operand, Order, Part, Predicate, Quantifier, Template, Test, TextMatch,
};
use policy_wasm::registry::Attribute;

use super::facts::Known;

/// What statements say to a check.
#[derive(Debug, PartialEq)]
pub(crate) struct Opinion {
    pub(crate) verdict: Verdict,
    /// The statements any of which may be named as the reason.
    pub(crate) reasons: Vec<String>,
    pub(crate) obligations: Vec<Obligation>,
}

pub(crate) fn decide(statements: &[Statement], facts: &Known) -> Opinion {
    let held = |wanted: fn(&Effect) -> bool| {
        statements
            .iter()
            .filter(|s| wanted(&s.effect))
            .filter(|s| s.terms().all(|condition| holds(condition, facts)))
            .collect::<Vec<_>>()
    };
    let names = |list: &[&Statement]| list.iter().map(|s| s.id.to_string()).collect();
    let denial = |list: &[&Statement]| Opinion {
        verdict: Verdict::Deny,
        reasons: names(list),
        obligations: Vec::new(),
    };
    let denying = held(|effect| *effect == Effect::Deny);
    if !denying.is_empty() {
        return denial(&denying);
    }
    let allowing = held(|effect| matches!(effect, Effect::Allow(_)));
    let last = held(|effect| *effect == Effect::DenyUnlessAllowed);
    if allowing.is_empty() && !last.is_empty() {
        return denial(&last);
    }
    let mut obligations = Vec::new();
    for obligation in allowing.iter().flat_map(|s| s.obligations()) {
        if !obligations.contains(obligation) {
            obligations.push(obligation.clone());
        }
    }
    let verdict = if allowing.is_empty() {
        Verdict::NoOpinion
    } else {
        Verdict::Allow
    };
    Opinion {
        verdict,
        reasons: names(&allowing),
        obligations,
    }
}

fn holds(condition: &Condition, facts: &Known) -> bool {
    let wanted = condition.sense == Sense::Is;
    let values = facts.values(&condition.attribute);
    let missing = condition.requires();
    if condition.missing != Missing::FitsNothing
        && missing.iter().any(|wanted| facts.values(wanted).is_none())
    {
        return condition.missing == Missing::Holds;
    }
    match (&condition.check, values) {
        (Check::Present, values) => values.is_some() == wanted,
        (Check::Passes(_), None) => condition.absent == Absent::Holds,
        (Check::Passes(predicate), Some(values)) => passes(predicate, values, facts) == wanted,
    }
}

fn passes(predicate: &Predicate, values: &[Value<'static>], facts: &Known) -> bool {
    let passes = |value: &Value<'static>| one_passes(&predicate.test, *value, facts);
    match predicate.quantifier {
        Quantifier::Any => values.iter().any(passes),
        Quantifier::Every => values.iter().all(passes),
    }
}

fn one_passes(test: &Test, value: Value<'static>, facts: &Known) -> bool {
    match (test, value) {
        (Test::Text(how, templates), Value::Text(found)) => templates
            .iter()
            .any(|template| fits(*how, &template, found, facts)),
        (Test::Number(order, bounds), Value::Number(number)) => {
            resolve(bounds, facts, |value| match value {
                Value::Number(number) => Some(number),
                _ => None,
            })
            .into_iter()
            .any(|bound| stands(*order, number, bound))
        }
        (Test::Time(order, bounds), Value::Time(time)) => {
            resolve(bounds, facts, |value| match value {
                Value::Time(time) => Some(time),
                _ => None,
            })
            .into_iter()
            .any(|bound| stands(*order, time, bound))
        }
        (Test::Network(networks), Value::Address(address)) => {
            resolve(networks, facts, |value| match value {
                Value::Network(network) => Some(network),
                _ => None,
            })
            .into_iter()
            .any(|network| network.contains(&address))
        }
        (Test::Bool(truths), Value::Bool(truth)) => resolve(truths, facts, |value| match value {
            Value::Bool(truth) => Some(truth),
            _ => None,
        })
        .contains(&truth),
        (test, value) => panic!("the tests compare like with like, not {test:?} with {value:?}"),
    }
}

fn resolve<T: Clone>(
    operands: &[Operand<T>],
    facts: &Known,
    read: impl Fn(Value<'static>) -> Option<T>,
) -> Vec<T> {
    operands
        .iter()
        .flat_map(|operand| match operand {
            Operand::Constant(constant) => vec![constant.clone()],
            Operand::Reference(attribute) => {
                let values = facts.values(attribute).unwrap_or_default();
                values.iter().filter_map(|value| read(*value)).collect()
            }
        })
        .collect()
}

fn stands(order: Order, left: i64, right: i64) -> bool {
    match order {
        Order::Equal => left == right,
        Order::Below => left < right,
        Order::AtMost => left <= right,
        Order::Above => left > right,
        Order::AtLeast => left >= right,
    }
}

/// A pattern's elements after its references were filled in.
#[derive(Clone, Copy)]
enum Element {
    Byte(u8),
    AnyText,
    AnyCharacter,
}

fn fits(how: TextMatch, template: &Template, text: &[u8], facts: &Known) -> bool {
    let mut fillings: Vec<Vec<Element>> = vec![Vec::new()];
    for part in &template.parts {
        let choices: Vec<Vec<Element>> = match part {
            Part::Literal(bytes) => vec![bytes.iter().copied().map(Element::Byte).collect()],
            Part::AnyText => vec![vec![Element::AnyText]],
            Part::AnyCharacter => vec![vec![Element::AnyCharacter]],
            Part::Reference(attribute) => values_of(attribute, facts).unwrap_or_default(),
            Part::ReferenceOr(attribute, otherwise) => values_of(attribute, facts)
                .unwrap_or_else(|| vec![otherwise.iter().copied().map(Element::Byte).collect()]),
        };
        fillings = fillings
            .iter()
            .flat_map(|begun| {
                choices
                    .iter()
                    .map(move |choice| [begun.as_slice(), choice.as_slice()].concat())
            })
            .collect();
    }
    let fold = matches!(how, TextMatch::EqualsIgnoreCase | TextMatch::LikeIgnoreCase);
    fillings.iter().any(|pattern| {
        // A lone star is any ARN.
        let lone = matches!(pattern.as_slice(), [Element::AnyText]);
        let fenced = if how == TextMatch::ArnLike && !lone {
            5
        } else {
            0
        };
        fit(pattern, text, fold, fenced)
    })
}

/// What a reference may be filled with, if it is there at all.
fn values_of(attribute: &Attribute, facts: &Known) -> Option<Vec<Vec<Element>>> {
    let bytes = |value: &Value<'static>| match value {
        Value::Text(text) => text.iter().copied().map(Element::Byte).collect(),
        other => panic!("the tests refer to texts, not to {other:?}"),
    };
    Some(facts.values(attribute)?.iter().map(bytes).collect())
}

/// `fenced` is the number of colons to come that no wildcard may cross.
fn fit(pattern: &[Element], text: &[u8], fold: bool, fenced: usize) -> bool {
    let after = |byte: u8| {
        if byte == b':' {
            fenced.saturating_sub(1)
        } else {
            fenced
        }
    };
    let crosses = |byte: u8| byte == b':' && fenced > 0;
    match (pattern, text) {
        ([], []) => true,
        ([Element::Byte(wanted), pattern @ ..], [found, text @ ..]) => {
            let same = if fold {
                wanted.eq_ignore_ascii_case(found)
            } else {
                wanted == found
            };
            same && fit(pattern, text, fold, after(*found))
        }
        ([Element::AnyCharacter, pattern @ ..], [found, text @ ..]) => {
            // A character has up to three bytes more.
            let more = text.iter().take(3).take_while(|byte| **byte >> 6 == 0b10);
            let (_, behind) = text.split_at(more.count());
            !crosses(*found) && fit(pattern, behind, fold, fenced)
        }
        ([Element::AnyText, rest @ ..], text) => {
            fit(rest, text, fold, fenced)
                || matches!(text, [found, text @ ..] if !crosses(*found) && fit(pattern, text, fold, fenced))
        }
        _ => false,
    }
}
