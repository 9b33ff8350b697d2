//! The fourth step: what a permit allows is carried out. Only a permit gets here, and it is used up.

mod access;
mod buckets;
mod delete;
mod facets;
mod guards;
mod object_acl;
mod outcome;
mod policies;
mod room;
mod settings;

pub(super) use buckets::finish_half_done;
pub(super) use outcome::{Done, Outcome};

use std::sync::Arc;

use postern_config::limits::POLICY_BYTES_MAX;
use s3_protocol::call::{
    BodyDigests, Call, GetObject, GetObjectAttributes, ListMultipartUploads, ListObjectVersions,
    ListObjects, PutObject, Target, UploadPart,
};
use s3_protocol::limits::XML_BYTES_MAX;
use s3_protocol::object::Owner;
use s3_protocol::{ObjectKey, S3Code, S3Error, xml};
use smallvec::SmallVec;
use storage_node::{CopyRead, NodeError, ObjectPlace, WriteAs};

use self::room::{keep_within, settle};
use super::authenticate::Payload;
use super::authorize::{Again, Granted, Permit, Ruling, Scene, Supervised, Way};
use super::gate::Gate;
use super::refusal::Refusal;
use crate::upstream::ObjectStore;

/// Carries out what `permit` allows.
///
/// # Errors
/// [`Refusal::Upstream`] with what the upstream answers, [`Refusal::Body`] where the body is not what it should be.
pub(super) async fn send(gate: &Arc<Gate>, permit: Permit) -> Result<Done, Refusal> {
    let (scene, granted, body, again) = permit.into_parts();
    let (main, source) = match granted {
        Granted::Request { main, source } => (main, source),
        Granted::Deletes {
            bucket,
            entries,
            quiet,
        } => {
            let answers = Box::pin(delete::many(&gate.node, &bucket, entries, again)).await?;
            let outcome = Outcome::DeletedMany { quiet, answers };
            return Ok(Done {
                scene,
                outcome,
                strip: SmallVec::new(),
            });
        }
    };
    let strip = main.obligations.strip_headers.clone();
    let body = if takes_body(&scene.request().call) {
        body
    } else {
        body.nothing().await.map_err(Refusal::Body)?
    };
    let errand = Errand {
        gate,
        scene: &scene,
        main,
        source,
        again,
    };
    let outcome = match scene.request().target.clone() {
        Target::Service => errand.on_service(),
        Target::Bucket(_) => Box::pin(errand.on_bucket(body)).await,
        Target::Object(_, key) => errand.on_object(key, body).await,
    }?;
    Ok(Done {
        scene,
        outcome,
        strip,
    })
}

/// Whether a request's body means something. That of any other is read all the same: it may not be what was signed.
const fn takes_body(call: &Call) -> bool {
    matches!(
        call,
        Call::PutObject(_)
            | Call::UploadPart(_)
            | Call::CreateBucket(_)
            | Call::PutBucketPolicy(_)
            | Call::PutBucketAcl(..)
            | Call::PutPublicAccessBlock(_)
            | Call::PutBucketOwnershipControls(_)
            | Call::CompleteMultipartUpload(_)
            | Call::PutSetting(..)
            | Call::PutFacet(_)
            | Call::PutObjectAcl(_)
    )
}

/// One request on its way to the upstream.
struct Errand<'a> {
    gate: &'a Arc<Gate>,
    scene: &'a Arc<Scene>,
    main: Ruling,
    source: Option<Box<Ruling>>,
    again: Again,
}

