//! The facts of one check: what a policy is told when it asks. Nothing is computed before it is asked for, and nothing is copied.

use std::cell::OnceCell;
use std::sync::Arc;

use http::HeaderName;
use policy_wasm::facts::{Fact, Facts};
use policy_wasm::question::moment;
use policy_wasm::registry::{Attribute, Name};
use postern_config::decisions::{Atom, DecisionRow};
use postern_config::directory::{Bucket, NamespaceKind, WriteDeletes};
use s3_protocol::call::{
    Call, ListMultipartUploads, ListObjectVersions, ListObjects, Target, WriteHead,
};
use s3_protocol::names::VersionId;
use s3_protocol::{BucketName, ObjectKey, Operation};
use storage_node::Stands;

use super::checks::Check;
use super::memo::Stored;
use super::scene::{How, Scene};
use crate::world::{Caller, acl_permissions, container_permissions, object_permissions, referrers};

/// What is known of one check.
pub(crate) struct CheckFacts<'a> {
    scene: &'a Scene,
    check: &'a Check,
    row: Option<&'a DecisionRow>,
    bucket: Option<&'a Bucket>,
    relation: &'static [&'static str],
    now_ms: u64,
    /// Whether the bucket keeps what is deleted.
    versioned: bool,
    /// What was asked of the node about the object.
    stored: Option<Arc<Stored>>,
    texts: Texts,
}

/// Texts that are written when they are first asked for.
#[derive(Default)]
struct Texts {
    resource: OnceCell<String>,
    version: OnceCell<String>,
    account: OnceCell<String>,
    copy_source: OnceCell<String>,
    tag_keys: OnceCell<Vec<String>>,
    referrers: OnceCell<Vec<String>>,
}

