//! Profiles: whose rules an account follows. One table, [`Profile::rules`], which code, tests and docs read.
//!
//! Five presets follow the object stores whose customers this product takes over, the sixth AWS S3 itself. A field that a
//! preset's source does not speak of has the narrower of the possible values.

use serde::{Deserialize, Serialize};

use super::level::{WriteDeletes, words};
use super::permission::{AccountAcl, Permissions};
use super::role::Role;

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

/// What a profile decides: one row of the table of profiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProfileRules {
    /// Where bucket names are unique.
    pub namespace: NamespaceKind,
    /// Whether users have sub-users.
    pub sub_users: SubUsers,
    /// How many keys the root user has.
    pub root_keys: RootKeys,
    /// Most keys of a user; none: no bound.
    pub keys_per_user: Option<u32>,
    /// Most keys of a sub-user; none: no bound.
    pub keys_per_sub_user: Option<u32>,
    /// What carries the level that people choose. The others are there all the same, and narrow.
    pub carrier: Carrier,
    /// What Write keys may delete, where neither tenant nor key says less.
    pub write_deletes: WriteDeletes,
    /// What the level Full leaves out.
    pub full_excludes: &'static [FullPart],
    /// Whether a secret can be seen again.
    pub secret_reveal: SecretReveal,
    /// For what a person shows his password once more.
    pub reauth_for: &'static [Reauth],
    /// Whether the owner reaches the data of the account's users.
    pub owner_data_access: OwnerDataAccess,
    /// The roles that account and container permissions do not bind.
    pub acl_exempt_roles: &'static [Role],
    /// Whether there are account and container permissions, and what the account gives its members where nothing is set.
    pub default_account_acl: DefaultAccountAcl,
    /// What the policy of a bucket does. That it denies holds in every profile.
    pub bucket_policy: BucketPolicies,
    /// How containers become public.
    pub public_containers: PublicContainers,
    /// What becomes of a user's data when he is deleted.
    pub user_delete_data: UserDeleteData,
    /// What becomes of what the audit log says of a deleted user.
    pub audit_on_delete: AuditOnDelete,
    /// The roles that can be given, the owner's first. The second is that of a user for whom none is named.
    pub roles: &'static [Role],
    /// Whether roles can be made.
    pub custom_roles: CustomRoles,
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

/// Whether users have sub-users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SubUsers {
    /// They do.
    Yes,
    /// They do not.
    No,
}

/// What carries the level that people choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// The access key.
    Key,
    /// The sub-user.
    SubUser,
    /// Account and container permissions.
    Permissions,
    /// The role.
    Role,
}

/// A part of the level Full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FullPart {
    /// Making, removing and configuring buckets.
    Manage,
    /// Access control.
    Acl,
}

/// Whether a secret can be seen again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SecretReveal {
    /// It is shown when it is made, and never again.
    Once,
    /// It is shown to who verifies his password.
    Password,
}

/// What a person shows his password for once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reauth {
    /// Making a key.
    KeyCreate,
    /// Seeing a secret again.
    KeyReveal,
    /// Replacing a key.
    KeyRotate,
    /// Deleting a user.
    UserDelete,
}

/// Whether the owner of an account reaches its users' data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OwnerDataAccess {
    /// His own alone.
    None,
    /// That of the whole account.
    Full,
}

/// Whether an account has account and container permissions, and with what it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DefaultAccountAcl {
    /// There are none.
    NoPermissions,
    /// There are, and all members have these on the account.
    Members(Permissions),
}

/// What the policy of a bucket does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BucketPolicies {
    /// It narrows.
    Narrow,
    /// It narrows, and opens to everyone what it says.
    NarrowAndOpen,
    /// It grants, as in AWS.
    Grant,
}

/// How containers become public.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PublicContainers {
    /// Not at all.
    Off,
    /// By the bucket's policy.
    ByPolicy,
    /// By a switch of the container.
    Switch,
}

/// What becomes of a user's data when he is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UserDeleteData {
    /// It is removed with him.
    Purge,
    /// He stays until it is gone.
    RefuseIfNotEmpty,
}

/// What becomes of what the audit log says of a deleted user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuditOnDelete {
    /// It stays.
    Keep,
    /// His personal fields become unreadable.
    Shred,
}

/// Whether roles can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CustomRoles {
    /// They can.
    Yes,
    /// The built-in ones are all there are.
    No,
}

