//! Plans for users.

use serde_json::json;

use super::{Ground, Plan, refuse, taken};
use crate::directory::command::{CommandError, NewUser, Outcome, Refusal};
use crate::directory::level::NamespaceKind;
use crate::directory::names::{NamespaceId, UserId};
use crate::directory::record::{Tenant, User, UserKind, UserStatus};
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
    let id = UserId(ground.number());
    let user = User {
        id,
        tenant: new.tenant,
        name: new.name.clone(),
        kind: new.kind,
        status: UserStatus::Active,
        description: new.description.clone(),
        created: ground.now.seconds(),
        revision: Revision::default(),
    };
    Plan::new("user.create", "user", id)
        .of(new.tenant)
        .detail(json!({ "name": new.name, "kind": new.kind }))
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
