//! The fields of records and rows: everything that is known of a version, an upload, a part, a chunk.
//!
//! The set is whole from the first version of the format: fields that no operation fills yet have their number here, are read
//! and are kept. A number is never given to another meaning.

use s3_protocol::VersionId;
use s3_protocol::checksum::{Checksum, ChecksumAlgorithm, ChecksumKind};
use s3_protocol::object::{ContentHeaders, Creator, ETag};
use s3_protocol::setting::{
    DefaultRetention, LockConfiguration, LockMode, Period, Retention, Versioning,
};

use crate::wire::{Reader, Tag, WireError, put_bytes, put_field, put_number, unzigzag, zigzag};

/// Where a version's bytes are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Content {
    /// There are none: an empty object, an upload, a marker.
    #[default]
    None,
    /// In the record itself, with these checksums of its frames.
    Inline(Vec<u32>),
    /// In the chunks of this blob.
    Blob(u128),
}

/// A part, as its object lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListedPart {
    pub(crate) number: u16,
    pub(crate) attempt: u32,
    pub(crate) size: u64,
    pub(crate) md5: [u8; 16],
    pub(crate) checksums: Vec<Checksum>,
}

/// A version's name in a bucket that has or had versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VersionMark {
    /// Its place among the versions of its key, which is also its name unless that is `null`. Each is greater than all before
    /// it; what was written before the bucket had versions has place 0.
    pub(crate) id: u128,
    /// The version that a bucket without versions writes.
    pub(crate) null: bool,
    /// A delete marker.
    pub(crate) marker: bool,
}

impl VersionMark {
    pub(crate) fn id(self) -> VersionId {
        if self.null {
            VersionId::Null
        } else {
            VersionId::Id(self.id)
        }
    }
}

/// How a payload is encrypted at rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Encryption {
    /// 1: AES-256-GCM in frames.
    pub(crate) cipher: u8,
    pub(crate) key_id: Vec<u8>,
    pub(crate) wrapped_key: Vec<u8>,
    pub(crate) nonce_base: Vec<u8>,
    pub(crate) frame_bytes: u64,
    /// HMAC of a customer's own key, by which a later request is recognised; empty without one.
    pub(crate) customer_key_hmac: Vec<u8>,
}

/// All that may be known. What is absent takes no byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields {
    pub(crate) time_ms: u64,
    pub(crate) creator: Creator,
    pub(crate) size: u64,
    pub(crate) etag: Option<ETag>,
    pub(crate) checksums: Vec<Checksum>,
    pub(crate) parts: Vec<ListedPart>,
    pub(crate) content: ContentHeaders,
    pub(crate) metadata: Vec<(String, String)>,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) storage_class: Option<String>,
    pub(crate) website_redirect: Option<String>,
    pub(crate) retention: Option<Retention>,
    pub(crate) legal_hold: bool,
    pub(crate) version: Option<VersionMark>,
    pub(crate) body: Content,
    pub(crate) encryption: Option<Encryption>,
    pub(crate) compression: u8,
    /// The upload that a version completes.
    pub(crate) completes: Option<u128>,
    /// The checksum that an upload's parts and object are to have.
    pub(crate) wanted: Option<(ChecksumAlgorithm, ChecksumKind)>,
    /// The attempt that makes a part whole.
    pub(crate) attempt: u32,
    /// Of a bucket.
    pub(crate) versioning: Option<Versioning>,
    /// Of a bucket.
    pub(crate) lock: Option<LockConfiguration>,
    /// Of a bucket: the other settings, by number, each as its canonical text.
    pub(crate) documents: Vec<(u8, String)>,
    /// The tags of an encrypted payload's frames, one after the other.
    pub(crate) frame_tags: Vec<u8>,
    /// Who may do what with it, as the gate wrote it: nothing that the node understands.
    pub(crate) acl: Option<String>,
    /// What a change of a version replaces.
    pub(crate) amends: Amends,
    /// In rows alone: LSN of the last change; 0 where there was none.
    pub(crate) amended: u64,
    /// Fields that this version does not know, kept as they came.
    pub(crate) unknown: Vec<(u64, Vec<u8>)>,
}

