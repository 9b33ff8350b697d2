//! Buckets: their names are the directory's, what is in them is the upstream's. A change of one takes a step in each, and a
//! pair of steps that was cut in half is finished at the next start.

use std::sync::Arc;

use policy_wasm::plan::Obligations;
use postern_config::directory::{
    Actor, Bucket, Command, CommandError, Directory, NamespaceId, Outcome as Done, Who,
};
use postern_config::upstream::{
    BucketFault, Keeps, NewBucket, Upstream, create_bucket, delete_bucket,
};
use s3_protocol::call::{CreateBucket, ListBuckets};
use s3_protocol::object::{BucketEntry, BucketPage, Owner};
use s3_protocol::{BucketName, S3Code, S3Error, xml};
use storage_node::NodeError;

use super::super::authorize::{Scene, bucket_of};
use super::super::gate::Gate;
use super::super::refusal::Refusal;
use super::Outcome;
use super::access::Made;
use crate::upstream::{NodeBuckets, ObjectStore};
use crate::world::{named, owner};

/// The buckets of the caller's account in the namespace that the permit's filters let through: pages are filled after filtering.
pub(super) fn list(
    gate: &Gate,
    scene: &Scene,
    ask: &ListBuckets,
    obligations: &Obligations,
) -> Outcome {
    let world = gate.world();
    let most = ask
        .max_buckets
        .and_then(|most| usize::try_from(most).ok())
        .unwrap_or(usize::MAX);
    let after = ask.continuation.as_deref().unwrap_or_default();
    let account = scene.caller().map(|caller| caller.tenant.id);
    let mut seen = scene
        .namespace()
        .zip(account)
        .into_iter()
        .flat_map(|(namespace, account)| world.state.buckets_of(namespace, account))
        .filter(|bucket| scene.caller().is_some_and(|caller| caller.lists(bucket)))
        .filter(|bucket| {
            bucket.name.as_str() > after && bucket.name.as_str().starts_with(&ask.prefix)
        })
        .filter(|bucket| {
            obligations
                .filters
                .iter()
                .all(|filter| filter.shows(bucket.name.as_str().as_bytes()))
        });
    let entries: Vec<BucketEntry> = seen
        .by_ref()
        .take(most)
        .map(|bucket| BucketEntry {
            name: bucket.name.clone(),
            created_ms: bucket.created.0.saturating_mul(1_000),
            region: gate.place.region.clone(),
        })
        .collect();
    let more = seen.next().is_some();
    let next = entries
        .last()
        .filter(|_| more)
        .map(|bucket| bucket.name.to_string());
    let id = scene
        .caller()
        .map(|caller| caller.canonical_id.clone())
        .unwrap_or_default();
    let owner = Owner {
        display_name: named(&world.state, &id).unwrap_or_default(),
        id,
    };
    Outcome::Buckets(ask.clone(), BucketPage { entries, next }, owner)
}

/// Takes the name, makes the bucket at the upstream, then lets it answer.
pub(super) async fn create(
    gate: &Arc<Gate>,
    scene: &Scene,
    ask: &CreateBucket,
    document: &[u8],
) -> Result<Outcome, Refusal> {
    let region = xml::create_bucket_configuration(document)
        .map_err(Refusal::Body)?
        .location;
    if let Some(region) = region
        && region != gate.place.region
        && !gate.place.aliases.contains(&region)
    {
        return Err(Refusal::Upstream(
            S3Code::IllegalLocationConstraintException.into(),
        ));
    }
    let denied = || Refusal::Upstream(S3Code::AccessDenied.into());
    let caller = scene.caller().ok_or_else(denied)?;
    let namespace = scene.namespace().ok_or_else(denied)?;
    let name = bucket_of(&scene.request().target)
        .ok_or_else(denied)?
        .clone();
    let owned_by = gate.world().owner_of_new(caller);
    let made = match namespace {
        NamespaceId::Global => {
            let named = owner(&gate.world().state, owned_by);
            Made::asked(gate, scene, &named.id)?
        }
        NamespaceId::User(..) | NamespaceId::Account(_) => None,
    };
    let new = NewBucket {
        namespace,
        name: name.clone(),
        owner: owned_by,
        keeps: if ask.object_lock {
            Keeps::Locked
        } else {
            Keeps::Nothing
        },
    };
    let created = create_bucket(
        gate.directory(),
        &NodeBuckets(gate.node.clone()),
        new,
        actor(scene),
    )
    .await;
    if let Err(fault) = created {
        let refusal = failed(gate, scene, fault);
        return made_again(gate, (namespace, &name), made.as_ref(), refusal);
    }
    let state = gate.directory().state();
    if let (Some(made), Some(bucket)) = (made, state.bucket(namespace, &name)) {
        made.of(gate, scene, bucket).await?;
    }
    Ok(Outcome::BucketCreated(name))
}

