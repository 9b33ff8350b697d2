//! Heads that must not be served: malformed, too large, or with two ends.

use postern::edge::EdgeLimits;
use postern::limits::{HEAD_BYTES_MAX, HEADERS_MAX, URI_BYTES_MAX};
use tokio::io::AsyncWriteExt as _;

use crate::client::{connect, exchange, is_closed, read_answer, read_to_end};
use crate::stand_in::{options, plain, serve};

/// An S3 error with a code and a request id, after which the connection ends.
fn assert_refused(answer: &str, status: u16, code: &str, of: &str) {
    assert!(
        answer.starts_with(&format!("HTTP/1.1 {status} ")),
        "{of}: {answer}"
    );
    assert!(
        answer.contains(&format!("<Code>{code}</Code>")),
        "{of}: {answer}"
    );
    assert!(
        answer.contains("<RequestId>") && answer.to_lowercase().contains("x-amz-request-id: "),
        "{of}: {answer}"
    );
    assert!(
        answer.to_lowercase().contains("connection: close"),
        "{of}: {answer}"
    );
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{of}: {answer}");
}

#[tokio::test]
async fn a_head_that_can_be_read_in_two_ways_is_refused_and_the_connection_ends() {
    let served = plain();
    let smuggled = "GET /smuggled HTTP/1.1\r\nhost: h\r\n\r\n";
    let heads = [
        "content-length: 5\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
        "Transfer-Encoding: chunked\r\nCONTENT-LENGTH: 5\r\n",
        "transfer-encoding: chunked\ncontent-length: 5\r\n",
        "transfer-encoding: gzip, chunked\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked, identity\r\n",
        "transfer-encoding: xchunked\r\n",
        "transfer-encoding : chunked\r\n",
        "content-length: 5\r\ncontent-length: 6\r\n",
        "content-length: 5, 5\r\n",
        "content-length: +5\r\n",
        "content-length: -5\r\n",
        "content-length: 0x5\r\n",
        "content-length : 5\r\n",
        "x-folded: a\r\n b\r\n",
        "x-folded: a\r\n\tb\r\n",
        " x-blank: first\r\n",
        "x-nul: a\0b\r\n",
        "x-cr: a\rb\r\n",
        "no-colon\r\n",
        ": no-name\r\n",
    ];
    for head in heads {
        let bytes = format!("POST /read HTTP/1.1\r\nhost: h\r\n{head}\r\n0\r\n\r\n{smuggled}");
        assert_refused(
            &exchange(served.address(), bytes.as_bytes()).await,
            400,
            "InvalidRequest",
            head,
        );
    }
    assert_eq!(
        served.log().len(),
        heads.len(),
        "each has its entry in the log"
    );
}

#[tokio::test]
async fn a_request_line_that_is_none_is_refused() {
    let served = plain();
    for line in [
        "",
        "GET",
        "GET /",
        "GET / HTTP/3.0",
        "GET  / HTTP/1.1",
        "G\0T / HTTP/1.1",
        "GET /\u{7f} HTTP/1.1",
        "\x16\x03\x01",
    ] {
        let bytes = format!("{line} \r\nhost: h\r\n\r\n");
        assert_refused(
            &exchange(served.address(), bytes.as_bytes()).await,
            400,
            "InvalidRequest",
            line,
        );
    }
}

#[tokio::test]
async fn a_broken_chunk_is_an_error_of_the_client_and_ends_the_connection() {
    let served = plain();
    for body in [
        "x\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhelloX\r\n0\r\n\r\n",
        "-5\r\nhello\r\n",
        "fffffffffffffffff\r\n",
    ] {
        let bytes =
            format!("POST /read HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n{body}");
        let answer = exchange(served.address(), bytes.as_bytes()).await;
        assert!(
            answer.starts_with("HTTP/1.1 400 ") && answer.ends_with("InvalidRequest"),
            "{body}: {answer}"
        );
        assert!(answer.contains("connection: close"), "{body}: {answer}");
    }
}

#[tokio::test]
async fn chunked_alone_is_served_and_the_connection_is_kept() {
    let served = plain();
    let mut socket = connect(served.address()).await;
    for _ in 0..3 {
        socket
            .write_all(b"POST /read HTTP/1.1\r\nhost: h\r\ntransfer-encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
            .await
            .unwrap();
        assert!(read_answer(&mut socket).await.ends_with("read 5"));
        socket
            .write_all(b"POST /read HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\nabc")
            .await
            .unwrap();
        assert!(read_answer(&mut socket).await.ends_with("read 3"));
    }
}

#[tokio::test]
async fn a_head_at_its_bound_is_served_and_a_byte_more_is_refused() {
    let served = plain();
    for (bytes, served_well) in [
        (HEAD_BYTES_MAX, true),
        (HEAD_BYTES_MAX + 1, false),
        (20 * HEAD_BYTES_MAX, false),
    ] {
        let frame = "GET / HTTP/1.1\r\nconnection: close\r\nx: \r\n\r\n";
        let head = frame.replace("x: ", &format!("x: {}", "v".repeat(bytes - frame.len())));
        let answer = exchange(served.address(), head.as_bytes()).await;
        if served_well {
            assert!(answer.starts_with("HTTP/1.1 200 "), "{bytes}: {answer}");
        } else {
            assert_refused(
                &answer,
                400,
                "RequestHeaderSectionTooLarge",
                &bytes.to_string(),
            );
        }
    }
}

#[tokio::test]
async fn headers_at_their_bound_are_served_and_one_more_is_refused() {
    for limit in [10, HEADERS_MAX, 150] {
        let served = serve(options(EdgeLimits {
            headers: limit,
            ..EdgeLimits::default()
        }));
        for (count, served_well) in [(limit, true), (limit + 1, false)] {
            let headers = "x: y\r\n".repeat(count - 1);
            let head = format!("GET / HTTP/1.1\r\nconnection: close\r\n{headers}\r\n");
            let answer = exchange(served.address(), head.as_bytes()).await;
            if served_well {
                assert!(
                    answer.starts_with("HTTP/1.1 200 "),
                    "{count} of {limit}: {answer}"
                );
            } else {
                assert_refused(
                    &answer,
                    400,
                    "RequestHeaderSectionTooLarge",
                    &count.to_string(),
                );
            }
        }
    }
}

#[tokio::test]
async fn a_target_at_its_bound_is_served_and_a_byte_more_is_refused() {
    let served = plain();
    for (bytes, served_well) in [(URI_BYTES_MAX, true), (URI_BYTES_MAX + 1, false)] {
        let head = format!(
            "GET /{} HTTP/1.1\r\nconnection: close\r\n\r\n",
            "k".repeat(bytes - 1)
        );
        let answer = exchange(served.address(), head.as_bytes()).await;
        if served_well {
            assert!(answer.starts_with("HTTP/1.1 200 "), "{bytes}: {answer}");
        } else {
            assert_refused(&answer, 400, "InvalidURI", &bytes.to_string());
        }
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order_and_a_bad_one_ends_them() {
    let served = plain();
    let mut socket = connect(served.address()).await;
    let get = "GET / HTTP/1.1\r\nhost: h\r\n\r\n";
    let post = "POST /read HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\nok";
    socket
        .write_all(format!("{post}{get}{post}bad\r\n\r\n{get}").as_bytes())
        .await
        .unwrap();
    let answers = read_to_end(&mut socket).await;
    assert_eq!(answers.matches("HTTP/1.1 200 ").count(), 3, "{answers}");
    assert_eq!(answers.matches("HTTP/1.1 400 ").count(), 1, "{answers}");
    assert!(is_closed(&mut socket).await);
}
