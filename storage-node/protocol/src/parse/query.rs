//! The query: S3's sub-resources and parameters, each at most once.

use std::borrow::Cow;
use std::str::FromStr;

use crate::error::{S3Code, S3Error};
use crate::operation::Operation;
use crate::percent;

/// Every name in a query that selects another operation than the method alone would. Source: S3 API Reference, request
/// syntax of all actions.
const SUB_RESOURCES: [&str; 39] = [
    "abac",
    "accelerate",
    "acl",
    "analytics",
    "attributes",
    "cors",
    "delete",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "location",
    "logging",
    "metadataConfiguration",
    "metadataInventoryTable",
    "metadataJournalTable",
    "metadataTable",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "renameObject",
    "replication",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "session",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versioning",
    "versions",
    "website",
];

/// A query, decoded once. The names of a presigned URL are left out: they are read where signatures are, and those that
/// mean something have been merged into the headers.
#[derive(Debug)]
pub(super) struct Query<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    presigned: bool,
}

impl<'a> Query<'a> {
    pub(super) fn read(raw: &'a [u8]) -> Result<Self, S3Error> {
        let mut query = Self {
            pairs: Vec::new(),
            presigned: false,
        };
        for pair in raw
            .split(|byte| *byte == b'&')
            .filter(|pair| !pair.is_empty())
        {
            let equals = memchr::memchr(b'=', pair).unwrap_or(pair.len());
            let (name, value) = pair.split_at_checked(equals).unwrap_or((pair, b""));
            let name = decode(name)?;
            if let Some(amz) = name.get(..6)
                && amz.eq_ignore_ascii_case("x-amz-")
            {
                query.presigned |= name.eq_ignore_ascii_case("x-amz-signature");
            } else if name != "x-id" {
                query
                    .pairs
                    .push((name, decode(value.get(1..).unwrap_or_default())?));
            }
        }
        Ok(query)
    }

    /// Whether the request is signed in its query.
    pub(super) fn is_presigned(&self) -> bool {
        self.presigned
    }

    /// Whether the name is there, with or without a value.
    pub(super) fn has(&self, name: &str) -> bool {
        self.pairs.iter().any(|(given, _)| given == name)
    }

    /// The value of a name that may come once.
    pub(super) fn get(&self, name: &'static str) -> Result<Option<&str>, S3Error> {
        let mut values = self.pairs.iter().filter(|(given, _)| given == name);
        let first = values.next().map(|(_, value)| value.as_ref());
        match values.next() {
            None => Ok(first),
            Some((_, value)) => Err(S3Error::argument(
                "A query parameter is given twice",
                name,
                value.as_ref(),
            )),
        }
    }

    /// The value of a name, where it has one.
    pub(super) fn filled(&self, name: &'static str) -> Result<Option<&str>, S3Error> {
        Ok(self.get(name)?.filter(|value| !value.is_empty()))
    }

    /// The value as it is, or nothing.
    pub(super) fn text(&self, name: &'static str) -> Result<String, S3Error> {
        Ok(self.get(name)?.unwrap_or_default().to_owned())
    }

    /// A count of entries: digits, at most `max`, which also stands for no value.
    pub(super) fn count(
        &self,
        name: &'static str,
        argument: &'static str,
        max: u32,
    ) -> Result<u32, S3Error> {
        let Some(value) = self.filled(name)? else {
            return Ok(max);
        };
        let count = number::<i32>(value).ok_or_else(|| {
            let message = format!(
                "Provided {name} not an integer or within integer range 0 to {}",
                i32::MAX
            );
            S3Error::argument(message, argument, value)
        })?;
        Ok(u32::try_from(count).unwrap_or(max).min(max))
    }

    /// The one sub-resource of the query.
    pub(super) fn sub_resource(&self) -> Result<Option<&'static str>, S3Error> {
        let mut found = self.pairs.iter().filter_map(|(name, _)| sub_resource(name));
        let first = found.next();
        if let (Some(first), Some(second)) = (first, found.next()) {
            let message = format!("Conflicting query string parameters: {first}, {second}");
            return Err(S3Error::argument(message, "ResourceType", first));
        }
        Ok(first)
    }

    /// Refuses names that the operation does not have.
    pub(super) fn expect_only(&self, operation: Operation) -> Result<(), S3Error> {
        let Some(expected) = parameters(operation) else {
            return Ok(());
        };
        match self
            .pairs
            .iter()
            .find(|(name, _)| !expected.contains(&name.as_ref()))
        {
            None => Ok(()),
            Some((name, value)) => Err(S3Error::with(
                S3Code::InvalidArgument,
                format!("{operation} does not accept this query parameter"),
            )
            .and("ArgumentName", name.as_ref())
            .and("ArgumentValue", value.as_ref())),
        }
    }
}

/// Digits alone: no sign, no space.
pub(super) fn number<N: FromStr>(text: &str) -> Option<N> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

fn sub_resource(name: &str) -> Option<&'static str> {
    SUB_RESOURCES
        .binary_search(&name)
        .ok()
        .and_then(|index| SUB_RESOURCES.get(index))
        .copied()
}

