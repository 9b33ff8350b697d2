//! The `aws-chunked` framing: `size[;chunk-signature=…]\r\n data \r\n`, to a last chunk of no bytes, and trailers.
//!
//! Data is handed out before the signature of its chunk is known, so that no chunk is held in memory; the last
//! piece of a chunk is held back until the signature fits. The obligation is the caller's: commit nothing before
//! [`ChunkDecoder::finish`] has returned without error.

use std::fmt;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest, Sha256};
use smallvec::SmallVec;
use subtle::ConstantTimeEq;

use crate::body::BodyError;
use crate::key::{Signature, SigningKey, hex_of};
use crate::limits::{CHUNK_LINE_BYTES_MAX, TRAILER_BYTES_MAX};
use crate::payload::Framing;
use crate::time::Timestamp;

/// Takes the framing off a body, and verifies what it can.
#[derive(Debug)]
pub struct ChunkDecoder {
    framing: Framing,
    /// Bytes that are still to come before the declared length is reached.
    remaining: u64,
    signing: Option<Signing>,
    state: State,
    /// The line that is being read, without its line break.
    line: SmallVec<[u8; CHUNK_LINE_BYTES_MAX]>,
    trailers: Trailers,
}

#[derive(Debug)]
struct Signing {
    chain: Chain,
    trailer: bool,
    /// The hash of the chunk that is being read, and what it must be signed with.
    hash: Sha256,
    claimed: Option<Signature>,
}

#[derive(Debug, Default)]
struct Trailers {
    bytes: usize,
    headers: HeaderMap,
    /// As they are signed: `name:value\n` each.
    canonical: Vec<u8>,
    claimed: Option<Signature>,
    /// The line before ended in a line feed alone.
    after_bare_feed: bool,
}

#[derive(Debug, Clone)]
enum State {
    /// In the line before a chunk.
    Line,
    /// In a chunk, with so many bytes to come.
    Data(u64),
    /// After a chunk: `\r\n`, of which so many bytes have come.
    DataEnd(u8),
    /// After the last chunk.
    Trailer,
    /// After the empty line that ends it all.
    Done,
    Failed(BodyError),
}

impl ChunkDecoder {
    /// For chunks without signatures.
    pub fn unsigned(framing: Framing) -> Self {
        Self::new(framing, None)
    }

    pub(crate) fn signed(framing: Framing, chain: Chain, trailer: bool) -> Self {
        Self::new(
            framing,
            Some(Signing {
                chain,
                trailer,
                hash: Sha256::new(),
                claimed: None,
            }),
        )
    }

    fn new(framing: Framing, signing: Option<Signing>) -> Self {
        Self {
            remaining: framing.decoded_length(),
            framing,
            signing,
            state: State::Line,
            line: SmallVec::new(),
            trailers: Trailers::default(),
        }
    }

    /// Bytes of the object, as declared.
    pub const fn decoded_length(&self) -> u64 {
        self.framing.decoded_length()
    }

