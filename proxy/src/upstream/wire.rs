//! What gate and node say to each other: one POST of HTTP/2 for each call, frames in both directions.
//!
//! ```text
//! gate → node   HEAD(call)  { DATA… [TRAILERS] END | FAILED }  [JUDGED]
//! node → gate   [ASK]  HEAD(answer)  { DATA… | DATA… FAILED }
//! ```
//!
//! A frame is its kind (1), the length of what follows (4, big-endian), and that. Calls and answers are postcard's form of the types
//! below, which is the order of their fields and variants: whoever changes one makes another version of the protocol. A payload
//! without END is one that was cut, whatever HTTP says of it; how long an object is, its answer says.

mod frames;

use http_body::Frame;
use postern_config::node::{DeletedObject, NodeTask};
use s3_protocol::call::{
    CompleteMultipartUpload, CopyObject, CreateMultipartUpload, DeleteObject, GetObject,
    GetObjectAttributes, ListMultipartUploads, ListObjectVersions, ListObjects, ListParts,
    PutObject, UploadPart, UploadPartCopy,
};
use s3_protocol::object::{CompletedPart, Creator};
use s3_protocol::{BucketId, S3Error, UploadId, VersionId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use storage_node::{
    Change, CopyRead, CreatorGuard, DeleteKey, FacetChange, Guards, NodeError, NodeStats,
    ObjectPlace, Recheck, Stands, WriteAs,
};

pub(super) use frames::{Event, Frames, Kind, Torn, frame, head_of_data};

/// The version of the protocol. A node of another one answers 505.
pub(super) const PROTOCOL: u32 = 2;

/// A call: what is asked of the node.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Call {
    Pulse,
    ConfigurationsSince(u64),
    CreateBucket(BucketId, Option<Change>),
    DeleteBucket(BucketId),
    ConfigureBucket(BucketId, Change),
    BucketConfiguration(BucketId),
    BucketStats(BucketId),
    HasObjectLock(BucketId),
    ListObjects(BucketId, ListObjects),
    ListVersions(BucketId, ListObjectVersions),
    ListUploads(BucketId, ListMultipartUploads),
    ListParts(ObjectPlace, ListParts, Held),
    StoredFacts(ObjectPlace, Option<VersionId>),
    GetObject(ObjectPlace, Box<GetObject>, Held),
    HeadObject(ObjectPlace, Box<GetObject>, Held),
    ObjectAttributes(ObjectPlace, Box<GetObjectAttributes>, Held),
    ObjectFacets(ObjectPlace, Option<VersionId>, Held),
    ChangeObject(ObjectPlace, Option<VersionId>, FacetChange, Held),
    PutObject(ObjectPlace, Box<PutObject>, Writer),
    CopyObject(Source, ObjectPlace, Box<CopyObject>, Writer),
    CreateUpload(ObjectPlace, Box<CreateMultipartUpload>, Writer),
    UploadPart(ObjectPlace, Box<UploadPart>, Held),
    UploadPartCopy(Source, ObjectPlace, Box<UploadPartCopy>, Held),
    CompleteUpload(
        ObjectPlace,
        Box<CompleteMultipartUpload>,
        Vec<CompletedPart>,
        Held,
    ),
    AbortUpload(ObjectPlace, UploadId, Held),
    DeleteObject(ObjectPlace, DeleteObject, Held),
    DeleteObjects(BucketId, Vec<DeleteKey>, Rechecked),
    Care(CareCall),
}

/// What the admin side asks.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum CareCall {
    State,
    Usage,
    Begin(NodeTask),
    Tasks,
    SetReadOnly(bool),
    Deleted(BucketId, String),
    Undelete(BucketId, Vec<DeletedObject>),
}

/// Whether the gate wants to be asked before the commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Rechecked {
    Yes,
    No,
}

/// Guards without their question, which is asked on the way back.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Held {
    creator: Option<CreatorGuard>,
    stands: Option<Stands>,
    if_none_match_any: bool,
    max_bytes: Option<u64>,
    pub(super) rechecked: Rechecked,
}

/// Who writes, and under which guards.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Writer {
    creator: Creator,
    acl: Option<String>,
    pub(super) held: Held,
}

/// The source of a copy.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Source {
    place: ObjectPlace,
    held: Held,
}

/// How the node is: what the gate remembers of it from one moment to the next.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Pulse {
    /// Another opening of the node has other revisions.
    pub(super) opening: u64,
    /// Of what is configured.
    pub(super) revision: u64,
    pub(super) stats: NodeStats,
    /// Whether a write would be taken.
    pub(super) ready: Result<(), NodeError>,
    pub(super) care: CareCounts,
}

/// What compaction has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CareCounts {
    pub(crate) volumes: u64,
    pub(crate) freed_bytes: u64,
    pub(crate) moved_bytes: u64,
    pub(crate) damaged_volumes: u64,
    /// Of the copy elsewhere; none: there is none.
    pub(crate) copy: Option<CopyCounts>,
}

