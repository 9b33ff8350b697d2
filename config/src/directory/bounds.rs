//! What may be stored, and how fast may be asked. What is absent is not bounded.

use s3_protocol::BucketId;
use serde::{Deserialize, Serialize};

use super::names::{AccessKeyId, TenantId, UserId};

/// How much may be stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// Bytes of objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects: Option<u64>,
}

impl Quota {
    /// Whether it bounds nothing.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// How fast may be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Requests a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    /// Bytes a second, of requests' and answers' bodies together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

impl Rate {
    /// Whether it bounds nothing.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// What has a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QuotaOf {
    /// All buckets of an account's users together.
    Tenant(TenantId),
    /// All buckets that a user owns together.
    User(UserId),
    /// A bucket.
    Bucket(BucketId),
}

/// What has a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RateOf {
    /// All keys of an account together.
    Tenant(TenantId),
    /// All keys of a user together.
    User(UserId),
    /// An access key.
    Key(AccessKeyId),
}
