//! What a client sends never breaks out of its field: escaping for both formats, and what is never written at all.

use std::borrow::Cow;
use std::io::Write as _;

use http::{Uri, Version};
use percent_encoding::percent_decode_str;

use crate::limits::LOG_FIELD_BYTES_MAX;

/// Query parameters whose values are secrets, or let their finder repeat the request: the signature of a presigned URL, a
/// session token, keys that a customer encrypts with.
const SECRET_PARAMETERS: [&str; 5] = [
    "x-amz-signature",
    "x-amz-security-token",
    "x-amz-server-side-encryption-customer-key",
    "x-amz-copy-source-server-side-encryption-customer-key",
    "signature",
];

/// What stands in place of a secret.
const REDACTED: &str = "REDACTED";

/// The request target without secrets.
pub(super) fn target(uri: &Uri) -> Cow<'_, str> {
    let whole = uri.path_and_query().map_or("/", |target| target.as_str());
    let Some((path, query)) = whole.split_once('?') else {
        return Cow::Borrowed(whole);
    };
    if !query.split('&').any(is_secret) {
        return Cow::Borrowed(whole);
    }
    let kept: Vec<Cow<'_, str>> = query
        .split('&')
        .map(|parameter| match parameter.split_once('=') {
            Some((name, _)) if is_secret(parameter) => Cow::Owned(format!("{name}={REDACTED}")),
            _ => Cow::Borrowed(parameter),
        })
        .collect();
    Cow::Owned(format!("{path}?{}", kept.join("&")))
}

/// Whether a parameter's name, decoded as whoever reads the request decodes it, is that of a secret.
fn is_secret(parameter: &str) -> bool {
    let Some((name, _)) = parameter.split_once('=') else {
        return false;
    };
    // Most parameters are shorter than the shortest of them.
    if name.len() < "signature".len() {
        return false;
    }
    let decoded = percent_decode_str(name).decode_utf8_lossy();
    SECRET_PARAMETERS
        .iter()
        .any(|secret| decoded.trim().eq_ignore_ascii_case(secret))
}

/// A header's value as text, at most [`LOG_FIELD_BYTES_MAX`] bytes of it.
pub(super) fn header(value: &http::HeaderValue) -> Cow<'_, str> {
    let bytes = value.as_bytes();
    String::from_utf8_lossy(bytes.get(..LOG_FIELD_BYTES_MAX).unwrap_or(bytes))
}

/// The version of HTTP, as request lines have it.
pub(super) const fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "HTTP/0.9",
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        Version::HTTP_3 => "HTTP/3.0",
        _ => "HTTP/1.1",
    }
}

/// Writes a JSON string with its quotes. Control characters of every kind are escaped, also those that JSON allows and that
/// terminals and log viewers act upon (DEL, C1, line and paragraph separators, overrides of the text's direction).
pub(super) fn json(text: &str, out: &mut Vec<u8>) {
    json_of(&[text], out);
}

/// Writes the pieces of a JSON string, one after the other, with its quotes.
pub(super) fn json_of(pieces: &[&str], out: &mut Vec<u8>) {
    out.push(b'"');
    for piece in pieces {
        if is_plain(piece.as_bytes()) {
            out.extend_from_slice(piece.as_bytes());
        } else {
            escaped(piece, out);
        }
    }
    out.push(b'"');
}

/// Whether nothing needs to be escaped. Looks at every byte, without a branch for each, so that sixteen are looked at at
/// once: nearly every text is plain.
fn is_plain(text: &[u8]) -> bool {
    let odd = |byte: u8| {
        u8::from(byte.wrapping_sub(b' ') > b'~' - b' ')
            | u8::from(byte == b'"')
            | u8::from(byte == b'\\')
    };
    text.iter().fold(0, |found, &byte| found | odd(byte)) == 0
}

fn escaped(text: &str, out: &mut Vec<u8>) {
    for character in text.chars() {
        match character {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            character if is_unsafe(character) => {
                let mut units = [0; 2];
                for unit in character.encode_utf16(&mut units) {
                    written(write!(out, "\\u{unit:04x}"));
                }
            }
            character => push(character, out),
        }
    }
}

/// Writes a field of the text format: blanks, quotes, the escape sign itself and control characters as `%` and two
/// hexadecimal digits for each byte, so that fields can be told apart and taken back.
pub(super) fn field(text: &str, keep_blanks: bool, out: &mut Vec<u8>) {
    for character in text.chars() {
        let kept = character == ' ' && keep_blanks;
        if kept || (!character.is_whitespace() && character != '"' && !is_unsafe(character)) {
            push(character, out);
        } else {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                written(write!(out, "%{byte:02X}"));
            }
        }
    }
}

/// Whether a reader of the log could be deceived by the character.
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

fn push(character: char, out: &mut Vec<u8>) {
    let mut bytes = [0; 4];
    out.extend_from_slice(character.encode_utf8(&mut bytes).as_bytes());
}

/// Writing to memory cannot fail.
pub(super) fn written(result: std::io::Result<()>) {
    debug_assert!(result.is_ok(), "writing to memory cannot fail");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn redacted(uri: &str) -> String {
        target(&uri.parse().unwrap()).into_owned()
    }

    #[test]
    fn a_presigned_url_is_logged_without_its_signature() {
        assert_eq!(
            redacted("/b/k?X-Amz-Credential=AK%2F1&X-Amz-Signature=abc&X-Amz-Expires=5"),
            "/b/k?X-Amz-Credential=AK%2F1&X-Amz-Signature=REDACTED&X-Amz-Expires=5"
        );
        assert_eq!(
            redacted("/b/k?x-amz-security-token=t"),
            "/b/k?x-amz-security-token=REDACTED"
        );
        assert_eq!(
            redacted("/b/k?AWSAccessKeyId=a&Signature=s"),
            "/b/k?AWSAccessKeyId=a&Signature=REDACTED"
        );
        assert_eq!(
            redacted("/b/k?list-type=2&prefix=a"),
            "/b/k?list-type=2&prefix=a"
        );
    }

    #[test]
    fn an_encoded_name_does_not_hide_a_signature() {
        assert_eq!(
            redacted("/b/k?X-Amz-Signatur%65=abc"),
            "/b/k?X-Amz-Signatur%65=REDACTED"
        );
    }

    #[test]
    fn what_deceives_a_reader_is_escaped() {
        let mut out = Vec::new();
        json("a\"b\\c\n\u{7f}\u{9b}\u{202e}é😀", &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            r#""a\"b\\c\u000a\u007f\u009b\u202eé😀""#
        );
        let mut out = Vec::new();
        field("a b\"c\r\n\u{1b}[31m", false, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "a%20b%22c%0D%0A%1B[31m");
    }

    proptest! {
        #[test]
        fn any_text_reads_back_from_json(text in ".*") {
            let mut out = Vec::new();
            json(&text, &mut out);
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
            prop_assert!(!out.iter().any(u8::is_ascii_control));
        }
    }
}
