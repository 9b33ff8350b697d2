//! What the fuzzer calls and what `fuzz_corpus.rs` runs on the committed corpus: each a plain function of bytes that must
//! neither panic, nor hang, nor accept what its inverse does not give back.
//!
//! The bytes that a target reads are text with line breaks where the input has several parts, so that a corpus can be
//! written and read by a person.

mod author;
mod walking;

#[path = "../../../policy-wasm/tests/compiler/facts.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod facts;
#[path = "../../../policy-wasm/tests/document/interpreter.rs"]
#[expect(dead_code, reason = "other tests break its mechanisms")]
mod interpreter;

use std::sync::OnceLock;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use policy_wasm::compiler::document::{self, Context, DocumentError, Kind, Unmentioned};
use policy_wasm::engine::{Engine, EngineOptions, Evaluation, Module, Verdict};
use policy_wasm::facts::{Fact, Facts};
use policy_wasm::manifest::Manifest;
use policy_wasm::question::Predicate;
use policy_wasm::registry::Attribute;
use policy_wasm::tools;
use s3_protocol::host::{self, Domains};
use s3_protocol::{Head, form, xml};
use sigv4::{ChunkDecoder, Expectation, Framing, Presented};

/// A target: its name, which is its corpus folder's too, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("authorization", authorization),
    ("presigned", presigned),
    ("aws_chunked", aws_chunked),
    ("addressing", addressing),
    ("form", post_form),
    ("xml_documents", xml_documents),
    ("module", module),
    ("predicate", predicate),
    ("load", load),
    ("structured", structured),
    ("walk", walk),
    ("policy_document", policy_document),
];

/// Targets whose decoders no build shows but the fuzzer's. The package that has them runs their corpus in its own tests: its folder.
pub const INSIDE: &[(&str, &str)] = &[("record", "storage-node")];

/// Thursday, 1 January 2026: a fuzzer's input is the same input tomorrow.
const NOW: u64 = 1_767_225_600;

/// A head: `METHOD target`, then a line for each header.
pub fn authorization(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let Some(first) = lines.next().and_then(|line| std::str::from_utf8(line).ok()) else {
        return;
    };
    let (method, target) = first.split_once(' ').unwrap_or(("GET", first));
    let (Ok(method), Ok(uri)) = (method.parse::<Method>(), target.parse::<Uri>()) else {
        return;
    };
    let mut request = Request::new(());
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    for line in lines {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            continue;
        };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        let (name, value) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value));
        if let (Ok(name), Ok(value)) = (name, value) {
            request.headers_mut().append(name, value);
        }
    }
    read_and_verify(request);
}

/// A query.
pub fn presigned(data: &[u8]) {
    let Ok(query) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(uri) = format!("/bucket/key?{query}").parse::<Uri>() else {
        return;
    };
    let mut request = Request::new(());
    *request.uri_mut() = uri;
    request
        .headers_mut()
        .insert("host", HeaderValue::from_static("localhost:9443"));
    read_and_verify(request);
}

fn read_and_verify(request: Request<()>) {
    let (parts, ()) = request.into_parts();
    let head = sigv4::Head::of(&parts);
    let expected = Expectation::s3("us-east-1");
    match Presented::read(head, NOW, &expected) {
        Ok(Presented::Signed(claim)) => {
            let secret = sigv4::SecretKey::stand_in([7; 32]);
            let scope = claim.scope();
            let key = sigv4::SigningKey::derive(&secret, scope.date(), scope.region());
            // Nobody signs with the stand-in.
            assert!(claim.verify(&key).is_err(), "a signature that nobody made");
        }
        Ok(Presented::Anonymous(_)) | Err(_) => {}
    }
}

