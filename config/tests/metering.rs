//! The books of usage through their public face: counting by many threads, bounds, closed periods, samples, last use; and the
//! commands that bound use.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use postern_config::directory::{
    AccessKeyId, Actor, Command, CommandError, Directory, DirectoryOptions, KeyRights, Level,
    Outcome, Profile, Quota, QuotaOf, Rate, RateOf, Refusal, TenantId, UserId, Vault,
};
use postern_config::engine::EmbeddedEngine;
use postern_config::limits::{METER_SHARD_COARSE_ROWS_MAX, METER_SHARD_ROWS_MAX};
use postern_config::metering::{
    By, Correction, Event, Hour, Ledger, LedgerError, Meter, Moment, Period, Sample, Step, Sums,
    Wanted, Whose,
};
use postern_config::{Clock, Entropy, Secret, UnixMillis, system_clock};
use s3_protocol::{BucketId, Operation};

/// 22 November 2026, 10:00.
const NOW: u64 = 1_795_341_600_000;
const HOUR: u64 = 3_600_000;

/// Somebody to bill: the numbers of accounts are the directory's to give.
async fn somebody() -> (Directory, TenantId, UserId) {
    let directory = Directory::open(DirectoryOptions {
        engine: Arc::new(EmbeddedEngine::in_memory().unwrap()),
        vault: Vault::new(&Secret::new(vec![7; 32])).unwrap(),
        clock: system_clock(),
        entropy: Entropy::system(),
    })
    .await
    .unwrap();
    let create = Command::CreateTenant {
        name: "acme".parse().unwrap(),
        profile: Profile::S3,
        parent: None,
    };
    match apply(&directory, create).await {
        Outcome::Tenant { tenant, root } => (directory, tenant, root),
        _ => unreachable!(),
    }
}

async fn apply(directory: &Directory, command: Command) -> Outcome {
    let applied = directory.apply(command, Actor::system()).await;
    applied.unwrap().outcome
}

struct House {
    tenant: TenantId,
    user: UserId,
    ledger: Arc<Ledger>,
    meter: Arc<Meter>,
    now: Arc<AtomicU64>,
}

impl House {
    async fn new() -> Self {
        Self::with(Ledger::in_memory().unwrap()).await
    }

    async fn with(ledger: Ledger) -> Self {
        let (_, tenant, user) = somebody().await;
        let now = Arc::new(AtomicU64::new(NOW));
        let hand = Arc::clone(&now);
        let ledger = Arc::new(ledger);
        let clock = Clock::new(move || UnixMillis(hand.load(Ordering::Relaxed)));
        Self {
            tenant,
            user,
            meter: Arc::new(Meter::new(Arc::clone(&ledger), clock)),
            ledger,
            now,
        }
    }

    fn whose(&self, bucket: u128) -> Whose {
        Whose {
            tenant: Some(self.tenant),
            user: Some(self.user),
            key: Some(key(0)),
            bucket: Some(BucketId(bucket)),
            ..Whose::NOBODY
        }
    }

    fn event(&self, bucket: u128) -> Event {
        Event {
            at: UnixMillis(self.now.load(Ordering::Relaxed)),
            whose: self.whose(bucket),
            operation: Some(Operation::PutObject),
            status: 200,
            whole: true,
            bytes_in: 3,
            bytes_out: 5,
            address: IpAddr::from([192, 0, 2, 1]),
        }
    }

    fn sums(&self, from: &str, to: &str) -> Sums {
        self.wanted(from, to, By::Total)
    }

    fn wanted(&self, from: &str, to: &str, by: By) -> Sums {
        let wanted = Wanted {
            from: moment(from),
            to: moment(to),
            step: Step::Total,
            by,
            tenant: None,
            user: None,
            key: None,
            bucket: None,
        };
        self.ledger.report(&wanted).unwrap().total
    }
}

fn key(number: usize) -> AccessKeyId {
    format!("PK{number:018}").parse().unwrap()
}

fn moment(text: &str) -> Hour {
    text.parse::<Moment>().unwrap().0
}

fn period(text: &str) -> Period {
    text.parse().unwrap()
}

#[tokio::test]
async fn many_threads_are_counted_exactly_while_what_they_count_is_written() {
    let house = House::new().await;
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8_u128)
            .map(|thread| {
                let house = &house;
                scope.spawn(move || {
                    (0..20_000).for_each(|number| {
                        house.meter.count(&house.event(1 + (thread + number) % 7))
                    });
                })
            })
            .collect();
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                house.meter.flush().unwrap();
            }
        });
        for thread in threads {
            thread.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    house.meter.flush().unwrap();
    let sums = house.sums("2026-11-22", "2026-11-23").counts;
    assert_eq!(sums.requests, [0, 160_000, 0, 0, 0]);
    assert_eq!((sums.bytes_in, sums.bytes_out), (480_000, 800_000));
    assert_eq!(house.meter.numbers().coarse, 0);
    assert_eq!(house.ledger.footing().unwrap().counts, 7);
}

