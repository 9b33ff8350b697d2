//! Heads of answers, and errors.

use s3_protocol::call::GetObject;
use s3_protocol::checksum::{ChecksumAlgorithm, Hasher};
use s3_protocol::conditions::{Access, Standing};
use s3_protocol::object::{
    ContentHeaders, Creator, DeleteOutput, ETag, GetOutput, ObjectHead, PutOutput, Slice,
};
use s3_protocol::render::{self, ErrorContext};
use s3_protocol::seal::Encrypted;
use s3_protocol::setting::{LockMode, Retention};
use s3_protocol::{S3Code, S3Error, VersionId};

fn object() -> GetOutput {
    GetOutput {
        head: ObjectHead {
            version: Some(VersionId::Id(1)),
            size: 10,
            etag: ETag {
                md5: [0xab; 16],
                parts: Some(2),
            },
            modified_ms: 1_255_369_830_042,
            content: ContentHeaders {
                content_type: Some("text/plain".to_owned()),
                cache_control: Some("no-store".to_owned()),
                ..ContentHeaders::default()
            },
            metadata: vec![("a".to_owned(), "b".to_owned())],
            checksums: vec![Hasher::of(ChecksumAlgorithm::Crc32, b"0123456789")],
            parts: Some(2),
            tags: 3,
            storage_class: Some("STANDARD_IA".to_owned()),
            website_redirect: Some("/x".to_owned()),
            creator: Creator::default(),
            retention: Some(Retention {
                mode: LockMode::Governance,
                until_ms: 1_255_369_830_042,
            }),
            legal_hold: true,
            encrypted: Some(Encrypted::Node),
            expires: Some((1_255_369_830_042, "a b".to_owned())),
        },
        slice: Slice::Whole,
    }
}

fn range(whole_part: bool) -> GetOutput {
    GetOutput {
        slice: Slice::Range {
            first: 2,
            last: 5,
            whole_part,
        },
        ..object()
    }
}

fn headers(output: &GetOutput, asked: &GetObject) -> Vec<String> {
    let response = render::get_object(output, asked);
    let mut lines: Vec<String> = response
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    lines.sort();
    lines.insert(0, response.status().as_u16().to_string());
    lines
}

#[test]
fn a_whole_object() {
    assert_eq!(
        headers(&object(), &GetObject::default()),
        [
            "200",
            "accept-ranges: bytes",
            "cache-control: no-store",
            "content-length: 10",
            "content-type: text/plain",
            "etag: \"abababababababababababababababab-2\"",
            "last-modified: Mon, 12 Oct 2009 17:50:30 GMT",
            "x-amz-expiration: expiry-date=\"Mon, 12 Oct 2009 17:50:30 GMT\", rule-id=\"a%20b\"",
            "x-amz-meta-a: b",
            "x-amz-object-lock-legal-hold: ON",
            "x-amz-object-lock-mode: GOVERNANCE",
            "x-amz-object-lock-retain-until-date: 2009-10-12T17:50:30.042Z",
            "x-amz-server-side-encryption: AES256",
            "x-amz-storage-class: STANDARD_IA",
            "x-amz-tagging-count: 3",
            "x-amz-version-id: 00000000000000000000000000000001",
            "x-amz-website-redirect-location: /x",
        ]
    );
}

fn has(lines: &[String], start: &str) -> bool {
    lines.iter().any(|line| line.starts_with(start))
}

#[test]
fn a_range_tells_its_place() {
    let lines = headers(&range(false), &GetObject::default());
    assert_eq!(lines[0], "206");
    assert!(has(&lines, "content-range: bytes 2-5/10"));
    assert!(has(&lines, "content-length: 4"));
}

#[test]
fn checksums_are_answered_when_enabled_and_over_these_bytes() {
    let enabled = GetObject {
        checksum_mode: true,
        ..GetObject::default()
    };
    let checksum = "x-amz-checksum-crc32: ";
    let whole = headers(&object(), &enabled);
    assert!(has(&whole, checksum) && has(&whole, "x-amz-checksum-type: FULL_OBJECT"));
    assert!(!has(
        &headers(&object(), &GetObject::default()),
        "x-amz-checksum"
    ));
    assert!(!has(&headers(&range(false), &enabled), "x-amz-checksum"));
    assert!(has(&headers(&range(true), &enabled), checksum));
}

#[test]
fn the_number_of_parts_is_told_to_who_asks_for_one() {
    let part = GetObject {
        part_number: Some(1),
        ..GetObject::default()
    };
    assert!(has(&headers(&object(), &part), "x-amz-mp-parts-count: 2"));
    assert!(!has(
        &headers(&object(), &GetObject::default()),
        "x-amz-mp-parts-count"
    ));
}

#[test]
fn overrides_replace_what_is_stored() {
    let name = http::header::CONTENT_TYPE;
    let value = http::HeaderValue::from_static("text/html");
    let asked = GetObject {
        response_overrides: vec![(name, value)],
        ..GetObject::default()
    };
    let lines = headers(&object(), &asked);
    assert!(has(&lines, "content-type: text/html") && !has(&lines, "content-type: text/plain"));
}

