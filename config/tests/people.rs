//! Sub-users, roles, permissions and accounts below accounts, through the directory's commands.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use postern_config::decisions::Atom;
use postern_config::directory::{
    AccessKeyId, AccountAcl, Actor, Authority, Command, CommandError, ConsoleAtom, ContainerAcl,
    Description, Directory, DirectoryOptions, Keeps, KeyRights, Level, Name, NamespaceId,
    NewSubUser, NewUser, Outcome, Permissions, Profile, PublicAccess, Refusal, Role, RoleAtoms,
    RoleText, SubUserId, TenantId, TenantLimits, TenantStatus, UserDetails, UserId, UserKind,
    Vault, Who,
};
use postern_config::engine::{EmbeddedEngine, Engine, Op};
use postern_config::{Clock, Entropy, Secret, UnixMillis, UnixSeconds};

struct House {
    directory: Directory,
    engine: EmbeddedEngine,
}

impl House {
    async fn new() -> Self {
        let engine = EmbeddedEngine::in_memory().unwrap();
        Self {
            directory: open(&engine).await,
            engine,
        }
    }

    async fn reopened(self) -> Self {
        Self {
            directory: open(&self.engine).await,
            engine: self.engine,
        }
    }

    async fn ask(&self, command: Command) -> Result<Outcome, CommandError> {
        self.ask_as(command, Actor::system()).await
    }

    async fn ask_as(&self, command: Command, actor: Actor) -> Result<Outcome, CommandError> {
        let before = audits(&self.directory).await;
        let applied = self.directory.apply(command, actor).await;
        // I11: a change is one audit record, and what is refused is none; a sweep may follow with records of its own.
        let after = audits(&self.directory).await;
        assert_eq!(applied.is_ok(), after > before, "{before} {after}");
        applied.map(|applied| applied.outcome)
    }

    async fn done(&self, command: Command) {
        self.ask(command).await.unwrap();
    }

    async fn refused(&self, command: Command) -> Refusal {
        refusal(self.ask(command).await)
    }

    async fn tenant(&self, text: &str, profile: Profile) -> (TenantId, UserId) {
        self.child(text, profile, None).await
    }

    async fn child(
        &self,
        text: &str,
        profile: Profile,
        parent: Option<TenantId>,
    ) -> (TenantId, UserId) {
        let name = name(text);
        let create = Command::CreateTenant {
            name,
            profile,
            parent,
        };
        match self.ask(create).await.unwrap() {
            Outcome::Tenant { tenant, root } => (tenant, root),
            other => panic!("{other:?}"),
        }
    }

    async fn user(&self, tenant: TenantId, text: &str) -> UserId {
        self.make(NewUser::new(tenant, name(text), UserKind::Service))
            .await
    }

    async fn make(&self, new: NewUser) -> UserId {
        match self.ask(Command::CreateUser(new)).await.unwrap() {
            Outcome::User(user) => user,
            other => panic!("{other:?}"),
        }
    }

    async fn sub_user(&self, user: UserId, text: &str, level: Level) -> SubUserId {
        match self.ask(new_sub_user(user, text, level)).await.unwrap() {
            Outcome::SubUser(id) => id,
            other => panic!("{other:?}"),
        }
    }

    async fn key(&self, command: Command) -> AccessKeyId {
        match self.ask(command).await.unwrap() {
            Outcome::Key { key, .. } => key,
            other => panic!("{other:?}"),
        }
    }

    fn works(&self, key: &AccessKeyId) -> bool {
        let state = self.directory.state();
        let caller = state.caller(key);
        caller.is_some_and(|caller| caller.works_at(UnixSeconds(1)))
    }
}

async fn open(engine: &EmbeddedEngine) -> Directory {
    Directory::open(DirectoryOptions {
        engine: Arc::new(engine.clone()),
        vault: Vault::new(&Secret::new(vec![7; 32])).unwrap(),
        clock: Clock::new(|| UnixMillis(1_700_000_000_000)),
        entropy: Entropy::system(),
    })
    .await
    .unwrap()
}

