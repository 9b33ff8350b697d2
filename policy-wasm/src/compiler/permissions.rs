//! The statements of roles, of account and container permissions, and of public containers. As those of keys they ask for
//! attributes, so that one module serves all tenants.
//!
//! What is not set is absent and restricts nothing; an empty list allows nothing. Roles and permissions are limits: they
//! allow what they do not narrow. What is public is a grant: it allows, or has no opinion.

use crate::registry::Name;

use super::statement::{Condition, Statement, StatementId};
use super::{attribute, one_of};

/// Atoms that the account permission `read` gives: to see which containers there are.
const ACCOUNT_READS: [&str; 1] = ["ns.list"];
/// Atoms that the account permission `write` gives: to make and remove containers.
const ACCOUNT_WRITES: [&str; 2] = ["manage.create", "manage.delete"];
/// Atoms that the container permission `read` gives: to list and download.
const CONTAINER_READS: [&str; 4] = ["bkt.list", "mpu.see", "obj.read", "obj.head"];
/// Atoms that the container permission `write` gives: to upload and delete.
const CONTAINER_WRITES: [&str; 4] = ["obj.write", "obj.delete", "obj.delver", "mpu.abort"];

/// A limit: who has a role may do what its atoms name. Who has none is limited by others.
pub fn role() -> Vec<Statement> {
    let of_role = Condition::among(attribute(Name::Atom), attribute(Name::RoleAtoms));
    vec![
        Statement::allow(id("role")).to(of_role),
        Statement::allow(id("role.none")).when(absent(Name::Role)),
    ]
}

/// A limit: permissions on the account bind its members in what they do to containers, but for the roles that are exempt.
pub fn account() -> Vec<Statement> {
    permissions(
        "account",
        Name::AccountPermissions,
        &ACCOUNT_READS,
        &ACCOUNT_WRITES,
    )
}

/// A limit: permissions on a container bind its users in what they do to objects, but for the roles that are exempt.
pub fn container() -> Vec<Statement> {
    permissions(
        "container",
        Name::ContainerPermissions,
        &CONTAINER_READS,
        &CONTAINER_WRITES,
    )
}

fn permissions(layer: &str, held: Name, reads: &[&str], writes: &[&str]) -> Vec<Statement> {
    let named = |what: &str| Statement::allow(id(&format!("{layer}.{what}")));
    let gives = |permission: &str, atoms: &[&str]| {
        named(permission)
            .to(one_of(Name::Atom, atoms))
            .when(one_of(held, [permission]))
    };
    let others = one_of(Name::Atom, reads.iter().chain(writes)).negated();
    vec![
        gives("read", reads),
        gives("write", writes),
        named("other").to(others),
        named("exempt").when(Condition::truth(attribute(Name::AclExempt), true)),
        named("none").when(absent(held)),
    ]
}

/// A grant: a container that is public may be listed, or read, by everyone whom one of its referrers sent.
pub fn public() -> Vec<Statement> {
    let grants = |relation: &'static str, atoms: &[&str]| {
        let open = || {
            Statement::allow(id(relation))
                .to(one_of(Name::Atom, atoms))
                .when(one_of(Name::Relation, [relation]))
        };
        let referred =
            Condition::below_prefix_in(attribute(Name::Referer), attribute(Name::PublicReferrers));
        [
            open().when(absent(Name::PublicReferrers)),
            open().when(referred),
        ]
    };
    let lists = grants("public-list", &["bkt.find", "bkt.list"]);
    let reads = grants("public-read", &["obj.read", "obj.head"]);
    lists.into_iter().chain(reads).collect()
}

fn id(text: &str) -> StatementId {
    StatementId::of(text)
}

fn absent(name: Name) -> Condition {
    Condition::present(attribute(name)).negated()
}
