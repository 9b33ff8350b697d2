//! Tokens of the admin API: what programs come in with.

use http::StatusCode;
use postern_config::UnixSeconds;
use postern_config::directory::{
    Actor, ApiToken, Command, ConsoleAtom, Name, NewToken as Wanted, OperatorCommand, OperatorId,
    OperatorOutcome, Outcome, Place, State as Snapshot, Who,
};

use super::creations::{self, Asked, Creation, Made};
use super::list::{Listing, Page};
use super::losses::Gone;
use super::operators::{ScopeAsk, ScopeShown, called, role, role_name};
use super::sentences::refused;
use super::tenants::apply;
use super::users::unexpected;
use crate::caller::Caller;
use crate::shape::shapes;
use crate::{Admin, Problem};

shapes! {
    told
    /// A token, without its text.
    TokenShown {
        /// Its number.
        id: u64,
        /// What people call it.
        name: Name,
        /// The address of the operator whose it is; null: the platform's own.
        operator: Option<String>,
        /// What it may do at most.
        role: String,
        /// To whom at most.
        scope: ScopeShown,
        /// Whether it works now.
        works: bool,
        /// The first second at which it no longer works; null: it has no end.
        expires: Option<u64>,
        /// When it was used last since the server's start, in seconds since 1970.
        last_used: Option<u64>,
        /// When it was made, in seconds since 1970.
        created: u64,
        /// Who made it.
        created_by: String,
        /// The revision of its record; its `ETag`.
        revision: u64,
    }

    told
    /// A new token. Its text is told this once.
    TokenMade {
        /// The token.
        token: TokenShown,
        /// What is sent as `Authorization: Bearer …`.
        secret: String,
    }

    asked
    /// A token to make. It is of whoever asks, and may do no more than he.
    NewToken {
        /// What it is called.
        name: Name,
        /// What it may do at most; one's own role unless told otherwise.
        role: Option<String>,
        /// To whom at most; one's own scope unless told otherwise.
        scope: Option<ScopeAsk>,
        /// The first second at which it no longer works, since 1970; it has no end unless told otherwise.
        expires: Option<u64>,
    }
}

/// A token.
pub(crate) fn show(admin: &Admin, state: &Snapshot, token: &ApiToken) -> TokenShown {
    let now = admin.directory.now().seconds();
    TokenShown {
        id: token.id.get(),
        name: token.name.clone(),
        operator: token
            .operator
            .map(|id| called(state, id).unwrap_or_else(|| id.get().to_string())),
        role: role_name(state, token.role),
        scope: ScopeShown::of(state, &token.scope),
        works: state.office_of_token(token.id, now).is_some(),
        expires: token.expires.map(|it| it.0),
        last_used: admin.last_use(token.id).map(|it| it.seconds().0),
        created: token.created.0,
        created_by: token.created_by.clone(),
        revision: token.revision.0,
    }
}

/// One's own tokens, and those that one may end.
pub(crate) fn list(
    admin: &Admin,
    caller: &Caller,
    listing: &Listing,
) -> Result<Page<TokenShown>, Problem> {
    let state = admin.directory.state();
    let fitting = state
        .api_tokens()
        .filter(|token| sees(&state, caller, token) && listing.finds(&[token.name.as_str()]));
    let rank = |token: &&std::sync::Arc<ApiToken>, order| {
        let name = format!("{} {}", token.name.as_str().to_lowercase(), token.id);
        match order {
            "created" => (token.created.0, name),
            _ => (0, name),
        }
    };
    listing.page(&["name", "created"], fitting, rank, |token| {
        show(admin, &state, token)
    })
}

/// The tokens of an operator, as far as the caller sees them, the latest first.
pub(crate) fn of_operator(admin: &Admin, caller: &Caller, whose: OperatorId) -> Vec<TokenShown> {
    let state = admin.directory.state();
    let seen = state.api_tokens_of(Some(whose));
    let seen = seen.filter(|token| sees(&state, caller, token));
    let mut shown: Vec<_> = seen.map(|token| show(admin, &state, token)).collect();
    shown.sort_unstable_by_key(|token| std::cmp::Reverse(token.id));
    shown
}

