//! Whether an account is sound as a file says it: the invariants of the directory, looked at where it would be.
//!
//! The rows are taken in by a copy of the state, as they would be after the transaction, and everything that the commands refuse one
//! by one is refused here for the whole.

use std::collections::BTreeSet;

use super::{FileFault, Import, Record};
use crate::directory::change::checked_rights;
use crate::directory::command::{CommandError, Refusal};
use crate::directory::names::{Host, TenantId};
use crate::directory::permission::{AccountAcl, ContainerAcl};
use crate::directory::profile::{CustomRoles, NamespaceKind, PublicContainers, SubUsers};
use crate::directory::record::{
    KeyState, ModuleScope, ModuleState, PolicyPlace, Tenant, User, UserKind, UserStatus,
};
use crate::directory::role::{self, Role};
use crate::directory::rules::ModuleRules;
use crate::directory::state::State;
use crate::directory::{Profile, RootKeys};
use crate::engine::{Change, Op};
use crate::limits::{
    CUSTOM_ROLES_MAX, IMPORT_ROWS_MAX, MODULE_BYTES_MAX, MODULE_VERSIONS_MAX, PERMISSION_ROWS_MAX,
    POLICY_BYTES_MAX, REFERRERS_MAX, TENANT_HOSTS_MAX, USER_POLICIES_MAX,
};

pub(super) fn check(
    state: &State,
    (id, existing): (TenantId, Option<&std::sync::Arc<Tenant>>),
    (import, rules): (&Import, &ModuleRules),
    ops: &[Op],
) -> Result<(), FileFault> {
    if ops.len() > IMPORT_ROWS_MAX {
        return Err(unsound(format!(
            "it changes more than {IMPORT_ROWS_MAX} records"
        )));
    }
    strangers(state, id, ops)?;
    let mut after = state.clone();
    let change = Change {
        revision: state.revision(),
        ops: ops.to_vec(),
    };
    after.put_change(change).map_err(CommandError::from)?;
    let tenant = after
        .tenant(id)
        .ok_or_else(|| unsound("it has no tenant"))?;
    account(&after, tenant, existing.map(|it| &**it))?;
    let users: Vec<&User> = after.users(id).map(|user| &**user).collect();
    people(&after, tenant, &users)?;
    for user in &users {
        keys(&after, tenant, user)?;
    }
    contents(&after, tenant)?;
    modules(&after, id, (import, rules))
}

fn unsound(what: impl Into<String>) -> FileFault {
    FileFault::Unsound(what.into())
}

fn refuse(refusal: Refusal) -> FileFault {
    CommandError::Refused(refusal).into()
}

fn taken(what: &'static str, name: impl ToString) -> FileFault {
    CommandError::Taken {
        what,
        name: name.to_string(),
        bucket: None,
    }
    .into()
}

