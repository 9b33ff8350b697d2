//! Questions that compare one attribute with another: solved by giving one of them a value and solving for the other.

use std::sync::Arc;

use super::value::Values;
use super::{Answered, Group, Situation, Solver, Sorted, holds, refers_to};
use crate::facts::OwnedValue;
use crate::limits::LINKED_TRIES_MAX;
use crate::question::{
    Ask, Operand, Part, Predicate, Question, Template, Templates, Test, bool_of, network_of,
    number_of, time_of, written,
};
use crate::registry::{Attribute, Kind};

/// Most texts that one template stands for when its references are filled in.
const FILLINGS_MAX: usize = 64;

/// A situation in which the linked questions have their answers too; `base` solves all others.
pub(super) fn solve(solver: &Solver<'_>, sorted: &Sorted, base: &Situation) -> Option<Situation> {
    if holds(base, &sorted.linked) {
        return Some(base.clone());
    }
    // What a question compares is solved one after the other, so that a value that does not do is known at once.
    let (mut tails_first, mut heads_first) = (Vec::new(), Vec::new());
    for Answered { question, .. } in &sorted.linked {
        let mut tails = Vec::new();
        refers_to(question, |other| {
            tails.push(other.clone());
            false
        });
        let head = || std::iter::once(&question.attribute);
        for attribute in tails.iter().chain(head()) {
            add(&mut tails_first, solver, attribute);
        }
        for attribute in head().chain(&tails) {
            add(&mut heads_first, solver, attribute);
        }
    }
    [heads_first, tails_first].iter().find_map(|order| {
        let mut start = base.clone();
        let mut search = Search {
            solver,
            sorted,
            tries: LINKED_TRIES_MAX,
            order,
        };
        search.from(0, &mut start).then_some(start)
    })
}

fn add(list: &mut Vec<Attribute>, solver: &Solver<'_>, attribute: &Attribute) {
    if !solver.fixed.knows(attribute) && !list.contains(attribute) {
        list.push(attribute.clone());
    }
}

struct Search<'s, 'f> {
    solver: &'s Solver<'f>,
    sorted: &'s Sorted,
    order: &'s [Attribute],
    tries: usize,
}

impl Search<'_, '_> {
    /// Gives a value to each attribute of the order from here on.
    fn from(&mut self, place: usize, situation: &mut Situation) -> bool {
        let Some(attribute) = self.order.get(place).cloned() else {
            return holds(situation, &self.sorted.linked);
        };
        for values in self.candidates(place, &attribute, situation) {
            if self.tries == 0 {
                return false;
            }
            self.tries -= 1;
            situation.set(attribute.clone(), values);
            if self.holds_so_far(place, situation) && self.from(place + 1, situation) {
                return true;
            }
        }
        false
    }

    /// Whether the attribute of the order was given its value, or is fixed.
    fn is_given(&self, end: usize, attribute: &Attribute) -> bool {
        let before = self.order.get(..end).unwrap_or_default();
        self.solver.fixed.knows(attribute) || before.contains(attribute)
    }

    /// Whether the questions have their answers that look at nothing behind this place.
    fn holds_so_far(&self, place: usize, situation: &Situation) -> bool {
        let given = |attribute: &Attribute| self.is_given(place + 1, attribute);
        self.sorted.linked.iter().all(|answered| {
            let question = &answered.question;
            !given(&question.attribute)
                || refers_to(question, |other| !given(other))
                || holds(situation, std::slice::from_ref(answered))
        })
    }

    /// What the attribute may be, given those before it in the order.
    fn candidates(
        &self,
        place: usize,
        attribute: &Attribute,
        situation: &Situation,
    ) -> Vec<Option<Box<[OwnedValue]>>> {
        let Some(group) = self
            .sorted
            .groups
            .iter()
            .find(|g| g.attribute == *attribute)
        else {
            return Vec::new();
        };
        let given = |other: &Attribute| self.is_given(place, other);
        // With what is given, a question about this attribute compares with constants.
        let mut wished: Group = group.clone();
        for Answered { question, answer } in &self.sorted.linked {
            if question.attribute == *attribute
                && !refers_to(question, |other| !given(other))
                && let Some(question) = grounded(question, situation)
            {
                wished.wishes.push((question, *answer));
            }
        }
        let mut candidates = Vec::new();
        for needed in [wished.needed, true] {
            match self.solver.values(&wished, needed) {
                Values::Absent => candidates.push(None),
                Values::These(values) => candidates.push(Some(values.into())),
                Values::Never | Values::Unknown => {}
            }
        }
        // Questions about others that compare with this one: it takes their values, and what lies beside them.
        for Answered { question, .. } in &self.sorted.linked {
            let asks = refers_to(question, |other| other == attribute);
            if asks && given(&question.attribute) {
                for value in situation.values(&question.attribute).unwrap_or_default() {
                    let beside = beside(attribute.entry().kind, value).into_iter();
                    candidates.extend(beside.map(|value| Some(Box::from([value]))));
                }
            }
        }
        if attribute.entry().many {
            candidates.push(Some(Box::default()));
        }
        let mut distinct: Vec<Option<Box<[OwnedValue]>>> = Vec::new();
        for candidate in candidates {
            if !distinct.contains(&candidate) && self.passes(&wished, candidate.as_deref()) {
                distinct.push(candidate);
            }
        }
        distinct
    }

