//! The object node by its commands, with real files: space that comes back, what is read and found damaged, what is brought back,
//! copies, and an index from the volumes alone.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tests::call::Call;
use tests::gate::{Gate, Key};
use tests::wait;

/// A volume is full at this size, the smallest that the settings take.
const SMALL: [(&str, &str); 1] = [("POSTERN_NODE__VOLUME_BYTES", "16 MiB")];
const OBJECT_BYTES: usize = 1_000_000;
/// For what the metrics tell some seconds later.
const LOOK_TIME: Duration = Duration::from_secs(30);

fn json(gate: &Gate, arguments: &[&str]) -> Value {
    let all = [arguments, &["--json"]].concat();
    serde_json::from_str(&gate.postern_ok(&all)).unwrap()
}

fn exit(gate: &Gate, arguments: &[&str]) -> (i32, String) {
    let output = gate.postern(arguments);
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.code().unwrap(), said)
}

fn content(number: usize) -> Vec<u8> {
    let byte = u8::try_from(number % 251).unwrap();
    vec![byte; OBJECT_BYTES]
}

fn put(gate: &Gate, key: &Key, number: usize) {
    let path = format!("/{}/{number:03}", key.bucket);
    Call::put(&path, &content(number))
        .send(gate, key)
        .expect(200);
}

fn volumes(folder: &Path) -> Vec<PathBuf> {
    let read = fs::read_dir(folder.join("node/volumes")).unwrap();
    let mut all: Vec<PathBuf> = read.map(|it| it.unwrap().path()).collect();
    all.sort();
    all
}

/// Reads an object in pieces that are verified before they are answered: each is right, or an error.
fn reads_whole(gate: &Gate, key: &Key, number: usize) -> bool {
    const PIECE: usize = 64 * 1_024;
    let (path, wanted) = (format!("/{}/{number:03}", key.bucket), content(number));
    let mut is_whole = true;
    for from in (0..OBJECT_BYTES).step_by(PIECE) {
        let to = (from + PIECE).min(OBJECT_BYTES);
        let range = format!("bytes={from}-{}", to - 1);
        let read = Call::get(&path).with("range", &range).send(gate, key);
        if read.status == 206 {
            assert!(read.body == wanted[from..to], "{number}: {range}");
        } else {
            assert_eq!(read.status, 500, "{number}: {range}");
            is_whole = false;
        }
    }
    is_whole
}

