//! What a deletion takes along, said before it is done: `dry_run=true` answers it, and a dialog shows it.

use crate::limits::LOSSES_LISTED_MAX;
use crate::shape::shapes;
use crate::{Problem, service};

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
    }

    told
    /// One thing that would be lost.
    Loss {
        /// What it is: `tenant`, `user`, `access key`, `bucket`, `policy document`, `module`.
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

    told
    /// What was deleted.
    Deleted {
        /// What it was called.
        deleted: String,
        /// The revision of the directory that is without it.
        revision: u64,
    }
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
        }
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

/// A user with his keys and documents.
pub(crate) fn of_user<'s>(
    state: &'s postern_config::directory::State,
    user: &'s postern_config::directory::User,
) -> impl Iterator<Item = Loss> + 's {
    let itself = loss("user", &user.name, user.description.as_str());
    let keys = state.keys(user.id).map(|key| {
        let about = service::keys::about(key);
        loss("access key", key.id, about)
    });
    let documents = state
        .user_policies(user.id)
        .map(|policy| loss("policy document", policy.place.name(), ""));
    std::iter::once(itself).chain(keys).chain(documents)
}
