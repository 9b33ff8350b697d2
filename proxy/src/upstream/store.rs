//! The object node as the gate knows it: in this process, or on another machine. Each method is the node's own of the same name.

mod body;

use std::sync::Arc;

use s3_protocol::call::{
    CompleteMultipartUpload, CopyObject, CreateMultipartUpload, DeleteObject, GetObject,
    GetObjectAttributes, ListMultipartUploads, ListObjectVersions, ListObjects, ListParts,
    PutObject, UploadPart, UploadPartCopy,
};
use s3_protocol::object::{
    AttributeParts, CompletedPart, DeleteOutput, GetOutput, ListPage, ObjectHead, PartPage,
    PutOutput, UploadEntry, UploadPage, VersionPage,
};
use s3_protocol::{BucketId, S3Error, UploadId, VersionId};
use storage_node::{
    BucketStats, Change, Configuration, CopyRead, DeleteKey, FacetChange, Facets, Guards, Node,
    NodeError, NodeStats, ObjectPlace, Payload, Recheck, StoredFacts, WriteAs,
};

pub use body::StoredBody;

use super::remote::Remote;
use super::wire::{Call, Held, Rechecked, Source, Writer};

/// The object node. Cloning it shares it.
#[derive(Clone, Debug)]
pub struct ObjectStore(Place);

#[derive(Clone, Debug)]
enum Place {
    Here(Node),
    Elsewhere(Arc<Remote>),
}

use Place::{Elsewhere, Here};

/// What DeleteObjects answers for each key.
type DeletedEach = Vec<Result<DeleteOutput, S3Error>>;

impl From<Node> for ObjectStore {
    fn from(node: Node) -> Self {
        Self(Here(node))
    }
}

impl From<Arc<Remote>> for ObjectStore {
    fn from(remote: Arc<Remote>) -> Self {
        Self(Elsewhere(remote))
    }
}

impl ObjectStore {
    /// Why the node cannot be asked; none: it can.
    pub(crate) fn away(&self) -> Option<String> {
        match &self.0 {
            Here(_) => None,
            Elsewhere(remote) => remote.away(),
        }
    }

    /// Where the node is; none: here.
    pub(crate) fn address(&self) -> Option<String> {
        match &self.0 {
            Here(_) => None,
            Elsewhere(remote) => Some(remote.address()),
        }
    }

    pub(crate) fn stats(&self) -> NodeStats {
        match &self.0 {
            Here(node) => node.stats(),
            Elsewhere(remote) => remote.stats(),
        }
    }

    pub(crate) fn ready_for_writes(&self) -> Result<(), NodeError> {
        match &self.0 {
            Here(node) => node.ready_for_writes(),
            Elsewhere(remote) => remote.ready_for_writes(),
        }
    }

    /// Ends the node that is here; one elsewhere goes on.
    pub(crate) async fn close(&self) {
        if let Here(node) = &self.0 {
            node.close().await;
        }
    }
}

/// Buckets.
impl ObjectStore {
    pub(crate) async fn create_bucket(&self, bucket: BucketId) -> Result<(), NodeError> {
        self.create_bucket_with(bucket, None).await
    }

    pub(crate) async fn create_bucket_with(
        &self,
        bucket: BucketId,
        first: Option<Change>,
    ) -> Result<(), NodeError> {
        match &self.0 {
            Here(node) => node.create_bucket_with(bucket, first).await,
            Elsewhere(remote) if first.is_none() => {
                remote.call(Call::CreateBucket(bucket, first), None).await
            }
            Elsewhere(remote) => {
                let call = Call::CreateBucket(bucket, first);
                remote.configure(bucket, call).await
            }
        }
    }

    pub(crate) async fn delete_bucket(&self, bucket: BucketId) -> Result<(), NodeError> {
        match &self.0 {
            Here(node) => node.delete_bucket(bucket).await,
            Elsewhere(remote) => remote.configure(bucket, Call::DeleteBucket(bucket)).await,
        }
    }

