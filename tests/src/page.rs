//! Pages of the documentation that are run as they stand: each shell block is run, and the text block behind it is what it printed.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::gate::{self, Gate};

/// A shell block, and what it must print where the page says so.
struct Step {
    line: usize,
    script: String,
    printed: Option<String>,
}

/// Runs the blocks of a page's section, in their order, against a gate. The section's title begins so.
pub fn run(gate: &Gate, page: &str, section: &str) {
    let text = std::fs::read_to_string(gate::root().join(page)).expect("the page");
    let steps = steps(page, &text, section);
    assert!(steps.len() >= 5, "{page}: {} steps", steps.len());
    let folder = tempfile::tempdir().expect("a temporary folder");
    for step in steps {
        step.run(gate, page, folder.path());
    }
}

impl Step {
    /// A variable or function of one step is there in the next: all share a shell's state, kept in a file between them.
    fn run(&self, gate: &Gate, page: &str, folder: &Path) {
        let state = folder.join(".state");
        let script = format!(
            "set -aeu -o pipefail\n[ -f '{state}' ] && . '{state}'\n{script}\n{{ export -p; declare -f; }} > '{state}'\n",
            state = state.display(),
            script = self.script,
        );
        let mut command = Command::new("bash");
        command
            .args(["-c", &script])
            .current_dir(folder)
            .env("POSTERN_DATA", gate.dir())
            .env("PATH", path())
            .env("HOME", folder)
            .stdin(Stdio::null());
        let output = command.output().expect("bash runs");
        let (out, err) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(
            output.status.success(),
            "{page}:{}: {}\n{}\n{out}{err}",
            self.line,
            output.status,
            self.script
        );
        if let Some(printed) = &self.printed {
            assert!(
                fits(printed, &out),
                "{page}:{}: the page says\n{printed}\nand it is\n{out}",
                self.line
            );
        }
    }
}

/// Where `postern` is found, before all else.
fn path() -> String {
    let binary = gate::binary();
    let folder = binary.parent().expect("a folder").display().to_string();
    let others = std::env::var("PATH").unwrap_or_default();
    format!("{folder}:{others}")
}

/// The blocks of a section, in the order of the page.
fn steps(page: &str, text: &str, section: &str) -> Vec<Step> {
    let mut parts = text.split("\n## ");
    let walk = parts.find(|part| part.starts_with(section));
    let walk = walk.expect("the section");
    let begin = text.find(walk).expect("the section");
    let mut steps: Vec<Step> = Vec::new();
    let mut rest = walk;
    while let Some(at) = rest.find("\n```") {
        let block = &rest[at + 4..];
        let (kind, block) = block.split_once('\n').expect("a line after the fence");
        let (script, after) = block.split_once("\n```").expect("the block ends");
        let offset = begin + (walk.len() - block.len());
        let line = text[..offset].lines().count() + 1;
        match (kind, steps.last_mut()) {
            ("sh", _) => steps.push(Step {
                line,
                script: script.to_owned(),
                printed: None,
            }),
            ("text", Some(step)) => step.printed = Some(script.to_owned()),
            (other, _) => panic!("{page}:{line}: a block of `{other}`"),
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
