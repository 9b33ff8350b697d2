//! The engine: it checks modules, compiles them, keeps their machine code and lets them ask.
//!
//! A module that is evaluated sees the answers to its questions and nothing else, and starts fresh each time. Its
//! verdict is therefore a function of the answers, which is what the trees rest on.

mod check;
mod evaluation;
mod imports;
mod inspection;
mod machine_code;
mod meter;
mod module;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use moka::sync::Cache;
use parking_lot::Mutex;

use crate::limits::{
    COMPILED_BYTES_MAX, GUEST_STACK_BYTES_MAX, INSTANCES_MAX, MEMORY_BYTES_MAX,
    NUMBERED_MODULES_MAX, PAGE_BYTES, TABLE_ELEMENTS_MAX,
};

pub use check::CheckError;
pub(crate) use evaluation::FromFacts;
pub use evaluation::{Answering, Cause, Evaluation, Fault, Reason, Stopped, Verdict};
pub use inspection::Inspection;
pub use machine_code::MachineCodeStore;
pub use meter::Spent;
pub(crate) use module::ModuleNumber;
pub use module::{Digest, Module, ModuleStatistics, ParseDigestError};

/// How an engine is made.
#[derive(Debug)]
pub struct EngineOptions {
    /// Where machine code is kept between runs; `None` compiles each module anew.
    pub machine_code: Option<MachineCodeStore>,
    /// Memory for compiled modules, in bytes of machine code.
    pub compiled_bytes: u64,
    /// Instances that may live at once. Each reserves address space, and memory only while it is used.
    pub instances: u32,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            machine_code: None,
            compiled_bytes: COMPILED_BYTES_MAX,
            instances: INSTANCES_MAX,
        }
    }
}

/// Checks, compiles and runs modules. One for a process; share it by `Arc`.
pub struct Engine {
    wasm: wasmtime::Engine,
    linker: wasmtime::Linker<imports::State>,
    machine_code: Option<MachineCodeStore>,
    /// By digest, weighed by machine code. A plan holds its modules itself, so what falls out here is only slower to
    /// come back.
    modules: Cache<Digest, Arc<Module>>,
    /// A module that is loaded again gets the number that its trees are filed under.
    numbers: Mutex<HashMap<Digest, ModuleNumber>>,
}

impl Engine {
    /// Makes an engine.
    ///
    /// # Errors
    /// Where the processor or the operating system lacks what the engine needs, or the store of machine code cannot be
    /// opened.
    pub fn new(options: EngineOptions) -> Result<Self, EngineError> {
        let wasm = wasmtime::Engine::new(&config(options.instances)).map_err(EngineError::new)?;
        let linker = imports::linker(&wasm).map_err(EngineError::new)?;
        if let Some(store) = &options.machine_code {
            store.open().map_err(EngineError::new)?;
        }
        Ok(Self {
            wasm,
            linker,
            machine_code: options.machine_code,
            modules: Cache::builder()
                .max_capacity(options.compiled_bytes)
                .weigher(|_, module: &Arc<Module>| {
                    u32::try_from(module.code_bytes()).unwrap_or(u32::MAX)
                })
                .build(),
            numbers: Mutex::new(HashMap::new()),
        })
    }

    /// Looks at a module without compiling it: its exports, imports, size and manifest.
    ///
    /// # Errors
    /// Where a plan would not take it.
    pub fn check(&self, bytes: &[u8]) -> Result<Inspection, CheckError> {
        check::check(bytes)
    }

    /// Checks and compiles a module, or finds it where it was compiled before. It takes milliseconds: not for the path
    /// of a request.
    ///
    /// # Errors
    /// Where the module is refused, or cannot be compiled.
    pub fn load(&self, bytes: &[u8]) -> Result<Arc<Module>, LoadError> {
        let digest = Digest::of(bytes);
        if let Some(module) = self.modules.get(&digest) {
            return Ok(module);
        }
        let stored = self
            .machine_code
            .as_ref()
            .and_then(|store| store.find(&self.wasm, digest));
        let (code, inspection) = match stored {
            Some(found) => (
                found.code,
                Inspection::known(bytes, digest, found.reusable)?,
            ),
            None => self.compile(bytes)?,
        };
        let pre = self
            .linker
            .instantiate_pre(&code)
            .map_err(LoadError::compile)?;
        let module = Arc::new(Module::new(self.number(digest), inspection, pre));
        self.modules.insert(digest, Arc::clone(&module));
        Ok(module)
    }

