//! Plans for access keys.

use serde_json::json;

use super::{Ground, Plan, refuse};
use crate::Secret;
use crate::directory::bounds::Rate;
use crate::directory::command::{CommandError, Outcome, Refusal};
use crate::directory::level::Level;
use crate::directory::names::{AccessKeyId, Lineage, SubUserId, UserId};
use crate::directory::profile::RootKeys;
use crate::directory::record::{
    AccessKey, KeyRights, KeyState, SubUser, Tenant, TenantStatus, User, UserKind, UserStatus,
};
use crate::directory::rows::Record;
use crate::directory::vault::{Identity, SealError};
use crate::engine::Revision;
use crate::limits::{ACCESS_KEY_ID_BYTES, KEY_LIST_ENTRIES_MAX, SECRET_CHARACTERS};
use crate::time::{Entropy, NoEntropy, UnixSeconds};

/// Whether a key shall work.
#[derive(Clone, Copy, Debug)]
pub(super) enum Working {
    Yes,
    No,
}

/// Whose key it shall be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Of {
    User(UserId),
    SubUser(SubUserId),
}

pub(super) fn create(
    ground: &mut Ground<'_>,
    of: Of,
    rights: &KeyRights,
) -> Result<Plan, CommandError> {
    let holder = match of {
        Of::User(user) => Holder::user(ground, user)?,
        Of::SubUser(sub_user) => Holder::sub_user(ground, sub_user)?,
    };
    holder.check_rights(rights)?;
    holder.check_level(ground, rights.level)?;
    holder.check_count(ground)?;
    let lineage = Lineage(ground.number());
    let (key, secret) = make(ground, &holder, lineage, rights.clone())?;
    let user = holder.user.id;
    Plan::new("key.create", "access key", key.id)
        .of(key.tenant)
        .detail(json!({ "user": user, "sub_user": key.sub_user, "rights": rights }))
        .tell(Outcome::Key {
            key: key.id,
            secret,
        })
        .write(&Record::Key(key))
}

pub(super) fn rotate(
    ground: &Ground<'_>,
    id: &AccessKeyId,
    grace_seconds: u32,
) -> Result<Plan, CommandError> {
    let old = ground.key(id)?;
    let holder = match old.sub_user {
        Some(sub_user) => Holder::sub_user(ground, sub_user)?,
        None => Holder::user(ground, old.user)?,
    };
    if matches!(old.state, KeyState::Rotating { .. }) {
        return refuse(Refusal::Replaced);
    }
    // Whoever replaces a key has its secret.
    ground
        .authority()
        .may_make(old.rights.level)
        .map_err(CommandError::Refused)?;
    let (new, secret) = make(ground, &holder, old.lineage, old.rights.clone())?;
    // Whatever bounded the old key bounds the new one.
    let new = AccessKey {
        rate: old.rate,
        ..new
    };
    let until = UnixSeconds(ground.now.seconds().0 + u64::from(grace_seconds));
    let plan = Plan::new("key.rotate", "access key", id)
        .of(new.tenant)
        .detail(json!({ "new": new.id, "until": until }))
        .tell(Outcome::Key {
            key: new.id,
            secret,
        })
        .write(&Record::Key(new))?;
    // A disabled key gets no grace: it would begin to work again.
    if grace_seconds == 0 || old.state == KeyState::Disabled {
        return Ok(plan.remove(&Record::Key(AccessKey::clone(old))));
    }
    plan.write(&Record::Key(AccessKey {
        state: KeyState::Rotating { until },
        ..AccessKey::clone(old)
    }))
}

pub(super) fn set_rights(
    ground: &Ground<'_>,
    id: &AccessKeyId,
    rights: &KeyRights,
) -> Result<Plan, CommandError> {
    let key = ground.key(id)?;
    let holder = Holder {
        tenant: ground.tenant(key.tenant)?,
        user: ground.user(key.user)?,
        sub_user: match key.sub_user {
            Some(id) => Some(ground.sub_user(id)?),
            None => None,
        },
    };
    holder.check_rights(rights)?;
    // A level that stays may be above what has shrunk over it since: it gives no more than that.
    if rights.level != key.rights.level {
        holder.check_level(ground, rights.level)?;
    }
    let detail = json!({ "before": key.rights, "after": rights });
    let changed = AccessKey {
        rights: rights.clone(),
        ..AccessKey::clone(key)
    };
    let plan = Plan::new("key.set-rights", "access key", id)
        .of(key.tenant)
        .detail(detail);
    plan.write(&Record::Key(changed))
}

