//! Signatures in the header, and what has been published of how they fail.

use std::sync::Arc;

use http::{HeaderValue, Method};
use sigv4::limits::{CLOCK_SKEW_SECONDS_MAX, SESSION_TOKEN_BYTES_MAX, SIGNED_HEADERS_MAX};
use sigv4::{
    AuthError, Expectation, Part, PayloadMode, Place, Presented, SecretKey, Sessions, SigningKey,
    Timestamp,
};

use crate::fixture::{ACCESS_KEY, HOST, NOW, REGION, Request, SECRET, key, key_for, name, signer};

const WRONG: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Every mode of the payload that a header may carry.
pub(crate) const MODES: [PayloadMode; 5] = [
    PayloadMode::Signed([7; 32]),
    PayloadMode::Unsigned,
    PayloadMode::StreamingSigned { trailer: false },
    PayloadMode::StreamingSigned { trailer: true },
    PayloadMode::StreamingUnsignedTrailer,
];

fn upload(mode: PayloadMode, query: Option<&str>) -> Request {
    let mut request = Request::put("/examplebucket/key");
    request.query = query.map(str::to_owned);
    if mode.is_streaming() {
        request.set("x-amz-decoded-content-length", "0");
        request.set("content-encoding", "aws-chunked");
    }
    request.sign(mode);
    request
}

fn forge(request: &mut Request) {
    let old = request.headers["authorization"]
        .to_str()
        .unwrap()
        .to_owned();
    let (start, _) = old.split_once("Signature=").unwrap();
    request.set("authorization", &format!("{start}Signature={WRONG}"));
}

#[test]
fn a_signed_request_is_verified() {
    let request = Request::get("/examplebucket/a%20b+c/./../%C3%A9")
        .query("prefix=a%2Fb&list-type=2&delimiter=/&x")
        .with("range", "bytes=0-9")
        .signed();
    let claim = request.claim().unwrap();
    assert_eq!(claim.access_key_id(), ACCESS_KEY);
    assert_eq!(
        claim.scope().to_string(),
        "20130524/us-east-1/s3/aws4_request"
    );
    assert_eq!(
        claim.signed_headers().collect::<Vec<_>>(),
        ["host", "range", "x-amz-content-sha256", "x-amz-date"]
    );
    assert_eq!((claim.place(), claim.expires()), (Place::Header, None));
    let verified = claim.verify(&key()).unwrap();
    assert_eq!(
        (verified.place(), verified.time().unix()),
        (Place::Header, NOW)
    );
    assert!(verified.hoisted().is_empty());
}

#[test]
fn a_forged_signature_is_refused_in_each_payload_mode_also_for_a_part() {
    for mode in MODES {
        for query in [None, Some("partNumber=1&uploadId=u")] {
            let mut request = upload(mode, query);
            assert_eq!(request.verify().unwrap().payload(), mode);
            forge(&mut request);
            assert_eq!(request.error(), AuthError::Mismatch, "{mode:?} {query:?}");
        }
    }
}

#[test]
fn a_payload_mode_cannot_be_exchanged_for_another() {
    for signed in MODES {
        for sent in MODES.into_iter().filter(|&sent| sent != signed) {
            let mut request = upload(signed, None);
            request.set("x-amz-content-sha256", &sent.to_text());
            request.set("x-amz-decoded-content-length", "0");
            assert!(request.verify().is_err(), "{signed:?} sent as {sent:?}");
        }
    }
}

