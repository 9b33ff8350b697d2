//! What is counted is what was sent: by many clients, refused or not, also over a kill; and a bill that was closed stays as it is.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::call::{self, Call, Payload};
use tests::gate::{Gate, Key};
use tests::random::Random;
use tests::wait;

/// What the clients themselves have counted.
#[derive(Debug, Default)]
struct Sent {
    requests: AtomicU64,
    refused: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
}

fn add(number: &AtomicU64, by: usize) {
    number.fetch_add(by as u64, Ordering::Relaxed);
}

fn get(number: &AtomicU64) -> u64 {
    number.load(Ordering::Relaxed)
}

fn usage(gate: &Gate, arguments: &[&str]) -> Value {
    let all = [&["usage", "show", "--json"], arguments].concat();
    serde_json::from_str(&gate.postern_ok(&all)).unwrap()
}

fn total(gate: &Gate, arguments: &[&str], name: &str) -> u64 {
    usage(gate, arguments)["total"][name].as_u64().unwrap()
}

/// Sends `calls` requests of every kind with one key, over one connection, and counts what goes and comes.
fn client(gate: &Gate, key: &Key, sent: &Sent, (seed, calls): (u64, u64)) {
    let mut random = Random::new(seed);
    let signer = call::signer(gate, key);
    let mut wire = gate.wire();
    for number in 0..calls {
        let path = format!("/demo-bucket/{}/{}", key.level, random.below(8));
        let bytes = random.below(9_000);
        let body = random.bytes(usize::try_from(bytes).unwrap());
        let call = match random.below(8) {
            0 | 1 => Call::put(&path, &body),
            2 => Call::put(&path, &body).payload(Payload::Chunked(8_192)),
            3 => Call::get("/demo-bucket?list-type=2"),
            4 => Call::delete(&path),
            5 => Call::head(&path),
            6 => Call::get("/no-such-bucket/x"),
            _ => Call::get(&path),
        };
        let raw = call.sign(&signer, gate.host());
        let is_head = raw.lines[0].starts_with("HEAD");
        wire.send(&raw.bytes()).unwrap();
        let answer = wire.answer(is_head).unwrap_or_else(|cause| {
            panic!("request {number} {}: {cause}", raw.lines[0]);
        });
        add(&sent.requests, 1);
        add(
            &sent.refused,
            usize::from((400..500).contains(&answer.status)),
        );
        // What is refused before its body is read was sent for nothing, and the connection ends.
        let closes = answer.header("connection") == Some("close");
        if closes {
            wire = gate.wire();
        }
        if !closes {
            add(&sent.bytes_in, raw.body.len());
        }
        add(&sent.bytes_out, answer.body.len());
    }
}

/// 000-18, 001-11: usage of each customer, from the key to the user to the account.
#[test]
fn a_thousand_requests_of_several_clients_are_counted_to_the_request_and_the_byte() {
    let gate = Gate::start();
    let keys = ["full", "read-write", "read", "write"].map(|level| gate.key("photos", level));
    let sent: [Sent; 4] = Default::default();
    let seed = Random::seed();
    println!("seed {seed}");
    std::thread::scope(|scope| {
        for (number, (key, sent)) in keys.iter().zip(&sent).enumerate() {
            let gate = &gate;
            scope.spawn(move || client(gate, key, sent, (seed.wrapping_add(number as u64), 250)));
        }
    });
    // Nobody's: without a signature, and with one that does not hold.
    for _ in 0..5 {
        Call::get("/demo-bucket/x")
            .anonymous(gate.host())
            .send(&gate)
            .expect(403);
    }
    let stranger = Key {
        secret_access_key: "wrong".to_owned(),
        ..keys[0].clone()
    };
    Call::get("/demo-bucket/x")
        .send(&gate, &stranger)
        .expect_error(403, "SignatureDoesNotMatch");

    let requests: u64 = sent.iter().map(|sent| get(&sent.requests)).sum();
    // The last answer is here a moment before its entry is written.
    wait::until(
        "every request in the books",
        Duration::from_secs(10),
        || (total(&gate, &[], "requests") >= requests + 6).then_some(()),
    );
    assert_eq!(total(&gate, &[], "requests"), requests + 6);
    for (key, sent) in keys.iter().zip(&sent) {
        let of = |name: &str| total(&gate, &["--key", &key.access_key_id], name);
        let level = &key.level;
        assert_eq!(of("requests"), get(&sent.requests), "{level}");
        assert_eq!(of("refused"), get(&sent.refused), "{level}");
        assert_eq!(of("bytes_in"), get(&sent.bytes_in), "{level}");
        assert_eq!(of("bytes_out"), get(&sent.bytes_out), "{level}");
        assert_eq!((of("cut"), of("failed"), of("late")), (0, 0, 0), "{level}");
    }

    // From the key to the user to the account the sums are the same.
    let photos = ["--tenant", "demo", "--user", "photos"];
    for about in [&photos[..], &["--tenant", "demo"]] {
        assert_eq!(total(&gate, about, "requests"), requests, "{about:?}");
    }
    let by_key = usage(&gate, &["--tenant", "demo", "--by", "key"]);
    assert_eq!(by_key["items"].as_array().unwrap().len(), 4, "{by_key}");
    let bucket = [
        "--tenant",
        "demo",
        "--user",
        "photos",
        "--bucket",
        "demo-bucket",
    ];
    let in_bucket = total(&gate, &bucket, "requests");
    assert!(
        in_bucket > requests / 2 && in_bucket < requests,
        "{in_bucket} of {requests}"
    );
    let csv = gate.postern_ok(&["usage", "export", "--by", "tenant"]);
    assert!(csv.starts_with("start,reseller,"), "{csv}");
    assert_eq!(csv.lines().count(), 3, "the account, and nobody: {csv}");

    let text = gate.postern_ok(&["usage", "show", "--by", "user"]);
    println!("{text}");
    assert!(text.contains("photos") && text.contains("total"), "{text}");
    let last = gate.postern_ok(&["usage", "last-used", &keys[2].access_key_id]);
    assert!(last.contains("from 127.0.0.1"), "{last}");
}

