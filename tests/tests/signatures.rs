//! What must not pass for a signature, each named after what somebody published. The requests are made by hand: no SDK
//! would send them.

use tests::call::{self, Call, Payload, Raw};
use tests::gate::{Gate, Key};
use tests::operations;
use tests::sign::{self, EMPTY_SHA256, Signer};
use tests::wire::Answer;

/// A gate with one object in it.
struct Bench {
    gate: Gate,
}

impl Bench {
    fn new() -> Self {
        let gate = Gate::start();
        let put = Call::put("/demo-bucket/there", b"there");
        put.send(&gate, gate.key("photos", "full")).expect(200);
        Self { gate }
    }

    fn full(&self) -> &Key {
        self.gate.key("photos", "full")
    }

    fn signer(&self) -> Signer {
        call::signer(&self.gate, self.full())
    }

    fn sign(&self, call: &Call) -> Raw {
        call.sign(&self.signer(), self.gate.host())
    }

    #[track_caller]
    fn refused(&self, raw: &Raw, status: u16, code: &str) -> Answer {
        let answer = raw.send(&self.gate);
        if raw.lines[0].starts_with("HEAD ") {
            answer.expect(status);
        } else {
            answer.expect_error(status, code);
        }
        answer
    }

    /// Wants some refusal with a code: a request that is wrong in two ways may be refused for either.
    #[track_caller]
    fn refused_somehow(&self, raw: &Raw) {
        let answer = raw.send(&self.gate);
        let code = answer.code();
        assert!(
            (400..500).contains(&answer.status) && code.is_some(),
            "{answer:?}"
        );
        answer.request_id();
    }

    #[track_caller]
    fn nothing_at(&self, key: &str) {
        let get = Call::get(&format!("/demo-bucket/{key}"));
        get.send(&self.gate, self.full())
            .expect_error(404, "NoSuchKey");
    }
}

fn modes(body: &[u8]) -> Vec<Payload> {
    let crc = call::crc32(body);
    vec![
        Payload::Signed,
        Payload::Unsigned,
        Payload::Chunked(8_192),
        Payload::ChunkedTrailer(8_192, "x-amz-checksum-crc32", crc.clone()),
        Payload::UnsignedTrailer(8_192, "x-amz-checksum-crc32", crc),
    ]
}

#[test]
fn every_payload_mode_stores_what_was_sent() {
    let bench = Bench::new();
    for length in [0, 1, 8_191, 8_192, 8_193, 100_000] {
        let body = tests::random::Random::new(length as u64).bytes(length);
        for mode in modes(&body) {
            let call = Call::put("/demo-bucket/mode", &body).payload(mode.clone());
            bench.sign(&call).send(&bench.gate).expect(200);
            let got = Call::get("/demo-bucket/mode").send(&bench.gate, bench.full());
            assert!(got.expect(200).body == body, "{length} bytes, {mode:?}");
            // Framing is not a property of what is stored.
            assert_eq!(got.header("content-encoding"), None, "{mode:?}");
        }
    }
}

#[test]
fn a_forged_signature_is_refused_in_every_payload_mode() {
    let bench = Bench::new();
    let forged = |raw: Raw| {
        let at = raw
            .lines
            .iter()
            .position(|line| line.starts_with("authorization:"))
            .unwrap();
        let (head, _) = raw.lines[at].rsplit_once("Signature=").unwrap();
        let line = format!("{head}Signature={}", "0".repeat(64));
        raw.replace("authorization", &line)
    };
    let upload = Call::post("/demo-bucket/forged?uploads", b"").send(&bench.gate, bench.full());
    let upload = upload.element("UploadId").unwrap();
    let part = format!("/demo-bucket/forged?partNumber=1&uploadId={upload}");
    for target in ["/demo-bucket/forged", part.as_str()] {
        for mode in modes(b"forged") {
            let call = Call::put(target, b"forged").payload(mode);
            bench.refused(&forged(bench.sign(&call)), 403, "SignatureDoesNotMatch");
        }
    }
    for call in [
        Call::get("/"),
        Call::get("/demo-bucket/there"),
        Call::delete("/demo-bucket/there"),
    ] {
        bench.refused(&forged(bench.sign(&call)), 403, "SignatureDoesNotMatch");
    }
    bench.nothing_at("forged");
    let parts = Call::get(&format!("/demo-bucket/forged?uploadId={upload}"));
    let parts = parts.send(&bench.gate, bench.full());
    assert!(
        !parts.expect(200).text().contains("<Part>"),
        "{}",
        parts.text()
    );
}

