//! Plans for operators, their tokens, and what they leave in the audit log when they sign in.
//!
//! Records name an operator by his number in the open; who that is and from where he came is sealed under a key of his own, which
//! goes with his row.

use serde_json::{Value, json};

use super::{Ground, Plan, missing, random_secret, refuse, taken};
use crate::Secret;
use crate::directory::command::{CommandError, Outcome, Refusal, Who};
use crate::directory::names::{AccessKeyId, ApiTokenId, Digest, Name, OperatorId};
use crate::directory::operator::{
    ApiToken, Invitation, NewOperator, NewPasskey, NewToken, OneTime, Operator, OperatorCommand,
    OperatorDetails, OperatorOutcome, OperatorScope, OperatorStatus, Passkey, PasskeyUse, Place,
    SignIn,
};
use crate::directory::person::Person;
use crate::directory::profile::SecretReveal;
use crate::directory::record::TenantStatus;
use crate::directory::role::{Authority, ConsoleAtom, Role};
use crate::directory::rows::Record;
use crate::directory::vault::{Identity, SealError};
use crate::engine::{Op, Revision};
use crate::identity::{OneTimeSecret, PasswordHash, Step};
use crate::limits::{
    API_TOKENS_MAX, INVITATION_SECONDS_MAX, OPERATORS_MAX, PASSKEYS_MAX, SCOPE_USERS_MAX,
};
use crate::time::UnixSeconds;

/// How the text of a token begins, so that one that was lost somewhere is known for what it is.
pub(crate) const TOKEN_BEGINS: &str = "ptk_";

pub(super) fn plan(
    ground: &mut Ground<'_>,
    command: &OperatorCommand,
) -> Result<Plan, CommandError> {
    use OperatorCommand as C;
    match command {
        C::Create(new) => create(ground, new),
        C::Invite { operator, seconds } => invite(ground, *operator, *seconds),
        C::Accept {
            operator,
            secret,
            password,
        } => accept(ground, *operator, (secret, password)),
        C::SetPassword(id, password) => set_password(ground, *id, password),
        C::SetDetails(id, details) => set_details(ground, *id, details),
        C::SetRole(id, role) => set_role(ground, *id, *role),
        C::SetScope(id, scope) => set_scope(ground, *id, scope),
        C::Disable(id) => set_status(ground, *id, OperatorStatus::Passive),
        C::Enable(id) => set_status(ground, *id, OperatorStatus::Active),
        C::Delete(id) => delete(ground, *id),
        C::EnrolOneTime(id) => enrol(ground, *id),
        C::ConfirmOneTime(id, step) => confirm(ground, *id, *step),
        C::RemoveOneTime(id) => remove_one_time(ground, *id),
        C::AddPasskey(id, new) => add_passkey(ground, *id, new),
        C::RemovePasskey(id, name) => remove_passkey(ground, *id, name),
        C::UsePasskey(id, used) => use_passkey(ground, *id, used),
        C::EndSessions(id) => end_sessions(ground, *id),
        C::CreateToken(new) => create_token(ground, new),
        C::RevokeToken(id) => revoke_token(ground, *id),
        C::Note(operator, step) => note(ground, *operator, *step),
        C::Reveal(key) => reveal(ground, key),
    }
}

fn operator<'a>(ground: &Ground<'a>, id: OperatorId) -> Result<&'a Operator, CommandError> {
    let found = ground.state.operator(id).map(|it| &**it);
    found.ok_or_else(|| missing("operator", id))
}

/// A change of one operator: its audit record, and the record that takes the place of his.
fn change(action: &'static str, after: Operator, detail: Value) -> Result<Plan, CommandError> {
    of_scope(Plan::new(action, "operator", after.id), &after.scope)
        .detail(detail)
        .write(&Record::Operator(after))
}

/// What concerns operators of an account concerns the account.
fn of_scope(plan: Plan, scope: &OperatorScope) -> Plan {
    match scope.tenant() {
        Some(tenant) => plan.of(tenant),
        None => plan,
    }
}

/// Whether whoever asks is this operator himself, signed in: a token is not he.
fn is_himself(ground: &Ground<'_>, id: OperatorId) -> bool {
    matches!(ground.actor.who, Who::Operator { operator } if operator == id)
}

