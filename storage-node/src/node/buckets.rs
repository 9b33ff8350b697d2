//! Buckets as the node knows them: a number, when it was made, and what it holds.

#![expect(
    clippy::unused_async,
    reason = "the face is async throughout: where an index read has to wait is not its callers' business"
)]

use std::sync::Arc;

use s3_protocol::setting::Versioning;
use s3_protocol::{BucketId, S3Code};

use super::{BucketStats, Node};
use crate::configuration::{Change, Configuration, ConfigurationChanges};
use crate::error::NodeError;
use crate::keys::{self, Table};
use crate::record::fields::Fields;
use crate::row::{self, damaged};
use crate::writer::Work;

impl Node {
    /// Makes a bucket; making it twice is once.
    pub async fn create_bucket(&self, bucket: BucketId) -> Result<(), NodeError> {
        self.create_bucket_with(bucket, None).await
    }

    /// Makes a bucket that is configured from the first: there is no moment, and after a crash no bucket, without it. One that is
    /// there stays as it is.
    pub async fn create_bucket_with(
        &self,
        bucket: BucketId,
        first: Option<Change>,
    ) -> Result<(), NodeError> {
        self.inner.ready()?;
        let mut fields = Fields {
            time_ms: self.inner.now_ms(),
            ..Fields::default()
        };
        if let Some(first) = first {
            first.apply(&mut fields)?;
        }
        let fields = fields.encode();
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

    /// Configures a bucket.
    ///
    /// # Errors
    /// NoSuchBucket; InvalidBucketState for versioning that object lock needs.
    pub async fn configure_bucket(
        &self,
        bucket: BucketId,
        change: Change,
    ) -> Result<(), NodeError> {
        self.inner
            .ask(Work::Configure { bucket, change })
            .await
            .map(drop)
    }

    /// What is configured of a bucket.
    ///
    /// # Errors
    /// NoSuchBucket.
    pub async fn bucket_configuration(
        &self,
        bucket: BucketId,
    ) -> Result<Arc<Configuration>, NodeError> {
        self.bucket_exists(bucket)?;
        Ok(self.inner.configurations.of(bucket).unwrap_or_default())
    }

    /// What is configured of a bucket, where it has a CORS configuration: asked with each request of a browser.
    pub fn cors(&self, bucket: BucketId) -> Option<Arc<Configuration>> {
        let configuration = self.inner.configurations.of(bucket);
        configuration.filter(|configuration| configuration.cors.is_some())
    }

    /// Whether each write of a bucket makes a version, so that nothing that is overwritten or deleted is lost.
    pub fn keeps_versions(&self, bucket: BucketId) -> bool {
        let configuration = self.inner.configurations.of(bucket);
        configuration
            .is_some_and(|configuration| configuration.versioning == Some(Versioning::Enabled))
    }

    /// What was configured since a revision, a page of it; 0 asks for everything.
    pub fn configurations_since(&self, revision: u64) -> ConfigurationChanges {
        self.inner.configurations.since(revision)
    }

    /// The revision of what is configured, and a number of this opening of the node: those of another opening tell nothing.
    pub fn configured(&self) -> (u64, u64) {
        (self.inner.blobs, self.inner.configurations.revision())
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
