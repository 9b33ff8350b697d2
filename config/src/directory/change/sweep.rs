//! What is left to remove after an account or user was deleted or a key was replaced: a few rows in each transaction, and again
//! at the next start if the server stopped in between. Nothing that is swept works any more.

use serde_json::json;

use super::Plan;
use crate::directory::iam::{Attachments, Group, Holder, IamRole, ManagedPolicy};
use crate::directory::names::NamespaceId;
use crate::directory::operator::{ApiToken, Operator, OperatorScope};
use crate::directory::person::Person;
use crate::directory::profile::AuditOnDelete;
use crate::directory::record::{
    AccessKey, Binding, ModuleScope, ModuleState, ModuleVersion, Namespace, PolicyDocument,
    SubUser, Tenant, User, UserKind,
};
use crate::directory::role::CustomRole;
use crate::directory::rows::{Record, module_bytes};
use crate::directory::state::State;
use crate::engine::Op;
use crate::limits::SWEEP_ROWS_MAX;
use crate::time::UnixSeconds;

/// The next step, if there is anything to sweep.
pub(crate) fn next_step(state: &State, now: UnixSeconds) -> Option<Plan> {
    if let Some(tenant) = state.closed_tenant() {
        return Some(tenant_step(state, tenant));
    }
    if let Some(user) = state.deleted_user() {
        return Some(user_step(state, user));
    }
    if let Some(sub_user) = state.deleted_sub_user() {
        return Some(sub_user_step(state, sub_user));
    }
    let over = state.keys_over(now).take(SWEEP_ROWS_MAX);
    let mut plan = Plan::new("key.sweep", "access key", "replaced");
    let mut swept = Vec::new();
    for key in over {
        swept.push(key.id);
        plan = plan.remove(&Record::Key(AccessKey::clone(key)));
    }
    let detail = json!({ "keys": swept });
    (!swept.is_empty()).then(|| plan.detail(detail))
}

fn sub_user_step(state: &State, sub_user: &SubUser) -> Plan {
    let plan = Plan::new("sub-user.sweep", "sub-user", sub_user.id);
    let mut plan = plan.of(sub_user.tenant);
    for key in state.sub_user_keys(sub_user.id).take(SWEEP_ROWS_MAX) {
        plan = plan.remove(&Record::Key(AccessKey::clone(key)));
    }
    if plan.ops.len() < SWEEP_ROWS_MAX {
        plan = plan.remove(&Record::SubUser(sub_user.clone()));
    }
    plan
}

fn user_step(state: &State, user: &User) -> Plan {
    let mut plan = Plan::new("user.sweep", "user", user.id).of(user.tenant);
    for key in state.keys(user.id).take(SWEEP_ROWS_MAX) {
        plan = plan.remove(&Record::Key(AccessKey::clone(key)));
    }
    let room = SWEEP_ROWS_MAX - plan.ops.len();
    for sub_user in state.sub_users(user.id).take(room) {
        plan = plan.erase(&Record::SubUser(SubUser::clone(sub_user)));
    }
    // At most a handful, so that they go beside the last of the keys and sub-users.
    if plan.ops.len() < SWEEP_ROWS_MAX {
        plan = without_documents(state, Holder::User(user.id), plan);
        let own = NamespaceId::User(user.tenant, user.id);
        if let Some(namespace) = state.namespace(own) {
            plan = plan.remove(&Record::Namespace(Namespace::clone(namespace)));
        }
        plan = forget(state, plan, user);
    }
    plan
}

/// Removes a user; and where his profile says so, what the audit log and history know of his person.
fn forget(state: &State, mut plan: Plan, user: &User) -> Plan {
    let tenant = state.tenant(user.tenant);
    match tenant.map(|tenant| tenant.profile.rules().audit_on_delete) {
        Some(AuditOnDelete::Shred) => {
            plan.ops.push(Op::Erase(Person::User(user.id).row()));
            plan.also("audit", json!("shredded"))
                .erase(&Record::User(user.clone()))
        }
        Some(AuditOnDelete::Keep) | None => plan.remove(&Record::User(user.clone())),
    }
}

