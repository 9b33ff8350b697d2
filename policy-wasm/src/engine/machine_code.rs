//! Machine code that is kept between runs.
//!
//! It is native code that this process will jump into. It is accepted only from our own file, only under a MAC whose
//! key never leaves this machine, only for the same module and the same engine; it is never accepted from outside. A file
//! that is anything else is counted, reported and deleted, and the module is compiled anew.

use std::fs;
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use hmac::{Hmac, KeyInit, Mac};
use parking_lot::Mutex;
use rustix::fs::{Timespec, Timestamps, UTIME_NOW, futimens};
use sha2::{Digest as _, Sha256};

use super::compiled::{Compiled, Frame};
use super::module::Digest;
use crate::limits::{
    COMPILED_HEAD_BYTES_MAX, MACHINE_CODE_BYTES_MAX, MACHINE_CODE_FILES_MAX,
    MACHINE_CODE_STORE_BYTES_MAX,
};

/// A folder of machine code, and the key that tells our files from others.
pub struct MachineCodeStore {
    directory: PathBuf,
    key: [u8; 32],
    files: usize,
    bytes: u64,
}

/// `magic ‖ mac ‖ frame`
const MAGIC: &[u8; 8] = b"postern2";
const MAC_BYTES: usize = 32;
/// What our files are called: `<digest>.<engine>.code`, and `.<number>.new` behind that while one is written.
const SUFFIX: &str = "code";
const UNFINISHED: &str = "new";

impl MachineCodeStore {
    /// A store in this folder, which is made if it is not there. The key must be secret and stay the same.
    pub fn new(directory: impl Into<PathBuf>, key: [u8; 32]) -> Self {
        Self {
            directory: directory.into(),
            key,
            files: MACHINE_CODE_FILES_MAX,
            bytes: MACHINE_CODE_STORE_BYTES_MAX,
        }
    }

    /// Keeps at most so many files and bytes.
    #[must_use]
    pub const fn bounded(mut self, files: usize, bytes: u64) -> Self {
        self.files = files;
        self.bytes = bytes;
        self
    }

    /// Makes the folder, and takes away what no engine will use and what is too much.
    pub(super) fn open(self, engine: &wasmtime::Engine) -> io::Result<Shelf> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.directory)?;
        let shelf = Shelf {
            environment: environment(engine),
            store: self,
            held: Mutex::default(),
            rejected: AtomicU64::new(0),
            written: AtomicU64::new(0),
        };
        shelf.tidy()?;
        shelf.sweep()?;
        Ok(shelf)
    }
}

/// The store while an engine uses it.
pub(super) struct Shelf {
    store: MachineCodeStore,
    /// The engine, as its machine code knows it.
    environment: [u8; 32],
    /// Guards the count of files and bytes, and the taking away of files.
    held: Mutex<Held>,
    rejected: AtomicU64,
    /// Names the next file while it is written.
    written: AtomicU64,
}

#[derive(Clone, Copy, Default)]
struct Held {
    files: usize,
    bytes: u64,
}

/// Why a file is of no use.
#[derive(Debug, thiserror::Error)]
enum Rejected {
    #[error("{0}")]
    Unreadable(#[from] io::Error),
    #[error("it is cut, or of another version")]
    Malformed,
    #[error("it is not ours, or not this module's")]
    Mac,
}

impl Shelf {
    /// The machine code of a module, or nothing where there is none, or none that can be trusted.
    pub(super) fn find(&self, digest: Digest) -> Option<Compiled> {
        match self.read(digest) {
            Ok(compiled) => Some(compiled),
            Err(Rejected::Unreadable(error)) if error.kind() == io::ErrorKind::NotFound => None,
            Err(rejected) => {
                self.reject(digest, &rejected.to_string());
                None
            }
        }
    }

