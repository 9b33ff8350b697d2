//! Signing in: the first operator, an invitation, a password with a code, and showing once more that it is oneself.
//!
//! What is answered to whoever is refused is one sentence, whether there is nobody of this address, the password is another or the
//! operator is passive, and takes as long. The audit log says which it was.

use std::net::IpAddr;

use http::StatusCode;
use postern_config::directory::{
    Actor, Command, CommandError, Email, Mfa, Miss, NewOperator, Operator, OperatorCommand,
    OperatorDetails, OperatorId, OperatorScope, OperatorStatus, Refusal, Role, SignIn,
    State as Snapshot, Who,
};
use postern_config::identity::{PasswordError, PasswordHash, PasswordRule, Step, Throttle, Wait};
use postern_config::{NoEntropy, Secret};

use super::sentences::refused;
use super::sso::{has_password_of_his_own, is_vouched_for};
use crate::caller::Caller;
use crate::sessions::{Beginning, Carrier, SessionHash};
use crate::shape::{Typed, shapes};
use crate::{Admin, Problem};

shapes! {
    asked
    /// Who signs in.
    SignInAsk {
        /// The e-mail address.
        email: Email,
        /// The password.
        password: Typed,
        /// The one-time password, where a second factor is on.
        code: Option<Typed>,
        /// The account whose operator it is, by name, where the address is known in several.
        account: Option<String>,
        /// `cookie`, which it is unless told otherwise, or `bearer`: the session is told as a token, for command lines.
        session: Option<CarrierAsk>,
    }

    asked
    /// Who shows once more that it is he.
    StepUpAsk {
        /// The password.
        password: Typed,
    }

    asked
    /// The first operator.
    SetUpAsk {
        /// What the server has said at its start.
        token: Typed,
        /// The e-mail address with which he signs in.
        email: Email,
        /// His name as people write it.
        name: Option<postern_config::directory::Description>,
        /// His password.
        password: Typed,
    }

    asked
    /// What an invitation is answered with.
    AcceptAsk {
        /// What the link holds.
        token: Typed,
        /// The password.
        password: Typed,
    }

    told
    /// A session.
    SignedIn {
        /// The session as a bearer token, where that was asked for; null where a cookie holds it.
        token: Option<String>,
        /// When it ends at the latest, in seconds since 1970.
        expires: u64,
        /// After how many seconds it ends without being used.
        idle_seconds: u64,
        /// Until when nobody is asked to show once more that it is he, in seconds since 1970.
        fresh_until: u64,
    }

    told
    /// Somebody has a password.
    Accepted {
        /// With which address he signs in.
        email: Email,
    }
}

/// How a session is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum CarrierAsk {
    /// As a cookie.
    Cookie,
    /// As a bearer token.
    Bearer,
}

impl From<CarrierAsk> for Carrier {
    fn from(asked: CarrierAsk) -> Self {
        match asked {
            CarrierAsk::Cookie => Self::Cookie,
            CarrierAsk::Bearer => Self::Bearer,
        }
    }
}

/// Who asks, before he has come in.
#[derive(Clone, Debug)]
pub(crate) struct Stranger {
    pub(crate) address: Option<IpAddr>,
    pub(crate) agent: String,
}

impl Stranger {
    fn actor(&self) -> Actor {
        Actor {
            who: Who::Nobody,
            address: self.address,
            request: None,
        }
    }

    /// The same, once it is known who he is.
    pub(crate) fn actor_as(&self, operator: OperatorId) -> Actor {
        Actor {
            who: Who::Operator { operator },
            ..self.actor()
        }
    }

    pub(crate) fn subjects(&self, account: String) -> Vec<String> {
        let address = self.address.map(Throttle::address);
        std::iter::once(account).chain(address).collect()
    }
}

