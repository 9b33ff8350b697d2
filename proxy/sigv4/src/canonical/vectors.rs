//! The published vectors of the generic rules, run through the canonicaliser of S3 with the path rule as a
//! parameter: what S3 has in common with them must be the same, what it has not must not.

use std::fs;
use std::path::{Path, PathBuf};

use http::HeaderName;

use super::*;
use crate::authorization::Authorization;
use crate::key::{SecretKey, Signature, SigningKey};
use crate::presigned::QueryCredential;
use crate::time::Timestamp;
use crate::verify::sign_hash;
use crate::{Expectation, Head, Presented};

/// Writes a path as services other than S3 have it: normalised if so wished, then encoded as it is, so that `%`
/// becomes `%25`.
pub(super) fn write_generic_path(path: &str, normalize: bool, out: &mut impl Out) {
    let path = if normalize {
        normalized(path)
    } else {
        path.to_owned()
    };
    encode(path.as_bytes(), Keep::PATH, out);
}

fn normalized(path: &str) -> String {
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            other => segments.push(other),
        }
    }
    let end = if path.ends_with('/') && !segments.is_empty() {
        "/"
    } else {
        ""
    };
    format!("/{}{end}", segments.join("/"))
}

/// A request in one of the suites.
struct Request {
    method: String,
    target: String,
    /// Nothing where a value cannot be one: a folded line.
    headers: Option<HeaderMap>,
    body: String,
}

impl Request {
    fn parse(text: &str) -> Self {
        let text = text.replace("\r\n", "\n");
        let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
        let (line, fields) = head.split_once('\n').unwrap_or((head, ""));
        let (method, target) = line.split_once(' ').unwrap();
        let target = target.strip_suffix(" HTTP/1.1").unwrap_or(target);
        let mut lines: Vec<String> = Vec::new();
        for line in fields.lines().filter(|line| !line.is_empty()) {
            match lines.last_mut() {
                Some(last) if line.starts_with(' ') => *last = format!("{last}\n{line}"),
                _ => lines.push(line.to_owned()),
            }
        }
        let headers = lines.iter().map(|line| {
            let (name, value) = line.split_once(':').unwrap();
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            Some((name, HeaderValue::from_bytes(value.trim().as_bytes()).ok()?))
        });
        let headers = headers.collect::<Option<Vec<_>>>().map(|list| {
            let mut map = HeaderMap::new();
            for (name, value) in list {
                map.append(name, value);
            }
            map
        });
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers,
            body: body.to_owned(),
        }
    }

    fn path_and_query(&self) -> (&str, &str) {
        self.target.split_once('?').unwrap_or((&self.target, ""))
    }

    fn head<'a>(&'a self, method: &'a http::Method) -> Head<'a> {
        let (path, query) = self.path_and_query();
        let query = (!query.is_empty()).then_some(query);
        Head {
            method,
            path,
            query,
            authority: None,
            headers: self.headers.as_ref().unwrap(),
        }
    }
}

/// A vector: a signed request, its canonical request and its signature.
struct Vector {
    name: String,
    request: Request,
    canonical: String,
    signature: Option<String>,
    normalize: bool,
    /// The token is added after signing.
    token_not_signed: bool,
}

