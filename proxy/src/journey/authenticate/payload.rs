//! A body, verified while it flows: what comes out are the object's bytes, then the checksums that followed them. The end comes
//! only after everything was verified, so that whoever stores the bytes may commit at the end and not before.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use s3_protocol::call::BodyDigests;
use s3_protocol::checksum::{ChecksumAlgorithm, Hasher};
use s3_protocol::{S3Code, S3Error};
use sigv4::BodyVerifier;

use super::super::refusal;
use super::form::FormFile;
use crate::edge::Intake;

/// Longest body, in bytes, of a request whose body means nothing. Source: ours; tools send a few bytes, if any.
const UNUSED_BYTES_MAX: usize = 64 * 1_024;

/// The body of a request, less its framing.
#[derive(Debug)]
pub(in crate::journey) struct Payload {
    wire: Option<Wire>,
    verifier: BodyVerifier,
    pending: Bytes,
    length: Option<u64>,
}

/// Where a payload comes from.
#[derive(Debug)]
enum Wire {
    Body(Intake),
    Form(Box<FormFile>),
}

impl Wire {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, S3Error>>> {
        match self {
            Self::Body(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            Self::Form(file) => file.poll_frame(cx),
        }
    }
}

impl Wire {
    fn is_end_stream(&self) -> bool {
        match self {
            Self::Body(body) => body.is_end_stream(),
            Self::Form(_) => false,
        }
    }
}

impl Payload {
    /// The body that `verifier` verifies, of `length` bytes where the head says so.
    pub(super) fn new(wire: Intake, verifier: BodyVerifier, length: Option<u64>) -> Self {
        Self {
            wire: Some(Wire::Body(wire)),
            verifier,
            pending: Bytes::new(),
            length,
        }
    }

    /// The file of a form.
    pub(super) fn of_form(file: FormFile, verifier: BodyVerifier) -> Self {
        Self {
            wire: Some(Wire::Form(Box::new(file))),
            verifier,
            pending: Bytes::new(),
            length: None,
        }
    }

    /// No body.
    pub(in crate::journey) fn none() -> Self {
        Self {
            wire: None,
            verifier: BodyVerifier::Unsigned,
            pending: Bytes::new(),
            length: Some(0),
        }
    }

    /// Reads a body that means nothing to its end, as far as [`UNUSED_BYTES_MAX`]: a digest that was signed must fit.
    ///
    /// # Errors
    /// What the body itself fails with, or [`S3Code::MaxMessageLengthExceeded`].
    pub(in crate::journey) async fn nothing(mut self) -> Result<Self, S3Error> {
        let ended = self.wire.as_ref().is_none_or(Wire::is_end_stream);
        if ended && self.pending.is_empty() {
            // As nearly always: there is nothing to read, and the digest of nothing to compare.
            self.finish().transpose()?;
        } else {
            Box::pin(self.document(&BodyDigests::default(), UNUSED_BYTES_MAX)).await?;
        }
        Ok(Self::none())
    }

    /// Reads a document whole, of at most `bytes_max` bytes, and compares it with what the head and the trailers say of it.
    ///
    /// # Errors
    /// What the body itself fails with, [`S3Code::MaxMessageLengthExceeded`], or a digest that differs.
    pub(in crate::journey) async fn document(
        mut self,
        digests: &BodyDigests,
        bytes_max: usize,
    ) -> Result<Bytes, S3Error> {
        let too_long = || S3Error::new(S3Code::MaxMessageLengthExceeded);
        if self.length.is_some_and(|length| length > bytes_max as u64) {
            return Err(too_long());
        }
        let (mut whole, mut trailers) = (Vec::new(), HeaderMap::new());
        while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut self).poll_frame(cx)).await
        {
            match frame?.into_data() {
                Ok(data) if whole.len() + data.len() > bytes_max => return Err(too_long()),
                Ok(data) => whole.extend_from_slice(&data),
                Err(frame) => trailers = frame.into_trailers().unwrap_or_default(),
            }
        }
        compare(&whole, digests, &trailers)?;
        Ok(whole.into())
    }

    /// The next piece of the object, or nothing when what arrived is used up.
    fn verified(&mut self) -> Option<Result<Bytes, S3Error>> {
        loop {
            match self.verifier.push(&mut self.pending) {
                Ok(None) => return None,
                Ok(Some(piece)) if piece.is_empty() => {}
                Ok(Some(piece)) => return Some(Ok(piece)),
                Err(cause) => return Some(Err(refusal::body(&cause))),
            }
        }
    }

    fn finish(&mut self) -> Option<Result<Frame<Bytes>, S3Error>> {
        match self.verifier.finish() {
            Ok(trailers) if trailers.is_empty() => None,
            Ok(trailers) => Some(Ok(Frame::trailers(trailers))),
            Err(cause) => Some(Err(refusal::body(&cause))),
        }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = S3Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, S3Error>>> {
        let this = self.get_mut();
        loop {
            if let Some(piece) = this.verified() {
                return Poll::Ready(Some(piece.map(Frame::data)));
            }
            let Some(wire) = this.wire.as_mut() else {
                return Poll::Ready(None);
            };
            match ready!(wire.poll_frame(cx)) {
                Some(Ok(frame)) => {
                    // Trailers of HTTP itself are not signed, and S3 has none: they are dropped.
                    if let Ok(data) = frame.into_data() {
                        this.pending = data;
                    }
                }
                Some(Err(cause)) => {
                    this.wire = None;
                    return Poll::Ready(Some(Err(cause)));
                }
                None => {
                    this.wire = None;
                    return Poll::Ready(this.finish());
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.wire.is_none() && self.pending.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.length
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// Compares a document with its digests. A trailer that was declared is compared like a header.
fn compare(document: &[u8], digests: &BodyDigests, trailers: &HeaderMap) -> Result<(), S3Error> {
    if let Some(md5) = digests.md5
        && Hasher::of(ChecksumAlgorithm::Md5, document).value != md5
    {
        return Err(S3Code::BadDigest.into());
    }
    let in_trailer = digests.trailer.and_then(|algorithm| {
        let value = trailers.get(algorithm.header())?.to_str().ok()?;
        Some(
            algorithm
                .parse_value(value)
                .map_err(|_| algorithm.refusal()),
        )
    });
    for declared in digests
        .checksum
        .clone()
        .map(Ok)
        .into_iter()
        .chain(in_trailer)
    {
        let declared = declared?;
        if Hasher::of(declared.algorithm, document).value != declared.value {
            return Err(declared.algorithm.mismatch());
        }
    }
    Ok(())
}
