//! How rows become a state: one by one, in any order. Loading, a command's own change and the changes of other writers
//! all come through here, so a directory that is opened again is the one that was closed.

use std::hash::Hash;
use std::sync::Arc;

use rpds::{RedBlackTreeMapSync, RedBlackTreeSetSync};

use super::leftovers::Leftovers;
use super::{Held, Map, State, iam};
use crate::directory::iam::Holder;
use crate::directory::job::Job;
use crate::directory::names::{
    ApiTokenId, JobId, NameKey, NamespaceId, OperatorId, RoleId, SubUserId, TenantId, UserId,
};
use crate::directory::operator::{ApiToken, Operator};
use crate::directory::record::{
    AccessKey, Binding, Bucket, BucketState, ModuleVersion, Namespace, PolicyDocument, PolicyPlace,
    SubUser, Tenant, User,
};
use crate::directory::role::CustomRole;
use crate::directory::rows::{HEAD, Head, PREFIX, Record, RowError};
use crate::directory::vault::Vault;
use crate::engine::{Change, Op, Revision, Row};

impl State {
    /// The empty state.
    pub(in crate::directory) fn empty(vault: Arc<Vault>) -> Self {
        Self {
            revision: Revision(0),
            head: None,
            vault,
            tenants: new_map(),
            users: new_map(),
            sub_users: new_map(),
            roles: new_map(),
            keys: new_map(),
            namespaces: new_map(),
            buckets: new_map(),
            bucket_policies: new_map(),
            held_policies: new_map(),
            groups: new_map(),
            managed_policies: new_map(),
            iam_roles: new_map(),
            attachments: new_map(),
            modules: RedBlackTreeMapSync::new_sync(),
            bindings: RedBlackTreeMapSync::new_sync(),
            jobs: RedBlackTreeMapSync::new_sync(),
            tenant_names: RedBlackTreeMapSync::new_sync(),
            user_names: new_map(),
            user_emails: new_map(),
            sub_user_names: new_map(),
            role_names: new_map(),
            children: new_map(),
            user_keys: new_map(),
            sub_user_keys: new_map(),
            global_buckets: new_map(),
            bucket_names: new_map(),
            owned: new_map(),
            held: new_map(),
            aliases: RedBlackTreeMapSync::new_sync(),
            hosts: RedBlackTreeMapSync::new_sync(),
            half_done: RedBlackTreeSetSync::new_sync(),
            leftovers: Leftovers::default(),
            running: RedBlackTreeSetSync::new_sync(),
            operators: RedBlackTreeMapSync::new_sync(),
            api_tokens: RedBlackTreeMapSync::new_sync(),
            operator_emails: RedBlackTreeMapSync::new_sync(),
            token_hashes: new_map(),
            group_names: new_map(),
            managed_policy_names: new_map(),
            iam_role_names: new_map(),
            group_members: new_map(),
            attached_to: new_map(),
        }
    }

    /// Takes a row in.
    pub(in crate::directory) fn put_row(&mut self, row: &Row) -> Result<(), RowError> {
        if row.key == HEAD {
            self.head = Some(Arc::new(Head::read(row)?));
            self.revision = row.revision;
            return Ok(());
        }
        if !row.key.starts_with(PREFIX) {
            return Ok(());
        }
        let record = Record::read(row)?;
        self.put(record);
        Ok(())
    }

    /// Takes a transaction in.
    pub(in crate::directory) fn put_change(&mut self, change: Change) -> Result<(), RowError> {
        for op in change.ops {
            match op {
                Op::Put(key, value) => {
                    self.put_row(&Row {
                        key,
                        value,
                        revision: change.revision,
                    })?;
                }
                Op::Delete(key) | Op::Erase(key) => self.remove(&key),
            }
        }
        Ok(())
    }

