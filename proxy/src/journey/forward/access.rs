//! Access control lists of buckets, who owns what is written to them, and what must not become public. They are the directory's, in the
//! profile `s3`; elsewhere a bucket belongs to its owner alone, and says so.

use postern_config::directory::{
    AccessPart, Bucket, BucketAccess, BucketGrant, Command, CommandError, NamespaceId, State,
};
use s3_protocol::acl::{
    self, AclAsk, Canned, Grant, Grantee, Group, Ownership, Permission, PublicBlock,
};
use s3_protocol::object::Owner;
use s3_protocol::{S3Code, S3Error};

use super::super::authorize::Scene;
use super::super::gate::Gate;
use super::super::refusal::Refusal;
use super::Outcome;
use super::buckets::{actor, apply, broken};
use crate::world::{named, opens_bucket, owner, with_email};

/// GetBucketAcl.
pub(super) fn get_acl(gate: &Gate, bucket: &Bucket) -> Outcome {
    let world = gate.world();
    let state = &world.state;
    let of = owner(state, bucket.owner);
    let lines = match &bucket.access.grants {
        Some(grants) if bucket.access.has_lists() => shown(state, grants),
        _ => vec![(Ok(of.clone()), Permission::FullControl)],
    };
    Outcome::Document(acl::write(&of, &lines))
}

/// The lines of a list, each with its grantee as documents name him. What a later version wrote is left out.
pub(super) fn shown(
    state: &State,
    grants: &[BucketGrant],
) -> Vec<(Result<Owner, Group>, Permission)> {
    let line = |grant: &BucketGrant| {
        let grantee = match grant.group() {
            Some(group) => Err(group),
            None => Ok(Owner {
                id: grant.to.clone(),
                display_name: named(state, &grant.to).unwrap_or_default(),
            }),
        };
        Some((grantee, grant.permission()?))
    };
    grants.iter().filter_map(line).collect()
}

/// PutBucketAcl: by headers, or by a document.
pub(super) async fn put_acl(
    gate: &Gate,
    scene: &Scene,
    bucket: &Bucket,
    (ask, document): (Option<&AclAsk>, &[u8]),
) -> Result<Outcome, Refusal> {
    let world = gate.world();
    let state = &world.state;
    let of = owner(state, bucket.owner);
    let grants = match ask {
        Some(ask) => grants(state, &of.id, ask)?,
        None if document.trim_ascii().is_empty() => {
            return Err(refused(S3Code::MissingSecurityHeader));
        }
        None => {
            let read = acl::read(document).map_err(Refusal::Body)?;
            if read.owner.is_some_and(|id| id != of.id) {
                return Err(refused(S3Code::AccessDenied));
            }
            resolved(state, &of.id, read.grants)?
        }
    };
    let usual = usual_only(&grants, &of.id);
    if bucket.namespace == NamespaceId::Global && !bucket.access.has_lists() {
        return Err(refused(S3Code::AccessControlListNotSupported));
    }
    if bucket.namespace != NamespaceId::Global {
        // What changes nothing is no fault: many tools always ask for it.
        return if usual {
            Ok(Outcome::Changed)
        } else {
            Err(refused(S3Code::AccessControlListNotSupported))
        };
    }
    if bucket.access.blocked().block_acls && is_public(&grants) {
        return Err(refused(S3Code::AccessDenied));
    }
    let access = BucketAccess {
        grants: (!usual).then_some(grants),
        ..bucket.access.clone()
    };
    change(gate, scene, bucket, (AccessPart::Acl, access)).await
}

/// What a new bucket is made with.
pub(super) struct Made {
    access: BucketAccess,
}

impl Made {
    /// What the headers of CreateBucket ask for; none where they ask for nothing.
    pub(super) fn asked(
        gate: &Gate,
        scene: &Scene,
        owner_id: &str,
    ) -> Result<Option<Self>, Refusal> {
        let world = gate.world();
        let state = &world.state;
        let ask = scene.request().acl.as_ref();
        let ownership = match &scene.request().escalations.object_ownership {
            None => None,
            Some(text) => Some(Ownership::named(text).ok_or_else(|| {
                let wrong = S3Error::argument(
                    "Invalid x-amz-object-ownership header",
                    "x-amz-object-ownership",
                    text,
                );
                Refusal::Upstream(wrong)
            })?),
        };
        let grants = ask.map(|ask| grants(state, owner_id, ask)).transpose()?;
        let grants = grants.filter(|grants| !usual_only(grants, owner_id));
        if ownership == Some(Ownership::BucketOwnerEnforced) && grants.is_some() {
            return Err(refused(S3Code::InvalidBucketAclWithObjectOwnership));
        }
        let access = BucketAccess {
            grants,
            ownership,
            block: None,
        };
        Ok((!access.is_usual()).then_some(Self { access }))
    }

