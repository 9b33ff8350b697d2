//! Usage: what was asked, moved and stored, by whom; quotas and rates; billing periods and their corrections; the last use of a key.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use postern_config::directory::{AccessKeyId, Command, Place, Quota, Rate};
use postern_config::limits::REASON_CHARACTERS_MAX;
use postern_config::metering::{
    Closed, Correction, Ledger, LedgerError, NotAPeriod, Period, Verified,
};
use s3_protocol::Operation;
use serde_json::json;

use super::asked::{Ask, At, By, Document, created, text};
use crate::caller::Caller;
use crate::service::find;
use crate::service::usage::{
    self, BoundedAsk, NewQuota, NewRate, QuotaShown, RateShown, UsageAsk, UsageExportAsk,
    UsageFormat, UsageShown,
};
use crate::shape::shapes;
use crate::{Admin, Problem};

shapes! {
    told
    /// A billing period that was closed: nothing is added to it any more.
    PeriodShown {
        /// The period.
        period: Period,
        /// When it was closed, in milliseconds since 1970.
        closed_ms: u64,
        /// By whom, as the audit record names him.
        closed_by: String,
        /// SHA-256 over all its rows.
        digest: String,
        /// How many they are.
        rows: u64,
        /// Whether the audit log has it.
        audited: bool,
        /// Whether its rows still have that digest; null where nobody has looked: a list does not.
        intact: Option<bool>,
    }

    told
    /// The closed periods.
    Periods {
        /// The oldest first.
        items: Vec<PeriodShown>,
        /// Always null: they are all here.
        next: Option<String>,
    }

    asked
    /// What is added to, or with a minus taken from, a closed period.
    NewCorrection {
        /// The account, by name or number.
        tenant: String,
        /// The user, by name or number.
        user: Option<String>,
        /// Requests.
        requests: Option<i64>,
        /// Bytes of requests' bodies.
        bytes_in: Option<i64>,
        /// Bytes of answers' bodies.
        bytes_out: Option<i64>,
        /// Bytes stored, times the hours.
        byte_hours: Option<i64>,
        /// Why, as whoever gets the bill will read it.
        reason: String,
    }

    told
    /// A correction. The period stays as it was: the correction is a row of its own in the hour in which it was made.
    CorrectionMade {
        /// Its number.
        number: u64,
        /// The revision of its audit record.
        revision: u64,
    }

    told
    /// When, from where and for what a key was last used; nulls where it never was.
    LastUseShown {
        /// The access key.
        key: AccessKeyId,
        /// When, in milliseconds since 1970.
        at_ms: Option<u64>,
        /// From where.
        address: Option<String>,
        /// For what: an operation of S3 by its API name, null for others.
        operation: Option<&'static str>,
    }
}

/// Sums, a page at a time.
pub(crate) async fn show(
    State(admin): State<Admin>,
    caller: Caller,
    Ask(ask): Ask<UsageAsk>,
) -> Result<Json<UsageShown>, Problem> {
    Ok(Json(usage::page(&admin, &caller, &ask).await?))
}

/// All lines, as a file.
pub(crate) async fn export(
    State(admin): State<Admin>,
    caller: Caller,
    Ask(ask): Ask<UsageExportAsk>,
) -> Result<Response, Problem> {
    let (format, body) = usage::export(&admin, &caller, ask).await?;
    let kind = match format {
        UsageFormat::Json => "application/json",
        UsageFormat::Csv => "text/csv; charset=utf-8; header=present",
    };
    Ok(text(kind, body))
}

/// The closed periods.
pub(crate) async fn periods(State(admin): State<Admin>) -> Result<Json<Periods>, Problem> {
    let closed = admin.meter.ask(Ledger::periods).await?;
    let items = closed.into_iter().map(|closed| shown(closed, None));
    Ok(Json(Periods {
        items: items.collect(),
        next: None,
    }))
}

/// A closed period, looked at again.
pub(crate) async fn period(
    State(admin): State<Admin>,
    At(period): At<String>,
) -> Result<Json<PeriodShown>, Problem> {
    let period = read_period(&period)?;
    let found = admin.meter.ask(move |ledger| ledger.verify(period)).await?;
    let Verified { closed, intact } = found.ok_or_else(|| Problem::not_found("closed period"))?;
    Ok(Json(shown(closed, Some(intact))))
}

