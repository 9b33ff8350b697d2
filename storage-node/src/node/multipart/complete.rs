//! CompleteMultipartUpload: the client's list is compared with what was uploaded, and becomes one record.

use std::collections::BTreeMap;

use md5::{Digest as _, Md5};
use s3_protocol::call::CompleteMultipartUpload;
use s3_protocol::checksum::{Checksum, ChecksumAlgorithm, ChecksumKind, Piece, combine, composite};
use s3_protocol::limits::OBJECT_BYTES_MAX;
use s3_protocol::object::{CompletedPart, ETag, PutOutput};
use s3_protocol::seal::{CustomerKey, Sealing};
use s3_protocol::{S3Code, S3Error, UploadId, VersionId};

use crate::effects::part_attempt;
use crate::error::NodeError;
use crate::guards::Guards;
use crate::keys::{self, Table};
use crate::limits::SCAN_ROWS_MAX;
use crate::node::facets::encrypted;
use crate::node::put::named;
use crate::node::uploads::part_entry;
use crate::node::{Node, ObjectPlace};
use crate::overlay::Span;
use crate::record::fields::{Content, Fields, ListedPart};
use crate::row::damaged;
use crate::writer::{Rules, Work};

impl Node {
    /// CompleteMultipartUpload with the parts of its document. A retry of one that was done answers the same.
    ///
    /// # Errors
    /// NoSuchUpload, InvalidPart, InvalidPartOrder, EntityTooSmall, MalformedXML for no parts, InvalidRequest for another size,
    /// BadDigest for another checksum, and those of the conditions.
    pub async fn complete_upload(
        &self,
        place: &ObjectPlace,
        ask: CompleteMultipartUpload,
        parts: Vec<CompletedPart>,
        guards: Guards,
    ) -> Result<PutOutput, NodeError> {
        let upload = match self.open_upload(place, ask.upload, guards.creator.as_ref()) {
            Ok(upload) => upload,
            Err(error) => return self.retried(place, &ask, &parts, error),
        };
        self.inner.ready()?;
        let listed = self.listed(ask.upload, &parts)?;
        self.admit_key(&upload, &listed, ask.customer_key.as_ref())?;
        let size = listed.iter().map(|part| part.size).sum::<u64>();
        let size_max = guards.max_bytes.unwrap_or(u64::MAX).min(OBJECT_BYTES_MAX);
        if size > size_max {
            return Err(S3Code::EntityTooLarge.into());
        }
        if ask.object_size.is_some_and(|expected| expected != size) {
            let message =
                "The provided 'x-amz-mp-object-size' header does not match what was computed.";
            return Err(S3Error::with(S3Code::InvalidRequest, message).into());
        }
        let checksum = object_checksum(upload.wanted, &listed);
        compare(&ask, checksum.as_ref())?;
        if let Some(recheck) = guards.recheck {
            recheck.ask().await?;
        }
        let kept: Vec<(u16, u32)> = listed
            .iter()
            .map(|part| (part.number, part.attempt))
            .collect();
        let mut fields = Fields {
            time_ms: self.inner.now_ms(),
            size,
            etag: Some(etag_of(&listed)),
            checksums: checksum.into_iter().collect(),
            parts: listed,
            body: Content::Blob(ask.upload.0),
            completes: Some(ask.upload.0),
            wanted: None,
            ..upload
        };
        self.inner.lock_new(place.bucket, &mut fields);
        let work = Work::Complete {
            key: keys::object(place),
            upload_key: keys::upload(place, ask.upload),
            upload: ask.upload,
            parts: kept,
            fields: fields.encode(),
            size,
            rules: Rules {
                conditions: ask.conditions.clone(),
                none_match_any: guards.if_none_match_any,
                // The guard is on the upload; whose object it replaces is not its question.
                creator: None,
            },
        };
        match self.inner.ask(work).await {
            Ok(reply) => self.completed(place, &ask, fields, reply.version()),
            // Another Complete of the same upload was faster.
            Err(error) => self.retried(place, &ask, &parts, error),
        }
    }

