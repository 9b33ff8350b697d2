//! A user: what he has, what he may do, and what was done.

use axum::extract::State;
use axum::response::Response;
use postern_config::directory::{Permissions, QuotaOf, Tenant, User, UserKind};

use super::audit::ask_of as audit_of;
use super::buckets::{self, BucketRow};
use super::bulk::BulkBar;
use super::fields::Fields;
use super::filters;
use super::filters::say;
use super::frame::{Frame, Here, Nav};
use super::keys::{KeyRow, bulk_path, rows as key_rows};
use super::links::filled;
use super::reader::Reader;
use super::sub_users::{self, SubUserRow};
use super::usage::taken;
use super::users::Can;
use crate::api::asked::{By, Of};
use crate::service::audit::{self, AuditAsk, AuditShown};
use crate::service::keys::{self, Which};
use crate::service::list::Listing;
use crate::service::readings;
use crate::service::usage::{self, QuotaShown};
use crate::service::users::{self, UserShown};
use crate::{Admin, Problem};

#[derive(askama::Template)]
#[template(path = "user.html")]
struct UserPage {
    frame: Frame,
    user: UserShown,
    is_root: bool,
    key_new: Option<String>,
    sub_user_new: Option<String>,
    disable: Option<String>,
    enable: Option<String>,
    delete: Option<String>,
    tabs: Vec<(&'static str, String, bool)>,
    tab: Tab,
}

/// A section of a user's page.
enum Tab {
    Keys(Vec<KeyRow>, Option<BulkBar>),
    SubUsers(Vec<SubUserRow>),
    Buckets(Owned),
    Permissions(Held),
    Activity(Done),
    Details(Details),
}

/// The sections: what they are called, and where they are below the user.
const TABS: [(&str, &str); 6] = [
    (say!("Access keys"), ""),
    (say!("Sub-users"), "/sub-users"),
    (say!("Buckets"), "/buckets"),
    (say!("Permissions"), "/permissions"),
    (say!("Activity"), "/activity"),
    (say!("Details"), "/details"),
];

impl Tab {
    /// Where it is below the user.
    const fn path(&self) -> &'static str {
        match self {
            Self::Keys(..) => "",
            Self::SubUsers(_) => "/sub-users",
            Self::Buckets(_) => "/buckets",
            Self::Permissions(_) => "/permissions",
            Self::Activity(_) => "/activity",
            Self::Details(_) => "/details",
        }
    }
}

/// Buckets and records that a section shows; the lists to which it leads show all.
pub(super) const ENTRIES_SHOWN_MAX: usize = 20;

/// What a user owns.
struct Owned {
    rows: Vec<BucketRow>,
    total: usize,
    all: Option<String>,
    create: Option<String>,
}

/// What bounds a user beyond the levels of his keys.
struct Held {
    role: Option<String>,
    /// On the account, where its profile knows such permissions.
    permissions: Option<Permissions>,
    permissions_edit: Option<String>,
    policies: Vec<(String, Option<String>)>,
    policy_new: Option<String>,
    simulator: Option<String>,
}

