//! The third step: policies turn a signed request into a permit, or refuse.
//!
//! A [`Permit`] is made here and nowhere else. It carries what was judged, so that a long transfer can be judged again, and
//! what the policies demand of the request that is forwarded.

mod again;
mod bench;
mod checks;
mod facts;
mod memo;
mod scene;
mod sight;
mod trial;

pub(crate) use again::{Again, Supervised, Way};
use bench::Halt;
pub(crate) use bench::{Bench, action};
pub(crate) use checks::{Check, Checks, of as checks_of};
pub(crate) use memo::Memo;
pub(crate) use scene::{How, Scene, Signature};

use std::sync::Arc;
use std::time::Instant;

use policy_wasm::plan::Obligations;
use postern_config::directory::{Bucket, NamespaceId};
use s3_protocol::call::{Call, Target};
use s3_protocol::limits::XML_BYTES_MAX;
use s3_protocol::xml::{self, DeleteEntry};
use s3_protocol::{BucketName, S3Code, S3Error};
use smallvec::SmallVec;
use storage_node::Stands;

use super::authenticate::{Payload, Signed};
use super::gate::Gate;
use super::refusal::Refusal;
use crate::observe::{Modules, RequestId};
use crate::world::World;

/// The right to have one request carried out. Its fields are private and it has no constructor: only [`decide`] makes one.
///
/// ```compile_fail,E0451
/// # fn forge() -> postern::journey::Permit {
/// postern::journey::Permit { scene: todo!(), granted: todo!(), body: todo!(), again: todo!(), modules: todo!() }
/// # }
/// ```
#[derive(Debug)]
pub struct Permit {
    scene: Arc<Scene>,
    granted: Granted,
    body: Payload,
    again: Again,
    modules: Option<Modules>,
}

/// What a permit allows.
#[derive(Debug)]
pub(super) enum Granted {
    /// The request as it stands, on what was found.
    Request {
        /// Where it is done.
        main: Ruling,
        /// What a copy reads.
        source: Option<Box<Ruling>>,
    },
    /// The entries of a DeleteObjects that may be deleted, and those that may not.
    Deletes {
        /// The bucket.
        bucket: Arc<Bucket>,
        /// The document, with a ruling for each of its entries.
        entries: Vec<(DeleteEntry, Result<Ruling, S3Error>)>,
        /// Whether the answer lists only errors.
        quiet: bool,
    },
}

/// What was found and what is demanded, for one check that passed.
#[derive(Debug)]
pub(crate) struct Ruling {
    /// The bucket, where the check has one and it exists.
    pub(super) bucket: Option<Arc<Bucket>>,
    /// What must hold of the forwarded request.
    pub(super) obligations: Obligations,
    /// What must still stand there, where the ruling looked at what was stored.
    pub(super) stands: Option<Stands>,
}

/// The rulings of one request. Two are inline: a copy is the longest that is frequent.
type Rulings = SmallVec<[Ruling; 2]>;

/// Judges a signed request in `world`.
///
/// # Errors
/// [`Refusal::Denied`] where a policy says no, [`Refusal::Undecided`] where one cannot answer, [`Refusal::Unbuilt`] for an
/// operation without an implementation, [`Refusal::Body`] where the document of a DeleteObjects is not one.
pub(super) async fn decide(
    gate: &Arc<Gate>,
    world: &Arc<World>,
    signed: Signed,
    id: RequestId,
) -> Result<Permit, Refusal> {
    match &signed.scene.request().call {
        Call::DeleteObjects(_) => Box::pin(deletes(gate, world, signed, id)).await,
        _ => request(gate, world, signed, id).await,
    }
}

/// Judges a request whose checks follow from its head.
async fn request(
    gate: &Arc<Gate>,
    world: &Arc<World>,
    signed: Signed,
    id: RequestId,
) -> Result<Permit, Refusal> {
    let Signed {
        scene,
        body,
        now_ms,
    } = signed;
    let bench = Bench::new(gate, world, &scene, now_ms).of_request(id);
    refuse_unbuilt(&bench)?;
    let checks = checks::of(scene.request());
    let began = Instant::now();
    let judged: Result<Rulings, Halt> = checks.iter().map(|check| bench.judge(check)).collect();
    let judged = match judged {
        Err(Halt::Waits(_)) => Box::pin(all_informed(&bench, &checks)).await,
        judged => judged.map_err(Refusal::from),
    };
    gate.observer.metrics().decided(began.elapsed());
    gate.recall.remember(id, &bench, None, judged.is_ok());
    let rulings = judged?;
    refuse_lists(&bench)?;
    let copies = matches!(
        scene.request().call,
        Call::CopyObject(_) | Call::UploadPartCopy(_)
    );
    let mut rulings = rulings.into_iter();
    let main = rulings
        .next()
        .ok_or(Refusal::Upstream(S3Code::InternalError.into()))?;
    let source = if copies { rulings.next() } else { None };
    let again = Again::new(gate, &scene);
    let modules = bench.modules();
    Ok(Permit {
        scene,
        granted: Granted::Request {
            main,
            source: source.map(Box::new),
        },
        body,
        again,
        modules,
    })
}

/// Judges checks that want to know of stored objects.
async fn all_informed(bench: &Bench<'_>, checks: &Checks) -> Result<Rulings, Refusal> {
    let mut rulings = Rulings::new();
    for check in checks {
        rulings.push(bench.judge_informed(check).await?);
    }
    Ok(rulings)
}

