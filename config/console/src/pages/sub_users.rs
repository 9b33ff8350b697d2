//! Sub-users of a user, and what is done to them.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use postern_config::directory::{Actor, Level, SubUser, SubUsers, User, UserStatus};

use super::confirm::{self, Asks};
use super::fields::{Fields, Sent};
use super::filters;
use super::filters::{level_name, say};
use super::frame::{Frame, Here, Nav};
use super::key_new::above;
use super::reader::Reader;
use super::user::{page_of, trail};
use super::user_changes::not_the_name;
use crate::api::asked::{By, Of};
use crate::service::list::Listing;
use crate::service::sub_users::{self, NewSubUser, SubUserChange, SubUserShown};
use crate::service::users::Working;
use crate::{Admin, Problem};

/// A sub-user in the list, with what may be done to him.
pub(super) struct SubUserRow {
    pub(super) it: SubUserShown,
    pub(super) key: Option<String>,
    pub(super) edit: Option<String>,
    pub(super) disable: Option<String>,
    pub(super) enable: Option<String>,
    pub(super) delete: Option<String>,
}

/// The sub-users of a user.
pub(super) fn rows(reader: &Reader, of: &Of<User>) -> Result<Vec<SubUserRow>, Problem> {
    let page = sub_users::list(&reader.admin, &of.it, &Listing::default(), (None, None))?;
    let rows = page.items.into_iter().map(|it| {
        let words = [
            ("user", of.it.name.as_str()),
            ("sub_user", it.name.as_str()),
        ];
        let link = |path: &str| {
            let path = format!("/users/{{user}}/sub-users/{{sub_user}}{path}");
            reader.link_in(&of.tenant, &path, &words)
        };
        let is_active = it.status == UserStatus::Active;
        SubUserRow {
            key: link("/keys/new").filter(|_| is_active),
            edit: link("/edit"),
            disable: link("/disable").filter(|_| is_active),
            enable: link("/enable").filter(|_| it.status == UserStatus::Disabled),
            delete: link("/delete"),
            it,
        }
    });
    Ok(rows.collect())
}

#[derive(askama::Template)]
#[template(path = "sub_user_form.html")]
struct SubUserPage<'p> {
    frame: Frame,
    form: &'p Fields,
    problem: Option<&'p Problem>,
    is_new: bool,
    levels: Vec<(&'static str, &'static str)>,
    back: String,
    command: String,
}

fn levels() -> Vec<(&'static str, &'static str)> {
    let all = Level::ALL.into_iter();
    all.map(|level| (level.as_str(), level_name(level)))
        .collect()
}

fn tab_of(of: (&postern_config::directory::Tenant, &User)) -> String {
    format!("{}/sub-users", page_of(of.0, of.1.name.as_str()))
}

pub(crate) async fn show_create(reader: Reader, of: Of<User>) -> Response {
    let form = Fields::default().with("level", Level::Read);
    create_page(&reader, &of, (&form, StatusCode::OK, None))
}

fn create_page(
    reader: &Reader,
    of: &Of<User>,
    (form, status, problem): (&Fields, StatusCode, Option<&Problem>),
) -> Response {
    let page = SubUserPage {
        frame: reader.frame(Here {
            title: reader.say(say!("Create sub-user")).to_owned(),
            nav: Nav::Users,
            tenant: Some(&of.tenant),
            trail: trail(reader, &of.tenant, Some(&of.it)),
        }),
        form,
        problem,
        is_new: true,
        levels: levels(),
        back: tab_of((&of.tenant, &of.it)),
        command: format!(
            "postern subuser create --tenant {} --user {} name --level read",
            of.tenant.name, of.it.name
        ),
    };
    reader.page(status, &page)
}

pub(crate) async fn create(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<User>,
    By(actor): By,
    Sent(mut form): Sent,
) -> Response {
    let read = |form: &mut Fields| {
        let (name, level, description) = (
            form.need("name"),
            form.need("level"),
            form.may("description"),
        );
        Some(NewSubUser {
            name: name?,
            level: level?,
            description: description?,
        })
    };
    let Some(new) = read(&mut form) else {
        let answer = (&form, StatusCode::UNPROCESSABLE_ENTITY, None);
        return create_page(&reader, &of, answer);
    };
    match sub_users::create(&admin, actor, None, (&of.it, new)).await {
        Ok((_, made)) => reader.done(
            (say!("Sub-user {} is there."), made.name),
            made.revision,
            &tab_of((&of.tenant, &of.it)),
        ),
        Err(problem) => create_page(&reader, &of, (&form, problem.status, Some(&problem))),
    }
}

fn here<'h>(reader: &Reader, of: &'h Of<SubUser>, user: &User, title: &'static str) -> Here<'h> {
    Here {
        title: reader.say(title).replacen("{}", of.it.name.as_str(), 1),
        nav: Nav::Users,
        tenant: Some(&of.tenant),
        trail: trail(reader, &of.tenant, Some(user)),
    }
}

pub(crate) async fn show_edit(reader: Reader, of: Of<SubUser>) -> Result<Response, Problem> {
    let form = Fields::default()
        .with("level", of.it.level)
        .with("description", &of.it.description)
        .with("name", &of.it.name);
    edit_page(&reader, &of, (&form, StatusCode::OK, None))
}

fn edit_page(
    reader: &Reader,
    of: &Of<SubUser>,
    (form, status, problem): (&Fields, StatusCode, Option<&Problem>),
) -> Result<Response, Problem> {
    let user = above(of)?;
    let page = SubUserPage {
        frame: reader.frame(here(reader, of, &user, say!("Edit sub-user {}"))),
        form,
        problem,
        is_new: false,
        levels: levels(),
        back: tab_of((&of.tenant, &user)),
        command: format!(
            "postern subuser set --tenant {} --user {} {} --level read",
            of.tenant.name, user.name, of.it.name
        ),
    };
    Ok(reader.page(status, &page))
}

