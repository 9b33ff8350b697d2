//! A disk that misbehaves, for tests: writes and flushes that fail, and a power cut after any of them.
//!
//! Log and index go through here before they touch a file. Where nothing is switched on this is one look at an atomic. A trace keeps
//! what was written, flushed, made and removed, in order; [`Disk`] makes of its beginning what a power cut would have left.

mod disk;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

pub use disk::{Disk, Loss};

/// Switches that make a disk fail, and the trace of what it was told. A clone is the same disk.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// Writes and flushes fail.
    failing: AtomicBool,
    /// What failed cannot be cut off either.
    stuck: AtomicBool,
    tracing: AtomicBool,
    /// What was done so far. Its lock is held while it is done, so that the order is the disk's.
    trace: Mutex<Vec<Change>>,
}

/// What a disk was told.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// A file is there, and empty.
    Made(Box<Path>),
    /// A file has this length.
    Sized(Box<Path>, u64),
    /// Bytes stand at this offset.
    Wrote(Box<Path>, u64, Box<[u8]>),
    /// What was said of the file so far is on the disk.
    Flushed(Box<Path>),
    /// A file has another name of the same folder, whatever had that before.
    Renamed(Box<Path>, Box<Path>),
    /// A name is gone.
    Removed(Box<Path>),
    /// The names of a folder are on the disk.
    FolderFlushed(Box<Path>),
}

impl Faults {
    /// Turns failing on or off: every write and flush answers an error, as a bad disk would.
    pub fn set(&self, failing: bool) {
        self.0.failing.store(failing, Ordering::SeqCst);
    }

    /// Turns on or off that what failed cannot be cut off.
    pub fn set_stuck(&self, stuck: bool) {
        self.0.stuck.store(stuck, Ordering::SeqCst);
    }

    /// Keeps what the disk is told from now on. It stays in memory.
    pub fn trace(&self) {
        self.0.tracing.store(true, Ordering::SeqCst);
    }

    /// How much the disk was told since [`trace`](Self::trace).
    pub fn moment(&self) -> usize {
        self.0.trace.lock().len()
    }

    /// What kind of thing it was told at a moment, and of which file: for tests that want to have met all of them.
    pub fn told_at(&self, moment: usize) -> Option<String> {
        let trace = self.0.trace.lock();
        trace.get(moment).map(Change::words)
    }

    pub(crate) fn is_tracing(&self) -> bool {
        self.0.tracing.load(Ordering::Relaxed)
    }

    pub(crate) fn check(&self) -> io::Result<()> {
        fail_if(&self.0.failing)
    }

    pub(crate) fn check_cut(&self) -> io::Result<()> {
        fail_if(&self.0.stuck)
    }

    /// Does something to a disk, and notes that it was done.
    pub(crate) fn tell<T>(
        &self,
        change: impl FnOnce() -> Change,
        act: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        if !self.is_tracing() {
            return act();
        }
        let mut trace = self.0.trace.lock();
        let done = act()?;
        trace.push(change());
        Ok(done)
    }
}

fn fail_if(switch: &AtomicBool) -> io::Result<()> {
    if switch.load(Ordering::Relaxed) {
        Err(io::Error::other("injected fault"))
    } else {
        Ok(())
    }
}

impl Change {
    fn words(&self) -> String {
        let (what, path) = match self {
            Self::Made(path) => ("made", path),
            Self::Sized(path, _) => ("sized", path),
            Self::Wrote(path, _, _) => ("wrote", path),
            Self::Flushed(path) => ("flushed", path),
            Self::Renamed(_, path) => ("renamed", path),
            Self::Removed(path) => ("removed", path),
            Self::FolderFlushed(path) => ("folder flushed", path),
        };
        let name = path.file_name().unwrap_or_default();
        format!("{what} {}", name.display())
    }
}
