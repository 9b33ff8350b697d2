//! Details of the protocol that clients stumble over when they are wrong, one test each.

use tests::call::{self, Call, Payload};
use tests::gate::{Gate, Key};
use tests::operations;
use tests::wire::Answer;

fn full(gate: &Gate) -> &Key {
    gate.key("photos", "full")
}

#[track_caller]
fn ask(gate: &Gate, call: Call) -> Answer {
    call.send(gate, full(gate))
}

#[test]
fn aws_chunked_is_framing_and_no_property_of_the_object() {
    let gate = Gate::start();
    for (sent, kept) in [
        ("aws-chunked", None),
        ("aws-chunked,gzip", Some("gzip")),
        ("gzip, aws-chunked", Some("gzip")),
        ("gzip", Some("gzip")),
    ] {
        let call = Call::put("/demo-bucket/encoded", b"hello")
            .payload(Payload::Chunked(8_192))
            .with("content-encoding", sent);
        ask(&gate, call).expect(200);
        let got = ask(&gate, Call::get("/demo-bucket/encoded"));
        assert_eq!(got.expect(200).header("content-encoding"), kept, "{sent}");
        assert_eq!(got.body, b"hello");
    }
}

#[test]
fn chunked_transfer_with_a_decoded_length_needs_no_content_length() {
    let gate = Gate::start();
    let body = vec![b'y'; 50_000];
    let crc = call::crc32(&body);
    for payload in [
        Payload::Chunked(8_192),
        Payload::ChunkedTrailer(8_192, "x-amz-checksum-crc32", crc.clone()),
        Payload::UnsignedTrailer(8_192, "x-amz-checksum-crc32", crc),
    ] {
        let call = Call::put("/demo-bucket/lengthless", &body)
            .payload(payload)
            .without_length();
        ask(&gate, call).expect(200);
        assert!(ask(&gate, Call::get("/demo-bucket/lengthless")).body == body);
    }
    let call = Call::put("/demo-bucket/unknown-length", b"x").without_length();
    ask(&gate, call).expect_error(411, "MissingContentLength");
}

#[test]
fn no_bytes_in_each_payload_mode_and_a_range_on_them() {
    let gate = Gate::start();
    let crc = call::crc32(b"");
    for payload in [
        Payload::Signed,
        Payload::Unsigned,
        Payload::Chunked(8_192),
        Payload::ChunkedTrailer(8_192, "x-amz-checksum-crc32", crc.clone()),
        Payload::UnsignedTrailer(8_192, "x-amz-checksum-crc32", crc),
    ] {
        ask(
            &gate,
            Call::put("/demo-bucket/empty", b"").payload(payload.clone()),
        )
        .expect(200);
        let got = ask(&gate, Call::get("/demo-bucket/empty"));
        assert_eq!(
            got.expect(200).header("content-length"),
            Some("0"),
            "{payload:?}"
        );
        for range in ["bytes=0-0", "bytes=0-", "bytes=-1"] {
            let ranged = ask(&gate, Call::get("/demo-bucket/empty").with("range", range));
            ranged.expect_error(416, "InvalidRange");
        }
        ask(&gate, Call::delete("/demo-bucket/empty")).expect(204);
    }
}

#[test]
fn ranges_as_http_has_them() {
    let gate = Gate::start();
    ask(&gate, Call::put("/demo-bucket/r", b"0123456789")).expect(200);
    for (range, status, body) in [
        ("bytes=0-0", 206, "0"),
        ("bytes=9-", 206, "9"),
        ("bytes=-20", 206, "0123456789"),
        ("bytes=5-100", 206, "56789"),
        ("bytes=10-", 416, ""),
        ("bytes=-0", 416, ""),
        // What is no range is as if it were not there.
        ("bytes=5-4", 200, "0123456789"),
        ("lines=1-2", 200, "0123456789"),
        ("bytes=", 200, "0123456789"),
    ] {
        let got = ask(&gate, Call::get("/demo-bucket/r").with("range", range));
        assert_eq!(got.status, status, "{range}: {}", got.text());
        if status != 416 {
            assert_eq!(got.text(), body, "{range}");
        }
    }
}

