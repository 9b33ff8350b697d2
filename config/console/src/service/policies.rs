//! Policy documents: what is attached to buckets and users, in AWS's language.

use postern_config::directory::{
    Actor, BucketState, Command, ConsoleAtom, Name, NamespaceKind, Place, PolicyDocument,
    PolicyPlace, State as Snapshot, Tenant, User,
};
use postern_config::engine::Revision;
use postern_config::judge::PolicyReport;

use super::list::{Listing, Page};
use crate::caller::Caller;
use crate::{Admin, Problem};

/// What a document is attached to, by the names that people know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attached {
    /// `bucket`, `user`, `group` or `role`.
    pub(crate) kind: &'static str,
    /// What that one is called; none where it is gone.
    pub(crate) holder: Option<String>,
    /// Whose bucket it is.
    pub(crate) owner: Option<String>,
    /// What the document is called; a bucket has one, and it has no name.
    pub(crate) name: Option<String>,
}

/// What a document is attached to.
pub(crate) fn attached(state: &Snapshot, place: &PolicyPlace) -> Attached {
    let held = |kind, holder: Option<String>, name: &Name| Attached {
        kind,
        holder,
        owner: None,
        name: Some(name.to_string()),
    };
    match place {
        PolicyPlace::Bucket(id) => {
            let bucket = state.bucket_by_id(*id);
            let owner = bucket.and_then(|bucket| state.user(bucket.owner));
            Attached {
                kind: "bucket",
                holder: bucket.map(|bucket| bucket.name.to_string()),
                owner: owner.map(|owner| owner.name.to_string()),
                name: None,
            }
        }
        PolicyPlace::User { user, name } => {
            let user = state.user(*user);
            held("user", user.map(|user| user.name.to_string()), name)
        }
        PolicyPlace::Group { group, name } => {
            let group = state.group(*group);
            held("group", group.map(|group| group.name.to_string()), name)
        }
        PolicyPlace::Role { role, name } => {
            let role = state.iam_role(*role);
            held("role", role.map(|role| role.name.to_string()), name)
        }
    }
}

/// Whoever attaches documents.
pub(crate) const fn editor(caller: &Caller) -> (&Caller, Option<ConsoleAtom>) {
    (caller, Some(ConsoleAtom::AclEdit))
}

/// Whether somebody sees a document, or may do that to it.
pub(crate) fn demand(
    state: &Snapshot,
    (caller, atom): (&Caller, Option<ConsoleAtom>),
    (tenant, place): (&Tenant, &PolicyPlace),
) -> Result<(), Problem> {
    let (of, what) = match place {
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
    caller.demand(state, atom, (&of, what))
}

/// Whether somebody sees the documents of an account.
pub(crate) fn demand_all(
    state: &Snapshot,
    caller: &Caller,
    tenant: &Tenant,
) -> Result<(), Problem> {
    caller.demand(state, None, (&Place::Tenant(tenant.id), "tenant"))
}

/// The bucket of this name in the user's namespace, or in the account's.
pub(crate) fn place_of_bucket(
    state: &Snapshot,
    (tenant, user): (&Tenant, Option<&User>),
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

/// What a text says as a document there, or all that is wrong with it.
pub(crate) async fn check(
    admin: &Admin,
    place: &PolicyPlace,
    text: &str,
) -> Result<PolicyReport, Problem> {
    let checked = admin.judge.check_policy(place.clone(), text.to_owned());
    Ok(checked.await?)
}

/// Puts a text there that is understood; where a revision is told, in the place of that one alone. Answers the new revision.
pub(crate) async fn put(
    admin: &Admin,
    actor: Actor,
    (place, expected): (PolicyPlace, Option<Revision>),
    text: String,
) -> Result<u64, Problem> {
    carry_out(admin, actor, expected, Command::PutPolicy { place, text }).await
}

/// Takes a document away: also one that locks its owner out.
pub(crate) async fn delete(
    admin: &Admin,
    actor: Actor,
    (place, expected): (PolicyPlace, Option<Revision>),
) -> Result<u64, Problem> {
    carry_out(admin, actor, expected, Command::DeletePolicy(place)).await
}

async fn carry_out(
    admin: &Admin,
    actor: Actor,
    expected: Option<Revision>,
    command: Command,
) -> Result<u64, Problem> {
    let applied = match expected {
        Some(expected) => admin.directory.apply_at(command, actor, expected).await?,
        None => admin.directory.apply(command, actor).await?,
    };
    Ok(applied.revision.0)
}

/// The document of a place.
pub(crate) fn document<'s>(
    state: &'s Snapshot,
    place: &PolicyPlace,
) -> Result<&'s PolicyDocument, Problem> {
    let found = state.policy(place).map(|policy| &**policy);
    found.ok_or_else(|| Problem::not_found("policy"))
}

/// How many statements a text has that was attached once: it was understood then.
pub(crate) fn statements(text: &str) -> usize {
    let document: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    match document.get("Statement") {
        Some(serde_json::Value::Array(statements)) => statements.len(),
        Some(_) => 1,
        None => 0,
    }
}

/// A document as lists show it.
#[derive(Clone, Debug)]
pub(crate) struct PolicyShown {
    /// What it is attached to.
    pub(crate) of: Attached,
    /// Its place.
    pub(crate) place: PolicyPlace,
    /// How many statements it has.
    pub(crate) statements: usize,
    /// When it was put there, in seconds since 1970.
    pub(crate) put: u64,
    /// By whom, as the audit log names him.
    pub(crate) put_by: String,
    /// The revision of its record.
    pub(crate) revision: u64,
}

/// The documents of an account, buckets first.
pub(crate) fn list(
    state: &Snapshot,
    tenant: &Tenant,
    listing: &Listing,
) -> Result<Page<PolicyShown>, Problem> {
    let all: Vec<PolicyShown> = state
        .policies(tenant.id)
        .map(|policy| show(state, policy))
        .filter(|it| {
            let of = &it.of;
            let words = [&of.holder, &of.owner, &of.name];
            let words = words.map(|word| word.as_deref().unwrap_or_default());
            listing.finds(&words)
        })
        .collect();
    let rank = |it: &&PolicyShown, order: &str| {
        let of = &it.of;
        let words = [&of.holder, &of.name, &of.owner];
        let place = words
            .map(|word| word.as_deref().unwrap_or_default())
            .join(" ");
        match order {
            "put" => (it.put, place),
            _ => (0, format!("{} {place}", of.kind)),
        }
    };
    listing.page(&["place", "put"], all.iter(), rank, PolicyShown::clone)
}

/// A document, without its text.
pub(crate) fn show(state: &Snapshot, policy: &PolicyDocument) -> PolicyShown {
    PolicyShown {
        of: attached(state, &policy.place),
        place: policy.place.clone(),
        statements: statements(&policy.text),
        put: policy.put.0,
        put_by: policy.put_by.clone(),
        revision: policy.revision.0,
    }
}
