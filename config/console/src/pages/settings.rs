//! The settings of an account, and its end.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use postern_config::directory::{Description, Name, Tenant, TenantStatus, WriteDeletes};

use super::confirm::{self, Asks};
use super::fields::{Fields, Sent};
use super::filters;
use super::filters::say;
use super::frame::{Frame, Here, Nav};
use super::links::filled;
use super::reader::Reader;
use super::review::{Field, Kind, Review};
use super::user_changes::{not_the_name, reach};
use super::{hosts, ownership};
use crate::api::asked::{By, Of};
use crate::service::keys::word;
use crate::service::tenants::{self, Limits, TenantChange, TenantShown};
use crate::{Admin, Problem};

#[derive(askama::Template)]
#[template(path = "settings.html")]
struct SettingsPage {
    frame: Frame,
    it: TenantShown,
    edit: Option<String>,
    limits: Option<String>,
    transfer: Option<String>,
    delete: Option<String>,
    /// None: whoever reads sees a part of the account alone.
    owner: Option<String>,
    domains: Option<(String, usize)>,
    aliases: Option<String>,
    command: String,
}

pub(super) fn here<'h>(
    reader: &Reader,
    tenant: &'h Tenant,
    title: String,
    is_below: bool,
) -> Here<'h> {
    let above = (
        reader.say(say!("Settings")).to_owned(),
        reader.link_in(tenant, "/settings", &[]),
    );
    Here {
        title,
        nav: Nav::Settings,
        tenant: Some(tenant),
        trail: if is_below { vec![above] } else { Vec::new() },
    }
}

pub(crate) async fn show(reader: Reader, of: Of<Tenant>) -> Response {
    let title = reader.say(say!("Settings")).to_owned();
    let domains = reader.link_in(&of.it, "/settings/domains", &[]);
    let page = SettingsPage {
        frame: reader.frame(here(&reader, &of.it, title, false)),
        it: tenants::show(&of.state, &of.it),
        edit: reader.link_in(&of.it, "/settings/edit", &[]),
        limits: reader.link_in(&of.it, "/settings/limits", &[]),
        transfer: ownership::link(&reader, &of.it),
        owner: domains.as_ref().and_then(|_| {
            let owner = of.state.root(of.it.id)?;
            Some(owner.name.to_string())
        }),
        domains: domains.map(|path| (path, of.it.hosts.len())),
        aliases: hosts::alias_link(&reader, &of.it),
        delete: reader.link_in(&of.it, "/settings/delete", &[]),
        command: format!("postern tenant show {}", of.it.name),
    };
    reader.shows(&page)
}

#[derive(askama::Template)]
#[template(path = "settings_form.html")]
struct SettingsForm<'p> {
    frame: Frame,
    form: &'p Fields,
    problem: Option<&'p Problem>,
    review: Option<&'p Review>,
    deletes: Vec<(String, String)>,
    back: String,
    command: String,
}

/// How a form stands before something is saved.
enum Stand<'s> {
    /// As what it is about stands, or with what is wrong beside its fields.
    Open(StatusCode),
    /// With what it changes.
    Shown(&'s Review),
    Refused(&'s Problem),
}

impl<'s> Stand<'s> {
    const fn status(&self) -> StatusCode {
        match self {
            Self::Open(status) => *status,
            Self::Shown(_) => StatusCode::OK,
            Self::Refused(problem) => problem.status,
        }
    }

    const fn review(&self) -> Option<&'s Review> {
        match self {
            Self::Shown(review) => Some(review),
            Self::Open(_) | Self::Refused(_) => None,
        }
    }

    const fn problem(&self) -> Option<&'s Problem> {
        match self {
            Self::Refused(problem) => Some(problem),
            Self::Open(_) | Self::Shown(_) => None,
        }
    }
}

