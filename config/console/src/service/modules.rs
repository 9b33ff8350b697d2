//! Modules: stored, tried on live traffic, put in force, and taken back. What is refused is in the audit log, too.

use std::sync::Arc;

use http::StatusCode;
use postern_config::directory::{
    Actor, Applied, Binding, Command, ConsoleAtom, Digest, ModuleScope, ModuleStage, ModuleState,
    ModuleVersion, Name, Outcome, Signer, State as Snapshot,
};
use postern_config::judge::{ModuleReport, TestReport};
use serde::Serialize;
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::{Admin, Problem};

/// Most records of a module's history in one answer.
const HISTORY_RECORDS_MAX: usize = 200;

/// A version, as the API and the console show it.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    /// What it is called.
    pub(crate) name: String,
    /// Whose it is; the platform's where it is absent.
    pub(crate) tenant: Option<String>,
    /// Its digest.
    pub(crate) digest: Digest,
    /// How many bytes it has.
    pub(crate) bytes: u64,
    /// When it was stored, in seconds since 1970.
    pub(crate) pushed: u64,
    /// By whom.
    pub(crate) pushed_by: String,
    /// Whether its bytes are there.
    pub(crate) state: ModuleState,
    /// Where it stands in its life.
    pub(crate) stage: ModuleStage,
    /// Whether it is in force.
    pub(crate) active: bool,
    /// Whose signature it has.
    pub(crate) signer: Option<Signer>,
    /// Why it cannot be loaded, where it is at work and cannot.
    pub(crate) unloadable: Option<String>,
}

/// What a step is about, and who asks for it.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) scope: ModuleScope,
    pub(crate) name: Name,
    pub(crate) actor: Actor,
}

/// Checks bytes and stores them as a version. Answers what they say, their digest, and the revision that has them.
pub(crate) async fn push(
    admin: &Admin,
    subject: Subject,
    (bytes, signature): (&[u8], Option<Vec<u8>>),
) -> Result<(ModuleReport, Digest, u64), Problem> {
    let digest = Some(Digest::of(bytes));
    let report = match admin.judge.check(Arc::from(bytes)).await {
        Ok(report) => report,
        Err(faults) => {
            return Err(note(admin, subject, digest, "module.push", faults.into()).await);
        }
    };
    let command = Command::PushModule {
        scope: subject.scope,
        name: subject.name.clone(),
        bytes: bytes.to_vec(),
        signature,
    };
    match admin.directory.apply(command, subject.actor.clone()).await {
        Ok(applied) => Ok((report, digest_of(&applied)?, applied.revision.0)),
        Err(refused) => Err(note(admin, subject, digest, "module.push", refused.into()).await),
    }
}

/// Loads a version, runs its own cases, and carries a command out. What is refused is in the audit log, too.
pub(crate) async fn put_to_work(
    admin: &Admin,
    subject: Subject,
    (digest, step): (Digest, &'static str),
    command: Command,
) -> Result<Applied, Problem> {
    let done = match prepare(admin, digest).await {
        Ok(()) => admin
            .directory
            .apply(command, subject.actor.clone())
            .await
            .map_err(Problem::from),
        Err(problem) => Err(problem),
    };
    match done {
        Ok(applied) => Ok(applied),
        Err(problem) => Err(note(admin, subject, Some(digest), step, problem).await),
    }
}

/// Writes into the audit log that a step was refused, and why. Who asks for what is not there is not worth a record.
pub(crate) async fn note(
    admin: &Admin,
    subject: Subject,
    digest: Option<Digest>,
    step: &'static str,
    problem: Problem,
) -> Problem {
    if problem.status == StatusCode::NOT_FOUND {
        return problem;
    }
    let outcome = match problem.faults.as_slice() {
        [] => format!("refused: {}", problem.detail),
        faults => format!("refused: {}", faults.join("; ")),
    };
    let command = Command::NoteModule {
        scope: subject.scope,
        name: subject.name,
        digest,
        step,
        outcome,
    };
    if let Err(error) = admin.directory.apply(command, subject.actor).await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "a refused step is not in the audit log"
        );
    }
    problem
}

