//! The name of one request: what the client sees in `x-amz-request-id` and an operator gives to `explain`.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderValue;

/// Sixteen upper-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId([u8; 16]);

/// A text that is not a request id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a request id has 16 upper-case hexadecimal digits")]
pub struct NotARequestId;

impl RequestId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        // INVARIANT: the constructors write hexadecimal digits alone, which are UTF-8.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The id as the value of `x-amz-request-id`.
    pub fn to_header(&self) -> HeaderValue {
        // INVARIANT: hexadecimal digits are visible ASCII, so the fallback is never taken.
        HeaderValue::from_bytes(&self.0).unwrap_or(HeaderValue::from_static("0000000000000000"))
    }

    /// The id as a number.
    pub fn number(&self) -> u64 {
        u64::from_str_radix(self.as_str(), 16).unwrap_or(0)
    }
}

impl From<u64> for RequestId {
    fn from(number: u64) -> Self {
        let mut digits = [0; 16];
        for (digit, shift) in digits.iter_mut().zip((0..16).rev()) {
            let nibble = u8::try_from((number >> (shift * 4)) & 15).unwrap_or(0);
            *digit = if nibble < 10 {
                b'0' + nibble
            } else {
                b'A' + nibble - 10
            };
        }
        Self(digits)
    }
}

impl FromStr for RequestId {
    type Err = NotARequestId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits: [u8; 16] = text.as_bytes().try_into().map_err(|_| NotARequestId)?;
        let proper = |b: &u8| b.is_ascii_digit() || (b'A'..=b'F').contains(b);
        if digits.iter().all(proper) {
            Ok(Self(digits))
        } else {
            Err(NotARequestId)
        }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({self})")
    }
}

/// Makes ids: a counter from a random start, mixed by a bijection, so that no two requests of one run share an id and
/// neighbours do not look alike.
#[derive(Debug)]
pub(super) struct Ids(AtomicU64);

impl Ids {
    /// Ids that start at `seed`.
    pub(super) const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// The next id.
    pub(super) fn next(&self) -> RequestId {
        // The finalizer of SplitMix64 (Steele, Lea, Flood 2014): each step is invertible, so distinct counts stay distinct.
        let mut z = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        RequestId::from(z ^ (z >> 31))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn an_id_reads_back_as_itself() {
        for number in [0, 1, 0x0123_4567_89AB_CDEF, u64::MAX] {
            let id = RequestId::from(number);
            assert_eq!(id.as_str(), format!("{number:016X}"));
            assert_eq!((id.as_str().parse(), id.number()), (Ok(id), number));
            assert_eq!(id.to_header().as_bytes(), id.as_str().as_bytes());
        }
    }

    #[test]
    fn other_texts_are_not_ids() {
        for text in [
            "",
            "0",
            "0123456789abcdef",
            "0123456789ABCDEFF",
            "012345678 ABCDEF",
        ] {
            assert_eq!(text.parse::<RequestId>(), Err(NotARequestId), "{text}");
        }
    }

    #[test]
    fn ids_do_not_repeat() {
        let ids = Ids::new(7);
        let made: HashSet<_> = (0..100_000).map(|_| ids.next()).collect();
        assert_eq!(made.len(), 100_000);
    }
}
