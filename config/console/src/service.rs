//! What the admin API and the console do: each function is one question or one change, under the authority of an actor.
//!
//! Nothing here knows HTTP but for [`Problem`](crate::Problem), which is what both tell people who are refused.

pub(crate) mod audit;
pub(crate) mod bucket_rules;
pub(crate) mod buckets;
pub(crate) mod bulk;
pub(crate) mod creations;
pub(crate) mod deeds;
pub(crate) mod domains;
pub(crate) mod find;
pub(crate) mod jobs;
pub(crate) mod keys;
pub(crate) mod list;
pub(crate) mod losses;
pub(crate) mod me;
pub(crate) mod modules;
pub(crate) mod node;
pub(crate) mod object_lists;
pub(crate) mod objects;
pub(crate) mod operators;
pub(crate) mod passkeys;
pub(crate) mod permissions;
pub(crate) mod policies;
pub(crate) mod readings;
pub(crate) mod review;
pub(crate) mod roles;
pub(crate) mod sentences;
pub(crate) mod signin;
pub(crate) mod sso;
pub(crate) mod sub_users;
pub(crate) mod tenants;
pub(crate) mod tokens;
pub(crate) mod transfer;
pub(crate) mod upkeep;
pub(crate) mod usage;
pub(crate) mod users;
