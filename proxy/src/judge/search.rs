//! Searches through every way of a plan or a module: what it allows, who may do something, where two versions differ.

use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, HeaderValue, Method, Uri, header};
use policy_wasm::limits::{
    ENUMERATED_PATHS_MAX, ENUMERATED_QUESTIONS_MAX, ENUMERATION_MILLISECONDS_MAX,
};
use policy_wasm::plan::Plan;
use policy_wasm::registry::Name;
use policy_wasm::tools::{
    self, Doubt, Enumeration, Incomplete, Never, Outcome, Query, Situation, Subject,
};
use postern_config::UnixSeconds;
use postern_config::directory::{Bucket, BucketState, Holder, Referrer, TenantId};
use postern_config::judge::{Bounds, Diff, Enumerate, ToolFault, WhoCan};
use s3_protocol::{Operation, Target};
use serde_json::{Value, json};

use super::past::{Day, rfc3339};
use super::query::{Doing, Fixes as _, Under, doing, of_caller, of_someone, query, without};
use super::{Candidate, simulate};
use crate::journey::{Bench, Check, Gate, Imagined, imagine};
use crate::limits::{PATHS_SHOWN_MAX, TOOL_MILLISECONDS_MAX, WHO_CAN_KEYS_MAX};
use crate::world::{
    Caller, TenantPlan, World, acl_permissions, container_permissions, referrers, relation,
};

/// How far a search goes that has several parts: what one part used up the next one has not.
struct Budget {
    paths: usize,
    questions: usize,
    milliseconds: u64,
    started: Instant,
}

impl Budget {
    fn new(asked: Bounds) -> Self {
        let milliseconds = asked.milliseconds.unwrap_or(ENUMERATION_MILLISECONDS_MAX);
        Self {
            paths: asked.paths.unwrap_or(ENUMERATED_PATHS_MAX),
            questions: asked.depth.unwrap_or(ENUMERATED_QUESTIONS_MAX),
            milliseconds: milliseconds.min(TOOL_MILLISECONDS_MAX),
            started: Instant::now(),
        }
    }

