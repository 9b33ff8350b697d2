//! What the admin side needs to know of the server's work. The binary implements it.

use std::fmt;

use serde_json::Value;

/// Answers for the work of the server.
pub trait Usage: Send + Sync + fmt::Debug {
    /// Whether the server takes requests.
    fn readiness(&self) -> Readiness;

    /// The metrics in Prometheus's text format. Source: OpenMetrics 1.0, "Text format".
    fn metrics(&self) -> String;

    /// Version, start, listeners, counts: what an operator asks first. It holds no secret.
    fn status(&self) -> Value;
}

/// Whether the server takes requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It does.
    Ready,
    /// It does not.
    NotReady {
        /// Why, for a person.
        reason: String,
    },
}
