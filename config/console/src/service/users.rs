//! Users of an account.

use http::StatusCode;
use postern_config::directory::{
    Actor, Command, Description, Email, Language, Name, NewUser as Wanted, Outcome, Purge, QuotaOf,
    Refusal, State as Snapshot, Tenant, Timezone, User, UserDeleteData, UserDetails, UserId,
    UserKind, UserStatus,
};
use postern_config::engine::Revision;
use postern_config::usage::Stored;
use serde::{Deserialize, Serialize};

use super::creations::{self, Asked, Made};
use super::jobs::JobShown;
use super::list::{Listing, Page};
use super::losses::{self, Gone, Losses, Reach};
use super::sentences::{nothing, rule};
use super::tenants::{self, apply_all, gone, owns_buckets};
use super::{find, roles};
use crate::caller::Caller;
use crate::shape::shapes;
use crate::{Admin, Problem};

shapes! {
    told
    /// A user.
    UserShown {
        /// The number, never used twice.
        id: u64,
        /// The account's name.
        tenant: Name,
        /// The name, unique in the account without regard to case.
        name: Name,
        /// What kind: every account has one root.
        kind: UserKind,
        /// Whether anything of the user works.
        status: UserStatus,
        /// The role, exactly one: a built-in one, or one that the account has made.
        role: String,
        /// What a person says about the user.
        description: Description,
        /// The e-mail address, unique in the account without regard to case.
        email: Option<Email>,
        /// The name as people write it.
        full_name: Description,
        /// In which time the user wants to read.
        timezone: Option<Timezone>,
        /// In which language.
        language: Option<Language>,
        /// How many access keys the user has, those of the sub-users among them.
        keys: usize,
        /// How many sub-users the user has.
        sub_users: usize,
        /// How many buckets the user owns.
        buckets: u64,
        /// Bytes of objects in them; null where nobody has looked, as in answers to changes, or where the node does not say.
        stored_bytes: Option<u64>,
        /// Objects in them.
        stored_objects: Option<u64>,
        /// When one of his keys signed a request last, in seconds since 1970; null: never, or where nobody has looked.
        last_active: Option<u64>,
        /// When it was made, in seconds since 1970.
        created: u64,
        /// How far it is where the user is being deleted with his data; told of a user who is asked for by name.
        deletion: Option<JobShown>,
        /// The revision of the record; its `ETag`.
        revision: u64,
    }

    asked
    /// A user to make. No access key is made.
    NewUser {
        /// The name.
        name: Name,
        /// `human` or `service`, which is what it is unless told otherwise.
        kind: Option<UserKind>,
        /// What a person says about the user.
        description: Option<Description>,
        /// The role, by name or number; the usual one of the profile unless told otherwise.
        role: Option<String>,
        /// The e-mail address. A person of the profile `datastream` has one.
        email: Option<Email>,
        /// The name as people write it.
        full_name: Option<Description>,
        /// In which time the user wants to read, such as `Europe/Berlin`.
        timezone: Option<Timezone>,
        /// In which language, such as `de`.
        language: Option<Language>,
    }

    asked
    /// A change of a user. Each field is an audit record of its own; all are changed, or none.
    UserChange {
        /// Another name. The number and the buckets stay; policies that name the user by the old one do not follow.
        name: Option<Name>,
        /// What a person says about the user.
        description: Option<Description>,
        /// Who the user is: it takes the place of all that was said before.
        details: Option<Details>,
    }

    asked
    /// Who a user is. It takes the place of all that was said before: send back what was read, with what is to change.
    Details {
        /// The e-mail address, unique in the account without regard to case.
        email: Option<Email>,
        /// The name as people write it.
        full_name: Option<Description>,
        /// In which time the user wants to read, such as `Europe/Berlin`.
        timezone: Option<Timezone>,
        /// In which language, such as `de`.
        language: Option<Language>,
    }

    asked
    /// The role that a user shall have.
    RoleGiven {
        /// The role, by name or number.
        role: String,
    }
}

/// Whether a user shall work.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Working {
    /// Everything the user had works again.
    Yes,
    /// Nothing of the user works; all is kept.
    No,
}

