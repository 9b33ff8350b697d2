//! Rules of a bucket as S3 has them: CORS and lifecycle. They are shown as a table, changed as a document, and saved once what changes was
//! shown. An access key asks, as it does for what is in the bucket.

use axum::Extension;
use axum::response::Response;
use http::StatusCode;
use postern_config::directory::Digest;

use super::bucket_tabs::{self, Tab};
use super::buckets::page_of;
use super::confirm::{self, Asks};
use super::diff::{self, Line};
use super::fields::{Asked, Fields, Sent};
use super::filters;
use super::filters::say;
use super::frame::{Frame, Here};
use super::objects::Inside;
use super::reader::Reader;
use super::samples::{CORS_RULES, LIFECYCLE_RULES, Sample};
use crate::Problem;
use crate::service::bucket_rules::{Kind, Rules};

impl Kind {
    const fn tab(self) -> Tab {
        match self {
            Self::Cors => Tab::Cors,
            Self::Lifecycle => Tab::Lifecycle,
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Cors => say!("CORS"),
            Self::Lifecycle => say!("Lifecycle"),
        }
    }

    const fn about(self) -> &'static str {
        match self {
            Self::Cors => say!(
                "Which pages of other websites may read the answers of this bucket in a browser. It grants nothing: keys and policies still decide."
            ),
            Self::Lifecycle => say!(
                "What ends by itself, and when. What a rule deletes is gone for good where the bucket keeps no versions."
            ),
        }
    }

    const fn nothing(self) -> &'static str {
        match self {
            Self::Cors => say!("No rule: pages of other websites read nothing here."),
            Self::Lifecycle => say!("No rule: everything stays until somebody deletes it."),
        }
    }

    const fn samples(self) -> &'static [Sample] {
        match self {
            Self::Cors => CORS_RULES,
            Self::Lifecycle => LIFECYCLE_RULES,
        }
    }

    fn href(self, inside: &Inside) -> String {
        let below = match self {
            Self::Cors => "/cors",
            Self::Lifecycle => "/lifecycle",
        };
        page_of(&inside.of.tenant, &inside.of.it.id.to_string()) + below
    }

    /// The same for the aws command line.
    fn command(self, verb: &str, inside: &Inside) -> String {
        let (what, more) = match (self, verb) {
            (Self::Cors, "put") => ("cors", " --cors-configuration file://cors.json"),
            (Self::Cors, _) => ("cors", ""),
            (Self::Lifecycle, "put") => (
                "lifecycle-configuration",
                " --lifecycle-configuration file://lifecycle.json",
            ),
            (Self::Lifecycle, "delete") => ("lifecycle", ""),
            (Self::Lifecycle, _) => ("lifecycle-configuration", ""),
        };
        let bucket = &inside.of.it.name;
        format!("aws s3api {verb}-bucket-{what} --bucket {bucket}{more}")
    }

    fn here<'h>(self, reader: &Reader, inside: &'h Inside, title: &'static str) -> Here<'h> {
        let below = (reader.say(self.title()).to_owned(), Some(self.href(inside)));
        let mut here = super::buckets::here(reader, &inside.of, title);
        if title != self.title() {
            here.trail.push(below);
        }
        here
    }
}

#[derive(askama::Template)]
#[template(path = "bucket_rules.html")]
struct RulesPage<'p> {
    frame: Frame,
    tabs: Vec<(&'static str, String, bool)>,
    about: &'static str,
    /// The access key that asks; none: none is given yet.
    key: Option<&'p str>,
    problem: Option<&'p Problem>,
    nothing: &'static str,
    columns: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    document: Vec<&'p str>,
    path: String,
    command: String,
    /// The form of the key.
    form: Fields,
}

pub(crate) async fn show(
    reader: Reader,
    inside: Inside,
    Extension(kind): Extension<Kind>,
) -> Response {
    let found = match inside.visitor() {
        Ok(visitor) => visitor.rules(kind).await,
        Err(_) => Ok(None),
    };
    let (rules, problem) = match found {
        Ok(rules) => (rules, None),
        Err(problem) => (None, Some(problem)),
    };
    let document = rules.as_ref().map(Rules::document).unwrap_or_default();
    let (columns, rows) = rules
        .as_ref()
        .map(|it| table(&reader, it))
        .unwrap_or_default();
    let page = RulesPage {
        frame: reader.frame(kind.here(&reader, &inside, kind.title())),
        tabs: bucket_tabs::tabs(&reader, (&inside.of.tenant, &inside.of.it), kind.tab()),
        about: kind.about(),
        key: inside.visitor().ok().map(|it| it.key.id.as_str()),
        problem: problem.as_ref(),
        nothing: kind.nothing(),
        columns,
        rows,
        document: document.lines().collect(),
        path: kind.href(&inside),
        command: kind.command("get", &inside),
        form: Fields::default(),
    };
    reader.page(
        problem.as_ref().map_or(StatusCode::OK, |it| it.status),
        &page,
    )
}

/// The rules as a table: a line for each.
fn table(reader: &Reader, rules: &Rules) -> (Vec<&'static str>, Vec<Vec<String>>) {
    match rules {
        Rules::Cors(cors) => {
            let columns = [
                say!("Pages of"),
                say!("Methods"),
                say!("Headers they send"),
                say!("Headers they read"),
                say!("Remembered"),
            ];
            (
                columns.into(),
                cors.rules.iter().map(super::rule_words::cors).collect(),
            )
        }
        Rules::Lifecycle(lifecycle) => {
            let columns = [
                say!("Rule"),
                say!("Status"),
                say!("Of what"),
                say!("What happens"),
            ];
            let rows = lifecycle.rules.iter();
            let rows = rows.map(|rule| super::rule_words::lifecycle(reader, rule));
            (columns.into(), rows.collect())
        }
    }
}

