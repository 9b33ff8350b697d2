//! From rules to WebAssembly. Every language of permissions becomes [`Statement`]s, and one compiler makes modules of them.
//!
//! ```text
//! levels, key_scope,    data → statements: what every gate needs, as pure functions that know no tenant
//! permissions
//! document              AWS's policy documents → statements
//! statement             the rule as types, the only thing that the rest reads
//! lower → program       statements → distinct questions in a good order
//! emit                  questions → core WebAssembly
//! ```
//!
//! Another language is one more source of statements: a file beside `levels`, that reads text and knows nothing of
//! WebAssembly.

pub mod document;
mod emit;
pub mod key_scope;
pub mod levels;
mod lower;
pub mod permissions;
mod program;
mod statement;

use crate::limits::{
    ATTRIBUTES_MAX, FUNCTION_BYTES_MAX, MODULE_BYTES_MAX, OBLIGATIONS_MAX, QUESTIONS_MAX,
};
use crate::manifest::{Manifest, ManifestError};
use crate::plan::{Obligation, ObligationKind, ObligationOperand};
use crate::question::PredicateError;
use crate::registry::{Attribute, Name};

pub use statement::{
    Absent, Check, Condition, Effect, Missing, Sense, Statement, StatementId, StatementIdError,
};

/// Most statements of one module.
pub const STATEMENTS_MAX: usize = 2_000;

/// Compiles statements into a module of the interface `postern:policy/1`.
///
/// The module decides: deny, if a statement that denies holds; else allow, if one that allows holds, under the
/// obligations of all that do; else deny, if one that denies unless another allows holds; else no opinion. The attributes of `manifest` are replaced by those that the statements
/// use. The same input gives the same bytes.
///
/// # Errors
/// Where the statements need more than an evaluation may ask, or one of them more than the interface can say.
pub fn compile(statements: &[Statement], manifest: &Manifest) -> Result<Vec<u8>, CompileError> {
    let lowered = lower::lower(statements)?;
    let manifest = Manifest {
        attributes: lowered.attributes.iter().map(ToString::to_string).collect(),
        ..manifest.clone()
    };
    emit::module(&lowered.program, &manifest.to_json()?)
}

/// Why statements have no module.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The manifest cannot be written.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// More statements than [`STATEMENTS_MAX`].
    #[error("{count} statements, more than {STATEMENTS_MAX}")]
    TooManyStatements {
        /// How many there are.
        count: usize,
    },
    /// More different questions than an evaluation may ask: some request might need all of them.
    #[error("{count} different questions, more than the {QUESTIONS_MAX} of one evaluation")]
    TooManyQuestions {
        /// How many there are.
        count: usize,
    },
    /// More attributes than a module's table holds.
    #[error("more than {ATTRIBUTES_MAX} attributes")]
    TooManyAttributes,
    /// More different obligations than an evaluation may ask for.
    #[error("{count} different obligations, more than {OBLIGATIONS_MAX}")]
    TooManyObligations {
        /// How many there are.
        count: usize,
    },
    /// A condition that the interface cannot express.
    #[error("statement `{statement}`: {source}")]
    Predicate {
        /// The statement that holds the condition.
        statement: StatementId,
        /// What is wrong with it.
        source: PredicateError,
    },
    /// The code would be too long: Cranelift's time grows faster than a function.
    #[error("{bytes} bytes of code, more than {FUNCTION_BYTES_MAX}")]
    CodeTooLong {
        /// How long it is.
        bytes: usize,
    },
    /// The module would be too large.
    #[error("a module of {bytes} bytes, more than {MODULE_BYTES_MAX}")]
    ModuleTooLarge {
        /// How large it is.
        bytes: usize,
    },
}

/// The attribute of a name that has no parameter.
#[expect(
    clippy::expect_used,
    reason = "only names without a parameter are written in this module"
)]
fn attribute(name: Name) -> Attribute {
    Attribute::plain(name).expect("a name without a parameter")
}

/// Any value of the attribute is one of these texts.
fn one_of<T: AsRef<[u8]>>(name: Name, texts: impl IntoIterator<Item = T>) -> Condition {
    Condition::one_of(attribute(name), texts)
}

/// An obligation without an operand.
const fn owed(kind: ObligationKind) -> Obligation {
    Obligation {
        kind,
        operand: ObligationOperand::None,
    }
}

/// An obligation whose operand is what the attribute holds.
fn owed_by(kind: ObligationKind, name: Name) -> Obligation {
    Obligation {
        kind,
        operand: ObligationOperand::Reference(attribute(name)),
    }
}
