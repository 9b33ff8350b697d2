//! Policy documents of an account: the list, one document, and its editor, which shows what is wrong and what changes before it saves.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use axum::response::Response;
use http::StatusCode;
use http::request::Parts;
use postern_config::directory::{
    Bucket, Name, PolicyPlace, State as Snapshot, Tenant, User, UserStatus,
};
use postern_config::engine::Revision;
use postern_config::judge::PolicyReport;
use serde::Deserialize;

use super::bucket_tabs::{self, Tab};
use super::choices::Choices;
use super::confirm::{self, Asks};
use super::diff::{self, Line};
use super::fields::{Asked, Fields, Sent};
use super::filters;
use super::filters::say;
use super::frame::{Frame, Here, Nav};
use super::links::{encoded, filled};
use super::lists::{Turns, View};
use super::reader::Reader;
use super::samples::{OF_BUCKET, OF_USER, Sample};
use super::visit::see;
use crate::api::asked::{At, By, Of};
use crate::service::find;
use crate::service::policies::{self, Attached, PolicyShown};
use crate::{Admin, Problem};

/// Lines that the editor counts beyond those of the text, for what is typed.
const LINES_MORE: usize = 200;

/// The place of a document, as the path names it.
#[derive(Debug)]
pub(crate) struct Spot {
    state: Arc<Snapshot>,
    tenant: Arc<Tenant>,
    place: PolicyPlace,
    of: Attached,
    /// Its page below the account, and what fills that.
    path: &'static str,
    words: Vec<(&'static str, String)>,
}

impl FromRequestParts<Admin> for Spot {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, admin: &Admin) -> Result<Self, Problem> {
        /// The name of a document of a user.
        #[derive(Deserialize)]
        struct Called {
            policy: Option<Name>,
        }
        let At(Called { policy }) = At::from_request_parts(parts, admin).await?;
        Ok(match policy {
            None => Self::of_bucket(Of::from_request_parts(parts, admin).await?),
            Some(name) => Self::of_user(Of::from_request_parts(parts, admin).await?, name),
        })
    }
}

impl Spot {
    fn of_bucket(of: Of<Bucket>) -> Self {
        let place = PolicyPlace::Bucket(of.it.id);
        Self {
            of: policies::attached(&of.state, &place),
            path: "/buckets/{bucket}/policy",
            words: vec![("bucket", of.it.id.to_string())],
            place,
            state: of.state,
            tenant: of.tenant,
        }
    }

    fn of_user(of: Of<User>, name: Name) -> Self {
        let words = vec![
            ("user", of.it.name.to_string()),
            ("policy", name.to_string()),
        ];
        let place = PolicyPlace::User {
            user: of.it.id,
            name,
        };
        Self {
            of: policies::attached(&of.state, &place),
            path: "/users/{user}/policies/{policy}",
            words,
            place,
            state: of.state,
            tenant: of.tenant,
        }
    }

    fn link(&self, reader: &Reader, more: &str) -> Option<String> {
        let words: Vec<_> = self.words.iter().map(|(key, it)| (*key, &**it)).collect();
        reader.link_in(&self.tenant, &format!("{}{more}", self.path), &words)
    }

    /// The tabs of the bucket to which it is attached.
    fn tabs(&self, reader: &Reader) -> Vec<(&'static str, String, bool)> {
        let bucket = match self.place {
            PolicyPlace::Bucket(id) => self.state.bucket_by_id(id),
            _ => None,
        };
        bucket.map_or_else(Vec::new, |bucket| {
            bucket_tabs::tabs(reader, (&self.tenant, bucket), Tab::Policy)
        })
    }

    /// Where its own page is.
    fn href(&self) -> String {
        let tenant = ("tenant", self.tenant.name.as_str());
        let words = self.words.iter().map(|(key, it)| (*key, &**it));
        let words: Vec<_> = std::iter::once(tenant).chain(words).collect();
        filled(&format!("/accounts/{{tenant}}{}", self.path), &words)
    }

    /// What the command line calls it.
    fn flags(&self) -> String {
        let holder = self.of.holder.as_deref().unwrap_or_default();
        match &self.of.name {
            Some(name) => format!(
                "--tenant {} --user {holder} --name {name}",
                self.tenant.name
            ),
            None => format!("--tenant {} --bucket {holder}", self.tenant.name),
        }
    }

    /// What it is called on pages: the document's name, or its bucket.
    fn called(&self) -> &str {
        let name = self.of.name.as_deref().or(self.of.holder.as_deref());
        name.unwrap_or_default()
    }