impl<'a> CheckFacts<'a> {
    /// The facts of `check`, whose row of the decision table is `row`, on `bucket` where it exists, at `now_ms`.
    pub(crate) fn new(
        scene: &'a Scene,
        (check, row): (&'a Check, Option<&'a DecisionRow>),
        bucket: Option<&'a Bucket>,
        relation: &'static [&'static str],
        now_ms: u64,
    ) -> Self {
        Self {
            scene,
            check,
            row,
            bucket,
            relation,
            now_ms,
            versioned: false,
            stored: None,
            texts: Texts::default(),
        }
    }

    /// The same, where this is known of the stored object.
    pub(super) fn knowing(self, stored: Option<Arc<Stored>>) -> Self {
        Self { stored, ..self }
    }

    /// The same, where the bucket keeps what is deleted.
    pub(super) fn versioned(self, versioned: bool) -> Self {
        Self { versioned, ..self }
    }

    /// What must still stand there for a decision on these facts to hold; `None` where nothing stored was looked at.
    pub(super) fn stands(&self) -> Option<Stands> {
        self.stored.as_ref().map(|stored| stored.stands())
    }

    fn caller(&self) -> Option<&'a Caller> {
        self.scene.caller()
    }

    fn name(&self) -> Option<&'a BucketName> {
        match &self.check.target {
            Target::Service => None,
            Target::Bucket(bucket) | Target::Object(bucket, _) => Some(bucket),
        }
    }

    fn key(&self) -> Option<&'a ObjectKey> {
        match &self.check.target {
            Target::Object(_, key) => Some(key),
            Target::Service | Target::Bucket(_) => None,
        }
    }

    fn header(&self, name: &'static str) -> Fact<'_> {
        self.scene
            .headers()
            .get(HeaderName::from_static(name))
            .map_or(Fact::Absent, |value| Fact::bytes(value.as_bytes()))
    }

    /// A header that means something for the request's own operation, not for the source of a copy.
    fn header_of_request(&self, name: &'static str) -> Fact<'_> {
        if self.is_main() {
            self.header(name)
        } else {
            Fact::Absent
        }
    }

    /// Whether the check is about what the request itself does.
    fn is_main(&self) -> bool {
        self.check.operation == self.scene.request().operation
    }

    fn now_seconds(&self) -> i64 {
        i64::try_from(self.now_ms / 1_000).unwrap_or(i64::MAX)
    }

    fn resource(&self) -> Fact<'_> {
        Fact::text(
            self.texts
                .resource
                .get_or_init(|| match &self.check.target {
                    Target::Service => "arn:aws:s3:::".to_owned(),
                    Target::Bucket(bucket) => format!("arn:aws:s3:::{bucket}"),
                    Target::Object(bucket, key) => {
                        format!("arn:aws:s3:::{bucket}/{}", key.as_str())
                    }
                }),
        )
    }

    fn list(&self) -> Option<Listing<'_>> {
        if !self.is_main() {
            return self.list_of_key();
        }
        match &self.scene.request().call {
            Call::ListObjects(list) => Some(Listing::of_objects(list)),
            Call::ListMultipartUploads(list) => Some(Listing::of_uploads(list)),
            Call::ListObjectVersions(list) => Some(Listing::of_versions(list)),
            _ => None,
        }
    }

    /// Whether one may list decides what is told of a key that is not there: the list would begin with the key.
    fn list_of_key(&self) -> Option<Listing<'_>> {
        match (&self.check.operation, &self.scene.request().target) {
            (Operation::ListObjectsV2, Target::Object(_, key)) => Some(Listing {
                prefix: key.as_str(),
                delimiter: None,
                max: 1,
            }),
            _ => None,
        }
    }

    fn write_head(&self) -> Option<&WriteHead> {
        if !self.is_main() {
            return None;
        }
        match &self.scene.request().call {
            Call::PutObject(put) => Some(&put.head),
            Call::CopyObject(copy) => Some(&copy.head),
            Call::CreateMultipartUpload(create) => Some(&create.head),
            _ => None,
        }
    }

    /// The attributes of the access key; all absent for an unsigned request.
    fn of_key(&self, name: Name) -> Fact<'_> {
        let Some(caller) = self.caller() else {
            return Fact::Absent;
        };
        let rights = &caller.key.rights;
        match name {
            Name::KeyLevel => Fact::text(rights.level.as_str()),
            Name::KeyBuckets => list(caller.buckets.as_deref()),
            Name::KeyPrefixes => list(rights.scope.prefixes.as_deref()),
            Name::KeyOperations => list(caller.operations.as_deref()),
            Name::KeyNetworks => rights.networks.as_deref().map_or(Fact::Absent, Fact::list),
            Name::KeyNotBefore => rights.not_before.map_or(Fact::Absent, |at| {
                Fact::time(i64::try_from(at.0).unwrap_or(i64::MAX))
            }),
            Name::KeyExpires => rights.expires.map_or(Fact::Absent, |at| {
                Fact::time(i64::try_from(at.0).unwrap_or(i64::MAX))
            }),
            Name::KeyTlsOnly => Fact::boolean(rights.tls_only),
            Name::KeyPresign => Fact::boolean(rights.presign.allowed),
            Name::KeyPresignMaxAge => rights
                .presign
                .max_age_seconds
                .map_or(Fact::Absent, |age| Fact::integer(age.into())),
            Name::KeyAppendOnly => Fact::boolean(rights.append_only),
            Name::KeyMaxObjectBytes => rights.max_object_bytes.map_or(Fact::Absent, |bytes| {
                Fact::integer(i64::try_from(bytes).unwrap_or(i64::MAX))
            }),
            // Where policies give, they alone say who may pass over a retention.
            Name::KeyLockBypass => Fact::boolean(
                rights.bypass_governance
                    || caller.tenant.profile.namespaces() == NamespaceKind::Global,
            ),
            Name::WriteDeletes => Fact::text(self.write_deletes(caller)),
            _ => Fact::Absent,
        }
    }

    /// What a Write key may delete: what the profile allows, less what the tenant and the key take away. Where a write does not
    /// make a version, a deletion leaves no marker behind which the object stays, so that `markers` allows nothing there.
    fn write_deletes(&self, caller: &Caller) -> &'static str {
        let tenant = caller
            .tenant
            .write_deletes
            .min(caller.tenant.profile.write_deletes());
        match caller
            .key
            .rights
            .write_deletes
            .map_or(tenant, |key| key.min(tenant))
        {
            WriteDeletes::Markers if self.versioned => "markers",
            WriteDeletes::No | WriteDeletes::Markers => "no",
            WriteDeletes::All => "all",
        }
    }

    fn of_caller(&self, name: Name) -> Fact<'_> {
        let Some(caller) = self.caller() else {
            return match name {
                Name::PrincipalType => Fact::text("Anonymous"),
                Name::UserId => Fact::text("anonymous"),
                _ => Fact::Absent,
            };
        };
        match name {
            Name::PrincipalArn => Fact::text(&caller.arn),
            Name::PrincipalAccount | Name::Tenant => Fact::text(&caller.account),
            Name::PrincipalType => Fact::text(caller.principal_type()),
            Name::UserId => Fact::text(&caller.creator.principal),
            // Source: IAM User Guide, "Where you can use policy variables": no name of a user in a role's session.
            Name::Username if caller.assumed.is_some() => Fact::Absent,
            Name::Username => Fact::text(&caller.name),
            Name::Principals => Fact::list(match self.bucket {
                Some(bucket) if bucket.tenant != caller.tenant.id => caller.principals.as_slice(),
                _ => caller.home_principals.as_slice(),
            }),
            Name::Role => Fact::text(&caller.role),
            Name::RoleAtoms => Fact::list(caller.role_atoms.as_slice()),
            Name::SubuserLevel => caller
                .sub_user
                .as_ref()
                .map_or(Fact::Absent, |it| Fact::text(it.level.as_str())),
            Name::AccountPermissions => caller.account_permissions.map_or(Fact::Absent, Fact::list),
            Name::AclExempt => Fact::boolean(caller.is_exempt),
            Name::PrincipalIsAwsService => Fact::boolean(false),
            _ => Fact::Absent,
        }
    }

    fn of_signature(&self, name: Name) -> Fact<'_> {
        let Some(signature) = self.scene.signature() else {
            return Fact::Absent;
        };
        match name {
            Name::SignatureVersion => Fact::text("AWS4-HMAC-SHA256"),
            Name::AuthType => Fact::text(match signature.how {
                How::Header => "REST-HEADER",
                How::Query => "REST-QUERY-STRING",
                How::Form => "POST",
            }),
            Name::SignatureAge => {
                let signed_ms =
                    i64::try_from(signature.at.saturating_mul(1_000)).unwrap_or(i64::MAX);
                Fact::integer(
                    i64::try_from(self.now_ms)
                        .unwrap_or(i64::MAX)
                        .saturating_sub(signed_ms)
                        .max(0),
                )
            }
            Name::PresignAge => signature.expires.map_or(Fact::Absent, |life| {
                Fact::integer(i64::try_from(life).unwrap_or(i64::MAX))
            }),
            _ => Fact::Absent,
        }
    }

    fn of_list(&self, name: Name) -> Fact<'_> {
        let Some(list) = self.list() else {
            return Fact::Absent;
        };
        match name {
            // A list without a prefix is a list of everything: S3's own policies see it as absent, and so do ours.
            Name::Prefix => {
                Fact::optional_text(Some(list.prefix).filter(|prefix| !prefix.is_empty()))
            }
            Name::Delimiter => Fact::optional_text(list.delimiter),
            Name::MaxKeys => Fact::integer(list.max.into()),
            _ => Fact::Absent,
        }
    }

    fn of_clock(&self, name: Name) -> Fact<'_> {
        let seconds = self.now_seconds();
        match name {
            Name::TimeOfDay => Fact::integer(seconds.rem_euclid(86_400)),
            Name::DayOfWeek => {
                // 1970-01-01 was a Thursday.
                const DAYS: [&str; 7] = [
                    "thursday",
                    "friday",
                    "saturday",
                    "sunday",
                    "monday",
                    "tuesday",
                    "wednesday",
                ];
                let day =
                    usize::try_from(seconds.div_euclid(86_400).rem_euclid(7)).unwrap_or_default();
                Fact::optional_text(DAYS.get(day).copied())
            }
            Name::EpochTime => Fact::integer(seconds),
            _ => Fact::time(seconds),
        }
    }

    fn of_connection(&self, name: Name) -> Fact<'_> {
        let peer = self.scene.peer();
        match name {
            Name::SourceIp => Fact::address(peer.client),
            Name::SecureTransport => Fact::boolean(peer.tls.is_some()),
            Name::TlsVersion => match peer.tls.as_ref().map(|tls| tls.version) {
                Some("TLSv1.3") => Fact::thousandths(1_300),
                Some("TLSv1.2") => Fact::thousandths(1_200),
                _ => Fact::Absent,
            },
            Name::Referer => self.header("referer"),
            Name::UserAgent => self.header("user-agent"),
            Name::ViaAwsService => Fact::boolean(false),
            _ => Fact::Absent,
        }
    }

    fn of_check(&self, name: Name) -> Fact<'_> {
        match name {
            Name::Operation => Fact::text(self.check.operation.name()),
            // A copy is two checks, and the second of its atoms is that of the one that writes.
            Name::Atom => Fact::optional_text(
                self.row
                    .and_then(|row| row.atoms.last())
                    .map(|atom| Atom::as_str(*atom)),
            ),
            Name::Action => Fact::text(action(self.check.operation, self.check.version)),
            Name::Resource => self.resource(),
            Name::Bucket => Fact::optional_text(self.name().map(BucketName::as_str)),
            Name::Key => Fact::optional_text(self.key().map(ObjectKey::as_str)),
            Name::BucketExists => self
                .name()
                .map_or(Fact::Absent, |_| Fact::boolean(self.bucket.is_some())),
            Name::BucketOwned => self
                .name()
                .map_or(Fact::Absent, |_| Fact::boolean(self.owned())),
            Name::ResourceAccount | Name::AwsResourceAccount => {
                self.bucket.map_or(Fact::Absent, |bucket| {
                    Fact::text(
                        self.texts
                            .account
                            .get_or_init(|| format!("{:012}", bucket.tenant.get())),
                    )
                })
            }
            Name::Relation => Fact::list(self.relation),
            Name::Profile => Fact::text(self.scene.profile().unwrap_or_default().as_str()),
            Name::ContentLength => self
                .scene
                .content_length()
                .filter(|_| self.is_main())
                .map_or(Fact::Absent, |bytes| {
                    Fact::integer(i64::try_from(bytes).unwrap_or(i64::MAX))
                }),
            _ => Fact::Absent,
        }
    }

    fn public_referrers(&self) -> Fact<'_> {
        let Some(list) = self.bucket.and_then(referrers) else {
            return Fact::Absent;
        };
        let texts = self.texts.referrers.get_or_init(|| {
            let list = list.iter().map(ToString::to_string);
            list.collect()
        });
        Fact::list(texts.as_slice())
    }

    fn owned(&self) -> bool {
        self.caller()
            .zip(self.bucket)
            .is_some_and(|(caller, bucket)| {
                caller.namespace() == bucket.namespace && caller.tenant.id == bucket.tenant
            })
    }

    fn of_object(&self, name: Name) -> Fact<'_> {
        match name {
            Name::VersionId => self.check.version.map_or(Fact::Absent, |version| {
                Fact::text(
                    self.texts
                        .version
                        .get_or_init(|| VersionId::to_string(&version)),
                )
            }),
            Name::RequestObjectTagKeys => match self.write_head() {
                Some(head) if !head.tags.is_empty() => Fact::list(
                    self.texts
                        .tag_keys
                        .get_or_init(|| head.tags.iter().map(|(key, _)| key.clone()).collect())
                        .as_slice(),
                ),
                _ => Fact::Absent,
            },
            Name::CopySource => self.copy_source(),
            Name::ObjectCreationOperation => self.key().map_or(Fact::Absent, |_| {
                let part = matches!(
                    self.check.operation,
                    Operation::UploadPart | Operation::UploadPartCopy
                );
                Fact::boolean(!part)
            }),
            _ => Fact::Absent,
        }
    }

    /// What is known of the object as it is stored. It is asked of the node when a policy first wants to know.
    fn of_stored(&self, attribute: &Attribute) -> Fact<'_> {
        if attribute.name() == Name::ObjectAclPermissions && self.lists_its_own() {
            return Fact::list(["write-acp"].as_slice());
        }
        let applies = match attribute.name() {
            Name::ExistingObjectTag => tags_apply(self.check.operation),
            _ => creator_applies(self.check.operation),
        };
        if !applies || self.bucket.is_none() {
            return Fact::Absent;
        }
        let Some(stored) = &self.stored else {
            return Fact::NotFetched;
        };
        let Some(object) = &stored.0 else {
            return Fact::Absent;
        };
        match attribute.name() {
            Name::ExistingObjectTag => {
                let mut tags = object.tags.iter();
                let tag = tags.find(|(key, _)| Some(key.as_str()) == attribute.parameter());
                Fact::optional_text(tag.map(|(_, value)| value.as_str()))
            }
            Name::ObjectAclPermissions => self
                .bucket
                .and_then(|bucket| object_permissions(self.caller(), bucket, object.acl.as_deref()))
                .map_or(Fact::Absent, Fact::list),
            // "Own" is what the same sub-user has made, or the same lineage of a user's keys.
            _ => Fact::boolean(self.caller().is_some_and(|caller| {
                let (own, made) = match caller.sub_user {
                    Some(_) => (&caller.creator.principal, &object.creator.principal),
                    None => (&caller.creator.lineage, &object.creator.lineage),
                };
                !own.is_empty() && own == made
            })),
        }
    }

    /// Whether a write says with what list its object is made, by who may write to the bucket by the bucket's own list: the object
    /// will be his.
    fn lists_its_own(&self) -> bool {
        let held = || acl_permissions(self.caller(), self.bucket?);
        self.check.operation == Operation::PutObjectAcl
            && !self.is_main()
            && held().is_some_and(|held| held.contains(&"write"))
    }

    /// The end of the retention that the request sets, in seconds since 1970.
    fn retain_until(&self) -> Option<i64> {
        if !self.is_main() {
            return None;
        }
        let name = HeaderName::from_static("x-amz-object-lock-retain-until-date");
        moment(self.scene.headers().get(name)?.as_bytes())
    }

    /// The days until then: `s3:object-lock-remaining-retention-days`.
    fn remaining_days(&self) -> Option<i64> {
        const DAY_SECONDS: i64 = 86_400;
        let seconds = self.retain_until()?.checked_sub(self.now_seconds())?;
        Some(seconds.checked_mul(1_000)?.div_euclid(DAY_SECONDS))
    }

    fn copy_source(&self) -> Fact<'_> {
        let source = match &self.scene.request().call {
            Call::CopyObject(copy) if self.is_main() => &copy.source,
            Call::UploadPartCopy(copy) if self.is_main() => &copy.source,
            _ => return Fact::Absent,
        };
        Fact::text(
            self.texts
                .copy_source
                .get_or_init(|| format!("{}/{}", source.bucket, source.key.as_str())),
        )
    }
}

