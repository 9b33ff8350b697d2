//! Percent-encoding: decoded exactly once, strictly; written one way only.
//!
//! A `+` is a plus everywhere but in the values of a query, where forms write a space so. A `%` without two hexadecimal
//! digits is refused and never kept: two readers would not agree on what it means.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but the unreserved characters of RFC 3986 and `/`.
const KEY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// All but the unreserved characters of RFC 3986.
const VALUE: &AsciiSet = &KEY.add(b'/');

/// Why bytes cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PercentError {
    /// A `%` is not followed by two hexadecimal digits.
    #[error("a percent sign without two hexadecimal digits")]
    Digits,
    /// What comes out is not UTF-8.
    #[error("not UTF-8")]
    Utf8,
}

/// Decodes once; a plus stays a plus.
pub fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, PercentError> {
    if memchr::memchr(b'%', bytes).is_none() {
        return std::str::from_utf8(bytes)
            .map(Cow::Borrowed)
            .map_err(|_| PercentError::Utf8);
    }
    owned(bytes, |byte| byte).map(Cow::Owned)
}

/// Decodes a name or value of a query once; a plus is a space.
pub fn decode_query(bytes: &[u8]) -> Result<Cow<'_, str>, PercentError> {
    if memchr::memchr2(b'%', b'+', bytes).is_none() {
        return std::str::from_utf8(bytes)
            .map(Cow::Borrowed)
            .map_err(|_| PercentError::Utf8);
    }
    owned(bytes, |byte| if byte == b'+' { b' ' } else { byte }).map(Cow::Owned)
}

/// A key as `encoding-type=url` writes it, and as it stands in the path of a URL: a space is `%20`, a plus `%2B`, `/` kept.
pub fn encode_key(key: &str) -> Cow<'_, str> {
    utf8_percent_encode(key, KEY).into()
}

/// A value of a query.
pub fn encode_value(value: &str) -> Cow<'_, str> {
    utf8_percent_encode(value, VALUE).into()
}

fn owned(bytes: &[u8], plain: impl Fn(u8) -> u8) -> Result<String, PercentError> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter();
    while let Some(&byte) = rest.next() {
        if byte == b'%' {
            let (high, low) = (digit(rest.next()), digit(rest.next()));
            let (Some(high), Some(low)) = (high, low) else {
                return Err(PercentError::Digits);
            };
            decoded.push((high << 4) | low);
        } else {
            decoded.push(plain(byte));
        }
    }
    String::from_utf8(decoded).map_err(|_| PercentError::Utf8)
}

fn digit(byte: Option<&u8>) -> Option<u8> {
    match byte? {
        byte @ b'0'..=b'9' => Some(byte - b'0'),
        byte @ b'a'..=b'f' => Some(byte - b'a' + 10),
        byte @ b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_decodes_exactly_once() {
        assert_eq!(decode(b"a%2520b").unwrap(), "a%20b");
        assert_eq!(decode(b"a+b%2Bc%2fd").unwrap(), "a+b+c/d");
        assert_eq!(decode_query(b"a+b%2Bc").unwrap(), "a b+c");
        assert_eq!(decode(b"%01%00").unwrap(), "\u{1}\0");
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        for wrong in [b"%".as_slice(), b"%2", b"%zz", b"a%+1", b"%%20"] {
            assert_eq!(decode(wrong), Err(PercentError::Digits));
            assert_eq!(decode_query(wrong), Err(PercentError::Digits));
        }
        assert_eq!(decode(b"%ff"), Err(PercentError::Utf8));
        assert_eq!(decode(b"\xff"), Err(PercentError::Utf8));
        assert_eq!(decode(b"%C3%A4\xc3"), Err(PercentError::Utf8));
    }

    #[test]
    fn a_key_is_written_as_listings_write_it() {
        assert_eq!(
            encode_key("a b+c/d&\u{1}ä~*"),
            "a%20b%2Bc/d%26%01%C3%A4~%2A"
        );
        assert_eq!(encode_value("a/b"), "a%2Fb");
    }
}
