//! What is done to a user: he is changed, disabled, enabled and deleted.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use postern_config::directory::{Tenant, User, UserStatus};

use super::confirm::{self, Asks};
use super::fields::{Fields, Sent};
use super::filters;
use super::filters::say;
use super::frame::{Frame, Here, Nav};
use super::links::filled;
use super::reader::Reader;
use super::user::{page_of, trail};
use super::users::roles;
use crate::api::asked::{By, Of};
use crate::service::users::{self, Details, RoleGiven, UserChange, Working};
use crate::service::{find, losses};
use crate::{Admin, Problem};

pub(super) fn here<'h>(reader: &Reader, of: &'h Of<User>, title: &'static str) -> Here<'h> {
    Here {
        title: reader.say(title).replacen("{}", of.it.name.as_str(), 1),
        nav: Nav::Users,
        tenant: Some(&of.tenant),
        trail: trail(reader, &of.tenant, Some(&of.it)),
    }
}

pub(crate) async fn show_disable(reader: Reader, of: Of<User>) -> Response {
    set_working_page(&reader, &of, Working::No, None)
}

pub(crate) async fn show_enable(reader: Reader, of: Of<User>) -> Response {
    set_working_page(&reader, &of, Working::Yes, None)
}

fn set_working_page(
    reader: &Reader,
    of: &Of<User>,
    working: Working,
    problem: Option<&Problem>,
) -> Response {
    let (title, about, verb) = match working {
        Working::No => (
            say!("Disable user {}"),
            say!(
                "Nothing of this user works any more: keys, sub-users and their keys are refused from now on. Everything is kept, and works again when the user is enabled."
            ),
            "disable",
        ),
        Working::Yes => (
            say!("Enable user {}"),
            say!("What this user had works again."),
            "enable",
        ),
    };
    let here = here(reader, of, title);
    let asks = Asks {
        verb: here.title.clone(),
        look: "primary",
        about: reader.say(about).to_owned(),
        command: format!(
            "postern user {verb} --tenant {} {}",
            of.tenant.name, of.it.name
        ),
        back: page_of(&of.tenant, of.it.name.as_str()),
        ..Asks::default()
    };
    confirm::page(reader, here, (&asks, problem))
}

pub(crate) async fn disable(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<User>,
    By(actor): By,
) -> Response {
    let which = (&*of.tenant, &*of.it, None);
    match users::set_working(&admin, actor, which, Working::No).await {
        Ok(user) => done(&reader, &of, (say!("User {} is disabled."), user.revision)),
        Err(problem) => set_working_page(&reader, &of, Working::No, Some(&problem)),
    }
}

pub(crate) async fn enable(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<User>,
    By(actor): By,
) -> Response {
    let which = (&*of.tenant, &*of.it, None);
    match users::set_working(&admin, actor, which, Working::Yes).await {
        Ok(user) => done(&reader, &of, (say!("User {} is enabled."), user.revision)),
        Err(problem) => set_working_page(&reader, &of, Working::Yes, Some(&problem)),
    }
}

/// Back to the user, with what was done.
fn done(reader: &Reader, of: &Of<User>, (text, revision): (&'static str, u64)) -> Response {
    let to = page_of(&of.tenant, of.it.name.as_str());
    reader.done((text, &of.it.name), revision, &to)
}

pub(crate) async fn show_delete(reader: Reader, of: Of<User>) -> Response {
    delete_page(&reader, &of, None).await
}

/// Whether the profile takes the data of a deleted user along.
pub(super) fn reach(tenant: &Tenant) -> losses::Reach {
    match tenant.profile.rules().user_delete_data {
        postern_config::directory::UserDeleteData::Purge => losses::Reach::WithData,
        postern_config::directory::UserDeleteData::RefuseIfNotEmpty => losses::Reach::WithoutData,
    }
}

async fn delete_page(reader: &Reader, of: &Of<User>, problem: Option<&Problem>) -> Response {
    let losses = users::losses(&reader.admin, (&of.tenant, &of.it), reach(&of.tenant)).await;
    let here = here(reader, of, say!("Delete user {}"));
    let name = of.it.name.as_str();
    let instead = reader.link_in(&of.tenant, "/users/{user}/disable", &[("user", name)]);
    let asks = Asks {
        verb: here.title.clone(),
        look: "danger",
        about: reader.say(say!("This cannot be undone.")).to_owned(),
        losses: Some(losses),
        typed: Some(name),
        instead: instead.filter(|_| of.it.status == UserStatus::Active),
        command: format!(
            "postern user delete --tenant {} {name} --confirm {name}",
            of.tenant.name
        ),
        back: page_of(&of.tenant, name),
        ..Asks::default()
    };
    confirm::page(reader, here, (&asks, problem))
}

pub(crate) async fn delete(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<User>,
    By(actor): By,
    Sent(form): Sent,
) -> Response {
    if form.text("confirm") != of.it.name.as_str() {
        let problem = not_the_name(form.text("confirm"), of.it.name.as_str());
        return delete_page(&reader, &of, Some(&problem)).await;
    }
    let which = (&*of.tenant, &*of.it, None);
    match users::delete(&admin, actor, which, reach(&of.tenant)).await {
        Ok(gone) => reader.done(
            (say!("User {} is deleted."), gone.deleted),
            gone.revision,
            &filled(
                "/accounts/{tenant}/users",
                &[("tenant", of.tenant.name.as_str())],
            ),
        ),
        Err(problem) => delete_page(&reader, &of, Some(&problem)).await,
    }
}

/// What was typed is not what it is called.
pub(super) fn not_the_name(typed: &str, name: &str) -> Problem {
    let detail = format!("you typed `{typed}`, and this is `{name}`: nothing was deleted");
    Problem::new(StatusCode::CONFLICT, "confirm", detail)
}

#[derive(askama::Template)]
#[template(path = "user_edit.html")]
struct EditPage<'p> {
    frame: Frame,
    form: &'p Fields,
    problem: Option<&'p Problem>,
    what: &'static str,
    roles: Vec<(String, String)>,
    back: String,
}