    pub(crate) async fn configure_bucket(
        &self,
        bucket: BucketId,
        change: Change,
    ) -> Result<(), NodeError> {
        match &self.0 {
            Here(node) => node.configure_bucket(bucket, change).await,
            Elsewhere(remote) => {
                let call = Call::ConfigureBucket(bucket, change);
                remote.configure(bucket, call).await
            }
        }
    }

    pub(crate) async fn bucket_configuration(
        &self,
        bucket: BucketId,
    ) -> Result<Arc<Configuration>, NodeError> {
        match &self.0 {
            Here(node) => node.bucket_configuration(bucket).await,
            Elsewhere(remote) => remote.call(Call::BucketConfiguration(bucket), None).await,
        }
    }

    pub(crate) fn cors(&self, bucket: BucketId) -> Option<Arc<Configuration>> {
        match &self.0 {
            Here(node) => node.cors(bucket),
            Elsewhere(remote) => remote
                .configuration(bucket)
                .filter(|configuration| configuration.cors.is_some()),
        }
    }

    pub(crate) fn keeps_versions(&self, bucket: BucketId) -> bool {
        match &self.0 {
            Here(node) => node.keeps_versions(bucket),
            Elsewhere(remote) => remote.keeps_versions(bucket),
        }
    }

    pub(crate) async fn bucket_stats(&self, bucket: BucketId) -> Result<BucketStats, NodeError> {
        match &self.0 {
            Here(node) => node.bucket_stats(bucket).await,
            Elsewhere(remote) => remote.call(Call::BucketStats(bucket), None).await,
        }
    }

    pub(crate) async fn has_object_lock(&self, bucket: BucketId) -> Result<(), NodeError> {
        match &self.0 {
            Here(node) => node.has_object_lock(bucket).await,
            Elsewhere(remote) => remote.call(Call::HasObjectLock(bucket), None).await,
        }
    }

    pub(crate) async fn list_objects(
        &self,
        bucket: BucketId,
        ask: &ListObjects,
    ) -> Result<ListPage, NodeError> {
        match &self.0 {
            Here(node) => node.list_objects(bucket, ask).await,
            Elsewhere(remote) => {
                let call = Call::ListObjects(bucket, ask.clone());
                remote.call(call, None).await
            }
        }
    }

    pub(crate) async fn list_versions(
        &self,
        bucket: BucketId,
        ask: &ListObjectVersions,
    ) -> Result<VersionPage, NodeError> {
        match &self.0 {
            Here(node) => node.list_versions(bucket, ask).await,
            Elsewhere(remote) => {
                let call = Call::ListVersions(bucket, ask.clone());
                remote.call(call, None).await
            }
        }
    }

    pub(crate) async fn list_uploads(
        &self,
        bucket: BucketId,
        ask: &ListMultipartUploads,
    ) -> Result<UploadPage, NodeError> {
        match &self.0 {
            Here(node) => node.list_uploads(bucket, ask).await,
            Elsewhere(remote) => {
                let call = Call::ListUploads(bucket, ask.clone());
                remote.call(call, None).await
            }
        }
    }
}

/// Reads.
impl ObjectStore {
    pub(crate) async fn get_object(
        &self,
        place: &ObjectPlace,
        ask: &GetObject,
        guards: Guards,
    ) -> Result<(GetOutput, StoredBody), NodeError> {
        match &self.0 {
            Here(node) => {
                let (output, body) = node.get_object(place, ask, guards).await?;
                Ok((output, StoredBody::from(body)))
            }
            Elsewhere(remote) => {
                let (held, _) = Held::of(guards);
                let call = Call::GetObject(place.clone(), Box::new(ask.clone()), held);
                let (output, body) = remote.fetch(call, GetOutput::length).await?;
                Ok((output, StoredBody::from(body)))
            }
        }
    }

