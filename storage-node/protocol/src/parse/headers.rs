//! Single headers: each at most once, each with one reading.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue};

use super::query::number;
use crate::call::{ByteRange, Conditions, IfRange, TagMatch};
use crate::checksum::{Checksum, ChecksumAlgorithm};
use crate::date;
use crate::error::{S3Code, S3Error};

/// The header's value. One that comes twice is refused: the signature may have seen another than we.
pub(crate) fn one<'h>(
    headers: &'h HeaderMap,
    name: &'static str,
) -> Result<Option<&'h HeaderValue>, S3Error> {
    // A look at each costs less than to hash the name: there are ten or twenty.
    let mut values = headers
        .iter()
        .filter(|(found, _)| found.as_str() == name)
        .map(|(_, value)| value);
    let first = values.next();
    match values.next() {
        None => Ok(first),
        Some(second) => {
            let value = String::from_utf8_lossy(second.as_bytes()).into_owned();
            Err(S3Error::argument("A header is given twice", name, value))
        }
    }
}

/// The header's value as text.
pub(super) fn text_of(headers: &HeaderMap, name: &'static str) -> Result<Option<String>, S3Error> {
    Ok(one(headers, name)?.map(|value| text(value).into_owned()))
}

/// A value as text: UTF-8 where it is, else each byte is a character (ISO 8859-1), which is what HTTP once meant.
pub(super) fn text(value: &HeaderValue) -> Cow<'_, str> {
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(value.as_bytes().iter().copied().map(char::from).collect()),
    }
}

/// `If-Match` and its sisters.
pub(super) fn conditions(headers: &HeaderMap) -> Result<Conditions, S3Error> {
    // One look instead of four: most requests have none.
    if !headers.keys().any(|name| name.as_str().starts_with("if-")) {
        return Ok(Conditions::default());
    }
    Ok(Conditions {
        if_match: tags(headers, "if-match"),
        if_none_match: tags(headers, "if-none-match"),
        if_modified_since: time(headers, "if-modified-since")?,
        if_unmodified_since: time(headers, "if-unmodified-since")?,
    })
}

/// `x-amz-copy-source-if-*`.
pub(super) fn source_conditions(headers: &HeaderMap) -> Result<Conditions, S3Error> {
    Ok(Conditions {
        if_match: tags(headers, "x-amz-copy-source-if-match"),
        if_none_match: tags(headers, "x-amz-copy-source-if-none-match"),
        if_modified_since: time(headers, "x-amz-copy-source-if-modified-since")?,
        if_unmodified_since: time(headers, "x-amz-copy-source-if-unmodified-since")?,
    })
}

/// Entity tags: several headers and several members are one list. Source: RFC 9110, section 13.1.1.
pub(super) fn tags(headers: &HeaderMap, name: &str) -> Option<TagMatch> {
    let mut found = Vec::new();
    for value in headers.get_all(name) {
        for member in text(value).split(',') {
            match member.trim() {
                "" => {}
                "*" => return Some(TagMatch::Any),
                tag => found.push(tag_text(tag).to_owned()),
            }
        }
    }
    (!found.is_empty()).then_some(TagMatch::OneOf(found))
}

/// A tag without its weak mark and its quotes; S3's clients also send it bare.
fn tag_text(tag: &str) -> &str {
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    tag.strip_prefix('"')
        .and_then(|tag| tag.strip_suffix('"'))
        .unwrap_or(tag)
}

/// A date; one that is none is ignored. Source: RFC 9110, section 13.1.3.
fn time(headers: &HeaderMap, name: &'static str) -> Result<Option<i64>, S3Error> {
    Ok(one(headers, name)?.and_then(|value| date::parse_http(&text(value))))
}

/// `Range`: one range of bytes. What S3 does not read (another unit, several ranges, nonsense) is ignored, as RFC 9110,
/// section 14.2 wants it.
pub(super) fn range(headers: &HeaderMap) -> Result<Option<ByteRange>, S3Error> {
    Ok(one(headers, "range")?.and_then(|value| parse_range(&text(value))))
}

fn parse_range(text: &str) -> Option<ByteRange> {
    let (unit, range) = text.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.split_once('-')?;
    match (first.trim(), last.trim()) {
        ("", last) => Some(ByteRange::Last(offset(last)?)),
        (first, "") => Some(ByteRange::From(offset(first)?)),
        (first, last) => {
            let (first, last) = (offset(first)?, offset(last)?);
            (first <= last).then_some(ByteRange::FromTo(first, last))
        }
    }
}

