//! An entry as a line of JSON, under the names that AWS uses for the same fields in CloudWatch Logs.
//! Source: S3 User Guide, "Log format in CloudWatch Logs". Ours stand in the object `postern`.

use std::io::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use s3_protocol::{Operation, S3Code};

use super::Place;
use super::entry::{Record, Signed};
use super::escape::{self, written};
use super::resource::resource;

/// Writes the line with its line break.
pub(super) fn write(record: &Record, total: Duration, place: &Place, out: &mut Vec<u8>) {
    let mut object = Object { out, first: true };
    object.out.push(b'{');
    object.text("schema_version_id", "V_1_0");
    let bucket = record.text(record.bucket);
    object.with("bucket_arn", bucket, |bucket, out| {
        escape::json(&format!("arn:aws:s3:::{bucket}"), out)
    });
    object.optional("bucket_name", bucket);
    object.raw("request_time", |out| time(record.opened_ms, out));
    object.optional("bucket_owner_id", record.text(record.owner));
    object.raw("remote_ip", |out| {
        written(write!(out, "\"{}\"", record.client))
    });
    object.optional("requester", record.text(record.requester));
    object.text("request_id", record.id.as_str());
    object.with("operation", record.operation, |operation, out| {
        let (resource, method) = resource(operation);
        escape::json(
            &format!(
                "REST.{}.{resource}",
                method.unwrap_or(record.method.as_str())
            ),
            out,
        );
    });
    object.optional("key_name", record.text(record.key));
    object.raw("request_uri", |out| {
        escape::json(
            &format!(
                "{} {} {:?}",
                record.method,
                escape::target(&record.uri),
                record.version
            ),
            out,
        );
    });
    object.with(
        "http_status",
        (record.status != 0).then_some(record.status),
        number,
    );
    object.optional("error_code", record.code.map(S3Code::as_str));
    object.raw("bytes_sent", |out| number(record.sent, out));
    object.with("object_size", record.object_bytes, number);
    object.raw("total_time", |out| number(total.as_millis(), out));
    object.with(
        "turn_around_time",
        record.turn_around.map(|time| time.as_millis()),
        number,
    );
    let header =
        |value: &Option<http::HeaderValue>| value.as_ref().map(|v| escape::header(v).into_owned());
    object.optional("referrer", header(&record.referrer).as_deref());
    object.optional("user_agent", header(&record.user_agent).as_deref());
    object.with("version_id", record.version_id, |version, out| {
        written(write!(out, "\"{version}\""))
    });
    object.text("host_id", &place.host_id);
    object.optional("signature_version", record.signed.map(|_| "SigV4"));
    object.optional("cipher_suite", record.tls.map(|(_, cipher)| cipher));
    object.optional("authentication_type", record.signed.map(Signed::name));
    object.optional("host_header", header(&record.host).as_deref());
    object.optional("tls_version", record.tls.map(|(version, _)| version));
    object.text("source_region", &place.region);
    object.raw("postern", |out| ours(record, total, out));
    object.out.extend_from_slice(b"}\n");
}

fn ours(record: &Record, total: Duration, out: &mut Vec<u8>) {
    let mut object = Object { out, first: true };
    object.out.push(b'{');
    object.text("outcome", record.outcome().name());
    object.optional("operation", record.operation.map(Operation::name));
    object.optional("access_key_id", record.text(record.access_key));
    object.optional("decision", record.decision);
    object.optional("layer", record.text(record.layer));
    object.optional("reason", record.text(record.reason));
    object.with("modules", record.modules.as_deref(), |modules, out| {
        out.push(b'[');
        for (number, module) in modules
            .split(' ')
            .filter(|module| !module.is_empty())
            .enumerate()
        {
            if number > 0 {
                out.push(b',');
            }
            escape::json(module, out);
        }
        out.push(b']');
    });
    object.raw("bytes_received", |out| number(record.received, out));
    object.raw("total_us", |out| number(total.as_micros(), out));
    object.with(
        "turn_around_us",
        record.turn_around.map(|time| time.as_micros()),
        number,
    );
    if record.socket != record.client {
        object.raw("socket_ip", |out| {
            written(write!(out, "\"{}\"", record.socket))
        });
    }
    object.out.push(b'}');
}

/// An object that is being written.
struct Object<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl Object<'_> {
    /// A field whose value `write` writes.
    fn raw(&mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        write(self.out);
    }

    /// A field that is null where there is nothing.
    fn with<T>(&mut self, name: &str, value: Option<T>, write: impl FnOnce(T, &mut Vec<u8>)) {
        self.raw(name, |out| match value {
            Some(value) => write(value, out),
            None => out.extend_from_slice(b"null"),
        });
    }

    fn text(&mut self, name: &str, text: &str) {
        self.raw(name, |out| escape::json(text, out));
    }

    fn optional(&mut self, name: &str, text: Option<&str>) {
        self.with(name, text, escape::json);
    }
}

fn number(number: impl std::fmt::Display, out: &mut Vec<u8>) {
    written(write!(out, "{number}"));
}

fn time(ms: u64, out: &mut Vec<u8>) {
    let at = i64::try_from(ms)
        .ok()
        .and_then(|ms| Timestamp::from_millisecond(ms).ok())
        .unwrap_or_default();
    let at = at.to_zoned(TimeZone::UTC).datetime();
    written(write!(
        out,
        "\"{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z\"",
        at.year(),
        at.month(),
        at.day(),
        at.hour(),
        at.minute(),
        at.second(),
        at.millisecond(),
    ));
}
