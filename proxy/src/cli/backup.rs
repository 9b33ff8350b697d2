//! `postern backup`: copies of the directory, made by the server, looked at and put back on its machine.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Subcommand;
use http::Method;
use postern_config::directory::{Directory, DirectoryOptions, MASTER_KEY_BYTES, Vault};
use postern_config::engine::EmbeddedEngine;
use postern_config::{Entropy, Secret, system_clock};
use serde_json::json;

use super::module::text;
use super::table::show;
use super::{CliError, Connection, Style, print, print_json};
use crate::files;
use crate::upkeep::key_file;

/// Longest file of a master key, in bytes.
const KEY_FILE_BYTES_MAX: u64 = 4_096;

/// Backups of the directory: accounts, users, keys, permissions, policies, modules and the audit log. Objects are not in them.
#[derive(Debug, Subcommand)]
pub(super) enum Backup {
    /// Write the directory as it is now into a file in the server's data folder, while the server works. The master key is not in
    /// it: keep that elsewhere.
    #[command(after_help = "Example:\n  postern backup create")]
    Create {
        #[command(flatten)]
        connection: Connection,
    },
    /// Open a backup with its master key, and follow its audit log from end to end. Ends with 3 where it does not hold.
    #[command(
        after_help = "Example:\n  postern backup verify directory-1763769600000.redb --key-file master.key"
    )]
    Verify {
        /// The backup.
        file: PathBuf,
        /// The file of the master key it was made under: 64 hexadecimal digits.
        #[arg(long, value_name = "FILE")]
        key_file: PathBuf,
    },
    /// Put a backup in the place of the directory in a data folder whose server is stopped. What was there is kept beside it.
    #[command(after_help = "Example:
  postern backup restore directory-1763769600000.redb --into /var/lib/postern --key-file master.key

Buckets, keys and users are as they were when the backup was made: whoever was deleted since has his keys again.")]
    Restore {
        /// The backup.
        file: PathBuf,
        /// The data folder.
        #[arg(long, value_name = "FOLDER")]
        into: PathBuf,
        /// The file of the master key it was made under. [default: `master.key` in the data folder]
        #[arg(long, value_name = "FILE")]
        key_file: Option<PathBuf>,
    },
}

impl Backup {
    pub(super) fn run(self, style: Style) -> Result<(), CliError> {
        match self {
            Self::Create { connection } => {
                let made = connection.ask(Method::POST, "/api/v1/backups", None)?;
                let fields = [
                    ("file", "file"),
                    ("revision", "revision"),
                    ("bytes", "bytes"),
                    ("sha256", "sha256"),
                ];
                show(style, &made, "file", &fields)
            }
            Self::Verify { file, key_file } => {
                let looked = look(&file, &key_file)?;
                let told = json!({
                    "holds": true, "revision": looked.revision, "records": looked.records,
                    "tenants": looked.tenants, "keys": looked.keys,
                });
                if style.json {
                    return print_json(&told);
                }
                let [revision, records, tenants, keys] =
                    ["revision", "records", "tenants", "keys"].map(|field| text(&told, field));
                print(&format!(
                    "the backup holds: revision {revision}, {tenants} tenants, {keys} access keys, {records} audit records"
                ))
            }
            Self::Restore {
                file,
                into,
                key_file,
            } => restore(&file, &into, key_file.as_deref(), style),
        }
    }
}

/// What a backup is, once it was followed to its end.
struct Looked {
    revision: u64,
    records: u64,
    tenants: usize,
    keys: usize,
}

/// Opens a copy of the backup, so that the backup itself is not written to, and follows its audit log.
fn look(file: &Path, key: &Path) -> Result<Looked, CliError> {
    let io = |what: String| move |source| CliError::Io { what, source };
    let folder = std::env::temp_dir().join(format!("postern-verify-{}", std::process::id()));
    files::make_private_folder(&folder).map_err(io(format!("make `{}`", folder.display())))?;
    let copy = folder.join("directory.redb");
    let copied = std::fs::copy(file, &copy).map_err(io(format!("read `{}`", file.display())));
    let looked = copied.and_then(|_| open(&copy, key, file));
    drop(std::fs::remove_dir_all(&folder));
    looked
}

