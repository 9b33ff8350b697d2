//! The object node on a machine of its own: what a gate does with it, what happens when it goes away, and who is let in.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::call::{self, Call, Payload};
use tests::gate::{self, Gate, Key};
use tests::node::{self, Node};
use tests::operations;
use tests::random::Random;
use tests::sign;
use tests::wait;
use tests::wire::Answer;

const LIMIT: Duration = Duration::from_secs(30);

/// A gate on `dir` whose node is `node`.
fn gate_of(node: &Node, dir: &Path) -> Gate {
    let environment = node.environment();
    let environment: Vec<_> = environment
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    Gate::start_in(dir, &[], &environment)
}

fn json(gate: &Gate, arguments: &[&str]) -> Value {
    let all = [arguments, &["--json"]].concat();
    serde_json::from_str(&gate.postern_ok(&all)).unwrap()
}

fn readiness(gate: &Gate) -> Answer {
    let ask = Call::get("/readyz").anonymous(gate.admin_host());
    gate.admin_wire().ask(&ask.bytes()).unwrap()
}

/// Uploads three parts and completes them.
fn in_parts(gate: &Gate, key: &Key, target: &str, parts: &[Vec<u8>]) -> Answer {
    let begun = Call::post(&format!("{target}?uploads"), b"").send(gate, key);
    let upload = begun.expect(200).element("UploadId").unwrap();
    let mut list = String::new();
    for (number, part) in (1..).zip(parts) {
        let put = Call::put(
            &format!("{target}?partNumber={number}&uploadId={upload}"),
            part,
        );
        let put = put.send(gate, key);
        let etag = put.expect(200).header("etag").unwrap().to_owned();
        list += &format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>");
    }
    let listed = Call::get(&format!("{target}?uploadId={upload}")).send(gate, key);
    assert_eq!(
        listed.expect(200).text().matches("<Part>").count(),
        parts.len()
    );
    let list = format!("<CompleteMultipartUpload>{list}</CompleteMultipartUpload>");
    Call::post(&format!("{target}?uploadId={upload}"), list.as_bytes()).send(gate, key)
}

