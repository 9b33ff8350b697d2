//! The policy of a form: when it ends, and what the fields and the file must be like.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use crate::form::FormError;
use crate::limits::{POLICY_BYTES_MAX, POLICY_CONDITIONS_MAX};
use crate::payload::decimal;
use crate::time::Timestamp;

/// What is wrong with a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFault {
    /// More than [`POLICY_BYTES_MAX`].
    #[error("longer than {POLICY_BYTES_MAX} bytes")]
    TooLong,
    /// The field is not base64.
    #[error("not base64")]
    Base64,
    /// Not JSON, or not `expiration` and `conditions`.
    #[error("not the JSON of a policy, at line {line}, column {column}")]
    Json {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// `expiration` is no time as `2015-12-30T12:00:00.000Z` is.
    #[error("`expiration` is not a time")]
    Expiration,
    /// Too many conditions.
    #[error("more than {POLICY_CONDITIONS_MAX} conditions")]
    TooManyConditions,
    /// A condition has another shape than the three there are.
    #[error("the condition {number} is malformed")]
    Condition {
        /// From 1.
        number: usize,
    },
}

/// A policy, read.
#[derive(Debug)]
pub(super) struct Policy {
    expiration: u64,
    conditions: Vec<Condition>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPolicy {
    expiration: String,
    conditions: Vec<Value>,
}

/// What a policy asks. Names are in lower case, without `$`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Equal { name: String, value: String },
    StartsWith { name: String, prefix: String },
    Length(LengthRange),
}

/// How many bytes a file may have, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LengthRange {
    min: u64,
    max: u64,
}

impl LengthRange {
    /// Any length at all.
    pub const ANY: Self = Self {
        min: 0,
        max: u64::MAX,
    };

    /// The least.
    pub const fn min(self) -> u64 {
        self.min
    }

    /// The most; `u64::MAX` where the policy sets no bound.
    pub const fn max(self) -> u64 {
        self.max
    }

    /// Refuses as soon as more has come than may.
    pub const fn check_so_far(self, bytes: u64) -> Result<(), FormError> {
        if bytes > self.max {
            Err(FormError::TooLarge { max: self.max })
        } else {
            Ok(())
        }
    }

    /// Refuses a whole file that is too short or too long.
    pub const fn check_whole(self, bytes: u64) -> Result<(), FormError> {
        if bytes < self.min {
            return Err(FormError::TooSmall {
                bytes,
                min: self.min,
            });
        }
        self.check_so_far(bytes)
    }
}

impl Policy {
    pub(super) fn parse(json: &[u8]) -> Result<Self, PolicyFault> {
        if json.len() > POLICY_BYTES_MAX {
            return Err(PolicyFault::TooLong);
        }
        let raw: RawPolicy =
            serde_json::from_slice(&unescape(json)).map_err(|error| PolicyFault::Json {
                line: error.line(),
                column: error.column(),
            })?;
        if raw.conditions.len() > POLICY_CONDITIONS_MAX {
            return Err(PolicyFault::TooManyConditions);
        }
        let conditions = raw
            .conditions
            .into_iter()
            .enumerate()
            .map(|(index, value)| {
                Condition::parse(value).ok_or(PolicyFault::Condition { number: index + 1 })
            });
        Ok(Self {
            expiration: expiration(&raw.expiration).ok_or(PolicyFault::Expiration)?,
            conditions: conditions.collect::<Result<_, _>>()?,
        })
    }

    /// The last second in which it is good, since 1970.
    pub(super) const fn expiration(&self) -> u64 {
        self.expiration
    }

    pub(super) fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// Whether any condition is about `name`.
    pub(super) fn speaks_of(&self, name: &str) -> bool {
        self.conditions.iter().any(|condition| match condition {
            Condition::Equal { name: subject, .. }
            | Condition::StartsWith { name: subject, .. } => subject == name,
            Condition::Length(_) => false,
        })
    }

    /// What all length conditions together allow.
    pub(super) fn length(&self) -> LengthRange {
        self.conditions
            .iter()
            .fold(LengthRange::ANY, |range, condition| match condition {
                Condition::Length(other) => LengthRange {
                    min: range.min.max(other.min),
                    max: range.max.min(other.max),
                },
                Condition::Equal { .. } | Condition::StartsWith { .. } => range,
            })
    }
}

