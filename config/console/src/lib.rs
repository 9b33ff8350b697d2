//! The admin side: the admin API, the console's pages, health and metrics.
//!
//! [`router`] is served on the admin listener alone. Every route is declared in [`routes`], and what each of its operations needs in
//! [`needs`]; there is no other way to add one. An S3 access key opens none of them.

mod admission;
mod api;
mod caller;
mod health;
mod limits;
pub mod needs;
#[cfg(feature = "oidc")]
pub mod oidc;
pub mod openapi;
mod pages;
mod passkeys;
mod problem;
pub mod routes;
mod service;
mod sessions;
mod shape;
mod sso;
mod token;

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use postern_config::directory::{ApiTokenId, Directory};
use postern_config::identity::{Passwords, Throttle};
use postern_config::judge::Judge;
use postern_config::metering::Meter;
use postern_config::node::NodeCare;
use postern_config::objects::Objects;
use postern_config::purge::Purges;
use postern_config::settings::{Brand, MetricsAccess, Person};
use postern_config::upkeep::Upkeep;
use postern_config::upstream::Upstream;
use postern_config::usage::Usage;
use postern_config::{Entropy, Secret, UnixMillis};
use tokio::sync::{Semaphore, SemaphorePermit, watch};

use limits::{THROTTLED_NOTE_MS, TOKENS_REMEMBERED_MAX, UPLOADS_AT_ONCE_MAX};
use pages::brand::Brands;
use pages::look::Look;
use pages::texts::Catalogue;
use passkeys::Questions;
use service::creations::Creations;
use service::readings::Readings;
use sessions::Sessions;
use sso::Attempts;

pub use problem::Problem;
pub use routes::{Permission, Route, router};
pub use sso::{Errand, Identity, SignOn, SignOnFault};
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
    sessions: Sessions,
    attempts: Attempts,
    passkeys: Questions,
    catalogue: Catalogue,
    look: Look,
    brands: Brands,
    passwords: Passwords,
    throttle: Throttle,
    /// When tokens were used last. Guarded for the time of a look.
    uses: Mutex<HashMap<ApiTokenId, UnixMillis>>,
    /// When it was last written down that an address was turned away. Guarded for the time of a look.
    turned_away: Mutex<HashMap<String, UnixMillis>>,
    /// One at a time makes the first operator.
    set_up: tokio::sync::Mutex<()>,
    /// So many take what is uploaded at a time: each has a part of it in memory.
    uploads: Semaphore,
    /// The number of the latest audit record.
    audits: watch::Receiver<u64>,
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
    /// What is in buckets, asked as the holder of an access key.
    pub objects: Arc<dyn Objects>,
    /// Where the contents of buckets are.
    pub upstream: Arc<dyn Upstream>,
    /// The books of usage.
    pub meter: Arc<Meter>,
    /// Keeps the server: master key, backups, heads of the audit log.
    pub upkeep: Arc<dyn Upkeep>,
    /// Takes care of the object node.
    pub node: Arc<dyn NodeCare>,
    /// Carries out deletions that take data along.
    pub purges: Arc<Purges>,
    /// Where the S3 side is, as pages tell it.
    pub s3: S3Address,
    /// Who holds it may do everything here.
    pub token: AdminToken,
    /// Who may, too, each by a token of his own.
    pub persons: Vec<Person>,
    /// How the console shows itself on which host.
    pub brands: Vec<Brand>,
    /// Who may read the metrics.
    pub metrics: MetricsAccess,
    /// Largest module, in bytes.
    pub module_bytes_max: usize,
    /// Largest other body, in bytes.
    pub body_bytes_max: usize,
    /// What makes the first operator, where there is none at the start.
    pub first_run: Option<Secret>,
    /// Who else says who somebody is.
    pub sign_on: Option<Arc<dyn SignOn>>,
    /// Where sessions and salts come from.
    pub entropy: Entropy,
}

/// Where clients reach the S3 side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Address {
    /// Its origin, such as `https://localhost:9443`.
    pub endpoint: String,
    /// The region that clients sign for.
    pub region: String,
}

