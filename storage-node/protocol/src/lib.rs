//! The language of S3: operations, names, errors and documents. One parser for the proxy and the node.

pub mod acl;
pub mod call;
pub mod checksum;
pub mod conditions;
pub mod date;
pub mod error;
pub mod escalations;
pub mod form;
pub mod host;
pub mod limits;
pub mod names;
pub mod object;
pub mod operation;
pub mod parse;
pub mod percent;
pub mod render;
pub mod seal;
pub mod setting;
pub mod token;
pub mod xml;

pub use call::{Call, S3Request, Target};
pub use error::{S3Code, S3Error};
pub use names::{BucketId, BucketName, ObjectKey, UploadId, VersionId};
pub use operation::Operation;
pub use parse::{Head, parse};
