//! `LifecycleConfiguration`: what of a bucket ends by itself, and when. What is due is a function of the rules, an object and the
//! time. Source: S3 User Guide, "Lifecycle configuration elements".

use crate::error::{S3Code, S3Error};
use crate::limits::{LIFECYCLE_RULES_MAX, RULE_ID_CHARACTERS_MAX};
use crate::xml::tree::{Node, Tree, malformed};
use crate::xml::write::Xml;

const ROOT: &str = "LifecycleConfiguration";

/// The rules of a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lifecycle {
    /// 1 to 1,000.
    pub rules: Vec<LifecycleRule>,
}

/// What ends, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LifecycleRule {
    /// Its name, of which a bucket has one.
    pub id: String,
    /// Whether it is in force.
    pub enabled: bool,
    /// Of what.
    pub filter: Filter,
    /// The current version.
    pub expiration: Option<Expiration>,
    /// Versions that are not current any more.
    pub noncurrent: Option<Noncurrent>,
    /// Uploads that were never completed: days after they began.
    pub abort_days: Option<u32>,
}

/// Which objects a rule is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// How the document says it, to be answered as it came.
    pub form: FilterForm,
    /// Only keys with this prefix.
    pub prefix: Option<String>,
    /// Only objects with all of these tags.
    pub tags: Vec<(String, String)>,
    /// Only objects of more bytes.
    pub larger: Option<u64>,
    /// Only objects of fewer bytes.
    pub smaller: Option<u64>,
}

/// How a document says which objects it means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FilterForm {
    /// `Prefix` in the rule itself, as it was at first.
    Prefix,
    /// `Filter` with one condition, or none.
    #[default]
    One,
    /// `Filter` with `And`.
    And,
}

/// When a current version ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiration {
    /// Days after it was written.
    Days(u32),
    /// From this day on; milliseconds since 1970.
    Date(u64),
    /// Never; but a delete marker behind which nothing is left does.
    Markers,
}

/// When a version ends that is not current any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noncurrent {
    /// Days after another took its place.
    pub days: u32,
    /// How many of the newest of these stay all the same.
    pub keep: u32,
}

/// What a rule may know of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// Its key.
    pub key: &'a str,
    /// Bytes.
    pub size: u64,
    /// Its tags.
    pub tags: &'a [(String, String)],
    /// Whether it is a delete marker, which has neither.
    pub marker: bool,
}

/// How long a day is: other than in a test, a day, which ends at midnight in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    /// Milliseconds.
    pub ms: u64,
}

impl Day {
    /// A day as everybody has it.
    pub const REAL: Self = Self { ms: 86_400_000 };

    /// The moment `days` after another: at a midnight, as S3 counts.
    pub fn after(self, from_ms: u64, days: u32) -> u64 {
        let due = from_ms.saturating_add(self.ms.saturating_mul(u64::from(days)));
        if self == Self::REAL {
            due.checked_next_multiple_of(self.ms).unwrap_or(u64::MAX)
        } else {
            due
        }
    }
}