#[test]
fn an_unsigned_header_that_changes_the_meaning_is_refused() {
    for header in [
        "x-amz-copy-source",
        "x-amz-copy-source-range",
        "x-amz-copy-source-if-match",
        "x-amz-metadata-directive",
        "x-amz-tagging-directive",
        "x-amz-tagging",
        "x-amz-acl",
        "x-amz-grant-full-control",
        "x-amz-grant-read",
        "x-amz-bypass-governance-retention",
        "x-amz-object-lock-mode",
        "x-amz-object-lock-retain-until-date",
        "x-amz-object-lock-legal-hold",
        "x-amz-bucket-object-lock-enabled",
        "x-amz-website-redirect-location",
        "x-amz-server-side-encryption",
        "x-amz-server-side-encryption-customer-key",
        "x-amz-storage-class",
        "x-amz-expected-bucket-owner",
        "x-amz-meta-owner",
        "x-amz-checksum-crc32",
        "x-amz-sdk-checksum-algorithm",
        "x-amz-mp-object-size",
        "x-amz-rename-source",
        "x-amz-security-token",
        "x-amz-whatever-comes-next",
    ] {
        let mut request = Request::put("/examplebucket/key").signed();
        request.set(header, "1");
        assert_eq!(
            request.error(),
            AuthError::UnsignedHeaders {
                names: vec![name(header)]
            }
        );
        let mut request = Request::put("/examplebucket/key").presigned();
        request.set(header, "1");
        assert_eq!(
            request.error(),
            AuthError::UnsignedHeaders {
                names: vec![name(header)]
            }
        );
        if header != "x-amz-security-token" {
            let request = Request::put("/examplebucket/key")
                .with(header, "1")
                .signed();
            assert!(request.verify().is_ok(), "{header}, signed");
        }
    }
}

#[test]
fn the_four_exempt_headers_and_the_mark_of_a_cdn_need_no_signature() {
    let mut request = Request::put("/examplebucket/key").signed();
    for header in [
        "x-amz-decoded-content-length",
        "x-amz-checksum-algorithm",
        "x-amz-cf-id",
    ] {
        request.set(header, "1");
    }
    // Another prefix, of tracing.
    request.set("x-amzn-trace-id", "Root=1");
    request.set("content-type", "text/plain");
    assert!(request.verify().is_ok());
}

#[test]
fn no_other_name_of_an_algorithm_is_taken() {
    for algorithm in [
        "aws4-hmac-sha256",
        "AWS4-HMAC-SHA1",
        "AWS4-HMAC-SHA512",
        "AWS4-HMAC-SHA256-PAYLOAD",
        "AWS4-ECDSA-P256-SHA256",
        "AWS4-HMAC-SHA25",
        "AWS4-HMAC-SHA2566",
        "AWS4",
        "AWS",
        "Basic",
        "Bearer",
        "",
    ] {
        let mut request = Request::get("/").signed();
        request.swap_authorization("AWS4-HMAC-SHA256", algorithm);
        let expected = AuthError::UnsupportedAlgorithm {
            place: Place::Header,
        };
        assert_eq!(request.error(), expected, "{algorithm}");
    }
    let request = Request::get("/").with("authorization", "AWS AKID:c2lnbmF0dXJl");
    assert_eq!(
        request.error(),
        AuthError::UnsupportedAlgorithm {
            place: Place::Header
        }
    );
}

#[test]
fn a_header_that_must_be_there_once_is_refused_twice() {
    for header in [
        "host",
        "authorization",
        "x-amz-date",
        "x-amz-content-sha256",
    ] {
        for same in [true, false] {
            let mut request = Request::get("/").signed();
            let text = request.headers[header].to_str().unwrap().to_owned();
            request.add(header, if same { &text } else { "other" });
            assert_eq!(
                request.error(),
                AuthError::RepeatedHeader { name: name(header) }
            );
        }
    }
    let request = Request::get("/").with("host", "other.example");
    assert_eq!(
        request.read().unwrap_err(),
        AuthError::RepeatedHeader { name: name("host") }
    );
}

#[test]
fn the_host_of_the_target_and_of_the_header_must_agree() {
    let mut request = Request::get("/").signed();
    request.authority = Some("other.example".to_owned());
    assert_eq!(
        request.error(),
        AuthError::AmbiguousHeader { name: name("host") }
    );
    request.authority = Some(HOST.to_owned());
    assert!(request.verify().is_ok());
    // HTTP/2 sends the authority alone.
    request.headers.remove("host");
    assert!(request.verify().is_ok());
    request.authority = Some("other.example".to_owned());
    assert_eq!(request.error(), AuthError::Mismatch);
    request.authority = None;
    assert_eq!(
        request.error(),
        AuthError::MissingHeader { name: name("host") }
    );
}