/// Digits; a number past the largest is past every object's end.
fn offset(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

/// `If-Range`.
pub(super) fn if_range(headers: &HeaderMap) -> Result<Option<IfRange>, S3Error> {
    Ok(one(headers, "if-range")?.map(|value| {
        let value = text(value);
        let value = value.trim();
        match date::parse_http(value) {
            Some(time) => IfRange::Date(time),
            None if value.starts_with("W/") || value.is_empty() => IfRange::Never,
            None => IfRange::Tag(tag_text(value).to_owned()),
        }
    }))
}

/// `Content-MD5`.
pub(super) fn content_md5(headers: &HeaderMap) -> Result<Option<[u8; 16]>, S3Error> {
    let Some(value) = one(headers, "content-md5")? else {
        return Ok(None);
    };
    let digest = STANDARD.decode(value.as_bytes()).ok();
    match digest.and_then(|digest| digest.try_into().ok()) {
        Some(digest) => Ok(Some(digest)),
        None => Err(S3Error::with(
            S3Code::InvalidDigest,
            "The Content-MD5 you specified is not valid.",
        )
        .and("Content-MD5", text(value))),
    }
}

/// The one `x-amz-checksum-*` of an algorithm, read by `parse`.
pub(super) fn checksum(
    headers: &HeaderMap,
    parse: impl Fn(ChecksumAlgorithm, &str) -> Option<Checksum>,
) -> Result<Option<Checksum>, S3Error> {
    let mut found = None;
    for (name, value) in headers {
        // A look at the prefix first: most headers are none of these.
        if !name.as_str().starts_with("x-amz-checksum-") {
            continue;
        }
        let Some(algorithm) = ChecksumAlgorithm::from_header(name.as_str()) else {
            continue;
        };
        let checksum = parse(algorithm, &text(value)).ok_or_else(|| algorithm.refusal())?;
        if found.replace(checksum).is_some() {
            return Err(several_checksums());
        }
    }
    Ok(found)
}

pub(super) fn several_checksums() -> S3Error {
    S3Error::with(
        S3Code::InvalidRequest,
        "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
    )
}

/// `x-amz-trailer`: the checksum that follows the payload.
pub(super) fn trailer(headers: &HeaderMap) -> Result<Option<ChecksumAlgorithm>, S3Error> {
    let Some(value) = one(headers, "x-amz-trailer")? else {
        return Ok(None);
    };
    match ChecksumAlgorithm::from_header(text(value).trim()) {
        Some(algorithm) => Ok(Some(algorithm)),
        None => Err(S3Error::with(
            S3Code::InvalidRequest,
            "The value specified in the x-amz-trailer header is not supported",
        )),
    }
}

/// A header of digits, such as a length.
pub(super) fn digits(headers: &HeaderMap, name: &'static str) -> Result<Option<u64>, S3Error> {
    let Some(value) = one(headers, name)? else {
        return Ok(None);
    };
    let value = text(value);
    match number(value.trim()) {
        Some(number) => Ok(Some(number)),
        None => Err(S3Error::argument("A header is not a number", name, value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_as_s3_reads_it() {
        let cases = [
            ("bytes=0-0", Some(ByteRange::FromTo(0, 0))),
            ("bytes=5-", Some(ByteRange::From(5))),
            ("bytes=-5", Some(ByteRange::Last(5))),
            ("bytes=-0", Some(ByteRange::Last(0))),
            ("BYTES = 1 - 2", Some(ByteRange::FromTo(1, 2))),
            (
                "bytes=0-99999999999999999999",
                Some(ByteRange::FromTo(0, u64::MAX)),
            ),
            ("bytes=2-1", None),
            ("bytes=0-1,3-4", None),
            ("bytes=-", None),
            ("bytes=a-b", None),
            ("bytes=+1-2", None),
            ("bytes", None),
            ("lines=0-1", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_range(text), expected, "{text}");
        }
    }

    #[test]
    fn a_range_resolves_within_the_object() {
        let cases = [
            (ByteRange::FromTo(0, 99), 10, Some((0, 9))),
            (ByteRange::FromTo(9, 9), 10, Some((9, 9))),
            (ByteRange::FromTo(10, 12), 10, None),
            (ByteRange::From(9), 10, Some((9, 9))),
            (ByteRange::From(10), 10, None),
            (ByteRange::Last(3), 10, Some((7, 9))),
            (ByteRange::Last(30), 10, Some((0, 9))),
            (ByteRange::Last(0), 10, None),
            (ByteRange::FromTo(0, 0), 0, None),
            (ByteRange::From(0), 0, None),
            (ByteRange::Last(1), 0, None),
            (
                ByteRange::FromTo(0, u64::MAX),
                u64::MAX,
                Some((0, u64::MAX - 1)),
            ),
        ];
        for (range, size, expected) in cases {
            assert_eq!(range.resolve(size), expected, "{range:?} of {size}");
        }
    }

    #[test]
    fn a_tag_loses_its_mark_and_its_quotes() {
        for tag in ["\"abc\"", "W/\"abc\"", "abc"] {
            assert_eq!(tag_text(tag), "abc");
        }
        assert_eq!(tag_text("\"abc"), "\"abc");
    }
}
