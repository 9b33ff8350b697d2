//! Which modules judge whom: the plan for the rules of a caller and those of a bucket, built when it is first needed and kept for
//! the life of the world.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use foldhash::quality::RandomState;
use parking_lot::RwLock;
use policy_wasm::plan::{Layer, LayerKind, LayerPlace, Plan, PlanError, TreeScope};
use postern_config::directory::{
    self as directory, AccessKeyId, Binding, Bucket, BucketPolicies, Digest, Holder, IamRole,
    ModuleScope, NamespaceId, NamespaceKind, PerMille, Standing, State, TenantId, TenantStatus,
};
use s3_protocol::BucketId;
use sha2::{Digest as _, Sha256};

use super::acl::has_list;
use super::builtin::Concerned;
use super::documents::{IDENTITY_POLICY, SESSION_POLICY, TRUST, layer as layer_of};
use super::relation::may_be_open;
use super::{Caller, Library, PlanShadow, PlanTrials};

/// The plan of a pair of tenants.
#[derive(Debug)]
pub struct TenantPlan {
    /// The layers.
    pub plan: Plan,
    /// The layers as the log names them: `name@digest`, separated by blanks.
    pub label: Arc<str>,
    /// Shadows, and versions that are watched; none for nearly every plan.
    pub trials: Option<Box<PlanTrials>>,
    /// The plans of keys that obey a canary, the smallest share first; none for nearly every plan.
    pub lanes: Option<Box<[Lane]>>,
}

/// The plan of the keys whose place is below a bound, in thousandths.
#[derive(Debug)]
pub struct Lane {
    below: u16,
    plan: Arc<TenantPlan>,
}

impl TenantPlan {
    /// The plan that a key obeys: that of a canary where the key is among its share. A key is always at the same place, on every
    /// machine, so that each caller sees one version.
    pub fn of_key(self: Arc<Self>, key: &AccessKeyId) -> Arc<Self> {
        let Some(lanes) = &self.lanes else {
            return self;
        };
        let place = place(key);
        let lane = lanes.iter().find(|lane| place < lane.below);
        lane.map_or_else(|| Arc::clone(&self), |lane| Arc::clone(&lane.plan))
    }
}

impl TenantPlan {
    /// The layers of it, of its shadows and of its lanes: the modules that it holds, at most.
    fn layers(&self) -> usize {
        let shadows = self
            .trials
            .as_ref()
            .map_or(0, |trials| trials.shadows.len());
        let lanes = self.lanes.iter().flatten().map(|lane| lane.plan.layers());
        self.plan.layers().len() + shadows + lanes.sum::<usize>()
    }
}

/// Where a key stands, from 0 to 999. Source: the first eight bytes of the SHA-256 of its id.
fn place(key: &AccessKeyId) -> u16 {
    let hash: [u8; 32] = Sha256::digest(key.as_str().as_bytes()).into();
    let first = hash.first_chunk::<8>().copied().unwrap_or_default();
    u16::try_from(u64::from_be_bytes(first) % 1_000).unwrap_or(0)
}

/// Most plans of a world; one holds about 1 KiB, and the modules in it stay in memory. A world that would have more forgets them
/// all, and builds again those that are needed.
const PLANS_MAX: usize = 8_192;
/// Most layers of all plans of a world: each may hold a module that nobody else does. Half of what the engine has room for, because
/// the world before may still be in use.
const PLANNED_LAYERS_MAX: usize = policy_wasm::limits::LIVING_MODULES_MAX / 2;

/// Whose rules bind a request. Callers and buckets without documents of their own share the plan of their accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Rules {
    /// The caller's account.
    caller: Option<TenantId>,
    /// Whose documents judge the caller, where there are any or he has no rights without.
    holder: Option<Holder>,
    /// What his rights come from.
    standing: Standing,
    /// The policy that came with his session.
    session: Option<directory::Digest>,
    /// The bucket's account.
    owner: Option<TenantId>,
    /// The bucket, where it has a policy.
    bucket: Option<BucketId>,
    /// Which of the modules that come with the product have a say.
    concerned: Concerned,
}

impl Rules {
    fn of(state: &State, caller: Option<&Caller>, bucket: Option<&Bucket>) -> Self {
        let judged = |caller: &&Caller| caller.is_by_policy() || state.is_judged(caller.holder());
        let id = bucket.map(|bucket| bucket.id);
        Self {
            caller: caller.map(|caller| caller.tenant.id),
            holder: caller.filter(judged).map(Caller::holder),
            standing: caller.map(Caller::standing).unwrap_or_default(),
            session: caller
                .and_then(|caller| caller.session_policy.as_ref())
                .map(|policy| policy.digest),
            owner: bucket.map(|bucket| bucket.tenant),
            bucket: id.filter(|id| state.bucket_policy(*id).is_some()),
            concerned: concerned(state, caller, bucket),
        }
    }
}

