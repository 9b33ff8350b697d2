//! What would be answered to a request that might be: nothing is carried out, remembered or counted.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use postern_config::directory::AccessKeyId;
use postern_config::judge::{Simulate, ToolFault};
use s3_protocol::{Call, Operation, S3Error};
use serde_json::{Value, json};

use super::shapes::shape;
use super::{Candidate, explain};
use crate::journey::{Bench, Gate, Imagined, Refusal, Scene, checks_of, foresee, imagine};
use crate::world::{Caller, World};

/// What a URL's path escapes, but for `%`: what is escaped already stays.
const UNSAFE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'\\')
    .add(b'^')
    .add(b'|');

/// Judges a request that might be, with a candidate in the place of what is in force where one is given.
pub(super) fn simulate(
    gate: &Arc<Gate>,
    asked: &Simulate,
    candidate: Option<&Candidate>,
) -> Result<Value, ToolFault> {
    let world = gate.world();
    let now_ms = match &asked.at {
        Some(at) => moment(at, gate.clock.now_ms())?,
        None => gate.clock.now_ms(),
    };
    let (method, target) = line(asked)?;
    let caller = caller(gate, &world, asked.access_key_id, now_ms)?;
    let arn = caller.as_ref().map(|caller| caller.arn.clone());
    let imagined = Imagined {
        headers: headers(asked, &method, caller.is_some())?,
        caller,
        client: asked.from.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        tls: asked.tls,
        presigned: asked.presigned_seconds,
        now_ms,
        target: target.clone(),
        method: method.clone(),
    };
    let source_ip = imagined.client;
    let told = match imagine(gate, &world, imagined) {
        Err(error) => json!({ "decision": "refused", "answer": answer(&error), "checks": [] }),
        Ok(scene) => {
            is_meant(asked, &scene)?;
            let bench = Bench::new(gate, &world, &scene, now_ms).with(candidate);
            ruled(&bench)
        }
    };
    let mut told = told;
    if let Some(told) = told.as_object_mut() {
        let request = json!({
            "line": format!("{method} {target}"),
            "at_ms": now_ms,
            "caller": arn,
            "access_key_id": asked.access_key_id.map(|id| id.to_string()),
            "source_ip": source_ip.to_string(),
            "tls": asked.tls,
        });
        told.insert("request".to_owned(), request);
        told.insert("revision".to_owned(), json!(world.state.revision().0));
        let module = candidate
            .map(|it| json!({ "name": it.name, "digest": it.module.digest().to_string() }));
        told.insert("module".to_owned(), json!(module));
    }
    Ok(told)
}

fn ruled(bench: &Bench<'_>) -> Value {
    // First, so that what policies want to know of stored objects is known when they are explained.
    let foreseen = tokio::runtime::Handle::current().block_on(foresee(bench));
    let checks: Vec<Value> = checks_of(bench.scene.request())
        .iter()
        .map(|check| explain::check(bench, check))
        .collect();
    let operation = bench.scene.request().operation.name();
    match foreseen {
        Ok(()) => json!({ "decision": "allowed", "operation": operation, "checks": checks }),
        Err(refusal) => {
            let decision = match refusal {
                Refusal::Denied { .. } => "denied",
                Refusal::Undecided { .. } => "undecided",
                // Where a policy denies and the caller is not to learn it, the answer has another name.
                _ if checks.iter().any(|check| {
                    check.pointer("/plan/decision") == Some(&Value::from("denied"))
                }) =>
                {
                    "denied"
                }
                _ => "refused",
            };
            json!({
                "decision": decision, "operation": operation, "checks": checks,
                "answer": answer(&refusal.answer()),
            })
        }
    }
}

fn answer(error: &S3Error) -> Value {
    json!({
        "status": error.code.status(),
        "code": error.code.as_str(),
        "message": error.message,
    })
}

/// Who has this key, if all that stands above it is active then.
pub(super) fn caller(
    gate: &Gate,
    world: &World,
    id: Option<AccessKeyId>,
    now_ms: u64,
) -> Result<Option<Arc<Caller>>, ToolFault> {
    match id {
        None => Ok(None),
        Some(id) => match world.caller(&gate.library, &id, now_ms / 1_000) {
            Some(caller) => Ok(Some(caller)),
            None => Err(ToolFault::NotFound("access key that works")),
        },
    }
}

