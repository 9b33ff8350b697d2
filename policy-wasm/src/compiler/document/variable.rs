//! Text with variables and wildcards: `home/${aws:username}/*`.
//!
//! A variable is filled in as it is: a `*` in a user's name is a star and no wildcard. Source: IAM User Guide, "IAM policy
//! elements: Variables and tags".

use std::ops::Range;

use super::faults::{Advice, Cause, Element};
use super::json::{Notes, excerpt};
use crate::limits::{OPERAND_BYTES_MAX, TEMPLATE_PARTS_MAX, TEMPLATE_REFERENCES_MAX};
use crate::question::{Part, Template};
use crate::registry::{Attribute, Name};

/// Bytes of a predicate around the only text in it: operator, quantifier, counts and lengths.
const OVERHEAD_BYTES: usize = 16;

/// The version of the policy language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// `2008-10-17`, and policies that name none: `${` is plain text.
    Old,
    /// `2012-10-17`.
    New,
}

/// What `*` and `?` are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wild {
    Text,
    Pattern,
}

/// Reads a text into a template.
pub(super) fn template(
    text: &str,
    bytes: &Range<usize>,
    (version, wild): (Version, Wild),
    notes: &mut Notes,
) -> Option<Template> {
    let mut parts = Parts::default();
    let mut rest = text;
    while let Some(place) = rest.find("${") {
        let (before, variable) = rest.split_at_checked(place)?;
        parts.text(before, wild);
        if version == Version::Old {
            notes.warn(bytes, Advice::VariableInOldVersion(excerpt(text)));
            parts.literal("${");
            rest = variable.get(2..)?;
            continue;
        }
        let (part, behind) = match read(variable.get(2..)?) {
            Ok(read) => read,
            Err(expected) => {
                let text = excerpt(text);
                notes.fault(bytes, Cause::Variable { text, expected });
                return None;
            }
        };
        match part {
            Variable::Character(character) => parts.literal(character),
            Variable::Key(key, otherwise) => {
                parts.reference(attribute(key, bytes, notes)?, otherwise);
            }
        }
        rest = behind;
    }
    parts.text(rest, wild);
    bounded(parts.0, text, bytes, notes)
}

/// Whether a text holds a variable.
pub(super) fn has_variable(text: &str, version: Version) -> bool {
    version == Version::New && text.contains("${")
}

/// What stands between `${` and `}`.
enum Variable<'a> {
    /// `${*}`, `${?}`, `${$}`: the character as it is.
    Character(&'a str),
    /// A key, and the text in its place where it is absent.
    Key(&'a str, Option<&'a str>),
}

/// Reads a variable from behind its `${`, and gives what follows it.
fn read(text: &str) -> Result<(Variable<'_>, &str), &'static str> {
    const CLOSED: &str = "a variable ends with `}`";
    const QUOTED: &str = "a default stands between quotes, as `${aws:username, 'nobody'}`";
    for character in ["*", "?", "$"] {
        if let Some(rest) = text.strip_prefix(character) {
            let behind = rest.strip_prefix('}').ok_or(CLOSED)?;
            return Ok((Variable::Character(character), behind));
        }
    }
    let end = text.find(['}', ',', '{']).ok_or(CLOSED)?;
    let (key, rest) = text.split_at_checked(end).ok_or(CLOSED)?;
    if key.is_empty() {
        return Err("a variable names a key, as `${aws:username}`");
    }
    if key.trim() != key {
        return Err("a variable has no blanks around its key");
    }
    if let Some(behind) = rest.strip_prefix('}') {
        return Ok((Variable::Key(key, None), behind));
    }
    let rest = rest.strip_prefix(',').ok_or(CLOSED)?.trim_start();
    let quoted = rest.strip_prefix('\'').ok_or(QUOTED)?;
    let (otherwise, rest) = quoted.split_once('\'').ok_or(QUOTED)?;
    let behind = rest.trim_start().strip_prefix('}').ok_or(CLOSED)?;
    Ok((Variable::Key(key, Some(otherwise)), behind))
}

fn attribute(key: &str, bytes: &Range<usize>, notes: &mut Notes) -> Option<Attribute> {
    let attribute = super::condition::key(key, Element::Variable, bytes, notes)?;
    if attribute.entry().many {
        notes.fault(bytes, Cause::VariableOfMany(excerpt(key)));
        return None;
    }
    Some(attribute)
}

/// The names that a variable may have.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    Name::ALL.iter().map(|name| name.text())
}

fn bounded(
    parts: Vec<Part>,
    text: &str,
    bytes: &Range<usize>,
    notes: &mut Notes,
) -> Option<Template> {
    let is_reference = |part: &&Part| matches!(part, Part::Reference(_) | Part::ReferenceOr(..));
    let count = parts.iter().filter(is_reference).count();
    let fault = if count > TEMPLATE_REFERENCES_MAX {
        Cause::TooManyVariables { count }
    } else if parts.len() > TEMPLATE_PARTS_MAX {
        let count = parts.len();
        Cause::TooManyParts { count }
    } else if text.len() + parts.len() * 5 + OVERHEAD_BYTES > OPERAND_BYTES_MAX {
        Cause::TextTooLong { bytes: text.len() }
    } else {
        return Some(Template { parts });
    };
    notes.fault(bytes, fault);
    None
}

