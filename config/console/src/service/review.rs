//! The access review: who has which key with which rights, on one page, as auditors ask for it.

use std::sync::Arc;

use jiff::Timestamp;
use postern_config::UnixSeconds;
use postern_config::directory::{AccessKey, AccessKeyId, State as Snapshot, Tenant, User};
use postern_config::metering::{LedgerError, Meter};

use super::audit::{csv, written};
use super::keys::{hindrance, word};
use crate::caller::Caller;
use crate::shape::shapes;

shapes! {
    told
    /// An access review.
    Review {
        /// When it was made, in UTC.
        time: String,
        /// The revision of the directory that it shows.
        revision: u64,
        /// A row for each access key, and one for each user without any.
        items: Vec<ReviewRow>,
    }

    told
    /// One access key, or one user without any.
    ReviewRow {
        /// The account.
        tenant: String,
        /// The user.
        user: String,
        /// The sub-user of this user whose key it is.
        sub_user: Option<String>,
        /// What kind of user.
        user_kind: String,
        /// Whether the user works.
        user_status: String,
        /// The access key; null where the user has none.
        access_key: Option<String>,
        /// Whether it works now.
        works: bool,
        /// Why not.
        why_not: Option<String>,
        /// Its level.
        level: Option<String>,
        /// The buckets that it reaches; null: all of its namespace.
        buckets: Option<Vec<String>>,
        /// The beginnings of keys that it reaches; null: all.
        prefixes: Option<Vec<String>>,
        /// The operations that it may ask for; null: all of its level.
        operations: Option<Vec<String>>,
        /// The networks from which it works; null: all.
        networks: Option<Vec<String>>,
        /// Its other limits, in words.
        limits: Vec<String>,
        /// The first moment at which it works, in UTC.
        not_before: Option<String>,
        /// The first moment at which it no longer works, in UTC.
        expires: Option<String>,
        /// When it was made, in UTC.
        created: Option<String>,
        /// Who made it.
        created_by: Option<String>,
        /// When it was last used, in UTC; null where it never was.
        last_used: Option<String>,
        /// What a person says about it.
        description: String,
    }
}

/// The review of these accounts.
pub(crate) fn of<'s>(
    state: &'s Snapshot,
    caller: &Caller,
    tenants: impl Iterator<Item = &'s Tenant>,
    now: UnixSeconds,
) -> Review {
    let mut items = Vec::new();
    for tenant in tenants {
        let users = state.users(tenant.id);
        for user in users.filter(|user| caller.sees_user(state, user)) {
            let before = items.len();
            let keys = state.keys(user.id);
            items.extend(keys.map(|key| row(state, (tenant, user, Some(key)), now)));
            if items.len() == before {
                items.push(row(state, (tenant, user, None), now));
            }
        }
    }
    Review {
        time: written(now.0.saturating_mul(1_000)),
        revision: state.revision().0,
        items,
    }
}

impl Review {
    /// Says of each key when it was last used.
    pub(crate) async fn tell_last_use(&mut self, meter: &Arc<Meter>) -> Result<(), LedgerError> {
        let id = |row: &ReviewRow| row.access_key.as_ref()?.parse::<AccessKeyId>().ok();
        let ids: Vec<AccessKeyId> = self.items.iter().filter_map(id).collect();
        let uses = meter.ask(move |ledger| ledger.last_uses(&ids)).await?;
        let keys = self.items.iter_mut().filter(|row| row.access_key.is_some());
        for (row, last) in keys.zip(uses) {
            row.last_used = last.map(|last| written(last.at.0));
        }
        Ok(())
    }

    /// Leaves out what has no key that works, and what was used, or made, in the last days.
    pub(crate) fn keep_unused(&mut self, now: UnixSeconds, days: u32) {
        let since = now.0.saturating_sub(u64::from(days) * 86_400);
        let before = |text: &String| {
            let at = text.parse::<Timestamp>().map(Timestamp::as_second);
            at.is_ok_and(|at| u64::try_from(at).is_ok_and(|at| at < since))
        };
        self.items.retain(|row| {
            row.works
                && row
                    .last_used
                    .as_ref()
                    .or(row.created.as_ref())
                    .is_some_and(before)
        });
    }
}

