//! The node's public face: one async method for each operation, typed by the language of S3.
//!
//! A bucket is a number of the directory; a key is bytes. A write returns only after its record is flushed; a read never
//! answers a byte that does not fit its checksum.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use s3_protocol::call::{
    CompleteMultipartUpload, CopyObject, CreateMultipartUpload, DeleteObject, GetObject,
    ListMultipartUploads, ListObjects, ListParts, PutObject, UploadPart, UploadPartCopy,
};
use s3_protocol::object::{
    CompletedPart, Creator, DeleteOutput, GetOutput, ListPage, PartPage, PutOutput, UploadEntry,
    UploadPage,
};
use s3_protocol::{BucketId, ObjectKey, S3Error, UploadId, VersionId};

use crate::error::{NodeError, OpenError};
use crate::guards::{Guards, WriteAs};
use crate::options::NodeOptions;
use crate::payload::Payload;

/// An object node. Cloning it shares it.
#[derive(Clone)]
pub struct Node {
    inner: Arc<Inner>,
}

struct Inner {}

/// Where an object is, or would be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectPlace {
    /// The bucket.
    pub bucket: BucketId,
    /// The key.
    pub key: ObjectKey,
}

/// The source of a copy, found and permitted by the caller.
#[derive(Debug)]
pub struct CopyRead {
    /// Where it is.
    pub place: ObjectPlace,
    /// The permit to read it.
    pub guards: Guards,
}

/// One key of a DeleteObjects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteKey {
    /// The key.
    pub key: ObjectKey,
    /// What is asked of it.
    pub ask: DeleteObject,
    /// Only what this creator made.
    pub creator: Option<crate::guards::CreatorGuard>,
}

/// What a bucket holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BucketStats {
    /// When it was made, in milliseconds since 1970.
    pub created_ms: u64,
    /// Objects (versions, where it has them).
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What the node does and holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeStats {
    /// Volumes.
    pub volumes: usize,
    /// Bytes of the log.
    pub log_bytes: u64,
    /// Bytes of the log that nothing refers to.
    pub garbage_bytes: u64,
    /// Changes that wait in memory for the index, in bytes.
    pub overlay_bytes: usize,
    /// Log sequence number of the last flushed record.
    pub last_lsn: u64,
    /// Log sequence number up to which a restart need not replay.
    pub durable_lsn: u64,
    /// Whether writes are refused: the reserve is reached, or the log failed.
    pub read_only: bool,
    /// Damage that was found and put aside, in words.
    pub damage: Vec<String>,
}

/// An object's body. Every byte of it has been verified.
#[derive(Debug)]
pub struct ObjectBody {
    whole: Option<Bytes>,
}

impl http_body::Body for ObjectBody {
    type Data = Bytes;
    type Error = NodeError;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, NodeError>>> {
        std::task::Poll::Ready(self.whole.take().map(|bytes| Ok(http_body::Frame::data(bytes))))
    }
}

macro_rules! closed {
    ($($argument:expr),*) => {{ $(drop($argument);)* Err(NodeError::Closed) }};
}

impl Node {
    /// Opens or makes the node in `options.dir`. Blocks while it reads the end of the log.
    pub fn open(options: NodeOptions) -> Result<Self, OpenError> {
        Err(OpenError::InUse(options.dir))
    }

    /// Ends it: what waits is flushed, moved into the index and made durable. Later writes answer [`NodeError::Closed`].
    pub async fn close(&self) {
        let _ = &self.inner;
    }

    /// What it does and holds.
    pub fn stats(&self) -> NodeStats {
        NodeStats::default()
    }

    /// Whether a write would be taken now: asked before a body is read.
    pub fn ready_for_writes(&self) -> Result<(), NodeError> {
        Ok(())
    }

    /// Makes a bucket; making it twice is once.
    pub async fn create_bucket(&self, bucket: BucketId) -> Result<(), NodeError> {
        closed!(&bucket)
    }

    /// Deletes a bucket without objects (BucketNotEmpty otherwise); its open uploads die with it. NoSuchBucket if it is not there.
    pub async fn delete_bucket(&self, bucket: BucketId) -> Result<(), NodeError> {
        closed!(&bucket)
    }

    /// What a bucket holds; NoSuchBucket if it is not there.
    pub async fn bucket_stats(&self, bucket: BucketId) -> Result<BucketStats, NodeError> {
        closed!(&bucket)
    }

