//! What the head says of the body, and plain bodies.

use bytes::Bytes;
use http::Method;
use sigv4::limits::{DECODED_BYTES_MAX, TRAILERS_MAX};
use sigv4::{Anonymous, AuthError, BodyError, PayloadHasher, PayloadMode, Presented};

use crate::fixture::{Request, key, name};

fn anonymous(request: &Request) -> Result<Anonymous, AuthError> {
    match request.read()? {
        Presented::Anonymous(anonymous) => Ok(anonymous),
        Presented::Signed(_) => panic!("signed"),
    }
}

#[test]
fn the_hash_of_the_body_is_checked_for_every_method() {
    for method in [
        Method::GET,
        Method::HEAD,
        Method::PUT,
        Method::POST,
        Method::DELETE,
    ] {
        let mut request = Request::new(method.clone(), "/examplebucket/key");
        request.sign(PayloadMode::sign(b"body"));
        let verified = request.verify().unwrap();
        for (body, fits) in [
            ("body", true),
            ("", false),
            ("bodx", false),
            ("bodybody", false),
        ] {
            let mut checker = verified.body(&key());
            let mut input = Bytes::from(body);
            while checker.push(&mut input).unwrap().is_some() {}
            let expected = if fits { Ok(()) } else { Err(BodyError::Digest) };
            assert_eq!(checker.finish().map(drop), expected, "{method} {body}");
        }
    }
}

#[test]
fn a_plain_body_is_handed_on_without_a_copy() {
    for mode in [PayloadMode::sign(b"body"), PayloadMode::Unsigned] {
        let mut request = Request::put("/examplebucket/key");
        request.sign(mode);
        let mut checker = request.verify().unwrap().body(&key());
        assert_eq!(checker.decoded_length(), None);
        let sent = Bytes::from(b"body".to_vec());
        let mut input = sent.clone();
        let piece = checker.push(&mut input).unwrap().unwrap();
        assert_eq!(piece.as_ptr(), sent.as_ptr());
        assert_eq!(checker.push(&mut input), Ok(None));
        assert!(checker.finish().unwrap().is_empty());
    }
}

#[test]
fn the_mode_of_the_payload_is_needed_and_known() {
    let mut request = Request::put("/").signed();
    request.headers.remove("x-amz-content-sha256");
    let missing = AuthError::MissingHeader {
        name: name("x-amz-content-sha256"),
    };
    assert_eq!(request.error(), missing);
    for mode in [
        "",
        "unsigned-payload",
        "UNSIGNED",
        "STREAMING-UNSIGNED-PAYLOAD",
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER",
        "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85",
    ] {
        request.set("x-amz-content-sha256", mode);
        assert_eq!(request.error(), AuthError::PayloadMode, "{mode}");
        let anonymous = anonymous(&Request::put("/").with("x-amz-content-sha256", mode));
        assert_eq!(anonymous.unwrap_err(), AuthError::PayloadMode, "{mode}");
    }
}

#[test]
fn aws_chunked_without_a_streaming_mode_is_refused() {
    for encoding in ["aws-chunked", "gzip, AWS-Chunked", "aws-chunked,gzip"] {
        for mode in [PayloadMode::Unsigned, PayloadMode::sign(b"")] {
            let mut request = Request::put("/").with("content-encoding", encoding);
            request.sign(mode);
            assert_eq!(request.error(), AuthError::ChunkedUnannounced, "{encoding}");
        }
        let request = Request::put("/")
            .with("content-encoding", encoding)
            .presigned();
        assert_eq!(request.error(), AuthError::ChunkedUnannounced, "{encoding}");
    }
}

#[test]
fn a_streaming_mode_needs_the_decoded_length() {
    let mode = PayloadMode::StreamingUnsignedTrailer;
    let length = name("x-amz-decoded-content-length");
    let with = |text: Option<&str>| {
        let mut request = Request::put("/");
        if let Some(text) = text {
            request.set(length.as_str(), text);
        }
        request.sign(mode);
        request
            .verify()
            .map(|verified| verified.framing().unwrap().decoded_length())
    };
    assert_eq!(with(Some("0")), Ok(0));
    assert_eq!(
        with(Some(&DECODED_BYTES_MAX.to_string())),
        Ok(DECODED_BYTES_MAX)
    );
    assert_eq!(
        with(None),
        Err(AuthError::MissingHeader {
            name: length.clone()
        })
    );
    for text in ["", "-1", "+1", "1.0", "0x10", "1 2", "99999999999999999999"] {
        let malformed = AuthError::MalformedHeader {
            name: length.clone(),
        };
        assert_eq!(with(Some(text)), Err(malformed), "{text}");
    }
    let beyond = (DECODED_BYTES_MAX + 1).to_string();
    assert_eq!(
        with(Some(&beyond)),
        Err(AuthError::MalformedHeader {
            name: length.clone()
        })
    );
    let mut request = Request::put("/")
        .with(length.as_str(), "1")
        .with(length.as_str(), "1");
    request.sign(mode);
    assert_eq!(request.error(), AuthError::RepeatedHeader { name: length });
}

