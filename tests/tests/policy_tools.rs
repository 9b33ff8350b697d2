//! The policy tools at the command line, against a running gate: what would be answered, every way to an answer, who may do
//! something, where versions differ, and what a version would have said to the requests that were recorded.

use std::fs;
use std::process::Output;
use std::time::Duration;

use s3_protocol::Operation;
use serde_json::{Value, json};
use tests::call::{self, Call};
use tests::clients::file;
use tests::gate::{Gate, Key};
use tests::{operations, wait};

/// A guard that denies where the answer to one question is yes.
fn guard(statement: &str, attribute: &str, question: &str, operand: &str) -> String {
    format!(
        r#"(module
  (import "postern" "{question}" (func $ask (param i32 i32 i32) (result i32)))
  (import "postern" "because" (func $because (param i32 i32)))
  (memory (export "memory") 1 1)
  (data (i32.const 0) "{operand}")
  (data (i32.const 128) "{statement}")
  (func (export "decide") (result i32)
    (if (i32.eqz (call $ask (i32.const 0) (i32.const 0) (i32.const {})))
      (then (return (i32.const 0))))
    (call $because (i32.const 128) (i32.const {}))
    (i32.const 2))
  (@custom "postern.policy" "{{\"abi\":\"postern:policy/1\",\"name\":\"guard\",\"version\":\"1\",\"attributes\":[\"{attribute}\"]}}"))"#,
        operand.len(),
        statement.len()
    )
}

fn no_key_below(prefix: &str) -> String {
    guard("no-key", "postern:Key", "starts_with", prefix)
}

/// Stores a version and answers its digest.
fn push(gate: &Gate, text: &str) -> String {
    let path = file(gate.dir(), "guard.wat", text.as_bytes());
    gate.postern_ok(&["--quiet", "module", "push", &path, "--name", "guard"])
        .trim()
        .to_owned()
}

