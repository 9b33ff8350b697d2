//! Modules: list, push, inspect, activate, roll back. What comes between storing and activating is in [`super::life`].

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{Extensions, HeaderMap, StatusCode, header};
use postern_config::directory::{Actor, Applied, Command, ConsoleAtom, Digest, Name, Outcome, Who};
use serde::Deserialize;
use serde_json::{Value, json};

use super::read_body;
use crate::caller::Caller;
use crate::service::modules::{self, Subject, activator, scope_of};
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
        .map(|version| modules::show(&admin, &state, version))
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
    let (report, digest, revision) = modules::push(&admin, subject, (&bytes, signature)).await?;
    let answer = json!({
        "digest": digest,
        "manifest": report.manifest,
        "warnings": report.warnings,
        "revision": revision,
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
        .map(|version| modules::show(&admin, &state, version))
        .collect();
    if versions.is_empty() {
        return Err(Problem::not_found("module"));
    }
    let report = match modules::stored(&admin, digest).await? {
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
    let step = (asked.digest, "module.activate");
    in_force(modules::put_to_work(&admin, subject, step, command).await?)
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
    in_force(modules::roll_back(&admin, Subject { scope, name, actor }).await?)
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

pub(super) fn in_force(applied: Applied) -> Result<Response, Problem> {
    if let Outcome::Proposed(proposal) = applied.outcome {
        let answer = json!({ "proposed": proposal, "revision": applied.revision });
        return Ok((StatusCode::ACCEPTED, Json(answer)).into_response());
    }
    // Switching off, and rolling back the first version, leave nothing in force.
    let digest = match applied.outcome {
        Outcome::Done => None,
        _ => Some(modules::digest_of(&applied)?),
    };
    let answer = json!({ "active": digest, "revision": applied.revision });
    Ok(Json(answer).into_response())
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
