//! The typed form of a rule: what every language of permissions is translated into, and all that the compiler reads.
//!
//! A statement holds when its principals, its actions, its resources and all of its conditions do; what is left out
//! restricts nothing. Of the statements that hold, one that denies wins over all that allow, and all that allow win over
//! one that denies unless another allows. The obligations of every
//! allowing statement that holds are owed, whichever statement is named as the reason: an obligation is never escaped
//! by another statement that asks for less.

use std::fmt;
use std::str::FromStr;

use crate::limits::REASON_BYTES_MAX;
use crate::plan::Obligation;
use crate::question::{
    Operand, Order, Part, Predicate, Quantifier, Template, Templates, Test, TextMatch,
};
use crate::registry::Attribute;

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// What `explain` names when this statement decides.
    pub id: StatementId,
    /// What happens when it holds.
    pub effect: Effect,
    /// Who is meant, mostly a condition on `postern:Principals`; `None`: everyone.
    pub principals: Option<Condition>,
    /// What is done, a condition on `postern:Action`, `postern:Operation` or `postern:Atom`; `None`: anything.
    pub actions: Option<Condition>,
    /// To what, mostly a condition on `postern:Resource`; `None`: anything.
    pub resources: Option<Condition>,
    /// What must be true besides, all of it.
    pub conditions: Vec<Condition>,
}

/// What a statement that holds does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// It allows, and what is forwarded must meet these obligations.
    Allow(Vec<Obligation>),
    /// It denies, whatever others allow.
    Deny,
    /// It denies where no statement allows.
    DenyUnlessAllowed,
}

/// The name of a statement: 1 to 64 bytes of printable ASCII.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StatementId(String);

/// A condition on the values of one attribute.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Condition {
    /// What is looked at.
    pub attribute: Attribute,
    /// What is asked of it.
    pub check: Check,
    /// Which answer makes the condition hold.
    pub sense: Sense,
    /// What the condition is when the attribute is absent, and there is nothing to ask.
    pub absent: Absent,
    /// What the condition is when an attribute that it refers to is absent.
    pub missing: Missing,
}

/// What a condition asks of an attribute.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Check {
    /// Is it there?
    Present,
    /// Do its values pass?
    Passes(Predicate),
}

/// Which answer makes a condition hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sense {
    /// Yes: `StringEquals`, `Action`.
    Is,
    /// No: `StringNotEquals`, `NotAction`.
    IsNot,
}

/// What a condition on an absent attribute is. [`Check::Present`] has its own answer and does not look here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Absent {
    /// It fails: IAM's operators without a `Not`.
    Fails,
    /// It holds: IAM's operators with `Not`, those with `IfExists`, and `ForAllValues`.
    Holds,
}

/// What a condition is when an attribute that its predicate refers to is absent, whatever else the predicate lists. A
/// reference that brings its own default is never missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Missing {
    /// What refers to it fits nothing, and the rest of the list is asked.
    FitsNothing,
    /// It fails: an IAM statement that allows does not apply where one of its variables has no value.
    Fails,
    /// It holds: an IAM statement that denies applies where one of its variables has no value.
    Holds,
}

impl Statement {
    /// A statement that allows everything to everyone: narrow it with the methods below.
    pub fn allow(id: StatementId) -> Self {
        Self::new(id, Effect::Allow(Vec::new()))
    }

    /// A statement that denies everything to everyone: narrow it with the methods below.
    pub fn deny(id: StatementId) -> Self {
        Self::new(id, Effect::Deny)
    }

    /// A statement that denies everyone what no other statement allows: narrow it with the methods below.
    pub fn deny_unless_allowed(id: StatementId) -> Self {
        Self::new(id, Effect::DenyUnlessAllowed)
    }

    const fn new(id: StatementId, effect: Effect) -> Self {
        Self {
            id,
            effect,
            principals: None,
            actions: None,
            resources: None,
            conditions: Vec::new(),
        }
    }