impl Facts for CheckFacts<'_> {
    #[expect(
        clippy::too_many_lines,
        reason = "a table: one line for each attribute of the registry"
    )]
    fn get(&self, attribute: &Attribute) -> Fact<'_> {
        use Name as N;
        let name = attribute.name();
        match name {
            N::SourceIp
            | N::SecureTransport
            | N::TlsVersion
            | N::Referer
            | N::UserAgent
            | N::ViaAwsService => self.of_connection(name),
            N::CurrentTime | N::EpochTime | N::TimeOfDay | N::DayOfWeek => self.of_clock(name),
            N::PrincipalArn
            | N::PrincipalAccount
            | N::PrincipalType
            | N::UserId
            | N::Username
            | N::Principals
            | N::Tenant
            | N::PrincipalIsAwsService
            | N::Role
            | N::RoleAtoms
            | N::SubuserLevel
            | N::AccountPermissions
            | N::AclExempt => self.of_caller(name),
            N::ContainerPermissions => self
                .bucket
                .and_then(|bucket| container_permissions(self.caller(), bucket))
                .map_or(Fact::Absent, Fact::list),
            N::AclPermissions => self
                .bucket
                .and_then(|bucket| acl_permissions(self.caller(), bucket))
                .map_or(Fact::Absent, Fact::list),
            N::PublicReferrers => self.public_referrers(),
            N::Operation
            | N::Atom
            | N::Action
            | N::Resource
            | N::Bucket
            | N::Key
            | N::BucketExists
            | N::BucketOwned
            | N::ResourceAccount
            | N::AwsResourceAccount
            | N::Relation
            | N::Profile
            | N::ContentLength => self.of_check(name),
            N::KeyLevel
            | N::KeyBuckets
            | N::KeyPrefixes
            | N::KeyOperations
            | N::KeyNetworks
            | N::KeyNotBefore
            | N::KeyExpires
            | N::KeyTlsOnly
            | N::KeyPresign
            | N::KeyPresignMaxAge
            | N::KeyAppendOnly
            | N::KeyMaxObjectBytes
            | N::KeyLockBypass
            | N::WriteDeletes => self.of_key(name),
            N::WriteHead => self.caller().map_or(Fact::Absent, |_| Fact::text("own")),
            N::SignatureVersion | N::AuthType | N::SignatureAge | N::PresignAge => {
                self.of_signature(name)
            }
            N::Prefix | N::Delimiter | N::MaxKeys => self.of_list(name),
            N::VersionId | N::RequestObjectTagKeys | N::CopySource | N::ObjectCreationOperation => {
                self.of_object(name)
            }
            N::RequestObjectTag => self.write_head().map_or(Fact::Absent, |head| {
                let tag = head
                    .tags
                    .iter()
                    .find(|(key, _)| Some(key.as_str()) == attribute.parameter());
                Fact::optional_text(tag.map(|(_, value)| value.as_str()))
            }),
            N::ContentSha256 => self.header("x-amz-content-sha256"),
            N::Acl => self.header_of_request("x-amz-acl"),
            N::GrantFullControl => self.header_of_request("x-amz-grant-full-control"),
            N::GrantRead => self.header_of_request("x-amz-grant-read"),
            N::GrantReadAcp => self.header_of_request("x-amz-grant-read-acp"),
            N::GrantWrite => self.header_of_request("x-amz-grant-write"),
            N::GrantWriteAcp => self.header_of_request("x-amz-grant-write-acp"),
            N::ServerSideEncryption => self.header_of_request("x-amz-server-side-encryption"),
            N::EncryptionKeyId => {
                self.header_of_request("x-amz-server-side-encryption-aws-kms-key-id")
            }
            N::CustomerAlgorithm => self.header("x-amz-server-side-encryption-customer-algorithm"),
            N::MetadataDirective => self.header_of_request("x-amz-metadata-directive"),
            N::StorageClass => self.header_of_request("x-amz-storage-class"),
            N::WebsiteRedirect => self.header_of_request("x-amz-website-redirect-location"),
            N::IfMatch => self.header_of_request("if-match"),
            N::IfNoneMatch => self.header_of_request("if-none-match"),
            N::ObjectOwnership => self.header_of_request("x-amz-object-ownership"),
            N::LockMode => self.header_of_request("x-amz-object-lock-mode"),
            N::LockLegalHold => self.header_of_request("x-amz-object-lock-legal-hold"),
            N::LockRetainUntil => self.retain_until().map_or(Fact::Absent, Fact::time),
            N::LockRemainingDays => self
                .remaining_days()
                .map_or(Fact::Absent, Fact::thousandths),
            N::TokenIssueTime => {
                let session = self.scene.signature().and_then(|it| it.session.as_deref());
                let issued = session.and_then(|it| i64::try_from(it.issued.0).ok());
                issued.map_or(Fact::Absent, Fact::time)
            }
            // What these speak of does not exist yet in the directory or the node: tags, second factors of sessions, the body of
            // CreateBucket.
            N::PrincipalTag
            | N::MultiFactorAuthPresent
            | N::MultiFactorAuthAge
            | N::LocationConstraint => Fact::Absent,
            N::ObjectOwn | N::ObjectAclPermissions | N::ExistingObjectTag => {
                self.of_stored(attribute)
            }
        }
    }
}

