//! What stands between statements and WebAssembly: clauses over a list of distinct questions.

/// A whole module: denials are tried first, then what allows, then what denies because nothing allowed.
#[derive(Debug, Default)]
pub(super) struct Program {
    /// Every distinct question, in the order in which it is first used.
    pub(super) asks: Vec<Ask>,
    /// Every distinct obligation.
    pub(super) duties: Vec<Duty>,
    /// Statements that deny; the first that holds ends the evaluation.
    pub(super) denials: Vec<Clause>,
    /// Statements that allow and oblige: all of them are tried, because the obligations of all that hold are owed.
    pub(super) bound: Vec<Clause>,
    /// Statements that allow and oblige to nothing; the first that holds ends the evaluation.
    pub(super) free: Vec<Clause>,
    /// Statements that deny where nothing allowed; the first that holds ends the evaluation.
    pub(super) last: Vec<Clause>,
}

impl Program {
    /// All clauses in the order in which they are tried.
    pub(super) fn clauses(&self) -> impl Iterator<Item = &Clause> {
        self.denials
            .iter()
            .chain(&self.bound)
            .chain(&self.free)
            .chain(&self.last)
    }
}

/// One statement: it holds when every term holds.
#[derive(Debug)]
pub(super) struct Clause {
    /// What `because` names.
    pub(super) id: String,
    pub(super) terms: Vec<Term>,
    /// Indices into [`Program::duties`].
    pub(super) duties: Vec<usize>,
}

/// Holds when one of its literals does; an empty one never does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Term {
    pub(super) literals: Vec<Literal>,
}

/// A question and the answer that is hoped for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Literal {
    /// Index into [`Program::asks`].
    pub(super) ask: usize,
    pub(super) hoped: Hoped,
}

/// The answer that makes a literal hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hoped {
    Yes,
    No,
}

/// A question as the interface puts it: an import called with an attribute and an operand.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Ask {
    /// Name of the import in the module `postern`.
    pub(super) import: &'static str,
    /// Index into the manifest's table of attributes.
    pub(super) attribute: i32,
    pub(super) operand: Operand,
}

/// What follows the attribute in the call of an import.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Operand {
    /// Nothing: `present`.
    None,
    /// A number of the interface: `below`.
    Number(i64),
    /// Bytes in the module's memory.
    Bytes(Vec<u8>),
}

/// An obligation as the interface takes it: the arguments of one call of `oblige`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Duty {
    pub(super) kind: i32,
    /// The attribute that holds the operand, or the interface's number for "none".
    pub(super) attribute: i32,
    /// A constant operand.
    pub(super) constant: Vec<u8>,
}
