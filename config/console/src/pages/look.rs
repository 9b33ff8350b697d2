//! How pages look and what they do by script: one file each, under a name that changes with what is in it.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};
use postern_config::directory::Digest;

use crate::api::asked::text;
use crate::{Admin, Problem};

const CSS: &str = include_str!("../../assets/console.css");
const SCRIPT: &str = include_str!("../../assets/console.js");
const ICON: &str = include_str!("../../assets/icon.svg");

/// How long browsers keep what never changes under its name.
const FOREVER: &str = "public, max-age=31536000, immutable";
/// Digits of a file's digest that stand in its name.
const DIGITS: usize = 16;

/// The names of the files.
#[derive(Debug)]
pub(crate) struct Look {
    css: String,
    script: String,
}

impl Default for Look {
    fn default() -> Self {
        let named = |text: &str, kind: &str| {
            let mut digest = Digest::of(text.as_bytes()).to_string();
            digest.truncate(DIGITS);
            format!("console-{digest}.{kind}")
        };
        Self {
            css: named(CSS, "css"),
            script: named(SCRIPT, "js"),
        }
    }
}

impl Look {
    pub(crate) fn css(&self) -> String {
        format!("/assets/{}", self.css)
    }

    pub(crate) fn script(&self) -> String {
        format!("/assets/{}", self.script)
    }
}

/// A file. It never changes under its name; the icon has one name for all time, and is asked for once a day.
pub(crate) async fn asset(State(admin): State<Admin>, Path(file): Path<String>) -> Response {
    let look = admin.look();
    match file.as_str() {
        name if name == look.css => kept(text("text/css; charset=utf-8", CSS), FOREVER),
        name if name == look.script => {
            kept(text("text/javascript; charset=utf-8", SCRIPT), FOREVER)
        }
        "icon.svg" => kept(text("image/svg+xml", ICON), "public, max-age=86400"),
        name => match admin.brands().asset(name) {
            Some(it) => kept(text(it.kind, it.bytes.clone()), FOREVER),
            None => Problem::new(StatusCode::NOT_FOUND, "not-found", "there is no such file")
                .into_response(),
        },
    }
}

fn kept(mut response: Response, how: &'static str) -> Response {
    let how = HeaderValue::from_static(how);
    response.headers_mut().insert(header::CACHE_CONTROL, how);
    response
}
