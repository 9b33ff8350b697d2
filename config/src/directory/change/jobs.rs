//! Plans for deletions that take data along: they begin at once, and end when the last bucket is gone.

use serde_json::json;

use super::{Ground, Plan, missing, refuse, tenants, users};
use crate::directory::command::{CommandError, Outcome, Refusal};
use crate::directory::job::{Job, Purge, Totals};
use crate::directory::names::{JobId, TenantId, UserId};
use crate::directory::profile::UserDeleteData;
use crate::directory::record::{TenantStatus, UserStatus};
use crate::directory::rows::Record;
use crate::engine::Revision;
use crate::limits::{JOBS_KEPT_MAX, JOBS_RUNNING_MAX};

/// Marks the user: from here on nothing of him works. The job removes his buckets, then the sweep his keys and him.
pub(super) fn purge_user(ground: &mut Ground<'_>, id: UserId) -> Result<Plan, CommandError> {
    let user = ground.user(id)?;
    let rules = ground.tenant(user.tenant)?.profile.rules();
    match rules.user_delete_data {
        UserDeleteData::Purge => {}
        UserDeleteData::RefuseIfNotEmpty => return refuse(Refusal::KeepsData),
    }
    let plan = users::set_status(ground, id, UserStatus::Deleting)?;
    begin(
        ground,
        plan.called("user.purge"),
        (user.tenant, Purge::User(id)),
    )
}

/// Closes the account: from here on nothing of it works. The job removes its buckets, then the sweep the rest.
pub(super) fn purge_tenant(ground: &mut Ground<'_>, id: TenantId) -> Result<Plan, CommandError> {
    if ground.state.children(id).next().is_some() {
        return refuse(Refusal::HasChildren);
    }
    let plan = tenants::set_status(ground, id, TenantStatus::Closed)?;
    begin(ground, plan.called("tenant.purge"), (id, Purge::Tenant(id)))
}

fn begin(
    ground: &mut Ground<'_>,
    plan: Plan,
    (tenant, purge): (TenantId, Purge),
) -> Result<Plan, CommandError> {
    if ground.state.running_jobs().count() >= JOBS_RUNNING_MAX {
        return refuse(Refusal::Jobs);
    }
    let job = Job {
        id: JobId(ground.number()),
        tenant,
        purge,
        asked_by: ground.actor.label(),
        asked: ground.now.seconds(),
        totals: None,
        finished: None,
        revision: Revision::default(),
    };
    let mut plan = plan
        .also("job", json!(job.id.get()))
        .tell(Outcome::Job(job.id));
    if ground.state.jobs().count() >= JOBS_KEPT_MAX
        && let Some(oldest) = ground.state.jobs().find(|job| job.finished.is_some())
    {
        plan = plan.remove(&Record::Job(Job::clone(oldest)));
    }
    plan.write(&Record::Job(job))
}

/// Says how much there is to do.
pub(super) fn measure(
    ground: &Ground<'_>,
    id: JobId,
    totals: Totals,
) -> Result<Plan, CommandError> {
    let job = running(ground, id)?;
    let changed = Job {
        totals: Some(totals),
        ..job.clone()
    };
    let plan = Plan::new("job.measure", "job", id.get()).of(job.tenant);
    plan.detail(json!({ "of": job.purge, "totals": totals }))
        .write(&Record::Job(changed))
}

/// Says that it is done: no bucket is left.
pub(super) fn finish(ground: &Ground<'_>, id: JobId) -> Result<Plan, CommandError> {
    let job = running(ground, id)?;
    if ground.state.purged_buckets(job.purge).next().is_some() {
        return refuse(Refusal::OwnsBuckets);
    }
    let changed = Job {
        finished: Some(ground.now.seconds()),
        ..job.clone()
    };
    let plan = Plan::new("job.finish", "job", id.get()).of(job.tenant);
    plan.detail(json!({ "of": job.purge, "removed": job.totals, "asked_by": job.asked_by }))
        .write(&Record::Job(changed))
}

fn running<'a>(ground: &Ground<'a>, id: JobId) -> Result<&'a Job, CommandError> {
    let job = ground
        .state
        .job(id)
        .ok_or_else(|| missing("job", id.get()))?;
    match job.finished {
        None => Ok(job),
        Some(_) => refuse(Refusal::Finished),
    }
}
