//! Moves the overlay into the index behind the writer's back, makes checkpoints, clears dead chunks, prepares the next volume.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::error::NodeError;
use crate::index::{Batch, Index, View};
use crate::log::Position;
use crate::log::spare::Spare;
use crate::node::Settings;
use crate::overlay::Store;
use crate::recovery::Replay;
use crate::volume::set::VolumeSet;

/// How long the applier waits before it opens a failed index again.
const REOPEN_AFTER: Duration = Duration::from_millis(200);
/// How often it looks at the free space.
const LOOK_AFTER: Duration = Duration::from_millis(500);

/// What others may know and ask of the applier.
#[derive(Debug, Default)]
pub(crate) struct ApplierState {
    /// LSN up to which a restart need not replay.
    pub(crate) durable_lsn: AtomicU64,
    /// The writer has ended: finish and end.
    pub(crate) stop: AtomicBool,
    /// Readers of chunks, so that nothing dies under them.
    pub(crate) pins: Pins,
    /// Nothing waits: overlay empty, no dead chunks to clear. For tests that compare indexes.
    pub(crate) idle: AtomicBool,
    /// Somebody waits for a checkpoint.
    pub(crate) hurry: AtomicBool,
}

/// The LSNs at which readers of chunks began.
#[derive(Debug, Default)]
pub(crate) struct Pins(parking_lot::Mutex<std::collections::BTreeMap<u64, usize>>);

/// A reader of chunks: what he could see when he began stays as long as this.
#[derive(Debug)]
pub(crate) struct Pin {
    lsn: u64,
    state: Arc<ApplierState>,
}

impl Pin {
    pub(crate) fn new(state: &Arc<ApplierState>, lsn: u64) -> Self {
        *state.pins.0.lock().entry(lsn).or_default() += 1;
        Self {
            lsn,
            state: Arc::clone(state),
        }
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut pins = self.state.pins.0.lock();
        if let Some(count) = pins.get_mut(&self.lsn) {
            *count -= 1;
            if *count == 0 {
                pins.remove(&self.lsn);
            }
        }
    }
}

impl Pins {
    /// What died at or after this LSN may still be read.
    fn oldest(&self) -> u64 {
        self.0.lock().keys().next().map_or(u64::MAX, |lsn| lsn + 1)
    }

    /// Whether every reader sees what was written up to this LSN.
    pub(crate) fn are_past(&self, lsn: u64) -> bool {
        self.0
            .lock()
            .keys()
            .next()
            .is_none_or(|first| *first >= lsn)
    }
}

/// The applier's thread.
pub(crate) struct Applier {
    pub(crate) settings: Arc<Settings>,
    pub(crate) node: u128,
    pub(crate) index: Option<Index>,
    pub(crate) store: Arc<Store>,
    pub(crate) volumes: Arc<VolumeSet>,
    pub(crate) spare: Arc<Spare>,
    pub(crate) state: Arc<ApplierState>,
    /// Held until the thread ends.
    pub(crate) locks: Vec<File>,
}

/// Where the applier stands between two turns.
struct Standing {
    checkpoint: Instant,
    looked: Instant,
    /// Moved in since the last checkpoint.
    dirty: bool,
    /// Dead chunks may wait.
    dead: bool,
    /// None wait, not even for a reader.
    clear: bool,
    durable: Position,
}

impl Applier {
    /// Works until it is told to stop, and then leaves a checkpoint behind.
    pub(crate) fn run(mut self) {
        let now = Instant::now();
        let durable = self.store.position();
        let mut standing = Standing {
            checkpoint: now,
            looked: now,
            dirty: true,
            dead: true,
            clear: false,
            durable,
        };
        loop {
            let stop = self.state.stop.load(Ordering::Acquire);
            if let Err(error) = self.turn(&mut standing, stop) {
                tracing::error!(%error, "the index failed and is opened again");
                self.state.idle.store(false, Ordering::Release);
                self.reopen(&mut standing);
                if stop {
                    break;
                }
            } else if stop {
                break;
            }
        }
        // Windows of others end here: the file is closed before the folder is let go.
        self.store.replace_view(View::AWAY);
        self.index = None;
        for lock in self.locks {
            drop(lock.unlock());
        }
    }

