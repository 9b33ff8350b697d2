//! A version of a module: what it says of itself, its checks, its cases, and what it would have said to recorded requests.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use postern_config::directory::{ModuleStage, ModuleVersion};
use postern_config::judge::{Replay, TestReport, Tool, Version};
use serde::Deserialize;
use serde_json::Value;

use super::fields::Sent;
use super::filters;
use super::filters::say;
use super::frame::Frame;
use super::modules::{Example, Spot, VersionRow, row, short};
use super::reader::Reader;
use crate::api::asked::By;
use crate::service::modules;
use crate::{Admin, Problem};

/// Requests that are named as examples of a difference.
const EXAMPLES: usize = 3;

#[derive(askama::Template)]
#[template(path = "module_version.html")]
struct VersionPage<'p> {
    frame: Frame,
    row: VersionRow,
    problem: Option<&'p Problem>,
    digest: String,
    manifest: Manifest,
    warnings: Vec<String>,
    faults: Vec<String>,
    cases: &'p str,
    tested: Option<&'p TestReport>,
    failures: Vec<(String, String)>,
    replayed: Option<&'p Replayed>,
    test: Option<String>,
    replay: Option<String>,
    steps: Vec<(&'static str, String, &'static str)>,
    command: String,
}

/// What a module says of itself.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Manifest {
    name: String,
    version: String,
    abi: String,
    description: String,
    attributes: Vec<String>,
    tests: Vec<Value>,
}

/// What a version would have said to the recorded requests.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Replayed {
    checks: u64,
    decided: u64,
    differing: u64,
    undecidable: u64,
    cut_short: bool,
    differences: Vec<Replaced>,
    #[serde(skip)]
    links: Vec<(String, String)>,
}

/// Recorded checks that differ alike.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Replaced {
    access_key_id: Option<String>,
    operation: String,
    prefix: String,
    before: String,
    after: String,
    count: u64,
    examples: Vec<Example>,
}

impl Replayed {
    fn why(&self, request: &str) -> Option<&str> {
        let found = self.links.iter().find(|(id, _)| id == request);
        found.map(|(_, href)| href.as_str())
    }
}

/// What was asked of a version, and what came of it.
#[derive(Debug, Default)]
struct Trial<'t> {
    cases: &'t str,
    tested: Option<&'t TestReport>,
    replayed: Option<&'t Replayed>,
    problem: Option<&'t Problem>,
}

pub(crate) async fn show(reader: Reader, spot: Spot) -> Result<Response, Problem> {
    version_page(&reader, &spot, &Trial::default()).await
}

async fn version_page(
    reader: &Reader,
    spot: &Spot,
    trial: &Trial<'_>,
) -> Result<Response, Problem> {
    let version = spot.version()?;
    let bytes = modules::stored(&reader.admin, version.digest).await?;
    let checked = match bytes {
        Some(bytes) => Some(reader.admin.judge.check(bytes).await),
        None => None,
    };
    let (report, faults) = match checked {
        Some(Ok(report)) => (Some(report), Vec::new()),
        Some(Err(faults)) => (None, faults.0),
        None => (None, Vec::new()),
    };
    let (manifest, warnings) = report
        .map(|it| (it.manifest, it.warnings))
        .unwrap_or_default();
    let digest = version.digest.to_string();
    let words = (version.name.as_str(), digest.as_str());
    let link = |path: &str| {
        let path = format!("/{{module}}/versions/{{digest}}{path}");
        spot.link(reader, &path, words)
    };
    let page = VersionPage {
        frame: reader.frame(spot.here(reader, short(&version.digest), 2)),
        row: row(reader, spot, version),
        problem: trial.problem,
        manifest: serde_json::from_value(manifest).unwrap_or_default(),
        warnings,
        faults,
        cases: trial.cases,
        tested: trial.tested,
        failures: trial.tested.map_or_else(Vec::new, failures),
        replayed: trial.replayed,
        test: link("/test"),
        replay: link("/replay"),
        steps: steps(spot, version, link),
        command: format!("postern module inspect {digest}"),
        digest: digest.clone(),
    };
    let status = trial.problem.map_or(StatusCode::OK, |it| it.status);
    Ok(reader.page(status, &page))
}

