//! Plans for modules. Bytes are named by their digest and stored once; a version is of a scope and name; a binding says
//! which version is in force. Shadow and canary are in [`super::trials`], what waits for a second person in
//! [`super::proposals`].

use serde_json::{Value, json};

use super::{Ground, Plan, missing, refuse, trials};
use crate::directory::command::{CommandError, Outcome, Refusal, Who};
use crate::directory::names::{Digest, Name};
use crate::directory::record::{Binding, ModuleScope, ModuleState, ModuleStep, ModuleVersion};
use crate::directory::rows::{Record, module_bytes};
use crate::directory::rules::Approval;
use crate::directory::signature::ModuleSignature;
use crate::engine::{Op, Revision};
use crate::limits::{
    MODULE_BYTES_MAX, MODULE_VERSIONS_MAX, NOTE_CHARACTERS_MAX, ROLLBACK_DIGESTS_MAX,
};

/// Stores a version.
pub(super) fn push(
    ground: &Ground<'_>,
    (scope, name): (ModuleScope, &Name),
    bytes: &[u8],
    signature: Option<&[u8]>,
) -> Result<Plan, CommandError> {
    working(ground, scope)?;
    if !(1..=MODULE_BYTES_MAX).contains(&bytes.len()) {
        return refuse(Refusal::ModuleSize);
    }
    let digest = Digest::of(bytes);
    let signature = ModuleSignature::of(&ground.rules.signers, bytes, signature)
        .map_err(CommandError::Refused)?;
    let known = ground.state.module(scope, name, digest);
    let versions = ground
        .state
        .modules(scope)
        .filter(|version| is_same(&version.name, name));
    if known.is_none() && versions.count() >= MODULE_VERSIONS_MAX {
        return refuse(Refusal::ModuleVersions);
    }
    let signer = signature.as_ref().map(|signature| signature.signer);
    let version = ModuleVersion {
        digest,
        name: name.clone(),
        scope,
        bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        pushed: ground.now.seconds(),
        pushed_by: ground.actor.label(),
        state: ModuleState::Ready,
        signature: signature.or_else(|| known.and_then(|known| known.signature.clone())),
        revision: Revision::default(),
    };
    let mut plan = about("module.push", scope, name)
        .detail(json!({ "digest": digest, "bytes": bytes.len(), "signer": signer }))
        .tell(Outcome::Module(digest))
        .write(&Record::Module(version))?;
    plan.ops.push(Op::Put(module_bytes(digest), bytes.to_vec()));
    Ok(plan)
}

/// Writes down a step that changes nothing.
pub(super) fn note(
    (scope, name): (ModuleScope, &Name),
    digest: Option<Digest>,
    step: &'static str,
    outcome: &str,
) -> Plan {
    let outcome: String = outcome.chars().take(NOTE_CHARACTERS_MAX).collect();
    let detail = json!({ "digest": digest, "outcome": outcome, "changed": false });
    about(step, scope, name).detail(detail)
}

/// The step that puts the version of a canary in force.
pub(super) fn promotion(
    ground: &Ground<'_>,
    scope: ModuleScope,
    name: &Name,
) -> Result<ModuleStep, CommandError> {
    let canary = trials::canary_of(bound(ground, scope, name)?)?;
    Ok(ModuleStep::Promote(canary.digest))
}

/// Puts a version in force. What was tried beside the one before has come to its end.
pub(super) fn activate(
    ground: &Ground<'_>,
    mut binding: Binding,
    digest: Digest,
) -> Result<(Binding, Value), CommandError> {
    ready_version(ground, binding.scope, &binding.name, digest)?;
    let replaced = binding.active.replace(digest);
    if let Some(replaced) = replaced.filter(|replaced| *replaced != digest) {
        remember(&mut binding, replaced);
    }
    binding.since = Some(ground.now.seconds());
    binding.canary = None;
    binding.shadow = binding.shadow.filter(|shadow| shadow.digest != digest);
    let detail = json!({ "digest": digest, "before": replaced, "after": digest });
    Ok((binding, detail))
}

/// Switches a module off, with what is tried beside it.
pub(super) fn deactivate(mut binding: Binding) -> Result<(Binding, Value), CommandError> {
    let Some(replaced) = binding.active.take() else {
        return Err(missing("active module", &binding.name));
    };
    remember(&mut binding, replaced);
    (binding.since, binding.canary, binding.shadow) = (None, None, None);
    let detail = json!({ "digest": replaced, "before": replaced, "after": null });
    Ok((binding, detail))
}

