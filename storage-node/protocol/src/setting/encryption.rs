//! `ServerSideEncryptionConfiguration`: whether new objects of a bucket are encrypted though nobody asks for it.

use crate::error::{S3Code, S3Error};
use crate::xml::tree::{Node, Tree, malformed};
use crate::xml::write::Xml;

const ROOT: &str = "ServerSideEncryptionConfiguration";

/// The encryption of new objects: by the store's own keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DefaultEncryption;

impl DefaultEncryption {
    /// Reads the document of PutBucketEncryption.
    ///
    /// # Errors
    /// [`S3Code::MalformedXML`]; [`S3Code::NotImplemented`] for a key management service.
    pub fn read(body: &[u8]) -> Result<Self, S3Error> {
        let tree = Tree::read(body)?;
        let mut rules = tree.root(ROOT)?.children();
        match (rules.next(), rules.next()) {
            (Some(node), None) if node.name() == "Rule" => rule(node),
            _ => Err(malformed()),
        }
    }

    /// The document of GetBucketEncryption.
    pub fn write(self) -> String {
        let mut xml = Xml::document(ROOT, 320);
        xml.open("Rule");
        xml.open("ApplyServerSideEncryptionByDefault");
        xml.text("SSEAlgorithm", "AES256");
        xml.close("ApplyServerSideEncryptionByDefault");
        xml.plain("BucketKeyEnabled", false);
        xml.close("Rule");
        xml.finish(ROOT)
    }
}

fn rule(node: Node<'_>) -> Result<DefaultEncryption, S3Error> {
    let mut algorithm = None;
    for child in node.children() {
        match (child.name(), child.text().trim()) {
            ("ApplyServerSideEncryptionByDefault", _) => {
                for inner in child.children() {
                    match (inner.name(), inner.text().trim()) {
                        ("SSEAlgorithm", "AES256") if algorithm.is_none() => {
                            algorithm = Some(DefaultEncryption);
                        }
                        ("SSEAlgorithm", "aws:kms" | "aws:kms:dsse") | ("KMSMasterKeyID", _) => {
                            return Err(S3Code::NotImplemented.into());
                        }
                        _ => return Err(malformed()),
                    }
                }
            }
            ("BucketKeyEnabled", "true" | "false") => {}
            _ => return Err(malformed()),
        }
    }
    algorithm.ok_or_else(malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_and_no_other_algorithm() {
        let text = DefaultEncryption.write();
        assert_eq!(
            DefaultEncryption::read(text.as_bytes()),
            Ok(DefaultEncryption)
        );
        for (other, code) in [
            ("aws:kms", S3Code::NotImplemented),
            ("AES128", S3Code::MalformedXML),
        ] {
            let text = text.replace("AES256", other);
            let read = DefaultEncryption::read(text.as_bytes());
            assert_eq!(read.map_err(|error| error.code), Err(code));
        }
    }
}
