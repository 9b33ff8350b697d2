//! A copy of the object node's volumes off this machine, kept up with what is flushed here.
//!
//! Volumes are cut into segments of equal length, and what is flushed never changes: a segment is sent when it is new, and the last of
//! a volume again as it grows. When everything up to a moment is there, the manifest says so, in one write: whoever recovers takes what
//! the manifest names, and nothing else that lies about. Nothing here waits for the copy: where the place is away, it lags, and says so.

mod manifest;
pub(super) mod recover;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use postern_config::node::CopyState;
use postern_config::settings::ShipSettings;
use storage_node::{Node, NodeError, Rate, VolumeEnd, VolumeHold};
use uuid::Uuid;

pub(crate) use self::manifest::{Manifest, SEGMENT_BYTES, ShippedVolume, Whole, manifest_of};
use super::depot::Depot;
use crate::clock::Clock;
use crate::observe::Reading;
use crate::upstream::CopyCounts;

/// Keeps the copy.
#[derive(Debug)]
pub(crate) struct Shipper {
    node: Node,
    depot: Option<Depot>,
    every: Duration,
    late: Duration,
    rate: Rate,
    clock: Clock,
    /// Tells this run of the server from every other that may send to the same place.
    writer: Uuid,
    /// The lock is held for a turn: one goes on at a time.
    there: tokio::sync::Mutex<There>,
    /// The lock is held while numbers are read or written.
    progress: Mutex<Progress>,
    sent_bytes: AtomicU64,
    failures: AtomicU64,
}

/// What is known of the place.
#[derive(Debug, Default)]
struct There {
    /// Its manifest; none: it was not looked at since something failed.
    manifest: Option<Manifest>,
    /// How much of each volume this run has sent: more than the manifest says where a turn failed.
    sent: BTreeMap<Uuid, u64>,
    /// Why nothing is sent there any more, until somebody has looked and the server starts again.
    lost: Option<String>,
}

/// How far the copy is.
#[derive(Clone, Debug, Default)]
struct Progress {
    /// The volumes of the last manifest.
    volumes: Vec<ShippedVolume>,
    /// When the first record was flushed, at the latest, that is not there; none where all are.
    behind_since_ms: Option<u64>,
    fault: Option<String>,
    is_alarmed: bool,
}

/// Why a turn came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShipFault {
    /// There is no copy.
    #[error("there is no place for a copy: `ship.to` names one")]
    NoPlace,
    /// The place did not take or give something.
    #[error("`{name}`: {why}")]
    Place {
        /// What it was to take or give.
        name: String,
        /// What it said.
        why: String,
    },
    /// What is there is not what this node has sent.
    #[error("{0}")]
    Another(String),
    /// The node could not read.
    #[error(transparent)]
    Node(#[from] NodeError),
}

impl Shipper {
    pub(crate) fn new(node: Node, ship: &ShipSettings, clock: Clock) -> Self {
        let depot = |to| Depot::new(to, ship.pass.as_ref(), ship.ca.as_deref(), clock.clone());
        Self {
            depot: ship.to.as_ref().map(depot),
            node,
            every: ship.every,
            late: ship.late,
            rate: Rate(Some(ship.bytes_per_second)),
            writer: Uuid::new_v4(),
            there: tokio::sync::Mutex::default(),
            progress: Mutex::default(),
            sent_bytes: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            clock,
        }
    }

    /// Sends what is new, again and again. It runs until the server stops.
    pub(crate) async fn run(&self) {
        if self.depot.is_none() {
            return;
        }
        let mut ticks = tokio::time::interval(self.every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            // What went wrong is told and counted; the next turn tries again.
            drop(self.turn().await);
        }
    }

    /// Sends everything that is flushed now, and answers with what the copy has then.
    pub(crate) async fn turn(&self) -> Result<Whole, ShipFault> {
        let depot = self.depot.as_ref().ok_or(ShipFault::NoPlace)?;
        let mut there = self.there.lock().await;
        let began_ms = self.clock.now_ms();
        let done = self.bring(depot, &mut there).await;
        if done.is_err() {
            // The last write may have come to pass or not: what is there is looked at again.
            there.manifest = None;
        }
        match &done {
            Ok(whole) => self.note(whole, began_ms),
            Err(fault) => self.note_fault(depot, fault, began_ms),
        }
        done
    }

