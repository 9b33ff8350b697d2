//! PostObject's forms, whole and in pieces.

use bytes::Bytes;
use http::StatusCode;
use s3_protocol::form::{Form, FormReader, Step};
use s3_protocol::object::{ETag, PutOutput};
use s3_protocol::render::{PostAnswer, post_object};
use s3_protocol::{BucketName, S3Code};

const TYPE: &str = "multipart/form-data; boundary=XYZ";

fn field(name: &str, value: &str) -> String {
    format!("--XYZ\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

fn file(name: &str, content: &str) -> String {
    format!(
        "--XYZ\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: text/x\r\n\r\n{content}\r\n"
    )
}

/// Reads a body in pieces of `piece` bytes: the fields and the file.
fn read(body: &[u8], piece: usize) -> Result<(Form, Vec<u8>), S3Code> {
    let mut reader = FormReader::new(TYPE).map_err(|error| error.code)?;
    let (mut pieces, mut form, mut data) = (body.chunks(piece), None, Vec::new());
    loop {
        match reader.step().map_err(|error| error.code)? {
            Step::NeedMore => match pieces.next() {
                Some(piece) => reader.push(Bytes::copy_from_slice(piece)),
                None => reader.finish(),
            },
            Step::Fields(fields) => assert!(form.replace(fields).is_none()),
            Step::Data(bytes) => {
                assert!(!bytes.is_empty());
                data.extend_from_slice(&bytes);
            }
            Step::End => return Ok((form.unwrap(), data)),
        }
    }
}

fn form(fields: &[(&str, &str)]) -> Form {
    let mut body: String = fields
        .iter()
        .map(|(name, value)| field(name, value))
        .collect();
    body.push_str(&file("C:\\dir\\pic.jpg", "x"));
    body.push_str("--XYZ--");
    read(body.as_bytes(), 4_096).unwrap().0
}

fn bucket() -> BucketName {
    "photos".parse().unwrap()
}

#[test]
fn a_form_is_the_same_in_pieces_of_any_size() {
    // Contents that look like a delimiter, in part.
    for content in [
        "",
        "hello",
        "\r\n--XY",
        "a\r\n--XYQ\r\n\r\n-",
        "\r\r\n\r\n--X",
        "\r\n",
    ] {
        let body = [
            field("Key", "a/${filename}"),
            field("empty", ""),
            file("p.txt", content),
            field("after", "ignored"),
            "--XYZ--\r\n".to_owned(),
        ]
        .concat();
        for piece in 1..=body.len() {
            let (form, data) = read(body.as_bytes(), piece).unwrap();
            assert_eq!(data, content.as_bytes(), "pieces of {piece}");
            assert_eq!(form.get("key"), Some("a/${filename}"));
            assert_eq!(form.get("empty"), Some(""));
            assert_eq!(form.get("after"), None);
            assert_eq!(form.key().unwrap().as_str(), "a/p.txt");
        }
    }
}

#[test]
fn a_boundary_comes_from_the_content_type() {
    for good in [
        "multipart/form-data; boundary=\"XYZ\"",
        "Multipart/Form-Data;charset=utf-8;BOUNDARY=XYZ",
    ] {
        assert!(FormReader::new(good).is_ok(), "{good}");
    }
    let long = |length: usize| format!("multipart/form-data; boundary={}", "b".repeat(length));
    assert!(FormReader::new(&long(70)).is_ok());
    for bad in [
        long(71).as_str(),
        long(0).as_str(),
        "multipart/form-data",
        "multipart/mixed; boundary=XYZ",
        "multipart/form-data; boundary=\"XYZ",
        "multipart/form-data; boundary=X\tY",
        "",
    ] {
        assert_eq!(
            FormReader::new(bad).unwrap_err().code,
            S3Code::MalformedPOSTRequest,
            "{bad}"
        );
    }
}

#[test]
fn a_form_that_is_cut_off_or_broken_is_refused() {
    let whole = [
        field("key", "a"),
        file("f", "content"),
        "--XYZ--".to_owned(),
    ]
    .concat();
    // The delimiter ends the file: what is cut after it does not matter.
    let end = whole.len() - 2;
    for cut in 0..end {
        let code = read(&whole.as_bytes()[..cut], 7).unwrap_err();
        assert_eq!(code, S3Code::MalformedPOSTRequest, "cut at {cut}");
    }
    assert!(read(&whole.as_bytes()[..end], 7).is_ok());
    for broken in [
        "preamble--XYZ\r\n".to_owned(),
        "--XYZx\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n--XYZ--".to_owned(),
        "--XYZ\r\nContent-Type: a\r\n\r\nx\r\n--XYZ--".to_owned(),
        "--XYZ\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nx\r\n--XYZ--".to_owned(),
        "--XYZ\r\nContent-Disposition: form-data; filename=\"a\"\r\n\r\nx\r\n--XYZ--".to_owned(),
        "--XYZ\r\nContent-Disposition: form-data; name=\"a\r\n\r\nx\r\n--XYZ--".to_owned(),
        "--XYZ\r\nContent-Disposition: form-data; name=\"a\"; name=\"b\"\r\n\r\nx\r\n--XYZ--"
            .to_owned(),
    ] {
        let code = read(broken.as_bytes(), 9).unwrap_err();
        assert_eq!(code, S3Code::MalformedPOSTRequest, "{broken}");
    }
    let latin = b"--XYZ\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\xff\r\n--XYZ--";
    assert_eq!(read(latin, 9).unwrap_err(), S3Code::MalformedPOSTRequest);
}

#[test]
fn a_form_has_one_file() {
    let body = [field("key", "a"), "--XYZ--".to_owned()].concat();
    let expected = S3Code::IncorrectNumberOfFilesInPostRequest;
    assert_eq!(read(body.as_bytes(), 5).unwrap_err(), expected);
}

#[test]
fn fields_before_the_file_have_20_kib() {
    let body = |bytes: usize| {
        let frame = field("a", "").len() + file("f", "").len() - 2 + 2;
        [
            field("a", &"v".repeat(bytes - frame)),
            file("f", "x"),
            "--XYZ--".to_owned(),
        ]
        .concat()
    };
    for piece in [1_000, 64_000] {
        assert!(read(body(20 * 1_024).as_bytes(), piece).is_ok());
        assert_eq!(
            read(body(20 * 1_024 + 1).as_bytes(), piece).unwrap_err(),
            S3Code::MaxPostPreDataLengthExceededError
        );
    }
    let endless = "v".repeat(100_000);
    let endless = field("a", &endless);
    let code = read(endless.as_bytes(), 1_000).unwrap_err();
    assert_eq!(code, S3Code::MaxPostPreDataLengthExceededError);
}

#[test]
fn a_field_that_comes_twice_is_refused() {
    let body = [field("key", "a"), field("KEY", "b"), file("f", "x")].concat();
    assert_eq!(
        read(body.as_bytes(), 4_096).unwrap_err(),
        S3Code::InvalidArgument
    );
}

#[test]
fn a_form_becomes_a_put() {
    let post = form(&[
        ("key", "in/${filename}"),
        ("Content-Type", "image/jpeg"),
        ("Cache-Control", "no-store"),
        ("x-amz-meta-Who", "${filename}"),
        ("x-amz-storage-class", "STANDARD_IA"),
        ("x-amz-checksum-crc32", "AAAAAA=="),
        ("acl", "public-read"),
        ("policy", "e30="),
        ("x-amz-signature", "abc"),
        ("x-amz-credential", "abc"),
        ("bucket", "photos"),
        (
            "tagging",
            "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>",
        ),
        ("x-ignore-me", "\u{1}"),
    ])
    .understand(&bucket())
    .unwrap();
    assert_eq!(post.key.as_str(), "in/pic.jpg");
    let head = &post.put.head;
    assert_eq!(head.content.content_type.as_deref(), Some("image/jpeg"));
    assert_eq!(head.content.cache_control.as_deref(), Some("no-store"));
    assert_eq!(head.metadata, [("who".to_owned(), "pic.jpg".to_owned())]);
    assert_eq!(head.storage_class.as_deref(), Some("STANDARD_IA"));
    assert_eq!(head.tags, [("a".to_owned(), "b".to_owned())]);
    assert!(post.put.digests.checksum.is_some());
    assert_eq!(post.escalations.acl.as_deref(), Some("public-read"));
    assert!(post.escalations.tagging);
    assert_eq!(post.answer, PostAnswer::Empty(StatusCode::NO_CONTENT));
}

#[test]
fn a_form_cannot_leave_the_bucket_of_its_url() {
    let code = form(&[("key", "a"), ("bucket", "other")])
        .understand(&bucket())
        .unwrap_err()
        .code;
    assert_eq!(code, S3Code::InvalidArgument);
}

#[test]
fn a_form_without_a_key_or_with_a_bad_header_is_refused() {
    let refused = |fields: &[(&str, &str)]| form(fields).understand(&bucket()).unwrap_err().code;
    assert_eq!(refused(&[]), S3Code::UserKeyMustBeSpecified);
    assert_eq!(refused(&[("key", "")]), S3Code::UserKeyMustBeSpecified);
    let long = "k".repeat(1_025);
    assert_eq!(refused(&[("key", long.as_str())]), S3Code::KeyTooLongError);
    assert_eq!(
        refused(&[("key", "a"), ("content-type", "a\r\nb")]),
        S3Code::InvalidArgument
    );
    let tagging = "<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>";
    assert_eq!(
        refused(&[("key", "a"), ("tagging", tagging)]),
        S3Code::MalformedXML
    );
}

#[test]
fn a_form_says_how_it_wants_to_be_answered() {
    let answer = |name: &str, value: &str| {
        form(&[("key", "a b"), (name, value)])
            .understand(&bucket())
            .unwrap()
            .answer
    };
    assert_eq!(
        answer("success_action_status", "200"),
        PostAnswer::Empty(StatusCode::OK)
    );
    assert_eq!(answer("success_action_status", "201"), PostAnswer::Document);
    let none = PostAnswer::Empty(StatusCode::NO_CONTENT);
    assert_eq!(answer("success_action_status", "302"), none);
    let url = "https://site.test/done?a=1#top";
    assert_eq!(
        answer("success_action_redirect", url),
        PostAnswer::Redirect(url.to_owned())
    );
    assert_eq!(
        answer("redirect", url),
        PostAnswer::Redirect(url.to_owned())
    );
    for wrong in [
        "javascript:alert(1)",
        "/local",
        "//site.test",
        "https://",
        "https://a b/",
        "",
    ] {
        assert_eq!(answer("success_action_redirect", wrong), none, "{wrong}");
    }
}

#[test]
fn the_answer_to_a_form() {
    let output = PutOutput {
        etag: ETag {
            md5: [0xab; 16],
            parts: None,
        },
        version: None,
        source_version: None,
        encrypted: None,
        expires: None,
        checksums: vec![],
        size: 1,
        modified_ms: 0,
    };
    let (bucket, key) = (bucket(), "a &b".parse().unwrap());
    let location = "https://s3.test/photos/a%20%26b";
    let post = |answer| post_object(&answer, location, &bucket, &key, &output);

    let redirect = post(PostAnswer::Redirect(
        "https://site.test/done?a=1#top".to_owned(),
    ));
    assert_eq!(redirect.status(), 303);
    assert_eq!(
        redirect.headers()["location"],
        "https://site.test/done?a=1&bucket=photos&key=a%20%26b\
         &etag=%22abababababababababababababababab%22#top"
    );
    let document = post(PostAnswer::Document);
    assert_eq!(document.status(), 201);
    assert_eq!(document.headers()["location"], location);
    assert_eq!(
        std::str::from_utf8(document.body()).unwrap(),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<PostResponse>\
         <Location>https://s3.test/photos/a%20%26b</Location><Bucket>photos</Bucket>\
         <Key>a &amp;b</Key><ETag>&quot;abababababababababababababababab&quot;</ETag>\
         </PostResponse>"
    );
    let empty = post(PostAnswer::Empty(StatusCode::NO_CONTENT));
    assert_eq!(
        (empty.status(), empty.body().len()),
        (StatusCode::NO_CONTENT, 0)
    );
    assert_eq!(
        empty.headers()["etag"],
        "\"abababababababababababababababab\""
    );
}
