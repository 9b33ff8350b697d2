//! The decision table: each operation of S3 by level of the key. One data file that policies are made from and tests iterate.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use s3_protocol::Operation;
use s3_protocol::operation::Tier;

use crate::directory::Level;

/// The table as it ships.
const STANDARD: &str = include_str!("../decision-table.tsv");
/// Columns of a row; the note may be missing.
const COLUMNS: usize = 11;

/// The decision table: one row for each operation.
#[derive(Clone, Debug)]
pub struct DecisionTable {
    rows: Arc<BTreeMap<Operation, DecisionRow>>,
}

/// What the table says of one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionRow {
    /// The number of the row; several operations may share one.
    pub number: u16,
    /// The operation.
    pub operation: Operation,
    /// When it is built.
    pub tier: Tier,
    /// The kind of thing that it does, such as `read`.
    pub category: String,
    /// The atoms that it needs, all of them. None where no right is asked for.
    pub atoms: Vec<Atom>,
    /// By level: Full, Read/Write, Read, Write, in the order of [`Level::ALL`].
    pub levels: [Cell; 4],
    /// For anonymous callers.
    pub anonymous: Cell,
    /// What else there is to know.
    pub note: String,
}

impl DecisionRow {
    /// What a key of this level gets.
    pub const fn at(&self, level: Level) -> Cell {
        let [full, read_write, read, write] = self.levels;
        match level {
            Level::Full => full,
            Level::ReadWrite => read_write,
            Level::Read => read,
            Level::Write => write,
        }
    }
}

