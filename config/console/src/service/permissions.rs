//! Permissions on an account and on its containers, and what of a container is public.
//!
//! A permission is set for all alike or for each user, never for both. Going from one to the other throws the rows of the one away,
//! so it takes two steps: a preview says what changes for whom, and the change itself names the revision that the preview saw.

use std::collections::BTreeMap;

use http::StatusCode;
use postern_config::directory::{
    AccountAcl, Actor, Bucket, Command, ContainerAcl, PermissionChange, PermissionRow, Permissions,
    PublicAccess, Referrer, Refusal, State as Snapshot, Subject, Tenant, User, UserId,
};
use postern_config::engine::Revision;

use super::find;
use super::sentences::rule;
use super::tenants::{apply, gone};
use crate::limits::EFFECTS_LISTED_MAX;
use crate::shape::shapes;
use crate::{Admin, Problem};

shapes! {
    both
    /// What somebody may do.
    ReadWrite {
        /// Account: see which containers there are. Container: list and download.
        read: bool,
        /// Account: make and remove containers. Container: upload and delete.
        write: bool,
    }

    both
    /// What one user may do.
    UserPermission {
        /// The user, by name or number.
        user: String,
        /// Account: see which containers there are. Container: list and download.
        read: bool,
        /// Account: make and remove containers. Container: upload and delete.
        write: bool,
    }

    told
    /// Permissions on an account: what its members may do to containers.
    AccountShown {
        /// `global`: all members alike; `per-user`: each for himself, and who is not named has none.
        kind: &'static str,
        /// Whether nothing was set, and this is what the profile says.
        is_default: bool,
        /// The row of all members, where they are alike.
        members: Option<ReadWrite>,
        /// The rows of users, where each has his own.
        users: Vec<UserPermission>,
        /// The roles that these permissions do not bind.
        exempt_roles: Vec<String>,
        /// The revision of the account; its `ETag`.
        revision: u64,
    }

    asked
    /// Permissions on an account to set: `members`, or `users`. They take the place of all that was set before.
    AccountAsked {
        /// The row of all members.
        members: Option<ReadWrite>,
        /// A row for each user; who is not named has none.
        users: Option<Vec<UserPermission>>,
    }

    told
    /// Permissions on a container: what may be done to its objects.
    ContainerShown {
        /// `global`, `per-user`, or `none`: nothing is set, and members may do what the layers above allow.
        kind: &'static str,
        /// The row of everyone, signed or not, where there are rows for all. Who is no member reads at most.
        all_users: Option<ReadWrite>,
        /// The row of the members of the account.
        members: Option<ReadWrite>,
        /// The rows of users, where each has his own.
        users: Vec<UserPermission>,
        /// The roles that these permissions do not bind.
        exempt_roles: Vec<String>,
        /// The revision of the bucket; its `ETag`.
        revision: u64,
    }

    asked
    /// Permissions on a container to set: `all_users` and `members`, or `users`. They take the place of all that was set before.
    ContainerAsked {
        /// The row of everyone, signed or not; nothing unless told otherwise.
        all_users: Option<ReadWrite>,
        /// The row of the members of the account; nothing unless told otherwise.
        members: Option<ReadWrite>,
        /// A row for each user; who is not named has none.
        users: Option<Vec<UserPermission>>,
    }

    told
    /// What a change of permissions would change, for whom.
    Preview {
        /// Whether rows for all give way to rows for users, or the reverse: then the change must name the `ETag` of this answer.
        changes_kind: bool,
        /// Rows that would be gone or be others, as they are.
        removed: Vec<RowShown>,
        /// Rows that would be new or be others, as they would be.
        added: Vec<RowShown>,
        /// For whom what he may do would be another; at most 1,000 entries.
        effects: Vec<Effect>,
        /// For how many in all.
        affected: usize,
        /// The revision that was looked at; the `ETag`.
        revision: u64,
    }

    told
    /// One row of permissions.
    RowShown {
        /// For whom: `all-users`, `members`, or a user's name.
        subject: String,
        /// Whether it reads.
        read: bool,
        /// Whether it writes.
        write: bool,
    }

    told
    /// What would change for somebody.
    Effect {
        /// The user's name; `everyone else` are those who are no members, signed or not.
        user: String,
        /// What he may do.
        before: ReadWrite,
        /// What he could do.
        after: ReadWrite,
    }

    told
    /// What of a container is public.
    PublicShown {
        /// Whether anything is set to be public.
        is_public: bool,
        /// Whether everyone may list it.
        list: bool,
        /// Whether everyone may read its objects.
        read: bool,
        /// From where one must come: how the address of a page begins, or `*` for anywhere.
        referrers: Vec<String>,
        /// Whether the account lets nothing be public: then what is set here has no effect until that is lifted.
        blocked: bool,
        /// The revision of the bucket; its `ETag`.
        revision: u64,
    }

    asked
    /// What of a container shall be public. The empty document makes it public: listing and reading, from anywhere.
    PublicAsked {
        /// Whether everyone may list it; true unless told otherwise.
        list: Option<bool>,
        /// Whether everyone may read its objects; true unless told otherwise.
        read: Option<bool>,
        /// From where one must come: how the address of a page begins, such as `https://example.com/`; from anywhere unless told otherwise.
        referrers: Option<Vec<Referrer>>,
    }
}

