//! Which test holds which rule. `docs/rules.md` is made from the rules and the tests; this sees that it still says what they say.
//!
//! A test names a rule by its number (`001-29`) in a comment above it or within it. `UPDATE_DOCS=1` writes the page anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use tests::gate;

const PAGE: &str = "docs/rules.md";
const SOURCES: &[(&str, &str)] = &[
    ("000", "e3 Object Storage, primary users and sub-users"),
    ("001", "e3 Object Storage, root and users"),
    ("002", "sObject, permission levels of sub-users"),
    (
        "003",
        "VPSA Object Storage, account and container permissions",
    ),
    ("004", "DataStream, users and roles of an organization"),
];

/// One rule.
struct Rule {
    number: String,
    /// What it is about: `CON` alone is about the pages of the console.
    places: String,
    words: String,
    /// Why it does not apply, where it does not.
    why_not: String,
}

#[test]
fn the_page_of_rules_says_what_the_tests_hold() {
    let rules = rules();
    assert_eq!(rules.len(), 150);
    let known: BTreeSet<&str> = rules.iter().map(|rule| rule.number.as_str()).collect();
    let holders = holders();
    for (number, tests) in &holders {
        assert!(
            known.contains(number.as_str()),
            "{tests:?} name the rule {number}, which there is not"
        );
    }
    let page = page(&rules, &holders);
    let path = gate::root().join(PAGE);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == page,
        "{PAGE} is not what the tests say; `UPDATE_DOCS=1 cargo test -p tests rules::` writes it"
    );
}

fn rules() -> Vec<Rule> {
    let text = include_str!("../data/rules.tsv");
    let rows = text.lines().skip(1).map(|line| {
        let mut columns = line.split('\t').map(str::to_owned);
        let mut next = || columns.next().unwrap_or_default();
        Rule {
            number: next(),
            places: next(),
            words: next(),
            why_not: next(),
        }
    });
    rows.collect()
}

fn page(rules: &[Rule], holders: &BTreeMap<String, BTreeSet<String>>) -> String {
    let mut page = String::from(
        "# Rules, and the tests that hold them\n\nMade by `tests/tests/rules.rs` from `tests/data/rules.tsv` and the tests; do not edit. A rule of the console's pages waits for them.\n",
    );
    let held = rules
        .iter()
        .filter(|rule| holders.contains_key(&rule.number))
        .count();
    let console = rules
        .iter()
        .filter(|rule| rule.places == "CON" && !holders.contains_key(&rule.number))
        .count();
    let not = rules
        .iter()
        .filter(|rule| !rule.why_not.is_empty() && !holders.contains_key(&rule.number))
        .count();
    let open = rules.len() - held - console - not;
    writeln!(page, "\n{held} held by a test, {console} of the console's pages, {not} that do not apply, {open} open.").unwrap();
    for (source, title) in SOURCES {
        write!(
            page,
            "\n## {title}\n\n| rule | | held by |\n|---|---|---|\n"
        )
        .unwrap();
        for rule in rules.iter().filter(|rule| rule.number.starts_with(source)) {
            let by = match holders.get(&rule.number) {
                Some(tests) => tests
                    .iter()
                    .map(|test| format!("`{test}`"))
                    .collect::<Vec<_>>()
                    .join(", "),
                None if !rule.why_not.is_empty() => rule.why_not.clone(),
                None if rule.places == "CON" => "the console's pages".to_owned(),
                None => "**open**".to_owned(),
            };
            writeln!(
                page,
                "| {} | {} | {by} |",
                rule.number,
                rule.words.replace('|', "\\|")
            )
            .unwrap();
        }
    }
    page
}

/// Each rule that a test names, with `file::test` of each that does.
fn holders() -> BTreeMap<String, BTreeSet<String>> {
    let root = gate::root();
    let mut files = Vec::new();
    for folder in ["config", "policy-wasm", "proxy", "storage-node", "tests"] {
        sources(&root.join(folder), &mut files);
    }
    files.retain(|file| !file.ends_with("tests/tests/rules.rs"));
    let mut holders: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let stem = file.file_stem().unwrap().to_str().unwrap();
        for (at, line) in lines.iter().enumerate() {
            for number in numbers(line) {
                let Some(test) = test_of(&lines, at) else {
                    continue;
                };
                holders
                    .entry(number)
                    .or_default()
                    .insert(format!("{stem}::{test}"));
            }
        }
    }
    holders
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("target") {
                sources(&path, files);
            }
        } else if path
            .extension()
            .is_some_and(|kind| kind == "rs" || kind == "py")
        {
            files.push(path);
        }
    }
}

/// The rules that a line names.
fn numbers(line: &str) -> Vec<String> {
    let is_number = |word: &str| {
        let mut parts = word.split('-');
        let (Some(source), Some(row), None) = (parts.next(), parts.next(), parts.next()) else {
            return false;
        };
        source.len() == 3
            && source.starts_with("00")
            && row.len() == 2
            && row.bytes().all(|b| b.is_ascii_digit())
    };
    let words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_');
    words
        .filter(|word| is_number(word))
        .map(str::to_owned)
        .collect()
}

/// The test that a line stands in or above; none where it speaks of a rule elsewhere.
fn test_of(lines: &[&str], at: usize) -> Option<String> {
    let is_comment = |line: &str| {
        let line = line.trim_start();
        line.starts_with("//") || line.starts_with('#')
    };
    let below = lines
        .iter()
        .skip(at)
        .take_while(|line| is_comment(line))
        .count();
    // Above a test: nothing but comments and attributes lie between.
    if below > 0
        && let Some(test) = named(lines, at + below)
    {
        return Some(test);
    }
    (0..at)
        .rev()
        .find(|line| is_function(lines[*line]))
        .and_then(|line| named(lines, line))
}

fn is_function(line: &str) -> bool {
    let line = line.trim_start();
    ["pub fn ", "pub(crate) fn ", "async fn ", "fn ", "def "]
        .iter()
        .any(|it| line.starts_with(it))
}

/// The name of the test whose head this line is.
fn named(lines: &[&str], at: usize) -> Option<String> {
    let line = lines.get(at)?.trim_start();
    let (word, rest) = line.split_once("fn ").or_else(|| line.split_once("def "))?;
    let name = rest
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .next()?;
    let attributes = lines[..at]
        .iter()
        .rev()
        .take_while(|line| line.trim_start().starts_with(['#', '/']));
    let mut attributes = attributes.map(|line| line.trim());
    let is_test = attributes
        .any(|line| line.starts_with("#[") && line.trim_end_matches(')').contains("test"));
    let is_case = word.is_empty() && name.starts_with("case_");
    (is_test || is_case).then(|| name.to_owned())
}
