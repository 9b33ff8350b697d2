//! How a check is written down: a line of JSON. The first line of a file names the attributes that its lines know by number, so that
//! one that a later version adds is known to be missing, and not taken for absent.
//!
//! `i` request, `t` milliseconds since 1970, `k` access key, `b` number of the bucket, `o` operation, `d` decision,
//! `f` attributes that are present (number, value, number, value, …), `g` tags that the request sets, `x` numbers of attributes
//! that are not written down.

use std::io::Write as _;

use policy_wasm::facts::{Fact, Value, Values};
use policy_wasm::registry::{Attribute, Name};
use serde_json::json;

use super::Judged;
use crate::limits::RECORDED_VALUE_BYTES_MAX;

/// The format.
pub(super) const FORMAT: &str = "postern-record/1";

/// Everything that is written down: all attributes without a parameter. Of those with one the tags that a request sets are, because
/// only their names are known from another attribute.
pub(super) fn attributes() -> Box<[Attribute]> {
    Name::ALL
        .iter()
        .filter_map(|name| Attribute::plain(*name))
        .collect()
}

/// The first line of a file.
pub(super) fn head(attributes: &[Attribute]) -> Vec<u8> {
    let names: Vec<String> = attributes.iter().map(ToString::to_string).collect();
    let mut line = json!({ "format": FORMAT, "attributes": names }).to_string();
    line.push('\n');
    line.into_bytes()
}

/// Writes a line with its line break. It cannot fail: memory is written to.
pub(super) fn write(judged: &Judged<'_>, attributes: &[Attribute], out: &mut Vec<u8>) {
    let (id, at) = (judged.request, judged.now_ms);
    drop(write!(out, "{{\"i\":\"{id}\",\"t\":{at}"));
    if let Some(key) = judged.key {
        drop(write!(out, ",\"k\":\"{}\"", key.as_str()));
    }
    if let Some(bucket) = judged.bucket {
        drop(write!(out, ",\"b\":\"{bucket}\""));
    }
    let (operation, decision) = (judged.operation.name(), judged.decision.as_str());
    drop(write!(
        out,
        ",\"o\":\"{operation}\",\"d\":\"{decision}\",\"f\":["
    ));
    let mut missing: Vec<usize> = Vec::new();
    let mut first = true;
    for (place, attribute) in attributes.iter().enumerate() {
        match judged.facts.get(attribute) {
            Fact::Absent => {}
            Fact::Present(values) if shows(attribute, &values) => {
                let comma = if std::mem::take(&mut first) { "" } else { "," };
                drop(write!(out, "{comma}{place},"));
                write_values(values, out);
            }
            Fact::Present(_) | Fact::NotFetched => missing.push(place),
        }
    }
    out.push(b']');
    tags(judged, out);
    if !missing.is_empty() {
        drop(write!(out, ",\"x\":{missing:?}"));
    }
    out.extend_from_slice(b"}\n");
}

/// Whether the values may be written down, and can be: short texts of UTF-8.
fn shows(attribute: &Attribute, values: &Values<'_>) -> bool {
    let secrecy = attribute.entry().secrecy;
    let mut bytes = 0_usize;
    values.iter().all(|value| match value {
        Value::Text(text) => {
            bytes = bytes.saturating_add(text.len());
            bytes <= RECORDED_VALUE_BYTES_MAX
                && secrecy.shows(text)
                && std::str::from_utf8(text).is_ok()
        }
        Value::Number(_)
        | Value::Time(_)
        | Value::Bool(_)
        | Value::Address(_)
        | Value::Network(_) => true,
    })
}

fn write_values(values: Values<'_>, out: &mut Vec<u8>) {
    if let Values::One(value) = values {
        return write_value(value, out);
    }
    out.push(b'[');
    for (place, value) in values.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write_value(value, out);
    }
    out.push(b']');
}

fn write_value(value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Text(text) => {
            let text = String::from_utf8_lossy(text);
            drop(serde_json::to_writer(out, &*text));
        }
        Value::Number(number) | Value::Time(number) => drop(write!(out, "{number}")),
        Value::Bool(truth) => drop(write!(out, "{truth}")),
        Value::Address(address) => drop(write!(out, "\"{address}\"")),
        Value::Network(network) => drop(write!(out, "\"{network}\"")),
    }
}

/// The tags that the request sets, by their names.
fn tags(judged: &Judged<'_>, out: &mut Vec<u8>) {
    let Some(keys) = Attribute::plain(Name::RequestObjectTagKeys) else {
        return;
    };
    let Fact::Present(keys) = judged.facts.get(&keys) else {
        return;
    };
    out.extend_from_slice(b",\"g\":{");
    let mut first = true;
    for key in keys.iter() {
        let Value::Text(key) = key else { continue };
        let key = String::from_utf8_lossy(key);
        let Some(tag) = Attribute::with_parameter(Name::RequestObjectTag, &key) else {
            continue;
        };
        if let Fact::Present(Values::One(value)) = judged.facts.get(&tag) {
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            drop(serde_json::to_writer(&mut *out, &*key));
            out.push(b':');
            write_value(value, out);
        }
    }
    out.push(b'}');
}