#[test]
fn checksums_are_answered_when_asked_and_for_whole_things_only() {
    let gate = Gate::start();
    let body = b"with a checksum";
    let put = Call::put("/demo-bucket/sum", body).with("x-amz-checksum-crc32", &call::crc32(body));
    ask(&gate, put).expect(200);
    let crc = call::crc32(body);
    let get = || Call::get("/demo-bucket/sum");
    assert_eq!(ask(&gate, get()).header("x-amz-checksum-crc32"), None);
    let asked = ask(&gate, get().with("x-amz-checksum-mode", "ENABLED"));
    assert_eq!(asked.header("x-amz-checksum-crc32"), Some(crc.as_str()));
    assert_eq!(asked.header("x-amz-checksum-type"), Some("FULL_OBJECT"));
    let ranged = get()
        .with("x-amz-checksum-mode", "ENABLED")
        .with("range", "bytes=0-3");
    assert_eq!(
        ask(&gate, ranged)
            .expect(206)
            .header("x-amz-checksum-crc32"),
        None
    );
}

#[test]
fn the_region_of_a_bucket_is_told() {
    let gate = Gate::start();
    let region = gate.dev().region.clone();
    let head = ask(&gate, Call::head("/demo-bucket"));
    assert_eq!(
        head.expect(200).header("x-amz-bucket-region"),
        Some(region.as_str())
    );
    let location = ask(&gate, Call::get("/demo-bucket?location"));
    let text = location.expect(200).text();
    let is_default = region == "us-east-1";
    assert!(text.contains(&region) || is_default, "{text}");
    let mut signer = call::signer(&gate, full(&gate));
    signer.region = "elsewhere-1".to_owned();
    let wrong = Call::get("/demo-bucket")
        .sign(&signer, gate.host())
        .send(&gate);
    wrong.expect_error(400, "AuthorizationHeaderMalformed");
    assert_eq!(wrong.element("Region"), Some(region.clone()));
    let wrong = Call::head("/demo-bucket")
        .sign(&signer, gate.host())
        .send(&gate);
    assert_eq!(
        wrong.expect(400).header("x-amz-bucket-region"),
        Some(region.as_str())
    );
}

