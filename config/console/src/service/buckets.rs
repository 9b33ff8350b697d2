//! Buckets, as the admin side sees them: names, owners, sizes. What is in them it never sees.

use http::StatusCode;
use postern_config::directory::{
    Actor, Bucket, BucketState, ContainerAcl, State as Snapshot, Tenant, User,
};
use postern_config::engine::Revision;
use postern_config::upstream::{self, Keeps, NewBucket as Wanted};
use s3_protocol::BucketName;
use s3_protocol::setting::Versioning;

use super::creations::{self, Asked, Creation, Made};
use super::list::{Listing, Page};
use super::losses::{Gone, Losses, loss};
use super::users::unexpected;
use super::{find, sentences};
use crate::caller::Caller;
use crate::shape::shapes;
use crate::{Admin, Problem};

shapes! {
    told
    /// A bucket.
    BucketShown {
        /// Its number: 32 hexadecimal digits.
        id: String,
        /// Its name, unique in its namespace.
        name: String,
        /// The account's name.
        tenant: String,
        /// The name of its owner.
        owner: String,
        /// Where its name is unique: `user`, `account` or `global`.
        namespace: &'static str,
        /// Whether it is there: `active`, or half of a change that is finished at the next start: `creating`, `deleting`.
        state: String,
        /// Whether a policy document is attached to it.
        has_policy: bool,
        /// Whether it is public, and its account does not forbid that.
        is_public: bool,
        /// How its permissions are set: `global`, `per-user`, or `none`.
        permissions: &'static str,
        /// When it was made, in seconds since 1970.
        created: u64,
        /// The revision of its record; its `ETag`.
        revision: u64,
    }

    told
    /// A bucket and what it holds.
    BucketDetail {
        /// The bucket.
        bucket: BucketShown,
        /// How many objects it holds; null while it is half made.
        objects: Option<u64>,
        /// Their bytes.
        bytes: Option<u64>,
        /// Whether it keeps versions: `enabled`, `suspended`, or `off` where it never did; null while it is half made.
        versioning: Option<&'static str>,
        /// Whether versions in it may be locked; null while it is half made.
        object_lock: Option<bool>,
    }

    asked
    /// A bucket to make for somebody. Whoever makes it has no access to what its owner puts there.
    NewBucket {
        /// Its name: 3 to 63 lower-case letters, digits, `.` and single `-`.
        name: String,
        /// The user who owns it, by name or number.
        owner: String,
        /// Whether it keeps the versions of what is overwritten or deleted. Its owner may change that.
        versioning: Option<bool>,
        /// Whether versions in it may be locked. It keeps versions then, and both stay so.
        object_lock: Option<bool>,
    }
}

/// The buckets of an account, or of one of its users.
pub(crate) fn list(
    admin: &Admin,
    (caller, tenant): (&Caller, &Tenant),
    listing: &Listing,
    (owner, public): (Option<&User>, Option<bool>),
) -> Result<Page<BucketShown>, Problem> {
    let state = admin.directory.state();
    let fitting = state.buckets_in(tenant).filter(|bucket| {
        owner.is_none_or(|owner| owner.id == bucket.owner)
            && caller.sees_bucket(&state, bucket)
            && public.is_none_or(|public| public == is_public(tenant, bucket))
            && listing.finds(&[bucket.name.as_str(), &find::owner_of(&state, bucket)])
    });
    let rank = |bucket: &&std::sync::Arc<Bucket>, order| match order {
        "created" => (bucket.created.0, bucket.id.to_string()),
        "owner" => (
            0,
            format!(
                "{} {}",
                find::owner_of(&state, bucket).to_lowercase(),
                bucket.name
            ),
        ),
        _ => (0, format!("{} {}", bucket.name, bucket.id)),
    };
    let orders = ["name", "owner", "created"];
    listing.page(&orders, fitting, rank, |bucket| show(&state, bucket))
}

/// A bucket, without what it holds.
pub(crate) fn show(state: &Snapshot, bucket: &Bucket) -> BucketShown {
    use postern_config::directory::NamespaceId;
    let tenant = state.tenant(bucket.tenant);
    BucketShown {
        id: bucket.id.to_string(),
        name: bucket.name.to_string(),
        tenant: tenant
            .map(|tenant| tenant.name.to_string())
            .unwrap_or_default(),
        owner: find::owner_of(state, bucket),
        namespace: match bucket.namespace {
            NamespaceId::User(..) => "user",
            NamespaceId::Account(_) => "account",
            NamespaceId::Global => "global",
        },
        state: super::keys::word(&bucket.state),
        has_policy: state.bucket_policy(bucket.id).is_some(),
        is_public: tenant.is_some_and(|tenant| is_public(tenant, bucket)),
        permissions: match &bucket.acl {
            None => "none",
            Some(ContainerAcl::Global { .. }) => "global",
            Some(ContainerAcl::PerUser(_)) => "per-user",
        },
        created: bucket.created.0,
        revision: bucket.revision.0,
    }
}

/// Whether a switch makes it public: a policy may do so as well, which is said by [`BucketShown::has_policy`] alone.
pub(crate) fn is_public(tenant: &Tenant, bucket: &Bucket) -> bool {
    let public = super::permissions::public(tenant, bucket);
    public.is_public && !public.blocked
}

