//! What a key needs of what it may: a narrower scope, proposed from what it was used for.
//!
//! The proposal never allows what the present scope does not, and allows all uses that were seen and that the present
//! scope allows. It does not know what the key will be needed for tomorrow; whoever applies it should.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::compiler::levels::{Cell, Row};
use crate::limits::PROPOSED_PREFIXES_MAX;

/// What a key was used for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Use {
    /// The operation's name in the S3 API.
    pub operation: String,
    /// The atoms that it needed; empty where that was not recorded: then those of all rows of the operation.
    pub atoms: Vec<String>,
    /// The bucket, where there was one.
    pub bucket: Option<String>,
    /// The key of the object, or the prefix of a list, where there was one.
    pub key: Option<String>,
    /// How often.
    pub count: u64,
}

/// What a key may do. A list that is not there restricts nothing, an empty one forbids everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Scope {
    /// The level, by its name in the table.
    pub level: String,
    /// The buckets.
    pub buckets: Option<Vec<String>>,
    /// The prefixes of keys, in whichever bucket.
    pub prefixes: Option<Vec<String>>,
    /// The operations.
    pub operations: Option<Vec<String>>,
}

/// A narrower scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Narrower {
    /// The proposal.
    pub scope: Scope,
    /// What the present scope allows and nobody used.
    pub unused: Unused,
    /// Uses that the present scope does not allow: they were refused, and the proposal does not heed them.
    pub outside: Vec<Use>,
}

/// Rights that were not used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Unused {
    /// Operations that level and list allow.
    pub operations: Vec<String>,
    /// Buckets of the list.
    pub buckets: Vec<String>,
    /// Prefixes of the list.
    pub prefixes: Vec<String>,
}

/// The narrowest scope that the table of levels, the present scope and the uses suggest; `None` where nothing was used:
/// then the key itself is not needed.
pub fn right_size(rows: &[Row], present: &Scope, uses: &[Use]) -> Option<Narrower> {
    let (inside, outside): (Vec<&Use>, Vec<&Use>) =
        uses.iter().partition(|used| present.allows(rows, used));
    if inside.is_empty() {
        return None;
    }
    let buckets: BTreeSet<&String> = inside
        .iter()
        .filter_map(|used| used.bucket.as_ref())
        .collect();
    let operations: BTreeSet<&String> = inside.iter().map(|used| &used.operation).collect();
    // A use without a bucket, the list of buckets, shows those of the list: it says nothing of which are needed.
    let scope = Scope {
        level: lowest(rows, &present.level, &inside),
        buckets: if buckets.is_empty() {
            present.buckets.clone()
        } else {
            Some(buckets.iter().map(ToString::to_string).collect())
        },
        prefixes: prefixes(present, &inside),
        operations: present
            .operations
            .as_ref()
            .map(|_| operations.iter().map(ToString::to_string).collect()),
    };
    let unused = Unused {
        operations: present
            .operations(rows)
            .into_iter()
            .filter(|operation| !operations.contains(operation))
            .collect(),
        buckets: listed(present.buckets.as_deref(), |bucket| {
            !buckets.contains(bucket)
        }),
        prefixes: listed(present.prefixes.as_deref(), |prefix| {
            let mut keys = inside.iter().filter_map(|used| used.key.as_ref());
            !keys.any(|key| key.starts_with(prefix.as_str()))
        }),
    };
    Some(Narrower {
        scope,
        unused,
        outside: outside.into_iter().cloned().collect(),
    })
}

fn listed(list: Option<&[String]>, wanted: impl Fn(&String) -> bool) -> Vec<String> {
    let list = list.unwrap_or_default().iter();
    list.filter(|entry| wanted(entry)).cloned().collect()
}

impl Scope {
    /// Whether this scope allows the use, as far as level and lists say.
    pub fn allows(&self, rows: &[Row], used: &Use) -> bool {
        let among = |list: &Option<Vec<String>>, entry: Option<&String>| match (list, entry) {
            (Some(list), Some(entry)) => list.contains(entry),
            _ => true,
        };
        let below = match (&self.prefixes, &used.key) {
            (Some(prefixes), Some(key)) => prefixes.iter().any(|p| key.starts_with(p.as_str())),
            _ => true,
        };
        let mut cells = cells(rows, &self.level, used).peekable();
        cells.peek().is_some()
            && cells.all(|cell| cell != Cell::Deny)
            && among(&self.operations, Some(&used.operation))
            && among(&self.buckets, used.bucket.as_ref())
            && below
    }

    /// The operations that level and list allow, in the order of the table.
    fn operations(&self, rows: &[Row]) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for row in rows {
            let allowed = cell(row, &self.level) != Cell::Deny;
            let listed = self
                .operations
                .as_ref()
                .is_none_or(|list| list.contains(&row.operation));
            if allowed && listed && !all.contains(&row.operation) {
                all.push(row.operation.clone());
            }
        }
        all
    }
}

