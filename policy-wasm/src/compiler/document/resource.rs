//! The elements `Resource` and `NotResource`: what a statement is about.
//!
//! A resource is an ARN of six parts with wildcards. A wildcard stays within its part, but the last part reaches over
//! slashes and colons. Source: IAM User Guide, "IAM JSON policy elements: Resource"; S3 User Guide, "Policy resources for
//! Amazon S3".

use super::super::attribute;
use super::super::statement::Condition;
use super::condition::never;
use super::faults::{Advice, Cause};
use super::json::{Node, Notes, excerpt, one_or_many};
use super::variable::{Version, Wild, template};
use super::{Context, Kind};
use crate::question::{Part, Template, Templates, Test, TextMatch};
use crate::registry::Name;

/// What every ARN of a bucket or object begins with.
const S3: &str = "arn:aws:s3:::";

/// The resources of a statement.
pub(super) struct Resources {
    /// What must hold of the resource; `None`: nothing.
    pub(super) condition: Option<Condition>,
    /// Whether a bucket may be among them.
    pub(super) buckets: bool,
    /// Whether an object may be among them.
    pub(super) objects: bool,
}

/// Whether a statement is about the resources that it lists, or about all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listed {
    These,
    Others,
}

/// Reads `Resource` or `NotResource`.
pub(super) fn read(
    node: &Node<'_>,
    listed: Listed,
    (version, context): (Version, &Context<'_>),
    notes: &mut Notes,
) -> Option<Resources> {
    let nodes = one_or_many(node);
    if nodes.is_empty() {
        notes.warn(
            &node.bytes,
            Advice::Empty("Resource", "nothing is in an empty list"),
        );
    }
    let mut complete = true;
    let mut everything = false;
    let (mut buckets, mut objects) = (false, false);
    let mut templates = Vec::new();
    for node in nodes {
        let Some(text) = notes.text(node, "the ARN of a resource") else {
            complete = false;
            continue;
        };
        everything |= text == "*";
        buckets |= may_be_bucket(text);
        objects |= may_be_object(text);
        match resource(text, node, (version, context), notes) {
            Some(template) => templates.push(template),
            None => complete = false,
        }
    }
    if !complete {
        return None;
    }
    let attribute = attribute(Name::Resource);
    // A variable without a value spoils the whole list, even beside `*`.
    let part_refers = |part: &Part| matches!(part, Part::Reference(_));
    let refers = templates
        .iter()
        .any(|it: &Template| it.parts.iter().any(part_refers));
    let condition = match (listed, everything && !refers) {
        (Listed::These, true) => None,
        (Listed::Others, true) => Some(never(attribute)),
        (listed, false) => {
            let templates = Templates::new(templates);
            let test = Test::Text(arn_match(&templates), templates);
            let condition = Condition::any(attribute, test);
            Some(match listed {
                Listed::These => condition,
                Listed::Others => condition.negated(),
            })
        }
    };
    let others = listed == Listed::Others;
    Some(Resources {
        condition,
        buckets: buckets || others,
        objects: objects || others,
    })
}

impl Resources {
    /// Those of a document that is about one thing, whatever it is.
    pub(super) const fn any() -> Self {
        Self {
            condition: None,
            buckets: true,
            objects: true,
        }
    }
}

fn resource(
    text: &str,
    node: &Node<'_>,
    (version, context): (Version, &Context<'_>),
    notes: &mut Notes,
) -> Option<Template> {
    let shown = || excerpt(text);
    if !is_arn(text) {
        notes.fault(&node.bytes, Cause::Resource(shown()));
        return None;
    }
    if version == Version::New && text.splitn(6, ':').take(5).any(|part| part.contains("${")) {
        notes.fault(&node.bytes, Cause::VariableInArn(shown()));
        return None;
    }
    match context.kind {
        Kind::Bucket { name } if !is_within(text, name) => {
            let bucket = name.to_owned();
            let resource = shown();
            notes.fault(&node.bytes, Cause::ForeignResource { resource, bucket });
            return None;
        }
        Kind::Identity if text != "*" && !may_be_s3(text) && !is_iam(text) => {
            notes.warn(&node.bytes, Advice::ForeignResource(shown()));
        }
        Kind::Bucket { .. } | Kind::Identity | Kind::Trust => {}
    }
    template(text, &node.bytes, (version, Wild::Pattern), notes)
}

/// Whether a resource names the bucket by its whole name: `*` is no bucket's name, though it is in each of them.
fn is_within(text: &str, bucket: &str) -> bool {
    text.strip_prefix(S3)
        .and_then(|rest| rest.strip_prefix(bucket))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '*', '?']))
}

