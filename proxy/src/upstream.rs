//! Where permits and the admin side's buckets go: the object node in this process.

use futures_util::future::BoxFuture;
use postern_config::upstream::{Holds, Upstream};
use s3_protocol::{BucketId, S3Code, S3Error};
use storage_node::{Node, NodeError};

/// The embedded node as the upstream of buckets.
#[derive(Debug)]
pub(crate) struct EmbeddedNode(pub(crate) Node);

impl Upstream for EmbeddedNode {
    fn create_bucket(&self, bucket: BucketId) -> BoxFuture<'_, Result<(), S3Error>> {
        Box::pin(async move { self.0.create_bucket(bucket).await.map_err(said) })
    }

    fn delete_bucket(&self, bucket: BucketId) -> BoxFuture<'_, Result<(), S3Error>> {
        Box::pin(async move {
            match self.0.delete_bucket(bucket).await {
                Err(NodeError::Refused(refused)) if refused.code == S3Code::NoSuchBucket => Ok(()),
                done => done.map_err(said),
            }
        })
    }

    fn holds(&self, bucket: BucketId) -> BoxFuture<'_, Result<Holds, S3Error>> {
        Box::pin(async move {
            let stats = self.0.bucket_stats(bucket).await.map_err(said)?;
            Ok(Holds {
                objects: stats.objects,
                bytes: stats.bytes,
            })
        })
    }
}

/// What the node answers. Its own faults are logged here, once.
fn said(error: NodeError) -> S3Error {
    if error.is_fault() {
        tracing::error!(%error, "the node failed");
    }
    error.into()
}
