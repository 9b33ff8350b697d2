//! Tokens of the admin API: the list, a new one with its text, and their end.

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use postern_config::directory::{ApiToken, Operator, OperatorScope};

use super::choices::Choices;
use super::confirm::{self, Asks};
use super::fields::{Asked, Fields, Sent};
use super::filters;
use super::filters::say;
use super::frame::{Frame, Here, Nav};
use super::lists::{Turns, View};
use super::reader::Reader;
use super::{key_new, person_form};
use crate::api::asked::By;
use crate::service::operators::{ScopeAsk, ScopeKind, role_name};
use crate::service::tokens::{self, NewToken, TokenShown};
use crate::{Admin, Problem};

/// Where the list is.
const LIST: &str = "/me/tokens";

#[derive(askama::Template)]
#[template(path = "tokens.html")]
struct TokensPage<'p> {
    frame: Frame,
    view: &'p View,
    tokens: Vec<TokenRow>,
    turns: Turns,
    create: Option<String>,
}

/// A token in a list, with what may be done to it.
pub(super) struct TokenRow {
    pub(super) it: TokenShown,
    pub(super) status: &'static str,
    pub(super) is_own: bool,
    pub(super) revoke: Option<String>,
}

/// The tokens of an operator, as far as whoever reads sees them.
pub(super) fn of_operator(reader: &Reader, operator: &Operator) -> Result<Vec<TokenRow>, Problem> {
    let found = tokens::of_operator(&reader.admin, reader.caller()?, operator.id);
    Ok(found.into_iter().map(|it| row(reader, it)).collect())
}

fn row(reader: &Reader, it: TokenShown) -> TokenRow {
    let number = it.id.to_string();
    let token = reader
        .state
        .api_token_numbered(it.id)
        .zip(reader.caller.as_ref());
    let is_over = it.expires.is_some_and(|end| end <= reader.now.seconds().0);
    TokenRow {
        status: match (it.works, is_over) {
            (true, _) => "active",
            (false, true) => "expired",
            // Who made it may no longer do what it was made for.
            (false, false) => "off",
        },
        is_own: token.is_some_and(|(token, caller)| tokens::is_own(caller, token)),
        revoke: reader.link("/me/tokens/{token}/revoke", &[("token", &number)]),
        it,
    }
}

fn here(reader: &Reader, title: String, is_below: bool) -> Here<'static> {
    let me = (say!("My account"), "/me");
    let all = (say!("API tokens"), LIST);
    let above = [Some(me), Some(all).filter(|_| is_below)];
    let trail = above.into_iter().flatten();
    Here {
        title,
        nav: Nav::None,
        tenant: None,
        trail: trail
            .map(|(text, path)| (reader.say(text).to_owned(), Some(path.to_owned())))
            .collect(),
    }
}

/// One's own tokens, and those that one may end.
pub(crate) async fn list(
    State(admin): State<Admin>,
    reader: Reader,
    Asked(fields): Asked,
) -> Result<Response, Problem> {
    let view = View::of(fields, LIST);
    let page = tokens::list(&admin, reader.caller()?, &view.listing())?;
    let turns = view.turns(&page);
    let rows = page.items.into_iter();
    let title = reader.say(say!("API tokens")).to_owned();
    let page = TokensPage {
        frame: reader.frame(here(&reader, title, false)),
        tokens: rows.map(|it| row(&reader, it)).collect(),
        view: &view,
        turns,
        create: reader.link("/me/tokens/new", &[]),
    };
    Ok(reader.shows(&page))
}

#[derive(askama::Template)]
#[template(path = "token_new.html")]
struct NewTokenPage<'p> {
    frame: Frame,
    form: &'p Fields,
    problem: Option<&'p Problem>,
    roles: Vec<(String, String)>,
    /// Accounts to one of which it may be bound; none where there is nothing to choose.
    accounts: Option<Choices>,
    once: String,
}

pub(crate) async fn show_create(reader: Reader) -> Result<Response, Problem> {
    let office = reader.caller()?.office.as_ref();
    let own = office.map_or_else(String::new, |it| role_name(&reader.state, it.role));
    let form = Fields::default().with("role", own).with("days", "90");
    create_page(&reader, (&form, StatusCode::OK, None))
}

fn create_page(
    reader: &Reader,
    (form, status, problem): (&Fields, StatusCode, Option<&Problem>),
) -> Result<Response, Problem> {
    let title = reader.say(say!("Create token")).to_owned();
    let page = NewTokenPage {
        frame: reader.frame(here(reader, title, true)),
        form,
        problem,
        roles: person_form::roles(reader),
        accounts: accounts(reader)?,
        once: key_new::new_once(reader)?,
    };
    Ok(reader.page(status, &page))
}

