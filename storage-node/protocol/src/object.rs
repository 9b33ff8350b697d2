//! Objects as answers describe them: typed outputs, rendered by [`render`](crate::render).

use serde::{Deserialize, Serialize};

use crate::call::GetObject;
use crate::checksum::Checksum;
use crate::checksum::{ChecksumAlgorithm, ChecksumKind};
use crate::error::S3Error;
use crate::names::{BucketName, ObjectKey, UploadId, VersionId};
use crate::seal::Encrypted;
use crate::setting::Retention;

/// The headers that describe an object's content, stored and answered as they came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentHeaders {
    /// `Content-Type`; `None` answers `binary/octet-stream`.
    pub content_type: Option<String>,
    /// `Content-Encoding`, without `aws-chunked`.
    pub content_encoding: Option<String>,
    /// `Content-Language`.
    pub content_language: Option<String>,
    /// `Content-Disposition`.
    pub content_disposition: Option<String>,
    /// `Cache-Control`.
    pub cache_control: Option<String>,
    /// `Expires`, as it came.
    pub expires: Option<String>,
}

/// An entity tag, without quotes: an MD5, or an MD5 of MD5s with the number of parts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ETag {
    /// MD5 of the content, or of the parts' MD5s.
    pub md5: [u8; 16],
    /// How many parts, for a multipart object.
    pub parts: Option<u16>,
}

impl std::fmt::Display for ETag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // One pass and one write: every answer has an entity tag.
        let mut digits = [0_u8; 32];
        hex::encode_to_slice(self.md5, &mut digits).map_err(|_| std::fmt::Error)?;
        f.write_str(std::str::from_utf8(&digits).map_err(|_| std::fmt::Error)?)?;
        match self.parts {
            Some(parts) => write!(f, "-{parts}"),
            None => Ok(()),
        }
    }
}

/// Who made an object version or an upload: the principal, and the lineage of his key (a rotated key keeps it).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Creator {
    /// The user or sub-user, as an opaque text of the directory; empty for anonymous, who owns nothing.
    pub principal: String,
    /// The key's lineage, as an opaque text of the directory.
    pub lineage: String,
}

/// Who owns a bucket, as documents name him.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// His canonical id.
    pub id: String,
    /// His name; left out where it is empty.
    pub display_name: String,
}

/// One line of ListBuckets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketEntry {
    /// Its name.
    pub name: BucketName,
    /// Milliseconds since 1970.
    pub created_ms: u64,
    /// The region it answers in.
    pub region: String,
}

/// A page of ListBuckets, ascending by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BucketPage {
    /// The buckets.
    pub entries: Vec<BucketEntry>,
    /// Where the next page begins: after this name. `None` at the end.
    pub next: Option<String>,
}

/// The outcome for one entry of DeleteObjects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// The key as the client sent it.
    pub key: String,
    /// The version as the client sent it.
    pub version: Option<String>,
    /// What was deleted, or why not.
    pub outcome: Result<DeleteOutput, S3Error>,
}

/// The head of a stored object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectHead {
    /// Its version, where its bucket has versions.
    pub version: Option<VersionId>,
    /// Bytes.
    pub size: u64,
    /// Entity tag.
    pub etag: ETag,
    /// Milliseconds since 1970.
    pub modified_ms: u64,
    /// Content headers.
    pub content: ContentHeaders,
    /// User metadata: name without `x-amz-meta-`, and value.
    pub metadata: Vec<(String, String)>,
    /// Checksums, each full object or composite; those of the part where exactly one whole part is answered.
    pub checksums: Vec<Checksum>,
    /// How many parts, for a multipart object.
    pub parts: Option<u16>,
    /// How many tags.
    pub tags: usize,
    /// Storage class, `None` for STANDARD.
    pub storage_class: Option<String>,
    /// `x-amz-website-redirect-location`.
    pub website_redirect: Option<String>,
    /// Who made it.
    pub creator: Creator,
    /// Until when it must stay.
    pub retention: Option<Retention>,
    /// Whether it must stay until that is taken back.
    pub legal_hold: bool,
    /// How it is encrypted.
    pub encrypted: Option<Encrypted>,
    /// When it ends by itself, in milliseconds since 1970, and by which rule.
    pub expires: Option<(u64, String)>,
}

impl ObjectHead {
    /// The same, where the request brought the key that opens it.
    #[must_use]
    pub fn told(mut self, asked: &GetObject) -> Self {
        if let Some(key) = &asked.customer_key {
            self.encrypted = Some(Encrypted::Customer(key.md5_text()));
        }
        self
    }
}

/// What GetObject and HeadObject answer, less the body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetOutput {
    /// The object's head.
    pub head: ObjectHead,
    /// The part of it that is answered.
    pub slice: Slice,
}

/// Which bytes of an object are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Slice {
    /// All: 200.
    Whole,
    /// `first..=last` of the whole: 206. `whole_part` when it is exactly one whole part (its checksums may be answered).
    Range {
        /// First byte.
        first: u64,
        /// Last byte, inclusive.
        last: u64,
        /// Whether this is exactly one whole part.
        whole_part: bool,
    },
}

impl GetOutput {
    /// How many bytes the body has.
    pub fn length(&self) -> u64 {
        match self.slice {
            Slice::Whole => self.head.size,
            Slice::Range { first, last, .. } => last - first + 1,
        }
    }
}

