//! Compaction: what stands in a volume is written anew at the log's end, and the volume's file goes.
//!
//! A volume goes when everything that stood in it was flushed elsewhere, the log says that it is empty, a checkpoint that does not
//! point into it is on the disk, and the last reader who began before has let go. Whatever moment a crash picks, the log is whole.

mod walk;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::pace::waiting;
use super::{Inner, Node};
use crate::error::NodeError;
use crate::keys::{self, Table};
use crate::limits::{COMPACTION_LOOK_MS, SCAN_ROWS_MAX};
use crate::overlay::Span;
use crate::row;
use crate::volume;
use crate::writer::{Candidate, Work};

use walk::Walk;

/// How far compaction goes.
#[derive(Clone, Copy, Debug)]
pub struct Compaction {
    /// Volumes with at least so much garbage are emptied, in thousandths of what they hold.
    pub garbage_per_mille: u16,
    /// Bytes that are moved in a second at most; none: as fast as it goes.
    pub bytes_per_second: Option<u64>,
}

/// What compaction has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Volumes whose files went.
    pub volumes: u64,
    /// Bytes of these files.
    pub freed_bytes: u64,
    /// Bytes that stood in them and were written anew.
    pub moved_bytes: u64,
    /// Volumes that stay because something in them cannot be read: the log says what.
    pub damaged: u64,
    /// Volumes that stay because something in them was deleted so lately that it may be brought back.
    pub waiting: u64,
    /// Volumes that stay because a backup or who ships them holds them.
    pub held: u64,
}

/// A volume's share of garbage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VolumeUse {
    /// Its number.
    pub number: u32,
    /// Bytes of its file.
    pub bytes: u64,
    /// Payload in it that nothing refers to, in bytes.
    pub garbage_bytes: u64,
    /// Whether the log still appends to it.
    pub is_active: bool,
    /// Which of [`Node::disks`] it is on.
    pub disk: usize,
    /// Whether that is to be emptied.
    pub drains: bool,
}

impl Node {
    /// What each volume holds, the oldest first.
    ///
    /// # Errors
    /// The index is away.
    pub fn volumes(&self) -> Result<Vec<VolumeUse>, NodeError> {
        let inner = &self.inner;
        let garbage = inner.store.view().garbage_of_volumes()?;
        let all = inner.volumes.all();
        let active = all.last().map(|volume| volume.head.number);
        let volumes = all.iter().map(|volume| {
            let number = volume.head.number;
            VolumeUse {
                number,
                bytes: volume.end(),
                garbage_bytes: garbage.get(&number).copied().unwrap_or(0),
                is_active: Some(number) == active,
                disk: inner.spare.disks().position(&volume.disk),
                drains: volume.disk.drains,
            }
        });
        Ok(volumes.collect())
    }

