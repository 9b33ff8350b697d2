//! Obligations: conditions on what is forwarded, merged over all layers that did not deny.
//!
//! An obligation is never skipped. One that has no meaning for the operation refuses the request, as does one whose
//! operand makes no sense.

use std::fmt;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::facts::{Fact, Facts, Value, Values};
use crate::question::fixed_point;
use crate::registry::{Attribute, Name};

/// What a module demands when it does not deny.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Obligation {
    /// What is demanded.
    pub kind: Kind,
    /// With which value.
    pub operand: Operand,
}

/// The kinds of obligations, with their numbers in the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// 1: the object or upload must have been made by the caller. On lists, others are left out. No operand.
    RequireCreator,
    /// 2: the write must not replace an object. No operand.
    IfNoneMatch,
    /// 3: a list shows nothing but these bucket names or key prefixes.
    FilterList,
    /// 4: the body has at most so many bytes. The smallest wins.
    MaxBytes,
    /// 5: the object is still this version.
    ExpectVersion,
    /// 6: this header of the answer is taken away.
    StripHeader,
}

/// The value of an obligation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operand {
    /// There is none.
    None,
    /// These bytes.
    Constant(Arc<[u8]>),
    /// Whatever the attribute is when the decision is used. Where it is absent, nothing is demanded, because a
    /// constraint that is not set restricts nothing.
    Reference(Attribute),
}

