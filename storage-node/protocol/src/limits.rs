//! Every bound of the S3 language on one page. A bound's name ends in its unit and `_MAX`.

/// Shortest bucket name, in bytes. Source: S3 User Guide, "Bucket naming rules".
pub const BUCKET_NAME_BYTES_MIN: usize = 3;
/// Longest bucket name, in bytes. Source: S3 User Guide, "Bucket naming rules".
pub const BUCKET_NAME_BYTES_MAX: usize = 63;
/// Longest object key, in bytes of UTF-8. Source: S3 User Guide, "Object key names".
pub const KEY_BYTES_MAX: usize = 1_024;
/// Largest user metadata, in bytes: names (without the prefix) and values together. Source: S3 User Guide, "User-defined object metadata".
pub const METADATA_BYTES_MAX: usize = 2_048;
/// Most parts of a multipart upload. Source: S3 User Guide, "Multipart upload limits".
pub const PARTS_MAX: u16 = 10_000;
/// Smallest part but the last, in bytes. Source: S3 User Guide, "Multipart upload limits".
pub const PART_BYTES_MIN: u64 = 5 * 1_024 * 1_024;
/// Largest part, and largest object of a single PUT, in bytes (5 GiB). Source: S3 User Guide, "Multipart upload limits".
pub const PUT_BYTES_MAX: u64 = 5 * 1_024 * 1_024 * 1_024;
/// Largest object, in bytes (50 TiB). Source: S3 User Guide, "Multipart upload limits" (raised from 5 TiB in December 2025).
pub const OBJECT_BYTES_MAX: u64 = 50 * 1_024 * 1_024 * 1_024 * 1_024;
/// Most keys in one DeleteObjects. Source: S3 API Reference, DeleteObjects.
pub const DELETE_KEYS_MAX: usize = 1_000;
/// Most entries in one page of a list. Source: S3 API Reference, ListObjectsV2.
pub const LIST_KEYS_MAX: u32 = 1_000;
/// Largest XML body of a request, in bytes: 1,000 keys of 1,024 bytes, each byte escaped, and what stands around them.
pub const XML_BYTES_MAX: usize = 8 * 1_024 * 1_024;
/// Deepest nesting of an XML body.
pub const XML_DEPTH_MAX: usize = 16;
/// Most tags of an object. Source: S3 User Guide, "Categorizing your objects using tags".
pub const OBJECT_TAGS_MAX: usize = 10;
/// Most tags of a bucket. Source: S3 API Reference, PutBucketTagging.
pub const BUCKET_TAGS_MAX: usize = 50;
/// Most rules of a CORS configuration. Source: S3 API Reference, PutBucketCors.
pub const CORS_RULES_MAX: usize = 100;
/// Most rules of a lifecycle configuration. Source: S3 API Reference, PutBucketLifecycleConfiguration.
pub const LIFECYCLE_RULES_MAX: usize = 1_000;
/// Longest name of such a rule, in characters. Source: S3 API Reference, LifecycleRule and CORSRule.
pub const RULE_ID_CHARACTERS_MAX: usize = 255;
/// Longest tag key, in characters. Source: S3 User Guide, "Categorizing your objects using tags".
pub const TAG_KEY_CHARACTERS_MAX: usize = 128;
/// Longest tag value, in characters. Source: S3 User Guide, "Categorizing your objects using tags".
pub const TAG_VALUE_CHARACTERS_MAX: usize = 256;
/// Most buckets on one page of ListBuckets. Source: S3 API Reference, ListBuckets.
pub const LIST_BUCKETS_MAX: u32 = 10_000;
/// Most elements of an XML body: 10,000 parts with a number, an entity tag and every checksum.
pub const XML_ELEMENTS_MAX: usize = 150_000;
/// Largest form before its file, in bytes. Source: S3 API Reference, POST Object ("the form data can be up to 20 KB").
pub const FORM_BYTES_MAX: usize = 20 * 1_024;
/// Longest boundary of multipart/form-data, in characters. Source: RFC 2046, section 5.1.1.
pub const FORM_BOUNDARY_BYTES_MAX: usize = 70;
/// Largest website redirect, in bytes. Source: S3 API Reference, PutObject.
pub const WEBSITE_REDIRECT_BYTES_MAX: usize = 2_048;
/// Longest place in a list that a token may carry, in bytes: a key, or a prefix of one.
pub const TOKEN_BYTES_MAX: usize = KEY_BYTES_MAX;
