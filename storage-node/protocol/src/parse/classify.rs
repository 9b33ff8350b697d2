//! Method, target and sub-resource name the operation. What S3 does not have is 405, never a neighbour.

use http::Method;

use super::Head;
use super::headers::{one, text_of};
use super::query::Query;
use super::target::OBJECT_LAMBDA;
use crate::call::Target;
use crate::error::{S3Code, S3Error};
use crate::operation::Operation;

/// The operation that a request asks for.
pub(super) fn operation(
    head: &Head<'_>,
    target: &Target,
    query: &Query<'_>,
) -> Result<Operation, S3Error> {
    if *head.method == Method::OPTIONS {
        return Ok(Operation::Preflight);
    }
    let sub = query.sub_resource()?;
    let found = match target {
        Target::Service => service(head, sub, query),
        Target::Bucket(_) => match *head.method {
            Method::GET => get_bucket(sub, query)?,
            Method::PUT => put_bucket(sub),
            Method::DELETE => delete_bucket(sub),
            Method::POST => post_bucket(sub, head)?,
            Method::HEAD if sub.is_none() => Some(Operation::HeadBucket),
            _ => None,
        },
        Target::Object(..) => match *head.method {
            Method::GET => get_object(sub),
            Method::HEAD if sub.is_none() => Some(Operation::HeadObject),
            Method::PUT => put_object(sub, head)?,
            Method::DELETE => delete_object(sub, query),
            Method::POST => post_object(sub),
            _ => None,
        },
    };
    found.ok_or_else(|| {
        let resource = sub.unwrap_or(match target {
            Target::Service => "SERVICE",
            Target::Bucket(_) => "BUCKET",
            Target::Object(..) => "OBJECT",
        });
        S3Error::new(S3Code::MethodNotAllowed)
            .and("Method", head.method.as_str())
            .and("ResourceType", resource)
    })
}

fn service(head: &Head<'_>, sub: Option<&str>, query: &Query<'_>) -> Option<Operation> {
    if head.path.ends_with(OBJECT_LAMBDA) {
        return (*head.method == Method::POST).then_some(Operation::WriteGetObjectResponse);
    }
    match (head.method, sub) {
        (&Method::GET, None) if query.has("max-directory-buckets") => {
            Some(Operation::ListDirectoryBuckets)
        }
        (&Method::GET, None) => Some(Operation::ListBuckets),
        // STS names its action in the query or in the form that follows.
        (&Method::POST, None) => match query.get("Action") {
            Ok(Some("AssumeRole")) => Some(Operation::AssumeRole),
            Ok(Some("GetSessionToken")) => Some(Operation::GetSessionToken),
            _ => Some(Operation::GetCallerIdentity),
        },
        _ => None,
    }
}

