//! Many questions in a row whether one attribute is this, or that, or that: answered by one look.
//!
//! A list of statements asks who the caller is once for each user that it names. The questions stay where they are, in
//! the order in which the module asked them; a table only finds the first of them that is answered yes.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::{Child, Children, Node};
use crate::facts::{Fact, Value, Values};
use crate::question::{Ask, Question, TooMuchWork, Work};

/// So many questions in a row are worth a table. Fewer are as soon asked one by one.
pub(super) const TABLE_QUESTIONS_MIN: usize = 4;
/// What a question weighs in a table, in bytes: where its operand is found, and where it leads.
pub(super) const TABLE_ENTRY_BYTES: usize = 64;

/// A row of nodes, each the other's answer to no.
#[derive(Debug)]
pub(super) struct Table {
    /// The place in `yes` of each operand. Who makes operands collide slows down the own policy, to what it was without a table.
    places: HashMap<Arc<[u8]>, usize, FixedState>,
    /// Where each question leads when it is the first that is answered yes.
    yes: Box<[Child]>,
    /// Where it goes on when none is.
    no: Child,
}

impl Table {
    /// The table of the row that this node heads.
    pub(super) fn headed_by(head: &Node) -> Option<Arc<Self>> {
        let row: Vec<(&Arc<[u8]>, &Child, &Child)> = row(head).collect();
        if row.len() < TABLE_QUESTIONS_MIN {
            return None;
        }
        let mut places = HashMap::with_capacity_and_hasher(row.len(), FixedState::default());
        for (place, (operand, ..)) in row.iter().enumerate() {
            // Of two that ask the same, the first is the one that is answered yes.
            places.entry(Arc::clone(operand)).or_insert(place);
        }
        Some(Arc::new(Self {
            places,
            yes: row.iter().map(|(_, yes, _)| Child::clone(yes)).collect(),
            no: row
                .last()
                .map_or(Child::Unknown, |(.., no)| Child::clone(no)),
        }))
    }

    /// Where the row leads with this fact; `None` where its questions must be asked one by one.
    pub(super) fn find(
        &self,
        fact: &Fact<'_>,
        work: &mut Work,
    ) -> Result<Option<&Child>, TooMuchWork> {
        let values = match fact {
            Fact::NotFetched => return Ok(None),
            Fact::Absent => return Ok(Some(&self.no)),
            Fact::Present(values) => values,
        };
        let place = match values {
            Values::One(Value::Text(text)) => self.place(text, work)?,
            Values::Strs(list) => self.first(list, work)?,
            Values::Strings(list) => self.first(list, work)?,
            Values::Boxed(list) => self.first(list, work)?,
            Values::Shared(list) => self.first(list, work)?,
            Values::One(_) | Values::Networks(_) | Values::Many(_) | Values::Owned(_) => {
                return Ok(None);
            }
        };
        Ok(Some(
            place
                .and_then(|place| self.yes.get(place))
                .unwrap_or(&self.no),
        ))
    }

    /// The first question to which one of the values is the answer.
    fn first(
        &self,
        list: &[impl AsRef<str>],
        work: &mut Work,
    ) -> Result<Option<usize>, TooMuchWork> {
        let mut first = None;
        for text in list {
            let place = self.place(text.as_ref().as_bytes(), work)?;
            first = match (first, place) {
                (Some(first), Some(place)) => Some(usize::min(first, place)),
                (first, place) => first.or(place),
            };
        }
        Ok(first)
    }

    fn place(&self, text: &[u8], work: &mut Work) -> Result<Option<usize>, TooMuchWork> {
        work.spend(text.len() + 1)?;
        Ok(self.places.get(text).copied())
    }
}

/// Whether `next` goes on with what `question` began.
pub(super) fn goes_on(question: &Question, next: &Question) -> bool {
    matches!((&question.ask, &next.ask), (Ask::Equals(_), Ask::Equals(_)))
        && question.attribute == next.attribute
}

