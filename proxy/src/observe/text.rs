//! An entry in the text format of S3's server access logs, which existing tools read.
//! Source: S3 User Guide, "Amazon S3 server access log format". The last field, the source region, is in the samples of the
//! documentation; access points and `acl_required` do not exist here and are always `-`.

use std::io::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3_protocol::S3Code;

use super::Place;
use super::entry::{Record, Signed};
use super::escape::{self, written};
use super::resource::resource;

/// What of a key is written as it is.
const KEY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Writes the line with its line break.
pub(super) fn write(record: &Record, total: Duration, place: &Place, out: &mut Vec<u8>) {
    field(record.text(record.owner), out);
    field(record.text(record.bucket), out);
    time(record.opened_ms, out);
    written(write!(out, "{} ", record.client));
    field(record.text(record.requester), out);
    written(write!(out, "{} ", record.id));
    match record.operation {
        Some(operation) => {
            let (resource, method) = resource(operation);
            written(write!(
                out,
                "REST.{}.{resource} ",
                method.unwrap_or(record.method.as_str())
            ));
        }
        None => field(None, out),
    }
    match record.text(record.key) {
        Some(key) => written(write!(out, "{} ", utf8_percent_encode(key, KEY))),
        None => field(None, out),
    }
    quoted(
        Some(&format!(
            "{} {} {:?}",
            record.method,
            escape::target(&record.uri),
            record.version
        )),
        out,
    );
    number((record.status != 0).then_some(record.status), out);
    field(record.code.map(S3Code::as_str), out);
    number((record.sent != 0).then_some(record.sent), out);
    number(record.object_bytes, out);
    number(Some(total.as_millis()), out);
    number(record.turn_around.map(|time| time.as_millis()), out);
    let header =
        |value: &Option<http::HeaderValue>| value.as_ref().map(|v| escape::header(v).into_owned());
    quoted(header(&record.referrer).as_deref(), out);
    quoted(header(&record.user_agent).as_deref(), out);
    number(record.version_id, out);
    field(Some(&place.host_id), out);
    field(record.signed.map(|_| "SigV4"), out);
    field(record.tls.map(|(_, cipher)| cipher), out);
    field(record.signed.map(Signed::name), out);
    field(header(&record.host).as_deref(), out);
    field(record.tls.map(|(version, _)| version), out);
    out.extend_from_slice(b"- - ");
    field(Some(&place.region), out);
    out.pop();
    out.push(b'\n');
}

fn field(text: Option<&str>, out: &mut Vec<u8>) {
    match text {
        Some(text) if !text.is_empty() => escape::field(text, false, out),
        _ => out.push(b'-'),
    }
    out.push(b' ');
}

fn quoted(text: Option<&str>, out: &mut Vec<u8>) {
    out.push(b'"');
    match text {
        Some(text) if !text.is_empty() => escape::field(text, true, out),
        _ => out.push(b'-'),
    }
    out.extend_from_slice(b"\" ");
}

fn number(number: Option<impl std::fmt::Display>, out: &mut Vec<u8>) {
    match number {
        Some(number) => written(write!(out, "{number} ")),
        None => field(None, out),
    }
}

fn time(ms: u64, out: &mut Vec<u8>) {
    let at = i64::try_from(ms)
        .ok()
        .and_then(|ms| Timestamp::from_millisecond(ms).ok())
        .unwrap_or_default();
    let at = at.to_zoned(TimeZone::UTC).datetime();
    let month = usize::try_from(at.month() - 1)
        .ok()
        .and_then(|month| MONTHS.get(month))
        .unwrap_or(&"-");
    written(write!(
        out,
        "[{:02}/{month}/{:04}:{:02}:{:02}:{:02} +0000] ",
        at.day(),
        at.year(),
        at.hour(),
        at.minute(),
        at.second(),
    ));
}
