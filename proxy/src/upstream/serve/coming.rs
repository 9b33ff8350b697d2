//! What a gate sends after the head of a call: a payload, and what it judged when it was asked.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::{Body, Frame};
use hyper::body::Incoming;
use parking_lot::Mutex;
use s3_protocol::{S3Code, S3Error};
use storage_node::{PayloadError, Recheck};
use tokio::sync::mpsc;

use super::super::wire::{self, Event, Frames, Judged, Kind, Torn, frame};
use crate::limits::{NODE_CALL_BYTES_MAX, NODE_RECHECK_TIME};

/// What a gate sends. Cloning it shares it: the payload is read first, then the answer to a question.
#[derive(Clone, Debug)]
pub(super) struct Coming {
    /// Guards the reader for the time of one look: payload and question never look at once.
    frames: Arc<Mutex<Frames<Incoming>>>,
}

/// A payload that comes.
#[derive(Debug)]
pub(super) struct ComingPayload {
    coming: Coming,
    has_ended: bool,
}

impl Coming {
    pub(super) fn new(body: Incoming) -> Self {
        let frames = Frames::new(body, NODE_CALL_BYTES_MAX);
        Self {
            frames: Arc::new(Mutex::new(frames)),
        }
    }

    pub(super) async fn next(&self) -> Result<Option<Event>, Torn> {
        std::future::poll_fn(|cx| self.frames.lock().poll_next(cx)).await
    }

    pub(super) fn payload(&self) -> ComingPayload {
        ComingPayload {
            coming: self.clone(),
            has_ended: false,
        }
    }

    /// The question before a commit: it goes to the gate through `questions`, and the gate has [`NODE_RECHECK_TIME`] to answer it.
    /// Whatever is not a clear yes is a no.
    pub(super) fn recheck(&self, questions: mpsc::Sender<Bytes>) -> Recheck {
        let coming = self.clone();
        Recheck::Elsewhere(Box::new(move || {
            Box::pin(async move {
                let asked = questions.send(frame(Kind::Ask, &[])).await;
                asked.map_err(|_| unknown())?;
                let judged = tokio::time::timeout(NODE_RECHECK_TIME, coming.judged()).await;
                judged.unwrap_or_else(|_| Err(unknown()))
            })
        }))
    }

    async fn judged(&self) -> Judged {
        loop {
            match self.next().await {
                Ok(Some(Event::Whole(Kind::Judged, judged))) => {
                    return wire::decode::<Judged>(&judged).unwrap_or_else(|_| Err(unknown()));
                }
                // A payload whose length was known is not read to its end.
                Ok(Some(Event::Whole(Kind::End | Kind::Trailers, _))) => {}
                Ok(_) | Err(_) => return Err(unknown()),
            }
        }
    }
}

/// Nobody has said that it may be committed.
fn unknown() -> S3Error {
    S3Code::ServiceUnavailable.into()
}

impl Body for ComingPayload {
    type Data = Bytes;
    type Error = PayloadError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, PayloadError>>> {
        let this = self.get_mut();
        if this.has_ended {
            return Poll::Ready(None);
        }
        let failed = match ready!(this.coming.frames.lock().poll_next(cx)) {
            Ok(Some(Event::Data(data))) => return Poll::Ready(Some(Ok(Frame::data(data)))),
            Ok(Some(Event::Whole(Kind::Trailers, told))) => match trailers(&told) {
                Some(trailers) => return Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
                None => S3Code::MalformedTrailerError.into(),
            },
            Ok(Some(Event::Whole(Kind::End, _))) => {
                this.has_ended = true;
                return Poll::Ready(None);
            }
            Ok(Some(Event::Whole(Kind::Failed, told))) => {
                wire::decode(&told).unwrap_or_else(|_| S3Code::IncompleteBody.into())
            }
            // Whoever is cut off has sent a part: it is never taken for the whole.
            Ok(Some(Event::Whole(..)) | None) | Err(_) => S3Code::IncompleteBody.into(),
        };
        this.has_ended = true;
        Poll::Ready(Some(Err(PayloadError(failed))))
    }
}

fn trailers(told: &[u8]) -> Option<HeaderMap> {
    let told: Vec<(String, Vec<u8>)> = wire::decode(told).ok()?;
    let mut trailers = HeaderMap::new();
    for (name, value) in told {
        let name = HeaderName::try_from(name).ok()?;
        trailers.append(name, HeaderValue::from_bytes(&value).ok()?);
    }
    Some(trailers)
}
