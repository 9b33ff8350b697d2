//! Plans for sub-users.

use serde_json::json;

use super::{Ground, Plan, refuse, taken};
use crate::directory::command::{CommandError, NewSubUser, Outcome, Refusal};
use crate::directory::level::Level;
use crate::directory::names::{Description, Name, SubUserId};
use crate::directory::profile::SubUsers;
use crate::directory::record::{SubUser, UserStatus};
use crate::directory::rows::Record;
use crate::engine::Revision;

pub(super) fn create(ground: &mut Ground<'_>, new: &NewSubUser) -> Result<Plan, CommandError> {
    let user = ground.working_user(new.user)?;
    let tenant = ground.tenant(user.tenant)?;
    if tenant.profile.rules().sub_users == SubUsers::No {
        return refuse(Refusal::NoSubUsers);
    }
    if ground.state.sub_user_named(user.id, &new.name).is_some() {
        return taken("sub-user", &new.name);
    }
    check_level(ground, new.level, user.role)?;
    let id = SubUserId(ground.number());
    let sub_user = SubUser {
        id,
        tenant: user.tenant,
        user: user.id,
        name: new.name.clone(),
        level: new.level,
        status: UserStatus::Active,
        description: new.description.clone(),
        created: ground.now.seconds(),
        revision: Revision::default(),
    };
    Plan::new("sub-user.create", "sub-user", id)
        .of(user.tenant)
        .detail(json!({ "user": user.id, "level": new.level }))
        .personal(user.id, json!({ "name": new.name }))
        .tell(Outcome::SubUser(id))
        .write(&Record::SubUser(sub_user))
}

/// A sub-user is no more than his user, nor than whoever makes him.
fn check_level(
    ground: &Ground<'_>,
    level: Level,
    role: crate::directory::Role,
) -> Result<(), CommandError> {
    if !ground.state.role_atoms(role).hold(level) {
        return refuse(Refusal::MoreThanParent);
    }
    ground
        .authority()
        .may_make(level)
        .map_err(CommandError::Refused)
}

/// A sub-user who is not being removed.
fn standing<'a>(ground: &Ground<'a>, id: SubUserId) -> Result<&'a SubUser, CommandError> {
    let sub_user = ground.sub_user(id)?;
    match sub_user.status {
        UserStatus::Active | UserStatus::Disabled => Ok(sub_user),
        UserStatus::Deleting => refuse(Refusal::BeingRemoved),
    }
}

pub(super) fn set_level(
    ground: &Ground<'_>,
    id: SubUserId,
    level: Level,
) -> Result<Plan, CommandError> {
    let sub_user = standing(ground, id)?;
    check_level(ground, level, ground.user(sub_user.user)?.role)?;
    let changed = SubUser {
        level,
        ..sub_user.clone()
    };
    let detail = json!({ "before": sub_user.level, "after": level });
    let plan = Plan::new("sub-user.set-level", "sub-user", id).of(sub_user.tenant);
    plan.detail(detail).write(&Record::SubUser(changed))
}

pub(super) fn rename(
    ground: &Ground<'_>,
    id: SubUserId,
    name: &Name,
) -> Result<Plan, CommandError> {
    let sub_user = standing(ground, id)?;
    let there = ground.state.sub_user_named(sub_user.user, name);
    if there.is_some_and(|there| there.id != id) {
        return taken("sub-user", name);
    }
    let changed = SubUser {
        name: name.clone(),
        ..sub_user.clone()
    };
    let detail = json!({ "before": sub_user.name, "after": name });
    let plan = Plan::new("sub-user.rename", "sub-user", id).of(sub_user.tenant);
    plan.personal(sub_user.user, detail)
        .write(&Record::SubUser(changed))
}

pub(super) fn describe(
    ground: &Ground<'_>,
    id: SubUserId,
    text: &Description,
) -> Result<Plan, CommandError> {
    let sub_user = standing(ground, id)?;
    let changed = SubUser {
        description: text.clone(),
        ..sub_user.clone()
    };
    let detail = json!({ "before": sub_user.description, "after": text });
    let plan = Plan::new("sub-user.describe", "sub-user", id).of(sub_user.tenant);
    plan.personal(sub_user.user, detail)
        .write(&Record::SubUser(changed))
}

/// A sub-user who is deleted is marked: from here on nothing of him works. The sweep removes his keys and him.
pub(super) fn set_status(
    ground: &Ground<'_>,
    id: SubUserId,
    status: UserStatus,
) -> Result<Plan, CommandError> {
    let sub_user = standing(ground, id)?;
    let action = match status {
        UserStatus::Active => "sub-user.enable",
        UserStatus::Disabled => "sub-user.disable",
        UserStatus::Deleting => "sub-user.delete",
    };
    let changed = SubUser {
        status,
        ..sub_user.clone()
    };
    Plan::new(action, "sub-user", id)
        .of(sub_user.tenant)
        .detail(json!({ "user": sub_user.user }))
        .personal(sub_user.user, json!({ "name": sub_user.name }))
        .write(&Record::SubUser(changed))
}
