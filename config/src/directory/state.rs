//! The directory as one immutable value. A change makes another that shares all but what changed, so that a reader
//! never sees half of one and a million keys are never copied.

use std::sync::Arc;

use foldhash::quality::RandomState;
use rpds::{HashTrieMapSync, RedBlackTreeMapSync, RedBlackTreeSetSync};
use s3_protocol::{BucketId, BucketName};

use super::names::{AccessKeyId, Alias, Digest, Name, NamespaceId, PlacedBucket, TenantId, UserId};
use super::record::{
    AccessKey, Binding, Bucket, BucketState, KeyState, ModuleScope, ModuleVersion, Namespace,
    Tenant, TenantStatus, User, UserKind, UserStatus,
};
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
    vault: Arc<Vault>,
    tenants: Map<TenantId, TenantEntry>,
    tenant_names: RedBlackTreeMapSync<Box<str>, TenantId>,
    users: Map<UserId, UserEntry>,
    keys: Map<AccessKeyId, Arc<AccessKey>>,
    namespaces: Map<NamespaceId, NamespaceEntry>,
    aliases: RedBlackTreeMapSync<Alias, NamespaceId>,
    buckets: Map<BucketId, Arc<Bucket>>,
    half_done: RedBlackTreeSetSync<BucketId>,
    modules: RedBlackTreeMapSync<(ModuleScope, Name, Digest), Arc<ModuleVersion>>,
    bindings: RedBlackTreeMapSync<ModuleScope, RedBlackTreeMapSync<Name, Arc<Binding>>>,
}

#[derive(Clone, Debug)]
struct TenantEntry {
    tenant: Arc<Tenant>,
    names: RedBlackTreeMapSync<Box<str>, UserId>,
    /// How many buckets its users own.
    buckets: u64,
}

#[derive(Clone, Debug)]
struct UserEntry {
    user: Arc<User>,
    keys: RedBlackTreeSetSync<AccessKeyId>,
    /// How many buckets the user owns.
    buckets: u64,
}

#[derive(Clone, Debug)]
struct NamespaceEntry {
    namespace: Arc<Namespace>,
    buckets: RedBlackTreeMapSync<BucketName, Arc<Bucket>>,
}

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
        let tenant = &self.tenants.get(&key.tenant)?.tenant;
        let user = &self.users.get(&key.user)?.user;
        (user.tenant == key.tenant).then_some(Caller { tenant, user, key })
    }

    /// Opens the secret half of a key. It costs an AES-GCM opening: keep what is derived from it, not the secret.
    pub fn open_secret(&self, key: &AccessKey) -> Result<Secret, SealError> {
        self.vault.open(Identity::AccessKey(key.tenant, key.user, key.id), &key.sealed)
    }

    /// A bucket by name, in whatever state. Only [`BucketState::Active`] answers requests.
    pub fn bucket(&self, namespace: NamespaceId, name: &BucketName) -> Option<&Arc<Bucket>> {
        self.namespaces.get(&namespace)?.buckets.get(name)
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
        let entry = self.namespaces.get(&namespace);
        let all = entry.into_iter().flat_map(|entry| entry.buckets.values());
        all.filter(|bucket| bucket.state == BucketState::Active)
    }

    /// The namespace that a host's label names.
    pub fn alias(&self, label: &str) -> Option<NamespaceId> {
        self.aliases.get(label).copied()
    }

    /// The modules in force in a scope, by name.
    pub fn active_modules(&self, scope: ModuleScope) -> impl Iterator<Item = (&Arc<Binding>, Digest)> {
        let bindings = self.bindings.get(&scope).into_iter().flat_map(RedBlackTreeMapSync::values);
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
        self.tenants.get(&id).map(|entry| &entry.tenant)
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
        self.users.get(&id).map(|entry| &entry.user)
    }

    /// A user of an account by name, without regard to case.
    pub fn user_named(&self, tenant: TenantId, name: &Name) -> Option<&Arc<User>> {
        self.user(*self.tenants.get(&tenant)?.names.get(&name.folded())?)
    }

    /// The users of an account by name.
    pub fn users(&self, tenant: TenantId) -> impl Iterator<Item = &Arc<User>> {
        let names = self.tenants.get(&tenant).into_iter().flat_map(|entry| entry.names.values());
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
        let ids = self.users.get(&user).into_iter().flat_map(|entry| entry.keys.iter());
        ids.filter_map(|id| self.keys.get(id))
    }

    /// How many keys there are in all.
    pub fn key_count(&self) -> usize {
        self.keys.size()
    }

    /// A namespace.
    pub fn namespace(&self, id: NamespaceId) -> Option<&Arc<Namespace>> {
        self.namespaces.get(&id).map(|entry| &entry.namespace)
    }

    /// How many buckets, in whatever state, a user owns.
    pub fn buckets_owned(&self, user: UserId) -> u64 {
        self.users.get(&user).map_or(0, |entry| entry.buckets)
    }

    /// The buckets of which the upstream has not confirmed the last step. They are finished at start.
    pub fn half_done_buckets(&self) -> impl Iterator<Item = &Arc<Bucket>> {
        self.half_done.iter().filter_map(|id| self.buckets.get(id))
    }

    /// A version of a module.
    pub fn module(&self, scope: ModuleScope, name: &Name, digest: Digest) -> Option<&Arc<ModuleVersion>> {
        self.modules.get(&(scope, name.clone(), digest))
    }

    /// Every version of every module of a scope, by name.
    pub fn modules(&self, scope: ModuleScope) -> impl Iterator<Item = &Arc<ModuleVersion>> {
        self.modules.values().filter(move |version| version.scope == scope)
    }

    /// Every version with this digest, in whatever scope.
    pub fn modules_with(&self, digest: Digest) -> impl Iterator<Item = &Arc<ModuleVersion>> {
        self.modules.values().filter(move |version| version.digest == digest)
    }

    /// Which version of a module is in force.
    pub fn binding(&self, scope: ModuleScope, name: &Name) -> Option<&Arc<Binding>> {
        self.bindings.get(&scope)?.get(name)
    }
}
