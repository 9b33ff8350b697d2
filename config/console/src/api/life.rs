//! The life of a version between storing and activating, and what is known of it: test, shadow, canary, approval, history.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use postern_config::directory::{
    Binding, Command, ConsoleAtom, Digest, ModuleScope, Name, PerMille, State as Snapshot,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::modules::{
    Activate, Subject, Whose, activator, actor_of, asked, in_force, note, prepare, put_to_work,
    read_json_of, scope_of, stored,
};
use crate::caller::Caller;
use crate::{Admin, Problem};

/// Most records of a module's history in one answer.
const HISTORY_RECORDS_MAX: usize = 200;

/// What is tested: a version, and cases beside its own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Test {
    digest: Digest,
    tenant: Option<Name>,
    #[serde(default)]
    cases: Vec<Value>,
}

/// What is obeyed for a share of the keys.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Try {
    digest: Digest,
    tenant: Option<Name>,
    per_mille: PerMille,
}

/// Runs a version's own cases and those of the document, which may be as large as a module.
pub(crate) async fn test(
    State(admin): State<Admin>,
    caller: Caller,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    let Path(name) = name?;
    let name: Name = name.parse().map_err(|_| Problem::not_found("module"))?;
    let actor = actor_of(&request);
    let bytes_max = admin.module_bytes_max.max(admin.body_bytes_max);
    let asked: Test = read_json_of(request, bytes_max).await?;
    let state = admin.directory.state();
    let who = (&caller, Some(ConsoleAtom::PolicyUpload));
    let scope = scope_of(&state, who, asked.tenant.as_ref())?;
    let digest = asked.digest;
    if state.module(scope, &name, digest).is_none() {
        return Err(Problem::not_found("version"));
    }
    let Some(bytes) = stored(&admin, digest).await? else {
        return Err(Problem::not_found("version"));
    };
    let cases = Value::from(asked.cases).to_string().into_bytes();
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
    Ok(Json(json!({
        "digest": digest, "passed": passed, "failed": failed, "failures": report.failures,
    })))
}

pub(crate) async fn shadow(
    State(admin): State<Admin>,
    caller: Caller,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let (name, actor, asked): (_, _, Activate) = asked(&admin, name, request).await?;
    let scope = scope_of(
        &admin.directory.state(),
        activator(&caller),
        asked.tenant.as_ref(),
    )?;
    let subject = Subject { scope, name, actor };
    let command = Command::ShadowModule(scope, subject.name.clone(), asked.digest);
    put_to_work(&admin, subject, (asked.digest, "module.shadow"), command).await
}

pub(crate) async fn canary(
    State(admin): State<Admin>,
    caller: Caller,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let (name, actor, asked): (_, _, Try) = asked(&admin, name, request).await?;
    let scope = scope_of(
        &admin.directory.state(),
        activator(&caller),
        asked.tenant.as_ref(),
    )?;
    let subject = Subject { scope, name, actor };
    let name = subject.name.clone();
    let command = Command::CanaryModule(scope, name, asked.digest, asked.per_mille);
    put_to_work(&admin, subject, (asked.digest, "module.canary"), command).await
}

pub(crate) async fn stop_shadow(
    State(admin): State<Admin>,
    caller: Caller,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    simply((&admin, &caller), name, request, Command::StopShadow).await
}

pub(crate) async fn stop_canary(
    State(admin): State<Admin>,
    caller: Caller,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    simply((&admin, &caller), name, request, Command::StopCanary).await
}

pub(crate) async fn reject(
    State(admin): State<Admin>,
    caller: Caller,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    simply((&admin, &caller), name, request, Command::RejectModule).await
}

/// Puts the version of the canary in force.
pub(crate) async fn promote(
    State(admin): State<Admin>,
    caller: Caller,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let pick = |binding: &Binding| binding.canary.map(|canary| canary.digest);
    prepared(
        (&admin, &caller),
        name,
        request,
        ("module.promote", pick, Command::PromoteCanary),
    )
    .await
}

