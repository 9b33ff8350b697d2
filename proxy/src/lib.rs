//! The gate: TLS, signatures, policies, and what is allowed goes on to storage.

pub mod clock;
pub mod edge;
pub mod observe;
pub mod tasks;