#[test]
fn the_default_port_is_signed_or_not_and_no_other_port_is() {
    for (signed, sent, fits) in [
        (HOST.to_owned(), format!("{HOST}:443"), true),
        (format!("{HOST}:443"), HOST.to_owned(), true),
        (format!("{HOST}:443"), format!("{HOST}:443"), true),
        (HOST.to_owned(), format!("{HOST}:8443"), false),
        (format!("{HOST}:8443"), HOST.to_owned(), false),
        (format!("{HOST}:8443"), format!("{HOST}:8443"), true),
        (HOST.to_owned(), format!("{HOST}:443:443"), false),
    ] {
        let mut request = Request::get("/");
        request.set("host", &signed);
        let mut request = request.signed();
        request.set("host", &sent);
        assert_eq!(
            request.verify().is_ok(),
            fits,
            "signed {signed}, sent {sent}"
        );
    }
}

#[test]
fn credentials_in_the_header_and_in_the_query_are_refused_together() {
    for parameter in [
        "X-Amz-Signature=",
        "X-Amz-Credential=a",
        "X-Amz-Date=",
        "AWSAccessKeyId=a",
        "x-amz-algorithm",
    ] {
        let request = Request::get("/").query(parameter).signed();
        assert_eq!(request.error(), AuthError::TwoCredentials, "{parameter}");
    }
}

#[test]
fn each_change_to_what_was_signed_is_refused() {
    let changes: [fn(&mut Request); 9] = [
        |request| request.method = Method::DELETE,
        |request| request.path = "/examplebucket/other".to_owned(),
        |request| request.path = "/examplebucket/./key".to_owned(),
        |request| request.path = "/examplebucket//key".to_owned(),
        |request| request.query = Some("acl".to_owned()),
        |request| request.query = Some("versionId=2".to_owned()),
        |request| request.set("range", "bytes=0-8"),
        |request| request.set("host", "otherbucket.s3.amazonaws.com"),
        |request| request.set("x-amz-date", "20130524T000001Z"),
    ];
    for change in changes {
        let mut request = Request::get("/examplebucket/key")
            .query("versionId=1")
            .with("range", "bytes=0-9")
            .signed();
        assert!(request.verify().is_ok());
        change(&mut request);
        assert_eq!(request.error(), AuthError::Mismatch, "{request:?}");
    }
    let mut request = Request::get("/examplebucket/key")
        .with("range", "bytes=0-9")
        .signed();
    request.headers.remove("range");
    assert_eq!(
        request.error(),
        AuthError::SignedHeaderAbsent {
            name: "range".to_owned()
        }
    );
}

#[test]
fn another_key_another_day_or_another_region_does_not_verify() {
    let request = Request::get("/").signed();
    let claim = request.claim().unwrap();
    let other = SecretKey::new(format!("{SECRET}x")).unwrap();
    let day = Timestamp::from_unix(NOW).date();
    let stand_in = SecretKey::stand_in([1; 32]);
    for key in [
        Arc::new(SigningKey::derive(&other, day, REGION)),
        Arc::new(SigningKey::derive(&stand_in, day, REGION)),
        key_for(NOW + 86_400, REGION),
        key_for(NOW, "eu-west-1"),
    ] {
        assert_eq!(claim.verify(&key).unwrap_err(), AuthError::Mismatch);
    }
    assert!(claim.verify(&key()).is_ok());
}

#[test]
fn every_bit_of_the_signature_counts() {
    let request = Request::get("/").signed();
    let text = request.headers["authorization"]
        .to_str()
        .unwrap()
        .to_owned();
    let (start, signature) = text.split_once("Signature=").unwrap();
    let signature = hex::decode(signature).unwrap();
    for bit in 0..256 {
        let mut wrong = signature.clone();
        wrong[bit / 8] ^= 1 << (bit % 8);
        let mut request = request.clone();
        request.set(
            "authorization",
            &format!("{start}Signature={}", hex::encode(wrong)),
        );
        assert_eq!(request.error(), AuthError::Mismatch, "bit {bit}");
    }
}

