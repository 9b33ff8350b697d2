//! What the admin side needs to know of policies. The gate implements it, the binary puts the two together.

mod tools;

pub use tools::{
    Bounds, Diff, Enumerate, Replay, RightSize, Simulate, Tool, ToolFault, Version, WhoCan,
};

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::directory::{Binding, Digest, PolicyPlace};

/// Answers for the policies.
pub trait Judge: Send + Sync + fmt::Debug {
    /// Why a request was answered as it was: the plan, each question with its answer, the statement that decided and the
    /// module's digest. `None` when no such request is remembered.
    fn explain<'a>(&'a self, request: &'a str) -> BoxFuture<'a, Option<Value>>;

    /// Whether these bytes are a module that may be stored: imports, exports, size, budget, the manifest, its own tests.
    fn check(&self, bytes: Arc<[u8]>) -> BoxFuture<'_, Result<ModuleReport, ModuleFaults>>;

    /// Runs a module's own cases and those of `cases`, a JSON list: how many passed, and each that failed with its questions and
    /// answers.
    fn test(
        &self,
        bytes: Arc<[u8]>,
        cases: Vec<u8>,
    ) -> BoxFuture<'_, Result<TestReport, ModuleFaults>>;

    /// Loads a module, so that it works from the moment it is put in force, and runs its own cases. A module that cannot be loaded,
    /// or whose own cases fail, is never put in force.
    fn prepare(&self, bytes: Arc<[u8]>) -> BoxFuture<'_, Result<(), ModuleFaults>>;

    /// Whether a text is a policy document that may be attached there: what it says, or all that is wrong with it.
    fn check_policy(
        &self,
        place: PolicyPlace,
        text: String,
    ) -> BoxFuture<'_, Result<PolicyReport, PolicyFaults>>;

    /// What is known of a module's work: evaluations, traps, its trees. `None` when it is not loaded.
    fn statistics(&self, digest: Digest) -> Option<Value>;

    /// What was seen of a module's shadow, and of a version that is watched because it is a canary or new in force.
    fn trials(&self, binding: &Binding) -> Value;

    /// Answers a policy tool's question. Tools work where no request waits for them, one after the other.
    fn tool(&self, asked: Tool) -> BoxFuture<'_, Result<Value, ToolFault>>;

    /// Why a version that is in force cannot be loaded; `None` where it is.
    fn unloadable(&self, digest: Digest) -> Option<String>;
}

/// What came of a module's cases.
#[derive(Clone, Debug, PartialEq)]
pub struct TestReport {
    /// How many passed.
    pub passed: usize,
    /// How many failed.
    pub failed: usize,
    /// Each that failed: its name, why, what was expected and got, and its questions with their answers.
    pub failures: Value,
}

/// A module that may be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct ModuleReport {
    /// The name in its manifest.
    pub name: String,
    /// The version in its manifest.
    pub version: String,
    /// The whole manifest: attributes, description, tests.
    pub manifest: Value,
    /// What is worth saying and is no fault.
    pub warnings: Vec<String>,
}

/// Why bytes are not a module that may be stored or put in force.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct ModuleFaults(pub Vec<String>);

/// A policy document that may be attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyReport {
    /// How many statements it has.
    pub statements: usize,
    /// What its author should look at again, with line and column.
    pub warnings: Vec<String>,
    /// Whether it opens something to everyone.
    pub is_public: bool,
}

/// Why a text is not a policy document that may be attached: one fault a line, with line and column.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct PolicyFaults(pub Vec<String>);