const TIME: Tag = Tag::plain(1);
const CREATOR: Tag = Tag::plain(2);
const SIZE: Tag = Tag::plain(3);
const ETAG: Tag = Tag::plain(4);
const CHECKSUMS: Tag = Tag::plain(5);
const PARTS: Tag = Tag::critical(6);
const CONTENT: Tag = Tag::plain(7);
const METADATA: Tag = Tag::plain(8);
const TAGS: Tag = Tag::plain(9);
const STORAGE_CLASS: Tag = Tag::plain(10);
const WEBSITE: Tag = Tag::plain(11);
const RETENTION: Tag = Tag::critical(12);
const LEGAL_HOLD: Tag = Tag::critical(13);
const VERSION: Tag = Tag::critical(14);
const INLINE: Tag = Tag::critical(15);
const BLOB: Tag = Tag::critical(16);
const ENCRYPTION: Tag = Tag::critical(17);
const COMPRESSION: Tag = Tag::critical(18);
/// In records alone: what the record adds to its bucket's bytes and objects.
const DELTA: Tag = Tag::plain(19);
const COMPLETES: Tag = Tag::critical(20);
const WANTED: Tag = Tag::plain(21);
const ATTEMPT: Tag = Tag::critical(22);
const VERSIONING: Tag = Tag::critical(23);
const LOCK: Tag = Tag::critical(24);
const DOCUMENTS: Tag = Tag::plain(25);
const AMENDS: Tag = Tag::critical(26);
const AMENDED: Tag = Tag::plain(27);
const FRAME_TAGS: Tag = Tag::critical(28);
const ACL: Tag = Tag::plain(29);

/// What a record adds to its bucket's counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Delta {
    pub(crate) bytes: i64,
    pub(crate) objects: i64,
}

impl std::ops::Add for Delta {
    type Output = Self;

    fn add(self, more: Self) -> Self {
        Self {
            bytes: self.bytes + more.bytes,
            objects: self.objects + more.objects,
        }
    }
}

