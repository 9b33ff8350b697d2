//! What the edge refuses by itself, before there is a request to speak of: as S3 errors with a request id, and with an
//! entry in the access log.

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use s3_protocol::S3Code;

use super::{EdgeParts, Peer};
use crate::observe::{Entry, RequestId, Riding};

/// What is wrong with a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadFault {
    /// It is not HTTP: a bad method, target, version, header, folded line, or a length that is no number.
    Malformed,
    /// It is larger than a head may be, or has more headers.
    TooLarge,
    /// Its target is longer than one may be.
    TargetTooLong,
    /// It declares the end of its body in two ways, or in a way other than `chunked`.
    AmbiguousFraming,
}

impl HeadFault {
    /// What hyper means by the status of its own answer.
    pub(super) fn of_status(status: u16) -> Self {
        match status {
            431 => Self::TooLarge,
            414 => Self::TargetTooLong,
            _ => Self::Malformed,
        }
    }

    fn code(self) -> S3Code {
        match self {
            Self::Malformed | Self::AmbiguousFraming => S3Code::InvalidRequest,
            Self::TooLarge => S3Code::RequestHeaderSectionTooLarge,
            Self::TargetTooLong => S3Code::InvalidURI,
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::Malformed => "The head of the request is not well-formed HTTP.",
            Self::TooLarge => "Your request header section exceeds the maximum allowed size.",
            Self::TargetTooLong => "The request target is too long.",
            Self::AmbiguousFraming => {
                "The length of the body is declared in two ways, or in one that is not supported."
            }
        }
    }

    fn document(self, id: RequestId) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message><RequestId>{id}</RequestId></Error>",
            self.code().as_str(),
            self.message(),
        )
    }
}

/// The answer to a head that could not be read, as bytes for the wire.
pub(super) fn unreadable(parts: &EdgeParts, peer: &Peer, fault: HeadFault) -> Bytes {
    let mut entry = Entry::unreadable(&parts.observer, peer, parts.clock.now_ms());
    let id = entry.id();
    let document = fault.document(id);
    let status = StatusCode::from_u16(fault.code().status()).unwrap_or(StatusCode::BAD_REQUEST);
    let answer = format!(
        "HTTP/1.1 {} {}\r\ncontent-type: application/xml\r\nx-amz-request-id: {id}\r\ncache-control: no-store\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{document}",
        status.as_str(),
        status.canonical_reason().unwrap_or("Bad Request"),
        document.len(),
    );
    entry.answered(status, Some(fault.code()));
    entry.written(document.len());
    answer.into()
}

/// The answer to a head that could be read and must not be served. The connection closes after it.
pub(super) fn unservable<B>(
    parts: &EdgeParts,
    peer: &Peer,
    wire: &Request<B>,
    fault: HeadFault,
) -> Response<Riding<Full<Bytes>>> {
    let mut entry = Entry::open(&parts.observer, peer, wire, parts.clock.now_ms());
    let id = entry.id();
    let mut response = Response::new(Full::new(Bytes::from(fault.document(id))));
    *response.status_mut() =
        StatusCode::from_u16(fault.code().status()).unwrap_or(StatusCode::BAD_REQUEST);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/xml"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-amz-request-id", id.to_header());
    entry.answered(response.status(), Some(fault.code()));
    entry.ride(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_of_a_head_is_a_client_error_that_says_what_is_wrong() {
        for fault in [
            HeadFault::Malformed,
            HeadFault::TooLarge,
            HeadFault::TargetTooLong,
            HeadFault::AmbiguousFraming,
        ] {
            assert_eq!(fault.code().status(), 400);
            let document = fault.document(RequestId::from(7));
            assert!(
                document.contains(fault.code().as_str()) && document.contains("0000000000000007")
            );
        }
    }
}
