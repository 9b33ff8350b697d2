//! What stands behind the admin side elsewhere, and says little here.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use postern_config::directory::{Actor, Binding, Digest, PolicyPlace, QuotaOf};
use postern_config::judge::{
    Judge, ModuleFaults, ModuleReport, PolicyFaults, PolicyReport, TestReport, Tool, ToolFault,
};
use postern_config::upkeep::{Backup, Upkeep, UpkeepFault};
use postern_config::upstream::{Emptied, Holds, Keeps, Spot, Upstream};
use postern_config::usage::{Ended, Readiness, Stored, Usage};
use s3_protocol::{BucketId, S3Code, S3Error};
use serde_json::Value;
use tokio::sync::broadcast;

/// Buckets without a node; those that are listed hold something.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    pub(crate) full: Mutex<Vec<BucketId>>,
}

impl Upstream for Shelf {
    fn create_bucket(&self, _: BucketId, _: Keeps) -> BoxFuture<'_, Result<(), S3Error>> {
        Box::pin(async { Ok(()) })
    }

    fn delete_bucket(&self, bucket: BucketId) -> BoxFuture<'_, Result<(), S3Error>> {
        let is_full = self.full.lock().contains(&bucket);
        Box::pin(async move {
            if is_full {
                Err(S3Code::BucketNotEmpty.into())
            } else {
                Ok(())
            }
        })
    }

    fn empty_bucket(
        &self,
        bucket: BucketId,
        _: Spot,
        _: usize,
    ) -> BoxFuture<'_, Result<Emptied, S3Error>> {
        let mut full = self.full.lock();
        let before = full.len();
        full.retain(|it| *it != bucket);
        let removed = (before - full.len()) as u64;
        Box::pin(async move {
            Ok(Emptied {
                removed,
                ..Emptied::default()
            })
        })
    }

    fn holds(&self, bucket: BucketId) -> BoxFuture<'_, Result<Holds, S3Error>> {
        let objects = u64::from(self.full.lock().contains(&bucket));
        Box::pin(async move {
            Ok(Holds {
                objects,
                bytes: objects,
                ..Holds::default()
            })
        })
    }
}

/// A server that keeps nothing.
#[derive(Debug)]
pub(crate) struct NoUpkeep;

impl Upkeep for NoUpkeep {
    fn rotate_master_key(&self, _: Actor) -> BoxFuture<'_, Result<(), UpkeepFault>> {
        Box::pin(async { Err(UpkeepFault::KeyIsGiven) })
    }

    fn backup(&self) -> BoxFuture<'_, Result<Backup, UpkeepFault>> {
        Box::pin(async { Err(UpkeepFault::KeyIsGiven) })
    }

    fn heads(&self) -> Value {
        Value::Null
    }

    fn unrecorded(&self) -> bool {
        false
    }
}

/// Nobody asks about policies here.
#[derive(Debug)]
pub(crate) struct Silent;

impl Judge for Silent {
    fn tool(&self, _: Tool) -> BoxFuture<'_, Result<Value, ToolFault>> {
        Box::pin(async { Err(ToolFault::NotFound("thing")) })
    }

    fn explain<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Option<Value>> {
        Box::pin(async { None })
    }

    fn check(&self, bytes: Arc<[u8]>) -> BoxFuture<'_, Result<ModuleReport, ModuleFaults>> {
        Box::pin(async move {
            if !bytes.starts_with(b"good") {
                let fault = "offset 3: this is no module";
                return Err(ModuleFaults(vec![fault.to_owned()]));
            }
            Ok(ModuleReport {
                name: "guard".into(),
                version: "1".into(),
                manifest: Value::Null,
                warnings: Vec::new(),
            })
        })
    }

    fn prepare(&self, _: Arc<[u8]>) -> BoxFuture<'_, Result<(), ModuleFaults>> {
        Box::pin(async { Ok(()) })
    }

    fn test(&self, _: Arc<[u8]>, _: Vec<u8>) -> BoxFuture<'_, Result<TestReport, ModuleFaults>> {
        Box::pin(async { Err(ModuleFaults(Vec::new())) })
    }

    fn check_policy(
        &self,
        _: PolicyPlace,
        text: String,
    ) -> BoxFuture<'_, Result<PolicyReport, PolicyFaults>> {
        Box::pin(async move {
            if !text.contains("Statement") {
                let fault = "line 2, column 3: there is no `Statement`";
                return Err(PolicyFaults(vec![fault.to_owned()]));
            }
            Ok(PolicyReport {
                statements: 1,
                warnings: Vec::new(),
                is_public: text.contains("\"*\""),
            })
        })
    }

    fn statistics(&self, _: Digest) -> Option<Value> {
        None
    }

    fn trials(&self, _: &Binding) -> Value {
        Value::Null
    }

    fn unloadable(&self, _: Digest) -> Option<String> {
        None
    }
}

impl Usage for Silent {
    fn requests(&self) -> broadcast::Receiver<Arc<Ended>> {
        broadcast::channel(1).1
    }

    fn stored(&self, _: QuotaOf) -> BoxFuture<'_, Option<Stored>> {
        Box::pin(async { None })
    }

    fn readiness(&self) -> Readiness {
        Readiness::Ready
    }

    fn metrics(&self) -> String {
        String::new()
    }

    fn status(&self) -> Value {
        Value::Null
    }
}
