//! Roles: the built-in ones that a profile knows, and those that an account makes. A user has exactly one.

use postern_config::decisions::Atom;
use postern_config::directory::{
    Actor, Command, ConsoleAtom, CustomRole, Description, Name, Outcome, Role, RoleAtoms, RoleText,
    State as Snapshot, Tenant, User, is_known_role,
};
use postern_config::engine::Revision;

use super::creations::{self, Asked, Made};
use super::find::{self, BUILTIN_ROLES, role_name};
use super::list::{Listing, Page};
use super::losses::{Gone, Losses, loss};
use super::tenants::{apply, delete_as, gone};
use super::users::unexpected;
use crate::shape::shapes;
use crate::{Admin, Problem};

shapes! {
    told
    /// A role.
    RoleShown {
        /// The number of a role that the account has made; null for a built-in one.
        id: Option<u64>,
        /// The name, unique in the account without regard to case.
        name: String,
        /// Whether it comes with the profile, and stays as it is.
        builtin: bool,
        /// What a person says about it.
        description: String,
        /// What it may do: to data, and to the account.
        atoms: RoleAtoms,
        /// How many users have it.
        users: usize,
        /// When it was made, in seconds since 1970; null for a built-in one.
        created: Option<u64>,
        /// The revision of the record; its `ETag`. That of a built-in role is the account's.
        revision: u64,
    }

    asked
    /// What a role shall be.
    RoleAsked {
        /// The name.
        name: Name,
        /// What a person says about it.
        description: Option<Description>,
        /// What it may do: to data, and to the account. At most what whoever asks may do.
        atoms: RoleAtoms,
    }

    told
    /// Every role of an account beside every permission.
    Matrix {
        /// The roles, the columns.
        roles: Vec<String>,
        /// What may be done to data.
        data: Vec<MatrixRow>,
        /// What may be done to the account.
        console: Vec<MatrixRow>,
    }

    told
    /// One permission.
    MatrixRow {
        /// Which.
        atom: String,
        /// The roles that have it.
        held_by: Vec<String>,
    }
}

/// The roles of an account, the built-in ones first.
pub(crate) fn list(
    state: &Snapshot,
    tenant: &Tenant,
    listing: &Listing,
    builtin: Option<bool>,
) -> Result<Page<RoleShown>, Problem> {
    let roles = all(state, tenant).map(|role| show(state, tenant, role));
    let fitting = roles.enumerate().filter(|(_, role)| {
        builtin.is_none_or(|builtin| builtin == role.builtin)
            && listing.finds(&[&role.name, &role.description])
    });
    let rank = |(place, role): &(usize, RoleShown), _| {
        let place = if role.builtin { *place } else { usize::MAX };
        (place as u64, role.name.to_lowercase())
    };
    listing.page(&["name"], fitting, rank, |(_, role)| role)
}

/// The roles that an account has: those of its profile, then its own by name.
fn all<'s>(state: &'s Snapshot, tenant: &Tenant) -> impl Iterator<Item = Role> + use<'s> {
    let profile = tenant.profile;
    let builtin = BUILTIN_ROLES
        .into_iter()
        .filter(move |role| is_known_role(profile, *role));
    let made = state.roles(tenant.id).map(|role| Role::Custom(role.id));
    builtin.chain(made)
}

/// A role.
pub(crate) fn show(state: &Snapshot, tenant: &Tenant, role: Role) -> RoleShown {
    let made = match role {
        Role::Custom(id) => state.role(id),
        Role::Owner | Role::Admin | Role::Contributor | Role::Reader | Role::Member => None,
    };
    let about = match role {
        Role::Owner => "everything; there is one, and it is transferred",
        Role::Admin => "everything but what is the owner's",
        Role::Contributor => "reads, writes and configures",
        Role::Reader => "reads",
        Role::Member => "everything that is his own, and no right over others",
        Role::Custom(_) => "",
    };
    RoleShown {
        id: made.map(|made| made.id.get()),
        name: role_name(state, role),
        builtin: made.is_none(),
        description: made.map_or_else(|| about.to_owned(), |made| made.description.to_string()),
        atoms: state.role_atoms(role),
        users: holders(state, tenant, role).count(),
        created: made.map(|made| made.created.0),
        revision: made.map_or(tenant.revision, |made| made.revision).0,
    }
}

/// The users who have a role.
fn holders<'s>(
    state: &'s Snapshot,
    tenant: &Tenant,
    role: Role,
) -> impl Iterator<Item = &'s std::sync::Arc<User>> {
    state.users(tenant.id).filter(move |user| user.role == role)
}

