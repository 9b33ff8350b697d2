//! Settings of buckets that the upstream owns: a document is understood before it is put there, and answered as it is kept.

use postern_config::directory::Bucket;
use s3_protocol::setting::{
    Cors, DefaultEncryption, Lifecycle, LockConfiguration, Setting, Versioning, tags,
};
use s3_protocol::{S3Code, S3Error};
use storage_node::Change;

use super::super::refusal::Refusal;
use super::{Outcome, upstream};
use crate::upstream::ObjectStore;

/// The setting as it stands.
pub(super) async fn get(
    node: &ObjectStore,
    bucket: &Bucket,
    setting: Setting,
) -> Result<Outcome, Refusal> {
    let configuration = node
        .bucket_configuration(bucket.id)
        .await
        .map_err(upstream)?;
    let text = match setting {
        Setting::Versioning => Some(Versioning::write(configuration.versioning)),
        Setting::ObjectLock => configuration.lock.map(|lock| lock.write()),
        Setting::Tagging | Setting::Cors | Setting::Lifecycle | Setting::Encryption => {
            configuration.document(setting).map(str::to_owned)
        }
    };
    text.map(Outcome::Document).ok_or_else(|| {
        let missing = S3Error::new(missing(setting));
        Refusal::Upstream(missing.and("BucketName", bucket.name.as_str()))
    })
}

/// Puts a document there.
pub(super) async fn put(
    node: &ObjectStore,
    bucket: &Bucket,
    setting: Setting,
    document: &[u8],
) -> Result<Outcome, Refusal> {
    let text = |text| Change::Document(setting, Some(text));
    let change = match setting {
        Setting::Versioning => Versioning::read(document).map(Change::Versioning),
        Setting::ObjectLock => LockConfiguration::read(document).map(Change::Lock),
        Setting::Tagging => tags::read_of_bucket(document).map(|tags| text(tags::write(&tags))),
        Setting::Cors => Cors::read(document).map(|cors| text(cors.write())),
        Setting::Lifecycle => Lifecycle::read(document).map(|rules| text(rules.write())),
        Setting::Encryption => DefaultEncryption::read(document).map(|it| text(it.write())),
    };
    let change = change.map_err(Refusal::Body)?;
    if setting == Setting::ObjectLock {
        // Only what was versioned from the first can be locked. Source: S3 User Guide, "Configuring S3 Object Lock".
        let configuration = node
            .bucket_configuration(bucket.id)
            .await
            .map_err(upstream)?;
        if configuration.versioning != Some(Versioning::Enabled) {
            let message =
                "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration";
            return Err(Refusal::Upstream(S3Error::with(
                S3Code::InvalidBucketState,
                message,
            )));
        }
    }
    node.configure_bucket(bucket.id, change)
        .await
        .map_err(upstream)?;
    Ok(match setting {
        Setting::Versioning
        | Setting::ObjectLock
        | Setting::Cors
        | Setting::Lifecycle
        | Setting::Encryption => Outcome::Changed,
        // S3 answers these tags as if they were gone.
        Setting::Tagging => Outcome::SettingDeleted,
    })
}

/// Takes a document away; one that is not there is taken away too.
pub(super) async fn delete(
    node: &ObjectStore,
    bucket: &Bucket,
    setting: Setting,
) -> Result<Outcome, Refusal> {
    node.configure_bucket(bucket.id, Change::Document(setting, None))
        .await
        .map_err(upstream)?;
    Ok(Outcome::SettingDeleted)
}

const fn missing(setting: Setting) -> S3Code {
    match setting {
        Setting::Versioning => S3Code::NoSuchBucket,
        Setting::ObjectLock => S3Code::ObjectLockConfigurationNotFoundError,
        Setting::Tagging => S3Code::NoSuchTagSet,
        Setting::Cors => S3Code::NoSuchCORSConfiguration,
        Setting::Lifecycle => S3Code::NoSuchLifecycleConfiguration,
        Setting::Encryption => S3Code::ServerSideEncryptionConfigurationNotFoundError,
    }
}
