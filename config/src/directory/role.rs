//! Roles: what bounds a user. One role bounds both what his keys do to data and what he does to the account.
//!
//! A role is a set of atoms of data and a set of atoms of administration. The built-in roles are fixed; an organization makes
//! others. Who gives a role has at least as much himself: see [`Authority`].

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::command::Refusal;
use super::level::Level;
use super::names::{Description, Name, RoleId, TenantId, as_text_set};
use super::operator::Office;
use super::profile::{CustomRoles, Profile};
use crate::decisions::Atom;
use crate::engine::Revision;
use crate::time::UnixSeconds;

/// The role of a user, exactly one.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Everything. One user of each account has it: see [`super::UserKind::Root`].
    Owner,
    /// Everything but what is the owner's.
    Admin,
    /// Reads, writes and configures.
    Contributor,
    /// Reads.
    Reader,
    /// Everything in his own namespace, and no right over others: a user of the profiles without roles.
    #[default]
    Member,
    /// One that the account has made.
    Custom(RoleId),
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner => f.write_str("owner"),
            Self::Admin => f.write_str("admin"),
            Self::Contributor => f.write_str("contributor"),
            Self::Reader => f.write_str("reader"),
            Self::Member => f.write_str("member"),
            Self::Custom(id) => write!(f, "custom:{id}"),
        }
    }
}

/// A role that an account has made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomRole {
    /// The number.
    pub id: RoleId,
    /// The account.
    pub tenant: TenantId,
    /// The name, unique in the account, without regard to case.
    pub name: Name,
    /// What a person says about it.
    pub description: Description,
    /// What it may do.
    pub atoms: RoleAtoms,
    /// When it was made.
    pub created: UnixSeconds,
    /// The revision that wrote this record.
    #[serde(skip)]
    pub revision: Revision,
}

/// What a role may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleAtoms {
    /// To data.
    #[serde(with = "as_text_set")]
    pub data: BTreeSet<Atom>,
    /// To the account.
    #[serde(with = "as_text_set")]
    pub console: BTreeSet<ConsoleAtom>,
}