fn edit_page(reader: &Reader, tenant: &Tenant, (form, stand): (&Fields, Stand<'_>)) -> Response {
    let title = reader.say(say!("Change settings")).to_owned();
    let deletes =
        WriteDeletes::ALL.map(|it| (it.as_str().to_owned(), filters::capital(it.as_str())));
    let page = SettingsForm {
        frame: reader.frame(here(reader, tenant, title, true)),
        form,
        problem: stand.problem(),
        review: stand.review(),
        deletes: deletes.into(),
        back: reader.link_in(tenant, "/settings", &[]).unwrap_or_default(),
        command: format!("postern tenant set {} --block-public yes", tenant.name),
    };
    reader.page(stand.status(), &page)
}

/// What the form of the settings changes.
const SETTINGS: [Field; 5] = [
    Field("name", say!("Name"), Kind::Text),
    Field("description", say!("Description"), Kind::Text),
    Field("status", say!("Status"), Kind::Word),
    Field("write_deletes", say!("Write keys may delete"), Kind::Word),
    Field(
        "block_public",
        say!("Block public access, whatever buckets say"),
        Kind::Tick,
    ),
];

/// The settings as their form has them.
fn standing(tenant: &Tenant) -> Fields {
    let block_public = if tenant.block_public { "on" } else { "" };
    Fields::default()
        .with("name", &tenant.name)
        .with("description", &tenant.description)
        .with("status", word(&tenant.status))
        .with("write_deletes", tenant.write_deletes.as_str())
        .with("block_public", block_public)
}

pub(crate) async fn show_edit(reader: Reader, of: Of<Tenant>) -> Response {
    let form = standing(&of.it);
    edit_page(&reader, &of.it, (&form, Stand::Open(StatusCode::OK)))
}

/// The change that a form asks for: the fields that differ.
fn changed(form: &mut Fields, tenant: &Tenant) -> Option<TenantChange> {
    let (name, description) = (form.need("name"), form.may("description"));
    let (status, deletes) = (form.need("status"), form.need("write_deletes"));
    let block = form.is_on("block_public");
    let (status, deletes): (TenantStatus, WriteDeletes) = (status?, deletes?);
    let (name, description): (Name, Description) = (name?, description?.unwrap_or_default());
    Some(TenantChange {
        status: Some(status).filter(|it| *it != tenant.status),
        write_deletes: Some(deletes).filter(|it| *it != tenant.write_deletes),
        name: Some(name).filter(|it| *it != tenant.name),
        description: Some(description).filter(|it| *it != tenant.description),
        block_public: Some(block).filter(|it| *it != tenant.block_public),
        limits: None,
    })
}

pub(crate) async fn edit(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<Tenant>,
    By(actor): By,
    Sent(mut form): Sent,
) -> Response {
    let Some(change) = changed(&mut form, &of.it) else {
        let stand = Stand::Open(StatusCode::UNPROCESSABLE_ENTITY);
        return edit_page(&reader, &of.it, (&form, stand));
    };
    let review = Review::of(&reader, &SETTINGS, (&standing(&of.it), &form));
    if !review.was_seen(&form) {
        return edit_page(&reader, &of.it, (&form, Stand::Shown(&review)));
    }
    if review.changes.is_empty() {
        return saved(&reader, (&of.it.name, None));
    }
    // What was shown is what is changed: another change in between is not undone.
    let which = (&*of.it, Some(of.it.revision));
    match tenants::change(&admin, actor, which, change).await {
        Ok(now) => saved(&reader, (&now.name, Some(now.revision))),
        Err(problem) => edit_page(&reader, &of.it, (&form, Stand::Refused(&problem))),
    }
}

/// To the settings of an account by the name that it has now.
fn saved(reader: &Reader, (name, revision): (&Name, Option<u64>)) -> Response {
    let to = filled("/accounts/{tenant}/settings", &[("tenant", name.as_str())]);
    reader.done((say!("The settings of {} are saved."), name), revision, &to)
}

#[derive(askama::Template)]
#[template(path = "limits.html")]
struct LimitsForm<'p> {
    frame: Frame,
    form: &'p Fields,
    problem: Option<&'p Problem>,
    review: Option<&'p Review>,
    it: TenantShown,
    back: String,
    command: String,
}

