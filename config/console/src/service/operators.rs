//! Operators: the people of the admin side.

use std::collections::BTreeSet;

use http::StatusCode;
use postern_config::directory::{
    Actor, Command, ConsoleAtom, Description, Email, Language, Mfa, NewOperator as Wanted,
    Operator, OperatorCommand, OperatorDetails, OperatorId, OperatorOutcome, OperatorScope,
    OperatorStatus, Outcome, Place, Role, State as Snapshot, Timezone,
};
use postern_config::engine::Revision;

use super::creations::{self, Asked, Creation, Made};
use super::find;
use super::list::{Listing, Page};
use super::losses::{Gone, Losses, loss};
use super::sentences::{nothing, refused};
use super::signin::{good, hash};
use super::sso::has_password_of_his_own;
use super::tenants::{apply, apply_all, gone};
use super::users::unexpected;
use crate::caller::Caller;
use crate::limits::INVITATION_SECONDS_DEFAULT;
use crate::shape::{Typed, shapes};
use crate::{Admin, Problem};

shapes! {
    told
    /// An operator: a person who signs in to the admin side.
    OperatorShown {
        /// The number, never used twice. The audit log names the operator by it.
        id: u64,
        /// With what he signs in.
        email: Email,
        /// His name as people write it.
        name: Description,
        /// `owner`, `admin`, `contributor`, `reader`, or the name of a role of the account.
        role: String,
        /// To whom the role applies.
        scope: ScopeShown,
        /// Whether he may sign in.
        status: OperatorStatus,
        /// Whether a second factor is asked of him.
        mfa: Mfa,
        /// How many passkeys he has.
        passkeys: usize,
        /// Whether he shall sign in by his organization's own service.
        sso: bool,
        /// Whether this server knows such a service. While it does not, passwords are asked for.
        sso_configured: bool,
        /// In which time he wants to read.
        timezone: Option<Timezone>,
        /// In which language.
        language: Option<Language>,
        /// Whether he has set a password.
        has_password: bool,
        /// Until when his invitation works, in seconds since 1970.
        invited_until: Option<u64>,
        /// When he signed in last, in seconds since 1970.
        last_sign_in: Option<u64>,
        /// When he was made, in seconds since 1970.
        created: u64,
        /// The revision of his record; its `ETag`.
        revision: u64,
    }

    told
    /// To whom a role applies.
    ScopeShown {
        /// `deployment`, `reseller`, `tenant` or `users`.
        kind: &'static str,
        /// The account, by name.
        tenant: Option<String>,
        /// The users, by name, where it is some users of an account.
        users: Vec<String>,
    }

    asked
    /// To whom a role is to apply.
    ScopeAsk {
        /// `deployment`: to everything. `reseller`: to an account and those below it. `tenant`: to an account. `users`: to some of its users.
        kind: ScopeKind,
        /// The account, by name or number.
        tenant: Option<String>,
        /// The users, by name or number.
        users: Option<Vec<String>>,
    }

    asked
    /// An operator to make.
    NewOperator {
        /// With what he signs in; unique in his organization.
        email: Email,
        /// His name as people write it.
        name: Option<Description>,
        /// `owner`, `admin`, `contributor`, `reader`, or the name of a role of the account; at most one's own.
        role: String,
        /// To whom the role applies; at most to whom one's own does. One's own scope unless told otherwise.
        scope: Option<ScopeAsk>,
        /// His password, where he is not to be invited.
        password: Option<Typed>,
        /// Whether he shall sign in by his organization's own service.
        sso: Option<bool>,
        /// In which time he wants to read.
        timezone: Option<Timezone>,
        /// In which language.
        language: Option<Language>,
    }

    asked
    /// A change of an operator. The role, the scope, and who he is are audit records of their own; all are changed, or none.
    OperatorChange {
        /// Another role.
        role: Option<String>,
        /// Another scope.
        scope: Option<ScopeAsk>,
        /// Another address.
        email: Option<Email>,
        /// Another name.
        name: Option<Description>,
        /// Whether he shall sign in by his organization's own service.
        sso: Option<bool>,
        /// In which time he wants to read.
        timezone: Option<Timezone>,
        /// In which language.
        language: Option<Language>,
    }

    asked
    /// How somebody is invited.
    InviteAsk {
        /// How long the link works, in seconds; three days unless told otherwise, 30 days at most.
        seconds: Option<u64>,
    }

    told
    /// An invitation: what somebody sets his password with, once.
    Invitation {
        /// Who is invited.
        operator: OperatorShown,
        /// What is sent to `/api/v1/invitations/accept`. It is told this once.
        token: String,
        /// The first second at which it no longer works.
        expires: u64,
    }

    asked
    /// A password that somebody else sets.
    PasswordAsk {
        /// The password.
        password: Typed,
    }
}

