//! The directory as one immutable value. A change makes another that shares all but what changed, so that a reader
//! never sees half of one and a million keys are never copied.

mod fold;
mod iam;
mod leftovers;
mod whose;

use std::sync::Arc;

use foldhash::quality::RandomState;
use rpds::{HashTrieMapSync, RedBlackTreeMapSync, RedBlackTreeSetSync};
use s3_protocol::{BucketId, BucketName};

use self::leftovers::Leftovers;
use super::command::{Actor, Who};
use super::iam::{Attachable, Attachments, Group, Holder, IamRole, ManagedPolicy};
use super::job::{Job, Purge};
use super::names::{
    AccessKeyId, Alias, ApiTokenId, Digest, Email, GroupId, Host, IamRoleId, JobId, Name, NameKey,
    NamespaceId, OperatorId, PlacedBucket, PolicyId, RoleId, SubUserId, TenantId, UserId,
};
use super::operator::{ApiToken, Office, Operator};
use super::profile::NamespaceKind;
use super::record::{
    AccessKey, Binding, Bucket, BucketState, KeyState, ModuleScope, ModuleStage, ModuleState,
    ModuleVersion, Namespace, PolicyDocument, PolicyPlace, SubUser, Tenant, TenantStatus, User,
    UserKind, UserStatus,
};
use super::role::{Authority, CustomRole, Role, RoleAtoms};
use super::rows::Head;
use super::vault::{Identity, SealError, Vault};
use crate::Secret;
use crate::engine::Revision;
use crate::identity::{OneTimeSecret, Step};
use crate::time::UnixSeconds;

/// A persistent hash map.
type Map<K, V> = HashTrieMapSync<K, V, RandomState>;

/// The directory at one revision.
#[derive(Clone, Debug)]
pub struct State {
    revision: Revision,
    head: Option<Arc<Head>>,
    vault: Arc<Vault>,
    tenants: Map<TenantId, Arc<Tenant>>,
    users: Map<UserId, Arc<User>>,
    sub_users: Map<SubUserId, Arc<SubUser>>,
    roles: Map<RoleId, Arc<CustomRole>>,
    keys: Map<AccessKeyId, Arc<AccessKey>>,
    namespaces: Map<NamespaceId, Arc<Namespace>>,
    buckets: Map<BucketId, Arc<Bucket>>,
    bucket_policies: Map<BucketId, Arc<PolicyDocument>>,
    held_policies: Map<Holder, HeldPolicies>,
    groups: Map<GroupId, Arc<Group>>,
    managed_policies: Map<PolicyId, Arc<ManagedPolicy>>,
    iam_roles: Map<IamRoleId, Arc<IamRole>>,
    attachments: Map<Holder, Arc<Attachments>>,
    modules: RedBlackTreeMapSync<ModuleScope, Versions>,
    bindings: RedBlackTreeMapSync<ModuleScope, Bindings>,
    jobs: RedBlackTreeMapSync<JobId, Arc<Job>>,
    operators: RedBlackTreeMapSync<OperatorId, Arc<Operator>>,
    api_tokens: RedBlackTreeMapSync<ApiTokenId, Arc<ApiToken>>,
    // What follows is found again from the records above, and kept so that nothing is searched for.
    tenant_names: RedBlackTreeMapSync<Box<str>, TenantId>,
    user_names: Map<TenantId, RedBlackTreeMapSync<Box<str>, Arc<User>>>,
    user_emails: Map<TenantId, RedBlackTreeMapSync<Box<str>, UserId>>,
    sub_user_names: Map<UserId, RedBlackTreeMapSync<Box<str>, SubUserId>>,
    role_names: Map<TenantId, RedBlackTreeMapSync<Box<str>, RoleId>>,
    children: Map<TenantId, RedBlackTreeSetSync<TenantId>>,
    user_keys: Map<UserId, RedBlackTreeMapSync<AccessKeyId, Arc<AccessKey>>>,
    sub_user_keys: Map<SubUserId, RedBlackTreeSetSync<AccessKeyId>>,
    global_buckets: Map<TenantId, RedBlackTreeSetSync<BucketName>>,
    bucket_names: Map<NamespaceId, RedBlackTreeMapSync<BucketName, Arc<Bucket>>>,
    owned: Map<UserId, u64>,
    held: Map<TenantId, Held>,
    aliases: RedBlackTreeMapSync<Alias, NamespaceId>,
    hosts: RedBlackTreeMapSync<Host, TenantId>,
    half_done: RedBlackTreeSetSync<BucketId>,
    leftovers: Leftovers,
    running: RedBlackTreeSetSync<JobId>,
    operator_emails: RedBlackTreeMapSync<(Box<str>, Option<TenantId>), OperatorId>,
    token_hashes: Map<[u8; 32], ApiTokenId>,
    group_names: Map<TenantId, RedBlackTreeMapSync<Box<str>, GroupId>>,
    managed_policy_names: Map<TenantId, RedBlackTreeMapSync<Box<str>, PolicyId>>,
    iam_role_names: Map<TenantId, RedBlackTreeMapSync<Box<str>, IamRoleId>>,
    group_members: Map<GroupId, RedBlackTreeSetSync<UserId>>,
    attached_to: Map<(TenantId, Attachable), RedBlackTreeSetSync<Holder>>,
}

