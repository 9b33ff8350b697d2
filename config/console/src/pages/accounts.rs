//! Accounts: the first page, the list, a new one, and the overview of one.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use postern_config::directory::{
    Mfa, OperatorStatus, Place, Profile, Quota, QuotaOf, Role, Tenant, TenantStatus, User,
    UserStatus,
};
use postern_config::metering::{By as LinesBy, Hour, Moment, Step};

use super::chart::{self, Bar, Drawn};
use super::fields::{Asked, Fields, Sent};
use super::filters;
use super::filters::say;
use super::frame::{Frame, Here, Nav};
use super::links::filled;
use super::lists::{Turns, View};
use super::reader::Reader;
use super::visit::see;
use crate::api::asked::{By, Of};
use crate::limits::{ATTENTION_EXPIRES_SECONDS, ATTENTION_KEYS_LOOKED_AT_MAX};
use crate::service::buckets::is_public;
use crate::service::keys;
use crate::service::tenants::{self, NewTenant, TenantShown};
use crate::service::usage::{self, UsageAsk};
use crate::{Admin, Problem};

/// The first page: the overview of the account that somebody sees, or the list of those that he does.
pub(crate) async fn home(reader: Reader) -> Result<Response, Problem> {
    let caller = reader.caller()?;
    let mut seen = reader
        .state
        .tenants()
        .filter(|it| caller.touches(&reader.state, it.id));
    Ok(match (seen.next(), seen.next()) {
        (Some(one), None) => see(&overview_of(one)),
        _ => see("/accounts"),
    })
}

fn overview_of(tenant: &Tenant) -> String {
    filled("/accounts/{tenant}", &[("tenant", tenant.name.as_str())])
}

#[derive(askama::Template)]
#[template(path = "accounts.html")]
struct AccountsPage<'p> {
    frame: Frame,
    view: &'p View,
    rows: Vec<(TenantShown, String)>,
    turns: Turns,
    create: Option<String>,
}

pub(crate) async fn list(
    State(admin): State<Admin>,
    reader: Reader,
    Asked(fields): Asked,
) -> Result<Response, Problem> {
    let view = View::of(fields, "/accounts");
    let status = view.filter::<TenantStatus>("status")?;
    let page = tenants::list(&admin, reader.caller()?, &view.listing(), (status, None))?;
    let turns = view.turns(&page);
    let rows = page.items.into_iter().map(|tenant| {
        let href = filled("/accounts/{tenant}", &[("tenant", tenant.name.as_str())]);
        (tenant, href)
    });
    let page = AccountsPage {
        frame: reader.frame(here(&reader, say!("Accounts"))),
        rows: rows.collect(),
        view: &view,
        turns,
        create: reader.link("/accounts/new", &[]),
    };
    Ok(reader.shows(&page))
}

fn here(reader: &Reader, title: &'static str) -> Here<'static> {
    Here {
        title: reader.say(title).to_owned(),
        nav: Nav::Accounts,
        tenant: None,
        trail: Vec::new(),
    }
}

#[derive(askama::Template)]
#[template(path = "account_new.html")]
struct NewAccountPage<'p> {
    frame: Frame,
    form: &'p Fields,
    problem: Option<&'p Problem>,
    profiles: Vec<(&'static str, &'static str)>,
    parents: Vec<(String, String)>,
}

pub(crate) async fn show_create(reader: Reader) -> Response {
    let form = Fields::default().with("profile", Profile::default().as_str());
    create_page(&reader, (&form, StatusCode::OK, None))
}

fn create_page(
    reader: &Reader,
    (form, status, problem): (&Fields, StatusCode, Option<&Problem>),
) -> Response {
    let seen = reader.state.tenants().filter(|it| {
        let caller = reader.caller.as_ref();
        caller.is_some_and(|caller| caller.touches(&reader.state, it.id))
    });
    let parents = seen.map(|it| (it.name.to_string(), it.name.to_string()));
    let nobody = (String::new(), say!("None: it stands by itself").to_owned());
    let page = NewAccountPage {
        frame: reader.frame(Here {
            trail: vec![(
                reader.say(say!("Accounts")).to_owned(),
                Some("/accounts".to_owned()),
            )],
            ..here(reader, say!("Create account"))
        }),
        form,
        problem,
        profiles: Profile::ALL.map(|it| (it.as_str(), it.as_str())).to_vec(),
        parents: std::iter::once(nobody).chain(parents).collect(),
    };
    reader.page(status, &page)
}

