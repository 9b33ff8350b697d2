//! What an operator needs to give a command: a permission, and a place that his scope reaches. A table without `_`, so that no
//! command is given without one.
//!
//! Holders of access keys are not judged here: what they may do, the query API that takes their commands says.

use super::Ground;
use crate::directory::bounds::{QuotaOf, RateOf};
use crate::directory::command::{Command, CommandError, NodeNote, Refusal, Who};
use crate::directory::names::{AccessKeyId, OperatorId, SubUserId, TenantId, UserId};
use crate::directory::operator::{OperatorCommand, OperatorScope, Place};
use crate::directory::record::{ModuleScope, PolicyPlace};
use crate::directory::role::{Authority, ConsoleAtom};
use crate::directory::state::State;
use s3_protocol::BucketId;

/// What a command needs.
#[derive(Debug)]
enum Need {
    /// Nothing: it says itself who may give it.
    Nothing,
    /// This permission in this place.
    Atom(ConsoleAtom, Place),
    /// What it is about is not there: the command says so itself.
    Missing,
}

/// Whether whoever asks may give this command.
pub(super) fn check(ground: &Ground<'_>, command: &Command) -> Result<(), CommandError> {
    let office = match ground.authority() {
        Authority::Platform | Authority::User { .. } => return Ok(()),
        Authority::Operator(office) => office,
    };
    match need(ground, command) {
        Need::Nothing | Need::Missing => Ok(()),
        Need::Atom(atom, place) if office.may(ground.state, atom, &place) => Ok(()),
        Need::Atom(atom, _) => Err(CommandError::Refused(Refusal::Needs(atom))),
    }
}

