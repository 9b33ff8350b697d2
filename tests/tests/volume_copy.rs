//! The copy of the object node's volumes, off the machine: kept up by itself, recovered from when everything here is gone, and never
//! written over by a node that knows less.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tests::call::Call;
use tests::gate::{self, Gate, Key};
use tests::wait;

const SOON: Duration = Duration::from_secs(30);
const OBJECT_BYTES: usize = 700_000;

fn json(gate: &Gate, arguments: &[&str]) -> Value {
    let all = [arguments, &["--json"]].concat();
    serde_json::from_str(&gate.postern_ok(&all)).unwrap()
}

fn copy(gate: &Gate) -> Value {
    json(gate, &["node", "stats"])["copy"].clone()
}

fn content(number: usize) -> Vec<u8> {
    (0..OBJECT_BYTES)
        .map(|at| u8::try_from((at * 31 + number) % 251).unwrap())
        .collect()
}

fn put(gate: &Gate, key: &Key, number: usize) {
    let path = format!("/{}/{number:03}", key.bucket);
    Call::put(&path, &content(number))
        .send(gate, key)
        .expect(200);
}

fn holds(gate: &Gate, key: &Key, number: usize) -> bool {
    let path = format!("/{}/{number:03}", key.bucket);
    let read = Call::get(&path).send(gate, key);
    match read.status {
        200 => {
            assert!(read.body == content(number), "{number}");
            true
        }
        404 => false,
        status => panic!("{number}: {status}"),
    }
}

/// A gate with small volumes, whose copy is kept in `to`; nothing is sent by itself.
fn start(data: &Path, to: &str, more: &[(&str, &str)]) -> Gate {
    let settings = [
        ("POSTERN_NODE__VOLUME_BYTES", "16 MiB"),
        ("POSTERN_SHIP__TO", to),
        ("POSTERN_SHIP__EVERY", "24 h"),
    ];
    Gate::start_in(data, &[], &[&settings, more].concat())
}

fn recover(arguments: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, Value, String) {
    let output = Command::new(gate::binary())
        .args(["node", "recover", "--json"])
        .args(arguments)
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let told = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), told, said)
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn everything_that_was_sent_is_there_when_the_node_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let (data, place) = (folder.path().join("data"), folder.path().join("place"));
    let gate = start(&data, path(&place), &[]);
    let key = gate.key("photos", "full").clone();
    (0..40).for_each(|number| put(&gate, &key, number));
    let sent = json(&gate, &["node", "ship"]);
    assert!(sent["volumes"].as_u64().unwrap() >= 2, "{sent}");
    assert!(sent["bytes"].as_u64().unwrap() > 28_000_000, "{sent}");
    let behind = copy(&gate);
    assert_eq!(
        (&behind["lag_bytes"], &behind["fault"]),
        (&0.into(), &Value::Null)
    );

    // What compaction takes away here goes there, too, once what took its place is there.
    for number in (0..40).filter(|number| number % 8 != 0) {
        let path = format!("/{}/{number:03}", key.bucket);
        Call::delete(&path).send(&gate, &key).expect(204);
    }
    let before = bytes_in(&place);
    wait::until("the garbage", SOON, || {
        let stats = json(&gate, &["node", "stats"]);
        (stats["garbage_bytes"].as_u64()? >= 20_000_000).then_some(())
    });
    json(&gate, &["node", "compact", "--garbage-percent", "10"]);
    put(&gate, &key, 50);
    json(&gate, &["node", "ship"]);
    // The volume that is being written stays, with its garbage.
    let after = bytes_in(&place);
    assert!(after < before - 10_000_000, "{after} of {before}");
    // This one is not sent.
    put(&gate, &key, 60);
    assert!(copy(&gate)["lag_bytes"].as_u64().unwrap() > 0);
    gate.kill();

    let node = data.join("node");
    let arguments = ["--from", path(&place), "--data", path(&data)];
    let (code, _, said) = recover(&arguments, &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("is there already"), "{said}");
    fs::remove_dir_all(&node).unwrap();
    let (code, told, said) = recover(&arguments, &[]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(told["objects"], 6, "{told}");
    let gate = start(&data, path(&place), &[]);
    for number in [0, 8, 16, 24, 32, 50] {
        assert!(holds(&gate, &key, number), "{number}");
    }
    assert!(!holds(&gate, &key, 60) && !holds(&gate, &key, 1));
    assert_eq!(json(&gate, &["node", "verify"])["sound"], true);
    assert_eq!(json(&gate, &["node", "scrub"])["damaged_objects"], 0);
    // It goes on from there.
    put(&gate, &key, 70);
    json(&gate, &["node", "ship"]);
    assert_eq!(copy(&gate)["lag_bytes"], 0);
}

#[test]
fn a_copy_is_recovered_onto_disks() {
    let folder = tempfile::tempdir().unwrap();
    let (data, place) = (folder.path().join("data"), folder.path().join("place"));
    let gate = start(&data, path(&place), &[]);
    let key = gate.key("photos", "full").clone();
    (0..40).for_each(|number| put(&gate, &key, number));
    json(&gate, &["node", "ship"]);
    gate.kill();
    fs::remove_dir_all(data.join("node")).unwrap();
    let disks = ["a", "b"].map(|name| folder.path().join(name));
    let named = format!("{},{}", path(&disks[0]), path(&disks[1]));
    let settings = [("POSTERN_NODE__DISKS", named.as_str())];
    let arguments = ["--from", path(&place), "--data", path(&data)];
    let (code, _, said) = recover(&arguments, &settings);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(path(&disks[0])), "{said}");
    for disk in &disks {
        fs::create_dir(disk).unwrap();
    }
    let (code, told, said) = recover(&arguments, &settings);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(told["objects"], 40, "{told}");
    let on_disks: u64 = disks.iter().map(|disk| bytes_in(disk)).sum();
    assert!(on_disks > 28_000_000, "{on_disks}");
    let gate = start(&data, path(&place), &settings);
    assert!((0..40).all(|number| holds(&gate, &key, number)));
    assert_eq!(json(&gate, &["node", "verify"])["sound"], true);
    assert!(gate.stop().success());
    fs::remove_dir_all(data.join("node")).unwrap();
    let (code, _, said) = recover(&arguments, &settings);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("has volumes"), "{said}");
}

