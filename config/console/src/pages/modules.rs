//! Policy modules of an account, or of the platform: the versions, and what is seen of them on live traffic. A version by itself is in
//! [`super::module_versions`], what is done with one in [`super::steps`].

use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use axum::response::Response;
use http::StatusCode;
use http::request::Parts;
use postern_config::directory::{
    Binding, Digest, ModuleScope, ModuleStage, ModuleVersion, Name, State as Snapshot, Tenant,
};
use serde::Deserialize;
use serde_json::Value;

use super::fields::{Asked, Fields};
use super::filters;
use super::filters::say;
use super::frame::{Frame, Here, Nav};
use super::links::filled;
use super::reader::Reader;
use super::upload::Uploaded;
use crate::api::asked::{At, By};
use crate::caller::Caller;
use crate::service::modules::{self, Shown, Subject};
use crate::{Admin, Problem};

/// Digits of a digest that tell it from others at a glance.
const DIGITS: usize = 12;

/// Whose modules, and which one, as the path names them.
#[derive(Debug)]
pub(crate) struct Spot {
    pub(super) state: Arc<Snapshot>,
    /// None: the platform.
    pub(super) tenant: Option<Arc<Tenant>>,
    pub(super) scope: ModuleScope,
    name: Option<Name>,
    digest: Option<Digest>,
}

impl FromRequestParts<Admin> for Spot {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, admin: &Admin) -> Result<Self, Problem> {
        #[derive(Deserialize)]
        struct Words {
            tenant: Option<String>,
            module: Option<String>,
            digest: Option<String>,
        }
        let At(words): At<Words> = At::from_request_parts(parts, admin).await?;
        let caller = Caller::from_request_parts(parts, admin).await?;
        let state = admin.directory.state();
        let tenant = words
            .tenant
            .map(|word| caller.tenant(&state, &word).cloned());
        let tenant = tenant.transpose()?;
        let name = words.module.map(|word| word.parse());
        let digest = words.digest.map(|word| word.parse());
        Ok(Self {
            scope: tenant
                .as_ref()
                .map_or(ModuleScope::Platform, |it| ModuleScope::Tenant(it.id)),
            name: name.transpose().map_err(|_| Problem::not_found("module"))?,
            digest: digest
                .transpose()
                .map_err(|_| Problem::not_found("version"))?,
            state,
            tenant,
        })
    }
}

impl Spot {
    pub(super) fn name(&self) -> Result<&Name, Problem> {
        self.name
            .as_ref()
            .ok_or_else(|| Problem::not_found("module"))
    }

    pub(super) fn digest(&self) -> Result<Digest, Problem> {
        self.digest.ok_or_else(|| Problem::not_found("version"))
    }

    /// Whether there is what is named: the version, or some version of the module.
    pub(super) fn is_there(&self) -> Result<(), Problem> {
        if self.digest.is_some() {
            return self.version().map(|_| ());
        }
        let name = self.name()?;
        let mut versions = self.state.modules(self.scope);
        let found = versions.find(|version| version.name == *name);
        found
            .map(|_| ())
            .ok_or_else(|| Problem::not_found("module"))
    }

    /// The version that is named, if it is there.
    pub(super) fn version(&self) -> Result<&ModuleVersion, Problem> {
        let found = self.state.module(self.scope, self.name()?, self.digest()?);
        found
            .map(|it| &**it)
            .ok_or_else(|| Problem::not_found("version"))
    }

    pub(super) fn subject(
        &self,
        actor: postern_config::directory::Actor,
    ) -> Result<Subject, Problem> {
        Ok(Subject {
            scope: self.scope,
            name: self.name()?.clone(),
            actor,
        })
    }

    fn path(&self, path: &str) -> String {
        let base = self.tenant.as_ref().map_or("", |_| "/accounts/{tenant}");
        format!("{base}/modules{path}")
    }

    /// A page below the list, of a module and of a version where they are told, if whoever reads may open it.
    pub(super) fn link(
        &self,
        reader: &Reader,
        path: &str,
        (name, digest): (&str, &str),
    ) -> Option<String> {
        let tenant = self.tenant.as_ref().map_or("", |it| it.name.as_str());
        let words = [("tenant", tenant), ("module", name), ("digest", digest)];
        reader.link(&self.path(path), &words)
    }

    /// Where the list is.
    pub(super) fn list(&self) -> String {
        let tenant = self.tenant.as_ref().map_or("", |it| it.name.as_str());
        filled(&self.path(""), &[("tenant", tenant)])
    }