/// How the copy of its volumes is kept up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CopyCounts {
    pub(crate) lag_seconds: u64,
    pub(crate) lag_bytes: u64,
    pub(crate) sent_bytes: u64,
    pub(crate) failures: u64,
}

impl Call {
    /// Its name, the last part of the path.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Pulse => "pulse",
            Self::ConfigurationsSince(_) => "configurations-since",
            Self::CreateBucket(..) => "create-bucket",
            Self::DeleteBucket(_) => "delete-bucket",
            Self::ConfigureBucket(..) => "configure-bucket",
            Self::BucketConfiguration(_) => "bucket-configuration",
            Self::BucketStats(_) => "bucket-stats",
            Self::HasObjectLock(_) => "has-object-lock",
            Self::ListObjects(..) => "list-objects",
            Self::ListVersions(..) => "list-versions",
            Self::ListUploads(..) => "list-uploads",
            Self::ListParts(..) => "list-parts",
            Self::StoredFacts(..) => "stored-facts",
            Self::GetObject(..) => "get-object",
            Self::HeadObject(..) => "head-object",
            Self::ObjectAttributes(..) => "object-attributes",
            Self::ObjectFacets(..) => "object-facets",
            Self::ChangeObject(..) => "change-object",
            Self::PutObject(..) => "put-object",
            Self::CopyObject(..) => "copy-object",
            Self::CreateUpload(..) => "create-upload",
            Self::UploadPart(..) => "upload-part",
            Self::UploadPartCopy(..) => "upload-part-copy",
            Self::CompleteUpload(..) => "complete-upload",
            Self::AbortUpload(..) => "abort-upload",
            Self::DeleteObject(..) => "delete-object",
            Self::DeleteObjects(..) => "delete-objects",
            Self::Care(_) => "care",
        }
    }

    /// Whether it ends soon: what neither moves bytes nor looks at all rows.
    pub(super) const fn is_short(&self) -> bool {
        !matches!(
            self,
            Self::PutObject(..)
                | Self::UploadPart(..)
                | Self::CopyObject(..)
                | Self::UploadPartCopy(..)
                | Self::CompleteUpload(..)
                | Self::Care(CareCall::Usage | CareCall::Deleted(..) | CareCall::Undelete(..))
        )
    }

    /// The path that it is posted to.
    pub(super) fn path(&self) -> String {
        format!("/{PROTOCOL}/{}", self.name())
    }
}

impl Held {
    /// The guards as they travel, and the question that stays here.
    pub(super) fn of(guards: Guards) -> (Self, Option<Recheck>) {
        let held = Self {
            creator: guards.creator,
            stands: guards.stands,
            if_none_match_any: guards.if_none_match_any,
            max_bytes: guards.max_bytes,
            rechecked: Rechecked::of(guards.recheck.as_ref()),
        };
        (held, guards.recheck)
    }

    /// The guards as the node judges them, with the question that it asks.
    pub(super) fn guards(self, recheck: Option<Recheck>) -> Guards {
        Guards {
            creator: self.creator,
            stands: self.stands,
            if_none_match_any: self.if_none_match_any,
            max_bytes: self.max_bytes,
            recheck,
        }
    }
}

impl Rechecked {
    pub(super) const fn of(recheck: Option<&Recheck>) -> Self {
        match recheck {
            Some(_) => Self::Yes,
            None => Self::No,
        }
    }
}

impl Writer {
    pub(super) fn of(by: WriteAs) -> (Self, Option<Recheck>) {
        let (held, recheck) = Held::of(by.guards);
        let writer = Self {
            creator: by.creator,
            acl: by.acl,
            held,
        };
        (writer, recheck)
    }

    pub(super) fn write_as(self, recheck: Option<Recheck>) -> WriteAs {
        WriteAs {
            creator: self.creator,
            acl: self.acl,
            guards: self.held.guards(recheck),
        }
    }
}

impl Source {
    /// A source is read: nothing of it is asked once more.
    pub(super) fn of(source: CopyRead) -> Self {
        Self {
            place: source.place,
            held: Held::of(source.guards).0,
        }
    }

    pub(super) fn read(self) -> CopyRead {
        CopyRead {
            place: self.place,
            guards: self.held.guards(None),
        }
    }
}

/// What a frame carries, as bytes.
///
/// # Errors
/// A value that has no such form; none of ours.
pub(super) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, postcard::Error> {
    postcard::to_allocvec(value)
}

/// The value of a frame, all of it.
///
/// # Errors
/// The bytes are none, or there are more of them.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, postcard::Error> {
    let (value, rest) = postcard::take_from_bytes(bytes)?;
    if rest.is_empty() {
        Ok(value)
    } else {
        Err(postcard::Error::SerdeDeCustom)
    }
}

/// Trailers of a payload as they travel.
pub(super) fn trailers(frame: &Frame<bytes::Bytes>) -> Option<Vec<(String, Vec<u8>)>> {
    let trailers = frame.trailers_ref()?.iter();
    let each = trailers.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()));
    Some(each.collect())
}

/// What was judged before a commit.
pub(super) type Judged = Result<(), S3Error>;

#[cfg(test)]
mod tests;
