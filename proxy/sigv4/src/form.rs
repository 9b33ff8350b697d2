//! POST forms: an upload from a web page, under a policy that somebody else signed.
//!
//! Three things belong to the caller of this module: the bucket is that of the URL and never a field of the form;
//! `${filename}` is expanded before a [`Form`] is made, since conditions are about what results; and the
//! [`LengthRange`] is enforced while the file flows.
//! Source: S3 API Reference, "POST Object" and "Creating a POST Policy".

mod policy;

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq;

use crate::error::{AuthError, Part, Place};
use crate::key::{Signature, SigningKey};
use crate::limits::{POLICY_BASE64_BYTES_MAX, PRESIGNED_SECONDS_MAX};
use crate::presented::{Expectation, check_life};
use crate::scope::{ALGORITHM, Credential, Scope};
use crate::time::Timestamp;

use policy::Policy;
pub use policy::{LengthRange, PolicyFault};

const PLACE: Place = Place::Form;

/// Why a form is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// Its credentials or its signature.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// A field is there twice: the one that is checked might not be the one that is used.
    #[error("more than one field `{name}`")]
    RepeatedField {
        /// Which, in lower case.
        name: String,
    },
    /// The form names another bucket than its URL.
    #[error("the form is for another bucket than its URL")]
    ForeignBucket,
    /// The policy cannot be read.
    #[error("malformed policy: {0}")]
    MalformedPolicy(#[from] PolicyFault),
    /// The policy's time is over. Seconds since 1970.
    #[error("the policy expired at {at}, and it is {server}")]
    PolicyExpired {
        /// Its last second.
        at: u64,
        /// When the form arrived.
        server: u64,
    },
    /// A field does not fit a condition.
    #[error("the form does not fit the condition {condition}")]
    ConditionFailed {
        /// The condition, as JSON.
        condition: String,
    },
    /// A field that no condition speaks of.
    #[error("no condition of the policy allows the field `{name}`")]
    ExtraField {
        /// Which, in lower case.
        name: String,
    },
    /// The file is shorter than the policy allows.
    #[error("the file has {bytes} bytes, less than {min}")]
    TooSmall {
        /// How long it is.
        bytes: u64,
        /// The least.
        min: u64,
    },
    /// The file is longer than the policy allows.
    #[error("the file has more than {max} bytes")]
    TooLarge {
        /// The most.
        max: u64,
    },
}

/// The fields of a form, before its file, and the bucket of its URL.
#[derive(Debug)]
pub struct Form<'f> {
    bucket: &'f str,
    /// Names in lower case.
    fields: Vec<(Cow<'f, str>, &'f str)>,
}

impl<'f> Form<'f> {
    /// Takes the fields that came before the file, with `${filename}` expanded. Names are compared without regard
    /// to case; none may come twice, and a field `bucket` must agree with the URL.
    pub fn new(
        bucket: &'f str,
        fields: impl IntoIterator<Item = (&'f str, &'f str)>,
    ) -> Result<Self, FormError> {
        let mut form = Self {
            bucket,
            fields: Vec::new(),
        };
        for (name, value) in fields {
            let name = if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
                Cow::Owned(name.to_ascii_lowercase())
            } else {
                Cow::Borrowed(name)
            };
            if name == "bucket" && value != bucket {
                return Err(FormError::ForeignBucket);
            }
            if form.get(&name).is_some() && !name.starts_with(IGNORED) {
                return Err(FormError::RepeatedField {
                    name: name.into_owned(),
                });
            }
            form.fields.push((name, value));
        }
        Ok(form)
    }

    /// Reads the credentials of the form, and checks all that needs no secret.
    ///
    /// `now` is in seconds since 1970.
    pub fn read(
        &self,
        now: u64,
        expected: &Expectation<'_>,
    ) -> Result<PresentedForm<'_>, FormError> {
        if !CREDENTIAL.iter().any(|name| self.get(name).is_some()) {
            return Ok(PresentedForm::Anonymous);
        }
        let foreign = self.get("awsaccesskeyid").is_some() || self.get("signature").is_some();
        match self.get("x-amz-algorithm") {
            Some(ALGORITHM) if !foreign => {}
            None if !foreign => return Err(missing(Part::Algorithm)),
            Some(_) | None => return Err(AuthError::UnsupportedAlgorithm { place: PLACE }.into()),
        }
        let need = |name, part| self.get(name).ok_or_else(|| missing(part));
        let policy = need("policy", Part::Policy)?;
        if policy.len() > POLICY_BASE64_BYTES_MAX {
            return Err(PolicyFault::TooLong.into());
        }
        let credential = Credential::parse(need("x-amz-credential", Part::Credential)?, PLACE)?;
        let signature = need("x-amz-signature", Part::Signature)?;
        let date = need("x-amz-date", Part::Date)?;
        let malformed = |part| AuthError::Malformed { place: PLACE, part };
        let time = Timestamp::parse(date).ok_or_else(|| malformed(Part::Date))?;
        let signature =
            Signature::parse(signature.as_bytes()).ok_or_else(|| malformed(Part::Signature))?;
        expected.check_scope(&credential.scope, time, PLACE)?;
        // A form may be as old as a presigned URL: a signing key is good for seven days.
        check_life(time.unix(), PRESIGNED_SECONDS_MAX, now)?;
        let session_token = self.get("x-amz-security-token");
        expected.check_token(session_token, PLACE)?;
        Ok(PresentedForm::Signed(FormClaim {
            form: self,
            now,
            credential,
            time,
            signature,
            session_token,
            policy,
        }))
    }

    /// The value of a field, by its name in lower case.
    fn get(&self, name: &str) -> Option<&'f str> {
        self.fields
            .iter()
            .find(|(field, _)| field == name)
            .map(|&(_, value)| value)
    }

    /// What a condition on `name` is about.
    fn subject(&self, name: &str) -> Option<&'f str> {
        if name == "bucket" {
            Some(self.bucket)
        } else {
            self.get(name)
        }
    }

    /// Checks every condition against the fields, and every field against the conditions.
    fn check(&self, policy: &Policy) -> Result<(), FormError> {
        for condition in policy.conditions() {
            if !condition.holds(|name| self.subject(name)) {
                return Err(FormError::ConditionFailed {
                    condition: condition.to_string(),
                });
            }
        }
        let names = self.fields.iter().map(|(name, _)| name.as_ref());
        for name in names.filter(|name| *name != "bucket").chain(["bucket"]) {
            if !needs_no_condition(name) && !policy.speaks_of(name) {
                return Err(FormError::ExtraField {
                    name: name.to_owned(),
                });
            }
        }
        Ok(())
    }
}

