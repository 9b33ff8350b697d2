//! Conditional requests: one pure function for reads, copies and writes.
//!
//! The order is that of RFC 9110, section 13.2.2: an entity tag outranks a time. What differs between reads, copies and
//! writes is the answer alone: a read that has the object already is 304, a copy or a write is 412.

use crate::call::{Conditions, DeleteIf, TagMatch};
use crate::error::{S3Code, S3Error};
use crate::names::VersionId;
use crate::object::ETag;

/// What is judged: the object as it stands now.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// Its entity tag.
    pub etag: &'a ETag,
    /// Milliseconds since 1970.
    pub modified_ms: u64,
    /// Its version, for the headers of a 304.
    pub version: Option<VersionId>,
}

/// What the conditions are put on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// GetObject, HeadObject.
    Read,
    /// The source of a copy.
    CopySource,
    /// PutObject, CopyObject's destination, CompleteMultipartUpload, DeleteObject.
    Write,
}

impl Conditions {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Judges the object as it stands; `None` where there is none (on reads that is NoSuchKey anyway, and is not judged).
    ///
    /// # Errors
    /// [`S3Code::PreconditionFailed`], [`S3Code::NotModified`] (reads alone), and [`S3Code::NoSuchKey`] for a write that
    /// wants to match an object that is not there, as S3 answers it.
    pub fn judge(&self, access: Access, standing: Option<Standing<'_>>) -> Result<(), S3Error> {
        match standing {
            Some(standing) => self.judge_standing(access, standing),
            None => self.judge_absent(access),
        }
    }

    fn judge_standing(&self, access: Access, standing: Standing<'_>) -> Result<(), S3Error> {
        let modified = i64::try_from(standing.modified_ms / 1_000).unwrap_or(i64::MAX);
        let failed = |condition| Err(precondition(condition));
        let known = |condition| match access {
            Access::Read => Err(not_modified(standing)),
            Access::CopySource | Access::Write => Err(precondition(condition)),
        };

        if let Some(tags) = &self.if_match {
            if !tags.holds(standing.etag) {
                return failed("If-Match");
            }
        } else if self.if_unmodified_since.is_some_and(|time| modified > time) {
            return failed("If-Unmodified-Since");
        }

        if let Some(tags) = &self.if_none_match {
            if tags.holds(standing.etag) {
                return known("If-None-Match");
            }
        } else if self.if_modified_since.is_some_and(|time| modified <= time) {
            return known("If-Modified-Since");
        }
        Ok(())
    }

    fn judge_absent(&self, access: Access) -> Result<(), S3Error> {
        match (access, &self.if_match) {
            (Access::Write, Some(TagMatch::OneOf(_) | TagMatch::Any)) => {
                Err(S3Code::NoSuchKey.into())
            }
            (Access::Write, None) | (Access::Read | Access::CopySource, _) => Ok(()),
        }
    }
}

impl DeleteIf {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it asks for more than that something is there: whoever may compare may find out.
    pub fn compares(&self) -> bool {
        matches!(self.tag, Some(TagMatch::OneOf(_)))
            || self.size.is_some()
            || self.modified.is_some()
    }

    /// Judges what stands there. A delete marker has no entity tag.
    ///
    /// # Errors
    /// [`S3Code::PreconditionFailed`].
    pub fn judge(&self, etag: Option<&ETag>, size: u64, modified_ms: u64) -> Result<(), S3Error> {
        let has_tag = |tags: &TagMatch| match (tags, etag) {
            (TagMatch::Any, _) => true,
            (tags, Some(etag)) => tags.holds(etag),
            (TagMatch::OneOf(_), None) => false,
        };
        let seconds = i64::try_from(modified_ms / 1_000).unwrap_or(i64::MAX);
        if !self.tag.as_ref().is_none_or(has_tag) {
            return Err(precondition("If-Match"));
        }
        if self.size.is_some_and(|wanted| wanted != size) {
            return Err(precondition("x-amz-if-match-size"));
        }
        if self.modified.is_some_and(|wanted| wanted != seconds) {
            return Err(precondition("x-amz-if-match-last-modified-time"));
        }
        Ok(())
    }
}

impl TagMatch {
    /// Whether the tag is among these. Texts are compared whole: a tag that is no tag of ours matches nothing.
    pub fn holds(&self, etag: &ETag) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(tags) => {
                let text = etag.to_string();
                tags.contains(&text)
            }
        }
    }
}

fn precondition(condition: &'static str) -> S3Error {
    S3Error::new(S3Code::PreconditionFailed).and("Condition", condition)
}