/// The row that a node heads: each operand, with where yes leads and where no does.
fn row(head: &Node) -> impl Iterator<Item = (&Arc<[u8]>, &Child, &Child)> {
    let nodes = std::iter::successors(Some(head), |node| match &node.children {
        Children::Truth {
            no: Child::Node(next),
            ..
        } if goes_on(&node.question, &next.question) => Some(&**next),
        _ => None,
    });
    nodes.map_while(|node| match (&node.question.ask, &node.children) {
        (Ask::Equals(operand), Children::Truth { no, yes }) => Some((operand, yes, no)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::super::growth::End;
    use super::super::{Leaf, Tree, Walk};
    use super::TABLE_QUESTIONS_MIN;
    use crate::engine::Verdict;
    use crate::facts::{Fact, Facts};
    use crate::question::{Answer, Ask, Question, Work, answer};
    use crate::registry::{Attribute, Name};

    /// What a caller is, and where it comes from.
    #[derive(Clone, Debug)]
    struct Caller {
        principals: Option<Vec<String>>,
        username: Option<String>,
    }

    impl Facts for Caller {
        fn get(&self, attribute: &Attribute) -> Fact<'_> {
            match (attribute.name(), &self.principals) {
                (Name::Principals, Some(list)) => Fact::list(list.as_slice()),
                (Name::Username, _) => Fact::optional_text(self.username.as_deref()),
                _ => Fact::Absent,
            }
        }
    }

    /// Asks its questions in order. Of each that is answered yes it makes a note, which is its answer in the end.
    fn evaluate(
        questions: &[Question],
        caller: &Caller,
    ) -> (Vec<(Question, Answer<'static>)>, End) {
        let mut work = Work::full();
        let mut path = Vec::new();
        let mut noted = 0_usize;
        for (place, question) in questions.iter().enumerate() {
            let answer = answer(question, caller, &mut work).unwrap().into_owned();
            if answer == Answer::Truth(true) {
                noted = noted.wrapping_mul(31).wrapping_add(place + 1);
            }
            path.push((question.clone(), answer));
        }
        let leaf = Leaf {
            verdict: if noted.is_multiple_of(2) {
                Verdict::Allow
            } else {
                Verdict::Deny
            },
            reasons: smallvec::SmallVec::new(),
            obligations: Vec::new(),
            fetched: noted.is_multiple_of(3),
        };
        (path, End::Leaf(Arc::new(leaf)))
    }

    fn questions() -> impl Strategy<Value = Vec<Question>> {
        let question = (
            prop::sample::select(vec![Name::Principals, Name::Username]),
            "[ab]{0,2}",
            0..6_u8,
        );
        // Long rows about one attribute, now and then with another question within.
        prop::collection::vec(question, 1..24).prop_map(|drawn| {
            let mut last = Name::Principals;
            drawn
                .into_iter()
                .map(|(name, operand, turn)| {
                    if turn == 0 {
                        last = name;
                    }
                    let operand = Arc::from(operand.as_bytes());
                    Question {
                        attribute: Attribute::plain(last).unwrap(),
                        ask: if turn == 1 {
                            Ask::StartsWith(operand)
                        } else {
                            Ask::Equals(operand)
                        },
                    }
                })
                .collect()
        })
    }

    fn caller() -> impl Strategy<Value = Caller> {
        (
            prop::option::of(prop::collection::vec("[abc]{0,2}", 0..4)),
            prop::option::of("[abc]{0,2}"),
        )
            .prop_map(|(principals, username)| Caller {
                principals,
                username,
            })
    }

    proptest! {
        /// By tables and question by question, a walk ends at the same place.
        #[test]
        fn a_table_says_what_its_questions_say(
            questions in questions(),
            callers in prop::collection::vec(caller(), 1..12),
        ) {
            let mut tree = Tree::empty();
            for caller in &callers {
                let (path, end) = evaluate(&questions, caller);
                tree = tree.grown(&path, &end).unwrap();
                for other in &callers {
                    let mut work = Work::full();
                    let asked = tree.walk_asking(|question| answer(question, other, &mut work));
                    match (tree.walk(other, &mut Work::full()), asked) {
                        (Walk::Known(found), Walk::Known(asked)) => prop_assert!(Arc::ptr_eq(found, asked)),
                        (Walk::FellOff, Walk::FellOff) => {}
                        (found, asked) => prop_assert!(false, "{found:?} is not {asked:?}"),
                    }
                }
            }
        }
    }

    /// A row has a table as soon as it is long enough, and one question before it has none.
    #[test]
    fn a_row_has_a_table_from_its_bound_on() {
        for (length, wanted) in [
            (TABLE_QUESTIONS_MIN - 1, false),
            (TABLE_QUESTIONS_MIN, true),
        ] {
            let questions: Vec<Question> = (0..length)
                .map(|number| Question {
                    attribute: Attribute::plain(Name::Username).unwrap(),
                    ask: Ask::Equals(Arc::from(number.to_string().as_bytes())),
                })
                .collect();
            let caller = Caller {
                principals: None,
                username: Some("nobody".into()),
            };
            let (path, end) = evaluate(&questions, &caller);
            let tree = Tree::empty().grown(&path, &end).unwrap();
            assert_eq!(tree.root_has_a_table(), wanted, "{length} questions");
        }
    }

    impl Tree {
        fn root_has_a_table(&self) -> bool {
            matches!(&self.root, super::Child::Node(node) if node.table.is_some())
        }
    }
}
