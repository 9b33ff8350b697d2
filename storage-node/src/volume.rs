//! Volumes: append-only files of a fixed size, preallocated, each with a head that says whose it is.
//!
//! A volume's first sector block is its head; rounds follow from [`HEAD_BYTES`] on. What lies after the last round is zeros.

pub(crate) mod read;
pub(crate) mod record;
pub(crate) mod set;

use std::fs::File;
use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{Advice, FallocateFlags};
use rustix::io::Errno;

use crate::checksum::crc32c;
use crate::disks::OpenDisk;
use crate::faults::{Change, Faults};
use crate::limits::IOV_MAX;
use crate::record::Salt;
use crate::wire::{Reader, WireError};

/// Bytes of a volume's head.
pub(crate) const HEAD_BYTES: u64 = 4_096;
const HEAD_LENGTH: usize = 4_096;
const MAGIC: [u8; 8] = *b"POSTERNV";
/// The version of the format that this build writes.
pub(crate) const FORMAT_VERSION: u16 = 1;
/// Incompatible feature: versions. Deletions may name one, and kind 10 changes what stands beside one.
const FEATURE_VERSIONS: u64 = 1;
/// Incompatible feature: compaction. Records may have been moved, and kind 11 says which volumes are gone.
const FEATURE_COMPACTION: u64 = 1 << 1;
/// Incompatible features that this build understands, and writes.
const FEATURES_KNOWN: u64 = FEATURE_VERSIONS | FEATURE_COMPACTION;

/// What a volume's head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VolumeHead {
    /// The node that wrote it.
    pub(crate) node: u128,
    /// The volume's own.
    pub(crate) volume: u128,
    /// Its number in the node, which is also its file's name.
    pub(crate) number: u32,
    /// The salt of its heads' checksums.
    pub(crate) salt: Salt,
    /// LSN of its first record.
    pub(crate) first_lsn: u64,
    /// Number of its first round.
    pub(crate) first_round: u64,
    /// Checksum of the last round before it; 0 for the first volume.
    pub(crate) before: u32,
    /// When it was begun, in milliseconds since 1970.
    pub(crate) created_ms: u64,
}

/// What a volume's first bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeadState {
    /// Zeros: preallocated, never used.
    Unused,
    /// A head.
    Good(VolumeHead),
    /// Neither.
    Bad,
}

/// A head of a version or with features that this build does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is of format {version} with features {features:#x}, newer than this build")]
pub(crate) struct NewerFormat {
    version: u16,
    features: u64,
}

impl VolumeHead {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEAD_LENGTH);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        out.extend_from_slice(&[0; 6]);
        // Features: compatible, read-only compatible, incompatible.
        out.extend_from_slice(&[0; 16]);
        out.extend_from_slice(&FEATURES_KNOWN.to_le_bytes());
        out.extend_from_slice(&self.node.to_be_bytes());
        out.extend_from_slice(&self.volume.to_be_bytes());
        out.extend_from_slice(&self.salt.0);
        out.extend_from_slice(&self.number.to_le_bytes());
        out.extend_from_slice(&self.before.to_le_bytes());
        for number in [self.first_lsn, self.first_round, self.created_ms] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.resize(HEAD_LENGTH - 4, 0);
        let sum = crc32c(&out);
        out.extend_from_slice(&sum.to_le_bytes());
        out
    }

    /// Reads the first bytes of a volume.
    pub(crate) fn decode(bytes: &[u8]) -> Result<HeadState, NewerFormat> {
        if bytes.iter().all(|byte| *byte == 0) {
            return Ok(HeadState::Unused);
        }
        let Some((version, writing, features)) = versions(bytes) else {
            return Ok(HeadState::Bad);
        };
        let Ok(head) = Self::read(bytes) else {
            return Ok(HeadState::Bad);
        };
        // A start writes: it begins a volume. So what this build may only read, it does not open.
        if version != FORMAT_VERSION || writing != 0 || features & !FEATURES_KNOWN != 0 {
            return Err(NewerFormat {
                version,
                features: features | writing,
            });
        }
        Ok(HeadState::Good(head))
    }

    fn read(bytes: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader(bytes);
        let covered = reader.take(HEAD_LENGTH - 4)?;
        if crc32c(covered) != reader.u32()? {
            return Err(WireError::Value("a volume's checksum"));
        }
        let mut reader = Reader(covered);
        reader.take(40)?;
        Ok(Self {
            node: reader.u128_be()?,
            volume: reader.u128_be()?,
            salt: Salt(reader.array()?),
            number: reader.u32()?,
            before: reader.u32()?,
            first_lsn: reader.u64()?,
            first_round: reader.u64()?,
            created_ms: reader.u64()?,
        })
    }
}