pub(super) fn set_working(
    ground: &Ground<'_>,
    id: &AccessKeyId,
    working: Working,
) -> Result<Plan, CommandError> {
    let key = ground.key(id)?;
    if matches!(key.state, KeyState::Rotating { .. }) {
        return refuse(Refusal::Replaced);
    }
    let (action, state) = match working {
        Working::Yes => ("key.enable", KeyState::Active),
        Working::No => ("key.disable", KeyState::Disabled),
    };
    let changed = AccessKey {
        state,
        ..AccessKey::clone(key)
    };
    Plan::new(action, "access key", id)
        .of(key.tenant)
        .write(&Record::Key(changed))
}

pub(super) fn delete(ground: &Ground<'_>, id: &AccessKeyId) -> Result<Plan, CommandError> {
    let key = ground.key(id)?;
    let (tenant, owner) = (ground.tenant(key.tenant)?, ground.user(key.user)?);
    let going = tenant.status == TenantStatus::Closed || owner.status == UserStatus::Deleting;
    let replaced = matches!(key.state, KeyState::Rotating { .. });
    if is_single(tenant, owner) && !replaced && !going {
        return refuse(Refusal::RootHasOneKey);
    }
    let plan = Plan::new("key.delete", "access key", id).of(key.tenant);
    let plan =
        plan.detail(json!({ "user": key.user, "sub_user": key.sub_user, "lineage": key.lineage }));
    Ok(plan.remove(&Record::Key(AccessKey::clone(key))))
}

/// Whether the user is a root with exactly one key.
fn is_single(tenant: &Tenant, user: &User) -> bool {
    user.kind == UserKind::Root && tenant.profile.root_keys() == RootKeys::Single
}

/// Whose key it is, and all that stands above it.
struct Holder<'a> {
    tenant: &'a Tenant,
    user: &'a User,
    sub_user: Option<&'a SubUser>,
}

impl<'a> Holder<'a> {
    /// A user to whom a key may be given.
    fn user(ground: &Ground<'a>, id: UserId) -> Result<Self, CommandError> {
        let user = ground.working_user(id)?;
        let tenant = ground.tenant(user.tenant)?;
        Ok(Self {
            tenant,
            user,
            sub_user: None,
        })
    }

    /// A sub-user to whom a key may be given.
    fn sub_user(ground: &Ground<'a>, id: SubUserId) -> Result<Self, CommandError> {
        let sub_user = ground.working_sub_user(id)?;
        Ok(Self {
            sub_user: Some(sub_user),
            ..Self::user(ground, sub_user.user)?
        })
    }

    /// A key is no more than its sub-user, its user's role, and whoever makes it.
    fn check_level(&self, ground: &Ground<'_>, level: Level) -> Result<(), CommandError> {
        let within = self
            .sub_user
            .is_none_or(|sub_user| level.is_within(sub_user.level));
        if !within || !ground.state.role_atoms(self.user.role).hold(level) {
            return refuse(Refusal::MoreThanParent);
        }
        ground
            .authority()
            .may_make(level)
            .map_err(CommandError::Refused)
    }

    /// There is room for another key. One that was replaced counts for the account alone.
    fn check_count(&self, ground: &Ground<'_>) -> Result<(), CommandError> {
        let state = ground.state;
        let lives =
            |key: &&std::sync::Arc<AccessKey>| !matches!(key.state, KeyState::Rotating { .. });
        let rules = self.tenant.profile.rules();
        let (count, most) = match self.sub_user {
            Some(sub_user) => (
                state.sub_user_keys(sub_user.id).filter(lives).count(),
                rules.keys_per_sub_user,
            ),
            None => (
                state.own_keys(self.user.id).filter(lives).count(),
                rules.keys_per_user,
            ),
        };
        if self.sub_user.is_none() && is_single(self.tenant, self.user) && count > 0 {
            return refuse(Refusal::RootHasOneKey);
        }
        let is_full = |count: usize, most: Option<u32>| {
            most.and_then(|most| usize::try_from(most).ok())
                .is_some_and(|most| count >= most)
        };
        let of_account = state.held(self.tenant.id).keys;
        if is_full(count, most) || is_full(of_account, self.tenant.limits.keys) {
            return refuse(Refusal::Keys);
        }
        Ok(())
    }