/// Who a user is, and how much he may store.
struct Details {
    /// To change them.
    ways: Vec<(&'static str, String)>,
    quota: QuotaShown,
    /// What of the quota is taken, in words and in percent.
    taken: Vec<(String, u64)>,
}

/// What was done to a user and with his keys.
struct Done {
    log: Vec<AuditShown>,
    all: Option<String>,
}

pub(crate) async fn show(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<User>,
) -> Result<Response, Problem> {
    let which = Which {
        user: Some(&of.it),
        ..Which::default()
    };
    let listing = Listing::default();
    let mut page = keys::list(&admin, (&of.caller, &of.tenant), &listing, which)?;
    keys::tell_last_use(&admin, page.items.iter_mut()).await?;
    let rows = key_rows(&reader, &of.tenant, page.items);
    let bulk = bulk_path(&reader, &of.tenant, &rows).map(BulkBar::at);
    Ok(user_page(&reader, &of, Tab::Keys(rows, bulk)).await)
}

pub(crate) async fn show_sub_users(reader: Reader, of: Of<User>) -> Result<Response, Problem> {
    let rows = sub_users::rows(&reader, &of)?;
    Ok(user_page(&reader, &of, Tab::SubUsers(rows)).await)
}

pub(crate) async fn show_buckets(reader: Reader, of: Of<User>) -> Result<Response, Problem> {
    let listing = Listing {
        limit: Some(ENTRIES_SHOWN_MAX),
        ..Listing::default()
    };
    let (rows, total) = buckets::owned(&reader, &of, &listing).await?;
    let name = super::links::encoded(of.it.name.as_str());
    let list = reader.link_in(&of.tenant, "/buckets", &[]);
    let create = reader.link_in(&of.tenant, "/buckets/new", &[]);
    let owned = Owned {
        all: list
            .filter(|_| total > rows.len())
            .map(|list| format!("{list}?of={name}")),
        create: create.map(|create| format!("{create}?owner={name}")),
        rows,
        total,
    };
    Ok(user_page(&reader, &of, Tab::Buckets(owned)).await)
}

pub(crate) async fn show_permissions(reader: Reader, of: Of<User>) -> Response {
    let name = of.it.name.as_str();
    let policies = of.state.user_policies(of.it.id).map(|policy| {
        let called = policy.place.name().to_owned();
        let words = [("user", name), ("policy", called.as_str())];
        let href = reader.link_in(&of.tenant, "/users/{user}/policies/{policy}", &words);
        (called.clone(), href)
    });
    let acl = of.tenant.account_acl();
    let held = Held {
        role: reader.link_in(&of.tenant, "/users/{user}/role", &[("user", name)]),
        permissions: acl.map(|acl| acl.held_by(of.it.id)),
        permissions_edit: reader.link_in(&of.tenant, "/permissions", &[]),
        policies: policies.collect(),
        policy_new: reader.link_in(&of.tenant, "/policies/new", &[]),
        simulator: reader.link("/simulator/who-can", &[]),
    };
    user_page(&reader, &of, Tab::Permissions(held)).await
}

pub(crate) async fn show_activity(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<User>,
    By(actor): By,
) -> Result<Response, Problem> {
    let (tenant, name) = (of.tenant.name.to_string(), of.it.name.to_string());
    let reading = audit::reading(&admin, &of.caller, "page", Some(&tenant))?;
    readings::record(&admin, actor, reading).await?;
    let ask = AuditAsk {
        limit: Some(ENTRIES_SHOWN_MAX),
        ..audit_of(&Fields::default().with("user", &name), Some(tenant))
    };
    let found = audit::page(&admin, &of.caller, &ask).await?;
    let log = reader.link_in(&of.tenant, "/audit", &[]);
    let all = log.map(|log| format!("{log}?user={}", super::links::encoded(&name)));
    let done = Done {
        log: found.items,
        all,
    };
    Ok(user_page(&reader, &of, Tab::Activity(done)).await)
}

pub(crate) async fn show_details(reader: Reader, of: Of<User>) -> Response {
    let words = [("user", of.it.name.as_str())];
    let ways = [
        (say!("Manage user details"), "/users/{user}/edit"),
        (say!("Change role"), "/users/{user}/role"),
        (say!("Rename"), "/users/{user}/rename"),
        (say!("Set quota"), "/users/{user}/quota"),
    ];
    let ways = ways.into_iter().filter_map(|(text, path)| {
        let href = reader.link_in(&of.tenant, path, &words)?;
        Some((text, href))
    });
    let quota = usage::quota(&reader.admin, &of.state, QuotaOf::User(of.it.id)).await;
    let details = Details {
        ways: ways.collect(),
        taken: taken(&reader, &quota),
        quota,
    };
    user_page(&reader, &of, Tab::Details(details)).await
}

async fn user_page(reader: &Reader, of: &Of<User>, tab: Tab) -> Response {
    let user = users::detail(&reader.admin, &of.tenant, &of.it).await;
    let can = Can::of(reader, &of.tenant, &user);
    let words = [("user", of.it.name.as_str())];
    let tabs = TABS.into_iter().filter_map(|(text, path)| {
        let href = reader.link_in(&of.tenant, &format!("/users/{{user}}{path}"), &words)?;
        Some((text, href, path == tab.path()))
    });
    let page = UserPage {
        frame: reader.frame(Here {
            title: user.name.to_string(),
            nav: Nav::Users,
            tenant: Some(&of.tenant),
            trail: trail(reader, &of.tenant, None),
        }),
        is_root: user.kind == UserKind::Root,
        key_new: can.key,
        sub_user_new: can.sub_user,
        disable: can.disable,
        enable: can.enable,
        delete: can.delete,
        tabs: tabs.collect(),
        tab,
        user,
    };
    reader.shows(&page)
}

/// Where the page of a user is.
pub(super) fn page_of(tenant: &Tenant, user: &str) -> String {
    filled(
        "/accounts/{tenant}/users/{user}",
        &[("tenant", tenant.name.as_str()), ("user", user)],
    )
}

/// The way from the list of users down to one.
pub(super) fn trail(
    reader: &Reader,
    tenant: &Tenant,
    user: Option<&User>,
) -> Vec<(String, Option<String>)> {
    let users = (
        reader.say(say!("Users")).to_owned(),
        reader.link_in(tenant, "/users", &[]),
    );
    let user = user.map(|user| {
        let page = page_of(tenant, user.name.as_str());
        (user.name.to_string(), Some(page))
    });
    std::iter::once(users).chain(user).collect()
}
