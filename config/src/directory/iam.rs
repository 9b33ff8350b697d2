//! Groups, managed policies and the roles that callers assume: what AWS's IAM knows beside users and keys.
//!
//! None of them judges by itself. A user is judged by the documents that are his, those of his groups, and those that are attached to
//! either; a session of a role by those of the role. See [`State::identity`](super::State::identity).

mod standard;

use std::fmt;

use serde::{Deserialize, Serialize};

use super::names::{Description, GroupId, IamPath, IamRoleId, Name, PolicyId, TenantId, UserId};
use crate::engine::Revision;
use crate::time::UnixSeconds;

pub use standard::StandardPolicy;

/// A group of users of one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// The number.
    pub id: GroupId,
    /// The account.
    pub tenant: TenantId,
    /// The name, unique in the account, without regard to case.
    pub name: Name,
    /// Where its ARN has it.
    #[serde(default, skip_serializing_if = "IamPath::is_root")]
    pub path: IamPath,
    /// When it was made.
    pub created: UnixSeconds,
    /// The revision that wrote this record.
    #[serde(skip)]
    pub revision: Revision,
}

/// A policy that an account manages by itself, and attaches to users, groups and roles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManagedPolicy {
    /// The number.
    pub id: PolicyId,
    /// The account.
    pub tenant: TenantId,
    /// The name, unique in the account, without regard to case.
    pub name: Name,
    /// Where its ARN has it.
    #[serde(default, skip_serializing_if = "IamPath::is_root")]
    pub path: IamPath,
    /// What a person says about it.
    #[serde(default, skip_serializing_if = "Description::is_empty")]
    pub description: Description,
    /// When it was made.
    pub created: UnixSeconds,
    /// When its versions last changed.
    pub updated: UnixSeconds,
    /// The version that judges.
    pub default: u32,
    /// The number of the next version: none is given twice.
    pub next: u32,
    /// Its versions, the oldest first.
    pub versions: Vec<PolicyVersion>,
    /// The revision that wrote this record.
    #[serde(skip)]
    pub revision: Revision,
}

/// A version of a managed policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyVersion {
    /// Its number; it is called `v` and this.
    pub number: u32,
    /// The document.
    pub text: String,
    /// When it was made.
    pub created: UnixSeconds,
}

impl ManagedPolicy {
    /// A version.
    pub fn version(&self, number: u32) -> Option<&PolicyVersion> {
        self.versions
            .iter()
            .find(|version| version.number == number)
    }

    /// The document that judges.
    pub fn text(&self) -> &str {
        self.version(self.default).map_or("", |it| it.text.as_str())
    }
}

/// A role that callers assume for a while, where its document says that they may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IamRole {
    /// The number.
    pub id: IamRoleId,
    /// The account.
    pub tenant: TenantId,
    /// The name, unique in the account, without regard to case.
    pub name: Name,
    /// Where its ARN has it.
    #[serde(default, skip_serializing_if = "IamPath::is_root")]
    pub path: IamPath,
    /// What a person says about it.
    #[serde(default, skip_serializing_if = "Description::is_empty")]
    pub description: Description,
    /// The document that says who may assume it.
    pub trust: String,
    /// The longest that a session lasts, in seconds.
    pub session_seconds_max: u32,
    /// When it was made.
    pub created: UnixSeconds,
    /// The revision that wrote this record.
    #[serde(skip)]
    pub revision: Revision,
}

/// Whom documents judge: each has some of his own, and some that are attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holder {
    /// A user.
    User(UserId),
    /// Every member of a group.
    Group(GroupId),
    /// Whoever assumes a role.
    Role(IamRoleId),
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user {id}"),
            Self::Group(id) => write!(f, "group {id}"),
            Self::Role(id) => write!(f, "role {id}"),
        }
    }
}

impl Holder {
    /// As rows name it.
    pub(crate) fn row(&self) -> String {
        match self {
            Self::User(id) => format!("user/{id}"),
            Self::Group(id) => format!("group/{id}"),
            Self::Role(id) => format!("iam-role/{id}"),
        }
    }
}