fn limits_page(reader: &Reader, tenant: &Tenant, (form, stand): (&Fields, Stand<'_>)) -> Response {
    let title = reader.say(say!("Limits of the account")).to_owned();
    let page = LimitsForm {
        frame: reader.frame(here(reader, tenant, title, true)),
        form,
        problem: stand.problem(),
        review: stand.review(),
        it: tenants::show(&reader.state, tenant),
        back: reader.link_in(tenant, "/settings", &[]).unwrap_or_default(),
        command: format!(
            "postern tenant set {} --max-users 50 --max-keys none",
            tenant.name
        ),
    };
    reader.page(stand.status(), &page)
}

/// What the form of the limits changes.
const LIMITS: [Field; 2] = [
    Field("users", say!("Most users"), Kind::Text),
    Field("keys", say!("Most access keys"), Kind::Text),
];

/// The limits as their form has them.
fn standing_limits(tenant: &Tenant) -> Fields {
    let text = |bound: Option<u32>| bound.map_or_else(String::new, |it| it.to_string());
    Fields::default()
        .with("users", text(tenant.limits.users))
        .with("keys", text(tenant.limits.keys))
}

pub(crate) async fn show_limits(reader: Reader, of: Of<Tenant>) -> Response {
    let form = standing_limits(&of.it);
    limits_page(&reader, &of.it, (&form, Stand::Open(StatusCode::OK)))
}

pub(crate) async fn set_limits(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<Tenant>,
    By(actor): By,
    Sent(mut form): Sent,
) -> Response {
    let (users, keys) = (form.may("users"), form.may("keys"));
    let (Some(users), Some(keys)) = (users, keys) else {
        let stand = Stand::Open(StatusCode::UNPROCESSABLE_ENTITY);
        return limits_page(&reader, &of.it, (&form, stand));
    };
    let review = Review::of(&reader, &LIMITS, (&standing_limits(&of.it), &form));
    if !review.was_seen(&form) {
        return limits_page(&reader, &of.it, (&form, Stand::Shown(&review)));
    }
    let limits = Limits { users, keys };
    match tenants::set_limits(&admin, actor, (&of.it, Some(of.it.revision)), &limits).await {
        Ok(it) => reader.done(
            (say!("The limits of {} are set."), &it.name),
            it.revision,
            &reader.link_in(&of.it, "/settings", &[]).unwrap_or_default(),
        ),
        Err(problem) => limits_page(&reader, &of.it, (&form, Stand::Refused(&problem))),
    }
}

pub(crate) async fn show_delete(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<Tenant>,
) -> Response {
    delete_page(&admin, &reader, &of, None).await
}

async fn delete_page(
    admin: &Admin,
    reader: &Reader,
    of: &Of<Tenant>,
    problem: Option<&Problem>,
) -> Response {
    let name = of.it.name.as_str();
    let title = reader
        .say(say!("Delete account {}"))
        .replacen("{}", name, 1);
    let about = say!("This cannot be undone.");
    let asks = Asks {
        verb: title.clone(),
        look: "danger",
        about: reader.say(about).to_owned(),
        losses: Some(tenants::losses(admin, &of.it, reach(&of.it)).await),
        typed: Some(name),
        command: format!("postern tenant delete {name} --confirm {name}"),
        back: reader.link_in(&of.it, "/settings", &[]).unwrap_or_default(),
        ..Asks::default()
    };
    confirm::page(reader, here(reader, &of.it, title, true), (&asks, problem))
}

pub(crate) async fn delete(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<Tenant>,
    By(actor): By,
    Sent(form): Sent,
) -> Response {
    let name = of.it.name.as_str();
    if form.text("confirm") != name {
        let problem = not_the_name(form.text("confirm"), name);
        return delete_page(&admin, &reader, &of, Some(&problem)).await;
    }
    match tenants::delete(&admin, actor, (&of.it, None), reach(&of.it)).await {
        Ok(gone) => reader.done(
            (say!("Account {} is deleted."), gone.deleted),
            gone.revision,
            "/accounts",
        ),
        Err(problem) => delete_page(&admin, &reader, &of, Some(&problem)).await,
    }
}
