//! A call and its answer: each is one method of the node.

use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use postern_config::node::NodeCare as _;
use s3_protocol::{S3Code, S3Error};
use serde::Serialize;
use storage_node::{NodeError, Recheck};
use tokio::sync::mpsc;

use super::super::wire::{self, Call, CareCall, Event, Kind, Pulse, Rechecked, frame};
use super::Served;
use super::answering::{Answering, Reply};
use super::coming::Coming;
use crate::limits::{NODE_ANSWER_BYTES_MAX, NODE_HEAD_TIME};
use crate::upkeep::Care;

/// Begins the call `name`, whose head is the first frame of `body`.
pub(super) fn begin(served: Arc<Served>, name: String, body: Incoming) -> Answering {
    let (sender, questions) = mpsc::channel(1);
    let call = At {
        served,
        coming: Coming::new(body),
        questions: sender,
    };
    Answering::new(Box::pin(call.carry_out(name)), questions)
}

/// A call at work.
struct At {
    served: Arc<Served>,
    coming: Coming,
    questions: mpsc::Sender<Bytes>,
}

impl At {
    async fn carry_out(self, name: String) -> Reply {
        let head = tokio::time::timeout(NODE_HEAD_TIME, self.coming.next()).await;
        let head = match head {
            Ok(Ok(Some(Event::Whole(Kind::Head, head)))) => head,
            Ok(Err(torn)) => return strange(&torn),
            Ok(Ok(_)) => return strange(&"it has no head"),
            Err(_) => return strange(&"its head took too long"),
        };
        match wire::decode::<Call>(&head) {
            Ok(call) if call.name() == name => self.of_bucket(call).await,
            Ok(call) => strange(&format!("`{name}` was called, `{}` was sent", call.name())),
            Err(error) => strange(&error),
        }
    }

    async fn of_bucket(self, call: Call) -> Reply {
        let node = &self.served.node;
        match call {
            Call::Pulse => told(Ok(self.pulse())),
            Call::ConfigurationsSince(revision) => {
                // What is read after the number of the opening is of that opening: there is but one in a process.
                let (opening, _) = node.configured();
                told(Ok((opening, node.configurations_since(revision))))
            }
            Call::CreateBucket(bucket, first) => told(node.create_bucket_with(bucket, first).await),
            Call::DeleteBucket(bucket) => told(node.delete_bucket(bucket).await),
            Call::ConfigureBucket(bucket, change) => {
                told(node.configure_bucket(bucket, change).await)
            }
            Call::BucketConfiguration(bucket) => told(node.bucket_configuration(bucket).await),
            Call::BucketStats(bucket) => told(node.bucket_stats(bucket).await),
            Call::HasObjectLock(bucket) => told(node.has_object_lock(bucket).await),
            Call::ListObjects(bucket, ask) => told(node.list_objects(bucket, &ask).await),
            Call::ListVersions(bucket, ask) => told(node.list_versions(bucket, &ask).await),
            Call::ListUploads(bucket, ask) => told(node.list_uploads(bucket, &ask).await),
            Call::DeleteObjects(bucket, keys, rechecked) => {
                if let Some(recheck) = self.recheck(rechecked)
                    && let Err(refused) = recheck.ask().await
                {
                    return told::<()>(Err(refused.into()));
                }
                told(node.delete_objects(bucket, keys).await)
            }
            Call::Care(call) => self.care(call).await,
            call => self.read(call).await,
        }
    }

    async fn read(self, call: Call) -> Reply {
        let node = &self.served.node;
        match call {
            Call::StoredFacts(place, version) => told(node.stored_facts(&place, version).await),
            Call::GetObject(place, ask, held) => {
                let got = node.get_object(&place, &ask, held.guards(None)).await;
                match got {
                    Ok((output, body)) => match told(Ok(output)) {
                        Reply::Told(head) => Reply::Object(head, body),
                        other @ Reply::Object(..) => other,
                    },
                    Err(error) => told::<()>(Err(error)),
                }
            }
            Call::HeadObject(place, ask, held) => {
                told(node.head_object(&place, &ask, held.guards(None)).await)
            }
            Call::ObjectAttributes(place, ask, held) => {
                let guards = held.guards(None);
                told(node.object_attributes(&place, &ask, guards).await)
            }
            Call::ObjectFacets(place, version, held) => {
                let guards = held.guards(None);
                told(node.object_facets(&place, version, guards).await)
            }
            Call::ListParts(place, ask, held) => {
                told(node.list_parts(&place, &ask, held.guards(None)).await)
            }
            call => Box::pin(self.write(call)).await,
        }
    }

