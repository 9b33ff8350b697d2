//! The decider: it walks the trees of a plan, and asks a module only where its tree does not know.

mod statistics;

use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use foldhash::fast::RandomState;
use moka::notification::RemovalCause;
use moka::sync::Cache;
use parking_lot::Mutex;

use crate::engine::{Cause, Fault, FromFacts, Stopped};
use crate::facts::Facts;
use crate::limits::{FLIGHTS_MAX, TREES_BYTES_MAX};
use crate::plan::{
    ActionId, Asked, Decision, Explanation, Judged, Layer, LayerExplanation, LayerPlace, Outcome,
    Plan, Tally, TreeScope,
};
use crate::question::{Answer, Question, Unanswered, Work, answer};
use crate::registry::Attribute;
use crate::tree::{Counters, End, Fickle, Leaf, Tree, TreeKey, Walk, Worker};

pub use statistics::{Statistics, TreeStatistics};

/// How a decider is made.
#[derive(Clone)]
pub struct DeciderOptions {
    /// Memory for all trees, in bytes.
    pub trees_bytes: u64,
    /// A monotonic clock in milliseconds. It is read when a module is evaluated, and never for a decision.
    pub clock: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// Whether its evaluations count for nothing. For tools: what they ask must not use up a module's share of the processor, or
    /// requests would be refused for it.
    pub apart: bool,
}

impl DeciderOptions {
    /// The usual memory, and this clock.
    pub fn new(clock: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self {
            trees_bytes: TREES_BYTES_MAX,
            clock: Arc::new(clock),
            apart: false,
        }
    }
}

impl fmt::Debug for DeciderOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeciderOptions")
            .field("trees_bytes", &self.trees_bytes)
            .finish_non_exhaustive()
    }
}

/// Decides checks. One for a process; share it by `Arc`.
pub struct Decider {
    number: u64,
    hasher: RandomState,
    /// Every tree, weighed in bytes. Without a time to live: a tree is never stale.
    trees: Cache<TreeKey, Arc<Tree>, RandomState>,
    /// Held while a module is evaluated for a tree, so that others who fell off the same tree wait and then walk.
    flights: Box<[Mutex<()>]>,
    /// Trees that fell out of the cache, to be dropped off the path of requests.
    fallen: Arc<Mutex<Vec<Arc<Tree>>>>,
    clock: Arc<dyn Fn() -> u64 + Send + Sync>,
    apart: bool,
    counters: Mutex<Vec<Arc<Counters>>>,
    retired: Counters,
    #[cfg(test)]
    pub(crate) sabotage: Option<crate::tree::Sabotage>,
}

/// How long a thread waits for another that evaluates for the same tree. After that it evaluates itself: a slow module
/// must not hold up its neighbours of the same lock.
const FLIGHT_WAIT: Duration = Duration::from_millis(2);
/// Fallen trees that wait to be dropped. More are dropped at once.
const FALLEN_MAX: usize = 256;

