//! Users of an account: the list, a user, and what is done to users.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use postern_config::directory::{Tenant, User, UserKind, UserStatus};

use super::confirm::{self, Asks};
use super::fields::{Asked, Fields, Sent};
use super::filters;
use super::filters::say;
use super::frame::{Frame, Here, Nav};
use super::keys::{KeyRow, rows as key_rows};
use super::links::filled;
use super::lists::{Turns, View};
use super::reader::Reader;
use super::sub_users::{self, SubUserRow};
use crate::api::asked::{By, Of};
use crate::service::keys::{self, KeyShown, Which, word};
use crate::service::list::Listing;
use crate::service::sub_users::SubUserShown;
use crate::service::users::{
    self, Details, NewUser, RoleGiven, UserChange, UserShown, UserStanding, Working,
};
use crate::service::{find, losses};
use crate::{Admin, Problem};

#[derive(askama::Template)]
#[template(path = "users.html")]
struct UsersPage<'p> {
    frame: Frame,
    tenant: &'p str,
    view: &'p View,
    rows: Vec<UserRow>,
    turns: Turns,
    create: Option<String>,
    bulk: bool,
    bulk_path: String,
}

/// A user in the list, with what may be done to him.
struct UserRow {
    user: UserShown,
    is_root: bool,
    status: String,
    manage: String,
    toggle: String,
    key: Option<String>,
    sub_user: Option<String>,
    disable: Option<String>,
    enable: Option<String>,
    delete: Option<String>,
    open: Option<Opened>,
}

impl UserRow {
    fn is_open(&self) -> bool {
        self.open.is_some()
    }
}

/// What a row shows when it is opened.
struct Opened {
    keys: Vec<(KeyShown, Option<String>)>,
    sub_users: Vec<SubUserShown>,
}

/// Keys and sub-users that an opened row shows; the user's page shows all.
const OPENED_ENTRIES_MAX: usize = 10;

pub(crate) async fn list(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<Tenant>,
    Asked(fields): Asked,
) -> Result<Response, Problem> {
    let path = filled(
        "/accounts/{tenant}/users",
        &[("tenant", of.it.name.as_str())],
    );
    let open = fields.text("open").to_owned();
    let view = View::of(fields, &path);
    let status = view.filter::<UserStanding>("status")?;
    let page = users::list(
        &admin,
        (&of.caller, &of.it),
        &view.listing(),
        (status, None, None),
    )
    .await?;
    let turns = view.turns(&page);
    let mut rows = Vec::with_capacity(page.items.len());
    for user in page.items {
        let is_open = user.id.to_string() == open;
        rows.push(row(&reader, &of, (user, &view), is_open)?);
    }
    let bulk = rows
        .iter()
        .any(|row| row.delete.is_some() || row.disable.is_some());
    let page = UsersPage {
        frame: reader.frame(Here {
            title: reader.say(say!("Users")).to_owned(),
            nav: Nav::Users,
            tenant: Some(&of.it),
            trail: Vec::new(),
        }),
        tenant: of.it.name.as_str(),
        view: &view,
        rows,
        turns,
        create: reader.link_in(&of.it, "/users/new", &[]),
        bulk,
        bulk_path: format!("{path}/bulk"),
    };
    Ok(reader.shows(&page))
}

fn row(
    reader: &Reader,
    of: &Of<Tenant>,
    (user, view): (UserShown, &View),
    is_open: bool,
) -> Result<UserRow, Problem> {
    let can = Can::of(reader, &of.it, &user);
    let number = user.id.to_string();
    let open = if is_open {
        let record = find::user(&of.state, &of.it, &number)?;
        Some(opened(reader, of, record)?)
    } else {
        None
    };
    let toggle = view.href(&[("open", if is_open { "" } else { &number })]);
    Ok(UserRow {
        is_root: user.kind == UserKind::Root,
        status: word(&user.status),
        manage: filled(
            "/accounts/{tenant}/users/{user}",
            &[
                ("tenant", of.it.name.as_str()),
                ("user", user.name.as_str()),
            ],
        ),
        toggle,
        key: can.key,
        sub_user: can.sub_user,
        disable: can.disable,
        enable: can.enable,
        delete: can.delete,
        open,
        user,
    })
}

