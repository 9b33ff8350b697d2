//! One request's entry in the access log, filled while the request travels.
//!
//! It is opened before anything is judged and written exactly once: when the last byte of the answer leaves, or when
//! the client does. An entry that is dropped on the way says that the client went away.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri, Version, header};
use postern_config::UnixMillis;
use postern_config::metering::{Event, Whose};
use postern_config::usage::Ended;
use s3_protocol::{Operation, S3Code, S3Request, Target, VersionId};

use super::{Observer, RequestId, Riding};
use crate::edge::Peer;
use crate::journey::Owed;

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
    pub(super) received: u64,
    pub(super) whole: bool,
    /// Who pays.
    pub(super) whose: Whose,
    /// Where the bytes are counted that came.
    pub(super) intake: Option<Arc<AtomicU64>>,
    /// What it owes its rates.
    owed: Option<Owed>,
    text: String,
}

/// Bytes of bucket, key, access key and caller together that need no second allocation.
const TEXT_BYTES_USUAL: usize = 256;

/// A piece of the record's text; empty where there is nothing to say.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    start: usize,
    end: usize,
}

impl Entry {
    /// Opens the entry of a request that arrived at `now_ms`.
    pub fn open<B>(observer: &Arc<Observer>, peer: &Peer, wire: &Request<B>, now_ms: u64) -> Self {
        let mut entry = Self::unreadable(observer, peer, now_ms);
        let record = &mut entry.0;
        // Header values share the bytes of the head: these clones copy nothing.
        let header = |name: HeaderName| wire.headers().get(name).cloned();
        record.method = wire.method().clone();
        record.uri = wire.uri().clone();
        record.version = wire.version();
        record.host = header(header::HOST);
        record.user_agent = header(header::USER_AGENT);
        record.referrer = header(header::REFERER);
        entry
    }

    /// Opens the entry of a request whose head could not be read.
    pub(crate) fn unreadable(observer: &Arc<Observer>, peer: &Peer, now_ms: u64) -> Self {
        Self(Box::new(Record {
            observer: Arc::clone(observer),
            id: observer.ids.next(),
            opened_ms: now_ms,
            started: Instant::now(),
            client: peer.client,
            socket: peer.socket,
            tls: peer.tls.as_ref().map(|tls| (tls.version, tls.cipher)),
            method: Method::default(),
            uri: Uri::default(),
            version: Version::default(),
            host: None,
            user_agent: None,
            referrer: None,
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
            received: 0,
            whole: false,
            whose: Whose::NOBODY,
            intake: None,
            owed: None,
            text: String::with_capacity(TEXT_BYTES_USUAL),
        }))
    }

    /// The request's id.
    pub fn id(&self) -> RequestId {
        self.0.id
    }

    /// The path of the request's target, as it was sent.
    pub fn path(&self) -> &str {
        self.0.uri.path()
    }

    /// Whether the answer has no body whatever its head says.
    pub fn is_head(&self) -> bool {
        self.0.method == Method::HEAD
    }

    /// What the request asks, once it is understood.
    pub fn asked(&mut self, request: &S3Request) {
        let (bucket, key) = match &request.target {
            Target::Service => ("", ""),
            Target::Bucket(bucket) => (bucket.as_str(), ""),
            Target::Object(bucket, key) => (bucket.as_str(), key.as_str()),
        };
        self.0.operation = Some(request.operation);
        self.0.bucket = self.0.keep(bucket);
        self.0.key = self.0.keep(key);
    }

    /// The key, where only the body names it: a form.
    pub fn named(&mut self, key: &str) {
        self.0.key = self.0.keep(key);
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
    pub fn decided(
        &mut self,
        outcome: &'static str,
        layer: &str,
        reason: &str,
        modules: Option<&Modules>,
    ) {
        self.0.decision = Some(outcome);
        self.0.layer = self.0.keep(layer);
        self.0.reason = self.0.keep(reason);
        self.0.modules = modules.map(Arc::clone);
    }

    /// The size of the object that the request is about, in bytes.
    pub fn object_size(&mut self, bytes: u64) {
        self.0.object_bytes = Some(bytes);
    }

    /// `bytes` of the request's body were taken.
    pub fn received(&mut self, bytes: u64) {
        self.0.received = bytes;
    }

    /// Where the bytes of the request's body are counted as they come.
    pub(crate) fn takes(&mut self, tally: Option<Arc<AtomicU64>>) {
        self.0.intake = tally;
    }

    /// What the request owes its rates when it has ended.
    pub(crate) fn owes(&mut self, owed: Option<Owed>) {
        self.0.owed = owed;
    }

    /// Who pays for the request.
    pub(crate) fn billed(&mut self, whose: Whose) {
        self.0.whose = whose;
    }

    /// What is answered. The status is also taken from the answer that the entry rides on.
    pub fn answered(&mut self, status: StatusCode, code: Option<S3Code>) {
        self.0.status = status.as_u16();
        self.0.code = code;
    }

    /// Goes with the answer, and is written when its last byte has been handed to the connection or the client is gone.
    pub fn ride<B: http_body::Body>(
        mut self,
        response: http::Response<B>,
    ) -> http::Response<Riding<B>> {
        self.0.status = response.status().as_u16();
        self.0.turn_around = Some(self.0.started.elapsed());
        let (parts, body) = response.into_parts();
        http::Response::from_parts(parts, Riding::new(body, self))
    }

    /// `bytes` of the answer's body were handed to the connection.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.0.sent = self
            .0
            .sent
            .saturating_add(bytes.try_into().unwrap_or(u64::MAX));
    }