    /// The module of this digest, if it is in memory.
    pub fn loaded(&self, digest: Digest) -> Option<Arc<Module>> {
        self.modules.get(&digest)
    }

    /// Lets time pass for evaluations: each ends after [`EPOCH_TICKS_MAX`](crate::limits::EPOCH_TICKS_MAX) ticks. Call
    /// it every ten milliseconds; without, fuel alone ends them.
    pub fn tick(&self) {
        self.wasm.increment_epoch();
    }

    fn compile(&self, bytes: &[u8]) -> Result<(wasmtime::Module, Inspection), LoadError> {
        let inspection = check::check(bytes)?;
        let code = wasmtime::Module::from_binary(&self.wasm, bytes).map_err(LoadError::compile)?;
        if let Some(store) = &self.machine_code
            && let Err(error) = store.keep(&self.wasm, &inspection, &code)
        {
            // The next start compiles again: slower, and no less right.
            tracing::warn!(module.digest = %inspection.digest, %error, "machine code was not kept");
        }
        Ok((code, inspection))
    }

    fn number(&self, digest: Digest) -> ModuleNumber {
        let mut numbers = self.numbers.lock();
        if numbers.len() >= NUMBERED_MODULES_MAX {
            numbers.clear();
        }
        *numbers.entry(digest).or_insert_with(ModuleNumber::next)
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("modules", &self.modules.entry_count())
            .finish_non_exhaustive()
    }
}

/// Everything that a policy has no use for is off; everything that could differ between two runs is off too.
fn config(instances: u32) -> wasmtime::Config {
    let memory = u64::try_from(MEMORY_BYTES_MAX).unwrap_or(u64::MAX);
    let mut config = wasmtime::Config::new();
    config
        .strategy(wasmtime::Strategy::Cranelift)
        .cranelift_nan_canonicalization(true)
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(GUEST_STACK_BYTES_MAX)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_tail_call(false)
        .wasm_extended_const(false)
        .generate_address_map(false)
        // Policies touch little memory. With a small reservation the pool stays small, for a few checked accesses.
        .memory_reservation(memory)
        .memory_guard_size(memory_guard())
        .guard_before_linear_memory(false)
        .allocation_strategy(wasmtime::InstanceAllocationStrategy::Pooling(pool(
            instances,
        )));
    config
}

fn memory_guard() -> u64 {
    u64::try_from(PAGE_BYTES).unwrap_or(0)
}

fn pool(instances: u32) -> wasmtime::PoolingAllocationConfig {
    let mut pool = wasmtime::PoolingAllocationConfig::new();
    pool.total_core_instances(instances)
        .total_memories(instances)
        .total_tables(instances)
        .max_memories_per_module(1)
        .max_tables_per_module(1)
        .max_memory_size(MEMORY_BYTES_MAX)
        .table_elements(usize::try_from(TABLE_ELEMENTS_MAX).unwrap_or(0))
        .max_core_instance_size(64 * 1_024)
        // What a page fault would cost more than zeroing, and no more: idle instances hold little.
        .linear_memory_keep_resident(4 * 1_024)
        .table_keep_resident(0)
        .max_unused_warm_slots(64);
    pool
}

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
#[error("the policy engine cannot start: {message}")]
pub struct EngineError {
    message: String,
}

impl EngineError {
    fn new(error: impl fmt::Display) -> Self {
        Self {
            message: format!("{error:#}"),
        }
    }
}

/// Why a module cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It is refused before it is compiled.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// It cannot be compiled or linked.
    #[error("the module cannot be compiled: {message}")]
    Compile {
        /// What the compiler says.
        message: String,
    },
}

impl LoadError {
    fn compile(error: impl fmt::Display) -> Self {
        Self::Compile {
            message: format!("{error:#}"),
        }
    }
}
