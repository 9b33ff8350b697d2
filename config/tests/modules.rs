//! The life of modules in the directory: trials, approval by two persons, signatures, what is taken back by itself.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use postern_config::directory::{
    Actor, Approval, Binding, Command, CommandError, Digest, Directory, DirectoryOptions, Failures,
    ModuleRules, ModuleScope, ModuleStage, ModuleStep, Name, Outcome, PerMille, Profile, Refusal,
    Signer, Vault, Who, read_signature,
};
use postern_config::engine::{EmbeddedEngine, Engine as _, Op};
use postern_config::{Clock, Entropy, Secret, UnixMillis, UnixSeconds};

const NOW: u64 = 1_700_000_000;

struct House {
    engine: EmbeddedEngine,
    now: Arc<AtomicU64>,
    directory: Directory,
    scope: ModuleScope,
}

impl House {
    async fn new() -> Self {
        let engine = EmbeddedEngine::in_memory().unwrap();
        let now = Arc::new(AtomicU64::new(NOW));
        let directory = open(&engine, &now).await;
        let create = Command::CreateTenant {
            name: name("demo"),
            profile: Profile::E3Root,
            parent: None,
        };
        let applied = directory.apply(create, Actor::system()).await.unwrap();
        let Outcome::Tenant { tenant, .. } = applied.outcome else {
            panic!()
        };
        let scope = ModuleScope::Tenant(tenant);
        Self {
            engine,
            now,
            directory,
            scope,
        }
    }

    async fn push(&self, bytes: &[u8]) -> Digest {
        self.push_of(self.scope, bytes, None).await.unwrap()
    }

    async fn push_of(
        &self,
        scope: ModuleScope,
        bytes: &[u8],
        signature: Option<Vec<u8>>,
    ) -> Result<Digest, CommandError> {
        let push = Command::PushModule {
            scope,
            name: name("guard"),
            bytes: bytes.to_vec(),
            signature,
        };
        self.directory.apply(push, Actor::system()).await?;
        Ok(Digest::of(bytes))
    }

    async fn done(&self, command: Command) -> Outcome {
        let applied = self.directory.apply(command, Actor::system()).await;
        applied.unwrap().outcome
    }

    async fn refused(&self, command: Command) -> Refusal {
        self.refused_of(command, Actor::system()).await
    }

    async fn refused_of(&self, command: Command, actor: Actor) -> Refusal {
        match self.directory.apply(command, actor).await {
            Err(CommandError::Refused(refusal)) => refusal,
            other => panic!("{other:?}"),
        }
    }

    fn binding(&self) -> Binding {
        let state = self.directory.state();
        Binding::clone(state.binding(self.scope, &name("guard")).unwrap())
    }

    fn stage(&self, digest: Digest) -> ModuleStage {
        let state = self.directory.state();
        let version = state.module(self.scope, &name("guard"), digest).unwrap();
        state.stage(version)
    }

    fn activate(&self, digest: Digest) -> Command {
        Command::ActivateModule(self.scope, name("guard"), digest)
    }

    fn canary(&self, digest: Digest, per_mille: u16) -> Command {
        let share = PerMille::try_from(per_mille).unwrap();
        Command::CanaryModule(self.scope, name("guard"), digest, share)
    }

    fn about(&self, command: fn(ModuleScope, Name) -> Command) -> Command {
        command(self.scope, name("guard"))
    }

    fn revert(&self, failing: Digest) -> Command {
        Command::RevertModule {
            scope: self.scope,
            name: name("guard"),
            failing,
            failures: Failures {
                asked: 40,
                failed: 10,
                seconds: 60,
            },
        }
    }
}