/// How much there is in an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Users, the root among them.
    pub users: usize,
    /// Access keys of all of them, whether or not they work.
    pub keys: usize,
    /// Buckets, in whatever state.
    pub buckets: usize,
}

/// The policy documents of a user, group or role.
type HeldPolicies = RedBlackTreeMapSync<NameKey, Arc<PolicyDocument>>;
/// The versions of a scope's modules.
type Versions = RedBlackTreeMapSync<(NameKey, Digest), Arc<ModuleVersion>>;
/// What is in force in a scope.
type Bindings = RedBlackTreeMapSync<NameKey, Arc<Binding>>;

/// Behind an access key: all that stands above it. That it exists says nothing of whether it works: see [`Caller::works_at`].
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// The account.
    pub tenant: &'a Arc<Tenant>,
    /// How it stands, with the account above it.
    pub standing: TenantStatus,
    /// The user.
    pub user: &'a Arc<User>,
    /// His role, where the account has made it.
    pub role: Option<&'a Arc<CustomRole>>,
    /// The sub-user, where the key is one's.
    pub sub_user: Option<&'a Arc<SubUser>>,
    /// The key.
    pub key: &'a Arc<AccessKey>,
}

impl Caller<'_> {
    /// Whether account, user, sub-user and key are active. Expiry and the beginning of a key are limits, judged by policy, as is an
    /// account that may only read; a key that was replaced stops here when its grace is over.
    pub fn works_at(&self, now: UnixSeconds) -> bool {
        let key = match self.key.state {
            KeyState::Active => true,
            KeyState::Disabled => false,
            KeyState::Rotating { until } => now < until,
        };
        let tenant = match self.standing {
            TenantStatus::Active | TenantStatus::ReadOnly => true,
            TenantStatus::Suspended | TenantStatus::Closed => false,
        };
        let sub_user = self
            .sub_user
            .is_none_or(|sub_user| sub_user.status == UserStatus::Active);
        key && tenant && sub_user && self.user.status == UserStatus::Active
    }

    /// The namespace in which the caller's bucket names are looked up.
    pub fn namespace(&self) -> NamespaceId {
        self.user.namespace(self.tenant.profile)
    }
}

