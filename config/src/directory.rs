//! The directory: accounts, users, keys, buckets and modules.
//!
//! [`Directory::apply`] is the only way to change it. A command is checked against the state, written in one
//! transaction together with its audit record, and published: when it returns, every listener has the new [`State`].

mod access;
mod audit;
mod bounds;
mod change;
mod command;
mod heads;
mod iam;
mod job;
mod level;
mod names;
mod operator;
mod past;
mod permission;
mod person;
mod profile;
mod record;
mod retention;
mod role;
mod rotation;
mod rows;
mod rules;
mod session;
mod signature;
mod state;
mod transfer;
mod vault;

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use crate::Secret;
use crate::engine::{Change, Compare, Engine, EngineError, Op, Revision};
use crate::limits::{AUDIT_SEARCH_RECORDS_MAX, COMMAND_ATTEMPTS_MAX, PAGE_ROWS_MAX};
use crate::time::{Clock, Entropy, NoEntropy, UnixMillis};

use audit::Verifier;
use change::{Ground, Plan, random_secret};
use person::{PersonFault, PersonRow, SealedPart};
use rows::{AUDIT, HEAD, Head, PREFIX, SCHEMA};
use vault::Identity;

pub use access::{AccessPart, BucketAccess, BucketBlock, BucketGrant};
pub use audit::{AuditFault, AuditRecord};
pub use bounds::{Quota, QuotaOf, Rate, RateOf};
pub use command::{
    Actor, Applied, Command, CommandError, Failures, NewSubUser, NewUser, NodeNote, Outcome,
    Reading, Refusal, RoleText, Who,
};
pub use heads::SignedHead;
pub use iam::{
    Attachable, Attachments, Group, Holder, IamCommand, IamRole, IamRoleText, IdentityDocument,
    Judges, ManagedPolicy, NewSession, PolicyVersion, StandardPolicy,
};
pub use job::{Job, Purge, Totals};
pub use level::{Level, UnknownWord, WriteDeletes};
pub use names::{
    AccessKeyId, Alias, ApiTokenId, Description, Digest, DirectoryNameError, Email, GroupId, Host,
    IamPath, IamRoleId, JobId, Language, Lineage, Name, NamespaceId, OperatorId, PlacedBucket,
    PolicyId, RoleId, SessionName, SubUserId, TenantId, Timezone, UserId,
};
pub use operator::{
    ApiToken, Mfa, Miss, NewOperator, NewPasskey, NewToken, Office, Operator, OperatorCommand,
    OperatorDetails, OperatorOutcome, OperatorScope, OperatorStatus, Passkey, PasskeyUse, Place,
    SignIn,
};
pub use past::PastFault;
pub use permission::{
    AccountAcl, ContainerAcl, PermissionChange, PermissionRow, Permissions, PublicAccess, Referrer,
    Subject,
};
pub use person::Person;
pub use profile::{
    AuditOnDelete, BucketPolicies, Carrier, CustomRoles, DefaultAccountAcl, FullPart,
    NamespaceKind, OwnerDataAccess, Profile, ProfileRules, PublicContainers, Reauth, RootKeys,
    SecretReveal, SubUsers, UserDeleteData,
};
pub use record::{
    AccessKey, ArnStyle, Binding, BindingKind, Bucket, BucketState, Canary, Keeps, KeyRights,
    KeyScope, KeyState, ModuleScope, ModuleStage, ModuleState, ModuleStep, ModuleVersion,
    Namespace, NotAShare, PerMille, PolicyDocument, PolicyPlace, Presign, Proposal, Shadow,
    Standing, SubUser, Tenant, TenantLimits, TenantStatus, User, UserDetails, UserKind, UserStatus,
};
pub use retention::TrimFault;
pub use role::{Authority, ConsoleAtom, CustomRole, Role, RoleAtoms, is_known as is_known_role};
pub use rotation::Resealed;
pub use rows::RowError;
pub use rules::{Approval, ModuleRules};
pub use session::{AssumedRole, Issued, Session, SessionError, SessionOf};
pub use signature::{ModuleSignature, NotASigner, SIGNATURE_BYTES, Signer, read_signature};
pub use state::{Caller, Held, State};
pub use transfer::{FileFault, FileRecord, Import, ImportChange, ImportPlan, Secrets, TenantFile};
pub use vault::{MASTER_KEY_BYTES, SealError, Vault};