/// What the two kinds of lists have in common.
struct Listing<'a> {
    prefix: &'a str,
    delimiter: Option<&'a str>,
    max: u32,
}

impl<'a> Listing<'a> {
    fn of_objects(list: &'a ListObjects) -> Self {
        Self {
            prefix: &list.prefix,
            delimiter: list.delimiter.as_deref(),
            max: list.max_keys,
        }
    }

    fn of_versions(list: &'a ListObjectVersions) -> Self {
        Self {
            prefix: &list.prefix,
            delimiter: list.delimiter.as_deref(),
            max: list.max_keys,
        }
    }

    fn of_uploads(list: &'a ListMultipartUploads) -> Self {
        Self {
            prefix: &list.prefix,
            delimiter: list.delimiter.as_deref(),
            max: list.max_uploads,
        }
    }
}

/// The IAM action. To read a version that the request names is another right than to read the current one.
const fn action(operation: Operation, version: Option<VersionId>) -> &'static str {
    match (operation, version) {
        (Operation::GetObject | Operation::HeadObject, Some(_)) => "s3:GetObjectVersion",
        (Operation::GetObjectAttributes, Some(_)) => "s3:GetObjectVersionAttributes",
        (Operation::GetObjectTagging, Some(_)) => "s3:GetObjectVersionTagging",
        (Operation::GetObjectAcl, Some(_)) => "s3:GetObjectVersionAcl",
        (Operation::PutObjectAcl, Some(_)) => "s3:PutObjectVersionAcl",
        (Operation::PutObjectTagging, Some(_)) => "s3:PutObjectVersionTagging",
        (Operation::DeleteObjectTagging, Some(_)) => "s3:DeleteObjectVersionTagging",
        (operation, _) => operation.action(),
    }
}

