//! What is in a bucket, asked at the gate under the access key that a person has given: the operations of S3 that pages need.

use std::sync::Arc;

use bytes::Bytes;
use http::{Extensions, HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use postern_config::objects::HeldKey;
use s3_protocol::S3Error;
use s3_protocol::date::parse_http;
use s3_protocol::percent::{encode_key, encode_value};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::object_lists::{Found, Listing, Version, Versions};
use crate::{Admin, Problem};

/// Who asks for what is in a bucket, and from where.
#[derive(Debug)]
pub(crate) struct Visitor {
    pub(crate) admin: Admin,
    pub(crate) key: Arc<HeldKey>,
    /// Those of the request by which he asks.
    pub(crate) extensions: Extensions,
    pub(crate) bucket: String,
    /// The key's own namespace is another than the bucket's: to it the name means another bucket, or none.
    pub(crate) is_astray: bool,
}

/// An object, or a version of one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At<'a> {
    pub(crate) key: &'a str,
    /// None: the latest.
    pub(crate) version: Option<&'a str>,
}

/// What is known of an object without reading it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) size: u64,
    pub(crate) kind: String,
    pub(crate) etag: String,
    /// In seconds since 1970.
    pub(crate) modified: u64,
    pub(crate) class: String,
    pub(crate) encryption: String,
    /// Whether somebody holds it for law's sake; none: nobody ever said.
    pub(crate) is_held: Option<bool>,
    /// How it is retained, and until when.
    pub(crate) retained: Option<(String, String)>,
}

impl Visitor {
    /// What is in the bucket under a prefix.
    pub(crate) async fn list(&self, listing: &Listing) -> Result<Found, Problem> {
        let answer = self
            .ask(Method::GET, (None, &listing.query()), no_body())
            .await?;
        listing.read(&text(&answer))
    }

    /// The versions of an object, the latest first, as many as a page shows.
    pub(crate) async fn versions(&self, key: &str) -> Result<Vec<Version>, Problem> {
        let query = Versions::query(key);
        let answer = self.ask(Method::GET, (None, &query), no_body()).await?;
        Versions::read(&text(&answer), key)
    }

    /// What is known of an object.
    pub(crate) async fn facts(&self, at: At<'_>) -> Result<Facts, Problem> {
        let query = at.query("");
        let answer = self
            .ask(Method::HEAD, (Some(at.key), &query), no_body())
            .await?;
        let of = |name: &str| {
            let value = answer.headers().get(name).and_then(|it| it.to_str().ok());
            value.map(str::to_owned)
        };
        let held = of("x-amz-object-lock-legal-hold");
        Ok(Facts {
            size: of("content-length")
                .and_then(|it| it.parse().ok())
                .unwrap_or_default(),
            kind: of("content-type").unwrap_or_default(),
            etag: of("etag").unwrap_or_default().trim_matches('"').to_owned(),
            modified: of("last-modified").map_or(0, |it| seconds(parse_http(&it))),
            class: of("x-amz-storage-class").unwrap_or_else(|| "STANDARD".to_owned()),
            encryption: of("x-amz-server-side-encryption").unwrap_or_default(),
            is_held: held.map(|it| it == "ON"),
            retained: of("x-amz-object-lock-mode").zip(of("x-amz-object-lock-retain-until-date")),
        })
    }

    /// Writes an object whole.
    pub(crate) async fn put(&self, key: &str, kind: &str, bytes: Bytes) -> Result<(), Problem> {
        let asked = self.ask(Method::PUT, (Some(key), ""), (typed(kind), bytes));
        asked.await.map(|_| ())
    }

