//! Every bound of this crate, with its unit and source.

/// How far a request's time may be from ours, in seconds, either way. Source: S3 API Reference,
/// `RequestTimeTooSkewed` (15 minutes).
pub const CLOCK_SKEW_SECONDS_MAX: u64 = 15 * 60;

/// Longest life of a presigned URL, in seconds. Source: S3 API Reference, "Authenticating Requests: Using Query
/// Parameters": 604,800 (seven days), since a signing key is good for no longer.
pub const PRESIGNED_SECONDS_MAX: u64 = 7 * 24 * 60 * 60;

/// Longest access key id, in bytes. Source: IAM API Reference, `AccessKeyId`.
pub const ACCESS_KEY_ID_BYTES_MAX: usize = 128;

/// Longest secret key, in bytes. Ours: AWS issues 40, other stores up to 128.
pub const SECRET_BYTES_MAX: usize = 256;

/// Longest region name, in bytes. Ours: the longest of AWS has 15.
pub const REGION_BYTES_MAX: usize = 64;

/// Most headers that one signature may cover. Ours: a request has at most 100 headers (hyper's own bound).
pub const SIGNED_HEADERS_MAX: usize = 128;

/// Most parameters in one query. Ours: an S3 request with every known parameter and a hundred
/// `x-amz-meta-*` names fits several times.
pub const QUERY_PARAMETERS_MAX: usize = 512;

/// Longest session token, in bytes. Source: STS API Reference asks for no assumption; its tokens stay below
/// 4 KiB.
pub const SESSION_TOKEN_BYTES_MAX: usize = 4 * 1_024;

/// Longest line that heads a chunk, in bytes without its line break: sixteen hex digits, `;chunk-signature=` and
/// 64 more, 97 in all; the rest is room for leading zeros.
pub const CHUNK_LINE_BYTES_MAX: usize = 128;

/// Most bytes of a body's trailer section. Ours: one checksum and one signature take under 200.
pub const TRAILER_BYTES_MAX: usize = 2 * 1_024;

/// Most trailers that a request may declare. Ours: S3 reads one checksum.
pub const TRAILERS_MAX: usize = 8;

/// Largest body that may be declared, in bytes. Source: S3 User Guide, "Amazon S3 multipart upload limits": an
/// object has at most 50 TB; an upload in one request is far smaller, which is the business of the store.
pub const DECODED_BYTES_MAX: u64 = 50 * 1_000 * 1_000 * 1_000 * 1_000;

/// Longest POST policy, in bytes of JSON. Source: S3 API Reference, "POST Object": a form's fields have at most
/// 20 KB in all.
pub const POLICY_BYTES_MAX: usize = 20 * 1_024;

/// Longest POST policy in base64, in bytes.
pub const POLICY_BASE64_BYTES_MAX: usize = POLICY_BYTES_MAX.div_ceil(3) * 4;

/// Most conditions in a POST policy. Ours: a policy of the longest length has no room for many more.
pub const POLICY_CONDITIONS_MAX: usize = 512;

// The head of a chunk must have room for any length that we accept, with its signature.
const _: () = assert!(CHUNK_LINE_BYTES_MAX >= 16 + 17 + 64);
