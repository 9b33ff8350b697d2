//! Values as people write them: sizes, times, domains, regions.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::{Amount, NotAnAmount};

use super::{Destination, Domain, LogLevel, Person, Region};

/// Why a text is not the value that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum ValueError {
    #[error("not a number")]
    Number,
    #[error("not a unit")]
    Unit,
    #[error("out of range")]
    Range,
    #[error("not such a name")]
    Name,
}

/// Why a text is no person of the admin listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a name and a hash")]
pub struct NotAPerson;

impl FromStr for Person {
    type Err = NotAPerson;

    fn from_str(text: &str) -> Result<Self, NotAPerson> {
        let (name, hash) = text.split_once(':').ok_or(NotAPerson)?;
        let mut token = [0; 32];
        hex::decode_to_slice(hash.trim(), &mut token).map_err(|_| NotAPerson)?;
        let name = name.trim().parse().map_err(|_| NotAPerson)?;
        Ok(Self { name, token })
    }
}

/// Why a text is no place off this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither an absolute path nor an `https://` URL")]
pub struct NotAPlace;

impl FromStr for Destination {
    type Err = NotAPlace;

    fn from_str(text: &str) -> Result<Self, NotAPlace> {
        let text = text.trim();
        if text.starts_with('/') {
            return Ok(Self::Folder(text.into()));
        }
        let is_whole = text
            .strip_prefix("https://")
            .is_some_and(|rest| !rest.is_empty() && !rest.contains(['?', '#', ' ']));
        if is_whole {
            Ok(Self::Endpoint(text.trim_end_matches('/').to_owned()))
        } else {
            Err(NotAPlace)
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "{}", path.display()),
            Self::Endpoint(url) => f.write_str(url),
        }
    }
}

/// Digits, with `_` between them if so liked.
pub(super) fn count(text: &str) -> Result<u64, ValueError> {
    let digits: String = text.trim().chars().filter(|c| *c != '_').collect();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ValueError::Number);
    }
    digits.parse().map_err(|_| ValueError::Range)
}

/// Digits and a unit of 1,024s or thousands; bytes without one.
pub(super) fn bytes(text: &str) -> Result<u64, ValueError> {
    let Amount(bytes) = text.parse().map_err(|fault| match fault {
        NotAnAmount::Number => ValueError::Number,
        NotAnAmount::Unit => ValueError::Unit,
        NotAnAmount::Range => ValueError::Range,
    })?;
    Ok(bytes)
}

/// Digits and a unit of time; seconds without one.
pub(super) fn millis(text: &str) -> Result<u64, ValueError> {
    let (number, unit) = split(text);
    let factor: u64 = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        _ => return Err(ValueError::Unit),
    };
    count(number)?.checked_mul(factor).ok_or(ValueError::Range)
}

pub(super) fn within(value: u64, range: &RangeInclusive<u64>) -> Result<u64, ValueError> {
    if range.contains(&value) {
        Ok(value)
    } else {
        Err(ValueError::Range)
    }
}

pub(super) fn show_millis(millis: u64) -> String {
    let units = [(3_600_000, "h"), (60_000, "min"), (1_000, "s")];
    let unit = units
        .into_iter()
        .find(|(size, _)| millis >= *size && millis.is_multiple_of(*size));
    unit.map_or_else(
        || format!("{millis} ms"),
        |(size, name)| format!("{} {name}", millis / size),
    )
}

fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '_')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number, unit.trim())
}

impl Domain {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `self` is `other` or lies below it.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        let above = self.0.strip_suffix(&*other.0);
        above.is_some_and(|labels| labels.is_empty() || labels.ends_with('.'))
    }
}

impl FromStr for Domain {
    type Err = NotADomain;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_label = |label: &str| {
            let (first, last) = (label.bytes().next(), label.bytes().last());
            (1..=63).contains(&label.len())
                && first.is_some_and(plain)
                && last.is_some_and(plain)
                && label.bytes().all(|byte| plain(byte) || byte == b'-')
        };
        let fits = text.len() <= 253
            && text.split('.').all(is_label)
            && text.parse::<std::net::Ipv4Addr>().is_err();
        fits.then(|| Self(text.into())).ok_or(NotADomain)
    }
}

/// The text is not a domain name in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a domain name in lower case")]
pub struct NotADomain;

impl Region {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Region {
    type Err = NotARegion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let fits = (1..=64).contains(&text.len())
            && text.bytes().next().is_some_and(plain)
            && text.bytes().all(|byte| plain(byte) || byte == b'-');
        fits.then(|| Self(text.into())).ok_or(NotARegion)
    }
}

/// The text is not the name of a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a region")]
pub struct NotARegion;

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One of a few words.
pub(super) fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, ValueError> {
    let found = words.iter().find(|(word, _)| *word == text);
    found.map(|(_, value)| *value).ok_or(ValueError::Name)
}

impl LogLevel {
    /// Every level, the gravest first.
    pub(super) const ALL: [(&'static str, Self); 5] = [
        ("error", Self::Error),
        ("warn", Self::Warn),
        ("info", Self::Info),
        ("debug", Self::Debug),
        ("trace", Self::Trace),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_read_as_people_write_them() {
        assert_eq!(bytes("65536"), Ok(65_536));
        assert_eq!(bytes("64 KiB"), Ok(65_536));
        assert_eq!(bytes("1_000"), Ok(1_000));
        assert_eq!(bytes("64 kb"), Err(ValueError::Unit));
        assert_eq!(bytes("-1"), Err(ValueError::Number));
        assert_eq!(bytes("18446744073709551615 TiB"), Err(ValueError::Range));
        assert_eq!(millis("500 ms"), Ok(500));
        assert_eq!(millis("30"), Ok(30_000));
        assert_eq!(millis("2min"), Ok(120_000));
        assert_eq!(millis("soon"), Err(ValueError::Unit));
        assert_eq!(show_millis(90_000), "90 s");
    }

    #[test]
    fn domains_in_each_other_are_noticed() {
        let domain = |text: &str| text.parse::<Domain>().unwrap();
        assert!(domain("a.example.org").is_within(&domain("example.org")));
        assert!(domain("example.org").is_within(&domain("example.org")));
        assert!(!domain("aexample.org").is_within(&domain("example.org")));
        for text in ["", ".", "a.", "A.org", "-a.org", "10.0.0.1", "a..b"] {
            assert!(text.parse::<Domain>().is_err(), "{text:?}");
        }
    }
}