macro_rules! console_atoms {
    ($($(#[$doc:meta])* $name:ident, $text:literal;)*) => {
        /// An atom of administration.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ConsoleAtom { $($(#[$doc])* $name,)* }

        impl ConsoleAtom {
            /// Every atom.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name, such as `user-create`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

console_atoms! {
    /// Make users.
    UserCreate, "user-create";
    /// Change users' details.
    UserEdit, "user-edit";
    /// Delete users.
    UserDelete, "user-delete";
    /// Disable and enable users.
    UserDisable, "user-disable";
    /// Give users roles.
    RoleAssign, "role-assign";
    /// Make and change roles.
    RoleEdit, "role-edit";
    /// Make and replace keys.
    KeyCreate, "key-create";
    /// See a secret again.
    KeyReveal, "key-reveal";
    /// Disable and delete keys.
    KeyDelete, "key-delete";
    /// Make buckets.
    BucketCreate, "bucket-create";
    /// Delete buckets.
    BucketDelete, "bucket-delete";
    /// Configure buckets.
    BucketConfig, "bucket-config";
    /// Set permissions, bucket policies and public access.
    AclEdit, "acl-edit";
    /// Upload modules.
    PolicyUpload, "policy-upload";
    /// Put modules in force.
    PolicyActivate, "policy-activate";
    /// Read the audit log.
    AuditRead, "audit-read";
    /// Take the audit log out.
    AuditExport, "audit-export";
    /// Read what was used.
    UsageRead, "usage-read";
    /// Change the account's settings.
    TenantSettings, "tenant-settings";
    /// Configure single sign-on.
    SsoConfig, "sso-config";
    /// Make accounts below this one.
    TenantCreate, "tenant-create";
}

impl std::str::FromStr for ConsoleAtom {
    type Err = super::UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|atom| atom.as_str() == text);
        found.copied().ok_or_else(|| {
            super::UnknownWord::new("permission", text, Self::ALL.iter().map(|it| it.as_str()))
        })
    }
}

impl fmt::Display for ConsoleAtom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl RoleAtoms {
    fn new(data: &[Atom], console: &[ConsoleAtom]) -> Self {
        Self {
            data: data.iter().copied().collect(),
            console: console.iter().copied().collect(),
        }
    }

    /// What a built-in role may do; none for one that an account has made.
    pub fn of_builtin(role: Role) -> Option<Self> {
        use ConsoleAtom as C;
        let all = || Self::new(Atom::ALL, C::ALL);
        Some(match role {
            Role::Owner | Role::Admin => all(),
            // What is his own he may do without these: they are rights over the account.
            Role::Member => Self::new(Atom::ALL, &[]),
            Role::Contributor => {
                let mut atoms = Self::new(Level::ReadWrite.atoms(), &[C::BucketConfig]);
                atoms.data.insert(Atom::ManageConf);
                atoms
            }
            Role::Reader => Self::new(Level::Read.atoms(), &[]),
            Role::Custom(_) => return None,
        })
    }

    /// Whether `other` may do everything that these may do.
    pub fn are_within(&self, other: &Self) -> bool {
        self.data.is_subset(&other.data) && self.console.is_subset(&other.console)
    }

    /// Whether a key of this level makes sense below the role: it is no wider than the narrowest level that gives all that the role
    /// may do. What the role lacks is not allowed to such a key either.
    pub fn hold(&self, level: Level) -> bool {
        let gives_all = |level: &Level| self.data.iter().all(|atom| level.atoms().contains(atom));
        let giving: Vec<Level> = Level::ALL.into_iter().filter(gives_all).collect();
        let is_narrowest = |level: &&Level| {
            let narrower = |other: &Level| other != *level && other.is_within(**level);
            !giving.iter().any(narrower)
        };
        giving
            .iter()
            .filter(is_narrowest)
            .any(|narrowest| level.is_within(*narrowest))
    }

    /// Whether the role narrows nothing of what keys do.
    pub fn are_everything(&self) -> bool {
        self.data.len() == Atom::ALL.len()
    }
}

/// What whoever gives a command may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authority {
    /// The platform: its administrator, or the server itself.
    Platform,
    /// A user of an account.
    User {
        /// His account.
        tenant: TenantId,
        /// His role.
        role: Role,
        /// What it may do.
        atoms: RoleAtoms,
        /// The narrowest of the levels by which he asks: of his key, of a sub-user.
        levels: Vec<Level>,
    },
    /// An operator or a token. That he reaches the place was asked before: see [`super::Place`].
    Operator(Office),
}

impl Authority {
    /// Whether it may give a user of `tenant` this role, whose atoms are `atoms`.
    ///
    /// # Errors
    /// Why not: the owner's role is transferred and never given, Admin is given by Admin and Owner, nobody gives more than he has.
    pub fn may_assign(
        &self,
        tenant: TenantId,
        role: Role,
        atoms: &RoleAtoms,
    ) -> Result<(), Refusal> {
        if role == Role::Owner {
            return Err(Refusal::OwnerIsTransferred);
        }
        match self {
            Self::Platform => Ok(()),
            Self::User {
                tenant: own,
                role: holds,
                atoms: held,
                ..
            } if *own == tenant => give(*holds, held, (role, atoms)),
            Self::User { .. } => Err(Refusal::NotPermitted),
            Self::Operator(office) => give(office.role, &office.atoms, (role, atoms)),
        }
    }

    /// Whether it may make or change a role of `tenant` that has these atoms.
    ///
    /// # Errors
    /// It lacks the permission, or one of the atoms.
    pub fn may_shape(&self, tenant: TenantId, atoms: &RoleAtoms) -> Result<(), Refusal> {
        match self {
            Self::Platform => Ok(()),
            Self::User {
                tenant: own,
                atoms: held,
                ..
            } => {
                if *own != tenant || !held.console.contains(&ConsoleAtom::RoleEdit) {
                    Err(Refusal::NotPermitted)
                } else if atoms.are_within(held) {
                    Ok(())
                } else {
                    Err(Refusal::MoreThanMaker)
                }
            }
            Self::Operator(office) if atoms.are_within(&office.atoms) => Ok(()),
            Self::Operator(_) => Err(Refusal::MoreThanMaker),
        }
    }

    /// Whether it may make a key or sub-user of this level.
    ///
    /// # Errors
    /// It asks by less itself.
    pub fn may_make(&self, level: Level) -> Result<(), Refusal> {
        match self {
            Self::Platform => Ok(()),
            Self::Operator(office) if office.atoms.hold(level) => Ok(()),
            Self::Operator(_) => Err(Refusal::MoreThanMaker),
            Self::User { atoms, levels, .. } => {
                let within = levels.iter().all(|own| level.is_within(*own));
                if within && atoms.hold(level) {
                    Ok(())
                } else {
                    Err(Refusal::MoreThanMaker)
                }
            }
        }
    }

    /// Whether it may hand the owner's role over: the owner himself, and the platform.
    ///
    /// # Errors
    /// It is neither.
    pub fn may_transfer(&self, tenant: TenantId) -> Result<(), Refusal> {
        match self {
            Self::Platform => Ok(()),
            Self::User {
                tenant: own, role, ..
            } if *own == tenant && *role == Role::Owner => Ok(()),
            Self::User { .. } => Err(Refusal::NotPermitted),
            Self::Operator(office) if office.role == Role::Owner => Ok(()),
            Self::Operator(_) => Err(Refusal::OwnersAlone),
        }
    }
}

/// Whether who has the one role may give the other: Admin is given by Admin and Owner, and nobody gives more than he has.
fn give(holds: Role, held: &RoleAtoms, (role, atoms): (Role, &RoleAtoms)) -> Result<(), Refusal> {
    let by_admin = matches!(holds, Role::Owner | Role::Admin);
    if !held.console.contains(&ConsoleAtom::RoleAssign) {
        Err(Refusal::NotPermitted)
    } else if (role == Role::Admin && !by_admin) || !atoms.are_within(held) {
        Err(Refusal::MoreThanMaker)
    } else {
        Ok(())
    }
}

/// Whether accounts of this profile know the role.
pub fn is_known(profile: Profile, role: Role) -> bool {
    let rules = profile.rules();
    match role {
        Role::Custom(_) => rules.custom_roles == CustomRoles::Yes,
        builtin => rules.roles.contains(&builtin),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decisions::{Cell, DecisionTable};

    fn user(role: Role, atoms: RoleAtoms) -> Authority {
        Authority::User {
            tenant: TenantId(1),
            role,
            atoms,
            levels: Vec::new(),
        }
    }

    fn of(role: Role) -> RoleAtoms {
        RoleAtoms::of_builtin(role).unwrap()
    }

    #[test]
    fn the_atoms_of_levels_are_those_of_the_decision_table() {
        let table = DecisionTable::standard().unwrap();
        for level in Level::ALL {
            let gets = |cells: &BTreeSet<Cell>| {
                let nothing = [Cell::Denied, Cell::IfExists, Cell::IfPublic];
                cells.iter().any(|cell| !nothing.contains(cell))
            };
            let mut derived: BTreeSet<Atom> = table
                .atoms_of(level)
                .into_iter()
                .filter(|(_, cells)| gets(cells))
                .map(|(atom, _)| atom)
                .collect();
            if level == Level::Full {
                // Bypassing a lock is a flag of the key beside the level, and no operation of its own.
                derived.insert(Atom::LockBypass);
            }
            let told: BTreeSet<Atom> = level.atoms().iter().copied().collect();
            assert_eq!(told, derived, "{level}");
        }
    }

    #[test]
    fn a_level_is_within_another_if_its_atoms_are() {
        for (narrow, wide) in Level::ALL
            .iter()
            .flat_map(|a| Level::ALL.iter().map(move |b| (*a, *b)))
        {
            let atoms = narrow
                .atoms()
                .iter()
                .all(|atom| wide.atoms().contains(atom));
            assert_eq!(narrow.is_within(wide), atoms, "{narrow} in {wide}");
        }
    }

    /// 004-19, 004-20, 004-21, 004-22.
    #[test]
    fn each_role_has_no_less_than_the_one_below() {
        let order = [Role::Reader, Role::Contributor, Role::Admin, Role::Owner];
        for pair in order.windows(2) {
            assert!(of(pair[0]).are_within(&of(pair[1])), "{pair:?}");
        }
        assert!(!of(Role::Contributor).are_within(&of(Role::Reader)));
        assert!(!of(Role::Reader).data.contains(&Atom::ObjWrite));
        assert!(of(Role::Contributor).data.contains(&Atom::ManageConf));
        assert!(!of(Role::Contributor).data.contains(&Atom::ManageDelete));
    }

    /// 004-24, 004-27.
    #[test]
    fn nobody_gives_a_role_above_his_own_and_admins_are_made_by_admins() {
        let here = TenantId(1);
        let assign =
            |authority: &Authority, role: Role| authority.may_assign(here, role, &of(role));
        let (owner, admin) = (
            user(Role::Owner, of(Role::Owner)),
            user(Role::Admin, of(Role::Admin)),
        );
        for role in [Role::Admin, Role::Contributor, Role::Reader] {
            assert_eq!(assign(&owner, role), Ok(()));
            assert_eq!(assign(&admin, role), Ok(()));
        }
        for maker in [&owner, &admin, &Authority::Platform] {
            assert_eq!(assign(maker, Role::Owner), Err(Refusal::OwnerIsTransferred));
        }
        let contributor = user(Role::Contributor, of(Role::Contributor));
        assert_eq!(
            assign(&contributor, Role::Reader),
            Err(Refusal::NotPermitted)
        );
        // A custom role with every atom is still no Admin.
        let everything = user(Role::Custom(RoleId(9)), of(Role::Admin));
        assert_eq!(
            assign(&everything, Role::Admin),
            Err(Refusal::MoreThanMaker)
        );
        assert_eq!(assign(&everything, Role::Contributor), Ok(()));
        let mut narrow = of(Role::Reader);
        narrow.console.insert(ConsoleAtom::RoleAssign);
        let narrow = user(Role::Custom(RoleId(8)), narrow);
        assert_eq!(
            assign(&narrow, Role::Contributor),
            Err(Refusal::MoreThanMaker)
        );
        assert_eq!(assign(&narrow, Role::Reader), Ok(()));
        // Not in another account.
        let elsewhere = owner.may_assign(TenantId(2), Role::Reader, &of(Role::Reader));
        assert_eq!(elsewhere, Err(Refusal::NotPermitted));
    }

    #[test]
    fn nobody_makes_a_key_of_a_level_above_his_own() {
        let mut maker = user(Role::Member, of(Role::Member));
        if let Authority::User { levels, .. } = &mut maker {
            *levels = vec![Level::Full, Level::Read];
        }
        assert_eq!(maker.may_make(Level::Read), Ok(()));
        for level in [Level::Full, Level::ReadWrite, Level::Write] {
            assert_eq!(maker.may_make(level), Err(Refusal::MoreThanMaker));
        }
        let reader = user(Role::Reader, of(Role::Reader));
        assert_eq!(reader.may_make(Level::Read), Ok(()));
        assert_eq!(
            reader.may_make(Level::ReadWrite),
            Err(Refusal::MoreThanMaker)
        );
        // What a Contributor may do is more than Read/Write: his keys are Full, and bounded by the role.
        assert!(of(Role::Contributor).hold(Level::Full));
        assert!(of(Role::Reader).hold(Level::Read) && !of(Role::Reader).hold(Level::Write));
        let uploads = RoleAtoms::new(&[Atom::ObjWrite, Atom::BktFind], &[]);
        assert!(uploads.hold(Level::Write) && !uploads.hold(Level::Read));
        assert!(RoleAtoms::default().hold(Level::Read) && !RoleAtoms::default().hold(Level::Full));
    }
}