    /// Only for these callers.
    #[must_use]
    pub fn by(mut self, principals: Condition) -> Self {
        self.principals = Some(principals);
        self
    }

    /// Only for these actions.
    #[must_use]
    pub fn to(mut self, actions: Condition) -> Self {
        self.actions = Some(actions);
        self
    }

    /// Only on these resources.
    #[must_use]
    pub fn on(mut self, resources: Condition) -> Self {
        self.resources = Some(resources);
        self
    }

    /// Only if this is true as well.
    #[must_use]
    pub fn when(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }

    /// Allows under this obligation as well. A statement that denies has none, and stays as it is.
    #[must_use]
    pub fn owing(mut self, obligation: Obligation) -> Self {
        if let Effect::Allow(obligations) = &mut self.effect {
            obligations.push(obligation);
        }
        self
    }

    /// Principals, actions, resources and conditions: all that must hold.
    pub fn terms(&self) -> impl Iterator<Item = &Condition> {
        self.principals
            .iter()
            .chain(&self.actions)
            .chain(&self.resources)
            .chain(&self.conditions)
    }

    /// What an allowing statement asks for.
    pub fn obligations(&self) -> &[Obligation] {
        match &self.effect {
            Effect::Allow(obligations) => obligations,
            Effect::Deny | Effect::DenyUnlessAllowed => &[],
        }
    }
}

impl Condition {
    /// The attribute is there.
    pub const fn present(attribute: Attribute) -> Self {
        Self {
            attribute,
            check: Check::Present,
            sense: Sense::Is,
            absent: Absent::Fails,
            missing: Missing::FitsNothing,
        }
    }

    /// Any value of the attribute passes the test.
    pub const fn any(attribute: Attribute, test: Test) -> Self {
        let predicate = Predicate {
            quantifier: Quantifier::Any,
            test,
        };
        Self {
            attribute,
            check: Check::Passes(predicate),
            sense: Sense::Is,
            absent: Absent::Fails,
            missing: Missing::FitsNothing,
        }
    }

    /// Any value of the attribute is one of these texts.
    pub fn one_of<T: AsRef<[u8]>>(
        attribute: Attribute,
        texts: impl IntoIterator<Item = T>,
    ) -> Self {
        let templates = texts.into_iter().map(Template::literal).collect();
        Self::any(attribute, Test::Text(TextMatch::Equals, templates))
    }

    /// Any value of the attribute fits one of these patterns of `*` and `?`.
    pub fn like<T: AsRef<[u8]>>(
        attribute: Attribute,
        patterns: impl IntoIterator<Item = T>,
    ) -> Self {
        let templates = patterns
            .into_iter()
            .map(|text| Template::pattern(text.as_ref()))
            .collect();
        Self::any(attribute, Test::Text(TextMatch::Like, templates))
    }

    /// The attribute is this truth value.
    pub fn truth(attribute: Attribute, truth: bool) -> Self {
        Self::any(attribute, Test::Bool(vec![Operand::Constant(truth)]))
    }

    /// Any value of the attribute is a value of `other`.
    pub fn among(attribute: Attribute, other: Attribute) -> Self {
        let template = Template {
            parts: vec![Part::Reference(other)],
        };
        Self::any(
            attribute,
            Test::Text(TextMatch::Equals, Templates::new([template])),
        )
    }

    /// Any value of the attribute starts with a value of `other`.
    pub fn below_prefix_in(attribute: Attribute, other: Attribute) -> Self {
        let template = Template {
            parts: vec![Part::Reference(other), Part::AnyText],
        };
        Self::any(
            attribute,
            Test::Text(TextMatch::Like, Templates::new([template])),
        )
    }

    /// Any address of the attribute is in a network of `other`.
    pub fn in_network_of(attribute: Attribute, other: Attribute) -> Self {
        Self::any(attribute, Test::Network(vec![Operand::Reference(other)]))
    }

    /// Any moment of the attribute stands in this order to one of `other`.
    pub fn moment(attribute: Attribute, order: Order, other: Attribute) -> Self {
        Self::any(
            attribute,
            Test::Time(order, vec![Operand::Reference(other)]),
        )
    }

