//! The recorded checks decided again, by what is in force now and by a candidate in its place: where they differ, and what could
//! not be decided.
//!
//! The record is read line by line, and decisions are walks of trees, so that a million checks take seconds and no more memory than
//! a thousand. The trees are this replay's own: neither they nor the share of the processor of a module in force are used up.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use policy_wasm::decider::{Decider, DeciderOptions};
use policy_wasm::plan::{Decision, Denial, Obligations, Plan};
use policy_wasm::registry::Name;
use postern_config::directory::AccessKeyId;
use postern_config::judge::{Replay, ToolFault};
use s3_protocol::Operation;
use serde_json::{Value, json};

use super::Candidate;
use crate::journey::{Gate, action};
use crate::limits::{
    REPLAY_EXAMPLES_MAX, REPLAY_GROUPS_MAX, REPLAY_TREES_BYTES_MAX, TOOL_MILLISECONDS_MAX,
};
use crate::record::{Read, Recorded, Said, Tear};
use crate::world::{Caller, TenantPlan, World};

/// Decides the record again.
pub(super) fn replay(
    gate: &Arc<Gate>,
    asked: &Replay,
    candidate: &Candidate,
) -> Result<Value, ToolFault> {
    let mut record = read(gate, asked.since_seconds)?;
    let started = Instant::now();
    let mut replaying = Replaying::new(gate, candidate, asked.examples);
    let mut seen = 0_u64;
    while let Some(next) = record.next_check() {
        match next {
            Ok(recorded) => replaying.check(&recorded),
            Err(tear) => replaying.tear(tear),
        }
        seen += 1;
        // The clock is read now and then: a check takes a microsecond or two.
        if seen.is_multiple_of(4_096) && millis(started) >= TOOL_MILLISECONDS_MAX {
            replaying.cut = true;
            break;
        }
    }
    Ok(replaying.told(millis(started)))
}

/// The record from so many seconds ago on.
pub(super) fn read(gate: &Gate, since_seconds: Option<u64>) -> Result<Read, ToolFault> {
    let recorder = gate.recorder.as_ref().ok_or(ToolFault::Off(
        "nothing is recorded here: `requests = true` in the section `[record]` of the settings begins it",
    ))?;
    let since_ms = since_seconds.map_or(0, |seconds| {
        let ago = seconds.saturating_mul(1_000);
        gate.clock.now_ms().saturating_sub(ago)
    });
    Read::open(recorder.folder(), since_ms)
        .map_err(|cause| ToolFault::Failed(format!("the record cannot be read: {cause}")))
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

struct Replaying<'a> {
    gate: &'a Arc<Gate>,
    world: Arc<World>,
    candidate: &'a Candidate,
    decider: Decider,
    callers: HashMap<String, Option<Arc<Caller>>>,
    operations: HashMap<&'static str, Operation>,
    /// By the address of the plan in force, which is held beside it.
    plans: HashMap<usize, Both>,
    examples: usize,
    tally: Tally,
    cut: bool,
}

/// A plan in force and the one with the candidate; none where the candidate makes it too long.
type Both = (Arc<TenantPlan>, Option<Arc<TenantPlan>>);

#[derive(Default)]
struct Tally {
    checks: u64,
    decided: u64,
    differing: u64,
    /// Checks of which what is in force now says something else than was said then.
    changed_since: u64,
    undecidable: BTreeMap<String, u64>,
    groups: HashMap<Group, Seen>,
    groups_left_out: u64,
    span: Option<(u64, u64)>,
}

/// Checks that differ alike.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Group {
    key: String,
    operation: String,
    prefix: String,
    before: String,
    after: String,
}

#[derive(Default)]
struct Seen {
    count: u64,
    examples: Vec<Value>,
}

/// What a plan says to a recorded check.
#[derive(PartialEq)]
enum Outcome {
    Allowed(Obligations),
    Denied(String),
    Undecided(String),
    /// This was not recorded.
    Unknown(String),
}

