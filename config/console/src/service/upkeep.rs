//! Keeping the server: another master key, backups, heads of the audit log.

use http::StatusCode;
use postern_config::directory::{Actor, AuditFault, SignedHead};
use postern_config::upkeep::UpkeepFault;
use serde_json::{Value, json};

use super::audit::unreadable;
use super::sentences::refused;
use crate::limits::HEADS_COMPARED_MAX;
use crate::shape::shapes;
use crate::{Admin, Problem};

shapes! {
    told
    /// The master key.
    MasterKeyShown {
        /// Whether the one before still opens something: a rotation goes on.
        rotating: bool,
    }

    told
    /// A backup of the directory. It holds no object, and opens under the master key alone, which is not in it.
    BackupMade {
        /// The file, on the server's machine.
        file: String,
        /// The revision of the directory that it holds.
        revision: u64,
        /// Its length, in bytes.
        bytes: u64,
        /// The SHA-256 of it.
        sha256: String,
    }

    told
    /// How heads that were kept elsewhere compare with the audit log.
    HeadsCompared {
        /// Always true: a head that is not the log's is a problem, `chain-broken`.
        holds: bool,
        /// How many were compared.
        heads: usize,
        /// How many of them were found in the log; the others are of records that retention took.
        found: usize,
    }
}

pub(crate) fn master_key(admin: &Admin) -> MasterKeyShown {
    MasterKeyShown {
        rotating: admin.directory.is_rotating(),
    }
}

/// Makes another master key.
pub(crate) async fn rotate(admin: &Admin, actor: Actor) -> Result<MasterKeyShown, Problem> {
    let begun = admin.upkeep.rotate_master_key(actor).await;
    begun.map_err(fault)?;
    Ok(master_key(admin))
}

pub(crate) async fn backup(admin: &Admin, actor: Actor) -> Result<BackupMade, Problem> {
    let made = admin.upkeep.backup().await.map_err(fault)?;
    let command = postern_config::directory::Command::NoteBackup {
        revision: made.revision,
        sha256: made.sha256.clone(),
    };
    let noted = admin.directory.apply(command, actor).await;
    noted.map_err(|error| refused("the backup", error))?;
    Ok(BackupMade {
        file: made.file,
        revision: made.revision.0,
        bytes: made.bytes,
        sha256: made.sha256,
    })
}

/// The head of the audit log, signed.
pub(crate) fn head(admin: &Admin) -> Result<Value, Problem> {
    let head = admin.directory.signed_head();
    let head = head.map_err(|fault| unreadable(&fault))?;
    Ok(json!({ "head": head, "sent": admin.upkeep.heads() }))
}

/// Compares heads that were kept elsewhere with the audit log.
pub(crate) async fn compare(
    admin: &Admin,
    heads: Vec<SignedHead>,
) -> Result<HeadsCompared, Problem> {
    if heads.len() > HEADS_COMPARED_MAX {
        let detail = format!("at most {HEADS_COMPARED_MAX} heads at a time");
        return Err(Problem::malformed(detail));
    }
    match admin.directory.check_heads(&heads).await {
        Ok(found) => Ok(HeadsCompared {
            holds: true,
            heads: heads.len(),
            found,
        }),
        Err(fault @ AuditFault::Foreign { .. }) => {
            let detail = format!("the audit log is not the one that was signed: {fault}");
            Err(Problem::new(StatusCode::CONFLICT, "chain-broken", detail))
        }
        Err(fault) => Err(unreadable(&fault)),
    }
}

fn fault(fault: UpkeepFault) -> Problem {
    match fault {
        UpkeepFault::Command(error) => refused("the master key", error),
        UpkeepFault::KeyIsGiven => Problem::new(StatusCode::CONFLICT, "refused", fault.to_string()),
        UpkeepFault::Engine(_) | UpkeepFault::Io(_) => {
            tracing::error!(error = &fault as &dyn std::error::Error, "upkeep failed");
            let detail = format!("{fault}; the log of the server says why");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
        }
    }
}
