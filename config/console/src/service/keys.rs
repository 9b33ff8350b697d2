//! Access keys. A secret is in the answer that makes it and nowhere else.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::StatusCode;
use postern_config::directory::{
    AccessKey, AccessKeyId, Actor, Command, KeyRights, KeyState, Level, OperatorCommand,
    OperatorOutcome, Outcome, State as Snapshot, SubUser, Tenant, TenantStatus, User, UserStatus,
};
use postern_config::engine::Revision;
use postern_config::{Secret, UnixSeconds};
use serde::Serialize;

use super::creations::{self, Asked, Creation, Made};
use super::list::{Listing, Page};
use super::losses::{Gone, Losses, loss};
use super::sentences::refused;
use super::tenants::{apply, gone};
use super::users::{Working, unexpected};
use crate::caller::Caller;
use crate::limits::{ATTENTION_UNUSED_SECONDS, GRACE_SECONDS_DEFAULT, GRACE_SECONDS_MAX};
use crate::shape::shapes;
use crate::{Admin, Problem};

shapes! {
    told
    /// An access key, without its secret.
    KeyShown {
        /// Its public half.
        id: AccessKeyId,
        /// The first four and last four characters, by which people tell keys apart.
        hint: String,
        /// The account's name.
        tenant: String,
        /// The name of the user whose key it is, or above the sub-user whose key it is.
        user: String,
        /// The name of the sub-user whose key it is.
        sub_user: Option<String>,
        /// `active`, `disabled`, or `rotating`: another key has taken its place, and it works until then.
        state: &'static str,
        /// The first second at which a replaced key no longer works.
        works_until: Option<u64>,
        /// Whether a request that it signs now is looked at any further.
        works: bool,
        /// Why not.
        why_not: Option<String>,
        /// What it may do.
        rights: KeyRights,
        /// The family that it belongs to: a key that takes another's place keeps it.
        lineage: u64,
        /// When it was made, in seconds since 1970.
        created: u64,
        /// Who made it.
        created_by: String,
        /// When it was last used, in seconds since 1970; null where it never was, and in answers to changes.
        last_used: Option<u64>,
        /// The revision of its record; its `ETag`.
        revision: u64,
    }

    told
    /// A new access key. The secret is shown this once.
    KeyMade {
        /// The key.
        key: KeyShown,
        /// Its secret half; null where the same `Idempotency-Key` has made it before.
        secret_access_key: Option<String>,
        /// What to know about the secret.
        note: &'static str,
    }

    asked
    /// How a key is replaced.
    Rotation {
        /// How long the old key still works, in seconds: 0 not at all, a day unless told otherwise, 90 days at most.
        grace_seconds: Option<u32>,
    }
}

/// Whose key is made.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Holder<'h> {
    /// A user's.
    User(&'h User),
    /// A sub-user's.
    SubUser(&'h SubUser),
}

/// Which keys are listed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Which<'w> {
    /// Of this user.
    pub(crate) user: Option<&'w User>,
    /// Of this sub-user.
    pub(crate) sub_user: Option<&'w SubUser>,
    /// Of this level.
    pub(crate) level: Option<Level>,
    /// In this state.
    pub(crate) state: Option<Standing>,
    /// Among these.
    pub(crate) among: Option<&'w BTreeSet<AccessKeyId>>,
}

/// How a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Standing {
    /// It is active, within its dates or not.
    Active,
    /// It is disabled.
    Disabled,
    /// Another key has taken its place.
    Rotating,
    /// It is past its end.
    Expired,
}

/// The keys of an account, of one of its users, or of a sub-user.
pub(crate) fn list(
    admin: &Admin,
    (caller, tenant): (&Caller, &Tenant),
    listing: &Listing,
    which: Which<'_>,
) -> Result<Page<KeyShown>, Problem> {
    let state = admin.directory.state();
    let now = admin.directory.now().seconds();
    let users = state.users(tenant.id).filter(|it| {
        which.user.is_none_or(|user| user.id == it.id) && caller.sees_user(&state, it)
    });
    let all = users.flat_map(|user| state.keys(user.id).map(move |key| (user, key)));
    let name_below = |key: &AccessKey| key.sub_user.and_then(|id| state.sub_user(id));
    let fitting = all.filter(|(user, key)| {
        which
            .sub_user
            .is_none_or(|sub_user| Some(sub_user.id) == key.sub_user)
            && which.level.is_none_or(|level| level == key.rights.level)
            && which.state.is_none_or(|standing| standing.is_of(key, now))
            && which.among.is_none_or(|among| among.contains(&key.id))
            && listing.finds(&[
                key.id.as_str(),
                key.rights.description.as_str(),
                user.name.as_str(),
                name_below(key).map_or("", |it| it.name.as_str()),
            ])
    });
    let rank =
        |(user, key): &(&std::sync::Arc<User>, &std::sync::Arc<AccessKey>), order| match order {
            "created" => (key.created.0, key.id.to_string()),
            "expires" => (
                key.rights.expires.map_or(u64::MAX, |it| it.0),
                key.id.to_string(),
            ),
            _ => (
                0,
                format!("{} {}", user.name.as_str().to_lowercase(), key.id),
            ),
        };
    let orders = ["user", "created", "expires"];
    listing.page(&orders, fitting, rank, |(_, key)| show(&state, key, now))
}