/// How far a scope reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ScopeKind {
    /// To everything.
    Deployment,
    /// To an account and those below it.
    Reseller,
    /// To an account.
    Tenant,
    /// To some users of an account.
    Users,
}

impl ScopeShown {
    pub(crate) fn of(state: &Snapshot, scope: &OperatorScope) -> Self {
        let name = |id| {
            let tenant = state.tenant(id);
            tenant.map_or_else(|| id.get().to_string(), |tenant| tenant.name.to_string())
        };
        let (kind, users) = match scope {
            OperatorScope::Deployment => ("deployment", Vec::new()),
            OperatorScope::Reseller(_) => ("reseller", Vec::new()),
            OperatorScope::Tenant(_) => ("tenant", Vec::new()),
            OperatorScope::Users(_, users) => {
                let users = users.iter().filter_map(|id| state.user(*id));
                ("users", users.map(|user| user.name.to_string()).collect())
            }
        };
        Self {
            kind,
            tenant: scope.tenant().map(name),
            users,
        }
    }
}

impl ScopeAsk {
    /// The scope that is asked for, within what the caller sees.
    pub(crate) fn scope(
        &self,
        state: &Snapshot,
        caller: &Caller,
    ) -> Result<OperatorScope, Problem> {
        let wrong = |detail: &str| {
            Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "malformed",
                detail.to_owned(),
            )
        };
        let tenant = self
            .tenant
            .as_deref()
            .map(|word| caller.tenant(state, word));
        let tenant = tenant.transpose()?;
        match (self.kind, tenant, &self.users) {
            (ScopeKind::Deployment, None, None) => Ok(OperatorScope::Deployment),
            (ScopeKind::Deployment, ..) => Err(wrong(
                "the scope `deployment` names no `tenant` and no `users`",
            )),
            (_, None, _) => Err(wrong(
                "this scope is of an account: say which, with `tenant`",
            )),
            (ScopeKind::Reseller, Some(tenant), None) => Ok(OperatorScope::Reseller(tenant.id)),
            (ScopeKind::Tenant, Some(tenant), None) => Ok(OperatorScope::Tenant(tenant.id)),
            (ScopeKind::Users, Some(tenant), Some(users)) => {
                let mut ids = BTreeSet::new();
                for word in users {
                    let user = find::user(state, tenant, word)
                        .ok()
                        .filter(|user| caller.sees_user(state, user))
                        .ok_or_else(|| Problem::not_found("user"))?;
                    ids.insert(user.id);
                }
                Ok(OperatorScope::Users(tenant.id, ids))
            }
            (ScopeKind::Users, _, None) => Err(wrong(
                "this scope is of some users: say whose, with `users`",
            )),
            (_, _, Some(_)) => Err(wrong("`users` are named with the scope `users` alone")),
        }
    }
}

