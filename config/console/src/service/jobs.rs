//! Jobs: work that goes on after the request that asked for it, and how far it is.

use postern_config::directory::{Job, Place, Purge, State as Snapshot, Totals};

use super::audit::written;
use super::list::{Listing, Page};
use crate::caller::Caller;
use crate::shape::shapes;
use crate::{Admin, Problem};

shapes! {
    told
    /// A job.
    JobShown {
        /// The number.
        id: u64,
        /// What is done: `delete-user` or `delete-tenant`, each with its data.
        kind: &'static str,
        /// The account, by name; by number where it is gone.
        tenant: String,
        /// The user, by name; by number where he is gone. Null where the whole account goes.
        user: Option<String>,
        /// `running` or `done`.
        state: &'static str,
        /// How far it is, as a sentence.
        progress: String,
        /// Why it does not get on; null where it does. It is tried again by itself.
        hindrance: Option<String>,
        /// Buckets that are removed.
        buckets_done: u64,
        /// Of so many; null until they are counted.
        buckets_total: Option<u64>,
        /// Objects that are removed, versions where there are any.
        objects_done: u64,
        /// Of so many.
        objects_total: Option<u64>,
        /// Bytes that are removed.
        bytes_done: u64,
        /// Of so many.
        bytes_total: Option<u64>,
        /// Who asked for it.
        asked_by: String,
        /// When, in UTC.
        asked: String,
        /// When it was done; null while it goes on.
        finished: Option<String>,
        /// The revision of the record.
        revision: u64,
    }
}

/// The jobs, the latest first unless asked otherwise.
pub(crate) async fn list(
    admin: &Admin,
    caller: &Caller,
    listing: Listing,
    state: Option<JobState>,
) -> Result<Page<JobShown>, Problem> {
    let snapshot = admin.directory.state();
    let fitting = snapshot.jobs().filter(|job| {
        state.is_none_or(|state| state == JobState::of(job))
            && sees(&snapshot, caller, job)
            && listing.finds(&[&subject(&snapshot, job), &job.asked_by])
    });
    let rank = |job: &&std::sync::Arc<Job>, _| (job.id.get(), String::new());
    let listing = Listing {
        sort: Some(listing.sort.clone().unwrap_or_else(|| "-asked".to_owned())),
        ..listing.clone()
    };
    let page = listing.page(&["asked"], fitting, rank, std::sync::Arc::clone)?;
    let mut items = Vec::with_capacity(page.items.len());
    for job in page.items {
        items.push(show(admin, &snapshot, &job).await);
    }
    Ok(Page {
        items,
        next: page.next,
        total: page.total,
    })
}

/// Whether a job goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum JobState {
    /// It does.
    Running,
    /// It is done.
    Done,
}

impl JobState {
    fn of(job: &Job) -> Self {
        match job.finished {
            None => Self::Running,
            Some(_) => Self::Done,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
        }
    }
}

/// Whether what the job removes is within reach.
fn sees(state: &Snapshot, caller: &Caller, job: &Job) -> bool {
    let place = match job.purge {
        Purge::User(user) => Place::User(job.tenant, user),
        Purge::Tenant(tenant) => Place::Tenant(tenant),
    };
    caller.sees(state, &place)
}

/// The job of this number.
pub(crate) fn find<'s>(
    state: &'s Snapshot,
    caller: &Caller,
    word: &str,
) -> Result<&'s std::sync::Arc<Job>, Problem> {
    let found = word
        .parse()
        .ok()
        .and_then(|number| state.job_numbered(number))
        .filter(|job| sees(state, caller, job));
    let seen = state.jobs().filter(|job| sees(state, caller, job));
    let numbers: Vec<String> = seen.map(|job| job.id.get().to_string()).collect();
    let missing = || super::find::missing("job", word, "", numbers.iter().map(String::as_str));
    found.ok_or_else(missing)
}

/// The job that removes a user or an account, while it goes on.
pub(crate) async fn of(admin: &Admin, state: &Snapshot, purge: Purge) -> Option<JobShown> {
    let job = state.running_jobs().find(|job| job.purge == purge)?;
    Some(show(admin, state, job).await)
}

/// A job and how far it is.
pub(crate) async fn show(admin: &Admin, state: &Snapshot, job: &Job) -> JobShown {
    let progress = admin.purges.progress(job).await;
    let (done, total) = (progress.done, progress.total);
    let tenant = state.tenant(job.tenant);
    let seconds = |it: postern_config::UnixSeconds| written(it.0.saturating_mul(1_000));
    let user = match job.purge {
        Purge::User(id) => {
            let user = state.user(id);
            Some(user.map_or_else(|| id.get().to_string(), |user| user.name.to_string()))
        }
        Purge::Tenant(_) => None,
    };
    let of = |pick: fn(Totals) -> u64| total.map(pick);
    JobShown {
        id: job.id.get(),
        kind: match job.purge {
            Purge::User(_) => "delete-user",
            Purge::Tenant(_) => "delete-tenant",
        },
        tenant: tenant.map_or_else(
            || job.tenant.get().to_string(),
            |tenant| tenant.name.to_string(),
        ),
        user,
        state: JobState::of(job).word(),
        progress: progress.to_string(),
        hindrance: progress.hindrance,
        buckets_done: done.buckets,
        buckets_total: of(|it| it.buckets),
        objects_done: done.objects,
        objects_total: of(|it| it.objects),
        bytes_done: done.bytes,
        bytes_total: of(|it| it.bytes),
        asked_by: job.asked_by.clone(),
        asked: seconds(job.asked),
        finished: job.finished.map(seconds),
        revision: job.revision.0,
    }
}

/// What is removed, for whoever searches.
fn subject(state: &Snapshot, job: &Job) -> String {
    let tenant = state
        .tenant(job.tenant)
        .map(|tenant| tenant.name.to_string());
    let user = match job.purge {
        Purge::User(id) => state.user(id).map(|user| user.name.to_string()),
        Purge::Tenant(_) => None,
    };
    [tenant, user]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ")
}
