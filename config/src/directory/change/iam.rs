//! Plans for groups, managed policies and the roles that callers assume.

use serde_json::json;

use super::{Ground, Plan, missing, refuse, taken};
use crate::directory::command::{CommandError, Outcome, Refusal};
use crate::directory::iam::{
    Attachable, Attachments, Group, Holder, IamCommand, IamRole, IamRoleText, Judges,
    ManagedPolicy, NewSession, PolicyVersion,
};
use crate::directory::names::{
    Description, Digest, GroupId, IamPath, IamRoleId, Name, PolicyId, TenantId, UserId,
};
use crate::directory::rows::Record;
use crate::directory::state::State;
use crate::engine::Revision;
use crate::limits::{
    ATTACHED_POLICIES_MAX, GROUPS_MAX, IAM_ROLES_MAX, IDENTITY_BYTES_MAX, MANAGED_POLICIES_MAX,
    MANAGED_POLICY_CHARACTERS_MAX, POLICY_VERSIONS_MAX, ROLE_SESSION_SECONDS_MAX,
    ROLE_SESSION_SECONDS_MIN, TRUST_BYTES_MAX, USER_GROUPS_MAX,
};

pub(super) fn plan(ground: &mut Ground<'_>, command: &IamCommand) -> Result<Plan, CommandError> {
    match command {
        IamCommand::CreateGroup { tenant, name, path } => {
            create_group(ground, *tenant, (name, path))
        }
        IamCommand::ChangeGroup { group, name, path } => change_group(ground, *group, (name, path)),
        IamCommand::DeleteGroup(id) => delete_group(ground, *id),
        IamCommand::AddMember { group, user } => add_member(ground, *group, *user),
        IamCommand::RemoveMember { group, user } => remove_member(ground, *group, *user),
        IamCommand::CreatePolicy {
            tenant,
            name,
            path,
            description,
            text,
        } => create_policy(ground, *tenant, (name, path), (description, text)),
        IamCommand::AddPolicyVersion {
            policy,
            text,
            judges,
        } => add_version(ground, *policy, text, *judges),
        IamCommand::DeletePolicyVersion(policy, number) => delete_version(ground, *policy, *number),
        IamCommand::SetDefaultVersion(policy, number) => set_default(ground, *policy, *number),
        IamCommand::DeletePolicy(policy) => delete_policy(ground, *policy),
        IamCommand::AttachPolicy(holder, policy) => attach(ground, *holder, *policy),
        IamCommand::DetachPolicy(holder, policy) => detach(ground, *holder, *policy),
        IamCommand::CreateRole {
            tenant,
            name,
            path,
            text,
        } => create_role(ground, *tenant, (name, path), text),
        IamCommand::ChangeRole(id, text) => change_role(ground, *id, text),
        IamCommand::DeleteRole(id) => delete_role(ground, *id),
        IamCommand::NoteSession(new) => Ok(note_session(new)),
    }
}

/// The revision of the record that a command changes; none where it makes one.
pub(super) fn subject(state: &State, command: &IamCommand) -> Option<Revision> {
    match command {
        IamCommand::CreateGroup { .. }
        | IamCommand::CreatePolicy { .. }
        | IamCommand::CreateRole { .. }
        | IamCommand::NoteSession(_) => None,
        IamCommand::ChangeGroup { group, .. } | IamCommand::DeleteGroup(group) => {
            Some(state.group(*group)?.revision)
        }
        IamCommand::AddMember { user, .. } | IamCommand::RemoveMember { user, .. } => {
            Some(state.attachments(Holder::User(*user))?.revision)
        }
        IamCommand::AddPolicyVersion { policy, .. }
        | IamCommand::DeletePolicyVersion(policy, _)
        | IamCommand::SetDefaultVersion(policy, _)
        | IamCommand::DeletePolicy(policy) => Some(state.managed_policy(*policy)?.revision),
        IamCommand::AttachPolicy(holder, _) | IamCommand::DetachPolicy(holder, _) => {
            Some(state.attachments(*holder)?.revision)
        }
        IamCommand::ChangeRole(id, _) | IamCommand::DeleteRole(id) => {
            Some(state.iam_role(*id)?.revision)
        }
    }
}