/// The first byte is the decoded length, the second the size of the pieces; the rest is a body in chunks.
pub fn aws_chunked(data: &[u8]) {
    let [length, step, body @ ..] = data else {
        return;
    };
    for trailers in [
        Vec::new(),
        vec![HeaderName::from_static("x-amz-checksum-crc32")],
    ] {
        let mut decoder = ChunkDecoder::unsigned(Framing::new(u64::from(*length), trailers));
        let mut decoded = 0;
        let step = usize::from(*step).max(1);
        let outcome = body.chunks(step).try_for_each(|piece| {
            let mut piece = Bytes::copy_from_slice(piece);
            while let Some(data) = decoder.push(&mut piece)? {
                decoded += data.len();
            }
            Ok::<(), sigv4::BodyError>(())
        });
        let finished = outcome.is_ok() && decoder.finish().is_ok();
        assert!(
            !finished || decoded == usize::from(*length),
            "a body of another length passed"
        );
        assert!(
            decoded <= usize::from(*length),
            "more came out than was declared"
        );
    }
}

/// `METHOD host target`, each up to a line break.
pub fn addressing(data: &[u8]) {
    let mut lines = data.splitn(3, |byte| *byte == b'\n');
    let mut next = || lines.next().unwrap_or_default();
    let (method, host, target) = (next(), next(), next());
    let Ok(method) = Method::from_bytes(method) else {
        return;
    };
    let Ok(host) = std::str::from_utf8(host) else {
        return;
    };
    let domains = Domains::new(Some("s3.localhost"), Some("public.localhost"));
    let Ok(addressing) = host::resolve(host, &domains) else {
        return;
    };
    let question = target
        .iter()
        .position(|byte| *byte == b'?')
        .unwrap_or(target.len());
    let (path, query) = target.split_at(question);
    let query = query.strip_prefix(b"?").unwrap_or_default();
    let headers = http::HeaderMap::new();
    let head = Head {
        method: &method,
        path,
        query,
        headers: &headers,
        addressing: &addressing,
    };
    let _ = s3_protocol::parse(head);
}

/// A body of `multipart/form-data` with the boundary `x`, fed in pieces.
pub fn post_form(data: &[u8]) {
    for step in [1, 7, data.len().max(1)] {
        let Ok(mut reader) = form::FormReader::new("multipart/form-data; boundary=x") else {
            return;
        };
        let mut pieces = data.chunks(step);
        loop {
            match reader.step() {
                Ok(form::Step::NeedMore) => match pieces.next() {
                    Some(piece) => reader.push(Bytes::copy_from_slice(piece)),
                    None => reader.finish(),
                },
                Ok(form::Step::End) | Err(_) => break,
                Ok(_) => {}
            }
        }
    }
}

/// A document.
pub fn xml_documents(data: &[u8]) {
    let _ = xml::delete(data);
    let _ = xml::complete_multipart_upload(data);
    let _ = xml::create_bucket_configuration(data);
    let _ = xml::tagging(data);
}

/// A policy module, as binary or as text; what is let in is looked at, and its manifest read.
pub fn module(data: &[u8]) {
    let Some(engine) = engine() else { return };
    let _ = engine.check(data);
    let _ = Manifest::read(data);
}

/// A policy module as the admin API takes it, with a manifest put on it: what is let in is compiled and runs once, and whatever it
/// does, it ends and is no one's undoing.
pub fn load(data: &[u8]) {
    let Some(engine) = engine() else { return };
    let mut manifest = Manifest::new("fuzzed", "1");
    manifest.attributes.push("postern:Key".to_owned());
    for module in [Some(data.to_vec()), tools::attach(data, &manifest).ok()] {
        if let Some(loaded) = module.and_then(|module| engine.load(&module).ok()) {
            let first = loaded.evaluate(&NoFacts, 0);
            let again = loaded.evaluate(&NoFacts, 0);
            let verdict = |ran: &Result<Evaluation, _>| ran.as_ref().ok().map(|ran| ran.verdict);
            assert_eq!(
                verdict(&first),
                verdict(&again),
                "a module is deterministic"
            );
        }
    }
}

