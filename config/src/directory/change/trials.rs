//! Plans for versions that are tried on live traffic: a shadow is asked and never obeyed, a canary is obeyed for a share of
//! the keys. And for what the server does by itself when one of them does not answer.

use serde_json::{Value, json};

use super::modules::{about, bound, ready_version, working};
use super::{Ground, Plan, refuse};
use crate::directory::command::{CommandError, Failures, Outcome, Refusal};
use crate::directory::names::{Digest, Name};
use crate::directory::record::{Binding, Canary, ModuleScope, PerMille, Shadow};
use crate::directory::rows::Record;

pub(super) fn shadow(
    ground: &Ground<'_>,
    (scope, name): (ModuleScope, &Name),
    digest: Digest,
) -> Result<Plan, CommandError> {
    working(ground, scope)?;
    ready_version(ground, scope, name, digest)?;
    let before = ground.state.binding(scope, name);
    let mut binding = before.map_or_else(
        || Binding::new(scope, name),
        |before| Binding::clone(before),
    );
    if binding.active == Some(digest) {
        return refuse(Refusal::InForce);
    }
    let since = ground.now.seconds();
    let replaced = binding.shadow.replace(Shadow { digest, since });
    about("module.shadow", scope, name)
        .detail(json!({ "digest": digest, "before": replaced.map(|it| it.digest) }))
        .tell(Outcome::Module(digest))
        .write(&Record::Binding(binding))
}

pub(super) fn stop_shadow(
    ground: &Ground<'_>,
    scope: ModuleScope,
    name: &Name,
) -> Result<Plan, CommandError> {
    let mut binding = Binding::clone(bound(ground, scope, name)?);
    let Some(shadow) = binding.shadow.take() else {
        return refuse(Refusal::NoTrial);
    };
    about("module.shadow-stop", scope, name)
        .detail(json!({ "digest": shadow.digest }))
        .write(&Record::Binding(binding))
}

/// Lets a version be obeyed for a share. It may be widened or narrowed while it runs.
pub(super) fn canary(
    ground: &Ground<'_>,
    mut binding: Binding,
    digest: Digest,
    per_mille: PerMille,
) -> Result<(Binding, Value), CommandError> {
    if binding.active == Some(digest) {
        return refuse(Refusal::InForce);
    }
    let since = ground.now.seconds();
    let replaced = binding.canary.replace(Canary {
        digest,
        per_mille,
        since,
    });
    binding.shadow = binding.shadow.filter(|shadow| shadow.digest != digest);
    let detail = json!({
        "digest": digest, "per_mille": per_mille, "before": replaced.map(|it| it.digest),
        "active": binding.active,
    });
    Ok((binding, detail))
}

pub(super) fn stop_canary(
    ground: &Ground<'_>,
    scope: ModuleScope,
    name: &Name,
) -> Result<Plan, CommandError> {
    let mut binding = Binding::clone(bound(ground, scope, name)?);
    let digest = canary_of(&binding)?.digest;
    binding.canary = None;
    about("module.canary-stop", scope, name)
        .detail(json!({ "digest": digest, "active": binding.active }))
        .write(&Record::Binding(binding))
}

/// Takes back what does not answer: a canary ends, what was put in force gives way to the version before it. Where there was
/// none it stays, since nothing at all would let pass what it should refuse; and a guardrail of the platform always stays.
pub(super) fn revert(
    ground: &Ground<'_>,
    (scope, name): (ModuleScope, &Name),
    failing: Digest,
    failures: &Failures,
) -> Result<Plan, CommandError> {
    if scope == ModuleScope::Platform {
        return refuse(Refusal::Guardrail);
    }
    let mut binding = Binding::clone(bound(ground, scope, name)?);
    let stage = if binding.canary.is_some_and(|it| it.digest == failing) {
        binding.canary = None;
        "canary"
    } else if binding.active == Some(failing) {
        let Some(before) = binding.history.pop() else {
            return refuse(Refusal::NoHistory);
        };
        ready_version(ground, scope, name, before)?;
        binding.active = Some(before);
        (binding.since, binding.canary) = (None, None);
        binding.shadow = binding.shadow.filter(|shadow| shadow.digest != before);
        "active"
    } else {
        return refuse(Refusal::NotInForce);
    };
    let after = binding.active;
    about("module.rollback", scope, name)
        .detail(json!({
            "digest": failing, "by_itself": true, "stage": stage, "before": failing, "after": after,
            "reason": "it gave no answer too often", "asked": failures.asked,
            "failed": failures.failed, "seconds": failures.seconds,
        }))
        .tell(after.map_or(Outcome::Done, Outcome::Module))
        .write(&Record::Binding(binding))
}

pub(super) fn canary_of(binding: &Binding) -> Result<Canary, CommandError> {
    binding
        .canary
        .ok_or(CommandError::Refused(Refusal::NoTrial))
}