    /// Whether a bucket is as one that is made with it.
    pub(super) fn is_of(&self, bucket: &Bucket) -> bool {
        self.access == bucket.access
    }

    /// Says it of the bucket that was made.
    pub(super) async fn of(
        self,
        gate: &Gate,
        scene: &Scene,
        bucket: &Bucket,
    ) -> Result<Outcome, Refusal> {
        let part = if self.access.grants.is_some() {
            AccessPart::Acl
        } else {
            AccessPart::Ownership
        };
        change(gate, scene, bucket, (part, self.access)).await
    }
}

/// GetBucketOwnershipControls.
pub(super) fn get_ownership(bucket: &Bucket) -> Result<Outcome, Refusal> {
    let ownership = if bucket.namespace == NamespaceId::Global {
        bucket.access.ownership
    } else {
        Some(Ownership::BucketOwnerEnforced)
    };
    let ownership = ownership.ok_or_else(|| refused(S3Code::OwnershipControlsNotFoundError))?;
    Ok(Outcome::Document(acl::write_ownership(ownership)))
}

/// PutBucketOwnershipControls.
pub(super) async fn put_ownership(
    gate: &Gate,
    scene: &Scene,
    bucket: &Bucket,
    document: &[u8],
) -> Result<Outcome, Refusal> {
    let ownership = acl::read_ownership(document).map_err(Refusal::Body)?;
    let enforced = ownership == Ownership::BucketOwnerEnforced;
    if bucket.namespace != NamespaceId::Global {
        return if enforced {
            Ok(Outcome::Changed)
        } else {
            Err(Refusal::Unbuilt(scene.request().operation))
        };
    }
    if enforced && bucket.access.grants.is_some() {
        return Err(refused(S3Code::InvalidBucketAclWithObjectOwnership));
    }
    let access = BucketAccess {
        ownership: Some(ownership),
        ..bucket.access.clone()
    };
    change(gate, scene, bucket, (AccessPart::Ownership, access)).await
}

/// DeleteBucketOwnershipControls.
pub(super) async fn delete_ownership(
    gate: &Gate,
    scene: &Scene,
    bucket: &Bucket,
) -> Result<Outcome, Refusal> {
    if bucket.access.ownership.is_none() {
        return Ok(Outcome::PolicyChanged);
    }
    let access = BucketAccess {
        ownership: None,
        ..bucket.access.clone()
    };
    change(gate, scene, bucket, (AccessPart::Ownership, access)).await?;
    Ok(Outcome::PolicyChanged)
}

/// What must not become public where nothing can by S3's own ways.
const ALL_BLOCKED: PublicBlock = PublicBlock {
    block_acls: true,
    ignore_acls: true,
    block_policy: true,
    restrict: true,
};

/// GetPublicAccessBlock.
pub(super) fn get_block(bucket: &Bucket) -> Result<Outcome, Refusal> {
    if bucket.namespace != NamespaceId::Global {
        // What S3's own ways could open is closed, and stays so.
        return Ok(Outcome::Document(acl::write_block(ALL_BLOCKED)));
    }
    let block = bucket.access.block.map(PublicBlock::from);
    let block = block.ok_or_else(|| refused(S3Code::NoSuchPublicAccessBlockConfiguration))?;
    Ok(Outcome::Document(acl::write_block(block)))
}

/// PutPublicAccessBlock.
pub(super) async fn put_block(
    gate: &Gate,
    scene: &Scene,
    bucket: &Bucket,
    document: &[u8],
) -> Result<Outcome, Refusal> {
    let block = acl::read_block(document).map_err(Refusal::Body)?;
    if bucket.namespace != NamespaceId::Global {
        return if block == ALL_BLOCKED {
            Ok(Outcome::Changed)
        } else {
            Err(Refusal::Unbuilt(scene.request().operation))
        };
    }
    let access = BucketAccess {
        block: Some(block.into()),
        ..bucket.access.clone()
    };
    change(gate, scene, bucket, (AccessPart::PublicBlock, access)).await
}

/// DeletePublicAccessBlock.
pub(super) async fn delete_block(
    gate: &Gate,
    scene: &Scene,
    bucket: &Bucket,
) -> Result<Outcome, Refusal> {
    if bucket.access.block.is_none() {
        return Ok(Outcome::PolicyChanged);
    }
    let access = BucketAccess {
        block: None,
        ..bucket.access.clone()
    };
    change(gate, scene, bucket, (AccessPart::PublicBlock, access)).await?;
    Ok(Outcome::PolicyChanged)
}