/// A policy that can be attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attachable {
    /// One that the account manages.
    Own(PolicyId),
    /// One that every account has, as on AWS.
    Standard(StandardPolicy),
}

impl fmt::Display for Attachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(id) => id.fmt(f),
            Self::Standard(policy) => f.write_str(policy.name()),
        }
    }
}

/// What is attached to a user, group or role, and of which groups a user is a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attachments {
    /// The account.
    pub tenant: TenantId,
    /// To whom.
    pub holder: Holder,
    /// The policies.
    #[serde(default)]
    pub policies: Vec<Attachable>,
    /// The groups of a user.
    #[serde(default)]
    pub groups: Vec<GroupId>,
    /// The revision that wrote this record.
    #[serde(skip)]
    pub revision: Revision,
}

/// A document that judges somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityDocument<'a> {
    /// What decisions call it: unlike that of every other document of the same holder.
    pub name: String,
    /// The document.
    pub text: &'a str,
    /// The revision of the record that holds it.
    pub revision: Revision,
}

/// A command about any of these.
#[derive(Debug)]
pub enum IamCommand {
    /// Makes a group.
    CreateGroup {
        /// The account.
        tenant: TenantId,
        /// Its name.
        name: Name,
        /// Where its ARN has it.
        path: IamPath,
    },
    /// Gives a group another name and path.
    ChangeGroup {
        /// The group.
        group: GroupId,
        /// Its name from now on.
        name: Name,
        /// Its path from now on.
        path: IamPath,
    },
    /// Removes a group that has neither members nor documents.
    DeleteGroup(GroupId),
    /// Makes a user a member of a group. Who is one stays one.
    AddMember {
        /// The group.
        group: GroupId,
        /// The user.
        user: UserId,
    },
    /// Takes a user out of a group.
    RemoveMember {
        /// The group.
        group: GroupId,
        /// The user.
        user: UserId,
    },
    /// Makes a managed policy, whose first version judges.
    CreatePolicy {
        /// The account.
        tenant: TenantId,
        /// Its name.
        name: Name,
        /// Where its ARN has it.
        path: IamPath,
        /// What a person says about it.
        description: Description,
        /// The document. That it is understood is for the gate to say, and was asked before.
        text: String,
    },
    /// Gives a managed policy another version.
    AddPolicyVersion {
        /// The policy.
        policy: PolicyId,
        /// The document.
        text: String,
        /// Whether it judges from now on.
        judges: Judges,
    },
    /// Removes a version that does not judge.
    DeletePolicyVersion(PolicyId, u32),
    /// Lets another version judge.
    SetDefaultVersion(PolicyId, u32),
    /// Removes a managed policy that is attached to nobody.
    DeletePolicy(PolicyId),
    /// Attaches a policy. One that is attached stays so.
    AttachPolicy(Holder, Attachable),
    /// Detaches a policy.
    DetachPolicy(Holder, Attachable),
    /// Makes a role.
    CreateRole {
        /// The account.
        tenant: TenantId,
        /// Its name.
        name: Name,
        /// Where its ARN has it.
        path: IamPath,
        /// What it is.
        text: IamRoleText,
    },
    /// Replaces what a role is. Its sessions go on, and are judged by it as it is.
    ChangeRole(IamRoleId, IamRoleText),
    /// Removes a role that has no documents. Its sessions end.
    DeleteRole(IamRoleId),
    /// Writes down that temporary credentials were given out. Nothing else is kept of them.
    NoteSession(NewSession),
}

/// Whether a version judges from the moment it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judges {
    /// It does.
    AtOnce,
    /// It waits until it is made the default.
    Later,
}

/// What a role is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IamRoleText {
    /// What a person says about it.
    pub description: Description,
    /// The document that says who may assume it. That it is understood is for the gate to say, and was asked before.
    pub trust: String,
    /// The longest that a session lasts, in seconds.
    pub session_seconds_max: u32,
}

/// Temporary credentials that were given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    /// The account in which they work.
    pub tenant: TenantId,
    /// What the token says.
    pub session: super::session::Session,
}
