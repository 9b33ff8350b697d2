//! A version between being stored and being in force, against live traffic: tested with cases of a file, asked as a shadow, obeyed
//! as a canary, taken back by itself, agreed upon by two persons, and refused where nobody vouches for it.

use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tests::call::Call;
use tests::clients::file;
use tests::gate::Gate;
use tests::wait;

/// A guard that denies all below `denied/`, by a statement of this name, and traps on all below `trap/`.
fn module(statement: &str, denied: &str, trap: &str) -> String {
    format!(
        r#"(module
  (import "postern" "starts_with" (func $starts_with (param i32 i32 i32) (result i32)))
  (import "postern" "because" (func $because (param i32 i32)))
  (memory (export "memory") 1 1)
  (data (i32.const 0) "{denied}")
  (data (i32.const 64) "{trap}")
  (data (i32.const 128) "{statement}")
  (func (export "decide") (result i32)
    (if (call $starts_with (i32.const 0) (i32.const 64) (i32.const {}))
      (then (unreachable)))
    (if (i32.eqz (call $starts_with (i32.const 0) (i32.const 0) (i32.const {})))
      (then (return (i32.const 0))))
    (call $because (i32.const 128) (i32.const {}))
    (i32.const 2))
  (@custom "postern.policy" "{{\"abi\":\"postern:policy/1\",\"name\":\"guard\",\"version\":\"1\",\"attributes\":[\"postern:Key\"]}}"))"#,
        trap.len(),
        denied.len(),
        statement.len()
    )
}

/// Stores a version and answers its digest.
fn push(gate: &Gate, text: &str) -> String {
    let path = file(gate.dir(), "guard.wat", text.as_bytes());
    gate.postern_ok(&["--quiet", "module", "push", &path, "--name", "guard"])
        .trim()
        .to_owned()
}

fn asked(gate: &Gate, arguments: &[&str]) -> Value {
    let arguments = [&["--json", "module"], arguments].concat();
    serde_json::from_str(&gate.postern_ok(&arguments)).expect("JSON")
}

fn get(gate: &Gate, key: &str) -> tests::wire::Answer {
    Call::get(&format!("/demo-bucket/{key}")).send(gate, gate.key("photos", "read"))
}

/// The version that the list of modules marks as in force.
fn active(gate: &Gate) -> Option<String> {
    let list = asked(gate, &["list"]);
    let modules = list["modules"].as_array().unwrap();
    let found = modules.iter().find(|it| it["active"] == true)?;
    Some(found["digest"].as_str().unwrap().to_owned())
}

#[test]
fn cases_of_a_file_show_each_failure_with_its_questions() {
    let gate = Gate::start();
    let path = file(
        gate.dir(),
        "guard.wat",
        module("no-a", "a/", "t/").as_bytes(),
    );
    let case = |name: &str, key: &str, expect: &str| json!({"name": name, "facts": {"postern:Key": key}, "expect": expect});
    let good = [
        case("a is denied", "a/1", "deny"),
        case("b passes", "b/1", "no-opinion"),
    ];
    let bad = [
        case("b is denied", "b/1", "deny"),
        case("t is answered", "t/1", "deny"),
    ];
    let good = file(gate.dir(), "good.json", json!(good).to_string().as_bytes());
    let bad = file(gate.dir(), "bad.json", json!(bad).to_string().as_bytes());
    let digest = push(&gate, &module("no-a", "a/", "t/"));
    for subject in [path.as_str(), "guard"] {
        let passed = gate.postern_ok(&["module", "test", subject, "--cases", &good]);
        assert!(passed.contains("2 cases passed"), "{passed}");
        let output = gate.postern(&["--json", "module", "test", subject, "--cases", &bad]);
        assert_eq!(output.status.code(), Some(1));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            (&report["passed"], &report["failed"]),
            (&json!(0), &json!(2))
        );
        assert_eq!(report["digest"], digest.as_str());
        let denied = &report["failures"][0];
        assert_eq!(
            (&denied["expected"], &denied["got"]),
            (&json!("deny"), &json!("no opinion"))
        );
        let asked = denied["asked"].as_array().unwrap();
        assert_eq!(asked.len(), 2, "{denied}");
        assert_eq!(asked[1]["answer"], "no");
        assert!(
            asked[1]["question"].as_str().unwrap().contains("a/"),
            "{denied}"
        );
        assert!(
            report["failures"][1]["why"]
                .as_str()
                .unwrap()
                .contains("no answer")
        );
    }
    let tested = &asked(&gate, &["history", "guard"])["history"][0];
    assert_eq!(tested["step"], "module.test");
    assert_eq!(tested["outcome"], "0 passed, 2 failed");
}

