//! What a file would change: its records, under the numbers of the directory, against those that are there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    Compiled, FileFault, Import, ImportChange, ImportPlan, Numbers, parsed, records_of, sound, tell,
};
use crate::directory::audit;
use crate::directory::command::{CommandError, Refusal};
use crate::directory::names::{Digest, NamespaceId};
use crate::directory::record::{AccessKey, ModuleState, User, UserKind, UserStatus};
use crate::directory::rows::{Record, module_bytes};
use crate::directory::rules::ModuleRules;
use crate::directory::state::State;
use crate::directory::vault::{Identity, Vault};
use crate::engine::Op;
use crate::time::Entropy;

/// Works out what a file changes.
#[expect(
    clippy::too_many_lines,
    reason = "one pass over the file's records, and one over those that are there"
)]
pub(in crate::directory) fn compile(
    state: &State,
    import: &Import,
    (rules, next): (&ModuleRules, u64),
    entropy: &Entropy,
) -> Result<Compiled, FileFault> {
    let records = parsed(import)?;
    let numbers = Numbers::of(
        state,
        &records,
        &import.file.parent,
        (next, &import.buckets),
    )?;
    let existing = state.tenant(numbers.tenant);
    let before: BTreeMap<String, Record> = existing
        .into_iter()
        .flat_map(|tenant| records_of(state, tenant))
        .map(|record| (record.key(), record))
        .collect();
    let mut plan = ImportPlan {
        tag: existing.map(|_| tag(&before)).transpose()?,
        ..ImportPlan::default()
    };
    let mut ops = Vec::new();
    let mut kept = BTreeSet::new();
    for record in records {
        let in_file = record.clone();
        let mut record = numbers.renumbered(record)?;
        let key = record.key();
        if !kept.insert(key.clone()) {
            return Err(FileFault::Unsound(format!(
                "`{}` twice",
                name_of(state, &record)
            )));
        }
        let there = before.get(&key);
        let (same_secret, has_secret) = match (&mut record, &in_file) {
            (Record::Key(key), Record::Key(in_file)) => {
                secret(state, (key, in_file), there, import.vault.as_ref(), entropy)?
            }
            _ => (true, true),
        };
        if !has_secret {
            plan.notes.push(format!(
                "access key `{}` is not made: its secret is not in the file",
                name_of(state, &record)
            ));
            continue;
        }
        let fields = match there {
            Some(there) => differences(there, &record)?,
            None => Vec::new(),
        };
        let secret = (!same_secret).then(|| "secret".to_owned());
        let fields: Vec<String> = fields.into_iter().chain(secret).collect();
        if there.is_some() && fields.is_empty() {
            continue;
        }
        plan.changes.push(ImportChange {
            action: if there.is_some() { "change" } else { "create" },
            kind: kind_of(&record),
            name: name_of(state, &record),
            fields,
        });
        ops.push(record.put().map_err(CommandError::from)?);
    }
    for (digest, bytes) in import.modules()? {
        let known = state
            .modules_with(digest)
            .any(|it| it.state == ModuleState::Ready);
        if !known {
            ops.push(Op::Put(module_bytes(digest), bytes));
        }
    }
    for (key, record) in &before {
        if !kept.contains(key) {
            remove(state, record, (&mut ops, &mut plan))?;
        }
    }
    plan.changes.sort();
    sound::check(state, (numbers.tenant, existing), (import, rules), &ops)?;
    Ok(Compiled {
        tenant: numbers.tenant,
        ops,
        plan,
        next: numbers.next,
    })
}

/// Brings the secret of a key of the file under the directory's own vault. Answers whether it is the one that is there, and whether
/// there is one at all.
fn secret(
    state: &State,
    (key, in_file): (&mut AccessKey, &AccessKey),
    there: Option<&Record>,
    vault: Option<&Vault>,
    entropy: &Entropy,
) -> Result<(bool, bool), FileFault> {
    let there = match there {
        Some(Record::Key(there)) => Some(there),
        _ => None,
    };
    let Some(vault) = vault else {
        if let Some(there) = there {
            key.sealed = there.sealed.clone();
        }
        return Ok((true, there.is_some()));
    };
    let identity = Identity::AccessKey(in_file.tenant, in_file.user, in_file.id);
    let opened = vault.open(identity, &in_file.sealed);
    let opened = opened.map_err(|_| FileFault::Passphrase("the passphrase is another"))?;
    let is_same = there
        .map(|there| state.open_secret(there))
        .transpose()?
        .is_some_and(|there| there.lend(|bytes| opened.is(bytes)));
    key.sealed = match there {
        Some(there) if is_same => there.sealed.clone(),
        Some(_) | None => {
            let identity = Identity::AccessKey(key.tenant, key.user, key.id);
            state.vault().seal(identity, &opened, entropy)?
        }
    };
    Ok((is_same || there.is_none(), true))
}

