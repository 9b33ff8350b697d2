//! PostObject's form: multipart/form-data, read as a stream.
//!
//! Fields are bounded and come before the file; the file's bytes are handed on as they arrive, without a copy; whatever
//! follows the file is ignored. The signature of the form is checked elsewhere, over the fields as they are here.

mod fields;
mod reader;

pub use fields::{Form, PostObject};
pub use reader::{FormReader, Step};
