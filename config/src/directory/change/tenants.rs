//! Plans for accounts.

use serde_json::json;

use super::{Ground, Plan, refuse, taken, users};
use crate::directory::command::{CommandError, Outcome, Refusal};
use crate::directory::level::{NamespaceKind, Profile, WriteDeletes};
use crate::directory::names::{Description, Name, NamespaceId, TenantId, UserId};
use crate::directory::record::{Tenant, TenantStatus, User, UserKind, UserStatus};
use crate::directory::rows::Record;
use crate::engine::Revision;

/// What the first user of an account is called.
const ROOT: &str = "root";

pub(super) fn create(
    ground: &mut Ground<'_>,
    name: &Name,
    profile: Profile,
) -> Result<Plan, CommandError> {
    if ground.state.tenant_named(name).is_some() {
        return taken("tenant", name);
    }
    let (id, root) = (TenantId(ground.number()), UserId(ground.number()));
    let created = ground.now.seconds();
    let tenant = Tenant {
        id,
        name: name.clone(),
        profile,
        status: TenantStatus::Active,
        write_deletes: profile.write_deletes(),
        created,
        revision: Revision::default(),
    };
    let user = User {
        id: root,
        tenant: id,
        name: ROOT.parse().map_err(|_| super::missing("name", ROOT))?,
        kind: UserKind::Root,
        status: UserStatus::Active,
        description: Description::default(),
        created,
        revision: Revision::default(),
    };
    let namespace = match profile.namespaces() {
        NamespaceKind::PerUser => users::own_namespace(&tenant, root),
        NamespaceKind::Account => Some(NamespaceId::Account(id)),
        NamespaceKind::Global => None,
    };
    Plan::new("tenant.create", "tenant", id)
        .of(id)
        .detail(json!({ "name": name, "profile": profile, "root": root }))
        .tell(Outcome::Tenant { tenant: id, root })
        .write(&Record::Tenant(tenant))?
        .write(&Record::User(user))?
        .found(namespace)
}

pub(super) fn set_status(
    ground: &Ground<'_>,
    id: TenantId,
    status: TenantStatus,
) -> Result<Plan, CommandError> {
    let tenant = ground.tenant(id)?;
    if tenant.status == TenantStatus::Closed {
        return refuse(Refusal::BeingRemoved);
    }
    let action = match status {
        TenantStatus::Active => "tenant.resume",
        TenantStatus::Suspended => "tenant.suspend",
        TenantStatus::Closed => "tenant.delete",
    };
    let changed = Tenant {
        status,
        ..Tenant::clone(tenant)
    };
    Plan::new(action, "tenant", id)
        .of(id)
        .write(&Record::Tenant(changed))
}

/// Closes the account: from here on nothing of it works. The sweep removes the rest.
pub(super) fn delete(ground: &Ground<'_>, id: TenantId) -> Result<Plan, CommandError> {
    let owns = ground
        .state
        .users(id)
        .any(|user| ground.state.buckets_owned(user.id) > 0);
    if owns {
        return refuse(Refusal::OwnsBuckets);
    }
    set_status(ground, id, TenantStatus::Closed)
}

pub(super) fn set_write_deletes(
    ground: &Ground<'_>,
    id: TenantId,
    allowed: WriteDeletes,
) -> Result<Plan, CommandError> {
    let tenant = ground.tenant(id)?;
    if allowed > tenant.profile.write_deletes() {
        return refuse(Refusal::MoreThanParent);
    }
    let detail = json!({ "before": tenant.write_deletes, "after": allowed });
    let changed = Tenant {
        write_deletes: allowed,
        ..Tenant::clone(tenant)
    };
    let plan = Plan::new("tenant.set-write-deletes", "tenant", id)
        .of(id)
        .detail(detail);
    plan.write(&Record::Tenant(changed))
}
