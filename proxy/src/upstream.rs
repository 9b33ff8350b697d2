//! Where permits and the admin side's buckets go: the object node in this process.

use futures_util::future::BoxFuture;
use postern_config::upstream::{Emptied, Holds, Upstream};
use s3_protocol::call::{DeleteObject, Encoding, ListFrom, ListObjects};
use s3_protocol::{BucketId, S3Code, S3Error};
use storage_node::{DeleteKey, Node, NodeError};

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

    fn empty_bucket(
        &self,
        bucket: BucketId,
        most: usize,
    ) -> BoxFuture<'_, Result<Emptied, S3Error>> {
        Box::pin(async move {
            let ask = ListObjects {
                prefix: String::new(),
                delimiter: None,
                max_keys: u32::try_from(most).unwrap_or(u32::MAX),
                encoding: Encoding::Plain,
                from: ListFrom::Marker(None),
            };
            let page = self.0.list_objects(bucket, &ask).await.map_err(said)?;
            let whole = |key| DeleteKey {
                key,
                ask: DeleteObject::default(),
                creator: None,
                stands: None,
            };
            let keys: Vec<DeleteKey> = page.entries.into_iter().map(|it| whole(it.key)).collect();
            if keys.is_empty() {
                return Ok(Emptied::default());
            }
            let answers = self.0.delete_objects(bucket, keys).await.map_err(said)?;
            // What may not be removed yet stays, and the rest goes: the bucket says at the end that it is not empty.
            let removed = answers.iter().filter(|answer| answer.is_ok()).count();
            Ok(Emptied {
                removed: removed as u64,
                more: true,
            })
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
