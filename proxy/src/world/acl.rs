//! What access control lists give a caller, and by which ids they know callers: in the deployment's namespace, where buckets and
//! objects have such lists.

use std::sync::Arc;

use postern_config::directory::{
    Bucket, BucketGrant, NamespaceId, NamespaceKind, Profile, Standing, State, User, UserId,
    UserKind,
};
use s3_protocol::acl::{Group, Permission};
use s3_protocol::object::{Creator, Owner};
use serde::{Deserialize, Serialize};

use super::Caller;

/// The id by which lists and owners name a user: his own where he has but his own, else that of his account. Where each account has
/// its names to itself it is always his own.
pub(crate) fn canonical_id(user: &User, profile: Profile) -> String {
    let by_account = match (profile.namespaces(), user.kind, user.standing) {
        (NamespaceKind::PerUser | NamespaceKind::Account, ..) => false,
        (NamespaceKind::Global, UserKind::Root, _) => true,
        (NamespaceKind::Global, UserKind::Human | UserKind::Service, standing) => {
            standing != Standing::Own
        }
    };
    if by_account {
        format!("{:012}", user.tenant.get())
    } else {
        user.id.to_string()
    }
}

/// The owner of what belongs to a user, with his name as people write it.
pub(crate) fn owner(state: &State, user: UserId) -> Owner {
    let found = state.user(user);
    let found = found.and_then(|user| Some((user, state.tenant(user.tenant)?)));
    let Some((user, tenant)) = found else {
        return Owner {
            id: user.to_string(),
            display_name: String::new(),
        };
    };
    let id = canonical_id(user, tenant.profile);
    let display_name = named(state, &id).unwrap_or_default();
    Owner { id, display_name }
}

/// Who began an upload: as owners are named where what he makes is his own or he stands for his account, else by his id alone.
pub(crate) fn initiator(state: &State, creator: &Creator) -> Owner {
    let user = u64::from_str_radix(&creator.principal, 16).ok();
    let user = user.and_then(|number| state.user_by_number(number));
    let owns = |user: &&Arc<User>| {
        user.id.to_string() == creator.principal
            && (user.kind == UserKind::Root || user.standing == Standing::Own)
    };
    match user.filter(owns) {
        Some(user) => owner(state, user.id),
        None => Owner {
            id: creator.principal.clone(),
            display_name: String::new(),
        },
    }
}

/// The name of whom a canonical id means; none where it means nobody.
pub(crate) fn named(state: &State, id: &str) -> Option<String> {
    let shared = |profile: Profile| profile.namespaces() == NamespaceKind::Global;
    let user = if id.len() == 16 {
        let number = u64::from_str_radix(id, 16).ok()?;
        let user = state.user_by_number(number)?;
        (user.standing == Standing::Own).then_some(user)?
    } else {
        let tenant = state.tenant_numbered(id.parse().ok()?)?;
        if format!("{:012}", tenant.id.get()) != id {
            return None;
        }
        state.root(tenant.id)?
    };
    shared(state.tenant(user.tenant)?.profile).then(|| user.details.full_name.to_string())
}

/// The canonical id of who has this e-mail address.
pub(crate) fn with_email(state: &State, text: &str) -> Option<String> {
    let email = text.parse().ok()?;
    let shared = state
        .tenants()
        .filter(|tenant| tenant.profile.namespaces() == NamespaceKind::Global);
    shared
        .filter_map(|tenant| Some((tenant, state.user_with_email(tenant.id, &email)?)))
        .map(|(tenant, user)| canonical_id(user, tenant.profile))
        .next()
}

/// Whether a bucket has a list that says anything to anybody but its owner.
pub(super) fn has_list(bucket: &Bucket) -> bool {
    bucket.namespace == NamespaceId::Global
        && bucket.access.grants.is_some()
        && bucket.access.has_lists()
}

/// Who may do what with one object, as it stands beside it: what the node keeps and does not read.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ObjectAccess {
    /// The canonical id of who owns it.
    pub(crate) owner: String,
    /// The list.
    pub(crate) grants: Vec<BucketGrant>,
}