#[test]
fn a_shadow_is_asked_and_never_obeyed() {
    let gate = Gate::start();
    let full = gate.key("photos", "full");
    for key in ["a/1", "b/1", "t/1"] {
        let path = format!("/demo-bucket/{key}");
        Call::put(&path, b"x").send(&gate, full).expect(200);
    }
    let one = push(&gate, &module("no-a", "a/", "-/"));
    gate.postern_ok(&["module", "activate", "guard", &one]);
    let two = push(&gate, &module("no-b", "b/", "t/"));
    gate.postern_ok(&["module", "shadow", "guard", &two]);
    get(&gate, "a/1").expect_error(403, "AccessDenied");
    let passed = get(&gate, "b/1");
    passed.expect(200);
    // What breaks in a shadow is counted and harms nobody.
    get(&gate, "t/1").expect(200);

    let seen = asked(&gate, &["shadow", "guard", "--status"])["trials"]["shadow"].clone();
    assert_eq!(seen["digest"], two.as_str());
    let seen = &seen["seen"];
    let numbers = ["checks", "differing", "unanswered"].map(|field| seen[field].as_u64().unwrap());
    assert_eq!(numbers, [3, 3, 1], "{seen}");
    let found = |statement: &str| {
        let all = seen["differences"].as_array().unwrap();
        let mut found = all.iter().filter(|it| it["statement"] == statement);
        found
            .next()
            .unwrap_or_else(|| panic!("{statement}: {seen}"))
    };
    let denies = found("no-b");
    assert_eq!(
        (&denies["active"], &denies["shadow"]),
        (&json!("no opinion"), &json!("deny"))
    );
    assert_eq!(denies["operation"], "GetObject");
    assert_eq!(denies["examples"][0]["request"], passed.request_id());
    assert_eq!(denies["examples"][0]["key_prefix"], "b/");
    let passes = found("no-a");
    assert_eq!(
        (&passes["active"], &passes["shadow"]),
        (&json!("deny"), &json!("no opinion"))
    );
    assert_eq!(found("")["shadow"], "no answer");
    let told = gate.postern_ok(&["module", "shadow", "guard", "--status"]);
    assert!(told.contains("no-b"), "{told}");

    gate.postern_ok(&["module", "shadow", "guard", "--stop"]);
    let output = gate.postern(&["module", "shadow", "guard", "--status"]);
    assert!(!output.status.success());
    assert_eq!(active(&gate), Some(one));
}

#[test]
fn a_canary_is_obeyed_by_its_share_and_each_line_names_the_version() {
    let gate = Gate::start();
    let full = gate.key("photos", "full");
    Call::put("/demo-bucket/a/1", b"x")
        .send(&gate, full)
        .expect(200);
    Call::put("/demo-bucket/b/1", b"x")
        .send(&gate, full)
        .expect(200);
    let one = push(&gate, &module("no-a", "a/", "-/"));
    gate.postern_ok(&["module", "activate", "guard", &one]);
    let two = push(&gate, &module("no-b", "b/", "-/"));
    gate.postern_ok(&["module", "canary", "guard", &two, "--share", "50%"]);
    for level in ["full", "read-write", "read"] {
        let key = gate.key("photos", level);
        for _ in 0..3 {
            let a = Call::get("/demo-bucket/a/1").send(&gate, key);
            let b = Call::get("/demo-bucket/b/1").send(&gate, key);
            // One of the two versions, and the same for both.
            let obeys_two = a.status == 200;
            assert_eq!(
                (a.status, b.status),
                if obeys_two { (200, 403) } else { (403, 200) }
            );
            let version = if obeys_two { &two } else { &one };
            for answer in [&a, &b] {
                let line = gate.entry(answer.request_id()).to_string();
                assert!(
                    line.contains(&format!("guard@{}", &version[..12])),
                    "{line}"
                );
            }
        }
    }
    gate.postern_ok(&["module", "canary", "guard", &two, "--share", "100%"]);
    get(&gate, "b/1").expect_error(403, "AccessDenied");
    let seen = asked(&gate, &["canary", "guard", "--status"])["trials"]["canary"].clone();
    assert_eq!(seen["per_mille"], 1_000);
    assert!(seen["seen"]["asked"].as_u64().unwrap() >= 1, "{seen}");
    gate.postern_ok(&["module", "canary", "guard", "--stop"]);
    get(&gate, "b/1").expect(200);
    gate.postern_ok(&["module", "canary", "guard", &two, "--share", "0.1%"]);
    gate.postern_ok(&["module", "canary", "guard", "--promote"]);
    get(&gate, "b/1").expect_error(403, "AccessDenied");
    assert_eq!(active(&gate), Some(two));
}

