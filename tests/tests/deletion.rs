//! A user is deleted with his data while the gate is killed: nothing of him works from the first answer on, what he had goes, and
//! what others have stays.

use serde_json::Value;
use tests::call::Call;
use tests::gate::{Gate, Key};

/// Objects of the user who goes: more than a purge removes in one step.
const OBJECTS: usize = 2_200;

fn json(gate: &Gate, arguments: &[&str]) -> Value {
    let all = [arguments, &["--json"]].concat();
    serde_json::from_str(&gate.postern_ok(&all)).unwrap()
}

fn exit(gate: &Gate, arguments: &[&str]) -> (i32, String) {
    let output = gate.postern(arguments);
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.code().unwrap(), said)
}

/// A user of `acme` with a bucket `data` and a key.
fn user(gate: &Gate, name: &str) -> Key {
    let tenant = ["--tenant", "acme"];
    gate.postern_ok(&[&["user", "create", name], &tenant[..]].concat());
    gate.postern_ok(&[&["bucket", "create", "data", "--owner", name], &tenant[..]].concat());
    let make = ["key", "create", "--user", name, "--level", "full"];
    let made = json(gate, &[&make[..], &tenant[..]].concat());
    let text = |pointer: &str| made.pointer(pointer).unwrap().as_str().unwrap().to_owned();
    Key {
        user: name.to_owned(),
        level: "full".to_owned(),
        access_key_id: text("/key/id"),
        secret_access_key: text("/secret_access_key"),
        bucket: "data".to_owned(),
    }
}

/// Rule 000-30.
#[test]
fn a_user_goes_with_his_data_though_the_gate_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Gate::start_in(folder.path(), &[], &[]);
    gate.postern_ok(&["tenant", "create", "acme", "--profile", "e3-primary"]);
    let (web, other) = (user(&gate, "web"), user(&gate, "other"));
    Call::put("/data/kept", b"kept")
        .send(&gate, &other)
        .expect(200);
    let signer = tests::call::signer(&gate, &web);
    let mut wire = gate.wire();
    for number in 0..OBJECTS {
        let put = Call::put(&format!("/data/{number}"), b"0123456789");
        let raw = put.sign(&signer, gate.host());
        wire.ask(&raw.bytes()).unwrap().expect(200);
    }
    Call::post("/data/begun?uploads", b"")
        .send(&gate, &web)
        .expect(200);

    // Without a word of the data he stays, and what would be lost is said.
    let delete = ["user", "delete", "web", "--tenant", "acme"];
    let (code, said) = exit(&gate, &[&delete[..], &["--confirm", "web"]].concat());
    assert!(code == 5 && said.contains("with_data"), "{code}: {said}");
    let dry = json(
        &gate,
        &[&delete[..], &["--with-data", "--dry-run"]].concat(),
    );
    assert_eq!(
        (&dry["objects"], &dry["bytes"]),
        (&OBJECTS.into(), &(OBJECTS * 10).into())
    );
    assert_eq!(dry["possible"], true);
    let (code, said) = exit(&gate, &[&delete[..], &["--with-data", "--yes"]].concat());
    assert!(
        code == 2 && said.contains("--confirm web"),
        "{code}: {said}"
    );

    let sure = [&delete[..], &["--with-data", "--confirm", "web"]].concat();
    let done = json(&gate, &sure);
    let job = done["job"].as_u64().unwrap().to_string();
    Call::get("/data/1")
        .send(&gate, &web)
        .expect_error(403, "InvalidAccessKeyId");
    gate.kill();

    let gate = Gate::start_in(folder.path(), &[], &[]);
    Call::get("/data/1")
        .send(&gate, &web)
        .expect_error(403, "InvalidAccessKeyId");
    let shown = json(&gate, &["job", "show", &job, "--wait"]);
    assert_eq!(shown["state"], "done", "{shown}");
    assert_eq!(shown["objects_done"], OBJECTS);
    let (code, _) = exit(&gate, &["user", "show", "web", "--tenant", "acme"]);
    assert_eq!(code, 4);
    let listed = json(&gate, &["job", "list", "--state", "done"]);
    assert_eq!(listed["items"][0]["id"].to_string(), job);
    // What others have is there, and the name is free.
    assert_eq!(
        Call::get("/data/kept")
            .send(&gate, &other)
            .expect(200)
            .text(),
        "kept"
    );
    let again = user(&gate, "web");
    Call::get("/data/1")
        .send(&gate, &again)
        .expect_error(404, "NoSuchKey");
    gate.postern_ok(&["audit", "verify"]);

    // The account goes in the same way, and waits for the end where that is asked for.
    let sure = [
        "tenant",
        "delete",
        "acme",
        "--with-data",
        "--confirm",
        "acme",
        "--wait",
    ];
    let said = gate.postern_ok(&sure);
    assert!(said.contains("is deleted"), "{said}");
    Call::get("/data/kept")
        .send(&gate, &other)
        .expect_error(403, "InvalidAccessKeyId");
    assert_eq!(exit(&gate, &["tenant", "show", "acme"]).0, 4);
}

#[test]
fn no_refusal_is_kept_on_the_way() {
    let gate = Gate::start();
    let key = gate.key("photos", "full").clone();
    let read = gate.key("photos", "read").clone();
    let wrong = Key {
        secret_access_key: "0".repeat(40),
        ..key.clone()
    };
    let bucket = format!("/{}", key.bucket);
    let object = format!("{bucket}/none");
    let answers = [
        Call::get(&object).send(&gate, &key),
        Call::get("/no-such-bucket").send(&gate, &key),
        Call::get(&object).send(&gate, &wrong),
        Call::put(&object, b"x").send(&gate, &read),
        Call::get(&object).anonymous(gate.host()).send(&gate),
        gate.wire()
            .ask(b"GET /\x01 HTTP/1.1\r\nhost: x\r\n\r\n")
            .unwrap(),
    ];
    for answer in answers {
        assert!(answer.status >= 400, "{}", answer.status);
        assert_eq!(
            answer.header("cache-control"),
            Some("no-store"),
            "{}",
            answer.text()
        );
    }
}