    fn put(&mut self, record: Record) {
        match record {
            Record::Tenant(tenant) => self.put_tenant(tenant),
            Record::User(user) => self.put_user(user),
            Record::SubUser(sub_user) => self.put_sub_user(sub_user),
            Record::Role(role) => self.put_role(role),
            Record::Key(key) => self.put_key(key),
            Record::Namespace(namespace) => self.put_namespace(namespace),
            Record::Bucket(bucket) => self.put_bucket(bucket),
            Record::Policy(policy) => self.put_policy(policy),
            Record::Module(version) => self.put_module(version),
            Record::Binding(binding) => self.put_binding(binding),
            Record::Job(job) => self.put_job(job),
            Record::Operator(operator) => self.put_operator(operator),
            Record::ApiToken(token) => self.put_api_token(token),
            Record::Group(group) => self.put_group(group),
            Record::ManagedPolicy(policy) => self.put_managed_policy(policy),
            Record::IamRole(role) => self.put_iam_role(role),
            Record::Attachments(attachments) => self.put_attachments(attachments),
        }
    }

    fn put_tenant(&mut self, tenant: Tenant) {
        let before = self.tenants.get(&tenant.id);
        for host in before.into_iter().flat_map(|before| &before.hosts) {
            self.hosts.remove_mut(host);
        }
        for host in &tenant.hosts {
            self.hosts.insert_mut(host.clone(), tenant.id);
        }
        if let Some(before) = self.tenants.get(&tenant.id) {
            self.tenant_names.remove_mut(&before.name.folded());
        }
        self.tenant_names
            .insert_mut(tenant.name.folded(), tenant.id);
        if let Some(parent) = tenant.parent {
            let mut children = self.children.get(&parent).cloned().unwrap_or_default();
            children.insert_mut(tenant.id);
            self.children.insert_mut(parent, children);
        }
        self.leftovers.put_tenant(&tenant);
        self.tenants.insert_mut(tenant.id, Arc::new(tenant));
    }

    fn put_user(&mut self, user: User) {
        let mut names = self
            .user_names
            .get(&user.tenant)
            .cloned()
            .unwrap_or_default();
        if let Some(before) = self.users.get(&user.id) {
            names.remove_mut(&before.name.folded());
        }
        let user = Arc::new(user);
        names.insert_mut(user.name.folded(), Arc::clone(&user));
        self.user_names.insert_mut(user.tenant, names);
        self.forget_email(user.id);
        if let Some(email) = &user.details.email {
            let emails = self.user_emails.get(&user.tenant).cloned();
            let mut emails = emails.unwrap_or_default();
            emails.insert_mut(email.folded(), user.id);
            self.user_emails.insert_mut(user.tenant, emails);
        }
        self.leftovers.put_user(&user);
        self.users.insert_mut(user.id, user);
    }

    /// Takes the address that a user had until now out of the index.
    fn forget_email(&mut self, user: UserId) {
        if let Some(user) = self.users.get(&user)
            && let Some(email) = &user.details.email
            && let Some(mut emails) = self.user_emails.get(&user.tenant).cloned()
        {
            emails.remove_mut(&email.folded());
            let tenant = user.tenant;
            self.user_emails.insert_mut(tenant, emails);
        }
    }

    fn put_sub_user(&mut self, sub_user: SubUser) {
        let names = self.sub_user_names.get(&sub_user.user).cloned();
        let mut names = names.unwrap_or_default();
        if let Some(before) = self.sub_users.get(&sub_user.id) {
            names.remove_mut(&before.name.folded());
        }
        names.insert_mut(sub_user.name.folded(), sub_user.id);
        self.sub_user_names.insert_mut(sub_user.user, names);
        self.leftovers.put_sub_user(&sub_user);
        self.sub_users.insert_mut(sub_user.id, Arc::new(sub_user));
    }

