//! A question that a policy asks of the facts, and the one function that answers it.
//!
//! The imports of a module and the walk of a tree are answered by the same [`answer`], so a decision that was
//! remembered is the decision that would be made.

mod answering;
mod encoding;
mod predicate;
mod text;
mod wildcard;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use ipnet::IpNet;

pub(crate) use answering::{TooMuchWork, bool_of, network_of, number_of, time_of, truth};
pub use answering::{Unanswered, Work, answer};
pub use encoding::PredicateError;
pub use predicate::{
    Operand, Order, Part, Predicate, Quantifier, Template, Templates, Test, TextMatch,
};
pub use text::{fixed_point, moment, network, written};

use crate::registry::{Attribute, Cost};

/// One question about one attribute.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// What is asked about.
    pub attribute: Attribute,
    /// What is asked.
    pub ask: Ask,
}

impl Question {
    /// Whether its answer rests on an attribute that is fetched from the upstream.
    pub fn is_fetched(&self) -> bool {
        let fetched = |attribute: &Attribute| attribute.entry().cost == Cost::Fetched;
        match &self.ask {
            Ask::Test(predicate) => fetched(&self.attribute) || predicate.refers(fetched),
            _ => fetched(&self.attribute),
        }
    }
}

/// What can be asked about an attribute. Of one that is absent, everything but [`Ask::Read`] is answered no.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Ask {
    /// Is any of its values these bytes?
    Equals(Arc<[u8]>),
    /// Does any of its values start with these bytes?
    StartsWith(Arc<[u8]>),
    /// Does any of its values end with these bytes?
    EndsWith(Arc<[u8]>),
    /// Does any of its values fit this pattern, where `*` is any text and `?` one character?
    Matches(Arc<[u8]>),
    /// Is any of its addresses in this block?
    InNetwork(IpNet),
    /// Is any of its numbers (in thousandths) or moments (in seconds) below this bound?
    Below(i64),
    /// Is it there at all?
    Present,
    /// Does it pass this predicate?
    Test(Arc<Predicate>),
    /// What is it? At most this many bytes of it.
    Read(u16),
}

/// The answer to a question, borrowed from the facts where it can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// To every question but [`Ask::Read`].
    Truth(bool),
    /// To [`Ask::Read`].
    Reading(Reading<'a>),
}

/// What was read: everything that the module saw, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reading<'a> {
    /// How long the value is in all; `None` where the attribute is absent.
    pub length: Option<u32>,
    /// Its first bytes, at most as many as were asked for.
    pub bytes: Cow<'a, [u8]>,
}

impl Reading<'_> {
    /// The same reading, kept.
    pub fn into_owned(self) -> Reading<'static> {
        Reading {
            length: self.length,
            bytes: Cow::Owned(self.bytes.into_owned()),
        }
    }
}

impl Answer<'_> {
    /// The same answer, kept.
    pub fn into_owned(self) -> Answer<'static> {
        match self {
            Self::Truth(truth) => Answer::Truth(truth),
            Self::Reading(reading) => Answer::Reading(reading.into_owned()),
        }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { attribute, ask } = self;
        match ask {
            Ask::Equals(bytes) => write!(f, "{attribute} is `{}`", bytes.escape_ascii()),
            Ask::StartsWith(bytes) => {
                write!(f, "{attribute} starts with `{}`", bytes.escape_ascii())
            }
            Ask::EndsWith(bytes) => write!(f, "{attribute} ends with `{}`", bytes.escape_ascii()),
            Ask::Matches(bytes) => write!(f, "{attribute} fits `{}`", bytes.escape_ascii()),
            Ask::InNetwork(network) => write!(f, "{attribute} is in {network}"),
            Ask::Below(bound) => write!(f, "{attribute} is below {bound}"),
            Ask::Present => write!(f, "{attribute} is present"),
            Ask::Test(predicate) => write!(f, "{attribute} {predicate}"),
            Ask::Read(_) => write!(f, "what is {attribute}"),
        }
    }
}

impl fmt::Display for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truth(true) => f.write_str("yes"),
            Self::Truth(false) => f.write_str("no"),
            Self::Reading(Reading { length: None, .. }) => f.write_str("absent"),
            Self::Reading(Reading { bytes, .. }) => write!(f, "`{}`", bytes.escape_ascii()),
        }
    }
}
