//! Whether a text may be attached as a policy document: asked by S3's own operations and by the admin side.

use std::sync::Arc;

use postern_config::directory::{Holder, PolicyPlace};
use postern_config::judge::{PolicyFaults, PolicyReport};

use crate::journey::Gate;
use crate::world::{self, check_bucket_policy, check_identity_policy};

/// Holders beside whose documents a change of a policy that many have is tried. Each costs a compilation.
const HOLDERS_CHECKED_MAX: usize = 16;

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
        PolicyPlace::User { .. } | PolicyPlace::Group { .. } | PolicyPlace::Role { .. } => {
            let (holder, name) = place.holder().ok_or_else(|| gone("holder"))?;
            check_held(gate, holder, (Some(place), name.as_str()), text)
        }
    }
}

/// Reads a document beside those that judge a holder already: in the place of one that is there, or as one more.
fn check_held(
    gate: &Gate,
    holder: Holder,
    (place, name): (Option<&PolicyPlace>, &str),
    text: &str,
) -> Result<PolicyReport, PolicyFaults> {
    let state = gate.directory().state();
    let documents = state.identity(holder);
    let replaced = place.and_then(|place| state.policy(place));
    let others: Vec<(&str, &str)> = documents
        .iter()
        .filter(|it| replaced.is_none_or(|gone| gone.text.as_str() != it.text))
        .map(|it| (it.name.as_str(), it.text))
        .collect();
    let engine = &gate.library.engine;
    Ok(check_identity_policy(engine, &others, (name, text))?)
}

/// Reads a document that is to judge holders, one by one or all of a list, and looks whether it works beside what judges them.
pub(crate) async fn check_attached(
    gate: Arc<Gate>,
    holders: Vec<Holder>,
    text: String,
) -> Result<(), PolicyFaults> {
    let work = move || {
        check_identity_policy(&gate.library.engine, &[], ("policy", &text))
            .map_err(PolicyFaults::from)?;
        for holder in holders.into_iter().take(HOLDERS_CHECKED_MAX) {
            check_held(&gate, holder, (None, "policy"), &text)?;
        }
        Ok(())
    };
    let checked = tokio::task::spawn_blocking(work).await;
    checked.unwrap_or_else(|_| Err(PolicyFaults(vec!["the check was interrupted".to_owned()])))
}

/// Reads a document that says who may assume a role.
pub(crate) async fn check_trust(gate: Arc<Gate>, text: String) -> Result<(), PolicyFaults> {
    let work = move || world::check_trust(&gate.library.engine, &text).map_err(PolicyFaults::from);
    let checked = tokio::task::spawn_blocking(work).await;
    checked.unwrap_or_else(|_| Err(PolicyFaults(vec!["the check was interrupted".to_owned()])))
}

fn gone(what: &str) -> PolicyFaults {
    PolicyFaults(vec![format!("the {what} is gone")])
}
