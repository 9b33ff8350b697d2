//! How fast an operation in the background goes, and its walks over the index in steps between which nothing stays open.

use std::time::Duration;

use bytes::Bytes;

use super::Inner;
use crate::error::NodeError;
use crate::keys::{self, Table};
use crate::overlay::Span;

/// Bytes in a second at most; none: as fast as it goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate(pub Option<u64>);

impl Rate {
    /// Waits as long as it takes to be so slow.
    pub async fn spend(self, bytes: u64) {
        match self.0 {
            Some(rate) => {
                let ms = bytes.saturating_mul(1_000) / rate.max(1);
                tokio::time::sleep(Duration::from_millis(ms)).await;
            }
            // Others get their turn all the same.
            None => tokio::task::yield_now().await,
        }
    }
}

/// A walk over the rows of a table that begin with a prefix, a few at a time.
pub(super) struct Steps {
    table: Table,
    from: Option<Vec<u8>>,
    end: Option<Vec<u8>>,
    rows: usize,
}

impl Steps {
    pub(super) fn over(table: Table, prefix: &[u8], rows: usize) -> Self {
        Self {
            table,
            from: Some(prefix.to_vec()),
            end: keys::after_prefix(prefix),
            rows,
        }
    }

    /// The next rows; none at the end. A step may be empty where rows were taken away.
    pub(super) fn next(&mut self, inner: &Inner) -> Option<Result<Vec<(Bytes, Bytes)>, NodeError>> {
        let from = self.from.take()?;
        let page = inner.store.scan(Span {
            table: self.table,
            from: &from,
            end: self.end.as_deref(),
            limit: self.rows,
        });
        match page {
            Ok(page) => {
                self.from = page.next;
                Some(Ok(page.rows))
            }
            Err(error) => Some(Err(error)),
        }
    }
}

/// Does what waits for a disk where that may wait.
pub(super) async fn waiting<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, NodeError> + Send + 'static,
) -> Result<T, NodeError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| NodeError::Closed)?
}
