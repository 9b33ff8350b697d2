//! What holds for every input.

use std::fmt::Write as _;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use proptest::prelude::*;
use quick_xml::events::Event;
use s3_protocol::call::{Encoding, ListFrom, ListObjects};
use s3_protocol::form::{FormReader, Step};
use s3_protocol::host::{Addressing, Domains, resolve};
use s3_protocol::object::{ListPage, Owner};
use s3_protocol::render::{Listing, list_objects};
use s3_protocol::{Head, S3Request, Target, parse, percent, token, xml};

fn read(method: &str, path: &[u8], query: &[u8], headers: &HeaderMap) -> Option<S3Request> {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    parse(Head {
        method: &method,
        path,
        query,
        headers,
        addressing: &Addressing::PATH,
    })
    .ok()
}

/// The text of an element, by another reader's rules.
fn text_of(document: &str, element: &str) -> String {
    let mut reader = quick_xml::Reader::from_str(document);
    let (mut inside, mut text) = (false, String::new());
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => inside = start.name().as_ref() == element,
            Event::End(_) if inside => return text,
            Event::Text(part) if inside => text.push_str(&part.xml10_content()),
            Event::GeneralRef(name) if inside => match name.resolve_char_ref().unwrap() {
                Some(character) => text.push(character),
                None => text.push_str(quick_xml::escape::resolve_predefined_entity(&name).unwrap()),
            },
            Event::Eof => panic!("no {element} in {document}"),
            _ => {}
        }
    }
}

fn prefix_in(encoding: Encoding, prefix: &str) -> String {
    let asked = ListObjects {
        prefix: prefix.to_owned(),
        delimiter: None,
        max_keys: 0,
        encoding,
        from: ListFrom::Marker(None),
    };
    let (bucket, owner) = ("photos".parse().unwrap(), Owner::default());
    let listing = Listing {
        bucket: &bucket,
        owner: &owner,
    };
    let response = list_objects(listing, &asked, &ListPage::default());
    text_of(std::str::from_utf8(response.body()).unwrap(), "Prefix")
}

