//! CRC32C, the checksum of heads, frames and rows. Heads are salted with the volume's random salt, so that bytes of a tenant
//! cannot pass for a record.

use crc_fast::{CrcAlgorithm, Digest};

use crate::limits::FRAME_BYTES;
use crate::wire::to_usize;

/// CRC32C of `bytes`.
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}

/// CRC32C of several pieces, one after the other.
pub(crate) fn crc32c_of(pieces: &[&[u8]]) -> u32 {
    let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
    for piece in pieces {
        digest.update(piece);
    }
    finish(&digest)
}

fn finish(digest: &Digest) -> u32 {
    let value = digest.finalize();
    u32::try_from(value & u64::from(u32::MAX)).unwrap_or(u32::MAX)
}

/// The checksums of a payload's frames, computed while the payload arrives in pieces of any size.
pub(crate) struct FrameSums {
    done: Vec<u32>,
    open: Digest,
    filled: usize,
}

impl FrameSums {
    pub(crate) fn new() -> Self {
        Self {
            done: Vec::new(),
            open: Digest::new(CrcAlgorithm::Crc32Iscsi),
            filled: 0,
        }
    }

    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = FRAME_BYTES - self.filled;
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.open.update(now);
            self.filled += now.len();
            bytes = later;
            if self.filled == FRAME_BYTES {
                self.close();
            }
        }
    }

    fn close(&mut self) {
        self.done.push(finish(&self.open));
        self.open.reset();
        self.filled = 0;
    }

    pub(crate) fn finish(mut self) -> Vec<u32> {
        if self.filled > 0 {
            self.close();
        }
        self.done
    }
}

/// How many frames a payload of `bytes` has.
pub(crate) fn frame_count(bytes: u64) -> usize {
    to_usize(bytes.div_ceil(FRAME_BYTES as u64))
}

/// Whether `bytes`, which begin at a frame's start, fit these frames' checksums; the last frame may be short.
pub(crate) fn frames_fit(bytes: &[u8], sums: &[u32]) -> bool {
    bytes.len().div_ceil(FRAME_BYTES) == sums.len()
        && bytes
            .chunks(FRAME_BYTES)
            .zip(sums)
            .all(|(frame, sum)| crc32c(frame) == *sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc32c_is_the_one_of_rfc_3720() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c_of(&[b"1234", b"", b"56789"]), 0xe306_9283);
    }

    #[test]
    fn frames_are_summed_alike_in_any_pieces() {
        let payload: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let mut whole = FrameSums::new();
        whole.update(&payload);
        let whole = whole.finish();
        let mut pieces = FrameSums::new();
        payload.chunks(7_777).for_each(|piece| pieces.update(piece));
        assert_eq!(whole, pieces.finish());
        assert_eq!(whole.len(), frame_count(200_000));
        assert!(frames_fit(&payload, &whole));
        let mut bad = payload.clone();
        bad[131_072] ^= 1;
        assert!(!frames_fit(&bad, &whole));
    }
}