/// Takes the version of before: it is loaded first.
pub(crate) async fn roll_back(admin: &Admin, subject: Subject) -> Result<Applied, Problem> {
    let Subject { scope, name, actor } = subject;
    let state = admin.directory.state();
    let binding = state.binding(scope, &name).cloned();
    let before = binding
        .as_deref()
        .and_then(|binding| binding.history.last().copied());
    let command = Command::RollbackModule(scope, name);
    let (Some(binding), Some(digest)) = (binding, before) else {
        return Ok(admin.directory.apply(command, actor).await?);
    };
    prepare(admin, digest).await?;
    // What was loaded is what comes into force: the binding must not have changed in between.
    let applied = admin.directory.apply_at(command, actor, binding.revision);
    Ok(applied.await?)
}

/// A step that concerns what the binding names: that version is loaded first, and the binding must not change in between.
pub(crate) async fn of_binding(
    admin: &Admin,
    subject: Subject,
    (step, pick, command): (
        &'static str,
        fn(&Binding) -> Option<Digest>,
        fn(ModuleScope, Name) -> Command,
    ),
) -> Result<Applied, Problem> {
    let state = admin.directory.state();
    let binding = binding(&state, subject.scope, subject.name.as_str())?;
    let digest = pick(&binding);
    let ready = match digest {
        Some(digest) => prepare(admin, digest).await,
        None => Ok(()),
    };
    let command = command(subject.scope, subject.name.clone());
    let actor = subject.actor.clone();
    let done = match ready {
        Ok(()) => admin
            .directory
            .apply_at(command, actor, binding.revision)
            .await
            .map_err(Problem::from),
        Err(problem) => Err(problem),
    };
    match done {
        Ok(applied) => Ok(applied),
        Err(problem) => Err(note(admin, subject, digest, step, problem).await),
    }
}

/// Puts the version of the canary in force.
pub(crate) async fn promote(admin: &Admin, subject: Subject) -> Result<Applied, Problem> {
    let pick = |binding: &Binding| binding.canary.map(|canary| canary.digest);
    of_binding(
        admin,
        subject,
        ("module.promote", pick, Command::PromoteCanary),
    )
    .await
}

/// Carries out what another person has proposed.
pub(crate) async fn approve(admin: &Admin, subject: Subject) -> Result<Applied, Problem> {
    let pick = |binding: &Binding| binding.proposal.as_ref()?.step.digest();
    of_binding(
        admin,
        subject,
        ("module.approve", pick, Command::ApproveModule),
    )
    .await
}

/// Runs a version's own cases and others.
pub(crate) async fn test(
    admin: &Admin,
    Subject { scope, name, actor }: Subject,
    (digest, cases): (Digest, Vec<Value>),
) -> Result<TestReport, Problem> {
    if admin
        .directory
        .state()
        .module(scope, &name, digest)
        .is_none()
    {
        return Err(Problem::not_found("version"));
    }
    let Some(bytes) = stored(admin, digest).await? else {
        return Err(Problem::not_found("version"));
    };
    let cases = Value::from(cases).to_string().into_bytes();
    let report = admin.judge.test(bytes, cases).await?;
    let (passed, failed) = (report.passed, report.failed);
    let command = Command::NoteModule {
        scope,
        name,
        digest: Some(digest),
        step: "module.test",
        outcome: format!("{passed} passed, {failed} failed"),
    };
    admin.directory.apply(command, actor).await?;
    Ok(report)
}

pub(crate) async fn prepare(admin: &Admin, digest: Digest) -> Result<(), Problem> {
    match stored(admin, digest).await? {
        Some(bytes) => Ok(admin.judge.prepare(bytes).await?),
        None => Err(Problem::not_found("module")),
    }
}

pub(crate) async fn stored(admin: &Admin, digest: Digest) -> Result<Option<Arc<[u8]>>, Problem> {
    let bytes = admin.directory.module_bytes(digest).await;
    let bytes = bytes.map_err(postern_config::directory::CommandError::from)?;
    Ok(bytes.map(Arc::from))
}

