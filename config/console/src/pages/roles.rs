//! Roles: which there are, what each may do, and those of an account's own making.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use postern_config::decisions::Atom;
use postern_config::directory::{ConsoleAtom, CustomRole, RoleAtoms, Tenant};

use super::confirm::{self, Asks};
use super::fields::{Asked, Fields, Sent};
use super::filters;
use super::filters::say;
use super::frame::{Frame, Here, Nav};
use super::links::filled;
use super::lists::{Turns, View};
use super::reader::Reader;
use super::user_changes::not_the_name;
use super::visit::see;
use crate::api::asked::{By, Of};
use crate::service::roles::{self, Matrix, RoleAsked, RoleShown};
use crate::sessions::Told;
use crate::{Admin, Problem};

#[derive(askama::Template)]
#[template(path = "roles.html")]
struct RolesPage<'p> {
    frame: Frame,
    tenant: &'p str,
    view: &'p View,
    rows: Vec<RoleRow>,
    turns: Turns,
    matrix: Matrix,
    create: Option<String>,
}

/// A role in the list, with what may be done to it.
struct RoleRow {
    it: RoleShown,
    edit: Option<String>,
    delete: Option<String>,
}

fn list_of(tenant: &Tenant) -> String {
    filled(
        "/accounts/{tenant}/roles",
        &[("tenant", tenant.name.as_str())],
    )
}

fn here<'h>(reader: &Reader, tenant: &'h Tenant, title: String, is_below: bool) -> Here<'h> {
    let all = (reader.say(say!("Roles")).to_owned(), Some(list_of(tenant)));
    Here {
        title,
        nav: Nav::Roles,
        tenant: Some(tenant),
        trail: if is_below { vec![all] } else { Vec::new() },
    }
}

pub(crate) async fn list(
    reader: Reader,
    of: Of<Tenant>,
    Asked(fields): Asked,
) -> Result<Response, Problem> {
    let view = View::of(fields, &list_of(&of.it));
    let page = roles::list(&of.state, &of.it, &view.listing(), None)?;
    let turns = view.turns(&page);
    let rows = page.items.into_iter().map(|it| {
        let words = [("role", it.name.as_str())];
        let link = |path: &str| {
            let link = reader.link_in(&of.it, &format!("/roles/{{role}}{path}"), &words);
            link.filter(|_| !it.builtin)
        };
        RoleRow {
            edit: link("/edit"),
            delete: link("/delete"),
            it,
        }
    });
    let title = reader.say(say!("Roles")).to_owned();
    let page = RolesPage {
        frame: reader.frame(here(&reader, &of.it, title, false)),
        tenant: of.it.name.as_str(),
        rows: rows.collect(),
        view: &view,
        turns,
        matrix: roles::matrix(&of.state, &of.it),
        create: reader.link_in(&of.it, "/roles/new", &[]),
    };
    Ok(reader.shows(&page))
}

