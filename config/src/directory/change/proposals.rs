//! Plans for steps that a second person may have to approve. Where one person is enough, a step is carried out at once.

use serde_json::{Value, json};

use super::modules::{about, activate, bound, deactivate, needs_two, ready_version, working};
use super::{Ground, Plan, refuse, trials};
use crate::directory::command::{CommandError, Outcome, Refusal};
use crate::directory::names::Name;
use crate::directory::record::{Binding, ModuleScope, ModuleStep, Proposal};
use crate::directory::rows::Record;
use crate::directory::rules::Approval;
use crate::time::UnixSeconds;

/// Carries a step out, or proposes it where two persons must agree.
pub(super) fn step(
    ground: &Ground<'_>,
    (scope, name): (ModuleScope, &Name),
    step: ModuleStep,
) -> Result<Plan, CommandError> {
    working(ground, scope)?;
    let before = ground.state.binding(scope, name);
    let binding = match (before, step) {
        (Some(before), _) => Binding::clone(before),
        (None, ModuleStep::Deactivate) => Binding::clone(bound(ground, scope, name)?),
        (None, _) => Binding::new(scope, name),
    };
    // What cannot be done now is not proposed either.
    let (carried_out, detail) = carry_out(ground, binding.clone(), step)?;
    match ground.rules.approval {
        Approval::TwoPersons { seconds } if needs_two(ground) => {
            propose(ground, binding, step, seconds)
        }
        Approval::OnePerson | Approval::TwoPersons { .. } => done(step, carried_out, detail),
    }
}

fn propose(
    ground: &Ground<'_>,
    mut binding: Binding,
    step: ModuleStep,
    seconds: u64,
) -> Result<Plan, CommandError> {
    let now = ground.now.seconds();
    if binding.proposal.as_ref().is_some_and(|it| waits(it, now)) {
        return refuse(Refusal::AlreadyProposed);
    }
    let proposal = Proposal {
        step,
        by: ground.actor.label(),
        at: now,
        expires: UnixSeconds(now.0.saturating_add(seconds)),
    };
    binding.proposal = Some(proposal.clone());
    about("module.propose", binding.scope, &binding.name)
        .detail(json!({
            "digest": step.digest(), "step": step, "outcome": "waits for another person",
            "expires": proposal.expires,
        }))
        .tell(Outcome::Proposed(proposal))
        .write(&Record::Binding(binding))
}

/// Carries out what another person has proposed.
pub(super) fn approve(
    ground: &Ground<'_>,
    scope: ModuleScope,
    name: &Name,
) -> Result<Plan, CommandError> {
    working(ground, scope)?;
    let mut binding = Binding::clone(bound(ground, scope, name)?);
    let Some(proposal) = binding.proposal.take() else {
        return refuse(Refusal::NoProposal);
    };
    if !waits(&proposal, ground.now.seconds()) {
        return refuse(Refusal::Expired);
    }
    if proposal.by == ground.actor.label() {
        return refuse(Refusal::SamePerson);
    }
    let (binding, mut detail) = carry_out(ground, binding, proposal.step)?;
    if let Some(detail) = detail.as_object_mut() {
        detail.insert("proposed_by".to_owned(), proposal.by.into());
    }
    done(proposal.step, binding, detail)
}

/// Takes a proposal away, one's own or another's: to refuse needs one person.
pub(super) fn reject(
    ground: &Ground<'_>,
    scope: ModuleScope,
    name: &Name,
) -> Result<Plan, CommandError> {
    let mut binding = Binding::clone(bound(ground, scope, name)?);
    let Some(proposal) = binding.proposal.take() else {
        return refuse(Refusal::NoProposal);
    };
    about("module.reject", scope, name)
        .detail(json!({
            "digest": proposal.step.digest(), "step": proposal.step, "proposed_by": proposal.by,
        }))
        .write(&Record::Binding(binding))
}

fn carry_out(
    ground: &Ground<'_>,
    binding: Binding,
    step: ModuleStep,
) -> Result<(Binding, Value), CommandError> {
    match step {
        ModuleStep::Activate(digest) => activate(ground, binding, digest),
        ModuleStep::Canary(digest, share) => {
            ready_version(ground, binding.scope, &binding.name, digest)?;
            trials::canary(ground, binding, digest, share)
        }
        ModuleStep::Promote(digest) if trials::canary_of(&binding)?.digest == digest => {
            activate(ground, binding, digest)
        }
        ModuleStep::Promote(_) => refuse(Refusal::NoTrial),
        ModuleStep::Deactivate => deactivate(binding),
    }
}

fn done(step: ModuleStep, binding: Binding, detail: Value) -> Result<Plan, CommandError> {
    let outcome = match step {
        ModuleStep::Activate(digest)
        | ModuleStep::Promote(digest)
        | ModuleStep::Canary(digest, _) => Outcome::Module(digest),
        ModuleStep::Deactivate => Outcome::Done,
    };
    about(step.action(), binding.scope, &binding.name)
        .detail(detail)
        .tell(outcome)
        .write(&Record::Binding(binding))
}

fn waits(proposal: &Proposal, now: UnixSeconds) -> bool {
    now < proposal.expires
}
