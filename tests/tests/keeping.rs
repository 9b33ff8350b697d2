//! What keeps a server, by its command line: another master key, backups, heads of the audit log elsewhere, accounts as files,
//! domains of their own, and what happens when the access log cannot be written.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tests::call::Call;
use tests::gate::{Gate, Key};
use tests::wait;
use tests::wire::Wire;

fn json(gate: &Gate, arguments: &[&str]) -> Value {
    let all = [arguments, &["--json"]].concat();
    serde_json::from_str(&gate.postern_ok(&all)).unwrap()
}

fn exit(gate: &Gate, arguments: &[&str]) -> (i32, String) {
    let output = gate.postern(arguments);
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.code().unwrap(), said)
}

/// A tenant whose users share buckets, with the bucket `site` and a key.
fn tenant(gate: &Gate, name: &str) -> Key {
    let of = ["--tenant", name];
    gate.postern_ok(&["tenant", "create", name, "--profile", "sobject"]);
    gate.postern_ok(&[&["user", "create", "web"], &of[..]].concat());
    gate.postern_ok(&[&["bucket", "create", "site", "--owner", "web"], &of[..]].concat());
    let make = ["key", "create", "--user", "web", "--level", "full"];
    let made = json(gate, &[&make[..], &of[..]].concat());
    let text = |pointer: &str| made.pointer(pointer).unwrap().as_str().unwrap().to_owned();
    Key {
        user: "web".to_owned(),
        level: "full".to_owned(),
        access_key_id: text("/key/id"),
        secret_access_key: text("/secret_access_key"),
        bucket: "site".to_owned(),
    }
}

#[test]
fn another_master_key_under_way_and_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Gate::start_in(folder.path(), &[], &[]);
    let key = tenant(&gate, "acme");
    Call::put("/site/a", b"a").send(&gate, &key).expect(200);
    let sealed = Call::put("/site/sealed", b"s").with("x-amz-server-side-encryption", "AES256");
    sealed.send(&gate, &key).expect(200);
    let read = || std::fs::read_to_string(folder.path().join("master.key")).unwrap();
    let ring = || std::fs::read(folder.path().join("node/keys")).unwrap();
    let (before, ring_before) = (read(), ring());
    let said = gate.postern_ok(&["master-key", "rotate", "--wait"]);
    assert!(said.contains("one master key opens everything"), "{said}");
    assert_ne!(read(), before);
    assert!(!folder.path().join("master.key.next").exists());
    Call::get("/site/a").send(&gate, &key).expect(200);
    gate.postern_ok(&["audit", "verify"]);
    assert!(gate.stop().success());

    // The object node's keys are under it, too.
    let ring_after = ring();
    let mut starts = Command::new(tests::gate::binary());
    starts.args(["serve", "--dev", "--s3-listen", "127.0.0.1:0", "--data"]);
    starts
        .arg(folder.path())
        .args(["--admin-listen", "127.0.0.1:0"]);
    std::fs::write(folder.path().join("node/keys"), ring_before).unwrap();
    let refused = starts.output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && said.contains("another master key"),
        "{said}"
    );
    std::fs::write(folder.path().join("node/keys"), ring_after).unwrap();

    let gate = Gate::start_in(folder.path(), &[], &[]);
    Call::get("/site/a").send(&gate, &key).expect(200);
    let whole = Call::get("/site/sealed").send(&gate, &key);
    assert_eq!(whole.expect(200).body, b"s");
    // A stop between the last row and the new file's place: both are there, and the start goes on.
    gate.kill();
    let now = read();
    std::fs::write(folder.path().join("master.key"), before).unwrap();
    std::fs::write(folder.path().join("master.key.next"), &now).unwrap();
    let gate = Gate::start_in(folder.path(), &[], &[]);
    Call::get("/site/a").send(&gate, &key).expect(200);
    wait::until("the rotation", Duration::from_secs(30), || {
        (read() == now).then_some(())
    });
    gate.postern_ok(&["audit", "verify"]);
}

