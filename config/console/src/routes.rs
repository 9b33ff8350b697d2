//! Every route of the admin listener, with the permission that it needs.

use axum::Router;
use axum::handler::Handler as _;
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get, post, put};
use http::header::CONTENT_TYPE;
use http::{Extensions, HeaderMap, StatusCode, Version};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;

use self::Permission::{Metrics, Open, Token};
use crate::needs::{self, At, Row};
use crate::{Admin, Problem, admission, api, health};

/// What a route needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Nothing. It says nothing that is worth anything.
    Open,
    /// A caller who sees the deployment, or the loopback interface where the settings say so.
    Metrics,
    /// What [`crate::needs`] says.
    Token,
    /// A browser's session, and what [`crate::needs`] says of the operation of the admin API that the page shows or carries out.
    Page {
        /// The operation's method.
        method: &'static str,
        /// The operation's path. What the page's path names is called the same.
        path: &'static str,
        /// Where it is needed, where the operation's query or document says that and the page's path does. None: as the operation has it.
        at: Option<At>,
    },
}

impl Route {
    /// What an operation of this route needs.
    pub fn row(&self, method: &str) -> Option<Row> {
        match self.permission {
            Permission::Open | Permission::Metrics => None,
            Permission::Token => needs::of(method, self.path).copied(),
            Permission::Page { method, path, at } => {
                let row = *needs::of(method, path)?;
                let at = at.unwrap_or(row.at);
                Some(Row { at, ..row })
            }
        }
    }
}

/// A route: its path as axum writes it, its methods, and its permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The path.
    pub path: &'static str,
    /// The methods.
    pub methods: &'static [&'static str],
    /// The permission.
    pub permission: Permission,
}