impl Fields {
    /// The fields as records and rows carry them.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(192);
        self.encode_what(&mut out);
        self.encode_words(&mut out);
        self.encode_state(&mut out);
        self.encode_settings(&mut out);
        for (tag, value) in &self.unknown {
            put_field(&mut out, Tag(*tag), value);
        }
        out
    }

    fn encode_what(&self, out: &mut Vec<u8>) {
        let mut value = Vec::with_capacity(64);
        put_with(out, &mut value, TIME, |v| put_number(v, self.time_ms));
        if self.creator != Creator::default() {
            put_with(out, &mut value, CREATOR, |v| {
                put_bytes(v, self.creator.principal.as_bytes());
                put_bytes(v, self.creator.lineage.as_bytes());
            });
        }
        put_with(out, &mut value, SIZE, |v| put_number(v, self.size));
        if let Some(etag) = &self.etag {
            put_with(out, &mut value, ETAG, |v| {
                v.push(u8::from(etag.parts.is_some()));
                v.extend_from_slice(&etag.md5);
                if let Some(parts) = etag.parts {
                    put_number(v, u64::from(parts));
                }
            });
        }
        if !self.checksums.is_empty() {
            put_with(out, &mut value, CHECKSUMS, |v| {
                put_checksums(v, &self.checksums);
            });
        }
        if !self.parts.is_empty() {
            put_with(out, &mut value, PARTS, |v| {
                self.parts.iter().for_each(|part| put_part(v, part));
            });
        }
    }

    fn encode_words(&self, out: &mut Vec<u8>) {
        let mut value = Vec::with_capacity(64);
        let headers = headers(&self.content);
        if headers.iter().any(|(_, header)| header.is_some()) {
            put_with(out, &mut value, CONTENT, |v| {
                for (id, header) in headers {
                    if let Some(header) = header {
                        v.push(id);
                        put_bytes(v, header.as_bytes());
                    }
                }
            });
        }
        for (tag, pairs) in [(METADATA, &self.metadata), (TAGS, &self.tags)] {
            if !pairs.is_empty() {
                put_with(out, &mut value, tag, |v| {
                    for (name, text) in pairs {
                        put_bytes(v, name.as_bytes());
                        put_bytes(v, text.as_bytes());
                    }
                });
            }
        }
        for (tag, text) in [
            (STORAGE_CLASS, &self.storage_class),
            (WEBSITE, &self.website_redirect),
            (ACL, &self.acl),
        ] {
            if let Some(text) = text {
                put_field(out, tag, text.as_bytes());
            }
        }
    }

    fn encode_state(&self, out: &mut Vec<u8>) {
        let mut value = Vec::with_capacity(32);
        if let Some(retention) = self.retention {
            put_with(out, &mut value, RETENTION, |v| {
                v.push(u8::from(retention.mode == LockMode::Compliance));
                put_number(v, retention.until_ms);
            });
        }
        if self.legal_hold {
            put_field(out, LEGAL_HOLD, &[1]);
        }
        if let Some(version) = self.version {
            put_version(out, version);
        }
        match &self.body {
            Content::None => {}
            Content::Inline(frames) => {
                put_with(out, &mut value, INLINE, |v| put_frames(v, frames));
            }
            Content::Blob(blob) => put_field(out, BLOB, &blob.to_be_bytes()),
        }
        if let Some(encryption) = &self.encryption {
            put_with(out, &mut value, ENCRYPTION, |v| {
                put_encryption(v, encryption);
            });
        }
        if self.compression != 0 {
            put_field(out, COMPRESSION, &[self.compression]);
        }
        if let Some(upload) = self.completes {
            put_field(out, COMPLETES, &upload.to_be_bytes());
        }
        if let Some((algorithm, kind)) = self.wanted {
            put_field(out, WANTED, &[algorithm_byte(algorithm), kind_byte(kind)]);
        }
        if self.attempt != 0 {
            put_with(out, &mut value, ATTEMPT, |v| {
                put_number(v, u64::from(self.attempt));
            });
        }
    }

    fn encode_settings(&self, out: &mut Vec<u8>) {
        let mut value = Vec::with_capacity(32);
        if let Some(versioning) = self.versioning {
            let byte = match versioning {
                Versioning::Enabled => 1,
                Versioning::Suspended => 2,
            };
            put_field(out, VERSIONING, &[byte]);
        }
        if let Some(lock) = self.lock {
            put_with(out, &mut value, LOCK, |v| put_lock(v, lock));
        }
        if !self.documents.is_empty() {
            put_with(out, &mut value, DOCUMENTS, |v| {
                for (which, text) in &self.documents {
                    v.push(*which);
                    put_bytes(v, text.as_bytes());
                }
            });
        }
        if !self.frame_tags.is_empty() {
            put_field(out, FRAME_TAGS, &self.frame_tags);
        }
        if self.amends != Amends::default() {
            put_field(out, AMENDS, &[self.amends.byte()]);
        }
        if self.amended != 0 {
            put_with(out, &mut value, AMENDED, |v| put_number(v, self.amended));
        }
    }

    /// Reads fields; what is not known and not critical is kept.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let mut fields = Self::default();
        let mut reader = Reader(bytes);
        while let Some((tag, value)) = reader.field()? {
            fields.take(tag, Reader(value))?;
        }
        Ok(fields)
    }

    fn take(&mut self, tag: Tag, mut value: Reader<'_>) -> Result<(), WireError> {
        match tag {
            TIME => self.time_ms = value.number()?,
            CREATOR => {
                self.creator.principal = value.text()?.to_owned();
                self.creator.lineage = value.text()?.to_owned();
            }
            SIZE => self.size = value.number()?,
            ETAG => self.etag = Some(read_etag(&mut value)?),
            CHECKSUMS => self.checksums = read_checksums(&mut value)?,
            PARTS => {
                while !value.is_empty() {
                    self.parts.push(read_part(&mut value)?);
                }
            }
            CONTENT => read_headers(&mut value, &mut self.content)?,
            METADATA => self.metadata = read_pairs(&mut value)?,
            TAGS => self.tags = read_pairs(&mut value)?,
            STORAGE_CLASS => self.storage_class = Some(read_rest(value)?),
            WEBSITE => self.website_redirect = Some(read_rest(value)?),
            ACL => self.acl = Some(read_rest(value)?),
            DELTA => {}
            _ => return self.take_state(tag, value),
        }
        Ok(())
    }

    fn take_state(&mut self, tag: Tag, mut value: Reader<'_>) -> Result<(), WireError> {
        match tag {
            RETENTION => {
                let mode = match value.byte()? {
                    1 => LockMode::Compliance,
                    _ => LockMode::Governance,
                };
                let until_ms = value.number()?;
                self.retention = Some(Retention { mode, until_ms });
            }
            LEGAL_HOLD => self.legal_hold = value.byte()? == 1,
            VERSION => self.version = Some(read_version(&mut value)?),
            INLINE => self.body = Content::Inline(read_frames(value)?),
            BLOB => self.body = Content::Blob(value.u128_be()?),
            ENCRYPTION => self.encryption = Some(read_encryption(&mut value)?),
            COMPRESSION => self.compression = value.byte()?,
            COMPLETES => self.completes = Some(value.u128_be()?),
            WANTED => {
                let algorithm = read_algorithm(value.byte()?)?;
                self.wanted = Some((algorithm, read_kind(value.byte()?)?));
            }
            ATTEMPT => {
                self.attempt = u32::try_from(value.number()?).map_err(|_| WireError::Range)?;
            }
            VERSIONING => self.versioning = Some(read_versioning(value.byte()?)?),
            LOCK => self.lock = Some(read_lock(&mut value)?),
            DOCUMENTS => {
                while !value.is_empty() {
                    let which = value.byte()?;
                    self.documents.push((which, value.text()?.to_owned()));
                }
            }
            AMENDS => self.amends = Amends::read(value.byte()?)?,
            AMENDED => self.amended = value.number()?,
            FRAME_TAGS => self.frame_tags = value.0.to_vec(),
            other if other.is_critical() => return Err(WireError::Critical(other.number())),
            other => self.unknown.push((other.0, value.0.to_vec())),
        }
        Ok(())
    }

    /// The version's entity tag; every version has one.
    pub(crate) fn etag(&self) -> Result<&ETag, WireError> {
        self.etag.as_ref().ok_or(WireError::Missing("entity tag"))
    }
}