/// How users stand, as lists are filtered. One state has two names: what is disabled is passive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum UserStanding {
    /// However they stand.
    All,
    /// They work.
    Active,
    /// Nothing of them works, and all is kept.
    Passive,
    /// The same.
    Disabled,
    /// They are being removed.
    Deleting,
}

impl UserStanding {
    /// Every word.
    pub(crate) const ALL: [Self; 5] = [
        Self::All,
        Self::Active,
        Self::Passive,
        Self::Disabled,
        Self::Deleting,
    ];

    /// Whether somebody of this status stands so.
    pub(crate) fn is_of(self, status: UserStatus) -> bool {
        match self {
            Self::All => true,
            Self::Active => status == UserStatus::Active,
            Self::Passive | Self::Disabled => status == UserStatus::Disabled,
            Self::Deleting => status == UserStatus::Deleting,
        }
    }
}

/// The users of an account.
pub(crate) async fn list(
    admin: &Admin,
    (caller, tenant): (&Caller, &Tenant),
    listing: &Listing,
    (standing, kind, role): (Option<UserStanding>, Option<UserKind>, Option<&str>),
) -> Result<Page<UserShown>, Problem> {
    let state = admin.directory.state();
    let role = roles::meant(&state, tenant, role)?;
    let fitting = state.users(tenant.id).filter(|user| {
        standing.is_none_or(|standing| standing.is_of(user.status))
            && kind.is_none_or(|kind| kind == user.kind)
            && role.is_none_or(|role| role == user.role)
            && caller.sees_user(&state, user)
            && listing.finds(&[
                user.name.as_str(),
                user.details.email.as_ref().map_or("", Email::as_str),
                user.details.full_name.as_str(),
                user.description.as_str(),
            ])
    });
    let rank = |user: &&std::sync::Arc<User>, order| match order {
        "created" => (user.created.0, user.name.as_str().to_lowercase()),
        ROOT_FIRST => (
            u64::from(user.kind != UserKind::Root),
            user.name.as_str().to_lowercase(),
        ),
        _ => (0, user.name.as_str().to_lowercase()),
    };
    let shown = |user: &std::sync::Arc<User>| (user.id, show(&state, tenant, user));
    let page = listing.page(&["name", "created", ROOT_FIRST], fitting, rank, shown)?;
    let (ids, users): (Vec<_>, Vec<_>) = page.items.into_iter().unzip();
    let mut items = Vec::with_capacity(users.len());
    for (id, user) in ids.iter().zip(users) {
        items.push(with_storage(admin, *id, user).await);
    }
    tell_last_activity(admin, (&state, &ids), &mut items).await?;
    Ok(Page {
        items,
        next: page.next,
        total: page.total,
    })
}

/// Sorts by name, with the root before all.
pub(crate) const ROOT_FIRST: &str = "root";

/// A user with what he has, and with what is stored in his buckets.
pub(crate) async fn detail(admin: &Admin, tenant: &Tenant, user: &User) -> UserShown {
    let shown = show(&admin.directory.state(), tenant, user);
    with_storage(admin, user.id, shown).await
}

async fn with_storage(admin: &Admin, id: UserId, shown: UserShown) -> UserShown {
    let stored = match shown.buckets {
        0 => Some(Stored::default()),
        _ => admin.usage.stored(QuotaOf::User(id)).await,
    };
    UserShown {
        stored_bytes: stored.map(|stored| stored.bytes),
        stored_objects: stored.map(|stored| stored.objects),
        ..shown
    }
}

/// Says of users when they were last active. Their keys are those of a snapshot.
async fn tell_last_activity(
    admin: &Admin,
    (state, ids): (&Snapshot, &[UserId]),
    users: &mut [UserShown],
) -> Result<(), Problem> {
    let of_each = ids.iter().map(|id| state.keys(*id).map(|key| key.id));
    let of_each: Vec<Vec<_>> = of_each.map(Iterator::collect).collect();
    let keys = of_each.concat();
    let uses = admin.meter.ask(move |ledger| ledger.last_uses(&keys));
    let mut uses = uses.await?.into_iter();
    for (user, keys) in users.iter_mut().zip(of_each) {
        let last = uses.by_ref().take(keys.len()).flatten();
        user.last_active = last.map(|last| last.at.seconds().0).max();
    }
    Ok(())
}

