//! Computes any checksum of S3 over bytes that flow by.

use std::fmt;

use crc_fast::CrcAlgorithm;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};
use xxhash_rust::xxh3::Xxh3;
use xxhash_rust::xxh64::Xxh64;

use super::{Checksum, ChecksumAlgorithm, ChecksumKind};

/// A running checksum of one algorithm. CRCs and SHAs use the processor's instructions where it has them.
#[derive(Clone)]
pub struct Hasher {
    algorithm: ChecksumAlgorithm,
    state: State,
}

#[derive(Clone)]
enum State {
    Crc(crc_fast::Digest),
    Sha1(Sha1),
    Sha256(Sha256),
    Sha512(Sha512),
    Md5(Md5),
    Xxhash64(Xxh64),
    // Half a kilobyte of state: kept off the stack of the futures that hold a hasher.
    Xxhash3(Box<Xxh3>),
    Xxhash128(Box<Xxh3>),
}

impl Hasher {
    /// A hasher that has seen nothing.
    pub fn new(algorithm: ChecksumAlgorithm) -> Self {
        let state = match algorithm {
            ChecksumAlgorithm::Crc32 | ChecksumAlgorithm::Crc32c | ChecksumAlgorithm::Crc64Nvme => {
                State::Crc(crc_fast::Digest::new(crc(algorithm)))
            }
            ChecksumAlgorithm::Sha1 => State::Sha1(Sha1::new()),
            ChecksumAlgorithm::Sha256 => State::Sha256(Sha256::new()),
            ChecksumAlgorithm::Sha512 => State::Sha512(Sha512::new()),
            ChecksumAlgorithm::Md5 => State::Md5(Md5::new()),
            ChecksumAlgorithm::Xxhash64 => State::Xxhash64(Xxh64::new(0)),
            ChecksumAlgorithm::Xxhash3 => State::Xxhash3(Box::new(Xxh3::new())),
            ChecksumAlgorithm::Xxhash128 => State::Xxhash128(Box::new(Xxh3::new())),
        };
        Self { algorithm, state }
    }

    /// The checksum of `bytes`.
    pub fn of(algorithm: ChecksumAlgorithm, bytes: &[u8]) -> Checksum {
        let mut hasher = Self::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }

    /// The algorithm.
    pub fn algorithm(&self) -> ChecksumAlgorithm {
        self.algorithm
    }

    /// Takes in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Crc(state) => state.update(bytes),
            State::Sha1(state) => state.update(bytes),
            State::Sha256(state) => state.update(bytes),
            State::Sha512(state) => state.update(bytes),
            State::Md5(state) => state.update(bytes),
            State::Xxhash64(state) => state.update(bytes),
            State::Xxhash3(state) | State::Xxhash128(state) => state.update(bytes),
        }
    }

    /// The checksum of all that was taken in.
    pub fn finish(self) -> Checksum {
        let value = match self.state {
            State::Crc(state) => big_endian(state.finalize(), self.algorithm.digest_bytes()),
            State::Sha1(state) => state.finalize().to_vec(),
            State::Sha256(state) => state.finalize().to_vec(),
            State::Sha512(state) => state.finalize().to_vec(),
            State::Md5(state) => state.finalize().to_vec(),
            State::Xxhash64(state) => state.digest().to_be_bytes().to_vec(),
            State::Xxhash3(state) => state.digest().to_be_bytes().to_vec(),
            State::Xxhash128(state) => state.digest128().to_be_bytes().to_vec(),
        };
        Checksum {
            algorithm: self.algorithm,
            kind: ChecksumKind::FullObject,
            value,
            parts: None,
        }
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hasher({})", self.algorithm)
    }
}

/// The last `bytes` bytes of `value`, most significant first.
pub(super) fn big_endian(value: u64, bytes: usize) -> Vec<u8> {
    let all = value.to_be_bytes();
    all.get(all.len().saturating_sub(bytes)..)
        .unwrap_or(&all)
        .to_vec()
}

/// The CRC's parameters; anything else than a CRC has none and is not asked for.
pub(super) const fn crc(algorithm: ChecksumAlgorithm) -> CrcAlgorithm {
    match algorithm {
        ChecksumAlgorithm::Crc32 => CrcAlgorithm::Crc32IsoHdlc,
        ChecksumAlgorithm::Crc32c => CrcAlgorithm::Crc32Iscsi,
        _ => CrcAlgorithm::Crc64Nvme,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `123456789`: the check values of the CRC catalogue, the digests of coreutils, and xxhsum's.
    const CHECKS: [(ChecksumAlgorithm, &str); 8] = [
        (ChecksumAlgorithm::Crc32, "cbf43926"),
        (ChecksumAlgorithm::Crc32c, "e3069283"),
        (ChecksumAlgorithm::Crc64Nvme, "ae8b14860a799888"),
        (
            ChecksumAlgorithm::Sha1,
            "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
        ),
        (
            ChecksumAlgorithm::Sha256,
            "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
        ),
        (
            ChecksumAlgorithm::Sha512,
            "d9e6762dd1c8eaf6d61b3c6192fc408d4d6d5f1176d0c29169bc24e71c3f274a\
             d27fcd5811b313d681f7e55ec02d73d499c95455b6b5bb503acf574fba8ffe85",
        ),
        (ChecksumAlgorithm::Md5, "25f9e794323b453885f5181f1b624d0b"),
        (ChecksumAlgorithm::Xxhash64, "8cb841db40e6ae83"),
    ];

    /// Of nothing: the values that xxHash's own documentation gives.
    const EMPTY: [(ChecksumAlgorithm, &str); 3] = [
        (ChecksumAlgorithm::Xxhash64, "ef46db3751d8e999"),
        (ChecksumAlgorithm::Xxhash3, "2d06800538d394c2"),
        (
            ChecksumAlgorithm::Xxhash128,
            "99aa06d3014798d86001c324468d497f",
        ),
    ];

    #[test]
    fn each_algorithm_gives_its_published_check_value() {
        for (algorithm, expected) in CHECKS {
            let whole = Hasher::of(algorithm, b"123456789");
            assert_eq!(hex::encode(&whole.value), expected, "{algorithm}");
        }
        for (algorithm, expected) in EMPTY {
            assert_eq!(
                hex::encode(Hasher::of(algorithm, b"").value),
                expected,
                "{algorithm}"
            );
        }
    }

    #[test]
    fn pieces_hash_like_the_whole() {
        let bytes: Vec<u8> = (0..100_000_u32).map(|i| (i % 251) as u8).collect();
        for algorithm in ChecksumAlgorithm::ALL {
            let mut hasher = Hasher::new(algorithm);
            for piece in bytes.chunks(7_919) {
                hasher.update(piece);
            }
            let whole = Hasher::of(algorithm, &bytes);
            assert_eq!(hasher.finish(), whole, "{algorithm}");
            assert_eq!(whole.value.len(), algorithm.digest_bytes());
        }
    }
}
