//! A request under construction: what to ask, how to sign it, and how to spoil it.

use base64::Engine;

use crate::gate::{Gate, Key};
use crate::sign::{self, Chunks, EMPTY_SHA256, Signer};
use crate::wire::Answer;

/// How the body is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// Its SHA-256 is signed.
    Signed,
    /// `UNSIGNED-PAYLOAD`.
    Unsigned,
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD`, chunks of this size.
    Chunked(usize),
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER`: chunk size, trailer's name and value.
    ChunkedTrailer(usize, &'static str, String),
    /// `STREAMING-UNSIGNED-PAYLOAD-TRAILER`: chunk size, trailer's name and value.
    UnsignedTrailer(usize, &'static str, String),
    /// The header says this, the body goes as it is.
    Literal(String),
}

/// A request.
#[derive(Clone, Debug)]
pub struct Call {
    method: String,
    path: String,
    query: String,
    host: Option<String>,
    headers: Vec<(String, String)>,
    unsigned: Vec<(String, String)>,
    body: Vec<u8>,
    payload: Payload,
    has_length: bool,
}

/// A request ready to be sent: its head line by line, and its body.
#[derive(Clone, Debug)]
pub struct Raw {
    /// The request line, then a line for each header.
    pub lines: Vec<String>,
    /// The body as it goes over the wire.
    pub body: Vec<u8>,
}

impl Call {
    /// A call of `method` on a path that is already encoded, with or without `?query`.
    pub fn new(method: &str, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            host: None,
            headers: Vec::new(),
            unsigned: Vec::new(),
            body: Vec::new(),
            payload: Payload::Signed,
            has_length: true,
        }
    }

    /// A GET.
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// A HEAD.
    pub fn head(target: &str) -> Self {
        Self::new("HEAD", target)
    }

    /// A DELETE.
    pub fn delete(target: &str) -> Self {
        Self::new("DELETE", target)
    }

    /// A PUT with a body.
    pub fn put(target: &str, body: &[u8]) -> Self {
        Self::new("PUT", target).body(body)
    }

    /// A POST with a body.
    pub fn post(target: &str, body: &[u8]) -> Self {
        Self::new("POST", target).body(body)
    }

    /// Adds a header that is signed.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a header that is sent and not signed.
    #[must_use]
    pub fn with_unsigned(mut self, name: &str, value: &str) -> Self {
        self.unsigned.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self
    }

    /// The body as it stands.
    pub fn content(&self) -> &[u8] {
        &self.body
    }

    /// Sets how the body is protected.
    #[must_use]
    pub fn payload(mut self, payload: Payload) -> Self {
        self.payload = payload;
        self
    }

    /// Addresses another host than the gate's.
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        self.host = Some(host.to_owned());
        self
    }

    /// Sends the body in HTTP's own chunks, without Content-Length.
    #[must_use]
    pub fn without_length(mut self) -> Self {
        self.has_length = false;
        self
    }

    /// Signs in the header, and makes the bytes.
    pub fn sign(&self, signer: &Signer, host: &str) -> Raw {
        let host = self.host.as_deref().unwrap_or(host);
        let digest = self.digest();
        let mut signed = vec![
            ("host".to_owned(), host.to_owned()),
            ("x-amz-content-sha256".to_owned(), digest.clone()),
            ("x-amz-date".to_owned(), signer.stamp()),
        ];
        match &self.payload {
            Payload::Chunked(_) | Payload::ChunkedTrailer(..) | Payload::UnsignedTrailer(..) => {
                signed.push((
                    "x-amz-decoded-content-length".to_owned(),
                    self.body.len().to_string(),
                ));
                if !self
                    .headers
                    .iter()
                    .any(|(name, _)| name == "content-encoding")
                {
                    signed.push(("content-encoding".to_owned(), "aws-chunked".to_owned()));
                }
            }
            Payload::Signed | Payload::Unsigned | Payload::Literal(_) => {}
        }
        if let Payload::ChunkedTrailer(_, name, _) | Payload::UnsignedTrailer(_, name, _) =
            &self.payload
        {
            signed.push(("x-amz-trailer".to_owned(), (*name).to_owned()));
        }
        signed.extend(self.headers.iter().cloned());
        let lower: Vec<(String, String)> = signed
            .iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
            .collect();
        let signature = signer.request(&self.method, &self.path, &self.query, &lower, &digest);
        let body = self.framed(signer, &signature);
        let authorization = signer.authorization(&lower, &signature);
        self.raw(signed, Some(authorization), body)
    }

    /// Signs in the query, for `seconds`; the path and query of the URL.
    pub fn presign(&self, signer: &Signer, host: &str, seconds: &str) -> String {
        let host = self.host.as_deref().unwrap_or(host);
        let mut signed = vec![("host".to_owned(), host.to_owned())];
        signed.extend(self.headers.iter().cloned());
        let mut query = format!(
            "X-Amz-Algorithm={}&X-Amz-Credential={}&X-Amz-Date={}&X-Amz-Expires={seconds}\
             &X-Amz-SignedHeaders={}",
            signer.algorithm,
            sign::encode(
                format!("{}/{}", signer.id, signer.scope()).as_bytes(),
                false
            ),
            signer.stamp(),
            sign::encode(sign::names(&signed).as_bytes(), false),
        );
        if !self.query.is_empty() {
            query = format!("{}&{query}", self.query);
        }
        let signature = signer.request(
            &self.method,
            &self.path,
            &query,
            &signed,
            "UNSIGNED-PAYLOAD",
        );
        format!("{}?{query}&X-Amz-Signature={signature}", self.path)
    }

    /// The bytes without any signature.
    pub fn anonymous(&self, host: &str) -> Raw {
        let host = self.host.as_deref().unwrap_or(host);
        let mut headers = vec![("host".to_owned(), host.to_owned())];
        headers.extend(self.headers.iter().cloned());
        self.raw(headers, None, self.body.clone())
    }

    /// Signs with `key` and sends it over a connection of its own.
    #[track_caller]
    pub fn send(&self, gate: &Gate, key: &Key) -> Answer {
        self.sign(&signer(gate, key), gate.host()).send(gate)
    }

    fn raw(&self, headers: Vec<(String, String)>, auth: Option<String>, body: Vec<u8>) -> Raw {
        let query = if self.query.is_empty() { "" } else { "?" };
        let mut lines = vec![format!(
            "{} {}{query}{} HTTP/1.1",
            self.method, self.path, self.query
        )];
        let all = headers.iter().chain(&self.unsigned);
        lines.extend(all.map(|(name, value)| format!("{name}: {value}")));
        lines.extend(auth.map(|value| format!("authorization: {value}")));
        let carries = matches!(self.method.as_str(), "PUT" | "POST") || !body.is_empty();
        if !self.has_length {
            lines.push("transfer-encoding: chunked".to_owned());
            return Raw {
                lines,
                body: sign::frame_unsigned(&body, 1_000, None),
            };
        }
        let has_own = lines.iter().any(|line| line.starts_with("content-length:"));
        if carries && !has_own {
            lines.push(format!("content-length: {}", body.len()));
        }
        Raw { lines, body }
    }

    fn digest(&self) -> String {
        match &self.payload {
            Payload::Signed if self.body.is_empty() => EMPTY_SHA256.to_owned(),
            Payload::Signed => sign::sha256(&self.body),
            Payload::Unsigned => "UNSIGNED-PAYLOAD".to_owned(),
            Payload::Chunked(_) => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD".to_owned(),
            Payload::ChunkedTrailer(..) => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER".to_owned(),
            Payload::UnsignedTrailer(..) => "STREAMING-UNSIGNED-PAYLOAD-TRAILER".to_owned(),
            Payload::Literal(text) => text.clone(),
        }
    }

    fn framed(&self, signer: &Signer, seed: &str) -> Vec<u8> {
        let chunks = |size, trailer| Chunks {
            signer,
            seed: seed.to_owned(),
            size,
            trailer,
        };
        match &self.payload {
            Payload::Signed | Payload::Unsigned | Payload::Literal(_) => self.body.clone(),
            Payload::Chunked(size) => chunks(*size, None).frame(&self.body),
            Payload::ChunkedTrailer(size, name, value) => {
                chunks(*size, Some((*name, value.clone()))).frame(&self.body)
            }
            Payload::UnsignedTrailer(size, name, value) => {
                sign::frame_unsigned(&self.body, *size, Some((name, value)))
            }
        }
    }
}

