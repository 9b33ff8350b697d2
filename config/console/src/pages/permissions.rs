//! Permissions on an account and on its buckets. Saving shows first what changes for whom; the change itself names the revision that was
//! looked at, so that nobody overwrites what somebody else has set meanwhile.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use postern_config::directory::{Actor, Bucket, Tenant};
use postern_config::engine::Revision;

use super::bucket_tabs::{self, Tab};
use super::buckets;
use super::choices::Choices;
use super::fields::{Fields, Sent};
use super::filters;
use super::filters::say;
use super::frame::{Frame, Here, Nav};
use super::reader::Reader;
use super::visit::see;
use crate::api::asked::{By, Of};
use crate::service::permissions::{
    self, AccountAsked, ContainerAsked, Preview, ReadWrite, UserPermission,
};
use crate::service::sentences::stale;
use crate::{Admin, Problem};

#[derive(askama::Template)]
#[template(path = "permissions.html")]
struct PermissionsPage<'p> {
    frame: Frame,
    /// Of a bucket; none of an account.
    tabs: Vec<(&'static str, String, bool)>,
    problem: Option<&'p Problem>,
    /// What the two boxes of a row mean.
    read: &'static str,
    write: &'static str,
    /// `global`, `per-user` or, of a bucket, `none`.
    kind: String,
    rows: Vec<Row>,
    users: Vec<Row>,
    others: Choices,
    exempt: String,
    preview: Option<&'p Preview>,
    revision: u64,
    may: bool,
    is_bucket: bool,
    path: String,
    command: String,
}

/// A row of two boxes.
#[derive(Clone, Debug)]
struct Row {
    name: String,
    text: String,
    read: bool,
    write: bool,
}

/// What a form or the directory has for one of the two places.
#[derive(Debug)]
struct Set {
    kind: String,
    rows: Vec<Row>,
    users: Vec<UserPermission>,
}

fn row(name: &str, text: &str, held: Option<&ReadWrite>) -> Row {
    Row {
        name: name.to_owned(),
        text: text.to_owned(),
        read: held.is_some_and(|it| it.read),
        write: held.is_some_and(|it| it.write),
    }
}

fn box_of(form: &Fields, name: &str) -> ReadWrite {
    ReadWrite {
        read: form.is_on(&format!("{name}.read")),
        write: form.is_on(&format!("{name}.write")),
    }
}

/// The rows of users that a form has. Whoever was added has no boxes before the page is shown again.
fn users_of(form: &Fields) -> Vec<UserPermission> {
    let added = form.text("add");
    let named = form
        .all("user")
        .chain(Some(added).filter(|it| !it.is_empty()));
    let removed = form.text("remove");
    let rows = named.filter(|name| *name != removed).map(|name| {
        let held = box_of(form, &format!("user-{name}"));
        UserPermission {
            user: name.to_owned(),
            read: held.read,
            write: held.write,
        }
    });
    rows.collect()
}

struct Place<'p> {
    tenant: &'p Tenant,
    bucket: Option<&'p Bucket>,
}

fn page(
    reader: &Reader,
    place: &Place<'_>,
    (set, exempt, revision): (Set, &[String], u64),
    (preview, problem): (Option<&Preview>, Option<&Problem>),
) -> Response {
    let named: Vec<&str> = set.users.iter().map(|it| it.user.as_str()).collect();
    let all = reader
        .state
        .users(place.tenant.id)
        .map(|it| it.name.to_string());
    let others = Choices::named(all.filter(|name| !named.contains(&name.as_str())));
    let users = set.users.iter().map(|it| Row {
        name: format!("user-{}", it.user),
        text: it.user.clone(),
        read: it.read,
        write: it.write,
    });
    let id = place.bucket.map(|it| it.id.to_string()).unwrap_or_default();
    let save = match place.bucket {
        Some(_) => reader.link_in(
            place.tenant,
            "/buckets/{bucket}/permissions/save",
            &[("bucket", &id)],
        ),
        None => reader.link_in(place.tenant, "/permissions/save", &[]),
    };
    let page = PermissionsPage {
        frame: reader.frame(here(reader, place)),
        tabs: place.bucket.map_or_else(Vec::new, |bucket| {
            bucket_tabs::tabs(reader, (place.tenant, bucket), Tab::Permissions)
        }),
        problem,
        read: if place.bucket.is_some() {
            say!("List and download")
        } else {
            say!("See the buckets")
        },
        write: if place.bucket.is_some() {
            say!("Upload and delete")
        } else {
            say!("Create and delete buckets")
        },
        kind: set.kind,
        rows: set.rows,
        users: users.collect(),
        others,
        exempt: exempt.join(", "),
        preview,
        revision,
        may: save.is_some(),
        is_bucket: place.bucket.is_some(),
        path: save.unwrap_or_default(),
        command: match place.bucket {
            Some(bucket) => format!(
                "postern permission show --tenant {} --bucket {}",
                place.tenant.name, bucket.name
            ),
            None => format!("postern permission show --tenant {}", place.tenant.name),
        },
    };
    reader.page(problem.map_or(StatusCode::OK, |it| it.status), &page)
}

