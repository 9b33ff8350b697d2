//! What is one's own: who one is, one's password, second factor and sessions.

use http::StatusCode;
use postern_config::directory::{
    Actor, Command, Description, Language, Miss, Operator, OperatorCommand, OperatorDetails,
    OperatorOutcome, Outcome, SignIn, Timezone, Who,
};

use super::list::Page;
use super::operators::{self, OperatorShown, ScopeShown, role_name};
use super::sentences::refused;
use super::signin::{good, hash, note, step_of, verify};
use super::sso::has_password_of_his_own;
use super::tokens::{self, TokenShown};
use super::users::unexpected;
use crate::caller::{Caller, seconds};
use crate::sessions::Carrier;
use crate::shape::{Typed, shapes};
use crate::{Admin, Problem};

shapes! {
    told
    /// Who asks.
    MeShown {
        /// `operator`: by his session. `token`: one of the admin API. `person`: by the settings. `admin-token`: the server's own.
        kind: &'static str,
        /// How the audit log calls him.
        actor: String,
        /// The operator, where it is one or a token of one.
        operator: Option<OperatorShown>,
        /// The token, where it is one.
        token: Option<TokenShown>,
        /// His role.
        role: String,
        /// What he may do.
        permissions: Vec<String>,
        /// To whom.
        scope: ScopeShown,
        /// When the session ends at the latest, in seconds since 1970.
        expires: Option<u64>,
        /// Until when nobody is asked to show once more that it is he, in seconds since 1970.
        fresh_until: Option<u64>,
    }

    asked
    /// What one changes of oneself.
    MeChange {
        /// Another name.
        name: Option<Description>,
        /// In which time one wants to read.
        timezone: Option<Timezone>,
        /// In which language.
        language: Option<Language>,
    }

    asked
    /// Another password. Every session ends with it.
    NewPassword {
        /// The one until now.
        current: Typed,
        /// The one from now on.
        new: Typed,
    }

    told
    /// A second factor to set up. It is asked for once it is confirmed by a code.
    Enrolled {
        /// The secret in Base32, for typing.
        secret: String,
        /// The same as an address, for a QR code.
        address: String,
    }

    asked
    /// A code of the telephone.
    CodeAsk {
        /// Six digits.
        code: Typed,
    }

    told
    /// A session.
    SessionShown {
        /// Whether it is the one that asks.
        current: bool,
        /// `cookie` or `bearer`.
        kind: &'static str,
        /// From where.
        address: Option<String>,
        /// With which program, as it says.
        agent: String,
        /// When it began, in seconds since 1970.
        began: u64,
        /// When it was used last.
        seen: u64,
        /// When it ends at the latest.
        expires: u64,
    }
}

/// Who asks.
pub(crate) fn show(admin: &Admin, caller: &Caller) -> MeShown {
    let state = admin.directory.state();
    let (kind, operator, token) = match &caller.who {
        Who::Operator { operator } => ("operator", Some(*operator), None),
        Who::Token { token, operator } => ("token", *operator, Some(*token)),
        Who::Person { .. } => ("person", None, None),
        _ => ("admin-token", None, None),
    };
    let actor = Actor {
        who: caller.who.clone(),
        address: None,
        request: None,
    };
    let token = token.and_then(|id| state.api_token(id));
    let operator = operator.and_then(|id| state.operator(id));
    let all = postern_config::directory::ConsoleAtom::ALL.iter();
    let session = caller.session.as_ref().map(|(_, session)| session);
    MeShown {
        kind,
        actor: actor.label(),
        operator: operator.map(|it| operators::show(admin, &state, it)),
        token: token.map(|it| tokens::show(admin, &state, it)),
        role: caller.office.as_ref().map_or_else(
            || "owner".to_owned(),
            |office| role_name(&state, office.role),
        ),
        permissions: all
            .filter(|atom| caller.has(**atom))
            .map(ToString::to_string)
            .collect(),
        scope: match &caller.office {
            Some(office) => ScopeShown::of(&state, &office.scope),
            None => ScopeShown::of(
                &state,
                &postern_config::directory::OperatorScope::Deployment,
            ),
        },
        expires: session.map(|session| seconds(session.ends())),
        fresh_until: session
            .map(|session| (session.shown.0 + crate::limits::STEP_UP_MS_MAX) / 1_000),
    }
}

async fn apply(admin: &Admin, actor: Actor, command: OperatorCommand) -> Result<Outcome, Problem> {
    let command = Command::Operators(command);
    let applied = admin.directory.apply(command, actor).await;
    Ok(applied.map_err(|error| refused("this", error))?.outcome)
}

/// Oneself as one is now.
fn oneself(admin: &Admin, caller: &Caller) -> Result<std::sync::Arc<Operator>, Problem> {
    let (operator, ..) = caller.person()?;
    let state = admin.directory.state();
    let found = state.operator(operator).cloned();
    found.ok_or_else(crate::caller::nobody)
}

fn shown(admin: &Admin, caller: &Caller) -> Result<OperatorShown, Problem> {
    let operator = oneself(admin, caller)?;
    Ok(operators::show(admin, &admin.directory.state(), &operator))
}