    fn check_rights(&self, rights: &KeyRights) -> Result<(), CommandError> {
        if is_single(self.tenant, self.user) && rights.level != Level::Full {
            return refuse(Refusal::RootKeyIsFull);
        }
        if rights
            .write_deletes
            .is_some_and(|asked| asked > self.tenant.write_deletes)
        {
            return refuse(Refusal::MoreThanParent);
        }
        if rights.bypass_governance && rights.level != Level::Full {
            return refuse(Refusal::Rights(
                "only a key of level full bypasses governance",
            ));
        }
        let ends = rights.expires.zip(rights.not_before);
        if ends.is_some_and(|(expires, begins)| expires <= begins) {
            return refuse(Refusal::Rights("it expires before it begins"));
        }
        let longest = [
            rights.scope.buckets.as_ref().map_or(0, Vec::len),
            rights.scope.prefixes.as_ref().map_or(0, Vec::len),
            rights.scope.operations.as_ref().map_or(0, Vec::len),
            rights.networks.as_ref().map_or(0, Vec::len),
        ];
        if longest
            .into_iter()
            .any(|entries| entries > KEY_LIST_ENTRIES_MAX)
        {
            return refuse(Refusal::Rights("a list has more than 100 entries"));
        }
        let too_long = |prefix: &String| prefix.len() > s3_protocol::limits::KEY_BYTES_MAX;
        if rights.scope.prefixes.iter().flatten().any(too_long) {
            return refuse(Refusal::Rights("a prefix is longer than any key"));
        }
        Ok(())
    }
}

/// Whether rights make sense for a key of a user.
pub(in crate::directory) fn checked_rights(
    tenant: &Tenant,
    user: &User,
    rights: &KeyRights,
) -> Result<(), CommandError> {
    let holder = Holder {
        tenant,
        user,
        sub_user: None,
    };
    holder.check_rights(rights)
}

fn make(
    ground: &Ground<'_>,
    holder: &Holder<'_>,
    lineage: Lineage,
    rights: KeyRights,
) -> Result<(AccessKey, Secret), CommandError> {
    let random = ground
        .entropy
        .bytes::<{ ACCESS_KEY_ID_BYTES - 2 }>()
        .map_err(SealError::from)?;
    let id = AccessKeyId::from_random(random);
    if ground.state.key(&id).is_some() {
        // 90 random bits that were given before: the source is not random, and its secrets would not be.
        return Err(CommandError::Seal(SealError::Entropy(NoEntropy)));
    }
    let owner = holder.user;
    let secret = random_secret(ground.entropy).map_err(SealError::from)?;
    let identity = Identity::AccessKey(owner.tenant, owner.id, id);
    let sealed = ground
        .state
        .vault()
        .seal(identity, &secret, ground.entropy)?;
    let key = AccessKey {
        id,
        tenant: owner.tenant,
        user: owner.id,
        sub_user: holder.sub_user.map(|sub_user| sub_user.id),
        lineage,
        state: KeyState::Active,
        created: ground.now.seconds(),
        created_by: ground.actor.label(),
        rights,
        rate: Rate::default(),
        sealed,
        revision: Revision::default(),
    };
    Ok((key, secret))
}

/// Letters and digits alone, so that it survives shells, URLs and configuration files without quoting.
pub(in crate::directory) fn random_secret(entropy: &Entropy) -> Result<Secret, NoEntropy> {
    const ALPHABET: [u8; 62] = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    // 248 = 4 × 62: what is above would make some characters likelier. A quarter more bytes than needed nearly always do.
    let mut secret = Vec::with_capacity(SECRET_CHARACTERS);
    for _ in 0..16 {
        let random = zeroize::Zeroizing::new(entropy.bytes::<{ SECRET_CHARACTERS + 10 }>()?);
        let fair = random.iter().filter(|byte| **byte < 248);
        let characters = fair.filter_map(|byte| ALPHABET.get(usize::from(byte % 62)));
        secret.extend(characters.take(SECRET_CHARACTERS - secret.len()));
        if secret.len() == SECRET_CHARACTERS {
            return Ok(Secret::new(secret));
        }
    }
    Err(NoEntropy)
}