fn row(
    state: &Snapshot,
    (tenant, user, key): (&Tenant, &User, Option<&AccessKey>),
    now: UnixSeconds,
) -> ReviewRow {
    let rights = key.map(|key| &key.rights);
    let sub_user = key
        .and_then(|key| key.sub_user)
        .and_then(|id| state.sub_user(id));
    let scope = rights.map(|rights| &rights.scope);
    let time = |at: Option<UnixSeconds>| at.map(|at| written(at.0.saturating_mul(1_000)));
    let why_not = key.map_or_else(
        || Some("the user has no key".to_owned()),
        |key| hindrance(state, key, now),
    );
    ReviewRow {
        tenant: tenant.name.to_string(),
        user: user.name.to_string(),
        sub_user: sub_user.map(|it| it.name.to_string()),
        user_kind: word(&user.kind),
        user_status: word(&user.status),
        access_key: key.map(|key| key.id.to_string()),
        works: why_not.is_none(),
        why_not,
        level: rights.map(|rights| rights.level.to_string()),
        buckets: scope.and_then(|scope| texts(scope.buckets.as_ref())),
        prefixes: scope.and_then(|scope| scope.prefixes.clone()),
        operations: scope.and_then(|scope| texts(scope.operations.as_ref())),
        networks: rights.and_then(|rights| texts(rights.networks.as_ref())),
        limits: key.map(limits).unwrap_or_default(),
        not_before: time(rights.and_then(|rights| rights.not_before)),
        expires: time(rights.and_then(|rights| rights.expires)),
        created: time(key.map(|key| key.created)),
        created_by: key.map(|key| key.created_by.clone()),
        last_used: None,
        description: rights.map_or_else(
            || user.description.to_string(),
            |rights| rights.description.to_string(),
        ),
    }
}

fn texts<T: ToString>(all: Option<&Vec<T>>) -> Option<Vec<String>> {
    all.map(|all| all.iter().map(ToString::to_string).collect())
}

/// What narrows or widens a key beside its lists, in words.
fn limits(key: &AccessKey) -> Vec<String> {
    let rights = &key.rights;
    let mut words = Vec::new();
    if rights.tls_only {
        words.push("over TLS alone".to_owned());
    }
    if !rights.presign.allowed {
        words.push("no presigned URLs".to_owned());
    } else if let Some(age) = rights.presign.max_age_seconds {
        words.push(format!("presigned URLs for {age} s"));
    }
    if rights.append_only {
        words.push("append only".to_owned());
    }
    if let Some(bytes) = rights.max_object_bytes {
        words.push(format!("objects to {bytes} bytes"));
    }
    if let Some(deletes) = rights.write_deletes {
        words.push(format!("write deletes {}", word(&deletes)));
    }
    if rights.bypass_governance {
        words.push("bypasses governance".to_owned());
    }
    words
}

/// The head of a review as CSV.
pub(crate) const CSV_HEAD: &str = "Tenant,User,Sub-user,User Kind,User Status,Access Key,Works,Why Not,Level,Buckets,Prefixes,Operations,Networks,Limits,Not Before,Expires,Created,Created By,Last Used,Description\r\n";

/// A row as a line of CSV. A list that restricts nothing is `*`.
pub(crate) fn csv_line(row: &ReviewRow) -> String {
    let list = |all: &Option<Vec<String>>| match (all, &row.access_key) {
        (_, None) => String::new(),
        (None, Some(_)) => "*".to_owned(),
        (Some(all), Some(_)) => all.join(" "),
    };
    let text = |it: &Option<String>| it.clone().unwrap_or_default();
    csv([
        &row.tenant,
        &row.user,
        &text(&row.sub_user),
        &row.user_kind,
        &row.user_status,
        &text(&row.access_key),
        if row.works { "yes" } else { "no" },
        &text(&row.why_not),
        &text(&row.level),
        &list(&row.buckets),
        &list(&row.prefixes),
        &list(&row.operations),
        &list(&row.networks),
        &row.limits.join("; "),
        &text(&row.not_before),
        &text(&row.expires),
        &text(&row.created),
        &text(&row.created_by),
        &text(&row.last_used),
        &row.description,
    ])
}
