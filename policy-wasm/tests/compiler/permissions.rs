//! Roles, account and container permissions, and public containers, as modules.

use std::sync::Arc;

use policy_wasm::compiler::permissions;
use policy_wasm::engine::{Module, Verdict};

use super::Bench;
use super::facts::Known;

const ATOMS: [&str; 18] = [
    "ns.list",
    "bkt.find",
    "bkt.list",
    "conf.read",
    "obj.read",
    "obj.head",
    "obj.write",
    "mpu.see",
    "mpu.abort",
    "obj.delete",
    "obj.delver",
    "lock.extend",
    "lock.bypass",
    "manage.create",
    "manage.delete",
    "manage.conf",
    "acl.read",
    "acl.write",
];

/// The atoms that a module allows to a caller.
fn allowed(bench: &Bench, module: &Arc<Module>, caller: &Known) -> Vec<&'static str> {
    let passes = |atom: &&'static str| {
        let facts = caller.clone().text("postern:Atom", atom);
        match bench.opinion(module, &facts).verdict {
            Verdict::Allow => true,
            Verdict::NoOpinion => false,
            Verdict::Deny => {
                panic!("it denies nothing by itself: a limit without an opinion denies")
            }
        }
    };
    ATOMS.into_iter().filter(passes).collect()
}

fn without(taken: &[&str]) -> Vec<&'static str> {
    let kept = |atom: &&'static str| !taken.contains(atom);
    ATOMS.into_iter().filter(kept).collect()
}

fn member() -> Known {
    Known::default().truth("postern:AclExempt", false)
}

/// 004-19: a role allows its atoms and nothing else; who has no role is not limited by one.
#[test]
fn a_role_allows_its_atoms() {
    let bench = Bench::new();
    let module = bench.module(&permissions::role());
    let reader = Known::default()
        .text("postern:Role", "reader")
        .texts("postern:RoleAtoms", &["obj.read", "bkt.list"]);
    assert_eq!(allowed(&bench, &module, &reader), ["bkt.list", "obj.read"]);
    let nothing = Known::default()
        .text("postern:Role", "custom")
        .texts("postern:RoleAtoms", &[]);
    assert_eq!(allowed(&bench, &module, &nothing), [""; 0]);
    assert_eq!(allowed(&bench, &module, &Known::default()), ATOMS);
}

/// 003-03: account Read is listing containers, account Write is creating and deleting them.
#[test]
fn account_permissions_are_about_containers() {
    let bench = Bench::new();
    let module = bench.module(&permissions::account());
    let of = |held: &'static [&'static str]| {
        allowed(
            &bench,
            &module,
            &member().texts("postern:AccountPermissions", held),
        )
    };
    let manage = ["manage.create", "manage.delete"];
    assert_eq!(of(&["read"]), without(&manage));
    assert_eq!(of(&["write"]), without(&["ns.list"]));
    assert_eq!(of(&["read", "write"]), ATOMS);
    assert_eq!(
        of(&[]),
        without(&["ns.list", "manage.create", "manage.delete"])
    );
}

/// 003-04: container Read is list and download, container Write is upload and delete.
#[test]
fn container_permissions_are_about_objects() {
    let bench = Bench::new();
    let module = bench.module(&permissions::container());
    let of = |held: &'static [&'static str]| {
        allowed(
            &bench,
            &module,
            &member().texts("postern:ContainerPermissions", held),
        )
    };
    let (reads, writes) = (
        ["bkt.list", "obj.read", "obj.head", "mpu.see"],
        ["obj.write", "mpu.abort", "obj.delete", "obj.delver"],
    );
    assert_eq!(of(&["read"]), without(&writes));
    assert_eq!(of(&["write"]), without(&reads));
    assert_eq!(of(&[]), without(&[reads, writes].concat()));
}

/// 003-02: permissions are enforced on members only; where none are set they bind nobody.
#[test]
fn who_is_exempt_is_not_bound_and_what_is_not_set_binds_nobody() {
    let bench = Bench::new();
    for (statements, held) in [
        (permissions::account(), "postern:AccountPermissions"),
        (permissions::container(), "postern:ContainerPermissions"),
    ] {
        let module = bench.module(&statements);
        let admin = Known::default()
            .truth("postern:AclExempt", true)
            .texts(held, &[]);
        assert_eq!(allowed(&bench, &module, &admin), ATOMS);
        assert_eq!(allowed(&bench, &module, &member()), ATOMS);
    }
}

/// 003-17: a public container is open to everyone whom its referrers sent, for reading alone.
#[test]
fn a_public_container_is_read_by_whoever_its_referrers_sent() {
    let bench = Bench::new();
    let module = bench.module(&permissions::public());
    let open =
        |relations: &'static [&'static str]| Known::default().texts("postern:Relation", relations);
    let of = |facts: &Known| allowed(&bench, &module, facts);
    assert_eq!(of(&open(&["public-list"])), ["bkt.find", "bkt.list"]);
    assert_eq!(of(&open(&["public-read"])), ["obj.read", "obj.head"]);
    assert_eq!(of(&open(&["owner"])), [""; 0]);
    assert_eq!(of(&Known::default()), [""; 0]);

    let referred = |from: &'static str| {
        open(&["public-read"])
            .texts("postern:PublicReferrers", &["https://good.example/"])
            .text("aws:Referer", from)
    };
    assert_eq!(
        of(&referred("https://good.example/page")),
        ["obj.read", "obj.head"]
    );
    for other in ["https://good.example.evil/", "http://good.example/", ""] {
        assert_eq!(of(&referred(other)), [""; 0], "{other}");
    }
    let silent =
        open(&["public-read"]).texts("postern:PublicReferrers", &["https://good.example/"]);
    assert_eq!(of(&silent), [""; 0]);
    // An empty list of referrers lets nobody in.
    let nobody = open(&["public-read"])
        .texts("postern:PublicReferrers", &[])
        .text("aws:Referer", "https://good.example/");
    assert_eq!(of(&nobody), [""; 0]);
}
