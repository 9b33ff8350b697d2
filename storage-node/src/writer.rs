//! The one writer: checks, appends, flushes, publishes, answers; many commands in one round.
//!
//! Conditions are judged here, on the rows as they will be when the round is flushed. Readers see only what is flushed. Nothing
//! is answered before its flush, not even a refusal that rests on another command of the same round.

mod judge;
mod moves;
mod versions;

pub(crate) use judge::{admit_upload, standing, write_id};
pub(crate) use moves::{Candidate, emptied, numbers_of};

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use bytes::Bytes;
use s3_protocol::call::{Conditions, DeleteIf};
use s3_protocol::object::DeleteOutput;
use s3_protocol::setting::Versioning;
use s3_protocol::{BucketId, S3Error, UploadId, VersionId};
use tokio::sync::{mpsc, oneshot};

use crate::configuration::{Change, Configurations};
use crate::effects::{Pending, Record};
use crate::error::NodeError;
use crate::guards::{CreatorGuard, Stands};
use crate::keys::{self, Attempt};
use crate::limits::{ROUND_BYTES_MAX, ROUND_COMMANDS_MAX};
use crate::log::{Draft, Log, Round};
use crate::options::Clock;
use crate::overlay::{Layer, Store};
use crate::record::Kind;
use crate::record::fields::{Delta, Fields, VersionMark, chunk_fields, put_version};
use crate::volume::set::VolumeSet;

/// What must hold of the object that a write replaces.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    pub(crate) conditions: Conditions,
    pub(crate) none_match_any: bool,
    pub(crate) creator: Option<CreatorGuard>,
}

impl Rules {
    fn is_empty(&self) -> bool {
        self.creator.is_none() && !self.none_match_any && self.conditions.is_empty()
    }
}

/// One object to delete.
#[derive(Clone, Debug)]
pub(crate) struct Deletion {
    pub(crate) key: Vec<u8>,
    pub(crate) version: Option<VersionId>,
    pub(crate) only_if: DeleteIf,
    /// Whether a retention of mode governance is no hindrance.
    pub(crate) bypass: bool,
    pub(crate) creator: Option<CreatorGuard>,
    pub(crate) stands: Option<Stands>,
}

/// A change of what stands beside a version.
#[derive(Clone, Debug)]
pub(crate) struct Amendment {
    pub(crate) key: Vec<u8>,
    pub(crate) version: Option<VersionId>,
    /// What is replaced, and by what; the version is filled in here.
    pub(crate) fields: Fields,
    pub(crate) bypass: bool,
    pub(crate) creator: Option<CreatorGuard>,
    pub(crate) stands: Option<Stands>,
}

/// What the writer is asked.
#[derive(Debug)]
pub(crate) enum Work {
    /// A piece of a payload. With `upload`, only while that upload is open.
    Chunk {
        attempt: Attempt,
        first: u64,
        payload: Vec<Bytes>,
        frames: Vec<u32>,
        tags: Vec<u8>,
        upload: Option<Vec<u8>>,
    },
    /// A version; its payload stands with it or is in chunks.
    Put {
        key: Vec<u8>,
        fields: Vec<u8>,
        size: u64,
        payload: Vec<Bytes>,
        rules: Rules,
    },
    /// A version made of an upload's parts, which must still be `parts`.
    Complete {
        key: Vec<u8>,
        upload_key: Vec<u8>,
        upload: UploadId,
        parts: Vec<(u16, u32)>,
        fields: Vec<u8>,
        size: u64,
        rules: Rules,
    },
    /// Deletions, all in this round.
    Delete(Vec<Deletion>),
    /// An upload begins.
    Upload { key: Vec<u8>, fields: Vec<u8> },
    /// A part is whole.
    Part {
        upload_key: Vec<u8>,
        key: Vec<u8>,
        fields: Vec<u8>,
    },
    /// An upload ends.
    Abort {
        key: Vec<u8>,
        creator: Option<CreatorGuard>,
    },
    /// A payload failed.
    Abandon(Attempt),
    /// A bucket begins; twice is once.
    Bucket { bucket: BucketId, fields: Vec<u8> },
    /// A bucket ends, if it is empty.
    BucketEnd(BucketId),
    /// A bucket is configured anew.
    Configure { bucket: BucketId, change: Change },
    /// Tags or locks of a version change.
    Amend(Box<Amendment>),
    /// Records leave a volume that is worth more empty, as far as they still stand.
    Move(Vec<Candidate>),
    /// They leave a disk that is to be emptied, which frees nothing where they go.
    Drain(Vec<Candidate>),
    /// Nothing that stands is left in a volume.
    Emptied(u32),
}