    /// Reads, verifies and takes apart one buffer: what was verified is what is used.
    fn read(&self, digest: Digest) -> Result<Compiled, Rejected> {
        let bytes = read(&self.path(digest))?;
        let rest = bytes.strip_prefix(MAGIC).ok_or(Rejected::Malformed)?;
        let (mac, frame) = rest
            .split_at_checked(MAC_BYTES)
            .ok_or(Rejected::Malformed)?;
        let expected = self.mac(digest, &[frame]).ok_or(Rejected::Mac)?;
        expected.verify_slice(mac).map_err(|_| Rejected::Mac)?;
        match Frame::read(frame) {
            Some(Frame::Made(compiled)) => Ok(compiled),
            Some(Frame::Refused(_)) | None => Err(Rejected::Malformed),
        }
    }

    /// Counts and reports a file that is of no use, and takes it away.
    pub(super) fn reject(&self, digest: Digest, cause: &str) {
        let path = self.path(digest);
        self.rejected.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(path = %path.display(), cause, "kept machine code was rejected");
        self.take_away(&path);
    }

    /// How many files were of no use.
    pub(super) fn rejected(&self) -> u64 {
        self.rejected.load(Ordering::Relaxed)
    }

    /// Keeps the machine code of a module.
    pub(super) fn keep(&self, digest: Digest, compiled: &Compiled) {
        // The next start compiles again: slower, and no less right.
        if let Err(error) = self.write(digest, compiled) {
            tracing::warn!(module.digest = %digest, %error, "machine code was not kept");
        }
    }

    fn write(&self, digest: Digest, compiled: &Compiled) -> io::Result<()> {
        let too_large = || io::Error::from(io::ErrorKind::FileTooLarge);
        let (head, code) = compiled.write().ok_or_else(too_large)?;
        let mac = self.mac(digest, &[&head, code]).ok_or_else(too_large)?;
        let path = self.path(digest);
        // Two threads may write the same file: each writes its own, and the last one stays. It is not flushed: what a
        // power cut leaves of it does not pass the MAC.
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let unfinished = path.with_extension(format!("{SUFFIX}.{number}.{UNFINISHED}"));
        let written = (|| {
            let mut file = fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&unfinished)?;
            for part in [MAGIC, &*mac.finalize().into_bytes(), &head, code] {
                file.write_all(part)?;
            }
            let bytes = file.metadata()?.len();
            let before = fs::metadata(&path).map_or(0, |it| it.len());
            fs::rename(&unfinished, &path)?;
            Ok((bytes, before))
        })();
        match written {
            Ok((bytes, before)) => {
                let over = {
                    let mut held = self.held.lock();
                    held.files += usize::from(before == 0);
                    held.bytes = (held.bytes + bytes).saturating_sub(before);
                    held.files > self.store.files || held.bytes > self.store.bytes
                };
                if over { self.sweep() } else { Ok(()) }
            }
            Err(error) => {
                // It may not even be there.
                fs::remove_file(&unfinished).ok();
                Err(error)
            }
        }
    }

    /// Takes away what another engine left and what was never finished. Files with other names are not ours and stay.
    fn tidy(&self) -> io::Result<()> {
        let mut foreign: u64 = 0;
        for entry in fs::read_dir(&self.store.directory)? {
            let path = entry?.path();
            match self.kind(&path) {
                Some(Kind::AnotherEngines) => {
                    foreign += 1;
                    fs::remove_file(&path)?;
                }
                Some(Kind::Unfinished) => fs::remove_file(&path)?,
                Some(Kind::Ours) | None => {}
            }
        }
        if foreign > 0 {
            self.rejected.fetch_add(foreign, Ordering::Relaxed);
            tracing::info!(
                files = foreign,
                "machine code of another engine was deleted"
            );
        }
        Ok(())
    }

