//! Plans for users.

use serde_json::json;

use super::{Ground, Plan, refuse, roles, taken};
use crate::directory::bounds::{Quota, Rate};
use crate::directory::command::{CommandError, NewUser, Outcome, Refusal};
use crate::directory::names::{Description, IamPath, Name, NamespaceId, UserId};
use crate::directory::profile::{NamespaceKind, Profile};
use crate::directory::record::{Tenant, User, UserDetails, UserKind, UserStatus};
use crate::directory::rows::Record;
use crate::engine::Revision;

pub(super) fn create(ground: &mut Ground<'_>, new: &NewUser) -> Result<Plan, CommandError> {
    let tenant = ground.working_tenant(new.tenant)?;
    if new.kind == UserKind::Root {
        return refuse(Refusal::SecondRoot);
    }
    if ground.state.user_named(new.tenant, &new.name).is_some() {
        return taken("user", &new.name);
    }
    check_details(ground, tenant, (new.kind, None), &new.details)?;
    let most = tenant
        .limits
        .users
        .and_then(|most| usize::try_from(most).ok());
    if most.is_some_and(|most| ground.state.held(new.tenant).users >= most) {
        return refuse(Refusal::Users);
    }
    let role = new.role.unwrap_or(tenant.profile.usual_role());
    roles::check(ground, tenant, role)?;
    let id = UserId(ground.number());
    let user = User {
        id,
        tenant: new.tenant,
        name: new.name.clone(),
        kind: new.kind,
        status: UserStatus::Active,
        description: new.description.clone(),
        created: ground.now.seconds(),
        role,
        details: new.details.clone(),
        quota: Quota::default(),
        rate: Rate::default(),
        path: new.path.clone(),
        standing: new.standing,
        revision: Revision::default(),
    };
    Plan::new("user.create", "user", id)
        .of(new.tenant)
        .detail(json!({ "kind": new.kind, "role": role.to_string() }))
        .personal(id, json!({ "name": new.name }))
        .tell(Outcome::User(id))
        .write(&Record::User(user))?
        .found(own_namespace(tenant, id))
}

/// The namespace that a user has to himself, where the profile gives one.
pub(super) const fn own_namespace(tenant: &Tenant, user: UserId) -> Option<NamespaceId> {
    match tenant.profile.namespaces() {
        NamespaceKind::PerUser => Some(NamespaceId::User(tenant.id, user)),
        NamespaceKind::Account | NamespaceKind::Global => None,
    }
}

pub(super) fn set_status(
    ground: &Ground<'_>,
    id: UserId,
    status: UserStatus,
) -> Result<Plan, CommandError> {
    let user = ground.user(id)?;
    if user.status == UserStatus::Deleting {
        return refuse(Refusal::BeingRemoved);
    }
    let action = match (user.kind, status) {
        (_, UserStatus::Active) => "user.enable",
        (UserKind::Root, UserStatus::Disabled | UserStatus::Deleting) => {
            return refuse(Refusal::RootStays);
        }
        (_, UserStatus::Disabled) => "user.disable",
        (_, UserStatus::Deleting) => "user.delete",
    };
    let changed = User {
        status,
        ..User::clone(user)
    };
    Plan::new(action, "user", id)
        .of(user.tenant)
        .personal(id, json!({ "name": user.name }))
        .write(&Record::User(changed))
}

/// Marks the user: from here on nothing of him works. The sweep removes his keys and him.
pub(super) fn delete(ground: &Ground<'_>, id: UserId) -> Result<Plan, CommandError> {
    ground.user(id)?;
    if ground.state.buckets_owned(id) > 0 {
        return refuse(Refusal::OwnsBuckets);
    }
    set_status(ground, id, UserStatus::Deleting)
}

/// A user who is not being removed.
pub(super) fn standing<'a>(ground: &Ground<'a>, id: UserId) -> Result<&'a User, CommandError> {
    let user = ground.user(id)?;
    match user.status {
        UserStatus::Active | UserStatus::Disabled => Ok(user),
        UserStatus::Deleting => refuse(Refusal::BeingRemoved),
    }
}

pub(super) fn rename(ground: &Ground<'_>, id: UserId, name: &Name) -> Result<Plan, CommandError> {
    let user = standing(ground, id)?;
    let there = ground.state.user_named(user.tenant, name);
    if there.is_some_and(|there| there.id != id) {
        return taken("user", name);
    }
    let changed = User {
        name: name.clone(),
        ..user.clone()
    };
    let detail = json!({ "before": user.name, "after": name });
    let plan = Plan::new("user.rename", "user", id).of(user.tenant);
    plan.personal(id, detail).write(&Record::User(changed))
}

/// Another path is another ARN: policies that name him by the old one do not follow.
pub(super) fn place(ground: &Ground<'_>, id: UserId, path: &IamPath) -> Result<Plan, CommandError> {
    let user = standing(ground, id)?;
    let changed = User {
        path: path.clone(),
        ..user.clone()
    };
    let detail = json!({ "before": user.path, "after": path });
    let plan = Plan::new("user.place", "user", id).of(user.tenant);
    plan.detail(detail).write(&Record::User(changed))
}

pub(super) fn describe(
    ground: &Ground<'_>,
    id: UserId,
    text: &Description,
) -> Result<Plan, CommandError> {
    let user = standing(ground, id)?;
    let changed = User {
        description: text.clone(),
        ..user.clone()
    };
    let detail = json!({ "before": user.description, "after": text });
    let plan = Plan::new("user.describe", "user", id).of(user.tenant);
    plan.personal(id, detail).write(&Record::User(changed))
}

pub(super) fn set_details(
    ground: &Ground<'_>,
    id: UserId,
    details: &UserDetails,
) -> Result<Plan, CommandError> {
    let user = standing(ground, id)?;
    let tenant = ground.tenant(user.tenant)?;
    check_details(ground, tenant, (user.kind, Some(id)), details)?;
    let changed = User {
        details: details.clone(),
        ..user.clone()
    };
    // What a person says of himself is not written where it cannot be forgotten: that it changed is.
    let changes = json!({
        "email": user.details.email != details.email,
        "full_name": user.details.full_name != details.full_name,
        "timezone": user.details.timezone != details.timezone,
        "language": user.details.language != details.language,
    });
    let plan = Plan::new("user.set-details", "user", id).of(user.tenant);
    plan.detail(changes).write(&Record::User(changed))
}

/// 004-12, 004-13: an address is of one user, and persons who sign in with one have one.
fn check_details(
    ground: &Ground<'_>,
    tenant: &Tenant,
    (kind, id): (UserKind, Option<UserId>),
    details: &UserDetails,
) -> Result<(), CommandError> {
    let Some(email) = &details.email else {
        return if kind == UserKind::Human && tenant.profile == Profile::Datastream {
            refuse(Refusal::EmailNeeded)
        } else {
            Ok(())
        };
    };
    let there = ground.state.user_with_email(tenant.id, email);
    if there.is_some_and(|there| Some(there.id) != id) {
        return Err(CommandError::Taken {
            what: "e-mail address",
            name: email.to_string(),
            bucket: None,
        });
    }
    Ok(())
}