#[test]
fn a_signature_is_64_lower_case_hex_digits() {
    let request = Request::get("/").signed();
    let text = request.headers["authorization"]
        .to_str()
        .unwrap()
        .to_owned();
    let (start, signature) = text.split_once("Signature=").unwrap();
    for wrong in [
        String::new(),
        signature.get(..63).unwrap().to_owned(),
        format!("{signature}0"),
        signature.to_uppercase(),
        format!("g{}", signature.get(1..).unwrap()),
        format!("{signature} 0"),
        format!("0x{}", signature.get(2..).unwrap()),
    ] {
        let mut request = request.clone();
        request.set("authorization", &format!("{start}Signature={wrong}"));
        let malformed = AuthError::Malformed {
            place: Place::Header,
            part: Part::Signature,
        };
        assert_eq!(request.error(), malformed, "{wrong}");
    }
}

#[test]
fn a_malformed_authorization_header_is_refused() {
    let good = Request::get("/").signed();
    let place = Place::Header;
    let malformed = |part| AuthError::Malformed { place, part };
    for (from, to, expected) in [
        ("Credential=", "Credentials=", malformed(Part::Whole)),
        ("Credential=", "credential=", malformed(Part::Whole)),
        ("Credential=", "", malformed(Part::Whole)),
        (",Signature=", ",More=1,Signature=", malformed(Part::Whole)),
        (",Signature=", ",,Signature=", malformed(Part::Whole)),
        (
            ",Signature=",
            ",Signature=a,Signature=",
            AuthError::Repeated {
                place,
                part: Part::Signature,
            },
        ),
        (
            "SignedHeaders=",
            "SignedHeaders=host,SignedHeaders=",
            AuthError::Repeated {
                place,
                part: Part::SignedHeaders,
            },
        ),
        ("AKIAIOSFODNN7EXAMPLE/", "", malformed(Part::Credential)),
        ("AKIAIOSFODNN7EXAMPLE/", "/", malformed(Part::Credential)),
        ("AKIAIOSFODNN7EXAMPLE/", "a/b/", malformed(Part::Credential)),
        ("AKIAIOSFODNN7EXAMPLE/", "a b/", malformed(Part::Credential)),
        ("/20130524/", "/2013052/", malformed(Part::Credential)),
        ("/20130524/", "/20130532/", malformed(Part::Credential)),
        ("aws4_request", "aws4_reques", malformed(Part::Terminator)),
        ("aws4_request", "AWS4_REQUEST", malformed(Part::Terminator)),
        ("aws4_request", "aws4_request/", malformed(Part::Credential)),
        ("=host;", "=", AuthError::HostNotSigned),
        ("=host;", "=Host;", malformed(Part::SignedHeaders)),
        ("=host;", "=host;host;", malformed(Part::SignedHeaders)),
        ("=host;", "=;host;", malformed(Part::SignedHeaders)),
        ("=host;", "=zzz;host;", malformed(Part::SignedHeaders)),
        (
            "x-amz-date,",
            "x-amz-date;,",
            malformed(Part::SignedHeaders),
        ),
    ] {
        let mut request = good.clone();
        request.swap_authorization(from, to);
        assert_eq!(request.error(), expected, "`{from}` to `{to}`");
    }
    for (part, from) in [
        (
            Part::Credential,
            "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,",
        ),
        (
            Part::SignedHeaders,
            "SignedHeaders=host;x-amz-content-sha256;x-amz-date,",
        ),
    ] {
        let mut request = good.clone();
        request.swap_authorization(from, "");
        assert_eq!(request.error(), AuthError::Missing { place, part });
    }
    let mut request = good;
    request.headers.insert(
        "authorization",
        HeaderValue::from_bytes(b"AWS4-HMAC-SHA256 \xff").unwrap(),
    );
    assert_eq!(request.error(), malformed(Part::Whole));
}

#[test]
fn the_parts_come_in_any_order_with_or_without_spaces() {
    let mut request = Request::get("/").signed();
    let text = request.headers["authorization"]
        .to_str()
        .unwrap()
        .to_owned();
    let rest = text.strip_prefix("AWS4-HMAC-SHA256 ").unwrap();
    let parts: Vec<&str> = rest.split(',').collect();
    for separator in [",", ", ", " , ", ",\t"] {
        let turned: Vec<&str> = parts.iter().rev().copied().collect();
        request.set(
            "authorization",
            &format!("AWS4-HMAC-SHA256  {}", turned.join(separator)),
        );
        assert!(request.verify().is_ok(), "{separator:?}");
    }
}

