//! What is configured of buckets: in their rows, and in memory for everyone who asks with each request.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::RwLock;
use s3_protocol::setting::{
    Cors, DefaultEncryption, Lifecycle, LockConfiguration, Setting, Versioning,
};
use s3_protocol::{BucketId, S3Code, S3Error};
use serde::{Deserialize, Serialize};

use crate::error::NodeError;
use crate::keys::{self, Table};
use crate::limits::{
    CONFIGURATIONS_BYTES, CONFIGURATIONS_GONE_MAX, CONFIGURATIONS_PAGE_MAX, SCAN_ROWS_MAX,
};
use crate::overlay::{Layer, Span, Store};
use crate::record::fields::Fields;
use crate::row::{self, damaged};

/// What is configured of one bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Kept", into = "Kept")]
pub struct Configuration {
    /// Whether it keeps versions; `None` where it never did.
    pub versioning: Option<Versioning>,
    /// Object lock, where it was made with it.
    pub lock: Option<LockConfiguration>,
    /// Which pages of other origins may read it.
    pub cors: Option<Cors>,
    /// What of it ends by itself.
    pub lifecycle: Option<Lifecycle>,
    /// How new objects are encrypted.
    pub encryption: Option<DefaultEncryption>,
    /// The last three and the bucket's tags, each as its canonical text.
    pub documents: Vec<(Setting, String)>,
}

/// A change of what is configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// Versions are kept, or no more of them.
    Versioning(Versioning),
    /// Object lock; versions are kept from then on.
    Lock(LockConfiguration),
    /// A setting is replaced, or taken away.
    Document(Setting, Option<String>),
}

impl Change {
    /// Bytes that it adds to the bucket's row at most.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Versioning(_) | Self::Lock(_) | Self::Document(_, None) => 16,
            Self::Document(_, Some(text)) => text.len() + 16,
        }
    }

    /// Applies it to a bucket's fields.
    pub(crate) fn apply(self, fields: &mut Fields) -> Result<(), NodeError> {
        match self {
            Self::Versioning(Versioning::Suspended) if fields.lock.is_some() => {
                let message = "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.";
                return Err(S3Error::with(S3Code::InvalidBucketState, message).into());
            }
            Self::Versioning(versioning) => fields.versioning = Some(versioning),
            Self::Lock(lock) => {
                fields.lock = Some(lock);
                fields.versioning = Some(Versioning::Enabled);
            }
            Self::Document(setting, text) => {
                let number = number(setting);
                fields.documents.retain(|(which, _)| *which != number);
                fields.documents.extend(text.map(|text| (number, text)));
            }
        }
        Ok(())
    }
}

/// The number by which a setting stands in a bucket's row. Those with fields of their own have one too.
const fn number(setting: Setting) -> u8 {
    match setting {
        Setting::Versioning => 1,
        Setting::ObjectLock => 2,
        Setting::Tagging => 3,
        Setting::Cors => 4,
        Setting::Lifecycle => 5,
        Setting::Encryption => 6,
    }
}

/// Settings that stand in a bucket's row as texts.
const DOCUMENTS: [Setting; 4] = [
    Setting::Tagging,
    Setting::Cors,
    Setting::Lifecycle,
    Setting::Encryption,
];

impl Configuration {
    /// A setting's text.
    pub fn document(&self, setting: Setting) -> Option<&str> {
        let found = self.documents.iter().find(|(which, _)| *which == setting);
        found.map(|(_, text)| text.as_str())
    }

    /// A text read back; one that cannot be read is as good as none, and said.
    fn typed<T>(
        &self,
        setting: Setting,
        read: impl FnOnce(&[u8]) -> Result<T, S3Error>,
    ) -> Option<T> {
        let text = self.document(setting)?;
        let read = read(text.as_bytes());
        if let Err(error) = &read {
            tracing::error!(?setting, %error, "a bucket's setting cannot be read back");
        }
        read.ok()
    }

    fn read(fields: Fields) -> Self {
        let known = |(which, text): (u8, String)| {
            let setting = DOCUMENTS
                .into_iter()
                .find(|setting| number(*setting) == which)?;
            Some((setting, text))
        };
        Self::from(Kept {
            versioning: fields.versioning,
            lock: fields.lock,
            documents: fields.documents.into_iter().filter_map(known).collect(),
        })
    }

    /// Bytes of its texts.
    fn bytes(&self) -> usize {
        self.documents.iter().map(|(_, text)| text.len()).sum()
    }
}

/// A configuration as it is kept, and as it travels: what its texts say is read anew from them.
#[derive(Serialize, Deserialize)]
struct Kept {
    versioning: Option<Versioning>,
    lock: Option<LockConfiguration>,
    documents: Vec<(Setting, String)>,
}

