//! The registry as one table. A row is everything that is known of an attribute; there is no second place.
//!
//! Sources: Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3", and IAM User
//! Guide, "AWS global condition context keys". The rows named `postern:` are ours.

use super::Normalisation::{LowerCase, Trimmed};
use super::Presence::{Bucket, Constraint, ExistingObject, Object, Operations, Sent, Signed};
use super::{Entry, Kind};

/// Operations that list: those where `s3:prefix` and its companions mean something.
const LISTS: &[&str] = &[
    "ListObjects",
    "ListObjectsV2",
    "ListObjectVersions",
    "ListMultipartUploads",
];
/// Operations that make a new object or change its headers.
const WRITES: &[&str] = &[
    "PutObject",
    "PostObject",
    "CopyObject",
    "CreateMultipartUpload",
];
/// Operations whose body or result becomes an object or a part of one.
const BODIES: &[&str] = &["PutObject", "PostObject", "UploadPart"];
/// Operations that may carry `If-Match` and `If-None-Match` as conditions of a write.
const CONDITIONAL: &[&str] = &[
    "PutObject",
    "CopyObject",
    "CompleteMultipartUpload",
    "DeleteObject",
    "DeleteObjects",
];

macro_rules! registry {
    ($($(#[doc = $doc:literal])+ $name:ident = $entry:expr;)+) => {
        /// The attributes of the registry, without parameters.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Name { $($(#[doc = $doc])+ $name,)+ }

        impl Name {
            /// Every attribute, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The row of this attribute.
            pub const fn entry(self) -> &'static Entry {
                match self {
                    $(Self::$name => { const ROW: Entry = $entry; &ROW })+
                }
            }

            /// What it is, in a sentence.
            pub const fn about(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),+).trim_ascii(),)+
                }
            }
        }
    };
}

const fn text(name: &'static str) -> Entry {
    Entry::new(name, Kind::Text)
}
const fn arn(name: &'static str) -> Entry {
    Entry::new(name, Kind::Arn)
}
const fn number(name: &'static str) -> Entry {
    Entry::new(name, Kind::Number)
}
const fn time(name: &'static str) -> Entry {
    Entry::new(name, Kind::Time)
}
const fn boolean(name: &'static str) -> Entry {
    Entry::new(name, Kind::Bool)
}
const fn address(name: &'static str) -> Entry {
    Entry::new(name, Kind::Address)
}
const fn network(name: &'static str) -> Entry {
    Entry::new(name, Kind::Network)
}
/// A constraint of the access key: absent where it is not set, and then it restricts nothing.
const fn constraint(entry: Entry) -> Entry {
    entry.at(Constraint).requires(&[Name::KeyLevel])
}

