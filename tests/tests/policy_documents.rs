//! Policy documents in AWS's language: attached by S3's own operations and by the command line, obeyed from the next request on.

use serde_json::{Value, json};
use tests::call::Call;
use tests::clients::file;
use tests::gate::{Gate, Key};
use tests::wire::Answer;

fn policy(statements: &[Value]) -> String {
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

fn put_policy(gate: &Gate, key: &Key, text: &str) -> Answer {
    Call::put("/demo-bucket?policy", text.as_bytes()).send(gate, key)
}

fn get(gate: &Gate, key: &Key, path: &str) -> Answer {
    Call::get(&format!("/demo-bucket/{path}")).send(gate, key)
}

/// A gate with two objects.
fn gate(arguments: &[&str]) -> Gate {
    let gate = Gate::start_with(arguments);
    let full = gate.key("photos", "full");
    for path in ["drafts/a", "final/a"] {
        Call::put(&format!("/demo-bucket/{path}"), path.as_bytes())
            .send(&gate, full)
            .expect(200);
    }
    gate
}

fn no_drafts() -> String {
    policy(&[json!({
        "Sid": "NoDrafts", "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::demo-bucket/drafts/*",
    })])
}

/// 002-14, 004-25.
#[test]
fn a_buckets_policy_holds_from_the_next_request_until_it_is_taken_away() {
    let gate = gate(&[]);
    let (full, read) = (gate.key("photos", "full"), gate.key("photos", "read"));
    let ask = || Call::get("/demo-bucket?policy").send(&gate, full);
    ask().expect_error(404, "NoSuchBucketPolicy");
    get(&gate, read, "drafts/a").expect(200);

    let text = no_drafts();
    put_policy(&gate, full, &text).expect(204);
    let refused = get(&gate, read, "drafts/a");
    refused.expect_error(403, "AccessDenied");
    get(&gate, read, "final/a").expect(200);
    assert_eq!(ask().expect(200).text(), text);
    let explained = gate.postern_ok(&["explain", refused.request_id()]);
    for wanted in ["bucket-policy", "NoDrafts"] {
        assert!(explained.contains(wanted), "{explained}");
    }
    // Another user has a bucket of the same name, and nothing of this.
    let other = gate.key("backups", "full");
    Call::put("/demo-bucket/drafts/a", b"x")
        .send(&gate, other)
        .expect(200);
    get(&gate, other, "drafts/a").expect(200);

    Call::delete("/demo-bucket?policy")
        .send(&gate, full)
        .expect(204);
    get(&gate, read, "drafts/a").expect(200);
    ask().expect_error(404, "NoSuchBucketPolicy");
    Call::delete("/demo-bucket?policy")
        .send(&gate, full)
        .expect(204);
}

/// 002-05, 002-08.
#[test]
fn only_the_level_full_reads_or_writes_a_policy() {
    let gate = gate(&[]);
    for level in ["read-write", "read", "write"] {
        let key = gate.key("photos", level);
        put_policy(&gate, key, &no_drafts()).expect_error(403, "AccessDenied");
        Call::get("/demo-bucket?policy")
            .send(&gate, key)
            .expect_error(403, "AccessDenied");
        Call::delete("/demo-bucket?policy")
            .send(&gate, key)
            .expect_error(403, "AccessDenied");
    }
}

#[test]
fn what_is_not_understood_is_refused_with_its_place_and_the_policy_before_stays() {
    let gate = gate(&[]);
    let (full, read) = (gate.key("photos", "full"), gate.key("photos", "read"));
    put_policy(&gate, full, &no_drafts()).expect(204);
    let unknown = r#"{
  "Version": "2012-10-17",
  "Statement": [{ "Effect": "Deny", "Principal": "*", "Action": "s3:GetObjekt",
                  "Resource": "arn:aws:s3:::demo-bucket/*" }]
}"#;
    let refused = put_policy(&gate, full, unknown);
    refused.expect_error(400, "MalformedPolicy");
    let said = refused.text();
    assert!(
        said.contains("line 3") && said.contains("s3:GetObject"),
        "{said}"
    );
    for (text, code) in [
        ("", "MalformedPolicy"),
        ("{", "MalformedPolicy"),
        (
            &no_drafts().replace("demo-bucket", "another"),
            "MalformedPolicy",
        ),
    ] {
        put_policy(&gate, full, text).expect_error(400, code);
    }
    let too_long = put_policy(&gate, full, &" ".repeat(20 * 1_024 + 1));
    assert_eq!(too_long.status, 400, "{}", too_long.text());
    get(&gate, read, "drafts/a").expect_error(403, "AccessDenied");
}

