//! Policy documents in the directory: attached to buckets and users, kept over a restart, gone with what they were attached to.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::sync::Arc;

use postern_config::directory::{
    Actor, Command, CommandError, Directory, DirectoryOptions, Keeps, Name, NewUser, Outcome,
    PolicyPlace, Profile, Refusal, TenantId, UserId, UserKind, Vault,
};
use postern_config::engine::EmbeddedEngine;
use postern_config::limits::{POLICY_BYTES_MAX, USER_POLICIES_MAX};
use postern_config::{Clock, Entropy, Secret, UnixMillis};
use s3_protocol::BucketId;

struct House {
    engine: EmbeddedEngine,
    directory: Directory,
    tenant: TenantId,
    user: UserId,
    bucket: BucketId,
}

impl House {
    async fn new() -> Self {
        let engine = EmbeddedEngine::in_memory().unwrap();
        let directory = open(&engine).await;
        let tell = async |command| {
            let applied = directory.apply(command, Actor::system()).await;
            applied.unwrap().outcome
        };
        let create = Command::CreateTenant {
            name: name("demo"),
            profile: Profile::E3Root,
            parent: None,
        };
        let Outcome::Tenant { tenant, .. } = tell(create).await else {
            panic!()
        };
        let new = NewUser::new(tenant, name("photos"), UserKind::Service);
        let Outcome::User(user) = tell(Command::CreateUser(new)).await else {
            panic!()
        };
        let namespace = directory
            .state()
            .user(user)
            .unwrap()
            .namespace(Profile::E3Root);
        let begin = Command::BeginBucket {
            namespace,
            name: "archive".parse().unwrap(),
            owner: user,
            keeps: Keeps::Nothing,
        };
        let Outcome::Bucket(bucket) = tell(begin).await else {
            panic!()
        };
        tell(Command::ActivateBucket(bucket)).await;
        Self {
            engine,
            directory,
            tenant,
            user,
            bucket,
        }
    }

    async fn done(&self, command: Command) {
        let applied = self.directory.apply(command, Actor::system()).await;
        applied.unwrap();
    }

    async fn put(&self, place: PolicyPlace, text: &str) -> Result<(), CommandError> {
        let text = text.to_owned();
        let put = Command::PutPolicy { place, text };
        let applied = self.directory.apply(put, Actor::system()).await;
        applied.map(drop)
    }

    async fn refused(&self, place: PolicyPlace, text: &str) -> Refusal {
        match self.put(place, text).await {
            Err(CommandError::Refused(refusal)) => refusal,
            other => panic!("{other:?}"),
        }
    }

    fn of_bucket(&self) -> PolicyPlace {
        PolicyPlace::Bucket(self.bucket)
    }

