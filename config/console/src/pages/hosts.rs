//! By which hosts an account is found: its own domains, and labels below those of the deployment.

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use postern_config::directory::{Alias, Command, Host, NamespaceKind, Tenant};
use serde::Deserialize;

use super::choices::Choices;
use super::confirm::{self, Asks};
use super::fields::{Fields, Sent};
use super::filters;
use super::filters::say;
use super::frame::{Frame, Here};
use super::reader::Reader;
use super::settings;
use crate::api::asked::{By, Of};
use crate::service::{domains, tenants};
use crate::{Admin, Problem};

/// Where the domains of an account are, which goes below its settings.
const DOMAINS: &str = "/settings/domains";

#[derive(askama::Template)]
#[template(path = "domains.html")]
struct DomainsPage {
    frame: Frame,
    /// Each with the way to take it away.
    domains: Vec<(Host, Option<String>)>,
    add: Option<String>,
    command: String,
}

/// Below the domains where `title` is not theirs.
fn here<'h>(reader: &Reader, tenant: &'h Tenant, title: String, is_below: bool) -> Here<'h> {
    let mut here = settings::here(reader, tenant, title, true);
    if is_below {
        let domains = reader.say(say!("Domains")).to_owned();
        here.trail
            .push((domains, reader.link_in(tenant, DOMAINS, &[])));
    }
    here
}

pub(crate) async fn list(reader: Reader, of: Of<Tenant>) -> Response {
    let title = reader.say(say!("Domains")).to_owned();
    let rows = domains::show(&of.it).domains.into_iter().map(|domain| {
        let words = [("domain", domain.as_str())];
        let remove = reader.link_in(&of.it, "/settings/domains/{domain}/remove", &words);
        (domain, remove)
    });
    let page = DomainsPage {
        frame: reader.frame(here(&reader, &of.it, title, false)),
        domains: rows.collect(),
        add: reader.link_in(&of.it, "/settings/domains/new", &[]),
        command: format!("postern tenant domain list {}", of.it.name),
    };
    reader.shows(&page)
}

#[derive(askama::Template)]
#[template(path = "host_form.html")]
struct HostForm<'p> {
    frame: Frame,
    form: &'p Fields,
    problem: Option<&'p Problem>,
    what: &'static str,
    /// The users whose buckets an alias may be for, where each has his own.
    users: Option<Choices>,
    back: String,
    command: String,
}

pub(crate) async fn show_add(reader: Reader, of: Of<Tenant>) -> Response {
    add_page(&reader, &of.it, (&Fields::default(), StatusCode::OK, None))
}

fn add_page(
    reader: &Reader,
    tenant: &Tenant,
    (form, status, problem): (&Fields, StatusCode, Option<&Problem>),
) -> Response {
    let title = reader.say(say!("Add domain")).to_owned();
    let page = HostForm {
        frame: reader.frame(here(reader, tenant, title, true)),
        form,
        problem,
        what: "domain",
        users: None,
        back: domains_of(reader, tenant),
        command: format!("postern tenant domain add {} s3.example.com", tenant.name),
    };
    reader.page(status, &page)
}

fn domains_of(reader: &Reader, tenant: &Tenant) -> String {
    reader.link_in(tenant, DOMAINS, &[]).unwrap_or_default()
}

pub(crate) async fn add(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<Tenant>,
    By(actor): By,
    Sent(mut form): Sent,
) -> Response {
    let Some(domain) = form.need::<Host>("domain") else {
        let answer = (&form, StatusCode::UNPROCESSABLE_ENTITY, None);
        return add_page(&reader, &of.it, answer);
    };
    let command = Command::AddHost(of.it.id, domain.clone());
    match domains::change(&admin, actor, &of.it, command).await {
        Ok(it) => reader.done(
            (say!("{} leads to this account."), domain),
            it.revision,
            &domains_of(&reader, &of.it),
        ),
        Err(problem) => add_page(&reader, &of.it, (&form, problem.status, Some(&problem))),
    }
}

/// The domain that a path names.
#[derive(Debug, Deserialize)]
pub(crate) struct Named {
    domain: String,
}

impl Named {
    /// It, if the account has it.
    fn find(&self, tenant: &Tenant) -> Result<Host, Problem> {
        let mut own = tenant.hosts.iter();
        let found = own.find(|it| it.as_str() == self.domain);
        found.cloned().ok_or_else(|| Problem::not_found("domain"))
    }
}

pub(crate) async fn show_remove(
    reader: Reader,
    of: Of<Tenant>,
    Path(named): Path<Named>,
) -> Result<Response, Problem> {
    let domain = named.find(&of.it)?;
    Ok(remove_page(&reader, (&of.it, &domain), None))
}