    fn put_role(&mut self, role: CustomRole) {
        let names = self.role_names.get(&role.tenant).cloned();
        let mut names = names.unwrap_or_default();
        if let Some(before) = self.roles.get(&role.id) {
            names.remove_mut(&before.name.folded());
        }
        names.insert_mut(role.name.folded(), role.id);
        self.role_names.insert_mut(role.tenant, names);
        self.roles.insert_mut(role.id, Arc::new(role));
    }

    fn put_key(&mut self, key: AccessKey) {
        let key = Arc::new(key);
        let mut keys = self.user_keys.get(&key.user).cloned().unwrap_or_default();
        if !keys.contains_key(&key.id) {
            self.hold(key.tenant, |held| held.keys += 1);
            if let Some(sub_user) = key.sub_user {
                let keys = self.sub_user_keys.get(&sub_user).cloned();
                let mut keys = keys.unwrap_or_default();
                keys.insert_mut(key.id);
                self.sub_user_keys.insert_mut(sub_user, keys);
            }
        }
        keys.insert_mut(key.id, Arc::clone(&key));
        self.user_keys.insert_mut(key.user, keys);
        let before = self.keys.get(&key.id);
        self.leftovers.put_key(before.map(AsRef::as_ref), &key);
        self.keys.insert_mut(key.id, key);
    }

    fn put_namespace(&mut self, namespace: Namespace) {
        if let Some(alias) = self
            .namespaces
            .get(&namespace.id)
            .and_then(|it| it.alias.clone())
        {
            self.aliases.remove_mut(&alias);
        }
        if let Some(alias) = &namespace.alias {
            self.aliases.insert_mut(alias.clone(), namespace.id);
        }
        self.namespaces
            .insert_mut(namespace.id, Arc::new(namespace));
    }

    fn put_bucket(&mut self, bucket: Bucket) {
        self.forget_bucket(&bucket);
        let bucket = Arc::new(bucket);
        let mut names = self
            .bucket_names
            .get(&bucket.namespace)
            .cloned()
            .unwrap_or_default();
        names.insert_mut(bucket.name.clone(), Arc::clone(&bucket));
        self.bucket_names.insert_mut(bucket.namespace, names);
        if bucket.namespace == NamespaceId::Global {
            let names = self.global_buckets.get(&bucket.tenant).cloned();
            let mut names = names.unwrap_or_default();
            names.insert_mut(bucket.name.clone());
            self.global_buckets.insert_mut(bucket.tenant, names);
        }
        if bucket.state != BucketState::Active {
            self.half_done.insert_mut(bucket.id);
        }
        self.owned
            .insert_mut(bucket.owner, self.buckets_owned(bucket.owner) + 1);
        self.hold(bucket.tenant, |held| held.buckets += 1);
        self.buckets.insert_mut(bucket.id, bucket);
    }

    fn hold(&mut self, tenant: TenantId, change: impl FnOnce(&mut Held)) {
        let mut held = self.held.get(&tenant).copied().unwrap_or_default();
        change(&mut held);
        self.held.insert_mut(tenant, held);
    }

    /// Takes what is known of a bucket out of the indexes.
    fn forget_bucket(&mut self, bucket: &Bucket) {
        let Some(before) = self.buckets.get(&bucket.id).cloned() else {
            return;
        };
        if let Some(mut names) = self.bucket_names.get(&before.namespace).cloned() {
            names.remove_mut(&before.name);
            self.bucket_names.insert_mut(before.namespace, names);
        }
        if let Some(mut names) = self.global_buckets.get(&before.tenant).cloned() {
            names.remove_mut(&before.name);
            self.global_buckets.insert_mut(before.tenant, names);
        }
        let owned = self.buckets_owned(before.owner).saturating_sub(1);
        self.owned.insert_mut(before.owner, owned);
        self.hold(before.tenant, |held| {
            held.buckets = held.buckets.saturating_sub(1);
        });
        self.half_done.remove_mut(&before.id);
        self.buckets.remove_mut(&before.id);
    }