fn here<'h>(reader: &Reader, place: &Place<'h>) -> Here<'h> {
    match place.bucket {
        Some(bucket) => Here {
            title: reader.say(say!("Permissions of bucket {}")).replacen(
                "{}",
                bucket.name.as_str(),
                1,
            ),
            nav: Nav::Buckets,
            tenant: Some(place.tenant),
            trail: buckets::trail(reader, place.tenant, Some(bucket)),
        },
        None => Here {
            title: reader.say(say!("Permissions of the account")).to_owned(),
            nav: Nav::Permissions,
            tenant: Some(place.tenant),
            trail: Vec::new(),
        },
    }
}

/// The revision that a form has looked at, if the record is still at it.
fn looked_at(form: &Fields, found: Revision) -> Result<Option<Revision>, Problem> {
    match form.text("revision").parse::<u64>() {
        Ok(seen) if seen == found.0 => Ok(Some(found)),
        _ => Err(stale(found.0)),
    }
}

pub(crate) async fn account(reader: Reader, of: Of<Tenant>) -> Result<Response, Problem> {
    account_page(&reader, &of, (None, None), None)
}

fn account_page(
    reader: &Reader,
    of: &Of<Tenant>,
    answer: (Option<&Preview>, Option<&Problem>),
    form: Option<&Fields>,
) -> Result<Response, Problem> {
    let shown = permissions::account(&of.state, &of.it)?;
    let all = |held: Option<&ReadWrite>| vec![row("members", say!("All members"), held)];
    let set = match form {
        None => Set {
            kind: shown.kind.to_owned(),
            rows: all(shown.members.as_ref()),
            users: shown.users,
        },
        Some(form) => Set {
            kind: form.text("kind").to_owned(),
            rows: all(Some(&box_of(form, "members"))),
            users: users_of(form),
        },
    };
    let place = Place {
        tenant: &of.it,
        bucket: None,
    };
    Ok(page(
        reader,
        &place,
        (set, &shown.exempt_roles, shown.revision),
        answer,
    ))
}

fn account_asked(form: &Fields) -> AccountAsked {
    match form.text("kind") {
        "per-user" => AccountAsked {
            members: None,
            users: Some(users_of(form)),
        },
        _ => AccountAsked {
            members: Some(box_of(form, "members")),
            users: None,
        },
    }
}

pub(crate) async fn set_account(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<Tenant>,
    By(actor): By,
    Sent(form): Sent,
) -> Result<Response, Problem> {
    if form.text("do") != "save" {
        return look_at_account(&reader, &of, &form);
    }
    match save_account(&admin, &of, (actor, &form)).await {
        Ok(revision) => Ok(reader.done(
            (say!("The permissions are saved."), ""),
            revision,
            &reader
                .link_in(&of.it, "/permissions", &[])
                .unwrap_or_default(),
        )),
        Err(problem) => account_page(&reader, &of, (None, Some(&problem)), Some(&form)),
    }
}

