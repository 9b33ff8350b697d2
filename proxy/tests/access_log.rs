//! The access log as its readers find it: both formats, field by field, and what must never stand in it.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use postern::edge::{Peer, TlsInfo};
use postern::observe::{Entry, Observer, ObserverOptions, Place, Signed, Target as LogTarget};
use s3_protocol::call::ExpectedOwners;
use s3_protocol::escalations::Escalations;
use s3_protocol::{Call, Operation, S3Code, S3Request, Target, VersionId};
use serde_json::{Value, json};

const NOW: u64 = 1_790_000_000_123;

fn observer(folder: &Path) -> Arc<Observer> {
    Observer::open(ObserverOptions {
        json: Some(LogTarget::File(folder.join("access.jsonl"))),
        text: Some(LogTarget::File(folder.join("access.s3"))),
        place: Place {
            region: "us-east-1".to_owned(),
            host_id: "edge-1".to_owned(),
        },
        seed: 1,
        ..ObserverOptions::default()
    })
    .unwrap()
}

fn peer() -> Peer {
    Peer {
        client: "203.0.113.9".parse().unwrap(),
        port: 5_000,
        socket: "127.0.0.1".parse().unwrap(),
        tls: Some(TlsInfo {
            version: "TLSv1.3",
            cipher: "TLS_AES_128_GCM_SHA256",
            sni: None,
        }),
    }
}

fn get_object(bucket: &str, key: &str) -> S3Request {
    let target = Target::Object(bucket.parse().unwrap(), key.parse().unwrap());
    S3Request {
        operation: Operation::GetObject,
        target,
        call: Call::Unbuilt,
        escalations: Escalations::default(),
        acl: None,
        expected: ExpectedOwners::default(),
    }
}

/// Both lines of what is logged in `log`.
async fn lines(log: impl AsyncFnOnce(&Arc<Observer>)) -> (Value, String) {
    let folder = tempfile::tempdir().unwrap();
    let observer = observer(folder.path());
    log(&observer).await;
    observer.close();
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let (json, text) = (read("access.jsonl"), read("access.s3"));
    assert_eq!(
        (json.matches('\n').count(), text.matches('\n').count()),
        (1, 1),
        "one line each:\n{json}{text}"
    );
    (serde_json::from_str(&json).unwrap(), text)
}

/// The fields of a text line.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut closes = None;
    for character in line.trim_end().chars() {
        match (character, closes) {
            (' ', None) => fields.push(String::new()),
            ('"', None) => closes = Some('"'),
            ('[', None) => closes = Some(']'),
            (found, Some(wanted)) if found == wanted => closes = None,
            (other, _) => fields.last_mut().unwrap().push(other),
        }
    }
    fields
}

/// The JSON line of a served request, its times set to zero.
fn every_field(id: &Value) -> Value {
    json!({
        "schema_version_id": "V_1_0",
        "bucket_arn": "arn:aws:s3:::photos",
        "bucket_name": "photos",
        "request_time": "2026-09-21T14:13:20.123Z",
        "bucket_owner_id": "demo",
        "remote_ip": "203.0.113.9",
        "requester": "demo/photos",
        "request_id": id,
        "operation": "REST.GET.OBJECT",
        "key_name": "a b.jpg",
        "request_uri": "GET /photos/a%20b.jpg?X-Amz-Signature=REDACTED&x-id=GetObject HTTP/1.1",
        "http_status": 200,
        "error_code": null,
        "bytes_sent": 10,
        "object_size": 10,
        "total_time": 0,
        "turn_around_time": 0,
        "referrer": null,
        "user_agent": "aws-cli/2 \"x\"",
        "version_id": "null",
        "host_id": "edge-1",
        "signature_version": "SigV4",
        "cipher_suite": "TLS_AES_128_GCM_SHA256",
        "authentication_type": "QueryString",
        "host_header": "s3.localhost",
        "tls_version": "TLSv1.3",
        "source_region": "us-east-1",
        "postern": {
            "outcome": "ok",
            "operation": "GetObject",
            "access_key_id": "PKEXAMPLE",
            "decision": "allowed",
            "layer": "level",
            "reason": "read",
            "modules": ["level@aa", "scope@bb"],
            "bytes_received": 0,
            "total_us": 0,
            "turn_around_us": 0,
            "socket_ip": "127.0.0.1",
        },
    })
}

