//! An account as one file: what it is, who is in it, what they may do. The file is read back here or by another directory.
//!
//! The file holds the account's records as they are, numbers and all. What has a name is found again by it, whatever its number is
//! there; access keys keep their ids, which is how their holders know them. Secrets are sealed under a passphrase, or left out. What
//! a file would change is worked out as records against records, so that nothing is forgotten and an unchanged file changes
//! nothing.

mod compile;
mod renumber;
mod sound;

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use s3_protocol::BucketId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Directory;
use super::command::CommandError;
use super::iam::Holder;
use super::job::Purge;
use super::names::{AccessKeyId, Digest, Name, NamespaceId, TenantId};
use super::record::{AccessKey, BucketState, ModuleScope, ModuleState, Tenant, User, UserStatus};
use super::rows::Record;
use super::state::State;
use super::vault::{Identity, MASTER_KEY_BYTES, SealError, Sealed, Vault};
use crate::Secret;
use crate::engine::{EngineError, Op};
use crate::time::{Entropy, UnixMillis};

pub(super) use compile::compile;
pub(super) use renumber::Numbers;

/// What the file says it is.
const FORMAT: &str = "postern tenant";
/// The layout of the file that this version writes and reads.
const VERSION: u32 = 1;
/// Length of a salt, in bytes. Source: RFC 9106 section 3.1 recommends 16.
const SALT_BYTES: usize = 16;
/// Memory and passes of Argon2id. Source: RFC 9106 section 4, second recommended option (64 MiB, 3 passes).
const KDF_KIB: u32 = 64 * 1_024;
const KDF_PASSES: u32 = 3;
const KDF_LANES: u32 = 1;

/// An account as one file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantFile {
    /// What it is.
    pub format: String,
    /// Its layout.
    pub version: u32,
    /// The directory that wrote it.
    pub directory: String,
    /// When it did.
    pub exported: UnixMillis,
    /// The account above, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Name>,
    /// The salt under which the passphrase seals secrets; none where they were left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<String>,
    /// The records, by what they are.
    pub records: Vec<FileRecord>,
    /// The bytes of modules by digest, in base64.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub modules: BTreeMap<String, String>,
}

/// A record in a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRecord {
    /// What it is: `tenant`, `user`, `key`, …
    pub kind: String,
    /// The record.
    pub record: Value,
}

/// What is done with secrets.
#[derive(Debug)]
pub enum Secrets {
    /// They are left out.
    Omitted,
    /// They are sealed under this passphrase.
    Sealed(Secret),
}

/// A file that is to be taken in.
#[derive(Debug)]
pub struct Import {
    pub(super) file: TenantFile,
    /// Opens its secrets.
    pub(super) vault: Option<Vault>,
    /// The numbers of buckets that the upstream has made for it, by the numbers in the file.
    pub(super) buckets: BTreeMap<u128, BucketId>,
    /// What the account must still be, as [`ImportPlan::tag`] said.
    pub(super) expected: Option<Digest>,
}

/// What taking a file in would change.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ImportPlan {
    /// What would be made, changed, removed.
    pub changes: Vec<ImportChange>,
    /// What a person should know besides.
    pub notes: Vec<String>,
    /// What the account is now; none where there is none. It is another when anything of it changes.
    pub tag: Option<Digest>,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ImportChange {
    /// `create`, `change` or `remove`.
    pub action: &'static str,
    /// What: `tenant`, `user`, `access key`, …
    pub kind: &'static str,
    /// Which.
    pub name: String,
    /// The fields that would be others.
    pub fields: Vec<String>,
}