    /// Where the page of the module is that is named.
    pub(super) fn page(&self) -> String {
        let name = self.name.as_ref().map_or("", |it| it.as_str());
        format!("{}/{}", self.list(), super::links::encoded(name))
    }

    /// What the command line is told.
    pub(super) fn flags(&self) -> String {
        let tenant = self.tenant.as_ref();
        tenant.map_or_else(String::new, |it| format!(" --tenant {}", it.name))
    }

    pub(super) fn here(&self, reader: &Reader, title: String, below: usize) -> Here<'_> {
        let all = (reader.say(say!("Modules")).to_owned(), Some(self.list()));
        let name = self.name.as_ref().map(ToString::to_string);
        let own = (name.unwrap_or_default(), Some(self.page()));
        Here {
            title,
            nav: match self.tenant {
                Some(_) => Nav::Modules,
                None => Nav::ModulesOfAll,
            },
            tenant: self.tenant.as_deref(),
            trail: [all, own].into_iter().take(below).collect(),
        }
    }
}

/// How a digest is shown.
pub(super) fn short(digest: &Digest) -> String {
    digest.to_string().chars().take(DIGITS).collect()
}

/// A version in a table, with what is known of its work.
pub(super) struct VersionRow {
    pub(super) it: Shown,
    pub(super) digest: String,
    pub(super) stage: &'static str,
    pub(super) share: Option<String>,
    pub(super) evaluations: Option<u64>,
    pub(super) traps: Option<u64>,
    pub(super) show: Option<String>,
    pub(super) module: Option<String>,
    pub(super) signer: String,
}

pub(super) fn row(reader: &Reader, spot: &Spot, version: &ModuleVersion) -> VersionRow {
    let admin = &reader.admin;
    let it = modules::show(admin, &spot.state, version);
    let statistics = admin.judge.statistics(version.digest).unwrap_or_default();
    let number = |name: &str| statistics.get(name).and_then(Value::as_u64);
    let binding = spot.state.binding(spot.scope, &version.name);
    let canary = binding.and_then(|it| it.canary);
    let canary = canary.filter(|it| it.digest == version.digest);
    let digest = version.digest.to_string();
    let words = (version.name.as_str(), digest.as_str());
    VersionRow {
        digest: short(&version.digest),
        stage: match it.stage {
            ModuleStage::Stored => say!("Draft"),
            ModuleStage::Shadow => say!("Shadow"),
            ModuleStage::Canary => say!("Canary"),
            ModuleStage::Active => say!("Active"),
            ModuleStage::Retired => say!("Retired"),
            ModuleStage::Removed => say!("Removed"),
        },
        share: canary.map(|it| share(it.per_mille.get())),
        evaluations: number("evaluations"),
        traps: number("faults"),
        show: spot.link(reader, "/{module}/versions/{digest}", words),
        module: spot.link(reader, "/{module}", words),
        signer: signer(&it),
        it,
    }
}

/// Thousandths as people say them.
fn share(per_mille: u16) -> String {
    match (per_mille / 10, per_mille % 10) {
        (whole, 0) => format!("{whole}\u{a0}%"),
        (whole, tenth) => format!("{whole}.{tenth}\u{a0}%"),
    }
}

/// By whose key it is signed, as the settings call that.
fn signer(it: &Shown) -> String {
    let signer = it.signer.as_ref().map(serde_json::to_value);
    match signer {
        Some(Ok(Value::String(word))) => word,
        Some(Ok(other)) => other.to_string(),
        Some(Err(_)) | None => String::new(),
    }
}

#[derive(askama::Template)]
#[template(path = "modules.html")]
struct ModulesPage {
    frame: Frame,
    rows: Vec<VersionRow>,
    is_platform: bool,
    upload: Option<String>,
    command: String,
}

pub(crate) async fn list(reader: Reader, spot: Spot) -> Result<Response, Problem> {
    let versions = spot.state.modules(spot.scope);
    let mut rows: Vec<VersionRow> = versions.map(|it| row(&reader, &spot, it)).collect();
    // Of each module what is in force first, then the latest.
    rows.sort_by_key(|row| {
        (
            row.it.name.to_lowercase(),
            !row.it.active,
            u64::MAX - row.it.pushed,
        )
    });
    let title = reader.say(say!("Modules")).to_owned();
    let page = ModulesPage {
        frame: reader.frame(spot.here(&reader, title, 0)),
        rows,
        is_platform: spot.tenant.is_none(),
        upload: spot.link(&reader, "/new", ("", "")),
        command: format!("postern module list{}", spot.flags()),
    };
    Ok(reader.shows(&page))
}

