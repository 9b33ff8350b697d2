//! What the fuzzer feeds: everything that is read back from a disk. It is built for the fuzzer and for the tests, and for nothing
//! else: the package's face has no decoder.

use crate::checksum::crc32c_of;
use crate::keys;
use crate::record::fields::{Fields, Glance, split_delta};
use crate::record::{ROUND_HEAD_BYTES, RecordHead, RoundHead, Salt};
use crate::row;
use crate::volume::VolumeHead;
use crate::wire::Reader;

const SALT: Salt = Salt([7; 16]);
const KEY: &[u8] = b"a key";
/// Where a record's head says how many bytes of key and fields follow.
const META_AT: usize = 4;
/// Bytes of a record's head before its checksum.
const COVERED: usize = 44;

/// Reads bytes as each thing that a disk gives back: as they are, and with a checksum that fits, since a fuzzer finds none.
///
/// # Panics
/// Where what was read is not what is written again.
pub fn record(data: &[u8]) {
    round_head(data);
    record_head(data);
    fields(data);
    row_of_the_index(data);
    key(data);
    came_back(VolumeHead::decode(data));
}

fn round_head(data: &[u8]) {
    let mut head = [0; ROUND_HEAD_BYTES];
    for (to, from) in head.iter_mut().zip(data) {
        *to = *from;
    }
    came_back(RoundHead::decode(&head, SALT));
    if let Some((covered, sum)) = head.split_last_chunk_mut::<4>() {
        *sum = crc32c_of(&[&SALT.0, covered]).to_le_bytes();
    }
    if let Ok((read, _)) = RoundHead::decode(&head, SALT) {
        let again = RoundHead::decode(&read.encode(SALT), SALT).map(|(again, _)| again);
        assert_eq!(again, Ok(read));
    }
}

fn record_head(data: &[u8]) {
    came_back(RecordHead::decode(&mut Reader(data), SALT));
    let Some((covered, meta)) = data.split_first_chunk::<COVERED>() else {
        return;
    };
    let mut covered = *covered;
    let length = u32::try_from(meta.len()).unwrap_or(u32::MAX);
    for (to, from) in covered.iter_mut().skip(META_AT).zip(length.to_le_bytes()) {
        *to = from;
    }
    let sum = crc32c_of(&[&SALT.0, &covered, meta]).to_le_bytes();
    let whole = [&covered, &sum[..], meta].concat();
    if let Ok((read, meta, _)) = RecordHead::decode(&mut Reader(&whole), SALT) {
        let again = [&read.encode(meta, SALT), meta].concat();
        let again = RecordHead::decode(&mut Reader(&again), SALT);
        assert_eq!(
            again.map(|(again, meta, _)| (again, meta)),
            Ok((read, meta))
        );
        fields(meta);
    }
}

fn fields(data: &[u8]) {
    let (read, glance) = (Fields::decode(data), Glance::decode(data));
    let parted = split_delta(data);
    let Ok(read) = read else { return };
    assert_eq!(Fields::decode(&read.encode()).as_ref(), Ok(&read));
    if let Ok((row, _)) = parted {
        assert_eq!(Fields::decode(&row).as_ref(), Ok(&read));
    }
    let seen = glance.map(|glance| (glance.size, glance.completes, glance.version));
    assert_eq!(seen, Ok((read.size, read.completes, read.version)));
}

fn row_of_the_index(data: &[u8]) {
    came_back(row::decode(KEY, data));
    let sum = crc32c_of(&[KEY, data]).to_le_bytes();
    let whole = [data, &sum].concat();
    if let Ok((place, rest)) = row::decode(KEY, &whole) {
        assert_eq!(row::encode(KEY, place, rest), whole);
        fields(rest);
    }
}

fn key(data: &[u8]) {
    came_back(keys::Attempt::read(data));
    came_back(keys::extent_first(data));
    came_back(keys::bucket_of(data));
    came_back(keys::object_text(data));
    came_back(keys::upload_text(data));
}

/// What bytes are read as may be right or wrong: that it comes back is all that is asked.
fn came_back<T, E>(_: Result<T, E>) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_fuzzer_found_stays_found() {
        // The working directory of a test is its package's, wherever the build was.
        let corpus = std::env::current_dir()
            .unwrap()
            .join("../tests/fuzz/corpus/record");
        let files: Vec<_> = std::fs::read_dir(corpus).unwrap().collect();
        assert!(files.len() >= 3, "next to no corpus");
        for file in files {
            let data = std::fs::read(file.unwrap().path()).unwrap();
            record(&data);
            // Near it: each byte changed, and the end missing.
            for at in 0..data.len() {
                for change in [1, 0x80, 0xff] {
                    let mut other = data.clone();
                    other[at] ^= change;
                    record(&other);
                }
                record(&data[..at]);
            }
        }
    }
}
