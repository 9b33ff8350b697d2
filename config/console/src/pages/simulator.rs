//! What would be answered to a request that might be, and who may do something. Nothing is carried out: the question stands in the
//! address.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use postern_config::directory::Level;
use postern_config::judge::{Bounds, Simulate, Tool, ToolFault, WhoCan};
use serde::Deserialize;
use serde_json::Value;

use super::fields::{Asked, Fields};
use super::filters;
use super::filters::say;
use super::frame::{Frame, Here, Nav};
use super::reader::Reader;
use super::requests::{Judged, judged};
use crate::{Admin, Problem};

#[derive(askama::Template)]
#[template(path = "simulator.html")]
struct SimulatorPage<'p> {
    frame: Frame,
    form: &'p Fields,
    problem: Option<&'p Problem>,
    told: Option<Told>,
    operations: Vec<&'static str>,
    who_can: Option<String>,
    command: String,
}

/// What would be answered.
struct Told {
    decision: String,
    line: String,
    caller: Option<String>,
    answer: Option<(u64, String, String)>,
    checks: Vec<Judged>,
}

pub(crate) async fn simulate(
    State(admin): State<Admin>,
    reader: Reader,
    Asked(mut form): Asked,
) -> Response {
    let is_asked = form.is_on("operation");
    let told = match is_asked.then(|| question(&mut form)).flatten() {
        Some(asked) => Some(admin.judge.tool(Tool::Simulate(asked)).await),
        None => None,
    };
    let problem = told.as_ref().and_then(|it| it.as_ref().err());
    let problem = problem.cloned().map(refused);
    let told = told.and_then(Result::ok).map(|told| shown(&told));
    let status = problem.as_ref().map_or(StatusCode::OK, |it| it.status);
    let page = SimulatorPage {
        frame: reader.frame(Here {
            title: reader.say(say!("Simulator")).to_owned(),
            nav: Nav::Simulator,
            tenant: None,
            trail: Vec::new(),
        }),
        operations: s3_protocol::Operation::ALL
            .iter()
            .map(|it| it.name())
            .collect(),
        who_can: reader.link("/simulator/who-can", &[]),
        command: command(&form),
        form: &form,
        problem: problem.as_ref(),
        told,
    };
    reader.page(status, &page)
}

/// A question that has no answer is the form's fault, whatever is not there.
fn refused(fault: ToolFault) -> Problem {
    Problem {
        status: StatusCode::UNPROCESSABLE_ENTITY,
        ..Problem::from(fault)
    }
}

fn question(form: &mut Fields) -> Option<Simulate> {
    let headers: Option<Vec<(String, String)>> = form
        .text("headers")
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.trim().to_owned(), value.trim().to_owned()))
        })
        .collect();
    if headers.is_none() {
        form.fault("headers", "a header is a name, a colon, and a value");
    }
    let (key, from) = (form.may("key"), form.may("from"));
    let (operation, seconds) = (form.need("operation"), form.may("presigned"));
    Some(Simulate {
        access_key_id: key?,
        operation: operation?,
        target: form.text("target").to_owned(),
        from: from?,
        at: Some(form.text("at").to_owned()).filter(|it| !it.is_empty()),
        headers: headers?,
        tls: !form.is_on("plain"),
        presigned_seconds: seconds?,
        module: None,
    })
}

fn shown(told: &Value) -> Told {
    let text = |path: &str| {
        told.pointer(path)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let status = told.pointer("/answer/status").and_then(Value::as_u64);
    Told {
        decision: text("/decision").unwrap_or_default(),
        line: text("/request/line").unwrap_or_default(),
        caller: text("/request/caller"),
        answer: status.map(|status| {
            let code = text("/answer/code").unwrap_or_default();
            (status, code, text("/answer/message").unwrap_or_default())
        }),
        checks: judged(told),
    }
}

/// The same on the command line.
fn command(form: &Fields) -> String {
    let mut words = vec!["simulate"];
    match form.text("key") {
        "" => words.push("--anonymous"),
        key => words.extend(["--as", key]),
    }
    let or = |name: &str, usual: &'static str| {
        Some(form.text(name))
            .filter(|it| !it.is_empty())
            .unwrap_or(usual)
    };
    words.extend([
        "--do",
        or("operation", "GetObject"),
        or("target", "bucket/key"),
    ]);
    typed(words)
}

