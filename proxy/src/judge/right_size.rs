//! What a key needs of what it may: a narrower scope, proposed from the record.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use policy_wasm::registry::Name;
use policy_wasm::tools::{Scope, Use, right_size};
use postern_config::directory::KeyRights;
use postern_config::judge::{RightSize, ToolFault};
use serde_json::{Value, json};

use super::replay::read;
use crate::journey::Gate;
use crate::limits::RECORDED_USES_MAX;
use crate::record::{Recorded, Said};

/// Uses that are alike: operation, atom, bucket, and what is left of the key.
type Alike = (String, String, Option<String>, Option<String>);

/// Proposes a narrower scope for a key.
pub(super) fn propose(gate: &Arc<Gate>, asked: &RightSize) -> Result<Value, ToolFault> {
    let state = gate.directory().state();
    let key = state.key(&asked.access_key_id);
    let key = key.ok_or(ToolFault::NotFound("access key"))?;
    let present = scope(&key.rights);
    let id = asked.access_key_id.as_str();

    let mut uses: BTreeMap<Alike, u64> = BTreeMap::new();
    let (mut allowed, mut refused, mut torn, mut more) = (0_u64, 0_u64, 0_u64, 0_u64);
    let mut span: Option<(u64, u64)> = None;
    let mut record = read(gate, asked.since_seconds)?;
    while let Some(next) = record.next_check() {
        let Ok(recorded) = next else {
            torn += 1;
            continue;
        };
        let at = recorded.at_ms;
        let (from, to) = span.unwrap_or((at, at));
        span = Some((from.min(at), to.max(at)));
        if recorded.key.as_deref() != Some(id) {
            continue;
        }
        if recorded.said != Said::Allowed {
            refused += 1;
            continue;
        }
        allowed += 1;
        let alike = alike(&recorded, present.prefixes.as_deref());
        if uses.len() < RECORDED_USES_MAX || uses.contains_key(&alike) {
            *uses.entry(alike).or_default() += 1;
        } else {
            more += 1;
        }
    }
    let uses: Vec<Use> = uses.into_iter().map(used).collect();
    // With uses that are not looked at, a proposal could take away what is needed.
    let narrower = if more == 0 {
        right_size(&gate.library.builtin.level_rows(), &present, &uses)
    } else {
        None
    };
    let narrows = narrower.as_ref().is_some_and(|it| it.scope != present);
    let operations: BTreeSet<&str> = uses.iter().map(|used| used.operation.as_str()).collect();
    Ok(json!({
        "access_key_id": id,
        "present": present,
        "allowed": allowed,
        "refused": refused,
        "operations": operations,
        "torn": torn,
        "too_many_uses": more > 0,
        "from_ms": span.map(|(from, _)| from),
        "to_ms": span.map(|(_, to)| to),
        "narrows": narrows,
        "proposal": narrower,
    }))
}

fn scope(rights: &KeyRights) -> Scope {
    let scope = &rights.scope;
    Scope {
        level: rights.level.as_str().to_owned(),
        buckets: scope.buckets.as_deref().map(texts),
        prefixes: scope.prefixes.clone(),
        operations: scope.operations.as_deref().map(texts),
    }
}

fn texts<T: ToString>(list: &[T]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

/// A use without what a scope cannot say: of the key, its folder, or the prefix of the present scope where that reaches further.
fn alike(recorded: &Recorded, prefixes: Option<&[String]>) -> Alike {
    let key = recorded.text(Name::Key).or(recorded.text(Name::Prefix));
    let key = key.map(|key| {
        let folder = key
            .rfind('/')
            .and_then(|slash| key.get(..=slash))
            .unwrap_or_default();
        let of = prefixes.unwrap_or_default().iter();
        let of = of
            .filter(|prefix| key.starts_with(prefix.as_str()))
            .max_by_key(|it| it.len());
        match of {
            Some(prefix) if prefix.len() > folder.len() => prefix.clone(),
            _ => folder.to_owned(),
        }
    });
    (
        recorded.operation.clone(),
        recorded.text(Name::Atom).unwrap_or_default().to_owned(),
        recorded.text(Name::Bucket).map(str::to_owned),
        key,
    )
}

fn used(((operation, atom, bucket, key), count): (Alike, u64)) -> Use {
    Use {
        operation,
        atoms: Some(atom)
            .filter(|atom| !atom.is_empty())
            .into_iter()
            .collect(),
        bucket,
        key,
        count,
    }
}
