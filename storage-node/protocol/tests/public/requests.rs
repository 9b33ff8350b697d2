//! Which operation a request is, and what it addresses.

use s3_protocol::host::{Addressing, Domains, Namespace, resolve};
use s3_protocol::operation::Scope;
use s3_protocol::{Call, Operation, S3Code, Target};

use crate::ask::{ask, ask_at, refused};

const FORM: &str = "content-type: multipart/form-data; boundary=x";
const COPY: &str = "x-amz-copy-source: bucket/source";
const UPLOAD: &str = "0123456789abcdef0123456789abcdef";

/// One request for each operation of the enum.
const REQUESTS: &[(&str, Operation)] = &[
    ("GET /", Operation::ListBuckets),
    (
        "GET /?x-id=ListBuckets&max-buckets=10",
        Operation::ListBuckets,
    ),
    ("PUT /bucket", Operation::CreateBucket),
    ("PUT /bucket/", Operation::CreateBucket),
    ("DELETE /bucket", Operation::DeleteBucket),
    ("HEAD /bucket", Operation::HeadBucket),
    ("GET /bucket?location", Operation::GetBucketLocation),
    ("GET /bucket?location=", Operation::GetBucketLocation),
    ("GET /bucket", Operation::ListObjects),
    ("GET /bucket?list-type=2", Operation::ListObjectsV2),
    (
        "GET /bucket?versions&prefix=a",
        Operation::ListObjectVersions,
    ),
    ("GET /bucket?uploads", Operation::ListMultipartUploads),
    ("GET /bucket?versioning", Operation::GetBucketVersioning),
    ("PUT /bucket?versioning", Operation::PutBucketVersioning),
    ("GET /bucket?cors", Operation::GetBucketCors),
    ("PUT /bucket?cors", Operation::PutBucketCors),
    ("DELETE /bucket?cors", Operation::DeleteBucketCors),
    ("OPTIONS /bucket/key", Operation::Preflight),
    ("OPTIONS /bucket?acl&cors", Operation::Preflight),
    ("GET /bucket?policy", Operation::GetBucketPolicy),
    ("PUT /bucket?policy", Operation::PutBucketPolicy),
    ("DELETE /bucket?policy", Operation::DeleteBucketPolicy),
    ("GET /bucket?policyStatus", Operation::GetBucketPolicyStatus),
    ("GET /bucket?acl", Operation::GetBucketAcl),
    ("PUT /bucket?acl", Operation::PutBucketAcl),
    (
        "GET /bucket?publicAccessBlock",
        Operation::GetPublicAccessBlock,
    ),
    (
        "PUT /bucket?publicAccessBlock",
        Operation::PutPublicAccessBlock,
    ),
    (
        "DELETE /bucket?publicAccessBlock",
        Operation::DeletePublicAccessBlock,
    ),
    (
        "GET /bucket?ownershipControls",
        Operation::GetBucketOwnershipControls,
    ),
    (
        "PUT /bucket?ownershipControls",
        Operation::PutBucketOwnershipControls,
    ),
    (
        "DELETE /bucket?ownershipControls",
        Operation::DeleteBucketOwnershipControls,
    ),
    (
        "GET /bucket?object-lock",
        Operation::GetObjectLockConfiguration,
    ),
    (
        "PUT /bucket?object-lock",
        Operation::PutObjectLockConfiguration,
    ),
    (
        "GET /bucket?lifecycle",
        Operation::GetBucketLifecycleConfiguration,
    ),
    (
        "PUT /bucket?lifecycle",
        Operation::PutBucketLifecycleConfiguration,
    ),
    ("DELETE /bucket?lifecycle", Operation::DeleteBucketLifecycle),
    ("GET /bucket?tagging", Operation::GetBucketTagging),
    ("PUT /bucket?tagging", Operation::PutBucketTagging),
    ("DELETE /bucket?tagging", Operation::DeleteBucketTagging),
    ("GET /bucket?encryption", Operation::GetBucketEncryption),
    ("PUT /bucket?encryption", Operation::PutBucketEncryption),
    (
        "DELETE /bucket?encryption",
        Operation::DeleteBucketEncryption,
    ),
    (
        "GET /bucket?notification",
        Operation::GetBucketNotificationConfiguration,
    ),
    (
        "GET /bucket?requestPayment",
        Operation::GetBucketRequestPayment,
    ),
    (
        "GET /bucket?accelerate",
        Operation::GetBucketAccelerateConfiguration,
    ),
    ("GET /bucket?website", Operation::GetBucketWebsite),
    ("GET /bucket?logging", Operation::GetBucketLogging),
    ("GET /bucket?replication", Operation::GetBucketReplication),
    ("GET /bucket/key", Operation::GetObject),
    ("GET /bucket/key?cache-buster=7&v=1", Operation::GetObject),
    ("HEAD /bucket/key", Operation::HeadObject),
    ("PUT /bucket/key", Operation::PutObject),
    ("DELETE /bucket/key", Operation::DeleteObject),
    (
        "DELETE /bucket/key?versionId=null",
        Operation::DeleteObjectVersion,
    ),
    ("POST /bucket/key?uploads", Operation::CreateMultipartUpload),
    (
        "PUT /bucket/key?partNumber=1&uploadId=UPLOAD",
        Operation::UploadPart,
    ),
    (
        "POST /bucket/key?uploadId=UPLOAD",
        Operation::CompleteMultipartUpload,
    ),
    (
        "DELETE /bucket/key?uploadId=UPLOAD",
        Operation::AbortMultipartUpload,
    ),
    ("GET /bucket/key?uploadId=UPLOAD", Operation::ListParts),
    ("GET /bucket/key?tagging", Operation::GetObjectTagging),
    ("PUT /bucket/key?tagging", Operation::PutObjectTagging),
    ("DELETE /bucket/key?tagging", Operation::DeleteObjectTagging),
    ("GET /bucket/key?acl", Operation::GetObjectAcl),
    ("PUT /bucket/key?acl", Operation::PutObjectAcl),
    ("GET /bucket/key?retention", Operation::GetObjectRetention),
    ("GET /bucket/key?legal-hold", Operation::GetObjectLegalHold),
    ("PUT /bucket/key?retention", Operation::PutObjectRetention),
    ("PUT /bucket/key?legal-hold", Operation::PutObjectLegalHold),
    (
        "PUT /bucket?accelerate",
        Operation::PutBucketAccelerateConfiguration,
    ),
    ("PUT /bucket?logging", Operation::PutBucketLogging),
    (
        "PUT /bucket?notification",
        Operation::PutBucketNotificationConfiguration,
    ),
    ("PUT /bucket?replication", Operation::PutBucketReplication),
    (
        "PUT /bucket?requestPayment",
        Operation::PutBucketRequestPayment,
    ),
    ("PUT /bucket?website", Operation::PutBucketWebsite),
    (
        "DELETE /bucket?replication",
        Operation::DeleteBucketReplication,
    ),
    ("DELETE /bucket?website", Operation::DeleteBucketWebsite),
    (
        "GET /bucket?analytics&id=1",
        Operation::GetBucketAnalyticsConfiguration,
    ),
    (
        "PUT /bucket?analytics&id=1",
        Operation::PutBucketAnalyticsConfiguration,
    ),
    (
        "DELETE /bucket?analytics&id=1",
        Operation::DeleteBucketAnalyticsConfiguration,
    ),
    (
        "GET /bucket?analytics",
        Operation::ListBucketAnalyticsConfigurations,
    ),
    (
        "GET /bucket?intelligent-tiering&id=1",
        Operation::GetBucketIntelligentTieringConfiguration,
    ),
    (
        "PUT /bucket?intelligent-tiering&id=1",
        Operation::PutBucketIntelligentTieringConfiguration,
    ),
    (
        "DELETE /bucket?intelligent-tiering&id=1",
        Operation::DeleteBucketIntelligentTieringConfiguration,
    ),
    (
        "GET /bucket?intelligent-tiering",
        Operation::ListBucketIntelligentTieringConfigurations,
    ),
    (
        "GET /bucket?inventory&id=1",
        Operation::GetBucketInventoryConfiguration,
    ),
    (
        "PUT /bucket?inventory&id=1",
        Operation::PutBucketInventoryConfiguration,
    ),
    (
        "DELETE /bucket?inventory&id=1",
        Operation::DeleteBucketInventoryConfiguration,
    ),
    (
        "GET /bucket?inventory",
        Operation::ListBucketInventoryConfigurations,
    ),
    (
        "GET /bucket?metrics&id=1",
        Operation::GetBucketMetricsConfiguration,
    ),
    (
        "PUT /bucket?metrics&id=1",
        Operation::PutBucketMetricsConfiguration,
    ),
    (
        "DELETE /bucket?metrics&id=1",
        Operation::DeleteBucketMetricsConfiguration,
    ),
    (
        "GET /bucket?metrics",
        Operation::ListBucketMetricsConfigurations,
    ),
    (
        "POST /bucket?metadataConfiguration",
        Operation::CreateBucketMetadataConfiguration,
    ),
    (
        "GET /bucket?metadataConfiguration",
        Operation::GetBucketMetadataConfiguration,
    ),
    (
        "DELETE /bucket?metadataConfiguration",
        Operation::DeleteBucketMetadataConfiguration,
    ),
    (
        "POST /bucket?metadataTable",
        Operation::CreateBucketMetadataTableConfiguration,
    ),
    (
        "GET /bucket?metadataTable",
        Operation::GetBucketMetadataTableConfiguration,
    ),
    (
        "DELETE /bucket?metadataTable",
        Operation::DeleteBucketMetadataTableConfiguration,
    ),
    (
        "PUT /bucket?metadataInventoryTable",
        Operation::UpdateBucketMetadataInventoryTableConfiguration,
    ),
    (
        "PUT /bucket?metadataJournalTable",
        Operation::UpdateBucketMetadataJournalTableConfiguration,
    ),
    ("GET /bucket?abac", Operation::GetBucketAbac),
    ("PUT /bucket?abac", Operation::PutBucketAbac),
    ("GET /bucket/key?torrent", Operation::GetObjectTorrent),
    (
        "POST /bucket/key?select&select-type=2",
        Operation::SelectObjectContent,
    ),
    ("POST /bucket/key?restore", Operation::RestoreObject),
    (
        "POST /WriteGetObjectResponse",
        Operation::WriteGetObjectResponse,
    ),
    ("PUT /bucket/key?renameObject", Operation::RenameObject),
    (
        "PUT /bucket/key?encryption",
        Operation::UpdateObjectEncryption,
    ),
    ("GET /bucket?session", Operation::CreateSession),
    (
        "GET /?max-directory-buckets=5",
        Operation::ListDirectoryBuckets,
    ),
    ("POST /", Operation::GetCallerIdentity),
    ("POST /?Action=GetSessionToken", Operation::GetSessionToken),
    ("POST /?Action=AssumeRole", Operation::AssumeRole),
];

