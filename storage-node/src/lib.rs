//! Objects on disk: an append-only log of volumes is the truth, redb is the index.
//!
//! [`Node`] is the public face: one async method for each operation of S3 that a store must do. It knows buckets by number,
//! creators by opaque texts, and no tenant, credential or policy. `DESIGN.md` beside this package draws the format byte by byte.

mod applier;
mod checksum;
mod configuration;
mod crypt;
mod disks;
mod effects;
mod faults;
mod index;
mod keys;
mod log;
mod overlay;
mod record;
mod recovery;
mod row;
mod volume;
mod wire;
mod writer;

#[cfg(any(fuzzing, test))]
pub mod fuzzing;

pub mod error;
pub mod guards;
pub mod limits;
pub mod node;
pub mod options;
pub mod payload;

pub use configuration::{Change, Configuration, ConfigurationChanges};
pub use crypt::RingSeal;
pub use disks::DiskUse;
pub use error::{NodeError, OpenError};
pub use faults::{Disk, Faults, Loss};
pub use guards::{
    Asked, CreatorGuard, CreatorMatch, Guards, Mismatch, Recheck, Stands, StoredFacts, WriteAs,
    WriteId,
};
pub use node::{
    Backup, BucketStats, BucketUse, Bypass, Compacted, Compaction, CopyRead, Damage, DamagedObject,
    DeleteKey, Deleted, Ending, FacetChange, Facets, Harm, Miscount, Node, NodeStats, ObjectBody,
    ObjectPlace, Rate, Rebuilt, RowFault, Scrubbed, Swept, Undelete, Usage, Verified, VolumeEnd,
    VolumeHold, VolumeUse,
};
pub use options::{NodeDisk, NodeOptions};
pub use payload::{Payload, PayloadError};
