//! One change for many users: each is changed by itself, and each has a result of its own.

use postern_config::directory::{Actor, State as Snapshot, Tenant};

use super::losses::Reach;
use super::users::{self, Working};
use crate::caller::Caller;
use crate::limits::BULK_USERS_MAX;
use crate::shape::shapes;
use crate::{Admin, Problem};

shapes! {
    asked
    /// What is to be done to many users.
    BulkUsers {
        /// What.
        action: BulkAction,
        /// Which, by name or number, at most 1,000.
        users: Vec<String>,
        /// Say of each whether it can be done, and do nothing.
        dry_run: Option<bool>,
        /// How many users are meant, as somebody typed it: another number is refused. Needed where data goes along.
        confirm: Option<usize>,
        /// Remove their buckets, too, with everything in them, where the profile does so. Jobs do.
        with_data: Option<bool>,
    }

    told
    /// What came of it.
    BulkDone {
        /// Whether nothing was done, since `dry_run` asked for that.
        dry_run: bool,
        /// Of how many it was done, or could be.
        done: usize,
        /// Of how many it was not.
        failed: usize,
        /// A result for each, in the order of the request.
        items: Vec<BulkResult>,
    }

    told
    /// What came of one.
    BulkResult {
        /// The user, as the request has it.
        user: String,
        /// Whether it was done.
        ok: bool,
        /// Why not: a name that programs compare.
        code: Option<&'static str>,
        /// Why not, and what to do.
        detail: Option<String>,
    }
}

/// What is done to many users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum BulkAction {
    /// Nothing of them works; all is kept.
    Disable,
    /// What they had works again.
    Enable,
    /// They go with their keys.
    Delete,
}

/// Does it, user by user. What is refused of one stops none of the others.
pub(crate) async fn users(
    admin: &Admin,
    actor: Actor,
    (caller, tenant): (&Caller, &Tenant),
    asked: BulkUsers,
) -> Result<BulkDone, Problem> {
    let count = asked.users.len();
    if count > BULK_USERS_MAX {
        let detail = format!("{count} users are named, at most {BULK_USERS_MAX} at a time");
        return Err(Problem::malformed(detail));
    }
    if let Some(typed) = asked.confirm
        && typed != count
    {
        let detail =
            format!("`confirm` says {typed}, and {count} users are named: nothing was done");
        return Err(Problem::new(http::StatusCode::CONFLICT, "confirm", detail));
    }
    let is_dry = asked.dry_run.unwrap_or(false);
    let reach = if asked.with_data.unwrap_or(false) {
        Reach::WithData
    } else {
        Reach::WithoutData
    };
    if reach == Reach::WithData && asked.confirm.is_none() && !is_dry {
        let detail = format!(
            "this removes data for good: say how many users are meant, with `confirm` {count}; `dry_run` says of each whether it can be done"
        );
        return Err(Problem::new(http::StatusCode::CONFLICT, "confirm", detail));
    }
    let mut items = Vec::with_capacity(count);
    for word in asked.users {
        let done = if is_dry {
            let state = admin.directory.state();
            possible(&state, (caller, tenant), (&word, asked.action, reach))
        } else {
            let what = (word.as_str(), asked.action, reach);
            one(admin, actor.clone(), (caller, tenant), what).await
        };
        let problem = done.err();
        items.push(BulkResult {
            user: word,
            ok: problem.is_none(),
            code: problem.as_ref().map(|problem| problem.code),
            detail: problem.map(|problem| problem.detail),
        });
    }
    let done = items.iter().filter(|item| item.ok).count();
    Ok(BulkDone {
        dry_run: is_dry,
        done,
        failed: items.len() - done,
        items,
    })
}

async fn one(
    admin: &Admin,
    actor: Actor,
    (caller, tenant): (&Caller, &Tenant),
    (word, action, reach): (&str, BulkAction, Reach),
) -> Result<(), Problem> {
    let state = admin.directory.state();
    let user = caller.user(&state, tenant, word)?;
    let which = (tenant, &**user, None);
    match action {
        BulkAction::Disable => users::set_working(admin, actor, which, Working::No)
            .await
            .map(drop),
        BulkAction::Enable => users::set_working(admin, actor, which, Working::Yes)
            .await
            .map(drop),
        BulkAction::Delete => users::delete(admin, actor, which, reach).await.map(drop),
    }
}

/// Whether it can be done now.
fn possible(
    state: &Snapshot,
    (caller, tenant): (&Caller, &Tenant),
    (word, action, reach): (&str, BulkAction, Reach),
) -> Result<(), Problem> {
    let user = caller.user(state, tenant, word)?;
    let hindrance = match action {
        BulkAction::Disable => users::root_stays(user),
        BulkAction::Enable => None,
        BulkAction::Delete => users::hindrance(state, tenant, user, reach),
    };
    hindrance.map_or(Ok(()), Err)
}
