//! All ways to an outcome, each with a request that takes it: `enumerate`, and what is built on it, `never` and
//! `who-can`.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::explore::{Bounds, Explored, Incomplete, Keep, Query, Way, explore};
use super::situation::Situation;
use super::solver::{Answered, Solved, Solver};
use super::subject::{Judgement, Outcome, Subject, owed};
use crate::engine::FromFacts;
use crate::plan::{Obligation, ObligationKind as Kind};
use crate::question::{Ask, Question};
use crate::registry::{Attribute, Name};

/// All ways that were found.
#[derive(Clone, Debug, Serialize)]
pub struct Enumeration {
    /// The ways; no request takes two of them.
    pub paths: Vec<Path>,
    /// Why there may be others; empty: there are none.
    #[serde(serialize_with = "words")]
    pub incomplete: Vec<Incomplete>,
    /// How many paths were followed, those among them that lead elsewhere.
    pub followed: usize,
}

/// One way to an outcome.
#[derive(Clone, Debug, Serialize)]
pub struct Path {
    /// What must be true of a request that takes it, all of it.
    #[serde(serialize_with = "words")]
    pub conditions: Vec<Answered>,
    /// What is said at its end.
    pub outcome: Outcome,
    /// The statements that say it.
    pub reasons: Vec<String>,
    /// What is demanded of the forwarded request.
    #[serde(serialize_with = "owed_words")]
    pub obligations: Vec<Obligation>,
    /// A request that takes it.
    pub witness: Witness,
}

/// The proof that a way is real.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Witness {
    /// This request was decided for real, and took the way.
    Verified(Situation),
    /// This one takes the way and is refused in the end all the same: it cannot fulfil an obligation. Others might.
    Unfulfillable(Situation),
    /// None was found, which does not prove that there is none.
    Unverified,
}

impl Enumeration {
    /// Whether there are no other ways than these.
    pub const fn is_complete(&self) -> bool {
        self.incomplete.is_empty()
    }
}

/// Every way of the subject to this outcome; `None`: to any.
pub fn enumerate(
    subject: Subject<'_>,
    query: &Query,
    outcome: Option<Outcome>,
    bounds: &Bounds<'_>,
) -> Enumeration {
    let keep = |judgement: &Judgement, _: Option<&Situation>| {
        if outcome.is_none_or(|outcome| judgement.outcome == outcome) {
            Keep::Yes
        } else {
            Keep::No
        }
    };
    let explored = explore(&|answers| subject.judge(answers), query, bounds, &keep);
    told(subject, query, explored)
}

fn told(subject: Subject<'_>, query: &Query, explored: Explored<Judgement>) -> Enumeration {
    let ways = explored.ways.into_iter();
    Enumeration {
        paths: ways.map(|way| path(subject, query, way)).collect(),
        incomplete: explored.incomplete,
        followed: explored.followed,
    }
}

fn path(subject: Subject<'_>, query: &Query, way: Way<Judgement>) -> Path {
    let witness = match &way.situation {
        Some(found) if subject.judge(&FromFacts(found)) == way.end => {
            let mut settled = (query.settle.0)(found);
            settled.retain(|situation| query.holds(situation));
            let place = settled
                .iter()
                .position(|situation| subject.decide(situation).outcome == way.end.outcome);
            match place {
                Some(place) => Witness::Verified(settled.swap_remove(place)),
                None if settled.is_empty() => Witness::Unverified,
                None => fulfilling(subject, query, &way)
                    .map_or_else(|| unfulfilled(subject, &way, settled), Witness::Verified),
            }
        }
        _ => Witness::Unverified,
    };
    Path {
        conditions: way.answers,
        outcome: way.end.outcome,
        reasons: way.end.reasons,
        obligations: way.end.obligations,
        witness,
    }
}

/// A request that takes the way, and is refused for what is demanded at its end.
fn unfulfilled(subject: Subject<'_>, way: &Way<Judgement>, settled: Vec<Situation>) -> Witness {
    let takes = |situation: &Situation| subject.judge(&FromFacts(situation)) == way.end;
    let found = settled.into_iter().find(takes);
    found.map_or(Witness::Unverified, Witness::Unfulfillable)
}

/// A request that takes the way and can fulfil what is demanded at its end: of an operation that no question named.
fn fulfilling(subject: Subject<'_>, query: &Query, way: &Way<Judgement>) -> Option<Situation> {
    let operation = Attribute::plain(Name::Operation)?;
    let solver = Solver::new(&query.fixed);
    let kinds = way.end.obligations.iter().map(|obligation| obligation.kind);
    kinds
        .flat_map(|kind| Kind::examples(kind).iter())
        .find_map(|name| {
            let is = Answered {
                question: Question {
                    attribute: operation.clone(),
                    ask: Ask::Equals(Arc::from(name.as_bytes())),
                },
                answer: true,
            };
            let answers = query.assumed.iter().chain(&way.answers).chain([&is]);
            let Solved::Found(situation) = solver.solve(answers) else {
                return None;
            };
            let mut settled = (query.settle.0)(&situation).into_iter();
            settled.find(|situation| {
                query.holds(situation) && subject.decide(situation).outcome == way.end.outcome
            })
        })
}