fn cell(row: &Row, level: &str) -> Cell {
    row.cells.get(level).copied().unwrap_or(Cell::Deny)
}

fn cells<'a>(rows: &'a [Row], level: &'a str, used: &'a Use) -> impl Iterator<Item = Cell> + 'a {
    rows.iter()
        .filter(|row| row.operation == used.operation)
        .filter(|row| used.atoms.is_empty() || used.atoms.contains(&row.atom))
        .map(move |row| cell(row, level))
}

/// The level with the fewest rights that allows every use without a condition that the uses may not have met, and
/// nothing that the present one does not allow.
fn lowest(rows: &[Row], present: &str, uses: &[&Use]) -> String {
    let names: BTreeSet<&str> = rows
        .iter()
        .flat_map(|row| row.cells.keys().map(String::as_str))
        .collect();
    let rights = |level: &str| {
        rows.iter()
            .filter(|row| cell(row, level) != Cell::Deny)
            .count()
    };
    let narrower = |level: &str| {
        rows.iter().all(|row| {
            let (mine, present) = (cell(row, level), cell(row, present));
            mine == Cell::Deny || mine == present || present == Cell::Allow
        })
    };
    let covers = |level: &str| {
        uses.iter().all(|used| {
            let (mine, present) = (cells(rows, level, used), cells(rows, present, used));
            mine.zip(present)
                .all(|(mine, present)| mine == present || mine == Cell::Allow)
        })
    };
    names
        .into_iter()
        .filter(|level| narrower(level) && covers(level))
        .min_by_key(|level| (rights(level), *level != present))
        .unwrap_or(present)
        .to_owned()
}

/// The prefixes of the keys that were used: whole folders, and not more of them than a scope should name.
///
/// Where a use spoke of a whole bucket there are no more prefixes than before, because a key that is bound to some may
/// not do that.
fn prefixes(present: &Scope, uses: &[&Use]) -> Option<Vec<String>> {
    let whole = uses
        .iter()
        .any(|used| used.bucket.is_some() && used.key.is_none());
    let keys: Vec<&str> = uses.iter().filter_map(|used| used.key.as_deref()).collect();
    if keys.is_empty() || whole {
        return present.prefixes.clone();
    }
    // Within each present prefix, so that none of the new ones is wider.
    let mut within: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for key in keys {
        let of = match &present.prefixes {
            Some(prefixes) => prefixes
                .iter()
                .filter(|prefix| key.starts_with(prefix.as_str()))
                .max_by_key(|prefix| prefix.len())
                .map_or(key, String::as_str),
            None => "",
        };
        let folder = folder(key);
        let folder = if folder.len() < of.len() { of } else { folder };
        within.entry(of).or_default().insert(folder);
    }
    shorten(&mut within);
    let all: BTreeSet<&str> = within.into_values().flatten().collect();
    if all.contains("") {
        return present.prefixes.clone();
    }
    let nested = |prefix: &str| {
        all.iter()
            .any(|other| *other != prefix && prefix.starts_with(other))
    };
    let all = all.iter().filter(|prefix| !nested(prefix));
    Some(all.map(ToString::to_string).collect())
}

/// Takes the last folder off the deepest prefixes until there are few enough, or nothing is left to take off.
fn shorten<'k>(within: &mut BTreeMap<&'k str, BTreeSet<&'k str>>) {
    loop {
        for folders in within.values_mut() {
            let all = folders.clone();
            folders.retain(|folder| {
                !all.iter()
                    .any(|other| other != folder && folder.starts_with(other))
            });
        }
        if within.values().map(BTreeSet::len).sum::<usize>() <= PROPOSED_PREFIXES_MAX {
            return;
        }
        let deepest = within
            .iter()
            .flat_map(|(of, folders)| folders.iter().map(move |folder| (*of, *folder)))
            .filter(|(of, folder)| folder.len() > of.len())
            .max_by_key(|(_, folder)| folder.matches('/').count());
        let Some((of, folder)) = deepest else { return };
        let Some(folders) = within.get_mut(of) else {
            return;
        };
        folders.remove(folder);
        let shorter = folder_above(folder);
        folders.insert(if shorter.len() < of.len() {
            of
        } else {
            shorter
        });
    }
}

/// The key up to its last slash, with it; the empty text where there is none.
fn folder(key: &str) -> &str {
    key.rfind('/')
        .and_then(|slash| key.get(..=slash))
        .unwrap_or_default()
}

fn folder_above(prefix: &str) -> &str {
    folder(prefix.strip_suffix('/').unwrap_or(prefix))
}
