//! Whether answers can all be true of one request, and of which: the reason why an enumeration is short.
//!
//! Each attribute is solved by itself and exactly, so that a contradiction is a proof: a value decides prefixes and
//! patterns, prefixes and networks nest or exclude, `below` is monotone, what is asked about is present, and what the
//! registry requires of an attribute is required of it. Questions that compare one attribute with another are solved by
//! trying; where that fails nothing is known.

mod linked;
mod text;
mod value;

use std::cell::RefCell;
use std::collections::HashMap;

use super::situation::Situation;
use crate::limits::SOLVED_MAX;
use crate::question::{
    Ask, Predicate, Quantifier, Question, Template, Templates, Test, TextMatch, Work, truth,
};
use crate::registry::{Attribute, Name, Presence};
use value::{Values, values};

/// A question with the answer that it is given.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Answered {
    /// The question.
    pub question: Question,
    /// Yes or no.
    pub answer: bool,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Solved {
    /// A situation in which every question has its answer.
    Found(Situation),
    /// Proven: there is none.
    Contradiction,
    /// None was found.
    Unknown,
}

/// Solves for one query: what it fixes is not varied.
#[derive(Debug)]
pub(super) struct Solver<'a> {
    fixed: &'a Situation,
    /// What one attribute can be, by what is asked of it.
    known: RefCell<HashMap<Wished, Values>>,
}

/// An attribute, what is wished of it, and whether it is needed.
type Wished = (Attribute, Vec<(Ask, bool)>, bool);

impl<'a> Solver<'a> {
    pub(super) fn new(fixed: &'a Situation) -> Self {
        Self {
            fixed,
            known: RefCell::new(HashMap::new()),
        }
    }

    /// What is fixed.
    pub(super) const fn fixed(&self) -> &Situation {
        self.fixed
    }

    /// Whether the attribute is fixed.
    pub(super) fn fixes(&self, attribute: &Attribute) -> bool {
        self.fixed.knows(attribute)
    }

    /// The answer that what is fixed gives; `None` where it depends on more.
    pub(super) fn decided(&self, question: &Question) -> Option<bool> {
        let mut known = self.fixed.knows(&question.attribute);
        if known && let Some(values) = self.fixed.values(&question.attribute) {
            // The references of an attribute that is absent do not matter.
            let no_values = values.is_empty();
            known = no_values || !refers_to(question, |other| !self.fixed.knows(other));
        }
        known.then(|| truth(question, self.fixed, &mut Work::full()) == Ok(true))
    }

    /// A situation that gives these answers.
    pub(super) fn solve<'q>(&self, answers: impl IntoIterator<Item = &'q Answered>) -> Solved {
        let mut sorted = Sorted::default();
        for answered in answers {
            match self.decided(&answered.question) {
                Some(answer) if answer == answered.answer => {}
                Some(_) => return Solved::Contradiction,
                None => sorted.add(self.fixed, answered),
            }
        }
        if self.imply(&mut sorted).is_none() {
            return Solved::Contradiction;
        }
        let mut situation = self.fixed.clone();
        let mut unknown = false;
        for group in &sorted.groups {
            match self.values(group, group.needed) {
                Values::Absent => situation.set(group.attribute.clone(), None),
                Values::These(list) => situation.set(group.attribute.clone(), Some(list.into())),
                Values::Never => return Solved::Contradiction,
                Values::Unknown => unknown = true,
            }
        }
        if unknown {
            return Solved::Unknown;
        }
        if sorted.linked.is_empty() {
            return Solved::Found(situation);
        }
        linked::solve(self, &sorted, &situation).map_or(Solved::Unknown, Solved::Found)
    }

    /// Adds what the registry says must hold besides; `None` where that contradicts what is fixed.
    fn imply(&self, sorted: &mut Sorted) -> Option<()> {
        let mut open: Vec<Attribute> = self.fixed.present().map(|(a, _)| a.clone()).collect();
        open.extend(
            sorted
                .groups
                .iter()
                .filter(|group| group.needed)
                .map(|group| group.attribute.clone()),
        );
        while let Some(attribute) = open.pop() {
            let given = self.fixed.knows(&attribute);
            for required in attribute.entry().requires {
                let Some(required) = Attribute::plain(*required) else {
                    continue;
                };
                if self.fixed.knows(&required) {
                    if !given && self.fixed.values(&required).is_none() {
                        return None;
                    }
                } else {
                    let group = sorted.group(&required);
                    if !std::mem::replace(&mut group.needed, true) {
                        open.push(required);
                    }
                }
            }
            if let Presence::Operations(operations) = attribute.entry().presence
                && !given
            {
                let among = among(operations)?;
                match self.decided(&among) {
                    Some(true) => {}
                    Some(false) => return None,
                    None => {
                        let operation = among.attribute.clone();
                        let group = sorted.group(&operation);
                        group.wishes.push((among, true));
                        if !std::mem::replace(&mut group.needed, true) {
                            open.push(operation);
                        }
                    }
                }
            }
        }
        Some(())
    }

    fn values(&self, group: &Group, needed: bool) -> Values {
        let asked = group.wishes.iter();
        let wished = (
            group.attribute.clone(),
            asked.map(|(q, wanted)| (q.ask.clone(), *wanted)).collect(),
            needed,
        );
        if let Some(found) = self.known.borrow().get(&wished) {
            return found.clone();
        }
        let wishes: Vec<_> = group.wishes.iter().map(|(q, w)| (q, *w)).collect();
        let found = values(&group.attribute, &wishes, needed);
        let mut known = self.known.borrow_mut();
        if known.len() >= SOLVED_MAX {
            known.clear();
        }
        known.insert(wished, found.clone());
        found
    }
}

