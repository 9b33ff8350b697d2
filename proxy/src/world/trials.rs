//! What is seen of modules on live traffic: how a shadow differs from what is obeyed, and how often a version that is watched
//! does not answer. It outlives each world, so that counts go on when something else changes.

mod shadow;
mod watch;

pub use shadow::ShadowTally;
pub(crate) use shadow::{Effect, Sighting};
pub use watch::{Failing, Watch};

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use policy_wasm::plan::{Layer, LayerPlace};
use postern_config::UnixSeconds;
use postern_config::directory::{Binding, Digest, ModuleScope, Name};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::limits::{ALARM_TIME, TRIALS_MAX};

/// Failing versions that wait to be taken back; each is told once.
const FAILING_MAX: usize = 64;

/// What is seen of modules on live traffic.
pub struct Trials {
    /// How long after its activation a version is watched.
    watch_time: Duration,
    clock: Clock,
    /// Guards the map alone; what is counted is in its values.
    known: Mutex<HashMap<TrialKey, Kept>>,
    /// When each module last raised an alarm. Looked at where a module did not answer, and nowhere else.
    alarms: Mutex<HashMap<Digest, u64>>,
    tell: mpsc::Sender<Failing>,
    heard: Mutex<Option<mpsc::Receiver<Failing>>>,
    /// Alarms that were raised.
    pub(crate) alarmed: AtomicU64,
    /// Versions that were taken back.
    pub(crate) reverted: AtomicU64,
    /// Checks that a shadow was asked about, those it said something else to, those it did not answer.
    pub(crate) shadowed: [AtomicU64; 3],
}

/// A trial begins anew when it is asked for anew.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct TrialKey {
    scope: ModuleScope,
    name: Box<str>,
    digest: Digest,
    since: UnixSeconds,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum What {
    Shadow,
    Canary,
    Active,
}

#[derive(Clone)]
enum Kept {
    Shadow(Arc<ShadowTally>),
    Watch(Arc<Watch>),
}

/// The trials of one plan.
#[derive(Debug, Default)]
pub struct PlanTrials {
    /// Asked after each decision, and never obeyed.
    pub shadows: Vec<PlanShadow>,
    /// Layers whose answers are counted.
    pub watches: Vec<(LayerPlace, Arc<Watch>)>,
}

/// A shadow in a plan.
#[derive(Debug)]
pub struct PlanShadow {
    /// The layer that it would take the place of; none where nothing of its name is in force.
    pub active: Option<LayerPlace>,
    /// Itself.
    pub layer: Layer,
    /// What is seen of it.
    pub tally: Arc<ShadowTally>,
}

impl Trials {
    pub(super) fn new(watch_time: Duration, clock: Clock) -> Self {
        let (tell, heard) = mpsc::channel(FAILING_MAX);
        Self {
            watch_time,
            clock,
            known: Mutex::default(),
            alarms: Mutex::default(),
            tell,
            heard: Mutex::new(Some(heard)),
            alarmed: AtomicU64::new(0),
            reverted: AtomicU64::new(0),
            shadowed: Default::default(),
        }
    }

    /// The tally of a binding's shadow.
    pub(super) fn shadow(&self, binding: &Binding) -> Option<Arc<ShadowTally>> {
        let shadow = binding.shadow?;
        let key = key(binding, shadow.digest, shadow.since, What::Shadow);
        match self.keep(key, || Kept::Shadow(Arc::default())) {
            Kept::Shadow(tally) => Some(tally),
            Kept::Watch(_) => None,
        }
    }

    /// The watch over a binding's canary.
    pub(super) fn canary(&self, binding: &Binding) -> Option<Arc<Watch>> {
        let canary = binding.canary?;
        let key = key(binding, canary.digest, canary.since, What::Canary);
        self.watch(key, &binding.name, u64::MAX)
    }

    /// The watch over what a binding has in force, from its activation on for a while.
    pub(super) fn active(&self, binding: &Binding) -> Option<Arc<Watch>> {
        let (digest, since) = (binding.active?, binding.since?);
        let time = u64::try_from(self.watch_time.as_millis()).unwrap_or(u64::MAX);
        let until = since.0.saturating_mul(1_000).saturating_add(time);
        // A plan that is made after its time has nothing to count.
        if self.clock.now_ms() >= until {
            return None;
        }
        self.watch(
            key(binding, digest, since, What::Active),
            &binding.name,
            until,
        )
    }

    fn watch(&self, key: TrialKey, name: &Name, until_ms: u64) -> Option<Arc<Watch>> {
        let (scope, digest) = (key.scope, key.digest);
        let failing = Failing::new(scope, name.clone(), digest);
        match self.keep(key, || Kept::Watch(Arc::new(Watch::new(failing, until_ms)))) {
            Kept::Watch(watch) => Some(watch),
            Kept::Shadow(_) => None,
        }
    }

