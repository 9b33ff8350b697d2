//! Which modules judge whom: the plan of each pair of tenants, built when it is first needed and kept for the life of the world.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::quality::RandomState;
use parking_lot::RwLock;
use policy_wasm::plan::{Layer, LayerKind, Plan, PlanError, TreeScope};
use postern_config::directory::{ModuleScope, State, TenantId};

use super::Library;

/// The plan of a pair of tenants.
#[derive(Debug)]
pub struct TenantPlan {
    /// The layers.
    pub plan: Plan,
    /// The layers as the log names them: `name@digest`, separated by blanks.
    pub label: Arc<str>,
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

/// Grants: ownership. Limits: the key's level, then what narrows the key. Guards: the modules of the bucket's tenant, of the
/// caller's where it is another, and of the platform.
fn build(
    state: &State,
    library: &Library,
    (caller, bucket): Pair,
) -> Result<TenantPlan, PlanError> {
    let mut layers = library.builtin.layers();
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
    for scope in scopes {
        for (binding, digest) in state.active_modules(scope) {
            layers.push(Layer {
                kind: LayerKind::Guard,
                name: binding.name.as_str().into(),
                module: library.module(binding.name.as_str(), digest),
                scope: match scope {
                    ModuleScope::Tenant(tenant) => TreeScope::Tenant(tenant.get()),
                    ModuleScope::Platform => TreeScope::Shared,
                },
            });
        }
    }
    let label = label(&layers);
    let plan = Plan::new(layers)?;
    Ok(TenantPlan { plan, label })
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
