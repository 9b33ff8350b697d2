//! The other side: signing, for upstreams that want it, for tests and for load.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderMap, HeaderValue, Method};
use sha2::{Digest, Sha256};

use crate::canonical::{Canonical, Keep, PathStyle, encode};
use crate::chunked::Chain;
use crate::error::AuthError;
use crate::key::{Signature, SigningKey};
use crate::payload::{self, CONTENT_SHA256, PayloadMode};
use crate::presented::{AMZ_DATE, SECURITY_TOKEN};
use crate::scope::ALGORITHM;
use crate::time::Timestamp;
use crate::verify::sign_hash;

/// Who signs, and when.
#[derive(Debug, Clone, Copy)]
pub struct Signer<'a> {
    /// The access key id.
    pub access_key_id: &'a str,
    /// The key for the day of `time`, and for the region.
    pub key: &'a SigningKey,
    /// The time of signing.
    pub time: Timestamp,
    /// The session token, with temporary credentials.
    pub session_token: Option<&'a str>,
}

/// What is to be signed, beside the headers.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The method.
    pub method: &'a Method,
    /// The path as it will stand on the wire, percent-encoded.
    pub path: &'a str,
    /// The query as it will stand on the wire, without `?`; empty for none.
    pub query: &'a str,
}

/// Headers that are not signed: the way between two hops may change them.
const LEFT_OUT: [&str; 9] = [
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "expect",
    "te",
    "transfer-encoding",
    "user-agent",
    "x-amzn-trace-id",
];

impl Signer<'_> {
    /// Signs in the header: adds `x-amz-date`, `x-amz-content-sha256`, the session token and `authorization`.
    /// `headers` must have `host`; all of them are signed but those that hops change. Answers the signature, with
    /// which the chunks of a streaming payload begin.
    pub fn header(
        &self,
        target: Target<'_>,
        headers: &mut HeaderMap,
        payload: PayloadMode,
    ) -> Result<Signature, AuthError> {
        headers.remove(AUTHORIZATION);
        headers.insert(AMZ_DATE, value(&self.time.basic(), &AMZ_DATE)?);
        let payload = payload.to_text();
        headers.insert(CONTENT_SHA256, value(payload.as_bytes(), &CONTENT_SHA256)?);
        if let Some(token) = self.session_token {
            headers.insert(SECURITY_TOKEN, value(token.as_bytes(), &SECURITY_TOKEN)?);
        }
        let signed_headers = signed_headers(headers);
        let signature = self.sign(target, headers, &signed_headers, &payload)?;
        let hex = signature.to_hex();
        let authorization = format!(
            "{ALGORITHM} Credential={}/{},SignedHeaders={signed_headers},Signature={}",
            self.access_key_id,
            self.key.scope(),
            text(&hex),
        );
        headers.insert(
            AUTHORIZATION,
            value(authorization.as_bytes(), &AUTHORIZATION)?,
        );
        Ok(signature)
    }

    /// Signs a URL that is good for `expires` seconds, and answers its query. `headers` are those that whoever uses
    /// it must send, `host` among them.
    pub fn presigned(
        &self,
        target: Target<'_>,
        headers: &HeaderMap,
        expires: u64,
    ) -> Result<String, AuthError> {
        let signed_headers = signed_headers(headers);
        let mut query = target.query.to_owned();
        let credential = format!("{}/{}", self.access_key_id, self.key.scope());
        let (time, expires) = (self.time.to_string(), expires.to_string());
        let parameters = [
            ("X-Amz-Algorithm", ALGORITHM),
            ("X-Amz-Credential", &credential),
            ("X-Amz-Date", &time),
            ("X-Amz-Expires", &expires),
            ("X-Amz-SignedHeaders", &signed_headers),
        ];
        let token = self
            .session_token
            .map(|token| ("X-Amz-Security-Token", token));
        for (name, value) in parameters.into_iter().chain(token) {
            append_parameter(&mut query, name, value);
        }
        let target = Target {
            query: &query,
            ..target
        };
        // What a signed header says of the payload stands in the canonical request.
        let payload = match headers.get(CONTENT_SHA256) {
            Some(value) => value.to_str().map_err(|_| AuthError::PayloadMode)?,
            None => payload::UNSIGNED,
        };
        let signature = self.sign(target, headers, &signed_headers, payload)?;
        append_parameter(&mut query, "X-Amz-Signature", text(&signature.to_hex()));
        Ok(query)
    }

    /// The fields that sign a POST form, `policy` among them. The policy, in JSON, must have conditions for
    /// `x-amz-algorithm`, `x-amz-credential`, `x-amz-date` and, where there is one, the session token.
    pub fn form(&self, policy: &str) -> Vec<(&'static str, String)> {
        let policy = STANDARD.encode(policy);
        let signature = self.key.mac(&[policy.as_bytes()]).to_hex();
        let mut fields = vec![
            ("x-amz-algorithm", ALGORITHM.to_owned()),
            (
                "x-amz-credential",
                format!("{}/{}", self.access_key_id, self.key.scope()),
            ),
            ("x-amz-date", self.time.to_string()),
            ("x-amz-signature", text(&signature).to_owned()),
            ("policy", policy),
        ];
        fields.extend(
            self.session_token
                .map(|token| ("x-amz-security-token", token.to_owned())),
        );
        fields
    }

    fn sign(
        &self,
        target: Target<'_>,
        headers: &HeaderMap,
        signed_headers: &str,
        payload: &str,
    ) -> Result<Signature, AuthError> {
        let host = headers
            .get(HOST)
            .and_then(|host| host.to_str().ok())
            .ok_or(AuthError::MissingHeader { name: HOST })?;
        let hash = Canonical {
            method: target.method.as_str(),
            path: target.path,
            query: target.query,
            headers,
            host: (host, ""),
            signed_headers,
            payload,
            path_style: PathStyle::S3,
        }
        .hash()?;
        Ok(sign_hash(self.key, self.time, &hash))
    }
}