/// What stands in the directory and not in the file goes, but for what holds data.
fn remove(
    state: &State,
    record: &Record,
    (ops, plan): (&mut Vec<Op>, &mut ImportPlan),
) -> Result<(), FileFault> {
    let name = name_of(state, record);
    match record {
        // These go with what they belong to, or are the account itself.
        Record::Tenant(_)
        | Record::Namespace(_)
        | Record::Job(_)
        | Record::Operator(_)
        | Record::ApiToken(_) => return Ok(()),
        Record::Bucket(_) => {
            plan.notes.push(format!(
                "bucket `{name}` is not in the file and stays: delete it by itself"
            ));
            return Ok(());
        }
        Record::User(user) if user.kind == UserKind::Root => return Ok(()),
        Record::User(user) => {
            if state.buckets_owned(user.id) > 0 {
                return Err(CommandError::Refused(Refusal::OwnsBuckets).into());
            }
            // The sweep takes his keys, his sub-users and what the log knows of him.
            let gone = User {
                status: UserStatus::Deleting,
                ..user.clone()
            };
            ops.push(Record::User(gone).put().map_err(CommandError::from)?);
        }
        Record::SubUser(_)
        | Record::Role(_)
        | Record::Key(_)
        | Record::Policy(_)
        | Record::Module(_)
        | Record::Group(_)
        | Record::ManagedPolicy(_)
        | Record::IamRole(_)
        | Record::Attachments(_)
        | Record::Binding(_) => ops.push(Op::Delete(record.key())),
    }
    plan.changes.push(ImportChange {
        action: "remove",
        kind: kind_of(record),
        name,
        fields: Vec::new(),
    });
    Ok(())
}

/// The fields in which two records differ; the secret of a key is looked at elsewhere.
fn differences(before: &Record, after: &Record) -> Result<Vec<String>, FileFault> {
    let ((_, before), (_, after)) = (tell(before)?, tell(after)?);
    let (Value::Object(before), Value::Object(after)) = (before, after) else {
        return Ok(Vec::new());
    };
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differ = names
        .into_iter()
        .filter(|name| *name != "sealed" && before.get(*name) != after.get(*name));
    Ok(differ.cloned().collect())
}

/// What an account is, as one value: another when anything of it is another.
fn tag(records: &BTreeMap<String, Record>) -> Result<Digest, FileFault> {
    let mut text = Vec::new();
    for (key, record) in records {
        let (_, value) = tell(record)?;
        text.extend_from_slice(key.as_bytes());
        text.extend_from_slice(value.to_string().as_bytes());
    }
    Ok(audit::hash_of(&text))
}

fn kind_of(record: &Record) -> &'static str {
    match record {
        Record::Tenant(_) => "tenant",
        Record::User(_) => "user",
        Record::SubUser(_) => "sub-user",
        Record::Role(_) => "role",
        Record::Key(_) => "access key",
        Record::Namespace(_) => "namespace",
        Record::Bucket(_) => "bucket",
        Record::Policy(_) => "policy",
        Record::Module(_) => "module",
        Record::Binding(_) => "module in force",
        Record::Job(_) => "job",
        Record::Group(_) => "group",
        Record::ManagedPolicy(_) => "managed policy",
        Record::IamRole(_) => "assumed role",
        Record::Attachments(_) => "attached policies",
        Record::Operator(_) => "operator",
        Record::ApiToken(_) => "token",
    }
}

fn name_of(state: &State, record: &Record) -> String {
    let of_user = |id| state.user(id).map(|user| user.name.to_string());
    match record {
        Record::Tenant(it) => it.name.to_string(),
        Record::User(it) => it.name.to_string(),
        Record::SubUser(it) => match of_user(it.user) {
            Some(user) => format!("{user}/{}", it.name),
            None => it.name.to_string(),
        },
        Record::Role(it) => it.name.to_string(),
        Record::Key(it) => it.id.to_string(),
        Record::Namespace(it) => match it.id {
            NamespaceId::User(_, user) => of_user(user).unwrap_or_else(|| user.to_string()),
            NamespaceId::Account(_) => "account".to_owned(),
            NamespaceId::Global => "deployment".to_owned(),
        },
        Record::Bucket(it) => it.name.to_string(),
        Record::Policy(it) => it.place.to_string(),
        Record::Module(it) => format!("{}@{}", it.name, it.digest),
        Record::Binding(it) => it.name.to_string(),
        Record::Job(it) => it.id.get().to_string(),
        Record::Group(it) => it.name.to_string(),
        Record::ManagedPolicy(it) => it.name.to_string(),
        Record::IamRole(it) => it.name.to_string(),
        Record::Attachments(it) => it.holder.to_string(),
        Record::Operator(it) => it.id.get().to_string(),
        Record::ApiToken(it) => it.id.get().to_string(),
    }
}
