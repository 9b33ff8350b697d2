//! What outlives each world: the engine, the modules that come with the product, and who callers are.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use foldhash::quality::RandomState;
use futures_util::{StreamExt as _, stream};
use moka::sync::Cache;
use parking_lot::Mutex;
use policy_wasm::engine::{Engine, Module};
use policy_wasm::limits::COMPILES_AT_ONCE_MAX;
use postern_config::directory::{
    AccessKeyId, Binding, Digest, Directory, ModuleScope, Name, State,
};

use super::documents::Documents;
use super::{Builtin, Caller, Trials};
use crate::clock::Clock;
use crate::limits::TRIALS_MAX;

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
    /// What is seen of modules on live traffic.
    pub trials: Trials,
    /// Versions that could not be loaded when they were last tried.
    broken: Mutex<HashMap<Digest, Unloadable>>,
    /// Versions whose signature was found to hold when their bytes were read.
    vouched: Mutex<HashSet<Digest>>,
    /// The modules of policy documents.
    pub(super) documents: Documents,
    pub(super) callers: Cache<AccessKeyId, Arc<Caller>, RandomState>,
}

impl Library {
    /// An empty library. What is put in force is watched for a while, by this clock.
    pub fn new(
        directory: Arc<Directory>,
        engine: Arc<Engine>,
        builtin: Builtin,
        (watch_time, clock): (Duration, Clock),
    ) -> Self {
        let callers = Cache::builder()
            .max_capacity(CALLERS_MAX)
            .build_with_hasher(RandomState::default());
        Self {
            directory,
            engine,
            builtin,
            trials: Trials::new(watch_time, clock),
            broken: Mutex::default(),
            vouched: Mutex::default(),
            documents: Documents::new(),
            callers,
        }
    }

    /// A version of a module, from memory, from stored machine code, or compiled. One that cannot be loaded stands in the plan all
    /// the same: it never answers, so that what it should judge is refused.
    pub(super) fn module(&self, state: &State, binding: &Binding, digest: Digest) -> Arc<Module> {
        self.load(state, binding, digest).unwrap_or_else(|cause| {
            let name = binding.name.as_str();
            tracing::error!(alarm = true, module.name = name, module.digest = %digest, cause, "a module in force cannot be loaded");
            Module::unavailable(policy_wasm::engine::Digest::from(*digest.as_bytes()), name)
        })
    }

    fn load(
        &self,
        state: &State,
        binding: &Binding,
        digest: Digest,
    ) -> Result<Arc<Module>, String> {
        let loaded = self
            .engine
            .loaded(policy_wasm::engine::Digest::from(*digest.as_bytes()));
        if let Some(module) = loaded
            && (!self.directory.wants_signatures() || self.vouched.lock().contains(&digest))
        {
            return Ok(module);
        }
        // What is put in force was loaded before. This is for what fell out of memory since: one request waits for it.
        let runtime = tokio::runtime::Handle::try_current().map_err(|cause| cause.to_string())?;
        if runtime.runtime_flavor() != tokio::runtime::RuntimeFlavor::MultiThread {
            return Err("it is not in memory".to_owned());
        }
        tokio::task::block_in_place(|| runtime.block_on(self.fetch(state, binding, digest)))
    }

    /// Loads every module that is at work: at start, so that no request waits for one. One that cannot be loaded does not stop the
    /// server: it refuses what it should judge, and [`Library::unloadable`] names it.
    pub async fn prepare(&self, state: &State) {
        for it in self.fetch_all(state).await {
            tracing::error!(alarm = true, module.name = it.name.as_str(), module.digest = %it.digest, it.cause, "a module in force cannot be loaded");
        }
    }

