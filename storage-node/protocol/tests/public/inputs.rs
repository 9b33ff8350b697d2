//! The typed inputs of operations, and what is refused on the way to them.

use s3_protocol::acl::{AclAsk, Canned};
use s3_protocol::call::{
    ByteRange, Call, Directive, Encoding, GetObject, IfRange, ListFrom, PutObject, TagMatch,
};
use s3_protocol::checksum::{ChecksumAlgorithm, ChecksumKind};
use s3_protocol::object::ETag;
use s3_protocol::seal::Sealing;
use s3_protocol::setting::{Facet, LockMode};
use s3_protocol::{S3Code, S3Error, VersionId, token};

use crate::ask::{ask, call, map, refused};

const UPLOAD: &str = "uploadId=0123456789abcdef0123456789abcdef";

fn put(headers: &[&str]) -> PutObject {
    match call(
        "PUT /bucket/key",
        &[headers, &["content-length: 3"]].concat(),
    ) {
        Call::PutObject(put) => put,
        other => panic!("{other:?}"),
    }
}

fn put_refused(headers: &[&str]) -> S3Code {
    refused(
        "PUT /bucket/key",
        &[headers, &["content-length: 3"]].concat(),
    )
}

fn get(line: &str, headers: &[&str]) -> GetObject {
    match call(line, headers) {
        Call::GetObject(get) => get,
        other => panic!("{other:?}"),
    }
}

#[test]
fn aws_chunked_is_framing_and_not_stored() {
    let encoding = |value: &str| put(&[value]).head.content.content_encoding;
    assert_eq!(encoding("content-encoding: aws-chunked"), None);
    assert_eq!(
        encoding("content-encoding: AWS-Chunked,gzip").as_deref(),
        Some("gzip")
    );
    assert_eq!(
        encoding("content-encoding: gzip, aws-chunked").as_deref(),
        Some("gzip")
    );
    assert_eq!(
        encoding("content-encoding: gzip,br").as_deref(),
        Some("gzip,br")
    );
    let two = put(&["content-encoding: aws-chunked", "content-encoding: gzip"]);
    assert_eq!(two.head.content.content_encoding.as_deref(), Some("gzip"));
}