impl Work {
    /// Whether it frees space and may use the reserve.
    fn is_urgent(&self) -> bool {
        matches!(
            self,
            Self::Delete(_)
                | Self::Abort { .. }
                | Self::Abandon(_)
                | Self::BucketEnd(_)
                | Self::Move(_)
                | Self::Emptied(_)
        )
    }

    /// Bytes that its records take at most.
    fn bytes(&self) -> usize {
        const HEADS: usize = 256;
        // What a bucket's row holds already is written again.
        const CONFIGURATION_BYTES: usize = 256 * 1_024;
        let payload = |pieces: &[Bytes]| pieces.iter().map(Bytes::len).sum::<usize>();
        HEADS
            + match self {
                Self::Chunk {
                    payload: pieces,
                    frames,
                    tags,
                    ..
                } => payload(pieces) + frames.len() * 4 + tags.len(),
                Self::Put {
                    key,
                    fields,
                    payload: pieces,
                    ..
                } => key.len() + fields.len() + payload(pieces),
                Self::Complete { key, fields, .. }
                | Self::Upload { key, fields }
                | Self::Part { key, fields, .. } => key.len() + fields.len(),
                Self::Delete(deletions) => deletions
                    .iter()
                    .map(|deletion| deletion.key.len() + HEADS)
                    .sum(),
                Self::Abort { key, .. } => key.len(),
                Self::Bucket { fields, .. } => fields.len(),
                Self::Configure { change, .. } => change.bytes() + CONFIGURATION_BYTES,
                Self::Amend(amendment) => amendment.key.len() + HEADS * 16,
                Self::Move(candidates) | Self::Drain(candidates) => {
                    candidates.iter().map(Candidate::bytes).sum()
                }
                Self::Abandon(_) | Self::BucketEnd(_) | Self::Emptied(_) => 0,
            }
    }
}

/// What the writer answers.
#[derive(Debug)]
pub(crate) enum Reply {
    /// It is done and flushed.
    Done,
    /// It is done and flushed: this version was written or changed, in a bucket that has or had versions.
    Version(Option<VersionId>),
    /// One answer a deletion.
    Deleted(Vec<Result<DeleteOutput, S3Error>>),
}

impl Reply {
    /// The version that was written.
    pub(crate) fn version(&self) -> Option<VersionId> {
        match self {
            Self::Version(version) => *version,
            Self::Done | Self::Deleted(_) => None,
        }
    }
}

/// A command and who waits for it.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) work: Work,
    pub(crate) reply: oneshot::Sender<Result<Reply, NodeError>>,
}

/// The writer's thread.
pub(crate) struct Writer {
    pub(crate) log: Log,
    pub(crate) volumes: Arc<VolumeSet>,
    pub(crate) store: Arc<Store>,
    pub(crate) clock: Clock,
    pub(crate) state: Arc<WriterState>,
    pub(crate) queue: mpsc::Receiver<Command>,
    /// Buckets that are known to be there. The writer alone ends one.
    pub(crate) buckets: HashSet<u128>,
    /// What is configured, for everyone to read.
    pub(crate) configurations: Arc<Configurations>,
}

/// What others may know of the writer.
#[derive(Debug, Default)]
pub(crate) struct WriterState {
    /// LSN of the last flushed record.
    pub(crate) last_lsn: AtomicU64,
    /// The log takes nothing more.
    pub(crate) broken: std::sync::atomic::AtomicBool,
}

/// How many buckets the writer remembers.
const BUCKETS_KNOWN_MAX: usize = 4_096;

impl Writer {
    /// Works until the queue is closed.
    pub(crate) fn run(mut self) {
        while let Some(first) = self.queue.blocking_recv() {
            let batch = self.collect(first);
            self.store.wait_for_room(|| self.queue.is_closed());
            self.round(batch);
        }
    }

    fn collect(&mut self, first: Command) -> Vec<Command> {
        let mut bytes = first.work.bytes();
        let mut batch = vec![first];
        while batch.len() < ROUND_COMMANDS_MAX && bytes < ROUND_BYTES_MAX {
            let Ok(next) = self.queue.try_recv() else {
                break;
            };
            bytes += next.work.bytes();
            batch.push(next);
        }
        batch
    }