/// Parts of a template, neighbours of one kind joined.
#[derive(Default)]
struct Parts(Vec<Part>);

impl Parts {
    fn text(&mut self, text: &str, wild: Wild) {
        if wild == Wild::Text {
            self.literal(text);
            return;
        }
        for piece in text.split_inclusive(['*', '?']) {
            let (literal, wildcard) = if let Some(literal) = piece.strip_suffix('*') {
                (literal, Some(Part::AnyText))
            } else if let Some(literal) = piece.strip_suffix('?') {
                (literal, Some(Part::AnyCharacter))
            } else {
                (piece, None)
            };
            self.literal(literal);
            match wildcard {
                // Two stars are one.
                Some(Part::AnyText) if self.0.last() == Some(&Part::AnyText) => {}
                Some(wildcard) => self.0.push(wildcard),
                None => {}
            }
        }
    }

    fn literal(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if let Some(Part::Literal(last)) = self.0.last_mut() {
            *last = [last, text.as_bytes()].concat().into();
        } else {
            self.0.push(Part::Literal(text.as_bytes().into()));
        }
    }

    fn reference(&mut self, attribute: Attribute, otherwise: Option<&str>) {
        self.0.push(match otherwise {
            Some(text) => Part::ReferenceOr(attribute, text.as_bytes().into()),
            None => Part::Reference(attribute),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, version: Version, wild: Wild) -> Result<String, String> {
        let mut notes = Notes::new(text);
        let template = template(text, &(0..0), (version, wild), &mut notes);
        match notes.finish() {
            Ok(_) => Ok(template.map(|read| read.to_string()).unwrap_or_default()),
            Err(faults) => Err(faults.to_string()),
        }
    }

    #[test]
    fn variables_wildcards_and_text_are_told_apart() {
        let read = |text| shown(text, Version::New, Wild::Pattern).unwrap();
        assert_eq!(read("a/${AWS:UserName}/*"), "a/${aws:username}/*");
        assert_eq!(
            read("${aws:username, 'no one'}"),
            "${aws:username, 'no one'}"
        );
        assert_eq!(read("${aws:username,''}"), "${aws:username, ''}");
        assert_eq!(
            read("${aws:PrincipalTag/Team}x"),
            "${aws:PrincipalTag/Team}x"
        );
        assert_eq!(read("a**b?"), "a*b?");
        assert_eq!(read("$ { } $$"), "$ { } $$");

        let template = |text, wild| {
            let mut notes = Notes::new(text);
            template(text, &(0..0), (Version::New, wild), &mut notes).unwrap()
        };
        assert_eq!(
            template("${*}${?}${$}{x}", Wild::Pattern),
            Template::literal("*?${x}")
        );
        assert_eq!(template("a*?", Wild::Text), Template::literal("a*?"));
        assert_eq!(template("", Wild::Text), Template { parts: Vec::new() });
    }

    #[test]
    fn an_old_version_has_no_variables() {
        let read = |text| shown(text, Version::Old, Wild::Pattern).unwrap();
        assert_eq!(read("a/${aws:username}/*"), "a/${aws:username}/*");
        let mut notes = Notes::new("");
        let version = (Version::Old, Wild::Pattern);
        let literal = template("${aws:nothing}", &(0..0), version, &mut notes).unwrap();
        assert_eq!(literal, Template::literal("${aws:nothing}"));
        let warnings = notes.finish().unwrap();
        assert!(matches!(
            warnings[0].advice,
            Advice::VariableInOldVersion(_)
        ));
    }

    #[test]
    fn a_variable_that_is_badly_written_is_refused() {
        for text in [
            "${",
            "${}",
            "${aws:username",
            "${aws:username, nobody}",
            "${aws:username, 'nobody}",
            "${aws:username, 'no'body'}",
            "${ aws:username }",
            "${aws:user${aws:username}}",
            "${**}",
            "${aws:usrname}",
            "${s3:RequestObjectTagKeys}",
            "${aws:PrincipalTag}",
        ] {
            assert!(shown(text, Version::New, Wild::Text).is_err(), "{text}");
        }
    }

    #[test]
    fn as_many_variables_as_a_question_takes_are_read_and_one_more_is_not() {
        let text = |count| "${aws:username}".repeat(count);
        assert!(shown(&text(4), Version::New, Wild::Text).is_ok());
        assert!(shown(&text(5), Version::New, Wild::Text).is_err());
        assert!(shown(&"a*".repeat(32), Version::New, Wild::Pattern).is_ok());
        assert!(shown(&"a*".repeat(33), Version::New, Wild::Pattern).is_err());
        assert!(shown(&"a".repeat(2_027), Version::New, Wild::Text).is_ok());
        assert!(shown(&"a".repeat(2_028), Version::New, Wild::Text).is_err());
    }
}
