//! The walk of `docs/policies.md`, as it stands there: each shell block is run, and the text block behind it is what it printed.

use std::process::{Command, Stdio};

use tests::gate::{self, Gate};

/// A shell block, and what it must print where the page says so.
struct Step {
    line: usize,
    script: String,
    printed: Option<String>,
}

#[test]
fn the_walk_through_the_policies_page_goes_as_it_says() {
    let page = std::fs::read_to_string(gate::root().join("docs/policies.md")).unwrap();
    let steps = steps(&page);
    assert!(steps.len() >= 5, "{} steps", steps.len());
    let gate = Gate::start();
    let folder = tempfile::tempdir().unwrap();
    // A variable or function of one step is there in the next: all share a shell's state, kept in a file between them.
    let state = folder.path().join(".state");
    for step in steps {
        let script = format!(
            "set -aeu -o pipefail\n[ -f '{state}' ] && . '{state}'\n{script}\n{{ export -p; declare -f; }} > '{state}'\n",
            state = state.display(),
            script = step.script,
        );
        let mut command = Command::new("bash");
        command
            .args(["-c", &script])
            .current_dir(folder.path())
            .env("POSTERN_DATA", gate.dir())
            .env("PATH", path())
            .env("HOME", folder.path())
            .stdin(Stdio::null());
        let output = command.output().expect("bash runs");
        let (out, err) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(
            output.status.success(),
            "docs/policies.md:{}: {}\n{}\n{out}{err}",
            step.line,
            output.status,
            step.script
        );
        if let Some(printed) = &step.printed {
            assert!(
                fits(printed, &out),
                "docs/policies.md:{}: the page says\n{printed}\nand it is\n{out}",
                step.line
            );
        }
    }
}

/// Where `postern` is found, before all else.
fn path() -> String {
    let folder = gate::binary().parent().unwrap().display().to_string();
    let others = std::env::var("PATH").unwrap_or_default();
    format!("{folder}:{others}")
}

/// The blocks of the walk, in the order of the page.
fn steps(page: &str) -> Vec<Step> {
    let walk = page
        .split("\n## ")
        .find(|part| part.starts_with("A walk"))
        .unwrap();
    let begin = page.find(walk).unwrap();
    let mut steps: Vec<Step> = Vec::new();
    let mut rest = walk;
    while let Some(at) = rest.find("\n```") {
        let block = &rest[at + 4..];
        let (kind, block) = block.split_once('\n').unwrap();
        let (text, after) = block.split_once("\n```").expect("the block ends");
        let offset = begin + (walk.len() - block.len());
        let line = page[..offset].lines().count() + 1;
        match (kind, steps.last_mut()) {
            ("sh", _) => steps.push(Step {
                line,
                script: text.to_owned(),
                printed: None,
            }),
            ("text", Some(step)) => step.printed = Some(text.to_owned()),
            (other, _) => panic!("docs/policies.md:{line}: a block of `{other}`"),
        }
        rest = after;
    }
    steps
}

/// Whether a text is what a page shows of it: line by line, where `…` is anything within a line, and any lines where it stands alone.
fn fits(shown: &str, text: &str) -> bool {
    fn lines_fit(shown: &[&str], text: &[&str]) -> bool {
        match (shown, text) {
            ([], []) => true,
            (["…", after @ ..], _) => {
                (0..=text.len()).any(|skip| lines_fit(after, &text[skip..]))
            }
            ([shown, after @ ..], [line, rest @ ..]) => {
                line_fits(shown.trim_end(), line.trim_end()) && lines_fit(after, rest)
            }
            _ => false,
        }
    }
    fn line_fits(shown: &str, line: &str) -> bool {
        match shown.split_once('…') {
            None => shown == line,
            Some((before, after)) => line.strip_prefix(before).is_some_and(|rest| {
                let mut ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
                ends.any(|at| line_fits(after, &rest[at..]))
            }),
        }
    }
    let shown: Vec<&str> = shown.lines().collect();
    let text: Vec<&str> = text.trim_end().lines().collect();
    lines_fit(&shown, &text)
}

#[test]
fn a_page_may_leave_out_what_differs_and_nothing_else() {
    assert!(fits("a … c\n…\nz", "a bb c\nx\ny\nz\n"));
    assert!(fits("a…", "abc"));
    for (shown, text) in [
        ("a", "b"),
        ("a … c", "a b d"),
        ("a", "a\nb"),
        ("a\n…\nz", "a\ny"),
    ] {
        assert!(!fits(shown, text), "{shown:?} {text:?}");
    }
}
