//! Permissions of an account and of its containers, and what is public. A permission is set for everyone or for each user, never
//! for both: that is a matter of types.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::names::{DirectoryNameError, UserId};
use crate::limits::REFERRER_BYTES_MAX;

/// What somebody may do to an account's containers, or to a container's objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permissions {
    /// Account: see which containers there are. Container: list and download.
    pub read: bool,
    /// Account: make and remove containers. Container: upload and delete.
    pub write: bool,
}

/// Permissions on an account: what its members may do to containers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccountAcl {
    /// All members alike.
    Global(Permissions),
    /// Each member for himself; who is not named has none.
    PerUser(BTreeMap<UserId, Permissions>),
}

/// Permissions on a container: what may be done to its objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ContainerAcl {
    /// Two rows.
    Global {
        /// Everyone, signed or not. Who is no member reads at most, whatever stands here.
        all_users: Permissions,
        /// The members of the account.
        members: Permissions,
    },
    /// Each member for himself; who is not named has none.
    PerUser(BTreeMap<UserId, Permissions>),
}

/// What of a container is public, and for whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicAccess {
    /// Whether everyone may list it.
    pub list: bool,
    /// Whether everyone may read its objects.
    pub read: bool,
    /// From where one must come. [`Referrer::ANY`] among them: from anywhere; none at all: nobody comes.
    pub referrers: Vec<Referrer>,
}

/// How the address of a page begins from which what is public may be read: `https://example.com/`, or `*` for all.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Referrer(Box<str>);

/// To whom a row of permissions speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// Everyone, signed or not.
    AllUsers,
    /// The members of the account.
    Members,
    /// One user.
    User(UserId),
}

/// One row of permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PermissionRow {
    /// For whom.
    pub subject: Subject,
    /// Which.
    pub permissions: Permissions,
}

/// What a change of permissions takes away and adds, row by row. A row that changes is in both lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PermissionChange {
    /// Rows that are gone or are another afterwards, as they were.
    pub removed: Vec<PermissionRow>,
    /// Rows that are new or are another, as they will be.
    pub added: Vec<PermissionRow>,
    /// Whether all rows for everyone give way to rows for users, or the reverse.
    pub changes_kind: bool,
}

impl Permissions {
    /// Read and write.
    pub const ALL: Self = Self {
        read: true,
        write: true,
    };
    /// Read alone.
    pub const READ: Self = Self {
        read: true,
        write: false,
    };
    /// Neither.
    pub const NONE: Self = Self {
        read: false,
        write: false,
    };

    /// The names of what is held, as policies see them.
    pub const fn words(self) -> &'static [&'static str] {
        match (self.read, self.write) {
            (true, true) => &["read", "write"],
            (true, false) => &["read"],
            (false, true) => &["write"],
            (false, false) => &[],
        }
    }

    /// What either has.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self {
            read: self.read || other.read,
            write: self.write || other.write,
        }
    }
}

impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.read, self.write) {
            (true, true) => "rw",
            (true, false) => "r",
            (false, true) => "w",
            (false, false) => "none",
        })
    }
}

impl AccountAcl {
    /// What a member holds.
    pub fn held_by(&self, user: UserId) -> Permissions {
        match self {
            Self::Global(permissions) => *permissions,
            Self::PerUser(each) => each.get(&user).copied().unwrap_or_default(),
        }
    }

    /// Its rows.
    pub fn rows(&self) -> Vec<PermissionRow> {
        match self {
            Self::Global(permissions) => vec![PermissionRow {
                subject: Subject::Members,
                permissions: *permissions,
            }],
            Self::PerUser(each) => user_rows(each),
        }
    }

    /// The users that it names.
    pub fn users(&self) -> impl Iterator<Item = UserId> {
        let each = match self {
            Self::Global(_) => None,
            Self::PerUser(each) => Some(each),
        };
        each.into_iter().flat_map(BTreeMap::keys).copied()
    }

    /// What it would change to set this in the place of `before`.
    pub fn preview(&self, before: Option<&Self>) -> PermissionChange {
        let kind = |acl: &Self| matches!(acl, Self::Global(_));
        PermissionChange::between(
            &before.map(Self::rows).unwrap_or_default(),
            &self.rows(),
            before.is_some_and(|before| kind(before) != kind(self)),
        )
    }
}

impl ContainerAcl {
    /// What a member of the account holds.
    pub fn held_by(&self, user: UserId) -> Permissions {
        match self {
            Self::Global { all_users, members } => all_users.or(*members),
            Self::PerUser(each) => each.get(&user).copied().unwrap_or_default(),
        }
    }

    /// Whether everyone may list and read: strangers never write.
    pub const fn opens_reading(&self) -> bool {
        match self {
            Self::Global { all_users, .. } => all_users.read,
            Self::PerUser(_) => false,
        }
    }

    /// Its rows.
    pub fn rows(&self) -> Vec<PermissionRow> {
        match self {
            Self::Global { all_users, members } => vec![
                PermissionRow {
                    subject: Subject::AllUsers,
                    permissions: *all_users,
                },
                PermissionRow {
                    subject: Subject::Members,
                    permissions: *members,
                },
            ],
            Self::PerUser(each) => user_rows(each),
        }
    }

    /// The users that it names.
    pub fn users(&self) -> impl Iterator<Item = UserId> {
        let each = match self {
            Self::Global { .. } => None,
            Self::PerUser(each) => Some(each),
        };
        each.into_iter().flat_map(BTreeMap::keys).copied()
    }

