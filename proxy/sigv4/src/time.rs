//! The two ways in which a signature writes time: `20130524` and `20130524T000000Z`.

use std::fmt;

const SECONDS_A_DAY: u64 = 86_400;
/// The last second of the year 9999, the last that four digits can say.
const UNIX_SECONDS_MAX: u64 = 253_402_300_799;

/// A second in UTC between the years 1970 and 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    seconds: u64,
}

impl Timestamp {
    /// The second `seconds` after 1970-01-01T00:00:00Z; later than the year 9999 counts as its last second.
    pub const fn from_unix(seconds: u64) -> Self {
        if seconds > UNIX_SECONDS_MAX {
            Self {
                seconds: UNIX_SECONDS_MAX,
            }
        } else {
            Self { seconds }
        }
    }

    /// Reads the basic form of ISO 8601, `YYYYMMDDTHHMMSSZ`, and no other.
    pub fn parse(text: &str) -> Option<Self> {
        let (date, rest) = text.as_bytes().split_first_chunk::<8>()?;
        let [b'T', h1, h0, m1, m0, s1, s0, b'Z'] = *rest else {
            return None;
        };
        let date = Date::from_digits(*date)?;
        let (hour, minute, second) = (two(h1, h0)?, two(m1, m0)?, two(s1, s0)?);
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        Some(Self {
            seconds: date.unix_day()? * SECONDS_A_DAY + hour * 3_600 + minute * 60 + second,
        })
    }

    /// Reads what a `Date` header may hold: an HTTP date, or the basic form of ISO 8601.
    pub(crate) fn parse_http(text: &str) -> Option<Self> {
        Self::parse(text).or_else(|| {
            let time = httpdate::parse_http_date(text).ok()?;
            let seconds = time.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs();
            (seconds <= UNIX_SECONDS_MAX).then_some(Self { seconds })
        })
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub const fn unix(self) -> u64 {
        self.seconds
    }

    /// The day it is in UTC.
    pub fn date(self) -> Date {
        Date::from_unix_day(self.seconds / SECONDS_A_DAY)
    }

    /// As a signature writes it: `YYYYMMDDTHHMMSSZ`.
    pub fn basic(self) -> [u8; 16] {
        let [y3, y2, y1, y0, m1, m0, d1, d0] = self.date().digits;
        let second = self.seconds % SECONDS_A_DAY;
        let [h1, h0] = digits(second / 3_600);
        let [i1, i0] = digits(second / 60 % 60);
        let [s1, s0] = digits(second % 60);
        [
            y3, y2, y1, y0, m1, m0, d1, d0, b'T', h1, h0, i1, i0, s1, s0, b'Z',
        ]
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.basic()
            .iter()
            .try_for_each(|&byte| fmt::Write::write_char(f, char::from(byte)))
    }
}

/// A day in UTC, as eight digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    // INVARIANT: digits of a day that exists, from 1970 to 9999.
    digits: [u8; 8],
}

impl Date {
    /// Reads `YYYYMMDD`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::from_digits(
            *text
                .as_bytes()
                .first_chunk::<8>()
                .filter(|_| text.len() == 8)?,
        )
    }

    /// The eight digits.
    pub const fn digits(&self) -> &[u8; 8] {
        &self.digits
    }

    fn from_digits(digits: [u8; 8]) -> Option<Self> {
        let date = Self { digits };
        date.unix_day()?;
        Some(date)
    }

    /// Days since 1970-01-01, or nothing where the digits name no day. The arithmetic is that of Howard Hinnant,
    /// "chrono-compatible low-level date algorithms", with March as the first month.
    fn unix_day(self) -> Option<u64> {
        let [y3, y2, y1, y0, m1, m0, d1, d0] = self.digits;
        let year = two(y3, y2)? * 100 + two(y1, y0)?;
        let (month, day) = (two(m1, m0)?, two(d1, d0)?);
        if year < 1_970 || day == 0 || day > days_in(year, month)? {
            return None;
        }
        let (year, month) = if month > 2 {
            (year, month - 3)
        } else {
            (year - 1, month + 9)
        };
        let (era, of_era) = (year / 400, year % 400);
        let of_year = (153 * month + 2) / 5 + day - 1;
        Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
    }

    fn from_unix_day(day: u64) -> Self {
        let day = day + 719_468;
        let (era, of_era) = (day / 146_097, day % 146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let (year, month) = if month < 10 {
            (0, month + 3)
        } else {
            (1, month - 9)
        };
        let year = era * 400 + year_of_era + year;
        let ([y3, y2], [y1, y0]) = (digits(year / 100), digits(year % 100));
        let ([m1, m0], [d1, d0]) = (digits(month), digits(day));
        Self {
            digits: [y3, y2, y1, y0, m1, m0, d1, d0],
        }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.digits
            .iter()
            .try_for_each(|&byte| fmt::Write::write_char(f, char::from(byte)))
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

const fn days_in(year: u64, month: u64) -> Option<u64> {
    Some(match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        _ => return None,
    })
}

const fn two(tens: u8, ones: u8) -> Option<u64> {
    if tens.is_ascii_digit() && ones.is_ascii_digit() {
        Some((tens - b'0') as u64 * 10 + (ones - b'0') as u64)
    } else {
        None
    }
}

/// The last two decimal digits of `number`.
fn digits(number: u64) -> [u8; 2] {
    let digit = |n: u64| b'0' + u8::try_from(n % 10).unwrap_or(0);
    [digit(number / 10), digit(number)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_and_written_alike() {
        for (text, unix) in [
            ("19700101T000000Z", 0),
            ("20130524T000000Z", 1_369_353_600),
            ("20150830T123600Z", 1_440_938_160),
            ("20240229T235959Z", 1_709_251_199),
            ("20000301T000000Z", 951_868_800),
            ("99991231T235959Z", UNIX_SECONDS_MAX),
        ] {
            let time = Timestamp::parse(text).unwrap();
            assert_eq!(time.unix(), unix, "{text}");
            assert_eq!(time.to_string(), text);
            assert!(text.starts_with(&time.date().to_string()));
            assert_eq!(Timestamp::from_unix(unix), time);
        }
    }

    #[test]
    fn each_day_of_five_centuries_is_read_as_it_is_written() {
        for day in 0..183_000_u64 {
            assert_eq!(Date::from_unix_day(day).unix_day(), Some(day));
        }
    }

    #[test]
    fn times_that_are_not_are_refused() {
        for text in [
            "",
            "20130524",
            "20130524T000000",
            "20130524t000000Z",
            "20130524T000000z",
            "20130524T240000Z",
            "20130524T006000Z",
            "20130524T000060Z",
            "20130532T000000Z",
            "20130001T000000Z",
            "20131301T000000Z",
            "20230229T000000Z",
            "21000229T000000Z",
            "19691231T235959Z",
            "+0130524T000000Z",
            "20130524T000000Z ",
            "2013-05-24T00:00:00Z",
            "２０130524T000000Z",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
        assert_eq!(Date::parse("201305240"), None);
        assert_eq!(Date::parse("2013052"), None);
    }

    #[test]
    fn a_date_header_may_be_an_http_date() {
        let expected = Timestamp::parse("20130524T000000Z");
        assert_eq!(
            Timestamp::parse_http("Fri, 24 May 2013 00:00:00 GMT"),
            expected
        );
        assert_eq!(Timestamp::parse_http("20130524T000000Z"), expected);
        assert_eq!(Timestamp::parse_http("yesterday"), None);
    }
}