impl ReadWrite {
    const fn of(held: Permissions) -> Self {
        Self {
            read: held.read,
            write: held.write,
        }
    }

    const fn meant(given: Option<&Self>) -> Permissions {
        match given {
            Some(given) => Permissions {
                read: given.read,
                write: given.write,
            },
            None => Permissions::NONE,
        }
    }
}

/// The permissions on an account.
pub(crate) fn account(state: &Snapshot, tenant: &Tenant) -> Result<AccountShown, Problem> {
    let acl = tenant.account_acl().ok_or_else(|| has_none(tenant))?;
    let (kind, members, users) = match &acl {
        AccountAcl::Global(members) => ("global", Some(ReadWrite::of(*members)), Vec::new()),
        AccountAcl::PerUser(each) => ("per-user", None, rows_of(state, each)),
    };
    Ok(AccountShown {
        kind,
        is_default: tenant.acl.is_none(),
        members,
        users,
        exempt_roles: exempt_roles(tenant),
        revision: tenant.revision.0,
    })
}

/// The permissions on a container.
pub(crate) fn container(
    state: &Snapshot,
    tenant: &Tenant,
    bucket: &Bucket,
) -> Result<ContainerShown, Problem> {
    if !tenant.profile.has_permissions() {
        return Err(has_none(tenant));
    }
    let (kind, rows, users) = match &bucket.acl {
        None => ("none", None, Vec::new()),
        Some(ContainerAcl::Global { all_users, members }) => {
            ("global", Some((*all_users, *members)), Vec::new())
        }
        Some(ContainerAcl::PerUser(each)) => ("per-user", None, rows_of(state, each)),
    };
    Ok(ContainerShown {
        kind,
        all_users: rows.map(|(all_users, _)| ReadWrite::of(all_users)),
        members: rows.map(|(_, members)| ReadWrite::of(members)),
        users,
        exempt_roles: exempt_roles(tenant),
        revision: bucket.revision.0,
    })
}

fn has_none(tenant: &Tenant) -> Problem {
    rule(&format!("tenant `{}`", tenant.name), Refusal::NoPermissions)
}

fn exempt_roles(tenant: &Tenant) -> Vec<String> {
    let roles = tenant.profile.rules().acl_exempt_roles;
    roles.iter().map(ToString::to_string).collect()
}

fn rows_of(state: &Snapshot, each: &BTreeMap<UserId, Permissions>) -> Vec<UserPermission> {
    let row = |(id, held): (&UserId, &Permissions)| UserPermission {
        user: name_of(state, *id),
        read: held.read,
        write: held.write,
    };
    each.iter().map(row).collect()
}

fn name_of(state: &Snapshot, id: UserId) -> String {
    let user = state.user(id);
    user.map_or_else(|| id.to_string(), |user| user.name.to_string())
}

/// What is asked for, as the directory has it.
fn account_acl(
    state: &Snapshot,
    tenant: &Tenant,
    asked: &AccountAsked,
) -> Result<AccountAcl, Problem> {
    match (&asked.members, &asked.users) {
        (Some(members), None) => Ok(AccountAcl::Global(ReadWrite::meant(Some(members)))),
        (None, Some(users)) => per_user(state, tenant, users).map(AccountAcl::PerUser),
        (None, None) | (Some(_), Some(_)) => {
            let detail = "permissions are for all members alike or for each user: give `members` or `users`, one of the two";
            Err(Problem::malformed(detail))
        }
    }
}

