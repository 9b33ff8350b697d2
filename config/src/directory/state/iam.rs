//! Groups, managed policies and roles that callers assume, as a state knows them: how their rows come in and go out, and which
//! documents judge whom.

use std::sync::Arc;

use rpds::{RedBlackTreeMapSync, RedBlackTreeSetSync};

use super::State;
use crate::directory::iam::{
    Attachable, Attachments, Group, Holder, IamRole, IdentityDocument, ManagedPolicy,
};
use crate::directory::names::{GroupId, IamRoleId, Name, PolicyId, TenantId, UserId};
use crate::directory::record::{PolicyDocument, TenantStatus, User};
use crate::directory::session::AssumedRole;
use crate::engine::Revision;

/// What the gate asks.
impl State {
    /// Every document that judges a user or the sessions of a role: his own, what is attached to him, and of a user the same of his
    /// groups.
    pub fn identity(&self, holder: Holder) -> Vec<IdentityDocument<'_>> {
        let mut all = Vec::new();
        self.collect(holder, "", &mut all);
        for group in self.groups_of(holder) {
            let label = format!("{}/", group.name);
            self.collect(Holder::Group(group.id), &label, &mut all);
        }
        all
    }

    /// Whether any document judges a user or role.
    pub fn is_judged(&self, holder: Holder) -> bool {
        let has_some = |holder: Holder| {
            let own = self.held_policies(holder).next().is_some();
            own || !self.attached(holder).is_empty()
        };
        let mut groups = self.groups_of(holder);
        has_some(holder) || groups.any(|group| has_some(Holder::Group(group.id)))
    }

    /// The role of a session, while it and its account are there.
    pub fn assumed(&self, assumed: &AssumedRole) -> Option<&Arc<IamRole>> {
        let role = self.iam_roles.get(&assumed.role)?;
        let tenant = self.tenant(role.tenant)?;
        let works = match tenant.status {
            TenantStatus::Active | TenantStatus::ReadOnly => true,
            TenantStatus::Suspended | TenantStatus::Closed => false,
        };
        (works && role.tenant == assumed.tenant).then_some(role)
    }

    fn collect<'s>(&'s self, holder: Holder, of: &str, all: &mut Vec<IdentityDocument<'s>>) {
        for policy in self.held_policies(holder) {
            all.push(IdentityDocument {
                name: format!("{of}{}", policy.place.name()),
                text: &policy.text,
                revision: policy.revision,
            });
        }
        for policy in self.attached(holder) {
            let (name, text, revision) = match policy {
                Attachable::Own(id) => match self.managed_policies.get(id) {
                    Some(found) => (found.name.as_str(), found.text(), found.revision),
                    // What is attached and not there is no reason to allow more: nothing is known of what it denied.
                    None => ("gone", "", Revision::default()),
                },
                // No record holds it, and no record has such a revision.
                Attachable::Standard(it) => {
                    (it.name(), it.text(), Revision(u64::MAX - (*it as u64)))
                }
            };
            all.push(IdentityDocument {
                name: format!("{of}policy/{name}"),
                text,
                revision,
            });
        }
    }
}

/// What admins ask.
impl State {
    /// The documents of a user, group or role, by name.
    pub fn held_policies(&self, holder: Holder) -> impl Iterator<Item = &Arc<PolicyDocument>> {
        let all = self.held_policies.get(&holder);
        all.into_iter().flat_map(RedBlackTreeMapSync::values)
    }

    /// What is attached to a user, group or role, in the order in which it was.
    pub fn attached(&self, holder: Holder) -> &[Attachable] {
        let found = self.attachments.get(&holder);
        found.map_or(&[], |attachments| &attachments.policies)
    }

    /// The row of what is attached, where there is one.
    pub fn attachments(&self, holder: Holder) -> Option<&Arc<Attachments>> {
        self.attachments.get(&holder)
    }

    /// A group.
    pub fn group(&self, id: GroupId) -> Option<&Arc<Group>> {
        self.groups.get(&id)
    }

    /// A group of an account by name, without regard to case.
    pub fn group_named(&self, tenant: TenantId, name: &Name) -> Option<&Arc<Group>> {
        self.group(*self.group_names.get(&tenant)?.get(&name.folded())?)
    }

