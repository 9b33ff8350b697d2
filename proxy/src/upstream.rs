//! Where permits and the admin side's buckets go: the object node, in this process or on another machine.

mod link;
mod remote;
mod serve;
mod store;
mod tls;
mod wire;

#[cfg(test)]
mod over_the_wire;

use futures_util::future::BoxFuture;
use postern_config::upstream::{Emptied, Holds, Keeps, Spot, Upstream};
use s3_protocol::call::{DeleteObject, Encoding, ListObjectVersions};
use s3_protocol::object::VersionEntry;
use s3_protocol::setting::{LockConfiguration, Versioning};
use s3_protocol::{BucketId, S3Code, S3Error};
use storage_node::{Change, DeleteKey, NodeError};

pub(crate) use remote::{Remote, RemoteCare};
pub(crate) use serve::Served;
pub use store::{ObjectStore, StoredBody};
pub use tls::TrustError;
pub(crate) use wire::{CareCounts, CopyCounts};

/// The object node as the upstream of buckets.
#[derive(Debug)]
pub(crate) struct NodeBuckets(pub(crate) ObjectStore);

impl Upstream for NodeBuckets {
    fn create_bucket(&self, bucket: BucketId, keeps: Keeps) -> BoxFuture<'_, Result<(), S3Error>> {
        let first = match keeps {
            Keeps::Nothing => None,
            Keeps::Versions => Some(Change::Versioning(Versioning::Enabled)),
            Keeps::Locked => Some(Change::Lock(LockConfiguration::default())),
        };
        Box::pin(async move { self.0.create_bucket_with(bucket, first).await.map_err(said) })
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
        from: Spot,
        most: usize,
    ) -> BoxFuture<'_, Result<Emptied, S3Error>> {
        Box::pin(async move {
            // Versions and markers by name: where a bucket keeps them, nothing less ends one.
            let (key_marker, version_id_marker) = from
                .0
                .as_ref()
                .map(|(key, version)| (key.as_str().to_owned(), *version))
                .unzip();
            let ask = ListObjectVersions {
                prefix: String::new(),
                delimiter: None,
                max_keys: u32::try_from(most).unwrap_or(u32::MAX),
                encoding: Encoding::Plain,
                key_marker,
                version_id_marker,
            };
            let page = self.0.list_versions(bucket, &ask).await.map_err(said)?;
            let whole = |entry: VersionEntry| DeleteKey {
                key: entry.key,
                ask: DeleteObject {
                    version: Some(entry.version),
                    ..DeleteObject::default()
                },
                creator: None,
                stands: None,
            };
            let is_last = page.next.is_none();
            let keys: Vec<DeleteKey> = page.entries.into_iter().map(whole).collect();
            if keys.is_empty() {
                return Ok(Emptied::default());
            }
            let names: Vec<_> = keys
                .iter()
                .map(|key| (key.key.clone(), key.ask.version))
                .collect();
            let answers = self.0.delete_objects(bucket, keys, None);
            let answers = answers.await.map_err(said)?;
            // What may not be removed yet stays, and the rest goes. The next step begins behind the last that stays: what was before
            // it is gone, and what is behind it was not looked at.
            let (mut emptied, mut last) = (Emptied::default(), from);
            for ((key, version), answer) in names.into_iter().zip(answers) {
                if answer.is_ok() {
                    emptied.removed += 1;
                } else {
                    emptied.kept += 1;
                    last = Spot(version.map(|version| (key, version)));
                }
            }
            emptied.next = (!is_last).then_some(last);
            Ok(emptied)
        })
    }

    fn holds(&self, bucket: BucketId) -> BoxFuture<'_, Result<Holds, S3Error>> {
        Box::pin(async move {
            let stats = self.0.bucket_stats(bucket).await.map_err(said)?;
            let kept = self.0.bucket_configuration(bucket).await.map_err(said)?;
            Ok(Holds {
                objects: stats.objects,
                bytes: stats.bytes,
                versioning: kept.versioning,
                has_locks: kept.lock.is_some(),
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http_body_util::Full;
    use s3_protocol::call::PutObject;
    use s3_protocol::object::Creator;
    use storage_node::{FacetChange, Guards, Node, NodeOptions, ObjectPlace, WriteAs};

    use super::*;

    const BUCKET: BucketId = BucketId(7);

    async fn put(node: &ObjectStore, key: &str, is_held: bool) {
        let place = ObjectPlace {
            bucket: BUCKET,
            key: key.parse().unwrap(),
        };
        let by = WriteAs {
            creator: Creator {
                principal: "somebody".to_owned(),
                lineage: "key".to_owned(),
            },
            ..WriteAs::default()
        };
        let body = Full::new(bytes::Bytes::from_static(b"0123456789"));
        node.put_object(&place, PutObject::default(), by, body)
            .await
            .unwrap();
        if is_held {
            let hold = FacetChange::LegalHold(true);
            node.change_object(&place, None, hold, Guards::default())
                .await
                .unwrap();
        }
    }

    /// Steps of three versions, until the end: what they removed, what they kept.
    async fn emptied(upstream: &NodeBuckets) -> (u64, u64) {
        let (mut removed, mut kept, mut from) = (0, 0, Spot::default());
        for _ in 0..20 {
            let step = upstream.empty_bucket(BUCKET, from, 3).await.unwrap();
            removed += step.removed;
            kept += step.kept;
            match step.next {
                Some(next) => from = next,
                None => return (removed, kept),
            }
        }
        panic!("it has no end");
    }

    #[tokio::test]
    async fn what_is_locked_keeps_nothing_behind_it() {
        let dir = tempfile::tempdir().unwrap();
        let mut options = NodeOptions::new(dir.path(), Arc::new(|| 1_700_000_000_000));
        options.volume_bytes = 8 * 1_024 * 1_024;
        let upstream = NodeBuckets(Node::open(options).unwrap().into());
        upstream.create_bucket(BUCKET, Keeps::Locked).await.unwrap();
        let node = &upstream.0;
        // A page of locked ones, to the last; then of each key a locked version between two that go, at the bounds of pages.
        for key in ["a", "b", "c"] {
            put(node, key, true).await;
        }
        for key in ["d", "e", "f", "g"] {
            for is_held in [false, true, false] {
                put(node, key, is_held).await;
            }
        }
        for key in ["x", "y", "z"] {
            put(node, key, false).await;
        }
        assert_eq!(emptied(&upstream).await, (11, 7));
        let holds = upstream.holds(BUCKET).await.unwrap();
        assert_eq!((holds.objects, holds.has_locks), (7, true));
        let refused = upstream.delete_bucket(BUCKET).await.unwrap_err();
        assert_eq!(refused.code, S3Code::BucketNotEmpty);
        // What stays is passed again, and nothing of it goes.
        assert_eq!(emptied(&upstream).await, (0, 7));
        upstream.0.close().await;
    }
}