/// Whether a resource may be one of S3: the parts before the name are those of S3, or wildcards that fit them.
fn may_be_s3(text: &str) -> bool {
    let fits = |pattern: &str, part: &str| pattern == part || pattern.contains(['*', '?']);
    let mut parts = text.splitn(6, ':');
    ["arn", "aws", "s3", "", ""]
        .into_iter()
        .all(|part| parts.next().is_some_and(|pattern| fits(pattern, part)))
}

/// Whether a resource is a user, group, role or policy.
fn is_iam(text: &str) -> bool {
    text.starts_with("arn:aws:iam::")
}

fn may_be_bucket(text: &str) -> bool {
    let name = text.splitn(6, ':').last().unwrap_or_default();
    match (name.find('/'), name.find(['*', '?', '$'])) {
        (Some(slash), Some(wild)) => wild < slash,
        (Some(_), None) => false,
        (None, _) => true,
    }
}

fn may_be_object(text: &str) -> bool {
    text.contains(['/', '*', '?']) || text.contains("${")
}

/// Whether a text has the six parts of an ARN, or is a lone `*`.
///
/// Colons within a variable do not count: `arn:aws:iam::111122223333:user/${aws:username}`.
pub(super) fn is_arn(text: &str) -> bool {
    let mut colons = 0;
    let mut within = false;
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            b'{' if text
                .as_bytes()
                .get(..place)
                .is_some_and(|it| it.ends_with(b"$")) =>
            {
                within = true;
            }
            b'}' => within = false,
            b':' if !within => colons += 1,
            _ => {}
        }
    }
    text == "*" || text.starts_with("arn:") && colons >= 5
}

/// How ARNs are compared. Where no wildcard stands before the fifth colon, none can cross one, and the plainer question
/// has the same answer.
pub(super) fn arn_match(templates: &Templates) -> TextMatch {
    let begins = |template: &Template| {
        matches!(template.parts.first(), Some(Part::Literal(bytes))
            if bytes.iter().filter(|byte| **byte == b':').count() >= 5)
    };
    if templates.with_holes().iter().all(begins) {
        TextMatch::Like
    } else {
        TextMatch::ArnLike
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_within_its_bucket_by_its_whole_name() {
        for text in ["", "/*", "/a/b", "*", "/${aws:username}/*"] {
            assert!(is_within(&format!("arn:aws:s3:::photos{text}"), "photos"));
        }
        for text in [
            "*",
            "arn:aws:s3:::*",
            "arn:aws:s3:::photo",
            "arn:aws:s3:::photos2/*",
            "arn:aws:s3:::photo*",
            "arn:aws:s3:eu:1:photos/*",
            "arn:*:s3:::photos/*",
        ] {
            assert!(!is_within(text, "photos"), "{text}");
        }
    }

    #[test]
    fn buckets_and_objects_are_told_apart() {
        let kinds = |name: &str| {
            let arn = format!("{S3}{name}");
            (may_be_bucket(&arn), may_be_object(&arn))
        };
        assert_eq!(kinds("b"), (true, false));
        assert_eq!(kinds("b/*"), (false, true));
        assert_eq!(kinds("b*"), (true, true));
        assert_eq!(kinds("b*/x"), (true, true));
        assert_eq!(kinds("${aws:username}"), (true, true));
        assert_eq!((may_be_bucket("*"), may_be_object("*")), (true, true));
    }
}
