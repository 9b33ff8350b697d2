//! Accounts.

use http::StatusCode;
use postern_config::directory::{
    Actor, Alias, Command, Description, ModuleScope, Name, NamespaceId, NamespaceKind, Outcome,
    Profile, Purge, State as Snapshot, Tenant, TenantLimits, TenantStatus, User, UserKind,
    WriteDeletes,
};
use postern_config::engine::Revision;

use super::creations::{self, Asked, Made};
use super::jobs::JobShown;
use super::list::{Listing, Page};
use super::losses::{self, Gone, Losses, Reach, loss};
use super::sentences::{Naming, nothing, refused, refused_name, stale};
use super::users::unexpected;
use super::{buckets, find};
use crate::caller::Caller;
use crate::shape::shapes;
use crate::{Admin, Problem};

shapes! {
    told
    /// An account.
    TenantShown {
        /// Its number, never used twice.
        id: u64,
        /// Its name, unique in the deployment without regard to case.
        name: Name,
        /// Whose rules it follows.
        profile: Profile,
        /// Whether it works.
        status: TenantStatus,
        /// What Write keys may delete.
        write_deletes: WriteDeletes,
        /// The account above it, a reseller's.
        parent: Option<String>,
        /// How many accounts are below it.
        children: usize,
        /// What a person says about it.
        description: Description,
        /// How much it may hold.
        limits: Limits,
        /// Whether nothing of it is public, whatever its buckets say.
        block_public: bool,
        /// How many users it has, the root among them.
        users: usize,
        /// How many access keys they have.
        keys: usize,
        /// How many buckets it has.
        buckets: usize,
        /// When it was made, in seconds since 1970.
        created: u64,
        /// How far it is where the account is being deleted with its data; told of an account that is asked for by name.
        deletion: Option<JobShown>,
        /// The revision of its record; its `ETag`.
        revision: u64,
    }

    asked
    /// An account to make.
    NewTenant {
        /// Its name.
        name: Name,
        /// Whose rules it follows; `e3-root` unless told otherwise. It stays.
        profile: Option<Profile>,
        /// The account above it, by name or number: a reseller's. It stays.
        parent: Option<String>,
    }

    both
    /// How much an account may hold. What is null is not bounded; what it holds already stays.
    Limits {
        /// Most users, the root among them.
        users: Option<u32>,
        /// Most access keys of all its users.
        keys: Option<u32>,
    }

    asked
    /// A change of an account. Each field is an audit record of its own; all are changed, or none.
    TenantChange {
        /// `suspended` stops all keys and keeps everything; `read-only` lets it be read and nothing else; `active` lets it work again.
        status: Option<TenantStatus>,
        /// What Write keys may delete; at most what the profile allows.
        write_deletes: Option<WriteDeletes>,
        /// Another name. Its number, its keys and its buckets stay.
        name: Option<Name>,
        /// What a person says about it.
        description: Option<Description>,
        /// Whether nothing of it shall be public, whatever its buckets say.
        block_public: Option<bool>,
        /// How much it may hold, said from above.
        limits: Option<Limits>,
    }

    asked
    /// Whom an account shall belong to.
    Transfer {
        /// The person, by name or number. Who was the owner becomes an admin.
        to: String,
    }

    told
    /// The label by which hosts find buckets for whoever asks: `<alias>.<public domain>`.
    AliasShown {
        /// The label.
        alias: Option<Alias>,
        /// The revision of its record; its `ETag`.
        revision: u64,
    }

    asked
    /// A label to give.
    NewAlias {
        /// The label, unique in the deployment.
        alias: Alias,
    }
}

/// The accounts.
pub(crate) fn list(
    admin: &Admin,
    caller: &Caller,
    listing: &Listing,
    (status, parent): (Option<TenantStatus>, Option<&str>),
) -> Result<Page<TenantShown>, Problem> {
    let state = admin.directory.state();
    let parent = parent
        .map(|word| caller.tenant(&state, word).map(|parent| parent.id))
        .transpose()?;
    let fitting = state.tenants().filter(|tenant| {
        status.is_none_or(|status| status == tenant.status)
            && caller.touches(&state, tenant.id)
            && parent.is_none_or(|parent| tenant.parent == Some(parent))
            && listing.finds(&[
                tenant.name.as_str(),
                tenant.description.as_str(),
                tenant.profile.as_str(),
            ])
    });
    let rank = |tenant: &&std::sync::Arc<Tenant>, order| match order {
        "created" => (tenant.created.0, tenant.name.as_str().to_lowercase()),
        _ => (0, tenant.name.as_str().to_lowercase()),
    };
    listing.page(&["name", "created"], fitting, rank, |tenant| {
        show(&state, tenant)
    })
}

