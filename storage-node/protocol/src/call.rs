//! What a request asks, typed: one variant of [`Call`] for each operation that is built.
//!
//! These are plain data. They are made by [`parse`](mod@crate::parse) from a request's head, judged by the proxy, and handed to
//! the upstream: what was authorized is what is executed.

use http::HeaderMap;
use serde::{Deserialize, Serialize};

use crate::acl::AclAsk;
use crate::checksum::{Checksum, ChecksumAlgorithm, ChecksumKind, Hasher};
use crate::error::{S3Code, S3Error};
use crate::escalations::Escalations;
use crate::names::{BucketName, ObjectKey, UploadId, VersionId};
use crate::object::{ContentHeaders, ETag};
use crate::operation::Operation;
use crate::seal::{CustomerKey, Sealing};
use crate::setting::{Facet, Fixed, Retention, Setting};

/// Where a request points.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// The service endpoint.
    Service,
    /// A bucket.
    Bucket(BucketName),
    /// An object in a bucket.
    Object(BucketName, ObjectKey),
}

/// A request, understood.
#[derive(Clone, Debug)]
pub struct S3Request {
    /// The operation by its API name.
    pub operation: Operation,
    /// What it addresses.
    pub target: Target,
    /// Its typed input. [`Call::Unbuilt`] where this build answers 501.
    pub call: Call,
    /// What its headers ask beyond the operation: each wants a check of its own.
    pub escalations: Escalations,
    /// The list that what it makes is to have: a bucket, or an object.
    pub acl: Option<AclAsk>,
    /// Who the client believes owns the buckets.
    pub expected: ExpectedOwners,
}

/// `x-amz-expected-bucket-owner` and its sister for a copy's source: another owner is 403.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExpectedOwners {
    /// Of the bucket that the request addresses.
    pub bucket: Option<String>,
    /// Of the bucket that a copy reads.
    pub source: Option<String>,
}

/// The typed input of each operation that is built.
#[derive(Clone, Debug)]
pub enum Call {
    /// ListBuckets.
    ListBuckets(ListBuckets),
    /// CreateBucket; its XML body is read later ([`documents`](crate::xml)).
    CreateBucket(CreateBucket),
    /// DeleteBucket.
    DeleteBucket,
    /// HeadBucket.
    HeadBucket,
    /// GetBucketLocation.
    GetBucketLocation,
    /// GetBucketAcl.
    GetBucketAcl,
    /// PutBucketAcl: a list from headers, or an XML body that is read later.
    PutBucketAcl(Option<AclAsk>, BodyDigests),
    /// GetPublicAccessBlock.
    GetPublicAccessBlock,
    /// PutPublicAccessBlock; its XML body is read later.
    PutPublicAccessBlock(BodyDigests),
    /// DeletePublicAccessBlock.
    DeletePublicAccessBlock,
    /// GetBucketOwnershipControls.
    GetBucketOwnershipControls,
    /// PutBucketOwnershipControls; its XML body is read later.
    PutBucketOwnershipControls(BodyDigests),
    /// DeleteBucketOwnershipControls.
    DeleteBucketOwnershipControls,
    /// GetBucketPolicyStatus.
    GetBucketPolicyStatus,
    /// GetBucketPolicy.
    GetBucketPolicy,
    /// PutBucketPolicy; its JSON body is read later.
    PutBucketPolicy(BodyDigests),
    /// DeleteBucketPolicy.
    DeleteBucketPolicy,
    /// ListObjects (version 1) and ListObjectsV2.
    ListObjects(ListObjects),
    /// ListMultipartUploads.
    ListMultipartUploads(ListMultipartUploads),
    /// GetObject.
    GetObject(GetObject),
    /// HeadObject.
    HeadObject(GetObject),
    /// PutObject.
    PutObject(PutObject),
    /// PostObject: everything else is in the form.
    PostObject,
    /// CopyObject.
    CopyObject(CopyObject),
    /// DeleteObject, with or without a version.
    DeleteObject(DeleteObject),
    /// DeleteObjects; its XML body is read later.
    DeleteObjects(BodyDigests),
    /// CreateMultipartUpload.
    CreateMultipartUpload(CreateMultipartUpload),
    /// UploadPart.
    UploadPart(UploadPart),
    /// UploadPartCopy.
    UploadPartCopy(UploadPartCopy),
    /// CompleteMultipartUpload; its XML body is read later.
    CompleteMultipartUpload(CompleteMultipartUpload),
    /// AbortMultipartUpload.
    AbortMultipartUpload(UploadId),
    /// ListParts.
    ListParts(ListParts),
    /// ListObjectVersions.
    ListObjectVersions(ListObjectVersions),
    /// GetObjectAttributes.
    GetObjectAttributes(GetObjectAttributes),
    /// GetBucketVersioning and its sisters.
    GetSetting(Setting),
    /// PutBucketVersioning and its sisters; the XML body is read later.
    PutSetting(Setting, BodyDigests),
    /// DeleteBucketTagging and its sisters.
    DeleteSetting(Setting),
    /// A setting that no bucket here has: one answer for all.
    GetFixed(Fixed),
    /// GetObjectTagging, GetObjectRetention, GetObjectLegalHold.
    GetFacet(Facet, Option<VersionId>),
    /// PutObjectTagging, PutObjectRetention, PutObjectLegalHold; the XML body is read later.
    PutFacet(PutFacet),
    /// DeleteObjectTagging.
    DeleteTagging(Option<VersionId>),
    /// GetObjectAcl.
    GetObjectAcl(Option<VersionId>),
    /// PutObjectAcl: a list from headers, or an XML body that is read later.
    PutObjectAcl(PutObjectAcl),
    /// What a browser asks before a request of another origin; it needs no right, and grants none.
    Preflight,
    /// An operation of S3 that this build does not answer: 501 after authentication.
    Unbuilt,
}