/// The request is the operation that was named, and its head says everything that it does.
fn is_meant(asked: &Simulate, scene: &Scene) -> Result<(), ToolFault> {
    let found = scene.request().operation;
    let meant = asked.operation.parse::<Operation>().ok();
    if let Some(meant) = meant.filter(|meant| *meant != found) {
        let hint = match meant {
            Operation::CopyObject | Operation::UploadPartCopy => {
                "; a copy names its source in the header x-amz-copy-source"
            }
            _ => "",
        };
        return Err(ToolFault::Malformed(format!(
            "this request is {found} and not {meant}{hint}"
        )));
    }
    match scene.request().call {
        Call::DeleteObjects(_) => Err(ToolFault::Malformed(
            "DeleteObjects is judged entry by entry, and its entries stand in its body: ask about DeleteObject on each key"
                .to_owned(),
        )),
        Call::PostObject => Err(ToolFault::Malformed(
            "the key of PostObject stands in its body: ask about PutObject on that key".to_owned(),
        )),
        _ => Ok(()),
    }
}

/// Method and target.
fn line(asked: &Simulate) -> Result<(Method, Uri), ToolFault> {
    let wrong = |why: String| ToolFault::Malformed(why);
    let given = asked.target.strip_prefix('/').unwrap_or(&asked.target);
    let (path, query) = given.split_once('?').unwrap_or((given, ""));
    let upper = asked.operation.to_ascii_uppercase();
    let verbs = ["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"];
    let (method, query) = if verbs.contains(&upper.as_str()) {
        (upper.as_str(), query.to_owned())
    } else {
        let operation: Operation = asked.operation.parse().map_err(|_| {
            wrong(format!(
                "`{}` is neither an operation of S3, such as GetObject, nor a method of HTTP, such as GET",
                asked.operation
            ))
        })?;
        let (method, own) = shape(operation).ok_or_else(|| {
            wrong(format!(
                "what {operation} does stands in its body, and this is about requests that their head describes"
            ))
        })?;
        (method, joined(own, query))
    };
    let method = Method::from_bytes(method.as_bytes()).map_err(|e| wrong(e.to_string()))?;
    let mut target = format!("/{}", escaped(path));
    if !query.is_empty() {
        target = format!("{target}?{}", utf8_percent_encode(&query, UNSAFE));
    }
    let target = target.parse().map_err(|cause| {
        wrong(format!(
            "`{}` is not the target of a request: {cause}",
            asked.target
        ))
    })?;
    Ok((method, target))
}

/// The parameters that make the operation, but for those that are given with a value of their own.
fn joined(own: &str, given: &str) -> String {
    let name = |parameter: &str| parameter.split('=').next().unwrap_or("").to_owned();
    let names: Vec<String> = given.split('&').map(name).collect();
    let own = own.split('&').filter(|own| !names.contains(&name(own)));
    let all: Vec<&str> = own.chain([given]).filter(|it| !it.is_empty()).collect();
    all.join("&")
}

/// The path with what a URL may not hold escaped. What is an escape already stays one.
fn escaped(path: &str) -> String {
    let mut out = String::new();
    let mut pieces = path.split('%');
    out.extend(
        pieces
            .next()
            .map(|first| utf8_percent_encode(first, UNSAFE).to_string()),
    );
    for piece in pieces {
        let hexadecimal = piece.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
        out.push_str(if hexadecimal { "%" } else { "%25" });
        out.push_str(&utf8_percent_encode(piece, UNSAFE).to_string());
    }
    out
}

/// The headers that are given, and those that every client sends.
fn headers(asked: &Simulate, method: &Method, signed: bool) -> Result<HeaderMap, ToolFault> {
    let mut headers = HeaderMap::new();
    for (name, value) in &asked.headers {
        let wrong = || ToolFault::Malformed(format!("`{name}: {value}` is not a header"));
        let name: HeaderName = name.parse().map_err(|_| wrong())?;
        let value: HeaderValue = value.parse().map_err(|_| wrong())?;
        headers.append(name, value);
    }
    let mut usual = |name: HeaderName, value: &'static str| {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    };
    usual(HOST, "localhost");
    if [Method::PUT, Method::POST].contains(method) {
        usual(CONTENT_LENGTH, "0");
    }
    if signed && asked.presigned_seconds.is_none() {
        usual(
            HeaderName::from_static("x-amz-content-sha256"),
            "UNSIGNED-PAYLOAD",
        );
    }
    Ok(headers)
}

