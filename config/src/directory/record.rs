//! What the directory keeps: tenants, users, keys, namespaces, buckets, policies, modules. A record is immutable; a change is
//! another record with a later revision.

use ipnet::IpNet;
use s3_protocol::{BucketId, BucketName, Operation};
use serde::{Deserialize, Serialize};

use super::access::BucketAccess;
use super::bounds::{Quota, Rate};
use super::iam::Holder;
use super::level::{Level, WriteDeletes};
use super::names::{
    AccessKeyId, Alias, Description, Digest, Email, GroupId, Host, IamPath, IamRoleId, Language,
    Lineage, Name, NamespaceId, SubUserId, TenantId, Timezone, UserId,
};
use super::names::{as_bucket_id, as_text, as_texts};
use super::permission::{AccountAcl, ContainerAcl, PublicAccess};
use super::profile::{NamespaceKind, Profile};
use super::role::Role;
use super::signature::ModuleSignature;
use super::vault::Sealed;
use crate::engine::Revision;
use crate::time::UnixSeconds;

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tenant {
    /// Its number.
    pub id: TenantId,
    /// Its name, unique in the deployment.
    pub name: Name,
    /// Whose rules it follows.
    pub profile: Profile,
    /// Whether it works.
    pub status: TenantStatus,
    /// What Write keys may delete; at most what the profile allows.
    pub write_deletes: WriteDeletes,
    /// When it was made.
    pub created: UnixSeconds,
    /// The account above it: a reseller's. Its modules guard this one's requests; it has no other right here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<TenantId>,
    /// What a person says about it.
    #[serde(default, skip_serializing_if = "Description::is_empty")]
    pub description: Description,
    /// How much it may hold.
    #[serde(default, skip_serializing_if = "TenantLimits::are_none")]
    pub limits: TenantLimits,
    /// What its members may do to containers; none: what the profile says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acl: Option<AccountAcl>,
    /// The hosts by which it alone is found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<Host>,
    /// Whether nothing of it is public, whatever its buckets say.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub block_public: bool,
    /// How much may be stored in all its buckets.
    #[serde(default, skip_serializing_if = "Quota::is_none")]
    pub quota: Quota,
    /// How fast may be asked by all its keys.
    #[serde(default, skip_serializing_if = "Rate::is_none")]
    pub rate: Rate,
    /// How its ARNs are written.
    #[serde(default, skip_serializing_if = "ArnStyle::is_usual")]
    pub arns: ArnStyle,
    /// The revision that wrote this record.
    #[serde(skip)]
    pub revision: Revision,
}

/// How much an account may hold. What is not set is not bounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantLimits {
    /// Most users, the root among them.
    #[serde(default)]
    pub users: Option<u32>,
    /// Most access keys of all its users; one that was replaced counts until its grace is over.
    #[serde(default)]
    pub keys: Option<u32>,
}

impl TenantLimits {
    /// Whether nothing is bounded.
    pub const fn are_none(&self) -> bool {
        self.users.is_none() && self.keys.is_none()
    }
}

impl Tenant {
    /// What its members may do to containers; none where its profile has no such permissions.
    pub fn account_acl(&self) -> Option<AccountAcl> {
        let usual = self.profile.account_acl()?;
        Some(self.acl.clone().unwrap_or(usual))
    }
}

/// How the ARNs of an account are written. Documents of the account itself may use either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArnStyle {
    /// With the number of the account, as on AWS.
    #[default]
    Numbered,
    /// Without it, as Ceph writes those of users who have no account: what was written for one goes on working.
    Plain,
}

impl ArnStyle {
    /// Whether they are as on AWS.
    pub const fn is_usual(&self) -> bool {
        matches!(self, Self::Numbered)
    }
}

/// Whether a tenant works.
/// Each is stricter than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TenantStatus {
    /// It works.
    Active,
    /// What it has may be read; nothing is written, deleted or changed through S3.
    ReadOnly,
    /// No key of it works; everything is kept.
    Suspended,
    /// It is being removed; nothing of it works again.
    Closed,
}

