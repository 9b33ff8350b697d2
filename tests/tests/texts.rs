//! What the console says, in every language: nothing is missing, nothing is left over.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use tests::gate::root;

#[test]
fn every_text_is_in_every_language_and_none_is_left_over() {
    let console = root().join("config/console");
    let said = said(&console);
    assert!(said.len() > 20, "the texts are not found: {said:?}");
    let german = fs::read_to_string(console.join("texts/de.tsv")).unwrap();
    let german: BTreeMap<&str, &str> = german
        .lines()
        .map(|line| {
            line.split_once('\t')
                .unwrap_or_else(|| panic!("no tab: {line}"))
        })
        .collect();
    let there: BTreeSet<String> = german.keys().map(|it| (*it).to_owned()).collect();
    let missing: Vec<_> = said.difference(&there).collect();
    let left_over: Vec<_> = there.difference(&said).collect();
    assert!(missing.is_empty(), "without German: {missing:#?}");
    assert!(left_over.is_empty(), "said nowhere: {left_over:#?}");
    for (english, german) in german {
        let holes = |text: &str| text.matches("{}").count();
        assert_eq!(holes(english), holes(german), "{english}");
        assert!(!german.trim().is_empty(), "{english}");
    }
}

/// What templates say through the filter `t`, what they give to parts that say it, and what the code says by `say!`.
fn said(console: &Path) -> BTreeSet<String> {
    let mut said = BTreeSet::new();
    for path in files(&console.join("templates"), "html") {
        let text = fs::read_to_string(path).unwrap();
        said.extend(before(&text, "|t"));
        said.extend(given_to_parts(&text));
        said.extend(options(&text));
    }
    for path in files(&console.join("src/pages"), "rs") {
        let text = fs::read_to_string(path).unwrap();
        said.extend(after(&text, "say!("));
        said.extend(entries(&text));
    }
    said.extend(deeds(console).into_values());
    said.extend(WORDS.map(str::to_owned));
    said
}

/// Every action that is written down has a sentence, and what it is done to is called something.
#[test]
fn every_action_of_the_audit_log_is_said() {
    let deeds = deeds(&root().join("config/console"));
    let words: BTreeSet<String> = WORDS.iter().map(|it| (*it).to_owned()).collect();
    let (mut actions, mut kinds, mut used) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for path in WRITTEN_DOWN_BY
        .iter()
        .flat_map(|it| sources(&root().join(it)))
    {
        let text = fs::read_to_string(path).unwrap();
        let quoted = text.split('"').skip(1).step_by(2);
        actions.extend(quoted.filter(|it| is_action(it)).map(str::to_owned));
        kinds.extend(kinds_of(&text));
    }
    assert!(
        actions.len() > 100 && kinds.len() > 15,
        "{actions:#?} {kinds:#?}"
    );
    for action in &actions {
        let (_, last) = action.split_once('.').unwrap();
        let found = [action.as_str(), last]
            .into_iter()
            .find(|it| deeds.contains_key(*it));
        used.insert(found.unwrap_or_else(|| panic!("no sentence: {action}")));
    }
    let left_over: Vec<_> = deeds
        .keys()
        .filter(|it| !used.contains(it.as_str()))
        .collect();
    assert!(left_over.is_empty(), "done nowhere: {left_over:?}");
    let missing: Vec<_> = kinds.difference(&words).collect();
    assert!(missing.is_empty(), "called nothing: {missing:?}");
}

/// Where actions of the audit log stand.
const WRITTEN_DOWN_BY: [&str; 4] = [
    "config/src/directory",
    "config/src/directory/change",
    "config/console/src/api/usage.rs",
    "config/console/src/service/modules.rs",
];

fn sources(path: &Path) -> Vec<PathBuf> {
    if path.is_dir() {
        files(path, "rs")
    } else {
        vec![path.to_owned()]
    }
}

/// Whether a text is an action: two words with a point between them, and no host's name of a test.
fn is_action(text: &str) -> bool {
    let is_word =
        |it: &str| it.len() > 1 && it.chars().all(|it| it.is_ascii_lowercase() || it == '-');
    text.split_once('.')
        .is_some_and(|(kind, verb)| is_word(kind) && is_word(verb) && verb != "com")
}

