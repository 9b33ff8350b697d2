//! How much may be stored: before a write its bytes are reserved under every quota that it would count for, and the reservation
//! is given back when the node has, or has not, stored them.
//!
//! What is stored is asked of the node, which counts exactly; reservations are read first, so that a write that is finished in
//! between is seen once or twice and never not at all. Together they never pass a quota, however many write at a time. A write
//! that takes the place of an object must fit beside it. Parts of an upload fit one by one, and count when the upload is
//! completed.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::quality::RandomState;
use parking_lot::Mutex;
use postern_config::directory::{Bucket, BucketState, Quota, QuotaOf, State};
use s3_protocol::{BucketId, S3Code};
use smallvec::SmallVec;
use storage_node::NodeError;

use crate::limits::{QUOTA_HOLD_TIME, QUOTAS_MAX};
use crate::upstream::ObjectStore;

/// Locks of those who reserve: one account waits for itself alone, nearly always.
const LOCKS: usize = 64;

/// What is reserved under each quota.
#[derive(Debug)]
pub(crate) struct Quotas {
    node: ObjectStore,
    held: Mutex<HashMap<QuotaOf, Arc<Held>, RandomState>>,
    /// Held from the look at what is stored to the reservation.
    turns: Vec<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct Held {
    bytes: AtomicU64,
    objects: AtomicU64,
}

/// What is, or would be, stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) bytes: u64,
    pub(crate) objects: u64,
}

/// A quota does not allow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverQuota {
    /// Whose it is.
    pub of: QuotaOf,
    /// `bytes` or `objects`.
    pub what: &'static str,
    /// How many may be stored.
    pub quota: u64,
    /// How many more were asked for.
    pub asked: u64,
}

/// Why nothing is reserved.
#[derive(Debug)]
pub(crate) enum Unreserved {
    Over(OverQuota),
    Node(NodeError),
}

/// Room that is kept for one write. It is given back when this is dropped: at once after [`Reservation::settled`], else after a
/// while, since the node may still store what was handed to it.
#[derive(Debug)]
pub(crate) struct Reservation {
    held: SmallVec<[Arc<Held>; 3]>,
    amount: Amount,
    settled: bool,
}

impl Quotas {
    pub(crate) fn new(node: ObjectStore) -> Self {
        Self {
            node,
            held: Mutex::default(),
            turns: std::iter::repeat_with(tokio::sync::Mutex::default)
                .take(LOCKS)
                .collect(),
        }
    }

    /// Whether any quota counts for what is in a bucket.
    pub(crate) fn any(state: &State, bucket: &Bucket) -> bool {
        quotas(state, bucket).next().is_some()
    }

    /// Reserves room in a bucket, under each quota that counts for it.
    pub(crate) async fn reserve(
        &self,
        state: &State,
        bucket: &Bucket,
        amount: Amount,
    ) -> Result<Reservation, Unreserved> {
        let turn = usize::try_from(bucket.tenant.get()).unwrap_or(0) % LOCKS;
        let _turn = match self.turns.get(turn) {
            Some(turn) => Some(turn.lock().await),
            None => None,
        };
        let mut held = SmallVec::new();
        for (of, quota) in quotas(state, bucket) {
            let under = self.held(of);
            let reserved = under.amount();
            let stored = self.stored(state, of).await.map_err(Unreserved::Node)?;
            let sum = reserved.and(stored).and(amount);
            let over = |what, quota, asked| {
                Unreserved::Over(OverQuota {
                    of,
                    what,
                    quota,
                    asked,
                })
            };
            if let Some(bytes) = quota
                .bytes
                .filter(|most| amount.bytes > 0 && sum.bytes > *most)
            {
                return Err(over("bytes", bytes, amount.bytes));
            }
            if let Some(objects) = quota
                .objects
                .filter(|most| amount.objects > 0 && sum.objects > *most)
            {
                return Err(over("objects", objects, amount.objects));
            }
            held.push(under);
        }
        for under in &held {
            let under: &Arc<Held> = under;
            under.bytes.fetch_add(amount.bytes, Ordering::SeqCst);
            under.objects.fetch_add(amount.objects, Ordering::SeqCst);
        }
        Ok(Reservation {
            held,
            amount,
            settled: false,
        })
    }

