//! The directory through its public face: commands, invariants, reopening, concurrency, the audit chain.

#![expect(
    clippy::unwrap_used,
    clippy::clone_on_ref_ptr,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use postern_config::directory::{
    Actor, AuditFault, BucketState, Command, CommandError, Directory, DirectoryOptions, Keeps,
    KeyRights, Level, ModuleScope, Name, NamespaceId, NewUser, OpenError, Outcome, Profile,
    Refusal, TenantId, UserId, UserKind, Vault, WriteDeletes,
};
use postern_config::engine::{EmbeddedEngine, Engine, Op, Revision};
use postern_config::{Clock, Entropy, Secret, UnixMillis, UnixSeconds};

struct House {
    engine: EmbeddedEngine,
    now: Arc<AtomicU64>,
}

impl House {
    fn new() -> Self {
        let now = Arc::new(AtomicU64::new(1_700_000_000_000));
        Self {
            engine: EmbeddedEngine::in_memory().unwrap(),
            now,
        }
    }

    async fn open(&self) -> Directory {
        self.try_open(7).await.unwrap()
    }

    async fn try_open(&self, master_key: u8) -> Result<Directory, OpenError> {
        let now = Arc::clone(&self.now);
        Directory::open(DirectoryOptions {
            engine: Arc::new(self.engine.clone()),
            vault: Vault::new(&Secret::new(vec![master_key; 32])).unwrap(),
            clock: Clock::new(move || UnixMillis(now.load(Ordering::Relaxed))),
            entropy: Entropy::system(),
        })
        .await
    }

    /// Changes a row behind the directory's back.
    async fn tamper(&self, op: Op) {
        self.engine.txn(Vec::new(), vec![op]).await.unwrap();
    }

    async fn rows(&self, prefix: &str) -> Vec<postern_config::engine::Row> {
        let now = self.engine.now().await.unwrap();
        self.engine
            .page(prefix.to_owned(), now, None, 1_000)
            .await
            .unwrap()
            .rows
    }
}

async fn outcome(directory: &Directory, command: Command) -> Outcome {
    directory
        .apply(command, Actor::system())
        .await
        .unwrap()
        .outcome
}

