//! Plans for quotas and rates.

use serde_json::json;

use super::{Ground, Plan, refuse};
use crate::directory::bounds::{Quota, QuotaOf, Rate, RateOf};
use crate::directory::command::{CommandError, Refusal};
use crate::directory::record::{AccessKey, Bucket, Tenant, User};
use crate::directory::rows::Record;
use crate::directory::state::State;
use crate::engine::Revision;

pub(super) fn set_quota(
    ground: &Ground<'_>,
    of: QuotaOf,
    quota: Quota,
) -> Result<Plan, CommandError> {
    let (plan, before, record) = match of {
        QuotaOf::Tenant(id) => {
            let found = Tenant::clone(ground.tenant(id)?);
            let plan = Plan::new("tenant.set-quota", "tenant", id).of(id);
            (plan, found.quota, Record::Tenant(Tenant { quota, ..found }))
        }
        QuotaOf::User(id) => {
            let found = User::clone(ground.user(id)?);
            let plan = Plan::new("user.set-quota", "user", id).of(found.tenant);
            (plan, found.quota, Record::User(User { quota, ..found }))
        }
        QuotaOf::Bucket(id) => {
            let found = Bucket::clone(ground.bucket(id)?);
            let plan = Plan::new("bucket.set-quota", "bucket", id).of(found.tenant);
            (plan, found.quota, Record::Bucket(Bucket { quota, ..found }))
        }
    };
    plan.detail(json!({ "before": before, "after": quota }))
        .write(&record)
}

pub(super) fn set_rate(ground: &Ground<'_>, of: RateOf, rate: Rate) -> Result<Plan, CommandError> {
    if rate.requests == Some(0) || rate.bytes == Some(0) {
        return refuse(Refusal::RateOfNothing);
    }
    let (plan, before, record) = match of {
        RateOf::Tenant(id) => {
            let found = Tenant::clone(ground.tenant(id)?);
            let plan = Plan::new("tenant.set-rate", "tenant", id).of(id);
            (plan, found.rate, Record::Tenant(Tenant { rate, ..found }))
        }
        RateOf::User(id) => {
            let found = User::clone(ground.user(id)?);
            let plan = Plan::new("user.set-rate", "user", id).of(found.tenant);
            (plan, found.rate, Record::User(User { rate, ..found }))
        }
        RateOf::Key(id) => {
            let found = AccessKey::clone(ground.key(&id)?);
            let plan = Plan::new("key.set-rate", "access key", id).of(found.tenant);
            (plan, found.rate, Record::Key(AccessKey { rate, ..found }))
        }
    };
    plan.detail(json!({ "before": before, "after": rate }))
        .write(&record)
}

/// The revision of what has the quota.
pub(super) fn quota_subject(state: &State, of: QuotaOf) -> Option<Revision> {
    match of {
        QuotaOf::Tenant(id) => Some(state.tenant(id)?.revision),
        QuotaOf::User(id) => Some(state.user(id)?.revision),
        QuotaOf::Bucket(id) => Some(state.bucket_by_id(id)?.revision),
    }
}

/// The revision of what has the rate.
pub(super) fn rate_subject(state: &State, of: RateOf) -> Option<Revision> {
    match of {
        RateOf::Tenant(id) => Some(state.tenant(id)?.revision),
        RateOf::User(id) => Some(state.user(id)?.revision),
        RateOf::Key(id) => Some(state.key(&id)?.revision),
    }
}
