//! Retention: audit records that are old enough go, and a checkpoint stands for them.
//!
//! The checkpoint is the number and the hash of the last record that went, sealed in the head and signed in the record that says
//! so. The chain is followed from there: it breaks at a changed record as before, and at a checkpoint that nobody sealed. What rows
//! were before the oldest record that is left goes with it.

use serde_json::json;

use super::audit::{AuditFault, AuditRecord, hash_of};
use super::change::Plan;
use super::rows::{AUDIT, AuditBase, Head, parse};
use super::vault::Identity;
use super::{Actor, CommandError, Directory, audit, heads};
use crate::Secret;
use crate::engine::{EngineError, Op};
use crate::limits::AUDIT_TRIM_ROWS_MAX;
use crate::time::UnixMillis;

/// Why records were not taken away.
#[derive(Debug, thiserror::Error)]
pub enum TrimFault {
    /// The chain does not hold: what is evidence stays.
    #[error("the audit chain does not hold, and nothing is taken from it: {0}")]
    Audit(#[from] AuditFault),
    /// The directory could not write.
    #[error(transparent)]
    Command(#[from] CommandError),
}

impl Directory {
    /// The number of the last record that retention took away; 0 where it took none.
    pub fn audit_base(&self) -> u64 {
        let state = self.state();
        let base = state.head().and_then(|head| head.audit_base.as_ref());
        base.map_or(0, |base| base.through)
    }

    /// Takes away the audit records from before `before`, the oldest first and never the last of all. Answers how many went.
    ///
    /// # Errors
    /// The chain does not hold up to there, or the directory cannot write.
    pub async fn trim_audit(&self, before: UnixMillis, actor: &Actor) -> Result<u64, TrimFault> {
        let mut gone = 0;
        loop {
            match self.trim_step(before, actor).await? {
                0 => break,
                more => gone += more,
            }
        }
        let first = audit::key(self.audit_base() + 1);
        let engine = &self.inner.engine;
        if let Some(first) = engine.get(first).await.map_err(AuditFault::from)? {
            let forgotten = engine.forget(first.revision).await;
            forgotten.map_err(AuditFault::from)?;
        }
        Ok(gone)
    }

    /// One transaction of it.
    async fn trim_step(&self, before: UnixMillis, actor: &Actor) -> Result<u64, TrimFault> {
        let inner = &self.inner;
        let _writer = inner.writer.lock().await;
        let state = inner.state.load_full();
        let head = state.head().ok_or(AuditFault::Head)?;
        let (mut through, mut hash) = match &head.audit_base {
            Some(base) => (base.through, base.hash),
            None => (0, audit::genesis(&head.directory)),
        };
        let engine = &inner.engine;
        let now = engine.now().await.map_err(AuditFault::from)?;
        let after = Some(audit::key(through));
        let page = engine.page(AUDIT.to_owned(), now, after, AUDIT_TRIM_ROWS_MAX);
        let mut ops = Vec::new();
        for row in page.await.map_err(AuditFault::from)?.rows {
            let record: AuditRecord = parse(&row).map_err(AuditFault::from)?;
            if record.time_ms >= before || record.sequence >= head.audits {
                break;
            }
            let sequence = through + 1;
            if record.sequence != sequence || record.previous != hash {
                return Err(AuditFault::Broken { sequence }.into());
            }
            (through, hash) = (sequence, hash_of(&row.value));
            ops.push(Op::Erase(row.key));
        }
        if ops.is_empty() {
            return Ok(0);
        }
        let records = ops.len() as u64;
        let vault = state.vault();
        let time_ms = inner.clock.now();
        let seal = vault.seal(
            Identity::AuditBase(through, hash),
            &Secret::new(Vec::new()),
            &inner.entropy,
        );
        let base = AuditBase {
            through,
            hash,
            time_ms,
            seal: seal.map_err(CommandError::from)?,
        };
        let checkpoint = heads::sign(head, (through, hash), vault, time_ms);
        let checkpoint = checkpoint.map_err(CommandError::from)?;
        let detail = json!({ "records": records, "before": before, "checkpoint": checkpoint });
        let plan = Plan::of_system("audit.trim", ("audit log", through), detail, ops);
        let changed = Head {
            audit_base: Some(base),
            ..Head::clone(head)
        };
        match inner
            .write(&state, plan.with_head(changed), actor, head.next)
            .await
        {
            Ok(_) => Ok(records),
            // Another process was faster: what it left is looked at anew.
            Err(CommandError::Engine(EngineError::Conflict)) => {
                inner.catch_up().await?;
                Ok(0)
            }
            Err(fault) => Err(fault.into()),
        }
    }
}