#[test]
fn a_credential_in_the_query_is_not_overlooked() {
    let bench = Bench::new();
    let signer = bench.signer();
    let good = Call::get("/demo-bucket/there").presign(&signer, bench.gate.host(), "60");
    Call::get(&good)
        .anonymous(bench.gate.host())
        .send(&bench.gate)
        .expect(200);
    let (head, _) = good.rsplit_once("&X-Amz-Signature=").unwrap();
    for target in [
        head.to_owned(),
        format!("{head}&X-Amz-Signature="),
        format!("{head}&X-Amz-Signature={}", "0".repeat(64)),
        "/demo-bucket/there?X-Amz-Credential=x".to_owned(),
        "/demo-bucket/there?X-Amz-Signature=x".to_owned(),
        "/demo-bucket/there?X-Amz-Algorithm=AWS4-HMAC-SHA256".to_owned(),
        "/demo-bucket/there?AWSAccessKeyId=x&Signature=y&Expires=99999999999".to_owned(),
    ] {
        bench.refused_somehow(&Call::get(&target).anonymous(bench.gate.host()));
        bench.refused_somehow(&Call::put(&target, b"x").anonymous(bench.gate.host()));
    }
    // Both at once: which one was verified would be a guess.
    bench.refused_somehow(&bench.sign(&Call::get(&good)));
    let header = bench.sign(&Call::get("/demo-bucket/there"));
    let target = format!("GET {good} HTTP/1.1");
    let mut both = header.clone();
    both.lines[0] = target;
    bench.refused_somehow(&both);
}

#[test]
fn only_one_algorithm_has_a_name() {
    let bench = Bench::new();
    for name in [
        "aws4-hmac-sha256",
        "AWS4-HMAC-SHA1",
        "AWS4-ECDSA-P256-SHA256",
        "AWS4",
        "AWS",
        "Bearer",
        "",
    ] {
        let mut signer = bench.signer();
        signer.algorithm = name.to_owned();
        let raw = Call::get("/demo-bucket/there").sign(&signer, bench.gate.host());
        bench.refused_somehow(&raw);
        let target = Call::get("/demo-bucket/there").presign(&signer, bench.gate.host(), "60");
        bench.refused_somehow(&Call::get(&target).anonymous(bench.gate.host()));
    }
}

#[test]
fn a_header_that_changes_the_meaning_is_signed() {
    let bench = Bench::new();
    for (name, value) in [
        ("x-amz-copy-source", "/demo-bucket/there"),
        ("x-amz-acl", "public-read"),
        ("x-amz-meta-owner", "somebody"),
        ("x-amz-storage-class", "GLACIER"),
        ("x-amz-metadata-directive", "REPLACE"),
        ("x-amz-website-redirect-location", "/elsewhere"),
        ("x-amz-security-token", "token"),
        ("x-amz-tagging", "a=b"),
        ("x-amz-anything-at-all", "1"),
    ] {
        let call = Call::put("/demo-bucket/unsigned", b"x").with_unsigned(name, value);
        let answer = bench.sign(&call).send(&bench.gate);
        let code = answer.code().unwrap_or_default();
        // Some values are refused before anybody asks who signed.
        assert!(matches!(answer.status, 400 | 403 | 501), "{name}: {code}");
        let target = Call::put("/demo-bucket/unsigned", b"");
        let target = target.presign(&bench.signer(), bench.gate.host(), "60");
        let call = Call::put(&target, b"x").with(name, value);
        let answer = call.anonymous(bench.gate.host()).send(&bench.gate);
        assert!(
            (400..500).contains(&answer.status),
            "presigned, {name}: {}",
            answer.text()
        );
    }
    bench.nothing_at("unsigned");
    // A CDN's own mark is dropped, whether signed or not.
    let marked = Call::get("/demo-bucket/there").with_unsigned("x-amz-cf-id", "abc");
    bench.sign(&marked).send(&bench.gate).expect(200);
}

