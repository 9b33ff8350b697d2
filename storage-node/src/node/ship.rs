//! What shipping volumes elsewhere needs: how far each is flushed, its bytes up to there, and that it stays until it is shipped.
//!
//! What is flushed never changes: bytes that were read once need not be read again. Volumes that compaction has emptied are told as
//! long as their files are there.

use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::Node;
use super::pace::waiting;
use crate::crypt::{RING_FILE, RingSeal};
use crate::error::NodeError;
use crate::limits::SHIP_BYTES_MAX;
use crate::volume::{self, Volume};
use crate::wire::to_usize;

/// How far a volume is flushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VolumeEnd {
    /// Its number.
    pub number: u32,
    /// Its own identifier, which tells it from another of this number.
    pub uuid: u128,
    /// Log sequence number of its first record.
    pub first_lsn: u64,
    /// Whether nothing is appended to it any more.
    pub is_sealed: bool,
    /// Bytes that are flushed.
    pub flushed_bytes: u64,
    /// Whether compaction has emptied it: what stood in it stands in later volumes too.
    pub is_emptied: bool,
}

impl VolumeEnd {
    /// Where the file of the volume of a number is, below the node's folder.
    pub fn path_of(number: u32) -> PathBuf {
        Path::new("volumes").join(volume::file_name(number))
    }
}

impl Node {
    /// The node's own number, which all of its volumes carry.
    pub fn id(&self) -> u128 {
        self.inner.id
    }

    /// Seals the ring of keys under all of `seals`, and under nothing else from then on.
    ///
    /// # Errors
    /// [`NodeError::File`]: it cannot be written, and stays as it is.
    pub async fn seal_ring(&self, seals: Vec<RingSeal>) -> Result<(), NodeError> {
        let inner = Arc::clone(&self.inner);
        waiting(move || {
            let sealed = inner.ring.seal(seals);
            sealed.map_err(|error| NodeError::File {
                path: inner.settings.dir.join(RING_FILE),
                why: error.to_string(),
            })
        })
        .await
    }

    /// The ring of keys as it is in its file; none where nothing was ever encrypted by it.
    ///
    /// # Errors
    /// [`NodeError::File`].
    pub async fn ring_bytes(&self) -> Result<Option<Vec<u8>>, NodeError> {
        let path = self.inner.settings.dir.join(RING_FILE);
        waiting(move || match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(NodeError::File {
                why: error.to_string(),
                path,
            }),
        })
        .await
    }

    /// How far each volume is flushed, the oldest first.
    pub fn volume_ends(&self) -> Vec<VolumeEnd> {
        let volumes = self.inner.volumes.with_emptied();
        let emptied = self.inner.volumes.emptied();
        let active = volumes.last().map(|volume| volume.head.number);
        let end = |volume: &Arc<Volume>| VolumeEnd {
            number: volume.head.number,
            uuid: volume.head.volume,
            first_lsn: volume.head.first_lsn,
            is_sealed: Some(volume.head.number) != active,
            flushed_bytes: volume.end(),
            is_emptied: emptied.contains(&volume.head.number),
        };
        volumes.iter().map(end).collect()
    }

    /// Flushed bytes of a volume from `offset` on: as many as there are, `length` and 4 MiB at most.
    ///
    /// # Errors
    /// [`NodeError::NotThere`]: the volume is gone or another has its number; ask for the ends again. [`NodeError::Read`].
    pub async fn read_volume(
        &self,
        end: &VolumeEnd,
        offset: u64,
        length: usize,
    ) -> Result<Bytes, NodeError> {
        let volume = self.inner.volumes.get(end.number).ok();
        let volume = volume.filter(|volume| volume.head.volume == end.uuid);
        let Some(volume) = volume else {
            return Err(NodeError::NotThere(format!(
                "volume {:08x} is not there any more: hold volumes that are to be read",
                end.number
            )));
        };
        let left = to_usize(volume.end().saturating_sub(offset));
        let length = length.min(SHIP_BYTES_MAX).min(left);
        waiting(move || read_flushed(&volume, offset, length)).await
    }
}

/// Reads flushed bytes. The last round is followed by zeros up to where the next may begin, which need not be in the file yet.
pub(super) fn read_flushed(
    volume: &Volume,
    offset: u64,
    length: usize,
) -> Result<Bytes, NodeError> {
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match volume.file.read_at(rest, offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(NodeError::Read(error.to_string())),
        }
    }
    Ok(bytes.into())
}
