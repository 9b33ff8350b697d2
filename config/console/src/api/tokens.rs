//! Tokens of the admin API.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;

use super::asked::{Ask, At, By, Document};
use crate::caller::Caller;
use crate::service::list::{Listing, Page};
use crate::service::tokens::{self, NewToken, TokenMade, TokenShown};
use crate::service::users::unexpected;
use crate::shape::shapes;
use crate::{Admin, Problem};

shapes! {
    asked
    /// Which tokens are listed.
    TokensAsk {
        /// Those whose name contains this.
        q: Option<String>,
        /// `name` or `created`, with `-` before it from the other end.
        sort: Option<String>,
        /// Entries of a page, 1 to 1,000.
        limit: Option<usize>,
        /// The `next` of the page before.
        cursor: Option<String>,
    }
}

pub(crate) async fn list(
    State(admin): State<Admin>,
    caller: Caller,
    Ask(ask): Ask<TokensAsk>,
) -> Result<Json<Page<TokenShown>>, Problem> {
    let listing = Listing {
        q: ask.q,
        sort: ask.sort,
        limit: ask.limit,
        cursor: ask.cursor,
    };
    Ok(Json(tokens::list(&admin, &caller, &listing)?))
}

pub(crate) async fn create(
    State(admin): State<Admin>,
    caller: Caller,
    document: Document<NewToken>,
) -> Result<Response, Problem> {
    let who = (&caller, document.actor);
    let (token, secret) = tokens::create(&admin, who, None, document.asked).await?;
    let secret = secret.ok_or_else(unexpected)?;
    Ok((
        StatusCode::CREATED,
        super::json(TokenMade { token, secret }),
    )
        .into_response())
}

pub(crate) async fn revoke(
    State(admin): State<Admin>,
    caller: Caller,
    At(word): At<String>,
    By(actor): By,
) -> Result<Response, Problem> {
    Ok(super::json(
        tokens::revoke(&admin, (&caller, actor), &word).await?,
    ))
}
