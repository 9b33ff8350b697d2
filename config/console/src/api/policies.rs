//! Policy documents: what is attached to buckets and users, in AWS's language.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use postern_config::directory::{
    BucketState, Command, ConsoleAtom, Digest, Name, NamespaceKind, Place, PolicyDocument,
    PolicyPlace, State as Snapshot, Tenant, TenantId, User,
};
use postern_config::limits::POLICY_BYTES_MAX;
use serde::Deserialize;
use serde_json::{Value, json};

use super::modules::{actor_of, check_type};
use super::read_body;
use crate::caller::Caller;
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
    let tenant = tenant(&state, &caller, &whose.tenant)?.id;
    caller.demand(&state, None, (&Place::Tenant(tenant), "tenant"))?;
    let policies: Vec<Value> = state
        .policies(tenant)
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
    let policy = state
        .policy(&place)
        .ok_or_else(|| Problem::not_found("policy"))?;
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
    let place = place(&admin.directory.state(), editor(&caller), &which)?;
    let actor = actor_of(&request);
    check_type(request.headers(), &["application/json"])?;
    let body = read_body(request.into_body(), POLICY_BYTES_MAX).await?;
    let text = String::from_utf8(body.into())
        .map_err(|_| Problem::malformed("a policy document is UTF-8"))?;
    let report = admin
        .judge
        .check_policy(place.clone(), text.clone())
        .await?;
    let mut answer = json!({
        "sha256": Digest::of(text.as_bytes()),
        "statements": report.statements,
        "warnings": report.warnings,
        "public": report.is_public,
    });
    if !which.dry_run {
        let command = Command::PutPolicy { place, text };
        let applied = admin.directory.apply(command, actor).await?;
        if let Some(answer) = answer.as_object_mut() {
            answer.insert("revision".to_owned(), json!(applied.revision));
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
    let place = place(&admin.directory.state(), editor(&caller), &which)?;
    let command = Command::DeletePolicy(place);
    let applied = admin.directory.apply(command, actor_of(&request)).await?;
    Ok(Json(json!({ "revision": applied.revision })))
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
    let of = match &policy.place {
        PolicyPlace::Bucket(id) => {
            let bucket = state.bucket_by_id(*id);
            let owner = bucket.and_then(|bucket| state.user(bucket.owner));
            json!({
                "bucket": bucket.map(|bucket| bucket.name.as_str()),
                "owner": owner.map(|owner| owner.name.as_str()),
            })
        }
        PolicyPlace::User { user, name } => {
            let user = state.user(*user);
            json!({ "user": user.map(|user| user.name.as_str()), "name": name })
        }
        PolicyPlace::Group { group, name } => {
            let group = state.group(*group);
            json!({ "group": group.map(|group| group.name.as_str()), "name": name })
        }
        PolicyPlace::Role { role, name } => {
            let role = state.iam_role(*role);
            json!({ "role": role.map(|role| role.name.as_str()), "name": name })
        }
    };
    if let (Some(shown), Value::Object(of)) = (shown.as_object_mut(), of) {
        shown.extend(of);
    }
    shown
}

/// Whoever attaches documents.
const fn editor(caller: &Caller) -> (&Caller, Option<ConsoleAtom>) {
    (caller, Some(ConsoleAtom::AclEdit))
}

/// The place that is meant, if the caller sees it, or may do that there.
fn place(
    state: &Snapshot,
    (caller, atom): (&Caller, Option<ConsoleAtom>),
    which: &Which,
) -> Result<PolicyPlace, Problem> {
    let tenant = tenant(state, caller, &which.tenant)?;
    let place = place_in(state, tenant, which)?;
    let (of, what) = match &place {
        PolicyPlace::Bucket(id) => {
            let bucket = state.bucket_by_id(*id);
            let bucket = bucket.ok_or_else(|| Problem::not_found("bucket"))?;
            (Place::User(tenant.id, bucket.owner), "bucket")
        }
        PolicyPlace::User { user, .. } => (Place::User(tenant.id, *user), "user"),
        // Groups and roles are nobody's: who may work on the account may work on them.
        PolicyPlace::Group { .. } => (Place::Tenant(tenant.id), "group"),
        PolicyPlace::Role { .. } => (Place::Tenant(tenant.id), "role"),
    };
    caller.demand(state, atom, (&of, what))?;
    Ok(place)
}

fn place_in(state: &Snapshot, tenant: &Tenant, which: &Which) -> Result<PolicyPlace, Problem> {
    match (&which.bucket, &which.user, &which.name) {
        (Some(bucket), owner, None) => {
            let user = owner.as_ref().map(|name| user(state, tenant.id, name));
            place_of_bucket(state, tenant, user.transpose()?, bucket)
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

/// The bucket of this name in the user's namespace, or in the account's.
fn place_of_bucket(
    state: &Snapshot,
    tenant: &Tenant,
    user: Option<&User>,
    name: &str,
) -> Result<PolicyPlace, Problem> {
    let user = match (user, tenant.profile.namespaces()) {
        (Some(user), _) => Some(user),
        (None, NamespaceKind::PerUser) => {
            let detail = "each user has buckets of his own here: say whose, with `user`";
            return Err(Problem::malformed(detail));
        }
        // Every user of the account sees the same buckets.
        (None, NamespaceKind::Account | NamespaceKind::Global) => {
            state.root(tenant.id).map(|root| &**root)
        }
    };
    let found = user.and_then(|user| state.bucket_called(user.namespace(tenant.profile), name));
    found
        .filter(|bucket| bucket.tenant == tenant.id && bucket.state == BucketState::Active)
        .map(|bucket| PolicyPlace::Bucket(bucket.id))
        .ok_or_else(|| Problem::not_found("bucket"))
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
