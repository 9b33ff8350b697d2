//! The form of calls and answers: what is sent is what arrives, and the bytes are those of this version of the protocol.

use s3_protocol::call::{
    ByteRange, Conditions, CopySource, IfRange, ListFrom, PayloadDigests, TagMatch, WriteHead,
};
use s3_protocol::checksum::{Checksum, ChecksumAlgorithm, ChecksumKind};
use s3_protocol::object::{ETag, GetOutput, ObjectHead, Slice};
use s3_protocol::seal::{CustomerKey, Sealing};
use s3_protocol::setting::lock::{LockMode, Retention};
use s3_protocol::setting::{LockConfiguration, Setting, Versioning};
use s3_protocol::{ObjectKey, S3Code};
use sha2::{Digest as _, Sha256};
use storage_node::{Bypass, Configuration, CreatorMatch, Mismatch};

use super::*;

fn key() -> ObjectKey {
    "folder/a key".parse().unwrap()
}

fn place() -> ObjectPlace {
    ObjectPlace {
        bucket: BucketId(7),
        key: key(),
    }
}

fn held() -> Held {
    let guards = Guards {
        creator: Some(CreatorGuard {
            who: CreatorMatch::Lineage("key".to_owned()),
            mismatch: Mismatch::Deny,
        }),
        stands: Some(Stands::Nothing),
        if_none_match_any: true,
        max_bytes: Some(1 << 40),
        recheck: Some(Recheck::here(|| Ok(()))),
    };
    Held::of(guards).0
}

fn writer() -> Writer {
    let by = WriteAs {
        creator: Creator {
            principal: "who".to_owned(),
            lineage: "key".to_owned(),
        },
        acl: Some("acl".to_owned()),
        guards: Guards::default(),
    };
    Writer::of(by).0
}

fn conditions() -> Conditions {
    Conditions {
        if_match: Some(TagMatch::OneOf(vec!["tag".to_owned()])),
        if_none_match: Some(TagMatch::Any),
        if_modified_since: Some(-1),
        if_unmodified_since: Some(i64::MAX),
    }
}

fn write_head() -> WriteHead {
    WriteHead {
        metadata: vec![("name".to_owned(), "välue".to_owned())],
        tags: vec![("tag".to_owned(), String::new())],
        retention: Some(Retention {
            mode: LockMode::Compliance,
            until_ms: 1_800_000_000_000,
        }),
        legal_hold: true,
        sealing: Some(Sealing::Customer(CustomerKey::new([9; 32]))),
        ..WriteHead::default()
    }
}

fn source() -> CopySource {
    CopySource {
        bucket: "a-bucket".parse().unwrap(),
        key: key(),
        version: Some(VersionId::Null),
        conditions: conditions(),
        customer_key: None,
    }
}

fn payload_digests() -> PayloadDigests {
    PayloadDigests {
        md5: Some([1; 16]),
        checksum: Some(Checksum {
            algorithm: ChecksumAlgorithm::Crc64Nvme,
            kind: ChecksumKind::FullObject,
            value: vec![1; 8],
            parts: None,
        }),
        trailer: Some(ChecksumAlgorithm::Sha256),
    }
}

/// Calls of many kinds, with as much in them as they can have.
fn calls() -> Vec<Call> {
    let deletion = DeleteKey {
        key: key(),
        ask: DeleteObject::default(),
        creator: None,
        stands: None,
    };
    let lock = Change::Lock(LockConfiguration::default());
    let versioning = Change::Versioning(Versioning::Suspended);
    let retention = FacetChange::Retention(None, Bypass::Governance);
    let mut calls = vec![
        Call::Pulse,
        Call::ConfigurationsSince(1),
        Call::CreateBucket(BucketId(7), Some(lock)),
        Call::ConfigureBucket(BucketId(7), versioning),
        Call::ConfigureBucket(BucketId(7), Change::Document(Setting::Cors, None)),
        Call::ChangeObject(place(), None, retention, held()),
        Call::DeleteObjects(BucketId(7), vec![deletion], Rechecked::Yes),
        Call::Care(CareCall::Deleted(BucketId(7), "a".to_owned())),
    ];
    calls.extend(reads());
    calls.extend(writes());
    calls
}

fn reads() -> [Call; 2] {
    let list = ListObjects {
        prefix: "a".to_owned(),
        delimiter: Some("/".to_owned()),
        max_keys: 1_000,
        encoding: s3_protocol::call::Encoding::Url,
        from: ListFrom::Marker(Some("b".to_owned())),
    };
    let get = GetObject {
        version: Some(VersionId::Id(u128::MAX)),
        range: Some(ByteRange::FromTo(1, u64::MAX)),
        if_range: Some(IfRange::Tag("tag".to_owned())),
        part_number: Some(3),
        conditions: conditions(),
        checksum_mode: true,
        customer_key: Some(CustomerKey::new([9; 32])),
        response_overrides: Vec::new(),
    };
    [
        Call::ListObjects(BucketId(7), list),
        Call::GetObject(place(), Box::new(get), held()),
    ]
}

