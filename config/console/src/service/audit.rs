//! The audit log: pages, searches, the chain, and exports whose columns auditors know.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::StatusCode;
use jiff::Timestamp;
use postern_config::directory::{
    AuditFault, AuditRecord, OperatorScope, Place, PolicyPlace, Reading, State, TenantId, UserId,
    Who,
};
use postern_config::limits::PAGE_ROWS_MAX;
use s3_protocol::BucketId;
use serde_json::Value;

use super::deeds::{deed, done_to};
use super::find;
use super::list::{Listing, strange_cursor};
use super::operators::called;
use crate::caller::Caller;
use crate::limits::AUDIT_LOOKED_AT_RECORDS_MAX;
use crate::shape::shapes;
use crate::{Admin, Problem};

shapes! {
    told
    /// A record of the audit log.
    AuditShown {
        /// Its number; the first is 1.
        sequence: u64,
        /// When, in UTC.
        time: String,
        /// The same in milliseconds since 1970.
        time_ms: u64,
        /// By whom: `system`, `admin-token`, `admin:NAME`, `operator:NUMBER`, `token:NUMBER`, `key:ID`, `nobody` who has not signed in.
        actor: String,
        /// From where.
        address: Option<String>,
        /// The e-mail address of who did it, as it was then; of an operator, while he is there.
        email: Option<String>,
        /// The full name of who did it, as it was then.
        full_name: Option<String>,
        /// Whether something personal was here of somebody who was deleted since: nobody can read it any more.
        forgotten: bool,
        /// In which request.
        request: Option<String>,
        /// The account that it concerns, by name; by number where it is gone. Null: the platform.
        tenant: Option<String>,
        /// What was done, such as `key.create`.
        action: String,
        /// The same as a sentence.
        description: String,
        /// To what kind of thing.
        object_type: String,
        /// To which.
        object: String,
        /// What that is called, where the record says one; else as `object`.
        name: String,
        /// With what details. Never a secret.
        detail: Value,
        /// The hash of the record before: records are a chain.
        previous: String,
    }

    told
    /// A page of the audit log, the latest record first.
    AuditPage {
        /// The records.
        items: Vec<AuditShown>,
        /// Where the next page begins. There may be one though this page is not full, since a page looks at 10,000 records at most.
        next: Option<String>,
    }

    told
    /// What the chain says of itself.
    Verified {
        /// Always true: a chain that does not hold is a problem, `chain-broken`.
        holds: bool,
        /// How many records the log has had.
        records: u64,
        /// How many of them are gone by age: a sealed checkpoint stands for them, and the chain was followed from there.
        gone: u64,
    }

    asked
    /// Which records are looked for.
    AuditAsk {
        /// Of this account, by name or number.
        tenant: Option<String>,
        /// With an action that begins so: `key.`, `key.create`.
        action: Option<String>,
        /// By somebody whose name contains this.
        actor: Option<String>,
        /// About an object whose name or number contains this, or whose details do.
        object: Option<String>,
        /// About this user of that account, by name or number, or with one of his keys.
        user: Option<String>,
        /// About this bucket of that account, by name or number: itself, its permissions, its policy.
        bucket: Option<String>,
        /// At or after this time: seconds since 1970, a date, or RFC 3339.
        since: Option<String>,
        /// Before this time.
        until: Option<String>,
        /// Records of a page, 1 to 1,000.
        limit: Option<usize>,
        /// The `next` of the page before.
        cursor: Option<String>,
    }
}

/// What a record must be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    seen: Seen,
    tenant: Option<TenantId>,
    user: Option<UserId>,
    bucket: Option<BucketId>,
    action: String,
    actor: String,
    object: String,
    since_ms: u64,
    until_ms: Option<u64>,
}

/// Whose records are shown.
#[derive(Clone, Debug, Default)]
enum Seen {
    /// Everybody's, and those of the platform.
    #[default]
    All,
    /// Those of these accounts.
    Tenants(Arc<BTreeSet<TenantId>>),
    /// Those of these users of an account, and what they did themselves.
    Users(TenantId, Arc<BTreeSet<UserId>>),
}