/// Runs a command, and wants this exit code; answers its document.
#[track_caller]
fn ends(gate: &Gate, code: i32, arguments: &[&str]) -> Value {
    let output = gate.postern(&[&["--json"], arguments].concat());
    expect(&output, code, arguments);
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The same, as people see it.
#[track_caller]
fn says(gate: &Gate, code: i32, arguments: &[&str]) -> String {
    let output = gate.postern(arguments);
    expect(&output, code, arguments);
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[track_caller]
fn expect(output: &Output, code: i32, arguments: &[&str]) {
    assert_eq!(
        output.status.code(),
        Some(code),
        "postern {arguments:?}\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn simulate<'a>(key: &'a Key, more: &[&'a str]) -> Vec<&'a str> {
    [
        &["access", "simulate", "--as", &key.access_key_id, "--do"],
        more,
    ]
    .concat()
}

#[test]
fn a_simulated_request_is_answered_as_the_real_one() {
    let gate = Gate::start();
    let full = gate.key("photos", "full");
    Call::put("/demo-bucket/a", b"x")
        .send(&gate, full)
        .expect(200);
    let upload = Call::post("/demo-bucket/up?uploads", b"").send(&gate, full);
    let upload = upload.element("UploadId").unwrap();
    // The forms have their keys in their bodies; of a preflight nothing is judged.
    let skipped = [
        Operation::PostObject,
        Operation::DeleteObjects,
        Operation::Preflight,
        Operation::WriteGetObjectResponse,
        Operation::GetCallerIdentity,
        Operation::GetSessionToken,
        Operation::AssumeRole,
        // A header of others.
        Operation::BypassGovernanceRetention,
    ];
    let mut compared = 0;
    // What is carried out changes what comes after it: only refusals are compared by their code.
    for level in ["read", "write", "read-write"] {
        let key = gate.key("photos", level);
        for operation in Operation::ALL.iter().filter(|it| !skipped.contains(it)) {
            let real = operations::call(*operation, "demo-bucket", "a", &upload).send(&gate, key);
            let target = match operation.scope() {
                s3_protocol::operation::Scope::Service => String::new(),
                s3_protocol::operation::Scope::Bucket => "demo-bucket".to_owned(),
                s3_protocol::operation::Scope::Object => "demo-bucket/a".to_owned(),
            };
            // Onto itself a copy is refused before anybody is asked.
            let target = if *operation == Operation::CopyObject {
                "demo-bucket/a-copy".to_owned()
            } else {
                target
            };
            let copies = matches!(operation, Operation::CopyObject | Operation::UploadPartCopy);
            let mut arguments = vec!["--json"];
            arguments.extend(simulate(key, &[operation.name(), target.as_str()]));
            if copies {
                arguments.extend(["--header", "x-amz-copy-source: /demo-bucket/a"]);
            }
            if *operation == Operation::GetObjectAttributes {
                arguments.extend(["--header", "x-amz-object-attributes: ETag"]);
            }
            if *operation == Operation::RenameObject {
                arguments.extend(["--header", "x-amz-rename-source: /demo-bucket/a"]);
            }
            let output = gate.postern(&arguments);
            let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
                panic!("{operation} {}", String::from_utf8_lossy(&output.stderr))
            });
            let foreseen = &told["answer"]["status"];
            if told["decision"] == "allowed" {
                assert!(
                    ![403, 501].contains(&real.status),
                    "{operation} at {level}: {}",
                    real.status
                );
            } else if real.status != 405 {
                assert_eq!(
                    foreseen,
                    &json!(real.status),
                    "{operation} at {level}: {told}"
                );
            }
            compared += 1;
        }
    }
    assert!(compared > 250, "{compared}");
}

#[test]
fn a_request_that_might_be_is_told_what_would_have_to_change() {
    let gate = Gate::start();
    let read = gate.key("photos", "read");
    Call::put("/demo-bucket/a", b"x")
        .send(&gate, gate.key("photos", "full"))
        .expect(200);
    let far = push(
        &gate,
        &guard("far", "aws:SourceIp", "in_network", "203.0.113.0/24"),
    );
    gate.postern_ok(&["module", "activate", "guard", &far]);

    let allowed = ends(&gate, 0, &simulate(read, &["GET", "demo-bucket/a"]));
    assert_eq!(
        (&allowed["decision"], &allowed["operation"]),
        (&json!("allowed"), &json!("GetObject"))
    );
    let denied = ends(
        &gate,
        3,
        &simulate(read, &["GET", "demo-bucket/a", "--from", "203.0.113.9"]),
    );
    assert_eq!(denied["answer"]["code"], "AccessDenied");
    let change = &denied["checks"][0]["change"];
    assert_eq!(change["found"], true, "{denied}");
    let words = change["change"]["changes"][0].as_str().unwrap();
    assert!(
        words.contains("another address") && words.contains("203.0.113.0/24"),
        "{words}"
    );
    let told = says(
        &gate,
        3,
        &simulate(read, &["GET", "demo-bucket/a", "--from", "203.0.113.9"]),
    );
    assert!(
        told.contains("answer  denied: 403 AccessDenied") && told.contains("another address"),
        "{told}"
    );

    // Nothing was asked for real: nothing is in the log.
    assert!(
        !gate
            .entries()
            .iter()
            .any(|entry| entry.to_string().contains("203.0.113.9"))
    );
    // What the level denies is no question of the address.
    let level = ends(
        &gate,
        3,
        &simulate(read, &["DeleteObject", "demo-bucket/a"]),
    );
    assert!(
        level["checks"][0]["plan"]["why"]
            .as_str()
            .unwrap()
            .contains("level"),
        "{level}"
    );
    ends(
        &gate,
        3,
        &[
            "access",
            "simulate",
            "--anonymous",
            "--do",
            "GET",
            "demo-bucket/a",
        ],
    );
    let absent = ends(&gate, 1, &simulate(read, &["GET", "no-such-bucket/a"]));
    assert_eq!(
        (&absent["decision"], &absent["answer"]["code"]),
        (&json!("refused"), &json!("NoSuchBucket"))
    );
    says(
        &gate,
        4,
        &[
            "access",
            "simulate",
            "--as",
            "PK000000000000000000",
            "--do",
            "GET",
            "demo-bucket/a",
        ],
    );
    says(&gate, 1, &simulate(read, &["CopyObject", "demo-bucket/a"]));
    says(
        &gate,
        2,
        &["access", "simulate", "--do", "GET", "demo-bucket/a"],
    );
}

#[test]
fn a_moment_and_a_candidate_can_be_asked_about() {
    let gate = Gate::start();
    let read = gate.key("photos", "read");
    let sunday = push(
        &gate,
        &guard("rest", "postern:DayOfWeek", "equals", "sunday"),
    );
    // It is not in force.
    ends(
        &gate,
        0,
        &simulate(
            read,
            &["GET", "demo-bucket/a", "--at", "2026-03-01T12:00:00Z"],
        ),
    );
    let candidate = format!("guard@{}", &sunday[..12]);
    let on = |day: &str, code: i32| {
        let at = format!("2026-03-{day}T12:00:00Z");
        ends(
            &gate,
            code,
            &simulate(
                read,
                &["GET", "demo-bucket/a", "--at", &at, "--module", &candidate],
            ),
        )
    };
    let denied = on("01", 3);
    assert_eq!(denied["module"]["digest"], sunday.as_str());
    assert!(
        denied["checks"][0]["text"]
            .as_str()
            .unwrap()
            .contains("rest")
    );
    on("02", 0);
    let path = file(gate.dir(), "guard.wat", no_key_below("a").as_bytes());
    ends(
        &gate,
        3,
        &simulate(read, &["GET", "demo-bucket/a", "--module", &path]),
    );
    // What was only tried out is not in force, and no request was refused for it.
    Call::get("/demo-bucket/a").send(&gate, read).expect(404);
}

#[test]
fn a_refusal_that_is_explained_says_what_would_have_to_change() {
    let gate = Gate::start();
    let digest = push(&gate, &no_key_below("a/"));
    gate.postern_ok(&["module", "activate", "guard", &digest]);
    let refused = Call::get("/demo-bucket/a/1").send(&gate, gate.key("photos", "read"));
    refused.expect(403);
    let told = says(&gate, 0, &["explain", refused.request_id()]);
    assert!(
        told.contains("the smallest change that would allow it"),
        "{told}"
    );
    assert!(
        told.contains("postern:Key would have to be another"),
        "{told}"
    );
}

#[test]
fn versions_are_compared_way_by_way() {
    let gate = Gate::start();
    let one = push(&gate, &no_key_below("a/"));
    let two = push(&gate, &no_key_below("a/b/"));
    let differs = ends(&gate, 3, &["module", "diff", "guard", &one[..8], &two[..8]]);
    assert_eq!(
        (&differs["complete"], &differs["count"]),
        (&json!(true), &json!(1)),
        "{differs}"
    );
    let area = &differs["areas"][0];
    assert_eq!(
        (&area["before"], &area["after"]),
        (&json!("deny"), &json!("no-opinion"))
    );
    let key = area["witness"]["postern:Key"][0].as_str().unwrap();
    assert!(key.starts_with("a/") && !key.starts_with("a/b/"), "{key}");
    let told = says(&gate, 3, &["module", "diff", "guard", &one, &two]);
    assert!(told.contains("1 area differs; complete"), "{told}");
    let same = says(&gate, 0, &["module", "diff", "guard", &one, &one]);
    assert!(same.contains("no difference; complete"), "{same}");
    let path = file(gate.dir(), "other.wat", no_key_below("a/").as_bytes());
    ends(&gate, 0, &["module", "diff", "guard", &one, &path]);
    ends(
        &gate,
        7,
        &["module", "diff", "guard", &one, &one, "--paths", "1"],
    );
    says(&gate, 4, &["module", "diff", "guard", &one, "ffff"]);
}

/// Waits until so many checks are recorded.
fn recorded(gate: &Gate, digest: &str, checks: u64) -> Value {
    wait::until("the record", Duration::from_secs(20), || {
        let output = gate.postern(&["--json", "module", "replay", "guard", digest]);
        let told: Value = serde_json::from_slice(&output.stdout).ok()?;
        (told["checks"].as_u64()? >= checks).then_some(told)
    })
}

#[test]
fn recorded_requests_are_decided_again_by_a_candidate() {
    let gate = Gate::start();
    let (full, read) = (gate.key("photos", "full"), gate.key("photos", "read"));
    let candidate = push(&gate, &no_key_below("a/"));
    let mut ids = Vec::new();
    for key in ["a/1", "a/2", "b/1"] {
        let target = format!("/demo-bucket/{key}");
        Call::put(&target, b"x").send(&gate, full).expect(200);
        ids.push(
            Call::get(&target)
                .send(&gate, read)
                .expect(200)
                .request_id()
                .to_owned(),
        );
    }
    Call::delete("/demo-bucket/b/1")
        .send(&gate, read)
        .expect(403);
    let told = recorded(&gate, &candidate, 7);
    assert_eq!(
        (&told["checks"], &told["decided"]),
        (&json!(7), &json!(7)),
        "{told}"
    );
    assert_eq!(
        (&told["differing"], &told["undecidable"]),
        (&json!(4), &json!(0)),
        "{told}"
    );
    assert_eq!(told["changed_since"], 0);
    let groups = told["differences"].as_array().unwrap();
    let gets = groups
        .iter()
        .find(|group| group["operation"] == "GetObject")
        .unwrap();
    assert_eq!(gets["access_key_id"], read.access_key_id.as_str());
    assert_eq!(
        (&gets["count"], &gets["prefix"]),
        (&json!(2), &json!("demo-bucket/a/"))
    );
    assert_eq!(
        (&gets["before"], &gets["after"]),
        (&json!("allowed"), &json!("denied by guard no-key"))
    );
    assert_eq!(gets["examples"][0]["request"], ids[0].as_str());

    let words = says(
        &gate,
        3,
        &[
            "module",
            "replay",
            "guard",
            &candidate,
            "--examples",
            "1",
            "--since",
            "1h",
        ],
    );
    assert!(
        words.contains("7 checks recorded") && words.contains("4 would be decided differently"),
        "{words}"
    );
    assert!(
        words.contains("every one of them could be decided again"),
        "{words}"
    );
    // In force, it differs from nothing but from what was said then.
    gate.postern_ok(&["module", "activate", "guard", &candidate]);
    let now = ends(&gate, 0, &["module", "replay", "guard", &candidate]);
    assert_eq!(
        (&now["differing"], &now["changed_since"]),
        (&json!(0), &json!(4)),
        "{now}"
    );
}

#[test]
fn what_cannot_be_decided_again_is_counted_and_said() {
    let gate = Gate::start();
    let full = gate.key("photos", "full");
    let harmless = push(&gate, &no_key_below("none/"));
    Call::put("/demo-bucket/a", b"x")
        .send(&gate, full)
        .expect(200);
    recorded(&gate, &harmless, 1);
    ends(&gate, 0, &["module", "replay", "guard", &harmless]);
    // An attribute that is not written down.
    let tag = push(
        &gate,
        &guard("tagged", "s3:ExistingObjectTag/secret", "equals", "yes"),
    );
    let unknown = ends(&gate, 7, &["module", "replay", "guard", &tag]);
    assert_eq!(
        unknown["why"][0]["why"], "s3:ExistingObjectTag/secret was not recorded",
        "{unknown}"
    );
    // A line that somebody broke.
    let folder = gate.dir().join("recorded");
    let path = fs::read_dir(&folder)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let mut text = fs::read_to_string(&path).unwrap();
    text.push_str("{\"i\":\"torn\n");
    fs::write(&path, text).unwrap();
    let words = says(&gate, 7, &["module", "replay", "guard", &harmless]);
    assert!(
        words.contains("1 of 2 could not be decided again"),
        "{words}"
    );
    assert!(words.contains("the record is torn"), "{words}");
}

#[test]
fn where_nothing_is_recorded_a_replay_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let off = [("POSTERN_RECORD__REQUESTS", "false")];
    let gate = Gate::start_in(&folder.path().join("data"), &[], &off);
    let digest = push(&gate, &no_key_below("none/"));
    let output = gate.postern(&["module", "replay", "guard", &digest]);
    assert_eq!(output.status.code(), Some(5));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("nothing is recorded here"), "{said}");
    assert!(!gate.dir().join("recorded").exists());
}