/// Why a file is not taken in.
#[derive(Debug, thiserror::Error)]
pub enum FileFault {
    /// It is something else, or of another version.
    #[error("this is no file of a tenant that this version of postern reads: {0}")]
    Format(String),
    /// A record cannot be read.
    #[error("a `{kind}` of the file cannot be read: {source}")]
    Record {
        /// What it is.
        kind: String,
        /// Why not.
        source: serde_json::Error,
    },
    /// The passphrase is missing, or another.
    #[error("the secrets in this file do not open: {0}")]
    Passphrase(&'static str),
    /// What it says makes no sense.
    #[error("the file contradicts itself: {0}")]
    Unsound(String),
    /// A secret cannot be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The engine failed.
    #[error("the directory's engine failed")]
    Engine(#[from] EngineError),
    /// The directory refuses what it says.
    #[error(transparent)]
    Refused(Box<CommandError>),
}

impl From<CommandError> for FileFault {
    fn from(error: CommandError) -> Self {
        Self::Refused(Box::new(error))
    }
}

/// What a file compiles to: rows to write, and what it would say of itself.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) tenant: TenantId,
    pub(super) ops: Vec<Op>,
    pub(super) plan: ImportPlan,
    /// The next number to give.
    pub(super) next: u64,
}

impl Directory {
    /// An account as a file.
    ///
    /// # Errors
    /// There is no such account, or the engine fails.
    pub async fn export_tenant(
        &self,
        id: TenantId,
        secrets: Secrets,
    ) -> Result<TenantFile, FileFault> {
        let state = self.state();
        let tenant = state.tenant(id).ok_or(CommandError::NotFound {
            what: "tenant",
            which: id.to_string(),
        })?;
        let entropy = self.inner.entropy.clone();
        let (salt, vault) = match secrets {
            Secrets::Omitted => (None, None),
            Secrets::Sealed(passphrase) => {
                let salt = entropy.bytes::<SALT_BYTES>().map_err(SealError::from)?;
                let vault = derive(passphrase, salt).await?;
                (Some(BASE64_STANDARD.encode(salt)), Some(vault))
            }
        };
        let mut records = Vec::new();
        let mut modules = BTreeMap::new();
        for record in records_of(&state, tenant) {
            if let Record::Module(version) = &record
                && version.state == ModuleState::Ready
                && let Some(bytes) = self.module_bytes(version.digest).await?
            {
                modules.insert(version.digest.to_string(), BASE64_STANDARD.encode(bytes));
            }
            records.push(written(&state, record, vault.as_ref(), &entropy)?);
        }
        let parent = tenant.parent.and_then(|parent| state.tenant(parent));
        Ok(TenantFile {
            format: FORMAT.to_owned(),
            version: VERSION,
            directory: state
                .head()
                .map(|head| head.directory.clone())
                .unwrap_or_default(),
            exported: self.now(),
            parent: parent.map(|parent| parent.name.clone()),
            salt,
            records,
            modules,
        })
    }

    /// A file to be taken in, with what opens its secrets. `expected` is what the account must still be then.
    ///
    /// # Errors
    /// It is no such file, or the passphrase is not given.
    pub async fn import(
        &self,
        file: TenantFile,
        passphrase: Option<Secret>,
        expected: Option<Digest>,
    ) -> Result<Import, FileFault> {
        if file.format != FORMAT || file.version != VERSION {
            let found = format!("`{}` {}", file.format, file.version);
            return Err(FileFault::Format(found));
        }
        let vault = match (&file.salt, passphrase) {
            (None, _) => None,
            (Some(_), None) => {
                let said = "they are sealed under a passphrase, and none was given";
                return Err(FileFault::Passphrase(said));
            }
            (Some(salt), Some(passphrase)) => {
                let wrong = || FileFault::Passphrase("the salt is not one");
                let salt = BASE64_STANDARD.decode(salt).map_err(|_| wrong())?;
                let salt = <[u8; SALT_BYTES]>::try_from(salt).map_err(|_| wrong())?;
                Some(derive(passphrase, salt).await?)
            }
        };
        Ok(Import {
            file,
            vault,
            buckets: BTreeMap::new(),
            expected,
        })
    }

    /// What taking a file in would change.
    ///
    /// # Errors
    /// It contradicts itself, or the directory would refuse it.
    pub fn plan_import(&self, import: &Import) -> Result<ImportPlan, FileFault> {
        let state = self.state();
        let next = state.head().map_or(1, |head| head.next);
        let rules = self.inner.rules.load();
        let compiled = compile(&state, import, (&rules, next), &self.inner.entropy)?;
        Ok(compiled.plan)
    }
}

impl Import {
    /// The buckets that are in the file and not in the directory, by their numbers there: the upstream makes them before the file
    /// is taken in.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn missing_buckets(&self, state: &State) -> Result<Vec<u128>, FileFault> {
        let records = parsed(self)?;
        let numbers = Numbers::of(state, &records, &self.file.parent, (1, &BTreeMap::new()))?;
        Ok(numbers.missing_buckets)
    }

    /// Says which number the upstream knows a bucket of the file by.
    pub fn made(&mut self, in_file: u128, bucket: BucketId) {
        self.buckets.insert(in_file, bucket);
    }

    /// The modules that it brings, as bytes.
    ///
    /// # Errors
    /// They are not in base64.
    pub fn modules(&self) -> Result<Vec<(Digest, Vec<u8>)>, FileFault> {
        let unsound = |digest: &str| FileFault::Unsound(format!("module `{digest}` is not whole"));
        let each = self.file.modules.iter().map(|(digest, text)| {
            let bytes = BASE64_STANDARD.decode(text).map_err(|_| unsound(digest))?;
            let found = Digest::of(&bytes);
            if found.to_string() == *digest {
                Ok((found, bytes))
            } else {
                Err(unsound(digest))
            }
        });
        each.collect()
    }
}

