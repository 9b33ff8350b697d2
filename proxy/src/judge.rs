//! What the admin side asks of policies: why a request was answered as it was, and whether a module works.

mod candidate;
mod documents;
mod explain;
mod past;
mod query;
mod recall;
mod replay;
mod right_size;
mod search;
mod shapes;
mod simulate;
mod version;

pub(crate) use candidate::Candidate;
pub(crate) use documents::{check_attached, check_policy, check_trust};
pub(crate) use recall::Recall;

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use postern_config::directory::{Binding, Digest, PolicyPlace};
use postern_config::judge::{
    Judge, ModuleFaults, ModuleReport, PolicyFaults, PolicyReport, TestReport, Tool, ToolFault,
};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::journey::Gate;
use crate::limits::{TOOL_WAIT_MAX, TOOLS_AT_WORK_MAX};

/// Answers for the policies of a gate.
pub struct GateJudge {
    gate: Arc<Gate>,
    /// Whose turn it is among the tools.
    turn: Semaphore,
}

impl GateJudge {
    /// Answers for the policies of this gate.
    pub fn new(gate: Arc<Gate>) -> Self {
        Self {
            gate,
            turn: Semaphore::new(TOOLS_AT_WORK_MAX),
        }
    }

    async fn use_tool(&self, asked: Tool) -> Result<Value, ToolFault> {
        let waited = tokio::time::timeout(TOOL_WAIT_MAX, self.turn.acquire()).await;
        let Ok(Ok(_turn)) = waited else {
            return Err(ToolFault::Busy);
        };
        let gate = Arc::clone(&self.gate);
        match asked {
            Tool::Simulate(asked) => {
                let candidate = version::candidate(&gate, asked.module.as_ref()).await?;
                at_work(move || simulate::simulate(&gate, &asked, candidate.as_ref())).await
            }
            Tool::Enumerate(asked) => {
                let candidate = version::candidate(&gate, asked.module.as_ref()).await?;
                at_work(move || search::enumerate(&gate, &asked, candidate.as_ref())).await
            }
            Tool::WhoCan(asked) => {
                let day = past::day(&gate, asked.at.as_deref()).await?;
                at_work(move || search::who_can(&gate, &asked, day)).await
            }
            Tool::RightSize(asked) => at_work(move || right_size::propose(&gate, &asked)).await,
            Tool::Diff(asked) => {
                let before = version::load(&gate, &asked.before).await?;
                let after = version::load(&gate, &asked.after).await?;
                at_work(move || Ok(search::diff(&asked, &before, &after))).await
            }
            Tool::Replay(asked) => {
                let candidate = version::load(&gate, &asked.module).await?;
                at_work(move || replay::replay(&gate, &asked, &candidate)).await
            }
        }
    }
}

/// A tool's work, where no request waits for it.
async fn at_work(
    work: impl FnOnce() -> Result<Value, ToolFault> + Send + 'static,
) -> Result<Value, ToolFault> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|cause| Err(ToolFault::Failed(format!("the tool broke off: {cause}"))))
}

impl Judge for GateJudge {
    fn explain<'a>(&'a self, request: &'a str) -> BoxFuture<'a, Option<Value>> {
        let id = request.parse().ok();
        let found = id.and_then(|id| self.gate.recall.find(id));
        let gate = Arc::clone(&self.gate);
        Box::pin(async move {
            let remembered = found?;
            let work = move || explain::remembered(&gate, &remembered);
            tokio::task::spawn_blocking(work).await.ok()
        })
    }

    fn tool(&self, asked: Tool) -> BoxFuture<'_, Result<Value, ToolFault>> {
        Box::pin(self.use_tool(asked))
    }

    fn check(&self, bytes: Arc<[u8]>) -> BoxFuture<'_, Result<ModuleReport, ModuleFaults>> {
        let gate = Arc::clone(&self.gate);
        Box::pin(off_the_path(move || check(&gate, &bytes)))
    }

    fn prepare(&self, bytes: Arc<[u8]>) -> BoxFuture<'_, Result<(), ModuleFaults>> {
        let gate = Arc::clone(&self.gate);
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
        let gate = Arc::clone(&self.gate);
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
        Box::pin(check_policy(Arc::clone(&self.gate), place, text))
    }

    fn trials(&self, binding: &Binding) -> Value {
        self.gate.library.trials.report(binding)
    }

    fn unloadable(&self, digest: Digest) -> Option<String> {
        let unloadable = self.gate.library.unloadable(&self.gate.directory().state());
        let found = unloadable.into_iter().find(|it| it.digest == digest);
        found.map(|it| it.cause)
    }

    fn statistics(&self, digest: Digest) -> Option<Value> {
        let module = self
            .gate
            .library
            .engine
            .loaded(policy_wasm::engine::Digest::from(*digest.as_bytes()))?;
        let spent = module.statistics();
        let trees = self.gate.decider.inspect(&module);
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

impl fmt::Debug for GateJudge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GateJudge")
            .field("gate", &self.gate)
            .finish_non_exhaustive()
    }
}
