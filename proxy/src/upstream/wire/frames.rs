//! Frames out of a body of HTTP, however HTTP has cut it. The bytes of a payload are passed on as they come, all else is whole.

use std::fmt::Display;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{BufMut as _, Bytes, BytesMut};
use http_body::Body;

/// Bytes of a frame's kind and length.
const FRAME_HEAD_BYTES: usize = 5;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(in crate::upstream) enum Kind {
    /// A call, or its answer.
    Head = 1,
    /// Bytes of a payload.
    Data = 2,
    /// Trailers of a payload.
    Trailers = 3,
    /// The payload has ended well.
    End = 4,
    /// It has not.
    Failed = 5,
    /// May it be committed still?
    Ask = 6,
    /// What was judged.
    Judged = 7,
}

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::upstream) enum Event {
    /// Some bytes of a payload.
    Data(Bytes),
    /// A whole frame of another kind.
    Whole(Kind, Bytes),
}

/// Why no more frames come.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::upstream) enum Torn {
    /// The body ended, or broke, within a frame.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// The bytes are no frame.
    #[error("what came is no frame of ours")]
    Strange,
    /// A frame is larger than may be.
    #[error("a frame of {bytes} bytes is more than {most}")]
    TooLarge {
        /// How large it is.
        bytes: usize,
        /// How large it may be.
        most: usize,
    },
}

/// Reads frames.
#[derive(Debug)]
pub(in crate::upstream) struct Frames<B> {
    body: B,
    /// Bytes that have come and are not looked at yet.
    come: Bytes,
    /// The beginning of a frame that is not whole yet.
    begun: BytesMut,
    /// Bytes of a payload that are still to come in its frame.
    left: usize,
    most: usize,
}

impl<B> Frames<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Display,
{
    /// Reads the frames of `body`, none of which has more than `most` bytes but those of payloads.
    pub(in crate::upstream) fn new(body: B, most: usize) -> Self {
        Self {
            body,
            come: Bytes::new(),
            begun: BytesMut::new(),
            left: 0,
            most,
        }
    }

