//! A module of one's own, from nothing to a rule in force: a project in each language is made, built with real tools, tested,
//! measured, and obeyed by a gate.
//!
//! A machine without the tools of a language says which, and leaves it out; `tests/run` installs them and sets a variable under
//! which a missing tool is a failure.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tests::call::Call;
use tests::gate::{self, Gate};

/// Set where every language has to be built.
const EVERY_GUEST: &str = "POSTERN_TEST_EVERY_GUEST";

const LANGUAGES: [&str; 4] = ["rust", "assemblyscript", "c", "wat"];

fn postern(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(gate::binary());
    // The compilers of the tests have variables of their own, which are none of a project's.
    for name in [
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTFLAGS",
        "CARGO_TARGET_DIR",
        "RUSTC",
    ] {
        command.env_remove(name);
    }
    let command = command.args(arguments).current_dir(folder);
    command.stdin(Stdio::null()).output().expect("postern runs")
}

#[track_caller]
fn ok(folder: &Path, arguments: &[&str]) -> String {
    let output = postern(folder, arguments);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "postern {arguments:?}\n{told}");
    String::from_utf8(output.stdout).expect("postern prints UTF-8")
}

/// Makes and builds a project; nothing where its tools are missing and need not be there.
fn built(folder: &Path, language: &str) -> Option<PathBuf> {
    let name = format!("keep-{language}");
    let told = ok(folder, &["module", "new", &name, "--lang", language]);
    assert!(told.contains("next: cd keep-"), "{told}");
    let project = folder.join(&name);
    let output = postern(&project, &["module", "build"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() && said.contains("on this machine") {
        assert!(std::env::var_os(EVERY_GUEST).is_none(), "{said}");
        eprintln!("left out: {said}");
        return None;
    }
    assert!(output.status.success(), "{language}: {said}");
    let file = project.join(format!("{name}.wasm"));
    assert!(file.is_file());
    Some(file)
}

#[test]
fn a_project_of_each_language_is_built_tested_and_measured() {
    let folder = tempfile::tempdir().unwrap();
    for language in LANGUAGES {
        let Some(file) = built(folder.path(), language) else {
            continue;
        };
        let file = file.to_str().unwrap();
        let tested = ok(folder.path(), &["module", "test", file]);
        assert!(tested.contains("5 cases passed"), "{language}: {tested}");

        let inspected = ok(folder.path(), &["--json", "module", "inspect", file]);
        let inspected: Value = serde_json::from_str(&inspected).unwrap();
        assert_eq!(inspected["name"], format!("keep-{language}"));
        assert_eq!(inspected["memory_pages"], 1, "{language}");
        // What the documentation says of each: only AssemblyScript writes into its memory.
        assert_eq!(
            inspected["reusable"],
            language != "assemblyscript",
            "{language}"
        );
        assert_eq!(inspected["tests"].as_array().unwrap().len(), 5);

        let measured = ok(folder.path(), &["--json", "module", "bench", file]);
        let measured: Value = serde_json::from_str(&measured).unwrap();
        let cases = measured["cases"].as_array().unwrap();
        let asked: Vec<_> = cases
            .iter()
            .map(|case| case["questions"].as_u64())
            .collect();
        assert_eq!(asked, [4, 4, 4, 1, 2].map(Some), "{language}");
        for number in ["fuel", "fresh_ns", "walk_ns"] {
            assert!(measured["median"][number].as_u64().unwrap() > 0, "{number}");
        }
        assert!(measured["compile_ns"].as_u64().unwrap() > 0);
        assert!(measured["machine_code_bytes"].as_u64().unwrap() > 0);
        let told = ok(folder.path(), &["module", "bench", file]);
        assert!(
            told.contains("from tree") && told.contains("median"),
            "{told}"
        );
    }
}

#[test]
fn a_project_becomes_a_rule_in_force_by_the_commands_of_its_readme() {
    let gate = Gate::start();
    let file = built(gate.dir(), "wat").expect("text needs no tools");
    let project = file.parent().unwrap();
    let readme = fs::read_to_string(project.join("README.md")).unwrap();
    let mut ran = 0;
    for line in readme.lines() {
        let Some(command) = line.strip_prefix("postern module ") else {
            continue;
        };
        let command = command.split('#').next().unwrap();
        let mut words = vec!["module"];
        words.extend(command.split_whitespace());
        let mut command = Command::new(gate::binary());
        let command = command.args(&words).current_dir(project);
        let output = command.env("POSTERN_DATA", gate.dir()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {said}");
        ran += 1;
    }
    assert_eq!(ran, 5, "{readme}");
    gate.postern_ok(&["module", "activate", "keep-wat"]);
    let full = gate.key("photos", "full");
    for key in ["archive/a", "drafts/a"] {
        Call::put(&format!("/demo-bucket/{key}"), b"x")
            .send(&gate, full)
            .expect(200);
    }
    Call::delete("/demo-bucket/archive/a")
        .send(&gate, full)
        .expect(403);
    Call::get("/demo-bucket/archive/a")
        .send(&gate, full)
        .expect(200);
    Call::delete("/demo-bucket/drafts/a")
        .send(&gate, full)
        .expect(204);
}

#[test]
fn nothing_that_is_there_is_written_over_and_a_bad_name_is_said_to_be_one() {
    let folder = tempfile::tempdir().unwrap();
    let usage = |arguments: &[&str], wanted: &str| {
        let output = postern(folder.path(), arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(wanted), "{arguments:?}: {said}");
    };
    fs::create_dir(folder.path().join("mine")).unwrap();
    usage(
        &["module", "new", "mine", "--lang", "c"],
        "`mine` is there already",
    );
    assert_eq!(fs::read_dir(folder.path().join("mine")).unwrap().count(), 0);
    usage(
        &["module", "new", "../mine", "--lang", "c"],
        "is no name for a module",
    );
    usage(&["module", "new", "Mine", "--lang", "c"], "small letters");
    usage(
        &["module", "new", "rule", "--lang", "cobol"],
        "assemblyscript",
    );
    usage(
        &["module", "build", "mine"],
        "`postern module new` makes one",
    );
    ok(
        folder.path(),
        &[
            "module", "new", "rule", "--lang", "wat", "--path", "deep/er",
        ],
    );
    let script = folder.path().join("deep/er/build.sh");
    assert_eq!(
        fs::metadata(script).unwrap().permissions().mode() & 0o111,
        0o111
    );
    usage(
        &["module", "new", "rule", "--lang", "c", "--path", "deep/er"],
        "there already",
    );
}

#[test]
fn a_build_says_what_is_missing_and_how_to_install_it() {
    let folder = tempfile::tempdir().unwrap();
    let tools = folder.path().join("bin");
    fs::create_dir(&tools).unwrap();
    for (language, wanted) in [
        ("assemblyscript", "apt-get install nodejs npm"),
        ("c", "apt-get install clang lld"),
    ] {
        let name = format!("poor-{language}");
        ok(folder.path(), &["module", "new", &name, "--lang", language]);
        let output = Command::new(gate::binary())
            .args(["module", "build", &name])
            .current_dir(folder.path())
            .env("PATH", &tools)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains("on this machine") && said.contains(wanted),
            "{said}"
        );
    }
}

#[test]
fn a_rule_that_does_not_compile_or_whose_manifest_is_wrong_makes_no_module() {
    let folder = tempfile::tempdir().unwrap();
    ok(folder.path(), &["module", "new", "bent", "--lang", "wat"]);
    let project = folder.path().join("bent");
    let manifest = fs::read_to_string(project.join("manifest.json")).unwrap();
    fs::write(
        project.join("manifest.json"),
        manifest.replace("postern:Key\"", "postern:Kay\""),
    )
    .unwrap();
    let output = postern(&project, &["module", "build"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && said.contains("postern:Kay"),
        "{said}"
    );
    fs::write(project.join("manifest.json"), manifest).unwrap();
    let rule = fs::read_to_string(project.join("rule.wat")).unwrap();
    fs::write(
        project.join("rule.wat"),
        rule.replace("call $because", "call $becuase"),
    )
    .unwrap();
    let output = postern(&project, &["module", "build"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && said.contains("becuase"),
        "{said}"
    );
    assert!(!project.join("bent.wasm").exists());
}
