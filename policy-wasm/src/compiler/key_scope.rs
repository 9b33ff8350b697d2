//! The statements of the constraints that an access key may carry. They ask for attributes of the key, so that one
//! module serves every key: a constraint that is not set is absent and restricts nothing, and an empty list matches
//! nothing.
//!
//! The module is a limit: it allows what no constraint forbids.

use crate::plan::ObligationKind;
use crate::question::Order;
use crate::registry::Name;

use super::statement::{Condition, Statement, StatementId};
use super::{attribute, one_of, owed, owed_by};

/// Operations whose answer is filtered by the prefixes of the key, and which must therefore name one.
const LISTS: [&str; 4] = [
    "ListObjects",
    "ListObjectsV2",
    "ListObjectVersions",
    "ListMultipartUploads",
];
/// Operations that make an object: what append-only and the largest size are about.
const MAKES: [&str; 4] = [
    "PutObject",
    "PostObject",
    "CopyObject",
    "CompleteMultipartUpload",
];
/// Operations that make a part of an object.
const PARTS: [&str; 2] = ["UploadPart", "UploadPartCopy"];
/// Rights over a whole bucket, which a key that is bound to prefixes does not have: who may delete the bucket, change
/// its life cycle or make it public is bound to nothing.
const WHOLE_BUCKET: [&str; 3] = ["manage.delete", "manage.conf", "acl.write"];

/// The statements of the module that holds every key to its constraints.
pub fn statements() -> Vec<Statement> {
    let mut statements = vec![
        not_before(),
        expires(),
        tls_only(),
        networks(),
        operations(),
        buckets(),
        prefixes(),
        prefixes_of_lists(),
        prefixes_and_the_whole_bucket(),
        presign(),
        presign_age(),
    ];
    statements.extend(obligations());
    statements.push(Statement::allow(id("key.scope")));
    statements
}

fn not_before() -> Statement {
    Statement::deny(id("key.not-before"))
        .when(set(Name::KeyNotBefore))
        .when(
            Condition::moment(
                attribute(Name::CurrentTime),
                Order::AtLeast,
                attribute(Name::KeyNotBefore),
            )
            .negated(),
        )
}

fn expires() -> Statement {
    Statement::deny(id("key.expired"))
        .when(set(Name::KeyExpires))
        .when(
            Condition::moment(
                attribute(Name::CurrentTime),
                Order::Below,
                attribute(Name::KeyExpires),
            )
            .negated(),
        )
}

fn tls_only() -> Statement {
    Statement::deny(id("key.tls-only"))
        .when(Condition::truth(attribute(Name::KeyTlsOnly), true))
        .when(Condition::truth(attribute(Name::SecureTransport), true).negated())
}

fn networks() -> Statement {
    Statement::deny(id("key.network"))
        .when(set(Name::KeyNetworks))
        .when(
            Condition::in_network_of(attribute(Name::SourceIp), attribute(Name::KeyNetworks))
                .negated(),
        )
}

fn operations() -> Statement {
    Statement::deny(id("key.operation"))
        .when(set(Name::KeyOperations))
        .when(
            Condition::among(attribute(Name::Operation), attribute(Name::KeyOperations)).negated(),
        )
}

/// A check without a bucket, ListBuckets, is filtered instead.
fn buckets() -> Statement {
    Statement::deny(id("key.bucket"))
        .when(set(Name::KeyBuckets))
        .when(set(Name::Bucket))
        .when(Condition::among(attribute(Name::Bucket), attribute(Name::KeyBuckets)).negated())
}

fn prefixes() -> Statement {
    Statement::deny(id("key.prefix"))
        .when(set(Name::KeyPrefixes))
        .when(set(Name::Key))
        .when(
            Condition::below_prefix_in(attribute(Name::Key), attribute(Name::KeyPrefixes))
                .negated(),
        )
}

/// A list without a prefix is refused as well: it would show what lies beside the key's own prefixes.
fn prefixes_of_lists() -> Statement {
    Statement::deny(id("key.prefix.list"))
        .to(one_of(Name::Operation, LISTS))
        .when(set(Name::KeyPrefixes))
        .when(set(Name::Key).negated())
        .when(
            Condition::below_prefix_in(attribute(Name::Prefix), attribute(Name::KeyPrefixes))
                .negated(),
        )
}

fn prefixes_and_the_whole_bucket() -> Statement {
    Statement::deny(id("key.prefix.bucket"))
        .to(one_of(Name::Atom, WHOLE_BUCKET))
        .when(set(Name::KeyPrefixes))
        .when(set(Name::Key).negated())
}

/// A form that a browser posts is signed ahead of its use, as a presigned URL is.
fn presign() -> Statement {
    Statement::deny(id("key.presign"))
        .when(Condition::truth(attribute(Name::KeyPresign), false))
        .when(one_of(Name::AuthType, ["REST-QUERY-STRING", "POST"]))
}

fn presign_age() -> Statement {
    Statement::deny(id("key.presign-age"))
        .when(set(Name::KeyPresignMaxAge))
        .when(set(Name::PresignAge))
        .when(
            Condition::number(
                attribute(Name::PresignAge),
                Order::AtMost,
                attribute(Name::KeyPresignMaxAge),
            )
            .negated(),
        )
}

/// What the key is allowed only under a condition on what is forwarded.
fn obligations() -> Vec<Statement> {
    let writes = || one_of(Name::Atom, ["obj.write"]);
    let lists_buckets = || one_of(Name::Operation, ["ListBuckets"]);
    vec![
        Statement::allow(id("key.append-only"))
            .when(Condition::truth(attribute(Name::KeyAppendOnly), true))
            .to(one_of(Name::Operation, MAKES))
            .when(writes())
            .owing(owed(ObligationKind::IfNoneMatch)),
        Statement::allow(id("key.max-object-bytes"))
            .when(set(Name::KeyMaxObjectBytes))
            .to(one_of(Name::Operation, MAKES.into_iter().chain(PARTS)))
            .when(writes())
            .owing(owed_by(ObligationKind::MaxBytes, Name::KeyMaxObjectBytes)),
        Statement::allow(id("key.bucket.filter"))
            .when(set(Name::KeyBuckets))
            .to(lists_buckets())
            .owing(owed_by(ObligationKind::FilterList, Name::KeyBuckets)),
    ]
}

fn id(text: &str) -> StatementId {
    StatementId::of(text)
}

fn set(name: Name) -> Condition {
    Condition::present(attribute(name))
}