/// What a change of a version replaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a facet of its own, replaced by itself"
)]
pub(crate) struct Amends {
    pub(crate) tags: bool,
    pub(crate) retention: bool,
    pub(crate) legal_hold: bool,
    pub(crate) acl: bool,
}

impl Amends {
    /// All that there is.
    pub(crate) const ALL: Self = Self {
        tags: true,
        retention: true,
        legal_hold: true,
        acl: true,
    };

    fn byte(self) -> u8 {
        u8::from(self.tags)
            | u8::from(self.retention) << 1
            | u8::from(self.legal_hold) << 2
            | u8::from(self.acl) << 3
    }

    fn read(byte: u8) -> Result<Self, WireError> {
        if byte > 15 {
            return Err(WireError::Value("a change of a version"));
        }
        Ok(Self {
            tags: byte & 1 != 0,
            retention: byte & 2 != 0,
            legal_hold: byte & 4 != 0,
            acl: byte & 8 != 0,
        })
    }
}

/// What the writer needs of a version that it replaces, read without an allocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Glance {
    pub(crate) size: u64,
    pub(crate) blob: Option<u128>,
    pub(crate) inline: bool,
    pub(crate) version: Option<VersionMark>,
    pub(crate) completes: Option<u128>,
}

impl Glance {
    pub(crate) fn decode(fields: &[u8]) -> Result<Self, WireError> {
        let mut glance = Self::default();
        let mut reader = Reader(fields);
        while let Some((tag, value)) = reader.field()? {
            let mut value = Reader(value);
            match tag {
                SIZE => glance.size = value.number()?,
                BLOB => glance.blob = Some(value.u128_be()?),
                INLINE => glance.inline = true,
                COMPLETES => glance.completes = Some(value.u128_be()?),
                VERSION => glance.version = Some(read_version(&mut value)?),
                _ => {}
            }
        }
        Ok(glance)
    }
}

/// Adds to fields which version they are of.
pub(crate) fn put_version(out: &mut Vec<u8>, version: VersionMark) {
    let mut value = Vec::with_capacity(17);
    value.push(u8::from(version.null) | u8::from(version.marker) << 1);
    value.extend_from_slice(&version.id.to_be_bytes());
    put_field(out, VERSION, &value);
}

/// The fields of a chunk: its frames' checksums, and their tags where they are encrypted.
pub(crate) fn chunk_fields(size: u64, frames: &[u32], tags: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 + frames.len() * 4);
    let mut value = Vec::with_capacity(frames.len() * 4);
    put_with(&mut out, &mut value, SIZE, |v| put_number(v, size));
    put_with(&mut out, &mut value, INLINE, |v| put_frames(v, frames));
    if !tags.is_empty() {
        put_field(&mut out, FRAME_TAGS, tags);
    }
    out
}

fn put_frames(out: &mut Vec<u8>, frames: &[u32]) {
    for sum in frames {
        out.extend_from_slice(&sum.to_le_bytes());
    }
}