registry! {
    // The connection and the clock.
    /// The client's address, from the socket, PROXY protocol or a trusted proxy.
    SourceIp = address("aws:SourceIp");
    /// Whether the request came over TLS.
    SecureTransport = boolean("aws:SecureTransport");
    /// The moment at which the request is judged.
    CurrentTime = time("aws:CurrentTime").clock();
    /// The same moment, as the number of seconds since 1970.
    EpochTime = number("aws:EpochTime").clock();
    /// Seconds since midnight, UTC.
    TimeOfDay = number("postern:TimeOfDay").clock();
    /// The day of the week, UTC.
    DayOfWeek = text("postern:DayOfWeek").clock().of(&[
        "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
    ]);
    /// The `Referer` header.
    Referer = text("aws:Referer").at(Sent).url();
    /// The `User-Agent` header.
    UserAgent = text("aws:UserAgent").at(Sent);
    /// Whether a service of AWS makes the request for the caller: never here.
    ViaAwsService = boolean("aws:ViaAWSService");
    /// The version of TLS, as a number: `1.2`, `1.3`.
    TlsVersion = number("s3:TlsVersion").requires(&[Name::SecureTransport]);

    // The caller.
    /// The ARN of the user, sub-user, role or account that signed.
    PrincipalArn = arn("aws:PrincipalArn").at(Signed);
    /// The account of the caller.
    PrincipalAccount = text("aws:PrincipalAccount").at(Signed).requires(&[Name::PrincipalArn]);
    /// A tag of the caller.
    PrincipalTag = text("aws:PrincipalTag").parametric().at(Signed).requires(&[Name::PrincipalArn]);
    /// What kind of caller it is.
    PrincipalType = text("aws:PrincipalType").of(&["Account", "User", "AssumedRole", "Anonymous"]);
    /// The caller's unique id; `anonymous` for an unsigned request.
    UserId = text("aws:userid");
    /// The caller's friendly name.
    Username = text("aws:username").at(Signed).requires(&[Name::PrincipalArn]);
    /// Whether the caller is a service of AWS: never here.
    PrincipalIsAwsService = boolean("aws:PrincipalIsAWSService").at(Signed)
        .requires(&[Name::PrincipalArn]);
    /// Whether a second factor stood behind the session's credentials; absent for the keys of a user.
    MultiFactorAuthPresent = boolean("aws:MultiFactorAuthPresent").at(Signed)
        .requires(&[Name::PrincipalArn]);
    /// Seconds since that second factor was shown.
    MultiFactorAuthAge = number("aws:MultiFactorAuthAge").at(Signed).clock()
        .requires(&[Name::MultiFactorAuthPresent]);
    /// When the session's credentials were made.
    TokenIssueTime = time("aws:TokenIssueTime").at(Signed).requires(&[Name::PrincipalArn]);
    /// Every ARN that names the caller: account, root, user, sub-user, role and session.
    Principals = arn("postern:Principals").many().at(Signed).requires(&[Name::PrincipalArn]);
    /// The caller's account, as the directory numbers it.
    Tenant = text("postern:Tenant").at(Signed).requires(&[Name::PrincipalArn]);
    /// The preset that the bucket's account follows.
    Profile = text("postern:Profile").of(&[
        "e3-primary", "e3-root", "sobject", "vpsa", "datastream", "s3",
    ]);
    /// The caller's role.
    Role = text("postern:Role").at(Signed).requires(&[Name::PrincipalArn]);
    /// The atoms that the caller's role allows.
    RoleAtoms = text("postern:RoleAtoms").many().at(Signed).requires(&[Name::Role]);
    /// The level of the sub-user, where the caller is one.
    SubuserLevel = text("postern:SubuserLevel").at(Signed)
        .of(&["full", "read-write", "read", "write"]).requires(&[Name::PrincipalArn]);
    /// What joins the caller and the bucket's namespace.
    Relation = text("postern:Relation").many().of(&[
        "owner", "member", "share-read", "share-write", "public-read", "public-list",
    ]);
    /// What the account's permissions give the caller.
    AccountPermissions = text("postern:AccountPermissions").many().of(&["read", "write"]);
    /// What the bucket's permissions give the caller.
    ContainerPermissions = text("postern:ContainerPermissions").many().at(Bucket).of(&["read", "write"]);
    /// What the access control list of the bucket gives the caller.
    AclPermissions = text("postern:AclPermissions").many().at(Bucket).of(&[
        "read", "write", "read-acp", "write-acp",
    ]);
    /// How the referrers begin that may read what is public; absent: all.
    PublicReferrers = text("postern:PublicReferrers").many().at(Bucket).requires(&[Name::Bucket]);
    /// Whether account and container permissions do not bind the caller's role.
    AclExempt = boolean("postern:AclExempt").at(Signed).requires(&[Name::PrincipalArn]);

    // The check.
    /// The operation's name in the S3 API.
    Operation = text("postern:Operation");
    /// The atom of the permission model that the operation needs.
    Atom = text("postern:Atom").of(&[
        "none", "ns.list", "bkt.find", "bkt.list", "conf.read", "obj.read", "obj.head", "obj.write",
        "mpu.see", "mpu.abort", "obj.delete", "obj.delver", "lock.extend", "lock.bypass",
        "manage.create", "manage.delete", "manage.conf", "acl.read", "acl.write",
    ]);
    /// The IAM action: `s3:GetObject`.
    Action = text("postern:Action");
    /// The ARN of the bucket or object.
    Resource = arn("postern:Resource");
    /// The name of the bucket.
    Bucket = text("postern:Bucket").at(Bucket);
    /// The key of the object.
    Key = text("postern:Key").at(Object).requires(&[Name::Bucket]);
    /// Whether the bucket exists in the namespace of the request.
    BucketExists = boolean("postern:BucketExists").at(Bucket).requires(&[Name::Bucket]);
    /// Whether the caller's own namespace holds the bucket.
    BucketOwned = boolean("postern:BucketOwned").at(Bucket).requires(&[Name::Bucket]);
    /// The account that owns the bucket.
    ResourceAccount = text("s3:ResourceAccount").at(Bucket).requires(&[Name::Bucket]);
    /// The same, under the name that all services share.
    AwsResourceAccount = text("aws:ResourceAccount").at(Bucket).requires(&[Name::Bucket]);
    /// The length of the body after decoding, in bytes.
    ContentLength = number("postern:ContentLength").at(Operations(BODIES));
    /// Whether an object or upload that this check is about was made by the caller.
    ObjectOwn = boolean("postern:ObjectOwn").at(ExistingObject).fetched().requires(&[Name::Key]);
    /// What the access control list of the object gives the caller.
    ObjectAclPermissions = text("postern:ObjectAclPermissions").many().at(ExistingObject).fetched()
        .of(&["read", "read-acp", "write-acp"]).requires(&[Name::Key]);

    // The access key: one built-in module over these serves every key.
    /// The level of the access key.
    KeyLevel = text("postern:KeyLevel").at(Signed)
        .of(&["full", "read-write", "read", "write"]).requires(&[Name::PrincipalArn]);
    /// The buckets that the key may touch.
    KeyBuckets = constraint(text("postern:KeyBuckets").many());
    /// The prefixes of keys that the key may touch.
    KeyPrefixes = constraint(text("postern:KeyPrefixes").many());
    /// The operations that the key may use.
    KeyOperations = constraint(text("postern:KeyOperations").many());
    /// The networks that the key may be used from.
    KeyNetworks = constraint(network("postern:KeyNetworks").many());
    /// The moment before which the key is not valid.
    KeyNotBefore = constraint(time("postern:KeyNotBefore"));
    /// The moment from which the key is not valid any more.
    KeyExpires = constraint(time("postern:KeyExpires"));
    /// Whether the key may be used over TLS only.
    KeyTlsOnly = constraint(boolean("postern:KeyTlsOnly"));
    /// Whether the key may sign URLs.
    KeyPresign = constraint(boolean("postern:KeyPresign"));
    /// The longest life of a presigned URL, in seconds.
    KeyPresignMaxAge = constraint(number("postern:KeyPresignMaxAge"));
    /// Whether the key may add objects and never replace one.
    KeyAppendOnly = constraint(boolean("postern:KeyAppendOnly"));
    /// The largest object that the key may write, in bytes.
    KeyMaxObjectBytes = constraint(number("postern:KeyMaxObjectBytes"));
    /// Whether the key may shorten or remove object locks.
    KeyLockBypass = constraint(boolean("postern:KeyLockBypass"));
    /// What the level Write may delete.
    WriteDeletes = text("postern:WriteDeletes").of(&["no", "markers", "all"]);
    /// What HEAD answers to the level Write.
    WriteHead = text("postern:WriteHead").of(&["own", "blind404", "deny"]);

    // The signature.
    /// The version of the signature.
    SignatureVersion = text("s3:signatureversion").at(Signed).of(&["AWS4-HMAC-SHA256"]);
    /// Where the signature was.
    AuthType = text("s3:authType").at(Signed).of(&["REST-HEADER", "REST-QUERY-STRING", "POST"]);
    /// The age of the signature, in milliseconds.
    SignatureAge = number("s3:signatureAge").at(Signed).clock();
    /// The life that a presigned URL was given, in seconds.
    PresignAge = number("postern:PresignAge").at(Signed).requires(&[Name::AuthType]);
    /// What the client says of its body: `UNSIGNED-PAYLOAD` and the like.
    ContentSha256 = text("s3:x-amz-content-sha256").at(Sent);

    // Lists.
    /// The prefix of a list.
    Prefix = text("s3:prefix").at(Operations(LISTS)).requires(&[Name::Bucket]);
    /// The delimiter of a list.
    Delimiter = text("s3:delimiter").at(Operations(LISTS)).requires(&[Name::Bucket]);
    /// The page size of a list.
    MaxKeys = number("s3:max-keys").at(Operations(LISTS)).requires(&[Name::Bucket]);

    // Objects.
    /// The version that the request names.
    VersionId = text("s3:VersionId").at(Object).requires(&[Name::Key]);
    /// A tag of the object as it is stored.
    ExistingObjectTag = text("s3:ExistingObjectTag").parametric().at(ExistingObject).fetched()
        .requires(&[Name::Key]);
    /// A tag that the request gives an object.
    RequestObjectTag = text("s3:RequestObjectTag").parametric().at(Object).requires(&[Name::Key]);
    /// The names of the tags that the request gives an object.
    RequestObjectTagKeys = text("s3:RequestObjectTagKeys").many().at(Object).requires(&[Name::Key]);
    /// The canned ACL of the request.
    Acl = text("s3:x-amz-acl").at(Sent);
    /// Grants of the request's ACL headers: full control.
    GrantFullControl = text("s3:x-amz-grant-full-control").at(Sent);
    /// Grants of the request's ACL headers: read.
    GrantRead = text("s3:x-amz-grant-read").at(Sent);
    /// Grants of the request's ACL headers: read the ACL.
    GrantReadAcp = text("s3:x-amz-grant-read-acp").at(Sent);
    /// Grants of the request's ACL headers: write.
    GrantWrite = text("s3:x-amz-grant-write").at(Sent);
    /// Grants of the request's ACL headers: write the ACL.
    GrantWriteAcp = text("s3:x-amz-grant-write-acp").at(Sent);
    /// The server-side encryption that the request asks for.
    ServerSideEncryption = text("s3:x-amz-server-side-encryption").at(Operations(WRITES));
    /// The key of a key service that the request asks for.
    EncryptionKeyId = text("s3:x-amz-server-side-encryption-aws-kms-key-id").at(Operations(WRITES));
    /// The algorithm of a key that the customer sends.
    CustomerAlgorithm = text("s3:x-amz-server-side-encryption-customer-algorithm").at(Sent);
    /// The source of a copy, `bucket/key`.
    CopySource = text("s3:x-amz-copy-source")
        .at(Operations(&["CopyObject", "UploadPartCopy"])).requires(&[Name::Key]);
    /// Whether a copy keeps its metadata.
    MetadataDirective = text("s3:x-amz-metadata-directive").at(Operations(&["CopyObject"]))
        .of(&["COPY", "REPLACE"]);
    /// The storage class that the request asks for.
    StorageClass = text("s3:x-amz-storage-class").at(Operations(WRITES));
    /// Where a website request to the object is sent instead.
    WebsiteRedirect = text("s3:x-amz-website-redirect-location").at(Operations(WRITES)).url();
    /// The `If-Match` condition of a write.
    IfMatch = text("s3:if-match").at(Operations(CONDITIONAL)).written(Trimmed);
    /// The `If-None-Match` condition of a write.
    IfNoneMatch = text("s3:if-none-match").at(Operations(CONDITIONAL)).written(Trimmed);
    /// Whether the check makes an object: `false` for the parts of a multipart upload.
    ObjectCreationOperation = boolean("s3:ObjectCreationOperation").at(Object).requires(&[Name::Key]);
    /// The region that CreateBucket names.
    LocationConstraint = text("s3:LocationConstraint").at(Operations(&["CreateBucket"])).written(LowerCase);
    /// Who owns objects in a new bucket.
    ObjectOwnership = text("s3:x-amz-object-ownership").at(Operations(&["CreateBucket"]));

    // Object lock.
    /// The mode of the retention that the request sets.
    LockMode = text("s3:object-lock-mode").at(Object).of(&["GOVERNANCE", "COMPLIANCE"]);
    /// The end of the retention that the request sets.
    LockRetainUntil = time("s3:object-lock-retain-until-date").at(Object);
    /// The days that are left until that end.
    LockRemainingDays = number("s3:object-lock-remaining-retention-days").at(Object).clock();
    /// The legal hold that the request sets.
    LockLegalHold = text("s3:object-lock-legal-hold").at(Object).of(&["ON", "OFF"]);
}