#[derive(askama::Template)]
#[template(path = "module_new.html")]
struct NewModulePage<'p> {
    frame: Frame,
    form: &'p Fields,
    problem: Option<&'p Problem>,
    most: String,
    path: &'p str,
    back: String,
    command: String,
}

fn new_page(
    reader: &Reader,
    spot: &Spot,
    (form, status, problem): (&Fields, StatusCode, Option<&Problem>),
) -> Response {
    let title = reader.say(say!("Upload module")).to_owned();
    let page = NewModulePage {
        frame: reader.frame(spot.here(reader, title, 1)),
        form,
        problem,
        most: filters::size(u64::try_from(reader.admin.module_bytes_max).unwrap_or(u64::MAX)),
        path: &reader.path,
        back: spot.list(),
        command: format!(
            "postern module push guard.wasm --name guard{}",
            spot.flags()
        ),
    };
    reader.page(status, &page)
}

pub(crate) async fn show_upload(reader: Reader, spot: Spot) -> Result<Response, Problem> {
    let empty = Fields::default();
    Ok(new_page(&reader, &spot, (&empty, StatusCode::OK, None)))
}

pub(crate) async fn upload(
    State(admin): State<Admin>,
    reader: Reader,
    spot: Spot,
    By(actor): By,
    uploaded: Uploaded,
) -> Result<Response, Problem> {
    let Uploaded { mut form, file } = uploaded;
    let unclear = StatusCode::UNPROCESSABLE_ENTITY;
    if file.is_empty() {
        form.fault("file", "choose a file");
    }
    let signature = hex::decode(form.text("signature"));
    if signature.is_err() {
        form.fault("signature", "a signature is hexadecimal digits");
    }
    let (Some(name), Ok(signature), false) =
        (form.need::<Name>("name"), signature, file.is_empty())
    else {
        return Ok(new_page(&reader, &spot, (&form, unclear, None)));
    };
    let subject = Subject {
        scope: spot.scope,
        name: name.clone(),
        actor,
    };
    let signature = Some(signature).filter(|it| !it.is_empty());
    match modules::push(&admin, subject, (&file, signature)).await {
        Ok((_, digest, _)) => {
            let text = say!("A version of {} is stored. It decides nothing yet.");
            let digest = digest.to_string();
            let words = (name.as_str(), digest.as_str());
            let next = spot.link(&reader, "/{module}/versions/{digest}", words);
            let to = next.unwrap_or_else(|| spot.list());
            Ok(reader.done((text, &name), None, &to))
        }
        Err(problem) => Ok(new_page(
            &reader,
            &spot,
            (&form, problem.status, Some(&problem)),
        )),
    }
}

/// What is seen of a module on live traffic.
#[derive(Debug, Default, Deserialize)]
struct Trials {
    active: Option<Tried>,
    shadow: Option<Tried>,
    canary: Option<Tried>,
}

/// A version that is tried, or in force.
#[derive(Debug, Deserialize)]
struct Tried {
    digest: Digest,
    since: Option<u64>,
    #[serde(default)]
    per_mille: u16,
    seen: Option<Seen>,
}

/// What was seen of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Seen {
    checks: u64,
    asked: u64,
    unanswered: u64,
    differing: u64,
    watched_until: Option<u64>,
    differences: Vec<Differing>,
}

/// Checks that a shadow answers otherwise.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Differing {
    operation: String,
    active: String,
    shadow: String,
    statement: String,
    count: u64,
    examples: Vec<Example>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Example {
    pub(super) request: String,
}

/// A step in the log of a module.
struct Past {
    time_ms: u64,
    who: String,
    step: String,
    digest: String,
    outcome: String,
}

/// What may be done with the module as it stands: the address, and the words of the button.
struct Ways {
    rollback: Option<String>,
    deactivate: Option<String>,
    stop_shadow: Option<String>,
    stop_canary: Option<String>,
    promote: Option<String>,
    approve: Option<String>,
    reject: Option<String>,
}

