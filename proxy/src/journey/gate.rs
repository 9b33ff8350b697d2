//! The gate: what every request shares. It is built once and never changed; what changes is the world in it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use policy_wasm::decider::Decider;
use postern_config::directory::{Actor, Command, CommandError, Directory, State};
use s3_protocol::host::Domains;
use sigv4::{Expectation, Sessions};

use super::authenticate::StandIn;
use crate::clock::Clock;
use crate::judge::Recall;
use crate::limits::RELOAD_TIME;
use crate::meter::pace::Paces;
use crate::meter::quota::Quotas;
use crate::observe::Observer;
use crate::record::Recorder;
use crate::upstream::ObjectStore;
use crate::world::{Failing, Library, World};

/// How often time passes for an evaluation. Source: the engine ends one after a few of these, where its fuel did not.
const EPOCH: Duration = Duration::from_millis(10);
/// Epochs between two tidyings of the decision cache: one second.
const TICKS_BETWEEN_TIDYING: u32 = 100;

/// What every request shares.
pub struct Gate {
    pub(crate) world: ArcSwap<World>,
    pub(crate) library: Arc<Library>,
    pub(crate) decider: Decider,
    pub(crate) node: ObjectStore,
    pub(crate) observer: Arc<Observer>,
    pub(crate) clock: Clock,
    pub(crate) place: Place,
    pub(crate) recall: Recall,
    /// How often the node was asked about a stored object because a policy wanted to know.
    pub(crate) fetches: AtomicU64,
    /// Writes what is judged, where the settings want it.
    pub(crate) recorder: Option<Recorder>,
    pub(crate) stand_in: StandIn,
    pub(crate) paces: Paces,
    pub(crate) quotas: Quotas,
    /// Since when rates are kept.
    pub(crate) started: Instant,
}

/// What a gate is built from.
#[derive(Debug)]
pub struct GateParts {
    /// What outlives each world.
    pub library: Arc<Library>,
    /// The decision cache.
    pub decider: Decider,
    /// Where objects are.
    pub node: ObjectStore,
    /// Where entries go.
    pub observer: Arc<Observer>,
    /// What time it is.
    pub clock: Clock,
    /// Where the gate stands.
    pub place: Place,
    /// Writes what is judged; none where nothing is recorded.
    pub record: Option<Recorder>,
}

/// Where the gate stands: what requests must be signed for, and the names by which it is called.
#[derive(Clone, Debug)]
pub struct Place {
    /// The region.
    pub region: String,
    /// Other names of it.
    pub aliases: Vec<String>,
    /// The domains under which buckets are hosts.
    pub domains: Domains,
    /// The same as texts: no account has them, or what lies below them, for its own.
    pub hosts: Vec<String>,
}

impl Gate {
    /// A gate that sees the directory as it is now; [`Gate::publish`] shows it the next state.
    pub fn new(parts: GateParts, state: Arc<State>) -> Self {
        let GateParts {
            library,
            decider,
            node,
            observer,
            clock,
            place,
            record,
        } = parts;
        Self {
            world: ArcSwap::from_pointee(World::of(state)),
            paces: Paces::default(),
            quotas: Quotas::new(node.clone()),
            started: Instant::now(),
            library,
            decider,
            node,
            observer,
            clock,
            place,
            recall: Recall::default(),
            fetches: AtomicU64::new(0),
            recorder: record,
            stand_in: StandIn::new(),
        }
    }

    /// The world of now. A request asks once.
    pub fn world(&self) -> Arc<World> {
        self.world.load_full()
    }

    /// Shows the gate another state of the directory. Requests that begin after this returns see it.
    pub fn publish(&self, state: Arc<State>) {
        self.world.store(Arc::new(World::of(state)));
    }

    /// Settles what the last stop left: loads the modules at work, and finishes buckets that were half made or half removed.
    ///
    /// # Errors
    /// What could not be settled, and why.
    pub async fn settle(&self) -> Result<(), String> {
        self.library.prepare(&self.directory().state()).await;
        super::forward::finish_half_done(self.directory(), &self.node).await
    }