impl Kind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::RequireCreator,
        Self::IfNoneMatch,
        Self::FilterList,
        Self::MaxBytes,
        Self::ExpectVersion,
        Self::StripHeader,
    ];

    /// The kind of a number of the interface.
    pub const fn from_number(number: i32) -> Option<Self> {
        match number {
            1 => Some(Self::RequireCreator),
            2 => Some(Self::IfNoneMatch),
            3 => Some(Self::FilterList),
            4 => Some(Self::MaxBytes),
            5 => Some(Self::ExpectVersion),
            6 => Some(Self::StripHeader),
            _ => None,
        }
    }

    /// Its number in the interface.
    pub const fn number(self) -> i32 {
        match self {
            Self::RequireCreator => 1,
            Self::IfNoneMatch => 2,
            Self::FilterList => 3,
            Self::MaxBytes => 4,
            Self::ExpectVersion => 5,
            Self::StripHeader => 6,
        }
    }

    /// Its name, as documents and logs write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RequireCreator => "require-creator",
            Self::IfNoneMatch => "if-none-match",
            Self::FilterList => "filter-list",
            Self::MaxBytes => "max-bytes",
            Self::ExpectVersion => "expect-version",
            Self::StripHeader => "strip-header",
        }
    }

    /// Operations that can fulfil it, the usual ones first: for who looks for an example.
    pub(crate) const fn examples(self) -> &'static [&'static str] {
        match self {
            Self::RequireCreator => &[
                "GetObject",
                "HeadObject",
                "DeleteObject",
                "UploadPart",
                "ListParts",
                "ListMultipartUploads",
                "AbortMultipartUpload",
                "CompleteMultipartUpload",
            ],
            Self::IfNoneMatch | Self::MaxBytes => &[
                "PutObject",
                "PostObject",
                "CopyObject",
                "UploadPart",
                "CreateMultipartUpload",
                "CompleteMultipartUpload",
            ],
            Self::FilterList => &["ListObjectsV2", "ListBuckets", "ListMultipartUploads"],
            Self::ExpectVersion => &["GetObject", "PutObject", "DeleteObject"],
            Self::StripHeader => &["GetObject"],
        }
    }

    /// Whether it takes an operand.
    pub const fn takes_operand(self) -> bool {
        !matches!(self, Self::RequireCreator | Self::IfNoneMatch)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What an obligation means for an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bearing {
    /// It becomes a condition of the forwarded request.
    Applies,
    /// The operation fulfils it by its nature: the parts of an upload replace no object.
    Holds,
    /// It makes no sense, so the request is refused.
    Refuses,
}

/// The table of kind × operation.
#[expect(clippy::too_many_lines, reason = "a table: kind by operation")]
fn bearing(kind: Kind, operation: &str) -> Bearing {
    use Bearing::{Applies, Holds, Refuses};
    match (kind, operation) {
        (
            Kind::RequireCreator,
            "HeadObject"
            | "GetObject"
            | "GetObjectAttributes"
            | "GetObjectTagging"
            | "PutObjectTagging"
            | "DeleteObjectTagging"
            | "GetObjectRetention"
            | "GetObjectLegalHold"
            | "PutObjectRetention"
            | "PutObjectLegalHold"
            | "DeleteObject"
            | "DeleteObjects"
            | "UploadPart"
            | "UploadPartCopy"
            | "CompleteMultipartUpload"
            | "AbortMultipartUpload"
            | "ListParts"
            | "ListMultipartUploads",
        )
        | (
            Kind::IfNoneMatch,
            "PutObject" | "PostObject" | "CopyObject" | "CompleteMultipartUpload",
        )
        | (
            Kind::FilterList,
            "ListBuckets"
            | "ListObjects"
            | "ListObjectsV2"
            | "ListObjectVersions"
            | "ListMultipartUploads",
        )
        | (
            Kind::MaxBytes,
            "PutObject"
            | "PostObject"
            | "CopyObject"
            | "UploadPart"
            | "UploadPartCopy"
            | "CompleteMultipartUpload",
        )
        | (
            Kind::ExpectVersion,
            "GetObject"
            | "HeadObject"
            | "GetObjectAttributes"
            | "GetObjectTagging"
            | "PutObjectTagging"
            | "DeleteObjectTagging"
            | "GetObjectAcl"
            | "PutObjectAcl"
            | "GetObjectRetention"
            | "GetObjectLegalHold"
            | "PutObjectRetention"
            | "PutObjectLegalHold"
            | "DeleteObject"
            | "DeleteObjects"
            | "PutObject"
            | "PostObject"
            | "CopyObject"
            | "UploadPartCopy"
            | "CompleteMultipartUpload",
        )
        | (Kind::StripHeader, _) => Applies,
        (
            Kind::IfNoneMatch,
            "CreateMultipartUpload" | "UploadPart" | "UploadPartCopy" | "AbortMultipartUpload",
        )
        | (Kind::MaxBytes, "CreateMultipartUpload" | "AbortMultipartUpload") => Holds,
        _ => Refuses,
    }
}

/// The obligations of a decision, with their operands filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Obligations {
    /// The object or upload must have been made by the caller; on lists, others are left out.
    pub require_creator: bool,
    /// The write must not replace an object.
    pub if_none_match: bool,
    /// The body has at most so many bytes.
    pub max_bytes: Option<u64>,
    /// A list shows only what passes every one of these.
    pub filters: SmallVec<[Filter; 1]>,
    /// The object is still this version.
    pub expect_version: Option<Box<[u8]>>,
    /// The object is still the version whose attributes were fetched for this decision.
    pub expect_fetched_version: bool,
    /// Headers of the answer that are taken away, in lower case.
    pub strip_headers: SmallVec<[Box<str>; 1]>,
}

/// What a list may show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// What is compared.
    pub by: FilterBy,
    /// With what: any of these. An empty list shows nothing.
    pub any_of: Box<[Box<[u8]>]>,
}

/// What a filter compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterBy {
    /// The name of a bucket, in full.
    BucketName,
    /// The start of a key.
    KeyPrefix,
}

impl Filter {
    /// Whether an entry of the list may be shown.
    pub fn shows(&self, entry: &[u8]) -> bool {
        self.any_of.iter().any(|allowed| match self.by {
            FilterBy::BucketName => entry == &**allowed,
            FilterBy::KeyPrefix => entry.starts_with(allowed),
        })
    }
}