#[test]
fn a_version_that_does_not_answer_is_taken_back_by_itself() {
    let gate = Gate::start();
    let full = gate.key("photos", "full");
    Call::put("/demo-bucket/t/1", b"x")
        .send(&gate, full)
        .expect(200);
    let one = push(&gate, &module("no-a", "a/", "-/"));
    gate.postern_ok(&["module", "activate", "guard", &one]);
    let two = push(&gate, &module("no-a", "a/", "t/"));
    let taken_back = |what: &str| {
        wait::until(what, Duration::from_secs(20), || {
            let answer = get(&gate, "t/1");
            assert!([200, 503].contains(&answer.status), "{}", answer.status);
            (answer.status == 200).then_some(())
        });
        let last = asked(&gate, &["history", "guard"])["history"][0].clone();
        assert_eq!(last["step"], "module.rollback", "{last}");
        assert_eq!(
            (&last["who"], &last["detail"]["by_itself"]),
            (&json!("system"), &json!(true))
        );
        assert_eq!(last["digest"], two.as_str());
        assert!(last["detail"]["failed"].as_u64().unwrap() >= 1, "{last}");
        last["detail"]["stage"].as_str().unwrap().to_owned()
    };
    gate.postern_ok(&["module", "activate", "guard", &two]);
    get(&gate, "t/1").expect_error(503, "ServiceUnavailable");
    assert_eq!(taken_back("the version before"), "active");
    assert_eq!(active(&gate), Some(one.clone()));
    gate.postern_ok(&["module", "canary", "guard", &two, "--share", "100%"]);
    get(&gate, "t/1").expect_error(503, "ServiceUnavailable");
    assert_eq!(taken_back("the end of the canary"), "canary");
    assert_eq!(active(&gate), Some(one));
    let said = std::fs::read_to_string(gate.dir().join("gate.err")).unwrap();
    assert!(said.contains("was taken back"), "{said}");
}

#[test]
fn after_its_watch_a_version_that_does_not_answer_stays_and_raises_an_alarm() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Gate::start_in(folder.path(), &[], &[("POSTERN_POLICY__WATCH_TIME", "0 s")]);
    let one = push(&gate, &module("no-a", "a/", "-/"));
    gate.postern_ok(&["module", "activate", "guard", &one]);
    let two = push(&gate, &module("no-a", "a/", "t/"));
    gate.postern_ok(&["module", "activate", "guard", &two]);
    for _ in 0..100 {
        get(&gate, "t/1").expect_error(503, "ServiceUnavailable");
    }
    assert_eq!(active(&gate), Some(two));
    let said = std::fs::read_to_string(gate.dir().join("gate.err")).unwrap();
    assert_eq!(said.matches("gives no answer").count(), 1, "{said}");
}

