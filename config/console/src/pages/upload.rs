//! Forms that carry a file. Source: RFC 7578, RFC 2046 section 5.1.

use axum::extract::{FromRequest, Request};
use http::{HeaderMap, header};

use super::fields::Fields;
use crate::api::modules::check_type;
use crate::api::read_body;
use crate::{Admin, Problem};

/// Room for what stands around the file.
const AROUND_BYTES_MAX: usize = 16 * 1_024;
/// Parts of a form.
const PARTS_MAX: usize = 16;
/// Longest boundary. Source: RFC 2046 section 5.1.1.
const BOUNDARY_BYTES_MAX: usize = 70;
/// The field that carries the file.
const FILE: &str = "file";

/// The fields of a form, and its file; an empty one where none was chosen.
#[derive(Debug)]
pub(crate) struct Uploaded {
    pub(crate) form: Fields,
    pub(crate) file: Vec<u8>,
}

impl FromRequest<Admin> for Uploaded {
    type Rejection = Problem;

    async fn from_request(request: Request, admin: &Admin) -> Result<Self, Problem> {
        check_type(request.headers(), &["multipart/form-data"])?;
        let wrong = || Problem::malformed("the form is not one with a file");
        let boundary = boundary(request.headers()).ok_or_else(wrong)?;
        let bytes_max = admin.module_bytes_max.saturating_add(AROUND_BYTES_MAX);
        let body = read_body(request.into_body(), bytes_max).await?;
        let mut uploaded = Self {
            form: Fields::default(),
            file: Vec::new(),
        };
        for (name, content) in parts(&body, boundary.as_bytes()).ok_or_else(wrong)? {
            if name == FILE {
                uploaded.file = content.to_vec();
            } else {
                let text = String::from_utf8_lossy(content);
                uploaded.form = uploaded.form.with(&name, text);
            }
        }
        Ok(uploaded)
    }
}

/// What stands between the parts.
fn boundary(headers: &HeaderMap) -> Option<String> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let found = kind.split(';').find_map(|word| {
        let (name, value) = word.trim().split_once('=')?;
        let is_it = name.eq_ignore_ascii_case("boundary");
        is_it.then(|| value.trim_matches('"').to_owned())
    });
    found.filter(|it| (1..=BOUNDARY_BYTES_MAX).contains(&it.len()))
}

/// The parts with their names; none where the body is no such form.
fn parts<'b>(body: &'b [u8], boundary: &[u8]) -> Option<Vec<(String, &'b [u8])>> {
    let mark = [b"\r\n--", boundary].concat();
    let mut rest = body.strip_prefix(mark.get(2..)?)?;
    let mut parts = Vec::new();
    while !rest.starts_with(b"--") {
        if parts.len() == PARTS_MAX {
            return None;
        }
        let part = rest.strip_prefix(b"\r\n")?;
        let (head, part) = split(part, b"\r\n\r\n")?;
        let (content, after) = split(part, &mark)?;
        parts.push((name(head)?, content));
        rest = after;
    }
    Some(parts)
}

/// What stands before a mark, and after it.
fn split<'b>(bytes: &'b [u8], mark: &[u8]) -> Option<(&'b [u8], &'b [u8])> {
    let at = bytes.windows(mark.len()).position(|it| it == mark)?;
    Some((bytes.get(..at)?, bytes.get(at + mark.len()..)?))
}

/// The name of a part.
fn name(head: &[u8]) -> Option<String> {
    let head = std::str::from_utf8(head).ok()?;
    let line = head.split("\r\n").find(|line| {
        let name = line.split(':').next().unwrap_or_default();
        name.eq_ignore_ascii_case("content-disposition")
    })?;
    let rest = line.split("; name=\"").nth(1)?;
    Some(rest.split('"').next()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &[u8] = b"--x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nguard\r\n\
        --x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a; name=b.wasm\"\r\n\
        Content-Type: application/wasm\r\n\r\n\0asm\r\n--y\r\n\r\n--x--\r\n";

    #[test]
    fn fields_and_bytes_are_what_was_sent() {
        let parts = parts(FORM, b"x").unwrap();
        let expected: [(String, &[u8]); 2] = [
            ("name".to_owned(), b"guard"),
            ("file".to_owned(), b"\0asm\r\n--y\r\n"),
        ];
        assert_eq!(parts, expected);
    }

    #[test]
    fn what_is_cut_off_is_no_form() {
        for end in 0..FORM.len() - 4 {
            assert_eq!(parts(&FORM[..end], b"x"), None, "{end}");
        }
        assert_eq!(parts(FORM, b"z"), None);
        let many = b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n".repeat(2);
        assert_eq!(parts(&many, b"x"), None);
    }

    #[test]
    fn a_boundary_is_read_with_and_without_quotes() {
        let of = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, http::HeaderValue::from_static(value));
            boundary(&headers)
        };
        assert_eq!(of("multipart/form-data; boundary=abc"), Some("abc".into()));
        assert_eq!(
            of("multipart/form-data; boundary=\"abc\""),
            Some("abc".into())
        );
        assert_eq!(of("multipart/form-data"), None);
    }
}