    async fn bring(&self, depot: &Depot, there: &mut There) -> Result<Whole, ShipFault> {
        if let Some(why) = &there.lost {
            return Err(ShipFault::Another(why.clone()));
        }
        // Every record up to this one is in these volumes, before the ends that are read after it.
        let last_lsn = self.node.stats().last_lsn;
        let hold = self.node.hold_volumes();
        let mut ends = self.node.volume_ends();
        ends.retain(|end| hold.numbers().contains(&end.number));
        let whole = Whole::of(last_lsn, &ends);

        let found = manifest_of(depot, self.node.id()).await?;
        let mine = match (&there.manifest, &found) {
            (Some(known), Some(found)) => known.is_of(found),
            (Some(_), None) => Err("holds no manifest any more".to_owned()),
            (None, Some(found)) if found.writer == self.writer => Ok(()),
            (None, Some(found)) => found.may_be_followed_by(&whole),
            (None, None) => Ok(()),
        };
        if let Err(why) = mine {
            let why = format!("`{depot}` {why}");
            there.lost = Some(why.clone());
            return Err(ShipFault::Another(why));
        }
        let mut known = found.unwrap_or_else(|| Manifest::empty(self.node.id()));
        if known.whole != whole || !known.leftovers.is_empty() {
            let (sent, how) = (&mut there.sent, (hold, whole.clone()));
            known = self.send(depot, known, sent, (&ends, how)).await?;
        }
        there.sent.clear();
        there.manifest = Some(known);
        Ok(whole)
    }

    /// Brings the place from what it has to `whole`.
    async fn send(
        &self,
        depot: &Depot,
        mut known: Manifest,
        sent: &mut BTreeMap<Uuid, u64>,
        (ends, (hold, whole)): (&[VolumeEnd], (VolumeHold, Whole)),
    ) -> Result<Manifest, ShipFault> {
        let mut hold = Some(hold);
        let begun = known.beginning(&whole);
        if known.writer != self.writer || begun != known.leftovers {
            // Segments lie there from now on that nothing names: this does, so that they are never forgotten.
            known.leftovers = begun;
            self.write(depot, &mut known).await?;
        }
        let ring = self.node.ring_bytes().await?;
        for end in ends {
            let volume = ShippedVolume::of(end);
            let here = sent.entry(volume.uuid).or_default();
            *here = (*here).max(known.shipped_bytes(&volume));
            self.send_volume(depot, here, (end, volume), &mut hold)
                .await?;
        }
        known.leftovers = known.left_by(&whole);
        known.whole = whole;
        known.ring = ring.map(hex::encode);
        self.write(depot, &mut known).await?;
        // Nobody who reads this manifest asks for them. It names them until the next one is written.
        for gone in &known.leftovers {
            for segment in 0..gone.segments() {
                let name = gone.segment(self.node.id(), segment);
                let deleted = depot.delete(&name).await;
                deleted.map_err(|why| ShipFault::Place { name, why })?;
            }
        }
        known.leftovers.clear();
        Ok(known)
    }

    /// Sends the segments of a volume that are not there, the last that was not full once more. `here`: bytes that are.
    async fn send_volume(
        &self,
        depot: &Depot,
        here: &mut u64,
        (end, volume): (&VolumeEnd, ShippedVolume),
        hold: &mut Option<VolumeHold>,
    ) -> Result<(), ShipFault> {
        if *here >= volume.bytes {
            return Ok(());
        }
        for segment in *here / SEGMENT_BYTES..volume.segments() {
            if matches!(self.node.ready_for_writes(), Err(NodeError::Full)) {
                // Writes wait for the space of what is held. Where a volume goes meanwhile, the next turn sends what took its place.
                *hold = None;
            }
            let offset = segment * SEGMENT_BYTES;
            let length = SEGMENT_BYTES.min(volume.bytes - offset);
            let wanted = usize::try_from(length).unwrap_or(usize::MAX);
            let bytes = self.node.read_volume(end, offset, wanted).await?;
            if bytes.len() != wanted {
                let why = format!("volume {} ends before it should", end.number);
                return Err(NodeError::Read(why).into());
            }
            let name = volume.segment(self.node.id(), segment);
            let put = depot.put(&name, bytes).await;
            put.map_err(|why| ShipFault::Place { name, why })?;
            *here = offset + length;
            self.sent_bytes.fetch_add(length, Ordering::Relaxed);
            self.rate.spend(length).await;
        }
        Ok(())
    }