async fn audits(directory: &Directory) -> u64 {
    let found = directory.audit_search(1, |_| true).await.unwrap();
    found.first().map_or(0, |record| record.sequence)
}

fn refusal(answer: Result<Outcome, CommandError>) -> Refusal {
    match answer {
        Err(CommandError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn new_sub_user(user: UserId, text: &str, level: Level) -> Command {
    Command::CreateSubUser(NewSubUser {
        user,
        name: name(text),
        level,
        description: Description::default(),
    })
}

fn key_of(user: UserId, level: Level) -> Command {
    Command::CreateKey {
        user,
        rights: KeyRights::of_level(level),
    }
}

fn sub_key(sub_user: SubUserId, level: Level) -> Command {
    Command::CreateSubUserKey {
        sub_user,
        rights: KeyRights::of_level(level),
    }
}

fn by_key(tenant: TenantId, user: UserId, key: AccessKeyId) -> Actor {
    Actor {
        who: Who::Key { tenant, user, key },
        address: None,
        request: None,
    }
}

/// 000-05, 000-06: a user has sub-users with levels, which can be changed, and keys of their own.
#[tokio::test]
async fn a_sub_user_lives_from_creation_to_sweep() {
    let house = House::new().await;
    let (tenant, _) = house.tenant("demo", Profile::E3Primary).await;
    let user = house.user(tenant, "acme").await;
    let scanner = house.sub_user(user, "scanner", Level::Write).await;
    let key = house.key(sub_key(scanner, Level::Write)).await;
    let own = house.key(key_of(user, Level::Full)).await;
    let house = house.reopened().await;
    {
        let state = house.directory.state();
        let found = state.caller(&key).unwrap();
        assert_eq!(found.user.id, user);
        assert_eq!(found.sub_user.unwrap().id, scanner);
        assert_eq!(found.namespace(), NamespaceId::User(tenant, user));
        assert_eq!(state.sub_users(user).count(), 1);
        assert_eq!(state.sub_user_keys(scanner).count(), 1);
        assert_eq!(
            (state.own_keys(user).count(), state.keys(user).count()),
            (1, 2)
        );
        let same = state.sub_user_named(user, &name("SCANNER")).unwrap();
        assert_eq!(same.id, scanner);
    }
    let again = house.ask(new_sub_user(user, "Scanner", Level::Read)).await;
    assert!(matches!(
        again,
        Err(CommandError::Taken {
            what: "sub-user",
            ..
        })
    ));
    house
        .done(Command::SetSubUserLevel(scanner, Level::Read))
        .await;
    house
        .done(Command::RenameSubUser(scanner, name("reader")))
        .await;
    assert_eq!(
        house.directory.state().sub_user(scanner).unwrap().level,
        Level::Read
    );

    // What is deleted does not work from then on, and leaves nothing behind.
    house.done(Command::DeleteSubUser(scanner)).await;
    let state = house.directory.state();
    assert!(state.sub_user(scanner).is_none() && state.key(&key).is_none());
    assert!(house.works(&own));
    assert_eq!(state.sub_users(user).count(), 0);
    let house = house.reopened().await;
    assert!(house.directory.state().key(&key).is_none());
    assert!(house.directory.verify_audit().await.unwrap() > 0);
}

/// I7: with a user all his sub-users stop, with a sub-user he alone; enabling gives back exactly what was there.
#[tokio::test]
async fn who_is_disabled_stops_with_all_below_him_and_comes_back_as_he_was() {
    let house = House::new().await;
    let (tenant, _) = house.tenant("demo", Profile::E3Primary).await;
    let user = house.user(tenant, "acme").await;
    let sub = house.sub_user(user, "cdn", Level::Read).await;
    let (own, below) = (
        house.key(key_of(user, Level::Full)).await,
        house.key(sub_key(sub, Level::Read)).await,
    );
    let before = house.directory.state().key(&below).unwrap().rights.clone();
    house.done(Command::DisableSubUser(sub)).await;
    assert!(house.works(&own) && !house.works(&below));
    assert_eq!(
        house.refused(sub_key(sub, Level::Read)).await,
        Refusal::Inactive
    );
    house.done(Command::EnableSubUser(sub)).await;
    house.done(Command::DisableUser(user)).await;
    assert!(!house.works(&own) && !house.works(&below));
    house.done(Command::EnableUser(user)).await;
    assert!(house.works(&own) && house.works(&below));
    let state = house.directory.state();
    assert_eq!(state.key(&below).unwrap().rights, before);
    assert_eq!(state.sub_user(sub).unwrap().level, Level::Read);
}

/// 002-17: one key pair a sub-user; a replaced one leaves room for its successor alone.
#[tokio::test]
async fn a_profile_bounds_the_keys_of_a_sub_user() {
    let house = House::new().await;
    let (tenant, _) = house.tenant("demo", Profile::Sobject).await;
    let user = house.user(tenant, "acme").await;
    let sub = house.sub_user(user, "ci", Level::ReadWrite).await;
    let first = house.key(sub_key(sub, Level::ReadWrite)).await;
    assert_eq!(
        house.refused(sub_key(sub, Level::Read)).await,
        Refusal::Keys
    );
    let rotated = house
        .key(Command::RotateKey {
            key: first,
            grace_seconds: 60,
        })
        .await;
    assert_eq!(
        house.directory.state().key(&rotated).unwrap().sub_user,
        Some(sub)
    );
    assert_eq!(
        house.refused(sub_key(sub, Level::Read)).await,
        Refusal::Keys
    );
    // The user himself is not bounded here.
    house.key(key_of(user, Level::Full)).await;
    house.key(key_of(user, Level::Full)).await;
}

/// I6: a key is made with at most the level of its sub-user; 000-06 in profiles that have none, nothing is made.
#[tokio::test]
async fn nothing_below_is_made_with_more_than_what_stands_above() {
    let house = House::new().await;
    let (tenant, _) = house.tenant("demo", Profile::E3Primary).await;
    let user = house.user(tenant, "acme").await;
    let sub = house.sub_user(user, "cdn", Level::Read).await;
    for level in [Level::Full, Level::ReadWrite, Level::Write] {
        assert_eq!(
            house.refused(sub_key(sub, level)).await,
            Refusal::MoreThanParent
        );
    }
    let key = house.key(sub_key(sub, Level::Read)).await;
    let wider = Command::SetKeyRights(key, KeyRights::of_level(Level::Full));
    assert_eq!(house.refused(wider).await, Refusal::MoreThanParent);
    let (other, _) = house.tenant("other", Profile::E3Root).await;
    let photos = house.user(other, "photos").await;
    assert_eq!(
        house
            .refused(new_sub_user(photos, "cdn", Level::Read))
            .await,
        Refusal::NoSubUsers
    );
    // The holder of a Read key makes nothing wider than that.
    let narrow = house.key(key_of(user, Level::Read)).await;
    let wide = house.key(key_of(user, Level::Full)).await;
    let maker = by_key(tenant, user, narrow);
    for command in [
        key_of(user, Level::ReadWrite),
        new_sub_user(user, "x", Level::Full),
        Command::SetSubUserLevel(sub, Level::Write),
        Command::RotateKey {
            key: wide,
            grace_seconds: 0,
        },
    ] {
        let answer = house.ask_as(command, maker.clone()).await;
        assert_eq!(refusal(answer), Refusal::MoreThanMaker);
    }
    house
        .ask_as(key_of(user, Level::Read), maker)
        .await
        .unwrap();
}

fn person(tenant: TenantId, text: &str, role: Option<Role>) -> NewUser {
    NewUser {
        role,
        details: UserDetails {
            email: Some(format!("{text}@example.com").parse().unwrap()),
            ..UserDetails::default()
        },
        ..NewUser::new(tenant, name(text), UserKind::Human)
    }
}

/// 004-17, 004-24, 004-27: exactly one role, given by who has at least as much.
#[tokio::test]
async fn roles_are_given_by_who_has_them() {
    let house = House::new().await;
    let (tenant, root) = house.tenant("org", Profile::Datastream).await;
    let admin = house.make(person(tenant, "ada", Some(Role::Admin))).await;
    let reader = house.make(person(tenant, "rex", None)).await;
    let state = house.directory.state();
    assert_eq!(state.user(root).unwrap().role, Role::Owner);
    assert_eq!(state.user(reader).unwrap().role, Role::Reader);
    drop(state);
    // A reader's keys are at most Read.
    assert_eq!(
        house.refused(key_of(reader, Level::ReadWrite)).await,
        Refusal::MoreThanParent
    );
    let of_reader = house.key(key_of(reader, Level::Read)).await;
    let of_admin = house.key(key_of(admin, Level::Full)).await;
    let give = |user, role| Command::SetUserRole(user, role);
    let answer = house
        .ask_as(
            give(reader, Role::Contributor),
            by_key(tenant, reader, of_reader),
        )
        .await;
    assert_eq!(refusal(answer), Refusal::NotPermitted);
    let as_admin = by_key(tenant, admin, of_admin);
    house
        .ask_as(give(reader, Role::Contributor), as_admin.clone())
        .await
        .unwrap();
    for (user, role) in [(root, Role::Reader), (reader, Role::Owner)] {
        assert_eq!(
            house.refused(give(user, role)).await,
            Refusal::OwnerIsTransferred
        );
    }
    assert_eq!(
        house.refused(give(reader, Role::Member)).await,
        Refusal::NoSuchRole
    );
    // An owner is not made by creating one.
    assert_eq!(
        house
            .refused(Command::CreateUser(person(
                tenant,
                "eve",
                Some(Role::Owner)
            )))
            .await,
        Refusal::OwnerIsTransferred
    );
    // Profiles without roles have members and nothing else.
    let (storage, _) = house.tenant("storage", Profile::E3Root).await;
    let user = house.user(storage, "photos").await;
    assert_eq!(
        house.directory.state().user(user).unwrap().role,
        Role::Member
    );
    assert_eq!(
        house.refused(give(user, Role::Reader)).await,
        Refusal::NoSuchRole
    );
}

fn text(called: &str, data: &[Atom], console: &[ConsoleAtom]) -> RoleText {
    RoleText {
        name: name(called),
        description: Description::default(),
        atoms: RoleAtoms {
            data: data.iter().copied().collect(),
            console: console.iter().copied().collect(),
        },
    }
}

/// 004-18: an organization makes roles of its own; nobody makes one with more than he has.
#[tokio::test]
async fn a_role_is_made_changed_and_removed_when_nobody_has_it() {
    let house = House::new().await;
    let (tenant, _) = house.tenant("org", Profile::Datastream).await;
    let uploads = text("uploader", &[Atom::ObjWrite, Atom::BktFind], &[]);
    let create = |role| Command::CreateRole { tenant, role };
    let Outcome::Role(role) = house.ask(create(uploads.clone())).await.unwrap() else {
        panic!()
    };
    for taken in ["Uploader", "Reader", "owner"] {
        let again = house.ask(create(text(taken, &[], &[]))).await;
        assert!(matches!(
            again,
            Err(CommandError::Taken { what: "role", .. })
        ));
    }
    let user = house
        .make(person(tenant, "uma", Some(Role::Custom(role))))
        .await;
    let key = house.key(key_of(user, Level::Write)).await;
    assert_eq!(
        house.refused(key_of(user, Level::Read)).await,
        Refusal::MoreThanParent
    );
    assert_eq!(
        house.refused(Command::DeleteRole(role)).await,
        Refusal::RoleInUse
    );
    let shapes = text("shaper", &[Atom::BktFind], &[ConsoleAtom::RoleEdit]);
    house.done(Command::ChangeRole(role, shapes)).await;
    let maker = by_key(tenant, user, key);
    assert_eq!(
        refusal(house.ask_as(create(uploads), maker.clone()).await),
        Refusal::MoreThanMaker
    );
    let narrower = text("finder", &[Atom::BktFind], &[]);
    house.ask_as(create(narrower), maker.clone()).await.unwrap();
    let Authority::User { atoms, .. } = house.directory.state().authority(&maker) else {
        panic!()
    };
    assert!(atoms.data.contains(&Atom::BktFind) && !atoms.data.contains(&Atom::ObjWrite));
    let house = house.reopened().await;
    assert_eq!(house.directory.state().roles(tenant).count(), 2);
    house.done(Command::SetUserRole(user, Role::Reader)).await;
    house.done(Command::DeleteRole(role)).await;
    assert!(house.directory.state().role(role).is_none());
    let elsewhere = house.tenant("storage", Profile::Vpsa).await.0;
    let refused = house
        .refused(Command::CreateRole {
            tenant: elsewhere,
            role: text("x", &[], &[]),
        })
        .await;
    assert_eq!(refused, Refusal::NoSuchRole);
}

/// I1, 004-09, 004-26: one owner, always active, never deleted or demoted; the role goes over in one step.
#[tokio::test]
async fn the_owner_stays_until_another_takes_his_place() {
    let house = House::new().await;
    let (tenant, root) = house.tenant("org", Profile::Datastream).await;
    let heir = house.make(person(tenant, "ann", None)).await;
    let robot = house.user(tenant, "robot").await;
    for command in [Command::DisableUser(root), Command::DeleteUser(root)] {
        assert_eq!(house.refused(command).await, Refusal::RootStays);
    }
    let transfer = |to| Command::TransferOwnership { tenant, to };
    assert_eq!(
        house.refused(transfer(robot)).await,
        Refusal::OwnerIsAPerson
    );
    let key = house.key(key_of(heir, Level::Read)).await;
    let himself = house
        .ask_as(transfer(heir), by_key(tenant, heir, key))
        .await;
    assert_eq!(refusal(himself), Refusal::NotPermitted);
    house.done(transfer(heir)).await;
    let house = house.reopened().await;
    let state = house.directory.state();
    assert_eq!(state.root(tenant).unwrap().id, heir);
    assert_eq!(state.user(heir).unwrap().role, Role::Owner);
    let before = state.user(root).unwrap();
    assert_eq!((before.kind, before.role), (UserKind::Human, Role::Admin));
    drop(state);
    house.done(Command::DisableUser(root)).await;
    assert_eq!(
        house.refused(Command::DeleteUser(heir)).await,
        Refusal::RootStays
    );
    let (storage, _) = house.tenant("storage", Profile::E3Root).await;
    let to = house
        .make(NewUser::new(storage, name("ben"), UserKind::Human))
        .await;
    let stays = Command::TransferOwnership {
        tenant: storage,
        to,
    };
    assert_eq!(house.refused(stays).await, Refusal::OwnerStays);
}

/// I3, 003-05, 003-11, 003-12: permissions are for all members or for each, and one gives way to the other.
#[tokio::test]
async fn account_permissions_are_of_one_kind_at_a_time() {
    let house = House::new().await;
    let (tenant, _) = house.tenant("vpsa", Profile::Vpsa).await;
    let (ann, ben) = (
        house.user(tenant, "ann").await,
        house.user(tenant, "ben").await,
    );
    let held = |house: &House, user| {
        let state = house.directory.state();
        let acl = state.tenant(tenant).unwrap().account_acl().unwrap();
        acl.held_by(user)
    };
    assert_eq!(held(&house, ann), Permissions::ALL);
    let each = AccountAcl::PerUser(BTreeMap::from([(ann, Permissions::READ)]));
    house
        .done(Command::SetAccountAcl(tenant, Some(each.clone())))
        .await;
    let house = house.reopened().await;
    assert_eq!(held(&house, ann), Permissions::READ);
    assert_eq!(held(&house, ben), Permissions::NONE);
    let record = house.directory.audit_search(1, |_| true).await.unwrap();
    let detail = &record.first().unwrap().detail;
    assert_eq!(detail["changes_kind"], true, "{detail}");
    house.done(Command::SetAccountAcl(tenant, None)).await;
    assert_eq!(held(&house, ben), Permissions::ALL);
    // Members of other accounts are not named, and other profiles have no such permissions.
    let (other, root) = house.tenant("other", Profile::Sobject).await;
    let foreign = AccountAcl::PerUser(BTreeMap::from([(root, Permissions::ALL)]));
    let answer = house
        .ask(Command::SetAccountAcl(tenant, Some(foreign)))
        .await;
    assert!(matches!(answer, Err(CommandError::NotFound { .. })));
    assert_eq!(
        house
            .refused(Command::SetAccountAcl(other, Some(each)))
            .await,
        Refusal::NoPermissions
    );
}

/// 003-14, 003-15, 003-16, 003-17: the same for containers, and a switch that makes them public where the profile has one.
#[tokio::test]
async fn container_permissions_and_public_access_are_the_containers() {
    let house = House::new().await;
    let (tenant, root) = house.tenant("vpsa", Profile::Vpsa).await;
    let begin = Command::BeginBucket {
        namespace: NamespaceId::Account(tenant),
        name: "photos".parse().unwrap(),
        owner: root,
        keeps: Keeps::Nothing,
    };
    let Outcome::Bucket(bucket) = house.ask(begin).await.unwrap() else {
        panic!()
    };
    let public = Command::SetPublicAccess(bucket, Some(PublicAccess::everything()));
    assert_eq!(house.refused(public).await, Refusal::BucketState);
    house.done(Command::ActivateBucket(bucket)).await;
    let acl = ContainerAcl::Global {
        all_users: Permissions::NONE,
        members: Permissions::READ,
    };
    house
        .done(Command::SetContainerAcl(bucket, Some(acl.clone())))
        .await;
    let public = PublicAccess::everything();
    house
        .done(Command::SetPublicAccess(bucket, Some(public.clone())))
        .await;
    let house = house.reopened().await;
    let state = house.directory.state();
    let found = state.bucket_by_id(bucket).unwrap();
    assert_eq!(
        (found.acl.as_ref(), found.public.as_ref()),
        (Some(&acl), Some(&public))
    );
    drop(state);
    let (sobject, owner) = house.tenant("sobject", Profile::Sobject).await;
    let begin = Command::BeginBucket {
        namespace: NamespaceId::Account(sobject),
        name: "photos".parse().unwrap(),
        owner,
        keeps: Keeps::Nothing,
    };
    let Outcome::Bucket(other) = house.ask(begin).await.unwrap() else {
        panic!()
    };
    house.done(Command::ActivateBucket(other)).await;
    assert_eq!(
        house
            .refused(Command::SetPublicAccess(other, Some(public)))
            .await,
        Refusal::NotPublic
    );
    assert_eq!(
        house
            .refused(Command::SetContainerAcl(other, Some(acl)))
            .await,
        Refusal::NoPermissions
    );
}

/// A reseller's accounts stand below it, and it stays as long as they do.
#[tokio::test]
async fn accounts_stand_below_accounts_one_deep() {
    let house = House::new().await;
    let (reseller, _) = house.tenant("reseller", Profile::E3Root).await;
    let (customer, _) = house
        .child("customer", Profile::Sobject, Some(reseller))
        .await;
    let deeper = Command::CreateTenant {
        name: name("deeper"),
        profile: Profile::E3Root,
        parent: Some(customer),
    };
    assert_eq!(house.refused(deeper).await, Refusal::TooDeep);
    assert_eq!(
        house.refused(Command::DeleteTenant(reseller)).await,
        Refusal::HasChildren
    );
    let house = house.reopened().await;
    let children: Vec<TenantId> = {
        let state = house.directory.state();
        state.children(reseller).map(|child| child.id).collect()
    };
    assert_eq!(children, [customer]);
    house.done(Command::DeleteTenant(customer)).await;
    house.done(Command::DeleteTenant(reseller)).await;
    assert_eq!(house.directory.state().tenants().count(), 0);
    assert!(house.engine.now().await.is_ok());
}

#[tokio::test]
async fn an_account_is_renamed_described_bounded_and_held_to_reading() {
    let house = House::new().await;
    let (tenant, _) = house.tenant("demo", Profile::E3Primary).await;
    let (_, _) = house.tenant("other", Profile::E3Root).await;
    let rename = |text| Command::RenameTenant(tenant, name(text));
    let taken = house.ask(rename("Other")).await;
    assert!(matches!(
        taken,
        Err(CommandError::Taken { what: "tenant", .. })
    ));
    house.done(rename("Demo")).await;
    house.done(rename("acme")).await;
    let found = house.directory.state().tenant_named(&name("ACME")).cloned();
    assert_eq!(found.unwrap().id, tenant);
    assert!(
        house
            .directory
            .state()
            .tenant_named(&name("demo"))
            .is_none()
    );
    let said = "the customer in the north".parse().unwrap();
    house.done(Command::DescribeTenant(tenant, said)).await;

    let limits = TenantLimits {
        users: Some(2),
        keys: Some(1),
    };
    house.done(Command::SetTenantLimits(tenant, limits)).await;
    let user = house.user(tenant, "one").await;
    let two = Command::CreateUser(NewUser::new(tenant, name("two"), UserKind::Service));
    assert_eq!(house.refused(two).await, Refusal::Users);
    let key = house.key(key_of(user, Level::Read)).await;
    assert_eq!(
        house.refused(key_of(user, Level::Read)).await,
        Refusal::Keys
    );
    house.done(Command::MakeTenantReadOnly(tenant)).await;
    assert!(house.works(&key));
    assert_eq!(
        house.refused(new_sub_user(user, "x", Level::Read)).await,
        Refusal::Inactive
    );
    house.done(Command::SuspendTenant(tenant)).await;
    assert!(!house.works(&key));
    house.done(Command::ResumeTenant(tenant)).await;
    assert!(house.works(&key));
    let status = house.directory.state().tenant(tenant).unwrap().status;
    assert_eq!(status, TenantStatus::Active);
}

/// I10, 004-12, 004-14: names and addresses are one user's, without regard to case.
#[tokio::test]
async fn a_user_is_renamed_and_has_an_address_of_his_own() {
    let house = House::new().await;
    let (tenant, _) = house.tenant("org", Profile::Datastream).await;
    let ann = house.make(person(tenant, "ann", None)).await;
    let ben = house.make(person(tenant, "ben", None)).await;
    let taken = |answer| matches!(answer, Err(CommandError::Taken { what, .. }) if what == "e-mail address");
    let mut copy = person(tenant, "eve", None);
    copy.details.email = Some("ANN@example.com".parse().unwrap());
    assert!(taken(house.ask(Command::CreateUser(copy.clone())).await));
    assert!(taken(
        house
            .ask(Command::SetUserDetails(ben, copy.details.clone()))
            .await
    ));
    let nameless = Command::CreateUser(NewUser::new(tenant, name("zoe"), UserKind::Human));
    assert_eq!(house.refused(nameless).await, Refusal::EmailNeeded);
    let details = UserDetails {
        email: Some("ann@example.org".parse().unwrap()),
        full_name: "Ann Lee".parse().unwrap(),
        timezone: Some("Europe/Berlin".parse().unwrap()),
        language: Some("de-AT".parse().unwrap()),
    };
    house
        .done(Command::SetUserDetails(ann, details.clone()))
        .await;
    let house = house.reopened().await;
    let state = house.directory.state();
    assert_eq!(state.user(ann).unwrap().details, details);
    let found = |text: &str| state.user_with_email(tenant, &text.parse().unwrap());
    assert_eq!(found("Ann@Example.org").unwrap().id, ann);
    assert!(found("ann@example.com").is_none());
    // What was hers is free again.
    house.make(copy).await;
    let clash = house.ask(Command::RenameUser(ann, name("BEN"))).await;
    assert!(matches!(
        clash,
        Err(CommandError::Taken { what: "user", .. })
    ));
    house.done(Command::RenameUser(ann, name("anna"))).await;
    let state = house.directory.state();
    assert!(state.user_named(tenant, &name("ann")).is_none());
    assert_eq!(state.user_named(tenant, &name("ANNA")).unwrap().id, ann);
    // The audit log says that an address changed, and not to what: it cannot be forgotten there.
    let records = house.directory.audit_search(100, |_| true).await.unwrap();
    let told = format!("{records:?}");
    assert!(
        !told.contains("example.org") && !told.contains("Ann Lee"),
        "{told}"
    );
}

/// A record that was written before there were roles and sub-users opens, and its root is its owner.
#[tokio::test]
async fn records_of_an_earlier_version_open() {
    let house = House::new().await;
    let (tenant, root) = house.tenant("demo", Profile::Datastream).await;
    let new_fields = [
        "role",
        "details",
        "parent",
        "limits",
        "acl",
        "block_public",
        "sub_user",
        "description",
    ];
    let now = house.engine.now().await.unwrap();
    for (prefix, keeps) in [
        (format!("dir/{tenant}/user/"), "description"),
        (format!("dir/{tenant}/account"), ""),
    ] {
        let page = house.engine.page(prefix, now, None, 10).await.unwrap();
        for row in page.rows {
            let mut value: serde_json::Value = serde_json::from_slice(&row.value).unwrap();
            let object = value.as_object_mut().unwrap();
            object.retain(|field, _| field == keeps || !new_fields.contains(&field.as_str()));
            let op = Op::Put(row.key, serde_json::to_vec(&value).unwrap());
            house.engine.txn(Vec::new(), vec![op]).await.unwrap();
        }
    }
    let house = house.reopened().await;
    let state = house.directory.state();
    assert_eq!(state.user(root).unwrap().role, Role::Owner);
    assert_eq!(state.tenant(tenant).unwrap().parent, None);
}

#[tokio::test]
async fn a_reseller_that_is_stopped_stops_its_customers() {
    let house = House::new().await;
    let (reseller, _) = house.tenant("reseller", Profile::E3Primary).await;
    let (customer, root) = house
        .child("customer", Profile::E3Primary, Some(reseller))
        .await;
    let (_, stranger) = house.tenant("stranger", Profile::E3Primary).await;
    let mut keys = Vec::new();
    for user in [root, stranger] {
        let rights = KeyRights::of_level(Level::Full);
        match house
            .ask(Command::CreateKey { user, rights })
            .await
            .unwrap()
        {
            Outcome::Key { key, .. } => keys.push(key),
            other => panic!("{other:?}"),
        }
    }
    let works = |key: &AccessKeyId| {
        let state = house.directory.state();
        state.caller(key).unwrap().works_at(UnixSeconds(1))
    };
    let standing = || {
        let state = house.directory.state();
        state.standing(state.tenant(customer).unwrap())
    };
    assert!(works(&keys[0]) && works(&keys[1]));
    house.done(Command::SuspendTenant(reseller)).await;
    assert!(!works(&keys[0]) && works(&keys[1]));
    assert_eq!(standing(), TenantStatus::Suspended);
    house.done(Command::MakeTenantReadOnly(reseller)).await;
    assert!(works(&keys[0]));
    assert_eq!(standing(), TenantStatus::ReadOnly);
    // The stricter of the two counts, and what the customer's own record says stays.
    house.done(Command::SuspendTenant(customer)).await;
    assert_eq!(standing(), TenantStatus::Suspended);
    house.done(Command::ResumeTenant(reseller)).await;
    assert!(!works(&keys[0]));
    house.done(Command::ResumeTenant(customer)).await;
    assert!(works(&keys[0]));
    assert_eq!(standing(), TenantStatus::Active);
}
