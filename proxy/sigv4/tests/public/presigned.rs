//! Signatures in the query.

use sigv4::limits::{CLOCK_SKEW_SECONDS_MAX, PRESIGNED_SECONDS_MAX};
use sigv4::{AuthError, Part, PayloadMode, Place, Presented, presigned_headers};

use crate::fixture::{NOW, Request, name};

const PLACE: Place = Place::Query;

fn swapped(from: &str, to: &str) -> AuthError {
    let mut request = Request::get("/examplebucket/key").presigned();
    request.swap_query(from, to);
    request.error()
}

#[test]
fn a_presigned_url_is_verified() {
    let request = Request::get("/examplebucket/key")
        .query("response-content-type=text%2Fplain&versionId=1")
        .presigned_for(60);
    let claim = request.claim().unwrap();
    assert_eq!((claim.place(), claim.expires()), (PLACE, Some(60)));
    let verified = request.verify().unwrap();
    assert_eq!(verified.expires(), Some(60));
    assert_eq!(verified.payload(), PayloadMode::Unsigned);
}

#[test]
fn a_credential_in_the_query_without_a_signature_is_refused() {
    let missing = |part| AuthError::Missing { place: PLACE, part };
    let mut request = Request::get("/examplebucket/key").presigned();
    let query = request.query.take().unwrap();
    let (unsigned, signature) = query.split_once("&X-Amz-Signature=").unwrap();
    let malformed = AuthError::Malformed {
        place: PLACE,
        part: Part::Signature,
    };
    for (query, expected) in [
        (unsigned.to_owned(), missing(Part::Signature)),
        (format!("{unsigned}&X-Amz-Signature"), malformed.clone()),
        (format!("{unsigned}&X-Amz-Signature="), malformed.clone()),
        (
            format!("{unsigned}&X-Amz-Signature={}", signature.get(1..).unwrap()),
            malformed.clone(),
        ),
        (
            format!("{unsigned}&X-Amz-Signature={}", signature.to_uppercase()),
            malformed.clone(),
        ),
        (
            format!("{unsigned}&X-Amz-Signature={}", "0".repeat(64)),
            AuthError::Mismatch,
        ),
        (
            format!("{query}&X-Amz-Signature={signature}"),
            AuthError::Repeated {
                place: PLACE,
                part: Part::Signature,
            },
        ),
        (
            format!("{unsigned}&x-amz-signature={signature}"),
            AuthError::Malformed {
                place: PLACE,
                part: Part::Whole,
            },
        ),
    ] {
        request.query = Some(query.clone());
        assert_eq!(request.error(), expected, "{query}");
    }
}

#[test]
fn a_part_of_a_credential_never_becomes_anonymous() {
    for query in [
        "X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request",
        "X-Amz-Algorithm=AWS4-HMAC-SHA256",
        "X-Amz-Algorithm",
        "X-Amz-Signature=",
        "X-Amz-Signatur%65=",
        "X-Amz-Date=20130524T000000Z",
        "X-Amz-Expires=60",
        "X-Amz-SignedHeaders=host",
        "X-Amz-Security-Token=t",
        "x-amz-signature=0",
        "X-AMZ-CREDENTIAL=a",
        "AWSAccessKeyId=a&Signature=b&Expires=1",
        "Signature=b",
        "a=1&&X-Amz-Signature=",
    ] {
        let request = Request::get("/examplebucket/key").query(query);
        assert!(request.read().is_err(), "{query}");
    }
    for query in [
        "",
        "list-type=2",
        "x-amz-acl=private",
        "x-id=GetObject",
        "attributes",
    ] {
        let request = Request::get("/examplebucket/key").query(query);
        assert!(
            matches!(request.read(), Ok(Presented::Anonymous(_))),
            "{query}"
        );
    }
}

#[test]
fn each_part_is_needed_once() {
    for (parameter, part) in [
        ("X-Amz-Algorithm", Part::Algorithm),
        ("X-Amz-Credential", Part::Credential),
        ("X-Amz-Date", Part::Date),
        ("X-Amz-Expires", Part::Expires),
        ("X-Amz-SignedHeaders", Part::SignedHeaders),
        ("X-Amz-Signature", Part::Signature),
    ] {
        assert_eq!(
            swapped(&format!("{parameter}="), &format!("other-{parameter}=")),
            AuthError::Missing { place: PLACE, part },
        );
        let twice = swapped(
            &format!("{parameter}="),
            &format!("{parameter}=1&{parameter}="),
        );
        assert_eq!(twice, AuthError::Repeated { place: PLACE, part });
    }
}

