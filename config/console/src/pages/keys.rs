//! Access keys: the list, with what may be done to each.

use axum::extract::State;
use axum::response::Response;
use postern_config::directory::{ConsoleAtom, KeyScope, SecretReveal, Tenant};

use super::bulk::BulkBar;
use super::fields::Asked;
use super::filters;
use super::filters::say;
use super::frame::{Frame, Here, Nav};
use super::links::filled;
use super::lists::{Turns, View};
use super::reader::Reader;
use crate::api::asked::Of;
use crate::limits::ATTENTION_UNUSED_SECONDS;
use crate::service::keys::{self, KeyShown, Which};
use crate::service::list::{Listing, Page};
use crate::{Admin, Problem};

#[derive(askama::Template)]
#[template(path = "keys.html")]
struct KeysPage<'p> {
    frame: Frame,
    tenant: &'p str,
    view: &'p View,
    keys: Vec<KeyRow>,
    turns: Turns,
    review: Option<String>,
    bulk: Option<BulkBar>,
}

/// A key in a list, with what may be done to it.
pub(super) struct KeyRow {
    pub(super) key: KeyShown,
    pub(super) scope: String,
    pub(super) expires: Option<u64>,
    pub(super) rotate: Option<String>,
    pub(super) reveal: Option<String>,
    pub(super) disable: Option<String>,
    pub(super) enable: Option<String>,
    pub(super) delete: Option<String>,
}

/// The keys with what whoever reads may do to them.
pub(super) fn rows(reader: &Reader, tenant: &Tenant, keys: Vec<KeyShown>) -> Vec<KeyRow> {
    let rows = keys.into_iter().map(|key| row(reader, tenant, key));
    rows.collect()
}

fn row(reader: &Reader, tenant: &Tenant, key: KeyShown) -> KeyRow {
    let words = [("user", key.user.as_str()), ("key", key.id.as_str())];
    let link = |path: &str| {
        reader.link_in(
            tenant,
            &format!("/users/{{user}}/keys/{{key}}{path}"),
            &words,
        )
    };
    let may_be_seen = tenant.profile.rules().secret_reveal == SecretReveal::Password;
    KeyRow {
        scope: scope(reader, &key.rights.scope),
        expires: key.rights.expires.map(|it| it.0),
        rotate: link("/rotate").filter(|_| key.state == "active"),
        reveal: link("/reveal").filter(|_| may_be_seen),
        disable: link("/disable").filter(|_| key.state != "disabled"),
        enable: link("/enable").filter(|_| key.state == "disabled"),
        // What works is disabled first: deleting is for good, disabling is not.
        delete: link("/delete").filter(|_| key.state == "disabled"),
        key,
    }
}

impl KeyRow {
    /// Whether whoever reads may stop it, start it or delete it.
    pub(super) const fn may_change(&self) -> bool {
        self.disable.is_some() || self.enable.is_some()
    }
}

/// What a key reaches, in a line.
fn scope(reader: &Reader, scope: &KeyScope) -> String {
    let list = |texts: Vec<String>| texts.join(", ");
    let buckets = scope.buckets.as_ref();
    let buckets = buckets.map(|it| list(it.iter().map(ToString::to_string).collect()));
    let prefixes = scope.prefixes.as_ref().map(|it| list(it.clone()));
    let operations = scope.operations.as_ref().map(|it| {
        let text = reader.say(say!("{} operations"));
        text.replacen("{}", &it.len().to_string(), 1)
    });
    let parts: Vec<String> = [buckets, prefixes, operations]
        .into_iter()
        .flatten()
        .collect();
    if parts.is_empty() {
        "–".to_owned()
    } else {
        parts.join(" · ")
    }
}

pub(crate) async fn list(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<Tenant>,
    Asked(fields): Asked,
) -> Result<Response, Problem> {
    let path = filled(
        "/accounts/{tenant}/keys",
        &[("tenant", of.it.name.as_str())],
    );
    let view = View::of(fields, &path);
    let mut page = fitting(&admin, &of, &view, view.listing()).await?;
    keys::tell_last_use(&admin, page.items.iter_mut()).await?;
    let turns = view.turns(&page);
    let keys = rows(&reader, &of.it, page.items);
    let bulk = bulk_path(&reader, &of.it, &keys);
    let page = KeysPage {
        frame: reader.frame(Here {
            title: reader.say(say!("Access keys")).to_owned(),
            nav: Nav::Keys,
            tenant: Some(&of.it),
            trail: Vec::new(),
        }),
        tenant: of.it.name.as_str(),
        bulk: bulk.map(|path| BulkBar::below(&view, &turns, path, &["status", "level"])),
        keys,
        view: &view,
        turns,
        review: review(&of, is_unused(&view)),
    };
    Ok(reader.shows(&page))
}

/// The keys that fit what is looked for.
pub(super) async fn fitting(
    admin: &Admin,
    of: &Of<Tenant>,
    view: &View,
    listing: Listing,
) -> Result<Page<KeyShown>, Problem> {
    let whose = (&of.caller, &*of.it);
    let unused = if is_unused(view) {
        Some(keys::unused(admin, whose, usize::MAX).await?)
    } else {
        None
    };
    let which = Which {
        level: view.filter("level")?,
        state: match unused {
            Some(_) => None,
            None => view.filter("status")?,
        },
        among: unused.as_ref(),
        ..Which::default()
    };
    keys::list(admin, whose, &listing, which)
}

/// Whether the keys that nobody used for long are looked for.
fn is_unused(view: &View) -> bool {
    view.text("status") == "unused"
}

/// Where many keys are changed at once; none where none of these may be.
pub(super) fn bulk_path(reader: &Reader, tenant: &Tenant, keys: &[KeyRow]) -> Option<String> {
    let bulk = reader.link_in(tenant, "/keys/bulk", &[]);
    bulk.filter(|_| keys.iter().any(KeyRow::may_change))
}

/// Where the access review of an account is as a file: a row for each key, and one for each user without any.
pub(super) fn review(of: &Of<Tenant>, is_unused: bool) -> Option<String> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("format", "csv");
    query.append_pair("tenant", of.it.name.as_str());
    if is_unused {
        let days = ATTENTION_UNUSED_SECONDS / (24 * 60 * 60);
        query.append_pair("unused_days", &days.to_string());
    }
    let may = of.caller.has(ConsoleAtom::AuditRead);
    may.then(|| format!("/api/v1/access-review?{}", query.finish()))
}
