//! All that is configured: the settings file, and the directory of accounts, users, keys, buckets and modules.
//!
//! [`settings`] is read once, before a port is bound. [`directory`] changes while the server runs: each change is a
//! command, written with its audit record in one transaction of an [`engine`], and published as a new immutable
//! [`directory::State`]. [`decisions`] is the table of who may do what; [`judge`], [`objects`], [`upstream`] and [`usage`] are what the admin
//! side needs to know of policies, contents and traffic, without an arrow to the packages that know it.

mod amount;
pub mod decisions;
pub mod directory;
pub mod engine;
pub mod identity;
pub mod judge;
pub mod limits;
pub mod metering;
pub mod node;
pub mod objects;
pub mod purge;
mod secret;
pub mod settings;
mod time;
pub mod upkeep;
pub mod upstream;
pub mod usage;

pub use amount::{Amount, NotAnAmount};
pub use secret::Secret;
pub use time::{Clock, Entropy, NoEntropy, UnixMillis, UnixSeconds, system_clock};