#[test]
fn content_headers_are_kept_as_they_came() {
    let content = put(&[
        "content-type: text/plain; charset=utf-8",
        "content-language: de",
        "content-disposition: attachment; filename=\"ä.txt\"",
        "cache-control: max-age=1",
        "expires: soon",
    ])
    .head
    .content;
    assert_eq!(
        content.content_type.as_deref(),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!(content.content_language.as_deref(), Some("de"));
    assert_eq!(
        content.content_disposition.as_deref(),
        Some("attachment; filename=\"ä.txt\"")
    );
    assert_eq!(content.cache_control.as_deref(), Some("max-age=1"));
    assert_eq!(content.expires.as_deref(), Some("soon"));
    assert_eq!(put(&[]).head.content.content_type, None);
}

#[test]
fn a_length_is_the_decoded_one() {
    assert_eq!(put(&[]).length, Some(3));
    let streaming = |headers: &[&str]| match call("PUT /bucket/key", headers) {
        Call::PutObject(put) => put.length,
        other => panic!("{other:?}"),
    };
    let mode = "x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER";
    let decoded = "x-amz-decoded-content-length: 5";
    assert_eq!(streaming(&[mode, decoded, "content-length: 99"]), Some(5));
    // Chunked transfer: no Content-Length at all.
    assert_eq!(
        streaming(&[mode, decoded, "transfer-encoding: chunked"]),
        Some(5)
    );
    assert_eq!(
        refused("PUT /bucket/key", &[mode, "content-length: 99"]),
        S3Code::MissingContentLength
    );
    assert_eq!(
        refused("PUT /bucket/key", &[]),
        S3Code::MissingContentLength
    );
    assert_eq!(
        refused(
            "PUT /bucket/key",
            &[mode, "x-amz-decoded-content-length: -1"]
        ),
        S3Code::InvalidArgument
    );
}

#[test]
fn a_put_has_at_most_5_gib() {
    let ask = |bytes: u64| ask("PUT /bucket/key", &[&format!("content-length: {bytes}")]);
    assert!(ask(5 << 30).is_ok());
    assert_eq!(ask((5 << 30) + 1).unwrap_err().code, S3Code::EntityTooLarge);
}

#[test]
fn aws_chunked_with_an_unsigned_payload_is_refused() {
    assert_eq!(
        put_refused(&[
            "content-encoding: aws-chunked",
            "x-amz-content-sha256: UNSIGNED-PAYLOAD"
        ]),
        S3Code::InvalidRequest
    );
}

#[test]
fn metadata_has_2048_bytes() {
    let ask = |bytes: usize| {
        let header = format!("x-amz-meta-ab: {}", "v".repeat(bytes - 2));
        ask("PUT /bucket/key", &[&header, "content-length: 0"])
    };
    assert!(ask(2_048).is_ok());
    let error = ask(2_049).unwrap_err();
    assert_eq!(error.code, S3Code::MetadataTooLarge);
    assert_eq!(
        error.extra,
        [
            ("Size", "2049".to_owned()),
            ("MaxSizeAllowed", "2048".to_owned())
        ]
    );
}

#[test]
fn metadata_keeps_its_order_and_joins_what_comes_twice() {
    let metadata = put(&[
        "x-amz-meta-One: 1",
        "x-amz-meta-two: ä",
        "x-amz-meta-one: 2",
        "x-amz-metadata: no",
    ])
    .head
    .metadata;
    let expected = [("one", "1,2"), ("two", "ä")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(metadata, expected);
    assert_eq!(put_refused(&["x-amz-meta-: 1"]), S3Code::InvalidArgument);
}

#[test]
fn checksums_are_declared_once_and_in_full() {
    let digests = put(&["x-amz-checksum-crc32: AAAAAA=="]).digests;
    assert_eq!(
        digests.checksum.unwrap().algorithm,
        ChecksumAlgorithm::Crc32
    );
    let trailer = put(&["x-amz-trailer: x-amz-checksum-crc64nvme"])
        .digests
        .trailer;
    assert_eq!(trailer, Some(ChecksumAlgorithm::Crc64Nvme));
    // An algorithm that is named beside a value is ignored, as in S3.
    put(&[
        "x-amz-sdk-checksum-algorithm: SHA256",
        "x-amz-checksum-crc32: AAAAAA==",
    ]);
    for wrong in [
        [
            "x-amz-checksum-crc32: AAAAAA==",
            "x-amz-checksum-crc32c: AAAAAA==",
        ],
        [
            "x-amz-checksum-crc32: AAAAAA==",
            "x-amz-trailer: x-amz-checksum-crc32",
        ],
        ["x-amz-trailer: x-amz-meta-a", "x-a: 1"],
        ["x-amz-sdk-checksum-algorithm: CRC32", "x-a: 1"],
    ] {
        assert_eq!(put_refused(&wrong), S3Code::InvalidRequest, "{wrong:?}");
    }
    for wrong in ["AAAA", "AAAAAA==-2"] {
        let header = format!("x-amz-checksum-crc32: {wrong}");
        assert_eq!(put_refused(&[&header]), S3Code::BadDigest, "{wrong}");
    }
    // A presigned URL carries the SDK's algorithm and no value that counts.
    let presigned = "PUT /bucket/key?X-Amz-Signature=1&x-amz-sdk-checksum-algorithm=CRC32";
    let headers = ["content-length: 0", "x-amz-sdk-checksum-algorithm: CRC32"];
    assert!(ask(presigned, &headers).is_ok());
}

#[test]
fn content_md5_is_base64_of_16_bytes() {
    assert!(
        put(&["content-md5: 1B2M2Y8AsgTpgAmY7PhCfg=="])
            .digests
            .md5
            .is_some()
    );
    for wrong in ["content-md5: abc", "content-md5: AAAA", "content-md5: "] {
        assert_eq!(put_refused(&[wrong]), S3Code::InvalidDigest, "{wrong}");
    }
}

#[test]
fn tags_are_a_query() {
    let tags = put(&["x-amz-tagging: a=1&b+c=%C3%A4%26&d"]).head.tags;
    let expected =
        [("a", "1"), ("b c", "ä&"), ("d", "")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(tags, expected);
    let many = |count: usize| {
        let tags: Vec<String> = (0..count).map(|tag| format!("k{tag}=v")).collect();
        format!("x-amz-tagging: {}", tags.join("&"))
    };
    assert_eq!(put(&[&many(10)]).head.tags.len(), 10);
    assert_eq!(put_refused(&[&many(11)]), S3Code::InvalidTag);
    let long = |key: usize, value: usize| {
        format!("x-amz-tagging: {}={}", "k".repeat(key), "v".repeat(value))
    };
    put(&[&long(128, 256)]);
    for wrong in [
        &long(129, 1),
        &long(1, 257),
        "x-amz-tagging: =v",
        "x-amz-tagging: a=1&a=2",
    ] {
        assert_eq!(put_refused(&[wrong]), S3Code::InvalidTag, "{wrong}");
    }
    assert_eq!(put_refused(&["x-amz-tagging: aws:a=1"]), S3Code::InvalidTag);
    assert_eq!(
        put_refused(&["x-amz-tagging: %FF=1"]),
        S3Code::InvalidArgument
    );
}

#[test]
fn a_storage_class_is_one_whose_objects_can_be_read() {
    assert_eq!(
        put(&["x-amz-storage-class: STANDARD"]).head.storage_class,
        None
    );
    let class = put(&["x-amz-storage-class: STANDARD_IA"])
        .head
        .storage_class;
    assert_eq!(class.as_deref(), Some("STANDARD_IA"));
    for wrong in ["DEEP_ARCHIVE", "standard", ""] {
        let header = format!("x-amz-storage-class: {wrong}");
        assert_eq!(
            put_refused(&[&header]),
            S3Code::InvalidStorageClass,
            "{wrong}"
        );
    }
}

#[test]
fn a_website_redirect_has_a_root() {
    let redirect = put(&["x-amz-website-redirect-location: /a"])
        .head
        .website_redirect;
    assert_eq!(redirect.as_deref(), Some("/a"));
    assert_eq!(
        put_refused(&["x-amz-website-redirect-location: javascript:x"]),
        S3Code::InvalidArgument
    );
}

#[test]
fn what_this_build_cannot_do_is_not_ignored() {
    for header in [
        "x-amz-server-side-encryption: aws:kms",
        "x-amz-server-side-encryption-context: c",
        "x-amz-write-offset-bytes: 3",
    ] {
        let request = ask("PUT /bucket/key", &[header, "content-length: 0"]).unwrap();
        assert!(matches!(request.call, Call::Unbuilt), "{header}");
    }
}

#[test]
fn locks_are_read_and_asked_for_by_name() {
    let locked = ask("PUT /bucket", &["x-amz-bucket-object-lock-enabled: true"]).unwrap();
    assert!(locked.escalations.bucket_object_lock);
    assert!(matches!(locked.call, Call::CreateBucket(create) if create.object_lock));
    let head = put(&[
        "x-amz-object-lock-mode: GOVERNANCE",
        "x-amz-object-lock-retain-until-date: 2030-01-01T00:00:00.000Z",
        "x-amz-object-lock-legal-hold: ON",
    ])
    .head;
    let retention = head.retention.unwrap();
    assert_eq!(retention.mode, LockMode::Governance);
    assert_eq!(retention.until_ms, 1_893_456_000_000);
    assert!(head.legal_hold);
    for header in [
        "x-amz-object-lock-mode: GOVERNANCE",
        "x-amz-object-lock-retain-until-date: 2030-01-01T00:00:00.000Z",
        "x-amz-object-lock-legal-hold: on",
    ] {
        assert_eq!(put_refused(&[header]), S3Code::InvalidArgument, "{header}");
    }
}

#[test]
fn a_customers_key_comes_whole_or_is_refused() {
    const ALGORITHM: &str = "x-amz-server-side-encryption-customer-algorithm: AES256";
    const KEY: &str =
        "x-amz-server-side-encryption-customer-key: pO3upElrwuEXSoFwCfnZPdSsmt/xWeFa0N9KgDijwVs=";
    const MD5: &str = "x-amz-server-side-encryption-customer-key-md5: DWygnHRtgiJ77HCm+1rvHw==";
    let sealing = put(&[ALGORITHM, KEY, MD5]).head.sealing;
    assert!(matches!(
        sealing,
        Some(Sealing::Customer(key)) if key.md5_text() == "DWygnHRtgiJ77HCm+1rvHw=="
    ));
    let node = put(&["x-amz-server-side-encryption: AES256"]).head.sealing;
    assert_eq!(node, Some(Sealing::Node));
    for (headers, code) in [
        (&[ALGORITHM, KEY][..], S3Code::InvalidArgument),
        (&[ALGORITHM, MD5], S3Code::InvalidArgument),
        (&[KEY, MD5], S3Code::InvalidArgument),
        (
            &[
                "x-amz-server-side-encryption-customer-algorithm: AES128",
                KEY,
                MD5,
            ],
            S3Code::InvalidEncryptionAlgorithmError,
        ),
        (
            &[
                ALGORITHM,
                KEY,
                "x-amz-server-side-encryption-customer-key-md5: AAAA",
            ],
            S3Code::InvalidArgument,
        ),
        (
            &[ALGORITHM, KEY, MD5, "x-amz-server-side-encryption: AES256"],
            S3Code::InvalidArgument,
        ),
        (
            &["x-amz-server-side-encryption: AES999"],
            S3Code::InvalidArgument,
        ),
    ] {
        assert_eq!(put_refused(headers), code, "{headers:?}");
    }
}

#[test]
fn a_list_of_versions_goes_on_after_a_version() {
    let list = |query: &str| match ask(&format!("GET /bucket?versions{query}"), &[]) {
        Ok(request) => match request.call {
            Call::ListObjectVersions(list) => Ok(list),
            call => panic!("{call:?}"),
        },
        Err(error) => Err(error.code),
    };
    let id = "0000000000000000000000000000000f";
    let asked = list(&format!("&key-marker=a&version-id-marker={id}")).unwrap();
    assert_eq!(asked.key_marker.as_deref(), Some("a"));
    assert_eq!(asked.version_id_marker, Some(VersionId::Id(15)));
    assert_eq!(list("").unwrap().max_keys, 1_000);
    assert_eq!(list("&version-id-marker=").unwrap().version_id_marker, None);
    assert_eq!(
        list(&format!("&version-id-marker={id}")),
        Err(S3Code::InvalidArgument)
    );
    assert_eq!(
        list("&key-marker=a&version-id-marker=x"),
        Err(S3Code::InvalidArgument)
    );
}

#[test]
fn what_stands_beside_an_object_is_asked_for_by_version() {
    let ask = |line: &str, headers: &[&str]| ask(line, headers).map(|request| request.call);
    let put = ask(
        "PUT /bucket/key?retention&versionId=null",
        &["x-amz-bypass-governance-retention: true"],
    );
    assert!(matches!(
        put,
        Ok(Call::PutFacet(put))
            if put.bypass_governance && put.version == Some(VersionId::Null) && put.facet == Facet::Retention
    ));
    let acl = ask(
        "PUT /bucket/key?acl&versionId=null",
        &["x-amz-acl: public-read"],
    );
    assert!(matches!(
        acl,
        Ok(Call::PutObjectAcl(put))
            if put.version == Some(VersionId::Null) && put.ask == Some(AclAsk::Canned(Canned::PublicRead))
    ));
    let attributes = ask(
        "GET /bucket/key?attributes",
        &[
            "x-amz-object-attributes: ETag, ObjectParts",
            "x-amz-max-parts: 2",
        ],
    );
    assert!(matches!(
        attributes,
        Ok(Call::GetObjectAttributes(ask)) if ask.wanted.len() == 2 && ask.max_parts == 2
    ));
    for headers in [&[][..], &["x-amz-object-attributes: Colour"]] {
        let refused = ask("GET /bucket/key?attributes", headers).map(|_| ());
        assert_eq!(refused.unwrap_err().code, S3Code::InvalidArgument);
    }
}

#[test]
fn conditions_are_read_with_and_without_quotes() {
    let conditions = put(&[
        "if-match: \"a\", W/\"b\"",
        "if-match: c",
        "if-none-match: *",
        "if-modified-since: Mon, 12 Oct 2009 17:50:30 GMT",
        "if-unmodified-since: yesterday",
    ])
    .conditions;
    let tags = ["a", "b", "c"].map(str::to_owned).to_vec();
    assert_eq!(conditions.if_match, Some(TagMatch::OneOf(tags)));
    assert_eq!(conditions.if_none_match, Some(TagMatch::Any));
    assert_eq!(conditions.if_modified_since, Some(1_255_369_830));
    assert_eq!(conditions.if_unmodified_since, None);
}

#[test]
fn matching_a_tag_on_a_write_is_a_fact_of_its_own() {
    let matches = |line: &str, headers: &[&str]| {
        let headers = [headers, &["content-length: 0"]].concat();
        ask(line, &headers).unwrap().escalations.matches_tag
    };
    assert!(matches("PUT /bucket/key", &["if-match: \"a\""]));
    assert!(matches("DELETE /bucket/key", &["if-match: a"]));
    assert!(matches(
        &format!("POST /bucket/key?{UPLOAD}"),
        &["if-match: a"]
    ));
    assert!(!matches("PUT /bucket/key", &["if-match: *"]));
    assert!(!matches("PUT /bucket/key", &["if-none-match: \"a\""]));
    assert!(!matches("GET /bucket/key", &["if-match: \"a\""]));
}

#[test]
fn a_read_has_a_version_a_part_or_a_range() {
    let read = get("GET /bucket/key?versionId=null", &["range: bytes=0-4"]);
    assert_eq!(read.version, Some(VersionId::Null));
    assert_eq!(read.range, Some(ByteRange::FromTo(0, 4)));
    let id = "0123456789abcdef0123456789abcdef";
    assert!(
        get(&format!("GET /bucket/key?versionId={id}"), &[])
            .version
            .is_some()
    );
    assert_eq!(
        get("GET /bucket/key?partNumber=10000", &[]).part_number,
        Some(10_000)
    );
    assert_eq!(
        get("GET /bucket/key", &["range: bytes=0-1,3-4"]).range,
        None
    );
    for line in [
        "GET /bucket/key?versionId=abc",
        "GET /bucket/key?versionId=",
        "GET /bucket/key?partNumber=0",
        "GET /bucket/key?partNumber=10001",
        "GET /bucket/key?partNumber=+1",
    ] {
        assert_eq!(refused(line, &[]), S3Code::InvalidArgument, "{line}");
    }
    let both = refused("GET /bucket/key?partNumber=1", &["range: bytes=0-1"]);
    assert_eq!(both, S3Code::InvalidRequest);
}

#[test]
fn checksums_are_answered_only_when_enabled() {
    assert!(get("GET /bucket/key", &["x-amz-checksum-mode: ENABLED"]).checksum_mode);
    assert!(!get("GET /bucket/key", &[]).checksum_mode);
}

#[test]
fn a_range_holds_only_for_the_object_that_if_range_names() {
    let (etag, modified) = (
        ETag {
            md5: [0xab; 16],
            parts: None,
        },
        1_255_369_830_500,
    );
    let range = Some(ByteRange::FromTo(0, 1));
    let read = |value: &str| {
        get(
            "GET /bucket/key",
            &["range: bytes=0-1", &format!("if-range: {value}")],
        )
    };
    assert_eq!(
        read(&format!("\"{etag}\"")).range_of(&etag, modified),
        range
    );
    assert_eq!(read("\"other\"").range_of(&etag, modified), None);
    assert_eq!(
        read("Mon, 12 Oct 2009 17:50:30 GMT").range_of(&etag, modified),
        range
    );
    assert_eq!(
        read("Mon, 12 Oct 2009 17:50:31 GMT").range_of(&etag, modified),
        None
    );
    assert_eq!(
        read(&format!("W/\"{etag}\"")).if_range,
        Some(IfRange::Never)
    );
}

#[test]
fn response_overrides_are_decoded_once_and_carry_no_control_character() {
    let read = get(
        "GET /bucket/key?response-content-type=text%2Fhtml&response-cache-control=no-store\
         &response-content-disposition=attachment%3B%20filename%3D%22%C3%A4%22",
        &[],
    );
    assert_eq!(read.response_overrides.len(), 3);
    assert_eq!(read.response_overrides[0].1, "text/html");
    for control in ["%0d%0aSet-Cookie:%20a", "a%00b", "a%0Ab", "%7F", "a%09b"] {
        let line = format!("GET /bucket/key?response-content-type={control}");
        assert_eq!(refused(&line, &[]), S3Code::InvalidArgument, "{control}");
    }
}

#[test]
fn a_list_page_is_bounded() {
    let max = |query: &str| match call(&format!("GET /bucket?{query}"), &[]) {
        Call::ListObjects(list) => list.max_keys,
        other => panic!("{other:?}"),
    };
    assert_eq!(max(""), 1_000);
    assert_eq!(max("max-keys=0"), 0);
    assert_eq!(max("max-keys=1001"), 1_000);
    assert_eq!(max("max-keys=2147483647"), 1_000);
    assert_eq!(max("max-keys="), 1_000);
    for wrong in ["-1", "2147483648", "abc", "1.5"] {
        let line = format!("GET /bucket?max-keys={wrong}");
        assert_eq!(refused(&line, &[]), S3Code::InvalidArgument, "{wrong}");
    }
    assert_eq!(
        refused("GET /bucket?encoding-type=xml", &[]),
        S3Code::InvalidArgument
    );
    assert_eq!(
        refused("GET /bucket?list-type=3", &[]),
        S3Code::InvalidArgument
    );
    assert_eq!(refused("GET /?max-buckets=0", &[]), S3Code::InvalidArgument);
    assert_eq!(
        refused("GET /?max-buckets=10001", &[]),
        S3Code::InvalidArgument
    );
}

#[test]
fn a_list_begins_where_its_version_says() {
    let list = |query: &str| match call(&format!("GET /bucket?{query}"), &[]) {
        Call::ListObjects(list) => list,
        other => panic!("{other:?}"),
    };
    let first = list("prefix=a+b%2B&delimiter=%2F&marker=m&encoding-type=url");
    assert_eq!(
        (first.prefix.as_str(), first.delimiter.as_deref()),
        ("a b+", Some("/"))
    );
    assert_eq!(first.encoding, Encoding::Url);
    assert_eq!(first.from, ListFrom::Marker(Some("m".to_owned())));
    assert_eq!(list("delimiter=").delimiter, None);
    let raw = token::encode("k");
    let second = list(&format!(
        "list-type=2&continuation-token={raw}&start-after=s&fetch-owner=true"
    ));
    assert_eq!(
        second.from,
        ListFrom::Token {
            continuation: Some("k".to_owned()),
            raw: Some(raw),
            start_after: Some("s".to_owned()),
            fetch_owner: true,
        }
    );
    let wrong = "GET /bucket?list-type=2&continuation-token=abc";
    assert_eq!(refused(wrong, &[]), S3Code::InvalidArgument);
    // An empty one is where a list begins, and is told again.
    let Call::ListObjects(first) = call("GET /bucket?list-type=2&continuation-token=", &[]) else {
        panic!("a list");
    };
    assert!(matches!(
        first.from,
        ListFrom::Token { continuation: None, raw: Some(raw), .. } if raw.is_empty()
    ));
}

#[test]
fn an_upload_that_is_no_id_is_not_there() {
    for line in [
        "GET /bucket/key?uploadId=abc",
        "DELETE /bucket/key?uploadId=",
        "PUT /bucket/key?partNumber=1&uploadId=0123456789ABCDEF0123456789ABCDEF",
        "POST /bucket/key?uploadId=../../x",
    ] {
        assert_eq!(
            refused(line, &["content-length: 0"]),
            S3Code::NoSuchUpload,
            "{line}"
        );
    }
}

#[test]
fn a_part_has_a_number() {
    for number in ["0", "10001", "x", ""] {
        let line = format!("PUT /bucket/key?partNumber={number}&{UPLOAD}");
        assert_eq!(
            refused(&line, &["content-length: 0"]),
            S3Code::InvalidArgument,
            "{number}"
        );
    }
    let line = format!("PUT /bucket/key?{UPLOAD}");
    assert_eq!(
        refused(&line, &["content-length: 0"]),
        S3Code::InvalidArgument
    );
}

fn source(value: &str) -> Result<(String, String, Option<VersionId>), S3Code> {
    let header = format!("x-amz-copy-source: {value}");
    match ask("PUT /bucket/key", &[&header]).map(|request| request.call) {
        Ok(Call::CopyObject(copy)) => Ok((
            copy.source.bucket.to_string(),
            copy.source.key.as_str().to_owned(),
            copy.source.version,
        )),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.code),
    }
}

#[test]
fn a_copy_source_is_parsed_once_and_never_as_a_path() {
    let ok = |key: &str, version| Ok(("source".to_owned(), key.to_owned(), version));
    assert_eq!(source("source/a/b"), ok("a/b", None));
    assert_eq!(source("/source/a%20b%2Bc+d"), ok("a b+c+d", None));
    assert_eq!(source("source%2Fa"), ok("a", None));
    assert_eq!(source("source/../other/key"), ok("../other/key", None));
    assert_eq!(source("source//a"), ok("/a", None));
    assert_eq!(
        source("source/a?versionId=null"),
        ok("a", Some(VersionId::Null))
    );
    assert_eq!(
        source("source/a%3FversionId%3Dnull"),
        ok("a?versionId=null", None)
    );
    assert_eq!(
        source("source/a?versionId=x?versionId=null"),
        ok("a?versionId=x", Some(VersionId::Null))
    );
    assert_eq!(source("source/%252e"), ok("%2e", None));
    for wrong in [
        "",
        "/",
        "source",
        "source/",
        "//source/a",
        "../source/a",
        "Source/a",
        "source/%FF",
        "source/%",
        "source/a?versionId=",
        "source/a?versionId=%6eul",
        "arn:aws:s3:us-east-1:1:accesspoint/x/object/a",
    ] {
        assert_eq!(source(wrong), Err(S3Code::InvalidArgument), "{wrong}");
    }
    assert_eq!(
        source(&format!("source/{}", "k".repeat(1_025))),
        Err(S3Code::KeyTooLongError)
    );
}

#[test]
fn a_copy_onto_itself_must_change_something() {
    let itself = "x-amz-copy-source: bucket/key";
    assert_eq!(
        refused("PUT /bucket/key", &[itself]),
        S3Code::InvalidRequest
    );
    for change in [
        "x-amz-metadata-directive: REPLACE",
        "x-amz-storage-class: STANDARD_IA",
        "x-amz-website-redirect-location: /a",
        "x-amz-checksum-algorithm: SHA256",
    ] {
        assert!(
            ask("PUT /bucket/key", &[itself, change]).is_ok(),
            "{change}"
        );
    }
    assert!(
        ask(
            "PUT /bucket/key",
            &["x-amz-copy-source: bucket/key?versionId=null"]
        )
        .is_ok()
    );
}

#[test]
fn a_copy_has_directives_and_conditions_on_its_source() {
    let headers = [
        "x-amz-copy-source: source/a",
        "x-amz-metadata-directive: REPLACE",
        "x-amz-copy-source-if-match: \"a\"",
        "x-amz-copy-source-if-unmodified-since: Mon, 12 Oct 2009 17:50:30 GMT",
    ];
    let Call::CopyObject(copy) = call("PUT /bucket/key", &headers) else {
        panic!()
    };
    assert_eq!(
        (copy.metadata, copy.tagging),
        (Directive::Replace, Directive::Copy)
    );
    assert_eq!(
        copy.source.conditions.if_match,
        Some(TagMatch::OneOf(vec!["a".to_owned()]))
    );
    assert_eq!(
        copy.source.conditions.if_unmodified_since,
        Some(1_255_369_830)
    );
    assert!(copy.conditions.is_empty());
    let wrong = [
        "x-amz-copy-source: source/a",
        "x-amz-metadata-directive: replace",
    ];
    assert_eq!(refused("PUT /bucket/key", &wrong), S3Code::InvalidArgument);
}

#[test]
fn a_part_copy_names_both_ends_of_its_range() {
    let range = |range: &str| {
        let line = format!("PUT /bucket/key?partNumber=2&{UPLOAD}");
        let range = format!("x-amz-copy-source-range: {range}");
        match ask(&line, &["x-amz-copy-source: source/a", &range]).map(|request| request.call) {
            Ok(Call::UploadPartCopy(copy)) => Ok(copy.range),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.code),
        }
    };
    assert_eq!(range("bytes=0-5"), Ok(Some((0, 5))));
    for wrong in [
        "bytes=0-",
        "bytes=-5",
        "bytes=5-0",
        "0-5",
        "bytes=0-5,7-8",
        "bytes=a-b",
    ] {
        assert_eq!(range(wrong), Err(S3Code::InvalidArgument), "{wrong}");
    }
}

#[test]
fn an_upload_has_an_algorithm_that_fits_its_kind() {
    let create = |headers: &[&str]| {
        let call = ask("POST /bucket/key?uploads", headers).map(|request| request.call);
        match call {
            Ok(Call::CreateMultipartUpload(create)) => Ok((create.checksum, create.checksum_kind)),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.code),
        }
    };
    assert_eq!(create(&[]), Ok((None, None)));
    assert_eq!(
        create(&[
            "x-amz-checksum-algorithm: CRC32",
            "x-amz-checksum-type: FULL_OBJECT"
        ]),
        Ok((
            Some(ChecksumAlgorithm::Crc32),
            Some(ChecksumKind::FullObject)
        ))
    );
    for wrong in [
        [
            "x-amz-checksum-algorithm: SHA256",
            "x-amz-checksum-type: FULL_OBJECT",
        ],
        [
            "x-amz-checksum-algorithm: CRC64NVME",
            "x-amz-checksum-type: COMPOSITE",
        ],
        [
            "x-amz-checksum-algorithm: CRC32",
            "x-amz-checksum-type: full",
        ],
        ["x-amz-checksum-algorithm: CRC7", "x-a: b"],
        ["x-a: b", "x-amz-checksum-type: COMPOSITE"],
    ] {
        assert_eq!(create(&wrong), Err(S3Code::InvalidRequest), "{wrong:?}");
    }
}

