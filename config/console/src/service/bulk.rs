//! One change for many users, or many access keys: each is changed by itself, and each has a result of its own.

use http::StatusCode;
use postern_config::directory::{Actor, KeyState, State as Snapshot, Tenant};

use super::keys;
use super::losses::Reach;
use super::users::{self, Working};
use crate::caller::Caller;
use crate::limits::BULK_ENTRIES_MAX;
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

    asked
    /// What is to be done to many access keys.
    BulkKeys {
        /// What. A key that works is not deleted: it is disabled first.
        action: BulkAction,
        /// Which, by id, at most 1,000.
        keys: Vec<String>,
        /// Say of each whether it can be done, and do nothing.
        dry_run: Option<bool>,
        /// How many keys are meant, as somebody typed it: another number is refused. Needed to delete.
        confirm: Option<usize>,
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
        /// The user or the key, as the request has it.
        name: String,
        /// Whether it was done.
        ok: bool,
        /// Why not: a name that programs compare.
        code: Option<&'static str>,
        /// Why not, and what to do.
        detail: Option<String>,
    }
}

/// What is done to many.
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

/// What is changed.
#[derive(Clone, Copy, Debug)]
enum What {
    Users(Reach),
    Keys,
}

/// Does it, user by user. What is refused of one stops none of the others.
pub(crate) async fn users(
    admin: &Admin,
    actor: Actor,
    who: (&Caller, &Tenant),
    asked: BulkUsers,
) -> Result<BulkDone, Problem> {
    let is_dry = asked.dry_run.unwrap_or(false);
    let reach = if asked.with_data.unwrap_or(false) {
        Reach::WithData
    } else {
        Reach::WithoutData
    };
    let is_final = reach == Reach::WithData && !is_dry;
    sure((asked.users.len(), "users"), asked.confirm, is_final)?;
    let what = (What::Users(reach), asked.action);
    Ok(each(admin, actor, who, (what, is_dry, asked.users)).await)
}

/// Does it, key by key, likewise.
pub(crate) async fn keys(
    admin: &Admin,
    actor: Actor,
    who: (&Caller, &Tenant),
    asked: BulkKeys,
) -> Result<BulkDone, Problem> {
    let is_dry = asked.dry_run.unwrap_or(false);
    let is_final = asked.action == BulkAction::Delete && !is_dry;
    sure((asked.keys.len(), "keys"), asked.confirm, is_final)?;
    let what = (What::Keys, asked.action);
    Ok(each(admin, actor, who, (what, is_dry, asked.keys)).await)
}

/// Whether so many may be changed at a time, and somebody has said how many they are where that is asked.
fn sure((count, what): (usize, &str), typed: Option<usize>, is_final: bool) -> Result<(), Problem> {
    if count > BULK_ENTRIES_MAX {
        let detail = format!("{count} {what} are named, at most {BULK_ENTRIES_MAX} at a time");
        return Err(Problem::malformed(detail));
    }
    let detail = match typed {
        Some(typed) if typed != count => {
            format!("`confirm` says {typed}, and {count} {what} are named: nothing was done")
        }
        None if is_final => format!(
            "what this removes is gone for good: say how many {what} are meant, with `confirm` {count}; `dry_run` says of each whether it can be done"
        ),
        Some(_) | None => return Ok(()),
    };
    Err(Problem::new(StatusCode::CONFLICT, "confirm", detail))
}

async fn each(
    admin: &Admin,
    actor: Actor,
    who: (&Caller, &Tenant),
    (what, is_dry, words): ((What, BulkAction), bool, Vec<String>),
) -> BulkDone {
    let mut items = Vec::with_capacity(words.len());
    for word in words {
        let possible = possible(&admin.directory.state(), who, (&word, what));
        let done = match possible {
            Ok(()) if !is_dry => one(admin, actor.clone(), who, (&word, what)).await,
            possible => possible,
        };
        let problem = done.err();
        items.push(BulkResult {
            name: word,
            ok: problem.is_none(),
            code: problem.as_ref().map(|problem| problem.code),
            detail: problem.map(|problem| problem.detail),
        });
    }
    let done = items.iter().filter(|item| item.ok).count();
    BulkDone {
        dry_run: is_dry,
        done,
        failed: items.len() - done,
        items,
    }
}

async fn one(
    admin: &Admin,
    actor: Actor,
    (caller, tenant): (&Caller, &Tenant),
    (word, (what, action)): (&str, (What, BulkAction)),
) -> Result<(), Problem> {
    let state = admin.directory.state();
    let working = match action {
        BulkAction::Disable => Some(Working::No),
        BulkAction::Enable => Some(Working::Yes),
        BulkAction::Delete => None,
    };
    match what {
        What::Users(reach) => {
            let which = (tenant, &**caller.user(&state, tenant, word)?, None);
            match working {
                Some(working) => drop(users::set_working(admin, actor, which, working).await?),
                None => drop(users::delete(admin, actor, which, reach).await?),
            }
        }
        What::Keys => {
            let which = (&**caller.key(&state, tenant, word)?, None);
            match working {
                Some(working) => drop(keys::set_working(admin, actor, which, working).await?),
                None => drop(keys::delete(admin, actor, which).await?),
            }
        }
    }
    Ok(())
}

/// Whether it can be done now.
fn possible(
    state: &Snapshot,
    (caller, tenant): (&Caller, &Tenant),
    (word, (what, action)): (&str, (What, BulkAction)),
) -> Result<(), Problem> {
    let hindrance = match what {
        What::Users(reach) => {
            let user = caller.user(state, tenant, word)?;
            match action {
                BulkAction::Disable => users::root_stays(user),
                BulkAction::Enable => None,
                BulkAction::Delete => users::hindrance(state, tenant, user, reach),
            }
        }
        What::Keys => {
            let key = caller.key(state, tenant, word)?;
            (action == BulkAction::Delete && key.state != KeyState::Disabled).then(|| {
                let detail = format!(
                    "key `{}` works, and deleting is for good: disable it first",
                    key.id
                );
                Problem::new(StatusCode::CONFLICT, "works", detail)
            })
        }
    };
    hindrance.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_changed_at_a_time_and_no_more() {
        assert!(sure((BULK_ENTRIES_MAX, "keys"), None, false).is_ok());
        let over = BULK_ENTRIES_MAX + 1;
        let refused = sure((over, "keys"), Some(over), false).unwrap_err();
        assert_eq!(refused.code, "malformed");
        assert_eq!(
            refused.detail,
            "1001 keys are named, at most 1000 at a time"
        );
    }
}