/// Takes away the documents of somebody, and what is attached to him: at most a handful.
fn without_documents(state: &State, holder: Holder, mut plan: Plan) -> Plan {
    for policy in state.held_policies(holder) {
        plan = plan.remove(&Record::Policy(PolicyDocument::clone(policy)));
    }
    match state.attachments(holder) {
        Some(row) => plan.remove(&Record::Attachments(Attachments::clone(row))),
        None => plan,
    }
}

/// A group, role or policy of IAM with what is its own is added to a plan; nothing, where the account has none left.
fn iam_step(state: &State, tenant: &Tenant, plan: Plan) -> Plan {
    if let Some(group) = state.groups(tenant.id).next() {
        let plan = without_documents(state, Holder::Group(group.id), plan);
        return plan.remove(&Record::Group(Group::clone(group)));
    }
    if let Some(role) = state.iam_roles(tenant.id).next() {
        let plan = without_documents(state, Holder::Role(role.id), plan);
        return plan.remove(&Record::IamRole(IamRole::clone(role)));
    }
    let gone = state.managed_policies(tenant.id).take(SWEEP_ROWS_MAX);
    gone.fold(plan, |plan, policy| {
        plan.remove(&Record::ManagedPolicy(ManagedPolicy::clone(policy)))
    })
}

/// Users first, the root last of them; then roles; then groups and what else IAM knows; then modules; then the account.
fn tenant_step(state: &State, tenant: &Tenant) -> Plan {
    let mut users: Vec<_> = state.users(tenant.id).collect();
    users.sort_by_key(|user| user.kind == UserKind::Root);
    if let Some(user) = users.first() {
        return user_step(state, user);
    }
    let scope = ModuleScope::Tenant(tenant.id);
    let mut plan = Plan::new("tenant.sweep", "tenant", tenant.id).of(tenant.id);
    if state.roles(tenant.id).next().is_some() {
        for role in state.roles(tenant.id).take(SWEEP_ROWS_MAX) {
            plan = plan.remove(&Record::Role(CustomRole::clone(role)));
        }
        return plan;
    }
    plan = iam_step(state, tenant, plan);
    if !plan.ops.is_empty() {
        return plan;
    }
    // A version takes at most two rows, itself and its bytes, and a binding.
    for version in state.modules(scope).take(SWEEP_ROWS_MAX / 3) {
        let bytes = Op::Delete(module_bytes(version.digest));
        let is_elsewhere =
            |other: &ModuleVersion| other.state == ModuleState::Ready && other.scope != scope;
        if !state
            .modules_with(version.digest)
            .any(|other| is_elsewhere(other))
            && !plan.ops.contains(&bytes)
        {
            plan.ops.push(bytes);
        }
        if let Some(binding) = state.binding(scope, &version.name) {
            let gone = Op::Delete(Record::Binding(Binding::clone(binding)).key());
            if !plan.ops.contains(&gone) {
                plan.ops.push(gone);
            }
        }
        plan = plan.remove(&Record::Module(ModuleVersion::clone(version)));
    }
    if plan.ops.is_empty() {
        // Whose scope is gone may do nothing any more, and is nobody's to manage.
        let is_of = |scope: &OperatorScope| scope.tenant() == Some(tenant.id);
        let tokens = state.api_tokens().filter(|it| is_of(&it.scope));
        for token in tokens.take(SWEEP_ROWS_MAX) {
            plan = plan.remove(&Record::ApiToken(ApiToken::clone(token)));
        }
        let room = SWEEP_ROWS_MAX - plan.ops.len();
        for operator in state.operators().filter(|it| is_of(&it.scope)).take(room) {
            plan = plan.remove(&Record::Operator(Operator::clone(operator)));
        }
        if !plan.ops.is_empty() {
            return plan;
        }
        if let Some(namespace) = state.namespace(NamespaceId::Account(tenant.id)) {
            plan = plan.remove(&Record::Namespace(Namespace::clone(namespace)));
        }
        plan = plan.remove(&Record::Tenant(tenant.clone()));
    }
    plan
}
