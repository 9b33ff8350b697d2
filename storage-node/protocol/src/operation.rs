//! Every operation of S3 by its API name: what it addresses, whether it is built, and the IAM action it is.
//!
//! A name that is not built stays in the list: it is answered with 501 after authentication, never mistaken for a
//! neighbour (`GET ?acl` is not `GetObject`).

use std::fmt;
use std::str::FromStr;

/// What an operation addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The service endpoint itself (`GET /`).
    Service,
    /// A bucket.
    Bucket,
    /// An object, or an upload of one.
    Object,
}

/// When an operation is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tier {
    /// First release.
    One,
    /// Next release.
    Two,
    /// A fixed, harmless answer.
    Stub,
    /// 501 NotImplemented, after authentication.
    Never,
}

macro_rules! operations {
    ($($name:ident, $scope:ident, $tier:ident, $action:literal;)*) => {
        /// An S3 operation. Source: Amazon S3 API Reference, "Actions"; `PostObject`, `Preflight` and
        /// `DeleteObjectVersion` are requests that the reference describes under another heading. `BypassGovernanceRetention`
        /// is a header of other requests, and a right of its own.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "the names are those of the S3 API Reference")]
        #[repr(u8)]
        pub enum Operation { $($name,)* }

        impl Operation {
            /// Every operation, in the order of the decision table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The API name, such as `GetObject`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// What it addresses.
            pub const fn scope(self) -> Scope {
                match self { $(Self::$name => Scope::$scope,)* }
            }

            /// When it is built.
            pub const fn tier(self) -> Tier {
                match self { $(Self::$name => Tier::$tier,)* }
            }

            /// The IAM action, such as `s3:GetObject`. Several operations may share one: HeadObject is `s3:GetObject`.
            /// Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3".
            pub const fn action(self) -> &'static str {
                match self { $(Self::$name => $action,)* }
            }
        }
    };
}

