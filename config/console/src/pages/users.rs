//! Users of an account: the list, and a new one.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use postern_config::directory::{Tenant, User, UserKind, UserStatus};

use super::bulk::BulkBar;
use super::fields::{Asked, Fields, Sent};
use super::filters;
use super::filters::say;
use super::frame::{Frame, Here, Nav};
use super::links::filled;
use super::lists::{Turns, View};
use super::reader::Reader;
use super::sub_users;
use super::user::page_of;
use crate::api::asked::{By, Of};
use crate::service::find;
use crate::service::keys::{self, KeyShown, Which, word};
use crate::service::list::{Listing, Page};
use crate::service::sub_users::SubUserShown;
use crate::service::users::{self, NewUser, ROOT_FIRST, UserShown, UserStanding};
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
    bulk: Option<BulkBar>,
    review: Option<String>,
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
    let mut listing = view.listing();
    listing.sort.get_or_insert_with(|| ROOT_FIRST.to_owned());
    let page = fitting(&admin, &of, &view, listing).await?;
    let turns = view.turns(&page);
    let mut rows = Vec::with_capacity(page.items.len());
    for user in page.items {
        let is_open = user.id.to_string() == open;
        rows.push(row(&reader, &of, (user, &view), is_open)?);
    }
    let may_change = |row: &UserRow| row.delete.is_some() || row.disable.is_some();
    let bulk = rows
        .iter()
        .any(may_change)
        .then(|| BulkBar::below(&view, &turns, format!("{path}/bulk"), &["status"]));
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
        review: super::keys::review(&of, false),
    };
    Ok(reader.shows(&page))
}

/// The users who fit what is looked for.
pub(super) async fn fitting(
    admin: &Admin,
    of: &Of<Tenant>,
    view: &View,
    listing: Listing,
) -> Result<Page<UserShown>, Problem> {
    let which = (view.filter::<UserStanding>("status")?, None, None);
    users::list(admin, (&of.caller, &of.it), &listing, which).await
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
pub(super) struct Can {
    pub(super) key: Option<String>,
    pub(super) sub_user: Option<String>,
    pub(super) disable: Option<String>,
    pub(super) enable: Option<String>,
    pub(super) delete: Option<String>,
}

impl Can {
    pub(super) fn of(reader: &Reader, tenant: &Tenant, user: &UserShown) -> Self {
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
pub(super) fn roles(reader: &Reader, tenant: &Tenant) -> Vec<(String, String)> {
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
