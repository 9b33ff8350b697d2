//! What is kept, and what is not: persons that are forgotten, audit records that are old enough, heads that are kept elsewhere,
//! another master key, a backup, and directories of an earlier layout.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::BoxFuture;
use postern_config::directory::{
    AccessKeyId, Actor, AuditFault, Command, Directory, DirectoryOptions, KeyRights, Level,
    NewUser, OpenError, Outcome, PastFault, Profile, State, TenantId, TrimFault, UserDetails,
    UserId, UserKind, Vault, Who,
};
use postern_config::engine::{
    Change, Compare, EmbeddedEngine, Engine, EngineError, Op, Page, Revision, Row, Watch,
};
use postern_config::{Clock, Entropy, Secret, UnixMillis, UnixSeconds};
use proptest::prelude::*;

const ADDRESS: &str = "203.0.113.77";
const EMAIL: &str = "ada@example.com";
const FULL_NAME: &str = "Ada Lovelace";

/// An engine that stops after so many transactions, as a server does that is killed.
#[derive(Debug, Clone)]
struct Mortal {
    inner: EmbeddedEngine,
    left: Arc<AtomicU64>,
}

impl Mortal {
    fn new(inner: &EmbeddedEngine, transactions: u64) -> Self {
        Self {
            inner: inner.clone(),
            left: Arc::new(AtomicU64::new(transactions)),
        }
    }

    fn lives(&self) -> bool {
        let less = |left: u64| left.checked_sub(1);
        self.left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less)
            .is_ok()
    }
}

impl Engine for Mortal {
    fn txn(
        &self,
        compares: Vec<Compare>,
        ops: Vec<Op>,
    ) -> BoxFuture<'_, Result<Revision, EngineError>> {
        if self.lives() {
            self.inner.txn(compares, ops)
        } else {
            Box::pin(async { Err(EngineError::Closed) })
        }
    }

    fn page(
        &self,
        prefix: String,
        at: Revision,
        after: Option<String>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Page, EngineError>> {
        self.inner.page(prefix, at, after, limit)
    }

    fn get(&self, key: String) -> BoxFuture<'_, Result<Option<Row>, EngineError>> {
        self.inner.get(key)
    }

    fn watch(&self, after: Revision) -> BoxFuture<'_, Result<Box<dyn Watch>, EngineError>> {
        self.inner.watch(after)
    }

    fn forget(&self, before: Revision) -> BoxFuture<'_, Result<(), EngineError>> {
        if self.lives() {
            self.inner.forget(before)
        } else {
            Box::pin(async { Err(EngineError::Closed) })
        }
    }

    fn backup(&self, to: std::path::PathBuf) -> BoxFuture<'_, Result<Revision, EngineError>> {
        self.inner.backup(to)
    }

    fn now(&self) -> BoxFuture<'_, Result<Revision, EngineError>> {
        self.inner.now()
    }
}

fn secret(fill: u8) -> Secret {
    Secret::new(vec![fill; 32])
}

fn vault(fill: u8) -> Vault {
    Vault::new(&secret(fill)).unwrap()
}

struct House {
    engine: EmbeddedEngine,
    directory: Directory,
    now: Arc<AtomicU64>,
}

impl House {
    async fn new() -> Self {
        Self::on(EmbeddedEngine::in_memory().unwrap(), vault(7)).await
    }

    async fn on(engine: EmbeddedEngine, vault: Vault) -> Self {
        let now = Arc::new(AtomicU64::new(1_700_000_000_000));
        let directory = open(Arc::new(engine.clone()), vault, &now).await.unwrap();
        Self {
            engine,
            directory,
            now,
        }
    }

    async fn ask_as(&self, command: Command, actor: Actor) -> Outcome {
        self.directory.apply(command, actor).await.unwrap().outcome
    }

    async fn ask(&self, command: Command) -> Outcome {
        self.ask_as(command, Actor::system()).await
    }