/// Whether an outcome never happens.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Never {
    /// It never does: every way was followed, and none leads there.
    Proven,
    /// It does, to this request.
    Refuted(Box<Path>),
    /// Nobody knows.
    Undecided(#[serde(serialize_with = "words")] Vec<Doubt>),
}

/// Why it is not known whether an outcome never happens.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// Not every way was followed.
    #[error(transparent)]
    Incomplete(#[from] Incomplete),
    /// A way leads there that nothing was found to take.
    #[error("no request was found that takes the path: {}", Listed(conditions))]
    Unverified {
        /// The way.
        conditions: Vec<Answered>,
    },
}

/// Whether the subject never has this outcome where the query holds. It stops at the first request that does.
pub fn never(subject: Subject<'_>, query: &Query, outcome: Outcome, bounds: &Bounds<'_>) -> Never {
    let real = |situation: &Situation| {
        query.holds(situation) && subject.decide(situation).outcome == outcome
    };
    let keep = |judgement: &Judgement, situation: Option<&Situation>| match situation {
        _ if judgement.outcome != outcome => Keep::No,
        Some(found) if (query.settle.0)(found).iter().any(real) => Keep::Last,
        _ => Keep::Yes,
    };
    let explored = explore(&|answers| subject.judge(answers), query, bounds, &keep);
    let told = told(subject, query, explored);
    let verified = |path: &Path| matches!(path.witness, Witness::Verified(_));
    let mut doubts: Vec<Doubt> = told.incomplete.into_iter().map(Doubt::from).collect();
    for path in told.paths {
        if verified(&path) {
            return Never::Refuted(Box::new(path));
        }
        let conditions = path.conditions;
        doubts.push(Doubt::Unverified { conditions });
    }
    if doubts.is_empty() {
        Never::Proven
    } else {
        Never::Undecided(doubts)
    }
}

/// What one caller can do.
#[derive(Clone, Debug, Serialize)]
pub struct Access<C> {
    /// The caller.
    pub caller: C,
    /// How: under which conditions that are left.
    pub ways: Enumeration,
}

/// Which of these callers can do what the query says, and under which conditions that are left. What is known of a
/// caller is fixed beside what the query fixes. Callers who cannot are left out; one of whom that is not known stays.
///
/// The bounds hold for each caller, but for the time, which is that of all.
pub fn who_can<C>(
    subject: Subject<'_>,
    query: &Query,
    callers: impl IntoIterator<Item = (C, Situation)>,
    bounds: &Bounds<'_>,
) -> Vec<Access<C>> {
    let start = (bounds.clock)();
    let mut found = Vec::new();
    for (caller, situation) in callers {
        let spent = (bounds.clock)().saturating_sub(start);
        let left = Bounds {
            milliseconds: bounds.milliseconds.saturating_sub(spent),
            ..*bounds
        };
        let query = Query {
            fixed: situation.over(&query.fixed),
            ..query.clone()
        };
        let ways = enumerate(subject, &query, Some(Outcome::Allow), &left);
        if !ways.paths.is_empty() || !ways.is_complete() {
            found.push(Access { caller, ways });
        }
    }
    found
}

fn words<T: fmt::Display, S: serde::Serializer>(
    list: &[T],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(list.iter().map(ToString::to_string))
}

fn owed_words<S: serde::Serializer>(list: &[Obligation], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(list.iter().map(owed))
}

struct Listed<'a>(&'a [Answered]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, answered) in self.0.iter().enumerate() {
            write!(f, "{}{answered}", if place == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.outcome)?;
        if !self.reasons.is_empty() {
            write!(f, " by `{}`", self.reasons.join("`, `"))?;
        }
        writeln!(f)?;
        for answered in &self.conditions {
            writeln!(f, "  {answered}")?;
        }
        for obligation in &self.obligations {
            writeln!(f, "  demands {}", owed(obligation))?;
        }
        match &self.witness {
            Witness::Verified(situation) => writeln!(f, "  for example: {situation}"),
            Witness::Unfulfillable(situation) => writeln!(
                f,
                "  unverified: {situation} takes this path and cannot fulfil what is demanded"
            ),
            Witness::Unverified => writeln!(f, "  unverified: no request was found that takes it"),
        }
    }
}

impl fmt::Display for Enumeration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for path in &self.paths {
            write!(f, "{path}")?;
        }
        complete(f, self.paths.len(), &self.incomplete)
    }
}

/// The last line of a list: how many, and whether these are all.
pub(super) fn complete(
    f: &mut fmt::Formatter<'_>,
    count: usize,
    incomplete: &[Incomplete],
) -> fmt::Result {
    write!(f, "{count} path(s), ")?;
    if incomplete.is_empty() {
        return writeln!(f, "complete");
    }
    let why: Vec<String> = incomplete.iter().map(ToString::to_string).collect();
    writeln!(f, "not complete: {}", why.join("; "))
}

impl fmt::Display for Never {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Proven => writeln!(f, "proven: no request"),
            Self::Refuted(path) => write!(f, "refuted: {path}"),
            Self::Undecided(doubts) => {
                writeln!(f, "undecided:")?;
                doubts.iter().try_for_each(|doubt| writeln!(f, "  {doubt}"))
            }
        }
    }
}
