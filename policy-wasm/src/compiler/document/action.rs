//! The elements `Action` and `NotAction`: what is done.
//!
//! Names of actions are compared without regard to case. Source: IAM User Guide, "IAM JSON policy elements: Action".

use super::super::attribute;
use super::super::statement::Condition;
use super::Kind;
use super::actions::{MadeFor, all};
use super::condition::never;
use super::faults::{Advice, Cause, Element};
use super::json::{Node, Notes, excerpt, one_or_many};
use super::resource::{Listed, Resources};
use crate::question::{Template, Templates, Test, TextMatch};
use crate::registry::Name;

/// The actions of a statement.
pub(super) struct Actions<'n> {
    /// What must hold of the action; `None`: nothing.
    pub(super) condition: Option<Condition>,
    /// The actions that are named in full, and what each is done to.
    named: Vec<(&'n Node<'n>, String, MadeFor)>,
}

/// Reads `Action` or `NotAction`.
pub(super) fn read<'n>(
    node: &'n Node<'n>,
    listed: Listed,
    kind: Kind<'_>,
    notes: &mut Notes,
) -> Option<Actions<'n>> {
    let nodes = one_or_many(node);
    if nodes.is_empty() {
        notes.warn(
            &node.bytes,
            Advice::Empty("Action", "nothing is in an empty list"),
        );
    }
    let mut complete = true;
    let mut everything = false;
    let mut patterns = Vec::new();
    let mut named = Vec::new();
    for node in nodes {
        match action(node, kind, notes) {
            Some(Action::Any) => everything = true,
            Some(Action::Named(name, made_for)) => {
                patterns.push(name.clone());
                named.push((node, name, made_for));
            }
            Some(Action::Pattern(pattern)) => patterns.push(pattern),
            None => complete = false,
        }
    }
    if !complete {
        return None;
    }
    let condition = match (listed, everything) {
        (Listed::These, true) => None,
        (Listed::Others, true) => Some(never(attribute(Name::Action))),
        (Listed::These, false) => Some(condition(&patterns)),
        (Listed::Others, false) => Some(condition(&patterns).negated()),
    };
    if listed == Listed::Others || everything {
        named.clear();
    }
    Some(Actions { condition, named })
}

impl Actions<'_> {
    /// Warns of actions that are done to none of the statement's resources.
    pub(super) fn advise(&self, resources: &Resources, notes: &mut Notes) {
        for (node, action, made_for) in &self.named {
            let made_for = match made_for {
                MadeFor::Bucket if !resources.buckets => "buckets",
                MadeFor::Object if !resources.objects => "objects",
                MadeFor::Bucket | MadeFor::Object | MadeFor::Service => continue,
            };
            let action = action.clone();
            notes.warn(&node.bytes, Advice::Idle { action, made_for });
        }
    }
}

enum Action {
    /// `*`
    Any,
    /// One action, in the writing of the reference.
    Named(String, MadeFor),
    /// With wildcards, or of another service.
    Pattern(String),
}