/// The account that a command is about, where it is there.
pub(super) fn tenant(state: &State, command: &IamCommand) -> Option<TenantId> {
    let of_group = |id: &GroupId| state.group(*id).map(|group| group.tenant);
    let of_policy = |id: &PolicyId| state.managed_policy(*id).map(|policy| policy.tenant);
    let of_role = |id: &IamRoleId| state.iam_role(*id).map(|role| role.tenant);
    match command {
        IamCommand::CreateGroup { tenant, .. }
        | IamCommand::CreatePolicy { tenant, .. }
        | IamCommand::CreateRole { tenant, .. } => Some(*tenant),
        IamCommand::NoteSession(new) => Some(new.tenant),
        IamCommand::ChangeGroup { group, .. }
        | IamCommand::DeleteGroup(group)
        | IamCommand::AddMember { group, .. }
        | IamCommand::RemoveMember { group, .. } => of_group(group),
        IamCommand::AddPolicyVersion { policy, .. }
        | IamCommand::DeletePolicyVersion(policy, _)
        | IamCommand::SetDefaultVersion(policy, _)
        | IamCommand::DeletePolicy(policy) => of_policy(policy),
        IamCommand::AttachPolicy(holder, _) | IamCommand::DetachPolicy(holder, _) => match holder {
            Holder::User(user) => state.user(*user).map(|user| user.tenant),
            Holder::Group(group) => of_group(group),
            Holder::Role(role) => of_role(role),
        },
        IamCommand::ChangeRole(id, _) | IamCommand::DeleteRole(id) => of_role(id),
    }
}

fn group<'a>(ground: &Ground<'a>, id: GroupId) -> Result<&'a Group, CommandError> {
    let found = ground.state.group(id).map(|group| &**group);
    found.ok_or_else(|| missing("group", id))
}

fn policy<'a>(ground: &Ground<'a>, id: PolicyId) -> Result<&'a ManagedPolicy, CommandError> {
    let found = ground.state.managed_policy(id).map(|policy| &**policy);
    found.ok_or_else(|| missing("policy", id))
}

fn role<'a>(ground: &Ground<'a>, id: IamRoleId) -> Result<&'a IamRole, CommandError> {
    let found = ground.state.iam_role(id).map(|role| &**role);
    found.ok_or_else(|| missing("role", id))
}

/// The account of whoever is judged, which must work, as he must.
pub(super) fn holder(ground: &Ground<'_>, holder: Holder) -> Result<TenantId, CommandError> {
    let tenant = match holder {
        Holder::User(id) => return Ok(ground.working_user(id)?.tenant),
        Holder::Group(id) => group(ground, id)?.tenant,
        Holder::Role(id) => role(ground, id)?.tenant,
    };
    Ok(ground.working_tenant(tenant)?.id)
}

/// What of somebody is attached, or nothing yet.
fn attachments(ground: &Ground<'_>, tenant: TenantId, holder: Holder) -> Attachments {
    let found = ground.state.attachments(holder);
    let found = found.map(|attachments| Attachments::clone(attachments));
    found.unwrap_or_else(|| Attachments {
        tenant,
        holder,
        policies: Vec::new(),
        groups: Vec::new(),
        revision: Revision::default(),
    })
}

/// How much the documents of somebody say together, in bytes.
fn said(state: &State, holder: Holder) -> usize {
    let documents = state.identity(holder);
    documents.iter().map(|document| document.text.len()).sum()
}

/// Everybody whom documents of `holder` judge: himself, or the members of a group.
fn judged(state: &State, holder: Holder) -> Vec<Holder> {
    match holder {
        Holder::User(_) | Holder::Role(_) => vec![holder],
        Holder::Group(group) => {
            let members = state.members(group);
            members.map(|user| Holder::User(user.id)).collect()
        }
    }
}

/// So much more is not too much for anybody whom `holder`'s documents judge.
pub(super) fn check_room(
    ground: &Ground<'_>,
    holder: Holder,
    more: usize,
) -> Result<(), CommandError> {
    let state = ground.state;
    let full = |holder: &Holder| said(state, *holder) + more > IDENTITY_BYTES_MAX;
    if judged(state, holder).iter().any(full) {
        return refuse(Refusal::TooMany(
            "bytes of policy documents that judge one user or role",
        ));
    }
    Ok(())
}

fn create_group(
    ground: &mut Ground<'_>,
    tenant: TenantId,
    (name, path): (&Name, &IamPath),
) -> Result<Plan, CommandError> {
    ground.working_tenant(tenant)?;
    if ground.state.group_named(tenant, name).is_some() {
        return taken("group", name);
    }
    if ground.state.groups(tenant).count() >= GROUPS_MAX {
        return refuse(Refusal::TooMany("groups of an account"));
    }
    let id = GroupId(ground.number());
    let group = Group {
        id,
        tenant,
        name: name.clone(),
        path: path.clone(),
        created: ground.now.seconds(),
        revision: Revision::default(),
    };
    Plan::new("group.create", "group", id)
        .of(tenant)
        .detail(json!({ "name": name, "path": path }))
        .tell(Outcome::Group(id))
        .write(&Record::Group(group))
}

