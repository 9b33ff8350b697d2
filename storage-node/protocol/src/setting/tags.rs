//! Sets of tags, of buckets and of objects.

use crate::error::{S3Code, S3Error};
use crate::limits::BUCKET_TAGS_MAX;
use crate::xml::read::tag_set;
use crate::xml::write::Xml;

const ROOT: &str = "Tagging";

/// Reads the document of PutObjectTagging: at most 10 tags.
///
/// # Errors
/// [`S3Code::MalformedXML`], [`S3Code::InvalidTag`], also for too many.
pub fn read(body: &[u8]) -> Result<Vec<(String, String)>, S3Error> {
    crate::xml::tagging(body)
}

/// Reads the document of PutBucketTagging: at most 50 tags.
///
/// # Errors
/// [`S3Code::MalformedXML`], [`S3Code::InvalidTag`].
pub fn read_of_bucket(body: &[u8]) -> Result<Vec<(String, String)>, S3Error> {
    let tags = tag_set(body)?;
    if tags.len() > BUCKET_TAGS_MAX {
        return Err(S3Error::with(
            S3Code::InvalidTag,
            "Bucket tag count cannot be greater than 50",
        ));
    }
    crate::parse::checked_each_tag(tags)
}

/// The document of GetObjectTagging and GetBucketTagging.
pub fn write(tags: &[(String, String)]) -> String {
    let mut xml = Xml::document(ROOT, 128 + tags.len() * 96);
    xml.open("TagSet");
    for (key, value) in tags {
        xml.open("Tag");
        xml.text("Key", key);
        xml.text("Value", value);
        xml.close("Tag");
    }
    xml.close("TagSet");
    xml.finish(ROOT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_reads_back_as_itself() {
        let tags = vec![
            ("a".to_owned(), "<&>".to_owned()),
            ("b".to_owned(), String::new()),
        ];
        let text = write(&tags);
        assert_eq!(read(text.as_bytes()).as_ref(), Ok(&tags));
        assert_eq!(read_of_bucket(text.as_bytes()), Ok(tags));
    }

    #[test]
    fn a_bucket_has_fifty_tags_at_most_and_an_object_ten() {
        let tags = |count: usize| -> String {
            let tags: Vec<_> = (0..count).map(|n| (n.to_string(), String::new())).collect();
            write(&tags)
        };
        assert!(read(tags(10).as_bytes()).is_ok());
        assert!(read(tags(11).as_bytes()).is_err());
        assert!(read_of_bucket(tags(50).as_bytes()).is_ok());
        assert!(read_of_bucket(tags(51).as_bytes()).is_err());
    }
}