#[expect(
    clippy::too_many_lines,
    reason = "a table: one line for each command, so that none is forgotten"
)]
fn need(ground: &Ground<'_>, command: &Command) -> Need {
    use ConsoleAtom as A;
    let state = ground.state;
    let user = |atom, id: &UserId| of_user(state, atom, *id);
    let sub_user = |atom, id: &SubUserId| of_sub_user(state, atom, *id);
    let key = |atom, id: &AccessKeyId| of_key(state, atom, id);
    let bucket = |atom, id: &BucketId| of_bucket(state, atom, *id);
    let tenant = |atom, id: &TenantId| Need::Atom(atom, Place::Tenant(*id));
    let above = |atom, id: &TenantId| Need::Atom(atom, Place::Above(*id));
    match command {
        Command::CreateTenant { parent, .. } => {
            let place = parent.map_or(Place::Deployment, Place::Below);
            Need::Atom(A::TenantCreate, place)
        }
        Command::DeleteTenant(id) | Command::PurgeTenant(id) => above(A::TenantCreate, id),
        Command::SuspendTenant(id)
        | Command::MakeTenantReadOnly(id)
        | Command::ResumeTenant(id)
        | Command::RenameTenant(id, _)
        | Command::SetArnStyle(id, _)
        | Command::SetTenantLimits(id, _)
        | Command::AddHost(id, _)
        | Command::RemoveHost(id, _) => above(A::TenantSettings, id),
        Command::ApplyTenant(_) => Need::Atom(A::TenantCreate, Place::Deployment),
        Command::NoteExport { tenant: id, .. } => tenant(A::TenantSettings, id),
        Command::DescribeTenant(id, _)
        | Command::BlockPublic(id)
        | Command::UnblockPublic(id)
        | Command::SetWriteDeletes(id, _) => tenant(A::TenantSettings, id),
        Command::SetAccountAcl(id, _) => tenant(A::AclEdit, id),
        Command::CreateUser(new) => tenant(A::UserCreate, &new.tenant),
        Command::DisableUser(id) | Command::EnableUser(id) => user(A::UserDisable, id),
        Command::DeleteUser(id) | Command::PurgeUser(id) => user(A::UserDelete, id),
        Command::RenameUser(id, _)
        | Command::PlaceUser(id, _)
        | Command::DescribeUser(id, _)
        | Command::SetUserDetails(id, _) => user(A::UserEdit, id),
        Command::SetUserRole(id, _) => user(A::RoleAssign, id),
        Command::TransferOwnership { tenant: id, .. } => tenant(A::RoleAssign, id),
        Command::CreateRole { tenant: id, .. } => tenant(A::RoleEdit, id),
        Command::ChangeRole(id, _) | Command::DeleteRole(id) => match state.role(*id) {
            Some(role) => tenant(A::RoleEdit, &role.tenant),
            None => Need::Missing,
        },
        Command::CreateSubUser(new) => user(A::UserCreate, &new.user),
        Command::SetSubUserLevel(id, _)
        | Command::RenameSubUser(id, _)
        | Command::DescribeSubUser(id, _) => sub_user(A::UserEdit, id),
        Command::DisableSubUser(id) | Command::EnableSubUser(id) => sub_user(A::UserDisable, id),
        Command::DeleteSubUser(id) => sub_user(A::UserDelete, id),
        Command::CreateSubUserKey { sub_user: id, .. } => sub_user(A::KeyCreate, id),
        Command::CreateKey { user: id, .. } => user(A::KeyCreate, id),
        Command::RotateKey { key: id, .. } | Command::SetKeyRights(id, _) => key(A::KeyCreate, id),
        Command::DisableKey(id) | Command::EnableKey(id) | Command::DeleteKey(id) => {
            key(A::KeyDelete, id)
        }
        Command::SetAlias(namespace, _) => match namespace.tenant() {
            Some(id) => tenant(A::TenantSettings, &id),
            None => Need::Atom(A::TenantSettings, Place::Deployment),
        },
        Command::BeginBucket { owner, .. } => user(A::BucketCreate, owner),
        Command::ActivateBucket(id) => bucket(A::BucketCreate, id),
        Command::CloseBucket(id) | Command::ReopenBucket(id) | Command::RemoveBucket(id) => {
            bucket(A::BucketDelete, id)
        }
        Command::SetContainerAcl(id, _)
        | Command::SetPublicAccess(id, _)
        | Command::SetBucketAccess(id, ..) => bucket(A::AclEdit, id),
        Command::PutPolicy { place, .. } | Command::DeletePolicy(place) => match place {
            PolicyPlace::Bucket(id) => bucket(A::AclEdit, id),
            PolicyPlace::User { user: id, .. } => user(A::AclEdit, id),
            PolicyPlace::Group { group, .. } => {
                of_iam(state.group(*group).map(|group| group.tenant))
            }
            PolicyPlace::Role { role, .. } => of_iam(state.iam_role(*role).map(|role| role.tenant)),
        },
        Command::Iam(command) => of_iam(super::iam::tenant(state, command)),
        // What an account may hold, whoever stands above it says; what its users may, it says itself.
        Command::SetQuota(QuotaOf::Tenant(id), _) | Command::SetRate(RateOf::Tenant(id), _) => {
            above(A::TenantSettings, id)
        }
        Command::SetQuota(QuotaOf::User(id), _) | Command::SetRate(RateOf::User(id), _) => {
            user(A::TenantSettings, id)
        }
        Command::SetQuota(QuotaOf::Bucket(id), _) => bucket(A::TenantSettings, id),
        Command::SetRate(RateOf::Key(id), _) => key(A::TenantSettings, id),
        Command::NoteNode(NodeNote::Undelete { bucket: id, .. }) => bucket(A::BucketConfig, id),
        Command::NoteUsage { .. }
        | Command::NoteBackup { .. }
        | Command::NoteNode(NodeNote::Task(_) | NodeNote::ReadOnly(_))
        | Command::MeasureJob(..)
        | Command::FinishJob(_) => Need::Atom(A::TenantSettings, Place::Deployment),
        Command::PushModule { scope, .. } | Command::RetireModule(scope, ..) => {
            of_modules(A::PolicyUpload, *scope)
        }
        Command::ActivateModule(scope, ..)
        | Command::ShadowModule(scope, ..)
        | Command::StopShadow(scope, _)
        | Command::CanaryModule(scope, ..)
        | Command::StopCanary(scope, _)
        | Command::PromoteCanary(scope, _)
        | Command::ApproveModule(scope, _)
        | Command::RejectModule(scope, _)
        | Command::RevertModule { scope, .. }
        | Command::RollbackModule(scope, _)
        | Command::DeactivateModule(scope, _) => of_modules(A::PolicyActivate, *scope),
        // That somebody was refused, or has read, is written down whoever he is.
        Command::NoteModule { .. } | Command::NoteReading(_) => Need::Nothing,
        Command::Operators(command) => of_operators(ground, command),
    }
}

