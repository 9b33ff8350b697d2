//! Documents in and out: the bodies of requests, and the golden text of answers.

use bytes::Bytes;
use http::Response;
use s3_protocol::call::{
    DeleteIf, DeleteObject, Encoding, ListBuckets, ListFrom, ListMultipartUploads, ListObjects,
    ListParts, TagMatch,
};
use s3_protocol::checksum::{Checksum, ChecksumAlgorithm, ChecksumKind};
use s3_protocol::object::{
    BucketEntry, BucketPage, Creator, DeleteOutput, Deleted, ETag, ListEntry, ListPage, Owner,
    PartEntry, PartPage, PutOutput, UploadEntry, UploadPage, UploadPeople,
};
use s3_protocol::render::{self, Listing};
use s3_protocol::seal::Encrypted;
use s3_protocol::{BucketName, ObjectKey, S3Code, S3Error, UploadId, VersionId, token, xml};

const MODIFIED_MS: u64 = 1_255_369_830_042;
const TAG: &str = "&quot;0101010101010101010101010101010101&quot;";

fn bucket() -> BucketName {
    "photos".parse().unwrap()
}

fn key(text: &str) -> ObjectKey {
    text.parse().unwrap()
}

fn owner() -> Owner {
    Owner {
        id: "id-1".to_owned(),
        display_name: "A & B".to_owned(),
    }
}

fn etag() -> ETag {
    ETag {
        md5: [1; 16],
        parts: None,
    }
}

fn crc32() -> Checksum {
    ChecksumAlgorithm::Crc32.parse_value("AQIDBA==").unwrap()
}

/// The body without its declaration, and with the entity tag of these tests shortened to `TAG`.
fn body(response: &Response<Bytes>) -> String {
    assert_eq!(response.headers()["content-type"], "application/xml");
    let text = std::str::from_utf8(response.body()).unwrap();
    let text = text
        .strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
        .unwrap();
    let namespace = format!(" xmlns=\"{}\"", xml::NAMESPACE);
    text.replace(&namespace, "")
        .replace(&TAG.replacen("01", "", 1), "TAG")
}

fn entry(name: &str) -> ListEntry {
    ListEntry {
        key: key(name),
        size: 5,
        etag: etag(),
        modified_ms: MODIFIED_MS,
        storage_class: None,
        checksums: vec![(ChecksumAlgorithm::Crc32, ChecksumKind::FullObject)],
        creator: Creator::default(),
    }
}

fn listed(asked: &ListObjects, page: &ListPage) -> String {
    let (bucket, owner) = (bucket(), owner());
    body(&render::list_objects(
        Listing {
            bucket: &bucket,
            owner: &owner,
        },
        asked,
        page,
    ))
}

fn first_version(encoding: Encoding) -> ListObjects {
    ListObjects {
        prefix: "a b".to_owned(),
        delimiter: Some("/".to_owned()),
        max_keys: 2,
        encoding,
        from: ListFrom::Marker(None),
    }
}

#[test]
fn list_objects_in_its_first_version() {
    let page = ListPage {
        entries: vec![entry("a b+<\u{1}>")],
        prefixes: vec!["a b/".to_owned()],
        next: Some("a b/".to_owned()),
    };
    assert_eq!(
        listed(&first_version(Encoding::Plain), &page),
        "<ListBucketResult><Name>photos</Name><Prefix>a b</Prefix><Marker></Marker>\
         <NextMarker>a b/</NextMarker><MaxKeys>2</MaxKeys><Delimiter>/</Delimiter>\
         <IsTruncated>true</IsTruncated><Contents><Key>a b+&lt;&#x1;&gt;</Key>\
         <LastModified>2009-10-12T17:50:30.042Z</LastModified><ETag>TAG</ETag>\
         <ChecksumAlgorithm>CRC32</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>\
         <Size>5</Size><Owner><ID>id-1</ID><DisplayName>A &amp; B</DisplayName></Owner>\
         <StorageClass>STANDARD</StorageClass></Contents>\
         <CommonPrefixes><Prefix>a b/</Prefix></CommonPrefixes></ListBucketResult>"
    );
    let url = listed(&first_version(Encoding::Url), &page);
    for expected in [
        "<Prefix>a%20b</Prefix>",
        "<NextMarker>a%20b/</NextMarker>",
        "<Delimiter>/</Delimiter>",
        "<EncodingType>url</EncodingType>",
        "<Key>a%20b%2B%3C%01%3E</Key>",
        "<CommonPrefixes><Prefix>a%20b/</Prefix></CommonPrefixes>",
    ] {
        assert!(url.contains(expected), "{expected} in {url}");
    }
}

