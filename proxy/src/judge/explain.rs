//! Why a request is answered as it is: every layer with its questions and answers, and the smallest change that would allow it.

use std::sync::Arc;

use policy_wasm::facts::Facts;
use policy_wasm::limits::{CHANGE_EVALUATIONS_MAX, CHANGED_ANSWERS_MAX};
use policy_wasm::plan::{Layer, Plan};
use policy_wasm::tools::{ExplainedDecision, SmallestChange, Subject, smallest_change};
use s3_protocol::call::Target;
use serde_json::{Value, json};

use super::recall::Remembered;
use crate::journey::{Bench, Check, Checks, Gate, action, checks_of};

/// Judges a remembered request again, with its plan and its clock, and tells everything.
pub(super) fn remembered(gate: &Arc<Gate>, remembered: &Remembered) -> Value {
    let Remembered {
        id,
        scene,
        world,
        deletes,
        now_ms,
    } = remembered;
    let bench = Bench::new(gate, world, scene, *now_ms);
    let checks = match deletes {
        Some(checks) => Checks::clone(checks),
        None => checks_of(scene.request()),
    };
    let checks: Vec<Value> = checks
        .iter()
        .map(|check| self::check(&bench, check))
        .collect();
    json!({
        "request": id.as_str(),
        "at_ms": now_ms,
        "operation": scene.request().operation.name(),
        "caller": scene.caller().map(|caller| &caller.arn),
        "access_key_id": scene.caller().map(|caller| caller.key.id.as_str()),
        "source_ip": scene.peer().client.to_string(),
        "revision": world.state.revision().0,
        "checks": checks,
    })
}

/// What each layer says to a check, and where it is denied the smallest change that would allow it.
pub(super) fn check(bench: &Bench<'_>, check: &Check) -> Value {
    let bucket = bench.bucket_of(check);
    let Ok(plan) = bench.plan(bucket.as_ref()) else {
        return json!({ "decision": "undecided" });
    };
    let facts = bench.facts(check, bucket.as_deref());
    let decider = &bench.gate.decider;
    let explanation = decider.explain(&plan.plan, action(check.operation), &facts);
    // Whoever asks here holds the token of the whole deployment: every layer is shown.
    let told = policy_wasm::tools::explain(&plan.plan, &explanation, &|_: &Layer| true);
    let change = match told.decision {
        ExplainedDecision::Denied => change(&plan.plan, &facts),
        ExplainedDecision::Allowed
        | ExplainedDecision::Undecided
        | ExplainedDecision::NeedsFetch => Value::Null,
    };
    json!({
        "operation": check.operation.name(),
        "action": check.operation.action(),
        "resource": resource(&check.target),
        "bucket_exists": bucket.is_some(),
        "plan": told,
        "change": change,
        "text": told.to_string(),
    })
}

/// The smallest change that would allow what is denied, or why none is told.
fn change(plan: &Plan, facts: &dyn Facts) -> Value {
    match smallest_change(Subject::Plan(plan), facts, CHANGE_EVALUATIONS_MAX) {
        SmallestChange::Found(change) => json!({ "found": true, "change": change }),
        SmallestChange::None => json!({
            "found": false,
            "why": format!("proven: this operation would not be allowed, were up to {CHANGED_ANSWERS_MAX} answers others"),
        }),
        SmallestChange::Unknown => json!({
            "found": false,
            "why": format!("none was found of at most {CHANGED_ANSWERS_MAX} answers, and there may be one"),
        }),
        // The plan as it is asked here and the plan as it decides are one function: this does not happen.
        SmallestChange::Allowed => Value::Null,
    }
}

/// The ARN of what a check is about.
pub(super) fn resource(target: &Target) -> String {
    match target {
        Target::Service => "arn:aws:s3:::".to_owned(),
        Target::Bucket(bucket) => format!("arn:aws:s3:::{bucket}"),
        Target::Object(bucket, key) => format!("arn:aws:s3:::{bucket}/{}", key.as_str()),
    }
}