impl<'a> Replaying<'a> {
    fn new(gate: &'a Arc<Gate>, candidate: &'a Candidate, examples: usize) -> Self {
        Self {
            gate,
            callers: HashMap::new(),
            operations: Operation::ALL.iter().map(|it| (it.name(), *it)).collect(),
            world: gate.world(),
            candidate,
            decider: Decider::new(DeciderOptions {
                trees_bytes: REPLAY_TREES_BYTES_MAX,
                apart: true,
                ..DeciderOptions::new(|| 0)
            }),
            plans: HashMap::new(),
            examples: examples.min(REPLAY_EXAMPLES_MAX),
            tally: Tally::default(),
            cut: false,
        }
    }

    fn tear(&mut self, tear: Tear) {
        self.tally.checks += 1;
        self.undecidable(tear.to_string());
    }

    fn undecidable(&mut self, why: String) {
        *self.tally.undecidable.entry(why).or_default() += 1;
    }

    fn check(&mut self, recorded: &Recorded) {
        self.tally.checks += 1;
        let at = recorded.at_ms;
        let (from, to) = self.tally.span.unwrap_or((at, at));
        self.tally.span = Some((from.min(at), to.max(at)));
        let Some(operation) = self.operations.get(recorded.operation.as_str()).copied() else {
            return self.undecidable("this version does not know the operation".to_owned());
        };
        let (before, after) = match self.plans_of(recorded) {
            Ok(plans) => plans,
            Err(why) => return self.undecidable(why.to_owned()),
        };
        let before = self.decide(&before.plan, operation, recorded);
        let after = self.decide(&after.plan, operation, recorded);
        for outcome in [&before, &after] {
            if let Outcome::Unknown(attribute) = outcome {
                return self.undecidable(format!("{attribute} was not recorded"));
            }
        }
        self.tally.decided += 1;
        self.tally.changed_since += u64::from(!before.is(recorded.said));
        if before.differs(&after) {
            self.differs(recorded, &before, &after);
        }
    }

