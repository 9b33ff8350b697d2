//! Input that is wrong in every way a stranger may think of: an S3 error with a code and a request id, nothing stored,
//! and a server that goes on.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use tests::call::{self, Call, Payload, Raw};
use tests::gate::{Gate, Key};
use tests::random::Random;
use tests::{operations, wait};

fn full(gate: &Gate) -> &Key {
    gate.key("photos", "full")
}

fn sign(gate: &Gate, call: &Call) -> Raw {
    call.sign(&call::signer(gate, full(gate)), gate.host())
}

/// The gate still serves, and the bucket is as empty as it was.
#[track_caller]
fn goes_on_with_nothing_stored(gate: &mut Gate) {
    assert!(gate.is_running(), "the gate has ended");
    let list = Call::get("/demo-bucket?list-type=2").send(gate, full(gate));
    let text = list.expect(200).text();
    assert!(
        text.contains("<KeyCount>0</KeyCount>"),
        "something was stored: {text}"
    );
}

#[test]
fn xml_that_is_not_what_it_should_be() {
    let mut gate = Gate::start();
    let deep = "<a>".repeat(20_000);
    let wide = format!(
        "<Delete>{}</Delete>",
        "<Object><Key>k</Key></Object>".repeat(1_001)
    );
    let bodies: Vec<&[u8]> = vec![
        b"",
        b"x",
        b"<",
        b"<Delete>",
        b"<Delete></Delete>",
        b"<Delete/>",
        b"<Other/>",
        b"<Delete><Object/></Delete>",
        b"<Delete><Object><Key></Key></Object></Delete>",
        b"<Delete><Object><Key>a</Object></Key></Delete>",
        b"<Delete><Object><Key>\xff\xfe</Key></Object></Delete>",
        b"<Delete><Object><Key>&nope;</Key></Object></Delete>",
        b"<Delete><Object><Key>&#0;</Key></Object></Delete>",
        b"<!DOCTYPE a [<!ENTITY b \"c\">]><Delete><Object><Key>&b;</Key></Object></Delete>",
        b"<?xml version=\"1.0\" encoding=\"UTF-16\"?><Delete/>",
        b"\x00\x00\x00",
        deep.as_bytes(),
        wide.as_bytes(),
    ];
    let upload = Call::post("/demo-bucket/xml?uploads", b"").send(&gate, full(&gate));
    let upload = upload.expect(200).element("UploadId").unwrap();
    let complete = format!("/demo-bucket/xml?uploadId={upload}");
    for target in ["/demo-bucket?delete", complete.as_str()] {
        for body in &bodies {
            let answer = sign(&gate, &operations::with_md5(Call::post(target, body))).send(&gate);
            let shown = String::from_utf8_lossy(&body[..body.len().min(60)]);
            assert_eq!(answer.status, 400, "{target} {shown}: {}", answer.text());
            answer.expect_error(400, &answer.code().expect("a code"));
        }
    }
    goes_on_with_nothing_stored(&mut gate);
}

#[test]
fn a_document_that_is_too_long_is_refused_before_it_is_sent() {
    let mut gate = Gate::start();
    let call = Call::post("/demo-bucket?delete", &vec![b' '; 9_000_000]);
    let call = operations::with_md5(call).with_unsigned("expect", "100-continue");
    let head = Raw {
        body: Vec::new(),
        ..sign(&gate, &call)
    };
    let mut wire = gate.wire();
    wire.send(&head.bytes()).unwrap();
    let answer = wire.any_answer(false).unwrap();
    answer.expect_error(400, &answer.code().expect("a code"));
    goes_on_with_nothing_stored(&mut gate);
}

#[test]
fn a_delete_without_any_digest_is_refused() {
    let gate = Gate::start();
    let body = b"<Delete><Object><Key>k</Key></Object></Delete>";
    let plain = Call::post("/demo-bucket?delete", body).payload(Payload::Unsigned);
    let answer = sign(&gate, &plain).send(&gate);
    assert!((400..500).contains(&answer.status), "{}", answer.text());
    let crc =
        Call::post("/demo-bucket?delete", body).with("x-amz-checksum-crc32", &call::crc32(body));
    sign(&gate, &crc).send(&gate).expect(200);
    let wrong = Call::post("/demo-bucket?delete", body)
        .with("x-amz-checksum-crc32", &call::crc32(b"another"));
    sign(&gate, &wrong)
        .send(&gate)
        .expect_error(400, "BadDigest");
}

