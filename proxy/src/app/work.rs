//! How the server's work goes: what health, metrics and status are asked for.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use futures_util::future::BoxFuture;
use postern_config::directory::QuotaOf;
use postern_config::metering::Meter;
use postern_config::settings::Settings;
use postern_config::usage::{Ended, Readiness, Stored, Usage};
use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::build::{Built, host_of};
use crate::clock::Clock;
use crate::journey::Gate;
use crate::observe::{Observer, Reading};
use crate::upstream::ObjectStore;
use crate::world::Unloadable;

/// Where in its life the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    Starting,
    Ready,
    Draining,
}

/// Answers for the work of the server.
pub(super) struct Work {
    phase: AtomicU8,
    observer: Arc<Observer>,
    node: ObjectStore,
    gate: Arc<Gate>,
    clock: Clock,
    started_ms: u64,
    region: String,
    s3: String,
    admin: String,
}

impl Work {
    pub(super) fn new(
        built: &Built,
        settings: &Settings,
        s3: SocketAddr,
        admin: SocketAddr,
    ) -> Self {
        let url =
            |address: SocketAddr| format!("https://{}:{}", host_of(address.ip()), address.port());
        watch(built);
        Self {
            phase: AtomicU8::new(Phase::Starting as u8),
            observer: Arc::clone(&built.observer),
            node: built.node.clone(),
            gate: Arc::clone(&built.gate),
            clock: built.clock.clone(),
            started_ms: built.clock.now_ms(),
            region: settings.s3.region.as_str().to_owned(),
            s3: url(s3),
            admin: url(admin),
        }
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::SeqCst);
    }

    fn phase(&self) -> Phase {
        match self.phase.load(Ordering::SeqCst) {
            0 => Phase::Starting,
            1 => Phase::Ready,
            _ => Phase::Draining,
        }
    }

    /// The modules at work that cannot be loaded: what they should judge is refused.
    fn unloadable(&self) -> Vec<Value> {
        let state = self.gate.directory().state();
        let shown =
            |it: Unloadable| json!({ "name": it.name, "digest": it.digest, "cause": it.cause });
        let unloadable = self.gate.library.unloadable(&state);
        unloadable.into_iter().map(shown).collect()
    }

    pub(super) fn s3_url(&self) -> &str {
        &self.s3
    }

    pub(super) fn admin_url(&self) -> &str {
        &self.admin
    }
}

impl Usage for Work {
    fn requests(&self) -> broadcast::Receiver<Arc<Ended>> {
        self.gate.observer.requests()
    }

    fn readiness(&self) -> Readiness {
        let not = |reason: &str| Readiness::NotReady {
            reason: reason.to_owned(),
        };
        match self.phase() {
            Phase::Starting => not("starting"),
            Phase::Draining => not("draining"),
            // A node that cannot write still serves reads: the edge is ready. Without one it serves nothing.
            Phase::Ready if self.node.away().is_some() => not("the object node cannot be reached"),
            Phase::Ready => Readiness::Ready,
        }
    }

    fn stored(&self, of: QuotaOf) -> BoxFuture<'_, Option<Stored>> {
        Box::pin(async move {
            let state = self.gate.directory().state();
            let amount = self.gate.quotas.stored(&state, of).await.ok()?;
            Some(Stored {
                bytes: amount.bytes,
                objects: amount.objects,
            })
        })
    }

    fn metrics(&self) -> String {
        self.observer.metrics().scrape()
    }

    fn status(&self) -> Value {
        let node = self.node.stats();
        let phase = match self.phase() {
            Phase::Starting => "starting",
            Phase::Ready => "ready",
            Phase::Draining => "draining",
        };
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "state": phase,
            "uptime_seconds": self.clock.now_ms().saturating_sub(self.started_ms) / 1_000,
            "region": self.region,
            "s3": self.s3,
            "admin": self.admin,
            "modules": { "unloadable": self.unloadable() },
            "node": {
                "volumes": node.volumes,
                "log_bytes": node.log_bytes,
                "garbage_bytes": node.garbage_bytes,
                "read_only": node.read_only,
                "damage": node.damage,
                "address": self.node.address(),
                "away": self.node.away(),
            },
        })
    }
}