fn edit_page(
    reader: &Reader,
    of: &Of<User>,
    what: &'static str,
    (form, status, problem): (&Fields, StatusCode, Option<&Problem>),
) -> Response {
    let title = match what {
        "role" => say!("Change the role of {}"),
        "rename" => say!("Rename {}"),
        _ => say!("Details of {}"),
    };
    let page = EditPage {
        frame: reader.frame(here(reader, of, title)),
        form,
        problem,
        what,
        roles: roles(reader, &of.tenant).into_iter().skip(1).collect(),
        back: details_of(of),
    };
    reader.page(status, &page)
}

pub(crate) async fn show_edit(reader: Reader, of: Of<User>) -> Response {
    let details = &of.it.details;
    let text = |it: Option<String>| it.unwrap_or_default();
    let form = Fields::default()
        .with("full_name", &details.full_name)
        .with(
            "email",
            text(details.email.as_ref().map(ToString::to_string)),
        )
        .with(
            "timezone",
            text(details.timezone.as_ref().map(ToString::to_string)),
        )
        .with(
            "language",
            text(details.language.as_ref().map(ToString::to_string)),
        );
    edit_page(&reader, &of, "details", (&form, StatusCode::OK, None))
}

pub(crate) async fn edit(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<User>,
    By(actor): By,
    Sent(mut form): Sent,
) -> Response {
    let details = |form: &mut Fields| {
        let (email, full_name) = (form.may("email"), form.may("full_name"));
        let (timezone, language) = (form.may("timezone"), form.may("language"));
        Some(Details {
            email: email?,
            full_name: full_name?,
            timezone: timezone?,
            language: language?,
        })
    };
    let Some(details) = details(&mut form) else {
        let answer = (&form, StatusCode::UNPROCESSABLE_ENTITY, None);
        return edit_page(&reader, &of, "details", answer);
    };
    let which = (&*of.tenant, &*of.it, None);
    match users::set_details(&admin, actor, which, details).await {
        Ok(user) => done(
            &reader,
            &of,
            (say!("The details of {} are changed."), user.revision),
        ),
        Err(problem) => edit_page(
            &reader,
            &of,
            "details",
            (&form, problem.status, Some(&problem)),
        ),
    }
}

pub(crate) async fn show_role(reader: Reader, of: Of<User>) -> Response {
    let role = find::role_name(&of.state, of.it.role);
    let form = Fields::default().with("role", role);
    edit_page(&reader, &of, "role", (&form, StatusCode::OK, None))
}

pub(crate) async fn set_role(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<User>,
    By(actor): By,
    Sent(mut form): Sent,
) -> Response {
    let Some(role) = form.need("role") else {
        let answer = (&form, StatusCode::UNPROCESSABLE_ENTITY, None);
        return edit_page(&reader, &of, "role", answer);
    };
    let which = (&*of.tenant, &*of.it, None);
    match users::set_role(&admin, actor, which, &RoleGiven { role }).await {
        Ok(user) => done(
            &reader,
            &of,
            (say!("The role of {} is changed."), user.revision),
        ),
        Err(problem) => edit_page(
            &reader,
            &of,
            "role",
            (&form, problem.status, Some(&problem)),
        ),
    }
}

pub(crate) async fn show_rename(reader: Reader, of: Of<User>) -> Response {
    let form = Fields::default().with("name", &of.it.name);
    edit_page(&reader, &of, "rename", (&form, StatusCode::OK, None))
}

pub(crate) async fn rename(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<User>,
    By(actor): By,
    Sent(mut form): Sent,
) -> Response {
    let Some(name) = form.need("name") else {
        let answer = (&form, StatusCode::UNPROCESSABLE_ENTITY, None);
        return edit_page(&reader, &of, "rename", answer);
    };
    let which = (&*of.tenant, &*of.it, None);
    let change = UserChange {
        name: Some(name),
        description: None,
        details: None,
    };
    match users::change(&admin, actor, which, change).await {
        Ok(user) => reader.done(
            (say!("The user is called {} now."), &user.name),
            user.revision,
            &page_of(&of.tenant, user.name.as_str()),
        ),
        Err(problem) => edit_page(
            &reader,
            &of,
            "rename",
            (&form, problem.status, Some(&problem)),
        ),
    }
}

pub(super) fn details_of(of: &Of<User>) -> String {
    format!("{}/details", page_of(&of.tenant, of.it.name.as_str()))
}
