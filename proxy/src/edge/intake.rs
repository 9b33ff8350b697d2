//! The body of a request as it comes from the wire, with a limit on how slowly it may come.
//!
//! Nothing is read before it is asked for, and `100 Continue` is sent when the first byte is: a refused upload is never
//! invited.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use s3_protocol::{S3Code, S3Error};
use tokio::time::{Instant, Sleep};

use super::line::Line;

/// The body of a request. Its errors are what the client did wrong.
#[derive(Debug)]
pub struct Intake {
    source: Source,
    line: Option<Arc<Line>>,
    pace: Pace,
    /// The alarm for the time without a byte. Made when the body first waits.
    alarm: Option<Pin<Box<Sleep>>>,
    waiting_since: Option<Instant>,
    waited: Duration,
    bytes: u64,
    /// The same, for whoever writes the entry. A request without a body has none.
    tally: Option<Arc<AtomicU64>>,
}

/// Where the bytes come from.
#[derive(Debug)]
enum Source {
    Wire(Incoming),
    AtHand(Option<Bytes>),
}

/// How slow a body may be.
#[derive(Clone, Copy, Debug)]
struct Pace {
    idle: Duration,
    rate: u64,
    window: Duration,
}

/// Why a body did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum IntakeFault {
    /// Nothing came for too long.
    #[error("the body stood still for {0:?}")]
    Idle(Duration),
    /// It came too slowly.
    #[error("the body came at less than {rate} bytes a second")]
    Slow {
        /// The lowest rate.
        rate: u64,
    },
    /// The client went away before its end.
    #[error("the client went away")]
    Gone(#[source] hyper::Error),
    /// Its framing is broken.
    #[error("the framing of the body is broken")]
    Framing(#[source] hyper::Error),
}

impl From<IntakeFault> for S3Error {
    fn from(fault: IntakeFault) -> Self {
        match fault {
            IntakeFault::Idle(_) | IntakeFault::Slow { .. } => Self::new(S3Code::RequestTimeout),
            IntakeFault::Gone(_) => Self::new(S3Code::IncompleteBody),
            IntakeFault::Framing(_) => Self::with(
                S3Code::InvalidRequest,
                "The framing of the body is not valid.",
            ),
        }
    }
}

impl Intake {
    /// The body of a request on `line`, which notes whether it has ended.
    pub(super) fn of(body: Incoming, line: &Arc<Line>, one_at_a_time: bool) -> Self {
        let limits = line.limits();
        let pace = Pace {
            idle: limits.body_idle_time,
            rate: limits.body_rate,
            window: limits.body_rate_window,
        };
        line.set_body_open(one_at_a_time && !body.is_end_stream());
        let comes = !body.is_end_stream();
        let line = (one_at_a_time && comes).then(|| Arc::clone(line));
        Self {
            tally: comes.then(Arc::default),
            ..Self::new(Source::Wire(body), line, pace)
        }
    }

    /// A body that is at hand, for requests that do not come from a wire.
    pub fn at_hand(bytes: impl Into<Bytes>) -> Self {
        let pace = Pace {
            idle: Duration::MAX,
            rate: 0,
            window: Duration::MAX,
        };
        Self::new(Source::AtHand(Some(bytes.into())), None, pace)
    }

    const fn new(source: Source, line: Option<Arc<Line>>, pace: Pace) -> Self {
        Self {
            source,
            line,
            pace,
            alarm: None,
            waiting_since: None,
            waited: Duration::ZERO,
            bytes: 0,
            tally: None,
        }
    }

    /// Where the bytes are counted that came, as they came.
    pub(crate) fn tally(&self) -> Option<Arc<AtomicU64>> {
        self.tally.clone()
    }

    /// The body waits for its client: rings when that took too long.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<IntakeFault> {
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        let alarm = self
            .alarm
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(self.pace.idle)));
        loop {
            std::task::ready!(alarm.as_mut().poll(cx));
            if since.elapsed() >= self.pace.idle {
                return Poll::Ready(IntakeFault::Idle(self.pace.idle));
            }
            // It rang for an earlier wait, which ended in time.
            alarm.as_mut().reset(since + self.pace.idle);
        }
    }

    /// `bytes` came: whether they came fast enough, counting only the time that was spent waiting for the client.
    fn measure(&mut self, bytes: usize) -> Result<(), IntakeFault> {
        self.bytes = self
            .bytes
            .saturating_add(bytes.try_into().unwrap_or(u64::MAX));
        if let Some(tally) = &self.tally {
            tally.store(self.bytes, Ordering::Relaxed);
        }
        if let Some(since) = self.waiting_since.take() {
            self.waited += since.elapsed();
            let expected = u128::from(self.pace.rate) * self.waited.as_millis() / 1_000;
            if self.waited > self.pace.window && u128::from(self.bytes) < expected {
                return Err(IntakeFault::Slow {
                    rate: self.pace.rate,
                });
            }
        }
        Ok(())
    }

    fn ended(&mut self) {
        if let Some(line) = self.line.take() {
            line.set_body_open(false);
        }
    }
}

impl Body for Intake {
    type Data = Bytes;
    type Error = IntakeFault;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, IntakeFault>>> {
        let this = self.get_mut();
        let body = match &mut this.source {
            Source::Wire(body) => body,
            Source::AtHand(bytes) => {
                return Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes))));
            }
        };
        match Pin::new(&mut *body).poll_frame(cx) {
            Poll::Pending => this.wait(cx).map(|fault| Some(Err(fault))),
            Poll::Ready(None) => {
                this.ended();
                Poll::Ready(None)
            }
            Poll::Ready(Some(Ok(frame))) => {
                let last = body.is_end_stream();
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                if last {
                    this.ended();
                }
                Poll::Ready(Some(this.measure(bytes).map(|()| frame)))
            }
            Poll::Ready(Some(Err(cause))) => Poll::Ready(Some(Err(fault(cause)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Wire(body) => body.is_end_stream(),
            Source::AtHand(bytes) => bytes.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Wire(body) => body.size_hint(),
            Source::AtHand(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64))
            }
        }
    }
}

/// What an error of hyper's means. A cut body and a broken chunk are both I/O errors there, of different kinds.
fn fault(cause: hyper::Error) -> IntakeFault {
    let mut source = std::error::Error::source(&cause);
    while let Some(error) = source {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return match io.kind() {
                std::io::ErrorKind::InvalidInput | std::io::ErrorKind::InvalidData => {
                    IntakeFault::Framing(cause)
                }
                _ => IntakeFault::Gone(cause),
            };
        }
        source = error.source();
    }
    IntakeFault::Gone(cause)
}
