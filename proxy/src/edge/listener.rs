//! A listener: binds, accepts within limits, drains.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};

use super::connection::Shared;
use super::line::Watch;
use super::seats::Seats;
use super::{EdgeOptions, EdgeParts, Journey};
use crate::limits::{ACCEPT_BACKLOG_MAX, CERTIFICATE_CHECK_TIME};
use crate::tasks::{StillRunning, Tasks};

/// After how long of silence the kernel asks whether the client is still there.
const KEEP_ALIVE_PROBE_TIME: Duration = Duration::from_secs(60);
/// How long to wait when there are no file descriptors left. Connections that end give some back.
const EXHAUSTED_TIME: Duration = Duration::from_millis(50);

/// A listener that serves. Dropping it does not stop it; its tasks do.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    accepting: Tasks,
    connections: Tasks,
    watch: Arc<Watch>,
    seats: Arc<Seats>,
}

/// A port that is bound and not yet served.
#[derive(Debug)]
pub struct Bound {
    options: EdgeOptions,
    socket: std::net::TcpListener,
    address: SocketAddr,
}

/// A port could not be bound.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {listen} ({name}): {source}")]
pub struct BindError {
    /// The listener's name.
    pub name: &'static str,
    /// Where.
    pub listen: SocketAddr,
    /// Why not.
    pub source: io::Error,
}

impl Bound {
    /// Binds the port of a listener; clients wait from now on.
    ///
    /// # Errors
    /// The address is in use, not this machine's, or not allowed.
    pub fn new(options: EdgeOptions) -> Result<Self, BindError> {
        let (name, listen) = (options.name, options.listen);
        let bind = || {
            let socket = Socket::new(
                Domain::for_address(listen),
                Type::STREAM,
                Some(Protocol::TCP),
            )?;
            socket.set_reuse_address(true)?;
            socket.set_nonblocking(true)?;
            socket.bind(&listen.into())?;
            socket.listen(ACCEPT_BACKLOG_MAX)?;
            let socket = std::net::TcpListener::from(socket);
            let address = socket.local_addr()?;
            Ok((socket, address))
        };
        let (socket, address) = bind().map_err(|source| BindError {
            name,
            listen,
            source,
        })?;
        Ok(Self {
            options,
            socket,
            address,
        })
    }

    /// Where it listens; the real port where port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Begins to accept. Needs a runtime around it.
    ///
    /// # Errors
    /// The runtime cannot watch the socket.
    pub fn serve<J: Journey>(self, parts: EdgeParts, journey: Arc<J>) -> io::Result<Listener> {
        let socket = TcpListener::from_std(self.socket)?;
        let shared = Shared::new(self.options, parts, journey);
        let (accepting, connections) = (Tasks::new(), Tasks::new());
        let listener = Listener {
            address: self.address,
            accepting: accepting.clone(),
            connections: connections.clone(),
            watch: Arc::clone(&shared.watch),
            seats: Arc::clone(&shared.seats),
        };
        let watch = Arc::clone(&shared.watch);
        connections.spawn("watch connections", async move {
            let mut sweeps = tokio::time::interval(watch.period());
            loop {
                sweeps.tick().await;
                watch.sweep();
            }
        });
        if let Some(certificates) = shared.options.certificates.clone() {
            accepting.spawn("watch certificates", async move {
                let mut looks = tokio::time::interval(CERTIFICATE_CHECK_TIME);
                loop {
                    looks.tick().await;
                    let path = certificates.files().cert.display();
                    match certificates.reload_if_changed() {
                        Ok(true) => {
                            tracing::info!(certificate.path = %path, "certificate reloaded")
                        }
                        Ok(false) => {}
                        Err(cause) => tracing::warn!(%cause, "the old certificate stays in use"),
                    }
                }
            });
        }
        accepting.spawn("accept", accept(socket, shared, connections));
        Ok(listener)
    }
}

async fn accept<J: Journey>(socket: TcpListener, shared: Arc<Shared<J>>, connections: Tasks) {
    loop {
        match socket.accept().await {
            Ok((stream, from)) => admit(&shared, &connections, stream, from),
            Err(cause) if is_of_one_connection(&cause) => {}
            Err(cause) => {
                shared.parts.observer.metrics().connection_failed("accept");
                tracing::warn!(listener = shared.options.name, %cause, "cannot accept connections now");
                tokio::time::sleep(EXHAUSTED_TIME).await;
            }
        }
    }
}

fn admit<J: Journey>(
    shared: &Arc<Shared<J>>,
    connections: &Tasks,
    stream: TcpStream,
    from: SocketAddr,
) {
    let metrics = shared.parts.observer.metrics();
    let Some(seat) = shared.seats.take() else {
        // Dropping it closes it. To leave it in the backlog would let whoever holds the seats starve all others.
        metrics.connection_failed("limit");
        return;
    };
    // Without TCP_NODELAY a kept connection stalls for 44 ms between a head and its body.
    let keep_alive = TcpKeepalive::new().with_time(KEEP_ALIVE_PROBE_TIME);
    let set = stream
        .set_nodelay(true)
        .and_then(|()| SockRef::from(&stream).set_tcp_keepalive(&keep_alive));
    if set.is_err() {
        return; // the client is gone already
    }
    let open = metrics.connection_opened();
    let shared = Arc::clone(shared);
    connections.spawn_until_done("connection", async move {
        let _held = (seat, open);
        shared.serve(stream, from).await;
    });
}

/// Errors of accept(2) that are about the connection and not about us. Source: Linux accept(2), "Error handling".
fn is_of_one_connection(cause: &io::Error) -> bool {
    use io::ErrorKind as K;
    matches!(
        cause.kind(),
        K::ConnectionAborted
            | K::ConnectionReset
            | K::ConnectionRefused
            | K::Interrupted
            | K::PermissionDenied
    )
}

impl Listener {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.seats.taken()
    }

    /// Stops accepting, lets requests at work finish for at most `grace`, and ends what is left then.
    ///
    /// # Errors
    /// Some connections had to be cut.
    pub async fn drain(&self, grace: Duration) -> Result<(), StillRunning> {
        // The socket closes with the task that holds it: from here on clients are refused by the kernel.
        self.accepting.stop(Duration::from_secs(1)).await?;
        self.watch.drain();
        let drained = self.connections.stop(grace).await;
        if drained.is_err() {
            self.watch.end();
        }
        drained
    }
}
