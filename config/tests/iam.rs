//! Groups, managed policies and roles that callers assume: what the directory makes of their commands, whatever comes after what, and
//! what is left of them over a restart and after a deletion.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::collections::BTreeSet;
use std::sync::Arc;

use postern_config::directory::{
    Actor, Attachable, Command, CommandError, Description, Directory, DirectoryOptions, GroupId,
    Holder, IamCommand, IamPath, IamRoleId, IamRoleText, Judges, Name, NewUser, Outcome, PolicyId,
    PolicyPlace, Profile, Refusal, StandardPolicy, TenantId, UserId, UserKind, Vault,
};
use postern_config::engine::EmbeddedEngine;
use postern_config::limits::{
    ATTACHED_POLICIES_MAX, IDENTITY_BYTES_MAX, MANAGED_POLICY_CHARACTERS_MAX, POLICY_BYTES_MAX,
    POLICY_VERSIONS_MAX, USER_GROUPS_MAX, USER_POLICIES_MAX,
};
use postern_config::{Clock, Entropy, Secret, UnixMillis};
use proptest::prelude::*;

struct House {
    engine: EmbeddedEngine,
    directory: Directory,
    tenant: TenantId,
}

impl House {
    async fn new() -> Self {
        let engine = EmbeddedEngine::in_memory().unwrap();
        let directory = open(&engine).await;
        let tenant = account(&directory, "demo").await;
        Self {
            engine,
            directory,
            tenant,
        }
    }

    async fn tell(&self, command: Command) -> Result<Outcome, CommandError> {
        let applied = self.directory.apply(command, Actor::system()).await;
        applied.map(|applied| applied.outcome)
    }

    async fn iam(&self, command: IamCommand) -> Result<Outcome, CommandError> {
        self.tell(Command::Iam(command)).await
    }

    async fn user(&self, text: &str) -> UserId {
        let new = NewUser::new(self.tenant, name(text), UserKind::Service);
        match self.tell(Command::CreateUser(new)).await.unwrap() {
            Outcome::User(id) => id,
            other => panic!("{other:?}"),
        }
    }

    async fn group(&self, text: &str) -> GroupId {
        let command = IamCommand::CreateGroup {
            tenant: self.tenant,
            name: name(text),
            path: IamPath::default(),
        };
        match self.iam(command).await.unwrap() {
            Outcome::Group(id) => id,
            other => panic!("{other:?}"),
        }
    }

    async fn policy(&self, text: &str, document: &str) -> PolicyId {
        let command = IamCommand::CreatePolicy {
            tenant: self.tenant,
            name: name(text),
            path: IamPath::default(),
            description: Description::default(),
            text: document.to_owned(),
        };
        match self.iam(command).await.unwrap() {
            Outcome::ManagedPolicy(id) => id,
            other => panic!("{other:?}"),
        }
    }

    async fn role(&self, text: &str) -> IamRoleId {
        let command = IamCommand::CreateRole {
            tenant: self.tenant,
            name: name(text),
            path: IamPath::default(),
            text: role_text("{}", 3_600),
        };
        match self.iam(command).await.unwrap() {
            Outcome::IamRole(id) => id,
            other => panic!("{other:?}"),
        }
    }

    async fn put(&self, place: PolicyPlace, text: &str) -> Result<Outcome, CommandError> {
        let text = text.to_owned();
        self.tell(Command::PutPolicy { place, text }).await
    }

    fn said(&self, holder: Holder) -> Vec<(String, String)> {
        let state = self.directory.state();
        let documents = state.identity(holder).into_iter();
        documents.map(|it| (it.name, it.text.to_owned())).collect()
    }
}

async fn account(directory: &Directory, text: &str) -> TenantId {
    let create = Command::CreateTenant {
        name: name(text),
        profile: Profile::S3,
        parent: None,
    };
    let applied = directory.apply(create, Actor::system()).await.unwrap();
    match applied.outcome {
        Outcome::Tenant { tenant, .. } => tenant,
        other => panic!("{other:?}"),
    }
}

fn role_text(trust: &str, seconds: u32) -> IamRoleText {
    IamRoleText {
        description: Description::default(),
        trust: trust.to_owned(),
        session_seconds_max: seconds,
    }
}

