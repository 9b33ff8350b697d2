//! The numbers of a file's records here: those of what has the same name, and new ones for the rest.

use std::collections::{BTreeMap, BTreeSet};

use s3_protocol::BucketId;

use super::{FileFault, key_ids};
use crate::directory::command::CommandError;
use crate::directory::iam::{Attachable, Attachments, Group, Holder, IamRole, ManagedPolicy};
use crate::directory::names::{
    GroupId, IamRoleId, Lineage, Name, NamespaceId, PolicyId, RoleId, SubUserId, TenantId, UserId,
};
use crate::directory::permission::{AccountAcl, ContainerAcl};
use crate::directory::record::{
    AccessKey, Binding, Bucket, ModuleScope, ModuleVersion, Namespace, PolicyDocument, PolicyPlace,
    SubUser, Tenant, User, UserKind,
};
use crate::directory::role::{CustomRole, Role};
use crate::directory::rows::Record;
use crate::directory::state::State;

/// From the numbers of a file to those of the directory.
#[derive(Debug)]
pub(in crate::directory) struct Numbers {
    pub(in crate::directory) tenant: TenantId,
    in_file: TenantId,
    parent: Option<TenantId>,
    users: BTreeMap<UserId, UserId>,
    sub_users: BTreeMap<SubUserId, SubUserId>,
    roles: BTreeMap<RoleId, RoleId>,
    groups: BTreeMap<GroupId, GroupId>,
    iam_roles: BTreeMap<IamRoleId, IamRoleId>,
    policies: BTreeMap<PolicyId, PolicyId>,
    lineages: BTreeMap<Lineage, Lineage>,
    buckets: BTreeMap<u128, BucketId>,
    /// Those that the directory has not, and for which the upstream has given no number.
    pub(in crate::directory) missing_buckets: Vec<u128>,
    /// The next number to give.
    pub(in crate::directory) next: u64,
}

fn unsound(what: impl Into<String>) -> FileFault {
    FileFault::Unsound(what.into())
}