/// The role of this name, for operators of that scope.
pub(crate) fn role(state: &Snapshot, scope: &OperatorScope, word: &str) -> Result<Role, Problem> {
    let builtin = [Role::Owner, Role::Admin, Role::Contributor, Role::Reader];
    let folded = word.to_lowercase();
    if let Some(role) = builtin.into_iter().find(|role| role.to_string() == folded) {
        return Ok(role);
    }
    let own = scope.tenant().and_then(|tenant| {
        let name = word.parse().ok()?;
        state.role_named(tenant, &name)
    });
    own.map(|role| Role::Custom(role.id)).ok_or_else(|| {
        let detail =
            "a role is `owner`, `admin`, `contributor`, `reader`, or one that the account has made";
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "role", detail)
    })
}

/// What a role is called.
pub(crate) fn role_name(state: &Snapshot, role: Role) -> String {
    match role {
        Role::Custom(id) => state
            .role(id)
            .map_or_else(|| role.to_string(), |role| role.name.to_string()),
        builtin => builtin.to_string(),
    }
}

/// The operators whom the caller sees.
pub(crate) fn list(
    admin: &Admin,
    caller: &Caller,
    listing: &Listing,
    status: Option<OperatorStatus>,
) -> Result<Page<OperatorShown>, Problem> {
    let state = admin.directory.state();
    let fitting = state.operators().filter(|operator| {
        caller.sees(&state, &Place::Scope(operator.scope.clone()))
            && status.is_none_or(|status| status == operator.status)
            && listing.finds(&[
                operator.details.email.as_str(),
                operator.details.name.as_str(),
            ])
    });
    let rank = |operator: &&std::sync::Arc<Operator>, order| {
        let email = format!(
            "{} {}",
            operator.details.email.as_str().to_lowercase(),
            operator.id
        );
        match order {
            "created" => (operator.created.0, email),
            "name" => (
                0,
                format!("{} {email}", operator.details.name.as_str().to_lowercase()),
            ),
            "sign-in" => (operator.last_sign_in.map_or(0, |it| it.0), email),
            _ => (0, email),
        }
    };
    let orders = ["email", "name", "created", "sign-in"];
    listing.page(&orders, fitting, rank, |operator| {
        show(admin, &state, operator)
    })
}

/// An operator.
pub(crate) fn show(admin: &Admin, state: &Snapshot, operator: &Operator) -> OperatorShown {
    OperatorShown {
        id: operator.id.get(),
        email: operator.details.email.clone(),
        name: operator.details.name.clone(),
        role: role_name(state, operator.role),
        scope: ScopeShown::of(state, &operator.scope),
        status: operator.status,
        mfa: operator.mfa(),
        passkeys: operator.passkeys.len(),
        sso: operator.details.sso,
        sso_configured: admin.sign_on.is_some(),
        timezone: operator.details.timezone.clone(),
        language: operator.details.language.clone(),
        has_password: operator.has_password(),
        invited_until: operator.invited_until().map(|it| it.0),
        last_sign_in: operator.last_sign_in.map(|it| it.0),
        created: operator.created.0,
        revision: operator.revision.0,
    }
}

/// The operator who is meant, by number or address, if the caller sees him and may do that to him.
pub(crate) fn find<'s>(
    state: &'s Snapshot,
    caller: &Caller,
    (word, atom): (&str, Option<ConsoleAtom>),
) -> Result<&'s std::sync::Arc<Operator>, Problem> {
    let sees = |operator: &Operator| caller.sees(state, &Place::Scope(operator.scope.clone()));
    let found = if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit()) {
        let number = word.parse().unwrap_or(u64::MAX);
        state.operator_numbered(number).filter(|it| sees(it))
    } else {
        let email = word.parse::<Email>().ok();
        let mut all = email
            .iter()
            .flat_map(|email| state.operators_with_email(email))
            .filter(|it| sees(it));
        match (all.next(), all.next()) {
            (Some(_), Some(_)) => {
                let detail = "operators of several accounts have this address: name the one that is meant by number";
                return Err(Problem::new(StatusCode::CONFLICT, "ambiguous", detail));
            }
            (found, _) => found,
        }
    };
    let found = found.ok_or_else(|| Problem::not_found("operator"))?;
    let place = Place::Scope(found.scope.clone());
    caller.demand(state, atom, (&place, "operator"))?;
    Ok(found)
}

