//! The life of a policy module at the command line: what is refused, what is in force, and what a refusal is explained by.

use tests::call::{self, Call};
use tests::clients::file;
use tests::gate::{self, Gate};

fn sample(name: &str) -> String {
    gate::root()
        .join("config/samples/policies")
        .join(name)
        .display()
        .to_string()
}

#[test]
fn a_tenants_rule_goes_in_force_is_explained_and_is_taken_back() {
    let gate = Gate::start();
    let (full, read) = (gate.key("photos", "full"), gate.key("photos", "read"));
    Call::put("/demo-bucket/drafts/a", b"draft")
        .send(&gate, full)
        .expect(200);
    Call::put("/demo-bucket/final/a", b"final")
        .send(&gate, full)
        .expect(200);
    let get = |key: &str| Call::get(&format!("/demo-bucket/{key}")).send(&gate, read);
    get("drafts/a").expect(200);

    let digest = gate.postern_ok(&[
        "--quiet",
        "module",
        "push",
        &sample("drafts-internal.wat"),
        "--name",
        "drafts",
    ]);
    let digest = digest.trim().to_owned();
    get("drafts/a").expect(200);
    gate.postern_ok(&["module", "activate", "drafts"]);
    let refused = get("drafts/a");
    refused.expect_error(403, "AccessDenied");
    get("final/a").expect(200);
    assert!(gate.postern_ok(&["module", "list"]).contains("drafts"));
    assert!(
        gate.postern_ok(&["module", "inspect", "drafts"])
            .contains("aws:SourceIp")
    );

    let explained = gate.postern_ok(&["explain", refused.request_id()]);
    for wanted in [
        "drafts-internal",
        "drafts/",
        "10.0.0.0/8",
        &digest[digest.len() - 8..],
    ] {
        let begins = explained.contains(wanted) || explained.contains(&digest[..8]);
        assert!(
            explained.contains(wanted) || (digest.ends_with(wanted) && begins),
            "`{wanted}` is not in\n{explained}"
        );
    }

    gate.postern_ok(&["module", "deactivate", "drafts"]);
    get("drafts/a").expect(200);
}

#[test]
fn a_module_outlives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Gate::start_in(folder.path(), &[], &[]);
    let full = gate.key("photos", "full").clone();
    Call::put("/demo-bucket/drafts/a", b"draft")
        .send(&gate, &full)
        .expect(200);
    gate.postern_ok(&[
        "module",
        "push",
        &sample("drafts-internal.wat"),
        "--name",
        "drafts",
        "--activate",
    ]);
    Call::get("/demo-bucket/drafts/a")
        .send(&gate, &full)
        .expect_error(403, "AccessDenied");
    assert!(gate.stop().success());
    let gate = Gate::start_in(folder.path(), &[], &[]);
    Call::get("/demo-bucket/drafts/a")
        .send(&gate, &full)
        .expect_error(403, "AccessDenied");
}

#[test]
fn a_refusal_by_the_level_is_explained_too() {
    let gate = Gate::start();
    let refused = Call::put("/demo-bucket/x", b"x").send(&gate, gate.key("photos", "read"));
    refused.expect_error(403, "AccessDenied");
    let explained = gate.postern_ok(&["explain", refused.request_id()]);
    assert!(
        explained.contains("PutObject") || explained.contains("obj.write"),
        "{explained}"
    );
    assert!(
        explained.contains("obj.write") || explained.to_lowercase().contains("read"),
        "{explained}"
    );
    let unknown = gate.postern(&["explain", "0000000000000000"]);
    assert_eq!(unknown.status.code(), Some(4));
    let said = String::from_utf8_lossy(&unknown.stderr);
    assert!(said.contains("no such request is remembered"), "{said}");

    // Those that pass push each other out of the memory, and never a refusal.
    let look = Call::new("HEAD", "/demo-bucket").sign(
        &call::signer(&gate, gate.key("photos", "read")),
        gate.host(),
    );
    let mut wire = gate.wire();
    let mut passed = String::new();
    for _ in 0..5_000 {
        let answer = wire.ask(&look.bytes()).expect("an answer");
        answer.expect(200);
        passed = answer.request_id().to_owned();
    }
    gate.postern_ok(&["explain", &passed]);
    gate.postern_ok(&["explain", refused.request_id()]);
}