#[test]
fn credentials_never_get_into_the_record() {
    let gate = Gate::start();
    let (full, read) = (gate.key("photos", "full"), gate.key("photos", "read"));
    Call::put("/demo-bucket/a", b"x")
        .send(&gate, full)
        .expect(200);
    let signer = call::signer(&gate, read);
    let presigned = Call::get("/demo-bucket/a").presign(&signer, gate.host(), "600");
    let signature = presigned
        .split("X-Amz-Signature=")
        .nth(1)
        .unwrap()
        .to_owned();
    let raw = Call::get(&presigned).anonymous(gate.host());
    raw.send(&gate).expect(200);
    let customer = [
        ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
        (
            "x-amz-server-side-encryption-customer-key",
            "Y3VzdG9tZXJzLWtleS1jdXN0b21lcnMta2V5LTMyYg==",
        ),
        (
            "x-amz-server-side-encryption-customer-key-md5",
            "Y3VzdG9tZXJzbWQ1MTIzNA==",
        ),
    ];
    let mut with_key = Call::get("/demo-bucket/a");
    for (name, value) in customer {
        with_key = with_key.with(name, value);
    }
    with_key.send(&gate, read);
    let referer =
        format!("https://localhost/demo-bucket/a?X-Amz-Signature={signature}&token=s3cr3t-t0ken");
    Call::get("/demo-bucket/a")
        .with("referer", &referer)
        .send(&gate, read)
        .expect(200);
    Call::get("/demo-bucket/a")
        .with("x-amz-security-token", "s3cr3t-t0ken")
        .send(&gate, read);
    let open = "https://example.com/page";
    Call::get("/demo-bucket/a")
        .with("referer", open)
        .send(&gate, read)
        .expect(200);
    // The request before this one was refused before it was judged: the last that is recorded is this one.
    let text = wait::until("the record", Duration::from_secs(20), || {
        let folder = fs::read_dir(gate.dir().join("recorded")).ok()?;
        let files = folder.map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
        Some(files.collect::<String>()).filter(|text| text.contains(open))
    });
    // What may be written down is there: the test looks at the right place.
    assert!(
        text.contains(open) && text.contains(&read.access_key_id),
        "{text}"
    );
    let secrets = [
        signature.as_str(),
        "Y3VzdG9tZXJz",
        "s3cr3t-t0ken",
        read.secret_access_key.as_str(),
        full.secret_access_key.as_str(),
    ];
    for secret in secrets {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[test]
fn what_is_never_allowed_is_proven_and_what_is_allowed_has_a_witness() {
    let gate = Gate::start();
    let (full, read) = (gate.key("photos", "full"), gate.key("photos", "read"));
    let ask = |key: &Key, more: &[&str]| -> Vec<String> {
        let all = [
            &[
                "access",
                "enumerate",
                "--allows",
                "s3:DeleteObject*",
                "--as",
                &key.access_key_id,
            ],
            more,
        ]
        .concat();
        all.into_iter().map(str::to_owned).collect()
    };
    let run = |code: i32, arguments: Vec<String>| {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        ends(&gate, code, &arguments)
    };
    let proven = run(0, ask(read, &["--never"]));
    assert_eq!(proven["never"], "proven");
    let refuted = run(3, ask(full, &["--never", "--under", "demo-bucket/a/"]));
    let witness = &refuted["refutation"]["path"]["witness"]["verified"];
    assert!(
        witness["postern:Key"][0]
            .as_str()
            .unwrap()
            .starts_with("a/"),
        "{refuted}"
    );
    let key = witness["postern:Key"][0].as_str().unwrap();
    // The witness is a request: it is allowed when it is asked about.
    let operation = refuted["refutation"]["operation"].as_str().unwrap();
    let target = format!("demo-bucket/{key}");
    ends(&gate, 0, &simulate(full, &[operation, &target]));
    let undecided = run(7, ask(full, &["--never", "--paths", "0"]));
    assert!(
        undecided["doubts"][0]
            .as_str()
            .unwrap()
            .contains("more than 0 paths")
    );

    let ways = run(0, ask(full, &[]));
    assert_eq!(ways["complete"], true, "{ways}");
    assert!(ways["paths"].as_u64().unwrap() >= 2);
    let none = run(0, ask(read, &[]));
    assert_eq!(
        (&none["paths"], &none["complete"]),
        (&json!(0), &json!(true))
    );

    // A guard of a file, in the plan and nobody's key in particular.
    let path = file(
        gate.dir(),
        "keep.wat",
        guard("keep", "postern:Action", "starts_with", "s3:DeleteObject").as_bytes(),
    );
    let kept = ends(
        &gate,
        0,
        &[
            "access",
            "enumerate",
            "--allows",
            "s3:DeleteObject*",
            "--file",
            &path,
            "--never",
            "--time",
            "100000",
        ],
    );
    assert_eq!(kept["never"], "proven", "{kept}");
    let words = says(
        &gate,
        3,
        &[
            "access",
            "enumerate",
            "--allows",
            "s3:DeleteObject",
            "--never",
            "--time",
            "100000",
        ],
    );
    assert!(
        words.starts_with("refuted: DeleteObject by a signed caller"),
        "{words}"
    );
    says(
        &gate,
        1,
        &["access", "enumerate", "--allows", "s3:Frobnicate"],
    );
}

#[test]
fn who_can_names_the_keys_that_can() {
    let gate = Gate::start();
    let who = ends(
        &gate,
        0,
        &[
            "access",
            "who-can",
            "s3:DeleteObject",
            "demo-bucket/a/",
            "--user",
            "photos",
        ],
    );
    let [bucket] = who["buckets"].as_array().unwrap().as_slice() else {
        panic!("{who}")
    };
    assert_eq!(bucket["owner"], "photos");
    for key in &gate.dev().keys {
        let listed = bucket["who"]
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it["access_key_id"] == key.access_key_id.as_str());
        let may = gate
            .postern(&simulate(key, &["DeleteObject", "demo-bucket/a/1"]))
            .status
            .code()
            == Some(0);
        let of_photos = key.user == "photos";
        assert_eq!(
            listed,
            may && of_photos,
            "{} {}: {who}",
            key.user,
            key.level
        );
    }
    let both = ends(
        &gate,
        0,
        &["access", "who-can", "s3:GetObject", "demo-bucket"],
    );
    // Two users and the root have a bucket of this name each.
    assert_eq!(both["buckets"].as_array().unwrap().len(), 3);
    let words = says(
        &gate,
        0,
        &[
            "access",
            "who-can",
            "GetObject",
            "demo-bucket",
            "--user",
            "photos",
        ],
    );
    assert!(words.contains("GetObject: always"), "{words}");
    says(
        &gate,
        4,
        &["access", "who-can", "s3:GetObject", "no-such-bucket"],
    );
}

/// Who could do it on another day: by the keys and the modules of that day, and by no later ones.
#[test]
fn who_could_is_asked_of_the_day_that_it_was() {
    let gate = Gate::start();
    let key = &gate.key("photos", "read").access_key_id;
    let who = |at: &str| {
        let asked = [
            "GetObject",
            "demo-bucket/a/",
            "--user",
            "photos",
            "--at",
            at,
        ];
        let told = ends(&gate, 0, &[&["access", "who-can"][..], &asked].concat());
        let who = told["buckets"][0]["who"]
            .as_array()
            .expect("callers")
            .clone();
        let mut keys = who.iter().filter_map(|it| it["access_key_id"].as_str());
        keys.any(|it| it == key)
    };
    let before = |action: &str| {
        let newest = ends(
            &gate,
            0,
            &["audit", "search", "--action", action, "--limit", "1"],
        );
        let record = newest["items"]
            .as_array()
            .expect("records")
            .first()
            .expect("one")
            .clone();
        let millis = record["time_ms"].as_i64().expect("milliseconds");
        jiff::Timestamp::from_millisecond(millis - 1)
            .unwrap()
            .to_string()
    };
    let now = || jiff::Timestamp::now().to_string();
    assert!(who(&now()));
    gate.postern_ok(&["key", "disable", key]);
    let enabled = before("key.disable");
    assert!(!who(&now()) && who(&enabled));
    gate.postern_ok(&["key", "enable", key]);
    let disabled = before("key.enable");
    assert!(who(&now()) && !who(&disabled) && who(&enabled));
    // A module that was in force then, and is not now.
    let digest = push(&gate, &no_key_below("a/"));
    gate.postern_ok(&["module", "activate", "guard", &digest]);
    let free = before("module.activate");
    assert!(!who(&now()));
    gate.postern_ok(&["module", "deactivate", "guard"]);
    let guarded = before("module.deactivate");
    assert!(who(&now()) && !who(&guarded) && who(&free));

    let refused = gate.postern(&[
        "access",
        "who-can",
        "GetObject",
        "demo-bucket",
        "--at",
        "1999-12-31",
    ]);
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("where its history begins"), "{said}");
}

