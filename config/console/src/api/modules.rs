//! Modules: list, push, inspect, activate, roll back. What comes between storing and activating is in [`super::life`].

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{Extensions, HeaderMap, StatusCode, header};
use postern_config::directory::{
    Actor, Applied, Binding, Command, ConsoleAtom, Digest, ModuleScope, ModuleStage, ModuleState,
    ModuleVersion, Name, Outcome, Signer, State as Snapshot, Who,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::read_body;
use crate::caller::Caller;
use crate::{Admin, PeerAddress, Problem};

/// Whose modules: a tenant's, by name, or the platform's when it is absent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Whose {
    pub(super) tenant: Option<Name>,
}

/// What is pushed: the bytes are the body.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Push {
    name: Name,
    tenant: Option<Name>,
    /// An Ed25519 signature over the bytes, in hexadecimal digits.
    signature: Option<String>,
}

/// What is activated.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Activate {
    pub(super) digest: Digest,
    pub(super) tenant: Option<Name>,
}

/// A version as the API shows it.
#[derive(Debug, Serialize)]
struct Shown {
    name: String,
    tenant: Option<String>,
    digest: Digest,
    bytes: u64,
    pushed: u64,
    pushed_by: String,
    state: ModuleState,
    stage: ModuleStage,
    active: bool,
    signer: Option<Signer>,
    /// Why it cannot be loaded, where it is at work and cannot.
    unloadable: Option<String>,
}

pub(crate) async fn list(
    State(admin): State<Admin>,
    caller: Caller,
    whose: Result<Query<Whose>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(whose) = whose?;
    let state = admin.directory.state();
    let scope = scope_of(&state, (&caller, None), whose.tenant.as_ref())?;
    let modules: Vec<_> = state
        .modules(scope)
        .map(|version| show(&admin, &state, version))
        .collect();
    Ok(Json(json!({ "modules": modules })))
}