/// Adds a record's delta to its fields.
pub(crate) fn put_delta(out: &mut Vec<u8>, delta: Delta) {
    let mut value = Vec::with_capacity(16);
    put_with(out, &mut value, DELTA, |v| {
        put_number(v, zigzag(delta.bytes));
        put_number(v, zigzag(delta.objects));
    });
}

/// Parts a record's fields into the row's and the delta.
pub(crate) fn split_delta(fields: &[u8]) -> Result<(Vec<u8>, Delta), WireError> {
    let mut row = Vec::with_capacity(fields.len());
    let mut delta = Delta::default();
    let mut reader = Reader(fields);
    while let Some((tag, value)) = reader.field()? {
        if tag == DELTA {
            let mut value = Reader(value);
            delta.bytes = unzigzag(value.number()?);
            delta.objects = unzigzag(value.number()?);
        } else {
            put_field(&mut row, tag, value);
        }
    }
    Ok((row, delta))
}

fn put_with(out: &mut Vec<u8>, value: &mut Vec<u8>, tag: Tag, fill: impl FnOnce(&mut Vec<u8>)) {
    value.clear();
    fill(value);
    put_field(out, tag, value);
}

fn put_checksums(out: &mut Vec<u8>, checksums: &[Checksum]) {
    for checksum in checksums {
        out.push(algorithm_byte(checksum.algorithm));
        out.push(kind_byte(checksum.kind));
        put_number(out, u64::from(checksum.parts.unwrap_or(0)));
        put_bytes(out, &checksum.value);
    }
}

fn read_checksums(value: &mut Reader<'_>) -> Result<Vec<Checksum>, WireError> {
    let mut checksums = Vec::new();
    while !value.is_empty() {
        let algorithm = read_algorithm(value.byte()?)?;
        let kind = read_kind(value.byte()?)?;
        let parts = Some(value.small()?).filter(|parts| *parts > 0);
        checksums.push(Checksum {
            algorithm,
            kind,
            parts,
            value: value.bytes()?.to_vec(),
        });
    }
    Ok(checksums)
}

fn put_part(out: &mut Vec<u8>, part: &ListedPart) {
    put_number(out, u64::from(part.number));
    put_number(out, u64::from(part.attempt));
    put_number(out, part.size);
    out.extend_from_slice(&part.md5);
    let mut checksums = Vec::new();
    put_checksums(&mut checksums, &part.checksums);
    put_bytes(out, &checksums);
}

fn read_part(value: &mut Reader<'_>) -> Result<ListedPart, WireError> {
    Ok(ListedPart {
        number: value.small()?,
        attempt: u32::try_from(value.number()?).map_err(|_| WireError::Range)?,
        size: value.number()?,
        md5: value.array()?,
        checksums: read_checksums(&mut Reader(value.bytes()?))?,
    })
}

fn read_etag(value: &mut Reader<'_>) -> Result<ETag, WireError> {
    let multipart = value.byte()? == 1;
    let md5 = value.array()?;
    let parts = if multipart {
        Some(value.small()?)
    } else {
        None
    };
    Ok(ETag { md5, parts })
}

fn read_frames(mut value: Reader<'_>) -> Result<Vec<u32>, WireError> {
    let mut frames = Vec::with_capacity(value.0.len() / 4);
    while !value.is_empty() {
        frames.push(value.u32()?);
    }
    Ok(frames)
}

fn read_pairs(value: &mut Reader<'_>) -> Result<Vec<(String, String)>, WireError> {
    let mut pairs = Vec::new();
    while !value.is_empty() {
        pairs.push((value.text()?.to_owned(), value.text()?.to_owned()));
    }
    Ok(pairs)
}

fn read_rest(value: Reader<'_>) -> Result<String, WireError> {
    let text = std::str::from_utf8(value.0).map_err(|_| WireError::Value("not UTF-8"))?;
    Ok(text.to_owned())
}

fn headers(content: &ContentHeaders) -> [(u8, Option<&str>); 6] {
    [
        (1, content.content_type.as_deref()),
        (2, content.content_encoding.as_deref()),
        (3, content.content_language.as_deref()),
        (4, content.content_disposition.as_deref()),
        (5, content.cache_control.as_deref()),
        (6, content.expires.as_deref()),
    ]
}