/// The directory. Cheap to clone: the clones are one.
#[derive(Clone, Debug)]
pub struct Directory {
    inner: Arc<Inner>,
}

/// What a directory is opened with.
#[derive(Debug)]
pub struct DirectoryOptions {
    /// Where it lives.
    pub engine: Arc<dyn Engine>,
    /// Under what its secrets are sealed.
    pub vault: Vault,
    /// The time of records.
    pub clock: Clock,
    /// Where keys, secrets and nonces come from.
    pub entropy: Entropy,
}

/// Why a directory is not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The engine failed.
    #[error("the directory's engine failed")]
    Engine(#[from] EngineError),
    /// A row cannot be read.
    #[error(transparent)]
    Row(#[from] RowError),
    /// The master key is not the one that sealed this directory.
    #[error("the master key is not the one that sealed this directory")]
    MasterKey,
    /// A secret could not be sealed.
    #[error("a secret could not be sealed")]
    Seal(#[from] SealError),
    /// What was half done could not be finished.
    #[error("what was half done could not be finished")]
    Sweep(#[source] Box<CommandError>),
}

#[derive(Debug)]
struct Inner {
    engine: Arc<dyn Engine>,
    clock: Clock,
    entropy: Entropy,
    state: ArcSwap<State>,
    rules: ArcSwap<ModuleRules>,
    /// One command at a time in this process: from reading the state to publishing the next.
    writer: tokio::sync::Mutex<()>,
    listeners: Listeners,
}

type Listener = Box<dyn Fn(&Arc<State>) + Send + Sync>;

/// Who is told of each new state. The lock is held while they are told, so that none misses one or sees two out of order.
#[derive(Default)]
struct Listeners(Mutex<Vec<Listener>>);

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listeners(..)")
    }
}

impl Directory {
    /// Opens the directory, or makes an empty one, and finishes what was half done.
    pub async fn open(options: DirectoryOptions) -> Result<Self, OpenError> {
        let DirectoryOptions {
            engine,
            vault,
            clock,
            entropy,
        } = options;
        let vault = Arc::new(vault);
        if engine.get(HEAD.to_owned()).await?.is_none() {
            make(&*engine, &vault, &entropy).await?;
        }
        migrate(&*engine, &vault, &entropy).await?;
        let now = engine.now().await?;
        let state = load(&*engine, &vault, now).await?;
        let canary = state
            .head()
            .map(|head| vault.open(Identity::Directory, &head.canary));
        if canary.is_none_or(|opened| opened.is_err()) {
            return Err(OpenError::MasterKey);
        }
        let directory = Self {
            inner: Arc::new(Inner {
                engine,
                clock,
                entropy,
                state: ArcSwap::from_pointee(state),
                rules: ArcSwap::default(),
                writer: tokio::sync::Mutex::new(()),
                listeners: Listeners::default(),
            }),
        };
        let writer = directory.inner.writer.lock().await;
        directory
            .inner
            .sweep()
            .await
            .map_err(|error| OpenError::Sweep(Box::new(error)))?;
        drop(writer);
        Ok(directory)
    }

    /// Says what modules must meet from now on. Without it they need neither signature nor a second person.
    pub fn govern(&self, rules: ModuleRules) {
        self.inner.rules.store(Arc::new(rules));
    }

    /// Whether modules need a signature.
    pub fn wants_signatures(&self) -> bool {
        !self.inner.rules.load().signers.is_empty()
    }

    /// Whether the bytes of a version may be loaded: where signers are set, one of them must vouch for them still.
    ///
    /// # Errors
    /// [`Refusal::Unsigned`] or [`Refusal::WronglySigned`].
    pub fn vouched(&self, version: &ModuleVersion, bytes: &[u8]) -> Result<(), Refusal> {
        let rules = self.inner.rules.load();
        match &version.signature {
            _ if rules.signers.is_empty() => Ok(()),
            None => Err(Refusal::Unsigned),
            Some(signature) if signature.holds(&rules.signers, bytes) => Ok(()),
            Some(_) => Err(Refusal::WronglySigned),
        }
    }

    /// The directory as it is now.
    pub fn state(&self) -> Arc<State> {
        self.inner.state.load_full()
    }

    /// Calls `listener` with the state as it is now, and with each later one before the command that made it returns. It is
    /// called under a lock: it must be quick, and must not ask the directory for anything but what it is given.
    pub fn subscribe(&self, listener: impl Fn(&Arc<State>) + Send + Sync + 'static) {
        let mut listeners = self.inner.listeners.0.lock();
        listener(&self.inner.state.load_full());
        listeners.push(Box::new(listener));
    }

    /// Carries out a command. When it returns, the change is on disk with its audit record, and every listener has it. A
    /// caller that goes away does not stop it.
    pub async fn apply(&self, command: Command, actor: Actor) -> Result<Applied, CommandError> {
        self.apply_expecting(command, actor, None).await
    }

    /// The same, if the record that the command changes is still at `expected`.
    pub async fn apply_at(
        &self,
        command: Command,
        actor: Actor,
        expected: Revision,
    ) -> Result<Applied, CommandError> {
        self.apply_expecting(command, actor, Some(expected)).await
    }

    async fn apply_expecting(
        &self,
        command: Command,
        actor: Actor,
        expected: Option<Revision>,
    ) -> Result<Applied, CommandError> {
        let inner = Arc::clone(&self.inner);
        // A task of its own: if the caller were dropped between commit and publication, the state would stay behind the store.
        let work = tokio::spawn(async move {
            let _writer = inner.writer.lock().await;
            let applied = inner.carry_out(&command, &actor, expected).await?;
            let leaves_rests = matches!(
                command,
                Command::DeleteTenant(_)
                    | Command::DeleteUser(_)
                    | Command::DeleteSubUser(_)
                    | Command::FinishJob(_)
                    | Command::ApplyTenant(_)
                    | Command::RotateKey { .. }
            );
            if leaves_rests && let Err(error) = inner.sweep().await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a sweep waits for the next start"
                );
            }
            Ok(applied)
        });
        work.await
            .unwrap_or(Err(CommandError::Engine(EngineError::Closed)))
    }

    /// Whether a command would be carried out as everything stands now. Nothing is done.
    pub fn check(&self, command: &Command, actor: &Actor) -> Result<(), CommandError> {
        let state = self.inner.state.load_full();
        self.inner.plan(&state, command, actor).map(drop)
    }

    /// Takes in what other writers have done.
    pub async fn refresh(&self) -> Result<(), CommandError> {
        let _writer = self.inner.writer.lock().await;
        self.inner.catch_up().await
    }

    /// The time by the clock of its records.
    pub fn now(&self) -> UnixMillis {
        self.inner.clock.now()
    }

    /// Writes the directory as it is at one moment into a new file, which opens under the same master key.
    ///
    /// # Errors
    /// The file is there already, or cannot be written.
    pub async fn backup(&self, to: std::path::PathBuf) -> Result<Revision, EngineError> {
        self.inner.engine.backup(to).await
    }

    /// How many audit records there are.
    pub fn audits(&self) -> u64 {
        self.state().audits()
    }

    /// The bytes of a module.
    pub async fn module_bytes(&self, digest: Digest) -> Result<Option<Vec<u8>>, EngineError> {
        let row = self.inner.engine.get(rows::module_bytes(digest)).await?;
        // A damaged module is no module: what is loaded is what was named.
        match row.map(|row| row.value) {
            Some(bytes) if Digest::of(&bytes) == digest => Ok(Some(bytes)),
            Some(_) => Err(EngineError::Damaged(
                "a module is not the one that its digest names",
            )),
            None => Ok(None),
        }
    }

    /// Audit records after a sequence number, at most `limit`, the oldest first.
    pub async fn audit_page(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, AuditFault> {
        self.audit_picked(after, limit, |_| true).await
    }

    /// The same, and of those only what `picked` picks. It sees them as they are stored: what is personal is opened afterwards, in those that
    /// it has picked alone.
    pub async fn audit_picked(
        &self,
        after: u64,
        limit: usize,
        mut picked: impl FnMut(&AuditRecord) -> bool + Send,
    ) -> Result<Vec<AuditRecord>, AuditFault> {
        let engine = &self.inner.engine;
        let now = engine.now().await?;
        let limit = limit.min(PAGE_ROWS_MAX);
        let page = engine
            .page(AUDIT.to_owned(), now, Some(audit::key(after)), limit)
            .await?;
        let mut records: Vec<AuditRecord> = page
            .rows
            .iter()
            .map(rows::parse)
            .collect::<Result<_, _>>()?;
        records.retain(|record| picked(record));
        let state = self.state();
        let mut keys = person::Keys::default();
        for record in &mut records {
            keys.open(record, &**engine, state.vault()).await?;
        }
        Ok(records)
    }

    /// The latest audit records that `wanted` picks, at most `limit`, the latest first. It looks back over at most
    /// [`AUDIT_SEARCH_RECORDS_MAX`] records.
    pub async fn audit_search(
        &self,
        limit: usize,
        wanted: impl Fn(&AuditRecord) -> bool,
    ) -> Result<Vec<AuditRecord>, AuditFault> {
        let mut end = self.state().audits();
        let least = end.saturating_sub(AUDIT_SEARCH_RECORDS_MAX);
        let mut found = Vec::new();
        let step = u64::try_from(PAGE_ROWS_MAX).unwrap_or(u64::MAX);
        while end > least && found.len() < limit {
            let begin = end.saturating_sub(step);
            let most = usize::try_from(end - begin).unwrap_or(PAGE_ROWS_MAX);
            let page = self.audit_page(begin, most).await?;
            let picked = page.into_iter().rev().filter(|record| wanted(record));
            found.extend(picked.take(limit - found.len()));
            end = begin;
        }
        Ok(found)
    }

    /// Follows the audit chain from its first record to its head, and answers how many there are.
    pub async fn verify_audit(&self) -> Result<u64, AuditFault> {
        let writer = self.inner.writer.lock().await;
        let now = self.inner.engine.now().await?;
        let head = self.inner.engine.get(HEAD.to_owned()).await?;
        drop(writer);
        let Some(head) = head else {
            return Err(AuditFault::Head);
        };
        let head = Head::read(&head)?;
        let mut verifier = Verifier::new(&head);
        let mut after = None;
        loop {
            let page = self
                .inner
                .engine
                .page(AUDIT.to_owned(), now, after, PAGE_ROWS_MAX)
                .await?;
            for row in &page.rows {
                verifier.follow(row)?;
            }
            after = page.rows.last().map(|row| row.key.clone());
            if !page.more {
                return verifier.finish(&head, self.state().vault());
            }
        }
    }
}