/// An account with what it has.
pub(crate) fn show(state: &Snapshot, tenant: &Tenant) -> TenantShown {
    let held = state.held(tenant.id);
    TenantShown {
        id: tenant.id.get(),
        name: tenant.name.clone(),
        profile: tenant.profile,
        status: tenant.status,
        write_deletes: tenant.write_deletes,
        parent: tenant
            .parent
            .and_then(|parent| state.tenant(parent))
            .map(|parent| parent.name.to_string()),
        children: state.children(tenant.id).count(),
        description: tenant.description.clone(),
        limits: Limits {
            users: tenant.limits.users,
            keys: tenant.limits.keys,
        },
        block_public: tenant.block_public,
        users: held.users,
        keys: held.keys,
        buckets: held.buckets,
        created: tenant.created.0,
        deletion: None,
        revision: tenant.revision.0,
    }
}

/// Makes an account. Answers whether it is new.
pub(crate) async fn create(
    admin: &Admin,
    actor: Actor,
    asked: Option<Asked>,
    (caller, new): (&Caller, NewTenant),
) -> Result<(bool, TenantShown), Problem> {
    let state = admin.directory.state();
    let parent = new.parent.as_deref();
    let parent = parent.map(|word| caller.tenant(&state, word).map(|parent| parent.id));
    let subject = format!("tenant `{}`", new.name);
    let command = Command::CreateTenant {
        name: new.name,
        profile: new.profile.unwrap_or_default(),
        parent: parent.transpose()?,
    };
    let made = |outcome: &Outcome| match outcome {
        Outcome::Tenant { tenant, .. } => Some(Made::Tenant(tenant.get())),
        _ => None,
    };
    let (is_new, made) = creations::by(admin, actor, asked, (subject, command), made).await?;
    let Made::Tenant(number) = made else {
        return Err(unexpected());
    };
    let state = admin.directory.state();
    let tenant = state.tenant_numbered(number);
    let tenant = tenant.ok_or_else(|| creations::gone("tenant"))?;
    Ok((is_new, show(&state, tenant)))
}

/// Changes an account.
pub(crate) async fn change(
    admin: &Admin,
    actor: Actor,
    which: (&Tenant, Option<Revision>),
    change: TenantChange,
) -> Result<TenantShown, Problem> {
    let commands = commands(which.0, change)?;
    changed(admin, actor, which, commands).await
}

fn commands(tenant: &Tenant, change: TenantChange) -> Result<Vec<Command>, Problem> {
    let id = tenant.id;
    let status = change.status.map(|status| set_status(tenant, status));
    let deletes = change
        .write_deletes
        .map(|allowed| set_write_deletes(tenant, allowed));
    let name = change.name.map(|name| Command::RenameTenant(id, name));
    let text = change
        .description
        .map(|text| Command::DescribeTenant(id, text));
    let block = change.block_public.map(|block| {
        if block {
            Command::BlockPublic(id)
        } else {
            Command::UnblockPublic(id)
        }
    });
    let limits = change
        .limits
        .map(|limits| Command::SetTenantLimits(id, limits.bounds()));
    let plain = [limits, block, text, name];
    let mut commands: Vec<_> = plain.into_iter().flatten().collect();
    for judged in [deletes, status].into_iter().flatten() {
        commands.push(judged?);
    }
    if commands.is_empty() {
        let fields = [
            "status",
            "write_deletes",
            "name",
            "description",
            "block_public",
            "limits",
        ];
        return Err(nothing(&fields));
    }
    Ok(commands)
}

impl Limits {
    const fn bounds(&self) -> TenantLimits {
        TenantLimits {
            users: self.users,
            keys: self.keys,
        }
    }
}

fn set_status(tenant: &Tenant, status: TenantStatus) -> Result<Command, Problem> {
    match status {
        TenantStatus::Active => Ok(Command::ResumeTenant(tenant.id)),
        TenantStatus::ReadOnly => Ok(Command::MakeTenantReadOnly(tenant.id)),
        TenantStatus::Suspended => Ok(Command::SuspendTenant(tenant.id)),
        TenantStatus::Closed => {
            let detail = "`status` is changed to `active`, `read-only` or `suspended`; an account is closed by deleting it";
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            Err(Problem::new(status, "status", detail))
        }
    }
}

fn set_write_deletes(tenant: &Tenant, allowed: WriteDeletes) -> Result<Command, Problem> {
    let most = tenant.profile.write_deletes();
    if allowed <= most {
        return Ok(Command::SetWriteDeletes(tenant.id, allowed));
    }
    let detail = format!(
        "tenant `{}`: the profile `{}` allows `{}` at most for `write_deletes`: ask for that or less",
        tenant.name,
        tenant.profile,
        super::keys::word(&most)
    );
    Err(Problem::new(StatusCode::FORBIDDEN, "above", detail))
}

