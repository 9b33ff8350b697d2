//! Records as rows of the engine, and back. A row is JSON under a key that says whose it is; a row that was copied under
//! another key is not read.
//!
//! ```text
//! dir/.head                             schema, counter, head of the audit chain; written by every transaction
//! dir/<tenant>/account                  dir/<tenant>/user/<user>        dir/<tenant>/key/<access key id>
//! dir/<tenant>/sub-user/<user>/<sub>    dir/<tenant>/role/<role>
//! dir/<tenant>/namespace/<user>         dir/<tenant>/namespace/account  dir/<tenant>/bucket/<bucket>
//! dir/platform/job/<job>                work that goes on, or was done
//! dir/<tenant>/policy/bucket/<bucket>   dir/<tenant>/policy/user/<user>/<name>
//! dir/<tenant>/policy/group/<group>/<name>  dir/<tenant>/policy/iam-role/<role>/<name>
//! dir/<tenant>/group/<group>            dir/<tenant>/iam-role/<role>    dir/<tenant>/managed-policy/<policy>
//! dir/<tenant>/attached/user/<user>     …/group/<group>                 …/iam-role/<role>
//! dir/<tenant>/module/<name>/<digest>   dir/<tenant>/binding/<name>     and the same two below dir/platform/
//! dir/platform/operator/<operator>      dir/platform/token/<token>
//! mod/<digest>                          the bytes of a module
//! aud/<sequence>                        audit records
//! per/user/<user>                       the keys of what is personal in them
//! per/operator/<operator>               the same of operators
//! ```

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::iam::{Attachments, Group, IamRole, ManagedPolicy};
use super::job::Job;
use super::names::{Digest, NameKey, NamespaceId};
use super::operator::{ApiToken, Operator};
use super::record::{
    AccessKey, Binding, Bucket, ModuleScope, ModuleVersion, Namespace, PolicyDocument, PolicyPlace,
    SubUser, Tenant, User, UserKind,
};
use super::role::{CustomRole, Role};
use super::vault::{Identity, SealError, Sealed};
use crate::engine::{Op, Row};
use crate::time::UnixMillis;

/// Where the directory's rows begin.
pub(crate) const PREFIX: &str = "dir/";
/// The row that every transaction writes.
pub(crate) const HEAD: &str = "dir/.head";
/// Where audit records begin.
pub(crate) const AUDIT: &str = "aud/";
/// The layout that this build reads and writes.
pub(crate) const SCHEMA: u32 = 2;

/// The head: what each transaction compares and writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Head {
    /// The layout of the rows.
    pub(crate) schema: u32,
    /// This directory, 32 hexadecimal digits: no two have the same.
    pub(crate) directory: String,
    /// A known text, sealed: the master key is the right one if it opens.
    pub(crate) canary: Sealed,
    /// The next number to give.
    pub(crate) next: u64,
    /// How many audit records there are.
    pub(crate) audits: u64,
    /// The hash of the last of them.
    pub(crate) audit_hash: Digest,
    /// The two before, sealed: a chain that was cut or written anew does not fit.
    pub(crate) audit_seal: Sealed,
    /// The key that signs heads of the chain, sealed. Directories of layout 1 have none until they are opened by this version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) audit_signer: Option<Sealed>,
    /// What stands for the records that retention took away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) audit_base: Option<AuditBase>,
}

/// What stands for the records that retention took away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditBase {
    /// The number of the last of them.
    pub(crate) through: u64,
    /// Its hash.
    pub(crate) hash: Digest,
    /// When it was written.
    pub(crate) time_ms: UnixMillis,
    /// Number and hash, sealed.
    pub(crate) seal: Sealed,
}

/// A record of any kind.
#[derive(Clone, Debug)]
pub(crate) enum Record {
    Tenant(Tenant),
    User(User),
    SubUser(SubUser),
    Role(CustomRole),
    Key(AccessKey),
    Namespace(Namespace),
    Bucket(Bucket),
    Policy(PolicyDocument),
    Module(ModuleVersion),
    Binding(Binding),
    Job(Job),
    Operator(Operator),
    ApiToken(ApiToken),
    Group(Group),
    ManagedPolicy(ManagedPolicy),
    IamRole(IamRole),
    Attachments(Attachments),
}

/// Why a row cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// It is not what this build writes.
    #[error("the row `{key}` cannot be read")]
    Malformed {
        /// Its key.
        key: String,
        /// Where.
        #[source]
        source: serde_json::Error,
    },
    /// It stands under a key that is not its own.
    #[error("the row `{key}` belongs under another key")]
    Misplaced {
        /// Where it stands.
        key: String,
    },
    /// It is of no kind that this build knows.
    #[error("the row `{key}` is of an unknown kind")]
    Unknown {
        /// Its key.
        key: String,
    },
    /// The directory was written by a later version.
    #[error(
        "the directory has layout {found}, and this version of postern knows layouts up to {SCHEMA}: start the version that wrote it, or a later one; to go back to this one, restore a backup that this one made"
    )]
    Schema {
        /// The layout it has.
        found: u32,
    },
}