async fn open(engine: &EmbeddedEngine, now: &Arc<AtomicU64>) -> Directory {
    let now = Arc::clone(now);
    Directory::open(DirectoryOptions {
        engine: Arc::new(engine.clone()),
        vault: Vault::new(&Secret::new(vec![7; 32])).unwrap(),
        clock: Clock::new(move || UnixMillis(now.load(Ordering::Relaxed) * 1_000)),
        entropy: Entropy::system(),
    })
    .await
    .unwrap()
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn person(text: &str) -> Actor {
    Actor {
        who: Who::Person {
            name: name(text),
            token: "0123456789abcdef".to_owned(),
        },
        address: None,
        request: None,
    }
}

fn two_persons() -> ModuleRules {
    ModuleRules {
        approval: Approval::TwoPersons { seconds: 600 },
        signers: Vec::new(),
    }
}

#[tokio::test]
async fn a_version_goes_through_shadow_and_canary_into_force_and_retires() {
    let house = House::new().await;
    let (one, two) = (house.push(b"one").await, house.push(b"two").await);
    house.done(house.activate(one)).await;
    let shadow = |digest| Command::ShadowModule(house.scope, name("guard"), digest);
    assert_eq!(house.refused(shadow(one)).await, Refusal::InForce);
    assert_eq!(house.stage(two), ModuleStage::Stored);
    house.done(shadow(two)).await;
    assert_eq!(house.stage(two), ModuleStage::Shadow);
    house.done(house.canary(two, 50)).await;
    assert_eq!(house.stage(two), ModuleStage::Canary);
    assert_eq!(house.binding().shadow, None);
    let retire = Command::RetireModule(house.scope, name("guard"), two);
    assert_eq!(house.refused(retire).await, Refusal::AtWork);
    house.done(house.about(Command::PromoteCanary)).await;
    assert_eq!(
        (house.stage(one), house.stage(two)),
        (ModuleStage::Retired, ModuleStage::Active)
    );
    assert_eq!(house.binding().canary, None);
    assert_eq!(house.binding().since, Some(UnixSeconds(NOW)));
    for command in [
        Command::PromoteCanary,
        Command::StopCanary,
        Command::StopShadow,
    ] {
        assert_eq!(house.refused(house.about(command)).await, Refusal::NoTrial);
    }
    // What comes back has shown that it works: it is not watched.
    house.done(house.about(Command::RollbackModule)).await;
    assert_eq!(
        (house.binding().active, house.binding().since),
        (Some(one), None)
    );
}

#[tokio::test]
async fn switching_off_ends_every_trial() {
    let house = House::new().await;
    let (one, two) = (house.push(b"one").await, house.push(b"two").await);
    house.done(house.activate(one)).await;
    house.done(house.canary(two, 1_000)).await;
    let shadow = Command::ShadowModule(house.scope, name("guard"), house.push(b"three").await);
    house.done(shadow).await;
    house.done(house.about(Command::DeactivateModule)).await;
    assert_eq!(house.binding().at_work().count(), 0);
}

#[tokio::test]
async fn a_directory_of_before_the_trials_still_opens() {
    let house = House::new().await;
    let one = house.push(b"one").await;
    house.done(house.activate(one)).await;
    let now = house.engine.now().await.unwrap();
    let page = house.engine.page("dir/".to_owned(), now, None, 1_000).await;
    let mut older = 0;
    for row in page.unwrap().rows {
        if row.key.contains("/binding/") || row.key.contains("/module/") {
            let mut value: serde_json::Value = serde_json::from_slice(&row.value).unwrap();
            let fields = value.as_object_mut().unwrap();
            for added in ["since", "shadow", "canary", "proposal", "signature"] {
                fields.remove(added);
            }
            let known = [
                "scope",
                "name",
                "kind",
                "active",
                "history",
                "digest",
                "bytes",
                "pushed",
                "pushed_by",
                "state",
            ];
            assert!(
                fields.keys().all(|field| known.contains(&field.as_str())),
                "{value}"
            );
            let op = Op::Put(row.key, value.to_string().into_bytes());
            house.engine.txn(Vec::new(), vec![op]).await.unwrap();
            older += 1;
        }
    }
    assert_eq!(older, 2);
    let opened = open(&house.engine, &house.now).await;
    let state = opened.state();
    let binding = state.binding(house.scope, &name("guard")).unwrap();
    assert_eq!((binding.active, binding.since), (Some(one), None));
    let two = house.push(b"two").await;
    drop(state);
    opened.refresh().await.unwrap();
    let canary = house.canary(two, 10);
    opened.apply(canary, Actor::system()).await.unwrap();
}

#[tokio::test]
async fn what_is_obeyed_changes_only_when_another_person_agrees() {
    let house = House::new().await;
    house.directory.govern(two_persons());
    let (one, two) = (house.push(b"one").await, house.push(b"two").await);
    let (alice, bob) = (person("alice"), person("bob"));
    let approve = || house.about(Command::ApproveModule);
    assert!(matches!(
        house.directory.apply(approve(), bob.clone()).await,
        Err(CommandError::NotFound { .. })
    ));
    let by = async |command: Command, actor: &Actor| {
        let applied = house.directory.apply(command, actor.clone()).await;
        applied.unwrap().outcome
    };
    for (command, step) in [
        (house.activate(one), ModuleStep::Activate(one)),
        (
            house.canary(two, 50),
            ModuleStep::Canary(two, PerMille::try_from(50).unwrap()),
        ),
        (
            house.about(Command::PromoteCanary),
            ModuleStep::Promote(two),
        ),
        (
            house.about(Command::DeactivateModule),
            ModuleStep::Deactivate,
        ),
    ] {
        let before = house.directory.state();
        let before = before.binding(house.scope, &name("guard")).cloned();
        let Outcome::Proposed(proposal) = by(command, &alice).await else {
            panic!("{step:?} was carried out")
        };
        assert_eq!((proposal.step, proposal.by.as_str()), (step, "admin:alice"));
        let proposed = house.binding();
        assert_eq!(proposed.active, before.as_ref().and_then(|it| it.active));
        assert_eq!(proposed.canary, before.and_then(|it| it.canary));
        assert_eq!(
            house.refused_of(approve(), alice.clone()).await,
            Refusal::SamePerson
        );
        by(approve(), &bob).await;
        assert_eq!(house.binding().proposal, None);
    }
    assert_eq!(house.binding().active, None);
    assert_eq!(house.binding().history, [one, two]);
    assert_eq!(house.refused_of(approve(), bob).await, Refusal::NoProposal);
    // What only tries needs nobody, and the server itself needs nobody.
    by(
        Command::ShadowModule(house.scope, name("guard"), one),
        &alice,
    )
    .await;
    house.done(house.activate(one)).await;
    assert_eq!(house.binding().active, Some(one));
}

#[tokio::test]
async fn a_proposal_expires_can_be_rejected_and_is_one_at_a_time() {
    let house = House::new().await;
    house.directory.govern(two_persons());
    let (one, two) = (house.push(b"one").await, house.push(b"two").await);
    let (alice, bob) = (person("alice"), person("bob"));
    let propose = async |digest| {
        let proposed = house
            .directory
            .apply(house.activate(digest), alice.clone())
            .await;
        assert!(matches!(proposed.unwrap().outcome, Outcome::Proposed(_)));
    };
    propose(one).await;
    let second = house.activate(two);
    assert_eq!(
        house.refused_of(second, bob.clone()).await,
        Refusal::AlreadyProposed
    );
    house.now.store(NOW + 599, Ordering::Relaxed);
    let second = house.activate(two);
    assert_eq!(
        house.refused_of(second, bob.clone()).await,
        Refusal::AlreadyProposed
    );
    house.now.store(NOW + 600, Ordering::Relaxed);
    let approve = house.about(Command::ApproveModule);
    assert_eq!(
        house.refused_of(approve, bob.clone()).await,
        Refusal::Expired
    );
    propose(two).await;
    let reject = house.about(Command::RejectModule);
    house.directory.apply(reject, alice.clone()).await.unwrap();
    let approve = house.about(Command::ApproveModule);
    assert_eq!(house.refused_of(approve, bob).await, Refusal::NoProposal);
    assert_eq!(house.binding().active, None);
}

#[tokio::test]
async fn one_person_cannot_switch_a_rule_off_by_rolling_it_back() {
    let house = House::new().await;
    let one = house.push(b"one").await;
    house.done(house.activate(one)).await;
    house.directory.govern(two_persons());
    let back = house.about(Command::RollbackModule);
    assert_eq!(
        house.refused_of(back, person("alice")).await,
        Refusal::OffNeedsTwo
    );
    assert_eq!(house.binding().active, Some(one));
}

#[tokio::test]
async fn what_does_not_answer_gives_way_to_what_was_before() {
    let house = House::new().await;
    let (one, two) = (house.push(b"one").await, house.push(b"two").await);
    house.done(house.activate(one)).await;
    // Nothing was before it: it stays, since without it everything would pass.
    assert_eq!(house.refused(house.revert(one)).await, Refusal::NoHistory);
    house.done(house.canary(two, 100)).await;
    house.done(house.revert(two)).await;
    assert_eq!(
        (house.binding().canary, house.binding().active),
        (None, Some(one))
    );
    assert_eq!(house.refused(house.revert(two)).await, Refusal::NotInForce);
    house.done(house.activate(two)).await;
    house.done(house.revert(two)).await;
    assert_eq!(
        (house.binding().active, house.binding().since),
        (Some(one), None)
    );
    let records = house
        .directory
        .audit_search(2, |it| it.action == "module.rollback")
        .await;
    let records = records.unwrap();
    let stages: Vec<_> = records.iter().map(|it| &it.detail["stage"]).collect();
    assert_eq!(stages, ["active", "canary"]);
    let detail = &records.first().unwrap().detail;
    assert_eq!(detail["by_itself"], true);
    assert_eq!(
        (&detail["asked"], &detail["failed"]),
        (&40.into(), &10.into())
    );
    assert_eq!(records.first().unwrap().actor, Actor::system());
}

#[tokio::test]
async fn a_guardrail_of_the_platform_is_never_taken_back_by_itself() {
    let mut house = House::new().await;
    house.scope = ModuleScope::Platform;
    let (one, two) = (house.push(b"one").await, house.push(b"two").await);
    house.done(house.activate(one)).await;
    house.done(house.activate(two)).await;
    assert_eq!(house.refused(house.revert(two)).await, Refusal::Guardrail);
    assert_eq!(house.binding().active, Some(two));
}

fn signer(seed: u8) -> (Ed25519KeyPair, Signer) {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
    let public = Signer::new(pair.public_key().as_ref().try_into().unwrap());
    (pair, public)
}

fn signed_by(signers: &[Signer]) -> ModuleRules {
    ModuleRules {
        signers: signers.to_vec(),
        ..ModuleRules::default()
    }
}

#[tokio::test]
async fn where_signers_are_set_nothing_is_taken_without_one_of_them() {
    let house = House::new().await;
    let early = house.push(b"unsigned").await;
    let ((alice, alice_key), (_, bob_key), (eve, _)) = (signer(1), signer(2), signer(3));
    let sign = |pair: &Ed25519KeyPair, bytes: &[u8]| Some(pair.sign(bytes).as_ref().to_vec());
    let refused =
        async |bytes: &[u8], signature| match house.push_of(house.scope, bytes, signature).await {
            Err(CommandError::Refused(refusal)) => refusal,
            other => panic!("{other:?}"),
        };
    assert_eq!(refused(b"m", sign(&alice, b"m")).await, Refusal::NoSigners);
    house.directory.govern(signed_by(&[bob_key, alice_key]));
    assert_eq!(refused(b"m", None).await, Refusal::Unsigned);
    assert_eq!(
        refused(b"m", sign(&eve, b"m")).await,
        Refusal::WronglySigned
    );
    assert_eq!(
        refused(b"m", sign(&alice, b"n")).await,
        Refusal::WronglySigned
    );
    assert_eq!(
        refused(b"m", Some(vec![0; 64])).await,
        Refusal::WronglySigned
    );
    assert_eq!(
        refused(b"m", Some(Vec::new())).await,
        Refusal::WronglySigned
    );
    // What was stored before the setting is not put in force any more.
    assert_eq!(
        house.refused(house.activate(early)).await,
        Refusal::Unsigned
    );

    let good = house
        .push_of(house.scope, b"m", sign(&alice, b"m"))
        .await
        .unwrap();
    house.done(house.activate(good)).await;
    let reopened = open(&house.engine, &house.now).await;
    let state = reopened.state();
    let version = state.module(house.scope, &name("guard"), good).unwrap();
    reopened.govern(signed_by(&[alice_key]));
    assert_eq!(reopened.vouched(version, b"m"), Ok(()));
    assert_eq!(reopened.vouched(version, b"n"), Err(Refusal::WronglySigned));
    // A key that is taken out of the settings vouches for nothing.
    reopened.govern(signed_by(&[bob_key]));
    assert_eq!(reopened.vouched(version, b"m"), Err(Refusal::WronglySigned));
    let unsigned = state.module(house.scope, &name("guard"), early).unwrap();
    assert_eq!(
        reopened.vouched(unsigned, b"unsigned"),
        Err(Refusal::Unsigned)
    );
    reopened.govern(ModuleRules::default());
    assert_eq!(reopened.vouched(unsigned, b"unsigned"), Ok(()));
}

#[test]
fn a_signature_is_read_as_bytes_or_base64_and_a_signer_as_base64() {
    use base64::Engine as _;
    let base64 = base64::prelude::BASE64_STANDARD.encode([7; 64]);
    assert_eq!(read_signature(&[7; 64]), Some([7; 64]));
    assert_eq!(
        read_signature(format!("{base64}\n").as_bytes()),
        Some([7; 64])
    );
    assert_eq!(read_signature(&[7; 63]), None);
    let (_, key) = signer(1);
    assert_eq!(key.to_string().parse::<Signer>().unwrap(), key);
    assert!("AAAA".parse::<Signer>().is_err());
}

#[tokio::test]
async fn a_search_of_the_audit_log_looks_back_over_its_pages() {
    let house = House::new().await;
    let one = house.push(b"one").await;
    let note = |outcome: &str| Command::NoteModule {
        scope: house.scope,
        name: name("guard"),
        digest: Some(one),
        step: "module.test",
        outcome: outcome.to_owned(),
    };
    house.done(note("first")).await;
    for _ in 0..1_100 {
        house.done(note("x")).await;
    }
    house.done(note(&"y".repeat(5_000))).await;
    let wanted = |it: &postern_config::directory::AuditRecord| it.detail["outcome"] != "x";
    let found = house.directory.audit_search(10, wanted).await.unwrap();
    let told: Vec<_> = found.iter().map(|it| it.action.as_str()).collect();
    assert_eq!(
        told,
        ["module.test", "module.test", "module.push", "tenant.create"]
    );
    let outcome = found.first().unwrap().detail["outcome"].as_str().unwrap();
    assert_eq!(outcome.len(), 1_024);
    assert_eq!(
        house.directory.audit_search(1, wanted).await.unwrap().len(),
        1
    );
    assert_eq!(
        house.directory.verify_audit().await.unwrap(),
        found.first().unwrap().sequence
    );
}
