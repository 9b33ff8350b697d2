//! The language of AWS's policy documents: text becomes statements, or a list of everything that is wrong with it.
//!
//! ```text
//! json        text → values with their places
//! policy      elements of the policy and of its statements
//! principal, action, resource, condition
//!             one element each → a condition of a statement
//! variable    text with variables and wildcards → a template
//! public      what of it is open to everyone
//! faults      what can be wrong, and where
//! ```
//!
//! What is not understood is refused and never ignored: a condition that is skipped is a door that is open. Where AWS's
//! documentation leaves a choice, the stricter reading is taken. Sources: IAM User Guide, "IAM JSON policy elements
//! reference"; S3 User Guide, "Policies and permissions in Amazon S3"; Service Authorization Reference, "Actions,
//! resources, and condition keys for Amazon S3".

mod action;
mod actions;
mod condition;
mod faults;
mod json;
mod operand;
mod operator;
mod policy;
mod principal;
mod public;
mod resource;
mod variable;

use std::collections::BTreeSet;
use std::ops::Range;

use super::{CompileError, Condition, Effect, Statement, StatementId, attribute, compile};
use crate::manifest::Manifest;
use crate::registry::Name;

pub use faults::{Advice, Cause, DocumentError, Element, Fault, Faults, Position, Warning};

/// What a document is attached to. It decides which elements it must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind<'a> {
    /// A bucket: each statement names principals, and resources in this bucket only.
    Bucket {
        /// The bucket's name.
        name: &'a str,
    },
    /// A user, group or role: no statement names principals.
    Identity,
    /// A role, to say who may assume it: each statement names principals and actions of `sts`, and no resources.
    Trust,
}

/// What surrounds a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context<'a> {
    /// What the document is attached to.
    pub kind: Kind<'a>,
    /// What becomes of a request that no statement speaks of.
    pub unmentioned: Unmentioned,
}

/// What becomes of a request that no statement of a bucket policy speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmentioned {
    /// The document has no opinion: other layers decide, as on AWS.
    NoOpinion,
    /// Principals that a statement allows something by their ARN are allowed nothing else. Everyone else goes to other
    /// layers: `*` never narrows, or the policy of a public bucket would lock its owner out.
    DeniedToNamed,
}

/// What a decision names where a principal that the document names is denied what it does not allow.
pub const NOT_ALLOWED: &str = "not among what is allowed";

/// A document that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The element `Id`.
    pub id: Option<String>,
    /// What it says, one for each of its statements and in their order.
    pub statements: Vec<Statement>,
    /// Where its statements stand, one for each and in their order.
    pub places: Vec<Place>,
    /// What its author should look at again.
    pub warnings: Vec<Warning>,
}

/// Where a statement stands in its document, and whom it speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The name that a decision gives as its reason. It is the `Sid`, made printable and unique.
    pub id: StatementId,
    /// The `Sid` as it is written.
    pub sid: Option<String>,
    /// Where it begins.
    pub at: Position,
    /// Its bytes in the text.
    pub bytes: Range<usize>,
    /// Whom it speaks of.
    pub audience: Audience,
}

/// Whom a statement speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Who the document is attached to: an identity policy.
    Bearer,
    /// Everyone, unsigned requests among them.
    Everyone,
    /// The principals of these ARNs.
    Named(Vec<String>),
    /// Everyone but the principals of these ARNs.
    EveryoneBut(Vec<String>),
}

/// A document and its module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiled {
    /// The document.
    pub document: Document,
    /// The bytes of the module.
    pub module: Vec<u8>,
}

/// Reads a document.
///
/// # Errors
/// All that is wrong with it, each with its place.
pub fn read(text: &str, context: &Context<'_>) -> Result<Document, DocumentError> {
    policy::read(text, context).map_err(DocumentError::Faults)
}

