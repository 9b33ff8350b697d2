//! What can be wrong with a document, and what its author should look at again. Each says where, and what was expected.

use std::fmt;

use super::super::CompileError;
use crate::limits::{
    DOCUMENT_BYTES_MAX, DOCUMENT_FAULTS_MAX, DOCUMENT_STATEMENTS_MAX, OPERAND_BYTES_MAX,
    TEMPLATE_PARTS_MAX, TEMPLATE_REFERENCES_MAX,
};

/// Why a document has no statements, or its statements no module.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It is not understood.
    #[error(transparent)]
    Faults(#[from] Faults),
    /// It is understood, and more than a module can say.
    #[error("{at}: {source}")]
    Compile {
        /// The statement, or the begin of the document.
        at: Position,
        /// What is too much.
        source: CompileError,
    },
}

/// Everything that is wrong with a document, in the order of its text, at most [`DOCUMENT_FAULTS_MAX`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl std::error::Error for Faults {}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {cause}")]
pub struct Fault {
    /// Where.
    pub at: Position,
    /// What.
    pub cause: Cause,
}

/// A place in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line, from 1.
    pub line: u32,
    /// The character of that line, from 1.
    pub column: u32,
}

/// A kind of names that documents use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// An element of the policy: `Statement`.
    Policy,
    /// An element of a statement: `Effect`.
    Statement,
    /// What `Version` may be.
    Version,
    /// What `Effect` may be.
    Effect,
    /// A kind of principals: `AWS`.
    Principal,
    /// An action of S3.
    Action,
    /// A condition operator.
    Operator,
    /// A condition key.
    Key,
    /// A variable.
    Variable,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// The text is not JSON.
    #[error("not JSON: {message}")]
    Json {
        /// What the reader of JSON says.
        message: String,
    },
    /// The text is too long.
    #[error("{bytes} bytes, more than the {DOCUMENT_BYTES_MAX} of a document")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Too many statements.
    #[error("{count} statements, more than the {DOCUMENT_STATEMENTS_MAX} of a document")]
    TooManyStatements {
        /// How many there are.
        count: usize,
    },
    /// A value of another type than the element has.
    #[error("{found} where {expected} belongs")]
    Type {
        /// What stands there.
        found: &'static str,
        /// What belongs there.
        expected: &'static str,
    },
    /// A name that there is not.
    #[error("unknown {element} `{name}`{}", proposal(.nearest.as_deref(), .element.expected()))]
    Unknown {
        /// Of which kind.
        element: Element,
        /// The name.
        name: String,
        /// The name that is most like it.
        nearest: Option<String>,
    },
    /// A member of an object that stands there twice.
    #[error("`{name}` stands here twice, first in {first}")]
    Duplicate {
        /// Its name.
        name: String,
        /// Where it stood first.
        first: Position,
    },
    /// An element that a statement or policy needs.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// Two elements that exclude each other.
    #[error("both `{0}` and `{1}`: a statement has one of them")]
    Both(&'static str, &'static str),
    /// A policy without a statement.
    #[error("a policy has at least one statement")]
    NoStatement,
    /// A Sid that another statement has.
    #[error("another statement has the Sid `{sid}`, in {first}")]
    SidTwice {
        /// The Sid.
        sid: String,
        /// Where it stood first.
        first: Position,
    },
    /// An identity policy that names principals.
    #[error("`{0}` in an identity policy: the principal is whoever the policy is attached to")]
    PrincipalInIdentity(&'static str),
    /// `NotPrincipal` in a statement that allows.
    #[error(
        "`NotPrincipal` with `Allow` would allow everyone else, unsigned requests among them; name whom to allow"
    )]
    NotPrincipalWithAllow,
    /// Principals that do not exist here.
    #[error(
        "there are no principals of the kind `{0}` here; use `AWS` with accounts, users and roles"
    )]
    PrincipalKind(String),
    /// Something that is no principal.
    #[error(
        "`{0}` is no principal: expected `*`, the number of an account, or the ARN of an account (`arn:aws:iam::123456789012:root`), user, role or session"
    )]
    Principal(String),
    /// A wildcard within a principal.
    #[error(
        "`{0}`: a principal has no wildcards; use the principal `*` with the condition `ArnLike` on `aws:PrincipalArn`"
    )]
    PrincipalWildcard(String),
    /// Something that is no action.
    #[error("`{0}` is no action: expected `*` or a service, a colon and a name, as `s3:GetObject`")]
    Action(String),
    /// An action of another service in a bucket policy.
    #[error("`{0}` is no action on a bucket: expected an action of `s3`")]
    ForeignAction(String),
    /// An action that is not how a role is assumed.
    #[error("`{0}` is no way to assume a role: expected an action of `sts`, as `sts:AssumeRole`")]
    NotOfTrust(String),
    /// Resources where the resource is known.
    #[error("`{0}` in a document that says who may assume a role: it is about that role alone")]
    ResourceInTrust(&'static str),
    /// A pattern that no action fits.
    #[error("no action of S3 fits `{0}`")]
    NoSuchAction(String),
    /// Something that is no resource.
    #[error("`{0}` is no resource: expected `*` or an ARN, as `arn:aws:s3:::bucket/key*`")]
    Resource(String),
    /// A resource that is not in the bucket of the policy.
    #[error(
        "`{resource}` is not in this bucket: expected `arn:aws:s3:::{bucket}` or `arn:aws:s3:::{bucket}/…`"
    )]
    ForeignResource {
        /// The resource.
        resource: String,
        /// The bucket of the policy.
        bucket: String,
    },
    /// A variable before the fifth colon of an ARN.
    #[error("`{0}`: a variable stands behind the fifth colon of a resource")]
    VariableInArn(String),
    /// A variable where there may be none.
    #[error("`{0}`: only operators on texts and on ARNs take variables")]
    VariableInOperator(String),
    /// Text with a variable that is not written as one.
    #[error("`{text}`: {expected}")]
    Variable {
        /// The text.
        text: String,
        /// What was expected.
        expected: &'static str,
    },
    /// A variable that has several values.
    #[error("`{0}` has several values, and a variable has one")]
    VariableOfMany(String),
    /// More variables than a text may have.
    #[error("{count} variables in one text, more than {TEMPLATE_REFERENCES_MAX}")]
    TooManyVariables {
        /// How many.
        count: usize,
    },
    /// More wildcards and variables than a text may have.
    #[error(
        "a text of {count} pieces between wildcards and variables, more than {TEMPLATE_PARTS_MAX}"
    )]
    TooManyParts {
        /// How many.
        count: usize,
    },
    /// A text that is longer than a question can hold.
    #[error("a text of {bytes} bytes, more than {OPERAND_BYTES_MAX} with its overhead")]
    TextTooLong {
        /// How many.
        bytes: usize,
    },
    /// An operator on bytes.
    #[error("`{0}` is not supported: no key of S3 is binary")]
    Binary(String),
    /// A prefix or suffix that the operator does not take.
    #[error("`{operator}`: `Null` takes neither `IfExists` nor a prefix")]
    Null {
        /// The operator as it is written.
        operator: String,
    },
    /// A key whose type the operator does not compare.
    #[error("`{operator}` does not compare `{key}`, which is {kind}; use {instead}")]
    Mismatch {
        /// The operator.
        operator: String,
        /// The key.
        key: String,
        /// What the key is.
        kind: &'static str,
        /// The operators that do.
        instead: &'static str,
    },
    /// A key with several values, under an operator that has no word on how many must match.
    #[error(
        "`{key}` has several values: say `ForAnyValue:{operator}` or `ForAllValues:{operator}`"
    )]
    NoQuantifier {
        /// The key.
        key: String,
        /// The operator.
        operator: String,
    },
    /// A key of AWS that has no answer here.
    #[error("`{0}` is a key of AWS that has no answer here")]
    ForeignKey(String),
    /// A key that needs a parameter, or has one too many.
    #[error("`{key}`: expected {expected}")]
    KeyParameter {
        /// The key.
        key: String,
        /// What it should look like.
        expected: String,
    },
    /// A number that is none.
    #[error("`{0}` is no decimal number, as `10` or `1.2`")]
    Number(String),
    /// A number that the fixed point does not hold.
    #[error(
        "`{0}` does not fit: numbers have at most three digits behind the point and are below 9×10¹⁵"
    )]
    NumberRange(String),
    /// A moment that is none.
    #[error(
        "`{0}` is no moment: expected ISO 8601, as `2026-01-31T12:00:00Z`, or whole seconds since 1970"
    )]
    Moment(String),
    /// Something that is no truth value.
    #[error("`{0}` is neither `true` nor `false`")]
    Truth(String),
    /// Something that is no block of addresses.
    #[error("`{0}` is no address or block of addresses, as `192.0.2.0/24` or `2001:db8::/32`")]
    Network(String),
    /// Something that is no ARN.
    #[error("`{0}` is no ARN: expected six parts with five colons between them, or `*`")]
    Arn(String),
}

