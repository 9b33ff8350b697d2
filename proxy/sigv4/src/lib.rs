//! AWS Signature Version 4 as pure functions: no I/O, and time is an argument.
//!
//! A request is judged in two steps, because the secret lives elsewhere. [`Presented::read`] parses what the
//! caller presents and checks everything that needs no secret; the caller of this crate then finds the key, and
//! [`Claim::verify`] turns the claim into a [`Verified`], which nothing else can make. A body is verified while
//! it flows, by the [`BodyVerifier`] that a [`Verified`] (or an [`Anonymous`]) gives out.
//!
//! What a reader would get wrong without help:
//! * For S3 a path is percent-encoded once and never normalised; `+` in a path is a plus, `+` in a query is a
//!   space.
//! * A key that does not exist must cost the same as one that does: look it up, and where there is none verify
//!   against a [`SigningKey`] of [`SecretKey::stand_in`], so that answer and time are alike.
//! * Data that a [`BodyVerifier`] hands out is not verified before `finish` has returned without error. Whoever
//!   stores it must not commit before that.

mod authorization;
mod body;
mod canonical;
mod chunked;
mod error;
pub mod form;
mod head;
mod key;
pub mod limits;
mod payload;
mod presented;
mod presigned;
mod scope;
pub mod sign;
mod text;
mod time;
mod verify;

pub use body::{BodyError, BodyVerifier, PayloadHasher};
pub use chunked::ChunkDecoder;
pub use error::{AuthError, Part, Place};
pub use head::Head;
pub use key::{InvalidSecret, SecretKey, Signature, SigningKey};
pub use payload::{Framing, PayloadMode};
pub use presented::{Anonymous, Claim, Expectation, Presented, Sessions};
pub use presigned::presigned_headers;
pub use scope::Scope;
pub use time::{Date, Timestamp};
pub use verify::Verified;
