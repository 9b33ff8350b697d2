//! The node's own keys, which wrap those of objects: a file beside the volumes, made with the first object that needs it.
//!
//! Whoever has volumes without this file has nothing of what is encrypted in them; whoever loses it has nothing either.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use aes_gcm::Aes256Gcm;
use parking_lot::Mutex;

use super::{KEY_BYTES, new_cipher, random};
use crate::error::NodeError;
use crate::faults::Faults;
use crate::volume::sync_parent;
use crate::wire::Reader;

/// Its name in the node's folder.
pub(crate) const RING_FILE: &str = "keys";
const MAGIC: &[u8; 8] = b"POSTERNK";
const ID_BYTES: usize = 8;

/// The keys of a node, the newest last.
#[derive(Debug)]
pub(crate) struct Ring {
    path: PathBuf,
    /// Guards the list for the time of one look, and of the making of the first key.
    keys: Mutex<Vec<RingKey>>,
}

struct RingKey {
    id: [u8; ID_BYTES],
    key: [u8; KEY_BYTES],
}

impl std::fmt::Debug for RingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RingKey({:02x?})", self.id)
    }
}

impl Ring {
    /// Reads the ring of the node in `dir`; one that is not there yet is empty.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        let path = dir.join(RING_FILE);
        let keys = match fs::read(&path) {
            Ok(bytes) => read(&bytes)
                .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not a ring of keys"))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        Ok(Self {
            path,
            keys: Mutex::new(keys),
        })
    }

    /// The key for new objects; the first time it is made, and on the disk before it is used.
    pub(crate) fn newest(&self) -> Result<([u8; ID_BYTES], Aes256Gcm), NodeError> {
        let mut keys = self.keys.lock();
        if keys.is_empty() {
            let fresh = RingKey {
                id: random()?,
                key: random()?,
            };
            self.write(&fresh)
                .map_err(|error| NodeError::Log(error.to_string()))?;
            keys.push(fresh);
        }
        match keys.last() {
            Some(newest) => Ok((newest.id, new_cipher(&newest.key)?)),
            None => Err(NodeError::Damaged("the ring has no key".to_owned())),
        }
    }

    /// A key by its name.
    pub(crate) fn by_id(&self, id: &[u8]) -> Result<Aes256Gcm, NodeError> {
        let keys = self.keys.lock();
        match keys.iter().find(|key| key.id == id) {
            Some(found) => new_cipher(&found.key),
            None => Err(NodeError::Damaged(
                "the key of an object is not in the ring".to_owned(),
            )),
        }
    }

    fn write(&self, key: &RingKey) -> io::Result<()> {
        let fresh = self.path.with_extension("new");
        let mut file = File::options()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&fresh)?;
        let bytes = [&MAGIC[..], &key.id, &key.key].concat();
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&fresh, &self.path)?;
        sync_parent(&self.path, &Faults::default())
    }
}

fn read(bytes: &[u8]) -> Option<Vec<RingKey>> {
    let mut reader = Reader(bytes.strip_prefix(&MAGIC[..])?);
    let mut keys = Vec::new();
    while !reader.is_empty() {
        keys.push(RingKey {
            id: reader.array().ok()?,
            key: reader.array().ok()?,
        });
    }
    Some(keys)
}