    /// The answer of the Complete that was done, if this is a retry of it; else `error`.
    fn retried(
        &self,
        place: &ObjectPlace,
        ask: &CompleteMultipartUpload,
        parts: &[CompletedPart],
        error: NodeError,
    ) -> Result<PutOutput, NodeError> {
        let gone =
            matches!(&error, NodeError::Refused(error) if error.code == S3Code::NoSuchUpload);
        if !gone {
            return Err(error);
        }
        let Ok(found) = self.find(place, None) else {
            return Err(error);
        };
        let fields = found.fields;
        let same = fields.completes == Some(ask.upload.0)
            && fields.parts.len() == parts.len()
            && fields.parts.iter().zip(parts).all(|(stood, listed)| {
                stood.number == listed.number && tag_text(stood.md5) == listed.etag
            });
        if !same {
            return Err(error);
        }
        self.admit_key(&fields, &[], ask.customer_key.as_ref())?;
        let version = self.shown_version(place.bucket, fields.version);
        self.completed(place, ask, fields, version)
    }

    /// The answer, of the object as it stands.
    fn completed(
        &self,
        place: &ObjectPlace,
        ask: &CompleteMultipartUpload,
        fields: Fields,
        version: Option<VersionId>,
    ) -> Result<PutOutput, NodeError> {
        let sealing = ask.customer_key.clone().map(Sealing::Customer);
        Ok(PutOutput {
            etag: fields.etag().map_err(damaged)?.clone(),
            version: named(version),
            source_version: None,
            encrypted: encrypted(fields.encryption.as_ref(), sealing.as_ref()),
            expires: self.inner.expires(place, &fields),
            checksums: fields.checksums,
            size: fields.size,
            modified_ms: fields.time_ms,
        })
    }

    /// A customer's key that is brought must be the upload's. One that is left out is missed where the upload or a part of it asked for
    /// a checksum; the one that every part is given anyway asks for nothing. Source: S3 API Reference, CompleteMultipartUpload.
    fn admit_key(
        &self,
        upload: &Fields,
        listed: &[ListedPart],
        brought: Option<&CustomerKey>,
    ) -> Result<(), NodeError> {
        let asks = |part: &ListedPart| {
            let mut own = part.checksums.iter();
            own.any(|own| own.algorithm != ChecksumAlgorithm::DEFAULT)
        };
        let is_needed = upload
            .encryption
            .as_ref()
            .is_some_and(|it| !it.customer_key_hmac.is_empty())
            && (upload.wanted.is_some() || listed.iter().any(asks));
        if is_needed || brought.is_some() {
            self.inner.key_of(upload, brought)?;
        }
        Ok(())
    }

    /// The parts that the client lists, as they were uploaded.
    fn listed(
        &self,
        upload: UploadId,
        parts: &[CompletedPart],
    ) -> Result<Vec<ListedPart>, NodeError> {
        if parts.is_empty() {
            return Err(S3Code::MalformedXML.into());
        }
        if !parts.is_sorted_by(|one, other| one.number < other.number) {
            return Err(S3Code::InvalidPartOrder.into());
        }
        let mut uploaded = self.uploaded(upload)?;
        let mut listed = Vec::with_capacity(parts.len());
        for part in parts {
            let found = uploaded.remove(&part.number);
            let found = found.filter(|found| tag_text(found.md5) == part.etag);
            let found = found.ok_or_else(|| invalid_part(part))?;
            let agrees = |checksum: &Checksum| {
                found
                    .checksums
                    .iter()
                    .all(|own| own.algorithm != checksum.algorithm || own.value == checksum.value)
            };
            if !part.checksums.iter().all(agrees) {
                return Err(invalid_part(part).into());
            }
            listed.push(found);
        }
        let last = listed.len() - 1;
        let smallest = self.inner.settings.part_bytes_min;
        match listed.iter().take(last).find(|part| part.size < smallest) {
            Some(small) => {
                let error = S3Error::new(S3Code::EntityTooSmall)
                    .and("ProposedSize", small.size.to_string())
                    .and("MinSizeAllowed", smallest.to_string())
                    .and("PartNumber", small.number.to_string())
                    .and("ETag", tag_text(small.md5));
                Err(error.into())
            }
            None => Ok(listed),
        }
    }

