//! Which checks a request is: one action on one resource each. Most requests are one; all must pass.
//!
//! A copy reads its source and writes its destination. A header that changes what a request does is a check of its own:
//! an upload that sets an ACL writes an ACL, a conditional write with an entity tag reads one.

use s3_protocol::call::{Call, Conditions, CopySource, S3Request, TagMatch, Target};
use s3_protocol::{BucketName, ObjectKey, Operation, VersionId};
use smallvec::SmallVec;

/// One action on one resource, as the decision table names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Check {
    /// The row of the decision table.
    pub(crate) operation: Operation,
    /// What it is done to.
    pub(crate) target: Target,
    /// The version, where the request names one.
    pub(crate) version: Option<VersionId>,
}

/// The checks of one request. Two are inline: a copy is the longest that is frequent.
pub(crate) type Checks = SmallVec<[Check; 2]>;

impl Check {
    pub(crate) fn new(operation: Operation, target: Target) -> Self {
        Self {
            operation,
            target,
            version: None,
        }
    }

    fn on_object(
        operation: Operation,
        bucket: &BucketName,
        key: &ObjectKey,
        version: Option<VersionId>,
    ) -> Self {
        Self {
            operation,
            target: Target::Object(bucket.clone(), key.clone()),
            version,
        }
    }
}

/// The checks of `request`, whose body is not looked at: DeleteObjects has one for each of its entries, see [`of_delete`].
pub(crate) fn of(request: &S3Request) -> Checks {
    let mut checks = Checks::new();
    let mut main = Check::new(request.operation, request.target.clone());
    main.version = version(&request.call);
    checks.push(main);

    if let Some(source) = copy_source(&request.call) {
        checks.push(Check::on_object(
            Operation::GetObject,
            &source.bucket,
            &source.key,
            source.version,
        ));
    }
    // An entity tag that a writer may compare is one that he may read, or he could ask until he knows it.
    if compares_entity_tag(&request.call) {
        checks.push(Check::new(Operation::GetObject, request.target.clone()));
    }
    if request.escalations.acl.is_some() || request.escalations.grants {
        let operation = match request.target {
            Target::Object(..) => Operation::PutObjectAcl,
            Target::Service | Target::Bucket(_) => Operation::PutBucketAcl,
        };
        if request.operation != operation {
            checks.push(Check::new(operation, request.target.clone()));
        }
    }
    locks(request, &mut checks);
    checks
}

/// Who locks what he writes needs the right to lock it; who makes a bucket with object lock, the right to configure it.
fn locks(request: &S3Request, checks: &mut Checks) {
    let asks = &request.escalations;
    let wanted = [
        (asks.retention, Operation::PutObjectRetention),
        (asks.legal_hold, Operation::PutObjectLegalHold),
        (
            asks.bucket_object_lock,
            Operation::PutObjectLockConfiguration,
        ),
    ];
    for (asked, operation) in wanted {
        if asked && operation != request.operation {
            checks.push(Check::new(operation, request.target.clone()));
        }
    }
    if let Target::Object(bucket, key) = &request.target
        && request.escalations.bypass_governance
    {
        checks.push(of_bypass(bucket, key, version(&request.call)));
    }
}

/// The check of a request that wants to pass over a retention: whether there is one is not asked.
pub(super) fn of_bypass(bucket: &BucketName, key: &ObjectKey, version: Option<VersionId>) -> Check {
    Check::on_object(Operation::BypassGovernanceRetention, bucket, key, version)
}

/// The check of one entry of DeleteObjects.
pub(super) fn of_delete(bucket: &BucketName, key: &ObjectKey, version: Option<VersionId>) -> Check {
    let operation = if version.is_some() {
        Operation::DeleteObjectVersion
    } else {
        Operation::DeleteObject
    };
    Check::on_object(operation, bucket, key, version)
}

fn version(call: &Call) -> Option<VersionId> {
    match call {
        Call::GetObject(get) | Call::HeadObject(get) => get.version,
        Call::DeleteObject(delete) => delete.version,
        Call::GetObjectAttributes(ask) => ask.version,
        Call::GetFacet(_, version) | Call::DeleteTagging(version) | Call::GetObjectAcl(version) => {
            *version
        }
        Call::PutObjectAcl(put) => put.version,
        Call::PutFacet(put) => put.version,
        _ => None,
    }
}

fn copy_source(call: &Call) -> Option<&CopySource> {
    match call {
        Call::CopyObject(copy) => Some(&copy.source),
        Call::UploadPartCopy(copy) => Some(&copy.source),
        _ => None,
    }
}

fn compares_entity_tag(call: &Call) -> bool {
    let by_tag = |found: Option<&TagMatch>| matches!(found, Some(TagMatch::OneOf(_)));
    let conditional = |conditions: &Conditions| {
        by_tag(conditions.if_match.as_ref()) || by_tag(conditions.if_none_match.as_ref())
    };
    match call {
        Call::PutObject(put) => conditional(&put.conditions),
        Call::CopyObject(copy) => conditional(&copy.conditions),
        Call::CompleteMultipartUpload(complete) => conditional(&complete.conditions),
        Call::DeleteObject(delete) => delete.only_if.compares(),
        _ => false,
    }
}
