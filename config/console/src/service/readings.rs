//! Whoever reads the audit log is in it, too: once in a while for each reader, account and way of reading, so that following the log
//! does not fill it.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use postern_config::directory::{Actor, Command, Reading};

use crate::limits::{READING_MS, READINGS_REMEMBERED_MAX};
use crate::{Admin, Problem};

/// Readings that were written down lately: who read what, until when it need not be said again. The lock is held for one look.
#[derive(Debug, Default)]
pub(crate) struct Readings(Mutex<BTreeMap<(String, String), u64>>);

/// Writes down that somebody reads the audit log, before he does. Where it cannot be written down, the settings say whether he
/// may go on.
pub(crate) async fn record(admin: &Admin, actor: Actor, reading: Reading) -> Result<(), Problem> {
    let who = format!("{} {:?}", actor.label(), actor.address);
    let what = format!("{reading:?}");
    let now = admin.directory.now().0;
    {
        let mut known = admin.readings().0.lock();
        if known.len() >= READINGS_REMEMBERED_MAX {
            known.retain(|_, until| *until > now);
        }
        if known
            .get(&(who.clone(), what.clone()))
            .is_some_and(|until| *until > now)
        {
            return Ok(());
        }
    }
    let written = admin
        .directory
        .apply(Command::NoteReading(reading), actor)
        .await;
    if let Err(cause) = written {
        tracing::error!(alarm = true, %cause, "a reading of the audit log cannot be written down");
        if !admin.upkeep.unrecorded() {
            let detail = "this reading cannot be written down, and the settings (`audit.on_failure`) refuse it then; the log of the server says why";
            return Err(Problem::new(
                http::StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                detail,
            ));
        }
        return Ok(());
    }
    let mut known = admin.readings().0.lock();
    if known.len() < READINGS_REMEMBERED_MAX {
        known.insert((who, what), now.saturating_add(READING_MS));
    }
    Ok(())
}
