//! An account as one file: written here, taken in there, and the same in both places.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use postern_config::directory::{
    AccountAcl, Actor, Command, CommandError, ContainerAcl, Directory, DirectoryOptions, FileFault,
    Import, ImportPlan, Keeps, KeyRights, Level, NewSubUser, NewUser, Outcome, Permissions,
    PolicyPlace, Profile, PublicAccess, RoleAtoms, RoleText, Secrets, SubUsers, TenantFile,
    TenantId, UserDetails, UserId, UserKind, Vault,
};
use postern_config::engine::EmbeddedEngine;
use postern_config::{Clock, Entropy, Secret, UnixMillis, UnixSeconds};
use proptest::prelude::*;
use s3_protocol::BucketId;

const PASSPHRASE: &str = "correct horse battery staple";

struct House {
    directory: Directory,
}

fn passphrase() -> Secret {
    Secret::new(PASSPHRASE.into())
}

impl House {
    async fn new(fill: u8) -> Self {
        let directory = Directory::open(DirectoryOptions {
            engine: Arc::new(EmbeddedEngine::in_memory().unwrap()),
            vault: Vault::new(&Secret::new(vec![fill; 32])).unwrap(),
            clock: Clock::new(|| UnixMillis(1_700_000_000_000)),
            entropy: Entropy::system(),
        });
        Self {
            directory: directory.await.unwrap(),
        }
    }

    async fn ask(&self, command: Command) -> Result<Outcome, CommandError> {
        let applied = self.directory.apply(command, Actor::system()).await;
        applied.map(|applied| applied.outcome)
    }

    async fn tenant(&self, name: &str, profile: Profile) -> (TenantId, UserId) {
        let create = Command::CreateTenant {
            name: name.parse().unwrap(),
            profile,
            parent: None,
        };
        match self.ask(create).await.unwrap() {
            Outcome::Tenant { tenant, root } => (tenant, root),
            other => panic!("{other:?}"),
        }
    }

    async fn user(&self, tenant: TenantId, number: usize) -> UserId {
        let new = NewUser {
            details: UserDetails {
                email: Some(format!("user{number}@example.com").parse().unwrap()),
                ..UserDetails::default()
            },
            ..NewUser::new(
                tenant,
                format!("user-{number}").parse().unwrap(),
                UserKind::Human,
            )
        };
        match self.ask(Command::CreateUser(new)).await.unwrap() {
            Outcome::User(id) => id,
            other => panic!("{other:?}"),
        }
    }

    /// None for an owner who may not have one: he is disabled.
    async fn bucket(&self, owner: UserId, name: &str) -> Option<BucketId> {
        let state = self.directory.state();
        let user = state.user(owner).unwrap();
        let namespace = user.namespace(state.tenant(user.tenant).unwrap().profile);
        let begin = Command::BeginBucket {
            namespace,
            name: name.parse().unwrap(),
            owner,
            keeps: Keeps::Nothing,
        };
        let Outcome::Bucket(id) = self.ask(begin).await.ok()? else {
            panic!("no bucket");
        };
        self.ask(Command::ActivateBucket(id)).await.unwrap();
        Some(id)
    }

    async fn file(&self, tenant: TenantId) -> TenantFile {
        let secrets = Secrets::Sealed(passphrase());
        self.directory.export_tenant(tenant, secrets).await.unwrap()
    }

    async fn import(&self, file: &TenantFile) -> Import {
        let import = self
            .directory
            .import(file.clone(), Some(passphrase()), None);
        import.await.unwrap()
    }

    async fn plan(&self, file: &TenantFile) -> ImportPlan {
        self.directory
            .plan_import(&self.import(file).await)
            .unwrap()
    }

    /// As the admin side does it: buckets first, then one command.
    async fn apply(&self, file: &TenantFile) -> Result<Outcome, CommandError> {
        let mut import = self.import(file).await;
        let missing = import.missing_buckets(&self.directory.state()).unwrap();
        for in_file in missing {
            let random = Entropy::system().bytes::<16>().unwrap();
            import.made(in_file, BucketId(u128::from_be_bytes(random)));
        }
        self.ask(Command::ApplyTenant(Box::new(import))).await
    }

