//! Policy documents at work: the texts of the directory become modules, and the modules layers of a plan.
//!
//! The module of a document is made when a plan first needs it and kept as WebAssembly, so that a new world or a module that fell
//! out of memory costs a load and no compilation of the text.

use std::sync::Arc;

use foldhash::quality::RandomState;
use moka::sync::Cache;
use policy_wasm::compiler::document::{
    Context, Document, DocumentError, Kind, Unmentioned, compile_document, compile_identity, read,
};
use policy_wasm::compiler::{CompileError, compile};
use policy_wasm::engine::{Digest, Engine, LoadError, Module};
use policy_wasm::manifest::Manifest;
use policy_wasm::plan::{Layer, LayerKind, TreeScope};
use postern_config::directory::{
    self as directory, Bucket, BucketPolicies, Holder, IamRole, IamRoleId, Profile, State, TenantId,
};
use postern_config::engine::Revision;
use postern_config::judge::{PolicyFaults, PolicyReport};
use s3_protocol::BucketId;

use super::{Builtin, SessionPolicy};

/// Memory for the modules of documents, as WebAssembly, in bytes. A document of five statements takes about 2 KiB.
const DOCUMENTS_BYTES_MAX: u64 = 32 * 1_024 * 1_024;
/// What an entry takes beside the module, in bytes.
const ENTRY_BYTES: usize = 256;

/// What a bucket's own policy is called in plans.
const BUCKET_POLICY: &str = "bucket-policy";
/// What the policies of a user are called in plans.
pub(super) const IDENTITY_POLICY: &str = "identity-policy";
/// What the policy of a session is called in plans.
pub(super) const SESSION_POLICY: &str = "session-policy";
/// What the document of a role is called that says who may assume it.
pub(super) const TRUST: &str = "trust";
/// What surrounds such a document.
const TRUSTED: Context<'static> = Context {
    kind: Kind::Trust,
    unmentioned: Unmentioned::NoOpinion,
};
/// What a bucket's policy opens to everyone is called in plans.
const PUBLIC: &str = "public";

/// The modules of documents that were needed so far.
#[derive(Debug)]
pub(super) struct Documents {
    known: Cache<Key, Arc<[u8]>, RandomState>,
}

/// Which documents a module was made of: the records of equal revisions are equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    role: Role,
    revisions: Box<[Revision]>,
}

/// What a module of documents is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Role {
    Bucket(BucketId),
    Public(BucketId),
    Identity(Holder),
    Session(directory::Digest),
    Trust(IamRoleId),
}

