//! The versions of modules that a tool is told to look at.

use std::sync::Arc;

use policy_wasm::engine::Module;
use postern_config::directory::{Digest, ModuleScope, Name, State};
use postern_config::judge::{ModuleFaults, ToolFault, Version};

use super::Candidate;
use crate::journey::Gate;

/// The version that stands in for the one in force, where one is told.
pub(super) async fn candidate(
    gate: &Gate,
    version: Option<&Version>,
) -> Result<Option<Candidate>, ToolFault> {
    match version {
        None => Ok(None),
        Some(version) => Ok(Some(load(gate, version).await?)),
    }
}

/// Loads a version: the one that is told, else the one in force.
pub(super) async fn load(gate: &Gate, version: &Version) -> Result<Candidate, ToolFault> {
    let state = gate.directory().state();
    let scope = scope(&state, version.tenant.as_ref())?;
    let module = match (&version.wasm, version.digest) {
        (Some(_), Some(_)) => {
            let why = "a version is given by its digest or by its bytes, not by both";
            return Err(ToolFault::Malformed(why.to_owned()));
        }
        (Some(hexadecimal), None) => {
            let bytes = hex::decode(hexadecimal);
            let bytes = bytes
                .map_err(|_| ToolFault::Malformed("`wasm` is not hexadecimal digits".to_owned()))?;
            compiled(gate, bytes.into()).await?
        }
        (None, digest) => {
            let digest = match digest {
                Some(digest) => digest,
                None => in_force(&state, scope, &version.name)?,
            };
            stored(gate, &state, (scope, &version.name, digest)).await?
        }
    };
    Ok(Candidate {
        scope,
        name: version.name.clone(),
        module,
    })
}

pub(super) fn scope(state: &State, tenant: Option<&Name>) -> Result<ModuleScope, ToolFault> {
    match tenant {
        None => Ok(ModuleScope::Platform),
        Some(name) => match state.tenant_named(name) {
            Some(tenant) => Ok(ModuleScope::Tenant(tenant.id)),
            None => Err(ToolFault::NotFound("tenant")),
        },
    }
}

fn in_force(state: &State, scope: ModuleScope, name: &Name) -> Result<Digest, ToolFault> {
    let binding = state.binding(scope, name);
    let active = binding.and_then(|binding| binding.active);
    active.ok_or(ToolFault::NotFound("module in force"))
}

async fn stored(
    gate: &Gate,
    state: &State,
    (scope, name, digest): (ModuleScope, &Name, Digest),
) -> Result<Arc<Module>, ToolFault> {
    let gone = || ToolFault::NotFound("version of the module");
    state.module(scope, name, digest).ok_or_else(gone)?;
    let bytes = gate.directory().module_bytes(digest).await;
    let bytes = bytes.map_err(|cause| ToolFault::Failed(cause.to_string()))?;
    compiled(gate, bytes.ok_or_else(gone)?.into()).await
}

/// Compiling takes milliseconds, and no request waits for it.
async fn compiled(gate: &Gate, bytes: Arc<[u8]>) -> Result<Arc<Module>, ToolFault> {
    let library = Arc::clone(&gate.library);
    let loaded = tokio::task::spawn_blocking(move || library.engine.load(&bytes)).await;
    let loaded = loaded.map_err(|cause| ToolFault::Failed(cause.to_string()))?;
    loaded.map_err(|cause| ToolFault::Module(ModuleFaults(vec![cause.to_string()])))
}
