//! AWS Signature Version 4, written from its description and sharing no code with the gate: what both sides agree on
//! is the protocol. Source: S3 API Reference, "Authenticating Requests (AWS Signature Version 4)".

use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// The digest of no bytes.
pub const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// SHA-256 in lower-case hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

/// The clock, in seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock after 1970")
        .as_secs()
}

/// `20260102T030405Z`.
pub fn stamp(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Source: Howard Hinnant, "chrono-compatible low-level date algorithms", civil_from_days.
    let z = days + 719_468;
    let (era, doe) = (z / 146_097, z % 146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// Percent-encodes all but the unreserved bytes; `/` stays when `is_path`.
pub fn encode(text: &[u8], is_path: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for &byte in text {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            b'/' if is_path => out.push('/'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Takes percent-encoding away; what is no encoding stays as it is.
fn decode(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let digits = after
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if *first == b'%' => {
                out.push(byte);
                rest = &after[2..];
            }
            _ => {
                out.push(*first);
                rest = after;
            }
        }
    }
    out
}

/// Who signs, for which day, region and service.
#[derive(Clone, Debug)]
pub struct Signer {
    /// The access key id.
    pub id: String,
    /// The secret.
    pub secret: String,
    /// The region of the scope.
    pub region: String,
    /// The service of the scope.
    pub service: String,
    /// The time, in seconds since 1970.
    pub time: u64,
    /// The algorithm's label.
    pub algorithm: String,
}

impl Signer {
    /// Signs now, for S3.
    pub fn new(id: &str, secret: &str, region: &str) -> Self {
        Self {
            id: id.to_owned(),
            secret: secret.to_owned(),
            region: region.to_owned(),
            service: "s3".to_owned(),
            time: now(),
            algorithm: "AWS4-HMAC-SHA256".to_owned(),
        }
    }

    /// The time as signatures carry it.
    pub fn stamp(&self) -> String {
        stamp(self.time)
    }

    /// `date/region/service/aws4_request`.
    pub fn scope(&self) -> String {
        let stamp = self.stamp();
        format!(
            "{}/{}/{}/aws4_request",
            &stamp[..8],
            self.region,
            self.service
        )
    }

    fn key(&self) -> Vec<u8> {
        let stamp = self.stamp();
        let date = hmac(
            format!("AWS4{}", self.secret).as_bytes(),
            &stamp.as_bytes()[..8],
        );
        let region = hmac(&date, self.region.as_bytes());
        let service = hmac(&region, self.service.as_bytes());
        hmac(&service, b"aws4_request")
    }

    /// The signature over a text.
    pub fn sign(&self, text: &str) -> String {
        hex::encode(hmac(&self.key(), text.as_bytes()))
    }

    /// The signature over a request. `headers` are those to be signed, names in lower case, in any order.
    pub fn request(
        &self,
        method: &str,
        path: &str,
        query: &str,
        headers: &[(String, String)],
        payload: &str,
    ) -> String {
        let mut headers = headers.to_vec();
        headers.sort_by(|one, other| one.0.cmp(&other.0));
        let lines: String = headers
            .iter()
            .map(|(name, value)| {
                let folded: Vec<&str> = value.split_ascii_whitespace().collect();
                format!("{name}:{}\n", folded.join(" "))
            })
            .collect();
        let names = names(&headers);
        // S3 decodes a path and encodes it once: a slash that was escaped is a slash, a bare plus is a plus.
        let path = encode(&decode(path), true);
        let canonical = format!(
            "{method}\n{path}\n{}\n{lines}\n{names}\n{payload}",
            sorted(query)
        );
        let text = format!(
            "{}\n{}\n{}\n{}",
            self.algorithm,
            self.stamp(),
            self.scope(),
            sha256(canonical.as_bytes())
        );
        self.sign(&text)
    }

    /// The value of the `Authorization` header.
    pub fn authorization(&self, headers: &[(String, String)], signature: &str) -> String {
        format!(
            "{} Credential={}/{}, SignedHeaders={}, Signature={signature}",
            self.algorithm,
            self.id,
            self.scope(),
            names(headers)
        )
    }
}

/// The names of headers as `SignedHeaders` carries them.
pub fn names(headers: &[(String, String)]) -> String {
    let mut names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.join(";")
}

/// A query in canonical order; a name without `=` gets one.
fn sorted(query: &str) -> String {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let mut pairs: Vec<String> = pairs
        .map(|pair| {
            if pair.contains('=') {
                pair.to_owned()
            } else {
                format!("{pair}=")
            }
        })
        .collect();
    pairs.sort_by(|one, other| one.split_once('=').cmp(&other.split_once('=')));
    pairs.join("&")
}

/// The body of an upload that is signed chunk by chunk; `seed` is the signature of the head.
#[derive(Clone, Debug)]
pub struct Chunks<'a> {
    /// Who signs.
    pub signer: &'a Signer,
    /// The signature of the head.
    pub seed: String,
    /// Bytes in each chunk.
    pub size: usize,
    /// A trailer's name and value, signed too.
    pub trailer: Option<(&'a str, String)>,
}

impl Chunks<'_> {
    /// Frames and signs `body`.
    pub fn frame(&self, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(body.len() + 256);
        let mut last = self.seed.clone();
        for chunk in body.chunks(self.size).chain([&[][..]]) {
            last = self.link(&last, chunk);
            out.extend(format!("{:x};chunk-signature={last}\r\n", chunk.len()).into_bytes());
            out.extend_from_slice(chunk);
            // The last chunk's own line end comes after the trailers.
            if !chunk.is_empty() {
                out.extend_from_slice(b"\r\n");
            }
        }
        if let Some((name, value)) = &self.trailer {
            let text = format!(
                "AWS4-HMAC-SHA256-TRAILER\n{}\n{}\n{last}\n{}",
                self.signer.stamp(),
                self.signer.scope(),
                sha256(format!("{name}:{value}\n").as_bytes())
            );
            let signature = self.signer.sign(&text);
            out.extend(format!("{name}:{value}\r\n").into_bytes());
            out.extend(format!("x-amz-trailer-signature:{signature}\r\n").into_bytes());
        }
        out.extend_from_slice(b"\r\n");
        out
    }

    fn link(&self, last: &str, chunk: &[u8]) -> String {
        let text = format!(
            "AWS4-HMAC-SHA256-PAYLOAD\n{}\n{}\n{last}\n{EMPTY_SHA256}\n{}",
            self.signer.stamp(),
            self.signer.scope(),
            sha256(chunk)
        );
        self.signer.sign(&text)
    }
}

/// The body of an upload in chunks without signatures, with a trailer.
pub fn frame_unsigned(body: &[u8], size: usize, trailer: Option<(&str, &str)>) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 256);
    for chunk in body.chunks(size) {
        out.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n");
    if let Some((name, value)) = trailer {
        out.extend(format!("{name}:{value}\r\n").into_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    // Source: S3 API Reference, "Signature Calculations for the Authorization Header", the GET example.
    #[test]
    fn the_published_example_is_signed_as_published() {
        let mut signer = Signer::new(
            "AKIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "us-east-1",
        );
        signer.time = 1_369_353_600;
        assert_eq!(signer.stamp(), "20130524T000000Z");
        let headers = [
            ("host", "examplebucket.s3.amazonaws.com"),
            ("range", "bytes=0-9"),
            ("x-amz-content-sha256", EMPTY_SHA256),
            ("x-amz-date", "20130524T000000Z"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let signature = signer.request("GET", "/test.txt", "", &headers, EMPTY_SHA256);
        assert_eq!(
            signature,
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
    }

    // Source: the same chapter, "Signature Calculations for the Authorization Header: Transferring Payload in
    // Multiple Chunks".
    #[test]
    fn the_published_chunks_are_signed_as_published() {
        let mut signer = Signer::new(
            "AKIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "us-east-1",
        );
        signer.time = 1_369_353_600;
        let seed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
        let chunks = Chunks {
            signer: &signer,
            seed: seed.to_owned(),
            size: 65_536,
            trailer: None,
        };
        let framed = chunks.frame(&[b'a'; 66_560]);
        let text = String::from_utf8(framed).unwrap();
        for wanted in [
            "10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
            "400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
            "0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
        ] {
            assert!(text.contains(wanted), "{wanted}");
        }
    }
}