/// Version, read-only compatible and incompatible features, if the bytes begin as a volume does.
fn versions(bytes: &[u8]) -> Option<(u16, u64, u64)> {
    let mut reader = Reader(bytes);
    if reader.array::<8>().ok()? != MAGIC {
        return None;
    }
    let version = reader.u16().ok()?;
    reader.take(14).ok()?;
    Some((version, reader.u64().ok()?, reader.u64().ok()?))
}

/// An open volume.
#[derive(Debug)]
pub(crate) struct Volume {
    pub(crate) head: VolumeHead,
    pub(crate) file: File,
    pub(crate) path: PathBuf,
    /// Where its rounds end.
    end: AtomicU64,
    /// The disk that it is on.
    pub(crate) disk: Arc<OpenDisk>,
}

impl Volume {
    /// A volume that ends with its file.
    pub(crate) fn new(
        head: VolumeHead,
        file: File,
        path: PathBuf,
        disk: &Arc<OpenDisk>,
    ) -> io::Result<Self> {
        let end = AtomicU64::new(file.metadata()?.len());
        let disk = Arc::clone(disk);
        Ok(Self {
            head,
            file,
            path,
            end,
            disk,
        })
    }

    pub(crate) fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    pub(crate) fn set_end(&self, end: u64) {
        self.end.store(end, Ordering::Release);
    }