impl Seen {
    fn of(state: &State, caller: &Caller) -> Self {
        let Some(office) = &caller.office else {
            return Self::All;
        };
        match &office.scope {
            OperatorScope::Deployment => Self::All,
            OperatorScope::Users(tenant, users) => Self::Users(*tenant, Arc::new(users.clone())),
            scope @ (OperatorScope::Reseller(_) | OperatorScope::Tenant(_)) => {
                let all = state.tenants().map(|tenant| tenant.id);
                let seen = all.filter(|id| scope.covers(state, &Place::Tenant(*id)));
                Self::Tenants(Arc::new(seen.collect()))
            }
        }
    }

    fn has(&self, record: &AuditRecord) -> bool {
        match self {
            Self::All => true,
            Self::Tenants(tenants) => record.tenant.is_some_and(|it| tenants.contains(&it)),
            Self::Users(tenant, users) => {
                let own = |user: &UserId| users.contains(user);
                record.tenant == Some(*tenant) && about(record).iter().flatten().any(own)
            }
        }
    }
}

impl Filter {
    /// The filter that is asked for, within what the caller sees.
    pub(crate) fn of(admin: &Admin, caller: &Caller, ask: &AuditAsk) -> Result<Self, Problem> {
        let state = admin.directory.state();
        let tenant = ask
            .tenant
            .as_deref()
            .map(|word| caller.tenant(&state, word));
        let lower = |text: &Option<String>| text.as_deref().unwrap_or_default().to_lowercase();
        let tenant = tenant.transpose()?;
        let account = || {
            let detail = "a `user` or a `bucket` is of an account: say which with `tenant`";
            tenant.ok_or_else(|| Problem::malformed(detail))
        };
        let user = match &ask.user {
            Some(word) => Some(caller.user(&state, account()?, word)?.id),
            None => None,
        };
        let bucket = match &ask.bucket {
            Some(word) => Some(find::bucket(&state, caller, (account()?, None), word)?.id),
            None => None,
        };
        Ok(Self {
            seen: Seen::of(&state, caller),
            tenant: tenant.map(|tenant| tenant.id),
            user,
            bucket,
            action: lower(&ask.action),
            actor: lower(&ask.actor),
            object: lower(&ask.object),
            since_ms: ask
                .since
                .as_deref()
                .map_or(Ok(0), |text| moment("since", text))?,
            until_ms: ask
                .until
                .as_deref()
                .map(|text| moment("until", text))
                .transpose()?,
        })
    }

    /// Whether it wants a record, by what stands there in the open.
    fn fits(&self, record: &AuditRecord) -> bool {
        self.seen.has(record)
            && self
                .tenant
                .is_none_or(|tenant| record.tenant == Some(tenant))
            && self
                .user
                .is_none_or(|user| about(record).contains(&Some(user)))
            && self.bucket.is_none_or(|bucket| is_of(record, bucket))
            && record.action.starts_with(&self.action)
            && record.time_ms.0 >= self.since_ms
            && self.until_ms.is_none_or(|until| record.time_ms.0 < until)
    }

    /// The same by its words, which may be personal, and sealed until they are looked at.
    fn reads(&self, record: &AuditRecord) -> bool {
        let contains =
            |text: &str, wanted: &str| wanted.is_empty() || text.to_lowercase().contains(wanted);
        contains(&record.actor.label(), &self.actor)
            && (contains(&record.object, &self.object)
                || contains(&record.detail.to_string(), &self.object))
    }
}

/// Whom a record is about, and whose key asked for what it tells.
const fn about(record: &AuditRecord) -> [Option<UserId>; 2] {
    let asked = match &record.actor.who {
        Who::Key { user, .. } => Some(*user),
        _ => None,
    };
    [record.user, asked]
}

/// Whether a record is about a bucket.
fn is_of(record: &AuditRecord, bucket: BucketId) -> bool {
    match record.object_type.as_str() {
        "bucket" => record.object == bucket.to_string(),
        "policy" => record.object == PolicyPlace::Bucket(bucket).to_string(),
        _ => false,
    }
}

/// Seconds since 1970, a date, or RFC 3339; in milliseconds.
fn moment(field: &str, text: &str) -> Result<u64, Problem> {
    let seconds = text
        .parse::<u64>()
        .ok()
        .and_then(|it| it.checked_mul(1_000));
    let written = || {
        let whole = if text.contains('T') {
            text.to_owned()
        } else {
            format!("{text}T00:00:00Z")
        };
        let found: Timestamp = whole.parse().ok()?;
        u64::try_from(found.as_millisecond()).ok()
    };
    seconds.or_else(written).ok_or_else(|| {
        let detail = format!(
            "`{field}` is a time: seconds since 1970, `2026-11-22`, or `2026-11-22T10:00:00Z`"
        );
        Problem::malformed(detail)
    })
}

