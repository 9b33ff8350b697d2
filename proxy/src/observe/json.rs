//! An entry as a line of JSON, under the names that AWS uses for the same fields in CloudWatch Logs.
//! Source: S3 User Guide, "Log format in CloudWatch Logs". Ours stand in the object `postern`.

use std::borrow::Cow;
use std::io::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use http::HeaderValue;
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
    object.known("schema_version_id", "V_1_0");
    let bucket = record.text(record.bucket);
    object.with("bucket_arn", bucket, |bucket, out| {
        escape::json_of(&["arn:aws:s3:::", bucket], out)
    });
    object.optional("bucket_name", bucket);
    object.raw("request_time", |out| time(record.opened_ms, out));
    object.optional("bucket_owner_id", record.text(record.owner));
    object.raw("remote_ip", |out| address(record.client, out));
    object.optional("requester", record.text(record.requester));
    object.known("request_id", record.id.as_str());
    object.with("operation", record.operation, |operation, out| {
        let (resource, method) = resource(operation);
        let method = method.unwrap_or(record.method.as_str());
        escape::json_of(&["REST.", method, ".", resource], out);
    });
    object.optional("key_name", record.text(record.key));
    object.raw("request_uri", |out| {
        let target = escape::target(&record.uri);
        let version = escape::version(record.version);
        escape::json_of(&[record.method.as_str(), " ", &target, " ", version], out);
    });
    object.with(
        "http_status",
        (record.status != 0).then_some(record.status),
        number,
    );
    object.with("error_code", record.code.map(S3Code::as_str), known);
    object.raw("bytes_sent", |out| number(record.sent, out));
    object.with("object_size", record.object_bytes, number);
    object.raw("total_time", |out| number(total.as_millis(), out));
    object.with(
        "turn_around_time",
        record.turn_around.map(|time| time.as_millis()),
        number,
    );
    object.optional("referrer", header(&record.referrer).as_deref());
    object.optional("user_agent", header(&record.user_agent).as_deref());
    object.with("version_id", record.version_id, |version, out| {
        written(write!(out, "\"{version}\""))
    });
    object.text("host_id", &place.host_id);
    object.with("signature_version", record.signed.map(|_| "SigV4"), known);
    object.with("cipher_suite", record.tls.map(|(_, cipher)| cipher), known);
    object.with(
        "authentication_type",
        record.signed.map(Signed::name),
        known,
    );
    object.optional("host_header", header(&record.host).as_deref());
    object.with("tls_version", record.tls.map(|(version, _)| version), known);
    object.text("source_region", &place.region);
    object.raw("postern", |out| ours(record, total, out));
    object.out.extend_from_slice(b"}\n");
}

fn ours(record: &Record, total: Duration, out: &mut Vec<u8>) {
    let mut object = Object { out, first: true };
    object.out.push(b'{');
    object.known("outcome", record.outcome().name());
    object.with("operation", record.operation.map(Operation::name), known);
    object.optional("access_key_id", record.text(record.access_key));
    object.with("decision", record.decision, known);
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
        object.raw("socket_ip", |out| address(record.socket, out));
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

    /// A text of our own, which never needs to be escaped.
    fn known(&mut self, name: &str, text: &str) {
        self.raw(name, |out| known(text, out));
    }

    fn optional(&mut self, name: &str, text: Option<&str>) {
        self.with(name, text, escape::json);
    }
}

fn known(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

fn header(value: &Option<HeaderValue>) -> Option<Cow<'_, str>> {
    value.as_ref().map(escape::header)
}

fn number(number: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn address(address: IpAddr, out: &mut Vec<u8>) {
    out.push(b'"');
    match address {
        // The formatter of the standard library pads, and takes ten times as long.
        IpAddr::V4(address) => {
            for (place, octet) in address.octets().into_iter().enumerate() {
                if place > 0 {
                    out.push(b'.');
                }
                number(octet, out);
            }
        }
        IpAddr::V6(address) => written(write!(out, "{address}")),
    }
    out.push(b'"');
}

fn time(ms: u64, out: &mut Vec<u8>) {
    let at = i64::try_from(ms)
        .ok()
        .and_then(|ms| Timestamp::from_millisecond(ms).ok())
        .unwrap_or_default();
    let at = at.to_zoned(TimeZone::UTC).datetime();
    out.push(b'"');
    let fields: [(u16, u16, u8); 7] = [
        (at.year().unsigned_abs(), 1_000, b'-'),
        (at.month().unsigned_abs().into(), 10, b'-'),
        (at.day().unsigned_abs().into(), 10, b'T'),
        (at.hour().unsigned_abs().into(), 10, b':'),
        (at.minute().unsigned_abs().into(), 10, b':'),
        (at.second().unsigned_abs().into(), 10, b'.'),
        (at.millisecond().unsigned_abs(), 100, b'Z'),
    ];
    for (value, highest, after) in fields {
        digits(value, highest, out);
        out.push(after);
    }
    out.push(b'"');
}

/// Writes the decimal digits of `value` from that of `highest` (a power of ten) down.
fn digits(value: u16, mut highest: u16, out: &mut Vec<u8>) {
    while highest > 0 {
        let digit = u8::try_from(value / highest % 10).unwrap_or(0);
        out.push(b'0' + digit);
        highest /= 10;
    }
}
