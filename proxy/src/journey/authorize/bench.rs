//! Where checks are judged: one world, one clock reading, one caller.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use policy_wasm::plan::{ActionId, Decision, Denial, Denied, PlanError};
use policy_wasm::registry::Attribute;
use postern_config::directory::{Bucket, BucketState, NamespaceId};
use s3_protocol::call::Target;
use s3_protocol::{BucketName, Operation, S3Code, S3Error};
use storage_node::{ObjectPlace, Stands};

use super::super::gate::Gate;
use super::super::refusal::Refusal;
use super::checks::Check;
use super::facts::CheckFacts;
use super::memo::Stored;
use super::scene::Scene;
use super::sight::{Case, Sight};
use super::{Ruling, bucket_of, trial};
use crate::judge::Candidate;
use crate::observe::{Modules, RequestId};
use crate::record::{Judged, Recorder, Said};
use crate::world::{TenantPlan, World, answers, relation};

/// One request's place of judgement.
pub(crate) struct Bench<'a> {
    pub(crate) gate: &'a Arc<Gate>,
    pub(crate) world: &'a Arc<World>,
    pub(crate) scene: &'a Arc<Scene>,
    pub(crate) now_ms: u64,
    /// The request whose first judgement this is: what is tried beside the plan is asked then, and not when a transfer is judged
    /// again or a decision explained.
    request: Option<RequestId>,
    /// A version that is asked in the place of the one in force; none on the path of a request.
    instead: Option<&'a Candidate>,
}

/// Why a check has no ruling.
#[derive(Debug)]
pub(crate) enum Halt {
    /// It is refused.
    Refused(Refusal),
    /// A policy wants to know something of the stored object that was not asked of the node yet.
    Waits(Attribute),
}

impl<'a> Bench<'a> {
    pub(crate) fn new(
        gate: &'a Arc<Gate>,
        world: &'a Arc<World>,
        scene: &'a Arc<Scene>,
        now_ms: u64,
    ) -> Self {
        Self {
            gate,
            world,
            scene,
            now_ms,
            request: None,
            instead: None,
        }
    }

    /// The same, where this version is asked in the place of the one in force.
    pub(crate) fn with(self, instead: Option<&'a Candidate>) -> Self {
        Self { instead, ..self }
    }

    /// The same, where this request is judged for the first time.
    pub(super) fn of_request(self, id: RequestId) -> Self {
        Self {
            request: Some(id),
            ..self
        }
    }

    /// Judges one check, and asks the node where a policy wants to know of the stored object.
    pub(super) async fn judge_informed(&self, check: &Check) -> Result<Ruling, Refusal> {
        match self.judge(check) {
            Err(Halt::Waits(_)) => {
                self.inform(check).await?;
                Ok(self.judge(check)?)
            }
            judged => Ok(judged?),
        }
    }

    /// Asks the node what policies may want to know of the stored object, all in one go. What cannot be known is never taken for
    /// absent.
    async fn inform(&self, check: &Check) -> Result<(), Refusal> {
        let Some(place) = self.place(check) else {
            return Ok(());
        };
        self.gate.fetches.fetch_add(1, Ordering::Relaxed);
        let fetched = self
            .scene
            .memo
            .fetch(&self.gate.node, place, check.version)
            .await;
        fetched.map_err(|cause| Refusal::Undecided {
            layer: String::new(),
            cause: format!("the stored object cannot be asked about: {cause}"),
            modules: None,
        })
    }

    /// Judges one check.
    pub(crate) fn judge(&self, check: &Check) -> Result<Ruling, Halt> {
        let name = bucket_of(&check.target);
        let bucket = self.bucket_of(check);
        let makes = self.makes(check);
        if let (Some(name), None, false) = (name, &bucket, makes) {
            return Err(self.missing(name).into());
        }
        self.expect_owner(check, bucket.as_deref())?;
        let ruled = self.decide(check, bucket.as_ref());
        if let (Some(recorder), Some(id)) = (&self.gate.recorder, self.request) {
            self.record(recorder, id, (check, bucket.as_ref()), &ruled);
        }
        match (name, &bucket, ruled) {
            (Some(name), Some(found), Err(Halt::Refused(denied @ Refusal::Denied { .. })))
                if makes =>
            {
                let sight = Sight::open_if(self.look(name, Some(found)).is_ok());
                let answer = Case::Taken.answer(sight);
                let refusal = answer.map_or(denied, |code| Refusal::Upstream(code.into()));
                Err(refusal.into())
            }
            (_, _, ruled) => ruled,
        }
    }