/// The keys of an account that work and that somebody sees.
pub(crate) fn working<'s>(
    state: &'s Snapshot,
    (caller, tenant): (&Caller, &Tenant),
) -> impl Iterator<Item = &'s Arc<AccessKey>> {
    let users = state.users(tenant.id);
    let seen = users.filter(|it| caller.sees_user(state, it));
    let all = seen.flat_map(|user| state.keys(user.id));
    all.filter(|key| key.state == KeyState::Active)
}

/// Those of them that nobody has used for long, among the first `most`.
pub(crate) async fn unused(
    admin: &Admin,
    who: (&Caller, &Tenant),
    most: usize,
) -> Result<BTreeSet<AccessKeyId>, Problem> {
    let state = admin.directory.state();
    let now = admin.directory.now().seconds().0;
    let working = working(&state, who).take(most);
    let (ids, made): (Vec<_>, Vec<_>) = working.map(|key| (key.id, key.created.0)).unzip();
    let asked = ids.clone();
    let uses = admin.meter.ask(move |ledger| ledger.last_uses(&asked));
    let last = uses.await?.into_iter().zip(made);
    let last = last.map(|(last, made)| last.map_or(made, |it| it.at.seconds().0));
    let all = ids.into_iter().zip(last);
    let long = all.filter(|(_, last)| now.saturating_sub(*last) > ATTENTION_UNUSED_SECONDS);
    Ok(long.map(|(id, _)| id).collect())
}

impl Standing {
    fn is_of(self, key: &AccessKey, now: UnixSeconds) -> bool {
        match self {
            Self::Active => key.state == KeyState::Active,
            Self::Disabled => key.state == KeyState::Disabled,
            Self::Rotating => matches!(key.state, KeyState::Rotating { .. }),
            Self::Expired => key.rights.expires.is_some_and(|expires| expires <= now),
        }
    }
}

/// A key.
pub(crate) fn show(state: &Snapshot, key: &AccessKey, now: UnixSeconds) -> KeyShown {
    // INVARIANT: a key stands below an account and a user, and goes before they do.
    let tenant = state.tenant(key.tenant).map(|it| it.name.to_string());
    let user = state.user(key.user).map(|it| it.name.to_string());
    let sub_user = key.sub_user.and_then(|id| state.sub_user(id));
    let (word, works_until) = match key.state {
        KeyState::Active => ("active", None),
        KeyState::Disabled => ("disabled", None),
        KeyState::Rotating { until } => ("rotating", Some(until.0)),
    };
    let why_not = hindrance(state, key, now);
    KeyShown {
        id: key.id,
        hint: hint(&key.id),
        tenant: tenant.unwrap_or_default(),
        user: user.unwrap_or_default(),
        sub_user: sub_user.map(|it| it.name.to_string()),
        state: word,
        works_until,
        works: why_not.is_none(),
        why_not,
        rights: key.rights.clone(),
        lineage: key.lineage.get(),
        created: key.created.0,
        created_by: key.created_by.clone(),
        last_used: None,
        revision: key.revision.0,
    }
}

/// Says of keys when they were last used.
pub(crate) async fn tell_last_use<'k>(
    admin: &Admin,
    keys: impl Iterator<Item = &'k mut KeyShown>,
) -> Result<(), Problem> {
    let keys: Vec<&mut KeyShown> = keys.collect();
    let ids: Vec<AccessKeyId> = keys.iter().map(|key| key.id).collect();
    let uses = admin
        .meter
        .ask(move |ledger| ledger.last_uses(&ids))
        .await?;
    for (key, last) in keys.into_iter().zip(uses) {
        key.last_used = last.map(|last| last.at.seconds().0);
    }
    Ok(())
}

/// The first four and last four characters.
pub(crate) fn hint(id: &AccessKeyId) -> String {
    let id = id.as_str();
    let (first, last) = (id.get(..4), id.get(id.len().saturating_sub(4)..));
    format!("{}…{}", first.unwrap_or_default(), last.unwrap_or_default())
}

/// A line about a key, for lists of what is lost.
pub(crate) fn about(key: &AccessKey) -> String {
    format!("{} {}", key.rights.level, key.rights.description)
        .trim_end()
        .to_owned()
}

