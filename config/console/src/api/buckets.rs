//! Buckets, as far as the admin side has a part in them.

use axum::Json;
use axum::extract::State;
use axum::response::Response;

use super::asked::{Ask, At, By, Document, IfMatch, created, tagged};
use crate::caller::Caller;
use crate::service::buckets::{self, BucketShown, NewBucket};
use crate::service::find;
use crate::service::list::{Listing, Page};
use crate::service::losses::Deletion;
use crate::shape::shapes;
use crate::{Admin, Problem};

shapes! {
    asked
    /// Which buckets are listed.
    BucketsAsk {
        /// Those whose name or owner contains this.
        q: Option<String>,
        /// Those of this user, by name or number.
        owner: Option<String>,
        /// `name`, `owner` or `created`, with `-` before it from the other end.
        sort: Option<String>,
        /// Entries of a page, 1 to 1,000.
        limit: Option<usize>,
        /// The `next` of the page before.
        cursor: Option<String>,
    }

    asked
    /// Whose bucket is meant.
    BucketAsk {
        /// Its owner, by name or number, where several users have a bucket of this name.
        owner: Option<String>,
    }

    asked
    /// How the deletion of a bucket is asked for.
    BucketDeletion {
        /// Its owner, by name or number, where several users have a bucket of this name.
        owner: Option<String>,
        /// Say what would be lost, and delete nothing.
        dry_run: Option<bool>,
        /// The name of the bucket, as somebody typed it: another name is refused.
        confirm: Option<String>,
    }
}

pub(crate) async fn list(
    State(admin): State<Admin>,
    caller: Caller,
    At(tenant): At<String>,
    Ask(ask): Ask<BucketsAsk>,
) -> Result<Json<Page<BucketShown>>, Problem> {
    let state = admin.directory.state();
    let tenant = find::tenant(&state, &tenant)?;
    let owner = ask
        .owner
        .map(|word| caller.user(&state, tenant, &word).cloned());
    let owner = owner.transpose()?;
    let listing = Listing {
        q: ask.q,
        sort: ask.sort,
        limit: ask.limit,
        cursor: ask.cursor,
    };
    let page = buckets::list(&admin, &caller, (tenant, owner.as_deref()), &listing);
    Ok(Json(page?))
}

pub(crate) async fn create(
    State(admin): State<Admin>,
    caller: Caller,
    At(tenant): At<String>,
    document: Document<NewBucket>,
) -> Result<Response, Problem> {
    let state = admin.directory.state();
    let tenant = find::tenant(&state, &tenant)?;
    caller.user(&state, tenant, &document.asked.owner)?;
    let new = (&**tenant, document.asked);
    let (is_new, bucket) = buckets::create(&admin, document.actor, document.once, new).await?;
    Ok(created(is_new, bucket.revision, bucket))
}

pub(crate) async fn show(
    State(admin): State<Admin>,
    caller: Caller,
    At((tenant, bucket)): At<(String, String)>,
    Ask(ask): Ask<BucketAsk>,
) -> Result<Response, Problem> {
    let state = admin.directory.state();
    let tenant = find::tenant(&state, &tenant)?;
    let owner = ask
        .owner
        .map(|word| caller.user(&state, tenant, &word).cloned());
    let bucket = find::bucket(
        &state,
        &caller,
        (tenant, owner.transpose()?.as_deref()),
        &bucket,
    )?;
    let detail = buckets::detail(&admin, bucket).await;
    Ok(tagged(bucket.revision.0, detail))
}

pub(crate) async fn delete(
    State(admin): State<Admin>,
    caller: Caller,
    At((tenant, bucket)): At<(String, String)>,
    Ask(ask): Ask<BucketDeletion>,
    if_match: IfMatch,
    By(actor): By,
) -> Result<Response, Problem> {
    let state = admin.directory.state();
    let tenant = find::tenant(&state, &tenant)?;
    let owner = ask
        .owner
        .map(|word| caller.user(&state, tenant, &word).cloned());
    let bucket = find::bucket(
        &state,
        &caller,
        (tenant, owner.transpose()?.as_deref()),
        &bucket,
    )?;
    let expected = if_match.holds(bucket.revision)?;
    let deletion = Deletion {
        dry_run: ask.dry_run,
        confirm: ask.confirm,
    };
    if !deletion.is_meant(bucket.name.as_str())? {
        let losses = buckets::losses(&admin, bucket).await;
        return Ok(tagged(bucket.revision.0, losses));
    }
    Ok(super::json(
        buckets::delete(&admin, actor, (bucket, expected)).await?,
    ))
}
