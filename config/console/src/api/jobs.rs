//! Jobs: work that goes on after its request was answered, and how far it is.

use axum::Json;
use axum::extract::State;
use axum::response::Response;

use super::asked::{Ask, At, tagged};
use crate::caller::Caller;
use crate::service::jobs::{self, JobShown, JobState};
use crate::service::list::{Listing, Page};
use crate::shape::shapes;
use crate::{Admin, Problem};

shapes! {
    asked
    /// Which jobs are listed.
    JobsAsk {
        /// Those about a tenant or user whose name contains this.
        q: Option<String>,
        /// Those that go on, or those that are done.
        state: Option<JobState>,
        /// `asked`, with `-` before it from the other end, as it is unless told otherwise.
        sort: Option<String>,
        /// Entries of a page, 1 to 1,000.
        limit: Option<usize>,
        /// The `next` of the page before.
        cursor: Option<String>,
    }
}

pub(crate) async fn list(
    State(admin): State<Admin>,
    caller: Caller,
    Ask(ask): Ask<JobsAsk>,
) -> Result<Json<Page<JobShown>>, Problem> {
    let listing = Listing {
        q: ask.q,
        sort: ask.sort,
        limit: ask.limit,
        cursor: ask.cursor,
    };
    Ok(Json(jobs::list(&admin, &caller, listing, ask.state).await?))
}

pub(crate) async fn show(
    State(admin): State<Admin>,
    caller: Caller,
    At(job): At<String>,
) -> Result<Response, Problem> {
    let state = admin.directory.state();
    let job = jobs::find(&state, &caller, &job)?;
    let shown = jobs::show(&admin, &state, job).await;
    Ok(tagged(shown.revision, shown))
}
