//! How a request for an operation looks: its method and its query. The parser decides what a request is; this is the way back, and a
//! test goes it for every operation.

use s3_protocol::Operation;

/// An upload that does not exist.
macro_rules! no_upload {
    () => {
        "uploadId=00000000000000000000000000000000"
    };
}

/// Method and query of a request for `operation`; `None` where the head alone does not say what is asked.
#[expect(
    clippy::too_many_lines,
    reason = "a table: one line for each operation of S3"
)]
pub(super) const fn shape(operation: Operation) -> Option<(&'static str, &'static str)> {
    use Operation as O;
    Some(match operation {
        O::ListBuckets => ("GET", ""),
        O::CreateBucket => ("PUT", ""),
        O::DeleteBucket => ("DELETE", ""),
        O::HeadBucket => ("HEAD", ""),
        O::GetBucketLocation => ("GET", "location"),
        O::ListObjects => ("GET", ""),
        O::ListObjectsV2 => ("GET", "list-type=2"),
        O::ListObjectVersions => ("GET", "versions"),
        O::ListMultipartUploads => ("GET", "uploads"),
        O::GetBucketVersioning => ("GET", "versioning"),
        O::PutBucketVersioning => ("PUT", "versioning"),
        O::GetBucketCors => ("GET", "cors"),
        O::PutBucketCors => ("PUT", "cors"),
        O::DeleteBucketCors => ("DELETE", "cors"),
        O::Preflight => ("OPTIONS", ""),
        O::GetBucketPolicy => ("GET", "policy"),
        O::PutBucketPolicy => ("PUT", "policy"),
        O::DeleteBucketPolicy => ("DELETE", "policy"),
        O::GetBucketPolicyStatus => ("GET", "policyStatus"),
        O::GetBucketAcl => ("GET", "acl"),
        O::PutBucketAcl => ("PUT", "acl"),
        O::GetPublicAccessBlock => ("GET", "publicAccessBlock"),
        O::PutPublicAccessBlock => ("PUT", "publicAccessBlock"),
        O::DeletePublicAccessBlock => ("DELETE", "publicAccessBlock"),
        O::GetBucketOwnershipControls => ("GET", "ownershipControls"),
        O::PutBucketOwnershipControls => ("PUT", "ownershipControls"),
        O::DeleteBucketOwnershipControls => ("DELETE", "ownershipControls"),
        O::GetObjectLockConfiguration => ("GET", "object-lock"),
        O::PutObjectLockConfiguration => ("PUT", "object-lock"),
        O::GetBucketLifecycleConfiguration => ("GET", "lifecycle"),
        O::PutBucketLifecycleConfiguration => ("PUT", "lifecycle"),
        O::DeleteBucketLifecycle => ("DELETE", "lifecycle"),
        O::GetBucketTagging => ("GET", "tagging"),
        O::PutBucketTagging => ("PUT", "tagging"),
        O::DeleteBucketTagging => ("DELETE", "tagging"),
        O::GetBucketEncryption => ("GET", "encryption"),
        O::PutBucketEncryption => ("PUT", "encryption"),
        O::DeleteBucketEncryption => ("DELETE", "encryption"),
        O::GetBucketNotificationConfiguration => ("GET", "notification"),
        O::GetBucketRequestPayment => ("GET", "requestPayment"),
        O::GetBucketAccelerateConfiguration => ("GET", "accelerate"),
        O::GetBucketWebsite => ("GET", "website"),
        O::GetBucketLogging => ("GET", "logging"),
        O::GetBucketReplication => ("GET", "replication"),
        O::GetObject => ("GET", ""),
        O::HeadObject => ("HEAD", ""),
        O::GetObjectAttributes => ("GET", "attributes"),
        O::PutObject => ("PUT", ""),
        O::CopyObject => ("PUT", ""),
        O::DeleteObject => ("DELETE", ""),
        O::DeleteObjectVersion => ("DELETE", "versionId=null"),
        O::CreateMultipartUpload => ("POST", "uploads"),
        O::UploadPart => ("PUT", concat!("partNumber=1&", no_upload!())),
        O::UploadPartCopy => ("PUT", concat!("partNumber=1&", no_upload!())),
        O::CompleteMultipartUpload => ("POST", no_upload!()),
        O::AbortMultipartUpload => ("DELETE", no_upload!()),
        O::ListParts => ("GET", no_upload!()),
        O::GetObjectTagging => ("GET", "tagging"),
        O::PutObjectTagging => ("PUT", "tagging"),
        O::DeleteObjectTagging => ("DELETE", "tagging"),
        O::GetObjectAcl => ("GET", "acl"),
        O::PutObjectAcl => ("PUT", "acl"),
        O::GetObjectRetention => ("GET", "retention"),
        O::GetObjectLegalHold => ("GET", "legal-hold"),
        O::PutObjectRetention => ("PUT", "retention"),
        O::PutObjectLegalHold => ("PUT", "legal-hold"),
        O::PutBucketAccelerateConfiguration => ("PUT", "accelerate"),
        O::PutBucketLogging => ("PUT", "logging"),
        O::PutBucketNotificationConfiguration => ("PUT", "notification"),
        O::PutBucketReplication => ("PUT", "replication"),
        O::PutBucketRequestPayment => ("PUT", "requestPayment"),
        O::PutBucketWebsite => ("PUT", "website"),
        O::DeleteBucketReplication => ("DELETE", "replication"),
        O::DeleteBucketWebsite => ("DELETE", "website"),
        O::GetBucketAnalyticsConfiguration => ("GET", "analytics&id=x"),
        O::PutBucketAnalyticsConfiguration => ("PUT", "analytics&id=x"),
        O::DeleteBucketAnalyticsConfiguration => ("DELETE", "analytics&id=x"),
        O::ListBucketAnalyticsConfigurations => ("GET", "analytics"),
        O::GetBucketIntelligentTieringConfiguration => ("GET", "id=x&intelligent-tiering"),
        O::PutBucketIntelligentTieringConfiguration => ("PUT", "id=x&intelligent-tiering"),
        O::DeleteBucketIntelligentTieringConfiguration => ("DELETE", "id=x&intelligent-tiering"),
        O::ListBucketIntelligentTieringConfigurations => ("GET", "intelligent-tiering"),
        O::GetBucketInventoryConfiguration => ("GET", "id=x&inventory"),
        O::PutBucketInventoryConfiguration => ("PUT", "id=x&inventory"),
        O::DeleteBucketInventoryConfiguration => ("DELETE", "id=x&inventory"),
        O::ListBucketInventoryConfigurations => ("GET", "inventory"),
        O::GetBucketMetricsConfiguration => ("GET", "id=x&metrics"),
        O::PutBucketMetricsConfiguration => ("PUT", "id=x&metrics"),
        O::DeleteBucketMetricsConfiguration => ("DELETE", "id=x&metrics"),
        O::ListBucketMetricsConfigurations => ("GET", "metrics"),
        O::CreateBucketMetadataConfiguration => ("POST", "metadataConfiguration"),
        O::GetBucketMetadataConfiguration => ("GET", "metadataConfiguration"),
        O::DeleteBucketMetadataConfiguration => ("DELETE", "metadataConfiguration"),
        O::CreateBucketMetadataTableConfiguration => ("POST", "metadataTable"),
        O::GetBucketMetadataTableConfiguration => ("GET", "metadataTable"),
        O::DeleteBucketMetadataTableConfiguration => ("DELETE", "metadataTable"),
        O::UpdateBucketMetadataInventoryTableConfiguration => ("PUT", "metadataInventoryTable"),
        O::UpdateBucketMetadataJournalTableConfiguration => ("PUT", "metadataJournalTable"),
        O::GetBucketAbac => ("GET", "abac"),
        O::PutBucketAbac => ("PUT", "abac"),
        O::GetObjectTorrent => ("GET", "torrent"),
        O::SelectObjectContent => ("POST", "select&select-type=2"),
        O::RestoreObject => ("POST", "restore"),
        O::RenameObject => ("PUT", "renameObject"),
        O::UpdateObjectEncryption => ("PUT", "encryption"),
        O::CreateSession => ("GET", "session"),
        O::ListDirectoryBuckets => ("GET", "max-directory-buckets=10"),
        // What these do stands in their body, or in headers of another service.
        O::PostObject
        | O::DeleteObjects
        | O::WriteGetObjectResponse
        | O::GetCallerIdentity
        | O::GetSessionToken
        | O::AssumeRole
        // A header of several others.
        | O::BypassGovernanceRetention => return None,
    })
}