/// What is read, as the log itself will say.
pub(crate) fn reading(
    admin: &Admin,
    caller: &Caller,
    how: &'static str,
    tenant: Option<&str>,
) -> Result<Reading, Problem> {
    let state = admin.directory.state();
    let tenant = tenant.map(|word| caller.tenant(&state, word)).transpose()?;
    Ok(Reading {
        how,
        tenant: tenant.map(|tenant| tenant.id),
    })
}

/// A page, the latest first.
pub(crate) async fn page(
    admin: &Admin,
    caller: &Caller,
    ask: &AuditAsk,
) -> Result<AuditPage, Problem> {
    let filter = Filter::of(admin, caller, ask)?;
    let listing = Listing {
        limit: ask.limit,
        ..Listing::default()
    };
    let limit = listing.limit()?;
    let newest = admin.directory.audits();
    // The cursor is the number of the record after which nothing is shown any more.
    let mut end = match ask.cursor.as_deref().filter(|it| !it.is_empty()) {
        Some(cursor) => cursor
            .parse::<u64>()
            .ok()
            .filter(|before| (1..=newest).contains(before))
            .ok_or_else(strange_cursor)?,
        None => newest,
    };
    let base = admin.directory.audit_base();
    let least = end.saturating_sub(AUDIT_LOOKED_AT_RECORDS_MAX).max(base);
    let mut items = Vec::new();
    let state = admin.directory.state();
    while end > least && items.len() < limit {
        let begin = end
            .saturating_sub(u64::try_from(PAGE_ROWS_MAX).unwrap_or(u64::MAX))
            .max(least);
        let most = usize::try_from(end - begin).unwrap_or(PAGE_ROWS_MAX);
        let mut is_past = false;
        let picked = |record: &AuditRecord| {
            is_past |= record.time_ms.0 < filter.since_ms;
            filter.fits(record)
        };
        let records = admin.directory.audit_picked(begin, most, picked).await;
        let records = records.map_err(|fault| unreadable(&fault))?;
        end = begin;
        for record in records.iter().rev().filter(|it| filter.reads(it)) {
            items.push(show(&state, record));
            if items.len() == limit {
                end = record.sequence.saturating_sub(1);
                break;
            }
        }
        // What is older than all that is wanted is not looked at.
        if is_past && items.len() < limit {
            return Ok(AuditPage { items, next: None });
        }
    }
    let next = (end > base).then(|| end.to_string());
    Ok(AuditPage { items, next })
}

/// Up to a page of records after a number that the filter wants, the oldest first, and where to go on.
pub(crate) async fn onward(
    admin: &Admin,
    filter: &Filter,
    after: u64,
) -> Result<(Vec<AuditShown>, Option<u64>), Problem> {
    let mut last = None;
    let picked = |record: &AuditRecord| {
        last = Some(record.sequence);
        filter.fits(record)
    };
    let records = admin.directory.audit_picked(after, PAGE_ROWS_MAX, picked);
    let records = records.await.map_err(|fault| unreadable(&fault))?;
    let state = admin.directory.state();
    let wanted = records.iter().filter(|record| filter.reads(record));
    Ok((wanted.map(|record| show(&state, record)).collect(), last))
}

/// Follows the chain from its first record to its head.
pub(crate) async fn verify(admin: &Admin) -> Result<Verified, Problem> {
    match admin.directory.verify_audit().await {
        Ok(records) => Ok(Verified {
            holds: true,
            records,
            gone: admin.directory.audit_base(),
        }),
        Err(AuditFault::Engine(fault)) => Err(unreadable(&AuditFault::Engine(fault))),
        Err(fault) => {
            let detail = format!("the audit log was changed from outside: {fault}");
            Err(Problem::new(StatusCode::CONFLICT, "chain-broken", detail))
        }
    }
}