    /// Empties the volumes that hold enough garbage, the one with the largest share first, and all on disks that are to be emptied. It may be dropped at any time: what it has
    /// moved stays moved.
    ///
    /// # Errors
    /// The node reads only, is full beyond its reserve, or was closed. One call at a time works; others wait for it.
    pub async fn compact(&self, how: Compaction) -> Result<Compacted, NodeError> {
        let _turn = self.inner.compacting.lock().await;
        let mut done = Compacted::default();
        // What a hold, an error or the end of a call has left.
        self.remove_emptied(&mut done).await?;
        let young = self.inner.young_deaths()?;
        let mut due = self.volumes()?;
        let is_worth_it = |volume: &VolumeUse| volume.share() >= u64::from(how.garbage_per_mille);
        due.retain(|volume| !volume.is_active && (volume.drains || is_worth_it(volume)));
        // What frees space comes first: what is only moved may need it.
        due.sort_by_key(|volume| (!is_worth_it(volume), std::cmp::Reverse(volume.share())));
        for volume in due {
            let number = volume.number;
            let work = if is_worth_it(&volume) {
                Work::Move
            } else {
                Work::Drain
            };
            // One that says where the volume before it ends must stay, too.
            let is_after_uncut = self.inner.spare.disks().is_after_uncut(number);
            if is_after_uncut || self.inner.holds.has(number) {
                done.held += 1;
                continue;
            }
            if young.contains_key(&number) {
                done.waiting += 1;
                continue;
            }
            match self.empty_volume((number, work), how, &mut done).await {
                Ok(()) => {}
                // What cannot be read is kept where it is.
                Err(NodeError::Damaged(what)) => {
                    tracing::error!(volume = number, what, "a volume cannot be compacted");
                    done.damaged += 1;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    async fn empty_volume(
        &self,
        (number, work): (u32, fn(Vec<Candidate>) -> Work),
        how: Compaction,
        done: &mut Compacted,
    ) -> Result<(), NodeError> {
        let inner = &self.inner;
        let volume = inner.volumes.get(number)?;
        let mut walk = Some(Walk::begin(Arc::clone(inner), volume));
        while let Some(mut walking) = walk.take() {
            let gathered = tokio::task::spawn_blocking(move || {
                let batch = walking.gather()?;
                Ok::<_, NodeError>((walking, batch))
            });
            let (walking, batch) = gathered.await.map_err(|_| NodeError::Closed)??;
            if batch.is_empty() {
                break;
            }
            let bytes: u64 = batch.iter().map(|one| one.payload.len() as u64).sum();
            inner.ask(work(batch)).await?;
            done.moved_bytes += bytes;
            if let Some(rate) = how.bytes_per_second {
                tokio::time::sleep(Duration::from_millis(bytes * 1_000 / rate.max(1))).await;
            }
            walk = Some(walking);
        }
        // What was deleted while the rest was moved is here alone, and may be brought back. What is deleted from now on is elsewhere.
        if inner.young_deaths()?.contains_key(&number) {
            done.waiting += 1;
            return Ok(());
        }
        inner.ask(Work::Emptied(number)).await?;
        inner.volumes.empty(number);
        self.remove_emptied(done).await
    }

    /// Removes the files of volumes that nothing points into and nobody holds.
    async fn remove_emptied(&self, done: &mut Compacted) -> Result<(), NodeError> {
        let inner = &self.inner;
        for number in inner.volumes.emptied() {
            if inner.holds.has(number) {
                done.held += 1;
                continue;
            }
            self.checkpoint_without(number).await?;
            // Somebody may have taken hold of it while that was awaited.
            if !inner.holds.may_go(number) {
                done.held += 1;
                continue;
            }
            let volume = inner.volumes.get(number)?;
            let going = Arc::clone(&volume);
            let removed = tokio::task::spawn_blocking(move || {
                volume::remove(&going.path, &going.disk.faults)
            });
            let removed = removed.await.map_err(|_| NodeError::Closed)?;
            if let Err(cause) = removed {
                // The other disks go on; this one is asked again the next time.
                tracing::error!(path = %volume.path.display(), %cause, "an emptied volume cannot be removed");
                inner.holds.gone(number);
                done.held += 1;
                continue;
            }
            // Until its file is gone what ended its records is carried along: a rebuild would meet them.
            inner.volumes.remove(number);
            inner.holds.gone(number);
            done.volumes += 1;
            done.freed_bytes += volume.end();
        }
        inner.note_disks().await
    }

    /// Waits for a checkpoint that does not point into an emptied volume, and for the readers who began before it was one.
    async fn checkpoint_without(&self, number: u32) -> Result<(), NodeError> {
        let inner = &self.inner;
        let since = inner.writer.last_lsn.load(Ordering::Acquire);
        loop {
            if inner.sender().is_err() {
                return Err(NodeError::Closed);
            }
            let is_durable = inner.applier.durable_lsn.load(Ordering::Acquire) >= since;
            if is_durable && inner.applier.pins.are_past(since) {
                tracing::debug!(volume = number, "a volume is empty");
                return Ok(());
            }
            inner.applier.hurry.store(true, Ordering::Release);
            inner.store.notify();
            tokio::time::sleep(Duration::from_millis(COMPACTION_LOOK_MS)).await;
        }
    }
}

impl VolumeUse {
    /// The share of garbage, in thousandths.
    pub fn share(&self) -> u64 {
        self.garbage_bytes.saturating_mul(1_000) / self.bytes.max(1)
    }
}

impl Inner {
    /// Notes which disks are empty, and which volumes need no longer be told apart from what stands behind them.
    async fn note_disks(&self) -> Result<(), NodeError> {
        let (spare, volumes) = (Arc::clone(&self.spare), Arc::clone(&self.volumes));
        waiting(move || {
            let disks = spare.disks();
            let mut gone = disks.uncut();
            gone.retain(|number| volumes.get(*number).is_err());
            let noted = disks.forget_uncut(&gone);
            let noted = noted.and_then(|()| disks.note_empty(&volumes));
            noted.map_err(|(path, cause)| NodeError::File {
                path,
                why: cause.to_string(),
            })
        })
        .await
    }

    /// Volumes in which something was deleted or overwritten that may be brought back still, and when that was last.
    pub(super) fn young_deaths(&self) -> Result<BTreeMap<u32, u64>, NodeError> {
        let Some(since_ms) = self.undelete_since_ms() else {
            return Ok(BTreeMap::new());
        };
        let mut young = self.store.deaths()?;
        young.retain(|_, last_ms| *last_ms >= since_ms);
        let mut from = Vec::new();
        loop {
            let page = self.store.scan(Span {
                table: Table::Dead,
                from: &from,
                end: None,
                limit: SCAN_ROWS_MAX,
            })?;
            for (prefix, row) in page.rows {
                let died_ms = row::time_of(row::decode(&prefix, &row)?.1)?;
                if died_ms >= since_ms {
                    self.note_chunks(&prefix, died_ms, &mut young)?;
                }
            }
            match page.next {
                Some(next) => from = next,
                None => return Ok(young),
            }
        }
    }

    /// Chunks that are dead and not cleared are in these volumes.
    fn note_chunks(
        &self,
        prefix: &[u8],
        died_ms: u64,
        young: &mut BTreeMap<u32, u64>,
    ) -> Result<(), NodeError> {
        let end = keys::after_prefix(prefix);
        let mut from = prefix.to_vec();
        loop {
            let page = self.store.scan(Span {
                table: Table::Extents,
                from: &from,
                end: end.as_deref(),
                limit: SCAN_ROWS_MAX,
            })?;
            for (key, row) in page.rows {
                let (place, _) = row::decode(&key, &row)?;
                let last = young.entry(place.volume).or_default();
                *last = died_ms.max(*last);
            }
            match page.next {
                Some(next) => from = next,
                None => return Ok(()),
            }
        }
    }

    /// What was deleted before this is given up; none where nothing is kept.
    pub(super) fn undelete_since_ms(&self) -> Option<u64> {
        let kept = self.settings.undelete;
        if kept.is_zero() {
            return None;
        }
        let kept_ms = u64::try_from(kept.as_millis()).unwrap_or(u64::MAX);
        // A death that says nothing of its time is of long ago.
        Some(self.now_ms().saturating_sub(kept_ms).max(1))
    }
}
