//! Room under the quotas: kept before a write is sent, so that no number of writes at once gets past one.

use std::collections::BTreeSet;

use s3_protocol::S3Code;
use s3_protocol::call::{CopySource, GetObject, ListParts};
use s3_protocol::object::CompletedPart;
use storage_node::{CopyRead, NodeError, ObjectPlace};

use super::super::authenticate::content_length;
use super::super::refusal::Refusal;
use super::{Errand, guards, upstream};
use crate::meter::quota::{Amount, Quotas, Reservation, Unreserved};

impl Errand<'_> {
    /// Keeps room for what would be stored, under each quota that counts for the bucket; none where there is no quota.
    async fn room(&self, amount: Amount) -> Result<Option<Reservation>, Refusal> {
        let world = self.gate.world();
        let bucket = world.state.bucket_by_id(self.main.bucket()?.id);
        let Some(bucket) = bucket.filter(|bucket| Quotas::any(&world.state, bucket)) else {
            return Ok(None);
        };
        match self.gate.quotas.reserve(&world.state, bucket, amount).await {
            Ok(room) => Ok(Some(room)),
            Err(Unreserved::Over(over)) => Err(Refusal::OverQuota(over)),
            Err(Unreserved::Node(cause)) => Err(upstream(cause)),
        }
    }

    /// Room for a body of so many bytes, as far as the request says.
    pub(super) async fn room_for_body(
        &self,
        length: Option<u64>,
        objects: u64,
    ) -> Result<Option<Reservation>, Refusal> {
        // The file of a form is shorter than the form.
        let bytes = length.or_else(|| content_length(self.scene.headers()));
        let Some(bytes) = bytes else {
            let unknown = Refusal::Accept(S3Code::MissingContentLength.into());
            return match self.room(Amount::default()).await? {
                Some(_) => Err(unknown),
                None => Ok(None),
            };
        };
        self.room(Amount { bytes, objects }).await
    }

    /// Room for a copy of what a ruling lets be read. The source may change until it is read: no more than this is copied.
    pub(super) async fn room_for_copy(
        &self,
        (source, asked): (&CopyRead, &CopySource),
        part: Option<(u64, u64)>,
    ) -> Result<Option<Reservation>, Refusal> {
        if self.room(Amount::default()).await?.is_none() {
            return Ok(None);
        }
        let guards = storage_node::Guards {
            creator: source.guards.creator.clone(),
            stands: source.guards.stands,
            ..storage_node::Guards::default()
        };
        let ask = GetObject {
            version: asked.version,
            customer_key: asked.customer_key.clone(),
            ..GetObject::default()
        };
        let head = self.node().head_object(&source.place, &ask, guards);
        let whole = head.await.map_err(|error| self.not_found(error))?.head.size;
        let (bytes, objects) = match part {
            Some((first, last)) => (last.saturating_sub(first).saturating_add(1).min(whole), 0),
            None => (whole, 1),
        };
        self.room(Amount { bytes, objects }).await
    }

    /// Room for the parts that an upload is completed of.
    pub(super) async fn room_for_parts(
        &self,
        place: &ObjectPlace,
        upload: s3_protocol::UploadId,
        parts: &[CompletedPart],
    ) -> Result<Option<Reservation>, Refusal> {
        if self.room(Amount::default()).await?.is_none() {
            return Ok(None);
        }
        let named: BTreeSet<u16> = parts.iter().map(|part| part.number).collect();
        let (mut bytes, mut after) = (0_u64, 0);
        loop {
            let ask = ListParts {
                upload,
                max_parts: 1_000,
                after,
            };
            let guards = guards::of(self.scene, &self.main, &self.again);
            let page = self
                .node()
                .list_parts(place, &ask, guards)
                .await
                .map_err(upstream)?;
            let wanted = page
                .entries
                .iter()
                .filter(|part| named.contains(&part.number));
            bytes = wanted.fold(bytes, |sum, part| sum.saturating_add(part.size));
            match page.next {
                Some(next) => after = next,
                None => return self.room(Amount { bytes, objects: 1 }).await,
            }
        }
    }
}

/// A write stores no more than there is room for.
pub(super) fn keep_within(guards: &mut storage_node::Guards, room: Option<&Reservation>) {
    if let Some(room) = room {
        let most = guards.max_bytes.unwrap_or(u64::MAX).min(room.bytes());
        guards.max_bytes = Some(most);
    }
}

/// The node has answered: what it stored, it counts. Where no answer came it may store it still, and the room is kept for a while.
pub(super) fn settle<T>(room: Option<Reservation>, answer: &Result<T, NodeError>) {
    let is_in_doubt = answer.as_ref().is_err_and(NodeError::is_in_doubt);
    if let Some(room) = room.filter(|_| !is_in_doubt) {
        room.settled();
    }
}