#[test]
fn the_number_of_signed_headers_has_a_bound() {
    let many = |count: usize| {
        let mut request = Request::get("/");
        // Three more are signed: host, x-amz-content-sha256 and x-amz-date.
        for number in 0..count - 3 {
            request.set(&format!("a{number:04}"), "1");
        }
        request.signed().verify()
    };
    assert!(many(SIGNED_HEADERS_MAX).is_ok());
    let malformed = AuthError::Malformed {
        place: Place::Header,
        part: Part::SignedHeaders,
    };
    assert_eq!(many(SIGNED_HEADERS_MAX + 1).unwrap_err(), malformed);
}

#[test]
fn the_clock_may_be_wrong_by_fifteen_minutes_and_no_more() {
    let request = Request::get("/").signed();
    let skew = CLOCK_SKEW_SECONDS_MAX;
    assert!(request.verify_at(NOW + skew).is_ok());
    assert!(request.verify_at(NOW - skew).is_ok());
    for server in [NOW + skew + 1, NOW - skew - 1, 0, u64::MAX] {
        let expected = AuthError::Skewed {
            request: NOW,
            server,
        };
        assert_eq!(request.verify_at(server).unwrap_err(), expected);
    }
}

#[test]
fn the_day_of_the_scope_is_that_of_the_request() {
    let mut request = Request::get("/").signed();
    request.swap_authorization("/20130524/", "/20130523/");
    assert_eq!(
        request.error(),
        AuthError::ScopeDate {
            place: Place::Header
        }
    );
}

#[test]
fn a_wrong_region_is_told_the_right_one() {
    let mut request = Request::get("/");
    let key = key_for(NOW, "eu-west-1");
    let mut headers = request.headers.clone();
    signer(&key, NOW)
        .header(request.target(), &mut headers, PayloadMode::Unsigned)
        .unwrap();
    request.headers = headers;
    assert_eq!(
        request.error(),
        AuthError::WrongRegion {
            place: Place::Header,
            given: "eu-west-1".to_owned(),
            expected: REGION.to_owned(),
        }
    );
    let aliases = ["eu-west-1".to_owned()];
    let expected = Expectation {
        aliases: &aliases,
        ..Expectation::s3(REGION)
    };
    let presented = Presented::read(request.head(), NOW, &expected).unwrap();
    let Presented::Signed(claim) = presented else {
        panic!("anonymous")
    };
    assert_eq!(claim.scope().region(), "eu-west-1");
    assert!(claim.verify(&key).is_ok());
}

#[test]
fn another_service_is_refused() {
    let mut request = Request::get("/").signed();
    request.swap_authorization("/s3/", "/sts/");
    let expected = AuthError::WrongService {
        place: Place::Header,
        given: "sts".to_owned(),
        expected: "s3".to_owned(),
    };
    assert_eq!(request.error(), expected);
}

