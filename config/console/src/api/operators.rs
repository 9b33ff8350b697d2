//! Operators.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use postern_config::directory::{ConsoleAtom, OperatorCommand, OperatorId, OperatorStatus};

use super::asked::{Ask, At, By, Document, IfMatch, created, tagged};
use crate::caller::Caller;
use crate::service::list::{Listing, Page};
use crate::service::losses::Deletion;
use crate::service::operators::{
    self, InviteAsk, NewOperator, OperatorChange, OperatorShown, PasswordAsk,
};
use crate::shape::shapes;
use crate::{Admin, Problem};

shapes! {
    asked
    /// Which operators are listed.
    OperatorsAsk {
        /// Those whose name or address contains this.
        q: Option<String>,
        /// `active` or `passive`.
        status: Option<OperatorStatus>,
        /// `email`, `name`, `created` or `sign-in`, with `-` before it from the other end.
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
    Ask(ask): Ask<OperatorsAsk>,
) -> Result<Json<Page<OperatorShown>>, Problem> {
    let listing = Listing {
        q: ask.q,
        sort: ask.sort,
        limit: ask.limit,
        cursor: ask.cursor,
    };
    let page = operators::list(&admin, &caller, &listing, ask.status);
    Ok(Json(page?))
}

pub(crate) async fn create(
    State(admin): State<Admin>,
    caller: Caller,
    document: Document<NewOperator>,
) -> Result<Response, Problem> {
    let who = (&caller, document.actor);
    let (is_new, made) = operators::create(&admin, who, document.once, document.asked).await?;
    Ok(created(is_new, made.revision, made))
}

pub(crate) async fn show(
    State(admin): State<Admin>,
    caller: Caller,
    At(word): At<String>,
) -> Result<Response, Problem> {
    let state = admin.directory.state();
    let operator = operators::find(&state, &caller, (&word, None))?;
    Ok(tagged(
        operator.revision.0,
        operators::show(&admin, &state, operator),
    ))
}

pub(crate) async fn change(
    State(admin): State<Admin>,
    caller: Caller,
    At(word): At<String>,
    document: Document<OperatorChange>,
) -> Result<Response, Problem> {
    let state = admin.directory.state();
    let operator = operators::find(&state, &caller, (&word, None))?;
    let expected = document.if_match.holds(operator.revision)?;
    let who = (&caller, document.actor);
    let which = (&**operator, expected);
    let changed = operators::change(&admin, who, which, document.asked).await?;
    Ok(tagged(changed.revision, changed))
}

pub(crate) async fn delete(
    State(admin): State<Admin>,
    caller: Caller,
    At(word): At<String>,
    Ask(deletion): Ask<Deletion>,
    if_match: IfMatch,
    By(actor): By,
) -> Result<Response, Problem> {
    let state = admin.directory.state();
    let atom = Some(ConsoleAtom::UserDelete);
    let operator = operators::find(&state, &caller, (&word, atom))?;
    let expected = if_match.holds(operator.revision)?;
    if !deletion.is_meant(operator.details.email.as_str())? {
        let losses = operators::losses(&state, operator);
        return Ok(tagged(operator.revision.0, losses));
    }
    let deleted = operators::delete(&admin, actor, (operator, expected)).await?;
    Ok(super::json(deleted))
}

pub(crate) async fn invite(
    State(admin): State<Admin>,
    caller: Caller,
    At(word): At<String>,
    document: Document<InviteAsk>,
) -> Result<Response, Problem> {
    let state = admin.directory.state();
    let atom = Some(ConsoleAtom::UserCreate);
    let operator = operators::find(&state, &caller, (&word, atom))?;
    let expected = document.if_match.holds(operator.revision)?;
    let which = (&**operator, expected);
    let invited = operators::invite(&admin, document.actor, which, &document.asked).await?;
    Ok((StatusCode::CREATED, super::json(invited)).into_response())
}

pub(crate) async fn set_password(
    State(admin): State<Admin>,
    caller: Caller,
    At(word): At<String>,
    document: Document<PasswordAsk>,
) -> Result<Response, Problem> {
    let state = admin.directory.state();
    let atom = Some(ConsoleAtom::UserEdit);
    let operator = operators::find(&state, &caller, (&word, atom))?;
    let expected = document.if_match.holds(operator.revision)?;
    let which = (&**operator, expected);
    let password = &document.asked.password;
    let changed = operators::set_password(&admin, document.actor, which, password).await?;
    Ok(tagged(changed.revision, changed))
}

/// A step that takes no document.
async fn step(
    admin: &Admin,
    (caller, By(actor)): (&Caller, By),
    (word, if_match, atom): (&str, IfMatch, ConsoleAtom),
    command: fn(OperatorId) -> OperatorCommand,
) -> Result<Response, Problem> {
    let state = admin.directory.state();
    let operator = operators::find(&state, caller, (word, Some(atom)))?;
    let expected = if_match.holds(operator.revision)?;
    let which = (&**operator, expected);
    let changed = operators::step(admin, actor, which, command(operator.id)).await?;
    Ok(tagged(changed.revision, changed))
}

macro_rules! steps {
    ($($(#[$doc:meta])+ $name:ident $atom:ident $command:ident;)*) => { $(
        $(#[$doc])+
        pub(crate) async fn $name(
            State(admin): State<Admin>,
            caller: Caller,
            At(word): At<String>,
            if_match: IfMatch,
            by: By,
        ) -> Result<Response, Problem> {
            let which = (word.as_str(), if_match, ConsoleAtom::$atom);
            step(&admin, (&caller, by), which, OperatorCommand::$command).await
        }
    )* };
}

steps! {
    /// Lets an operator sign in no more.
    disable UserDisable Disable;
    /// Lets an operator sign in again.
    enable UserDisable Enable;
    /// Takes the second factor of somebody who has lost his telephone.
    remove_one_time UserEdit RemoveOneTime;
    /// Ends every session of an operator.
    end_sessions UserDisable EndSessions;
}
