//! An answer's body with the request's entry in it.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};

use super::Entry;

/// A body that counts what leaves, and whose end writes the entry.
#[derive(Debug)]
pub struct Riding<B> {
    body: B,
    entry: Entry,
}

impl<B: Body> Riding<B> {
    pub(super) fn new(body: B, mut entry: Entry) -> Self {
        if body.is_end_stream() {
            entry.whole();
        }
        Self { body, entry }
    }

    /// The request's entry.
    pub fn entry(&mut self) -> &mut Entry {
        &mut self.entry
    }
}

impl<B: Body + Unpin> Body for Riding<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    this.entry.sent(data.remaining());
                }
                if this.body.is_end_stream() {
                    this.entry.whole();
                }
            }
            Poll::Ready(None) => this.entry.whole(),
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
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
