//! Plans for accounts.

use serde_json::json;

use super::{Ground, Plan, refuse, taken, users};
use crate::directory::bounds::{Quota, Rate};
use crate::directory::command::{CommandError, Outcome, Refusal};
use crate::directory::level::WriteDeletes;
use crate::directory::names::{Description, Host, IamPath, Name, NamespaceId, TenantId, UserId};
use crate::directory::profile::{NamespaceKind, Profile};
use crate::directory::record::{
    ArnStyle, Standing, Tenant, TenantLimits, TenantStatus, User, UserDetails, UserKind, UserStatus,
};
use crate::directory::role::Role;
use crate::directory::rows::Record;
use crate::engine::Revision;
use crate::limits::TENANT_HOSTS_MAX;

/// What the first user of an account is called.
const ROOT: &str = "root";

pub(super) fn create(
    ground: &mut Ground<'_>,
    (name, profile): (&Name, Profile),
    parent: Option<TenantId>,
) -> Result<Plan, CommandError> {
    if ground.state.tenant_named(name).is_some() {
        return taken("tenant", name);
    }
    if let Some(parent) = parent
        && ground.working_tenant(parent)?.parent.is_some()
    {
        return refuse(Refusal::TooDeep);
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
        parent,
        description: Description::default(),
        limits: TenantLimits::default(),
        acl: None,
        hosts: Vec::new(),
        block_public: false,
        quota: Quota::default(),
        rate: Rate::default(),
        arns: ArnStyle::default(),
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
        role: Role::Owner,
        details: UserDetails::default(),
        quota: Quota::default(),
        rate: Rate::default(),
        path: IamPath::default(),
        standing: Standing::default(),
        revision: Revision::default(),
    };
    let namespace = match profile.namespaces() {
        NamespaceKind::PerUser => users::own_namespace(&tenant, root),
        NamespaceKind::Account => Some(NamespaceId::Account(id)),
        NamespaceKind::Global => None,
    };
    Plan::new("tenant.create", "tenant", id)
        .of(id)
        .detail(json!({ "name": name, "profile": profile, "root": root, "parent": parent }))
        .tell(Outcome::Tenant { tenant: id, root })
        .write(&Record::Tenant(tenant))?
        .write(&Record::User(user))?
        .found(namespace)
}

pub(super) fn set_arns(
    ground: &Ground<'_>,
    id: TenantId,
    arns: ArnStyle,
) -> Result<Plan, CommandError> {
    let tenant = ground.tenant(id)?;
    let changed = Tenant {
        arns,
        ..Tenant::clone(tenant)
    };
    let detail = json!({ "before": tenant.arns, "after": arns });
    let plan = Plan::new("tenant.set-arns", "tenant", id).of(id);
    plan.detail(detail).write(&Record::Tenant(changed))
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
        TenantStatus::ReadOnly => "tenant.read-only",
        TenantStatus::Suspended => "tenant.suspend",
        TenantStatus::Closed => "tenant.delete",
    };
    let changed = Tenant {
        status,
        ..Tenant::clone(tenant)
    };
    Plan::new(action, "tenant", id)
        .of(id)
        .detail(json!({ "before": tenant.status, "after": status }))
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
    if ground.state.children(id).next().is_some() {
        return refuse(Refusal::HasChildren);
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

/// An account that is not being removed.
fn standing<'a>(ground: &Ground<'a>, id: TenantId) -> Result<&'a Tenant, CommandError> {
    let tenant = ground.tenant(id)?;
    match tenant.status {
        TenantStatus::Active | TenantStatus::ReadOnly | TenantStatus::Suspended => Ok(tenant),
        TenantStatus::Closed => refuse(Refusal::BeingRemoved),
    }
}

pub(super) fn rename(ground: &Ground<'_>, id: TenantId, name: &Name) -> Result<Plan, CommandError> {
    let tenant = standing(ground, id)?;
    let there = ground.state.tenant_named(name);
    if there.is_some_and(|there| there.id != id) {
        return taken("tenant", name);
    }
    let changed = Tenant {
        name: name.clone(),
        ..tenant.clone()
    };
    let detail = json!({ "before": tenant.name, "after": name });
    let plan = Plan::new("tenant.rename", "tenant", id).of(id);
    plan.detail(detail).write(&Record::Tenant(changed))
}

pub(super) fn describe(
    ground: &Ground<'_>,
    id: TenantId,
    text: &Description,
) -> Result<Plan, CommandError> {
    let tenant = standing(ground, id)?;
    let changed = Tenant {
        description: text.clone(),
        ..tenant.clone()
    };
    let detail = json!({ "before": tenant.description, "after": text });
    let plan = Plan::new("tenant.describe", "tenant", id).of(id);
    plan.detail(detail).write(&Record::Tenant(changed))
}

pub(super) fn set_limits(
    ground: &Ground<'_>,
    id: TenantId,
    limits: TenantLimits,
) -> Result<Plan, CommandError> {
    let tenant = standing(ground, id)?;
    let changed = Tenant {
        limits,
        ..tenant.clone()
    };
    let detail = json!({ "before": tenant.limits, "after": limits });
    let plan = Plan::new("tenant.set-limits", "tenant", id).of(id);
    plan.detail(detail).write(&Record::Tenant(changed))
}

/// Gives an account a host. No other account has it, or one above or below it: a bucket's host would be another's.
pub(super) fn add_host(
    ground: &Ground<'_>,
    id: TenantId,
    host: &Host,
) -> Result<Plan, CommandError> {
    let tenant = standing(ground, id)?;
    let foreign = |(there, of): (&Host, TenantId)| {
        of != id && (there.is_within(host) || host.is_within(there))
    };
    if tenant.hosts.contains(host) || ground.state.hosts().any(foreign) {
        return Err(CommandError::Taken {
            what: "domain",
            name: host.to_string(),
            bucket: None,
        });
    }
    if tenant.hosts.len() >= TENANT_HOSTS_MAX {
        return refuse(Refusal::Hosts);
    }
    let mut changed = tenant.clone();
    changed.hosts.push(host.clone());
    let plan = Plan::new("tenant.add-domain", "tenant", id).of(id);
    plan.detail(json!({ "domain": host }))
        .write(&Record::Tenant(changed))
}

pub(super) fn remove_host(
    ground: &Ground<'_>,
    id: TenantId,
    host: &Host,
) -> Result<Plan, CommandError> {
    let tenant = standing(ground, id)?;
    if !tenant.hosts.contains(host) {
        return Err(super::missing("domain", host));
    }
    let mut changed = tenant.clone();
    changed.hosts.retain(|there| there != host);
    let plan = Plan::new("tenant.remove-domain", "tenant", id).of(id);
    plan.detail(json!({ "domain": host }))
        .write(&Record::Tenant(changed))
}

/// Whether nothing of an account shall be public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Block {
    Yes,
    No,
}

pub(super) fn block_public(
    ground: &Ground<'_>,
    id: TenantId,
    block: Block,
) -> Result<Plan, CommandError> {
    let tenant = standing(ground, id)?;
    let action = match block {
        Block::Yes => "tenant.block-public",
        Block::No => "tenant.unblock-public",
    };
    let changed = Tenant {
        block_public: block == Block::Yes,
        ..tenant.clone()
    };
    let plan = Plan::new(action, "tenant", id).of(id);
    plan.write(&Record::Tenant(changed))
}
