//! Who owns which chunks, gathered in a file: a node of any size is verified in the same memory.

use std::path::PathBuf;

use redb::{Database, Durability, ReadableDatabase, TableDefinition};

use crate::error::NodeError;
use crate::keys::Attempt;
use crate::limits::{OWNERS_BATCH_MAX, OWNERS_CACHE_BYTES};
use crate::node::Node;

const OWNED: TableDefinition<'static, &'static [u8], ()> = TableDefinition::new("owned");

/// Attempts that somebody has. Its file goes with it.
pub(super) struct Owners {
    database: Database,
    path: PathBuf,
}

impl Node {
    pub(super) async fn gather_owners(&self) -> Result<Owners, NodeError> {
        let owners = Owners::new(self.inner.settings.dir.join("verify.tmp"))?;
        let mut batch = Vec::with_capacity(OWNERS_BATCH_MAX);
        self.each_owned(|attempt| {
            batch.push(attempt.key());
            if batch.len() < OWNERS_BATCH_MAX {
                return Ok(());
            }
            owners.add(&std::mem::take(&mut batch))
        })
        .await?;
        owners.add(&batch)?;
        Ok(owners)
    }
}

impl Owners {
    fn new(path: PathBuf) -> Result<Self, NodeError> {
        // One that a crash has left is of no use.
        drop(std::fs::remove_file(&path));
        let mut builder = Database::builder();
        builder.set_cache_size(OWNERS_CACHE_BYTES);
        let database = builder.create(&path).map_err(failed)?;
        Ok(Self { database, path })
    }

    fn add(&self, attempts: &[Vec<u8>]) -> Result<(), NodeError> {
        let mut write = self.database.begin_write().map_err(failed)?;
        write.set_durability(Durability::None).map_err(failed)?;
        {
            let mut owned = write.open_table(OWNED).map_err(failed)?;
            for attempt in attempts {
                owned.insert(&attempt[..], ()).map_err(failed)?;
            }
        }
        write.commit().map_err(failed)
    }

    pub(super) fn has(&self, attempt: Attempt) -> Result<bool, NodeError> {
        let read = self.database.begin_read().map_err(failed)?;
        let owned = read.open_table(OWNED).map_err(failed)?;
        let found = owned.get(&attempt.key()[..]).map_err(failed)?;
        Ok(found.is_some())
    }
}

impl Drop for Owners {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.path));
    }
}

fn failed(error: impl std::fmt::Display) -> NodeError {
    NodeError::Index(format!("the file that verifying needs: {error}"))
}
