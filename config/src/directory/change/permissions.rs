//! Plans for account and container permissions, and for what is public. One kind gives way to the other; the audit record holds
//! the difference.

use s3_protocol::BucketId;
use serde_json::json;

use super::{Ground, Plan, refuse};
use crate::directory::command::{CommandError, Refusal};
use crate::directory::names::{TenantId, UserId};
use crate::directory::permission::{AccountAcl, ContainerAcl, PermissionChange, PublicAccess};
use crate::directory::profile::{Profile, PublicContainers};
use crate::directory::record::{Bucket, BucketState, Tenant};
use crate::directory::rows::Record;
use crate::limits::{PERMISSION_ROWS_MAX, REFERRERS_MAX};

pub(super) fn set_account(
    ground: &Ground<'_>,
    id: TenantId,
    acl: Option<&AccountAcl>,
) -> Result<Plan, CommandError> {
    let tenant = ground.working_tenant(id)?;
    check(ground, tenant, acl.into_iter().flat_map(AccountAcl::users))?;
    let before = tenant.account_acl();
    let changed = Tenant {
        acl: acl.cloned(),
        ..Tenant::clone(tenant)
    };
    let change = match changed.account_acl() {
        Some(after) => after.preview(before.as_ref()),
        None => PermissionChange::default(),
    };
    let plan = Plan::new("tenant.set-permissions", "tenant", id).of(id);
    plan.detail(json!(change)).write(&Record::Tenant(changed))
}

pub(super) fn set_container(
    ground: &Ground<'_>,
    id: BucketId,
    acl: Option<&ContainerAcl>,
) -> Result<Plan, CommandError> {
    let (bucket, tenant) = container(ground, id)?;
    check(
        ground,
        tenant,
        acl.into_iter().flat_map(ContainerAcl::users),
    )?;
    let changed = Bucket {
        acl: acl.cloned(),
        ..bucket.clone()
    };
    let change = match acl {
        Some(acl) => acl.preview(bucket.acl.as_ref()),
        None => PermissionChange {
            removed: bucket
                .acl
                .as_ref()
                .map(ContainerAcl::rows)
                .unwrap_or_default(),
            ..PermissionChange::default()
        },
    };
    let plan = Plan::new("bucket.set-permissions", "bucket", id).of(bucket.tenant);
    plan.detail(json!(change)).write(&Record::Bucket(changed))
}

pub(super) fn set_public(
    ground: &Ground<'_>,
    id: BucketId,
    access: Option<&PublicAccess>,
) -> Result<Plan, CommandError> {
    let (bucket, tenant) = container(ground, id)?;
    match tenant.profile.rules().public_containers {
        PublicContainers::Switch => {}
        PublicContainers::Off | PublicContainers::ByPolicy => return refuse(Refusal::NotPublic),
    }
    if access.is_some_and(|access| access.referrers.len() > REFERRERS_MAX) {
        return refuse(Refusal::TooManyRows);
    }
    let changed = Bucket {
        public: access.cloned(),
        ..bucket.clone()
    };
    let detail = json!({ "before": bucket.public, "after": access });
    let plan = Plan::new("bucket.set-public", "bucket", id).of(bucket.tenant);
    plan.detail(detail).write(&Record::Bucket(changed))
}

fn container<'a>(
    ground: &Ground<'a>,
    id: BucketId,
) -> Result<(&'a Bucket, &'a Tenant), CommandError> {
    let bucket = ground.bucket(id)?;
    if bucket.state != BucketState::Active {
        return refuse(Refusal::BucketState);
    }
    Ok((bucket, ground.working_tenant(bucket.tenant)?))
}

/// Permissions are for members of the account, where its profile has any.
fn check(
    ground: &Ground<'_>,
    tenant: &Tenant,
    users: impl Iterator<Item = UserId>,
) -> Result<(), CommandError> {
    if !Profile::has_permissions(tenant.profile) {
        return refuse(Refusal::NoPermissions);
    }
    for (number, id) in users.enumerate() {
        if number >= PERMISSION_ROWS_MAX {
            return refuse(Refusal::TooManyRows);
        }
        if ground.user(id)?.tenant != tenant.id {
            return Err(super::missing("user", id));
        }
    }
    Ok(())
}
