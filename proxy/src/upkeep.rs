//! How the server keeps itself: another master key, backups, heads of the audit log elsewhere, and what is old enough.

mod depot;
mod heads;
mod node;
mod ship;

use std::io::{self, Read as _};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use postern_config::directory::{Actor, Directory, MASTER_KEY_BYTES};
use postern_config::settings::{AuditSettings, OnFailure};
use postern_config::upkeep::{Backup, Upkeep, UpkeepFault};
use postern_config::{Secret, UnixMillis};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use storage_node::{Node, RingSeal};
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::files;
use crate::observe::Reading;

pub(crate) use depot::Depot;
pub(crate) use heads::Heads;
pub(crate) use node::{Care, Caretaker, readings as readings_of_node};
pub(crate) use ship::recover::{RecoverFault, recover};

/// How often old records are looked for: retention counts in days.
const TRIM_TIME: Duration = Duration::from_secs(3_600);
/// How long a rotation waits that cannot go on.
const RETRY_TIME: Duration = Duration::from_secs(10);
/// Bytes that are read at a time.
const CHUNK_BYTES: usize = 64 * 1_024;
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// Keeps the server.
#[derive(Debug)]
pub(crate) struct Keeper {
    directory: Directory,
    data: PathBuf,
    clock: Clock,
    keep_days: Option<NonZeroU64>,
    on_failure: OnFailure,
    key: KeyPlace,
    /// The node of this process: its ring of keys is sealed under the master key, too. One elsewhere has a key of its own.
    node: Option<Node>,
    /// Those of now: two while the master key is rotated, the next one last. The lock is held while they are read or written.
    seals: Mutex<Vec<RingSeal>>,
    heads: Heads,
    /// Told when a rotation was begun.
    rotate: Notify,
    /// Readings of the audit log that could not be recorded.
    unrecorded: AtomicU64,
}

/// Where the master key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyPlace {
    /// In the data folder: the server changes it.
    Folder,
    /// In the settings: whoever gives it changes it.
    Settings,
}

/// The file of the master key in a data folder.
pub(crate) fn key_file(data: &Path) -> PathBuf {
    data.join("master.key")
}

/// The file of the master key that takes its place.
pub(crate) fn next_key_file(data: &Path) -> PathBuf {
    data.join("master.key.next")
}

impl Keeper {
    pub(crate) fn new(
        directory: Directory,
        (node, seals): (Option<Node>, Vec<RingSeal>),
        (data, key): (&Path, KeyPlace),
        audit: &AuditSettings,
        clock: Clock,
    ) -> Self {
        Self {
            heads: Heads::new(directory.clone(), audit, clock.clone()),
            data: data.to_owned(),
            directory,
            clock,
            keep_days: audit.keep_days,
            on_failure: audit.on_failure,
            key,
            node,
            seals: Mutex::new(seals),
            rotate: Notify::new(),
            unrecorded: AtomicU64::new(0),
        }
    }

    /// Sends heads of the audit log elsewhere. It runs until the server stops.
    pub(crate) async fn send_heads(self: Arc<Self>) {
        self.heads.run().await;
    }

    /// Finishes rotations of the master key, those of before the start as well. It runs until the server stops.
    pub(crate) async fn finish_rotations(self: Arc<Self>) {
        loop {
            if self.directory.is_rotating() {
                if let Err(cause) = self.finish_rotation().await {
                    tracing::error!(alarm = true, cause, "the master key is not rotated yet");
                    tokio::time::sleep(RETRY_TIME).await;
                    continue;
                }
                tracing::info!("the master key is rotated: the old one opens nothing any more");
            }
            self.rotate.notified().await;
        }
    }

    async fn finish_rotation(&self) -> Result<(), String> {
        // Before the directory: as long as this one rotates, a start has both keys.
        let newest = self.seals.lock().last().cloned();
        let sealed = self.seal_ring(newest.into_iter().collect()).await;
        sealed.map_err(|cause| format!("the object node's ring of keys: {cause}"))?;
        let finished = self.directory.finish_rotation().await;
        finished.map_err(|cause| cause.to_string())?;
        if self.key == KeyPlace::Folder {
            let moved = std::fs::rename(next_key_file(&self.data), key_file(&self.data));
            moved.map_err(|cause| format!("`master.key.next` cannot take its place: {cause}"))?;
        }
        Ok(())
    }