/// A 304 repeats what a cache keeps; the renderer makes headers of these.
fn not_modified(standing: Standing<'_>) -> S3Error {
    let mut error = S3Error::new(S3Code::NotModified)
        .and("ETag", format!("\"{}\"", standing.etag))
        .and("LastModified", crate::date::http(standing.modified_ms));
    if let Some(version) = standing.version {
        error = error.and("VersionId", version.to_string());
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODIFIED_MS: u64 = 1_700_000_000_500;
    const MODIFIED: i64 = 1_700_000_000;

    fn etag(byte: u8) -> ETag {
        ETag {
            md5: [byte; 16],
            parts: None,
        }
    }

    fn one_of(byte: u8) -> TagMatch {
        TagMatch::OneOf(vec![etag(byte).to_string()])
    }

    fn judge(conditions: &Conditions, access: Access) -> Result<(), S3Code> {
        let (etag, version) = (etag(1), None);
        let standing = Standing {
            etag: &etag,
            modified_ms: MODIFIED_MS,
            version,
        };
        conditions
            .judge(access, Some(standing))
            .map_err(|error| error.code)
    }

    #[test]
    fn a_deletion_finds_what_it_names_or_does_nothing() {
        let (own, size) = (etag(1), 5);
        let holds =
            |only_if: DeleteIf, tag: Option<&ETag>| only_if.judge(tag, size, MODIFIED_MS).is_ok();
        let tag = |tag| DeleteIf {
            tag: Some(tag),
            ..DeleteIf::default()
        };
        assert!(holds(tag(one_of(1)), Some(&own)) && !holds(tag(one_of(2)), Some(&own)));
        assert!(holds(tag(TagMatch::Any), None) && !holds(tag(one_of(1)), None));
        for (wanted, fits) in [(5, true), (4, false)] {
            let only_if = DeleteIf {
                size: Some(wanted),
                ..DeleteIf::default()
            };
            assert_eq!(holds(only_if, Some(&own)), fits);
        }
        for (wanted, fits) in [(MODIFIED, true), (MODIFIED + 1, false)] {
            let only_if = DeleteIf {
                modified: Some(wanted),
                ..DeleteIf::default()
            };
            assert_eq!(holds(only_if, Some(&own)), fits);
        }
    }

    #[test]
    fn each_condition_alone() {
        let none = Conditions::default;
        let if_match = |tags| Conditions {
            if_match: Some(tags),
            ..none()
        };
        let if_none_match = |tags| Conditions {
            if_none_match: Some(tags),
            ..none()
        };
        let modified = |time| Conditions {
            if_modified_since: Some(time),
            ..none()
        };
        let unmodified = |time| Conditions {
            if_unmodified_since: Some(time),
            ..none()
        };
        let failed = Err(S3Code::PreconditionFailed);
        let known = Err(S3Code::NotModified);
        let cases = [
            (if_match(one_of(1)), Ok(()), Ok(())),
            (if_match(one_of(2)), failed, failed),
            (if_match(TagMatch::Any), Ok(()), Ok(())),
            (if_none_match(one_of(1)), known, failed),
            (if_none_match(one_of(2)), Ok(()), Ok(())),
            (if_none_match(TagMatch::Any), known, failed),
            (modified(MODIFIED), known, failed),
            (modified(MODIFIED - 1), Ok(()), Ok(())),
            (unmodified(MODIFIED), Ok(()), Ok(())),
            (unmodified(MODIFIED - 1), failed, failed),
        ];
        for (conditions, read, others) in cases {
            assert_eq!(judge(&conditions, Access::Read), read, "{conditions:?}");
            assert_eq!(
                judge(&conditions, Access::CopySource),
                others,
                "{conditions:?}"
            );
            assert_eq!(judge(&conditions, Access::Write), others, "{conditions:?}");
        }
    }

    #[test]
    fn an_entity_tag_outranks_a_time() {
        let matching = Conditions {
            if_match: Some(one_of(1)),
            if_unmodified_since: Some(MODIFIED - 100),
            ..Conditions::default()
        };
        assert_eq!(judge(&matching, Access::Read), Ok(()));
        let known = Conditions {
            if_none_match: Some(one_of(1)),
            if_modified_since: Some(MODIFIED - 100),
            ..Conditions::default()
        };
        assert_eq!(judge(&known, Access::Read), Err(S3Code::NotModified));
        assert_eq!(
            judge(&known, Access::CopySource),
            Err(S3Code::PreconditionFailed)
        );
        let other = Conditions {
            if_none_match: Some(one_of(2)),
            if_modified_since: Some(MODIFIED + 100),
            ..Conditions::default()
        };
        assert_eq!(judge(&other, Access::Read), Ok(()));
    }

    #[test]
    fn a_failed_match_is_told_before_a_known_object() {
        let both = Conditions {
            if_match: Some(one_of(2)),
            if_none_match: Some(one_of(1)),
            ..Conditions::default()
        };
        assert_eq!(judge(&both, Access::Read), Err(S3Code::PreconditionFailed));
    }

    #[test]
    fn a_write_on_nothing() {
        let judge = |conditions: Conditions| {
            conditions
                .judge(Access::Write, None)
                .map_err(|error| error.code)
        };
        let none = Conditions::default;
        assert_eq!(judge(none()), Ok(()));
        assert_eq!(
            judge(Conditions {
                if_none_match: Some(TagMatch::Any),
                ..none()
            }),
            Ok(())
        );
        assert_eq!(
            judge(Conditions {
                if_match: Some(one_of(1)),
                ..none()
            }),
            Err(S3Code::NoSuchKey)
        );
        assert_eq!(
            judge(Conditions {
                if_match: Some(TagMatch::Any),
                ..none()
            }),
            Err(S3Code::NoSuchKey)
        );
        assert_eq!(
            judge(Conditions {
                if_unmodified_since: Some(0),
                ..none()
            }),
            Ok(())
        );
    }

    #[test]
    fn a_304_carries_what_a_cache_keeps() {
        let etag = etag(1);
        let conditions = Conditions {
            if_none_match: Some(one_of(1)),
            ..Conditions::default()
        };
        let standing = Standing {
            etag: &etag,
            modified_ms: MODIFIED_MS,
            version: Some(VersionId::Null),
        };
        let error = conditions.judge(Access::Read, Some(standing)).unwrap_err();
        let names: Vec<&str> = error.extra.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["ETag", "LastModified", "VersionId"]);
    }
}
