//! What services say of a problem, in every language: nothing is missing, nothing is left over. The sources are read for it: a sentence
//! that is new there has no German yet, and this says so. What no page shows is named here, among `ELSEWHERE`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tests::gate::root;

/// Whose sentences reach a page. A folder stands for the files in it.
const SAID_IN: [&str; 47] = [
    "config/console/src/admission.rs",
    "config/console/src/api.rs",
    "config/console/src/api/asked.rs",
    "config/console/src/api/modules.rs",
    "config/console/src/caller.rs",
    "config/console/src/pages",
    "config/console/src/passkeys.rs",
    "config/console/src/problem.rs",
    "config/console/src/routes.rs",
    "config/console/src/service",
    "config/src/amount.rs",
    "config/src/directory/audit.rs",
    "config/src/directory/command.rs",
    "config/src/directory/level.rs",
    "config/src/directory/names.rs",
    "config/src/directory/record.rs",
    "config/src/directory/rows.rs",
    "config/src/identity/password.rs",
    "config/src/identity/throttle.rs",
    "config/src/judge/tools.rs",
    "config/src/metering/ledger.rs",
    "config/src/metering/period.rs",
    "config/src/node.rs",
    "config/src/purge.rs",
    "policy-wasm/src/compiler.rs",
    "policy-wasm/src/compiler/document",
    "policy-wasm/src/compiler/statement.rs",
    "policy-wasm/src/engine.rs",
    "policy-wasm/src/engine/check.rs",
    "policy-wasm/src/engine/compiler.rs",
    "policy-wasm/src/engine/evaluation.rs",
    "policy-wasm/src/manifest.rs",
    "policy-wasm/src/registry.rs",
    "policy-wasm/src/tools/change.rs",
    "policy-wasm/src/tools/explain.rs",
    "policy-wasm/src/tools/test.rs",
    "proxy/src/judge.rs",
    "proxy/src/judge/documents.rs",
    "proxy/src/judge/explain.rs",
    "proxy/src/judge/past.rs",
    "proxy/src/judge/query.rs",
    "proxy/src/judge/replay.rs",
    "proxy/src/judge/search.rs",
    "proxy/src/judge/simulate.rs",
    "proxy/src/judge/version.rs",
    "storage-node/protocol/src/names.rs",
    "storage-node/protocol/src/operation.rs",
];

/// In those folders, what has none: looks, samples of policies, words of time; what programs alone ask for, and what `texts.rs` reads.
const SAID_NOT_IN: [&str; 9] = [
    "config/console/src/pages/brand.rs",
    "config/console/src/pages/filters.rs",
    "config/console/src/pages/frame.rs",
    "config/console/src/pages/samples.rs",
    "config/console/src/pages/visit.rs",
    "config/console/src/service/deeds.rs",
    "config/console/src/service/review.rs",
    "config/console/src/service/transfer.rs",
    "config/console/src/service/upkeep.rs",
];

/// Where words stand that fill sentences, and no sentences.
const FILLED_IN: [&str; 2] = [
    "config/src/directory/change.rs",
    "config/src/directory/change",
];

/// What stands right before such a word.
const FILLED_BY: [&str; 11] = [
    "missing(",
    "taken(",
    "what:",
    "TooMany(",
    "StillHas(",
    "Rights(",
    "NotFound(",
    "hidden(",
    "gone(",
    "at_most(",
    "bounded(",
];

#[test]
fn every_sentence_of_a_problem_is_in_every_language_and_none_is_left_over() {
    let root = root();
    let mut said = sentences(&root);
    assert!(said.len() > 300, "the sentences are not found: {said:#?}");
    for elsewhere in ELSEWHERE {
        assert!(said.remove(elsewhere), "said nowhere: {elsewhere}");
    }
    said.extend(words(&root));
    said.extend(OF_OTHERS.iter().chain(&WORDS).map(|it| (*it).to_owned()));
    let german = fs::read_to_string(root.join("config/console/texts/problems.de.tsv")).unwrap();
    let mut there = BTreeSet::new();
    for line in german.lines() {
        let (english, german) = line
            .split_once('\t')
            .unwrap_or_else(|| panic!("no tab: {line}"));
        assert!(there.insert(english.to_owned()), "twice: {english}");
        assert!(!german.trim().is_empty(), "{english}");
        assert!(fills(english, german), "other holes: {line}");
    }
    let missing: Vec<_> = said.difference(&there).collect();
    let left_over: Vec<_> = there.difference(&said).collect();
    assert!(missing.is_empty(), "without German: {missing:#?}");
    assert!(left_over.is_empty(), "said nowhere: {left_over:#?}");
}

/// Whether a translation has the holes of its sentence: as many, or each by its number.
fn fills(english: &str, german: &str) -> bool {
    let count = english.matches("{}").count();
    let numbered = (1..=count).all(|number| german.contains(&format!("{{{number}}}")));
    german.matches("{}").count() == count || (numbered && !german.contains("{}"))
}

