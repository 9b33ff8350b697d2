//! Whether a text may be attached as a policy document: asked by S3's own operations and by the admin side.

use std::sync::Arc;

use postern_config::directory::PolicyPlace;
use postern_config::judge::{PolicyFaults, PolicyReport};

use crate::journey::Gate;
use crate::world::{check_bucket_policy, check_identity_policy};

/// Reads the text, makes its module, and loads it: what may be attached is ready for the first request.
pub(crate) async fn check_policy(
    gate: Arc<Gate>,
    place: PolicyPlace,
    text: String,
) -> Result<PolicyReport, PolicyFaults> {
    let checked = tokio::task::spawn_blocking(move || check(&gate, &place, &text)).await;
    checked.unwrap_or_else(|_| Err(PolicyFaults(vec!["the check was interrupted".to_owned()])))
}

fn check(gate: &Gate, place: &PolicyPlace, text: &str) -> Result<PolicyReport, PolicyFaults> {
    let state = gate.directory().state();
    let engine = &gate.library.engine;
    match place {
        PolicyPlace::Bucket(id) => {
            let found = state.bucket_by_id(*id).and_then(|bucket| {
                Some((bucket.name.as_str(), state.tenant(bucket.tenant)?.profile))
            });
            let of = found.ok_or_else(|| gone("bucket"))?;
            Ok(check_bucket_policy(
                engine,
                &gate.library.builtin,
                of,
                text,
            )?)
        }
        PolicyPlace::User { user, name } => {
            state.user(*user).ok_or_else(|| gone("user"))?;
            let others: Vec<(&str, &str)> = state
                .user_policies(*user)
                .filter(|it| it.place != *place)
                .map(|it| (it.place.name(), it.text.as_str()))
                .collect();
            Ok(check_identity_policy(
                engine,
                &others,
                (name.as_str(), text),
            )?)
        }
    }
}

fn gone(what: &str) -> PolicyFaults {
    PolicyFaults(vec![format!("the {what} is gone")])
}
