//! What went wrong, to a person.

use std::sync::Arc;

use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use percent_encoding::percent_decode_str;
use postern_config::directory::Tenant;

use super::filters;
use super::filters::say;
use super::frame::{Frame, Here, Nav};
use super::reader::Reader;
use crate::Problem;

#[derive(askama::Template)]
#[template(path = "error.html")]
struct ErrorPage<'p> {
    frame: Frame,
    status: StatusCode,
    detail: &'p str,
    faults: &'p [String],
    roles: Vec<String>,
}

/// The page of a problem.
pub(crate) fn page(reader: &Reader, problem: &Problem) -> Response {
    let title = match problem.status {
        StatusCode::FORBIDDEN => say!("You may not do this"),
        StatusCode::NOT_FOUND => say!("There is no such page"),
        StatusCode::TOO_MANY_REQUESTS => say!("Too many attempts"),
        status if status.is_server_error() => say!("This did not work"),
        _ => say!("This cannot be done"),
    };
    let tenant = account_of(reader);
    let frame = reader.frame(Here {
        title: reader.say(title).to_owned(),
        nav: Nav::None,
        tenant: tenant.as_deref(),
        trail: Vec::new(),
    });
    let roles = problem.needs.map(crate::caller::roles_with);
    let page = ErrorPage {
        frame,
        status: problem.status,
        detail: &problem.detail,
        faults: &problem.faults,
        roles: roles.unwrap_or_default(),
    };
    let mut response = reader.page(problem.status, &page);
    if let Some(seconds) = problem.wait_seconds {
        let headers = response.headers_mut();
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The account in which it went wrong, if whoever reads sees it.
fn account_of(reader: &Reader) -> Option<Arc<Tenant>> {
    let name = reader.path.strip_prefix("/accounts/")?;
    let name = name.split('/').next().unwrap_or_default();
    let name = percent_decode_str(name).decode_utf8().ok()?;
    let tenant = reader.caller.as_ref()?.tenant(&reader.state, &name).ok()?;
    Some(Arc::clone(tenant))
}