impl Admin {
    /// Puts the parts together.
    pub fn new(parts: AdminParts) -> Self {
        let (grows, audits) = watch::channel(0);
        parts.directory.subscribe(move |state| {
            grows.send_replace(state.audits());
        });
        Self {
            inner: Arc::new(Inner {
                audits,
                passwords: Passwords::new(parts.entropy.clone()),
                brands: Brands::new(&parts.brands),
                parts,
                creations: Creations::default(),
                readings: Readings::default(),
                sessions: Sessions::default(),
                attempts: Attempts::default(),
                passkeys: Questions::default(),
                catalogue: Catalogue::default(),
                look: Look::default(),
                throttle: Throttle::default(),
                uses: Mutex::default(),
                turned_away: Mutex::default(),
                set_up: tokio::sync::Mutex::default(),
                uploads: Semaphore::new(UPLOADS_AT_ONCE_MAX),
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

    /// Who has signed in.
    pub(crate) fn sessions(&self) -> &Sessions {
        &self.inner.sessions
    }

    /// Who is at the provider to sign in.
    pub(crate) fn attempts(&self) -> &Attempts {
        &self.inner.attempts
    }

    /// Which passkeys are asked for.
    pub(crate) fn passkeys(&self) -> &Questions {
        &self.inner.passkeys
    }

    /// What pages say in other languages.
    pub(crate) fn catalogue(&self) -> &Catalogue {
        &self.inner.catalogue
    }

    /// How pages look.
    pub(crate) fn look(&self) -> &Look {
        &self.inner.look
    }

    /// How the console shows itself on which host.
    pub(crate) fn brands(&self) -> &Brands {
        &self.inner.brands
    }

    /// Hashes passwords.
    pub(crate) fn passwords(&self) -> &Passwords {
        &self.inner.passwords
    }

    /// Counts who guesses.
    pub(crate) fn throttle(&self) -> &Throttle {
        &self.inner.throttle
    }

    /// Whoever holds it makes the first operator, and nobody else meanwhile.
    pub(crate) async fn set_up_turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.inner.set_up.lock().await
    }

    /// Whoever holds it takes what is uploaded.
    pub(crate) async fn upload_turn(&self) -> Option<SemaphorePermit<'_>> {
        // INVARIANT: it is never closed, so that everybody who waits gets a turn.
        self.inner.uploads.acquire().await.ok()
    }

    /// Tells when the audit log has grown.
    pub(crate) fn audit_growth(&self) -> watch::Receiver<u64> {
        self.inner.audits.clone()
    }

    /// A token was used.
    pub(crate) fn note_use(&self, token: ApiTokenId, now: UnixMillis) {
        remember(&mut self.inner.uses.lock(), token, now);
    }

    /// When a token was used last since the start.
    pub(crate) fn last_use(&self, token: ApiTokenId) -> Option<UnixMillis> {
        self.inner.uses.lock().get(&token).copied()
    }

    /// Whether it is worth a record that this address is turned away: the first of a minute is.
    pub(crate) fn is_worth_a_note(&self, whom: String, now: UnixMillis) -> bool {
        let mut book = self.inner.turned_away.lock();
        let last = book.get(&whom).copied();
        let is_worth = last.is_none_or(|last| now.0.saturating_sub(last.0) >= THROTTLED_NOTE_MS);
        if is_worth {
            remember(&mut book, whom, now);
        }
        is_worth
    }
}

/// Notes when something was seen last. Of too many the one that was seen longest ago is forgotten.
fn remember<K: std::hash::Hash + Eq + Clone>(
    book: &mut HashMap<K, UnixMillis>,
    what: K,
    now: UnixMillis,
) {
    if book.len() >= TOKENS_REMEMBERED_MAX && !book.contains_key(&what) {
        let oldest = book.iter().min_by_key(|(_, at)| **at);
        if let Some(oldest) = oldest.map(|(what, _)| what.clone()) {
            book.remove(&oldest);
        }
    }
    book.insert(what, now);
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
