//! The gate: what every request shares. It is built once and never changed; what changes is the world in it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use policy_wasm::decider::Decider;
use postern_config::directory::{Directory, State};
use s3_protocol::host::Domains;
use sigv4::Expectation;
use storage_node::Node;

use super::authenticate::StandIn;
use crate::clock::Clock;
use crate::judge::Recall;
use crate::observe::Observer;
use crate::world::{Library, World};

/// How often time passes for an evaluation. Source: the engine ends one after a few of these, where its fuel did not.
const EPOCH: Duration = Duration::from_millis(10);
/// Epochs between two tidyings of the decision cache: one second.
const TICKS_BETWEEN_TIDYING: u32 = 100;

/// What every request shares.
pub struct Gate {
    pub(crate) world: ArcSwap<World>,
    pub(crate) library: Arc<Library>,
    pub(crate) decider: Decider,
    pub(crate) node: Node,
    pub(crate) observer: Arc<Observer>,
    pub(crate) clock: Clock,
    pub(crate) place: Place,
    pub(crate) recall: Recall,
    pub(crate) stand_in: StandIn,
}

/// What a gate is built from.
#[derive(Debug)]
pub struct GateParts {
    /// What outlives each world.
    pub library: Arc<Library>,
    /// The decision cache.
    pub decider: Decider,
    /// Where objects are.
    pub node: Node,
    /// Where entries go.
    pub observer: Arc<Observer>,
    /// What time it is.
    pub clock: Clock,
    /// Where the gate stands.
    pub place: Place,
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
        } = parts;
        Self {
            world: ArcSwap::from_pointee(World::of(state)),
            library,
            decider,
            node,
            observer,
            clock,
            place,
            recall: Recall::default(),
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

    /// Settles what the last stop left: loads the modules in force, and finishes buckets that were half made or half removed.
    ///
    /// # Errors
    /// What could not be settled, and why.
    pub async fn settle(&self) -> Result<(), String> {
        self.library.prepare(&self.directory().state()).await?;
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

    /// The directory behind the world.
    pub(crate) fn directory(&self) -> &Arc<Directory> {
        &self.library.directory
    }

    /// What a signature must be made for.
    pub(super) fn expectation(&self) -> Expectation<'_> {
        Expectation {
            aliases: &self.place.aliases,
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
