//! Usage: what was asked, moved and stored, by whom; billing periods and their corrections; the last use of a key.

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};
use postern_config::directory::{
    AccessKeyId, Command, Name, NamespaceId, NamespaceKind, Quota, QuotaOf, Rate, RateOf,
    State as Snapshot, Tenant, TenantId, User, UserId,
};
use postern_config::limits::REASON_CHARACTERS_MAX;
use postern_config::metering::{
    By, Class, Closed, Correction, Hour, Item, Ledger, Moment, Period, Report, Step, Sums, Wanted,
};
use s3_protocol::{BucketId, BucketName, Operation};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::modules::{actor_of, read_json_of};
use crate::{Admin, Problem};

/// Lines of one answer where none are asked for, and at most.
const LINES_USUAL: usize = 1_000;
const LINES_MAX: usize = 10_000;

/// What is asked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// The account: a name, or its number.
    tenant: Option<String>,
    /// The user, by name in the account, or by number.
    user: Option<String>,
    key: Option<AccessKeyId>,
    /// The bucket, by name among those of the account (and the user, where each has his own names), or by id.
    bucket: Option<String>,
    /// The first hour: of this month, where nothing is said.
    from: Option<Moment>,
    /// The hour after the last: after this one, where nothing is said.
    to: Option<Moment>,
    /// In place of the two: a month or a day.
    period: Option<Period>,
    step: Option<Step>,
    by: Option<By>,
    limit: Option<usize>,
    cursor: Option<usize>,
    format: Option<Format>,
}

/// How an export is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Format {
    /// Comma-separated values. Source: RFC 4180.
    Csv,
    #[default]
    Json,
}

/// Sums, a page at a time.
pub(crate) async fn show(
    State(admin): State<Admin>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(asked) = asked?;
    if asked.format.is_some() {
        return Err(Problem::malformed(
            "`format` is asked of /api/v1/usage/export",
        ));
    }
    let state = admin.directory.state();
    let report = report(&admin, &state, &asked, (Step::Total, By::Total)).await?;
    let limit = asked.limit.unwrap_or(LINES_USUAL).clamp(1, LINES_MAX);
    let skip = asked.cursor.unwrap_or(0);
    let items: Vec<Value> = report
        .items()
        .skip(skip)
        .take(limit)
        .map(|item| Value::Object(line(&state, &item)))
        .collect();
    let end = skip.saturating_add(items.len());
    let mut answer = heading(&report);
    answer.insert("items".to_owned(), items.into());
    let next = (end < report.items().len()).then(|| end.to_string());
    answer.insert("next".to_owned(), json!(next));
    if let Some(of) = quota_of(&state, &asked)? {
        answer.insert("quota".to_owned(), bounds(&admin, &state, of).await);
    }
    Ok(Json(answer.into()))
}

/// All lines, as a file.
pub(crate) async fn export(
    State(admin): State<Admin>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(asked) = asked?;
    let state = admin.directory.state();
    let report = report(&admin, &state, &asked, (Step::Total, By::Key)).await?;
    let (kind, text) = match asked.format.unwrap_or_default() {
        Format::Json => {
            let items: Vec<Value> = report
                .items()
                .map(|item| Value::Object(line(&state, &item)))
                .collect();
            let mut answer = heading(&report);
            answer.insert("items".to_owned(), items.into());
            ("application/json", Value::Object(answer).to_string())
        }
        Format::Csv => (
            "text/csv; charset=utf-8; header=present",
            csv(&state, &report),
        ),
    };
    let mut response = Response::new(Body::from(text));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}

/// The closed periods.
pub(crate) async fn periods(State(admin): State<Admin>) -> Result<Json<Value>, Problem> {
    let closed = admin.meter.ask(Ledger::periods).await?;
    Ok(Json(json!({ "items": closed, "next": null })))
}

/// A closed period, looked at again.
pub(crate) async fn period(
    State(admin): State<Admin>,
    period: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, Problem> {
    let period = read_period(period)?;
    let found = admin.meter.ask(move |ledger| ledger.verify(period)).await?;
    let found = found.ok_or_else(|| Problem::not_found("closed period"))?;
    Ok(Json(json!(found)))
}

/// Closes a period that has ended: from here on nothing is added to it.
pub(crate) async fn close(
    State(admin): State<Admin>,
    period: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    let period = read_period(period)?;
    let actor = actor_of(&request);
    let (at, by) = (admin.meter.now(), actor.label());
    let closed = admin
        .meter
        .ask(move |ledger| ledger.close(period, at, &by))
        .await?;
    if closed.audited {
        return Ok(Json(json!(closed)));
    }
    let command = Command::NoteUsage {
        tenant: None,
        step: "usage.close",
        period: period.to_string(),
        detail: json!({ "digest": closed.digest, "rows": closed.rows }),
    };
    admin.directory.apply(command, actor).await?;
    let noted = closed.clone();
    admin
        .meter
        .ask(move |ledger| ledger.audited(&noted))
        .await?;
    Ok(Json(json!(Closed {
        audited: true,
        ..closed
    })))
}

/// What is corrected.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Corrected {
    tenant: Name,
    user: Option<Name>,
    #[serde(default)]
    requests: i64,
    #[serde(default)]
    bytes_in: i64,
    #[serde(default)]
    bytes_out: i64,
    #[serde(default)]
    byte_hours: i64,
    reason: String,
}

