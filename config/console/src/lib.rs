//! The admin side: the admin API, health and metrics, and later the web pages.
//!
//! [`router`] is served on the admin listener alone. Every route is declared in [`routes`] with the permission that it
//! needs; there is no other way to add one. An S3 access key opens none of them.

mod admission;
mod api;
mod health;
mod limits;
pub mod openapi;
mod problem;
pub mod routes;
mod service;
mod shape;
mod token;

use std::sync::Arc;

use postern_config::directory::Directory;
use postern_config::judge::Judge;
use postern_config::metering::Meter;
use postern_config::purge::Purges;
use postern_config::settings::{MetricsAccess, Person};
use postern_config::upkeep::Upkeep;
use postern_config::upstream::Upstream;
use postern_config::usage::Usage;

use service::creations::Creations;
use service::readings::Readings;

pub use problem::Problem;
pub use routes::{Permission, Route, router};
pub use token::{AdminToken, TokenError};

/// What the admin side works with.
#[derive(Clone, Debug)]
pub struct Admin {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    parts: AdminParts,
    creations: Creations,
    readings: Readings,
}

/// The parts of [`Admin`].
#[derive(Debug)]
pub struct AdminParts {
    /// Accounts, users, keys, modules.
    pub directory: Directory,
    /// Answers for the policies.
    pub judge: Arc<dyn Judge>,
    /// Answers for the work of the server.
    pub usage: Arc<dyn Usage>,
    /// Where the contents of buckets are.
    pub upstream: Arc<dyn Upstream>,
    /// The books of usage.
    pub meter: Arc<Meter>,
    /// Keeps the server: master key, backups, heads of the audit log.
    pub upkeep: Arc<dyn Upkeep>,
    /// Carries out deletions that take data along.
    pub purges: Arc<Purges>,
    /// Who holds it may do everything here.
    pub token: AdminToken,
    /// Who may, too, each by a token of his own.
    pub persons: Vec<Person>,
    /// Who may read the metrics.
    pub metrics: MetricsAccess,
    /// Largest module, in bytes.
    pub module_bytes_max: usize,
    /// Largest other body, in bytes.
    pub body_bytes_max: usize,
}

impl Admin {
    /// Puts the parts together.
    pub fn new(parts: AdminParts) -> Self {
        Self {
            inner: Arc::new(Inner {
                parts,
                creations: Creations::default(),
                readings: Readings::default(),
            }),
        }
    }

    /// Readings of the audit log that were written down lately.
    pub(crate) fn readings(&self) -> &Readings {
        &self.inner.readings
    }

    /// What was made under an `Idempotency-Key`.
    pub(crate) fn creations(&self) -> &Creations {
        &self.inner.creations
    }
}

impl std::ops::Deref for Admin {
    type Target = AdminParts;

    fn deref(&self) -> &AdminParts {
        &self.inner.parts
    }
}

/// The address of the peer; the listener puts it into the extensions of each request. Without it nobody is on the loopback interface.
#[derive(Clone, Copy, Debug)]
pub struct PeerAddress(pub std::net::IpAddr);