/// The numbers of node and policies among the metrics.
fn watch(built: &Built) {
    let metrics = built.observer.metrics();
    let node = built.node.clone();
    metrics.watch(move || {
        let s = node.stats();
        vec![
            Reading::gauge(
                "node_log_bytes",
                "Bytes of the object node's log",
                s.log_bytes,
            ),
            Reading::gauge("node_garbage_bytes", "Of them without use", s.garbage_bytes),
            Reading::gauge(
                "node_overlay_bytes",
                "Waiting for the index",
                s.overlay_bytes as u64,
            ),
            Reading::gauge(
                "node_read_only",
                "1 while writes are refused",
                u64::from(s.read_only),
            ),
            Reading::gauge(
                "node_away",
                "1 while the object node is on another machine and cannot be reached",
                u64::from(node.away().is_some()),
            ),
        ]
    });
    let meter = Arc::clone(&built.meter);
    metrics.watch(move || metered(&meter));
    let keeper = Arc::clone(&built.keeper);
    metrics.watch(move || keeper.readings());
    let (tending, node) = (built.tending.clone(), built.node.clone());
    metrics.watch(move || tending.readings(&node));
    let gate = Arc::clone(&built.gate);
    metrics.watch(move || modules(&gate));
    let gate = Arc::clone(&built.gate);
    metrics.watch(move || compiled(&gate));
    let gate = Arc::clone(&built.gate);
    metrics.watch(move || {
        let s = gate.decider.statistics();
        let fetches = gate.fetches.load(Ordering::Relaxed);
        vec![
            Reading::counter("decisions", "Checks that were decided", s.decisions),
            Reading::counter("tree_hits", "Layers that a tree knew", s.hits),
            Reading::counter(
                "tree_misses",
                "Layers that no tree of the thread knew",
                s.misses,
            ),
            Reading::counter("tree_replacements", "Trees that were full", s.replaced),
            Reading::counter("module_evaluations", "Runs of modules", s.evaluations),
            Reading::counter("module_traps", "Runs that gave no answer", s.faults),
            Reading::gauge(
                "modules_fickle",
                "Modules that are not deterministic",
                s.fickle,
            ),
            Reading::counter(
                "object_fetches",
                "Stored objects that a policy wanted to know of",
                fetches,
            ),
            Reading::gauge("trees", "Trees that are kept", s.trees.trees),
            Reading::gauge("tree_questions", "Questions in them", s.trees.nodes),
            Reading::gauge("tree_bytes", "Their weight, about", s.trees.bytes),
        ]
    });
}

/// How the books of usage are kept.
fn metered(meter: &Meter) -> Vec<Reading> {
    let s = meter.numbers();
    vec![
        Reading::counter("usage_writes", "Times that usage was written", s.flushes),
        Reading::counter("usage_write_failures", "Of them, failures", s.failures),
        Reading::counter(
            "usage_coarse_requests",
            "Requests that are billed to an account alone, since there were too many rows",
            s.coarse,
        ),
    ]
}

/// How modules came to be loaded.
fn compiled(gate: &Gate) -> Vec<Reading> {
    let s = gate.library.engine.statistics();
    vec![
        Reading::counter("modules_compiled", "Modules that were compiled", s.compiled),
        Reading::counter(
            "modules_found_compiled",
            "Modules whose machine code was kept",
            s.found,
        ),
        Reading::counter(
            "machine_code_rejected",
            "Files of machine code that were not ours, not whole, or another engine's",
            s.rejected,
        ),
        Reading::counter(
            "modules_not_compilable",
            "Modules that passed a bound of the compiler, or broke it",
            s.refused,
        ),
        Reading::counter(
            "modules_turned_away",
            "Modules that were not compiled because too many others were",
            s.turned_away,
        ),
        Reading::gauge("modules_in_memory", "Compiled modules in memory", s.modules),
        Reading::gauge(
            "machine_code_bytes",
            "Their machine code in memory",
            s.code_bytes,
        ),
    ]
}

/// The numbers of the modules' lives.
fn modules(gate: &Gate) -> Vec<Reading> {
    let trials = &gate.library.trials;
    let get = |number: &AtomicU64| number.load(Ordering::Relaxed);
    let [checks, differing, unanswered] = &trials.shadowed;
    let unloadable = gate.library.unloadable(&gate.directory().state()).len();
    vec![
        Reading::gauge(
            "modules_unloadable",
            "Modules at work that cannot be loaded",
            unloadable as u64,
        ),
        Reading::counter(
            "module_alarms",
            "Alarms of modules that gave no answer",
            get(&trials.alarmed),
        ),
        Reading::counter(
            "module_reverts",
            "Versions that were taken back by themselves",
            get(&trials.reverted),
        ),
        Reading::counter(
            "shadow_checks",
            "Checks that a shadow was asked about",
            get(checks),
        ),
        Reading::counter(
            "shadow_differences",
            "Of them, those it said something else to",
            get(differing),
        ),
        Reading::counter(
            "shadow_unanswered",
            "Of them, those it did not answer",
            get(unanswered),
        ),
    ]
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work")
            .field("phase", &self.phase())
            .finish_non_exhaustive()
    }
}
