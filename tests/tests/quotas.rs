//! What bounds use: quotas that racing writers never pass, and rates that tell whoever is too fast when to come again.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::call::{self, Call, Payload};
use tests::clients::Client;
use tests::gate::{Gate, Key};
use tests::wire::Answer;

const PHOTOS: [&str; 4] = ["--tenant", "demo", "--user", "photos"];
const BUCKET: [&str; 6] = [
    "--tenant",
    "demo",
    "--user",
    "photos",
    "--bucket",
    "demo-bucket",
];

fn quota(gate: &Gate, arguments: &[&str], of: &[&str]) -> Value {
    let all = [&["usage", "quota", "--json"], of, arguments].concat();
    serde_json::from_str(&gate.postern_ok(&all)).unwrap()
}

fn put(gate: &Gate, key: &Key, name: &str, bytes: usize) -> Answer {
    Call::put(&format!("/demo-bucket/{name}"), &vec![1; bytes]).send(gate, key)
}

fn over(answer: &Answer, limit: &str) {
    answer.expect_error(403, "QuotaExceeded");
    assert_eq!(
        answer.header("x-postern-limit"),
        Some(limit),
        "{}",
        answer.text()
    );
}

#[test]
fn a_bucket_takes_its_quota_to_the_byte_and_not_one_more() {
    let gate = Gate::start();
    let full = gate.key("photos", "full");
    quota(&gate, &["--bytes", "1000", "--objects", "4"], &BUCKET);
    put(&gate, full, "a", 600).expect(200);
    over(&put(&gate, full, "b", 401), "bucket; bytes; 1000");
    put(&gate, full, "b", 400).expect(200);
    over(&put(&gate, full, "c", 1), "bucket; bytes; 1000");
    put(&gate, full, "c", 0).expect(200);
    put(&gate, full, "d", 0).expect(200);
    over(&put(&gate, full, "e", 0), "bucket; objects; 4");
    let shown = quota(&gate, &[], &BUCKET);
    assert_eq!(
        (&shown["stored_bytes"], &shown["stored_objects"]),
        (&1000.into(), &4.into())
    );

    // What is deleted makes room; another's bucket is not bounded.
    Call::delete("/demo-bucket/a").send(&gate, full).expect(204);
    put(&gate, full, "a", 600).expect(200);
    put(&gate, gate.key("backups", "full"), "a", 5_000).expect(200);
    // Chunked: the object counts, not its framing.
    Call::delete("/demo-bucket/a").send(&gate, full).expect(204);
    let chunked = |bytes: usize| {
        Call::put("/demo-bucket/a", &vec![1; bytes])
            .payload(Payload::Chunked(8_192))
            .send(&gate, full)
    };
    over(&chunked(601), "bucket; bytes; 1000");
    chunked(600).expect(200);

    // A copy is a write.
    let copy = || {
        Call::put("/demo-bucket/c", b"")
            .with("x-amz-copy-source", "/demo-bucket/b")
            .send(&gate, full)
    };
    over(&copy(), "bucket; bytes; 1000");
    quota(&gate, &["--bytes", "1400", "--objects", "none"], &BUCKET);
    copy().expect(200);
    over(&put(&gate, full, "z", 1), "bucket; bytes; 1400");
    let text = gate.postern_ok(&[&["usage", "quota"], &BUCKET[..]].concat());
    assert!(
        text.contains("quota 1400") && text.contains("no bound"),
        "{text}"
    );
    let audit: Value = quota(&gate, &["--bytes", "none"], &BUCKET);
    assert!(audit["bytes"].is_null(), "{audit}");
    put(&gate, full, "z", 100_000).expect(200);
}

