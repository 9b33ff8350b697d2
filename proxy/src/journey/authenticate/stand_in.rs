//! A key that nobody has: an unknown access key id is checked against it, so that it costs the work that a known one costs.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use sigv4::{Scope, SecretKey, SigningKey};

/// A random secret, and its signing key of today.
#[derive(Debug)]
pub(crate) struct StandIn {
    secret: SecretKey,
    latest: ArcSwapOption<SigningKey>,
}

impl StandIn {
    /// A stand-in with a secret of its own.
    pub(in crate::journey) fn new() -> Self {
        let mut random = [0; 32];
        // Without randomness the secret is all zeros: it still opens nothing, because no key stands behind it.
        if getrandom::fill(&mut random).is_err() {
            tracing::warn!("no randomness for the stand-in of unknown keys");
        }
        Self {
            secret: SecretKey::stand_in(random),
            latest: ArcSwapOption::empty(),
        }
    }

    /// The signing key for a scope.
    pub(super) fn signing_key(&self, scope: &Scope<'_>) -> Arc<SigningKey> {
        if let Some(latest) = self.latest.load().as_ref()
            && latest.scope() == scope
        {
            return Arc::clone(latest);
        }
        let key = Arc::new(SigningKey::for_service(
            &self.secret,
            scope.date(),
            scope.region(),
            scope.service(),
        ));
        self.latest.store(Some(Arc::clone(&key)));
        key
    }
}