impl Inner {
    /// Plans, writes and publishes, again if another writer was faster.
    async fn carry_out(
        &self,
        command: &Command,
        actor: &Actor,
        expected: Option<Revision>,
    ) -> Result<Applied, CommandError> {
        for _ in 0..COMMAND_ATTEMPTS_MAX {
            let state = self.state.load_full();
            if let (Some(expected), Some(found)) = (expected, change::subject(&state, command))
                && expected != found
            {
                return Err(CommandError::Stale { found });
            }
            let (plan, next) = self.plan(&state, command, actor)?;
            match self.write(&state, plan, actor, next).await {
                Err(CommandError::Engine(EngineError::Conflict)) => self.catch_up().await?,
                done => return done,
            }
        }
        Err(CommandError::Contended)
    }

    /// What a command comes to, and the next number that is free after it.
    fn plan(
        &self,
        state: &State,
        command: &Command,
        actor: &Actor,
    ) -> Result<(Plan, u64), CommandError> {
        let rules = self.rules.load();
        let mut ground = Ground {
            state,
            actor,
            entropy: &self.entropy,
            now: self.clock.now(),
            rules: &rules,
            next: state.head().map_or(1, |head| head.next),
        };
        let plan = change::plan(&mut ground, command)?;
        Ok((plan, ground.next))
    }