    /// The next frame, or bytes of one; `None` at the end of the body.
    pub(in crate::upstream) async fn next(&mut self) -> Result<Option<Event>, Torn> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The same, to be polled.
    pub(in crate::upstream) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Event>, Torn>> {
        loop {
            if let Some(event) = self.parse()? {
                return Poll::Ready(Ok(Some(event)));
            }
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.come = data;
                    }
                }
                Some(Err(cause)) => return Poll::Ready(Err(Torn::Broken(cause.to_string()))),
                None if self.begun.is_empty() && self.left == 0 => return Poll::Ready(Ok(None)),
                None => return Poll::Ready(Err(Torn::Broken("it ended too early".to_owned()))),
            }
        }
    }

    /// What is there already; where it is nothing, no byte is left that was not looked at.
    fn parse(&mut self) -> Result<Option<Event>, Torn> {
        while !self.come.is_empty() {
            if self.left > 0 {
                let data = self.come.split_to(self.left.min(self.come.len()));
                self.left -= data.len();
                return Ok(Some(Event::Data(data)));
            }
            if !self.gather(FRAME_HEAD_BYTES) {
                return Ok(None);
            }
            let (kind, length) = self.begun_head()?;
            if kind == Kind::Data {
                self.begun.clear();
                self.left = length;
                continue;
            }
            if length > self.most {
                return Err(Torn::TooLarge {
                    bytes: length,
                    most: self.most,
                });
            }
            if !self.gather(FRAME_HEAD_BYTES + length) {
                return Ok(None);
            }
            let mut whole = self.begun.split().freeze();
            let content = whole.split_off(FRAME_HEAD_BYTES);
            return Ok(Some(Event::Whole(kind, content)));
        }
        Ok(None)
    }

    /// Gathers until so many bytes of a frame are there; says whether they are.
    fn gather(&mut self, bytes: usize) -> bool {
        let missing = bytes.saturating_sub(self.begun.len());
        let more = self.come.split_to(missing.min(self.come.len()));
        self.begun.extend_from_slice(&more);
        self.begun.len() >= bytes
    }

    fn begun_head(&self) -> Result<(Kind, usize), Torn> {
        let Some((&[kind, a, b, c, d], _)) = self.begun.split_first_chunk() else {
            return Err(Torn::Strange);
        };
        let length = u32::from_be_bytes([a, b, c, d]);
        let length = usize::try_from(length).map_err(|_| Torn::Strange)?;
        Ok((Kind::read(kind).ok_or(Torn::Strange)?, length))
    }
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::Head,
        Self::Data,
        Self::Trailers,
        Self::End,
        Self::Failed,
        Self::Ask,
        Self::Judged,
    ];

    fn read(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// A whole frame. One that is longer than its length can say is refused where it arrives, as too large.
pub(in crate::upstream) fn frame(kind: Kind, content: &[u8]) -> Bytes {
    let mut whole = BytesMut::with_capacity(FRAME_HEAD_BYTES + content.len());
    whole.put_u8(kind as u8);
    whole.put_u32(u32::try_from(content.len()).unwrap_or(u32::MAX));
    whole.extend_from_slice(content);
    whole.freeze()
}

/// The beginning of a frame of a payload's bytes.
pub(in crate::upstream) fn head_of_data(bytes: usize) -> Bytes {
    let mut head = BytesMut::with_capacity(FRAME_HEAD_BYTES);
    head.put_u8(Kind::Data as u8);
    head.put_u32(u32::try_from(bytes).unwrap_or(u32::MAX));
    head.freeze()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body_util::StreamBody;

    use super::*;

    /// The events of bytes that arrive in pieces of `step`.
    async fn read(bytes: &[u8], step: usize) -> (Vec<Event>, Option<Torn>) {
        let pieces: Vec<_> = bytes
            .chunks(step)
            .map(|piece| Ok::<_, Infallible>(http_body::Frame::data(Bytes::copy_from_slice(piece))))
            .collect();
        let body = StreamBody::new(futures_util::stream::iter(pieces));
        let mut frames = Frames::new(body, 16);
        let mut events = Vec::new();
        loop {
            match frames.next().await {
                Ok(Some(Event::Data(more))) => match events.last_mut() {
                    Some(Event::Data(data)) => *data = [&data[..], &more[..]].concat().into(),
                    _ => events.push(Event::Data(more)),
                },
                Ok(Some(event)) => events.push(event),
                Ok(None) => return (events, None),
                Err(torn) => return (events, Some(torn)),
            }
        }
    }

    #[tokio::test]
    async fn frames_are_the_same_however_they_are_cut() {
        let payload = [7_u8; 1_000];
        let sent = [
            frame(Kind::Head, &[1; 16]),
            head_of_data(payload.len()),
            Bytes::copy_from_slice(&payload),
            head_of_data(0),
            frame(Kind::End, &[]),
            frame(Kind::Judged, &[9]),
        ]
        .concat();
        for step in [1, 2, 3, 4, 5, 6, 7, 100, sent.len()] {
            let (events, torn) = read(&sent, step).await;
            assert_eq!(torn, None, "{step}");
            let expected = [
                Event::Whole(Kind::Head, Bytes::copy_from_slice(&[1; 16])),
                Event::Data(Bytes::copy_from_slice(&payload)),
                Event::Whole(Kind::End, Bytes::new()),
                Event::Whole(Kind::Judged, Bytes::from_static(&[9])),
            ];
            assert_eq!(events, expected, "{step}");
        }
    }

    #[tokio::test]
    async fn what_is_cut_too_large_or_strange_is_told() {
        let whole = frame(Kind::Head, &[1; 16]);
        for end in 1..whole.len() {
            let (events, torn) = read(&whole[..end], 3).await;
            assert!(events.is_empty());
            assert!(matches!(torn, Some(Torn::Broken(_))), "{end}: {torn:?}");
        }
        let (_, torn) = read(&frame(Kind::Head, &[1; 17]), 64).await;
        let (bytes, most) = (17, 16);
        assert_eq!(torn, Some(Torn::TooLarge { bytes, most }));
        let (_, torn) = read(&head_of_data(3), 64).await;
        assert!(matches!(torn, Some(Torn::Broken(_))), "{torn:?}");
        for kind in [0, 8, 255] {
            let (_, torn) = read(&[kind, 0, 0, 0, 0], 64).await;
            assert_eq!(torn, Some(Torn::Strange), "{kind}");
        }
    }
}