impl Decider {
    /// Makes a decider.
    pub fn new(options: DeciderOptions) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let hasher = RandomState::default();
        let fallen = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&fallen);
        let trees = Cache::builder()
            .max_capacity(options.trees_bytes)
            .weigher(|_, tree: &Arc<Tree>| tree.bytes())
            .eviction_listener(move |_, tree: Arc<Tree>, cause| {
                if cause == RemovalCause::Size {
                    let mut fallen = keep.lock();
                    if fallen.len() < FALLEN_MAX {
                        fallen.push(tree);
                    }
                }
            })
            .build_with_hasher(hasher.clone());
        Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            hasher,
            trees,
            flights: (0..FLIGHTS_MAX).map(|_| Mutex::new(())).collect(),
            fallen,
            clock: options.clock,
            apart: options.apart,
            counters: Mutex::new(Vec::new()),
            retired: Counters::default(),
            #[cfg(test)]
            sabotage: None,
        }
    }

    /// Decides one check. Blocks for as long as a module may run where a tree does not know, and never on I/O.
    pub fn decide(&self, plan: &Plan, action: ActionId, facts: &dyn Facts) -> Decision {
        self.lend(|worker| {
            worker.counters().decisions.up();
            let mut tally = Tally::default();
            for (place, layer) in (0..).map(LayerPlace).zip(plan.layers()) {
                let decision = self.decide_layer(worker, &mut tally, (place, layer), action, facts);
                if let Some(decision) = decision {
                    return decision;
                }
            }
            tally.decide()
        })
    }

    fn decide_layer(
        &self,
        worker: &mut Worker,
        tally: &mut Tally,
        (place, layer): (LayerPlace, &Layer),
        action: ActionId,
        facts: &dyn Facts,
    ) -> Option<Decision> {
        let key = self.key(layer, action);
        let hash = self.hasher.hash_one(key);
        let stop = match self.walk(worker, layer, (&key, hash), facts) {
            Some(Found::Known(leaf)) => {
                worker.counters().hits.up();
                return tally.judged(place, layer.kind, judged(leaf, true), facts);
            }
            Some(Found::Stopped(stop)) => stop,
            None => match self.miss(worker, layer, (key, hash), facts) {
                Ok((leaf, known)) => {
                    return tally.judged(place, layer.kind, judged(&leaf, known), facts);
                }
                Err(stop) => stop,
            },
        };
        stop.tell(tally, place, layer);
        None
    }

    /// What one layer says, through its tree. It decides nothing: this is how a shadow is compared and a candidate
    /// warmed.
    pub fn judge(&self, layer: &Layer, action: ActionId, facts: &dyn Facts) -> Outcome {
        let key = self.key(layer, action);
        let hash = self.hasher.hash_one(key);
        let found = self.lend(
            |worker| match self.walk(worker, layer, (&key, hash), facts) {
                Some(Found::Known(leaf)) => {
                    worker.counters().hits.up();
                    Ok(Arc::clone(leaf))
                }
                Some(Found::Stopped(stop)) => Err(stop),
                None => self
                    .miss(worker, layer, (key, hash), facts)
                    .map(|(leaf, _)| leaf),
            },
        );
        found.map_or_else(Outcome::from, |leaf| Outcome::from(&*leaf))
    }

    /// Decides one check and tells everything that the decision rests on: each layer is evaluated afresh, also those
    /// behind the one that decides. The trees learn nothing from it.
    pub fn explain(&self, plan: &Plan, action: ActionId, facts: &dyn Facts) -> Explanation {
        let mut tally = Tally::default();
        let mut decision = None;
        let mut layers = Vec::new();
        for (place, layer) in (0..).map(LayerPlace).zip(plan.layers()) {
            let explanation = self.explain_layer(place, layer, action, facts);
            if decision.is_none() {
                decision = match &explanation.outcome {
                    Outcome::Answered {
                        verdict,
                        reasons,
                        obligations,
                    } => {
                        let judged = Judged {
                            verdict: *verdict,
                            reasons,
                            obligations,
                            fetched: explanation
                                .asked
                                .iter()
                                .any(|asked| asked.question.is_fetched()),
                            remembered: explanation.remembered,
                        };
                        tally.judged(place, layer.kind, judged, facts)
                    }
                    Outcome::NotFetched(attribute) => {
                        tally.waits(place, layer.kind, attribute.clone());
                        None
                    }
                    Outcome::Fault(fault) => {
                        tally.failed(place, layer.kind, fault.clone());
                        None
                    }
                };
            }
            layers.push(explanation);
        }
        Explanation {
            decision: decision.unwrap_or_else(|| tally.decide()),
            layers,
        }
    }

    /// Drops what fell out of the cache. Call it now and then, off the path of requests.
    pub fn tidy(&self) {
        let fallen = std::mem::take(&mut *self.fallen.lock());
        drop(fallen);
        self.trees.run_pending_tasks();
    }

    fn explain_layer(
        &self,
        layer_place: LayerPlace,
        layer: &Layer,
        action: ActionId,
        facts: &dyn Facts,
    ) -> LayerExplanation {
        let mut work = Work::full();
        let mut walked = Vec::new();
        let tree = self.trees.get(&self.key(layer, action));
        let known = tree.as_deref().map(|tree| {
            tree.walk_asking(|question| {
                let answer = self.ask(question, facts, &mut work)?;
                walked.push(Asked {
                    question: question.clone(),
                    answer: answer.clone().into_owned(),
                });
                Ok(answer)
            })
        });
        let remembered = matches!(known, Some(Walk::Known(_)));
        let (asked, outcome) = match (layer.module.evaluate(facts, (self.clock)()), known) {
            // A module that is tripped is not run; its tree still knows.
            (
                Err(Stopped {
                    cause: Cause::Fault(Fault::Tripped),
                    ..
                }),
                Some(Walk::Known(leaf)),
            ) => (walked, Outcome::from(&**leaf)),
            (Ok(evaluation), known) => {
                let (path, leaf) = evaluation.into();
                if matches!(known, Some(Walk::Known(other)) if **other != leaf) {
                    layer.module.mark_fickle();
                }
                (asked(path), Outcome::from(&leaf))
            }
            (Err(Stopped { cause, path }), _) => (asked(path), Outcome::from(cause)),
        };
        LayerExplanation {
            layer: layer_place,
            asked,
            outcome,
            remembered,
        }
    }

    /// Walks the tree that this thread keeps. `None` where the module, or the shared tree, must be asked.
    fn walk<'w>(
        &self,
        worker: &'w Worker,
        layer: &Layer,
        (key, hash): (&TreeKey, u64),
        facts: &dyn Facts,
    ) -> Option<Found<'w>> {
        if layer.module.is_fickle() {
            return None;
        }
        self.walk_tree(worker.tree(key, hash)?, facts)
    }

    fn walk_tree<'t>(&self, tree: &'t Tree, facts: &dyn Facts) -> Option<Found<'t>> {
        let mut work = Work::full();
        match self.walked(tree, facts, &mut work) {
            Walk::Known(leaf) => Some(Found::Known(leaf)),
            Walk::FellOff => None,
            Walk::NotFetched(attribute) => {
                Some(Found::Stopped(Stop::NotFetched(attribute.clone())))
            }
            Walk::TooMuchWork => Some(Found::Stopped(Stop::Fault(Fault::TooMuchWork))),
        }
    }

    fn walked<'t>(&self, tree: &'t Tree, facts: &dyn Facts, work: &mut Work) -> Walk<'t> {
        #[cfg(test)]
        if self.sabotage.is_some() {
            return tree.walk_asking(|question| self.ask(question, facts, work));
        }
        tree.walk(facts, work)
    }

    /// The shared tree, and behind it the module.
    fn miss(
        &self,
        worker: &mut Worker,
        layer: &Layer,
        (key, hash): (TreeKey, u64),
        facts: &dyn Facts,
    ) -> Result<(Arc<Leaf>, bool), Stop> {
        worker.counters().misses.up();
        if layer.module.is_fickle() {
            return self.run(worker, layer, facts).into_answer();
        }
        if let Some(tree) = self.trees.get(&key)
            && let Some(found) = self.walk_tree(&tree, facts)
        {
            let kept = found.kept();
            worker.keep(key, hash, tree);
            return kept;
        }
        let flight = usize::try_from(hash >> 32).unwrap_or(0) % FLIGHTS_MAX;
        #[cfg(test)]
        let waited = self.flights.get(flight).is_some_and(Mutex::is_locked);
        let flight = self
            .flights
            .get(flight)
            .and_then(|flight| flight.try_lock_for(FLIGHT_WAIT));
        #[cfg(test)]
        if let Some(leaf) = self
            .sabotage
            .as_ref()
            .and_then(|broken| broken.flown(&key, waited))
        {
            return Ok((leaf, true));
        }
        // Another may have taught the tree while this one waited.
        let tree = self
            .trees
            .get(&key)
            .unwrap_or_else(|| Arc::new(Tree::empty()));
        if let Some(found) = self.walk_tree(&tree, facts) {
            let kept = found.kept();
            worker.keep(key, hash, tree);
            return kept;
        }
        let ran = self.run(worker, layer, facts);
        #[cfg(test)]
        let ran = self.sabotaged(&key, ran);
        match ran.grow(&tree) {
            None => {}
            Some(Ok(grown)) => {
                if grown.nodes() < tree.nodes() {
                    worker.counters().replaced.up();
                }
                let grown = Arc::new(grown);
                self.trees.insert(key, Arc::clone(&grown));
                worker.keep(key, hash, grown);
            }
            Some(Err(Fickle)) => {
                drop(flight);
                worker.counters().fickle.up();
                layer.module.mark_fickle();
                self.trees.invalidate(&key);
                // It may have been an instance that was used before: this one is new.
                return self.run(worker, layer, facts).into_answer();
            }
        }
        ran.into_answer()
    }

    fn run(&self, worker: &Worker, layer: &Layer, facts: &dyn Facts) -> Ran {
        worker.counters().evaluations.up();
        let evaluated = if self.apart {
            layer.module.interrogate(&FromFacts(facts))
        } else {
            layer.module.evaluate(facts, (self.clock)())
        };
        match evaluated {
            Ok(evaluation) => {
                let (path, leaf) = evaluation.into();
                Ran {
                    path,
                    ending: Ending::Leaf(Arc::new(leaf)),
                }
            }
            Err(Stopped {
                cause: Cause::NotFetched(question),
                path,
            }) => Ran {
                path,
                ending: Ending::Open(question),
            },
            Err(Stopped {
                cause: Cause::Fault(fault),
                path,
            }) => {
                worker.counters().faults.up();
                Ran {
                    path,
                    ending: Ending::Fault(fault),
                }
            }
        }
    }

    #[cfg(test)]
    fn sabotaged(&self, key: &TreeKey, mut ran: Ran) -> Ran {
        if let Some(sabotage) = &self.sabotage {
            sabotage.path(&mut ran.path);
            if let Ending::Leaf(leaf) = &ran.ending {
                sabotage.land(*key, leaf);
            }
        }
        ran
    }

    /// The one way in which a tree is answered.
    fn ask<'f>(
        &self,
        question: &Question,
        facts: &'f dyn Facts,
        work: &mut Work,
    ) -> Result<Answer<'f>, Unanswered> {
        #[cfg(test)]
        if let Some(sabotage) = &self.sabotage {
            return sabotage.answer(question, facts, work);
        }
        answer(question, facts, work)
    }

    fn key(&self, layer: &Layer, ActionId(action): ActionId) -> TreeKey {
        let key = TreeKey {
            module: layer.module.number().0,
            tenant: match layer.scope {
                TreeScope::Shared => None,
                TreeScope::Tenant(tenant) => Some(tenant),
            },
            action,
        };
        #[cfg(test)]
        if let Some(sabotage) = &self.sabotage {
            return sabotage.key(key);
        }
        key
    }

    fn lend<T>(&self, work: impl FnOnce(&mut Worker) -> T) -> T {
        let join = |counters: &Arc<Counters>| self.counters.lock().push(Arc::clone(counters));
        Worker::lend(self.number, join, work)
    }
}

