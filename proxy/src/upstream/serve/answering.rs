//! The body of an answer: the call at work, then what it said, then the object that it reads.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body::{Body, Frame};
use s3_protocol::S3Error;
use storage_node::ObjectBody;
use tokio::sync::mpsc;

use super::super::wire::{self, Kind, frame, head_of_data};

/// Pieces of an object up to this are sent in one with what goes before them, in bytes.
const SMALL_BYTES_MAX: usize = 64 * 1_024;

/// What a call ends with.
pub(super) enum Reply {
    /// An answer.
    Told(Bytes),
    /// An answer and the body of an object.
    Object(Bytes, ObjectBody),
}

/// The body of an answer.
pub(super) struct Answering {
    /// The call at work.
    call: Option<BoxFuture<'static, Reply>>,
    /// What it asks back meanwhile.
    questions: Option<mpsc::Receiver<Bytes>>,
    /// What is to be sent.
    ready: VecDeque<Bytes>,
    /// What is read, once that is sent.
    object: Option<ObjectBody>,
}

impl Answering {
    /// A call that begins with the first look at its answer, and ends with the last.
    pub(super) fn new(call: BoxFuture<'static, Reply>, questions: mpsc::Receiver<Bytes>) -> Self {
        Self {
            call: Some(call),
            questions: Some(questions),
            ready: VecDeque::new(),
            object: None,
        }
    }

    /// A text, which is no answer.
    pub(super) fn text(text: String) -> Self {
        Self {
            call: None,
            questions: None,
            ready: VecDeque::from([text.into()]),
            object: None,
        }
    }

    /// The next bytes of the object, in front of what is sent before them.
    fn read(&mut self, piece: Option<Result<Frame<Bytes>, storage_node::NodeError>>) {
        match piece {
            Some(Ok(piece)) => {
                let Ok(data) = piece.into_data() else { return };
                if data.len() <= SMALL_BYTES_MAX {
                    self.ready.push_back(frame(Kind::Data, &data));
                } else {
                    self.ready.push_back(head_of_data(data.len()));
                    self.ready.push_back(data);
                }
                self.object.take_if(|object| object.is_end_stream());
            }
            Some(Err(error)) => {
                self.object = None;
                let told = wire::encode(&S3Error::from(error)).unwrap_or_default();
                self.ready.push_back(frame(Kind::Failed, &told));
            }
            None => self.object = None,
        }
    }
}

impl Body for Answering {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        loop {
            if let Some(bytes) = this.ready.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            if let Some(call) = &mut this.call {
                match call.as_mut().poll(cx) {
                    Poll::Ready(reply) => {
                        (this.call, this.questions) = (None, None);
                        match reply {
                            Reply::Told(told) => this.ready.push_back(told),
                            Reply::Object(told, object) => {
                                this.ready.push_back(told);
                                this.object = Some(object).filter(|it| !it.is_end_stream());
                            }
                        }
                    }
                    Poll::Pending => {
                        let Some(questions) = &mut this.questions else {
                            return Poll::Pending;
                        };
                        match ready!(questions.poll_recv(cx)) {
                            Some(question) => this.ready.push_back(question),
                            None => {
                                this.questions = None;
                                return Poll::Pending;
                            }
                        }
                    }
                }
            } else if let Some(object) = &mut this.object {
                let piece = ready!(Pin::new(object).poll_frame(cx));
                this.read(piece);
            } else {
                return Poll::Ready(None);
            }
        }
    }

    /// The last byte says that it is the last: a gate that has it goes on to its next call.
    fn is_end_stream(&self) -> bool {
        self.call.is_none() && self.object.is_none() && self.ready.is_empty()
    }
}