#[test]
fn the_date_header_serves_where_there_is_no_other_and_it_is_signed() {
    let dated =
        |sent: &str, signature: &str| {
            Request::get("/")
            .with("date", sent)
            .with("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
            .with("authorization", &format!(
                "AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20130524/us-east-1/s3/aws4_request, \
                 SignedHeaders=date;host;x-amz-content-sha256, Signature={signature}",
            ))
        };
    // Computed with Python's `hmac` and `hashlib`, since our own signer always sends `x-amz-date`.
    for (date, signature) in [
        (
            "Fri, 24 May 2013 00:00:00 GMT",
            "5a642c4517df540a28af6f3e9f8d932ee955aa3b38c6c5a221c859784ec18428",
        ),
        (
            "20130524T000000Z",
            "aa9117c936a1bc5c3d79cf94961c61be118b8749181cd2cd8879c120c3054557",
        ),
    ] {
        assert!(dated(date, signature).verify().is_ok(), "{date}");
        let twice = dated(date, signature).with("date", date);
        assert_eq!(
            twice.error(),
            AuthError::RepeatedHeader { name: name("date") }
        );
    }
    let malformed = AuthError::Malformed {
        place: Place::Header,
        part: Part::Date,
    };
    assert_eq!(dated("yesterday", WRONG).error(), malformed);
    let mut request = dated("20130524T000000Z", WRONG);
    request.swap_authorization("=date;", "=");
    assert_eq!(
        request.error(),
        AuthError::UnsignedHeaders {
            names: vec![name("date")]
        }
    );
    let mut request = Request::get("/").signed();
    request.headers.remove("x-amz-date");
    assert_eq!(
        request.error(),
        AuthError::MissingHeader {
            name: name("x-amz-date")
        }
    );
    let mut request = Request::get("/").signed();
    request.set("x-amz-date", "2013-05-24T00:00:00Z");
    assert_eq!(request.error(), malformed);
}

#[test]
fn a_session_token_is_refused_until_there_are_sessions() {
    let key = key();
    let mut signer = signer(&key, NOW);
    signer.session_token = Some("a/token==");
    let mut request = Request::get("/");
    let mut headers = request.headers.clone();
    signer
        .header(request.target(), &mut headers, PayloadMode::Unsigned)
        .unwrap();
    let query = signer
        .presigned(request.target(), &request.headers, 60)
        .unwrap();
    let presigned = Request::get("/").query(&query);
    request.headers = headers;
    let expected = Expectation {
        sessions: Sessions::Accepted,
        ..Expectation::s3(REGION)
    };
    for request in [&request, &presigned] {
        assert_eq!(request.error(), AuthError::SessionToken);
        let Ok(Presented::Signed(claim)) = Presented::read(request.head(), NOW, &expected) else {
            panic!("not a claim");
        };
        assert_eq!(claim.session_token(), Some("a/token=="));
        assert!(claim.verify(&key).is_ok());
    }
    for (bytes, fits) in [
        (SESSION_TOKEN_BYTES_MAX, true),
        (SESSION_TOKEN_BYTES_MAX + 1, false),
    ] {
        request.set("x-amz-security-token", &"t".repeat(bytes));
        assert_eq!(
            Presented::read(request.head(), NOW, &expected).is_ok(),
            fits
        );
    }
    let alone = Request::get("/").with("x-amz-security-token", "t");
    assert!(matches!(alone.read(), Err(AuthError::Missing { .. })));
}

#[test]
fn a_path_is_encoded_once_and_a_plus_in_it_is_a_plus() {
    for (signed, sent, fits) in [
        ("/a%20b", "/a%20b", true),
        ("/a%2Bb", "/a+b", true),
        ("/a+b", "/a%2Bb", true),
        ("/a+b", "/a%20b", false),
        ("/%7Ea", "/~a", true),
        ("/a%252Fb", "/a%2Fb", false),
        ("/a/b", "/a%2Fb", true),
        ("/a/../b", "/b", false),
        ("/a/./b", "/a/b", false),
        ("/a//b", "/a/b", false),
        ("/é", "/%C3%A9", true),
        ("/%c3%a9", "/%C3%A9", true),
        ("/a(b)'!*,", "/a%28b%29%27%21%2A%2C", true),
        ("/a/", "/a", false),
        ("", "/", true),
    ] {
        let mut request = Request::get(signed).signed();
        request.path = sent.to_owned();
        assert_eq!(
            request.verify().is_ok(),
            fits,
            "signed {signed}, sent {sent}"
        );
    }
    for path in ["/%", "/%2", "/%zz", "/a%2", "/%%20"] {
        let mut request = Request::get("/").signed();
        request.path = path.to_owned();
        assert_eq!(request.error(), AuthError::MalformedPath, "{path}");
    }
}

#[test]
fn a_query_is_ordered_by_name_and_then_by_value() {
    for (signed, sent, fits) in [
        ("a=1&b=2", "b=2&a=1", true),
        ("a=1&a=2", "a=2&a=1", true),
        ("a=1&a=2", "a=1", false),
        ("a=1&a=1", "a=1", false),
        ("a", "a=", true),
        ("a=b%20c", "a=b+c", true),
        ("a=b%2Bc", "a=b+c", false),
        ("a=%2f", "a=/", true),
        ("a=1&b=2", "a=1&&b=2", true),
        ("a=1&B=2", "B=2&a=1", true),
        ("a=1&ab=2", "ab=2&a=1", true),
        ("a-b=1&a=2", "a=2&a-b=1", true),
        ("A=1", "a=1", false),
        ("a=1=2", "a=1%3D2", true),
        ("", "uploads", false),
    ] {
        let mut request = Request::get("/").query(signed).signed();
        request.query = Some(sent.to_owned());
        assert_eq!(
            request.verify().is_ok(),
            fits,
            "signed {signed}, sent {sent}"
        );
    }
    for query in ["a=%", "a=%2", "%zz=1"] {
        let mut request = Request::get("/").signed();
        request.query = Some(query.to_owned());
        assert_eq!(request.error(), AuthError::MalformedQuery, "{query}");
    }
}

#[test]
fn the_number_of_query_parameters_has_a_bound() {
    let query = |count: usize| vec!["a=1"; count].join("&");
    let max = sigv4::limits::QUERY_PARAMETERS_MAX;
    assert!(
        Request::get("/")
            .query(&query(max))
            .signed()
            .verify()
            .is_ok()
    );
    let mut request = Request::get("/").signed();
    request.query = Some(query(max + 1));
    assert_eq!(request.error(), AuthError::MalformedQuery);
}

#[test]
fn white_space_in_a_header_is_folded() {
    for (signed, sent, fits) in [
        ("a b", "a   b", true),
        ("a b", "  a b  ", true),
        ("a b", "a\tb", true),
        ("a b", "a \t b", true),
        ("a b", "ab", false),
        ("\"a b\"", "\"a  b\"", true),
        ("", "   ", true),
    ] {
        let mut request = Request::get("/").with("x-amz-meta-a", signed).signed();
        request.set("x-amz-meta-a", sent);
        assert_eq!(
            request.verify().is_ok(),
            fits,
            "signed {signed:?}, sent {sent:?}"
        );
    }
}

#[test]
fn headers_of_one_name_are_joined_in_their_order() {
    let request = |values: [&str; 2]| {
        Request::get("/")
            .with("x-amz-meta-a", values[0])
            .with("x-amz-meta-a", values[1])
    };
    let mut joined = request(["1", "2"]).signed();
    assert!(joined.verify().is_ok());
    joined.set("x-amz-meta-a", "1,2");
    assert!(joined.verify().is_ok());
    joined.set("x-amz-meta-a", "2,1");
    assert_eq!(joined.error(), AuthError::Mismatch);
}

#[test]
fn neither_secrets_nor_signatures_are_shown() {
    let request = Request::get("/").signed();
    let signature = request.headers["authorization"].to_str().unwrap();
    let signature = signature.split_once("Signature=").unwrap().1;
    let claim = request.claim().unwrap();
    let verified = claim.verify(&key()).unwrap();
    let secret = SecretKey::new(SECRET.to_owned()).unwrap();
    assert_eq!(format!("{secret:?}"), "SecretKey(..)");
    let shown = format!("{:?} {verified:?} {:?}", key(), claim.scope());
    assert!(
        !shown.contains(SECRET) && !shown.contains(signature),
        "{shown}"
    );
}

#[test]
fn a_secret_that_cannot_be_one_is_refused() {
    assert!(SecretKey::new(String::new()).is_err());
    let max = sigv4::limits::SECRET_BYTES_MAX;
    assert!(SecretKey::new("s".repeat(max)).is_ok());
    assert!(SecretKey::new("s".repeat(max + 1)).is_err());
    assert!(SecretKey::new("s".to_owned()).unwrap().is("s"));
    assert!(!SecretKey::new("s".to_owned()).unwrap().is("t"));
}

#[test]
fn a_key_of_another_day_or_region_verifies_nothing() {
    for (now, region) in [(NOW - 86_400, REGION), (NOW, "eu-west-1")] {
        // All of it is signed with the other key; only the credential names the day and region that are expected.
        let other = key_for(now, region);
        let mut request = Request::get("/");
        let mut headers = request.headers.clone();
        signer(&other, NOW)
            .header(request.target(), &mut headers, PayloadMode::Unsigned)
            .unwrap();
        request.headers = headers;
        request.swap_authorization(&other.scope().to_string(), &key().scope().to_string());
        let claim = request.claim().unwrap();
        for key in [&other, &key()] {
            let refused = claim.verify(key).map(drop);
            assert_eq!(refused, Err(AuthError::Mismatch), "{region}");
        }
    }
}