/// Frames and signs the chunks of a streaming payload, from the signature of the head on.
#[derive(Debug)]
pub struct ChunkSigner {
    chain: Chain,
}

impl ChunkSigner {
    /// Begins after the head, whose signature is `seed`.
    pub fn new(key: Arc<SigningKey>, time: Timestamp, seed: Signature) -> Self {
        Self {
            chain: Chain::new(key, time, seed),
        }
    }

    /// Appends a chunk. One without data would be the last: use [`last`](Self::last).
    pub fn chunk(&mut self, data: &[u8], out: &mut Vec<u8>) {
        if data.is_empty() {
            return;
        }
        self.open(data, out);
        out.extend_from_slice(data);
        out.extend_from_slice(b"\r\n");
    }

    /// Appends the last chunk, which has no data and no trailers.
    pub fn last(mut self, out: &mut Vec<u8>) {
        self.open(b"", out);
        out.extend_from_slice(b"\r\n");
    }

    /// Appends the last chunk, the trailers and their signature.
    pub fn last_with_trailers(mut self, trailers: &[(&str, &str)], out: &mut Vec<u8>) {
        self.open(b"", out);
        let mut canonical = Vec::new();
        for (name, value) in trailers {
            canonical.extend_from_slice(format!("{name}:{value}\n").as_bytes());
            out.extend_from_slice(format!("{name}:{value}\r\n").as_bytes());
        }
        out.extend_from_slice(b"x-amz-trailer-signature:");
        out.extend_from_slice(&self.chain.sign_trailer(&canonical).to_hex());
        out.extend_from_slice(b"\r\n\r\n");
    }

    fn open(&mut self, data: &[u8], out: &mut Vec<u8>) {
        let signature = self.chain.sign_chunk(&Sha256::digest(data).into());
        out.extend_from_slice(format!("{:x};chunk-signature=", data.len()).as_bytes());
        out.extend_from_slice(&signature.to_hex());
        out.extend_from_slice(b"\r\n");
    }
}

/// Frames `chunks` without signatures, and the trailers after them.
pub fn unsigned_chunks<'a>(
    chunks: impl IntoIterator<Item = &'a [u8]>,
    trailers: &[(&str, &str)],
) -> Vec<u8> {
    let mut out = Vec::new();
    for data in chunks.into_iter().filter(|data| !data.is_empty()) {
        out.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
        out.extend_from_slice(data);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n");
    for (name, value) in trailers {
        out.extend_from_slice(format!("{name}:{value}\r\n").as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// Percent-encodes the bytes of a path as S3 has it: once, with `/` left as it is.
pub fn encode_path(path: &[u8]) -> String {
    encoded(path, Keep::PATH)
}

/// Percent-encodes a name or a value of a query.
pub fn encode_query(text: &[u8]) -> String {
    encoded(text, Keep::QUERY)
}

fn encoded(plain: &[u8], keep: Keep) -> String {
    let mut out = Vec::with_capacity(plain.len());
    encode(plain, keep, &mut out);
    // Only ASCII is written.
    String::from_utf8(out).unwrap_or_default()
}

fn append_parameter(query: &mut String, name: &str, value: &str) {
    if !query.is_empty() {
        query.push('&');
    }
    query.push_str(name);
    query.push('=');
    query.push_str(&encode_query(value.as_bytes()));
}

fn signed_headers(headers: &HeaderMap) -> String {
    let mut names: Vec<&str> = headers
        .keys()
        .map(http::HeaderName::as_str)
        .filter(|name| !LEFT_OUT.contains(name))
        .collect();
    names.sort_unstable();
    names.join(";")
}

fn value(text: &[u8], name: &http::HeaderName) -> Result<HeaderValue, AuthError> {
    HeaderValue::from_bytes(text).map_err(|_| AuthError::MalformedHeader { name: name.clone() })
}

fn text(hex: &[u8; 64]) -> &str {
    // Hex digits are ASCII.
    std::str::from_utf8(hex).unwrap_or("")
}
