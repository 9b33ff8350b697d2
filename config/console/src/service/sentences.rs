//! What the directory refuses, in sentences that say what to do.

use http::StatusCode;
use postern_config::directory::{
    Command, CommandError, Name, NamespaceId, Refusal, State as Snapshot, TenantId, UserId,
};
use postern_config::upstream::BucketFault;
use s3_protocol::S3Code;

use crate::Problem;
use crate::limits::FREE_NAMES_TRIED_MAX;

/// A refusal that says about what, and what to do.
pub(crate) fn refused(subject: &str, error: CommandError) -> Problem {
    match error {
        CommandError::Taken { what, name, .. } => taken(what, &name, None),
        CommandError::Refused(refusal) => rule(subject, refusal),
        CommandError::Stale { found } => stale(found.0),
        other => other.into(),
    }
}

/// The same, with a name that is free in the place of one that is taken.
pub(crate) fn refused_name(
    state: &Snapshot,
    naming: Option<Naming>,
    (subject, error): (&str, CommandError),
) -> Problem {
    match error {
        CommandError::Taken { what, name, .. } => {
            let free = naming.and_then(|naming| naming.free(state, &name));
            taken(what, &name, free)
        }
        other => refused(subject, other),
    }
}

/// A name that somebody has: whose kind of thing, and which other name would do.
fn taken(what: &str, name: &str, free: Option<String>) -> Problem {
    let detail = match (what, free) {
        ("e-mail address", _) => {
            format!("the e-mail address `{name}` is that of another user: give one of his own")
        }
        ("alias", _) => format!("the alias `{name}` is taken: choose another"),
        ("role", None) => format!(
            "the name `{name}` is taken by another role, or that of a built-in one: choose another name"
        ),
        (what, None) => {
            format!("the name `{name}` is taken by another {what}: choose another name")
        }
        (what, Some(free)) => format!(
            "the name `{name}` is taken by another {what} (upper and lower case are one): choose another name, such as `{free}`"
        ),
    };
    Problem::new(StatusCode::CONFLICT, "taken", detail)
}

/// A rule that forbids something, and what to do.
pub(crate) fn rule(subject: &str, refusal: Refusal) -> Problem {
    let (status, code, advice) = advice(refusal);
    let detail = if advice.is_empty() {
        format!("{subject}: {refusal}")
    } else {
        format!("{subject}: {refusal}: {advice}")
    };
    Problem::new(status, code, detail)
}

/// Among whose names a name must be free.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Naming {
    /// All accounts.
    Tenants,
    /// The users of an account.
    Users(TenantId),
    /// The roles of an account.
    Roles(TenantId),
    /// The sub-users of a user.
    SubUsers(UserId),
    /// The buckets of a namespace.
    Buckets(NamespaceId),
}

impl Naming {
    /// Where the name that a command gives must be free.
    pub(crate) fn of(state: &Snapshot, command: &Command) -> Option<Self> {
        Some(match command {
            Command::CreateTenant { .. } | Command::RenameTenant(..) => Self::Tenants,
            Command::CreateUser(new) => Self::Users(new.tenant),
            Command::RenameUser(id, _) => Self::Users(state.user(*id)?.tenant),
            Command::CreateRole { tenant, .. } => Self::Roles(*tenant),
            Command::ChangeRole(id, _) => Self::Roles(state.role(*id)?.tenant),
            Command::CreateSubUser(new) => Self::SubUsers(new.user),
            Command::RenameSubUser(id, _) => Self::SubUsers(state.sub_user(*id)?.user),
            _ => return None,
        })
    }

    /// A name like this one that is free.
    fn free(self, state: &Snapshot, name: &str) -> Option<String> {
        let mut candidates = (2..=FREE_NAMES_TRIED_MAX).map(|number| format!("{name}-{number}"));
        candidates.find(|candidate| self.is_free(state, candidate) == Some(true))
    }

    /// Whether nobody has this name; none where it is no name.
    fn is_free(self, state: &Snapshot, text: &str) -> Option<bool> {
        let name = |text: &str| text.parse::<Name>().ok();
        Some(match self {
            Self::Tenants => state.tenant_named(&name(text)?).is_none(),
            Self::Users(tenant) => state.user_named(tenant, &name(text)?).is_none(),
            Self::Roles(tenant) => state.role_named(tenant, &name(text)?).is_none(),
            Self::SubUsers(user) => state.sub_user_named(user, &name(text)?).is_none(),
            Self::Buckets(namespace) => {
                let name: s3_protocol::BucketName = text.parse().ok()?;
                state.bucket(namespace, &name).is_none()
            }
        })
    }
}

/// The answer to whoever changes nothing: what could be changed.
pub(crate) fn nothing(fields: &[&str]) -> Problem {
    let fields = fields.join("`, `");
    Problem::malformed(format!("nothing is to change: give one of `{fields}`"))
}

/// The answer to whoever changes what has changed since.
pub(crate) fn stale(found: u64) -> Problem {
    let detail = format!(
        "the record has changed since it was read: it is at \"{found}\" now; read it again, and send that as `If-Match`"
    );
    Problem::new(StatusCode::PRECONDITION_FAILED, "stale", detail)
}

/// A bucket that was not made.
pub(crate) fn new_bucket(
    state: &Snapshot,
    namespace: NamespaceId,
    (subject, fault): (&str, BucketFault),
) -> Problem {
    match fault {
        BucketFault::Refused(error) => {
            refused_name(state, Some(Naming::Buckets(namespace)), (subject, error))
        }
        other => bucket(subject, other),
    }
}