    /// A page of ListObjects or ListObjectsV2.
    pub async fn list_objects(
        &self,
        bucket: BucketId,
        ask: &ListObjects,
    ) -> Result<ListPage, NodeError> {
        closed!(&bucket, &ask)
    }

    /// GetObject. A 304 is the error NotModified with what a cache keeps.
    pub async fn get_object(
        &self,
        place: &ObjectPlace,
        ask: &GetObject,
        guards: Guards,
    ) -> Result<(GetOutput, ObjectBody), NodeError> {
        closed!(&place, &ask, guards)
    }

    /// HeadObject.
    pub async fn head_object(
        &self,
        place: &ObjectPlace,
        ask: &GetObject,
        guards: Guards,
    ) -> Result<GetOutput, NodeError> {
        closed!(&place, &ask, guards)
    }

    /// Who made an object (or one version of it): NoSuchKey, NoSuchVersion if it is not there.
    pub async fn creator(
        &self,
        place: &ObjectPlace,
        version: Option<VersionId>,
    ) -> Result<Creator, NodeError> {
        closed!(&place, &version)
    }

    /// PutObject (and PostObject).
    pub async fn put_object<B: Payload>(
        &self,
        place: &ObjectPlace,
        ask: PutObject,
        by: WriteAs,
        payload: B,
    ) -> Result<PutOutput, NodeError> {
        closed!(&place, ask, by, payload)
    }

    /// CopyObject: its own copy of the bytes.
    pub async fn copy_object(
        &self,
        source: CopyRead,
        place: &ObjectPlace,
        ask: CopyObject,
        by: WriteAs,
    ) -> Result<PutOutput, NodeError> {
        closed!(source, &place, ask, by)
    }

    /// DeleteObject: what is not there is deleted too.
    pub async fn delete_object(
        &self,
        place: &ObjectPlace,
        ask: &DeleteObject,
        guards: Guards,
    ) -> Result<DeleteOutput, NodeError> {
        closed!(&place, &ask, guards)
    }

    /// DeleteObjects: one answer a key, in their order, in one round of the log.
    pub async fn delete_objects(
        &self,
        bucket: BucketId,
        keys: Vec<DeleteKey>,
    ) -> Result<Vec<Result<DeleteOutput, S3Error>>, NodeError> {
        closed!(&bucket, keys)
    }

    /// CreateMultipartUpload.
    pub async fn create_upload(
        &self,
        place: &ObjectPlace,
        ask: CreateMultipartUpload,
        by: WriteAs,
    ) -> Result<UploadEntry, NodeError> {
        closed!(&place, ask, by)
    }

    /// UploadPart.
    pub async fn upload_part<B: Payload>(
        &self,
        place: &ObjectPlace,
        ask: UploadPart,
        guards: Guards,
        payload: B,
    ) -> Result<PutOutput, NodeError> {
        closed!(&place, ask, guards, payload)
    }

    /// UploadPartCopy.
    pub async fn upload_part_copy(
        &self,
        source: CopyRead,
        place: &ObjectPlace,
        ask: UploadPartCopy,
        guards: Guards,
    ) -> Result<PutOutput, NodeError> {
        closed!(source, &place, ask, guards)
    }

    /// CompleteMultipartUpload with the parts of its document. A retry of one that was done answers the same.
    pub async fn complete_upload(
        &self,
        place: &ObjectPlace,
        ask: CompleteMultipartUpload,
        parts: Vec<CompletedPart>,
        guards: Guards,
    ) -> Result<PutOutput, NodeError> {
        closed!(&place, ask, parts, guards)
    }

    /// AbortMultipartUpload.
    pub async fn abort_upload(
        &self,
        place: &ObjectPlace,
        upload: UploadId,
        guards: Guards,
    ) -> Result<(), NodeError> {
        closed!(&place, &upload, guards)
    }

    /// Who began an upload; NoSuchUpload if it is not there.
    pub async fn upload_creator(
        &self,
        place: &ObjectPlace,
        upload: UploadId,
    ) -> Result<Creator, NodeError> {
        closed!(&place, &upload)
    }

    /// A page of ListMultipartUploads.
    pub async fn list_uploads(
        &self,
        bucket: BucketId,
        ask: &ListMultipartUploads,
    ) -> Result<UploadPage, NodeError> {
        closed!(&bucket, &ask)
    }

    /// A page of ListParts.
    pub async fn list_parts(
        &self,
        place: &ObjectPlace,
        ask: &ListParts,
        guards: Guards,
    ) -> Result<PartPage, NodeError> {
        closed!(&place, &ask, guards)
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").finish_non_exhaustive()
    }
}