#[tokio::test]
async fn at_the_bound_rows_are_fine_and_past_it_coarse_and_no_request_is_lost() {
    let house = House::new().await;
    let bound = METER_SHARD_ROWS_MAX as u128;
    (1..=bound).for_each(|bucket| house.meter.count(&house.event(bucket)));
    assert_eq!(house.meter.numbers().coarse, 0, "at the bound");
    house.meter.count(&house.event(1));
    assert_eq!(house.meter.numbers().coarse, 0, "a row that is there");
    (1..=3).for_each(|more| house.meter.count(&house.event(bound + more)));
    assert_eq!(house.meter.numbers().coarse, 3, "past the bound");
    // Of as many accounts as may be, and one more, which is nobody.
    let account = |number: u64| Event {
        whose: Whose {
            tenant: serde_json::from_value(number.into()).ok(),
            ..house.whose(1)
        },
        ..house.event(1)
    };
    let most = METER_SHARD_COARSE_ROWS_MAX as u64;
    (1..=most).for_each(|more| house.meter.count(&account(1_000 + more)));
    house.meter.flush().unwrap();
    let rows = bound + u128::from(most);
    assert_eq!(
        house.sums("2026-11-22", "2026-11-23").counts.all(),
        u64::try_from(rows).unwrap() + 4
    );
    assert_eq!(u128::from(house.ledger.footing().unwrap().counts), rows + 1);
    // What was written makes room.
    house.meter.count(&house.event(bound + 1));
    assert_eq!(house.meter.numbers().coarse, 3 + most);
}

#[tokio::test]
async fn a_closed_period_never_changes_and_what_comes_late_is_marked_in_the_next() {
    let house = House::new().await;
    (0..10).for_each(|_| house.meter.count(&house.event(1)));
    house.meter.flush().unwrap();
    let day = period("2026-11-22");
    let at = || UnixMillis(house.now.load(Ordering::Relaxed));
    assert!(matches!(
        house.ledger.close(day, at(), "me"),
        Err(LedgerError::NotEnded)
    ));

    // The last millisecond of the day: ended, and not closed before it is over.
    let late = house.event(1);
    house.now.store(NOW + 14 * HOUR - 1, Ordering::Relaxed);
    assert!(matches!(
        house.ledger.close(day, at(), "me"),
        Err(LedgerError::NotEnded)
    ));
    house.now.store(NOW + 14 * HOUR, Ordering::Relaxed);
    let closed = house.ledger.close(day, at(), "me").unwrap();
    let before = house.sums("2026-11-22", "2026-11-23");
    assert_eq!((before.counts.all(), closed.rows), (10, 1));

    // Three requests of the closed day are written only now, and one of the new day.
    (0..3).for_each(|_| house.meter.count(&late));
    house.meter.count(&house.event(1));
    house.meter.flush().unwrap();
    let correction = two_less(day, &house, at());
    assert_eq!(house.ledger.correct(&correction).unwrap(), 1);
    // Also with a clock that stands in the closed day.
    house.now.store(NOW, Ordering::Relaxed);
    house.meter.count(&house.event(1));
    house.meter.flush().unwrap();
    let back = Correction {
        at_ms: at(),
        ..correction.clone()
    };
    assert_eq!(house.ledger.correct(&back).unwrap(), 2);

    assert_eq!(house.sums("2026-11-22", "2026-11-23"), before);
    let verified = house.ledger.verify(day).unwrap().unwrap();
    assert!(verified.intact, "{verified:?}");
    assert_eq!(verified.closed, closed);
    let next = house.sums("2026-11-23", "2026-11-24");
    assert_eq!((next.counts.all(), next.late), (5, 4));
    assert_eq!(next.corrected, [-4, 0, 0, 0]);
    // Closing again, and closing the month around it, changes nothing of the day.
    assert_eq!(
        house
            .ledger
            .close(day, UnixMillis(NOW + 99 * HOUR), "him")
            .unwrap(),
        closed
    );
    let month = period("2026-11");
    house
        .ledger
        .close(month, UnixMillis(NOW + 999 * HOUR), "me")
        .unwrap();
    assert_eq!(house.sums("2026-11-22", "2026-11-23"), before);
    assert_eq!(house.ledger.periods().unwrap().len(), 2);
    let open = Correction {
        period: period("2026-12"),
        ..correction
    };
    assert!(matches!(
        house.ledger.correct(&open),
        Err(LedgerError::NotClosed)
    ));
}

