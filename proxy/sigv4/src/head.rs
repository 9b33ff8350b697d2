//! The head of a request, as far as a signature covers it.

use http::{HeaderMap, Method, request};

/// What of a request's head is signed, as it came from the wire.
///
/// `path` and `query` are the raw text of the request target, neither decoded nor normalised. `authority` is
/// that of the target, which HTTP/2 sends in place of `Host`.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// The method.
    pub method: &'a Method,
    /// The raw path, starting with `/`.
    pub path: &'a str,
    /// The raw query without its `?`.
    pub query: Option<&'a str>,
    /// The authority of the request target, where it has one.
    pub authority: Option<&'a str>,
    /// All headers.
    pub headers: &'a HeaderMap,
}

impl<'a> Head<'a> {
    /// The head of a request as hyper delivers it.
    pub fn of(parts: &'a request::Parts) -> Self {
        Self {
            method: &parts.method,
            path: parts.uri.path(),
            query: parts.uri.query(),
            authority: parts.uri.authority().map(http::uri::Authority::as_str),
            headers: &parts.headers,
        }
    }
}