    /// The answer is whole.
    pub(super) fn whole(&mut self) {
        self.0.whole = true;
    }

    /// The whole answer, of `bytes` after its head, was written at once.
    pub(crate) fn written(mut self, bytes: usize) {
        self.0.turn_around = Some(self.0.started.elapsed());
        self.sent(bytes);
        self.whole();
    }
}

impl Record {
    fn keep(&mut self, text: &str) -> Span {
        let start = self.text.len();
        self.text.push_str(text);
        Span {
            start,
            end: self.text.len(),
        }
    }

    /// Bytes of the request's body that came.
    fn came(&self) -> u64 {
        let tally = self.intake.as_ref();
        tally.map_or(0, |tally| tally.load(Ordering::Relaxed))
    }

    /// The request as the bill has it, after `total`.
    pub(super) fn event(&self, total: Duration) -> Event {
        let took = u64::try_from(total.as_millis()).unwrap_or(u64::MAX);
        Event {
            at: UnixMillis(self.opened_ms.saturating_add(took)),
            whose: self.whose,
            operation: self.operation,
            status: self.status,
            whole: self.whole,
            bytes_in: self.came(),
            bytes_out: self.sent,
            address: self.client,
        }
    }

    /// What whoever watches is shown.
    pub(super) fn ended(&self, total: Duration) -> Ended {
        let text = |span| self.text(span).unwrap_or_default();
        let target = [text(self.bucket), text(self.key)];
        Ended {
            request: self.id.as_str().to_owned(),
            time: UnixMillis(self.opened_ms),
            took_ms: u64::try_from(total.as_millis()).unwrap_or(u64::MAX),
            tenant: self.whose.tenant,
            address: self.client,
            key: self.whose.key,
            operation: self.operation,
            target: target.join("/"),
            status: self.status,
            code: self.code,
            received: self.came(),
            sent: self.sent,
            decision: self.decision,
            reason: text(self.reason).to_owned(),
        }
    }

    /// The text of a span, or `None` where nothing was said.
    pub(super) fn text(&self, span: Span) -> Option<&str> {
        self.text
            .get(span.start..span.end)
            .filter(|text| !text.is_empty())
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.status = StatusCode::INTERNAL_SERVER_ERROR.as_u16();
            self.code = Some(S3Code::InternalError);
        }
        let record = &*self;
        record.observer.write(record);
        if let Some(owed) = &record.owed {
            owed.settle(record.came().saturating_add(record.sent));
        }
    }
}

impl Signed {
    /// As AWS's logs name it; a form has no name there.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Header => "AuthHeader",
            Self::Query => "QueryString",
            Self::Form => "PostForm",
        }
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was served, or answered with a redirection or "not modified".
    Ok,
    /// A policy said no.
    Denied,
    /// The client's fault.
    Refused,
    /// Ours.
    Failed,
    /// The client went away before the end of the answer.
    Gone,
}

impl Outcome {
    pub(super) const ALL: [Self; 5] = [
        Self::Ok,
        Self::Denied,
        Self::Refused,
        Self::Failed,
        Self::Gone,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Denied => "denied",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Gone => "client_gone",
        }
    }
}

impl Record {
    pub(super) fn outcome(&self) -> Outcome {
        match self.status {
            500.. => Outcome::Failed,
            0 => Outcome::Gone,
            _ if !self.whole => Outcome::Gone,
            403 if self.code == Some(S3Code::AccessDenied) => Outcome::Denied,
            400..=499 => Outcome::Refused,
            _ => Outcome::Ok,
        }
    }
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