/// Every role beside every permission.
pub(crate) fn matrix(state: &Snapshot, tenant: &Tenant) -> Matrix {
    let roles: Vec<(String, RoleAtoms)> = all(state, tenant)
        .map(|role| (role_name(state, role), state.role_atoms(role)))
        .collect();
    let row = |atom: &str, held: &dyn Fn(&RoleAtoms) -> bool| MatrixRow {
        atom: atom.to_owned(),
        held_by: roles
            .iter()
            .filter(|(_, atoms)| held(atoms))
            .map(|(name, _)| name.clone())
            .collect(),
    };
    let data = Atom::ALL.iter();
    let data = data.map(|atom| row(atom.as_str(), &|atoms| atoms.data.contains(atom)));
    let console = ConsoleAtom::ALL.iter();
    let console = console.map(|atom| row(atom.as_str(), &|atoms| atoms.console.contains(atom)));
    Matrix {
        data: data.collect(),
        console: console.collect(),
        roles: roles.iter().map(|(name, _)| name.clone()).collect(),
    }
}

/// Makes a role. Answers whether it is new.
pub(crate) async fn create(
    admin: &Admin,
    actor: Actor,
    asked: Option<Asked>,
    (tenant, new): (&Tenant, RoleAsked),
) -> Result<(bool, RoleShown), Problem> {
    let subject = format!("role `{}`", new.name);
    let command = Command::CreateRole {
        tenant: tenant.id,
        role: text(new),
    };
    let made = |outcome: &Outcome| match outcome {
        Outcome::Role(id) => Some(Made::Role(id.get())),
        _ => None,
    };
    let (is_new, made) = creations::by(admin, actor, asked, (subject, command), made).await?;
    let Made::Role(number) = made else {
        return Err(unexpected());
    };
    let state = admin.directory.state();
    let made = state.roles(tenant.id).find(|it| it.id.get() == number);
    let made = made.ok_or_else(|| creations::gone("role"))?;
    Ok((is_new, show(&state, tenant, Role::Custom(made.id))))
}

fn text(asked: RoleAsked) -> RoleText {
    RoleText {
        name: asked.name,
        description: asked.description.unwrap_or_default(),
        atoms: asked.atoms,
    }
}

/// Replaces what a role is.
pub(crate) async fn change(
    admin: &Admin,
    actor: Actor,
    (tenant, role, expected): (&Tenant, &CustomRole, Option<Revision>),
    asked: RoleAsked,
) -> Result<RoleShown, Problem> {
    let subject = format!("role `{}`", role.name);
    let command = Command::ChangeRole(role.id, text(asked));
    apply(admin, actor, expected, (&subject, command)).await?;
    let state = admin.directory.state();
    let role = state.role(role.id).ok_or_else(|| gone(&subject))?;
    Ok(show(&state, tenant, Role::Custom(role.id)))
}

/// What deleting a role takes along: it must be nobody's.
pub(crate) fn losses(state: &Snapshot, role: &CustomRole) -> Losses {
    let itself = loss("role", &role.name, role.description.as_str());
    Losses::of(std::iter::once(itself), in_use(state, role))
}

/// Why a role cannot be deleted now: who has it.
fn in_use(state: &Snapshot, role: &CustomRole) -> Option<Problem> {
    let tenant = state.tenant(role.tenant)?;
    let mut holders = holders(state, tenant, Role::Custom(role.id)).map(|user| user.name.as_str());
    let shown: Vec<&str> = holders.by_ref().take(5).collect();
    if shown.is_empty() {
        return None;
    }
    let more = match holders.count() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let detail = format!(
        "role `{}` is that of `{}`{more}: give them another first",
        role.name,
        shown.join("`, `")
    );
    let status = http::StatusCode::CONFLICT;
    Some(Problem::new(status, "refused", detail))
}

/// Removes a role that nobody has.
pub(crate) async fn delete(
    admin: &Admin,
    actor: Actor,
    (role, expected): (&CustomRole, Option<Revision>),
) -> Result<Gone, Problem> {
    if let Some(problem) = in_use(&admin.directory.state(), role) {
        return Err(problem);
    }
    let subject = format!("role `{}`", role.name);
    let command = (
        &*subject,
        role.name.to_string(),
        Command::DeleteRole(role.id),
    );
    delete_as(admin, actor, expected, command).await
}

/// The role that a user is to have, by its word.
pub(crate) fn meant(
    state: &Snapshot,
    tenant: &Tenant,
    word: Option<&str>,
) -> Result<Option<Role>, Problem> {
    word.map(|word| find::role(state, tenant, word)).transpose()
}