/// Closes a period that has ended: from here on nothing is added to it.
pub(crate) async fn close(
    State(admin): State<Admin>,
    At(period): At<String>,
    By(actor): By,
) -> Result<Json<PeriodShown>, Problem> {
    let period = read_period(&period)?;
    let (at, by) = (admin.meter.now(), actor.label());
    let closing = admin.meter.ask(move |ledger| ledger.close(period, at, &by));
    let closed = closing.await?;
    if closed.audited {
        return Ok(Json(shown(closed, None)));
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
    let closed = Closed {
        audited: true,
        ..closed
    };
    Ok(Json(shown(closed, None)))
}

/// Corrects a closed period.
pub(crate) async fn correct(
    State(admin): State<Admin>,
    At(period): At<String>,
    document: Document<NewCorrection>,
) -> Result<Response, Problem> {
    let period = read_period(&period)?;
    let Document { asked, actor, .. } = document;
    let length = asked.reason.trim().chars().count();
    if !(1..=REASON_CHARACTERS_MAX).contains(&length) {
        let detail = format!("a reason has 1 to {REASON_CHARACTERS_MAX} characters");
        return Err(Problem::malformed(detail));
    }
    let state = admin.directory.state();
    let account = find::tenant(&state, &asked.tenant)?;
    let user = asked.user.as_deref();
    let user = user.map(|word| find::user(&state, account, word));
    let correction = Correction {
        period,
        reseller: account.parent,
        tenant: account.id,
        user: user.transpose()?.map(|user| user.id),
        requests: asked.requests.unwrap_or(0),
        bytes_in: asked.bytes_in.unwrap_or(0),
        bytes_out: asked.bytes_out.unwrap_or(0),
        byte_hours: asked.byte_hours.unwrap_or(0),
        reason: asked.reason,
        by: actor.label(),
        at_ms: admin.meter.now(),
    };
    let Correction {
        requests,
        bytes_in,
        bytes_out,
        byte_hours,
        ..
    } = correction;
    if (requests, bytes_in, bytes_out, byte_hours) == (0, 0, 0, 0) {
        return Err(Problem::malformed("a correction adds or takes something"));
    }
    let closed = admin.meter.ask(move |ledger| ledger.verify(period)).await?;
    if closed.is_none() {
        return Err(LedgerError::NotClosed.into());
    }
    // The audit record first: a bill that changed without one could not be explained.
    let command = Command::NoteUsage {
        tenant: Some(account.id),
        step: "usage.correct",
        period: period.to_string(),
        detail: json!(correction),
    };
    let revision = admin.directory.apply(command, actor).await?.revision.0;
    let corrected = admin.meter.ask(move |ledger| ledger.correct(&correction));
    let number = corrected.await?;
    let made = CorrectionMade { number, revision };
    Ok(created(true, revision, made))
}

/// When, from where and for what a key was last used.
pub(crate) async fn last_used(
    State(admin): State<Admin>,
    caller: Caller,
    At(key): At<String>,
) -> Result<Json<LastUseShown>, Problem> {
    let known = key.parse::<AccessKeyId>().ok();
    let state = admin.directory.state();
    let known = known.filter(|key| {
        let place = state.key(key).map(|it| Place::User(it.tenant, it.user));
        place.is_some_and(|place| caller.sees(&state, &place))
    });
    let key = known.ok_or_else(|| Problem::not_found("access key"))?;
    let last = admin
        .meter
        .ask(move |ledger| ledger.last_used(&key))
        .await?;
    Ok(Json(LastUseShown {
        key,
        at_ms: last.map(|last| last.at.0),
        address: last.map(|last| last.address.to_string()),
        operation: last.and_then(|last| last.operation).map(Operation::name),
    }))
}

/// A quota, and what is stored of it.
pub(crate) async fn quota(
    State(admin): State<Admin>,
    caller: Caller,
    Ask(of): Ask<BoundedAsk>,
) -> Result<Json<QuotaShown>, Problem> {
    let state = admin.directory.state();
    let of = of.quota_of(&state, &caller)?;
    Ok(Json(usage::quota(&admin, &state, of).await))
}

/// Puts a quota in the place of the one before.
pub(crate) async fn set_quota(
    State(admin): State<Admin>,
    caller: Caller,
    Ask(of): Ask<BoundedAsk>,
    Document { asked, actor, .. }: Document<NewQuota>,
) -> Result<Json<QuotaShown>, Problem> {
    let of = of.quota_of(&admin.directory.state(), &caller)?;
    let NewQuota { bytes, objects } = asked;
    let command = Command::SetQuota(of, Quota { bytes, objects });
    admin.directory.apply(command, actor).await?;
    let state = admin.directory.state();
    Ok(Json(usage::quota(&admin, &state, of).await))
}

/// A rate.
pub(crate) async fn rate(
    State(admin): State<Admin>,
    caller: Caller,
    Ask(of): Ask<BoundedAsk>,
) -> Result<Json<RateShown>, Problem> {
    let state = admin.directory.state();
    Ok(Json(usage::rate(&state, of.rate_of(&state, &caller)?)))
}

/// Puts a rate in the place of the one before.
pub(crate) async fn set_rate(
    State(admin): State<Admin>,
    caller: Caller,
    Ask(of): Ask<BoundedAsk>,
    Document { asked, actor, .. }: Document<NewRate>,
) -> Result<Json<RateShown>, Problem> {
    let of = of.rate_of(&admin.directory.state(), &caller)?;
    let NewRate { requests, bytes } = asked;
    let command = Command::SetRate(of, Rate { requests, bytes });
    admin.directory.apply(command, actor).await?;
    Ok(Json(usage::rate(&admin.directory.state(), of)))
}

fn shown(closed: Closed, intact: Option<bool>) -> PeriodShown {
    PeriodShown {
        period: closed.period,
        closed_ms: closed.closed_ms.0,
        closed_by: closed.closed_by,
        digest: closed.digest.to_string(),
        rows: closed.rows,
        audited: closed.audited,
        intact,
    }
}

fn read_period(text: &str) -> Result<Period, Problem> {
    text.parse()
        .map_err(|fault: NotAPeriod| Problem::malformed(fault.to_string()))
}