#[test]
fn users_and_tenants_have_quotas_over_all_their_buckets() {
    let gate = Gate::start();
    let (photos, backups) = (gate.key("photos", "full"), gate.key("backups", "full"));
    Call::put("/second-bucket", b"")
        .send(&gate, photos)
        .expect(200);
    quota(&gate, &["--bytes", "1Ki"], &PHOTOS);
    put(&gate, photos, "a", 1_000).expect(200);
    let second = |bytes: usize| Call::put("/second-bucket/a", &vec![1; bytes]).send(&gate, photos);
    over(&second(25), "user; bytes; 1024");
    second(24).expect(200);
    put(&gate, backups, "a", 3_000).expect(200);
    let tenant = ["--tenant", "demo"];
    quota(&gate, &["--bytes", "5000"], &tenant);
    over(&put(&gate, backups, "b", 977), "tenant; bytes; 5000");
    put(&gate, backups, "b", 976).expect(200);
    let shown = gate.postern_ok(&["usage", "show", "--json", "--tenant", "demo"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["quota"]["stored_bytes"], 5_000, "{shown}");
    assert_eq!(shown["quota"]["bytes"], 5_000, "{shown}");
}

#[test]
fn an_upload_counts_when_it_is_completed_and_each_part_must_fit() {
    let gate = Gate::start();
    let full = gate.key("photos", "full");
    quota(&gate, &["--bytes", "6Mi"], &BUCKET);
    let begun = Call::post("/demo-bucket/big?uploads=", b"").send(&gate, full);
    let upload = begun.expect(200).element("UploadId").unwrap();
    let part = |number: u32, bytes: usize| {
        let target = format!("/demo-bucket/big?partNumber={number}&uploadId={upload}");
        Call::put(&target, &vec![1; bytes]).send(&gate, full)
    };
    let target = format!("/demo-bucket/big?partNumber=1&uploadId={upload}");
    let refused = refused_unread(&gate, full, &target, 6 * 1_024 * 1_024 + 1);
    over(&refused, "bucket; bytes; 6291456");
    let first = part(1, 5 * 1_024 * 1_024);
    let second = part(2, 2 * 1_024 * 1_024);
    let complete = || {
        let parts: String = [&first, &second]
            .iter()
            .zip(1..)
            .map(|(part, number)| {
                let tag = part.expect(200).header("etag").unwrap();
                format!("<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>")
            })
            .collect();
        let document = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
        let target = format!("/demo-bucket/big?uploadId={upload}");
        Call::post(&target, document.as_bytes()).send(&gate, full)
    };
    over(&complete(), "bucket; bytes; 6291456");
    quota(&gate, &["--bytes", "7Mi"], &BUCKET);
    complete().expect(200);
    over(&put(&gate, full, "more", 1), "bucket; bytes; 7340032");
}

#[test]
fn writers_that_race_never_pass_a_quota() {
    let gate = Gate::start();
    let full = gate.key("photos", "full");
    quota(&gate, &["--bytes", "100000"], &PHOTOS);
    let (stored, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let (gate, stored, refused) = (&gate, &stored, &refused);
            scope.spawn(move || {
                let signer = call::signer(gate, full);
                let mut wire = gate.wire();
                for number in 0..40 {
                    let call = Call::put(&format!("/demo-bucket/{writer}-{number}"), &[1; 1_000]);
                    let answer = wire.ask(&call.sign(&signer, gate.host()).bytes()).unwrap();
                    if answer.status == 200 {
                        stored.fetch_add(1_000, Ordering::Relaxed);
                        continue;
                    }
                    answer.expect_error(403, "QuotaExceeded");
                    refused.fetch_add(1, Ordering::Relaxed);
                    wire = gate.wire();
                }
            });
        }
    });
    let shown = quota(&gate, &[], &PHOTOS);
    let found = shown["stored_bytes"].as_u64().unwrap();
    assert!(found <= 100_000, "{shown}");
    // Whoever is refused while another writes may have come a moment too early; alone, the rest fits.
    (0..100).for_each(|number| drop(put(&gate, full, &format!("rest-{number}"), 1_000)));
    let shown = quota(&gate, &[], &PHOTOS);
    assert_eq!(shown["stored_bytes"], 100_000, "{shown}");
    assert!(stored.into_inner() <= 100_000 && refused.into_inner() >= 220);
}

