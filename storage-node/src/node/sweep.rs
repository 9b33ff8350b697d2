//! What lifecycles end: objects, versions, markers behind which nothing is left, uploads that were never completed.
//!
//! Each is judged once more by the writer on what stands there then: what was overwritten in between stays, and what is locked too.

use s3_protocol::call::{DeleteIf, Encoding, ListMultipartUploads};
use s3_protocol::setting::lifecycle::Candidate;
use s3_protocol::setting::{Day, Lifecycle};
use s3_protocol::{BucketId, S3Code, VersionId};

use super::versions::{Found, Walk};
use super::{Node, ObjectPlace};
use crate::error::NodeError;
use crate::guards::Stands;
use crate::keys;
use crate::record::fields::VersionMark;
use crate::writer::{Deletion, Reply, Work, write_id};

/// Deletions that are handed to the writer at once.
const BATCH: usize = 256;
/// Uploads that are looked at in one go.
const UPLOADS: u32 = 1_000;

/// What a sweep has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Objects, versions and markers.
    pub deleted: u64,
    /// Uploads.
    pub aborted: u64,
    /// What was due and could not be ended: it is locked, or something newer stands there. It is looked at again.
    pub kept: u64,
    /// Buckets in which something failed: the log says what. What was ended there before stays ended.
    pub failed: u64,
}

impl Node {
    /// Ends what is due in all buckets. What fails in one of them does not hold up the others.
    pub async fn sweep(&self) -> Swept {
        let mut swept = Swept::default();
        for (bucket, configuration) in self.inner.configurations.with_lifecycle() {
            let Some(lifecycle) = &configuration.lifecycle else {
                continue;
            };
            match self.sweep_bucket(bucket, lifecycle, &mut swept).await {
                Ok(()) => {}
                // It was deleted in the meantime.
                Err(NodeError::Refused(refused)) if refused.code == S3Code::NoSuchBucket => {}
                Err(NodeError::Closed) => return swept,
                Err(error) => {
                    swept.failed += 1;
                    tracing::warn!(%bucket, %error, "what is due in a bucket could not be ended");
                }
            }
        }
        swept
    }

    async fn sweep_bucket(
        &self,
        bucket: BucketId,
        lifecycle: &Lifecycle,
        swept: &mut Swept,
    ) -> Result<(), NodeError> {
        self.sweep_versions(bucket, lifecycle, swept).await?;
        self.sweep_uploads(bucket, lifecycle, swept).await
    }

    async fn sweep_versions(
        &self,
        bucket: BucketId,
        lifecycle: &Lifecycle,
        swept: &mut Swept,
    ) -> Result<(), NodeError> {
        let mut broom = Broom {
            lifecycle,
            bucket,
            now_ms: self.inner.now_ms(),
            day: self.inner.settings.day,
            seen: None,
            lone: None,
            due: Vec::new(),
        };
        loop {
            // The walk holds nothing of the index between two batches; it begins again where the last one ended.
            let mut walk = Walk::begin(&self.inner.store, bucket, "");
            if let Some(seen) = &broom.seen {
                walk.after(seen.text.as_str(), seen.last)?;
            }
            let more = broom.gather(&mut walk)?;
            let due = std::mem::take(&mut broom.due);
            if !due.is_empty() {
                self.end(due, swept).await?;
            }
            if !more {
                return Ok(());
            }
        }
    }

    async fn end(&self, due: Vec<Deletion>, swept: &mut Swept) -> Result<(), NodeError> {
        if let Reply::Deleted(answers) = self.inner.ask(Work::Delete(due)).await? {
            for answer in answers {
                match answer {
                    Ok(_) => swept.deleted += 1,
                    Err(_) => swept.kept += 1,
                }
            }
        }
        Ok(())
    }