impl From<Kept> for Configuration {
    fn from(kept: Kept) -> Self {
        let mut read = Self {
            versioning: kept.versioning,
            lock: kept.lock,
            documents: kept.documents,
            ..Self::default()
        };
        read.cors = read.typed(Setting::Cors, Cors::read);
        read.lifecycle = read.typed(Setting::Lifecycle, Lifecycle::read);
        read.encryption = read.typed(Setting::Encryption, DefaultEncryption::read);
        read
    }
}

impl From<Configuration> for Kept {
    fn from(configuration: Configuration) -> Self {
        Self {
            versioning: configuration.versioning,
            lock: configuration.lock,
            documents: configuration.documents,
        }
    }
}

/// A page of what was configured since a revision, for who keeps a copy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigurationChanges {
    /// Whether the page is the first of everything there is: what was known before is void.
    pub is_anew: bool,
    /// Buckets and what is configured of each now; none: nothing.
    pub changes: Vec<(BucketId, Option<Arc<Configuration>>)>,
    /// Where the next page begins.
    pub revision: u64,
    /// Whether more follows.
    pub is_more: bool,
}

/// The configurations of all buckets that have one.
#[derive(Debug, Default)]
pub(crate) struct Configurations {
    /// Guards all of it for the time of one look or one change.
    all: RwLock<All>,
}

/// Each change has a revision, and each bucket that of its last change.
#[derive(Debug, Default)]
struct All {
    by_bucket: HashMap<u128, Slot>,
    by_revision: BTreeMap<u64, u128>,
    revision: u64,
    /// Buckets that stand here to say that nothing is configured of them any more.
    gone: usize,
    /// Who knows of nothing later than this may have missed such a bucket.
    forgotten: u64,
}

#[derive(Debug)]
struct Slot {
    revision: u64,
    configuration: Option<Arc<Configuration>>,
}

impl All {
    fn set(&mut self, bucket: u128, configuration: Option<Arc<Configuration>>) {
        let before = self.by_bucket.get(&bucket);
        if before.and_then(|slot| slot.configuration.as_ref()) == configuration.as_ref() {
            return;
        }
        if let Some(slot) = before {
            self.by_revision.remove(&slot.revision);
            self.gone -= usize::from(slot.configuration.is_none());
        }
        self.revision += 1;
        self.gone += usize::from(configuration.is_none());
        self.by_revision.insert(self.revision, bucket);
        let slot = Slot {
            revision: self.revision,
            configuration,
        };
        self.by_bucket.insert(bucket, slot);
        if self.gone > CONFIGURATIONS_GONE_MAX {
            self.by_bucket
                .retain(|_, slot| slot.configuration.is_some());
            let by_bucket = &self.by_bucket;
            self.by_revision
                .retain(|_, bucket| by_bucket.contains_key(bucket));
            (self.gone, self.forgotten) = (0, self.revision);
        }
    }

    fn since(&self, revision: u64) -> ConfigurationChanges {
        let is_anew = revision == 0 || revision < self.forgotten || revision > self.revision;
        let from = if is_anew { 0 } else { revision };
        let mut page = ConfigurationChanges {
            is_anew,
            revision: self.revision,
            ..ConfigurationChanges::default()
        };
        let mut bytes = 0;
        for (revision, bucket) in self.by_revision.range(from + 1..) {
            if page.changes.len() >= CONFIGURATIONS_PAGE_MAX || bytes > CONFIGURATIONS_BYTES {
                page.is_more = true;
                return page;
            }
            let slot = self.by_bucket.get(bucket);
            let configuration = slot.and_then(|slot| slot.configuration.clone());
            bytes += configuration.as_ref().map_or(0, |it| it.bytes());
            page.changes.push((BucketId(*bucket), configuration));
            page.revision = *revision;
        }
        page.revision = self.revision;
        page
    }
}

impl Configurations {
    /// Reads those of all buckets.
    pub(crate) fn load(store: &Store) -> Result<Self, NodeError> {
        let configurations = Self::default();
        let mut from = Vec::new();
        loop {
            let page = store.scan(Span {
                table: Table::Buckets,
                from: &from,
                end: None,
                limit: SCAN_ROWS_MAX,
            })?;
            for (key, row) in &page.rows {
                configurations.put(key, Some(row))?;
            }
            match page.next {
                Some(next) => from = next,
                None => return Ok(configurations),
            }
        }
    }

