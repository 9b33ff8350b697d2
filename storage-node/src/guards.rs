//! What a permit obliges the node to hold: conditions that the caller did not write, judged where they are atomic with the act.

use std::fmt;

use s3_protocol::S3Error;
use s3_protocol::object::Creator;

/// Conditions on one operation. The default is none.
#[derive(Default)]
pub struct Guards {
    /// Only what this creator made may be read, replaced, deleted or added to.
    pub creator: Option<CreatorGuard>,
    /// The key must not exist yet (append-only): 412 if it does.
    pub if_none_match_any: bool,
    /// Largest payload, or object, in bytes: past it 400 EntityTooLarge.
    pub max_bytes: Option<u64>,
    /// Asked once more right before a write is committed; an error aborts the write and leaves nothing.
    pub recheck: Option<Recheck>,
}

/// The question asked right before a commit.
pub type Recheck = Box<dyn FnOnce() -> Result<(), S3Error> + Send + Sync>;

/// Who must have made the object or the upload, and how a mismatch is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatorGuard {
    /// Who.
    pub who: CreatorMatch,
    /// What a stranger is told.
    pub mismatch: Mismatch,
}

/// How a creator is compared. Anonymous (an empty text) owns nothing and matches nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreatorMatch {
    /// The same principal: for a sub-user.
    Principal(String),
    /// The same lineage of keys: for a key of a user.
    Lineage(String),
}

/// How a mismatch is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// As if it did not exist: NoSuchKey or NoSuchUpload.
    Hide,
    /// AccessDenied.
    Deny,
}

impl CreatorGuard {
    /// Whether `creator` is the one required.
    pub fn admits(&self, creator: &Creator) -> bool {
        match &self.who {
            CreatorMatch::Principal(principal) => {
                !principal.is_empty() && *principal == creator.principal
            }
            CreatorMatch::Lineage(lineage) => !lineage.is_empty() && *lineage == creator.lineage,
        }
    }
}

impl fmt::Debug for Guards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guards")
            .field("creator", &self.creator)
            .field("if_none_match_any", &self.if_none_match_any)
            .field("max_bytes", &self.max_bytes)
            .field("recheck", &self.recheck.is_some())
            .finish()
    }
}

/// Who writes, and under which guards.
#[derive(Debug, Default)]
pub struct WriteAs {
    /// Recorded with the version or the upload.
    pub creator: Creator,
    /// The permit's obligations.
    pub guards: Guards,
}
