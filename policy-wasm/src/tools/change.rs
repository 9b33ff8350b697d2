//! The smallest change that would allow a request that is denied: which answers would have to be others, at most three.
//!
//! Answers are turned one by one, then two by two, then three by three, in the order in which they are asked, so the
//! first set that leads to an allow is a smallest one, and always the same. Only answers that a blocking layer heard are
//! turned. A set counts only if a request can give these answers while everything else about it stays as it is, and
//! that request is then decided for real. What the request does stays as it is, and so does who has signed it: to be
//! nobody is no advice to him.

use std::cell::RefCell;
use std::collections::{HashSet, VecDeque};
use std::fmt;

use serde::Serialize;

use super::explore::attributes;
use super::situation::Situation;
use super::solver::{Answered, Solved, Solver};
use super::subject::{Outcome, Subject};
use crate::engine::{Answering, Cause, Module, Verdict};
use crate::facts::{Fact, Facts, OwnedValue, Value};
use crate::limits::CHANGED_ANSWERS_MAX;
use crate::plan::{LayerKind, Obligation, ObligationOperand};
use crate::question::{Answer, Ask, Question, Unanswered, Work, answer, truth};
use crate::registry::{Attribute, Name, Presence};

/// The result of the search.
#[derive(Clone, Debug)]
pub enum SmallestChange {
    /// These answers would have to be others.
    Found(Change),
    /// Proven: no change of so few answers allows it, nor is it allowed as it is.
    None,
    /// It was not denied: there is nothing to change.
    Allowed,
    /// Nothing was found before the search ended: it came to its bound, or a module gives no answer.
    Unknown,
}

/// A change that would allow a request.
#[derive(Clone, Debug)]
pub struct Change {
    /// The questions with the answers that they would have to have.
    pub answers: Vec<Answered>,
    /// The request as it would have to be: what is asked about, as it is, but for what changes.
    pub situation: Situation,
}

/// Looks for the smallest change, with at most so many evaluations of the whole subject: see
/// [`CHANGE_EVALUATIONS_MAX`](crate::limits::CHANGE_EVALUATIONS_MAX).
pub fn smallest_change(
    subject: Subject<'_>,
    facts: &dyn Facts,
    evaluations: usize,
) -> SmallestChange {
    let mut questions: Vec<Question> = Vec::new();
    let mut open: VecDeque<Vec<usize>> = VecDeque::from([Vec::new()]);
    let mut seen: HashSet<Vec<usize>> = HashSet::new();
    let mut unknown = false;
    let mut left = evaluations;
    while let Some(turned) = open.pop_front() {
        if left == 0 {
            return SmallestChange::Unknown;
        }
        left -= 1;
        let pick = |place: &usize| questions.get(*place).cloned();
        let answers = Turning {
            facts,
            turned: turned.iter().filter_map(pick).collect(),
            heard: RefCell::default(),
        };
        match follow(subject, &answers) {
            Followed::Allowed(_) if turned.is_empty() => return SmallestChange::Allowed,
            Followed::Allowed(owed) => match answers.possible(subject, &owed) {
                Possible::Yes(change) => return SmallestChange::Found(change),
                Possible::No => {}
                Possible::Unknown => unknown = true,
            },
            Followed::Blocked(blocking) if turned.len() < CHANGED_ANSWERS_MAX => {
                for question in blocking {
                    let place = place_of(&mut questions, question);
                    let mut more = turned.clone();
                    if more.contains(&place) {
                        continue;
                    }
                    more.push(place);
                    let mut sorted = more.clone();
                    sorted.sort_unstable();
                    if seen.insert(sorted) {
                        open.push_back(more);
                    }
                }
            }
            Followed::Blocked(_) => {}
            Followed::Failed => unknown = true,
        }
    }
    if unknown {
        SmallestChange::Unknown
    } else {
        SmallestChange::None
    }
}

fn place_of(questions: &mut Vec<Question>, question: Question) -> usize {
    let place = questions.iter().position(|known| *known == question);
    place.unwrap_or_else(|| {
        questions.push(question);
        questions.len() - 1
    })
}

/// Answers from facts, but for some questions the other way round.
struct Turning<'f> {
    facts: &'f dyn Facts,
    turned: Vec<Question>,
    heard: RefCell<Vec<(Question, Answer<'static>)>>,
}