    async fn tenant(&self, name: &str, profile: Profile) -> TenantId {
        let create = Command::CreateTenant {
            name: name.parse().unwrap(),
            profile,
            parent: None,
        };
        match self.ask(create).await {
            Outcome::Tenant { tenant, .. } => tenant,
            other => panic!("{other:?}"),
        }
    }

    /// A person with a key, who has disabled and enabled it from his address.
    async fn ada(&self, tenant: TenantId) -> (UserId, AccessKeyId) {
        let new = NewUser {
            details: UserDetails {
                email: Some(EMAIL.parse().unwrap()),
                full_name: FULL_NAME.parse().unwrap(),
                ..UserDetails::default()
            },
            ..NewUser::new(tenant, "ada-l".parse().unwrap(), UserKind::Human)
        };
        let Outcome::User(user) = self.ask(Command::CreateUser(new)).await else {
            panic!("no user");
        };
        let rights = KeyRights::of_level(Level::Read);
        let Outcome::Key { key, .. } = self.ask(Command::CreateKey { user, rights }).await else {
            panic!("no key");
        };
        let actor = Actor {
            who: Who::Key { tenant, user, key },
            address: Some(ADDRESS.parse().unwrap()),
            request: None,
        };
        self.ask_as(Command::DisableKey(key), actor.clone()).await;
        self.ask(Command::EnableKey(key)).await;
        (user, key)
    }

    /// Everything that the engine holds or tells: rows of now and of then, and changes.
    async fn everything(&self) -> String {
        let now = self.engine.now().await.unwrap();
        let mut text = String::new();
        for at in 0..=now.0 {
            let Ok(page) = self
                .engine
                .page(String::new(), Revision(at), None, 10_000)
                .await
            else {
                continue;
            };
            for row in page.rows {
                text += &format!("{} {}\n", row.key, String::from_utf8_lossy(&row.value));
            }
        }
        if let Ok(mut watch) = self.engine.watch(Revision(0)).await {
            for _ in 0..now.0 {
                let Ok(Change { ops, .. }) = watch.next().await else {
                    break;
                };
                for op in ops {
                    if let Op::Put(key, value) = op {
                        text += &format!("{key} {}\n", String::from_utf8_lossy(&value));
                    }
                }
            }
        }
        text
    }
}

async fn open(
    engine: Arc<dyn Engine>,
    vault: Vault,
    now: &Arc<AtomicU64>,
) -> Result<Directory, OpenError> {
    let now = Arc::clone(now);
    Directory::open(DirectoryOptions {
        engine,
        vault,
        clock: Clock::new(move || UnixMillis(now.load(Ordering::SeqCst))),
        entropy: Entropy::system(),
    })
    .await
}

/// Rules 004-31 and 004-33.
#[tokio::test]
async fn a_deleted_person_is_forgotten_and_the_chain_holds() {
    let house = House::new().await;
    let tenant = house.tenant("acme", Profile::Datastream).await;
    let (user, key) = house.ada(tenant).await;
    // The log tells who it was, from where, until then; and keeps none of it in the open.
    let records = house.directory.audit_page(0, 100).await.unwrap();
    let disabled = records
        .iter()
        .find(|it| it.action == "key.disable")
        .unwrap();
    assert_eq!(disabled.actor.address, Some(ADDRESS.parse().unwrap()));
    assert_eq!(disabled.email.as_deref(), Some(EMAIL));
    assert_eq!(disabled.full_name.as_deref(), Some(FULL_NAME));
    let created = records
        .iter()
        .find(|it| it.action == "user.create")
        .unwrap();
    assert_eq!(created.detail["name"], "ada-l");
    let audit = house
        .engine
        .page("aud/".into(), house.engine.now().await.unwrap(), None, 100);
    for row in audit.await.unwrap().rows {
        let text = String::from_utf8(row.value).unwrap();
        for personal in [ADDRESS, EMAIL, FULL_NAME, "ada-l"] {
            assert!(!text.contains(personal), "{text}");
        }
    }

    let followed = house.directory.verify_audit().await.unwrap();
    house.ask(Command::DeleteUser(user)).await;
    assert!(house.directory.state().key(&key).is_none());
    // What was done stays, by number; by whom and from where is gone, here and in history.
    let records = house.directory.audit_page(0, 100).await.unwrap();
    let disabled = records
        .iter()
        .find(|it| it.action == "key.disable")
        .unwrap();
    assert!(disabled.forgotten && disabled.actor.address.is_none() && disabled.email.is_none());
    assert!(disabled.actor.label().contains(key.as_str()));
    let everything = house.everything().await;
    for personal in [ADDRESS, EMAIL, FULL_NAME, "ada-l", "per/user"] {
        assert!(!everything.contains(personal), "{personal}");
    }
    assert!(house.directory.verify_audit().await.unwrap() > followed);
    let swept = records.iter().find(|it| it.action == "user.sweep").unwrap();
    assert_eq!(swept.detail["audit"], "shredded");
}

