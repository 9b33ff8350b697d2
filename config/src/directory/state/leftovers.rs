//! What a deletion or a rotation has left to be removed: kept beside the records, so that a sweep looks at what is over and not
//! at a million keys that are not.

use std::sync::Arc;

use rpds::RedBlackTreeSetSync;

use super::State;
use crate::directory::names::{AccessKeyId, SubUserId, TenantId, UserId};
use crate::directory::record::{
    AccessKey, KeyState, SubUser, Tenant, TenantStatus, User, UserStatus,
};
use crate::time::UnixSeconds;

/// Who and what goes, by number; keys that were replaced by the second at which they stop.
#[derive(Clone, Debug, Default)]
pub(super) struct Leftovers {
    tenants: RedBlackTreeSetSync<TenantId>,
    users: RedBlackTreeSetSync<UserId>,
    sub_users: RedBlackTreeSetSync<SubUserId>,
    keys: RedBlackTreeSetSync<(UnixSeconds, AccessKeyId)>,
}

impl State {
    /// An account that is closed, owns no bucket any more and still has records.
    pub(in crate::directory) fn closed_tenant(&self) -> Option<&Arc<Tenant>> {
        let mut closed = self.leftovers.tenants.iter();
        let owns = |id: &TenantId| self.users(*id).any(|user| self.buckets_owned(user.id) > 0);
        self.tenant(*closed.find(|id| !owns(id))?)
    }

    /// A user who is deleted, owns no bucket any more and still has records.
    pub(in crate::directory) fn deleted_user(&self) -> Option<&Arc<User>> {
        let mut deleted = self.leftovers.users.iter();
        self.user(*deleted.find(|id| self.buckets_owned(**id) == 0)?)
    }

    /// A sub-user who is deleted and still has records.
    pub(in crate::directory) fn deleted_sub_user(&self) -> Option<&Arc<SubUser>> {
        self.sub_user(*self.leftovers.sub_users.first()?)
    }

    /// The keys that were replaced and whose grace is over, the oldest first.
    pub(in crate::directory) fn keys_over(
        &self,
        now: UnixSeconds,
    ) -> impl Iterator<Item = &Arc<AccessKey>> {
        let over = self.leftovers.keys.iter();
        let over = over.take_while(move |(until, _)| *until <= now);
        over.filter_map(|(_, id)| self.key(id))
    }
}

impl Leftovers {
    pub(super) fn put_tenant(&mut self, tenant: &Tenant) {
        match tenant.status {
            TenantStatus::Closed => self.tenants.insert_mut(tenant.id),
            TenantStatus::Active | TenantStatus::ReadOnly | TenantStatus::Suspended => {
                self.forget_tenant(tenant.id);
            }
        }
    }

    pub(super) fn forget_tenant(&mut self, id: TenantId) {
        self.tenants.remove_mut(&id);
    }

    pub(super) fn put_user(&mut self, user: &User) {
        match user.status {
            UserStatus::Deleting => self.users.insert_mut(user.id),
            UserStatus::Active | UserStatus::Disabled => self.forget_user(user.id),
        }
    }

    pub(super) fn forget_user(&mut self, id: UserId) {
        self.users.remove_mut(&id);
    }

    pub(super) fn put_sub_user(&mut self, sub_user: &SubUser) {
        match sub_user.status {
            UserStatus::Deleting => self.sub_users.insert_mut(sub_user.id),
            UserStatus::Active | UserStatus::Disabled => self.forget_sub_user(sub_user.id),
        }
    }

    pub(super) fn forget_sub_user(&mut self, id: SubUserId) {
        self.sub_users.remove_mut(&id);
    }

    /// `before` is the key as it was until now.
    pub(super) fn put_key(&mut self, before: Option<&AccessKey>, key: &AccessKey) {
        if let Some(before) = before {
            self.forget_key(before);
        }
        if let KeyState::Rotating { until } = key.state {
            self.keys.insert_mut((until, key.id));
        }
    }

    pub(super) fn forget_key(&mut self, key: &AccessKey) {
        if let KeyState::Rotating { until } = key.state {
            self.keys.remove_mut(&(until, key.id));
        }
    }
}
