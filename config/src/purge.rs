//! Deletions that take data along, carried out: what users and accounts own is removed bucket by bucket, at a bounded pace.
//!
//! [`Purges::run`] looks at the directory and at nothing else, so that a server which was stopped or killed goes on where it was.
//! First every bucket stops answering, then what there is to do is counted, then each bucket is emptied and removed, then the job
//! ends and the directory sweeps what is left. A step that fails is tried again; other jobs do not wait for it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use s3_protocol::{BucketId, S3Code, S3Error};
use tokio::sync::Notify;

use crate::directory::{
    Actor, BucketState, Command, CommandError, Directory, Job, JobId, Purge, Totals,
};
use crate::limits::{PURGE_OBJECTS_PER_SECOND_MAX, PURGE_STEP_OBJECTS_MAX, PURGE_WAIT_SECONDS_MAX};
use crate::upstream::{Spot, Upstream};

/// Carries out deletions that take data along.
#[derive(Debug)]
pub struct Purges {
    directory: Directory,
    upstream: Arc<dyn Upstream>,
    pace: Pace,
    /// Told when a state of the directory has jobs to do.
    wake: Arc<Notify>,
    /// Why jobs do not get on, by job. The lock is held while one entry is read or written.
    hindrances: Mutex<BTreeMap<JobId, String>>,
}

/// How fast objects are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Objects of one step.
    pub step: usize,
    /// Objects of a second.
    pub per_second: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            step: PURGE_STEP_OBJECTS_MAX,
            per_second: PURGE_OBJECTS_PER_SECOND_MAX,
        }
    }
}

/// How far a job is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// What there was to do; none until it was counted.
    pub total: Option<Totals>,
    /// What of it is done.
    pub done: Totals,
    /// Why it does not get on.
    pub hindrance: Option<String>,
}

/// Why a job does not get on.
#[derive(Debug, thiserror::Error)]
pub enum Hindrance {
    /// The directory refuses a step.
    #[error("the directory: {0}")]
    Directory(#[from] CommandError),
    /// What a bucket holds cannot be removed now.
    #[error("{}", .0.message)]
    Upstream(S3Error),
    /// Something of it may not be removed yet.
    #[error("bucket `{0}` holds what may not be removed yet")]
    Held(String),
}

impl Purges {
    /// Purges of a directory and of what its buckets hold.
    pub fn new(directory: Directory, upstream: Arc<dyn Upstream>, pace: Pace) -> Self {
        let wake = Arc::new(Notify::new());
        let told = Arc::clone(&wake);
        directory.subscribe(move |state| {
            if state.running_jobs().next().is_some() {
                told.notify_one();
            }
        });
        Self {
            directory,
            upstream,
            pace,
            wake,
            hindrances: Mutex::default(),
        }
    }

    /// Carries out what there is, and what comes. It never ends by itself; ended anywhere, it goes on there the next time.
    pub async fn run(self: Arc<Self>) {
        let mut wait = Duration::ZERO;
        loop {
            let hindered = self.turn().await;
            wait = match (hindered, wait.as_secs()) {
                (0, _) => Duration::ZERO,
                (_, 0) => Duration::from_secs(1),
                (_, before) => Duration::from_secs((before * 2).min(PURGE_WAIT_SECONDS_MAX)),
            };
            if hindered == 0 {
                self.wake.notified().await;
            } else {
                tokio::time::sleep(wait).await;
            }
        }
    }

    /// One turn over the jobs that go on, each to its end or its hindrance. Answers how many were hindered.
    pub async fn turn(&self) -> usize {
        let state = self.directory.state();
        let jobs: Vec<Arc<Job>> = state.running_jobs().cloned().collect();
        drop(state);
        let mut hindered = 0;
        for job in jobs {
            match self.carry_out(&job).await {
                Ok(()) => {
                    self.hindrances.lock().remove(&job.id);
                }
                Err(hindrance) => {
                    hindered += 1;
                    let said = hindrance.to_string();
                    let before = self.hindrances.lock().insert(job.id, said.clone());
                    if before.as_deref() != Some(&*said) {
                        tracing::warn!(
                            job.id = job.id.get(),
                            cause = said,
                            "a purge does not get on"
                        );
                    }
                }
            }
        }
        hindered
    }