    /// Writes down what was decided, and what a policy may know of it.
    #[cold]
    fn record(
        &self,
        recorder: &Recorder,
        request: RequestId,
        (check, bucket): (&Check, Option<&Arc<Bucket>>),
        ruled: &Result<Ruling, Halt>,
    ) {
        let decision = match ruled {
            Ok(_) => Said::Allowed,
            Err(Halt::Refused(Refusal::Undecided { .. })) => Said::Undecided,
            Err(Halt::Refused(_)) => Said::Denied,
            // It is judged again with what it waits for.
            Err(Halt::Waits(_)) => return,
        };
        recorder.record(&Judged {
            request,
            now_ms: self.now_ms,
            key: self.scene.caller().map(|caller| &caller.key.id),
            bucket: bucket.map(|bucket| bucket.id),
            operation: check.operation,
            decision,
            facts: &self.facts(check, bucket.map(Arc::as_ref)),
        });
    }

    /// Whether the bucket belongs to whom the client believes, by the number of the account or of the user.
    fn expect_owner(&self, check: &Check, bucket: Option<&Bucket>) -> Result<(), Refusal> {
        let expected = &self.scene.request().expected;
        let expected = if check.target == self.scene.request().target {
            &expected.bucket
        } else {
            &expected.source
        };
        let fits = |expected: &String, bucket: &Bucket| {
            *expected == format!("{:012}", bucket.tenant.get())
                || *expected == bucket.owner.to_string()
        };
        match (expected, bucket) {
            (Some(expected), Some(bucket)) if !fits(expected, bucket) => {
                Err(Refusal::Upstream(S3Code::AccessDenied.into()))
            }
            _ => Ok(()),
        }
    }

    /// The bucket that the request names, for operations whose checks follow from their body.
    pub(super) fn bucket(&self) -> Result<Arc<Bucket>, Refusal> {
        let name = bucket_of(&self.scene.request().target)
            .ok_or_else(|| Refusal::Upstream(S3Code::NoSuchBucket.into()))?;
        self.find(name).ok_or_else(|| self.missing(name))
    }

    /// Whether the caller may list the bucket: what decides between 404 and 403 for a key that is not there.
    pub(crate) fn may_list(&self, name: &BucketName) -> bool {
        let check = Check::new(Operation::ListObjectsV2, Target::Bucket(name.clone()));
        let bucket = self.find(name);
        bucket.is_some() && self.decide(&check, bucket.as_ref()).is_ok()
    }

    /// The refusal of an operation that is known and not built.
    pub(super) fn unbuilt(&self) -> Refusal {
        match Case::Unbuilt.answer(self.signed()) {
            Some(_) => Refusal::Unbuilt(self.scene.request().operation),
            None => Refusal::Denied {
                layer: "grants".to_owned(),
                reason: "anonymous".to_owned(),
                modules: None,
            },
        }
    }

    /// The modules that judge here, as the log names them.
    pub(super) fn modules(&self) -> Option<Modules> {
        self.plan(None).ok().map(|plan| Arc::clone(&plan.label))
    }

