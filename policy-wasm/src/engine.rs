//! The engine: it checks modules, compiles them, keeps their machine code and lets them ask.
//!
//! A module that is evaluated sees the answers to its questions and nothing else, and starts fresh each time. Its
//! verdict is therefore a function of the answers, which is what the trees rest on.

mod check;
mod compiled;
mod compiler;
mod evaluation;
mod imports;
mod inspection;
mod machine_code;
mod meter;
mod module;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use moka::sync::Cache;
use parking_lot::Mutex;

use crate::limits::{
    COMPILED_BYTES_MAX, GUEST_STACK_BYTES_MAX, INSTANCES_MAX, LIVING_MODULES_MAX, MEMORY_BYTES_MAX,
    MODULE_BYTES_MAX, NUMBERED_MODULES_MAX, PAGE_BYTES, TABLE_ELEMENTS_MAX,
};

pub use check::CheckError;
use compiled::Compiled;
pub use compiler::{CompileBounds, Compiler, CompilerFault, CompilerProcess, compile_for_another};
pub(crate) use evaluation::FromFacts;
pub use evaluation::{Answering, Cause, Evaluation, Fault, Reason, Stopped, Verdict};
pub use inspection::Inspection;
pub use machine_code::MachineCodeStore;
use machine_code::Shelf;
pub use meter::Spent;
pub(crate) use module::ModuleNumber;
use module::Room;
pub use module::{Digest, Module, ModuleStatistics, ParseDigestError};

/// How an engine is made.
#[derive(Debug)]
pub struct EngineOptions {
    /// Who checks and compiles the modules of strangers.
    pub compiler: Compiler,
    /// Where machine code is kept between runs; `None` compiles each module anew.
    pub machine_code: Option<MachineCodeStore>,
    /// Memory for compiled modules, in bytes of machine code. A module of a few statements takes 24 KiB.
    pub compiled_bytes: u64,
    /// Instances that may live at once. Each reserves address space, and memory only while it is used.
    pub instances: u32,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            compiler: Compiler::Here,
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
    compiler: Compiler,
    machine_code: Option<Shelf>,
    /// By digest, weighed by machine code. A plan holds its modules itself, so what falls out here is only slower to
    /// come back.
    modules: Cache<Digest, Arc<Module>>,
    /// A module that is loaded again gets the number that its trees are filed under.
    numbers: Mutex<HashMap<Digest, ModuleNumber>>,
    counters: Counters,
}

#[derive(Debug, Default)]
struct Counters {
    compiled: AtomicU64,
    found: AtomicU64,
    refused: AtomicU64,
    turned_away: AtomicU64,
}