#[test]
fn an_owner_who_locked_himself_out_is_let_in_by_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let everyone = policy(&[json!({
        "Sid": "Nobody", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
        "Resource": ["arn:aws:s3:::demo-bucket", "arn:aws:s3:::demo-bucket/*"],
    })]);
    let gate = Gate::start_in(folder.path(), &[], &[]);
    let full = gate.key("photos", "full").clone();
    put_policy(&gate, &full, &everyone).expect(204);
    Call::delete("/demo-bucket?policy")
        .send(&gate, &full)
        .expect_error(403, "AccessDenied");
    // It outlives a restart.
    assert!(gate.stop().success());
    let gate = Gate::start_in(folder.path(), &[], &[]);
    Call::delete("/demo-bucket?policy")
        .send(&gate, &full)
        .expect_error(403, "AccessDenied");
    let of = ["--bucket", "demo-bucket", "--user", "photos"];
    assert_eq!(
        gate.postern_ok(&[&["policy", "get"], &of[..]].concat())
            .trim(),
        everyone
    );
    gate.postern_ok(&[&["policy", "delete"], &of[..]].concat());
    Call::get("/demo-bucket?policy")
        .send(&gate, &full)
        .expect_error(404, "NoSuchBucketPolicy");
}

#[test]
fn a_users_policies_allow_together_and_everything_else_is_denied() {
    let gate = gate(&[]);
    let full = gate.key("photos", "full");
    let put = |name: &str, text: &str| {
        let path = file(gate.dir(), "policy.json", text.as_bytes());
        gate.postern_ok(&["policy", "put", &path, "--user", "photos", "--name", name])
    };
    let allow = |action: &str, resource: &str| {
        policy(&[json!({ "Sid": "A", "Effect": "Allow", "Action": action, "Resource": resource })])
    };
    let said = put(
        "finals",
        &allow("s3:GetObject", "arn:aws:s3:::demo-bucket/final/*"),
    );
    assert!(
        said.contains("1 statement(s), is attached to user photos"),
        "{said}"
    );
    get(&gate, full, "final/a").expect(200);
    let refused = get(&gate, full, "drafts/a");
    refused.expect_error(403, "AccessDenied");
    let explained = gate.postern_ok(&["explain", refused.request_id()]);
    assert!(explained.contains("identity-policy"), "{explained}");
    // Another user is not bound by it.
    Call::put("/demo-bucket/x", b"x")
        .send(&gate, gate.key("backups", "full"))
        .expect(200);

    put(
        "drafts",
        &allow("s3:GetObject", "arn:aws:s3:::demo-bucket/drafts/*"),
    );
    get(&gate, full, "drafts/a").expect(200);
    // What the level does not allow no policy gives.
    put("all", &allow("s3:*", "*"));
    Call::put("/demo-bucket/x", b"x")
        .send(&gate, gate.key("photos", "read"))
        .expect_error(403, "AccessDenied");
    Call::put("/demo-bucket/x", b"x")
        .send(&gate, full)
        .expect(200);

    let list = gate.postern_ok(&["policy", "list"]);
    assert_eq!(list.lines().count(), 3, "{list}");
    for name in ["finals", "drafts", "all"] {
        gate.postern_ok(&["policy", "delete", "--user", "photos", "--name", name]);
    }
    get(&gate, full, "drafts/a").expect(200);
    assert_eq!(gate.postern_ok(&["policy", "list"]), "");
}

/// 002-13, 002-15.
#[test]
fn an_allow_narrows_whom_it_names_and_never_everyone() {
    let gate = gate(&[]);
    let full = gate.key("photos", "full");
    let arn = identity(&gate, full);
    let finals = |principal: Value| {
        policy(&[json!({
            "Effect": "Allow", "Principal": principal, "Action": ["s3:GetObject", "s3:*BucketPolicy"],
            "Resource": ["arn:aws:s3:::demo-bucket/final/*", "arn:aws:s3:::demo-bucket"],
        })])
    };
    put_policy(&gate, full, &finals(json!("*"))).expect(204);
    get(&gate, full, "drafts/a").expect(200);
    put_policy(&gate, full, &finals(json!({ "AWS": arn }))).expect(204);
    get(&gate, full, "final/a").expect(200);
    get(&gate, full, "drafts/a").expect_error(403, "AccessDenied");
}

