//! Multipart uploads: the blob is the upload's id, parts are its chunks, and Complete is one record with the list of parts.

mod complete;

use s3_protocol::call::{
    CopySource, CreateMultipartUpload, PayloadDigests, UploadPart, UploadPartCopy,
};
use s3_protocol::checksum::ChecksumAlgorithm;
use s3_protocol::limits::{PARTS_MAX, PUT_BYTES_MAX};
use s3_protocol::object::{ETag, PutOutput, Slice, UploadEntry};
use s3_protocol::seal::{CustomerKey, Sealing};
use s3_protocol::{S3Code, S3Error, UploadId, VersionId};

use super::copy::{Copied, ranged};
use super::facets::encrypted;
use super::ingest::{Expected, Ingested, Stored, ingest};
use super::put::head_fields;
use super::uploads::entry;
use super::{CopyRead, Node, ObjectPlace};
use crate::error::NodeError;
use crate::guards::{Guards, WriteAs};
use crate::keys::{self, Attempt};
use crate::payload::Payload;
use crate::record::fields::Fields;
use crate::writer::Work;

impl Node {
    /// CreateMultipartUpload.
    ///
    /// # Errors
    /// InvalidRequest for a kind of checksum that the algorithm has not.
    pub async fn create_upload(
        &self,
        place: &ObjectPlace,
        ask: CreateMultipartUpload,
        by: WriteAs,
    ) -> Result<UploadEntry, NodeError> {
        self.inner.ready()?;
        self.inner.may_lock(place.bucket, &ask.head)?;
        let wanted = ask.checksum.map(|algorithm| {
            (
                algorithm,
                ask.checksum_kind
                    .unwrap_or_else(|| algorithm.default_kind()),
            )
        });
        if let Some((algorithm, kind)) = wanted.filter(|(algorithm, kind)| !algorithm.allows(*kind))
        {
            let message = format!(
                "The {} checksum type cannot be used with the {algorithm} checksum algorithm.",
                kind.name()
            );
            return Err(S3Error::with(S3Code::InvalidRequest, message).into());
        }
        if let Some(recheck) = by.guards.recheck {
            recheck.ask().await?;
        }
        let sealing = ask.head.sealing.clone();
        let (_, encryption) = self.inner.seal_new(place.bucket, sealing.as_ref())?;
        let time_ms = self.inner.now_ms();
        let upload = fresh_upload(time_ms);
        let fields = Fields {
            creator: by.creator,
            acl: by.acl,
            time_ms,
            wanted,
            encryption,
            ..head_fields(ask.head)
        };
        let key = keys::upload(place, upload);
        self.inner
            .ask(Work::Upload {
                key,
                fields: fields.encode(),
            })
            .await?;
        let encrypted = encrypted(fields.encryption.as_ref(), sealing.as_ref());
        Ok(UploadEntry {
            encrypted,
            ..entry(place.key.clone(), upload, fields)
        })
    }

    /// UploadPart. A later upload of the same number replaces it.
    ///
    /// # Errors
    /// NoSuchUpload, InvalidArgument for a number outside 1 to 10,000, and those of the payload.
    pub async fn upload_part<B: Payload>(
        &self,
        place: &ObjectPlace,
        ask: UploadPart,
        guards: Guards,
        payload: B,
    ) -> Result<PutOutput, NodeError> {
        let part = Part {
            upload: ask.upload,
            number: ask.part_number,
            length: ask.length,
            source_version: None,
            customer_key: ask.customer_key,
        };
        self.take_part(place, (part, ask.digests), guards, payload)
            .await
    }

    /// UploadPartCopy.
    ///
    /// # Errors
    /// Those of UploadPart and of reading the source; InvalidRange for a range past its end.
    pub async fn upload_part_copy(
        &self,
        source: CopyRead,
        place: &ObjectPlace,
        ask: UploadPartCopy,
        guards: Guards,
    ) -> Result<PutOutput, NodeError> {
        self.open_upload(place, ask.upload, guards.creator.as_ref())?;
        let (body, length, source_version) =
            self.source_body(&source, &ask.source, ask.range).await?;
        let part = Part {
            upload: ask.upload,
            number: ask.part_number,
            length: Some(length),
            source_version,
            customer_key: ask.customer_key,
        };
        let digests = PayloadDigests::default();
        self.take_part(place, (part, digests), guards, Copied(body))
            .await
    }

    async fn source_body(
        &self,
        source: &CopyRead,
        ask: &CopySource,
        range: Option<(u64, u64)>,
    ) -> Result<(super::ObjectBody, u64, Option<VersionId>), NodeError> {
        let mut found = self.source(source, ask)?;
        let size = found.fields.size;
        if range.is_some_and(|(first, last)| last >= size || first > last) {
            let message = format!("Range specified is not valid for source object of size: {size}");
            return Err(S3Error::with(S3Code::InvalidRange, message).into());
        }
        found.slice = super::range::slice(&ranged(ask, range), &found.fields)?;
        let length = match found.slice {
            Slice::Whole => size,
            Slice::Range { first, last, .. } => last - first + 1,
        };
        let version = self.shown_version(source.place.bucket, found.fields.version);
        Ok((self.open_body(&mut found).await?, length, version))
    }