#[test]
fn a_next_marker_is_told_only_with_a_delimiter() {
    let asked = ListObjects {
        delimiter: None,
        ..first_version(Encoding::Plain)
    };
    let page = ListPage {
        entries: vec![entry("k")],
        prefixes: vec![],
        next: Some("k".to_owned()),
    };
    assert!(!listed(&asked, &page).contains("NextMarker"));
}

#[test]
fn list_objects_in_its_second_version_leaves_tokens_alone() {
    let raw = token::encode("a b+");
    let asked = ListObjects {
        prefix: String::new(),
        delimiter: None,
        max_keys: 1_000,
        encoding: Encoding::Url,
        from: ListFrom::Token {
            continuation: Some("a b+".to_owned()),
            raw: Some(raw.clone()),
            start_after: Some("a b".to_owned()),
            fetch_owner: false,
        },
    };
    let page = ListPage {
        entries: vec![],
        prefixes: vec![],
        next: Some("z z".to_owned()),
    };
    assert_eq!(
        listed(&asked, &page),
        format!(
            "<ListBucketResult><Name>photos</Name><Prefix></Prefix><StartAfter>a%20b</StartAfter>\
             <ContinuationToken>{raw}</ContinuationToken>\
             <NextContinuationToken>{}</NextContinuationToken><KeyCount>0</KeyCount>\
             <MaxKeys>1000</MaxKeys><EncodingType>url</EncodingType>\
             <IsTruncated>true</IsTruncated></ListBucketResult>",
            token::encode("z z")
        )
    );
}

#[test]
fn list_buckets() {
    let page = BucketPage {
        entries: vec![BucketEntry {
            name: bucket(),
            created_ms: MODIFIED_MS,
            region: "eu-1".to_owned(),
        }],
        next: Some("photos".to_owned()),
    };
    let asked = ListBuckets {
        prefix: "p".to_owned(),
        ..ListBuckets::default()
    };
    assert_eq!(
        body(&render::list_buckets(&asked, &page, &owner())),
        "<ListAllMyBucketsResult><Owner><ID>id-1</ID><DisplayName>A &amp; B</DisplayName></Owner>\
         <Buckets><Bucket><Name>photos</Name><CreationDate>2009-10-12T17:50:30.042Z</CreationDate>\
         <BucketRegion>eu-1</BucketRegion></Bucket></Buckets>\
         <ContinuationToken>1cGhvdG9z</ContinuationToken><Prefix>p</Prefix>\
         </ListAllMyBucketsResult>"
    );
}

fn upload_entry() -> UploadEntry {
    UploadEntry {
        key: key("a b"),
        upload: UploadId(10),
        initiated_ms: MODIFIED_MS,
        creator: Creator {
            principal: "user-1".to_owned(),
            lineage: "l".to_owned(),
        },
        acl: None,
        storage_class: Some("STANDARD_IA".to_owned()),
        checksum: Some((ChecksumAlgorithm::Sha256, ChecksumKind::Composite)),
        encrypted: None,
    }
}

fn people() -> UploadPeople {
    UploadPeople {
        initiator: Owner {
            id: "user-1".to_owned(),
            display_name: String::new(),
        },
        owner: owner(),
    }
}

