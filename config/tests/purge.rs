//! Deletions that take data along: what goes, what stays, and that a stop anywhere changes nothing of it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use postern_config::directory::{
    Actor, Command, CommandError, Directory, DirectoryOptions, Keeps, KeyRights, Level,
    NamespaceId, NewUser, Outcome, Profile, Purge, Refusal, TenantId, Totals, UserId, UserKind,
    UserStatus, Vault,
};
use postern_config::engine::EmbeddedEngine;
use postern_config::purge::{Pace, Purges};
use postern_config::upstream::{Emptied, Holds, Spot, Upstream};
use postern_config::{Clock, Entropy, Secret, UnixMillis, UnixSeconds};
use proptest::prelude::*;
use s3_protocol::{BucketId, S3Code, S3Error};

/// Buckets with so many objects of 10 bytes each. Every call may be the one that fails.
#[derive(Debug, Default)]
struct Shelf {
    held: Mutex<BTreeMap<BucketId, u64>>,
    /// Calls until one fails; none: none does.
    fails_in: Mutex<Option<u64>>,
    /// What may not be removed.
    locked: Mutex<Vec<BucketId>>,
}

impl Shelf {
    fn call(&self) -> Result<(), S3Error> {
        match &mut *self.fails_in.lock() {
            None => Ok(()),
            Some(0) => Err(S3Code::ServiceUnavailable.into()),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }
}

impl Upstream for Shelf {
    fn create_bucket(&self, bucket: BucketId, _: Keeps) -> BoxFuture<'_, Result<(), S3Error>> {
        self.held.lock().entry(bucket).or_default();
        Box::pin(async { Ok(()) })
    }

    fn delete_bucket(&self, bucket: BucketId) -> BoxFuture<'_, Result<(), S3Error>> {
        Box::pin(async move {
            self.call()?;
            let mut held = self.held.lock();
            match held.get(&bucket) {
                Some(0) | None => {
                    held.remove(&bucket);
                    Ok(())
                }
                Some(_) => Err(S3Code::BucketNotEmpty.into()),
            }
        })
    }

    fn empty_bucket(
        &self,
        bucket: BucketId,
        from: Spot,
        most: usize,
    ) -> BoxFuture<'_, Result<Emptied, S3Error>> {
        Box::pin(async move {
            self.call()?;
            let mut held = self.held.lock();
            let Some(objects) = held.get_mut(&bucket) else {
                return Err(S3Code::NoSuchBucket.into());
            };
            if self.locked.lock().contains(&bucket) {
                return Ok(Emptied {
                    kept: *objects,
                    ..Emptied::default()
                });
            }
            let removed = (*objects).min(most as u64);
            *objects -= removed;
            Ok(Emptied {
                removed,
                kept: 0,
                next: (*objects > 0).then_some(from),
            })
        })
    }

    fn holds(&self, bucket: BucketId) -> BoxFuture<'_, Result<Holds, S3Error>> {
        Box::pin(async move {
            let objects = *self.held.lock().get(&bucket).ok_or(S3Code::NoSuchBucket)?;
            Ok(Holds {
                objects,
                bytes: objects * 10,
                ..Holds::default()
            })
        })
    }
}

struct House {
    engine: EmbeddedEngine,
    directory: Directory,
    shelf: Arc<Shelf>,
    purges: Arc<Purges>,
    pace: Pace,
}

const FAST: Pace = Pace {
    step: 3,
    per_second: u32::MAX,
};

impl House {
    async fn new(pace: Pace) -> Self {
        Self::on(EmbeddedEngine::in_memory().unwrap(), Arc::default(), pace).await
    }

    async fn on(engine: EmbeddedEngine, shelf: Arc<Shelf>, pace: Pace) -> Self {
        let directory = Directory::open(DirectoryOptions {
            engine: Arc::new(engine.clone()),
            vault: Vault::new(&Secret::new(vec![7; 32])).unwrap(),
            clock: Clock::new(|| UnixMillis(1_700_000_000_000)),
            entropy: Entropy::system(),
        })
        .await
        .unwrap();
        let upstream = Arc::clone(&shelf) as Arc<dyn Upstream>;
        let purges = Arc::new(Purges::new(directory.clone(), upstream, pace));
        Self {
            engine,
            directory,
            shelf,
            purges,
            pace,
        }
    }

