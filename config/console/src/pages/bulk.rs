//! One change for many users: first what would come of it, user by user, then what came of it.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use postern_config::directory::{Tenant, UserKind, UserStatus};

use super::fields::{Fields, Sent};
use super::filters;
use super::filters::say;
use super::frame::{Frame, Here, Nav};
use super::links::filled;
use super::reader::Reader;
use super::visit::see;
use crate::api::asked::{By, Of};
use crate::limits::BULK_USERS_MAX;
use crate::service::bulk::{self, BulkAction, BulkDone, BulkUsers};
use crate::service::find;
use crate::service::list::Listing;
use crate::service::users::{self, UserStanding};
use crate::{Admin, Problem};

#[derive(askama::Template)]
#[template(path = "bulk.html")]
struct BulkPage<'p> {
    frame: Frame,
    action: &'p str,
    rows: Vec<BulkRow>,
    done: &'p BulkDone,
    problem: Option<&'p Problem>,
    back: String,
}

/// A user, and what comes of it.
struct BulkRow {
    number: String,
    name: String,
    detail: Option<String>,
    ok: bool,
}

/// Whoever comes here without having selected anybody goes to the list.
pub(crate) async fn show(of: Of<Tenant>) -> Response {
    see(&list_of(&of.it))
}

fn list_of(tenant: &Tenant) -> String {
    filled(
        "/accounts/{tenant}/users",
        &[("tenant", tenant.name.as_str())],
    )
}

pub(crate) async fn take(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<Tenant>,
    By(actor): By,
    Sent(mut form): Sent,
) -> Result<Response, Problem> {
    let Some(action) = form.need::<BulkAction>("action") else {
        return Ok(see(&list_of(&of.it)));
    };
    let chosen = chosen(&admin, &of, &mut form).await?;
    let names = names(&of, &chosen);
    if names.is_empty() {
        return Ok(see(&list_of(&of.it)));
    }
    let typed = form.text("sure").parse::<usize>();
    let asked = |dry_run: bool, confirm| BulkUsers {
        action,
        users: chosen.clone(),
        dry_run: Some(dry_run),
        confirm,
        with_data: None,
    };
    let who = (&of.caller, &*of.it);
    let done = match typed {
        Ok(number) => bulk::users(&admin, actor.clone(), who, asked(false, Some(number))).await,
        Err(_) => bulk::users(&admin, actor.clone(), who, asked(true, None)).await,
    };
    match done {
        Ok(done) => Ok(page(&reader, (&of, &form), (&done, &names), None)),
        Err(problem) if problem.code == "confirm" => {
            let would = bulk::users(&admin, actor, who, asked(true, None)).await?;
            Ok(page(
                &reader,
                (&of, &form),
                (&would, &names),
                Some(&problem),
            ))
        }
        Err(problem) => Err(problem),
    }
}

/// Those who were selected: one by one, or all who fit what was looked for.
async fn chosen(admin: &Admin, of: &Of<Tenant>, form: &mut Fields) -> Result<Vec<String>, Problem> {
    if !form.is_on("fitting") {
        return Ok(form.all("user").map(str::to_owned).collect());
    }
    let listing = Listing {
        q: Some(form.text("q").to_owned()),
        limit: Some(BULK_USERS_MAX),
        ..Listing::default()
    };
    let status = form.may::<UserStanding>("status").flatten();
    let who = (&of.caller, &*of.it);
    let page = users::list(admin, who, &listing, (status, None, None)).await?;
    if page.total > BULK_USERS_MAX {
        let detail = format!(
            "{} users fit, and at most {BULK_USERS_MAX} are changed at a time: look for fewer",
            page.total
        );
        return Err(Problem::malformed(detail));
    }
    // Root stays, and who is going goes.
    let meant = page
        .items
        .into_iter()
        .filter(|user| user.kind != UserKind::Root && user.status != UserStatus::Deleting);
    Ok(meant.map(|user| user.id.to_string()).collect())
}

/// What those who were selected are called, before anything is done to them.
fn names(of: &Of<Tenant>, chosen: &[String]) -> Vec<String> {
    let found = chosen.iter().map(|word| {
        let user = find::user(&of.state, &of.it, word);
        user.map_or_else(|_| word.clone(), |user| user.name.to_string())
    });
    found.collect()
}

fn page(
    reader: &Reader,
    (of, form): (&Of<Tenant>, &Fields),
    (done, names): (&BulkDone, &[String]),
    problem: Option<&Problem>,
) -> Response {
    let action = form.text("action");
    let title = match action {
        "disable" => say!("Disable users"),
        "enable" => say!("Enable users"),
        _ => say!("Delete users"),
    };
    let rows = done.items.iter().zip(names).map(|(item, name)| BulkRow {
        number: item.user.clone(),
        name: name.clone(),
        detail: item.detail.clone(),
        ok: item.ok,
    });
    let back = list_of(&of.it);
    let page = BulkPage {
        frame: reader.frame(Here {
            title: reader.say(title).to_owned(),
            nav: Nav::Users,
            tenant: Some(&of.it),
            trail: vec![(reader.say(say!("Users")).to_owned(), Some(back.clone()))],
        }),
        action,
        rows: rows.collect(),
        done,
        problem,
        back,
    };
    reader.page(problem.map_or(StatusCode::OK, |it| it.status), &page)
}