/// Signs in.
pub(crate) async fn sign_in(
    admin: &Admin,
    stranger: &Stranger,
    asked: &SignInAsk,
) -> Result<(Secret, Carrier, SignedIn), Problem> {
    let account = throttled_name(&asked.email, asked.account.as_deref());
    let subjects = stranger.subjects(account.clone());
    admit(admin, stranger, &subjects).await?;
    let state = admin.directory.state();
    let found = whom(&state, asked).map(|operator| operator.id);
    let hash = found.and_then(|id| state.operator(id)?.password().cloned());
    let right = verify(admin, &asked.password, hash.as_ref()).await?;
    // What was true before the password was hashed may not be true after it.
    let state = admin.directory.state();
    let operator = found.and_then(|id| state.operator(id));
    let outcome = match operator {
        None => Err(Miss::Unknown),
        Some(_) if !right => Err(Miss::Password),
        Some(it) if is_vouched_for(admin, it) => Err(Miss::Way),
        Some(it) if it.status == OperatorStatus::Passive => Err(Miss::Passive),
        Some(it) => Ok(it),
    };
    let operator = match outcome {
        Ok(operator) => operator,
        Err(miss) => return Err(missed(admin, stranger, (found, &subjects), miss).await),
    };
    let step = match code(admin, &state, operator, asked.code.as_ref())? {
        Code::Off => None,
        Code::Needed => {
            let detail = "a second factor is on: send the code of your telephone as `code`, too";
            return Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                "code-needed",
                detail,
            ));
        }
        Code::Right(step) => Some(step),
        Code::Wrong => {
            return Err(missed(admin, stranger, (found, &subjects), Miss::Code).await);
        }
    };
    let actor = stranger.actor_as(operator.id);
    match note(admin, actor, Some(operator.id), SignIn::Done(step)).await {
        Ok(()) => {}
        Err(CommandError::Refused(Refusal::CodeUsed)) => {
            return Err(missed(admin, stranger, (found, &subjects), Miss::Code).await);
        }
        Err(error) => return Err(error.into()),
    }
    admin.throttle().succeeded(&account);
    let carrier = asked.session.map_or(Carrier::Cookie, Carrier::from);
    let now = admin.directory.now();
    let id = begin(admin, stranger, (operator, carrier))?;
    let told = told(&id, carrier, (now, now));
    Ok((id, carrier, told))
}

/// Begins the session of somebody who has just shown who he is.
pub(crate) fn begin(
    admin: &Admin,
    stranger: &Stranger,
    (operator, carrier): (&Operator, Carrier),
) -> Result<Secret, Problem> {
    let now = admin.directory.now();
    let beginning = Beginning {
        operator: operator.id,
        generation: operator.generation,
        carrier,
        shown: now,
        address: stranger.address,
        agent: stranger.agent.clone(),
    };
    let id = admin.sessions().begin(beginning, now, &admin.entropy);
    id.map_err(no_entropy)
}

/// How a session is told: by a cookie its id is not in the answer.
fn told(
    id: &Secret,
    carrier: Carrier,
    (began, shown): (postern_config::UnixMillis, postern_config::UnixMillis),
) -> SignedIn {
    SignedIn {
        token: (carrier == Carrier::Bearer)
            .then(|| id.lend(|id| String::from_utf8_lossy(id).into_owned())),
        expires: (began.0 + crate::limits::SESSION_MS_MAX) / 1_000,
        idle_seconds: crate::limits::SESSION_IDLE_MS_MAX / 1_000,
        fresh_until: (shown.0 + crate::limits::STEP_UP_MS_MAX) / 1_000,
    }
}

/// Shows once more that it is he: the session goes on under another id.
pub(crate) async fn step_up(
    admin: &Admin,
    (caller, actor): (&Caller, Actor),
    asked: &StepUpAsk,
) -> Result<(Secret, Carrier, SignedIn), Problem> {
    let (operator, hash, session) = caller.person()?;
    let state = admin.directory.state();
    if let Some(operator) = state.operator(operator) {
        has_password_of_his_own(admin, operator)?;
    }
    let stranger = Stranger {
        address: actor.address,
        agent: String::new(),
    };
    let subjects = stranger.subjects(format!("operator {}", operator.get()));
    admit(admin, &stranger, &subjects).await?;
    let password = state
        .operator(operator)
        .and_then(|it| it.password().cloned());
    if !verify(admin, &asked.password, password.as_ref()).await? {
        admin.throttle().failed(&subjects, admin.directory.now());
        let step = SignIn::StepUpRefused(Miss::Password);
        note(admin, actor, Some(operator), step).await?;
        let detail = "this is not your password";
        return Err(Problem::new(StatusCode::FORBIDDEN, "password", detail));
    }
    note(admin, actor, Some(operator), SignIn::SteppedUp(None)).await?;
    admin
        .throttle()
        .succeeded(&format!("operator {}", operator.get()));
    let now = admin.directory.now();
    let id = admin.sessions().show(hash, now, &admin.entropy);
    let id = id.map_err(no_entropy)?.ok_or_else(crate::caller::nobody)?;
    let told = told(&id, session.carrier, (session.began, now));
    Ok((id, session.carrier, told))
}

/// Signs out.
pub(crate) async fn sign_out(
    admin: &Admin,
    (caller, actor): (&Caller, Actor),
) -> Result<(), Problem> {
    let (operator, hash, _) = caller.person()?;
    end(admin, hash);
    Ok(note(admin, actor, Some(operator), SignIn::Out).await?)
}

