//! Every bound of the node on one page. A bound's name ends in its unit and `_MAX`; a default's in `_DEFAULT`.

/// Bytes that one payload checksum covers. Written into every record; a range read verifies whole frames.
pub const FRAME_BYTES: usize = 64 * 1_024;
/// Largest payload that stands in its version's own record, in bytes. It is answered in one read and one write.
pub const INLINE_BYTES_MAX: usize = 64 * 1_024;
/// Usual payload of a chunk, in bytes: what an upload holds in memory before it is written.
pub const CHUNK_BYTES: usize = 1_024 * 1_024;
/// Largest payload of a chunk, in bytes, which readers must be ready for.
pub const CHUNK_BYTES_MAX: usize = 4 * 1_024 * 1_024;
/// Payload that all uploads together hold in memory before chunks are cut smaller, in bytes.
pub const UPLOADS_BUFFER_BYTES_MAX: usize = 32 * 1_024 * 1_024;
/// Smallest chunk that is cut when uploads hold too much, in bytes.
pub const CHUNK_BYTES_MIN: usize = FRAME_BYTES;
/// A piece of a payload below this is copied next to its neighbour, in bytes.
pub const PIECE_BYTES_MIN: usize = 4 * 1_024;

/// Rounds begin at multiples of this in a volume: a flush never rewrites a sector that holds acknowledged bytes.
pub const ROUND_ALIGN: u64 = 512;
/// Payload and heads of one round, in bytes; a round closes when it is passed, so that one largest command still fits.
pub const ROUND_BYTES_MAX: usize = 8 * 1_024 * 1_024;
/// Largest body of a round as recovery accepts it, in bytes: a full round and one more largest command.
pub const ROUND_BODY_BYTES_MAX: u64 = 32 * 1_024 * 1_024;
/// Most commands in one round.
pub const ROUND_COMMANDS_MAX: usize = 512;
/// Commands that wait for the writer.
pub const WRITER_QUEUE_MAX: usize = 512;
/// Largest fields of one record, in bytes: 10,000 parts with every checksum, and 1,024 bytes of key.
pub const META_BYTES_MAX: usize = 4 * 1_024 * 1_024;
/// Pieces in one `pwritev`. Source: Linux `IOV_MAX`.
pub const IOV_MAX: usize = 1_024;

/// Default size of a volume, in bytes.
pub const VOLUME_BYTES_DEFAULT: u64 = 1_024 * 1_024 * 1_024;
/// Smallest size of a volume, in bytes: one largest round and the volume's head.
pub const VOLUME_BYTES_MIN: u64 = 64 * 1_024;
/// Default of redb's cache, in bytes (its own default is 1 GiB).
pub const INDEX_CACHE_BYTES_DEFAULT: usize = 32 * 1_024 * 1_024;
/// Default bound of the overlay, in bytes.
pub const OVERLAY_BYTES_DEFAULT: usize = 16 * 1_024 * 1_024;
/// Default of the reserve, in bytes.
pub const RESERVE_BYTES_DEFAULT: u64 = 256 * 1_024 * 1_024;
/// Default of how long a change waits for the index, in milliseconds.
pub const APPLY_AFTER_MS_DEFAULT: u64 = 500;
/// Default time between checkpoints, in milliseconds.
pub const CHECKPOINT_EVERY_MS_DEFAULT: u64 = 10_000;
/// Log written since the last checkpoint at which the next is due, in bytes: what a restart replays.
pub const CHECKPOINT_LOG_BYTES: u64 = 512 * 1_024 * 1_024;

/// Bytes that compaction reads and hands to the writer at once: a fraction of a round, so that others get their turn.
pub const COMPACTION_BATCH_BYTES: usize = 1_024 * 1_024;
/// How often compaction looks whether its volume may go, in milliseconds.
pub const COMPACTION_LOOK_MS: u64 = 20;

/// Rows whose records a verification reads in one go: of chunks that is 32 MiB at most.
pub const VERIFY_ROWS_MAX: usize = 8;
/// Faults and damaged objects that a report names; of the rest it tells how many.
pub const FAULTS_TOLD_MAX: usize = 10_000;
/// Owners of chunks that verifying writes to its file at once.
pub const OWNERS_BATCH_MAX: usize = 4_096;
/// redb's cache for that file, in bytes.
pub const OWNERS_CACHE_BYTES: usize = 8 * 1_024 * 1_024;

/// Bytes of a volume that are read at once for who ships or copies it.
pub const SHIP_BYTES_MAX: usize = 4 * 1_024 * 1_024;

/// Deleted objects that a search names; past it a longer prefix is asked for.
pub const DELETED_MAX: usize = 10_000;
/// Objects that are brought back at once.
pub const UNDELETE_MAX: usize = 1_000;

/// Configurations on one page for who keeps a copy of them.
pub const CONFIGURATIONS_PAGE_MAX: usize = 1_024;
/// Bytes of texts at which such a page ends.
pub const CONFIGURATIONS_BYTES: usize = 1_024 * 1_024;
/// Buckets that are remembered for having no configuration any more. Past it who keeps a copy reads everything anew.
pub const CONFIGURATIONS_GONE_MAX: usize = 1_024;

/// Entries that a scan takes from overlay and index in one go.
pub const SCAN_ROWS_MAX: usize = 256;
/// Extents that a reader looks up in one go.
pub const EXTENTS_AHEAD_MAX: usize = 64;
/// Bytes that one piece of an answer's body has.
pub const BODY_PIECE_BYTES: usize = 256 * 1_024;
/// Rows of dead blobs that the applier clears in one batch.
pub const REAP_ROWS_MAX: usize = 4_096;

const _: () = assert!(CHUNK_BYTES <= CHUNK_BYTES_MAX);
const _: () = assert!(CHUNK_BYTES_MAX.is_multiple_of(FRAME_BYTES));
const _: () = assert!(INLINE_BYTES_MAX <= FRAME_BYTES);