/// The modules that come with the product and are not in every plan, as far as they have a say on this caller and bucket.
fn concerned(state: &State, caller: Option<&Caller>, bucket: Option<&Bucket>) -> Concerned {
    // Who signs nothing has no key. What the decision table says of him is said of the presets: S3 itself asks lists and policies alone.
    let by_lists = |bucket: &Bucket| bucket.namespace == NamespaceId::Global;
    let keyless = caller.is_none() && bucket.is_some_and(by_lists);
    let mut all = Concerned::default().with(Concerned::KEY, !keyless);
    let mut is_read_only = false;
    if let Some(caller) = caller {
        let shares = caller.tenant.profile.namespaces() == NamespaceKind::Account;
        let has_permissions = caller.account_permissions.is_some();
        is_read_only = state.standing(&caller.tenant) == TenantStatus::ReadOnly;
        all = all
            .with(Concerned::MEMBERSHIP, shares)
            .with(Concerned::SUB_USER, caller.sub_user.is_some())
            .with(Concerned::ROLE, caller.is_bounded)
            .with(Concerned::ACCOUNT, has_permissions);
    }
    if let Some(bucket) = bucket {
        let is_signed = caller.is_some();
        // His own account is known already: it is looked up for strangers alone.
        let own = caller.map(|caller| &caller.tenant);
        let owner = own
            .filter(|own| own.id == bucket.tenant)
            .or_else(|| state.tenant(bucket.tenant));
        is_read_only |= owner.is_some_and(|owner| state.standing(owner) == TenantStatus::ReadOnly);
        all = all
            .with(Concerned::PUBLIC, may_be_open(bucket))
            .with(Concerned::BUCKET_ACL, has_list(bucket))
            .with(Concerned::OBJECT_ACL, objects_have_lists(caller, bucket))
            .with(Concerned::CONTAINER, is_signed && bucket.acl.is_some())
            .with(
                Concerned::BLOCK_PUBLIC,
                owner.is_some_and(|owner| owner.block_public),
            );
    }
    all.with(Concerned::READ_ONLY, is_read_only)
}

/// Whether lists of the objects in a bucket may give a caller anything that the bucket does not.
fn objects_have_lists(caller: Option<&Caller>, bucket: &Bucket) -> bool {
    let has_lists = bucket.namespace == NamespaceId::Global && bucket.access.has_lists();
    let is_stranger = |caller: &Caller| {
        let abroad = caller.tenant.id != bucket.tenant;
        abroad || (caller.standing() == Standing::Own && caller.user.id != bucket.owner)
    };
    has_lists && caller.is_none_or(is_stranger)
}

/// Whose modules guard what a caller of the one account does to a bucket of the other: the bucket's account, the caller's where it
/// is another, the accounts above them, and the platform.
pub(super) fn guarding(
    state: &State,
    caller: Option<TenantId>,
    owner: Option<TenantId>,
) -> Vec<ModuleScope> {
    let first = owner.or(caller);
    let other = caller.filter(|caller| owner.is_some_and(|owner| owner != *caller));
    let own: Vec<TenantId> = first.into_iter().chain(other).collect();
    let parents = own
        .iter()
        .filter_map(|tenant| state.tenant(*tenant)?.parent);
    let mut all: Vec<TenantId> = Vec::with_capacity(own.len());
    for tenant in own.iter().copied().chain(parents) {
        if !all.contains(&tenant) {
            all.push(tenant);
        }
    }
    let tenants = all.into_iter().map(ModuleScope::Tenant);
    tenants.chain([ModuleScope::Platform]).collect()
}

/// The plans that were needed so far in this world.
#[derive(Debug, Default)]
pub(super) struct Plans {
    /// Guards the map alone; a plan is built outside of it, twice at worst.
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    plans: HashMap<Rules, Arc<TenantPlan>, RandomState>,
    /// The layers of all of them, but for those that every plan has.
    layers: usize,
}

impl Known {
    /// Keeps a plan that holds so many modules of its own.
    fn keep(&mut self, rules: Rules, plan: Arc<TenantPlan>, layers: usize) {
        self.layers += layers;
        if self.plans.len() >= PLANS_MAX || self.layers > PLANNED_LAYERS_MAX {
            self.plans.clear();
            self.layers = layers;
        }
        self.plans.insert(rules, plan);
    }
}

impl Plans {
    pub(super) fn get(
        &self,
        state: &State,
        library: &Library,
        caller: Option<&Caller>,
        bucket: Option<&Bucket>,
    ) -> Result<Arc<TenantPlan>, PlanError> {
        let rules = Rules::of(state, caller, bucket);
        if let Some(known) = self.known.read().plans.get(&rules) {
            return Ok(Arc::clone(known));
        }
        let ground = Ground {
            state,
            library,
            rules,
            caller,
            bucket,
        };
        let plan = Arc::new(ground.plan()?);
        let builtin = library.builtin.layers().len();
        let layers = plan.layers().saturating_sub(builtin);
        self.known.write().keep(rules, Arc::clone(&plan), layers);
        Ok(plan)
    }
}