/// Corrects a closed period: a row of its own in the hour of now. The period stays as it was.
pub(crate) async fn correct(
    State(admin): State<Admin>,
    period: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let period = read_period(period)?;
    let actor = actor_of(&request);
    let asked: Corrected = read_json_of(request, admin.body_bytes_max).await?;
    let length = asked.reason.trim().chars().count();
    if !(1..=REASON_CHARACTERS_MAX).contains(&length) {
        let detail = format!("a reason has 1 to {REASON_CHARACTERS_MAX} characters");
        return Err(Problem::malformed(detail));
    }
    if (
        asked.requests,
        asked.bytes_in,
        asked.bytes_out,
        asked.byte_hours,
    ) == (0, 0, 0, 0)
    {
        return Err(Problem::malformed("a correction adds or takes something"));
    }
    let state = admin.directory.state();
    let account = state
        .tenant_named(&asked.tenant)
        .ok_or_else(|| Problem::not_found("tenant"))?;
    let (tenant, reseller) = (account.id, account.parent);
    let user = asked.user.as_ref().map(|name| {
        state
            .user_named(tenant, name)
            .ok_or_else(|| Problem::not_found("user"))
    });
    let correction = Correction {
        period,
        reseller,
        tenant,
        user: user.transpose()?.map(|user| user.id),
        requests: asked.requests,
        bytes_in: asked.bytes_in,
        bytes_out: asked.bytes_out,
        byte_hours: asked.byte_hours,
        reason: asked.reason,
        by: actor.label(),
        at_ms: admin.meter.now(),
    };
    let closed = admin.meter.ask(move |ledger| ledger.verify(period)).await?;
    if closed.is_none() {
        return Err(postern_config::metering::LedgerError::NotClosed.into());
    }
    // The audit record first: a bill that changed without one could not be explained.
    let command = Command::NoteUsage {
        tenant: Some(tenant),
        step: "usage.correct",
        period: period.to_string(),
        detail: json!(correction),
    };
    let revision = admin.directory.apply(command, actor).await?.revision;
    let number = admin
        .meter
        .ask(move |ledger| ledger.correct(&correction))
        .await?;
    let answer = json!({ "number": number, "revision": revision });
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// When, from where and for what a key was last used; nulls where it never was.
pub(crate) async fn last_used(
    State(admin): State<Admin>,
    key: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, Problem> {
    let Path(key) = key?;
    let key: AccessKeyId = key.parse().map_err(|_| Problem::not_found("access key"))?;
    if admin.directory.state().key(&key).is_none() {
        return Err(Problem::not_found("access key"));
    }
    let last = admin
        .meter
        .ask(move |ledger| ledger.last_used(&key))
        .await?;
    Ok(Json(json!({
        "key": key,
        "at_ms": last.map(|last| last.at),
        "address": last.map(|last| last.address),
        "operation": last.and_then(|last| last.operation).map(Operation::name),
    })))
}

/// What has a quota or a rate.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bounded {
    tenant: Option<String>,
    user: Option<String>,
    bucket: Option<String>,
    key: Option<AccessKeyId>,
}

/// A quota, and what is stored of it.
pub(crate) async fn quota(
    State(admin): State<Admin>,
    of: Result<Query<Bounded>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(of) = of?;
    let state = admin.directory.state();
    let of = of.quota(&state)?;
    Ok(Json(bounds(&admin, &state, of).await))
}

/// Puts a quota in the place of the one before: what the document does not name is not bounded.
pub(crate) async fn set_quota(
    State(admin): State<Admin>,
    of: Result<Query<Bounded>, QueryRejection>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    let Query(of) = of?;
    let of = of.quota(&admin.directory.state())?;
    let actor = actor_of(&request);
    let quota: Quota = read_json_of(request, admin.body_bytes_max).await?;
    admin
        .directory
        .apply(Command::SetQuota(of, quota), actor)
        .await?;
    Ok(Json(bounds(&admin, &admin.directory.state(), of).await))
}

/// A rate.
pub(crate) async fn rate(
    State(admin): State<Admin>,
    of: Result<Query<Bounded>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(of) = of?;
    let state = admin.directory.state();
    Ok(Json(json!(rate_now(&state, of.rate(&state)?))))
}

/// Puts a rate in the place of the one before.
pub(crate) async fn set_rate(
    State(admin): State<Admin>,
    of: Result<Query<Bounded>, QueryRejection>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    let Query(of) = of?;
    let of = of.rate(&admin.directory.state())?;
    let actor = actor_of(&request);
    let rate: Rate = read_json_of(request, admin.body_bytes_max).await?;
    admin
        .directory
        .apply(Command::SetRate(of, rate), actor)
        .await?;
    Ok(Json(json!(rate_now(&admin.directory.state(), of))))
}

impl Bounded {
    fn quota(&self, state: &Snapshot) -> Result<QuotaOf, Problem> {
        if self.key.is_some() {
            return Err(Problem::malformed(
                "a key stores nothing: it has a rate, and no quota",
            ));
        }
        let found = place(state, [&self.tenant, &self.user, &self.bucket])?;
        found.ok_or_else(|| {
            Problem::malformed("a `tenant`, one of its users or a bucket has a quota")
        })
    }

    fn rate(&self, state: &Snapshot) -> Result<RateOf, Problem> {
        if let Some(key) = self.key {
            let found = state
                .key(&key)
                .ok_or_else(|| Problem::not_found("access key"))?;
            return Ok(RateOf::Key(found.id));
        }
        match place(state, [&self.tenant, &self.user, &self.bucket])? {
            Some(QuotaOf::Tenant(id)) => Ok(RateOf::Tenant(id)),
            Some(QuotaOf::User(id)) => Ok(RateOf::User(id)),
            Some(QuotaOf::Bucket(_)) | None => Err(Problem::malformed(
                "a `tenant`, one of its users or a `key` has a rate",
            )),
        }
    }
}

/// The finest that is named.
fn place(
    state: &Snapshot,
    [of_tenant, of_user, of_bucket]: [&Option<String>; 3],
) -> Result<Option<QuotaOf>, Problem> {
    let tenant = of_tenant
        .as_deref()
        .map(|text| tenant(state, text))
        .transpose()?;
    let user = of_user
        .as_deref()
        .map(|text| user(state, tenant, text))
        .transpose()?;
    if let Some(text) = of_bucket {
        return Ok(Some(QuotaOf::Bucket(bucket(state, (tenant, user), text)?)));
    }
    let user = user.map(|user| QuotaOf::User(user.id));
    Ok(user.or_else(|| tenant.map(|tenant| QuotaOf::Tenant(tenant.id))))
}

fn quota_of(state: &Snapshot, asked: &Asked) -> Result<Option<QuotaOf>, Problem> {
    match asked.key {
        Some(_) => Ok(None),
        None => place(state, [&asked.tenant, &asked.user, &asked.bucket]),
    }
}

/// A quota as it is now, with what is stored of it; nulls where nothing is bounded, or nothing known.
async fn bounds(admin: &Admin, state: &Snapshot, of: QuotaOf) -> Value {
    let quota = match of {
        QuotaOf::Tenant(id) => state.tenant(id).map(|it| it.quota),
        QuotaOf::User(id) => state.user(id).map(|it| it.quota),
        QuotaOf::Bucket(id) => state.bucket_by_id(id).map(|it| it.quota),
    };
    let quota = quota.unwrap_or_default();
    let stored = admin.usage.stored(of).await;
    json!({
        "bytes": quota.bytes,
        "objects": quota.objects,
        "stored_bytes": stored.map(|it| it.bytes),
        "stored_objects": stored.map(|it| it.objects),
    })
}

fn rate_now(state: &Snapshot, of: RateOf) -> Value {
    let rate = match of {
        RateOf::Tenant(id) => state.tenant(id).map(|it| it.rate),
        RateOf::User(id) => state.user(id).map(|it| it.rate),
        RateOf::Key(id) => state.key(&id).map(|it| it.rate),
    };
    let rate = rate.unwrap_or_default();
    json!({ "requests": rate.requests, "bytes": rate.bytes })
}

fn read_period(period: Result<Path<String>, PathRejection>) -> Result<Period, Problem> {
    let Path(period) = period?;
    period
        .parse()
        .map_err(|fault: postern_config::metering::NotAPeriod| {
            Problem::malformed(fault.to_string())
        })
}

async fn report(
    admin: &Admin,
    state: &Snapshot,
    asked: &Asked,
    (step, by): (Step, By),
) -> Result<Report, Problem> {
    let now = Hour::of(admin.meter.now());
    let (from, to) = match (asked.period, asked.from, asked.to) {
        (Some(period), None, None) => (period.start(), period.end()),
        (Some(_), ..) => {
            return Err(Problem::malformed(
                "`period` stands in the place of `from` and `to`",
            ));
        }
        (None, from, to) => (
            from.map_or_else(
                || Period::month_of(now).map_or(now, Period::start),
                |it| it.0,
            ),
            to.map_or(Hour(now.0.saturating_add(1)), |it| it.0),
        ),
    };
    if from >= to {
        return Err(Problem::malformed("`from` lies before `to`"));
    }
    let tenant = asked
        .tenant
        .as_deref()
        .map(|text| tenant(state, text))
        .transpose()?;
    let user = asked
        .user
        .as_deref()
        .map(|text| user(state, tenant, text))
        .transpose()?;
    let bucket = asked
        .bucket
        .as_deref()
        .map(|text| bucket(state, (tenant, user), text))
        .transpose()?;
    let wanted = Wanted {
        from,
        to,
        step: asked.step.unwrap_or(step),
        by: asked.by.unwrap_or(by),
        // A bucket says whose it is; others may have used it.
        tenant: tenant.filter(|_| bucket.is_none()).map(|tenant| tenant.id),
        user: user.filter(|_| bucket.is_none()).map(|user| user.id),
        key: asked.key,
        bucket,
    };
    Ok(admin
        .meter
        .ask(move |ledger| ledger.report(&wanted))
        .await?)
}

/// A number wins where a name is all digits.
pub(super) fn tenant<'s>(state: &'s Snapshot, text: &str) -> Result<&'s Tenant, Problem> {
    let found = match text.parse::<u64>() {
        Ok(number) => state.tenants().find(|tenant| tenant.id.get() == number),
        Err(_) => text
            .parse()
            .ok()
            .and_then(|name: Name| state.tenant_named(&name)),
    };
    found
        .map(AsRef::as_ref)
        .ok_or_else(|| Problem::not_found("tenant"))
}