/// The ARN of the owner of a key, as an explanation shows it.
fn identity(gate: &Gate, key: &Key) -> String {
    let refused = Call::get("/demo-bucket/x").send(gate, gate.key(&key.user, "write"));
    let explained = gate.postern_ok(&["--json", "explain", refused.request_id()]);
    let explained: Value = serde_json::from_str(&explained).unwrap();
    explained["caller"].as_str().unwrap().to_owned()
}

#[test]
fn a_policy_opens_a_bucket_to_everyone_where_the_profile_says_so_and_only_for_reading() {
    let public = policy(&[json!({
        "Sid": "Everyone", "Effect": "Allow", "Principal": "*", "Action": "s3:*",
        "Resource": ["arn:aws:s3:::demo-bucket", "arn:aws:s3:::demo-bucket/final/*"],
    })]);
    for (profile, opens) in [("sobject", true), ("vpsa", false)] {
        let gate = gate(&["--profile", profile]);
        let host = format!(
            "demo-bucket--demo.public.localhost:{}",
            gate.address().port()
        );
        let ask = |method: &str, path: &str| {
            Call::new(method, path)
                .body(b"")
                .host(&host)
                .anonymous(&host)
                .send(&gate)
        };
        ask("GET", "/final/a").expect_error(403, "AccessDenied");
        put_policy(&gate, gate.key("photos", "full"), &public).expect(204);
        if !opens {
            ask("GET", "/final/a").expect_error(403, "AccessDenied");
            continue;
        }
        assert_eq!(ask("GET", "/final/a").expect(200).body, b"final/a");
        ask("GET", "/?list-type=2").expect(200);
        ask("GET", "/drafts/a").expect_error(403, "AccessDenied");
        for (method, path) in [
            ("PUT", "/final/b"),
            ("DELETE", "/final/a"),
            ("GET", "/?policy"),
        ] {
            ask(method, path).expect_error(403, "AccessDenied");
        }
        // A denial in the same document wins.
        let closed = policy(&[
            json!({ "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
                    "Resource": "arn:aws:s3:::demo-bucket/*" }),
            json!({ "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject",
                    "Resource": "arn:aws:s3:::demo-bucket/*",
                    "Condition": { "StringNotLike": { "aws:Referer": "https://good.example/*" } } }),
        ]);
        // Full keys of the account are bound by it, too: the owner writes, and reads with the referrer.
        put_policy(&gate, gate.key("photos", "full"), &closed).expect(204);
        ask("GET", "/final/a").expect_error(403, "AccessDenied");
        Call::get("/final/a")
            .with("referer", "https://good.example/page")
            .anonymous(&host)
            .send(&gate)
            .expect(200);
    }
}

#[test]
fn tags_of_a_stored_object_are_asked_for_only_where_a_policy_wants_to_know() {
    let gate = gate(&[]);
    let (full, read) = (gate.key("photos", "full"), gate.key("photos", "read"));
    for (key, class) in [("open", "public"), ("closed", "secret")] {
        Call::put(&format!("/demo-bucket/{key}"), key.as_bytes())
            .with("x-amz-tagging", &format!("class={class}"))
            .send(&gate, full)
            .expect(200);
    }
    put_policy(&gate, full, &no_drafts()).expect(204);
    get(&gate, read, "closed").expect(200);
    assert_eq!(fetches(&gate), 0);

    let secret = policy(&[json!({
        "Sid": "Secret", "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::demo-bucket/*",
        "Condition": { "StringEquals": { "s3:ExistingObjectTag/class": "secret" } },
    })]);
    put_policy(&gate, full, &secret).expect(204);
    get(&gate, read, "open").expect(200);
    assert_eq!(fetches(&gate), 1);
    let refused = get(&gate, read, "closed");
    refused.expect_error(403, "AccessDenied");
    let explained = gate.postern_ok(&["explain", refused.request_id()]);
    for wanted in ["s3:ExistingObjectTag/class", "Secret"] {
        assert!(explained.contains(wanted), "{explained}");
    }
    let head = Call::head("/demo-bucket/closed").send(&gate, read);
    assert_eq!(head.status, 403);
    // A copy reads its source; what is not there has no tags.
    let copy = |source: &str| {
        Call::put("/demo-bucket/copy", b"")
            .with("x-amz-copy-source", &format!("/demo-bucket/{source}"))
            .send(&gate, full)
    };
    copy("closed").expect_error(403, "AccessDenied");
    copy("open").expect(200);
    get(&gate, read, "never-was").expect_error(404, "NoSuchKey");
    // What is written over has other tags from the next request on.
    Call::put("/demo-bucket/closed", b"new")
        .send(&gate, full)
        .expect(200);
    get(&gate, read, "closed").expect(200);
    // Writing asks for nothing, and a key that may not read learns nothing.
    let before = fetches(&gate);
    Call::put("/demo-bucket/x", b"x")
        .send(&gate, full)
        .expect(200);
    get(&gate, gate.key("photos", "write"), "closed").expect_error(403, "AccessDenied");
    assert_eq!(fetches(&gate), before);
}