impl Condition {
    fn parse(value: Value) -> Option<Self> {
        match value {
            Value::Object(members) => {
                let mut members = members.into_iter();
                let (name, value) = members.next()?;
                if members.next().is_some() {
                    return None;
                }
                Some(Self::Equal {
                    name: name.to_ascii_lowercase(),
                    value: text(value)?,
                })
            }
            Value::Array(items) => {
                let [operator, first, second] = <[Value; 3]>::try_from(items).ok()?;
                Self::from_triple(operator.as_str()?, &first, second)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        }
    }

    fn from_triple(operator: &str, first: &Value, second: Value) -> Option<Self> {
        let name = |value: &Value| {
            value
                .as_str()?
                .strip_prefix('$')
                .map(str::to_ascii_lowercase)
        };
        match operator.to_ascii_lowercase().as_str() {
            "eq" => Some(Self::Equal {
                name: name(first)?,
                value: text(second)?,
            }),
            "starts-with" => Some(Self::StartsWith {
                name: name(first)?,
                prefix: text(second)?,
            }),
            "content-length-range" => {
                let (min, max) = (bytes(first)?, bytes(&second)?);
                (min <= max).then_some(Self::Length(LengthRange { min, max }))
            }
            _ => None,
        }
    }

    /// Whether the form fits. A field that is not there is an empty one: it fits a condition that asks for
    /// nothing.
    pub(super) fn holds<'f>(&self, subject: impl Fn(&str) -> Option<&'f str>) -> bool {
        match self {
            Self::Equal { name, value } => subject(name).unwrap_or("") == value,
            // Several content types are a list, and each of them must fit.
            Self::StartsWith { name, prefix } if name == "content-type" => subject(name)
                .unwrap_or("")
                .split(',')
                .all(|part| part.trim_ascii().starts_with(prefix.as_str())),
            Self::StartsWith { name, prefix } => {
                subject(name).unwrap_or("").starts_with(prefix.as_str())
            }
            // About the file, which comes later.
            Self::Length(_) => true,
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Equal { name, value } => {
                write!(
                    f,
                    "{}",
                    serde_json::json!(["eq", format!("${name}"), value])
                )
            }
            Self::StartsWith { name, prefix } => {
                write!(
                    f,
                    "{}",
                    serde_json::json!(["starts-with", format!("${name}"), prefix])
                )
            }
            Self::Length(LengthRange { min, max }) => {
                write!(
                    f,
                    "{}",
                    serde_json::json!(["content-length-range", min, max])
                )
            }
        }
    }
}

/// A value to compare with: a text, or a number that somebody wrote without quotes.
fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A length: a number, or the digits of one.
fn bytes(value: &Value) -> Option<u64> {
    value
        .as_u64()
        .or_else(|| decimal(value.as_str()?.as_bytes()))
}

/// Reads `2015-12-30T12:00:00Z`, with or without a fraction of a second.
fn expiration(text: &str) -> Option<u64> {
    let (whole, fraction) = match text.strip_suffix('Z')?.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text.strip_suffix('Z')?, None),
    };
    if let Some(fraction) = fraction
        && (fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()))
    {
        return None;
    }
    let [
        y3,
        y2,
        y1,
        y0,
        b'-',
        m1,
        m0,
        b'-',
        d1,
        d0,
        b'T',
        h1,
        h0,
        b':',
        i1,
        i0,
        b':',
        s1,
        s0,
    ] = *whole.as_bytes()
    else {
        return None;
    };
    let basic = [
        y3, y2, y1, y0, m1, m0, d1, d0, b'T', h1, h0, i1, i0, s1, s0, b'Z',
    ];
    Timestamp::parse(std::str::from_utf8(&basic).ok()?).map(Timestamp::unix)
}

