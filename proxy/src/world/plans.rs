//! Which modules judge whom: the plan of each pair of tenants, built when it is first needed and kept for the life of the world.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use foldhash::quality::RandomState;
use parking_lot::RwLock;
use policy_wasm::plan::{Layer, LayerKind, LayerPlace, Plan, PlanError, TreeScope};
use postern_config::directory::{
    AccessKeyId, Binding, Digest, ModuleScope, PerMille, State, TenantId,
};
use sha2::{Digest as _, Sha256};

use super::{Library, PlanShadow, PlanTrials};

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

/// Where a key stands, from 0 to 999. Source: the first eight bytes of the SHA-256 of its id.
fn place(key: &AccessKeyId) -> u16 {
    let hash: [u8; 32] = Sha256::digest(key.as_str().as_bytes()).into();
    let first = hash.first_chunk::<8>().copied().unwrap_or_default();
    u16::try_from(u64::from_be_bytes(first) % 1_000).unwrap_or(0)
}

/// A caller's tenant and a bucket's.
type Pair = (Option<TenantId>, Option<TenantId>);

/// The plans that were needed so far in this world.
#[derive(Debug, Default)]
pub(super) struct Plans {
    /// Guards the map alone; a plan is built outside of it, twice at worst.
    known: RwLock<HashMap<Pair, Arc<TenantPlan>, RandomState>>,
}

impl Plans {
    pub(super) fn get(
        &self,
        state: &State,
        library: &Library,
        pair: Pair,
    ) -> Result<Arc<TenantPlan>, PlanError> {
        if let Some(known) = self.known.read().get(&pair) {
            return Ok(Arc::clone(known));
        }
        let plan = Arc::new(build(state, library, pair)?);
        self.known.write().insert(pair, Arc::clone(&plan));
        Ok(plan)
    }
}

/// The plan of a pair, and beside it one for each share of keys that obeys other versions.
fn build(state: &State, library: &Library, pair: Pair) -> Result<TenantPlan, PlanError> {
    let scopes = scopes(pair);
    let canaries = scopes
        .iter()
        .flat_map(|scope| state.bindings(*scope))
        .filter_map(|binding| binding.canary);
    let shares: BTreeSet<u16> = canaries.map(|canary| canary.per_mille.get()).collect();
    let lanes = shares
        .into_iter()
        .map(|below| {
            let plan = Arc::new(layered(state, library, &scopes, Keys::Below(below))?);
            Ok(Lane { below, plan })
        })
        .collect::<Result<Vec<Lane>, PlanError>>()?;
    let plan = layered(state, library, &scopes, Keys::Others)?;
    Ok(TenantPlan {
        lanes: (!lanes.is_empty()).then(|| lanes.into()),
        ..plan
    })
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

/// The tenant of the bucket, of the caller where it is another, and the platform.
fn scopes((caller, bucket): Pair) -> Vec<ModuleScope> {
    let mut scopes: Vec<ModuleScope> = bucket
        .or(caller)
        .map(ModuleScope::Tenant)
        .into_iter()
        .collect();
    if let (Some(caller), Some(bucket)) = (caller, bucket)
        && caller != bucket
    {
        scopes.push(ModuleScope::Tenant(caller));
    }
    scopes.push(ModuleScope::Platform);
    scopes
}

/// Grants: ownership. Limits: the key's level, then what narrows the key. Guards: the modules of the scopes, in their order.
fn layered(
    state: &State,
    library: &Library,
    scopes: &[ModuleScope],
    keys: Keys,
) -> Result<TenantPlan, PlanError> {
    let mut layers = library.builtin.layers();
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
    fn a_key_that_obeys_a_small_share_obeys_every_larger_one() {
        let share = |number: u16| PerMille::try_from(number).unwrap();
        assert!(Keys::Below(50).obey(share(50)) && Keys::Below(50).obey(share(300)));
        assert!(!Keys::Below(300).obey(share(50)) && !Keys::Others.obey(share(1_000)));
    }
}
