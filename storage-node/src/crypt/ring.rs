//! The node's own keys, which wrap those of objects: a file beside the volumes, made with the first object that needs it.
//!
//! Whoever has volumes without this file has nothing of what is encrypted in them; whoever loses it has nothing either. It is sealed
//! under keys that its owner keeps apart from the volumes; without any it is as it is, as a node from before seals has it.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use aes_gcm::Aes256Gcm;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use super::{KEY_BYTES, NONCE_BYTES, TAG_BYTES, new_cipher, random, unwrap, wrap};
use crate::error::NodeError;
use crate::faults::Faults;
use crate::volume::sync_parent;
use crate::wire::Reader;

/// Its name in the node's folder.
pub(crate) const RING_FILE: &str = "keys";
/// A ring that is not sealed: the id and the key of each.
const BARE: &[u8; 8] = b"POSTERNK";
/// A ring that is: the id of each key, a byte that counts its seals, and for each the seal's id and the key wrapped under it.
const SEALED: &[u8; 8] = b"POSTERNS";
const ID_BYTES: usize = 8;
/// Bytes of a key under a seal.
const WRAPPED_BYTES: usize = NONCE_BYTES + KEY_BYTES + TAG_BYTES;
/// What a key under a seal is bound to.
const BOUND: &[u8] = b"postern ring key";

/// A key under which the ring is sealed.
#[derive(Clone)]
pub struct RingSeal {
    id: [u8; ID_BYTES],
    cipher: Box<Aes256Gcm>,
}

/// The keys of a node, the newest last.
#[derive(Debug)]
pub(crate) struct Ring {
    path: PathBuf,
    /// Guards the list for the time of one look, and of a writing of the file.
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    keys: Vec<RingKey>,
    /// Each opens the file by itself.
    seals: Vec<RingSeal>,
}

struct RingKey {
    id: [u8; ID_BYTES],
    key: [u8; KEY_BYTES],
}

impl RingSeal {
    /// Made of a secret of 32 random bytes, such as a master key, which seals other things as well.
    ///
    /// # Errors
    /// Never with this cipher.
    pub fn of(secret: &[u8]) -> Result<Self, NodeError> {
        let key = Sha256::new_with_prefix(b"postern ring seal\0")
            .chain_update(secret)
            .finalize();
        let name = Sha256::new_with_prefix(b"postern ring seal's name\0")
            .chain_update(key)
            .finalize();
        let mut id = [0; ID_BYTES];
        id.iter_mut().zip(name).for_each(|(to, from)| *to = from);
        let cipher = Box::new(new_cipher(&key)?);
        Ok(Self { id, cipher })
    }
}

impl Ring {
    /// Reads the ring of the node in `dir`; one that is not there yet is empty. What is there is sealed under all of `seals` when this
    /// returns, and under nothing else.
    pub(crate) fn open(dir: &Path, seals: &[RingSeal]) -> io::Result<Self> {
        let path = dir.join(RING_FILE);
        let read = match fs::read(&path) {
            Ok(bytes) => read(&bytes, seals)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Found::default(),
            Err(error) => return Err(error),
        };
        let held = Held {
            keys: read.keys,
            seals: seals.to_vec(),
        };
        let wanted: Vec<_> = seals.iter().map(|seal| seal.id).collect();
        if !held.keys.is_empty() && read.seals != wanted {
            held.write(&path)?;
        }
        Ok(Self {
            path,
            held: Mutex::new(held),
        })
    }

    /// Seals it under all of `seals`, and under nothing else from then on.
    pub(crate) fn seal(&self, seals: Vec<RingSeal>) -> io::Result<()> {
        let mut held = self.held.lock();
        let before = std::mem::replace(&mut held.seals, seals);
        if held.keys.is_empty() {
            return Ok(());
        }
        let written = held.write(&self.path);
        if written.is_err() {
            held.seals = before;
        }
        written
    }