    pub(crate) async fn head_object(
        &self,
        place: &ObjectPlace,
        ask: &GetObject,
        guards: Guards,
    ) -> Result<GetOutput, NodeError> {
        match &self.0 {
            Here(node) => node.head_object(place, ask, guards).await,
            Elsewhere(remote) => {
                let (held, _) = Held::of(guards);
                let call = Call::HeadObject(place.clone(), Box::new(ask.clone()), held);
                remote.call(call, None).await
            }
        }
    }

    pub(crate) async fn object_attributes(
        &self,
        place: &ObjectPlace,
        ask: &GetObjectAttributes,
        guards: Guards,
    ) -> Result<(ObjectHead, AttributeParts), NodeError> {
        match &self.0 {
            Here(node) => node.object_attributes(place, ask, guards).await,
            Elsewhere(remote) => {
                let (held, _) = Held::of(guards);
                let call = Call::ObjectAttributes(place.clone(), Box::new(ask.clone()), held);
                remote.call(call, None).await
            }
        }
    }

    pub(crate) async fn object_facets(
        &self,
        place: &ObjectPlace,
        version: Option<VersionId>,
        guards: Guards,
    ) -> Result<Facets, NodeError> {
        match &self.0 {
            Here(node) => node.object_facets(place, version, guards).await,
            Elsewhere(remote) => {
                let (held, _) = Held::of(guards);
                let call = Call::ObjectFacets(place.clone(), version, held);
                remote.call(call, None).await
            }
        }
    }

    pub(crate) async fn stored_facts(
        &self,
        place: &ObjectPlace,
        version: Option<VersionId>,
    ) -> Result<Option<StoredFacts>, NodeError> {
        match &self.0 {
            Here(node) => node.stored_facts(place, version).await,
            Elsewhere(remote) => {
                let call = Call::StoredFacts(place.clone(), version);
                remote.call(call, None).await
            }
        }
    }

    pub(crate) async fn list_parts(
        &self,
        place: &ObjectPlace,
        ask: &ListParts,
        guards: Guards,
    ) -> Result<PartPage, NodeError> {
        match &self.0 {
            Here(node) => node.list_parts(place, ask, guards).await,
            Elsewhere(remote) => {
                let (held, _) = Held::of(guards);
                let call = Call::ListParts(place.clone(), ask.clone(), held);
                remote.call(call, None).await
            }
        }
    }
}

/// Writes and deletions.
impl ObjectStore {
    pub(crate) async fn put_object<P: Payload>(
        &self,
        place: &ObjectPlace,
        ask: PutObject,
        by: WriteAs,
        payload: P,
    ) -> Result<PutOutput, NodeError> {
        match &self.0 {
            Here(node) => node.put_object(place, ask, by, payload).await,
            Elsewhere(remote) => {
                let (writer, recheck) = Writer::of(by);
                let call = Call::PutObject(place.clone(), Box::new(ask), writer);
                remote.upload(call, recheck, payload).await
            }
        }
    }

    pub(crate) async fn upload_part<P: Payload>(
        &self,
        place: &ObjectPlace,
        ask: UploadPart,
        guards: Guards,
        payload: P,
    ) -> Result<PutOutput, NodeError> {
        match &self.0 {
            Here(node) => node.upload_part(place, ask, guards, payload).await,
            Elsewhere(remote) => {
                let (held, recheck) = Held::of(guards);
                let call = Call::UploadPart(place.clone(), Box::new(ask), held);
                remote.upload(call, recheck, payload).await
            }
        }
    }

    pub(crate) async fn copy_object(
        &self,
        source: CopyRead,
        place: &ObjectPlace,
        ask: CopyObject,
        by: WriteAs,
    ) -> Result<PutOutput, NodeError> {
        match &self.0 {
            Here(node) => node.copy_object(source, place, ask, by).await,
            Elsewhere(remote) => {
                let (writer, recheck) = Writer::of(by);
                let source = Source::of(source);
                let call = Call::CopyObject(source, place.clone(), Box::new(ask), writer);
                remote.call(call, recheck).await
            }
        }
    }

