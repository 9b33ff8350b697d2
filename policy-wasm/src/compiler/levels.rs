//! A table of operations and levels becomes the statements of one module that serves every level.
//!
//! The table is data and belongs to whoever owns the levels; this file only knows what its cells mean. A row speaks of
//! one operation and one atom, because one request may need several: a PutObject that carries an ACL is checked for
//! `obj.write` and again for `acl.write`. A check whose operation and atom have no row of their own gets the strictest
//! of all rows of its atom; so that is the rule of the atom, and only rows that say something else name their
//! operations. The usual request is decided by two questions.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::ObligationKind;
use crate::registry::{Attribute, Name};

use super::statement::{Condition, Statement, StatementId};
use super::{attribute, one_of, owed, owed_by};

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The operation's name in the S3 API: a value of `postern:Operation`.
    pub operation: String,
    /// What it needs: a value of `postern:Atom`.
    pub atom: String,
    /// A cell for each level, by its name. A level without a cell is denied.
    pub cells: BTreeMap<String, Cell>,
}

/// What a level may do in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cell {
    /// Allowed.
    Allow,
    /// Denied.
    Deny,
    /// Allowed, and the answer shows only what the key may see.
    Filtered,
    /// Allowed on objects and uploads that the caller has made.
    Own,
    /// As [`Cell::Own`], and filtered.
    OwnFiltered,
    /// As [`Cell::Own`], where `postern:WriteHead` does not say otherwise. Whoever answers a refusal says 404 and not
    /// 403, since a 403 would tell a writer that the object of another is there.
    OwnElseNotFound,
    /// Allowed if `postern:WriteDeletes` is `markers` or `all`.
    DeletesMarkers,
    /// Allowed if `postern:WriteDeletes` is `all`.
    DeletesAll,
    /// Allowed if the key carries the flag `postern:KeyLockBypass`.
    LockBypass,
}

/// The statements of a table: a module of them allows what a cell allows, and has no opinion of anything else.
///
/// `level` is the attribute that holds the level: of the key, of a sub-user.
pub fn statements(rows: &[Row], level: &Attribute) -> Vec<Statement> {
    let mut levels: Vec<&str> = Vec::new();
    for name in rows.iter().flat_map(|row| row.cells.keys()) {
        if !levels.contains(&name.as_str()) {
            levels.push(name);
        }
    }
    levels
        .into_iter()
        .flat_map(|name| {
            Level {
                attribute: level,
                name,
                rows,
            }
            .statements()
        })
        .collect()
}

/// One column of the table.
struct Level<'a> {
    attribute: &'a Attribute,
    name: &'a str,
    rows: &'a [Row],
}

/// What a cell asks for beside the level, the operation and the atom; empty: nothing.
type Demands = BTreeSet<Demand>;

/// The operations of an atom and what they ask for, `None`: denied. In the order of the table.
type Operations<'a> = Vec<(&'a str, Option<Demands>)>;

impl<'a> Level<'a> {
    fn statements(&self) -> Vec<Statement> {
        let mut whole: BTreeMap<Demands, Vec<&str>> = BTreeMap::new();
        let mut apart = Vec::new();
        for (atom, operations) in self.atoms() {
            let strictest = meet(operations.iter().map(|(_, demands)| demands.clone()));
            let mut named: BTreeMap<&Demands, Vec<&str>> = BTreeMap::new();
            for (operation, demands) in &operations {
                if let Some(looser) = demands.as_ref().filter(|_| *demands != strictest) {
                    named.entry(looser).or_default().push(operation);
                }
            }
            match &strictest {
                Some(demands) if named.is_empty() => {
                    whole.entry(demands.clone()).or_default().push(atom);
                }
                Some(demands) => {
                    let others = one_of(Name::Operation, named.values().flatten()).negated();
                    apart.push(self.statement(demands, &[atom]).when(others));
                }
                None => {}
            }
            apart.extend(named.iter().map(|(demands, operations)| {
                self.statement(demands, &[atom])
                    .when(one_of(Name::Operation, operations))
            }));
        }
        let mut statements: Vec<Statement> = whole
            .iter()
            .map(|(demands, atoms)| self.statement(demands, atoms))
            .collect();
        statements.extend(apart);
        statements
    }

