//! Access control lists of objects: in the profile `s3`, where a bucket has such lists. Elsewhere an object belongs to the owner of its
//! bucket alone, and says so.

use postern_config::directory::{Bucket, BucketGrant, NamespaceId, State};
use s3_protocol::acl::{self, AclAsk, Canned, Grant, Grantee, Ownership, Permission};
use s3_protocol::call::PutObjectAcl;
use s3_protocol::limits::XML_BYTES_MAX;
use s3_protocol::object::{Owner, UploadEntry, UploadPeople};
use s3_protocol::{S3Code, VersionId};
use storage_node::{FacetChange, Guards, ObjectPlace};

use super::super::authenticate::Payload;
use super::super::refusal::Refusal;
use super::access::{is_public, refused, resolved, shown, usual_only};
use super::{Errand, Outcome, access, guards};
use crate::world::{ObjectAccess, initiator, named, owner};

impl Errand<'_> {
    /// What stands beside an object that this request writes: its owner and list, unless it is its bucket's owner's alone.
    pub(super) fn access_of_new(&self) -> Result<Option<String>, Refusal> {
        let bucket = self.main.bucket()?;
        if bucket.namespace != NamespaceId::Global {
            return Ok(None);
        }
        let ask = self.scene.request().acl.as_ref();
        let world = self.gate.world();
        let state = &world.state;
        let of_bucket = owner(state, bucket.owner).id;
        if !bucket.access.has_lists() {
            return refuse_lists(ask).map(|()| None);
        }
        let gives_up = bucket.access.ownership == Some(Ownership::BucketOwnerPreferred)
            && ask == Some(&AclAsk::Canned(Canned::BucketOwnerFullControl));
        // What nobody has signed belongs to the bucket's owner.
        let writer = self.scene.caller().filter(|_| !gives_up);
        let writer = writer.map_or(&of_bucket, |writer| &writer.canonical_id);
        let grants = asked(state, (writer, &of_bucket), ask)?;
        stored(bucket, (writer, &of_bucket), grants)
    }

    /// GetObjectAcl.
    pub(super) async fn get_object_acl(
        self,
        place: &ObjectPlace,
        version: Option<VersionId>,
    ) -> Result<Outcome, Refusal> {
        let guards = guards::to_read(self.scene, &self.main);
        let read = self.node().object_facets(place, version, guards).await;
        let facets = read.map_err(|error| self.not_found(error))?;
        let world = self.gate.world();
        let access = self.access_of(&world.state, facets.acl.as_deref())?;
        let of = owner_called(&world.state, access.owner);
        let text = acl::write(&of, &shown(&world.state, &access.grants));
        Ok(Outcome::Facet(text, facets.head.version))
    }

    /// PutObjectAcl: by headers, or by a document.
    pub(super) async fn put_object_acl(
        self,
        place: &ObjectPlace,
        ask: &PutObjectAcl,
        body: Payload,
    ) -> Result<Outcome, Refusal> {
        let document = body
            .document(&ask.digests, XML_BYTES_MAX)
            .await
            .map_err(Refusal::Body)?;
        let read = self.node();
        let read = read.object_facets(place, ask.version, Guards::default());
        let facets = read.await.map_err(|error| self.not_found(error))?;
        let acl = self.replaced(ask, &document, facets.acl.as_deref())?;
        let guards = guards::of(self.scene, &self.main, &self.again);
        let change = FacetChange::Acl(acl);
        let changed = self
            .node()
            .change_object(place, ask.version, change, guards)
            .await;
        let version = changed.map_err(|error| self.not_found(error))?;
        Ok(Outcome::FacetChanged(version))
    }

    /// Whom lists of uploads name: who began this one, and who will own its object.
    pub(super) fn people_of(&self, upload: &UploadEntry) -> Result<UploadPeople, Refusal> {
        let world = self.gate.world();
        let access = self.access_of(&world.state, upload.acl.as_deref())?;
        Ok(UploadPeople {
            initiator: initiator(&world.state, &upload.creator),
            owner: owner_called(&world.state, access.owner),
        })
    }

    /// What is to stand beside an object in the place of what does. Its owner stays who he is.
    fn replaced(
        &self,
        ask: &PutObjectAcl,
        document: &[u8],
        now: Option<&str>,
    ) -> Result<Option<String>, Refusal> {
        let bucket = self.main.bucket()?;
        let world = self.gate.world();
        let state = &world.state;
        let of_bucket = owner(state, bucket.owner).id;
        let access = self.access_of(state, now)?;
        let grants = match &ask.ask {
            Some(ask) => asked(state, (&access.owner, &of_bucket), Some(ask))?,
            None if document.trim_ascii().is_empty() => {
                return Err(refused(S3Code::MissingSecurityHeader));
            }
            None => {
                let read = acl::read(document).map_err(Refusal::Body)?;
                if read.owner.is_some_and(|id| id != access.owner) {
                    return Err(refused(S3Code::AccessDenied));
                }
                resolved(state, &access.owner, read.grants)?
            }
        };
        if bucket.namespace == NamespaceId::Global && !bucket.access.has_lists() {
            return Err(refused(S3Code::AccessControlListNotSupported));
        }
        if bucket.namespace != NamespaceId::Global {
            // What changes nothing is no fault: many tools always ask for it.
            return if usual_only(&grants, &access.owner) {
                Ok(None)
            } else {
                Err(refused(S3Code::AccessControlListNotSupported))
            };
        }
        stored(bucket, (&access.owner, &of_bucket), grants)
    }

    /// Who may do what with an object, by what stands beside it.
    fn access_of(&self, state: &State, acl: Option<&str>) -> Result<ObjectAccess, Refusal> {
        let bucket = self.main.bucket()?;
        let has_lists = bucket.namespace == NamespaceId::Global && bucket.access.has_lists();
        match acl.filter(|_| has_lists) {
            Some(text) => ObjectAccess::read(text).ok_or_else(|| {
                tracing::error!("what stands beside an object is no list");
                refused(S3Code::InternalError)
            }),
            None => {
                let owner = owner(state, bucket.owner).id;
                let grants = vec![grant(&owner, Permission::FullControl)];
                Ok(ObjectAccess { owner, grants })
            }
        }
    }
}