#[test]
fn metadata_that_no_header_carries_is_encoded_or_counted() {
    let mut output = object();
    output.head.metadata = [
        ("n", "ä"),
        ("tab", "a\tb"),
        ("line", "a\r\nb"),
        ("not a name", "x"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    let lines = headers(&output, &GetObject::default());
    assert!(has(&lines, "x-amz-meta-n: =?UTF-8?B?w6Q=?="));
    assert!(has(&lines, "x-amz-meta-line: =?UTF-8?B?YQ0KYg==?="));
    assert!(has(&lines, "x-amz-missing-meta: 1"));
}

#[test]
fn an_object_without_a_type_has_the_default_one() {
    let mut output = object();
    output.head.content = ContentHeaders::default();
    assert!(has(
        &headers(&output, &GetObject::default()),
        "content-type: binary/octet-stream"
    ));
}

#[test]
fn a_put_and_a_delete() {
    let output = PutOutput {
        etag: ETag {
            md5: [0; 16],
            parts: None,
        },
        version: None,
        source_version: None,
        encrypted: None,
        expires: None,
        checksums: vec![Hasher::of(ChecksumAlgorithm::Crc64Nvme, b"")],
        size: 0,
        modified_ms: 0,
    };
    let put = render::put_object(&output);
    assert_eq!(
        put.headers()["etag"],
        "\"00000000000000000000000000000000\""
    );
    assert_eq!(put.headers()["x-amz-checksum-crc64nvme"], "AAAAAAAAAAA=");
    assert_eq!(put.headers()["x-amz-checksum-type"], "FULL_OBJECT");
    assert!(put.body().is_empty());

    let marker = DeleteOutput {
        version: Some(VersionId::Null),
        marker: true,
    };
    let deleted = render::delete_object(&marker);
    assert_eq!(deleted.status(), 204);
    assert_eq!(deleted.headers()["x-amz-delete-marker"], "true");
    assert_eq!(deleted.headers()["x-amz-version-id"], "null");
    assert_eq!(
        render::head_bucket("eu-1").headers()["x-amz-bucket-region"],
        "eu-1"
    );
}

const CONTEXT: ErrorContext<'_> = ErrorContext {
    request_id: "4442587FB7D0A2F9",
    host_id: "host",
    resource: "/photos/<a>",
    is_head: false,
};

#[test]
fn an_error_is_a_document_with_ids() {
    let error = S3Error::new(S3Code::NoSuchKey).and("Key", "<a>");
    let response = render::error(&error, &CONTEXT);
    assert_eq!(response.status(), 404);
    assert_eq!(response.headers()["content-type"], "application/xml");
    assert_eq!(response.headers()["x-amz-request-id"], "4442587FB7D0A2F9");
    assert_eq!(response.headers()["x-amz-id-2"], "host");
    assert_eq!(
        std::str::from_utf8(response.body()).unwrap(),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code>\
         <Message>The specified key does not exist.</Message><Key>&lt;a&gt;</Key>\
         <Resource>/photos/&lt;a&gt;</Resource><RequestId>4442587FB7D0A2F9</RequestId>\
         <HostId>host</HostId></Error>"
    );
}

#[test]
fn an_error_to_head_has_no_body() {
    let context = ErrorContext {
        is_head: true,
        ..CONTEXT
    };
    let response = render::error(&S3Error::new(S3Code::NoSuchKey), &context);
    assert_eq!(response.status(), 404);
    assert!(response.body().is_empty());
    assert_eq!(response.headers()["x-amz-request-id"], "4442587FB7D0A2F9");
}

#[test]
fn every_code_has_a_status_and_renders() {
    for code in S3Code::ALL {
        let response = render::error(&S3Error::new(*code), &CONTEXT);
        assert_eq!(
            response.status().as_u16(),
            code.status(),
            "{}",
            code.as_str()
        );
    }
}

#[test]
fn a_304_has_headers_and_no_body() {
    let etag = ETag {
        md5: [0xab; 16],
        parts: None,
    };
    let standing = Standing {
        etag: &etag,
        modified_ms: 1_255_369_830_042,
        version: None,
    };
    let conditions = s3_protocol::call::Conditions {
        if_none_match: Some(s3_protocol::call::TagMatch::Any),
        ..Default::default()
    };
    let error = conditions.judge(Access::Read, Some(standing)).unwrap_err();
    let response = render::error(&error, &CONTEXT);
    assert_eq!(response.status(), 304);
    assert!(response.body().is_empty());
    assert_eq!(
        response.headers()["etag"],
        "\"abababababababababababababababab\""
    );
    assert_eq!(
        response.headers()["last-modified"],
        "Mon, 12 Oct 2009 17:50:30 GMT"
    );
}

#[test]
fn an_error_of_the_wrong_region_names_the_right_one() {
    let error = S3Error::new(S3Code::AuthorizationHeaderMalformed).and("Region", "eu-1");
    let response = render::error(&error, &CONTEXT);
    assert_eq!(response.headers()["x-amz-bucket-region"], "eu-1");
    assert!(
        std::str::from_utf8(response.body())
            .unwrap()
            .contains("<Region>eu-1</Region>")
    );
}

#[test]
fn a_range_past_the_end_tells_the_size() {
    let error = S3Error::new(S3Code::InvalidRange).and("ActualObjectSize", "0");
    let response = render::error(&error, &CONTEXT);
    assert_eq!(response.status(), 416);
    assert_eq!(response.headers()["content-range"], "bytes */0");
}
