//! Between authentication and the policies: whoever asks faster than his rates allow is told to slow down.

use std::time::Instant;

use postern_config::directory::{RateOf, State};
use postern_config::metering::Whose;

use super::authorize::Scene;
use super::gate::Gate;
use super::refusal::Refusal;
use crate::meter::pace::Debt;

/// What a request owes its rates when it has ended.
#[derive(Debug)]
pub(crate) struct Owed {
    debt: Debt,
    since: Instant,
}

/// Holds a request to the rates of its key, user and account; an unsigned one to those of the bucket's owner.
///
/// # Errors
/// [`Refusal::TooFast`].
pub(super) fn hold(
    gate: &Gate,
    state: &State,
    scene: &Scene,
    payer: Whose,
) -> Result<Option<Owed>, Refusal> {
    let key = scene
        .caller()
        .map(|caller| (RateOf::Key(caller.key.id), caller.key.rate));
    let (user, tenant) = match scene.caller() {
        Some(caller) => (Some(caller.user.rate), Some(caller.tenant.rate)),
        None => (
            payer
                .user
                .and_then(|id| state.user(id))
                .map(|user| user.rate),
            payer
                .tenant
                .and_then(|id| state.tenant(id))
                .map(|tenant| tenant.rate),
        ),
    };
    let user = payer.user.map(RateOf::User).zip(user);
    let tenant = payer.tenant.map(RateOf::Tenant).zip(tenant);
    let rates = [key, user, tenant].into_iter().flatten();
    if rates.clone().all(|(_, rate)| rate.is_none()) {
        return Ok(None);
    }
    let debt = gate
        .paces
        .take(rates, gate.started.elapsed())
        .map_err(Refusal::TooFast)?;
    let since = gate.started;
    Ok((!debt.is_none()).then_some(Owed { debt, since }))
}

impl Owed {
    /// So many bytes have moved.
    pub(crate) fn settle(&self, bytes: u64) {
        self.debt.settle(bytes, self.since.elapsed());
    }
}