    /// As after a stop: what is on disk is there, and nothing else.
    async fn reopened(self) -> Self {
        *self.shelf.fails_in.lock() = None;
        Self::on(self.engine, self.shelf, self.pace).await
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

    async fn user(&self, tenant: TenantId, name: &str) -> UserId {
        let new = NewUser::new(tenant, name.parse().unwrap(), UserKind::Service);
        match self.ask(Command::CreateUser(new)).await.unwrap() {
            Outcome::User(id) => id,
            other => panic!("{other:?}"),
        }
    }

    async fn bucket(&self, namespace: NamespaceId, owner: UserId, (name, objects): (&str, u64)) {
        let begin = Command::BeginBucket {
            namespace,
            name: name.parse().unwrap(),
            owner,
            keeps: Keeps::Nothing,
        };
        let Outcome::Bucket(id) = self.ask(begin).await.unwrap() else {
            panic!("no bucket");
        };
        self.shelf.held.lock().insert(id, objects);
        self.ask(Command::ActivateBucket(id)).await.unwrap();
    }

    fn objects(&self) -> u64 {
        self.shelf.held.lock().values().sum()
    }

    async fn actions(&self) -> Vec<String> {
        let records = self.directory.audit_page(0, 1_000).await.unwrap();
        records.into_iter().map(|it| it.action).collect()
    }
}

/// Rule 000-30: a user is deleted with all associated data, and nobody else's.
#[tokio::test]
async fn a_user_goes_with_what_he_owns_and_with_nothing_else() {
    let house = House::new(FAST).await;
    let (tenant, root) = house.tenant("acme", Profile::E3Primary).await;
    let (web, other) = (
        house.user(tenant, "web").await,
        house.user(tenant, "other").await,
    );
    let own = NamespaceId::User(tenant, web);
    house.bucket(own, web, ("first", 10)).await;
    house.bucket(own, web, ("second", 0)).await;
    let theirs = NamespaceId::User(tenant, other);
    house.bucket(theirs, other, ("first", 4)).await;
    let rights = KeyRights::of_level(Level::Full);
    let Outcome::Key { key, .. } = house
        .ask(Command::CreateKey { user: web, rights })
        .await
        .unwrap()
    else {
        panic!("no key");
    };

    let Outcome::Job(job) = house.ask(Command::PurgeUser(web)).await.unwrap() else {
        panic!("no job");
    };
    // At once: his keys are dead, though he is still there.
    let state = house.directory.state();
    assert!(!state.caller(&key).unwrap().works_at(UnixSeconds(1)));
    assert_eq!(state.user(web).unwrap().status, UserStatus::Deleting);
    let counting = house.purges.progress(state.job(job).unwrap()).await;
    assert_eq!((counting.total, counting.done), (None, Totals::default()));
    // He does not come back, and goes once.
    for again in [
        Command::EnableUser(web),
        Command::DeleteUser(web),
        Command::PurgeUser(web),
    ] {
        assert!(house.ask(again).await.is_err());
    }

    assert_eq!(house.purges.turn().await, 0);
    let state = house.directory.state();
    assert!(state.user(web).is_none() && state.key(&key).is_none());
    assert_eq!(state.all_buckets(own).count(), 0);
    assert_eq!((house.objects(), state.all_buckets(theirs).count()), (4, 1));
    let done = house.purges.progress(state.job(job).unwrap()).await;
    let all = Totals {
        buckets: 2,
        objects: 10,
        bytes: 100,
    };
    assert_eq!((done.total, done.done), (Some(all), all));
    let actions = house.actions().await;
    for action in ["user.purge", "job.measure", "job.finish", "user.sweep"] {
        let times = actions.iter().filter(|it| *it == action).count();
        assert_eq!(times, 1, "{action}: {actions:?}");
    }
    // The name is free, and the root untouched.
    house.user(tenant, "web").await;
    assert!(state.user(root).is_some());
    house.directory.verify_audit().await.unwrap();
}

#[tokio::test]
async fn a_profile_that_keeps_data_keeps_its_users() {
    let house = House::new(FAST).await;
    for profile in [
        Profile::E3Root,
        Profile::Sobject,
        Profile::Vpsa,
        Profile::Datastream,
    ] {
        let (tenant, root) = house.tenant(profile.as_str(), profile).await;
        let user = house.user(tenant, "web").await;
        let refused = house.ask(Command::PurgeUser(user)).await.unwrap_err();
        assert!(
            matches!(refused, CommandError::Refused(Refusal::KeepsData)),
            "{profile}: {refused}"
        );
        assert!(house.ask(Command::PurgeUser(root)).await.is_err());
    }
    let (_, root) = house.tenant("primary", Profile::E3Primary).await;
    let refused = house.ask(Command::PurgeUser(root)).await.unwrap_err();
    assert!(matches!(refused, CommandError::Refused(Refusal::RootStays)));
}

#[tokio::test]
async fn an_account_of_any_profile_is_closed_with_its_data() {
    let house = House::new(FAST).await;
    for profile in Profile::ALL {
        let (tenant, root) = house.tenant(profile.as_str(), profile).await;
        let user = house.user_of(tenant, profile).await;
        for (owner, name) in [(root, "one"), (user, "two")] {
            let state = house.directory.state();
            let namespace = state.user(owner).unwrap().namespace(profile);
            house.bucket(namespace, owner, (name, 7)).await;
        }
        house.ask(Command::PurgeTenant(tenant)).await.unwrap();
        assert_eq!(house.purges.turn().await, 0, "{profile}");
        let state = house.directory.state();
        assert!(state.tenant(tenant).is_none(), "{profile}");
        assert_eq!(house.objects(), 0, "{profile}");
        assert_eq!(state.running_jobs().count(), 0);
    }
    house.directory.verify_audit().await.unwrap();
}

#[tokio::test]
async fn what_may_not_be_removed_holds_up_its_own_job_alone() {
    let house = House::new(FAST).await;
    let (tenant, _) = house.tenant("acme", Profile::E3Primary).await;
    let (held, free) = (
        house.user(tenant, "held").await,
        house.user(tenant, "free").await,
    );
    for (user, name) in [(held, "locked"), (free, "open")] {
        house
            .bucket(NamespaceId::User(tenant, user), user, (name, 5))
            .await;
    }
    let state = house.directory.state();
    let locked = state.purged_buckets(Purge::User(held)).next().unwrap().id;
    house.shelf.locked.lock().push(locked);
    let Outcome::Job(job) = house.ask(Command::PurgeUser(held)).await.unwrap() else {
        panic!("no job");
    };
    house.ask(Command::PurgeUser(free)).await.unwrap();
    assert_eq!(house.purges.turn().await, 1);
    let state = house.directory.state();
    assert!(state.user(held).is_some() && state.user(free).is_none());
    let progress = house.purges.progress(state.job(job).unwrap()).await;
    assert!(progress.hindrance.unwrap().contains("`locked`"));
    // When it may go, it goes.
    house.shelf.locked.lock().clear();
    assert_eq!(house.purges.turn().await, 0);
    assert!(house.directory.state().user(held).is_none());
}

#[tokio::test(start_paused = true)]
async fn objects_are_removed_at_a_bounded_pace() {
    let house = House::new(Pace {
        step: 10,
        per_second: 100,
    })
    .await;
    let (tenant, _) = house.tenant("acme", Profile::E3Primary).await;
    let user = house.user(tenant, "web").await;
    house
        .bucket(NamespaceId::User(tenant, user), user, ("many", 1_000))
        .await;
    house.ask(Command::PurgeUser(user)).await.unwrap();
    let begun = tokio::time::Instant::now();
    assert_eq!(house.purges.turn().await, 0);
    assert!(begun.elapsed() >= Duration::from_secs(10));
    assert_eq!(house.objects(), 0);
}

#[tokio::test]
async fn the_task_takes_up_what_is_asked_while_it_waits() {
    let house = House::new(FAST).await;
    let (tenant, _) = house.tenant("acme", Profile::E3Primary).await;
    let user = house.user(tenant, "web").await;
    house
        .bucket(NamespaceId::User(tenant, user), user, ("some", 9))
        .await;
    let task = tokio::spawn(Arc::clone(&house.purges).run());
    tokio::task::yield_now().await;
    house.ask(Command::PurgeUser(user)).await.unwrap();
    let gone = async {
        // The record goes in the sweep that follows the job's end.
        while house.directory.state().user(user).is_some() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone)
        .await
        .unwrap();
    assert!(house.directory.state().running_jobs().next().is_none());
    task.abort();
}

impl House {
    async fn user_of(&self, tenant: TenantId, profile: Profile) -> UserId {
        let name = format!("user-{profile}");
        self.user(tenant, &name).await
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever call is the last before a stop, and however often, the deletion ends as if there had been none.
    #[test]
    fn a_purge_that_is_stopped_anywhere_goes_on(
        sizes in prop::collection::vec(0_u64..12, 1..5),
        stops in prop::collection::vec(0_u64..8, 0..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut house = House::new(FAST).await;
            let (tenant, _) = house.tenant("acme", Profile::E3Primary).await;
            let user = house.user(tenant, "web").await;
            for (number, objects) in sizes.iter().enumerate() {
                let name = format!("bucket-{number}");
                house.bucket(NamespaceId::User(tenant, user), user, (&name, *objects)).await;
            }
            let Outcome::Job(job) = house.ask(Command::PurgeUser(user)).await.unwrap() else {
                panic!("no job");
            };
            let mut done_before = 0;
            for stop in stops {
                *house.shelf.fails_in.lock() = Some(stop);
                house.purges.turn().await;
                house = house.reopened().await;
                let state = house.directory.state();
                // How far it is never goes back.
                let done = house.purges.progress(state.job(job).unwrap()).await.done;
                assert!(done.objects >= done_before, "{done:?} after {done_before}");
                done_before = done.objects;
                let dead = state.user(user).is_none_or(|it| it.status == UserStatus::Deleting);
                assert!(dead);
            }
            assert_eq!(house.purges.turn().await, 0);
            let state = house.directory.state();
            assert!(state.user(user).is_none() && house.shelf.held.lock().is_empty());
            let finished = state.job(job).unwrap();
            let all = sizes.iter().sum::<u64>();
            let totals = finished.totals.unwrap();
            assert_eq!((totals.objects, totals.buckets), (all, sizes.len() as u64));
            house.directory.verify_audit().await.unwrap();
        });
    }
}