    fn uploaded(&self, upload: UploadId) -> Result<BTreeMap<u16, ListedPart>, NodeError> {
        let mut uploaded = BTreeMap::new();
        let mut from = upload.0.to_be_bytes().to_vec();
        let end = keys::after_prefix(&from);
        loop {
            let limit = SCAN_ROWS_MAX;
            let span = Span {
                table: Table::Parts,
                from: &from,
                end: end.as_deref(),
                limit,
            };
            let page = self.inner.store.scan(span)?;
            for (key, row) in &page.rows {
                let entry = part_entry(key, row)?;
                let attempt = part_attempt(upload, key, row)?.turn;
                let (number, size, md5) = (entry.number, entry.size, entry.etag.md5);
                let part = ListedPart {
                    number,
                    attempt,
                    size,
                    md5,
                    checksums: entry.checksums,
                };
                uploaded.insert(number, part);
            }
            match page.next {
                Some(next) => from = next,
                None => return Ok(uploaded),
            }
        }
    }
}

fn invalid_part(part: &CompletedPart) -> S3Error {
    S3Error::new(S3Code::InvalidPart)
        .and("PartNumber", part.number.to_string())
        .and("ETag", part.etag.clone())
}

fn tag_text(md5: [u8; 16]) -> String {
    ETag { md5, parts: None }.to_string()
}

/// MD5 of the parts' MD5s, with their number.
fn etag_of(parts: &[ListedPart]) -> ETag {
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(part.md5);
    }
    ETag {
        md5: md5.finalize().into(),
        parts: u16::try_from(parts.len()).ok(),
    }
}

/// The object's checksum: the one that the upload named, else CRC64NVME over the bytes.
fn object_checksum(
    wanted: Option<(ChecksumAlgorithm, ChecksumKind)>,
    parts: &[ListedPart],
) -> Option<Checksum> {
    let default = (ChecksumAlgorithm::DEFAULT, ChecksumKind::FullObject);
    let (algorithm, kind) = wanted.unwrap_or(default);
    let values: Option<Vec<(&[u8], u64)>> = parts
        .iter()
        .map(|part| {
            let own = part
                .checksums
                .iter()
                .find(|own| own.algorithm == algorithm)?;
            Some((own.value.as_slice(), part.size))
        })
        .collect();
    let values = values?;
    match kind {
        ChecksumKind::FullObject => {
            let pieces: Vec<Piece<'_>> = values
                .into_iter()
                .map(|(value, size)| Piece { value, size })
                .collect();
            combine(algorithm, &pieces)
        }
        ChecksumKind::Composite => composite(algorithm, values.into_iter().map(|(value, _)| value)),
    }
}

/// Compares the checksum of the whole with what the client says of it.
fn compare(ask: &CompleteMultipartUpload, computed: Option<&Checksum>) -> Result<(), S3Error> {
    if let (Some(kind), Some(computed)) = (ask.checksum_kind, computed)
        && kind != computed.kind
    {
        let message = format!(
            "The upload was created using the {} checksum mode. The complete request must use the same checksum mode.",
            computed.kind.name()
        );
        return Err(S3Error::with(S3Code::InvalidRequest, message));
    }
    let (Some(expected), Some(computed)) = (&ask.checksum, computed) else {
        return Ok(());
    };
    if expected.algorithm == computed.algorithm && expected.value != computed.value {
        return Err(computed.algorithm.mismatch());
    }
    Ok(())
}
