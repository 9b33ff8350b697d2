//! What is asked beside a decision, after it: shadows are compared with what was obeyed, and the answers of watched versions are
//! counted. Nothing here changes a decision. It costs its own evaluations, under the budgets of all.

use std::sync::atomic::{AtomicU64, Ordering};

use policy_wasm::plan::{Decision, LayerPlace, Plan, Trace};
use s3_protocol::call::Target;

use super::bench::{Bench, action};
use super::checks::Check;
use super::facts::CheckFacts;
use crate::observe::RequestId;
use crate::world::{Effect, PlanShadow, PlanTrials, Sighting};

/// Asks the shadows of a plan, and counts the answers of its watched versions.
pub(super) fn observe(
    bench: &Bench<'_>,
    (trials, plan): (&PlanTrials, &Plan),
    (check, facts): (&Check, &CheckFacts<'_>),
    decision: &Decision,
    id: RequestId,
) {
    let registry = &bench.gate.library.trials;
    for (place, watch) in &trials.watches {
        if let Some(answered) = answered(decision, *place)
            && let Some(failing) = watch.count(answered, bench.now_ms)
        {
            registry.tell(watch, failing);
        }
    }
    for shadow in &trials.shadows {
        let Some(sighting) = compare(bench, (shadow, plan), (check, facts), id) else {
            continue;
        };
        let (differs, answered) = shadow.tally.count(sighting);
        let [checks, differing, unanswered] = &registry.shadowed;
        let add = |number: &AtomicU64, by: bool| number.fetch_add(u64::from(by), Ordering::Relaxed);
        add(checks, true);
        add(differing, differs);
        add(unanswered, !answered);
    }
}

/// What the shadow says and what its place in the plan says. Where another layer has denied before, that place was not asked:
/// its tree is.
fn compare<'a>(
    bench: &Bench<'_>,
    (shadow, plan): (&PlanShadow, &Plan),
    (check, facts): (&'a Check, &CheckFacts<'_>),
    id: RequestId,
) -> Option<Sighting<'a>> {
    let judge = |layer| {
        let said = bench
            .gate
            .decider
            .judge(layer, action(check.operation), facts);
        Effect::of(said)
    };
    let active = match shadow.active.and_then(|place| plan.layer(place)) {
        Some(layer) => judge(layer)?,
        None => Effect::Off,
    };
    Some(Sighting {
        request: id,
        operation: check.operation,
        key: match &check.target {
            Target::Object(_, key) => key.as_str(),
            Target::Bucket(_) | Target::Service => "",
        },
        active,
        shadow: judge(&shadow.layer)?,
    })
}

/// Whether a layer answered; none where it was not asked.
fn answered(decision: &Decision, place: LayerPlace) -> Option<bool> {
    let trace: &Trace = match decision {
        Decision::Allowed(allowed) => &allowed.trace,
        Decision::Denied(denied) => &denied.trace,
        Decision::Undecided(undecided) => &undecided.trace,
        Decision::NeedsFetch(_) => return None,
    };
    let said = trace.iter().find(|said| said.layer == place)?;
    Some(said.verdict.is_some())
}
