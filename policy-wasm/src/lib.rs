//! Permission policies as WebAssembly modules that ask questions, and a cache that remembers the answers.
//!
//! A module sees nothing but the answers to the questions it asks, is deterministic and starts fresh each time, so its
//! decision is a function of those answers. The [`decider`] remembers it as a tree of questions: sound by construction, never
//! stale, shared by all who answer alike. Nothing in here knows HTTP, tenants or keys.

pub mod compiler;
pub mod decider;
pub mod engine;
pub mod facts;
pub mod limits;
pub mod manifest;
pub mod plan;
pub mod question;
pub mod registry;
pub mod tools;
mod tree;
