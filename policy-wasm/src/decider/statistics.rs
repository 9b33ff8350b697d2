//! What a decider has done, for metrics and for people.

use super::Decider;
use crate::engine::Module;
use crate::tree::Counters;

/// Counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Checks that were decided, one way or the other.
    pub decisions: u64,
    /// Layers that the tree of the thread knew.
    pub hits: u64,
    /// Layers that it did not know, so that the shared tree or the module was asked.
    pub misses: u64,
    /// How often a module ran.
    pub evaluations: u64,
    /// How often a module ran and gave no answer.
    pub faults: u64,
    /// Modules that were seen to ask differently after the same answers.
    pub fickle: u64,
    /// Trees that were full and started anew.
    pub replaced: u64,
    /// Trees that are kept.
    pub trees: TreeStatistics,
}

/// How much is remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TreeStatistics {
    /// Trees.
    pub trees: u64,
    /// Questions in them.
    pub nodes: u64,
    /// Their weight in bytes, about.
    pub bytes: u64,
}

impl Decider {
    /// What it has done. It looks at every tree: for a scrape, not for a request.
    pub fn statistics(&self) -> Statistics {
        let mut counters = self.counters.lock();
        // A thread that ended counts no more; what it counted stays.
        counters.retain(|counters| {
            let lives = std::sync::Arc::strong_count(counters) > 1;
            if !lives {
                fold(&self.retired, counters);
            }
            lives
        });
        let total = Counters::default();
        fold(&total, &self.retired);
        counters.iter().for_each(|counters| fold(&total, counters));
        drop(counters);
        Statistics {
            decisions: total.decisions.get(),
            hits: total.hits.get(),
            misses: total.misses.get(),
            evaluations: total.evaluations.get(),
            faults: total.faults.get(),
            fickle: total.fickle.get(),
            replaced: total.replaced.get(),
            trees: self.count(|_| true),
        }
    }

    /// What is remembered of one module.
    pub fn inspect(&self, module: &Module) -> TreeStatistics {
        let number = module.number().0;
        self.count(|other| other == number)
    }

    fn count(&self, counts: impl Fn(u64) -> bool) -> TreeStatistics {
        let mut found = TreeStatistics::default();
        for (key, tree) in &self.trees {
            if counts(key.module) {
                found.trees += 1;
                found.nodes += u64::from(tree.nodes());
                found.bytes += u64::from(tree.bytes());
            }
        }
        found
    }
}

fn fold(into: &Counters, from: &Counters) {
    into.decisions.add(from.decisions.get());
    into.hits.add(from.hits.get());
    into.misses.add(from.misses.get());
    into.evaluations.add(from.evaluations.get());
    into.faults.add(from.faults.get());
    into.fickle.add(from.fickle.get());
    into.replaced.add(from.replaced.get());
}
