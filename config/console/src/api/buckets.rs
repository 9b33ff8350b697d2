//! Buckets, as far as the admin side has a part in them.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use postern_config::directory::{Bucket, Tenant};

use super::asked::{Ask, By, Document, IfMatch, Of, created, tagged};
use crate::service::buckets::{self, BucketShown, NewBucket};
use crate::service::list::{Page, list_queries};
use crate::service::losses::Deletion;
use crate::shape::shapes;
use crate::{Admin, Problem};

list_queries! {
    /// Which buckets are listed.
    BucketsAsk
        finds "Those whose name or owner contains this."
        sorts "`name`, `owner` or `created`, with `-` before it from the other end."
    {
        /// Those of this user, by name or number.
        owner: Option<String>,
        /// Those that are public, or those that are not.
        public: Option<bool>,
    }
}

shapes! {
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
    of: Of<Tenant>,
    Ask(ask): Ask<BucketsAsk>,
) -> Result<Json<Page<BucketShown>>, Problem> {
    let owner = of.user(ask.owner.as_deref())?;
    let which = (owner, ask.public);
    let page = buckets::list(&admin, (&of.caller, &of.it), &ask.listing(), which);
    Ok(Json(page?))
}

pub(crate) async fn create(
    State(admin): State<Admin>,
    of: Of<Tenant>,
    document: Document<NewBucket>,
) -> Result<Response, Problem> {
    of.caller.user(&of.state, &of.it, &document.asked.owner)?;
    let new = (&*of.it, document.asked);
    let (is_new, bucket) = buckets::create(&admin, document.actor, document.once, new).await?;
    Ok(created(is_new, bucket.revision, bucket))
}

pub(crate) async fn show(
    State(admin): State<Admin>,
    of: Of<Bucket>,
    Ask(BucketAsk { .. }): Ask<BucketAsk>,
) -> Response {
    let detail = buckets::detail(&admin, &of.it).await;
    tagged(of.it.revision.0, detail)
}

pub(crate) async fn delete(
    State(admin): State<Admin>,
    of: Of<Bucket>,
    Ask(ask): Ask<BucketDeletion>,
    if_match: IfMatch,
    By(actor): By,
) -> Result<Response, Problem> {
    let expected = if_match.holds(of.it.revision)?;
    let deletion = Deletion {
        dry_run: ask.dry_run,
        confirm: ask.confirm,
    };
    if !deletion.is_meant(of.it.name.as_str())? {
        let losses = buckets::losses(&admin, &of.it).await;
        return Ok(tagged(of.it.revision.0, losses));
    }
    let deleted = buckets::delete(&admin, actor, (&of.it, expected)).await?;
    Ok(super::json(deleted))
}