fn opened(reader: &Reader, of: &Of<Tenant>, user: &User) -> Result<Opened, Problem> {
    let listing = Listing {
        limit: Some(OPENED_ENTRIES_MAX),
        ..Listing::default()
    };
    let which = Which {
        user: Some(user),
        ..Which::default()
    };
    let all = keys::list(&reader.admin, (&of.caller, &of.it), &listing, which)?;
    let manage = filled(
        "/accounts/{tenant}/users/{user}",
        &[
            ("tenant", of.it.name.as_str()),
            ("user", user.name.as_str()),
        ],
    );
    let keys = all.items.into_iter().map(|key| (key, Some(manage.clone())));
    let sub_users = crate::service::sub_users::list(&reader.admin, user, &listing, (None, None))?;
    Ok(Opened {
        keys: keys.collect(),
        sub_users: sub_users.items,
    })
}

/// What whoever reads may do to a user, as he is now.
struct Can {
    key: Option<String>,
    sub_user: Option<String>,
    disable: Option<String>,
    enable: Option<String>,
    delete: Option<String>,
}

impl Can {
    fn of(reader: &Reader, tenant: &Tenant, user: &UserShown) -> Self {
        let words = [("user", user.name.as_str())];
        let link = |path: &str| reader.link_in(tenant, &format!("/users/{{user}}{path}"), &words);
        let is_root = user.kind == UserKind::Root;
        let is = |status| user.status == status;
        let has_sub_users = sub_users::has(tenant);
        Self {
            key: link("/keys/new").filter(|_| is(UserStatus::Active)),
            sub_user: link("/sub-users/new").filter(|_| is(UserStatus::Active) && has_sub_users),
            disable: link("/disable").filter(|_| is(UserStatus::Active) && !is_root),
            enable: link("/enable").filter(|_| is(UserStatus::Disabled)),
            delete: link("/delete").filter(|_| !is(UserStatus::Deleting) && !is_root),
        }
    }
}

#[derive(askama::Template)]
#[template(path = "user_new.html")]
struct NewUserPage<'p> {
    frame: Frame,
    tenant: &'p str,
    form: &'p Fields,
    problem: Option<&'p Problem>,
    roles: Vec<(String, String)>,
    is_person: bool,
    path: &'p str,
    back: String,
}

pub(crate) async fn show_create(reader: Reader, of: Of<Tenant>) -> Response {
    create_page(&reader, &of, (&Fields::default(), StatusCode::OK), None)
}

fn create_page(
    reader: &Reader,
    of: &Of<Tenant>,
    (form, status): (&Fields, StatusCode),
    problem: Option<&Problem>,
) -> Response {
    let users = reader.link_in(&of.it, "/users", &[]);
    let page = NewUserPage {
        frame: reader.frame(Here {
            title: reader.say(say!("Create user")).to_owned(),
            nav: Nav::Users,
            tenant: Some(&of.it),
            trail: vec![(reader.say(say!("Users")).to_owned(), users.clone())],
        }),
        tenant: of.it.name.as_str(),
        form,
        problem,
        roles: roles(reader, &of.it),
        is_person: form.is_on("full_name"),
        path: &reader.path,
        back: users.unwrap_or_default(),
    };
    reader.page(status, &page)
}

/// The roles that somebody may have, and before them the usual one.
fn roles(reader: &Reader, tenant: &Tenant) -> Vec<(String, String)> {
    let usual = (String::new(), say!("The usual one").to_owned());
    let builtin = find::BUILTIN_ROLES.into_iter();
    let builtin =
        builtin.filter(|role| postern_config::directory::is_known_role(tenant.profile, *role));
    let builtin = builtin.map(|role| role.to_string());
    let made = reader
        .state
        .roles(tenant.id)
        .map(|role| role.name.to_string());
    let all = builtin.chain(made).map(|name| (name.clone(), name));
    std::iter::once(usual).chain(all).collect()
}

pub(crate) async fn create(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<Tenant>,
    By(actor): By,
    Sent(mut form): Sent,
) -> Response {
    let Some(new) = new_user(&mut form) else {
        return create_page(
            &reader,
            &of,
            (&form, StatusCode::UNPROCESSABLE_ENTITY),
            None,
        );
    };
    match users::create(&admin, actor, None, (&of.it, new)).await {
        Ok((_, user)) => {
            reader.done((say!("User {} is there. Make an access key, so that something can be signed in this name."), &user.name), user.revision, &page_of(&of.it, user.name.as_str()))
        }
        Err(problem) => create_page(&reader, &of, (&form, problem.status), Some(&problem)),
    }
}

fn new_user(form: &mut Fields) -> Option<NewUser> {
    let (name, description, role) = (form.need("name"), form.may("description"), form.may("role"));
    let (email, full_name) = (form.may("email"), form.may("full_name"));
    let is_person = form.is_on("full_name") || form.is_on("email");
    Some(NewUser {
        name: name?,
        kind: Some(if is_person {
            UserKind::Human
        } else {
            UserKind::Service
        }),
        description: description?,
        role: role?,
        email: email?,
        full_name: full_name?,
        timezone: None,
        language: None,
    })
}