    /// Begins an object that comes in parts, and answers what it is known by.
    pub(crate) async fn begin(&self, key: &str, kind: &str) -> Result<String, Problem> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Begun {
            upload_id: String,
        }
        let asked = self.ask(
            Method::POST,
            (Some(key), "uploads="),
            (typed(kind), Bytes::new()),
        );
        Ok(document::<Begun>(&text(&asked.await?))?.upload_id)
    }

    /// Writes a part of it.
    pub(crate) async fn part(
        &self,
        (key, upload): (&str, &str),
        number: u32,
        bytes: Bytes,
    ) -> Result<(), Problem> {
        let query = format!("partNumber={number}&uploadId={}", encode_value(upload));
        let asked = self.ask(Method::PUT, (Some(key), &query), (HeaderMap::new(), bytes));
        asked.await.map(|_| ())
    }

    /// Makes an object of the parts that are there: all that were sent.
    pub(crate) async fn finish(&self, key: &str, upload: &str) -> Result<(), Problem> {
        let mut parts = String::new();
        let mut marker = Some("0".to_owned());
        while let Some(after) = marker {
            let query = format!(
                "part-number-marker={}&uploadId={}",
                encode_value(&after),
                encode_value(upload)
            );
            let answer = self
                .ask(Method::GET, (Some(key), &query), no_body())
                .await?;
            let page: Parts = document(&text(&answer))?;
            for part in page.part {
                // An entity tag has no letter that XML minds but its quotes, and those are left out.
                let etag = part.etag.trim_matches('"');
                let number = part.part_number;
                parts.push_str(&format!(
                    "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
                ));
            }
            marker = page.next_part_number_marker.filter(|_| page.is_truncated);
        }
        let body = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
        let query = format!("uploadId={}", encode_value(upload));
        let asked = self.ask(
            Method::POST,
            (Some(key), &query),
            (HeaderMap::new(), body.into()),
        );
        // It is answered before it is done: what goes wrong afterwards stands in the body.
        let answer = asked.await?;
        match fault(StatusCode::INTERNAL_SERVER_ERROR, &text(&answer)) {
            Some(problem) => Err(problem),
            None => Ok(()),
        }
    }

    /// Gives up an object of which some parts may be there.
    pub(crate) async fn give_up(&self, key: &str, upload: &str) -> Result<(), Problem> {
        let query = format!("uploadId={}", encode_value(upload));
        let asked = self.ask(Method::DELETE, (Some(key), &query), no_body());
        asked.await.map(|_| ())
    }

    /// Deletes an object: where versions are kept, a marker hides them, unless one is named.
    pub(crate) async fn delete(&self, at: At<'_>) -> Result<(), Problem> {
        let query = at.query("");
        let asked = self.ask(Method::DELETE, (Some(at.key), &query), no_body());
        asked.await.map(|_| ())
    }

    /// Sets or lifts the legal hold of an object.
    pub(crate) async fn hold(&self, at: At<'_>, is_held: bool) -> Result<(), Problem> {
        let status = if is_held { "ON" } else { "OFF" };
        let body = format!("<LegalHold><Status>{status}</Status></LegalHold>");
        let query = at.query("legal-hold=");
        let asked = self.ask(
            Method::PUT,
            (Some(at.key), &query),
            (HeaderMap::new(), body.into()),
        );
        asked.await.map(|_| ())
    }

    /// An address under which anybody may read an object for so many seconds, as long as the key may.
    pub(crate) fn address(
        &self,
        at: At<'_>,
        seconds: u64,
        is_saved: bool,
    ) -> Result<String, Problem> {
        let mut query = at.query("");
        if is_saved {
            let name = at.key.rsplit('/').next().unwrap_or_default();
            let saved = format!("attachment; filename*=UTF-8''{}", encode_value(name));
            let and = if query.is_empty() { "" } else { "&" };
            query.push_str(&format!(
                "{and}response-content-disposition={}",
                encode_value(&saved)
            ));
        }
        let path = self.path(Some(at.key), &query)?;
        let address = self
            .admin
            .objects
            .address(&self.key, (&Method::GET, &path), seconds);
        address.map_err(|error| refused(StatusCode::FORBIDDEN, &error))
    }

    fn path(&self, key: Option<&str>, query: &str) -> Result<String, Problem> {
        if self.is_astray {
            let detail = format!(
                "this access key has a namespace of its own, where {} is another bucket or none; use a key of the bucket's owner",
                self.bucket
            );
            return Err(Problem::new(StatusCode::FORBIDDEN, "key-elsewhere", detail));
        }
        let key = key.map_or_else(String::new, |key| format!("/{}", encode_key(key)));
        let mark = if query.is_empty() { "" } else { "?" };
        Ok(format!("/{}{key}{mark}{query}", self.bucket))
    }

    /// The answer, where it is no refusal.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: (Option<&str>, &str),
        with: (HeaderMap, Bytes),
    ) -> Result<Response<Bytes>, Problem> {
        let answer = self.send(method, path, with).await?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        Err(self.refusal(&answer))
    }

    /// The answer, whatever it says.
    pub(super) async fn send(
        &self,
        method: Method,
        (key, query): (Option<&str>, &str),
        (headers, body): (HeaderMap, Bytes),
    ) -> Result<Response<Bytes>, Problem> {
        let uri = self.path(key, query)?.parse();
        let uri = uri.map_err(|_| Problem::malformed("this key is too long"))?;
        let mut asked = Request::new(body);
        *asked.method_mut() = method;
        *asked.uri_mut() = uri;
        *asked.headers_mut() = headers;
        *asked.extensions_mut() = self.extensions.clone();
        let agent = HeaderValue::from_static(AGENT);
        asked.headers_mut().insert(header::USER_AGENT, agent);
        let answer = self.admin.objects.ask(&self.key, asked).await;
        answer.map_err(|error| refused(StatusCode::BAD_GATEWAY, &error))
    }

    pub(super) fn refusal(&self, answer: &Response<Bytes>) -> Problem {
        let status = answer.status();
        fault(status, &text(answer)).unwrap_or_else(|| {
            // An answer to HEAD has no body that says why.
            let why = match status {
                StatusCode::NOT_FOUND => "there is no such object".to_owned(),
                StatusCode::FORBIDDEN => format!("the access key {} may not do this", self.key.id),
                _ => format!("the gate answers {status}"),
            };
            Problem::new(status, CODE, why)
        })
    }
}