impl Obligations {
    /// Whether nothing is demanded.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds one obligation of a layer, with its operand filled in from the facts.
    pub(crate) fn add(
        &mut self,
        obligation: &Obligation,
        facts: &dyn Facts,
    ) -> Result<(), Unfulfillable> {
        let kind = obligation.kind;
        let refused = Unfulfillable { kind };
        match with_operation(facts, |operation| bearing(kind, operation)) {
            Some(Bearing::Applies) => {}
            Some(Bearing::Holds) => return Ok(()),
            Some(Bearing::Refuses) | None => return Err(refused),
        }
        let unpacked;
        let values = match &obligation.operand {
            Operand::None if kind.takes_operand() => return Err(refused),
            Operand::None => Values::Many(&[]),
            Operand::Constant(bytes) if kind == Kind::FilterList => {
                unpacked = unpack(bytes).ok_or(refused)?;
                Values::Many(&unpacked)
            }
            Operand::Constant(bytes) => Values::One(Value::Text(bytes)),
            Operand::Reference(attribute) => match facts.get(attribute) {
                Fact::Present(values) => values,
                Fact::Absent => return Ok(()),
                Fact::NotFetched => return Err(refused),
            },
        };
        self.merge(kind, values, facts).ok_or(refused)
    }

    /// `None` where the operand makes no sense, or contradicts another.
    fn merge(&mut self, kind: Kind, values: Values<'_>, facts: &dyn Facts) -> Option<()> {
        match kind {
            Kind::RequireCreator => self.require_creator = true,
            Kind::IfNoneMatch => self.if_none_match = true,
            Kind::MaxBytes => {
                for value in values.iter() {
                    let most = whole(value)?;
                    self.max_bytes = Some(self.max_bytes.map_or(most, |other| other.min(most)));
                }
            }
            Kind::FilterList => {
                let by = with_operation(facts, |operation| match operation {
                    "ListBuckets" => FilterBy::BucketName,
                    _ => FilterBy::KeyPrefix,
                })?;
                let any_of = values.iter().map(bytes).collect::<Option<Box<[_]>>>()?;
                self.filters.push(Filter { by, any_of });
            }
            Kind::ExpectVersion => {
                let version = bytes(single(values)?)?;
                if self
                    .expect_version
                    .as_ref()
                    .is_some_and(|other| *other != version)
                {
                    return None;
                }
                self.expect_version = Some(version);
            }
            Kind::StripHeader => {
                for value in values.iter() {
                    let name = String::from_utf8(bytes(value)?.into())
                        .ok()?
                        .to_ascii_lowercase();
                    if !self.strip_headers.iter().any(|other| **other == *name) {
                        self.strip_headers.push(name.into());
                    }
                }
            }
        }
        Some(())
    }
}

/// An obligation that this request cannot fulfil, so that it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the obligation `{kind}` cannot be fulfilled by this operation, or contradicts another")]
pub struct Unfulfillable {
    /// Its kind.
    pub kind: Kind,
}

fn with_operation<T>(facts: &dyn Facts, use_it: impl FnOnce(&str) -> T) -> Option<T> {
    let attribute = const { Attribute::plain(Name::Operation) }?;
    match facts.get(&attribute) {
        Fact::Present(values) => match single(values)? {
            Value::Text(text) => std::str::from_utf8(text).ok().map(use_it),
            _ => None,
        },
        Fact::Absent | Fact::NotFetched => None,
    }
}

fn single(values: Values<'_>) -> Option<Value<'_>> {
    if values.len() == 1 {
        values.get(0)
    } else {
        None
    }
}

fn bytes(value: Value<'_>) -> Option<Box<[u8]>> {
    match value {
        Value::Text(text) => Some(text.into()),
        _ => None,
    }
}

fn whole(value: Value<'_>) -> Option<u64> {
    let thousandths = match value {
        Value::Number(number) => number,
        Value::Text(text) => fixed_point(text)?,
        _ => return None,
    };
    u64::try_from(thousandths.div_euclid(1_000)).ok()
}

/// A constant list: its entries one after the other, each behind its length in two little-endian bytes.
fn unpack(mut list: &[u8]) -> Option<Vec<Value<'_>>> {
    let mut entries = Vec::new();
    while let Some((length, rest)) = list.split_first_chunk() {
        let (entry, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
        entries.push(Value::Text(entry));
        list = rest;
    }
    list.is_empty().then_some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_of_an_operation_can_fulfil_its_obligation() {
        for kind in Kind::ALL {
            for operation in kind.examples() {
                assert_ne!(
                    bearing(*kind, operation),
                    Bearing::Refuses,
                    "{kind} {operation}"
                );
            }
        }
    }
}