    /// Lets time pass for policies, and drops what their cache has let go. It runs until the gate stops.
    pub async fn keep(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(EPOCH);
        let mut passed = 0_u32;
        loop {
            ticks.tick().await;
            self.library.engine.tick();
            passed = passed.wrapping_add(1);
            if passed.is_multiple_of(TICKS_BETWEEN_TIDYING) {
                self.decider.tidy();
            }
        }
    }

    /// Takes back versions that do not answer, and tries again those that cannot be loaded. It runs until the gate stops.
    pub async fn guard(self: Arc<Self>) {
        let Some(mut failing) = self.library.trials.listen() else {
            return;
        };
        let mut ticks = tokio::time::interval(RELOAD_TIME);
        loop {
            tokio::select! {
                Some(failing) = failing.recv() => self.revert(&failing).await,
                _ = ticks.tick() => self.reload().await,
            }
        }
    }

    /// Takes a version back, to one that works.
    async fn revert(&self, failing: &Failing) {
        let Failing {
            scope,
            name,
            digest,
            failures,
        } = failing;
        let state = self.directory().state();
        let binding = state.binding(*scope, name);
        let before = binding
            .filter(|it| it.active == Some(*digest))
            .and_then(|it| Some((it, *it.history.last()?)));
        let ready = match before {
            Some((binding, before)) => {
                let fetched = self.library.fetch(&state, binding, before).await;
                fetched.map(drop)
            }
            None => Ok(()),
        };
        let command = Command::RevertModule {
            scope: *scope,
            name: name.clone(),
            failing: *digest,
            failures: *failures,
        };
        let outcome = match (ready, binding) {
            (Err(cause), _) => Err(format!("the version before cannot be loaded: {cause}")),
            (Ok(()), None) => Err("it is not in force any more".to_owned()),
            // What was loaded is what comes back: the binding must not have changed in between.
            (Ok(()), Some(binding)) => {
                let at = binding.revision;
                let applied = self
                    .directory()
                    .apply_at(command, Actor::system(), at)
                    .await;
                applied.map(drop).map_err(|cause| {
                    if !matches!(cause, CommandError::Refused(_)) {
                        self.library.trials.forgive(failing);
                    }
                    cause.to_string()
                })
            }
        };
        let (asked, failed) = (failures.asked, failures.failed);
        match outcome {
            Ok(()) => {
                self.library.trials.reverted.fetch_add(1, Ordering::Relaxed);
                tracing::error!(
                    alarm = true, module.name = name.as_str(), module.digest = %digest, asked, failed,
                    "a module gave no answer too often and was taken back"
                );
            }
            Err(cause) => tracing::error!(
                alarm = true, module.name = name.as_str(), module.digest = %digest, asked, failed, cause,
                "a module gives no answer too often and is not taken back"
            ),
        }
    }

    /// Tries again what could not be loaded, and lets watches end. Plans are made anew where it matters, unless a new world came
    /// meanwhile.
    async fn reload(&self) {
        let world = self.world();
        let lapsed = self.library.trials.lapse();
        if self.library.retry(&world.state).await || lapsed {
            let fresh = Arc::new(World::of(Arc::clone(&world.state)));
            drop(self.world.compare_and_swap(&world, fresh));
        }
    }

    /// Writes what is still to be recorded. What is judged later is not.
    pub fn close(&self) {
        if let Some(recorder) = &self.recorder {
            recorder.close();
        }
    }

    /// The directory behind the world.
    pub(crate) fn directory(&self) -> &Arc<Directory> {
        &self.library.directory
    }

    /// What a signature must be made for.
    pub(crate) fn expectation(&self) -> Expectation<'_> {
        Expectation {
            aliases: &self.place.aliases,
            sessions: Sessions::Accepted,
            ..Expectation::s3(&self.place.region)
        }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("world", &self.world.load())
            .finish_non_exhaustive()
    }
}