impl Answering for Turning<'_> {
    fn answer(&self, question: &Question, work: &mut Work) -> Result<Answer<'static>, Unanswered> {
        let mut answered = answer(question, self.facts, work)?.into_owned();
        if self.turned.contains(question)
            && let Answer::Truth(truth) = &mut answered
        {
            *truth = !*truth;
        }
        let heard = (question.clone(), answered.clone());
        self.heard.borrow_mut().push(heard);
        Ok(answered)
    }
}

/// The kind of a caller who has not signed. Source: the values of `aws:PrincipalType`.
const ANONYMOUS: &[u8] = b"Anonymous";

enum Followed {
    Allowed(Vec<Obligation>),
    /// With the questions of those layers that stand in the way.
    Blocked(Vec<Question>),
    Failed,
}

fn follow(subject: Subject<'_>, answers: &Turning<'_>) -> Followed {
    let mut owed = Vec::new();
    let mut ungranted = Vec::new();
    let mut granted = false;
    let layers: Vec<(LayerKind, &Module)> = match subject {
        Subject::Module(module) => vec![(LayerKind::Grant, module)],
        Subject::Plan(plan) => {
            let layers = plan.layers().iter();
            layers.map(|layer| (layer.kind, &*layer.module)).collect()
        }
    };
    for (kind, module) in layers {
        let before = answers.heard.borrow().len();
        let said = match module.interrogate(answers) {
            Ok(said) => said,
            Err(stopped) => match stopped.cause {
                Cause::NotFetched(_) | Cause::Fault(_) => return Followed::Failed,
            },
        };
        let heard = answers.heard.borrow();
        let asked = heard
            .iter()
            .skip(before)
            .filter(|(_, answer)| matches!(answer, Answer::Truth(_)))
            .map(|(question, _)| question.clone())
            .filter(|question| !answers.stays(question.attribute.name()));
        match (kind, said.verdict) {
            (_, Verdict::Deny) | (LayerKind::Limit, Verdict::NoOpinion) => {
                return Followed::Blocked(asked.collect());
            }
            (LayerKind::Grant, Verdict::Allow) => granted = true,
            (LayerKind::Grant, Verdict::NoOpinion) => ungranted.extend(asked),
            (LayerKind::Guard, Verdict::NoOpinion)
            | (LayerKind::Limit | LayerKind::Guard, Verdict::Allow) => {}
        }
        owed.extend(said.obligations);
    }
    if granted {
        Followed::Allowed(owed)
    } else {
        Followed::Blocked(ungranted)
    }
}

/// Whether it says what the request does. To ask for something else is no change of the request, but another.
const fn is_what_is_asked(name: Name) -> bool {
    matches!(name, Name::Operation | Name::Atom | Name::Action)
}

enum Possible {
    Yes(Change),
    No,
    Unknown,
}