    /// The plan in force for this check, and the one with the candidate.
    fn plans_of(
        &mut self,
        recorded: &Recorded,
    ) -> Result<(Arc<TenantPlan>, Arc<TenantPlan>), &'static str> {
        let caller = match &recorded.key {
            None => None,
            Some(key) => Some(self.caller(key)?),
        };
        let state = &self.world.state;
        let bucket = match recorded.bucket {
            None => None,
            Some(id) => {
                let gone = "its bucket is not there any more";
                Some(state.bucket_by_id(id).ok_or(gone)?.as_ref())
            }
        };
        let guarding = self.world.guarding(
            caller.as_ref().map(|caller| caller.tenant.id),
            bucket.map(|bucket| bucket.tenant),
        );
        let too_long = "more modules would be in force than a plan takes";
        let plan = self
            .world
            .plan(&self.gate.library, caller.as_deref(), bucket);
        let plan = plan.map_err(|_| too_long)?;
        let plan = match &caller {
            Some(caller) => plan.of_key(&caller.key.id),
            None => plan,
        };
        let address = Arc::as_ptr(&plan).addr();
        let candidate = self.candidate;
        let (plan, with) = self.plans.entry(address).or_insert_with(|| {
            let with = candidate.in_place(&plan, &guarding).ok().map(Arc::new);
            (plan, with)
        });
        let with = with.as_ref().ok_or(too_long)?;
        Ok((Arc::clone(plan), Arc::clone(with)))
    }

    /// Who has a key now: his policies judge him.
    fn caller(&mut self, key: &str) -> Result<Arc<Caller>, &'static str> {
        let (gate, world) = (self.gate, &self.world);
        let known = self.callers.entry(key.to_owned()).or_insert_with(|| {
            let id = key.parse::<AccessKeyId>().ok()?;
            world.caller(&gate.library, &id, gate.clock.now_seconds())
        });
        let gone = "its access key does not work any more";
        known.as_ref().map(Arc::clone).ok_or(gone)
    }

    fn decide(&self, plan: &Plan, operation: Operation, recorded: &Recorded) -> Outcome {
        let called = |place| plan.layer(place).map_or("", |layer| &*layer.name);
        match self.decider.decide(plan, action(operation), recorded) {
            Decision::Allowed(allowed) => Outcome::Allowed(allowed.obligations),
            Decision::Denied(denied) => {
                let reasons: Vec<String> = denied.reasons.iter().map(ToString::to_string).collect();
                let layer = match denied.denial {
                    Denial::Ungranted => "no grant",
                    denial => denial.layer().map_or("", called),
                };
                let by = [layer.to_owned(), reasons.join(" ")];
                Outcome::Denied(by.join(" ").trim_end().to_owned())
            }
            Decision::Undecided(no_answer) => {
                Outcome::Undecided(format!("{}: {}", called(no_answer.layer), no_answer.fault))
            }
            Decision::NeedsFetch(waits) => {
                let first = waits.wanted.first().map(ToString::to_string);
                Outcome::Unknown(first.unwrap_or_default())
            }
        }
    }

    fn differs(&mut self, recorded: &Recorded, before: &Outcome, after: &Outcome) {
        self.tally.differing += 1;
        let bucket = recorded.text(Name::Bucket).unwrap_or_default();
        let key = recorded.text(Name::Key).or(recorded.text(Name::Prefix));
        let folder = key
            .and_then(|key| key.split_once('/'))
            .map(|(first, _)| format!("{first}/"));
        let group = Group {
            key: recorded.key.clone().unwrap_or_default(),
            operation: recorded.operation.clone(),
            prefix: format!("{bucket}/{}", folder.unwrap_or_default()),
            before: before.to_string(),
            after: after.to_string(),
        };
        let groups = &mut self.tally.groups;
        if groups.len() >= REPLAY_GROUPS_MAX && !groups.contains_key(&group) {
            self.tally.groups_left_out += 1;
            return;
        }
        let seen = groups.entry(group).or_default();
        seen.count += 1;
        if seen.examples.len() < self.examples {
            seen.examples.push(json!({
                "request": recorded.request,
                "at_ms": recorded.at_ms,
                "resource": recorded.text(Name::Resource),
            }));
        }
    }

    fn told(self, milliseconds: u64) -> Value {
        let tally = self.tally;
        let mut groups: Vec<(Group, Seen)> = tally.groups.into_iter().collect();
        groups.sort_by(|(left, a), (right, b)| b.count.cmp(&a.count).then_with(|| left.cmp(right)));
        let groups: Vec<Value> = groups
            .into_iter()
            .map(|(group, seen)| {
                json!({
                    "access_key_id": Some(group.key).filter(|key| !key.is_empty()),
                    "operation": group.operation, "prefix": group.prefix,
                    "before": group.before, "after": group.after,
                    "count": seen.count, "examples": seen.examples,
                })
            })
            .collect();
        let why = tally.undecidable.iter();
        let why: Vec<Value> = why
            .map(|(why, count)| json!({ "why": why, "count": count }))
            .collect();
        let undecidable: u64 = tally.undecidable.values().sum();
        json!({
            "module": { "name": self.candidate.name, "digest": self.candidate.module.digest().to_string() },
            "checks": tally.checks,
            "decided": tally.decided,
            "differing": tally.differing,
            "undecidable": undecidable,
            "why": why,
            "changed_since": tally.changed_since,
            "cut_short": self.cut,
            "from_ms": tally.span.map(|(from, _)| from),
            "to_ms": tally.span.map(|(_, to)| to),
            "differences": groups,
            "differences_left_out": tally.groups_left_out,
            "milliseconds": milliseconds,
        })
    }
}

impl Outcome {
    fn is(&self, said: Said) -> bool {
        matches!(
            (self, said),
            (Self::Allowed(_), Said::Allowed)
                | (Self::Denied(_), Said::Denied)
                | (Self::Undecided(_), Said::Undecided)
        )
    }

    /// That another statement says the same is no difference.
    fn differs(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Allowed(one), Self::Allowed(other)) => one != other,
            (Self::Denied(_), Self::Denied(_)) | (Self::Undecided(_), Self::Undecided(_)) => false,
            _ => true,
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Allowed(obligations) if *obligations == Obligations::default() => {
                f.write_str("allowed")
            }
            Self::Allowed(_) => f.write_str("allowed with obligations"),
            Self::Denied(by) => write!(f, "denied by {by}"),
            Self::Undecided(why) => write!(f, "no answer by {why}"),
            Self::Unknown(attribute) => write!(f, "{attribute} was not recorded"),
        }
    }
}
