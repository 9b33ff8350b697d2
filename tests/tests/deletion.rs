//! A user is deleted with his data while the gate is killed: nothing of him works from the first answer on, what he had goes, and
//! what others have stays.

use serde_json::Value;
use tests::call::Call;
use tests::gate::{Gate, Key};
use tests::operations::with_md5;

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

/// Makes a bucket of a user, with what it is to keep.
fn keeping(gate: &Gate, name: &str, owner: &str, keeps: &str) {
    let make = ["bucket", "create", name, "--owner", owner, "--tenant"];
    gate.postern_ok(&[&make[..], &["acme", keeps]].concat());
}

/// 001-33, 001-36: whether a bucket keeps versions, and whether they may be locked, is said when it is made, for another as by its owner;
/// 000-30: it goes with all of them.
#[test]
fn a_bucket_keeps_what_it_was_made_to_keep_and_goes_with_all_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Gate::start_in(folder.path(), &[], &[]);
    gate.postern_ok(&["tenant", "create", "acme", "--profile", "e3-root"]);
    let web = user(&gate, "web");
    keeping(&gate, "versions", "web", "--versioning");
    keeping(&gate, "locked", "web", "--object-lock");
    Call::put("/own", b"")
        .with("x-amz-bucket-object-lock-enabled", "true")
        .send(&gate, &web)
        .expect(200);
    gate.kill();

    let gate = Gate::start_in(folder.path(), &[], &[]);
    let get = |target: &str| Call::get(target).send(&gate, &web);
    for (bucket, is_versioned, is_locked) in [
        ("data", false, false),
        ("versions", true, false),
        ("locked", true, true),
        ("own", true, true),
    ] {
        let versioning = get(&format!("/{bucket}?versioning")).expect(200).text();
        assert_eq!(versioning.contains("Enabled"), is_versioned, "{versioning}");
        let lock = get(&format!("/{bucket}?object-lock"));
        if is_locked {
            assert!(lock.expect(200).text().contains("Enabled"));
        } else {
            lock.expect_error(404, "ObjectLockConfigurationNotFoundError");
        }
        // The admin side says the same.
        let shown = json(&gate, &["bucket", "show", bucket, "--tenant", "acme"]);
        let versioning = if is_versioned { "enabled" } else { "off" };
        assert_eq!(shown["versioning"], versioning, "{shown}");
        assert_eq!(shown["object_lock"], is_locked, "{shown}");
    }
    let made = json(&gate, &["audit", "search", "--action", "bucket.create"]);
    let records = made["items"].as_array().unwrap();
    for (bucket, keeps) in [("versions", "versions"), ("own", "locked-versions")] {
        let says = |record: &Value| {
            let text = record.to_string().replace('\\', "");
            text.contains(&format!(r#""name":"{bucket}""#))
                && text.contains(&format!(r#""keeps":"{keeps}""#))
        };
        assert!(records.iter().any(says), "{made}");
    }
    // Locks need versions.
    let suspend = "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>";
    with_md5(Call::put("/own?versioning", suspend.as_bytes()))
        .send(&gate, &web)
        .expect_error(409, "InvalidBucketState");

    // Versions, a marker and an upload; one version is held.
    for target in ["/versions/a", "/versions/a", "/versions/b", "/locked/held"] {
        Call::put(target, b"0123456789")
            .send(&gate, &web)
            .expect(200);
    }
    Call::delete("/versions/a").send(&gate, &web).expect(204);
    Call::post("/versions/begun?uploads", b"")
        .send(&gate, &web)
        .expect(200);
    let hold = |state: &str| {
        let text = format!("<LegalHold><Status>{state}</Status></LegalHold>");
        with_md5(Call::put("/locked/held?legal-hold", text.as_bytes()))
    };
    hold("ON").send(&gate, &web).expect(200);
    let delete = ["tenant", "delete", "acme", "--with-data"];
    let dry = json(&gate, &[&delete[..], &["--dry-run"]].concat());
    assert_eq!(dry["objects"], 5, "{dry}");
    hold("OFF").send(&gate, &web).expect(200);
    let done = json(&gate, &[&delete[..], &["--confirm", "acme"]].concat());
    let job = done["job"].as_u64().unwrap().to_string();
    let shown = json(&gate, &["job", "show", &job, "--wait"]);
    assert_eq!(shown["state"], "done", "{shown}");
    assert_eq!(shown["objects_done"], 5, "{shown}");
    assert_eq!(exit(&gate, &["tenant", "show", "acme"]).0, 4);
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
