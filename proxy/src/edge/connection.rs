//! One connection, from its first byte to its last.

use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use futures_util::FutureExt as _;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use ipnet::IpNet;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::line::{Order, Watch, Watched};
use super::proxy_protocol::{self, ProxyError};
use super::refused::{self, HeadFault};
use super::seats::{AddressSeat, Seats};
use super::service::Connected;
use super::wire::Wire;
use super::{EdgeLimits, EdgeOptions, EdgeParts, Journey, Peer, tls};
use crate::limits::CONNECTION_BUFFER_BYTES_MAX;

/// What the connections of one listener share.
pub(super) struct Shared<J> {
    pub(super) journey: Arc<J>,
    pub(super) parts: EdgeParts,
    pub(super) options: EdgeOptions,
    pub(super) watch: Arc<Watch>,
    pub(super) seats: Arc<Seats>,
    trusted_proxies: Arc<[IpNet]>,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
}

/// Why a connection came to no request.
#[derive(Debug, thiserror::Error)]
enum OpenError {
    #[error("its address has as many connections as it may have")]
    TooMany,
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    #[error("it is not a trusted proxy")]
    NotAProxy,
    #[error("the TLS handshake failed: {0}")]
    Tls(#[source] std::io::Error),
    #[error("the handshake took too long")]
    Late,
}

/// A connection that is ready for requests.
struct Opened {
    stream: Stream,
    peer: Peer,
    _seat: AddressSeat,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl<J: Journey> Shared<J> {
    pub(super) fn new(options: EdgeOptions, parts: EdgeParts, journey: Arc<J>) -> Arc<Self> {
        let limits = &options.limits;
        Arc::new(Self {
            journey,
            parts,
            watch: Watch::new(limits.clone()),
            seats: Seats::new(limits.connections, limits.connections_per_address),
            trusted_proxies: options.trusted_proxies.clone().into(),
            http1: http1_of(limits),
            http2: http2_of(limits),
            options,
        })
    }

    /// Serves a connection until it ends, whatever happens on it.
    pub(super) async fn serve(self: Arc<Self>, socket: TcpStream, from: SocketAddr) {
        let limit = self.options.limits.handshake_time;
        let opened = tokio::time::timeout(limit, self.open(socket, from)).await;
        match opened.unwrap_or(Err(OpenError::Late)) {
            Ok(opened) => {
                let driven = AssertUnwindSafe(self.drive(opened)).catch_unwind().await;
                if driven.is_err() {
                    // The panic hook has written where. This connection is lost, nothing else.
                    self.parts.observer.metrics().panicked();
                    tracing::error!(
                        listener = self.options.name,
                        "a request panicked; its connection is closed"
                    );
                }
            }
            Err(cause) => {
                self.parts
                    .observer
                    .metrics()
                    .connection_failed(cause.label());
                tracing::debug!(listener = self.options.name, peer.address = %from, %cause, "connection refused");
            }
        }
    }

    /// PROXY header, then TLS.
    async fn open(&self, mut socket: TcpStream, from: SocketAddr) -> Result<Opened, OpenError> {
        let at = from.ip().to_canonical();
        let told = if self.options.proxy_protocol {
            if !self.trusted_proxies.is_empty() && !contains(&self.trusted_proxies, at) {
                return Err(OpenError::NotAProxy);
            }
            proxy_protocol::read(&mut socket).await?
        } else {
            None
        };
        let client = told.unwrap_or(from);
        let mut peer = Peer {
            client: client.ip().to_canonical(),
            port: client.port(),
            socket: at,
            tls: None,
        };
        let seat = self.seats.take_for(peer.client).ok_or(OpenError::TooMany)?;
        let stream = match &self.options.certificates {
            None => Stream::Plain(socket),
            Some(certificates) => {
                let stream = certificates
                    .acceptor()
                    .accept(socket)
                    .await
                    .map_err(OpenError::Tls)?;
                peer.tls = Some(tls::info(stream.get_ref().1));
                Stream::Tls(Box::new(stream))
            }
        };
        Ok(Opened {
            stream,
            peer,
            _seat: seat,
        })
    }

    async fn drive(self: &Arc<Self>, opened: Opened) {
        let Opened {
            stream,
            peer,
            _seat,
        } = opened;
        let watched = self.watch.enter();
        let connected = Arc::new(Connected {
            journey: Arc::clone(&self.journey),
            parts: self.parts.clone(),
            peer: Arc::new(peer),
            line: Arc::clone(&watched.line),
            trusted_proxies: Arc::clone(&self.trusted_proxies),
        });
        match stream {
            Stream::Plain(socket) => self.drive_http1(socket, connected, watched).await,
            Stream::Tls(stream) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => {
                self.drive_http2(*stream, connected, watched).await;
            }
            Stream::Tls(stream) => self.drive_http1(*stream, connected, watched).await,
        }
    }

    async fn drive_http1<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        socket: S,
        connected: Arc<Connected<J>>,
        watched: Watched,
    ) {
        let (parts, peer) = (self.parts.clone(), Arc::clone(&connected.peer));
        let refuse = move |status| refused::unreadable(&parts, &peer, HeadFault::of_status(status));
        let wire = TokioIo::new(Wire::new(socket, Arc::clone(&watched.line), refuse));
        let service = service_fn(move |request| Arc::clone(&connected).serve(request));
        let mut connection = pin!(self.http1.serve_connection(wire, service));
        let mut draining = false;
        let ended = std::future::poll_fn(|cx| {
            if ends(&watched, cx, &mut draining, || {
                connection.as_mut().graceful_shutdown();
            }) {
                return Poll::Ready(Ok(()));
            }
            connection.as_mut().poll(cx)
        });
        note_end(self.options.name, ended.await);
    }

