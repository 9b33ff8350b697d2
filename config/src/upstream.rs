//! Buckets are half the directory's and half the upstream's: the directory owns names and owners, the upstream what is in them.
//!
//! [`create_bucket`] and [`delete_bucket`] are the one way in which the two halves are kept together, for the gate and for the
//! admin side alike. What a stop cuts in half is finished at the next start.

use std::fmt;

use futures_util::future::BoxFuture;
use s3_protocol::setting::Versioning;
use s3_protocol::{BucketId, BucketName, ObjectKey, S3Code, S3Error, VersionId};

pub use crate::directory::Keeps;
use crate::directory::{Actor, Command, CommandError, Directory, NamespaceId, Outcome, UserId};

/// Where the contents of buckets are. The gate implements it.
pub trait Upstream: Send + Sync + fmt::Debug {
    /// Makes a bucket that keeps this from the first; making it twice is once, as it was made first.
    fn create_bucket(&self, bucket: BucketId, keeps: Keeps) -> BoxFuture<'_, Result<(), S3Error>>;

    /// Removes a bucket that holds nothing; one that is not there is removed.
    fn delete_bucket(&self, bucket: BucketId) -> BoxFuture<'_, Result<(), S3Error>>;

    /// Removes some of what a bucket holds, objects with their versions: looks at `most` of them, from a place on. What is begun and
    /// not ended, uploads, goes with the bucket.
    fn empty_bucket(
        &self,
        bucket: BucketId,
        from: Spot,
        most: usize,
    ) -> BoxFuture<'_, Result<Emptied, S3Error>>;

    /// What a bucket holds.
    fn holds(&self, bucket: BucketId) -> BoxFuture<'_, Result<Holds, S3Error>>;
}

/// What a step of emptying a bucket did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Emptied {
    /// How many objects it removed.
    pub removed: u64,
    /// How many it left, since they may not be removed yet.
    pub kept: u64,
    /// Where the next step begins; none at the end.
    pub next: Option<Spot>,
}

/// A place in a bucket: its beginning, or behind a version that stays. What stays is passed, so that it keeps nothing behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spot(pub Option<(ObjectKey, VersionId)>);

/// What a bucket holds, and how it keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holds {
    /// Objects; versions, where it has them.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Whether it keeps versions; none where it never did.
    pub versioning: Option<Versioning>,
    /// Whether versions in it may be locked.
    pub has_locks: bool,
}

/// Why a bucket was not made or removed.
#[derive(Debug, thiserror::Error)]
pub enum BucketFault {
    /// The directory refuses the first step. Nothing has changed.
    #[error(transparent)]
    Refused(CommandError),
    /// The upstream refuses.
    #[error("{}", .0.message)]
    Upstream(S3Error),
    /// The directory could not take the last step. It is taken at the next start.
    #[error("the bucket's last step waits for the next start")]
    Unfinished(#[source] CommandError),
}

/// A bucket to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBucket {
    /// Where.
    pub namespace: NamespaceId,
    /// Its name there.
    pub name: BucketName,
    /// Its owner.
    pub owner: UserId,
    /// What it keeps.
    pub keeps: Keeps,
}

/// Takes the name, makes the bucket at the upstream, then lets it answer.
///
/// # Errors
/// The directory or the upstream refuses.
pub async fn create_bucket(
    directory: &Directory,
    upstream: &dyn Upstream,
    new: NewBucket,
    actor: Actor,
) -> Result<BucketId, BucketFault> {
    let NewBucket {
        namespace,
        name,
        owner,
        keeps,
    } = new;
    let begin = Command::BeginBucket {
        namespace,
        name,
        owner,
        keeps,
    };
    let begun = directory.apply(begin, actor.clone()).await;
    let Outcome::Bucket(id) = begun.map_err(BucketFault::Refused)?.outcome else {
        return Err(BucketFault::Upstream(S3Code::InternalError.into()));
    };
    let made = upstream.create_bucket(id, keeps).await;
    made.map_err(BucketFault::Upstream)?;
    let active = directory.apply(Command::ActivateBucket(id), actor).await;
    active.map_err(BucketFault::Unfinished)?;
    Ok(id)
}

/// Stops the bucket from answering, removes it at the upstream if it is empty, then frees the name. Where `expected` is given, the
/// bucket's record must still be at it.
///
/// # Errors
/// The directory or the upstream refuses. A bucket that is not empty answers again.
pub async fn delete_bucket(
    directory: &Directory,
    upstream: &dyn Upstream,
    (id, expected): (BucketId, Option<crate::engine::Revision>),
    actor: Actor,
) -> Result<(), BucketFault> {
    let close = Command::CloseBucket(id);
    let closed = match expected {
        Some(expected) => directory.apply_at(close, actor.clone(), expected).await,
        None => directory.apply(close, actor.clone()).await,
    };
    closed.map_err(BucketFault::Refused)?;
    let removed = upstream.delete_bucket(id).await;
    let next = if removed.is_ok() {
        Command::RemoveBucket(id)
    } else {
        Command::ReopenBucket(id)
    };
    let finished = directory.apply(next, actor).await;
    finished.map_err(BucketFault::Unfinished)?;
    removed.map_err(BucketFault::Upstream)
}