pub(crate) async fn push(
    State(admin): State<Admin>,
    caller: Caller,
    query: Result<Query<Push>, QueryRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let Query(push) = query?;
    let actor = actor_of(&request);
    check_type(
        request.headers(),
        &["application/wasm", "application/octet-stream"],
    )?;
    let scope = scope_of(
        &admin.directory.state(),
        (&caller, Some(ConsoleAtom::PolicyUpload)),
        push.tenant.as_ref(),
    )?;
    let bytes = read_body(request.into_body(), admin.module_bytes_max).await?;
    let signature = push.signature.map(hex::decode).transpose();
    let signature = signature.map_err(|_| Problem::malformed("a signature is hexadecimal here"))?;
    let subject = Subject {
        scope,
        name: push.name,
        actor,
    };
    let digest = Some(Digest::of(&bytes));
    let checked = admin.judge.check(Arc::from(&*bytes)).await;
    let report = match checked {
        Ok(report) => report,
        Err(faults) => {
            return Err(note(&admin, subject, digest, "module.push", faults.into()).await);
        }
    };
    let command = Command::PushModule {
        scope,
        name: subject.name.clone(),
        bytes: bytes.to_vec(),
        signature,
    };
    let applied = match admin.directory.apply(command, subject.actor.clone()).await {
        Ok(applied) => applied,
        Err(refused) => {
            return Err(note(&admin, subject, digest, "module.push", refused.into()).await);
        }
    };
    let answer = json!({
        "digest": digest_of(&applied)?,
        "manifest": report.manifest,
        "warnings": report.warnings,
        "revision": applied.revision,
    });
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// By digest: what is stored, where it is in force, and what is known of its work.
pub(crate) async fn inspect(
    State(admin): State<Admin>,
    caller: Caller,
    digest: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, Problem> {
    let Path(digest) = digest?;
    let digest: Digest = digest.parse().map_err(|_| Problem::not_found("module"))?;
    let state = admin.directory.state();
    let versions: Vec<_> = state
        .modules_with(digest)
        .filter(|version| caller.modules(&state, None, version.scope).is_ok())
        .map(|version| show(&admin, &state, version))
        .collect();
    if versions.is_empty() {
        return Err(Problem::not_found("module"));
    }
    let report = match stored(&admin, digest).await? {
        Some(bytes) => match admin.judge.check(bytes).await {
            Ok(report) => json!({ "manifest": report.manifest, "warnings": report.warnings }),
            Err(faults) => json!({ "faults": faults.0 }),
        },
        None => Value::Null,
    };
    let statistics = admin.judge.statistics(digest);
    let answer = json!({ "digest": digest, "versions": versions, "report": report, "statistics": statistics });
    Ok(Json(answer))
}

/// Loads the version first: one that cannot be loaded, or whose own cases fail, never takes the place of one that works.
pub(crate) async fn activate(
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
    let command = Command::ActivateModule(scope, subject.name.clone(), asked.digest);
    put_to_work(&admin, subject, (asked.digest, "module.activate"), command).await
}

/// What a step is about, and who asks for it.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub(super) scope: ModuleScope,
    pub(super) name: Name,
    pub(super) actor: Actor,
}

/// Loads a version, runs its own cases, and carries a command out. What is refused is in the audit log, too.
pub(super) async fn put_to_work(
    admin: &Admin,
    subject: Subject,
    (digest, step): (Digest, &'static str),
    command: Command,
) -> Result<Response, Problem> {
    let done = match prepare(admin, digest).await {
        Ok(()) => admin
            .directory
            .apply(command, subject.actor.clone())
            .await
            .map_err(Problem::from),
        Err(problem) => Err(problem),
    };
    match done {
        Ok(applied) => in_force(applied),
        Err(problem) => Err(note(admin, subject, Some(digest), step, problem).await),
    }
}

/// Writes into the audit log that a step was refused, and why. Who asks for what is not there is not worth a record.
pub(super) async fn note(
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

pub(crate) async fn roll_back(
    State(admin): State<Admin>,
    caller: Caller,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let (name, actor, asked): (_, _, Whose) = asked(&admin, name, request).await?;
    let state = admin.directory.state();
    let scope = scope_of(&state, activator(&caller), asked.tenant.as_ref())?;
    let binding = state.binding(scope, &name).cloned();
    let before = binding
        .as_deref()
        .and_then(|binding| binding.history.last().copied());
    let command = Command::RollbackModule(scope, name);
    let (Some(binding), Some(digest)) = (binding, before) else {
        return in_force(admin.directory.apply(command, actor).await?);
    };
    prepare(&admin, digest).await?;
    // What was loaded is what comes into force: the binding must not have changed in between.
    in_force(
        admin
            .directory
            .apply_at(command, actor, Binding::clone(&binding).revision)
            .await?,
    )
}

/// Switches a module off: nothing of its name is in force.
pub(crate) async fn deactivate(
    State(admin): State<Admin>,
    caller: Caller,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let (name, actor, asked): (_, _, Whose) = asked(&admin, name, request).await?;
    let scope = scope_of(
        &admin.directory.state(),
        activator(&caller),
        asked.tenant.as_ref(),
    )?;
    let command = Command::DeactivateModule(scope, name);
    in_force(admin.directory.apply(command, actor).await?)
}

/// What every change of one module brings: its name, who asks, and the document.
pub(super) async fn asked<T: serde::de::DeserializeOwned>(
    admin: &Admin,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<(Name, Actor, T), Problem> {
    let Path(name) = name?;
    let name = name.parse().map_err(|_| Problem::not_found("module"))?;
    let actor = actor_of(&request);
    Ok((name, actor, read_json(admin, request).await?))
}

pub(super) async fn prepare(admin: &Admin, digest: Digest) -> Result<(), Problem> {
    match stored(admin, digest).await? {
        Some(bytes) => Ok(admin.judge.prepare(bytes).await?),
        None => Err(Problem::not_found("module")),
    }
}

pub(super) async fn stored(admin: &Admin, digest: Digest) -> Result<Option<Arc<[u8]>>, Problem> {
    let bytes = admin.directory.module_bytes(digest).await;
    let bytes = bytes.map_err(postern_config::directory::CommandError::from)?;
    Ok(bytes.map(Arc::from))
}

pub(super) fn in_force(applied: Applied) -> Result<Response, Problem> {
    if let Outcome::Proposed(proposal) = applied.outcome {
        let answer = json!({ "proposed": proposal, "revision": applied.revision });
        return Ok((StatusCode::ACCEPTED, Json(answer)).into_response());
    }
    // Switching off, and rolling back the first version, leave nothing in force.
    let digest = match applied.outcome {
        Outcome::Done => None,
        _ => Some(digest_of(&applied)?),
    };
    let answer = json!({ "active": digest, "revision": applied.revision });
    Ok(Json(answer).into_response())
}

fn digest_of(applied: &Applied) -> Result<Digest, Problem> {
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

fn show(admin: &Admin, state: &Snapshot, version: &ModuleVersion) -> Shown {
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
pub(super) const fn activator(caller: &Caller) -> (&Caller, Option<ConsoleAtom>) {
    (caller, Some(ConsoleAtom::PolicyActivate))
}

/// Whose modules are meant, if the caller may see them, or do that to them.
pub(super) fn scope_of(
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

pub(super) fn actor_of(request: &Request<Body>) -> Actor {
    actor_in(request.extensions())
}

/// Who asks, as admission has noted it.
pub(super) fn actor_in(extensions: &Extensions) -> Actor {
    let peer = extensions.get::<PeerAddress>();
    let caller = extensions.get::<Caller>();
    Actor {
        who: caller.map_or(Who::Nobody, |caller| caller.who.clone()),
        address: peer.map(|peer| peer.0),
        request: None,
    }
}

async fn read_json<T: serde::de::DeserializeOwned>(
    admin: &Admin,
    request: Request,
) -> Result<T, Problem> {
    read_json_of(request, admin.body_bytes_max).await
}

/// Reads a document of at most so many bytes.
pub(super) async fn read_json_of<T: serde::de::DeserializeOwned>(
    request: Request,
    bytes_max: usize,
) -> Result<T, Problem> {
    check_type(request.headers(), &["application/json"])?;
    let bytes = read_body(request.into_body(), bytes_max).await?;
    serde_json::from_slice(&bytes).map_err(|error| Problem::malformed(error.to_string()))
}

/// A form or a plain text that a browser can be made to send is refused: it says one of these types.
pub(crate) fn check_type(headers: &HeaderMap, types: &[&str]) -> Result<(), Problem> {
    let given = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = given.map(|it| {
        it.split(';')
            .next()
            .unwrap_or("")
            .trim()
            .to_ascii_lowercase()
    });
    if essence.is_some_and(|essence| types.contains(&essence.as_str())) {
        return Ok(());
    }
    let detail = format!("the content type must be {}", types.join(" or "));
    Err(Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "content-type",
        detail,
    ))
}
