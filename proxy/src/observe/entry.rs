//! One request's entry in the access log, filled while the request travels.
//!
//! It is opened before anything is judged and written exactly once: when the last byte of the answer leaves, or when
//! the client does. An entry that is dropped on the way says that the client went away.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version, header};
use s3_protocol::{BucketName, ObjectKey, Operation, S3Code, VersionId};

use super::{Observer, RequestId, Riding};
use crate::edge::Peer;

/// The entry of one request. Cheap to move.
pub struct Entry(Box<Record>);

/// How a request was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    /// `Authorization` header.
    Header,
    /// Presigned query.
    Query,
    /// Policy of a POST form.
    Form,
}

/// The modules that decided, as `name@digest` separated by blanks. Built once for a plan, shared by its requests.
pub type Modules = Arc<str>;

/// Everything that the log's two formats print.
pub(super) struct Record {
    pub(super) observer: Arc<Observer>,
    pub(super) id: RequestId,
    pub(super) opened_ms: u64,
    pub(super) started: Instant,
    pub(super) client: IpAddr,
    pub(super) socket: IpAddr,
    pub(super) tls: Option<(&'static str, &'static str)>,
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) version: Version,
    pub(super) host: Option<HeaderValue>,
    pub(super) user_agent: Option<HeaderValue>,
    pub(super) referrer: Option<HeaderValue>,
    pub(super) operation: Option<Operation>,
    pub(super) bucket: Span,
    pub(super) key: Span,
    pub(super) owner: Span,
    pub(super) requester: Span,
    pub(super) access_key: Span,
    pub(super) version_id: Option<VersionId>,
    pub(super) signed: Option<Signed>,
    pub(super) object_bytes: Option<u64>,
    pub(super) decision: Option<&'static str>,
    pub(super) layer: Span,
    pub(super) reason: Span,
    pub(super) modules: Option<Modules>,
    pub(super) status: u16,
    pub(super) code: Option<S3Code>,
    pub(super) turn_around: Option<std::time::Duration>,
    pub(super) sent: u64,
    pub(super) whole: bool,
    text: String,
}

/// A piece of the record's text; empty where there is nothing to say.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    start: usize,
    end: usize,
}

impl Entry {
    /// Opens the entry of the request whose head is `parts`, which arrived at `now_ms`.
    pub fn open(observer: &Arc<Observer>, peer: &Peer, parts: &Parts, now_ms: u64) -> Self {
        let header = |name: HeaderName| header_of(&parts.headers, &name);
        Self(Box::new(Record {
            observer: Arc::clone(observer),
            id: observer.ids.next(),
            opened_ms: now_ms,
            started: Instant::now(),
            client: peer.client,
            socket: peer.socket,
            tls: peer.tls.as_ref().map(|tls| (tls.version, tls.cipher)),
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            version: parts.version,
            host: header(header::HOST),
            user_agent: header(header::USER_AGENT),
            referrer: header(header::REFERER),
            operation: None,
            bucket: Span::default(),
            key: Span::default(),
            owner: Span::default(),
            requester: Span::default(),
            access_key: Span::default(),
            version_id: None,
            signed: None,
            object_bytes: None,
            decision: None,
            layer: Span::default(),
            reason: Span::default(),
            modules: None,
            status: 0,
            code: None,
            turn_around: None,
            sent: 0,
            whole: false,
            text: String::new(),
        }))
    }

    /// The request's id.
    pub fn id(&self) -> RequestId {
        self.0.id
    }

    /// What the request asks, once it is understood.
    pub fn asked(&mut self, operation: Operation, bucket: Option<&BucketName>, key: Option<&ObjectKey>) {
        self.0.operation = Some(operation);
        self.0.bucket = self.0.keep(bucket.map_or("", BucketName::as_str));
        self.0.key = self.0.keep(key.map_or("", ObjectKey::as_str));
    }

    /// The version that the request names or made.
    pub fn version(&mut self, version: VersionId) {
        self.0.version_id = Some(version);
    }

    /// Who owns the bucket, by the id that the log's readers know.
    pub fn owned_by(&mut self, owner: &str) {
        self.0.owner = self.0.keep(owner);
    }

    /// Who signed: the access key, the caller as text (an ARN or `tenant/user`), and how. Called before the signature is
    /// checked, so that a wrong one is logged under the key that it claims.
    pub fn signed_by(&mut self, access_key: &str, requester: &str, how: Signed) {
        self.0.access_key = self.0.keep(access_key);
        self.0.requester = self.0.keep(requester);
        self.0.signed = Some(how);
    }

    /// What the policies said: `allowed`, `denied` or `undecided`, the layer and the reason that decided, and the one
    /// version of each module that was asked.
    pub fn decided(&mut self, outcome: &'static str, layer: &str, reason: &str, modules: Option<&Modules>) {
        self.0.decision = Some(outcome);
        self.0.layer = self.0.keep(layer);
        self.0.reason = self.0.keep(reason);
        self.0.modules = modules.map(Arc::clone);
    }

    /// The size of the object that the request is about, in bytes.
    pub fn object_size(&mut self, bytes: u64) {
        self.0.object_bytes = Some(bytes);
    }

    /// What is answered.
    pub fn answered(&mut self, status: StatusCode, code: Option<S3Code>) {
        self.0.status = status.as_u16();
        self.0.code = code;
    }

    /// Goes with the answer, and is written when its last byte has been handed to the connection or the client is gone.
    pub fn ride<B: http_body::Body>(mut self, response: http::Response<B>) -> http::Response<Riding<B>> {
        self.0.status = response.status().as_u16();
        self.0.turn_around = Some(self.0.started.elapsed());
        let (parts, body) = response.into_parts();
        http::Response::from_parts(parts, Riding::new(body, self))
    }

    /// `bytes` of the answer's body were handed to the connection.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.0.sent = self.0.sent.saturating_add(bytes.try_into().unwrap_or(u64::MAX));
    }

    /// The answer is whole.
    pub(super) fn whole(&mut self) {
        self.0.whole = true;
    }
}

impl Record {
    fn keep(&mut self, text: &str) -> Span {
        let start = self.text.len();
        self.text.push_str(text);
        Span { start, end: self.text.len() }
    }

    /// The text of a span, or `None` where nothing was said.
    pub(super) fn text(&self, span: Span) -> Option<&str> {
        self.text.get(span.start..span.end).filter(|text| !text.is_empty())
    }
}

/// The value of a header, kept without copying its bytes.
fn header_of(headers: &HeaderMap, name: &HeaderName) -> Option<HeaderValue> {
    headers.get(name).cloned()
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("id", &self.0.id)
            .field("operation", &self.0.operation)
            .field("status", &self.0.status)
            .finish_non_exhaustive()
    }
}