fn get_bucket(sub: Option<&str>, query: &Query<'_>) -> Result<Option<Operation>, S3Error> {
    let one_or_all = |one, all| if query.has("id") { one } else { all };
    Ok(Some(match sub {
        None => match query.get("list-type")? {
            None => Operation::ListObjects,
            Some("2") => Operation::ListObjectsV2,
            Some(other) => {
                return Err(S3Error::argument("Invalid list-type", "list-type", other));
            }
        },
        Some("location") => Operation::GetBucketLocation,
        Some("versions") => Operation::ListObjectVersions,
        Some("uploads") => Operation::ListMultipartUploads,
        Some("versioning") => Operation::GetBucketVersioning,
        Some("cors") => Operation::GetBucketCors,
        Some("policy") => Operation::GetBucketPolicy,
        Some("policyStatus") => Operation::GetBucketPolicyStatus,
        Some("acl") => Operation::GetBucketAcl,
        Some("publicAccessBlock") => Operation::GetPublicAccessBlock,
        Some("ownershipControls") => Operation::GetBucketOwnershipControls,
        Some("object-lock") => Operation::GetObjectLockConfiguration,
        Some("lifecycle") => Operation::GetBucketLifecycleConfiguration,
        Some("tagging") => Operation::GetBucketTagging,
        Some("encryption") => Operation::GetBucketEncryption,
        Some("notification") => Operation::GetBucketNotificationConfiguration,
        Some("requestPayment") => Operation::GetBucketRequestPayment,
        Some("accelerate") => Operation::GetBucketAccelerateConfiguration,
        Some("website") => Operation::GetBucketWebsite,
        Some("logging") => Operation::GetBucketLogging,
        Some("replication") => Operation::GetBucketReplication,
        Some("analytics") => one_or_all(
            Operation::GetBucketAnalyticsConfiguration,
            Operation::ListBucketAnalyticsConfigurations,
        ),
        Some("intelligent-tiering") => one_or_all(
            Operation::GetBucketIntelligentTieringConfiguration,
            Operation::ListBucketIntelligentTieringConfigurations,
        ),
        Some("inventory") => one_or_all(
            Operation::GetBucketInventoryConfiguration,
            Operation::ListBucketInventoryConfigurations,
        ),
        Some("metrics") => one_or_all(
            Operation::GetBucketMetricsConfiguration,
            Operation::ListBucketMetricsConfigurations,
        ),
        Some("metadataConfiguration") => Operation::GetBucketMetadataConfiguration,
        Some("metadataTable") => Operation::GetBucketMetadataTableConfiguration,
        Some("abac") => Operation::GetBucketAbac,
        Some("session") => Operation::CreateSession,
        Some(_) => return Ok(None),
    }))
}

fn put_bucket(sub: Option<&str>) -> Option<Operation> {
    Some(match sub {
        None => Operation::CreateBucket,
        Some("versioning") => Operation::PutBucketVersioning,
        Some("cors") => Operation::PutBucketCors,
        Some("policy") => Operation::PutBucketPolicy,
        Some("acl") => Operation::PutBucketAcl,
        Some("publicAccessBlock") => Operation::PutPublicAccessBlock,
        Some("ownershipControls") => Operation::PutBucketOwnershipControls,
        Some("object-lock") => Operation::PutObjectLockConfiguration,
        Some("lifecycle") => Operation::PutBucketLifecycleConfiguration,
        Some("tagging") => Operation::PutBucketTagging,
        Some("encryption") => Operation::PutBucketEncryption,
        Some("accelerate") => Operation::PutBucketAccelerateConfiguration,
        Some("logging") => Operation::PutBucketLogging,
        Some("notification") => Operation::PutBucketNotificationConfiguration,
        Some("replication") => Operation::PutBucketReplication,
        Some("requestPayment") => Operation::PutBucketRequestPayment,
        Some("website") => Operation::PutBucketWebsite,
        Some("analytics") => Operation::PutBucketAnalyticsConfiguration,
        Some("intelligent-tiering") => Operation::PutBucketIntelligentTieringConfiguration,
        Some("inventory") => Operation::PutBucketInventoryConfiguration,
        Some("metrics") => Operation::PutBucketMetricsConfiguration,
        Some("metadataInventoryTable") => {
            Operation::UpdateBucketMetadataInventoryTableConfiguration
        }
        Some("metadataJournalTable") => Operation::UpdateBucketMetadataJournalTableConfiguration,
        Some("abac") => Operation::PutBucketAbac,
        Some(_) => return None,
    })
}

fn delete_bucket(sub: Option<&str>) -> Option<Operation> {
    Some(match sub {
        None => Operation::DeleteBucket,
        Some("cors") => Operation::DeleteBucketCors,
        Some("policy") => Operation::DeleteBucketPolicy,
        Some("publicAccessBlock") => Operation::DeletePublicAccessBlock,
        Some("ownershipControls") => Operation::DeleteBucketOwnershipControls,
        Some("lifecycle") => Operation::DeleteBucketLifecycle,
        Some("tagging") => Operation::DeleteBucketTagging,
        Some("encryption") => Operation::DeleteBucketEncryption,
        Some("replication") => Operation::DeleteBucketReplication,
        Some("website") => Operation::DeleteBucketWebsite,
        Some("analytics") => Operation::DeleteBucketAnalyticsConfiguration,
        Some("intelligent-tiering") => Operation::DeleteBucketIntelligentTieringConfiguration,
        Some("inventory") => Operation::DeleteBucketInventoryConfiguration,
        Some("metrics") => Operation::DeleteBucketMetricsConfiguration,
        Some("metadataConfiguration") => Operation::DeleteBucketMetadataConfiguration,
        Some("metadataTable") => Operation::DeleteBucketMetadataTableConfiguration,
        Some(_) => return None,
    })
}

