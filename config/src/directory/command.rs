//! What can be asked of the directory. Admin API, command line, the gate (buckets) and the console ask the same commands.

use std::net::IpAddr;

use s3_protocol::{BucketId, BucketName};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::access::{AccessPart, BucketAccess};
use super::bounds::{Quota, QuotaOf, Rate, RateOf};
use super::iam::IamCommand;
use super::job::Totals;
use super::level::{Level, WriteDeletes};
use super::names::{
    AccessKeyId, Alias, ApiTokenId, Description, Digest, GroupId, Host, IamPath, IamRoleId, JobId,
    Name, NamespaceId, OperatorId, PolicyId, RoleId, SubUserId, TenantId, UserId,
};
use super::operator::{OperatorCommand, OperatorOutcome};
use super::permission::{AccountAcl, ContainerAcl, PublicAccess};
use super::profile::Profile;
use super::record::{
    ArnStyle, Keeps, KeyRights, ModuleScope, PerMille, PolicyPlace, Proposal, Standing,
    TenantLimits, UserDetails, UserKind,
};
use super::role::{ConsoleAtom, Role, RoleAtoms};
use crate::Secret;
use crate::engine::Revision;
use crate::node::TaskKind;

/// What is done to the object node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeNote {
    /// A task is begun.
    Task(TaskKind),
    /// Writes and deletions are refused from now on, or taken again.
    ReadOnly(bool),
    /// Objects that had been deleted are brought back.
    Undelete {
        /// To which bucket.
        bucket: BucketId,
        /// How many are asked for.
        objects: usize,
    },
}

/// A change that is asked for.
#[derive(Debug)]
pub enum Command {
    /// Makes an account with its root user and, where the profile has one for the account, its namespace.
    CreateTenant {
        /// Its name.
        name: Name,
        /// Whose rules it follows.
        profile: Profile,
        /// The account above it: a reseller's.
        parent: Option<TenantId>,
    },
    /// Stops everything of an account; all is kept.
    SuspendTenant(TenantId),
    /// Lets what an account has be read and nothing else.
    MakeTenantReadOnly(TenantId),
    /// Lets a suspended account work again.
    ResumeTenant(TenantId),
    /// Gives an account another name.
    RenameTenant(TenantId, Name),
    /// Says something else about an account.
    DescribeTenant(TenantId, Description),
    /// Says how much an account may hold. What it holds already stays.
    SetTenantLimits(TenantId, TenantLimits),
    /// Says what the members of an account may do to containers; none: what its profile says. It takes the place of all that was
    /// said before: see [`AccountAcl::preview`].
    SetAccountAcl(TenantId, Option<AccountAcl>),
    /// Says how the ARNs of an account are written.
    SetArnStyle(TenantId, ArnStyle),
    /// Gives an account a host of its own.
    AddHost(TenantId, Host),
    /// Takes a host away from an account.
    RemoveHost(TenantId, Host),
    /// Lets nothing of an account be public, whatever its buckets say.
    BlockPublic(TenantId),
    /// Lets be public again what its buckets say.
    UnblockPublic(TenantId),
    /// Removes an account that owns no bucket, with its users, keys and modules.
    DeleteTenant(TenantId),
    /// Closes an account and removes what it has with all its buckets and what is in them: a job does, which is in the answer.
    PurgeTenant(TenantId),
    /// Says what Write keys may delete, at most what the profile allows.
    SetWriteDeletes(TenantId, WriteDeletes),