#[tokio::test]
async fn a_profile_that_keeps_the_log_keeps_it_readable() {
    let house = House::new().await;
    let tenant = house.tenant("acme", Profile::E3Primary).await;
    let (user, _) = house.ada(tenant).await;
    house.ask(Command::DeleteUser(user)).await;
    let records = house.directory.audit_page(0, 100).await.unwrap();
    let disabled = records
        .iter()
        .find(|it| it.action == "key.disable")
        .unwrap();
    assert_eq!(disabled.email.as_deref(), Some(EMAIL));
    assert!(!disabled.forgotten);
}

#[tokio::test]
async fn what_was_sealed_for_one_record_does_not_open_in_another() {
    let house = House::new().await;
    let tenant = house.tenant("acme", Profile::Datastream).await;
    house.ada(tenant).await;
    let now = house.engine.now().await.unwrap();
    let rows = house
        .engine
        .page("aud/".into(), now, None, 100)
        .await
        .unwrap()
        .rows;
    let parse = |row: &Row| serde_json::from_slice::<serde_json::Value>(&row.value).unwrap();
    let mut sealed = rows.iter().filter(|row| parse(row).get("sealed").is_some());
    let (one, other) = (sealed.next().unwrap(), sealed.next().unwrap());
    let mut moved = parse(other);
    moved["sealed"] = parse(one)["sealed"].clone();
    let put = Op::Put(other.key.clone(), serde_json::to_vec(&moved).unwrap());
    house.engine.txn(Vec::new(), vec![put]).await.unwrap();
    let read = house.directory.audit_page(0, 100).await;
    assert!(matches!(read, Err(AuditFault::Personal(_))), "{read:?}");
}

#[tokio::test]
async fn old_records_go_and_the_chain_is_followed_from_the_checkpoint() {
    let house = House::new().await;
    let tenant = house.tenant("acme", Profile::E3Root).await;
    house.ada(tenant).await;
    let before = house.directory.audits();
    let kept = house.directory.signed_head().unwrap();
    house.now.fetch_add(86_400_000, Ordering::SeqCst);
    let limit = UnixMillis(house.now.load(Ordering::SeqCst));
    house.ask(Command::SuspendTenant(tenant)).await;
    let system = Actor::system();
    assert_eq!(
        house.directory.trim_audit(limit, &system).await.unwrap(),
        before
    );
    assert_eq!(house.directory.audit_base(), before);
    // What is left, and the record of what went.
    let actions = |records: Vec<postern_config::directory::AuditRecord>| -> Vec<String> {
        records.into_iter().map(|it| it.action).collect()
    };
    let left = house.directory.audit_page(0, 100).await.unwrap();
    let trimmed = left.iter().find(|it| it.action == "audit.trim").unwrap();
    assert_eq!(trimmed.detail["records"], before);
    assert_eq!(trimmed.detail["checkpoint"]["hash"], kept.hash.to_string());
    assert_eq!(actions(left), ["tenant.suspend", "audit.trim"]);
    assert_eq!(house.directory.verify_audit().await.unwrap(), before + 2);
    assert!(!house.everything().await.contains("key.disable"));
    // A head that was kept elsewhere still fits, and the chain goes on after a restart.
    house.directory.check_heads(&[kept]).await.unwrap();
    let house = House::on(house.engine, vault(7)).await;
    house.ask(Command::ResumeTenant(tenant)).await;
    assert_eq!(house.directory.verify_audit().await.unwrap(), before + 3);
    // Nothing more is old enough.
    assert_eq!(house.directory.trim_audit(limit, &system).await.unwrap(), 0);

    // A checkpoint that nobody sealed is none.
    let row = house.engine.get("dir/.head".into()).await.unwrap().unwrap();
    let mut head: serde_json::Value = serde_json::from_slice(&row.value).unwrap();
    head["audit_base"]["through"] = (before + 1).into();
    let put = Op::Put(row.key, serde_json::to_vec(&head).unwrap());
    let gone = Op::Delete(format!("aud/{:016x}", before + 1));
    house.engine.txn(Vec::new(), vec![put, gone]).await.unwrap();
    let house = House::on(house.engine, vault(7)).await;
    assert!(house.directory.verify_audit().await.is_err());
}