    /// Takes bytes from the front of `input` and gives out the next piece of data. Nothing means that `input` is
    /// used up. After an error each call returns that error.
    pub fn push(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, BodyError> {
        let result = self.advance(input);
        if let Err(error) = &result {
            self.state = State::Failed(error.clone());
        }
        result
    }

    /// Ends the body, and gives out the trailers. Only now is everything verified.
    pub fn finish(&mut self) -> Result<HeaderMap, BodyError> {
        match &self.state {
            State::Done => Ok(std::mem::take(&mut self.trailers.headers)),
            State::Failed(error) => Err(error.clone()),
            State::Line | State::Data(_) | State::DataEnd(_) | State::Trailer => {
                self.state = State::Failed(BodyError::Truncated);
                Err(BodyError::Truncated)
            }
        }
    }

    fn advance(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, BodyError> {
        while !input.is_empty() {
            match &mut self.state {
                State::Line => {
                    let end = read_line(&mut self.line, input, CHUNK_LINE_BYTES_MAX)
                        .map_err(|LineTooLong| BodyError::MalformedChunk)?;
                    if let Some(end) = end {
                        self.begin_chunk(end)?;
                    }
                }
                State::Data(left) => {
                    let take = usize::try_from(*left)
                        .unwrap_or(usize::MAX)
                        .min(input.len());
                    let piece = input.split_to(take);
                    *left = left.saturating_sub(u64::try_from(take).unwrap_or(u64::MAX));
                    let ended = *left == 0;
                    if let Some(signing) = &mut self.signing {
                        signing.hash.update(&piece);
                        if ended {
                            signing.check_chunk()?;
                        }
                    }
                    if ended {
                        self.state = State::DataEnd(0);
                    }
                    return Ok(Some(piece));
                }
                State::DataEnd(seen) => {
                    let expected = if *seen == 0 { b'\r' } else { b'\n' };
                    if input.first() != Some(&expected) {
                        return Err(BodyError::MalformedChunk);
                    }
                    input.advance(1);
                    self.state = if *seen == 0 {
                        State::DataEnd(1)
                    } else {
                        State::Line
                    };
                }
                State::Trailer => self.read_trailer(input)?,
                State::Done => return Err(BodyError::AfterEnd),
                State::Failed(error) => return Err(error.clone()),
            }
        }
        match &self.state {
            State::Failed(error) => Err(error.clone()),
            _ => Ok(None),
        }
    }

    /// Reads the line before a chunk.
    fn begin_chunk(&mut self, end: LineEnd) -> Result<(), BodyError> {
        let malformed = BodyError::MalformedChunk;
        if end == LineEnd::Bare {
            return Err(malformed);
        }
        let line = std::mem::take(&mut self.line);
        let size = match &mut self.signing {
            None => line.as_slice(),
            Some(signing) => {
                let at = line
                    .iter()
                    .position(|&byte| byte == b';')
                    .ok_or(malformed.clone())?;
                let (size, extension) = line.split_at_checked(at).ok_or(malformed.clone())?;
                signing.claimed = extension
                    .strip_prefix(b";chunk-signature=")
                    .and_then(Signature::parse)
                    .ok_or(malformed.clone())
                    .map(Some)?;
                size
            }
        };
        let size = hexadecimal(size).ok_or(malformed)?;
        let declared = self.framing.decoded_length();
        self.remaining = self
            .remaining
            .checked_sub(size)
            .ok_or(BodyError::TooLong { declared })?;
        if size > 0 {
            self.state = State::Data(size);
            return Ok(());
        }
        // The last chunk has a signature too, so that nobody can cut the body at a chunk's end.
        if let Some(signing) = &mut self.signing {
            signing.check_chunk()?;
        }
        if self.remaining > 0 {
            let received = declared - self.remaining;
            return Err(BodyError::TooShort { declared, received });
        }
        self.state = State::Trailer;
        Ok(())
    }

    fn read_trailer(&mut self, input: &mut Bytes) -> Result<(), BodyError> {
        let before = input.len();
        let max = TRAILER_BYTES_MAX - self.trailers.bytes.min(TRAILER_BYTES_MAX);
        let end = read_line(&mut self.line, input, max)
            .map_err(|LineTooLong| BodyError::TrailersTooLong)?;
        let Some(end) = end else { return Ok(()) };
        self.trailers.bytes += self.line.len() + before.saturating_sub(input.len()).min(2);
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.trailers.after_bare_feed = end == LineEnd::Bare;
            let signed = self.signing.as_ref().is_some_and(|signing| signing.trailer);
            return self.trailers.add(&line, signed, self.framing.trailers());
        }
        match end {
            LineEnd::Bare => Err(BodyError::MalformedTrailer),
            // minio-go ends a trailer with "\n\r\n".
            LineEnd::Full if std::mem::take(&mut self.trailers.after_bare_feed) => Ok(()),
            LineEnd::Full => self.end(),
        }
    }

    /// Checks that the trailers are those that were declared, and that they are signed.
    fn end(&mut self) -> Result<(), BodyError> {
        let absent = |name: &&HeaderName| !self.trailers.headers.contains_key(*name);
        if let Some(name) = self.framing.trailers().iter().find(absent) {
            return Err(BodyError::TrailerAbsent { name: name.clone() });
        }
        if let Some(signing) = &mut self.signing
            && signing.trailer
        {
            signing
                .chain
                .check_trailer(&self.trailers.canonical, self.trailers.claimed)?;
        }
        self.state = State::Done;
        Ok(())
    }
}

impl Signing {
    fn check_chunk(&mut self) -> Result<(), BodyError> {
        let hash = self.hash.finalize_reset().into();
        let claimed = self.claimed.take().ok_or(BodyError::ChunkSignature)?;
        self.chain.check_chunk(&hash, claimed)
    }
}

impl Trailers {
    fn add(&mut self, line: &[u8], signed: bool, declared: &[HeaderName]) -> Result<(), BodyError> {
        let malformed = BodyError::MalformedTrailer;
        // The signature is the last line.
        if self.claimed.is_some() {
            return Err(malformed);
        }
        let at = line
            .iter()
            .position(|&byte| byte == b':')
            .ok_or(malformed.clone())?;
        let (name, value) = line.split_at_checked(at).ok_or(malformed.clone())?;
        let value = trimmed(value.get(1..).unwrap_or(&[]));
        if signed && name.eq_ignore_ascii_case(b"x-amz-trailer-signature") {
            self.claimed = Some(Signature::parse(value).ok_or(malformed)?);
            return Ok(());
        }
        let name = HeaderName::from_bytes(name).map_err(|_| malformed.clone())?;
        if !declared.contains(&name) || self.headers.contains_key(&name) {
            return Err(BodyError::TrailerUndeclared {
                name: name.as_str().to_owned(),
            });
        }
        self.canonical.extend_from_slice(name.as_str().as_bytes());
        self.canonical.push(b':');
        self.canonical.extend_from_slice(value);
        self.canonical.push(b'\n');
        self.headers
            .insert(name, HeaderValue::from_bytes(value).map_err(|_| malformed)?);
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineEnd {
    /// `\r\n`
    Full,
    /// `\n`
    Bare,
}

/// A line that is longer than it may be.
struct LineTooLong;

/// Moves bytes from `input` to `line` up to a line feed, of which it tells the kind. `None` where the line has not
/// ended yet.
fn read_line<const N: usize>(
    line: &mut SmallVec<[u8; N]>,
    input: &mut Bytes,
    max: usize,
) -> Result<Option<LineEnd>, LineTooLong> {
    let feed = memchr::memchr(b'\n', input);
    let taken = input.split_to(feed.unwrap_or(input.len()));
    // One more for the carriage return.
    if line.len() + taken.len() > max + 1 {
        return Err(LineTooLong);
    }
    line.extend_from_slice(&taken);
    if feed.is_none() {
        return Ok(None);
    }
    input.advance(1);
    if line.last() == Some(&b'\r') {
        line.pop();
        return Ok(Some(LineEnd::Full));
    }
    Ok(Some(LineEnd::Bare))
}

/// `value` without spaces at its ends.
fn trimmed(mut value: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] | [rest @ .., b' '] = value {
        value = rest;
    }
    value
}

/// Reads one to sixteen hex digits.
fn hexadecimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 16 || !text.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(text).ok()?, 16).ok()
}