    fn decide(&self, check: &Check, bucket: Option<&Arc<Bucket>>) -> Result<Ruling, Halt> {
        let plan = self.plan(bucket).map_err(|cause| Refusal::Undecided {
            layer: String::new(),
            cause: cause.to_string(),
            modules: None,
        })?;
        let facts = self.facts(check, bucket.map(Arc::as_ref));
        let decision = self
            .gate
            .decider
            .decide(&plan.plan, action(check.operation), &facts);
        if let (Some(trials), Some(id), false) = (
            &plan.trials,
            self.request,
            matches!(decision, Decision::NeedsFetch(_)),
        ) {
            trial::observe(self, (trials, &plan.plan), (check, &facts), &decision, id);
        }
        match decision {
            Decision::Allowed(allowed) => Ok(Ruling {
                bucket: bucket.map(Arc::clone),
                obligations: allowed.obligations,
                stands: facts.stands(),
            }),
            Decision::Denied(denied) if self.is_told_missing(check, &denied, &facts) => {
                Err(Refusal::Upstream(S3Code::NoSuchKey.into()).into())
            }
            Decision::Denied(denied) => Err(self.denied(&plan, &denied).into()),
            Decision::Undecided(no_answer) => {
                let layer = plan.plan.layer(no_answer.layer);
                // One that is only tried out raises no alarm.
                if let (Some(layer), None) = (layer, self.instead) {
                    let trials = &self.gate.library.trials;
                    trials.alarm(layer, &no_answer.fault, self.now_ms);
                }
                let layer = layer.map_or("", |layer| &*layer.name);
                Err(undecided(&plan, layer, no_answer.fault.to_string()).into())
            }
            Decision::NeedsFetch(fetch) => Err(match fetch.wanted.into_iter().next() {
                Some(wanted) => Halt::Waits(wanted),
                None => undecided(&plan, "", "nothing is named to be fetched".to_owned()).into(),
            }),
        }
    }

    /// Whether who has no grant is told that there is nothing to read: an object that is not there has no list that could give him
    /// one, and whoever may list the bucket knows it anyway.
    fn is_told_missing(&self, check: &Check, denied: &Denied, facts: &CheckFacts<'_>) -> bool {
        denied.denial == Denial::Ungranted
            && matches!(
                check.operation,
                Operation::GetObject | Operation::HeadObject
            )
            && self.scene.namespace() == Some(NamespaceId::Global)
            && facts.stands() == Some(Stands::Nothing)
            && bucket_of(&check.target).is_some_and(|name| self.may_list(name))
    }

