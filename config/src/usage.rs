//! What the admin side needs to know of the server's work. The binary implements it.

use std::fmt;

use futures_util::future::BoxFuture;
use serde::Serialize;
use serde_json::Value;

use crate::directory::QuotaOf;

/// Answers for the work of the server.
pub trait Usage: Send + Sync + fmt::Debug {
    /// Whether the server takes requests.
    fn readiness(&self) -> Readiness;

    /// The metrics in Prometheus's text format. Source: OpenMetrics 1.0, "Text format".
    fn metrics(&self) -> String;

    /// Version, start, listeners, counts: what an operator asks first. It holds no secret.
    fn status(&self) -> Value;

    /// How much is stored of what a quota counts. It may not be known now.
    fn stored(&self, of: QuotaOf) -> BoxFuture<'_, Option<Stored>>;
}

/// How much is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stored {
    /// Bytes of objects.
    pub bytes: u64,
    /// Objects.
    pub objects: u64,
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