impl Lifecycle {
    /// When a current version ends, and by which rule: the first that comes.
    pub fn expires<'s>(
        &'s self,
        candidate: Candidate<'_>,
        modified_ms: u64,
        day: Day,
    ) -> Option<(u64, &'s str)> {
        let due = self.in_force(candidate).filter_map(|rule| {
            let at = match rule.expiration? {
                Expiration::Days(days) => day.after(modified_ms, days),
                Expiration::Date(at) => at,
                Expiration::Markers => return None,
            };
            Some((at, rule.id.as_str()))
        });
        due.min_by_key(|(at, _)| *at)
    }

    /// Whether a delete marker that is the only version of its key ends now.
    pub fn ends_lone_marker(&self, key: &str, modified_ms: u64, now_ms: u64, day: Day) -> bool {
        let candidate = Candidate {
            key,
            size: 0,
            tags: &[],
            marker: true,
        };
        self.in_force(candidate).any(|rule| match rule.expiration {
            Some(Expiration::Markers) => true,
            Some(Expiration::Days(days)) => day.after(modified_ms, days) <= now_ms,
            Some(Expiration::Date(at)) => at <= now_ms,
            None => false,
        })
    }

    /// Whether a version ends that stopped being current at `since_ms`, with `newer` such versions before it.
    pub fn ends_noncurrent(
        &self,
        candidate: Candidate<'_>,
        (since_ms, newer): (u64, u32),
        now_ms: u64,
        day: Day,
    ) -> bool {
        self.in_force(candidate).any(|rule| {
            rule.noncurrent.is_some_and(|noncurrent| {
                newer >= noncurrent.keep && day.after(since_ms, noncurrent.days) <= now_ms
            })
        })
    }

    /// Whether an open upload ends.
    pub fn aborts(&self, key: &str, begun_ms: u64, now_ms: u64, day: Day) -> bool {
        self.rules.iter().any(|rule| {
            let days = rule
                .abort_days
                .filter(|_| rule.enabled && rule.filter.has_prefix(key));
            days.is_some_and(|days| day.after(begun_ms, days) <= now_ms)
        })
    }

    fn in_force<'s, 'c>(
        &'s self,
        candidate: Candidate<'c>,
    ) -> impl Iterator<Item = &'s LifecycleRule> + use<'s, 'c> {
        self.rules
            .iter()
            .filter(move |rule| rule.enabled && rule.filter.fits(candidate))
    }

    /// Reads the document of PutBucketLifecycleConfiguration.
    ///
    /// # Errors
    /// [`S3Code::MalformedXML`], [`S3Code::InvalidArgument`], [`S3Code::InvalidRequest`]; [`S3Code::NotImplemented`] for
    /// transitions to other storage classes.
    pub fn read(body: &[u8]) -> Result<Self, S3Error> {
        let tree = Tree::read(body)?;
        let mut rules: Vec<LifecycleRule> = Vec::new();
        for child in tree.root(ROOT)?.children() {
            if child.name() != "Rule" || rules.len() >= LIFECYCLE_RULES_MAX {
                return Err(malformed());
            }
            let rule = rule(child, rules.len())?;
            if rules.iter().any(|other| other.id == rule.id) {
                return Err(S3Error::with(
                    S3Code::InvalidArgument,
                    "Rule ID must be unique. Found same ID for more than one rule.",
                ));
            }
            rules.push(rule);
        }
        if rules.is_empty() {
            return Err(malformed());
        }
        Ok(Self { rules })
    }

    /// The document of GetBucketLifecycleConfiguration.
    pub fn write(&self) -> String {
        let mut xml = Xml::document(ROOT, 256 + self.rules.len() * 320);
        for rule in &self.rules {
            xml.open("Rule");
            xml.text("ID", &rule.id);
            rule.filter.write(&mut xml);
            xml.text("Status", if rule.enabled { "Enabled" } else { "Disabled" });
            if let Some(expiration) = rule.expiration {
                xml.open("Expiration");
                match expiration {
                    Expiration::Days(days) => xml.plain("Days", days),
                    Expiration::Date(at) => xml.text("Date", &crate::date::iso8601(at)),
                    Expiration::Markers => xml.plain("ExpiredObjectDeleteMarker", true),
                }
                xml.close("Expiration");
            }
            if let Some(noncurrent) = rule.noncurrent {
                xml.open("NoncurrentVersionExpiration");
                xml.plain("NoncurrentDays", noncurrent.days);
                if noncurrent.keep > 0 {
                    xml.plain("NewerNoncurrentVersions", noncurrent.keep);
                }
                xml.close("NoncurrentVersionExpiration");
            }
            if let Some(days) = rule.abort_days {
                xml.open("AbortIncompleteMultipartUpload");
                xml.plain("DaysAfterInitiation", days);
                xml.close("AbortIncompleteMultipartUpload");
            }
            xml.close("Rule");
        }
        xml.finish(ROOT)
    }
}

impl Filter {
    fn has_prefix(&self, key: &str) -> bool {
        self.prefix
            .as_deref()
            .is_none_or(|prefix| key.starts_with(prefix))
    }