async fn refusal(directory: &Directory, command: Command) -> Refusal {
    match directory.apply(command, Actor::system()).await {
        Err(CommandError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

async fn tenant(directory: &Directory, text: &str, profile: Profile) -> (TenantId, UserId) {
    match outcome(
        directory,
        Command::CreateTenant {
            name: name(text),
            profile,
            parent: None,
        },
    )
    .await
    {
        Outcome::Tenant { tenant, root } => (tenant, root),
        other => panic!("{other:?}"),
    }
}

async fn user(directory: &Directory, tenant: TenantId, text: &str) -> UserId {
    let new = NewUser::new(tenant, name(text), UserKind::Service);
    match outcome(directory, Command::CreateUser(new)).await {
        Outcome::User(user) => user,
        other => panic!("{other:?}"),
    }
}

async fn key(
    directory: &Directory,
    user: UserId,
    level: Level,
) -> (postern_config::directory::AccessKeyId, String) {
    let rights = KeyRights::of_level(level);
    key_of(outcome(directory, Command::CreateKey { user, rights }).await)
}

fn key_of(outcome: Outcome) -> (postern_config::directory::AccessKeyId, String) {
    match outcome {
        Outcome::Key { key, secret } => (
            key,
            secret.lend(|it| String::from_utf8(it.to_vec()).unwrap()),
        ),
        other => panic!("{other:?}"),
    }
}

async fn bucket(
    directory: &Directory,
    namespace: NamespaceId,
    owner: UserId,
    text: &str,
) -> s3_protocol::BucketId {
    let command = Command::BeginBucket {
        namespace,
        name: text.parse().unwrap(),
        owner,
        keeps: Keeps::Nothing,
    };
    let Outcome::Bucket(id) = outcome(directory, command).await else {
        panic!()
    };
    outcome(directory, Command::ActivateBucket(id)).await;
    id
}

#[tokio::test]
async fn a_directory_that_is_opened_again_is_the_one_that_was_closed() {
    let house = House::new();
    let directory = house.open().await;
    let (demo, _) = tenant(&directory, "demo", Profile::E3Root).await;
    let photos = user(&directory, demo, "photos").await;
    let (id, secret) = key(&directory, photos, Level::Read).await;
    let own = NamespaceId::User(demo, photos);
    let pictures = bucket(&directory, own, photos, "pictures").await;
    outcome(
        &directory,
        Command::SetAlias(own, Some("pics".parse().unwrap())),
    )
    .await;
    let scope = ModuleScope::Tenant(demo);
    let push = Command::PushModule {
        scope,
        name: name("guard"),
        bytes: b"module".to_vec(),
        signature: None,
    };
    let Outcome::Module(digest) = outcome(&directory, push).await else {
        panic!()
    };
    outcome(
        &directory,
        Command::ActivateModule(scope, name("guard"), digest),
    )
    .await;
    let before = directory.state();
    drop(directory);

    let directory = house.open().await;
    let state = directory.state();
    assert_eq!(state.revision(), before.revision());
    let caller = state.caller(&id).unwrap();
    assert!(caller.works_at(UnixSeconds(0)));
    assert_eq!(caller.key.rights.level, Level::Read);
    assert_eq!(caller.namespace(), own);
    assert!(state.open_secret(caller.key).unwrap().is(secret.as_bytes()));
    assert_eq!(state.alias("pics"), Some(own));
    assert_eq!(
        state.bucket(own, &"pictures".parse().unwrap()).unwrap().id,
        pictures
    );
    assert_eq!(
        state
            .active_modules(scope)
            .map(|it| it.1)
            .collect::<Vec<_>>(),
        [digest]
    );
    assert_eq!(
        directory.module_bytes(digest).await.unwrap().unwrap(),
        b"module"
    );
    assert_eq!(secret.len(), 40);
}

#[tokio::test]
async fn another_master_key_does_not_open_the_directory() {
    let house = House::new();
    drop(house.open().await);
    assert!(matches!(house.try_open(8).await, Err(OpenError::MasterKey)));
}

#[tokio::test]
async fn names_are_unique_without_regard_to_case_and_buckets_in_their_namespace() {
    let house = House::new();
    let directory = house.open().await;
    let (demo, _) = tenant(&directory, "demo", Profile::E3Root).await;
    let command = Command::CreateTenant {
        name: name("DEMO"),
        profile: Profile::E3Root,
        parent: None,
    };
    let taken = directory.apply(command, Actor::system()).await;
    assert!(matches!(
        taken,
        Err(CommandError::Taken { what: "tenant", .. })
    ));
    let (photos, backups) = (
        user(&directory, demo, "photos").await,
        user(&directory, demo, "backups").await,
    );
    let (one, other) = (
        NamespaceId::User(demo, photos),
        NamespaceId::User(demo, backups),
    );
    let first = bucket(&directory, one, photos, "demo-bucket").await;
    let second = bucket(&directory, other, backups, "demo-bucket").await;
    assert_ne!(first, second);
    let again = Command::BeginBucket {
        namespace: one,
        name: "demo-bucket".parse().unwrap(),
        owner: photos,
        keeps: Keeps::Nothing,
    };
    match directory.apply(again, Actor::system()).await {
        Err(CommandError::Taken { bucket, .. }) => assert_eq!(bucket, Some(first)),
        other => panic!("{other:?}"),
    }
    let foreign = Command::BeginBucket {
        namespace: one,
        name: "mine".parse().unwrap(),
        owner: backups,
        keeps: Keeps::Nothing,
    };
    assert_eq!(refusal(&directory, foreign).await, Refusal::NotOfNamespace);
}

#[tokio::test]
async fn the_root_has_one_key_that_is_only_rotated() {
    let house = House::new();
    let directory = house.open().await;
    let (_, root) = tenant(&directory, "demo", Profile::E3Root).await;
    let weak = Command::CreateKey {
        user: root,
        rights: KeyRights::of_level(Level::Read),
    };
    assert_eq!(refusal(&directory, weak).await, Refusal::RootKeyIsFull);
    let (first, _) = key(&directory, root, Level::Full).await;
    let second = Command::CreateKey {
        user: root,
        rights: KeyRights::of_level(Level::Full),
    };
    assert_eq!(refusal(&directory, second).await, Refusal::RootHasOneKey);
    assert_eq!(
        refusal(&directory, Command::DeleteKey(first)).await,
        Refusal::RootHasOneKey
    );
    assert_eq!(
        refusal(&directory, Command::DisableUser(root)).await,
        Refusal::RootStays
    );
    assert_eq!(
        refusal(&directory, Command::DeleteUser(root)).await,
        Refusal::RootStays
    );

    let rotate = Command::RotateKey {
        key: first,
        grace_seconds: 60,
    };
    let (new, _) = key_of(outcome(&directory, rotate).await);
    let state = directory.state();
    let now = UnixSeconds(house.now.load(Ordering::Relaxed) / 1_000);
    assert!(
        state
            .caller(&first)
            .unwrap()
            .works_at(UnixSeconds(now.0 + 59))
    );
    assert!(
        !state
            .caller(&first)
            .unwrap()
            .works_at(UnixSeconds(now.0 + 60))
    );
    assert_eq!(
        state.key(&first).unwrap().lineage,
        state.key(&new).unwrap().lineage
    );
    // At the next start the replaced key is gone.
    house.now.fetch_add(60_000, Ordering::Relaxed);
    drop(directory);
    let state = house.open().await.state();
    assert!(state.key(&first).is_none() && state.key(&new).is_some());
}

#[tokio::test]
async fn a_disabled_user_has_no_working_key_and_enabling_restores_it() {
    let house = House::new();
    let directory = house.open().await;
    let (demo, _) = tenant(&directory, "demo", Profile::E3Root).await;
    let photos = user(&directory, demo, "photos").await;
    let (id, _) = key(&directory, photos, Level::Full).await;
    let before = directory.state().key(&id).unwrap().clone();
    let works = || {
        directory
            .state()
            .caller(&id)
            .unwrap()
            .works_at(UnixSeconds(0))
    };
    for (stop, start) in [
        (Command::DisableUser(photos), Command::EnableUser(photos)),
        (Command::SuspendTenant(demo), Command::ResumeTenant(demo)),
        (Command::DisableKey(id), Command::EnableKey(id)),
    ] {
        outcome(&directory, stop).await;
        assert!(!works());
        outcome(&directory, start).await;
        assert!(works());
    }
    let after = directory.state().key(&id).unwrap().clone();
    assert_eq!(
        (&before.rights, before.lineage),
        (&after.rights, after.lineage)
    );
}

#[tokio::test]
async fn a_key_is_never_more_than_its_tenant_allows() {
    let house = House::new();
    let directory = house.open().await;
    let (demo, _) = tenant(&directory, "demo", Profile::E3Root).await;
    let photos = user(&directory, demo, "photos").await;
    let rights = KeyRights {
        write_deletes: Some(WriteDeletes::Markers),
        ..KeyRights::of_level(Level::Write)
    };
    let create = Command::CreateKey {
        user: photos,
        rights,
    };
    assert_eq!(refusal(&directory, create).await, Refusal::MoreThanParent);
    let more = Command::SetWriteDeletes(demo, WriteDeletes::All);
    assert_eq!(refusal(&directory, more).await, Refusal::MoreThanParent);
}

#[tokio::test]
async fn deleting_a_user_takes_the_keys_and_waits_for_the_buckets() {
    let house = House::new();
    let directory = house.open().await;
    let (demo, _) = tenant(&directory, "demo", Profile::E3Root).await;
    let photos = user(&directory, demo, "photos").await;
    let (id, _) = key(&directory, photos, Level::Full).await;
    let own = NamespaceId::User(demo, photos);
    let pictures = bucket(&directory, own, photos, "pictures").await;
    assert_eq!(
        refusal(&directory, Command::DeleteUser(photos)).await,
        Refusal::OwnsBuckets
    );
    assert_eq!(
        refusal(&directory, Command::RemoveBucket(pictures)).await,
        Refusal::BucketState
    );
    outcome(&directory, Command::CloseBucket(pictures)).await;
    let half: Vec<_> = directory
        .state()
        .half_done_buckets()
        .map(|it| (it.id, it.state))
        .collect();
    assert_eq!(half, [(pictures, BucketState::Deleting)]);
    assert_eq!(directory.state().buckets(own).count(), 0);
    outcome(&directory, Command::RemoveBucket(pictures)).await;
    outcome(&directory, Command::DeleteUser(photos)).await;
    let state = directory.state();
    assert!(state.key(&id).is_none() && state.user(photos).is_none());
    assert!(state.user_named(demo, &name("photos")).is_none());
    outcome(&directory, Command::DeleteTenant(demo)).await;
    assert!(directory.state().tenant(demo).is_none());
    let rows: Vec<_> = house
        .rows("dir/")
        .await
        .into_iter()
        .map(|row| row.key)
        .collect();
    assert_eq!(rows, ["dir/.head"]);
    // Numbers are never given twice.
    let (again, _) = tenant(&directory, "demo", Profile::E3Root).await;
    assert!(again > demo);
}

#[tokio::test]
async fn modules_are_activated_rolled_back_and_retired() {
    let house = House::new();
    let directory = house.open().await;
    let scope = ModuleScope::Platform;
    let push = |bytes: &[u8]| Command::PushModule {
        scope,
        name: name("guard"),
        bytes: bytes.to_vec(),
        signature: None,
    };
    let Outcome::Module(one) = outcome(&directory, push(b"one")).await else {
        panic!()
    };
    let Outcome::Module(two) = outcome(&directory, push(b"two")).await else {
        panic!()
    };
    let active = || {
        directory
            .state()
            .active_modules(scope)
            .map(|it| it.1)
            .collect::<Vec<_>>()
    };
    assert!(active().is_empty());
    outcome(
        &directory,
        Command::ActivateModule(scope, name("guard"), one),
    )
    .await;
    outcome(
        &directory,
        Command::ActivateModule(scope, name("guard"), two),
    )
    .await;
    assert_eq!(active(), [two]);
    outcome(&directory, Command::RollbackModule(scope, name("guard"))).await;
    assert_eq!(active(), [one]);
    // Before the first version nothing was in force.
    outcome(&directory, Command::RollbackModule(scope, name("guard"))).await;
    assert!(active().is_empty());
    let none = Command::RollbackModule(scope, name("guard"));
    assert_eq!(refusal(&directory, none).await, Refusal::NoHistory);
    outcome(
        &directory,
        Command::ActivateModule(scope, name("guard"), one),
    )
    .await;
    let in_force = Command::RetireModule(scope, name("guard"), one);
    assert_eq!(refusal(&directory, in_force).await, Refusal::InForce);
    outcome(&directory, Command::RetireModule(scope, name("guard"), two)).await;
    assert!(directory.module_bytes(two).await.unwrap().is_none());
    let retired = Command::ActivateModule(scope, name("guard"), two);
    assert_eq!(refusal(&directory, retired).await, Refusal::Retired);
    outcome(&directory, Command::DeactivateModule(scope, name("guard"))).await;
    assert!(active().is_empty());
    assert_eq!(refusal(&directory, push(b"")).await, Refusal::ModuleSize);
    let largest = vec![0; postern_config::limits::MODULE_BYTES_MAX];
    outcome(&directory, push(&largest)).await;
    assert_eq!(
        refusal(&directory, push(&[&largest[..], b"0"].concat())).await,
        Refusal::ModuleSize
    );
}

#[tokio::test]
async fn listeners_have_the_new_state_before_the_command_returns() {
    let house = House::new();
    let directory = house.open().await;
    let seen = Arc::new(AtomicU64::new(0));
    let told = Arc::clone(&seen);
    directory.subscribe(move |state| told.store(state.revision().0, Ordering::SeqCst));
    for number in 0..5 {
        let command = Command::CreateTenant {
            name: name(&format!("t{number}")),
            profile: Profile::S3,
            parent: None,
        };
        let applied = directory.apply(command, Actor::system()).await.unwrap();
        assert_eq!(Revision(seen.load(Ordering::SeqCst)), applied.revision);
        assert_eq!(directory.state().revision(), applied.revision);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_take_one_name_at_a_time_one_gets_it() {
    let house = House::new();
    // Two directories on one store: each must notice what the other has written.
    let (one, other) = (house.open().await, house.open().await);
    let mut tries = Vec::new();
    for number in 0..16 {
        let directory = if number % 2 == 0 {
            one.clone()
        } else {
            other.clone()
        };
        tries.push(tokio::spawn(async move {
            let command = Command::CreateTenant {
                name: name("demo"),
                profile: Profile::E3Root,
                parent: None,
            };
            directory.apply(command, Actor::system()).await
        }));
    }
    let mut made = 0;
    for attempt in tries {
        match attempt.await.unwrap() {
            Ok(_) => made += 1,
            Err(CommandError::Taken { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!(made, 1);
    one.refresh().await.unwrap();
    other.refresh().await.unwrap();
    assert_eq!(one.state().tenants().count(), 1);
    assert_eq!(other.state().tenants().count(), 1);
    assert_eq!(one.verify_audit().await.unwrap(), 1);
}

#[tokio::test]
async fn a_change_to_a_record_that_has_changed_is_stale() {
    let house = House::new();
    let directory = house.open().await;
    let (demo, _) = tenant(&directory, "demo", Profile::E3Root).await;
    let read = directory.state().tenant(demo).unwrap().revision;
    outcome(&directory, Command::SuspendTenant(demo)).await;
    let late = directory
        .apply_at(Command::ResumeTenant(demo), Actor::system(), read)
        .await;
    assert!(matches!(late, Err(CommandError::Stale { found }) if found > read));
    let found = directory.state().tenant(demo).unwrap().revision;
    directory
        .apply_at(Command::ResumeTenant(demo), Actor::system(), found)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_sealed_secret_that_is_copied_to_another_key_does_not_open() {
    let house = House::new();
    let directory = house.open().await;
    let (demo, _) = tenant(&directory, "demo", Profile::E3Root).await;
    let (victim, thief) = (
        user(&directory, demo, "victim").await,
        user(&directory, demo, "thief").await,
    );
    let (victims, _) = key(&directory, victim, Level::Full).await;
    let (thiefs, _) = key(&directory, thief, Level::Full).await;
    drop(directory);
    let rows = house.rows("dir/").await;
    let sealed = |id: &str| -> (String, serde_json::Value) {
        let row = rows.iter().find(|row| row.key.ends_with(id)).unwrap();
        (row.key.clone(), serde_json::from_slice(&row.value).unwrap())
    };
    let (_, stolen) = sealed(victims.as_str());
    let (place, mut row) = sealed(thiefs.as_str());
    row["sealed"] = stolen["sealed"].clone();
    house
        .tamper(Op::Put(place.clone(), row.to_string().into_bytes()))
        .await;
    let state = house.open().await.state();
    assert!(state.open_secret(state.key(&thiefs).unwrap()).is_err());
    assert!(state.open_secret(state.key(&victims).unwrap()).is_ok());
    // The whole row under the thief's key is no row at all.
    house
        .tamper(Op::Put(place, stolen.to_string().into_bytes()))
        .await;
    assert!(matches!(house.try_open(7).await, Err(OpenError::Row(_))));
}

#[tokio::test]
async fn the_audit_chain_holds_and_every_kind_of_tampering_is_found() {
    let house = House::new();
    let directory = house.open().await;
    let (demo, _) = tenant(&directory, "demo", Profile::E3Root).await;
    let photos = user(&directory, demo, "photos").await;
    let (_, secret) = key(&directory, photos, Level::Full).await;
    outcome(&directory, Command::DisableUser(photos)).await;
    assert_eq!(directory.verify_audit().await.unwrap(), 4);
    let records = directory.audit_page(0, 100).await.unwrap();
    let actions: Vec<_> = records.iter().map(|it| it.action.as_str()).collect();
    assert_eq!(
        actions,
        ["tenant.create", "user.create", "key.create", "user.disable"]
    );
    assert!(!serde_json::to_string(&records).unwrap().contains(&secret));

    let rows = house.rows("aud/").await;
    let put = |at: usize, value: Vec<u8>| Op::Put(rows[at].key.clone(), value);
    let flipped = |at: usize| {
        let text = String::from_utf8(rows[at].value.clone()).unwrap();
        put(
            at,
            text.replacen("create", "delete", 1)
                .replacen("disable", "enabled", 1)
                .into_bytes(),
        )
    };
    let tampers = [
        vec![flipped(1)],
        vec![flipped(3)],
        vec![Op::Delete(rows[1].key.clone())],
        vec![put(1, rows[2].value.clone()), put(2, rows[1].value.clone())],
        vec![Op::Delete(rows[3].key.clone())],
    ];
    for tamper in tampers {
        for op in tamper {
            house.tamper(op).await;
        }
        assert!(directory.verify_audit().await.is_err());
        for (at, row) in rows.iter().enumerate() {
            house.tamper(put(at, row.value.clone())).await;
        }
        assert_eq!(directory.verify_audit().await.unwrap(), 4);
    }

    house.tamper(Op::Delete(rows[3].key.clone())).await;
    let cut = directory.verify_audit().await;
    assert!(
        matches!(
            cut,
            Err(AuditFault::Length {
                found: 3,
                expected: 4
            })
        ),
        "{cut:?}"
    );
    house.tamper(put(3, rows[3].value.clone())).await;

    // A tail that is cut together with its head: the seal of the head does not fit.
    let head = &house.rows("dir/.head").await[0];
    let mut cut: serde_json::Value = serde_json::from_slice(&head.value).unwrap();
    let last: serde_json::Value = serde_json::from_slice(&rows[3].value).unwrap();
    cut["audits"] = 3.into();
    cut["audit_hash"] = last["previous"].clone();
    house
        .tamper(Op::Put("dir/.head".into(), cut.to_string().into_bytes()))
        .await;
    house.tamper(Op::Delete(rows[3].key.clone())).await;
    assert!(matches!(
        directory.verify_audit().await,
        Err(AuditFault::Head)
    ));
}

#[tokio::test]
async fn a_hundred_thousand_keys_are_loaded_and_a_change_copies_none_of_them() {
    const KEYS: usize = 100_000;
    let house = House::new();
    let directory = house.open().await;
    let (demo, _) = tenant(&directory, "demo", Profile::E3Root).await;
    let photos = user(&directory, demo, "photos").await;
    let (first, _) = key(&directory, photos, Level::Read).await;
    drop(directory);
    let rows = house.rows("dir/").await;
    let model = rows
        .iter()
        .find(|row| row.key.ends_with(first.as_str()))
        .unwrap();
    let text = String::from_utf8(model.value.clone()).unwrap();
    let id = |number: usize| format!("PK{number:018}");
    for thousand in 0..KEYS / 1_000 {
        let ops = (0..1_000).map(|number| {
            let id = id(thousand * 1_000 + number);
            let place = model.key.replace(first.as_str(), &id);
            Op::Put(place, text.replace(first.as_str(), &id).into_bytes())
        });
        house.engine.txn(Vec::new(), ops.collect()).await.unwrap();
    }
    let directory = house.open().await;
    let before = directory.state();
    assert_eq!(before.key_count(), KEYS + 1);
    let last = id(KEYS - 1).parse().unwrap();
    outcome(&directory, Command::DisableKey(last)).await;
    let after = directory.state();
    assert!(before.caller(&last).unwrap().works_at(UnixSeconds(0)));
    assert!(!after.caller(&last).unwrap().works_at(UnixSeconds(0)));
    for number in (0..KEYS - 1).step_by(997) {
        let id = id(number).parse().unwrap();
        assert!(
            Arc::ptr_eq(before.key(&id).unwrap(), after.key(&id).unwrap()),
            "{id}"
        );
    }
}

#[tokio::test]
async fn a_users_name_and_a_label_are_taken_once() {
    let house = House::new();
    let directory = house.open().await;
    let (demo, _) = tenant(&directory, "demo", Profile::E3Root).await;
    let photos = user(&directory, demo, "photos").await;
    let again = Command::CreateUser(NewUser::new(demo, name("Photos"), UserKind::Service));
    let taken = directory.apply(again, Actor::system()).await;
    assert!(matches!(
        taken,
        Err(CommandError::Taken { what: "user", .. })
    ));
    // Another account may have one of the same name, but no label of another.
    let (other, _) = tenant(&directory, "other", Profile::E3Root).await;
    let others = user(&directory, other, "photos").await;
    let label = |tenant, user| {
        Command::SetAlias(
            NamespaceId::User(tenant, user),
            Some("pics".parse().unwrap()),
        )
    };
    outcome(&directory, label(demo, photos)).await;
    outcome(&directory, label(demo, photos)).await;
    let taken = directory.apply(label(other, others), Actor::system()).await;
    assert!(matches!(
        taken,
        Err(CommandError::Taken { what: "alias", .. })
    ));
    assert_eq!(
        directory.state().alias("pics"),
        Some(NamespaceId::User(demo, photos))
    );
}

#[tokio::test]
async fn a_disabled_key_that_is_rotated_gets_no_grace() {
    let house = House::new();
    let directory = house.open().await;
    let (demo, _) = tenant(&directory, "demo", Profile::E3Root).await;
    let photos = user(&directory, demo, "photos").await;
    let (old, _) = key(&directory, photos, Level::Full).await;
    outcome(&directory, Command::DisableKey(old)).await;
    let rotate = Command::RotateKey {
        key: old,
        grace_seconds: 60,
    };
    let (new, _) = key_of(outcome(&directory, rotate).await);
    let state = directory.state();
    assert!(
        state.caller(&old).is_none(),
        "it would have begun to work again"
    );
    assert!(state.caller(&new).unwrap().works_at(UnixSeconds(0)));
}

#[tokio::test]
async fn the_rights_of_a_key_hold_at_their_bounds() {
    let house = House::new();
    let directory = house.open().await;
    let (demo, _) = tenant(&directory, "demo", Profile::E3Root).await;
    let photos = user(&directory, demo, "photos").await;
    let prefixes = |count: usize, bytes: usize| {
        let mut rights = KeyRights::of_level(Level::Read);
        rights.scope.prefixes = Some(vec!["p".repeat(bytes); count]);
        rights
    };
    let between = |begins: u64, ends: u64| KeyRights {
        not_before: Some(UnixSeconds(begins)),
        expires: Some(UnixSeconds(ends)),
        ..KeyRights::of_level(Level::Read)
    };
    let most = postern_config::limits::KEY_LIST_ENTRIES_MAX;
    let longest = s3_protocol::limits::KEY_BYTES_MAX;
    let create = |rights| Command::CreateKey {
        user: photos,
        rights,
    };
    for rights in [prefixes(most, 1), prefixes(1, longest), between(10, 11)] {
        outcome(&directory, create(rights)).await;
    }
    for rights in [
        prefixes(most + 1, 1),
        prefixes(1, longest + 1),
        between(10, 10),
        KeyRights {
            bypass_governance: true,
            ..KeyRights::of_level(Level::ReadWrite)
        },
    ] {
        let refused = refusal(&directory, create(rights)).await;
        assert!(matches!(refused, Refusal::Rights(_)), "{refused:?}");
    }
}

#[tokio::test]
async fn a_module_is_the_one_that_its_digest_names() {
    let house = House::new();
    let directory = house.open().await;
    let (demo, _) = tenant(&directory, "demo", Profile::E3Root).await;
    let push = |scope| Command::PushModule {
        scope,
        name: name("guard"),
        bytes: b"module".to_vec(),
        signature: None,
    };
    let Outcome::Module(digest) = outcome(&directory, push(ModuleScope::Platform)).await else {
        panic!()
    };
    // Two that have the same bytes share them: they go with the last.
    outcome(&directory, push(ModuleScope::Tenant(demo))).await;
    let retire = |scope| Command::RetireModule(scope, name("guard"), digest);
    outcome(&directory, retire(ModuleScope::Platform)).await;
    assert!(directory.module_bytes(digest).await.unwrap().is_some());

    let mut found = None;
    let rows = house.rows("").await;
    for row in &rows {
        if row.value == b"module" {
            found = Some(row.key.clone());
        }
    }
    let place = found.unwrap();
    house
        .tamper(Op::Put(place.clone(), b"another".to_vec()))
        .await;
    assert!(directory.module_bytes(digest).await.is_err());
    house.tamper(Op::Put(place, b"module".to_vec())).await;
    assert!(directory.module_bytes(digest).await.unwrap().is_some());
    outcome(&directory, retire(ModuleScope::Tenant(demo))).await;
    assert!(directory.module_bytes(digest).await.unwrap().is_none());
}

#[tokio::test]
async fn a_module_is_rolled_back_as_often_as_its_history_is_long() {
    let house = House::new();
    let directory = house.open().await;
    let scope = ModuleScope::Platform;
    let most = postern_config::limits::ROLLBACK_DIGESTS_MAX;
    for version in 0..most + 3 {
        let push = Command::PushModule {
            scope,
            name: name("guard"),
            bytes: version.to_string().into_bytes(),
            signature: None,
        };
        let Outcome::Module(digest) = outcome(&directory, push).await else {
            panic!()
        };
        let activate = Command::ActivateModule(scope, name("guard"), digest);
        outcome(&directory, activate).await;
    }
    let history = |directory: &Directory| {
        let state = directory.state();
        state.binding(scope, &name("guard")).unwrap().history.len()
    };
    assert_eq!(history(&directory), most);
    for left in (0..most).rev() {
        outcome(&directory, Command::RollbackModule(scope, name("guard"))).await;
        assert_eq!(history(&directory), left);
    }
}

#[tokio::test]
async fn a_key_that_is_written_over_to_a_user_of_another_account_is_nobodys() {
    let house = House::new();
    let directory = house.open().await;
    let (demo, _) = tenant(&directory, "demo", Profile::E3Root).await;
    let (other, _) = tenant(&directory, "other", Profile::E3Root).await;
    let thief = user(&directory, demo, "thief").await;
    let victim = user(&directory, other, "victim").await;
    let (id, _) = key(&directory, thief, Level::Full).await;
    assert!(directory.state().caller(&id).is_some());
    drop(directory);
    let rows = house.rows("dir/").await;
    let row = rows
        .iter()
        .find(|row| row.key.ends_with(id.as_str()))
        .unwrap();
    let mut value: serde_json::Value = serde_json::from_slice(&row.value).unwrap();
    value["user"] = serde_json::to_value(victim).unwrap();
    house
        .tamper(Op::Put(row.key.clone(), value.to_string().into_bytes()))
        .await;
    let state = house.open().await.state();
    assert!(state.key(&id).is_some() && state.caller(&id).is_none());
}