fn end(admin: &Admin, session: SessionHash) {
    admin.sessions().end(session);
}

/// Makes the first operator: an owner of the whole deployment. It is asked with what the server has said at its start, and once.
pub(crate) async fn set_up(
    admin: &Admin,
    stranger: &Stranger,
    asked: SetUpAsk,
) -> Result<Accepted, Problem> {
    let subjects = stranger.subjects("first operator".to_owned());
    admit(admin, stranger, &subjects).await?;
    let is_first = admin.directory.state().operators().next().is_none();
    let is_right = admin
        .first_run
        .as_ref()
        .is_some_and(|wanted| asked.token.lend(|given| wanted.is(given)));
    if !is_first || !is_right {
        admin.throttle().failed(&subjects, admin.directory.now());
        let detail = "this token makes the first operator alone, once, and until the server is stopped: `first-operator.token` in its data folder holds the one of its last start";
        return Err(Problem::new(StatusCode::FORBIDDEN, "first-run", detail));
    }
    let details = OperatorDetails {
        email: asked.email.clone(),
        name: asked.name.clone().unwrap_or_default(),
        timezone: None,
        language: None,
        sso: false,
    };
    let password = good(&details, &asked.password)?;
    let new = NewOperator {
        details,
        role: Role::Owner,
        scope: OperatorScope::Deployment,
        password: Some(hash(admin, password).await?),
    };
    // Two who come at the same moment: the lock lets one of them be first.
    let _turn = admin.set_up_turn().await;
    if admin.directory.state().operators().next().is_some() {
        let detail = "there is an operator now: he can invite you";
        return Err(Problem::new(StatusCode::FORBIDDEN, "first-run", detail));
    }
    // Whoever holds the link was told it by the server: it is the server that makes him.
    let actor = Actor {
        address: stranger.address,
        ..Actor::system()
    };
    let command = Command::Operators(OperatorCommand::Create(new));
    let applied = admin.directory.apply(command, actor).await;
    applied.map_err(|error| refused("the first operator", error))?;
    Ok(Accepted { email: asked.email })
}

/// Sets the password of whoever holds an invitation.
pub(crate) async fn accept(
    admin: &Admin,
    stranger: &Stranger,
    asked: &AcceptAsk,
) -> Result<Accepted, Problem> {
    let subjects = stranger.subjects("invitation".to_owned());
    // One's own address alone counts: strangers who guess must not shut the door for all.
    let subjects = subjects.get(1..).unwrap_or_default();
    admit(admin, stranger, subjects).await?;
    let state = admin.directory.state();
    let now = admin.directory.now().seconds();
    let invited =
        |it: &&std::sync::Arc<Operator>| asked.token.lend(|token| it.is_invited_by(token, now));
    let Some(operator) = state.operators().find(invited) else {
        admin.throttle().failed(subjects, admin.directory.now());
        return Err(CommandError::Refused(Refusal::NoInvitation).into());
    };
    has_password_of_his_own(admin, operator)?;
    let password = good(&operator.details, &asked.password)?;
    let password = hash(admin, password).await?;
    let command = OperatorCommand::Accept {
        operator: operator.id,
        secret: asked.token.secret(),
        password,
    };
    let command = Command::Operators(command);
    let applied = admin.directory.apply(command, stranger.actor()).await;
    applied.map_err(|error| refused("the invitation", error))?;
    Ok(Accepted {
        email: operator.details.email.clone(),
    })
}

/// A password that its owner may have.
pub(crate) fn good(details: &OperatorDetails, password: &Typed) -> Result<Secret, Problem> {
    let email = details.email.as_str();
    let local = email.split('@').next().unwrap_or_default();
    let rule = PasswordRule {
        own_names: &[email, local, details.name.as_str()],
    };
    let password = password.secret();
    rule.check(&password).map_err(|weakness| {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Problem::new(status, "password", weakness.to_string())
    })?;
    Ok(password)
}

/// Hashes a password off the threads of requests.
pub(crate) async fn hash(admin: &Admin, password: Secret) -> Result<PasswordHash, Problem> {
    admin.passwords().hash(password).await.map_err(unhashed)
}

/// Whether it is this password.
pub(crate) async fn verify(
    admin: &Admin,
    password: &Typed,
    hash: Option<&PasswordHash>,
) -> Result<bool, Problem> {
    let verified = admin.passwords().verify(password.secret(), hash).await;
    verified.map_err(unhashed)
}