    fn atoms(&self) -> Vec<(&'a str, Operations<'a>)> {
        let mut atoms: Vec<(&str, Operations<'_>)> = Vec::new();
        for row in self.rows {
            let place = atoms
                .iter()
                .position(|(atom, _)| *atom == row.atom)
                .unwrap_or_else(|| {
                    atoms.push((&row.atom, Vec::new()));
                    atoms.len() - 1
                });
            let Some((_, operations)) = atoms.get_mut(place) else {
                continue;
            };
            let demands = row
                .cells
                .get(self.name)
                .copied()
                .unwrap_or(Cell::Deny)
                .demands(&row.operation);
            match operations
                .iter_mut()
                .find(|(operation, _)| *operation == row.operation)
            {
                // Two rows of the same pair: both hold.
                Some((_, known)) => *known = meet([known.take(), demands]),
                None => operations.push((&row.operation, demands)),
            }
        }
        atoms
    }

    /// The level may do what needs these atoms, if the demands are met.
    fn statement(&self, demands: &Demands, atoms: &[&str]) -> Statement {
        let words: Vec<&str> = demands.iter().map(|demand| demand.word()).collect();
        let words = if words.is_empty() {
            "allow".to_owned()
        } else {
            words.join("+")
        };
        let id = match atoms {
            [atom] => format!("level.{}.{words}.{atom}", self.name),
            _ => format!("level.{}.{words}", self.name),
        };
        let statement = Statement::allow(StatementId::of(&id))
            .to(one_of(Name::Atom, atoms))
            .when(Condition::one_of(self.attribute.clone(), [self.name]));
        demands
            .iter()
            .fold(statement, |statement, demand| demand.add_to(statement))
    }
}

/// The strictest of cells: one that denies wins, and demands add up.
fn meet(cells: impl IntoIterator<Item = Option<Demands>>) -> Option<Demands> {
    cells.into_iter().try_fold(Demands::new(), |mut all, cell| {
        all.extend(cell?);
        Some(all)
    })
}

/// One thing that a cell asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Demand {
    Buckets,
    Prefixes,
    Creator,
    HeadOwn,
    Markers,
    All,
    Bypass,
}

impl Cell {
    /// What the cell asks for in a row of this operation: a list of buckets is filtered by the buckets of the key, any
    /// other by its prefixes.
    fn demands(self, operation: &str) -> Option<Demands> {
        let filter = if operation == "ListBuckets" {
            Demand::Buckets
        } else {
            Demand::Prefixes
        };
        let demands: &[Demand] = match self {
            Self::Allow => &[],
            Self::Deny => return None,
            Self::Filtered => &[filter],
            Self::Own => &[Demand::Creator],
            Self::OwnFiltered => &[Demand::Creator, filter],
            Self::OwnElseNotFound => &[Demand::Creator, Demand::HeadOwn],
            Self::DeletesMarkers => &[Demand::Markers],
            Self::DeletesAll => &[Demand::All],
            Self::LockBypass => &[Demand::Bypass],
        };
        Some(demands.iter().copied().collect())
    }
}

impl Demand {
    const fn word(self) -> &'static str {
        match self {
            Self::Buckets | Self::Prefixes => "filtered",
            Self::Creator => "own",
            Self::HeadOwn => "head",
            Self::Markers => "markers",
            Self::All => "versions",
            Self::Bypass => "bypass",
        }
    }

    fn add_to(self, statement: Statement) -> Statement {
        match self {
            Self::Buckets => statement.owing(owed_by(ObligationKind::FilterList, Name::KeyBuckets)),
            Self::Prefixes => {
                statement.owing(owed_by(ObligationKind::FilterList, Name::KeyPrefixes))
            }
            Self::Creator => statement.owing(owed(ObligationKind::RequireCreator)),
            Self::HeadOwn => {
                statement.when(one_of(Name::WriteHead, ["deny", "blind404"]).negated())
            }
            Self::Markers => statement.when(one_of(Name::WriteDeletes, ["markers", "all"])),
            Self::All => statement.when(one_of(Name::WriteDeletes, ["all"])),
            Self::Bypass => statement.when(Condition::truth(attribute(Name::KeyLockBypass), true)),
        }
    }
}