macro_rules! routes {
    ($(#[doc = $doc:literal])+ $all:ident $add:ident { $($path:literal, $methods:expr, $permission:expr, $handler:expr;)* }) => {
        $(#[doc = $doc])+
        pub const $all: &[Route] = &[$(Route {
            path: $path,
            methods: &$methods,
            permission: $permission,
        },)*];

        /// The router's own list is made from the same lines.
        pub(super) fn $add(router: Router<Admin>, admin: &Admin) -> Router<Admin> {
            let mut routes = $all.iter();
            $(
                // INVARIANT: the table has an entry for each of these lines, in their order.
                let router = match routes.next() {
                    Some(route) => router.route($path, guarded(admin, route, $handler)),
                    None => router,
                };
            )*
            router
        }
    };
}

// Below the macro, which it uses.
mod pages;

pub use pages::PAGES;

routes! {
    /// Every route of the admin API, of health and of metrics.
    ALL add_api {
    "/healthz", ["GET"], Open, get(health::healthz);
    "/readyz", ["GET"], Open, get(health::readyz);
    "/metrics", ["GET"], Metrics, get(health::metrics);
    "/api/v1/status", ["GET"], Token, get(api::status);
    "/api/v1/modules", ["GET", "POST"], Token, get(api::modules::list).post(api::modules::push);
    "/api/v1/modules/{module}", ["GET"], Token, get(api::modules::inspect);
    "/api/v1/modules/{module}/activate", ["POST"], Token, post(api::modules::activate);
    "/api/v1/modules/{module}/rollback", ["POST"], Token, post(api::modules::roll_back);
    "/api/v1/modules/{module}/deactivate", ["POST"], Token, post(api::modules::deactivate);
    "/api/v1/modules/{module}/test", ["POST"], Token, post(api::life::test);
    "/api/v1/modules/{module}/shadow", ["POST"], Token, post(api::life::shadow);
    "/api/v1/modules/{module}/shadow/stop", ["POST"], Token, post(api::life::stop_shadow);
    "/api/v1/modules/{module}/canary", ["POST"], Token, post(api::life::canary);
    "/api/v1/modules/{module}/canary/stop", ["POST"], Token, post(api::life::stop_canary);
    "/api/v1/modules/{module}/canary/promote", ["POST"], Token, post(api::life::promote);
    "/api/v1/modules/{module}/approve", ["POST"], Token, post(api::life::approve);
    "/api/v1/modules/{module}/reject", ["POST"], Token, post(api::life::reject);
    "/api/v1/modules/{module}/trials", ["GET"], Token, get(api::life::trials);
    "/api/v1/modules/{module}/history", ["GET"], Token, get(api::life::history);
    "/api/v1/policies", ["GET"], Token, get(api::policies::list);
    "/api/v1/policies/document", ["GET", "PUT", "DELETE"], Token,
        get(api::policies::show).put(api::policies::put).delete(api::policies::delete);
    "/api/v1/openapi.json", ["GET"], Token, get(api::openapi);
    "/api/v1/setup", ["POST"], Token, post(api::session::set_up);
    "/api/v1/session", ["POST", "DELETE"], Token, post(api::session::sign_in).delete(api::session::sign_out);
    "/api/v1/session/step-up", ["POST"], Token, post(api::session::step_up);
    "/api/v1/invitations/accept", ["POST"], Token, post(api::session::accept);
    "/api/v1/me", ["GET", "PATCH"], Token, get(api::me::show).patch(api::me::change);
    "/api/v1/me/password", ["POST"], Token, post(api::me::set_password);
    "/api/v1/me/totp", ["POST", "DELETE"], Token, post(api::me::enrol).delete(api::me::remove_one_time);
    "/api/v1/me/passkeys", ["GET"], Token, get(api::me::passkeys);
    "/api/v1/me/passkeys/{passkey}", ["DELETE"], Token, axum::routing::delete(api::me::remove_passkey);
    "/api/v1/me/totp/confirm", ["POST"], Token, post(api::me::confirm);
    "/api/v1/me/sessions", ["GET", "DELETE"], Token, get(api::me::sessions).delete(api::me::end_sessions);
    "/api/v1/operators", ["GET", "POST"], Token, get(api::operators::list).post(api::operators::create);
    "/api/v1/operators/{operator}", ["GET", "PATCH", "DELETE"], Token,
        get(api::operators::show).patch(api::operators::change).delete(api::operators::delete);
    "/api/v1/operators/{operator}/invite", ["POST"], Token, post(api::operators::invite);
    "/api/v1/operators/{operator}/password", ["POST"], Token, post(api::operators::set_password);
    "/api/v1/operators/{operator}/disable", ["POST"], Token, post(api::operators::disable);
    "/api/v1/operators/{operator}/enable", ["POST"], Token, post(api::operators::enable);
    "/api/v1/operators/{operator}/totp", ["DELETE"], Token, axum::routing::delete(api::operators::remove_one_time);
    "/api/v1/operators/{operator}/sessions", ["DELETE"], Token, axum::routing::delete(api::operators::end_sessions);
    "/api/v1/tokens", ["GET", "POST"], Token, get(api::tokens::list).post(api::tokens::create);
    "/api/v1/tokens/{token}", ["DELETE"], Token, axum::routing::delete(api::tokens::revoke);
    "/api/v1/tenants", ["GET", "POST"], Token, get(api::tenants::list).post(api::tenants::create);
    "/api/v1/tenants/{tenant}", ["GET", "PATCH", "DELETE"], Token,
        get(api::tenants::show).patch(api::tenants::change).delete(api::tenants::delete);
    "/api/v1/tenants/{tenant}/limits", ["PUT"], Token, put(api::tenants::set_limits);
    "/api/v1/tenants/{tenant}/transfer", ["POST"], Token, post(api::tenants::transfer);
    "/api/v1/tenants/{tenant}/permissions", ["GET", "PUT", "DELETE"], Token,
        get(api::permissions::account).put(api::permissions::set_account).delete(api::permissions::reset_account);
    "/api/v1/tenants/{tenant}/permissions/preview", ["POST"], Token, post(api::permissions::preview_account);
    "/api/v1/tenants/{tenant}/roles", ["GET", "POST"], Token, get(api::roles::list).post(api::roles::create);
    "/api/v1/tenants/{tenant}/roles/{role}", ["GET", "PUT", "DELETE"], Token,
        get(api::roles::show).put(api::roles::change).delete(api::roles::delete);
    "/api/v1/tenants/{tenant}/role-matrix", ["GET"], Token, get(api::roles::matrix);
    "/api/v1/tenants/{tenant}/bulk/users", ["POST"], Token, post(api::bulk::users);
    "/api/v1/tenants/{tenant}/bulk/keys", ["POST"], Token, post(api::bulk::keys);
    "/api/v1/tenants/{tenant}/alias", ["GET", "PUT", "DELETE"], Token,
        get(api::tenants::alias).put(api::tenants::set_alias).delete(api::tenants::remove_alias);
    "/api/v1/tenants/{tenant}/users", ["GET", "POST"], Token, get(api::users::list).post(api::users::create);
    "/api/v1/tenants/{tenant}/users/{user}", ["GET", "PATCH", "DELETE"], Token,
        get(api::users::show).patch(api::users::change).delete(api::users::delete);
    "/api/v1/tenants/{tenant}/users/{user}/details", ["PUT"], Token, put(api::users::set_details);
    "/api/v1/tenants/{tenant}/users/{user}/role", ["PUT"], Token, put(api::users::set_role);
    "/api/v1/tenants/{tenant}/users/{user}/disable", ["POST"], Token, post(api::users::disable);
    "/api/v1/tenants/{tenant}/users/{user}/enable", ["POST"], Token, post(api::users::enable);
    "/api/v1/tenants/{tenant}/users/{user}/sub-users", ["GET", "POST"], Token, get(api::sub_users::list).post(api::sub_users::create);
    "/api/v1/tenants/{tenant}/users/{user}/sub-users/{sub_user}", ["GET", "PATCH", "DELETE"], Token,
        get(api::sub_users::show).patch(api::sub_users::change).delete(api::sub_users::delete);
    "/api/v1/tenants/{tenant}/users/{user}/sub-users/{sub_user}/disable", ["POST"], Token, post(api::sub_users::disable);
    "/api/v1/tenants/{tenant}/users/{user}/sub-users/{sub_user}/enable", ["POST"], Token, post(api::sub_users::enable);
    "/api/v1/tenants/{tenant}/users/{user}/sub-users/{sub_user}/keys", ["GET", "POST"], Token,
        get(api::keys::list).post(api::sub_users::create_key);
    "/api/v1/tenants/{tenant}/keys", ["GET"], Token, get(api::keys::list);
    "/api/v1/tenants/{tenant}/keys/{key}", ["GET"], Token, get(api::keys::show);
    "/api/v1/tenants/{tenant}/users/{user}/keys", ["GET", "POST"], Token, get(api::keys::list).post(api::keys::create);
    "/api/v1/tenants/{tenant}/users/{user}/keys/{key}", ["GET", "DELETE"], Token, get(api::keys::show).delete(api::keys::delete);
    "/api/v1/tenants/{tenant}/users/{user}/keys/{key}/rights", ["PUT"], Token, put(api::keys::set_rights);
    "/api/v1/tenants/{tenant}/users/{user}/keys/{key}/rotate", ["POST"], Token, post(api::keys::rotate);
    "/api/v1/tenants/{tenant}/users/{user}/keys/{key}/disable", ["POST"], Token, post(api::keys::disable);
    "/api/v1/tenants/{tenant}/users/{user}/keys/{key}/enable", ["POST"], Token, post(api::keys::enable);
    "/api/v1/tenants/{tenant}/users/{user}/keys/{key}/reveal", ["POST"], Token, post(api::keys::reveal);
    "/api/v1/tenants/{tenant}/buckets", ["GET", "POST"], Token, get(api::buckets::list).post(api::buckets::create);
    "/api/v1/tenants/{tenant}/buckets/{bucket}", ["GET", "DELETE"], Token, get(api::buckets::show).delete(api::buckets::delete);
    "/api/v1/tenants/{tenant}/domains", ["GET", "POST"], Token, get(api::domains::list).post(api::domains::add);
    "/api/v1/tenants/{tenant}/domains/{domain}", ["DELETE"], Token, axum::routing::delete(api::domains::remove);
    "/api/v1/tenants/{tenant}/export", ["POST"], Token, post(api::transfer::export);
    "/api/v1/tenant-files/plan", ["POST"], Token, post(api::transfer::plan);
    "/api/v1/tenant-files/apply", ["POST"], Token, post(api::transfer::apply);
    "/api/v1/jobs", ["GET"], Token, get(api::jobs::list);
    "/api/v1/jobs/{job}", ["GET"], Token, get(api::jobs::show);
    "/api/v1/tenants/{tenant}/buckets/{bucket}/permissions", ["GET", "PUT", "DELETE"], Token,
        get(api::permissions::container).put(api::permissions::set_container).delete(api::permissions::reset_container);
    "/api/v1/tenants/{tenant}/buckets/{bucket}/permissions/preview", ["POST"], Token, post(api::permissions::preview_container);
    "/api/v1/tenants/{tenant}/buckets/{bucket}/public", ["GET", "PUT", "DELETE"], Token,
        get(api::permissions::public).put(api::permissions::set_public).delete(api::permissions::make_private);
    "/api/v1/access-review", ["GET"], Token, get(api::audit::review);
    "/api/v1/audit", ["GET"], Token, get(api::audit::page);
    "/api/v1/audit/verify", ["GET"], Token, get(api::audit::verify);
    "/api/v1/audit/head", ["GET"], Token, get(api::upkeep::head);
    "/api/v1/audit/compare", ["POST"], Token, post(api::upkeep::compare);
    "/api/v1/master-key", ["GET"], Token, get(api::upkeep::master_key);
    "/api/v1/master-key/rotate", ["POST"], Token, post(api::upkeep::rotate);
    "/api/v1/backups", ["POST"], Token, post(api::upkeep::backup);
    "/api/v1/node", ["GET"], Token, get(api::node::show);
    "/api/v1/node/usage", ["GET"], Token, get(api::node::usage);
    "/api/v1/node/tasks", ["POST"], Token, post(api::node::begin);
    "/api/v1/node/mode", ["PUT"], Token, put(api::node::set_mode);
    "/api/v1/tenants/{tenant}/buckets/{bucket}/deleted", ["GET", "POST"], Token, get(api::node::deleted).post(api::node::undelete);
    "/api/v1/audit/export", ["GET"], Token, get(api::audit::export);
    "/api/v1/tools/simulate", ["POST"], Token, post(api::tools::simulate);
    "/api/v1/tools/enumerate", ["POST"], Token, post(api::tools::enumerate);
    "/api/v1/tools/who-can", ["POST"], Token, post(api::tools::who_can);
    "/api/v1/tools/right-size", ["POST"], Token, post(api::tools::right_size);
    "/api/v1/tools/diff", ["POST"], Token, post(api::tools::diff);
    "/api/v1/tools/replay", ["POST"], Token, post(api::tools::replay);
    "/api/v1/usage", ["GET"], Token, get(api::usage::show);
    "/api/v1/usage/export", ["GET"], Token, get(api::usage::export);
    "/api/v1/usage/quotas", ["GET", "PUT"], Token, get(api::usage::quota).put(api::usage::set_quota);
    "/api/v1/usage/rates", ["GET", "PUT"], Token, get(api::usage::rate).put(api::usage::set_rate);
    "/api/v1/usage/periods", ["GET"], Token, get(api::usage::periods);
    "/api/v1/usage/periods/{period}", ["GET"], Token, get(api::usage::period);
    "/api/v1/usage/periods/{period}/close", ["POST"], Token, post(api::usage::close);
    "/api/v1/usage/periods/{period}/corrections", ["POST"], Token, post(api::usage::correct);
    "/api/v1/usage/keys/{key}/last-used", ["GET"], Token, get(api::usage::last_used);
    "/api/v1/requests/{id}/explain", ["GET"], Token, get(api::explain);
}
}

/// The router of the admin listener.
pub fn router(admin: Admin) -> Router {
    let stranger = admission::Gate {
        admin: admin.clone(),
        route: None,
    };
    let unknown = unknown.layer(middleware::from_fn_with_state(stranger, admission::admit));
    pages::add_pages(add_api(Router::new(), &admin), &admin)
        .fallback(unknown)
        .layer(
            CompressionLayer::new()
                .quality(CompressionLevel::Fastest)
                .compress_when(is_page),
        )
        .with_state(admin)
}

/// Whether an answer is sent smaller to who takes it so: pages alone. They repeat themselves, hold no secret that a stranger could make
/// a browser ask for, and are whole when they are sent, which streams of events are not.
fn is_page(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("text/html"))
}

/// A route behind the check that stands before all of them. It knows which route it is, and reads no path a second time.
fn guarded(
    admin: &Admin,
    route: &'static Route,
    handler: MethodRouter<Admin>,
) -> MethodRouter<Admin> {
    let gate = admission::Gate {
        admin: admin.clone(),
        route: Some(route),
    };
    handler
        .fallback(wrong_method)
        .layer(middleware::from_fn_with_state(gate, admission::admit))
}

async fn unknown() -> Response {
    Problem::not_found("route").into_response()
}

async fn wrong_method() -> Response {
    let detail = "this route has no such method";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", detail).into_response()
}
