//! Mechanisms of the trees, broken on purpose, to see that the property test notices each of them.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Leaf, TreeKey};
use crate::facts::{Fact, Facts, Values};
use crate::question::{Answer, Question, Unanswered, Work, answer};
use crate::registry::{Attribute, Kind};

type Path = Vec<(Question, Answer<'static>)>;

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// A walk remembers what the clock said once.
    Clock,
    /// A walk remembers from which networks a caller came once.
    Address,
    /// A walk remembers what a record held once.
    Record,
    /// A walk looks at the first value of a list only.
    Lists,
    /// A walk takes what is absent for an empty list.
    Absence,
    /// A walk takes an empty list for one that is absent.
    Emptiness,
    /// A walk takes what was not fetched for absent.
    Fetching,
    /// All modules share one tree.
    Keys,
    /// A path is grown without its first question.
    Growth,
    /// Who waits for another's evaluation takes its answer, instead of walking.
    Flight,
}

#[derive(Debug)]
pub(crate) struct Sabotage {
    pub(crate) broken: Broken,
    remembered: Mutex<HashMap<Question, Answer<'static>>>,
    flown: Mutex<HashMap<TreeKey, Arc<Leaf>>>,
}

impl Sabotage {
    pub(crate) fn new(broken: Broken) -> Self {
        Self {
            broken,
            remembered: Mutex::default(),
            flown: Mutex::default(),
        }
    }

    pub(crate) fn answer<'f>(
        &self,
        question: &Question,
        facts: &'f dyn Facts,
        work: &mut Work,
    ) -> Result<Answer<'f>, Unanswered> {
        let entry = question.attribute.entry();
        let remembers = match self.broken {
            Broken::Clock => entry.clock,
            Broken::Address => entry.kind == Kind::Address,
            Broken::Record => !entry.clock && entry.kind != Kind::Address,
            _ => false,
        };
        if remembers {
            let fresh = answer(question, facts, work)?.into_owned();
            let mut remembered = self.remembered.lock();
            return Ok(remembered.entry(question.clone()).or_insert(fresh).clone());
        }
        let bent = Bent {
            facts,
            broken: self.broken,
        };
        answer(question, &bent, work).map(Answer::into_owned)
    }

    pub(crate) fn key(&self, key: TreeKey) -> TreeKey {
        match self.broken {
            Broken::Keys => TreeKey {
                module: 0,
                tenant: None,
                action: 0,
            },
            _ => key,
        }
    }

    pub(crate) fn path(&self, path: &mut Path) {
        if self.broken == Broken::Growth && !path.is_empty() {
            path.remove(0);
        }
    }

    /// What another thread's evaluation said, for one that waited for it.
    pub(crate) fn flown(&self, key: &TreeKey, waited: bool) -> Option<Arc<Leaf>> {
        if self.broken != Broken::Flight || !waited {
            return None;
        }
        self.flown.lock().get(key).cloned()
    }

    pub(crate) fn land(&self, key: TreeKey, leaf: &Arc<Leaf>) {
        if self.broken == Broken::Flight {
            std::thread::sleep(std::time::Duration::from_micros(300));
            self.flown.lock().insert(key, Arc::clone(leaf));
        }
    }
}

struct Bent<'a> {
    facts: &'a dyn Facts,
    broken: Broken,
}

impl Facts for Bent<'_> {
    fn get(&self, attribute: &Attribute) -> Fact<'_> {
        match (self.facts.get(attribute), self.broken) {
            (Fact::Present(values), Broken::Lists) => match values.get(0) {
                Some(first) => Fact::Present(Values::One(first)),
                None => Fact::Present(values),
            },
            (Fact::Absent, Broken::Absence) => Fact::Present(Values::Many(&[])),
            (Fact::Present(values), Broken::Emptiness) if values.is_empty() => Fact::Absent,
            (Fact::NotFetched, Broken::Fetching) => Fact::Absent,
            (fact, _) => fact,
        }
    }
}
