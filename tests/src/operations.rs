//! A well-formed request for every operation of S3: what the decision table and the isolation tests iterate.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use s3_protocol::Operation;

use crate::call::{self, Call};
use crate::gate::{Gate, Key};
use crate::sign;

/// The border of the forms that [`form`] makes.
const BORDER: &str = "----postern-tests";

/// A request for `operation` on a bucket, key and upload, where they matter. `PostObject` carries its signature in the
/// body: use [`form`].
pub fn call(operation: Operation, bucket: &str, key: &str, upload: &str) -> Call {
    use Operation as O;
    let b = |method: &str, query: &str| Call::new(method, &format!("/{bucket}{query}"));
    let o = |method: &str, query: &str| Call::new(method, &format!("/{bucket}/{key}{query}"));
    let source = format!("/{bucket}/{key}");
    let range_of_copy = |call: Call| call.with("x-amz-copy-source", &source);
    match operation {
        O::ListBuckets => Call::get("/"),
        O::CreateBucket => b("PUT", ""),
        O::DeleteBucket => b("DELETE", ""),
        O::HeadBucket => b("HEAD", ""),
        O::GetBucketLocation => b("GET", "?location"),
        O::ListObjects => b("GET", ""),
        O::ListObjectsV2 => b("GET", "?list-type=2"),
        O::ListObjectVersions => b("GET", "?versions"),
        O::ListMultipartUploads => b("GET", "?uploads"),
        O::GetBucketVersioning => b("GET", "?versioning"),
        O::PutBucketVersioning => xml(b("PUT", "?versioning"), VERSIONING),
        O::GetBucketCors => b("GET", "?cors"),
        O::PutBucketCors => xml(b("PUT", "?cors"), CORS),
        O::DeleteBucketCors => b("DELETE", "?cors"),
        O::Preflight => o("OPTIONS", "")
            .with("origin", "https://example.com")
            .with("access-control-request-method", "GET"),
        O::GetBucketPolicy => b("GET", "?policy"),
        O::PutBucketPolicy => b("PUT", "?policy").body(policy(bucket).as_bytes()),
        O::DeleteBucketPolicy => b("DELETE", "?policy"),
        O::GetBucketPolicyStatus => b("GET", "?policyStatus"),
        O::GetBucketAcl => b("GET", "?acl"),
        O::PutBucketAcl => b("PUT", "?acl").with("x-amz-acl", "private"),
        O::GetPublicAccessBlock => b("GET", "?publicAccessBlock"),
        O::PutPublicAccessBlock => xml(b("PUT", "?publicAccessBlock"), BLOCKED),
        O::DeletePublicAccessBlock => b("DELETE", "?publicAccessBlock"),
        O::GetBucketOwnershipControls => b("GET", "?ownershipControls"),
        O::PutBucketOwnershipControls => xml(b("PUT", "?ownershipControls"), ENFORCED),
        O::DeleteBucketOwnershipControls => b("DELETE", "?ownershipControls"),
        O::GetObjectLockConfiguration => b("GET", "?object-lock"),
        O::PutObjectLockConfiguration => xml(b("PUT", "?object-lock"), LOCK),
        O::GetBucketLifecycleConfiguration => b("GET", "?lifecycle"),
        O::PutBucketLifecycleConfiguration => xml(b("PUT", "?lifecycle"), LIFECYCLE),
        O::DeleteBucketLifecycle => b("DELETE", "?lifecycle"),
        O::GetBucketTagging => b("GET", "?tagging"),
        O::PutBucketTagging => xml(b("PUT", "?tagging"), TAGGING),
        O::DeleteBucketTagging => b("DELETE", "?tagging"),
        O::GetBucketEncryption => b("GET", "?encryption"),
        O::PutBucketEncryption => xml(b("PUT", "?encryption"), ENCRYPTION),
        O::DeleteBucketEncryption => b("DELETE", "?encryption"),
        O::GetBucketNotificationConfiguration => b("GET", "?notification"),
        O::GetBucketRequestPayment => b("GET", "?requestPayment"),
        O::GetBucketAccelerateConfiguration => b("GET", "?accelerate"),
        O::GetBucketWebsite => b("GET", "?website"),
        O::GetBucketLogging => b("GET", "?logging"),
        O::GetBucketReplication => b("GET", "?replication"),
        O::GetObject => o("GET", ""),
        O::HeadObject => o("HEAD", ""),
        O::GetObjectAttributes => o("GET", "?attributes").with("x-amz-object-attributes", "ETag"),
        O::PutObject => o("PUT", "").body(b"put"),
        O::PostObject => Call::post(&format!("/{bucket}"), b""),
        O::CopyObject => range_of_copy(Call::put(&format!("/{bucket}/{key}-copy"), b"")),
        O::DeleteObject => o("DELETE", ""),
        O::DeleteObjectVersion => o("DELETE", "?versionId=null"),
        O::DeleteObjects => {
            let body = format!("<Delete><Object><Key>{key}</Key></Object></Delete>");
            xml(b("POST", "?delete"), &body)
        }
        O::CreateMultipartUpload => o("POST", "?uploads"),
        O::UploadPart => o("PUT", &format!("?partNumber=1&uploadId={upload}")).body(b"part"),
        O::UploadPartCopy => range_of_copy(o("PUT", &format!("?partNumber=2&uploadId={upload}"))),
        O::CompleteMultipartUpload => {
            let etag = hex::encode(Md5::digest(b"part"));
            let body = format!(
                "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>\
                 </CompleteMultipartUpload>"
            );
            o("POST", &format!("?uploadId={upload}")).body(body.as_bytes())
        }
        O::AbortMultipartUpload => o("DELETE", &format!("?uploadId={upload}")),
        O::ListParts => o("GET", &format!("?uploadId={upload}")),
        O::GetObjectTagging => o("GET", "?tagging"),
        O::PutObjectTagging => xml(o("PUT", "?tagging"), TAGGING),
        O::DeleteObjectTagging => o("DELETE", "?tagging"),
        O::GetObjectAcl => o("GET", "?acl"),
        O::PutObjectAcl => o("PUT", "?acl").with("x-amz-acl", "private"),
        O::GetObjectRetention => o("GET", "?retention"),
        O::GetObjectLegalHold => o("GET", "?legal-hold"),
        O::PutObjectRetention => xml(o("PUT", "?retention"), RETENTION),
        O::PutObjectLegalHold => xml(o("PUT", "?legal-hold"), HOLD),
        O::PutBucketAccelerateConfiguration => xml(b("PUT", "?accelerate"), EMPTY),
        O::PutBucketLogging => xml(b("PUT", "?logging"), EMPTY),
        O::PutBucketNotificationConfiguration => xml(b("PUT", "?notification"), EMPTY),
        O::PutBucketReplication => xml(b("PUT", "?replication"), EMPTY),
        O::PutBucketRequestPayment => xml(b("PUT", "?requestPayment"), EMPTY),
        O::PutBucketWebsite => xml(b("PUT", "?website"), EMPTY),
        O::DeleteBucketReplication => b("DELETE", "?replication"),
        O::DeleteBucketWebsite => b("DELETE", "?website"),
        O::GetBucketAnalyticsConfiguration => b("GET", "?analytics&id=x"),
        O::PutBucketAnalyticsConfiguration => xml(b("PUT", "?analytics&id=x"), EMPTY),
        O::DeleteBucketAnalyticsConfiguration => b("DELETE", "?analytics&id=x"),
        O::ListBucketAnalyticsConfigurations => b("GET", "?analytics"),
        O::GetBucketIntelligentTieringConfiguration => b("GET", "?id=x&intelligent-tiering"),
        O::PutBucketIntelligentTieringConfiguration => {
            xml(b("PUT", "?id=x&intelligent-tiering"), EMPTY)
        }
        O::DeleteBucketIntelligentTieringConfiguration => b("DELETE", "?id=x&intelligent-tiering"),
        O::ListBucketIntelligentTieringConfigurations => b("GET", "?intelligent-tiering"),
        O::GetBucketInventoryConfiguration => b("GET", "?id=x&inventory"),
        O::PutBucketInventoryConfiguration => xml(b("PUT", "?id=x&inventory"), EMPTY),
        O::DeleteBucketInventoryConfiguration => b("DELETE", "?id=x&inventory"),
        O::ListBucketInventoryConfigurations => b("GET", "?inventory"),
        O::GetBucketMetricsConfiguration => b("GET", "?id=x&metrics"),
        O::PutBucketMetricsConfiguration => xml(b("PUT", "?id=x&metrics"), EMPTY),
        O::DeleteBucketMetricsConfiguration => b("DELETE", "?id=x&metrics"),
        O::ListBucketMetricsConfigurations => b("GET", "?metrics"),
        O::CreateBucketMetadataConfiguration => xml(b("POST", "?metadataConfiguration"), EMPTY),
        O::GetBucketMetadataConfiguration => b("GET", "?metadataConfiguration"),
        O::DeleteBucketMetadataConfiguration => b("DELETE", "?metadataConfiguration"),
        O::CreateBucketMetadataTableConfiguration => xml(b("POST", "?metadataTable"), EMPTY),
        O::GetBucketMetadataTableConfiguration => b("GET", "?metadataTable"),
        O::DeleteBucketMetadataTableConfiguration => b("DELETE", "?metadataTable"),
        O::UpdateBucketMetadataInventoryTableConfiguration => {
            xml(b("PUT", "?metadataInventoryTable"), EMPTY)
        }
        O::UpdateBucketMetadataJournalTableConfiguration => {
            xml(b("PUT", "?metadataJournalTable"), EMPTY)
        }
        O::GetBucketAbac => b("GET", "?abac"),
        O::PutBucketAbac => xml(b("PUT", "?abac"), EMPTY),
        O::GetObjectTorrent => o("GET", "?torrent"),
        O::SelectObjectContent => xml(o("POST", "?select&select-type=2"), EMPTY),
        O::RestoreObject => xml(o("POST", "?restore"), EMPTY),
        O::WriteGetObjectResponse => Call::post("/WriteGetObjectResponse", b"")
            .with("x-amz-request-route", "r")
            .with("x-amz-request-token", "t"),
        O::RenameObject => o("PUT", "?renameObject").with("x-amz-rename-source", &source),
        O::UpdateObjectEncryption => xml(o("PUT", "?encryption"), EMPTY),
        O::CreateSession => b("GET", "?session"),
        O::ListDirectoryBuckets => Call::get("/?max-directory-buckets=10"),
        O::GetCallerIdentity => sts("GetCallerIdentity"),
        O::GetSessionToken => sts("GetSessionToken"),
        O::AssumeRole => sts("AssumeRole"),
        O::BypassGovernanceRetention => {
            o("DELETE", "?versionId=null").with("x-amz-bypass-governance-retention", "true")
        }
    }
}