#[test]
fn list_multipart_uploads() {
    let asked = ListMultipartUploads {
        prefix: "a ".to_owned(),
        delimiter: Some("/".to_owned()),
        max_uploads: 1,
        encoding: Encoding::Url,
        key_marker: Some("a a".to_owned()),
        upload_id_marker: None,
    };
    let page = UploadPage {
        entries: vec![upload_entry()],
        prefixes: vec!["a /".to_owned()],
        next: Some(("a b".to_owned(), Some(UploadId(10)))),
    };
    let people = [people()];
    let id = "0000000000000000000000000000000a";
    assert_eq!(
        body(&render::list_multipart_uploads(
            &bucket(),
            &asked,
            &page,
            &people
        )),
        format!(
            "<ListMultipartUploadsResult><Bucket>photos</Bucket><KeyMarker>a%20a</KeyMarker>\
             <UploadIdMarker></UploadIdMarker><NextKeyMarker>a%20b</NextKeyMarker>\
             <NextUploadIdMarker>{id}</NextUploadIdMarker><Prefix>a%20</Prefix>\
             <Delimiter>/</Delimiter><EncodingType>url</EncodingType><MaxUploads>1</MaxUploads>\
             <IsTruncated>true</IsTruncated><Upload><Key>a%20b</Key><UploadId>{id}</UploadId>\
             <Initiator><ID>user-1</ID></Initiator><Owner><ID>id-1</ID>\
             <DisplayName>A &amp; B</DisplayName></Owner><StorageClass>STANDARD_IA</StorageClass>\
             <Initiated>2009-10-12T17:50:30.042Z</Initiated>\
             <ChecksumAlgorithm>SHA256</ChecksumAlgorithm><ChecksumType>COMPOSITE</ChecksumType>\
             </Upload><CommonPrefixes><Prefix>a%20/</Prefix></CommonPrefixes>\
             </ListMultipartUploadsResult>"
        )
    );
}

#[test]
fn list_parts() {
    let part = PartEntry {
        number: 2,
        size: 5,
        etag: etag(),
        modified_ms: MODIFIED_MS,
        checksums: vec![crc32()],
    };
    let asked = ListParts {
        upload: UploadId(10),
        max_parts: 1,
        after: 1,
    };
    let page = PartPage {
        upload: upload_entry(),
        entries: vec![part],
        next: Some(2),
    };
    let shown = render::list_parts(&bucket(), &key("a b"), &asked, &page, &people());
    assert_eq!(
        body(&shown),
        "<ListPartsResult><Bucket>photos</Bucket><Key>a b</Key>\
         <UploadId>0000000000000000000000000000000a</UploadId><Initiator><ID>user-1</ID></Initiator>\
         <Owner><ID>id-1</ID><DisplayName>A &amp; B</DisplayName></Owner>\
         <StorageClass>STANDARD_IA</StorageClass><PartNumberMarker>1</PartNumberMarker>\
         <NextPartNumberMarker>2</NextPartNumberMarker><MaxParts>1</MaxParts>\
         <IsTruncated>true</IsTruncated><ChecksumAlgorithm>SHA256</ChecksumAlgorithm>\
         <ChecksumType>COMPOSITE</ChecksumType><Part><PartNumber>2</PartNumber>\
         <LastModified>2009-10-12T17:50:30.042Z</LastModified><ETag>TAG</ETag><Size>5</Size>\
         <ChecksumCRC32>AQIDBA==</ChecksumCRC32></Part></ListPartsResult>"
    );
}

fn put_output() -> PutOutput {
    PutOutput {
        etag: etag(),
        version: Some(VersionId::Null),
        source_version: None,
        encrypted: None,
        expires: None,
        checksums: vec![crc32()],
        size: 5,
        modified_ms: MODIFIED_MS,
    }
}