fn action(node: &Node<'_>, kind: Kind<'_>, notes: &mut Notes) -> Option<Action> {
    let text = notes.text(node, "an action, as `s3:GetObject`,")?;
    if text == "*" {
        return Some(Action::Any);
    }
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"*?-_:".contains(&byte);
    let (service, name) = match text.split_once(':') {
        Some((service, name))
            if text.bytes().all(legal)
                && !service.is_empty()
                && !service.contains(['*', '?'])
                && !name.is_empty()
                && !name.contains(':') =>
        {
            (service, name)
        }
        _ => {
            notes.fault(&node.bytes, Cause::Action(excerpt(text)));
            return None;
        }
    };
    let is_s3 = service.eq_ignore_ascii_case("s3");
    match kind {
        Kind::Trust if service.eq_ignore_ascii_case("sts") => {
            return Some(Action::Pattern(text.to_owned()));
        }
        Kind::Trust => {
            notes.fault(&node.bytes, Cause::NotOfTrust(excerpt(text)));
            return None;
        }
        Kind::Bucket { .. } if !is_s3 => {
            notes.fault(&node.bytes, Cause::ForeignAction(excerpt(text)));
            return None;
        }
        Kind::Identity if !is_s3 => {
            // What users and keys are asked of, and how roles are assumed, is decided here as well.
            let known = ["iam", "sts"]
                .iter()
                .any(|it| service.eq_ignore_ascii_case(it));
            if !known {
                notes.warn(&node.bytes, Advice::ForeignAction(excerpt(text)));
            }
            return Some(Action::Pattern(text.to_owned()));
        }
        Kind::Bucket { .. } | Kind::Identity => {}
    }
    if name.contains(['*', '?']) {
        if all().any(|(action, _)| fits(name, action, u8::eq_ignore_ascii_case)) {
            return Some(Action::Pattern(text.to_owned()));
        }
        notes.fault(&node.bytes, Cause::NoSuchAction(excerpt(text)));
        return None;
    }
    let known = all().find(|(action, _)| action.eq_ignore_ascii_case(name));
    if let Some((action, made_for)) = known {
        return Some(Action::Named(format!("s3:{action}"), made_for));
    }
    let names: Vec<String> = all().map(|(action, _)| format!("s3:{action}")).collect();
    let known = names.iter().map(String::as_str);
    notes.unknown(&node.bytes, Element::Action, text, known);
    None
}

/// The question of patterns. Where they fit the same actions with regard to case as without, which is nearly always, the
/// plainer question has the same answer.
fn condition(patterns: &[String]) -> Condition {
    let exact = |pattern: &String| {
        let service = pattern.strip_prefix("s3:");
        service.is_some_and(|name| {
            all().all(|(action, _)| {
                fits(name, action, u8::eq) == fits(name, action, u8::eq_ignore_ascii_case)
            })
        })
    };
    let how = if patterns.iter().all(exact) {
        TextMatch::Like
    } else {
        TextMatch::LikeIgnoreCase
    };
    let templates = patterns
        .iter()
        .map(|text| Template::pattern(text.as_bytes()));
    Condition::any(
        attribute(Name::Action),
        Test::Text(how, Templates::new(templates)),
    )
}

/// Whether a name of ASCII fits a pattern of `*` and `?`, with a single backtrack.
fn fits(pattern: &str, text: &str, same: fn(&u8, &u8) -> bool) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut place, mut at) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        match (pattern.get(place), text.get(at)) {
            (Some(b'*'), _) => {
                place += 1;
                retry = Some((place, at));
                continue;
            }
            (Some(wanted), Some(byte)) if *wanted == b'?' || same(wanted, byte) => {
                place += 1;
                at += 1;
                continue;
            }
            (None, None) => return true,
            _ => {}
        }
        match retry {
            Some((star, from)) if from < text.len() => {
                retry = Some((star, from + 1));
                (place, at) = (star, from + 1);
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compiler::Check;

    #[test]
    fn names_fit_patterns() {
        let fits = |pattern, text| fits(pattern, text, u8::eq_ignore_ascii_case);
        for pattern in [
            "*",
            "Get*",
            "get*",
            "*Object",
            "G?tObject",
            "*t*t",
            "GETOBJECT",
        ] {
            assert!(fits(pattern, "GetObject"), "{pattern}");
        }
        for pattern in ["", "Get", "Put*", "?", "*Objects", "GetObject?"] {
            assert!(!fits(pattern, "GetObject"), "{pattern}");
        }
    }

    #[test]
    fn case_is_ignored_only_where_it_matters() {
        let how = |patterns: &[&str]| {
            let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
            let Check::Passes(predicate) = condition(&patterns).check else {
                panic!("a test");
            };
            match predicate.test {
                Test::Text(how, _) => how,
                other => panic!("a text, not {other:?}"),
            }
        };
        assert_eq!(how(&["s3:GetObject"]), TextMatch::Like);
        assert_eq!(how(&["s3:Get*", "s3:*"]), TextMatch::Like);
        assert_eq!(how(&["s3:get*"]), TextMatch::LikeIgnoreCase);
        assert_eq!(how(&["S3:Get*"]), TextMatch::LikeIgnoreCase);
    }

    #[test]
    fn no_action_is_listed_twice() {
        let mut names: Vec<String> = all().map(|(name, _)| name.to_lowercase()).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
