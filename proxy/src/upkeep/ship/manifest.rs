//! What a copy holds, in its own words. The names of its things, below the place:
//!
//! - `<node>/manifest.json`: a [`Manifest`];
//! - `<node>/<volume's number>-<volume's own number>/<segment>`: [`SEGMENT_BYTES`] of a volume, its last segment what is left.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use storage_node::VolumeEnd;
use uuid::Uuid;

use super::super::depot::Depot;
use super::ShipFault;

/// Bytes of a segment. What is flushed in a turn is sent with what its last segment had before: this much at most is sent twice.
pub(crate) const SEGMENT_BYTES: u64 = 4 << 20;
/// The form of a manifest and of the names beside it. A change that an older `recover` would misread has another number.
const FORMAT: u32 = 1;

/// What lies at the place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) format: u32,
    pub(crate) node: Uuid,
    /// The run of a server that wrote it, and its how manieth it is.
    pub(crate) writer: Uuid,
    pub(crate) turn: u64,
    /// When, in milliseconds since 1970.
    pub(crate) made_ms: u64,
    #[serde(flatten)]
    pub(crate) whole: Whole,
    /// Volumes of which segments may lie there that are no part of the copy: they were begun, or have gone.
    pub(crate) leftovers: Vec<ShippedVolume>,
    /// The file of the node's ring of keys, in hexadecimal digits; none where nothing is encrypted by it.
    pub(crate) ring: Option<String>,
}

/// What makes a node: all records up to one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Whole {
    /// The log sequence number up to which it has every record. It may have some that came after.
    pub(crate) last_lsn: u64,
    /// The oldest first.
    pub(crate) volumes: Vec<ShippedVolume>,
}

/// A volume, or how much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ShippedVolume {
    pub(crate) number: u32,
    pub(crate) uuid: Uuid,
    pub(crate) bytes: u64,
}

/// The manifest of a node; none where it was never sent there.
pub(crate) async fn manifest_of(depot: &Depot, node: u128) -> Result<Option<Manifest>, ShipFault> {
    let node = Uuid::from_u128(node);
    let name = manifest_name(node);
    let fault = |why| ShipFault::Place {
        name: name.clone(),
        why,
    };
    let Some(bytes) = depot.get(&name).await.map_err(fault)? else {
        return Ok(None);
    };
    let read = serde_json::from_slice::<Manifest>(&bytes);
    let manifest = read.map_err(|cause| fault(format!("it is no manifest: {cause}")))?;
    if manifest.format != FORMAT {
        let why = format!(
            "its form is {}, and this version knows {FORMAT}: use the version that wrote it",
            manifest.format
        );
        return Err(fault(why));
    }
    if manifest.node != node {
        let why = format!("it is that of node {}", manifest.node.simple());
        return Err(fault(why));
    }
    Ok(Some(manifest))
}

fn manifest_name(node: Uuid) -> String {
    format!("{}/manifest.json", node.simple())
}

impl Manifest {
    /// That of a node of which nothing is there.
    pub(super) fn empty(node: u128) -> Self {
        Self {
            format: FORMAT,
            node: Uuid::from_u128(node),
            writer: Uuid::nil(),
            turn: 0,
            made_ms: 0,
            whole: Whole::default(),
            leftovers: Vec::new(),
            ring: None,
        }
    }

    /// Its name and its text.
    pub(super) fn written(&self) -> Result<(String, Bytes), ShipFault> {
        let name = manifest_name(self.node);
        match serde_json::to_vec_pretty(self) {
            Ok(text) => Ok((name, text.into())),
            Err(cause) => Err(ShipFault::Place {
                name,
                why: cause.to_string(),
            }),
        }
    }

    /// Whether what was found is what was written.
    pub(super) fn is_of(&self, found: &Self) -> Result<(), String> {
        if (self.writer, self.turn) == (found.writer, found.turn) {
            return Ok(());
        }
        Err(format!(
            "is written by another server with this node's volumes, last at {} ms since 1970: one of the two must stop, and this one \
             has stopped sending",
            found.made_ms
        ))
    }

    /// Whether a node with `whole` is the one of this manifest, and has everything that it has: it has not been put back to an older
    /// state, and no other has gone on in its place.
    pub(super) fn may_be_followed_by(&self, whole: &Whole) -> Result<(), String> {
        const ADVICE: &str = "recover from it, or name another place in `ship.to`";
        if self.whole.last_lsn > whole.last_lsn {
            return Err(format!(
                "holds more than this node: records up to {}, and this node up to {}; {ADVICE}",
                self.whole.last_lsn, whole.last_lsn
            ));
        }
        let same = |there: &ShippedVolume| {
            let mut here = whole.volumes.iter().filter(|it| it.number == there.number);
            here.all(|it| it.uuid == there.uuid)
        };
        match self.whole.volumes.iter().find(|it| !same(it)) {
            None => Ok(()),
            Some(other) => Err(format!(
                "holds a volume {} that is not this node's: another server has gone on from the copy; {ADVICE}",
                other.number
            )),
        }
    }

    /// What lies there without being named, once segments of `whole` are sent.
    pub(super) fn beginning(&self, whole: &Whole) -> Vec<ShippedVolume> {
        let mut begun = self.leftovers.clone();
        for volume in &whole.volumes {
            if self.whole.volumes.iter().any(|it| it.uuid == volume.uuid) {
                continue;
            }
            match begun.iter_mut().find(|it| it.uuid == volume.uuid) {
                Some(known) => known.bytes = known.bytes.max(volume.bytes),
                None => begun.push(*volume),
            }
        }
        begun
    }

