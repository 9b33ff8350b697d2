//! The connections of a gate to its node: made when they are needed, lost without a word to those who do not use them.
//!
//! Nothing is ever sent twice. Whether a call that broke was carried out is not known, and its caller is told so.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use parking_lot::Mutex;
use postern_config::settings::NodeElsewhere;
use storage_node::NodeError;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio_rustls::TlsConnector;

use super::tls;
use crate::limits::{
    NODE_CALL_WINDOW_BYTES, NODE_CALLS_PER_CONNECTION_MAX, NODE_CONNECT_TIME, NODE_CONNECTIONS_MAX,
    NODE_FRAME_BYTES_MAX, NODE_KEEP_ALIVE_TIME, NODE_PIECES_MAX,
};

/// The connections to one node.
#[derive(Debug)]
pub(super) struct Link {
    at: NodeElsewhere,
    /// Guards the list for the time of one look or one change.
    lines: Mutex<Vec<Arc<Line>>>,
    /// Held by the one who makes another connection.
    connecting: tokio::sync::Mutex<()>,
    /// Why the last connection ended.
    cause: Arc<Mutex<Option<String>>>,
    /// A connection has ended.
    lost: Arc<Notify>,
}

/// A connection.
#[derive(Debug)]
struct Line {
    sender: SendRequest<Outgoing>,
    at_work: AtomicU32,
}

/// A socket that keeps why it broke: of a connection that ends early, hyper tells those who wait for answers no more than that.
#[derive(Debug)]
struct Watched<S> {
    stream: S,
    cause: Arc<Mutex<Option<String>>>,
}

/// A place on a connection, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn(Arc<Line>);

/// What a call sends, piece by piece.
#[derive(Debug)]
pub(super) struct Outgoing {
    pieces: mpsc::Receiver<Piece>,
    is_done: bool,
}

/// The way into what a call sends.
#[derive(Clone, Debug)]
pub(super) struct Way(mpsc::Sender<Piece>);

#[derive(Debug)]
enum Piece {
    Bytes(Bytes),
    End,
}

/// The caller has gone away: the call is cut, and not ended.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the call was given up")]
pub(super) struct GivenUp;

impl Link {
    pub(super) fn new(at: NodeElsewhere) -> Self {
        Self {
            at,
            lines: Mutex::default(),
            connecting: tokio::sync::Mutex::default(),
            cause: Arc::default(),
            lost: Arc::default(),
        }
    }

    pub(super) fn address(&self) -> String {
        self.at.address.to_string()
    }

    /// A place on a connection; another connection is made where all are full.
    ///
    /// # Errors
    /// [`NodeError::Busy`] at the bound of connections, [`NodeError::Away`].
    pub(super) async fn turn(&self) -> Result<Turn, NodeError> {
        if let Some(turn) = self.free()? {
            return Ok(turn);
        }
        let _alone = self.connecting.lock().await;
        // Whoever was first has made one that has room for others too.
        if let Some(turn) = self.free()? {
            return Ok(turn);
        }
        let sender = tokio::time::timeout(NODE_CONNECT_TIME, self.connect()).await;
        let sender = sender
            .unwrap_or_else(|_| Err(format!("no connection within {NODE_CONNECT_TIME:?}")))
            .map_err(NodeError::Away)?;
        let line = Arc::new(Line {
            sender,
            at_work: AtomicU32::new(1),
        });
        self.lines.lock().push(Arc::clone(&line));
        Ok(Turn(line))
    }

    /// A place on a connection that is there.
    fn free(&self) -> Result<Option<Turn>, NodeError> {
        let mut lines = self.lines.lock();
        lines.retain(|line| !line.sender.is_closed());
        let free = lines.iter().find(|line| line.enter());
        match free {
            Some(line) => Ok(Some(Turn(Arc::clone(line)))),
            None if lines.len() >= NODE_CONNECTIONS_MAX => Err(NodeError::Busy),
            None => Ok(None),
        }
    }

    /// How many connections there are.
    #[cfg(test)]
    pub(super) fn connections(&self) -> usize {
        self.lines.lock().len()
    }

    /// Lets go of all connections: calls at work end by themselves, and none begins on them.
    pub(super) fn give_up(&self) {
        self.lines.lock().clear();
    }

    /// Waits until a connection ends.
    pub(super) async fn lost(&self) {
        self.lost.notified().await;
    }

    /// Why the last connection ended, told once.
    pub(super) fn take_cause(&self) -> Option<String> {
        self.cause.lock().take()
    }