/// Puts the version before in force again.
pub(super) fn roll_back(
    ground: &Ground<'_>,
    scope: ModuleScope,
    name: &Name,
) -> Result<Plan, CommandError> {
    let mut binding = Binding::clone(bound(ground, scope, name)?);
    (binding.since, binding.canary) = (None, None);
    let Some(digest) = binding.history.pop() else {
        // Before the first version nothing was in force, and that is where it goes back to.
        let Some(replaced) = binding.active.take() else {
            return refuse(Refusal::NoHistory);
        };
        if needs_two(ground) {
            return refuse(Refusal::OffNeedsTwo);
        }
        binding.shadow = None;
        return switched("module.rollback", binding, Some(replaced));
    };
    ready_version(ground, scope, name, digest)?;
    binding.shadow = binding.shadow.filter(|shadow| shadow.digest != digest);
    let replaced = binding.active.replace(digest);
    switched("module.rollback", binding, replaced)
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
        .detail(json!({ "digest": after.or(before), "before": before, "after": after }))
        .tell(after.map_or(Outcome::Done, Outcome::Module))
        .write(&Record::Binding(binding))
}

/// Whether what this actor asks for needs a second person. What the server itself does needs none.
pub(super) fn needs_two(ground: &Ground<'_>) -> bool {
    ground.rules.approval != Approval::OnePerson && ground.actor.who != Who::System
}

/// Removes the bytes of a version that nothing needs.
pub(super) fn retire(
    ground: &Ground<'_>,
    scope: ModuleScope,
    name: &Name,
    digest: Digest,
) -> Result<Plan, CommandError> {
    let found = ground.state.module(scope, name, digest);
    let version = found.ok_or_else(|| missing("version", format!("{name}@{digest}")))?;
    if version.state == ModuleState::Retired {
        return refuse(Refusal::Retired);
    }
    let mut plan = about("module.retire", scope, name).detail(json!({ "digest": digest }));
    if let Some(binding) = ground.state.binding(scope, name) {
        if binding.active == Some(digest) {
            return refuse(Refusal::InForce);
        }
        let proposed = binding.proposal.as_ref();
        if binding.at_work().any(|at_work| at_work == digest)
            || proposed.is_some_and(|proposal| proposal.step.digest() == Some(digest))
        {
            return refuse(Refusal::AtWork);
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

pub(super) fn about(action: &'static str, scope: ModuleScope, name: &Name) -> Plan {
    let plan = Plan::new(action, "module", name);
    match scope {
        ModuleScope::Platform => plan,
        ModuleScope::Tenant(tenant) => plan.of(tenant),
    }
}

pub(super) fn bound<'a>(
    ground: &Ground<'a>,
    scope: ModuleScope,
    name: &Name,
) -> Result<&'a Binding, CommandError> {
    let binding = ground.state.binding(scope, name);
    binding
        .map(std::sync::Arc::as_ref)
        .ok_or_else(|| missing("active module", name))
}

/// A version that may be put to work: its bytes are there, and where signers are set one of them vouches for it.
pub(super) fn ready_version<'a>(
    ground: &Ground<'a>,
    scope: ModuleScope,
    name: &Name,
    digest: Digest,
) -> Result<&'a ModuleVersion, CommandError> {
    let found = ground.state.module(scope, name, digest);
    let version = found.ok_or_else(|| missing("version", format!("{name}@{digest}")))?;
    let signers = &ground.rules.signers;
    let signer = version.signature.as_ref().map(|signature| signature.signer);
    match version.state {
        ModuleState::Ready
            if !signers.is_empty() && !signer.is_some_and(|it| signers.contains(&it)) =>
        {
            refuse(Refusal::Unsigned)
        }
        ModuleState::Ready => Ok(version),
        ModuleState::Retired => refuse(Refusal::Retired),
    }
}

/// An account to which modules may be added; the platform always is one.
pub(super) fn working(ground: &Ground<'_>, scope: ModuleScope) -> Result<(), CommandError> {
    match scope {
        ModuleScope::Tenant(tenant) => ground.working_tenant(tenant).map(drop),
        ModuleScope::Platform => Ok(()),
    }
}

fn is_same(one: &Name, other: &Name) -> bool {
    one.as_str().eq_ignore_ascii_case(other.as_str())
}