operations! {
    ListBuckets, Service, One, "s3:ListAllMyBuckets";
    CreateBucket, Bucket, One, "s3:CreateBucket";
    DeleteBucket, Bucket, One, "s3:DeleteBucket";
    HeadBucket, Bucket, One, "s3:ListBucket";
    GetBucketLocation, Bucket, One, "s3:GetBucketLocation";
    ListObjects, Bucket, One, "s3:ListBucket";
    ListObjectsV2, Bucket, One, "s3:ListBucket";
    ListObjectVersions, Bucket, One, "s3:ListBucketVersions";
    ListMultipartUploads, Bucket, One, "s3:ListBucketMultipartUploads";
    GetBucketVersioning, Bucket, One, "s3:GetBucketVersioning";
    PutBucketVersioning, Bucket, One, "s3:PutBucketVersioning";
    GetBucketCors, Bucket, One, "s3:GetBucketCORS";
    PutBucketCors, Bucket, One, "s3:PutBucketCORS";
    DeleteBucketCors, Bucket, One, "s3:PutBucketCORS";
    Preflight, Object, One, "s3:GetObject";
    GetBucketPolicy, Bucket, One, "s3:GetBucketPolicy";
    PutBucketPolicy, Bucket, One, "s3:PutBucketPolicy";
    DeleteBucketPolicy, Bucket, One, "s3:DeleteBucketPolicy";
    GetBucketPolicyStatus, Bucket, Two, "s3:GetBucketPolicyStatus";
    GetBucketAcl, Bucket, One, "s3:GetBucketAcl";
    PutBucketAcl, Bucket, One, "s3:PutBucketAcl";
    GetPublicAccessBlock, Bucket, Two, "s3:GetBucketPublicAccessBlock";
    PutPublicAccessBlock, Bucket, Two, "s3:PutBucketPublicAccessBlock";
    DeletePublicAccessBlock, Bucket, Two, "s3:PutBucketPublicAccessBlock";
    GetBucketOwnershipControls, Bucket, Stub, "s3:GetBucketOwnershipControls";
    PutBucketOwnershipControls, Bucket, Stub, "s3:PutBucketOwnershipControls";
    DeleteBucketOwnershipControls, Bucket, Stub, "s3:PutBucketOwnershipControls";
    GetObjectLockConfiguration, Bucket, One, "s3:GetBucketObjectLockConfiguration";
    PutObjectLockConfiguration, Bucket, One, "s3:PutBucketObjectLockConfiguration";
    GetBucketLifecycleConfiguration, Bucket, Two, "s3:GetLifecycleConfiguration";
    PutBucketLifecycleConfiguration, Bucket, Two, "s3:PutLifecycleConfiguration";
    DeleteBucketLifecycle, Bucket, Two, "s3:PutLifecycleConfiguration";
    GetBucketTagging, Bucket, Two, "s3:GetBucketTagging";
    PutBucketTagging, Bucket, Two, "s3:PutBucketTagging";
    DeleteBucketTagging, Bucket, Two, "s3:PutBucketTagging";
    GetBucketEncryption, Bucket, Two, "s3:GetEncryptionConfiguration";
    PutBucketEncryption, Bucket, Two, "s3:PutEncryptionConfiguration";
    DeleteBucketEncryption, Bucket, Two, "s3:PutEncryptionConfiguration";
    GetBucketNotificationConfiguration, Bucket, Stub, "s3:GetBucketNotification";
    GetBucketRequestPayment, Bucket, Stub, "s3:GetBucketRequestPayment";
    GetBucketAccelerateConfiguration, Bucket, Stub, "s3:GetAccelerateConfiguration";
    GetBucketWebsite, Bucket, Stub, "s3:GetBucketWebsite";
    GetBucketLogging, Bucket, Stub, "s3:GetBucketLogging";
    GetBucketReplication, Bucket, Stub, "s3:GetReplicationConfiguration";
    GetObject, Object, One, "s3:GetObject";
    HeadObject, Object, One, "s3:GetObject";
    GetObjectAttributes, Object, One, "s3:GetObjectAttributes";
    PutObject, Object, One, "s3:PutObject";
    PostObject, Bucket, One, "s3:PutObject";
    CopyObject, Object, One, "s3:PutObject";
    DeleteObject, Object, One, "s3:DeleteObject";
    DeleteObjectVersion, Object, One, "s3:DeleteObjectVersion";
    DeleteObjects, Bucket, One, "s3:DeleteObject";
    CreateMultipartUpload, Object, One, "s3:PutObject";
    UploadPart, Object, One, "s3:PutObject";
    UploadPartCopy, Object, One, "s3:PutObject";
    CompleteMultipartUpload, Object, One, "s3:PutObject";
    AbortMultipartUpload, Object, One, "s3:AbortMultipartUpload";
    ListParts, Object, One, "s3:ListMultipartUploadParts";
    GetObjectTagging, Object, Two, "s3:GetObjectTagging";
    PutObjectTagging, Object, Two, "s3:PutObjectTagging";
    DeleteObjectTagging, Object, Two, "s3:DeleteObjectTagging";
    GetObjectAcl, Object, One, "s3:GetObjectAcl";
    PutObjectAcl, Object, One, "s3:PutObjectAcl";
    GetObjectRetention, Object, Two, "s3:GetObjectRetention";
    GetObjectLegalHold, Object, Two, "s3:GetObjectLegalHold";
    PutObjectRetention, Object, Two, "s3:PutObjectRetention";
    PutObjectLegalHold, Object, Two, "s3:PutObjectLegalHold";
    PutBucketAccelerateConfiguration, Bucket, Never, "s3:PutAccelerateConfiguration";
    PutBucketLogging, Bucket, Never, "s3:PutBucketLogging";
    PutBucketNotificationConfiguration, Bucket, Never, "s3:PutBucketNotification";
    PutBucketReplication, Bucket, Never, "s3:PutReplicationConfiguration";
    PutBucketRequestPayment, Bucket, Never, "s3:PutBucketRequestPayment";
    PutBucketWebsite, Bucket, Never, "s3:PutBucketWebsite";
    DeleteBucketReplication, Bucket, Never, "s3:PutReplicationConfiguration";
    DeleteBucketWebsite, Bucket, Never, "s3:DeleteBucketWebsite";
    GetBucketAnalyticsConfiguration, Bucket, Never, "s3:GetAnalyticsConfiguration";
    PutBucketAnalyticsConfiguration, Bucket, Never, "s3:PutAnalyticsConfiguration";
    DeleteBucketAnalyticsConfiguration, Bucket, Never, "s3:PutAnalyticsConfiguration";
    ListBucketAnalyticsConfigurations, Bucket, Never, "s3:GetAnalyticsConfiguration";
    GetBucketIntelligentTieringConfiguration, Bucket, Never, "s3:GetIntelligentTieringConfiguration";
    PutBucketIntelligentTieringConfiguration, Bucket, Never, "s3:PutIntelligentTieringConfiguration";
    DeleteBucketIntelligentTieringConfiguration, Bucket, Never, "s3:PutIntelligentTieringConfiguration";
    ListBucketIntelligentTieringConfigurations, Bucket, Never, "s3:GetIntelligentTieringConfiguration";
    GetBucketInventoryConfiguration, Bucket, Never, "s3:GetInventoryConfiguration";
    PutBucketInventoryConfiguration, Bucket, Never, "s3:PutInventoryConfiguration";
    DeleteBucketInventoryConfiguration, Bucket, Never, "s3:PutInventoryConfiguration";
    ListBucketInventoryConfigurations, Bucket, Never, "s3:GetInventoryConfiguration";
    GetBucketMetricsConfiguration, Bucket, Never, "s3:GetMetricsConfiguration";
    PutBucketMetricsConfiguration, Bucket, Never, "s3:PutMetricsConfiguration";
    DeleteBucketMetricsConfiguration, Bucket, Never, "s3:PutMetricsConfiguration";
    ListBucketMetricsConfigurations, Bucket, Never, "s3:GetMetricsConfiguration";
    CreateBucketMetadataConfiguration, Bucket, Never, "s3:CreateBucketMetadataTableConfiguration";
    GetBucketMetadataConfiguration, Bucket, Never, "s3:GetBucketMetadataTableConfiguration";
    DeleteBucketMetadataConfiguration, Bucket, Never, "s3:DeleteBucketMetadataTableConfiguration";
    CreateBucketMetadataTableConfiguration, Bucket, Never, "s3:CreateBucketMetadataTableConfiguration";
    GetBucketMetadataTableConfiguration, Bucket, Never, "s3:GetBucketMetadataTableConfiguration";
    DeleteBucketMetadataTableConfiguration, Bucket, Never, "s3:DeleteBucketMetadataTableConfiguration";
    UpdateBucketMetadataInventoryTableConfiguration, Bucket, Never, "s3:UpdateBucketMetadataInventoryTableConfiguration";
    UpdateBucketMetadataJournalTableConfiguration, Bucket, Never, "s3:UpdateBucketMetadataJournalTableConfiguration";
    GetBucketAbac, Bucket, Never, "s3:GetBucketAbac";
    PutBucketAbac, Bucket, Never, "s3:PutBucketAbac";
    GetObjectTorrent, Object, Never, "s3:GetObjectTorrent";
    SelectObjectContent, Object, Never, "s3:GetObject";
    RestoreObject, Object, Never, "s3:RestoreObject";
    WriteGetObjectResponse, Service, Never, "s3:WriteGetObjectResponse";
    RenameObject, Object, Never, "s3:RenameObject";
    UpdateObjectEncryption, Object, Never, "s3:UpdateObjectEncryption";
    CreateSession, Bucket, Never, "s3express:CreateSession";
    ListDirectoryBuckets, Service, Never, "s3express:ListAllMyDirectoryBuckets";
    GetCallerIdentity, Service, Two, "sts:GetCallerIdentity";
    GetSessionToken, Service, Two, "sts:GetSessionToken";
    AssumeRole, Service, Two, "sts:AssumeRole";
    BypassGovernanceRetention, Object, Two, "s3:BypassGovernanceRetention";
}

impl Operation {
    /// Whether this build answers it. What is not built is 501 NotImplemented; those of STS have an endpoint of their own.
    pub const fn is_built(self) -> bool {
        match self {
            Self::GetCallerIdentity | Self::GetSessionToken | Self::AssumeRole => false,
            _ => !matches!(self.tier(), Tier::Never),
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text is not the name of an S3 operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an S3 operation: `{0}`")]
pub struct UnknownOperation(pub String);

impl FromStr for Operation {
    type Err = UnknownOperation;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|operation| operation.name() == name);
        found
            .copied()
            .ok_or_else(|| UnknownOperation(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_as_itself() {
        for operation in Operation::ALL {
            assert_eq!(operation.name().parse(), Ok(*operation));
        }
    }
}