impl Numbers {
    /// Finds what is there by its name, and gives numbers to the rest.
    #[expect(
        clippy::too_many_lines,
        reason = "two passes, since what is below somebody is found once he is"
    )]
    pub(in crate::directory) fn of(
        state: &State,
        records: &[Record],
        parent: &Option<Name>,
        (next, made): (u64, &BTreeMap<u128, BucketId>),
    ) -> Result<Self, FileFault> {
        let mut next = next;
        let mut give = || {
            next += 1;
            next - 1
        };
        let mut tenants = records.iter().filter_map(|it| match it {
            Record::Tenant(tenant) => Some(tenant),
            _ => None,
        });
        let (Some(tenant), None) = (tenants.next(), tenants.next()) else {
            return Err(unsound("it has not exactly one tenant"));
        };
        let parent = match parent {
            None => None,
            Some(name) => Some(state.tenant_named(name).map(|parent| parent.id).ok_or(
                CommandError::NotFound {
                    what: "tenant",
                    which: name.to_string(),
                },
            )?),
        };
        let there = state.tenant_named(&tenant.name).map(|it| it.id);
        let id = there.unwrap_or_else(|| TenantId(give()));
        let mut numbers = Self {
            tenant: id,
            in_file: tenant.id,
            parent,
            users: BTreeMap::new(),
            sub_users: BTreeMap::new(),
            roles: BTreeMap::new(),
            groups: BTreeMap::new(),
            iam_roles: BTreeMap::new(),
            policies: BTreeMap::new(),
            lineages: BTreeMap::new(),
            buckets: BTreeMap::new(),
            missing_buckets: Vec::new(),
            next: 0,
        };
        for record in records {
            match record {
                Record::User(user) => {
                    // The owner is the owner, whatever he is called.
                    let found = match user.kind {
                        UserKind::Root => state.root(id),
                        UserKind::Human | UserKind::Service => state
                            .user_named(id, &user.name)
                            .filter(|it| it.kind != UserKind::Root),
                    };
                    let here = found.map_or_else(|| UserId(give()), |it| it.id);
                    numbers.users.insert(user.id, here);
                }
                Record::Role(role) => {
                    let found = state.role_named(id, &role.name).map(|it| it.id);
                    let here = found.unwrap_or_else(|| RoleId(give()));
                    numbers.roles.insert(role.id, here);
                }
                Record::Group(group) => {
                    let found = state.group_named(id, &group.name).map(|it| it.id);
                    let here = found.unwrap_or_else(|| GroupId(give()));
                    numbers.groups.insert(group.id, here);
                }
                Record::IamRole(role) => {
                    let found = state.iam_role_named(id, &role.name).map(|it| it.id);
                    let here = found.unwrap_or_else(|| IamRoleId(give()));
                    numbers.iam_roles.insert(role.id, here);
                }
                Record::ManagedPolicy(policy) => {
                    let found = state.managed_policy_named(id, &policy.name).map(|it| it.id);
                    let here = found.unwrap_or_else(|| PolicyId(give()));
                    numbers.policies.insert(policy.id, here);
                }
                _ => {}
            }
        }
        for record in records {
            match record {
                Record::SubUser(sub_user) => {
                    let user = numbers.user(sub_user.user)?;
                    let found = state.sub_user_named(user, &sub_user.name).map(|it| it.id);
                    let here = found.unwrap_or_else(|| SubUserId(give()));
                    numbers.sub_users.insert(sub_user.id, here);
                }
                Record::Key(key) => {
                    let found = state.key(&key.id).filter(|it| it.tenant == id);
                    let lineage = &mut numbers.lineages;
                    match found {
                        Some(there) => drop(lineage.insert(key.lineage, there.lineage)),
                        None => {
                            lineage
                                .entry(key.lineage)
                                .or_insert_with(|| Lineage(give()));
                        }
                    }
                }
                Record::Bucket(bucket) => {
                    let namespace = numbers.namespace(bucket.namespace)?;
                    let there = state.bucket(namespace, &bucket.name);
                    let there = there.filter(|it| it.tenant == id).map(|it| it.id);
                    let here = there.or_else(|| made.get(&bucket.id.0).copied());
                    if here.is_none() {
                        numbers.missing_buckets.push(bucket.id.0);
                    }
                    // A plan needs some number: what it is shows nowhere.
                    numbers
                        .buckets
                        .insert(bucket.id.0, here.unwrap_or(bucket.id));
                }
                _ => {}
            }
        }
        let mut ids = BTreeSet::new();
        if key_ids(records).any(|key| !ids.insert(*key)) {
            return Err(unsound("an access key stands in it twice"));
        }
        numbers.next = next;
        Ok(numbers)
    }

    /// A record under the numbers of the directory. There is no `_` arm: a new kind of record must say here which numbers it holds.
    #[expect(
        clippy::too_many_lines,
        reason = "a table: one arm for each kind, so that none is forgotten"
    )]
    pub(in crate::directory) fn renumbered(&self, record: Record) -> Result<Record, FileFault> {
        Ok(match record {
            Record::Tenant(it) => Record::Tenant(Tenant {
                id: self.own(it.id)?,
                parent: self.parent,
                acl: it.acl.map(|acl| self.account_acl(acl)),
                ..it
            }),
            Record::User(it) => Record::User(User {
                id: self.user(it.id)?,
                tenant: self.own(it.tenant)?,
                role: match it.role {
                    Role::Custom(id) => Role::Custom(self.role(id)?),
                    builtin => builtin,
                },
                ..it
            }),
            Record::SubUser(it) => Record::SubUser(SubUser {
                id: self.sub_user(it.id)?,
                tenant: self.own(it.tenant)?,
                user: self.user(it.user)?,
                ..it
            }),
            Record::Role(it) => Record::Role(CustomRole {
                id: self.role(it.id)?,
                tenant: self.own(it.tenant)?,
                ..it
            }),
            Record::Key(it) => Record::Key(AccessKey {
                tenant: self.own(it.tenant)?,
                user: self.user(it.user)?,
                sub_user: it.sub_user.map(|id| self.sub_user(id)).transpose()?,
                lineage: *self
                    .lineages
                    .get(&it.lineage)
                    .ok_or_else(|| unsound("a key of no family"))?,
                ..it
            }),
            Record::Namespace(it) => Record::Namespace(Namespace {
                id: self.namespace(it.id)?,
                ..it
            }),
            Record::Bucket(it) => Record::Bucket(Bucket {
                id: self.bucket(it.id)?,
                namespace: self.namespace(it.namespace)?,
                tenant: self.own(it.tenant)?,
                owner: self.user(it.owner)?,
                acl: it.acl.map(|acl| self.container_acl(acl)),
                ..it
            }),
            Record::Policy(it) => Record::Policy(PolicyDocument {
                tenant: self.own(it.tenant)?,
                place: match it.place {
                    PolicyPlace::Bucket(id) => PolicyPlace::Bucket(self.bucket(id)?),
                    PolicyPlace::User { user, name } => PolicyPlace::User {
                        user: self.user(user)?,
                        name,
                    },
                    PolicyPlace::Group { group, name } => PolicyPlace::Group {
                        group: self.group(group)?,
                        name,
                    },
                    PolicyPlace::Role { role, name } => PolicyPlace::Role {
                        role: self.iam_role(role)?,
                        name,
                    },
                },
                text: self.text(&it.text),
                ..it
            }),
            Record::Module(it) => Record::Module(ModuleVersion {
                scope: self.scope(it.scope)?,
                ..it
            }),
            Record::Binding(it) => Record::Binding(Binding {
                scope: self.scope(it.scope)?,
                ..it
            }),
            Record::Group(it) => Record::Group(Group {
                id: self.group(it.id)?,
                tenant: self.own(it.tenant)?,
                ..it
            }),
            Record::IamRole(it) => Record::IamRole(IamRole {
                id: self.iam_role(it.id)?,
                tenant: self.own(it.tenant)?,
                trust: self.text(&it.trust),
                ..it
            }),
            Record::ManagedPolicy(mut it) => {
                for version in &mut it.versions {
                    version.text = self.text(&version.text);
                }
                Record::ManagedPolicy(ManagedPolicy {
                    id: self.policy(it.id)?,
                    tenant: self.own(it.tenant)?,
                    ..it
                })
            }
            Record::Attachments(it) => {
                let groups = it.groups.iter().map(|group| self.group(*group));
                let policies = it.policies.iter().map(|policy| self.attachable(*policy));
                Record::Attachments(Attachments {
                    tenant: self.own(it.tenant)?,
                    holder: match it.holder {
                        Holder::User(id) => Holder::User(self.user(id)?),
                        Holder::Group(id) => Holder::Group(self.group(id)?),
                        Holder::Role(id) => Holder::Role(self.iam_role(id)?),
                    },
                    policies: policies.collect::<Result<_, _>>()?,
                    groups: groups.collect::<Result<_, _>>()?,
                    ..it
                })
            }
            Record::Job(_) | Record::Operator(_) | Record::ApiToken(_) => {
                return Err(unsound("what is no account's own"));
            }
        })
    }

    /// What a policy calls this account by its number.
    fn text(&self, text: &str) -> String {
        let arn = |id: TenantId| format!(":iam::{:012}:", id.get());
        let quoted = |id: TenantId| format!("\"{:012}\"", id.get());
        text.replace(&arn(self.in_file), &arn(self.tenant))
            .replace(&quoted(self.in_file), &quoted(self.tenant))
    }

    fn own(&self, id: TenantId) -> Result<TenantId, FileFault> {
        if id == self.in_file {
            Ok(self.tenant)
        } else {
            Err(unsound("it speaks of another tenant"))
        }
    }

    fn user(&self, id: UserId) -> Result<UserId, FileFault> {
        let found = self.users.get(&id).copied();
        found.ok_or_else(|| unsound("it names a user who is not in it"))
    }

    fn sub_user(&self, id: SubUserId) -> Result<SubUserId, FileFault> {
        let found = self.sub_users.get(&id).copied();
        found.ok_or_else(|| unsound("it names a sub-user who is not in it"))
    }

    fn role(&self, id: RoleId) -> Result<RoleId, FileFault> {
        let found = self.roles.get(&id).copied();
        found.ok_or_else(|| unsound("it names a role that is not in it"))
    }

    fn group(&self, id: GroupId) -> Result<GroupId, FileFault> {
        let found = self.groups.get(&id).copied();
        found.ok_or_else(|| unsound("it names a group that is not in it"))
    }

    fn iam_role(&self, id: IamRoleId) -> Result<IamRoleId, FileFault> {
        let found = self.iam_roles.get(&id).copied();
        found.ok_or_else(|| unsound("it names an assumed role that is not in it"))
    }

    fn policy(&self, id: PolicyId) -> Result<PolicyId, FileFault> {
        let found = self.policies.get(&id).copied();
        found.ok_or_else(|| unsound("it names a managed policy that is not in it"))
    }

    fn attachable(&self, policy: Attachable) -> Result<Attachable, FileFault> {
        Ok(match policy {
            Attachable::Own(id) => Attachable::Own(self.policy(id)?),
            standard @ Attachable::Standard(_) => standard,
        })
    }

    fn bucket(&self, id: BucketId) -> Result<BucketId, FileFault> {
        let found = self.buckets.get(&id.0).copied();
        found.ok_or_else(|| unsound("it names a bucket that is not in it"))
    }

    fn namespace(&self, id: NamespaceId) -> Result<NamespaceId, FileFault> {
        Ok(match id {
            NamespaceId::User(tenant, user) => {
                NamespaceId::User(self.own(tenant)?, self.user(user)?)
            }
            NamespaceId::Account(tenant) => NamespaceId::Account(self.own(tenant)?),
            NamespaceId::Global => NamespaceId::Global,
        })
    }

    fn scope(&self, scope: ModuleScope) -> Result<ModuleScope, FileFault> {
        match scope {
            ModuleScope::Tenant(id) => Ok(ModuleScope::Tenant(self.own(id)?)),
            ModuleScope::Platform => Err(unsound("a module of the platform in it")),
        }
    }

    /// Users of whom only permissions still speak are left out.
    fn account_acl(&self, acl: AccountAcl) -> AccountAcl {
        match acl {
            AccountAcl::Global(permissions) => AccountAcl::Global(permissions),
            AccountAcl::PerUser(rows) => AccountAcl::PerUser(
                rows.into_iter()
                    .filter_map(|(user, held)| Some((self.user(user).ok()?, held)))
                    .collect(),
            ),
        }
    }

    fn container_acl(&self, acl: ContainerAcl) -> ContainerAcl {
        match acl {
            ContainerAcl::PerUser(rows) => ContainerAcl::PerUser(
                rows.into_iter()
                    .filter_map(|(user, held)| Some((self.user(user).ok()?, held)))
                    .collect(),
            ),
            global @ ContainerAcl::Global { .. } => global,
        }
    }
}