    fn put_policy(&mut self, policy: PolicyDocument) {
        match policy.place.clone() {
            PolicyPlace::Bucket(bucket) => {
                self.bucket_policies.insert_mut(bucket, Arc::new(policy));
            }
            place @ (PolicyPlace::User { .. }
            | PolicyPlace::Group { .. }
            | PolicyPlace::Role { .. }) => {
                if let Some((holder, name)) = place.holder() {
                    let policies = self.held_policies.get(&holder).cloned();
                    let mut policies = policies.unwrap_or_default();
                    policies.insert_mut(NameKey::new(name), Arc::new(policy));
                    self.held_policies.insert_mut(holder, policies);
                }
            }
        }
    }

    fn put_module(&mut self, version: ModuleVersion) {
        let mut versions = self
            .modules
            .get(&version.scope)
            .cloned()
            .unwrap_or_default();
        let scope = version.scope;
        versions.insert_mut(
            (NameKey::new(&version.name), version.digest),
            Arc::new(version),
        );
        self.modules.insert_mut(scope, versions);
    }

    fn put_binding(&mut self, binding: Binding) {
        let mut bindings = self
            .bindings
            .get(&binding.scope)
            .cloned()
            .unwrap_or_default();
        let scope = binding.scope;
        bindings.insert_mut(NameKey::new(&binding.name), Arc::new(binding));
        self.bindings.insert_mut(scope, bindings);
    }

    fn put_job(&mut self, job: Job) {
        match job.finished {
            None => self.running.insert_mut(job.id),
            Some(_) => {
                self.running.remove_mut(&job.id);
            }
        }
        self.jobs.insert_mut(job.id, Arc::new(job));
    }

    fn put_operator(&mut self, operator: Operator) {
        self.forget_operator(operator.id);
        let email = (operator.details.email.folded(), operator.scope.tenant());
        self.operator_emails.insert_mut(email, operator.id);
        self.operators.insert_mut(operator.id, Arc::new(operator));
    }

    fn forget_operator(&mut self, id: OperatorId) {
        if let Some(before) = self.operators.get(&id) {
            let email = (before.details.email.folded(), before.scope.tenant());
            self.operator_emails.remove_mut(&email);
            self.operators.remove_mut(&id);
        }
    }

    fn put_api_token(&mut self, token: ApiToken) {
        self.token_hashes
            .insert_mut(*token.hash.as_bytes(), token.id);
        self.api_tokens.insert_mut(token.id, Arc::new(token));
    }

    fn forget_api_token(&mut self, id: ApiTokenId) {
        if let Some(before) = self.api_tokens.get(&id) {
            self.token_hashes.remove_mut(before.hash.as_bytes());
            self.api_tokens.remove_mut(&id);
        }
    }