#[test]
fn who_asks_for_a_key_management_service_is_told_first_what_contradicts_itself() {
    const METHOD: &str = "x-amz-server-side-encryption: aws:kms";
    const KEY_ID: &str = "x-amz-server-side-encryption-aws-kms-key-id: key";
    let line = "PUT /bucket/key";
    for sound in [&[METHOD][..], &[METHOD, KEY_ID]] {
        assert!(matches!(call(line, sound), Call::Unbuilt), "{sound:?}");
    }
    let customer = "x-amz-server-side-encryption-customer-algorithm: AES256";
    for wrong in [
        &[KEY_ID][..],
        &["x-amz-server-side-encryption: AES256", KEY_ID],
        &[METHOD, customer],
        &[METHOD, KEY_ID, customer],
    ] {
        assert_eq!(refused(line, wrong), S3Code::InvalidArgument, "{wrong:?}");
    }
}

#[test]
fn completing_may_carry_the_checksum_of_the_whole() {
    let line = format!("POST /bucket/key?{UPLOAD}");
    let headers = [
        "x-amz-checksum-crc32: AAAAAA==-3",
        "x-amz-checksum-type: COMPOSITE",
        "x-amz-mp-object-size: 12",
        "if-none-match: *",
    ];
    let Call::CompleteMultipartUpload(complete) = call(&line, &headers) else {
        panic!()
    };
    assert_eq!(complete.checksum.unwrap().parts, Some(3));
    assert_eq!(complete.checksum_kind, Some(ChecksumKind::Composite));
    assert_eq!(complete.object_size, Some(12));
    assert_eq!(complete.conditions.if_none_match, Some(TagMatch::Any));
    assert_eq!(complete.customer_key, None);
    let half_a_key = "x-amz-server-side-encryption-customer-algorithm: AES256";
    assert_eq!(refused(&line, &[half_a_key]), S3Code::InvalidArgument);
    assert_eq!(
        refused(&line, &["x-amz-mp-object-size: x"]),
        S3Code::InvalidArgument
    );
}

