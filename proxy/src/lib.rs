//! The gate: TLS, signatures, policies, and what is allowed goes on to storage.

pub mod app;
pub mod cli;
pub mod clock;
pub mod dev;
pub mod edge;
mod files;
mod https;
mod iam;
pub mod journey;
pub mod judge;
pub mod limits;
pub mod meter;
pub mod observe;
pub mod record;
pub mod tasks;
mod upkeep;
pub mod upstream;
pub mod world;
