//! The module that holds every key to its constraints.

use policy_wasm::compiler::key_scope;
use policy_wasm::engine::{Module, Verdict};
use policy_wasm::plan::ObligationKind;
use std::sync::Arc;

use super::Bench;
use super::facts::Known;

struct KeyScope {
    bench: Bench,
    module: Arc<Module>,
}

impl KeyScope {
    fn new() -> Self {
        let bench = Bench::new();
        let module = bench.module(&key_scope::statements());
        Self { bench, module }
    }

    /// The statement that denies; `None` where the check may pass.
    fn denied_by(&self, facts: &Known) -> Option<String> {
        let opinion = self.bench.opinion(&self.module, facts);
        match opinion.verdict {
            Verdict::Deny => Some(opinion.reasons.join(", ")),
            Verdict::Allow => None,
            Verdict::NoOpinion => panic!("a limit has an opinion of everything"),
        }
    }

    fn owed(&self, facts: &Known) -> Vec<ObligationKind> {
        let opinion = self.bench.opinion(&self.module, facts);
        assert_eq!(opinion.verdict, Verdict::Allow, "{opinion:?}");
        opinion
            .obligations
            .iter()
            .map(|obligation| obligation.kind)
            .collect()
    }

    fn assert_denied(&self, statement: &str, facts: &Known) {
        assert_eq!(
            self.denied_by(facts).as_deref(),
            Some(statement),
            "{facts:?}"
        );
    }

    fn assert_passes(&self, facts: &Known) {
        assert_eq!(self.denied_by(facts), None, "{facts:?}");
    }
}

fn check(operation: &'static str, atom: &'static str) -> Known {
    Known::default()
        .text("postern:Operation", operation)
        .text("postern:Atom", atom)
        .time("aws:CurrentTime", 1_000)
        .truth("aws:SecureTransport", true)
        .address("aws:SourceIp", "10.1.2.3")
        .text("s3:authType", "REST-HEADER")
        .text("postern:KeyLevel", "full")
}

fn get(key: &'static str) -> Known {
    check("GetObject", "obj.read")
        .text("postern:Bucket", "photos")
        .text("postern:Key", key)
}

fn put() -> Known {
    check("PutObject", "obj.write")
        .text("postern:Bucket", "photos")
        .text("postern:Key", "a")
}

fn list() -> Known {
    check("ListObjectsV2", "bkt.list").text("postern:Bucket", "photos")
}

#[test]
fn a_key_without_constraints_may_do_anything() {
    let scope = KeyScope::new();
    for facts in [get("a"), put(), list(), check("ListBuckets", "ns.list")] {
        scope.assert_passes(&facts);
        assert!(scope.owed(&facts).is_empty());
    }
}