fn bytes_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(|it| it.unwrap());
    entries
        .map(|entry| match entry.file_type().unwrap().is_dir() {
            true => bytes_in(&entry.path()),
            false => entry.metadata().unwrap().len(),
        })
        .sum()
}

#[test]
fn a_copy_in_a_bucket_is_kept_up_by_itself_and_recovered_from() {
    let store = Gate::start();
    let to = store.key("photos", "full");
    Call::put("/copies", b"").send(&store, to).expect(200);
    let url = format!("https://{}/copies/of/here", store.host());
    let ca = store.dir().join("ca.pem");
    let place = [
        ("POSTERN_SHIP__TO", url.as_str()),
        ("POSTERN_SHIP__CA", path(&ca)),
        ("POSTERN_SHIP__ACCESS_KEY_ID", &to.access_key_id),
        ("POSTERN_SHIP__SECRET_ACCESS_KEY", &to.secret_access_key),
    ];
    let data = tempfile::tempdir().unwrap();
    let often = [("POSTERN_SHIP__EVERY", "1 s")];
    let gate = start(data.path(), &url, &[&place[..], &often].concat());
    let key = gate.key("photos", "full").clone();
    (0..10).for_each(|number| put(&gate, &key, number));
    let sealed = Call::put(&format!("/{}/sealed", key.bucket), b"for nobody")
        .with("x-amz-server-side-encryption", "AES256");
    sealed.send(&gate, &key).expect(200);
    wait::until("the copy", SOON, || {
        let copy = copy(&gate);
        (copy["lag_bytes"] == 0 && copy["lag_seconds"] == 0).then_some(())
    });
    let node = json(&gate, &["node", "stats"])["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(gate.stop().success());

    fs::remove_dir_all(data.path().join("node")).unwrap();
    let arguments = ["--from", &url, "--data", path(data.path())];
    let (code, _, said) = recover(&arguments, &place);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("--node"), "{said}");
    let other = "00000000000000000000000000000001";
    let (code, _, said) = recover(&[&arguments[..], &["--node", other]].concat(), &place);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains(other), "{said}");
    let (code, told, said) = recover(&[&arguments[..], &["--node", &node]].concat(), &place);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(told["objects"], 11, "{told}");

    let gate = start(data.path(), &url, &[&place[..], &often].concat());
    assert!((0..10).all(|number| holds(&gate, &key, number)));
    let read = Call::get(&format!("/{}/sealed", key.bucket)).send(&gate, &key);
    assert_eq!(read.expect(200).body, b"for nobody");

    // While the place is away, everything goes on here, and the lag is told.
    store.kill();
    put(&gate, &key, 10);
    wait::until("a fault", SOON, || {
        let copy = copy(&gate);
        (copy["fault"].is_string() && copy["lag_seconds"].as_u64()? >= 1).then_some(())
    });
    let refused = gate.postern(&["node", "ship"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(holds(&gate, &key, 10));
}

#[test]
fn a_node_that_knows_less_than_its_copy_does_not_write_over_it() {
    let folder = tempfile::tempdir().unwrap();
    let (data, place) = (folder.path().join("data"), folder.path().join("place"));
    let gate = start(&data, path(&place), &[]);
    let key = gate.key("photos", "full").clone();
    (0..3).for_each(|number| put(&gate, &key, number));
    let older = json(&gate, &["node", "backup"]);
    let older = older["folder"].as_str().unwrap().to_owned();
    (3..6).for_each(|number| put(&gate, &key, number));
    json(&gate, &["node", "ship"]);
    assert!(gate.stop().success());

    // Somebody puts an older state back, and work goes on in it.
    let node = data.join("node");
    fs::remove_dir_all(&node).unwrap();
    fs::rename(&older, &node).unwrap();
    let gate = start(&data, path(&place), &[]);
    assert!(holds(&gate, &key, 2) && !holds(&gate, &key, 3));
    put(&gate, &key, 9);
    let refused = gate.postern(&["node", "ship"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let fault = copy(&gate)["fault"].as_str().unwrap().to_owned();
    assert!(fault.contains("recover from it"), "{fault}");
    assert!(gate.stop().success());
    fs::remove_dir_all(&node).unwrap();
    let (code, told, said) = recover(&["--from", path(&place), "--data", path(&data)], &[]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(told["objects"], 6, "{told}");

    // The recovered one and the one that was lost, alive after all: one of them sends.
    let alive = folder.path().join("alive");
    copy_folder(&data, &alive);
    let (one, other) = (
        start(&data, path(&place), &[]),
        start(&alive, path(&place), &[]),
    );
    put(&one, &key, 10);
    json(&one, &["node", "ship"]);
    put(&other, &key, 11);
    let refused = other.postern(&["node", "ship"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    put(&one, &key, 12);
    json(&one, &["node", "ship"]);
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|it| it.unwrap()) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