    /// The groups of an account by name.
    pub fn groups(&self, tenant: TenantId) -> impl Iterator<Item = &Arc<Group>> {
        let names = self.group_names.get(&tenant);
        let ids = names.into_iter().flat_map(RedBlackTreeMapSync::values);
        ids.filter_map(|id| self.group(*id))
    }

    /// The groups of a user, in the order in which he came to them. Groups and roles are in none.
    pub fn groups_of(&self, holder: Holder) -> impl Iterator<Item = &Arc<Group>> {
        let found = self.attachments.get(&holder);
        let ids = found.into_iter().flat_map(|it| &it.groups);
        ids.filter_map(|id| self.group(*id))
    }

    /// The members of a group by number.
    pub fn members(&self, group: GroupId) -> impl Iterator<Item = &Arc<User>> {
        let ids = self.group_members.get(&group);
        let ids = ids.into_iter().flat_map(RedBlackTreeSetSync::iter);
        ids.filter_map(|id| self.user(*id))
    }

    /// A managed policy.
    pub fn managed_policy(&self, id: PolicyId) -> Option<&Arc<ManagedPolicy>> {
        self.managed_policies.get(&id)
    }

    /// A managed policy of an account by name, without regard to case.
    pub fn managed_policy_named(
        &self,
        tenant: TenantId,
        name: &Name,
    ) -> Option<&Arc<ManagedPolicy>> {
        self.managed_policy(
            *self
                .managed_policy_names
                .get(&tenant)?
                .get(&name.folded())?,
        )
    }

    /// The policies that an account manages, by name.
    pub fn managed_policies(&self, tenant: TenantId) -> impl Iterator<Item = &Arc<ManagedPolicy>> {
        let names = self.managed_policy_names.get(&tenant);
        let ids = names.into_iter().flat_map(RedBlackTreeMapSync::values);
        ids.filter_map(|id| self.managed_policy(*id))
    }

    /// To whom of an account a policy is attached.
    pub fn attached_to(
        &self,
        tenant: TenantId,
        policy: Attachable,
    ) -> impl Iterator<Item = Holder> + '_ {
        let holders = self.attached_to.get(&(tenant, policy));
        let holders = holders.into_iter().flat_map(RedBlackTreeSetSync::iter);
        holders.copied()
    }

    /// A role that callers assume.
    pub fn iam_role(&self, id: IamRoleId) -> Option<&Arc<IamRole>> {
        self.iam_roles.get(&id)
    }

    /// A role of an account by name, without regard to case.
    pub fn iam_role_named(&self, tenant: TenantId, name: &Name) -> Option<&Arc<IamRole>> {
        self.iam_role(*self.iam_role_names.get(&tenant)?.get(&name.folded())?)
    }

    /// The roles of an account that callers assume, by name.
    pub fn iam_roles(&self, tenant: TenantId) -> impl Iterator<Item = &Arc<IamRole>> {
        let names = self.iam_role_names.get(&tenant);
        let ids = names.into_iter().flat_map(RedBlackTreeMapSync::values);
        ids.filter_map(|id| self.iam_role(*id))
    }
}

/// How rows come in and go out.
impl State {
    pub(super) fn put_group(&mut self, group: Group) {
        let names = self.group_names.get(&group.tenant).cloned();
        let mut names = names.unwrap_or_default();
        if let Some(before) = self.groups.get(&group.id) {
            names.remove_mut(&before.name.folded());
        }
        names.insert_mut(group.name.folded(), group.id);
        self.group_names.insert_mut(group.tenant, names);
        self.groups.insert_mut(group.id, Arc::new(group));
    }

    pub(super) fn put_managed_policy(&mut self, policy: ManagedPolicy) {
        let names = self.managed_policy_names.get(&policy.tenant).cloned();
        let mut names = names.unwrap_or_default();
        if let Some(before) = self.managed_policies.get(&policy.id) {
            names.remove_mut(&before.name.folded());
        }
        names.insert_mut(policy.name.folded(), policy.id);
        self.managed_policy_names.insert_mut(policy.tenant, names);
        self.managed_policies
            .insert_mut(policy.id, Arc::new(policy));
    }