    /// How far a job is.
    pub async fn progress(&self, job: &Job) -> Progress {
        if job.finished.is_some() {
            let total = job.totals;
            let done = total.unwrap_or_default();
            return Progress {
                total,
                done,
                hindrance: None,
            };
        }
        let hindrance = self.hindrances.lock().get(&job.id).cloned();
        let left = match job.totals {
            Some(_) => self.left(job.purge).await.ok(),
            None => None,
        };
        let done = job.totals.zip(left).map(|(total, left)| total.less(left));
        Progress {
            total: job.totals,
            done: done.unwrap_or_default(),
            hindrance,
        }
    }

    /// What there is to remove of a user or an account as it is now.
    ///
    /// # Errors
    /// The upstream does not say.
    pub async fn left(&self, purge: Purge) -> Result<Totals, S3Error> {
        let state = self.directory.state();
        let mut left = Totals::default();
        for bucket in state.purged_buckets(purge) {
            left.buckets += 1;
            match self.upstream.holds(bucket.id).await {
                Ok(holds) => {
                    left.objects += holds.objects;
                    left.bytes += holds.bytes;
                }
                Err(refused) if refused.code == S3Code::NoSuchBucket => {}
                Err(refused) => return Err(refused),
            }
        }
        Ok(left)
    }

    async fn carry_out(&self, job: &Job) -> Result<(), Hindrance> {
        self.close(job.purge).await?;
        if job.totals.is_none() {
            let totals = self.left(job.purge).await.map_err(Hindrance::Upstream)?;
            self.step(Command::MeasureJob(job.id, totals)).await?;
        }
        let state = self.directory.state();
        let buckets: Vec<(BucketId, String)> = state
            .purged_buckets(job.purge)
            .map(|bucket| (bucket.id, bucket.name.to_string()))
            .collect();
        drop(state);
        for (bucket, name) in buckets {
            self.empty(bucket, &name).await?;
            let gone = self.upstream.delete_bucket(bucket).await;
            gone.map_err(Hindrance::Upstream)?;
            self.step(Command::RemoveBucket(bucket)).await?;
        }
        self.step(Command::FinishJob(job.id)).await
    }

    /// Lets no bucket answer any more.
    async fn close(&self, purge: Purge) -> Result<(), Hindrance> {
        let state = self.directory.state();
        let open = state
            .purged_buckets(purge)
            .filter(|bucket| bucket.state == BucketState::Active);
        for bucket in open {
            self.step(Command::CloseBucket(bucket.id)).await?;
        }
        Ok(())
    }

    /// Removes what a bucket holds, at the pace. What may not be removed yet is passed, and said at the end.
    async fn empty(&self, bucket: BucketId, name: &str) -> Result<(), Hindrance> {
        let (mut from, mut kept) = (Spot::default(), 0);
        loop {
            let emptied = self.upstream.empty_bucket(bucket, from, self.pace.step);
            let emptied = match emptied.await {
                Ok(emptied) => emptied,
                Err(refused) if refused.code == S3Code::NoSuchBucket => return Ok(()),
                Err(refused) => return Err(Hindrance::Upstream(refused)),
            };
            kept += emptied.kept;
            let tried = u32::try_from(emptied.removed + emptied.kept).unwrap_or(u32::MAX);
            let whole = Duration::from_secs(u64::from(tried));
            tokio::time::sleep(whole / self.pace.per_second.max(1)).await;
            let Some(next) = emptied.next else { break };
            from = next;
        }
        if kept > 0 {
            return Err(Hindrance::Held(name.to_owned()));
        }
        Ok(())
    }

    async fn step(&self, command: Command) -> Result<(), Hindrance> {
        self.directory.apply(command, Actor::system()).await?;
        Ok(())
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.total {
            None => f.write_str("being counted"),
            Some(total) => write!(
                f,
                "{} of {} objects, {} of {} bytes, {} of {} buckets",
                self.done.objects,
                total.objects,
                self.done.bytes,
                total.bytes,
                self.done.buckets,
                total.buckets
            ),
        }
    }
}