pub(super) fn user<'s>(
    state: &'s Snapshot,
    tenant: Option<&Tenant>,
    text: &str,
) -> Result<&'s User, Problem> {
    let tenant = tenant.ok_or_else(|| Problem::malformed("a user is one of a `tenant`"))?;
    let found = match text.parse::<u64>() {
        Ok(number) => state.users(tenant.id).find(|user| user.id.get() == number),
        Err(_) => {
            let name = text.parse().ok();
            name.and_then(|name: Name| state.user_named(tenant.id, &name))
        }
    };
    found
        .map(AsRef::as_ref)
        .ok_or_else(|| Problem::not_found("user"))
}

/// By id, or by name in the namespace that account and user have.
pub(super) fn bucket(
    state: &Snapshot,
    (tenant, user): (Option<&Tenant>, Option<&User>),
    text: &str,
) -> Result<BucketId, Problem> {
    if let Some(id) = (text.len() == 32)
        .then(|| u128::from_str_radix(text, 16).ok())
        .flatten()
        && let Some(bucket) = state.bucket_by_id(BucketId(id))
    {
        return Ok(bucket.id);
    }
    let tenant = tenant.ok_or_else(|| Problem::malformed("a bucket is one of a `tenant`"))?;
    let namespace = match (tenant.profile.namespaces(), user) {
        (NamespaceKind::PerUser, Some(user)) => NamespaceId::User(tenant.id, user.id),
        (NamespaceKind::PerUser, None) => {
            return Err(Problem::malformed(
                "a bucket of this tenant is one of a `user`",
            ));
        }
        (NamespaceKind::Account, _) => NamespaceId::Account(tenant.id),
        (NamespaceKind::Global, _) => NamespaceId::Global,
    };
    let name: Option<BucketName> = text.parse().ok();
    let found = name.and_then(|name| state.bucket(namespace, &name));
    let found = found.filter(|bucket| bucket.tenant == tenant.id);
    found
        .map(|bucket| bucket.id)
        .ok_or_else(|| Problem::not_found("bucket"))
}