/// What the gate asks on the path of a request.
impl State {
    /// Who stands behind an access key, whether or not any of it works.
    pub fn caller(&self, id: &AccessKeyId) -> Option<Caller<'_>> {
        let key = self.keys.get(id)?;
        let tenant = self.tenants.get(&key.tenant)?;
        let user = self.users.get(&key.user)?;
        // A sub-user or role that is named and not there is no reason to allow more.
        let sub_user = match key.sub_user {
            Some(id) => Some(self.sub_users.get(&id)?),
            None => None,
        };
        let role = match user.role {
            Role::Custom(id) => Some(self.roles.get(&id)?),
            Role::Owner | Role::Admin | Role::Contributor | Role::Reader | Role::Member => None,
        };
        let fits = user.tenant == key.tenant
            && sub_user.is_none_or(|sub_user| sub_user.user == user.id)
            && role.is_none_or(|role| role.tenant == user.tenant);
        fits.then_some(Caller {
            tenant,
            standing: self.standing(tenant),
            user,
            role,
            sub_user,
            key,
        })
    }

    /// How an account stands: as it says itself, or as the account above it does where that is stricter. What stands below an account
    /// that is not there does not work.
    pub fn standing(&self, tenant: &Tenant) -> TenantStatus {
        let above = tenant.parent.map(|parent| {
            let parent = self.tenants.get(&parent);
            parent.map_or(TenantStatus::Suspended, |parent| parent.status)
        });
        above.map_or(tenant.status, |above| above.max(tenant.status))
    }

    /// Opens the secret half of a key. It costs an AES-GCM opening: keep what is derived from it, not the secret.
    pub fn open_secret(&self, key: &AccessKey) -> Result<Secret, SealError> {
        self.vault.open(
            Identity::AccessKey(key.tenant, key.user, key.id),
            &key.sealed,
        )
    }

    /// A bucket by name, in whatever state. Only [`BucketState::Active`] answers requests.
    pub fn bucket(&self, namespace: NamespaceId, name: &BucketName) -> Option<&Arc<Bucket>> {
        self.bucket_names.get(&namespace)?.get(name)
    }

    /// The same, for a text that may be no bucket's name at all.
    pub fn bucket_called(&self, namespace: NamespaceId, name: &str) -> Option<&Arc<Bucket>> {
        self.bucket(namespace, &name.parse().ok()?)
    }

    /// The same, for a name in its namespace.
    pub fn placed_bucket(&self, place: &PlacedBucket) -> Option<&Arc<Bucket>> {
        self.bucket(place.namespace(), place.name())
    }

    /// A bucket by number.
    pub fn bucket_by_id(&self, id: BucketId) -> Option<&Arc<Bucket>> {
        self.buckets.get(&id)
    }

    /// The buckets of an account in whatever state, each namespace by name, ascending.
    pub fn buckets_in(&self, tenant: &Tenant) -> impl Iterator<Item = &Arc<Bucket>> {
        let id = tenant.id;
        let kind = tenant.profile.namespaces();
        let names = self
            .user_names
            .get(&id)
            .filter(|_| kind == NamespaceKind::PerUser);
        let users = names.into_iter().flat_map(RedBlackTreeMapSync::values);
        let of_users = users.map(move |user| NamespaceId::User(id, user.id));
        let whole = match kind {
            NamespaceKind::PerUser => None,
            NamespaceKind::Account => Some(NamespaceId::Account(id)),
            NamespaceKind::Global => None,
        };
        let own = of_users.chain(whole);
        let own = own.flat_map(|namespace| self.all_buckets(namespace));
        let global = self.global_buckets.get(&id);
        let global = global.into_iter().flat_map(RedBlackTreeSetSync::iter);
        let global = global.filter_map(|name| self.bucket(NamespaceId::Global, name));
        own.chain(global)
    }

    /// The buckets of a namespace that answer requests, by name, ascending.
    pub fn buckets(&self, namespace: NamespaceId) -> impl Iterator<Item = &Arc<Bucket>> {
        let names = self.bucket_names.get(&namespace);
        let all = names.into_iter().flat_map(RedBlackTreeMapSync::values);
        all.filter(|bucket| bucket.state == BucketState::Active)
    }

    /// The buckets of a namespace that answer requests and belong to an account, by name, ascending. In a namespace of the account's
    /// own those are all.
    pub fn buckets_of(
        &self,
        namespace: NamespaceId,
        tenant: TenantId,
    ) -> impl Iterator<Item = &Arc<Bucket>> {
        let is_global = namespace == NamespaceId::Global;
        let names = self.global_buckets.get(&tenant).filter(|_| is_global);
        let global = names.into_iter().flat_map(RedBlackTreeSetSync::iter);
        let global = global.filter_map(move |name| self.bucket(namespace, name));
        let own = (!is_global && namespace.tenant() == Some(tenant)).then_some(namespace);
        let own = own
            .into_iter()
            .flat_map(|namespace| self.buckets(namespace));
        global
            .filter(|bucket| bucket.state == BucketState::Active)
            .chain(own)
    }

    /// The policy document of a bucket.
    pub fn bucket_policy(&self, bucket: BucketId) -> Option<&Arc<PolicyDocument>> {
        self.bucket_policies.get(&bucket)
    }

    /// The policy documents of a user, by name.
    pub fn user_policies(&self, user: UserId) -> impl Iterator<Item = &Arc<PolicyDocument>> {
        self.held_policies(Holder::User(user))
    }

    /// The policy document that is attached there.
    pub fn policy(&self, place: &PolicyPlace) -> Option<&Arc<PolicyDocument>> {
        match place {
            PolicyPlace::Bucket(bucket) => self.bucket_policy(*bucket),
            PolicyPlace::User { .. } | PolicyPlace::Group { .. } | PolicyPlace::Role { .. } => {
                let (holder, name) = place.holder()?;
                self.held_policies.get(&holder)?.get(&NameKey::new(name))
            }
        }
    }

    /// The namespace that a host's label names.
    pub fn alias(&self, label: &str) -> Option<NamespaceId> {
        self.aliases.get(label).copied()
    }

    /// The account that a host belongs to, and the label before it where the host is below one of the account's.
    pub fn host<'h>(&self, name: &'h str) -> Option<(TenantId, Option<&'h str>)> {
        if self.hosts.is_empty() {
            return None;
        }
        if let Some(tenant) = self.hosts.get(name) {
            return Some((*tenant, None));
        }
        let (label, rest) = name.split_once('.')?;
        Some((*self.hosts.get(rest)?, Some(label)))
    }

    /// Every host of an account's own, by name.
    pub fn hosts(&self) -> impl Iterator<Item = (&Host, TenantId)> {
        self.hosts.iter().map(|(host, tenant)| (host, *tenant))
    }

    /// The modules in force in a scope, by name.
    pub fn active_modules(
        &self,
        scope: ModuleScope,
    ) -> impl Iterator<Item = (&Arc<Binding>, Digest)> {
        let bindings = self
            .bindings
            .get(&scope)
            .into_iter()
            .flat_map(RedBlackTreeMapSync::values);
        bindings.filter_map(|binding| Some((binding, binding.active?)))
    }
}