#[test]
fn what_stands_twice_is_refused() {
    let bench = Bench::new();
    let raw = bench.sign(&Call::get("/demo-bucket/there"));
    let line = |name: &str| {
        let found = raw
            .lines
            .iter()
            .find(|line| line.starts_with(name))
            .unwrap();
        found.clone()
    };
    for name in [
        "host:",
        "authorization:",
        "x-amz-date:",
        "x-amz-content-sha256:",
    ] {
        bench.refused_somehow(&raw.clone().line(&line(name)));
    }
    let other = format!("host: other.{}", bench.gate.host());
    bench.refused_somehow(&raw.clone().line(&other));
}

#[test]
fn an_unknown_key_costs_and_says_the_same_for_every_id() {
    let bench = Bench::new();
    let mut signer = bench.signer();
    for id in ["AKXNOBODYNOBODY00000", "x", &"A".repeat(128)] {
        signer.id = id.to_owned();
        let raw = Call::get("/demo-bucket/there").sign(&signer, bench.gate.host());
        bench.refused(&raw, 403, "InvalidAccessKeyId");
    }
    for id in ["", "a/b", &"A".repeat(3_000)] {
        signer.id = id.to_owned();
        bench.refused_somehow(&Call::get("/").sign(&signer, bench.gate.host()));
    }
}

#[test]
fn the_scope_is_checked_in_each_of_its_parts() {
    let bench = Bench::new();
    let get = Call::get("/demo-bucket/there");
    let mut signer = bench.signer();
    signer.region = "mars-north-1".to_owned();
    let answer = bench.refused(
        &get.sign(&signer, bench.gate.host()),
        400,
        "AuthorizationHeaderMalformed",
    );
    assert_eq!(
        answer.element("Region").as_deref(),
        Some(bench.gate.dev().region.as_str())
    );
    let mut signer = bench.signer();
    signer.service = "ec2".to_owned();
    bench.refused(
        &get.sign(&signer, bench.gate.host()),
        400,
        "AuthorizationHeaderMalformed",
    );
    let raw = bench.sign(&get);
    bench.refused_somehow(&raw.clone().edit("/aws4_request", "/aws5_request"));
    let date = bench.signer().stamp()[..8].to_owned();
    bench.refused_somehow(&raw.clone().edit(&format!("/{date}/"), "/20200101/"));
    bench.refused_somehow(&raw.clone().edit("/s3/", "/s3/s3/"));
    bench.refused_somehow(&raw.clone().edit("SignedHeaders=host;", "SignedHeaders="));
    bench.refused_somehow(&raw.edit("Signature=", "Signature=0"));
}

#[test]
fn a_signature_is_64_lower_case_digits() {
    let bench = Bench::new();
    let raw = bench.sign(&Call::get("/demo-bucket/there"));
    let line = raw
        .lines
        .iter()
        .find(|line| line.starts_with("authorization:"))
        .unwrap();
    let (head, signature) = line.rsplit_once("Signature=").unwrap();
    for spoiled in [
        signature.to_uppercase(),
        signature[..63].to_owned(),
        format!("{signature}0"),
        format!(" {signature}"),
        String::new(),
        "z".repeat(64),
    ] {
        // A signature of digits alone has no upper case.
        if spoiled != signature {
            let line = format!("{head}Signature={spoiled}");
            let answer = raw
                .clone()
                .replace("authorization", &line)
                .send(&bench.gate);
            let trimmed = spoiled.trim() == signature;
            assert!(
                trimmed || (400..404).contains(&answer.status),
                "{spoiled:?}: {answer:?}"
            );
        }
    }
}

