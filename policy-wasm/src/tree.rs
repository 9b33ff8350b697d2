//! The decision cache: one tree of questions for a module and an action.
//!
//! A node is a question with a child for each answer that was seen; a leaf is what the module said. Nothing but the
//! action is implied: every question is asked anew on each walk, so a leaf is reached only by a check that answers as
//! the one that made it did, and the module would say the same. A tree therefore never goes stale.
//!
//! INVARIANT: the path to a leaf is the whole list of questions and answers of one complete evaluation.

mod growth;
#[cfg(test)]
mod property;
#[cfg(test)]
mod sabotage;
mod table;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use foldhash::fast::FixedState;
use smallvec::SmallVec;
use std::hash::BuildHasher;

pub(crate) use growth::{End, Fickle};
#[cfg(test)]
pub(crate) use sabotage::Sabotage;
pub(crate) use worker::{Counters, Worker};

use table::Table;

use crate::engine::{Evaluation, Reason, Verdict};
use crate::facts::Facts;
use crate::plan::Obligation;
use crate::question::{Answer, Question, Reading, TooMuchWork, Unanswered, Work, answer};
use crate::registry::Attribute;

/// Names a tree: a module, an action, and for uploaded modules the tenant. Compared in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TreeKey {
    pub(crate) module: u64,
    pub(crate) tenant: Option<u64>,
    pub(crate) action: u32,
}

/// A tree. Growing makes a new one that shares all but the path that grew.
#[derive(Debug)]
pub(crate) struct Tree {
    root: Child,
    nodes: u32,
    bytes: u32,
}

#[derive(Clone, Debug)]
enum Child {
    /// Nobody came this way.
    Unknown,
    Node(Arc<Node>),
    Leaf(Arc<Leaf>),
}

#[derive(Clone, Debug)]
struct Node {
    question: Question,
    children: Children,
    /// Where it heads a row of questions whether one attribute is this or that: all of them at once.
    table: Option<Arc<Table>>,
}

#[derive(Clone, Debug)]
enum Children {
    Truth { no: Child, yes: Child },
    Readings(Readings),
}

/// What a module said at the end of a path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Leaf {
    pub(crate) verdict: Verdict,
    pub(crate) reasons: SmallVec<[Reason; 1]>,
    pub(crate) obligations: Vec<Obligation>,
    pub(crate) fetched: bool,
}

/// Where a walk ended.
#[derive(Debug)]
pub(crate) enum Walk<'t> {
    /// The tree knows.
    Known(&'t Arc<Leaf>),
    /// It does not: the module must be asked.
    FellOff,
    /// This attribute must be fetched first.
    NotFetched(&'t Attribute),
    /// The answers cost more than an evaluation may.
    TooMuchWork,
}

impl Tree {
    /// A tree that knows nothing.
    pub(crate) const fn empty() -> Self {
        Self {
            root: Child::Unknown,
            nodes: 0,
            bytes: TREE_BYTES,
        }
    }

    /// Walks down with these facts. It allocates nothing, unless a list is read.
    pub(crate) fn walk(&self, facts: &dyn Facts, work: &mut Work) -> Walk<'_> {
        self.descend(|node| {
            if let Some(table) = &node.table {
                let fact = facts.get(&node.question.attribute);
                match table.find(&fact, work) {
                    Ok(Some(next)) => return Ok(next),
                    Ok(None) => {}
                    Err(TooMuchWork) => return Err(Walk::TooMuchWork),
                }
            }
            node.child(answer(&node.question, facts, work))
        })
    }

    /// The same walk, asking each question as it comes.
    pub(crate) fn walk_asking<'f>(
        &self,
        mut ask: impl FnMut(&Question) -> Result<Answer<'f>, Unanswered>,
    ) -> Walk<'_> {
        self.descend(|node| node.child(ask(&node.question)))
    }

    #[inline]
    fn descend<'t>(
        &'t self,
        mut next: impl FnMut(&'t Node) -> Result<&'t Child, Walk<'t>>,
    ) -> Walk<'t> {
        let mut child = &self.root;
        loop {
            child = match child {
                Child::Unknown => return Walk::FellOff,
                Child::Leaf(leaf) => return Walk::Known(leaf),
                Child::Node(node) => match next(node) {
                    Ok(next) => next,
                    Err(end) => return end,
                },
            };
        }
    }

    /// How many questions it holds.
    pub(crate) const fn nodes(&self) -> u32 {
        self.nodes
    }

    /// What it weighs, in bytes, about.
    pub(crate) const fn bytes(&self) -> u32 {
        self.bytes
    }
}

impl Node {
    /// Where an answer leads.
    #[inline]
    fn child(&self, answer: Result<Answer<'_>, Unanswered>) -> Result<&Child, Walk<'_>> {
        match (answer, &self.children) {
            (Ok(Answer::Truth(true)), Children::Truth { yes, .. }) => Ok(yes),
            (Ok(Answer::Truth(false)), Children::Truth { no, .. }) => Ok(no),
            (Ok(Answer::Reading(reading)), Children::Readings(readings)) => {
                readings.find(&reading).ok_or(Walk::FellOff)
            }
            // A question is a reading or it is not: its node was made to fit.
            (Ok(_), _) => Err(Walk::FellOff),
            (Err(Unanswered::NotFetched), _) => Err(Walk::NotFetched(&self.question.attribute)),
            (Err(Unanswered::TooMuchWork), _) => Err(Walk::TooMuchWork),
        }
    }
}

/// What an empty tree weighs, with its place in the cache.
const TREE_BYTES: u32 = 256;

/// The children of a node that reads: a few values, of which one that was not seen lately makes room for a new one.
#[derive(Debug, Default)]
struct Readings {
    entries: Vec<ReadingEntry>,
}

#[derive(Debug)]
struct ReadingEntry {
    hash: u64,
    reading: Reading<'static>,
    child: Child,
    /// Seen since room was last made.
    seen: AtomicBool,
}

impl Readings {
    fn find(&self, reading: &Reading<'_>) -> Option<&Child> {
        let entry = self.entries.get(self.position(reading)?)?;
        // Only the first to see it writes, so that threads do not fight over the line.
        if !entry.seen.load(Ordering::Relaxed) {
            entry.seen.store(true, Ordering::Relaxed);
        }
        Some(&entry.child)
    }

    fn position(&self, reading: &Reading<'_>) -> Option<usize> {
        let hash = hash(reading);
        self.entries
            .iter()
            .position(|entry| entry.hash == hash && entry.reading == *reading)
    }
}

impl Clone for Readings {
    fn clone(&self) -> Self {
        let entries = self.entries.iter().map(|entry| ReadingEntry {
            hash: entry.hash,
            reading: entry.reading.clone(),
            child: entry.child.clone(),
            seen: AtomicBool::new(entry.seen.load(Ordering::Relaxed)),
        });
        Self {
            entries: entries.collect(),
        }
    }
}

/// There are few entries and they are compared in full, so an attacker who finds collisions gains nothing.
fn hash(reading: &Reading<'_>) -> u64 {
    FixedState::with_seed(0).hash_one(&*reading.bytes)
}

impl From<Evaluation> for (Vec<(Question, Answer<'static>)>, Leaf) {
    fn from(evaluation: Evaluation) -> Self {
        let Evaluation {
            verdict,
            reasons,
            obligations,
            path,
            fetched,
        } = evaluation;
        (
            path,
            Leaf {
                verdict,
                reasons,
                obligations,
                fetched,
            },
        )
    }
}
