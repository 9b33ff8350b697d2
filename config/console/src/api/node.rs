//! The object node.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use postern_config::directory::Bucket;
use postern_config::node::{NodeTask, TaskKind};

use super::asked::{Ask, Document, Of};
use crate::service::node::{self, DeletedPage, DeletedShown, NodeShown, NodeUsage, UndeletedShown};
use crate::shape::shapes;
use crate::{Admin, Problem};

shapes! {
    asked
    /// A task that is to be begun.
    TaskAsk {
        /// What is to be done.
        task: TaskKind,
        /// Bytes that are read or moved in a second at most; as fast as it goes unless told otherwise, compaction as fast as the settings say.
        bytes_per_second: Option<u64>,
        /// Of a compaction: the share of garbage, in percent, at which a volume is emptied; as the settings say unless told otherwise.
        garbage_percent: Option<u32>,
    }

    asked
    /// How the node is to work.
    ModeAsk {
        /// Whether writes and deletions are refused.
        read_only: bool,
    }

    asked
    /// What of a bucket is looked for.
    DeletedAsk {
        /// The bucket's owner, by name or number, where several users have a bucket of this name.
        owner: Option<String>,
        /// How keys begin.
        prefix: Option<String>,
    }

    asked
    /// Whose bucket is meant.
    UndeleteWhere {
        /// Its owner, by name or number, where several users have a bucket of this name.
        owner: Option<String>,
    }

    asked
    /// What is to be brought back, as it was listed.
    UndeleteAsk {
        /// The objects.
        items: Vec<DeletedShown>,
    }
}

pub(crate) async fn show(State(admin): State<Admin>) -> Result<Json<NodeShown>, Problem> {
    Ok(Json(node::show(&admin).await?))
}

pub(crate) async fn usage(State(admin): State<Admin>) -> Result<Json<NodeUsage>, Problem> {
    Ok(Json(node::usage(&admin).await?))
}

pub(crate) async fn begin(
    State(admin): State<Admin>,
    document: Document<TaskAsk>,
) -> Result<Response, Problem> {
    let TaskAsk {
        task,
        bytes_per_second,
        garbage_percent,
    } = document.asked;
    let percent = |percent: u32| {
        let percent = u16::try_from(percent).ok();
        let percent = percent.filter(|percent| (1..=100).contains(percent));
        percent.ok_or_else(|| Problem::malformed("`garbage_percent` is 1 to 100"))
    };
    if bytes_per_second == Some(0) {
        return Err(Problem::malformed("`bytes_per_second` is at least 1"));
    }
    let task = NodeTask {
        kind: task,
        bytes_per_second,
        garbage_percent: garbage_percent.map(percent).transpose()?,
    };
    let shown = node::begin(&admin, document.actor, task).await?;
    let mut answer = super::json(shown);
    *answer.status_mut() = StatusCode::ACCEPTED;
    Ok(answer)
}

pub(crate) async fn set_mode(
    State(admin): State<Admin>,
    document: Document<ModeAsk>,
) -> Result<Json<NodeShown>, Problem> {
    let read_only = document.asked.read_only;
    let shown = node::set_read_only(&admin, document.actor, read_only).await?;
    Ok(Json(shown))
}

pub(crate) async fn deleted(
    State(admin): State<Admin>,
    of: Of<Bucket>,
    Ask(ask): Ask<DeletedAsk>,
) -> Result<Json<DeletedPage>, Problem> {
    let prefix = ask.prefix.unwrap_or_default();
    Ok(Json(node::deleted(&admin, &of.it, &prefix).await?))
}

pub(crate) async fn undelete(
    State(admin): State<Admin>,
    of: Of<Bucket>,
    Ask(UndeleteWhere { .. }): Ask<UndeleteWhere>,
    document: Document<UndeleteAsk>,
) -> Result<Json<UndeletedShown>, Problem> {
    let items = document.asked.items;
    let done = node::undelete(&admin, document.actor, &of.it, items).await?;
    Ok(Json(done))
}
