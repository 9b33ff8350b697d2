//! Every bound that the gate itself sets, on one page. Those that an operator may change are settings; these are their
//! defaults where no settings file speaks, and the bounds that nobody changes.

use std::time::Duration;

/// Largest head of a request that is read, in bytes: the request line and all its headers. A presigned URL of a key of
/// 1,024 bytes, percent-encoded, with a session token of 2 KiB takes about 6 KiB; S3 itself allows 8 KiB of headers.
pub const HEAD_BYTES_MAX: usize = 16 * 1_024;
/// Most headers of a request. hyper reads up to 100 without an allocation.
pub const HEADERS_MAX: usize = 100;
/// Longest request target, in bytes: a key of 1,024 bytes takes 3,072 percent-encoded.
pub const URI_BYTES_MAX: usize = 8 * 1_024;
/// How long a client may take over a PROXY header and the TLS handshake.
pub const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a head may take, from the first wait for a request to its end.
pub const HEAD_TIME_MAX: Duration = Duration::from_secs(30);
/// How long a kept connection may be idle. Longer than that of AWS's SDKs (botocore keeps for 60 s or less).
pub const KEEP_ALIVE_TIME_MAX: Duration = Duration::from_secs(75);
/// How long a body may stand still, in either direction.
pub const BODY_IDLE_TIME_MAX: Duration = Duration::from_secs(60);
/// Lowest rate of a body, in bytes a second, once `BODY_RATE_WINDOW` has been waited for.
pub const BODY_RATE_MIN: u64 = 256;
/// How long a body may be slower than that.
pub const BODY_RATE_WINDOW: Duration = Duration::from_secs(30);
/// Connections in all.
pub const CONNECTIONS_MAX: usize = 10_000;
/// Connections of one source address; an IPv6 network of 64 bits counts as one address.
pub const CONNECTIONS_PER_ADDRESS_MAX: usize = 1_000;
/// Streams of one HTTP/2 connection.
pub const HTTP2_STREAMS_MAX: u32 = 128;
/// What is read of the body of a refused request so that the client sees the answer, in bytes.
pub const DISCARD_BYTES_MAX: u64 = 1_024 * 1_024;
/// And for how long.
pub const DISCARD_TIME_MAX: Duration = Duration::from_secs(5);
/// What hyper may hold of one connection in each direction, in bytes.
pub const CONNECTION_BUFFER_BYTES_MAX: usize = 256 * 1_024;
/// Longest PROXY header of version 1, in bytes with its line end. Source: PROXY protocol, section 2.1.
pub const PROXY_V1_BYTES_MAX: usize = 107;
/// Longest PROXY header of version 2 that is read, in bytes: addresses and as many extensions as load balancers send.
pub const PROXY_V2_BYTES_MAX: usize = 4_096;
/// Connections that wait to be accepted.
pub const ACCEPT_BACKLOG_MAX: i32 = 4_096;
/// How often changed certificate files are looked for.
pub const CERTIFICATE_CHECK_TIME: Duration = Duration::from_secs(10);
/// Largest certificate or key file, in bytes.
pub const PEM_BYTES_MAX: u64 = 1_024 * 1_024;
/// Lines of the access log that wait to be written, in bytes. At the bound the chosen [`crate::observe::Full`] applies.
pub const LOG_PENDING_BYTES_MAX: usize = 16 * 1_024 * 1_024;
/// How long lines are gathered before they are written.
pub const LOG_GATHER_TIME: Duration = Duration::from_millis(10);
/// Longest user agent and referrer in the access log, in bytes.
pub const LOG_FIELD_BYTES_MAX: usize = 1_024;

/// Least checks that a version must have been asked about, in one window, before it is taken back by itself.
pub const FAILING_REQUESTS_MIN: u64 = 20;
/// Largest share of them, in thousandths, that it may leave without an answer.
pub const FAILING_PER_MILLE_MAX: u64 = 50;
/// How long a window is.
pub const FAILING_WINDOW: Duration = Duration::from_secs(60);
/// How often one module that does not answer raises an alarm.
pub const ALARM_TIME: Duration = Duration::from_secs(60);
/// How often a module in force that cannot be loaded is tried again.
pub const RELOAD_TIME: Duration = Duration::from_secs(10);
/// Shadows and watched versions whose counts are kept.
pub const TRIALS_MAX: usize = 1_024;
/// Ways to differ that are listed of one shadow.
pub const SHADOW_DIFFERENCES_MAX: usize = 256;
/// Examples of each.
pub const SHADOW_EXAMPLES_MAX: usize = 8;
/// Longest beginning of a key in an example, in characters.
pub const SHADOW_PREFIX_CHARACTERS_MAX: usize = 64;