#[test]
fn deleting_a_list_needs_any_one_digest() {
    for digest in [
        "x-amz-checksum-crc32: AAAAAA==",
        "content-md5: 1B2M2Y8AsgTpgAmY7PhCfg==",
    ] {
        assert!(ask("POST /bucket?delete", &[digest]).is_ok(), "{digest}");
    }
    assert_eq!(refused("POST /bucket?delete", &[]), S3Code::InvalidRequest);
}

#[test]
fn the_owners_that_a_client_expects_are_told() {
    let headers = [
        "x-amz-copy-source: source/a",
        "x-amz-expected-bucket-owner: 111",
        "x-amz-source-expected-bucket-owner: 222",
    ];
    let expected = ask("PUT /bucket/key", &headers).unwrap().expected;
    assert_eq!(expected.bucket.as_deref(), Some("111"));
    assert_eq!(expected.source.as_deref(), Some("222"));
}

#[test]
fn the_digests_of_a_body_are_compared() {
    let digests = |headers: &[&str]| match call("POST /bucket?delete", headers) {
        Call::DeleteObjects(digests) => digests,
        other => panic!("{other:?}"),
    };
    let code = |result: Result<(), S3Error>| result.map_err(|error| error.code);
    // Of nothing.
    let md5 = digests(&["content-md5: 1B2M2Y8AsgTpgAmY7PhCfg=="]);
    assert_eq!(code(md5.verify(b"", None)), Ok(()));
    assert_eq!(code(md5.verify(b"x", None)), Err(S3Code::BadDigest));
    let crc = digests(&["x-amz-checksum-crc32: AAAAAA=="]);
    assert_eq!(code(crc.verify(b"", None)), Ok(()));
    assert_eq!(code(crc.verify(b"x", None)), Err(S3Code::BadDigest));
    let trailed = digests(&["x-amz-trailer: x-amz-checksum-crc32"]);
    let (good, bad) = (
        map(&["x-amz-checksum-crc32: AAAAAA=="]),
        map(&["x-amz-checksum-crc32: x"]),
    );
    assert_eq!(code(trailed.verify(b"", Some(&good))), Ok(()));
    assert_eq!(
        code(trailed.verify(b"x", Some(&good))),
        Err(S3Code::BadDigest)
    );
    assert_eq!(
        code(trailed.verify(b"", Some(&bad))),
        Err(S3Code::MalformedTrailerError)
    );
    assert_eq!(
        code(trailed.verify(b"", None)),
        Err(S3Code::MalformedTrailerError)
    );
}
