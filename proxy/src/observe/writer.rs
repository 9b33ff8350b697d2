//! A log file and the thread that writes it.
//!
//! A request appends its line to bytes in memory and goes on; the thread gathers for some milliseconds and writes all at
//! once. What waits is bounded.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use parking_lot::{Condvar, Mutex};

use crate::limits::{LOG_GATHER_TIME, LOG_PENDING_BYTES_MAX};

/// Where lines go.
#[derive(Clone, Debug)]
pub enum Target {
    /// Standard output.
    Output,
    /// A file, appended to; made if it is not there, readable by its owner alone.
    File(PathBuf),
    /// Wherever these are.
    Own(Arc<dyn Sinks>),
}

/// Where lines of another kind go.
pub trait Sinks: Send + Sync + fmt::Debug {
    /// Opens what is written to.
    ///
    /// # Errors
    /// It cannot be written to.
    fn open(self: Arc<Self>) -> io::Result<Box<dyn Write + Send>>;
}

/// What happens when lines come faster than the disk takes them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Full {
    /// Requests wait: no entry is lost. A disk that fails, as opposed to one that is slow, makes nobody wait.
    #[default]
    Wait,
    /// The line is left out and counted: no request waits.
    Count,
}

/// A log file.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    full: Full,
    /// Joined when the log closes.
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    pending: Mutex<Pending>,
    /// Rung when there is something to do for the thread.
    work: Condvar,
    /// Rung when there is room again.
    room: Condvar,
    lost: Arc<AtomicU64>,
    /// Whether the last lines could not be written.
    is_failing: AtomicBool,
}

/// What waits for the thread. Held for the copy of one line.
#[derive(Default)]
struct Pending {
    lines: Vec<u8>,
    thread_sleeps: bool,
    reopen: bool,
    closed: bool,
}

