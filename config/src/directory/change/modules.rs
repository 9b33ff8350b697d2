//! Plans for modules. Bytes are named by their digest and stored once; a version is of a scope and name; a binding says
//! which version is in force.

use serde_json::json;

use super::{Ground, Plan, missing, refuse};
use crate::directory::command::{CommandError, Outcome, Refusal};
use crate::directory::names::{Digest, Name};
use crate::directory::record::{Binding, BindingKind, ModuleScope, ModuleState, ModuleVersion};
use crate::directory::rows::{Record, module_bytes};
use crate::engine::{Op, Revision};
use crate::limits::{MODULE_BYTES_MAX, MODULE_VERSIONS_MAX, ROLLBACK_DIGESTS_MAX};

pub(super) fn push(
    ground: &Ground<'_>,
    scope: ModuleScope,
    name: &Name,
    bytes: &[u8],
) -> Result<Plan, CommandError> {
    if let ModuleScope::Tenant(tenant) = scope {
        ground.working_tenant(tenant)?;
    }
    if !(1..=MODULE_BYTES_MAX).contains(&bytes.len()) {
        return refuse(Refusal::ModuleSize);
    }
    let digest = Digest::of(bytes);
    let known = ground.state.module(scope, name, digest).is_some();
    let versions = ground
        .state
        .modules(scope)
        .filter(|version| is_same(&version.name, name));
    if !known && versions.count() >= MODULE_VERSIONS_MAX {
        return refuse(Refusal::ModuleVersions);
    }
    let version = ModuleVersion {
        digest,
        name: name.clone(),
        scope,
        bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        pushed: ground.now.seconds(),
        pushed_by: ground.actor.label(),
        state: ModuleState::Ready,
        revision: Revision::default(),
    };
    let mut plan = about("module.push", scope, name)
        .detail(json!({ "digest": digest, "bytes": bytes.len() }))
        .tell(Outcome::Module(digest))
        .write(&Record::Module(version))?;
    plan.ops.push(Op::Put(module_bytes(digest), bytes.to_vec()));
    Ok(plan)
}

pub(super) fn activate(
    ground: &Ground<'_>,
    scope: ModuleScope,
    name: &Name,
    digest: Digest,
) -> Result<Plan, CommandError> {
    if let ModuleScope::Tenant(tenant) = scope {
        ground.working_tenant(tenant)?;
    }
    ready_version(ground, scope, name, digest)?;
    let before = ground.state.binding(scope, name);
    let mut binding = before.map_or_else(
        || Binding {
            scope,
            name: name.clone(),
            kind: BindingKind::Guard,
            active: None,
            history: Vec::new(),
            revision: Revision::default(),
        },
        |before| Binding::clone(before),
    );
    let replaced = binding.active.replace(digest);
    if let Some(replaced) = replaced.filter(|replaced| *replaced != digest) {
        remember(&mut binding, replaced);
    }
    switched("module.activate", binding, replaced)
}

pub(super) fn roll_back(
    ground: &Ground<'_>,
    scope: ModuleScope,
    name: &Name,
) -> Result<Plan, CommandError> {
    let mut binding = Binding::clone(bound(ground, scope, name)?);
    let Some(digest) = binding.history.pop() else {
        // Before the first version nothing was in force, and that is where it goes back to.
        let Some(replaced) = binding.active.take() else {
            return refuse(Refusal::NoHistory);
        };
        return switched("module.rollback", binding, Some(replaced));
    };
    ready_version(ground, scope, name, digest)?;
    let replaced = binding.active.replace(digest);
    switched("module.rollback", binding, replaced)
}

pub(super) fn deactivate(
    ground: &Ground<'_>,
    scope: ModuleScope,
    name: &Name,
) -> Result<Plan, CommandError> {
    let mut binding = Binding::clone(bound(ground, scope, name)?);
    let Some(replaced) = binding.active.take() else {
        return Err(missing("active module", name));
    };
    remember(&mut binding, replaced);
    switched("module.deactivate", binding, Some(replaced))
}

/// Keeps what was in force, to be rolled back to.
fn remember(binding: &mut Binding, replaced: Digest) {
    binding.history.push(replaced);
    let surplus = binding.history.len().saturating_sub(ROLLBACK_DIGESTS_MAX);
    binding.history.drain(..surplus);
}

/// The plan for a binding that another version, or none, has come into force under.
fn switched(
    action: &'static str,
    binding: Binding,
    before: Option<Digest>,
) -> Result<Plan, CommandError> {
    let after = binding.active;
    about(action, binding.scope, &binding.name)
        .detail(json!({ "before": before, "after": after }))
        .tell(after.map_or(Outcome::Done, Outcome::Module))
        .write(&Record::Binding(binding))
}

pub(super) fn retire(
    ground: &Ground<'_>,
    scope: ModuleScope,
    name: &Name,
    digest: Digest,
) -> Result<Plan, CommandError> {
    let version = ready_version(ground, scope, name, digest)?;
    let mut plan = about("module.retire", scope, name).detail(json!({ "digest": digest }));
    if let Some(binding) = ground.state.binding(scope, name) {
        if binding.active == Some(digest) {
            return refuse(Refusal::InForce);
        }
        if binding.history.contains(&digest) {
            let mut binding = Binding::clone(binding);
            binding.history.retain(|kept| *kept != digest);
            plan = plan.write(&Record::Binding(binding))?;
        }
    }
    let others = ground.state.modules_with(digest).filter(|other| {
        other.state == ModuleState::Ready && !(other.scope == scope && is_same(&other.name, name))
    });
    if others.count() == 0 {
        plan.ops.push(Op::Delete(module_bytes(digest)));
    }
    let retired = ModuleVersion {
        state: ModuleState::Retired,
        ..ModuleVersion::clone(version)
    };
    plan.write(&Record::Module(retired))
}

fn about(action: &'static str, scope: ModuleScope, name: &Name) -> Plan {
    let plan = Plan::new(action, "module", name);
    match scope {
        ModuleScope::Platform => plan,
        ModuleScope::Tenant(tenant) => plan.of(tenant),
    }
}

fn bound<'a>(
    ground: &Ground<'a>,
    scope: ModuleScope,
    name: &Name,
) -> Result<&'a Binding, CommandError> {
    let binding = ground.state.binding(scope, name);
    binding
        .map(std::sync::Arc::as_ref)
        .ok_or_else(|| missing("active module", name))
}

fn ready_version<'a>(
    ground: &Ground<'a>,
    scope: ModuleScope,
    name: &Name,
    digest: Digest,
) -> Result<&'a ModuleVersion, CommandError> {
    let found = ground.state.module(scope, name, digest);
    let version = found.ok_or_else(|| missing("version", format!("{name}@{digest}")))?;
    match version.state {
        ModuleState::Ready => Ok(version),
        ModuleState::Retired => refuse(Refusal::Retired),
    }
}

fn is_same(one: &Name, other: &Name) -> bool {
    one.as_str().eq_ignore_ascii_case(other.as_str())
}
