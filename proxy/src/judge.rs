//! What the admin side asks of policies: why a request was answered as it was, and whether a module works.

mod documents;
mod recall;

pub(crate) use documents::check_policy;
pub(crate) use recall::Recall;

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use policy_wasm::decider::Decider;
use policy_wasm::plan::Layer;
use postern_config::directory::{Binding, Digest, PolicyPlace};
use postern_config::judge::{
    Judge, ModuleFaults, ModuleReport, PolicyFaults, PolicyReport, TestReport,
};
use s3_protocol::call::Target;
use serde_json::{Value, json};

use crate::journey::{Bench, Check, Checks, Gate, action, checks_of};
use recall::Remembered;

/// Answers for the policies of a gate.
pub struct GateJudge(pub Arc<Gate>);

impl Judge for GateJudge {
    fn explain<'a>(&'a self, request: &'a str) -> BoxFuture<'a, Option<Value>> {
        let found = request.parse().ok().and_then(|id| self.0.recall.find(id));
        Box::pin(async move { found.map(|remembered| explain(&self.0, &remembered)) })
    }

    fn check(&self, bytes: Arc<[u8]>) -> BoxFuture<'_, Result<ModuleReport, ModuleFaults>> {
        let gate = Arc::clone(&self.0);
        Box::pin(off_the_path(move || check(&gate, &bytes)))
    }

    fn prepare(&self, bytes: Arc<[u8]>) -> BoxFuture<'_, Result<(), ModuleFaults>> {
        let gate = Arc::clone(&self.0);
        Box::pin(off_the_path(move || {
            let module = gate.library.engine.load(&bytes).map_err(fault)?;
            match policy_wasm::tools::failed_tests(&module) {
                failed if failed.is_empty() => Ok(()),
                failed => Err(ModuleFaults(failed)),
            }
        }))
    }

    fn test(
        &self,
        bytes: Arc<[u8]>,
        cases: Vec<u8>,
    ) -> BoxFuture<'_, Result<TestReport, ModuleFaults>> {
        let gate = Arc::clone(&self.0);
        Box::pin(off_the_path(move || {
            let cases = policy_wasm::tools::cases(&cases).map_err(fault)?;
            let module = gate.library.engine.load(&bytes).map_err(fault)?;
            let report = policy_wasm::tools::test(&module, &cases);
            Ok(TestReport {
                passed: report.passed,
                failed: report.failed.len(),
                failures: serde_json::to_value(&report.failed).unwrap_or_default(),
            })
        }))
    }

    fn check_policy(
        &self,
        place: PolicyPlace,
        text: String,
    ) -> BoxFuture<'_, Result<PolicyReport, PolicyFaults>> {
        Box::pin(check_policy(Arc::clone(&self.0), place, text))
    }

    fn trials(&self, binding: &Binding) -> Value {
        self.0.library.trials.report(binding)
    }

    fn unloadable(&self, digest: Digest) -> Option<String> {
        let unloadable = self.0.library.unloadable(&self.0.directory().state());
        let found = unloadable.into_iter().find(|it| it.digest == digest);
        found.map(|it| it.cause)
    }

    fn statistics(&self, digest: Digest) -> Option<Value> {
        let module = self
            .0
            .library
            .engine
            .loaded(policy_wasm::engine::Digest::from(*digest.as_bytes()))?;
        let spent = module.statistics();
        let trees = self.0.decider.inspect(&module);
        let inspection = module.inspection();
        Some(json!({
            "manifest": inspection.manifest,
            "bytes": inspection.bytes,
            "reusable_instances": inspection.reusable,
            "evaluations": spent.evaluations,
            "faults": spent.faults,
            "fuel": spent.units,
            "asks_differently": spent.fickle,
            "trees": { "trees": trees.trees, "questions": trees.nodes, "bytes": trees.bytes },
        }))
    }
}

/// Compiling takes milliseconds: it is done where no request waits for it.
async fn off_the_path<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ModuleFaults> + Send + 'static,
) -> Result<T, ModuleFaults> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(ModuleFaults(vec!["the check was interrupted".to_owned()])))
}

fn fault(cause: impl fmt::Display) -> ModuleFaults {
    ModuleFaults(vec![cause.to_string()])
}

/// Checks a module, loads it, and runs the tests that it brings.
fn check(gate: &Gate, bytes: &[u8]) -> Result<ModuleReport, ModuleFaults> {
    let module = gate.library.engine.load(bytes).map_err(fault)?;
    let inspection = module.inspection();
    let failed: Vec<String> = policy_wasm::tools::failed_tests(&module);
    if !failed.is_empty() {
        return Err(ModuleFaults(failed));
    }
    let mut warnings = Vec::new();
    if !inspection.reusable {
        warnings.push("each evaluation needs a fresh instance: the module reads values, or keeps state between calls".to_owned());
    }
    if inspection.manifest.tests.is_empty() {
        warnings.push("the module brings no tests".to_owned());
    }
    Ok(ModuleReport {
        name: inspection.manifest.name.clone(),
        version: inspection.manifest.version.clone(),
        manifest: serde_json::to_value(&inspection.manifest).unwrap_or_default(),
        warnings,
    })
}

/// Judges a remembered request again, with its plan and its clock, and tells everything.
fn explain(gate: &Arc<Gate>, remembered: &Remembered) -> Value {
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
        .map(|check| explain_check(&gate.decider, &bench, check))
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

fn explain_check(decider: &Decider, bench: &Bench<'_>, check: &Check) -> Value {
    let bucket = bench.bucket_of(check);
    let Ok(plan) = bench.plan(bucket.as_ref()) else {
        return json!({ "decision": "undecided" });
    };
    let facts = bench.facts(check, bucket.as_deref());
    let explanation = decider.explain(&plan.plan, action(check.operation), &facts);
    // Whoever asks here holds the token of the whole deployment: every layer is shown.
    let told = policy_wasm::tools::explain(&plan.plan, &explanation, &|_: &Layer| true);
    json!({
        "operation": check.operation.name(),
        "action": check.operation.action(),
        "resource": resource(&check.target),
        "bucket_exists": bucket.is_some(),
        "plan": told,
        "text": told.to_string(),
    })
}

fn resource(target: &Target) -> String {
    match target {
        Target::Service => "arn:aws:s3:::".to_owned(),
        Target::Bucket(bucket) => format!("arn:aws:s3:::{bucket}"),
        Target::Object(bucket, key) => format!("arn:aws:s3:::{bucket}/{}", key.as_str()),
    }
}

impl fmt::Debug for GateJudge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GateJudge").field(&self.0).finish()
    }
}