/// What a plan is built from.
struct Ground<'a> {
    state: &'a State,
    library: &'a Library,
    rules: Rules,
    caller: Option<&'a Caller>,
    bucket: Option<&'a Bucket>,
}

impl Ground<'_> {
    /// The plan of these rules, and beside it one for each share of keys that obeys other versions.
    fn plan(&self) -> Result<TenantPlan, PlanError> {
        let scopes = guarding(self.state, self.rules.caller, self.rules.owner);
        let canaries = scopes
            .iter()
            .flat_map(|scope| self.state.bindings(*scope))
            .filter_map(|binding| binding.canary);
        let shares: BTreeSet<u16> = canaries.map(|canary| canary.per_mille.get()).collect();
        let lanes = shares
            .into_iter()
            .map(|below| {
                let plan = Arc::new(self.layered(&scopes, Keys::Below(below))?);
                Ok(Lane { below, plan })
            })
            .collect::<Result<Vec<Lane>, PlanError>>()?;
        let plan = self.layered(&scopes, Keys::Others)?;
        Ok(TenantPlan {
            lanes: (!lanes.is_empty()).then(|| lanes.into()),
            ..plan
        })
    }

    /// Grants: ownership, membership, what is public, and what a bucket's policy opens. Limits: the key's level, what narrows the key,
    /// sub-user, role, permissions, the caller's policies and that of his session. Guards: the bucket's policy, then the modules of the scopes, in their order.
    fn layered(&self, scopes: &[ModuleScope], keys: Keys) -> Result<TenantPlan, PlanError> {
        let (state, library) = (self.state, self.library);
        let mut layers = library.builtin.layers_of(self.rules.concerned);
        layers.extend(self.documents());
        let mut trials = PlanTrials::default();
        for binding in scopes.iter().flat_map(|scope| state.bindings(*scope)) {
            let canary = binding.canary.filter(|canary| keys.obey(canary.per_mille));
            let obeyed = canary.map(|canary| canary.digest).or(binding.active);
            let place = obeyed.map(|digest| {
                let place = LayerPlace(u8::try_from(layers.len()).unwrap_or(u8::MAX));
                layers.push(layer(state, library, binding, digest));
                place
            });
            let watch = if canary.is_some() {
                library.trials.canary(binding)
            } else {
                library.trials.active(binding)
            };
            trials.watches.extend(place.zip(watch));
            if let (Some(shadow), Some(tally)) = (binding.shadow, library.trials.shadow(binding)) {
                trials.shadows.push(PlanShadow {
                    active: place,
                    layer: layer(state, library, binding, shadow.digest),
                    tally,
                });
            }
        }
        let tries = !trials.watches.is_empty() || !trials.shadows.is_empty();
        let label = label(&layers);
        Ok(TenantPlan {
            plan: Plan::new(layers)?,
            label,
            trials: tries.then(|| Box::new(trials)),
            lanes: None,
        })
    }

    /// The layers of the documents that these rules name.
    fn documents(&self) -> Vec<Layer> {
        let (engine, documents) = (&self.library.engine, &self.library.documents);
        let Rules {
            caller,
            holder,
            bucket,
            ..
        } = self.rules;
        let identity = caller.zip(holder).map(|(tenant, holder)| {
            let module = documents.of_identity(engine, self.state, holder);
            layer_of(self.identity_kind(), IDENTITY_POLICY, tenant, module)
        });
        let session = self.caller.and_then(|caller| {
            let policy = caller.session_policy.as_ref()?;
            let module = documents.of_session(engine, policy);
            let tenant = caller.tenant.id;
            Some(layer_of(LayerKind::Limit, SESSION_POLICY, tenant, module))
        });
        let bucket = self.bucket.filter(|_| bucket.is_some());
        let of_bucket = bucket.map(|bucket| {
            let own = self.rules.caller == Some(bucket.tenant);
            documents.of_bucket(engine, self.state, &self.library.builtin, (bucket, own))
        });
        identity
            .into_iter()
            .chain(session)
            .chain(of_bucket.into_iter().flatten())
            .collect()
    }

    /// What the documents of the caller are. In most profiles they narrow what he has. In `s3`, as on AWS, they give it to him within his
    /// account, unless he shares in everything of it; in another's account both sides must agree, and who acts for himself needs no
    /// document to say so.
    fn identity_kind(&self) -> LayerKind {
        let Rules {
            caller,
            owner,
            standing,
            ..
        } = self.rules;
        let own = self.caller.map(|caller| caller.tenant.profile);
        let gives = own.is_some_and(|own| own.rules().bucket_policy == BucketPolicies::Grant);
        let abroad = owner.is_some_and(|owner| caller != Some(owner));
        match (gives, standing, abroad) {
            (false, ..) | (true, Standing::Shared, _) | (true, Standing::ByPolicy, true) => {
                LayerKind::Limit
            }
            (true, Standing::Own | Standing::ByPolicy, false) => LayerKind::Grant,
            (true, Standing::Own, true) => LayerKind::Guard,
        }
    }
}