#[test]
fn a_backup_is_made_looked_at_and_put_back() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Gate::start_in(folder.path(), &[], &[]);
    let key = tenant(&gate, "acme");
    let made = json(&gate, &["backup", "create"]);
    let file = made["file"].as_str().unwrap().to_owned();
    let master = folder.path().join("master.key");
    let master = master.to_str().unwrap();
    let looked = json(&gate, &["backup", "verify", &file, "--key-file", master]);
    assert_eq!(looked["revision"], made["revision"]);
    gate.postern_ok(&["user", "disable", "web", "--tenant", "acme"]);
    Call::get("/site/a")
        .send(&gate, &key)
        .expect_error(403, "InvalidAccessKeyId");

    // Not under a server that runs; not where it does not hold.
    let into = folder.path().to_str().unwrap();
    let restore = ["backup", "restore", &file, "--into", into];
    assert_eq!(exit(&gate, &restore).0, 1);
    let wrong = folder.path().join("wrong.key");
    std::fs::write(&wrong, "0".repeat(64)).unwrap();
    let (code, said) = exit(
        &gate,
        &[
            "backup",
            "verify",
            &file,
            "--key-file",
            wrong.to_str().unwrap(),
        ],
    );
    assert!(code == 1 && said.contains("master key"), "{code}: {said}");
    let other = Gate::start();
    assert!(gate.stop().success());
    let said = other.postern_ok(&restore);
    assert!(said.contains("again"), "{said}");
    let gate = Gate::start_in(folder.path(), &[], &[]);
    Call::get("/site/a")
        .send(&gate, &key)
        .expect_error(404, "NoSuchKey");
    gate.postern_ok(&["audit", "verify"]);
}

#[test]
fn heads_of_the_audit_log_find_a_log_that_was_put_back() {
    let elsewhere = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let place = elsewhere.path().to_str().unwrap();
    let settings = [
        ("POSTERN_AUDIT__HEADS_TO", place),
        ("POSTERN_AUDIT__HEADS_EVERY", "1 s"),
    ];
    let gate = Gate::start_in(folder.path(), &[], &settings);
    let before = json(&gate, &["backup", "create"])["file"]
        .as_str()
        .unwrap()
        .to_owned();
    tenant(&gate, "acme");
    let records = json(&gate, &["audit", "head"])["records"].as_u64().unwrap();
    wait::until("a head elsewhere", Duration::from_secs(30), || {
        let heads = std::fs::read_dir(elsewhere.path()).unwrap();
        let names = heads.map(|it| it.unwrap().file_name().into_string().unwrap());
        names
            .into_iter()
            .any(|name| name.ends_with(&format!("{records:016x}.json")))
            .then_some(())
    });
    let said = gate.postern_ok(&["audit", "verify", "--heads", place]);
    assert!(said.contains("are this log's"), "{said}");
    assert!(gate.postern_ok(&["audit", "head"]).contains(place));

    // Whoever has the machine puts an older directory back: it holds in itself, and not beside what was kept.
    let other = Gate::start();
    assert!(gate.stop().success());
    let into = folder.path().to_str().unwrap();
    other.postern_ok(&["backup", "restore", &before, "--into", into]);
    let gate = Gate::start_in(folder.path(), &[], &[]);
    gate.postern_ok(&["audit", "verify"]);
    let (code, said) = exit(&gate, &["audit", "verify", "--heads", place]);
    assert!(
        code == 3 && said.contains("not the one that was signed"),
        "{code}: {said}"
    );
}