    fn fits(&self, candidate: Candidate<'_>) -> bool {
        let of_objects = self.tags.iter().all(|tag| candidate.tags.contains(tag))
            && self.larger.is_none_or(|bytes| candidate.size > bytes)
            && self.smaller.is_none_or(|bytes| candidate.size < bytes);
        // A marker has neither tags nor bytes: sizes do not speak of it, tags exclude it.
        let fits = if candidate.marker {
            self.tags.is_empty()
        } else {
            of_objects
        };
        fits && self.has_prefix(candidate.key)
    }

    fn write(&self, xml: &mut Xml) {
        if self.form == FilterForm::Prefix {
            xml.text("Prefix", self.prefix.as_deref().unwrap_or_default());
            return;
        }
        xml.open("Filter");
        if self.form == FilterForm::And {
            xml.open("And");
        }
        xml.optional("Prefix", self.prefix.as_deref());
        for (key, value) in &self.tags {
            xml.open("Tag");
            xml.text("Key", key);
            xml.text("Value", value);
            xml.close("Tag");
        }
        if let Some(bytes) = self.larger {
            xml.plain("ObjectSizeGreaterThan", bytes);
        }
        if let Some(bytes) = self.smaller {
            xml.plain("ObjectSizeLessThan", bytes);
        }
        if self.form == FilterForm::And {
            xml.close("And");
        }
        xml.close("Filter");
    }

    /// Adds a prefix; two that say the same of a key are as the longer one. Whether one key can have both.
    fn narrow(&mut self, prefix: &str) -> bool {
        match &self.prefix {
            Some(before) if before.starts_with(prefix) => {}
            Some(before) if !prefix.starts_with(before.as_str()) => return false,
            _ => self.prefix = Some(prefix.to_owned()),
        }
        true
    }

    /// Reads one condition; whether it was one.
    fn take(&mut self, node: Node<'_>) -> Result<(), S3Error> {
        let bytes = || node.text().trim().parse::<u64>().map_err(|_| malformed());
        let twice = match node.name() {
            "Prefix" => !self.narrow(node.text()),
            "Tag" => {
                self.tags.push(tag(node)?);
                false
            }
            "ObjectSizeGreaterThan" => self.larger.replace(bytes()?).is_some(),
            "ObjectSizeLessThan" => self.smaller.replace(bytes()?).is_some(),
            _ => true,
        };
        if twice { Err(malformed()) } else { Ok(()) }
    }

    fn read(node: Node<'_>) -> Result<Self, S3Error> {
        let mut filter = Self::default();
        let mut conditions = 0;
        // S3 wants `And` around several. Without it they can only mean the same.
        for child in node.children() {
            conditions += if child.name() == "And" { 2 } else { 1 };
            if child.name() == "And" {
                child.children().try_for_each(|inner| filter.take(inner))?;
            } else {
                filter.take(child)?;
            }
        }
        if conditions > 1 {
            filter.form = FilterForm::And;
        }
        filter.tags = crate::parse::checked_each_tag(filter.tags)?;
        if let (Some(larger), Some(smaller)) = (filter.larger, filter.smaller)
            && larger >= smaller
        {
            return Err(S3Error::with(
                S3Code::InvalidRequest,
                "The ObjectSizeGreaterThan value must be less than the ObjectSizeLessThan value.",
            ));
        }
        Ok(filter)
    }
}

fn tag(node: Node<'_>) -> Result<(String, String), S3Error> {
    let (mut key, mut value) = (None, None);
    for child in node.children() {
        let text = child.text().to_owned();
        let twice = match child.name() {
            "Key" => key.replace(text).is_some(),
            "Value" => value.replace(text).is_some(),
            _ => true,
        };
        if twice {
            return Err(malformed());
        }
    }
    key.zip(value).ok_or_else(malformed)
}