/// The sentences, with `{}` for what fills them.
fn sentences(root: &Path) -> BTreeSet<String> {
    let mut said = BTreeSet::new();
    for path in files(root, &SAID_IN) {
        if SAID_NOT_IN.iter().any(|it| path == root.join(it)) {
            continue;
        }
        for (before, text) in literals(&fs::read_to_string(&path).unwrap()) {
            let text = with_holes(&text);
            if before.ends_with("not_found(") {
                said.insert(format!("there is no such {text}"));
            } else if is_sentence(&before, &text) {
                said.insert(text);
            }
        }
    }
    said
}

/// The words that fill them.
fn words(root: &Path) -> BTreeSet<String> {
    let all = SAID_IN.iter().chain(&FILLED_IN).copied();
    let all: Vec<&str> = all.collect();
    let mut words = BTreeSet::new();
    for path in files(root, &all) {
        let literals = literals(&fs::read_to_string(&path).unwrap());
        let filling = literals.into_iter().filter(|(before, _)| {
            let here = FILLED_BY.iter().filter_map(|it| before.strip_suffix(it));
            // The end of a longer name is another.
            here.into_iter()
                .any(|it| !it.ends_with(|it: char| it.is_alphanumeric() || it == '_'))
        });
        words.extend(filling.map(|(_, text)| text));
    }
    words
}

fn files(root: &Path, names: &[&str]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for name in names {
        let path = root.join(name);
        if path.is_file() {
            files.push(path);
            continue;
        }
        let inside = fs::read_dir(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let inside = inside.map(|entry| entry.unwrap().path());
        files.extend(inside.filter(|it| it.extension().is_some_and(|it| it == "rs")));
    }
    files
}

/// Whether a text is one that pages show as a problem: words with a blank between them, that are neither a text of `say!`, nor a command,
/// nor the description of a field.
fn is_sentence(before: &str, text: &str) -> bool {
    // What stands between backticks is code.
    let prose: String = text.split('`').step_by(2).collect();
    let has_words = prose.replace("{}", "").contains(char::is_alphabetic);
    let is_command = ["postern ", "aws ", "--"]
        .iter()
        .any(|it| text.trim_start().starts_with(it));
    let is_description = text.starts_with(char::is_uppercase) && text.ends_with('.');
    has_words
        && text.trim().contains(' ')
        && !is_command
        && !is_description
        && !before.ends_with("say!(")
        && !before.ends_with("reason =")
}

/// A format with `{}` for each of its holes.
fn with_holes(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, brace) = rest.split_at(at);
        out.push_str(before);
        if let Some(after) = brace.strip_prefix("{{") {
            out.push('{');
            rest = after;
        } else if let Some(after) = brace.strip_prefix("}}") {
            out.push('}');
            rest = after;
        } else if let Some(after) = hole(brace) {
            out.push_str("{}");
            rest = after;
        } else {
            out.push_str(&brace[..1]);
            rest = &brace[1..];
        }
    }
    out + rest
}

/// What stands behind a hole: `{}`, `{name}`, `{0}`, `{name:?}`.
fn hole(text: &str) -> Option<&str> {
    let (inside, after) = text.strip_prefix('{')?.split_once('}')?;
    let name = inside.split(':').next()?;
    let is_name = |it: char| it.is_alphanumeric() || "_.".contains(it);
    (name.chars().all(is_name) && !inside.contains(['{', '"', ' '])).then_some(after)
}

/// The texts of a source, each with the code before it: none of its tests, nor of what it writes to its log.
fn literals(source: &str) -> Vec<(String, String)> {
    let mut rest = source.split("#[cfg(test)]\nmod ").next().unwrap();
    let mut found = Vec::new();
    let mut code = String::new();
    let mut open = 0_usize;
    let mut logs_until = None;
    while let Some(letter) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = rest.find('\n').map_or("", |at| &rest[at..]);
            continue;
        }
        if let Some((text, after)) = raw(&code, rest).or_else(|| quoted(rest)) {
            if logs_until.is_none() {
                found.push((code.trim_end().to_owned(), text));
            }
            // The code before a text is looked at as far as one can see.
            code = "\"\"".to_owned();
            rest = after;
            continue;
        }
        let logs = ["tracing::", "debug_assert"]
            .iter()
            .any(|it| rest.starts_with(it));
        if logs && logs_until.is_none() && rest.find('!') < rest.find([';', '{']) {
            logs_until = Some(open);
        }
        match letter {
            '(' => open += 1,
            ')' => {
                open = open.saturating_sub(1);
                logs_until = logs_until.filter(|it| *it != open);
            }
            _ => {}
        }
        let length = character(rest).unwrap_or(letter.len_utf8());
        code.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    found
}

/// A text in quotes with what stands behind it.
fn quoted(source: &str) -> Option<(String, &str)> {
    let mut rest = source.strip_prefix('"')?;
    let mut text = String::new();
    loop {
        let letter = rest.chars().next()?;
        rest = &rest[letter.len_utf8()..];
        match letter {
            '"' => return Some((text, rest)),
            '\\' => {
                let escaped = rest.chars().next()?;
                rest = &rest[escaped.len_utf8()..];
                match escaped {
                    '\n' => rest = rest.trim_start(),
                    'n' => text.push('\n'),
                    'r' => text.push('\r'),
                    other => text.push(other),
                }
            }
            other => text.push(other),
        }
    }
}