    fn passes(&self, group: &Group, values: Option<&[OwnedValue]>) -> bool {
        if group.needed && values.is_none() {
            return false;
        }
        let mut situation = Situation::default();
        situation.set(group.attribute.clone(), values.map(Box::from));
        group.wishes.iter().all(|(question, wanted)| {
            let work = &mut crate::question::Work::full();
            crate::question::truth(question, &situation, work) == Ok(*wanted)
        })
    }
}

/// Values of this kind at, below and above one of another attribute.
fn beside(kind: Kind, value: &OwnedValue) -> Vec<OwnedValue> {
    let value = value.borrow();
    match kind {
        Kind::Text | Kind::Arn => {
            let text = written(value);
            let longer = format!("{text}x");
            let half: String = text.chars().take(text.chars().count() / 2).collect();
            let mut all = vec![text, longer, half];
            all.retain(|text| !text.is_empty());
            all.into_iter().map(OwnedValue::text).collect()
        }
        Kind::Number => around(number_of(&value), OwnedValue::Number),
        Kind::Time => around(time_of(&value), OwnedValue::Time),
        Kind::Bool => [true, false].map(OwnedValue::Bool).to_vec(),
        Kind::Address => network_of(&value)
            .map(|block| OwnedValue::Address(block.network()))
            .into_iter()
            .collect(),
        Kind::Network => network_of(&value)
            .map(OwnedValue::Network)
            .into_iter()
            .collect(),
    }
}

fn around(number: Option<i64>, value: fn(i64) -> OwnedValue) -> Vec<OwnedValue> {
    let Some(number) = number else {
        return Vec::new();
    };
    [number, number.saturating_sub(1), number.saturating_add(1)]
        .map(value)
        .to_vec()
}

/// The question with what these facts say in the place of references; `None` where that is too much.
pub(super) fn grounded(question: &Question, facts: &Situation) -> Option<Question> {
    let Ask::Test(predicate) = &question.ask else {
        return Some(question.clone());
    };
    if !predicate.refers(|_| true) {
        return Some(question.clone());
    }
    let test = match &predicate.test {
        Test::Text(how, templates) => {
            let mut filled = Vec::new();
            for template in templates.iter() {
                filled.extend(fill(&template, facts)?);
            }
            Test::Text(*how, Templates::new(filled))
        }
        Test::Number(order, operands) => {
            Test::Number(*order, ground(operands, facts, |v| number_of(&v)))
        }
        Test::Time(order, operands) => Test::Time(*order, ground(operands, facts, |v| time_of(&v))),
        Test::Network(operands) => Test::Network(ground(operands, facts, |v| network_of(&v))),
        Test::Bool(operands) => Test::Bool(ground(operands, facts, |v| bool_of(&v))),
    };
    Some(Question {
        attribute: question.attribute.clone(),
        ask: Ask::Test(Arc::new(Predicate {
            quantifier: predicate.quantifier,
            test,
        })),
    })
}

fn ground<T: Clone>(
    operands: &[Operand<T>],
    facts: &Situation,
    of: impl Fn(crate::facts::Value<'_>) -> Option<T>,
) -> Vec<Operand<T>> {
    let mut constants = Vec::new();
    for operand in operands {
        match operand {
            Operand::Constant(constant) => constants.push(Operand::Constant(constant.clone())),
            Operand::Reference(attribute) => {
                let values = facts.values(attribute).unwrap_or_default();
                let values = values.iter().filter_map(|value| of(value.borrow()));
                constants.extend(values.map(Operand::Constant));
            }
        }
    }
    constants
}

/// The template with each combination of the values that it refers to: none where one of them has none.
fn fill(template: &Template, facts: &Situation) -> Option<Vec<Template>> {
    let mut filled = vec![Template { parts: Vec::new() }];
    for part in &template.parts {
        let choices: Vec<Part> = match part {
            Part::Reference(attribute) => facts
                .values(attribute)
                .unwrap_or_default()
                .iter()
                .map(|value| Part::Literal(text_of(value)))
                .collect(),
            other => vec![other.clone()],
        };
        if filled.len().saturating_mul(choices.len()) > FILLINGS_MAX {
            return None;
        }
        filled = filled
            .iter()
            .flat_map(|begun| {
                choices.iter().map(|choice| {
                    let mut parts = begun.parts.clone();
                    parts.push(choice.clone());
                    Template { parts }
                })
            })
            .collect();
    }
    Some(filled.into_iter().map(joined).collect())
}

fn text_of(value: &OwnedValue) -> Box<[u8]> {
    match value {
        OwnedValue::Text(bytes) => bytes.clone(),
        other => written(other.borrow()).into_bytes().into(),
    }
}

/// Literals that stand beside each other become one, so that a template without holes is known as such.
fn joined(template: Template) -> Template {
    let mut parts: Vec<Part> = Vec::new();
    for part in template.parts {
        match (parts.last_mut(), part) {
            (Some(Part::Literal(before)), Part::Literal(bytes)) => {
                *before = before.iter().chain(&bytes).copied().collect();
            }
            (_, part) => parts.push(part),
        }
    }
    Template { parts }
}