/// Makes an operator. Answers whether he is new.
pub(crate) async fn create(
    admin: &Admin,
    (caller, actor): (&Caller, Actor),
    asked: Option<Asked>,
    new: NewOperator,
) -> Result<(bool, OperatorShown), Problem> {
    let state = admin.directory.state();
    let scope = match (&new.scope, &caller.office) {
        (Some(scope), _) => scope.scope(&state, caller)?,
        (None, Some(office)) => office.scope.clone(),
        (None, None) => OperatorScope::Deployment,
    };
    let place = Place::Scope(scope.clone());
    caller.demand(&state, Some(ConsoleAtom::UserCreate), (&place, "scope"))?;
    let role = role(&state, &scope, &new.role)?;
    let details = OperatorDetails {
        email: new.email,
        name: new.name.unwrap_or_default(),
        timezone: new.timezone,
        language: new.language,
        sso: new.sso.unwrap_or_default(),
    };
    let password = match &new.password {
        Some(password) => Some(hash(admin, good(&details, password)?).await?),
        None => None,
    };
    let wanted = Wanted {
        details,
        role,
        scope,
        password,
    };
    let done = creations::once(admin, actor, asked, |admin, actor| async move {
        let subject = format!("operator `{}`", wanted.details.email);
        let command = Command::Operators(OperatorCommand::Create(wanted));
        let applied = admin.directory.apply(command, actor).await;
        match applied.map_err(|error| refused(&subject, error))?.outcome {
            Outcome::Operator(OperatorOutcome::Made(id)) => Ok((Made::Operator(id.get()), id)),
            _ => Err(unexpected()),
        }
    });
    let (is_new, number) = match done.await? {
        Creation::New(id) => (true, id.get()),
        Creation::Before(Made::Operator(number)) => (false, number),
        Creation::Before(_) => return Err(unexpected()),
    };
    let state = admin.directory.state();
    let operator = state.operator_numbered(number);
    let operator = operator.ok_or_else(|| creations::gone("operator"))?;
    Ok((is_new, show(admin, &state, operator)))
}

/// Changes an operator.
pub(crate) async fn change(
    admin: &Admin,
    (caller, actor): (&Caller, Actor),
    (operator, expected): (&Operator, Option<Revision>),
    change: OperatorChange,
) -> Result<OperatorShown, Problem> {
    let state = admin.directory.state();
    let is_described = change.email.is_some()
        || change.name.is_some()
        || change.sso.is_some()
        || change.timezone.is_some()
        || change.language.is_some();
    let place = Place::Scope(operator.scope.clone());
    let demand = |atom| caller.demand(&state, Some(atom), (&place, "operator"));
    let mut commands = Vec::new();
    if let Some(word) = &change.role {
        demand(ConsoleAtom::RoleAssign)?;
        let role = role(&state, &operator.scope, word)?;
        commands.push(OperatorCommand::SetRole(operator.id, role));
    }
    if let Some(scope) = &change.scope {
        demand(ConsoleAtom::RoleAssign)?;
        let scope = scope.scope(&state, caller)?;
        commands.push(OperatorCommand::SetScope(operator.id, scope));
    }
    if is_described {
        demand(ConsoleAtom::UserEdit)?;
        let before = operator.details.clone();
        let details = OperatorDetails {
            email: change.email.unwrap_or(before.email),
            name: change.name.unwrap_or(before.name),
            timezone: change.timezone.or(before.timezone),
            language: change.language.or(before.language),
            sso: change.sso.unwrap_or(before.sso),
        };
        commands.push(OperatorCommand::SetDetails(operator.id, details));
    }
    if commands.is_empty() {
        let fields = [
            "role", "scope", "email", "name", "timezone", "language", "sso",
        ];
        return Err(nothing(&fields));
    }
    steps(admin, actor, (operator, expected), commands).await
}

