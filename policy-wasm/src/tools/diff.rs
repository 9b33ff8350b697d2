//! Where two modules or plans decide differently: both are followed at once, on the same answers.

use std::fmt;

use serde::Serialize;

use super::enumerate::complete;
use super::explore::{Bounds, Incomplete, Keep, Query, explore};
use super::situation::Situation;
use super::solver::Answered;
use super::subject::{Judgement, Outcome, Subject, owed};
use crate::engine::FromFacts;

/// Where two subjects differ.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The areas in which they do; no request is in two of them.
    pub areas: Vec<Area>,
    /// Why there may be others; empty: there are none.
    pub incomplete: Vec<Incomplete>,
    /// How many paths of both together were followed.
    pub followed: usize,
}

/// Requests of which two subjects say two things.
#[derive(Clone, Debug)]
pub struct Area {
    /// What must be true of a request in it, all of it.
    pub conditions: Vec<Answered>,
    /// What the first says.
    pub before: Judgement,
    /// What the second says.
    pub after: Judgement,
    /// A request in it, decided by both for real; `None` where none was found, which does not prove that there is none.
    pub witness: Option<Situation>,
}

impl Difference {
    /// Whether there are no other areas than these.
    pub const fn is_complete(&self) -> bool {
        self.incomplete.is_empty()
    }
}

/// Where the second subject says something else than the first: another outcome, or other obligations. That another
/// statement says the same is no difference.
pub fn diff(
    before: Subject<'_>,
    after: Subject<'_>,
    query: &Query,
    bounds: &Bounds<'_>,
) -> Difference {
    let both =
        |answers: &dyn crate::engine::Answering| (before.judge(answers), after.judge(answers));
    let keep = |(before, after): &(Judgement, Judgement), _: Option<&Situation>| {
        if differ(before, after) {
            Keep::Yes
        } else {
            Keep::No
        }
    };
    let explored = explore(&both, query, bounds, &keep);
    let area = |way: super::explore::Way<(Judgement, Judgement)>| {
        // Where other attributes follow from those that were found, the request may be in another area: it differs all the same.
        let real = |situation: &Situation| {
            let (before, after) = both(&FromFacts(situation));
            query.holds(situation)
                && (before.outcome, after.outcome) == (way.end.0.outcome, way.end.1.outcome)
                && differ(&before, &after)
        };
        let witness = way
            .situation
            .filter(|situation| both(&FromFacts(situation)) == way.end)
            .and_then(|situation| (query.settle.0)(&situation).into_iter().find(real));
        Area {
            conditions: way.answers,
            before: way.end.0,
            after: way.end.1,
            witness,
        }
    };
    Difference {
        areas: explored.ways.into_iter().map(area).collect(),
        incomplete: explored.incomplete,
        followed: explored.followed,
    }
}

/// Whether these are two decisions: the order of obligations does not matter.
pub(super) fn differ(before: &Judgement, after: &Judgement) -> bool {
    let owes = |owing: &Judgement, other: &Judgement| {
        let mut owed = other.obligations.iter();
        owed.all(|obligation| owing.obligations.contains(obligation))
    };
    before.outcome != after.outcome || !owes(before, after) || !owes(after, before)
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} → {}", said(&self.before), said(&self.after))?;
        for answered in &self.conditions {
            writeln!(f, "  {answered}")?;
        }
        match &self.witness {
            Some(situation) => writeln!(f, "  for example: {situation}"),
            None => writeln!(f, "  unverified: no request was found"),
        }
    }
}

fn said(judgement: &Judgement) -> String {
    let mut said = judgement.outcome.to_string();
    if !judgement.reasons.is_empty() {
        said = format!("{said} by `{}`", judgement.reasons.join("`, `"));
    }
    if judgement.outcome == Outcome::Allow && !judgement.obligations.is_empty() {
        let owed: Vec<String> = judgement.obligations.iter().map(owed).collect();
        said = format!("{said} demanding {}", owed.join(", "));
    }
    said
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for area in &self.areas {
            write!(f, "{area}")?;
        }
        complete(f, self.areas.len(), &self.incomplete)
    }
}

/// As it prints: conditions and what both say in words.
impl Serialize for Area {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let conditions: Vec<String> = self.conditions.iter().map(ToString::to_string).collect();
        let mut area = serializer.serialize_struct("Area", 6)?;
        area.serialize_field("conditions", &conditions)?;
        area.serialize_field("before", &self.before.outcome)?;
        area.serialize_field("after", &self.after.outcome)?;
        area.serialize_field("before_said", &said(&self.before))?;
        area.serialize_field("after_said", &said(&self.after))?;
        area.serialize_field("witness", &self.witness)?;
        area.end()
    }
}
