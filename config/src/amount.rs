//! Amounts as people write them: `10 GiB`, `500M`, `1_000`.

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error as _};

/// A number of bytes, objects or requests, read with or without a unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(pub u64);

/// Units, the largest first of each kind. Source: IEC 80000-13 for those with an `i`, SI for those without.
const UNITS: [(&str, u64); 8] = [
    ("Ti", 1 << 40),
    ("Gi", 1 << 30),
    ("Mi", 1 << 20),
    ("Ki", 1 << 10),
    ("T", 1_000_000_000_000),
    ("G", 1_000_000_000),
    ("M", 1_000_000),
    ("K", 1_000),
];

/// Why a text is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAmount {
    /// It begins with no digit.
    #[error(
        "this is a number, with K, M, G, T or Ki, Mi, Gi, Ti behind it if you like: 10 GiB, 500M"
    )]
    Number,
    /// What comes behind the number is no unit.
    #[error("the unit is K, M, G, T (thousands) or Ki, Mi, Gi, Ti (of 1,024): 10 GiB, 500M")]
    Unit,
    /// It is more than 2^64 − 1.
    #[error("this is more than 18,446,744,073,709,551,615")]
    Range,
}

impl FromStr for Amount {
    type Err = NotAnAmount;

    fn from_str(text: &str) -> Result<Self, NotAnAmount> {
        let text = text.trim();
        let end = text.find(|it: char| !it.is_ascii_digit() && it != '_');
        let (number, unit) = text.split_at(end.unwrap_or(text.len()));
        let digits = number.replace('_', "");
        if digits.is_empty() {
            return Err(NotAnAmount::Number);
        }
        let unit = unit.trim();
        let bare = unit.strip_suffix('B').unwrap_or(unit);
        let is_meant = |(name, _): &&(&str, u64)| *name == bare || (bare == "k" && *name == "K");
        let times = match UNITS.iter().find(is_meant) {
            Some((_, times)) => *times,
            None if bare.is_empty() => 1,
            None => return Err(NotAnAmount::Unit),
        };
        let number: u64 = digits.parse().map_err(|_| NotAnAmount::Range)?;
        number
            .checked_mul(times)
            .map(Self)
            .ok_or(NotAnAmount::Range)
    }
}

/// As bytes, exactly: `10 GiB`, and in digits alone where no unit divides it.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let divides = |(name, size): &&(&str, u64)| {
            name.ends_with('i') && self.0 >= *size && self.0.is_multiple_of(*size)
        };
        match UNITS.iter().find(divides) {
            Some((name, size)) => write!(f, "{} {name}B", self.0 / size),
            None => write!(f, "{}", self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_read_with_or_without_a_unit() {
        for (text, amount) in [
            ("0", 0),
            (" 1_000 ", 1_000),
            ("10Gi", 10 << 30),
            ("10 GiB", 10 << 30),
            ("500M", 500_000_000),
            ("5kB", 5_000),
            ("7 B", 7),
            ("16777215Ti", 16_777_215 << 40),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(text.parse(), Ok(Amount(amount)), "{text}");
        }
        for (text, fault) in [
            ("", NotAnAmount::Number),
            ("_", NotAnAmount::Number),
            ("GiB", NotAnAmount::Number),
            ("-1", NotAnAmount::Number),
            ("1.5G", NotAnAmount::Unit),
            ("10 GiBB", NotAnAmount::Unit),
            ("16777216Ti", NotAnAmount::Range),
            ("18446744073709551616", NotAnAmount::Range),
        ] {
            assert_eq!(text.parse::<Amount>(), Err(fault), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_as_the_same() {
        for (amount, text) in [
            (1_536, "1536"),
            (3 << 20, "3 MiB"),
            (2_000, "2000"),
            (0, "0"),
        ] {
            assert_eq!(Amount(amount).to_string(), text);
            assert_eq!(text.parse(), Ok(Amount(amount)));
        }
    }
}