#[test]
fn no_other_name_of_an_algorithm_is_taken() {
    for algorithm in [
        "AWS4-ECDSA-P256-SHA256",
        "aws4-hmac-sha256",
        "AWS4-HMAC-SHA1",
        "",
    ] {
        let expected = AuthError::UnsupportedAlgorithm { place: PLACE };
        assert_eq!(
            swapped("AWS4-HMAC-SHA256", algorithm),
            expected,
            "{algorithm}"
        );
    }
    let version_2 = Request::get("/").query("AWSAccessKeyId=a&Signature=b&Expires=1");
    assert_eq!(
        version_2.error(),
        AuthError::UnsupportedAlgorithm { place: PLACE }
    );
}

#[test]
fn a_life_is_1_to_604800_seconds_in_digits_only() {
    for seconds in [1, 60, PRESIGNED_SECONDS_MAX] {
        assert!(
            Request::get("/").presigned_for(seconds).verify().is_ok(),
            "{seconds}"
        );
    }
    for seconds in [0, PRESIGNED_SECONDS_MAX + 1, u64::MAX] {
        let request = Request::get("/").presigned_for(seconds);
        assert_eq!(request.error(), AuthError::ExpiresOutOfRange, "{seconds}");
    }
    for text in [
        "", "-", "--1", "%2B60", "+60", "60.0", "6e1", "0x3c", "60%20", "%D9%A1",
    ] {
        let expected = AuthError::Malformed {
            place: PLACE,
            part: Part::Expires,
        };
        let error = swapped("X-Amz-Expires=3600", &format!("X-Amz-Expires={text}"));
        assert_eq!(error, expected, "{text}");
    }
    assert_eq!(
        swapped("X-Amz-Expires=3600", "X-Amz-Expires=-1"),
        AuthError::ExpiresOutOfRange
    );
    assert_eq!(
        swapped("X-Amz-Expires=3600", "X-Amz-Expires=3601"),
        AuthError::Mismatch
    );
}

#[test]
fn a_url_is_good_from_its_date_to_its_last_second() {
    let request = Request::get("/").presigned_for(3_600);
    let skew = CLOCK_SKEW_SECONDS_MAX;
    for now in [NOW - skew, NOW, NOW + 3_600] {
        assert!(request.verify_at(now).is_ok(), "{now}");
    }
    let server = NOW - skew - 1;
    let early = request.verify_at(server).unwrap_err();
    assert_eq!(early, AuthError::NotYetValid { from: NOW, server });
    for server in [NOW + 3_601, u64::MAX] {
        let late = request.verify_at(server).unwrap_err();
        assert_eq!(
            late,
            AuthError::Expired {
                at: NOW + 3_600,
                server
            }
        );
    }
}

#[test]
fn nothing_can_be_added_to_a_signed_query() {
    for addition in [
        "acl",
        "policy",
        "uploads",
        "versionId=2",
        "response-content-type=text%2Fhtml",
    ] {
        let mut request = Request::get("/examplebucket/key").presigned();
        let query = request.query.take().unwrap();
        for query in [format!("{query}&{addition}"), format!("{addition}&{query}")] {
            request.query = Some(query);
            assert_eq!(request.error(), AuthError::Mismatch, "{addition}");
        }
    }
    let mut request = Request::get("/examplebucket/key").presigned();
    request.method = http::Method::DELETE;
    assert_eq!(request.error(), AuthError::Mismatch);
}

#[test]
fn the_order_and_the_encoding_of_a_signed_query_are_free() {
    let mut request = Request::get("/examplebucket/key")
        .query("a=b%20c")
        .presigned();
    let query = request.query.take().unwrap();
    let turned: Vec<&str> = query.rsplit('&').collect();
    let turned = turned
        .join("&")
        .replace("%2F", "/")
        .replace("a=b%20c", "a=b+c");
    request.query = Some(turned);
    assert!(request.verify().is_ok());
}

#[test]
fn the_host_must_be_signed() {
    assert_eq!(
        swapped("SignedHeaders=host", "SignedHeaders=range"),
        AuthError::HostNotSigned
    );
    let malformed = AuthError::Malformed {
        place: PLACE,
        part: Part::SignedHeaders,
    };
    assert_eq!(swapped("SignedHeaders=host", "SignedHeaders="), malformed);
}

#[test]
fn a_browsers_content_type_needs_no_signature_unless_it_was_signed() {
    let mut request = Request::put("/examplebucket/key").presigned();
    request.set("content-type", "image/png");
    assert!(request.verify().is_ok());
    let mut request = Request::put("/examplebucket/key")
        .with("content-type", "image/png")
        .presigned();
    assert!(request.verify().is_ok());
    request.set("content-type", "text/html");
    assert_eq!(request.error(), AuthError::Mismatch);
    request.headers.remove("content-type");
    let absent = AuthError::SignedHeaderAbsent {
        name: "content-type".to_owned(),
    };
    assert_eq!(request.error(), absent);
}