/// What an author should look at again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {advice}")]
pub struct Warning {
    /// Where.
    pub at: Position,
    /// What.
    pub advice: Advice,
}

/// What is odd, and means something all the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Advice {
    /// `NotPrincipal` in a statement that denies.
    #[error(
        "`NotPrincipal` is easily misread; say `\"Principal\": \"*\"` with the condition `ArnNotEquals` on `aws:PrincipalArn`"
    )]
    NotPrincipal,
    /// A list that holds nothing.
    #[error("`{0}` is empty: {1}")]
    Empty(&'static str, &'static str),
    /// A variable under a version that has none.
    #[error("`{0}` is plain text here: variables need `\"Version\": \"2012-10-17\"`")]
    VariableInOldVersion(String),
    /// A wildcard under an operator that has none.
    #[error("`{value}`: `{operator}` takes `*` and `?` as they are; {instead} has wildcards")]
    WildcardAsText {
        /// The value.
        value: String,
        /// The operator.
        operator: String,
        /// The operators that do.
        instead: &'static str,
    },
    /// An action of a service that there is not.
    #[error("`{0}`: there is no such service here, so it never happens")]
    ForeignAction(String),
    /// A resource that there is not.
    #[error("`{0}`: buckets and objects have ARNs of the form `arn:aws:s3:::…`, so it never fits")]
    ForeignResource(String),
    /// An action that no resource of the statement is made for.
    #[error("`{action}` is done to {made_for}, and the statement names none")]
    Idle {
        /// The action.
        action: String,
        /// What the action is done to.
        made_for: &'static str,
    },
    /// `ForAllValues` on a key that may be absent, in a statement that allows.
    #[error(
        "`{operator}` holds where `{key}` is absent; add `\"Null\": {{\"{key}\": \"false\"}}` if it must be there"
    )]
    AllOfNone {
        /// The operator.
        operator: String,
        /// The key.
        key: String,
    },
    /// A prefix for lists on a key that has one value.
    #[error("`{key}` has one value: `{operator}` needs no prefix")]
    QuantifierOfOne {
        /// The operator.
        operator: String,
        /// The key.
        key: String,
    },
}

