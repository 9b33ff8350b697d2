//! The directory, its invariants, and what is kept. One program: what all files lean on is linked once, not fourteen times.

mod directory;
mod engine;
mod iam;
mod invariants;
mod keeping;
mod metering;
mod modules;
mod operators;
mod people;
mod policies;
mod profiles;
mod purge;
mod settings;
mod transfer;