/// The version that a step was about.
pub(crate) fn digest_of(applied: &Applied) -> Result<Digest, Problem> {
    match applied.outcome {
        Outcome::Module(digest) => Ok(digest),
        Outcome::Tenant { .. }
        | Outcome::User(_)
        | Outcome::SubUser(_)
        | Outcome::Role(_)
        | Outcome::Job(_)
        | Outcome::Group(_)
        | Outcome::ManagedPolicy(_)
        | Outcome::IamRole(_)
        | Outcome::Imported(..)
        | Outcome::Key { .. }
        | Outcome::Bucket(_)
        | Outcome::Proposed(_)
        | Outcome::Operator(_)
        | Outcome::Done => {
            let detail = "the directory answered something else than was asked";
            Err(Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                detail,
            ))
        }
    }
}

/// A version, and where it stands.
pub(crate) fn show(admin: &Admin, state: &Snapshot, version: &ModuleVersion) -> Shown {
    let binding = state.binding(version.scope, &version.name);
    let tenant = match version.scope {
        ModuleScope::Platform => None,
        ModuleScope::Tenant(id) => state.tenant(id).map(|tenant| tenant.name.to_string()),
    };
    Shown {
        name: version.name.to_string(),
        tenant,
        digest: version.digest,
        bytes: version.bytes,
        pushed: version.pushed.0,
        pushed_by: version.pushed_by.clone(),
        state: version.state,
        stage: state.stage(version),
        active: binding.is_some_and(|binding| binding.active == Some(version.digest)),
        signer: version.signature.as_ref().map(|signature| signature.signer),
        unloadable: admin.judge.unloadable(version.digest),
    }
}

/// Whoever puts modules in force.
pub(crate) const fn activator(caller: &Caller) -> (&Caller, Option<ConsoleAtom>) {
    (caller, Some(ConsoleAtom::PolicyActivate))
}

/// Whose modules are meant, if the caller may see them, or do that to them.
pub(crate) fn scope_of(
    state: &Snapshot,
    (caller, atom): (&Caller, Option<ConsoleAtom>),
    tenant: Option<&Name>,
) -> Result<ModuleScope, Problem> {
    let scope = match tenant {
        None => ModuleScope::Platform,
        Some(name) => match state.tenant_named(name) {
            Some(tenant) => ModuleScope::Tenant(tenant.id),
            None => return Err(Problem::not_found("tenant")),
        },
    };
    caller.modules(state, atom, scope)?;
    Ok(scope)
}

/// What is in force under a name.
pub(crate) fn binding(
    state: &Snapshot,
    scope: ModuleScope,
    name: &str,
) -> Result<Binding, Problem> {
    let name: Name = name.parse().map_err(|_| Problem::not_found("module"))?;
    let found = state.binding(scope, &name);
    found
        .map(|binding| Binding::clone(binding))
        .ok_or_else(|| Problem::not_found("module"))
}

/// What was done with a module, the latest first.
pub(crate) async fn history(
    admin: &Admin,
    scope: ModuleScope,
    name: &str,
) -> Result<Vec<Value>, Problem> {
    let tenant = match scope {
        ModuleScope::Platform => None,
        ModuleScope::Tenant(tenant) => Some(tenant),
    };
    let found = admin
        .directory
        .audit_search(HISTORY_RECORDS_MAX, |record| {
            record.object_type == "module"
                && record.tenant == tenant
                && record.object.eq_ignore_ascii_case(name)
        })
        .await;
    let records = found.map_err(|fault| {
        tracing::error!(
            error = &fault as &dyn std::error::Error,
            "the audit log cannot be read"
        );
        let detail = "the audit log cannot be read";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
    })?;
    let told = records
        .iter()
        .map(|record| {
            let outcome = record.detail.get("outcome").and_then(Value::as_str);
            json!({
                "sequence": record.sequence, "time_ms": record.time_ms,
                "who": record.actor.label(), "address": record.actor.address,
                "step": record.action, "digest": record.detail.get("digest"),
                "outcome": outcome.unwrap_or("done"), "detail": record.detail,
            })
        })
        .collect();
    Ok(told)
}