/// A user: may sign in and own keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The number.
    pub id: UserId,
    /// The account.
    pub tenant: TenantId,
    /// The name, unique in the account, without regard to case.
    pub name: Name,
    /// What kind.
    pub kind: UserKind,
    /// Whether anything of the user works.
    pub status: UserStatus,
    /// What a person says about it.
    pub description: Description,
    /// When it was made.
    pub created: UnixSeconds,
    /// What bounds him: the owner's for the root user, and for nobody else.
    #[serde(default)]
    pub role: Role,
    /// Who he is.
    #[serde(default, skip_serializing_if = "UserDetails::are_empty")]
    pub details: UserDetails,
    /// How much may be stored in all the buckets that are his.
    #[serde(default, skip_serializing_if = "Quota::is_none")]
    pub quota: Quota,
    /// How fast may be asked by all his keys.
    #[serde(default, skip_serializing_if = "Rate::is_none")]
    pub rate: Rate,
    /// Where his ARN has him.
    #[serde(default, skip_serializing_if = "IamPath::is_root")]
    pub path: IamPath,
    /// What his rights come from.
    #[serde(default, skip_serializing_if = "Standing::is_shared")]
    pub standing: Standing,
    /// The revision that wrote this record.
    #[serde(skip)]
    pub revision: Revision,
}

/// Who a user is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserDetails {
    /// With what he signs in and where he is told of things; unique in the account, without regard to case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    /// His name as people write it.
    #[serde(default, skip_serializing_if = "Description::is_empty")]
    pub full_name: Description,
    /// In which time he wants to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<Timezone>,
    /// In which language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
}

impl UserDetails {
    /// Whether nothing is said.
    pub fn are_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What the rights of a user come from, in the profile `s3`. Elsewhere they come from his place in the account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// What is his account's is his to use. Policies narrow it.
    #[default]
    Shared,
    /// What he makes is his, and nothing else of his account. Policies give him more.
    Own,
    /// Policies alone, as of IAM's users on AWS: what he makes is his account's.
    ByPolicy,
}

impl Standing {
    /// Whether he uses what is his account's.
    pub const fn is_shared(&self) -> bool {
        matches!(self, Self::Shared)
    }
}

/// What kind of user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UserKind {
    /// The account's owner, one in each account, always active: its first user, until the owner's role is transferred.
    Root,
    /// A person.
    Human,
    /// A program.
    Service,
}

/// Whether anything of a user works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UserStatus {
    /// It works.
    Active,
    /// Nothing of the user works; everything is kept.
    Disabled,
    /// It is being removed; nothing of the user works again.
    Deleting,
}

impl User {
    /// The namespace in which the user's keys find buckets.
    pub const fn namespace(&self, profile: Profile) -> NamespaceId {
        match profile.namespaces() {
            NamespaceKind::PerUser => NamespaceId::User(self.tenant, self.id),
            NamespaceKind::Account => NamespaceId::Account(self.tenant),
            NamespaceKind::Global => NamespaceId::Global,
        }
    }
}

/// A sub-user: somebody to whom a user gives keys to what is his, with a level of their own. He has no namespace and no bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubUser {
    /// The number.
    pub id: SubUserId,
    /// The account.
    pub tenant: TenantId,
    /// The user above.
    pub user: UserId,
    /// The name, unique below its user, without regard to case.
    pub name: Name,
    /// What his keys may do at most.
    pub level: Level,
    /// Whether anything of him works.
    pub status: UserStatus,
    /// What a person says about him: whom he is for.
    #[serde(default)]
    pub description: Description,
    /// When he was made.
    pub created: UnixSeconds,
    /// The revision that wrote this record.
    #[serde(skip)]
    pub revision: Revision,
}

/// An access key. Its secret is sealed: see [`super::State::open_secret`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessKey {
    /// The public half.
    pub id: AccessKeyId,
    /// The account.
    pub tenant: TenantId,
    /// The user whose key it is, or above the sub-user whose key it is: the buckets are his.
    pub user: UserId,
    /// The sub-user whose key it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub_user: Option<SubUserId>,
    /// The family; a rotated key keeps it.
    pub lineage: Lineage,
    /// Whether it works.
    pub state: KeyState,
    /// When it was made.
    pub created: UnixSeconds,
    /// Who made it, as the audit record names him.
    pub created_by: String,
    /// What it may do.
    pub rights: KeyRights,
    /// How fast may be asked.
    #[serde(default, skip_serializing_if = "Rate::is_none")]
    pub rate: Rate,
    /// The secret half.
    pub(crate) sealed: Sealed,
    /// The revision that wrote this record.
    #[serde(skip)]
    pub revision: Revision,
}