/// 004-21: what is an owner's is changed by an owner. Whoever changes how somebody signs in could sign in as him: nobody does who
/// could not give his role.
fn may_touch(ground: &Ground<'_>, target: &Operator) -> Result<(), CommandError> {
    if is_himself(ground, target.id) {
        return Ok(());
    }
    match may_give(ground, target.role, &target.scope) {
        Err(CommandError::Refused(Refusal::MoreThanMaker)) if target.role == Role::Owner => {
            refuse(Refusal::OwnersAlone)
        }
        done => done,
    }
}

/// 004-27: whoever gives a role or a scope has it himself, an owner's or admin's as an owner or admin.
fn may_give(ground: &Ground<'_>, role: Role, scope: &OperatorScope) -> Result<(), CommandError> {
    let office = match ground.authority() {
        Authority::Platform => return Ok(()),
        Authority::User { .. } => return refuse(Refusal::NotPermitted),
        Authority::Operator(office) => office,
    };
    if office.may_give(ground.state, role, scope) {
        Ok(())
    } else {
        refuse(Refusal::MoreThanMaker)
    }
}

/// A role that operators of this scope can have.
fn check_role(ground: &Ground<'_>, role: Role, scope: &OperatorScope) -> Result<(), CommandError> {
    match role {
        Role::Owner | Role::Admin | Role::Contributor | Role::Reader => Ok(()),
        // It is everything in one's own namespace, and operators have none.
        Role::Member => refuse(Refusal::NoOperatorsRole),
        Role::Custom(id) => {
            let tenant = ground.role(id)?.tenant;
            if scope.tenant() == Some(tenant) {
                Ok(())
            } else {
                refuse(Refusal::NoOperatorsRole)
            }
        }
    }
}

/// A scope of accounts and users that are there.
fn check_scope(ground: &Ground<'_>, scope: &OperatorScope) -> Result<(), CommandError> {
    let Some(id) = scope.tenant() else {
        return Ok(());
    };
    let tenant = ground.tenant(id)?;
    if tenant.status == TenantStatus::Closed {
        return refuse(Refusal::BeingRemoved);
    }
    match scope {
        OperatorScope::Deployment | OperatorScope::Tenant(_) => Ok(()),
        OperatorScope::Reseller(_) if tenant.parent.is_some() => refuse(Refusal::TooDeep),
        OperatorScope::Reseller(_) => Ok(()),
        OperatorScope::Users(_, users) => {
            if users.is_empty() || users.len() > SCOPE_USERS_MAX {
                return refuse(Refusal::ScopeUsers);
            }
            for user in users {
                if ground.user(*user)?.tenant != id {
                    return Err(missing("user", user));
                }
            }
            Ok(())
        }
    }
}

/// 004-12: an address is of one operator of an organization.
fn check_email(
    ground: &Ground<'_>,
    id: Option<OperatorId>,
    (details, scope): (&OperatorDetails, &OperatorScope),
) -> Result<(), CommandError> {
    let there = ground
        .state
        .operator_with_email(scope.tenant(), &details.email);
    if there.is_some_and(|there| Some(there.id) != id) {
        return Err(CommandError::Taken {
            what: "operator",
            name: details.email.to_string(),
            bucket: None,
        });
    }
    Ok(())
}

/// The last owner who may sign in stays what he is: without him nobody could give the role again.
fn check_last_owner(ground: &Ground<'_>, target: &Operator) -> Result<(), CommandError> {
    if ground.state.is_last_owner(target) {
        return refuse(Refusal::LastOwner);
    }
    Ok(())
}

fn create(ground: &mut Ground<'_>, new: &NewOperator) -> Result<Plan, CommandError> {
    check_scope(ground, &new.scope)?;
    check_role(ground, new.role, &new.scope)?;
    may_give(ground, new.role, &new.scope)?;
    check_email(ground, None, (&new.details, &new.scope))?;
    if ground.state.operators().count() >= OPERATORS_MAX {
        return refuse(Refusal::Operators);
    }
    let id = OperatorId(ground.number());
    let operator = Operator {
        id,
        details: new.details.clone(),
        role: new.role,
        scope: new.scope.clone(),
        status: OperatorStatus::Active,
        created: ground.now.seconds(),
        generation: 1,
        last_sign_in: None,
        password: new.password.clone(),
        invitation: None,
        one_time: None,
        passkeys: Vec::new(),
        revision: Revision::default(),
    };
    let detail = json!({
        "role": new.role.to_string(), "scope": new.scope, "password": new.password.is_some(),
    });
    let plan = change("operator.create", operator, detail)?;
    Ok(plan.tell(Outcome::Operator(OperatorOutcome::Made(id))))
}