#[derive(askama::Template)]
#[template(path = "module.html")]
struct ModulePage<'p> {
    frame: Frame,
    rows: Vec<VersionRow>,
    trials: Trials,
    share: String,
    proposal: Option<(String, String, u64)>,
    ways: Ways,
    requests: Vec<(String, String)>,
    past: Vec<Past>,
    spot: &'p Spot,
    command: String,
}

impl ModulePage<'_> {
    /// Why a request was answered as it was, if whoever reads may see that.
    fn why(&self, request: &str) -> Option<&str> {
        let found = self.requests.iter().find(|(id, _)| id == request);
        found.map(|(_, href)| href.as_str())
    }

    fn short(&self, digest: &Digest) -> String {
        short(digest)
    }

    fn version(&self, digest: &Digest) -> String {
        format!("{}/versions/{digest}", self.spot.page())
    }
}

/// A module: its versions, and what is seen of them.
pub(crate) async fn show(
    State(admin): State<Admin>,
    reader: Reader,
    spot: Spot,
    Asked(fields): Asked,
) -> Result<Response, Problem> {
    let name = spot.name()?;
    let versions = spot.state.modules(spot.scope).filter(|it| it.name == *name);
    let mut rows: Vec<VersionRow> = versions.map(|it| row(&reader, &spot, it)).collect();
    if rows.is_empty() {
        return Err(Problem::not_found("module"));
    }
    rows.sort_by_key(|row| (!row.it.active, u64::MAX - row.it.pushed));
    let binding = spot.state.binding(spot.scope, name);
    let trials = binding.map(|it| admin.judge.trials(it)).unwrap_or_default();
    let trials: Trials = serde_json::from_value(trials).unwrap_or_default();
    let canary = trials.canary.as_ref().map_or(0, |it| it.per_mille);
    // What is read again every few seconds does not search the audit log.
    let past = if fields.is_on("live") {
        Vec::new()
    } else {
        modules::history(&admin, spot.scope, name.as_str()).await?
    };
    let page = ModulePage {
        frame: reader.frame(spot.here(&reader, name.to_string(), 1)),
        ways: ways(&reader, &spot, binding.map(|it| &**it)),
        share: share(canary),
        requests: requests(&reader, &trials),
        proposal: binding.and_then(|it| it.proposal.as_ref()).map(|it| {
            let digest = it.step.digest().as_ref().map(short);
            let what = format!("{} {}", it.step.action(), digest.unwrap_or_default());
            (what, it.by.clone(), it.expires.0)
        }),
        past: past.iter().map(told).collect(),
        command: format!("postern module history {name}{}", spot.flags()),
        trials,
        rows,
        spot: &spot,
    };
    Ok(reader.shows(&page))
}

/// The requests that are named as examples, with their pages.
fn requests(reader: &Reader, trials: &Trials) -> Vec<(String, String)> {
    let seen = trials.shadow.iter().filter_map(|it| it.seen.as_ref());
    let examples = seen
        .flat_map(|it| &it.differences)
        .flat_map(|it| &it.examples);
    let links = examples.filter_map(|it| {
        let href = reader.link("/requests/{id}", &[("id", &it.request)])?;
        Some((it.request.clone(), href))
    });
    links.collect()
}

fn ways(reader: &Reader, spot: &Spot, binding: Option<&Binding>) -> Ways {
    let name = spot.name.as_ref().map_or("", |it| it.as_str());
    let way = |is_open: fn(&Binding) -> bool, path: &str| {
        let path = format!("/{{module}}{path}");
        binding
            .filter(|it| is_open(it))
            .and_then(|_| spot.link(reader, &path, (name, "")))
    };
    Ways {
        rollback: way(|it| !it.history.is_empty(), "/rollback"),
        deactivate: way(|it| it.active.is_some(), "/deactivate"),
        stop_shadow: way(|it| it.shadow.is_some(), "/shadow/stop"),
        stop_canary: way(|it| it.canary.is_some(), "/canary/stop"),
        promote: way(|it| it.canary.is_some(), "/canary/promote"),
        approve: way(|it| it.proposal.is_some(), "/approve"),
        reject: way(|it| it.proposal.is_some(), "/reject"),
    }
}

/// A record of the audit log about a module.
fn told(record: &Value) -> Past {
    let text = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or_default();
    Past {
        time_ms: record.get("time_ms").and_then(Value::as_u64).unwrap_or(0),
        who: text("who").to_owned(),
        step: text("step").to_owned(),
        digest: text("digest").chars().take(DIGITS).collect(),
        outcome: text("outcome").to_owned(),
    }
}