/// 000-39: when a key was last used.
#[test]
fn a_kill_takes_no_more_than_the_last_second_and_nothing_is_counted_twice() {
    let folder = tempfile::tempdir().unwrap();
    let sent = AtomicU64::new(0);
    let mut written = 0;
    for round in 0..5 {
        let gate = Gate::start_in(folder.path(), &[], &[]);
        let key = gate.key("photos", "full").clone();
        let of = |name: &str| total(&gate, &["--key", &key.access_key_id], name);
        let put = |bytes: usize| {
            add(&sent, 1);
            Call::put("/demo-bucket/a", &vec![7; bytes])
                .send(&gate, &key)
                .expect(200);
        };
        let counted = of("requests");
        let all = get(&sent);
        assert!(
            (written..=all).contains(&counted),
            "round {round}: {counted}, not {written} to {all}"
        );
        // What is asked for is written before it is answered.
        (0..20).for_each(|_| put(1_000));
        wait::until(
            "what was sent in the books",
            Duration::from_secs(10),
            || (of("requests") == counted + 20).then_some(()),
        );
        // What is older than the window is written without being asked for.
        (0..20).for_each(|_| put(10));
        let writes = || metric(&gate, "postern_usage_writes_total");
        let before = writes();
        wait::until("two more writes", Duration::from_secs(10), || {
            put(1);
            (writes() > before + 1).then_some(())
        });
        written = counted + 40;
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(200) {
            put(1);
        }
        gate.kill();
    }
    let gate = Gate::start_in(folder.path(), &[], &[]);
    let key = gate.key("photos", "full");
    let counted = total(&gate, &["--key", &key.access_key_id], "requests");
    let all = get(&sent);
    assert!(
        (written..=all).contains(&counted),
        "{counted}, not {written} to {all}"
    );
    for list in [&["key", "list"][..], &["access", "report"]] {
        let told = gate.postern_ok(&[list, &["--json"]].concat());
        let told: Value = serde_json::from_str(&told).unwrap();
        let its = told["items"].as_array().unwrap().iter();
        let mut its = its.filter(|it| {
            [&it["id"], &it["access_key"]].contains(&&Value::from(&*key.access_key_id))
        });
        assert!(!its.next().unwrap()["last_used"].is_null(), "{told}");
    }
    let last = gate.postern_ok(&["usage", "last-used", &key.access_key_id, "--json"]);
    let last: Value = serde_json::from_str(&last).unwrap();
    assert_eq!(
        last["operation"], "PutObject",
        "the last use survives: {last}"
    );
}

/// A number among the metrics.
fn metric(gate: &Gate, name: &str) -> u64 {
    let token = std::fs::read_to_string(gate.dir().join("admin.token")).unwrap();
    let request = format!(
        "GET /metrics HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\r\n",
        gate.admin_host(),
        token.trim()
    );
    let text = gate.admin_wire().ask(request.as_bytes()).unwrap().text();
    let line = text.lines().find(|line| line.starts_with(name));
    let line = line.unwrap_or_else(|| panic!("no {name} in\n{text}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn what_is_asked_wrongly_is_told_what_is_wrong() {
    let gate = Gate::start();
    let fails = |arguments: &[&str], code: i32, words: &str| {
        let output = gate.postern(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    };
    fails(&["usage", "close", "2199-01"], 5, "has not ended");
    fails(&["usage", "close", "soon"], 2, "a month or a day of UTC");
    fails(
        &["usage", "show", "--tenant", "nobody"],
        4,
        "there is no tenant `nobody`",
    );
    fails(
        &["usage", "show", "--from", "2026-01-01T00:30:00Z"],
        2,
        "full hour",
    );
    fails(
        &[
            "usage",
            "correct",
            "2020-01",
            "--tenant",
            "demo",
            "--requests",
            "-5",
            "--reason",
            "why",
        ],
        5,
        "not closed",
    );
    fails(
        &["usage", "last-used", "PKAAAAAAAAAAAAAAAAAA"],
        4,
        "no such access key",
    );
}

#[test]
fn a_closed_period_stays_as_it_was_and_corrections_are_lines_of_their_own() {
    let gate = Gate::start();
    let closed = gate.postern_ok(&["usage", "close", "2020-01", "--json"]);
    let closed: Value = serde_json::from_str(&closed).unwrap();
    assert_eq!(
        (&closed["rows"], &closed["audited"]),
        (&0.into(), &true.into()),
        "{closed}"
    );
    let again = gate.postern_ok(&["usage", "close", "2020-01", "--json"]);
    let again: Value = serde_json::from_str(&again).unwrap();
    assert_eq!(again, closed, "closing twice is closing once");
    gate.postern_ok(&[
        "usage",
        "correct",
        "2020-01",
        "--tenant",
        "demo",
        "--requests",
        "-5",
        "--reason",
        "an outage",
    ]);
    let now = usage(&gate, &["--tenant", "demo"]);
    assert_eq!(now["total"]["corrected_requests"], -5, "{now}");
    let then = usage(&gate, &["--tenant", "demo", "--period", "2020-01"]);
    assert_eq!(then["total"]["corrected_requests"], 0, "{then}");
    let periods = gate.postern_ok(&["usage", "periods"]);
    assert!(
        periods.contains("2020-01") && periods.contains("admin-token"),
        "{periods}"
    );
}
