//! A request in one line, for the tests.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use s3_protocol::host::Addressing;
use s3_protocol::{Call, Head, S3Code, S3Error, S3Request, parse};

/// Parses `GET /bucket/key?query` with headers written as `name: value`, path style.
pub(crate) fn ask(line: &str, headers: &[&str]) -> Result<S3Request, S3Error> {
    ask_at(&Addressing::PATH, line, headers)
}

/// The same, below a host.
pub(crate) fn ask_at(
    addressing: &Addressing,
    line: &str,
    headers: &[&str],
) -> Result<S3Request, S3Error> {
    let (method, target) = line.split_once(' ').unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    parse(Head {
        method: &Method::from_bytes(method.as_bytes()).unwrap(),
        path: path.as_bytes(),
        query: query.as_bytes(),
        headers: &map(headers),
        addressing,
    })
}

pub(crate) fn map(headers: &[&str]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for header in headers {
        let (name, value) = header.split_once(": ").unwrap();
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        map.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    map
}

/// The call of a request that is understood.
pub(crate) fn call(line: &str, headers: &[&str]) -> Call {
    ask(line, headers)
        .unwrap_or_else(|error| panic!("{line}: {error}"))
        .call
}

/// The code of a request that is refused.
pub(crate) fn refused(line: &str, headers: &[&str]) -> S3Code {
    match ask(line, headers) {
        Ok(request) => panic!("{line} is {:?}", request.operation),
        Err(error) => error.code,
    }
}
