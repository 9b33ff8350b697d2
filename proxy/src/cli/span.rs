//! Time at the command line: spans such as `90s`, `15m`, `24h`, `7d`, and moments.

use std::str::FromStr;

use jiff::Timestamp;
use postern_config::UnixSeconds;

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

/// A moment: a date, a time, or a span from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// So far away from now.
    In(Span),
    /// At this second.
    At(UnixSeconds),
}

/// The text is no moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a moment is a date (2026-12-31), a time (2026-12-31T18:00:00Z), or a span from now (90d)")]
pub(super) struct NotAMoment;

impl When {
    /// The moment, where a span lies ahead of now.
    pub(super) fn seconds(self, now: UnixSeconds) -> UnixSeconds {
        match self {
            Self::In(Span(seconds)) => UnixSeconds(now.0.saturating_add(seconds)),
            Self::At(at) => at,
        }
    }

    /// The moment, where a span lies behind now.
    pub(super) fn ago(self, now: UnixSeconds) -> UnixSeconds {
        match self {
            Self::In(Span(seconds)) => UnixSeconds(now.0.saturating_sub(seconds)),
            Self::At(at) => at,
        }
    }
}

impl FromStr for When {
    type Err = NotAMoment;

    fn from_str(text: &str) -> Result<Self, NotAMoment> {
        if let Ok(span) = text.parse() {
            return Ok(Self::In(span));
        }
        let whole = if text.contains('T') {
            text.to_owned()
        } else {
            format!("{text}T00:00:00Z")
        };
        let at: Timestamp = whole.parse().map_err(|_| NotAMoment)?;
        let seconds = u64::try_from(at.as_second()).map_err(|_| NotAMoment)?;
        Ok(Self::At(UnixSeconds(seconds)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_date_a_time_or_a_span_from_now() {
        let now = UnixSeconds(1_000_000);
        let at = |text: &str| text.parse::<When>().map(|when| when.seconds(now).0);
        assert_eq!(at("1d"), Ok(1_086_400));
        assert_eq!(at("2026-01-01"), Ok(1_767_225_600));
        assert_eq!(at("2026-01-01T01:00:00+01:00"), Ok(1_767_225_600));
        assert_eq!(
            "1d".parse::<When>().map(|when| when.ago(now).0),
            Ok(913_600)
        );
        for wrong in ["", "tomorrow", "2026-13-01", "1960-01-01"] {
            assert_eq!(at(wrong), Err(NotAMoment), "{wrong}");
        }
    }

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