/// And those that a header tells apart.
const WITH_HEADERS: &[(&str, &[&str], Operation)] = &[
    ("POST /bucket", &[FORM], Operation::PostObject),
    (
        "POST /bucket?delete",
        &["content-md5: 1B2M2Y8AsgTpgAmY7PhCfg=="],
        Operation::DeleteObjects,
    ),
    ("PUT /bucket/key", &[COPY], Operation::CopyObject),
    (
        "GET /bucket/key?attributes",
        &["x-amz-object-attributes: ETag"],
        Operation::GetObjectAttributes,
    ),
    (
        "PUT /bucket/key?partNumber=1&uploadId=UPLOAD",
        &[COPY],
        Operation::UploadPartCopy,
    ),
];

#[test]
fn every_operation_has_a_request_and_is_told_by_it() {
    let mut seen: Vec<Operation> = Vec::new();
    let plain = REQUESTS
        .iter()
        .map(|(line, operation)| (*line, [].as_slice(), *operation));
    for (line, headers, operation) in plain.chain(WITH_HEADERS.iter().copied()) {
        let line = line.replace("UPLOAD", UPLOAD);
        let headers = [headers, ["content-length: 0"].as_slice()].concat();
        let request = ask(&line, &headers).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(request.operation, operation, "{line}");
        let built = !matches!(request.call, Call::Unbuilt);
        assert_eq!(built, operation.is_built(), "{line}");
        let scope = match request.target {
            Target::Service => Scope::Service,
            Target::Bucket(_) => Scope::Bucket,
            Target::Object(..) => Scope::Object,
        };
        assert!(
            scope == operation.scope() || operation == Operation::Preflight,
            "{line}"
        );
        seen.push(operation);
    }
    let missing: Vec<_> = Operation::ALL
        .iter()
        .filter(|name| !seen.contains(name) && **name != Operation::BypassGovernanceRetention)
        .collect();
    assert!(missing.is_empty(), "no request for {missing:?}");
}