/// Changes who one is, as far as that is one's own to say.
pub(crate) async fn change(
    admin: &Admin,
    (caller, actor): (&Caller, Actor),
    change: MeChange,
) -> Result<OperatorShown, Problem> {
    let operator = oneself(admin, caller)?;
    let before = operator.details.clone();
    let details = OperatorDetails {
        name: change.name.unwrap_or(before.name),
        timezone: change.timezone.or(before.timezone),
        language: change.language.or(before.language),
        ..before
    };
    let command = OperatorCommand::SetDetails(operator.id, details);
    apply(admin, actor, command).await?;
    shown(admin, caller)
}

/// Changes one's password. Every session ends, this one as well.
pub(crate) async fn set_password(
    admin: &Admin,
    (caller, actor): (&Caller, Actor),
    asked: &NewPassword,
) -> Result<(), Problem> {
    let operator = oneself(admin, caller)?;
    has_password_of_his_own(admin, &operator)?;
    let subject = [format!("operator {}", operator.id.get())];
    let now = admin.directory.now();
    if let Err(wait) = admin.throttle().admit(&subject, now) {
        return Err(Problem {
            wait_seconds: Some(wait.0),
            ..Problem::new(StatusCode::TOO_MANY_REQUESTS, "throttled", wait.to_string())
        });
    }
    if !verify(admin, &asked.current, operator.password()).await? {
        admin.throttle().failed(&subject, now);
        let missed = SignIn::StepUpRefused(Miss::Password);
        note(admin, actor, Some(operator.id), missed).await?;
        let detail = "`current` is not your password";
        return Err(Problem::new(StatusCode::FORBIDDEN, "password", detail));
    }
    let password = hash(admin, good(&operator.details, &asked.new)?).await?;
    let command = OperatorCommand::SetPassword(operator.id, password);
    apply(admin, actor, command).await.map(|_| ())
}

/// Sets a second factor up. Telephones show `issuer` beside the address.
pub(crate) async fn enrol(
    admin: &Admin,
    (caller, actor): (&Caller, Actor),
    issuer: &str,
) -> Result<Enrolled, Problem> {
    let operator = oneself(admin, caller)?;
    has_password_of_his_own(admin, &operator)?;
    let command = OperatorCommand::EnrolOneTime(operator.id);
    let Outcome::Operator(OperatorOutcome::Enrolled(secret)) = apply(admin, actor, command).await?
    else {
        return Err(unexpected());
    };
    let enrolment = secret.enrolment(issuer, operator.details.email.as_str());
    // This answer is the one place where it leaves the server.
    let text = |secret: &postern_config::Secret| {
        secret.lend(|bytes| String::from_utf8_lossy(bytes).into_owned())
    };
    Ok(Enrolled {
        secret: text(&enrolment.base32),
        address: text(&enrolment.address),
    })
}

/// Confirms a second factor by a code: from here on it is asked for.
pub(crate) async fn confirm(
    admin: &Admin,
    (caller, actor): (&Caller, Actor),
    asked: &CodeAsk,
) -> Result<OperatorShown, Problem> {
    let operator = oneself(admin, caller)?;
    let state = admin.directory.state();
    let Some(step) = step_of(admin, &state, &operator, &asked.code)? else {
        let detail =
            "this code does not hold: look at the clock of your telephone, and send the next one";
        return Err(Problem::new(StatusCode::FORBIDDEN, "code", detail));
    };
    let command = OperatorCommand::ConfirmOneTime(operator.id, step);
    apply(admin, actor, command).await?;
    shown(admin, caller)
}

/// Takes one's second factor away.
pub(crate) async fn remove_one_time(
    admin: &Admin,
    (caller, actor): (&Caller, Actor),
) -> Result<OperatorShown, Problem> {
    let (operator, ..) = caller.person()?;
    apply(admin, actor, OperatorCommand::RemoveOneTime(operator)).await?;
    shown(admin, caller)
}

/// One's sessions, the one that was used last first.
pub(crate) fn sessions(admin: &Admin, caller: &Caller) -> Result<Page<SessionShown>, Problem> {
    let (operator, current, _) = caller.person()?;
    let state = admin.directory.state();
    let now = admin.directory.now();
    let all = admin.sessions().of(operator, (&state, now));
    let items: Vec<SessionShown> = all
        .into_iter()
        .map(|(hash, session)| SessionShown {
            current: hash == current,
            kind: match session.carrier {
                Carrier::Cookie => "cookie",
                Carrier::Bearer => "bearer",
            },
            address: session.address.map(|it| it.to_string()),
            expires: seconds(session.ends()),
            began: seconds(session.began),
            seen: seconds(session.seen),
            agent: session.agent,
        })
        .collect();
    let total = items.len();
    Ok(Page {
        items,
        next: None,
        total,
    })
}

/// Signs out everywhere.
pub(crate) async fn end_sessions(
    admin: &Admin,
    (caller, actor): (&Caller, Actor),
) -> Result<(), Problem> {
    let (operator, ..) = caller.person()?;
    let command = OperatorCommand::EndSessions(operator);
    apply(admin, actor, command).await.map(|_| ())
}