    fn of_user(&self, name_of: &str) -> PolicyPlace {
        PolicyPlace::User {
            user: self.user,
            name: name(name_of),
        }
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

#[tokio::test]
async fn a_document_is_kept_as_it_was_given_replaced_and_taken_away() {
    let house = House::new().await;
    for place in [house.of_bucket(), house.of_user("reads")] {
        house.put(place.clone(), "{ \"one\": 1 }").await.unwrap();
        house.put(place.clone(), "{}").await.unwrap();
        // What another server, or the next start, reads.
        for state in [house.directory.state(), open(&house.engine).await.state()] {
            let kept = state.policy(&place).unwrap();
            assert_eq!((kept.text.as_str(), kept.put_by.as_str()), ("{}", "system"));
            assert_eq!(state.policies(house.tenant).count(), 1);
        }
        house.done(Command::DeletePolicy(place.clone())).await;
        for state in [house.directory.state(), open(&house.engine).await.state()] {
            assert!(state.policy(&place).is_none());
            assert_eq!(state.policies(house.tenant).count(), 0);
        }
        let again = Command::DeletePolicy(place);
        let again = house.directory.apply(again, Actor::system()).await;
        assert!(matches!(again, Err(CommandError::NotFound { .. })));
    }
}

#[tokio::test]
async fn a_users_documents_have_names_without_regard_to_case() {
    let house = House::new().await;
    house.put(house.of_user("Reads"), "1").await.unwrap();
    house.put(house.of_user("reads"), "2").await.unwrap();
    house.put(house.of_user("writes"), "3").await.unwrap();
    let state = house.directory.state();
    let texts: Vec<&str> = state
        .user_policies(house.user)
        .map(|it| it.text.as_str())
        .collect();
    assert_eq!(texts, ["2", "3"]);
}

#[tokio::test]
async fn every_change_is_in_the_audit_log_with_the_digests_of_the_texts() {
    let house = House::new().await;
    house.put(house.of_bucket(), "1").await.unwrap();
    house.put(house.of_bucket(), "2").await.unwrap();
    house.done(Command::DeletePolicy(house.of_bucket())).await;
    house.directory.verify_audit().await.unwrap();
    let page = house.directory.audit_page(0, 100).await.unwrap();
    let actions: Vec<(String, bool)> = page
        .iter()
        .filter(|record| record.object_type == "policy")
        .map(|record| (record.action.clone(), record.detail["before"].is_string()))
        .collect();
    let expected = [
        ("policy.put", false),
        ("policy.put", true),
        ("policy.delete", true),
    ];
    assert_eq!(
        actions,
        expected.map(|(action, before)| (action.to_owned(), before))
    );
    assert!(!format!("{page:?}").contains("\"text\""));
}

#[tokio::test]
async fn the_bounds_hold_at_the_bound_and_one_past_it() {
    let house = House::new().await;
    let place = house.of_bucket();
    let longest = "x".repeat(POLICY_BYTES_MAX);
    house.put(place.clone(), &longest).await.unwrap();
    let longer = "x".repeat(POLICY_BYTES_MAX + 1);
    assert_eq!(
        house.refused(place.clone(), &longer).await,
        Refusal::PolicySize
    );
    assert_eq!(house.refused(place, "").await, Refusal::PolicySize);
    for number in 0..USER_POLICIES_MAX {
        let place = house.of_user(&format!("policy-{number}"));
        house.put(place, "{}").await.unwrap();
    }
    let refused = house.refused(house.of_user("one-more"), "{}").await;
    assert_eq!(refused, Refusal::UserPolicies);
    // One that is there is replaced all the same.
    house.put(house.of_user("policy-0"), "[]").await.unwrap();
}

#[tokio::test]
async fn nothing_is_attached_to_what_is_not_there_or_does_not_work() {
    let house = House::new().await;
    let nowhere = PolicyPlace::Bucket(BucketId(7));
    let absent = house.put(nowhere, "{}").await;
    assert!(matches!(absent, Err(CommandError::NotFound { .. })));
    house.done(Command::CloseBucket(house.bucket)).await;
    let refused = house.refused(house.of_bucket(), "{}").await;
    assert_eq!(refused, Refusal::BucketState);
    house.done(Command::DisableUser(house.user)).await;
    let refused = house.refused(house.of_user("reads"), "{}").await;
    assert_eq!(refused, Refusal::Inactive);
}

#[tokio::test]
async fn a_document_goes_with_what_it_was_attached_to() {
    let house = House::new().await;
    house.put(house.of_bucket(), "{}").await.unwrap();
    house.put(house.of_user("reads"), "{}").await.unwrap();
    house.done(Command::CloseBucket(house.bucket)).await;
    house.done(Command::RemoveBucket(house.bucket)).await;
    house.done(Command::DeleteUser(house.user)).await;
    // What is left of a deleted user is swept at the next start, at the latest.
    let state = open(&house.engine).await.state();
    assert!(state.policy(&house.of_bucket()).is_none());
    assert!(state.policy(&house.of_user("reads")).is_none());
    assert!(state.user(house.user).is_none());
}