    pub(super) fn put_iam_role(&mut self, role: IamRole) {
        let names = self.iam_role_names.get(&role.tenant).cloned();
        let mut names = names.unwrap_or_default();
        if let Some(before) = self.iam_roles.get(&role.id) {
            names.remove_mut(&before.name.folded());
        }
        names.insert_mut(role.name.folded(), role.id);
        self.iam_role_names.insert_mut(role.tenant, names);
        self.iam_roles.insert_mut(role.id, Arc::new(role));
    }

    pub(super) fn put_attachments(&mut self, attachments: Attachments) {
        self.forget_attachments(attachments.holder);
        let (tenant, holder) = (attachments.tenant, attachments.holder);
        for policy in &attachments.policies {
            let holders = self.attached_to.get(&(tenant, *policy)).cloned();
            let mut holders = holders.unwrap_or_default();
            holders.insert_mut(holder);
            self.attached_to.insert_mut((tenant, *policy), holders);
        }
        if let Holder::User(user) = holder {
            for group in &attachments.groups {
                let members = self.group_members.get(group).cloned();
                let mut members = members.unwrap_or_default();
                members.insert_mut(user);
                self.group_members.insert_mut(*group, members);
            }
        }
        self.attachments.insert_mut(holder, Arc::new(attachments));
    }

    /// Takes what was attached until now out of the indexes.
    fn forget_attachments(&mut self, holder: Holder) {
        let Some(before) = self.attachments.get(&holder).cloned() else {
            return;
        };
        for policy in &before.policies {
            let place = (before.tenant, *policy);
            if let Some(mut holders) = self.attached_to.get(&place).cloned() {
                holders.remove_mut(&holder);
                self.attached_to.insert_mut(place, holders);
            }
        }
        if let Holder::User(user) = holder {
            for group in &before.groups {
                if let Some(mut members) = self.group_members.get(group).cloned() {
                    members.remove_mut(&user);
                    self.group_members.insert_mut(*group, members);
                }
            }
        }
        self.attachments.remove_mut(&holder);
    }

    /// The rest of a row's key says which.
    pub(super) fn remove_of_iam<'r>(
        &mut self,
        kind: &str,
        mut parts: impl Iterator<Item = &'r str>,
    ) {
        let first = parts.next().unwrap_or("");
        let number = u64::from_str_radix(first, 16).ok();
        match (kind, number) {
            ("group", Some(number)) => {
                let id = GroupId(number);
                if let Some(group) = self.groups.get(&id).cloned() {
                    forget_name(&mut self.group_names, group.tenant, &group.name);
                    self.group_members.remove_mut(&id);
                    self.held_policies.remove_mut(&Holder::Group(id));
                    self.groups.remove_mut(&id);
                }
            }
            ("managed-policy", Some(number)) => {
                let id = PolicyId(number);
                if let Some(policy) = self.managed_policies.get(&id).cloned() {
                    forget_name(&mut self.managed_policy_names, policy.tenant, &policy.name);
                    self.attached_to
                        .remove_mut(&(policy.tenant, Attachable::Own(id)));
                    self.managed_policies.remove_mut(&id);
                }
            }
            ("iam-role", Some(number)) => {
                let id = IamRoleId(number);
                if let Some(role) = self.iam_roles.get(&id).cloned() {
                    forget_name(&mut self.iam_role_names, role.tenant, &role.name);
                    self.held_policies.remove_mut(&Holder::Role(id));
                    self.iam_roles.remove_mut(&id);
                }
            }
            ("attached", _) => {
                if let Some(holder) = holder(first, parts.next().unwrap_or("")) {
                    self.forget_attachments(holder);
                }
            }
            _ => {}
        }
    }
}

/// The holder that a row names.
pub(super) fn holder(kind: &str, id: &str) -> Option<Holder> {
    let id = u64::from_str_radix(id, 16).ok()?;
    match kind {
        "user" => Some(Holder::User(UserId(id))),
        "group" => Some(Holder::Group(GroupId(id))),
        "iam-role" => Some(Holder::Role(IamRoleId(id))),
        _ => None,
    }
}

fn forget_name<T: Copy>(
    all: &mut super::Map<TenantId, RedBlackTreeMapSync<Box<str>, T>>,
    tenant: TenantId,
    name: &Name,
) {
    if let Some(mut names) = all.get(&tenant).cloned() {
        names.remove_mut(&name.folded());
        all.insert_mut(tenant, names);
    }
}
