//! What the admin side needs to know of the server's work. The binary implements it.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use s3_protocol::{Operation, S3Code};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::broadcast;

use crate::UnixMillis;
use crate::directory::{AccessKeyId, QuotaOf, TenantId};

/// Answers for the work of the server.
pub trait Usage: Send + Sync + fmt::Debug {
    /// Whether the server takes requests.
    fn readiness(&self) -> Readiness;

    /// The metrics in Prometheus's text format. Source: OpenMetrics 1.0, "Text format".
    fn metrics(&self) -> String;

    /// Version, start, listeners, counts: what an operator asks first. It holds no secret.
    fn status(&self) -> Value;

    /// Requests of the S3 side as they end, from now on. Who falls behind by more than [`ENDED_KEPT`] loses the oldest.
    fn requests(&self) -> broadcast::Receiver<Arc<Ended>>;

    /// How much is stored of what a quota counts. It may not be known now.
    fn stored(&self, of: QuotaOf) -> BoxFuture<'_, Option<Stored>>;
}

/// Requests that are kept for who watches and is behind.
pub const ENDED_KEPT: usize = 1_024;

/// A request of the S3 side that has ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Its id.
    pub request: String,
    /// When it came.
    pub time: UnixMillis,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The account that pays for it; none: nobody was found to.
    pub tenant: Option<TenantId>,
    /// From where.
    pub address: IpAddr,
    /// The access key that signed, if one did.
    pub key: Option<AccessKeyId>,
    /// Its operation; none: it could not be read so far.
    pub operation: Option<Operation>,
    /// Bucket and key, as it named them.
    pub target: String,
    /// The status of the answer; 0: the client went before there was one.
    pub status: u16,
    /// The code of the error.
    pub code: Option<S3Code>,
    /// Bytes of its body.
    pub received: u64,
    /// Bytes of the answer's body.
    pub sent: u64,
    /// What was decided, and why, where something was.
    pub decision: Option<&'static str>,
    /// The statement or rule that decided.
    pub reason: String,
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
