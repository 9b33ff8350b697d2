//! `VersioningConfiguration`: whether a bucket keeps what is overwritten. Once it has, it can only be suspended.

use serde::{Deserialize, Serialize};

use crate::error::{S3Code, S3Error};
use crate::xml::tree::{Tree, malformed};
use crate::xml::write::Xml;

const ROOT: &str = "VersioningConfiguration";

/// The versioning of a bucket that has or had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Versioning {
    /// Each write makes a version.
    Enabled,
    /// Each write makes the `null` version, and the others stay.
    Suspended,
}

impl Versioning {
    /// Reads the document of PutBucketVersioning.
    ///
    /// # Errors
    /// [`S3Code::MalformedXML`]; [`S3Code::NotImplemented`] for deletion by multi-factor authentication.
    pub fn read(body: &[u8]) -> Result<Self, S3Error> {
        let tree = Tree::read(body)?;
        let mut status = None;
        for child in tree.root(ROOT)?.children() {
            match (child.name(), child.text().trim()) {
                ("Status", "Enabled") if status.is_none() => status = Some(Self::Enabled),
                ("Status", "Suspended") if status.is_none() => status = Some(Self::Suspended),
                ("MfaDelete" | "MFADelete", "Disabled") => {}
                ("MfaDelete" | "MFADelete", "Enabled") => {
                    return Err(S3Code::NotImplemented.into());
                }
                _ => return Err(malformed()),
            }
        }
        status.ok_or_else(|| {
            S3Error::with(
                S3Code::IllegalVersioningConfigurationException,
                "The Versioning element must be specified",
            )
        })
    }

    /// The document of GetBucketVersioning; it is empty for a bucket that never had versions.
    pub fn write(versioning: Option<Self>) -> String {
        let mut xml = Xml::document(ROOT, 192);
        match versioning {
            Some(Self::Enabled) => xml.text("Status", "Enabled"),
            Some(Self::Suspended) => xml.text("Status", "Suspended"),
            None => {}
        }
        xml.finish(ROOT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        for versioning in [Versioning::Enabled, Versioning::Suspended] {
            let text = Versioning::write(Some(versioning));
            assert_eq!(Versioning::read(text.as_bytes()), Ok(versioning));
        }
        assert!(!Versioning::write(None).contains("Status"));
    }

    #[test]
    fn another_status_is_malformed() {
        let read = |inner: &str| {
            let text = format!("<{ROOT}>{inner}</{ROOT}>");
            Versioning::read(text.as_bytes()).map_err(|error| error.code)
        };
        assert_eq!(read("<Status>On</Status>"), Err(S3Code::MalformedXML));
        assert_eq!(
            read("<Status>Enabled</Status><Status>Enabled</Status>"),
            Err(S3Code::MalformedXML)
        );
        assert_eq!(
            read(""),
            Err(S3Code::IllegalVersioningConfigurationException)
        );
        assert_eq!(
            read("<Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>"),
            Err(S3Code::NotImplemented)
        );
    }
}