fn invite(ground: &Ground<'_>, id: OperatorId, seconds: u64) -> Result<Plan, CommandError> {
    let operator = operator(ground, id)?;
    may_touch(ground, operator)?;
    if operator.status == OperatorStatus::Passive {
        return refuse(Refusal::Inactive);
    }
    if seconds == 0 || seconds > INVITATION_SECONDS_MAX {
        return refuse(Refusal::InvitationTime);
    }
    let secret = random_secret(ground.entropy).map_err(SealError::from)?;
    let expires = UnixSeconds(ground.now.seconds().0.saturating_add(seconds));
    let invited = Operator {
        invitation: Some(Invitation {
            hash: secret.lend(Digest::of),
            expires,
        }),
        ..operator.clone()
    };
    let plan = change("operator.invite", invited, json!({ "expires": expires }))?;
    Ok(plan.tell(Outcome::Operator(OperatorOutcome::Invited {
        secret,
        expires,
    })))
}

/// Whoever holds the link is he: nobody else was told it.
fn accept(
    ground: &Ground<'_>,
    id: OperatorId,
    (secret, password): (&Secret, &PasswordHash),
) -> Result<Plan, CommandError> {
    let operator = operator(ground, id)?;
    let now = ground.now.seconds();
    let is_his = secret.lend(|secret| operator.is_invited_by(secret, now));
    if !is_his || operator.status == OperatorStatus::Passive {
        return refuse(Refusal::NoInvitation);
    }
    let accepted = Operator {
        invitation: None,
        password: Some(password.clone()),
        generation: operator.generation + 1,
        ..operator.clone()
    };
    change("operator.accept", accepted, Value::Null)
}

fn set_password(
    ground: &Ground<'_>,
    id: OperatorId,
    password: &PasswordHash,
) -> Result<Plan, CommandError> {
    let operator = operator(ground, id)?;
    may_touch(ground, operator)?;
    let changed = Operator {
        invitation: None,
        password: Some(password.clone()),
        generation: operator.generation + 1,
        ..operator.clone()
    };
    let detail = json!({ "by_himself": is_himself(ground, id) });
    change("operator.set-password", changed, detail)
}

fn set_details(
    ground: &Ground<'_>,
    id: OperatorId,
    details: &OperatorDetails,
) -> Result<Plan, CommandError> {
    let operator = operator(ground, id)?;
    may_touch(ground, operator)?;
    check_email(ground, Some(id), (details, &operator.scope))?;
    let before = &operator.details;
    // With what one signs in, and how, is for others to say.
    let is_more = before.email != details.email || before.sso != details.sso;
    if is_more && !may(ground, ConsoleAtom::UserEdit, operator) {
        return refuse(Refusal::Needs(ConsoleAtom::UserEdit));
    }
    let detail = json!({
        "email": before.email != details.email,
        "name": before.name != details.name,
        "timezone": before.timezone != details.timezone,
        "language": before.language != details.language,
        "sso": before.sso != details.sso,
    });
    let changed = Operator {
        details: details.clone(),
        ..operator.clone()
    };
    change("operator.set-details", changed, detail)
}

fn may(ground: &Ground<'_>, atom: ConsoleAtom, target: &Operator) -> bool {
    match ground.authority() {
        Authority::Platform => true,
        Authority::User { .. } => false,
        Authority::Operator(office) => {
            office.may(ground.state, atom, &Place::Scope(target.scope.clone()))
        }
    }
}

/// Who may not give the role that somebody has may not take it, either.
fn set_role(ground: &Ground<'_>, id: OperatorId, role: Role) -> Result<Plan, CommandError> {
    let operator = operator(ground, id)?;
    may_touch(ground, operator)?;
    check_role(ground, role, &operator.scope)?;
    may_give(ground, role, &operator.scope)?;
    if role != Role::Owner {
        check_last_owner(ground, operator)?;
    }
    let detail = json!({ "before": operator.role.to_string(), "after": role.to_string() });
    let changed = Operator {
        role,
        generation: operator.generation + 1,
        ..operator.clone()
    };
    change("operator.set-role", changed, detail)
}

