//! The directory as one immutable value. A change makes another that shares all but what changed, so that a reader
//! never sees half of one and a million keys are never copied.

mod fold;

use std::sync::Arc;

use foldhash::quality::RandomState;
use rpds::{HashTrieMapSync, RedBlackTreeMapSync, RedBlackTreeSetSync};
use s3_protocol::{BucketId, BucketName};

use super::names::{
    AccessKeyId, Alias, Digest, Name, NameKey, NamespaceId, PlacedBucket, TenantId, UserId,
};
use super::record::{
    AccessKey, Binding, Bucket, BucketState, KeyState, ModuleScope, ModuleStage, ModuleState,
    ModuleVersion, Namespace, PolicyDocument, PolicyPlace, Tenant, TenantStatus, User, UserKind,
    UserStatus,
};
use super::rows::Head;
use super::vault::{Identity, SealError, Vault};
use crate::Secret;
use crate::engine::Revision;
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
    keys: Map<AccessKeyId, Arc<AccessKey>>,
    namespaces: Map<NamespaceId, Arc<Namespace>>,
    buckets: Map<BucketId, Arc<Bucket>>,
    bucket_policies: Map<BucketId, Arc<PolicyDocument>>,
    user_policies: Map<UserId, UserPolicies>,
    modules: RedBlackTreeMapSync<ModuleScope, Versions>,
    bindings: RedBlackTreeMapSync<ModuleScope, Bindings>,
    // What follows is found again from the records above, and kept so that nothing is searched for.
    tenant_names: RedBlackTreeMapSync<Box<str>, TenantId>,
    user_names: Map<TenantId, RedBlackTreeMapSync<Box<str>, UserId>>,
    user_keys: Map<UserId, RedBlackTreeSetSync<AccessKeyId>>,
    bucket_names: Map<NamespaceId, RedBlackTreeMapSync<BucketName, Arc<Bucket>>>,
    owned: Map<UserId, u64>,
    aliases: RedBlackTreeMapSync<Alias, NamespaceId>,
    half_done: RedBlackTreeSetSync<BucketId>,
}

/// The policy documents of a user.
type UserPolicies = RedBlackTreeMapSync<NameKey, Arc<PolicyDocument>>;
/// The versions of a scope's modules.
type Versions = RedBlackTreeMapSync<(NameKey, Digest), Arc<ModuleVersion>>;
/// What is in force in a scope.
type Bindings = RedBlackTreeMapSync<NameKey, Arc<Binding>>;

/// Behind an access key: all that stands above it. That it exists says nothing of whether it works: see [`Caller::works_at`].
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// The account.
    pub tenant: &'a Arc<Tenant>,
    /// The user.
    pub user: &'a Arc<User>,
    /// The key.
    pub key: &'a Arc<AccessKey>,
}

impl Caller<'_> {
    /// Whether account, user and key are active. Expiry and the beginning of a key are limits, judged by policy; a key
    /// that was replaced stops here when its grace is over.
    pub fn works_at(&self, now: UnixSeconds) -> bool {
        let key = match self.key.state {
            KeyState::Active => true,
            KeyState::Disabled => false,
            KeyState::Rotating { until } => now < until,
        };
        key && self.tenant.status == TenantStatus::Active && self.user.status == UserStatus::Active
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
        (user.tenant == key.tenant).then_some(Caller { tenant, user, key })
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

    /// The buckets of a namespace that answer requests, by name, ascending.
    pub fn buckets(&self, namespace: NamespaceId) -> impl Iterator<Item = &Arc<Bucket>> {
        let names = self.bucket_names.get(&namespace);
        let all = names.into_iter().flat_map(RedBlackTreeMapSync::values);
        all.filter(|bucket| bucket.state == BucketState::Active)
    }

    /// The policy document of a bucket.
    pub fn bucket_policy(&self, bucket: BucketId) -> Option<&Arc<PolicyDocument>> {
        self.bucket_policies.get(&bucket)
    }

    /// The policy documents of a user, by name.
    pub fn user_policies(&self, user: UserId) -> impl Iterator<Item = &Arc<PolicyDocument>> {
        let all = self.user_policies.get(&user);
        all.into_iter().flat_map(RedBlackTreeMapSync::values)
    }

    /// The policy document that is attached there.
    pub fn policy(&self, place: &PolicyPlace) -> Option<&Arc<PolicyDocument>> {
        match place {
            PolicyPlace::Bucket(bucket) => self.bucket_policy(*bucket),
            PolicyPlace::User { user, name } => {
                self.user_policies.get(user)?.get(&NameKey::new(name))
            }
        }
    }

    /// The namespace that a host's label names.
    pub fn alias(&self, label: &str) -> Option<NamespaceId> {
        self.aliases.get(label).copied()
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
        self.user(*self.user_names.get(&tenant)?.get(&name.folded())?)
    }

    /// The users of an account by name.
    pub fn users(&self, tenant: TenantId) -> impl Iterator<Item = &Arc<User>> {
        let names = self
            .user_names
            .get(&tenant)
            .into_iter()
            .flat_map(RedBlackTreeMapSync::values);
        names.filter_map(|id| self.user(*id))
    }

    /// The root user of an account.
    pub fn root(&self, tenant: TenantId) -> Option<&Arc<User>> {
        self.users(tenant).find(|user| user.kind == UserKind::Root)
    }

    /// An access key.
    pub fn key(&self, id: &AccessKeyId) -> Option<&Arc<AccessKey>> {
        self.keys.get(id)
    }

    /// The keys of a user by id.
    pub fn keys(&self, user: UserId) -> impl Iterator<Item = &Arc<AccessKey>> {
        let ids = self
            .user_keys
            .get(&user)
            .into_iter()
            .flat_map(RedBlackTreeSetSync::iter);
        ids.filter_map(|id| self.keys.get(id))
    }

    /// How many keys there are in all.
    pub fn key_count(&self) -> usize {
        self.keys.size()
    }

    /// A namespace.
    pub fn namespace(&self, id: NamespaceId) -> Option<&Arc<Namespace>> {
        self.namespaces.get(&id)
    }

    /// How many buckets, in whatever state, a user owns.
    pub fn buckets_owned(&self, user: UserId) -> u64 {
        self.owned.get(&user).copied().unwrap_or(0)
    }

    /// The buckets of which the upstream has not confirmed the last step. They are finished at start.
    pub fn half_done_buckets(&self) -> impl Iterator<Item = &Arc<Bucket>> {
        self.half_done.iter().filter_map(|id| self.buckets.get(id))
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

    /// Every policy document of an account: those of its buckets, in no order, then those of its users by name.
    pub fn policies(&self, tenant: TenantId) -> impl Iterator<Item = &Arc<PolicyDocument>> {
        let of_buckets = self.bucket_policies.values();
        let of_users = self
            .users(tenant)
            .flat_map(|user| self.user_policies(user.id));
        of_buckets
            .filter(move |policy| policy.tenant == tenant)
            .chain(of_users)
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