    /// What is said of it once it is done: by its own name, or by its bucket's.
    const fn done(&self, by_name: &'static str, by_bucket: &'static str) -> &'static str {
        match self.place {
            PolicyPlace::Bucket(_) => by_bucket,
            _ => by_name,
        }
    }

    const fn samples(&self) -> &'static [Sample] {
        match self.place {
            PolicyPlace::Bucket(_) => OF_BUCKET,
            _ => OF_USER,
        }
    }

    fn here(&self, reader: &Reader, title: String, is_below: bool) -> Here<'_> {
        let all = reader.link_in(&self.tenant, "/policies", &[]);
        let all = (reader.say(say!("Policies")).to_owned(), all);
        let own = (title_of(reader, &self.of), Some(self.href()));
        Here {
            title,
            nav: Nav::Policies,
            tenant: Some(&self.tenant),
            trail: if is_below { vec![all, own] } else { vec![all] },
        }
    }
}

fn title_of(reader: &Reader, of: &Attached) -> String {
    let (text, word) = match &of.name {
        Some(name) => (say!("Policy {}"), name.as_str()),
        None => (
            say!("Policy of bucket {}"),
            of.holder.as_deref().unwrap_or_default(),
        ),
    };
    reader.say(text).replacen("{}", word, 1)
}

fn list_of(tenant: &Tenant) -> String {
    filled(
        "/accounts/{tenant}/policies",
        &[("tenant", tenant.name.as_str())],
    )
}

#[derive(askama::Template)]
#[template(path = "policies.html")]
struct PoliciesPage<'p> {
    frame: Frame,
    tenant: &'p str,
    view: &'p View,
    rows: Vec<PolicyRow>,
    turns: Turns,
    create: Option<String>,
}

/// A document in the list.
struct PolicyRow {
    it: PolicyShown,
    show: Option<String>,
    edit: Option<String>,
    delete: Option<String>,
}

pub(crate) async fn list(
    reader: Reader,
    of: Of<Tenant>,
    Asked(fields): Asked,
) -> Result<Response, Problem> {
    let view = View::of(fields, &list_of(&of.it));
    let page = policies::list(&of.state, &of.it, &view.listing())?;
    let turns = view.turns(&page);
    let rows = page.items.into_iter();
    let page = PoliciesPage {
        frame: reader.frame(Here {
            title: reader.say(say!("Policies")).to_owned(),
            nav: Nav::Policies,
            tenant: Some(&of.it),
            trail: Vec::new(),
        }),
        tenant: of.it.name.as_str(),
        rows: rows.map(|it| row(&reader, &of.it, it)).collect(),
        view: &view,
        turns,
        create: reader.link_in(&of.it, "/policies/new", &[]),
    };
    Ok(reader.shows(&page))
}

fn row(reader: &Reader, tenant: &Tenant, it: PolicyShown) -> PolicyRow {
    let link = |more: &str| match &it.place {
        PolicyPlace::Bucket(id) => {
            let path = format!("/buckets/{{bucket}}/policy{more}");
            reader.link_in(tenant, &path, &[("bucket", &id.to_string())])
        }
        PolicyPlace::User { name, .. } => {
            let path = format!("/users/{{user}}/policies/{{policy}}{more}");
            let user = it.of.holder.as_deref()?;
            reader.link_in(tenant, &path, &[("user", user), ("policy", name.as_str())])
        }
        // Groups and roles are worked on by IAM's own operations.
        PolicyPlace::Group { .. } | PolicyPlace::Role { .. } => None,
    };
    PolicyRow {
        show: link(""),
        edit: link("/edit"),
        delete: link("/delete"),
        it,
    }
}

#[derive(askama::Template)]
#[template(path = "policy_new.html")]
struct NewPolicyPage<'p> {
    frame: Frame,
    form: &'p Fields,
    buckets: Choices,
    users: Choices,
    back: String,
}

/// Where a new document comes: the editor of that place is next.
pub(crate) async fn choose(
    reader: Reader,
    of: Of<Tenant>,
    Asked(mut form): Asked,
) -> Result<Response, Problem> {
    let bucket = [("bucket", form.text("bucket"))];
    if form.is_on("bucket") {
        let next = reader.link_in(&of.it, "/buckets/{bucket}/policy/edit", &bucket);
        return next
            .map(|next| see(&next))
            .ok_or_else(|| Problem::not_found("bucket"));
    }
    if form.is_on("user")
        && let Some(name) = form.need::<Name>("name")
    {
        let words = [("user", form.text("user")), ("policy", name.as_str())];
        let next = reader.link_in(&of.it, "/users/{user}/policies/{policy}/edit", &words);
        return next
            .map(|next| see(&next))
            .ok_or_else(|| Problem::not_found("user"));
    }
    let list = list_of(&of.it);
    let page = NewPolicyPage {
        frame: reader.frame(Here {
            title: reader.say(say!("Create policy")).to_owned(),
            nav: Nav::Policies,
            tenant: Some(&of.it),
            trail: vec![(reader.say(say!("Policies")).to_owned(), Some(list.clone()))],
        }),
        form: &form,
        buckets: buckets(&of),
        users: users(&of),
        back: list,
    };
    Ok(reader.shows(&page))
}