/// What is changed by each plan: the text that follows its action.
fn kinds_of(text: &str) -> Vec<String> {
    let plans = ["Plan::new(", "Plan::of_system("];
    let calls = plans.iter().flat_map(|it| text.split(it).skip(1));
    let calls = calls.filter_map(|it| it.split_once(')').map(|(call, _)| call));
    let kinds = calls.filter_map(|call| {
        let mut quoted = call.split('"').skip(1).step_by(2);
        quoted.find(|it| !is_action(it))
    });
    kinds.map(str::to_owned).collect()
}

/// The sentences of the audit log, by what they stand for.
fn deeds(console: &Path) -> BTreeMap<String, String> {
    let text = fs::read_to_string(console.join("src/service/deeds.rs")).unwrap();
    let (_, table) = text.split_once("const DEEDS").unwrap();
    let (table, _) = table.split_once("];").unwrap();
    let words: Vec<&str> = table.split('"').skip(1).step_by(2).collect();
    let pairs = words.chunks_exact(2);
    pairs
        .map(|it| (it[0].to_owned(), it[1].to_owned()))
        .collect()
}

/// Words of the directory that lists show as they are, with a large first letter, and kinds of what is lost or written down.
const WORDS: [&str; 39] = [
    "Active",
    "Passive",
    "Disabled",
    "Deleting",
    "Rotating",
    "Suspended",
    "Closed",
    "Read-only",
    "On",
    "Off",
    "tenant",
    "user",
    "sub-user",
    "role",
    "access key",
    "bucket",
    "policy document",
    "module",
    "All",
    "Full",
    "Read/Write",
    "Read",
    "Write",
    "Expired",
    "Retiring",
    "operator",
    "audit log",
    "billing period",
    "directory",
    "group",
    "job",
    "master key",
    "namespace",
    "node",
    "policy",
    "session",
    "token",
    "Enabled",
    "Group",
];

fn files(folder: &Path, kind: &str) -> Vec<PathBuf> {
    let all = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    all.filter(|path| path.extension().is_some_and(|it| it == kind))
        .collect()
}

/// Texts that stand in quotes right before a mark.
fn before(text: &str, mark: &str) -> Vec<String> {
    let mark = format!("\"{mark}");
    let ends = text.match_indices(&mark).filter(|(at, _)| {
        let next = text[at + mark.len()..].chars().next();
        next.is_none_or(|it| !it.is_alphanumeric())
    });
    ends.map(|(at, _)| text[text[..at].rfind('"').unwrap() + 1..at].to_owned())
        .collect()
}

/// Texts that stand in quotes right after a mark.
fn after(text: &str, mark: &str) -> Vec<String> {
    let starts = text
        .match_indices(mark)
        .filter_map(|(at, _)| quoted(&text[at + mark.len()..]));
    starts.map(str::to_owned).collect()
}

/// What stands in quotes at the beginning.
fn quoted(text: &str) -> Option<&str> {
    let text = text.trim_start().strip_prefix('"')?;
    Some(&text[..text.find('"')?])
}

/// The label and the hint that a field is given: everything in quotes but the field's name and its kind.
fn given_to_parts(text: &str) -> Vec<String> {
    let mut given = Vec::new();
    for part in [
        "parts::field(",
        "parts::secret(",
        "parts::text(",
        "parts::choice(",
        "parts::pick(",
    ] {
        for (at, _) in text.match_indices(part) {
            let call = &text[at..at + text[at..].find("%}").unwrap()];
            let call = &call[..call.find('[').unwrap_or(call.len())];
            let words: Vec<&str> = call.split('"').skip(1).step_by(2).collect();
            let hint = words
                .last()
                .filter(|_| part != "parts::secret(" && words.len() > 2);
            given.extend(
                words
                    .get(1)
                    .into_iter()
                    .chain(hint)
                    .map(|it| (*it).to_owned()),
            );
        }
    }
    given.retain(|it| !it.is_empty());
    given
}

/// The second of each pair in a list of options.
fn options(text: &str) -> Vec<String> {
    let pairs = text.match_indices("(\"").filter_map(|(at, _)| {
        let (_, rest) = text[at + 2..].split_once("\", \"")?;
        let (second, after) = rest.split_once('"')?;
        (after.starts_with(')') && !second.contains('<')).then(|| second.to_owned())
    });
    pairs.collect()
}

/// The texts of the navigation.
fn entries(text: &str) -> Vec<String> {
    let lines = text
        .lines()
        .filter(|line| line.trim_end().ends_with("\";") && line.contains(", \"/"));
    lines
        .filter_map(|line| quoted(line.split_once(", ")?.1))
        .map(str::to_owned)
        .collect()
}