fn open(copy: &Path, key: &Path, file: &Path) -> Result<Looked, CliError> {
    let not =
        |cause: String| CliError::Failed(format!("`{}` does not hold: {cause}", file.display()));
    let vault = Vault::new(&read_key(key)?).map_err(|cause| not(cause.to_string()))?;
    let engine = EmbeddedEngine::open(copy).map_err(|cause| not(cause.to_string()))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| CliError::Io {
            what: "start".to_owned(),
            source,
        })?;
    runtime.block_on(async {
        let directory = Directory::open(DirectoryOptions {
            engine: Arc::new(engine),
            vault,
            clock: system_clock(),
            entropy: Entropy::system(),
        });
        let directory = directory.await.map_err(|cause| not(cause.to_string()))?;
        let records = directory.verify_audit().await;
        let records = records.map_err(|cause| not(cause.to_string()))?;
        let state = directory.state();
        Ok(Looked {
            revision: state.revision().0,
            records,
            tenants: state.tenants().count(),
            keys: state.key_count(),
        })
    })
}

fn read_key(path: &Path) -> Result<Secret, CliError> {
    let read = files::read_bounded(path, KEY_FILE_BYTES_MAX);
    let digits = zeroize::Zeroizing::new(read.map_err(|source| CliError::Io {
        what: format!("read `{}`", path.display()),
        source,
    })?);
    let mut key = vec![0; MASTER_KEY_BYTES];
    match hex::decode_to_slice(digits.trim_ascii(), &mut key) {
        Ok(()) => Ok(Secret::new(key)),
        Err(_) => {
            let said = format!("`{}` does not hold 64 hexadecimal digits", path.display());
            Err(CliError::Failed(said))
        }
    }
}

fn restore(file: &Path, into: &Path, key: Option<&Path>, style: Style) -> Result<(), CliError> {
    let io = |what: String| move |source| CliError::Io { what, source };
    let place = into.join("directory.redb");
    let own_key = key_file(into);
    let key = key.unwrap_or(&own_key);
    // A running server holds its file: what it holds is not taken from under it.
    if place.exists() && EmbeddedEngine::open(&place).is_err() {
        let said = format!(
            "`{}` is in use, or damaged: stop the server first, or move the file away",
            place.display()
        );
        return Err(CliError::Failed(said));
    }
    let looked = look(file, key)?;
    files::make_private_folder(into).map_err(io(format!("make `{}`", into.display())))?;
    let draft = into.join("directory.redb.restored");
    std::fs::copy(file, &draft).map_err(io(format!("write `{}`", draft.display())))?;
    let synced = std::fs::File::open(&draft).and_then(|copy| copy.sync_all());
    synced.map_err(io(format!("write `{}`", draft.display())))?;
    let moment = system_clock().now().0;
    let aside = into.join(format!("directory-before-{moment}.redb"));
    let kept = place.exists();
    if kept {
        std::fs::rename(&place, &aside).map_err(io(format!("move `{}`", place.display())))?;
    }
    if key != own_key && !own_key.exists() {
        let bytes = files::read_bounded(key, KEY_FILE_BYTES_MAX);
        let bytes =
            zeroize::Zeroizing::new(bytes.map_err(io(format!("read `{}`", key.display())))?);
        files::write_private(&own_key, &bytes)
            .map_err(io(format!("write `{}`", own_key.display())))?;
    }
    std::fs::rename(&draft, &place).map_err(io(format!("write `{}`", place.display())))?;
    let aside = kept.then(|| aside.display().to_string());
    if style.json {
        return print_json(&json!({ "restored": looked.revision, "before": aside }));
    }
    let before = aside.map_or(String::new(), |aside| {
        format!("; what was there is `{aside}`")
    });
    print(&format!(
        "the directory is at revision {} again{before}",
        looked.revision
    ))
}