/// A key that was disabled and enabled again is both, each in its time, and what is older than the history is not made up.
#[tokio::test]
async fn the_directory_of_a_day_that_is_over_is_as_it_was() {
    let house = House::new().await;
    let moment = |passed| UnixMillis(house.now.fetch_add(passed, Ordering::SeqCst) + passed);
    let begin = moment(0);
    let tenant = house.tenant("acme", Profile::E3Root).await;
    let made = moment(1_000);
    let (user, key) = house.ada(tenant).await;
    let worked = moment(1_000);
    house.ask(Command::DisableKey(key)).await;
    let disabled = moment(1_000);
    house.ask(Command::DeleteKey(key)).await;
    let at = async |at: UnixMillis| house.directory.state_at(at).await;
    let works = async |when| {
        let state = at(when).await.unwrap();
        let caller = state.caller(&key);
        caller.map(|caller| caller.works_at(UnixSeconds(when.0 / 1_000)))
    };
    // A moment begins with what was done in it: all commands of one instant are of the last state of it.
    assert_eq!(works(UnixMillis(made.0 - 1)).await, None);
    assert_eq!(works(made).await, Some(true));
    assert_eq!(works(UnixMillis(worked.0 - 1)).await, Some(true));
    assert_eq!(works(worked).await, Some(false));
    assert_eq!(works(disabled).await, None);
    assert!(at(begin).await.unwrap().user(user).is_none());
    assert!(at(begin).await.unwrap().tenant(tenant).is_some());
    let gone = |fault: Result<State, PastFault>| match fault {
        Err(PastFault::Gone { since }) => since,
        other => panic!("{other:?}"),
    };
    assert_eq!(gone(at(UnixMillis(begin.0 - 1)).await), begin);
    let to_come = at(UnixMillis(disabled.0 + 1)).await;
    assert!(matches!(to_come, Err(PastFault::Future)), "{to_come:?}");

    // What retention takes, nobody is told any more: neither records nor rows.
    let system = Actor::system();
    house.directory.trim_audit(worked, &system).await.unwrap();
    assert_eq!(gone(at(UnixMillis(worked.0 - 1)).await), worked);
    assert_eq!(works(worked).await, Some(false));
    // A rotation of the master key forgets what the old one had sealed.
    let begun = house.directory.begin_rotation(&secret(8), &system).await;
    begun.unwrap();
    house.directory.finish_rotation().await.unwrap();
    assert_eq!(gone(at(worked).await), disabled);
}