/// What admins ask.
impl State {
    /// The revision that it shows.
    pub const fn revision(&self) -> Revision {
        self.revision
    }

    /// An account.
    pub fn tenant(&self, id: TenantId) -> Option<&Arc<Tenant>> {
        self.tenants.get(&id)
    }

    /// An account by name, without regard to case.
    pub fn tenant_named(&self, name: &Name) -> Option<&Arc<Tenant>> {
        self.tenant(*self.tenant_names.get(&name.folded())?)
    }

    /// The account of this number.
    pub fn tenant_numbered(&self, number: u64) -> Option<&Arc<Tenant>> {
        self.tenant(TenantId(number))
    }

    /// The accounts by name.
    pub fn tenants(&self) -> impl Iterator<Item = &Arc<Tenant>> {
        self.tenant_names.values().filter_map(|id| self.tenant(*id))
    }

    /// A user.
    pub fn user(&self, id: UserId) -> Option<&Arc<User>> {
        self.users.get(&id)
    }

    /// A user of an account by name, without regard to case.
    pub fn user_named(&self, tenant: TenantId, name: &Name) -> Option<&Arc<User>> {
        self.user_names.get(&tenant)?.get(&name.folded())
    }

    /// The user of this number, if he is of this account.
    pub fn user_numbered(&self, tenant: TenantId, number: u64) -> Option<&Arc<User>> {
        self.user(UserId(number))
            .filter(|user| user.tenant == tenant)
    }

