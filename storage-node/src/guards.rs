//! What a permit obliges the node to hold: conditions that the caller did not write, judged where they are atomic with the act.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use s3_protocol::object::Creator;
use s3_protocol::{S3Code, S3Error};
use serde::{Deserialize, Serialize};

use crate::error::NodeError;

/// Conditions on one operation. The default is none.
#[derive(Default)]
pub struct Guards {
    /// Only what this creator made may be read, replaced, deleted or added to.
    pub creator: Option<CreatorGuard>,
    /// What the decision was made on must still stand there: 503 where it does not, since the decision is void.
    pub stands: Option<Stands>,
    /// The key must not exist yet (append-only): 412 if it does.
    pub if_none_match_any: bool,
    /// Largest payload, or object, in bytes: past it 400 EntityTooLarge.
    pub max_bytes: Option<u64>,
    /// Asked once more right before a write is committed; an error aborts the write and leaves nothing.
    pub recheck: Option<Recheck>,
}

/// What a decision was made on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stands {
    /// Nothing stood there.
    Nothing,
    /// The object that this write left.
    Write(WriteId),
}

impl Stands {
    /// Refuses where something else stands there now.
    pub(crate) fn judge(expected: Option<Self>, found: Self) -> Result<(), NodeError> {
        match expected {
            Some(expected) if expected != found => Err(S3Code::ServiceUnavailable.into()),
            Some(_) | None => Ok(()),
        }
    }
}

/// Which write of its key an object is. No two writes of a node have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WriteId(pub(crate) u64);

/// What policies may ask about an object as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFacts {
    /// Its tags.
    pub tags: Vec<(String, String)>,
    /// Who made it.
    pub creator: Creator,
    /// Who may do what with it, as it was written.
    pub acl: Option<String>,
    /// Which write it is.
    pub write: WriteId,
}

/// The question asked right before a commit: whether it may still be done.
pub enum Recheck {
    /// Judged in this process.
    Here(Box<dyn FnOnce() -> Result<(), S3Error> + Send + Sync>),
    /// Asked of who is elsewhere. Where no answer comes the question's future says so: the write is not done then.
    Elsewhere(Box<dyn FnOnce() -> Asked + Send + Sync>),
}

/// A question on its way.
pub type Asked = Pin<Box<dyn Future<Output = Result<(), S3Error>> + Send>>;

impl Recheck {
    /// One that is judged in this process.
    pub fn here(judge: impl FnOnce() -> Result<(), S3Error> + Send + Sync + 'static) -> Self {
        Self::Here(Box::new(judge))
    }

    /// Asks.
    ///
    /// # Errors
    /// What the request would be answered if it came now.
    pub async fn ask(self) -> Result<(), S3Error> {
        match self {
            Self::Here(judge) => judge(),
            Self::Elsewhere(ask) => ask().await,
        }
    }
}

/// Who must have made the object or the upload, and how a mismatch is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatorGuard {
    /// Who.
    pub who: CreatorMatch,
    /// What a stranger is told.
    pub mismatch: Mismatch,
}

/// How a creator is compared. Anonymous (an empty text) owns nothing and matches nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CreatorMatch {
    /// The same principal: for a sub-user.
    Principal(String),
    /// The same lineage of keys: for a key of a user.
    Lineage(String),
}

/// How a mismatch is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

impl fmt::Debug for Recheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Here(_) => "Recheck(here)",
            Self::Elsewhere(_) => "Recheck(elsewhere)",
        })
    }
}

impl fmt::Debug for Guards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guards")
            .field("creator", &self.creator)
            .field("stands", &self.stands)
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
    /// Recorded with the version or the upload, and given back as it is: who may do what with it.
    pub acl: Option<String>,
    /// The permit's obligations.
    pub guards: Guards,
}
