//! Signing in by a provider, and showing there once more that it is oneself.
//!
//! The provider says whose an address is, and nothing else: who may sign in, and what he may do, the directory says. Nobody is made, and
//! an address counts that the provider has verified. The second factor is the provider's matter. Whoever comes back with the word of the
//! provider is told what is wrong: he has shown who he is.

use std::sync::Arc;

use http::StatusCode;
use postern_config::directory::{
    Email, Miss, Operator, OperatorId, OperatorStatus, SignIn, State as Snapshot,
};
use postern_config::{Secret, UnixMillis};

use super::signin::{Stranger, admit, no_entropy, note, throttle_missed};
use crate::caller::Caller;
use crate::limits::SSO_CLOCK_SKEW_SECONDS_MAX;
use crate::sessions::{Beginning, Carrier};
use crate::sso::{self, Attempt, Identity, SignOn, SignOnFault};
use crate::{Admin, Problem};

/// Longest word of a provider that is told.
const WORD_BYTES_MAX: usize = 64;

/// Who wants to sign in by the provider.
#[derive(Debug)]
pub(crate) struct Wish {
    /// Where the provider sends him back to.
    pub(crate) redirect: String,
    /// Where he wants to go.
    pub(crate) to: String,
    /// Of which account he is, where his address is known in several.
    pub(crate) account: Option<String>,
}

/// With what somebody comes back.
#[derive(Debug)]
pub(crate) struct Return<'r> {
    pub(crate) state: &'r str,
    pub(crate) code: &'r str,
    /// What the provider says instead of a code.
    pub(crate) error: &'r str,
    /// Who says it. Source: RFC 9207.
    pub(crate) issuer: &'r str,
    /// What the browser holds.
    pub(crate) held: Option<&'r str>,
}

/// Somebody is in.
#[derive(Debug)]
pub(crate) struct In {
    /// His session.
    pub(crate) id: Secret,
    /// Where he wants to go.
    pub(crate) to: String,
}

/// Nobody is, and this is where he was going.
#[derive(Debug)]
pub(crate) struct Out {
    pub(crate) problem: Problem,
    pub(crate) to: String,
    /// Whether he is in already, and was to show once more that it is he.
    pub(crate) again: bool,
}

impl From<Problem> for Out {
    fn from(problem: Problem) -> Self {
        Self {
            problem,
            to: String::new(),
            again: false,
        }
    }
}

/// Whether an operator signs in by the provider, and by no password. Where there is no provider, passwords are asked for.
pub(crate) fn is_vouched_for(admin: &Admin, operator: &Operator) -> bool {
    operator.details.sso && admin.sign_on.is_some()
}

/// Refuses what is about the password of somebody who has none that counts.
pub(crate) fn has_password_of_his_own(admin: &Admin, operator: &Operator) -> Result<(), Problem> {
    if !is_vouched_for(admin, operator) {
        return Ok(());
    }
    let detail =
        "this operator signs in by the provider: password and second factor are its matter";
    Err(Problem::new(StatusCode::CONFLICT, "sso", detail))
}

fn provider(admin: &Admin) -> Result<&dyn SignOn, Problem> {
    let found = admin.sign_on.as_deref();
    found.ok_or_else(|| Problem::not_found("single sign-on: `admin.oidc` is not set"))
}

/// Sends somebody to the provider. Answers where that is, and what his browser is to hold.
pub(crate) async fn begin(
    admin: &Admin,
    (stranger, caller): (&Stranger, Option<&Caller>),
    wish: Wish,
) -> Result<(String, Secret), Problem> {
    let provider = provider(admin)?;
    let subjects = subjects(stranger);
    admit(admin, stranger, &subjects).await?;
    let again = match caller {
        Some(caller) => {
            let (operator, session, _) = caller.person()?;
            Some((operator, session))
        }
        None => None,
    };
    let beginning = sso::Beginning {
        redirect: wish.redirect,
        to: wish.to,
        account: wish.account,
        again,
        address: stranger.address,
    };
    let now = admin.directory.now();
    let begun = admin.attempts().begin(beginning, now, &admin.entropy);
    let (attempt, held) = begun.map_err(no_entropy)?;
    match provider.address(&attempt.errand, now).await {
        Ok(address) => Ok((address, held)),
        Err(fault) => Err(away(provider, &fault)),
    }
}