#[test]
fn a_key_is_told_what_it_needs() {
    let gate = Gate::start();
    let full = gate.key("photos", "full");
    let digest = push(&gate, &no_key_below("none/"));
    Call::put("/demo-bucket/logs/1", b"x")
        .send(&gate, gate.key("photos", "read-write"))
        .expect(200);
    for _ in 0..3 {
        Call::get("/demo-bucket/logs/1")
            .send(&gate, full)
            .expect(200);
    }
    recorded(&gate, &digest, 4);
    let told = ends(&gate, 0, &["access", "right-size", &full.access_key_id]);
    assert_eq!(
        (&told["allowed"], &told["operations"]),
        (&json!(3), &json!(["GetObject"])),
        "{told}"
    );
    let scope = &told["proposal"]["scope"];
    assert_eq!(
        (&scope["level"], &scope["prefixes"]),
        (&json!("read"), &json!(["logs/"])),
        "{told}"
    );
    assert_eq!(scope["buckets"], json!(["demo-bucket"]));
    let words = says(
        &gate,
        0,
        &["access", "right-size", &full.access_key_id, "--since", "1h"],
    );
    assert!(
        words.contains("proposed") && words.contains("level       read"),
        "{words}"
    );
    let unused = gate.key("backups", "write");
    let words = says(&gate, 0, &["access", "right-size", &unused.access_key_id]);
    assert!(words.contains("it was not used"), "{words}");
}
