//! Levels of keys, and the knobs in which the profiles of tenants differ.

use serde::{Deserialize, Serialize};

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

/// Whose rules a tenant follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// Primary users and sub-users.
    E3Primary,
    /// One root and users, isolated from each other; levels on keys.
    #[default]
    E3Root,
    /// An account whose sub-users have levels, and bucket policies that narrow.
    Sobject,
    /// Account and container permissions for members.
    Vpsa,
    /// An organization with roles.
    Datastream,
    /// AWS S3 itself.
    S3,
}

/// How a profile lays out namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NamespaceKind {
    /// One for each user.
    PerUser,
    /// One for the account.
    Account,
    /// One for the deployment.
    Global,
}

/// How many live keys a root user has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RootKeys {
    /// One, of level Full, which can only be replaced.
    Single,
    /// Any number.
    Multiple,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 6] = [
        Self::E3Primary,
        Self::E3Root,
        Self::Sobject,
        Self::Vpsa,
        Self::Datastream,
        Self::S3,
    ];

    /// The name, such as `e3-root`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::E3Primary => "e3-primary",
            Self::E3Root => "e3-root",
            Self::Sobject => "sobject",
            Self::Vpsa => "vpsa",
            Self::Datastream => "datastream",
            Self::S3 => "s3",
        }
    }

    /// Where its buckets' names are unique.
    pub const fn namespaces(self) -> NamespaceKind {
        match self {
            Self::E3Primary | Self::E3Root => NamespaceKind::PerUser,
            Self::Sobject | Self::Vpsa | Self::Datastream => NamespaceKind::Account,
            Self::S3 => NamespaceKind::Global,
        }
    }

    /// How many keys its root has.
    pub const fn root_keys(self) -> RootKeys {
        match self {
            Self::E3Root => RootKeys::Single,
            Self::E3Primary | Self::Sobject | Self::Vpsa | Self::Datastream | Self::S3 => {
                RootKeys::Multiple
            }
        }
    }

    /// Whether the policy of a bucket may open it to everyone.
    pub const fn policies_open(self) -> bool {
        match self {
            Self::Sobject | Self::S3 => true,
            Self::E3Primary | Self::E3Root | Self::Vpsa | Self::Datastream => false,
        }
    }

    /// What its Write keys may delete, where neither tenant nor key says less.
    pub const fn write_deletes(self) -> WriteDeletes {
        match self {
            Self::E3Root => WriteDeletes::No,
            Self::E3Primary | Self::Sobject | Self::Vpsa | Self::Datastream | Self::S3 => {
                WriteDeletes::All
            }
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
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let found = Self::ALL.into_iter().find(|word| word.as_str() == text);
                found.ok_or_else(|| UnknownWord { what: $what, text: text.to_owned() })
            }
        }
    )* };
}

words! {
    Level, "level";
    Profile, "profile";
}

/// A text is none of the words that are possible here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a {what}: `{text}`")]
pub struct UnknownWord {
    what: &'static str,
    text: String,
}
