//! DeleteObjects: what may be deleted is, in one round; what may not is answered as an error of its own.

use std::sync::Arc;

use postern_config::directory::Bucket;
use s3_protocol::object::Deleted;
use s3_protocol::xml::DeleteEntry;
use s3_protocol::{S3Code, S3Error};
use storage_node::{DeleteKey, Recheck};

use super::super::authorize::{Again, Ruling};
use super::super::refusal::Refusal;
use super::upstream;
use crate::upstream::ObjectStore;

/// Deletes the entries that passed, after they were judged once more.
pub(super) async fn many(
    node: &ObjectStore,
    bucket: &Arc<Bucket>,
    entries: Vec<(DeleteEntry, Result<Ruling, S3Error>)>,
    again: Again,
) -> Result<Vec<Deleted>, Refusal> {
    let mut keys = Vec::with_capacity(entries.len());
    let waiting: Vec<(DeleteEntry, Option<S3Error>)> = entries
        .into_iter()
        .map(|(entry, ruling)| {
            let refused = match (ruling, &entry.target) {
                (Ok(ruling), Ok((key, ask))) => {
                    keys.push(DeleteKey {
                        key: key.clone(),
                        ask: ask.clone(),
                        creator: None,
                        stands: ruling.stands,
                    });
                    None
                }
                (Err(refused), _) => Some(refused),
                (Ok(_), Err(refused)) => Some(refused.clone()),
            };
            (entry, refused)
        })
        .collect();
    let done = if keys.is_empty() {
        again.judge().map_err(Refusal::Upstream)?;
        Vec::new()
    } else {
        let recheck = Recheck::here(move || again.judge());
        node.delete_objects(bucket.id, keys, Some(recheck))
            .await
            .map_err(upstream)?
    };
    let mut done = done.into_iter();
    let answers = waiting.into_iter().map(|(entry, refused)| Deleted {
        key: entry.key,
        version: entry.version,
        outcome: match refused {
            Some(refused) => Err(refused),
            None => done
                .next()
                .unwrap_or_else(|| Err(S3Code::InternalError.into())),
        },
    });
    Ok(answers.collect())
}
