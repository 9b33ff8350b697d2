//! A span of time at the command line: `90s`, `15m`, `24h`, `7d`.

use std::str::FromStr;

/// A span of time, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span(pub(super) u64);

/// The text is no span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a span of time is a number with s, m, h or d behind it: 24h")]
pub(super) struct NotASpan;

impl FromStr for Span {
    type Err = NotASpan;

    fn from_str(text: &str) -> Result<Self, NotASpan> {
        let unit = match text.as_bytes().last() {
            Some(b's') => 1,
            Some(b'm') => 60,
            Some(b'h') => 60 * 60,
            Some(b'd') => 24 * 60 * 60,
            _ => return Err(NotASpan),
        };
        let number: u64 = text
            .get(..text.len() - 1)
            .and_then(|number| number.parse().ok())
            .ok_or(NotASpan)?;
        number.checked_mul(unit).map(Self).ok_or(NotASpan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_number_with_its_unit() {
        let seconds = ["90s", "15m", "24h", "7d"].map(|text| text.parse().map(|Span(it)| it));
        assert_eq!(seconds, [Ok(90), Ok(900), Ok(86_400), Ok(604_800)]);
        for wrong in [
            "24",
            "h",
            "",
            "-1h",
            "1.5h",
            "24 h",
            "99999999999999999999d",
            "1ü",
        ] {
            assert_eq!(wrong.parse::<Span>(), Err(NotASpan), "{wrong}");
        }
    }
}