#[test]
fn only_checksums_are_declared_as_trailers_and_only_where_there_are_trailers() {
    let declared = |mode, trailers: &str| {
        let mut request = Request::put("/")
            .with("x-amz-decoded-content-length", "0")
            .with("x-amz-trailer", trailers);
        request.sign(mode);
        request.verify().map(|verified| {
            let framing = verified.framing().unwrap();
            framing
                .trailers()
                .iter()
                .map(|name| name.as_str().to_owned())
                .collect::<Vec<_>>()
        })
    };
    for mode in [
        PayloadMode::StreamingUnsignedTrailer,
        PayloadMode::StreamingSigned { trailer: true },
    ] {
        assert_eq!(
            declared(mode, "X-Amz-Checksum-CRC32").unwrap(),
            ["x-amz-checksum-crc32"]
        );
        let many = |count| {
            let names: Vec<_> = (0..count)
                .map(|number| format!("x-amz-checksum-{number}"))
                .collect();
            names.join(", ")
        };
        assert_eq!(
            declared(mode, &many(TRAILERS_MAX)).unwrap().len(),
            TRAILERS_MAX
        );
        for trailers in [
            "",
            "x-amz-acl",
            "content-length",
            "x-amz-trailer-signature",
            "x-amz-checksum-crc32,",
            "x-amz-checksum-crc32,x-amz-checksum-crc32",
            "x-amz-checksum-crc32 x-amz-acl",
            &many(TRAILERS_MAX + 1),
        ] {
            assert_eq!(
                declared(mode, trailers),
                Err(AuthError::TrailerUnfit),
                "{trailers}"
            );
        }
    }
    for mode in [
        PayloadMode::Unsigned,
        PayloadMode::sign(b""),
        PayloadMode::StreamingSigned { trailer: false },
    ] {
        assert_eq!(
            declared(mode, "x-amz-checksum-crc32"),
            Err(AuthError::TrailerUnfit),
            "{mode:?}"
        );
    }
}

#[test]
fn an_anonymous_body_is_checked_as_far_as_it_can_be() {
    let plain = anonymous(&Request::get("/")).unwrap();
    assert_eq!(plain.payload(), PayloadMode::Unsigned);
    let hash = PayloadMode::sign(b"body");
    let hashed =
        anonymous(&Request::put("/").with("x-amz-content-sha256", &hash.to_text())).unwrap();
    let mut checker = hashed.body();
    checker.push(&mut Bytes::from_static(b"other")).unwrap();
    assert_eq!(checker.finish().unwrap_err(), BodyError::Digest);
    // What SDKs without credentials send: no mode at all.
    let chunked = Request::put("/")
        .with("content-encoding", "aws-chunked")
        .with("x-amz-decoded-content-length", "3")
        .with("x-amz-trailer", "x-amz-checksum-crc32");
    let chunked = anonymous(&chunked).unwrap();
    assert_eq!(chunked.payload(), PayloadMode::StreamingUnsignedTrailer);
    assert_eq!(chunked.framing().unwrap().decoded_length(), 3);
    let mut checker = chunked.body();
    let mut input = Bytes::from_static(b"3\r\nabc\r\n0\r\nx-amz-checksum-crc32:NSRBwg==\r\n\r\n");
    assert_eq!(
        checker.push(&mut input),
        Ok(Some(Bytes::from_static(b"abc")))
    );
    assert_eq!(checker.push(&mut input), Ok(None));
    assert_eq!(
        checker.finish().unwrap()["x-amz-checksum-crc32"],
        "NSRBwg=="
    );
    for trailer in [true, false] {
        let mode = PayloadMode::StreamingSigned { trailer };
        let request = Request::put("/")
            .with("x-amz-decoded-content-length", "3")
            .with("x-amz-content-sha256", &mode.to_text());
        assert_eq!(
            anonymous(&request).unwrap_err(),
            AuthError::PayloadModeUnfit
        );
    }
}

#[test]
fn every_bit_of_the_digest_counts() {
    let PayloadMode::Signed(digest) = PayloadMode::sign(b"body") else {
        panic!("another mode");
    };
    for bit in 0..256 {
        let mut wrong = digest;
        wrong[bit / 8] ^= 1 << (bit % 8);
        let mut hasher = PayloadHasher::new(wrong);
        hasher.update(b"body");
        assert_eq!(hasher.finish(), Err(BodyError::Digest), "bit {bit}");
    }
}
