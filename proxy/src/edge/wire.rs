//! The bytes between TLS and HTTP: what hyper reads and writes passes here.
//!
//! Three things are done that hyper does not do. The bytes of a head are kept until its request is looked at, so that a
//! head with two framings is seen. hyper's own bare answer to a head that it cannot read is replaced by an S3 error. And a
//! connection on which the client is still sending is closed slowly: first our end, then, after discarding a bounded
//! amount, all of it; else the kernel would answer the client's bytes with a reset that destroys the answer on its way.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::line::{Line, Phase};

/// A connection's bytes. `refuse` makes the answer to a head that hyper refuses with a status.
pub(super) struct Wire<S, F> {
    socket: S,
    line: Arc<Line>,
    refuse: F,
    /// Our answer in place of hyper's, as far as it is not yet written.
    instead: Bytes,
    closing: Closing,
}

/// How far the connection is closed.
enum Closing {
    Open,
    Sent,
    Discarding { left: u64, until: Pin<Box<Sleep>> },
    Closed,
}

impl<S, F> Wire<S, F> {
    pub(super) fn new(socket: S, line: Arc<Line>, refuse: F) -> Self {
        Self {
            socket,
            line,
            refuse,
            instead: Bytes::new(),
            closing: Closing::Open,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin, F: FnMut(u16) -> Bytes + Unpin> Wire<S, F> {
    /// Whether `bytes` are hyper's own answer to a head that it could not read: no request is at work and no answer is on
    /// its way, so nobody else can have written them.
    fn is_hypers_own(&self, bytes: &[u8]) -> Option<u16> {
        if !matches!(self.line.phase(), Phase::Fresh | Phase::Kept | Phase::Head) {
            return None;
        }
        let status = bytes
            .strip_prefix(b"HTTP/1.1 ")
            .or_else(|| bytes.strip_prefix(b"HTTP/1.0 "))?;
        std::str::from_utf8(status.get(..3)?).ok()?.parse().ok()
    }

    /// Takes hyper's own answer out and puts ours in.
    fn replace(&mut self, status: u16) {
        self.instead = (self.refuse)(status);
        self.line.set_linger();
        self.line.forget_head();
    }

    fn poll_instead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.instead.has_remaining() {
            let written = ready!(Pin::new(&mut self.socket).poll_write(cx, &self.instead))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.instead.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    /// Reads and forgets what the client still sends: until it ends, until the bound, or until the time is over.
    fn poll_discard(
        socket: &mut S,
        cx: &mut Context<'_>,
        left: &mut u64,
        until: Pin<&mut Sleep>,
    ) -> Poll<()> {
        if until.poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let mut scratch = [0; 16 * 1_024];
        loop {
            let mut buffer = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut *socket).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {
                    *left = left.saturating_sub(buffer.filled().len() as u64);
                    if *left == 0 {
                        return Poll::Ready(());
                    }
                }
                Ok(()) | Err(_) => return Poll::Ready(()),
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin, F: FnMut(u16) -> Bytes + Unpin> AsyncRead for Wire<S, F> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.socket).poll_read(cx, buffer))?;
        if let Some(read) = buffer
            .filled()
            .get(before..)
            .filter(|read| !read.is_empty())
        {
            this.line.read(read);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin, F: FnMut(u16) -> Bytes + Unpin> AsyncWrite for Wire<S, F> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let Some(status) = this.is_hypers_own(bytes) {
            this.replace(status);
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut this.socket).poll_write(cx, bytes);
        this.line.write_waits(written.is_pending());
        written
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let Some(status) = pieces.first().and_then(|first| this.is_hypers_own(first)) {
            this.replace(status);
            return Poll::Ready(Ok(pieces.iter().map(|piece| piece.len()).sum()));
        }
        let written = Pin::new(&mut this.socket).poll_write_vectored(cx, pieces);
        this.line.write_waits(written.is_pending());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_instead(cx))?;
        let flushed = Pin::new(&mut this.socket).poll_flush(cx);
        if flushed.is_ready() {
            this.line.flushed();
        } else {
            this.line.write_waits(true);
        }
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            match &mut this.closing {
                Closing::Open => {
                    ready!(this.poll_instead(cx))?;
                    // A client that is gone need not hear that we close.
                    let closed = ready!(Pin::new(&mut this.socket).poll_shutdown(cx));
                    this.closing = if closed.is_ok() {
                        Closing::Sent
                    } else {
                        Closing::Closed
                    };
                }
                Closing::Sent if this.line.linger() => {
                    let limits = this.line.limits();
                    let until = tokio::time::sleep_until(Instant::now() + limits.discard_time);
                    let left = limits.discard_bytes;
                    this.closing = Closing::Discarding {
                        left,
                        until: Box::pin(until),
                    };
                }
                Closing::Sent => this.closing = Closing::Closed,
                Closing::Discarding { left, until } => {
                    ready!(Self::poll_discard(
                        &mut this.socket,
                        cx,
                        left,
                        until.as_mut()
                    ));
                    this.closing = Closing::Closed;
                }
                Closing::Closed => return Poll::Ready(Ok(())),
            }
        }
    }
}
