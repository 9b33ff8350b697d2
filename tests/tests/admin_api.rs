//! The admin API against its own document: schemathesis makes requests of all kinds from `docs/openapi.json`, good and bad, alone and
//! one after the other, and looks whether each answer is one that the document promises.

use std::process::{Command, Stdio};

use tests::gate::{self, Gate};

/// How long each may take, in seconds.
const SECONDS: &str = "45";
/// What is looked at in each answer.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance";
/// Operations that may answer 401 or 403 alone: those that are for people who have signed in. Were it all of them, nothing would be checked.
const STRANGERS_MAX: usize = 40;
/// Modules are no JSON, and are checked by tests of their own; a node that was set to refuse writes answers 503 to everything after.
const LEFT_OUT: [&str; 2] = ["post_modules", "put_node_mode"];

/// Members with permissions, public containers.
#[test]
fn every_answer_about_members_is_one_that_the_document_promises() {
    promised("vpsa");
}

/// Users in namespaces of their own, with sub-users.
#[test]
fn every_answer_about_sub_users_is_one_that_the_document_promises() {
    promised("e3-primary");
}

fn promised(profile: &str) {
    let program = "st";
    let found = Command::new(program).arg("--version").output();
    if found.is_err() && std::env::var_os("POSTERN_TEST_EVERY_GUEST").is_none() {
        eprintln!("left out: schemathesis (`st`) is not installed; `tests/run` installs it");
        return;
    }
    let gate = Gate::start_with(&["--profile", profile]);
    let folder = tempfile::tempdir().unwrap();
    let token = std::fs::read_to_string(gate.dir().join("admin.token")).unwrap();
    let document = gate::root().join("docs/openapi.json");
    let settings = gate::root().join("tests/data/schemathesis.toml");
    let output = Command::new(program)
        .arg("--config-file")
        .arg(settings)
        .arg("run")
        .arg(document)
        .args(["--url", gate.dev().admin.trim_end_matches('/')])
        .arg("--tls-verify")
        .arg(&gate.dev().ca)
        .args(["--max-time", SECONDS, "--checks", CHECKS, "--seed", "1"])
        .args([
            "--max-examples",
            "15",
            "--no-shrink",
            "--continue-on-failure",
        ])
        .args(LEFT_OUT.map(|id| format!("--exclude-operation-id={id}")))
        .current_dir(folder.path())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("POSTERN_TOKEN", token.trim())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(said.contains("passed"), "{said}");
    assert!(strangers(&said) <= STRANGERS_MAX, "{said}");
}

/// Operations of which no request was let in.
fn strangers(said: &str) -> usize {
    let told = said.split_once("Authentication failed: ");
    let count = told.and_then(|(_, rest)| rest.split(' ').next());
    count.map_or(0, |count| count.parse().unwrap())
}