    /// The key for new objects; the first time it is made, and on the disk before it is used.
    pub(crate) fn newest(&self) -> Result<([u8; ID_BYTES], Aes256Gcm), NodeError> {
        let mut held = self.held.lock();
        if held.keys.is_empty() {
            held.keys.push(RingKey {
                id: random()?,
                key: random()?,
            });
            if let Err(error) = held.write(&self.path) {
                held.keys.clear();
                return Err(NodeError::Log(error.to_string()));
            }
        }
        match held.keys.last() {
            Some(newest) => Ok((newest.id, new_cipher(&newest.key)?)),
            None => Err(NodeError::Damaged("the ring has no key".to_owned())),
        }
    }

    /// A key by its name.
    pub(crate) fn by_id(&self, id: &[u8]) -> Result<Aes256Gcm, NodeError> {
        let held = self.held.lock();
        match held.keys.iter().find(|key| key.id == id) {
            Some(found) => new_cipher(&found.key),
            None => Err(NodeError::Damaged(
                "the key of an object is not in the ring".to_owned(),
            )),
        }
    }
}

impl Held {
    /// Puts a new file in the place of the old one.
    fn write(&self, path: &Path) -> io::Result<()> {
        let bytes = self.bytes().map_err(io::Error::other)?;
        let fresh = path.with_extension("new");
        let mut file = File::options()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&fresh)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&fresh, path)?;
        sync_parent(path, &Faults::default())
    }

    fn bytes(&self) -> Result<Vec<u8>, NodeError> {
        let is_sealed = !self.seals.is_empty();
        let mut bytes = if is_sealed { SEALED } else { BARE }.to_vec();
        for RingKey { id, key } in &self.keys {
            bytes.extend_from_slice(id);
            if !is_sealed {
                bytes.extend_from_slice(key);
                continue;
            }
            bytes.extend(u8::try_from(self.seals.len()));
            for seal in &self.seals {
                bytes.extend_from_slice(&seal.id);
                bytes.extend_from_slice(&wrap(&seal.cipher, key, BOUND)?);
            }
        }
        Ok(bytes)
    }
}

/// What a file has: its keys, and the names of the seals of the last.
#[derive(Default)]
struct Found {
    keys: Vec<RingKey>,
    seals: Vec<[u8; ID_BYTES]>,
}

fn read(bytes: &[u8], seals: &[RingSeal]) -> io::Result<Found> {
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let none = || invalid("it is not a ring of keys");
    if let Some(bare) = bytes.strip_prefix(BARE) {
        let keys = read_bare(Reader(bare)).ok_or_else(none)?;
        return Ok(Found {
            keys,
            seals: Vec::new(),
        });
    }
    let mut reader = Reader(bytes.strip_prefix(SEALED).ok_or_else(none)?);
    let mut found = Found::default();
    while !reader.is_empty() {
        let (id, wrapped) = read_sealed(&mut reader).ok_or_else(none)?;
        let opened = wrapped.iter().find_map(|(name, wrapped)| {
            let seal = seals.iter().find(|seal| seal.id == *name)?;
            unwrap(&seal.cipher, wrapped, BOUND).ok()
        });
        let Some(key) = opened.and_then(|key| key.try_into().ok()) else {
            return Err(invalid(
                "the ring of keys is sealed under another master key: start with the one it was sealed under",
            ));
        };
        found.keys.push(RingKey { id, key });
        found.seals = wrapped.into_iter().map(|(name, _)| name).collect();
    }
    Ok(found)
}

fn read_bare(mut reader: Reader<'_>) -> Option<Vec<RingKey>> {
    let mut keys = Vec::new();
    while !reader.is_empty() {
        keys.push(RingKey {
            id: reader.array().ok()?,
            key: reader.array().ok()?,
        });
    }
    Some(keys)
}

/// A key under each of its seals.
type Wrapped = Vec<([u8; ID_BYTES], [u8; WRAPPED_BYTES])>;

fn read_sealed(reader: &mut Reader<'_>) -> Option<([u8; ID_BYTES], Wrapped)> {
    let id = reader.array().ok()?;
    let [count] = reader.array().ok()?;
    let mut wrapped = Vec::with_capacity(count.into());
    for _ in 0..count {
        wrapped.push((reader.array().ok()?, reader.array().ok()?));
    }
    Some((id, wrapped))
}