    /// Takes out what stands under a key. What is not there is not missed.
    fn remove(&mut self, row: &str) {
        let mut parts = row.split('/').skip(1);
        let (scope, kind) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let number = |text: Option<&str>| u64::from_str_radix(text.unwrap_or(""), 16).ok();
        match kind {
            "account" => {
                let id = number(Some(scope)).map(TenantId);
                if let Some(tenant) = id.and_then(|id| self.tenants.get(&id).cloned()) {
                    self.remove_tenant(&tenant);
                }
            }
            "sub-user" => {
                let id = number(parts.nth(1)).map(SubUserId);
                if let Some(sub_user) = id.and_then(|id| self.sub_users.get(&id).cloned()) {
                    self.remove_sub_user(&sub_user);
                }
            }
            "role" => {
                let id = number(parts.next()).map(RoleId);
                if let Some(role) = id.and_then(|id| self.roles.get(&id).cloned()) {
                    self.remove_role(&role);
                }
            }
            "user" => {
                let user = number(parts.next()).map(UserId);
                if let Some(user) = user.and_then(|id| self.users.get(&id).cloned()) {
                    self.remove_user(&user);
                }
            }
            "key" => {
                let id = parts.next().and_then(|id| id.parse().ok());
                if let Some(key) = id.and_then(|id| self.keys.get(&id).cloned()) {
                    self.remove_key(&key);
                }
            }
            "namespace" => self.remove_namespace(scope, parts.next()),
            "bucket" => {
                let id = u128::from_str_radix(parts.next().unwrap_or(""), 16).ok();
                let found = id.and_then(|id| self.buckets.get(&s3_protocol::BucketId(id)).cloned());
                if let Some(bucket) = found {
                    self.forget_bucket(&bucket);
                }
            }
            "job" => {
                if let Some(id) = number(parts.next()).map(JobId) {
                    self.running.remove_mut(&id);
                    self.jobs.remove_mut(&id);
                }
            }
            "policy" => self.remove_policy(parts),
            "module" | "binding" => self.remove_module(row),
            "operator" => {
                if let Some(id) = number(parts.next()) {
                    self.forget_operator(OperatorId(id));
                }
            }
            "token" => {
                if let Some(id) = number(parts.next()) {
                    self.forget_api_token(ApiTokenId(id));
                }
            }
            "group" | "managed-policy" | "iam-role" | "attached" => {
                self.remove_of_iam(kind, parts);
            }
            _ => {}
        }
    }

    fn remove_sub_user(&mut self, sub_user: &SubUser) {
        if let Some(mut names) = self.sub_user_names.get(&sub_user.user).cloned() {
            names.remove_mut(&sub_user.name.folded());
            self.sub_user_names.insert_mut(sub_user.user, names);
        }
        self.sub_user_keys.remove_mut(&sub_user.id);
        self.leftovers.forget_sub_user(sub_user.id);
        self.sub_users.remove_mut(&sub_user.id);
    }

    fn remove_role(&mut self, role: &CustomRole) {
        if let Some(mut names) = self.role_names.get(&role.tenant).cloned() {
            names.remove_mut(&role.name.folded());
            self.role_names.insert_mut(role.tenant, names);
        }
        self.roles.remove_mut(&role.id);
    }

    fn remove_key(&mut self, key: &AccessKey) {
        if let Some(mut keys) = self.user_keys.get(&key.user).cloned() {
            keys.remove_mut(&key.id);
            self.user_keys.insert_mut(key.user, keys);
        }
        if let Some(sub_user) = key.sub_user
            && let Some(mut keys) = self.sub_user_keys.get(&sub_user).cloned()
        {
            keys.remove_mut(&key.id);
            self.sub_user_keys.insert_mut(sub_user, keys);
        }
        self.hold(key.tenant, |held| held.keys = held.keys.saturating_sub(1));
        self.leftovers.forget_key(key);
        self.keys.remove_mut(&key.id);
    }

    fn remove_tenant(&mut self, tenant: &Tenant) {
        for host in &tenant.hosts {
            self.hosts.remove_mut(host);
        }
        self.tenant_names.remove_mut(&tenant.name.folded());
        self.user_names.remove_mut(&tenant.id);
        self.user_emails.remove_mut(&tenant.id);
        self.role_names.remove_mut(&tenant.id);
        self.group_names.remove_mut(&tenant.id);
        self.managed_policy_names.remove_mut(&tenant.id);
        self.iam_role_names.remove_mut(&tenant.id);
        self.global_buckets.remove_mut(&tenant.id);
        self.held.remove_mut(&tenant.id);
        self.children.remove_mut(&tenant.id);
        if let Some(parent) = tenant.parent
            && let Some(mut children) = self.children.get(&parent).cloned()
        {
            children.remove_mut(&tenant.id);
            self.children.insert_mut(parent, children);
        }
        self.leftovers.forget_tenant(tenant.id);
        self.tenants.remove_mut(&tenant.id);
    }