#[test]
fn small_documents() {
    let output = put_output();
    let copy = render::copy_object(&output);
    let result = "<LastModified>2009-10-12T17:50:30.042Z</LastModified><ETag>TAG</ETag>\
                  <ChecksumType>FULL_OBJECT</ChecksumType><ChecksumCRC32>AQIDBA==</ChecksumCRC32>";
    assert_eq!(
        body(&copy),
        format!("<CopyObjectResult>{result}</CopyObjectResult>")
    );
    assert_eq!(copy.headers()["x-amz-version-id"], "null");
    let part = body(&render::upload_part_copy(&output));
    assert_eq!(part, format!("<CopyPartResult>{result}</CopyPartResult>"));

    let upload = UploadEntry {
        checksum: Some((ChecksumAlgorithm::Crc32, ChecksumKind::Composite)),
        encrypted: Some(Encrypted::Customer("md5".to_owned())),
        ..upload_entry()
    };
    let created = render::create_multipart_upload(&bucket(), &key("a&b"), &upload);
    let key_md5 = "x-amz-server-side-encryption-customer-key-md5";
    assert_eq!(created.headers()[key_md5], "md5");
    assert_eq!(created.headers()["x-amz-checksum-algorithm"], "CRC32");
    assert_eq!(created.headers()["x-amz-checksum-type"], "COMPOSITE");
    assert_eq!(
        body(&created),
        "<InitiateMultipartUploadResult><Bucket>photos</Bucket><Key>a&amp;b</Key>\
         <UploadId>0000000000000000000000000000000a</UploadId></InitiateMultipartUploadResult>"
    );

    let location = "https://s3.test/photos/a%26b";
    let done = render::complete_multipart_upload(location, &bucket(), &key("a&b"), &output);
    assert_eq!(
        body(&done),
        "<CompleteMultipartUploadResult><Location>https://s3.test/photos/a%26b</Location>\
         <Bucket>photos</Bucket><Key>a&amp;b</Key><ETag>TAG</ETag>\
         <ChecksumCRC32>AQIDBA==</ChecksumCRC32><ChecksumType>FULL_OBJECT</ChecksumType>\
         </CompleteMultipartUploadResult>"
    );

    assert_eq!(
        body(&render::location("eu-1")),
        "<LocationConstraint>eu-1</LocationConstraint>"
    );
    assert_eq!(
        body(&render::location("us-east-1")),
        "<LocationConstraint></LocationConstraint>"
    );
}

#[test]
fn a_list_of_deletions_tells_failures_and_unless_quiet_successes() {
    let marker = DeleteOutput {
        version: Some(VersionId::Id(1)),
        marker: true,
    };
    let deleted = |key: &str, outcome| Deleted {
        key: key.to_owned(),
        version: None,
        outcome,
    };
    let entries = [
        deleted("a", Ok(DeleteOutput::default())),
        deleted("b", Ok(marker)),
        deleted("c", Err(S3Error::new(S3Code::AccessDenied))),
    ];
    let error = "<Error><Key>c</Key><Code>AccessDenied</Code><Message>Access denied.</Message>\
                 </Error>";
    assert_eq!(
        body(&render::delete_objects(&entries, false)),
        format!(
            "<DeleteResult><Deleted><Key>a</Key></Deleted><Deleted><Key>b</Key>\
             <DeleteMarker>true</DeleteMarker><DeleteMarkerVersionId>\
             00000000000000000000000000000001</DeleteMarkerVersionId></Deleted>{error}\
             </DeleteResult>"
        )
    );
    let quiet = body(&render::delete_objects(&entries, true));
    assert_eq!(quiet, format!("<DeleteResult>{error}</DeleteResult>"));
}

#[test]
fn a_list_to_delete_is_read_to_the_byte() {
    let delete = xml::delete(
        b"<?xml version=\"1.0\"?><Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
          <Object><Key> a&amp;b&#x1; </Key></Object>\n\
          <Object><Key>c</Key><VersionId>null</VersionId><ETag>&quot;e&quot;</ETag><Size>3</Size>\
          <LastModifiedTime>Tue, 14 Nov 2023 22:13:20 GMT</LastModifiedTime></Object>\
          <Quiet>true</Quiet></Delete>",
    )
    .unwrap();
    assert!(delete.quiet);
    assert_eq!(delete.entries[0].key, " a&b\u{1} ");
    let (key, _) = delete.entries[0].target.clone().unwrap();
    assert_eq!(key.as_str(), " a&b\u{1} ");
    let (_, target) = delete.entries[1].target.clone().unwrap();
    assert_eq!(
        target,
        DeleteObject {
            version: Some(VersionId::Null),
            bypass_governance: false,
            only_if: DeleteIf {
                tag: Some(TagMatch::OneOf(vec!["e".to_owned()])),
                size: Some(3),
                modified: Some(1_700_000_000),
            },
        }
    );
}

