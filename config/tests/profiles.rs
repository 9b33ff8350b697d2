//! Each preset says what its source says. The number before a sentence is that of a rule which the table carries out.

use std::fmt::Write as _;
use std::path::Path;

use postern_config::directory::{
    AccountAcl, BucketPolicies, Carrier, CustomRoles, NamespaceKind, OwnerDataAccess, Permissions,
    Profile, PublicContainers, Reauth, Role, RootKeys, SecretReveal, SubUsers, UserDeleteData,
    WriteDeletes,
};

/// 000-06, 000-13: users have namespaces of their own, sub-users with levels, and secrets that a password
/// shows again.
#[test]
fn e3_primary_is_primary_users_and_their_sub_users() {
    let rules = Profile::E3Primary.rules();
    assert_eq!(rules.namespace, NamespaceKind::PerUser);
    assert_eq!(rules.sub_users, SubUsers::Yes);
    assert_eq!(rules.root_keys, RootKeys::Multiple);
    assert_eq!((rules.keys_per_user, rules.keys_per_sub_user), (None, None));
    assert_eq!(rules.carrier, Carrier::SubUser);
    assert_eq!(rules.secret_reveal, SecretReveal::Password);
    assert_eq!(rules.reauth_for, [Reauth::KeyReveal]);
    // 000-10, 000-14: no user reaches another's data, whoever he is.
    assert_eq!(rules.owner_data_access, OwnerDataAccess::None);
    // Data goes with its user.
    assert_eq!(rules.user_delete_data, UserDeleteData::Purge);
}

/// 001-03, 001-06, 001-08, 001-29: one root key, levels on keys, Write is upload alone, secrets are shown once.
#[test]
fn e3_root_is_a_root_and_users_with_levels_on_their_keys() {
    let rules = Profile::E3Root.rules();
    assert_eq!(rules.namespace, NamespaceKind::PerUser);
    assert_eq!(rules.sub_users, SubUsers::No);
    assert_eq!(rules.root_keys, RootKeys::Single);
    assert_eq!(rules.keys_per_user, None);
    assert_eq!(rules.carrier, Carrier::Key);
    assert_eq!(rules.write_deletes, WriteDeletes::No);
    assert_eq!(rules.secret_reveal, SecretReveal::Once);
    assert_eq!(rules.reauth_for, [Reauth::KeyCreate, Reauth::KeyRotate]);
    assert_eq!(rules.owner_data_access, OwnerDataAccess::None);
    assert_eq!(rules.user_delete_data, UserDeleteData::RefuseIfNotEmpty);
}

/// 002-04, 002-17: sub-users with one key each, Write deletes, bucket policies narrow.
#[test]
fn sobject_is_an_account_with_sub_users_and_policies() {
    let rules = Profile::Sobject.rules();
    assert_eq!(rules.namespace, NamespaceKind::Account);
    assert_eq!(rules.sub_users, SubUsers::Yes);
    assert_eq!(rules.keys_per_sub_user, Some(1));
    assert_eq!(rules.write_deletes, WriteDeletes::All);
    assert_eq!(rules.bucket_policy, BucketPolicies::NarrowAndOpen);
    assert_eq!(rules.public_containers, PublicContainers::ByPolicy);
}

/// 003-02, 003-04, 003-05, 003-17, 003-18: members with permissions, admins without, containers that become public.
#[test]
fn vpsa_is_members_with_permissions_and_admins_without() {
    let rules = Profile::Vpsa.rules();
    assert_eq!(rules.namespace, NamespaceKind::Account);
    assert_eq!(rules.carrier, Carrier::Permissions);
    assert_eq!(rules.write_deletes, WriteDeletes::All);
    assert_eq!(rules.acl_exempt_roles, [Role::Owner, Role::Admin]);
    assert_eq!(rules.owner_data_access, OwnerDataAccess::Full);
    assert_eq!(rules.public_containers, PublicContainers::Switch);
    let usual = Profile::Vpsa.account_acl();
    assert_eq!(usual, Some(AccountAcl::Global(Permissions::ALL)));
    assert_eq!(Profile::Vpsa.usual_role(), Role::Member);
    let others = Profile::ALL.into_iter().filter(|it| *it != Profile::Vpsa);
    for profile in others {
        assert!(!profile.has_permissions(), "{profile}");
    }
}

/// 004-17, 004-18: four built-in roles and others that are made; who is deleted leaves no personal field in the audit log.
#[test]
fn datastream_is_an_organization_with_roles() {
    let rules = Profile::Datastream.rules();
    assert_eq!(rules.carrier, Carrier::Role);
    assert_eq!(rules.custom_roles, CustomRoles::Yes);
    for role in [Role::Owner, Role::Admin, Role::Contributor, Role::Reader] {
        assert!(rules.roles.contains(&role), "{role}");
    }
    assert_eq!(rules.roles.len(), 4);
    // Who is given no role reads and no more.
    assert_eq!(Profile::Datastream.usual_role(), Role::Reader);
    assert_eq!(rules.audit_on_delete.word(), "shred");
}

#[test]
fn s3_is_one_namespace_for_all_and_policies_grant() {
    let rules = Profile::S3.rules();
    assert_eq!(rules.namespace, NamespaceKind::Global);
    assert_eq!(rules.bucket_policy, BucketPolicies::Grant);
    assert_eq!(rules.write_deletes, WriteDeletes::All);
}

/// C11: nothing but account and container permissions is ever skipped for a role, and only where the profile says so.
#[test]
fn roles_are_exempt_only_where_they_are_known() {
    for profile in Profile::ALL {
        let rules = profile.rules();
        let known = |role: &Role| rules.roles.contains(role);
        assert!(rules.acl_exempt_roles.iter().all(known), "{profile}");
        assert_eq!(rules.roles.first(), Some(&Role::Owner), "{profile}");
        assert_ne!(profile.usual_role(), Role::Owner, "{profile}");
        // No preset takes a part of Full away: C8.
        assert!(rules.full_excludes.is_empty(), "{profile}");
    }
}

/// The page shows the table that the code has.
#[test]
fn the_documented_table_is_the_table() {
    let mut table = String::from("| |");
    for profile in Profile::ALL {
        write!(table, " `{profile}` |").unwrap();
    }
    table.push_str("\n|---|");
    table.push_str(&"---|".repeat(Profile::ALL.len()));
    let columns = Profile::ALL.map(|profile| profile.rules().rows());
    for (number, (field, _)) in columns[0].iter().enumerate() {
        write!(table, "\n| {field} |").unwrap();
        for column in &columns {
            assert_eq!(column[number].0, *field);
            write!(table, " {} |", column[number].1).unwrap();
        }
    }
    let root = std::env::var_os("CARGO_MANIFEST_DIR").unwrap();
    let page = Path::new(&root).join("../docs/profiles.md");
    let text = std::fs::read_to_string(page).unwrap_or_default();
    assert!(
        text.contains(&table),
        "docs/profiles.md should hold:\n{table}"
    );
}
