//! What outlives each world: the engine, the modules that come with the product, and who callers are.

use std::fmt;
use std::sync::Arc;

use foldhash::quality::RandomState;
use moka::sync::Cache;
use policy_wasm::engine::{Engine, Module};
use postern_config::directory::{AccessKeyId, Digest, Directory, ModuleScope, State};

use super::{Builtin, Caller};

/// Most callers that are remembered: an entry holds a key's signing state and its texts, about 1 KiB.
pub(super) const CALLERS_MAX: u64 = 65_536;

/// What outlives each world.
pub struct Library {
    /// The directory, for the bytes of modules.
    pub directory: Arc<Directory>,
    /// The engine that loads them.
    pub engine: Arc<Engine>,
    /// The modules that come with the product.
    pub builtin: Builtin,
    pub(super) callers: Cache<AccessKeyId, Arc<Caller>, RandomState>,
}

impl Library {
    /// An empty library.
    pub fn new(directory: Arc<Directory>, engine: Arc<Engine>, builtin: Builtin) -> Self {
        let callers = Cache::builder()
            .max_capacity(CALLERS_MAX)
            .build_with_hasher(RandomState::default());
        Self {
            directory,
            engine,
            builtin,
            callers,
        }
    }

    /// The module of a digest, from memory, from stored machine code, or compiled. One that cannot be loaded stands in the plan all the
    /// same: it never answers, so that what it should judge is refused.
    pub(super) fn module(&self, name: &str, digest: Digest) -> Arc<Module> {
        self.load(digest).unwrap_or_else(|cause| {
            tracing::error!(module.name = name, module.digest = %digest, cause, "a module in force cannot be loaded");
            Module::unavailable(policy_wasm::engine::Digest::from(*digest.as_bytes()), name)
        })
    }

    fn load(&self, digest: Digest) -> Result<Arc<Module>, String> {
        if let Some(module) = self
            .engine
            .loaded(policy_wasm::engine::Digest::from(*digest.as_bytes()))
        {
            return Ok(module);
        }
        // What is put in force was loaded before. This is for what fell out of memory since: one request waits for it.
        let runtime = tokio::runtime::Handle::try_current().map_err(|cause| cause.to_string())?;
        if runtime.runtime_flavor() != tokio::runtime::RuntimeFlavor::MultiThread {
            return Err("it is not in memory".to_owned());
        }
        tokio::task::block_in_place(|| runtime.block_on(self.fetch(digest)))
    }

    /// Loads every module that is in force: at start, so that no request waits for one.
    ///
    /// # Errors
    /// The name of a module that cannot be loaded, and why.
    pub async fn prepare(&self, state: &State) -> Result<(), String> {
        let tenants = state.tenants().map(|tenant| ModuleScope::Tenant(tenant.id));
        let scopes: Vec<ModuleScope> = tenants.chain([ModuleScope::Platform]).collect();
        for scope in scopes {
            let active: Vec<_> = state
                .active_modules(scope)
                .map(|(binding, digest)| (binding.name.clone(), digest))
                .collect();
            for (name, digest) in active {
                self.fetch(digest)
                    .await
                    .map_err(|cause| format!("module `{name}`: {cause}"))?;
            }
        }
        Ok(())
    }

    async fn fetch(&self, digest: Digest) -> Result<Arc<Module>, String> {
        let bytes = self
            .directory
            .module_bytes(digest)
            .await
            .map_err(|cause| cause.to_string())?;
        let bytes = bytes.ok_or("its bytes are gone")?;
        self.engine.load(&bytes).map_err(|cause| cause.to_string())
    }
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Library")
            .field("callers", &self.callers.entry_count())
            .finish_non_exhaustive()
    }
}