#[test]
fn the_clock_may_differ_by_fifteen_minutes() {
    let bench = Bench::new();
    let get = Call::get("/demo-bucket/there");
    for (offset, is_in) in [
        (-840i64, true),
        (840, true),
        (-960, false),
        (960, false),
        (-90_000, false),
    ] {
        let mut signer = bench.signer();
        signer.time = signer.time.checked_add_signed(offset).unwrap();
        let raw = get.sign(&signer, bench.gate.host());
        if is_in {
            raw.send(&bench.gate).expect(200);
        } else {
            bench.refused(&raw, 403, "RequestTimeTooSkewed");
        }
    }
    let raw = bench.sign(&get);
    bench.refused_somehow(&raw.clone().without("x-amz-date"));
    bench.refused_somehow(&raw.replace("x-amz-date", "x-amz-date: yesterday"));
}

#[test]
fn a_presigned_url_lives_as_long_as_it_says() {
    let bench = Bench::new();
    let get = Call::get("/demo-bucket/there");
    let ask = |target: &str| {
        Call::get(target)
            .anonymous(bench.gate.host())
            .send(&bench.gate)
    };
    for (age, expires, is_live) in [
        (10, "60", true),
        (61, "60", false),
        (604_700, "604800", true),
        (604_801, "604800", false),
    ] {
        let mut signer = bench.signer();
        signer.time -= age;
        let answer = ask(&get.presign(&signer, bench.gate.host(), expires));
        if is_live {
            answer.expect(200);
        } else {
            answer.expect_error(403, "AccessDenied");
        }
    }
    for expires in ["0", "604801", "-1", "99999999999999999999"] {
        let answer = ask(&get.presign(&bench.signer(), bench.gate.host(), expires));
        answer.expect_error(403, "AccessDenied");
    }
    for expires in ["+60", "60.0", "", "6e1"] {
        let answer = ask(&get.presign(&bench.signer(), bench.gate.host(), expires));
        answer.expect_error(400, "AuthorizationQueryParametersError");
    }
}

#[test]
fn an_unsigned_query_parameter_cannot_choose_a_sub_resource() {
    let bench = Bench::new();
    let good = Call::get("/demo-bucket/there").presign(&bench.signer(), bench.gate.host(), "60");
    for more in [
        "acl",
        "policy",
        "uploads",
        "versionId=null",
        "response-content-type=text/html",
        "x=y",
        "x-id=GetObject",
    ] {
        bench.refused_somehow(&Call::get(&format!("{good}&{more}")).anonymous(bench.gate.host()));
    }
    for method in ["PUT", "DELETE", "POST", "HEAD"] {
        bench.refused(
            &Call::new(method, &good).anonymous(bench.gate.host()),
            403,
            "SignatureDoesNotMatch",
        );
    }
}

#[test]
fn the_digest_of_the_body_is_checked_for_every_method() {
    let bench = Bench::new();
    let wrong = Payload::Literal(sign::sha256(b"another"));
    for call in [
        Call::put("/demo-bucket/digest", b"body"),
        Call::post("/demo-bucket/digest?uploads", b""),
        operations::call(
            s3_protocol::Operation::DeleteObjects,
            "demo-bucket",
            "there",
            "",
        ),
        Call::get("/demo-bucket/there"),
        Call::delete("/demo-bucket/there"),
    ] {
        bench.refused(
            &bench.sign(&call.payload(wrong.clone())),
            400,
            "XAmzContentSHA256Mismatch",
        );
    }
    bench.nothing_at("digest");
    Call::get("/demo-bucket/there")
        .send(&bench.gate, bench.full())
        .expect(200);
    for literal in [
        "",
        "unsigned-payload",
        "STREAMING",
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
        &EMPTY_SHA256.to_uppercase(),
    ] {
        let call =
            Call::put("/demo-bucket/digest", b"body").payload(Payload::Literal(literal.to_owned()));
        bench.refused_somehow(&bench.sign(&call));
    }
    bench.nothing_at("digest");
}