#[test]
fn a_gate_works_with_a_node_elsewhere_as_with_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start_in(&folder.path().join("node"), &[]);
    let gate = gate_of(&node, &folder.path().join("gate"));
    let key = gate.key("photos", "full").clone();
    let at = |name: &str| format!("/{}/{name}", key.bucket);
    assert!(
        !gate.dir().join("node").exists(),
        "the gate has no node of its own"
    );

    // Small and large, whole and in part, signed as a whole and in chunks with a checksum behind them.
    let large = Random::new(7).bytes(9_000_001);
    Call::put(&at("small"), b"hello")
        .send(&gate, &key)
        .expect(200);
    Call::put(&at("large"), &large)
        .send(&gate, &key)
        .expect(200);
    let trailer = Payload::ChunkedTrailer(8_192, "x-amz-checksum-crc32", call::crc32(&large));
    let chunked = Call::put(&at("chunked"), &large).payload(trailer);
    chunked.send(&gate, &key).expect(200);
    for name in ["large", "chunked"] {
        let read = Call::get(&at(name)).send(&gate, &key);
        assert!(read.expect(200).body == large, "{name}");
    }
    let range = Call::get(&at("large")).with("range", "bytes=70000-8999999");
    let range = range.send(&gate, &key);
    assert!(range.expect(206).body == large[70_000..9_000_000]);
    let head = Call::head(&at("small")).sign(&call::signer(&gate, &key), gate.host());
    let mut wire = gate.wire();
    wire.send(&head.bytes()).unwrap();
    assert_eq!(
        wire.answer(true).unwrap().header("content-length"),
        Some("5")
    );

    // A digest that does not hold stores nothing; what is missing is missing; conditions are judged where the object is.
    let wrong = Payload::ChunkedTrailer(8_192, "x-amz-checksum-crc32", call::crc32(b"other"));
    let wrong = Call::put(&at("wrong"), &large)
        .payload(wrong)
        .send(&gate, &key);
    assert_eq!(wrong.status, 400, "{}", wrong.text());
    Call::get(&at("wrong"))
        .send(&gate, &key)
        .expect_error(404, "NoSuchKey");
    let once = Call::put(&at("small"), b"again").with("if-none-match", "*");
    once.send(&gate, &key)
        .expect_error(412, "PreconditionFailed");

    // Parts, a copy, lists, deletions one by one and together.
    let parts = [vec![1; 5 << 20], vec![2; 5 << 20], vec![3; 7]];
    in_parts(&gate, &key, &at("parts"), &parts).expect(200);
    let read = Call::get(&at("parts")).send(&gate, &key);
    assert!(read.expect(200).body == parts.concat());
    let copy = Call::put(&at("copy"), b"").with("x-amz-copy-source", &at("large"));
    copy.send(&gate, &key).expect(200);
    let listed = Call::get(&format!("/{}?list-type=2", key.bucket)).send(&gate, &key);
    let listed = listed.expect(200).text();
    let names: Vec<&str> = listed.split("<Key>").skip(1).collect();
    let names: Vec<&str> = names
        .iter()
        .map(|it| it.split('<').next().unwrap())
        .collect();
    assert_eq!(names, ["chunked", "copy", "large", "parts", "small"]);
    Call::delete(&at("chunked")).send(&gate, &key).expect(204);
    let delete =
        "<Delete><Object><Key>copy</Key></Object><Object><Key>parts</Key></Object></Delete>";
    let delete = Call::post(&format!("/{}?delete", key.bucket), delete.as_bytes());
    let delete = operations::with_md5(delete);
    let deleted = delete.send(&gate, &key);
    assert_eq!(deleted.expect(200).text().matches("<Deleted>").count(), 2);

    // What is configured holds from the answer on, also what requests look at without asking the node.
    let versioning = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    let put = Call::put(
        &format!("/{}?versioning", key.bucket),
        versioning.as_bytes(),
    );
    put.send(&gate, &key).expect(200);
    Call::put(&at("small"), b"second")
        .send(&gate, &key)
        .expect(200);
    Call::delete(&at("small")).send(&gate, &key).expect(204);
    let versions = Call::get(&format!("/{}?versions&prefix=small", key.bucket)).send(&gate, &key);
    let versions = versions.expect(200).text();
    assert_eq!(versions.matches("<Version>").count(), 2, "{versions}");
    assert_eq!(versions.matches("<DeleteMarker>").count(), 1, "{versions}");
    let cors = "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>https://a.example</AllowedOrigin></CORSRule></CORSConfiguration>";
    let put = Call::put(&format!("/{}?cors", key.bucket), cors.as_bytes());
    operations::with_md5(put).send(&gate, &key).expect(200);
    let read = Call::get(&at("large")).with("origin", "https://a.example");
    let read = read.send(&gate, &key);
    assert_eq!(
        read.expect(200).header("access-control-allow-origin"),
        Some("https://a.example")
    );

    // A restart of the gate finds all of it.
    let dir = gate.dir().to_owned();
    assert!(gate.stop().success());
    let gate = gate_of(&node, &dir);
    let read = Call::get(&at("large")).send(&gate, &key);
    assert!(read.expect(200).body == large);
    assert!(gate.stop().success());
    assert!(node.stop().success());
}

#[test]
fn the_admin_side_reaches_the_node_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start_in(
        &folder.path().join("node"),
        &[("POSTERN_NODE__UNDELETE_TIME", "1 h")],
    );
    let gate = gate_of(&node, &folder.path().join("gate"));
    let key = gate.key("photos", "full").clone();
    let put = || Call::put(&format!("/{}/a", key.bucket), b"hello").send(&gate, &key);
    put().expect(200);
    assert!(
        json(&gate, &["node", "stats"])["last_lsn"]
            .as_u64()
            .unwrap()
            > 0
    );
    assert_eq!(json(&gate, &["node", "df"])["bytes"], 5);
    assert_eq!(json(&gate, &["node", "verify"])["sound"], true);
    let copy = json(&gate, &["node", "backup"]);
    let copy = Path::new(copy["folder"].as_str().unwrap());
    assert!(copy.starts_with(folder.path().join("node")), "{copy:?}");
    gate.postern_ok(&["node", "read-only"]);
    put().expect_error(503, "ServiceUnavailable");
    gate.postern_ok(&["node", "read-only", "--off"]);
    // What was said a moment ago may still be believed for a second: the node looks itself.
    wait::until("writes", LIMIT, || (put().status == 200).then_some(()));
    let status = json(&gate, &["status"])["server"].clone();
    assert_eq!(status["node"]["away"], Value::Null, "{status}");
    assert!(
        status["node"]["address"]
            .as_str()
            .unwrap()
            .starts_with("localhost:")
    );
}