    /// The user of this number, of whatever account.
    pub fn user_by_number(&self, number: u64) -> Option<&Arc<User>> {
        self.user(UserId(number))
    }

    /// The users of an account by name.
    pub fn users(&self, tenant: TenantId) -> impl Iterator<Item = &Arc<User>> {
        let names = self.user_names.get(&tenant);
        names.into_iter().flat_map(RedBlackTreeMapSync::values)
    }

    /// How much there is in an account, counted as it comes and goes.
    pub fn held(&self, tenant: TenantId) -> Held {
        let users = self.user_names.get(&tenant);
        let held = self.held.get(&tenant).copied().unwrap_or_default();
        Held {
            users: users.map_or(0, RedBlackTreeMapSync::size),
            ..held
        }
    }

    /// A user of an account by e-mail address, without regard to case.
    pub fn user_with_email(&self, tenant: TenantId, email: &Email) -> Option<&Arc<User>> {
        self.user(*self.user_emails.get(&tenant)?.get(&email.folded())?)
    }

    /// The accounts below an account, by number.
    pub fn children(&self, tenant: TenantId) -> impl Iterator<Item = &Arc<Tenant>> {
        let ids = self.children.get(&tenant);
        let ids = ids.into_iter().flat_map(RedBlackTreeSetSync::iter);
        ids.filter_map(|id| self.tenant(*id))
    }

    /// A sub-user.
    pub fn sub_user(&self, id: SubUserId) -> Option<&Arc<SubUser>> {
        self.sub_users.get(&id)
    }

    /// A sub-user of a user by name, without regard to case.
    pub fn sub_user_named(&self, user: UserId, name: &Name) -> Option<&Arc<SubUser>> {
        self.sub_user(*self.sub_user_names.get(&user)?.get(&name.folded())?)
    }

    /// The sub-users of a user by name.
    pub fn sub_users(&self, user: UserId) -> impl Iterator<Item = &Arc<SubUser>> {
        let names = self.sub_user_names.get(&user);
        let ids = names.into_iter().flat_map(RedBlackTreeMapSync::values);
        ids.filter_map(|id| self.sub_user(*id))
    }

    /// A role that an account has made.
    pub fn role(&self, id: RoleId) -> Option<&Arc<CustomRole>> {
        self.roles.get(&id)
    }

    /// A role of an account by name, without regard to case.
    pub fn role_named(&self, tenant: TenantId, name: &Name) -> Option<&Arc<CustomRole>> {
        self.role(*self.role_names.get(&tenant)?.get(&name.folded())?)
    }

    /// The roles that an account has made, by name.
    pub fn roles(&self, tenant: TenantId) -> impl Iterator<Item = &Arc<CustomRole>> {
        let names = self.role_names.get(&tenant);
        let ids = names.into_iter().flat_map(RedBlackTreeMapSync::values);
        ids.filter_map(|id| self.role(*id))
    }

    /// What a role may do; nothing, where an account has made it and it is gone.
    pub fn role_atoms(&self, role: Role) -> RoleAtoms {
        match role {
            Role::Custom(id) => self.role(id).map(|role| role.atoms.clone()),
            builtin => RoleAtoms::of_builtin(builtin),
        }
        .unwrap_or_default()
    }