/// What others have is not taken from them: ids of access keys, labels, names of buckets of the deployment.
fn strangers(state: &State, id: TenantId, ops: &[Op]) -> Result<(), FileFault> {
    for op in ops {
        let Op::Put(key, value) = op else { continue };
        let row = crate::engine::Row {
            key: key.clone(),
            value: value.clone(),
            revision: state.revision(),
        };
        if !key.starts_with(super::super::rows::PREFIX) {
            continue;
        }
        match Record::read(&row).map_err(CommandError::from)? {
            Record::Key(it) if state.key(&it.id).is_some_and(|there| there.tenant != id) => {
                return Err(taken("access key", it.id));
            }
            Record::Tenant(it) => {
                let foreign = |(there, of): (&Host, TenantId)| {
                    let near = |host: &&Host| there.is_within(host) || host.is_within(there);
                    of != id && it.hosts.iter().any(|host| near(&host))
                };
                if let Some((host, _)) = state.hosts().find(|it| foreign(*it)) {
                    return Err(taken("domain", host));
                }
                if it.hosts.len() > TENANT_HOSTS_MAX {
                    return Err(refuse(Refusal::Hosts));
                }
            }
            Record::Namespace(it) => {
                let holder = it
                    .alias
                    .as_ref()
                    .and_then(|alias| state.alias(alias.as_str()));
                if holder.is_some_and(|holder| holder != it.id) {
                    return Err(taken(
                        "alias",
                        it.alias.map(|it| it.to_string()).unwrap_or_default(),
                    ));
                }
            }
            Record::Bucket(it) => {
                let there = state.bucket(it.namespace, &it.name);
                if there.is_some_and(|there| there.id != it.id) {
                    return Err(taken("bucket", it.name));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn account(after: &State, tenant: &Tenant, existing: Option<&Tenant>) -> Result<(), FileFault> {
    if existing.is_some_and(|existing| existing.profile != tenant.profile) {
        return Err(unsound("the tenant that there is has another profile"));
    }
    if tenant.status == crate::directory::TenantStatus::Closed
        || existing.is_some_and(|it| it.status == crate::directory::TenantStatus::Closed)
    {
        return Err(refuse(Refusal::BeingRemoved));
    }
    if tenant.write_deletes > tenant.profile.write_deletes() {
        return Err(refuse(Refusal::MoreThanParent));
    }
    if let Some(parent) = tenant.parent {
        let above = after.tenant(parent);
        if above.is_none_or(|above| above.parent.is_some() || above.id == tenant.id)
            || after.children(tenant.id).next().is_some()
        {
            return Err(refuse(Refusal::TooDeep));
        }
    }
    if tenant.acl.is_some() && !tenant.profile.has_permissions() {
        return Err(refuse(Refusal::NoPermissions));
    }
    let rows = tenant.acl.iter().flat_map(AccountAcl::users).count();
    if rows > PERMISSION_ROWS_MAX {
        return Err(refuse(Refusal::TooManyRows));
    }
    let custom = tenant.profile.rules().custom_roles;
    let roles = after.roles(tenant.id).count();
    if roles > CUSTOM_ROLES_MAX || (roles > 0 && custom == CustomRoles::No) {
        return Err(refuse(Refusal::Roles));
    }
    Ok(())
}

fn people(after: &State, tenant: &Tenant, users: &[&User]) -> Result<(), FileFault> {
    let roots: Vec<_> = users
        .iter()
        .filter(|it| it.kind == UserKind::Root)
        .collect();
    let owners = users.iter().filter(|it| it.role == Role::Owner).count();
    match roots[..] {
        [root] if root.status == UserStatus::Active && root.role == Role::Owner && owners == 1 => {}
        _ => return Err(unsound("it has not one owner, always active")),
    }
    // The state keeps one user for each name: a second of the same would have hidden the first.
    let mut names = BTreeSet::new();
    let mut emails = BTreeSet::new();
    for user in users {
        if !names.insert(user.name.folded()) {
            return Err(taken("user", &user.name));
        }
        match &user.details.email {
            Some(email) if !emails.insert(email.folded()) => {
                return Err(taken("e-mail address", email));
            }
            None if user.kind == UserKind::Human && tenant.profile == Profile::Datastream => {
                return Err(refuse(Refusal::EmailNeeded));
            }
            Some(_) | None => {}
        }
        let known = match user.role {
            Role::Custom(id) => after.role(id).is_some_and(|role| role.tenant == tenant.id),
            builtin => role::is_known(tenant.profile, builtin),
        };
        if !known {
            return Err(refuse(Refusal::NoSuchRole));
        }
        let has_sub_users = after.sub_users(user.id).next().is_some();
        if has_sub_users && tenant.profile.rules().sub_users == SubUsers::No {
            return Err(refuse(Refusal::NoSubUsers));
        }
        if after.user_policies(user.id).count() > USER_POLICIES_MAX {
            return Err(refuse(Refusal::UserPolicies));
        }
    }
    if names.len() != after.users(tenant.id).count() {
        return Err(unsound("two of its users have one name"));
    }
    Ok(())
}

fn keys(after: &State, tenant: &Tenant, user: &User) -> Result<(), FileFault> {
    let mut of_root = 0;
    for key in after.keys(user.id) {
        let caller = after.caller(&key.id);
        if caller.is_none_or(|caller| caller.tenant.id != tenant.id) {
            return Err(unsound(format!("access key `{}` is nobody's", key.id)));
        }
        checked_rights(tenant, user, &key.rights)?;
        let is_single = user.kind == UserKind::Root
            && tenant.profile.root_keys() == RootKeys::Single
            && !matches!(key.state, KeyState::Rotating { .. });
        of_root += usize::from(is_single);
    }
    if of_root > 1 {
        return Err(refuse(Refusal::RootHasOneKey));
    }
    Ok(())
}

fn contents(after: &State, tenant: &Tenant) -> Result<(), FileFault> {
    let purge = crate::directory::Purge::Tenant(tenant.id);
    for bucket in after.purged_buckets(purge) {
        let owner = after.user(bucket.owner);
        let fits = owner.is_some_and(|owner| {
            owner.tenant == tenant.id && owner.namespace(tenant.profile) == bucket.namespace
        });
        if !fits {
            return Err(refuse(Refusal::NotOfNamespace));
        }
        if bucket.acl.is_some() && !tenant.profile.has_permissions() {
            return Err(refuse(Refusal::NoPermissions));
        }
        let rows = bucket.acl.iter().flat_map(ContainerAcl::users).count();
        let referrers = bucket.public.as_ref().map_or(0, |it| it.referrers.len());
        if rows > PERMISSION_ROWS_MAX || referrers > REFERRERS_MAX {
            return Err(refuse(Refusal::TooManyRows));
        }
        let switch = tenant.profile.rules().public_containers == PublicContainers::Switch;
        if bucket.public.is_some() && !switch {
            return Err(refuse(Refusal::NotPublic));
        }
    }
    for policy in after.policies(tenant.id) {
        let is_there = match &policy.place {
            PolicyPlace::Bucket(id) => {
                let bucket = after.bucket_by_id(*id);
                bucket.is_some_and(|bucket| bucket.tenant == tenant.id)
            }
            PolicyPlace::User { user, .. } => {
                let user = after.user(*user);
                user.is_some_and(|user| user.tenant == tenant.id)
            }
            PolicyPlace::Group { group, .. } => {
                let group = after.group(*group);
                group.is_some_and(|group| group.tenant == tenant.id)
            }
            PolicyPlace::Role { role, .. } => {
                let role = after.iam_role(*role);
                role.is_some_and(|role| role.tenant == tenant.id)
            }
        };
        if !is_there {
            return Err(unsound("a policy of what is not in it"));
        }
        if !(1..=POLICY_BYTES_MAX).contains(&policy.text.len()) {
            return Err(refuse(Refusal::PolicySize));
        }
    }
    let per_user = tenant.profile.namespaces() == NamespaceKind::PerUser;
    for user in after.users(tenant.id).filter(|_| per_user) {
        if after.namespace(user.namespace(tenant.profile)).is_none() {
            return Err(unsound(format!("user `{}` has no namespace", user.name)));
        }
    }
    Ok(())
}

fn modules(
    after: &State,
    id: TenantId,
    (import, rules): (&Import, &ModuleRules),
) -> Result<(), FileFault> {
    let scope = ModuleScope::Tenant(id);
    let brought = import.modules()?;
    let mut versions = 0;
    for version in after.modules(scope) {
        versions += 1;
        if version.state != ModuleState::Ready {
            continue;
        }
        let bytes = brought.iter().find(|(digest, _)| *digest == version.digest);
        let Some((_, bytes)) = bytes else {
            return Err(unsound(format!(
                "the bytes of module `{}` are not in it",
                version.name
            )));
        };
        if !(1..=MODULE_BYTES_MAX).contains(&bytes.len()) {
            return Err(refuse(Refusal::ModuleSize));
        }
        let vouched = match &version.signature {
            _ if rules.signers.is_empty() => true,
            None => return Err(refuse(Refusal::Unsigned)),
            Some(signature) => signature.holds(&rules.signers, bytes),
        };
        if !vouched {
            return Err(refuse(Refusal::WronglySigned));
        }
    }
    if versions > MODULE_VERSIONS_MAX {
        return Err(refuse(Refusal::ModuleVersions));
    }
    for binding in after.bindings(scope) {
        for digest in binding.at_work() {
            let version = after.module(scope, &binding.name, digest);
            if version.is_none_or(|version| version.state != ModuleState::Ready) {
                let said = format!("the module in force `{}` is not in it", binding.name);
                return Err(unsound(said));
            }
        }
    }
    Ok(())
}