async fn open(engine: &EmbeddedEngine) -> Directory {
    let options = DirectoryOptions {
        engine: Arc::new(engine.clone()),
        vault: Vault::new(&Secret::new(vec![7; 32])).unwrap(),
        entropy: Entropy::system(),
        clock: Clock::new(|| UnixMillis(1_700_000_000_000)),
    };
    Directory::open(options).await.unwrap()
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn refusal(result: Result<Outcome, CommandError>) -> Refusal {
    match result {
        Err(CommandError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

const READS: Attachable = Attachable::Standard(StandardPolicy::AmazonS3ReadOnlyAccess);

#[tokio::test]
async fn a_user_is_judged_by_his_documents_and_those_of_his_groups() {
    let house = House::new().await;
    let (user, group) = (house.user("ann").await, house.group("staff").await);
    let ann = Holder::User(user);
    assert!(!house.directory.state().is_judged(ann) && house.said(ann).is_empty());
    house
        .iam(IamCommand::AddMember { group, user })
        .await
        .unwrap();
    // A group without documents judges nobody.
    assert!(!house.directory.state().is_judged(ann));
    let of_group = PolicyPlace::Group {
        group,
        name: name("a"),
    };
    house.put(of_group, "1").await.unwrap();
    let of_user = PolicyPlace::User {
        user,
        name: name("a"),
    };
    house.put(of_user, "2").await.unwrap();
    let policy = house.policy("p", "3").await;
    house
        .iam(IamCommand::AttachPolicy(
            Holder::Group(group),
            Attachable::Own(policy),
        ))
        .await
        .unwrap();
    house
        .iam(IamCommand::AttachPolicy(ann, READS))
        .await
        .unwrap();
    assert!(house.directory.state().is_judged(ann));
    let names: Vec<String> = house.said(ann).into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "a",
            "policy/AmazonS3ReadOnlyAccess",
            "staff/a",
            "staff/policy/p"
        ]
    );
    // Another version judges when it is made the default, and not before.
    let text = "4".to_owned();
    house
        .iam(IamCommand::AddPolicyVersion {
            policy,
            text,
            judges: Judges::Later,
        })
        .await
        .unwrap();
    assert_eq!(house.said(ann)[3].1, "3");
    house
        .iam(IamCommand::SetDefaultVersion(policy, 2))
        .await
        .unwrap();
    assert_eq!(house.said(ann)[3].1, "4");
    same_after_a_restart(&house, ann).await;
    house
        .iam(IamCommand::RemoveMember { group, user })
        .await
        .unwrap();
    let left: Vec<String> = house.said(ann).into_iter().map(|(name, _)| name).collect();
    assert_eq!(left, ["a", "policy/AmazonS3ReadOnlyAccess"]);
}

async fn same_after_a_restart(house: &House, holder: Holder) {
    let again = open(&house.engine).await;
    let after = again.state();
    let after = after
        .identity(holder)
        .into_iter()
        .map(|it| (it.name, it.text.to_owned()));
    assert_eq!(after.collect::<Vec<_>>(), house.said(holder));
}

#[tokio::test]
async fn what_is_in_use_stays_and_what_goes_leaves_nothing() {
    let house = House::new().await;
    let (user, group) = (house.user("ann").await, house.group("staff").await);
    let (policy, role) = (house.policy("p", "1").await, house.role("r").await);
    let own = Attachable::Own(policy);
    house
        .iam(IamCommand::AddMember { group, user })
        .await
        .unwrap();
    for holder in [Holder::User(user), Holder::Group(group), Holder::Role(role)] {
        house
            .iam(IamCommand::AttachPolicy(holder, own))
            .await
            .unwrap();
    }
    house
        .put(
            PolicyPlace::Role {
                role,
                name: name("x"),
            },
            "1",
        )
        .await
        .unwrap();
    for command in [
        IamCommand::DeletePolicy(policy),
        IamCommand::DeleteGroup(group),
        IamCommand::DeleteRole(role),
        IamCommand::DeletePolicyVersion(policy, 1),
    ] {
        let refused = refusal(house.iam(command).await);
        assert!(matches!(refused, Refusal::StillHas(_)), "{refused:?}");
    }
    // A user goes with everything that was his, and with his part in groups.
    house.tell(Command::DeleteUser(user)).await.unwrap();
    let state = house.directory.state();
    assert!(state.members(group).next().is_none() && state.user(user).is_none());
    let holders: Vec<Holder> = state.attached_to(house.tenant, own).collect();
    assert_eq!(holders, [Holder::Group(group), Holder::Role(role)]);
    // So does an account.
    house
        .tell(Command::DeleteTenant(house.tenant))
        .await
        .unwrap();
    let again = open(&house.engine).await.state();
    assert!(again.tenant(house.tenant).is_none() && again.group(group).is_none());
    assert!(again.managed_policy(policy).is_none() && again.iam_role(role).is_none());
    assert!(again.attachments(Holder::Role(role)).is_none());
    assert!(again.held_policies(Holder::Role(role)).next().is_none());
}

#[tokio::test]
async fn everything_has_a_bound() {
    let house = House::new().await;
    let user = house.user("ann").await;
    let ann = Holder::User(user);
    let too_many = |result| matches!(refusal(result), Refusal::TooMany(_));
    for number in 0..USER_GROUPS_MAX {
        let group = house.group(&format!("g{number}")).await;
        house
            .iam(IamCommand::AddMember { group, user })
            .await
            .unwrap();
    }
    let group = house.group("last").await;
    assert!(too_many(
        house.iam(IamCommand::AddMember { group, user }).await
    ));
    for number in 0..ATTACHED_POLICIES_MAX {
        let policy = house.policy(&format!("p{number}"), "1").await;
        house
            .iam(IamCommand::AttachPolicy(ann, Attachable::Own(policy)))
            .await
            .unwrap();
    }
    assert!(too_many(
        house.iam(IamCommand::AttachPolicy(ann, READS)).await
    ));
    let policy = house.policy("v", "1").await;
    for _ in 1..POLICY_VERSIONS_MAX {
        let text = "2".to_owned();
        house
            .iam(IamCommand::AddPolicyVersion {
                policy,
                text,
                judges: Judges::AtOnce,
            })
            .await
            .unwrap();
    }
    let text = "2".to_owned();
    let judges = Judges::Later;
    assert!(too_many(
        house
            .iam(IamCommand::AddPolicyVersion {
                policy,
                text,
                judges
            })
            .await
    ));
}

#[tokio::test]
async fn documents_have_a_size_and_sessions_a_length() {
    let house = House::new().await;
    for (characters, fits) in [
        (MANAGED_POLICY_CHARACTERS_MAX, true),
        (MANAGED_POLICY_CHARACTERS_MAX + 1, false),
    ] {
        // White space does not count.
        let text = format!("{}  ", "x".repeat(characters));
        let create = IamCommand::CreatePolicy {
            tenant: house.tenant,
            name: name(&format!("sized{characters}")),
            path: IamPath::default(),
            description: Description::default(),
            text,
        };
        assert_eq!(house.iam(create).await.is_ok(), fits, "{characters}");
    }
    for (seconds, fits) in [
        (3_599, false),
        (3_600, true),
        (43_200, true),
        (43_201, false),
    ] {
        let create = IamCommand::CreateRole {
            tenant: house.tenant,
            name: name(&format!("role{seconds}")),
            path: IamPath::default(),
            text: role_text("{}", seconds),
        };
        assert_eq!(house.iam(create).await.is_ok(), fits, "{seconds}");
    }
}

/// However it comes together, by groups or by documents of his own: what judges one user is one module, and bounded.
#[tokio::test]
async fn the_documents_of_a_user_are_bounded_together() {
    let house = House::new().await;
    let user = house.user("ann").await;
    let long = "x".repeat(POLICY_BYTES_MAX);
    let mut said = 0;
    let mut group = house.group("g0").await;
    let mut held = 0;
    let refused = loop {
        if held == USER_POLICIES_MAX {
            house
                .iam(IamCommand::AddMember { group, user })
                .await
                .unwrap();
            group = house.group(&format!("g{said}")).await;
            held = 0;
        }
        let place = PolicyPlace::Group {
            group,
            name: name(&format!("d{held}")),
        };
        house.put(place, &long).await.unwrap();
        (held, said) = (held + 1, said + long.len());
        if said > IDENTITY_BYTES_MAX {
            break house.iam(IamCommand::AddMember { group, user }).await;
        }
    };
    assert!(matches!(refusal(refused), Refusal::TooMany(_)));
    let total: usize = house
        .said(Holder::User(user))
        .iter()
        .map(|(_, text)| text.len())
        .sum();
    assert!(total <= IDENTITY_BYTES_MAX);
}

#[tokio::test]
async fn accounts_do_not_reach_into_each_other() {
    let house = House::new().await;
    let (group, policy) = (house.group("staff").await, house.policy("p", "1").await);
    let other = House {
        engine: house.engine.clone(),
        directory: house.directory.clone(),
        tenant: account(&house.directory, "other").await,
    };
    let user = other.user("eve").await;
    let missing = |result: Result<Outcome, CommandError>| {
        matches!(result, Err(CommandError::NotFound { .. }))
    };
    assert!(missing(
        house.iam(IamCommand::AddMember { group, user }).await
    ));
    let attach = IamCommand::AttachPolicy(Holder::User(user), Attachable::Own(policy));
    assert!(missing(house.iam(attach).await));
    assert!(
        house
            .directory
            .state()
            .group_named(other.tenant, &name("staff"))
            .is_none()
    );
}

#[derive(Clone, Debug)]
enum Step {
    Join(usize, usize),
    Leave(usize, usize),
    Attach(usize, usize),
    Detach(usize, usize),
    Put(usize, usize),
    Take(usize, usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let pair = || (0..6_usize, 0..3_usize);
    let step = prop_oneof![
        pair().prop_map(|(a, b)| Step::Join(a % 3, b)),
        pair().prop_map(|(a, b)| Step::Leave(a % 3, b)),
        pair().prop_map(|(a, b)| Step::Attach(a, b)),
        pair().prop_map(|(a, b)| Step::Detach(a, b)),
        pair().prop_map(|(a, b)| Step::Put(a, b)),
        pair().prop_map(|(a, b)| Step::Take(a, b)),
    ];
    prop::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Beside a plain account of the same, in any order of joining, attaching and taking away.
    #[test]
    fn whoever_judges_whom_is_what_was_said_last(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async move {
            let house = House::new().await;
            let mut holders = Vec::new();
            for user in ["u0", "u1", "u2"] {
                holders.push(Holder::User(house.user(user).await));
            }
            let mut groups = Vec::new();
            for group in ["g0", "g1", "g2"] {
                groups.push(house.group(group).await);
            }
            holders.extend(groups.iter().map(|group| Holder::Group(*group)));
            let mut policies = Vec::new();
            for policy in ["p0", "p1", "p2"] {
                policies.push(house.policy(policy, policy).await);
            }
            let mut member: BTreeSet<(usize, usize)> = BTreeSet::new();
            let mut attached: BTreeSet<(usize, usize)> = BTreeSet::new();
            let mut held: BTreeSet<(usize, usize)> = BTreeSet::new();
            for step in steps {
                let (done, expected) = match step {
                    Step::Join(user, group) | Step::Leave(user, group) => {
                        let Holder::User(id) = holders[user] else { panic!() };
                        let joins = matches!(step, Step::Join(..));
                        let (group_id, pair) = (groups[group], (user, group));
                        let command = if joins {
                            IamCommand::AddMember { group: group_id, user: id }
                        } else {
                            IamCommand::RemoveMember { group: group_id, user: id }
                        };
                        let expected = joins || member.remove(&pair);
                        if joins { member.insert(pair); }
                        (house.iam(command).await, expected)
                    }
                    Step::Attach(holder, policy) => {
                        attached.insert((holder, policy));
                        let policy = Attachable::Own(policies[policy]);
                        (house.iam(IamCommand::AttachPolicy(holders[holder], policy)).await, true)
                    }
                    Step::Detach(holder, policy) => {
                        let expected = attached.remove(&(holder, policy));
                        let policy = Attachable::Own(policies[policy]);
                        (house.iam(IamCommand::DetachPolicy(holders[holder], policy)).await, expected)
                    }
                    Step::Put(holder, document) | Step::Take(holder, document) => {
                        let name = name(&format!("d{document}"));
                        let place = match holders[holder] {
                            Holder::User(user) => PolicyPlace::User { user, name },
                            Holder::Group(group) => PolicyPlace::Group { group, name },
                            Holder::Role(role) => PolicyPlace::Role { role, name },
                        };
                        if matches!(step, Step::Put(..)) {
                            held.insert((holder, document));
                            (house.put(place, "x").await, true)
                        } else {
                            let expected = held.remove(&(holder, document));
                            (house.tell(Command::DeletePolicy(place)).await, expected)
                        }
                    }
                };
                assert_eq!(done.is_ok(), expected, "{step:?}: {done:?}");
            }
            let of = |holder: usize, label: &str| -> BTreeSet<String> {
                let documents = held.iter().filter(|it| it.0 == holder).map(|it| format!("{label}d{}", it.1));
                let policies = attached.iter().filter(|it| it.0 == holder).map(|it| format!("{label}policy/p{}", it.1));
                documents.chain(policies).collect()
            };
            let reopened = open(&house.engine).await.state();
            for state in [house.directory.state(), reopened] {
                for (place, holder) in holders.iter().enumerate() {
                    let mut expected = of(place, "");
                    for group in 0..3 {
                        if member.contains(&(place, group)) {
                            expected.extend(of(3 + group, &format!("g{group}/")));
                        }
                    }
                    let told: Vec<String> = state.identity(*holder).into_iter().map(|it| it.name).collect();
                    assert_eq!(state.is_judged(*holder), !expected.is_empty());
                    assert_eq!(told.len(), expected.len());
                    assert_eq!(told.into_iter().collect::<BTreeSet<_>>(), expected);
                }
            }
        });
    }
}