/// Why a request that the key signs is refused whatever it asks for.
pub(crate) fn hindrance(state: &Snapshot, key: &AccessKey, now: UnixSeconds) -> Option<String> {
    let caller = state.caller(&key.id)?;
    match caller.tenant.status {
        TenantStatus::Active | TenantStatus::ReadOnly => {}
        stopped @ (TenantStatus::Suspended | TenantStatus::Closed) => {
            return Some(format!("the tenant is {}", word(&stopped)));
        }
    }
    if caller.user.status != UserStatus::Active {
        return Some(format!("the user is {}", word(&caller.user.status)));
    }
    if let Some(sub_user) = caller.sub_user
        && sub_user.status != UserStatus::Active
    {
        return Some(format!("the sub-user is {}", word(&sub_user.status)));
    }
    match key.state {
        KeyState::Disabled => return Some("it is disabled".to_owned()),
        KeyState::Rotating { until } if until <= now => {
            return Some("another key has taken its place".to_owned());
        }
        KeyState::Active | KeyState::Rotating { .. } => {}
    }
    if key.rights.expires.is_some_and(|expires| expires <= now) {
        return Some("it has expired".to_owned());
    }
    if key.rights.not_before.is_some_and(|begins| begins > now) {
        return Some("its time has not begun".to_owned());
    }
    None
}

/// How a word of the directory is written.
pub(crate) fn word(of: &impl Serialize) -> String {
    let value = serde_json::to_value(of).unwrap_or_default();
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// Makes a key. Answers whether it is new.
pub(crate) async fn create(
    admin: &Admin,
    actor: Actor,
    asked: Option<Asked>,
    (tenant, holder, rights): (&Tenant, Holder<'_>, KeyRights),
) -> Result<(bool, KeyMade), Problem> {
    may_delete_so_much(tenant, &rights)?;
    let (subject, command) = match holder {
        Holder::User(user) => {
            let (subject, user) = (format!("a key of `{}`", user.name), user.id);
            (subject, Command::CreateKey { user, rights })
        }
        Holder::SubUser(it) => {
            is_within(it, rights.level)?;
            let (subject, sub_user) = (format!("a key of `{}`", it.name), it.id);
            (subject, Command::CreateSubUserKey { sub_user, rights })
        }
    };
    make(admin, actor, (asked, None), (subject, command)).await
}

/// The key that was made under this `Idempotency-Key` before. A retry of a rotation finds the old key changed or gone by the first
/// request itself, and must not stumble over that.
pub(crate) async fn made_before(
    admin: &Admin,
    actor: &Actor,
    asked: Option<&Asked>,
) -> Result<Option<KeyMade>, Problem> {
    let Some(asked) = asked else {
        return Ok(None);
    };
    match creations::before(admin, actor, asked).await? {
        Some(Made::Key(key)) => told(admin, (key, None)).map(Some),
        Some(_) => Err(unexpected()),
        None => Ok(None),
    }
}

/// Puts a new key in the place of another. Answers whether it is new.
pub(crate) async fn rotate(
    admin: &Admin,
    actor: Actor,
    (key, expected, asked): (&AccessKey, Option<Revision>, Option<Asked>),
    rotation: &Rotation,
) -> Result<(bool, KeyMade), Problem> {
    let grace_seconds = rotation.grace_seconds.unwrap_or(GRACE_SECONDS_DEFAULT);
    if grace_seconds > GRACE_SECONDS_MAX {
        let detail = format!("`grace_seconds` is at most {GRACE_SECONDS_MAX}, which is 90 days");
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "grace",
            detail,
        ));
    }
    let command = Command::RotateKey {
        key: key.id,
        grace_seconds,
    };
    let subject = format!("key `{}`", key.id);
    make(admin, actor, (asked, expected), (subject, command)).await
}

async fn make(
    admin: &Admin,
    actor: Actor,
    (asked, expected): (Option<Asked>, Option<Revision>),
    (subject, command): (String, Command),
) -> Result<(bool, KeyMade), Problem> {
    let done = creations::once(admin, actor, asked, |admin, actor| async move {
        let applied = match expected {
            Some(expected) => admin.directory.apply_at(command, actor, expected).await,
            None => admin.directory.apply(command, actor).await,
        };
        match applied.map_err(|error| refused(&subject, error))?.outcome {
            Outcome::Key { key, secret } => Ok((Made::Key(key), (key, secret))),
            _ => Err(unexpected()),
        }
    });
    let (key, secret) = match done.await? {
        Creation::New((key, secret)) => (key, Some(secret)),
        Creation::Before(Made::Key(key)) => (key, None),
        Creation::Before(_) => return Err(unexpected()),
    };
    Ok((secret.is_some(), told(admin, (key, secret))?))
}