/// Reads a document and compiles it. The attributes of `manifest` are replaced by those that the document uses.
///
/// # Errors
/// All that is wrong with it, or why what it says has no module.
pub fn compile_document(
    text: &str,
    context: &Context<'_>,
    manifest: &Manifest,
) -> Result<Compiled, DocumentError> {
    let document = read(text, context)?;
    let mut statements = document.statements.clone();
    if context.unmentioned == Unmentioned::DeniedToNamed {
        statements.extend(document.narrowing());
    }
    match compile(&statements, manifest) {
        Ok(module) => Ok(Compiled { document, module }),
        Err(source) => Err(DocumentError::Compile {
            at: document.place_of(&source),
            source,
        }),
    }
}

/// Compiles documents that are attached to one user, each with its name, into one module: what one of them allows is allowed, and
/// what one of them denies is denied. A decision names a statement behind the name of its document.
///
/// # Errors
/// The place in `documents` of the first that is wrong, and all that is wrong with it. Place 0 where they are too much together.
pub fn compile_identity(
    documents: &[(&str, &str)],
    manifest: &Manifest,
) -> Result<Vec<u8>, (usize, DocumentError)> {
    let context = Context {
        kind: Kind::Identity,
        unmentioned: Unmentioned::NoOpinion,
    };
    let mut statements = Vec::new();
    for (place, (name, text)) in documents.iter().enumerate() {
        let document = read(text, &context).map_err(|error| (place, error))?;
        statements.extend(document.statements.into_iter().map(|statement| Statement {
            id: StatementId::of(&format!("{name}/{}", statement.id)),
            ..statement
        }));
    }
    compile(&statements, manifest).map_err(|source| {
        let at = Position::START;
        (0, DocumentError::Compile { at, source })
    })
}

impl Document {
    /// The place of the statement that a decision names.
    pub fn place(&self, id: &str) -> Option<&Place> {
        self.places.iter().find(|place| place.id.as_str() == id)
    }

    /// The accounts, by their numbers, that statements allow something: whole, or by the ARN of a user, role or session.
    pub fn allowed_accounts(&self) -> BTreeSet<&str> {
        let arns = self.allowed_arns().into_iter();
        arns.filter_map(|arn| arn.split(':').nth(4)).collect()
    }

    /// The principals that statements allow something by their ARN.
    fn allowed_arns(&self) -> BTreeSet<&str> {
        let allows =
            |(statement, _): &(&Statement, &Place)| matches!(statement.effect, Effect::Allow(_));
        let both = self.statements.iter().zip(&self.places);
        both.filter(allows)
            .filter_map(|(_, place)| match &place.audience {
                Audience::Named(arns) => Some(arns),
                Audience::Bearer | Audience::Everyone | Audience::EveryoneBut(_) => None,
            })
            .flatten()
            .map(String::as_str)
            .collect()
    }

    /// The statement that denies to principals that are allowed something by their ARN whatever else they ask for.
    fn narrowing(&self) -> Option<Statement> {
        let arns = self.allowed_arns();
        let named = Condition::one_of(attribute(Name::Principals), &arns);
        let id = StatementId::of(NOT_ALLOWED);
        (!arns.is_empty()).then(|| Statement::deny_unless_allowed(id).by(named))
    }

    /// The statements that allow everyone something, for these operations alone.
    pub fn open_to_everyone(&self, operations: &[&str]) -> Vec<Statement> {
        let open = |(statement, place): &(&Statement, &Place)| {
            matches!(statement.effect, Effect::Allow(_)) && place.audience == Audience::Everyone
        };
        let both = self.statements.iter().zip(&self.places).filter(open);
        both.map(|(statement, _)| {
            let among = Condition::one_of(attribute(Name::Operation), operations);
            statement.clone().when(among)
        })
        .collect()
    }

    fn place_of(&self, error: &CompileError) -> Position {
        let place = match error {
            CompileError::Predicate { statement, .. } => self.place(statement.as_str()),
            _ => None,
        };
        place.map_or(Position::START, |place| place.at)
    }
}