    async fn drive_http2(
        &self,
        socket: TlsStream<TcpStream>,
        connected: Arc<Connected<J>>,
        watched: Watched,
    ) {
        let service = service_fn(move |request| Arc::clone(&connected).serve(request));
        let mut connection = pin!(self.http2.serve_connection(TokioIo::new(socket), service));
        let mut draining = false;
        let ended = std::future::poll_fn(|cx| {
            if ends(&watched, cx, &mut draining, || {
                connection.as_mut().graceful_shutdown();
            }) {
                return Poll::Ready(Ok(()));
            }
            // HTTP/2 flushes by itself: an answer whose last frame was taken is as good as sent.
            let polled = connection.as_mut().poll(cx);
            watched.line.flushed();
            polled
        });
        note_end(self.options.name, ended.await);
    }
}

impl OpenError {
    /// For the metrics.
    const fn label(&self) -> &'static str {
        match self {
            Self::TooMany => "address_limit",
            Self::Proxy(_) | Self::NotAProxy => "proxy_protocol",
            Self::Tls(_) => "tls",
            Self::Late => "handshake_time",
        }
    }
}

fn contains(networks: &[IpNet], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

/// Whether the connection has to end now. The first order to drain is passed on through `drain`.
fn ends(
    watched: &Watched,
    cx: &std::task::Context<'_>,
    draining: &mut bool,
    drain: impl FnOnce(),
) -> bool {
    match watched.line.order(cx) {
        Order::End => return true,
        Order::Drain if !*draining => {
            *draining = true;
            drain();
        }
        Order::Drain | Order::GoOn => {}
    }
    false
}

fn note_end(listener: &'static str, ended: Result<(), hyper::Error>) {
    if let Err(cause) = ended {
        tracing::debug!(listener, %cause, "connection ended");
    }
}

fn http1_of(limits: &EdgeLimits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        // The watch keeps time for all connections; a timer for each head would cost more than the head.
        .header_read_timeout(None)
        .max_header_size(limits.head_bytes)
        .max_buf_size(CONNECTION_BUFFER_BYTES_MAX.max(limits.head_bytes));
    if limits.headers > crate::limits::HEADERS_MAX {
        // Above its default hyper allocates for each head; below it, the count is checked when the head is there.
        builder.max_headers(limits.headers);
    }
    builder
}

fn http2_of(limits: &EdgeLimits) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.http2_streams)
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        .max_send_buf_size(CONNECTION_BUFFER_BYTES_MAX)
        .keep_alive_interval(limits.body_idle_time)
        .keep_alive_timeout(limits.head_time);
    builder
}