fn change_group(
    ground: &Ground<'_>,
    id: GroupId,
    (name, path): (&Name, &IamPath),
) -> Result<Plan, CommandError> {
    let found = group(ground, id)?;
    let there = ground.state.group_named(found.tenant, name);
    if there.is_some_and(|there| there.id != id) {
        return taken("group", name);
    }
    let changed = Group {
        name: name.clone(),
        path: path.clone(),
        ..found.clone()
    };
    let detail = json!({
        "before": { "name": found.name, "path": found.path },
        "after": { "name": name, "path": path },
    });
    let plan = Plan::new("group.change", "group", id).of(found.tenant);
    plan.detail(detail).write(&Record::Group(changed))
}

fn delete_group(ground: &Ground<'_>, id: GroupId) -> Result<Plan, CommandError> {
    let found = group(ground, id)?;
    if ground.state.members(id).next().is_some() {
        return refuse(Refusal::StillHas("must remove users from group first"));
    }
    let plan = without_documents(
        ground,
        Holder::Group(id),
        Plan::new("group.delete", "group", id),
    )?;
    let plan = plan.of(found.tenant).detail(json!({ "name": found.name }));
    Ok(plan.remove(&Record::Group(found.clone())))
}

/// Who has documents stays; of who has none the row goes that says so.
fn without_documents(
    ground: &Ground<'_>,
    holder: Holder,
    plan: Plan,
) -> Result<Plan, CommandError> {
    let state = ground.state;
    if state.held_policies(holder).next().is_some() {
        return refuse(Refusal::StillHas("must delete policies first"));
    }
    match state.attachments(holder) {
        Some(row) if !row.policies.is_empty() => {
            refuse(Refusal::StillHas("must detach all policies first"))
        }
        Some(row) => Ok(plan.remove(&Record::Attachments(Attachments::clone(row)))),
        None => Ok(plan),
    }
}

fn add_member(ground: &Ground<'_>, id: GroupId, user: UserId) -> Result<Plan, CommandError> {
    let group = group(ground, id)?;
    let tenant = ground.working_user(user)?.tenant;
    if tenant != group.tenant {
        return Err(missing("user", user));
    }
    let mut row = attachments(ground, tenant, Holder::User(user));
    if !row.groups.contains(&id) {
        if row.groups.len() >= USER_GROUPS_MAX {
            return refuse(Refusal::TooMany("groups of a user"));
        }
        check_room(
            ground,
            Holder::User(user),
            said(ground.state, Holder::Group(id)),
        )?;
        row.groups.push(id);
    }
    Plan::new("group.add-member", "group", id)
        .of(tenant)
        .detail(json!({ "user": user }))
        .write(&Record::Attachments(row))
}

fn remove_member(ground: &Ground<'_>, id: GroupId, user: UserId) -> Result<Plan, CommandError> {
    let tenant = group(ground, id)?.tenant;
    let mut row = attachments(ground, tenant, Holder::User(user));
    if !row.groups.contains(&id) {
        return Err(missing("member of the group", user));
    }
    row.groups.retain(|other| *other != id);
    Plan::new("group.remove-member", "group", id)
        .of(tenant)
        .detail(json!({ "user": user }))
        .write(&Record::Attachments(row))
}

fn check_managed(text: &str) -> Result<(), CommandError> {
    let characters = text.chars().filter(|it| !it.is_whitespace()).count();
    let sized = text.len() <= crate::limits::POLICY_BYTES_MAX && characters > 0;
    if characters > MANAGED_POLICY_CHARACTERS_MAX || !sized {
        return refuse(Refusal::PolicySize);
    }
    Ok(())
}

fn create_policy(
    ground: &mut Ground<'_>,
    tenant: TenantId,
    (name, path): (&Name, &IamPath),
    (description, text): (&Description, &String),
) -> Result<Plan, CommandError> {
    ground.working_tenant(tenant)?;
    check_managed(text)?;
    if ground.state.managed_policy_named(tenant, name).is_some() {
        return taken("policy", name);
    }
    if ground.state.managed_policies(tenant).count() >= MANAGED_POLICIES_MAX {
        return refuse(Refusal::TooMany("policies of an account"));
    }
    let id = PolicyId(ground.number());
    let now = ground.now.seconds();
    let made = ManagedPolicy {
        id,
        tenant,
        name: name.clone(),
        path: path.clone(),
        description: description.clone(),
        created: now,
        updated: now,
        default: 1,
        next: 2,
        versions: vec![PolicyVersion {
            number: 1,
            text: text.clone(),
            created: now,
        }],
        revision: Revision::default(),
    };
    Plan::new("managed-policy.create", "policy", id)
        .of(tenant)
        .detail(json!({ "name": name, "path": path, "sha256": Digest::of(text.as_bytes()) }))
        .tell(Outcome::ManagedPolicy(id))
        .write(&Record::ManagedPolicy(made))
}