#[test]
fn what_cannot_be_loaded_refuses_says_so_and_takes_no_other_place() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Gate::start_in(folder.path(), &[], &[]);
    let full = gate.key("photos", "full").clone();
    Call::put("/demo-bucket/b/1", b"x")
        .send(&gate, &full)
        .expect(200);
    let one = push(&gate, &module("no-a", "a/", "-/"));
    gate.postern_ok(&["module", "activate", "guard", &one]);
    let two = push(&gate, &module("no-b", "b/", "-/"));
    assert!(gate.stop().success());

    // Machine code that is lost is made again.
    std::fs::remove_dir_all(folder.path().join("machine-code")).unwrap();
    let gate = Gate::start_in(folder.path(), &[], &[]);
    get(&gate, "a/1").expect_error(403, "AccessDenied");
    get(&gate, "b/1").expect(200);
    assert!(gate.stop().success());

    // From now on modules need a signature, and this one has none: the server starts, and refuses what it should judge.
    let signer = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let signed = [("POSTERN_POLICY__SIGNERS", signer)];
    let gate = Gate::start_in(folder.path(), &[], &signed);
    get(&gate, "b/1").expect_error(503, "ServiceUnavailable");
    let status: Value = serde_json::from_str(&gate.postern_ok(&["--json", "status"])).unwrap();
    let unloadable = &status["server"]["modules"]["unloadable"];
    assert_eq!(unloadable[0]["digest"], one.as_str(), "{status}");
    assert!(
        unloadable[0]["cause"]
            .as_str()
            .unwrap()
            .contains("--signature"),
        "{status}"
    );
    assert!(
        gate.postern_ok(&["module", "list"])
            .contains("cannot be loaded")
    );
    let said = std::fs::read_to_string(gate.dir().join("gate.err")).unwrap();
    assert!(said.contains("cannot be loaded"), "{said}");
    let output = gate.postern(&["module", "activate", "guard", &two]);
    assert!(!output.status.success());
    let path = file(
        gate.dir(),
        "other.wat",
        module("no-c", "c/", "-/").as_bytes(),
    );
    let wrong = file(gate.dir(), "other.sig", &[7; 64]);
    for arguments in [vec![], vec!["--signature", &wrong]] {
        let push = [vec!["module", "push", &path, "--name", "guard"], arguments].concat();
        let output = gate.postern(&push);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && told.contains("policy.signers"),
            "{told}"
        );
    }
    assert_eq!(active(&gate), Some(one.clone()));
    let refused = asked(&gate, &["history", "guard"])["history"][0].clone();
    assert!(
        refused["outcome"].as_str().unwrap().starts_with("refused"),
        "{refused}"
    );
    assert!(gate.stop().success());
    let gate = Gate::start_in(folder.path(), &[], &[]);
    get(&gate, "b/1").expect(200);
}

#[test]
fn a_version_whose_own_cases_fail_is_neither_stored_nor_put_in_force() {
    let gate = Gate::start();
    let lying = module("no-a", "a/", "-/").replace(
        r#"\"version\":\"1\","#,
        r#"\"version\":\"1\",\"tests\":[{\"name\":\"b is denied\",\"facts\":{\"postern:Key\":\"b/1\"},\"expect\":\"deny\"}],"#,
    );
    let path = file(gate.dir(), "guard.wat", lying.as_bytes());
    let output = gate.postern(&["module", "push", &path, "--name", "guard", "--activate"]);
    assert!(!output.status.success());
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("b is denied"), "{told}");
    let last = asked(&gate, &["history", "guard"])["history"][0].clone();
    assert_eq!(last["step"], "module.push");
    assert!(
        last["outcome"].as_str().unwrap().contains("b is denied"),
        "{last}"
    );
    assert_eq!(active(&gate), None);
}

#[test]
fn two_persons_agree_at_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let (alice, bob) = ("a".repeat(40), "b".repeat(40));
    let hash = |token: &str| hex::encode(Sha256::digest(token));
    let persons = format!("alice:{},bob:{}", hash(&alice), hash(&bob));
    let gate = Gate::start_in(
        folder.path(),
        &[],
        &[
            ("POSTERN_POLICY__TWO_PERSONS", "true"),
            ("POSTERN_ADMIN__PERSONS", &persons),
        ],
    );
    let full = gate.key("photos", "full");
    Call::put("/demo-bucket/a/1", b"x")
        .send(&gate, full)
        .expect(200);
    let one = push(&gate, &module("no-a", "a/", "-/"));
    let alice = file(gate.dir(), "alice.token", alice.as_bytes());
    let bob = file(gate.dir(), "bob.token", bob.as_bytes());
    let as_alice = ["--token-file", &alice, "--tenant", "demo"];
    let as_bob = ["--token-file", &bob, "--tenant", "demo"];
    let activate = ["module", "activate", "guard", &one];
    let told = gate.postern_ok(&[&activate[..], &as_alice].concat());
    assert!(told.contains("is proposed"), "{told}");
    get(&gate, "a/1").expect(200);
    let approve = ["module", "approve", "guard"];
    let output = gate.postern(&[&approve[..], &as_alice].concat());
    assert!(!output.status.success());
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("another person"), "{told}");
    get(&gate, "a/1").expect(200);
    gate.postern_ok(&[&approve[..], &as_bob].concat());
    get(&gate, "a/1").expect_error(403, "AccessDenied");
    let history = gate.postern_ok(&["module", "history", "guard"]);
    assert!(
        history.contains("admin:alice") && history.contains("admin:bob"),
        "{history}"
    );
}
