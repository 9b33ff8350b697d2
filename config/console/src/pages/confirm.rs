//! The page on which somebody says that he means it: what is about to be done, what is lost, and what to type.

use axum::response::Response;
use http::StatusCode;

use super::filters;
use super::frame::{Frame, Here};
use super::reader::Reader;
use crate::Problem;
use crate::service::losses::Losses;

/// What is about to be done.
#[derive(Debug, Default)]
pub(crate) struct Asks<'a> {
    /// The button: the verb, and what it is done to.
    pub(crate) verb: String,
    /// How the button looks: `primary` or `danger`.
    pub(crate) look: &'static str,
    /// What happens.
    pub(crate) about: String,
    /// What is lost.
    pub(crate) losses: Option<Losses>,
    /// What must be typed.
    pub(crate) typed: Option<&'a str>,
    /// Ways to do it: what is sent as `choice`, what it is called, and whether it is the usual one.
    pub(crate) choices: &'a [(&'a str, &'a str, bool)],
    /// What stops it as well, and loses nothing.
    pub(crate) instead: Option<String>,
    /// The same on the command line.
    pub(crate) command: String,
    /// Where one was.
    pub(crate) back: String,
}

#[derive(askama::Template)]
#[template(path = "confirm.html")]
struct ConfirmPage<'p> {
    frame: Frame,
    problem: Option<&'p Problem>,
    about: &'p str,
    losses: Option<&'p Losses>,
    may: bool,
    choices: &'p [(&'p str, &'p str, bool)],
    typed: Option<&'p str>,
    look: &'p str,
    verb: &'p str,
    back: &'p str,
    instead: Option<&'p str>,
    command: &'p str,
}

/// The page, before it is done or after it was refused.
pub(crate) fn page(
    reader: &Reader,
    here: Here<'_>,
    (asks, problem): (&Asks<'_>, Option<&Problem>),
) -> Response {
    let page = ConfirmPage {
        frame: reader.frame(here),
        problem,
        about: &asks.about,
        losses: asks.losses.as_ref(),
        may: asks.losses.as_ref().is_none_or(|it| it.possible),
        choices: asks.choices,
        typed: asks.typed,
        look: asks.look,
        verb: &asks.verb,
        back: &asks.back,
        instead: asks.instead.as_deref(),
        command: &asks.command,
    };
    reader.page(problem.map_or(StatusCode::OK, |it| it.status), &page)
}
