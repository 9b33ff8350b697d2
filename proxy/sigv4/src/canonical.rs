//! The canonical request: the one text that both sides sign, fed to SHA-256 as it is written.
//!
//! For S3 the path is decoded and encoded once, and never normalised. The generic rules of other services exist
//! here only for the published vectors.

use http::header::HOST;
use http::{HeaderMap, HeaderValue};
use sha2::{Digest, Sha256};
use smallvec::SmallVec;

use crate::error::AuthError;
use crate::limits::QUERY_PARAMETERS_MAX;
use crate::presigned::pairs;
use crate::text::split;

#[cfg(test)]
mod vectors;

/// What a signature covers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Canonical<'a> {
    pub(crate) method: &'a str,
    /// The raw path.
    pub(crate) path: &'a str,
    /// The raw query.
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    /// What to sign as `Host`: a name, and a port to add to it.
    pub(crate) host: (&'a str, &'a str),
    /// The list of signed headers: in lower case, ascending, joined by `;`.
    pub(crate) signed_headers: &'a str,
    /// The hash of the body, or what stands in its place.
    pub(crate) payload: &'a str,
    pub(crate) path_style: PathStyle,
}

/// How a path is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PathStyle {
    /// Encoded once, never normalised.
    S3,
    /// As other services have it: encoded twice, and normalised or not.
    #[cfg(test)]
    Generic { normalize: bool },
}

impl Canonical<'_> {
    /// The SHA-256 of the canonical request.
    pub(crate) fn hash(&self) -> Result<[u8; 32], AuthError> {
        let mut sink = Sink::new();
        self.write(&mut sink)?;
        Ok(sink.finish())
    }

    fn write(&self, out: &mut impl Out) -> Result<(), AuthError> {
        out.push(self.method.as_bytes());
        out.push(b"\n");
        self.write_path(out)?;
        out.push(b"\n");
        write_query(self.query, out)?;
        out.push(b"\n");
        for name in split(self.signed_headers, b';') {
            self.write_header(name, out)?;
        }
        out.push(b"\n");
        out.push(self.signed_headers.as_bytes());
        out.push(b"\n");
        out.push(self.payload.as_bytes());
        Ok(())
    }

    fn write_path(&self, out: &mut impl Out) -> Result<(), AuthError> {
        let path = if self.path.is_empty() { "/" } else { self.path };
        match self.path_style {
            PathStyle::S3 => {
                recode(path.as_bytes(), Keep::PATH, out).ok_or(AuthError::MalformedPath)
            }
            #[cfg(test)]
            PathStyle::Generic { normalize } => {
                vectors::write_generic_path(path, normalize, out);
                Ok(())
            }
        }
    }

    /// Writes `name:value`, values of the same name joined by commas in the order in which they came.
    fn write_header(&self, name: &str, out: &mut impl Out) -> Result<(), AuthError> {
        out.push(name.as_bytes());
        out.push(b":");
        if name == HOST.as_str() {
            out.push(self.host.0.as_bytes());
            out.push(self.host.1.as_bytes());
        } else {
            let mut found = false;
            if self.headers.len() <= SCANNED_HEADERS_MAX {
                // Cheaper than to hash the name; values of one name keep their order.
                let named = self
                    .headers
                    .iter()
                    .filter(|(header, _)| header.as_str() == name);
                write_values(named.map(|(_, value)| value), &mut found, out);
            } else {
                write_values(self.headers.get_all(name).iter(), &mut found, out);
            }
            if !found {
                return Err(AuthError::SignedHeaderAbsent {
                    name: name.to_owned(),
                });
            }
        }
        out.push(b"\n");
        Ok(())
    }
}

/// Up to how many headers it is faster to look at each than to ask the map.
const SCANNED_HEADERS_MAX: usize = 32;

/// Writes the values of one name with commas between them.
fn write_values<'v>(
    values: impl Iterator<Item = &'v HeaderValue>,
    found: &mut bool,
    out: &mut impl Out,
) {
    for value in values {
        if std::mem::replace(found, true) {
            out.push(b",");
        }
        write_folded(value.as_bytes(), out);
    }
}

/// Writes a header's value without white space at its ends, and with one space for each run of it.
fn write_folded(value: &[u8], out: &mut impl Out) {
    let value = value.trim_ascii();
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let has_run = || value.contains(&b'\t') || value.windows(2).any(|pair| pair == b"  ");
    // Nearly every value has no white space at all.
    if memchr::memchr2(b' ', b'\t', value).is_none() || !has_run() {
        return out.push(value);
    }
    let mut words = value.split(is_space).filter(|word| !word.is_empty());
    if let Some(word) = words.next() {
        out.push(word);
    }
    for word in words {
        out.push(b" ");
        out.push(word);
    }
}