/// A bucket that was not made or removed.
pub(crate) fn bucket(subject: &str, fault: BucketFault) -> Problem {
    match fault {
        BucketFault::Refused(error) => refused(subject, error),
        BucketFault::Upstream(error) if error.code == S3Code::BucketNotEmpty => {
            let detail = format!(
                "{subject} is not empty: its owner must delete what is in it first (`aws s3 rm --recursive`, or a lifecycle rule)"
            );
            Problem::new(StatusCode::CONFLICT, "not-empty", detail)
        }
        BucketFault::Upstream(error) => {
            let detail = format!("{subject}: the storage answers: {}", error.message);
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "upstream", detail)
        }
        BucketFault::Unfinished(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a bucket's last step waits"
            );
            let detail = format!("{subject}: the last step waits for the next start of the server");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unfinished", detail)
        }
    }
}

/// What kind of refusal it is, and what to do about it.
#[expect(
    clippy::too_many_lines,
    reason = "a table: one arm for each refusal, so that none is forgotten"
)]
pub(crate) fn advice(refusal: Refusal) -> (StatusCode, &'static str, &'static str) {
    use Refusal as R;
    let (above, status, code) = (StatusCode::FORBIDDEN, StatusCode::CONFLICT, "refused");
    match refusal {
        R::MoreThanParent => (
            above,
            "above",
            "ask for less, or raise the limit above first",
        ),
        R::Needs(_) | R::NotPermitted | R::OwnersAlone => (above, "forbidden", ""),
        R::MoreThanMaker => (above, "above", "ask for less, or ask somebody who has it"),
        R::NoInvitation => (above, "invitation", ""),
        R::ShownOnce => (above, "shown-once", ""),
        R::ScopeUsers | R::InvitationTime | R::TokenTime => {
            (StatusCode::UNPROCESSABLE_ENTITY, "malformed", "")
        }
        R::Rights(_) => (StatusCode::UNPROCESSABLE_ENTITY, "rights", ""),
        R::StillHas(_) => (status, code, "take that away first"),
        R::TooMany(_) => (status, code, "delete one that is not used"),
        R::TrustSize | R::SessionLength => (StatusCode::UNPROCESSABLE_ENTITY, "malformed", ""),
        R::EmailNeeded => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "email",
            "give `email`, or make a user of kind `service`",
        ),
        R::TooManyRows => (StatusCode::UNPROCESSABLE_ENTITY, "too-many", "name fewer"),
        R::Inactive => (status, code, "enable it first"),
        R::BeingRemoved => (status, code, "it does not come back; make another"),
        R::OwnsBuckets => (
            status,
            code,
            "delete those first, or ask for a deletion with data",
        ),
        R::Replaced => (
            status,
            code,
            "it stops by itself at the end of its grace; delete it to stop it now, or change the key in its place",
        ),
        R::SecondRoot => (status, code, "make a user of kind `human` or `service`"),
        R::RootStays => (status, code, "delete the account, or rotate the root's key"),
        R::RootHasOneKey => (status, code, "`rotate` puts another in its place"),
        R::RootKeyIsFull => (status, code, "make a key of another user"),
        R::OwnerIsTransferred => (status, code, "`transfer` on the account does that"),
        R::OwnerStays => (
            status,
            code,
            "rotate the root's key, or give another user a role",
        ),
        R::OwnerIsAPerson => (status, code, "name an active user of kind `human`"),
        R::NoSuchRole => (status, code, "the list of roles shows those that there are"),
        R::Roles => (status, code, "delete one that nobody has"),
        R::NoSubUsers => (status, code, "make a user in the place of the sub-user"),
        R::Keys => (
            status,
            code,
            "delete one that is not used, or raise the limit first",
        ),
        R::Users => (
            status,
            code,
            "delete one that is not used, or raise the limit first",
        ),
        R::TooDeep => (
            status,
            code,
            "make it below the account above, or below none",
        ),
        R::HasChildren => (status, code, "delete those first"),
        R::Hosts => (status, code, "take one away that is not used"),
        R::NoPermissions => (
            status,
            code,
            "levels of keys and roles say there who may do what",
        ),
        R::NotPublic => (
            status,
            code,
            "where its profile has policies that open, a policy of the bucket does it",
        ),
        R::NoNamespace => (
            status,
            code,
            "where each user has buckets of his own, name a user; elsewhere name none",
        ),
        R::RoleInUse
        | R::NotOfNamespace
        | R::BucketState
        | R::PolicySize
        | R::UserPolicies
        | R::ModuleSize
        | R::ModuleVersions
        | R::Retired
        | R::InForce
        | R::AtWork
        | R::NotInForce
        | R::NoTrial
        | R::Guardrail
        | R::Unsigned
        | R::WronglySigned
        | R::NoSigners
        | R::NoProposal
        | R::Expired
        | R::SamePerson
        | R::AlreadyProposed
        | R::OffNeedsTwo
        | R::RateOfNothing
        | R::LastOwner
        | R::NoOperatorsRole
        | R::Operators
        | R::OneTimeIsOn
        | R::NoOneTime
        | R::Passkeys
        | R::PasskeyIsKnown
        | R::CodeUsed
        | R::Tokens
        | R::KeepsData
        | R::Jobs
        | R::Rotating
        | R::SameMasterKey
        | R::Finished
        | R::NothingToChange
        | R::NoHistory => (status, code, ""),
    }
}
