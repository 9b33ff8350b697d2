//! What buckets and volumes hold, counted row by row: unlike the counts that are kept, these tell objects from versions.

use s3_protocol::{BucketId, UploadId};

use super::pace::{Rate, Steps};
use super::{Node, VolumeUse};
use crate::error::NodeError;
use crate::keys::{self, Table};
use crate::limits::SCAN_ROWS_MAX;
use crate::record::fields::Glance;
use crate::row::{self, damaged};

/// What a bucket holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketUse {
    /// Which.
    pub bucket: BucketId,
    /// Keys that have a current version which is no marker.
    pub objects: u64,
    /// Versions that are not current.
    pub versions: u64,
    /// Delete markers.
    pub markers: u64,
    /// Bytes of objects and versions.
    pub bytes: u64,
    /// Open uploads.
    pub uploads: u64,
    /// Bytes of their parts.
    pub upload_bytes: u64,
}

/// What the node holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// By bucket, ascending.
    pub buckets: Vec<BucketUse>,
    /// By volume, the oldest first.
    pub volumes: Vec<VolumeUse>,
}

impl BucketUse {
    fn none(bucket: BucketId) -> Self {
        Self {
            bucket,
            objects: 0,
            versions: 0,
            markers: 0,
            bytes: 0,
            uploads: 0,
            upload_bytes: 0,
        }
    }

    /// What is counted as objects where versions are not told apart.
    pub fn all(&self) -> u64 {
        self.objects + self.versions + self.markers
    }
}

impl Node {
    /// What it holds, by bucket and by volume. What is written meanwhile is in it or not.
    ///
    /// # Errors
    /// The index is away: ask again. A row that cannot be read: rebuild the index.
    pub async fn usage(&self) -> Result<Usage, NodeError> {
        let mut usage = Usage::default();
        for bucket in self.bucket_ids().await? {
            usage.buckets.push(self.count(bucket).await?);
        }
        usage.volumes = self.volumes()?;
        Ok(usage)
    }

    pub(super) async fn bucket_ids(&self) -> Result<Vec<BucketId>, NodeError> {
        let mut ids = Vec::new();
        let mut steps = Steps::over(Table::Buckets, &[], SCAN_ROWS_MAX);
        while let Some(rows) = steps.next(&self.inner) {
            for (key, _) in rows? {
                ids.push(keys::bucket_of(&key).map_err(damaged)?);
            }
            Rate(None).spend(0).await;
        }
        Ok(ids)
    }

    /// Counts a bucket row by row.
    pub(super) async fn count(&self, bucket: BucketId) -> Result<BucketUse, NodeError> {
        let mut found = BucketUse::none(bucket);
        let prefix = keys::bucket(bucket);
        for table in [Table::Objects, Table::Versions] {
            let mut steps = Steps::over(table, &prefix, SCAN_ROWS_MAX);
            while let Some(rows) = steps.next(&self.inner) {
                for (key, row) in rows? {
                    let (_, fields) = row::decode(&key, &row)?;
                    let glance = Glance::decode(fields).map_err(damaged)?;
                    found.bytes += glance.size;
                    match table {
                        Table::Objects => found.objects += 1,
                        _ if glance.version.is_some_and(|mark| mark.marker) => found.markers += 1,
                        _ => found.versions += 1,
                    }
                }
                Rate(None).spend(0).await;
            }
        }
        let mut steps = Steps::over(Table::Uploads, &prefix, SCAN_ROWS_MAX);
        while let Some(rows) = steps.next(&self.inner) {
            for (key, _) in rows? {
                found.uploads += 1;
                let (_, upload) = keys::upload_text(&key).map_err(damaged)?;
                found.upload_bytes += self.count_parts(upload).await?;
            }
        }
        Ok(found)
    }

    async fn count_parts(&self, upload: UploadId) -> Result<u64, NodeError> {
        let mut bytes = 0;
        let mut steps = Steps::over(Table::Parts, &upload.0.to_be_bytes(), SCAN_ROWS_MAX);
        while let Some(rows) = steps.next(&self.inner) {
            for (key, row) in rows? {
                let (_, fields) = row::decode(&key, &row)?;
                bytes += Glance::decode(fields).map_err(damaged)?.size;
            }
            Rate(None).spend(0).await;
        }
        Ok(bytes)
    }
}