    /// What whoever asks may do. Whose records are gone may do nothing.
    pub fn authority(&self, actor: &Actor) -> Authority {
        match &actor.who {
            Who::System | Who::AdminToken | Who::Person { .. } => Authority::Platform,
            Who::Operator { operator } => {
                Authority::Operator(self.office(*operator).unwrap_or_else(Office::nothing))
            }
            // Whether its time is over is asked where it is presented, and by whoever carries a command out.
            Who::Token { token, .. } => {
                let office = self.office_of_token(*token, UnixSeconds(0));
                Authority::Operator(office.unwrap_or_else(Office::nothing))
            }
            Who::Nobody => Authority::Operator(Office::nothing()),
            Who::Key { tenant, user, key } => {
                let role = self.user(*user).map(|user| user.role);
                let key = self.key(key);
                let sub_user = key.and_then(|key| self.sub_user(key.sub_user?));
                let levels = [
                    key.map(|key| key.rights.level),
                    sub_user.map(|sub_user| sub_user.level),
                ];
                Authority::User {
                    tenant: *tenant,
                    role: role.unwrap_or_default(),
                    atoms: match (role, key) {
                        (Some(role), Some(_)) => self.role_atoms(role),
                        _ => RoleAtoms::default(),
                    },
                    levels: levels.into_iter().flatten().collect(),
                }
            }
        }
    }

    /// An operator.
    pub fn operator(&self, id: OperatorId) -> Option<&Arc<Operator>> {
        self.operators.get(&id)
    }

    /// The operator of this number.
    pub fn operator_numbered(&self, number: u64) -> Option<&Arc<Operator>> {
        self.operator(OperatorId(number))
    }

    /// The operators, in the order in which they were made.
    pub fn operators(&self) -> impl Iterator<Item = &Arc<Operator>> {
        self.operators.values()
    }

    /// The operator of an account, or of the deployment, by e-mail address, without regard to case.
    pub fn operator_with_email(
        &self,
        tenant: Option<TenantId>,
        email: &Email,
    ) -> Option<&Arc<Operator>> {
        self.operator(*self.operator_emails.get(&(email.folded(), tenant))?)
    }

    /// Those who have this e-mail address, each in another organization.
    pub fn operators_with_email(&self, email: &Email) -> impl Iterator<Item = &Arc<Operator>> {
        let folded = email.folded();
        let all = self.operator_emails.range((folded.clone(), None)..);
        let own = all.take_while(move |((email, _), _)| *email == folded);
        own.filter_map(|(_, id)| self.operator(*id))
    }

    /// What an operator's telephone shares with the server, and the last step that was used; none where he has none.
    ///
    /// # Errors
    /// It does not open.
    pub fn one_time(
        &self,
        operator: &Operator,
    ) -> Result<Option<(OneTimeSecret, Option<Step>)>, SealError> {
        let Some(one_time) = &operator.one_time else {
            return Ok(None);
        };
        let secret = self
            .vault
            .open(Identity::OneTime(operator.id), &one_time.sealed)?;
        let secret = OneTimeSecret::kept(secret).map_err(|_| SealError::Damaged)?;
        Ok(Some((secret, one_time.last)))
    }

    /// A token of the admin API.
    pub fn api_token(&self, id: ApiTokenId) -> Option<&Arc<ApiToken>> {
        self.api_tokens.get(&id)
    }

    /// The token of this number.
    pub fn api_token_numbered(&self, number: u64) -> Option<&Arc<ApiToken>> {
        self.api_token(ApiTokenId(number))
    }

    /// The tokens of the admin API, in the order in which they were made.
    pub fn api_tokens(&self) -> impl Iterator<Item = &Arc<ApiToken>> {
        self.api_tokens.values()
    }

    /// The tokens of an operator, or those that are the platform's own.
    pub fn api_tokens_of(
        &self,
        operator: Option<OperatorId>,
    ) -> impl Iterator<Item = &Arc<ApiToken>> {
        self.api_tokens()
            .filter(move |token| token.operator == operator)
    }