    fn denied(&self, plan: &TenantPlan, denied: &Denied) -> Refusal {
        if denied.denial == Denial::Ungranted
            && let Some(code) = Case::Ungranted.answer(self.stranger())
        {
            return Refusal::Upstream(code.into());
        }
        let layer = denied
            .denial
            .layer()
            .and_then(|place| plan.plan.layer(place));
        Refusal::Denied {
            layer: layer.map_or("grants", |layer| &*layer.name).to_owned(),
            reason: denied
                .reasons
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" "),
            modules: Some(Arc::clone(&plan.label)),
        }
    }

    /// The refusal of a bucket that is not there.
    fn missing(&self, name: &BucketName) -> Refusal {
        let looked = self.look(name, None);
        let sight = Sight::open_if(looked.is_ok());
        match (Case::Absent.answer(sight), looked) {
            (None, Err(refusal)) => refusal,
            (code, _) => {
                let code = code.unwrap_or(S3Code::NoSuchBucket);
                Refusal::Upstream(S3Error::new(code).and("BucketName", name.as_str()))
            }
        }
    }

    /// Whether the caller may ask if the bucket is there, and what he is answered if he may not.
    fn look(&self, name: &BucketName, bucket: Option<&Arc<Bucket>>) -> Result<Ruling, Refusal> {
        let check = Check::new(Operation::HeadBucket, Target::Bucket(name.clone()));
        Ok(self.decide(&check, bucket)?)
    }

    /// What a caller may know of the gate: who has a key, more than the anonymous.
    fn signed(&self) -> Sight {
        Sight::open_if(self.scene.caller().is_some())
    }

    /// What a stranger may know of a namespace: whose own it is, nothing of it exists for him. In that of the deployment all know
    /// that a name is taken.
    fn stranger(&self) -> Sight {
        let shared = self.scene.namespace() == Some(NamespaceId::Global);
        Sight::open_if(self.scene.caller().is_some() && !shared)
    }

    fn find(&self, name: &BucketName) -> Option<Arc<Bucket>> {
        let state = &self.world.state;
        let bucket = state.bucket(self.scene.namespace()?, name)?;
        // That the caller's own account works was looked at when he signed; another's may be suspended.
        let own = self.scene.caller().map(|caller| caller.tenant.id);
        let works = own == Some(bucket.tenant)
            || state
                .tenant(bucket.tenant)
                .is_some_and(|tenant| answers(state.standing(tenant)));
        (works && bucket.state == BucketState::Active).then(|| Arc::clone(bucket))
    }

    /// The facts of a check on a bucket that was found, or was not.
    pub(crate) fn facts<'b>(
        &'b self,
        check: &'b Check,
        bucket: Option<&'b Bucket>,
    ) -> CheckFacts<'b> {
        let row = self.gate.library.builtin.table().row(check.operation);
        CheckFacts::new(
            self.scene,
            (check, row),
            bucket,
            self.relation(check, bucket),
            self.now_ms,
        )
        .knowing(self.known(check))
        .versioned(bucket.is_some_and(|bucket| self.gate.node.keeps_versions(bucket.id)))
    }

    /// What was asked of the node about the object of a check.
    fn known(&self, check: &Check) -> Option<Arc<Stored>> {
        if self.scene.memo.is_empty() {
            return None;
        }
        self.scene.memo.get(&self.place(check)?, check.version)
    }

    /// Where the object of a check is stored.
    fn place(&self, check: &Check) -> Option<ObjectPlace> {
        let Target::Object(bucket, key) = &check.target else {
            return None;
        };
        let (bucket, key) = (self.find(bucket)?.id, key.clone());
        Some(ObjectPlace { bucket, key })
    }

    /// The bucket of a check, if it is there.
    pub(crate) fn bucket_of(&self, check: &Check) -> Option<Arc<Bucket>> {
        bucket_of(&check.target).and_then(|name| self.find(name))
    }

    pub(crate) fn plan(&self, bucket: Option<&Arc<Bucket>>) -> Result<Arc<TenantPlan>, PlanError> {
        let caller = self.scene.caller();
        let bucket = bucket.map(Arc::as_ref);
        let plan = self.world.plan(&self.gate.library, caller, bucket)?;
        let plan = match caller {
            Some(caller) => plan.of_key(&caller.key.id),
            None => plan,
        };
        match self.instead {
            None => Ok(plan),
            Some(candidate) => {
                let guarding = self.world.guarding(
                    caller.map(|caller| caller.tenant.id),
                    bucket.map(|bucket| bucket.tenant),
                );
                Ok(Arc::new(candidate.in_place(&plan, &guarding)?))
            }
        }
    }

    /// Whether the check is about a bucket that the request is to make, and what it is made with.
    fn makes(&self, check: &Check) -> bool {
        let request = self.scene.request();
        check.operation == Operation::CreateBucket
            || (request.operation == Operation::CreateBucket && check.target == request.target)
    }

    /// What joins the caller and the bucket. A bucket is made in a namespace, whoever has one of its name there.
    fn relation(&self, check: &Check, bucket: Option<&Bucket>) -> &'static [&'static str] {
        let bucket = bucket.filter(|_| !self.makes(check));
        relation(
            &self.world.state,
            self.scene.caller(),
            self.scene.namespace(),
            bucket,
        )
    }
}

/// The number by which trees are kept apart: the place of the operation in the list, which only grows.
pub(crate) fn action(operation: Operation) -> ActionId {
    ActionId(u32::from(operation as u8))
}

impl From<Refusal> for Halt {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Where nobody can ask the node, what waits for its answer is not decided.
impl From<Halt> for Refusal {
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::Refused(refusal) => refusal,
            Halt::Waits(attribute) => Self::Undecided {
                layer: String::new(),
                cause: format!("`{attribute}` was not asked of the node"),
                modules: None,
            },
        }
    }
}

/// The refusal where a layer could not answer.
fn undecided(plan: &TenantPlan, layer: &str, cause: String) -> Refusal {
    Refusal::Undecided {
        layer: layer.to_owned(),
        cause,
        modules: Some(Arc::clone(&plan.label)),
    }
}