    /// Forgets the watches whose time is over; whether there were any, so that plans still count for nothing.
    pub(crate) fn lapse(&self) -> bool {
        let now_ms = self.clock.now_ms();
        let mut known = self.known.lock();
        let before = known.len();
        known.retain(|_, kept| match kept {
            Kept::Watch(watch) => watch.lasts(now_ms),
            Kept::Shadow(_) => true,
        });
        known.len() < before
    }

    fn keep(&self, key: TrialKey, make: impl FnOnce() -> Kept) -> Kept {
        let mut known = self.known.lock();
        if known.len() >= TRIALS_MAX && !known.contains_key(&key) {
            // Those that no plan holds are over.
            known.retain(|_, kept| kept.is_held());
        }
        known.entry(key).or_insert_with(make).clone()
    }

    /// Reports a version that is to be taken back. Where too many wait, it is told again by its next failure.
    pub(crate) fn tell(&self, watch: &Watch, failing: Failing) {
        if self.tell.try_send(failing).is_err() {
            watch.again();
        }
    }

    /// What is told; whoever asks first hears it.
    pub(crate) fn listen(&self) -> Option<mpsc::Receiver<Failing>> {
        self.heard.lock().take()
    }

    /// Lets a version be told of once more: taking it back did not work out for reasons that pass.
    pub(crate) fn forgive(&self, failing: &Failing) {
        for kept in self.known.lock().values() {
            if let Kept::Watch(watch) = kept
                && watch.is_of(failing)
            {
                watch.again();
            }
        }
    }

    /// A module in force gave no answer. It is said at most once in a while for each.
    pub(crate) fn alarm(&self, layer: &Layer, cause: &dyn fmt::Display, now_ms: u64) {
        let digest = Digest::from(*layer.module.digest().as_bytes());
        let wait = u64::try_from(ALARM_TIME.as_millis()).unwrap_or(u64::MAX);
        let mut alarms = self.alarms.lock();
        let last = alarms.get(&digest).copied();
        // A clock that stepped back must not silence it.
        if last.is_some_and(|last| (last..last.saturating_add(wait)).contains(&now_ms)) {
            return;
        }
        if alarms.len() >= TRIALS_MAX {
            alarms.clear();
        }
        alarms.insert(digest, now_ms);
        drop(alarms);
        self.alarmed.fetch_add(1, Ordering::Relaxed);
        tracing::error!(
            alarm = true, module.name = &*layer.name, module.digest = %digest, %cause,
            "a module in force gives no answer: what it should judge is refused with 503"
        );
    }

    /// Everything that is seen of a binding.
    pub(crate) fn report(&self, binding: &Binding) -> Value {
        let known = self.known.lock();
        let find = |digest, since, what| known.get(&key(binding, digest, since, what));
        let shadow = binding.shadow.map(|shadow| {
            let seen = match find(shadow.digest, shadow.since, What::Shadow) {
                Some(Kept::Shadow(tally)) => tally.report(),
                Some(Kept::Watch(_)) | None => ShadowTally::default().report(),
            };
            json!({ "digest": shadow.digest, "since": shadow.since, "seen": seen })
        });
        let watched = |digest, since, what| match find(digest, since, what) {
            Some(Kept::Watch(watch)) => watch.report(),
            Some(Kept::Shadow(_)) | None => Value::Null,
        };
        let canary = binding.canary.map(|canary| {
            let seen = watched(canary.digest, canary.since, What::Canary);
            json!({
                "digest": canary.digest, "since": canary.since,
                "per_mille": canary.per_mille, "seen": seen,
            })
        });
        let active = binding.active.map(|digest| {
            let seen = binding
                .since
                .map(|since| watched(digest, since, What::Active));
            json!({ "digest": digest, "since": binding.since, "seen": seen })
        });
        json!({ "active": active, "shadow": shadow, "canary": canary })
    }
}

impl Kept {
    fn is_held(&self) -> bool {
        match self {
            Self::Shadow(tally) => Arc::strong_count(tally) > 1,
            Self::Watch(watch) => Arc::strong_count(watch) > 1,
        }
    }
}

fn key(binding: &Binding, digest: Digest, since: UnixSeconds, what: What) -> TrialKey {
    TrialKey {
        scope: binding.scope,
        name: binding.name.as_str().to_ascii_lowercase().into(),
        digest,
        since,
        what,
    }
}

impl fmt::Debug for Trials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trials")
            .field("watch_time", &self.watch_time)
            .finish_non_exhaustive()
    }
}
