//! The doors of the admin side: who comes in, and what he may do where.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

mod accounts;
mod buckets;
mod crawl;
mod device;
mod house;
#[cfg(feature = "oidc")]
mod idp;
mod modules;
mod pages;
mod passkeys;
mod people;
mod policies;
mod sessions;
#[cfg(feature = "oidc")]
mod sso;
mod tokens;
