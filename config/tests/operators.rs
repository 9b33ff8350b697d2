//! Operators, their tokens, and what of the deployment is theirs, through the directory's commands.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::collections::BTreeSet;
use std::sync::Arc;

use postern_config::directory::{
    Actor, ApiTokenId, Authority, Command, CommandError, ConsoleAtom, Description, Directory,
    DirectoryOptions, KeyRights, Level, Mfa, Miss, Name, NewOperator, NewPasskey, NewToken,
    NewUser, OperatorCommand, OperatorDetails, OperatorId, OperatorOutcome, OperatorScope,
    OperatorStatus, Outcome, PasskeyUse, Profile, Refusal, Role, RoleAtoms, RoleText, SignIn,
    TenantId, TenantLimits, UserId, UserKind, Vault, Who,
};
use postern_config::engine::{EmbeddedEngine, Engine as _};
use postern_config::identity::{PasswordHash, Step};
use postern_config::limits::PASSKEYS_MAX;
use postern_config::{Clock, Entropy, Secret, UnixMillis, UnixSeconds};

const NOW: UnixSeconds = UnixSeconds(1_700_000_000);

struct House {
    directory: Directory,
    engine: EmbeddedEngine,
}

async fn open(engine: &EmbeddedEngine) -> Directory {
    Directory::open(DirectoryOptions {
        engine: Arc::new(engine.clone()),
        vault: Vault::new(&Secret::new(vec![7; 32])).unwrap(),
        clock: Clock::new(|| UnixMillis(NOW.0 * 1_000)),
        entropy: Entropy::system(),
    })
    .await
    .unwrap()
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn details(email: &str) -> OperatorDetails {
    OperatorDetails {
        email: email.parse().unwrap(),
        name: Description::default(),
        timezone: None,
        language: None,
        sso: false,
    }
}

fn hash() -> PasswordHash {
    // Of no password that anybody knows: nothing here verifies one.
    let text = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$Vc4cYmzqvyjLnxIXAcvbZPAPSgJ9Xm+HDL7aHfIpTdA";
    PasswordHash::try_from(text.to_owned()).unwrap()
}

fn by(operator: OperatorId) -> Actor {
    Actor {
        who: Who::Operator { operator },
        ..Actor::system()
    }
}

fn by_token(token: ApiTokenId, operator: Option<OperatorId>) -> Actor {
    Actor {
        who: Who::Token { token, operator },
        ..Actor::system()
    }
}

fn refusal(answer: Result<Outcome, CommandError>) -> Refusal {
    match answer {
        Err(CommandError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

impl House {
    async fn new() -> Self {
        let engine = EmbeddedEngine::in_memory().unwrap();
        Self {
            directory: open(&engine).await,
            engine,
        }
    }

    async fn ask(&self, command: Command, actor: Actor) -> Result<Outcome, CommandError> {
        let before = self.directory.audits();
        let applied = self.directory.apply(command, actor).await;
        // I11: a change is one audit record, and what is refused is none; a sweep may follow with records of its own.
        assert_eq!(applied.is_ok(), self.directory.audits() > before);
        applied.map(|applied| applied.outcome)
    }

    async fn op(&self, command: OperatorCommand, actor: Actor) -> Result<Outcome, CommandError> {
        self.ask(Command::Operators(command), actor).await
    }

    async fn tenant(&self, text: &str, parent: Option<TenantId>) -> TenantId {
        let create = Command::CreateTenant {
            name: name(text),
            profile: Profile::Datastream,
            parent,
        };
        match self.ask(create, Actor::system()).await.unwrap() {
            Outcome::Tenant { tenant, .. } => tenant,
            other => panic!("{other:?}"),
        }
    }

    async fn user(&self, tenant: TenantId, text: &str) -> UserId {
        let new = NewUser::new(tenant, name(text), UserKind::Service);
        match self.ask(Command::CreateUser(new), Actor::system()).await {
            Ok(Outcome::User(user)) => user,
            other => panic!("{other:?}"),
        }
    }

    async fn operator(&self, email: &str, role: Role, scope: OperatorScope) -> OperatorId {
        self.made(email, (role, scope), Actor::system())
            .await
            .unwrap()
    }

    async fn made(
        &self,
        email: &str,
        (role, scope): (Role, OperatorScope),
        actor: Actor,
    ) -> Result<OperatorId, CommandError> {
        let new = NewOperator {
            details: details(email),
            role,
            scope,
            password: Some(hash()),
        };
        let made = self.op(OperatorCommand::Create(new), actor).await?;
        match made {
            Outcome::Operator(OperatorOutcome::Made(id)) => Ok(id),
            other => panic!("{other:?}"),
        }
    }

    async fn token(
        &self,
        actor: Actor,
        new: NewToken,
    ) -> Result<(ApiTokenId, Secret), CommandError> {
        match self.op(OperatorCommand::CreateToken(new), actor).await? {
            Outcome::Operator(OperatorOutcome::Token { token, secret }) => Ok((token, secret)),
            other => panic!("{other:?}"),
        }
    }

    fn generation(&self, id: OperatorId) -> u64 {
        self.directory.state().operator(id).unwrap().generation
    }
}

fn token(text: &str) -> NewToken {
    NewToken {
        name: name(text),
        role: None,
        scope: None,
        expires: None,
    }
}

/// 000-24: a technician of an MSP sees the clients that are his, and no others.
#[tokio::test]
async fn an_operator_may_do_what_his_role_says_within_his_scope_and_nothing_beyond() {
    let house = House::new().await;
    let msp = house.tenant("msp", None).await;
    let (client, stranger) = (
        house.tenant("client", Some(msp)).await,
        house.tenant("stranger", None).await,
    );
    let (web, other) = (
        house.user(client, "web").await,
        house.user(client, "other").await,
    );
    let scopes = [
        (OperatorScope::Deployment, [true; 5]),
        (
            OperatorScope::Reseller(msp),
            [true, true, true, true, false],
        ),
        (
            OperatorScope::Tenant(client),
            [false, true, true, true, false],
        ),
        (OperatorScope::Tenant(msp), [false; 5]),
        (
            OperatorScope::Users(client, BTreeSet::from([web])),
            [false, false, true, false, false],
        ),
    ];
    for (number, (scope, allowed)) in scopes.into_iter().enumerate() {
        let email = format!("tech{number}@msp.example");
        let tech = house.operator(&email, Role::Admin, scope.clone()).await;
        let limits = TenantLimits {
            users: Some(50),
            keys: None,
        };
        let wishes = [
            // What stands above an account sets its bounds: its reseller.
            Command::SetTenantLimits(client, limits),
            Command::DescribeTenant(client, "x".parse().unwrap()),
            Command::DisableUser(web),
            Command::DisableUser(other),
            Command::DescribeTenant(stranger, "x".parse().unwrap()),
        ];
        for (wish, allowed) in wishes.into_iter().zip(allowed) {
            let what = format!("{scope:?} {wish:?}");
            let done = house.ask(wish, by(tech)).await;
            match done {
                Ok(_) => assert!(allowed, "{what}"),
                Err(CommandError::Refused(Refusal::Needs(_))) => assert!(!allowed, "{what}"),
                Err(error) => panic!("{what}: {error}"),
            }
        }
        for user in [web, other] {
            let enable = Command::EnableUser(user);
            house.ask(enable, Actor::system()).await.unwrap();
        }
    }
}

/// 004-06, 004-24: a role that lacks the permission does not get by.
#[tokio::test]
async fn a_reader_and_a_contributor_manage_nobody() {
    let house = House::new().await;
    let tenant = house.tenant("acme", None).await;
    let user = house.user(tenant, "web").await;
    let target = house
        .operator("t@a.example", Role::Reader, OperatorScope::Tenant(tenant))
        .await;
    for role in [Role::Reader, Role::Contributor] {
        let email = format!("{role}@a.example");
        let low = house
            .operator(&email, role, OperatorScope::Tenant(tenant))
            .await;
        let new = NewUser::new(tenant, name("x"), UserKind::Service);
        for (command, atom) in [
            (Command::CreateUser(new), ConsoleAtom::UserCreate),
            (Command::DisableUser(user), ConsoleAtom::UserDisable),
            (Command::DeleteUser(user), ConsoleAtom::UserDelete),
            (
                Command::SetUserRole(user, Role::Reader),
                ConsoleAtom::RoleAssign,
            ),
            (
                Command::CreateKey {
                    user,
                    rights: KeyRights::of_level(Level::Read),
                },
                ConsoleAtom::KeyCreate,
            ),
            (
                Command::Operators(OperatorCommand::Disable(target)),
                ConsoleAtom::UserDisable,
            ),
            (
                Command::Operators(OperatorCommand::SetRole(target, Role::Reader)),
                ConsoleAtom::RoleAssign,
            ),
            (
                Command::Operators(OperatorCommand::Delete(target)),
                ConsoleAtom::UserDelete,
            ),
        ] {
            let done = house.ask(command, by(low)).await;
            assert_eq!(refusal(done), Refusal::Needs(atom), "{role}");
        }
    }
}

/// 004-21, 004-27: nobody gives more than he has, and what is an owner's an owner changes.
#[tokio::test]
async fn nobody_gives_a_role_or_a_scope_above_his_own() {
    let house = House::new().await;
    let tenant = house.tenant("acme", None).await;
    let elsewhere = house.tenant("other", None).await;
    let here = OperatorScope::Tenant(tenant);
    let owner = house
        .operator("o@a.example", Role::Owner, here.clone())
        .await;
    let admin = house
        .operator("a@a.example", Role::Admin, here.clone())
        .await;
    let made = |email: &'static str, role, scope, who| house.made(email, (role, scope), by(who));
    assert!(
        made("1@a.example", Role::Admin, here.clone(), admin)
            .await
            .is_ok()
    );
    let refused = made("2@a.example", Role::Owner, here.clone(), admin).await;
    assert!(matches!(
        refused,
        Err(CommandError::Refused(Refusal::MoreThanMaker))
    ));
    assert!(
        made("2@a.example", Role::Owner, here.clone(), owner)
            .await
            .is_ok()
    );
    for scope in [
        OperatorScope::Deployment,
        OperatorScope::Reseller(tenant),
        OperatorScope::Tenant(elsewhere),
    ] {
        let refused = made("3@a.example", Role::Reader, scope, owner).await;
        assert!(matches!(
            refused,
            Err(CommandError::Refused(Refusal::Needs(
                ConsoleAtom::UserCreate
            )))
        ));
    }
    // Whoever could change how an owner signs in could sign in as him.
    for command in [
        OperatorCommand::SetPassword(owner, hash()),
        OperatorCommand::Invite {
            operator: owner,
            seconds: 60,
        },
        OperatorCommand::SetDetails(owner, details("mine@a.example")),
        OperatorCommand::SetRole(owner, Role::Reader),
        OperatorCommand::Disable(owner),
        OperatorCommand::Delete(owner),
        OperatorCommand::EndSessions(owner),
    ] {
        let what = format!("{command:?}");
        let done = house.op(command, by(admin)).await;
        assert_eq!(refusal(done), Refusal::OwnersAlone, "{what}");
    }
}

/// A role of the account with every permission but one is no admin, and makes none.
#[tokio::test]
async fn a_role_that_lacks_one_permission_makes_no_admin() {
    let house = House::new().await;
    let tenant = house.tenant("acme", None).await;
    let here = OperatorScope::Tenant(tenant);
    let admin = house
        .operator("a@a.example", Role::Admin, here.clone())
        .await;
    let made = |email: &'static str, role, scope, who| house.made(email, (role, scope), by(who));
    let mut atoms = RoleAtoms::of_builtin(Role::Admin).unwrap();
    atoms.console.remove(&ConsoleAtom::SsoConfig);
    let text = RoleText {
        name: name("desk"),
        description: Description::default(),
        atoms,
    };
    let create = Command::CreateRole { tenant, role: text };
    let Outcome::Role(desk) = house.ask(create, Actor::system()).await.unwrap() else {
        panic!("no role");
    };
    let desk = house
        .operator("d@a.example", Role::Custom(desk), here.clone())
        .await;
    assert!(
        made("4@a.example", Role::Contributor, here.clone(), desk)
            .await
            .is_ok()
    );
    let refused = made("5@a.example", Role::Admin, here, desk).await;
    assert!(matches!(
        refused,
        Err(CommandError::Refused(Refusal::MoreThanMaker))
    ));
    let touched = house.op(OperatorCommand::SetPassword(admin, hash()), by(desk));
    assert_eq!(refusal(touched.await), Refusal::MoreThanMaker);
}

/// 004-09, and nobody is left without an owner: the last of a scope is neither disabled, demoted, moved nor deleted.
#[tokio::test]
async fn the_last_owner_stays() {
    let house = House::new().await;
    let tenant = house.tenant("acme", None).await;
    let here = OperatorScope::Tenant(tenant);
    let boss = house
        .operator("b@x.example", Role::Owner, OperatorScope::Deployment)
        .await;
    let owner = house
        .operator("o@a.example", Role::Owner, here.clone())
        .await;
    house
        .operator("a@a.example", Role::Admin, here.clone())
        .await;
    let last = |id| {
        [
            OperatorCommand::Disable(id),
            OperatorCommand::Delete(id),
            OperatorCommand::SetRole(id, Role::Admin),
        ]
    };
    for id in [owner, boss] {
        for command in last(id) {
            let done = house.op(command, by(boss)).await;
            assert_eq!(refusal(done), Refusal::LastOwner);
        }
    }
    let away = OperatorCommand::SetScope(owner, OperatorScope::Deployment);
    assert_eq!(refusal(house.op(away, by(boss)).await), Refusal::LastOwner);
    let second = house.operator("o2@a.example", Role::Owner, here).await;
    let mut steps = last(owner);
    steps.rotate_right(1);
    for command in steps {
        house.op(command, by(second)).await.unwrap();
    }
}

/// 004-12: an address is of one operator of an organization, whatever its case; other organizations are not asked, and tell nothing.
#[tokio::test]
async fn an_address_is_of_one_operator_of_an_organization() {
    let house = House::new().await;
    let (one, two) = (
        house.tenant("one", None).await,
        house.tenant("two", None).await,
    );
    let ann = house
        .operator("ann@a.example", Role::Admin, OperatorScope::Tenant(one))
        .await;
    let again = house.made(
        "ANN@A.example",
        (Role::Reader, OperatorScope::Tenant(one)),
        by(ann),
    );
    assert!(matches!(
        again.await,
        Err(CommandError::Taken {
            what: "operator",
            ..
        })
    ));
    let other = house
        .operator("ann@a.example", Role::Admin, OperatorScope::Tenant(two))
        .await;
    let state = house.directory.state();
    let email = "Ann@a.example".parse().unwrap();
    let found: Vec<_> = state.operators_with_email(&email).map(|it| it.id).collect();
    assert_eq!(found, [ann, other]);
    // Whoever is moved beside his namesake is not moved.
    let moved = OperatorCommand::SetScope(other, OperatorScope::Tenant(one));
    let moved = house.op(moved, Actor::system()).await;
    assert!(matches!(moved, Err(CommandError::Taken { .. })));
}

/// 004-25, 004-28, 004-29, 004-34: disabling ends sessions and tokens at once, and enabling gives back exactly what was there.
#[tokio::test]
async fn disabling_ends_everything_at_once_and_enabling_gives_it_back() {
    let house = House::new().await;
    let tenant = house.tenant("acme", None).await;
    let here = OperatorScope::Tenant(tenant);
    let boss = house
        .operator("b@x.example", Role::Owner, OperatorScope::Deployment)
        .await;
    let ann = house.operator("ann@a.example", Role::Admin, here).await;
    let (key, _) = house.token(by(ann), token("ci")).await.unwrap();
    let before = house.directory.state().office(ann);
    let generation = house.generation(ann);
    house
        .op(OperatorCommand::Disable(ann), by(boss))
        .await
        .unwrap();
    let state = house.directory.state();
    assert_eq!(state.office(ann), None);
    assert_eq!(state.office_of_token(key, NOW), None);
    assert!(house.generation(ann) > generation);
    // What is being asked in his name finds nothing that it may do.
    let describe = || Command::DescribeTenant(tenant, "x".parse().unwrap());
    for actor in [by(ann), by_token(key, Some(ann))] {
        let done = house.ask(describe(), actor).await;
        assert_eq!(refusal(done), Refusal::Needs(ConsoleAtom::TenantSettings));
    }
    house
        .op(OperatorCommand::Enable(ann), by(boss))
        .await
        .unwrap();
    assert_eq!(house.directory.state().office(ann), before);
    assert!(house.directory.state().office_of_token(key, NOW).is_some());
    house
        .ask(describe(), by_token(key, Some(ann)))
        .await
        .unwrap();
}

/// Whatever changes how somebody signs in, or what he may do, ends his sessions.
#[tokio::test]
async fn password_role_and_scope_end_sessions_and_details_do_not() {
    let house = House::new().await;
    let tenant = house.tenant("acme", None).await;
    let ann = house
        .operator("ann@a.example", Role::Admin, OperatorScope::Tenant(tenant))
        .await;
    for (command, ends) in [
        (OperatorCommand::SetPassword(ann, hash()), true),
        (OperatorCommand::SetRole(ann, Role::Contributor), true),
        (
            OperatorCommand::SetScope(ann, OperatorScope::Reseller(tenant)),
            true,
        ),
        (OperatorCommand::EndSessions(ann), true),
        (
            OperatorCommand::SetDetails(ann, details("ann@b.example")),
            false,
        ),
        (OperatorCommand::Note(Some(ann), SignIn::Done(None)), false),
        (OperatorCommand::EnrolOneTime(ann), false),
    ] {
        let what = format!("{command:?}");
        let before = house.generation(ann);
        house.op(command, Actor::system()).await.unwrap();
        assert_eq!(house.generation(ann) > before, ends, "{what}");
    }
    let state = house.directory.state();
    assert_eq!(state.operator(ann).unwrap().last_sign_in, Some(NOW));
}

/// 004-16: an invitation sets a password once, until it expires, and another takes its place.
#[tokio::test]
async fn an_invitation_works_once_and_for_its_time() {
    let house = House::new().await;
    let ann = house
        .operator("ann@a.example", Role::Admin, OperatorScope::Deployment)
        .await;
    let invite = |seconds| OperatorCommand::Invite {
        operator: ann,
        seconds,
    };
    for seconds in [0, postern_config::limits::INVITATION_SECONDS_MAX + 1] {
        let refused = house.op(invite(seconds), Actor::system()).await;
        assert_eq!(refusal(refused), Refusal::InvitationTime);
    }
    let invited = |seconds| {
        let house = &house;
        async move {
            match house.op(invite(seconds), Actor::system()).await {
                Ok(Outcome::Operator(OperatorOutcome::Invited { secret, .. })) => secret,
                other => panic!("{other:?}"),
            }
        }
    };
    let accept = |secret: &Secret| OperatorCommand::Accept {
        operator: ann,
        secret: secret.lend(|it| Secret::new(it.to_vec())),
        password: hash(),
    };
    let nobody = || Actor {
        who: Who::Nobody,
        ..Actor::system()
    };
    let (first, second) = (invited(60).await, invited(60).await);
    let refused = house.op(accept(&first), nobody()).await;
    assert_eq!(refusal(refused), Refusal::NoInvitation);
    house.op(accept(&second), nobody()).await.unwrap();
    let refused = house.op(accept(&second), nobody()).await;
    assert_eq!(refusal(refused), Refusal::NoInvitation);
    let third = invited(60).await;
    let state = house.directory.state();
    let operator = state.operator(ann).unwrap();
    let holds = |seconds| third.lend(|it| operator.is_invited_by(it, UnixSeconds(NOW.0 + seconds)));
    assert!(holds(59) && !holds(60));
}

/// A token is of its maker, no wider than he, and falls with him; a token makes no tokens.
#[tokio::test]
async fn a_token_may_do_no_more_than_its_maker_may_now() {
    let house = House::new().await;
    let tenant = house.tenant("acme", None).await;
    let user = house.user(tenant, "web").await;
    let here = OperatorScope::Tenant(tenant);
    let boss = house
        .operator("b@x.example", Role::Owner, OperatorScope::Deployment)
        .await;
    let ann = house
        .operator("ann@a.example", Role::Admin, here.clone())
        .await;
    for wider in [
        NewToken {
            role: Some(Role::Owner),
            ..token("x")
        },
        NewToken {
            scope: Some(OperatorScope::Deployment),
            ..token("x")
        },
    ] {
        let refused = house.token(by(ann), wider).await;
        assert!(matches!(
            refused,
            Err(CommandError::Refused(Refusal::MoreThanMaker))
        ));
    }
    let narrow = NewToken {
        scope: Some(OperatorScope::Users(tenant, BTreeSet::from([user]))),
        expires: Some(UnixSeconds(NOW.0 + 10)),
        ..token("ci")
    };
    let (id, secret) = house.token(by(ann), narrow).await.unwrap();
    secret.lend(|secret| assert!(secret.starts_with(b"ptk_")));
    let state = house.directory.state();
    let found = secret.lend(|secret| state.api_token_presented(secret).map(|it| it.id));
    assert_eq!(found, Some(id));
    assert!(state.office_of_token(id, UnixSeconds(NOW.0 + 9)).is_some());
    assert!(state.office_of_token(id, UnixSeconds(NOW.0 + 10)).is_none());
    let its = || by_token(id, Some(ann));
    house.ask(Command::DisableUser(user), its()).await.unwrap();
    let refused = house
        .ask(
            Command::DescribeTenant(tenant, Description::default()),
            its(),
        )
        .await;
    assert_eq!(
        refusal(refused),
        Refusal::Needs(ConsoleAtom::TenantSettings)
    );
    let refused = house.token(its(), token("child")).await;
    assert!(matches!(
        refused,
        Err(CommandError::Refused(Refusal::NotPermitted))
    ));
    let again = house.token(by(ann), token("CI")).await;
    assert!(matches!(
        again,
        Err(CommandError::Taken { what: "token", .. })
    ));
    // The maker falls, and the token with him.
    let demote = OperatorCommand::SetRole(ann, Role::Reader);
    house.op(demote, by(boss)).await.unwrap();
    let refused = house.ask(Command::EnableUser(user), its()).await;
    assert_eq!(refusal(refused), Refusal::Needs(ConsoleAtom::UserDisable));
    // Others end it who may change people, and he himself.
    house
        .op(OperatorCommand::RevokeToken(id), by(ann))
        .await
        .unwrap();
    assert!(house.directory.state().api_token(id).is_none());
}

/// 000-36, 000-40, 001-30: a secret is opened again where the profile says so, under the permission for it, and is then in the log.
#[tokio::test]
async fn a_secret_is_shown_again_where_the_profile_has_it() {
    let house = House::new().await;
    for (profile, shown) in [(Profile::E3Primary, true), (Profile::E3Root, false)] {
        let create = Command::CreateTenant {
            name: name(profile.as_str()),
            profile,
            parent: None,
        };
        let Ok(Outcome::Tenant { tenant, .. }) = house.ask(create, Actor::system()).await else {
            panic!("no tenant");
        };
        let user = house.user(tenant, "web").await;
        let rights = KeyRights::of_level(Level::Read);
        let create = Command::CreateKey { user, rights };
        let Ok(Outcome::Key { key, secret }) = house.ask(create, Actor::system()).await else {
            panic!("no key");
        };
        let scope = OperatorScope::Tenant(tenant);
        let email = format!("admin@{profile}.example");
        let admin = house.operator(&email, Role::Admin, scope.clone()).await;
        let reader = format!("reader@{profile}.example");
        let reader = house.operator(&reader, Role::Reader, scope).await;
        let refused = house.op(OperatorCommand::Reveal(key), by(reader)).await;
        assert_eq!(refusal(refused), Refusal::Needs(ConsoleAtom::KeyReveal));
        let done = house.op(OperatorCommand::Reveal(key), by(admin)).await;
        if shown {
            let Ok(Outcome::Operator(OperatorOutcome::Revealed(again))) = done else {
                panic!("{done:?}");
            };
            assert!(secret.lend(|secret| again.is(secret)));
            let record = house.directory.audit_search(1, |_| true).await.unwrap();
            assert_eq!(record[0].action, "key.reveal");
            assert_eq!(record[0].actor.label(), format!("operator:{}", admin.get()));
        } else {
            assert_eq!(refusal(done), Refusal::ShownOnce);
        }
    }
}

/// A code is used up by the record of the sign-in that it made.
#[tokio::test]
async fn a_second_factor_is_confirmed_and_its_codes_are_used_once() {
    let house = House::new().await;
    let ann = house
        .operator("ann@a.example", Role::Owner, OperatorScope::Deployment)
        .await;
    let mfa = || house.directory.state().operator(ann).unwrap().mfa();
    let confirm = |step| OperatorCommand::ConfirmOneTime(ann, Step(step));
    let refused = house.op(confirm(1), by(ann)).await;
    assert_eq!(refusal(refused), Refusal::NoOneTime);
    let enrolled = house.op(OperatorCommand::EnrolOneTime(ann), by(ann)).await;
    let Ok(Outcome::Operator(OperatorOutcome::Enrolled(secret))) = enrolled else {
        panic!("{enrolled:?}");
    };
    assert_eq!(mfa(), Mfa::Enrolling);
    house.op(confirm(5), by(ann)).await.unwrap();
    assert_eq!(mfa(), Mfa::On);
    let state = house.directory.state();
    let (kept, last) = state
        .one_time(state.operator(ann).unwrap())
        .unwrap()
        .unwrap();
    assert_eq!(last, Some(Step(5)));
    assert!(secret.secret().lend(|secret| kept.secret().is(secret)));
    let note = |step| OperatorCommand::Note(Some(ann), SignIn::Done(Some(Step(step))));
    assert_eq!(refusal(house.op(note(5), by(ann)).await), Refusal::CodeUsed);
    house.op(note(6), by(ann)).await.unwrap();
    assert_eq!(refusal(house.op(note(6), by(ann)).await), Refusal::CodeUsed);
    let refused = house.op(OperatorCommand::EnrolOneTime(ann), by(ann)).await;
    assert_eq!(refusal(refused), Refusal::OneTimeIsOn);
    house
        .op(OperatorCommand::RemoveOneTime(ann), by(ann))
        .await
        .unwrap();
    assert_eq!(mfa(), Mfa::Off);
}

/// Ten, each with a name and a device of its own; nobody gives one to somebody else.
#[tokio::test]
async fn passkeys_are_of_their_owner_and_bounded() {
    let house = House::new().await;
    let here = || OperatorScope::Deployment;
    let ann = house.operator("ann@a.example", Role::Owner, here()).await;
    let ben = house.operator("ben@a.example", Role::Owner, here()).await;
    let add = |of, name: &str, credential: &str| {
        let new = NewPasskey {
            name: name.parse().unwrap(),
            credential: credential.to_owned(),
            host: "console.example".to_owned(),
            key: "00".to_owned(),
            state: "00".to_owned(),
        };
        OperatorCommand::AddPasskey(of, new)
    };
    let refused = house.op(add(ann, "phone", "aa"), by(ben)).await;
    assert_eq!(refusal(refused), Refusal::NotPermitted);
    let refused = house.op(add(ann, "phone", "aa"), Actor::system()).await;
    assert_eq!(refusal(refused), Refusal::NotPermitted);
    house.op(add(ann, "phone", "aa"), by(ann)).await.unwrap();
    assert!(house.op(add(ann, "Phone", "bb"), by(ann)).await.is_err());
    let refused = house.op(add(ben, "mine", "aa"), by(ben)).await;
    assert_eq!(refusal(refused), Refusal::PasskeyIsKnown);
    for number in 2..=PASSKEYS_MAX {
        let name = format!("key{number}");
        let add = add(ann, &name, &format!("{number:04x}"));
        house.op(add, by(ann)).await.unwrap();
    }
    let refused = house.op(add(ann, "more", "ffff"), by(ann)).await;
    assert_eq!(refusal(refused), Refusal::Passkeys);
    let used = |credential: &str| {
        let used = PasskeyUse {
            credential: credential.to_owned(),
            state: "01".to_owned(),
            again: false,
        };
        OperatorCommand::UsePasskey(ann, used)
    };
    house.op(used("aa"), by(ann)).await.unwrap();
    assert!(house.op(used("ffff"), by(ann)).await.is_err());
    let state = house.directory.state();
    let passkey = state.operator(ann).unwrap().passkey("aa").unwrap();
    assert_eq!(passkey.state, "01");
    assert!(passkey.last_used.is_some());
    let phone = || "phone".parse().unwrap();
    let remove = || OperatorCommand::RemovePasskey(ann, phone());
    house.op(remove(), by(ann)).await.unwrap();
    assert!(house.op(remove(), by(ann)).await.is_err());
    // His own stay where he takes the code of his telephone away; where another does it, they are lost with it.
    let reset = || OperatorCommand::RemoveOneTime(ann);
    assert_eq!(
        refusal(house.op(reset(), by(ann)).await),
        Refusal::NoOneTime
    );
    house.op(reset(), by(ben)).await.unwrap();
    let state = house.directory.state();
    assert!(state.operator(ann).unwrap().passkeys.is_empty());
    assert_eq!(
        refusal(house.op(reset(), by(ben)).await),
        Refusal::NoOneTime
    );
}

/// 004-31: deleting an operator takes his tokens along, and all that is personal about him: no row of the directory or of its audit log
/// says who he was. Disabling keeps him.
#[tokio::test]
async fn deleting_an_operator_leaves_nothing_personal_behind() {
    let house = House::new().await;
    let tenant = house.tenant("acme", None).await;
    let here = OperatorScope::Tenant(tenant);
    let boss = house
        .operator("b@x.example", Role::Owner, OperatorScope::Deployment)
        .await;
    let ann = house
        .operator("ann.secret@a.example", Role::Admin, here)
        .await;
    let who = OperatorDetails {
        name: "Ann Lovelace".parse().unwrap(),
        ..details("ann.lovelace@a.example")
    };
    for command in [
        OperatorCommand::SetDetails(ann, who),
        OperatorCommand::Note(Some(ann), SignIn::Done(None)),
        OperatorCommand::Note(Some(ann), SignIn::Refused(Miss::Password)),
    ] {
        house.op(command, Actor::system()).await.unwrap();
    }
    let (key, _) = house.token(by(ann), token("ci")).await.unwrap();
    house
        .op(OperatorCommand::Delete(ann), by(boss))
        .await
        .unwrap();
    let house = House {
        directory: open(&house.engine).await,
        engine: house.engine,
    };
    let state = house.directory.state();
    assert!(state.operator(ann).is_none() && state.api_token(key).is_none());
    let now = house.engine.now().await.unwrap();
    let page = house.engine.page(String::new(), now, None, 1_000).await;
    for row in page.unwrap().rows {
        let text = String::from_utf8_lossy(&row.value).to_lowercase();
        for trace in ["ann.secret", "lovelace"] {
            assert!(!text.contains(trace), "{} {text}", row.key);
        }
    }
    house.directory.verify_audit().await.unwrap();
}

/// Whose account is deleted has nothing left to do, and is deleted with it.
#[tokio::test]
async fn an_account_takes_its_operators_and_tokens_along() {
    let house = House::new().await;
    let (gone, stays) = (
        house.tenant("gone", None).await,
        house.tenant("stays", None).await,
    );
    let boss = house
        .operator("b@x.example", Role::Owner, OperatorScope::Deployment)
        .await;
    let ann = house
        .operator("ann@a.example", Role::Owner, OperatorScope::Tenant(gone))
        .await;
    let bob = house
        .operator("bob@a.example", Role::Owner, OperatorScope::Tenant(stays))
        .await;
    let narrow = NewToken {
        scope: Some(OperatorScope::Tenant(gone)),
        ..token("narrow")
    };
    let (narrow, _) = house.token(by(boss), narrow).await.unwrap();
    let (own, _) = house.token(by(ann), token("own")).await.unwrap();
    house
        .ask(Command::DeleteTenant(gone), by(boss))
        .await
        .unwrap();
    let state = house.directory.state();
    assert!(state.operator(ann).is_none() && state.operator(bob).is_some());
    assert!(state.api_token(narrow).is_none() && state.api_token(own).is_none());
}

/// What one changes of oneself needs no permission; with what one signs in does.
#[tokio::test]
async fn a_person_changes_his_own_name_and_password_and_not_his_own_role() {
    let house = House::new().await;
    let tenant = house.tenant("acme", None).await;
    let here = OperatorScope::Tenant(tenant);
    let ann = house
        .operator("ann@a.example", Role::Reader, here.clone())
        .await;
    let bob = house.operator("bob@a.example", Role::Reader, here).await;
    // 004-14: time zone and language are one's own.
    let own = OperatorDetails {
        name: "Ann".parse().unwrap(),
        timezone: Some("Europe/Berlin".parse().unwrap()),
        language: Some("de".parse().unwrap()),
        ..details("ann@a.example")
    };
    let own = OperatorCommand::SetDetails(ann, own);
    house.op(own, by(ann)).await.unwrap();
    house
        .op(OperatorCommand::SetPassword(ann, hash()), by(ann))
        .await
        .unwrap();
    // 004-15: that one signs in elsewhere is for others to say.
    let sso = OperatorDetails {
        sso: true,
        ..details("ann@a.example")
    };
    for (command, atom) in [
        (OperatorCommand::SetDetails(ann, sso), ConsoleAtom::UserEdit),
        (
            OperatorCommand::SetDetails(ann, details("other@a.example")),
            ConsoleAtom::UserEdit,
        ),
        (
            OperatorCommand::SetRole(ann, Role::Reader),
            ConsoleAtom::RoleAssign,
        ),
        (
            OperatorCommand::SetPassword(bob, hash()),
            ConsoleAtom::UserEdit,
        ),
    ] {
        let done = house.op(command, by(ann)).await;
        assert_eq!(refusal(done), Refusal::Needs(atom));
    }
    // 004-17: one role, always.
    let state = house.directory.state();
    let Authority::Operator(office) = state.authority(&by(ann)) else {
        panic!("no office");
    };
    assert_eq!(office.role, Role::Reader);
    assert_eq!(state.operator(ann).unwrap().status, OperatorStatus::Active);
}