fn set_scope(
    ground: &Ground<'_>,
    id: OperatorId,
    scope: &OperatorScope,
) -> Result<Plan, CommandError> {
    let operator = operator(ground, id)?;
    may_touch(ground, operator)?;
    check_scope(ground, scope)?;
    check_role(ground, operator.role, scope)?;
    may_give(ground, operator.role, scope)?;
    check_email(ground, Some(id), (&operator.details, scope))?;
    if operator.scope.tenant() != scope.tenant() {
        check_last_owner(ground, operator)?;
    }
    let detail = json!({ "before": operator.scope, "after": scope });
    let changed = Operator {
        scope: scope.clone(),
        generation: operator.generation + 1,
        ..operator.clone()
    };
    change("operator.set-scope", changed, detail)
}

fn set_status(
    ground: &Ground<'_>,
    id: OperatorId,
    status: OperatorStatus,
) -> Result<Plan, CommandError> {
    let operator = operator(ground, id)?;
    may_touch(ground, operator)?;
    let action = match status {
        OperatorStatus::Active => "operator.enable",
        OperatorStatus::Passive => {
            check_last_owner(ground, operator)?;
            "operator.disable"
        }
    };
    let changed = Operator {
        status,
        generation: operator.generation + 1,
        ..operator.clone()
    };
    change(action, changed, Value::Null)
}

fn delete(ground: &Ground<'_>, id: OperatorId) -> Result<Plan, CommandError> {
    let operator = operator(ground, id)?;
    may_touch(ground, operator)?;
    check_last_owner(ground, operator)?;
    let mut plan = of_scope(
        Plan::new("operator.delete", "operator", id),
        &operator.scope,
    );
    let mut tokens = Vec::new();
    for token in ground.state.api_tokens_of(Some(id)) {
        tokens.push(token.id);
        plan = plan.remove(&Record::ApiToken(ApiToken::clone(token)));
    }
    let mut plan = plan.detail(json!({ "role": operator.role.to_string(), "tokens": tokens }));
    // What records say of him personally is unreadable from here on.
    plan.ops.push(Op::Erase(Person::Operator(id).row()));
    Ok(plan.erase(&Record::Operator(operator.clone())))
}

fn enrol(ground: &Ground<'_>, id: OperatorId) -> Result<Plan, CommandError> {
    let operator = operator(ground, id)?;
    if operator.one_time.as_ref().is_some_and(|it| it.is_confirmed) {
        return refuse(Refusal::OneTimeIsOn);
    }
    let secret = OneTimeSecret::random(ground.entropy).map_err(|_| SealError::Damaged)?;
    let vault = ground.state.vault();
    let sealed = vault.seal(Identity::OneTime(id), secret.secret(), ground.entropy)?;
    let changed = Operator {
        one_time: Some(OneTime {
            sealed,
            is_confirmed: false,
            last: None,
        }),
        ..operator.clone()
    };
    let plan = change("operator.enrol-totp", changed, Value::Null)?;
    Ok(plan.tell(Outcome::Operator(OperatorOutcome::Enrolled(secret))))
}

fn confirm(ground: &Ground<'_>, id: OperatorId, step: Step) -> Result<Plan, CommandError> {
    let operator = operator(ground, id)?;
    match &operator.one_time {
        None => refuse(Refusal::NoOneTime),
        Some(one_time) if one_time.is_confirmed => refuse(Refusal::OneTimeIsOn),
        Some(one_time) => {
            let one_time = Some(OneTime {
                is_confirmed: true,
                last: Some(step),
                ..one_time.clone()
            });
            let changed = Operator {
                one_time,
                ..operator.clone()
            };
            change("operator.confirm-totp", changed, Value::Null)
        }
    }
}

fn remove_one_time(ground: &Ground<'_>, id: OperatorId) -> Result<Plan, CommandError> {
    let operator = operator(ground, id)?;
    may_touch(ground, operator)?;
    let by_himself = is_himself(ground, id);
    // His own are taken away one by one.
    let passkeys = if by_himself {
        operator.passkeys.clone()
    } else {
        Vec::new()
    };
    let lost = operator.passkeys.len() - passkeys.len();
    if operator.one_time.is_none() && lost == 0 {
        return refuse(Refusal::NoOneTime);
    }
    let changed = Operator {
        one_time: None,
        passkeys,
        ..operator.clone()
    };
    let detail = json!({ "by_himself": by_himself, "passkeys": lost });
    change("operator.remove-totp", changed, detail)
}