#[tokio::test]
async fn nothing_is_taken_from_a_chain_that_does_not_hold() {
    let house = House::new().await;
    let tenant = house.tenant("acme", Profile::E3Root).await;
    house.ada(tenant).await;
    let row = house
        .engine
        .get(format!("aud/{:016x}", 2))
        .await
        .unwrap()
        .unwrap();
    let text = String::from_utf8(row.value)
        .unwrap()
        .replace("user.create", "user.delete");
    let put = Op::Put(row.key, text.into_bytes());
    house.engine.txn(Vec::new(), vec![put]).await.unwrap();
    let house = House::on(house.engine, vault(7)).await;
    let limit = UnixMillis(u64::MAX);
    let refused = house.directory.trim_audit(limit, &Actor::system()).await;
    assert!(matches!(
        refused,
        Err(TrimFault::Audit(AuditFault::Broken { sequence: 3 }))
    ));
    assert_eq!(house.directory.audit_base(), 0);
}

#[tokio::test]
async fn a_head_that_is_kept_elsewhere_finds_a_log_that_was_written_anew() {
    let house = House::new().await;
    let tenant = house.tenant("acme", Profile::E3Root).await;
    let early = house.directory.signed_head().unwrap();
    house.ada(tenant).await;
    let late = house.directory.signed_head().unwrap();
    assert!(early.is_signed() && late.is_signed());
    let both = [early.clone(), late.clone()];
    assert_eq!(house.directory.check_heads(&both).await.unwrap(), 2);
    // A head that was bent, or that another directory signed, is none.
    let bent = postern_config::directory::SignedHead {
        records: late.records - 1,
        ..late.clone()
    };
    assert!(!bent.is_signed());
    let stranger = House::new().await.directory.signed_head().unwrap();
    for wrong in [bent, stranger] {
        let checked = house.directory.check_heads(&[wrong]).await;
        assert!(matches!(checked, Err(AuditFault::Foreign { .. })));
    }
    // Whoever has all the keys puts an older state of the whole directory back: it holds in itself, and not beside the head.
    let older = House::new().await;
    let copy = EmbeddedEngine::in_memory().unwrap();
    let now = house.engine.now().await.unwrap();
    let rows = house
        .engine
        .page(String::new(), now, None, 10_000)
        .await
        .unwrap()
        .rows;
    let puts = rows
        .into_iter()
        .map(|row| Op::Put(row.key, row.value))
        .collect();
    copy.txn(Vec::new(), puts).await.unwrap();
    drop(older);
    let copy = House::on(copy, vault(7)).await;
    house.ask(Command::SuspendTenant(tenant)).await;
    let latest = house.directory.signed_head().unwrap();
    copy.ask(Command::MakeTenantReadOnly(tenant)).await;
    assert!(copy.directory.verify_audit().await.is_ok());
    let checked = copy.directory.check_heads(&[latest]).await;
    assert!(matches!(checked, Err(AuditFault::Foreign { .. })));
    assert_eq!(copy.directory.check_heads(&[late]).await.unwrap(), 1);
}

#[tokio::test]
async fn a_rotated_master_key_opens_everything_and_the_old_one_nothing() {
    let house = House::new().await;
    let tenant = house.tenant("acme", Profile::Datastream).await;
    let (_, key) = house.ada(tenant).await;
    let secret_of = |directory: &Directory| {
        let state = directory.state();
        let key = state.key(&key).unwrap();
        state.open_secret(key).unwrap().lend(<[u8]>::to_vec)
    };
    let before = secret_of(&house.directory);
    house
        .directory
        .begin_rotation(&secret(8), &Actor::system())
        .await
        .unwrap();
    assert!(house.directory.is_rotating());
    assert_eq!(secret_of(&house.directory), before);
    let (third, system) = (secret(9), Actor::system());
    let again = house.directory.begin_rotation(&third, &system).await;
    assert!(again.is_err());
    let done = house.directory.finish_rotation().await.unwrap();
    // The key, and the row of the person.
    assert_eq!(done.rows, 2);
    assert!(!house.directory.is_rotating());
    assert_eq!(secret_of(&house.directory), before);
    house.directory.verify_audit().await.unwrap();
    let records = house.directory.audit_page(0, 100).await.unwrap();
    assert!(records.iter().any(|it| it.email.as_deref() == Some(EMAIL)));

    let now = Arc::clone(&house.now);
    let engine: Arc<dyn Engine> = Arc::new(house.engine.clone());
    let old = open(Arc::clone(&engine), vault(7), &now).await;
    assert!(matches!(old, Err(OpenError::MasterKey)));
    // Neither in what is now nor in history is anything that the old key opens: each text begins with the label of its key.
    let everything = house.everything().await;
    let label = |fill| label_of(&vault(fill));
    assert!(!everything.contains(&label(7)) && everything.contains(&label(8)));
    let house = House::on(house.engine, vault(8)).await;
    assert_eq!(secret_of(&house.directory), before);
}

