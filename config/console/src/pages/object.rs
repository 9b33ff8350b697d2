//! One object: what is known of it, its versions, an address to share, a legal hold, and its end.

use axum::response::Response;
use http::StatusCode;

use super::confirm::{self, Asks};
use super::fields::{Asked, Fields, Sent};
use super::filters;
use super::filters::say;
use super::frame::Frame;
use super::links::encoded;
use super::objects::{Inside, quoted};
use super::reader::Reader;
use super::visit::see;
use crate::Problem;
use crate::service::buckets;
use crate::service::object_lists::Version;
use crate::service::objects::{At, Facts};

/// How long an address works with which a browser is sent to what it downloads.
const DOWNLOAD_SECONDS: u64 = 300;
/// How long an address may work that is shared. Source: S3 User Guide, "Sharing objects with presigned URLs": seven days.
const SHARED_SECONDS: [(&str, &str); 4] = [
    ("3600", say!("1 hour")),
    ("43200", say!("12 hours")),
    ("86400", say!("1 day")),
    ("604800", say!("7 days")),
];

#[derive(askama::Template)]
#[template(path = "object.html")]
struct ObjectPage<'p> {
    frame: Frame,
    key: &'p str,
    /// None: the latest version marks that it was deleted.
    facts: Option<Facts>,
    version: Option<&'p str>,
    /// With where each is, and where it is deleted.
    versions: Vec<(Version, String, String)>,
    problem: Option<Problem>,
    download: String,
    share: String,
    hold: Option<String>,
    is_held: bool,
    delete: String,
    command: String,
}

/// The object that a form or a query names.
fn named(fields: &Fields) -> Result<At<'_>, Problem> {
    let (key, version) = (fields.exactly("key"), fields.text("version"));
    if key.is_empty() {
        return Err(Problem::malformed("which object? `key` is empty"));
    }
    Ok(At {
        key,
        version: Some(version).filter(|it| !it.is_empty()),
    })
}

/// The query that names it.
fn query(at: At<'_>) -> String {
    let version = at
        .version
        .map_or_else(String::new, |it| format!("&version={}", encoded(it)));
    format!("?key={}{version}", encoded(at.key))
}

pub(crate) async fn show(
    reader: Reader,
    inside: Inside,
    Asked(form): Asked,
) -> Result<Response, Problem> {
    let at = named(&form)?;
    let visitor = inside.visitor()?;
    let versions = visitor.versions(at.key).await;
    // A key that may read an object may be kept from the list of its versions.
    let (versions, kept) = match versions {
        Ok(versions) => (versions, None),
        Err(problem) => (Vec::new(), Some(problem)),
    };
    let is_deleted = at.version.is_none() && versions.first().is_some_and(|it| it.size.is_none());
    let facts = if is_deleted {
        None
    } else {
        Some(visitor.facts(at).await?)
    };
    let link = |what: &str, at: At<'_>| inside.path(&format!("/{what}{}", query(at)));
    let detail = buckets::detail(&reader.admin, &inside.of.it).await;
    let has_locks = detail.object_lock == Some(true);
    // Where no versions are kept there is one, and it has no name.
    let has_versions = versions.iter().any(|it| it.id != "null");
    let versions = versions.into_iter().filter(|_| has_versions).map(|it| {
        let version = Some(it.id.as_str());
        let at = At { version, ..at };
        let (open, delete) = (link("object", at), link("object/delete", at));
        (it, open, delete)
    });
    let page = ObjectPage {
        frame: reader.frame(inside.here(&reader, name(at.key).to_owned(), Some(at.key))),
        key: at.key,
        version: at.version,
        versions: versions.collect(),
        problem: kept,
        download: link("object/download", at),
        share: link("object/share", at),
        hold: facts.as_ref().filter(|_| has_locks).map(|it| {
            let to = if it.is_held == Some(true) {
                "off"
            } else {
                "on"
            };
            format!("{}&hold={to}", link("object/hold", at))
        }),
        is_held: facts.as_ref().is_some_and(|it| it.is_held == Some(true)),
        delete: link("object/delete", at),
        command: format!(
            "aws s3api head-object --bucket {} --key {}",
            inside.of.it.name,
            quoted(at.key)
        ),
        facts,
    };
    Ok(reader.shows(&page))
}

/// The last part of a key.
fn name(key: &str) -> &str {
    key.trim_end_matches('/').rsplit('/').next().unwrap_or(key)
}

/// Sends a browser to the object at the S3 side: nothing of a tenant comes from the console's own origin.
pub(crate) async fn download(inside: Inside, Asked(form): Asked) -> Result<Response, Problem> {
    let address = inside
        .visitor()?
        .address(named(&form)?, DOWNLOAD_SECONDS, true)?;
    Ok(see(&address))
}

#[derive(askama::Template)]
#[template(path = "share.html")]
struct SharePage<'p> {
    frame: Frame,
    form: &'p Fields,
    key: &'p str,
    version: &'p str,
    path: String,
    back: String,
    times: [(&'static str, &'static str); 4],
    address: Option<String>,
    command: String,
}

pub(crate) async fn show_share(
    reader: Reader,
    inside: Inside,
    Asked(form): Asked,
) -> Result<Response, Problem> {
    named(&form)?;
    Ok(share_page(&reader, &inside, (&form, StatusCode::OK, None)))
}