    fn turn(&mut self, standing: &mut Standing, stop: bool) -> Result<(), NodeError> {
        self.look(standing);
        let (bytes, since) = self.store.waiting();
        let due = bytes >= self.store.bound() / 2
            || since.is_some_and(|since| since.elapsed() >= self.settings.apply_after);
        let log_bytes = self.log_bytes(standing.durable);
        let old = standing.checkpoint.elapsed() >= self.settings.checkpoint_every
            || log_bytes >= crate::limits::CHECKPOINT_LOG_BYTES;
        let hurry = self.state.hurry.swap(false, Ordering::AcqRel);
        let checkpoint = stop || hurry || (old && (standing.dirty || since.is_some()));
        if due || checkpoint {
            self.apply(standing, checkpoint)?;
            return Ok(());
        }
        if standing.dead {
            standing.dead = self.reap(standing)?;
            return Ok(());
        }
        self.state
            .idle
            .store(since.is_none() && standing.clear, Ordering::Release);
        let half = self.store.bound() / 2;
        let awake = || {
            self.state.stop.load(Ordering::Acquire)
                || self.state.hurry.load(Ordering::Acquire)
                || self.store.waiting().0 >= half
        };
        let patience = match since {
            Some(since) => self.settings.apply_after.saturating_sub(since.elapsed()),
            None => LOOK_AFTER,
        };
        self.store
            .doze(patience.max(Duration::from_millis(1)), awake);
        Ok(())
    }

    /// Bytes of the log since a position: what a restart would replay.
    fn log_bytes(&self, since: Position) -> u64 {
        let now = self.store.position();
        let volumes = u64::from(now.volume.saturating_sub(since.volume));
        (volumes * self.settings.volume_bytes + now.offset).saturating_sub(since.offset)
    }

    fn apply(&mut self, standing: &mut Standing, durable: bool) -> Result<(), NodeError> {
        self.state.idle.store(false, Ordering::Release);
        let index = self.index()?;
        let frozen = self.store.freeze();
        let volumes = self.volumes.all();
        let volumes: Vec<(u32, u128)> = volumes
            .iter()
            .map(|volume| (volume.head.number, volume.head.volume))
            .collect();
        let position = frozen.position;
        let batch = Batch {
            position,
            node: self.node,
            volumes: &volumes,
            durable,
        };
        index.apply(&frozen.layer, &batch)?;
        standing.dead = true;
        standing.clear = false;
        let view = index.view()?;
        self.store.thaw(view);
        standing.dirty = !durable;
        if durable {
            standing.checkpoint = Instant::now();
            standing.durable = position;
            self.state
                .durable_lsn
                .store(position.lsn, Ordering::Release);
        }
        Ok(())
    }

    fn reap(&mut self, standing: &mut Standing) -> Result<bool, NodeError> {
        let index = self.index()?;
        standing.clear = !index.has_dead()?;
        if standing.clear {
            return Ok(false);
        }
        let more = index.reap(self.state.pins.oldest())?;
        standing.clear = !index.has_dead()?;
        standing.dirty = true;
        self.store.refresh(index.view()?);
        Ok(more)
    }

    fn index(&self) -> Result<&Index, NodeError> {
        self.index
            .as_ref()
            .ok_or_else(|| NodeError::Index("it is not open".to_owned()))
    }

    fn look(&self, standing: &mut Standing) {
        if standing.looked.elapsed() >= LOOK_AFTER {
            standing.looked = Instant::now();
            // A reader may have let go of what was dead already.
            standing.dead = true;
            self.spare.prepare();
        }
    }

    /// redb answers nothing after an error until it is opened again; then it stands at its last checkpoint, and the log has
    /// what came after.
    fn reopen(&mut self, standing: &mut Standing) {
        self.store.replace_view(View::AWAY);
        self.index = None;
        std::thread::sleep(REOPEN_AFTER);
        match self.try_reopen() {
            Ok(()) => {
                tracing::info!("the index is open again");
                *standing = Standing {
                    checkpoint: Instant::now(),
                    looked: standing.looked,
                    dirty: true,
                    dead: true,
                    clear: false,
                    durable: standing.durable,
                };
            }
            Err(error) => tracing::error!(%error, "the index could not be opened again"),
        }
    }

    fn try_reopen(&mut self) -> Result<(), crate::error::OpenError> {
        let failed = |error: NodeError| crate::error::OpenError::Index(error.to_string());
        let frozen = self.store.freeze();
        let path = self.settings.dir.join("index.redb");
        let faults = self.settings.faults.clone();
        let index = Index::open(&path, self.settings.index_cache_bytes, faults).map_err(failed)?;
        let from = index
            .checkpoint()
            .map_err(failed)?
            .map_or_else(Position::default, |at| at.applied);
        let volumes = &self.volumes;
        let mut replay = Replay {
            index,
            settings: &self.settings,
            volumes,
            node: self.node,
        };
        replay.up_to(from, Some(frozen.position.lsn))?;
        self.store.thaw(replay.index.view().map_err(failed)?);
        self.index = Some(replay.index);
        Ok(())
    }
}