    pub(crate) async fn upload_part_copy(
        &self,
        source: CopyRead,
        place: &ObjectPlace,
        ask: UploadPartCopy,
        guards: Guards,
    ) -> Result<PutOutput, NodeError> {
        match &self.0 {
            Here(node) => node.upload_part_copy(source, place, ask, guards).await,
            Elsewhere(remote) => {
                let (held, recheck) = Held::of(guards);
                let source = Source::of(source);
                let call = Call::UploadPartCopy(source, place.clone(), Box::new(ask), held);
                remote.call(call, recheck).await
            }
        }
    }

    pub(crate) async fn create_upload(
        &self,
        place: &ObjectPlace,
        ask: CreateMultipartUpload,
        by: WriteAs,
    ) -> Result<UploadEntry, NodeError> {
        match &self.0 {
            Here(node) => node.create_upload(place, ask, by).await,
            Elsewhere(remote) => {
                let (writer, recheck) = Writer::of(by);
                let call = Call::CreateUpload(place.clone(), Box::new(ask), writer);
                remote.call(call, recheck).await
            }
        }
    }

    pub(crate) async fn complete_upload(
        &self,
        place: &ObjectPlace,
        ask: CompleteMultipartUpload,
        parts: Vec<CompletedPart>,
        guards: Guards,
    ) -> Result<PutOutput, NodeError> {
        match &self.0 {
            Here(node) => node.complete_upload(place, ask, parts, guards).await,
            Elsewhere(remote) => {
                let (held, recheck) = Held::of(guards);
                let call = Call::CompleteUpload(place.clone(), Box::new(ask), parts, held);
                remote.call(call, recheck).await
            }
        }
    }

    pub(crate) async fn abort_upload(
        &self,
        place: &ObjectPlace,
        upload: UploadId,
        guards: Guards,
    ) -> Result<(), NodeError> {
        match &self.0 {
            Here(node) => node.abort_upload(place, upload, guards).await,
            Elsewhere(remote) => {
                let (held, recheck) = Held::of(guards);
                let call = Call::AbortUpload(place.clone(), upload, held);
                remote.call(call, recheck).await
            }
        }
    }

    pub(crate) async fn change_object(
        &self,
        place: &ObjectPlace,
        version: Option<VersionId>,
        change: FacetChange,
        guards: Guards,
    ) -> Result<Option<VersionId>, NodeError> {
        match &self.0 {
            Here(node) => node.change_object(place, version, change, guards).await,
            Elsewhere(remote) => {
                let (held, recheck) = Held::of(guards);
                let call = Call::ChangeObject(place.clone(), version, change, held);
                remote.call(call, recheck).await
            }
        }
    }

    pub(crate) async fn delete_object(
        &self,
        place: &ObjectPlace,
        ask: &DeleteObject,
        guards: Guards,
    ) -> Result<DeleteOutput, NodeError> {
        match &self.0 {
            Here(node) => node.delete_object(place, ask, guards).await,
            Elsewhere(remote) => {
                let (held, recheck) = Held::of(guards);
                let call = Call::DeleteObject(place.clone(), ask.clone(), held);
                remote.call(call, recheck).await
            }
        }
    }

    /// The node's own has no question before the commit, since nothing lies between its caller and its writer.
    pub(crate) async fn delete_objects(
        &self,
        bucket: BucketId,
        keys: Vec<DeleteKey>,
        recheck: Option<Recheck>,
    ) -> Result<DeletedEach, NodeError> {
        match &self.0 {
            Here(node) => {
                if let Some(recheck) = recheck {
                    recheck.ask().await?;
                }
                node.delete_objects(bucket, keys).await
            }
            Elsewhere(remote) => {
                let rechecked = Rechecked::of(recheck.as_ref());
                let call = Call::DeleteObjects(bucket, keys, rechecked);
                remote.call(call, recheck).await
            }
        }
    }
}