    fn spent(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Runs one part.
    fn part<T>(&self, work: impl FnOnce(&tools::Bounds<'_>) -> T) -> T {
        let clock = || self.spent();
        let bounds = tools::Bounds {
            paths: self.paths,
            questions: self.questions,
            milliseconds: self.milliseconds.saturating_sub(self.spent()),
            clock: &clock,
        };
        work(&bounds)
    }

    const fn used(&mut self, followed: usize) {
        self.paths = self.paths.saturating_sub(followed);
    }
}

/// Who asks, in one part of a search.
struct Asker {
    /// What the answer calls him.
    name: &'static str,
    caller: Option<Arc<Caller>>,
    /// Whether the caller is meant, or only lends his plan to all who sign.
    is_he: bool,
    known: Situation,
}

/// Every way in which a plan allows something, or the proof that there is none.
#[expect(clippy::too_many_lines, reason = "one search, read from top to bottom")]
pub(super) fn enumerate(
    gate: &Arc<Gate>,
    asked: &Enumerate,
    candidate: Option<&Candidate>,
) -> Result<Value, ToolFault> {
    let world = gate.world();
    let tenant = world.state.tenant_named(&asked.tenant);
    let tenant = tenant.ok_or(ToolFault::NotFound("tenant"))?.id;
    let under = asked.under.as_deref().map(str::parse::<Under>).transpose();
    let under = under.map_err(ToolFault::Malformed)?;
    let wanted = wanted(&asked.allows)?;
    let alone = match (asked.alone, candidate) {
        (false, _) => None,
        (true, Some(candidate)) => Some(candidate),
        (true, None) => {
            let why = "which module by itself? (--module or --file)";
            return Err(ToolFault::Malformed(why.to_owned()));
        }
    };
    let caller = simulate::caller(gate, &world, asked.access_key_id, gate.clock.now_ms())?;
    let askers = match caller {
        Some(caller) => vec![known(gate, &world, caller)?],
        None => anybody(gate, &world, tenant)?,
    };
    let mut search = Search {
        budget: Budget::new(asked.bounds),
        parts: Vec::new(),
        shown: 0,
        left_out: 0,
        doubts: Vec::new(),
        paths: 0,
        followed: 0,
        refuted: None,
    };
    let places = places(&world, tenant, (&askers, under.as_ref()));
    for doing in wanted {
        for place in &places {
            let Some((under, bucket)) = place.fits(doing, under.as_ref()) else {
                continue;
            };
            let Some(query) = query(gate.library.builtin.table(), doing, under.as_ref()) else {
                continue;
            };
            for asker in &askers {
                let plan = plan(gate, &world, asker, bucket, candidate)?;
                if !asker.is_he && plan.lanes.is_some() {
                    search.say("a canary is at work: some keys obey another version".to_owned());
                }
                let subject = match alone {
                    Some(candidate) => Subject::Module(&candidate.module),
                    None => Subject::Plan(&plan.plan),
                };
                let mut query = asked_by(&query, asker, &plan.plan);
                match bucket.filter(|_| place.has_rules) {
                    // Which permissions a caller holds of whom no more is known is free, where there are any.
                    Some(bucket) if !asker.is_he && bucket.acl.is_some() => {}
                    Some(bucket) => {
                        query.fixed = of_bucket(query.fixed, asker.caller.as_deref(), bucket);
                    }
                    None => {
                        let none = [
                            Name::ContainerPermissions,
                            Name::AclPermissions,
                            Name::PublicReferrers,
                        ];
                        query.fixed = query.fixed.absent(&none);
                    }
                }
                if asked.never {
                    search.never(subject, &query, doing, asker.name);
                    if search.refuted.is_some() {
                        return Ok(search.told(true));
                    }
                } else {
                    search.enumerate(subject, &query, doing, asker.name);
                }
            }
        }
    }
    Ok(search.told(asked.never))
}

/// Where something is done: a bucket with rules of its own, or all that have none.
struct Place {
    /// None where there is no bucket at all.
    bucket: Option<Arc<Bucket>>,
    has_rules: bool,
}

/// The places of an account that differ in the rules that they have.
fn places(
    world: &World,
    tenant: TenantId,
    (askers, under): (&[Asker], Option<&Under>),
) -> Vec<Place> {
    let state = &world.state;
    let profile = state
        .tenant(tenant)
        .map(|tenant| tenant.profile)
        .unwrap_or_default();
    let mut namespaces = Vec::new();
    let his = askers.iter().find(|asker| asker.is_he);
    match his.and_then(|asker| asker.caller.as_ref()) {
        Some(caller) => namespaces.push(caller.namespace()),
        None => {
            for user in state.users(tenant) {
                let namespace = user.namespace(profile);
                if !namespaces.contains(&namespace) {
                    namespaces.push(namespace);
                }
            }
        }
    }
    let mut places: Vec<Place> = Vec::new();
    let own = |namespace| state.buckets_of(namespace, tenant);
    for bucket in namespaces.into_iter().flat_map(own) {
        let named = under.is_none_or(|under| under.bucket == bucket.name);
        let has_rules = state.bucket_policy(bucket.id).is_some()
            || bucket.acl.is_some()
            || bucket.public.is_some();
        let known = !has_rules && places.iter().any(|place| !place.has_rules);
        if named && !known && bucket.state == BucketState::Active {
            let bucket = Some(Arc::clone(bucket));
            places.push(Place { bucket, has_rules });
        }
    }
    if places.iter().all(|place| place.has_rules) {
        places.push(Place {
            bucket: None,
            has_rules: false,
        });
    }
    places
}

impl Place {
    /// Where an operation is looked at here, and the bucket whose rules it has; none where another place speaks for it.
    fn fits(
        &self,
        doing: Doing,
        under: Option<&Under>,
    ) -> Option<(Option<Under>, Option<&Bucket>)> {
        let service = doing.operation.scope() == s3_protocol::operation::Scope::Service;
        if service || doing.operation == Operation::CreateBucket {
            // The rules of a bucket that is not there yet are those of no bucket.
            return (!self.has_rules).then(|| (under.cloned(), None));
        }
        let bucket = self.bucket.as_deref();
        let only = |bucket: &Bucket| Under {
            bucket: bucket.name.clone(),
            prefix: String::new(),
        };
        let under = match (under, bucket) {
            (None, Some(bucket)) if self.has_rules => Some(only(bucket)),
            (under, _) => under.cloned(),
        };
        Some((under, bucket))
    }
}

fn wanted(pattern: &str) -> Result<Vec<Doing>, ToolFault> {
    let wanted = doing(pattern);
    if wanted.is_empty() {
        return Err(ToolFault::Malformed(format!(
            "`{pattern}` fits no action of S3, such as s3:GetObject or s3:Delete*"
        )));
    }
    Ok(wanted)
}

struct Search {
    budget: Budget,
    parts: Vec<Value>,
    shown: usize,
    left_out: usize,
    doubts: Vec<String>,
    paths: usize,
    followed: usize,
    refuted: Option<Value>,
}

impl Search {
    fn enumerate(&mut self, subject: Subject<'_>, query: &Query, doing: Doing, asker: &str) {
        let found = self
            .budget
            .part(|bounds| tools::enumerate(subject, query, Some(Outcome::Allow), bounds));
        self.budget.used(found.followed);
        self.followed += found.followed;
        self.paths += found.paths.len();
        self.doubt(&found.incomplete);
        if found.paths.is_empty() && found.is_complete() {
            return;
        }
        let room = PATHS_SHOWN_MAX.saturating_sub(self.shown);
        self.left_out += found.paths.len().saturating_sub(room);
        let shown = found.paths.len().min(room);
        self.shown += shown;
        let Enumeration {
            mut paths,
            incomplete,
            followed,
        } = found;
        paths.truncate(shown);
        let cut = Enumeration {
            paths,
            incomplete,
            followed,
        };
        self.parts.push(json!({
            "operation": doing.operation.name(), "action": doing.action, "caller": asker,
            "ways": cut, "text": cut.to_string(),
        }));
    }

    fn never(&mut self, subject: Subject<'_>, query: &Query, doing: Doing, asker: &str) {
        let found = self
            .budget
            .part(|bounds| tools::never(subject, query, Outcome::Allow, bounds));
        match found {
            Never::Proven => {}
            Never::Refuted(path) => {
                self.refuted = Some(json!({
                    "operation": doing.operation.name(), "action": doing.action, "caller": asker,
                    "path": path, "text": path.to_string(),
                }));
            }
            Never::Undecided(doubts) => {
                for doubt in doubts {
                    match doubt {
                        Doubt::Incomplete(why) => self.doubt(&[why]),
                        Doubt::Unverified { .. } => self.say(doubt.to_string()),
                    }
                }
            }
        }
    }

    fn doubt(&mut self, incomplete: &[Incomplete]) {
        for why in incomplete {
            self.say(why.to_string());
        }
    }

    fn say(&mut self, why: String) {
        if !self.doubts.contains(&why) {
            self.doubts.push(why);
        }
    }

    fn told(self, never: bool) -> Value {
        let complete = self.doubts.is_empty();
        let milliseconds = self.budget.spent();
        if never {
            let verdict = match (&self.refuted, complete) {
                (Some(_), _) => "refuted",
                (None, true) => "proven",
                (None, false) => "undecided",
            };
            return json!({
                "never": verdict, "refutation": self.refuted, "doubts": self.doubts,
                "milliseconds": milliseconds,
            });
        }
        json!({
            "paths": self.paths, "left_out": self.left_out, "complete": complete,
            "why_not": self.doubts, "followed": self.followed, "operations": self.parts,
            "milliseconds": milliseconds,
        })
    }
}

/// A caller with his key.
fn known(gate: &Arc<Gate>, world: &Arc<World>, caller: Arc<Caller>) -> Result<Asker, ToolFault> {
    Ok(Asker {
        name: "the key",
        is_he: true,
        known: facts_of(gate, world, Some(Arc::clone(&caller)))?,
        caller: Some(caller),
    })
}

/// Whoever signs, then whoever does not.
fn anybody(
    gate: &Arc<Gate>,
    world: &Arc<World>,
    tenant: TenantId,
) -> Result<Vec<Asker>, ToolFault> {
    let known = facts_of(gate, world, None)?;
    Ok(vec![
        Asker {
            name: "a signed caller",
            is_he: false,
            caller: anyone(gate, world, tenant),
            known: of_someone(&Situation::default()),
        },
        Asker {
            name: "nobody, unsigned",
            is_he: false,
            caller: None,
            known: known.absent(&[
                Name::SignatureVersion,
                Name::AuthType,
                Name::PresignAge,
                Name::SignatureAge,
            ]),
        },
    ])
}

/// A caller of an account whose plan is that of all who sign: without policies or a role of his own, which could only narrow it.
fn anyone(gate: &Gate, world: &World, tenant: TenantId) -> Option<Arc<Caller>> {
    let state = &world.state;
    let plain = state
        .users(tenant)
        .filter(|user| !state.is_judged(Holder::User(user.id)));
    let now = gate.clock.now_seconds();
    plain
        .flat_map(|user| state.own_keys(user.id))
        .filter_map(|key| world.caller(&gate.library, &key.id, now))
        .find(|caller| !caller.is_bounded)
}

/// What a policy may know of a caller whatever he asks.
fn facts_of(
    gate: &Arc<Gate>,
    world: &Arc<World>,
    caller: Option<Arc<Caller>>,
) -> Result<Situation, ToolFault> {
    let mut headers = HeaderMap::new();
    headers.insert(header::HOST, HeaderValue::from_static("localhost"));
    let now_ms = gate.clock.now_ms();
    let imagined = Imagined {
        caller,
        method: Method::GET,
        target: Uri::from_static("/"),
        headers,
        client: std::net::Ipv4Addr::LOCALHOST.into(),
        tls: true,
        presigned: None,
        now_ms,
    };
    let scene = imagine(gate, world, imagined);
    let scene = scene.map_err(|error| ToolFault::Failed(error.message.into_owned()))?;
    let bench = Bench::new(gate, world, &scene, now_ms);
    let check = Check::new(Operation::ListBuckets, Target::Service);
    Ok(of_caller(&bench.facts(&check, None)))
}

/// The plan that judges this caller on a bucket.
fn plan(
    gate: &Gate,
    world: &World,
    asker: &Asker,
    bucket: Option<&Bucket>,
    candidate: Option<&Candidate>,
) -> Result<Arc<TenantPlan>, ToolFault> {
    let too_long = |cause: policy_wasm::plan::PlanError| ToolFault::Failed(cause.to_string());
    let caller = asker.caller.as_deref();
    let plan = world
        .plan(&gate.library, caller, bucket)
        .map_err(too_long)?;
    let plan = match caller {
        Some(caller) if asker.is_he => plan.of_key(&caller.key.id),
        _ => plan,
    };
    let guarding = world.guarding(
        caller.map(|caller| caller.tenant.id),
        bucket.map(|bucket| bucket.tenant),
    );
    match candidate {
        None => Ok(plan),
        Some(candidate) => Ok(Arc::new(
            candidate.in_place(&plan, &guarding).map_err(too_long)?,
        )),
    }
}

/// The query with what is known of who asks.
fn asked_by(query: &Query, asker: &Asker, plan: &Plan) -> Query {
    let attributes = plan
        .layers()
        .iter()
        .flat_map(|layer| layer.module.attributes());
    Query {
        // What no request has is absent whoever asks.
        fixed: without(query.fixed.over(&asker.known), attributes),
        ..query.clone()
    }
}

/// Who may do something, or might on a day that is over, key by key.
pub(super) fn who_can(gate: &Arc<Gate>, asked: &WhoCan, day: Day) -> Result<Value, ToolFault> {
    let Day {
        world,
        now,
        mut doubts,
    } = day;
    let state = &world.state;
    let tenant = state
        .tenant_named(&asked.tenant)
        .ok_or(ToolFault::NotFound("tenant"))?;
    let under: Under = asked.under.parse().map_err(ToolFault::Malformed)?;
    let wanted = wanted(&asked.action)?;
    let mut namespaces = Vec::new();
    for user in state.users(tenant.id) {
        let named = asked.user.as_ref().is_none_or(|name| *name == user.name);
        let namespace = user.namespace(tenant.profile);
        if named && !namespaces.contains(&namespace) {
            namespaces.push(namespace);
        }
    }
    let buckets = namespaces
        .into_iter()
        .filter_map(|it| state.bucket(it, &under.bucket));
    let buckets: Vec<Arc<Bucket>> = buckets
        .filter(|bucket| bucket.state == BucketState::Active)
        .cloned()
        .collect();
    if buckets.is_empty() {
        return Err(ToolFault::NotFound("bucket"));
    }
    let mut budget = Budget::new(asked.bounds);
    let askers = keys(gate, (&world, now), tenant.id, &mut doubts)?;
    let mut told = Vec::new();
    for bucket in &buckets {
        let mut who = Vec::new();
        for asker in &askers {
            let ways = ways(
                gate,
                &world,
                (asker, bucket),
                (&wanted, &under),
                &mut budget,
            )?;
            if !ways.is_empty() {
                for why in ways.iter().flat_map(|(_, ways)| &ways.incomplete) {
                    let why = why.to_string();
                    if !doubts.contains(&why) {
                        doubts.push(why);
                    }
                }
                who.push(shown(asker, &ways));
            }
        }
        let owner = state.user(bucket.owner).map(|user| user.name.to_string());
        told.push(json!({ "bucket": bucket.name.as_str(), "owner": owner, "who": who }));
    }
    Ok(json!({
        "action": asked.action, "under": asked.under, "at": rfc3339(now), "buckets": told,
        "callers": askers.len(), "complete": doubts.is_empty(), "why_not": doubts,
        "milliseconds": budget.spent(),
    }))
}

/// The keys that work, those of the bucket's account first, and nobody.
fn keys(
    gate: &Arc<Gate>,
    (world, now): (&Arc<World>, UnixSeconds),
    first: TenantId,
    doubts: &mut Vec<String>,
) -> Result<Vec<Asker>, ToolFault> {
    let state = &world.state;
    let others = state
        .tenants()
        .map(|tenant| tenant.id)
        .filter(|id| *id != first);
    let mut askers = Vec::new();
    for tenant in std::iter::once(first).chain(others) {
        for key in state.users(tenant).flat_map(|user| state.keys(user.id)) {
            let Some(caller) = world.caller(&gate.library, &key.id, now.0) else {
                continue;
            };
            if askers.len() >= WHO_CAN_KEYS_MAX {
                doubts.push(format!("there are more than {WHO_CAN_KEYS_MAX} keys"));
                return Ok(askers);
            }
            askers.push(known(gate, world, caller)?);
        }
    }
    askers.extend(anybody(gate, world, first)?.into_iter().skip(1));
    Ok(askers)
}

/// How a caller may do what is wanted on a bucket, by operation.
fn ways(
    gate: &Gate,
    world: &World,
    (asker, bucket): (&Asker, &Bucket),
    (wanted, under): (&[Doing], &Under),
    budget: &mut Budget,
) -> Result<Vec<(Doing, Enumeration)>, ToolFault> {
    let caller = asker.caller.as_deref();
    let relation = relation(&world.state, caller, Some(bucket.namespace), Some(bucket));
    let owns = caller.is_some_and(|caller| {
        caller.namespace() == bucket.namespace && caller.tenant.id == bucket.tenant
    });
    let plan = plan(gate, world, asker, Some(bucket), None)?;
    let mut all = Vec::new();
    for doing in wanted {
        let Some(query) = query(gate.library.builtin.table(), *doing, Some(under)) else {
            continue;
        };
        let mut query = asked_by(&query, asker, &plan.plan);
        query.fixed = query.fixed.texts(Name::Relation, relation);
        query.fixed = of_bucket(query.fixed, caller, bucket);
        let account = format!("{:012}", bucket.tenant.get());
        query.fixed = query
            .fixed
            .truth(Name::BucketOwned, owns)
            .text(Name::ResourceAccount, &account)
            .text(Name::AwsResourceAccount, &account);
        let subject = Subject::Plan(&plan.plan);
        let found =
            budget.part(|bounds| tools::enumerate(subject, &query, Some(Outcome::Allow), bounds));
        budget.used(found.followed);
        if !found.paths.is_empty() || !found.is_complete() {
            all.push((*doing, found));
        }
    }
    Ok(all)
}

/// What the permissions of a bucket say to a caller, and from where one must come.
fn of_bucket(fixed: Situation, caller: Option<&Caller>, bucket: &Bucket) -> Situation {
    let fixed = match container_permissions(caller, bucket) {
        Some(held) => fixed.texts(Name::ContainerPermissions, held),
        None => fixed.absent(&[Name::ContainerPermissions]),
    };
    let fixed = match acl_permissions(caller, bucket) {
        Some(held) => fixed.texts(Name::AclPermissions, held),
        None => fixed.absent(&[Name::AclPermissions]),
    };
    match referrers(bucket) {
        Some(list) => {
            let list: Vec<&str> = list.iter().map(Referrer::as_str).collect();
            fixed.texts(Name::PublicReferrers, &list)
        }
        None => fixed.absent(&[Name::PublicReferrers]),
    }
}

fn shown(asker: &Asker, ways: &[(Doing, Enumeration)]) -> Value {
    /// Ways of one operation that are shown.
    const SHOWN_MAX: usize = 3;
    let operations: Vec<Value> = ways
        .iter()
        .map(|(doing, found)| {
            let always = found.paths.iter().any(|path| path.conditions.is_empty());
            json!({
                "operation": doing.operation.name(), "action": doing.action,
                "always": always, "count": found.paths.len(),
                "ways": found.paths.get(..SHOWN_MAX).unwrap_or(&found.paths),
                "complete": found.is_complete(),
            })
        })
        .collect();
    let caller = asker.caller.as_deref();
    json!({
        "access_key_id": caller.map(|caller| caller.key.id.as_str()),
        "caller": caller.map(|caller| &caller.arn),
        "level": caller.map(|caller| caller.key.rights.level.as_str()),
        "operations": operations,
    })
}

/// Where two versions of a module decide differently.
pub(super) fn diff(asked: &Diff, before: &Candidate, after: &Candidate) -> Value {
    let budget = Budget::new(asked.bounds);
    let query = Query {
        settle: policy_wasm::tools::Settle(super::query::settle),
        ..Query::any()
    };
    let found = budget.part(|bounds| {
        tools::diff(
            Subject::Module(&before.module),
            Subject::Module(&after.module),
            &query,
            bounds,
        )
    });
    let (count, complete) = (found.areas.len(), found.is_complete());
    let why: Vec<String> = found.incomplete.iter().map(ToString::to_string).collect();
    let shown = found.areas.get(..PATHS_SHOWN_MAX).unwrap_or(&found.areas);
    let text: String = shown.iter().map(ToString::to_string).collect();
    json!({
        "before": before.module.digest().to_string(),
        "after": after.module.digest().to_string(),
        "areas": shown, "text": text, "count": count, "left_out": count - shown.len(),
        "complete": complete, "why_not": why, "followed": found.followed,
        "milliseconds": budget.spent(),
    })
}
