//! Walks the rounds of the log from a position on, and tells its end from damage.

use std::collections::VecDeque;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::io_at;
use crate::checksum::{crc32c_of, frames_fit};
use crate::effects;
use crate::error::OpenError;
use crate::limits::{ROUND_ALIGN, ROUND_BODY_BYTES_MAX};
use crate::log::{Position, align, beside};
use crate::record::fields::{Content, Delta, Fields, split_delta};
use crate::record::{Kind, ROUND_HEAD_BYTES, RecordHead, RoundHead};
use crate::row::Place;
use crate::volume::{HEAD_BYTES, Volume};
use crate::wire::{Reader, WireError, to_usize};

/// Bytes that are looked at at once behind a volume's rounds.
const ZEROS_STEP_BYTES: usize = 64 * 1_024;

/// A walk over the log.
pub(crate) struct Scan {
    volumes: VecDeque<Arc<Volume>>,
    position: Position,
    until: Option<u64>,
    /// Volumes that are not there, between those that are and before them.
    gaps: Vec<u32>,
}

/// The next thing in the log.
pub(crate) enum Scanned {
    Round(Round),
    End,
}

/// A round that was read, and what is wrong in it.
pub(crate) struct Round {
    records: Vec<Record>,
    damage: Vec<Flaw>,
    after: Position,
    /// Bytes that compaction would win of it beside its records.
    beside: u64,
    time_ms: u64,
}

/// Something in a round that is not as it was written.
#[derive(Clone, Debug)]
pub(crate) struct Flaw {
    /// What and where, in words.
    pub(crate) words: String,
    /// The first byte in its volume that is not to be trusted.
    pub(crate) from: u64,
    /// The byte after the last.
    pub(crate) to: u64,
}

/// A record that was read.
pub(crate) struct Record {
    head: RecordHead,
    key: Vec<u8>,
    fields: Vec<u8>,
    delta: Delta,
    place: Place,
}

impl Record {
    pub(crate) fn as_rows_see_it(&self) -> effects::Record<'_> {
        effects::Record {
            kind: self.head.kind,
            key: &self.key,
            fields: &self.fields,
            delta: self.delta,
            place: self.place,
            moved: self.head.is_moved(),
        }
    }

    /// Bytes of its payload.
    pub(crate) fn payload_bytes(&self) -> u64 {
        self.head.payload
    }
}

impl Round {
    pub(crate) fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.iter()
    }

    pub(crate) fn damage(&self) -> impl Iterator<Item = &str> {
        self.damage.iter().map(|flaw| flaw.words.as_str())
    }

    pub(crate) fn flaws(&self) -> &[Flaw] {
        &self.damage
    }

    /// When it was written, in milliseconds since 1970.
    pub(crate) fn time_ms(&self) -> u64 {
        self.time_ms
    }

    /// What compaction would win of it beside its records, in bytes.
    pub(crate) fn beside(&self) -> u64 {
        self.beside
    }

    pub(crate) fn after(&self) -> Position {
        self.after
    }
}

impl Scan {
    /// A walk over what comes after `from`, in ascending volumes; `until` is the last record wanted.
    pub(crate) fn new(volumes: Vec<Arc<Volume>>, from: Position, until: Option<u64>) -> Self {
        let volumes = volumes
            .into_iter()
            .filter(|volume| volume.head.number >= from.volume);
        Self {
            volumes: volumes.collect(),
            position: from,
            until,
            gaps: Vec::new(),
        }
    }

    /// A walk over one volume alone, as far as `until`; the next one tells where it ends.
    pub(crate) fn of_one(
        volume: &Arc<Volume>,
        next: Option<Arc<Volume>>,
        until: Option<u64>,
    ) -> Self {
        let head = &volume.head;
        let from = Position {
            lsn: head.first_lsn - 1,
            round: head.first_round - 1,
            sum: head.before,
            volume: head.number,
            offset: HEAD_BYTES,
        };
        let both = std::iter::once(Arc::clone(volume)).chain(next);
        Self::new(both.collect(), from, until)
    }

    /// Volumes that are not there. What they held must have been moved out of them.
    pub(crate) fn gaps(&self) -> &[u32] {
        &self.gaps
    }

    pub(crate) fn position(&self) -> Position {
        self.position
    }

    /// The next round.
    pub(crate) fn next(&mut self) -> Result<Scanned, OpenError> {
        loop {
            if self.until.is_some_and(|until| self.position.lsn >= until) {
                return Ok(Scanned::End);
            }
            let Some(volume) = self.volumes.front().map(Arc::clone) else {
                return Ok(Scanned::End);
            };
            self.enter(&volume)?;
            if let Some(round) = self.round(&volume)? {
                self.position = round.after;
                return Ok(Scanned::Round(round));
            }
            self.leave(&volume)?;
        }
    }

