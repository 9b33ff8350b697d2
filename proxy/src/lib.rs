//! The gate: TLS, signatures, policies, and what is allowed goes on to storage.

pub mod clock;
pub mod edge;
mod files;
pub mod limits;
pub mod observe;
pub mod tasks;