fn remove_page(
    reader: &Reader,
    (tenant, domain): (&Tenant, &Host),
    problem: Option<&Problem>,
) -> Response {
    let title = reader.say(say!("Remove domain {}"));
    let title = title.replacen("{}", domain.as_str(), 1);
    let about = say!(
        "Clients that use this host find nothing from the next request on. Data and keys stay."
    );
    let asks = Asks {
        verb: title.clone(),
        look: "danger",
        about: reader.say(about).to_owned(),
        typed: Some(domain.as_str()),
        command: format!("postern tenant domain remove {} {domain}", tenant.name),
        back: domains_of(reader, tenant),
        ..Asks::default()
    };
    let here = here(reader, tenant, title, true);
    confirm::page(reader, here, (&asks, problem))
}

pub(crate) async fn remove(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<Tenant>,
    Path(named): Path<Named>,
    By(actor): By,
    Sent(form): Sent,
) -> Result<Response, Problem> {
    let domain = named.find(&of.it)?;
    let typed = form.text("confirm");
    if typed != domain.as_str() {
        let detail = format!("you typed `{typed}`, and this is `{domain}`: nothing was changed");
        let problem = Problem::new(StatusCode::CONFLICT, "confirm", detail);
        return Ok(remove_page(&reader, (&of.it, &domain), Some(&problem)));
    }
    let command = Command::RemoveHost(of.it.id, domain.clone());
    Ok(
        match domains::change(&admin, actor, &of.it, command).await {
            Ok(it) => reader.done(
                (say!("{} leads to this account no more."), domain),
                it.revision,
                &domains_of(&reader, &of.it),
            ),
            Err(problem) => remove_page(&reader, (&of.it, &domain), Some(&problem)),
        },
    )
}

/// Where an alias is given, where the account's buckets can have one.
pub(super) fn alias_link(reader: &Reader, tenant: &Tenant) -> Option<String> {
    let path = reader.link_in(tenant, "/settings/alias", &[]);
    path.filter(|_| tenant.profile.namespaces() != NamespaceKind::Global)
}

pub(crate) async fn show_alias(reader: Reader, of: Of<Tenant>) -> Result<Response, Problem> {
    let form = match of.it.profile.namespaces() {
        NamespaceKind::PerUser => Fields::default(),
        // Where there is none, this says so.
        NamespaceKind::Account | NamespaceKind::Global => {
            let shown = tenants::alias(&of.state, &of.it, None)?;
            let alias = shown.alias.map_or_else(String::new, |it| it.to_string());
            Fields::default().with("alias", alias)
        }
    };
    Ok(alias_page(&reader, &of, (&form, StatusCode::OK, None)))
}

fn alias_page(
    reader: &Reader,
    of: &Of<Tenant>,
    (form, status, problem): (&Fields, StatusCode, Option<&Problem>),
) -> Response {
    let title = reader.say(say!("Alias")).to_owned();
    let is_per_user = of.it.profile.namespaces() == NamespaceKind::PerUser;
    let page = HostForm {
        frame: reader.frame(here(reader, &of.it, title, false)),
        form,
        problem,
        what: "alias",
        users: is_per_user.then(|| users(of)),
        back: reader.link_in(&of.it, "/settings", &[]).unwrap_or_default(),
        command: format!(
            "postern tenant alias {}{} --set files",
            of.it.name,
            if is_per_user { " --user name" } else { "" }
        ),
    };
    reader.page(status, &page)
}

/// Users, each with the alias that he has: each has buckets, and so an alias, of his own.
fn users(of: &Of<Tenant>) -> Choices {
    let all = of.state.users(of.it.id);
    let named = all.map(|user| {
        let shown = tenants::alias(&of.state, &of.it, Some(&**user)).ok();
        let text = match shown.and_then(|it| it.alias) {
            Some(alias) => format!("{} ({alias})", user.name),
            None => user.name.to_string(),
        };
        (user.name.to_string(), text)
    });
    Choices::of(named).after("–")
}

pub(crate) async fn set_alias(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<Tenant>,
    By(actor): By,
    Sent(mut form): Sent,
) -> Result<Response, Problem> {
    let is_per_user = of.it.profile.namespaces() == NamespaceKind::PerUser;
    let alias = form.may::<Alias>("alias");
    let user = if is_per_user {
        form.need::<String>("user").map(Some)
    } else {
        Some(None)
    };
    let (Some(alias), Some(user)) = (alias, user) else {
        let answer = (&form, StatusCode::UNPROCESSABLE_ENTITY, None);
        return Ok(alias_page(&reader, &of, answer));
    };
    let user = match of.user(user.as_deref()) {
        Ok(user) => user,
        Err(problem) => {
            let answer = (&form, problem.status, Some(&problem));
            return Ok(alias_page(&reader, &of, answer));
        }
    };
    let told = match &alias {
        Some(alias) => (say!("The alias is {}."), alias.to_string()),
        None => (say!("There is no alias any more."), String::new()),
    };
    Ok(
        match tenants::set_alias(&admin, actor, (&of.it, user, None), alias).await {
            Ok(it) => reader.done(
                told,
                it.revision,
                &reader.link_in(&of.it, "/settings", &[]).unwrap_or_default(),
            ),
            Err(problem) => alias_page(&reader, &of, (&form, problem.status, Some(&problem))),
        },
    )
}