/// Nobody gives another person a passkey: he could sign in as him.
fn add_passkey(
    ground: &Ground<'_>,
    id: OperatorId,
    new: &NewPasskey,
) -> Result<Plan, CommandError> {
    let operator = operator(ground, id)?;
    if !is_himself(ground, id) {
        return refuse(Refusal::NotPermitted);
    }
    if operator.passkeys.len() >= PASSKEYS_MAX {
        return refuse(Refusal::Passkeys);
    }
    let folded = new.name.folded();
    if operator
        .passkeys
        .iter()
        .any(|it| it.name.folded() == folded)
    {
        return taken("passkey", &new.name);
    }
    let is_known = |it: &Operator| it.passkey(&new.credential).is_some();
    if ground.state.operators().any(|it| is_known(it)) {
        return refuse(Refusal::PasskeyIsKnown);
    }
    let mut changed = operator.clone();
    changed.passkeys.push(Passkey {
        name: new.name.clone(),
        credential: new.credential.clone(),
        host: new.host.clone(),
        key: new.key.clone(),
        state: new.state.clone(),
        created: ground.now.seconds(),
        last_used: None,
    });
    // Its name is its owner's own words, and may be personal.
    let detail = json!({ "credential": new.credential, "host": new.host });
    change("operator.add-passkey", changed, detail)
}

fn remove_passkey(ground: &Ground<'_>, id: OperatorId, name: &Name) -> Result<Plan, CommandError> {
    let operator = operator(ground, id)?;
    may_touch(ground, operator)?;
    let folded = name.folded();
    let mut changed = operator.clone();
    let mut all = changed.passkeys.iter();
    let found = all.position(|it| it.name.folded() == folded);
    let gone = changed
        .passkeys
        .remove(found.ok_or_else(|| missing("passkey", name))?);
    let detail = json!({ "credential": gone.credential, "by_himself": is_himself(ground, id) });
    change("operator.remove-passkey", changed, detail)
}

fn use_passkey(
    ground: &Ground<'_>,
    id: OperatorId,
    used: &PasskeyUse,
) -> Result<Plan, CommandError> {
    let mut changed = operator(ground, id)?.clone();
    let now = ground.now.seconds();
    let mut all = changed.passkeys.iter_mut();
    let passkey = all
        .find(|it| it.credential == used.credential)
        .ok_or_else(|| missing("passkey", &used.credential))?;
    passkey.state.clone_from(&used.state);
    passkey.last_used = Some(now);
    let action = if used.again {
        "session.step-up"
    } else {
        changed.last_sign_in = Some(now);
        "session.sign-in"
    };
    let detail = json!({ "by": "passkey", "credential": used.credential });
    change(action, changed, detail)
}

fn end_sessions(ground: &Ground<'_>, id: OperatorId) -> Result<Plan, CommandError> {
    let operator = operator(ground, id)?;
    may_touch(ground, operator)?;
    let changed = Operator {
        generation: operator.generation + 1,
        ..operator.clone()
    };
    change("operator.end-sessions", changed, Value::Null)
}

