//! Values as text, and text as values. Nothing here allocates: it runs on each walk of a tree.

use std::fmt::{self, Write};
use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;

use crate::facts::Value;

/// The text of a value, as questions about text see it.
pub(super) enum TextOf<'a> {
    Borrowed(&'a [u8]),
    Rendered(Rendered),
}

impl<'a> TextOf<'a> {
    pub(super) fn new(value: Value<'a>) -> Self {
        match value {
            Value::Text(bytes) => Self::Borrowed(bytes),
            Value::Bool(truth) => Self::Borrowed(if truth { b"true" } else { b"false" }),
            Value::Number(_) | Value::Time(_) | Value::Address(_) | Value::Network(_) => {
                Self::Rendered(Rendered::of(value))
            }
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Rendered(rendered) => rendered.bytes.get(..rendered.length).unwrap_or_default(),
        }
    }
}

pub(super) struct Rendered {
    bytes: [u8; Self::ROOM],
    length: usize,
}

impl Rendered {
    /// The longest is a block of IPv6 addresses: 39 characters, a slash and 3 digits.
    const ROOM: usize = 48;

    fn of(value: Value<'_>) -> Self {
        let mut rendered = Self {
            bytes: [0; Self::ROOM],
            length: 0,
        };
        // Nothing below is longer than the room; if it were, it would be cut, alike in walk and evaluation.
        let written = match value {
            Value::Text(_) | Value::Bool(_) => Ok(()),
            Value::Number(number) => write_fixed_point(&mut rendered, number),
            Value::Time(seconds) => match Timestamp::from_second(seconds) {
                Ok(moment) => write!(rendered, "{moment}"),
                Err(_) => write!(rendered, "{seconds}"),
            },
            Value::Address(address) => write!(rendered, "{address}"),
            Value::Network(network) => write!(rendered, "{network}"),
        };
        debug_assert!(written.is_ok(), "a value longer than {} bytes", Self::ROOM);
        rendered
    }
}

impl Write for Rendered {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length.saturating_add(text.len());
        let room = self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

fn write_fixed_point(out: &mut impl Write, number: i64) -> fmt::Result {
    let (whole, fraction) = (number.unsigned_abs() / 1_000, number.unsigned_abs() % 1_000);
    if number < 0 {
        out.write_char('-')?;
    }
    write!(out, "{whole}")?;
    match (fraction, fraction % 10, fraction % 100) {
        (0, _, _) => Ok(()),
        (_, _, 0) => write!(out, ".{}", fraction / 100),
        (_, 0, _) => write!(out, ".{:02}", fraction / 10),
        _ => write!(out, ".{fraction:03}"),
    }
}

/// A value as text, for people and for files: what questions about text see, and what [`fixed_point`], [`moment`] and
/// [`network`] read.
pub fn written(value: Value<'_>) -> String {
    String::from_utf8_lossy(TextOf::new(value).as_bytes()).into_owned()
}

/// Reads a decimal number into thousandths. Digits behind the third are dropped.
pub fn fixed_point(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.trim_ascii();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let only_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !only_digits(whole) || !only_digits(fraction) {
        return None;
    }
    let whole: i64 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let thousandths = fraction
        .bytes()
        .chain(std::iter::repeat(b'0'))
        .take(3)
        .fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    let number = whole.checked_mul(1_000)?.checked_add(thousandths)?;
    Some(if negative { -number } else { number })
}

/// Reads a moment into seconds since 1970: RFC 3339, an ISO 8601 date with or without a time (then UTC), or seconds.
pub fn moment(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.trim_ascii();
    if let Ok(seconds) = text.parse::<i64>() {
        return Some(seconds);
    }
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment.as_second());
    }
    let utc = |civil: DateTime| {
        Offset::UTC
            .to_timestamp(civil)
            .ok()
            .map(Timestamp::as_second)
    };
    if let Ok(civil) = text.parse::<DateTime>() {
        return utc(civil);
    }
    text.parse::<Date>()
        .ok()
        .and_then(|day| utc(day.at(0, 0, 0, 0)))
}

/// Reads a block of addresses in CIDR notation; a bare address is a block of one. Host bits are dropped.
pub fn network(text: &[u8]) -> Option<IpNet> {
    let text = std::str::from_utf8(text).ok()?.trim_ascii();
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(IpNet::from(address.to_canonical()));
    }
    text.parse::<IpNet>()
        .ok()
        .map(|network| canonical(&network))
}

/// A block of IPv4 addresses that is written as IPv6 (`::ffff:10.0.0.0/104`) is the block of IPv4 addresses.
pub(super) fn canonical(network: &IpNet) -> IpNet {
    if let IpNet::V6(six) = network
        && let Some(four) = six.addr().to_ipv4_mapped()
        && let Some(length) = six.prefix_len().checked_sub(96)
        && let Ok(mapped) = IpNet::new(IpAddr::V4(four), length)
    {
        return mapped.trunc();
    }
    network.trunc()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: Value<'_>) -> String {
        String::from_utf8(TextOf::new(value).as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn numbers_are_written_as_short_as_they_can_be() {
        for (number, written) in [
            (0, "0"),
            (1_000, "1"),
            (1_500, "1.5"),
            (1_050, "1.05"),
            (1_005, "1.005"),
            (-1, "-0.001"),
            (-2_000, "-2"),
            (i64::MIN, "-9223372036854775.808"),
        ] {
            assert_eq!(text(Value::Number(number)), written);
        }
    }

    #[test]
    fn numbers_are_read_as_they_are_written() {
        for number in [0, 1, 10, 999, 1_000, -1, -999, 123_456_789, i64::MAX] {
            assert_eq!(
                fixed_point(text(Value::Number(number)).as_bytes()),
                Some(number)
            );
        }
        for wrong in [
            "",
            "-",
            ".",
            "1.2.3",
            "1e3",
            "0x10",
            " ",
            "9223372036854775808",
            "--1",
        ] {
            assert_eq!(fixed_point(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(fixed_point(b"1.23456"), Some(1_234));
        assert_eq!(fixed_point(b".5"), Some(500));
    }

    #[test]
    fn every_writing_of_a_moment_means_the_same_second() {
        for writing in [
            "1767225600",
            "2026-01-01T00:00:00Z",
            "2026-01-01T01:00:00+01:00",
            "2026-01-01T00:00:00",
            "2026-01-01",
        ] {
            assert_eq!(moment(writing.as_bytes()), Some(1_767_225_600), "{writing}");
        }
        assert_eq!(moment(b"yesterday"), None);
        assert_eq!(text(Value::Time(1_767_225_600)), "2026-01-01T00:00:00Z");
        assert_eq!(text(Value::Time(i64::MAX)), i64::MAX.to_string());
    }

    #[test]
    fn the_longest_block_of_addresses_fits_the_room() {
        let longest: IpNet = "1111:2222:3333:4444:5555:6666:7777:8888/128"
            .parse()
            .unwrap();
        assert_eq!(text(Value::Network(longest)), longest.to_string());
    }

    #[test]
    fn a_block_is_read_with_host_bits_mapped_addresses_and_bare_addresses() {
        let ten: IpNet = "10.0.0.0/8".parse().unwrap();
        assert_eq!(network(b"10.1.2.3/8"), Some(ten));
        assert_eq!(network(b"::ffff:10.0.0.0/104"), Some(ten));
        assert_eq!(network(b"::ffff:10.0.0.1"), network(b"10.0.0.1/32"));
        assert_eq!(network(b"10.0.0.0/33"), None);
    }
}
