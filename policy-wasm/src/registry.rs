//! The registry of attributes: every fact that a policy may ask about, and what is known of it before it is asked.
//!
//! An attribute is an IAM condition key of S3 or one of our own (`postern:…`). Names are matched without regard to
//! case, as IAM does; the parameter of a parametric name (`aws:PrincipalTag/team`) keeps its case.

mod table;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

pub use table::Name;

use crate::limits::ATTRIBUTE_NAME_BYTES_MAX;

/// One attribute: a [`Name`] of the registry, with its parameter where the name takes one.
///
/// Cheap to clone and to compare; whoever answers for it matches on [`Attribute::name`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Attribute {
    name: Name,
    parameter: Option<Arc<str>>,
}

impl Attribute {
    /// The attribute of a name that takes no parameter; `None` for a parametric one.
    pub const fn plain(name: Name) -> Option<Self> {
        if name.entry().parametric {
            None
        } else {
            Some(Self {
                name,
                parameter: None,
            })
        }
    }

    /// The attribute of a parametric name: `None` where the name takes no parameter, or the parameter is empty or too long.
    pub fn with_parameter(name: Name, parameter: &str) -> Option<Self> {
        let fits = !parameter.is_empty() && parameter.len() <= ATTRIBUTE_NAME_BYTES_MAX;
        (name.entry().parametric && fits).then(|| Self {
            name,
            parameter: Some(Arc::from(parameter)),
        })
    }

    /// Which attribute it is.
    pub const fn name(&self) -> Name {
        self.name
    }

    /// What stands behind the slash of a parametric name.
    pub fn parameter(&self) -> Option<&str> {
        self.parameter.as_deref()
    }

    /// What the registry knows of it.
    pub const fn entry(&self) -> &'static Entry {
        self.name.entry()
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.entry().text)?;
        match &self.parameter {
            Some(parameter) => write!(f, "/{parameter}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Attribute {
    type Err = UnknownAttribute;

    fn from_str(text: &str) -> Result<Self, UnknownAttribute> {
        let unknown = || UnknownAttribute {
            name: text.chars().take(64).collect(),
        };
        if let Some(name) = Name::find(text)
            && let Some(found) = Self::plain(name)
        {
            return Ok(found);
        }
        let (stem, parameter) = text.split_once('/').ok_or_else(unknown)?;
        Name::find(stem)
            .and_then(|name| Self::with_parameter(name, parameter))
            .ok_or_else(unknown)
    }
}

/// A name that the registry does not hold. Policies that use one are refused when they are loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown attribute: `{name}`")]
pub struct UnknownAttribute {
    /// The name, cut to 64 characters.
    pub name: String,
}

impl Name {
    /// Finds a name, without its parameter, ignoring case.
    pub fn find(text: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|name| name.text().eq_ignore_ascii_case(text))
    }

    /// The name as it is written: `s3:prefix`.
    pub const fn text(self) -> &'static str {
        self.entry().text
    }
}

/// One row of the registry.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The name, in the writing of the IAM reference.
    pub text: &'static str,
    /// The type of its values.
    pub kind: Kind,
    /// Whether it may have several values at once.
    pub many: bool,
    /// Whether the name takes a parameter behind a slash.
    pub parametric: bool,
    /// Where it can be present at all.
    pub presence: Presence,
    /// What it costs to know it.
    pub cost: Cost,
    /// How its values are written before they are compared.
    pub normalisation: Normalisation,
    /// Attributes that are present whenever this one is: an anonymous caller has no tags, a bucket action has no key.
    pub requires: &'static [Name],
    /// Every value that it can have, where there are only so many; empty where there is no such list.
    pub domain: &'static [&'static str],
    /// Whether its value follows the clock. Such a value is never read, only compared: a tree that branched on it
    /// would grow with every second.
    pub clock: bool,
    /// Whether its value may be kept where others than the caller read it.
    pub secrecy: Secrecy,
}

/// The type of an attribute's values; it decides which questions make sense and how values compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Text of UTF-8, compared byte by byte.
    Text,
    /// An Amazon resource name.
    Arn,
    /// A decimal number, fixed point with three digits behind the point.
    Number,
    /// A moment, in whole seconds since 1970-01-01 UTC.
    Time,
    /// `true` or `false`.
    Bool,
    /// An IPv4 or IPv6 address.
    Address,
    /// A block of addresses in CIDR notation.
    Network,
}

/// Where an attribute can be present. It is a promise for those who enumerate: elsewhere it is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// In each check.
    Always,
    /// In each check of a signed request.
    Signed,
    /// In checks of a signed request, where the key carries the constraint.
    Constraint,
    /// Where the client sent the header or parameter that it repeats.
    Sent,
    /// In checks on a bucket or on an object.
    Bucket,
    /// In checks on an object.
    Object,
    /// In checks on an object that exists.
    ExistingObject,
    /// In these operations only.
    Operations(&'static [&'static str]),
}

/// What it costs to know an attribute's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cost {
    /// Known from the request and the world.
    Free,
    /// Asked of the upstream, once a request, when a policy first needs it.
    Fetched,
}

/// What of an attribute's value may be written down for later. Credentials themselves (signatures, tokens, customers' keys) are no
/// attributes: there is no name by which a policy could ask for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Secrecy {
    /// All of it.
    Open,
    /// It is a URL of the client's: where it has a query nothing of it, because that of a presigned URL is a credential.
    Url,
}