impl std::fmt::Debug for RingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RingKey({:02x?})", self.id)
    }
}

impl std::fmt::Debug for RingSeal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RingSeal({:02x?})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(byte: u8) -> RingSeal {
        RingSeal::of(&[byte; 32]).unwrap()
    }

    fn newest(ring: &Ring) -> ([u8; ID_BYTES], [u8; KEY_BYTES]) {
        ring.newest().unwrap();
        let held = ring.held.lock();
        let newest = held.keys.last().unwrap();
        (newest.id, newest.key)
    }

    fn opens(dir: &Path, seals: &[RingSeal], (id, _): ([u8; ID_BYTES], [u8; KEY_BYTES])) -> bool {
        Ring::open(dir, seals).is_ok_and(|ring| ring.by_id(&id).is_ok())
    }

    fn shows(dir: &Path, (_, key): ([u8; ID_BYTES], [u8; KEY_BYTES])) -> bool {
        let file = fs::read(dir.join(RING_FILE)).unwrap();
        file.windows(KEY_BYTES).any(|bytes| bytes == key)
    }

    #[test]
    fn a_ring_opens_under_its_seal_alone_and_its_file_shows_no_key() {
        let dir = tempfile::tempdir().unwrap();
        let ring = Ring::open(dir.path(), &[seal(1)]).unwrap();
        let key = newest(&ring);
        assert!(!shows(dir.path(), key));
        assert!(!opens(dir.path(), &[seal(2)], key));
        assert!(!opens(dir.path(), &[], key));
        assert!(opens(dir.path(), &[seal(1)], key));
        let said = Ring::open(dir.path(), &[seal(2)]).unwrap_err().to_string();
        assert!(said.contains("another master key"), "{said}");
    }

    #[test]
    fn a_ring_from_before_seals_is_sealed_when_it_is_opened() {
        let dir = tempfile::tempdir().unwrap();
        let key = newest(&Ring::open(dir.path(), &[]).unwrap());
        assert!(shows(dir.path(), key) && opens(dir.path(), &[], key));
        assert!(opens(dir.path(), &[seal(1)], key));
        assert!(!shows(dir.path(), key) && !opens(dir.path(), &[], key));
    }

    #[test]
    fn while_a_seal_is_replaced_both_open_and_then_the_new_one_alone() {
        let dir = tempfile::tempdir().unwrap();
        let ring = Ring::open(dir.path(), &[seal(1)]).unwrap();
        let key = newest(&ring);
        ring.seal(vec![seal(1), seal(2)]).unwrap();
        let both = fs::read(dir.path().join(RING_FILE)).unwrap();
        for one in [1, 2] {
            // An opening writes the file anew: each is tried on what stood there.
            fs::write(dir.path().join(RING_FILE), &both).unwrap();
            assert!(opens(dir.path(), &[seal(one)], key), "{one}");
        }
        ring.seal(vec![seal(2)]).unwrap();
        assert!(!opens(dir.path(), &[seal(1)], key));
        assert!(opens(dir.path(), &[seal(2)], key));
        // A stop before the last step is made up for at the next start.
        fs::write(dir.path().join(RING_FILE), &both).unwrap();
        assert!(opens(dir.path(), &[seal(2)], key));
        assert!(!opens(dir.path(), &[seal(1)], key));
    }

    #[test]
    fn a_damaged_file_is_no_ring() {
        let dir = tempfile::tempdir().unwrap();
        newest(&Ring::open(dir.path(), &[seal(1)]).unwrap());
        let path = dir.path().join(RING_FILE);
        let whole = fs::read(&path).unwrap();
        for length in [0, 7, 9, whole.len() - 1] {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(Ring::open(dir.path(), &[seal(1)]).is_err(), "{length}");
        }
        let mut flipped = whole;
        *flipped.last_mut().unwrap() ^= 1;
        fs::write(&path, &flipped).unwrap();
        assert!(Ring::open(dir.path(), &[seal(1)]).is_err());
    }
}
