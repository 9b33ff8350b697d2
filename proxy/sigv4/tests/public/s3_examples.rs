//! The worked examples of the Amazon S3 API reference.

use bytes::Bytes;
use http::Method;
use serde_json::Value;
use sigv4::form::{Form, FormError, PresentedForm};
use sigv4::sign::ChunkSigner;
use sigv4::{AuthError, BodyError, Expectation, Timestamp};

use crate::fixture::{ACCESS_KEY, NOW, REGION, Request, hex, key, key_for};

fn examples() -> Value {
    let path = std::env::current_dir()
        .unwrap()
        .join("tests/vectors/s3-doc-examples.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn example(name: &str) -> Value {
    let examples = examples();
    let cases = examples["cases"].as_array().unwrap();
    cases
        .iter()
        .find(|case| case["name"] == name)
        .unwrap()
        .clone()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

/// The request of an example, with the signature that the page prints.
fn request(case: &Value) -> Request {
    let method = Method::from_bytes(text(case, "method").as_bytes()).unwrap();
    let mut request = Request::new(method, text(case, "canonical_uri"));
    let query = text(case, "canonical_query");
    let signature = text(case, "signature");
    for (name, value) in case["headers"].as_object().unwrap() {
        request.set(&name.to_ascii_lowercase(), value.as_str().unwrap());
    }
    if query.contains("X-Amz-Algorithm") {
        return request.query(&format!("{query}&X-Amz-Signature={signature}"));
    }
    request.set(
        "authorization",
        &format!(
            "AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20130524/{REGION}/s3/aws4_request,\
             SignedHeaders={},Signature={signature}",
            text(case, "signed_headers"),
        ),
    );
    request.query(query)
}

#[test]
fn every_head_of_the_reference_is_verified() {
    let examples = examples();
    let mut verified = 0;
    for case in examples["cases"].as_array().unwrap() {
        if case["name"] == "browser-post-policy" {
            continue;
        }
        let mut request = request(case);
        assert!(request.verify().is_ok(), "{}", case["name"]);
        request.path.push('x');
        assert_eq!(request.error(), AuthError::Mismatch, "{}", case["name"]);
        verified += 1;
    }
    assert_eq!(verified, 7);
}

/// The bytes that the chunks of an example are on the wire.
fn wire(case: &Value) -> Vec<u8> {
    let mut wire = Vec::new();
    for chunk in case["chunks"].as_array().unwrap() {
        let size = usize::try_from(chunk["size"].as_u64().unwrap()).unwrap();
        wire.extend_from_slice(text(chunk, "header").as_bytes());
        wire.extend_from_slice(b"\r\n");
        wire.extend_from_slice(&vec![b'a'; size]);
        if size > 0 {
            wire.extend_from_slice(b"\r\n");
        }
    }
    wire
}

/// Decodes `body` after the head of `case`.
fn decode(case: &Value, body: Vec<u8>) -> Result<(usize, http::HeaderMap), BodyError> {
    let mut verifier = request(case).verify().unwrap().body(&key());
    let mut input = Bytes::from(body);
    let mut bytes = 0;
    while let Some(piece) = verifier.push(&mut input)? {
        assert!(piece.iter().all(|&byte| byte == b'a'));
        bytes += piece.len();
    }
    Ok((bytes, verifier.finish()?))
}

#[test]
fn the_chunks_of_the_reference_are_verified() {
    let case = example("put-object-streaming-seed");
    let mut body = wire(&case);
    body.extend_from_slice(b"\r\n");
    assert_eq!(body.len(), 66_824);
    let (bytes, trailers) = decode(&case, body).unwrap();
    assert_eq!((bytes, trailers.len()), (66_560, 0));
}

#[test]
fn the_chunks_that_we_sign_are_those_of_the_reference() {
    let case = example("put-object-streaming-seed");
    let seed = sigv4::Signature::parse(text(&case, "signature").as_bytes()).unwrap();
    let mut signer = ChunkSigner::new(key(), Timestamp::from_unix(NOW), seed);
    let mut body = Vec::new();
    signer.chunk(&vec![b'a'; 65_536], &mut body);
    signer.chunk(&[b'a'; 1_024], &mut body);
    signer.last(&mut body);
    let mut expected = wire(&case);
    expected.extend_from_slice(b"\r\n");
    assert!(body == expected);
    assert_eq!(hex(seed), text(&case, "signature"));
}

#[test]
fn the_trailer_is_signed_with_its_own_label_and_the_printed_signature_is_refused() {
    let case = example("put-object-streaming-trailer-seed");
    let trailer = &case["trailer"];
    let body = |signature: &str, ending: &str| {
        let mut body = wire(&case);
        body.extend_from_slice(b"x-amz-checksum-crc32c:sOO8/Q==");
        body.extend_from_slice(ending.as_bytes());
        body.extend_from_slice(format!("x-amz-trailer-signature:{signature}\r\n\r\n").as_bytes());
        body
    };
    // The second is how minio-go ends the line.
    for ending in ["\r\n", "\n\r\n", "\n"] {
        let (bytes, trailers) = decode(&case, body(text(trailer, "signature"), ending)).unwrap();
        assert_eq!(bytes, 66_560);
        assert_eq!(trailers["x-amz-checksum-crc32c"], "sOO8/Q==");
    }
    let printed = body(text(trailer, "published_signature"), "\r\n");
    assert_eq!(
        decode(&case, printed).unwrap_err(),
        BodyError::TrailerSignature
    );
}

#[test]
fn the_post_policy_of_the_reference_is_verified() {
    let case = example("browser-post-policy");
    let fields = |key_field: &'static str| {
        vec![
            ("key", key_field),
            ("acl", "public-read"),
            (
                "success_action_redirect",
                "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html",
            ),
            ("Content-Type", "image/jpeg"),
            ("x-amz-meta-uuid", "14365123651274"),
            ("x-amz-server-side-encryption", "AES256"),
            (
                "X-Amz-Credential",
                "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request",
            ),
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
            ("X-Amz-Date", "20151229T000000Z"),
            ("x-amz-meta-tag", ""),
            ("Policy", text(&case, "policy_base64")),
            ("X-Amz-Signature", text(&case, "signature")),
        ]
    };
    let now = Timestamp::parse("20151230T120000Z").unwrap().unix();
    let check = |key_field, bucket, now| {
        let form = Form::new(bucket, fields(key_field))?;
        let PresentedForm::Signed(claim) = form.read(now, &Expectation::s3(REGION))? else {
            panic!("an anonymous form");
        };
        claim
            .verify(&key_for(claim.time().unix(), REGION))
            .map(drop)
    };
    let bucket = "sigv4examplebucket";
    assert_eq!(check("user/user1/photo.jpg", bucket, now), Ok(()));
    let expired = Err(FormError::PolicyExpired {
        at: now,
        server: now + 1,
    });
    assert_eq!(check("user/user1/photo.jpg", bucket, now + 1), expired);
    for (key_field, bucket) in [
        ("user/user2/photo.jpg", bucket),
        ("user/user1/photo.jpg", "other"),
    ] {
        let failed = check(key_field, bucket, now);
        assert!(
            matches!(failed, Err(FormError::ConditionFailed { .. })),
            "{failed:?}"
        );
    }
}