    /// Writes a plan with its audit record, and publishes what it makes.
    async fn write(
        &self,
        state: &State,
        plan: Plan,
        actor: &Actor,
        next: u64,
    ) -> Result<Applied, CommandError> {
        let Some(head) = state.head() else {
            return Err(CommandError::Engine(EngineError::Damaged(
                "the directory has no head",
            )));
        };
        let mut record = AuditRecord {
            sequence: head.audits + 1,
            previous: head.audit_hash,
            time_ms: self.clock.now(),
            actor: actor.clone(),
            tenant: plan.tenant,
            user: state.user_of(&plan.ops),
            action: plan.action.to_owned(),
            object_type: plan.object_type.to_owned(),
            object: plan.object,
            detail: plan.detail,
            sealed: Vec::new(),
            email: None,
            full_name: None,
            forgotten: false,
        };
        let mut ops = plan.ops;
        let mut parts = person::of_actor(state, actor);
        if let Some((person, detail)) = plan.personal {
            parts.entry(person).or_default().detail = detail;
        }
        // Who goes with this very change leaves nothing that could be opened.
        parts.retain(|person, _| !ops.contains(&Op::Erase(person.row())));
        if Person::of(actor).is_some() {
            record.actor.address = None;
        }
        for (person, personal) in &parts {
            let own = self.person_key(state, *person, &mut ops).await?;
            let sequence = record.sequence;
            let part = SealedPart::seal((*person, personal), sequence, &own, &self.entropy)?;
            record.sealed.push(part);
        }
        let (put_record, hash) = record.put()?;
        let identity = Identity::AuditHead(record.sequence, hash);
        let audit_seal = state
            .vault()
            .seal(identity, &Secret::new(Vec::new()), &self.entropy)?;
        let template = plan.head.as_deref().unwrap_or(head);
        let put_head = Head {
            next,
            audits: record.sequence,
            audit_hash: hash,
            audit_seal,
            ..template.clone()
        }
        .put()?;
        ops.extend([put_record, put_head]);
        let compare = Compare {
            key: HEAD.to_owned(),
            written_by: Some(state.revision()),
        };
        let revision = self.engine.txn(vec![compare], ops.clone()).await?;
        let mut state = state.clone();
        state.put_change(Change { revision, ops })?;
        self.publish(state);
        Ok(Applied {
            revision,
            outcome: plan.outcome,
        })
    }

