//! Plans for policy documents. A document is kept as text; whether it is understood the gate has said before.

use serde_json::json;

use super::{Ground, Plan, iam, missing, refuse};
use crate::directory::command::{CommandError, Refusal};
use crate::directory::iam::Holder;
use crate::directory::names::{Digest, TenantId};
use crate::directory::record::{BucketState, PolicyDocument, PolicyPlace};
use crate::directory::rows::Record;
use crate::engine::Revision;
use crate::limits::{POLICY_BYTES_MAX, USER_POLICIES_MAX};

/// Attaches a document. One that is there gives way to it.
pub(super) fn put(
    ground: &Ground<'_>,
    place: &PolicyPlace,
    text: &str,
) -> Result<Plan, CommandError> {
    if !(1..=POLICY_BYTES_MAX).contains(&text.len()) {
        return refuse(Refusal::PolicySize);
    }
    let tenant = holder(ground, place)?;
    let before = ground.state.policy(place);
    if let Some((holder, _)) = place.holder() {
        let full = ground.state.held_policies(holder).count() >= USER_POLICIES_MAX;
        if full && before.is_none() {
            return refuse(Refusal::UserPolicies);
        }
        let more = text
            .len()
            .saturating_sub(before.map_or(0, |it| it.text.len()));
        iam::check_room(ground, holder, more)?;
    }
    let detail = json!({
        "sha256": Digest::of(text.as_bytes()),
        "bytes": text.len(),
        "before": before.map(|before| Digest::of(before.text.as_bytes())),
    });
    let document = PolicyDocument {
        tenant,
        place: place.clone(),
        text: text.to_owned(),
        put: ground.now.seconds(),
        put_by: ground.actor.label(),
        revision: Revision::default(),
    };
    let plan = Plan::new("policy.put", "policy", place).of(tenant);
    plan.detail(detail).write(&Record::Policy(document))
}

pub(super) fn delete(ground: &Ground<'_>, place: &PolicyPlace) -> Result<Plan, CommandError> {
    let found = ground.state.policy(place);
    let found = found.ok_or_else(|| missing("policy", place))?;
    let detail = json!({ "before": Digest::of(found.text.as_bytes()) });
    let plan = Plan::new("policy.delete", "policy", place).of(found.tenant);
    let gone = Record::Policy(PolicyDocument::clone(found));
    Ok(plan.detail(detail).remove(&gone))
}

/// The account of what a document is attached to, which must work.
fn holder(ground: &Ground<'_>, place: &PolicyPlace) -> Result<TenantId, CommandError> {
    match place {
        PolicyPlace::Bucket(id) => {
            let bucket = ground.bucket(*id)?;
            if bucket.state != BucketState::Active {
                return refuse(Refusal::BucketState);
            }
            Ok(ground.working_tenant(bucket.tenant)?.id)
        }
        PolicyPlace::User { user, .. } => iam::holder(ground, Holder::User(*user)),
        PolicyPlace::Group { group, .. } => iam::holder(ground, Holder::Group(*group)),
        PolicyPlace::Role { role, .. } => iam::holder(ground, Holder::Role(*role)),
    }
}