#[test]
fn a_node_that_is_killed_is_503_and_comes_back_with_all_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let mut node = Node::start_in(&folder.path().join("node"), &[]);
    let gate = gate_of(&node, &folder.path().join("gate"));
    let key = gate.key("photos", "full").clone();
    let model: Mutex<BTreeMap<String, String>> = Mutex::default();
    for round in 0..5 {
        let (stop, count) = (AtomicBool::new(false), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let (gate, key, model, stop, count) = (&gate, &key, &model, &stop, &count);
                scope.spawn(move || {
                    let mut random = Random::new(round * 10 + writer);
                    let mut number = 0;
                    while !stop.load(Ordering::Relaxed) {
                        number += 1;
                        let name = format!("{round}-{writer}-{number}");
                        let length = usize::try_from(random.below(300_000)).unwrap();
                        let body = random.bytes(length);
                        let put = Call::put(&format!("/{}/{name}", key.bucket), &body);
                        let answer = put.send(gate, key);
                        if answer.status == 200 {
                            model.lock().unwrap().insert(name, sign::sha256(&body));
                            count.fetch_add(1, Ordering::Relaxed);
                        } else {
                            // Whatever the node was doing: the client is told to try again.
                            answer.expect_error(503, "ServiceUnavailable");
                        }
                    }
                });
            }
            wait::until("writes", LIMIT, || {
                (count.load(Ordering::Relaxed) >= 20).then_some(())
            });
            node.strike();
            // Writers go on against a gate without a node, and each is answered.
            let began = Instant::now();
            let read = Call::get(&format!("/{}/x", key.bucket)).send(&gate, &key);
            read.expect_error(503, "ServiceUnavailable");
            assert!(
                began.elapsed() < Duration::from_secs(5),
                "{:?}",
                began.elapsed()
            );
            stop.store(true, Ordering::Relaxed);
        });
        wait::until("readyz", LIMIT, || {
            (readiness(&gate).status == 503).then_some(())
        });
        let away = json(&gate, &["status"])["server"]["node"]["away"].clone();
        assert!(away.is_string(), "{away}");
        node = node.again();
        wait::until("service", LIMIT, || {
            (readiness(&gate).status == 200).then_some(())
        });
        for (name, digest) in model.lock().unwrap().iter() {
            let read = Call::get(&format!("/{}/{name}", key.bucket)).send(&gate, &key);
            assert_eq!(&sign::sha256(&read.expect(200).body), digest, "{name}");
        }
    }
    // What was not acknowledged is whole or not there: a list has no other, and each opens.
    let listed = Call::get(&format!("/{}?list-type=2&max-keys=1000", key.bucket)).send(&gate, &key);
    let listed = listed.expect(200).text();
    for name in listed.split("<Key>").skip(1) {
        let name = name.split('<').next().unwrap();
        let read = Call::get(&format!("/{}/{name}", key.bucket)).send(&gate, &key);
        let etag = read
            .expect(200)
            .header("etag")
            .unwrap()
            .trim_matches('"')
            .to_owned();
        assert_eq!(etag, operations::md5(&read.body), "{name}");
    }
}

#[test]
fn a_node_that_hangs_is_away_and_one_that_wakes_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start_in(&folder.path().join("node"), &[]);
    let gate = gate_of(&node, &folder.path().join("gate"));
    let key = gate.key("photos", "full").clone();
    let get = || Call::get(&format!("/{}/none", key.bucket)).send(&gate, &key);
    get().expect_error(404, "NoSuchKey");
    node.hold(true);
    wait::until("readyz", LIMIT, || {
        (readiness(&gate).status == 503).then_some(())
    });
    get().expect_error(503, "ServiceUnavailable");
    node.hold(false);
    wait::until("service", LIMIT, || {
        (readiness(&gate).status == 200).then_some(())
    });
    get().expect_error(404, "NoSuchKey");
}