#[test]
fn names_in_a_list_are_encoded_when_asked_and_tokens_never() {
    let gate = Gate::start();
    for key in ["enc/a%20b", "enc/a%2Bb", "enc/%C3%A4/x", "enc/~-_."] {
        ask(&gate, Call::put(&format!("/demo-bucket/{key}"), b"")).expect(200);
    }
    let url = "/demo-bucket?encoding-type=url&list-type=2&prefix=enc%2F";
    let text = ask(&gate, Call::get(url)).expect(200).text();
    for wanted in [
        "<Key>enc/a%20b</Key>",
        "<Key>enc/a%2Bb</Key>",
        "<Key>enc/%C3%A4/x</Key>",
        "<Key>enc/~-_.</Key>",
        "<Prefix>enc/</Prefix>",
        "<EncodingType>url</EncodingType>",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    let plain = ask(&gate, Call::get("/demo-bucket?list-type=2&prefix=enc%2F")).text();
    assert!(
        plain.contains("<Key>enc/a b</Key>") && plain.contains("<Key>enc/ä/x</Key>"),
        "{plain}"
    );

    let mut token = String::new();
    let mut keys = Vec::new();
    loop {
        let mut query = "encoding-type=url&list-type=2&max-keys=1&prefix=enc%2F".to_owned();
        if !token.is_empty() {
            let encoded = tests::sign::encode(token.as_bytes(), false);
            query = format!("continuation-token={encoded}&{query}");
        }
        let page = ask(&gate, Call::get(&format!("/demo-bucket?{query}")));
        keys.extend(page.expect(200).element("Key"));
        match page.element("NextContinuationToken") {
            Some(next) => token = next,
            None => break,
        }
        if let Some(echoed) = page.element("ContinuationToken") {
            assert!(!echoed.is_empty());
        }
    }
    assert_eq!(keys.len(), 4, "{keys:?}");
}

#[test]
fn keys_are_bytes_and_paths_are_never_normalised() {
    let gate = Gate::start();
    let longest = "k".repeat(1_024);
    let keys = [
        ".",
        "..",
        "a//b",
        "/",
        "//",
        "a/./b",
        "a/../b",
        "%01",
        "%2F",
        "a%2Fb",
        "%252F",
        "+",
        "a%20b",
        "%EF%BF%BD",
        longest.as_str(),
    ];
    for key in keys {
        ask(
            &gate,
            Call::put(&format!("/demo-bucket/{key}"), key.as_bytes()),
        )
        .expect(200);
    }
    for key in keys {
        let got = ask(&gate, Call::get(&format!("/demo-bucket/{key}")));
        // `/` and `%2F` are one key, the one that was put last.
        let wanted = match key {
            "/" => "%2F",
            key => key,
        };
        assert_eq!(got.expect(200).text(), wanted, "{key}");
    }
    let over = format!("/demo-bucket/{}", "k".repeat(1_025));
    ask(&gate, Call::put(&over, b"")).expect_error(400, "KeyTooLongError");
}

#[test]
fn each_answer_has_its_request_id_and_no_other_servers_mark() {
    let gate = Gate::start();
    let mut ids = Vec::new();
    for call in [
        Call::get("/"),
        Call::get("/demo-bucket/missing"),
        Call::head("/demo-bucket"),
        Call::get("/no-such-bucket"),
    ] {
        let answer = ask(&gate, call);
        ids.push(answer.request_id().to_owned());
        assert!(answer.header("date").is_some(), "{answer:?}");
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

#[test]
fn a_head_has_no_body_even_when_it_is_refused() {
    let gate = Gate::start();
    let signer = call::signer(&gate, full(&gate));
    let mut wire = gate.wire();
    for (target, status) in [
        ("/demo-bucket/missing", 404),
        ("/demo-bucket", 200),
        ("/no-such-bucket", 404),
    ] {
        let raw = Call::head(target).sign(&signer, gate.host());
        wire.ask(&raw.bytes()).unwrap().expect(status);
    }
    // Had one of them sent a body, this answer would begin with it.
    let raw = Call::get("/").sign(&signer, gate.host());
    wire.ask(&raw.bytes()).unwrap().expect(200);
}

#[test]
fn requests_one_after_another_on_one_connection() {
    let gate = Gate::start();
    let signer = call::signer(&gate, full(&gate));
    let mut wire = gate.wire();
    let mut pipelined = Vec::new();
    for n in 0..10 {
        let put = Call::put(&format!("/demo-bucket/p/{n}"), format!("{n}").as_bytes());
        wire.ask(&put.sign(&signer, gate.host()).bytes())
            .unwrap()
            .expect(200);
        let get = Call::get(&format!("/demo-bucket/p/{n}"));
        pipelined.extend(get.sign(&signer, gate.host()).bytes());
    }
    wire.send(&pipelined).unwrap();
    for n in 0..10 {
        assert_eq!(
            wire.answer(false).unwrap().expect(200).text(),
            n.to_string()
        );
    }
}

#[test]
fn a_retried_complete_answers_the_same() {
    let gate = Gate::start();
    let upload = ask(&gate, Call::post("/demo-bucket/m?uploads", b""))
        .element("UploadId")
        .unwrap();
    let part = operations::call(
        s3_protocol::Operation::UploadPart,
        "demo-bucket",
        "m",
        &upload,
    );
    ask(&gate, part).expect(200);
    let complete = operations::call(
        s3_protocol::Operation::CompleteMultipartUpload,
        "demo-bucket",
        "m",
        &upload,
    );
    let first = ask(&gate, complete.clone()).expect(200).element("ETag");
    let second = ask(&gate, complete).expect(200).element("ETag");
    assert!(first.is_some() && first == second, "{first:?} {second:?}");
}

#[test]
fn what_is_unknown_is_dropped_on_reads_and_refused_elsewhere() {
    let gate = Gate::start();
    ask(&gate, Call::put("/demo-bucket/q", b"x")).expect(200);
    ask(
        &gate,
        Call::get("/demo-bucket/q?utm_source=mail&x-id=GetObject"),
    )
    .expect(200);
    for call in [
        Call::put("/demo-bucket/q?unheard-of", b"y"),
        Call::delete("/demo-bucket/q?unheard-of"),
    ] {
        let answer = ask(&gate, call);
        assert!(matches!(answer.status, 400 | 501), "{}", answer.text());
    }
    ask(&gate, Call::put("/demo-bucket/q?x-id=PutObject", b"x")).expect(200);
    assert_eq!(ask(&gate, Call::get("/demo-bucket/q")).text(), "x");
}

#[test]
fn the_headers_of_an_answer_are_not_chosen_by_a_stranger() {
    let gate = Gate::start();
    ask(&gate, Call::put("/demo-bucket/page", b"x")).expect(200);
    let target = "/demo-bucket/page?response-content-type=text%2Fhtml";
    let answer = ask(&gate, Call::get(target));
    assert_eq!(answer.expect(200).header("content-type"), Some("text/html"));

    // Whether the bucket and the object are there makes no difference.
    for target in [target, "/no-such-bucket/page?response-expires=0"] {
        let anonymous = |call: Call| call.anonymous(gate.host()).send(&gate);
        anonymous(Call::get(target)).expect_error(400, "InvalidRequest");
        anonymous(Call::head(target)).expect(400);
    }
}
