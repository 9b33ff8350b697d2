//! The body of an object that flows from a node on another machine.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use s3_protocol::{S3Code, S3Error};

use super::super::wire::{self, Event, Kind};
use super::exchange::Flow;

/// The body of an object. It ends with its last byte; one that is cut before says so.
#[derive(Debug)]
pub struct RemoteBody {
    flow: Option<Flow>,
    left: u64,
}

impl RemoteBody {
    pub(super) fn new(flow: Flow, length: u64) -> Self {
        Self {
            flow: (length > 0).then_some(flow),
            left: length,
        }
    }
}

impl Body for RemoteBody {
    type Data = Bytes;
    type Error = S3Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, S3Error>>> {
        let this = self.get_mut();
        let Some(flow) = &mut this.flow else {
            return Poll::Ready(None);
        };
        let cut = match ready!(flow.frames.poll_next(cx)) {
            Ok(Some(Event::Data(data))) => {
                let bytes = u64::try_from(data.len()).unwrap_or(u64::MAX);
                if let Some(left) = this.left.checked_sub(bytes) {
                    this.left = left;
                    if left == 0 {
                        this.flow = None;
                    }
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                S3Code::InternalError.into()
            }
            Ok(Some(Event::Whole(Kind::Failed, told))) => {
                wire::decode(&told).unwrap_or_else(|_| S3Code::InternalError.into())
            }
            Ok(Some(Event::Whole(..)) | None) | Err(_) => S3Code::ServiceUnavailable.into(),
        };
        this.flow = None;
        Poll::Ready(Some(Err(cut)))
    }

    fn is_end_stream(&self) -> bool {
        self.flow.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