/// What a form presents.
#[derive(Debug)]
pub enum PresentedForm<'f> {
    /// Neither a policy nor credentials.
    Anonymous,
    /// A policy, to be verified.
    Signed(FormClaim<'f>),
}

/// What a form claims. Nobody may act on it before [`verify`](FormClaim::verify).
#[derive(Debug)]
pub struct FormClaim<'f> {
    form: &'f Form<'f>,
    now: u64,
    credential: Credential<'f>,
    time: Timestamp,
    signature: Signature,
    session_token: Option<&'f str>,
    policy: &'f str,
}

impl<'f> FormClaim<'f> {
    /// The access key id, as the form has it.
    pub fn access_key_id(&self) -> &str {
        &self.credential.access_key_id
    }

    /// What the signing key must be derived for.
    pub const fn scope(&self) -> &Scope<'f> {
        &self.credential.scope
    }

    /// When the policy was signed.
    pub const fn time(&self) -> Timestamp {
        self.time
    }

    /// The session token, where [`Sessions::Accepted`](crate::Sessions).
    pub const fn session_token(&self) -> Option<&str> {
        self.session_token
    }

    /// Checks the signature of the policy with `key`, then the policy: that it is still good, that each of its
    /// conditions holds, and that each field is covered by one. Nothing of the policy is read before its
    /// signature is known to be right.
    pub fn verify(&self, key: &SigningKey) -> Result<VerifiedForm, FormError> {
        let actual = key.mac(&[self.policy.as_bytes()]);
        let fits = bool::from(actual.ct_eq(&self.signature)) && key.scope() == self.scope();
        if !fits {
            return Err(AuthError::Mismatch.into());
        }
        let json = STANDARD
            .decode(self.policy)
            .map_err(|_| PolicyFault::Base64)?;
        let policy = Policy::parse(&json)?;
        if self.now > policy.expiration() {
            return Err(FormError::PolicyExpired {
                at: policy.expiration(),
                server: self.now,
            });
        }
        self.form.check(&policy)?;
        Ok(VerifiedForm {
            time: self.time,
            length: policy.length(),
        })
    }
}

/// A form whose policy is signed, and kept. Only [`FormClaim::verify`] makes one.
#[derive(Debug)]
pub struct VerifiedForm {
    time: Timestamp,
    length: LengthRange,
}

impl VerifiedForm {
    /// When the policy was signed.
    pub const fn time(&self) -> Timestamp {
        self.time
    }

    /// How long the file may be, to be enforced while it flows.
    pub const fn length(&self) -> LengthRange {
        self.length
    }
}

/// Fields of which one is enough to make a form not anonymous; those of Signature Version 2 among them.
const CREDENTIAL: [&str; 8] = [
    "policy",
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-signature",
    "x-amz-security-token",
    "awsaccesskeyid",
    "signature",
];

/// Fields with this prefix mean nothing.
const IGNORED: &str = "x-ignore-";

/// Fields that a policy need not speak of. Source: "Creating a POST Policy", "Conditions".
fn needs_no_condition(name: &str) -> bool {
    matches!(name, "x-amz-signature" | "file" | "policy") || name.starts_with(IGNORED)
}

fn missing(part: Part) -> FormError {
    AuthError::Missing { place: PLACE, part }.into()
}
