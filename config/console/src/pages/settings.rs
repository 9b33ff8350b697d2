//! The settings of an account, and its end.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use postern_config::directory::{Actor, Tenant, TenantStatus, WriteDeletes};

use super::confirm::{self, Asks};
use super::fields::{Fields, Sent};
use super::filters;
use super::filters::say;
use super::frame::{Frame, Here, Nav};
use super::links::filled;
use super::reader::Reader;
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
    deletes: Vec<(String, String)>,
    back: String,
    command: String,
}

fn edit_page(
    reader: &Reader,
    tenant: &Tenant,
    (form, status, problem): (&Fields, StatusCode, Option<&Problem>),
) -> Response {
    let title = reader.say(say!("Change settings")).to_owned();
    let deletes =
        WriteDeletes::ALL.map(|it| (it.as_str().to_owned(), filters::capital(it.as_str())));
    let page = SettingsForm {
        frame: reader.frame(here(reader, tenant, title, true)),
        form,
        problem,
        deletes: deletes.into(),
        back: reader.link_in(tenant, "/settings", &[]).unwrap_or_default(),
        command: format!("postern tenant set {} --block-public yes", tenant.name),
    };
    reader.page(status, &page)
}

pub(crate) async fn show_edit(reader: Reader, of: Of<Tenant>) -> Response {
    let form = Fields::default()
        .with("name", &of.it.name)
        .with("description", &of.it.description)
        .with("status", word(&of.it.status))
        .with("write_deletes", of.it.write_deletes.as_str())
        .with("block_public", if of.it.block_public { "on" } else { "" });
    edit_page(&reader, &of.it, (&form, StatusCode::OK, None))
}

/// The changes that a form asks for: each field that differs is a command of its own, and a record of its own in the audit log. The
/// name comes last, since it is by the name that the others find the account.
fn changes(form: &mut Fields, tenant: &Tenant) -> Option<Vec<TenantChange>> {
    let nothing = || TenantChange {
        status: None,
        write_deletes: None,
        name: None,
        description: None,
        block_public: None,
    };
    let (name, description) = (form.need("name"), form.may("description"));
    let (status, deletes) = (
        form.need::<TenantStatus>("status"),
        form.need("write_deletes"),
    );
    let block = form.is_on("block_public");
    let (name, description) = (name?, description?.unwrap_or_default());
    let (status, deletes) = (status?, deletes?);
    let all = [
        (description != tenant.description).then(|| TenantChange {
            description: Some(description),
            ..nothing()
        }),
        (deletes != tenant.write_deletes).then(|| TenantChange {
            write_deletes: Some(deletes),
            ..nothing()
        }),
        (block != tenant.block_public).then(|| TenantChange {
            block_public: Some(block),
            ..nothing()
        }),
        (status != tenant.status).then(|| TenantChange {
            status: Some(status),
            ..nothing()
        }),
        (name != tenant.name).then(|| TenantChange {
            name: Some(name),
            ..nothing()
        }),
    ];
    Some(all.into_iter().flatten().collect())
}

pub(crate) async fn edit(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<Tenant>,
    By(actor): By,
    Sent(mut form): Sent,
) -> Response {
    let Some(changes) = changes(&mut form, &of.it) else {
        return edit_page(
            &reader,
            &of.it,
            (&form, StatusCode::UNPROCESSABLE_ENTITY, None),
        );
    };
    let mut now = tenants::show(&of.state, &of.it);
    for change in changes {
        now = match apply(&admin, &of.it, (actor.clone(), change)).await {
            Ok(now) => now,
            Err(problem) => {
                return edit_page(&reader, &of.it, (&form, problem.status, Some(&problem)));
            }
        };
    }
    reader.done(
        (say!("The settings of {} are saved."), &now.name),
        now.revision,
        &filled(
            "/accounts/{tenant}/settings",
            &[("tenant", now.name.as_str())],
        ),
    )
}

async fn apply(
    admin: &Admin,
    tenant: &Tenant,
    (actor, change): (Actor, TenantChange),
) -> Result<TenantShown, Problem> {
    tenants::change(admin, actor, (tenant, None), change).await
}

#[derive(askama::Template)]
#[template(path = "limits.html")]
struct LimitsForm<'p> {
    frame: Frame,
    form: &'p Fields,
    problem: Option<&'p Problem>,
    it: TenantShown,
    back: String,
    command: String,
}

fn limits_page(
    reader: &Reader,
    tenant: &Tenant,
    (form, status, problem): (&Fields, StatusCode, Option<&Problem>),
) -> Response {
    let title = reader.say(say!("Limits of the account")).to_owned();
    let page = LimitsForm {
        frame: reader.frame(here(reader, tenant, title, true)),
        form,
        problem,
        it: tenants::show(&reader.state, tenant),
        back: reader.link_in(tenant, "/settings", &[]).unwrap_or_default(),
        command: format!(
            "postern tenant set {} --max-users 50 --max-keys none",
            tenant.name
        ),
    };
    reader.page(status, &page)
}

pub(crate) async fn show_limits(reader: Reader, of: Of<Tenant>) -> Response {
    let text = |bound: Option<u32>| bound.map_or_else(String::new, |it| it.to_string());
    let form = Fields::default()
        .with("users", text(of.it.limits.users))
        .with("keys", text(of.it.limits.keys));
    limits_page(&reader, &of.it, (&form, StatusCode::OK, None))
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
        let answer = (&form, StatusCode::UNPROCESSABLE_ENTITY, None);
        return limits_page(&reader, &of.it, answer);
    };
    let limits = Limits { users, keys };
    match tenants::set_limits(&admin, actor, (&of.it, None), &limits).await {
        Ok(it) => reader.done(
            (say!("The limits of {} are set."), &it.name),
            it.revision,
            &reader.link_in(&of.it, "/settings", &[]).unwrap_or_default(),
        ),
        Err(problem) => limits_page(&reader, &of.it, (&form, problem.status, Some(&problem))),
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