/// The token of a number, if the caller may end it.
pub(crate) fn find<'s>(
    state: &'s Snapshot,
    caller: &Caller,
    word: &str,
) -> Result<&'s std::sync::Arc<ApiToken>, Problem> {
    let number = word.parse().ok();
    let token = number
        .and_then(|number| state.api_token_numbered(number))
        .filter(|token| sees(state, caller, token))
        .ok_or_else(|| Problem::not_found("token"))?;
    if !is_own(caller, token) {
        let place = Place::Scope(token.scope.clone());
        caller.demand(state, Some(ConsoleAtom::UserEdit), (&place, "token"))?;
    }
    Ok(token)
}

/// Whether it is the caller's.
pub(crate) fn is_own(caller: &Caller, token: &ApiToken) -> bool {
    match caller.who {
        Who::Operator { operator } => token.operator == Some(operator),
        _ => false,
    }
}

/// A token sees itself; who may change people sees what they have made.
fn sees(state: &Snapshot, caller: &Caller, token: &ApiToken) -> bool {
    let is_itself = matches!(caller.who, Who::Token { token: own, .. } if own == token.id);
    let place = Place::Scope(token.scope.clone());
    is_own(caller, token)
        || is_itself
        || (caller.has(ConsoleAtom::UserEdit) && caller.sees(state, &place))
}

/// Makes a token. Answers its text once: where the same was asked before, there is none.
pub(crate) async fn create(
    admin: &Admin,
    (caller, actor): (&Caller, Actor),
    asked: Option<Asked>,
    new: NewToken,
) -> Result<(TokenShown, Option<String>), Problem> {
    let wanted = wanted(admin, caller, new)?;
    let done = creations::once(admin, actor, asked, |admin, actor| async move {
        let subject = format!("token `{}`", wanted.name);
        let command = Command::Operators(OperatorCommand::CreateToken(wanted));
        let applied = admin.directory.apply(command, actor).await;
        match applied.map_err(|error| refused(&subject, error))?.outcome {
            Outcome::Operator(OperatorOutcome::Token { token, secret }) => {
                Ok((Made::Token(token.get()), (token.get(), secret)))
            }
            _ => Err(unexpected()),
        }
    });
    let (number, secret) = match done.await? {
        Creation::New((number, secret)) => (number, Some(secret)),
        Creation::Before(Made::Token(number)) => (number, None),
        Creation::Before(_) => return Err(unexpected()),
    };
    let state = admin.directory.state();
    let token = state.api_token_numbered(number);
    let token = token.ok_or_else(|| creations::gone("token"))?;
    // This answer is the one place where it leaves the server.
    let text = |secret: postern_config::Secret| {
        secret.lend(|secret| String::from_utf8_lossy(secret).into_owned())
    };
    Ok((show(admin, &state, token), secret.map(text)))
}

/// The token that is asked for, within what the caller sees.
fn wanted(admin: &Admin, caller: &Caller, new: NewToken) -> Result<Wanted, Problem> {
    if matches!(caller.who, Who::Token { .. }) {
        let detail = "a token makes no tokens: sign in, and make it yourself";
        return Err(Problem::new(StatusCode::FORBIDDEN, "person", detail));
    }
    let state = admin.directory.state();
    let scope = new.scope.as_ref().map(|it| it.scope(&state, caller));
    let scope = scope.transpose()?;
    let own = caller.office.as_ref().map(|office| office.scope.clone());
    let within = scope
        .clone()
        .or(own)
        .unwrap_or(postern_config::directory::OperatorScope::Deployment);
    let role = new.role.as_deref().map(|word| role(&state, &within, word));
    Ok(Wanted {
        name: new.name,
        role: role.transpose()?,
        scope,
        expires: new.expires.map(UnixSeconds),
    })
}

/// Ends a token.
pub(crate) async fn revoke(
    admin: &Admin,
    (caller, actor): (&Caller, Actor),
    word: &str,
) -> Result<Gone, Problem> {
    let state = admin.directory.state();
    let token = find(&state, caller, word)?;
    let subject = format!("token `{}`", token.name);
    let command = Command::Operators(OperatorCommand::RevokeToken(token.id));
    let revision = apply(admin, actor, None, (&subject, command)).await?;
    Ok(Gone {
        deleted: token.name.to_string(),
        revision,
        job: None,
    })
}