impl Record {
    /// The key of its row.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Tenant(it) => format!("{PREFIX}{}/account", it.id),
            Self::User(it) => format!("{PREFIX}{}/user/{}", it.tenant, it.id),
            Self::SubUser(it) => {
                format!("{PREFIX}{}/sub-user/{}/{}", it.tenant, it.user, it.id)
            }
            Self::Role(it) => format!("{PREFIX}{}/role/{}", it.tenant, it.id),
            Self::Key(it) => format!("{PREFIX}{}/key/{}", it.tenant, it.id),
            Self::Namespace(it) => match it.id {
                NamespaceId::User(tenant, user) => format!("{PREFIX}{tenant}/namespace/{user}"),
                NamespaceId::Account(tenant) => format!("{PREFIX}{tenant}/namespace/account"),
                NamespaceId::Global => format!("{PREFIX}global/namespace"),
            },
            Self::Bucket(it) => format!("{PREFIX}{}/bucket/{}", it.tenant, it.id),
            Self::Policy(it) => match &it.place {
                PolicyPlace::Bucket(bucket) => {
                    format!("{PREFIX}{}/policy/bucket/{bucket}", it.tenant)
                }
                place @ (PolicyPlace::User { .. }
                | PolicyPlace::Group { .. }
                | PolicyPlace::Role { .. }) => {
                    let (holder, name) = match place.holder() {
                        Some((holder, name)) => (holder.row(), NameKey::new(name).to_string()),
                        None => (String::new(), String::new()),
                    };
                    format!("{PREFIX}{}/policy/{holder}/{name}", it.tenant)
                }
            },
            Self::Module(it) => {
                let name = NameKey::new(&it.name);
                format!("{PREFIX}{}/module/{name}/{}", scope(it.scope), it.digest)
            }
            Self::Job(it) => format!("{PREFIX}platform/job/{}", it.id),
            Self::Binding(it) => {
                format!(
                    "{PREFIX}{}/binding/{}",
                    scope(it.scope),
                    NameKey::new(&it.name)
                )
            }
            Self::Operator(it) => format!("{PREFIX}platform/operator/{}", it.id),
            Self::ApiToken(it) => format!("{PREFIX}platform/token/{}", it.id),
            Self::Group(it) => format!("{PREFIX}{}/group/{}", it.tenant, it.id),
            Self::ManagedPolicy(it) => {
                format!("{PREFIX}{}/managed-policy/{}", it.tenant, it.id)
            }
            Self::IamRole(it) => format!("{PREFIX}{}/iam-role/{}", it.tenant, it.id),
            Self::Attachments(it) => {
                format!("{PREFIX}{}/attached/{}", it.tenant, it.holder.row())
            }
        }
    }

    /// The change that writes it.
    pub(crate) fn put(&self) -> Result<Op, RowError> {
        let key = self.key();
        let written = match self {
            Self::Tenant(it) => serde_json::to_vec(it),
            Self::User(it) => serde_json::to_vec(it),
            Self::SubUser(it) => serde_json::to_vec(it),
            Self::Role(it) => serde_json::to_vec(it),
            Self::Key(it) => serde_json::to_vec(it),
            Self::Namespace(it) => serde_json::to_vec(it),
            Self::Bucket(it) => serde_json::to_vec(it),
            Self::Policy(it) => serde_json::to_vec(it),
            Self::Module(it) => serde_json::to_vec(it),
            Self::Binding(it) => serde_json::to_vec(it),
            Self::Job(it) => serde_json::to_vec(it),
            Self::Operator(it) => serde_json::to_vec(it),
            Self::ApiToken(it) => serde_json::to_vec(it),
            Self::Group(it) => serde_json::to_vec(it),
            Self::ManagedPolicy(it) => serde_json::to_vec(it),
            Self::IamRole(it) => serde_json::to_vec(it),
            Self::Attachments(it) => serde_json::to_vec(it),
        };
        match written {
            Ok(value) => Ok(Op::Put(key, value)),
            Err(source) => Err(RowError::Malformed { key, source }),
        }
    }

    /// Gives everything in it that is sealed to `reseal`, which says whether it has changed it. Answers whether anything was.
    pub(crate) fn reseal(
        &mut self,
        mut reseal: impl FnMut(Identity, &mut Sealed) -> Result<bool, SealError>,
    ) -> Result<bool, SealError> {
        match self {
            Self::Key(it) => {
                let identity = Identity::AccessKey(it.tenant, it.user, it.id);
                reseal(identity, &mut it.sealed)
            }
            Self::Operator(it) => match &mut it.one_time {
                Some(one_time) => reseal(Identity::OneTime(it.id), &mut one_time.sealed),
                None => Ok(false),
            },
            Self::Tenant(_)
            | Self::User(_)
            | Self::SubUser(_)
            | Self::Role(_)
            | Self::Namespace(_)
            | Self::Bucket(_)
            | Self::Policy(_)
            | Self::Module(_)
            | Self::Binding(_)
            | Self::Job(_)
            | Self::ApiToken(_)
            | Self::Group(_)
            | Self::ManagedPolicy(_)
            | Self::IamRole(_)
            | Self::Attachments(_) => Ok(false),
        }
    }

    /// Reads a row below [`PREFIX`], other than the head.
    pub(crate) fn read(row: &Row) -> Result<Self, RowError> {
        let mut parts = row.key.split('/').skip(2);
        let mut record = match parts.next() {
            Some("account") => Self::Tenant(parse(row)?),
            Some("user") => Self::User(parse_user(row)?),
            Some("sub-user") => Self::SubUser(parse(row)?),
            Some("role") => Self::Role(parse(row)?),
            Some("key") => Self::Key(parse(row)?),
            Some("namespace") => Self::Namespace(parse(row)?),
            Some("bucket") => Self::Bucket(parse(row)?),
            Some("policy") => Self::Policy(parse(row)?),
            Some("module") => Self::Module(parse(row)?),
            Some("binding") => Self::Binding(parse(row)?),
            Some("job") => Self::Job(parse(row)?),
            Some("operator") => Self::Operator(parse(row)?),
            Some("token") => Self::ApiToken(parse(row)?),
            Some("group") => Self::Group(parse(row)?),
            Some("managed-policy") => Self::ManagedPolicy(parse(row)?),
            Some("iam-role") => Self::IamRole(parse(row)?),
            Some("attached") => Self::Attachments(parse(row)?),
            Some(_) | None => {
                return Err(RowError::Unknown {
                    key: row.key.clone(),
                });
            }
        };
        if record.key() != row.key {
            return Err(RowError::Misplaced {
                key: row.key.clone(),
            });
        }
        match &mut record {
            Self::Tenant(it) => it.revision = row.revision,
            Self::User(it) => it.revision = row.revision,
            Self::SubUser(it) => it.revision = row.revision,
            Self::Role(it) => it.revision = row.revision,
            Self::Key(it) => it.revision = row.revision,
            Self::Namespace(it) => it.revision = row.revision,
            Self::Bucket(it) => it.revision = row.revision,
            Self::Policy(it) => it.revision = row.revision,
            Self::Module(it) => it.revision = row.revision,
            Self::Binding(it) => it.revision = row.revision,
            Self::Job(it) => it.revision = row.revision,
            Self::Operator(it) => it.revision = row.revision,
            Self::ApiToken(it) => it.revision = row.revision,
            Self::Group(it) => it.revision = row.revision,
            Self::ManagedPolicy(it) => it.revision = row.revision,
            Self::IamRole(it) => it.revision = row.revision,
            Self::Attachments(it) => it.revision = row.revision,
        }
        Ok(record)
    }
}