    /// One round: everything in `batch` is on disk and visible, or answered with why not.
    fn round(&mut self, batch: Vec<Command>) {
        let now_ms = (self.clock)();
        let (mut round, batch) = match self.begin(batch, now_ms) {
            Ok(begun) => begun,
            Err(error) => {
                self.note();
                return answer_all(error.1, &error.0);
            }
        };
        let store = Arc::clone(&self.store);
        let mut pending = Pending::at(&store, now_ms);
        let mut answers = Vec::with_capacity(batch.len());
        let mut broken = None;
        for Command { work, reply } in batch {
            let done = if let Some(error) = broken.clone() {
                Err(error)
            } else {
                let mut turn = Turn {
                    round: &mut round,
                    pending: &mut pending,
                    now_ms,
                };
                self.perform(work, &mut turn)
            };
            match done {
                Ok(answer) => answers.push((reply, Ok(answer))),
                Err(Fault::Refused(error)) => answers.push((reply, Err(error))),
                // A record of it may be in the round while its rows are not: the whole round is given up.
                Err(Fault::Halfway(error)) => {
                    broken = Some(Fault::Halfway(error.clone()));
                    answers.push((reply, Err(error)));
                }
            }
        }
        let result = match broken {
            Some(Fault::Halfway(error) | Fault::Refused(error)) => Err(error),
            None if round.is_empty() => Ok(()),
            None => self.commit(&mut round, pending.layer, now_ms),
        };
        for (reply, answer) in answers {
            let answer = match &result {
                Ok(()) => answer,
                Err(error) => Err(error.clone()),
            };
            // Who does not wait any more needs no answer.
            drop(reply.send(answer));
        }
    }

    fn commit(
        &mut self,
        round: &mut Round,
        mut layer: Layer,
        now_ms: u64,
    ) -> Result<(), NodeError> {
        // Written in one round with others, records take less: what stands alone is worth its way, too.
        let (volume, beside) = round.beside();
        layer.waste(volume, beside);
        let committed = self.log.commit(round, now_ms);
        self.note();
        let position = committed?;
        self.configurations.follow(&layer);
        self.store.publish(layer, position, Instant::now());
        self.state.last_lsn.store(position.lsn, Ordering::Release);
        Ok(())
    }

    fn note(&self) {
        self.state
            .broken
            .store(self.log.is_broken(), Ordering::Relaxed);
    }