/// The key of a passphrase. It costs 64 MiB and some time: that is its purpose.
async fn derive(passphrase: Secret, salt: [u8; SALT_BYTES]) -> Result<Vault, FileFault> {
    let work = tokio::task::spawn_blocking(move || {
        let wrong = || FileFault::Passphrase("no key can be derived from the passphrase");
        let params = argon2::Params::new(KDF_KIB, KDF_PASSES, KDF_LANES, Some(MASTER_KEY_BYTES));
        let argon2 = argon2::Argon2::new(
            argon2::Algorithm::Argon2id,
            argon2::Version::V0x13,
            params.map_err(|_| wrong())?,
        );
        let mut key = zeroize::Zeroizing::new([0; MASTER_KEY_BYTES]);
        let derived = passphrase.lend(|text| argon2.hash_password_into(text, &salt, &mut *key));
        derived.map_err(|_| wrong())?;
        Ok(Vault::new(&Secret::new(key.to_vec()))?)
    });
    work.await
        .map_err(|_| FileFault::Passphrase("no key can be derived from the passphrase"))?
}

/// What of an account goes into a file, in the order of its rows: what works or may work again, and nothing that is half done.
#[expect(
    clippy::too_many_lines,
    reason = "a list: what an account has, kind by kind, so that none is forgotten"
)]
fn records_of(state: &State, tenant: &Tenant) -> Vec<Record> {
    let scope = ModuleScope::Tenant(tenant.id);
    let stays = |user: &&std::sync::Arc<User>| user.status != UserStatus::Deleting;
    let users: Vec<_> = state.users(tenant.id).filter(stays).collect();
    // Who is gone has no row in permissions any more, though one may still stand there.
    let is_member = |id: &super::UserId| users.iter().any(|user| user.id == *id);
    let mut account = tenant.clone();
    if let Some(super::AccountAcl::PerUser(rows)) = &mut account.acl {
        rows.retain(|id, _| is_member(id));
    }
    let mut all = vec![Record::Tenant(account)];
    let mut namespaces: BTreeSet<String> = BTreeSet::new();
    for role in state.roles(tenant.id) {
        all.push(Record::Role((**role).clone()));
    }
    let mut holders = Vec::new();
    for group in state.groups(tenant.id) {
        all.push(Record::Group((**group).clone()));
        holders.push(Holder::Group(group.id));
    }
    for role in state.iam_roles(tenant.id) {
        all.push(Record::IamRole((**role).clone()));
        holders.push(Holder::Role(role.id));
    }
    for policy in state.managed_policies(tenant.id) {
        all.push(Record::ManagedPolicy((**policy).clone()));
    }
    for user in &users {
        all.push(Record::User((***user).clone()));
        let sub_users = state.sub_users(user.id);
        let sub_users: Vec<_> = sub_users
            .filter(|it| it.status != UserStatus::Deleting)
            .collect();
        let is_kept = |key: &AccessKey| {
            key.sub_user
                .is_none_or(|id| sub_users.iter().any(|it| it.id == id))
        };
        for key in state.keys(user.id).filter(|key| is_kept(key)) {
            all.push(Record::Key((**key).clone()));
        }
        for sub_user in sub_users {
            all.push(Record::SubUser((**sub_user).clone()));
        }
        holders.push(Holder::User(user.id));
        if let Some(namespace) = state.namespace(user.namespace(tenant.profile)) {
            let record = Record::Namespace((**namespace).clone());
            if namespace.id != NamespaceId::Global && namespaces.insert(record.key()) {
                all.push(record);
            }
        }
    }
    for holder in holders {
        for policy in state.held_policies(holder) {
            all.push(Record::Policy((**policy).clone()));
        }
        if let Some(attached) = state.attachments(holder) {
            all.push(Record::Attachments((**attached).clone()));
        }
    }
    let is_whole = |bucket: &&std::sync::Arc<super::Bucket>| {
        bucket.state == BucketState::Active && !state.is_purged(bucket)
    };
    for bucket in state
        .purged_buckets(Purge::Tenant(tenant.id))
        .filter(is_whole)
    {
        let mut whole = (**bucket).clone();
        if let Some(super::ContainerAcl::PerUser(rows)) = &mut whole.acl {
            rows.retain(|id, _| is_member(id));
        }
        all.push(Record::Bucket(whole));
        if let Some(policy) = state.bucket_policy(bucket.id) {
            all.push(Record::Policy((**policy).clone()));
        }
    }
    for version in state.modules(scope) {
        all.push(Record::Module((**version).clone()));
    }
    for binding in state.bindings(scope) {
        all.push(Record::Binding((**binding).clone()));
    }
    all.sort_by_key(Record::key);
    all
}

