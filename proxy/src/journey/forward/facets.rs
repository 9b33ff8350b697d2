//! What stands beside an object's version: tags, retention, legal hold.

use s3_protocol::call::PutFacet;
use s3_protocol::limits::XML_BYTES_MAX;
use s3_protocol::setting::{Facet, Retention, lock, tags};
use s3_protocol::{S3Code, S3Error, VersionId};
use storage_node::{Bypass, FacetChange, Facets, ObjectPlace};

use super::super::authenticate::Payload;
use super::super::refusal::Refusal;
use super::{Errand, Outcome, guards, upstream};

impl Errand<'_> {
    /// What stands there.
    pub(super) async fn get_facet(
        self,
        place: &ObjectPlace,
        facet: Facet,
        version: Option<VersionId>,
    ) -> Result<Outcome, Refusal> {
        if facet != Facet::Tagging {
            self.node()
                .has_object_lock(place.bucket)
                .await
                .map_err(upstream)?;
        }
        let guards = guards::to_read(self.scene, &self.main);
        let read = self.node().object_facets(place, version, guards).await;
        let Facets { head, tags, .. } = read.map_err(|error| self.not_found(error))?;
        let text = match facet {
            Facet::Tagging => Some(tags::write(&tags)),
            Facet::Retention => head.retention.map(|retention| retention.write()),
            Facet::LegalHold => Some(lock::write_hold(head.legal_hold)),
        };
        match text {
            Some(text) => Ok(Outcome::Facet(text, head.version)),
            None => Err(Refusal::Upstream(
                S3Code::NoSuchObjectLockConfiguration.into(),
            )),
        }
    }

    /// Puts something else there.
    pub(super) async fn put_facet(
        self,
        place: &ObjectPlace,
        ask: &PutFacet,
        body: Payload,
    ) -> Result<Outcome, Refusal> {
        let document = body
            .document(&ask.digests, XML_BYTES_MAX)
            .await
            .map_err(Refusal::Body)?;
        if ask.facet != Facet::Tagging {
            self.node()
                .has_object_lock(place.bucket)
                .await
                .map_err(upstream)?;
        }
        let change = change(ask, &document).map_err(Refusal::Body)?;
        let guards = guards::of(self.scene, &self.main, &self.again);
        let changed = self
            .node()
            .change_object(place, ask.version, change, guards)
            .await;
        let version = changed.map_err(|error| self.not_found(error))?;
        Ok(Outcome::FacetChanged(version))
    }

    /// Takes all tags away.
    pub(super) async fn delete_tags(
        self,
        place: &ObjectPlace,
        version: Option<VersionId>,
    ) -> Result<Outcome, Refusal> {
        let guards = guards::of(self.scene, &self.main, &self.again);
        let change = FacetChange::Tags(Vec::new());
        let changed = self
            .node()
            .change_object(place, version, change, guards)
            .await;
        let version = changed.map_err(|error| self.not_found(error))?;
        Ok(Outcome::TagsDeleted(version))
    }
}

fn change(ask: &PutFacet, document: &[u8]) -> Result<FacetChange, S3Error> {
    Ok(match ask.facet {
        Facet::Tagging => FacetChange::Tags(tags::read(document)?),
        Facet::Retention => {
            let bypass = if ask.bypass_governance {
                Bypass::Governance
            } else {
                Bypass::None
            };
            FacetChange::Retention(Retention::read(document)?, bypass)
        }
        Facet::LegalHold => FacetChange::LegalHold(lock::read_hold(document)?),
    })
}