/// A user with what he has.
pub(crate) fn show(state: &Snapshot, tenant: &Tenant, user: &User) -> UserShown {
    UserShown {
        id: user.id.get(),
        tenant: tenant.name.clone(),
        name: user.name.clone(),
        kind: user.kind,
        status: user.status,
        role: find::role_name(state, user.role),
        description: user.description.clone(),
        email: user.details.email.clone(),
        full_name: user.details.full_name.clone(),
        timezone: user.details.timezone.clone(),
        language: user.details.language.clone(),
        keys: state.keys(user.id).count(),
        sub_users: state.sub_users(user.id).count(),
        buckets: state.buckets_owned(user.id),
        stored_bytes: None,
        stored_objects: None,
        last_active: None,
        created: user.created.0,
        deletion: None,
        revision: user.revision.0,
    }
}

/// Makes a user. Answers whether he is new.
pub(crate) async fn create(
    admin: &Admin,
    actor: Actor,
    asked: Option<Asked>,
    (tenant, new): (&Tenant, NewUser),
) -> Result<(bool, UserShown), Problem> {
    let state = admin.directory.state();
    let subject = format!("user `{}`", new.name);
    let command = Command::CreateUser(Wanted {
        description: new.description.unwrap_or_default(),
        role: roles::meant(&state, tenant, new.role.as_deref())?,
        details: UserDetails {
            email: new.email,
            full_name: new.full_name.unwrap_or_default(),
            timezone: new.timezone,
            language: new.language,
        },
        ..Wanted::new(tenant.id, new.name, new.kind.unwrap_or(UserKind::Service))
    });
    let made = |outcome: &Outcome| match outcome {
        Outcome::User(user) => Some(Made::User(user.get())),
        _ => None,
    };
    let (is_new, made) = creations::by(admin, actor, asked, (subject, command), made).await?;
    let Made::User(number) = made else {
        return Err(unexpected());
    };
    let state = admin.directory.state();
    let user = state.user_numbered(tenant.id, number);
    let user = user.ok_or_else(|| creations::gone("user"))?;
    Ok((is_new, show(&state, tenant, user)))
}

/// Changes a user.
pub(crate) async fn change(
    admin: &Admin,
    actor: Actor,
    which: (&Tenant, &User, Option<Revision>),
    change: UserChange,
) -> Result<UserShown, Problem> {
    let UserChange {
        name,
        description,
        details,
    } = change;
    let id = which.1.id;
    let name = name.map(|name| Command::RenameUser(id, name));
    let text = description.map(|text| Command::DescribeUser(id, text));
    let details = details.map(|details| Command::SetUserDetails(id, details.told()));
    let commands: Vec<_> = [details, text, name].into_iter().flatten().collect();
    if commands.is_empty() {
        return Err(nothing(&["name", "description", "details"]));
    }
    changed(admin, actor, which, commands).await
}

impl Details {
    fn told(self) -> UserDetails {
        UserDetails {
            email: self.email,
            full_name: self.full_name.unwrap_or_default(),
            timezone: self.timezone,
            language: self.language,
        }
    }
}

/// Replaces who a user is.
pub(crate) async fn set_details(
    admin: &Admin,
    actor: Actor,
    which: (&Tenant, &User, Option<Revision>),
    details: Details,
) -> Result<UserShown, Problem> {
    let command = Command::SetUserDetails(which.1.id, details.told());
    changed(admin, actor, which, vec![command]).await
}

/// Gives a user another role.
pub(crate) async fn set_role(
    admin: &Admin,
    actor: Actor,
    which: (&Tenant, &User, Option<Revision>),
    given: &RoleGiven,
) -> Result<UserShown, Problem> {
    let role = find::role(&admin.directory.state(), which.0, &given.role)?;
    let command = Command::SetUserRole(which.1.id, role);
    changed(admin, actor, which, vec![command]).await
}

