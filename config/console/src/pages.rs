//! The console: pages over [`crate::service`], for people who have signed in with a browser.
//!
//! Each page stands for an operation of the admin API ([`crate::routes::PAGES`]) and needs what that needs: there is no second table of
//! who may do what. A form stands at the path to which it is sent. Every page works without script.

mod bucket_tabs;
mod chart;
mod choices;
mod confirm;
mod diff;
mod error;
mod fields;
#[expect(
    clippy::inline_always,
    clippy::trivially_copy_pass_by_ref,
    clippy::unnecessary_wraps,
    unreachable_pub,
    reason = "what a filter is given and gives is for askama to say"
)]
mod filters;
mod frame;
mod links;
mod lists;
mod reader;
mod rule_words;
mod samples;
mod sentences;
mod upload;

pub(crate) mod accounts;
pub(crate) mod audit;
pub(crate) mod audit_live;
pub(crate) mod brand;
pub(crate) mod bucket_events;
pub(crate) mod bucket_rules;
pub(crate) mod bucket_usage;
pub(crate) mod buckets;
pub(crate) mod bulk;
pub(crate) mod hosts;
pub(crate) mod key_new;
pub(crate) mod key_steps;
pub(crate) mod keys;
pub(crate) mod look;
pub(crate) mod me;
pub(crate) mod module_versions;
pub(crate) mod modules;
pub(crate) mod object;
pub(crate) mod objects;
pub(crate) mod ownership;
pub(crate) mod passkeys;
pub(crate) mod people;
pub(crate) mod permissions;
pub(crate) mod person_form;
pub(crate) mod person_steps;
pub(crate) mod policies;
pub(crate) mod quota;
pub(crate) mod requests;
pub(crate) mod requests_live;
mod review;
pub(crate) mod roles;
pub(crate) mod server;
pub(crate) mod session;
pub(crate) mod settings;
pub(crate) mod simulator;
pub(crate) mod sso;
pub(crate) mod steps;
pub(crate) mod sub_users;
pub(crate) mod texts;
pub(crate) mod tokens;
pub(crate) mod uploads;
pub(crate) mod usage;
pub(crate) mod user;
pub(crate) mod user_changes;
pub(crate) mod users;
pub(crate) mod visit;
