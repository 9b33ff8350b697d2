//! DeleteObject and DeleteObjects.

use s3_protocol::call::DeleteObject;
use s3_protocol::object::DeleteOutput;
use s3_protocol::{BucketId, S3Code, S3Error};

use super::{DeleteKey, Node, ObjectPlace};
use crate::error::NodeError;
use crate::guards::Guards;
use crate::keys;
use crate::writer::{Deletion, Reply, Work};

impl Node {
    /// DeleteObject: what is not there is deleted too.
    pub async fn delete_object(
        &self,
        place: &ObjectPlace,
        ask: &DeleteObject,
        guards: Guards,
    ) -> Result<DeleteOutput, NodeError> {
        let Guards {
            creator,
            stands,
            recheck,
            ..
        } = guards;
        if let Some(recheck) = recheck {
            recheck.ask().await?;
        }
        let key = DeleteKey {
            key: place.key.clone(),
            ask: ask.clone(),
            creator,
            stands,
        };
        let mut answers = self.delete_objects(place.bucket, vec![key]).await?;
        Ok(answers
            .pop()
            .unwrap_or_else(|| Err(S3Code::InternalError.into()))?)
    }

    /// DeleteObjects: one answer a key, in their order, all in one round of the log.
    pub async fn delete_objects(
        &self,
        bucket: BucketId,
        keys: Vec<DeleteKey>,
    ) -> Result<Vec<Result<DeleteOutput, S3Error>>, NodeError> {
        let deletion = |key: DeleteKey| Deletion {
            key: keys::object_from(bucket, key.key.as_str()),
            version: key.ask.version,
            only_if: key.ask.only_if,
            bypass: key.ask.bypass_governance,
            creator: key.creator,
            stands: key.stands,
        };
        let deletions: Vec<Deletion> = keys.into_iter().map(deletion).collect();
        match self.inner.ask(Work::Delete(deletions)).await? {
            Reply::Deleted(answers) => Ok(answers),
            Reply::Done | Reply::Version(_) => Ok(Vec::new()),
        }
    }
}