impl Head {
    /// Reads the head's row.
    pub(crate) fn read(row: &Row) -> Result<Self, RowError> {
        /// What every layout has, so that a later one is named and not called malformed.
        #[derive(Deserialize)]
        struct Layout {
            schema: u32,
        }
        let layout: Layout = parse(row)?;
        if layout.schema > SCHEMA || layout.schema == 0 {
            return Err(RowError::Schema {
                found: layout.schema,
            });
        }
        parse(row)
    }

    /// The change that writes it.
    pub(crate) fn put(&self) -> Result<Op, RowError> {
        let key = HEAD.to_owned();
        match serde_json::to_vec(self) {
            Ok(value) => Ok(Op::Put(key, value)),
            Err(source) => Err(RowError::Malformed { key, source }),
        }
    }
}

/// The key of a module's bytes.
pub(crate) fn module_bytes(digest: Digest) -> String {
    format!("mod/{digest}")
}

fn scope(scope: ModuleScope) -> String {
    match scope {
        ModuleScope::Platform => "platform".to_owned(),
        ModuleScope::Tenant(tenant) => tenant.to_string(),
    }
}

/// The root user has the owner's role, also where his row was written before there were roles.
fn parse_user(row: &Row) -> Result<User, RowError> {
    let user: User = parse(row)?;
    let role = match user.kind {
        UserKind::Root => Role::Owner,
        UserKind::Human | UserKind::Service => user.role,
    };
    Ok(User { role, ..user })
}

pub(crate) fn parse<T: DeserializeOwned>(row: &Row) -> Result<T, RowError> {
    serde_json::from_slice(&row.value).map_err(|source| RowError::Malformed {
        key: row.key.clone(),
        source,
    })
}