#[test]
fn a_chunk_that_was_changed_stores_nothing_and_replaces_nothing() {
    let bench = Bench::new();
    let body = vec![b'a'; 20_000];
    Call::put("/demo-bucket/chunks", b"old")
        .send(&bench.gate, bench.full())
        .expect(200);
    let crc = call::crc32(&body);
    for mode in [
        Payload::Chunked(8_192),
        Payload::ChunkedTrailer(8_192, "x-amz-checksum-crc32", crc),
    ] {
        let good = bench.sign(&Call::put("/demo-bucket/chunks", &body).payload(mode));
        let signatures: Vec<usize> = positions(&good.body, b"chunk-signature=");
        assert_eq!(signatures.len(), 4);
        // Each signature, the last and empty chunk's too.
        for at in signatures {
            let mut bad = good.clone();
            let digit = &mut bad.body[at + 20];
            *digit = if *digit == b'0' { b'1' } else { b'0' };
            bench.refused(&bad, 403, "SignatureDoesNotMatch");
        }
        // A byte of each chunk.
        for offset in [200, 9_000, 18_000] {
            let mut bad = good.clone();
            bad.body[offset] = b'b';
            bench.refused(&bad, 403, "SignatureDoesNotMatch");
        }
        // Two chunks in each other's place.
        let chunk = 8_192 + b"2000;chunk-signature=\r\n\r\n".len() + 64;
        let mut swapped = good.clone();
        let (one, two) = (
            good.body[..chunk].to_vec(),
            good.body[chunk..2 * chunk].to_vec(),
        );
        swapped.body[..chunk].copy_from_slice(&two);
        swapped.body[chunk..2 * chunk].copy_from_slice(&one);
        bench.refused(&swapped, 403, "SignatureDoesNotMatch");
        let got = Call::get("/demo-bucket/chunks").send(&bench.gate, bench.full());
        assert_eq!(got.body, b"old");
    }
}

#[test]
fn a_trailer_is_declared_present_equal_and_signed() {
    let bench = Bench::new();
    let body = b"with a trailer".to_vec();
    let crc = call::crc32(&body);
    let wrong = call::crc32(b"another");
    let put = |mode: Payload| bench.sign(&Call::put("/demo-bucket/trailer", &body).payload(mode));
    let name = "x-amz-checksum-crc32";

    bench.refused(
        &put(Payload::UnsignedTrailer(99, name, wrong.clone())),
        400,
        "BadDigest",
    );
    bench.refused(
        &put(Payload::ChunkedTrailer(99, name, wrong)),
        400,
        "BadDigest",
    );
    for value in ["", "not base64", "AAAA"] {
        bench.refused_somehow(&put(Payload::UnsignedTrailer(99, name, value.to_owned())));
    }
    let good = put(Payload::UnsignedTrailer(99, name, crc.clone()));
    // Declared and missing.
    let mut missing = good.clone();
    missing.body = sign::frame_unsigned(&body, 99, None);
    bench.refused_somehow(&relength(missing));
    // Another than was declared.
    let mut other = good.clone();
    other.body = sign::frame_unsigned(
        &body,
        99,
        Some(("x-amz-checksum-sha1", "kMvmRLMQpTK7oqZcG1BTYCOiS0M=")),
    );
    bench.refused_somehow(&relength(other));
    // Signed, and its signature wrong or missing.
    let signed = put(Payload::ChunkedTrailer(99, name, crc));
    let at = positions(&signed.body, b"x-amz-trailer-signature:")[0];
    let mut forged = signed.clone();
    let digit = &mut forged.body[at + 30];
    *digit = if *digit == b'0' { b'1' } else { b'0' };
    bench.refused(&forged, 403, "SignatureDoesNotMatch");
    let mut cut = signed.clone();
    cut.body.truncate(at);
    cut.body.extend_from_slice(b"\r\n");
    bench.refused_somehow(&relength(cut));
    bench.nothing_at("trailer");
    signed.send(&bench.gate).expect(200);
}