fn unhashed(error: PasswordError) -> Problem {
    match error {
        PasswordError::Busy => Problem {
            wait_seconds: Some(1),
            ..Problem::new(StatusCode::TOO_MANY_REQUESTS, "busy", error.to_string())
        },
        PasswordError::Entropy(_) | PasswordError::NotAHash | PasswordError::Failed => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "no password is checked"
            );
            let detail = "passwords cannot be checked; the log of the server says why";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
        }
    }
}

pub(crate) fn no_entropy(_: NoEntropy) -> Problem {
    let detail = "there are no random numbers";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
}

/// What a code is.
pub(crate) enum Code {
    /// None is asked for.
    Off,
    /// One is, and none was sent.
    Needed,
    /// It holds.
    Right(Step),
    /// It does not.
    Wrong,
}

/// Looks at the code of an operator.
pub(crate) fn code(
    admin: &Admin,
    state: &Snapshot,
    operator: &Operator,
    code: Option<&Typed>,
) -> Result<Code, Problem> {
    if operator.mfa() != Mfa::On {
        return Ok(Code::Off);
    }
    let Some(code) = code else {
        return Ok(Code::Needed);
    };
    Ok(match step_of(admin, state, operator, code)? {
        Some(step) => Code::Right(step),
        None => Code::Wrong,
    })
}

/// The step whose code it is, whether or not the second factor is confirmed.
pub(crate) fn step_of(
    admin: &Admin,
    state: &Snapshot,
    operator: &Operator,
    code: &Typed,
) -> Result<Option<Step>, Problem> {
    let found = state.one_time(operator).map_err(CommandError::from)?;
    let now = admin.directory.now().seconds();
    Ok(found.and_then(|(secret, last)| {
        code.lend(|code| secret.accepts(&String::from_utf8_lossy(code), now, last))
    }))
}

/// Whom an address means: one operator, or nobody.
fn whom<'s>(state: &'s Snapshot, asked: &SignInAsk) -> Option<&'s Operator> {
    if let Some(account) = &asked.account {
        let tenant = account
            .parse()
            .ok()
            .and_then(|name| state.tenant_named(&name))?;
        let found = state.operator_with_email(Some(tenant.id), &asked.email);
        return found.map(|it| &**it);
    }
    let mut all = state.operators_with_email(&asked.email);
    match (all.next(), all.next()) {
        (Some(one), None) => Some(one),
        // Of several organizations: he must say which.
        _ => None,
    }
}

fn throttled_name(email: &Email, account: Option<&str>) -> String {
    let account = account.unwrap_or_default().to_lowercase();
    format!("account {account} {}", email.as_str().to_lowercase())
}

pub(crate) async fn admit(
    admin: &Admin,
    stranger: &Stranger,
    subjects: &[String],
) -> Result<(), Problem> {
    let now = admin.directory.now();
    let Err(Wait(seconds)) = admin.throttle().admit(subjects, now) else {
        return Ok(());
    };
    let whom = stranger.address.map_or_else(String::new, Throttle::address);
    if admin.is_worth_a_note(whom, now) {
        note(admin, stranger.actor(), None, SignIn::Throttled).await?;
    }
    let detail = format!("too many attempts: try again in {seconds} s");
    Err(Problem {
        wait_seconds: Some(seconds),
        ..Problem::new(StatusCode::TOO_MANY_REQUESTS, "throttled", detail)
    })
}

/// An attempt that failed: counted, written down, and answered with one sentence.
async fn missed(
    admin: &Admin,
    stranger: &Stranger,
    (operator, subjects): (Option<OperatorId>, &[String]),
    miss: Miss,
) -> Problem {
    let step = SignIn::Refused(miss);
    let counted = throttle_missed(admin, stranger, (operator, subjects), step).await;
    if let Err(problem) = counted {
        return problem;
    }
    let detail = "nobody signs in with this: look at address, password and code, and name the `account` where the address is known in several";
    Problem::new(StatusCode::UNAUTHORIZED, "sign-in", detail)
}

/// An attempt that failed: counted and written down.
pub(crate) async fn throttle_missed(
    admin: &Admin,
    stranger: &Stranger,
    (operator, subjects): (Option<OperatorId>, &[String]),
    step: SignIn,
) -> Result<(), Problem> {
    admin.throttle().failed(subjects, admin.directory.now());
    Ok(note(admin, stranger.actor(), operator, step).await?)
}

pub(crate) async fn note(
    admin: &Admin,
    actor: Actor,
    operator: Option<OperatorId>,
    step: SignIn,
) -> Result<(), CommandError> {
    let command = Command::Operators(OperatorCommand::Note(operator, step));
    admin.directory.apply(command, actor).await.map(|_| ())
}