#[test]
fn what_s3_does_not_have_is_405_and_no_neighbour() {
    for line in [
        "HEAD /",
        "PUT /",
        "DELETE /",
        "PATCH /bucket/key",
        "POST /bucket/key",
        "HEAD /bucket?acl",
        "HEAD /bucket/key?acl",
        "GET /bucket/key?uploads",
        "GET /bucket/key?versions",
        "GET /bucket/key?delete",
        "PUT /bucket?delete",
        "PUT /bucket/key?uploads",
        "DELETE /bucket?acl",
        "DELETE /bucket?object-lock",
        "POST /bucket?uploads",
        "GET /?acl",
        "GET /WriteGetObjectResponse",
    ] {
        assert_eq!(refused(line, &[]), S3Code::MethodNotAllowed, "{line}");
    }
}

#[test]
fn two_sub_resources_are_refused() {
    for line in [
        "GET /bucket/key?acl&tagging",
        "GET /bucket/key?acl&acl",
        "PUT /bucket?policy&acl",
        "POST /bucket/key?uploads&uploadId=1",
        "DELETE /bucket/key?tagging&uploadId=1",
        "GET /bucket?%61cl&policy",
    ] {
        assert_eq!(refused(line, &[]), S3Code::InvalidArgument, "{line}");
    }
}