/// Longest line of the record of checks, in bytes. A request whose attributes take more is not recorded, and counted.
pub const RECORDED_LINE_BYTES_MAX: usize = 64 * 1_024;
/// Longest text of one attribute that is recorded, in bytes: several times a key. Longer ones count as not recorded.
pub const RECORDED_VALUE_BYTES_MAX: usize = 4 * 1_024;
/// Files of the record: so much of it is lost when the oldest makes room.
pub const RECORD_FILES: u64 = 16;
/// Ways to differ that are listed of one replay.
pub const REPLAY_GROUPS_MAX: usize = 10_000;
/// Examples of each.
pub const REPLAY_EXAMPLES_MAX: usize = 100;
/// Memory for the trees of one replay, in bytes.
pub const REPLAY_TREES_BYTES_MAX: u64 = 32 * 1_024 * 1_024;
/// Different uses of one key that are told apart: operation, bucket and folder.
pub const RECORDED_USES_MAX: usize = 10_000;
/// Longest time of one tool, in milliseconds. The command line waits two minutes for an answer.
pub const TOOL_MILLISECONDS_MAX: u64 = 100_000;
/// Paths of one answer that are shown; the others are counted.
pub const PATHS_SHOWN_MAX: usize = 1_000;
/// Keys that are asked about, one by one, for who may do something.
pub const WHO_CAN_KEYS_MAX: usize = 10_000;
/// Policy tools that are at work at a time. One may take a processor for seconds.
pub const TOOLS_AT_WORK_MAX: usize = 1;
/// How long another waits for its turn.
pub const TOOL_WAIT_MAX: Duration = Duration::from_secs(30);

/// Keys, users and accounts that are held to a rate at a time. Past it those whose buckets are full make room, then the fullest.
pub const PACES_MAX: usize = 64 * 1_024;
/// Quotas under which something is reserved at a time. Past it those with nothing reserved make room.
pub const QUOTAS_MAX: usize = 64 * 1_024;
/// How long room is kept for a write whose client went away while the node may have been storing it: as long as the node may
/// take to answer.
pub const QUOTA_HOLD_TIME: Duration = Duration::from_secs(10);

/// Largest call to a node on its own machine, in bytes, but for payloads: 10,000 parts with their checksums, or 1,000 keys.
pub const NODE_CALL_BYTES_MAX: usize = 16 * 1_024 * 1_024;
/// Largest answer of it, in bytes, but for payloads: what is deleted of a bucket, 10,000 objects, or what half a million buckets hold.
pub const NODE_ANSWER_BYTES_MAX: usize = 64 * 1_024 * 1_024;
/// Calls on one connection at a time. Past it another connection is made.
pub const NODE_CALLS_PER_CONNECTION_MAX: u32 = 64;
/// Connections of a gate to its node for calls of requests. Past it they are refused: 503 SlowDown.
pub const NODE_CONNECTIONS_MAX: usize = 32;
/// Connections that a node lets in. Past it a connection is closed at once.
pub const NODE_CONNECTIONS_ALL_MAX: usize = 100;
/// Bytes of one call that may be on their way, in each direction. A connection has room for all of its calls: none waits for another.
pub const NODE_CALL_WINDOW_BYTES: u32 = 512 * 1_024;
/// Largest frame of HTTP/2 between gate and node, in bytes.
pub const NODE_FRAME_BYTES_MAX: u32 = 64 * 1_024;
/// Pieces of a payload that wait to be sent.
pub const NODE_PIECES_MAX: usize = 8;
/// Longest time to connect to a node, TLS included.
pub const NODE_CONNECT_TIME: Duration = Duration::from_secs(5);
/// How often it is asked whether the other side is there still, while nothing comes, and how long the answer may take.
pub const NODE_KEEP_ALIVE_TIME: Duration = Duration::from_secs(5);
/// Longest time from the beginning of a call to the end of its head.
pub const NODE_HEAD_TIME: Duration = Duration::from_secs(10);
/// Longest time of a call that neither moves bytes nor looks at all rows.
pub const NODE_CALL_TIME: Duration = Duration::from_secs(60);
/// How long a node waits for what the gate says to its question before a commit. Without an answer nothing is written.
pub const NODE_RECHECK_TIME: Duration = Duration::from_secs(5);
/// How often a gate asks its node how it is.
pub const NODE_PULSE_TIME: Duration = Duration::from_secs(1);
/// Longest time that such an answer may take, and longest age of what it said: past it the node counts as away.
pub const NODE_PULSE_AGE_MAX: Duration = Duration::from_secs(5);
/// Shortest time between two attempts to reach a node; it doubles.
pub const NODE_RETRY_TIME_MIN: Duration = Duration::from_millis(50);
/// Longest time between two attempts.
pub const NODE_RETRY_TIME_MAX: Duration = Duration::from_secs(2);
/// How long a gate that starts waits for its node.
pub const NODE_START_TIME: Duration = Duration::from_secs(15);

// A room that is kept for a write must outlive the moment at which its node would still write it.
const _: () = assert!(QUOTA_HOLD_TIME.as_secs() > NODE_RECHECK_TIME.as_secs());

// A head must have room for the longest target, and for hyper's smallest buffer.
const _: () =
    assert!(HEAD_BYTES_MAX > URI_BYTES_MAX && CONNECTION_BUFFER_BYTES_MAX > HEAD_BYTES_MAX);