    /// What it would change to set this in the place of `before`.
    pub fn preview(&self, before: Option<&Self>) -> PermissionChange {
        let kind = |acl: &Self| matches!(acl, Self::Global { .. });
        PermissionChange::between(
            &before.map(Self::rows).unwrap_or_default(),
            &self.rows(),
            before.is_some_and(|before| kind(before) != kind(self)),
        )
    }
}

fn user_rows(each: &BTreeMap<UserId, Permissions>) -> Vec<PermissionRow> {
    let row = |(user, permissions): (&UserId, &Permissions)| PermissionRow {
        subject: Subject::User(*user),
        permissions: *permissions,
    };
    each.iter().map(row).collect()
}

impl PermissionChange {
    fn between(before: &[PermissionRow], after: &[PermissionRow], changes_kind: bool) -> Self {
        let only = |these: &[PermissionRow], those: &[PermissionRow]| {
            let not_there = |row: &&PermissionRow| !those.contains(row);
            these.iter().filter(not_there).copied().collect()
        };
        Self {
            removed: only(before, after),
            added: only(after, before),
            changes_kind,
        }
    }
}

impl PublicAccess {
    /// What the switch "make public" sets: list and read, from anywhere.
    pub fn everything() -> Self {
        Self {
            list: true,
            read: true,
            referrers: vec![Referrer::any()],
        }
    }

    /// Whether it does not matter from where one comes.
    pub fn is_for_any_referrer(&self) -> bool {
        self.referrers.iter().any(|it| it.as_str() == Referrer::ANY)
    }
}

impl Referrer {
    /// From anywhere.
    pub const ANY: &'static str = "*";

    /// From anywhere.
    pub fn any() -> Self {
        Self(Self::ANY.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Referrer {
    type Err = DirectoryNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == Self::ANY {
            return Ok(Self::any());
        }
        let rest = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"));
        let host = rest.and_then(|rest| rest.split('/').next());
        let fits = host.is_some_and(|host| !host.is_empty() && !host.contains('@'))
            && text.len() <= REFERRER_BYTES_MAX
            && text
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'*');
        if !fits {
            return Err(DirectoryNameError::Referrer);
        }
        // Without its slash `https://example.com` would be the beginning of `https://example.com.evil.org/`.
        let whole = rest.is_some_and(|rest| rest.contains('/'));
        let slash = if whole { "" } else { "/" };
        Ok(Self(format!("{text}{slash}").into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn per_user(rows: &[(u64, Permissions)]) -> BTreeMap<UserId, Permissions> {
        rows.iter().map(|(id, held)| (UserId(*id), *held)).collect()
    }

    /// 003-11, 003-12: one kind gives way to the other, and the preview says so before it is done.
    #[test]
    fn setting_one_kind_removes_the_other() {
        let global = AccountAcl::Global(Permissions::ALL);
        let each = AccountAcl::PerUser(per_user(&[(1, Permissions::READ), (2, Permissions::ALL)]));
        let change = each.preview(Some(&global));
        assert!(change.changes_kind);
        assert_eq!(change.removed, global.rows());
        assert_eq!(change.added, each.rows());
        let back = global.preview(Some(&each));
        assert!(back.changes_kind && back.removed.len() == 2);
        assert_eq!(global.preview(Some(&global)), PermissionChange::default());
    }

    /// 003-16: the same for containers.
    #[test]
    fn a_row_that_changes_is_told_as_it_was_and_as_it_will_be() {
        let open = ContainerAcl::Global {
            all_users: Permissions::NONE,
            members: Permissions::ALL,
        };
        let narrower = ContainerAcl::Global {
            all_users: Permissions::NONE,
            members: Permissions::READ,
        };
        let change = narrower.preview(Some(&open));
        assert!(!change.changes_kind);
        assert_eq!((change.removed.len(), change.added.len()), (1, 1));
        let each = ContainerAcl::PerUser(per_user(&[(1, Permissions::READ)]));
        assert!(each.preview(Some(&open)).changes_kind);
        assert_eq!(each.held_by(UserId(1)), Permissions::READ);
        assert_eq!(each.held_by(UserId(2)), Permissions::NONE);
        assert_eq!(open.held_by(UserId(2)), Permissions::ALL);
    }

    #[test]
    fn a_referrer_ends_its_host() {
        let read = |text: &str| text.parse::<Referrer>().map(|it| it.as_str().to_owned());
        assert_eq!(read("https://example.com").unwrap(), "https://example.com/");
        assert_eq!(
            read("https://example.com/shop").unwrap(),
            "https://example.com/shop"
        );
        assert_eq!(read("*").unwrap(), "*");
        for wrong in [
            "",
            "example.com",
            "https://",
            "https:///x",
            "https://*/",
            "ftp://x/",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(read("https://good.example@evil.example/").is_err());
    }

    #[test]
    fn records_read_back() {
        for acl in [
            AccountAcl::Global(Permissions::READ),
            AccountAcl::PerUser(per_user(&[(7, Permissions::ALL)])),
        ] {
            let text = serde_json::to_string(&acl).unwrap();
            assert_eq!(serde_json::from_str::<AccountAcl>(&text).unwrap(), acl);
        }
        for acl in [
            ContainerAcl::Global {
                all_users: Permissions::READ,
                members: Permissions::ALL,
            },
            ContainerAcl::PerUser(per_user(&[(7, Permissions::ALL)])),
        ] {
            let text = serde_json::to_string(&acl).unwrap();
            assert_eq!(serde_json::from_str::<ContainerAcl>(&text).unwrap(), acl);
        }
    }
}