/// Whether an operation is judged with the tags of the object as it is stored. Source: Service Authorization Reference, "Actions
/// defined by Amazon S3", the actions with the key `s3:ExistingObjectTag`.
const fn tags_apply(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::GetObject
            | Operation::HeadObject
            | Operation::GetObjectAttributes
            | Operation::GetObjectTagging
            | Operation::PutObjectTagging
            | Operation::DeleteObjectTagging
            | Operation::GetObjectAcl
            | Operation::PutObjectAcl
    )
}

/// Whether an operation is judged with who made the stored object: those that read or delete it.
const fn creator_applies(operation: Operation) -> bool {
    tags_apply(operation)
        || matches!(
            operation,
            Operation::DeleteObject | Operation::DeleteObjectVersion
        )
}

fn list(texts: Option<&[String]>) -> Fact<'_> {
    texts.map_or(Fact::Absent, Fact::list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use policy_wasm::compiler::document::{self, Context, Kind, Unmentioned};

    #[test]
    fn a_version_that_is_named_is_read_by_another_right() {
        let version = Some("null".parse().unwrap());
        for operation in [Operation::GetObject, Operation::HeadObject] {
            assert_eq!(action(operation, None), "s3:GetObject");
            assert_eq!(action(operation, version), "s3:GetObjectVersion");
        }
        assert_eq!(action(Operation::PutObject, version), "s3:PutObject");
    }

    #[test]
    fn every_action_can_be_named_in_a_policy() {
        for operation in Operation::ALL {
            let action = operation.action();
            let text = format!(
                r#"{{"Statement":{{"Effect":"Deny","Action":"{action}","Resource":"*"}}}}"#
            );
            let context = Context {
                kind: Kind::Identity,
                unmentioned: Unmentioned::NoOpinion,
            };
            let read = document::read(&text, &context);
            assert!(read.is_ok(), "{operation:?}: {read:?}");
        }
    }
}