#[test]
fn the_decoded_length_is_enforced_and_nothing_may_follow() {
    let bench = Bench::new();
    for length in ["13", "15", "0", "-1", "x", "99999999999999999999"] {
        let call =
            Call::put("/demo-bucket/length", b"fourteen bytes").payload(Payload::Chunked(99));
        let mut lied = bench.sign(&call);
        // The lie is signed: it is the length that is wrong, not the signature.
        let host = bench.gate.host();
        let headers: Vec<(String, String)> = lied.lines[1..]
            .iter()
            .filter_map(|line| line.split_once(": "))
            .filter(|(name, _)| !matches!(*name, "authorization" | "content-length"))
            .map(|(name, value)| {
                let value = if name == "x-amz-decoded-content-length" {
                    length
                } else {
                    value
                };
                (name.to_owned(), value.to_owned())
            })
            .collect();
        let signer = bench.signer();
        let digest = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
        let seed = signer.request("PUT", "/demo-bucket/length", "", &headers, digest);
        let chunks = sign::Chunks {
            signer: &signer,
            seed: seed.clone(),
            size: 99,
            trailer: None,
        };
        let body = chunks.frame(b"fourteen bytes");
        lied.lines.truncate(1);
        lied.lines.extend(
            headers
                .iter()
                .map(|(name, value)| format!("{name}: {value}")),
        );
        lied.lines.push(format!(
            "authorization: {}",
            signer.authorization(&headers, &seed)
        ));
        lied.lines.push(format!("content-length: {}", body.len()));
        lied.body = body;
        let _ = host;
        bench.refused_somehow(&lied);
    }
    for mode in modes(b"fourteen bytes").split_off(2) {
        let mut more =
            bench.sign(&Call::put("/demo-bucket/length", b"fourteen bytes").payload(mode));
        more.body.extend_from_slice(b"more");
        bench.refused_somehow(&relength(more));
    }
    bench.nothing_at("length");
}

#[test]
fn chunks_that_are_no_chunks() {
    let bench = Bench::new();
    let crc = call::crc32(b"x");
    let mode = Payload::UnsignedTrailer(99, "x-amz-checksum-crc32", crc);
    let good = bench.sign(&Call::put("/demo-bucket/framing", b"x").payload(mode));
    let huge = format!("{}\r\n", "f".repeat(40));
    let long = format!("1;{}\r\nx\r\n0\r\n\r\n", "a".repeat(100_000));
    for body in [
        "",
        "x",
        "\r\n",
        "1\r\n",
        "1\r\nx",
        "1\r\nx\r\n",
        "1\r\nxy\r\n0\r\n\r\n",
        "-1\r\n",
        "0x1\r\nx\r\n0\r\n\r\n",
        "1\nx\n0\n\n",
        " 1\r\nx\r\n0\r\n\r\n",
        huge.as_str(),
        long.as_str(),
        "1;chunk-signature=zz\r\nx\r\n0\r\n\r\n",
    ] {
        let mut bad = good.clone();
        bad.body = body.as_bytes().to_vec();
        bench.refused_somehow(&relength(bad));
    }
    bench.nothing_at("framing");
}

#[test]
fn an_unsigned_payload_is_not_chunked() {
    let bench = Bench::new();
    let call = Call::put("/demo-bucket/unsigned-chunks", b"5\r\nhello\r\n0\r\n\r\n")
        .payload(Payload::Unsigned)
        .with("content-encoding", "aws-chunked")
        .with("x-amz-decoded-content-length", "5");
    bench.refused_somehow(&bench.sign(&call));
    bench.nothing_at("unsigned-chunks");
}