#[test]
fn forms_that_are_no_forms() {
    let mut gate = Gate::start();
    let good = operations::form(&gate, full(&gate), "demo-bucket", "form").anonymous(gate.host());
    let text = String::from_utf8(good.body.clone()).unwrap();
    let many = |count: usize| {
        let fields: Vec<(String, String)> = (0..count)
            .map(|n| (format!("f{n}"), "v".to_owned()))
            .collect();
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        operations::form_of("demo-bucket", &fields, b"x")
            .anonymous(gate.host())
            .body
    };
    let spoiled: Vec<Vec<u8>> = vec![
        Vec::new(),
        b"\r\n".to_vec(),
        text.as_bytes()[..text.len() / 2].to_vec(),
        text.as_bytes()[..text.len() - 6].to_vec(),
        text.replace("name=\"key\"", "name=\"kee\"").into_bytes(),
        text.replace("name=\"policy\"", "name=\"p\"").into_bytes(),
        text.replace("Content-Disposition", "Content-Nothing")
            .into_bytes(),
        text.replace("\r\n", "\n").into_bytes(),
        text.replace("name=\"file\"", "name=\"elif\"").into_bytes(),
        text.replace("name=\"x-amz-signature\"", "name=\"signature\"")
            .into_bytes(),
        [b"\xff\xfe\x00".to_vec(), text.clone().into_bytes()].concat(),
        vec![b'-'; 200_000],
        many(5_000),
        operations::form_of("demo-bucket", &[("key", &"k".repeat(100_000))], b"x")
            .anonymous(gate.host())
            .body,
    ];
    for (nth, body) in spoiled.into_iter().enumerate() {
        let length = format!("content-length: {}", body.len());
        let bad = Raw {
            body,
            ..good.clone()
        }
        .replace("content-length", &length);
        let answer = bad.send(&gate);
        assert!(
            (400..500).contains(&answer.status),
            "form {nth}: {} {}",
            answer.status,
            answer.text()
        );
        answer.expect_error(answer.status, &answer.code().expect("a code"));
    }
    for kind in [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"",
        "text/plain",
        "multipart/mixed; boundary=x",
    ] {
        let bad = good
            .clone()
            .replace("content-type", &format!("content-type: {kind}"));
        let answer = bad.send(&gate);
        assert!(
            (400..500).contains(&answer.status),
            "{kind}: {}",
            answer.text()
        );
    }
    goes_on_with_nothing_stored(&mut gate);
    good.send(&gate).expect(204);
}

#[test]
fn targets_that_name_nothing() {
    let mut gate = Gate::start();
    let over = format!("/demo-bucket/{}", "k".repeat(1_025));
    let escaped_over = format!("/demo-bucket/{}", "%C3%A4".repeat(513));
    for (target, status, code) in [
        ("/demo-bucket/%FF", 400, None),
        ("/demo-bucket/%C3", 400, None),
        ("/demo-bucket/%ED%A0%80", 400, None),
        ("/demo-bucket/%", 400, None),
        ("/demo-bucket/%G0", 400, None),
        (over.as_str(), 400, Some("KeyTooLongError")),
        (escaped_over.as_str(), 400, Some("KeyTooLongError")),
        ("/UPPER/k", 400, None),
        ("/a/k", 400, None),
        ("/192.168.1.1/k", 400, None),
        ("/demo..bucket/k", 400, None),
        ("/../k", 400, None),
    ] {
        let answer = sign(&gate, &Call::put(target, b"x")).send(&gate);
        let right = answer.status == status || (code.is_none() && answer.status == 404);
        assert!(right, "{target}: {} {}", answer.status, answer.text());
        answer.expect_error(
            answer.status,
            code.unwrap_or(&answer.code().expect("a code")),
        );
    }
    goes_on_with_nothing_stored(&mut gate);
}