/// Whether a key works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyState {
    /// It works.
    Active,
    /// It does not work until it is enabled.
    Disabled,
    /// Another key has taken its place; it works until then.
    Rotating {
        /// The first second at which it no longer works.
        until: UnixSeconds,
    },
}

/// What a key may do: its level, and what narrows it. A list that is absent restricts nothing; an empty one matches nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRights {
    /// The level.
    pub level: Level,
    /// What a person says about the key.
    #[serde(default)]
    pub description: Description,
    /// The first second at which it works.
    #[serde(default)]
    pub not_before: Option<UnixSeconds>,
    /// The first second at which it no longer works.
    #[serde(default)]
    pub expires: Option<UnixSeconds>,
    /// What it reaches.
    #[serde(default)]
    pub scope: KeyScope,
    /// The networks from which it works.
    #[serde(default, with = "as_texts")]
    pub networks: Option<Vec<IpNet>>,
    /// Whether it works over TLS alone.
    #[serde(default)]
    pub tls_only: bool,
    /// Presigned URLs.
    #[serde(default)]
    pub presign: Presign,
    /// Whether what exists may not be replaced by it.
    #[serde(default)]
    pub append_only: bool,
    /// The largest object that it may write, in bytes.
    #[serde(default)]
    pub max_object_bytes: Option<u64>,
    /// What it may delete where its level is Write; at most what the tenant allows.
    #[serde(default)]
    pub write_deletes: Option<WriteDeletes>,
    /// Whether a Full key may shorten retention and bypass governance.
    #[serde(default)]
    pub bypass_governance: bool,
}

impl KeyRights {
    /// A level, and nothing that narrows it.
    pub fn of_level(level: Level) -> Self {
        Self {
            level,
            description: Description::default(),
            not_before: None,
            expires: None,
            scope: KeyScope::default(),
            networks: None,
            tls_only: false,
            presign: Presign::default(),
            append_only: false,
            max_object_bytes: None,
            write_deletes: None,
            bypass_governance: false,
        }
    }
}

/// What a key reaches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyScope {
    /// Buckets, by name in the namespace of the key.
    #[serde(default, with = "as_texts")]
    pub buckets: Option<Vec<BucketName>>,
    /// Beginnings of object keys, byte by byte: `logs` fits `logs-secret/`, `logs/` does not.
    #[serde(default)]
    pub prefixes: Option<Vec<String>>,
    /// Operations, by API name.
    #[serde(default, with = "as_texts")]
    pub operations: Option<Vec<Operation>>,
}

/// Whether a key may presign URLs, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Presign {
    /// Whether presigned URLs of the key work.
    pub allowed: bool,
    /// The oldest that such a URL may be, in seconds.
    #[serde(default)]
    pub max_age_seconds: Option<u32>,
}

impl Default for Presign {
    fn default() -> Self {
        Self {
            allowed: true,
            max_age_seconds: None,
        }
    }
}

/// A namespace: where bucket names are unique.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Namespace {
    /// Whose it is.
    pub id: NamespaceId,
    /// The label by which hosts find it.
    #[serde(default)]
    pub alias: Option<Alias>,
    /// The revision that wrote this record.
    #[serde(skip)]
    pub revision: Revision,
}

/// A bucket, as far as the directory owns it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// The number by which the upstream knows it.
    #[serde(with = "as_bucket_id")]
    pub id: BucketId,
    /// Where its name is unique.
    pub namespace: NamespaceId,
    /// Its name there.
    #[serde(with = "as_text")]
    pub name: BucketName,
    /// The account of its owner.
    pub tenant: TenantId,
    /// Its owner.
    pub owner: UserId,
    /// Whether it is there.
    pub state: BucketState,
    /// When it was made.
    pub created: UnixSeconds,
    /// What may be done to its objects; none: everything that the layers above allow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acl: Option<ContainerAcl>,
    /// What of it is public.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<PublicAccess>,
    /// Who may do what with it by access control lists, in the profile `s3`.
    #[serde(default, skip_serializing_if = "BucketAccess::is_usual")]
    pub access: BucketAccess,
    /// How much may be stored.
    #[serde(default, skip_serializing_if = "Quota::is_none")]
    pub quota: Quota,
    /// The revision that wrote this record.
    #[serde(skip)]
    pub revision: Revision,
}