    /// Makes a user and, where the profile has one for each, the namespace. No key is made.
    CreateUser(NewUser),
    /// Stops everything of a user; all is kept.
    DisableUser(UserId),
    /// Gives a disabled user back exactly what he had.
    EnableUser(UserId),
    /// Removes a user who owns no bucket, with his keys and sub-users.
    DeleteUser(UserId),
    /// Removes a user with his buckets and what is in them, where the profile does so: a job does, which is in the answer.
    PurgeUser(UserId),
    /// Gives a user another name. His number and his buckets stay; policies that name him by the old one do not follow.
    RenameUser(UserId, Name),
    /// Gives a user another path. It is part of his ARN and of nothing else.
    PlaceUser(UserId, IamPath),
    /// Says something else about a user.
    DescribeUser(UserId, Description),
    /// Replaces who a user is: e-mail address, full name, time zone, language.
    SetUserDetails(UserId, UserDetails),
    /// Gives a user another role, at most that of whoever asks. That of the owner is transferred, and not given.
    SetUserRole(UserId, Role),
    /// Makes another person of the account its owner; who was it becomes an admin.
    TransferOwnership {
        /// The account.
        tenant: TenantId,
        /// The owner from now on.
        to: UserId,
    },

    /// Makes a role, of at most what whoever asks may do.
    CreateRole {
        /// The account.
        tenant: TenantId,
        /// What it is.
        role: RoleText,
    },
    /// Replaces what a role is. Who has it has the other from the next request on.
    ChangeRole(RoleId, RoleText),
    /// Removes a role that nobody has.
    DeleteRole(RoleId),

    /// Makes a sub-user. No key is made.
    CreateSubUser(NewSubUser),
    /// Says what a sub-user's keys may do at most.
    SetSubUserLevel(SubUserId, Level),
    /// Gives a sub-user another name.
    RenameSubUser(SubUserId, Name),
    /// Says something else about a sub-user.
    DescribeSubUser(SubUserId, Description),
    /// Stops everything of a sub-user; all is kept.
    DisableSubUser(SubUserId),
    /// Gives a disabled sub-user back exactly what he had.
    EnableSubUser(SubUserId),
    /// Removes a sub-user with his keys. What they wrote stays.
    DeleteSubUser(SubUserId),
    /// Makes an access key of a sub-user, of at most his level. Its secret is in the answer and nowhere else.
    CreateSubUserKey {
        /// Whose key.
        sub_user: SubUserId,
        /// What it may do.
        rights: KeyRights,
    },

    /// Makes an access key. Its secret is in the answer and nowhere else.
    CreateKey {
        /// Whose key.
        user: UserId,
        /// What it may do.
        rights: KeyRights,
    },
    /// Puts a new key in the place of another: same user, rights and lineage.
    RotateKey {
        /// The key to replace.
        key: AccessKeyId,
        /// How long the old key still works, in seconds; 0: not at all.
        grace_seconds: u32,
    },
    /// Replaces what a key may do.
    SetKeyRights(AccessKeyId, KeyRights),
    /// Stops a key.
    DisableKey(AccessKeyId),
    /// Lets a disabled key work again.
    EnableKey(AccessKeyId),
    /// Removes a key.
    DeleteKey(AccessKeyId),

    /// Says how much may be stored.
    SetQuota(QuotaOf, Quota),
    /// Says how fast may be asked.
    SetRate(RateOf, Rate),
    /// Writes an audit record of a step on the books of usage, which are kept elsewhere.
    NoteUsage {
        /// The account that it concerns; none for all.
        tenant: Option<TenantId>,
        /// The step, as audit records call it.
        step: &'static str,
        /// The billing period.
        period: String,
        /// The details.
        detail: Value,
    },

    /// Takes an account in from a file: all of it, or nothing.
    ApplyTenant(Box<super::Import>),
    /// Writes an audit record of an export.
    NoteExport {
        /// The account.
        tenant: TenantId,
        /// Whether secrets go along, sealed.
        with_secrets: bool,
    },
    /// Writes an audit record of a reading of the audit log.
    NoteReading(Reading),
    /// Writes an audit record of what is done to the object node.
    NoteNode(NodeNote),
    /// Writes an audit record of a backup that was made.
    NoteBackup {
        /// The revision that it holds.
        revision: Revision,
        /// The SHA-256 of the file, as hexadecimal digits.
        sha256: String,
    },

    /// Says how much a job has to do, counted when nothing more is added to it.
    MeasureJob(JobId, Totals),
    /// Ends a job of which nothing is left to do.
    FinishJob(JobId),

