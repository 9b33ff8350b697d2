//! A permit judged again: each five seconds of a transfer, and before what was uploaded is committed, in the world of then.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use postern_config::UnixSeconds;
use s3_protocol::{S3Code, S3Error};

use super::super::gate::Gate;
use super::super::refusal::Refusal;
use super::bench::Bench;
use super::checks::{self, Checks};
use super::scene::Scene;
use crate::world::World;

/// How long a transfer flows before it is judged again. Source: the promise that a revoked key is cut off within seconds.
pub(crate) const RECHECK_EVERY: Duration = Duration::from_secs(5);

/// What is needed to judge a permit again.
#[derive(Clone)]
pub(crate) struct Again {
    gate: Arc<Gate>,
    scene: Arc<Scene>,
    /// The checks that came from the body; those of any other request follow from the request.
    deletes: Option<Box<Checks>>,
}

impl Again {
    pub(super) fn new(gate: &Arc<Gate>, scene: &Arc<Scene>) -> Self {
        Self {
            gate: Arc::clone(gate),
            scene: Arc::clone(scene),
            deletes: None,
        }
    }

    pub(super) fn of_deletes(gate: &Arc<Gate>, scene: &Arc<Scene>, checks: Checks) -> Self {
        Self {
            deletes: Some(Box::new(checks)),
            ..Self::new(gate, scene)
        }
    }

    /// Judges every check again, in the world of now.
    ///
    /// # Errors
    /// What the request would be answered if it came now.
    pub(crate) fn judge(&self) -> Result<(), S3Error> {
        let world = self.gate.world();
        let now_ms = self.gate.clock.now_ms();
        let now = now_ms / 1_000;
        let session = self.scene.signature().and_then(|it| it.session.as_deref());
        if session.is_some_and(|it| !it.works_at(UnixSeconds(now))) {
            return Err(S3Code::ExpiredToken.into());
        }
        if let Some(caller) = &self.scene.caller {
            let found = match session {
                Some(session) => world.caller_by(&self.gate.library, session, now),
                None => world.caller(&self.gate.library, &caller.key.id, now),
            };
            // Rights that changed are judged as they are now.
            match found {
                None => return Err(S3Code::InvalidAccessKeyId.into()),
                Some(now) if Arc::ptr_eq(&now, caller) => {}
                Some(now) => {
                    return self.judge_as(&Arc::new(self.scene.as_caller(now)), &world, now_ms);
                }
            }
        }
        self.judge_as(&self.scene, &world, now_ms)
    }

    /// Whether the caller may list the bucket that the request names.
    pub(crate) fn may_list(&self) -> bool {
        let world = self.gate.world();
        let bench = Bench::new(&self.gate, &world, &self.scene, self.gate.clock.now_ms());
        super::bucket_of(&self.scene.request().target).is_some_and(|name| bench.may_list(name))
    }

    fn judge_as(&self, scene: &Arc<Scene>, world: &Arc<World>, now_ms: u64) -> Result<(), S3Error> {
        let bench = Bench::new(&self.gate, world, scene, now_ms);
        let judge = |check| {
            bench
                .judge(check)
                .map(drop)
                .map_err(|halt| Refusal::from(halt).answer())
        };
        match &self.deletes {
            Some(checks) => checks.iter().try_for_each(judge),
            None => checks::of(scene.request()).iter().try_for_each(judge),
        }
    }
}

impl std::fmt::Debug for Again {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Again")
            .field("operation", &self.scene.request().operation)
            .finish_non_exhaustive()
    }
}

/// A body whose permit is judged again while it flows.
#[derive(Debug)]
pub struct Supervised<B> {
    body: B,
    again: Again,
    /// When it is judged next. Not before the first piece has passed: most bodies have but one, and need no clock.
    due: Option<Instant>,
    way: Way,
}

/// Which way a body flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// From the client: what comes is counted.
    In,
    /// To the client.
    Out,
}

impl<B> Supervised<B> {
    /// Watches over `body`.
    pub(crate) fn new(body: B, way: Way, again: Again) -> Self {
        Self {
            body,
            again,
            due: None,
            way,
        }
    }
}

impl<B> Body for Supervised<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<S3Error>,
{
    type Data = Bytes;
    type Error = S3Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, S3Error>>> {
        let this = self.get_mut();
        if let Some(due) = this.due
            && Instant::now() >= due
        {
            this.due = None;
            if let Err(refused) = this.again.judge() {
                return Poll::Ready(Some(Err(refused)));
            }
        }
        let polled = Pin::new(&mut this.body).poll_frame(cx).map_err(Into::into);
        if this.due.is_none() && !this.body.is_end_stream() {
            this.due = Some(Instant::now() + RECHECK_EVERY);
        }
        if let (Way::In, Poll::Ready(Some(Ok(frame)))) = (this.way, &polled) {
            this.again
                .scene
                .receive(frame.data_ref().map_or(0, Bytes::len));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