/// Carries a step out and shows the operator as he is then.
pub(crate) async fn step(
    admin: &Admin,
    actor: Actor,
    (operator, expected): (&Operator, Option<Revision>),
    command: OperatorCommand,
) -> Result<OperatorShown, Problem> {
    steps(admin, actor, (operator, expected), vec![command]).await
}

async fn steps(
    admin: &Admin,
    actor: Actor,
    (operator, expected): (&Operator, Option<Revision>),
    commands: Vec<OperatorCommand>,
) -> Result<OperatorShown, Problem> {
    let subject = format!("operator `{}`", operator.details.email);
    let commands = commands.into_iter().map(Command::Operators).collect();
    apply_all(admin, actor, expected, (&subject, commands)).await?;
    let state = admin.directory.state();
    let operator = state.operator(operator.id).ok_or_else(|| gone(&subject))?;
    Ok(show(admin, &state, operator))
}

/// Makes a link by which an operator sets his password.
pub(crate) async fn invite(
    admin: &Admin,
    actor: Actor,
    (operator, expected): (&Operator, Option<Revision>),
    asked: &InviteAsk,
) -> Result<Invitation, Problem> {
    has_password_of_his_own(admin, operator)?;
    let subject = format!("operator `{}`", operator.details.email);
    let command = Command::Operators(OperatorCommand::Invite {
        operator: operator.id,
        seconds: asked.seconds.unwrap_or(INVITATION_SECONDS_DEFAULT),
    });
    let done = match expected {
        Some(expected) => admin.directory.apply_at(command, actor, expected).await,
        None => admin.directory.apply(command, actor).await,
    };
    let outcome = done.map_err(|error| refused(&subject, error))?.outcome;
    let Outcome::Operator(OperatorOutcome::Invited { secret, expires }) = outcome else {
        return Err(unexpected());
    };
    let state = admin.directory.state();
    let operator = state.operator(operator.id).ok_or_else(|| gone(&subject))?;
    // This answer is the one place where it leaves the server.
    let token = secret.lend(|secret| String::from_utf8_lossy(secret).into_owned());
    Ok(Invitation {
        operator: show(admin, &state, operator),
        token,
        expires: expires.0,
    })
}

/// Sets the password of somebody else.
pub(crate) async fn set_password(
    admin: &Admin,
    actor: Actor,
    (operator, expected): (&Operator, Option<Revision>),
    password: &Typed,
) -> Result<OperatorShown, Problem> {
    has_password_of_his_own(admin, operator)?;
    let password = hash(admin, good(&operator.details, password)?).await?;
    let command = OperatorCommand::SetPassword(operator.id, password);
    step(admin, actor, (operator, expected), command).await
}

/// What deleting an operator takes along.
pub(crate) fn losses(state: &Snapshot, operator: &Operator) -> Losses {
    let role = role_name(state, operator.role);
    let itself = loss("operator", &operator.details.email, role);
    let tokens = state.api_tokens_of(Some(operator.id));
    let tokens = tokens.map(|token| loss("token", &token.name, ""));
    Losses::of(std::iter::once(itself).chain(tokens), None).or_disable()
}

/// Removes an operator with his tokens and all that is personal about him.
pub(crate) async fn delete(
    admin: &Admin,
    actor: Actor,
    (operator, expected): (&Operator, Option<Revision>),
) -> Result<Gone, Problem> {
    let subject = format!("operator `{}`", operator.details.email);
    let command = Command::Operators(OperatorCommand::Delete(operator.id));
    let revision = apply(admin, actor, expected, (&subject, command)).await?;
    Ok(Gone {
        deleted: operator.details.email.to_string(),
        revision,
        job: None,
    })
}

/// What audit records call an operator: his address, while he is there.
pub(crate) fn called(state: &Snapshot, id: OperatorId) -> Option<String> {
    state.operator(id).map(|it| it.details.email.to_string())
}