impl Call {
    /// Whether it makes a bucket or an object, which can have a list from the first moment.
    pub const fn makes(&self) -> bool {
        matches!(
            self,
            Self::CreateBucket(_)
                | Self::PutObject(_)
                | Self::CopyObject(_)
                | Self::CreateMultipartUpload(_)
        )
    }
}

/// `max-buckets`, `prefix`, `continuation-token`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListBuckets {
    /// Only names with this prefix.
    pub prefix: String,
    /// Most names on a page, 1 to 10,000; `None` is all.
    pub max_buckets: Option<u32>,
    /// Begin after this name (the token is opaque to clients).
    pub continuation: Option<String>,
}

/// What CreateBucket asks in its head.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateBucket {
    /// `x-amz-bucket-object-lock-enabled`.
    pub object_lock: bool,
    /// Digests of the XML body.
    pub digests: BodyDigests,
}

/// Digests that a request declares of its document, XML or JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BodyDigests {
    /// `Content-MD5`.
    pub md5: Option<[u8; 16]>,
    /// `x-amz-checksum-*`.
    pub checksum: Option<Checksum>,
    /// `x-amz-trailer`: the value comes in the body's trailers.
    pub trailer: Option<ChecksumAlgorithm>,
}

impl BodyDigests {
    /// Compares what was declared with a whole body and the trailers that followed it.
    ///
    /// # Errors
    /// [`S3Code::BadDigest`], and [`S3Code::MalformedTrailerError`] where a declared trailer is missing or no checksum.
    pub fn verify(&self, body: &[u8], trailers: Option<&HeaderMap>) -> Result<(), S3Error> {
        if let Some(expected) = self.md5
            && Hasher::of(ChecksumAlgorithm::Md5, body).value != expected
        {
            return Err(S3Error::with(
                S3Code::BadDigest,
                "The Content-MD5 you specified did not match what we received.",
            ));
        }
        let trailed = self
            .trailer
            .map(|algorithm| algorithm.read_trailer(trailers))
            .transpose()?;
        for expected in self.checksum.iter().chain(&trailed) {
            if Hasher::of(expected.algorithm, body).value != expected.value {
                return Err(expected.algorithm.mismatch());
            }
        }
        Ok(())
    }
}

