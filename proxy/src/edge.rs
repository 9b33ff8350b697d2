//! Where clients arrive: listeners, TLS, PROXY protocol, connection limits, and HTTP on each connection.
//!
//! A listener gives each request to a [`Journey`] and knows nothing of what that does with it. What the edge itself
//! refuses (a head that is too large or can be read in two ways) is answered as an S3 error with a request id, and has
//! its entry in the access log like any other request.

pub mod authority;
mod connection;
mod forwarded;
mod intake;
mod line;
mod listener;
mod peer;
mod proxy_protocol;
mod refused;
mod seats;
mod service;
mod tls;
mod wire;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use ipnet::IpNet;

use crate::clock::Clock;
use crate::limits;
use crate::observe::Observer;

pub use intake::{Intake, IntakeFault};
pub use listener::{BindError, Bound, Listener};
pub use peer::{Peer, TlsInfo};
pub use tls::{CertificateError, CertificateFiles, Certificates, HostCertificates};

/// What becomes of a request.
pub trait Journey: Send + Sync + 'static {
    /// The body of the answers.
    type Answer: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static;

    /// Answers one request. It cannot fail: a refusal is an answer too.
    fn serve(
        &self,
        peer: &Peer,
        wire: Request<Intake>,
    ) -> impl Future<Output = Response<Self::Answer>> + Send;
}

/// Any error of a body.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What a listener is made of.
#[derive(Clone, Debug)]
pub struct EdgeOptions {
    /// Its name in logs and metrics, such as `s3`.
    pub name: &'static str,
    /// Where it listens. Port 0 asks for any free one.
    pub listen: SocketAddr,
    /// Its certificates; `None` speaks plain HTTP.
    pub certificates: Option<Arc<Certificates>>,
    /// Whether each connection begins with a PROXY header.
    pub proxy_protocol: bool,
    /// Whose PROXY header and whose `X-Forwarded-For` is believed. With PROXY protocol and no network here, each source is.
    pub trusted_proxies: Vec<IpNet>,
    /// What a client may take.
    pub limits: EdgeLimits,
}

/// What a client may take of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "each is described where its default is, in limits.rs"
)]
pub struct EdgeLimits {
    pub head_bytes: usize,
    pub headers: usize,
    pub uri_bytes: usize,
    pub handshake_time: Duration,
    pub head_time: Duration,
    pub keep_alive_time: Duration,
    pub body_idle_time: Duration,
    pub body_rate: u64,
    pub body_rate_window: Duration,
    pub connections: usize,
    pub connections_per_address: usize,
    pub http2_streams: u32,
    pub discard_bytes: u64,
    pub discard_time: Duration,
}

impl Default for EdgeLimits {
    fn default() -> Self {
        Self {
            head_bytes: limits::HEAD_BYTES_MAX,
            headers: limits::HEADERS_MAX,
            uri_bytes: limits::URI_BYTES_MAX,
            handshake_time: limits::HANDSHAKE_TIME_MAX,
            head_time: limits::HEAD_TIME_MAX,
            keep_alive_time: limits::KEEP_ALIVE_TIME_MAX,
            body_idle_time: limits::BODY_IDLE_TIME_MAX,
            body_rate: limits::BODY_RATE_MIN,
            body_rate_window: limits::BODY_RATE_WINDOW,
            connections: limits::CONNECTIONS_MAX,
            connections_per_address: limits::CONNECTIONS_PER_ADDRESS_MAX,
            http2_streams: limits::HTTP2_STREAMS_MAX,
            discard_bytes: limits::DISCARD_BYTES_MAX,
            discard_time: limits::DISCARD_TIME_MAX,
        }
    }
}

/// What a listener leans on.
#[derive(Clone, Debug)]
pub struct EdgeParts {
    /// Where refusals of the edge itself are written, and its metrics.
    pub observer: Arc<Observer>,
    /// What time it is.
    pub clock: Clock,
}
