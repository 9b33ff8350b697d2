//! Another master key: everything that is sealed is sealed anew, a few rows in each transaction, while the directory works.
//!
//! From the first step on the vault seals under the new key and opens under both. What was resealed is told by its label, so that
//! a rotation which was stopped goes on with what is left. At the end the head is resealed, which says that it is over; history is
//! dropped, since it holds rows that the old key opens; and the vault forgets the old key.

use std::sync::Arc;

use serde_json::json;

use super::change::Plan;
use super::person::{PERSONS, PersonRow};
use super::rows::{HEAD, Head, PREFIX, Record, RowError, parse};
use super::state::State;
use super::vault::{Identity, SealError, Vault};
use super::{Actor, CommandError, Directory, Inner};
use crate::Secret;
use crate::engine::{EngineError, Op, Row};
use crate::limits::RESEAL_ROWS_MAX;

/// How far a rotation is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Rows that were sealed anew.
    pub rows: u64,
}

impl Directory {
    /// Whether something may still be sealed under another key than the current one.
    pub fn is_rotating(&self) -> bool {
        self.state().vault().has_previous()
    }

    /// Seals everything under `next` from here on, and opens what was sealed under the key before, until
    /// [`Directory::finish_rotation`] has sealed that anew, too. `next` must be kept where it is found again before this is called.
    ///
    /// # Errors
    /// Another rotation is not over, or the directory cannot write.
    pub async fn begin_rotation(&self, next: &Secret, actor: &Actor) -> Result<(), CommandError> {
        let inner = &self.inner;
        let _writer = inner.writer.lock().await;
        let state = inner.state.load_full();
        if state.vault().has_previous() {
            return Err(CommandError::Refused(super::Refusal::Rotating));
        }
        let vault = Vault::new(next)?.after(Arc::clone(state.vault()));
        if vault.is_the_previous() {
            return Err(CommandError::Refused(super::Refusal::SameMasterKey));
        }
        inner.publish(state.under(Arc::new(vault)));
        let state = inner.state.load_full();
        let detail = json!({ "step": "begin" });
        let plan = Plan::of_system("master-key.rotate", ("master key", ""), detail, Vec::new());
        let next = state.head().map_or(1, |head| head.next);
        inner.write(&state, plan, actor, next).await?;
        Ok(())
    }

    /// Seals anew what is left under the key before, then forgets that key. Other commands go on between its steps; where it is
    /// stopped, it goes on the next time.
    ///
    /// # Errors
    /// Something cannot be opened, or the directory cannot write: the key before stays until it is done.
    pub async fn finish_rotation(&self) -> Result<Resealed, CommandError> {
        let mut done = Resealed::default();
        for prefix in [PREFIX, PERSONS] {
            let mut after = None;
            loop {
                let (rows, last) = self.inner.reseal_step(prefix, after).await?;
                done.rows += rows;
                match last {
                    Some(last) => after = Some(last),
                    None => break,
                }
            }
        }
        self.inner.end_rotation(done).await?;
        Ok(done)
    }
}

impl Inner {
    /// Reseals a page of rows in one transaction. Answers how many, and after which key to go on.
    async fn reseal_step(
        &self,
        prefix: &str,
        after: Option<String>,
    ) -> Result<(u64, Option<String>), CommandError> {
        let _writer = self.writer.lock().await;
        self.catch_up().await?;
        let state = self.state.load_full();
        let page = self
            .engine
            .page(prefix.to_owned(), state.revision(), after, RESEAL_ROWS_MAX)
            .await?;
        let mut ops = Vec::new();
        for row in &page.rows {
            ops.extend(self.resealed(&state, row)?);
        }
        let last = page.rows.last().map(|row| row.key.clone());
        let last = last.filter(|_| page.more);
        let rows = ops.len() as u64;
        if rows > 0 {
            let detail = json!({ "step": "reseal", "rows": rows });
            let plan = Plan::of_system("master-key.rotate", ("master key", ""), detail, ops);
            let next = state.head().map_or(1, |head| head.next);
            self.write(&state, plan, &Actor::system(), next).await?;
        }
        Ok((rows, last))
    }

    /// The change that seals a row anew, where it is sealed under the key before.
    fn resealed(&self, state: &State, row: &Row) -> Result<Option<Op>, CommandError> {
        if row.key == HEAD {
            return Ok(None);
        }
        let vault = state.vault();
        if row.key.starts_with(PERSONS) {
            let mut person: PersonRow = parse(row)?;
            let identity = Identity::Person(person.person);
            let Some(sealed) = vault.reseal(identity, &person.key, &self.entropy)? else {
                return Ok(None);
            };
            person.key = sealed;
            let value = serde_json::to_vec(&person).map_err(|source| RowError::Malformed {
                key: row.key.clone(),
                source,
            })?;
            return Ok(Some(Op::Put(row.key.clone(), value)));
        }
        let mut record = Record::read(row)?;
        let is_changed = record.reseal(|identity, sealed| {
            let fresh = vault.reseal(identity, sealed, &self.entropy)?;
            let is_changed = fresh.is_some();
            if let Some(fresh) = fresh {
                *sealed = fresh;
            }
            Ok::<_, SealError>(is_changed)
        })?;
        Ok(if is_changed {
            Some(record.put()?)
        } else {
            None
        })
    }

    /// Reseals the head, drops what history holds, and forgets the key before.
    async fn end_rotation(&self, done: Resealed) -> Result<(), CommandError> {
        let _writer = self.writer.lock().await;
        self.catch_up().await?;
        let state = self.state.load_full();
        let Some(head) = state.head() else {
            return Err(CommandError::Engine(EngineError::Damaged(
                "the directory has no head",
            )));
        };
        let vault = state.vault();
        let mut changed = Head::clone(head);
        let mut seals = vec![(Identity::Directory, &mut changed.canary)];
        if let Some(signer) = &mut changed.audit_signer {
            seals.push((Identity::AuditSigner, signer));
        }
        if let Some(base) = &mut changed.audit_base {
            seals.push((Identity::AuditBase(base.through, base.hash), &mut base.seal));
        }
        for (identity, sealed) in seals {
            if let Some(fresh) = vault.reseal(identity, sealed, &self.entropy)? {
                *sealed = fresh;
            }
        }
        let detail = json!({ "step": "end", "rows": done.rows });
        let plan = Plan::of_system("master-key.rotate", ("master key", ""), detail, Vec::new());
        let next = head.next;
        let written = self
            .write(&state, plan.with_head(changed), &Actor::system(), next)
            .await?;
        self.engine.forget(written.revision).await?;
        let state = self.state.load_full();
        let alone = state.vault().alone();
        self.publish(state.under(Arc::new(alone)));
        Ok(())
    }
}