fn writes() -> [Call; 3] {
    let put = PutObject {
        head: write_head(),
        length: Some(5),
        digests: payload_digests(),
        conditions: conditions(),
    };
    let copy = CopyObject {
        source: source(),
        metadata: s3_protocol::call::Directive::Replace,
        tagging: s3_protocol::call::Directive::Copy,
        head: write_head(),
        checksum: Some(ChecksumAlgorithm::Crc32),
        conditions: Conditions::default(),
    };
    let from = Source::of(CopyRead {
        place: place(),
        guards: Guards::default(),
    });
    let complete = CompleteMultipartUpload {
        upload: UploadId(3),
        checksum: None,
        checksum_kind: Some(ChecksumKind::Composite),
        object_size: Some(5),
        conditions: Conditions::default(),
        customer_key: Some(CustomerKey::new([9; 32])),
    };
    let part = CompletedPart {
        number: 1,
        etag: "tag".to_owned(),
        checksums: Vec::new(),
    };
    [
        Call::PutObject(place(), Box::new(put), writer()),
        Call::CopyObject(from, place(), Box::new(copy), writer()),
        Call::CompleteUpload(place(), Box::new(complete), vec![part], held()),
    ]
}

#[test]
fn a_call_arrives_as_it_was_sent() {
    for call in calls() {
        let sent = encode(&call).unwrap();
        let arrived: Call = decode(&sent).unwrap();
        assert_eq!(format!("{arrived:?}"), format!("{call:?}"));
        assert_eq!(encode(&arrived).unwrap(), sent);
        for end in 0..sent.len() {
            assert!(
                decode::<Call>(&sent[..end]).is_err(),
                "{} {end}",
                call.name()
            );
        }
        assert!(decode::<Call>(&[&sent[..], &[0]].concat()).is_err());
    }
}

/// Whoever changes what this says makes another version of the protocol: [`PROTOCOL`] goes up with it.
#[test]
fn the_bytes_of_calls_are_those_of_version_2() {
    let mut digest = Sha256::new();
    for call in calls() {
        digest.update(encode(&call).unwrap());
    }
    let answers = [
        NodeError::Full,
        NodeError::Frozen,
        NodeError::Closed,
        NodeError::Refused(S3Code::NoSuchKey.into()),
    ];
    for error in answers {
        digest.update(encode(&Err::<(), _>(error)).unwrap());
    }
    assert_eq!(
        (PROTOCOL, hex::encode(digest.finalize())),
        (2, BYTES_OF_VERSION_2.to_owned())
    );
}

const BYTES_OF_VERSION_2: &str = "235311639c6d6124625fc0fb4fdb6670922a72fcf7857b871ef46ec2bf868545";

#[test]
fn errors_keep_code_message_and_elements() {
    let error = S3Error::with(S3Code::PreconditionFailed, "a message")
        .and("Condition", "If-Match")
        .and("VersionId", "null");
    let sent = encode(&Err::<(), _>(NodeError::Refused(error.clone()))).unwrap();
    match decode::<Result<(), NodeError>>(&sent).unwrap() {
        Err(NodeError::Refused(arrived)) => assert_eq!(arrived, error),
        other => panic!("{other:?}"),
    }
    for code in S3Code::ALL {
        let sent = encode(&S3Error::new(*code)).unwrap();
        assert_eq!(decode::<S3Error>(&sent).unwrap(), S3Error::new(*code));
    }
    let unknown = encode(&("NoCode", "", Vec::<(String, String)>::new())).unwrap();
    assert!(decode::<S3Error>(&unknown).is_err());
}

#[test]
fn names_come_back_through_their_door() {
    let long = "k".repeat(1_025);
    for text in ["", long.as_str()] {
        let sent = encode(&text).unwrap();
        assert!(decode::<ObjectKey>(&sent).is_err());
    }
    let sent = encode(&"Not A Bucket").unwrap();
    assert!(decode::<s3_protocol::BucketName>(&sent).is_err());
}

#[test]
fn a_configuration_is_read_anew_from_its_texts() {
    let cors = "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>";
    let cors = s3_protocol::setting::Cors::read(cors.as_bytes()).unwrap();
    let configuration = Configuration {
        versioning: Some(Versioning::Enabled),
        documents: vec![(Setting::Cors, cors.write())],
        cors: Some(cors),
        ..Configuration::default()
    };
    let sent = encode(&configuration).unwrap();
    assert_eq!(decode::<Configuration>(&sent).unwrap(), configuration);
}

#[test]
fn an_object_arrives_as_it_is_stored() {
    let output = GetOutput {
        head: ObjectHead {
            version: Some(VersionId::Id(1)),
            size: 5,
            etag: ETag {
                md5: [1; 16],
                parts: Some(2),
            },
            modified_ms: 1,
            content: s3_protocol::object::ContentHeaders::default(),
            metadata: Vec::new(),
            checksums: Vec::new(),
            parts: Some(2),
            tags: 1,
            storage_class: None,
            website_redirect: None,
            creator: Creator::default(),
            retention: None,
            legal_hold: false,
            encrypted: Some(s3_protocol::seal::Encrypted::Node),
            expires: Some((1, "rule".to_owned())),
        },
        slice: Slice::Range {
            first: 1,
            last: 3,
            whole_part: false,
        },
    };
    let sent = encode(&Ok::<_, NodeError>(output.clone())).unwrap();
    let arrived: Result<GetOutput, NodeError> = decode(&sent).unwrap();
    assert_eq!(arrived.unwrap(), output);
}
