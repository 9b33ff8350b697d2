//! The body of an answer: nothing, bytes at hand, or an object that flows from the node.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use s3_protocol::S3Error;

use super::authorize::Supervised;
use crate::upstream::StoredBody;

/// The body of an answer.
#[derive(Debug)]
pub enum Answer {
    /// No body.
    Empty,
    /// A body that is at hand: a document, or a small object.
    Whole(Option<Bytes>),
    /// A body that HEAD does not send: its length alone.
    Withheld(u64),
    /// An object that flows, judged again while it does.
    Object(Box<Supervised<StoredBody>>),
}

impl Answer {
    /// The body of an object. One that is at hand already is sent in one write with its head.
    pub(super) fn of(body: Supervised<StoredBody>) -> Self {
        Self::Object(Box::new(body))
    }
}

/// An answer could not be sent to its end: the stored bytes could not be read, or the permit was revoked while they flowed. The
/// connection is closed, so that the client sees the cut.
#[derive(Debug, thiserror::Error)]
#[error("the answer was cut: {0}")]
pub struct AnswerError(S3Error);

impl From<Bytes> for Answer {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(Some(bytes))
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = AnswerError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, AnswerError>>> {
        match self.get_mut() {
            Self::Empty | Self::Withheld(_) => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Object(object) => Pin::new(object.as_mut())
                .poll_frame(cx)
                .map_err(AnswerError),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty | Self::Withheld(_) => true,
            Self::Whole(bytes) => bytes.as_ref().is_none_or(Bytes::is_empty),
            Self::Object(object) => object.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Withheld(bytes) => SizeHint::with_exact(*bytes),
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64))
            }
            Self::Object(object) => object.size_hint(),
        }
    }
}
