//! Why a request was answered as it was.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;

use super::fields::Asked;
use super::filters;
use super::filters::say;
use super::frame::{Frame, Here, Nav};
use super::links::filled;
use super::reader::Reader;
use super::visit::see;
use crate::api::asked::At;
use crate::api::explained;
use crate::{Admin, Problem};

/// What the layers say to one check of a request.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Judged {
    pub(crate) operation: String,
    pub(crate) action: Option<String>,
    pub(crate) resource: String,
    pub(crate) bucket_exists: bool,
    pub(crate) plan: PlanShown,
    change: Value,
}

/// What a plan says, and why.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PlanShown {
    pub(crate) decision: String,
    pub(crate) why: String,
    pub(crate) layers: Vec<LayerShown>,
}

/// What a layer says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct LayerShown {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) said: String,
    pub(crate) statements: Vec<String>,
    pub(crate) obligations: Vec<String>,
    pub(crate) decides: bool,
    pub(crate) asked: Option<Vec<AnswerShown>>,
}

/// A question with its answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AnswerShown {
    pub(crate) question: String,
    pub(crate) answer: String,
}

impl Judged {
    /// How it ends, in the words of AWS: what nothing allows is denied without a statement that says so, and a limit that allows too little
    /// says nothing.
    pub(crate) fn ruling(&self) -> &'static str {
        let mut deciding = self.plan.layers.iter().filter(|layer| layer.decides);
        let is_said = deciding.any(|layer| layer.said == "deny");
        match (self.plan.decision.as_str(), is_said) {
            ("allowed", _) => say!("Allowed"),
            ("denied", true) => say!("Denied by a statement"),
            ("denied", false) => say!("Denied: nothing allows it"),
            _ => say!("Undecided"),
        }
    }

    /// The smallest change that would allow it, a sentence for each answer; or why none is told.
    pub(crate) fn way_out(&self) -> Vec<String> {
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let changes = self
            .change
            .pointer("/change/changes")
            .and_then(Value::as_array);
        let why = || self.change.get("why").into_iter().map(text).collect();
        changes.map_or_else(why, |all| all.iter().map(text).collect())
    }
}

/// The checks of an answer of the judge. What it could not judge says so.
pub(crate) fn judged(told: &Value) -> Vec<Judged> {
    let checks = told.get("checks").and_then(Value::as_array);
    let checks = checks.into_iter().flatten();
    checks
        .map(|check| serde_json::from_value(check.clone()).unwrap_or_default())
        .collect()
}

#[derive(askama::Template)]
#[template(path = "requests.html")]
struct RequestsPage {
    frame: Frame,
}

fn here(reader: &Reader, is_below: bool) -> Here<'static> {
    let title = reader.say(say!("Why was a request refused?")).to_owned();
    let all = (title.clone(), Some("/requests".to_owned()));
    Here {
        title,
        nav: Nav::Requests,
        tenant: None,
        trail: if is_below { vec![all] } else { Vec::new() },
    }
}

/// Asks which request.
pub(crate) async fn find(reader: Reader, Asked(form): Asked) -> Response {
    let id = form.text("id");
    if !id.is_empty() {
        return see(&filled("/requests/{id}", &[("id", id)]));
    }
    let page = RequestsPage {
        frame: reader.frame(here(&reader, false)),
    };
    reader.shows(&page)
}

#[derive(askama::Template)]
#[template(path = "request.html")]
struct RequestPage {
    frame: Frame,
    id: String,
    at: Option<u64>,
    pairs: Vec<(&'static str, String)>,
    checks: Vec<Judged>,
    simulate: Option<String>,
    command: String,
}

pub(crate) async fn show(
    State(admin): State<Admin>,
    reader: Reader,
    At(id): At<String>,
) -> Result<Response, Problem> {
    let told = explained(&admin, &id).await?;
    let text = |name: &str| told.get(name).and_then(Value::as_str).map(str::to_owned);
    let pairs = [
        (say!("Operation"), text("operation")),
        (say!("Caller"), text("caller")),
        (say!("Access key"), text("access_key_id")),
        (say!("Address"), text("source_ip")),
        (
            say!("Revision"),
            told.get("revision").map(ToString::to_string),
        ),
    ];
    let checks = judged(&told);
    let simulate = reader.link("/simulator", &[]).map(|path| {
        let resource = checks.first().map_or("", |it| it.resource.as_str());
        let target = resource.strip_prefix("arn:aws:s3:::").unwrap_or_default();
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("operation", &text("operation").unwrap_or_default())
            .append_pair("key", &text("access_key_id").unwrap_or_default())
            .append_pair("from", &text("source_ip").unwrap_or_default())
            .append_pair("target", target)
            .finish();
        format!("{path}?{query}")
    });
    let page = RequestPage {
        frame: reader.frame(Here {
            title: reader.say(say!("Request {}")).replacen("{}", &id, 1),
            ..here(&reader, true)
        }),
        at: told.get("at_ms").and_then(Value::as_u64),
        pairs: pairs
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect(),
        command: format!("postern explain {id}"),
        simulate,
        checks,
        id,
    };
    Ok(reader.shows(&page))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_no_statement_denies_is_said_to_be_allowed_by_none() {
        for (decision, layers, ruling) in [
            ("allowed", json!([]), "Allowed"),
            ("denied", json!([]), "Denied: nothing allows it"),
            (
                "denied",
                json!([{ "decides": true, "said": "no opinion" }]),
                "Denied: nothing allows it",
            ),
            (
                "denied",
                json!([{ "said": "allow" }, { "decides": true, "said": "deny" }]),
                "Denied by a statement",
            ),
            ("undecided", json!([{ "decides": true }]), "Undecided"),
        ] {
            let check = json!({ "plan": { "decision": decision, "layers": layers } });
            let check: Judged = serde_json::from_value(check).unwrap();
            assert_eq!(check.ruling(), ruling, "{layers}");
        }
    }
}
