//! The audit log: who did what. Reading it is written down, too.

use axum::extract::State;
use axum::response::Response;
use postern_config::directory::Tenant;

use super::fields::{Asked, Fields};
use super::filters;
use super::filters::say;
use super::frame::{Frame, Here, Nav};
use super::lists::View;
use super::reader::Reader;
use crate::api::asked::{By, Of};
use crate::service::audit::{self, AuditAsk, AuditShown, Verified};
use crate::service::readings;
use crate::{Admin, Problem};

#[derive(askama::Template)]
#[template(path = "audit.html")]
struct AuditPage<'p> {
    frame: Frame,
    view: &'p View,
    log: Vec<AuditShown>,
    next: Option<String>,
    first: Option<String>,
    /// Where what is new comes from.
    live: Option<String>,
    exports: Vec<(&'static str, String)>,
    verify: Option<String>,
    command: String,
}

/// The log of an account.
pub(crate) async fn of_account(
    reader: Reader,
    of: Of<Tenant>,
    By(actor): By,
    Asked(fields): Asked,
) -> Result<Response, Problem> {
    page(&reader, (Some(&of.it), actor), fields).await
}

/// The log of all that somebody sees.
pub(crate) async fn of_all(
    reader: Reader,
    By(actor): By,
    Asked(fields): Asked,
) -> Result<Response, Problem> {
    page(&reader, (None, actor), fields).await
}

async fn page(
    reader: &Reader,
    (tenant, actor): (Option<&Tenant>, postern_config::directory::Actor),
    fields: Fields,
) -> Result<Response, Problem> {
    let admin = &reader.admin;
    let caller = reader.caller()?;
    let view = View::of(fields, &reader.path);
    let name = tenant.map(|it| it.name.to_string());
    let reading = audit::reading(admin, caller, "page", name.as_deref())?;
    readings::record(admin, actor, reading).await?;
    let cursor = Some(view.text("cursor").to_owned()).filter(|it| !it.is_empty());
    let ask = AuditAsk {
        limit: Some(view.limit),
        cursor: cursor.clone(),
        ..ask_of(view.fields(), name.clone())
    };
    let found = audit::page(admin, caller, &ask).await?;
    let title = reader.say(say!("Audit log")).to_owned();
    let exports = ["csv", "jsonl"].map(|format| (format, export(&view, name.as_deref(), format)));
    let may_export = caller.has(postern_config::directory::ConsoleAtom::AuditExport);
    let page = AuditPage {
        frame: reader.frame(Here {
            title,
            nav: if tenant.is_some() {
                Nav::Audit
            } else {
                Nav::AuditOfAll
            },
            tenant,
            trail: Vec::new(),
        }),
        log: found.items,
        next: found.next.map(|cursor| view.href(&[("cursor", &cursor)])),
        // What is new comes on top: to a list that begins there.
        live: cursor
            .is_none()
            .then(|| format!("{}/live{}", reader.path, view.fields().query_with(&[]))),
        first: cursor.map(|_| view.href(&[("cursor", "")])),
        exports: exports.into_iter().filter(|_| may_export).collect(),
        verify: reader.link("/audit/verify", &[]),
        command: name.map_or_else(
            || "postern audit search".to_owned(),
            |name| format!("postern audit search --tenant {name}"),
        ),
        view: &view,
    };
    Ok(reader.shows(&page))
}

/// What is looked for, as a query has it.
pub(super) fn ask_of(fields: &Fields, tenant: Option<String>) -> AuditAsk {
    let given = |name: &str| Some(fields.text(name).to_owned()).filter(|it| !it.is_empty());
    AuditAsk {
        tenant,
        action: given("action"),
        actor: given("actor"),
        object: given("q"),
        user: given("user"),
        bucket: given("bucket"),
        since: given("since"),
        until: given("until"),
        limit: None,
        cursor: None,
    }
}

/// Where the same records are as a file.
fn export(view: &View, tenant: Option<&str>, format: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("format", format);
    if let Some(tenant) = tenant {
        query.append_pair("tenant", tenant);
    }
    for (name, of) in [
        ("action", "action"),
        ("actor", "actor"),
        ("object", "q"),
        ("user", "user"),
        ("bucket", "bucket"),
        ("since", "since"),
        ("until", "until"),
    ] {
        let text = view.text(of);
        if !text.is_empty() {
            query.append_pair(name, text);
        }
    }
    format!("/api/v1/audit/export?{}", query.finish())
}

#[derive(askama::Template)]
#[template(path = "verified.html")]
struct VerifiedPage {
    frame: Frame,
    verified: Verified,
}

pub(crate) async fn verify(
    State(admin): State<Admin>,
    reader: Reader,
    By(actor): By,
) -> Result<Response, Problem> {
    let reading = audit::reading(&admin, reader.caller()?, "verify", None)?;
    readings::record(&admin, actor, reading).await?;
    let verified = audit::verify(&admin).await?;
    let page = VerifiedPage {
        frame: reader.frame(Here {
            title: reader
                .say(say!("The audit log, followed record by record"))
                .to_owned(),
            nav: Nav::AuditOfAll,
            tenant: None,
            trail: vec![(
                reader.say(say!("Audit log")).to_owned(),
                Some("/audit".to_owned()),
            )],
        }),
        verified,
    };
    Ok(reader.shows(&page))
}