fn read_headers(value: &mut Reader<'_>, content: &mut ContentHeaders) -> Result<(), WireError> {
    while !value.is_empty() {
        let slot = match value.byte()? {
            1 => &mut content.content_type,
            2 => &mut content.content_encoding,
            3 => &mut content.content_language,
            4 => &mut content.content_disposition,
            5 => &mut content.cache_control,
            6 => &mut content.expires,
            _ => return Err(WireError::Value("a content header")),
        };
        *slot = Some(value.text()?.to_owned());
    }
    Ok(())
}

fn put_encryption(out: &mut Vec<u8>, encryption: &Encryption) {
    out.push(encryption.cipher);
    put_bytes(out, &encryption.key_id);
    put_bytes(out, &encryption.wrapped_key);
    put_bytes(out, &encryption.nonce_base);
    put_number(out, encryption.frame_bytes);
    put_bytes(out, &encryption.customer_key_hmac);
}

fn read_encryption(value: &mut Reader<'_>) -> Result<Encryption, WireError> {
    Ok(Encryption {
        cipher: value.byte()?,
        key_id: value.bytes()?.to_vec(),
        wrapped_key: value.bytes()?.to_vec(),
        nonce_base: value.bytes()?.to_vec(),
        frame_bytes: value.number()?,
        customer_key_hmac: value.bytes()?.to_vec(),
    })
}

fn read_version(value: &mut Reader<'_>) -> Result<VersionMark, WireError> {
    let flags = value.byte()?;
    Ok(VersionMark {
        id: value.u128_be()?,
        null: flags & 1 != 0,
        marker: flags & 2 != 0,
    })
}

fn read_versioning(byte: u8) -> Result<Versioning, WireError> {
    match byte {
        1 => Ok(Versioning::Enabled),
        2 => Ok(Versioning::Suspended),
        _ => Err(WireError::Value("a versioning")),
    }
}

fn put_lock(out: &mut Vec<u8>, lock: LockConfiguration) {
    let Some(DefaultRetention { mode, period }) = lock.default else {
        out.push(0);
        return;
    };
    let (unit, count) = match period {
        Period::Days(days) => (0, days),
        Period::Years(years) => (1, years),
    };
    let mode = match mode {
        LockMode::Governance => 1,
        LockMode::Compliance => 2,
    };
    out.extend_from_slice(&[mode, unit]);
    put_number(out, u64::from(count));
}

fn read_lock(value: &mut Reader<'_>) -> Result<LockConfiguration, WireError> {
    let mode = match value.byte()? {
        0 => return Ok(LockConfiguration::default()),
        1 => LockMode::Governance,
        2 => LockMode::Compliance,
        _ => return Err(WireError::Value("a mode of retention")),
    };
    let unit = value.byte()?;
    let count = u32::try_from(value.number()?).map_err(|_| WireError::Range)?;
    let period = match unit {
        0 => Period::Days(count),
        1 => Period::Years(count),
        _ => return Err(WireError::Value("a unit of time")),
    };
    let default = Some(DefaultRetention { mode, period });
    Ok(LockConfiguration { default })
}

const fn algorithm_byte(algorithm: ChecksumAlgorithm) -> u8 {
    match algorithm {
        ChecksumAlgorithm::Crc32 => 1,
        ChecksumAlgorithm::Crc32c => 2,
        ChecksumAlgorithm::Crc64Nvme => 3,
        ChecksumAlgorithm::Sha1 => 4,
        ChecksumAlgorithm::Sha256 => 5,
        ChecksumAlgorithm::Sha512 => 6,
        ChecksumAlgorithm::Md5 => 7,
        ChecksumAlgorithm::Xxhash64 => 8,
        ChecksumAlgorithm::Xxhash3 => 9,
        ChecksumAlgorithm::Xxhash128 => 10,
    }
}

fn read_algorithm(byte: u8) -> Result<ChecksumAlgorithm, WireError> {
    let known = ChecksumAlgorithm::ALL
        .into_iter()
        .find(|known| algorithm_byte(*known) == byte);
    known.ok_or(WireError::Value("a checksum algorithm"))
}

const fn kind_byte(kind: ChecksumKind) -> u8 {
    match kind {
        ChecksumKind::FullObject => 0,
        ChecksumKind::Composite => 1,
    }
}

fn read_kind(byte: u8) -> Result<ChecksumKind, WireError> {
    match byte {
        0 => Ok(ChecksumKind::FullObject),
        1 => Ok(ChecksumKind::Composite),
        _ => Err(WireError::Value("a kind of checksum")),
    }
}

#[cfg(test)]
mod tests;