    /// Gives a namespace the label by which hosts find it, or takes it away.
    SetAlias(NamespaceId, Option<Alias>),

    /// First step of making a bucket: takes the name. The upstream is asked next.
    BeginBucket {
        /// Where.
        namespace: NamespaceId,
        /// Its name there.
        name: BucketName,
        /// Its owner.
        owner: UserId,
        /// What it keeps: the upstream makes it so.
        keeps: Keeps,
    },
    /// Second step: the upstream has it.
    ActivateBucket(BucketId),
    /// First step of removing a bucket: it answers no more requests. The upstream is asked next.
    CloseBucket(BucketId),
    /// The upstream would not remove it (it is not empty): it is active again.
    ReopenBucket(BucketId),
    /// Last step: the upstream has removed it, or has never had it. The name is free.
    RemoveBucket(BucketId),
    /// Says what may be done to a container's objects; none: nothing is said. It takes the place of all that was said before: see
    /// [`ContainerAcl::preview`].
    SetContainerAcl(BucketId, Option<ContainerAcl>),
    /// Makes a container public, or private again.
    SetPublicAccess(BucketId, Option<PublicAccess>),

    /// Replaces what access control lists and their companions say of a bucket.
    SetBucketAccess(BucketId, AccessPart, BucketAccess),

    /// Attaches a policy document, in the place of one that is there. That it is understood is for the gate to say, and was asked
    /// before.
    PutPolicy {
        /// What it is attached to.
        place: PolicyPlace,
        /// The document.
        text: String,
    },
    /// Takes a policy document away.
    DeletePolicy(PolicyPlace),
    /// Groups, managed policies, roles that callers assume, and their sessions.
    Iam(IamCommand),

    /// Stores a version of a module. It is not in force yet.
    PushModule {
        /// Whose.
        scope: ModuleScope,
        /// The module's name.
        name: Name,
        /// The module.
        bytes: Vec<u8>,
        /// An Ed25519 signature over the bytes; needed where [`super::ModuleRules::signers`] are set.
        signature: Option<Vec<u8>>,
    },
    /// Puts a version in force. Where two persons must agree it becomes a proposal, as do the three others that change what is
    /// obeyed: canary, promotion, switching off.
    ActivateModule(ModuleScope, Name, Digest),
    /// Lets a version be asked on live traffic and never obeyed.
    ShadowModule(ModuleScope, Name, Digest),
    /// Ends the shadow.
    StopShadow(ModuleScope, Name),
    /// Lets a version be obeyed for a share of the access keys.
    CanaryModule(ModuleScope, Name, Digest, PerMille),
    /// Ends the canary: what is in force is obeyed by all.
    StopCanary(ModuleScope, Name),
    /// Puts the version of the canary in force.
    PromoteCanary(ModuleScope, Name),
    /// Carries out what another person has proposed.
    ApproveModule(ModuleScope, Name),
    /// Takes a proposal back, or refuses it.
    RejectModule(ModuleScope, Name),
    /// Takes a version back that does not answer: the server itself asks for it.
    RevertModule {
        /// Whose.
        scope: ModuleScope,
        /// The module's name.
        name: Name,
        /// The version that does not answer.
        failing: Digest,
        /// The numbers.
        failures: Failures,
    },
    /// Writes an audit record of a step that was not taken, or that changes nothing: a test, a refusal.
    NoteModule {
        /// Whose.
        scope: ModuleScope,
        /// The module's name.
        name: Name,
        /// The version.
        digest: Option<Digest>,
        /// The step, as audit records call it.
        step: &'static str,
        /// What came of it.
        outcome: String,
    },
    /// Puts the version before in force again.
    RollbackModule(ModuleScope, Name),
    /// Switches a module off.
    DeactivateModule(ModuleScope, Name),
    /// Removes the bytes of a version that is not in force, and takes it out of the history.
    RetireModule(ModuleScope, Name, Digest),

    /// About operators, their tokens and their sessions.
    Operators(OperatorCommand),
}