    async fn seal_ring(&self, seals: Vec<RingSeal>) -> io::Result<()> {
        if let Some(node) = &self.node {
            let sealed = node.seal_ring(seals.clone()).await;
            sealed.map_err(io::Error::other)?;
        }
        *self.seals.lock() = seals;
        Ok(())
    }

    /// Takes away audit records that are old enough. It runs until the server stops.
    pub(crate) async fn trim(self: Arc<Self>) {
        let Some(days) = self.keep_days else {
            return;
        };
        let mut ticks = tokio::time::interval(TRIM_TIME);
        loop {
            ticks.tick().await;
            let kept = days.get().saturating_mul(DAY_MS);
            let before = UnixMillis(self.clock.now_ms().saturating_sub(kept));
            match self.directory.trim_audit(before, &Actor::system()).await {
                Ok(0) => {}
                Ok(records) => tracing::info!(records, "audit records were old enough and went"),
                Err(cause) => {
                    tracing::error!(alarm = true, %cause, "audit records are kept past their time");
                }
            }
        }
    }

    /// The numbers of upkeep among the metrics.
    pub(crate) fn readings(&self) -> Vec<Reading> {
        let mut readings = self.heads.readings();
        readings.push(Reading::counter(
            "audit_unrecorded_readings",
            "Readings of the audit log that it could not record",
            self.unrecorded.load(Ordering::Relaxed),
        ));
        readings.push(Reading::gauge(
            "master_key_rotating",
            "1 while the old master key still opens something",
            u64::from(self.directory.is_rotating()),
        ));
        readings
    }

    async fn rotate(&self, actor: Actor) -> Result<(), UpkeepFault> {
        if self.key == KeyPlace::Settings {
            return Err(UpkeepFault::KeyIsGiven);
        }
        let mut key = zeroize::Zeroizing::new(vec![0; MASTER_KEY_BYTES]);
        getrandom::fill(&mut key).map_err(io::Error::other)?;
        let digits = zeroize::Zeroizing::new(hex::encode(&*key));
        let next = next_key_file(&self.data);
        if self.directory.is_rotating() {
            return Err(UpkeepFault::Command(rotating()));
        }
        // On disk before anything is sealed under it: a stop in between loses nothing.
        files::write_private(&next, digits.as_bytes())?;
        let seal = RingSeal::of(&key).map_err(io::Error::other)?;
        // Both open it from here on: whichever the next start has.
        let old = self.seals.lock().first().cloned();
        self.seal_ring(old.into_iter().chain([seal]).collect())
            .await?;
        let key = Secret::new(key.to_vec());
        self.directory.begin_rotation(&key, &actor).await?;
        self.rotate.notify_one();
        Ok(())
    }

    async fn copy(&self) -> Result<Backup, UpkeepFault> {
        let folder = self.data.join("backups");
        files::make_private_folder(&folder)?;
        let file = folder.join(format!("directory-{}.redb", self.clock.now_ms()));
        let revision = self.directory.backup(file.clone()).await?;
        let path = file.clone();
        let measured = tokio::task::spawn_blocking(move || measure(&path)).await;
        let (bytes, sha256) = measured.map_err(io::Error::other)??;
        Ok(Backup {
            file: std::path::absolute(&file)
                .unwrap_or(file)
                .display()
                .to_string(),
            revision,
            bytes,
            sha256,
        })
    }
}

fn rotating() -> postern_config::directory::CommandError {
    postern_config::directory::CommandError::Refused(postern_config::directory::Refusal::Rotating)
}

/// The length of a file, and its SHA-256; when this returns, it is on the disk.
fn measure(path: &Path) -> io::Result<(u64, String)> {
    let mut file = std::fs::File::open(path)?;
    file.sync_all()?;
    let mut hash = Sha256::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            return Ok((bytes, hex::encode(hash.finalize())));
        }
        bytes += read as u64;
        hash.update(chunk.get(..read).unwrap_or_default());
    }
}

impl Upkeep for Keeper {
    fn rotate_master_key(&self, actor: Actor) -> BoxFuture<'_, Result<(), UpkeepFault>> {
        Box::pin(self.rotate(actor))
    }

    fn backup(&self) -> BoxFuture<'_, Result<Backup, UpkeepFault>> {
        Box::pin(self.copy())
    }

    fn heads(&self) -> Value {
        self.heads.told()
    }

    fn unrecorded(&self) -> bool {
        self.unrecorded.fetch_add(1, Ordering::Relaxed);
        self.on_failure == OnFailure::Count
    }
}