/// A bucket with what it holds.
pub(crate) async fn detail(admin: &Admin, bucket: &Bucket) -> BucketDetail {
    let shown = show(&admin.directory.state(), bucket);
    let holds = match bucket.state {
        BucketState::Active => admin.upstream.holds(bucket.id).await.ok(),
        BucketState::Creating | BucketState::Deleting => None,
    };
    BucketDetail {
        bucket: shown,
        objects: holds.map(|holds| holds.objects),
        bytes: holds.map(|holds| holds.bytes),
        versioning: holds.map(|holds| word(holds.versioning)),
        object_lock: holds.map(|holds| holds.has_locks),
    }
}

const fn word(versioning: Option<Versioning>) -> &'static str {
    match versioning {
        Some(Versioning::Enabled) => "enabled",
        Some(Versioning::Suspended) => "suspended",
        None => "off",
    }
}

/// A line about a bucket, for lists of what is lost.
pub(crate) fn about(state: &Snapshot, bucket: &Bucket) -> String {
    format!("of {}", find::owner_of(state, bucket))
}

/// Makes a bucket for a user. Answers whether it is new.
pub(crate) async fn create(
    admin: &Admin,
    actor: Actor,
    asked: Option<Asked>,
    (tenant, new): (&Tenant, NewBucket),
) -> Result<(bool, BucketShown), Problem> {
    let parsed = new.name.parse::<BucketName>();
    let name = parsed.map_err(|fault| {
        let detail = format!("`{}`: {fault}", printable(&new.name));
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "name", detail)
    })?;
    let state = admin.directory.state();
    let owner = find::user(&state, tenant, &new.owner)?;
    let wanted = Wanted {
        namespace: owner.namespace(tenant.profile),
        name,
        owner: owner.id,
        keeps: keeps(new.versioning, new.object_lock)?,
    };
    let done = creations::once(admin, actor, asked, |admin, actor| async move {
        let subject = format!("bucket `{}`", wanted.name);
        let namespace = wanted.namespace;
        let state = admin.directory.state();
        let made = upstream::create_bucket(&admin.directory, &*admin.upstream, wanted, actor);
        let id = made
            .await
            .map_err(|fault| sentences::new_bucket(&state, namespace, (&subject, fault)))?;
        Ok((Made::Bucket(id), id))
    });
    let (is_new, id) = match done.await? {
        Creation::New(id) => (true, id),
        Creation::Before(Made::Bucket(id)) => (false, id),
        Creation::Before(_) => return Err(unexpected()),
    };
    let state = admin.directory.state();
    let bucket = state.bucket_by_id(id).filter(|it| it.tenant == tenant.id);
    let bucket = bucket.ok_or_else(|| creations::gone("bucket"))?;
    Ok((is_new, show(&state, bucket)))
}

/// What a bucket is to keep.
fn keeps(versioning: Option<bool>, object_lock: Option<bool>) -> Result<Keeps, Problem> {
    match (
        versioning.unwrap_or_default(),
        object_lock.unwrap_or_default(),
    ) {
        (false, true) if versioning.is_some() => {
            let detail = "`object_lock` locks versions: it cannot be without `versioning`";
            Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "object-lock",
                detail,
            ))
        }
        (_, true) => Ok(Keeps::Locked),
        (true, false) => Ok(Keeps::Versions),
        (false, false) => Ok(Keeps::Nothing),
    }
}

/// What deleting a bucket takes along: it must be empty.
pub(crate) async fn losses(admin: &Admin, bucket: &Bucket) -> Losses {
    let state = admin.directory.state();
    let itself = loss("bucket", &bucket.name, about(&state, bucket));
    let policy = state
        .bucket_policy(bucket.id)
        .map(|_| loss("policy document", &bucket.name, "of the bucket"));
    let why_not = match admin.upstream.holds(bucket.id).await {
        Ok(holds) if holds.objects > 0 => {
            let detail = format!(
                "it holds {} objects: its owner must delete what is in it first",
                holds.objects
            );
            Some(Problem::new(StatusCode::CONFLICT, "not-empty", detail))
        }
        Ok(_) | Err(_) => None,
    };
    Losses::of(std::iter::once(itself).chain(policy), why_not)
}

/// Removes a bucket that holds nothing.
pub(crate) async fn delete(
    admin: &Admin,
    actor: Actor,
    (bucket, expected): (&Bucket, Option<Revision>),
) -> Result<Gone, Problem> {
    let subject = format!("bucket `{}`", bucket.name);
    let which = (bucket.id, expected);
    let owner = admin.clone();
    // A task of its own: a bucket that answers no more must not stay so because whoever asked has gone away.
    let done = tokio::spawn(async move {
        upstream::delete_bucket(&owner.directory, &*owner.upstream, which, actor).await
    });
    match done.await {
        Ok(done) => done.map_err(|fault| sentences::bucket(&subject, fault))?,
        Err(_) => return Err(unexpected()),
    }
    Ok(Gone {
        deleted: bucket.name.to_string(),
        revision: admin.directory.state().revision().0,
        job: None,
    })
}

/// What somebody typed, as far as it can be shown.
fn printable(text: &str) -> String {
    text.chars()
        .take(128)
        .filter(|it| !it.is_control())
        .collect()
}
