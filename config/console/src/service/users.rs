//! Users of an account.

use http::StatusCode;
use postern_config::directory::{
    Actor, Command, Description, Name, NewUser as Wanted, Outcome, Purge, State as Snapshot,
    Tenant, User, UserDeleteData, UserKind, UserStatus,
};
use postern_config::engine::Revision;

use super::creations::{self, Asked, Creation, Made};
use super::find;
use super::jobs::JobShown;
use super::list::{Listing, Page};
use super::losses::{self, Deleted, Losses, Reach};
use super::sentences::refused;
use super::tenants::{self, apply, gone, owns_buckets};
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
        /// What a person says about the user.
        description: Description,
        /// How many access keys the user has.
        keys: usize,
        /// How many buckets the user owns.
        buckets: u64,
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

/// The users of an account.
pub(crate) fn list(
    admin: &Admin,
    caller: &Caller,
    tenant: &Tenant,
    (listing, status): (&Listing, Option<UserStatus>),
) -> Result<Page<UserShown>, Problem> {
    let state = admin.directory.state();
    let fitting = state.users(tenant.id).filter(|user| {
        status.is_none_or(|status| status == user.status)
            && caller.sees_user(&state, user)
            && listing.finds(&[user.name.as_str(), user.description.as_str()])
    });
    let rank = |user: &&std::sync::Arc<User>, order| match order {
        "created" => (user.created.0, user.name.as_str().to_lowercase()),
        _ => (0, user.name.as_str().to_lowercase()),
    };
    listing.page(&["name", "created"], fitting, rank, |user| {
        show(&state, tenant, user)
    })
}

/// A user with what he has.
pub(crate) fn show(state: &Snapshot, tenant: &Tenant, user: &User) -> UserShown {
    UserShown {
        id: user.id.get(),
        tenant: tenant.name.clone(),
        name: user.name.clone(),
        kind: user.kind,
        status: user.status,
        description: user.description.clone(),
        keys: state.keys(user.id).count(),
        buckets: state.buckets_owned(user.id),
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
    let id = tenant.id;
    let done = creations::once(admin, actor, asked, |admin, actor| async move {
        let subject = format!("user `{}`", new.name);
        let command = Command::CreateUser(Wanted {
            description: new.description.unwrap_or_default(),
            ..Wanted::new(id, new.name, new.kind.unwrap_or(UserKind::Service))
        });
        let applied = admin.directory.apply(command, actor).await;
        match applied.map_err(|error| refused(&subject, error))?.outcome {
            Outcome::User(user) => Ok((Made::User(user.get()), user.get())),
            _ => Err(unexpected()),
        }
    });
    let (is_new, number) = match done.await? {
        Creation::New(number) => (true, number),
        Creation::Before(Made::User(number)) => (false, number),
        Creation::Before(_) => return Err(unexpected()),
    };
    let state = admin.directory.state();
    let user = state.user_numbered(tenant.id, number);
    let user = user.ok_or_else(|| creations::gone("user"))?;
    Ok((is_new, show(&state, tenant, user)))
}

/// Stops everything of a user, or lets it work again.
pub(crate) async fn set_working(
    admin: &Admin,
    actor: Actor,
    (tenant, user, expected): (&Tenant, &User, Option<Revision>),
    working: Working,
) -> Result<UserShown, Problem> {
    let subject = format!("user `{}`", user.name);
    let command = match working {
        Working::Yes => Command::EnableUser(user.id),
        Working::No => Command::DisableUser(user.id),
    };
    apply(admin, actor, expected, (&subject, command)).await?;
    let state = admin.directory.state();
    let user = state.user(user.id).ok_or_else(|| gone(&subject))?;
    Ok(show(&state, tenant, user))
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
) -> Result<Deleted, Problem> {
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

/// Why a user cannot be deleted now.
fn hindrance(state: &Snapshot, tenant: &Tenant, user: &User, reach: Reach) -> Option<Problem> {
    if user.kind == UserKind::Root {
        let detail = "the root user is always active and goes with its account: delete the account, or rotate the root's key";
        return Some(Problem::new(StatusCode::CONFLICT, "refused", detail));
    }
    let owned = find::buckets(state, tenant).filter(|bucket| bucket.owner == user.id);
    let owned = owned.map(|bucket| bucket.name.as_str());
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