/// Where the page of a user is.
pub(super) fn page_of(tenant: &Tenant, user: &str) -> String {
    filled(
        "/accounts/{tenant}/users/{user}",
        &[("tenant", tenant.name.as_str()), ("user", user)],
    )
}

#[derive(askama::Template)]
#[template(path = "user.html")]
struct UserPage {
    frame: Frame,
    user: UserShown,
    is_root: bool,
    key_new: Option<String>,
    sub_user_new: Option<String>,
    disable: Option<String>,
    enable: Option<String>,
    delete: Option<String>,
    tabs: Vec<(&'static str, String, bool)>,
    tab: Tab,
}

/// A section of a user's page.
enum Tab {
    Keys(Vec<KeyRow>),
    SubUsers(Vec<SubUserRow>),
    /// With ways to change them.
    Details(Vec<(&'static str, String)>),
}

pub(crate) async fn show(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<User>,
) -> Result<Response, Problem> {
    let which = Which {
        user: Some(&of.it),
        ..Which::default()
    };
    let listing = Listing::default();
    let mut page = keys::list(&admin, (&of.caller, &of.tenant), &listing, which)?;
    keys::tell_last_use(&admin, page.items.iter_mut()).await?;
    let rows = key_rows(&reader, &of.tenant, page.items);
    Ok(user_page(&reader, &of, Tab::Keys(rows)).await)
}

pub(crate) async fn show_sub_users(reader: Reader, of: Of<User>) -> Result<Response, Problem> {
    let rows = sub_users::rows(&reader, &of)?;
    Ok(user_page(&reader, &of, Tab::SubUsers(rows)).await)
}

pub(crate) async fn show_details(reader: Reader, of: Of<User>) -> Response {
    let words = [("user", of.it.name.as_str())];
    let ways = [
        (say!("Manage user details"), "/users/{user}/edit"),
        (say!("Change role"), "/users/{user}/role"),
        (say!("Rename"), "/users/{user}/rename"),
    ];
    let ways = ways.into_iter().filter_map(|(text, path)| {
        let href = reader.link_in(&of.tenant, path, &words)?;
        Some((text, href))
    });
    let ways = ways.collect();
    user_page(&reader, &of, Tab::Details(ways)).await
}

async fn user_page(reader: &Reader, of: &Of<User>, tab: Tab) -> Response {
    let user = users::detail(&reader.admin, &of.tenant, &of.it).await;
    let can = Can::of(reader, &of.tenant, &user);
    let words = [("user", of.it.name.as_str())];
    let tabs = [
        (say!("Access keys"), "", matches!(tab, Tab::Keys(_))),
        (
            say!("Sub-users"),
            "/sub-users",
            matches!(tab, Tab::SubUsers(_)),
        ),
        (say!("Details"), "/details", matches!(tab, Tab::Details(_))),
    ];
    let tabs = tabs.into_iter().filter_map(|(text, path, is_here)| {
        let href = reader.link_in(&of.tenant, &format!("/users/{{user}}{path}"), &words)?;
        Some((text, href, is_here))
    });
    let page = UserPage {
        frame: reader.frame(Here {
            title: user.name.to_string(),
            nav: Nav::Users,
            tenant: Some(&of.tenant),
            trail: trail(reader, &of.tenant, None),
        }),
        is_root: user.kind == UserKind::Root,
        key_new: can.key,
        sub_user_new: can.sub_user,
        disable: can.disable,
        enable: can.enable,
        delete: can.delete,
        tabs: tabs.collect(),
        tab,
        user,
    };
    reader.shows(&page)
}

/// The way from the list of users down to one.
pub(super) fn trail(
    reader: &Reader,
    tenant: &Tenant,
    user: Option<&User>,
) -> Vec<(String, Option<String>)> {
    let users = (
        reader.say(say!("Users")).to_owned(),
        reader.link_in(tenant, "/users", &[]),
    );
    let user = user.map(|user| {
        let page = page_of(tenant, user.name.as_str());
        (user.name.to_string(), Some(page))
    });
    std::iter::once(users).chain(user).collect()
}

fn here<'h>(reader: &Reader, of: &'h Of<User>, title: &'static str) -> Here<'h> {
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
        back: format!("{}/details", page_of(&of.tenant, of.it.name.as_str())),
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