    /// What lies there to no purpose, once `whole` is what is named.
    pub(super) fn left_by(&self, whole: &Whole) -> Vec<ShippedVolume> {
        let there = self.whole.volumes.iter().chain(&self.leftovers);
        let is_named = |volume: &ShippedVolume| {
            let mut named = whole.volumes.iter();
            named.any(|it| it.uuid == volume.uuid)
        };
        there.filter(|volume| !is_named(volume)).copied().collect()
    }

    /// Bytes of a volume that are there for certain.
    pub(super) fn shipped_bytes(&self, volume: &ShippedVolume) -> u64 {
        let known = self.whole.volumes.iter().find(|it| it.uuid == volume.uuid);
        known.map_or(0, |it| it.bytes)
    }
}

impl Whole {
    pub(super) fn of(last_lsn: u64, ends: &[VolumeEnd]) -> Self {
        Self {
            last_lsn,
            volumes: ends.iter().map(ShippedVolume::of).collect(),
        }
    }
}

impl ShippedVolume {
    pub(super) fn of(end: &VolumeEnd) -> Self {
        Self {
            number: end.number,
            uuid: Uuid::from_u128(end.uuid),
            bytes: end.flushed_bytes,
        }
    }

    /// How many segments it has.
    pub(crate) const fn segments(&self) -> u64 {
        self.bytes.div_ceil(SEGMENT_BYTES)
    }

    /// Bytes of one of its segments.
    pub(crate) fn segment_bytes(&self, segment: u64) -> u64 {
        let before = segment.saturating_mul(SEGMENT_BYTES);
        self.bytes.saturating_sub(before).min(SEGMENT_BYTES)
    }

    /// What one of its segments is called.
    pub(crate) fn segment(&self, node: u128, segment: u64) -> String {
        format!(
            "{}/{:08x}-{}/{segment:08x}",
            Uuid::from_u128(node).simple(),
            self.number,
            self.uuid.simple()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(number: u32, uuid: u128, bytes: u64) -> ShippedVolume {
        ShippedVolume {
            number,
            uuid: Uuid::from_u128(uuid),
            bytes,
        }
    }

    fn manifest(last_lsn: u64, volumes: &[ShippedVolume]) -> Manifest {
        Manifest {
            whole: whole(last_lsn, volumes),
            ..Manifest::empty(7)
        }
    }

    fn whole(last_lsn: u64, volumes: &[ShippedVolume]) -> Whole {
        Whole {
            last_lsn,
            volumes: volumes.to_vec(),
        }
    }

    #[test]
    fn segments_hold_at_their_bound_and_a_byte_more_is_another() {
        for (bytes, segments, last) in [
            (0, 0, 0),
            (1, 1, 1),
            (SEGMENT_BYTES, 1, SEGMENT_BYTES),
            (SEGMENT_BYTES + 1, 2, 1),
        ] {
            let volume = volume(1, 1, bytes);
            assert_eq!(volume.segments(), segments, "{bytes}");
            assert_eq!(volume.segment_bytes(segments.saturating_sub(1)), last);
        }
    }

    #[test]
    fn what_lies_there_is_never_forgotten() {
        let (old, new) = (volume(1, 1, 10), volume(2, 2, 20));
        let before = manifest(5, &[old]);
        let next = whole(9, &[new]);
        assert_eq!(before.beginning(&next), [new]);
        // It stopped there, and what it had begun was compacted away before it came back.
        let stopped = Manifest {
            leftovers: before.beginning(&next),
            ..before
        };
        let third = volume(3, 3, 5);
        assert_eq!(stopped.beginning(&whole(12, &[third])), [new, third]);
        let after = Manifest {
            leftovers: stopped.beginning(&whole(12, &[third])),
            ..stopped
        };
        assert_eq!(after.left_by(&whole(12, &[third])), [old, new]);
        assert_eq!(after.shipped_bytes(&volume(1, 1, 30)), 10);
        assert_eq!(after.shipped_bytes(&new), 0, "it may be half there");
    }

    #[test]
    fn an_older_node_and_another_that_went_on_do_not_write_over_a_copy() {
        let there = manifest(9, &[volume(1, 1, 10), volume(3, 3, 30)]);
        let follows = |last_lsn, volumes: &[ShippedVolume]| {
            there.may_be_followed_by(&whole(last_lsn, volumes))
        };
        assert_eq!(follows(9, &[volume(1, 1, 10), volume(3, 3, 30)]), Ok(()));
        // Compaction has taken the first; a new one has come.
        assert_eq!(follows(12, &[volume(3, 3, 30), volume(4, 4, 4)]), Ok(()));
        let older = follows(8, &[volume(1, 1, 10)]).unwrap_err();
        assert!(older.contains("up to 9"), "{older}");
        let other = follows(20, &[volume(1, 1, 10), volume(3, 33, 30)]).unwrap_err();
        assert!(other.contains("volume 3"), "{other}");
    }

    #[test]
    fn a_manifest_reads_back_and_another_run_is_told() {
        let mine = manifest(9, &[volume(1, 1, 10)]);
        let (name, text) = mine.written().unwrap();
        assert_eq!(name, "00000000000000000000000000000007/manifest.json");
        let read: Manifest = serde_json::from_slice(&text).unwrap();
        assert_eq!(read, mine);
        assert_eq!(mine.is_of(&read), Ok(()));
        let other = Manifest {
            turn: mine.turn + 1,
            ..read
        };
        assert!(mine.is_of(&other).unwrap_err().contains("another server"));
    }
}