/// A correction by two requests.
fn two_less(period: Period, house: &House, at_ms: UnixMillis) -> Correction {
    Correction {
        period,
        reseller: None,
        tenant: house.tenant,
        user: None,
        requests: -2,
        bytes_in: 0,
        bytes_out: 0,
        byte_hours: 0,
        reason: "an outage".to_owned(),
        by: "me".to_owned(),
        at_ms,
    }
}

#[tokio::test]
async fn the_books_and_the_last_use_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path: &Path = &folder.path().join("usage.redb");
    let house = House::with(Ledger::open(path).unwrap()).await;
    house.meter.count(&house.event(1));
    house.meter.flush().unwrap();
    let earlier = Event {
        at: UnixMillis(NOW - HOUR),
        operation: Some(Operation::GetObject),
        ..house.event(1)
    };
    house.meter.count(&earlier);
    house.meter.flush().unwrap();
    house
        .ledger
        .close(period("2026-10"), UnixMillis(NOW), "me")
        .unwrap();
    // What is counted and not written is what a kill takes.
    house.meter.count(&house.event(1));
    drop(house);

    let house = House::with(Ledger::open(path).unwrap()).await;
    assert_eq!(house.sums("2026-11", "2026-12").counts.all(), 2);
    let last = house.ledger.last_used(&key(0)).unwrap().unwrap();
    assert_eq!(
        (last.at, last.operation),
        (UnixMillis(NOW), Some(Operation::PutObject))
    );
    assert_eq!(last.address, IpAddr::from([192, 0, 2, 1]));
    assert_eq!(house.ledger.last_used(&key(1)).unwrap(), None);
    assert_eq!(house.ledger.periods().unwrap().len(), 1);
    let old = Event {
        at: UnixMillis(NOW - 23 * 24 * HOUR),
        ..house.event(1)
    };
    house.meter.count(&old);
    house.meter.flush().unwrap();
    assert_eq!(
        house.sums("2026-10", "2026-11").counts.all(),
        0,
        "it is still closed"
    );
    assert_eq!(house.ledger.forget_keys(|_| true).unwrap(), 0);
    assert_eq!(house.ledger.forget_keys(|_| false).unwrap(), 1);
    assert_eq!(house.ledger.last_used(&key(0)).unwrap(), None);
}

#[tokio::test]
async fn what_is_stored_counts_by_the_hour_also_while_no_server_runs() {
    let house = House::new().await;
    let sample = |bytes| Sample {
        reseller: None,
        tenant: house.tenant,
        user: house.user,
        bucket: BucketId(1),
        bytes,
        objects: 2,
    };
    let at = moment("2026-11-21T22:00:00Z");
    let write = |bytes, hour: u32| {
        house
            .ledger
            .sample(&[sample(bytes)], Hour(hour), 48)
            .unwrap()
    };
    write(1_000, at.0);
    write(5_000, at.0);
    let day = |from, to| house.sums(from, to).byte_hours;
    assert_eq!(
        day("2026-11-21", "2026-11-22"),
        1_000,
        "an hour counts once"
    );
    // Five hours pass, of which four without a server: one is of the day before.
    write(10, at.0 + 5);
    assert_eq!(day("2026-11-21", "2026-11-22"), 1_010);
    assert_eq!(day("2026-11-22", "2026-11-23"), 40);
    assert_eq!(house.sums("2026-11-22", "2026-11-23").object_hours, 8);
    assert_eq!(house.ledger.sampled().unwrap(), Some(Hour(at.0 + 5)));
    // A gap longer than the bound is filled as far as the bound.
    write(1, at.0 + 5 + 1_000);
    assert_eq!(day("2026-12-15", "2027-01-15"), 48);
}

