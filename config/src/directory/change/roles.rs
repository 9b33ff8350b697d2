//! Plans for roles: making them, giving them, and handing the owner's over.

use serde_json::{Value, json};

use super::{Ground, Plan, refuse, taken, users};
use crate::directory::command::{CommandError, Outcome, Refusal, RoleText};
use crate::directory::names::{RoleId, TenantId, UserId};
use crate::directory::profile::CustomRoles;
use crate::directory::record::{Tenant, User, UserKind, UserStatus};
use crate::directory::role::{self, CustomRole, Role};
use crate::directory::rows::Record;
use crate::engine::Revision;
use crate::limits::CUSTOM_ROLES_MAX;

/// Whether whoever asks may give a user of this account the role.
pub(super) fn check(ground: &Ground<'_>, tenant: &Tenant, role: Role) -> Result<(), CommandError> {
    if let Role::Custom(id) = role
        && ground.role(id)?.tenant != tenant.id
    {
        return Err(super::missing("role", id));
    }
    if !role::is_known(tenant.profile, role) {
        return refuse(Refusal::NoSuchRole);
    }
    let atoms = ground.state.role_atoms(role);
    ground
        .authority()
        .may_assign(tenant.id, role, &atoms)
        .map_err(CommandError::Refused)
}

/// Gives a user a role. Who may not give the one that he has may not take it, either.
pub(super) fn give(ground: &Ground<'_>, id: UserId, role: Role) -> Result<Plan, CommandError> {
    let user = users::standing(ground, id)?;
    let tenant = ground.tenant(user.tenant)?;
    if user.kind == UserKind::Root {
        return refuse(Refusal::OwnerIsTransferred);
    }
    check(ground, tenant, role)?;
    let atoms = ground.state.role_atoms(user.role);
    ground
        .authority()
        .may_assign(tenant.id, user.role, &atoms)
        .map_err(CommandError::Refused)?;
    let changed = User {
        role,
        ..user.clone()
    };
    let detail = json!({ "before": user.role.to_string(), "after": role.to_string() });
    let plan = Plan::new("user.set-role", "user", id).of(user.tenant);
    plan.detail(detail).write(&Record::User(changed))
}

/// Both users change in one transaction: at no time are there two owners, or none.
pub(super) fn transfer(
    ground: &Ground<'_>,
    tenant: TenantId,
    to: UserId,
) -> Result<Plan, CommandError> {
    let account = ground.working_tenant(tenant)?;
    let heir = ground.user(to)?;
    if heir.tenant != tenant {
        return Err(super::missing("user", to));
    }
    // Where users have namespaces and the root one key of his own, his role is not another's to have.
    if !account.profile.rules().roles.contains(&Role::Admin) {
        return refuse(Refusal::OwnerStays);
    }
    if heir.kind != UserKind::Human || heir.status != UserStatus::Active {
        return refuse(Refusal::OwnerIsAPerson);
    }
    ground
        .authority()
        .may_transfer(tenant)
        .map_err(CommandError::Refused)?;
    let owner = ground.state.root(tenant);
    let owner = owner.ok_or_else(|| super::missing("owner of tenant", tenant))?;
    let before = User {
        kind: UserKind::Human,
        role: Role::Admin,
        ..User::clone(owner)
    };
    let after = User {
        kind: UserKind::Root,
        role: Role::Owner,
        ..User::clone(heir)
    };
    // The account's own row as well: who expects it as it was has not seen this.
    Plan::new("tenant.transfer", "tenant", tenant)
        .of(tenant)
        .detail(json!({ "before": owner.id, "after": to }))
        .write(&Record::User(before))?
        .write(&Record::User(after))?
        .write(&Record::Tenant(Tenant::clone(account)))
}

pub(super) fn create(
    ground: &mut Ground<'_>,
    tenant: TenantId,
    text: &RoleText,
) -> Result<Plan, CommandError> {
    let account = ground.working_tenant(tenant)?;
    if account.profile.rules().custom_roles == CustomRoles::No {
        return refuse(Refusal::NoSuchRole);
    }
    check_text(ground, tenant, (text, None))?;
    if ground.state.roles(tenant).count() >= CUSTOM_ROLES_MAX {
        return refuse(Refusal::Roles);
    }
    let id = RoleId(ground.number());
    let role = CustomRole {
        id,
        tenant,
        name: text.name.clone(),
        description: text.description.clone(),
        atoms: text.atoms.clone(),
        created: ground.now.seconds(),
        revision: Revision::default(),
    };
    Plan::new("role.create", "role", id)
        .of(tenant)
        .detail(shown(&role))
        .tell(Outcome::Role(id))
        .write(&Record::Role(role))
}

pub(super) fn change(
    ground: &Ground<'_>,
    id: RoleId,
    text: &RoleText,
) -> Result<Plan, CommandError> {
    let role = ground.role(id)?;
    check_text(ground, role.tenant, (text, Some(id)))?;
    // Who may not make what it was may not take it away, either.
    ground
        .authority()
        .may_shape(role.tenant, &role.atoms)
        .map_err(CommandError::Refused)?;
    let changed = CustomRole {
        name: text.name.clone(),
        description: text.description.clone(),
        atoms: text.atoms.clone(),
        ..CustomRole::clone(role)
    };
    let detail = json!({ "before": shown(role), "after": shown(&changed) });
    let plan = Plan::new("role.change", "role", id).of(role.tenant);
    plan.detail(detail).write(&Record::Role(changed))
}

pub(super) fn delete(ground: &Ground<'_>, id: RoleId) -> Result<Plan, CommandError> {
    let role = ground.role(id)?;
    ground
        .authority()
        .may_shape(role.tenant, &role.atoms)
        .map_err(CommandError::Refused)?;
    let held = |user: &User| user.role == Role::Custom(id);
    if ground.state.users(role.tenant).any(|user| held(user)) {
        return refuse(Refusal::RoleInUse);
    }
    let plan = Plan::new("role.delete", "role", id).of(role.tenant);
    let plan = plan.detail(shown(role));
    Ok(plan.remove(&Record::Role(CustomRole::clone(role))))
}

/// The names of the built-in roles are theirs, so that nobody takes one for the other.
fn check_text(
    ground: &Ground<'_>,
    tenant: TenantId,
    (text, id): (&RoleText, Option<RoleId>),
) -> Result<(), CommandError> {
    let builtin = [
        Role::Owner,
        Role::Admin,
        Role::Contributor,
        Role::Reader,
        Role::Member,
    ];
    let is_builtin = builtin
        .iter()
        .any(|role| role.to_string().eq_ignore_ascii_case(text.name.as_str()));
    let there = ground.state.role_named(tenant, &text.name);
    if is_builtin || there.is_some_and(|there| Some(there.id) != id) {
        return taken("role", &text.name);
    }
    ground
        .authority()
        .may_shape(tenant, &text.atoms)
        .map_err(CommandError::Refused)
}

fn shown(role: &CustomRole) -> Value {
    json!({ "name": role.name, "atoms": role.atoms })
}