/// What is answered to the head of a write, whose client waits to be told to go on.
fn refused_unread(gate: &Gate, key: &Key, target: &str, bytes: usize) -> Answer {
    let call = Call::put(target, &vec![1; bytes]).with("expect", "100-continue");
    let raw = call.sign(&call::signer(gate, key), gate.host());
    let head = format!("{}\r\n\r\n", raw.lines.join("\r\n"));
    gate.wire().ask(head.as_bytes()).unwrap()
}

#[test]
fn who_is_refused_is_refused_before_his_body_is_read() {
    let gate = Gate::start();
    let full = gate.key("photos", "full");
    quota(&gate, &["--bytes", "10"], &BUCKET);
    let answer = refused_unread(&gate, full, "/demo-bucket/big", 1 << 20);
    over(&answer, "bucket; bytes; 10");
}

fn rate(gate: &Gate, of: &[&str]) {
    gate.postern_ok(&[&["usage", "rate"], of].concat());
}

#[test]
fn a_key_that_is_too_fast_is_told_to_slow_down_and_others_are_not() {
    let gate = Gate::start();
    let (full, read) = (gate.key("photos", "full"), gate.key("photos", "read"));
    rate(&gate, &["--key", &full.access_key_id, "--requests", "5"]);
    let ask = |key: &Key| Call::get("/demo-bucket?list-type=2").send(&gate, key);
    let slow = (0..200)
        .map(|_| ask(full))
        .find(|answer| answer.status != 200);
    let slow = slow.expect("an answer of 503 within 200 requests");
    slow.expect_error(503, "SlowDown");
    assert_eq!(slow.header("retry-after"), Some("1"));
    assert_eq!(
        slow.header("x-postern-limit"),
        Some("access key; requests/s; 5")
    );
    assert!(
        slow.text()
            .contains("this access key may send 5 requests a second"),
        "{}",
        slow.text()
    );
    (0..20).for_each(|_| drop(ask(read).expect(200).text()));

    rate(&gate, &["--key", &full.access_key_id, "--requests", "none"]);
    (0..50).for_each(|_| drop(ask(full).expect(200).text()));
    // Of all keys of a user together.
    rate(
        &gate,
        &["--tenant", "demo", "--user", "photos", "--requests", "2"],
    );
    let slow = (0..200)
        .map(|_| ask(read))
        .find(|answer| answer.status != 200);
    assert_eq!(
        slow.unwrap().header("x-postern-limit"),
        Some("user; requests/s; 2")
    );
    ask(gate.key("backups", "read")).expect(200);
    // Bad signatures spend nothing of it, and are told nothing of it.
    let stranger = Key {
        secret_access_key: "wrong".to_owned(),
        ..read.clone()
    };
    for _ in 0..10 {
        ask(&stranger).expect_error(403, "SignatureDoesNotMatch");
    }
}

#[test]
fn bytes_that_were_moved_are_waited_for() {
    let gate = Gate::start();
    let full = gate.key("photos", "full");
    put(&gate, full, "a", 30_000).expect(200);
    rate(&gate, &["--key", &full.access_key_id, "--bytes", "10000"]);
    let get = || Call::get("/demo-bucket/a").send(&gate, full);
    let began = Instant::now();
    get().expect(200);
    let slow = (0..1_000)
        .map(|_| get())
        .find(|answer| answer.status == 503);
    let slow = slow.expect("the debt is seen");
    assert_eq!(
        slow.header("x-postern-limit"),
        Some("access key; bytes/s; 10000")
    );
    let wait: u64 = slow.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=30).contains(&wait), "{wait}");
    tests::wait::until("the debt's end", Duration::from_secs(60), || {
        (get().status == 200).then_some(())
    });
    assert!(
        began.elapsed() > Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn what_boto3_tries_again_gets_through() {
    let gate = Gate::start();
    let full = gate.key("photos", "full");
    rate(&gate, &["--key", &full.access_key_id, "--requests", "10"]);
    let said = Client::new(&gate, full).python("rates.py").succeeds();
    assert!(said.out.contains("ok      case_"), "{}", said.story());
    let slow = fs::read_to_string(gate.access_log()).unwrap();
    assert!(slow.contains("SlowDown"), "the rate was never met");
}