/// Says how much an account may hold.
pub(crate) async fn set_limits(
    admin: &Admin,
    actor: Actor,
    which: (&Tenant, Option<Revision>),
    limits: &Limits,
) -> Result<TenantShown, Problem> {
    let command = Command::SetTenantLimits(which.0.id, limits.bounds());
    changed(admin, actor, which, vec![command]).await
}

/// Makes another person the owner of an account.
pub(crate) async fn transfer(
    admin: &Admin,
    actor: Actor,
    which: (&Tenant, Option<Revision>),
    transfer: &Transfer,
) -> Result<TenantShown, Problem> {
    let state = admin.directory.state();
    let command = Command::TransferOwnership {
        tenant: which.0.id,
        to: find::user(&state, which.0, &transfer.to)?.id,
    };
    changed(admin, actor, which, vec![command]).await
}

async fn changed(
    admin: &Admin,
    actor: Actor,
    (tenant, expected): (&Tenant, Option<Revision>),
    commands: Vec<Command>,
) -> Result<TenantShown, Problem> {
    let subject = format!("tenant `{}`", tenant.name);
    apply_all(admin, actor, expected, (&subject, commands)).await?;
    let state = admin.directory.state();
    let tenant = state.tenant(tenant.id).ok_or_else(|| gone(&subject))?;
    Ok(show(&state, tenant))
}

/// What deleting an account takes along.
pub(crate) async fn losses(admin: &Admin, tenant: &Tenant, reach: Reach) -> Losses {
    let state = admin.directory.state();
    let state = &*state;
    let itself = loss("tenant", &tenant.name, tenant.profile.as_str());
    let users = state
        .users(tenant.id)
        .flat_map(|user| losses::of_user(state, user));
    let roles = state
        .roles(tenant.id)
        .map(|role| loss("role", &role.name, role.description.as_str()));
    let modules = state
        .modules(ModuleScope::Tenant(tenant.id))
        .map(|version| loss("module", &version.name, version.digest.to_string()));
    let buckets = state
        .buckets_in(tenant)
        .map(|bucket| loss("bucket", &bucket.name, buckets::about(state, bucket)));
    let all = std::iter::once(itself)
        .chain(users)
        .chain(buckets)
        .chain(roles)
        .chain(modules);
    let losses = Losses::of(all, hindrance(state, tenant, reach));
    match reach {
        Reach::WithoutData => losses,
        Reach::WithData => {
            let held = admin.purges.left(Purge::Tenant(tenant.id)).await;
            losses.holding(held.unwrap_or_default())
        }
    }
}

/// Why an account cannot be closed now.
fn hindrance(state: &Snapshot, tenant: &Tenant, reach: Reach) -> Option<Problem> {
    let buckets = match reach {
        Reach::WithData => None,
        Reach::WithoutData => owns_buckets(
            &format!("tenant `{}`", tenant.name),
            state.buckets_in(tenant).map(|it| it.name.as_str()),
            "delete those first, or ask for `with_data`",
        ),
    };
    buckets.or_else(|| has_children(state, tenant))
}

/// Why an account that has others below it is not deleted: which.
fn has_children(state: &Snapshot, tenant: &Tenant) -> Option<Problem> {
    let mut children = state.children(tenant.id).map(|child| child.name.as_str());
    let shown: Vec<&str> = children.by_ref().take(5).collect();
    if shown.is_empty() {
        return None;
    }
    let more = match children.count() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let detail = format!(
        "tenant `{}` has accounts below it: `{}`{more}: delete those first",
        tenant.name,
        shown.join("`, `")
    );
    Some(Problem::new(StatusCode::CONFLICT, "has-children", detail))
}

/// Closes an account and removes what it has.
pub(crate) async fn delete(
    admin: &Admin,
    actor: Actor,
    (tenant, expected): (&Tenant, Option<Revision>),
    reach: Reach,
) -> Result<Gone, Problem> {
    let subject = format!("tenant `{}`", tenant.name);
    let state = admin.directory.state();
    if let Some(problem) = hindrance(&state, tenant, reach) {
        return Err(problem);
    }
    let owns = state.buckets_in(tenant).next().is_some();
    let command = match reach {
        Reach::WithData if owns => Command::PurgeTenant(tenant.id),
        Reach::WithData | Reach::WithoutData => Command::DeleteTenant(tenant.id),
    };
    drop(state);
    let deleted = tenant.name.to_string();
    delete_as(admin, actor, expected, (&subject, deleted, command)).await
}

