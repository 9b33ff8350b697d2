//! An error on its way between gate and node: the code as its text, so that a new code shifts no other.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{S3Code, S3Error};

/// The elements that errors of a node carry. One that is not among them is left out where it arrives.
const ELEMENTS: [&str; 23] = [
    "ActualObjectSize",
    "Allow",
    "ArgumentName",
    "ArgumentValue",
    "BucketName",
    "Condition",
    "DeleteMarker",
    "ETag",
    "Key",
    "LastModified",
    "MaxSizeAllowed",
    "Method",
    "MinSizeAllowed",
    "PartNumber",
    "ProposedSize",
    "Region",
    "ResourceType",
    "Size",
    "StorageClassRequested",
    "TagKey",
    "TagValue",
    "UploadId",
    "VersionId",
];

impl Serialize for S3Error {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        (self.code.as_str(), &self.message, &self.extra).serialize(to)
    }
}

impl<'de> Deserialize<'de> for S3Error {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let (code, message, extra) = <(String, String, Vec<(String, String)>)>::deserialize(from)?;
        let mut codes = S3Code::ALL.iter();
        let code = codes
            .find(|known| known.as_str() == code)
            .ok_or_else(|| de::Error::custom("an unknown error code"))?;
        let known = |(name, value): (String, String)| {
            let element = ELEMENTS.into_iter().find(|element| *element == name)?;
            Some((element, value))
        };
        Ok(Self {
            code: *code,
            message: Cow::Owned(message),
            extra: extra.into_iter().filter_map(known).collect(),
        })
    }
}