#[tokio::test]
async fn a_served_request_has_every_field_in_both_formats() {
    let (mut json, text) = lines(async |observer: &Arc<Observer>| {
        let wire = Request::get("/photos/a%20b.jpg?X-Amz-Signature=5ec7e7&x-id=GetObject")
            .header("host", "s3.localhost")
            .header("user-agent", "aws-cli/2 \"x\"")
            .body(())
            .unwrap();
        let mut entry = Entry::open(observer, &peer(), &wire, NOW);
        entry.asked(&get_object("photos", "a b.jpg"));
        entry.signed_by("PKEXAMPLE", "demo/photos", Signed::Query);
        entry.owned_by("demo");
        entry.version(VersionId::Null);
        entry.object_size(10);
        entry.decided(
            "allowed",
            "level",
            "read",
            Some(&"level@aa scope@bb".into()),
        );
        let response = entry.ride(Response::new(Full::new(Bytes::from_static(b"0123456789"))));
        response.into_body().collect().await.unwrap();
    })
    .await;
    for time in [
        "/total_time",
        "/turn_around_time",
        "/postern/total_us",
        "/postern/turn_around_us",
    ] {
        let number = json.pointer_mut(time).unwrap();
        assert!(number.is_u64(), "{time}");
        *number = json!(0);
    }
    assert_eq!(json, every_field(&json["request_id"]));

    let fields = fields(&text);
    let id = json["request_id"].as_str().unwrap();
    let expected = [
        "demo",
        "photos",
        "21/Sep/2026:14:13:20 +0000",
        "203.0.113.9",
        "demo/photos",
        id,
        "REST.GET.OBJECT",
        "a%20b.jpg",
        "GET /photos/a%20b.jpg?X-Amz-Signature=REDACTED&x-id=GetObject HTTP/1.1",
        "200",
        "-",
        "10",
        "10",
        &fields[13],
        &fields[14],
        "-",
        "aws-cli/2 %22x%22",
        "null",
        "edge-1",
        "SigV4",
        "TLS_AES_128_GCM_SHA256",
        "QueryString",
        "s3.localhost",
        "TLSv1.3",
        "-",
        "-",
        "us-east-1",
    ];
    assert_eq!(fields, expected, "{text}");
    assert!(!text.contains("5ec7e7"));
}

#[tokio::test]
async fn a_client_cannot_write_a_line_or_a_field_of_its_own() {
    let (json, text) = lines(async |observer: &Arc<Observer>| {
        let wire = Request::get("/b")
            .header(
                "user-agent",
                http::HeaderValue::from_bytes(b"a\" 200 - \xff\xc2\x9b\t{\"x\":1}").unwrap(),
            )
            .header("referer", "x\" y")
            .body(())
            .unwrap();
        let mut entry = Entry::open(observer, &peer(), &wire, NOW);
        entry.asked(&get_object("bucket", "k\n\r\u{1b}[31m \"\u{2028}"));
        entry.answered(StatusCode::FORBIDDEN, Some(S3Code::AccessDenied));
        let mut response = Response::new(Full::<Bytes>::default());
        *response.status_mut() = StatusCode::FORBIDDEN;
        drop(entry.ride(response));
    })
    .await;
    assert_eq!(
        json["key_name"], "k\n\r\u{1b}[31m \"\u{2028}",
        "JSON keeps what it escapes"
    );
    assert_eq!(json["error_code"], "AccessDenied");
    assert_eq!(json["postern"]["outcome"], "denied");
    let fields = fields(&text);
    assert_eq!(fields.len(), 27, "{text}");
    assert_eq!(fields[7], "k%0A%0D%1B%5B31m%20%22%E2%80%A8");
    assert!(!text.trim_end().chars().any(char::is_control), "{text:?}");
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_an_entry_all_the_same() {
    let request = || Request::get("/b/k").body(()).unwrap();
    let (json, text) = lines(async |observer: &Arc<Observer>| {
        drop(Entry::open(observer, &peer(), &request(), NOW));
    })
    .await;
    assert_eq!(
        (&json["http_status"], &json["postern"]["outcome"]),
        (&Value::Null, &json!("client_gone"))
    );
    assert_eq!(fields(&text)[9], "-");

    let (json, _) = lines(async |observer: &Arc<Observer>| {
        let entry = Entry::open(observer, &peer(), &request(), NOW);
        let chunks = http_body_util::StreamBody::new(futures_util::stream::iter([
            Ok::<_, std::convert::Infallible>(http_body::Frame::data(Bytes::from_static(b"half"))),
            Ok(http_body::Frame::data(Bytes::from_static(b"other half"))),
        ]));
        let mut body = entry.ride(Response::new(chunks)).into_body();
        body.frame().await.unwrap().unwrap();
    })
    .await;
    assert_eq!(
        (&json["http_status"], &json["bytes_sent"]),
        (&json!(200), &json!(4))
    );
    assert_eq!(json["postern"]["outcome"], "client_gone");
}

#[tokio::test]
async fn metrics_count_what_the_log_says() {
    let observer = Observer::silent();
    let mut entry = Entry::open(&observer, &peer(), &Request::new(()), NOW);
    entry.asked(&get_object("bucket", "key"));
    entry
        .ride(Response::new(Full::new(Bytes::from_static(b"12345"))))
        .into_body()
        .collect()
        .await
        .unwrap();
    let mut entry = Entry::open(&observer, &peer(), &Request::new(()), NOW);
    entry.answered(StatusCode::FORBIDDEN, Some(S3Code::SignatureDoesNotMatch));
    let mut response = Response::new(Full::<Bytes>::default());
    *response.status_mut() = StatusCode::FORBIDDEN;
    drop(entry.ride(response));
    let text = observer.metrics().scrape();
    for line in [
        "postern_requests_total{op=\"GetObject\",result=\"ok\"} 1",
        "postern_requests_total{op=\"-\",result=\"refused\"} 1",
        "postern_denied_total{reason=\"SignatureDoesNotMatch\"} 1",
        "postern_sent_bytes_total 5",
        "postern_request_seconds_count 2",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}
