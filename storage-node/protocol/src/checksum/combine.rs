//! The checksum of a multipart object, from those of its parts and without reading a byte again.

use super::hasher::{big_endian, crc};
use super::{Checksum, ChecksumAlgorithm, ChecksumKind, Hasher};

/// A part's share in a combination.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    /// The part's digest, big-endian.
    pub value: &'a [u8],
    /// The part's bytes.
    pub size: u64,
}

/// The checksum over the bytes of all parts in order. `None` if the algorithm does not combine (only CRCs do), if a digest
/// has another length, or if there is no part.
pub fn combine(algorithm: ChecksumAlgorithm, parts: &[Piece<'_>]) -> Option<Checksum> {
    if !algorithm.allows(ChecksumKind::FullObject) {
        return None;
    }
    let (first, rest) = parts.split_first()?;
    let mut sum = number(algorithm, first.value)?;
    for part in rest {
        sum = crc_fast::checksum_combine(
            crc(algorithm),
            sum,
            number(algorithm, part.value)?,
            part.size,
        );
    }
    let value = big_endian(sum, algorithm.digest_bytes());
    Some(Checksum {
        algorithm,
        kind: ChecksumKind::FullObject,
        value,
        parts: None,
    })
}

/// The checksum over the parts' digests in order, written with the number of parts. `None` if the algorithm has no such
/// kind, if a digest has another length, or if there are no parts or too many to number.
pub fn composite<'a>(
    algorithm: ChecksumAlgorithm,
    digests: impl IntoIterator<Item = &'a [u8]>,
) -> Option<Checksum> {
    if !algorithm.allows(ChecksumKind::Composite) {
        return None;
    }
    let mut hasher = Hasher::new(algorithm);
    let mut count = 0_u16;
    for digest in digests {
        if digest.len() != algorithm.digest_bytes() {
            return None;
        }
        hasher.update(digest);
        count = count.checked_add(1)?;
    }
    if count == 0 {
        return None;
    }
    let mut checksum = hasher.finish();
    checksum.kind = ChecksumKind::Composite;
    checksum.parts = Some(count);
    Some(checksum)
}

/// A CRC's digest as a number.
fn number(algorithm: ChecksumAlgorithm, digest: &[u8]) -> Option<u64> {
    if digest.len() != algorithm.digest_bytes() {
        return None;
    }
    Some(
        digest
            .iter()
            .fold(0, |sum, byte| (sum << 8) | u64::from(*byte)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combined_crcs_are_the_crc_of_the_whole() {
        let bytes: Vec<u8> = (0..50_000_u32).map(|i| (i % 241) as u8).collect();
        for algorithm in [
            ChecksumAlgorithm::Crc32,
            ChecksumAlgorithm::Crc32c,
            ChecksumAlgorithm::Crc64Nvme,
        ] {
            let digests: Vec<(Vec<u8>, u64)> = bytes
                .chunks(17_001)
                .map(|part| (Hasher::of(algorithm, part).value, part.len() as u64))
                .collect();
            let pieces: Vec<Piece<'_>> = digests
                .iter()
                .map(|(value, size)| Piece { value, size: *size })
                .collect();
            assert_eq!(
                combine(algorithm, &pieces),
                Some(Hasher::of(algorithm, &bytes))
            );
        }
    }

    #[test]
    fn an_empty_part_changes_no_combination() {
        let algorithm = ChecksumAlgorithm::Crc64Nvme;
        let (full, empty) = (Hasher::of(algorithm, b"abc"), Hasher::of(algorithm, b""));
        let pieces = [
            Piece {
                value: &full.value,
                size: 3,
            },
            Piece {
                value: &empty.value,
                size: 0,
            },
        ];
        assert_eq!(combine(algorithm, &pieces), Some(full.clone()));
    }

    #[test]
    fn a_composite_is_over_the_digests_and_counts_them() {
        let algorithm = ChecksumAlgorithm::Sha256;
        let (a, b) = (
            Hasher::of(algorithm, b"a").value,
            Hasher::of(algorithm, b"b").value,
        );
        let expected = Hasher::of(algorithm, &[a.as_slice(), b.as_slice()].concat());
        let made = composite(algorithm, [a.as_slice(), b.as_slice()]).unwrap();
        assert_eq!(made.value, expected.value);
        assert_eq!((made.kind, made.parts), (ChecksumKind::Composite, Some(2)));
    }

    #[test]
    fn what_has_no_such_kind_is_not_made() {
        assert_eq!(combine(ChecksumAlgorithm::Sha1, &[]), None);
        assert_eq!(combine(ChecksumAlgorithm::Crc32, &[]), None);
        assert_eq!(
            combine(
                ChecksumAlgorithm::Crc32,
                &[Piece {
                    value: &[0; 5],
                    size: 1
                }]
            ),
            None
        );
        assert_eq!(
            composite(ChecksumAlgorithm::Crc64Nvme, [[0_u8; 8].as_slice()]),
            None
        );
        assert_eq!(
            composite(ChecksumAlgorithm::Crc32, std::iter::empty()),
            None
        );
        assert_eq!(
            composite(ChecksumAlgorithm::Crc32, [[0_u8; 5].as_slice()]),
            None
        );
    }
}