fn rule(node: Node<'_>, number: usize) -> Result<LifecycleRule, S3Error> {
    let (mut id, mut enabled, mut filter) = (None, None, None);
    let (mut expiration, mut noncurrent, mut abort_days) = (None, None, None);
    for child in node.children() {
        let text = child.text().trim();
        let twice = match child.name() {
            "ID" => id.replace(rule_id(child.text())?).is_some(),
            "Status" => enabled
                .replace(match text {
                    "Enabled" => true,
                    "Disabled" => false,
                    _ => return Err(malformed()),
                })
                .is_some(),
            "Prefix" => {
                let whole = Filter {
                    form: FilterForm::Prefix,
                    prefix: Some(child.text().to_owned()),
                    ..Filter::default()
                };
                filter.replace(whole).is_some()
            }
            "Filter" => filter.replace(Filter::read(child)?).is_some(),
            "Expiration" => expiration.replace(self::expiration(child)?).is_some(),
            "NoncurrentVersionExpiration" => noncurrent.replace(self::noncurrent(child)?).is_some(),
            "AbortIncompleteMultipartUpload" => {
                abort_days.replace(self::abort_days(child)?).is_some()
            }
            "Transition" | "NoncurrentVersionTransition" => {
                // What is no rule at all is told first.
                for date in child.children().filter(|it| it.name() == "Date") {
                    midnight(date.text().trim())?;
                }
                return Err(S3Code::NotImplemented.into());
            }
            _ => true,
        };
        if twice {
            return Err(malformed());
        }
    }
    let (Some(enabled), Some(filter)) = (enabled, filter) else {
        return Err(malformed());
    };
    let rule = LifecycleRule {
        id: id
            .filter(|id: &String| !id.is_empty())
            .unwrap_or_else(|| format!("rule-{}", number + 1)),
        enabled,
        filter,
        expiration,
        noncurrent,
        abort_days,
    };
    consistent(rule)
}

/// What a rule may not ask for at once. Source: S3 API Reference, PutBucketLifecycleConfiguration.
fn consistent(rule: LifecycleRule) -> Result<LifecycleRule, S3Error> {
    let filter = &rule.filter;
    let by_object = !filter.tags.is_empty() || filter.larger.is_some() || filter.smaller.is_some();
    let refused = |message| Err(S3Error::with(S3Code::InvalidRequest, message));
    if rule.expiration.is_none() && rule.noncurrent.is_none() && rule.abort_days.is_none() {
        return refused("At least one action needs to be specified in a rule.");
    }
    if by_object && rule.abort_days.is_some() {
        return refused(
            "AbortIncompleteMultipartUpload cannot be specified with Tags or object sizes.",
        );
    }
    if !filter.tags.is_empty() && rule.expiration == Some(Expiration::Markers) {
        return refused("ExpiredObjectDeleteMarker cannot be specified with Tags.");
    }
    Ok(rule)
}

fn rule_id(text: &str) -> Result<String, S3Error> {
    if text.chars().count() > RULE_ID_CHARACTERS_MAX {
        return Err(S3Error::with(
            S3Code::InvalidArgument,
            "ID length should not exceed allowed limit of 255",
        ));
    }
    Ok(text.to_owned())
}

fn positive(text: &str, what: &'static str) -> Result<u32, S3Error> {
    let number: i64 = text.parse().map_err(|_| malformed())?;
    u32::try_from(number)
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| {
            let message = format!("'{what}' must be a positive integer");
            S3Error::with(S3Code::InvalidArgument, message)
        })
}

fn expiration(node: Node<'_>) -> Result<Expiration, S3Error> {
    let mut children = node.children();
    let (Some(child), None) = (children.next(), children.next()) else {
        return Err(malformed());
    };
    let text = child.text().trim();
    match child.name() {
        "Days" => Ok(Expiration::Days(positive(text, "Days")?)),
        "Date" => Ok(Expiration::Date(midnight(text)?)),
        "ExpiredObjectDeleteMarker" if text == "true" => Ok(Expiration::Markers),
        _ => Err(malformed()),
    }
}

fn midnight(text: &str) -> Result<u64, S3Error> {
    let day = text
        .parse::<jiff::civil::Date>()
        .ok()
        .filter(|_| text.len() == 10);
    let at = match day {
        Some(day) => super::lock::parse_time(&format!("{day}T00:00:00Z")),
        None => super::lock::parse_time(text),
    };
    let at = at.ok_or_else(malformed)?;
    if at % Day::REAL.ms != 0 {
        return Err(S3Error::with(
            S3Code::InvalidArgument,
            "'Date' must be at midnight GMT",
        ));
    }
    Ok(at)
}