    async fn take_part<B: Payload>(
        &self,
        place: &ObjectPlace,
        (part, digests): (Part, PayloadDigests),
        guards: Guards,
        payload: B,
    ) -> Result<PutOutput, NodeError> {
        self.inner.ready()?;
        if !(1..=PARTS_MAX).contains(&part.number) {
            let message = "Part number must be an integer between 1 and 10000, inclusive";
            return Err(S3Error::with(S3Code::InvalidArgument, message).into());
        }
        let source_version = part.source_version;
        let upload = self.open_upload(place, part.upload, guards.creator.as_ref())?;
        let opened = self.inner.key_of(&upload, part.customer_key.as_ref());
        let sealing = part.customer_key.clone().map(Sealing::Customer);
        let encrypted = encrypted(upload.encryption.as_ref(), sealing.as_ref());
        let wanted = upload.wanted.map(|(algorithm, _)| algorithm);
        fits_upload(&digests, wanted)?;
        let attempt = Attempt {
            blob: part.upload.0,
            part: part.number,
            turn: fresh_turn(),
        };
        let upload_key = keys::upload(place, part.upload);
        let expected = Expected {
            attempt,
            upload: Some(upload_key.clone()),
            length: part.length,
            bytes_max: guards.max_bytes.unwrap_or(u64::MAX).min(PUT_BYTES_MAX),
            digests,
            wanted: wanted.or(Some(ChecksumAlgorithm::DEFAULT)),
            key: opened.map_err(other_key)?,
        };
        let ingested = ingest(&self.inner, expected, payload).await?;
        if let Some(recheck) = guards.recheck {
            recheck.ask().await?;
        }
        let Ingested {
            size,
            md5,
            mut checksums,
            stored,
        } = ingested;
        let etag = ETag { md5, parts: None };
        let fields = Fields {
            time_ms: self.inner.now_ms(),
            size,
            etag: Some(etag.clone()),
            checksums: checksums.clone(),
            attempt: attempt.turn,
            ..Fields::default()
        };
        let key = keys::part(part.upload, part.number);
        self.inner
            .ask(Work::Part {
                upload_key,
                key,
                fields: fields.encode(),
            })
            .await?;
        if let Stored::Chunks(unowned) = stored {
            unowned.keep();
        }
        // What the client asked for comes first, and is all that he is answered.
        checksums.truncate(1);
        Ok(PutOutput {
            etag,
            version: None,
            source_version,
            encrypted,
            expires: None,
            checksums,
            size,
            modified_ms: fields.time_ms,
        })
    }

    /// AbortMultipartUpload.
    ///
    /// # Errors
    /// NoSuchUpload, or AccessDenied by the guard.
    pub async fn abort_upload(
        &self,
        place: &ObjectPlace,
        upload: UploadId,
        guards: Guards,
    ) -> Result<(), NodeError> {
        self.open_upload(place, upload, guards.creator.as_ref())?;
        if let Some(recheck) = guards.recheck {
            recheck.ask().await?;
        }
        let key = keys::upload(place, upload);
        self.inner
            .ask(Work::Abort {
                key,
                creator: guards.creator,
            })
            .await
            .map(drop)
    }
}

/// A part to be.
struct Part {
    upload: UploadId,
    number: u16,
    length: Option<u64>,
    /// The version that it is copied from, to be named in the answer.
    source_version: Option<VersionId>,
    /// The key that the client brings.
    customer_key: Option<CustomerKey>,
}

/// A part under another key than its upload's is no question of rights: nothing is read.
fn other_key(error: NodeError) -> NodeError {
    match error {
        NodeError::Refused(refused) if refused.code == S3Code::AccessDenied => S3Error::with(
            S3Code::InvalidRequest,
            "The provided encryption parameters did not match the ones used originally.",
        )
        .into(),
        error => error,
    }
}

/// An upload that names an algorithm takes no other.
fn fits_upload(digests: &PayloadDigests, wanted: Option<ChecksumAlgorithm>) -> Result<(), S3Error> {
    let named = digests
        .checksum
        .as_ref()
        .map(|checksum| checksum.algorithm)
        .or(digests.trailer);
    match (named, wanted) {
        (Some(named), Some(wanted)) if named != wanted => Err(S3Error::with(
            S3Code::InvalidRequest,
            format!(
                "Checksum Type mismatch occurred, expected checksum Type: {wanted}, actual checksum Type: {named}"
            ),
        )),
        _ => Ok(()),
    }
}

/// An upload's id begins with its time, so that lists show uploads of one key in their order.
fn fresh_upload(time_ms: u64) -> UploadId {
    let random = uuid::Uuid::new_v4().as_u128() >> 48;
    UploadId(u128::from(time_ms) << 80 | random)
}

/// Tells two uploads of one part apart: never 0, which is a plain object's.
fn fresh_turn() -> u32 {
    let (low, ..) = uuid::Uuid::new_v4().as_fields();
    low.max(1)
}