    async fn sweep_uploads(
        &self,
        bucket: BucketId,
        lifecycle: &Lifecycle,
        swept: &mut Swept,
    ) -> Result<(), NodeError> {
        if lifecycle.rules.iter().all(|rule| rule.abort_days.is_none()) {
            return Ok(());
        }
        let (now_ms, day) = (self.inner.now_ms(), self.inner.settings.day);
        let mut ask = ListMultipartUploads {
            prefix: String::new(),
            delimiter: None,
            max_uploads: UPLOADS,
            encoding: Encoding::Plain,
            key_marker: None,
            upload_id_marker: None,
        };
        loop {
            let page = self.list_uploads(bucket, &ask).await?;
            for entry in page.entries {
                let text = entry.key.as_str();
                if !lifecycle.aborts(text, entry.initiated_ms, now_ms, day) {
                    continue;
                }
                let place = ObjectPlace {
                    bucket,
                    key: entry.key.clone(),
                };
                let work = Work::Abort {
                    key: keys::upload(&place, entry.upload),
                    creator: None,
                };
                match self.inner.ask(work).await {
                    Ok(_) => swept.aborted += 1,
                    // It was completed in the meantime.
                    Err(NodeError::Refused(_)) => swept.kept += 1,
                    Err(error) => return Err(error),
                }
            }
            let Some((key, upload)) = page.next else {
                return Ok(());
            };
            ask.key_marker = Some(key);
            ask.upload_id_marker = upload.map(|upload| upload.to_string());
        }
    }
}

/// A walk through a bucket, and what it found to be due.
struct Broom<'a> {
    lifecycle: &'a Lifecycle,
    bucket: BucketId,
    now_ms: u64,
    day: Day,
    /// Where it stands.
    seen: Option<Seen>,
    /// A marker that is the newest of its key, and when it was made: it is lone unless another version follows.
    lone: Option<(Deletion, u64)>,
    due: Vec<Deletion>,
}

/// How far the versions of one key were looked at.
struct Seen {
    text: String,
    /// The version that was looked at last.
    last: Option<VersionId>,
    /// When it was written: then the one behind it stopped being current.
    modified_ms: u64,
    /// Versions that are not current, so far.
    noncurrent: u32,
}

impl Broom<'_> {
    /// Goes on until a batch is full; whether there is more.
    fn gather(&mut self, walk: &mut Walk<'_>) -> Result<bool, NodeError> {
        while let Some(found) = walk.next()? {
            self.look(&found);
            if self.due.len() >= BATCH {
                return Ok(true);
            }
        }
        self.end_lone();
        Ok(false)
    }

    fn look(&mut self, found: &Found) {
        let text = found.key.as_str();
        let behind = self
            .seen
            .as_ref()
            .filter(|seen| seen.text == text)
            .map(|seen| (seen.modified_ms, seen.noncurrent));
        let noncurrent = if let Some((since_ms, newer)) = behind {
            self.lone = None;
            self.look_behind(found, (since_ms, newer));
            newer + 1
        } else {
            self.end_lone();
            self.look_at_newest(found);
            0
        };
        self.seen = Some(Seen {
            text: text.to_owned(),
            last: Some(name(found)),
            modified_ms: found.fields.time_ms,
            noncurrent,
        });
    }

    fn look_at_newest(&mut self, found: &Found) {
        let modified_ms = found.fields.time_ms;
        if is_marker(found) {
            self.lone = Some((self.deletion(found, Some(name(found))), modified_ms));
            return;
        }
        let expires = self
            .lifecycle
            .expires(candidate(found), modified_ms, self.day);
        if expires.is_some_and(|(at, _)| at <= self.now_ms) {
            self.due.push(self.deletion(found, None));
        }
    }

    fn look_behind(&mut self, found: &Found, since: (u64, u32)) {
        let (now_ms, day) = (self.now_ms, self.day);
        let ends = self
            .lifecycle
            .ends_noncurrent(candidate(found), since, now_ms, day);
        if ends {
            self.due.push(self.deletion(found, Some(name(found))));
        }
    }

    /// Nothing followed the marker.
    fn end_lone(&mut self) {
        let (Some((deletion, modified_ms)), Some(seen)) = (self.lone.take(), &self.seen) else {
            return;
        };
        let (now_ms, day) = (self.now_ms, self.day);
        let ends = self
            .lifecycle
            .ends_lone_marker(&seen.text, modified_ms, now_ms, day);
        if ends {
            self.due.push(deletion);
        }
    }

    /// The deletion of what was found, if it still stands there: of one version, or of whatever is current.
    fn deletion(&self, found: &Found, version: Option<VersionId>) -> Deletion {
        Deletion {
            key: keys::object_from(self.bucket, found.key.as_str()),
            version,
            only_if: DeleteIf::default(),
            bypass: false,
            creator: None,
            stands: Some(Stands::Write(write_id(found.at, &found.fields))),
        }
    }
}