/// A record as the file has it: a secret under the passphrase, or none.
fn written(
    state: &State,
    mut record: Record,
    vault: Option<&Vault>,
    entropy: &Entropy,
) -> Result<FileRecord, FileFault> {
    if let (Record::Key(key), Some(vault)) = (&mut record, vault) {
        let secret = state.open_secret(key)?;
        let identity = Identity::AccessKey(key.tenant, key.user, key.id);
        key.sealed = vault.seal(identity, &secret, entropy)?;
    }
    let (kind, mut value) = tell(&record)?;
    if vault.is_none()
        && let Some(fields) = value.as_object_mut()
    {
        fields.remove("sealed");
    }
    Ok(FileRecord {
        kind: kind.to_owned(),
        record: value,
    })
}

/// What a record is, and as what it is written.
fn tell(record: &Record) -> Result<(&'static str, Value), FileFault> {
    let (kind, value) = match record {
        Record::Tenant(it) => ("tenant", serde_json::to_value(it)),
        Record::User(it) => ("user", serde_json::to_value(it)),
        Record::SubUser(it) => ("sub-user", serde_json::to_value(it)),
        Record::Role(it) => ("role", serde_json::to_value(it)),
        Record::Key(it) => ("key", serde_json::to_value(it)),
        Record::Namespace(it) => ("namespace", serde_json::to_value(it)),
        Record::Bucket(it) => ("bucket", serde_json::to_value(it)),
        Record::Policy(it) => ("policy", serde_json::to_value(it)),
        Record::Module(it) => ("module", serde_json::to_value(it)),
        Record::Binding(it) => ("binding", serde_json::to_value(it)),
        Record::Job(it) => ("job", serde_json::to_value(it)),
        Record::Group(it) => ("group", serde_json::to_value(it)),
        Record::ManagedPolicy(it) => ("managed-policy", serde_json::to_value(it)),
        Record::IamRole(it) => ("iam-role", serde_json::to_value(it)),
        Record::Attachments(it) => ("attached", serde_json::to_value(it)),
        Record::Operator(it) => ("operator", serde_json::to_value(it)),
        Record::ApiToken(it) => ("token", serde_json::to_value(it)),
    };
    match value {
        Ok(value) => Ok((kind, value)),
        Err(source) => Err(FileFault::Record {
            kind: kind.to_owned(),
            source,
        }),
    }
}

/// The records of a file, and the keys whose secrets were left out.
fn parsed(import: &Import) -> Result<Vec<Record>, FileFault> {
    let each = import.file.records.iter().map(|it| {
        let fault = |source| FileFault::Record {
            kind: it.kind.clone(),
            source,
        };
        let value = it.record.clone();
        Ok(match it.kind.as_str() {
            "tenant" => Record::Tenant(serde_json::from_value(value).map_err(fault)?),
            "user" => Record::User(serde_json::from_value(value).map_err(fault)?),
            "sub-user" => Record::SubUser(serde_json::from_value(value).map_err(fault)?),
            "role" => Record::Role(serde_json::from_value(value).map_err(fault)?),
            "key" => {
                let mut value = value;
                if let Some(fields) = value.as_object_mut() {
                    let nothing = || String::from(Sealed::nothing()).into();
                    fields.entry("sealed").or_insert_with(nothing);
                }
                Record::Key(serde_json::from_value(value).map_err(fault)?)
            }
            "namespace" => Record::Namespace(serde_json::from_value(value).map_err(fault)?),
            "bucket" => Record::Bucket(serde_json::from_value(value).map_err(fault)?),
            "group" => Record::Group(serde_json::from_value(value).map_err(fault)?),
            "managed-policy" => {
                Record::ManagedPolicy(serde_json::from_value(value).map_err(fault)?)
            }
            "iam-role" => Record::IamRole(serde_json::from_value(value).map_err(fault)?),
            "attached" => Record::Attachments(serde_json::from_value(value).map_err(fault)?),
            "policy" => Record::Policy(serde_json::from_value(value).map_err(fault)?),
            "module" => Record::Module(serde_json::from_value(value).map_err(fault)?),
            "binding" => Record::Binding(serde_json::from_value(value).map_err(fault)?),
            other => return Err(FileFault::Format(format!("a record of the kind `{other}`"))),
        })
    });
    each.collect()
}

/// The ids of keys that stand in the records of a file.
fn key_ids(records: &[Record]) -> impl Iterator<Item = &AccessKeyId> {
    records.iter().filter_map(|record| match record {
        Record::Key(key) => Some(&key.id),
        _ => None,
    })
}