fn headers() -> impl Strategy<Value = HeaderMap> {
    let names = prop::sample::select(vec![
        "range",
        "if-match",
        "if-range",
        "content-length",
        "content-md5",
        "content-encoding",
        "x-amz-copy-source",
        "x-amz-copy-source-range",
        "x-amz-tagging",
        "x-amz-trailer",
        "x-amz-checksum-crc32",
        "x-amz-meta-a",
        "x-amz-content-sha256",
        "x-amz-decoded-content-length",
    ]);
    let value = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        "[a-z0-9=/%?&,;*\"+-]{0,40}".prop_map(String::into_bytes),
    ];
    prop::collection::vec((names, value), 0..6).prop_map(|pairs| {
        pairs
            .into_iter()
            .filter_map(|(name, value)| {
                Some((
                    HeaderName::from_static(name),
                    HeaderValue::from_bytes(&value).ok()?,
                ))
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn any_key_comes_back_from_its_path(key in "\\PC{1,200}|[\u{0}-\u{ff}]{1,200}") {
        prop_assume!(key.len() <= 1_024);
        let path = format!("/bucket/{}", percent::encode_key(&key));
        let request = read("GET", path.as_bytes(), b"", &HeaderMap::new()).unwrap();
        let expected = Target::Object("bucket".parse().unwrap(), key.parse().unwrap());
        prop_assert_eq!(request.target, expected);
    }

    #[test]
    fn any_path_is_what_its_reencoding_is(path in prop::collection::vec(any::<u8>(), 0..80)) {
        let path = [b"/bucket/".as_slice(), &path].concat();
        if let Some(request) = read("GET", &path, b"", &HeaderMap::new())
            && let Target::Object(_, key) = &request.target
        {
            let again = format!("/bucket/{}", percent::encode_key(key.as_str()));
            let again = read("GET", again.as_bytes(), b"", &HeaderMap::new()).unwrap();
            prop_assert_eq!(request.target, again.target);
        }
    }

    #[test]
    fn a_copy_source_names_what_a_path_names(key in "\\PC{1,60}") {
        let encoded = percent::encode_key(&key);
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_str(&format!("bucket/{encoded}")).unwrap();
        headers.insert("x-amz-copy-source", value);
        let copy = read("PUT", b"/other/key", b"", &headers).unwrap();
        let path = format!("/bucket/{encoded}");
        let get = read("GET", path.as_bytes(), b"", &HeaderMap::new()).unwrap();
        let s3_protocol::Call::CopyObject(copy) = copy.call else { panic!("no copy") };
        prop_assert_eq!(Target::Object(copy.source.bucket, copy.source.key), get.target);
    }

    #[test]
    fn no_head_makes_the_parser_panic(
        method in "GET|HEAD|PUT|POST|DELETE|OPTIONS|PATCH",
        path in prop::collection::vec(any::<u8>(), 0..60),
        query in prop::collection::vec(any::<u8>(), 0..60),
        sub in "(acl|uploads|uploadId|delete|list-type=2|partNumber|versionId|max-keys)?",
        headers in headers(),
        rooted in any::<bool>(),
    ) {
        let start: &[u8] = if rooted { b"/bucket/" } else { b"" };
        let path = [start, &path].concat();
        let query = [sub.as_bytes(), b"&", &query].concat();
        read(&method, &path, &query, &headers);
    }

    #[test]
    fn any_query_value_is_decoded_once(value in "\\PC{0,60}") {
        let query = format!("prefix={}", percent::encode_value(&value));
        let request = read("GET", b"/bucket", query.as_bytes(), &HeaderMap::new()).unwrap();
        let s3_protocol::Call::ListObjects(list) = request.call else { panic!("no list") };
        prop_assert_eq!(list.prefix, value);
    }

    #[test]
    fn any_text_survives_a_document(text in "[\u{1}-\u{10ffff}]{0,60}") {
        prop_assert_eq!(prefix_in(Encoding::Plain, &text), text.as_str());
        let encoded = prefix_in(Encoding::Url, &text);
        prop_assert!(encoded.is_ascii());
        prop_assert_eq!(percent::decode(encoded.as_bytes()).unwrap(), text.as_str());
    }

    #[test]
    fn any_key_can_be_asked_to_be_deleted(key in "[\u{1}-\u{10ffff}]{1,60}") {
        let mut body = String::from("<Delete><Object><Key>");
        for character in key.chars() {
            write!(body, "&#{};", u32::from(character)).unwrap();
        }
        body.push_str("</Key></Object></Delete>");
        prop_assert_eq!(&xml::delete(body.as_bytes()).unwrap().entries[0].key, &key);
    }

    #[test]
    fn no_body_makes_a_reader_panic(
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            "(<[a-zA-Z/]{0,6}>|&[a-z#0-9]{0,4};|<!\\[CDATA\\[|\\]\\]>|<!--|<\\?|[a-z]){0,40}"
                .prop_map(String::into_bytes),
        ],
    ) {
        drop(xml::delete(&body));
        drop(xml::complete_multipart_upload(&body));
        drop(xml::create_bucket_configuration(&body));
        drop(xml::tagging(&body));
    }

    #[test]
    fn any_place_survives_its_token(place in "[\u{0}-\u{10ffff}]{0,60}") {
        prop_assert_eq!(token::decode(&token::encode(&place)).unwrap(), place);
    }

    #[test]
    fn no_host_or_token_panics(text in "\\PC{0,60}", host in "[a-z0-9.:-]{0,20}(\\.s3|\\.pub)?") {
        drop(token::decode(&text));
        let domains = Domains::new(Some("s3"), Some("pub"));
        drop(resolve(&text, &domains));
        drop(resolve(&host, &domains));
    }

    #[test]
    fn a_file_of_any_bytes_survives_any_cut(
        content in prop::collection::vec(prop::sample::select(b"\r\n-XYZa".to_vec()), 0..60),
        cuts in prop::collection::vec(1_usize..30, 1..20),
    ) {
        prop_assume!(memchr::memmem::find(&content, b"\r\n--XYZ").is_none());
        let mut body = b"--XYZ\r\nContent-Disposition: form-data; name=file\r\n\r\n".to_vec();
        body.extend_from_slice(&content);
        body.extend_from_slice(b"\r\n--XYZ--");
        let mut reader = FormReader::new("multipart/form-data; boundary=XYZ").unwrap();
        let (mut rest, mut cuts, mut data) = (body.as_slice(), cuts.iter().cycle(), Vec::new());
        loop {
            match reader.step().unwrap() {
                Step::NeedMore => {
                    let at = (*cuts.next().unwrap()).min(rest.len());
                    prop_assert!(at > 0);
                    reader.push(Bytes::copy_from_slice(&rest[..at]));
                    rest = &rest[at..];
                }
                Step::Data(bytes) => data.extend_from_slice(&bytes),
                Step::Fields(_) => {}
                Step::End => break,
            }
        }
        prop_assert_eq!(data, content);
    }

    #[test]
    fn no_form_makes_the_reader_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut reader = FormReader::new("multipart/form-data; boundary=XYZ").unwrap();
        reader.push(Bytes::from([b"--XYZ\r\n".as_slice(), &body].concat()));
        reader.finish();
        while let Ok(Step::Fields(_) | Step::Data(_)) = reader.step() {}
    }
}
