//! What joins a caller and a bucket: whose the namespace is, and what its owner has opened to everyone.

use postern_config::directory::{
    Bucket, ContainerAcl, NamespaceId, NamespaceKind, OwnerDataAccess, PublicContainers, Referrer,
    Role, Standing, State, Tenant, TenantStatus,
};

use super::Caller;

/// How the caller has a part in the namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// It is his, or his account's and he its owner.
    Owner,
    /// He is a member of the account whose it is.
    Member,
    /// None.
    Stranger,
}

/// What of a bucket everyone may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Open {
    list: bool,
    read: bool,
}

/// The values of `postern:Relation` for a caller who asks for a bucket, or for a name that no bucket has, in a namespace.
pub(crate) fn relation(
    state: &State,
    caller: Option<&Caller>,
    namespace: Option<NamespaceId>,
    bucket: Option<&Bucket>,
) -> &'static [&'static str] {
    let part = match (caller, namespace) {
        (Some(caller), Some(namespace)) => part(caller, namespace, bucket),
        _ => Part::Stranger,
    };
    let Open { list, read } = open(state, bucket);
    match (part, list, read) {
        (Part::Owner, false, false) => &["owner"],
        (Part::Owner, true, false) => &["owner", "public-list"],
        (Part::Owner, false, true) => &["owner", "public-read"],
        (Part::Owner, true, true) => &["owner", "public-list", "public-read"],
        (Part::Member, false, false) => &["member"],
        (Part::Member, true, false) => &["member", "public-list"],
        (Part::Member, false, true) => &["member", "public-read"],
        (Part::Member, true, true) => &["member", "public-list", "public-read"],
        (Part::Stranger, false, false) => &[],
        (Part::Stranger, true, false) => &["public-list"],
        (Part::Stranger, false, true) => &["public-read"],
        (Part::Stranger, true, true) => &["public-list", "public-read"],
    }
}

/// In the deployment's namespace each account has its own buckets; what has no bucket yet is nobody's.
fn part(caller: &Caller, namespace: NamespaceId, bucket: Option<&Bucket>) -> Part {
    let own = caller.namespace() == namespace;
    if !own || bucket.is_some_and(|bucket| bucket.tenant != caller.tenant.id) {
        return Part::Stranger;
    }
    let rules = caller.tenant.profile.rules();
    match (rules.namespace, rules.owner_data_access) {
        (NamespaceKind::PerUser, _) => Part::Owner,
        (NamespaceKind::Global, _) => part_of_all(caller, bucket),
        (NamespaceKind::Account, OwnerDataAccess::Full) if caller.user.role == Role::Owner => {
            Part::Owner
        }
        (NamespaceKind::Account, OwnerDataAccess::Full | OwnerDataAccess::None) => Part::Member,
    }
}

/// In the deployment's namespace who shares in his account has everything of it, and who has but his own what he has made. Whom policies
/// alone give rights has what they say.
fn part_of_all(caller: &Caller, bucket: Option<&Bucket>) -> Part {
    let owns = |bucket: &Bucket| bucket.owner == caller.user.id;
    match caller.standing() {
        Standing::Shared => Part::Owner,
        Standing::Own if bucket.is_none_or(owns) => Part::Owner,
        Standing::Own | Standing::ByPolicy => Part::Stranger,
    }
}

/// Whether the bucket has a say in what is open: only those that do need the layer of what is public.
pub(super) fn may_be_open(bucket: &Bucket) -> bool {
    bucket.public.is_some() || bucket.acl.is_some()
}

fn open(state: &State, bucket: Option<&Bucket>) -> Open {
    let closed = Open {
        list: false,
        read: false,
    };
    let Some(bucket) = bucket.filter(|bucket| may_be_open(bucket)) else {
        return closed;
    };
    let lets = |tenant: &Tenant| {
        let switch = tenant.profile.rules().public_containers == PublicContainers::Switch;
        switch && !tenant.block_public && answers(state.standing(tenant))
    };
    if !state
        .tenant(bucket.tenant)
        .is_some_and(|tenant| lets(tenant))
    {
        return closed;
    }
    let everyone = bucket.acl.as_ref().is_some_and(ContainerAcl::opens_reading);
    let public = bucket.public.as_ref();
    Open {
        list: everyone || public.is_some_and(|public| public.list),
        read: everyone || public.is_some_and(|public| public.read),
    }
}

/// The values of `postern:ContainerPermissions`: none for who is no member of the bucket's account, and where none are set.
pub(crate) fn container_permissions(
    caller: Option<&Caller>,
    bucket: &Bucket,
) -> Option<&'static [&'static str]> {
    let caller = caller.filter(|caller| caller.tenant.id == bucket.tenant)?;
    let held = bucket.acl.as_ref()?.held_by(caller.user.id);
    Some(held.words())
}

/// From where one must come to read what is public: none where it does not matter.
pub(crate) fn referrers(bucket: &Bucket) -> Option<&[Referrer]> {
    let everyone = bucket.acl.as_ref().is_some_and(ContainerAcl::opens_reading);
    let public = bucket.public.as_ref().filter(|_| !everyone)?;
    (!public.is_for_any_referrer()).then_some(public.referrers.as_slice())
}

/// Whether anything of an account answers.
pub(crate) const fn answers(status: TenantStatus) -> bool {
    match status {
        TenantStatus::Active | TenantStatus::ReadOnly => true,
        TenantStatus::Suspended | TenantStatus::Closed => false,
    }
}