    /// What is stored of what a quota counts.
    pub(crate) async fn stored(&self, state: &State, of: QuotaOf) -> Result<Amount, NodeError> {
        let mut sum = Amount::default();
        for bucket in buckets(state, of) {
            match self.node.bucket_stats(bucket).await {
                Ok(stats) => {
                    sum = sum.and(Amount {
                        bytes: stats.bytes,
                        objects: stats.objects,
                    });
                }
                Err(NodeError::Refused(refused)) if refused.code == S3Code::NoSuchBucket => {}
                Err(cause) => return Err(cause),
            }
        }
        Ok(sum)
    }

    fn held(&self, of: QuotaOf) -> Arc<Held> {
        let mut all = self.held.lock();
        if all.len() >= QUOTAS_MAX && !all.contains_key(&of) {
            // What nobody holds is nothing.
            all.retain(|_, held| Arc::strong_count(held) > 1);
        }
        Arc::clone(all.entry(of).or_default())
    }
}

impl Held {
    fn amount(&self) -> Amount {
        Amount {
            bytes: self.bytes.load(Ordering::SeqCst),
            objects: self.objects.load(Ordering::SeqCst),
        }
    }
}

impl Amount {
    fn and(self, more: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(more.bytes),
            objects: self.objects.saturating_add(more.objects),
        }
    }
}

impl Reservation {
    /// How many bytes it keeps room for.
    pub(crate) const fn bytes(&self) -> u64 {
        self.amount.bytes
    }

    /// The node has answered: what it stored, it counts.
    pub(crate) fn settled(mut self) {
        self.settled = true;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let (held, amount) = (std::mem::take(&mut self.held), self.amount);
        if held.is_empty() {
            return;
        }
        let give_back = move || {
            for under in held {
                under.bytes.fetch_sub(amount.bytes, Ordering::SeqCst);
                under.objects.fetch_sub(amount.objects, Ordering::SeqCst);
            }
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) if !self.settled => {
                runtime.spawn(async move {
                    tokio::time::sleep(QUOTA_HOLD_TIME).await;
                    give_back();
                });
            }
            Ok(_) | Err(_) => give_back(),
        }
    }
}

/// The quotas that count for what is in a bucket: its own, its owner's, its account's.
fn quotas(state: &State, bucket: &Bucket) -> impl Iterator<Item = (QuotaOf, Quota)> {
    let user = state.user(bucket.owner).map(|user| user.quota);
    let tenant = state.tenant(bucket.tenant).map(|tenant| tenant.quota);
    [
        (QuotaOf::Bucket(bucket.id), Some(bucket.quota)),
        (QuotaOf::User(bucket.owner), user),
        (QuotaOf::Tenant(bucket.tenant), tenant),
    ]
    .into_iter()
    .filter_map(|(of, quota)| Some((of, quota?)))
    .filter(|(_, quota)| !quota.is_none())
}

/// The buckets that a quota counts.
fn buckets(state: &State, of: QuotaOf) -> Vec<BucketId> {
    match of {
        QuotaOf::Bucket(id) => vec![id],
        QuotaOf::User(id) => {
            let user = state.user(id);
            let namespace = user.and_then(|user| {
                let tenant = state.tenant(user.tenant)?;
                Some(user.namespace(tenant.profile))
            });
            let all = namespace.into_iter().flat_map(|it| state.buckets(it));
            let own = all.filter(|bucket| bucket.owner == id);
            own.map(|bucket| bucket.id).collect()
        }
        QuotaOf::Tenant(id) => {
            let tenant = state.tenant(id).into_iter();
            let all = tenant.flat_map(|tenant| state.buckets_in(tenant));
            let whole = all.filter(|bucket| bucket.state == BucketState::Active);
            whole.map(|bucket| bucket.id).collect()
        }
    }
}

/// What is meant, for the client.
pub(crate) const fn name(of: QuotaOf) -> &'static str {
    match of {
        QuotaOf::Tenant(_) => "tenant",
        QuotaOf::User(_) => "user",
        QuotaOf::Bucket(_) => "bucket",
    }
}