    /// Writes the manifest as this run's next.
    async fn write(&self, depot: &Depot, manifest: &mut Manifest) -> Result<(), ShipFault> {
        manifest.writer = self.writer;
        manifest.turn += 1;
        manifest.made_ms = self.clock.now_ms();
        let (name, text) = manifest.written()?;
        let put = depot.put(&name, text).await;
        put.map_err(|why| ShipFault::Place { name, why })
    }

    fn note(&self, whole: &Whole, began_ms: u64) {
        let now = Whole::of(0, &self.node.volume_ends());
        *self.progress.lock() = Progress {
            behind_since_ms: (now.volumes != whole.volumes).then_some(began_ms),
            volumes: whole.volumes.clone(),
            ..Progress::default()
        };
    }

    fn note_fault(&self, depot: &Depot, fault: &ShipFault, began_ms: u64) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        let mut progress = self.progress.lock();
        progress.behind_since_ms.get_or_insert(began_ms);
        let lag = self.lag_ms(&progress);
        let is_late = u128::from(lag) > self.late.as_millis();
        let is_lost = matches!(fault, ShipFault::Another(_));
        let fault = fault.to_string();
        if (is_late || is_lost) && !progress.is_alarmed {
            tracing::error!(
                alarm = true, place = %depot, fault, lag_ms = lag,
                "the copy of the object node's volumes is not kept up"
            );
            progress.is_alarmed = true;
        } else if progress.fault.as_deref() != Some(&*fault) {
            tracing::warn!(place = %depot, fault, "volumes were not taken");
        }
        progress.fault = Some(fault);
    }

    fn lag_ms(&self, progress: &Progress) -> u64 {
        let since = progress.behind_since_ms;
        since.map_or(0, |since| self.clock.now_ms().saturating_sub(since))
    }

    /// How far the copy is; none where there is none.
    pub(crate) fn state(&self) -> Option<CopyState> {
        let depot = self.depot.as_ref()?;
        let progress = self.progress.lock().clone();
        let now = Whole::of(0, &self.node.volume_ends());
        let there = |volume: &ShippedVolume| {
            let same = progress.volumes.iter().find(|it| it.uuid == volume.uuid);
            same.map_or(0, |it| it.bytes)
        };
        let missing = |volume: &ShippedVolume| volume.bytes.saturating_sub(there(volume));
        Some(CopyState {
            place: depot.to_string(),
            lag_seconds: self.lag_ms(&progress) / 1_000,
            lag_bytes: now.volumes.iter().map(missing).sum(),
            fault: progress.fault,
        })
    }

    /// How the copy is kept up; none: there is none.
    pub(crate) fn counts(&self) -> Option<CopyCounts> {
        let state = self.state()?;
        Some(CopyCounts {
            lag_seconds: state.lag_seconds,
            lag_bytes: state.lag_bytes,
            sent_bytes: self.sent_bytes.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
        })
    }
}

/// Its numbers among the metrics.
pub(super) fn readings(counts: CopyCounts) -> Vec<Reading> {
    vec![
        Reading::gauge(
            "node_copy_lag_seconds",
            "How long the copy of the object node's volumes lacks something",
            counts.lag_seconds,
        ),
        Reading::gauge(
            "node_copy_lag_bytes",
            "Bytes of the object node's volumes that the copy lacks",
            counts.lag_bytes,
        ),
        Reading::counter(
            "node_copy_sent_bytes",
            "Bytes of volumes that were sent to the copy",
            counts.sent_bytes,
        ),
        Reading::counter(
            "node_copy_failures",
            "Turns after which the copy was not whole",
            counts.failures,
        ),
    ]
}