#[test]
fn a_key_is_held_to_its_buckets() {
    let scope = KeyScope::new();
    let bound = |facts: Known, buckets: &[&'static str]| facts.texts("postern:KeyBuckets", buckets);
    scope.assert_passes(&bound(get("a"), &["music", "photos"]));
    scope.assert_denied("key.bucket", &bound(get("a"), &["photo", "photos2"]));
    scope.assert_denied("key.bucket", &bound(list(), &["music"]));
    scope.assert_denied("key.bucket", &bound(get("a"), &[]));
    let buckets = bound(check("ListBuckets", "ns.list"), &["music"]);
    assert_eq!(scope.owed(&buckets), [ObligationKind::FilterList]);
}

#[test]
fn a_key_is_held_to_its_prefixes() {
    let scope = KeyScope::new();
    let bound = |facts: Known| facts.texts("postern:KeyPrefixes", &["logs/", "tmp/"]);
    scope.assert_passes(&bound(get("logs/a")));
    scope.assert_passes(&bound(get("tmp/")));
    scope.assert_denied("key.prefix", &bound(get("logs")));
    scope.assert_denied("key.prefix", &bound(get("logs-secret/a")));
    scope.assert_denied(
        "key.prefix",
        &get("logs/a").texts("postern:KeyPrefixes", &[]),
    );
    scope.assert_passes(&bound(
        check("HeadBucket", "bkt.find").text("postern:Bucket", "photos"),
    ));
}

#[test]
fn a_star_in_a_prefix_of_a_key_is_a_star() {
    let scope = KeyScope::new();
    let facts = |key| get(key).texts("postern:KeyPrefixes", &["l*/"]);
    scope.assert_denied("key.prefix", &facts("logs/a"));
    scope.assert_passes(&facts("l*/a"));
}

#[test]
fn a_key_with_prefixes_lists_only_below_them() {
    let scope = KeyScope::new();
    for operation in [
        "ListObjects",
        "ListObjectsV2",
        "ListObjectVersions",
        "ListMultipartUploads",
    ] {
        let bound = check(operation, "bkt.list")
            .text("postern:Bucket", "photos")
            .texts("postern:KeyPrefixes", &["logs/"]);
        scope.assert_denied("key.prefix.list", &bound);
        scope.assert_denied("key.prefix.list", &bound.clone().text("s3:prefix", ""));
        scope.assert_denied("key.prefix.list", &bound.clone().text("s3:prefix", "log"));
        scope.assert_passes(&bound.clone().text("s3:prefix", "logs/"));
        scope.assert_passes(&bound.text("s3:prefix", "logs/2026/"));
    }
}

#[test]
fn a_key_with_prefixes_does_not_manage_the_bucket() {
    let scope = KeyScope::new();
    for (operation, atom) in [
        ("DeleteBucket", "manage.delete"),
        ("PutBucketVersioning", "manage.conf"),
        ("PutBucketPolicy", "acl.write"),
    ] {
        let facts = check(operation, atom).text("postern:Bucket", "photos");
        scope.assert_passes(&facts);
        scope.assert_denied(
            "key.prefix.bucket",
            &facts.texts("postern:KeyPrefixes", &["logs/"]),
        );
    }
    scope.assert_passes(
        &check("PutObjectAcl", "acl.write")
            .text("postern:Bucket", "photos")
            .text("postern:Key", "logs/a")
            .texts("postern:KeyPrefixes", &["logs/"]),
    );
}

#[test]
fn a_key_is_held_to_its_operations() {
    let scope = KeyScope::new();
    scope.assert_passes(&get("a").texts("postern:KeyOperations", &["HeadObject", "GetObject"]));
    scope.assert_denied(
        "key.operation",
        &put().texts("postern:KeyOperations", &["GetObject"]),
    );
    scope.assert_denied(
        "key.operation",
        &get("a").texts("postern:KeyOperations", &[]),
    );
}

#[test]
fn a_key_is_held_to_its_networks() {
    let scope = KeyScope::new();
    let from = |address, networks: &[&str]| {
        get("a")
            .address("aws:SourceIp", address)
            .networks("postern:KeyNetworks", networks)
    };
    scope.assert_passes(&from("10.1.2.3", &["192.168.0.0/16", "10.0.0.0/8"]));
    scope.assert_passes(&from("2001:db8::7", &["2001:db8::/32"]));
    scope.assert_denied("key.network", &from("11.1.2.3", &["10.0.0.0/8"]));
    scope.assert_denied("key.network", &from("10.1.2.3", &[]));
}

#[test]
fn a_key_is_valid_from_its_first_moment_to_before_its_last() {
    let scope = KeyScope::new();
    let at = |now| get("a").time("aws:CurrentTime", now);
    for (now, statement) in [
        (99, Some("key.not-before")),
        (100, None),
        (199, None),
        (200, Some("key.expired")),
    ] {
        let facts = at(now)
            .time("postern:KeyNotBefore", 100)
            .time("postern:KeyExpires", 200);
        assert_eq!(scope.denied_by(&facts).as_deref(), statement, "at {now}");
    }
}

#[test]
fn one_tree_serves_a_key_before_and_after_it_expires() {
    let scope = KeyScope::new();
    let facts = |now| {
        get("a")
            .time("aws:CurrentTime", now)
            .time("postern:KeyExpires", 200)
    };
    for (now, passes) in [
        (150, true),
        (250, false),
        (151, true),
        (200, false),
        (199, true),
    ] {
        assert_eq!(scope.denied_by(&facts(now)).is_none(), passes, "at {now}");
    }
}

#[test]
fn a_key_for_tls_only_is_refused_without() {
    let scope = KeyScope::new();
    let plain = get("a").truth("aws:SecureTransport", false);
    scope.assert_passes(&plain.clone().truth("postern:KeyTlsOnly", false));
    scope.assert_passes(&get("a").truth("postern:KeyTlsOnly", true));
    scope.assert_denied("key.tls-only", &plain.truth("postern:KeyTlsOnly", true));
}

#[test]
fn a_key_that_may_not_presign_signs_heads_only() {
    let scope = KeyScope::new();
    for kind in ["REST-QUERY-STRING", "POST"] {
        let facts = get("a").text("s3:authType", kind);
        scope.assert_passes(&facts);
        scope.assert_passes(&facts.clone().truth("postern:KeyPresign", true));
        scope.assert_denied("key.presign", &facts.truth("postern:KeyPresign", false));
    }
    scope.assert_passes(&get("a").truth("postern:KeyPresign", false));
}

#[test]
fn a_presigned_url_lives_no_longer_than_its_key_allows() {
    let scope = KeyScope::new();
    let url = |seconds| {
        get("a")
            .text("s3:authType", "REST-QUERY-STRING")
            .number("postern:PresignAge", seconds)
            .number("postern:KeyPresignMaxAge", 600)
    };
    scope.assert_passes(&url(600));
    scope.assert_denied("key.presign-age", &url(601));
    scope.assert_passes(&get("a").number("postern:KeyPresignMaxAge", 600));
}

#[test]
fn an_append_only_key_replaces_nothing() {
    let scope = KeyScope::new();
    let bound = |facts: Known| facts.truth("postern:KeyAppendOnly", true);
    assert_eq!(scope.owed(&bound(put())), [ObligationKind::IfNoneMatch]);
    assert!(scope.owed(&bound(get("a"))).is_empty());
    assert!(
        scope
            .owed(&put().truth("postern:KeyAppendOnly", false))
            .is_empty()
    );
    // The source of a copy is read, which replaces nothing.
    let source = check("CopyObject", "obj.read")
        .text("postern:Bucket", "b")
        .text("postern:Key", "k");
    assert!(scope.owed(&bound(source)).is_empty());
}

#[test]
fn a_largest_size_binds_writes_and_parts() {
    let scope = KeyScope::new();
    let bound = |facts: Known| facts.number("postern:KeyMaxObjectBytes", 1_000);
    for operation in [
        "PutObject",
        "PostObject",
        "CopyObject",
        "UploadPart",
        "CompleteMultipartUpload",
    ] {
        let facts = put().text("postern:Operation", operation);
        assert_eq!(
            scope.owed(&bound(facts)),
            [ObligationKind::MaxBytes],
            "{operation}"
        );
    }
    assert!(scope.owed(&bound(get("a"))).is_empty());
    let both = bound(put()).truth("postern:KeyAppendOnly", true);
    assert_eq!(
        scope.owed(&both),
        [ObligationKind::IfNoneMatch, ObligationKind::MaxBytes]
    );
}