pub(crate) async fn edit(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<SubUser>,
    By(actor): By,
    Sent(mut form): Sent,
) -> Result<Response, Problem> {
    let read = |form: &mut Fields| {
        let (name, level, description) = (
            form.need("name"),
            form.need("level"),
            form.may("description"),
        );
        Some((name?, level?, description?.unwrap_or_default()))
    };
    let Some((name, level, description)) = read(&mut form) else {
        return edit_page(
            &reader,
            &of,
            (&form, StatusCode::UNPROCESSABLE_ENTITY, None),
        );
    };
    let change = SubUserChange {
        level: Some(level).filter(|it| *it != of.it.level),
        name: Some(name).filter(|it| *it != of.it.name),
        description: Some(description).filter(|it| *it != of.it.description),
    };
    if change.is_empty() {
        let revision = of.it.revision.0;
        return done(&reader, &of, (say!("Sub-user {} is changed."), revision));
    }
    match sub_users::change(&admin, actor, (&of.it, None), change).await {
        Ok(it) => done(&reader, &of, (say!("Sub-user {} is changed."), it.revision)),
        Err(problem) => edit_page(&reader, &of, (&form, problem.status, Some(&problem))),
    }
}

fn done(
    reader: &Reader,
    of: &Of<SubUser>,
    (text, revision): (&'static str, u64),
) -> Result<Response, Problem> {
    let user = above(of)?;
    let to = tab_of((&of.tenant, &user));
    Ok(reader.done((text, &of.it.name), revision, &to))
}

pub(crate) async fn show_disable(reader: Reader, of: Of<SubUser>) -> Result<Response, Problem> {
    set_working_page(&reader, &of, Working::No, None)
}

pub(crate) async fn show_enable(reader: Reader, of: Of<SubUser>) -> Result<Response, Problem> {
    set_working_page(&reader, &of, Working::Yes, None)
}

fn set_working_page(
    reader: &Reader,
    of: &Of<SubUser>,
    working: Working,
    problem: Option<&Problem>,
) -> Result<Response, Problem> {
    let user = above(of)?;
    let (title, about, verb) = match working {
        Working::No => (
            say!("Disable sub-user {}"),
            say!(
                "The keys of this sub-user are refused from now on. They work again when the sub-user is enabled."
            ),
            "disable",
        ),
        Working::Yes => (
            say!("Enable sub-user {}"),
            say!("The keys of this sub-user work again."),
            "enable",
        ),
    };
    let here = here(reader, of, &user, title);
    let asks = Asks {
        verb: here.title.clone(),
        look: "primary",
        about: reader.say(about).to_owned(),
        command: format!(
            "postern subuser {verb} --tenant {} --user {} {}",
            of.tenant.name, user.name, of.it.name
        ),
        back: tab_of((&of.tenant, &user)),
        ..Asks::default()
    };
    Ok(confirm::page(reader, here, (&asks, problem)))
}

pub(crate) async fn disable(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<SubUser>,
    By(actor): By,
) -> Result<Response, Problem> {
    set_working(&admin, (&reader, &of), actor, Working::No).await
}

pub(crate) async fn enable(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<SubUser>,
    By(actor): By,
) -> Result<Response, Problem> {
    set_working(&admin, (&reader, &of), actor, Working::Yes).await
}

async fn set_working(
    admin: &Admin,
    (reader, of): (&Reader, &Of<SubUser>),
    actor: Actor,
    working: Working,
) -> Result<Response, Problem> {
    let text = match working {
        Working::No => say!("Sub-user {} is disabled."),
        Working::Yes => say!("Sub-user {} is enabled."),
    };
    match sub_users::set_working(admin, actor, (&of.it, None), working).await {
        Ok(it) => done(reader, of, (text, it.revision)),
        Err(problem) => set_working_page(reader, of, working, Some(&problem)),
    }
}

pub(crate) async fn show_delete(reader: Reader, of: Of<SubUser>) -> Result<Response, Problem> {
    delete_page(&reader, &of, None)
}

fn delete_page(
    reader: &Reader,
    of: &Of<SubUser>,
    problem: Option<&Problem>,
) -> Result<Response, Problem> {
    let user = above(of)?;
    let here = here(reader, of, &user, say!("Delete sub-user {}"));
    let name = of.it.name.as_str();
    let asks = Asks {
        verb: here.title.clone(),
        look: "danger",
        about: reader.say(say!("This cannot be undone.")).to_owned(),
        losses: Some(sub_users::losses(&of.state, &of.it)),
        typed: Some(name),
        command: format!(
            "postern subuser delete --tenant {} --user {} {name} --confirm {name}",
            of.tenant.name, user.name
        ),
        back: tab_of((&of.tenant, &user)),
        ..Asks::default()
    };
    Ok(confirm::page(reader, here, (&asks, problem)))
}

pub(crate) async fn delete(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<SubUser>,
    By(actor): By,
    Sent(form): Sent,
) -> Result<Response, Problem> {
    if form.text("confirm") != of.it.name.as_str() {
        let problem = not_the_name(form.text("confirm"), of.it.name.as_str());
        return delete_page(&reader, &of, Some(&problem));
    }
    match sub_users::delete(&admin, actor, (&of.it, None)).await {
        Ok(gone) => done(
            &reader,
            &of,
            (say!("Sub-user {} is deleted."), gone.revision),
        ),
        Err(problem) => delete_page(&reader, &of, Some(&problem)),
    }
}

/// Whether users of an account have sub-users.
pub(super) fn has(tenant: &postern_config::directory::Tenant) -> bool {
    tenant.profile.rules().sub_users == SubUsers::Yes
}
