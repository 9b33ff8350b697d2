//! What a deletion takes along, said before it is done: `dry_run=true` answers it, and a dialog shows it.

use postern_config::directory::{Purge, Totals};

use crate::limits::LOSSES_LISTED_MAX;
use crate::shape::shapes;
use crate::{Admin, Problem, service};

shapes! {
    told
    /// What a deletion would take along.
    Losses {
        /// Always true: nothing was deleted.
        dry_run: bool,
        /// Whether it can be deleted now.
        possible: bool,
        /// Why it cannot, and what to do first.
        why_not: Option<String>,
        /// What would be lost, the thing itself first; at most 100 entries.
        loses: Vec<Loss>,
        /// How many things would be lost in all.
        total: usize,
        /// How many objects in the buckets that go along; null where none do.
        objects: Option<u64>,
        /// Their bytes.
        bytes: Option<u64>,
        /// What stops it as well, and loses nothing: `disable`.
        instead: Option<&'static str>,
    }

    told
    /// One thing that would be lost.
    Loss {
        /// What it is: `tenant`, `user`, `sub-user`, `role`, `access key`, `bucket`, `policy document`, `module`.
        kind: &'static str,
        /// What it is called.
        name: String,
        /// What else is known of it.
        about: String,
    }

    asked
    /// How a deletion is asked for.
    Deletion {
        /// Say what would be lost, and delete nothing.
        dry_run: Option<bool>,
        /// The name of what is deleted, as somebody typed it: another name is refused.
        confirm: Option<String>,
    }

    asked
    /// How a deletion is asked for that may take data along.
    DataDeletion {
        /// Say what would be lost, and delete nothing.
        dry_run: Option<bool>,
        /// The name of what is deleted, as somebody typed it: another name is refused. Needed where data goes along.
        confirm: Option<String>,
        /// Remove the buckets, too, with everything in them. It is a job: `job` in the answer is its number.
        with_data: Option<bool>,
    }

    told
    /// What was deleted.
    Gone {
        /// What it was called.
        deleted: String,
        /// The revision of the directory that is without it.
        revision: u64,
        /// The job that removes the data; null where there is none. Nothing of what is deleted works from this answer on.
        job: Option<u64>,
    }
}

impl DataDeletion {
    /// What is asked for, apart from the data.
    pub(crate) fn plain(&self) -> Deletion {
        Deletion {
            dry_run: self.dry_run,
            confirm: self.confirm.clone(),
        }
    }

    /// Whether data goes along.
    pub(crate) fn reach(&self) -> Reach {
        if self.with_data.unwrap_or(false) {
            Reach::WithData
        } else {
            Reach::WithoutData
        }
    }

    /// Whether the deletion is to be done; where data goes along, only by name.
    pub(crate) fn is_meant(&self, name: &str) -> Result<bool, Problem> {
        let is_meant = self.plain().is_meant(name)?;
        if is_meant && self.reach() == Reach::WithData && self.confirm.is_none() {
            let detail = format!(
                "this removes data for good: say its name, with `confirm={name}`; `dry_run=true` says what would be lost"
            );
            return Err(Problem::new(http::StatusCode::CONFLICT, "confirm", detail));
        }
        Ok(is_meant)
    }
}

/// How far a deletion goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// What owns data stays.
    WithoutData,
    /// The data goes along.
    WithData,
}

impl Deletion {
    /// Whether the deletion is to be done, after the typed name was looked at.
    pub(crate) fn is_meant(&self, name: &str) -> Result<bool, Problem> {
        if let Some(typed) = self.confirm.as_deref()
            && typed != name
        {
            let detail =
                format!("`confirm` says `{typed}`, and this is `{name}`: nothing was deleted");
            return Err(Problem::new(http::StatusCode::CONFLICT, "confirm", detail));
        }
        Ok(!self.dry_run.unwrap_or(false))
    }
}

impl Losses {
    /// A deletion that takes these along.
    pub(crate) fn of(losses: impl Iterator<Item = Loss>, why_not: Option<Problem>) -> Self {
        let mut losses = losses.fuse();
        let loses: Vec<Loss> = losses.by_ref().take(LOSSES_LISTED_MAX).collect();
        let total = loses.len() + losses.count();
        Self {
            dry_run: true,
            possible: why_not.is_none(),
            why_not: why_not.map(|problem| problem.detail),
            loses,
            total,
            objects: None,
            bytes: None,
            instead: None,
        }
    }

    /// The same, where disabling it would do.
    pub(crate) fn or_disable(self) -> Self {
        Self {
            instead: Some("disable"),
            ..self
        }
    }

    /// The same, with what the buckets hold that go along.
    pub(crate) fn holding(mut self, totals: Totals) -> Self {
        self.objects = Some(totals.objects);
        self.bytes = Some(totals.bytes);
        self
    }
}

/// An entry.
pub(crate) fn loss(kind: &'static str, name: impl ToString, about: impl Into<String>) -> Loss {
    Loss {
        kind,
        name: name.to_string(),
        about: about.into(),
    }
}

/// The buckets that go along, each with what it holds.
pub(crate) async fn of_buckets(admin: &Admin, purge: Purge) -> Vec<Loss> {
    let state = admin.directory.state();
    let mut losses = Vec::new();
    for bucket in state.purged_buckets(purge) {
        // What is not listed need not be counted one by one.
        let about = if losses.len() < LOSSES_LISTED_MAX {
            let holds = admin.upstream.holds(bucket.id).await.unwrap_or_default();
            format!("{} objects, {} bytes", holds.objects, holds.bytes)
        } else {
            String::new()
        };
        losses.push(loss("bucket", &bucket.name, about));
    }
    losses
}

/// A user with his keys, sub-users and documents.
pub(crate) fn of_user<'s>(
    state: &'s postern_config::directory::State,
    user: &'s postern_config::directory::User,
) -> impl Iterator<Item = Loss> + 's {
    let itself = loss("user", &user.name, user.description.as_str());
    let keys = state.own_keys(user.id).map(of_key);
    let below = state
        .sub_users(user.id)
        .flat_map(|sub_user| of_sub_user(state, sub_user));
    let documents = state
        .user_policies(user.id)
        .map(|policy| loss("policy document", policy.place.name(), ""));
    std::iter::once(itself)
        .chain(keys)
        .chain(below)
        .chain(documents)
}

/// A sub-user with his keys.
pub(crate) fn of_sub_user<'s>(
    state: &'s postern_config::directory::State,
    sub_user: &'s postern_config::directory::SubUser,
) -> impl Iterator<Item = Loss> + 's {
    let about = format!("{} {}", sub_user.level, sub_user.description);
    let itself = loss("sub-user", &sub_user.name, about.trim_end());
    let keys = state.sub_user_keys(sub_user.id).map(of_key);
    std::iter::once(itself).chain(keys)
}

fn of_key(key: &std::sync::Arc<postern_config::directory::AccessKey>) -> Loss {
    loss("access key", key.id, service::keys::about(key))
}