/// Where buckets have one namespace, to make one's own bucket again as it is changes nothing and is done, as in the first region of
/// AWS; made otherwise, the name is taken.
fn made_again(
    gate: &Gate,
    (namespace, name): (NamespaceId, &BucketName),
    made: Option<&Made>,
    refusal: Refusal,
) -> Result<Outcome, Refusal> {
    let own = S3Code::BucketAlreadyOwnedByYou;
    let is_own = matches!(&refusal, Refusal::Upstream(error) if error.code == own);
    let state = gate.directory().state();
    match state.bucket(namespace, name) {
        Some(bucket) if is_own && namespace == NamespaceId::Global => {
            let is_same = match made {
                Some(made) => made.is_of(bucket),
                None => bucket.access.is_usual(),
            };
            if is_same {
                Ok(Outcome::BucketCreated(name.clone()))
            } else {
                Err(Refusal::Upstream(S3Code::BucketAlreadyExists.into()))
            }
        }
        _ => Err(refusal),
    }
}

/// Stops the bucket from answering, removes it at the upstream if it is empty, then frees the name.
pub(super) async fn delete(
    gate: &Arc<Gate>,
    scene: &Scene,
    bucket: &Bucket,
) -> Result<Outcome, Refusal> {
    let which = (bucket.id, None);
    delete_bucket(
        gate.directory(),
        &NodeBuckets(gate.node.clone()),
        which,
        actor(scene),
    )
    .await
    .map_err(|fault| failed(gate, scene, fault))?;
    Ok(Outcome::BucketDeleted)
}

/// Finishes what a stop has cut in half: a bucket that the node has made answers, and one that it has not made is given up, since
/// nobody was told of it and nobody knows any more what it was to keep; one that was being removed is removed if it is empty and else
/// answers again.
///
/// # Errors
/// What the directory or the node fails with.
pub(crate) async fn finish_half_done(
    directory: &Directory,
    node: &ObjectStore,
) -> Result<(), String> {
    use postern_config::directory::BucketState;
    let state = directory.state();
    // What goes with its owner or account is a job's: it is not brought back.
    let left = state
        .half_done_buckets()
        .filter(|bucket| !state.is_purged(bucket));
    for bucket in left {
        let next = match bucket.state {
            BucketState::Creating => match node.bucket_stats(bucket.id).await {
                Ok(_) => Command::ActivateBucket(bucket.id),
                Err(NodeError::Refused(refused)) if refused.code == S3Code::NoSuchBucket => {
                    Command::RemoveBucket(bucket.id)
                }
                Err(cause) => return Err(cause.to_string()),
            },
            BucketState::Deleting => {
                match NodeBuckets(node.clone()).delete_bucket(bucket.id).await {
                    Ok(()) => Command::RemoveBucket(bucket.id),
                    Err(_) => Command::ReopenBucket(bucket.id),
                }
            }
            BucketState::Active => continue,
        };
        directory
            .apply(next, Actor::system())
            .await
            .map_err(|cause| cause.to_string())?;
    }
    Ok(())
}

pub(super) async fn apply(
    gate: &Gate,
    command: Command,
    actor: Actor,
) -> Result<Done, CommandError> {
    gate.directory()
        .apply(command, actor)
        .await
        .map(|applied| applied.outcome)
}

pub(super) fn actor(scene: &Scene) -> Actor {
    let who = scene.caller().map_or(Who::System, |caller| Who::Key {
        tenant: caller.tenant.id,
        user: caller.user.id,
        key: caller.key.id,
    });
    Actor {
        who,
        address: Some(scene.peer().client),
        request: None,
    }
}

/// Why a bucket was not made or removed, in the words of S3.
fn failed(gate: &Gate, scene: &Scene, fault: BucketFault) -> Refusal {
    match fault {
        BucketFault::Refused(cause) => refused(gate, scene, &cause),
        BucketFault::Upstream(error) => Refusal::Upstream(error),
        BucketFault::Unfinished(cause) => broken(&cause),
    }
}

/// What the directory refuses, in the words of S3.
fn refused(gate: &Gate, scene: &Scene, cause: &CommandError) -> Refusal {
    let code = match cause {
        CommandError::Taken { .. } => {
            let own = scene
                .caller()
                .zip(bucket_of(&scene.request().target))
                .is_some_and(|(caller, name)| {
                    let world = gate.world();
                    let found = scene
                        .namespace()
                        .and_then(|namespace| world.state.bucket(namespace, name).cloned());
                    found.is_some_and(|bucket| {
                        bucket.tenant == caller.tenant.id && caller.lists(&bucket)
                    })
                });
            if own {
                S3Code::BucketAlreadyOwnedByYou
            } else {
                S3Code::BucketAlreadyExists
            }
        }
        CommandError::NotFound { .. } | CommandError::Refused(_) => S3Code::NoSuchBucket,
        _ => return broken(cause),
    };
    Refusal::Upstream(code.into())
}

pub(super) fn broken(cause: &CommandError) -> Refusal {
    tracing::error!(%cause, "the directory refused a bucket's step");
    Refusal::Upstream(S3Error::new(S3Code::ServiceUnavailable))
}