/// A reading of the audit log, or of the access review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// How: `page`, `export`, …
    pub how: &'static str,
    /// Of which account; none: of all.
    pub tenant: Option<TenantId>,
}

/// A user to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUser {
    /// The account.
    pub tenant: TenantId,
    /// The name.
    pub name: Name,
    /// What kind; a second root is refused.
    pub kind: UserKind,
    /// What a person says about it.
    pub description: Description,
    /// The role; none: the usual one of the profile.
    pub role: Option<Role>,
    /// Who he is.
    pub details: UserDetails,
    /// Where his ARN has him.
    pub path: IamPath,
    /// What his rights come from, in the profile `s3`.
    pub standing: Standing,
}

impl NewUser {
    /// A user of whom nothing more is said.
    pub fn new(tenant: TenantId, name: Name, kind: UserKind) -> Self {
        Self {
            tenant,
            name,
            kind,
            description: Description::default(),
            role: None,
            details: UserDetails::default(),
            path: IamPath::default(),
            standing: Standing::default(),
        }
    }
}

/// A sub-user to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSubUser {
    /// The user above.
    pub user: UserId,
    /// The name.
    pub name: Name,
    /// What his keys may do at most.
    pub level: Level,
    /// What a person says about him.
    pub description: Description,
}

/// What a role is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleText {
    /// The name.
    pub name: Name,
    /// What a person says about it.
    pub description: Description,
    /// What it may do.
    pub atoms: RoleAtoms,
}

/// How often a version did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failures {
    /// How often it was asked.
    pub asked: u64,
    /// How often of them it did not answer.
    pub failed: u64,
    /// Over how long, in seconds.
    pub seconds: u64,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Who.
    pub who: Who,
    /// From where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// In which request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Who {
    /// The server itself: development set-up, finishing what was half done.
    System,
    /// The holder of the admin listener's token.
    AdminToken,
    /// A person whom the settings name, by a token of his own.
    Person {
        /// The name.
        name: Name,
        /// The first sixteen hexadecimal digits of the SHA-256 of the token.
        token: String,
    },
    /// An operator who has signed in.
    Operator {
        /// His number.
        operator: OperatorId,
    },
    /// The holder of a token of the admin API.
    Token {
        /// Its number.
        token: ApiTokenId,
        /// Whose it is; none: the platform's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        operator: Option<OperatorId>,
    },
    /// Somebody who has not signed in.
    Nobody,
    /// The holder of an access key, through S3.
    Key {
        /// The account.
        tenant: TenantId,
        /// The user.
        user: UserId,
        /// The key.
        key: AccessKeyId,
    },
}

impl Actor {
    /// The server itself.
    pub const fn system() -> Self {
        Self {
            who: Who::System,
            address: None,
            request: None,
        }
    }

    /// A short name for records, such as `key:PK…`.
    pub fn label(&self) -> String {
        match &self.who {
            Who::System => "system".to_owned(),
            Who::AdminToken => "admin-token".to_owned(),
            Who::Person { name, .. } => format!("admin:{name}"),
            Who::Operator { operator } => format!("operator:{}", operator.get()),
            Who::Token { token, .. } => format!("token:{}", token.get()),
            Who::Nobody => "nobody".to_owned(),
            Who::Key { key, .. } => format!("key:{key}"),
        }
    }
}

/// What a command did.
#[derive(Debug)]
pub struct Applied {
    /// The revision that holds the change, and that [`super::Directory::state`] has reached.
    pub revision: Revision,
    /// What there is to say about it.
    pub outcome: Outcome,
}