impl Position {
    /// The begin of a text.
    pub const START: Self = Self { line: 1, column: 1 };
}

impl Faults {
    /// The faults in the order of the text.
    pub(super) fn new(mut faults: Vec<Fault>) -> Self {
        faults.sort_by_key(|fault| fault.at);
        faults.truncate(DOCUMENT_FAULTS_MAX);
        Self(faults)
    }

    /// All of them, in the order of the text. There is at least one.
    pub fn as_slice(&self) -> &[Fault] {
        &self.0
    }
}

impl Element {
    /// What may stand there, where it is a short list.
    const fn expected(self) -> &'static str {
        match self {
            Self::Policy => "expected `Version`, `Id` or `Statement`",
            Self::Statement => {
                "expected `Sid`, `Effect`, `Principal`, `NotPrincipal`, `Action`, `NotAction`, `Resource`, `NotResource` or `Condition`"
            }
            Self::Version => "expected `2012-10-17` or `2008-10-17`",
            Self::Effect => "expected `Allow` or `Deny`",
            Self::Principal => "expected `AWS`",
            Self::Action => "expected an action of S3, as `s3:GetObject`",
            Self::Operator => "expected an operator of IAM, as `StringEquals`",
            Self::Key | Self::Variable => "expected a condition key of S3, as `aws:SourceIp`",
        }
    }
}

fn proposal(nearest: Option<&str>, expected: &str) -> String {
    match nearest {
        Some(nearest) => format!("; did you mean `{nearest}`?"),
        None => format!("; {expected}"),
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Policy => "element of a policy",
            Self::Statement => "element of a statement",
            Self::Version => "version",
            Self::Effect => "effect",
            Self::Principal => "kind of principals",
            Self::Action => "action",
            Self::Operator => "condition operator",
            Self::Key => "condition key",
            Self::Variable => "variable",
        })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, fault) in self.0.iter().enumerate() {
            write!(f, "{}{fault}", if place == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}