/// Writes a query: each name and value decoded and encoded once, ordered by name and then by value, without the
/// signature itself.
fn write_query(query: &str, out: &mut impl Out) -> Result<(), AuthError> {
    if query.is_empty() {
        return Ok(());
    }
    // All that is encoded, and where in it each name starts, ends, and its value ends.
    let mut text = Buffer::new();
    let mut parameters = SmallVec::<[(usize, usize, usize); 16]>::new();
    for (name, value) in pairs(query) {
        let start = text.len();
        recode(name.as_bytes(), Keep::QUERY, &mut text).ok_or(AuthError::MalformedQuery)?;
        let middle = text.len();
        if text.get(start..middle) == Some(b"X-Amz-Signature") {
            text.truncate(start);
            continue;
        }
        recode(value.as_bytes(), Keep::QUERY, &mut text).ok_or(AuthError::MalformedQuery)?;
        if parameters.len() == QUERY_PARAMETERS_MAX {
            return Err(AuthError::MalformedQuery);
        }
        parameters.push((start, middle, text.len()));
    }
    let parts = |&(start, middle, end): &(usize, usize, usize)| {
        (
            text.get(start..middle).unwrap_or(&[]),
            text.get(middle..end).unwrap_or(&[]),
        )
    };
    parameters.sort_unstable_by(|one, other| parts(one).cmp(&parts(other)));
    let mut between: &[u8] = b"";
    for parameter in &parameters {
        let (name, value) = parts(parameter);
        out.push(between);
        out.push(name);
        out.push(b"=");
        out.push(value);
        between = b"&";
    }
    Ok(())
}

/// What [`recode`] leaves as it is, and what a plus is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keep {
    slash: bool,
    plus_is_space: bool,
}

impl Keep {
    /// In a path `/` divides, and a plus is a plus.
    pub(crate) const PATH: Self = Self {
        slash: true,
        plus_is_space: false,
    };
    /// In a query a slash is encoded, and a plus is a space, as in a form.
    pub(crate) const QUERY: Self = Self {
        slash: false,
        plus_is_space: true,
    };

    #[expect(
        clippy::indexing_slicing,
        reason = "the table has a place for every byte"
    )]
    const fn is_kept(self, byte: u8) -> bool {
        UNRESERVED[byte as usize] || (self.slash && byte == b'/')
    }
}

/// Which bytes are never encoded. Source: RFC 3986, section 2.3, which "Signature Calculations" takes over.
#[expect(
    clippy::indexing_slicing,
    reason = "the table has a place for every byte"
)]
const UNRESERVED: [bool; 256] = {
    let mut kept = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        kept[byte as usize] =
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        byte += 1;
    }
    kept
};

/// Decodes `raw` and encodes it again, once. Nothing where a `%` is not followed by two hex digits.
pub(crate) fn recode(raw: &[u8], keep: Keep, out: &mut impl Out) -> Option<()> {
    let mut rest = raw;
    while !rest.is_empty() {
        let run = rest
            .iter()
            .position(|&byte| !keep.is_kept(byte))
            .unwrap_or(rest.len());
        let (plain, other) = rest.split_at_checked(run)?;
        out.push(plain);
        let Some((&byte, after)) = other.split_first() else {
            break;
        };
        rest = after;
        let byte = match byte {
            b'%' => {
                let (&[high, low], after) = rest.split_first_chunk::<2>()?;
                rest = after;
                hex_value(high)? << 4 | hex_value(low)?
            }
            b'+' if keep.plus_is_space => b' ',
            byte => byte,
        };
        if keep.is_kept(byte) {
            out.push(&[byte]);
        } else {
            out.push(&encoded(byte));
        }
    }
    Some(())
}

/// Encodes `plain`, which is not encoded yet.
pub(crate) fn encode(plain: &[u8], keep: Keep, out: &mut impl Out) {
    for &byte in plain {
        if keep.is_kept(byte) {
            out.push(&[byte]);
        } else {
            out.push(&encoded(byte));
        }
    }
}

const fn encoded(byte: u8) -> [u8; 3] {
    [b'%', upper_hex(byte >> 4), upper_hex(byte & 15)]
}

const fn upper_hex(value: u8) -> u8 {
    if value < 10 {
        b'0' + value
    } else {
        b'A' + value - 10
    }
}

const fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Where a canonical text goes.
pub(crate) trait Out {
    /// Appends `bytes`.
    fn push(&mut self, bytes: &[u8]);
}

/// Room on the stack for what must be sorted before it is hashed.
type Buffer = SmallVec<[u8; 512]>;

impl Out for Buffer {
    fn push(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

impl Out for Vec<u8> {
    fn push(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// SHA-256 behind a small buffer: a canonical request comes in pieces of a few bytes, and the hash is fastest
/// with several blocks at once.
struct Sink {
    hash: Sha256,
    buffer: [u8; Self::BYTES],
    used: usize,
}

impl Sink {
    const BYTES: usize = 512;

    fn new() -> Self {
        Self {
            hash: Sha256::new(),
            buffer: [0; Self::BYTES],
            used: 0,
        }
    }

    fn flush(&mut self) {
        self.hash
            .update(self.buffer.get(..self.used).unwrap_or(&[]));
        self.used = 0;
    }

    fn finish(mut self) -> [u8; 32] {
        self.flush();
        self.hash.finalize().into()
    }
}

impl Out for Sink {
    fn push(&mut self, bytes: &[u8]) {
        if let Some(room) = self.buffer.get_mut(self.used..self.used + bytes.len()) {
            room.copy_from_slice(bytes);
            self.used += bytes.len();
        } else {
            self.flush();
            self.hash.update(bytes);
        }
    }
}