/// The names that an operation has, its own sub-resource among them. `None` is any: object reads drop what they do not
/// know, and an operation that is not built is answered with 501 whatever it asks.
const fn parameters(operation: Operation) -> Option<&'static [&'static str]> {
    Some(match operation {
        Operation::ListBuckets => &[
            "prefix",
            "max-buckets",
            "continuation-token",
            "bucket-region",
        ],
        Operation::ListObjects | Operation::ListObjectsV2 => &[
            "list-type",
            "prefix",
            "delimiter",
            "max-keys",
            "encoding-type",
            "marker",
            "continuation-token",
            "start-after",
            "fetch-owner",
        ],
        Operation::ListMultipartUploads => &[
            "uploads",
            "prefix",
            "delimiter",
            "max-uploads",
            "encoding-type",
            "key-marker",
            "upload-id-marker",
        ],
        Operation::ListParts => &[
            "uploadId",
            "max-parts",
            "part-number-marker",
            "encoding-type",
        ],
        Operation::ListObjectVersions => &[
            "versions",
            "prefix",
            "delimiter",
            "max-keys",
            "encoding-type",
            "key-marker",
            "version-id-marker",
        ],
        Operation::DeleteObjects => &["delete"],
        Operation::CreateMultipartUpload => &["uploads"],
        Operation::UploadPart | Operation::UploadPartCopy => &["uploadId", "partNumber"],
        Operation::CompleteMultipartUpload | Operation::AbortMultipartUpload => &["uploadId"],
        Operation::DeleteObjectVersion => &["versionId"],
        Operation::CreateBucket
        | Operation::DeleteBucket
        | Operation::HeadBucket
        | Operation::PutObject
        | Operation::PostObject
        | Operation::CopyObject
        | Operation::DeleteObject => &[],
        _ => return sub_resource_of(operation),
    })
}

/// The same of what is configured of buckets, and of what stands beside objects.
const fn sub_resource_of(operation: Operation) -> Option<&'static [&'static str]> {
    Some(match operation {
        Operation::GetBucketLocation => &["location"],
        Operation::GetBucketVersioning | Operation::PutBucketVersioning => &["versioning"],
        Operation::GetObjectLockConfiguration | Operation::PutObjectLockConfiguration => {
            &["object-lock"]
        }
        Operation::GetBucketTagging
        | Operation::PutBucketTagging
        | Operation::DeleteBucketTagging => &["tagging"],
        Operation::GetBucketCors | Operation::PutBucketCors | Operation::DeleteBucketCors => {
            &["cors"]
        }
        Operation::GetBucketLifecycleConfiguration
        | Operation::PutBucketLifecycleConfiguration
        | Operation::DeleteBucketLifecycle => &["lifecycle"],
        Operation::GetBucketEncryption
        | Operation::PutBucketEncryption
        | Operation::DeleteBucketEncryption => &["encryption"],
        Operation::GetBucketNotificationConfiguration => &["notification"],
        Operation::GetBucketRequestPayment => &["requestPayment"],
        Operation::GetBucketAccelerateConfiguration => &["accelerate"],
        Operation::GetBucketWebsite => &["website"],
        Operation::GetBucketLogging => &["logging"],
        Operation::GetBucketReplication => &["replication"],
        Operation::GetObjectAttributes => &["attributes", "versionId"],
        Operation::GetObjectTagging
        | Operation::PutObjectTagging
        | Operation::DeleteObjectTagging => &["tagging", "versionId"],
        Operation::GetObjectRetention | Operation::PutObjectRetention => {
            &["retention", "versionId"]
        }
        Operation::GetObjectLegalHold | Operation::PutObjectLegalHold => {
            &["legal-hold", "versionId"]
        }
        Operation::GetBucketPolicy | Operation::PutBucketPolicy | Operation::DeleteBucketPolicy => {
            &["policy"]
        }
        Operation::GetBucketAcl | Operation::PutBucketAcl => &["acl"],
        Operation::GetObjectAcl | Operation::PutObjectAcl => &["acl", "versionId"],
        Operation::GetPublicAccessBlock
        | Operation::PutPublicAccessBlock
        | Operation::DeletePublicAccessBlock => &["publicAccessBlock"],
        Operation::GetBucketOwnershipControls
        | Operation::PutBucketOwnershipControls
        | Operation::DeleteBucketOwnershipControls => &["ownershipControls"],
        Operation::GetBucketPolicyStatus => &["policyStatus"],
        _ => return None,
    })
}

fn decode(raw: &[u8]) -> Result<Cow<'_, str>, S3Error> {
    percent::decode_query(raw).map_err(|_| {
        let raw = String::from_utf8_lossy(raw).into_owned();
        S3Error::with(S3Code::InvalidURI, "Couldn't parse the specified URI.").and("URI", raw)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_sub_resources_are_sorted_for_the_search() {
        assert!(SUB_RESOURCES.is_sorted());
        for name in SUB_RESOURCES {
            assert_eq!(sub_resource(name), Some(name));
        }
        assert_eq!(sub_resource("list-type"), None);
    }

    #[test]
    fn a_number_is_digits_alone() {
        assert_eq!(number::<u32>("007"), Some(7));
        for wrong in ["", "+7", "-7", " 7", "7 ", "0x7", "7.0", "99999999999"] {
            assert_eq!(number::<u32>(wrong), None, "{wrong}");
        }
    }
}