/// What PutObject, UploadPart and their sisters answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutOutput {
    /// Entity tag.
    pub etag: ETag,
    /// The version made.
    pub version: Option<VersionId>,
    /// The version that a copy has read.
    pub source_version: Option<VersionId>,
    /// Checksums.
    pub checksums: Vec<Checksum>,
    /// How it is encrypted.
    pub encrypted: Option<Encrypted>,
    /// When it ends by itself, in milliseconds since 1970, and by which rule.
    pub expires: Option<(u64, String)>,
    /// Bytes stored.
    pub size: u64,
    /// Milliseconds since 1970.
    pub modified_ms: u64,
}

/// What DeleteObject answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteOutput {
    /// The version deleted, or the marker made.
    pub version: Option<VersionId>,
    /// Whether a marker was made, or deleted.
    pub marker: bool,
}

/// One line of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListEntry {
    /// Its key.
    pub key: ObjectKey,
    /// Bytes.
    pub size: u64,
    /// Entity tag.
    pub etag: ETag,
    /// Milliseconds since 1970.
    pub modified_ms: u64,
    /// Storage class, `None` for STANDARD.
    pub storage_class: Option<String>,
    /// The algorithms and kind of its checksums.
    pub checksums: Vec<(ChecksumAlgorithm, ChecksumKind)>,
    /// Who made it.
    pub creator: Creator,
}

/// A page of ListObjects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListPage {
    /// Keys, ascending by bytes.
    pub entries: Vec<ListEntry>,
    /// Common prefixes, ascending by bytes.
    pub prefixes: Vec<String>,
    /// Where the next page begins: after this key or common prefix. `None` at the end.
    pub next: Option<String>,
}

/// One line of a list of versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionEntry {
    /// Its key.
    pub key: ObjectKey,
    /// Its name.
    pub version: VersionId,
    /// Whether it is the newest of its key.
    pub is_latest: bool,
    /// Milliseconds since 1970.
    pub modified_ms: u64,
    /// Who made it.
    pub creator: Creator,
    /// What it is.
    pub kind: VersionKind,
}

/// What a line of a list of versions is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VersionKind {
    /// An object.
    Object {
        /// Bytes.
        size: u64,
        /// Entity tag.
        etag: ETag,
        /// Storage class, `None` for STANDARD.
        storage_class: Option<String>,
        /// The algorithms and kind of its checksums.
        checksums: Vec<(ChecksumAlgorithm, ChecksumKind)>,
    },
    /// A delete marker.
    Marker,
}

/// A page of ListObjectVersions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionPage {
    /// Versions and markers, by key, and of each key from the newest.
    pub entries: Vec<VersionEntry>,
    /// Common prefixes, ascending by bytes.
    pub prefixes: Vec<String>,
    /// Where the next page begins: after this key or common prefix, and after this version of it.
    pub next: Option<(String, Option<VersionId>)>,
}

/// What GetObjectAttributes answers of an object's parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributeParts {
    /// How many there are.
    pub total: u16,
    /// The parts of this page, where they have checksums of their own.
    pub entries: Vec<AttributePart>,
    /// The last number of this page where more follow.
    pub next: Option<u16>,
}

/// A part, as GetObjectAttributes shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributePart {
    /// 1 to 10,000.
    pub number: u16,
    /// Bytes.
    pub size: u64,
    /// Its checksums.
    pub checksums: Vec<Checksum>,
}

/// One open upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadEntry {
    /// The key of the object to be.
    pub key: ObjectKey,
    /// The upload.
    pub upload: UploadId,
    /// Milliseconds since 1970.
    pub initiated_ms: u64,
    /// Who began it.
    pub creator: Creator,
    /// What will stand beside its object: who owns it, and who may do what with it.
    pub acl: Option<String>,
    /// Storage class, `None` for STANDARD.
    pub storage_class: Option<String>,
    /// Its checksum algorithm and kind.
    pub checksum: Option<(ChecksumAlgorithm, ChecksumKind)>,
    /// How its object will be encrypted.
    pub encrypted: Option<Encrypted>,
}

/// Whom lists of uploads and parts name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadPeople {
    /// Who began it.
    pub initiator: Owner,
    /// Who will own its object.
    pub owner: Owner,
}

/// A page of ListMultipartUploads, ascending by key, then by upload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadPage {
    /// The uploads.
    pub entries: Vec<UploadEntry>,
    /// Common prefixes.
    pub prefixes: Vec<String>,
    /// Where the next page begins: after this key, and after this upload of it.
    pub next: Option<(String, Option<UploadId>)>,
}

/// One part of an upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartEntry {
    /// 1 to 10,000.
    pub number: u16,
    /// Bytes.
    pub size: u64,
    /// MD5 of the part.
    pub etag: ETag,
    /// Milliseconds since 1970.
    pub modified_ms: u64,
    /// Its checksums.
    pub checksums: Vec<Checksum>,
}

/// A page of ListParts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartPage {
    /// The upload.
    pub upload: UploadEntry,
    /// Its parts, ascending by number.
    pub entries: Vec<PartEntry>,
    /// The last number of this page where more follow.
    pub next: Option<u16>,
}

/// A part as CompleteMultipartUpload lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompletedPart {
    /// 1 to 10,000.
    pub number: u16,
    /// The entity tag as the client sent it, without quotes.
    pub etag: String,
    /// Checksums that the client repeats.
    pub checksums: Vec<Checksum>,
}