/// How keys are written into list answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoding {
    /// As they are; what XML cannot carry is written as a numeric reference, as S3 does.
    #[default]
    Plain,
    /// `encoding-type=url`: percent-encoded, a space as `%20`, `/` kept; tokens are untouched.
    Url,
}

/// ListObjects and ListObjectsV2: the same page, two languages for its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListObjects {
    /// Only keys with this prefix.
    pub prefix: String,
    /// Roll up keys that share a prefix up to this text.
    pub delimiter: Option<String>,
    /// Most entries (keys and common prefixes) on the page, 0 to 1,000.
    pub max_keys: u32,
    /// How keys are written.
    pub encoding: Encoding,
    /// Where the page begins.
    pub from: ListFrom,
}

/// Where a page of a list begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ListFrom {
    /// Version 1: after this key or common prefix.
    Marker(Option<String>),
    /// Version 2.
    Token {
        /// `continuation-token`, decoded: after this key or common prefix. It wins over `start_after`.
        continuation: Option<String>,
        /// `continuation-token` as the client sent it, to be echoed.
        raw: Option<String>,
        /// `start-after`.
        start_after: Option<String>,
        /// `fetch-owner`.
        fetch_owner: bool,
    },
}

/// ListObjectVersions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListObjectVersions {
    /// Only keys with this prefix.
    pub prefix: String,
    /// Roll up keys that share a prefix up to this text.
    pub delimiter: Option<String>,
    /// Most entries (versions, markers and common prefixes) on the page, 0 to 1,000.
    pub max_keys: u32,
    /// How keys are written.
    pub encoding: Encoding,
    /// `key-marker`.
    pub key_marker: Option<String>,
    /// `version-id-marker`; never without a key marker.
    pub version_id_marker: Option<VersionId>,
}

/// GetObjectAttributes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetObjectAttributes {
    /// `versionId`.
    pub version: Option<VersionId>,
    /// Which attributes are asked for.
    pub wanted: Vec<Attribute>,
    /// `x-amz-max-parts`.
    pub max_parts: u32,
    /// `x-amz-part-number-marker`.
    pub after: u16,
    /// `x-amz-server-side-encryption-customer-*`.
    pub customer_key: Option<CustomerKey>,
}

/// An attribute of an object. Source: S3 API Reference, GetObjectAttributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are those of the S3 API Reference")]
pub enum Attribute {
    ETag,
    Checksum,
    ObjectParts,
    StorageClass,
    ObjectSize,
}

/// PutObjectTagging, PutObjectRetention and PutObjectLegalHold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutFacet {
    /// What is put.
    pub facet: Facet,
    /// `versionId`.
    pub version: Option<VersionId>,
    /// `x-amz-bypass-governance-retention`.
    pub bypass_governance: bool,
    /// Digests of the XML body.
    pub digests: BodyDigests,
}

/// PutObjectAcl.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutObjectAcl {
    /// `versionId`.
    pub version: Option<VersionId>,
    /// The list, where headers bring it.
    pub ask: Option<AclAsk>,
    /// Digests of the XML body.
    pub digests: BodyDigests,
}

/// ListMultipartUploads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListMultipartUploads {
    /// Only keys with this prefix.
    pub prefix: String,
    /// Roll up keys that share a prefix up to this text.
    pub delimiter: Option<String>,
    /// Most entries on the page, 0 to 1,000.
    pub max_uploads: u32,
    /// How keys are written.
    pub encoding: Encoding,
    /// `key-marker`.
    pub key_marker: Option<String>,
    /// `upload-id-marker`; ignored without a key marker.
    pub upload_id_marker: Option<String>,
}

/// ListParts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListParts {
    /// The upload.
    pub upload: UploadId,
    /// Most parts on the page, 0 to 1,000.
    pub max_parts: u32,
    /// Only parts with a greater number.
    pub after: u16,
}

/// The conditions of RFC 9110, section 13, as S3 has them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conditions {
    /// `If-Match`.
    pub if_match: Option<TagMatch>,
    /// `If-None-Match`.
    pub if_none_match: Option<TagMatch>,
    /// `If-Modified-Since`, seconds since 1970.
    pub if_modified_since: Option<i64>,
    /// `If-Unmodified-Since`, seconds since 1970.
    pub if_unmodified_since: Option<i64>,
}