#[test]
fn what_is_no_module_is_refused_and_the_one_in_force_stays() {
    let gate = Gate::start();
    let full = gate.key("photos", "full");
    Call::put("/demo-bucket/drafts/a", b"draft")
        .send(&gate, full)
        .expect(200);
    gate.postern_ok(&[
        "module",
        "push",
        &sample("drafts-internal.wat"),
        "--name",
        "drafts",
        "--activate",
    ]);
    let manifest = r#"(@custom "postern.policy" "{\"abi\":\"postern:policy/1\",\"name\":\"m\",\"version\":\"1\",\"attributes\":[]}")"#;
    let wat = |inside: &str| format!("(module {inside} {manifest})").into_bytes();
    let memory = r#"(memory (export "memory") 1 1)"#;
    let decide = r#"(func (export "decide") (result i32) (i32.const 0))"#;
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("empty.wasm", Vec::new()),
        ("noise.wasm", tests::random::Random::new(21).bytes(4_096)),
        ("head.wasm", b"\0asm\x01\0\0\0".to_vec()),
        ("no-decide.wat", wat(memory)),
        ("no-memory.wat", wat(decide)),
        (
            "mistyped.wat",
            wat(&format!(
                r#"{memory} (func (export "decide") (param i32) (result i32) (i32.const 0))"#
            )),
        ),
        (
            "unknown-import.wat",
            wat(&format!(
                r#"(import "postern" "clock" (func (result i64))) {memory} {decide}"#
            )),
        ),
        (
            "wasi.wat",
            wat(&format!(
                r#"(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32))) {memory} {decide}"#
            )),
        ),
        (
            "huge-memory.wat",
            wat(&format!(
                r#"(memory (export "memory") 60000 60000) {decide}"#
            )),
        ),
        (
            "no-manifest.wat",
            format!("(module {memory} {decide})").into_bytes(),
        ),
        ("big.wasm", vec![0; 20 * 1024 * 1024]),
    ];
    for (name, bytes) in cases {
        let path = file(gate.dir(), name, &bytes);
        let output = gate.postern(&["module", "push", &path, "--name", "drafts", "--activate"]);
        assert!(!output.status.success(), "{name} was taken");
        assert!(!output.stderr.is_empty(), "{name}: no word of why");
    }
    // What was in force is in force.
    Call::get("/demo-bucket/drafts/a")
        .send(&gate, full)
        .expect_error(403, "AccessDenied");
    Call::get("/demo-bucket/other")
        .send(&gate, full)
        .expect_error(404, "NoSuchKey");
}

#[test]
fn a_module_that_does_not_answer_is_503_and_never_forwarded() {
    let gate = Gate::start();
    let full = gate.key("photos", "full");
    Call::put("/demo-bucket/there", b"x")
        .send(&gate, full)
        .expect(200);
    let manifest = r#"(@custom "postern.policy" "{\"abi\":\"postern:policy/1\",\"name\":\"m\",\"version\":\"1\",\"attributes\":[\"postern:Key\"]}")"#;
    for (name, body) in [
        ("loop", "(loop $l (br $l)) (i32.const 0)"),
        ("trap", "unreachable"),
        ("range", "(i32.const 3)"),
        ("recursion", "(call $decide)"),
        (
            "pointer",
            "(drop (call $equals (i32.const 0) (i32.const -8) (i32.const 64))) (i32.const 0)",
        ),
        (
            "attribute",
            "(drop (call $equals (i32.const 7) (i32.const 0) (i32.const 1))) (i32.const 0)",
        ),
    ] {
        let text = format!(
            r#"(module (import "postern" "equals" (func $equals (param i32 i32 i32) (result i32)))
            (memory (export "memory") 1 1)
            (func $decide (export "decide") (result i32) {body}) {manifest})"#
        );
        let path = file(gate.dir(), "bad.wat", text.as_bytes());
        let pushed = gate.postern(&["module", "push", &path, "--name", name, "--activate"]);
        // The check at upload may already see that it never answers.
        if !pushed.status.success() {
            continue;
        }
        for call in [
            Call::get("/demo-bucket/there"),
            Call::put("/demo-bucket/stored", b"x"),
        ] {
            let answer = call.send(&gate, full);
            answer.expect_error(503, "ServiceUnavailable");
        }
        // Another tenant's... another user's requests of the same tenant wait no longer than theirs.
        gate.postern_ok(&["module", "deactivate", name]);
        Call::get("/demo-bucket/there")
            .send(&gate, full)
            .expect(200);
        Call::get("/demo-bucket/stored")
            .send(&gate, full)
            .expect_error(404, "NoSuchKey");
    }
}