/// Lets somebody in who comes back from the provider.
pub(crate) async fn finish(
    admin: &Admin,
    stranger: &Stranger,
    back: &Return<'_>,
) -> Result<In, Out> {
    let provider = provider(admin)?;
    let subjects = subjects(stranger);
    admit(admin, stranger, &subjects).await?;
    let now = admin.directory.now();
    let Some(attempt) = admin.attempts().take(back.state, back.held, now) else {
        let detail = "this sign-in has expired, was finished before, or was begun in another window: begin again";
        let who = (None, false);
        let why = (Miss::Attempt, detail.to_owned());
        return Err(refuse(admin, stranger, who, why).await.into());
    };
    let again = attempt.again.is_some();
    let done = match vouched(admin, provider, (&attempt, back)).await {
        Ok(operator) => come_in(admin, stranger, &attempt, operator).await,
        Err(Wrong::Away(problem)) => Err(problem),
        Err(Wrong::Miss(operator, miss, detail)) => {
            Err(refuse(admin, stranger, (operator, again), (miss, detail)).await)
        }
    };
    let to = || attempt.to.clone();
    match done {
        Ok(id) => Ok(In { id, to: to() }),
        Err(problem) => Err(Out {
            problem,
            to: to(),
            again,
        }),
    }
}

/// Why nobody is let in.
enum Wrong {
    /// Nobody has done anything wrong.
    Away(Problem),
    /// Whom it is about, as far as that is known, why, and what he is told.
    Miss(Option<OperatorId>, Miss, String),
}

/// The operator for whom the provider vouches, and when he was last seen there.
async fn vouched(
    admin: &Admin,
    provider: &dyn SignOn,
    (attempt, back): (&Attempt, &Return<'_>),
) -> Result<(Arc<Operator>, Identity), Wrong> {
    let name = provider.name();
    let missed = |miss, detail: String| Err(Wrong::Miss(None, miss, detail));
    if !back.issuer.is_empty() && back.issuer != provider.issuer() {
        let detail = format!("this answer is not from {name}: begin again");
        return missed(Miss::Provider, detail);
    }
    if !back.error.is_empty() || back.code.is_empty() {
        let detail = format!(
            "{name} has not signed you in ({}): begin again, or ask whoever looks after it",
            word(back.error)
        );
        return missed(Miss::Provider, detail);
    }
    let now = admin.directory.now();
    let identity = match provider.identity(&attempt.errand, back.code, now).await {
        Ok(identity) => identity,
        Err(fault @ SignOnFault::Away(_)) => return Err(Wrong::Away(away(provider, &fault))),
        Err(fault) => {
            tracing::warn!(
                error = &fault as &dyn std::error::Error,
                "nobody is signed in"
            );
            let detail = format!(
                "what {name} says of you is not believed: begin again; if it stays so, the log of the server says why"
            );
            return missed(Miss::Provider, detail);
        }
    };
    if !identity.is_verified {
        let detail =
            format!("{name} has not verified your e-mail address: do that there, then begin again");
        return missed(Miss::Unverified, detail);
    }
    let state = admin.directory.state();
    let operator = whom(&state, &identity.email, attempt.account.as_deref());
    let operator = operator.map_err(|(id, miss, detail)| Wrong::Miss(id, miss, detail))?;
    let wrong = |miss, detail: String| Err(Wrong::Miss(Some(operator.id), miss, detail));
    if operator.status == OperatorStatus::Passive {
        let detail = "you are disabled here: ask whoever manages people to enable you".to_owned();
        return wrong(Miss::Passive, detail);
    }
    match attempt.again {
        Some((id, _)) if id != operator.id => {
            let detail = format!("{name} has signed in somebody else than you: begin again");
            wrong(Miss::Unknown, detail)
        }
        Some(_) if !is_anew(attempt, &identity) => {
            let detail = format!(
                "{name} does not say that you have just signed in there: sign out of it, then begin again"
            );
            wrong(Miss::Provider, detail)
        }
        _ => Ok((Arc::clone(operator), identity)),
    }
}

/// Whether he has shown who he is since the attempt began.
fn is_anew(attempt: &Attempt, identity: &Identity) -> bool {
    let began = attempt.began.0 / 1_000;
    let earliest = began.saturating_sub(SSO_CLOCK_SKEW_SECONDS_MAX);
    identity.shown.is_some_and(|shown| shown >= earliest)
}

/// The operator of an address who signs in so.
fn whom<'s>(
    state: &'s Snapshot,
    email: &str,
    account: Option<&str>,
) -> Result<&'s Arc<Operator>, (Option<OperatorId>, Miss, String)> {
    let nobody = (
        None,
        Miss::Unknown,
        "nobody with your e-mail address signs in here: ask whoever manages people to add you, with single sign-on"
            .to_owned(),
    );
    let Ok(address) = email.parse::<Email>() else {
        return Err(nobody);
    };
    let tenant = account.map(|name| {
        let name = name.parse().ok()?;
        state.tenant_named(&name).map(|tenant| tenant.id)
    });
    let all = state.operators_with_email(&address);
    let mut all = all.filter(|it| match tenant {
        None => true,
        Some(tenant) => tenant.is_some() && it.scope.tenant() == tenant,
    });
    let Some(first) = all.next() else {
        return Err(nobody);
    };
    let all: Vec<&Arc<Operator>> = std::iter::once(first).chain(all).collect();
    let mut with = all.into_iter().filter(|it| it.details.sso);
    match (with.next(), with.next()) {
        (Some(one), None) => Ok(one),
        (Some(_), Some(_)) => Err((
            None,
            Miss::Unknown,
            "your e-mail address is known in several accounts: open `/sso?account=NAME` with the name of the one that is meant"
                .to_owned(),
        )),
        (None, _) => Err((
            Some(first.id),
            Miss::Way,
            "you sign in here with your password: ask whoever manages people for single sign-on"
                .to_owned(),
        )),
    }
}