    fn remove_user(&mut self, user: &User) {
        self.forget_email(user.id);
        if let Some(mut names) = self.user_names.get(&user.tenant).cloned() {
            names.remove_mut(&user.name.folded());
            self.user_names.insert_mut(user.tenant, names);
        }
        self.user_keys.remove_mut(&user.id);
        self.sub_user_names.remove_mut(&user.id);
        self.held_policies.remove_mut(&Holder::User(user.id));
        self.owned.remove_mut(&user.id);
        self.leftovers.forget_user(user.id);
        self.users.remove_mut(&user.id);
    }

    fn remove_namespace(&mut self, tenant: &str, whose: Option<&str>) {
        let number = |text: &str| u64::from_str_radix(text, 16).ok();
        let Some(tenant) = number(tenant).map(TenantId) else {
            return;
        };
        let id = match whose {
            Some("account") => NamespaceId::Account(tenant),
            Some(user) => match number(user) {
                Some(user) => NamespaceId::User(tenant, UserId(user)),
                None => return,
            },
            None => return,
        };
        if let Some(alias) = self.namespaces.get(&id).and_then(|it| it.alias.clone()) {
            self.aliases.remove_mut(&alias);
        }
        self.namespaces.remove_mut(&id);
        self.bucket_names.remove_mut(&id);
    }

    /// The rest of a policy's row says what it was attached to.
    fn remove_policy<'r>(&mut self, mut parts: impl Iterator<Item = &'r str>) {
        let (kind, id, name) = (parts.next(), parts.next().unwrap_or(""), parts.next());
        match (kind, name) {
            (Some("bucket"), None) => {
                if let Ok(id) = u128::from_str_radix(id, 16) {
                    self.bucket_policies.remove_mut(&s3_protocol::BucketId(id));
                }
            }
            (Some(kind), Some(name)) => {
                if let Some(holder) = iam::holder(kind, id)
                    && let Some(mut policies) = self.held_policies.get(&holder).cloned()
                {
                    policies.remove_mut(name);
                    self.held_policies.insert_mut(holder, policies);
                }
            }
            _ => {}
        }
    }

    /// Modules go when their account goes, and that is rare: they are found by their row's key.
    fn remove_module(&mut self, row: &str) {
        let version = self
            .modules
            .values()
            .flat_map(RedBlackTreeMapSync::values)
            .find(|version| Record::Module(ModuleVersion::clone(version)).key() == row);
        if let Some(version) = version.cloned()
            && let Some(mut versions) = self.modules.get(&version.scope).cloned()
        {
            versions.remove_mut(&(NameKey::new(&version.name), version.digest));
            self.modules.insert_mut(version.scope, versions);
        }
        let binding = self
            .bindings
            .values()
            .flat_map(RedBlackTreeMapSync::values)
            .find(|binding| Record::Binding(Binding::clone(binding)).key() == row);
        if let Some(binding) = binding.cloned()
            && let Some(mut bindings) = self.bindings.get(&binding.scope).cloned()
        {
            bindings.remove_mut(&NameKey::new(&binding.name));
            self.bindings.insert_mut(binding.scope, bindings);
        }
    }

    /// The head, once there is one.
    pub(in crate::directory) fn head(&self) -> Option<&Arc<Head>> {
        self.head.as_ref()
    }

    /// How many audit records there are.
    pub fn audits(&self) -> u64 {
        self.head.as_ref().map_or(0, |head| head.audits)
    }

    /// The vault under which its secrets are sealed.
    pub(in crate::directory) fn vault(&self) -> &Arc<Vault> {
        &self.vault
    }

    /// The same under another vault.
    pub(in crate::directory) fn under(&self, vault: Arc<Vault>) -> Self {
        Self {
            vault,
            ..self.clone()
        }
    }
}

fn new_map<K: Eq + Hash, V>() -> Map<K, V> {
    Map::new_with_hasher_and_ptr_kind(foldhash::quality::RandomState::default())
}
