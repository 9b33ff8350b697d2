//! Follows every way through modules: each question is answered yes and no by turns, and a way that no request could
//! take is given up as soon as that is proven.
//!
//! The ways are followed depth first. A module is a function of its answers, so a way is run again from its start for
//! the next one, and nothing is kept but the choices. Beside them goes a situation that takes the present way: it
//! answers a new question first, so only the other answer has to be solved for.

mod oracle;

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;

use super::situation::Situation;
use super::solver::{Answered, Solver, refers_to};
use crate::engine::Answering;
use crate::limits::{
    ENUMERATED_PATHS_MAX, ENUMERATED_QUESTIONS_MAX, ENUMERATION_MILLISECONDS_MAX, MERGED_PATHS_MAX,
};
use crate::question::{Question, Work, truth};
use oracle::{Choice, Oracle, Side};

/// How far an exploration goes.
#[derive(Clone, Copy)]
pub struct Bounds<'c> {
    /// Most paths that are followed.
    pub paths: usize,
    /// Most questions of one path.
    pub questions: usize,
    /// Most time, in milliseconds of the clock.
    pub milliseconds: u64,
    /// A monotonic clock in milliseconds.
    pub clock: &'c dyn Fn() -> u64,
}

impl<'c> Bounds<'c> {
    /// The usual bounds, and this clock.
    pub fn new(clock: &'c dyn Fn() -> u64) -> Self {
        Self {
            paths: ENUMERATED_PATHS_MAX,
            questions: ENUMERATED_QUESTIONS_MAX,
            milliseconds: ENUMERATION_MILLISECONDS_MAX,
            clock,
        }
    }
}

impl fmt::Debug for Bounds<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bounds")
            .field("paths", &self.paths)
            .field("questions", &self.questions)
            .field("milliseconds", &self.milliseconds)
            .finish_non_exhaustive()
    }
}

/// What is known before the first question.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Attributes with one value: the operation, the caller.
    pub fixed: Situation,
    /// Answers that narrow others: the key starts with `archive/`, the action fits `s3:DeleteObject*`.
    pub assumed: Vec<Answered>,
    /// What of a situation could be a request.
    pub settle: Settle,
}

/// Makes requests of a situation whose attributes were found one by one: those where what follows from another attribute does
/// follow from it. A witness is decided as one of these. What is given back need not take the same way; that is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Settle(pub fn(&Situation) -> Vec<Situation>);

impl Default for Settle {
    /// Every situation is a request.
    fn default() -> Self {
        Self(|situation| vec![situation.clone()])
    }
}

impl Query {
    /// Nothing is known.
    pub fn any() -> Self {
        Self::default()
    }

    /// Whether what is known is true of this situation.
    pub(super) fn holds(&self, situation: &Situation) -> bool {
        let mut assumed = self.assumed.iter();
        self.fixed.is_part_of(situation)
            && assumed.all(|Answered { question, answer }| {
                truth(question, situation, &mut Work::full()) == Ok(*answer)
            })
    }

    /// The same, and this question has this answer.
    #[must_use]
    pub fn assume(mut self, question: Question, answer: bool) -> Self {
        self.assumed.push(Answered { question, answer });
        self
    }
}

/// Why an exploration did not see everything.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Incomplete {
    /// There are more paths than are followed.
    #[error("there are more than {most} paths")]
    Paths {
        /// How many were followed.
        most: usize,
    },
    /// A path asks more questions than are followed.
    #[error("a path has more than {most} questions")]
    Questions {
        /// How many were followed.
        most: usize,
    },
    /// It takes too long.
    #[error("it takes more than {milliseconds} ms")]
    Time {
        /// The time that was given.
        milliseconds: u64,
    },
    /// A module reads a value: there are too many to try. Where the query fixes the attribute it is read.
    #[error("a module reads {attribute}, which the query does not fix")]
    Reads {
        /// What is read.
        attribute: String,
    },
    /// A module asked differently after the same answers.
    #[error("a module asks differently after the same answers")]
    Fickle,
}

/// One way, to its end.
#[derive(Clone, Debug)]
pub(super) struct Way<T> {
    /// The questions that matter, with their answers.
    pub(super) answers: Vec<Answered>,
    /// What is at its end.
    pub(super) end: T,
    /// A situation that takes it; `None` where none was found.
    pub(super) situation: Option<Situation>,
}

/// What was seen.
#[derive(Debug)]
pub(super) struct Explored<T> {
    pub(super) ways: Vec<Way<T>>,
    pub(super) incomplete: Vec<Incomplete>,
    /// How many ways were followed, those among them that were not kept or became one.
    pub(super) followed: usize,
}

/// Follows every way of `judge`. `keep` says which ends are of interest, and whether one is enough.
pub(super) fn explore<T: Clone + Eq + Hash>(
    judge: &dyn Fn(&dyn Answering) -> T,
    query: &Query,
    bounds: &Bounds<'_>,
    keep: &dyn Fn(&T, Option<&Situation>) -> Keep,
) -> Explored<T> {
    let solver = Solver::new(&query.fixed);
    let Some(oracle) = Oracle::new(&solver, query, bounds.questions) else {
        // What the query assumes contradicts itself: no request is meant.
        return Explored {
            ways: Vec::new(),
            incomplete: Vec::new(),
            followed: 0,
        };
    };
    let mut explorer = Explorer {
        oracle,
        explored: Explored {
            ways: Vec::new(),
            incomplete: Vec::new(),
            followed: 0,
        },
        ends: (bounds.clock)().saturating_add(bounds.milliseconds),
        bounds,
    };
    explorer.run(judge, keep);
    explorer.explored
}

