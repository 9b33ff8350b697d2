//! Sub-users: to whom a user gives keys to what is his.

use postern_config::directory::{
    Actor, Command, Description, Level, Name, NewSubUser as Wanted, Outcome, State as Snapshot,
    SubUser, User, UserStatus,
};
use postern_config::engine::Revision;

use super::creations::{self, Asked, Made};
use super::list::{Listing, Page};
use super::losses::{self, Gone, Losses};
use super::sentences::nothing;
use super::tenants::{apply_all, delete_as, gone};
use super::users::{UserStanding, Working, unexpected};
use crate::shape::shapes;
use crate::{Admin, Problem};

shapes! {
    told
    /// A sub-user.
    SubUserShown {
        /// The number, never used twice.
        id: u64,
        /// The account's name.
        tenant: String,
        /// The name of the user above.
        user: String,
        /// The name, unique below its user without regard to case.
        name: Name,
        /// What the keys may do at most.
        level: Level,
        /// Whether anything of the sub-user works.
        status: UserStatus,
        /// What a person says about the sub-user.
        description: Description,
        /// How many access keys there are.
        keys: usize,
        /// When it was made, in seconds since 1970.
        created: u64,
        /// The revision of the record; its `ETag`.
        revision: u64,
    }

    asked
    /// A sub-user to make. No access key is made.
    NewSubUser {
        /// The name.
        name: Name,
        /// What the keys may do at most.
        level: Level,
        /// What a person says about the sub-user: an employee, a contractor, a program.
        description: Option<Description>,
    }

    asked
    /// A change of a sub-user. Each field is an audit record of its own; all are changed, or none.
    SubUserChange {
        /// What the keys may do at most, from the next request on.
        level: Option<Level>,
        /// Another name.
        name: Option<Name>,
        /// What a person says about the sub-user.
        description: Option<Description>,
    }
}

impl SubUserChange {
    pub(crate) const fn is_empty(&self) -> bool {
        self.level.is_none() && self.name.is_none() && self.description.is_none()
    }
}

/// The sub-users of a user.
pub(crate) fn list(
    admin: &Admin,
    user: &User,
    listing: &Listing,
    (standing, level): (Option<UserStanding>, Option<Level>),
) -> Result<Page<SubUserShown>, Problem> {
    let state = admin.directory.state();
    let fitting = state.sub_users(user.id).filter(|it| {
        standing.is_none_or(|standing| standing.is_of(it.status))
            && level.is_none_or(|level| level == it.level)
            && listing.finds(&[it.name.as_str(), it.description.as_str()])
    });
    let rank = |it: &&std::sync::Arc<SubUser>, order| match order {
        "created" => (it.created.0, it.name.as_str().to_lowercase()),
        _ => (0, it.name.as_str().to_lowercase()),
    };
    listing.page(&["name", "created"], fitting, rank, |it| show(&state, it))
}

/// A sub-user with what he has.
pub(crate) fn show(state: &Snapshot, it: &SubUser) -> SubUserShown {
    // INVARIANT: a sub-user stands below an account and a user, and goes before they do.
    let tenant = state.tenant(it.tenant).map(|it| it.name.to_string());
    let user = state.user(it.user).map(|it| it.name.to_string());
    SubUserShown {
        id: it.id.get(),
        tenant: tenant.unwrap_or_default(),
        user: user.unwrap_or_default(),
        name: it.name.clone(),
        level: it.level,
        status: it.status,
        description: it.description.clone(),
        keys: state.sub_user_keys(it.id).count(),
        created: it.created.0,
        revision: it.revision.0,
    }
}

/// Makes a sub-user. Answers whether he is new.
pub(crate) async fn create(
    admin: &Admin,
    actor: Actor,
    asked: Option<Asked>,
    (user, new): (&User, NewSubUser),
) -> Result<(bool, SubUserShown), Problem> {
    let subject = format!("sub-user `{}` of `{}`", new.name, user.name);
    let command = Command::CreateSubUser(Wanted {
        user: user.id,
        name: new.name,
        level: new.level,
        description: new.description.unwrap_or_default(),
    });
    let made = |outcome: &Outcome| match outcome {
        Outcome::SubUser(id) => Some(Made::SubUser(id.get())),
        _ => None,
    };
    let (is_new, made) = creations::by(admin, actor, asked, (subject, command), made).await?;
    let Made::SubUser(number) = made else {
        return Err(unexpected());
    };
    let state = admin.directory.state();
    let made = state.sub_users(user.id).find(|it| it.id.get() == number);
    let made = made.ok_or_else(|| creations::gone("sub-user"))?;
    Ok((is_new, show(&state, made)))
}

/// Changes one field of a sub-user.
pub(crate) async fn change(
    admin: &Admin,
    actor: Actor,
    which: (&SubUser, Option<Revision>),
    change: SubUserChange,
) -> Result<SubUserShown, Problem> {
    if change.is_empty() {
        return Err(nothing(&["level", "name", "description"]));
    }
    let SubUserChange {
        level,
        name,
        description,
    } = change;
    let id = which.0.id;
    let level = level.map(|level| Command::SetSubUserLevel(id, level));
    let name = name.map(|name| Command::RenameSubUser(id, name));
    let text = description.map(|text| Command::DescribeSubUser(id, text));
    let commands: Vec<_> = [level, text, name].into_iter().flatten().collect();
    changed(admin, actor, which, commands).await
}

/// Stops everything of a sub-user, or lets it work again.
pub(crate) async fn set_working(
    admin: &Admin,
    actor: Actor,
    which: (&SubUser, Option<Revision>),
    working: Working,
) -> Result<SubUserShown, Problem> {
    let command = match working {
        Working::Yes => Command::EnableSubUser(which.0.id),
        Working::No => Command::DisableSubUser(which.0.id),
    };
    changed(admin, actor, which, vec![command]).await
}

async fn changed(
    admin: &Admin,
    actor: Actor,
    (it, expected): (&SubUser, Option<Revision>),
    commands: Vec<Command>,
) -> Result<SubUserShown, Problem> {
    let subject = format!("sub-user `{}`", it.name);
    apply_all(admin, actor, expected, (&subject, commands)).await?;
    let state = admin.directory.state();
    let it = state.sub_user(it.id).ok_or_else(|| gone(&subject))?;
    Ok(show(&state, it))
}

/// What deleting a sub-user takes along. What was written with his keys stays.
pub(crate) fn losses(state: &Snapshot, it: &SubUser) -> Losses {
    Losses::of(losses::of_sub_user(state, it), None)
}

/// Removes a sub-user with his keys.
pub(crate) async fn delete(
    admin: &Admin,
    actor: Actor,
    (it, expected): (&SubUser, Option<Revision>),
) -> Result<Gone, Problem> {
    let subject = format!("sub-user `{}`", it.name);
    let command = (
        &*subject,
        it.name.to_string(),
        Command::DeleteSubUser(it.id),
    );
    delete_as(admin, actor, expected, command).await
}
