//! Who there is below a user and above a key: roles, sub-users, permissions.

use postern_config::directory::KeyRights;

use super::{Described, delete, get, patch, post, put};
use crate::api::buckets::BucketAsk;
use crate::api::keys::KeysAsk;
use crate::api::roles::RolesAsk;
use crate::api::sub_users::SubUsersAsk;
use crate::service::keys::{KeyMade, KeyShown};
use crate::service::losses::Deletion;
use crate::service::permissions::{
    AccountAsked, AccountShown, ContainerAsked, ContainerShown, Preview, PublicAsked, PublicShown,
};
use crate::service::roles::{Matrix, RoleAsked, RoleShown};
use crate::service::sub_users::{NewSubUser, SubUserChange, SubUserShown};

pub(super) fn roles() -> Vec<Described> {
    const ALL: &str = "/api/v1/tenants/{tenant}/roles";
    const ONE: &str = "/api/v1/tenants/{tenant}/roles/{role}";
    vec![
        get(ALL, "List the roles of an account, the built-in ones first")
            .asks::<RolesAsk>()
            .pages::<RoleShown>(),
        post(ALL, "Make a role")
            .takes::<RoleAsked>()
            .creates::<RoleShown>("The role."),
        get(ONE, "Show a role")
            .tells::<RoleShown>(200, "The role.")
            .tagged(),
        put(
            ONE,
            "Replace what a role is; who has it has the other from the next request on",
        )
        .takes::<RoleAsked>()
        .changes::<RoleShown>(),
        delete(ONE, "Delete a role that nobody has")
            .asks::<Deletion>()
            .deletes(),
        get(
            "/api/v1/tenants/{tenant}/role-matrix",
            "Show every role beside every permission",
        )
        .tells::<Matrix>(200, "The matrix."),
    ]
}

pub(super) fn sub_users() -> Vec<Described> {
    const ALL: &str = "/api/v1/tenants/{tenant}/users/{user}/sub-users";
    const ONE: &str = "/api/v1/tenants/{tenant}/users/{user}/sub-users/{sub_user}";
    const KEYS: &str = "/api/v1/tenants/{tenant}/users/{user}/sub-users/{sub_user}/keys";
    vec![
        get(ALL, "List the sub-users of a user")
            .asks::<SubUsersAsk>()
            .pages::<SubUserShown>(),
        post(ALL, "Make a sub-user; no access key is made")
            .takes::<NewSubUser>()
            .creates::<SubUserShown>("The sub-user."),
        get(ONE, "Show a sub-user")
            .tells::<SubUserShown>(200, "The sub-user.")
            .tagged(),
        patch(ONE, "Change a sub-user's level, name or description")
            .takes::<SubUserChange>()
            .changes::<SubUserShown>(),
        delete(
            ONE,
            "Delete a sub-user with his keys; what they have written stays",
        )
        .asks::<Deletion>()
        .deletes(),
        post(
            "/api/v1/tenants/{tenant}/users/{user}/sub-users/{sub_user}/disable",
            "Stop everything of a sub-user; all is kept",
        )
        .changes::<SubUserShown>(),
        post(
            "/api/v1/tenants/{tenant}/users/{user}/sub-users/{sub_user}/enable",
            "Give a disabled sub-user back what he had",
        )
        .changes::<SubUserShown>(),
        get(KEYS, "List the access keys of a sub-user")
            .asks::<KeysAsk>()
            .pages::<KeyShown>(),
        post(
            KEYS,
            "Make an access key of a sub-user, of at most his level; its secret is in this answer and nowhere else",
        )
        .takes::<KeyRights>()
        .creates::<KeyMade>("The key and its secret."),
    ]
}

pub(super) fn permissions() -> Vec<Described> {
    const ACCOUNT: &str = "/api/v1/tenants/{tenant}/permissions";
    const CONTAINER: &str = "/api/v1/tenants/{tenant}/buckets/{bucket}/permissions";
    const PUBLIC: &str = "/api/v1/tenants/{tenant}/buckets/{bucket}/public";
    vec![
        get(
            ACCOUNT,
            "Show what the members of an account may do to containers",
        )
        .tells::<AccountShown>(200, "The permissions.")
        .tagged(),
        put(
            ACCOUNT,
            "Set what the members of an account may do to containers",
        )
        .takes::<AccountAsked>()
        .changes::<AccountShown>(),
        delete(ACCOUNT, "Go back to what the profile says").changes::<AccountShown>(),
        post(
            "/api/v1/tenants/{tenant}/permissions/preview",
            "Say what setting permissions on an account would change for whom, and change nothing",
        )
        .takes::<AccountAsked>()
        .tells::<Preview>(200, "What would change.")
        .tagged(),
        get(
            CONTAINER,
            "Show what may be done to the objects of a container",
        )
        .asks::<BucketAsk>()
        .tells::<ContainerShown>(200, "The permissions.")
        .tagged(),
        put(
            CONTAINER,
            "Set what may be done to the objects of a container",
        )
        .asks::<BucketAsk>()
        .takes::<ContainerAsked>()
        .changes::<ContainerShown>(),
        delete(
            CONTAINER,
            "Say nothing about a container: members may do what the layers above allow",
        )
        .asks::<BucketAsk>()
        .changes::<ContainerShown>(),
        post(
            "/api/v1/tenants/{tenant}/buckets/{bucket}/permissions/preview",
            "Say what setting permissions on a container would change for whom, and change nothing",
        )
        .asks::<BucketAsk>()
        .takes::<ContainerAsked>()
        .tells::<Preview>(200, "What would change.")
        .tagged(),
        get(PUBLIC, "Show what of a container is public")
            .asks::<BucketAsk>()
            .tells::<PublicShown>(200, "What is public.")
            .tagged(),
        put(PUBLIC, "Make a container public")
            .asks::<BucketAsk>()
            .takes::<PublicAsked>()
            .changes::<PublicShown>(),
        delete(PUBLIC, "Make a container private")
            .asks::<BucketAsk>()
            .changes::<PublicShown>(),
    ]
}