#[test]
fn a_client_that_goes_away_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start_in(&folder.path().join("node"), &[]);
    let gate = gate_of(&node, &folder.path().join("gate"));
    let key = gate.key("photos", "full").clone();
    let body = Random::new(3).bytes(6_000_000);
    let put = Call::put(&format!("/{}/cut", key.bucket), &body).payload(Payload::Unsigned);
    let bytes = put.sign(&call::signer(&gate, &key), gate.host()).bytes();
    let garbage = || {
        json(&gate, &["node", "stats"])["garbage_bytes"]
            .as_u64()
            .unwrap()
    };
    let before = garbage();
    let mut wire = gate.wire();
    wire.send(&bytes[..5_000_000]).unwrap();
    drop(wire);
    // What had been written of it is noted as garbage: the node was told, and nothing refers to it.
    wait::until("the garbage", LIMIT, || (garbage() > before).then_some(()));
    let read = Call::get(&format!("/{}/cut", key.bucket)).send(&gate, &key);
    read.expect_error(404, "NoSuchKey");
    assert_eq!(json(&gate, &["node", "verify"])["sound"], true);
}

#[test]
fn room_under_a_quota_is_kept_while_it_is_open_whether_a_write_was_made() {
    let folder = tempfile::tempdir().unwrap();
    let mut node = Node::start_in(&folder.path().join("node"), &[]);
    let gate = gate_of(&node, &folder.path().join("gate"));
    let key = gate.key("photos", "full").clone();
    let of = ["--tenant", "demo", "--user", "photos"];
    gate.postern_ok(&[&["usage", "quota", "--objects", "1"], &of[..]].concat());
    let put =
        |name: &str| Call::put(&format!("/{}/{name}", key.bucket), b"hello").send(&gate, &key);

    // A write is cut off by the node's end while its bytes come.
    let body = Random::new(5).bytes(3_000_000);
    let call = Call::put(&format!("/{}/cut", key.bucket), &body).payload(Payload::Unsigned);
    let bytes = call.sign(&call::signer(&gate, &key), gate.host()).bytes();
    let mut wire = gate.wire();
    wire.send(&bytes[..2_000_000]).unwrap();
    wait::until("the gate's reservation", LIMIT, || {
        (put("other").status == 403).then_some(())
    });
    node.strike();
    wire.answer(false)
        .unwrap()
        .expect_error(503, "ServiceUnavailable");
    node = node.again();
    wait::until("service", LIMIT, || {
        (readiness(&gate).status == 200).then_some(())
    });
    // Nobody knows whether it was made: its room is not given to another yet, and then it is.
    put("other").expect_error(403, "QuotaExceeded");
    wait::until("the room", LIMIT, || {
        (put("other").status == 200).then_some(())
    });
    put("more").expect_error(403, "QuotaExceeded");
    drop(node);
}

#[test]
fn a_gate_of_another_authority_is_not_let_in_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start_in(&folder.path().join("node"), &[]);
    let other = folder.path().join("other");
    node::certify(&other);
    let refused = |changes: &[(&str, &str)]| {
        let mut environment: BTreeMap<String, String> = node.environment().into_iter().collect();
        for (name, file) in changes {
            let path = other.join(file).display().to_string();
            environment.insert(format!("POSTERN_NODE__{name}"), path);
        }
        let began = Command::new(gate::binary())
            .args(["serve", "--dev", "--data"])
            .arg(folder.path().join("gate"))
            .args([
                "--s3-listen",
                "127.0.0.1:0",
                "--admin-listen",
                "127.0.0.1:0",
            ])
            .envs(environment)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(!began.status.success());
        String::from_utf8_lossy(&began.stderr).into_owned()
    };
    // The node does not know the gate, and then the gate does not know the node.
    let said = refused(&[("CERT", "gate.pem"), ("KEY", "gate.key")]);
    assert!(
        said.contains("cannot be reached") && said.contains("alert"),
        "{said}"
    );
    wait::until("the node's word", LIMIT, || {
        node.said().contains("somebody is not let in").then_some(())
    });
    let said = refused(&[("CA", "ca.pem")]);
    assert!(
        said.contains("cannot be reached") && said.contains("certificate"),
        "{said}"
    );
}