/// The plan of a caller's documents and of his session's.
pub(super) fn identity(state: &State, library: &Library, caller: &Caller) -> Option<Plan> {
    let (engine, documents) = (&library.engine, &library.documents);
    let (holder, tenant) = (caller.holder(), caller.tenant.id);
    if caller.session_policy.is_none() && !state.is_judged(holder) {
        return None;
    }
    let module = documents.of_identity(engine, state, holder);
    let mut layers = vec![layer_of(LayerKind::Grant, IDENTITY_POLICY, tenant, module)];
    if let Some(policy) = &caller.session_policy {
        let module = documents.of_session(engine, policy);
        layers.push(layer_of(LayerKind::Limit, SESSION_POLICY, tenant, module));
    }
    Plan::new(layers).ok()
}

/// The plan of who may assume a role.
pub(super) fn trust(library: &Library, role: &IamRole) -> Option<Plan> {
    let module = library.documents.of_trust(&library.engine, role);
    let layers = vec![layer_of(LayerKind::Grant, TRUST, role.tenant, module)];
    Plan::new(layers).ok()
}

/// Which keys a plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keys {
    /// Those that are in every share of at least so many thousandths.
    Below(u16),
    /// Those that are in none, and whoever has no key.
    Others,
}

impl Keys {
    fn obey(self, share: PerMille) -> bool {
        match self {
            Self::Below(bound) => bound <= share.get(),
            Self::Others => false,
        }
    }
}

fn layer(state: &State, library: &Library, binding: &Binding, digest: Digest) -> Layer {
    Layer {
        kind: LayerKind::Guard,
        name: binding.name.as_str().into(),
        module: library.module(state, binding, digest),
        scope: match binding.scope {
            ModuleScope::Tenant(tenant) => TreeScope::Tenant(tenant.get()),
            ModuleScope::Platform => TreeScope::Shared,
        },
    }
}

fn label(layers: &[Layer]) -> Arc<str> {
    let names: Vec<String> = layers
        .iter()
        .map(|layer| format!("{}@{}", layer.name, short(&layer.module)))
        .collect();
    names.join(" ").into()
}

/// The first twelve digits of a digest: enough to find it by.
fn short(module: &policy_wasm::engine::Module) -> String {
    let mut digest = module.digest().to_string();
    digest.truncate(12);
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_always_at_the_same_place_and_keys_are_spread() {
        let keys: Vec<AccessKeyId> = (0..10_000)
            .map(|number| format!("PK{number:018}").parse().unwrap())
            .collect();
        let below = |share: u16| keys.iter().filter(|key| place(key) < share).count();
        for share in [50, 200, 500] {
            let (found, expected) = (below(share), usize::from(share) * 10);
            assert!(found.abs_diff(expected) < 200, "{found} of {expected}");
        }
        assert_eq!(below(1_000), keys.len());
        // A place that moved would give a caller another version after an upgrade.
        assert_eq!(place(&"PK000000000000000000".parse().unwrap()), 840);
    }

    #[test]
    fn plans_are_forgotten_before_they_hold_more_modules_than_there_is_room_for() {
        let plan = Arc::new(TenantPlan {
            plan: Plan::new(Vec::new()).unwrap(),
            label: "".into(),
            trials: None,
            lanes: None,
        });
        let mut known = Known::default();
        for number in 0..100_000 {
            let rules = Rules {
                caller: None,
                holder: None,
                standing: Standing::default(),
                session: None,
                owner: None,
                bucket: Some(BucketId(number)),
                concerned: Concerned::default(),
            };
            let layers = if number % 2 == 0 { 1 } else { 5 };
            known.keep(rules, Arc::clone(&plan), layers);
            assert!(known.plans.contains_key(&rules));
            assert!(known.plans.len() <= PLANS_MAX);
            assert!(known.layers <= PLANNED_LAYERS_MAX && known.layers >= known.plans.len());
        }
    }

    #[test]
    fn a_key_that_obeys_a_small_share_obeys_every_larger_one() {
        let share = |number: u16| PerMille::try_from(number).unwrap();
        assert!(Keys::Below(50).obey(share(50)) && Keys::Below(50).obey(share(300)));
        assert!(!Keys::Below(300).obey(share(50)) && !Keys::Others.obey(share(1_000)));
    }
}