/// What a new bucket keeps of what is overwritten or deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keeps {
    /// Nothing.
    #[default]
    Nothing,
    /// Each version.
    Versions,
    /// Each version, and versions may be locked: what is locked is not deleted before its time.
    Locked,
}

impl Keeps {
    /// As the audit log has it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Versions => "versions",
            Self::Locked => "locked-versions",
        }
    }
}

/// Whether a bucket is there. Only an active one answers requests; the other two are half of a change that the upstream shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BucketState {
    /// The upstream has not confirmed it yet.
    Creating,
    /// It is there.
    Active,
    /// The upstream has not confirmed yet that it is empty and gone.
    Deleting,
}

/// A policy document in AWS's language. The text is kept as it was given; the gate makes a module of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyDocument {
    /// The account.
    pub tenant: TenantId,
    /// What it is attached to.
    pub place: PolicyPlace,
    /// The document.
    pub text: String,
    /// When it was put there.
    pub put: UnixSeconds,
    /// Who did, as the audit record names him.
    pub put_by: String,
    /// The revision that wrote this record.
    #[serde(skip)]
    pub revision: Revision,
}

/// What a policy document is attached to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum PolicyPlace {
    /// A bucket, which has one.
    Bucket(#[serde(with = "as_bucket_id")] BucketId),
    /// A user, who has several of different names. What one of them allows is allowed, what one denies is denied.
    User {
        /// The user.
        user: UserId,
        /// The document's name.
        name: Name,
    },
    /// A group, whose members have it as they have their own.
    Group {
        /// The group.
        group: GroupId,
        /// The document's name.
        name: Name,
    },
    /// A role, for whoever assumes it.
    Role {
        /// The role.
        role: IamRoleId,
        /// The document's name.
        name: Name,
    },
}

impl PolicyPlace {
    /// The document's name, where what it is attached to has several.
    pub fn name(&self) -> &str {
        match self {
            Self::Bucket(_) => "",
            Self::User { name, .. } | Self::Group { name, .. } | Self::Role { name, .. } => {
                name.as_str()
            }
        }
    }

    /// Whom it judges, and its name; none for a bucket's.
    pub const fn holder(&self) -> Option<(Holder, &Name)> {
        match self {
            Self::Bucket(_) => None,
            Self::User { user, name } => Some((Holder::User(*user), name)),
            Self::Group { group, name } => Some((Holder::Group(*group), name)),
            Self::Role { role, name } => Some((Holder::Role(*role), name)),
        }
    }
}

impl std::fmt::Display for PolicyPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bucket(bucket) => write!(f, "bucket {bucket}"),
            Self::User { .. } | Self::Group { .. } | Self::Role { .. } => match self.holder() {
                Some((holder, name)) => write!(f, "{name} of {holder}"),
                None => Ok(()),
            },
        }
    }
}

/// Whose a module is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModuleScope {
    /// The platform's: it guards every tenant.
    Platform,
    /// A tenant's own.
    Tenant(TenantId),
}

/// One version of a module. Its bytes are kept apart: see [`super::Directory::module_bytes`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleVersion {
    /// The digest of its bytes: its version.
    pub digest: Digest,
    /// Its name.
    pub name: Name,
    /// Whose it is.
    pub scope: ModuleScope,
    /// How long it is, in bytes.
    pub bytes: u64,
    /// When it was uploaded.
    pub pushed: UnixSeconds,
    /// Who uploaded it, as the audit record names him.
    pub pushed_by: String,
    /// Whether it may be activated.
    pub state: ModuleState,
    /// Who vouches for its bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<ModuleSignature>,
    /// The revision that wrote this record.
    #[serde(skip)]
    pub revision: Revision,
}

/// Whether a version may be activated. That it is active is said by its [`Binding`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModuleState {
    /// It may.
    Ready,
    /// Its bytes are gone; the record remains.
    Retired,
}

/// Which versions of a module are at work, and as what. Directories that were written before there were trials have none of
/// the fields that may be absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    /// Whose it is.
    pub scope: ModuleScope,
    /// The module's name.
    pub name: Name,
    /// Where it stands in the plan.
    pub kind: BindingKind,
    /// The version in force; none when the module is switched off.
    pub active: Option<Digest>,
    /// When it was put in force; none where it came back, and has shown before that it works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<UnixSeconds>,
    /// The versions in force before, the latest last. Rolling back takes the last.
    pub history: Vec<Digest>,
    /// The version that is asked and never obeyed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<Shadow>,
    /// The version that is obeyed for a share of the access keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Canary>,
    /// The step that waits for another person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal: Option<Proposal>,
    /// The revision that wrote this record.
    #[serde(skip)]
    pub revision: Revision,
}