/// Words as a shell takes them: who typed them may have meant anything.
fn typed(words: Vec<&str>) -> String {
    let words = words.into_iter().map(str::trim);
    format!(
        "postern access {}",
        shlex::try_join(words).unwrap_or_default()
    )
}

#[derive(askama::Template)]
#[template(path = "who_can.html")]
struct WhoCanPage<'p> {
    frame: Frame,
    form: &'p Fields,
    problem: Option<&'p Problem>,
    found: Option<Found>,
    accounts: Vec<(String, String)>,
    command: String,
}

/// Who may.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Found {
    at: String,
    callers: u64,
    complete: bool,
    why_not: Vec<String>,
    buckets: Vec<FoundBucket>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FoundBucket {
    bucket: String,
    owner: Option<String>,
    who: Vec<Able>,
}

/// Somebody who may, and how.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Able {
    access_key_id: Option<String>,
    caller: Option<String>,
    level: Option<Level>,
    operations: Vec<How>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct How {
    operation: String,
    always: bool,
    ways: Vec<Way>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Way {
    conditions: Vec<Value>,
}

impl Way {
    fn text(&self) -> String {
        let words = self.conditions.iter().map(|it| match it {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        words.collect::<Vec<_>>().join(", ")
    }
}

pub(crate) async fn who_can(
    State(admin): State<Admin>,
    reader: Reader,
    Asked(mut form): Asked,
) -> Response {
    let is_asked = form.is_on("under");
    let found = match is_asked.then(|| whom(&mut form)).flatten() {
        Some(asked) => Some(admin.judge.tool(Tool::WhoCan(asked)).await),
        None => None,
    };
    let problem = found.as_ref().and_then(|it| it.as_ref().err());
    let problem = problem.cloned().map(refused);
    let found = found.and_then(Result::ok);
    let accounts = reader.state.tenants().map(|it| {
        let name = it.name.to_string();
        (name.clone(), name)
    });
    let page = WhoCanPage {
        frame: reader.frame(Here {
            title: reader.say(say!("Who can do this?")).to_owned(),
            nav: Nav::Simulator,
            tenant: None,
            trail: vec![(
                reader.say(say!("Simulator")).to_owned(),
                Some("/simulator".to_owned()),
            )],
        }),
        accounts: accounts.collect(),
        command: who_command(&form),
        form: &form,
        problem: problem.as_ref(),
        found: found.map(|it| serde_json::from_value(it).unwrap_or_default()),
    };
    let status = problem.as_ref().map_or(StatusCode::OK, |it| it.status);
    reader.page(status, &page)
}

fn who_command(form: &Fields) -> String {
    let or = |name: &str, usual: &'static str| {
        Some(form.text(name))
            .filter(|it| !it.is_empty())
            .unwrap_or(usual)
    };
    let mut words = vec![
        "who-can",
        or("action", "s3:GetObject"),
        or("under", "bucket/key"),
    ];
    for (flag, name) in [("--tenant", "tenant"), ("--user", "user")] {
        let value = form.text(name);
        if !value.is_empty() {
            words.extend([flag, value]);
        }
    }
    typed(words)
}

fn whom(form: &mut Fields) -> Option<WhoCan> {
    let (tenant, user) = (form.need("tenant"), form.may("user"));
    let (action, under) = (form.need("action"), form.need("under"));
    Some(WhoCan {
        tenant: tenant?,
        user: user?,
        action: action?,
        under: under?,
        at: Some(form.text("at").to_owned()).filter(|it| !it.is_empty()),
        bounds: Bounds::default(),
    })
}