/// Carries out what another person has proposed.
pub(crate) async fn approve(
    State(admin): State<Admin>,
    caller: Caller,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let pick = |binding: &Binding| binding.proposal.as_ref()?.step.digest();
    prepared(
        (&admin, &caller),
        name,
        request,
        ("module.approve", pick, Command::ApproveModule),
    )
    .await
}

/// What is seen of a module on live traffic, and what waits for approval.
pub(crate) async fn trials(
    State(admin): State<Admin>,
    caller: Caller,
    name: Result<Path<String>, PathRejection>,
    whose: Result<Query<Whose>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let (Path(name), Query(whose)) = (name?, whose?);
    let state = admin.directory.state();
    let scope = scope_of(&state, (&caller, None), whose.tenant.as_ref())?;
    let binding = binding(&state, scope, &name)?;
    let trials = admin.judge.trials(&binding);
    Ok(Json(json!({
        "name": binding.name, "trials": trials, "proposal": binding.proposal,
        "history": binding.history,
    })))
}

/// What was done with a module, the latest first.
pub(crate) async fn history(
    State(admin): State<Admin>,
    caller: Caller,
    name: Result<Path<String>, PathRejection>,
    whose: Result<Query<Whose>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let (Path(name), Query(whose)) = (name?, whose?);
    let scope = scope_of(
        &admin.directory.state(),
        (&caller, None),
        whose.tenant.as_ref(),
    )?;
    let tenant = match scope {
        ModuleScope::Platform => None,
        ModuleScope::Tenant(tenant) => Some(tenant),
    };
    let found = admin
        .directory
        .audit_search(HISTORY_RECORDS_MAX, |record| {
            record.object_type == "module"
                && record.tenant == tenant
                && record.object.eq_ignore_ascii_case(&name)
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
    let records: Vec<Value> = records
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
    Ok(Json(json!({ "history": records })))
}

/// A step for which nothing is loaded.
async fn simply(
    (admin, caller): (&Admin, &Caller),
    name: Result<Path<String>, PathRejection>,
    request: Request,
    command: fn(ModuleScope, Name) -> Command,
) -> Result<Response, Problem> {
    let (name, actor, asked): (_, _, Whose) = asked(admin, name, request).await?;
    let scope = scope_of(
        &admin.directory.state(),
        activator(caller),
        asked.tenant.as_ref(),
    )?;
    let applied = admin.directory.apply(command(scope, name), actor).await?;
    Ok(Json(json!({ "revision": applied.revision })).into_response())
}

/// A step that concerns what the binding names: that version is loaded first, and the binding must not change in between.
async fn prepared(
    (admin, caller): (&Admin, &Caller),
    name: Result<Path<String>, PathRejection>,
    request: Request,
    (step, pick, command): (
        &'static str,
        fn(&Binding) -> Option<Digest>,
        fn(ModuleScope, Name) -> Command,
    ),
) -> Result<Response, Problem> {
    let (name, actor, asked): (Name, _, Whose) = asked(admin, name, request).await?;
    let state = admin.directory.state();
    let scope = scope_of(&state, activator(caller), asked.tenant.as_ref())?;
    let binding = binding(&state, scope, name.as_str())?;
    let digest = pick(&binding);
    let subject = Subject { scope, name, actor };
    let ready = match digest {
        Some(digest) => prepare(admin, digest).await,
        None => Ok(()),
    };
    let done = match ready {
        Ok(()) => admin
            .directory
            .apply_at(
                command(scope, subject.name.clone()),
                subject.actor.clone(),
                binding.revision,
            )
            .await
            .map_err(Problem::from),
        Err(problem) => Err(problem),
    };
    match done {
        Ok(applied) => in_force(applied),
        Err(problem) => Err(note(admin, subject, digest, step, problem).await),
    }
}

fn binding(state: &Snapshot, scope: ModuleScope, name: &str) -> Result<Binding, Problem> {
    let name: Name = name.parse().map_err(|_| Problem::not_found("module"))?;
    let found = state.binding(scope, &name);
    found
        .map(|binding| Binding::clone(binding))
        .ok_or_else(|| Problem::not_found("module"))
}