impl Writer {
    pub(crate) fn start(target: Target, full: Full) -> io::Result<Self> {
        let mut sink = open(&target)?;
        let shared = Arc::new(Shared {
            pending: Mutex::default(),
            work: Condvar::new(),
            room: Condvar::new(),
            lost: Arc::default(),
            is_failing: AtomicBool::new(false),
        });
        let theirs = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || theirs.write_until_closed(&target, &mut sink))?;
        Ok(Self {
            shared,
            full,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Appends a line, which ends with a line break.
    pub(crate) fn append(&self, line: &[u8]) {
        let mut pending = self.shared.pending.lock();
        while pending.lines.len() + line.len() > LOG_PENDING_BYTES_MAX && !pending.closed {
            match self.full {
                Full::Wait => self.shared.room.wait(&mut pending),
                Full::Count => {
                    self.shared.lost.fetch_add(1, Ordering::Relaxed);
                    return;
                }
            }
        }
        if pending.closed {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        pending.lines.extend_from_slice(line);
        let wake = std::mem::take(&mut pending.thread_sleeps);
        drop(pending);
        if wake {
            self.shared.work.notify_one();
        }
    }

    /// Counts a line that is not written.
    pub(crate) fn lose(&self) {
        self.shared.lost.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn reopen(&self) {
        self.shared.pending.lock().reopen = true;
        self.shared.work.notify_one();
    }

    pub(crate) fn close(&self) {
        self.shared.pending.lock().closed = true;
        self.shared.work.notify_one();
        self.shared.room.notify_all();
        if let Some(thread) = self.thread.lock().take() {
            // A thread that panicked has nothing more to write.
            drop(thread.join());
        }
    }

    /// Whether the last lines could not be written.
    pub(crate) fn is_failing(&self) -> bool {
        self.shared.is_failing.load(Ordering::Relaxed)
    }

    pub(crate) fn lost(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.shared.lost)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn write_until_closed(&self, target: &Target, sink: &mut Box<dyn Write + Send>) {
        let mut batch = Vec::new();
        let mut failing = false;
        loop {
            let mut pending = self.pending.lock();
            while pending.lines.is_empty() && !pending.reopen && !pending.closed {
                pending.thread_sleeps = true;
                self.work.wait(&mut pending);
            }
            if !pending.closed {
                drop(pending);
                thread::sleep(LOG_GATHER_TIME);
                pending = self.pending.lock();
            }
            std::mem::swap(&mut batch, &mut pending.lines);
            pending.thread_sleeps = false;
            let (reopen, closed) = (std::mem::take(&mut pending.reopen), pending.closed);
            drop(pending);
            self.room.notify_all();

            let written = sink.write_all(&batch).and_then(|()| sink.flush());
            if let Err(cause) = &written {
                let lines = memchr::memchr_iter(b'\n', &batch).count();
                self.lost
                    .fetch_add(lines.try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
                if !failing {
                    tracing::error!(%cause, "a log cannot be written; its lines are lost and counted");
                }
            }
            failing = written.is_err();
            self.is_failing.store(failing, Ordering::Relaxed);
            batch.clear();
            if reopen {
                match open(target) {
                    Ok(opened) => *sink = opened,
                    Err(cause) => {
                        tracing::error!(%cause, "a log cannot be reopened; the old file stays open")
                    }
                }
            }
            if closed {
                return;
            }
        }
    }
}

fn open(target: &Target) -> io::Result<Box<dyn Write + Send>> {
    Ok(match target {
        Target::Output => Box::new(io::stdout()),
        Target::File(path) => {
            let file: File = OpenOptions::new()
                .append(true)
                .create(true)
                .mode(0o600)
                .open(path)?;
            Box::new(file)
        }
        Target::Own(sinks) => Arc::clone(sinks).open()?,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn every_line_is_there_after_closing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        let writer = Arc::new(Writer::start(Target::File(path.clone()), Full::Wait).unwrap());
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let writer = Arc::clone(&writer);
                thread::spawn(move || (0..1_000).for_each(|_| writer.append(b"0123456789\n")))
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        writer.close();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "0123456789\n".repeat(4_000)
        );
        writer.append(b"late\n");
        assert_eq!(writer.lost().load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_file_that_was_moved_away_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (
            folder.path().join("access.log"),
            folder.path().join("access.log.1"),
        );
        let writer = Writer::start(Target::File(path.clone()), Full::Wait).unwrap();
        writer.append(b"one\n");
        fs::rename(&path, &moved).unwrap();
        writer.reopen();
        let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while !path.exists() && std::time::Instant::now() < until {
            thread::yield_now();
        }
        writer.append(b"two\n");
        writer.close();
        assert_eq!(
            (fs::read(&moved).unwrap(), fs::read(&path).unwrap()),
            (b"one\n".to_vec(), b"two\n".to_vec())
        );
    }

    #[test]
    fn a_line_past_the_bound_is_counted_or_waits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        let line = [vec![b'x'; 1_024 * 1_024 - 1], vec![b'\n']].concat();
        for (full, lost) in [(Full::Wait, false), (Full::Count, true)] {
            let writer = Writer::start(Target::File(path.clone()), full).unwrap();
            (0..64).for_each(|_| writer.append(&line));
            writer.close();
            assert_eq!(writer.lost().load(Ordering::Relaxed) > 0, lost, "{full:?}");
            let kept = 64 - writer.lost().load(Ordering::Relaxed);
            assert_eq!(
                fs::metadata(&path).unwrap().len(),
                kept * line.len() as u64,
                "{full:?}"
            );
            fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn a_disk_that_fails_makes_nobody_wait() {
        let writer = Writer::start(Target::File("/dev/full".into()), Full::Wait).unwrap();
        let line = [vec![b'x'; 1_024 * 1_024 - 1], vec![b'\n']].concat();
        (0..40).for_each(|_| writer.append(&line));
        writer.close();
        assert_eq!(writer.lost().load(Ordering::Relaxed), 40);
    }
}