/// `14:00`, today, or RFC 3339; in milliseconds since 1970.
fn moment(text: &str, now_ms: u64) -> Result<u64, ToolFault> {
    let wrong = || {
        ToolFault::Malformed(format!(
            "`{text}` is not a time: `14:00` (today, UTC) or `2026-01-31T14:00:00Z`"
        ))
    };
    let read = if let Ok(at) = text.parse::<Timestamp>() {
        at
    } else {
        let time: Time = text.parse().map_err(|_| wrong())?;
        let now = i64::try_from(now_ms).map_err(|_| wrong())?;
        let now = Timestamp::from_millisecond(now).map_err(|_| wrong())?;
        let today = now.to_zoned(TimeZone::UTC).date();
        let at = today.to_datetime(time).to_zoned(TimeZone::UTC);
        at.map_err(|_| wrong())?.timestamp()
    };
    u64::try_from(read.as_millisecond()).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use s3_protocol::host::Addressing;
    use s3_protocol::operation::Scope;
    use s3_protocol::parse::{Head, parse};

    use super::*;

    fn asked(operation: &str, target: &str) -> Simulate {
        let asked = json!({ "operation": operation, "target": target });
        serde_json::from_value(asked).unwrap()
    }

    #[test]
    fn every_operation_has_a_request_that_is_understood_as_it() {
        for operation in Operation::ALL {
            let Some(_) = shape(*operation) else { continue };
            let target = match operation.scope() {
                Scope::Service => "",
                Scope::Bucket => "bucket",
                Scope::Object => "bucket/a key",
            };
            let mut asked = asked(operation.name(), target);
            if matches!(operation, Operation::CopyObject | Operation::UploadPartCopy) {
                asked.headers = vec![("x-amz-copy-source".into(), "/bucket/other".into())];
            }
            if *operation == Operation::GetObjectAttributes {
                asked.headers = vec![("x-amz-object-attributes".into(), "ETag".into())];
            }
            if *operation == Operation::RenameObject {
                asked.headers = vec![("x-amz-rename-source".into(), "/bucket/other".into())];
            }
            let (method, uri) = line(&asked).unwrap();
            let headers = headers(&asked, &method, true).unwrap();
            let found = parse(Head {
                method: &method,
                path: uri.path().as_bytes(),
                query: uri.query().unwrap_or_default().as_bytes(),
                headers: &headers,
                addressing: &Addressing::PATH,
            });
            assert_eq!(found.map(|it| it.operation).as_ref(), Ok(operation));
        }
    }

    #[test]
    fn a_target_is_escaped_where_it_is_not_yet() {
        let target =
            |operation: &str, target: &str| line(&asked(operation, target)).unwrap().1.to_string();
        assert_eq!(target("GET", "b/a key"), "/b/a%20key");
        assert_eq!(target("get", "/b/a%20key%3F"), "/b/a%20key%3F");
        assert_eq!(target("GET", "b/100%"), "/b/100%25");
        assert_eq!(target("GET", "b/k?acl"), "/b/k?acl");
        assert_eq!(
            target("ListObjectsV2", "b?prefix=logs/"),
            "/b?list-type=2&prefix=logs/"
        );
        let part = "b/k?uploadId=ffffffffffffffffffffffffffffffff";
        assert!(
            target("UploadPart", part)
                .ends_with("?partNumber=1&uploadId=ffffffffffffffffffffffffffffffff")
        );
        assert!(line(&asked("Frobnicate", "b")).is_err());
    }

    #[test]
    fn a_moment_is_today_or_any_other() {
        let day = 24 * 60 * 60 * 1_000;
        assert_eq!(
            moment("14:00", 3 * day + 5).unwrap(),
            3 * day + 14 * 60 * 60 * 1_000
        );
        assert_eq!(moment("1970-01-02T00:00:01Z", 0).unwrap(), day + 1_000);
        assert!(moment("noon", 0).is_err() && moment("1969-01-01T00:00:00Z", 0).is_err());
    }
}
