//! POST forms and their policies.

use sigv4::form::{Form, FormError, LengthRange, PolicyFault, PresentedForm};
use sigv4::limits::{CLOCK_SKEW_SECONDS_MAX, POLICY_BASE64_BYTES_MAX, PRESIGNED_SECONDS_MAX};
use sigv4::{AuthError, Expectation, Part, Place};

use crate::fixture::{NOW, REGION, key, key_for, signer};

const PLACE: Place = Place::Form;
const BUCKET: &str = "examplebucket";

/// A form with a policy of `conditions`, and with `fields`, signed.
struct Upload {
    fields: Vec<(String, String)>,
}

impl Upload {
    fn new(conditions: &str, fields: &[(&str, &str)]) -> Self {
        Self::raw(&policy(conditions), fields)
    }

    fn raw(policy: &str, fields: &[(&str, &str)]) -> Self {
        let key = key();
        let signed = signer(&key, NOW).form(policy);
        let own = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        let mut all: Vec<_> = fields.iter().map(own).collect();
        all.extend(
            signed
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value)),
        );
        Self { fields: all }
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(field, _)| field != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        let before = self.fields.len();
        self.fields.retain(|(field, _)| field != name);
        assert!(self.fields.len() < before, "{name}");
        self
    }

    fn check(&self) -> Result<LengthRange, FormError> {
        self.check_at(BUCKET, NOW)
    }

    fn check_at(&self, bucket: &str, now: u64) -> Result<LengthRange, FormError> {
        let fields = self
            .fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let form = Form::new(bucket, fields)?;
        match form.read(now, &Expectation::s3(REGION))? {
            PresentedForm::Anonymous => panic!("an anonymous form"),
            PresentedForm::Signed(claim) => {
                let key = key_for(claim.time().unix(), REGION);
                claim.verify(&key).map(|form| form.length())
            }
        }
    }

    fn error(&self) -> FormError {
        self.check().unwrap_err()
    }
}

/// A policy with these conditions and those that every form needs.
fn policy(conditions: &str) -> String {
    let separator = if conditions.is_empty() { "" } else { "," };
    format!(
        r#"{{"expiration":"2013-05-25T00:00:00Z","conditions":[
            {{"bucket":"{BUCKET}"}},["starts-with","$x-amz-credential",""],
            {{"x-amz-algorithm":"AWS4-HMAC-SHA256"}},["starts-with","$x-amz-date",""]
            {separator}{conditions}]}}"#
    )
}

const ANY_KEY: &str = r#"["starts-with","$key",""]"#;

fn simple() -> Upload {
    Upload::new(ANY_KEY, &[("key", "a")])
}

#[test]
fn a_form_that_fits_its_policy_is_verified() {
    assert_eq!(simple().check(), Ok(LengthRange::ANY));
    let form = Upload::new(
        r#"["starts-with","$key","user/"],{"acl":"private"},["eq","$Content-Type","image/png"],
           ["content-length-range",1,1048576],["starts-with","$x-amz-meta-tag",""]"#,
        &[
            ("Key", "user/a"),
            ("ACL", "private"),
            ("content-type", "image/png"),
            ("x-amz-meta-tag", ""),
        ],
    );
    let length = form.check().unwrap();
    assert_eq!((length.min(), length.max()), (1, 1_048_576));
}

#[test]
fn a_form_without_a_policy_is_anonymous_and_half_a_credential_is_not() {
    let read = |fields: &[(&'static str, &'static str)]| {
        let form = Form::new(BUCKET, fields.iter().copied()).unwrap();
        form.read(NOW, &Expectation::s3(REGION))
            .map(|presented| match presented {
                PresentedForm::Anonymous => true,
                PresentedForm::Signed(_) => false,
            })
    };
    assert_eq!(read(&[("key", "a"), ("acl", "private")]), Ok(true));
    for field in [
        "policy",
        "Policy",
        "x-amz-algorithm",
        "X-Amz-Credential",
        "x-amz-date",
        "x-amz-signature",
        "x-amz-security-token",
        "AWSAccessKeyId",
        "signature",
    ] {
        assert!(read(&[("key", "a"), (field, "")]).is_err(), "{field}");
    }
}

#[test]
fn a_forged_or_altered_policy_is_refused() {
    let mismatch = FormError::Auth(AuthError::Mismatch);
    assert_eq!(
        simple().set("x-amz-signature", &"0".repeat(64)).error(),
        mismatch
    );
    let other = Upload::new("", &[]);
    let policy = &other
        .fields
        .iter()
        .find(|(name, _)| name == "policy")
        .unwrap()
        .1;
    assert_eq!(simple().set("policy", policy).error(), mismatch);
    // A policy of which nothing can be read is not even read.
    assert_eq!(simple().set("policy", "").error(), mismatch);
    assert_eq!(simple().set("policy", "!").error(), mismatch);
    let malformed = AuthError::Malformed {
        place: PLACE,
        part: Part::Signature,
    };
    for signature in ["", "0", &"A".repeat(64), &"g".repeat(64)] {
        assert_eq!(
            simple().set("x-amz-signature", signature).error(),
            malformed.clone().into()
        );
    }
}