fn buckets(of: &Of<Tenant>) -> Choices {
    let seen = of
        .state
        .buckets_in(&of.it)
        .filter(|it| of.caller.sees_bucket(&of.state, it));
    Choices::of(seen.map(|bucket| {
        let owner = find::owner_of(&of.state, bucket);
        (bucket.id.to_string(), format!("{} ({owner})", bucket.name))
    }))
}

fn users(of: &Of<Tenant>) -> Choices {
    let seen = of.state.users(of.it.id);
    let seen =
        seen.filter(|it| it.status == UserStatus::Active && of.caller.sees_user(&of.state, it));
    Choices::named(seen.map(|user| user.name.to_string()))
}

#[derive(askama::Template)]
#[template(path = "policy.html")]
struct PolicyPage<'p> {
    frame: Frame,
    /// Of a bucket; none elsewhere.
    tabs: Vec<(&'static str, String, bool)>,
    of: &'p Attached,
    lines: Vec<&'p str>,
    shown: Option<PolicyShown>,
    report: Option<PolicyReport>,
    edit: Option<String>,
    delete: Option<String>,
    command: String,
}

/// A document, or that there is none.
pub(crate) async fn show(
    State(admin): State<Admin>,
    reader: Reader,
    spot: Spot,
) -> Result<Response, Problem> {
    let document = spot.state.policy(&spot.place);
    let report = match document {
        // What is attached was understood; it is public or not by what the server understands now.
        Some(it) => policies::check(&admin, &spot.place, &it.text).await.ok(),
        None => None,
    };
    let page = PolicyPage {
        frame: reader.frame(spot.here(&reader, title_of(&reader, &spot.of), false)),
        tabs: spot.tabs(&reader),
        of: &spot.of,
        lines: document.map_or_else(Vec::new, |it| it.text.lines().collect()),
        shown: document.map(|it| policies::show(&spot.state, it)),
        report,
        edit: spot.link(&reader, "/edit"),
        delete: spot.link(&reader, "/delete").filter(|_| document.is_some()),
        command: format!("postern policy get {}", spot.flags()),
    };
    Ok(reader.shows(&page))
}

#[derive(askama::Template)]
#[template(path = "policy_form.html")]
struct PolicyForm<'p> {
    frame: Frame,
    problem: Option<&'p Problem>,
    text: &'p str,
    /// The number of each line, and whether something is wrong there.
    numbers: Vec<(usize, bool)>,
    revision: u64,
    seen: String,
    report: Option<&'p PolicyReport>,
    changes: Vec<Line<'p>>,
    samples: Vec<(&'static str, String)>,
    path: &'p str,
    back: String,
    command: String,
}

/// What an editor was told, and what came of it.
#[derive(Debug)]
struct Draft<'d> {
    text: &'d str,
    revision: u64,
    report: Option<&'d PolicyReport>,
    problem: Option<&'d Problem>,
}

pub(crate) async fn show_edit(
    reader: Reader,
    spot: Spot,
    Asked(fields): Asked,
) -> Result<Response, Problem> {
    let mut samples = spot.samples().iter();
    let sample = samples.find(|(word, ..)| fields.holds("begin", word));
    let bucket = match spot.place {
        PolicyPlace::Bucket(_) => spot.of.holder.as_deref().unwrap_or("BUCKET"),
        _ => "BUCKET",
    };
    let document = spot.state.policy(&spot.place);
    let text = match (sample, document) {
        (Some((.., text)), _) => text.replace("BUCKET", bucket),
        (None, Some(document)) => document.text.clone(),
        (None, None) => String::new(),
    };
    let draft = Draft {
        text: &text,
        revision: document.map_or(0, |it| it.revision.0),
        report: None,
        problem: None,
    };
    Ok(editor(&reader, &spot, &draft))
}

