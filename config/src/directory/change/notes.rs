//! Plans that change nothing but the audit log: what was read of it, what was copied, what was done to the object node.

use serde_json::json;

use super::{Ground, Plan};
use crate::directory::command::{CommandError, NodeNote, Reading};
use crate::directory::names::TenantId;
use crate::engine::Revision;
use crate::node::TaskKind;

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

pub(super) fn node(ground: &Ground<'_>, note: &NodeNote) -> Result<Plan, CommandError> {
    Ok(match note {
        NodeNote::Task(kind) => {
            let action = match kind {
                TaskKind::Compact => "node.compact",
                TaskKind::Scrub => "node.scrub",
                TaskKind::Verify => "node.verify",
                TaskKind::Ship => "node.ship",
                TaskKind::Backup => "node.backup",
            };
            Plan::new(action, "node", "node")
        }
        NodeNote::ReadOnly(read_only) => {
            Plan::new("node.read-only", "node", "node").detail(json!({ "read_only": read_only }))
        }
        NodeNote::Undelete { bucket, objects } => {
            let found = ground.bucket(*bucket)?;
            let detail = json!({ "name": found.name.as_str(), "objects": objects });
            Plan::new("bucket.undelete", "bucket", bucket)
                .of(found.tenant)
                .detail(detail)
        }
    })
}
