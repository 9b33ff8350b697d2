//! The life of a version between storing and activating, and what is known of it: test, shadow, canary, approval, history.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse as _, Response};
use postern_config::directory::{Command, ConsoleAtom, Digest, ModuleScope, Name, PerMille};
use serde::Deserialize;
use serde_json::{Value, json};

use super::modules::{Activate, Whose, actor_of, asked, in_force, read_json_of};
use crate::caller::Caller;
use crate::service::modules::{self, Subject, activator, scope_of};
use crate::{Admin, Problem};

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
    let subject = Subject { scope, name, actor };
    let report = modules::test(&admin, subject, (digest, asked.cases)).await?;
    Ok(Json(json!({
        "digest": digest, "passed": report.passed, "failed": report.failed,
        "failures": report.failures,
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
    let step = (asked.digest, "module.shadow");
    in_force(modules::put_to_work(&admin, subject, step, command).await?)
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
    let step = (asked.digest, "module.canary");
    in_force(modules::put_to_work(&admin, subject, step, command).await?)
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
    let subject = subject((&admin, &caller), name, request).await?;
    in_force(modules::promote(&admin, subject).await?)
}

/// Carries out what another person has proposed.
pub(crate) async fn approve(
    State(admin): State<Admin>,
    caller: Caller,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let subject = subject((&admin, &caller), name, request).await?;
    in_force(modules::approve(&admin, subject).await?)
}

/// What a step is about that its document does not say more of.
async fn subject(
    (admin, caller): (&Admin, &Caller),
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Subject, Problem> {
    let (name, actor, asked): (_, _, Whose) = asked(admin, name, request).await?;
    let state = admin.directory.state();
    let scope = scope_of(&state, activator(caller), asked.tenant.as_ref())?;
    Ok(Subject { scope, name, actor })
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
    let binding = modules::binding(&state, scope, &name)?;
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
    let records = modules::history(&admin, scope, name.as_str()).await?;
    Ok(Json(json!({ "history": records })))
}

/// A step for which nothing is loaded.
async fn simply(
    (admin, caller): (&Admin, &Caller),
    name: Result<Path<String>, PathRejection>,
    request: Request,
    command: fn(ModuleScope, Name) -> Command,
) -> Result<Response, Problem> {
    let Subject { scope, name, actor } = subject((admin, caller), name, request).await?;
    let applied = admin.directory.apply(command(scope, name), actor).await?;
    Ok(Json(json!({ "revision": applied.revision })).into_response())
}