/// Every user and role that a policy of an account judges.
fn judged_by(state: &State, policy: &ManagedPolicy) -> Vec<Holder> {
    let attached = state.attached_to(policy.tenant, Attachable::Own(policy.id));
    attached.flat_map(|holder| judged(state, holder)).collect()
}

/// Another text in the place of the one that judges is not too much for anybody.
fn check_replacement(
    ground: &Ground<'_>,
    policy: &ManagedPolicy,
    text: &str,
) -> Result<(), CommandError> {
    let more = text.len().saturating_sub(policy.text().len());
    for holder in judged_by(ground.state, policy) {
        check_room(ground, holder, more)?;
    }
    Ok(())
}

fn add_version(
    ground: &Ground<'_>,
    id: PolicyId,
    text: &str,
    judges: Judges,
) -> Result<Plan, CommandError> {
    let found = policy(ground, id)?;
    ground.working_tenant(found.tenant)?;
    check_managed(text)?;
    if found.versions.len() >= POLICY_VERSIONS_MAX {
        return refuse(Refusal::TooMany("versions of a policy"));
    }
    let (now, number) = (ground.now.seconds(), found.next);
    let mut changed = found.clone();
    changed.versions.push(PolicyVersion {
        number,
        text: text.to_owned(),
        created: now,
    });
    changed.next = number.saturating_add(1);
    changed.updated = now;
    if judges == Judges::AtOnce {
        check_replacement(ground, found, text)?;
        changed.default = number;
    }
    let detail = json!({
        "version": number,
        "default": changed.default,
        "sha256": Digest::of(text.as_bytes()),
    });
    let plan = Plan::new("managed-policy.add-version", "policy", id).of(found.tenant);
    plan.detail(detail).write(&Record::ManagedPolicy(changed))
}

fn version(found: &ManagedPolicy, number: u32) -> Result<&PolicyVersion, CommandError> {
    let version = found.version(number);
    version.ok_or_else(|| missing("version of the policy", format!("v{number}")))
}

fn delete_version(ground: &Ground<'_>, id: PolicyId, number: u32) -> Result<Plan, CommandError> {
    let found = policy(ground, id)?;
    version(found, number)?;
    if found.default == number {
        return refuse(Refusal::StillHas(
            "cannot delete the default version of a policy",
        ));
    }
    let mut changed = found.clone();
    changed.versions.retain(|version| version.number != number);
    changed.updated = ground.now.seconds();
    let plan = Plan::new("managed-policy.delete-version", "policy", id).of(found.tenant);
    plan.detail(json!({ "version": number }))
        .write(&Record::ManagedPolicy(changed))
}

fn set_default(ground: &Ground<'_>, id: PolicyId, number: u32) -> Result<Plan, CommandError> {
    let found = policy(ground, id)?;
    check_replacement(ground, found, &version(found, number)?.text)?;
    let mut changed = found.clone();
    changed.default = number;
    changed.updated = ground.now.seconds();
    let plan = Plan::new("managed-policy.set-default", "policy", id).of(found.tenant);
    plan.detail(json!({ "before": found.default, "after": number }))
        .write(&Record::ManagedPolicy(changed))
}

fn delete_policy(ground: &Ground<'_>, id: PolicyId) -> Result<Plan, CommandError> {
    let found = policy(ground, id)?;
    let mut attached = ground.state.attached_to(found.tenant, Attachable::Own(id));
    if attached.next().is_some() {
        return refuse(Refusal::StillHas(
            "cannot delete a policy attached to entities",
        ));
    }
    if found.versions.len() > 1 {
        return refuse(Refusal::StillHas(
            "this policy has more than one version: delete the others first",
        ));
    }
    let plan = Plan::new("managed-policy.delete", "policy", id).of(found.tenant);
    let plan = plan.detail(json!({ "name": found.name }));
    Ok(plan.remove(&Record::ManagedPolicy(found.clone())))
}