impl Turning<'_> {
    /// Whether it says what the request does, or what kind of caller has signed it.
    fn stays(&self, name: Name) -> bool {
        is_what_is_asked(name) || (name == Name::PrincipalType && self.is_signed())
    }

    fn is_signed(&self) -> bool {
        let kind = Attribute::plain(Name::PrincipalType);
        kind.is_some_and(|kind| match self.facts.get(&kind) {
            Fact::Present(kind) => kind.get(0) != Some(Value::Text(ANONYMOUS)),
            Fact::Absent | Fact::NotFetched => false,
        })
    }

    /// Whether a request can give these answers that is as the real one in all that no turned question is about.
    fn possible(&self, subject: Subject<'_>, owed: &[Obligation]) -> Possible {
        let heard: Vec<Answered> = self.heard_truths();
        let turned = |answered: &Answered| self.turned.contains(&answered.question);
        let mut changed: Vec<Answered> = Vec::new();
        for answered in heard.iter().filter(|answered| turned(answered)) {
            if !changed.contains(answered) {
                changed.push(answered.clone());
            }
        }
        let mut solved = self.solve(&heard, &changed, owed);
        // What was turned and then not asked stays as it is, unless the other changes need it: an object needs a bucket.
        if matches!(solved, Solved::Contradiction) {
            let asked = |question: &Question| changed.iter().any(|c| c.question == *question);
            let unasked: Vec<Answered> = self
                .turned
                .iter()
                .filter(|question| !asked(question))
                .filter_map(|question| {
                    let real = truth(question, &self.facts, &mut Work::full()).ok()?;
                    Some(Answered {
                        question: question.clone(),
                        answer: !real,
                    })
                })
                .collect();
            if !unasked.is_empty() {
                changed.extend(unasked.iter().cloned());
                let all: Vec<Answered> = heard.iter().chain(&unasked).cloned().collect();
                solved = self.solve(&all, &changed, owed);
            }
        }
        match solved {
            Solved::Found(situation) if subject.decide(&situation).outcome == Outcome::Allow => {
                Possible::Yes(Change {
                    answers: changed,
                    situation,
                })
            }
            Solved::Found(_) | Solved::Unknown => Possible::Unknown,
            Solved::Contradiction => Possible::No,
        }
    }

    fn heard_truths(&self) -> Vec<Answered> {
        let heard = self.heard.borrow();
        let truths = heard.iter().filter_map(|(question, answer)| match answer {
            Answer::Truth(answer) => Some(Answered {
                question: question.clone(),
                answer: *answer,
            }),
            Answer::Reading(_) => None,
        });
        truths.collect()
    }

    /// A request that gives these answers, and is the real one in all that none of the changed ones is about.
    fn solve(&self, answers: &[Answered], changed: &[Answered], owed: &[Obligation]) -> Solved {
        let free: Vec<&Attribute> = changed.iter().map(|c| &c.question.attribute).collect();
        let mut fixed: Vec<Attribute> = Attribute::plain(Name::Operation).into_iter().collect();
        let heard = self.heard.borrow();
        fixed.extend(heard.iter().flat_map(|(question, _)| attributes(question)));
        // What an answer is compared with stays, also where that was never asked before.
        fixed.extend(answers.iter().flat_map(|it| attributes(&it.question)));
        fixed.extend(free.iter().copied().cloned());
        fixed.extend(
            owed.iter()
                .filter_map(|obligation| match &obligation.operand {
                    ObligationOperand::Reference(attribute) => Some(attribute.clone()),
                    ObligationOperand::None | ObligationOperand::Constant(_) => None,
                }),
        );
        let mut place = 0;
        while let Some(attribute) = fixed.get(place) {
            let required = attribute.entry().requires.iter();
            let required: Vec<Attribute> = required.filter_map(|n| Attribute::plain(*n)).collect();
            for attribute in required {
                if !fixed.contains(&attribute) {
                    fixed.push(attribute);
                }
            }
            place += 1;
        }
        let fixed = fixed.iter().filter(|attribute| !free.contains(attribute));
        let fixed = Situation::of(self.facts, fixed);
        // What is there would rather be another than be absent: a request for an object has a key.
        let there = free.iter().filter(|attribute| self.is_present(attribute));
        let there: Vec<Answered> = there.map(|attribute| present(attribute)).collect();
        let solver = Solver::new(&fixed);
        match solver.solve(answers.iter().chain(&there)) {
            Solved::Found(situation) => Solved::Found(situation),
            Solved::Contradiction | Solved::Unknown => solver.solve(answers),
        }
    }

    fn is_present(&self, attribute: &Attribute) -> bool {
        matches!(self.facts.get(attribute), Fact::Present(_))
    }
}

fn present(attribute: &Attribute) -> Answered {
    Answered {
        question: Question {
            attribute: attribute.clone(),
            ask: Ask::Present,
        },
        answer: true,
    }
}

impl Change {
    /// What would have to change, a sentence for each answer.
    pub fn words(&self) -> Vec<String> {
        self.answers
            .iter()
            .map(|answered| {
                let Answered { question, answer } = answered;
                let not = if *answer { "" } else { "not: " };
                format!("{} ({not}{question})", self.lead(&question.attribute))
            })
            .collect()
    }

    fn lead(&self, attribute: &Attribute) -> String {
        let value = self.situation.values(attribute);
        match (attribute.name(), value) {
            (Name::SecureTransport, Some([OwnedValue::Bool(true)])) => {
                "the request would have to come over TLS".to_owned()
            }
            (Name::SecureTransport, _) => "the request would have to come without TLS".to_owned(),
            (Name::SourceIp, _) => "the request would have to come from another address".to_owned(),
            (Name::CurrentTime | Name::EpochTime | Name::TimeOfDay | Name::DayOfWeek, _) => {
                "the request would have to come at another time".to_owned()
            }
            (_, None) => format!("{attribute} would have to be absent"),
            (name, _) if name.entry().presence == Presence::Constraint => {
                format!("the key would have to carry another {attribute}")
            }
            _ => format!("{attribute} would have to be another"),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.words()
            .iter()
            .try_for_each(|words| writeln!(f, "{words}"))
    }
}

impl Serialize for Change {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut change = serializer.serialize_struct("Change", 2)?;
        change.serialize_field("changes", &self.words())?;
        change.serialize_field("request", &self.situation)?;
        change.end()
    }
}