fn container_acl(
    state: &Snapshot,
    tenant: &Tenant,
    asked: &ContainerAsked,
) -> Result<ContainerAcl, Problem> {
    match (&asked.all_users, &asked.members, &asked.users) {
        (None, None, Some(users)) => per_user(state, tenant, users).map(ContainerAcl::PerUser),
        (Some(_), _, None) | (None, Some(_), None) => Ok(ContainerAcl::Global {
            all_users: ReadWrite::meant(asked.all_users.as_ref()),
            members: ReadWrite::meant(asked.members.as_ref()),
        }),
        _ => {
            let detail = "permissions are for all alike or for each user: give `all_users` and `members`, or `users` alone";
            Err(Problem::malformed(detail))
        }
    }
}

fn per_user(
    state: &Snapshot,
    tenant: &Tenant,
    rows: &[UserPermission],
) -> Result<BTreeMap<UserId, Permissions>, Problem> {
    let mut each = BTreeMap::new();
    for row in rows {
        let user = find::user(state, tenant, &row.user)?;
        let held = Permissions {
            read: row.read,
            write: row.write,
        };
        if each.insert(user.id, held).is_some() {
            let detail = format!("`{}` is named twice: one row for each user", user.name);
            return Err(Problem::malformed(detail));
        }
    }
    Ok(each)
}

/// What setting these permissions on an account would change.
pub(crate) fn preview_account(
    state: &Snapshot,
    tenant: &Tenant,
    asked: &AccountAsked,
) -> Result<Preview, Problem> {
    let before = tenant.account_acl().ok_or_else(|| has_none(tenant))?;
    let after = account_acl(state, tenant, asked)?;
    let change = after.preview(Some(&before));
    let held = |acl: &AccountAcl, user: &User| acl.held_by(user.id);
    let effects = effects(state, tenant, |user| {
        (held(&before, user), held(&after, user))
    });
    Ok(preview(state, change, effects, tenant.revision))
}

/// What setting these permissions on a container would change.
pub(crate) fn preview_container(
    state: &Snapshot,
    (tenant, bucket): (&Tenant, &Bucket),
    asked: &ContainerAsked,
) -> Result<Preview, Problem> {
    container(state, tenant, bucket)?;
    let after = container_acl(state, tenant, asked)?;
    let before = bucket.acl.as_ref();
    let change = after.preview(before);
    let held = |user: &User| {
        let before = before.map_or(Permissions::ALL, |acl| acl.held_by(user.id));
        (before, after.held_by(user.id))
    };
    let strangers = |acl: &ContainerAcl| Permissions {
        read: acl.opens_reading(),
        write: false,
    };
    let outside = (
        before.map_or(Permissions::NONE, strangers),
        strangers(&after),
    );
    let outside = effect("everyone else".to_owned(), outside);
    let effects = outside.into_iter().chain(effects(state, tenant, held));
    Ok(preview(state, change, effects, bucket.revision))
}

/// For which members what they may do would be another. Whom permissions do not bind, nothing changes for.
fn effects<'s>(
    state: &'s Snapshot,
    tenant: &'s Tenant,
    held: impl Fn(&User) -> (Permissions, Permissions) + 's,
) -> impl Iterator<Item = Effect> + 's {
    let exempt = tenant.profile.rules().acl_exempt_roles;
    let bound = state
        .users(tenant.id)
        .filter(move |user| !exempt.contains(&user.role));
    bound.filter_map(move |user| effect(user.name.to_string(), held(user)))
}

fn effect(user: String, (before, after): (Permissions, Permissions)) -> Option<Effect> {
    (before != after).then(|| Effect {
        user,
        before: ReadWrite::of(before),
        after: ReadWrite::of(after),
    })
}

fn preview(
    state: &Snapshot,
    change: PermissionChange,
    effects: impl Iterator<Item = Effect>,
    revision: Revision,
) -> Preview {
    let mut effects = effects.fuse();
    let listed: Vec<Effect> = effects.by_ref().take(EFFECTS_LISTED_MAX).collect();
    let rows = |rows: &[PermissionRow]| rows.iter().map(|row| row_shown(state, row)).collect();
    Preview {
        changes_kind: change.changes_kind,
        removed: rows(&change.removed),
        added: rows(&change.added),
        affected: listed.len() + effects.count(),
        effects: listed,
        revision: revision.0,
    }
}

fn row_shown(state: &Snapshot, row: &PermissionRow) -> RowShown {
    RowShown {
        subject: match row.subject {
            Subject::AllUsers => "all-users".to_owned(),
            Subject::Members => "members".to_owned(),
            Subject::User(id) => name_of(state, id),
        },
        read: row.permissions.read,
        write: row.permissions.write,
    }
}