/// `*`, or a list of entity tags (without quotes, weak marks taken off).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TagMatch {
    /// `*`
    Any,
    /// One of these.
    OneOf(Vec<String>),
}

/// A `Range` header's one range; several ranges are ignored, as in S3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ByteRange {
    /// `bytes=a-b`, both inclusive; `b` may lie past the end.
    FromTo(u64, u64),
    /// `bytes=a-`
    From(u64),
    /// `bytes=-n`: the last n bytes.
    Last(u64),
}

/// What `If-Range` names: another state of the object answers the whole of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IfRange {
    /// An entity tag, without quotes.
    Tag(String),
    /// Unchanged since, seconds since 1970.
    Date(i64),
    /// Neither; or a weak tag, which proves nothing about bytes. The range is ignored.
    Never,
}

/// GetObject and HeadObject.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetObject {
    /// `versionId`.
    pub version: Option<VersionId>,
    /// `Range`. To be asked through [`GetObject::range_of`], which knows `If-Range`.
    pub range: Option<ByteRange>,
    /// `If-Range`.
    pub if_range: Option<IfRange>,
    /// `partNumber`, 1 to 10,000.
    pub part_number: Option<u16>,
    /// Conditions.
    pub conditions: Conditions,
    /// `x-amz-checksum-mode: ENABLED`.
    pub checksum_mode: bool,
    /// `x-amz-server-side-encryption-customer-*`.
    pub customer_key: Option<CustomerKey>,
    /// `response-content-type` and its five sisters, as header names and values; signed requests only.
    /// They are the answer's business and do not travel to a node.
    #[serde(skip)]
    pub response_overrides: Vec<(http::HeaderName, http::HeaderValue)>,
}

impl ByteRange {
    /// The first and last byte of an object of `size` bytes, or `None` where no byte of it is meant: 416.
    pub fn resolve(self, size: u64) -> Option<(u64, u64)> {
        let end = size.checked_sub(1)?;
        let (first, last) = match self {
            Self::FromTo(first, last) => (first, last.min(end)),
            Self::From(first) => (first, end),
            Self::Last(0) => return None,
            Self::Last(bytes) => (size.saturating_sub(bytes), end),
        };
        (first <= last).then_some((first, last))
    }
}

impl GetObject {
    /// The range that holds for an object with this tag and time; `If-Range` may have taken it away.
    /// Source: RFC 9110, section 13.1.5.
    pub fn range_of(&self, etag: &ETag, modified_ms: u64) -> Option<ByteRange> {
        let holds = match &self.if_range {
            None => true,
            Some(IfRange::Tag(tag)) => *tag == etag.to_string(),
            Some(IfRange::Date(time)) => i64::try_from(modified_ms / 1_000) == Ok(*time),
            Some(IfRange::Never) => false,
        };
        self.range.filter(|_| holds)
    }
}

/// What every write of an object's head carries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteHead {
    /// Content-Type and its sisters, `aws-chunked` already taken out.
    pub content: ContentHeaders,
    /// `x-amz-meta-*`: name without the prefix, lower case, and value.
    pub metadata: Vec<(String, String)>,
    /// `x-amz-storage-class`.
    pub storage_class: Option<String>,
    /// `x-amz-tagging`, decoded.
    pub tags: Vec<(String, String)>,
    /// `x-amz-website-redirect-location`.
    pub website_redirect: Option<String>,
    /// `x-amz-object-lock-mode` and `x-amz-object-lock-retain-until-date`.
    pub retention: Option<Retention>,
    /// `x-amz-object-lock-legal-hold: ON`.
    pub legal_hold: bool,
    /// `x-amz-server-side-encryption*`.
    pub sealing: Option<Sealing>,
}

/// PutObject (and PostObject, once its form is read).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutObject {
    /// The head to store.
    pub head: WriteHead,
    /// Decoded length of the payload, in bytes, where the request says so.
    pub length: Option<u64>,
    /// Digests of the payload.
    pub digests: PayloadDigests,
    /// `If-Match`, `If-None-Match`, and the two times.
    pub conditions: Conditions,
}