const E3_PRIMARY: ProfileRules = ProfileRules {
    namespace: NamespaceKind::PerUser,
    sub_users: SubUsers::Yes,
    root_keys: RootKeys::Multiple,
    keys_per_user: None,
    keys_per_sub_user: None,
    carrier: Carrier::SubUser,
    write_deletes: WriteDeletes::All,
    full_excludes: &[],
    secret_reveal: SecretReveal::Password,
    reauth_for: &[Reauth::KeyReveal],
    owner_data_access: OwnerDataAccess::None,
    acl_exempt_roles: &[],
    default_account_acl: DefaultAccountAcl::NoPermissions,
    bucket_policy: BucketPolicies::Narrow,
    public_containers: PublicContainers::Off,
    user_delete_data: UserDeleteData::Purge,
    audit_on_delete: AuditOnDelete::Keep,
    roles: &[Role::Owner, Role::Member],
    custom_roles: CustomRoles::No,
};

const E3_ROOT: ProfileRules = ProfileRules {
    sub_users: SubUsers::No,
    root_keys: RootKeys::Single,
    carrier: Carrier::Key,
    write_deletes: WriteDeletes::No,
    secret_reveal: SecretReveal::Once,
    reauth_for: &[Reauth::KeyCreate, Reauth::KeyRotate],
    user_delete_data: UserDeleteData::RefuseIfNotEmpty,
    ..E3_PRIMARY
};

const SOBJECT: ProfileRules = ProfileRules {
    namespace: NamespaceKind::Account,
    keys_per_sub_user: Some(1),
    secret_reveal: SecretReveal::Once,
    reauth_for: &[],
    owner_data_access: OwnerDataAccess::Full,
    bucket_policy: BucketPolicies::NarrowAndOpen,
    public_containers: PublicContainers::ByPolicy,
    user_delete_data: UserDeleteData::RefuseIfNotEmpty,
    ..E3_PRIMARY
};

const VPSA: ProfileRules = ProfileRules {
    namespace: NamespaceKind::Account,
    sub_users: SubUsers::No,
    carrier: Carrier::Permissions,
    secret_reveal: SecretReveal::Once,
    reauth_for: &[],
    owner_data_access: OwnerDataAccess::Full,
    acl_exempt_roles: &[Role::Owner, Role::Admin],
    default_account_acl: DefaultAccountAcl::Members(Permissions::ALL),
    public_containers: PublicContainers::Switch,
    user_delete_data: UserDeleteData::RefuseIfNotEmpty,
    roles: &[Role::Owner, Role::Member, Role::Admin],
    ..E3_PRIMARY
};

const DATASTREAM: ProfileRules = ProfileRules {
    namespace: NamespaceKind::Account,
    sub_users: SubUsers::No,
    carrier: Carrier::Role,
    secret_reveal: SecretReveal::Once,
    reauth_for: &[],
    owner_data_access: OwnerDataAccess::Full,
    acl_exempt_roles: &[Role::Owner, Role::Admin],
    user_delete_data: UserDeleteData::RefuseIfNotEmpty,
    audit_on_delete: AuditOnDelete::Shred,
    roles: &[Role::Owner, Role::Reader, Role::Contributor, Role::Admin],
    custom_roles: CustomRoles::Yes,
    ..E3_PRIMARY
};

const S3: ProfileRules = ProfileRules {
    namespace: NamespaceKind::Global,
    sub_users: SubUsers::No,
    carrier: Carrier::Key,
    secret_reveal: SecretReveal::Once,
    reauth_for: &[],
    owner_data_access: OwnerDataAccess::Full,
    bucket_policy: BucketPolicies::Grant,
    public_containers: PublicContainers::ByPolicy,
    user_delete_data: UserDeleteData::RefuseIfNotEmpty,
    ..E3_PRIMARY
};

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

    /// What it decides.
    pub const fn rules(self) -> &'static ProfileRules {
        match self {
            Self::E3Primary => &E3_PRIMARY,
            Self::E3Root => &E3_ROOT,
            Self::Sobject => &SOBJECT,
            Self::Vpsa => &VPSA,
            Self::Datastream => &DATASTREAM,
            Self::S3 => &S3,
        }
    }

    /// Where its buckets' names are unique.
    pub const fn namespaces(self) -> NamespaceKind {
        self.rules().namespace
    }

    /// How many keys its root has.
    pub const fn root_keys(self) -> RootKeys {
        self.rules().root_keys
    }

    /// Whether the policy of a bucket may open it to everyone.
    pub const fn policies_open(self) -> bool {
        match self.rules().bucket_policy {
            BucketPolicies::Narrow => false,
            BucketPolicies::NarrowAndOpen | BucketPolicies::Grant => true,
        }
    }

    /// What its Write keys may delete, where neither tenant nor key says less.
    pub const fn write_deletes(self) -> WriteDeletes {
        self.rules().write_deletes
    }

    /// Whether its accounts have account and container permissions.
    pub const fn has_permissions(self) -> bool {
        match self.rules().default_account_acl {
            DefaultAccountAcl::NoPermissions => false,
            DefaultAccountAcl::Members(_) => true,
        }
    }

    /// What an account gives its members where nothing is set; none where there are no such permissions.
    pub const fn account_acl(self) -> Option<AccountAcl> {
        match self.rules().default_account_acl {
            DefaultAccountAcl::NoPermissions => None,
            DefaultAccountAcl::Members(permissions) => Some(AccountAcl::Global(permissions)),
        }
    }

    /// The role of a user for whom none is named.
    pub fn usual_role(self) -> Role {
        let second = self.rules().roles.get(1).copied();
        second.unwrap_or(Role::Member)
    }
}

