//! Fields read back as themselves, and their bytes are the ones of the first day.

use super::*;

fn full() -> Fields {
    let checksum = Checksum {
        algorithm: ChecksumAlgorithm::Crc32,
        kind: ChecksumKind::Composite,
        value: vec![1, 2, 3, 4],
        parts: Some(2),
    };
    Fields {
        time_ms: 1_700_000_000_123,
        creator: Creator {
            principal: "user/1".into(),
            lineage: "key/2".into(),
        },
        size: 70_000,
        etag: Some(ETag {
            md5: [9; 16],
            parts: Some(2),
        }),
        checksums: vec![checksum.clone()],
        parts: vec![ListedPart {
            number: 1,
            attempt: 7,
            size: 70_000,
            md5: [3; 16],
            checksums: vec![Checksum {
                kind: ChecksumKind::FullObject,
                parts: None,
                ..checksum
            }],
        }],
        content: content(),
        metadata: vec![("a".into(), "ü".into())],
        tags: vec![("t".into(), String::new())],
        storage_class: Some("STANDARD_IA".into()),
        website_redirect: Some("/x".into()),
        retention: Some(Retention {
            mode: LockMode::Compliance,
            until_ms: 1_800_000_000_000,
        }),
        legal_hold: true,
        version: Some(VersionMark {
            id: 5,
            null: true,
            marker: true,
        }),
        body: Content::Blob(77),
        encryption: Some(encryption()),
        compression: 1,
        completes: Some(77),
        wanted: Some((ChecksumAlgorithm::Sha256, ChecksumKind::Composite)),
        attempt: 3,
        versioning: Some(Versioning::Suspended),
        lock: Some(LockConfiguration {
            default: Some(DefaultRetention {
                mode: LockMode::Governance,
                period: Period::Years(300),
            }),
        }),
        documents: vec![(1, "<a/>".into()), (2, String::new())],
        frame_tags: vec![6; 16],
        amends: Amends {
            tags: true,
            retention: false,
            legal_hold: true,
            acl: true,
        },
        acl: Some("{}".into()),
        amended: 500,
        unknown: vec![(Tag::plain(99).0, vec![1, 2, 3])],
    }
}

fn content() -> ContentHeaders {
    ContentHeaders {
        content_type: Some("text/plain".into()),
        content_encoding: Some("gzip".into()),
        content_language: Some("de".into()),
        content_disposition: Some("inline".into()),
        cache_control: Some("no-store".into()),
        expires: Some("never".into()),
    }
}

fn encryption() -> Encryption {
    Encryption {
        cipher: 1,
        key_id: vec![1],
        wrapped_key: vec![2; 40],
        nonce_base: vec![3; 12],
        frame_bytes: 65_536,
        customer_key_hmac: vec![4; 32],
    }
}

#[test]
fn every_field_reads_back_as_itself() {
    assert_eq!(Fields::decode(&full().encode()), Ok(full()));
    let inline = Fields {
        body: Content::Inline(vec![1, 2]),
        ..Fields::default()
    };
    assert_eq!(Fields::decode(&inline.encode()), Ok(inline));
    assert_eq!(Fields::decode(&[]), Ok(Fields::default()));
}

#[test]
fn the_bytes_of_a_small_version_are_those_of_format_1() {
    let fields = Fields {
        time_ms: 1_700_000_000_123,
        creator: Creator {
            principal: "u".into(),
            lineage: "k".into(),
        },
        size: 3,
        etag: Some(ETag {
            md5: [0xab; 16],
            parts: None,
        }),
        content: ContentHeaders {
            content_type: Some("a/b".into()),
            ..ContentHeaders::default()
        },
        body: Content::Inline(vec![0x0403_0201]),
        ..Fields::default()
    };
    let golden = "0206fbd095ffbc31\
                  040401750 16b"
        .replace([' ', '\n'], "")
        + "060103"
        + "081100abababababababababababababababab"
        + "0e0501 03612f62".replace(' ', "").as_str()
        + "1f0401020304";
    let bytes: String = fields
        .encode()
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    assert_eq!(bytes, golden);
}

#[test]
fn an_unknown_field_is_kept_and_an_unknown_critical_one_refused() {
    let mut bytes = Vec::new();
    put_field(&mut bytes, Tag::plain(1_000), b"later");
    let fields = Fields::decode(&bytes).unwrap();
    assert_eq!(fields.unknown, [(2_000, b"later".to_vec())]);
    assert!(fields.encode().ends_with(&bytes));
    let mut bytes = Vec::new();
    put_field(&mut bytes, Tag::critical(1_000), b"later");
    assert_eq!(Fields::decode(&bytes), Err(WireError::Critical(1_000)));
}

#[test]
fn a_delta_is_in_the_record_and_not_in_the_row() {
    let row = full().encode();
    let mut record = row.clone();
    let delta = Delta {
        bytes: -5,
        objects: 1,
    };
    put_delta(&mut record, delta);
    assert_eq!(split_delta(&record), Ok((row.clone(), delta)));
    assert_eq!(Fields::decode(&record), Fields::decode(&row));
}

#[test]
fn a_glance_sees_what_a_reading_sees() {
    let glance = Glance::decode(&full().encode()).unwrap();
    assert_eq!(
        (glance.size, glance.blob, glance.version.unwrap().marker),
        (70_000, Some(77), true)
    );
}

#[test]
fn cut_bytes_are_an_error_and_never_a_panic() {
    let bytes = full().encode();
    for end in 0..bytes.len() {
        // A cut between two fields is a shorter list of fields; any other is seen.
        let read = Fields::decode(&bytes[..end]).is_ok();
        assert_eq!(read, Fields::decode(&bytes[..end]).is_ok());
        assert!(Glance::decode(&bytes[..end]).is_ok() || !read);
    }
}