/// What a request says of the payload that follows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayloadDigests {
    /// `Content-MD5`.
    pub md5: Option<[u8; 16]>,
    /// `x-amz-checksum-*` in the head.
    pub checksum: Option<Checksum>,
    /// `x-amz-trailer` / `x-amz-sdk-checksum-algorithm`: the value comes in the payload's trailers.
    pub trailer: Option<ChecksumAlgorithm>,
}

/// `x-amz-copy-source`, parsed once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopySource {
    /// The bucket, in the caller's namespace.
    pub bucket: BucketName,
    /// The key.
    pub key: ObjectKey,
    /// `?versionId=`.
    pub version: Option<VersionId>,
    /// `x-amz-copy-source-if-*`.
    pub conditions: Conditions,
    /// `x-amz-copy-source-server-side-encryption-customer-*`.
    pub customer_key: Option<CustomerKey>,
}

/// Whether a copy keeps what it copies or replaces it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Directive {
    /// Keep the source's.
    #[default]
    Copy,
    /// Take the request's.
    Replace,
}

/// CopyObject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyObject {
    /// What is read.
    pub source: CopySource,
    /// `x-amz-metadata-directive`.
    pub metadata: Directive,
    /// `x-amz-tagging-directive`.
    pub tagging: Directive,
    /// The head where a directive says replace.
    pub head: WriteHead,
    /// `x-amz-checksum-algorithm`: compute this one for the copy.
    pub checksum: Option<ChecksumAlgorithm>,
    /// Conditions on the destination.
    pub conditions: Conditions,
}

/// DeleteObject.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteObject {
    /// `versionId`.
    pub version: Option<VersionId>,
    /// `x-amz-bypass-governance-retention`.
    pub bypass_governance: bool,
    /// What is to be found there.
    pub only_if: DeleteIf,
}

/// What a deletion is to find: where something else is there it is refused, where nothing is there nothing is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteIf {
    /// `If-Match`.
    pub tag: Option<TagMatch>,
    /// `x-amz-if-match-size`, in bytes.
    pub size: Option<u64>,
    /// `x-amz-if-match-last-modified-time`, in seconds since 1970.
    pub modified: Option<i64>,
}

/// CreateMultipartUpload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateMultipartUpload {
    /// The head of the object to be.
    pub head: WriteHead,
    /// `x-amz-checksum-algorithm`.
    pub checksum: Option<ChecksumAlgorithm>,
    /// `x-amz-checksum-type`.
    pub checksum_kind: Option<ChecksumKind>,
}

/// UploadPart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadPart {
    /// The upload.
    pub upload: UploadId,
    /// 1 to 10,000.
    pub part_number: u16,
    /// Decoded length, in bytes.
    pub length: Option<u64>,
    /// Digests of the part.
    pub digests: PayloadDigests,
    /// `x-amz-server-side-encryption-customer-*`.
    pub customer_key: Option<CustomerKey>,
}

/// UploadPartCopy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadPartCopy {
    /// The upload.
    pub upload: UploadId,
    /// 1 to 10,000.
    pub part_number: u16,
    /// What is read.
    pub source: CopySource,
    /// `x-amz-copy-source-range`: first and last byte, inclusive.
    pub range: Option<(u64, u64)>,
    /// `x-amz-server-side-encryption-customer-*`.
    pub customer_key: Option<CustomerKey>,
}

/// CompleteMultipartUpload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompleteMultipartUpload {
    /// The upload.
    pub upload: UploadId,
    /// `x-amz-checksum-*` of the whole object.
    pub checksum: Option<Checksum>,
    /// `x-amz-checksum-type`.
    pub checksum_kind: Option<ChecksumKind>,
    /// `x-amz-mp-object-size`.
    pub object_size: Option<u64>,
    /// Conditions on the object.
    pub conditions: Conditions,
    /// `x-amz-server-side-encryption-customer-*`.
    pub customer_key: Option<CustomerKey>,
}