words! {
    Profile, "profile";
}

impl ProfileRules {
    /// The fields with their values as the docs show them, in the order of the table.
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        let count =
            |most: Option<u32>| most.map_or("any number".to_owned(), |most| most.to_string());
        let list = |words: Vec<String>| {
            if words.is_empty() {
                "–".to_owned()
            } else {
                words.join(", ")
            }
        };
        let each = |words: &[&str]| list(words.iter().map(ToString::to_string).collect());
        let roles = |roles: &[Role]| list(roles.iter().map(ToString::to_string).collect());
        vec![
            ("namespace", self.namespace.word().to_owned()),
            ("sub-users", self.sub_users.word().to_owned()),
            ("root_keys", self.root_keys.word().to_owned()),
            ("keys of a user", count(self.keys_per_user)),
            (
                "keys of a sub-user",
                match self.sub_users {
                    SubUsers::Yes => count(self.keys_per_sub_user),
                    SubUsers::No => "–".to_owned(),
                },
            ),
            ("the level is carried by", self.carrier.word().to_owned()),
            ("write_deletes", self.write_deletes.as_str().to_owned()),
            (
                "full_excludes",
                each(
                    &self
                        .full_excludes
                        .iter()
                        .map(|part| part.word())
                        .collect::<Vec<_>>(),
                ),
            ),
            ("secret_reveal", self.secret_reveal.word().to_owned()),
            (
                "reauth_for",
                each(
                    &self
                        .reauth_for
                        .iter()
                        .map(|what| what.word())
                        .collect::<Vec<_>>(),
                ),
            ),
            (
                "owner_data_access",
                self.owner_data_access.word().to_owned(),
            ),
            ("acl_exempt_roles", roles(self.acl_exempt_roles)),
            (
                "default_account_acl",
                match self.default_account_acl {
                    DefaultAccountAcl::NoPermissions => "–".to_owned(),
                    DefaultAccountAcl::Members(permissions) => format!("members: {permissions}"),
                },
            ),
            ("bucket_policy", self.bucket_policy.word().to_owned()),
            (
                "public containers",
                self.public_containers.word().to_owned(),
            ),
            ("user_delete_data", self.user_delete_data.word().to_owned()),
            ("audit_on_delete", self.audit_on_delete.word().to_owned()),
            ("roles", roles(self.roles)),
            ("roles can be made", self.custom_roles.word().to_owned()),
        ]
    }
}

macro_rules! values {
    ($($name:ident { $($variant:ident $word:literal)+ })+) => { $(
        impl $name {
            /// The value as the table of profiles shows it.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }
    )+ };
}

values! {
    NamespaceKind { PerUser "per user" Account "account" Global "deployment" }
    SubUsers { Yes "yes" No "no" }
    RootKeys { Single "single" Multiple "multiple" }
    Carrier { Key "key" SubUser "sub-user" Permissions "permissions" Role "role" }
    FullPart { Manage "manage" Acl "acl" }
    SecretReveal { Once "once" Password "password" }
    Reauth { KeyCreate "key.create" KeyReveal "key.reveal" KeyRotate "key.rotate" UserDelete "user.delete" }
    OwnerDataAccess { None "own alone" Full "full" }
    BucketPolicies { Narrow "narrows" NarrowAndOpen "narrows, opens" Grant "grants" }
    PublicContainers { Off "off" ByPolicy "by policy" Switch "on" }
    UserDeleteData { Purge "purge" RefuseIfNotEmpty "refuse if not empty" }
    AuditOnDelete { Keep "keep" Shred "shred" }
    CustomRoles { Yes "yes" No "no" }
}