fn refuse_unbuilt(bench: &Bench<'_>) -> Result<(), Refusal> {
    match bench.scene.request().call {
        Call::Unbuilt => Err(bench.unbuilt()),
        _ => Ok(()),
    }
}

/// Who may write access control lists learns where there are none: buckets belong to their owners alone, but in the deployment's
/// namespace.
fn refuse_lists(bench: &Bench<'_>) -> Result<(), Refusal> {
    let request = bench.scene.request();
    let escalations = &request.escalations;
    if escalations.acl.is_none() && !escalations.grants {
        return Ok(());
    }
    if bench.scene.namespace() == Some(NamespaceId::Global) {
        return Ok(());
    }
    let code = S3Code::AccessControlListNotSupported;
    Err(Refusal::Upstream(code.into()))
}

/// What would be answered to a request of which nobody has asked: nothing is carried out, remembered or counted.
///
/// # Errors
/// The refusal.
pub(crate) async fn foresee(bench: &Bench<'_>) -> Result<(), Refusal> {
    refuse_unbuilt(bench)?;
    for check in &checks::of(bench.scene.request()) {
        bench.judge_informed(check).await?;
    }
    refuse_lists(bench)
}

/// Judges each entry of a DeleteObjects by itself: the request as a whole is never refused for one of them.
async fn deletes(
    gate: &Arc<Gate>,
    world: &Arc<World>,
    signed: Signed,
    id: RequestId,
) -> Result<Permit, Refusal> {
    let Signed {
        scene,
        body,
        now_ms,
    } = signed;
    let bench = Bench::new(gate, world, &scene, now_ms).of_request(id);
    let Call::DeleteObjects(digests) = &scene.request().call else {
        return Err(Refusal::Upstream(S3Code::InvalidRequest.into()));
    };
    let bucket = bench.bucket()?;
    let document = body
        .document(digests, XML_BYTES_MAX)
        .await
        .map_err(Refusal::Body)?;
    let delete = xml::delete(&document).map_err(Refusal::Body)?;
    // An entry that is no key needs no check: it is answered with its own error.
    let check = |entry: &DeleteEntry| {
        let (key, ask) = entry.target.as_ref().ok()?;
        Some(checks::of_delete(&bucket.name, key, ask.version))
    };
    let bypasses = scene.request().escalations.bypass_governance;
    let bypass = |entry: &DeleteEntry| {
        let (key, ask) = entry.target.as_ref().ok().filter(|_| bypasses)?;
        Some(checks::of_bypass(&bucket.name, key, ask.version))
    };
    let all: Checks = delete.entries.iter().filter_map(check).collect();
    let mut passed = Checks::new();
    let mut entries = Vec::with_capacity(delete.entries.len());
    for mut entry in delete.entries {
        if let Ok((_, ask)) = &mut entry.target {
            ask.bypass_governance = bypasses;
        }
        let Some(check) = check(&entry) else {
            let fault = entry.target.as_ref().err().cloned();
            entries.push((entry, Err(fault.unwrap_or(S3Code::InvalidArgument.into()))));
            continue;
        };
        let ruling = match judge_entry(&bench, &check, bypass(&entry)).await {
            Ok(ruling) => {
                passed.push(check);
                passed.extend(bypass(&entry));
                Ok(ruling)
            }
            Err(undecided @ Refusal::Undecided { .. }) => {
                gate.recall.remember(id, &bench, Some(&all), false);
                return Err(undecided);
            }
            Err(refusal) => Err(refusal.answer()),
        };
        entries.push((entry, ruling));
    }
    let all_passed = entries.iter().all(|(_, ruling)| ruling.is_ok());
    gate.recall.remember(id, &bench, Some(&all), all_passed);
    let modules = bench.modules();
    Ok(Permit {
        again: Again::of_deletes(gate, &scene, passed),
        scene,
        granted: Granted::Deletes {
            bucket,
            entries,
            quiet: delete.quiet,
        },
        body: Payload::none(),
        modules,
    })
}

/// Judges one entry, and whether it may pass over a retention where the request asks for that.
async fn judge_entry(
    bench: &Bench<'_>,
    check: &Check,
    bypass: Option<Check>,
) -> Result<Ruling, Refusal> {
    let ruling = bench.judge_informed(check).await?;
    if let Some(bypass) = bypass {
        bench.judge_informed(&bypass).await?;
    }
    Ok(ruling)
}

impl Permit {
    /// The one version of each module that judged, for the log.
    pub(super) fn modules(&self) -> Option<&Modules> {
        self.modules.as_ref()
    }

    /// Takes the permit apart, to carry it out.
    pub(super) fn into_parts(self) -> (Arc<Scene>, Granted, Payload, Again) {
        (self.scene, self.granted, self.body, self.again)
    }
}

impl Ruling {
    /// The bucket, which every operation below the service has.
    pub(super) fn bucket(&self) -> Result<&Arc<Bucket>, Refusal> {
        self.bucket
            .as_ref()
            .ok_or_else(|| Refusal::Upstream(S3Code::NoSuchBucket.into()))
    }
}

/// The bucket that a target names.
pub(super) fn bucket_of(target: &Target) -> Option<&BucketName> {
    match target {
        Target::Service => None,
        Target::Bucket(bucket) | Target::Object(bucket, _) => Some(bucket),
    }
}