fn owner_called(state: &State, id: String) -> Owner {
    Owner {
        display_name: named(state, &id).unwrap_or_default(),
        id,
    }
}

/// A list where lists have no effect: but for what every object has there.
fn refuse_lists(ask: Option<&AclAsk>) -> Result<(), Refusal> {
    match ask {
        None | Some(AclAsk::Canned(Canned::BucketOwnerFullControl)) => Ok(()),
        Some(AclAsk::Canned(_) | AclAsk::Grants(_)) => {
            Err(refused(S3Code::AccessControlListNotSupported))
        }
    }
}

/// The lines that are asked for, for an object of this owner in a bucket of that one.
fn asked(
    state: &State,
    (of, of_bucket): (&str, &str),
    ask: Option<&AclAsk>,
) -> Result<Vec<BucketGrant>, Refusal> {
    let Some(ask) = ask else {
        return Ok(vec![grant(of, Permission::FullControl)]);
    };
    let mut grants = access::grants(state, of, ask)?;
    let to_bucket = match ask {
        AclAsk::Canned(Canned::BucketOwnerRead) => Some(Permission::Read),
        AclAsk::Canned(Canned::BucketOwnerFullControl) => Some(Permission::FullControl),
        AclAsk::Canned(_) | AclAsk::Grants(_) => None,
    };
    if of != of_bucket {
        grants.extend(to_bucket.map(|permission| grant(of_bucket, permission)));
    }
    Ok(grants)
}

/// As it stands beside the object; nothing where it is the bucket's owner's alone.
fn stored(
    bucket: &Bucket,
    (of, of_bucket): (&str, &str),
    grants: Vec<BucketGrant>,
) -> Result<Option<String>, Refusal> {
    if bucket.access.blocked().block_acls && is_public(&grants) {
        return Err(refused(S3Code::AccessDenied));
    }
    if of == of_bucket && usual_only(&grants, of) {
        return Ok(None);
    }
    let owner = of.to_owned();
    Ok(Some(ObjectAccess { owner, grants }.write()))
}

fn grant(to: &str, permission: Permission) -> BucketGrant {
    BucketGrant::from(Grant {
        grantee: Grantee::Id(to.to_owned()),
        permission,
    })
}