macro_rules! symbols {
    ($($(#[$doc:meta])* $name:ident, $symbol:literal;)*) => {
        /// What a caller gets.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Cell { $($(#[$doc])* $name,)* }

        impl Cell {
            /// As the table writes it.
            pub const fn symbol(self) -> &'static str {
                match self { $(Self::$name => $symbol,)* }
            }

            fn read(text: &str) -> Option<Self> {
                match text { $($symbol => Some(Self::$name),)* _ => None }
            }
        }
    };
}

symbols! {
    /// It is allowed.
    Allowed, "✓";
    /// It is denied.
    Denied, "–";
    /// It is allowed and shows what the key may see alone.
    Filtered, "F";
    /// It is allowed on the caller's own objects and uploads.
    Own, "O";
    /// It is allowed on the caller's own, and shows those alone.
    OwnFiltered, "O,F";
    /// It is allowed where `write_deletes` is markers or more.
    IfMarkers, "D";
    /// It is allowed where `write_deletes` is all.
    IfAll, "V";
    /// Each entry by itself: without a version as [`Cell::IfMarkers`], with one as [`Cell::IfAll`].
    IfMarkersOrAll, "D,V";
    /// 409 BucketAlreadyOwnedByYou where the bucket exists in the caller's own namespace, else denied.
    IfExists, "I";
    /// It is allowed where the bucket is public for this class.
    IfPublic, "A";
    /// It is allowed where the key has the flag `bypass_governance`.
    IfFlag, "B";
}

macro_rules! atoms {
    ($($(#[$doc:meta])* $name:ident, $text:literal;)*) => {
        /// An atom of permission. Every layer is a set of atoms, and layers combine by intersection.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Atom { $($(#[$doc])* $name,)* }

        impl Atom {
            /// Every atom.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name, such as `obj.read`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

atoms! {
    /// ListBuckets.
    NsList, "ns.list";
    /// HeadBucket, GetBucketLocation.
    BktFind, "bkt.find";
    /// List objects and versions.
    BktList, "bkt.list";
    /// Read the configuration of a bucket.
    ConfRead, "conf.read";
    /// Read objects, their tags, retention, attributes.
    ObjRead, "obj.read";
    /// HeadObject.
    ObjHead, "obj.head";
    /// Write objects and their tags.
    ObjWrite, "obj.write";
    /// See uploads and their parts.
    MpuSee, "mpu.see";
    /// Abort uploads.
    MpuAbort, "mpu.abort";
    /// Delete without naming a version.
    ObjDelete, "obj.delete";
    /// Delete a version.
    ObjDelver, "obj.delver";
    /// Set or lengthen retention, set a legal hold.
    LockExtend, "lock.extend";
    /// Shorten retention, remove a hold, bypass governance.
    LockBypass, "lock.bypass";
    /// CreateBucket.
    ManageCreate, "manage.create";
    /// DeleteBucket.
    ManageDelete, "manage.delete";
    /// Write the configuration of a bucket.
    ManageConf, "manage.conf";
    /// Read ACL, policy, public access, ownership.
    AclRead, "acl.read";
    /// Write them.
    AclWrite, "acl.write";
}

impl std::str::FromStr for Atom {
    type Err = crate::directory::UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|atom| atom.as_str() == text);
        found.copied().ok_or_else(|| {
            crate::directory::UnknownWord::new("atom", text, Self::ALL.iter().map(|it| it.as_str()))
        })
    }
}

impl fmt::Display for Atom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a text is not a decision table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// A line is not a row.
    #[error("line {line}: {fault}")]
    Line {
        /// Which, the first is 1.
        line: usize,
        /// What is wrong.
        fault: String,
    },
    /// An operation has no row.
    #[error("there is no row for {0}")]
    Missing(Operation),
}

impl DecisionTable {
    /// The table as it ships.
    ///
    /// # Errors
    /// None in a build whose tests passed.
    pub fn standard() -> Result<Self, TableError> {
        Self::parse(STANDARD)
    }

    /// Reads a table. Each operation has exactly one row, of the tier that the language of S3 gives it.
    pub fn parse(text: &str) -> Result<Self, TableError> {
        let mut rows = BTreeMap::new();
        for (number, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let fault = |fault: String| TableError::Line {
                line: number + 1,
                fault,
            };
            let row = read_row(line).map_err(fault)?;
            let operation = row.operation;
            if rows.insert(operation, row).is_some() {
                return Err(fault(format!("a second row for {operation}")));
            }
        }
        match Operation::ALL
            .iter()
            .find(|operation| !rows.contains_key(operation))
        {
            Some(operation) => Err(TableError::Missing(*operation)),
            None => Ok(Self {
                rows: Arc::new(rows),
            }),
        }
    }

    /// The row of an operation.
    pub fn row(&self, operation: Operation) -> Option<&DecisionRow> {
        self.rows.get(&operation)
    }

    /// Every row, in the order of [`Operation::ALL`].
    pub fn rows(&self) -> impl Iterator<Item = &DecisionRow> {
        self.rows.values()
    }

    /// The atoms of a level, each with the best that any operation of this atom alone gets: the atoms' table, derived.
    pub fn atoms_of(&self, level: Level) -> BTreeMap<Atom, BTreeSet<Cell>> {
        let mut atoms: BTreeMap<Atom, BTreeSet<Cell>> = BTreeMap::new();
        for row in self.rows() {
            if let [atom] = row.atoms.as_slice()
                && row.tier != Tier::Never
            {
                atoms.entry(*atom).or_default().insert(row.at(level));
            }
        }
        atoms
    }
}

fn read_row(line: &str) -> Result<DecisionRow, String> {
    let columns: Vec<&str> = line.splitn(COLUMNS, '\t').collect();
    let [
        number,
        operation,
        tier,
        category,
        atoms,
        full,
        read_write,
        read,
        write,
        anonymous,
        ..,
    ] = columns.as_slice()
    else {
        return Err(format!(
            "a row has {COLUMNS} columns, the note may be missing"
        ));
    };
    let operation: Operation = operation.parse().map_err(|error| format!("{error}"))?;
    let tier = match *tier {
        "1" => Tier::One,
        "2" => Tier::Two,
        "S" => Tier::Stub,
        "NI" => Tier::Never,
        other => return Err(format!("not a tier: `{other}`")),
    };
    if tier != operation.tier() {
        return Err(format!("{operation} is of another tier"));
    }
    let cell = |text: &&str| Cell::read(text).ok_or_else(|| format!("not a cell: `{text}`"));
    Ok(DecisionRow {
        number: number
            .parse()
            .map_err(|_| format!("not a number: `{number}`"))?,
        operation,
        tier,
        category: (*category).to_owned(),
        atoms: read_atoms(atoms)?,
        levels: [cell(full)?, cell(read_write)?, cell(read)?, cell(write)?],
        anonymous: cell(anonymous)?,
        note: columns
            .get(COLUMNS - 1)
            .map_or(String::new(), |note| (*note).to_owned()),
    })
}

fn read_atoms(text: &str) -> Result<Vec<Atom>, String> {
    if text == "-" {
        return Ok(Vec::new());
    }
    let read = |name: &str| {
        let found = Atom::ALL.iter().find(|atom| atom.as_str() == name);
        found
            .copied()
            .ok_or_else(|| format!("not an atom: `{name}`"))
    };
    text.split(',').map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> DecisionTable {
        DecisionTable::standard().unwrap()
    }

    #[test]
    fn every_operation_has_exactly_one_row() {
        assert_eq!(table().rows().count(), Operation::ALL.len());
        let first = STANDARD
            .lines()
            .find(|line| line.starts_with("38\t"))
            .unwrap();
        let doubled = format!("{STANDARD}{first}\n");
        assert!(matches!(
            DecisionTable::parse(&doubled),
            Err(TableError::Line { .. })
        ));
        let without = STANDARD.replace(&format!("{first}\n"), "");
        let refused = DecisionTable::parse(&without).unwrap_err();
        assert_eq!(refused, TableError::Missing(Operation::GetObject));
    }

    #[test]
    fn the_atoms_of_the_levels_are_those_of_the_model() {
        // Atom, then Full, Read/Write, Read, Write.
        let model = "
            ns.list ✓ F F F
            bkt.find ✓ ✓ ✓ ✓
            bkt.list ✓ ✓ ✓ –
            conf.read ✓ ✓ ✓ –
            obj.head ✓ ✓ ✓ O
            mpu.abort ✓ ✓ – O
            obj.delete ✓ ✓ – D
            obj.delver ✓ ✓ – V
            lock.extend ✓ ✓ – –
            manage.create ✓ I I I
            manage.delete ✓ – – –
            manage.conf ✓ – – –
            acl.read ✓ – – –
            acl.write ✓ – – –";
        let table = table();
        for line in model.lines().filter(|line| !line.trim().is_empty()) {
            let words: Vec<&str> = line.split_whitespace().collect();
            for (level, symbol) in Level::ALL.into_iter().zip(&words[1..]) {
                let derived = table.atoms_of(level);
                let atom = Atom::ALL
                    .iter()
                    .find(|atom| atom.as_str() == words[0])
                    .unwrap();
                let cells: Vec<_> = derived[atom].iter().map(|cell| cell.symbol()).collect();
                assert_eq!(cells, [*symbol], "{atom} at {level}");
            }
        }
        // These have operations that differ within the atom, for Write keys.
        let write = table.atoms_of(Level::Write);
        assert!(write[&Atom::ObjRead].is_superset(&BTreeSet::from([Cell::Denied, Cell::Own])));
        assert!(write[&Atom::ObjWrite].contains(&Cell::Allowed));
        assert_eq!(
            write[&Atom::MpuSee],
            BTreeSet::from([Cell::Own, Cell::OwnFiltered])
        );
    }

    #[test]
    fn anonymous_callers_get_what_is_public_and_preflights_alone() {
        for row in table().rows() {
            let expected = matches!(row.anonymous, Cell::Denied)
                || (row.anonymous == Cell::Allowed && row.operation == Operation::Preflight)
                || (row.anonymous == Cell::IfPublic
                    && matches!(
                        row.operation,
                        Operation::HeadBucket
                            | Operation::ListObjects
                            | Operation::ListObjectsV2
                            | Operation::GetObject
                            | Operation::HeadObject
                    ));
            assert!(expected, "{}", row.operation);
        }
    }

    #[test]
    fn a_wider_level_never_gets_less() {
        for row in table().rows() {
            for narrower in [Level::ReadWrite, Level::Read, Level::Write] {
                let gets_something = row.at(narrower) != Cell::Denied;
                assert!(
                    !gets_something || row.at(Level::Full) == Cell::Allowed,
                    "{}",
                    row.operation
                );
            }
        }
    }
}
