//! The policy of a bucket, by S3's own operations. The text is the directory's; what it says is understood before it is put there.

use std::sync::Arc;

use postern_config::directory::{Bucket, Command, CommandError, PolicyPlace};
use s3_protocol::{S3Code, S3Error};

use super::super::authorize::Scene;
use super::super::gate::Gate;
use super::super::refusal::Refusal;
use super::Outcome;
use super::buckets::{actor, apply, broken};
use crate::judge::check_policy;

/// Longest explanation of what is wrong with a policy, in characters: the first few faults.
const EXPLANATION_CHARACTERS_MAX: usize = 1_000;

/// The text, as it was put there.
pub(super) fn get(gate: &Gate, bucket: &Bucket) -> Result<Outcome, Refusal> {
    let world = gate.world();
    let found = world.state.bucket_policy(bucket.id);
    let text = found.map(|policy| policy.text.clone());
    text.map(Outcome::Policy).ok_or_else(|| missing(bucket))
}

pub(super) async fn put(
    gate: &Arc<Gate>,
    scene: &Scene,
    bucket: &Bucket,
    text: &[u8],
) -> Result<Outcome, Refusal> {
    let text = std::str::from_utf8(text).map_err(|_| malformed("it is not UTF-8"))?;
    let place = PolicyPlace::Bucket(bucket.id);
    let report = check_policy(Arc::clone(gate), place.clone(), text.to_owned())
        .await
        .map_err(|faults| malformed(&faults.to_string()))?;
    if report.is_public && bucket.access.blocked().block_policy {
        return Err(Refusal::Upstream(S3Code::AccessDenied.into()));
    }
    let text = text.to_owned();
    change(gate, scene, bucket, Command::PutPolicy { place, text }).await
}

pub(super) async fn delete(
    gate: &Gate,
    scene: &Scene,
    bucket: &Bucket,
) -> Result<Outcome, Refusal> {
    let place = PolicyPlace::Bucket(bucket.id);
    if gate.world().state.policy(&place).is_none() {
        return Ok(Outcome::PolicyChanged);
    }
    change(gate, scene, bucket, Command::DeletePolicy(place)).await
}

async fn change(
    gate: &Gate,
    scene: &Scene,
    bucket: &Bucket,
    command: Command,
) -> Result<Outcome, Refusal> {
    match apply(gate, command, actor(scene)).await {
        Ok(_) => Ok(Outcome::PolicyChanged),
        // It went while this request was on its way.
        Err(CommandError::NotFound { .. } | CommandError::Refused(_)) => {
            let gone = S3Error::new(S3Code::NoSuchBucket);
            Err(Refusal::Upstream(
                gone.and("BucketName", bucket.name.as_str()),
            ))
        }
        Err(cause) => Err(broken(&cause)),
    }
}

fn malformed(why: &str) -> Refusal {
    let why: String = why.chars().take(EXPLANATION_CHARACTERS_MAX).collect();
    Refusal::Upstream(S3Error::with(S3Code::MalformedPolicy, why))
}

fn missing(bucket: &Bucket) -> Refusal {
    let missing = S3Error::new(S3Code::NoSuchBucketPolicy);
    Refusal::Upstream(missing.and("BucketName", bucket.name.as_str()))
}