fn name(found: &Found) -> VersionId {
    found
        .fields
        .version
        .map_or(VersionId::Null, VersionMark::id)
}

fn is_marker(found: &Found) -> bool {
    found.fields.version.is_some_and(|mark| mark.marker)
}

fn candidate(found: &Found) -> Candidate<'_> {
    Candidate {
        key: found.key.as_str(),
        size: found.fields.size,
        tags: &found.fields.tags,
        marker: is_marker(found),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Instant;

    use bytes::Bytes;
    use s3_protocol::call::CreateMultipartUpload;
    use s3_protocol::object::Creator;
    use s3_protocol::setting::Setting;

    use super::*;
    use crate::guards::WriteAs;
    use crate::overlay::Layer;
    use crate::{Change, NodeOptions};

    const RULES: &str = "<LifecycleConfiguration><Rule><Status>Enabled</Status><Filter/>\
        <AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload>\
        </Rule></LifecycleConfiguration>";

    /// A bucket whose lifecycle has an upload to end.
    async fn with_upload(node: &Node, bucket: BucketId) {
        node.create_bucket(bucket).await.unwrap();
        let text = Lifecycle::read(RULES.as_bytes()).unwrap().write();
        let change = Change::Document(Setting::Lifecycle, Some(text));
        node.configure_bucket(bucket, change).await.unwrap();
        let place = ObjectPlace {
            bucket,
            key: "key".parse().unwrap(),
        };
        let by = WriteAs {
            creator: Creator {
                principal: "somebody".to_owned(),
                lineage: "key".to_owned(),
            },
            ..WriteAs::default()
        };
        let ask = CreateMultipartUpload::default();
        node.create_upload(&place, ask, by).await.unwrap();
    }

    #[tokio::test]
    async fn what_is_damaged_in_a_bucket_does_not_hold_up_the_others() {
        let dir = tempfile::tempdir().unwrap();
        let now = Arc::new(AtomicU64::new(1_700_000_000_000));
        let hand = Arc::clone(&now);
        let clock = Arc::new(move || hand.load(Ordering::Relaxed));
        let node = Node::open(NodeOptions {
            volume_bytes: 8 * 1_024 * 1_024,
            lifecycle_day_ms: 1_000,
            ..NodeOptions::new(dir.path(), clock)
        })
        .unwrap();
        // Of eight, in no order, every other one has a row that cannot be read.
        for bucket in 1..=8 {
            let bucket = BucketId(bucket);
            with_upload(&node, bucket).await;
            if bucket.0.is_multiple_of(2) {
                let mut round = Layer::default();
                let key = Bytes::from(keys::object_from(bucket, "key"));
                let row = Bytes::from_static(b"damaged");
                round.put(keys::Table::Objects, key, Some(row));
                let store = &node.inner.store;
                store.publish(round, store.position(), Instant::now());
            }
        }
        now.fetch_add(2_000, Ordering::Relaxed);
        let swept = node.sweep().await;
        assert_eq!((swept.aborted, swept.failed), (4, 4), "{swept:?}");
        let again = node.sweep().await;
        assert_eq!((again.aborted, again.failed), (0, 4), "{again:?}");
        node.close().await;
    }
}