/// 000-08: what a sub-user asks is his user's on the bill; what a customer asks is his reseller's, too.
#[tokio::test]
async fn what_sub_users_and_customers_ask_rolls_up() {
    let house = House::new().await;
    let reseller: Option<TenantId> = serde_json::from_value(77.into()).ok();
    let own = Whose {
        reseller,
        ..house.whose(1)
    };
    let of_sub_user = Whose {
        sub_user: Some(9),
        key: Some(key(1)),
        ..own
    };
    for whose in [own, of_sub_user, of_sub_user] {
        house.meter.count(&Event {
            whose,
            ..house.event(1)
        });
    }
    house.meter.flush().unwrap();
    let lines = |by| {
        let wanted = Wanted {
            from: moment("2026-11-22"),
            to: moment("2026-11-23"),
            step: Step::Total,
            by,
            tenant: reseller,
            user: None,
            key: None,
            bucket: None,
        };
        let report = house.ledger.report(&wanted).unwrap();
        let lines = report.items().map(|item| item.sums.counts.all());
        lines.collect::<Vec<_>>()
    };
    assert_eq!(lines(By::Key), [1, 2]);
    for by in [By::User, By::Tenant, By::Reseller, By::Bucket, By::Total] {
        assert_eq!(lines(by), [3], "{by:?}");
    }
}

#[tokio::test]
async fn a_quota_and_a_rate_are_records_with_one_audit_record_each() {
    let (directory, tenant, root) = somebody().await;
    let rights = KeyRights::of_level(Level::Full);
    let made = apply(&directory, Command::CreateKey { user: root, rights }).await;
    let Outcome::Key { key, .. } = made else {
        unreachable!()
    };
    let quota = Quota {
        bytes: Some(10),
        objects: None,
    };
    let rate = Rate {
        requests: Some(5),
        bytes: Some(100),
    };
    let commands = [
        Command::SetQuota(QuotaOf::Tenant(tenant), quota),
        Command::SetQuota(QuotaOf::User(root), quota),
        Command::SetRate(RateOf::Tenant(tenant), rate),
        Command::SetRate(RateOf::User(root), rate),
        Command::SetRate(RateOf::Key(key), rate),
    ];
    let before = directory.verify_audit().await.unwrap();
    let mut count = before;
    for command in commands {
        apply(&directory, command).await;
        count += 1;
        assert_eq!(directory.verify_audit().await.unwrap(), count);
    }
    let state = directory.state();
    let tenant = state.tenant(tenant).unwrap();
    assert_eq!((tenant.quota, tenant.rate), (quota, rate));
    let root = state.user(root).unwrap();
    assert_eq!((root.quota, root.rate), (quota, rate));
    assert_eq!(state.key(&key).unwrap().rate, rate);
    let last = directory.audit_page(count - 1, 1).await.unwrap();
    assert_eq!(last[0].action, "key.set-rate");
    assert_eq!(last[0].detail["after"]["requests"], 5);

    // Whoever has a rate of nothing would be told to come again, for ever.
    let nothing = Rate {
        requests: Some(0),
        bytes: None,
    };
    let refused = directory
        .apply(Command::SetRate(RateOf::Key(key), nothing), Actor::system())
        .await;
    assert!(matches!(
        refused,
        Err(CommandError::Refused(Refusal::RateOfNothing))
    ));
    let stale = directory
        .apply_at(
            Command::SetRate(RateOf::Key(key), Rate::default()),
            Actor::system(),
            postern_config::engine::Revision(1),
        )
        .await;
    assert!(matches!(stale, Err(CommandError::Stale { .. })));
    // A key that takes the place of another keeps its rate.
    let rotate = Command::RotateKey {
        key,
        grace_seconds: 0,
    };
    let Outcome::Key { key: new, .. } = apply(&directory, rotate).await else {
        unreachable!()
    };
    assert_eq!(directory.state().key(&new).unwrap().rate, rate);
}

/// Run by hand: `cargo test -p postern-config --test suite -- metering:: --ignored --nocapture`.
#[expect(clippy::print_stdout, reason = "it is run to be read")]
#[tokio::test]
#[ignore = "it measures, and says so"]
async fn what_counting_one_request_costs() {
    let house = House::new().await;
    let per_request = |threads: u128| {
        let rounds = 1_000_000_u32;
        let began = Instant::now();
        std::thread::scope(|scope| {
            for thread in 0..threads {
                let house = &house;
                scope.spawn(move || {
                    let mut event = house.event(1);
                    for number in 0..rounds {
                        event.whose.bucket =
                            Some(BucketId(1 + (thread + u128::from(number)) % 100));
                        house.meter.count(&event);
                    }
                });
            }
        });
        began.elapsed() / rounds
    };
    for threads in [1, 2, 1, 2] {
        println!(
            "{threads} threads: {:?} a request of each",
            per_request(threads)
        );
        house.meter.flush().unwrap();
    }
    for rows in [1_u128, 100, 10_000] {
        (1..=rows).for_each(|bucket| house.meter.count(&house.event(bucket)));
        let began = Instant::now();
        house.meter.flush().unwrap();
        println!("{rows} rows are written in {:?}", began.elapsed());
    }
}