async fn come_in(
    admin: &Admin,
    stranger: &Stranger,
    attempt: &Attempt,
    (operator, identity): (Arc<Operator>, Identity),
) -> Result<Secret, Problem> {
    let actor = stranger.actor_as(operator.id);
    let now = admin.directory.now();
    if let Some((_, session)) = attempt.again {
        note(admin, actor, Some(operator.id), SignIn::VouchedAgain).await?;
        let id = admin.sessions().show(session, now, &admin.entropy);
        return id.map_err(no_entropy)?.ok_or_else(crate::caller::nobody);
    }
    note(admin, actor, Some(operator.id), SignIn::Vouched).await?;
    // When he came to the provider counts, not when it sent him on: it may have known him since the morning.
    let shown = identity.shown.unwrap_or(0).saturating_mul(1_000);
    let beginning = Beginning {
        operator: operator.id,
        generation: operator.generation,
        carrier: Carrier::Cookie,
        shown: UnixMillis(shown.min(now.0)),
        address: stranger.address,
        agent: stranger.agent.clone(),
    };
    let id = admin.sessions().begin(beginning, now, &admin.entropy);
    id.map_err(no_entropy)
}

/// One's own address alone counts: who somebody is, is guessed at the provider.
fn subjects(stranger: &Stranger) -> Vec<String> {
    let subjects = stranger.subjects(String::new());
    subjects.into_iter().skip(1).collect()
}

/// An attempt that failed: counted, written down, and answered.
async fn refuse(
    admin: &Admin,
    stranger: &Stranger,
    (operator, is_again): (Option<OperatorId>, bool),
    (miss, detail): (Miss, String),
) -> Problem {
    let step = match is_again.then_some(miss) {
        Some(miss) => SignIn::StepUpRefused(miss),
        None => SignIn::Refused(miss),
    };
    match throttle_missed(admin, stranger, (operator, &subjects(stranger)), step).await {
        Ok(()) => Problem::new(StatusCode::FORBIDDEN, "sso", detail),
        Err(problem) => problem,
    }
}

/// The provider is of no use now. The log says why.
fn away(provider: &dyn SignOn, fault: &SignOnFault) -> Problem {
    tracing::warn!(
        error = fault as &dyn std::error::Error,
        "nobody signs in by the provider"
    );
    let detail = format!(
        "{} does not answer as it should: try again in a while; the log of the server says what is wrong",
        provider.name()
    );
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "sso-away", detail)
}

/// A word of the provider, if it is one. Source: RFC 6749 section 4.1.2.1 has `access_denied` and its like.
fn word(error: &str) -> &str {
    let is_word = !error.is_empty()
        && error.len() <= WORD_BYTES_MAX
        && error
            .bytes()
            .all(|it| it.is_ascii_lowercase() || it == b'_');
    if is_word { error } else { "no code" }
}
