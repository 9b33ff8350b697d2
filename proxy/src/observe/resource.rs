//! The names that AWS's access logs have for operations: `REST.<method>.<resource>`.
//! Source: S3 User Guide, "Amazon S3 server access log format", field Operation.

use s3_protocol::Operation;
use s3_protocol::operation::Scope;

/// The resource part. A copy has the pseudo-method `COPY`.
pub(super) fn resource(operation: Operation) -> (&'static str, Option<&'static str>) {
    use Operation as O;
    let named = |resource| (resource, None);
    match operation {
        O::CopyObject => ("OBJECT", Some("COPY")),
        O::UploadPartCopy => ("PART", Some("COPY")),
        O::UploadPart => named("PART"),
        O::CreateMultipartUpload | O::ListMultipartUploads => named("UPLOADS"),
        O::CompleteMultipartUpload | O::AbortMultipartUpload | O::ListParts => named("UPLOAD"),
        O::DeleteObjects => named("MULTI_OBJECT_DELETE"),
        O::ListObjectVersions => named("BUCKETVERSIONS"),
        O::GetBucketLocation => named("LOCATION"),
        O::GetBucketVersioning | O::PutBucketVersioning => named("VERSIONING"),
        O::GetBucketPolicy | O::PutBucketPolicy | O::DeleteBucketPolicy => named("BUCKETPOLICY"),
        O::GetBucketPolicyStatus => named("POLICY_STATUS"),
        O::GetBucketCors | O::PutBucketCors | O::DeleteBucketCors => named("CORS"),
        O::Preflight => named("PREFLIGHT"),
        O::GetBucketAcl | O::PutBucketAcl => named("ACL"),
        O::GetBucketLifecycleConfiguration
        | O::PutBucketLifecycleConfiguration
        | O::DeleteBucketLifecycle => named("LIFECYCLE"),
        O::GetObjectLockConfiguration | O::PutObjectLockConfiguration => {
            named("OBJECT_LOCK_CONFIGURATION")
        }
        other => match other.scope() {
            Scope::Service => named("SERVICE"),
            Scope::Bucket => named("BUCKET"),
            Scope::Object => named("OBJECT"),
        },
    }
}