impl Vector {
    /// Canonicalises the request; answers the text and its signature.
    fn run(&self, path_style: PathStyle) -> (String, Signature) {
        let request = &self.request;
        let headers = request.headers.as_ref().unwrap();
        let (path, query) = request.path_and_query();
        let mut query = query.to_owned();
        let credential = QueryCredential::find(&query).unwrap();
        let (signed_headers, time) = if let Some(credential) = credential {
            let presigned = credential.read().unwrap();
            (presigned.signed_headers.into_owned(), presigned.time)
        } else {
            let value = headers.get(http::header::AUTHORIZATION).unwrap();
            let time = headers.get("x-amz-date").unwrap().to_str().unwrap();
            let signed = Authorization::parse(value)
                .unwrap()
                .signed_headers
                .to_owned();
            (signed, Timestamp::parse(time).unwrap())
        };
        if self.token_not_signed {
            let kept = query
                .split('&')
                .filter(|pair| !pair.starts_with("X-Amz-Security-Token"));
            query = kept.collect::<Vec<_>>().join("&");
        }
        let canonical = Canonical {
            method: &request.method,
            path,
            query: &query,
            headers,
            host: (headers.get(HOST).unwrap().to_str().unwrap(), ""),
            signed_headers: &signed_headers,
            payload: &hex::encode(Sha256::digest(&request.body)),
            path_style,
        };
        let mut text = Vec::new();
        canonical.write(&mut text).unwrap();
        let hash = canonical.hash().unwrap();
        assert_eq!(
            hash,
            <[u8; 32]>::from(Sha256::digest(&text)),
            "{}: the hash is that of the text",
            self.name
        );
        (
            String::from_utf8(text).unwrap(),
            sign_hash(&key(), time, &hash),
        )
    }
}

fn key() -> SigningKey {
    let secret = SecretKey::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned()).unwrap();
    let date = Timestamp::parse("20150830T123600Z").unwrap().date();
    SigningKey::for_service(&secret, date, "us-east-1", "service")
}

/// The vectors' folder. The tests run in the folder of the package.
fn folder(name: &str) -> PathBuf {
    std::env::current_dir()
        .unwrap()
        .join("tests/vectors")
        .join(name)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap().replace("\r\n", "\n")
}

fn cases(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths.into_iter().filter(|path| path.is_dir()).collect()
}

/// The newer suite: 38 cases, each in the header and in the query.
fn suite_of_aws() -> Vec<Vector> {
    let mut vectors = Vec::new();
    for case in cases(&folder("aws-signing-test-suite/v4")) {
        let Ok(context) = fs::read_to_string(case.join("context.json")) else {
            continue;
        };
        let context: serde_json::Value = serde_json::from_str(&context).unwrap();
        for kind in ["header", "query"] {
            let file = |name: &str| read(&case.join(format!("{kind}-{name}.txt")));
            vectors.push(Vector {
                name: format!("{} {kind}", case.file_name().unwrap().display()),
                request: Request::parse(&file("signed-request")),
                canonical: file("canonical-request"),
                signature: Some(file("signature").trim().to_owned()),
                normalize: context["normalize"].as_bool().unwrap(),
                token_not_signed: context["omit_session_token"].as_bool().unwrap_or(false),
            });
        }
    }
    vectors
}

/// The older suite: 34 cases in the header.
fn suite_of_botocore() -> Vec<Vector> {
    let root = folder("botocore-aws4_testsuite");
    let nested = ["normalize-path", "post-sts-token"];
    let mut folders = cases(&root);
    folders.retain(|path| !nested.iter().any(|name| path.ends_with(name)));
    folders.extend(nested.iter().flat_map(|name| cases(&root.join(name))));
    let vector = |case: &PathBuf| {
        let name = case.file_name().unwrap().to_str().unwrap();
        let file = |kind: &str| read(&case.join(format!("{name}.{kind}")));
        Vector {
            name: name.to_owned(),
            request: Request::parse(&file("sreq")),
            canonical: file("creq"),
            signature: file("authz")
                .split_once("Signature=")
                .map(|(_, hex)| hex.trim().to_owned()),
            normalize: true,
            token_not_signed: false,
        }
    };
    folders.iter().map(vector).collect()
}

fn all() -> Vec<Vector> {
    suite_of_aws()
        .into_iter()
        .chain(suite_of_botocore())
        .collect()
}

#[test]
fn every_vector_has_its_canonical_request_and_signature_under_the_generic_rule() {
    let (mut run, mut folded) = (0, 0);
    for vector in all() {
        if vector.request.headers.is_none() {
            folded += 1;
            continue;
        }
        let (text, signature) = vector.run(PathStyle::Generic {
            normalize: vector.normalize,
        });
        assert_eq!(text, vector.canonical, "{}", vector.name);
        let hex = String::from_utf8(signature.to_hex().to_vec()).unwrap();
        assert_eq!(Some(hex), vector.signature, "{}", vector.name);
        run += 1;
    }
    // One in each suite, twice in the newer one, has a folded line.
    assert_eq!((run, folded), (107, 3));
}