/// What becomes of a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// It is of no interest.
    No,
    /// It is kept.
    Yes,
    /// It is kept, and nothing else is looked for.
    Last,
}

struct Explorer<'e, T> {
    oracle: Oracle<'e>,
    explored: Explored<T>,
    ends: u64,
    bounds: &'e Bounds<'e>,
}

impl<T: Clone + Eq + Hash> Explorer<'_, T> {
    fn run(
        &mut self,
        judge: &dyn Fn(&dyn Answering) -> T,
        keep: &dyn Fn(&T, Option<&Situation>) -> Keep,
    ) {
        loop {
            if self.explored.followed >= self.bounds.paths {
                let most = self.bounds.paths;
                return self.incomplete(Incomplete::Paths { most });
            }
            let end = {
                self.oracle.begin(self.explored.ways.len());
                judge(&self.oracle)
            };
            self.explored.followed += 1;
            match self.oracle.stopped() {
                Some(Incomplete::Fickle) => return self.incomplete(Incomplete::Fickle),
                Some(why) => self.incomplete(why),
                None => {
                    if self.keep(end, keep) == Keep::Last {
                        return;
                    }
                }
            }
            if (self.bounds.clock)() >= self.ends {
                let milliseconds = self.bounds.milliseconds;
                return self.incomplete(Incomplete::Time { milliseconds });
            }
            if !self.turn() {
                return;
            }
        }
    }

    fn incomplete(&mut self, why: Incomplete) {
        if !self.explored.incomplete.contains(&why) {
            self.explored.incomplete.push(why);
        }
    }

    /// Keeps the way that was followed, if it is of interest.
    fn keep(&mut self, end: T, keep: &dyn Fn(&T, Option<&Situation>) -> Keep) -> Keep {
        let Some(situation) = self.oracle.situation() else {
            return Keep::No;
        };
        let kept = keep(&end, situation.as_ref());
        if kept != Keep::No {
            self.explored.ways.push(Way {
                answers: self.oracle.answers(),
                end,
                situation,
            });
        }
        kept
    }

    /// Goes back to the latest question whose other answer is not followed yet, and turns it; false where there is none.
    fn turn(&mut self) -> bool {
        while let Some(Choice {
            answered,
            side,
            from,
        }) = self.oracle.pop()
        {
            match side {
                Side::First => {
                    let turned = Answered {
                        answer: !answered.answer,
                        ..answered
                    };
                    let second = Side::Second {
                        from: self.explored.ways.len(),
                    };
                    if self.oracle.push(turned, second, from) {
                        return true;
                    }
                    self.imply(from);
                }
                Side::Second { from: second } => self.merge(from, second),
                Side::Only => self.imply(from),
            }
        }
        false
    }

    /// An answer that follows from those before it is no condition.
    fn imply(&mut self, from: usize) {
        let depth = self.oracle.depth();
        for way in self.explored.ways.iter_mut().skip(from) {
            way.answers.remove(depth);
        }
    }

    /// Ways that differ in nothing but the answer to this question are one: states after it are equal.
    fn merge(&mut self, from: usize, middle: usize) {
        let depth = self.oracle.depth();
        let ways = &mut self.explored.ways;
        let sides = (middle - from, ways.len() - middle);
        if sides.0 == 0 || sides.1 == 0 || sides.0.max(sides.1) > MERGED_PATHS_MAX {
            return;
        }
        let second: Vec<Way<T>> = ways.drain(middle..).collect();
        let mut twins: HashMap<(Vec<Answered>, T), Vec<usize>> = HashMap::new();
        let rest = |way: &Way<T>| way.answers.get(depth + 1..).unwrap_or_default().to_vec();
        for (place, way) in ways.iter().enumerate().skip(from) {
            twins
                .entry((rest(way), way.end.clone()))
                .or_default()
                .push(place);
        }
        for way in second {
            let twin = twins
                .get_mut(&(rest(&way), way.end.clone()))
                .and_then(Vec::pop)
                .and_then(|place| ways.get_mut(place));
            match twin {
                Some(twin) => {
                    twin.answers.remove(depth);
                    // One that is taken says that the way is there.
                    if twin.situation.is_none() {
                        twin.situation = way.situation;
                    }
                }
                None => ways.push(way),
            }
        }
    }
}

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { question, answer } = self;
        write!(f, "{question}? {}", if *answer { "yes" } else { "no" })
    }
}

/// Every attribute that a question looks at.
pub(super) fn attributes(question: &Question) -> Vec<crate::registry::Attribute> {
    let mut all = vec![question.attribute.clone()];
    refers_to(question, |other| {
        all.push(other.clone());
        false
    });
    all
}