/// A record as it is told.
fn show(state: &postern_config::directory::State, record: &AuditRecord) -> AuditShown {
    let tenant = record.tenant.map(|id| {
        let tenant = state.tenant(id);
        tenant.map_or_else(|| id.get().to_string(), |tenant| tenant.name.to_string())
    });
    let name = named(state, record);
    AuditShown {
        sequence: record.sequence,
        time: written(record.time_ms.0),
        time_ms: record.time_ms.0,
        actor: record.actor.label(),
        address: record.actor.address.map(|it| it.to_string()),
        email: match record.actor.who {
            Who::Operator { operator } => called(state, operator),
            Who::Token { operator, .. } => operator.and_then(|id| called(state, id)),
            _ => record.email.clone(),
        },
        full_name: record.full_name.clone(),
        forgotten: record.forgotten,
        request: record.actor.request.clone(),
        tenant,
        action: record.action.clone(),
        description: done_to(deed(&record.action), &record.object_type, &name),
        object_type: record.object_type.clone(),
        object: record.object.clone(),
        name,
        detail: record.detail.clone(),
        previous: record.previous.to_string(),
    }
}

/// A time as people read it.
pub(crate) fn written(ms: u64) -> String {
    let stamp = i64::try_from(ms)
        .ok()
        .and_then(|ms| Timestamp::from_millisecond(ms).ok());
    stamp.map_or_else(|| ms.to_string(), |stamp| stamp.to_string())
}

/// What a record is about: by name, where it says one.
fn named(state: &postern_config::directory::State, record: &AuditRecord) -> String {
    let name = record.detail.get("name").and_then(Value::as_str);
    let called = || {
        // A record names an operator by his number alone: what he is called is known while he is there.
        let number = u64::from_str_radix(&record.object, 16).ok()?;
        let operator = state.operator_numbered(number)?;
        (record.object_type == "operator").then(|| operator.details.email.to_string())
    };
    name.map(str::to_owned)
        .or_else(called)
        .unwrap_or_else(|| record.object.clone())
}

/// The head of an export as CSV. The first eight columns are those that auditors of storage accounts know; more follow.
pub(crate) const CSV_HEAD: &str = "Email,User IP,User ID,Object Type,Object,Action,Action Description,Date,Tenant,Sequence,Request,Previous Hash\r\n";

/// A record as a line of CSV.
pub(crate) fn csv_line(record: &AuditShown) -> String {
    let id = record.actor.strip_prefix("admin:").unwrap_or(&record.actor);
    let named = if id.contains('@') { id } else { "" };
    let email = record.email.as_deref().unwrap_or(named);
    let sequence = record.sequence.to_string();
    csv([
        email,
        record.address.as_deref().unwrap_or_default(),
        id,
        &record.object_type,
        &record.object,
        &record.action,
        &record.description,
        &record.time,
        record.tenant.as_deref().unwrap_or_default(),
        &sequence,
        record.request.as_deref().unwrap_or_default(),
        &record.previous,
    ])
}

/// A line of CSV (RFC 4180). A cell that a spreadsheet would take for a formula begins with `'`.
pub(crate) fn csv<const N: usize>(cells: [&str; N]) -> String {
    let mut line = String::new();
    for (number, cell) in cells.into_iter().enumerate() {
        if number > 0 {
            line.push(',');
        }
        let guard = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
            "'"
        } else {
            ""
        };
        if guard.is_empty() && !cell.contains([',', '"', '\n', '\r']) {
            line.push_str(cell);
        } else {
            line.push_str(&format!("\"{guard}{}\"", cell.replace('"', "\"\"")));
        }
    }
    line.push_str("\r\n");
    line
}

/// The audit log cannot be read; the log of the server says why.
pub(crate) fn unreadable(fault: &AuditFault) -> Problem {
    tracing::error!(
        error = fault as &dyn std::error::Error,
        "the audit log cannot be read"
    );
    let detail = "the audit log cannot be read; the log of the server says why";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_no_formula_and_no_second_cell() {
        let line = csv(["=1+1", "a,b", "say \"no\"", "plain", "-x", "", "@SUM(A1)"]);
        let expected = "\"'=1+1\",\"a,b\",\"say \"\"no\"\"\",plain,\"'-x\",,\"'@SUM(A1)\"\r\n";
        assert_eq!(line, expected);
    }

    #[test]
    fn a_time_is_written_in_three_ways() {
        for text in [
            "1763769600",
            "2025-11-22",
            "2025-11-22T00:00:00Z",
            "2025-11-22T01:00:00+01:00",
        ] {
            assert_eq!(moment("since", text), Ok(1_763_769_600_000), "{text}");
        }
        for text in ["", "yesterday", "2025-13-01", "-1", "99999999999999999999"] {
            assert!(moment("since", text).is_err(), "{text}");
        }
    }
}
