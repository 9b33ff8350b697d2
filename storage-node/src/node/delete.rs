//! DeleteObject and DeleteObjects.

use s3_protocol::call::DeleteObject;
use s3_protocol::object::DeleteOutput;
use s3_protocol::{BucketId, S3Code, S3Error, VersionId};

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
            recheck()?;
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
        // A version that was never made needs no deletion: it is answered as done, and the others go to the writer.
        let mut planned = Vec::with_capacity(keys.len());
        let mut deletions = Vec::with_capacity(keys.len());
        for key in keys {
            let named = key.ask.version;
            planned.push(named);
            if !matches!(named, Some(VersionId::Id(_))) {
                let place = keys::object_from(bucket, key.key.as_str());
                deletions.push(Deletion {
                    key: place,
                    if_match: key.ask.if_match,
                    creator: key.creator,
                    stands: key.stands,
                });
            }
        }
        let answers = if deletions.is_empty() {
            self.bucket_exists(bucket)?;
            Vec::new()
        } else {
            match self.inner.ask(Work::Delete(deletions)).await? {
                Reply::Deleted(answers) => answers,
                Reply::Done => Vec::new(),
            }
        };
        let mut answers = answers.into_iter();
        let answer = |named: Option<VersionId>| {
            let done = DeleteOutput {
                version: named,
                marker: false,
            };
            match named {
                Some(VersionId::Id(_)) => Ok(done),
                Some(VersionId::Null) | None => match answers.next() {
                    Some(answer) => answer.map(|()| done),
                    None => Err(S3Error::new(S3Code::InternalError)),
                },
            }
        };
        Ok(planned.into_iter().map(answer).collect())
    }
}
