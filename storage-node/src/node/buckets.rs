//! Buckets as the node knows them: a number, when it was made, and what it holds.

#![expect(
    clippy::unused_async,
    reason = "the face is async throughout: where an index read has to wait is not its callers' business"
)]

use s3_protocol::{BucketId, S3Code};

use super::{BucketStats, Node};
use crate::error::NodeError;
use crate::keys::{self, Table};
use crate::record::fields::Fields;
use crate::row::{self, damaged};
use crate::writer::Work;

impl Node {
    /// Makes a bucket; making it twice is once.
    pub async fn create_bucket(&self, bucket: BucketId) -> Result<(), NodeError> {
        self.inner.ready()?;
        let fields = Fields {
            time_ms: self.inner.now_ms(),
            ..Fields::default()
        }
        .encode();
        self.inner
            .ask(Work::Bucket { bucket, fields })
            .await
            .map(drop)
    }

    /// Deletes a bucket without objects; its open uploads die with it.
    ///
    /// # Errors
    /// NoSuchBucket, BucketNotEmpty.
    pub async fn delete_bucket(&self, bucket: BucketId) -> Result<(), NodeError> {
        self.inner.ask(Work::BucketEnd(bucket)).await.map(drop)
    }

    /// What a bucket holds.
    ///
    /// # Errors
    /// NoSuchBucket.
    pub async fn bucket_stats(&self, bucket: BucketId) -> Result<BucketStats, NodeError> {
        let (row, counts) = self.inner.store.bucket(bucket)?;
        let row = row.ok_or(S3Code::NoSuchBucket)?;
        let (_, fields) = row::decode(&keys::bucket(bucket), &row)?;
        let created_ms = Fields::decode(fields).map_err(damaged)?.time_ms;
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        Ok(BucketStats {
            created_ms,
            objects: count(counts.objects),
            bytes: count(counts.bytes),
        })
    }

    /// NoSuchBucket, if it is not there.
    pub(super) fn bucket_exists(&self, bucket: BucketId) -> Result<(), NodeError> {
        match self
            .inner
            .store
            .get(Table::Buckets, &keys::bucket(bucket))?
        {
            Some(_) => Ok(()),
            None => Err(S3Code::NoSuchBucket.into()),
        }
    }
}