/// A token is of whoever asks. One that was made by another token would outlive it: none is.
fn create_token(ground: &mut Ground<'_>, new: &NewToken) -> Result<Plan, CommandError> {
    let (operator, role, scope) = match (&ground.actor.who, ground.authority()) {
        (Who::Operator { operator }, Authority::Operator(office)) => {
            (Some(*operator), office.role, office.scope)
        }
        (_, Authority::Platform) => (None, Role::Owner, OperatorScope::Deployment),
        _ => return refuse(Refusal::NotPermitted),
    };
    let role = new.role.unwrap_or(role);
    let scope = new.scope.clone().unwrap_or(scope);
    check_scope(ground, &scope)?;
    check_role(ground, role, &scope)?;
    may_give(ground, role, &scope)?;
    let now = ground.now.seconds();
    if new.expires.is_some_and(|expires| expires <= now) {
        return refuse(Refusal::TokenTime);
    }
    let folded = new.name.folded();
    let mut count = 0;
    for token in ground.state.api_tokens_of(operator) {
        if token.name.folded() == folded {
            return taken("token", &new.name);
        }
        count += 1;
    }
    if count >= API_TOKENS_MAX {
        return refuse(Refusal::Tokens);
    }
    let random = random_secret(ground.entropy).map_err(SealError::from)?;
    let secret = random.lend(|random| Secret::new([TOKEN_BEGINS.as_bytes(), random].concat()));
    let id = ApiTokenId(ground.number());
    let token = ApiToken {
        id,
        name: new.name.clone(),
        operator,
        role,
        scope,
        created: now,
        created_by: ground.actor.label(),
        expires: new.expires,
        hash: secret.lend(Digest::of),
        revision: Revision::default(),
    };
    let detail = json!({
        "name": token.name, "role": role.to_string(), "scope": token.scope, "expires": token.expires,
    });
    of_scope(Plan::new("token.create", "token", id), &token.scope)
        .detail(detail)
        .tell(Outcome::Operator(OperatorOutcome::Token {
            token: id,
            secret,
        }))
        .write(&Record::ApiToken(token))
}

fn revoke_token(ground: &Ground<'_>, id: ApiTokenId) -> Result<Plan, CommandError> {
    let token = ground
        .state
        .api_token(id)
        .ok_or_else(|| missing("token", id))?;
    let plan = of_scope(Plan::new("token.revoke", "token", id), &token.scope);
    Ok(plan
        .detail(json!({ "name": token.name }))
        .remove(&Record::ApiToken(ApiToken::clone(token))))
}

/// The code of a step is used up with the record that says so.
fn note(ground: &Ground<'_>, id: Option<OperatorId>, what: SignIn) -> Result<Plan, CommandError> {
    let (action, detail) = match what {
        SignIn::Done(step) => ("session.sign-in", json!({ "code": step.is_some() })),
        SignIn::Refused(miss) => ("session.refuse", json!({ "why": miss.as_str() })),
        SignIn::Throttled => ("session.throttle", Value::Null),
        SignIn::Out => ("session.sign-out", Value::Null),
        SignIn::SteppedUp(step) => ("session.step-up", json!({ "code": step.is_some() })),
        SignIn::Vouched => ("session.sign-in", json!({ "by": "provider" })),
        SignIn::VouchedAgain => ("session.step-up", json!({ "by": "provider" })),
        SignIn::StepUpRefused(miss) => ("session.refuse-step-up", json!({ "why": miss.as_str() })),
    };
    let Some(id) = id else {
        return Ok(Plan::new(action, "operator", "-").detail(detail));
    };
    let operator = operator(ground, id)?;
    let (signed_in, step) = match what {
        SignIn::Done(step) => (true, step),
        SignIn::Vouched => (true, None),
        SignIn::SteppedUp(step) => (false, step),
        SignIn::VouchedAgain => (false, None),
        SignIn::Refused(_) | SignIn::Throttled | SignIn::Out | SignIn::StepUpRefused(_) => {
            let plan = of_scope(Plan::new(action, "operator", id), &operator.scope);
            return Ok(plan.detail(detail));
        }
    };
    let mut after = operator.clone();
    if signed_in {
        after.last_sign_in = Some(ground.now.seconds());
    }
    if let (Some(step), Some(one_time)) = (step, after.one_time.as_mut()) {
        // Two who show the same code at the same moment: one of them was first.
        if one_time.last.is_some_and(|last| step <= last) {
            return refuse(Refusal::CodeUsed);
        }
        one_time.last = Some(step);
    }
    change(action, after, detail)
}

fn reveal(ground: &Ground<'_>, id: &AccessKeyId) -> Result<Plan, CommandError> {
    let key = ground.key(id)?;
    let tenant = ground.tenant(key.tenant)?;
    if tenant.profile.rules().secret_reveal == SecretReveal::Once {
        return refuse(Refusal::ShownOnce);
    }
    let secret = ground.state.open_secret(key)?;
    let detail = json!({ "user": key.user, "sub_user": key.sub_user });
    let plan = Plan::new("key.reveal", "access key", id).of(key.tenant);
    Ok(plan
        .detail(detail)
        .tell(Outcome::Operator(OperatorOutcome::Revealed(secret))))
}