/// How often the node was asked about a stored object for a policy.
fn fetches(gate: &Gate) -> u64 {
    let raw = Call::get("/metrics").anonymous(gate.admin_host());
    let answer = gate.admin_wire().ask(&raw.bytes()).expect("an answer");
    let metrics = answer.expect(200).text();
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix("postern_object_fetches_total "));
    line.expect("the metric").parse().unwrap()
}

#[test]
fn documents_are_read_tested_and_compiled_without_a_server() {
    let gate = gate(&[]);
    let bucket = ["--bucket", "demo-bucket"];
    let good = file(gate.dir(), "good.json", no_drafts().as_bytes());
    let said = gate.postern_ok(&[&["policy", "check", &good], &bucket[..]].concat());
    assert!(said.contains("1 statement(s), no fault"), "{said}");
    // The example is one that can be put to work.
    let example = gate.postern_ok(&[&["policy", "new"], &bucket[..]].concat());
    let example = file(gate.dir(), "example.json", example.as_bytes());
    gate.postern_ok(&[&["policy", "check", &example], &bucket[..]].concat());
    let example = gate.postern_ok(&["policy", "new"]);
    let example = file(gate.dir(), "example.json", example.as_bytes());
    gate.postern_ok(&["policy", "check", &example]);

    // A user's policy has no principals.
    let refused = gate.postern(&["policy", "check", &good]);
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(
        said.contains("good.json: line 1") && said.contains("Principal"),
        "{said}"
    );

    let cases = json!([
        { "name": "a draft is refused", "expect": "deny", "because": "NoDrafts",
          "facts": { "postern:Action": "s3:GetObject", "postern:Resource": "arn:aws:s3:::demo-bucket/drafts/a" } },
        { "name": "a final is not", "expect": "no-opinion",
          "facts": { "postern:Action": "s3:GetObject", "postern:Resource": "arn:aws:s3:::demo-bucket/final/a" } },
    ]);
    let path = file(gate.dir(), "cases.json", cases.to_string().as_bytes());
    let test = [&["policy", "test", &good, "--cases", &path], &bucket[..]].concat();
    assert_eq!(gate.postern_ok(&test).trim(), "2 cases passed");
    let wrong = cases.to_string().replace("no-opinion", "deny");
    file(gate.dir(), "cases.json", wrong.as_bytes());
    let failed = gate.postern(&test);
    assert_eq!(failed.status.code(), Some(1));
    let said = String::from_utf8_lossy(&failed.stderr);
    assert!(
        said.contains("1 of 2 cases failed") && said.contains("a final is not"),
        "{said}"
    );

    // A compiled document goes the way of every module.
    let module = gate.dir().join("drafts.wasm").display().to_string();
    gate.postern_ok(&[&["policy", "compile", &good, "--out", &module], &bucket[..]].concat());
    gate.postern_ok(&["module", "push", &module, "--activate"]);
    get(&gate, gate.key("photos", "read"), "drafts/a").expect_error(403, "AccessDenied");
}

#[test]
fn a_dry_run_says_what_would_be_and_changes_nothing() {
    let gate = gate(&[]);
    let path = file(gate.dir(), "policy.json", no_drafts().as_bytes());
    let put = [
        "policy",
        "put",
        &path,
        "--bucket",
        "demo-bucket",
        "--user",
        "photos",
        "--dry-run",
    ];
    assert!(gate.postern_ok(&put).contains("could be attached"));
    get(&gate, gate.key("photos", "read"), "drafts/a").expect(200);
    for (arguments, code) in [
        (["--bucket", "no-such", "--user", "photos"], 4),
        (["--bucket", "demo-bucket", "--user", "nobody"], 4),
    ] {
        let put = [&["policy", "put", &path], &arguments[..]].concat();
        assert_eq!(gate.postern(&put).status.code(), Some(code));
    }
    let whose = gate.postern(&["policy", "put", &path, "--bucket", "demo-bucket"]);
    let said = String::from_utf8_lossy(&whose.stderr);
    assert!(said.contains("each user has buckets of his own"), "{said}");
}