    /// The key of a person; made, and written with the other changes, where he has none yet.
    async fn person_key(
        &self,
        state: &State,
        person: Person,
        ops: &mut Vec<Op>,
    ) -> Result<Vault, CommandError> {
        let vault = state.vault();
        match self.engine.get(person.row()).await? {
            Some(row) => PersonRow::open(&row, vault).map_err(|fault| match fault {
                PersonFault::Row(fault) => CommandError::Row(fault),
                PersonFault::Seal(fault) => CommandError::Seal(fault),
                PersonFault::Engine(fault) => CommandError::Engine(fault),
            }),
            None => {
                let (own, put) = PersonRow::make(person, vault, &self.entropy)?;
                ops.push(put);
                Ok(own)
            }
        }
    }

    fn publish(&self, state: State) {
        let state = Arc::new(state);
        let listeners = self.listeners.0.lock();
        self.state.store(Arc::clone(&state));
        for listener in listeners.iter() {
            listener(&state);
        }
    }

    /// Takes in the changes of other writers, or everything anew where their history is gone.
    async fn catch_up(&self) -> Result<(), CommandError> {
        let before = self.state.load_full();
        let now = self.engine.now().await?;
        if before.revision() >= now {
            return Ok(());
        }
        let mut state = State::clone(&before);
        match self.changes_until(&mut state, now).await {
            Ok(()) => {}
            Err(CommandError::Engine(
                EngineError::Compacted { .. } | EngineError::Future { .. },
            )) => {
                state = load(&*self.engine, before.vault(), now).await.map_err(
                    |error| match error {
                        OpenError::Engine(error) => CommandError::Engine(error),
                        OpenError::Row(error) => CommandError::Row(error),
                        OpenError::Seal(error) => CommandError::Seal(error),
                        OpenError::MasterKey | OpenError::Sweep(_) => {
                            CommandError::Engine(EngineError::Closed)
                        }
                    },
                )?;
            }
            Err(error) => return Err(error),
        }
        self.publish(state);
        Ok(())
    }

