//! The credential scope: the day, region and service that a signature is good for.

use std::borrow::Cow;
use std::fmt;

use crate::error::{AuthError, Part, Place};
use crate::limits::{ACCESS_KEY_ID_BYTES_MAX, REGION_BYTES_MAX};
use crate::text::split;
use crate::time::Date;

/// The service name of S3.
pub(crate) const S3: &str = "s3";
/// What ends every scope.
pub(crate) const TERMINATOR: &str = "aws4_request";
/// The one algorithm there is here.
pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// `date/region/service/aws4_request`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scope<'a> {
    date: Date,
    region: Cow<'a, str>,
    service: Cow<'a, str>,
}

impl<'a> Scope<'a> {
    pub(crate) const fn new(date: Date, region: &'a str, service: &'a str) -> Self {
        Self {
            date,
            region: Cow::Borrowed(region),
            service: Cow::Borrowed(service),
        }
    }

    /// The day of the signing key.
    pub const fn date(&self) -> Date {
        self.date
    }

    /// The region, in the words of whoever signed.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The service, `s3` for all that S3 is.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// The same, and borrowed from nothing.
    pub fn into_owned(self) -> Scope<'static> {
        Scope {
            date: self.date,
            region: Cow::Owned(self.region.into_owned()),
            service: Cow::Owned(self.service.into_owned()),
        }
    }
}

impl fmt::Display for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{}/{}/{TERMINATOR}",
            self.date, self.region, self.service
        )
    }
}

/// `access key id/scope`, as it stands in a header, a query or a form.
#[derive(Debug, Clone)]
pub(crate) struct Credential<'a> {
    pub(crate) access_key_id: Cow<'a, str>,
    pub(crate) scope: Scope<'a>,
}

impl<'a> Credential<'a> {
    /// Reads the five parts; the terminator is checked, the rest is checked against what is expected by
    /// [`check`](crate::presented::Expectation).
    pub(crate) fn parse(text: &'a str, place: Place) -> Result<Self, AuthError> {
        let malformed = || AuthError::Malformed {
            place,
            part: Part::Credential,
        };
        let mut parts = split(text, b'/');
        let (Some(id), Some(date), Some(region), Some(service), Some(terminator), None) = (
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
        ) else {
            return Err(malformed());
        };
        let visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if id.is_empty()
            || id.len() > ACCESS_KEY_ID_BYTES_MAX
            || region.len() > REGION_BYTES_MAX
            || service.len() > REGION_BYTES_MAX
            || !(visible(id) && visible(region) && visible(service))
        {
            return Err(malformed());
        }
        let Some(date) = Date::parse(date) else {
            return Err(malformed());
        };
        if terminator != TERMINATOR {
            return Err(AuthError::Malformed {
                place,
                part: Part::Terminator,
            });
        }
        Ok(Self {
            access_key_id: Cow::Borrowed(id),
            scope: Scope::new(date, region, service),
        })
    }
}

impl Credential<'_> {
    /// The same, and borrowed from nothing.
    pub(crate) fn into_owned(self) -> Credential<'static> {
        Credential {
            access_key_id: Cow::Owned(self.access_key_id.into_owned()),
            scope: self.scope.into_owned(),
        }
    }
}
