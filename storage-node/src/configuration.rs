//! What is configured of buckets: in their rows, and in memory for everyone who asks with each request.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;
use s3_protocol::setting::{
    Cors, DefaultEncryption, Lifecycle, LockConfiguration, Setting, Versioning,
};
use s3_protocol::{BucketId, S3Code, S3Error};

use crate::error::NodeError;
use crate::keys::{self, Table};
use crate::limits::SCAN_ROWS_MAX;
use crate::overlay::{Layer, Span, Store};
use crate::record::fields::Fields;
use crate::row::{self, damaged};

/// What is configured of one bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
        let documents = fields.documents.into_iter().filter_map(known).collect();
        let mut read = Self {
            versioning: fields.versioning,
            lock: fields.lock,
            documents,
            ..Self::default()
        };
        read.cors = read.typed(Setting::Cors, Cors::read);
        read.lifecycle = read.typed(Setting::Lifecycle, Lifecycle::read);
        read.encryption = read.typed(Setting::Encryption, DefaultEncryption::read);
        read
    }
}

/// The configurations of all buckets that have one.
#[derive(Debug, Default)]
pub(crate) struct Configurations {
    /// Guards the map for the time of one look or one change.
    by_bucket: RwLock<HashMap<u128, Arc<Configuration>>>,
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
        self.by_bucket.read().get(&bucket.0).map(Arc::clone)
    }

    /// The buckets that have a lifecycle.
    pub(crate) fn with_lifecycle(&self) -> Vec<(BucketId, Arc<Configuration>)> {
        let all = self.by_bucket.read();
        let with = all.iter().filter(|(_, it)| it.lifecycle.is_some());
        with.map(|(bucket, it)| (BucketId(*bucket), Arc::clone(it)))
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
        let mut all = self.by_bucket.write();
        if configuration == Configuration::default() {
            all.remove(&bucket.0);
        } else {
            all.insert(bucket.0, Arc::new(configuration));
        }
        Ok(())
    }
}
