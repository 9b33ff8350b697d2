//! What one request brings to each of its checks: who asks, from where, how it was signed, and what it says. Owned, so that
//! a long transfer can be judged again while it flows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderMap;
use postern_config::directory::{NamespaceId, Profile, Session};
use s3_protocol::S3Request;
use s3_protocol::render::PostAnswer;

use super::memo::Memo;
use crate::edge::Peer;
use crate::world::Caller;

/// A request as its checks see it.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(in crate::journey) peer: Peer,
    pub(in crate::journey) headers: HeaderMap,
    pub(in crate::journey) request: S3Request,
    pub(in crate::journey) caller: Option<Arc<Caller>>,
    pub(in crate::journey) signature: Option<Signature>,
    pub(in crate::journey) content_length: Option<u64>,
    pub(in crate::journey) namespace: Option<NamespaceId>,
    /// What a form asks to be answered with.
    pub(in crate::journey) post: Option<PostAnswer>,
    /// What was asked of the node about stored objects, since a policy wanted to know.
    pub(in crate::journey) memo: Memo,
    /// Bytes of the body that were taken so far.
    pub(in crate::journey) received: Arc<AtomicU64>,
}

/// How a request was signed.
#[derive(Clone, Debug)]
pub(crate) struct Signature {
    /// Where the signature was.
    pub(crate) how: How,
    /// When it was made, seconds since 1970.
    pub(crate) at: u64,
    /// The life that a presigned URL was given, seconds.
    pub(crate) expires: Option<u64>,
    /// The session that signed, where it was one.
    pub(crate) session: Option<Arc<Session>>,
}

/// Where a signature was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// `Authorization`.
    Header,
    /// Presigned query.
    Query,
    /// POST form.
    Form,
}

impl Scene {
    pub(crate) fn caller(&self) -> Option<&Caller> {
        self.caller.as_deref()
    }

    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    pub(crate) fn request(&self) -> &S3Request {
        &self.request
    }

    pub(crate) fn signature(&self) -> Option<&Signature> {
        self.signature.as_ref()
    }

    /// Decoded length of the body, in bytes, where the request says so.
    pub(crate) fn content_length(&self) -> Option<u64> {
        self.content_length
    }

    pub(crate) fn profile(&self) -> Option<Profile> {
        self.caller().map(|caller| caller.tenant.profile)
    }

    /// The namespace in which bucket names are found: the host's where it names one, else the caller's own.
    pub(crate) fn namespace(&self) -> Option<NamespaceId> {
        self.namespace
    }

    /// `bytes` more of the body were taken.
    pub(super) fn receive(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes of the body that were taken.
    pub(in crate::journey) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// The same request by the same caller as he is now.
    pub(crate) fn as_caller(&self, caller: Arc<Caller>) -> Self {
        Self {
            caller: Some(caller),
            ..self.clone()
        }
    }
}