/// What saving would change; or the page with a row more or less.
fn look_at_account(reader: &Reader, of: &Of<Tenant>, form: &Fields) -> Result<Response, Problem> {
    if form.text("do") != "preview" {
        return account_page(reader, of, (None, None), Some(form));
    }
    match permissions::preview_account(&of.state, &of.it, &account_asked(form)) {
        Ok(preview) => account_page(reader, of, (Some(&preview), None), Some(form)),
        Err(problem) => account_page(reader, of, (None, Some(&problem)), Some(form)),
    }
}

async fn save_account(
    admin: &Admin,
    of: &Of<Tenant>,
    (actor, form): (Actor, &Fields),
) -> Result<u64, Problem> {
    let which = (&*of.it, looked_at(form, of.it.revision)?);
    let asked = account_asked(form);
    let shown = permissions::set_account(admin, actor, which, Some(&asked)).await?;
    Ok(shown.revision)
}

pub(crate) async fn container(reader: Reader, of: Of<Bucket>) -> Result<Response, Problem> {
    container_page(&reader, &of, (None, None), None)
}

fn container_page(
    reader: &Reader,
    of: &Of<Bucket>,
    answer: (Option<&Preview>, Option<&Problem>),
    form: Option<&Fields>,
) -> Result<Response, Problem> {
    let shown = permissions::container(&of.state, &of.tenant, &of.it)?;
    let all = |everyone: Option<&ReadWrite>, members: Option<&ReadWrite>| {
        vec![
            row("all_users", say!("All users"), everyone),
            row("members", say!("All authenticated members"), members),
        ]
    };
    let set = match form {
        None => Set {
            kind: shown.kind.to_owned(),
            rows: all(shown.all_users.as_ref(), shown.members.as_ref()),
            users: shown.users,
        },
        Some(form) => Set {
            kind: form.text("kind").to_owned(),
            rows: all(
                Some(&box_of(form, "all_users")),
                Some(&box_of(form, "members")),
            ),
            users: users_of(form),
        },
    };
    let place = Place {
        tenant: &of.tenant,
        bucket: Some(&of.it),
    };
    Ok(page(
        reader,
        &place,
        (set, &shown.exempt_roles, shown.revision),
        answer,
    ))
}

fn container_asked(form: &Fields) -> ContainerAsked {
    match form.text("kind") {
        "per-user" => ContainerAsked {
            all_users: None,
            members: None,
            users: Some(users_of(form)),
        },
        _ => ContainerAsked {
            all_users: Some(box_of(form, "all_users")),
            members: Some(box_of(form, "members")),
            users: None,
        },
    }
}

pub(crate) async fn set_container(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<Bucket>,
    By(actor): By,
    Sent(form): Sent,
) -> Result<Response, Problem> {
    if form.text("do") != "save" {
        return look_at_container(&reader, &of, &form);
    }
    match save_container(&admin, &of, (actor, &form)).await {
        Ok(revision) => Ok(buckets::done(
            &reader,
            &of,
            (say!("The permissions of {} are saved."), revision),
        )),
        Err(problem) => container_page(&reader, &of, (None, Some(&problem)), Some(&form)),
    }
}

fn look_at_container(reader: &Reader, of: &Of<Bucket>, form: &Fields) -> Result<Response, Problem> {
    if form.text("do") != "preview" {
        return container_page(reader, of, (None, None), Some(form));
    }
    let which = (&*of.tenant, &*of.it);
    match permissions::preview_container(&of.state, which, &container_asked(form)) {
        Ok(preview) => container_page(reader, of, (Some(&preview), None), Some(form)),
        Err(problem) => container_page(reader, of, (None, Some(&problem)), Some(form)),
    }
}

async fn save_container(
    admin: &Admin,
    of: &Of<Bucket>,
    (actor, form): (Actor, &Fields),
) -> Result<u64, Problem> {
    let which = (&*of.tenant, &*of.it, looked_at(form, of.it.revision)?);
    let asked = container_asked(form);
    // "Nothing is set" takes away what was.
    let asked = Some(&asked).filter(|_| form.text("kind") != "none");
    let shown = permissions::set_container(admin, actor, which, asked).await?;
    Ok(shown.revision)
}

/// Whoever comes to the place where permissions are saved without a form goes to the form.
pub(crate) async fn show_save(reader: Reader) -> Response {
    see(reader.path.strip_suffix("/save").unwrap_or("/"))
}