    /// Loads every module that is at work in a state, and answers those that cannot be.
    pub(crate) async fn fetch_all(&self, state: &State) -> Vec<Unloadable> {
        let at_work = bindings(state)
            .flat_map(|binding| binding.at_work().map(move |digest| (binding, digest)));
        let broken = Mutex::new(Vec::new());
        // After an upgrade each has to be compiled: as many at once as there are compilers.
        let all = stream::iter(at_work).for_each_concurrent(
            COMPILES_AT_ONCE_MAX,
            async |(binding, digest)| {
                if let Err(cause) = self.fetch(state, binding, digest).await {
                    broken.lock().push(Unloadable::new(binding, digest, cause));
                }
            },
        );
        all.await;
        broken.into_inner()
    }

    /// The versions at work that could not be loaded when they were last tried.
    pub fn unloadable(&self, state: &State) -> Vec<Unloadable> {
        let broken = self.broken.lock();
        let at_work = |it: &&Unloadable| {
            let binding = state.binding(it.scope, &it.name);
            binding.is_some_and(|binding| binding.at_work().any(|digest| digest == it.digest))
        };
        broken.values().filter(at_work).cloned().collect()
    }

    /// Tries the versions at work that could not be loaded; whether one of them can be now.
    pub async fn retry(&self, state: &State) -> bool {
        let mut mended = false;
        for it in self.unloadable(state) {
            if let Some(binding) = state.binding(it.scope, &it.name) {
                mended |= self.fetch(state, binding, it.digest).await.is_ok();
            }
        }
        mended
    }

    /// Reads a version, looks who vouches for it, and loads it. What comes of it is remembered.
    pub(crate) async fn fetch(
        &self,
        state: &State,
        binding: &Binding,
        digest: Digest,
    ) -> Result<Arc<Module>, String> {
        let fetched = self.read(state, binding, digest).await;
        let mut broken = self.broken.lock();
        match &fetched {
            Ok(_) => {
                broken.remove(&digest);
            }
            Err(cause) => {
                if broken.len() >= TRIALS_MAX {
                    broken.clear();
                }
                broken.insert(digest, Unloadable::new(binding, digest, cause.clone()));
            }
        }
        fetched
    }

    async fn read(
        &self,
        state: &State,
        binding: &Binding,
        digest: Digest,
    ) -> Result<Arc<Module>, String> {
        let version = state
            .module(binding.scope, &binding.name, digest)
            .ok_or("there is no such version")?;
        let bytes = self
            .directory
            .module_bytes(digest)
            .await
            .map_err(|cause| cause.to_string())?;
        let bytes = bytes.ok_or("its bytes are gone")?;
        self.directory
            .vouched(version, &bytes)
            .map_err(|cause| cause.to_string())?;
        // It may be compiled, which takes long and must not hold a thread of the runtime.
        let engine = Arc::clone(&self.engine);
        let loaded = tokio::task::spawn_blocking(move || engine.load(&bytes)).await;
        let module = loaded
            .map_err(|cause| cause.to_string())?
            .map_err(|cause| cause.to_string())?;
        let mut vouched = self.vouched.lock();
        if vouched.len() >= TRIALS_MAX {
            vouched.clear();
        }
        vouched.insert(digest);
        Ok(module)
    }
}

/// A version at work that cannot be loaded.
#[derive(Clone, Debug)]
pub struct Unloadable {
    /// Whose it is.
    pub scope: ModuleScope,
    /// The module's name.
    pub name: Name,
    /// The version.
    pub digest: Digest,
    /// Why not.
    pub cause: String,
}

impl Unloadable {
    fn new(binding: &Binding, digest: Digest, cause: String) -> Self {
        Self {
            scope: binding.scope,
            name: binding.name.clone(),
            digest,
            cause,
        }
    }
}

fn bindings(state: &State) -> impl Iterator<Item = &Arc<Binding>> {
    let tenants = state.tenants().map(|tenant| ModuleScope::Tenant(tenant.id));
    tenants
        .chain([ModuleScope::Platform])
        .flat_map(|scope| state.bindings(scope))
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Library")
            .field("callers", &self.callers.entry_count())
            .finish_non_exhaustive()
    }
}