#[test]
fn what_is_deleted_gives_its_space_back_and_nothing_else_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Gate::start_in(folder.path(), &[], &SMALL);
    let key = gate.key("photos", "full").clone();
    (0..60).for_each(|number| put(&gate, &key, number));
    let log = |gate: &Gate| {
        json(gate, &["node", "stats"])["log_bytes"]
            .as_u64()
            .unwrap()
    };
    let full = log(&gate);
    for number in (0..60).filter(|number| number % 10 != 0) {
        let path = format!("/{}/{number:03}", key.bucket);
        Call::delete(&path).send(&gate, &key).expect(204);
    }
    // What is over is counted when its chunks are cleared.
    wait::until("the garbage", LOOK_TIME, || {
        let stats = json(&gate, &["node", "stats"]);
        (stats["garbage_bytes"].as_u64()? >= 54_000_000).then_some(())
    });
    let done = json(&gate, &["node", "compact", "--garbage-percent", "10"]);
    assert!(done["volumes"].as_u64().unwrap() >= 2, "{done}");
    assert!(log(&gate) < full / 2, "{} of {full}", log(&gate));
    for number in (0..60).step_by(10) {
        let path = format!("/{}/{number:03}", key.bucket);
        let read = Call::get(&path).send(&gate, &key);
        assert!(read.expect(200).body == content(number), "{number}");
    }
    // The counts are those of the rows, as the commands and the bill say them.
    let held = json(&gate, &["node", "df"]);
    let bucket = held["buckets"].as_array().unwrap().iter();
    let bucket = bucket.clone().find(|it| it["bytes"] != 0).unwrap();
    assert_eq!(
        (&bucket["objects"], &bucket["tenant"]),
        (&6.into(), &"demo".into()),
        "{held}"
    );
    assert_eq!(bucket["bytes"], 6 * OBJECT_BYTES, "{held}");
    assert_eq!(json(&gate, &["node", "verify"])["sound"], true);

    // A copy of now, while it works; and after the server has stopped, an index from the volumes alone.
    let copy = json(&gate, &["node", "backup"]);
    let copy = PathBuf::from(copy["folder"].as_str().unwrap());
    put(&gate, &key, 100);
    assert!(gate.stop().success());
    let output = std::process::Command::new(tests::gate::binary())
        .args(["node", "rebuild-index", "--json", "--data"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let rebuilt: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(rebuilt["objects"], 7, "{rebuilt}");
    let gate = Gate::start_in(folder.path(), &[], &SMALL);
    let read = format!("/{}/100", key.bucket);
    Call::get(&read).send(&gate, &key).expect(200);
    assert!(gate.stop().success());

    fs::remove_dir_all(folder.path().join("node")).unwrap();
    fs::rename(copy, folder.path().join("node")).unwrap();
    let gate = Gate::start_in(folder.path(), &[], &SMALL);
    Call::get(&read).send(&gate, &key).expect(404);
    let read = Call::get(&format!("/{}/050", key.bucket));
    assert!(read.send(&gate, &key).expect(200).body == content(50));
    assert_eq!(json(&gate, &["node", "verify"])["sound"], true);
}

#[test]
fn a_flipped_bit_is_found_and_named_and_never_served() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Gate::start_in(folder.path(), &[], &SMALL);
    let key = gate.key("photos", "full").clone();
    (0..20).for_each(|number| put(&gate, &key, number));
    assert_eq!(json(&gate, &["node", "scrub"])["damaged_objects"], 0);
    assert!(gate.stop().success());

    // In the middle of the first volume there is nothing but payload.
    let path = &volumes(folder.path())[0];
    let file = fs::File::options()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, 5_000_000).unwrap();
    file.write_all_at(&[byte[0] ^ 1], 5_000_000).unwrap();

    let gate = Gate::start_in(folder.path(), &[], &SMALL);
    let (code, said) = exit(&gate, &["node", "scrub"]);
    assert_eq!(code, 3, "{said}");
    let stats = json(&gate, &["node", "stats"]);
    assert_eq!(stats["damaged_objects"], 1, "{stats}");
    let task = stats["tasks"].as_array().unwrap().iter();
    let task = task.clone().find(|it| it["task"] == "scrub").unwrap();
    let damaged = task["told"]["objects"][0]["key"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(said.contains(&damaged), "{said}");
    let mut unread = 0;
    for number in 0..20 {
        let is_whole = reads_whole(&gate, &key, number);
        assert_eq!(is_whole, format!("{number:03}") != damaged, "{number}");
        unread += usize::from(!is_whole);
    }
    assert_eq!(unread, 1);
    // Written anew it is whole again, for the next scrub too.
    put(&gate, &key, damaged.parse().unwrap());
    let (code, said) = exit(&gate, &["node", "scrub"]);
    assert_eq!(code, 3, "the place itself stays damaged: {said}");
    assert_eq!(json(&gate, &["node", "stats"])["damaged_objects"], 0);
}

#[test]
fn what_was_deleted_is_brought_back_within_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [SMALL[0], ("POSTERN_NODE__UNDELETE_TIME", "1 h")];
    let gate = Gate::start_in(folder.path(), &[], &settings);
    let key = gate.key("photos", "full").clone();
    (0..5).for_each(|number| put(&gate, &key, number));
    for number in 0..3 {
        let path = format!("/{}/{number:03}", key.bucket);
        Call::delete(&path).send(&gate, &key).expect(204);
    }
    put(&gate, &key, 2);
    let which = [&*key.bucket, "--owner", "photos", "--tenant", "demo"];
    let bucket = |what: &'static str, more: &[&'static str]| {
        let all = [&["bucket", what], &which[..], more].concat();
        exit(&gate, &all.iter().map(|it| &**it).collect::<Vec<_>>())
    };
    let (code, said) = bucket("list-deleted", &[]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(said.lines().count(), 4, "{said}");
    // What was written anew stays as it is now, and the command says so.
    let (code, said) = bucket("undelete", &["--prefix", "00"]);
    assert_eq!(code, 5, "{said}");
    assert!(
        said.contains("`002` is not back") && said.contains("2 brought back, 1 not"),
        "{said}"
    );
    for number in 0..5 {
        let read = Call::get(&format!("/{}/{number:03}", key.bucket));
        assert!(
            read.send(&gate, &key).expect(200).body == content(number),
            "{number}"
        );
    }
    let (code, said) = bucket("undelete", &["--key", "none"]);
    assert_eq!(code, 4, "{said}");
    let told = json(&gate, &["audit", "search", "--action", "bucket.undelete"]);
    assert_eq!(told["items"].as_array().map(Vec::len), Some(1), "{told}");
}

