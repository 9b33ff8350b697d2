//! Object lock: a bucket's configuration, a version's retention and its legal hold.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{S3Code, S3Error};
use crate::xml::tree::{Node, Tree, malformed};
use crate::xml::write::Xml;

/// Longest default retention, in days; in years it is a hundred. Source: S3 User Guide, "Object Lock considerations".
const PERIOD_DAYS_MAX: u32 = 36_500;
const PERIOD_YEARS_MAX: u32 = 100;
const DAY_MS: u64 = 86_400_000;

/// How a retention binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LockMode {
    /// Who may bypass it, may.
    Governance,
    /// Nobody may.
    Compliance,
}

/// Until when a version must stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Retention {
    /// How it binds.
    pub mode: LockMode,
    /// Milliseconds since 1970.
    pub until_ms: u64,
}

/// What a bucket with object lock gives to new versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LockConfiguration {
    /// The retention of versions that come without one.
    pub default: Option<DefaultRetention>,
}

/// A retention that begins with the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DefaultRetention {
    /// How it binds.
    pub mode: LockMode,
    /// How long.
    pub period: Period,
}

/// A length of time as S3 has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Period {
    /// 1 to 36,500.
    Days(u32),
    /// 1 to 100, each of 365 days.
    Years(u32),
}

impl LockMode {
    /// `GOVERNANCE` or `COMPLIANCE`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Governance => "GOVERNANCE",
            Self::Compliance => "COMPLIANCE",
        }
    }

    /// The mode by its name, in S3's own spelling alone.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Governance, Self::Compliance]
            .into_iter()
            .find(|mode| mode.name() == name)
    }
}

impl DefaultRetention {
    /// The retention of a version that is made now.
    pub fn from(self, now_ms: u64) -> Retention {
        let days = match self.period {
            Period::Days(days) => u64::from(days),
            Period::Years(years) => u64::from(years) * 365,
        };
        Retention {
            mode: self.mode,
            until_ms: now_ms.saturating_add(days * DAY_MS),
        }
    }
}

impl LockConfiguration {
    /// Reads the document of PutObjectLockConfiguration.
    ///
    /// # Errors
    /// [`S3Code::MalformedXML`], and [`S3Code::InvalidRetentionPeriod`] for a period outside its bounds.
    pub fn read(body: &[u8]) -> Result<Self, S3Error> {
        let tree = Tree::read(body)?;
        let (mut enabled, mut default) = (false, None);
        for child in tree.root("ObjectLockConfiguration")?.children() {
            match child.name() {
                "ObjectLockEnabled" if !enabled && child.text().trim() == "Enabled" => {
                    enabled = true;
                }
                "Rule" if default.is_none() => default = Some(rule(child)?),
                _ => return Err(malformed()),
            }
        }
        enabled.then_some(Self { default }).ok_or_else(malformed)
    }

    /// The document of GetObjectLockConfiguration.
    pub fn write(&self) -> String {
        const ROOT: &str = "ObjectLockConfiguration";
        let mut xml = Xml::document(ROOT, 384);
        xml.text("ObjectLockEnabled", "Enabled");
        if let Some(default) = self.default {
            xml.open("Rule");
            xml.open("DefaultRetention");
            xml.text("Mode", default.mode.name());
            match default.period {
                Period::Days(days) => xml.plain("Days", days),
                Period::Years(years) => xml.plain("Years", years),
            }
            xml.close("DefaultRetention");
            xml.close("Rule");
        }
        xml.finish(ROOT)
    }
}

fn rule(node: Node<'_>) -> Result<DefaultRetention, S3Error> {
    let mut children = node.children();
    let (Some(default), None) = (children.next(), children.next()) else {
        return Err(malformed());
    };
    if default.name() != "DefaultRetention" {
        return Err(malformed());
    }
    let (mut mode, mut period) = (None, None);
    for child in default.children() {
        let text = child.text().trim();
        let number = || text.parse::<i64>().map_err(|_| malformed());
        let twice = match child.name() {
            "Mode" => mode
                .replace(LockMode::from_name(text).ok_or_else(malformed)?)
                .is_some(),
            "Days" => period
                .replace(Period::Days(bounded(number()?, PERIOD_DAYS_MAX)?))
                .is_some(),
            "Years" => period
                .replace(Period::Years(bounded(number()?, PERIOD_YEARS_MAX)?))
                .is_some(),
            _ => true,
        };
        if twice {
            return Err(malformed());
        }
    }
    match (mode, period) {
        (Some(mode), Some(period)) => Ok(DefaultRetention { mode, period }),
        _ => Err(malformed()),
    }
}

fn bounded(number: i64, max: u32) -> Result<u32, S3Error> {
    let refused = |message| S3Error::with(S3Code::InvalidRetentionPeriod, message);
    match u32::try_from(number) {
        Ok(0) | Err(_) => Err(refused(
            "Default retention period must be a positive integer value.",
        )),
        Ok(number) if number > max => Err(refused("Default retention period is too large.")),
        Ok(number) => Ok(number),
    }
}

impl Retention {
    /// Reads the document of PutObjectRetention; an empty one takes the retention away.
    ///
    /// # Errors
    /// [`S3Code::MalformedXML`].
    pub fn read(body: &[u8]) -> Result<Option<Self>, S3Error> {
        let tree = Tree::read(body)?;
        let (mut mode, mut until) = (None, None);
        for child in tree.root("Retention")?.children() {
            let text = child.text().trim();
            let twice = match child.name() {
                "Mode" => mode
                    .replace(LockMode::from_name(text).ok_or_else(malformed)?)
                    .is_some(),
                "RetainUntilDate" => until
                    .replace(parse_time(text).ok_or_else(malformed)?)
                    .is_some(),
                _ => true,
            };
            if twice {
                return Err(malformed());
            }
        }
        match (mode, until) {
            (Some(mode), Some(until_ms)) => Ok(Some(Self { mode, until_ms })),
            (None, None) => Ok(None),
            _ => Err(malformed()),
        }
    }