#[test]
fn an_encoded_name_is_the_same_sub_resource() {
    assert_eq!(
        ask("GET /bucket/key?%61cl", &[]).unwrap().operation,
        Operation::GetObjectAcl
    );
}

#[test]
fn an_unknown_name_is_dropped_on_object_reads_and_refused_elsewhere() {
    for line in ["GET /bucket/key?utm=1&X=2", "HEAD /bucket/key?v=1"] {
        assert!(ask(line, &[]).is_ok(), "{line}");
    }
    for line in [
        "GET /bucket?utm=1",
        "PUT /bucket/key?versionId=null",
        "PUT /bucket/key?partNumber=1",
        "DELETE /bucket/key?force=true",
        "DELETE /bucket?prefix=a",
        "GET /?utm=1",
        "PUT /bucket?Acl",
    ] {
        assert_eq!(
            refused(line, &["content-length: 0"]),
            S3Code::InvalidArgument,
            "{line}"
        );
    }
}

#[test]
fn the_names_of_sdks_and_signatures_are_known_everywhere() {
    let presign = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a&X-Amz-Date=b&X-Amz-Expires=1\
                   &X-Amz-SignedHeaders=host&X-Amz-Signature=c&X-Amz-Content-Sha256=d&x-id=PutObject";
    for line in [
        "PUT /bucket/key",
        "GET /bucket",
        "DELETE /bucket/key",
        "GET /",
    ] {
        assert!(
            ask(&format!("{line}?{presign}"), &["content-length: 0"]).is_ok(),
            "{line}"
        );
    }
}

#[test]
fn a_parameter_that_comes_twice_is_refused() {
    for line in [
        "GET /bucket?prefix=a&prefix=b",
        "GET /bucket/key?versionId=null&versionId=null",
        "GET /bucket?list-type=2&list-type=1",
        "GET /bucket/key?response-expires=a&response-expires=b",
    ] {
        assert_eq!(refused(line, &[]), S3Code::InvalidArgument, "{line}");
    }
}

#[test]
fn a_header_that_comes_twice_is_refused() {
    let twice: &[(&str, &str)] = &[
        ("PUT /bucket/key", "x-amz-copy-source: a/b"),
        ("PUT /bucket/key", "content-type: a/b"),
        ("PUT /bucket/key", "content-length: 0"),
        ("PUT /bucket/key", "x-amz-tagging: a=b"),
        ("PUT /bucket/key", "x-amz-checksum-crc32: AAAAAA=="),
        ("PUT /bucket/key", "content-md5: 1B2M2Y8AsgTpgAmY7PhCfg=="),
        ("GET /bucket/key", "range: bytes=0-1"),
        ("GET /bucket/key", "x-amz-expected-bucket-owner: 1"),
    ];
    for (line, header) in twice {
        let length = if header.starts_with("content-length") {
            "x-a: 1"
        } else {
            "content-length: 0"
        };
        let code = refused(line, &[header, header, length]);
        assert!(
            matches!(code, S3Code::InvalidArgument | S3Code::InvalidRequest),
            "{header}"
        );
    }
}