#[test]
fn a_node_that_reads_only_serves_and_takes_nothing() {
    let gate = Gate::start();
    let key = gate.key("photos", "full").clone();
    put(&gate, &key, 1);
    let path = format!("/{}/001", key.bucket);
    gate.postern_ok(&["node", "read-only"]);
    assert_eq!(json(&gate, &["node", "stats"])["read_only"], true);
    Call::get(&path).send(&gate, &key).expect(200);
    Call::put(&path, b"x").send(&gate, &key).expect(503);
    Call::delete(&path).send(&gate, &key).expect(503);
    gate.postern_ok(&["node", "read-only", "--off"]);
    Call::delete(&path).send(&gate, &key).expect(204);
    let told = json(&gate, &["audit", "search", "--action", "node.read-only"]);
    assert_eq!(told["items"].as_array().map(Vec::len), Some(2), "{told}");
    let (code, said) = exit(&gate, &["node", "compact", "--garbage-percent", "0"]);
    assert_eq!(code, 2, "{said}");
}

#[test]
fn a_disk_is_added_emptied_and_taken_out() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let disks = ["a", "b"].map(|name| folder.path().join(name));
    for disk in &disks {
        fs::create_dir(disk).unwrap();
    }
    let [a, b] = disks.each_ref().map(|disk| disk.to_str().unwrap());
    let both = format!("{a},{b}");
    let with = |disks: &str, drain: &str| {
        let settings = [
            ("POSTERN_NODE__DISKS", disks),
            ("POSTERN_NODE__DRAIN", drain),
        ];
        Gate::start_in(&data, &[], &[&SMALL[..], &settings].concat())
    };
    let shown = |gate: &Gate, disk: &str| {
        let stats = json(gate, &["node", "stats"]);
        let mut disks = stats["disks"].as_array().unwrap().iter();
        disks.find(|it| it["path"] == disk).unwrap().clone()
    };
    // At first the data folder alone, whose objects are moved off it.
    let gate = Gate::start_in(&data, &[], &SMALL);
    let key = gate.key("photos", "full").clone();
    (0..20).for_each(|number| put(&gate, &key, number));
    assert!(gate.stop().success());
    // Both lie on one file system: which of them is roomier nobody can say.
    let gate = with(&both, a);
    (20..60).for_each(|number| put(&gate, &key, number));
    let own = data.join("node");
    let own = own.to_str().unwrap();
    // It may be empty by now: what is drained is moved off from the start.
    assert_ne!(shown(&gate, own)["state"], "in use");
    json(&gate, &["node", "compact"]);
    assert_eq!(shown(&gate, own)["state"], "empty");
    assert_eq!(shown(&gate, a)["state"], "empty");
    assert_eq!(shown(&gate, b)["state"], "in use");
    let said = gate.postern_ok(&["node", "df"]);
    assert!(said.contains(a) && said.contains("in use"), "{said}");
    assert!(gate.stop().success());

    let refused = std::process::Command::new(tests::gate::binary())
        .args(["serve", "--dev", "--data"])
        .arg(&data)
        .args([
            "--s3-listen",
            "127.0.0.1:0",
            "--admin-listen",
            "127.0.0.1:0",
        ])
        .env("POSTERN_NODE__DISKS", a)
        .output()
        .unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(
        !refused.status.success() && said.contains(b) && said.contains("node.drain"),
        "{said}"
    );

    let gate = with(&both, b);
    json(&gate, &["node", "compact"]);
    assert_eq!(shown(&gate, a)["state"], "in use");
    assert_eq!(shown(&gate, b)["state"], "empty");
    assert_eq!(shown(&gate, b)["left_bytes"], 0);
    // A node in a process of its own tells its numbers now and then, and not when somebody looks at them.
    let line = format!("postern_node_disk_left_bytes{{disk=\"{b}\"}} 0\n");
    wait::until("an emptied disk among the metrics", LOOK_TIME, || {
        metrics(&gate).contains(&line).then_some(())
    });
    assert!(gate.stop().success());
    fs::remove_dir_all(b).unwrap();
    let gate = with(a, "");
    for number in 0..60 {
        assert!(reads_whole(&gate, &key, number), "{number}");
    }
    assert_eq!(json(&gate, &["node", "verify"])["sound"], true);
}

fn metrics(gate: &Gate) -> String {
    let request = format!(
        "GET /metrics HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
        gate.admin_host()
    );
    let answer = gate.admin_wire().ask(request.as_bytes()).unwrap();
    answer.expect(200).text()
}
