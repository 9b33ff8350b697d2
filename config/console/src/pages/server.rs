//! The server: its object node, the tasks that take care of it, and jobs that go on by themselves.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use postern_config::node::{NodeTask, TaskKind};

use super::confirm::{self, Asks};
use super::fields::{Fields, Sent};
use super::filters;
use super::filters::say;
use super::frame::{Frame, Here, Nav};
use super::reader::Reader;
use super::visit::see;
use crate::api::asked::By;
use crate::service::jobs::{self, JobShown};
use crate::service::list::Listing;
use crate::service::node::{self, NodeShown};
use crate::{Admin, Problem};

#[derive(askama::Template)]
#[template(path = "server.html")]
struct ServerPage {
    frame: Frame,
    /// What the node says, or why it says nothing.
    node: Result<NodeShown, Problem>,
    jobs: Vec<JobShown>,
    tasks: Vec<&'static str>,
    begin: Option<String>,
    mode: Option<String>,
}

fn here(reader: &Reader, title: &'static str) -> Here<'static> {
    Here {
        title: reader.say(title).to_owned(),
        nav: Nav::Server,
        tenant: None,
        trail: Vec::new(),
    }
}

pub(crate) async fn show(State(admin): State<Admin>, reader: Reader) -> Result<Response, Problem> {
    page(&admin, &reader, None).await
}

async fn page(
    admin: &Admin,
    reader: &Reader,
    problem: Option<Problem>,
) -> Result<Response, Problem> {
    let jobs = jobs::list(admin, reader.caller()?, Listing::default(), None).await?;
    let status = problem.as_ref().map_or(StatusCode::OK, |it| it.status);
    let page = ServerPage {
        frame: reader.frame(here(reader, say!("Server"))),
        node: match problem {
            Some(problem) => Err(problem),
            None => node::show(admin).await,
        },
        jobs: jobs.items,
        tasks: TaskKind::ALL.map(TaskKind::as_str).to_vec(),
        begin: reader.link("/server/tasks", &[]),
        mode: reader.link("/server/mode", &[]),
    };
    Ok(reader.page(status, &page))
}

/// Whoever comes to the place where tasks are begun without naming one goes to the server's page.
pub(crate) async fn show_begin() -> Response {
    see("/server")
}

pub(crate) async fn begin(
    State(admin): State<Admin>,
    reader: Reader,
    By(actor): By,
    Sent(mut form): Sent,
) -> Result<Response, Problem> {
    let Some(kind) = form.need::<TaskKind>("task") else {
        return Ok(see("/server"));
    };
    let task = NodeTask {
        kind,
        bytes_per_second: None,
        garbage_percent: None,
    };
    match node::begin(&admin, actor, task).await {
        Ok(_) => Ok(reader.done(
            (say!("The task {} has begun."), kind.as_str().to_owned()),
            None,
            "/server",
        )),
        Err(problem) => page(&admin, &reader, Some(problem)).await,
    }
}

pub(crate) async fn show_mode(
    State(admin): State<Admin>,
    reader: Reader,
) -> Result<Response, Problem> {
    let is_read_only = node::show(&admin).await?.read_only;
    Ok(mode_page(&reader, is_read_only, None))
}

fn mode_page(reader: &Reader, is_read_only: bool, problem: Option<&Problem>) -> Response {
    let (title, about) = if is_read_only {
        (
            say!("Take writes again"),
            say!("Clients may write and delete again, if the disk has room."),
        )
    } else {
        (
            say!("Refuse writes"),
            say!(
                "Everything may be read, nothing written or deleted, until it is taken back. Clients are told to try again later."
            ),
        )
    };
    let here = here(reader, title);
    let choice = if is_read_only { "write" } else { "read-only" };
    let asks = Asks {
        verb: here.title.clone(),
        look: if is_read_only { "primary" } else { "danger" },
        about: reader.say(about).to_owned(),
        choices: &[(choice, title, true)],
        back: "/server".to_owned(),
        command: format!(
            "postern node {}",
            if is_read_only {
                "read-only --off"
            } else {
                "read-only"
            }
        ),
        ..Asks::default()
    };
    confirm::page(reader, here, (&asks, problem))
}

pub(crate) async fn set_mode(
    State(admin): State<Admin>,
    reader: Reader,
    By(actor): By,
    Sent(form): Sent,
) -> Response {
    let read_only = wants_read_only(&form);
    match node::set_read_only(&admin, actor, read_only).await {
        Ok(now) => reader.done(
            (
                if now.read_only {
                    say!("Writes are refused.")
                } else {
                    say!("Writes are taken.")
                },
                "",
            ),
            None,
            "/server",
        ),
        Err(problem) => mode_page(&reader, !read_only, Some(&problem)),
    }
}

fn wants_read_only(form: &Fields) -> bool {
    form.text("choice") != "write"
}
