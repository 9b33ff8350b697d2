//! The node's side: it lets gates in, and answers their calls one by one.
//!
//! A call lives in the body of its answer. A gate that goes away, or gives a call up, drops it where it is: what it was writing is
//! garbage then, and nothing refers to it.

mod answering;
mod calls;
mod coming;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use arc_swap::ArcSwap;
use postern_config::settings::NodeProcess;
use storage_node::Node;

use super::link::causes;
use super::tls::{self, TrustError};
use super::wire::PROTOCOL;
use crate::limits::{
    NODE_CALL_WINDOW_BYTES, NODE_CALLS_PER_CONNECTION_MAX, NODE_CONNECT_TIME,
    NODE_CONNECTIONS_ALL_MAX, NODE_FRAME_BYTES_MAX, NODE_KEEP_ALIVE_TIME,
};
use crate::upkeep::Caretaker;

use answering::Answering;

/// A node that is served to gates.
pub(crate) struct Served {
    pub(crate) node: Node,
    pub(crate) caretaker: Arc<Caretaker>,
    trust: ArcSwap<rustls::ServerConfig>,
    /// A place for each connection.
    places: Arc<Semaphore>,
    connections: TaskTracker,
    stop: CancellationToken,
}

impl Served {
    pub(crate) fn new(
        node: Node,
        caretaker: Arc<Caretaker>,
        settings: &NodeProcess,
    ) -> Result<Self, TrustError> {
        Ok(Self {
            node,
            caretaker,
            trust: ArcSwap::from_pointee(tls::of_node(settings)?),
            places: Arc::new(Semaphore::new(NODE_CONNECTIONS_ALL_MAX)),
            connections: TaskTracker::new(),
            stop: CancellationToken::new(),
        })
    }

    /// Reads the certificates anew; on an error those that were stay in use.
    pub(crate) fn reload(&self, settings: &NodeProcess) -> Result<(), TrustError> {
        self.trust.store(Arc::new(tls::of_node(settings)?));
        Ok(())
    }

    /// Lets gates in until told to stop.
    pub(crate) async fn accept(self: Arc<Self>, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((socket, peer)) => {
                    let this = Arc::clone(&self);
                    drop(self.connections.spawn(this.connection(socket, peer)));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Begins no call any more, and waits for those at work.
    pub(crate) async fn drain(&self, grace: std::time::Duration) -> bool {
        self.stop.cancel();
        self.connections.close();
        tokio::time::timeout(grace, self.connections.wait())
            .await
            .is_ok()
    }

    async fn connection(self: Arc<Self>, socket: TcpStream, peer: SocketAddr) {
        let Ok(_place) = Arc::clone(&self.places).try_acquire_owned() else {
            tracing::warn!(%peer, most = NODE_CONNECTIONS_ALL_MAX, "there are too many connections: one is refused");
            return;
        };
        let let_in = tokio::time::timeout(NODE_CONNECT_TIME, self.let_in(socket)).await;
        let stream = match let_in.unwrap_or_else(|_| Err("it took too long".to_owned())) {
            Ok(stream) => stream,
            Err(cause) => {
                tracing::warn!(%peer, cause, "somebody is not let in");
                return;
            }
        };
        tracing::info!(%peer, "a gate is there");
        let this = Arc::clone(&self);
        let service = service_fn(move |request| {
            let answer = this.answer(request);
            std::future::ready(Ok::<_, Infallible>(answer))
        });
        let window = NODE_CALL_WINDOW_BYTES;
        let mut served = pin!(
            http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .max_concurrent_streams(NODE_CALLS_PER_CONNECTION_MAX)
                .initial_stream_window_size(window)
                .initial_connection_window_size(window * NODE_CALLS_PER_CONNECTION_MAX)
                .max_frame_size(NODE_FRAME_BYTES_MAX)
                .keep_alive_interval(NODE_KEEP_ALIVE_TIME)
                .keep_alive_timeout(NODE_KEEP_ALIVE_TIME)
                .serve_connection(TokioIo::new(stream), service)
        );
        let ended = tokio::select! {
            ended = served.as_mut() => ended,
            () = self.stop.cancelled() => {
                served.as_mut().graceful_shutdown();
                served.await
            }
        };
        match ended {
            Ok(()) => tracing::info!(%peer, "a gate has gone"),
            Err(error) => tracing::info!(%peer, cause = causes(&error), "a gate is lost"),
        }
    }

    async fn let_in(
        &self,
        socket: TcpStream,
    ) -> Result<tokio_rustls::server::TlsStream<TcpStream>, String> {
        socket.set_nodelay(true).map_err(|error| causes(&error))?;
        let acceptor = TlsAcceptor::from(self.trust.load_full());
        let stream = acceptor.accept(socket).into_fallible().await;
        match stream {
            Ok(stream) => Ok(stream),
            Err((error, socket)) => {
                // Closed over what it has sent, it would lose the word why.
                drop(tokio::time::timeout(LINGER_TIME, linger(socket)).await);
                Err(causes(&error))
            }
        }
    }

    /// The answer to a call begins at once: what is asked back goes before it.
    fn answer(self: &Arc<Self>, request: Request<Incoming>) -> Response<Answering> {
        let (status, answering) = match named(&request) {
            Ok(name) => {
                let name = name.to_owned();
                let answering = calls::begin(Arc::clone(self), name, request.into_body());
                (StatusCode::OK, answering)
            }
            Err((status, text)) => (status, Answering::text(text)),
        };
        let mut response = Response::new(answering);
        *response.status_mut() = status;
        response
    }
}

/// How long what somebody sends who is not let in is read and thrown away.
const LINGER_TIME: std::time::Duration = std::time::Duration::from_secs(1);
/// How much of it, in bytes.
const LINGER_BYTES_MAX: u64 = 64 * 1_024;

async fn linger(mut socket: TcpStream) -> std::io::Result<()> {
    socket.shutdown().await?;
    tokio::io::copy(&mut socket.take(LINGER_BYTES_MAX), &mut tokio::io::sink()).await?;
    Ok(())
}

/// How long nobody is let in after that has failed: for want of descriptors it would fail at once again.
const ACCEPT_PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

/// The name of the call, where it is one of this protocol.
fn named(request: &Request<Incoming>) -> Result<&str, (StatusCode, String)> {
    let path = request.uri().path();
    let asked = path.strip_prefix('/').and_then(|it| it.split_once('/'));
    let version = asked.and_then(|(version, name)| Some((version.parse::<u32>().ok()?, name)));
    match version {
        Some((PROTOCOL, name)) if request.method() == Method::POST => Ok(name),
        Some((other, _)) if other != PROTOCOL => Err((
            StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            format!(
                "this node (postern {}) speaks version {PROTOCOL} of the protocol and was asked in version {other}: gate and node must be of releases that speak the same",
                env!("CARGO_PKG_VERSION"),
            ),
        )),
        _ => Err((StatusCode::BAD_REQUEST, "this is no call".to_owned())),
    }
}

impl std::fmt::Debug for Served {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Served").finish_non_exhaustive()
    }
}