/// Answers, by the attribute that they are about.
#[derive(Debug, Default)]
struct Sorted {
    groups: Vec<Group>,
    /// Questions that compare with an attribute that is not fixed.
    linked: Vec<Answered>,
}

/// What is wished of one attribute, in questions that compare with constants.
#[derive(Clone, Debug)]
struct Group {
    attribute: Attribute,
    wishes: Vec<(Question, bool)>,
    needed: bool,
}

impl Sorted {
    fn add(&mut self, fixed: &Situation, answered: &Answered) {
        let Answered { question, answer } = answered;
        if !fixed.knows(&question.attribute) {
            let group = self.group(&question.attribute);
            group.needed |= answer;
        }
        let free = refers_to(question, |other| !fixed.knows(other));
        match (free, grounded(question, fixed)) {
            (false, Some(question)) => {
                let group = self.group(&question.attribute);
                group.wishes.push((question, *answer));
            }
            _ => {
                self.linked.push(answered.clone());
                refers_to(question, |other| {
                    if !fixed.knows(other) {
                        self.group(other);
                    }
                    false
                });
            }
        }
    }

    fn group(&mut self, attribute: &Attribute) -> &mut Group {
        let place = self
            .groups
            .iter()
            .position(|group| group.attribute == *attribute);
        let place = place.unwrap_or_else(|| {
            self.groups.push(Group {
                attribute: attribute.clone(),
                wishes: Vec::new(),
                needed: false,
            });
            self.groups.len() - 1
        });
        #[expect(
            clippy::indexing_slicing,
            reason = "found, or pushed, in the lines above"
        )]
        &mut self.groups[place]
    }
}

/// Whether the question compares with an attribute of this sort.
pub(super) fn refers_to(question: &Question, sort: impl FnMut(&Attribute) -> bool) -> bool {
    match &question.ask {
        Ask::Test(predicate) => predicate.refers(sort),
        _ => false,
    }
}

/// The question with what these facts say in the place of references; `None` where that is too much.
fn grounded(question: &Question, facts: &Situation) -> Option<Question> {
    linked::grounded(question, facts)
}

/// Is the operation one of these?
fn among(operations: &[&str]) -> Option<Question> {
    let templates: Templates = operations.iter().map(Template::literal).collect();
    Some(Question {
        attribute: Attribute::plain(Name::Operation)?,
        ask: Ask::Test(std::sync::Arc::new(Predicate {
            quantifier: Quantifier::Any,
            test: Test::Text(TextMatch::Equals, templates),
        })),
    })
}

/// Whether every one of these answers is true of the situation.
fn holds(situation: &Situation, answers: &[Answered]) -> bool {
    answers.iter().all(|Answered { question, answer }| {
        truth(question, situation, &mut Work::full()) == Ok(*answer)
    })
}
