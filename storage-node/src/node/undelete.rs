//! Bringing back what was deleted or overwritten lately. The log has it still: compaction leaves volumes in which something was
//! deleted within [`NodeOptions::undelete`](crate::NodeOptions::undelete).
//!
//! What is brought back is written once more, as a new write of its key. Its bytes are copied as they stand, also where they are
//! encrypted, under the same keys.

mod find;
mod revive;

use s3_protocol::object::ETag;
use s3_protocol::{BucketId, ObjectKey, VersionId};

use super::{Node, ObjectPlace};
use crate::error::NodeError;
use crate::limits::UNDELETE_MAX;
use crate::node::pace::Rate;
use crate::record::fields::Fields;
use crate::row::Place;

use find::Search;

/// An object or version that was deleted or overwritten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// Its bucket.
    pub bucket: BucketId,
    /// Its key.
    pub key: ObjectKey,
    /// The name that it had; `null` where the bucket had no versions.
    pub version: VersionId,
    /// Its bytes.
    pub size: u64,
    /// Its entity tag.
    pub etag: Option<ETag>,
    /// When it was written, in milliseconds since 1970.
    pub written_ms: u64,
    /// When it ended.
    pub ended_ms: u64,
    /// What ended it.
    pub ending: Ending,
    place: Place,
    fields: Box<Fields>,
}

/// What ended an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// A deletion.
    Deleted,
    /// Another write of its key.
    Overwritten,
}

/// What is to be brought back, and where.
#[derive(Clone, Debug)]
pub struct Undelete {
    /// What.
    pub what: Deleted,
    /// Under which key; none: its own.
    pub to: Option<ObjectKey>,
}

impl Node {
    /// What of a bucket was deleted or overwritten within the time that is kept, under keys that begin with `prefix`; by key, and of
    /// each key from the oldest. A version behind a delete marker is not deleted: to have it back, delete the marker.
    ///
    /// # Errors
    /// NoSuchBucket; [`NodeError::NotThere`]: nothing is kept, or there is too much: ask for a longer prefix.
    pub async fn deleted(
        &self,
        bucket: BucketId,
        prefix: &str,
        rate: Rate,
    ) -> Result<Vec<Deleted>, NodeError> {
        self.bucket_exists(bucket)?;
        let Some(since_ms) = self.inner.undelete_since_ms() else {
            return Err(NodeError::NotThere(
                "nothing that is deleted is kept: set how long it is, for what is deleted from then on"
                    .to_owned(),
            ));
        };
        let mut search = Search::new(bucket, prefix, since_ms);
        self.search(&mut search, rate).await?;
        search.into_found()
    }

    /// Brings objects back: each is written once more under its key, or under another. One answer for each, in their order: where
    /// something stands under the key it is refused with PreconditionFailed, and what stands there stays. In a bucket with versions
    /// it gets a new name. It may be dropped at any time: what was not written until then is not there.
    ///
    /// # Errors
    /// [`NodeError::NotThere`]: more than a thousand are asked for. Those of each: PreconditionFailed, NotThere where it was kept no
    /// longer, Damaged where it does not read, and those of writing.
    pub async fn undelete(
        &self,
        wanted: Vec<Undelete>,
        rate: Rate,
    ) -> Result<Vec<Result<Option<VersionId>, NodeError>>, NodeError> {
        if wanted.len() > UNDELETE_MAX {
            return Err(NodeError::NotThere(format!(
                "at most {UNDELETE_MAX} objects are brought back at once"
            )));
        }
        self.inner.ready()?;
        let hold = self.hold_volumes();
        let chunks = self.find_chunks(&wanted, rate).await?;
        let mut answers = Vec::with_capacity(wanted.len());
        for Undelete { what, to } in wanted {
            let place = ObjectPlace {
                bucket: what.bucket,
                key: to.unwrap_or_else(|| what.key.clone()),
            };
            answers.push(self.revive(what, &place, &chunks, rate).await);
        }
        drop(hold);
        Ok(answers)
    }
}
