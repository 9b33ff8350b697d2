//! CopyObject: the source's bytes are read, verified and written anew, so that no two objects share a chunk and a deletion
//! never has to ask who else lives there.

use s3_protocol::call::{CopyObject, Directive, GetObject, PayloadDigests};
use s3_protocol::conditions::Access;
use s3_protocol::limits::PUT_BYTES_MAX;
use s3_protocol::object::PutOutput;
use s3_protocol::{S3Code, S3Error};

use super::get::Found;
use super::put::{Draft, head_fields};
use super::{CopyRead, Node, ObjectBody, ObjectPlace};
use crate::error::NodeError;
use crate::guards::WriteAs;
use crate::payload::PayloadError;
use crate::record::fields::Fields;
use crate::writer::standing;

impl Node {
    /// CopyObject.
    ///
    /// # Errors
    /// Those of reading the source and of writing the destination; InvalidRequest for a copy onto itself that changes nothing,
    /// and for a source of more than 5 GiB.
    pub async fn copy_object(
        &self,
        source: CopyRead,
        place: &ObjectPlace,
        ask: CopyObject,
        by: WriteAs,
    ) -> Result<PutOutput, NodeError> {
        self.inner.ready()?;
        self.inner.may_lock(place.bucket, &ask.head)?;
        let mut found = self.source(&source, &ask.source)?;
        let onto_itself = source.place == *place && ask.source.version.is_none();
        if onto_itself && changes_nothing(&ask, &found.fields) {
            return Err(S3Error::with(S3Code::InvalidRequest, ONTO_ITSELF).into());
        }
        if found.fields.size > PUT_BYTES_MAX {
            return Err(S3Error::with(S3Code::InvalidRequest, TOO_LARGE).into());
        }
        let stored = found
            .fields
            .checksums
            .first()
            .map(|checksum| checksum.algorithm);
        let body = self.open_body(&mut found).await?;
        let draft = Draft {
            length: Some(found.fields.size),
            digests: PayloadDigests::default(),
            wanted: ask.checksum.or(stored),
            fields: copied_fields(&ask, &found.fields),
            sealing: ask.head.sealing.clone(),
            conditions: ask.conditions,
        };
        let source_version = self.shown_version(source.place.bucket, found.fields.version);
        let output = self.write_version(place, draft, by, Copied(body)).await?;
        Ok(PutOutput {
            source_version,
            ..output
        })
    }

    /// The source of a copy, with its conditions judged.
    pub(super) fn source(
        &self,
        source: &CopyRead,
        ask: &s3_protocol::call::CopySource,
    ) -> Result<Found, NodeError> {
        let mut found = self
            .find_under(&source.guards, &source.place, ask.version)
            .map_err(marker_as_source)?;
        found.key = self
            .inner
            .key_of(&found.fields, ask.customer_key.as_ref())?;
        ask.conditions
            .judge(Access::CopySource, Some(standing(&found.fields)?))?;
        Ok(found)
    }
}

/// A delete marker cannot be copied, not even by its name.
fn marker_as_source(error: NodeError) -> NodeError {
    match error {
        NodeError::Refused(refused) if refused.code == S3Code::MethodNotAllowed => S3Error::with(
            S3Code::InvalidRequest,
            "The source of a copy request may not specifically refer to a delete marker by version id.",
        )
        .into(),
        error => error,
    }
}

const ONTO_ITSELF: &str = "This copy request is illegal because it is trying to copy an object to itself without changing \
    the object's metadata, storage class, website redirect location or encryption attributes.";
const TOO_LARGE: &str = "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120";

fn changes_nothing(ask: &CopyObject, old: &Fields) -> bool {
    let class = ask
        .head
        .storage_class
        .as_deref()
        .filter(|class| *class != "STANDARD");
    let same_class = ask.head.storage_class.is_none() || class == old.storage_class.as_deref();
    let same_seal = ask.head.sealing.is_none() && ask.source.customer_key.is_none();
    ask.metadata == Directive::Copy
        && same_class
        && same_seal
        && ask.head.website_redirect.is_none()
}

/// The head of a copy: the source's or the request's, as the directives say. A storage class and a redirect are never copied.
fn copied_fields(ask: &CopyObject, source: &Fields) -> Fields {
    let mut fields = head_fields(ask.head.clone());
    if ask.metadata == Directive::Copy {
        fields.content = source.content.clone();
        fields.metadata.clone_from(&source.metadata);
    }
    if ask.tagging == Directive::Copy {
        fields.tags.clone_from(&source.tags);
    }
    fields
}

/// An object's body as a payload: what cannot be read of the source fails the copy.
pub(super) struct Copied(pub(super) ObjectBody);

impl http_body::Body for Copied {
    type Data = bytes::Bytes;
    type Error = PayloadError;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, PayloadError>>> {
        std::pin::Pin::new(&mut self.0)
            .poll_frame(context)
            .map(|frame| frame.map(|frame| frame.map_err(|error| PayloadError(error.into()))))
    }
}

/// A range of an object as a request.
pub(super) fn ranged(ask: &s3_protocol::call::CopySource, range: Option<(u64, u64)>) -> GetObject {
    let range = range.map(|(first, last)| s3_protocol::call::ByteRange::FromTo(first, last));
    GetObject {
        version: ask.version,
        range,
        ..GetObject::default()
    }
}