#[test]
fn a_form_cannot_leave_the_bucket_of_its_url() {
    let bench = Bench::new();
    Call::put("/another-bucket", b"")
        .send(&bench.gate, bench.full())
        .expect(200);
    let made = operations::form(&bench.gate, bench.full(), "another-bucket", "stolen");
    let moved = made
        .anonymous(bench.gate.host())
        .edit("POST /another-bucket ", "POST /demo-bucket ");
    let answer = moved.send(&bench.gate);
    assert!((400..500).contains(&answer.status), "{}", answer.text());
    bench.nothing_at("stolen");
    let there = Call::get("/another-bucket/stolen").send(&bench.gate, bench.full());
    there.expect_error(404, "NoSuchKey");
    let good = operations::form(&bench.gate, bench.full(), "another-bucket", "welcome");
    good.anonymous(bench.gate.host())
        .send(&bench.gate)
        .expect(204);
}

#[test]
fn the_port_443_is_signed_with_and_without() {
    let bench = Bench::new();
    for (sent, signed) in [
        ("localhost", "localhost"),
        ("localhost:443", "localhost:443"),
        ("localhost", "localhost:443"),
        ("localhost:443", "localhost"),
    ] {
        let raw = Call::get("/demo-bucket/there")
            .host(signed)
            .sign(&bench.signer(), "");
        raw.replace("host", &format!("host: {sent}"))
            .send(&bench.gate)
            .expect(200);
    }
    // No other port is optional.
    let raw = Call::get("/demo-bucket/there")
        .host("localhost")
        .sign(&bench.signer(), "");
    let raw = raw.replace("host", "host: localhost:8443");
    bench.refused(&raw, 403, "SignatureDoesNotMatch");
}

#[test]
fn white_space_is_folded_and_lines_are_not() {
    let bench = Bench::new();
    let call = Call::put("/demo-bucket/folded", b"x").with("x-amz-meta-a", "one   two");
    bench.sign(&call).send(&bench.gate).expect(200);
    let raw = bench.sign(&Call::get("/demo-bucket/there"));
    let folded = raw.line("x-folded: a\r\n b");
    let answer = gate_answer(&bench.gate, &folded);
    assert!(answer.is_none_or(|answer| answer.status == 400));
}

#[test]
fn nobody_at_all_is_refused_everywhere() {
    let bench = Bench::new();
    for &operation in s3_protocol::Operation::ALL {
        if matches!(
            operation,
            s3_protocol::Operation::Preflight | s3_protocol::Operation::PostObject
        ) {
            continue;
        }
        let call = operations::call(operation, "demo-bucket", "there", &"0".repeat(32));
        let answer = call.anonymous(bench.gate.host()).send(&bench.gate);
        assert!(
            (400..500).contains(&answer.status),
            "{operation}: {} {}",
            answer.status,
            answer.text()
        );
        assert!(!answer.text().contains(">there<"), "{operation}");
    }
    let form = operations::form_of("demo-bucket", &[("key", "anonymous")], b"x");
    bench.refused_somehow(&form.anonymous(bench.gate.host()));
    bench.nothing_at("anonymous");
}

/// The answer, or none when the connection was closed without.
fn gate_answer(gate: &Gate, raw: &Raw) -> Option<Answer> {
    gate.wire().ask(&raw.bytes()).ok()
}

/// Makes Content-Length that of the body again. It is not signed.
fn relength(raw: Raw) -> Raw {
    let line = format!("content-length: {}", raw.body.len());
    raw.replace("content-length", &line)
}

fn positions(bytes: &[u8], wanted: &[u8]) -> Vec<usize> {
    let windows = bytes.windows(wanted.len()).enumerate();
    windows
        .filter(|(_, window)| *window == wanted)
        .map(|(at, _)| at)
        .collect()
}
