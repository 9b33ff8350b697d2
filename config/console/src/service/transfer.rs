//! An account as one file: written, looked at, taken in.

use http::StatusCode;
use postern_config::Secret;
use postern_config::directory::{
    Actor, Command, CommandError, Digest, FileFault, Import, ImportPlan, Outcome, Secrets, Tenant,
    TenantFile,
};
use postern_config::upstream::Keeps;
use serde_json::{Value, json};

use super::sentences::refused;
use crate::{Admin, Problem};

/// What is asked with a file.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileAsk {
    /// The file.
    file: TenantFile,
    /// What opens its secrets.
    #[serde(default)]
    passphrase: Option<String>,
    /// The `tag` of the plan that was looked at: if the account has changed since, nothing is done.
    #[serde(default)]
    tag: Option<Digest>,
}

/// What is asked of an export.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportAsk {
    /// Seals the secrets of access keys; without it, they are left out.
    #[serde(default)]
    passphrase: Option<String>,
}

/// Fewest characters of a passphrase: a file is tried offline, as often as somebody likes.
const PASSPHRASE_CHARACTERS_MIN: usize = 12;

/// An account as a file. That it was written is in the audit log before it is told.
pub(crate) async fn export(
    admin: &Admin,
    actor: Actor,
    tenant: &Tenant,
    ask: ExportAsk,
) -> Result<TenantFile, Problem> {
    let secrets = match ask.passphrase {
        None => Secrets::Omitted,
        Some(passphrase) => Secrets::Sealed(checked(passphrase)?),
    };
    let with_secrets = matches!(secrets, Secrets::Sealed(_));
    let noted = Command::NoteExport {
        tenant: tenant.id,
        with_secrets,
    };
    let subject = format!("tenant `{}`", tenant.name);
    let written = admin.directory.apply(noted, actor).await;
    written.map_err(|error| refused(&subject, error))?;
    let file = admin.directory.export_tenant(tenant.id, secrets).await;
    file.map_err(|fault| problem(&subject, fault))
}

/// What a file would change.
pub(crate) async fn plan(admin: &Admin, ask: FileAsk) -> Result<ImportPlan, Problem> {
    let import = import(admin, ask).await?;
    let plan = admin.directory.plan_import(&import);
    plan.map_err(|fault| problem("the file", fault))
}

/// Takes a file in: all of it, or nothing.
pub(crate) async fn apply(admin: &Admin, actor: Actor, ask: FileAsk) -> Result<Value, Problem> {
    let mut import = import(admin, ask).await?;
    let plan = admin.directory.plan_import(&import);
    let plan = plan.map_err(|fault| problem("the file", fault))?;
    if plan.changes.is_empty() {
        return Ok(json!({ "plan": plan, "revision": admin.directory.state().revision() }));
    }
    // What a policy module is must be known before it judges anything.
    let modules = import.modules();
    for (_, bytes) in modules.map_err(|fault| problem("the file", fault))? {
        admin.judge.check(bytes.into()).await?;
    }
    // The upstream has the buckets before the directory names them; what is not named in the end is taken back.
    let missing = import.missing_buckets(&admin.directory.state());
    let mut made = Vec::new();
    let mut outcome = Ok(());
    for in_file in missing.map_err(|fault| problem("the file", fault))? {
        let id = s3_protocol::BucketId(uuid()?);
        if let Err(fault) = admin.upstream.create_bucket(id, Keeps::Nothing).await {
            outcome = Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "upstream",
                format!("the storage answers: {}", fault.message),
            ));
            break;
        }
        made.push(id);
        import.made(in_file, id);
    }
    let applied = match outcome {
        Ok(()) => {
            let command = Command::ApplyTenant(Box::new(import));
            let applied = admin.directory.apply(command, actor).await;
            applied.map_err(|error| told("the file", error))
        }
        Err(problem) => Err(problem),
    };
    match applied {
        Ok(applied) => {
            let plan = match applied.outcome {
                Outcome::Imported(_, plan) => plan,
                _ => ImportPlan::default(),
            };
            Ok(json!({ "plan": plan, "revision": applied.revision }))
        }
        Err(problem) => {
            for id in made {
                drop(admin.upstream.delete_bucket(id).await);
            }
            Err(problem)
        }
    }
}

async fn import(admin: &Admin, ask: FileAsk) -> Result<Import, Problem> {
    let passphrase = ask.passphrase.map(|text| Secret::new(text.into_bytes()));
    let import = admin.directory.import(ask.file, passphrase, ask.tag).await;
    import.map_err(|fault| problem("the file", fault))
}

fn checked(passphrase: String) -> Result<Secret, Problem> {
    if passphrase.chars().count() < PASSPHRASE_CHARACTERS_MIN {
        let detail = format!("a passphrase has at least {PASSPHRASE_CHARACTERS_MIN} characters");
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "passphrase",
            detail,
        ));
    }
    Ok(Secret::new(passphrase.into_bytes()))
}

fn uuid() -> Result<u128, Problem> {
    let random = postern_config::Entropy::system().bytes::<16>();
    let random = random.map_err(|fault| {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            fault.to_string(),
        )
    })?;
    // A random UUID, as every bucket's number is. Source: RFC 9562 section 5.4.
    let number = u128::from_be_bytes(random);
    Ok((number & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62))
}

fn told(subject: &str, error: CommandError) -> Problem {
    match error {
        CommandError::File(fault) => problem(subject, *fault),
        error => refused(subject, error),
    }
}

fn problem(subject: &str, fault: FileFault) -> Problem {
    let detail = format!("{subject}: {fault}");
    let (status, code) = match fault {
        FileFault::Refused(error) => return refused(subject, *error),
        FileFault::Passphrase(_) => (StatusCode::FORBIDDEN, "passphrase"),
        FileFault::Format(_) | FileFault::Record { .. } | FileFault::Unsound(_) => {
            (StatusCode::UNPROCESSABLE_ENTITY, "file")
        }
        FileFault::Seal(_) | FileFault::Engine(_) => {
            tracing::error!(error = &fault as &dyn std::error::Error, "a file failed");
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
        }
    };
    Problem::new(status, code, detail)
}