    /// Counts what is there and, where it is too much, takes away what was used longest ago.
    fn sweep(&self) -> io::Result<()> {
        let mut held = self.held.lock();
        *held = Held::default();
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.store.directory)?.filter_map(Result::ok) {
            let path = entry.path();
            // It may be gone by now.
            if let (Some(Kind::Ours), Ok(metadata)) = (self.kind(&path), entry.metadata()) {
                held.files += 1;
                held.bytes += metadata.len();
                let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                files.push((used, path, metadata.len()));
            }
        }
        if held.files > self.store.files || held.bytes > self.store.bytes {
            files.sort_unstable();
            // A little more than is too much, so that the next file does not cost a look at all of them again.
            let (most_files, most_bytes) = (share(self.store.files), share(self.store.bytes));
            for (_, path, bytes) in files {
                if held.files <= most_files && held.bytes <= most_bytes {
                    break;
                }
                fs::remove_file(&path)?;
                held.files -= 1;
                held.bytes -= bytes;
            }
        }
        Ok(())
    }

    fn take_away(&self, path: &Path) {
        let mut held = self.held.lock();
        let bytes = fs::metadata(path).map_or(0, |it| it.len());
        if fs::remove_file(path).is_ok() {
            held.files = held.files.saturating_sub(1);
            held.bytes = held.bytes.saturating_sub(bytes);
        }
    }

    fn kind(&self, path: &Path) -> Option<Kind> {
        let name = path.file_name()?.to_str()?;
        let mut parts = name.split('.');
        let (digest, engine, suffix) = (parts.next()?, parts.next()?, parts.next()?);
        if digest.parse::<Digest>().is_err() || suffix != SUFFIX {
            return None;
        }
        Some(match (parts.next(), parts.next()) {
            (None, _) if engine == self.engine() => Kind::Ours,
            (None, _) => Kind::AnotherEngines,
            (Some(_), Some(UNFINISHED)) => Kind::Unfinished,
            (Some(_), _) => return None,
        })
    }

    /// The engine as the names of files have it.
    fn engine(&self) -> String {
        hex::encode(self.environment.first_chunk::<8>().unwrap_or(&[0; 8]))
    }

    fn path(&self, digest: Digest) -> PathBuf {
        let name = format!("{digest}.{}.{SUFFIX}", self.engine());
        self.store.directory.join(name)
    }

    fn mac(&self, digest: Digest, frame: &[&[u8]]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.store.key).ok()?;
        // Everything before the frame has a fixed length, so no two inputs share their bytes.
        mac.update(MAGIC);
        mac.update(digest.as_bytes());
        mac.update(&self.environment);
        for part in frame {
            mac.update(part);
        }
        Some(mac)
    }
}

enum Kind {
    Ours,
    AnotherEngines,
    Unfinished,
}

/// Nine tenths.
fn share<N: std::ops::Div<Output = N> + std::ops::Sub<Output = N> + Copy + From<u8>>(all: N) -> N {
    all - all / N::from(10)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = fs::File::open(path)?;
    let head = MAGIC.len() + MAC_BYTES + COMPILED_HEAD_BYTES_MAX;
    let most = MACHINE_CODE_BYTES_MAX.saturating_add(u64::try_from(head).unwrap_or(0));
    if file.metadata()?.len() > most {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    // When it was used last is when it was changed last: a file system need not keep the time of reading. A file whose
    // time cannot be set is only forgotten sooner.
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: UTIME_NOW,
    };
    let times = Timestamps {
        last_access: now,
        last_modification: now,
    };
    futimens(&file, &times).ok();
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The version and configuration of the engine, and the features of the processor, as a digest.
fn environment(engine: &wasmtime::Engine) -> [u8; 32] {
    struct Collect(Sha256);
    impl Hasher for Collect {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            0
        }
    }
    let mut collect = Collect(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut collect);
    collect.0.finalize().into()
}

impl std::fmt::Debug for MachineCodeStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MachineCodeStore")
            .field("directory", &self.directory)
            .field("key", &"..")
            .finish_non_exhaustive()
    }
}
