//! What carrying out a permit led to, typed: the last step writes it as S3 does.

use std::sync::Arc;

use s3_protocol::call::{
    GetObject, GetObjectAttributes, ListBuckets, ListMultipartUploads, ListObjectVersions,
    ListObjects, ListParts,
};
use s3_protocol::object::{
    AttributeParts, BucketPage, DeleteOutput, Deleted, GetOutput, ListPage, ObjectHead, Owner,
    PartPage, PutOutput, UploadEntry, UploadPage, UploadPeople, VersionPage,
};
use s3_protocol::render::PostAnswer;
use s3_protocol::setting::Fixed;
use s3_protocol::{BucketName, VersionId};
use smallvec::SmallVec;

use super::super::authorize::{Scene, Supervised};
use crate::upstream::StoredBody;

/// A permit, carried out.
#[derive(Debug)]
pub(in crate::journey) struct Done {
    /// The request.
    pub(in crate::journey) scene: Arc<Scene>,
    /// What it led to.
    pub(in crate::journey) outcome: Outcome,
    /// Headers that an obligation takes away from the answer.
    pub(in crate::journey) strip: SmallVec<[Box<str>; 1]>,
}

/// What a request led to. Beside a page stands whom it names.
#[derive(Debug)]
pub(in crate::journey) enum Outcome {
    /// The buckets that may be seen.
    Buckets(ListBuckets, BucketPage, Owner),
    /// A bucket was made.
    BucketCreated(BucketName),
    /// A bucket is gone.
    BucketDeleted,
    /// The bucket is there.
    BucketFound,
    /// The policy of a bucket.
    Policy(String),
    /// The policy of a bucket was put there, or is gone.
    PolicyChanged,
    /// A document that is written already.
    Document(String),
    /// It was done, and there is nothing to say about it.
    Changed,
    /// The bucket's region is asked.
    Location,
    /// A page of objects.
    List(ListObjects, ListPage, Owner),
    /// An object.
    Object(Box<(GetObject, GetOutput, Supervised<StoredBody>)>),
    /// An object's head.
    ObjectHead(Box<(GetObject, GetOutput)>),
    /// An object was stored.
    Put(PutOutput),
    /// An object was stored from a form.
    Posted(PostAnswer, PutOutput),
    /// An object was copied.
    Copied(PutOutput),
    /// An object was deleted, or was not there.
    Deleted(DeleteOutput),
    /// Several were, each with its own answer.
    DeletedMany {
        /// Answer failures alone.
        quiet: bool,
        /// In the order of the request.
        answers: Vec<Deleted>,
    },
    /// An upload began.
    UploadCreated(UploadEntry),
    /// A part was stored.
    PartPut(PutOutput),
    /// A part was copied.
    PartCopied(PutOutput),
    /// An upload became an object.
    Completed(PutOutput),
    /// An upload is gone.
    Aborted,
    /// A page of uploads.
    Uploads(ListMultipartUploads, UploadPage, Vec<UploadPeople>),
    /// A page of parts.
    Parts(ListParts, Box<(PartPage, UploadPeople)>),
    /// A page of versions.
    Versions(ListObjectVersions, VersionPage, Owner),
    /// Attributes of an object.
    Attributes(Box<(GetObjectAttributes, ObjectHead, AttributeParts)>),
    /// A setting is gone.
    SettingDeleted,
    /// A setting that no bucket has.
    Fixed(Fixed),
    /// What stands beside a version.
    Facet(String, Option<VersionId>),
    /// It stands there now.
    FacetChanged(Option<VersionId>),
    /// There are no tags any more.
    TagsDeleted(Option<VersionId>),
}
