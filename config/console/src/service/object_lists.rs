//! Lists of what is in a bucket, as S3 asks for them and answers.

use s3_protocol::date::parse_any;
use s3_protocol::percent::{decode, encode_value};
use serde::Deserialize;

use super::objects::{document, seconds};
use crate::Problem;

/// Versions of one object that a page shows.
const VERSIONS_SHOWN_MAX: usize = 100;

/// What is listed.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    pub(crate) prefix: String,
    /// Where the page begins, as the page before has said.
    pub(crate) cursor: String,
    pub(crate) limit: usize,
    /// Whether what was deleted is listed, and nothing else.
    pub(crate) deleted: bool,
}

/// A page of what is in a bucket.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// The prefixes that go on below this one.
    pub(crate) folders: Vec<String>,
    pub(crate) objects: Vec<Version>,
    /// Where the next page begins.
    pub(crate) next: Option<String>,
}

/// An object, or one of its versions.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Version {
    pub(crate) key: String,
    /// Empty where no versions are listed.
    #[serde(rename = "VersionId")]
    pub(crate) id: String,
    pub(crate) is_latest: bool,
    /// As S3 writes it.
    last_modified: String,
    /// None: it marks that the object was deleted.
    pub(crate) size: Option<u64>,
    pub(crate) storage_class: String,
}

impl Listing {
    pub(super) fn query(&self) -> String {
        let prefix = encode_value(&self.prefix);
        let cursor = encode_value(&self.cursor);
        let limit = self.limit;
        if self.deleted {
            return format!(
                "delimiter=%2F&encoding-type=url&key-marker={cursor}&max-keys={limit}&prefix={prefix}&versions="
            );
        }
        let after = if self.cursor.is_empty() {
            String::new()
        } else {
            format!("continuation-token={cursor}&")
        };
        format!(
            "{after}delimiter=%2F&encoding-type=url&list-type=2&max-keys={limit}&prefix={prefix}"
        )
    }

    pub(super) fn read(&self, text: &str) -> Result<Found, Problem> {
        if self.deleted {
            deleted(text)
        } else {
            present(text)
        }
    }
}

/// The list of an object's versions.
#[derive(Debug)]
pub(super) struct Versions;

impl Versions {
    pub(super) fn query(key: &str) -> String {
        let key = encode_value(key);
        format!("encoding-type=url&max-keys={VERSIONS_SHOWN_MAX}&prefix={key}&versions=")
    }

    /// Those of this key: others may begin alike, and come behind it.
    pub(super) fn read(text: &str, key: &str) -> Result<Vec<Version>, Problem> {
        let mut versions = found(text)?.objects;
        versions.retain(|it| it.key == key);
        Ok(versions)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Present {
    #[serde(default)]
    contents: Vec<Version>,
    #[serde(default)]
    common_prefixes: Vec<Folder>,
    next_continuation_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Folder {
    prefix: String,
}

fn present(text: &str) -> Result<Found, Problem> {
    let page: Present = document(text)?;
    Ok(Found {
        folders: page
            .common_prefixes
            .iter()
            .map(|it| plain(&it.prefix))
            .collect(),
        objects: page.contents.into_iter().map(Version::plain).collect(),
        next: page.next_continuation_token,
    })
}

/// What of a list of versions is the latest of its object and marks that it was deleted.
fn deleted(text: &str) -> Result<Found, Problem> {
    let mut found = found(text)?;
    found.objects.retain(|it| it.is_latest && it.size.is_none());
    Ok(found)
}

/// A list of versions: versions, markers and prefixes stand in it as they come.
#[derive(Deserialize)]
struct Mixed {
    #[serde(rename = "$value", default)]
    lines: Vec<Line>,
}

#[derive(Deserialize)]
enum Line {
    Version(Version),
    DeleteMarker(Version),
    CommonPrefixes(Folder),
    NextKeyMarker(String),
    #[serde(other)]
    Other,
}

fn found(text: &str) -> Result<Found, Problem> {
    let mut found = Found::default();
    for line in document::<Mixed>(text)?.lines {
        match line {
            Line::Version(version) | Line::DeleteMarker(version) => {
                found.objects.push(version.plain())
            }
            Line::CommonPrefixes(folder) => found.folders.push(plain(&folder.prefix)),
            Line::NextKeyMarker(key) => found.next = Some(plain(&key)),
            Line::Other => {}
        }
    }
    Ok(found)
}

impl Version {
    /// When it was written, in seconds since 1970.
    pub(crate) fn modified(&self) -> u64 {
        seconds(parse_any(&self.last_modified))
    }

    fn plain(self) -> Self {
        Self {
            key: plain(&self.key),
            ..self
        }
    }
}

/// A key as it is: in lists it stands percent-encoded, so that XML can carry it.
fn plain(key: &str) -> String {
    decode(key.as_bytes()).map_or_else(|_| key.to_owned(), std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_markers_and_prefixes_are_read_in_any_order() {
        let text = "<?xml version=\"1.0\"?><ListVersionsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name><Prefix/>\
            <Version><Key>a%3Cb</Key><VersionId>v2</VersionId><IsLatest>false</IsLatest><Size>3</Size><Owner><ID>x</ID></Owner></Version>\
            <DeleteMarker><Key>a%3Cb</Key><VersionId>v3</VersionId><IsLatest>true</IsLatest></DeleteMarker>\
            <Version><Key>c</Key><VersionId>null</VersionId><IsLatest>true</IsLatest><Size>0</Size></Version>\
            <CommonPrefixes><Prefix>d/</Prefix></CommonPrefixes><NextKeyMarker>c</NextKeyMarker></ListVersionsResult>";
        let found = found(text).unwrap();
        let keys: Vec<_> = found
            .objects
            .iter()
            .map(|it| (it.key.as_str(), it.size))
            .collect();
        assert_eq!(keys, [("a<b", Some(3)), ("a<b", None), ("c", Some(0))]);
        assert_eq!(found.folders, ["d/"]);
        assert_eq!(found.next.as_deref(), Some("c"));
        let gone: Vec<_> = deleted(text)
            .unwrap()
            .objects
            .into_iter()
            .map(|it| it.id)
            .collect();
        assert_eq!(gone, ["v3"]);
        assert_eq!(Versions::read(text, "a<b").unwrap().len(), 2);
    }
}
