//! Growth: one more path in a new tree that shares everything else with the old one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::table::{TABLE_ENTRY_BYTES, Table, goes_on};
use super::{Child, Children, Leaf, Node, ReadingEntry, Readings, TREE_BYTES, Tree, hash};
use crate::limits::{READ_CHILDREN_MAX, TREE_BYTES_MAX, TREE_NODES_MAX};
use crate::question::{Answer, Ask, Question};

/// What stands at the end of a path.
#[derive(Debug)]
pub(crate) enum End {
    /// The module answered.
    Leaf(Arc<Leaf>),
    /// The module asked this question, and it could not be answered before something is fetched.
    Open(Question),
}

/// The module asked, or said, something else after the same answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fickle;

type Step = (Question, Answer<'static>);

impl Tree {
    /// The tree with this path, too. A tree that would become too large is replaced by the path alone.
    pub(crate) fn grown(&self, path: &[Step], end: &End) -> Result<Self, Fickle> {
        let added = weigh(path, end);
        let nodes = self
            .nodes
            .saturating_add(u32::try_from(path.len()).unwrap_or(u32::MAX));
        let bytes = self.bytes.saturating_add(added);
        if nodes > TREE_NODES_MAX || bytes > TREE_BYTES_MAX {
            // What does not fit after all, such as a path of a thousand long operands, is the caller's whole tree.
            let mut growth = Growth {
                nodes: 0,
                bytes: TREE_BYTES,
            };
            let root = growth.graft(&Child::Unknown, None, path, end)?;
            return Ok(Self {
                root,
                nodes: growth.nodes,
                bytes: growth.bytes,
            });
        }
        let mut growth = Growth {
            nodes: self.nodes,
            bytes: self.bytes,
        };
        let root = growth.graft(&self.root, None, path, end)?;
        Ok(Self {
            root,
            nodes: growth.nodes,
            bytes: growth.bytes,
        })
    }
}

/// Counts what is added.
struct Growth {
    nodes: u32,
    bytes: u32,
}

impl Growth {
    /// At most as deep as an evaluation has questions.
    fn graft(
        &mut self,
        at: &Child,
        said_no: Option<&Question>,
        path: &[Step],
        end: &End,
    ) -> Result<Child, Fickle> {
        match (at, path.split_first()) {
            (Child::Unknown, None) => Ok(match end {
                End::Leaf(leaf) => {
                    self.bytes = self.bytes.saturating_add(weigh_leaf(leaf));
                    Child::Leaf(Arc::clone(leaf))
                }
                End::Open(question) => Child::Node(Arc::new(self.node(question))),
            }),
            (Child::Unknown, Some(((question, answer), rest))) => {
                let node = self.node(question);
                self.graft_node(node, said_no, (answer, rest), end)
            }
            (Child::Node(node), Some(((question, answer), rest))) => {
                if node.question != *question {
                    return Err(Fickle);
                }
                self.graft_node(Node::clone(node), said_no, (answer, rest), end)
            }
            (Child::Node(node), None) => match end {
                End::Open(question) if node.question == *question => Ok(at.clone()),
                End::Open(_) | End::Leaf(_) => Err(Fickle),
            },
            (Child::Leaf(known), None) => match end {
                End::Leaf(leaf) if known == leaf => Ok(at.clone()),
                End::Leaf(_) | End::Open(_) => Err(Fickle),
            },
            (Child::Leaf(_), Some(_)) => Err(Fickle),
        }
    }

    /// `said_no` is the question before, where its answer was no: the row that it belongs to already has a head.
    fn graft_node(
        &mut self,
        mut node: Node,
        said_no: Option<&Question>,
        (answer, rest): (&Answer<'static>, &[Step]),
        end: &End,
    ) -> Result<Child, Fickle> {
        let Node {
            question, children, ..
        } = &mut node;
        self.graft_child(question, children, (answer, rest), end)?;
        if !said_no.is_some_and(|before| goes_on(before, question)) {
            node.table = Table::headed_by(&node);
        }
        Ok(Child::Node(Arc::new(node)))
    }

    fn graft_child(
        &mut self,
        question: &Question,
        children: &mut Children,
        (answer, rest): (&Answer<'static>, &[Step]),
        end: &End,
    ) -> Result<(), Fickle> {
        let said_no = matches!(answer, Answer::Truth(false)).then_some(question);
        let child = match (children, answer) {
            (Children::Truth { yes, .. }, Answer::Truth(true)) => yes,
            (Children::Truth { no, .. }, Answer::Truth(false)) => no,
            (Children::Readings(readings), Answer::Reading(reading)) => {
                if let Some(place) = readings.position(reading) {
                    match readings.entries.get_mut(place) {
                        Some(entry) => &mut entry.child,
                        None => return Err(Fickle),
                    }
                } else {
                    readings.make_room();
                    let entry = ReadingEntry {
                        hash: hash(reading),
                        reading: reading.clone(),
                        child: Child::Unknown,
                        seen: AtomicBool::new(true),
                    };
                    self.bytes = self
                        .bytes
                        .saturating_add(weigh_reading(reading.bytes.len()));
                    readings.entries.push(entry);
                    match readings.entries.last_mut() {
                        Some(entry) => &mut entry.child,
                        None => return Err(Fickle),
                    }
                }
            }
            (Children::Truth { .. }, Answer::Reading(_))
            | (Children::Readings(_), Answer::Truth(_)) => return Err(Fickle),
        };
        *child = self.graft(child, said_no, rest, end)?;
        Ok(())
    }

    fn node(&mut self, question: &Question) -> Node {
        self.nodes = self.nodes.saturating_add(1);
        self.bytes = self.bytes.saturating_add(weigh_question(question));
        let children = match question.ask {
            Ask::Read(_) => Children::Readings(Readings::default()),
            _ => Children::Truth {
                no: Child::Unknown,
                yes: Child::Unknown,
            },
        };
        Node {
            question: question.clone(),
            children,
            table: None,
        }
    }
}

impl Readings {
    /// The first that was not seen lately goes; if all were, they all start anew. What hung below it stays counted in
    /// the tree's weight until the tree is replaced: too heavy is the safe side.
    fn make_room(&mut self) {
        if self.entries.len() < READ_CHILDREN_MAX {
            return;
        }
        let unseen = self
            .entries
            .iter()
            .position(|entry| !entry.seen.load(Ordering::Relaxed));
        self.entries.remove(unseen.unwrap_or(0));
        if unseen.is_none() {
            self.entries
                .iter()
                .for_each(|entry| entry.seen.store(false, Ordering::Relaxed));
        }
    }
}

fn weigh(path: &[Step], end: &End) -> u32 {
    let steps = path.iter().map(|(question, answer)| {
        let answer = match answer {
            Answer::Truth(_) => 0,
            Answer::Reading(reading) => weigh_reading(reading.bytes.len()),
        };
        weigh_question(question).saturating_add(answer)
    });
    let end = match end {
        End::Leaf(leaf) => weigh_leaf(leaf),
        End::Open(question) => weigh_question(question),
    };
    steps.fold(end, u32::saturating_add)
}

fn weigh_question(question: &Question) -> u32 {
    let operand = match &question.ask {
        Ask::Equals(bytes) => bytes.len() + TABLE_ENTRY_BYTES,
        Ask::StartsWith(bytes) | Ask::EndsWith(bytes) | Ask::Matches(bytes) => bytes.len(),
        // Taken apart, a predicate is a few times as large as its bytes, which are at most 2 KiB.
        Ask::Test(predicate) => predicate.weight(),
        Ask::InNetwork(_) | Ask::Below(_) | Ask::Present | Ask::Read(_) => 0,
    };
    bytes(size_of::<Node>() + 48 + operand)
}

fn weigh_reading(length: usize) -> u32 {
    bytes(size_of::<ReadingEntry>() + 16 + length)
}

fn weigh_leaf(leaf: &Leaf) -> u32 {
    bytes(size_of::<Leaf>() + 16 + leaf.reasons.len() * 96 + leaf.obligations.len() * 96)
}

fn bytes(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
