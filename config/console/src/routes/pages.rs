//! Every page of the console: where it is, and which operation of the admin API it shows or carries out. It needs what that needs.

use axum::routing::{get, post};
use axum::{Extension, Router};
use postern_config::directory::{Bucket, Tenant, User};

use super::Permission::{Open, Page};
use super::{Permission, Route, guarded};
use crate::Admin;
use crate::needs::At;
use crate::pages::{
    accounts, audit, audit_live, bucket_events, bucket_rules, bucket_usage, buckets, bulk, hosts,
    key_new, key_steps, keys, look, me, module_versions, modules, object, objects, ownership,
    passkeys, people, permissions, person_form, person_steps, policies, quota, requests,
    requests_live, roles, server, session, settings, simulator, sso, steps, sub_users, tokens,
    uploads, usage, user, user_changes, users,
};
use crate::service::bucket_rules::Kind;

/// A page for this operation.
const fn of(method: &'static str, path: &'static str) -> Permission {
    Page {
        method,
        path,
        at: None,
    }
}

/// A page whose path says where, for an operation whose query or document does.
const fn at(at: At, method: &'static str, path: &'static str) -> Permission {
    Page {
        method,
        path,
        at: Some(at),
    }
}

routes! {
    /// Every page.
    PAGES add_pages {
    "/assets/{file}", ["GET"], Open, get(look::asset);

    // How people come in, and what is their own.
    "/", ["GET"], of("GET", "/api/v1/me"), get(accounts::home);
    "/setup/{token}", ["GET", "POST"], of("POST", "/api/v1/setup"), get(session::show_set_up).post(session::set_up);
    "/invitation/{token}", ["GET", "POST"], of("POST", "/api/v1/invitations/accept"), get(session::show_invitation).post(session::accept);
    "/sign-in", ["GET", "POST"], of("POST", "/api/v1/session"), get(session::show_sign_in).post(session::sign_in);
    "/sign-out", ["POST"], of("DELETE", "/api/v1/session"), post(session::sign_out);
    "/step-up", ["GET", "POST"], of("POST", "/api/v1/session/step-up"), get(session::show_step_up).post(session::step_up);
    "/sign-in/passkey", ["GET", "POST"], of("POST", "/api/v1/session"), get(passkeys::show_sign_in).post(passkeys::sign_in);
    "/step-up/passkey", ["GET", "POST"], of("POST", "/api/v1/session/step-up"), get(passkeys::show_step_up).post(passkeys::step_up);
    "/sso", ["GET"], of("POST", "/api/v1/session"), get(sso::begin);
    "/sso/again", ["GET"], of("POST", "/api/v1/session/step-up"), get(sso::again);
    "/sso/callback", ["GET"], of("POST", "/api/v1/session"), get(sso::finish);
    "/me", ["GET"], of("GET", "/api/v1/me/sessions"), get(me::show);
    "/me/details", ["GET", "POST"], of("PATCH", "/api/v1/me"), get(me::show_details).post(me::set_details);
    "/me/password", ["GET", "POST"], of("POST", "/api/v1/me/password"), get(me::show_password).post(me::set_password);
    "/me/second-factor", ["GET", "POST"], of("POST", "/api/v1/me/totp"), get(me::show_second_factor).post(me::enrol);
    "/me/second-factor/confirm", ["GET", "POST"], of("POST", "/api/v1/me/totp/confirm"), get(me::show_confirm).post(me::confirm);
    "/me/second-factor/remove", ["GET", "POST"], of("DELETE", "/api/v1/me/totp"),
        get(me::show_remove_second_factor).post(me::remove_second_factor);
    "/me/passkeys/new", ["GET", "POST"], of("POST", "/api/v1/me/totp"), get(passkeys::show_add).post(passkeys::add);
    "/me/passkeys/{passkey}/remove", ["GET", "POST"], of("DELETE", "/api/v1/me/passkeys/{passkey}"),
        get(passkeys::show_remove).post(passkeys::remove);
    "/me/key", ["GET", "POST"], of("GET", "/api/v1/me/sessions"), get(objects::show_key).post(objects::hold_key);
    "/me/key/forget", ["POST"], of("GET", "/api/v1/me/sessions"), post(objects::forget_key);
    "/me/tokens", ["GET"], of("GET", "/api/v1/tokens"), get(tokens::list);
    "/me/tokens/new", ["GET", "POST"], of("POST", "/api/v1/tokens"), get(tokens::show_create).post(tokens::create);
    "/me/tokens/{token}/revoke", ["GET", "POST"], of("DELETE", "/api/v1/tokens/{token}"), get(tokens::show_revoke).post(tokens::revoke);
    "/me/sessions/end", ["GET", "POST"], of("DELETE", "/api/v1/me/sessions"), get(me::show_end_sessions).post(me::end_sessions);

    // Accounts, users and their keys.
    "/accounts", ["GET"], of("GET", "/api/v1/tenants"), get(accounts::list);
    "/accounts/new", ["GET", "POST"], of("POST", "/api/v1/tenants"), get(accounts::show_create).post(accounts::create);
    "/accounts/{tenant}", ["GET"], of("GET", "/api/v1/tenants/{tenant}"), get(accounts::overview);
    "/accounts/{tenant}/users", ["GET"], of("GET", "/api/v1/tenants/{tenant}/users"), get(users::list);
    "/accounts/{tenant}/users/new", ["GET", "POST"], of("POST", "/api/v1/tenants/{tenant}/users"),
        get(users::show_create).post(users::create);
    "/accounts/{tenant}/users/bulk", ["GET", "POST"], of("POST", "/api/v1/tenants/{tenant}/bulk/users"), get(bulk::show_users).post(bulk::take_users);
    "/accounts/{tenant}/users/{user}", ["GET"], of("GET", "/api/v1/tenants/{tenant}/users/{user}"), get(user::show);
    "/accounts/{tenant}/users/{user}/sub-users", ["GET"], of("GET", "/api/v1/tenants/{tenant}/users/{user}/sub-users"),
        get(user::show_sub_users);
    "/accounts/{tenant}/users/{user}/buckets", ["GET"], of("GET", "/api/v1/tenants/{tenant}/users/{user}"), get(user::show_buckets);
    "/accounts/{tenant}/users/{user}/permissions", ["GET"], of("GET", "/api/v1/tenants/{tenant}/users/{user}"), get(user::show_permissions);
    "/accounts/{tenant}/users/{user}/activity", ["GET"], at(At::User, "GET", "/api/v1/audit"), get(user::show_activity);
    "/accounts/{tenant}/users/{user}/details", ["GET"], of("GET", "/api/v1/tenants/{tenant}/users/{user}"), get(user::show_details);
    "/accounts/{tenant}/users/{user}/edit", ["GET", "POST"], of("PUT", "/api/v1/tenants/{tenant}/users/{user}/details"),
        get(user_changes::show_edit).post(user_changes::edit);
    "/accounts/{tenant}/users/{user}/rename", ["GET", "POST"], of("PATCH", "/api/v1/tenants/{tenant}/users/{user}"),
        get(user_changes::show_rename).post(user_changes::rename);
    "/accounts/{tenant}/users/{user}/role", ["GET", "POST"], of("PUT", "/api/v1/tenants/{tenant}/users/{user}/role"),
        get(user_changes::show_role).post(user_changes::set_role);
    "/accounts/{tenant}/users/{user}/quota", ["GET", "POST"], at(At::User, "PUT", "/api/v1/usage/quotas"),
        get(quota::show::<User>).post(quota::set::<User>);
    "/accounts/{tenant}/users/{user}/disable", ["GET", "POST"], of("POST", "/api/v1/tenants/{tenant}/users/{user}/disable"),
        get(user_changes::show_disable).post(user_changes::disable);
    "/accounts/{tenant}/users/{user}/enable", ["GET", "POST"], of("POST", "/api/v1/tenants/{tenant}/users/{user}/enable"),
        get(user_changes::show_enable).post(user_changes::enable);
    "/accounts/{tenant}/users/{user}/delete", ["GET", "POST"], of("DELETE", "/api/v1/tenants/{tenant}/users/{user}"),
        get(user_changes::show_delete).post(user_changes::delete);
    "/accounts/{tenant}/users/{user}/sub-users/new", ["GET", "POST"], of("POST", "/api/v1/tenants/{tenant}/users/{user}/sub-users"),
        get(sub_users::show_create).post(sub_users::create);
    "/accounts/{tenant}/users/{user}/sub-users/{sub_user}/edit", ["GET", "POST"],
        of("PATCH", "/api/v1/tenants/{tenant}/users/{user}/sub-users/{sub_user}"), get(sub_users::show_edit).post(sub_users::edit);
    "/accounts/{tenant}/users/{user}/sub-users/{sub_user}/disable", ["GET", "POST"],
        of("POST", "/api/v1/tenants/{tenant}/users/{user}/sub-users/{sub_user}/disable"),
        get(sub_users::show_disable).post(sub_users::disable);
    "/accounts/{tenant}/users/{user}/sub-users/{sub_user}/enable", ["GET", "POST"],
        of("POST", "/api/v1/tenants/{tenant}/users/{user}/sub-users/{sub_user}/enable"), get(sub_users::show_enable).post(sub_users::enable);
    "/accounts/{tenant}/users/{user}/sub-users/{sub_user}/delete", ["GET", "POST"],
        of("DELETE", "/api/v1/tenants/{tenant}/users/{user}/sub-users/{sub_user}"), get(sub_users::show_delete).post(sub_users::delete);
    "/accounts/{tenant}/users/{user}/sub-users/{sub_user}/keys/new", ["GET", "POST"],
        of("POST", "/api/v1/tenants/{tenant}/users/{user}/sub-users/{sub_user}/keys"),
        get(key_new::show_create_below).post(key_new::create_below);
    "/accounts/{tenant}/keys", ["GET"], of("GET", "/api/v1/tenants/{tenant}/keys"), get(keys::list);
    "/accounts/{tenant}/keys/bulk", ["GET", "POST"], of("POST", "/api/v1/tenants/{tenant}/bulk/keys"),
        get(bulk::show_keys).post(bulk::take_keys);
    "/accounts/{tenant}/users/{user}/keys/new", ["GET", "POST"], of("POST", "/api/v1/tenants/{tenant}/users/{user}/keys"),
        get(key_new::show_create).post(key_new::create);
    "/accounts/{tenant}/users/{user}/keys/{key}/rotate", ["GET", "POST"],
        of("POST", "/api/v1/tenants/{tenant}/users/{user}/keys/{key}/rotate"), get(key_steps::show_rotate).post(key_steps::rotate);
    "/accounts/{tenant}/users/{user}/keys/{key}/reveal", ["GET", "POST"],
        of("POST", "/api/v1/tenants/{tenant}/users/{user}/keys/{key}/reveal"), get(key_steps::show_reveal).post(key_steps::reveal);
    "/accounts/{tenant}/users/{user}/keys/{key}/disable", ["GET", "POST"],
        of("POST", "/api/v1/tenants/{tenant}/users/{user}/keys/{key}/disable"), get(key_steps::show_disable).post(key_steps::disable);
    "/accounts/{tenant}/users/{user}/keys/{key}/enable", ["GET", "POST"],
        of("POST", "/api/v1/tenants/{tenant}/users/{user}/keys/{key}/enable"), get(key_steps::show_enable).post(key_steps::enable);
    "/accounts/{tenant}/users/{user}/keys/{key}/delete", ["GET", "POST"],
        of("DELETE", "/api/v1/tenants/{tenant}/users/{user}/keys/{key}"), get(key_steps::show_delete).post(key_steps::delete);

    // Buckets, and who may do what.
    "/accounts/{tenant}/buckets", ["GET"], of("GET", "/api/v1/tenants/{tenant}/buckets"), get(buckets::list);
    "/accounts/{tenant}/buckets/new", ["GET", "POST"], of("POST", "/api/v1/tenants/{tenant}/buckets"),
        get(buckets::show_create).post(buckets::create);
    "/accounts/{tenant}/buckets/{bucket}", ["GET"], of("GET", "/api/v1/tenants/{tenant}/buckets/{bucket}"), get(buckets::show);
    "/accounts/{tenant}/buckets/{bucket}/delete", ["GET", "POST"], of("DELETE", "/api/v1/tenants/{tenant}/buckets/{bucket}"),
        get(buckets::show_delete).post(buckets::delete);
    "/accounts/{tenant}/buckets/{bucket}/public", ["GET", "POST"], of("PUT", "/api/v1/tenants/{tenant}/buckets/{bucket}/public"),
        get(buckets::show_public).post(buckets::set_public);
    "/accounts/{tenant}/buckets/{bucket}/private", ["GET", "POST"], of("DELETE", "/api/v1/tenants/{tenant}/buckets/{bucket}/public"),
        get(buckets::show_private).post(buckets::set_private);
    "/accounts/{tenant}/buckets/{bucket}/permissions", ["GET"], of("GET", "/api/v1/tenants/{tenant}/buckets/{bucket}/permissions"),
        get(permissions::container);
    "/accounts/{tenant}/buckets/{bucket}/permissions/save", ["GET", "POST"],
        of("PUT", "/api/v1/tenants/{tenant}/buckets/{bucket}/permissions"), get(permissions::show_save).post(permissions::set_container);
    "/accounts/{tenant}/buckets/{bucket}/objects", ["GET", "POST"], of("GET", "/api/v1/tenants/{tenant}/buckets/{bucket}"),
        get(objects::list).post(uploads::take_form);
    "/accounts/{tenant}/buckets/{bucket}/objects/upload/begin", ["POST"], of("GET", "/api/v1/tenants/{tenant}/buckets/{bucket}"), post(uploads::begin);
    "/accounts/{tenant}/buckets/{bucket}/objects/upload/part", ["POST"], of("GET", "/api/v1/tenants/{tenant}/buckets/{bucket}"), post(uploads::part);
    "/accounts/{tenant}/buckets/{bucket}/objects/upload/finish", ["POST"], of("GET", "/api/v1/tenants/{tenant}/buckets/{bucket}"), post(uploads::finish);
    "/accounts/{tenant}/buckets/{bucket}/objects/upload/give-up", ["POST"], of("GET", "/api/v1/tenants/{tenant}/buckets/{bucket}"), post(uploads::give_up);
    "/accounts/{tenant}/buckets/{bucket}/objects/object", ["GET"], of("GET", "/api/v1/tenants/{tenant}/buckets/{bucket}"), get(object::show);
    "/accounts/{tenant}/buckets/{bucket}/objects/object/download", ["GET"], of("GET", "/api/v1/tenants/{tenant}/buckets/{bucket}"), get(object::download);
    "/accounts/{tenant}/buckets/{bucket}/objects/object/share", ["GET", "POST"], of("GET", "/api/v1/tenants/{tenant}/buckets/{bucket}"),
        get(object::show_share).post(object::share);
    "/accounts/{tenant}/buckets/{bucket}/objects/object/hold", ["GET", "POST"], of("GET", "/api/v1/tenants/{tenant}/buckets/{bucket}"),
        get(object::show_hold).post(object::hold);
    "/accounts/{tenant}/buckets/{bucket}/objects/object/delete", ["GET", "POST"], of("GET", "/api/v1/tenants/{tenant}/buckets/{bucket}"),
        get(object::show_delete).post(object::delete);
    "/accounts/{tenant}/buckets/{bucket}/cors", ["GET"], of("GET", "/api/v1/tenants/{tenant}/buckets/{bucket}"), get(bucket_rules::show).layer(Extension(Kind::Cors));
    "/accounts/{tenant}/buckets/{bucket}/cors/edit", ["GET", "POST"], of("GET", "/api/v1/tenants/{tenant}/buckets/{bucket}"),
        get(bucket_rules::show_edit).post(bucket_rules::edit).layer(Extension(Kind::Cors));
    "/accounts/{tenant}/buckets/{bucket}/cors/delete", ["GET", "POST"], of("GET", "/api/v1/tenants/{tenant}/buckets/{bucket}"),
        get(bucket_rules::show_delete).post(bucket_rules::delete).layer(Extension(Kind::Cors));
    "/accounts/{tenant}/buckets/{bucket}/lifecycle", ["GET"], of("GET", "/api/v1/tenants/{tenant}/buckets/{bucket}"), get(bucket_rules::show).layer(Extension(Kind::Lifecycle));
    "/accounts/{tenant}/buckets/{bucket}/lifecycle/edit", ["GET", "POST"], of("GET", "/api/v1/tenants/{tenant}/buckets/{bucket}"),
        get(bucket_rules::show_edit).post(bucket_rules::edit).layer(Extension(Kind::Lifecycle));
    "/accounts/{tenant}/buckets/{bucket}/lifecycle/delete", ["GET", "POST"], of("GET", "/api/v1/tenants/{tenant}/buckets/{bucket}"),
        get(bucket_rules::show_delete).post(bucket_rules::delete).layer(Extension(Kind::Lifecycle));
    "/accounts/{tenant}/buckets/{bucket}/events", ["GET"], at(At::Bucket, "GET", "/api/v1/audit"), get(bucket_events::show);
    "/accounts/{tenant}/buckets/{bucket}/usage", ["GET"], at(At::Tenant, "GET", "/api/v1/usage"), get(bucket_usage::show);
    "/accounts/{tenant}/buckets/{bucket}/usage/quota", ["GET", "POST"], at(At::Bucket, "PUT", "/api/v1/usage/quotas"),
        get(quota::show::<Bucket>).post(quota::set::<Bucket>);
    "/accounts/{tenant}/permissions", ["GET"], of("GET", "/api/v1/tenants/{tenant}/permissions"), get(permissions::account);
    "/accounts/{tenant}/permissions/save", ["GET", "POST"], of("PUT", "/api/v1/tenants/{tenant}/permissions"),
        get(permissions::show_save).post(permissions::set_account);
    "/accounts/{tenant}/roles", ["GET"], of("GET", "/api/v1/tenants/{tenant}/roles"), get(roles::list);
    "/accounts/{tenant}/roles/new", ["GET", "POST"], of("POST", "/api/v1/tenants/{tenant}/roles"),
        get(roles::show_create).post(roles::create);
    "/accounts/{tenant}/roles/{role}/edit", ["GET", "POST"], of("PUT", "/api/v1/tenants/{tenant}/roles/{role}"),
        get(roles::show_edit).post(roles::edit);
    "/accounts/{tenant}/roles/{role}/delete", ["GET", "POST"], of("DELETE", "/api/v1/tenants/{tenant}/roles/{role}"),
        get(roles::show_delete).post(roles::delete);

    // Policies.
    "/accounts/{tenant}/policies", ["GET"], at(At::Tenant, "GET", "/api/v1/policies"), get(policies::list);
    "/accounts/{tenant}/policies/new", ["GET"], at(At::Tenant, "PUT", "/api/v1/policies/document"), get(policies::choose);
    "/accounts/{tenant}/buckets/{bucket}/policy", ["GET"], at(At::Bucket, "GET", "/api/v1/policies/document"), get(policies::show);
    "/accounts/{tenant}/buckets/{bucket}/policy/edit", ["GET", "POST"], at(At::Bucket, "PUT", "/api/v1/policies/document"),
        get(policies::show_edit).post(policies::edit);
    "/accounts/{tenant}/buckets/{bucket}/policy/delete", ["GET", "POST"], at(At::Bucket, "DELETE", "/api/v1/policies/document"),
        get(policies::show_delete).post(policies::delete);
    "/accounts/{tenant}/users/{user}/policies/{policy}", ["GET"], at(At::User, "GET", "/api/v1/policies/document"), get(policies::show);
    "/accounts/{tenant}/users/{user}/policies/{policy}/edit", ["GET", "POST"], at(At::User, "PUT", "/api/v1/policies/document"),
        get(policies::show_edit).post(policies::edit);
    "/accounts/{tenant}/users/{user}/policies/{policy}/delete", ["GET", "POST"], at(At::User, "DELETE", "/api/v1/policies/document"),
        get(policies::show_delete).post(policies::delete);

    // Modules of an account, and of the platform.
    "/accounts/{tenant}/modules", ["GET"], at(At::Tenant, "GET", "/api/v1/modules"), get(modules::list);
    "/accounts/{tenant}/modules/new", ["GET", "POST"], at(At::Tenant, "POST", "/api/v1/modules"), get(modules::show_upload).post(modules::upload);
    "/accounts/{tenant}/modules/{module}", ["GET"], at(At::Tenant, "GET", "/api/v1/modules/{module}/trials"), get(modules::show);
    "/accounts/{tenant}/modules/{module}/rollback", ["GET", "POST"], at(At::Tenant, "POST", "/api/v1/modules/{module}/rollback"), get(steps::show).post(steps::take);
    "/accounts/{tenant}/modules/{module}/deactivate", ["GET", "POST"], at(At::Tenant, "POST", "/api/v1/modules/{module}/deactivate"), get(steps::show).post(steps::take);
    "/accounts/{tenant}/modules/{module}/shadow/stop", ["GET", "POST"], at(At::Tenant, "POST", "/api/v1/modules/{module}/shadow/stop"), get(steps::show).post(steps::take);
    "/accounts/{tenant}/modules/{module}/canary/stop", ["GET", "POST"], at(At::Tenant, "POST", "/api/v1/modules/{module}/canary/stop"), get(steps::show).post(steps::take);
    "/accounts/{tenant}/modules/{module}/canary/promote", ["GET", "POST"], at(At::Tenant, "POST", "/api/v1/modules/{module}/canary/promote"), get(steps::show).post(steps::take);
    "/accounts/{tenant}/modules/{module}/approve", ["GET", "POST"], at(At::Tenant, "POST", "/api/v1/modules/{module}/approve"), get(steps::show).post(steps::take);
    "/accounts/{tenant}/modules/{module}/reject", ["GET", "POST"], at(At::Tenant, "POST", "/api/v1/modules/{module}/reject"), get(steps::show).post(steps::take);
    "/accounts/{tenant}/modules/{module}/versions/{digest}", ["GET"], at(At::Tenant, "GET", "/api/v1/modules"), get(module_versions::show);
    "/accounts/{tenant}/modules/{module}/versions/{digest}/test", ["GET", "POST"], at(At::Tenant, "POST", "/api/v1/modules/{module}/test"), get(module_versions::show_test).post(module_versions::test);
    "/accounts/{tenant}/modules/{module}/versions/{digest}/replay", ["GET"], of("POST", "/api/v1/tools/replay"), get(module_versions::replay);
    "/accounts/{tenant}/modules/{module}/versions/{digest}/shadow", ["GET", "POST"], at(At::Tenant, "POST", "/api/v1/modules/{module}/shadow"), get(steps::show).post(steps::take);
    "/accounts/{tenant}/modules/{module}/versions/{digest}/canary", ["GET", "POST"], at(At::Tenant, "POST", "/api/v1/modules/{module}/canary"), get(steps::show).post(steps::take);
    "/accounts/{tenant}/modules/{module}/versions/{digest}/activate", ["GET", "POST"], at(At::Tenant, "POST", "/api/v1/modules/{module}/activate"), get(steps::show).post(steps::take);
    "/modules", ["GET"], at(At::Deployment, "GET", "/api/v1/modules"), get(modules::list);
    "/modules/new", ["GET", "POST"], at(At::Deployment, "POST", "/api/v1/modules"), get(modules::show_upload).post(modules::upload);
    "/modules/{module}", ["GET"], at(At::Deployment, "GET", "/api/v1/modules/{module}/trials"), get(modules::show);
    "/modules/{module}/rollback", ["GET", "POST"], at(At::Deployment, "POST", "/api/v1/modules/{module}/rollback"), get(steps::show).post(steps::take);
    "/modules/{module}/deactivate", ["GET", "POST"], at(At::Deployment, "POST", "/api/v1/modules/{module}/deactivate"), get(steps::show).post(steps::take);
    "/modules/{module}/shadow/stop", ["GET", "POST"], at(At::Deployment, "POST", "/api/v1/modules/{module}/shadow/stop"), get(steps::show).post(steps::take);
    "/modules/{module}/canary/stop", ["GET", "POST"], at(At::Deployment, "POST", "/api/v1/modules/{module}/canary/stop"), get(steps::show).post(steps::take);
    "/modules/{module}/canary/promote", ["GET", "POST"], at(At::Deployment, "POST", "/api/v1/modules/{module}/canary/promote"), get(steps::show).post(steps::take);
    "/modules/{module}/approve", ["GET", "POST"], at(At::Deployment, "POST", "/api/v1/modules/{module}/approve"), get(steps::show).post(steps::take);
    "/modules/{module}/reject", ["GET", "POST"], at(At::Deployment, "POST", "/api/v1/modules/{module}/reject"), get(steps::show).post(steps::take);
    "/modules/{module}/versions/{digest}", ["GET"], at(At::Deployment, "GET", "/api/v1/modules"), get(module_versions::show);
    "/modules/{module}/versions/{digest}/test", ["GET", "POST"], at(At::Deployment, "POST", "/api/v1/modules/{module}/test"), get(module_versions::show_test).post(module_versions::test);
    "/modules/{module}/versions/{digest}/replay", ["GET"], of("POST", "/api/v1/tools/replay"), get(module_versions::replay);
    "/modules/{module}/versions/{digest}/shadow", ["GET", "POST"], at(At::Deployment, "POST", "/api/v1/modules/{module}/shadow"), get(steps::show).post(steps::take);
    "/modules/{module}/versions/{digest}/canary", ["GET", "POST"], at(At::Deployment, "POST", "/api/v1/modules/{module}/canary"), get(steps::show).post(steps::take);
    "/modules/{module}/versions/{digest}/activate", ["GET", "POST"], at(At::Deployment, "POST", "/api/v1/modules/{module}/activate"), get(steps::show).post(steps::take);

    // What would be answered, and why it was.
    "/simulator", ["GET"], of("POST", "/api/v1/tools/simulate"), get(simulator::simulate);
    "/simulator/who-can", ["GET"], of("POST", "/api/v1/tools/who-can"), get(simulator::who_can);
    "/requests", ["GET"], of("GET", "/api/v1/requests/{id}/explain"), get(requests::find);
    "/requests/{id}", ["GET"], of("GET", "/api/v1/requests/{id}/explain"), get(requests::show);

    // People, and what was done.
    "/people", ["GET"], of("GET", "/api/v1/operators"), get(people::list);
    "/people/new", ["GET", "POST"], of("POST", "/api/v1/operators"), get(person_form::show_create).post(person_form::create);
    "/people/{operator}", ["GET"], of("GET", "/api/v1/operators/{operator}"), get(people::show);
    "/people/{operator}/edit", ["GET", "POST"], of("PATCH", "/api/v1/operators/{operator}"), get(person_form::show_edit).post(person_form::edit);
    "/people/{operator}/role", ["GET", "POST"], of("PATCH", "/api/v1/operators/{operator}"), get(person_form::show_role).post(person_form::set_role);
    "/people/{operator}/invite", ["GET", "POST"], of("POST", "/api/v1/operators/{operator}/invite"),
        get(person_steps::show_invite).post(person_steps::invite);
    "/people/{operator}/password", ["GET", "POST"], of("POST", "/api/v1/operators/{operator}/password"),
        get(person_form::show_password).post(person_form::set_password);
    "/people/{operator}/disable", ["GET", "POST"], of("POST", "/api/v1/operators/{operator}/disable"),
        get(person_steps::show_disable).post(person_steps::disable);
    "/people/{operator}/enable", ["GET", "POST"], of("POST", "/api/v1/operators/{operator}/enable"),
        get(person_steps::show_enable).post(person_steps::enable);
    "/people/{operator}/second-factor", ["GET", "POST"], of("DELETE", "/api/v1/operators/{operator}/totp"),
        get(person_steps::show_reset).post(person_steps::reset);
    "/people/{operator}/sessions", ["GET", "POST"], of("DELETE", "/api/v1/operators/{operator}/sessions"),
        get(person_steps::show_end).post(person_steps::end);
    "/people/{operator}/delete", ["GET", "POST"], of("DELETE", "/api/v1/operators/{operator}"),
        get(person_steps::show_delete).post(person_steps::delete);
    "/accounts/{tenant}/audit", ["GET"], of("GET", "/api/v1/audit"), get(audit::of_account);
    "/accounts/{tenant}/audit/live", ["GET"], of("GET", "/api/v1/audit"), get(audit_live::of_account);
    "/accounts/{tenant}/requests", ["GET"], at(At::Tenant, "GET", "/api/v1/audit"), get(requests_live::show);
    "/accounts/{tenant}/requests/live", ["GET"], at(At::Tenant, "GET", "/api/v1/audit"), get(requests_live::live);
    "/audit", ["GET"], of("GET", "/api/v1/audit"), get(audit::of_all);
    "/audit/live", ["GET"], of("GET", "/api/v1/audit"), get(audit_live::of_all);
    "/audit/verify", ["GET"], of("GET", "/api/v1/audit/verify"), get(audit::verify);

    // What was used, settings, and the server.
    "/accounts/{tenant}/usage", ["GET"], at(At::Tenant, "GET", "/api/v1/usage"), get(usage::show);
    "/accounts/{tenant}/usage/quota", ["GET", "POST"], at(At::AboveTenant, "PUT", "/api/v1/usage/quotas"), get(quota::show::<Tenant>).post(quota::set::<Tenant>);
    "/accounts/{tenant}/settings", ["GET"], of("GET", "/api/v1/tenants/{tenant}"), get(settings::show);
    "/accounts/{tenant}/settings/edit", ["GET", "POST"], of("PATCH", "/api/v1/tenants/{tenant}"),
        get(settings::show_edit).post(settings::edit);
    "/accounts/{tenant}/settings/limits", ["GET", "POST"], of("PUT", "/api/v1/tenants/{tenant}/limits"),
        get(settings::show_limits).post(settings::set_limits);
    "/accounts/{tenant}/settings/transfer", ["GET", "POST"], of("POST", "/api/v1/tenants/{tenant}/transfer"),
        get(ownership::show).post(ownership::transfer);
    "/accounts/{tenant}/settings/domains", ["GET"], of("GET", "/api/v1/tenants/{tenant}/domains"), get(hosts::list);
    "/accounts/{tenant}/settings/domains/new", ["GET", "POST"], of("POST", "/api/v1/tenants/{tenant}/domains"),
        get(hosts::show_add).post(hosts::add);
    "/accounts/{tenant}/settings/domains/{domain}/remove", ["GET", "POST"], of("DELETE", "/api/v1/tenants/{tenant}/domains/{domain}"),
        get(hosts::show_remove).post(hosts::remove);
    "/accounts/{tenant}/settings/alias", ["GET", "POST"], of("PUT", "/api/v1/tenants/{tenant}/alias"),
        get(hosts::show_alias).post(hosts::set_alias);
    "/accounts/{tenant}/settings/delete", ["GET", "POST"], of("DELETE", "/api/v1/tenants/{tenant}"),
        get(settings::show_delete).post(settings::delete);
    "/server", ["GET"], of("GET", "/api/v1/node"), get(server::show);
    "/server/tasks", ["GET", "POST"], of("POST", "/api/v1/node/tasks"), get(server::show_begin).post(server::begin);
    "/server/mode", ["GET", "POST"], of("PUT", "/api/v1/node/mode"), get(server::show_mode).post(server::set_mode);
    }
}