    async fn changes_until(&self, state: &mut State, now: Revision) -> Result<(), CommandError> {
        let mut watch = self.engine.watch(state.revision()).await?;
        loop {
            let change = watch.next().await?;
            let reached = change.revision >= now;
            state.put_change(change)?;
            if reached {
                return Ok(());
            }
        }
    }

    /// Removes what deleted accounts, users and replaced keys have left.
    async fn sweep(&self) -> Result<(), CommandError> {
        let actor = Actor::system();
        let mut conflicts = 0;
        loop {
            let state = self.state.load_full();
            let Some(plan) = change::sweep_step(&state, self.clock.now().seconds()) else {
                return Ok(());
            };
            let next = state.head().map_or(1, |head| head.next);
            match self.write(&state, plan, &actor, next).await {
                Ok(_) => {}
                Err(CommandError::Engine(EngineError::Conflict))
                    if conflicts < COMMAND_ATTEMPTS_MAX =>
                {
                    conflicts += 1;
                    self.catch_up().await?;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Writes the head of an empty directory. If another process was faster, its head stands.
async fn make(engine: &dyn Engine, vault: &Vault, entropy: &Entropy) -> Result<(), OpenError> {
    let fresh = || {
        entropy
            .bytes::<16>()
            .map_err(|NoEntropy| SealError::from(NoEntropy))
    };
    let directory = hex::encode(fresh()?);
    let hash = audit::genesis(&directory);
    let known = Secret::new(b"postern".to_vec());
    let nothing = Secret::new(Vec::new());
    let head = Head {
        schema: SCHEMA,
        canary: vault.seal(Identity::Directory, &known, entropy)?,
        next: 1,
        audits: 0,
        audit_hash: hash,
        audit_seal: vault.seal(Identity::AuditHead(0, hash), &nothing, entropy)?,
        audit_signer: Some(heads::make_signer(vault, entropy)?),
        audit_base: None,
        directory,
    };
    let compare = Compare {
        key: HEAD.to_owned(),
        written_by: None,
    };
    match engine.txn(vec![compare], vec![head.put()?]).await {
        Ok(_) | Err(EngineError::Conflict) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Brings a directory that an earlier version wrote to the layout of this one, a step at a time.
async fn migrate(engine: &dyn Engine, vault: &Vault, entropy: &Entropy) -> Result<(), OpenError> {
    while let Some(row) = engine.get(HEAD.to_owned()).await? {
        let head = Head::read(&row)?;
        let next = match head.schema {
            // Layout 2 has a key that signs heads of the audit chain, and persons' keys beside the records.
            1 => Head {
                schema: 2,
                audit_signer: Some(heads::make_signer(vault, entropy)?),
                ..head
            },
            _ => return Ok(()),
        };
        // Whoever has another master key changes nothing.
        if vault.open(Identity::Directory, &next.canary).is_err() {
            return Err(OpenError::MasterKey);
        }
        let compare = Compare {
            key: HEAD.to_owned(),
            written_by: Some(row.revision),
        };
        let schema = next.schema;
        match engine.txn(vec![compare], vec![next.put()?]).await {
            Ok(_) => tracing::info!(layout = schema, "the directory was brought to a new layout"),
            Err(EngineError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Reads the whole directory as of one revision.
async fn load(engine: &dyn Engine, vault: &Arc<Vault>, at: Revision) -> Result<State, OpenError> {
    let mut state = State::empty(Arc::clone(vault));
    let mut after = None;
    loop {
        let page = engine
            .page(PREFIX.to_owned(), at, after, PAGE_ROWS_MAX)
            .await?;
        for row in &page.rows {
            state.put_row(row)?;
        }
        after = page.rows.last().map(|row| row.key.clone());
        if !page.more {
            return Ok(state);
        }
    }
}