/// What may be done with a version: the words, where, and how the button looks.
fn steps(
    spot: &Spot,
    version: &ModuleVersion,
    link: impl Fn(&str) -> Option<String>,
) -> Vec<(&'static str, String, &'static str)> {
    let stage = spot.state.stage(version);
    let at = |text: &'static str, path: &str, look: &'static str| {
        link(path).map(|href| (text, href, look))
    };
    let all = match stage {
        ModuleStage::Active | ModuleStage::Removed => Vec::new(),
        ModuleStage::Stored | ModuleStage::Shadow | ModuleStage::Canary | ModuleStage::Retired => {
            vec![
                at(say!("Start shadow"), "/shadow", "").filter(|_| stage != ModuleStage::Shadow),
                at(say!("Start canary"), "/canary", "").filter(|_| stage != ModuleStage::Canary),
                at(say!("Activate"), "/activate", "primary"),
            ]
        }
    };
    all.into_iter().flatten().collect()
}

/// Each case that failed, by its name, with all that is known of it.
fn failures(report: &TestReport) -> Vec<(String, String)> {
    let list = report.failures.as_array();
    let each = list.into_iter().flatten().map(|failure| {
        let name = failure.get("name").and_then(Value::as_str);
        let whole = serde_json::to_string_pretty(failure);
        (
            name.unwrap_or_default().to_owned(),
            whole.unwrap_or_default(),
        )
    });
    each.collect()
}

pub(crate) async fn show_test(reader: Reader, spot: Spot) -> Result<Response, Problem> {
    version_page(&reader, &spot, &Trial::default()).await
}

/// Runs a version's own cases and those that were typed.
pub(crate) async fn test(
    State(admin): State<Admin>,
    reader: Reader,
    spot: Spot,
    By(actor): By,
    Sent(form): Sent,
) -> Result<Response, Problem> {
    let subject = spot.subject(actor)?;
    let typed = form.text("cases");
    let cases = if typed.is_empty() { "[]" } else { typed };
    let tested = match serde_json::from_str::<Vec<Value>>(cases) {
        Ok(cases) => modules::test(&admin, subject, (spot.digest()?, cases)).await,
        Err(fault) => Err(Problem {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            ..Problem::malformed(format!("the cases are a list in JSON: {fault}"))
        }),
    };
    let trial = Trial {
        cases: typed,
        tested: tested.as_ref().ok(),
        problem: tested.as_ref().err(),
        ..Trial::default()
    };
    version_page(&reader, &spot, &trial).await
}

/// Decides the recorded requests again, with this version in the place of the one in force.
pub(crate) async fn replay(
    State(admin): State<Admin>,
    reader: Reader,
    spot: Spot,
) -> Result<Response, Problem> {
    let asked = Replay {
        module: Version {
            tenant: spot.tenant.as_ref().map(|it| it.name.clone()),
            name: spot.name()?.clone(),
            digest: Some(spot.digest()?),
            wasm: None,
        },
        since_seconds: None,
        examples: EXAMPLES,
    };
    let told = admin.judge.tool(Tool::Replay(asked)).await;
    let told = told.map_err(Problem::from).map(|told| {
        let mut told: Replayed = serde_json::from_value(told).unwrap_or_default();
        let examples = told.differences.iter().flat_map(|it| &it.examples);
        let links = examples.filter_map(|it| {
            let href = reader.link("/requests/{id}", &[("id", &it.request)])?;
            Some((it.request.clone(), href))
        });
        told.links = links.collect();
        told
    });
    let trial = Trial {
        replayed: told.as_ref().ok(),
        problem: told.as_ref().err(),
        ..Trial::default()
    };
    version_page(&reader, &spot, &trial).await
}
