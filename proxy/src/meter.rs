//! What keeps the books of usage: writes what was counted, and looks each hour at what is stored. Below it, what bounds use:
//! rates and quotas.

pub mod pace;
pub mod quota;

use std::sync::Arc;

use postern_config::directory::Directory;
use postern_config::limits::{METER_FLUSH_TIME, SAMPLE_GAP_HOURS_MAX};
use postern_config::metering::{Hour, LedgerError, Meter, Sample};
use s3_protocol::S3Code;
use storage_node::NodeError;
use tokio::time::MissedTickBehavior;

use crate::upstream::ObjectStore;

/// Keeps the books.
#[derive(Debug)]
pub(crate) struct Keeper {
    pub(crate) meter: Arc<Meter>,
    pub(crate) directory: Directory,
    pub(crate) node: ObjectStore,
}

impl Keeper {
    /// Writes once a second, until the server stops.
    pub(crate) async fn keep(self) {
        let mut ticks = tokio::time::interval(METER_FLUSH_TIME);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut fails, mut sampled) = (false, None);
        loop {
            ticks.tick().await;
            let flushed = self.blocking(Meter::flush).await;
            if let (Err(cause), false) = (&flushed, fails) {
                tracing::error!(alarm = true, %cause, "usage cannot be written: it is counted in memory");
            }
            fails = flushed.is_err();
            let now = Hour::of(self.meter.now());
            if sampled != Some(now) {
                match self.sample(now).await {
                    Ok(()) => sampled = Some(now),
                    Err(cause) => {
                        tracing::warn!(cause, "what is stored is not sampled; tried again")
                    }
                }
            }
        }
    }

    /// Writes what each bucket holds, where this hour has no sample yet, and forgets keys that are gone.
    async fn sample(&self, now: Hour) -> Result<(), String> {
        let said = |cause: LedgerError| cause.to_string();
        let before = self.blocking(|meter| meter.ledger().sampled()).await;
        if before.map_err(said)?.is_some_and(|hour| hour >= now) {
            return Ok(());
        }
        let state = self.directory.state();
        let mut samples = Vec::new();
        for bucket in state.every_bucket() {
            let stats = match self.node.bucket_stats(bucket.id).await {
                Ok(stats) => stats,
                Err(NodeError::Refused(refused)) if refused.code == S3Code::NoSuchBucket => {
                    continue;
                }
                Err(cause) => return Err(cause.to_string()),
            };
            samples.push(Sample {
                reseller: state.tenant(bucket.tenant).and_then(|it| it.parent),
                tenant: bucket.tenant,
                user: bucket.owner,
                bucket: bucket.id,
                bytes: stats.bytes,
                objects: stats.objects,
            });
        }
        let written = self.blocking(move |meter| {
            let ledger = meter.ledger();
            ledger.sample(&samples, now, SAMPLE_GAP_HOURS_MAX)?;
            ledger.forget_keys(|key| state.key(key).is_some())
        });
        written.await.map(drop).map_err(said)
    }

    /// Does what may wait for the disk where it may.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Meter) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let meter = Arc::clone(&self.meter);
        let done = tokio::task::spawn_blocking(move || work(&meter)).await;
        done.unwrap_or_else(|cause| Err(LedgerError::Store(Box::new(cause))))
    }
}