/// Another gate is the store that heads are sent to: signed as any client signs, and compared after a client has fetched them.
#[test]
fn heads_of_the_audit_log_are_put_into_a_bucket_of_s3() {
    let store = Gate::start();
    let key = store.key("photos", "full");
    Call::put("/heads", b"").send(&store, key).expect(200);
    let to = format!("https://{}/heads/here", store.host());
    let ca = store.dir().join("ca.pem");
    let folder = tempfile::tempdir().unwrap();
    let settings = |secret: &str| {
        [
            ("POSTERN_AUDIT__HEADS_TO", to.clone()),
            ("POSTERN_AUDIT__HEADS_EVERY", "1 s".to_owned()),
            ("POSTERN_AUDIT__HEADS_CA", ca.display().to_string()),
            ("POSTERN_AUDIT__HEADS_REGION", "local".to_owned()),
            (
                "POSTERN_AUDIT__HEADS_ACCESS_KEY_ID",
                key.access_key_id.clone(),
            ),
            ("POSTERN_AUDIT__HEADS_SECRET_ACCESS_KEY", secret.to_owned()),
        ]
    };
    let start = |secret: &str| {
        let settings = settings(secret);
        let settings = settings
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        Gate::start_in(folder.path(), &[], &settings)
    };
    let gate = start("not-the-secret");
    wait::until("a refusal", Duration::from_secs(30), || {
        let told = gate.postern_ok(&["audit", "head"]);
        told.contains("it answers 403").then_some(())
    });
    assert!(gate.stop().success());
    let gate = start(&key.secret_access_key);
    tenant(&gate, "acme");
    let head = json(&gate, &["audit", "head"]);
    let name = format!(
        "{}-{:016x}.json",
        head["directory"].as_str().unwrap(),
        head["records"].as_u64().unwrap()
    );
    let path = format!("/heads/here/{name}");
    let kept = wait::until("a head in the bucket", Duration::from_secs(30), || {
        let answer = Call::get(&path).send(&store, key);
        (answer.status == 200).then_some(answer.body)
    });
    let place = tests::clients::file(store.dir(), &name, &kept);
    let said = gate.postern_ok(&["audit", "verify", "--heads", &place]);
    assert!(said.contains("are this log's"), "{said}");
}

#[test]
fn an_account_goes_to_another_deployment_as_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("phrase"), "correct horse battery staple\n").unwrap();
    let (here, there) = (Gate::start(), Gate::start());
    let key = tenant(&here, "acme");
    let read = json(
        &here,
        &[
            "key", "create", "--user", "web", "--level", "read", "--tenant", "acme",
        ],
    );
    let read = Key {
        access_key_id: read["key"]["id"].as_str().unwrap().to_owned(),
        secret_access_key: read["secret_access_key"].as_str().unwrap().to_owned(),
        level: "read".to_owned(),
        ..key.clone()
    };
    let (file, phrase) = (path("acme.json"), path("phrase"));
    let with = ["--passphrase-file", &phrase];
    here.postern_ok(&[&["tenant", "export", "acme", "--out", &file], &with[..]].concat());
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains(&key.secret_access_key));
    let plan = [&["tenant", "plan", &file], &with[..]].concat();
    let (code, said) = exit(&here, &plan);
    assert!(
        code == 0 && said.contains("nothing would change"),
        "{code}: {said}"
    );
    let (code, said) = exit(&there, &plan);
    assert!(code == 3 && said.contains("create"), "{code}: {said}");
    assert_eq!(exit(&there, &["tenant", "plan", &file]).0, 3);

    there.postern_ok(&[&["tenant", "apply", &file], &with[..]].concat());
    let (code, said) = exit(&there, &plan);
    assert_eq!(code, 0, "{said}");
    // The same keys decide the same there.
    for gate in [&here, &there] {
        Call::put("/site/a", b"a").send(gate, &key).expect(200);
        Call::get("/site/a").send(gate, &read).expect(200);
        Call::put("/site/a", b"b")
            .send(gate, &read)
            .expect_error(403, "AccessDenied");
    }
    there.postern_ok(&["audit", "verify"]);
}

/// One request to a host by name, over a connection that asks for its certificate.
fn at(gate: &Gate, host: &str, call: &Call, key: Option<&Key>) -> tests::wire::Answer {
    let mut wire = Wire::connect(gate.address(), host, gate.tls()).unwrap();
    let name = format!("{host}:{}", gate.address().port());
    let raw = match key {
        Some(key) => call.sign(&tests::call::signer(gate, key), &name),
        None => call.anonymous(&name),
    };
    wire.ask(&raw.bytes()).unwrap()
}