#[test]
fn parameters_that_are_out_of_bounds() {
    let mut gate = Gate::start();
    let zero = "0".repeat(32);
    for target in [
        "/demo-bucket?list-type=3",
        "/demo-bucket?list-type=2&max-keys=-1",
        "/demo-bucket?list-type=2&max-keys=x",
        "/demo-bucket?list-type=2&max-keys=99999999999999999999",
        "/demo-bucket?list-type=2&encoding-type=base64",
        "/demo-bucket?list-type=2&continuation-token=%FF",
        "/demo-bucket?uploads&max-uploads=-1",
    ] {
        let answer = sign(&gate, &Call::get(target)).send(&gate);
        answer.expect_error(400, &answer.code().unwrap_or_default());
    }
    for target in [
        format!("/demo-bucket/k?partNumber=0&uploadId={zero}"),
        format!("/demo-bucket/k?partNumber=10001&uploadId={zero}"),
        format!("/demo-bucket/k?partNumber=x&uploadId={zero}"),
        format!("/demo-bucket/k?partNumber=-1&uploadId={zero}"),
        format!("/demo-bucket/k?partNumber=1&partNumber=2&uploadId={zero}"),
    ] {
        let answer = sign(&gate, &Call::put(&target, b"x")).send(&gate);
        answer.expect_error(400, &answer.code().unwrap_or_default());
    }
    for upload in [zero.as_str(), "x", "", "..%2F..%2Fetc"] {
        let target = format!("/demo-bucket/k?partNumber=1&uploadId={upload}");
        let answer = sign(&gate, &Call::put(&target, b"x")).send(&gate);
        assert!(
            matches!(answer.status, 400 | 404),
            "{upload}: {}",
            answer.text()
        );
    }
    for (name, value) in [
        ("content-md5", "x"),
        ("content-md5", "AAAA"),
        ("x-amz-checksum-crc32", "x"),
        ("x-amz-checksum-sha256", "AAAA"),
        ("x-amz-storage-class", "SHINY"),
        ("x-amz-copy-source", ""),
        ("x-amz-copy-source", "nothing"),
        ("x-amz-copy-source", "/demo-bucket/%FF"),
        ("x-amz-decoded-content-length", "x"),
        ("content-length", "-1"),
        ("content-length", "x"),
    ] {
        let answer = sign(
            &gate,
            &Call::put("/demo-bucket/header", b"x").with(name, value),
        )
        .send(&gate);
        let refused = (400..500).contains(&answer.status) && !answer.headers.is_empty();
        assert!(
            refused,
            "{name}: {value}: {} {}",
            answer.status,
            answer.text()
        );
    }
    goes_on_with_nothing_stored(&mut gate);
}

#[test]
fn bytes_that_are_no_http() {
    let mut gate = Gate::start();
    let random = Random::new(11).bytes(4_096);
    let long = format!(
        "GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n",
        "a".repeat(200_000)
    );
    let many = format!(
        "GET / HTTP/1.1\r\nhost: localhost\r\n{}\r\n",
        "x-a: b\r\n".repeat(5_000)
    );
    let host = gate.host().to_owned();
    let both = format!(
        "PUT /demo-bucket/smuggled HTTP/1.1\r\nhost: {host}\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
    );
    let two = format!(
        "PUT /demo-bucket/smuggled HTTP/1.1\r\nhost: {host}\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx"
    );
    let odd = format!(
        "PUT /demo-bucket/smuggled HTTP/1.1\r\nhost: {host}\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n"
    );
    let inputs: Vec<&[u8]> = vec![
        b"\r\n\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nx: \x00\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: \xff\r\n\r\n",
        b"\x16\x03\x01\x00\x00",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &random,
        long.as_bytes(),
        many.as_bytes(),
        both.as_bytes(),
        two.as_bytes(),
        odd.as_bytes(),
    ];
    for input in inputs {
        let mut wire = gate.wire();
        let shown = String::from_utf8_lossy(&input[..input.len().min(60)]).into_owned();
        // Closed without an answer is an answer to what is no request.
        if let Ok(answer) = wire.ask(input) {
            assert!(
                (400..500).contains(&answer.status),
                "{shown}: {} {}",
                answer.status,
                answer.text()
            );
        }
    }
    // Not even TLS.
    for input in [&b"GET / HTTP/1.1\r\n\r\n"[..], &random, b""] {
        let mut socket = TcpStream::connect(gate.address()).unwrap();
        let _ = socket.write_all(input);
    }
    goes_on_with_nothing_stored(&mut gate);
}