/// The program that asks, in the access log.
const AGENT: &str = concat!("postern-console/", env!("CARGO_PKG_VERSION"));
/// The code of a problem that is the gate's answer.
pub(super) const CODE: &str = "objects";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parts {
    #[serde(default)]
    part: Vec<Part>,
    #[serde(default)]
    is_truncated: bool,
    next_part_number_marker: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Part {
    part_number: u32,
    #[serde(rename = "ETag")]
    etag: String,
}

impl At<'_> {
    /// The query of an operation on it.
    fn query(self, operation: &str) -> String {
        match (self.version, operation) {
            (None, operation) => operation.to_owned(),
            (Some(version), "") => format!("versionId={}", encode_value(version)),
            (Some(version), operation) => {
                format!("{operation}&versionId={}", encode_value(version))
            }
        }
    }
}

/// A moment as far as it is one after 1970.
pub(super) fn seconds(found: Option<i64>) -> u64 {
    found
        .and_then(|it| u64::try_from(it).ok())
        .unwrap_or_default()
}

fn no_body() -> (HeaderMap, Bytes) {
    (HeaderMap::new(), Bytes::new())
}

/// A content type, if it is one.
fn typed(kind: &str) -> HeaderMap {
    let kind = Some(kind).filter(|it| !it.is_empty());
    let kind = kind.and_then(|it| HeaderValue::from_str(it).ok());
    let named = kind.map(|it| (header::CONTENT_TYPE, it));
    named.into_iter().collect()
}

pub(super) fn text(answer: &Response<Bytes>) -> String {
    String::from_utf8_lossy(answer.body()).into_owned()
}

/// A document of the gate.
pub(super) fn document<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    quick_xml::de::from_str(text).map_err(|error| {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "an answer of the gate is not read"
        );
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the gate's answer cannot be read",
        )
    })
}

/// What the gate says went wrong.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Fault {
    code: String,
    message: String,
}

/// The code of what went wrong, if an answer tells of it.
pub(super) fn fault_code(text: &str) -> Option<String> {
    let fault: Fault = quick_xml::de::from_str(text).ok()?;
    Some(fault.code)
}

/// What the gate says went wrong, if it does.
fn fault(status: StatusCode, text: &str) -> Option<Problem> {
    let fault: Fault = quick_xml::de::from_str(text).ok()?;
    let message = fault.message.trim_end_matches('.');
    Some(Problem::new(
        status,
        CODE,
        format!("{}: {message}", fault.code),
    ))
}

fn refused(status: StatusCode, error: &S3Error) -> Problem {
    Problem::new(status, CODE, error.message.trim_end_matches('.').to_owned())
}