    /// Writes all of `pieces` at `offset`; a short write that cannot go on is an error.
    pub(crate) fn append(&self, pieces: &mut [IoSlice<'_>], offset: u64) -> io::Result<()> {
        // Copied before: the write uses the pieces up.
        let copy = self.disk.faults.is_tracing().then(|| {
            let bytes: Vec<u8> = pieces.iter().flat_map(|piece| piece.to_vec()).collect();
            bytes.into_boxed_slice()
        });
        let path = || self.path.as_path().into();
        let change = || Change::Wrote(path(), offset, copy.unwrap_or_default());
        self.disk
            .faults
            .tell(change, || self.write_at(pieces, offset))
    }

    fn write_at(&self, pieces: &mut [IoSlice<'_>], mut offset: u64) -> io::Result<()> {
        let mut rest = pieces;
        while !rest.is_empty() {
            let now = rest.get(..IOV_MAX.min(rest.len())).unwrap_or_default();
            let written = match rustix::io::pwritev(self.file.as_fd(), now, offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => written,
                Err(Errno::INTR) => continue,
                Err(errno) => return Err(errno.into()),
            };
            offset += written as u64;
            IoSlice::advance_slices(&mut rest, written);
        }
        Ok(())
    }

    pub(crate) fn flush(&self) -> io::Result<()> {
        self.disk.faults.check()?;
        let change = || Change::Flushed(self.path.as_path().into());
        self.disk
            .faults
            .tell(change, || Ok(rustix::fs::fdatasync(self.file.as_fd())?))
    }

    /// Flushes contents and length.
    pub(crate) fn flush_all(&self) -> io::Result<()> {
        let change = || Change::Flushed(self.path.as_path().into());
        self.disk.faults.tell(change, || self.file.sync_all())
    }

    /// Cuts the file to its rounds and gives what was preallocated back.
    pub(crate) fn cut(&self, end: u64) -> io::Result<()> {
        self.disk.faults.check_cut()?;
        let change = || Change::Sized(self.path.as_path().into(), end);
        let cut = || Ok(rustix::fs::ftruncate(self.file.as_fd(), end)?);
        self.disk.faults.tell(change, cut)?;
        self.set_end(end);
        Ok(())
    }

    /// Drops what the page cache holds, so that the next read is of the disk.
    pub(crate) fn forget_cached(&self) -> io::Result<()> {
        Ok(rustix::fs::fadvise(
            self.file.as_fd(),
            0,
            None,
            Advice::DontNeed,
        )?)
    }
}

/// The file's name of a volume.
pub(crate) fn file_name(number: u32) -> String {
    format!("{number:08x}.vol")
}

/// The number in a volume's file name.
pub(crate) fn file_number(name: &str) -> Option<u32> {
    let digits = name
        .strip_suffix(".vol")
        .filter(|digits| digits.len() == 8)?;
    u32::from_str_radix(digits, 16).ok()
}

/// Makes the file of a volume that will be used later: zeros, as large as a volume gets. A file that is there is never touched.
pub(crate) fn preallocate(path: &Path, bytes: u64, faults: &Faults) -> io::Result<()> {
    let made = || File::options().create_new(true).write(true).open(path);
    let file = faults.tell(|| Change::Made(path.into()), made)?;
    let sized = || Change::Sized(path.into(), bytes);
    let allocated = faults.tell(sized, || {
        match rustix::fs::fallocate(file.as_fd(), FallocateFlags::empty(), 0, bytes) {
            // A file system without preallocation still holds volumes; it only cannot promise the space.
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    });
    if let Err(error) = allocated {
        drop(file);
        std::fs::remove_file(path)?;
        return Err(error);
    }
    faults.tell(|| Change::Flushed(path.into()), || file.sync_all())?;
    sync_parent(path, faults)
}

/// Makes a volume of a file: writes its head and flushes it before any round can follow.
pub(crate) fn begin(disk: &Arc<OpenDisk>, head: VolumeHead) -> io::Result<Volume> {
    let (path, faults) = (disk.file(head.number), &disk.faults);
    let path = path.as_path();
    let made = || {
        File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path)
    };
    let file = faults.tell(|| Change::Made(path.into()), made)?;
    let bytes = head.encode();
    let wrote = || Change::Wrote(path.into(), 0, bytes.as_slice().into());
    faults.tell(wrote, || file.write_all_at(&bytes, 0))?;
    faults.tell(|| Change::Flushed(path.into()), || file.sync_all())?;
    sync_parent(path, faults)?;
    let volume = Volume::new(head, file, path.to_owned(), disk)?;
    volume.set_end(HEAD_BYTES);
    Ok(volume)
}

/// Removes a volume's file, for good.
pub(crate) fn remove(path: &Path, faults: &Faults) -> io::Result<()> {
    let removed = || match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    };
    faults.tell(|| Change::Removed(path.into()), removed)?;
    sync_parent(path, faults)
}

/// Flushes the folder of a file, so that its name survives.
pub(crate) fn sync_parent(path: &Path, faults: &Faults) -> io::Result<()> {
    path.parent()
        .map_or(Ok(()), |folder| sync_folder(folder, faults))
}

/// Flushes the names in a folder.
pub(crate) fn sync_folder(folder: &Path, faults: &Faults) -> io::Result<()> {
    let change = || Change::FolderFlushed(folder.into());
    faults.tell(change, || File::open(folder)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> VolumeHead {
        VolumeHead {
            node: 1,
            volume: 2,
            number: 3,
            salt: Salt([4; 16]),
            first_lsn: 5,
            first_round: 6,
            before: 7,
            created_ms: 8,
        }
    }

    #[test]
    fn a_head_reads_back_as_itself() {
        assert_eq!(
            VolumeHead::decode(&head().encode()),
            Ok(HeadState::Good(head()))
        );
        assert_eq!(VolumeHead::decode(&[0; HEAD_LENGTH]), Ok(HeadState::Unused));
        assert_eq!(VolumeHead::decode(&[1; HEAD_LENGTH]), Ok(HeadState::Bad));
        assert_eq!(
            VolumeHead::decode(&head().encode()[..100]),
            Ok(HeadState::Bad)
        );
    }

    #[test]
    fn the_bytes_of_a_head_are_those_of_format_1() {
        let bytes = head().encode();
        assert_eq!(&bytes[..10], b"POSTERNV\x01\0");
        assert_eq!(
            (bytes[55], bytes[71], bytes[72], bytes[88], bytes[92]),
            (1, 2, 4, 3, 7)
        );
        assert_eq!((bytes[96], bytes[104], bytes[112]), (5, 6, 8));
        assert_eq!((bytes[16], bytes[24], bytes[32]), (0, 0, 3));
        assert_eq!(bytes.len(), HEAD_LENGTH);
    }

    #[test]
    fn a_newer_format_or_feature_is_refused_and_not_called_damage() {
        let with = |at: usize, byte: u8| {
            let mut bytes = head().encode();
            bytes[at] = byte;
            let sum = crc32c(&bytes[..HEAD_LENGTH - 4]);
            bytes[HEAD_LENGTH - 4..].copy_from_slice(&sum.to_le_bytes());
            VolumeHead::decode(&bytes)
        };
        for (at, byte) in [(8, 2), (24, 1), (32, 7)] {
            assert!(with(at, byte).is_err(), "{at}");
        }
        // A compatible one may be ignored.
        assert!(matches!(with(16, 1), Ok(HeadState::Good(_))));
    }

    #[test]
    fn file_names_read_back() {
        assert_eq!(file_number(&file_name(0x1f)), Some(0x1f));
        assert_eq!(file_number("next.vol"), None);
        assert_eq!(file_number("0000001f.vol.old"), None);
    }
}