fn noncurrent(node: Node<'_>) -> Result<Noncurrent, S3Error> {
    let (mut days, mut keep) = (None, None);
    for child in node.children() {
        let text = child.text().trim();
        let twice = match child.name() {
            "NoncurrentDays" => days.replace(positive(text, "NoncurrentDays")?).is_some(),
            "NewerNoncurrentVersions" => keep
                .replace(positive(text, "NewerNoncurrentVersions")?)
                .is_some(),
            _ => true,
        };
        if twice {
            return Err(malformed());
        }
    }
    Ok(Noncurrent {
        days: days.ok_or_else(malformed)?,
        keep: keep.unwrap_or(0),
    })
}

fn abort_days(node: Node<'_>) -> Result<u32, S3Error> {
    let mut children = node.children();
    match (children.next(), children.next()) {
        (Some(child), None) if child.name() == "DaysAfterInitiation" => {
            positive(child.text().trim(), "DaysAfterInitiation")
        }
        _ => Err(malformed()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(rules: &str) -> Result<Lifecycle, S3Code> {
        let text = format!("<{ROOT}>{rules}</{ROOT}>");
        Lifecycle::read(text.as_bytes()).map_err(|error| error.code)
    }

    fn one(inner: &str) -> Lifecycle {
        let rule = format!("<Rule><ID>r</ID><Status>Enabled</Status>{inner}</Rule>");
        read(&rule).unwrap()
    }

    fn object<'a>(key: &'a str, size: u64, tags: &'a [(String, String)]) -> Candidate<'a> {
        Candidate {
            key,
            size,
            tags,
            marker: false,
        }
    }

    const DAY: Day = Day { ms: 1_000 };

    #[test]
    fn what_is_written_reads_back() {
        let lifecycle = read(
            "<Rule><ID>a</ID><Status>Enabled</Status><Prefix>x/</Prefix><Expiration><Days>1</Days></Expiration></Rule>\
             <Rule><Status>Disabled</Status><Filter/><Expiration><Date>2030-01-01</Date></Expiration></Rule>\
             <Rule><Status>Enabled</Status><Filter><Tag><Key>k</Key><Value/></Tag></Filter>\
             <NoncurrentVersionExpiration><NoncurrentDays>3</NoncurrentDays><NewerNoncurrentVersions>2\
             </NewerNoncurrentVersions></NoncurrentVersionExpiration></Rule>\
             <Rule><Status>Enabled</Status><Filter><And><Prefix>p</Prefix><ObjectSizeGreaterThan>5\
             </ObjectSizeGreaterThan><ObjectSizeLessThan>9</ObjectSizeLessThan></And></Filter>\
             <Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration></Rule>\
             <Rule><Status>Enabled</Status><Filter><Prefix/></Filter><AbortIncompleteMultipartUpload>\
             <DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>",
        )
        .unwrap();
        assert_eq!(Lifecycle::read(lifecycle.write().as_bytes()), Ok(lifecycle));
    }

    #[test]
    fn what_does_not_hold_together_is_refused() {
        let rule = |inner: &str| format!("<Rule><ID>r</ID><Status>Enabled</Status>{inner}</Rule>");
        let days = "<Expiration><Days>1</Days></Expiration>";
        let cases = [
            (String::new(), S3Code::MalformedXML),
            (rule(days), S3Code::MalformedXML),
            (rule("<Filter/>"), S3Code::InvalidRequest),
            (
                rule(&format!("<Filter/>{days}")).repeat(2),
                S3Code::InvalidArgument,
            ),
            (
                rule("<Filter/><Expiration><Days>0</Days></Expiration>"),
                S3Code::InvalidArgument,
            ),
            (
                rule("<Filter/><Expiration><Date>20200101</Date></Expiration>"),
                S3Code::MalformedXML,
            ),
            (
                rule("<Filter/><Expiration><Date>2030-01-01T01:00:00Z</Date></Expiration>"),
                S3Code::InvalidArgument,
            ),
            (
                rule(&format!("<Filter/><Prefix/>{days}")),
                S3Code::MalformedXML,
            ),
            (
                rule(&format!("<Filter/><Transition/>{days}")),
                S3Code::NotImplemented,
            ),
            (
                "<Rule><Status>enabled</Status><Filter/></Rule>".to_owned(),
                S3Code::MalformedXML,
            ),
        ];
        for (rules, code) in cases {
            assert_eq!(read(&rules), Err(code), "{rules}");
        }
    }

    #[test]
    fn the_first_rule_that_is_due_ends_an_object() {
        let lifecycle = read(
            "<Rule><ID>slow</ID><Status>Enabled</Status><Filter/><Expiration><Days>5</Days></Expiration></Rule>\
             <Rule><ID>fast</ID><Status>Enabled</Status><Filter><Prefix>a/</Prefix></Filter><Expiration><Days>2</Days></Expiration></Rule>\
             <Rule><ID>off</ID><Status>Disabled</Status><Filter/><Expiration><Days>1</Days></Expiration></Rule>",
        )
        .unwrap();
        assert_eq!(
            lifecycle.expires(object("a/b", 1, &[]), 500, DAY),
            Some((2_500, "fast"))
        );
        assert_eq!(
            lifecycle.expires(object("b", 1, &[]), 500, DAY),
            Some((5_500, "slow"))
        );
    }

    #[test]
    fn filters_hold_all_of_their_conditions() {
        let tags = [
            ("k".to_owned(), "v".to_owned()),
            ("l".to_owned(), "w".to_owned()),
        ];
        let lifecycle = one(
            "<Filter><And><Prefix>p</Prefix><Tag><Key>k</Key><Value>v</Value></Tag>\
             <ObjectSizeGreaterThan>5</ObjectSizeGreaterThan><ObjectSizeLessThan>9</ObjectSizeLessThan></And></Filter>\
             <Expiration><Days>1</Days></Expiration>",
        );
        let due = |candidate| lifecycle.expires(candidate, 0, DAY).is_some();
        assert!(due(object("p", 6, &tags)) && due(object("pq", 8, &tags[..1])));
        assert!(!due(object("q", 6, &tags)) && !due(object("p", 5, &tags)));
        assert!(!due(object("p", 9, &tags)) && !due(object("p", 6, &tags[1..])));
    }

    #[test]
    fn versions_that_are_not_current_end_behind_those_that_are_kept() {
        let lifecycle = one(
            "<Filter/><NoncurrentVersionExpiration><NoncurrentDays>2</NoncurrentDays>\
             <NewerNoncurrentVersions>1</NewerNoncurrentVersions></NoncurrentVersionExpiration>",
        );
        let ends =
            |newer, now| lifecycle.ends_noncurrent(object("k", 1, &[]), (1_000, newer), now, DAY);
        assert!(!ends(0, 9_000) && ends(1, 3_000) && !ends(1, 2_999));
    }

    #[test]
    fn a_day_ends_at_midnight_and_one_of_a_test_does_not() {
        let noon = Day::REAL.ms / 2;
        assert_eq!(Day::REAL.after(noon, 1), 2 * Day::REAL.ms);
        assert_eq!(DAY.after(noon, 1), noon + 1_000);
    }

    #[test]
    fn a_marker_has_no_tags_and_an_upload_only_its_key() {
        let markers = one("<Filter><Prefix>a</Prefix></Filter><Expiration>\
             <ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>");
        assert!(
            markers.ends_lone_marker("ab", 0, 0, DAY) && !markers.ends_lone_marker("b", 0, 0, DAY)
        );
        let tagged = one(
            "<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter><Expiration><Days>1</Days></Expiration>",
        );
        assert!(!tagged.ends_lone_marker("ab", 0, 9_000, DAY));
        let aborts = one(
            "<Filter><Prefix>a</Prefix></Filter><AbortIncompleteMultipartUpload>\
             <DaysAfterInitiation>2</DaysAfterInitiation></AbortIncompleteMultipartUpload>",
        );
        assert!(aborts.aborts("a", 0, 2_000, DAY) && !aborts.aborts("a", 0, 1_999, DAY));
        assert!(!aborts.aborts("b", 0, 2_000, DAY));
    }
}