/// Groups, policies and roles of an account say who may do what in it.
fn of_iam(tenant: Option<TenantId>) -> Need {
    tenant.map_or(Need::Missing, |id| {
        Need::Atom(ConsoleAtom::AclEdit, Place::Tenant(id))
    })
}

fn of_user(state: &State, atom: ConsoleAtom, id: UserId) -> Need {
    match state.user(id) {
        Some(user) => Need::Atom(atom, Place::User(user.tenant, id)),
        None => Need::Missing,
    }
}

fn of_sub_user(state: &State, atom: ConsoleAtom, id: SubUserId) -> Need {
    match state.sub_user(id) {
        Some(sub_user) => Need::Atom(atom, Place::User(sub_user.tenant, sub_user.user)),
        None => Need::Missing,
    }
}

fn of_key(state: &State, atom: ConsoleAtom, id: &AccessKeyId) -> Need {
    match state.key(id) {
        Some(key) => Need::Atom(atom, Place::User(key.tenant, key.user)),
        None => Need::Missing,
    }
}

fn of_bucket(state: &State, atom: ConsoleAtom, id: BucketId) -> Need {
    match state.bucket_by_id(id) {
        Some(bucket) => Need::Atom(atom, Place::User(bucket.tenant, bucket.owner)),
        None => Need::Missing,
    }
}

const fn of_modules(atom: ConsoleAtom, scope: ModuleScope) -> Need {
    match scope {
        ModuleScope::Platform => Need::Atom(atom, Place::Deployment),
        ModuleScope::Tenant(tenant) => Need::Atom(atom, Place::Tenant(tenant)),
    }
}

fn of_operators(ground: &Ground<'_>, command: &OperatorCommand) -> Need {
    use ConsoleAtom as A;
    use OperatorCommand as C;
    let himself = |id: &OperatorId| match ground.actor.who {
        Who::Operator { operator } => operator == *id,
        _ => false,
    };
    let scope = |atom, scope: &OperatorScope| Need::Atom(atom, Place::Scope(scope.clone()));
    let other = |atom, id: &OperatorId| match ground.state.operator(*id) {
        Some(operator) => scope(atom, &operator.scope),
        None => Need::Missing,
    };
    match command {
        C::Create(new) => scope(A::UserCreate, &new.scope),
        C::Invite { operator, .. } => other(A::UserCreate, operator),
        // The link itself says who it is; what was signed in says whose sign-in it was.
        C::Accept { .. } | C::Note(..) | C::UsePasskey(..) => Need::Nothing,
        C::SetPassword(id, _)
        | C::SetDetails(id, _)
        | C::RemoveOneTime(id)
        | C::EnrolOneTime(id)
        | C::ConfirmOneTime(id, _)
        | C::AddPasskey(id, _)
        | C::RemovePasskey(id, _)
        | C::EndSessions(id)
            if himself(id) =>
        {
            Need::Nothing
        }
        C::SetPassword(id, _)
        | C::SetDetails(id, _)
        | C::RemoveOneTime(id)
        | C::EnrolOneTime(id)
        | C::ConfirmOneTime(id, _)
        | C::AddPasskey(id, _)
        | C::RemovePasskey(id, _) => other(A::UserEdit, id),
        C::SetRole(id, _) | C::SetScope(id, _) => other(A::RoleAssign, id),
        C::Disable(id) | C::Enable(id) | C::EndSessions(id) => other(A::UserDisable, id),
        C::Delete(id) => other(A::UserDelete, id),
        // It gives no more than its maker has.
        C::CreateToken(_) => Need::Nothing,
        C::RevokeToken(id) => match ground.state.api_token(*id) {
            Some(token) if token.operator.is_some_and(|own| himself(&own)) => Need::Nothing,
            Some(token) => scope(A::UserEdit, &token.scope),
            None => Need::Missing,
        },
        C::Reveal(key) => of_key(ground.state, A::KeyReveal, key),
    }
}