/// GetBucketPolicyStatus: whether policy or list let everyone do something.
pub(super) fn policy_status(gate: &Gate, bucket: &Bucket) -> Outcome {
    let world = gate.world();
    let state = &world.state;
    let profile = state.tenant(bucket.tenant).map(|tenant| tenant.profile);
    let by_policy = state.bucket_policy(bucket.id).zip(profile);
    let by_policy =
        by_policy.is_some_and(|(policy, profile)| opens_bucket(&policy.text, bucket, profile));
    let by_list = bucket.access.has_lists()
        && bucket
            .access
            .grants
            .as_ref()
            .is_some_and(|grants| is_public(grants));
    Outcome::Document(acl::write_policy_status(by_policy || by_list))
}

/// The lines that are asked for, for a bucket of this owner.
pub(super) fn grants(
    state: &State,
    owner: &str,
    ask: &AclAsk,
) -> Result<Vec<BucketGrant>, Refusal> {
    let canned = match ask {
        AclAsk::Grants(grants) => return resolved(state, owner, grants.clone()),
        AclAsk::Canned(canned) => canned,
    };
    let everyone = |permission| Grant {
        grantee: Grantee::Group(Group::AllUsers),
        permission,
    };
    let to = |group, permission| Grant {
        grantee: Grantee::Group(group),
        permission,
    };
    let own = Grant {
        grantee: Grantee::Id(owner.to_owned()),
        permission: Permission::FullControl,
    };
    let more = match canned {
        // Of a bucket the last two say nothing more.
        Canned::Private | Canned::BucketOwnerRead | Canned::BucketOwnerFullControl => Vec::new(),
        Canned::PublicRead => vec![everyone(Permission::Read)],
        Canned::PublicReadWrite => {
            vec![everyone(Permission::Read), everyone(Permission::Write)]
        }
        Canned::AuthenticatedRead => vec![to(Group::AuthenticatedUsers, Permission::Read)],
        Canned::LogDeliveryWrite => vec![
            to(Group::LogDelivery, Permission::Write),
            to(Group::LogDelivery, Permission::ReadAcp),
        ],
    };
    let all = more.into_iter().chain([own]);
    Ok(all.map(BucketGrant::from).collect())
}

/// Lines whose grantees are all known, by canonical id or as groups. The owner is, wherever he is.
pub(super) fn resolved(
    state: &State,
    owner: &str,
    grants: Vec<Grant>,
) -> Result<Vec<BucketGrant>, Refusal> {
    let resolve = |grant: Grant| {
        let grantee = match grant.grantee {
            Grantee::Group(group) => Grantee::Group(group),
            Grantee::Id(id) if id == owner || named(state, &id).is_some() => Grantee::Id(id),
            Grantee::Id(id) => {
                let wrong = S3Error::argument("Invalid id", "CanonicalUser/ID", id);
                return Err(Refusal::Upstream(wrong));
            }
            Grantee::Email(email) => match with_email(state, &email) {
                Some(id) => Grantee::Id(id),
                None => return Err(refused(S3Code::UnresolvableGrantByEmailAddress)),
            },
        };
        Ok(BucketGrant::from(Grant { grantee, ..grant }))
    };
    grants.into_iter().map(resolve).collect()
}

/// Whether a list says what a bucket without one has.
pub(super) fn usual_only(grants: &[BucketGrant], owner: &str) -> bool {
    let own = |grant: &BucketGrant| {
        grant.to == owner && grant.permission() == Some(Permission::FullControl)
    };
    grants.len() == 1 && grants.iter().all(own)
}

pub(super) fn is_public(grants: &[BucketGrant]) -> bool {
    let mut groups = grants.iter().filter_map(BucketGrant::group);
    groups.any(|group| group != Group::LogDelivery)
}

/// Replaces what is said, if nothing has changed since it was read.
async fn change(
    gate: &Gate,
    scene: &Scene,
    bucket: &Bucket,
    (part, access): (AccessPart, BucketAccess),
) -> Result<Outcome, Refusal> {
    let command = Command::SetBucketAccess(bucket.id, part, access);
    match apply(gate, command, actor(scene)).await {
        Ok(_) => Ok(Outcome::Changed),
        Err(CommandError::NotFound { .. } | CommandError::Refused(_)) => {
            let gone = S3Error::new(S3Code::NoSuchBucket);
            Err(Refusal::Upstream(
                gone.and("BucketName", bucket.name.as_str()),
            ))
        }
        Err(cause) => Err(broken(&cause)),
    }
}

pub(super) fn refused(code: S3Code) -> Refusal {
    Refusal::Upstream(code.into())
}