fn key(line: &str) -> String {
    match ask(line, &[])
        .unwrap_or_else(|error| panic!("{line}: {error}"))
        .target
    {
        Target::Object(_, key) => key.as_str().to_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_key_is_bytes_and_never_a_path() {
    let longest = "k".repeat(1_024);
    for (path, expected) in [
        (".", "."),
        ("..", ".."),
        ("a//b", "a//b"),
        ("/", "/"),
        ("//", "//"),
        ("../other/key", "../other/key"),
        ("a/./b/../c/", "a/./b/../c/"),
        ("%2e%2E%2fx", "../x"),
        ("%01", "\u{1}"),
        ("%00", "\0"),
        ("a+b", "a+b"),
        ("a%2Bb%20c", "a+b c"),
        ("%2520", "%20"),
        ("%C3%A4", "ä"),
        ("a?b=c", "a"),
        ("a%3Fb", "a?b"),
        (longest.as_str(), longest.as_str()),
    ] {
        assert_eq!(key(&format!("GET /bucket/{path}")), expected);
    }
}

#[test]
fn a_key_of_1025_bytes_is_refused_however_it_is_written() {
    for long in ["k".repeat(1_025), "%6b".repeat(1_025), "%C3%A4".repeat(513)] {
        let error = ask(&format!("GET /bucket/{long}"), &[]).unwrap_err();
        assert_eq!(error.code, S3Code::KeyTooLongError);
        assert_eq!(error.extra.last().unwrap().1, "1024");
    }
    assert_eq!(
        key(&format!("GET /bucket/{}", "%C3%A4".repeat(512))).len(),
        1_024
    );
}

#[test]
fn what_is_not_utf8_is_400() {
    for line in [
        "GET /bucket/%FF",
        "GET /bucket/%C3",
        "GET /bucket/%ED%A0%80",
        "GET /bucket/%",
        "GET /bucket/%4",
        "GET /bucket/%GG",
        "GET /%FFbucket",
        "GET /bucket?prefix=%FF",
        "GET /bucket?%FF",
    ] {
        assert_eq!(refused(line, &[]), S3Code::InvalidURI, "{line}");
    }
}

#[test]
fn a_bucket_is_named_by_the_rules() {
    for line in [
        "GET /Bucket/key",
        "GET /ab/key",
        "GET //key",
        "GET /a--b/key",
        "GET /bucket%2Fother/key",
        "GET /127.0.0.1/key",
        "GET /..%2Fbucket",
    ] {
        assert_eq!(refused(line, &[]), S3Code::InvalidBucketName, "{line}");
    }
}

#[test]
fn below_a_host_the_whole_path_is_the_key() {
    let domains = Domains::new(Some("s3.test"), Some("pub.test"));
    let at = |host: &str, line: &str| {
        ask_at(&resolve(host, &domains).unwrap(), line, &[])
            .unwrap()
            .target
    };
    let object =
        |bucket: &str, key: &str| Target::Object(bucket.parse().unwrap(), key.parse().unwrap());
    assert_eq!(at("photos.s3.test", "GET /a/b"), object("photos", "a/b"));
    assert_eq!(at("photos.s3.test", "GET //a"), object("photos", "/a"));
    assert_eq!(
        at("photos.s3.test", "GET /other/../x"),
        object("photos", "other/../x")
    );
    assert_eq!(
        at("photos.s3.test", "GET /"),
        Target::Bucket("photos".parse().unwrap())
    );
    assert_eq!(at("site--acme.pub.test", "GET /a"), object("site", "a"));
    assert_eq!(at("acme.pub.test", "GET /site/a"), object("site", "a"));
    assert_eq!(at("localhost:9000", "GET /site/a"), object("site", "a"));
    let alias = resolve("acme.pub.test", &domains).unwrap();
    assert_eq!(alias.namespace, Namespace::Alias("acme".into()));
    assert_eq!(
        ask_at(&alias, "GET /", &[]).unwrap().operation,
        Operation::ListBuckets
    );
}

#[test]
fn a_path_without_a_slash_is_no_path() {
    assert_eq!(ask("OPTIONS *", &[]).unwrap().target, Target::Service);
    assert_eq!(refused("GET bucket/key", &[]), S3Code::InvalidURI);
    assert_eq!(
        ask_at(&Addressing::PATH, "GET ", &[]).unwrap().operation,
        Operation::ListBuckets
    );
}

#[test]
fn a_post_to_a_bucket_is_a_form_or_nothing() {
    assert_eq!(refused("POST /bucket", &[]), S3Code::PreconditionFailed);
    assert_eq!(
        refused("POST /bucket", &["content-type: application/json"]),
        S3Code::PreconditionFailed
    );
}