#[test]
fn each_part_of_the_credential_is_needed_and_well_formed() {
    for (field, part) in [
        ("policy", Part::Policy),
        ("x-amz-algorithm", Part::Algorithm),
        ("x-amz-credential", Part::Credential),
        ("x-amz-date", Part::Date),
        ("x-amz-signature", Part::Signature),
    ] {
        let missing = AuthError::Missing { place: PLACE, part };
        assert_eq!(simple().without(field).error(), missing.into(), "{field}");
    }
    let malformed = |part| FormError::Auth(AuthError::Malformed { place: PLACE, part });
    let unsupported = FormError::Auth(AuthError::UnsupportedAlgorithm { place: PLACE });
    for algorithm in ["AWS4-ECDSA-P256-SHA256", "aws4-hmac-sha256", ""] {
        assert_eq!(
            simple().set("x-amz-algorithm", algorithm).error(),
            unsupported
        );
    }
    assert_eq!(simple().set("AWSAccessKeyId", "a").error(), unsupported);
    assert_eq!(
        simple().set("x-amz-date", "2013-05-24T00:00:00Z").error(),
        malformed(Part::Date)
    );
    assert_eq!(
        simple().set("x-amz-credential", "a").error(),
        malformed(Part::Credential)
    );
    assert_eq!(
        simple()
            .set(
                "x-amz-credential",
                "AKID/20130525/us-east-1/s3/aws4_request"
            )
            .error(),
        AuthError::ScopeDate { place: PLACE }.into(),
    );
    assert!(matches!(
        simple()
            .set(
                "x-amz-credential",
                "AKID/20130524/eu-west-1/s3/aws4_request"
            )
            .error(),
        FormError::Auth(AuthError::WrongRegion { place: PLACE, .. }),
    ));
    assert_eq!(
        simple().set("x-amz-security-token", "t").error(),
        AuthError::SessionToken.into()
    );
}