    /// The token whose text this is, whether or not it works.
    pub fn api_token_presented(&self, text: &[u8]) -> Option<&Arc<ApiToken>> {
        let hash = Digest::of(text);
        self.api_token(*self.token_hashes.get(hash.as_bytes())?)
    }

    /// The root user of an account.
    pub fn root(&self, tenant: TenantId) -> Option<&Arc<User>> {
        self.users(tenant).find(|user| user.kind == UserKind::Root)
    }

    /// An access key.
    pub fn key(&self, id: &AccessKeyId) -> Option<&Arc<AccessKey>> {
        self.keys.get(id)
    }

    /// The keys of a sub-user by id.
    pub fn sub_user_keys(&self, sub_user: SubUserId) -> impl Iterator<Item = &Arc<AccessKey>> {
        let ids = self.sub_user_keys.get(&sub_user);
        let ids = ids.into_iter().flat_map(RedBlackTreeSetSync::iter);
        ids.filter_map(|id| self.keys.get(id))
    }

    /// The keys of a user himself by id, without those of his sub-users.
    pub fn own_keys(&self, user: UserId) -> impl Iterator<Item = &Arc<AccessKey>> {
        self.keys(user).filter(|key| key.sub_user.is_none())
    }

    /// The keys of a user and of his sub-users by id.
    pub fn keys(&self, user: UserId) -> impl Iterator<Item = &Arc<AccessKey>> {
        let keys = self.user_keys.get(&user);
        keys.into_iter().flat_map(RedBlackTreeMapSync::values)
    }

    /// How many keys there are in all.
    pub fn key_count(&self) -> usize {
        self.keys.size()
    }

    /// A namespace.
    pub fn namespace(&self, id: NamespaceId) -> Option<&Arc<Namespace>> {
        self.namespaces.get(&id)
    }

    /// The buckets of a namespace in whatever state, by name, ascending.
    pub fn all_buckets(&self, namespace: NamespaceId) -> impl Iterator<Item = &Arc<Bucket>> {
        let names = self.bucket_names.get(&namespace);
        names.into_iter().flat_map(RedBlackTreeMapSync::values)
    }

    /// How many buckets, in whatever state, a user owns.
    pub fn buckets_owned(&self, user: UserId) -> u64 {
        self.owned.get(&user).copied().unwrap_or(0)
    }

    /// Every bucket, in whatever state, in no order.
    pub fn every_bucket(&self) -> impl Iterator<Item = &Arc<Bucket>> {
        self.buckets.values()
    }

    /// The buckets of which the upstream has not confirmed the last step. They are finished at start.
    pub fn half_done_buckets(&self) -> impl Iterator<Item = &Arc<Bucket>> {
        self.half_done.iter().filter_map(|id| self.buckets.get(id))
    }

    /// The buckets that a purge removes, in whatever state.
    pub fn purged_buckets(&self, purge: Purge) -> impl Iterator<Item = &Arc<Bucket>> {
        let (tenant, owner) = match purge {
            Purge::User(id) => (self.user(id).map(|user| user.tenant), Some(id)),
            Purge::Tenant(id) => (Some(id), None),
        };
        let tenant = tenant.and_then(|id| self.tenant(id));
        let users = tenant.into_iter().flat_map(|tenant| {
            let users = self.users(tenant.id).map(|user| user.id);
            users.filter(move |id| owner.is_none_or(|owner| owner == *id))
        });
        let users = users.filter(|user| self.buckets_owned(*user) > 0);
        // Where users share a namespace it is looked through once, and not for each of them.
        let mut namespaces: Vec<NamespaceId> = users
            .filter_map(|id| Some(self.user(id)?.namespace(tenant?.profile)))
            .collect();
        namespaces.dedup();
        namespaces
            .into_iter()
            .flat_map(|namespace| self.all_buckets(namespace))
            .filter(move |bucket| {
                tenant.is_some_and(|tenant| tenant.id == bucket.tenant)
                    && owner.is_none_or(|owner| owner == bucket.owner)
            })
    }