impl ObjectAccess {
    /// Reads what stands beside an object. What cannot be read gives nothing to anybody.
    pub(crate) fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// As it stands beside an object.
    pub(crate) fn write(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The values of `postern:ObjectAclPermissions`: none where the object is its bucket's owner's alone, or gives the caller nothing.
pub(crate) fn object_permissions(
    caller: Option<&Caller>,
    bucket: &Bucket,
    acl: Option<&str>,
) -> Option<&'static [&'static str]> {
    if bucket.namespace != NamespaceId::Global || !bucket.access.has_lists() {
        return None;
    }
    let access = ObjectAccess::read(acl?)?;
    let mut held = held(caller, bucket, &access.grants);
    // Whoever owns it can always get at its list, whatever he wrote there.
    if id_of(caller, bucket) == Some(&access.owner) {
        held |= READ_ACP | WRITE_ACP;
    }
    words(held & !WRITE)
}

/// The values of `postern:AclPermissions`: none where the bucket has no list, or it gives the caller nothing.
pub(crate) fn acl_permissions(
    caller: Option<&Caller>,
    bucket: &Bucket,
) -> Option<&'static [&'static str]> {
    if !has_list(bucket) {
        return None;
    }
    let grants = bucket.access.grants.as_deref().unwrap_or_default();
    words(held(caller, bucket, grants))
}

/// By which id lists know a caller. What is given to an account is for its administrators to hand on to those whom policies alone
/// give rights.
fn id_of<'a>(caller: Option<&'a Caller>, bucket: &Bucket) -> Option<&'a str> {
    caller
        .filter(|caller| caller.tenant.id != bucket.tenant || !caller.is_by_policy())
        .map(|caller| caller.canonical_id.as_str())
}

/// What a list of a bucket, or of an object in it, gives a caller.
fn held(caller: Option<&Caller>, bucket: &Bucket, grants: &[BucketGrant]) -> u8 {
    let ignores_public = bucket.access.blocked().ignore_acls;
    let by_id = id_of(caller, bucket);
    let mut held = 0_u8;
    for grant in grants {
        let fits = match grant.group() {
            Some(Group::AllUsers) => !ignores_public,
            Some(Group::AuthenticatedUsers) => !ignores_public && caller.is_some(),
            Some(Group::LogDelivery) => false,
            None => by_id == Some(grant.to.as_str()),
        };
        if fits && let Some(permission) = grant.permission() {
            held |= bits(permission);
        }
    }
    held
}

const READ: u8 = 1;
const WRITE: u8 = 2;
const READ_ACP: u8 = 4;
const WRITE_ACP: u8 = 8;

const fn bits(permission: Permission) -> u8 {
    match permission {
        Permission::FullControl => READ | WRITE | READ_ACP | WRITE_ACP,
        Permission::Read => READ,
        Permission::Write => WRITE,
        Permission::ReadAcp => READ_ACP,
        Permission::WriteAcp => WRITE_ACP,
    }
}

/// The words of a set of permissions.
fn words(held: u8) -> Option<&'static [&'static str]> {
    const ALL: [&[&str]; 16] = [
        &[],
        &["read"],
        &["write"],
        &["read", "write"],
        &["read-acp"],
        &["read", "read-acp"],
        &["write", "read-acp"],
        &["read", "write", "read-acp"],
        &["write-acp"],
        &["read", "write-acp"],
        &["write", "write-acp"],
        &["read", "write", "write-acp"],
        &["read-acp", "write-acp"],
        &["read", "read-acp", "write-acp"],
        &["write", "read-acp", "write-acp"],
        &["read", "write", "read-acp", "write-acp"],
    ];
    let words = ALL.get(usize::from(held))?;
    (held != 0).then_some(*words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_the_bits() {
        for held in 1..16_u8 {
            let has = |bit: u8, word: &str| {
                let told = words(held).unwrap().contains(&word);
                assert_eq!(held & bit != 0, told, "{held} {word}");
            };
            has(READ, "read");
            has(WRITE, "write");
            has(READ_ACP, "read-acp");
            has(WRITE_ACP, "write-acp");
        }
        assert_eq!(words(0), None);
    }
}