impl Secrecy {
    /// Whether this value may be written down.
    pub fn shows(self, value: &[u8]) -> bool {
        match self {
            Self::Open => true,
            Self::Url => !value.contains(&b'?'),
        }
    }
}

/// How the values of an attribute are written before they are compared. The facts do it, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Normalisation {
    /// As they arrived, percent decoded.
    Exact,
    /// In lower case.
    LowerCase,
    /// White space around it taken away.
    Trimmed,
    /// An IPv4 address mapped into IPv6 becomes the IPv4 address.
    Canonical,
}

impl Entry {
    const fn new(text: &'static str, kind: Kind) -> Self {
        Self {
            text,
            kind,
            many: false,
            parametric: false,
            presence: Presence::Always,
            cost: Cost::Free,
            normalisation: match kind {
                Kind::Address | Kind::Network => Normalisation::Canonical,
                _ => Normalisation::Exact,
            },
            requires: &[],
            domain: match kind {
                Kind::Bool => &["true", "false"],
                _ => &[],
            },
            clock: false,
            secrecy: Secrecy::Open,
        }
    }

    const fn many(mut self) -> Self {
        self.many = true;
        self
    }

    const fn parametric(mut self) -> Self {
        self.parametric = true;
        self
    }

    const fn at(mut self, presence: Presence) -> Self {
        self.presence = presence;
        self
    }

    const fn fetched(mut self) -> Self {
        self.cost = Cost::Fetched;
        self
    }

    const fn written(mut self, normalisation: Normalisation) -> Self {
        self.normalisation = normalisation;
        self
    }

    const fn requires(mut self, names: &'static [Name]) -> Self {
        self.requires = names;
        self
    }

    const fn of(mut self, domain: &'static [&'static str]) -> Self {
        self.domain = domain;
        self
    }

    const fn clock(mut self) -> Self {
        self.clock = true;
        self
    }

    const fn url(mut self) -> Self {
        self.secrecy = Secrecy::Url;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_name_is_found_by_its_own_text_in_any_case() {
        for name in Name::ALL {
            assert_eq!(Name::find(&name.text().to_uppercase()), Some(*name));
        }
    }

    #[test]
    fn no_two_names_differ_only_by_case() {
        let texts: HashSet<_> = Name::ALL.iter().map(|n| n.text().to_lowercase()).collect();
        assert_eq!(texts.len(), Name::ALL.len());
    }

    #[test]
    fn a_parametric_name_keeps_the_case_of_its_parameter() {
        let tag: Attribute = "AWS:principaltag/Team/Red".parse().unwrap();
        assert_eq!(tag.name(), Name::PrincipalTag);
        assert_eq!(tag.parameter(), Some("Team/Red"));
        assert_eq!(tag.to_string(), "aws:PrincipalTag/Team/Red");
    }

    #[test]
    fn a_parameter_is_refused_where_none_belongs_and_wanted_where_one_does() {
        for text in [
            "aws:SourceIp/x",
            "aws:PrincipalTag",
            "aws:PrincipalTag/",
            "postern:Nothing",
            "",
        ] {
            assert!(text.parse::<Attribute>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_required_never_needs_what_requires_it() {
        for name in Name::ALL {
            for required in name.entry().requires {
                assert!(
                    !required.entry().requires.contains(name),
                    "{name:?} and {required:?}"
                );
            }
        }
    }

    /// A row of the documentation's table.
    fn row(name: Name) -> String {
        let entry = name.entry();
        let kind = match entry.kind {
            Kind::Text => "text",
            Kind::Arn => "ARN",
            Kind::Number => "number",
            Kind::Time => "time",
            Kind::Bool => "truth value",
            Kind::Address => "address",
            Kind::Network => "network",
        };
        let notes = [
            (entry.many, ", several"),
            (entry.clock, ", not to be read"),
            (entry.cost == Cost::Fetched, ", fetched"),
        ];
        let notes: String = notes.iter().filter(|it| it.0).map(|it| it.1).collect();
        let parameter = if entry.parametric { "/…" } else { "" };
        format!(
            "| `{}{parameter}` | {kind}{notes} | {} |",
            entry.text,
            name.about()
        )
    }

    #[test]
    fn the_documentation_has_every_attribute_and_no_other() {
        // The working directory of a test is its package's, wherever the build was.
        let page = std::fs::read_to_string("../docs/modules.md").unwrap();
        let (_, table) = page
            .split_once("| attribute | values | is |\n|---|---|---|\n")
            .unwrap();
        let written: Vec<&str> = table.lines().take_while(|line| !line.is_empty()).collect();
        let rows: Vec<String> = Name::ALL.iter().map(|name| row(*name)).collect();
        assert_eq!(written, rows, "it should say:\n{}", rows.join("\n"));
    }

    #[test]
    fn a_url_with_a_query_is_not_written_down() {
        assert_eq!(Name::Referer.entry().secrecy, Secrecy::Url);
        assert!(Secrecy::Url.shows(b"https://example.com/page"));
        assert!(!Secrecy::Url.shows(b"https://example.com/b/k?X-Amz-Signature=0"));
        assert!(Secrecy::Open.shows(b"what?"));
    }

    #[test]
    fn clocks_are_single_valued_and_free() {
        for name in Name::ALL.iter().filter(|n| n.entry().clock) {
            assert!(!name.entry().many && name.entry().cost == Cost::Free);
        }
    }
}
