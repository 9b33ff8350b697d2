//! What the policy tools are asked, as the admin API's documents say it. The answers are documents, too.

use std::net::IpAddr;

use serde::Deserialize;

use super::ModuleFaults;
use crate::directory::{AccessKeyId, Digest, Name};

/// A question to a policy tool.
#[derive(Clone, Debug)]
pub enum Tool {
    /// What would be answered to a request that might be.
    Simulate(Simulate),
    /// Every way in which a plan, or a module, says yes.
    Enumerate(Enumerate),
    /// Who may do something.
    WhoCan(WhoCan),
    /// What a key needs of what it may.
    RightSize(RightSize),
    /// Where two versions of a module decide differently.
    Diff(Diff),
    /// What a version would have said to the recorded requests.
    Replay(Replay),
}

/// A version of a module: a stored one by its digest, or one that is given and not stored.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// Whose module it is, or would be; the platform's where it is absent.
    pub tenant: Option<Name>,
    /// The module's name: the version takes the place of what is in force under it.
    pub name: Name,
    /// A stored version.
    pub digest: Option<Digest>,
    /// The bytes of one that is not stored, in hexadecimal digits.
    pub wasm: Option<String>,
}

/// A request that might be.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Simulate {
    /// Who signs it; nobody where it is absent.
    pub access_key_id: Option<AccessKeyId>,
    /// An operation by its name in the S3 API, or a method of HTTP.
    pub operation: String,
    /// `bucket/key?query`, as a URL has it behind the first slash. Empty for the service itself.
    #[serde(default)]
    pub target: String,
    /// Where it comes from. This machine where it is absent.
    pub from: Option<IpAddr>,
    /// When: `14:00` (today, UTC) or RFC 3339. Now where it is absent.
    pub at: Option<String>,
    /// Headers, by name and value.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// Whether it comes over TLS.
    #[serde(default = "yes")]
    pub tls: bool,
    /// The life of the presigned URL that it is, in seconds; it is signed in its headers where this is absent.
    pub presigned_seconds: Option<u64>,
    /// The version that is asked in the place of the one in force.
    pub module: Option<Version>,
}

/// How far a search through all ways goes. Each has a default.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// Paths that are followed.
    pub paths: Option<usize>,
    /// Questions of one path.
    pub depth: Option<usize>,
    /// Time, in milliseconds.
    pub milliseconds: Option<u64>,
}

/// Every way in which a plan, or a module, says yes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enumerate {
    /// Whose buckets.
    pub tenant: Name,
    /// IAM actions: `s3:DeleteObject*`.
    pub allows: String,
    /// `bucket` or `bucket/prefix`.
    pub under: Option<String>,
    /// Whose requests; everybody's where it is absent.
    pub access_key_id: Option<AccessKeyId>,
    /// The version in the place of the one in force.
    pub module: Option<Version>,
    /// Whether that version is looked into by itself, without the plan around it.
    #[serde(default)]
    pub alone: bool,
    /// Whether it is enough to know that there is no way.
    #[serde(default)]
    pub never: bool,
    /// How far it goes.
    #[serde(default)]
    pub bounds: Bounds,
}

/// Who may do something.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhoCan {
    /// Whose bucket.
    pub tenant: Name,
    /// Whose namespace, where each user has one: the user's name. All of them where it is absent.
    pub user: Option<Name>,
    /// IAM actions: `s3:DeleteObject`.
    pub action: String,
    /// `bucket` or `bucket/prefix`.
    pub under: String,
    /// When: a date (its end, UTC) or RFC 3339, as far back as the directory's history goes. Now where it is absent.
    pub at: Option<String>,
    /// How far it goes.
    #[serde(default)]
    pub bounds: Bounds,
}

/// What a key needs of what it may.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RightSize {
    /// The key.
    pub access_key_id: AccessKeyId,
    /// How far back the record is read, in seconds; all of it where this is absent.
    pub since_seconds: Option<u64>,
}

/// Where two versions of a module decide differently.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Diff {
    /// The first.
    pub before: Version,
    /// The second.
    pub after: Version,
    /// How far it goes.
    #[serde(default)]
    pub bounds: Bounds,
}

/// What a version would have said to the recorded requests.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// The version.
    pub module: Version,
    /// How far back the record is read, in seconds; all of it where this is absent.
    pub since_seconds: Option<u64>,
    /// How many requests are named as examples of each difference.
    #[serde(default = "some_examples")]
    pub examples: usize,
}

/// Why a tool has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ToolFault {
    /// What it is asked about is not there.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The question makes no sense.
    #[error("{0}")]
    Malformed(String),
    /// What it needs is switched off.
    #[error("{0}")]
    Off(&'static str),
    /// Others are at work, and it was waited for them.
    #[error("another policy tool is at work; try again when it is done")]
    Busy,
    /// A version cannot be used.
    #[error(transparent)]
    Module(#[from] ModuleFaults),
    /// It broke off.
    #[error("{0}")]
    Failed(String),
}

const fn yes() -> bool {
    true
}

const fn some_examples() -> usize {
    3
}
