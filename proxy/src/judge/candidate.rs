//! A version in the place of the one in force, in plans that nobody obeys.

use std::sync::Arc;

use policy_wasm::engine::Module;
use policy_wasm::plan::{Layer, LayerKind, Plan, PlanError, TreeScope};
use postern_config::directory::{ModuleScope, Name};

use crate::world::TenantPlan;

/// A version in the place of the one in force.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) scope: ModuleScope,
    pub(crate) name: Name,
    pub(crate) module: Arc<Module>,
}

impl Candidate {
    /// The plan that the modules of these scopes guard, with this version in it: where one of its name is in force, in that place,
    /// else after all others. Where its owner has no say the plan stays as it is.
    ///
    /// # Errors
    /// The plan would have too many layers.
    pub(crate) fn in_place(
        &self,
        plan: &TenantPlan,
        guarding: &[ModuleScope],
    ) -> Result<TenantPlan, PlanError> {
        let mut layers = plan.plan.layers().to_vec();
        if guarding.contains(&self.scope) {
            match layers.iter_mut().find(|layer| self.stands_for(layer)) {
                Some(layer) => layer.module = Arc::clone(&self.module),
                None => layers.push(self.layer()),
            }
        }
        Ok(TenantPlan {
            plan: Plan::new(layers)?,
            label: Arc::clone(&plan.label),
            trials: None,
            lanes: None,
        })
    }

    fn stands_for(&self, layer: &Layer) -> bool {
        layer.kind == LayerKind::Guard
            && layer.scope == self.tree_scope()
            && layer.name.eq_ignore_ascii_case(self.name.as_str())
    }

    fn layer(&self) -> Layer {
        Layer {
            kind: LayerKind::Guard,
            name: self.name.as_str().into(),
            module: Arc::clone(&self.module),
            scope: self.tree_scope(),
        }
    }

    const fn tree_scope(&self) -> TreeScope {
        match self.scope {
            ModuleScope::Tenant(tenant) => TreeScope::Tenant(tenant.get()),
            ModuleScope::Platform => TreeScope::Shared,
        }
    }
}