/// A form that uploads to `key`, signed with `who`'s key, for [`Call::anonymous`].
pub fn form(gate: &Gate, who: &Key, bucket: &str, key: &str) -> Call {
    let signer = call::signer(gate, who);
    let credential = format!("{}/{}", signer.id, signer.scope());
    let policy = format!(
        r#"{{"expiration":"2099-01-01T00:00:00.000Z","conditions":[{{"bucket":"{bucket}"}},{{"key":"{key}"}},
        {{"x-amz-algorithm":"AWS4-HMAC-SHA256"}},{{"x-amz-credential":"{credential}"}},{{"x-amz-date":"{}"}}]}}"#,
        signer.stamp()
    );
    let policy = STANDARD.encode(policy);
    let signature = signer.sign(&policy);
    let stamp = sign::stamp(signer.time);
    let fields = [
        ("key", key),
        ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
        ("x-amz-credential", credential.as_str()),
        ("x-amz-date", stamp.as_str()),
        ("policy", policy.as_str()),
        ("x-amz-signature", signature.as_str()),
    ];
    form_of(bucket, &fields, b"from a form")
}

/// A form of these fields and a file.
pub fn form_of(bucket: &str, fields: &[(&str, &str)], file: &[u8]) -> Call {
    let mut body = Vec::new();
    for (name, value) in fields {
        let part = format!(
            "--{BORDER}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        );
        body.extend(part.into_bytes());
    }
    let head = format!(
        "--{BORDER}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\
         Content-Type: text/plain\r\n\r\n"
    );
    body.extend(head.into_bytes());
    body.extend_from_slice(file);
    body.extend(format!("\r\n--{BORDER}--\r\n").into_bytes());
    Call::post(&format!("/{bucket}"), &body).with(
        "content-type",
        &format!("multipart/form-data; boundary={BORDER}"),
    )
}

const VERSIONING: &str =
    "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
const CORS: &str = "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod>\
                    <AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>";
const TAGGING: &str = "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>";
const BLOCKED: &str = "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>";
/// What buckets of most profiles have anyhow.
const ENFORCED: &str = "<OwnershipControls><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>";
const LOCK: &str = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>\
                    </ObjectLockConfiguration>";
const RETENTION: &str = "<Retention><Mode>GOVERNANCE</Mode>\
                         <RetainUntilDate>2100-01-01T00:00:00Z</RetainUntilDate></Retention>";
const HOLD: &str = "<LegalHold><Status>OFF</Status></LegalHold>";
const LIFECYCLE: &str = "<LifecycleConfiguration><Rule><Status>Enabled</Status><Filter><Prefix>never/</Prefix>\
                         </Filter><Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>";
const ENCRYPTION: &str = "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>\
                          <SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule>\
                          </ServerSideEncryptionConfiguration>";
const EMPTY: &str = "<Empty/>";

/// The MD5 of bytes in hexadecimal digits, as the entity tag of an object that was put in one.
pub fn md5(bytes: &[u8]) -> String {
    hex::encode(Md5::digest(bytes))
}

/// Adds the digest that some operations want of their body.
pub fn with_md5(call: Call) -> Call {
    let digest = STANDARD.encode(Md5::digest(call.content()));
    call.with("content-md5", &digest)
}

fn xml(call: Call, body: &str) -> Call {
    with_md5(call.body(body.as_bytes()))
}

fn sts(action: &str) -> Call {
    Call::post(
        "/",
        format!("Action={action}&Version=2011-06-15").as_bytes(),
    )
    .with("content-type", "application/x-www-form-urlencoded")
}

/// A policy of this bucket that says nothing of any object that a test makes.
fn policy(bucket: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::{bucket}/never"}}]}}"#
    )
}
