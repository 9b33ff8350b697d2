//! Machine code that is kept between runs.
//!
//! It is native code that this process will jump into. It is accepted only from our own file, only under a MAC whose
//! key never leaves this machine, only for the same module and the same engine; it is never accepted from outside.

use std::fs;
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};

use super::inspection::Inspection;
use super::module::Digest;
use crate::limits::{MACHINE_CODE_BYTES_MAX, MACHINE_CODE_FILES_MAX};

/// A folder of machine code, and the key that tells our files from others.
pub struct MachineCodeStore {
    directory: PathBuf,
    key: [u8; 32],
}

/// What was found.
pub(super) struct Found {
    pub(super) code: wasmtime::Module,
    pub(super) reusable: bool,
}

/// `magic ‖ mac ‖ flags ‖ code`
const MAGIC: &[u8; 8] = b"postern1";
const MAC_BYTES: usize = 32;
const HEAD_BYTES: usize = MAGIC.len() + MAC_BYTES + 1;

impl MachineCodeStore {
    /// A store in this folder, which is made if it is not there. The key must be secret and stay the same.
    pub fn new(directory: impl Into<PathBuf>, key: [u8; 32]) -> Self {
        Self {
            directory: directory.into(),
            key,
        }
    }

    /// Makes the folder and takes away the oldest files, should there be too many.
    pub(super) fn open(&self) -> io::Result<()> {
        fs::create_dir_all(&self.directory)?;
        let mut files = fs::read_dir(&self.directory)?
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let modified = entry
                    .metadata()
                    .ok()
                    .filter(fs::Metadata::is_file)?
                    .modified()
                    .ok()?;
                Some((modified, entry.path()))
            })
            .collect::<Vec<_>>();
        files.sort_unstable();
        let surplus = files.len().saturating_sub(MACHINE_CODE_FILES_MAX);
        files
            .iter()
            .take(surplus)
            .try_for_each(|(_, path)| fs::remove_file(path))
    }

    /// The machine code of a module, or nothing where there is none, or none that can be trusted.
    pub(super) fn find(&self, engine: &wasmtime::Engine, digest: Digest) -> Option<Found> {
        let environment = environment(engine);
        let path = self.path(digest, &environment);
        let file = read(&path).ok()?;
        let (head, code) = file.split_at_checked(HEAD_BYTES)?;
        let (magic, rest) = head.split_at_checked(MAGIC.len())?;
        let (mac, flags) = rest.split_at_checked(MAC_BYTES)?;
        let reusable = match flags {
            [0] => false,
            [1] => true,
            _ => return None,
        };
        if magic != MAGIC
            || self
                .mac(digest, &environment, reusable, code)?
                .verify_slice(mac)
                .is_err()
        {
            tracing::warn!(path = %path.display(), "machine code that is not ours was ignored");
            return None;
        }
        #[expect(unsafe_code, reason = "the one way to load machine code that was kept")]
        // SAFETY: `deserialize` wants bytes that `serialize` of a compatible engine wrote. The MAC shows that `keep`
        // of a process that holds our key wrote exactly these bytes, for exactly this module and this engine. They
        // were read into memory before they were checked, so no other process can change them in between.
        let code = unsafe { wasmtime::Module::deserialize(engine, code) };
        match code {
            Ok(code) => Some(Found { code, reusable }),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "machine code cannot be loaded");
                None
            }
        }
    }

    /// Keeps the machine code of a module.
    pub(super) fn keep(
        &self,
        engine: &wasmtime::Engine,
        inspection: &Inspection,
        module: &wasmtime::Module,
    ) -> io::Result<()> {
        let code = module
            .serialize()
            .map_err(|error| io::Error::other(error.to_string()))?;
        let environment = environment(engine);
        let mac = self
            .mac(inspection.digest, &environment, inspection.reusable, &code)
            .ok_or(io::ErrorKind::InvalidInput)?
            .finalize();
        let path = self.path(inspection.digest, &environment);
        // Two processes, or two threads, may write the same file: each writes its own and the last one stays.
        let temporary = path.with_extension(format!(
            "{}.{:?}",
            std::process::id(),
            std::thread::current().id()
        ));
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(MAGIC)?;
        file.write_all(&mac.into_bytes())?;
        file.write_all(&[u8::from(inspection.reusable)])?;
        file.write_all(&code)?;
        drop(file);
        fs::rename(&temporary, &path)
    }

    fn path(&self, digest: Digest, environment: &[u8; 32]) -> PathBuf {
        let engine = hex::encode(environment.first_chunk::<8>().unwrap_or(&[0; 8]));
        self.directory.join(format!("{digest}.{engine}.code"))
    }

    fn mac(
        &self,
        digest: Digest,
        environment: &[u8; 32],
        reusable: bool,
        code: &[u8],
    ) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        // Everything before the code has a fixed length, so no two inputs share their bytes.
        mac.update(MAGIC);
        mac.update(digest.as_bytes());
        mac.update(environment);
        mac.update(&[u8::from(reusable)]);
        mac.update(code);
        Some(mac)
    }
}

impl std::fmt::Debug for MachineCodeStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MachineCodeStore")
            .field("directory", &self.directory)
            .field("key", &"..")
            .finish()
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = fs::File::open(path)?;
    if file.metadata()?.len() > MACHINE_CODE_BYTES_MAX {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut bytes = Vec::new();
    file.take(MACHINE_CODE_BYTES_MAX).read_to_end(&mut bytes)?;
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
