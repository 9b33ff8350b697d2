//! Plans that change nothing but the audit log: what was read of it, and what was copied.

use serde_json::json;

use super::{Ground, Plan};
use crate::directory::command::{CommandError, Reading};
use crate::directory::names::TenantId;
use crate::engine::Revision;

pub(super) fn reading(reading: Reading) -> Plan {
    let plan = Plan::new("audit.read", "audit log", reading.how);
    let plan = plan.detail(json!({ "how": reading.how, "tenant": reading.tenant }));
    match reading.tenant {
        Some(tenant) => plan.of(tenant),
        None => plan,
    }
}

pub(super) fn export(
    ground: &Ground<'_>,
    id: TenantId,
    with_secrets: bool,
) -> Result<Plan, CommandError> {
    let tenant = ground.tenant(id)?;
    let plan = Plan::new("tenant.export", "tenant", id).of(id);
    Ok(plan.detail(json!({ "name": tenant.name, "with_secrets": with_secrets })))
}

pub(super) fn backup(revision: Revision, sha256: &str) -> Plan {
    Plan::new("directory.backup", "directory", revision)
        .detail(json!({ "revision": revision, "sha256": sha256 }))
}