#[derive(askama::Template)]
#[template(path = "role_form.html")]
struct RoleForm<'p> {
    frame: Frame,
    form: &'p Fields,
    problem: Option<&'p Problem>,
    data: Vec<(&'static str, bool)>,
    console: Vec<(&'static str, bool)>,
    back: String,
}

fn form_page(
    reader: &Reader,
    (tenant, title): (&Tenant, String),
    (form, status, problem): (&Fields, StatusCode, Option<&Problem>),
) -> Response {
    // Nobody gives what he has not.
    let caller = reader.caller.as_ref();
    let given = ConsoleAtom::ALL
        .iter()
        .filter(|atom| caller.is_some_and(|it| it.has(**atom)));
    let chosen =
        |field: &'static str, atom: &'static str| (atom, form.all(field).any(|it| it == atom));
    let page = RoleForm {
        frame: reader.frame(here(reader, tenant, title, true)),
        form,
        problem,
        data: Atom::ALL
            .iter()
            .map(|atom| chosen("data", atom.as_str()))
            .collect(),
        console: given.map(|atom| chosen("console", atom.as_str())).collect(),
        back: list_of(tenant),
    };
    reader.page(status, &page)
}

fn asked(form: &mut Fields) -> Option<RoleAsked> {
    let (name, description) = (form.need("name"), form.may("description"));
    let data: Result<BTreeSet<Atom>, _> = form.all("data").map(str::parse).collect();
    let console: Result<BTreeSet<ConsoleAtom>, _> = form.all("console").map(str::parse).collect();
    let (Ok(data), Ok(console)) = (data, console) else {
        form.fault("data", "this is no permission");
        return None;
    };
    Some(RoleAsked {
        name: name?,
        description: description?,
        atoms: RoleAtoms { data, console },
    })
}

pub(crate) async fn show_create(reader: Reader, of: Of<Tenant>) -> Response {
    let title = reader.say(say!("Create role")).to_owned();
    form_page(
        &reader,
        (&of.it, title),
        (&Fields::default(), StatusCode::OK, None),
    )
}

pub(crate) async fn create(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<Tenant>,
    By(actor): By,
    Sent(mut form): Sent,
) -> Response {
    let at = (&*of.it, reader.say(say!("Create role")).to_owned());
    let Some(new) = asked(&mut form) else {
        return form_page(&reader, at, (&form, StatusCode::UNPROCESSABLE_ENTITY, None));
    };
    match roles::create(&admin, actor, None, (&of.it, new)).await {
        Ok((_, role)) => done(
            &reader,
            &of.it,
            (say!("Role {} is there."), role.name, role.revision),
        ),
        Err(problem) => form_page(&reader, at, (&form, problem.status, Some(&problem))),
    }
}

fn done(
    reader: &Reader,
    tenant: &Tenant,
    (text, about, revision): (&'static str, String, u64),
) -> Response {
    reader.tell(Told {
        text,
        about,
        revision: Some(revision),
    });
    see(&list_of(tenant))
}

fn edit_title(reader: &Reader, of: &Of<CustomRole>) -> String {
    reader
        .say(say!("Edit role {}"))
        .replacen("{}", of.it.name.as_str(), 1)
}

pub(crate) async fn show_edit(reader: Reader, of: Of<CustomRole>) -> Response {
    let mut form = Fields::default()
        .with("name", &of.it.name)
        .with("description", &of.it.description);
    for atom in &of.it.atoms.data {
        form = form.with("data", atom.as_str());
    }
    for atom in &of.it.atoms.console {
        form = form.with("console", atom.as_str());
    }
    let at = (&*of.tenant, edit_title(&reader, &of));
    form_page(&reader, at, (&form, StatusCode::OK, None))
}

pub(crate) async fn edit(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<CustomRole>,
    By(actor): By,
    Sent(mut form): Sent,
) -> Response {
    let at = (&*of.tenant, edit_title(&reader, &of));
    let Some(role) = asked(&mut form) else {
        return form_page(&reader, at, (&form, StatusCode::UNPROCESSABLE_ENTITY, None));
    };
    match roles::change(&admin, actor, (&of.tenant, &of.it, None), role).await {
        Ok(role) => done(
            &reader,
            &of.tenant,
            (say!("Role {} is changed."), role.name, role.revision),
        ),
        Err(problem) => form_page(&reader, at, (&form, problem.status, Some(&problem))),
    }
}

pub(crate) async fn show_delete(reader: Reader, of: Of<CustomRole>) -> Response {
    delete_page(&reader, &of, None)
}

fn delete_page(reader: &Reader, of: &Of<CustomRole>, problem: Option<&Problem>) -> Response {
    let name = of.it.name.as_str();
    let title = reader.say(say!("Delete role {}")).replacen("{}", name, 1);
    let asks = Asks {
        verb: title.clone(),
        look: "danger",
        about: reader.say(say!("This cannot be undone.")).to_owned(),
        losses: Some(roles::losses(&of.state, &of.it)),
        typed: Some(name),
        command: format!(
            "postern role delete --tenant {} {name} --confirm {name}",
            of.tenant.name
        ),
        back: list_of(&of.tenant),
        ..Asks::default()
    };
    confirm::page(
        reader,
        here(reader, &of.tenant, title, true),
        (&asks, problem),
    )
}

pub(crate) async fn delete(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<CustomRole>,
    By(actor): By,
    Sent(form): Sent,
) -> Response {
    if form.text("confirm") != of.it.name.as_str() {
        let problem = not_the_name(form.text("confirm"), of.it.name.as_str());
        return delete_page(&reader, &of, Some(&problem));
    }
    match roles::delete(&admin, actor, (&of.it, None)).await {
        Ok(gone) => done(
            &reader,
            &of.tenant,
            (say!("Role {} is deleted."), gone.deleted, gone.revision),
        ),
        Err(problem) => delete_page(&reader, &of, Some(&problem)),
    }
}