/// A new key with its secret, or a key that was made before.
fn told(admin: &Admin, (key, secret): (AccessKeyId, Option<Secret>)) -> Result<KeyMade, Problem> {
    let state = admin.directory.state();
    let made = state.key(&key).ok_or_else(|| creations::gone("key"))?;
    let note = if secret.is_some() {
        "the secret is shown this once; it cannot be asked for again"
    } else {
        "the first request with this `Idempotency-Key` made this key and was told its secret; if that is lost, delete the key and make another"
    };
    Ok(KeyMade {
        key: show(&state, made, admin.directory.now().seconds()),
        secret_access_key: secret.map(|secret| {
            // This answer is the one place where a secret leaves the server.
            secret.lend(|bytes| String::from_utf8_lossy(bytes).into_owned())
        }),
        note,
    })
}

/// Opens the secret of a key once more. The audit log says who has seen it.
pub(crate) async fn reveal(
    admin: &Admin,
    actor: Actor,
    key: &AccessKey,
) -> Result<KeyMade, Problem> {
    let subject = format!("key `{}`", key.id);
    let command = Command::Operators(OperatorCommand::Reveal(key.id));
    let applied = admin.directory.apply(command, actor).await;
    let outcome = applied.map_err(|error| refused(&subject, error))?.outcome;
    let Outcome::Operator(OperatorOutcome::Revealed(secret)) = outcome else {
        return Err(unexpected());
    };
    let note = "that the secret was shown is in the audit log";
    Ok(KeyMade {
        note,
        ..told(admin, (key.id, Some(secret)))?
    })
}

/// Replaces what a key may do.
pub(crate) async fn set_rights(
    admin: &Admin,
    actor: Actor,
    (tenant, key, expected): (&Tenant, &AccessKey, Option<Revision>),
    rights: KeyRights,
) -> Result<KeyShown, Problem> {
    may_delete_so_much(tenant, &rights)?;
    let state = admin.directory.state();
    if let Some(sub_user) = key.sub_user.and_then(|id| state.sub_user(id))
        && rights.level != key.rights.level
    {
        is_within(sub_user, rights.level)?;
    }
    changed(
        admin,
        actor,
        (key, expected),
        Command::SetKeyRights(key.id, rights),
    )
    .await
}

/// Stops a key, or lets it work again.
pub(crate) async fn set_working(
    admin: &Admin,
    actor: Actor,
    (key, expected): (&AccessKey, Option<Revision>),
    working: Working,
) -> Result<KeyShown, Problem> {
    let command = match working {
        Working::Yes => Command::EnableKey(key.id),
        Working::No => Command::DisableKey(key.id),
    };
    changed(admin, actor, (key, expected), command).await
}

async fn changed(
    admin: &Admin,
    actor: Actor,
    (key, expected): (&AccessKey, Option<Revision>),
    command: Command,
) -> Result<KeyShown, Problem> {
    let subject = format!("key `{}`", key.id);
    apply(admin, actor, expected, (&subject, command)).await?;
    let state = admin.directory.state();
    let key = state.key(&key.id).ok_or_else(|| gone(&subject))?;
    Ok(show(&state, key, admin.directory.now().seconds()))
}

/// What deleting a key takes along.
pub(crate) fn losses(key: &AccessKey) -> Losses {
    Losses::of(
        std::iter::once(loss("access key", key.id, about(key))),
        None,
    )
}

/// Removes a key.
pub(crate) async fn delete(
    admin: &Admin,
    actor: Actor,
    (key, expected): (&AccessKey, Option<Revision>),
) -> Result<Gone, Problem> {
    let subject = format!("key `{}`", key.id);
    let command = Command::DeleteKey(key.id);
    let revision = apply(admin, actor, expected, (&subject, command)).await?;
    Ok(Gone {
        deleted: key.id.to_string(),
        revision,
        job: None,
    })
}

/// A key of a sub-user is at most of his level.
fn is_within(sub_user: &SubUser, level: Level) -> Result<(), Problem> {
    if level.is_within(sub_user.level) {
        return Ok(());
    }
    let detail = format!(
        "sub-user `{}` is of level `{}`, and a key of level `{level}` would do more: ask for `{}`, or raise the sub-user's level first",
        sub_user.name, sub_user.level, sub_user.level
    );
    Err(Problem::new(StatusCode::FORBIDDEN, "above", detail))
}

/// The level above a key's deletions is what its tenant allows.
fn may_delete_so_much(tenant: &Tenant, rights: &KeyRights) -> Result<(), Problem> {
    match rights.write_deletes {
        Some(asked) if asked > tenant.write_deletes => {
            let detail = format!(
                "the key would delete more than tenant `{}` allows: `write_deletes` is `{}` at most there; leave it out, or change the tenant's first",
                tenant.name,
                word(&tenant.write_deletes)
            );
            Err(Problem::new(StatusCode::FORBIDDEN, "above", detail))
        }
        _ => Ok(()),
    }
}