/// The operand of a `test` question: what reads must write the same bytes.
pub fn predicate(data: &[u8]) {
    let names = ["postern:Key", "aws:SourceIp", "aws:CurrentTime"];
    let table: Vec<Attribute> = names.iter().filter_map(|name| name.parse().ok()).collect();
    if let Ok(read) = Predicate::decode(data, &table) {
        let place = |wanted: &Attribute| {
            let at = table.iter().position(|attribute| attribute == wanted);
            at.and_then(|at| u16::try_from(at).ok())
        };
        let written = read.encode(place).expect("what was read can be written");
        let again = Predicate::decode(&written, &table).expect("what was written can be read");
        assert_eq!(read, again);
    }
}

/// A check of which nothing is known.
struct NoFacts;

impl Facts for NoFacts {
    fn get(&self, _: &Attribute) -> Fact<'_> {
        Fact::Absent
    }
}

/// A policy document, as that of the bucket `photos` and as an identity's: what is understood is compiled, what is compiled
/// is let in, and decides as the second opinion does.
pub fn policy_document(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    for kind in [Kind::Bucket { name: "photos" }, Kind::Identity] {
        let context = Context {
            kind,
            unmentioned: Unmentioned::NoOpinion,
        };
        let compiled = document::compile_document(text, &context, &Manifest::new("fuzz", "1"));
        match compiled {
            Ok(compiled) => {
                let Some(engine) = engine() else { return };
                let module = engine
                    .load(&compiled.module)
                    .expect("what is compiled is let in");
                decides_alike(text, &module);
            }
            Err(DocumentError::Faults(faults)) => {
                assert!(!faults.as_slice().is_empty());
                for fault in faults.as_slice() {
                    let line = text.split('\n').nth(fault.at.line as usize - 1);
                    let length = line.map_or(0, |line| line.chars().count());
                    assert!(fault.at.column as usize <= length + 1, "{fault}");
                }
            }
            Err(DocumentError::Compile { .. }) => {}
        }
    }
}

/// The module of a document and the second opinion, on some checks.
fn decides_alike(text: &str, module: &Module) {
    let document = serde_json::from_str(text).expect("what was understood is JSON");
    for facts in checks() {
        let Some(said) = interpreter::judge(&document, &facts, None) else {
            continue;
        };
        // An answer that takes too much work is none, and no disagreement.
        let Ok(evaluation) = module.evaluate(&facts, 0) else {
            continue;
        };
        let decision = match evaluation.verdict {
            Verdict::NoOpinion => interpreter::Decision::Nothing,
            Verdict::Allow => interpreter::Decision::Allow,
            Verdict::Deny => interpreter::Decision::Deny,
        };
        assert_eq!(decision, said.decision, "{facts:?}");
    }
}

fn checks() -> [facts::Known; 3] {
    let check = |action, resource| {
        facts::Known::default()
            .text("postern:Action", action)
            .text("postern:Resource", resource)
            .time("aws:CurrentTime", 1_767_225_600)
            .number("aws:EpochTime", 1_767_225_600)
            .address("aws:SourceIp", "192.0.2.7")
            .truth("aws:SecureTransport", true)
    };
    let ann = "arn:aws:iam::111111111111:user/ann";
    let root = "arn:aws:iam::111111111111:root";
    [
        check("s3:GetObject", "arn:aws:s3:::photos/home/ann/é"),
        check("s3:PutObject", "arn:aws:s3:::photos/home/ann/x")
            .text("aws:PrincipalArn", ann)
            .texts("postern:Principals", &[ann, root, "111111111111"])
            .text("aws:username", "ann")
            .texts("s3:RequestObjectTagKeys", &["Owner", "class"])
            .text("s3:x-amz-acl", "private"),
        check("s3:ListBucket", "arn:aws:s3:::photos")
            .text("aws:PrincipalArn", root)
            .texts("postern:Principals", &[root, "111111111111"])
            .text("aws:PrincipalTag/team", "red")
            .text("s3:prefix", "home/ann/")
            .number("s3:max-keys", 100),
    ]
}

pub use walking::{structured, walk};

fn engine() -> Option<&'static Engine> {
    static ENGINE: OnceLock<Option<Engine>> = OnceLock::new();
    ENGINE
        .get_or_init(|| Engine::new(EngineOptions::default()).ok())
        .as_ref()
}