fn editor(reader: &Reader, spot: &Spot, draft: &Draft<'_>) -> Response {
    let before = spot.state.policy(&spot.place).map_or("", |it| &it.text);
    let samples = spot.samples().iter().map(|(word, text, _)| {
        let href = format!("{}/edit?begin={}", spot.href(), encoded(word));
        (*text, href)
    });
    let title = match before {
        "" => reader.say(say!("Create policy")).to_owned(),
        _ => reader.say(say!("Edit policy")).to_owned(),
    };
    let is_good = draft.report.is_some();
    let page = PolicyForm {
        frame: reader.frame(spot.here(reader, title, true)),
        problem: draft.problem,
        text: draft.text,
        numbers: numbers(draft),
        revision: draft.revision,
        seen: if is_good {
            digest(draft.text)
        } else {
            String::new()
        },
        report: draft.report,
        changes: if is_good {
            diff::lines(before, draft.text)
        } else {
            Vec::new()
        },
        samples: samples.collect(),
        path: &reader.path,
        back: spot.href(),
        command: format!("postern policy put policy.json {}", spot.flags()),
    };
    reader.page(draft.problem.map_or(StatusCode::OK, |it| it.status), &page)
}

fn digest(text: &str) -> String {
    postern_config::directory::Digest::of(text.as_bytes()).to_string()
}

/// The lines, and those in which something is wrong: faults begin with theirs.
fn numbers(draft: &Draft<'_>) -> Vec<(usize, bool)> {
    let faults = draft.problem.map_or(&[][..], |it| &it.faults);
    let line = |fault: &String| {
        let rest = fault.strip_prefix("line ")?;
        rest.split(|it: char| !it.is_ascii_digit())
            .next()?
            .parse()
            .ok()
    };
    let wrong: BTreeSet<usize> = faults.iter().filter_map(line).collect();
    let all = 1..=draft.text.lines().count() + LINES_MORE;
    all.map(|line| (line, wrong.contains(&line))).collect()
}

pub(crate) async fn edit(
    State(admin): State<Admin>,
    reader: Reader,
    spot: Spot,
    By(actor): By,
    Sent(form): Sent,
) -> Result<Response, Problem> {
    // Browsers send lines as the network has them; documents keep theirs as files do.
    let text = form.exactly("text").replace("\r\n", "\n");
    let draft = Draft {
        text: &text,
        revision: form.text("revision").parse().unwrap_or(0),
        report: None,
        problem: None,
    };
    let report = match policies::check(&admin, &spot.place, &text).await {
        Ok(report) => report,
        Err(problem) => {
            let problem = Some(&problem);
            return Ok(editor(&reader, &spot, &Draft { problem, ..draft }));
        }
    };
    let draft = Draft {
        report: Some(&report),
        ..draft
    };
    // What is saved was shown with what it changes.
    if form.text("do") != "save" || form.text("seen") != digest(&text) {
        return Ok(editor(&reader, &spot, &draft));
    }
    let at = (spot.place.clone(), Some(Revision(draft.revision)));
    match policies::put(&admin, actor, at, text.clone()).await {
        Ok(revision) => {
            let text = spot.done(
                say!("The policy {} is saved."),
                say!("The policy of {} is saved."),
            );
            Ok(reader.done((text, spot.called()), revision, &spot.href()))
        }
        Err(problem) => {
            let problem = Some(&problem);
            Ok(editor(&reader, &spot, &Draft { problem, ..draft }))
        }
    }
}

pub(crate) async fn show_delete(reader: Reader, spot: Spot) -> Result<Response, Problem> {
    policies::document(&spot.state, &spot.place)?;
    Ok(delete_page(&reader, &spot, None))
}

fn delete_page(reader: &Reader, spot: &Spot, problem: Option<&Problem>) -> Response {
    let title = reader.say(say!("Delete policy {}"));
    let title = title.replacen("{}", spot.called(), 1);
    let about = say!(
        "What it allows is not allowed by it any more, and what it denies is not denied by it any more, from now on."
    );
    let asks = Asks {
        verb: title.clone(),
        look: "danger",
        about: reader.say(about).to_owned(),
        command: format!("postern policy delete {}", spot.flags()),
        back: spot.href(),
        ..Asks::default()
    };
    let here = spot.here(reader, title, true);
    confirm::page(reader, here, (&asks, problem))
}

pub(crate) async fn delete(
    State(admin): State<Admin>,
    reader: Reader,
    spot: Spot,
    By(actor): By,
) -> Result<Response, Problem> {
    match policies::delete(&admin, actor, (spot.place.clone(), None)).await {
        Ok(revision) => {
            let text = spot.done(
                say!("The policy {} is deleted."),
                say!("The policy of {} is deleted."),
            );
            // Whoever sees some users alone does not see the list.
            let list = reader.link_in(&spot.tenant, "/policies", &[]);
            let to = list.unwrap_or_else(|| spot.href());
            Ok(reader.done((text, spot.called()), revision, &to))
        }
        Err(problem) => Ok(delete_page(&reader, &spot, Some(&problem))),
    }
}
