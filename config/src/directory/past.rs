//! The directory as it was: for who asks on some day what was allowed on another.
//!
//! The engine keeps what rows were, and the audit log says when each transaction was: together they are the state of any moment
//! since the history begins. It begins with the log, or where retention or a rotation of the master key has cut it. Persons who were
//! forgotten since are forgotten there, too.

use super::audit::{AuditRecord, key};
use super::rows::{RowError, parse};
use super::state::State;
use super::{Directory, OpenError, load};
use crate::engine::{EngineError, Revision};
use crate::time::UnixMillis;

/// Why the directory of a moment cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum PastFault {
    /// It has not been yet.
    #[error("that moment has not been yet")]
    Future,
    /// It is older than the history that is kept.
    #[error("nothing is kept of what was before the history begins")]
    Gone {
        /// When that is, in milliseconds since 1970.
        since: UnixMillis,
    },
    /// The directory cannot be read.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl From<EngineError> for PastFault {
    fn from(fault: EngineError) -> Self {
        Self::Open(fault.into())
    }
}

impl From<RowError> for PastFault {
    fn from(fault: RowError) -> Self {
        Self::Open(fault.into())
    }
}

/// A transaction of the history.
#[derive(Clone, Copy)]
struct Moment {
    revision: Revision,
    time_ms: UnixMillis,
}

impl Directory {
    /// The directory as it was at a moment, by the clock of its records. It is read from the store: seconds for a million keys.
    ///
    /// # Errors
    /// The moment is to come, or older than the history.
    pub async fn state_at(&self, at: UnixMillis) -> Result<State, PastFault> {
        let now = self.state();
        if at > self.now() {
            return Err(PastFault::Future);
        }
        let Some(head) = now.head() else {
            return Err(PastFault::Gone { since: self.now() });
        };
        let first = self.audit_base() + 1;
        // The last record that is not later: found by halves, the log is in the order of time.
        let (mut begin, mut end) = (first, head.audits + 1);
        let mut found = None;
        while begin < end {
            let middle = begin.midpoint(end);
            match self.moment(middle).await? {
                Some(moment) if moment.time_ms <= at => {
                    found = Some(moment);
                    begin = middle + 1;
                }
                Some(_) | None => end = middle,
            }
        }
        let Some(Moment { revision, .. }) = found else {
            return Err(self.begins(first, Revision::default()).await?);
        };
        match load(&*self.inner.engine, now.vault(), revision).await {
            Err(OpenError::Engine(EngineError::Compacted { oldest })) => {
                Err(self.begins(begin, oldest).await?)
            }
            state => Ok(state?),
        }
    }

    /// That history begins with the first record from `sequence` on whose transaction is not before `oldest`.
    async fn begins(&self, sequence: u64, oldest: Revision) -> Result<PastFault, PastFault> {
        let (mut begin, mut end) = (sequence, self.audits() + 1);
        let mut since = self.now();
        while begin < end {
            let middle = begin.midpoint(end);
            match self.moment(middle).await? {
                Some(moment) if moment.revision >= oldest => {
                    since = moment.time_ms;
                    end = middle;
                }
                Some(_) | None => begin = middle + 1,
            }
        }
        Ok(PastFault::Gone { since })
    }

    /// The transaction of an audit record.
    async fn moment(&self, sequence: u64) -> Result<Option<Moment>, PastFault> {
        let Some(row) = self.inner.engine.get(key(sequence)).await? else {
            return Ok(None);
        };
        let record: AuditRecord = parse(&row)?;
        Ok(Some(Moment {
            revision: row.revision,
            time_ms: record.time_ms,
        }))
    }
}