    async fn connect(&self) -> Result<SendRequest<Outgoing>, String> {
        let (config, name) = tls::of_gate(&self.at).map_err(|error| causes(&error))?;
        let address = (self.at.address.host.as_str(), self.at.address.port);
        let socket = TcpStream::connect(address).await;
        let socket = socket.map_err(|error| causes(&error))?;
        socket.set_nodelay(true).map_err(|error| causes(&error))?;
        let stream = TlsConnector::from(Arc::new(config)).connect(name, socket);
        let stream = stream.await.map_err(|error| causes(&error))?;
        let window = NODE_CALL_WINDOW_BYTES;
        // Of those that were before nobody is told any more.
        *self.cause.lock() = None;
        let stream = Watched {
            stream,
            cause: Arc::clone(&self.cause),
        };
        let shaken = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(window)
            .initial_connection_window_size(window * NODE_CALLS_PER_CONNECTION_MAX)
            .max_frame_size(NODE_FRAME_BYTES_MAX)
            .keep_alive_interval(NODE_KEEP_ALIVE_TIME)
            .keep_alive_timeout(NODE_KEEP_ALIVE_TIME)
            .keep_alive_while_idle(true)
            .handshake(TokioIo::new(stream))
            .await;
        let (sender, connection) = shaken.map_err(|error| causes(&error))?;
        let (cause, lost) = (Arc::clone(&self.cause), Arc::clone(&self.lost));
        // It ends with its socket, or with the last who could send on it.
        drop(tokio::spawn(async move {
            if let Err(error) = connection.await {
                cause.lock().get_or_insert_with(|| causes(&error));
            }
            lost.notify_one();
        }));
        Ok(sender)
    }
}

impl<S> Watched<S> {
    fn seen<T>(&self, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(error)) = &polled {
            *self.cause.lock() = Some(causes(error));
        }
        polled
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.seen(read)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.seen(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.seen(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.seen(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl Line {
    fn enter(&self) -> bool {
        let more = |at_work: u32| (at_work < NODE_CALLS_PER_CONNECTION_MAX).then_some(at_work + 1);
        let entered = self
            .at_work
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, more);
        entered.is_ok()
    }
}

impl Turn {
    /// Sends a call; its answer begins before it has ended.
    ///
    /// # Errors
    /// [`NodeError::Away`]: the call may have been carried out.
    pub(super) async fn send(
        &self,
        request: Request<Outgoing>,
    ) -> Result<Response<Incoming>, NodeError> {
        let sent = self.0.sender.clone().send_request(request).await;
        sent.map_err(|error| NodeError::Away(causes(&error)))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.at_work.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Outgoing {
    /// What a call sends, and the way into it.
    pub(super) fn new() -> (Way, Self) {
        let (sender, pieces) = mpsc::channel(NODE_PIECES_MAX);
        let is_done = false;
        (Way(sender), Self { pieces, is_done })
    }
}

impl Way {
    /// Sends bytes; says whether anybody wants more.
    pub(super) async fn send(&self, bytes: Bytes) -> bool {
        self.0.send(Piece::Bytes(bytes)).await.is_ok()
    }

    /// Says that this was all. A way that is dropped without cuts the call.
    pub(super) async fn end(&self) {
        // Whoever does not listen any more needs no end.
        drop(self.0.send(Piece::End).await);
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = GivenUp;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, GivenUp>>> {
        let this = self.get_mut();
        if this.is_done {
            return Poll::Ready(None);
        }
        match ready!(this.pieces.poll_recv(cx)) {
            Some(Piece::Bytes(bytes)) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            Some(Piece::End) => {
                this.is_done = true;
                Poll::Ready(None)
            }
            None => Poll::Ready(Some(Err(GivenUp))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.is_done
    }
}

/// An error with all that it came from.
pub(super) fn causes(error: &dyn Error) -> String {
    let mut told = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !told.contains(&text) {
            told = format!("{told}: {text}");
        }
        source = cause.source();
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_given_up_is_cut_and_what_is_ended_is_not() {
        for is_ended in [true, false] {
            let (way, mut outgoing) = Outgoing::new();
            assert!(way.send(Bytes::from_static(b"a")).await);
            if is_ended {
                way.end().await;
            }
            drop(way);
            let mut last = None;
            while let Some(frame) =
                std::future::poll_fn(|cx| Pin::new(&mut outgoing).poll_frame(cx)).await
            {
                last = Some(frame.map(drop));
                if matches!(last, Some(Err(GivenUp))) {
                    break;
                }
            }
            assert_eq!(matches!(last, Some(Ok(()))), is_ended);
        }
    }
}