fn post_bucket(sub: Option<&str>, head: &Head<'_>) -> Result<Option<Operation>, S3Error> {
    Ok(Some(match sub {
        None if is_form(head)? => Operation::PostObject,
        None => {
            return Err(S3Error::with(
                S3Code::PreconditionFailed,
                "Bucket POST must be of the enclosure-type multipart/form-data",
            )
            .and(
                "Condition",
                "Bucket POST must be of the enclosure-type multipart/form-data",
            ));
        }
        Some("delete") => Operation::DeleteObjects,
        Some("metadataConfiguration") => Operation::CreateBucketMetadataConfiguration,
        Some("metadataTable") => Operation::CreateBucketMetadataTableConfiguration,
        Some(_) => return Ok(None),
    }))
}

fn get_object(sub: Option<&str>) -> Option<Operation> {
    Some(match sub {
        None => Operation::GetObject,
        Some("attributes") => Operation::GetObjectAttributes,
        Some("uploadId") => Operation::ListParts,
        Some("tagging") => Operation::GetObjectTagging,
        Some("acl") => Operation::GetObjectAcl,
        Some("retention") => Operation::GetObjectRetention,
        Some("legal-hold") => Operation::GetObjectLegalHold,
        Some("torrent") => Operation::GetObjectTorrent,
        Some(_) => return None,
    })
}

fn put_object(sub: Option<&str>, head: &Head<'_>) -> Result<Option<Operation>, S3Error> {
    let copies = one(head.headers, "x-amz-copy-source")?.is_some();
    Ok(Some(match (sub, copies) {
        (None, false) => Operation::PutObject,
        (None, true) => Operation::CopyObject,
        (Some("uploadId"), false) => Operation::UploadPart,
        (Some("uploadId"), true) => Operation::UploadPartCopy,
        (Some("tagging"), _) => Operation::PutObjectTagging,
        (Some("acl"), _) => Operation::PutObjectAcl,
        (Some("retention"), _) => Operation::PutObjectRetention,
        (Some("legal-hold"), _) => Operation::PutObjectLegalHold,
        (Some("renameObject"), _) => Operation::RenameObject,
        (Some("encryption"), _) => Operation::UpdateObjectEncryption,
        (Some(_), _) => return Ok(None),
    }))
}

fn delete_object(sub: Option<&str>, query: &Query<'_>) -> Option<Operation> {
    match sub {
        None if query.has("versionId") => Some(Operation::DeleteObjectVersion),
        None => Some(Operation::DeleteObject),
        Some("uploadId") => Some(Operation::AbortMultipartUpload),
        Some("tagging") => Some(Operation::DeleteObjectTagging),
        Some(_) => None,
    }
}

fn post_object(sub: Option<&str>) -> Option<Operation> {
    match sub {
        Some("uploads") => Some(Operation::CreateMultipartUpload),
        Some("uploadId") => Some(Operation::CompleteMultipartUpload),
        Some("select") => Some(Operation::SelectObjectContent),
        Some("restore") => Some(Operation::RestoreObject),
        None | Some(_) => None,
    }
}

fn is_form(head: &Head<'_>) -> Result<bool, S3Error> {
    let content_type = text_of(head.headers, "content-type")?.unwrap_or_default();
    let media = content_type.split(';').next().unwrap_or_default();
    Ok(media.trim().eq_ignore_ascii_case("multipart/form-data"))
}