/// Why documents have no module.
#[derive(Debug, thiserror::Error)]
pub enum DocumentFault {
    /// A document is not understood, or says too much.
    #[error("{0}")]
    Document(#[from] DocumentError),
    /// What it opens to everyone has no module.
    #[error("{0}")]
    Compile(#[from] CompileError),
    /// The module cannot be loaded.
    #[error("{0}")]
    Load(#[from] LoadError),
}

impl From<DocumentFault> for PolicyFaults {
    fn from(fault: DocumentFault) -> Self {
        match fault {
            DocumentFault::Document(DocumentError::Faults(faults)) => {
                Self(faults.as_slice().iter().map(ToString::to_string).collect())
            }
            other => Self(vec![other.to_string()]),
        }
    }
}

impl Documents {
    pub(super) fn new() -> Self {
        let weigh = |key: &Key, bytes: &Arc<[u8]>| {
            let revisions = size_of_val(&*key.revisions);
            u32::try_from(ENTRY_BYTES + revisions + bytes.len()).unwrap_or(u32::MAX)
        };
        Self {
            known: Cache::builder()
                .max_capacity(DOCUMENTS_BYTES_MAX)
                .weigher(weigh)
                .build_with_hasher(RandomState::default()),
        }
    }

    /// The module of the documents that judge somebody. Where there are none it has no opinion of anything.
    pub(super) fn of_identity(
        &self,
        engine: &Engine,
        state: &State,
        holder: Holder,
    ) -> Arc<Module> {
        let documents = state.identity(holder);
        let key = Key {
            role: Role::Identity(holder),
            revisions: documents.iter().map(|it| it.revision).collect(),
        };
        self.module(engine, key, IDENTITY_POLICY, || {
            let texts: Vec<(&str, &str)> = documents
                .iter()
                .map(|it| (it.name.as_str(), it.text))
                .collect();
            let manifest = Manifest::new(IDENTITY_POLICY, "");
            let compiled = compile_identity(&texts, &manifest);
            compiled.map_err(|(_, error)| DocumentFault::from(error))
        })
    }

    /// The module of the policy that came with a session.
    pub(super) fn of_session(&self, engine: &Engine, policy: &SessionPolicy) -> Arc<Module> {
        let key = Key {
            role: Role::Session(policy.digest),
            revisions: [].into(),
        };
        self.module(engine, key, SESSION_POLICY, || {
            let manifest = Manifest::new(SESSION_POLICY, "");
            let compiled = compile_identity(&[("session", &policy.text)], &manifest);
            compiled.map_err(|(_, error)| DocumentFault::from(error))
        })
    }

    /// The module of the document that says who may assume a role.
    pub(super) fn of_trust(&self, engine: &Engine, role: &IamRole) -> Arc<Module> {
        let key = Key {
            role: Role::Trust(role.id),
            revisions: [role.revision].into(),
        };
        self.module(engine, key, TRUST, || {
            let compiled = compile_document(&role.trust, &TRUSTED, &Manifest::new(TRUST, ""));
            Ok(compiled?.module)
        })
    }

    /// What a bucket's document is in the plans of its account's profile. No layer where it has none.
    pub(super) fn of_bucket(
        &self,
        engine: &Engine,
        state: &State,
        builtin: &Builtin,
        (bucket, of_own): (&Bucket, bool),
    ) -> Vec<Layer> {
        let tenant = bucket.tenant;
        let (Some(policy), Some(owner)) = (state.bucket_policy(bucket.id), state.tenant(tenant))
        else {
            return Vec::new();
        };
        let profile = owner.profile;
        let key = |role| Key {
            role,
            revisions: [policy.revision].into(),
        };
        let context = context_of(bucket, profile);
        let whole = self.module(engine, key(Role::Bucket(bucket.id)), BUCKET_POLICY, || {
            let manifest = Manifest::new(BUCKET_POLICY, "");
            Ok(compile_document(&policy.text, &context, &manifest)?.module)
        });
        // What opens it to all and is held back gives strangers nothing; what it denies them it denies.
        let held_back = !of_own
            && bucket.access.blocked().restrict
            && is_public(&policy.text, &context_of(bucket, profile));
        let kind = match own_kind(profile) {
            LayerKind::Grant if held_back => LayerKind::Guard,
            kind => kind,
        };
        let mut layers = vec![layer(kind, BUCKET_POLICY, tenant, whole)];
        let opens = profile.policies_open() && !owner.block_public;
        if opens && own_kind(profile) == LayerKind::Guard {
            let open = self.module(engine, key(Role::Public(bucket.id)), PUBLIC, || {
                let document = read(&policy.text, &context)?;
                Ok(opened(&document, builtin)?)
            });
            layers.push(layer(LayerKind::Grant, PUBLIC, tenant, open));
        }
        layers
    }

    /// The module of these documents: from memory, loaded again, or made. One that cannot be had stands in the plan all the same: it
    /// never answers, so that what it should judge is refused.
    fn module(
        &self,
        engine: &Engine,
        key: Key,
        name: &str,
        make: impl FnOnce() -> Result<Vec<u8>, DocumentFault>,
    ) -> Arc<Module> {
        let found = match self.known.get(&key) {
            Some(bytes) => Ok(bytes),
            None => make().map(|bytes| {
                let bytes: Arc<[u8]> = bytes.into();
                self.known.insert(key, Arc::clone(&bytes));
                bytes
            }),
        };
        let loaded = found.and_then(|bytes| Ok(off_the_path(|| engine.load_own(&bytes))?));
        loaded.unwrap_or_else(|cause| {
            tracing::error!(alarm = true, document = name, %cause, "a policy document cannot be put to work");
            Module::unavailable(Digest::of(name.as_bytes()), name)
        })
    }
}

/// Reads the document of a bucket, and looks whether its module would work.
///
/// # Errors
/// All that is wrong with it, with line and column.
pub(crate) fn check_bucket_policy(
    engine: &Engine,
    builtin: &Builtin,
    (bucket, profile): (&str, Profile),
    text: &str,
) -> Result<PolicyReport, DocumentFault> {
    let context = context(bucket, profile);
    let compiled = compile_document(text, &context, &Manifest::new(BUCKET_POLICY, ""))?;
    engine.load_own(&compiled.module)?;
    engine.load_own(&opened(&compiled.document, builtin)?)?;
    Ok(report(&compiled.document))
}

/// Reads a document that says who may assume a role, and looks whether it would work.
///
/// # Errors
/// All that is wrong with it, with line and column.
pub(crate) fn check_trust(engine: &Engine, text: &str) -> Result<(), DocumentFault> {
    let compiled = compile_document(text, &TRUSTED, &Manifest::new(TRUST, ""))?;
    engine.load_own(&compiled.module)?;
    Ok(())
}

/// Reads a document of a user, group or role, and looks whether it would work beside those that there are.
///
/// # Errors
/// All that is wrong with it, with line and column.
pub(crate) fn check_identity_policy(
    engine: &Engine,
    others: &[(&str, &str)],
    (name, text): (&str, &str),
) -> Result<PolicyReport, DocumentFault> {
    let context = Context {
        kind: Kind::Identity,
        unmentioned: Unmentioned::NoOpinion,
    };
    let document = read(text, &context)?;
    let all: Vec<(&str, &str)> = [(name, text)]
        .into_iter()
        .chain(others.iter().copied())
        .collect();
    let module = compile_identity(&all, &Manifest::new(IDENTITY_POLICY, ""));
    engine.load_own(&module.map_err(|(_, error)| error)?)?;
    Ok(report(&document))
}

fn report(document: &Document) -> PolicyReport {
    PolicyReport {
        statements: document.statements.len(),
        warnings: document.warnings.iter().map(ToString::to_string).collect(),
        is_public: document.is_public(),
    }
}

fn context_of(bucket: &Bucket, profile: Profile) -> Context<'_> {
    context(bucket.name.as_str(), profile)
}

fn context(bucket: &str, profile: Profile) -> Context<'_> {
    Context {
        kind: Kind::Bucket { name: bucket },
        unmentioned: match own_kind(profile) {
            LayerKind::Guard | LayerKind::Limit => Unmentioned::DeniedToNamed,
            LayerKind::Grant => Unmentioned::NoOpinion,
        },
    }
}

/// Whether a document lets everyone do something.
fn is_public(text: &str, context: &Context<'_>) -> bool {
    read(text, context).is_ok_and(|document| document.is_public())
}

/// The same, of the document of a bucket of this name.
pub(crate) fn opens_bucket(text: &str, bucket: &Bucket, profile: Profile) -> bool {
    is_public(text, &context_of(bucket, profile))
}

/// What the policy of a bucket is: it narrows what its owner's keys may do, but on S3 itself it grants.
const fn own_kind(profile: Profile) -> LayerKind {
    match profile.rules().bucket_policy {
        BucketPolicies::Narrow | BucketPolicies::NarrowAndOpen => LayerKind::Guard,
        BucketPolicies::Grant => LayerKind::Grant,
    }
}

/// The module of what a document opens to everyone.
fn opened(document: &Document, builtin: &Builtin) -> Result<Vec<u8>, CompileError> {
    let open = document.open_to_everyone(builtin.public_operations());
    compile(&open, &Manifest::new(PUBLIC, ""))
}

pub(super) fn layer(kind: LayerKind, name: &str, tenant: TenantId, module: Arc<Module>) -> Layer {
    Layer {
        kind,
        name: name.into(),
        module,
        scope: TreeScope::Tenant(tenant.get()),
    }
}

/// Compiling takes milliseconds, where no machine code is kept: other requests of the worker go on elsewhere meanwhile.
fn off_the_path<T>(work: impl FnOnce() -> T) -> T {
    let runtime = tokio::runtime::Handle::try_current();
    let may_block = runtime.is_ok_and(|runtime| {
        runtime.runtime_flavor() == tokio::runtime::RuntimeFlavor::MultiThread
    });
    if may_block {
        tokio::task::block_in_place(work)
    } else {
        work()
    }
}