#[test]
fn a_folded_header_line_is_no_value_at_all() {
    let folded = all()
        .into_iter()
        .filter(|vector| vector.request.headers.is_none());
    for vector in folded {
        assert!(
            vector.name.starts_with("get-header-value-multiline"),
            "{}",
            vector.name
        );
    }
}

#[test]
fn every_vector_whose_path_has_one_form_passes_under_the_rule_of_s3_and_no_other_does() {
    let (mut same, mut other) = (0, 0);
    for vector in all()
        .into_iter()
        .filter(|vector| vector.request.headers.is_some())
    {
        let (path, _) = vector.request.path_and_query();
        let is_plain = !path.contains('%') && (!vector.normalize || normalized(path) == path);
        let (text, signature) = vector.run(PathStyle::S3);
        let hex = String::from_utf8(signature.to_hex().to_vec()).unwrap();
        assert_eq!(text == vector.canonical, is_plain, "{}", vector.name);
        assert_eq!(Some(hex) == vector.signature, is_plain, "{}", vector.name);
        *(if is_plain { &mut same } else { &mut other }) += 1;
    }
    assert!(same >= 80, "{same} vectors apply");
    assert!(other >= 10, "{other} vectors do not");
}

#[test]
fn s3_encodes_once_what_other_services_encode_twice() {
    for name in ["double-encode-path", "double-url-encode"] {
        let case = folder("aws-signing-test-suite/v4").join(name);
        let request = Request::parse(&read(&case.join("request.txt")));
        let canonical = read(&case.join("header-canonical-request.txt"));
        let (path, _) = request.path_and_query();
        let line = canonical.lines().nth(1).unwrap();
        let mut twice = Vec::new();
        write_generic_path(path, false, &mut twice);
        assert_eq!(std::str::from_utf8(&twice).unwrap(), line);
        let mut once = Vec::new();
        recode(path.as_bytes(), Keep::PATH, &mut once).unwrap();
        assert_eq!(
            std::str::from_utf8(&once).unwrap(),
            line.replace("%25", "%")
        );
    }
}

#[test]
fn every_vector_of_the_asymmetric_algorithm_is_refused() {
    let mut refused = 0;
    for case in cases(&folder("aws-signing-test-suite/v4a")) {
        for kind in ["header", "query"] {
            let request = Request::parse(&read(&case.join(format!("{kind}-signed-request.txt"))));
            if request.headers.is_none() {
                continue;
            }
            let method = http::Method::from_bytes(request.method.as_bytes()).unwrap();
            let result = Presented::read(
                request.head(&method),
                1_440_938_160,
                &Expectation::s3("us-east-1"),
            );
            assert!(
                matches!(result, Err(AuthError::UnsupportedAlgorithm { .. })),
                "{}: {result:?}",
                case.display()
            );
            refused += 1;
        }
    }
    assert_eq!(refused, 74);
}

#[test]
fn every_vector_for_another_service_is_refused() {
    for vector in all()
        .into_iter()
        .filter(|vector| vector.request.headers.is_some())
    {
        let method = http::Method::from_bytes(vector.request.method.as_bytes()).unwrap();
        let expected = Expectation {
            sessions: crate::Sessions::Accepted,
            ..Expectation::s3("us-east-1")
        };
        let result = Presented::read(vector.request.head(&method), 1_440_938_160, &expected);
        match result {
            Err(AuthError::WrongService {
                given, expected, ..
            }) => {
                assert_eq!((&*given, &*expected), ("service", "s3"));
            }
            // The token that was added after signing.
            Err(AuthError::UnsignedHeaders { names }) => {
                assert_eq!(names, ["x-amz-security-token"], "{}", vector.name);
            }
            other => panic!("{}: {other:?}", vector.name),
        }
    }
}
