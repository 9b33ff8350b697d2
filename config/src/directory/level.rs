//! Levels of keys and sub-users.

use serde::{Deserialize, Serialize};

use crate::decisions::Atom;

/// What a key may do at most. The atoms of each level are in the decision table: see [`crate::decisions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Read, write, delete, manage buckets and their access control.
    Full,
    /// Read, write and delete objects.
    ReadWrite,
    /// List and read objects.
    Read,
    /// Upload objects, and see one's own uploads.
    Write,
}

impl Level {
    /// Every level, the widest first.
    pub const ALL: [Self; 4] = [Self::Full, Self::ReadWrite, Self::Read, Self::Write];

    /// The name, such as `read-write`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::ReadWrite => "read-write",
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    /// Whether `other` may do everything that this level may do. Read and Write are beside each other.
    pub const fn is_within(self, other: Self) -> bool {
        match (self, other) {
            (_, Self::Full)
            | (Self::ReadWrite | Self::Read | Self::Write, Self::ReadWrite)
            | (Self::Read, Self::Read)
            | (Self::Write, Self::Write) => true,
            (Self::Full | Self::ReadWrite | Self::Write, Self::Read)
            | (Self::Full | Self::ReadWrite | Self::Read, Self::Write)
            | (Self::Full, Self::ReadWrite) => false,
        }
    }

    /// The atoms of which a level has any part. Held against the decision table by a test.
    pub const fn atoms(self) -> &'static [Atom] {
        match self {
            Self::Full => Atom::ALL,
            Self::ReadWrite => &[
                Atom::NsList,
                Atom::BktFind,
                Atom::BktList,
                Atom::ConfRead,
                Atom::ObjRead,
                Atom::ObjHead,
                Atom::ObjWrite,
                Atom::MpuSee,
                Atom::MpuAbort,
                Atom::ObjDelete,
                Atom::ObjDelver,
                Atom::LockExtend,
            ],
            Self::Read => &[
                Atom::NsList,
                Atom::BktFind,
                Atom::BktList,
                Atom::ConfRead,
                Atom::ObjRead,
                Atom::ObjHead,
                Atom::MpuSee,
            ],
            Self::Write => &[
                Atom::NsList,
                Atom::BktFind,
                Atom::ObjRead,
                Atom::ObjHead,
                Atom::ObjWrite,
                Atom::MpuSee,
                Atom::MpuAbort,
                Atom::ObjDelete,
                Atom::ObjDelver,
            ],
        }
    }
}

/// What a Write key may delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WriteDeletes {
    /// Nothing.
    No,
    /// The current version, which leaves a marker: only where the bucket keeps versions.
    Markers,
    /// Versions, too.
    All,
}

impl WriteDeletes {
    /// Every answer, the narrowest first.
    pub const ALL: [Self; 3] = [Self::No, Self::Markers, Self::All];

    /// The name, such as `markers`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Markers => "markers",
            Self::All => "all",
        }
    }
}

macro_rules! words {
    ($($name:ident, $what:literal;)*) => { $(
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::directory::UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let found = Self::ALL.into_iter().find(|word| word.as_str() == text);
                found.ok_or_else(|| {
                    $crate::directory::UnknownWord::new($what, text, Self::ALL.map(Self::as_str))
                })
            }
        }
    )* };
}

pub(super) use words;

words! {
    Level, "level";
    WriteDeletes, "answer to what Write keys may delete";
}

/// A text is none of the words that are possible here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {what}: one of {}", possible.join(", "))]
pub struct UnknownWord {
    what: &'static str,
    text: String,
    possible: Vec<&'static str>,
}

impl UnknownWord {
    pub(crate) fn new(
        what: &'static str,
        text: &str,
        possible: impl IntoIterator<Item = &'static str>,
    ) -> Self {
        Self {
            what,
            text: text.chars().take(64).collect(),
            possible: possible.into_iter().collect(),
        }
    }
}