pub(crate) async fn create(
    State(admin): State<Admin>,
    reader: Reader,
    By(actor): By,
    Sent(mut form): Sent,
) -> Result<Response, Problem> {
    let read = |form: &mut Fields| {
        let (name, profile, parent) = (form.need("name"), form.may("profile"), form.may("parent"));
        Some(NewTenant {
            name: name?,
            profile: profile?,
            parent: parent?,
        })
    };
    let Some(new) = read(&mut form) else {
        return Ok(create_page(
            &reader,
            (&form, StatusCode::UNPROCESSABLE_ENTITY, None),
        ));
    };
    Ok(
        match tenants::create(&admin, actor, None, (reader.caller()?, new)).await {
            Ok((_, tenant)) => reader.done(
                (
                    say!("Account {} is there, with its root user."),
                    &tenant.name,
                ),
                tenant.revision,
                &filled("/accounts/{tenant}", &[("tenant", tenant.name.as_str())]),
            ),
            Err(problem) => create_page(&reader, (&form, problem.status, Some(&problem))),
        },
    )
}

#[derive(askama::Template)]
#[template(path = "overview.html")]
struct OverviewPage<'p> {
    frame: Frame,
    tenant: &'p TenantShown,
    /// What it is called, how much it is, and where it is shown.
    cards: Vec<(&'static str, String, Option<String>)>,
    /// What needs attention, and where.
    attention: Vec<(String, Option<String>)>,
    /// None: whoever reads may not see what was used.
    month: Option<Month>,
    quick: Vec<(&'static str, String)>,
}

/// The last thirty days.
struct Month {
    requests: u64,
    refused: u64,
    bytes_out: u64,
    bars: Vec<Drawn>,
}

/// Days that the overview's chart shows.
const CHART_DAYS: u32 = 30;

pub(crate) async fn overview(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<Tenant>,
) -> Result<Response, Problem> {
    let tenant = tenants::show(&of.state, &of.it);
    let stored = admin.usage.stored(QuotaOf::Tenant(of.it.id)).await;
    let month = month(&admin, &reader, &of.it).await;
    let link = |path: &str| reader.link_in(&of.it, path, &[]);
    let stored = stored.map_or_else(|| "–".to_owned(), |it| filters::size(it.bytes));
    let quick = [
        (say!("Create user"), link("/users/new")),
        (say!("Users"), link("/users")),
        (say!("Create bucket"), link("/buckets/new")),
        (say!("Buckets"), link("/buckets")),
        (say!("Access keys"), link("/keys")),
    ];
    let cards = vec![
        (say!("Users"), tenant.users.to_string(), link("/users")),
        (
            say!("Buckets"),
            tenant.buckets.to_string(),
            link("/buckets"),
        ),
        (say!("Stored"), stored, None),
        (say!("Access keys"), tenant.keys.to_string(), link("/keys")),
    ];
    let page = OverviewPage {
        frame: reader.frame(Here {
            title: tenant.name.to_string(),
            nav: Nav::Overview,
            tenant: Some(&of.it),
            trail: Vec::new(),
        }),
        attention: attention(&admin, &reader, &of).await?,
        tenant: &tenant,
        cards,
        month,
        quick: quick
            .into_iter()
            .filter_map(|(text, href)| Some((text, href?)))
            .collect(),
    };
    Ok(reader.shows(&page))
}

/// What was used in the last thirty days; none where whoever reads may not see it.
async fn month(admin: &Admin, reader: &Reader, tenant: &Tenant) -> Option<Month> {
    let next = Hour(Hour::of(admin.meter.now()).0.saturating_add(1));
    let ask = UsageAsk {
        tenant: Some(tenant.name.to_string()),
        user: None,
        key: None,
        bucket: None,
        from: Some(Moment(Hour(next.0.saturating_sub(24 * CHART_DAYS)))),
        to: Some(Moment(next)),
        period: None,
        step: Some(Step::Day),
        by: Some(LinesBy::Total),
        limit: None,
        cursor: None,
    };
    let shown = usage::page(admin, reader.caller.as_ref()?, &ask)
        .await
        .ok()?;
    let bars = shown.items.iter().map(|line| Bar {
        label: line.word("start").chars().take(10).collect(),
        value: line.number("requests"),
        part: line.number("refused"),
    });
    Some(Month {
        requests: shown.total.number("requests"),
        refused: shown.total.number("refused"),
        bytes_out: shown.total.number("bytes_out"),
        bars: chart::drawn(bars.collect()),
    })
}

/// What somebody should look at.
async fn attention(
    admin: &Admin,
    reader: &Reader,
    of: &Of<Tenant>,
) -> Result<Vec<(String, Option<String>)>, Problem> {
    let now = reader.now.seconds().0;
    let seen = |user: &&std::sync::Arc<User>| of.caller.sees_user(&of.state, user);
    let users = || of.state.users(of.it.id).filter(seen);
    let (who, most) = ((&of.caller, &*of.it), ATTENTION_KEYS_LOOKED_AT_MAX);
    let unused = keys::unused(admin, who, most).await?;
    let expiring = keys::working(&of.state, who).take(most).filter(|key| {
        let expires = key.rights.expires.map(|it| it.0);
        expires.is_some_and(|it| it > now && it - now < ATTENTION_EXPIRES_SECONDS)
    });
    // Only the beginning of many keys is looked at here; the list behind the finding looks at all.
    let is_cut = keys::working(&of.state, who).nth(most).is_some();
    let disabled = users().filter(|user| user.status == UserStatus::Disabled);
    let public = of.state.buckets_in(&of.it);
    let public = public.filter(|it| is_public(&of.it, it) && of.caller.sees_bucket(&of.state, it));
    let link = |path: &str, query: &str| {
        let href = reader.link_in(&of.it, path, &[])?;
        Some(format!("{href}{query}"))
    };
    let people = reader.link("/people", &[]);
    let findings = [
        (
            say!("Access keys not used for 45 days: {}"),
            unused.len(),
            link("/keys", "?status=unused"),
        ),
        (
            say!("Access keys that expire within seven days: {}"),
            expiring.count(),
            link("/keys", "?sort=expires"),
        ),
        (
            say!("More working access keys than are looked at here: {}"),
            if is_cut { most } else { 0 },
            link("/keys", "?status=unused"),
        ),
        (say!("Public buckets: {}"), public.count(), None),
        (
            say!("Disabled users: {}"),
            disabled.count(),
            link("/users", "?status=passive"),
        ),
        (
            say!("Owners without a second factor: {}"),
            people.as_ref().map_or(0, |_| bare_owners(of)),
            people,
        ),
    ];
    let findings = findings.into_iter().filter(|(_, count, _)| *count > 0);
    let findings = findings
        .map(|(text, count, href)| (reader.say(text).replacen("{}", &count.to_string(), 1), href));
    let quota = full(admin, reader, &of.it).await;
    Ok(quota
        .into_iter()
        .map(|it| (it, None))
        .chain(findings)
        .collect())
}

/// How many may do everything here with a password alone.
fn bare_owners(of: &Of<Tenant>) -> usize {
    let here = Place::Tenant(of.it.id);
    let owners = of.state.operators().filter(|it| {
        it.role == Role::Owner
            && it.status == OperatorStatus::Active
            && !it.details.sso
            && it.mfa() != Mfa::On
            && it.scope.covers(&of.state, &here)
            && of.caller.sees(&of.state, &Place::Scope(it.scope.clone()))
    });
    owners.count()
}

/// That an account is nearly full.
async fn full(admin: &Admin, reader: &Reader, tenant: &Tenant) -> Option<String> {
    let Quota { bytes, .. } = tenant.quota;
    let stored = admin.usage.stored(QuotaOf::Tenant(tenant.id)).await?;
    let percent = u128::from(stored.bytes) * 100 / u128::from(bytes?.max(1));
    let text = say!("{} % of the account's quota is used");
    (percent >= 90).then(|| reader.say(text).replacen("{}", &percent.to_string(), 1))
}
