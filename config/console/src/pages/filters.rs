//! How templates write: words in the reader's language, times in his zone, sizes as people say them.

use std::fmt::Display;

use askama::Values;
use askama::filters::Safe;
use jiff::Timestamp;
use postern_config::directory::Level;

use super::reader::{READER, Reader};
use crate::service::audit::AuditShown;
use crate::service::deeds::{deed, done_to};

/// A text that `texts.rs` finds in the code as it finds those of templates.
macro_rules! say {
    ($text:literal) => {
        $text
    };
}
pub(crate) use say;

/// A text in the reader's language.
#[askama::filter_fn]
pub(crate) fn t(text: impl Display, values: &dyn Values) -> askama::Result<String> {
    let text = text.to_string();
    Ok(reader(values)?.say(&text).to_owned())
}

/// What services say of a problem, in the reader's language.
#[askama::filter_fn]
pub(crate) fn said(text: impl Display, values: &dyn Values) -> askama::Result<String> {
    let text = text.to_string();
    Ok(reader(values)?.said(&text).into_owned())
}

/// A text with something in the place of its first `{}`.
#[askama::filter_fn]
pub(crate) fn fill<T: Display, W: Display>(
    text: T,
    _: &dyn Values,
    word: W,
) -> askama::Result<String> {
    Ok(text.to_string().replacen("{}", &word.to_string(), 1))
}

/// A moment, in seconds since 1970, as date and time of the reader's zone.
#[askama::filter_fn]
pub(crate) fn when(seconds: &u64, values: &dyn Values) -> askama::Result<String> {
    Ok(moment(reader(values)?, *seconds, "%Y-%m-%d %H:%M"))
}

/// A moment, in milliseconds since 1970, to the second.
#[askama::filter_fn]
pub(crate) fn millis(millis: &u64, values: &dyn Values) -> askama::Result<String> {
    Ok(moment(
        reader(values)?,
        *millis / 1_000,
        "%Y-%m-%d %H:%M:%S",
    ))
}

/// The same to the second, with the zone.
#[askama::filter_fn]
pub(crate) fn exactly(seconds: &u64, values: &dyn Values) -> askama::Result<String> {
    Ok(moment(reader(values)?, *seconds, "%Y-%m-%d %H:%M:%S %Z"))
}

/// How long ago a moment is, or until it comes, in the largest unit that has one.
#[askama::filter_fn]
pub(crate) fn ago(seconds: &u64, values: &dyn Values) -> askama::Result<String> {
    let reader = reader(values)?;
    let now = reader.now.0 / 1_000;
    let (span, is_past) = if *seconds <= now {
        (now - seconds, true)
    } else {
        (seconds - now, false)
    };
    let units = [(86_400, "d"), (3_600, "h"), (60, "min")];
    let unit = units.iter().find(|(length, _)| span >= *length);
    let Some((length, unit)) = unit else {
        return Ok(reader.say(say!("just now")).to_owned());
    };
    let span = format!("{}\u{a0}{unit}", span / length);
    let text = if is_past {
        say!("{} ago")
    } else {
        say!("in {}")
    };
    Ok(reader.say(text).replacen("{}", &span, 1))
}

/// Bytes as people say them. Source: IEC 80000-13.
#[askama::filter_fn]
pub(crate) fn bytes(bytes: impl Whole, _: &dyn Values) -> askama::Result<String> {
    Ok(size(bytes.whole()))
}

/// A number with its thousands apart.
#[askama::filter_fn]
pub(crate) fn count(number: impl Display, _: &dyn Values) -> askama::Result<String> {
    Ok(thousands(&number.to_string()))
}

/// How a word of the directory is written.
#[askama::filter_fn]
pub(crate) fn word(of: &impl serde::Serialize, _: &dyn Values) -> askama::Result<String> {
    Ok(crate::service::keys::word(of))
}

/// What a record of the audit log says was done.
#[askama::filter_fn]
pub(crate) fn done(record: &AuditShown, values: &dyn Values) -> askama::Result<String> {
    let reader = reader(values)?;
    let deed = reader.say(deed(&record.action));
    Ok(done_to(deed, reader.say(&record.object_type), &record.name))
}

/// A level of access keys and sub-users.
#[askama::filter_fn]
pub(crate) fn level(level: &Level, values: &dyn Values) -> askama::Result<String> {
    Ok(reader(values)?.say(level_name(*level)).to_owned())
}

