//! An account handed over: another person takes the owner's place.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use postern_config::directory::{Role, Tenant, UserKind, UserStatus};

use super::choices::Choices;
use super::fields::{Asked, Fields, Sent};
use super::filters;
use super::filters::say;
use super::frame::Frame;
use super::reader::Reader;
use super::settings::here;
use crate::api::asked::{By, Of};
use crate::service::tenants::{self, Transfer};
use crate::{Admin, Problem};

#[derive(askama::Template)]
#[template(path = "transfer.html")]
struct TransferPage<'p> {
    frame: Frame,
    form: &'p Fields,
    problem: Option<&'p Problem>,
    tenant: &'p str,
    owner: String,
    people: Choices,
    /// Why nothing can be handed over here.
    why_not: Option<&'static str>,
    back: String,
    command: String,
}

/// Where it is done, if whoever reads may do it here.
pub(super) fn link(reader: &Reader, tenant: &Tenant) -> Option<String> {
    let path = reader.link_in(tenant, "/settings/transfer", &[]);
    path.filter(|_| why_not(reader, tenant).is_none())
}

fn why_not(reader: &Reader, tenant: &Tenant) -> Option<&'static str> {
    let office = reader.caller.as_ref().and_then(|it| it.office.as_ref());
    if office.is_some_and(|it| it.role != Role::Owner) {
        return Some(say!("Only an owner hands an account over."));
    }
    let has_admins = tenant.profile.rules().roles.contains(&Role::Admin);
    (!has_admins).then_some(say!("By this account's profile its owner stays."))
}

/// Who can take it: people who may sign requests, and not services.
fn people(reader: &Reader, tenant: &Tenant) -> Choices {
    let fitting = reader
        .state
        .users(tenant.id)
        .filter(|it| it.kind == UserKind::Human && it.status == UserStatus::Active);
    Choices::named(fitting.map(|it| it.name.to_string()))
}

pub(crate) async fn show(reader: Reader, of: Of<Tenant>, Asked(form): Asked) -> Response {
    page(&reader, &of.it, (&form, StatusCode::OK, None))
}

fn page(
    reader: &Reader,
    tenant: &Tenant,
    (form, status, problem): (&Fields, StatusCode, Option<&Problem>),
) -> Response {
    let title = reader.say(say!("Transfer ownership")).to_owned();
    let owner = reader.state.root(tenant.id);
    let people = people(reader, tenant);
    let nobody = say!("Nobody can take it: it needs another active user with an e-mail address.");
    let page = TransferPage {
        frame: reader.frame(here(reader, tenant, title, true)),
        form,
        problem,
        tenant: tenant.name.as_str(),
        owner: owner.map_or_else(String::new, |it| it.name.to_string()),
        why_not: why_not(reader, tenant).or(people.is_empty().then_some(nobody)),
        people: people.after("–"),
        back: reader.link_in(tenant, "/settings", &[]).unwrap_or_default(),
        command: format!("postern tenant transfer {} --to name", tenant.name),
    };
    reader.page(status, &page)
}

pub(crate) async fn transfer(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<Tenant>,
    By(actor): By,
    Sent(mut form): Sent,
) -> Response {
    let Some(to) = form.need::<String>("to") else {
        let answer = (&form, StatusCode::UNPROCESSABLE_ENTITY, None);
        return page(&reader, &of.it, answer);
    };
    let name = of.it.name.as_str();
    if form.text("confirm") != name {
        let typed = form.text("confirm");
        let detail = format!("you typed `{typed}`, and this is `{name}`: nothing was changed");
        let problem = Problem::new(StatusCode::CONFLICT, "confirm", detail);
        return page(&reader, &of.it, (&form, problem.status, Some(&problem)));
    }
    let asked = Transfer { to };
    match tenants::transfer(&admin, actor, (&of.it, None), &asked).await {
        Ok(done) => reader.done(
            (say!("The account belongs to {} now."), asked.to),
            done.revision,
            &reader.link_in(&of.it, "/settings", &[]).unwrap_or_default(),
        ),
        Err(problem) => page(&reader, &of.it, (&form, problem.status, Some(&problem))),
    }
}