/// A version that is asked on live traffic and never obeyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shadow {
    /// The version.
    pub digest: Digest,
    /// Since when.
    pub since: UnixSeconds,
}

/// A version that is obeyed for a share of the access keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canary {
    /// The version.
    pub digest: Digest,
    /// The share, in thousandths of the access keys.
    pub per_mille: PerMille,
    /// Since when.
    pub since: UnixSeconds,
}

/// A share of the access keys in thousandths, from 1 to 1,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct PerMille(u16);

impl PerMille {
    /// The number.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for PerMille {
    type Error = NotAShare;

    fn try_from(number: u16) -> Result<Self, NotAShare> {
        if (1..=1_000).contains(&number) {
            Ok(Self(number))
        } else {
            Err(NotAShare)
        }
    }
}

impl From<PerMille> for u16 {
    fn from(share: PerMille) -> Self {
        share.0
    }
}

/// The number is no share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a share is 1 to 1000 thousandths of the access keys")]
pub struct NotAShare;

/// A step that waits for another person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    /// What is to be done.
    pub step: ModuleStep,
    /// Who asks for it, as the audit record names him.
    pub by: String,
    /// When he did.
    pub at: UnixSeconds,
    /// The first second at which it is void.
    pub expires: UnixSeconds,
}

/// A step in the life of a module that a second person may have to approve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ModuleStep {
    /// Puts a version in force.
    Activate(Digest),
    /// Lets a version be obeyed for a share of the access keys.
    Canary(Digest, PerMille),
    /// Puts the version of the canary in force.
    Promote(Digest),
    /// Switches the module off.
    Deactivate,
}

impl ModuleStep {
    /// The version that it concerns.
    pub const fn digest(self) -> Option<Digest> {
        match self {
            Self::Activate(digest) | Self::Canary(digest, _) | Self::Promote(digest) => {
                Some(digest)
            }
            Self::Deactivate => None,
        }
    }

    /// What the audit record calls it.
    pub const fn action(self) -> &'static str {
        match self {
            Self::Activate(_) => "module.activate",
            Self::Canary(..) => "module.canary",
            Self::Promote(_) => "module.promote",
            Self::Deactivate => "module.deactivate",
        }
    }
}

/// Where a version stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModuleStage {
    /// It was checked and stored, and was never in force.
    Stored,
    /// It is asked and not obeyed.
    Shadow,
    /// It is obeyed for a share of the keys.
    Canary,
    /// It is in force.
    Active,
    /// It was in force before.
    Retired,
    /// Its bytes are gone.
    Removed,
}

impl Binding {
    /// A binding under which nothing is in force.
    pub(crate) fn new(scope: ModuleScope, name: &Name) -> Self {
        Self {
            scope,
            name: name.clone(),
            kind: BindingKind::Guard,
            active: None,
            since: None,
            history: Vec::new(),
            shadow: None,
            canary: None,
            proposal: None,
            revision: Revision::default(),
        }
    }

    /// Where the version of this digest stands.
    pub fn stage(&self, digest: Digest) -> ModuleStage {
        if self.active == Some(digest) {
            ModuleStage::Active
        } else if self.canary.is_some_and(|canary| canary.digest == digest) {
            ModuleStage::Canary
        } else if self.shadow.is_some_and(|shadow| shadow.digest == digest) {
            ModuleStage::Shadow
        } else if self.history.contains(&digest) {
            ModuleStage::Retired
        } else {
            ModuleStage::Stored
        }
    }

    /// Every version that a request may meet, or that is asked beside it.
    pub fn at_work(&self) -> impl Iterator<Item = Digest> {
        let canary = self.canary.map(|canary| canary.digest);
        let shadow = self.shadow.map(|shadow| shadow.digest);
        self.active.into_iter().chain(canary).chain(shadow)
    }
}

/// Where a module stands in a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BindingKind {
    /// It may only refuse: no opinion passes.
    Guard,
}