#[test]
fn one_bad_entry_does_not_spoil_the_others() {
    let long = "k".repeat(1_025);
    let body = format!(
        "<Delete><Object><Key>{long}</Key></Object><Object><Key>a</Key><VersionId>x</VersionId>\
         </Object><Object><Key>b</Key><Size>x</Size></Object><Object><Key>c</Key></Object></Delete>"
    );
    let codes: Vec<_> = xml::delete(body.as_bytes())
        .unwrap()
        .entries
        .into_iter()
        .map(|entry| entry.target.map_err(|error| error.code).err())
        .collect();
    assert_eq!(
        codes,
        [
            Some(S3Code::KeyTooLongError),
            Some(S3Code::NoSuchVersion),
            Some(S3Code::MalformedXML),
            None
        ]
    );
}

#[test]
fn a_list_to_delete_has_1_to_1000_keys() {
    let list = |count: usize| {
        format!(
            "<Delete>{}</Delete>",
            "<Object><Key>k</Key></Object>".repeat(count)
        )
    };
    assert_eq!(
        xml::delete(list(1_000).as_bytes()).unwrap().entries.len(),
        1_000
    );
    for wrong in [list(0), list(1_001)] {
        assert_eq!(
            xml::delete(wrong.as_bytes()).unwrap_err().code,
            S3Code::MalformedXML
        );
    }
    for wrong in [
        "<Delete><Object/></Delete>",
        "<Delete><Object><Key></Key></Object></Delete>",
        "<Delete><Object><Key>a</Key><Key>b</Key></Object></Delete>",
        "<Delete><Object><Key>a</Key><Other/></Object></Delete>",
        "<Delete><Quiet>maybe</Quiet><Object><Key>a</Key></Object></Delete>",
        "<Other/>",
    ] {
        assert_eq!(
            xml::delete(wrong.as_bytes()).unwrap_err().code,
            S3Code::MalformedXML
        );
    }
}

#[test]
fn parts_to_complete_ascend() {
    let part = |number: &str| {
        format!("<Part><PartNumber>{number}</PartNumber><ETag>\"e{number}\"</ETag></Part>")
    };
    let read = |parts: &str| {
        let body = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
        xml::complete_multipart_upload(body.as_bytes()).map_err(|error| error.code)
    };
    let parts = read(&[part("1"), part("3"), part("10000")].concat()).unwrap();
    let found: Vec<_> = parts
        .iter()
        .map(|part| (part.number, part.etag.as_str()))
        .collect();
    assert_eq!(found, [(1, "e1"), (3, "e3"), (10_000, "e10000")]);
    assert_eq!(
        read(&[part("2"), part("1")].concat()),
        Err(S3Code::InvalidPartOrder)
    );
    assert_eq!(
        read(&[part("1"), part("1")].concat()),
        Err(S3Code::InvalidPartOrder)
    );
    for wrong in ["0", "10001", "-1", "99999999999"] {
        assert_eq!(read(&part(wrong)), Err(S3Code::InvalidArgument), "{wrong}");
    }
    for wrong in [
        "",
        "<Part/>",
        "<Part><PartNumber>1</PartNumber></Part>",
        "<Part><PartNumber>x</PartNumber><ETag>e</ETag></Part>",
        "<Other/>",
    ] {
        assert_eq!(read(wrong), Err(S3Code::MalformedXML), "{wrong}");
    }
    let with = "<Part><PartNumber>1</PartNumber><ETag>&quot;e&quot;</ETag>\
                <ChecksumCRC32>AQIDBA==</ChecksumCRC32></Part>";
    assert_eq!(read(with).unwrap()[0].checksums, [crc32()]);
    let wrong = with.replace("AQIDBA==", "AQID");
    assert_eq!(read(&wrong), Err(S3Code::BadDigest));
}

#[test]
fn the_body_of_create_bucket_may_be_empty() {
    let read = |body: &str| xml::create_bucket_configuration(body.as_bytes());
    assert_eq!(read("").unwrap().location, None);
    assert_eq!(read(" \n").unwrap().location, None);
    let body = "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
                <LocationConstraint>eu-1</LocationConstraint></CreateBucketConfiguration>";
    assert_eq!(read(body).unwrap().location.as_deref(), Some("eu-1"));
    assert_eq!(read("<CreateBucketConfiguration/>").unwrap().location, None);
    assert_eq!(read("<a/>").unwrap_err().code, S3Code::MalformedXML);
    let tags = "<CreateBucketConfiguration><Tags/></CreateBucketConfiguration>";
    assert_eq!(read(tags).unwrap_err().code, S3Code::NotImplemented);
}
