//! Times on the wire: HTTP's dates in headers, ISO 8601 with milliseconds in documents.

use std::time::{Duration, UNIX_EPOCH};

use httpdate::HttpDate;
use jiff::Timestamp;

/// The last millisecond that both formats can write in every time zone: nearly the end of the year 9999.
const LAST_MS: u64 = 253_402_207_200_000;

/// `Sun, 06 Nov 1994 08:49:37 GMT`. Source: RFC 9110, section 5.6.7.
pub fn http(ms: u64) -> String {
    let time = UNIX_EPOCH + Duration::from_secs(ms.min(LAST_MS) / 1_000);
    HttpDate::from(time).to_string()
}

/// Seconds since 1970 of any of HTTP's three date formats.
pub fn parse_http(text: &str) -> Option<i64> {
    let time = httpdate::parse_http_date(text.trim()).ok()?;
    let seconds = time.duration_since(UNIX_EPOCH).ok()?.as_secs();
    i64::try_from(seconds).ok()
}

/// Seconds since 1970 of a date as HTTP or as ISO 8601 writes it.
pub fn parse_any(text: &str) -> Option<i64> {
    let iso = || text.trim().parse::<Timestamp>().ok();
    parse_http(text).or_else(|| iso().map(Timestamp::as_second))
}

/// `2009-10-12T17:50:30.000Z`, always with milliseconds, as S3 writes it.
pub fn iso8601(ms: u64) -> String {
    let ms = i64::try_from(ms.min(LAST_MS)).unwrap_or(0);
    let time = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{time:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_s3_writes_it() {
        assert_eq!(iso8601(1_255_369_830_000), "2009-10-12T17:50:30.000Z");
        assert_eq!(iso8601(1_255_369_830_042), "2009-10-12T17:50:30.042Z");
        assert_eq!(http(1_255_369_830_999), "Mon, 12 Oct 2009 17:50:30 GMT");
        assert_eq!(
            parse_http("Mon, 12 Oct 2009 17:50:30 GMT"),
            Some(1_255_369_830)
        );
        assert_eq!(parse_http("yesterday"), None);
        for text in ["Mon, 12 Oct 2009 17:50:30 GMT", "2009-10-12T17:50:30Z"] {
            assert_eq!(parse_any(text), Some(1_255_369_830), "{text}");
        }
        assert_eq!(parse_any("yesterday"), None);
    }

    #[test]
    fn no_time_is_too_late() {
        assert_eq!(iso8601(u64::MAX), "9999-12-30T22:00:00.000Z");
        assert_eq!(http(u64::MAX), "Thu, 30 Dec 9999 22:00:00 GMT");
    }
}