/// How what is sealed under a master key begins. It is found as whoever has the key would find it: by sealing something.
fn label_of(vault: &Vault) -> String {
    vault.label()
}

#[tokio::test]
async fn a_backup_is_one_moment_and_opens_with_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new().await;
    let tenant = house.tenant("acme", Profile::E3Root).await;
    house.ada(tenant).await;
    let path = folder.path().join("copy.redb");
    let head = house.directory.signed_head().unwrap();
    let revision = house.directory.backup(path.clone()).await.unwrap();
    house.ask(Command::SuspendTenant(tenant)).await;
    assert_eq!(mode(&path), 0o600);
    // A file that is there is not written over.
    assert!(house.directory.backup(path.clone()).await.is_err());

    let copy = House::on(EmbeddedEngine::open(&path).unwrap(), vault(7)).await;
    let state = copy.directory.state();
    assert_eq!(state.revision(), revision);
    let name = "acme".parse().unwrap();
    let status = state.tenant_named(&name).unwrap().status;
    assert_eq!(status, postern_config::directory::TenantStatus::Active);
    copy.directory.verify_audit().await.unwrap();
    copy.directory.check_heads(&[head]).await.unwrap();
    drop((state, copy));
    let now = Arc::clone(&house.now);
    let wrong = open(
        Arc::new(EmbeddedEngine::open(&path).unwrap()),
        vault(8),
        &now,
    )
    .await;
    assert!(matches!(wrong, Err(OpenError::MasterKey)));
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_directory_of_the_first_layout_is_brought_to_this_one() {
    let house = House::new().await;
    house.tenant("acme", Profile::E3Root).await;
    let followed = house.directory.verify_audit().await.unwrap();
    let row = house.engine.get("dir/.head".into()).await.unwrap().unwrap();
    let mut head: serde_json::Value = serde_json::from_slice(&row.value).unwrap();
    head["schema"] = 1.into();
    head.as_object_mut().unwrap().remove("audit_signer");
    let put = Op::Put(row.key, serde_json::to_vec(&head).unwrap());
    house.engine.txn(Vec::new(), vec![put]).await.unwrap();
    // Whoever has another key changes nothing.
    let engine: Arc<dyn Engine> = Arc::new(house.engine.clone());
    let wrong = open(Arc::clone(&engine), vault(8), &house.now).await;
    assert!(matches!(wrong, Err(OpenError::MasterKey)));
    let house = House::on(house.engine, vault(7)).await;
    assert!(house.directory.signed_head().unwrap().is_signed());
    assert_eq!(house.directory.verify_audit().await.unwrap(), followed);
}