#[test]
fn a_form_cannot_leave_the_bucket_of_its_url() {
    assert_eq!(
        simple().set("bucket", "otherbucket").error(),
        FormError::ForeignBucket
    );
    assert_eq!(
        simple().set("Bucket", "otherbucket").error(),
        FormError::ForeignBucket
    );
    assert_eq!(simple().set("bucket", BUCKET).check(), Ok(LengthRange::ANY));
    let failed = simple().check_at("otherbucket", NOW).unwrap_err();
    assert!(
        matches!(failed, FormError::ConditionFailed { .. }),
        "{failed:?}"
    );
    // A form that agrees with a foreign URL fits its policy no better.
    let failed = simple()
        .set("bucket", "otherbucket")
        .check_at("otherbucket", NOW)
        .unwrap_err();
    assert!(
        matches!(failed, FormError::ConditionFailed { .. }),
        "{failed:?}"
    );
    let silent = policy(ANY_KEY).replace(&format!(r#"{{"bucket":"{BUCKET}"}},"#), "");
    let extra = FormError::ExtraField {
        name: "bucket".to_owned(),
    };
    assert_eq!(Upload::raw(&silent, &[("key", "a")]).error(), extra);
}

#[test]
fn every_condition_is_enforced() {
    for (condition, good, bad) in [
        (r#"{"acl":"private"}"#, "private", "public-read"),
        (r#"["eq","$acl","private"]"#, "private", "Private"),
        (r#"["starts-with","$acl","pri"]"#, "private", "public-read"),
        (r#"["StArTs-WiTh","$ACL","pri"]"#, "private", "PRIVATE"),
        (r#"["starts-with","$acl",""]"#, "anything", ""),
        (r#"["eq","$acl",201]"#, "201", "200"),
        (r#"["eq","$acl",""]"#, "", "x"),
    ] {
        let conditions = format!("{ANY_KEY},{condition}");
        let form = |acl| Upload::new(&conditions, &[("key", "a"), ("acl", acl)]);
        assert!(form(good).check().is_ok(), "{condition} {good}");
        if !condition.contains("starts-with\",\"$acl\",\"\"") {
            let failed = form(bad).error();
            assert!(
                matches!(failed, FormError::ConditionFailed { .. }),
                "{condition}: {failed:?}"
            );
        }
    }
    // A field that is not there does not fit what asks for something.
    for (condition, fits) in [
        (r#"{"acl":"private"}"#, false),
        (r#"["starts-with","$acl","p"]"#, false),
        (r#"["starts-with","$acl",""]"#, true),
        (r#"["content-length-range",0,10]"#, true),
    ] {
        let form = Upload::new(&format!("{ANY_KEY},{condition}"), &[("key", "a")]);
        assert_eq!(form.check().is_ok(), fits, "{condition}");
    }
    let failed = Upload::new(r#"["eq","$key","b"]"#, &[("key", "a")]).error();
    assert_eq!(
        failed,
        FormError::ConditionFailed {
            condition: r#"["eq","$key","b"]"#.to_owned()
        }
    );
}

#[test]
fn a_field_that_no_condition_speaks_of_is_refused() {
    let extra = |name: &str| FormError::ExtraField {
        name: name.to_owned(),
    };
    for field in [
        "acl",
        "x-amz-meta-a",
        "Content-Type",
        "success_action_status",
        "tagging",
        "submit",
    ] {
        assert_eq!(
            simple().set(field, "").error(),
            extra(&field.to_ascii_lowercase()),
            "{field}"
        );
    }
    for field in ["x-ignore-a", "X-Ignore-", "file"] {
        assert!(simple().set(field, "").check().is_ok(), "{field}");
    }
    assert_eq!(Upload::new("", &[("key", "a")]).error(), extra("key"));
    let without_date = policy(ANY_KEY).replace(r#",["starts-with","$x-amz-date",""]"#, "");
    assert_eq!(
        Upload::raw(&without_date, &[("key", "a")]).error(),
        extra("x-amz-date")
    );
}

#[test]
fn a_field_is_not_said_twice() {
    for (first, second) in [("key", "key"), ("key", "KEY"), ("Policy", "policy")] {
        let result = Form::new(BUCKET, [(first, "a"), (second, "a")]);
        let name = first.to_ascii_lowercase();
        assert_eq!(result.unwrap_err(), FormError::RepeatedField { name });
    }
    assert!(Form::new(BUCKET, [("x-ignore-a", "1"), ("x-ignore-a", "2")]).is_ok());
}

#[test]
fn a_policy_is_good_to_its_last_second_and_for_seven_days_at_most() {
    let end = NOW + 86_400;
    assert!(simple().check_at(BUCKET, end).is_ok());
    let expired = FormError::PolicyExpired {
        at: end,
        server: end + 1,
    };
    assert_eq!(simple().check_at(BUCKET, end + 1).unwrap_err(), expired);
    let long = policy(ANY_KEY).replace("2013-05-25", "2033-05-25");
    let long = Upload::raw(&long, &[("key", "a")]);
    let at = NOW + PRESIGNED_SECONDS_MAX;
    assert!(long.check_at(BUCKET, at).is_ok());
    let server = at + 1;
    assert_eq!(
        long.check_at(BUCKET, server).unwrap_err(),
        AuthError::Expired { at, server }.into()
    );
    let early = NOW - CLOCK_SKEW_SECONDS_MAX;
    assert!(simple().check_at(BUCKET, early).is_ok());
    let not_yet = AuthError::NotYetValid {
        from: NOW,
        server: early - 1,
    };
    assert_eq!(
        simple().check_at(BUCKET, early - 1).unwrap_err(),
        not_yet.into()
    );
}

#[test]
fn a_signed_policy_that_cannot_be_read_is_refused() {
    let fault = |policy: &str| match Upload::raw(policy, &[("key", "a")]).error() {
        FormError::MalformedPolicy(fault) => fault,
        other => panic!("{other:?}"),
    };
    assert!(matches!(fault("{}"), PolicyFault::Json { .. }));
    assert!(matches!(fault("\u{0}"), PolicyFault::Json { .. }));
    assert_eq!(fault(&policy("{}")), PolicyFault::Condition { number: 5 });
    assert_eq!(
        fault(&policy("").replace("00:00Z", "00:00")),
        PolicyFault::Expiration
    );
    let long = simple().set("policy", &"A".repeat(POLICY_BASE64_BYTES_MAX + 1));
    assert_eq!(long.error(), PolicyFault::TooLong.into());
    let longest = simple().set("policy", &"A".repeat(POLICY_BASE64_BYTES_MAX));
    assert_eq!(longest.error(), AuthError::Mismatch.into());
}

#[test]
fn a_key_of_another_region_verifies_no_policy() {
    let other = key_for(NOW, "eu-west-1");
    let signed = signer(&other, NOW).form(&policy(ANY_KEY));
    let (theirs, ours) = (other.scope().to_string(), key().scope().to_string());
    let fields: Vec<(&str, String)> = signed
        .into_iter()
        .map(|(name, value)| (name, value.replace(&theirs, &ours)))
        .chain([("key", "a".to_owned())])
        .collect();
    let fields = fields.iter().map(|(name, value)| (*name, value.as_str()));
    let form = Form::new(BUCKET, fields).unwrap();
    let PresentedForm::Signed(claim) = form.read(NOW, &Expectation::s3(REGION)).unwrap() else {
        panic!("an anonymous form");
    };
    for key in [&other, &key()] {
        let refused = claim.verify(key).map(drop).unwrap_err();
        assert!(
            matches!(refused, FormError::Auth(AuthError::Mismatch)),
            "{refused}"
        );
    }
}