impl Errand<'_> {
    fn node(&self) -> &ObjectStore {
        &self.gate.node
    }

    /// Who owns the bucket, as lists name him.
    fn owner(&self) -> Result<Owner, Refusal> {
        let owned_by = self.main.bucket()?.owner;
        Ok(crate::world::owner(&self.gate.world().state, owned_by))
    }

    fn on_service(self) -> Result<Outcome, Refusal> {
        match &self.scene.request().call {
            Call::ListBuckets(ask) => Ok(buckets::list(
                self.gate,
                self.scene,
                ask,
                &self.main.obligations,
            )),
            _ => Err(misplaced()),
        }
    }

    async fn on_bucket(self, body: Payload) -> Result<Outcome, Refusal> {
        match &self.scene.request().call {
            Call::CreateBucket(ask) => {
                let document = body
                    .document(&ask.digests, XML_BYTES_MAX)
                    .await
                    .map_err(Refusal::Body)?;
                buckets::create(self.gate, self.scene, ask, &document).await
            }
            Call::DeleteBucket => buckets::delete(self.gate, self.scene, self.main.bucket()?).await,
            Call::GetBucketPolicy => policies::get(self.gate, self.main.bucket()?),
            Call::PutBucketPolicy(digests) => {
                let text = body
                    .document(digests, POLICY_BYTES_MAX)
                    .await
                    .map_err(Refusal::Body)?;
                policies::put(self.gate, self.scene, self.main.bucket()?, &text).await
            }
            Call::DeleteBucketPolicy => {
                policies::delete(self.gate, self.scene, self.main.bucket()?).await
            }
            Call::HeadBucket => Ok(Outcome::BucketFound),
            Call::GetBucketLocation => Ok(Outcome::Location),
            Call::ListObjects(ask) => self.list(ask).await,
            Call::ListMultipartUploads(ask) => self.list_uploads(ask).await,
            _ => Box::pin(self.on_access(body)).await,
        }
    }

    /// Who may do what with a bucket, but for its policy.
    async fn on_access(self, body: Payload) -> Result<Outcome, Refusal> {
        match &self.scene.request().call {
            Call::GetBucketAcl => Ok(access::get_acl(self.gate, self.main.bucket()?)),
            Call::PutBucketAcl(ask, digests) => {
                let document = body
                    .document(digests, XML_BYTES_MAX)
                    .await
                    .map_err(Refusal::Body)?;
                let asked = (ask.as_ref(), &*document);
                access::put_acl(self.gate, self.scene, self.main.bucket()?, asked).await
            }
            Call::GetPublicAccessBlock => access::get_block(self.main.bucket()?),
            Call::PutPublicAccessBlock(digests) => {
                let document = body
                    .document(digests, XML_BYTES_MAX)
                    .await
                    .map_err(Refusal::Body)?;
                access::put_block(self.gate, self.scene, self.main.bucket()?, &document).await
            }
            Call::DeletePublicAccessBlock => {
                access::delete_block(self.gate, self.scene, self.main.bucket()?).await
            }
            Call::GetBucketOwnershipControls => access::get_ownership(self.main.bucket()?),
            Call::PutBucketOwnershipControls(digests) => {
                let document = body
                    .document(digests, XML_BYTES_MAX)
                    .await
                    .map_err(Refusal::Body)?;
                access::put_ownership(self.gate, self.scene, self.main.bucket()?, &document).await
            }
            Call::DeleteBucketOwnershipControls => {
                access::delete_ownership(self.gate, self.scene, self.main.bucket()?).await
            }
            Call::GetBucketPolicyStatus => {
                Ok(access::policy_status(self.gate, self.main.bucket()?))
            }
            _ => Box::pin(self.on_settings(body)).await,
        }
    }

    async fn on_settings(self, body: Payload) -> Result<Outcome, Refusal> {
        let bucket = self.main.bucket()?;
        match &self.scene.request().call {
            Call::ListObjectVersions(ask) => self.list_versions(ask).await,
            Call::GetSetting(setting) => settings::get(self.node(), bucket, *setting).await,
            Call::PutSetting(setting, digests) => {
                let document = body
                    .document(digests, XML_BYTES_MAX)
                    .await
                    .map_err(Refusal::Body)?;
                settings::put(self.node(), bucket, *setting, &document).await
            }
            Call::DeleteSetting(setting) => settings::delete(self.node(), bucket, *setting).await,
            Call::GetFixed(fixed) => match fixed.missing() {
                Some(code) => Err(Refusal::Upstream(code.into())),
                None => Ok(Outcome::Fixed(*fixed)),
            },
            _ => Err(misplaced()),
        }
    }

    /// A list shows what the permit's filters let through. They are prefixes that the request's own prefix lies within, so that
    /// they take nothing away from a page; a list that they would thin out was refused.
    async fn list(self, ask: &ListObjects) -> Result<Outcome, Refusal> {
        let mut page = self
            .node()
            .list_objects(self.main.bucket()?.id, ask)
            .await
            .map_err(upstream)?;
        for filter in &self.main.obligations.filters {
            page.entries
                .retain(|entry| filter.shows(entry.key.as_str().as_bytes()));
            page.prefixes
                .retain(|prefix| filter.shows(prefix.as_bytes()));
        }
        Ok(Outcome::List(ask.clone(), page, self.owner()?))
    }

    async fn list_versions(&self, ask: &ListObjectVersions) -> Result<Outcome, Refusal> {
        let bucket = self.main.bucket()?;
        let mut page = self
            .node()
            .list_versions(bucket.id, ask)
            .await
            .map_err(upstream)?;
        for filter in &self.main.obligations.filters {
            page.entries
                .retain(|entry| filter.shows(entry.key.as_str().as_bytes()));
            page.prefixes
                .retain(|prefix| filter.shows(prefix.as_bytes()));
        }
        Ok(Outcome::Versions(ask.clone(), page, self.owner()?))
    }

    async fn list_uploads(self, ask: &ListMultipartUploads) -> Result<Outcome, Refusal> {
        let creator = guards::creator(
            self.scene,
            &self.main.obligations,
            storage_node::Mismatch::Hide,
        );
        let mut page = self
            .node()
            .list_uploads(self.main.bucket()?.id, ask)
            .await
            .map_err(upstream)?;
        page.entries.retain(|entry| {
            creator
                .as_ref()
                .is_none_or(|creator| creator.admits(&entry.creator))
        });
        for filter in &self.main.obligations.filters {
            page.entries
                .retain(|entry| filter.shows(entry.key.as_str().as_bytes()));
        }
        let people = page.entries.iter().map(|entry| self.people_of(entry));
        let people = people.collect::<Result<_, _>>()?;
        Ok(Outcome::Uploads(ask.clone(), page, people))
    }

    async fn on_object(self, key: ObjectKey, body: Payload) -> Result<Outcome, Refusal> {
        let place = ObjectPlace {
            bucket: self.main.bucket()?.id,
            key,
        };
        match &self.scene.request().call {
            Call::GetObject(ask) => self.get(&place, ask).await,
            Call::HeadObject(ask) => self.head(&place, ask).await,
            Call::PutObject(ask) => Box::pin(self.put(&place, ask, body)).await,
            // Boxed, as the large ones below: a read would have to carry their room about.
            Call::CopyObject(_) | Call::UploadPartCopy(_) => Box::pin(self.copy(place)).await,
            Call::DeleteObject(ask) => {
                let guards = guards::of(self.scene, &self.main, &self.again);
                let deleted = self.node().delete_object(&place, ask, guards);
                Box::pin(deleted)
                    .await
                    .map(Outcome::Deleted)
                    .map_err(upstream)
            }
            Call::GetObjectAttributes(ask) => Box::pin(self.attributes(&place, ask)).await,
            Call::GetFacet(facet, version) => {
                Box::pin(self.get_facet(&place, *facet, *version)).await
            }
            Call::PutFacet(ask) => Box::pin(self.put_facet(&place, ask, body)).await,
            Call::GetObjectAcl(version) => Box::pin(self.get_object_acl(&place, *version)).await,
            Call::PutObjectAcl(ask) => Box::pin(self.put_object_acl(&place, ask, body)).await,
            Call::DeleteTagging(version) => Box::pin(self.delete_tags(&place, *version)).await,
            _ => Box::pin(self.on_upload(&place, body)).await,
        }
    }

    async fn get(self, place: &ObjectPlace, ask: &GetObject) -> Result<Outcome, Refusal> {
        let guards = guards::to_read(self.scene, &self.main);
        match self.node().get_object(place, ask, guards).await {
            Ok((output, body)) => {
                let body = Supervised::new(body, Way::Out, self.again);
                Ok(Outcome::Object(Box::new((ask.clone(), output, body))))
            }
            Err(error) => Err(self.not_found(error)),
        }
    }

    async fn head(self, place: &ObjectPlace, ask: &GetObject) -> Result<Outcome, Refusal> {
        let guards = guards::to_read(self.scene, &self.main);
        match self.node().head_object(place, ask, guards).await {
            Ok(output) => Ok(Outcome::ObjectHead(Box::new((ask.clone(), output)))),
            Err(error) => Err(self.not_found(error)),
        }
    }

    async fn attributes(
        self,
        place: &ObjectPlace,
        ask: &GetObjectAttributes,
    ) -> Result<Outcome, Refusal> {
        let guards = guards::to_read(self.scene, &self.main);
        match self.node().object_attributes(place, ask, guards).await {
            Ok((head, parts)) => Ok(Outcome::Attributes(Box::new((ask.clone(), head, parts)))),
            Err(error) => Err(self.not_found(error)),
        }
    }

    /// Whether the caller may list decides between 404 and 403 for what is not there, as in AWS. Who may see only what he has
    /// made is told 404 in either case.
    fn not_found(&self, error: NodeError) -> Refusal {
        told(&error);
        let refused = S3Error::from(error);
        let missing = matches!(refused.code, S3Code::NoSuchKey | S3Code::NoSuchVersion);
        if missing && !self.main.obligations.require_creator && !self.again.may_list() {
            return Refusal::Upstream(S3Code::AccessDenied.into());
        }
        Refusal::Upstream(refused)
    }

    async fn put(
        self,
        place: &ObjectPlace,
        ask: &PutObject,
        body: Payload,
    ) -> Result<Outcome, Refusal> {
        self.node().ready_for_writes().map_err(upstream)?;
        let mut by = self.write_as()?;
        let room = self.room_for_body(ask.length, 1).await?;
        keep_within(&mut by.guards, room.as_ref());
        let body = Supervised::new(body, Way::In, self.again);
        let stored = self
            .gate
            .node
            .put_object(place, ask.clone(), by, body)
            .await;
        settle(room, &stored);
        let output = stored.map_err(upstream)?;
        Ok(match &self.scene.post {
            Some(answer) => Outcome::Posted(answer.clone(), output),
            None => Outcome::Put(output),
        })
    }

    /// The guards of a write, who is recorded as its creator, and who may do what with it.
    fn write_as(&self) -> Result<WriteAs, Refusal> {
        let caller = self.scene.caller();
        Ok(WriteAs {
            creator: caller.map_or_else(Default::default, |caller| caller.creator.clone()),
            acl: self.access_of_new()?,
            guards: guards::of(self.scene, &self.main, &self.again),
        })
    }

    async fn copy(mut self, place: ObjectPlace) -> Result<Outcome, Refusal> {
        let ruling = self.source.take().ok_or_else(misplaced)?;
        let bucket = ruling.bucket()?.id;
        let read = |key: &ObjectKey| CopyRead {
            place: ObjectPlace {
                bucket,
                key: key.clone(),
            },
            guards: guards::to_read(self.scene, &ruling),
        };
        match &self.scene.request().call {
            Call::CopyObject(ask) => {
                let mut by = self.write_as()?;
                let room = self
                    .room_for_copy((&read(&ask.source.key), &ask.source), None)
                    .await?;
                keep_within(&mut by.guards, room.as_ref());
                let done = self
                    .node()
                    .copy_object(read(&ask.source.key), &place, ask.clone(), by)
                    .await;
                settle(room, &done);
                done.map(Outcome::Copied)
                    .map_err(|error| self.not_found(error))
            }
            Call::UploadPartCopy(ask) => {
                let whole = Some(ask.range.unwrap_or((0, u64::MAX - 1)));
                let room = self
                    .room_for_copy((&read(&ask.source.key), &ask.source), whole)
                    .await?;
                let mut guards = guards::of(self.scene, &self.main, &self.again);
                keep_within(&mut guards, room.as_ref());
                let done = self
                    .node()
                    .upload_part_copy(read(&ask.source.key), &place, ask.clone(), guards)
                    .await;
                settle(room, &done);
                done.map(Outcome::PartCopied)
                    .map_err(|error| self.not_found(error))
            }
            _ => Err(misplaced()),
        }
    }

    async fn on_upload(self, place: &ObjectPlace, body: Payload) -> Result<Outcome, Refusal> {
        let mut guards = guards::of(self.scene, &self.main, &self.again);
        match &self.scene.request().call {
            Call::CreateMultipartUpload(ask) => {
                let by = self.write_as()?;
                let entry = self
                    .node()
                    .create_upload(place, ask.clone(), by)
                    .await
                    .map_err(upstream)?;
                Ok(Outcome::UploadCreated(entry))
            }
            Call::UploadPart(ask) => self.part(place, ask, body).await,
            Call::CompleteMultipartUpload(ask) => {
                let document = body
                    .document(&BodyDigests::default(), XML_BYTES_MAX)
                    .await
                    .map_err(Refusal::Body)?;
                let parts = xml::complete_multipart_upload(&document).map_err(Refusal::Body)?;
                let room = self.room_for_parts(place, ask.upload, &parts).await?;
                keep_within(&mut guards, room.as_ref());
                let done = self
                    .node()
                    .complete_upload(place, ask.clone(), parts, guards)
                    .await;
                settle(room, &done);
                Ok(Outcome::Completed(done.map_err(upstream)?))
            }
            Call::AbortMultipartUpload(upload) => {
                self.node()
                    .abort_upload(place, *upload, guards)
                    .await
                    .map_err(upstream)?;
                Ok(Outcome::Aborted)
            }
            Call::ListParts(ask) => {
                let page = self
                    .node()
                    .list_parts(place, ask, guards)
                    .await
                    .map_err(upstream)?;
                let people = self.people_of(&page.upload)?;
                Ok(Outcome::Parts(ask.clone(), Box::new((page, people))))
            }
            _ => Err(misplaced()),
        }
    }

    async fn part(
        self,
        place: &ObjectPlace,
        ask: &UploadPart,
        body: Payload,
    ) -> Result<Outcome, Refusal> {
        self.node().ready_for_writes().map_err(upstream)?;
        let room = self.room_for_body(ask.length, 0).await?;
        let mut guards = guards::of(self.scene, &self.main, &self.again);
        keep_within(&mut guards, room.as_ref());
        let body = Supervised::new(body, Way::In, self.again);
        let stored = self
            .gate
            .node
            .upload_part(place, ask.clone(), guards, body)
            .await;
        settle(room, &stored);
        let output = stored.map_err(upstream)?;
        Ok(Outcome::PartPut(output))
    }
}

/// What the upstream answers.
fn upstream(error: NodeError) -> Refusal {
    told(&error);
    Refusal::Upstream(error.into())
}

/// Logs what is the node's own fault, once.
fn told(error: &NodeError) {
    if error.is_fault() {
        tracing::error!(%error, "the node failed");
    }
}

/// An operation whose target does not fit it. The parser makes none; it is refused and not believed.
fn misplaced() -> Refusal {
    Refusal::Upstream(S3Error::new(S3Code::InvalidRequest))
}