    /// The document of GetObjectRetention.
    pub fn write(&self) -> String {
        const ROOT: &str = "Retention";
        let mut xml = Xml::document(ROOT, 256);
        xml.text("Mode", self.mode.name());
        xml.text("RetainUntilDate", &crate::date::iso8601(self.until_ms));
        xml.finish(ROOT)
    }

    /// Reads the two headers of a write: both or neither, and a date to come.
    ///
    /// # Errors
    /// [`S3Code::InvalidArgument`].
    pub fn from_headers(mode: Option<&str>, until: Option<&str>) -> Result<Option<Self>, S3Error> {
        match (mode, until) {
            (None, None) => Ok(None),
            (Some(mode), Some(until)) => {
                let wrong_mode = || {
                    S3Error::argument("Unknown wormMode directive", "x-amz-object-lock-mode", mode)
                };
                let wrong_date = || {
                    S3Error::argument(
                        "The retain until date must be provided in ISO 8601 format",
                        "x-amz-object-lock-retain-until-date",
                        until,
                    )
                };
                Ok(Some(Self {
                    mode: LockMode::from_name(mode).ok_or_else(wrong_mode)?,
                    until_ms: parse_time(until).ok_or_else(wrong_date)?,
                }))
            }
            (Some(_), None) | (None, Some(_)) => Err(S3Error::with(
                S3Code::InvalidArgument,
                "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied",
            )),
        }
    }
}

/// Reads the document of PutObjectLegalHold.
///
/// # Errors
/// [`S3Code::MalformedXML`].
pub fn read_hold(body: &[u8]) -> Result<bool, S3Error> {
    let tree = Tree::read(body)?;
    let mut status = None;
    for child in tree.root("LegalHold")?.children() {
        if child.name() != "Status" || status.is_some() {
            return Err(malformed());
        }
        status = Some(hold(child.text().trim()).ok_or_else(malformed)?);
    }
    status.ok_or_else(malformed)
}

/// `ON` or `OFF`.
pub fn hold(text: &str) -> Option<bool> {
    match text {
        "ON" => Some(true),
        "OFF" => Some(false),
        _ => None,
    }
}

/// The document of GetObjectLegalHold.
pub fn write_hold(hold: bool) -> String {
    const ROOT: &str = "LegalHold";
    let mut xml = Xml::document(ROOT, 192);
    xml.text("Status", if hold { "ON" } else { "OFF" });
    xml.finish(ROOT)
}

/// ISO 8601, as SDKs send it: milliseconds since 1970. A time before that is no time of ours.
pub(crate) fn parse_time(text: &str) -> Option<u64> {
    let time: Timestamp = text.parse().ok()?;
    u64::try_from(time.as_millisecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let default = |period| LockConfiguration {
            default: Some(DefaultRetention {
                mode: LockMode::Compliance,
                period,
            }),
        };
        for lock in [
            LockConfiguration::default(),
            default(Period::Days(1)),
            default(Period::Years(100)),
        ] {
            assert_eq!(LockConfiguration::read(lock.write().as_bytes()), Ok(lock));
        }
        let retention = Retention {
            mode: LockMode::Governance,
            until_ms: 1_900_000_000_000,
        };
        assert_eq!(
            Retention::read(retention.write().as_bytes()),
            Ok(Some(retention))
        );
        for hold in [true, false] {
            assert_eq!(read_hold(write_hold(hold).as_bytes()), Ok(hold));
        }
    }

    #[test]
    fn a_period_is_one_positive_number() {
        let read = |inner: &str| {
            let text = format!(
                "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule>\
                 <DefaultRetention>{inner}</DefaultRetention></Rule></ObjectLockConfiguration>"
            );
            LockConfiguration::read(text.as_bytes())
                .map(|_| ())
                .map_err(|error| error.code)
        };
        let mode = "<Mode>GOVERNANCE</Mode>";
        assert_eq!(read(&format!("{mode}<Days>36500</Days>")), Ok(()));
        for period in ["<Days>0</Days>", "<Days>36501</Days>", "<Years>-1</Years>"] {
            assert_eq!(
                read(&format!("{mode}{period}")),
                Err(S3Code::InvalidRetentionPeriod),
                "{period}"
            );
        }
        for inner in [
            mode.to_owned(),
            "<Days>1</Days>".to_owned(),
            format!("{mode}<Days>1</Days><Years>1</Years>"),
            "<Mode>governance</Mode><Days>1</Days>".to_owned(),
        ] {
            assert_eq!(read(&inner), Err(S3Code::MalformedXML), "{inner}");
        }
    }

    #[test]
    fn a_year_has_365_days() {
        let default = DefaultRetention {
            mode: LockMode::Governance,
            period: Period::Years(2),
        };
        assert_eq!(default.from(5).until_ms, 5 + 730 * DAY_MS);
    }

    #[test]
    fn the_headers_come_together() {
        let read = |mode, until| Retention::from_headers(mode, until).map_err(|error| error.code);
        let until = Some("2030-01-01T00:00:00Z");
        assert!(matches!(read(Some("COMPLIANCE"), until), Ok(Some(_))));
        assert_eq!(read(None, None), Ok(None));
        for (mode, until) in [
            (Some("COMPLIANCE"), None),
            (None, until),
            (Some("abc"), until),
            (Some("GOVERNANCE"), Some("tomorrow")),
        ] {
            assert_eq!(read(mode, until), Err(S3Code::InvalidArgument));
        }
    }
}