async fn changed(
    admin: &Admin,
    actor: Actor,
    (tenant, user, expected): (&Tenant, &User, Option<Revision>),
    commands: Vec<Command>,
) -> Result<UserShown, Problem> {
    let subject = format!("user `{}`", user.name);
    apply_all(admin, actor, expected, (&subject, commands)).await?;
    let state = admin.directory.state();
    let user = state.user(user.id).ok_or_else(|| gone(&subject))?;
    Ok(show(&state, tenant, user))
}

/// Stops everything of a user, or lets it work again.
pub(crate) async fn set_working(
    admin: &Admin,
    actor: Actor,
    which: (&Tenant, &User, Option<Revision>),
    working: Working,
) -> Result<UserShown, Problem> {
    let command = match working {
        Working::Yes => Command::EnableUser(which.1.id),
        Working::No => Command::DisableUser(which.1.id),
    };
    changed(admin, actor, which, vec![command]).await
}

/// What deleting a user takes along.
pub(crate) async fn losses(
    admin: &Admin,
    (tenant, user): (&Tenant, &User),
    reach: Reach,
) -> Losses {
    let state = admin.directory.state();
    let hindrance = hindrance(&state, tenant, user, reach);
    let purge = Purge::User(user.id);
    match reach {
        Reach::WithoutData => Losses::of(losses::of_user(&state, user), hindrance).or_disable(),
        Reach::WithData => {
            let buckets = losses::of_buckets(admin, purge).await;
            let all = losses::of_user(&state, user).chain(buckets);
            let held = admin.purges.left(purge).await.unwrap_or_default();
            Losses::of(all, hindrance).holding(held).or_disable()
        }
    }
}

/// Removes a user with his keys, and with his data where that is asked for.
pub(crate) async fn delete(
    admin: &Admin,
    actor: Actor,
    (tenant, user, expected): (&Tenant, &User, Option<Revision>),
    reach: Reach,
) -> Result<Gone, Problem> {
    let state = admin.directory.state();
    if let Some(problem) = hindrance(&state, tenant, user, reach) {
        return Err(problem);
    }
    let subject = format!("user `{}`", user.name);
    let command = match reach {
        Reach::WithData if state.buckets_owned(user.id) > 0 => Command::PurgeUser(user.id),
        Reach::WithData | Reach::WithoutData => Command::DeleteUser(user.id),
    };
    drop(state);
    let deleted = user.name.to_string();
    tenants::delete_as(admin, actor, expected, (&subject, deleted, command)).await
}

/// Why a user cannot be disabled.
pub(crate) fn root_stays(user: &User) -> Option<Problem> {
    let is_root = user.kind == UserKind::Root;
    is_root.then(|| rule(&format!("user `{}`", user.name), Refusal::RootStays))
}

/// Why a user cannot be deleted now.
pub(crate) fn hindrance(
    state: &Snapshot,
    tenant: &Tenant,
    user: &User,
    reach: Reach,
) -> Option<Problem> {
    if let Some(problem) = root_stays(user) {
        return Some(problem);
    }
    let owned = state
        .buckets_in(tenant)
        .filter(|bucket| bucket.owner == user.id);
    let count = usize::try_from(state.buckets_owned(user.id)).unwrap_or(usize::MAX);
    let owned = owned.take(count).map(|bucket| bucket.name.as_str());
    let subject = format!("user `{}`", user.name);
    match (reach, tenant.profile.rules().user_delete_data) {
        (Reach::WithData, UserDeleteData::Purge) => None,
        (Reach::WithoutData, UserDeleteData::Purge) => owns_buckets(
            &subject,
            owned,
            "delete those first, or ask for `with_data`",
        ),
        (_, UserDeleteData::RefuseIfNotEmpty) => {
            let advice = format!(
                "accounts of the profile `{}` keep a user who owns data: delete those first",
                tenant.profile
            );
            owns_buckets(&subject, owned, &advice)
        }
    }
}

/// The directory answers something else than was asked.
pub(crate) fn unexpected() -> Problem {
    let detail = "the directory answered something else than was asked";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
}