impl fmt::Debug for Decider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decider")
            .field("trees", &self.trees.entry_count())
            .finish_non_exhaustive()
    }
}

fn judged(leaf: &Leaf, remembered: bool) -> Judged<'_> {
    Judged {
        verdict: leaf.verdict,
        reasons: &leaf.reasons,
        obligations: &leaf.obligations,
        fetched: leaf.fetched,
        remembered,
    }
}

/// What a walk came to.
enum Found<'t> {
    Known(&'t Arc<Leaf>),
    Stopped(Stop),
}

impl Found<'_> {
    fn kept(self) -> Result<(Arc<Leaf>, bool), Stop> {
        match self {
            Self::Known(leaf) => Ok((Arc::clone(leaf), true)),
            Self::Stopped(stop) => Err(stop),
        }
    }
}

/// Why a layer gives no answer now.
enum Stop {
    NotFetched(Attribute),
    Fault(Fault),
}

impl Stop {
    fn tell(self, tally: &mut Tally, place: LayerPlace, layer: &Layer) {
        match self {
            Self::NotFetched(attribute) => tally.waits(place, layer.kind, attribute),
            Self::Fault(fault) => tally.failed(place, layer.kind, fault),
        }
    }
}

/// An evaluation, good or bad.
struct Ran {
    path: Vec<(Question, Answer<'static>)>,
    ending: Ending,
}

enum Ending {
    Leaf(Arc<Leaf>),
    Open(Question),
    Fault(Fault),
}

impl Ran {
    /// The tree with what was learnt; `None` where nothing was, because only whole evaluations are remembered. A
    /// question that waits for a fetch is noted, so that the next one who comes so far does not run the module.
    fn grow(&self, tree: &Tree) -> Option<Result<Tree, Fickle>> {
        let end = match &self.ending {
            Ending::Leaf(leaf) => End::Leaf(Arc::clone(leaf)),
            Ending::Open(question) => End::Open(question.clone()),
            Ending::Fault(_) => return None,
        };
        Some(tree.grown(&self.path, &end))
    }

    fn into_answer(self) -> Result<(Arc<Leaf>, bool), Stop> {
        match self.ending {
            Ending::Leaf(leaf) => Ok((leaf, false)),
            Ending::Open(question) => Err(Stop::NotFetched(question.attribute)),
            Ending::Fault(fault) => Err(Stop::Fault(fault)),
        }
    }
}

impl From<Stop> for Outcome {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::NotFetched(attribute) => Self::NotFetched(attribute),
            Stop::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<Cause> for Outcome {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::NotFetched(question) => Self::NotFetched(question.attribute),
            Cause::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<&Leaf> for Outcome {
    fn from(leaf: &Leaf) -> Self {
        Self::Answered {
            verdict: leaf.verdict,
            reasons: leaf.reasons.clone(),
            obligations: leaf.obligations.clone(),
        }
    }
}

fn asked(path: Vec<(Question, Answer<'static>)>) -> Vec<Asked> {
    path.into_iter()
        .map(|(question, answer)| Asked { question, answer })
        .collect()
}