#[test]
fn a_chunked_and_counted_body_is_refused_and_the_connection_closed() {
    let gate = Gate::start();
    let raw = sign(&gate, &Call::put("/demo-bucket/smuggled", b"x"));
    let smuggled = raw.line("transfer-encoding: chunked");
    let mut wire = gate.wire();
    let mut bytes = smuggled.bytes();
    bytes.extend_from_slice(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
    match wire.ask(&bytes) {
        Ok(answer) => assert_eq!(answer.status, 400, "{}", answer.text()),
        Err(error) => assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "{error}"),
    }
    assert!(
        wire.answer(false).is_err(),
        "a second request was read from one body"
    );
}

#[test]
fn an_upload_that_stops_half_way_stores_nothing() {
    let mut gate = Gate::start();
    let body = vec![b'x'; 300_000];
    for payload in [Payload::Signed, Payload::Unsigned, Payload::Chunked(8_192)] {
        let raw = sign(
            &gate,
            &Call::put("/demo-bucket/half", &body).payload(payload),
        );
        let bytes = raw.bytes();
        let mut wire = gate.wire();
        wire.send(&bytes[..bytes.len() / 2]).unwrap();
        drop(wire);
    }
    goes_on_with_nothing_stored(&mut gate);
    wait::until(
        "three entries of clients that went away",
        Duration::from_secs(10),
        || {
            let text = std::fs::read_to_string(gate.access_log()).unwrap_or_default();
            (text.matches("half").count() >= 3).then_some(())
        },
    );
}

#[test]
fn a_refused_upload_is_answered_before_its_body_is_sent() {
    let gate = Gate::start();
    let reader = gate.key("photos", "read");
    let call = Call::put("/demo-bucket/expect", &vec![b'x'; 50_000_000])
        .payload(Payload::Unsigned)
        .with_unsigned("expect", "100-continue");
    let mut raw = call.sign(&call::signer(&gate, reader), gate.host());
    raw.body.clear();
    let begin = Instant::now();
    let mut wire = gate.wire();
    wire.send(&raw.bytes()).unwrap();
    let answer = wire.any_answer(false).unwrap();
    answer.expect_error(403, "AccessDenied");
    assert!(
        begin.elapsed() < Duration::from_secs(5),
        "{:?}",
        begin.elapsed()
    );

    // Who may write is asked to go on.
    let call = Call::put("/demo-bucket/expect", b"hello").with_unsigned("expect", "100-continue");
    let raw = sign(&gate, &call);
    let head = Raw {
        body: Vec::new(),
        ..raw.clone()
    };
    let mut wire = gate.wire();
    wire.send(&head.bytes()).unwrap();
    wire.any_answer(false).unwrap().expect(100);
    wire.send(&raw.body).unwrap();
    wire.answer(false).unwrap().expect(200);
}

#[test]
fn control_characters_come_back_escaped_or_not_at_all() {
    let gate = Gate::start();
    for key in ["%01", "%0A", "%0D%0A", "%3Cb%3E%26", "%EF%BF%BE", "%7F"] {
        let put = Call::put(&format!("/demo-bucket/{key}"), b"x").send(&gate, full(&gate));
        put.expect(200);
    }
    let list = Call::get("/demo-bucket?list-type=2&encoding-type=url").send(&gate, full(&gate));
    let text = list.expect(200).text();
    assert!(text.contains("%0D%0A") && text.contains("%01"), "{text}");
    let missing = Call::get("/demo-bucket/%3Cscript%3E%0D%0Ax").send(&gate, full(&gate));
    let text = missing.expect_error(404, "NoSuchKey").text();
    assert!(!text.contains("<script>"), "{text}");
    let header = Call::get("/demo-bucket/%01?response-content-type=a%0D%0Ax-evil%3A%20b");
    let answer = header.send(&gate, full(&gate));
    assert_eq!(answer.header("x-evil"), None, "{answer:?}");
    // One request, one line of the log.
    let entries = gate.entries();
    assert!(entries.iter().all(serde_json::Value::is_object));
}

#[test]
fn hundreds_of_silent_connections_leave_room_for_one_that_speaks() {
    let mut gate = Gate::start();
    let silent: Vec<TcpStream> = (0..200)
        .map_while(|_| TcpStream::connect(gate.address()).ok())
        .collect();
    assert!(silent.len() > 100);
    drop(silent);
    goes_on_with_nothing_stored(&mut gate);
}