/// The chain of chunk signatures: each covers the one before, the first that of the head.
pub(crate) struct Chain {
    key: Arc<SigningKey>,
    /// `time\nscope\n`
    preamble: String,
    previous: Signature,
}

impl Chain {
    pub(crate) fn new(key: Arc<SigningKey>, time: Timestamp, seed: Signature) -> Self {
        let preamble = format!("{time}\n{}\n", key.scope());
        Self {
            key,
            preamble,
            previous: seed,
        }
    }

    /// Signs a chunk by its hash, and goes on from there.
    pub(crate) fn sign_chunk(&mut self, hash: &[u8; 32]) -> Signature {
        let signature = self.key.mac(&[
            b"AWS4-HMAC-SHA256-PAYLOAD\n",
            self.preamble.as_bytes(),
            &self.previous.to_hex(),
            b"\ne3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n",
            &hex_of(hash),
        ]);
        self.previous = signature;
        signature
    }

    /// Signs the trailers. S3's own example prints a signature that was made with the label of a chunk; the label
    /// in its text, which this is, is the one that clients use.
    pub(crate) fn sign_trailer(&self, canonical: &[u8]) -> Signature {
        self.key.mac(&[
            b"AWS4-HMAC-SHA256-TRAILER\n",
            self.preamble.as_bytes(),
            &self.previous.to_hex(),
            b"\n",
            &hex_of(&Sha256::digest(canonical).into()),
        ])
    }

    fn check_chunk(&mut self, hash: &[u8; 32], claimed: Signature) -> Result<(), BodyError> {
        let actual = self.sign_chunk(hash);
        if bool::from(actual.ct_eq(&claimed)) {
            Ok(())
        } else {
            Err(BodyError::ChunkSignature)
        }
    }

    fn check_trailer(&self, canonical: &[u8], claimed: Option<Signature>) -> Result<(), BodyError> {
        let actual = self.sign_trailer(canonical);
        match claimed {
            Some(claimed) if bool::from(actual.ct_eq(&claimed)) => Ok(()),
            Some(_) | None => Err(BodyError::TrailerSignature),
        }
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