    /// Any number of the attribute stands in this order to one of `other`.
    pub fn number(attribute: Attribute, order: Order, other: Attribute) -> Self {
        Self::any(
            attribute,
            Test::Number(order, vec![Operand::Reference(other)]),
        )
    }

    /// The opposite, which holds where the attribute is absent if this one fails there.
    #[must_use]
    pub const fn negated(mut self) -> Self {
        self.sense = match self.sense {
            Sense::Is => Sense::IsNot,
            Sense::IsNot => Sense::Is,
        };
        self.absent = match self.absent {
            Absent::Fails => Absent::Holds,
            Absent::Holds => Absent::Fails,
        };
        self
    }

    /// The same, but it holds where the attribute is absent: IAM's `IfExists`.
    #[must_use]
    pub const fn if_exists(mut self) -> Self {
        self.absent = Absent::Holds;
        self
    }

    /// The same, but what it is where an attribute that it refers to is absent is decided beforehand.
    #[must_use]
    pub const fn where_missing(mut self, missing: Missing) -> Self {
        self.missing = missing;
        self
    }

    /// The attributes that it refers to without a default.
    pub fn requires(&self) -> Vec<Attribute> {
        match &self.check {
            Check::Present => Vec::new(),
            Check::Passes(predicate) => required(predicate),
        }
    }

    /// Every attribute that the condition looks at.
    pub fn attributes(&self) -> Vec<Attribute> {
        let mut all = vec![self.attribute.clone()];
        if let Check::Passes(predicate) = &self.check {
            all.extend(references(predicate));
        }
        all
    }
}

/// The attributes that the templates and operands of a predicate refer to.
pub(super) fn references(predicate: &Predicate) -> Vec<Attribute> {
    let mut found = Vec::new();
    predicate.refers(|attribute| {
        found.push(attribute.clone());
        false
    });
    found
}

/// The attributes among them that bring no default, each once.
fn required(predicate: &Predicate) -> Vec<Attribute> {
    let mut found: Vec<Attribute> = Vec::new();
    let mut keep = |attribute: &Attribute| {
        if !found.contains(attribute) {
            found.push(attribute.clone());
        }
    };
    if let Test::Text(_, templates) = &predicate.test {
        let parts = templates.with_holes().iter().flat_map(|t| &t.parts);
        for part in parts {
            if let Part::Reference(attribute) = part {
                keep(attribute);
            }
        }
    } else {
        predicate.refers(|attribute| {
            keep(attribute);
            false
        });
    }
    found
}

impl StatementId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Makes a name of any text: what is not printable ASCII becomes `_`, and what is too long is cut.
    pub fn of(text: &str) -> Self {
        let mut name: String = text
            .chars()
            .map(|c| if printable(c) { c } else { '_' })
            .take(REASON_BYTES_MAX)
            .collect();
        if name.is_empty() {
            name.push('_');
        }
        Self(name)
    }
}

const fn printable(c: char) -> bool {
    c.is_ascii_graphic() || c == ' '
}

impl FromStr for StatementId {
    type Err = StatementIdError;

    fn from_str(text: &str) -> Result<Self, StatementIdError> {
        if text.is_empty() || text.len() > REASON_BYTES_MAX {
            return Err(StatementIdError::Length { bytes: text.len() });
        }
        match text.chars().find(|c| !printable(*c)) {
            Some(found) => Err(StatementIdError::Character { found }),
            None => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for StatementId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text cannot name a statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementIdError {
    /// It is empty or too long.
    #[error("a statement's name has 1 to {REASON_BYTES_MAX} bytes, not {bytes}")]
    Length {
        /// How long it is.
        bytes: usize,
    },
    /// It holds something else than printable ASCII.
    #[error("a statement's name is printable ASCII, without `{}`", found.escape_unicode())]
    Character {
        /// The first such character.
        found: char,
    },
}