fn attach(ground: &Ground<'_>, to: Holder, policy: Attachable) -> Result<Plan, CommandError> {
    let tenant = holder(ground, to)?;
    let bytes = match policy {
        Attachable::Own(id) => {
            let found = self::policy(ground, id)?;
            if found.tenant != tenant {
                return Err(missing("policy", id));
            }
            found.text().len()
        }
        Attachable::Standard(it) => it.text().len(),
    };
    let mut row = attachments(ground, tenant, to);
    if !row.policies.contains(&policy) {
        if row.policies.len() >= ATTACHED_POLICIES_MAX {
            return refuse(Refusal::TooMany(
                "policies that are attached to one user, group or role",
            ));
        }
        check_room(ground, to, bytes)?;
        row.policies.push(policy);
    }
    Plan::new("managed-policy.attach", "policy", policy)
        .of(tenant)
        .detail(json!({ "to": to }))
        .write(&Record::Attachments(row))
}

fn detach(ground: &Ground<'_>, from: Holder, policy: Attachable) -> Result<Plan, CommandError> {
    let tenant = holder(ground, from)?;
    let mut row = attachments(ground, tenant, from);
    if !row.policies.contains(&policy) {
        return Err(missing("attached policy", policy));
    }
    row.policies.retain(|other| *other != policy);
    Plan::new("managed-policy.detach", "policy", policy)
        .of(tenant)
        .detail(json!({ "from": from }))
        .write(&Record::Attachments(row))
}

fn check_role(text: &IamRoleText) -> Result<(), CommandError> {
    if !(1..=TRUST_BYTES_MAX).contains(&text.trust.len()) {
        return refuse(Refusal::TrustSize);
    }
    let lasts = ROLE_SESSION_SECONDS_MIN..=ROLE_SESSION_SECONDS_MAX;
    if !lasts.contains(&text.session_seconds_max) {
        return refuse(Refusal::SessionLength);
    }
    Ok(())
}

fn create_role(
    ground: &mut Ground<'_>,
    tenant: TenantId,
    (name, path): (&Name, &IamPath),
    text: &IamRoleText,
) -> Result<Plan, CommandError> {
    ground.working_tenant(tenant)?;
    check_role(text)?;
    if ground.state.iam_role_named(tenant, name).is_some() {
        return taken("role", name);
    }
    if ground.state.iam_roles(tenant).count() >= IAM_ROLES_MAX {
        return refuse(Refusal::TooMany("roles of an account"));
    }
    let id = IamRoleId(ground.number());
    let made = IamRole {
        id,
        tenant,
        name: name.clone(),
        path: path.clone(),
        description: text.description.clone(),
        trust: text.trust.clone(),
        session_seconds_max: text.session_seconds_max,
        created: ground.now.seconds(),
        revision: Revision::default(),
    };
    Plan::new("iam-role.create", "role", id)
        .of(tenant)
        .detail(json!({ "name": name, "path": path, "trust": Digest::of(text.trust.as_bytes()) }))
        .tell(Outcome::IamRole(id))
        .write(&Record::IamRole(made))
}

fn change_role(
    ground: &Ground<'_>,
    id: IamRoleId,
    text: &IamRoleText,
) -> Result<Plan, CommandError> {
    let found = role(ground, id)?;
    check_role(text)?;
    let changed = IamRole {
        description: text.description.clone(),
        trust: text.trust.clone(),
        session_seconds_max: text.session_seconds_max,
        ..found.clone()
    };
    let detail = json!({
        "before": Digest::of(found.trust.as_bytes()),
        "after": Digest::of(text.trust.as_bytes()),
        "session_seconds_max": text.session_seconds_max,
    });
    let plan = Plan::new("iam-role.change", "role", id).of(found.tenant);
    plan.detail(detail).write(&Record::IamRole(changed))
}

fn delete_role(ground: &Ground<'_>, id: IamRoleId) -> Result<Plan, CommandError> {
    let found = role(ground, id)?;
    let plan = Plan::new("iam-role.delete", "role", id);
    let plan = without_documents(ground, Holder::Role(id), plan)?;
    let plan = plan.of(found.tenant).detail(json!({ "name": found.name }));
    Ok(plan.remove(&Record::IamRole(found.clone())))
}

/// What is written of a session: never its secret, nor its token.
fn note_session(new: &NewSession) -> Plan {
    let NewSession { tenant, session } = new;
    let policy = session
        .policy
        .as_ref()
        .map(|text| Digest::of(text.as_bytes()));
    let detail = json!({
        "key": session.parent,
        "expires": session.expires,
        "role": session.role.as_ref().map(|role| role.role),
        "name": session.role.as_ref().map(|role| &role.name),
        "policy": policy,
    });
    Plan::new("session.issue", "session", session.id)
        .of(*tenant)
        .detail(detail)
}