pub(crate) async fn share(
    reader: Reader,
    inside: Inside,
    Sent(mut form): Sent,
) -> Result<Response, Problem> {
    let visitor = inside.visitor()?;
    let is_offered = |seconds: &u64| {
        let offered = SHARED_SECONDS.iter().map(|(it, _)| *it);
        offered.into_iter().any(|it| it == seconds.to_string())
    };
    let Some(seconds) = form.need::<u64>("seconds").filter(is_offered) else {
        form.fault("seconds", "choose one of these");
        let answer = (&form, StatusCode::UNPROCESSABLE_ENTITY, None);
        return Ok(share_page(&reader, &inside, answer));
    };
    let address = visitor.address(named(&form)?, seconds, false)?;
    Ok(share_page(
        &reader,
        &inside,
        (&form, StatusCode::OK, Some(address)),
    ))
}

fn share_page(
    reader: &Reader,
    inside: &Inside,
    (form, status, address): (&Fields, StatusCode, Option<String>),
) -> Response {
    let (key, version) = (form.exactly("key"), form.text("version"));
    let title = reader.say(say!("Share {}")).replacen("{}", name(key), 1);
    let target = format!("s3://{}/{key}", inside.of.it.name);
    let page = SharePage {
        frame: reader.frame(inside.here(reader, title, Some(key))),
        form,
        key,
        version,
        path: inside.path("/object/share"),
        back: inside.path(&format!("/object?key={}", encoded(key))),
        times: SHARED_SECONDS,
        address,
        command: format!("aws s3 presign {} --expires-in 3600", quoted(&target)),
    };
    reader.page(status, &page)
}

pub(crate) async fn show_delete(
    reader: Reader,
    inside: Inside,
    Asked(form): Asked,
) -> Result<Response, Problem> {
    Ok(delete_page(&reader, &inside, (named(&form)?, None)))
}

fn delete_page(
    reader: &Reader,
    inside: &Inside,
    (at, problem): (At<'_>, Option<&Problem>),
) -> Response {
    let (title, about) = match at.version {
        None => (
            say!("Delete {}"),
            say!(
                "Where the bucket keeps versions they stay, and it can be had back. Where it does not, this cannot be undone."
            ),
        ),
        Some(_) => (
            say!("Delete a version of {}"),
            say!("This version is gone for good. A marker that is deleted brings the object back."),
        ),
    };
    let question = Question {
        title,
        about,
        look: "danger",
        operation: "delete-object",
        rest: "",
    };
    question.page(reader, inside, (at, problem))
}

/// What is asked before something is done to an object.
struct Question {
    title: &'static str,
    about: &'static str,
    look: &'static str,
    /// The same for the aws command line, and what it is given beside the object.
    operation: &'static str,
    rest: &'static str,
}

impl Question {
    fn page(
        self,
        reader: &Reader,
        inside: &Inside,
        (at, problem): (At<'_>, Option<&Problem>),
    ) -> Response {
        let title = reader.say(self.title).replacen("{}", name(at.key), 1);
        let version = at
            .version
            .map_or_else(String::new, |it| format!(" --version-id {}", quoted(it)));
        let asks = Asks {
            verb: title.clone(),
            look: self.look,
            about: reader.say(self.about).to_owned(),
            command: format!(
                "aws s3api {} --bucket {} --key {}{version}{}",
                self.operation,
                inside.of.it.name,
                quoted(at.key),
                self.rest
            ),
            back: inside.path(&format!("/object?key={}", encoded(at.key))),
            ..Asks::default()
        };
        let here = inside.here(reader, title, Some(at.key));
        confirm::page(reader, here, (&asks, problem))
    }
}

pub(crate) async fn delete(
    reader: Reader,
    inside: Inside,
    Asked(form): Asked,
) -> Result<Response, Problem> {
    let at = named(&form)?;
    Ok(match inside.visitor()?.delete(at).await {
        Ok(()) => reader.done(
            (say!("{} is deleted."), at.key),
            None,
            &inside.folder_of(at.key),
        ),
        Err(problem) => delete_page(&reader, &inside, (at, Some(&problem))),
    })
}

pub(crate) async fn show_hold(
    reader: Reader,
    inside: Inside,
    Asked(form): Asked,
) -> Result<Response, Problem> {
    let at = named(&form)?;
    let to = hold_of(&form)?;
    Ok(hold_page(&reader, &inside, (at, to), None))
}

/// Whether the hold is to be set: else it is lifted.
fn hold_of(form: &Fields) -> Result<bool, Problem> {
    match form.text("hold") {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(Problem::malformed("`hold` is `on` or `off`")),
    }
}

fn hold_page(
    reader: &Reader,
    inside: &Inside,
    (at, to): (At<'_>, bool),
    problem: Option<&Problem>,
) -> Response {
    let question = if to {
        Question {
            title: say!("Put {} under legal hold"),
            about: say!("Nobody deletes this version until the hold is lifted."),
            look: "primary",
            operation: "put-object-legal-hold",
            rest: " --legal-hold Status=ON",
        }
    } else {
        Question {
            title: say!("Lift the legal hold of {}"),
            about: say!("It can be deleted again, unless it is retained."),
            look: "primary",
            operation: "put-object-legal-hold",
            rest: " --legal-hold Status=OFF",
        }
    };
    question.page(reader, inside, (at, problem))
}

pub(crate) async fn hold(
    reader: Reader,
    inside: Inside,
    Asked(form): Asked,
) -> Result<Response, Problem> {
    let at = named(&form)?;
    let to = hold_of(&form)?;
    let said = if to {
        say!("{} is under legal hold.")
    } else {
        say!("{} is under legal hold no more.")
    };
    let back = inside.path(&format!("/object{}", query(at)));
    Ok(match inside.visitor()?.hold(at, to).await {
        Ok(()) => reader.done((said, at.key), None, &back),
        Err(problem) => hold_page(&reader, &inside, (at, to), Some(&problem)),
    })
}