#[test]
fn a_domain_is_its_accounts_alone() {
    let gate = Gate::start();
    let (acme, other) = (tenant(&gate, "acme"), tenant(&gate, "other"));
    let domain = ["tenant", "domain"];
    let run = |arguments: &[&str]| gate.postern_ok(&[&domain[..], arguments].concat());
    run(&["add", "acme", "s3.acme.example"]);
    run(&["add", "other", "s3.other.example"]);
    assert_eq!(run(&["list", "acme"]).trim(), "s3.acme.example");
    for taken in ["s3.acme.example", "x.s3.acme.example", "acme.example"] {
        let (code, said) = exit(&gate, &["tenant", "domain", "add", "other", taken]);
        assert!(code == 5, "{taken}: {code}: {said}");
    }
    // The certificate is there, by name and below it, without a restart.
    wait::until("a certificate", Duration::from_secs(30), || {
        Wire::connect(gate.address(), "s3.acme.example", gate.tls()).ok()
    });
    let put = Call::put("/site/a", b"a");
    at(&gate, "s3.acme.example", &put, Some(&acme)).expect(200);
    let get = Call::get("/a");
    at(&gate, "site.s3.acme.example", &get, Some(&acme)).expect(200);
    // A stranger's key is no key there, whatever it asks for, and he learns nothing of what is there.
    for (host, target) in [
        ("s3.acme.example", "/site/a"),
        ("s3.acme.example", "/none/a"),
        ("s3.acme.example", "/"),
        ("site.s3.acme.example", "/a"),
        ("none.s3.acme.example", "/a"),
    ] {
        let answer = at(&gate, host, &Call::get(target), Some(&other));
        answer.expect_error(403, "InvalidAccessKeyId");
    }
    at(
        &gate,
        "s3.other.example",
        &Call::get("/site/a"),
        Some(&other),
    )
    .expect_error(404, "NoSuchKey");
    // Who does not sign reaches the account's buckets, of which none is public: those that are not there are not there.
    let closed = at(&gate, "s3.acme.example", &Call::get("/site/a"), None);
    closed.expect_error(403, "AccessDenied");
    // Taken away, the name is nobody's: it is path style for whoever signs.
    run(&["remove", "acme", "s3.acme.example"]);
    let call = Call::get("/site/a");
    let mut wire = gate.wire();
    let raw = call.sign(&tests::call::signer(&gate, &other), "s3.acme.example");
    wire.ask(&raw.bytes())
        .unwrap()
        .expect_error(404, "NoSuchKey");
}

#[test]
fn requests_wait_for_a_log_that_can_be_written_where_it_is_so_set() {
    for (setting, blocks) in [("block", true), ("count", false)] {
        let folder = tempfile::tempdir().unwrap();
        // A disk that is full, under the name of the log.
        let log = folder.path().join("access.jsonl");
        std::os::unix::fs::symlink("/dev/full", &log).unwrap();
        let settings = [("POSTERN_AUDIT__ON_FAILURE", setting)];
        let gate = Gate::start_in(folder.path(), &[], &settings);
        let key = gate.key("photos", "full").clone();
        let target = format!("/{}/a", key.bucket);
        let put = || Call::put(&target, b"a").send(&gate, &key).status;
        // The first line finds out.
        put();
        if !blocks {
            std::thread::sleep(Duration::from_millis(300));
            assert_eq!(put(), 200);
            continue;
        }
        wait::until("a refusal", Duration::from_secs(30), || {
            (put() == 503).then_some(())
        });
        // Another disk: from the first line that is written on, everything is done again.
        std::fs::remove_file(&log).unwrap();
        gate.postern_ok(&["reload"]);
        wait::until("an answer", Duration::from_secs(30), || {
            (put() == 200).then_some(())
        });
    }
}