/// What a level is called.
pub(crate) const fn level_name(level: Level) -> &'static str {
    match level {
        Level::Full => say!("Full"),
        Level::ReadWrite => say!("Read/Write"),
        Level::Read => say!("Read"),
        Level::Write => say!("Write"),
    }
}

/// A sentence in which what stands between backticks is code. Everything is escaped first, so that no name becomes markup.
#[askama::filter_fn]
pub(crate) fn rich(text: impl Display, _: &dyn Values) -> askama::Result<Safe<String>> {
    Ok(Safe(marked(&text.to_string())))
}

/// A text with its first letter large.
#[askama::filter_fn]
pub(crate) fn large(text: impl Display, _: &dyn Values) -> askama::Result<String> {
    Ok(capital(&text.to_string()))
}

/// A whole number, by however many references a template gives it.
pub(crate) trait Whole {
    fn whole(&self) -> u64;
}

impl Whole for u64 {
    fn whole(&self) -> u64 {
        *self
    }
}

impl<T: Whole> Whole for &T {
    fn whole(&self) -> u64 {
        (**self).whole()
    }
}

/// A text with its first letter large.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|it| it.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

fn reader(values: &dyn Values) -> askama::Result<&Reader> {
    askama::get_value(values, READER)
}

fn moment(reader: &Reader, seconds: u64, format: &str) -> String {
    let found = i64::try_from(seconds).ok();
    let found = found.and_then(|seconds| Timestamp::from_second(seconds).ok());
    found.map_or_else(String::new, |it| {
        it.to_zoned(reader.zone.clone())
            .strftime(format)
            .to_string()
    })
}

/// Bytes in the largest binary unit that has one, with one digit after the point.
pub(crate) fn size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1_024 {
        return format!("{bytes}\u{a0}B");
    }
    let mut tenths = u128::from(bytes) * 10 / 1_024;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < units.len() {
        tenths /= 1_024;
        unit += 1;
    }
    let unit = units.get(unit).copied().unwrap_or_default();
    let whole = tenths / 10;
    match (tenths % 10, whole) {
        (0, _) | (_, 100..) => format!("{whole}\u{a0}{unit}"),
        (tenth, _) => format!("{whole}.{tenth}\u{a0}{unit}"),
    }
}

/// A sentence as HTML, with `<code>` around what stands between backticks.
fn marked(text: &str) -> String {
    let escaped: String = text.chars().map(escaped).collect();
    let parts: Vec<&str> = escaped.split('`').collect();
    // Without a partner a backtick is one.
    if parts.len().is_multiple_of(2) {
        return escaped;
    }
    let parts = parts.iter().enumerate().map(|(place, part)| {
        if place.is_multiple_of(2) {
            (*part).to_owned()
        } else {
            format!("<code>{part}</code>")
        }
    });
    parts.collect()
}

/// A character as HTML has it in texts.
fn escaped(letter: char) -> String {
    match letter {
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '&' => "&amp;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\'' => "&#39;".to_owned(),
        other => other.to_string(),
    }
}

/// Digits in groups of three.
pub(crate) fn thousands(digits: &str) -> String {
    let mut written = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            written.push('\u{202f}');
        }
        written.push(digit);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_said_in_the_unit_that_fits() {
        for (bytes, said) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_024, "1 KiB"),
            (1_536, "1.5 KiB"),
            (1_048_575, "1023 KiB"),
            (1_048_576, "1 MiB"),
            (5 * 1_024 * 1_024 * 1_024, "5 GiB"),
            (u64::MAX, "15.9 EiB"),
        ] {
            assert_eq!(size(bytes).replace('\u{a0}', " "), said);
        }
    }

    #[test]
    fn what_stands_between_backticks_is_code_and_nothing_is_markup() {
        assert_eq!(
            marked("no user `a<b>`; did"),
            "no user <code>a&lt;b&gt;</code>; did"
        );
        assert_eq!(marked("one ` alone"), "one ` alone");
        assert_eq!(marked("<script>"), "&lt;script&gt;");
    }

    #[test]
    fn thousands_stand_apart() {
        let said = |digits| thousands(digits).replace('\u{202f}', " ");
        assert_eq!(said("0"), "0");
        assert_eq!(said("999"), "999");
        assert_eq!(said("1000"), "1 000");
        assert_eq!(said("1234567"), "1 234 567");
    }
}
