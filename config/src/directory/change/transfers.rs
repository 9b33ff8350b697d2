//! The plan for an account that is taken in from a file: one transaction for all of it.

use serde_json::json;

use super::{Ground, Plan, refuse};
use crate::directory::command::{CommandError, Outcome, Refusal};
use crate::directory::role::Authority;
use crate::directory::transfer::{FileFault, Import, compile};

pub(super) fn apply(ground: &mut Ground<'_>, import: &Import) -> Result<Plan, CommandError> {
    match ground.authority() {
        // Which operators may is looked at before.
        Authority::Platform | Authority::Operator(_) => {}
        Authority::User { .. } => return refuse(Refusal::NotPermitted),
    }
    let compiled = compile(
        ground.state,
        import,
        (ground.rules, ground.next),
        ground.entropy,
    );
    let compiled = compiled.map_err(|fault| match fault {
        FileFault::Refused(error) => *error,
        fault => CommandError::File(Box::new(fault)),
    })?;
    if let Some(expected) = import.expected
        && compiled.plan.tag != Some(expected)
    {
        let found = ground.state.tenant(compiled.tenant);
        let found = found.map(|tenant| tenant.revision).unwrap_or_default();
        return Err(CommandError::Stale { found });
    }
    if compiled.plan.changes.is_empty() {
        return refuse(Refusal::NothingToChange);
    }
    ground.next = compiled.next;
    let count = |action: &str| {
        let changes = compiled.plan.changes.iter();
        changes.filter(|change| change.action == action).count()
    };
    let detail = json!({
        "created": count("create"), "changed": count("change"), "removed": count("remove"),
        "directory": import.file.directory, "exported": import.file.exported,
    });
    let mut plan = Plan::new("tenant.apply", "tenant", compiled.tenant).of(compiled.tenant);
    plan.ops = compiled.ops;
    Ok(plan
        .detail(detail)
        .tell(Outcome::Imported(compiled.tenant, compiled.plan)))
}