/// A policy has two escapes more than JSON: `\$` and `\v`. Source: "Creating a POST Policy", "Character Escaping".
fn unescape(json: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(json.len());
    let mut bytes = json.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            plain.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'$') => plain.push(b'$'),
            Some(b'v') => plain.extend_from_slice(b"\\u000b"),
            Some(other) => plain.extend_from_slice(&[b'\\', other]),
            None => plain.push(b'\\'),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(conditions: &str) -> Result<Policy, PolicyFault> {
        let json =
            format!(r#"{{"expiration":"2030-01-01T00:00:00Z","conditions":[{conditions}]}}"#);
        Policy::parse(json.as_bytes())
    }

    fn only(conditions: &str) -> Condition {
        policy(conditions).unwrap().conditions.pop().unwrap()
    }

    #[test]
    fn operators_and_names_are_read_without_regard_to_case() {
        let expected = Condition::Equal {
            name: "acl".into(),
            value: "Private".into(),
        };
        assert_eq!(only(r#"{"aCl": "Private"}"#), expected);
        assert_eq!(only(r#"["EQ", "$AcL", "Private"]"#), expected);
        assert_eq!(
            only(r#"["StArTs-WiTh", "$KeY", "foo"]"#),
            Condition::StartsWith {
                name: "key".into(),
                prefix: "foo".into()
            }
        );
        assert_eq!(
            only(r#"["Content-Length-Range", 1, "10"]"#),
            Condition::Length(LengthRange { min: 1, max: 10 })
        );
    }

    #[test]
    fn malformed_conditions_are_refused() {
        for condition in [
            "{}",
            r#"{"a":"1","b":"2"}"#,
            r#"{"a":null}"#,
            r#"{"a":true}"#,
            r#"{"a":["b"]}"#,
            r#""eq""#,
            "1",
            "[]",
            r#"["eq","$a"]"#,
            r#"["eq","a","b"]"#,
            r#"["eq","$a","b","c"]"#,
            r#"["ne","$a","b"]"#,
            r#"["content-length-range",-1,0]"#,
            r#"["content-length-range",0]"#,
            r#"["content-length-range",2,1]"#,
            r#"["content-length-range",0.5,1]"#,
            r#"["content-length-range","","1"]"#,
        ] {
            assert_eq!(
                policy(condition).unwrap_err(),
                PolicyFault::Condition { number: 1 },
                "{condition}"
            );
        }
    }

    #[test]
    fn malformed_policies_are_refused() {
        for json in [
            "",
            "[]",
            r#"{"conditions":[]}"#,
            r#"{"expiration":"2030-01-01T00:00:00Z"}"#,
            r#"{"EXPIRATION":"2030-01-01T00:00:00Z","conditions":[]}"#,
            r#"{"expiration":"2030-01-01T00:00:00Z","CONDITIONS":[]}"#,
            r#"{"expiration":"2030-01-01T00:00:00Z","conditions":[],"more":1}"#,
            r#"{"expiration":"2030-01-01T00:00:00Z","expiration":"2031-01-01T00:00:00Z","conditions":[]}"#,
            r#"{"expiration":1,"conditions":[]}"#,
        ] {
            assert!(
                matches!(
                    Policy::parse(json.as_bytes()),
                    Err(PolicyFault::Json { .. })
                ),
                "{json}"
            );
        }
        let deep = format!(
            r#"{{"expiration":"2030-01-01T00:00:00Z","conditions":{}{}}}"#,
            "[".repeat(10_000),
            "]".repeat(10_000)
        );
        assert!(matches!(
            Policy::parse(deep.as_bytes()),
            Err(PolicyFault::Json { .. } | PolicyFault::TooLong)
        ));
    }

    #[test]
    fn a_policy_has_a_bound_on_its_bytes_and_conditions() {
        let padded = |bytes: usize| {
            let json = r#"{"expiration":"2030-01-01T00:00:00Z","conditions":[]}"#;
            format!("{json}{}", " ".repeat(bytes - json.len()))
        };
        assert!(Policy::parse(padded(POLICY_BYTES_MAX).as_bytes()).is_ok());
        assert_eq!(
            Policy::parse(padded(POLICY_BYTES_MAX + 1).as_bytes()).unwrap_err(),
            PolicyFault::TooLong
        );
        let conditions = |count| vec![r#"{"a":""}"#; count].join(",");
        assert!(policy(&conditions(POLICY_CONDITIONS_MAX)).is_ok());
        assert_eq!(
            policy(&conditions(POLICY_CONDITIONS_MAX + 1)).unwrap_err(),
            PolicyFault::TooManyConditions
        );
    }

    #[test]
    fn the_end_is_read_with_and_without_a_fraction() {
        assert_eq!(expiration("2015-12-30T12:00:00Z"), Some(1_451_476_800));
        assert_eq!(expiration("2015-12-30T12:00:00.000Z"), Some(1_451_476_800));
        for text in [
            "",
            "Z",
            "2015-12-30T12:00:00",
            "2015-12-30 12:00:00Z",
            "2015-12-30T12:00:00.Z",
            "2015-12-30T12:00:00.+1Z",
            "2015-13-30T12:00:00Z",
            "20151230T120000Z",
            "2015-12-30T12:00:00+00:00",
        ] {
            assert_eq!(expiration(text), None, "{text}");
        }
    }

    #[test]
    fn an_escaped_dollar_and_an_escaped_backslash_are_read() {
        assert_eq!(
            only(r#"["eq", "$key", "\$foo"]"#),
            Condition::Equal {
                name: "key".into(),
                value: "$foo".into()
            }
        );
        assert_eq!(
            only(r#"["eq", "$key", "\\$foo\v"]"#),
            Condition::Equal {
                name: "key".into(),
                value: "\\$foo\u{b}".into()
            }
        );
    }

    #[test]
    fn all_lengths_that_are_asked_for_hold_together() {
        let policy =
            policy(r#"["content-length-range",1,10],["content-length-range",5,20]"#).unwrap();
        let range = policy.length();
        assert_eq!((range.min(), range.max()), (5, 10));
        assert_eq!(
            range.check_whole(4),
            Err(FormError::TooSmall { bytes: 4, min: 5 })
        );
        assert_eq!(range.check_whole(5), Ok(()));
        assert_eq!(range.check_whole(10), Ok(()));
        assert_eq!(range.check_whole(11), Err(FormError::TooLarge { max: 10 }));
        assert_eq!(range.check_so_far(11), Err(FormError::TooLarge { max: 10 }));
        assert_eq!(range.check_so_far(0), Ok(()));
    }

    #[test]
    fn each_of_several_content_types_must_fit() {
        let condition = only(r#"["starts-with", "$Content-Type", "image/"]"#);
        let fits = |value| condition.holds(|name| (name == "content-type").then_some(value));
        assert!(fits("image/png"));
        assert!(fits("image/png, image/jpeg"));
        assert!(!fits("image/png,text/html"));
        assert!(!fits(""));
    }
}