/// Likewise `r"…"` and `r#"…"#`.
fn raw<'s>(code: &str, source: &'s str) -> Option<(String, &'s str)> {
    if code.ends_with(|it: char| it.is_alphanumeric() || it == '_') {
        return None;
    }
    let inside = source.strip_prefix('r')?;
    let hashes = inside.len() - inside.trim_start_matches('#').len();
    let inside = inside[hashes..].strip_prefix('"')?;
    let (text, after) = inside.split_once(&format!("\"{}", "#".repeat(hashes)))?;
    Some((text.to_owned(), after))
}

/// How long a character in quotes is; a lifetime is none.
fn character(source: &str) -> Option<usize> {
    let inside = source.strip_prefix('\'')?;
    if let Some(escaped) = inside.strip_prefix('\\') {
        let escape = escaped.chars().next()?;
        let after = escape.len_utf8();
        return Some(2 + after + escaped[after..].find('\'')? + 1);
    }
    let letter = inside.chars().next()?;
    inside[letter.len_utf8()..]
        .starts_with('\'')
        .then(|| letter.len_utf8() + 2)
}

/// What stands in those sources and is no problem of a page: headers, sort keys, what the audit log and tools tell, what programs are told.
const ELSEWHERE: [&str; 65] = [
    "; Max-Age=0",
    "; Max-Age={}",
    "account {} {}",
    "activate {}",
    "address {}",
    "address {}:{}:{}:{}::/64",
    "approve {}",
    "attachment; filename*=UTF-8''{}",
    "Bearer realm=\"postern\"",
    "bucket {}",
    "canary {} --promote",
    "canary {} --share 1%",
    "canary {} --stop",
    "deactivate {}",
    "Email,User IP,User ID,Object Type,Object,Action,Action Description,Date,Tenant,Sequence,Request,Previous Hash\r\n",
    "everyone else",
    "first operator",
    "in use",
    "operator {}",
    "policy document",
    "public, max-age=31536000, immutable",
    "public, max-age=86400",
    "read-only --off",
    "refused: {}",
    "reject {}",
    "rollback {}",
    "shadow {}",
    "shadow {} --stop",
    "statement {}",
    "text/css; charset=utf-8",
    "text/html; charset=utf-8",
    "text/javascript; charset=utf-8",
    "that the secret was shown is in the audit log",
    "the first request with this `Idempotency-Key` made this key and was told its secret; if that is lost, delete the key and make another",
    "the module {} of that day cannot be loaded: {}",
    "the secret is shown this once; it cannot be asked for again",
    "{} of {}",
    "{} passed, {} failed",
    "{} {}B",
    "{}={}; Path=/; Secure; HttpOnly; SameSite=Lax{}",
    " at line ",
    "a name without a parameter",
    "a canary is at work: some keys obey another version",
    "a signed caller",
    "nobody, unsigned",
    "the key",
    "there are more than {} keys",
    "this version does not know the operation",
    "{} was not recorded",
    "its bucket is not there any more",
    "more modules would be in force than a plan takes",
    "its access key does not work any more",
    "no grant",
    "allowed with obligations",
    "denied by {}",
    "no answer by {}",
    "needs attributes of the upstream",
    "  ← this decides\n",
    "  module     {} {} sha256:{}",
    "  statement  {}",
    "  demands    {}",
    "  tree       {}",
    "knows this",
    "does not know this yet",
    "  (its questions are not yours to read)",
];

/// How sentences are put together, and what libraries say that read for us.
const OF_OTHERS: [&str; 31] = [
    "{}: {}",
    "{} ({})",
    "{} or {}",
    "; {}",
    "{} at line {} column {}",
    "invalid type: {}, expected {}",
    "invalid value: {}, expected {}",
    "string \"{}\"",
    "integer `{}`",
    "floating point `{}`",
    "unknown variant `{}`, expected one of {}",
    "unknown variant `{}`, expected {}",
    "u16",
    "u32",
    "u64",
    "usize",
    "invalid IP address syntax",
    "expected value",
    "expected `:`",
    "expected `,` or `}`",
    "expected `,` or `]`",
    "trailing comma",
    "trailing characters",
    "key must be a string",
    "invalid number",
    "invalid escape",
    "control character (\\u0000-\\u001F) found while parsing a string",
    "EOF while parsing a value",
    "EOF while parsing a string",
    "EOF while parsing a list",
    "EOF while parsing an object",
];

/// Words that fill sentences from where no call says so.
const WORDS: [&str; 25] = [
    "keys",
    "users",
    "level",
    "profile",
    "effect",
    "action",
    "variable",
    "nothing",
    "text",
    "buckets",
    "objects",
    "allow",
    "deny",
    "reads",
    "suspended",
    "closed",
    "passive",
    "deleting",
    "grant",
    "limit",
    "guard",
    "no opinion",
    "yes",
    "no",
    "absent",
];