/// How modules came to be loaded, since the engine was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EngineStatistics {
    /// Modules that were compiled.
    pub compiled: u64,
    /// Modules whose machine code was found in the store.
    pub found: u64,
    /// Files of the store that were not used, because they are not ours, not whole, or another engine's.
    pub rejected: u64,
    /// Modules that passed a bound of the compiler, or broke it.
    pub refused: u64,
    /// Modules that were not compiled because too many others were.
    pub turned_away: u64,
    /// Modules in memory.
    pub modules: u64,
    /// Their machine code, in bytes.
    pub code_bytes: u64,
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
        let machine_code = match options.machine_code {
            Some(store) => Some(store.open(&wasm).map_err(EngineError::new)?),
            None => None,
        };
        Ok(Self {
            wasm,
            linker,
            compiler: options.compiler,
            machine_code,
            modules: Cache::builder()
                .max_capacity(options.compiled_bytes)
                .weigher(|_, module: &Arc<Module>| {
                    u32::try_from(module.code_bytes()).unwrap_or(u32::MAX)
                })
                .build(),
            numbers: Mutex::new(HashMap::new()),
            counters: Counters::default(),
        })
    }

    /// Looks at a module without compiling it: its exports, imports, size and manifest.
    ///
    /// # Errors
    /// Where a plan would not take it.
    pub fn check(&self, bytes: &[u8]) -> Result<Inspection, CheckError> {
        check::check(bytes)
    }

    /// Checks and compiles a module, or finds it where it was compiled before. It takes milliseconds, and seconds in a
    /// process of its own: not for the path of a request.
    ///
    /// # Errors
    /// Where the module is refused, or cannot be compiled within the bounds.
    pub fn load(&self, bytes: &[u8]) -> Result<Arc<Module>, LoadError> {
        self.load_by(&self.compiler, bytes)
    }

    /// Loads a module that this product's own compiler of policies wrote: it is no stranger's, and is compiled here.
    ///
    /// # Errors
    /// As [`Engine::load`].
    pub fn load_own(&self, bytes: &[u8]) -> Result<Arc<Module>, LoadError> {
        self.load_by(&Compiler::Here, bytes)
    }

    fn load_by(&self, compiler: &Compiler, bytes: &[u8]) -> Result<Arc<Module>, LoadError> {
        let digest = Digest::of(bytes);
        if let Some(module) = self.modules.get(&digest) {
            return Ok(module);
        }
        if bytes.len() > MODULE_BYTES_MAX {
            return Err(CheckError::TooLarge { bytes: bytes.len() }.into());
        }
        if let Some(module) = self.kept(bytes, digest)? {
            return Ok(module);
        }
        let seat = compiler.seat().map_err(|fault| self.noted(fault.into()))?;
        // While this one waited, another may have compiled the same module.
        if let Some(module) = self.modules.get(&digest) {
            return Ok(module);
        }
        let compiled = compiler
            .compile(&self.wasm, bytes)
            .map_err(|error| self.noted(error))?;
        add(&self.counters.compiled);
        if let Some(shelf) = &self.machine_code {
            shelf.keep(digest, &compiled);
        }
        let module = self.ready(bytes, digest, &compiled)?;
        drop(seat);
        Ok(module)
    }

    /// The module from its kept machine code.
    fn kept(&self, bytes: &[u8], digest: Digest) -> Result<Option<Arc<Module>>, LoadError> {
        let Some(compiled) = self.machine_code.as_ref().and_then(|it| it.find(digest)) else {
            return Ok(None);
        };
        match self.ready(bytes, digest, &compiled) {
            Ok(module) => {
                add(&self.counters.found);
                Ok(Some(module))
            }
            // Ours, and of no use: it is compiled again.
            Err(LoadError::Compile { message }) => {
                if let Some(shelf) = &self.machine_code {
                    shelf.reject(digest, &message);
                }
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    /// Links machine code and keeps the module in memory.
    fn ready(
        &self,
        bytes: &[u8],
        digest: Digest,
        compiled: &Compiled,
    ) -> Result<Arc<Module>, LoadError> {
        let code = compiled.load(&self.wasm).map_err(LoadError::compile)?;
        let pre = self
            .linker
            .instantiate_pre(&code)
            .map_err(LoadError::compile)?;
        let inspection = Inspection::known(bytes, digest, &compiled.head)?;
        let room = Room::take().ok_or(LoadError::TooMany)?;
        let number = self.number(digest);
        let module = Arc::new(Module::new(number, inspection, (pre, room)));
        self.modules.insert(digest, Arc::clone(&module));
        Ok(module)
    }

    fn noted(&self, error: LoadError) -> LoadError {
        if let LoadError::Compiler(fault) = &error {
            add(if fault.is_the_modules() {
                &self.counters.refused
            } else {
                &self.counters.turned_away
            });
        }
        error
    }

    /// How modules came to be loaded.
    pub fn statistics(&self) -> EngineStatistics {
        let get = |number: &AtomicU64| number.load(Ordering::Relaxed);
        self.modules.run_pending_tasks();
        EngineStatistics {
            compiled: get(&self.counters.compiled),
            found: get(&self.counters.found),
            rejected: self.machine_code.as_ref().map_or(0, Shelf::rejected),
            refused: get(&self.counters.refused),
            turned_away: get(&self.counters.turned_away),
            modules: self.modules.entry_count(),
            code_bytes: self.modules.weighted_size(),
        }
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

fn add(number: &AtomicU64) {
    number.fetch_add(1, Ordering::Relaxed);
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
    /// The compiler in a process of its own refuses it.
    #[error("{why}")]
    Refused {
        /// Why.
        why: String,
    },
    /// Compiling it passes a bound, or there is no compiler for it now.
    #[error(transparent)]
    Compiler(#[from] CompilerFault),
    /// This process holds as many as it may.
    #[error("{LIVING_MODULES_MAX} modules are in memory and in use")]
    TooMany,
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