    /// Begins a round for the batch; where only the reserve is left, for what frees space alone.
    fn begin(
        &mut self,
        batch: Vec<Command>,
        now_ms: u64,
    ) -> Result<(Round, Vec<Command>), (NodeError, Vec<Command>)> {
        let bytes = |batch: &[Command]| batch.iter().map(|one| one.work.bytes() as u64).sum();
        match self.log.begin(bytes(&batch), false, now_ms) {
            Ok(round) => return Ok((round, batch)),
            Err(NodeError::Full) => {}
            Err(error) => return Err((error, batch)),
        }
        let (urgent, others): (Vec<_>, Vec<_>) =
            batch.into_iter().partition(|one| one.work.is_urgent());
        answer_all(others, &NodeError::Full);
        match self.log.begin(bytes(&urgent), true, now_ms) {
            Ok(round) => Ok((round, urgent)),
            Err(error) => Err((error, urgent)),
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm a command, each a few lines")]
    fn perform(&mut self, work: Work, turn: &mut Turn<'_, '_>) -> Result<Reply, Fault> {
        match work {
            Work::Chunk {
                attempt,
                first,
                payload,
                frames,
                tags,
                upload,
            } => {
                if let Some(upload) = upload {
                    judge::upload_is_open(turn.pending, &upload, None)?;
                }
                let size = payload.iter().map(|piece| piece.len() as u64).sum();
                let (key, fields) = (attempt.extent(first), chunk_fields(size, &frames, &tags));
                turn.add(Entry {
                    payload,
                    ..Entry::plain(Kind::Chunk, &key, &fields)
                })?;
            }
            Work::Put {
                key,
                fields,
                size,
                payload,
                rules,
            } => {
                self.bucket_is_there(turn.pending, &key)?;
                return self.write_version(&key, fields, (size, rules), payload, turn);
            }
            Work::Complete {
                key,
                upload_key,
                upload,
                parts,
                fields,
                size,
                rules,
            } => {
                judge::upload_is_open(turn.pending, &upload_key, None)?;
                judge::parts_stand(turn.pending, upload, &parts)?;
                return self.write_version(&key, fields, (size, rules), Vec::new(), turn);
            }
            Work::Delete(deletions) => return self.delete(deletions, turn),
            Work::Upload { key, fields } => {
                self.bucket_is_there(turn.pending, &key)?;
                turn.add(Entry::plain(Kind::Upload, &key, &fields))?;
            }
            Work::Part {
                upload_key,
                key,
                fields,
            } => {
                judge::upload_is_open(turn.pending, &upload_key, None)?;
                turn.add(Entry::plain(Kind::Part, &key, &fields))?;
            }
            Work::Abort { key, creator } => {
                judge::upload_is_open(turn.pending, &key, creator.as_ref())?;
                turn.add(Entry::plain(Kind::Abort, &key, &[]))?;
            }
            Work::Abandon(attempt) => {
                // What became an object or a part in the meantime is no garbage.
                let key = attempt.key();
                if turn.pending.get(keys::Table::Open, &key)?.is_some() {
                    turn.add(Entry::plain(Kind::Abandon, &key, &[]))?;
                }
            }
            Work::Bucket { bucket, fields } => {
                if !judge::bucket_exists(turn.pending, bucket)? {
                    turn.add(Entry::plain(Kind::Bucket, &keys::bucket(bucket), &fields))?;
                }
            }
            Work::BucketEnd(bucket) => {
                judge::bucket_is_empty(turn.pending, bucket)?;
                self.buckets.remove(&bucket.0);
                turn.add(Entry::plain(Kind::BucketEnd, &keys::bucket(bucket), &[]))?;
            }
            Work::Configure { bucket, change } => {
                let key = keys::bucket(bucket);
                let fields = judge::configured(turn.pending, &key, change)?;
                turn.add(Entry::plain(Kind::Bucket, &key, &fields.encode()))?;
            }
            Work::Amend(amendment) => return self.amend(*amendment, turn),
            Work::Move(candidates) | Work::Drain(candidates) => self.move_on(candidates, turn)?,
            Work::Emptied(volume) => self.note_emptied(volume, turn)?,
        }
        Ok(Reply::Done)
    }

    fn bucket_is_there(&mut self, pending: &Pending<'_>, key: &[u8]) -> Result<(), Fault> {
        let bucket = keys::bucket_of(key).map_err(crate::row::damaged)?;
        if self.buckets.contains(&bucket.0) {
            return Ok(());
        }
        if !judge::bucket_exists(pending, bucket)? {
            return Err(NodeError::from(s3_protocol::S3Code::NoSuchBucket).into());
        }
        // A bucket of this very round is remembered only once the round stands.
        if pending
            .layer
            .get(keys::Table::Buckets, &keys::bucket(bucket))
            .is_none()
        {
            if self.buckets.len() >= BUCKETS_KNOWN_MAX {
                self.buckets.clear();
            }
            self.buckets.insert(bucket.0);
        }
        Ok(())
    }
}

/// Why a command was not performed.
#[derive(Clone, Debug)]
enum Fault {
    /// It was refused before it changed anything.
    Refused(NodeError),
    /// It failed when its record was already in the round.
    Halfway(NodeError),
}

impl From<NodeError> for Fault {
    fn from(error: NodeError) -> Self {
        Self::Refused(error)
    }
}

/// The round that is being put together, and the rows as it will leave them.
struct Turn<'r, 's> {
    round: &'r mut Round,
    pending: &'r mut Pending<'s>,
    now_ms: u64,
}

impl Turn<'_, '_> {
    fn add(&mut self, entry: Entry<'_>) -> Result<(), Fault> {
        let Entry {
            kind,
            key,
            fields,
            delta,
            payload,
            original_lsn,
        } = entry;
        let place = self.round.add(Draft {
            kind,
            key,
            fields,
            delta,
            payload,
            original_lsn,
        });
        let record = Record {
            kind,
            key,
            fields,
            delta,
            place,
            moved: original_lsn.is_some(),
        };
        self.pending.apply(&record).map_err(Fault::Halfway)
    }
}

/// A record to be.
struct Entry<'a> {
    kind: Kind,
    key: &'a [u8],
    fields: &'a [u8],
    delta: Delta,
    payload: Vec<Bytes>,
    /// The LSN that it had first, where compaction moves it.
    original_lsn: Option<u64>,
}

impl<'a> Entry<'a> {
    /// One without a payload that changes no count.
    fn plain(kind: Kind, key: &'a [u8], fields: &'a [u8]) -> Self {
        Self {
            kind,
            key,
            fields,
            delta: Delta::default(),
            payload: Vec::new(),
            original_lsn: None,
        }
    }
}

fn answer_all(batch: Vec<Command>, error: &NodeError) {
    for command in batch {
        drop(command.reply.send(Err(error.clone())));
    }
}