fn heading(report: &Report) -> Map<String, Value> {
    let wanted = report.wanted();
    let mut heading = Map::new();
    heading.insert("from".to_owned(), json!(Moment(wanted.from)));
    heading.insert("to".to_owned(), json!(Moment(wanted.to)));
    heading.insert("step".to_owned(), json!(wanted.step));
    heading.insert("by".to_owned(), json!(wanted.by));
    let mut total = Map::new();
    total.extend(numbers(&report.total).map(|(name, number)| (name.to_owned(), number)));
    heading.insert("total".to_owned(), total.into());
    heading
}

/// A line as JSON: whose it is, as far as it is told apart, and the numbers.
fn line(state: &Snapshot, item: &Item) -> Map<String, Value> {
    let whose = whose(state, item)
        .into_iter()
        .filter(|(_, value)| !value.is_null());
    whose
        .chain(numbers(&item.sums))
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// Whose a line is. Names are those of now; what is gone has its number alone.
fn whose(state: &Snapshot, item: &Item) -> [(&'static str, Value); 11] {
    let whose = &item.whose;
    let tenant_name = |id: Option<TenantId>| {
        let tenant = id.and_then(|id| state.tenant(id));
        json!(tenant.map(|tenant| tenant.name.as_str()))
    };
    let user = whose.user.and_then(|id| state.user(id));
    let bucket = whose.bucket.and_then(|id| state.bucket_by_id(id));
    [
        ("start", json!(Moment(item.start))),
        ("reseller", tenant_name(whose.reseller)),
        ("reseller_id", json!(whose.reseller.map(TenantId::get))),
        ("tenant", tenant_name(whose.tenant)),
        ("tenant_id", json!(whose.tenant.map(TenantId::get))),
        ("user", json!(user.map(|user| user.name.as_str()))),
        ("user_id", json!(whose.user.map(UserId::get))),
        ("sub_user_id", json!(whose.sub_user)),
        ("key", json!(whose.key)),
        ("bucket", json!(bucket.map(|bucket| bucket.name.as_str()))),
        ("bucket_id", json!(whose.bucket.map(|id| id.to_string()))),
    ]
}

fn numbers(sums: &Sums) -> impl Iterator<Item = (&'static str, Value)> + use<> {
    let counts = &sums.counts;
    let by_class = Class::ALL
        .into_iter()
        .map(Class::name)
        .zip(counts.requests.map(Value::from));
    // More than 64 bits of byte-hours are more than the world has stored.
    let large = |number: u128| Value::from(u64::try_from(number).unwrap_or(u64::MAX));
    let signed = |number: i128| Value::from(i64::try_from(number).unwrap_or(i64::MAX));
    let [requests, bytes_in, bytes_out, byte_hours] = sums.corrected;
    by_class.chain([
        ("requests", counts.all().into()),
        ("refused", counts.refused.into()),
        ("failed", counts.failed.into()),
        ("cut", counts.cut.into()),
        ("late", sums.late.into()),
        ("bytes_in", counts.bytes_in.into()),
        ("bytes_out", counts.bytes_out.into()),
        ("byte_hours", large(sums.byte_hours)),
        ("object_hours", large(sums.object_hours)),
        ("corrected_requests", signed(requests)),
        ("corrected_bytes_in", signed(bytes_in)),
        ("corrected_bytes_out", signed(bytes_out)),
        ("corrected_byte_hours", signed(byte_hours)),
    ])
}

fn csv(state: &Snapshot, report: &Report) -> String {
    let cells = |item: &Item| whose(state, item).into_iter().chain(numbers(&item.sums));
    let nobody = Item {
        start: report.wanted().from,
        whose: postern_config::metering::Whose::NOBODY,
        sums: Sums::default(),
    };
    let names: Vec<&str> = cells(&nobody).map(|(name, _)| name).collect();
    let mut text = names.join(",");
    text.push_str("\r\n");
    for item in report.items() {
        let line: Vec<String> = cells(&item).map(|(_, value)| cell(&value)).collect();
        text.push_str(&line.join(","));
        text.push_str("\r\n");
    }
    text
}

/// One cell. A text that a spreadsheet would take for a formula is marked as text. Source: OWASP, "CSV injection".
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => {
            let formula = text.starts_with(['=', '+', '-', '@']);
            let text = if formula {
                format!("'{text}")
            } else {
                text.clone()
            };
            if text.contains([',', '"', '\n', '\r']) {
                format!("\"{}\"", text.replace('"', "\"\""))
            } else {
                text
            }
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_no_formula_and_ends_where_it_should() {
        let cells = ["plain", "a,b", "say \"x\"", "=1+1", "@sum"].map(|text| cell(&json!(text)));
        assert_eq!(
            cells,
            ["plain", "\"a,b\"", "\"say \"\"x\"\"\"", "'=1+1", "'@sum"]
        );
        assert_eq!(
            (cell(&Value::Null), cell(&json!(-7))),
            (String::new(), "-7".to_owned())
        );
    }
}
