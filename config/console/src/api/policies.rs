//! Policy documents: what is attached to buckets and users, in AWS's language.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use postern_config::directory::{
    ConsoleAtom, Digest, Name, PolicyDocument, PolicyPlace, State as Snapshot, Tenant, TenantId,
    User,
};
use postern_config::limits::POLICY_BYTES_MAX;
use serde::Deserialize;
use serde_json::{Value, json};

use super::modules::{actor_of, check_type};
use super::read_body;
use crate::caller::Caller;
use crate::service::policies;
use crate::{Admin, Problem};

/// Whose documents.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Whose {
    tenant: Name,
}

/// Which document: of a bucket, or of a user with its name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    tenant: Name,
    bucket: Option<String>,
    /// The user; of a bucket, in whose namespace it is, where each user has one.
    user: Option<Name>,
    name: Option<Name>,
    /// Look whether the document could be put there, and change nothing.
    #[serde(default)]
    dry_run: bool,
}

/// Every document of an account, buckets first.
pub(crate) async fn list(
    State(admin): State<Admin>,
    caller: Caller,
    whose: Result<Query<Whose>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(whose) = whose?;
    let state = admin.directory.state();
    let tenant = tenant(&state, &caller, &whose.tenant)?;
    policies::demand_all(&state, &caller, tenant)?;
    let policies: Vec<Value> = state
        .policies(tenant.id)
        .map(|policy| outline(&state, policy))
        .collect();
    Ok(Json(json!({ "policies": policies })))
}

/// A document, as it was put there.
pub(crate) async fn show(
    State(admin): State<Admin>,
    caller: Caller,
    which: Result<Query<Which>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(which) = which?;
    let state = admin.directory.state();
    let place = place(&state, (&caller, None), &which)?;
    let policy = policies::document(&state, &place)?;
    let mut shown = outline(&state, policy);
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("text".to_owned(), policy.text.clone().into());
    }
    Ok(Json(shown))
}

/// Puts the body there, if it is understood.
pub(crate) async fn put(
    State(admin): State<Admin>,
    caller: Caller,
    which: Result<Query<Which>, QueryRejection>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    let Query(which) = which?;
    let place = place(&admin.directory.state(), policies::editor(&caller), &which)?;
    let actor = actor_of(&request);
    check_type(request.headers(), &["application/json"])?;
    let body = read_body(request.into_body(), POLICY_BYTES_MAX).await?;
    let text = String::from_utf8(body.into())
        .map_err(|_| Problem::malformed("a policy document is UTF-8"))?;
    let report = policies::check(&admin, &place, &text).await?;
    let mut answer = json!({
        "sha256": Digest::of(text.as_bytes()),
        "statements": report.statements,
        "warnings": report.warnings,
        "public": report.is_public,
    });
    if !which.dry_run {
        let revision = policies::put(&admin, actor, (place, None), text).await?;
        if let Some(answer) = answer.as_object_mut() {
            answer.insert("revision".to_owned(), json!(revision));
        }
    }
    Ok(Json(answer))
}

/// Takes a document away: also one that locks its owner out.
pub(crate) async fn delete(
    State(admin): State<Admin>,
    caller: Caller,
    which: Result<Query<Which>, QueryRejection>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    let Query(which) = which?;
    let place = place(&admin.directory.state(), policies::editor(&caller), &which)?;
    let revision = policies::delete(&admin, actor_of(&request), (place, None)).await?;
    Ok(Json(json!({ "revision": revision })))
}

/// What a document says of itself, without its text.
fn outline(state: &Snapshot, policy: &PolicyDocument) -> Value {
    let mut shown = json!({
        "sha256": Digest::of(policy.text.as_bytes()),
        "bytes": policy.text.len(),
        "put": policy.put,
        "put_by": policy.put_by,
        "revision": policy.revision,
    });
    let it = policies::attached(state, &policy.place);
    let of = match it.kind {
        "bucket" => json!({ "bucket": it.holder, "owner": it.owner }),
        kind => json!({ kind: it.holder, "name": it.name }),
    };
    if let (Some(shown), Value::Object(of)) = (shown.as_object_mut(), of) {
        shown.extend(of);
    }
    shown
}

/// The place that is meant, if the caller sees it, or may do that there.
fn place(
    state: &Snapshot,
    (caller, atom): (&Caller, Option<ConsoleAtom>),
    which: &Which,
) -> Result<PolicyPlace, Problem> {
    let tenant = tenant(state, caller, &which.tenant)?;
    let place = place_in(state, tenant, which)?;
    policies::demand(state, (caller, atom), (tenant, &place))?;
    Ok(place)
}

fn place_in(state: &Snapshot, tenant: &Tenant, which: &Which) -> Result<PolicyPlace, Problem> {
    match (&which.bucket, &which.user, &which.name) {
        (Some(bucket), owner, None) => {
            let user = owner.as_ref().map(|name| user(state, tenant.id, name));
            policies::place_of_bucket(state, (tenant, user.transpose()?), bucket)
        }
        (None, Some(holder), Some(name)) => Ok(PolicyPlace::User {
            user: user(state, tenant.id, holder)?.id,
            name: name.clone(),
        }),
        _ => Err(Problem::malformed(
            "name a `bucket`, or a `user` and the `name` of the document",
        )),
    }
}

fn tenant<'a>(state: &'a Snapshot, caller: &Caller, name: &Name) -> Result<&'a Tenant, Problem> {
    let found = state.tenant_named(name).map(|tenant| &**tenant);
    let seen = found.filter(|tenant| caller.touches(state, tenant.id));
    seen.ok_or_else(|| Problem::not_found("tenant"))
}

fn user<'a>(state: &'a Snapshot, tenant: TenantId, name: &Name) -> Result<&'a User, Problem> {
    let found = state.user_named(tenant, name).map(|user| &**user);
    found.ok_or_else(|| Problem::not_found("user"))
}