    /// Whether a bucket goes with its owner or account: then nothing brings it back.
    pub fn is_purged(&self, bucket: &Bucket) -> bool {
        let owner = self.user(bucket.owner);
        let tenant = self.tenant(bucket.tenant);
        owner.is_some_and(|user| user.status == UserStatus::Deleting)
            || tenant.is_some_and(|tenant| tenant.status == TenantStatus::Closed)
    }

    /// A job.
    pub fn job(&self, id: JobId) -> Option<&Arc<Job>> {
        self.jobs.get(&id)
    }

    /// The job of this number.
    pub fn job_numbered(&self, number: u64) -> Option<&Arc<Job>> {
        self.job(JobId(number))
    }

    /// The jobs, the oldest first.
    pub fn jobs(&self) -> impl Iterator<Item = &Arc<Job>> {
        self.jobs.values()
    }

    /// The jobs that go on, the oldest first.
    pub fn running_jobs(&self) -> impl Iterator<Item = &Arc<Job>> {
        self.running.iter().filter_map(|id| self.jobs.get(id))
    }

    /// A version of a module.
    pub fn module(
        &self,
        scope: ModuleScope,
        name: &Name,
        digest: Digest,
    ) -> Option<&Arc<ModuleVersion>> {
        self.modules.get(&scope)?.get(&(NameKey::new(name), digest))
    }

    /// Every version of every module of a scope, by name.
    pub fn modules(&self, scope: ModuleScope) -> impl Iterator<Item = &Arc<ModuleVersion>> {
        self.modules
            .get(&scope)
            .into_iter()
            .flat_map(RedBlackTreeMapSync::values)
    }

    /// Every version with this digest, in whatever scope.
    pub fn modules_with(&self, digest: Digest) -> impl Iterator<Item = &Arc<ModuleVersion>> {
        self.modules
            .values()
            .flat_map(RedBlackTreeMapSync::values)
            .filter(move |version| version.digest == digest)
    }

    /// Every policy document of an account: those of its buckets, in no order, then those of its users, groups and roles by name.
    pub fn policies(&self, tenant: TenantId) -> impl Iterator<Item = &Arc<PolicyDocument>> {
        let of_buckets = self.bucket_policies.values();
        let of_users = self
            .users(tenant)
            .flat_map(|user| self.user_policies(user.id));
        let of_groups = self
            .groups(tenant)
            .flat_map(|group| self.held_policies(Holder::Group(group.id)));
        let of_roles = self
            .iam_roles(tenant)
            .flat_map(|role| self.held_policies(Holder::Role(role.id)));
        of_buckets
            .filter(move |policy| policy.tenant == tenant)
            .chain(of_users)
            .chain(of_groups)
            .chain(of_roles)
    }

    /// What is at work in a scope, or was, by name.
    pub fn bindings(&self, scope: ModuleScope) -> impl Iterator<Item = &Arc<Binding>> {
        self.bindings
            .get(&scope)
            .into_iter()
            .flat_map(RedBlackTreeMapSync::values)
    }

    /// Where a version stands in its life.
    pub fn stage(&self, version: &ModuleVersion) -> ModuleStage {
        match (version.state, self.binding(version.scope, &version.name)) {
            (ModuleState::Retired, _) => ModuleStage::Removed,
            (ModuleState::Ready, Some(binding)) => binding.stage(version.digest),
            (ModuleState::Ready, None) => ModuleStage::Stored,
        }
    }

    /// Which version of a module is in force.
    pub fn binding(&self, scope: ModuleScope, name: &Name) -> Option<&Arc<Binding>> {
        self.bindings.get(&scope)?.get(&NameKey::new(name))
    }
}
