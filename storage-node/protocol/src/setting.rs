//! What is configured of a bucket and written beside an object: the documents that requests put and answers show, typed.
//!
//! A document is read once, at the door; what is kept is the typed value, or its one canonical text.

pub mod cors;
pub mod encryption;
pub mod lifecycle;
pub mod lock;
pub mod tags;
pub mod versioning;

pub use cors::{Cors, CorsAnswer, CorsAsk};
pub use encryption::DefaultEncryption;
pub use lifecycle::{Day, Lifecycle};
pub use lock::{DefaultRetention, LockConfiguration, LockMode, Period, Retention};
pub use versioning::Versioning;

use serde::{Deserialize, Serialize};

use crate::error::S3Code;

/// A setting of a bucket, by its sub-resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Setting {
    /// `?versioning`
    Versioning,
    /// `?object-lock`
    ObjectLock,
    /// `?tagging`
    Tagging,
    /// `?cors`
    Cors,
    /// `?lifecycle`
    Lifecycle,
    /// `?encryption`
    Encryption,
}

/// A setting that no bucket here has, by its sub-resource: one answer for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fixed {
    /// `?requestPayment`: the owner pays.
    RequestPayment,
    /// `?accelerate`: none.
    Accelerate,
    /// `?notification`: none.
    Notification,
    /// `?logging`: none.
    Logging,
    /// `?website`: not found.
    Website,
    /// `?replication`: not found.
    Replication,
}

impl Fixed {
    /// The code where the answer is that there is none.
    pub const fn missing(self) -> Option<S3Code> {
        match self {
            Self::Website => Some(S3Code::NoSuchWebsiteConfiguration),
            Self::Replication => Some(S3Code::ReplicationConfigurationNotFoundError),
            Self::RequestPayment | Self::Accelerate | Self::Notification | Self::Logging => None,
        }
    }
}

/// What stands beside an object's version, by its sub-resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Facet {
    /// `?tagging`
    Tagging,
    /// `?retention`
    Retention,
    /// `?legal-hold`
    LegalHold,
}