    /// Begins a volume that the walk has not been in.
    fn enter(&mut self, volume: &Volume) -> Result<(), OpenError> {
        let head = &volume.head;
        if head.number == self.position.volume && self.position.offset >= HEAD_BYTES {
            return Ok(());
        }
        let first = self.position == Position::default();
        let is_next = head.number == self.position.volume + 1;
        let follows = head.first_lsn == self.position.lsn + 1 && head.before == self.position.sum;
        self.gaps.extend(self.position.volume + 1..head.number);
        if !first && is_next && !follows {
            let what = format!("it does not follow record {}", self.position.lsn);
            return Err(OpenError::Damaged {
                volume: head.number,
                offset: 0,
                what,
            });
        }
        self.position = Position {
            lsn: head.first_lsn - 1,
            round: head.first_round - 1,
            sum: head.before,
            volume: head.number,
            offset: HEAD_BYTES,
        };
        Ok(())
    }

    /// Leaves a volume whose rounds have ended: the next one must follow, and the last one must be torn and not damaged.
    fn leave(&mut self, volume: &Volume) -> Result<(), OpenError> {
        self.volumes.pop_front();
        let lost = match self.volumes.front().map(|next| &next.head) {
            Some(next) if next.number == volume.head.number + 1 => {
                next.first_lsn != self.position.lsn + 1 || next.before != self.position.sum
            }
            // The one that told where this one ends was emptied. It was cut at its end when it was sealed: what is behind is damage.
            Some(_) => !zeros_behind(volume, self.position.offset)?,
            None => later_round(volume, self.position)?,
        };
        if !lost {
            return Ok(());
        }
        let what = format!(
            "a round after record {} is unreadable and later ones are there",
            self.position.lsn
        );
        Err(OpenError::Damaged {
            volume: volume.head.number,
            offset: self.position.offset,
            what,
        })
    }

    /// The round at the position; `None` where the volume's rounds end.
    fn round(&self, volume: &Volume) -> Result<Option<Round>, OpenError> {
        let at = self.position.offset;
        let Some((head, sum)) = read_head(volume, at)? else {
            return Ok(None);
        };
        let next = self.volumes.get(1).map(|next| next.head.first_lsn);
        let belongs = head.round == self.position.round + 1
            && head.before == self.position.sum
            && head.first_lsn == self.position.lsn + 1
            // A flush failed and the cut was lost: what the next volume does not follow never was.
            && next.is_none_or(|next| head.first_lsn < next);
        if !belongs || head.body > ROUND_BODY_BYTES_MAX || head.last_lsn < head.first_lsn {
            return Ok(None);
        }
        let body_at = at + ROUND_HEAD_BYTES as u64;
        let Some(body) = read_at(volume, body_at, to_usize(head.body))? else {
            return Ok(None);
        };
        let after = Position {
            lsn: head.last_lsn,
            round: head.round,
            sum,
            volume: volume.head.number,
            offset: align(body_at + head.body),
        };
        let mut round = Round {
            records: Vec::new(),
            damage: Vec::new(),
            after,
            beside: 0,
            time_ms: head.time_ms,
        };
        let mut body = Body {
            volume,
            head,
            bytes: Reader(&body),
            at: body_at,
        };
        body.read_into(&mut round);
        let is_compacted = |it: &Record| it.head.kind.is_compacted(it.head.is_moved());
        let is_compacted = round.records.iter().any(is_compacted);
        round.beside = beside(at, head.body, is_compacted);
        if round.damage.is_empty() {
            return Ok(Some(round));
        }
        // Something in it is bad. If the log goes on behind it, its flush had returned: that is damage, and what can be
        // followed stays. If not, it is the torn tail.
        let goes_on = match read_head(volume, after.offset)? {
            Some((later, _)) => later.before == sum,
            None => self.volumes.get(1).is_some_and(|next| {
                let follows = next.head.number == volume.head.number + 1;
                next.head.before == sum || !follows
            }),
        };
        Ok(goes_on.then_some(round))
    }
}

/// A round's records while they are read.
struct Body<'a> {
    volume: &'a Volume,
    head: RoundHead,
    bytes: Reader<'a>,
    at: u64,
}