/// The accounts among which whoever reads may choose one: he has several.
fn accounts(reader: &Reader) -> Result<Option<Choices>, Problem> {
    let office = reader.caller()?.office.as_ref();
    let is_of_one = office.is_some_and(|it| {
        matches!(
            it.scope,
            OperatorScope::Tenant(_) | OperatorScope::Users(..)
        )
    });
    if is_of_one {
        return Ok(None);
    }
    Ok(Some(
        person_form::accounts(reader).after(say!("All that I reach")),
    ))
}

pub(crate) async fn create(
    State(admin): State<Admin>,
    reader: Reader,
    By(actor): By,
    Sent(mut form): Sent,
) -> Result<Response, Problem> {
    let Some(new) = new_token(&reader, &mut form) else {
        return create_page(&reader, (&form, StatusCode::UNPROCESSABLE_ENTITY, None));
    };
    let once = key_new::once(&reader, &form)?;
    match tokens::create(&admin, (reader.caller()?, actor), once, new).await {
        Ok((token, secret)) => Ok(secret_page(&reader, token, secret)),
        Err(problem) => create_page(&reader, (&form, problem.status, Some(&problem))),
    }
}

fn new_token(reader: &Reader, form: &mut Fields) -> Option<NewToken> {
    let (name, role) = (form.need("name"), form.may("role"));
    let (tenant, days) = (form.may::<String>("tenant"), form.may::<u64>("days"));
    let now = reader.now.seconds().0;
    Some(NewToken {
        name: name?,
        role: role?,
        scope: tenant?.map(|tenant| ScopeAsk {
            kind: ScopeKind::Tenant,
            tenant: Some(tenant),
            users: None,
        }),
        expires: days?.map(|days| now.saturating_add(days.saturating_mul(86_400))),
    })
}

#[derive(askama::Template)]
#[template(path = "token_secret.html")]
struct SecretPage {
    frame: Frame,
    it: TokenShown,
    /// None: it was shown before.
    secret: Option<String>,
}

fn secret_page(reader: &Reader, it: TokenShown, secret: Option<String>) -> Response {
    let title = reader.say(say!("The new token")).to_owned();
    let page = SecretPage {
        frame: reader.frame(here(reader, title, true)),
        it,
        secret,
    };
    reader.page(StatusCode::OK, &page)
}

pub(crate) async fn show_revoke(
    reader: Reader,
    Path(word): Path<String>,
) -> Result<Response, Problem> {
    let token = tokens::find(&reader.state, reader.caller()?, &word)?;
    Ok(revoke_page(&reader, token, None))
}

fn revoke_page(reader: &Reader, token: &ApiToken, problem: Option<&Problem>) -> Response {
    let title = reader.say(say!("Revoke token {}"));
    let title = title.replacen("{}", token.name.as_str(), 1);
    let about = say!(
        "Whatever still comes with it is refused from the next request on. It does not come back; another can be made."
    );
    let asks = Asks {
        verb: title.clone(),
        look: "danger",
        about: reader.say(about).to_owned(),
        command: format!("postern token revoke {}", token.id.get()),
        back: back(reader, token),
        ..Asks::default()
    };
    confirm::page(reader, here(reader, title, true), (&asks, problem))
}

/// Where one goes from a token: whose it is, or the list of one's own.
fn back(reader: &Reader, token: &ApiToken) -> String {
    let own = reader.operator().map(|it| it.id);
    let other = token.operator.filter(|it| Some(*it) != own);
    let number = other.map(|it| it.get().to_string());
    let page = number.and_then(|it| reader.link("/people/{operator}", &[("operator", &it)]));
    page.unwrap_or_else(|| LIST.to_owned())
}

pub(crate) async fn revoke(
    State(admin): State<Admin>,
    reader: Reader,
    Path(word): Path<String>,
    By(actor): By,
) -> Result<Response, Problem> {
    let token = tokens::find(&reader.state, reader.caller()?, &word)?;
    Ok(
        match tokens::revoke(&admin, (reader.caller()?, actor), &word).await {
            Ok(gone) => reader.done(
                (say!("Token {} is over."), gone.deleted),
                gone.revision,
                &back(&reader, token),
            ),
            Err(problem) => revoke_page(&reader, token, Some(&problem)),
        },
    )
}