#[test]
fn names_in_the_query_are_read_as_headers() {
    let query = "X-Amz-Acl=private&x-amz-meta-a=1%202&x-amz-checksum-crc32=AAAAAA%3D%3D\
                 &x-amz-sdk-checksum-algorithm=CRC32&x-id=PutObject&X-Amz-Tagging=a%3Db";
    let request = Request::put("/examplebucket/key").query(query).presigned();
    let verified = request.verify().unwrap();
    let mut read: Vec<_> = verified
        .hoisted()
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    read.sort_unstable();
    let expected = [
        ("x-amz-acl", "private"),
        ("x-amz-meta-a", "1 2"),
        ("x-amz-tagging", "a=b"),
    ];
    assert_eq!(read, expected);
    // In a request that is signed in the header they are parameters like others.
    let request = Request::put("/examplebucket/key").query(query).signed();
    assert!(request.verify().unwrap().hoisted().is_empty());
}

#[test]
fn a_name_is_not_said_in_the_query_and_in_a_header() {
    let request = Request::put("/examplebucket/key")
        .query("x-amz-acl=private")
        .with("x-amz-acl", "public-read")
        .presigned();
    assert_eq!(
        request.error(),
        AuthError::AmbiguousHeader {
            name: name("x-amz-acl")
        }
    );
    let mut request = Request::get("/")
        .with("x-amz-date", "20130524T000001Z")
        .presigned();
    assert_eq!(
        request.error(),
        AuthError::AmbiguousHeader {
            name: name("x-amz-date")
        }
    );
    request.set("x-amz-date", "20130524T000000Z");
    assert_eq!(request.error(), AuthError::Mismatch);
}

#[test]
fn malformed_names_in_the_query_are_refused() {
    for (query, fits) in [
        ("x-amz-meta-a=1", true),
        ("x-amz-meta-a=1&X-Amz-Meta-A=2", false),
        ("x-amz-meta-%0a=1", false),
        ("x-amz-meta-a=%0d%0aInjected:1", false),
        ("x-amz-meta-a=%00", false),
        ("x-amz-meta-a=%ff", false),
        ("x-amz-meta-a%20b=1", false),
        ("other=%0d%0a", true),
    ] {
        assert_eq!(presigned_headers(query).is_ok(), fits, "{query}");
        assert_eq!(
            Request::put("/").query(query).presigned().verify().is_ok(),
            fits,
            "{query}"
        );
    }
}

#[test]
fn the_payload_is_unsigned_unless_the_signer_said_otherwise() {
    let hash = PayloadMode::sign(b"body");
    // Said in a signed header.
    let request = Request::put("/")
        .with("x-amz-content-sha256", &hash.to_text())
        .presigned();
    assert_eq!(request.verify().unwrap().payload(), hash);
    // Said by whoever uses the URL: a check of the body, and no more.
    let mut request = Request::put("/").presigned();
    request.set("x-amz-content-sha256", &hash.to_text());
    assert_eq!(request.verify().unwrap().payload(), hash);
    request.set("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
    assert_eq!(request.verify().unwrap().payload(), PayloadMode::Unsigned);
    request.set("x-amz-decoded-content-length", "0");
    request.set("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    let unsigned = AuthError::UnsignedHeaders {
        names: vec![name("x-amz-content-sha256")],
    };
    assert_eq!(request.error(), unsigned);
    request.set("x-amz-content-sha256", "nonsense");
    assert_eq!(request.error(), AuthError::PayloadMode);
    for (mode, fits) in [
        ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", true),
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", false),
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", false),
    ] {
        let request = Request::put("/")
            .with("x-amz-decoded-content-length", "0")
            .with("x-amz-content-sha256", mode)
            .presigned();
        assert_eq!(request.verify().is_ok(), fits, "{mode}");
    }
    let ambiguous = AuthError::AmbiguousHeader {
        name: name("x-amz-content-sha256"),
    };
    let mut request = Request::put("/")
        .query("X-Amz-Content-Sha256=UNSIGNED-PAYLOAD")
        .presigned();
    assert_eq!(request.verify().unwrap().payload(), PayloadMode::Unsigned);
    request.set("x-amz-content-sha256", &hash.to_text());
    assert_eq!(request.error(), ambiguous);
}

#[test]
fn the_default_port_is_signed_or_not() {
    let host = "s3.example.com";
    for (signed, sent) in [
        (host.to_owned(), format!("{host}:443")),
        (format!("{host}:443"), host.to_owned()),
    ] {
        let mut request = Request::get("/");
        request.set("host", &signed);
        let mut request = request.presigned();
        request.set("host", &sent);
        assert!(request.verify().is_ok());
    }
}
