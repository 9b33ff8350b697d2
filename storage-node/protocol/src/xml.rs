//! S3's documents: what requests carry in their bodies, and what answers say.
//!
//! Bodies come from anyone, so reading is bounded before it is typed: no DOCTYPE, no entities but the five of XML, a limit on
//! bytes, depth and elements, and no recursion. Texts are kept to the byte: a key may begin with a space, which a
//! deserializer that trims would turn into another key.

pub(crate) mod read;
pub(crate) mod tree;
pub(crate) mod write;

pub use read::{
    CreateBucketConfiguration, Delete, DeleteEntry, complete_multipart_upload,
    create_bucket_configuration, delete, tagging,
};

/// A document as a bounded tree.
pub(crate) fn tree(body: &[u8]) -> Result<tree::Tree, crate::error::S3Error> {
    tree::Tree::read(body)
}

/// The namespace of S3's documents.
pub const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";