#[tokio::test]
async fn a_directory_of_a_later_version_is_refused_with_what_to_do() {
    let house = House::new().await;
    let row = house.engine.get("dir/.head".into()).await.unwrap().unwrap();
    let mut head: serde_json::Value = serde_json::from_slice(&row.value).unwrap();
    head["schema"] = 99.into();
    head["of_tomorrow"] = true.into();
    let put = Op::Put(row.key.clone(), serde_json::to_vec(&head).unwrap());
    house.engine.txn(Vec::new(), vec![put]).await.unwrap();
    let before = house.engine.now().await.unwrap();
    let refused = open(Arc::new(house.engine.clone()), vault(7), &house.now).await;
    let said = refused.unwrap_err().to_string();
    assert!(
        said.contains("layout 99") && said.contains("restore a backup"),
        "{said}"
    );
    assert_eq!(house.engine.now().await.unwrap(), before);
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever transaction is the last before a stop, the rotation ends with the new key alone, and loses no secret.
    #[test]
    fn a_rotation_that_is_stopped_anywhere_goes_on(
        users in 1_usize..5,
        stops in prop::collection::vec(0_u64..5, 0..5),
    ) {
        runtime().block_on(async {
            let house = House::new().await;
            let tenant = house.tenant("acme", Profile::E3Root).await;
            let mut secrets = Vec::new();
            for number in 0..users {
                let name = format!("user-{number}").parse().unwrap();
                let new = NewUser::new(tenant, name, UserKind::Service);
                let Outcome::User(user) = house.ask(Command::CreateUser(new)).await else {
                    panic!("no user");
                };
                let rights = KeyRights::of_level(Level::Read);
                if let Outcome::Key { key, secret } = house.ask(Command::CreateKey { user, rights }).await {
                    secrets.push((key, secret.lend(<[u8]>::to_vec)));
                }
            }
            let opens = |directory: &Directory| {
                let state = directory.state();
                for (key, secret) in &secrets {
                    let opened = state.open_secret(state.key(key).unwrap()).unwrap();
                    assert!(opened.is(secret));
                }
            };
            for stop in stops {
                let mortal = Mortal::new(&house.engine, stop);
                // As a start does: with both keys, until the old one opens nothing.
                let both = vault(8).after(Arc::new(vault(7)));
                let directory = open(Arc::new(mortal), both, &house.now).await;
                let Ok(directory) = directory else { continue };
                opens(&directory);
                drop(directory.finish_rotation().await);
                opens(&directory);
            }
            let engine: Arc<dyn Engine> = Arc::new(house.engine.clone());
            let both = vault(8).after(Arc::new(vault(7)));
            let directory = open(Arc::clone(&engine), both, &house.now).await.unwrap();
            directory.finish_rotation().await.unwrap();
            drop(directory);
            let directory = open(Arc::clone(&engine), vault(8), &house.now).await.unwrap();
            opens(&directory);
            directory.verify_audit().await.unwrap();
            assert!(!house.everything().await.contains(&vault(7).label()));
            assert!(open(engine, vault(7), &house.now).await.is_err());
        });
    }

    /// Whatever transaction is the last before a stop, a person is forgotten as a whole in the end, and the chain holds at each.
    #[test]
    fn a_person_is_forgotten_though_the_server_stops(stop in 0_u64..4, others in 0_usize..3) {
        runtime().block_on(async {
            let house = House::new().await;
            let tenant = house.tenant("acme", Profile::Datastream).await;
            let (user, _) = house.ada(tenant).await;
            for number in 0..others {
                let other = house.tenant(&format!("other-{number}"), Profile::Datastream).await;
                house.ada(other).await;
            }
            let mortal = Mortal::new(&house.engine, stop);
            let directory = open(Arc::new(mortal), vault(7), &house.now).await.unwrap();
            let asked = directory.apply(Command::DeleteUser(user), Actor::system()).await.is_ok();
            let house = House::on(house.engine, vault(7)).await;
            house.directory.verify_audit().await.unwrap();
            let records = house.directory.audit_page(0, 1_000).await.unwrap();
            let of = |it: &postern_config::directory::AuditRecord| it.tenant == Some(tenant)
                && it.action == "key.disable";
            let record = records.iter().find(|it| of(it)).unwrap();
            assert_eq!(record.forgotten, asked);
            assert_eq!(record.email.is_none(), asked);
            // Others of the same name are not touched.
            let kept = records.iter().filter(|it| it.email.as_deref() == Some(EMAIL));
            assert_eq!(kept.count(), others + usize::from(!asked));
        });
    }
}