    async fn write(self, call: Call) -> Reply {
        let node = &self.served.node;
        match call {
            Call::PutObject(place, ask, writer) => {
                let recheck = self.recheck(writer.held.rechecked);
                let by = writer.write_as(recheck);
                let payload = self.coming.payload();
                told(node.put_object(&place, *ask, by, payload).await)
            }
            Call::UploadPart(place, ask, held) => {
                let recheck = self.recheck(held.rechecked);
                let payload = self.coming.payload();
                let guards = held.guards(recheck);
                told(node.upload_part(&place, *ask, guards, payload).await)
            }
            Call::CopyObject(source, place, ask, writer) => {
                let recheck = self.recheck(writer.held.rechecked);
                let by = writer.write_as(recheck);
                told(node.copy_object(source.read(), &place, *ask, by).await)
            }
            Call::UploadPartCopy(source, place, ask, held) => {
                let recheck = self.recheck(held.rechecked);
                let (source, guards) = (source.read(), held.guards(recheck));
                told(node.upload_part_copy(source, &place, *ask, guards).await)
            }
            Call::CreateUpload(place, ask, writer) => {
                let recheck = self.recheck(writer.held.rechecked);
                let by = writer.write_as(recheck);
                told(node.create_upload(&place, *ask, by).await)
            }
            Call::CompleteUpload(place, ask, parts, held) => {
                let recheck = self.recheck(held.rechecked);
                let guards = held.guards(recheck);
                told(node.complete_upload(&place, *ask, parts, guards).await)
            }
            call => self.change(call).await,
        }
    }

    async fn change(self, call: Call) -> Reply {
        let node = &self.served.node;
        match call {
            Call::AbortUpload(place, upload, held) => {
                let recheck = self.recheck(held.rechecked);
                let guards = held.guards(recheck);
                told(node.abort_upload(&place, upload, guards).await)
            }
            Call::ChangeObject(place, version, change, held) => {
                let recheck = self.recheck(held.rechecked);
                let guards = held.guards(recheck);
                told(node.change_object(&place, version, change, guards).await)
            }
            Call::DeleteObject(place, ask, held) => {
                let recheck = self.recheck(held.rechecked);
                let guards = held.guards(recheck);
                told(node.delete_object(&place, &ask, guards).await)
            }
            call => strange(&format!("`{}` is nobody's", call.name())),
        }
    }

    async fn care(self, call: CareCall) -> Reply {
        let care = Care(Arc::clone(&self.served.caretaker));
        // The care's own faults travel within the answer.
        match call {
            CareCall::State => told(Ok(care.state().await)),
            CareCall::Usage => told(Ok(care.usage().await)),
            CareCall::Begin(task) => told(Ok(care.begin(task).await)),
            CareCall::Tasks => told(Ok(care.tasks().await)),
            CareCall::SetReadOnly(read_only) => told(Ok(care.set_read_only(read_only).await)),
            CareCall::Deleted(bucket, prefix) => told(Ok(care.deleted(bucket, &prefix).await)),
            CareCall::Undelete(bucket, wanted) => told(Ok(care.undelete(bucket, wanted).await)),
        }
    }

    fn pulse(&self) -> Pulse {
        let node = &self.served.node;
        let (opening, revision) = node.configured();
        Pulse {
            opening,
            revision,
            stats: node.stats(),
            ready: node.ready_for_writes(),
            care: self.served.caretaker.counts(),
        }
    }

    fn recheck(&self, rechecked: Rechecked) -> Option<Recheck> {
        match rechecked {
            Rechecked::Yes => Some(self.coming.recheck(self.questions.clone())),
            Rechecked::No => None,
        }
    }
}

fn told<T: Serialize>(answer: Result<T, NodeError>) -> Reply {
    match wire::encode(&answer) {
        Ok(encoded) if encoded.len() <= NODE_ANSWER_BYTES_MAX => {
            Reply::Told(frame(Kind::Head, &encoded))
        }
        Ok(encoded) => {
            let bytes = encoded.len();
            strange(&format!("the answer has {bytes} bytes, more than may be"))
        }
        Err(error) => strange(&error),
    }
}

/// What could not be understood, or not be told.
fn strange(cause: &dyn std::fmt::Display) -> Reply {
    let cause = cause.to_string();
    tracing::error!(cause, "a call of a gate cannot be answered");
    let refused = NodeError::Refused(S3Error::new(S3Code::InternalError));
    let encoded = wire::encode(&Err::<(), NodeError>(refused)).unwrap_or_default();
    Reply::Told(frame(Kind::Head, &encoded))
}
