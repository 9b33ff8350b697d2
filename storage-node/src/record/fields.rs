//! The fields of records and rows: everything that is known of a version, an upload, a part, a chunk.
//!
//! The set is whole from the first version of the format: fields that no operation fills yet have their number here, are read
//! and are kept. A number is never given to another meaning.

use s3_protocol::VersionId;
use s3_protocol::checksum::{Checksum, ChecksumAlgorithm, ChecksumKind};
use s3_protocol::object::{ContentHeaders, Creator, ETag};

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

/// Until when a version must not be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Retention {
    /// Whether nobody may shorten it.
    pub(crate) compliance: bool,
    /// Milliseconds since 1970.
    pub(crate) until_ms: u64,
}

/// A version's name in a bucket that has or had versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VersionMark {
    /// The version; 0 beside `null`.
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

/// What a record adds to its bucket's counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Delta {
    pub(crate) bytes: i64,
    pub(crate) objects: i64,
}

impl Fields {
    /// The fields as records and rows carry them.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(192);
        self.encode_what(&mut out);
        self.encode_words(&mut out);
        self.encode_state(&mut out);
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
                v.push(u8::from(retention.compliance));
                put_number(v, retention.until_ms);
            });
        }
        if self.legal_hold {
            put_field(out, LEGAL_HOLD, &[1]);
        }
        if let Some(version) = self.version {
            put_with(out, &mut value, VERSION, |v| {
                v.push(u8::from(version.null) | u8::from(version.marker) << 1);
                v.extend_from_slice(&version.id.to_be_bytes());
            });
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
            DELTA => {}
            _ => return self.take_state(tag, value),
        }
        Ok(())
    }

    fn take_state(&mut self, tag: Tag, mut value: Reader<'_>) -> Result<(), WireError> {
        match tag {
            RETENTION => {
                let compliance = value.byte()? == 1;
                self.retention = Some(Retention {
                    compliance,
                    until_ms: value.number()?,
                });
            }
            LEGAL_HOLD => self.legal_hold = value.byte()? == 1,
            VERSION => {
                let flags = value.byte()?;
                let (null, marker) = (flags & 1 != 0, flags & 2 != 0);
                self.version = Some(VersionMark {
                    id: value.u128_be()?,
                    null,
                    marker,
                });
            }
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

/// What the writer needs of a version that it replaces, read without an allocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Glance {
    pub(crate) size: u64,
    pub(crate) blob: Option<u128>,
    pub(crate) inline: bool,
    pub(crate) marker: bool,
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
                VERSION => glance.marker = value.byte()? & 2 != 0,
                _ => {}
            }
        }
        Ok(glance)
    }
}

/// The fields of a chunk: its frames' checksums.
pub(crate) fn chunk_fields(size: u64, frames: &[u32]) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 + frames.len() * 4);
    let mut value = Vec::with_capacity(frames.len() * 4);
    put_with(&mut out, &mut value, SIZE, |v| put_number(v, size));
    put_with(&mut out, &mut value, INLINE, |v| put_frames(v, frames));
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