#[derive(askama::Template)]
#[template(path = "bucket_rules_form.html")]
struct RulesForm<'p> {
    frame: Frame,
    problem: Option<&'p Problem>,
    text: &'p str,
    /// Of the text that was shown, with what it changes.
    seen: String,
    columns: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    changes: Vec<Line<'p>>,
    samples: Vec<(&'static str, String)>,
    path: String,
    back: String,
    command: String,
}

/// What an editor was told, and what came of it.
#[derive(Debug)]
struct Draft<'d> {
    text: &'d str,
    before: &'d str,
    rules: Option<&'d Rules>,
    problem: Option<&'d Problem>,
}

impl Draft<'_> {
    /// Of the text with what it takes the place of.
    fn digest(&self) -> String {
        let both = [self.before, self.text].map(|it| Digest::of(it.as_bytes()).to_string());
        both.join("-")
    }
}

pub(crate) async fn show_edit(
    reader: Reader,
    inside: Inside,
    Extension(kind): Extension<Kind>,
    Asked(fields): Asked,
) -> Result<Response, Problem> {
    let before = before(&inside, kind).await?;
    let mut samples = kind.samples().iter();
    let sample = samples.find(|(word, ..)| fields.holds("begin", word));
    let draft = Draft {
        text: sample.map_or(before.as_str(), |it| it.2),
        before: &before,
        rules: None,
        problem: None,
    };
    Ok(editor(&reader, (&inside, kind), &draft))
}

/// The document that stands; empty where there is none.
async fn before(inside: &Inside, kind: Kind) -> Result<String, Problem> {
    let rules = inside.visitor()?.rules(kind).await?;
    Ok(rules.as_ref().map(Rules::document).unwrap_or_default())
}

fn editor(reader: &Reader, (inside, kind): (&Inside, Kind), draft: &Draft<'_>) -> Response {
    let after = draft.rules.map(Rules::document).unwrap_or_default();
    let (columns, rows) = draft.rules.map(|it| table(reader, it)).unwrap_or_default();
    let path = format!("{}/edit", kind.href(inside));
    let samples = kind.samples().iter();
    let samples = samples.map(|(word, text, _)| (*text, format!("{path}?begin={word}")));
    let page = RulesForm {
        frame: reader.frame(kind.here(reader, inside, say!("Edit rules"))),
        problem: draft.problem,
        text: draft.text,
        seen: draft.rules.map_or_else(String::new, |_| draft.digest()),
        columns,
        rows,
        changes: match draft.rules {
            Some(_) => diff::lines(draft.before, &after),
            None => Vec::new(),
        },
        samples: samples.collect(),
        back: kind.href(inside),
        command: kind.command("put", inside),
        path,
    };
    reader.page(draft.problem.map_or(StatusCode::OK, |it| it.status), &page)
}

pub(crate) async fn edit(
    reader: Reader,
    inside: Inside,
    Extension(kind): Extension<Kind>,
    Sent(form): Sent,
) -> Result<Response, Problem> {
    let before = before(&inside, kind).await?;
    let text = form.exactly("text").replace("\r\n", "\n");
    let draft = Draft {
        text: &text,
        before: &before,
        rules: None,
        problem: None,
    };
    let spot = (&inside, kind);
    let rules = match Rules::read(kind, &text) {
        Ok(rules) => rules,
        Err(problem) => {
            let problem = Some(&problem);
            return Ok(editor(&reader, spot, &Draft { problem, ..draft }));
        }
    };
    let draft = Draft {
        rules: Some(&rules),
        ..draft
    };
    // What is saved was shown with what it changes: where somebody else has changed it since, it is shown anew.
    if form.text("do") != "save" || form.text("seen") != draft.digest() {
        return Ok(editor(&reader, spot, &draft));
    }
    let done = inside.visitor()?.set_rules(kind, rules.document()).await;
    Ok(match done {
        Ok(()) => {
            let about = &inside.of.it.name;
            reader.done(
                (say!("The rules of {} are saved."), about),
                None,
                &kind.href(&inside),
            )
        }
        Err(problem) => {
            let problem = Some(&problem);
            editor(&reader, spot, &Draft { problem, ..draft })
        }
    })
}

pub(crate) async fn show_delete(
    reader: Reader,
    inside: Inside,
    Extension(kind): Extension<Kind>,
) -> Result<Response, Problem> {
    inside.visitor()?;
    Ok(delete_page(&reader, (&inside, kind), None))
}

fn delete_page(
    reader: &Reader,
    (inside, kind): (&Inside, Kind),
    problem: Option<&Problem>,
) -> Response {
    let here = kind.here(reader, inside, say!("Delete the rules of {}"));
    let asks = Asks {
        verb: here.title.clone(),
        look: "danger",
        about: reader.say(kind.nothing()).to_owned(),
        command: kind.command("delete", inside),
        back: kind.href(inside),
        ..Asks::default()
    };
    confirm::page(reader, here, (&asks, problem))
}

pub(crate) async fn delete(
    reader: Reader,
    inside: Inside,
    Extension(kind): Extension<Kind>,
) -> Result<Response, Problem> {
    Ok(match inside.visitor()?.remove_rules(kind).await {
        Ok(()) => {
            let about = &inside.of.it.name;
            reader.done(
                (say!("{} has no such rules any more."), about),
                None,
                &kind.href(&inside),
            )
        }
        Err(problem) => delete_page(&reader, (&inside, kind), Some(&problem)),
    })
}