    /// What is configured of a bucket.
    pub(crate) fn of(&self, bucket: BucketId) -> Option<Arc<Configuration>> {
        let all = self.all.read();
        all.by_bucket.get(&bucket.0)?.configuration.clone()
    }

    /// What was configured since a revision; 0 asks for everything.
    pub(crate) fn since(&self, revision: u64) -> ConfigurationChanges {
        self.all.read().since(revision)
    }

    /// The revision of the last change.
    pub(crate) fn revision(&self) -> u64 {
        self.all.read().revision
    }

    /// The buckets that have a lifecycle.
    pub(crate) fn with_lifecycle(&self) -> Vec<(BucketId, Arc<Configuration>)> {
        let all = self.all.read();
        let each = all.by_bucket.iter();
        each.filter_map(|(bucket, slot)| {
            let configuration = slot.configuration.as_ref()?;
            configuration.lifecycle.as_ref()?;
            Some((BucketId(*bucket), Arc::clone(configuration)))
        })
        .collect()
    }

    /// Takes over what a flushed round changed.
    pub(crate) fn follow(&self, layer: &Layer) {
        for (key, slot) in layer.rows(Table::Buckets) {
            if let Err(error) = self.put(key, slot.as_ref()) {
                tracing::error!(%error, "a bucket's configuration cannot be read back");
            }
        }
    }

    fn put(&self, key: &[u8], row: Option<&bytes::Bytes>) -> Result<(), NodeError> {
        let bucket = keys::bucket_of(key).map_err(damaged)?;
        let configuration = match row {
            Some(row) => {
                let (_, fields) = row::decode(key, row)?;
                Configuration::read(Fields::decode(fields).map_err(damaged)?)
            }
            None => Configuration::default(),
        };
        let has_any = configuration != Configuration::default();
        let mut all = self.all.write();
        all.set(bucket.0, has_any.then(|| Arc::new(configuration)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versioned() -> Arc<Configuration> {
        Arc::new(Configuration {
            versioning: Some(Versioning::Enabled),
            ..Configuration::default()
        })
    }

    /// What a copy holds that reads on from `revision` to the end.
    fn follow(all: &All, copy: &mut HashMap<u128, Arc<Configuration>>, mut revision: u64) -> u64 {
        loop {
            let page = all.since(revision);
            assert!(page.changes.len() <= CONFIGURATIONS_PAGE_MAX);
            if page.is_anew {
                copy.clear();
            }
            for (bucket, configuration) in page.changes {
                match configuration {
                    Some(it) => copy.insert(bucket.0, it),
                    None => copy.remove(&bucket.0),
                };
            }
            revision = page.revision;
            if !page.is_more {
                return revision;
            }
        }
    }

    #[test]
    fn a_copy_that_reads_on_is_what_it_copies() {
        let (mut all, mut copy, mut revision) = (All::default(), HashMap::new(), 0);
        for bucket in 0..3_000_u128 {
            all.set(bucket, Some(versioned()));
            if bucket.is_multiple_of(701) {
                revision = follow(&all, &mut copy, revision);
            }
            // Some end that the copy has seen, some that it has not.
            if bucket.is_multiple_of(3) {
                all.set(bucket.saturating_sub(900), None);
            }
        }
        // As the last change, what was seen ends.
        revision = follow(&all, &mut copy, revision);
        all.set(2_999, None);
        follow(&all, &mut copy, revision);
        let each = all.by_bucket.iter();
        let there: HashMap<u128, Arc<Configuration>> = each
            .filter_map(|(bucket, slot)| Some((*bucket, slot.configuration.clone()?)))
            .collect();
        assert_eq!(copy, there);
        assert!((1_000..2_999).contains(&copy.len()), "{}", copy.len());
    }

    #[test]
    fn who_missed_what_was_forgotten_begins_anew() {
        let mut all = All::default();
        all.set(1, Some(versioned()));
        let mut copy = HashMap::new();
        let seen = follow(&all, &mut copy, 0);
        all.set(1, None);
        for bucket in 0..=CONFIGURATIONS_GONE_MAX as u128 {
            all.set(bucket + 2, Some(versioned()));
            all.set(bucket + 2, None);
        }
        assert!(all.since(seen).is_anew);
        follow(&all, &mut copy, seen);
        assert!(copy.is_empty());
        // Another node, or another opening of it, has had fewer changes.
        assert!(all.since(u64::MAX).is_anew);
    }

    #[test]
    fn what_changes_nothing_is_no_change() {
        let mut all = All::default();
        all.set(1, Some(versioned()));
        all.set(1, Some(versioned()));
        all.set(2, None);
        assert_eq!((all.revision, all.gone), (1, 0));
    }
}
