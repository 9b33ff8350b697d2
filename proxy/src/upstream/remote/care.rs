//! What the admin side asks of a node on another machine: its own process takes care of it.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use postern_config::node::{
    BucketHolds, DeletedObject, NodeCare, NodeFault, NodeState, NodeTask, Revived, TaskState,
};
use s3_protocol::BucketId;
use serde::de::DeserializeOwned;
use storage_node::NodeError;

use super::super::wire::{Call, CareCall};
use super::Remote;

/// The care of a node on another machine.
#[derive(Debug)]
pub(crate) struct RemoteCare(pub(crate) Arc<Remote>);

impl RemoteCare {
    fn ask<T: DeserializeOwned + Send + 'static>(
        &self,
        call: CareCall,
    ) -> BoxFuture<'_, Result<T, NodeFault>> {
        Box::pin(async move {
            let answered = self.0.call(Call::Care(call), None).await;
            answered.unwrap_or_else(|error| {
                Err(NodeFault::Node(match error {
                    NodeError::Away(cause) => cause,
                    other => other.to_string(),
                }))
            })
        })
    }
}

impl NodeCare for RemoteCare {
    fn state(&self) -> BoxFuture<'_, Result<NodeState, NodeFault>> {
        self.ask(CareCall::State)
    }

    fn usage(&self) -> BoxFuture<'_, Result<Vec<BucketHolds>, NodeFault>> {
        self.ask(CareCall::Usage)
    }

    fn begin(&self, task: NodeTask) -> BoxFuture<'_, Result<TaskState, NodeFault>> {
        self.ask(CareCall::Begin(task))
    }

    fn tasks(&self) -> BoxFuture<'_, Result<Vec<TaskState>, NodeFault>> {
        self.ask(CareCall::Tasks)
    }

    fn set_read_only(&self, read_only: bool) -> BoxFuture<'_, Result<(), NodeFault>> {
        self.ask(CareCall::SetReadOnly(read_only))
    }

    fn deleted<'a>(
        &'a self,
        bucket: BucketId,
        prefix: &'a str,
    ) -> BoxFuture<'a, Result<Vec<DeletedObject>, NodeFault>> {
        self.ask(CareCall::Deleted(bucket, prefix.to_owned()))
    }

    fn undelete(
        &self,
        bucket: BucketId,
        wanted: Vec<DeletedObject>,
    ) -> BoxFuture<'_, Result<Vec<Revived>, NodeFault>> {
        self.ask(CareCall::Undelete(bucket, wanted))
    }
}