impl Body<'_> {
    fn read_into(&mut self, round: &mut Round) {
        let whole = self.bytes.0.len();
        let end = self.at + whole as u64;
        let mut sums = Vec::with_capacity(to_usize(u64::from(self.head.records)) * 4);
        while !self.bytes.is_empty() {
            let at = self.at + (whole - self.bytes.0.len()) as u64;
            match self.record(whole, &mut sums) {
                Ok((record, fits)) => {
                    if !fits {
                        let after = self.at + (whole - self.bytes.0.len()) as u64;
                        let what = "a payload does not fit its checksums";
                        round.damage.push(self.flaw((at, after), what));
                    }
                    round.records.push(record);
                }
                Err(error) => {
                    // What follows it in the round cannot be followed.
                    let flaw = self.flaw((at, end), &error.to_string());
                    round.damage.push(flaw);
                    return;
                }
            }
        }
        let counted = u32::try_from(round.records.len()) == Ok(self.head.records);
        if !counted || crc32c_of(&[&self.volume.head.salt.0, &sums]) != self.head.heads_sum {
            let what = "its records are not the ones of its head";
            round.damage.push(self.flaw((self.at, end), what));
        }
    }

    fn record(&mut self, whole: usize, sums: &mut Vec<u8>) -> Result<(Record, bool), WireError> {
        let (head, meta, sum) = RecordHead::decode(&mut self.bytes, self.volume.head.salt)?;
        if head.round != self.head.round {
            return Err(WireError::Value("a record's round"));
        }
        let offset = self.at + (whole - self.bytes.0.len()) as u64;
        let payload = self.bytes.take(to_usize(head.payload))?;
        let mut meta = Reader(meta);
        let key = meta.bytes()?.to_vec();
        let (fields, delta) = match head.kind {
            // Numbers stand in the place of fields, and may look like any of them.
            Kind::Emptied => (meta.0.to_vec(), Delta::default()),
            _ => split_delta(meta.0)?,
        };
        let fits = match head.kind {
            Kind::Version | Kind::Chunk => match Fields::decode(&fields)?.body {
                Content::Inline(frames) => frames_fit(payload, &frames),
                Content::None | Content::Blob(_) => payload.is_empty(),
            },
            _ => payload.is_empty(),
        };
        sums.extend_from_slice(&sum.to_le_bytes());
        let place = Place {
            lsn: head.original_lsn,
            volume: self.volume.head.number,
            offset,
        };
        Ok((
            Record {
                head,
                key,
                fields,
                delta,
                place,
            },
            fits,
        ))
    }

    fn flaw(&self, (from, to): (u64, u64), what: &str) -> Flaw {
        let words = format!(
            "volume {:08x}, byte {from}, round {}: {what}",
            self.volume.head.number, self.head.round
        );
        Flaw { words, from, to }
    }
}

/// The round's head at `offset`, if there is one.
fn read_head(volume: &Volume, offset: u64) -> Result<Option<(RoundHead, u32)>, OpenError> {
    let Some(bytes) = read_at(volume, offset, ROUND_HEAD_BYTES)? else {
        return Ok(None);
    };
    let head = bytes
        .first_chunk()
        .map(|bytes| RoundHead::decode(bytes, volume.head.salt));
    Ok(head.and_then(Result::ok))
}

/// Bytes of a volume; `None` where the file ends before.
fn read_at(volume: &Volume, offset: u64, length: usize) -> Result<Option<Vec<u8>>, OpenError> {
    let mut bytes = vec![0; length];
    match volume.file.read_exact_at(&mut bytes, offset) {
        Ok(()) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(io_at(&volume.path)(error)),
    }
}

/// Whether nothing stands behind an offset.
fn zeros_behind(volume: &Volume, mut offset: u64) -> Result<bool, OpenError> {
    let mut bytes = vec![0; ZEROS_STEP_BYTES];
    loop {
        match volume.file.read_at(&mut bytes, offset) {
            Ok(0) => return Ok(true),
            Ok(read) => {
                let there = bytes.get(..read).unwrap_or_default();
                if there.iter().any(|byte| *byte != 0) {
                    return Ok(false);
                }
                offset += read as u64;
            }
            Err(error) => return Err(io_at(&volume.path)(error)),
        }
    }
}

/// Whether a round that comes after the position is anywhere behind it. Nothing is ever replayed from here: a hit only says
/// that cutting here would cut what was acknowledged.
fn later_round(volume: &Volume, position: Position) -> Result<bool, OpenError> {
    let window = to_usize(ROUND_BODY_BYTES_MAX);
    let mut bytes = vec![0; window];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match volume.file.read_at(rest, position.offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) => return Err(io_at(&volume.path)(error)),
        }
    }
    bytes.truncate(filled);
    let found = bytes.chunks(to_usize(ROUND_ALIGN)).skip(1).any(|chunk| {
        let head = chunk
            .first_chunk()
            .map(|head| RoundHead::decode(head, volume.head.salt));
        head.and_then(Result::ok)
            .is_some_and(|(head, _)| head.round > position.round + 1)
    });
    Ok(found)
}
