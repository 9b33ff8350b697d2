//! Billing periods and spans of time, in UTC: a day, a month, whatever lies between two moments.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::row::Hour;

/// A day (`2026-11-22`) or a month (`2026-11`) of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period {
    first: Date,
    step: Long,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Long {
    Day,
    Month,
}

/// The text is no period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a billing period is a month or a day of UTC: 2026-11 or 2026-11-22")]
pub struct NotAPeriod;

impl Period {
    /// Its first hour.
    pub fn start(self) -> Hour {
        hour_of(self.first)
    }

    /// The first hour after it.
    pub fn end(self) -> Hour {
        let next = match self.step {
            Long::Day => self.first.tomorrow(),
            Long::Month => self.first.last_of_month().tomorrow(),
        };
        // The last day that there is has no day after it.
        next.map_or(Hour(u32::MAX), hour_of)
    }

    /// The month that an hour is in.
    pub fn month_of(hour: Hour) -> Option<Self> {
        let first = date_of(hour)?.first_of_month();
        Some(Self {
            first,
            step: Long::Month,
        })
    }
}

impl FromStr for Period {
    type Err = NotAPeriod;

    fn from_str(text: &str) -> Result<Self, NotAPeriod> {
        let (whole, step) = match text.len() {
            7 => (format!("{text}-01"), Long::Month),
            10 => (text.to_owned(), Long::Day),
            _ => return Err(NotAPeriod),
        };
        let first: Date = whole.parse().map_err(|_| NotAPeriod)?;
        // Written back it is the same: no sign, no week, no other calendar.
        if first.to_string() != whole || first.year() < 1970 {
            return Err(NotAPeriod);
        }
        Ok(Self { first, step })
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.step {
            Long::Day => write!(f, "{}", self.first),
            Long::Month => write!(f, "{}", self.first.strftime("%Y-%m")),
        }
    }
}

impl TryFrom<String> for Period {
    type Error = NotAPeriod;

    fn try_from(text: String) -> Result<Self, NotAPeriod> {
        text.parse()
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}

/// A moment that a report begins or ends at: `2026-11-22T10:00:00Z`, a day or a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Moment(pub Hour);

/// The text is no moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a moment is a month, a day or a full hour of UTC: 2026-11, 2026-11-22 or 2026-11-22T10:00:00Z"
)]
pub struct NotAMoment;

impl FromStr for Moment {
    type Err = NotAMoment;

    fn from_str(text: &str) -> Result<Self, NotAMoment> {
        if let Ok(period) = text.parse::<Period>() {
            return Ok(Self(period.start()));
        }
        let at: Timestamp = text.parse().map_err(|_| NotAMoment)?;
        let seconds = u64::try_from(at.as_second()).map_err(|_| NotAMoment)?;
        if seconds % 3_600 != 0 || at.subsec_nanosecond() != 0 {
            return Err(NotAMoment);
        }
        let hour = u32::try_from(seconds / 3_600).map_err(|_| NotAMoment)?;
        Ok(Self(Hour(hour)))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_second(self.0.seconds()) {
            Ok(at) => write!(f, "{at}"),
            Err(_) => f.write_str("-"),
        }
    }
}

impl TryFrom<String> for Moment {
    type Error = NotAMoment;

    fn try_from(text: String) -> Result<Self, NotAMoment> {
        text.parse()
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        moment.to_string()
    }
}

/// How long the spans of a report are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A month.
    Month,
    /// The whole report.
    #[default]
    Total,
}

impl Step {
    /// Every step, from the shortest.
    pub const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Month, Self::Total];

    /// The first hour of the span that an hour is in, in a report from `from`.
    pub(super) fn floor(self, hour: Hour, from: Hour) -> Hour {
        match self {
            Self::Hour => hour,
            Self::Day => Hour(hour.0 / 24 * 24),
            Self::Month => Period::month_of(hour).map_or(hour, Period::start),
            Self::Total => from,
        }
    }
}

fn hour_of(date: Date) -> Hour {
    let at = date
        .to_zoned(TimeZone::UTC)
        .map(|at| at.timestamp().as_second());
    let hours = at
        .ok()
        .and_then(|seconds| u32::try_from(seconds / 3_600).ok());
    Hour(hours.unwrap_or(0))
}

fn date_of(hour: Hour) -> Option<Date> {
    let at = Timestamp::from_second(hour.seconds()).ok()?;
    Some(at.to_zoned(TimeZone::UTC).date())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_a_day_or_a_month_of_utc() {
        let day: Period = "2026-11-22".parse().unwrap();
        assert_eq!(day.end().0 - day.start().0, 24);
        assert_eq!(Moment(day.start()).to_string(), "2026-11-22T00:00:00Z");
        let month: Period = "2024-02".parse().unwrap();
        assert_eq!(month.end().0 - month.start().0, 29 * 24);
        assert_eq!(Moment(month.end()).to_string(), "2024-03-01T00:00:00Z");
        for text in ["2026-11-22", "2024-02", "2026-12"] {
            assert_eq!(text.parse::<Period>().unwrap().to_string(), text);
        }
        assert_eq!(Period::month_of(day.start()), "2026-11".parse().ok());
        for wrong in [
            "",
            "2026",
            "2026-13",
            "2026-02-30",
            "2026-2-03",
            "1969-12",
            "20261122",
        ] {
            assert_eq!(wrong.parse::<Period>(), Err(NotAPeriod), "{wrong}");
        }
    }

    #[test]
    fn a_moment_is_a_full_hour() {
        let read = |text: &str| text.parse::<Moment>().map(|it| it.to_string());
        assert_eq!(read("2026-11").as_deref(), Ok("2026-11-01T00:00:00Z"));
        assert_eq!(
            read("2026-11-22T10:00:00Z").as_deref(),
            Ok("2026-11-22T10:00:00Z")
        );
        assert_eq!(
            read("2026-11-22T10:00:00+02:00").as_deref(),
            Ok("2026-11-22T08:00:00Z")
        );
        for wrong in [
            "2026-11-22T10:00:01Z",
            "2026-11-22T10:30:00Z",
            "now",
            "1960-01-01T00:00:00Z",
        ] {
            assert_eq!(read(wrong), Err(NotAMoment), "{wrong}");
        }
    }

    #[test]
    fn a_step_begins_where_its_span_does() {
        let at = |text: &str| text.parse::<Moment>().unwrap().0;
        let (from, hour) = (at("2026-10-05"), at("2026-11-22T10:00:00Z"));
        assert_eq!(Step::Hour.floor(hour, from), hour);
        assert_eq!(Step::Day.floor(hour, from), at("2026-11-22"));
        assert_eq!(Step::Month.floor(hour, from), at("2026-11"));
        assert_eq!(Step::Total.floor(hour, from), from);
    }
}