/// Sets the permissions on an account; none: what its profile says.
pub(crate) async fn set_account(
    admin: &Admin,
    actor: Actor,
    (tenant, expected): (&Tenant, Option<Revision>),
    asked: Option<&AccountAsked>,
) -> Result<AccountShown, Problem> {
    let state = admin.directory.state();
    let before = tenant.account_acl().ok_or_else(|| has_none(tenant))?;
    let acl = asked
        .map(|asked| account_acl(&state, tenant, asked))
        .transpose()?;
    let after = acl.clone().or_else(|| tenant.profile.account_acl());
    let change = after.map(|after| after.preview(Some(&before)));
    was_previewed(change.as_ref(), expected)?;
    let subject = format!("the permissions of tenant `{}`", tenant.name);
    let command = Command::SetAccountAcl(tenant.id, acl);
    apply(admin, actor, expected, (&subject, command)).await?;
    let state = admin.directory.state();
    let tenant = state.tenant(tenant.id).ok_or_else(|| gone(&subject))?;
    account(&state, tenant)
}

/// Sets the permissions on a container; none: nothing is said.
pub(crate) async fn set_container(
    admin: &Admin,
    actor: Actor,
    (tenant, bucket, expected): (&Tenant, &Bucket, Option<Revision>),
    asked: Option<&ContainerAsked>,
) -> Result<ContainerShown, Problem> {
    let state = admin.directory.state();
    container(&state, tenant, bucket)?;
    let acl = asked
        .map(|asked| container_acl(&state, tenant, asked))
        .transpose()?;
    let change = acl.as_ref().map(|acl| acl.preview(bucket.acl.as_ref()));
    was_previewed(change.as_ref(), expected)?;
    let subject = format!("the permissions of bucket `{}`", bucket.name);
    let command = Command::SetContainerAcl(bucket.id, acl);
    apply(admin, actor, expected, (&subject, command)).await?;
    let state = admin.directory.state();
    let bucket = state
        .bucket_by_id(bucket.id)
        .ok_or_else(|| gone(&subject))?;
    container(&state, tenant, bucket)
}

/// Rows for all give way to rows for users, or the reverse, only to somebody who has seen which.
fn was_previewed(
    change: Option<&PermissionChange>,
    expected: Option<Revision>,
) -> Result<(), Problem> {
    match (change, expected) {
        (Some(change), None) if change.changes_kind => {
            let rows = change.removed.len();
            let detail = format!(
                "this throws away {rows} rows that are set another way: look at the preview (`POST …/permissions/preview`), and send its `ETag` as `If-Match`"
            );
            let status = StatusCode::PRECONDITION_REQUIRED;
            Err(Problem::new(status, "preview", detail))
        }
        _ => Ok(()),
    }
}

/// What of a container is public.
pub(crate) fn public(tenant: &Tenant, bucket: &Bucket) -> PublicShown {
    let access = bucket.public.as_ref();
    PublicShown {
        is_public: access.is_some_and(|access| access.list || access.read),
        list: access.is_some_and(|access| access.list),
        read: access.is_some_and(|access| access.read),
        referrers: access
            .map(|access| access.referrers.iter().map(ToString::to_string).collect())
            .unwrap_or_default(),
        blocked: tenant.block_public,
        revision: bucket.revision.0,
    }
}

impl PublicAsked {
    /// What is asked for, as the directory has it.
    pub(crate) fn access(&self) -> PublicAccess {
        let everything = PublicAccess::everything();
        PublicAccess {
            list: self.list.unwrap_or(everything.list),
            read: self.read.unwrap_or(everything.read),
            referrers: self.referrers.clone().unwrap_or(everything.referrers),
        }
    }
}

/// Makes a container public, or private.
pub(crate) async fn set_public(
    admin: &Admin,
    actor: Actor,
    (bucket, expected): (&Bucket, Option<Revision>),
    access: Option<PublicAccess>,
) -> Result<PublicShown, Problem> {
    let subject = format!("bucket `{}`", bucket.name);
    let command = Command::SetPublicAccess(bucket.id, access);
    apply(admin, actor, expected, (&subject, command)).await?;
    let state = admin.directory.state();
    let bucket = state
        .bucket_by_id(bucket.id)
        .ok_or_else(|| gone(&subject))?;
    let tenant = state.tenant(bucket.tenant).ok_or_else(|| gone(&subject))?;
    Ok(public(tenant, bucket))
}