    /// What counts for a decision, by names and ids of keys: whoever decides sees nothing else.
    fn decided(&self, name: &str) -> BTreeMap<String, String> {
        let state = self.directory.state();
        let tenant = state.tenant_named(&name.parse().unwrap()).unwrap();
        let mut all = BTreeMap::new();
        let user_name = |id: UserId| state.user(id).unwrap().name.to_string();
        for user in state.users(tenant.id) {
            for key in state.keys(user.id) {
                let caller = state.caller(&key.id).unwrap();
                let secret = state.open_secret(key).unwrap().lend(hex);
                let sub_user = caller
                    .sub_user
                    .map(|it| (it.name.clone(), it.level, it.status));
                let told = format!(
                    "{} {:?} {:?} {:?} {} {secret} {:?} {:?}",
                    user.name,
                    key.rights,
                    sub_user,
                    caller.works_at(UnixSeconds(1)),
                    state.standing(tenant) as u8,
                    state.role_atoms(user.role),
                    user.kind,
                );
                all.insert(key.id.to_string(), told);
            }
            for policy in state.user_policies(user.id) {
                let account = format!("{:012}", tenant.id.get());
                let text = policy.text.replace(&account, "ACCOUNT");
                all.insert(
                    format!("policy {} {}", user.name, policy.place.name()),
                    text,
                );
            }
            let namespace = user.namespace(tenant.profile);
            for bucket in state.buckets_of(namespace, tenant.id) {
                let acl = bucket.acl.as_ref().map(|acl| match acl {
                    ContainerAcl::PerUser(rows) => {
                        let rows = rows.iter().map(|(id, held)| (user_name(*id), *held));
                        format!("{:?}", rows.collect::<BTreeMap<_, _>>())
                    }
                    global @ ContainerAcl::Global { .. } => format!("{global:?}"),
                });
                let told = format!("{} {acl:?} {:?}", user_name(bucket.owner), bucket.public);
                all.insert(
                    format!("bucket {} {}", user_name(bucket.owner), bucket.name),
                    told,
                );
            }
        }
        let acl = tenant.acl.as_ref().map(|acl| match acl {
            AccountAcl::PerUser(rows) => {
                let rows = rows.iter().map(|(id, held)| (user_name(*id), *held));
                format!("{:?}", rows.collect::<BTreeMap<_, _>>())
            }
            global @ AccountAcl::Global(_) => format!("{global:?}"),
        });
        let told = format!(
            "{} {:?} {acl:?} {}",
            tenant.profile, tenant.write_deletes, tenant.block_public
        );
        all.insert("tenant".to_owned(), told);
        all
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An account with some of everything that its profile has.
async fn furnished(house: &House, profile: Profile, wishes: &[u8]) -> TenantId {
    let (tenant, root) = house.tenant("acme", profile).await;
    let mut made = Furnished {
        tenant,
        users: vec![root],
        buckets: Vec::new(),
    };
    for (number, wish) in wishes.iter().enumerate() {
        made.add(house, profile, number, *wish).await;
    }
    tenant
}

struct Furnished {
    tenant: TenantId,
    users: Vec<UserId>,
    buckets: Vec<BucketId>,
}

impl Furnished {
    /// One thing more. What the profile does not have is refused, which is no harm here.
    async fn add(&mut self, house: &House, profile: Profile, number: usize, wish: u8) {
        let tenant = self.tenant;
        let picked = self.users[usize::from(wish) % self.users.len()];
        let command = match wish % 12 {
            0 | 1 => return self.users.push(house.user(tenant, number).await),
            4 => {
                let name = format!("bucket-{number}");
                return self.buckets.extend(house.bucket(picked, &name).await);
            }
            5 => {
                if profile.rules().sub_users == SubUsers::Yes {
                    sub_user_with_a_key(house, picked, number).await;
                }
                return;
            }
            8 => return self.open_the_last_bucket(house).await,
            10 => return role_for(house, tenant, picked, number).await,
            2 | 3 => Command::CreateKey {
                user: picked,
                rights: KeyRights {
                    append_only: number.is_multiple_of(2),
                    ..KeyRights::of_level(Level::ALL[usize::from(wish) / 12 % 4])
                },
            },
            6 => Command::DisableUser(picked),
            7 => Command::SetAccountAcl(
                tenant,
                Some(AccountAcl::PerUser(self.everyone(Permissions::READ))),
            ),
            9 => Command::PutPolicy {
                place: PolicyPlace::User {
                    user: picked,
                    name: "own".parse().unwrap(),
                },
                text: format!(
                    "{{\"Statement\":[{{\"Effect\":\"Allow\",\"Principal\":\"arn:aws:iam::{:012}:root\"}}]}}",
                    tenant.get()
                ),
            },
            _ => Command::BlockPublic(tenant),
        };
        drop(house.ask(command).await);
    }

    async fn open_the_last_bucket(&self, house: &House) {
        if let Some(bucket) = self.buckets.last() {
            let public = Some(PublicAccess::everything());
            drop(house.ask(Command::SetPublicAccess(*bucket, public)).await);
            let acl = Some(ContainerAcl::PerUser(self.everyone(Permissions::ALL)));
            drop(house.ask(Command::SetContainerAcl(*bucket, acl)).await);
        }
    }

    fn everyone(&self, permissions: Permissions) -> BTreeMap<UserId, Permissions> {
        self.users.iter().map(|user| (*user, permissions)).collect()
    }
}

async fn sub_user_with_a_key(house: &House, user: UserId, number: usize) {
    let new = NewSubUser {
        user,
        name: format!("sub-{number}").parse().unwrap(),
        level: Level::Read,
        description: "a CDN".parse().unwrap(),
    };
    let Ok(Outcome::SubUser(sub_user)) = house.ask(Command::CreateSubUser(new)).await else {
        return;
    };
    let rights = KeyRights::of_level(Level::Read);
    drop(
        house
            .ask(Command::CreateSubUserKey { sub_user, rights })
            .await,
    );
}

async fn role_for(house: &House, tenant: TenantId, user: UserId, number: usize) {
    let role = RoleText {
        name: format!("role-{number}").parse().unwrap(),
        description: "made by a test".parse().unwrap(),
        atoms: RoleAtoms::default(),
    };
    if let Ok(Outcome::Role(id)) = house.ask(Command::CreateRole { tenant, role }).await {
        let role = postern_config::directory::Role::Custom(id);
        drop(house.ask(Command::SetUserRole(user, role)).await);
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever an account has, in an empty deployment it decides as it did, and neither place would change anything any more.
    #[test]
    fn an_account_is_the_same_where_its_file_is_taken_in(
        profile in prop::sample::select(Profile::ALL.to_vec()),
        wishes in prop::collection::vec(any::<u8>(), 0..24),
    ) {
        runtime().block_on(async {
            let here = House::new(1).await;
            // Numbers differ: something else was made before.
            here.tenant("before", Profile::E3Root).await;
            let tenant = furnished(&here, profile, &wishes).await;
            let file = here.file(tenant).await;
            assert_eq!(here.plan(&file).await.changes, []);

            let there = House::new(2).await;
            let planned = there.plan(&file).await;
            assert!(planned.changes.iter().all(|change| change.action == "create"));
            assert_eq!(there.directory.audits(), 0);
            there.apply(&file).await.unwrap();
            assert_eq!(there.directory.audits(), 1);
            assert_eq!(here.decided("acme"), there.decided("acme"));
            there.directory.verify_audit().await.unwrap();

            // Once more is nothing, there and back.
            assert_eq!(there.plan(&file).await.changes, []);
            let again = there.apply(&file).await;
            assert!(matches!(again, Err(CommandError::Refused(_))), "{again:?}");
            let state = there.directory.state();
            let id = state.tenant_named(&"acme".parse().unwrap()).unwrap().id;
            let back = there.file(id).await;
            assert_eq!(here.plan(&back).await.changes, []);
        });
    }
}

#[tokio::test]
async fn a_plan_says_what_would_change_and_apply_does_that_and_no_more() {
    let here = House::new(1).await;
    let (tenant, _) = here.tenant("acme", Profile::Sobject).await;
    let (web, other) = (here.user(tenant, 1).await, here.user(tenant, 2).await);
    let rights = KeyRights::of_level(Level::Read);
    let Outcome::Key { key, .. } = here
        .ask(Command::CreateKey { user: web, rights })
        .await
        .unwrap()
    else {
        panic!("no key");
    };
    let file = here.file(tenant).await;
    here.ask(Command::DisableUser(web)).await.unwrap();
    here.ask(Command::DeleteUser(other)).await.unwrap();
    here.user(tenant, 3).await;
    let plan = here.plan(&file).await;
    let told: Vec<String> = plan
        .changes
        .iter()
        .map(|it| {
            format!(
                "{} {} {} {}",
                it.action,
                it.kind,
                it.name,
                it.fields.join(",")
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "change user user-1 status",
            "create user user-2 ",
            "remove user user-3 "
        ]
    );
    here.apply(&file).await.unwrap();
    let state = here.directory.state();
    assert!(state.caller(&key).unwrap().works_at(UnixSeconds(1)));
    let named = |name: &str| state.user_named(tenant, &name.parse().unwrap()).is_some();
    assert!(named("user-2") && !named("user-3"));
    assert_eq!(here.plan(&file).await.changes, []);
}

#[tokio::test]
async fn what_has_changed_since_it_was_looked_at_is_not_taken_in() {
    let here = House::new(1).await;
    let (tenant, _) = here.tenant("acme", Profile::Sobject).await;
    let user = here.user(tenant, 1).await;
    let file = here.file(tenant).await;
    here.ask(Command::DisableUser(user)).await.unwrap();
    let tag = here.plan(&file).await.tag;
    here.user(tenant, 2).await;
    let before = here.directory.state().revision();
    let import = here
        .directory
        .import(file, Some(passphrase()), tag)
        .await
        .unwrap();
    let refused = here.ask(Command::ApplyTenant(Box::new(import))).await;
    assert!(
        matches!(refused, Err(CommandError::Stale { .. })),
        "{refused:?}"
    );
    assert_eq!(here.directory.state().revision(), before);
}

#[tokio::test]
async fn secrets_are_sealed_under_the_passphrase_or_not_there() {
    let here = House::new(1).await;
    let (tenant, root) = here.tenant("acme", Profile::E3Root).await;
    let rights = KeyRights::of_level(Level::Full);
    let Outcome::Key { key, secret } = here
        .ask(Command::CreateKey { user: root, rights })
        .await
        .unwrap()
    else {
        panic!("no key");
    };
    let secret = secret.lend(|it| String::from_utf8(it.to_vec()).unwrap());
    let file = here.file(tenant).await;
    assert!(!serde_json::to_string(&file).unwrap().contains(&secret));
    let there = House::new(2).await;
    let none = there.directory.import(file.clone(), None, None).await;
    assert!(matches!(none, Err(FileFault::Passphrase(_))));
    let wrong = Secret::new(b"another passphrase".to_vec());
    let wrong = there
        .directory
        .import(file.clone(), Some(wrong), None)
        .await
        .unwrap();
    let refused = there.directory.plan_import(&wrong);
    assert!(matches!(refused, Err(FileFault::Passphrase(_))));

    let bare = here
        .directory
        .export_tenant(tenant, Secrets::Omitted)
        .await
        .unwrap();
    assert!(!serde_json::to_string(&bare).unwrap().contains("sealed"));
    // Here nothing changes; there the key is not made, and that is said.
    assert_eq!(here.plan(&bare).await.changes, []);
    let plan = there.plan(&bare).await;
    assert!(plan.notes.iter().any(|note| note.contains(key.as_str())));
    there.apply(&bare).await.unwrap();
    assert!(there.directory.state().key(&key).is_none());
}

#[tokio::test]
async fn a_file_that_would_break_an_invariant_changes_nothing() {
    let here = House::new(1).await;
    let (tenant, _) = here.tenant("acme", Profile::Sobject).await;
    let user = here.user(tenant, 1).await;
    let rights = KeyRights::of_level(Level::Read);
    here.ask(Command::CreateKey { user, rights }).await.unwrap();
    let file = here.file(tenant).await;
    let bent = |bend: &dyn Fn(&mut serde_json::Value)| {
        let mut value = serde_json::to_value(&file).unwrap();
        bend(&mut value);
        serde_json::from_value::<TenantFile>(value).unwrap()
    };
    let find = |value: &serde_json::Value, kind: &str, nth: usize| {
        let records = value["records"].as_array().unwrap();
        let mut found = records
            .iter()
            .enumerate()
            .filter(|(_, it)| it["kind"] == kind);
        found.nth(nth).unwrap().0
    };
    let set = |kind: &'static str, nth, pointer: &'static str, to: serde_json::Value| {
        bent(&move |value: &mut serde_json::Value| {
            let at = find(value, kind, nth);
            *value
                .pointer_mut(&format!("/records/{at}/record{pointer}"))
                .unwrap() = to.clone();
        })
    };
    let wrong = [
        // Two owners; a user of another name twice; a write_deletes or profile above; another tenant's number; a job.
        set("user", 1, "/kind", "root".into()),
        set("user", 1, "/role", "owner".into()),
        set("user", 1, "/name", "ROOT".into()),
        set("user", 1, "/tenant", 99.into()),
        set("user", 1, "/role", serde_json::json!({ "custom": 7 })),
        set("key", 0, "/user", 99.into()),
        set("key", 0, "/rights/bypass_governance", true.into()),
        set("tenant", 0, "/profile", "vpsa".into()),
        set("tenant", 0, "/status", "closed".into()),
        bent(&|value| value["records"][0]["kind"] = "job".into()),
        bent(&|value| {
            let at = find(value, "user", 1);
            let again = value["records"][at].clone();
            value["records"].as_array_mut().unwrap().push(again);
        }),
        bent(&|value| value["version"] = 2.into()),
    ];
    for (number, wrong) in wrong.into_iter().enumerate() {
        for house in [&here, &House::new(2).await] {
            // What a profile allows by itself may be right where there is no account yet.
            if number == 7 && house.directory.audits() == 0 {
                continue;
            }
            let before = house.directory.state().revision();
            let import = house
                .directory
                .import(wrong.clone(), Some(passphrase()), None)
                .await;
            let refused = match import {
                Ok(import) => house
                    .ask(Command::ApplyTenant(Box::new(import)))
                    .await
                    .is_err(),
                Err(_) => true,
            };
            assert!(refused, "{number}");
            assert_eq!(house.directory.state().revision(), before, "{number}");
        }
    }
}

#[tokio::test]
async fn a_key_that_another_tenant_has_is_not_taken_from_it() {
    let here = House::new(1).await;
    let (tenant, root) = here.tenant("acme", Profile::E3Root).await;
    let rights = KeyRights::of_level(Level::Full);
    here.ask(Command::CreateKey { user: root, rights })
        .await
        .unwrap();
    let file = here.file(tenant).await;
    here.ask(Command::RenameTenant(tenant, "other".parse().unwrap()))
        .await
        .unwrap();
    let refused = here.apply(&file).await;
    assert!(
        matches!(refused, Err(CommandError::Taken { .. })),
        "{refused:?}"
    );
}
