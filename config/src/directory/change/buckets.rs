//! Plans for buckets and the labels of namespaces. A bucket is made and removed in steps that the upstream shares.

use s3_protocol::acl::Ownership;
use s3_protocol::{BucketId, BucketName};
use serde_json::json;

use super::{Ground, Plan, missing, refuse};
use crate::directory::access::{AccessPart, BucketAccess};
use crate::directory::bounds::Quota;
use crate::directory::command::{CommandError, Outcome, Refusal};
use crate::directory::names::{Alias, NamespaceId, UserId};
use crate::directory::profile::NamespaceKind;
use crate::directory::record::{Bucket, BucketState, Keeps, Namespace, PolicyDocument};
use crate::directory::rows::Record;
use crate::directory::vault::SealError;
use crate::engine::Revision;

/// A step that leaves the bucket where it is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Activate,
    Close,
    Reopen,
}

pub(super) fn begin(
    ground: &Ground<'_>,
    (namespace, name): (NamespaceId, &BucketName),
    owner: UserId,
    keeps: Keeps,
) -> Result<Plan, CommandError> {
    let user = ground.working_user(owner)?;
    let tenant = ground.tenant(user.tenant)?;
    if user.namespace(tenant.profile) != namespace {
        return refuse(Refusal::NotOfNamespace);
    }
    if let Some(there) = ground.state.bucket(namespace, name) {
        let name = name.to_string();
        return Err(CommandError::Taken {
            what: "bucket",
            name,
            bucket: Some(there.id),
        });
    }
    let random = ground.entropy.bytes::<16>().map_err(SealError::from)?;
    let id = BucketId(
        uuid::Builder::from_random_bytes(random)
            .into_uuid()
            .as_u128(),
    );
    let bucket = Bucket {
        id,
        namespace,
        name: name.clone(),
        tenant: user.tenant,
        owner,
        state: BucketState::Creating,
        created: ground.now.seconds(),
        acl: None,
        public: None,
        access: BucketAccess::default(),
        quota: Quota::default(),
        revision: Revision::default(),
    };
    let detail = json!({
        "name": name.as_str(),
        "namespace": namespace,
        "owner": owner,
        "keeps": keeps.as_str(),
    });
    Plan::new("bucket.create", "bucket", id)
        .of(user.tenant)
        .detail(detail)
        .tell(Outcome::Bucket(id))
        .write(&Record::Bucket(bucket))
}

pub(super) fn step(ground: &Ground<'_>, id: BucketId, step: Step) -> Result<Plan, CommandError> {
    let bucket = ground.bucket(id)?;
    let (action, from, to) = match step {
        Step::Activate => (
            "bucket.activate",
            BucketState::Creating,
            BucketState::Active,
        ),
        Step::Close => ("bucket.close", BucketState::Active, BucketState::Deleting),
        Step::Reopen => ("bucket.reopen", BucketState::Deleting, BucketState::Active),
    };
    if bucket.state != from {
        return refuse(Refusal::BucketState);
    }
    let changed = Bucket {
        state: to,
        ..Bucket::clone(bucket)
    };
    let plan = Plan::new(action, "bucket", id).of(bucket.tenant);
    plan.detail(json!({ "name": bucket.name.as_str() }))
        .write(&Record::Bucket(changed))
}

pub(super) fn remove(ground: &Ground<'_>, id: BucketId) -> Result<Plan, CommandError> {
    let bucket = ground.bucket(id)?;
    if bucket.state == BucketState::Active {
        return refuse(Refusal::BucketState);
    }
    let plan = Plan::new("bucket.delete", "bucket", id).of(bucket.tenant);
    let mut plan = plan.detail(json!({ "name": bucket.name.as_str() }));
    if let Some(policy) = ground.state.bucket_policy(id) {
        plan = plan.remove(&Record::Policy(PolicyDocument::clone(policy)));
    }
    Ok(plan.remove(&Record::Bucket(Bucket::clone(bucket))))
}

pub(super) fn set_alias(
    ground: &Ground<'_>,
    id: NamespaceId,
    alias: Option<&Alias>,
) -> Result<Plan, CommandError> {
    let Some(tenant) = id.tenant() else {
        return refuse(Refusal::NoNamespace);
    };
    let fits = match (id, ground.working_tenant(tenant)?.profile.namespaces()) {
        (NamespaceId::User(..), NamespaceKind::PerUser)
        | (NamespaceId::Account(_), NamespaceKind::Account) => true,
        (NamespaceId::User(..) | NamespaceId::Account(_) | NamespaceId::Global, _) => false,
    };
    if !fits {
        return refuse(Refusal::NoNamespace);
    }
    let namespace = ground
        .state
        .namespace(id)
        .ok_or_else(|| missing("namespace", id))?;
    if let Some(alias) = alias
        && ground
            .state
            .alias(alias.as_str())
            .is_some_and(|holder| holder != id)
    {
        let name = alias.to_string();
        return Err(CommandError::Taken {
            what: "alias",
            name,
            bucket: None,
        });
    }
    let detail = json!({ "before": namespace.alias, "after": alias });
    let changed = Namespace {
        alias: alias.cloned(),
        ..Namespace::clone(namespace)
    };
    let plan = Plan::new("namespace.set-alias", "namespace", id)
        .of(tenant)
        .detail(detail);
    plan.write(&Record::Namespace(changed))
}

/// Replaces what access control lists and their companions say of a bucket.
pub(super) fn set_access(
    ground: &Ground<'_>,
    id: BucketId,
    (part, access): (AccessPart, &BucketAccess),
) -> Result<Plan, CommandError> {
    let bucket = ground.bucket(id)?;
    ground.working_tenant(bucket.tenant)?;
    if bucket.state != BucketState::Active {
        return refuse(Refusal::BucketState);
    }
    let (action, detail) = match part {
        AccessPart::Acl => (
            "bucket.set-acl",
            json!({ "before": bucket.access.grants, "after": access.grants }),
        ),
        AccessPart::Ownership => (
            "bucket.set-ownership",
            json!({
                "before": bucket.access.ownership.map(Ownership::as_str),
                "after": access.ownership.map(Ownership::as_str),
            }),
        ),
        AccessPart::PublicBlock => (
            "bucket.set-public-block",
            json!({ "before": bucket.access.block, "after": access.block }),
        ),
    };
    let changed = Bucket {
        access: access.clone(),
        ..Bucket::clone(bucket)
    };
    let plan = Plan::new(action, "bucket", id).of(bucket.tenant);
    plan.detail(detail).write(&Record::Bucket(changed))
}