/// Carries a deletion out, and says which job goes on with it.
pub(crate) async fn delete_as(
    admin: &Admin,
    actor: Actor,
    expected: Option<Revision>,
    (subject, deleted, command): (&str, String, Command),
) -> Result<Gone, Problem> {
    let done = match expected {
        Some(expected) => admin.directory.apply_at(command, actor, expected).await,
        None => admin.directory.apply(command, actor).await,
    };
    let applied = done.map_err(|error| refused(subject, error))?;
    let job = match applied.outcome {
        Outcome::Job(job) => Some(job.get()),
        _ => None,
    };
    Ok(Gone {
        deleted,
        revision: applied.revision.0,
        job,
    })
}

/// Why something that still owns buckets is not deleted: which.
pub(crate) fn owns_buckets<'n>(
    subject: &str,
    mut names: impl Iterator<Item = &'n str>,
    advice: &str,
) -> Option<Problem> {
    let shown: Vec<&str> = names.by_ref().take(5).collect();
    if shown.is_empty() {
        return None;
    }
    let more = match names.count() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let detail = format!(
        "{subject} still owns buckets: `{}`{more}: {advice}",
        shown.join("`, `")
    );
    Some(Problem::new(StatusCode::CONFLICT, "owns-buckets", detail))
}

/// The namespace that is the account's, or this user's where each has one.
fn namespace(tenant: &Tenant, user: Option<&User>) -> Result<NamespaceId, Problem> {
    match (tenant.profile.namespaces(), user) {
        (NamespaceKind::PerUser, Some(user)) => Ok(NamespaceId::User(tenant.id, user.id)),
        (NamespaceKind::Account, None) => Ok(NamespaceId::Account(tenant.id)),
        (NamespaceKind::PerUser, None) => Err(Problem::malformed(
            "each user of this tenant has buckets of his own, and so an alias of his own: say whose, with `user`",
        )),
        (NamespaceKind::Account, Some(_)) => Err(Problem::malformed(
            "the users of this tenant share their buckets, and so one alias: leave `user` out",
        )),
        (NamespaceKind::Global, _) => Err(Problem::new(
            StatusCode::CONFLICT,
            "refused",
            "bucket names of this tenant are unique in the whole deployment: hosts find them without an alias",
        )),
    }
}

/// The label of a namespace.
pub(crate) fn alias(
    state: &Snapshot,
    tenant: &Tenant,
    user: Option<&User>,
) -> Result<AliasShown, Problem> {
    let found = state.namespace(namespace(tenant, user)?);
    let found = found.ok_or_else(|| Problem::not_found("namespace"))?;
    Ok(AliasShown {
        alias: found.alias.clone(),
        revision: found.revision.0,
    })
}

/// Gives a namespace a label, or takes it away.
pub(crate) async fn set_alias(
    admin: &Admin,
    actor: Actor,
    (tenant, user, expected): (&Tenant, Option<&User>, Option<Revision>),
    alias: Option<Alias>,
) -> Result<AliasShown, Problem> {
    let id = namespace(tenant, user)?;
    let subject = match user {
        Some(user) if user.kind != UserKind::Root => format!("the buckets of `{}`", user.name),
        _ => format!("the buckets of `{}`", tenant.name),
    };
    let command = Command::SetAlias(id, alias);
    apply(admin, actor, expected, (&subject, command)).await?;
    self::alias(&admin.directory.state(), tenant, user)
}

/// Carries out what changes one record, all of it or nothing: what is refused of one command is found before the first is carried out.
pub(super) async fn apply_all(
    admin: &Admin,
    actor: Actor,
    mut expected: Option<Revision>,
    (subject, commands): (&str, Vec<Command>),
) -> Result<(), Problem> {
    let state = admin.directory.state();
    for command in &commands {
        let would = admin.directory.check(command, &actor);
        would
            .map_err(|error| refused_name(&state, Naming::of(&state, command), (subject, error)))?;
    }
    for command in commands {
        let done = apply(admin, actor.clone(), expected, (subject, command)).await?;
        expected = expected.map(|_| Revision(done));
    }
    Ok(())
}

/// Carries a command out, at the revision that whoever asks has seen.
pub(crate) async fn apply(
    admin: &Admin,
    actor: Actor,
    expected: Option<Revision>,
    (subject, command): (&str, Command),
) -> Result<u64, Problem> {
    let state = admin.directory.state();
    let naming = Naming::of(&state, &command);
    let done = match expected {
        Some(expected) => admin.directory.apply_at(command, actor, expected).await,
        None => admin.directory.apply(command, actor).await,
    };
    let applied = done.map_err(|error| refused_name(&state, naming, (subject, error)))?;
    Ok(applied.revision.0)
}

/// What was there a moment ago.
pub(crate) fn gone(subject: &str) -> Problem {
    let mut problem = stale(0);
    problem.status = StatusCode::NOT_FOUND;
    problem.code = "not-found";
    problem.detail = format!("{subject} was deleted in the meantime");
    problem
}