/// What there is to say about a command that was carried out.
#[derive(Debug)]
pub enum Outcome {
    /// An account was made.
    Tenant {
        /// Its number.
        tenant: TenantId,
        /// Its root user.
        root: UserId,
    },
    /// A user was made.
    User(UserId),
    /// A sub-user was made.
    SubUser(SubUserId),
    /// A role was made.
    Role(RoleId),
    /// A group was made.
    Group(GroupId),
    /// A managed policy was made.
    ManagedPolicy(PolicyId),
    /// A role that callers assume was made.
    IamRole(IamRoleId),
    /// A key was made.
    Key {
        /// The public half.
        key: AccessKeyId,
        /// The secret half: 40 letters and digits. It cannot be asked for again.
        secret: Secret,
    },
    /// An account was taken in from a file.
    Imported(TenantId, super::ImportPlan),
    /// A job was begun.
    Job(JobId),
    /// A bucket's name was taken.
    Bucket(BucketId),
    /// A module was stored, or another version is in force.
    Module(Digest),
    /// The step waits for another person.
    Proposed(Proposal),
    /// About an operator, a token or a session.
    Operator(OperatorOutcome),
    /// Nothing more.
    Done,
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// There is no such thing.
    #[error("there is no such {what}: `{which}`")]
    NotFound {
        /// `tenant`, `user`, …
        what: &'static str,
        /// Which was asked for.
        which: String,
    },
    /// The name is taken.
    #[error("the {what} `{name}` is taken")]
    Taken {
        /// `tenant`, `user`, `bucket`, `alias`.
        what: &'static str,
        /// The name.
        name: String,
        /// Where a bucket has it: that bucket.
        bucket: Option<BucketId>,
    },
    /// A rule of the directory forbids it.
    #[error("{0}")]
    Refused(Refusal),
    /// A file is not taken in.
    #[error(transparent)]
    File(Box<super::FileFault>),
    /// The record has changed since the caller read it.
    #[error("the record has changed: it is at revision {found}")]
    Stale {
        /// Its revision now.
        found: Revision,
    },
    /// Other writers were faster, again and again.
    #[error("too many writers at a time; try again")]
    Contended,
    /// A secret could not be made or sealed.
    #[error("a secret could not be sealed")]
    Seal(#[from] super::SealError),
    /// The engine failed.
    #[error("the directory's engine failed")]
    Engine(#[from] crate::engine::EngineError),
    /// What the engine holds cannot be read.
    #[error(transparent)]
    Row(#[from] super::RowError),
}

/// The rule that forbids a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// I1.
    #[error("an account has exactly one root user")]
    SecondRoot,
    /// I1.
    #[error("the root user is always active and goes with its account")]
    RootStays,
    /// I1.
    #[error("the owner's role cannot be given or taken: transfer the ownership to another person")]
    OwnerIsTransferred,
    /// The profile's owner is its root user, whose key and namespace cannot be another's.
    #[error("accounts of this profile keep their owner")]
    OwnerStays,
    /// Programs own no account.
    #[error("the owner of an account is an active person of it")]
    OwnerIsAPerson,
    /// 004-27: nobody gives what he has not.
    #[error("it would be more than you may do yourself")]
    MoreThanMaker,
    /// Whoever asks lacks the permission for it.
    #[error("you may not do this")]
    NotPermitted,
    /// Whoever asks lacks this permission, or has it elsewhere.
    #[error("this needs the permission `{0}` here, which you have not")]
    Needs(ConsoleAtom),
    /// 004-21.
    #[error("what is an owner's is changed by an owner")]
    OwnersAlone,
    /// Somebody must be able to give the role.
    #[error("the last active owner stays what he is; make another person owner first")]
    LastOwner,
    /// Operators have no namespace, and roles of an account are for its own operators.
    #[error("operators of this scope have no such role")]
    NoOperatorsRole,
    /// There are too many.
    #[error("a deployment has at most {} operators", crate::limits::OPERATORS_MAX)]
    Operators,
    /// Nobody, or too many.
    #[error(
        "a scope of users names 1 to {} of them",
        crate::limits::SCOPE_USERS_MAX
    )]
    ScopeUsers,
    /// It would work for no time, or too long.
    #[error(
        "an invitation works for 1 to {} seconds",
        crate::limits::INVITATION_SECONDS_MAX
    )]
    InvitationTime,
    /// It is over, was used, or was never made.
    #[error(
        "this invitation does not work: it was used, has expired, or another has taken its place; ask for a new one"
    )]
    NoInvitation,
    /// The second factor is on.
    #[error("a second factor is on; remove it first")]
    OneTimeIsOn,
    /// There is none.
    #[error("there is no second factor; set one up first")]
    NoOneTime,
    /// Too many passkeys of one operator.
    #[error(
        "one operator has at most {} passkeys; take some away",
        crate::limits::PASSKEYS_MAX
    )]
    Passkeys,
    /// The device has shown a passkey that is known.
    #[error("this passkey is known already; sign in with it")]
    PasskeyIsKnown,
    /// A code holds once.
    #[error("this code was used; wait for the next")]
    CodeUsed,
    /// It would never work.
    #[error("a token's end lies in the future")]
    TokenTime,
    /// There are too many.
    #[error(
        "one operator has at most {} tokens; revoke some",
        crate::limits::API_TOKENS_MAX
    )]
    Tokens,
    /// 001-30.
    #[error(
        "secrets of this profile are shown once, when they are made; replace the key to have a new one"
    )]
    ShownOnce,
    /// The profile does not know the role.
    #[error("accounts of this profile have no such role")]
    NoSuchRole,
    /// The role is some user's.
    #[error("somebody still has this role: give him another first")]
    RoleInUse,
    /// There are too many.
    #[error("an account makes at most {} roles", crate::limits::CUSTOM_ROLES_MAX)]
    Roles,
    /// The profile has none.
    #[error("accounts of this profile have no sub-users")]
    NoSubUsers,
    /// The profile bounds them.
    #[error("there is no room for another key: the profile or the account bounds their number")]
    Keys,
    /// The account bounds them.
    #[error("there is no room for another user: the account bounds their number")]
    Users,
    /// A reseller is the platform's customer.
    #[error("an account below another cannot have accounts below itself")]
    TooDeep,
    /// It has accounts below it.
    #[error("there are accounts below it")]
    HasChildren,
    /// 004-13.
    #[error("a person of this profile has an e-mail address")]
    EmailNeeded,
    /// The profile has none.
    #[error("accounts of this profile have no permissions on account and containers")]
    NoPermissions,
    /// The profile has none.
    #[error("containers of this profile do not become public by a switch")]
    NotPublic,
    /// There are too many.
    #[error(
        "permissions name at most {} users, what is public at most {} referrers",
        crate::limits::PERMISSION_ROWS_MAX,
        crate::limits::REFERRERS_MAX
    )]
    TooManyRows,
    /// I2.
    #[error("the root user of this profile has one key; rotate it")]
    RootHasOneKey,
    /// The root's only key is of level Full and unrestricted.
    #[error("the root's key is of level full")]
    RootKeyIsFull,
    /// Nothing is added to, or brought back in, what is being removed.
    #[error("it is being removed")]
    BeingRemoved,
    /// Nothing is added to an account or user that does not work.
    #[error("it is suspended or disabled")]
    Inactive,
    /// It still owns buckets.
    #[error("it still owns buckets")]
    OwnsBuckets,
    /// The profile keeps what users own.
    #[error(
        "accounts of this profile keep a user who owns buckets: delete the buckets first, or close the whole account"
    )]
    KeepsData,
    /// There are too many.
    #[error(
        "{} deletions are under way: wait until one is done",
        crate::limits::JOBS_RUNNING_MAX
    )]
    Jobs,
    /// Another rotation is under way.
    #[error("the master key is being rotated already")]
    Rotating,
    /// Both keys are one.
    #[error("the new master key is the one that there is")]
    SameMasterKey,
    /// What is there is what the file says.
    #[error("nothing would change")]
    NothingToChange,
    /// There are too many.
    #[error("an account has at most {} domains", crate::limits::TENANT_HOSTS_MAX)]
    Hosts,
    /// The job is done.
    #[error("the job is done already")]
    Finished,
    /// Nothing may be more than what stands above it allows.
    #[error("it would be more than the level above allows")]
    MoreThanParent,
    /// A key's dates end before they begin, a list is too long, a prefix is no key's beginning.
    #[error("the rights of the key make no sense: {0}")]
    Rights(&'static str),
    /// What asks for nothing is disabled.
    #[error("a rate is at least 1 a second; disable what shall not ask at all")]
    RateOfNothing,
    /// The key has been replaced.
    #[error("the key has been replaced by another")]
    Replaced,
    /// The owner of a bucket belongs to its namespace.
    #[error("the owner has no part in this namespace")]
    NotOfNamespace,
    /// The profile has no such namespace, or it cannot have a label.
    #[error("there is no such namespace")]
    NoNamespace,
    /// A bucket's steps come in their order.
    #[error("the bucket is not in the state that this step begins from")]
    BucketState,
    /// The policy document is too large or empty.
    #[error("a policy document has 1 to {} bytes", crate::limits::POLICY_BYTES_MAX)]
    PolicySize,
    /// It has more than it can be removed with.
    #[error("{0}")]
    StillHas(&'static str),
    /// There is no room for another.
    #[error("there is no room for more {0}")]
    TooMany(&'static str),
    /// The document that says who may assume a role is too large or empty.
    #[error(
        "the document that says who may assume a role has 1 to {} bytes",
        crate::limits::TRUST_BYTES_MAX
    )]
    TrustSize,
    /// The sessions of a role would be too short or too long.
    #[error(
        "the sessions of a role last at most {} to {} seconds",
        crate::limits::ROLE_SESSION_SECONDS_MIN,
        crate::limits::ROLE_SESSION_SECONDS_MAX
    )]
    SessionLength,
    /// There are too many policy documents.
    #[error(
        "a user, group or role has at most {} policy documents; put some together",
        crate::limits::USER_POLICIES_MAX
    )]
    UserPolicies,
    /// The module is too large or empty.
    #[error("a module has 1 to {} bytes", crate::limits::MODULE_BYTES_MAX)]
    ModuleSize,
    /// There are too many versions.
    #[error(
        "a module has at most {} versions; retire some",
        crate::limits::MODULE_VERSIONS_MAX
    )]
    ModuleVersions,
    /// It was retired.
    #[error("this version was retired")]
    Retired,
    /// It is in force.
    #[error("this version is in force")]
    InForce,
    /// It is at work beside the one in force, or waits to be.
    #[error("this version is at work as shadow or canary, or proposed")]
    AtWork,
    /// It is not in force any more.
    #[error("this version is not in force")]
    NotInForce,
    /// There is no shadow or canary.
    #[error("there is no such trial of this module")]
    NoTrial,
    /// What is a guardrail stays, whatever becomes of it.
    #[error("a guardrail of the platform is never taken back by itself")]
    Guardrail,
    /// Signers are set, and none vouches for it.
    #[error(
        "this server takes signed modules only: push it with `--signature FILE`, an Ed25519 signature over its bytes by one of `policy.signers`"
    )]
    Unsigned,
    /// None of the signers made this signature.
    #[error(
        "the signature over these bytes was made by none of `policy.signers`: sign exactly the file that is pushed, with one of their keys"
    )]
    WronglySigned,
    /// A signature that nobody can check says nothing.
    #[error("the signature cannot be checked: `policy.signers` names no key")]
    NoSigners,
    /// Nothing waits for approval.
    #[error("nothing is proposed for this module")]
    NoProposal,
    /// It waited too long.
    #[error("the proposal has expired; propose it again")]
    Expired,
    /// Two persons are two.
    #[error("whoever proposes cannot approve: another person must")]
    SamePerson,
    /// Another step waits already.
    #[error("another step waits for approval; approve or reject it first")]
    AlreadyProposed,
    /// What was before needs no approval only where it was in force once.
    #[error("there is no version before this one; switch the module off with `deactivate`")]
    OffNeedsTwo,
    /// There is no version to go back to.
    #[error("there is no version before this one")]
    NoHistory,
}