impl Raw {
    /// The bytes of the head, then the body.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.lines.join("\r\n").into_bytes();
        bytes.extend_from_slice(b"\r\n\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// Sends it over a connection of its own.
    #[track_caller]
    pub fn send(&self, gate: &Gate) -> Answer {
        let answer = gate.wire().ask(&self.bytes());
        answer.unwrap_or_else(|error| panic!("no answer to {}: {error}", self.lines[0]))
    }

    /// Puts `line` in place of the header `name`.
    #[must_use]
    pub fn replace(mut self, name: &str, line: &str) -> Self {
        let prefix = format!("{name}:");
        let found = self
            .lines
            .iter_mut()
            .find(|line| line.to_ascii_lowercase().starts_with(&prefix));
        *found.unwrap_or_else(|| panic!("no header `{name}`")) = line.to_owned();
        self
    }

    /// Takes the header `name` away.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        let prefix = format!("{name}:");
        self.lines
            .retain(|line| !line.to_ascii_lowercase().starts_with(&prefix));
        self
    }

    /// Adds a line.
    #[must_use]
    pub fn line(mut self, line: &str) -> Self {
        self.lines.push(line.to_owned());
        self
    }

    /// Changes the text of the first line that holds `from`.
    #[must_use]
    pub fn edit(mut self, from: &str, to: &str) -> Self {
        let found = self.lines.iter_mut().find(|line| line.contains(from));
        let line = found.unwrap_or_else(|| panic!("no line has `{from}`"));
        *line = line.replacen(from, to, 1);
        self
    }
}

/// A signer for `key` at this gate.
pub fn signer(gate: &Gate, key: &Key) -> Signer {
    Signer::new(
        &key.access_key_id,
        &key.secret_access_key,
        &gate.dev().region,
    )
}

/// CRC-32 as `x-amz-checksum-crc32` carries it.
pub fn crc32(body: &[u8]) -> String {
    let value = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32IsoHdlc, body);
    let value = u32::try_from(value).expect("32 bits");
    base64::engine::general_purpose::STANDARD.encode(value.to_be_bytes())
}
