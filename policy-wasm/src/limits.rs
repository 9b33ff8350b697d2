//! Every bound of the policy engine on one page. The numbers without another source are our own choice.

use std::time::Duration;

/// Longest name of an attribute in a module's table, and of its parameter, in bytes.
pub const ATTRIBUTE_NAME_BYTES_MAX: usize = 256;
/// Most attributes that a module's table may name.
pub const ATTRIBUTES_MAX: usize = 512;
/// Largest operand of a question, in bytes.
pub const OPERAND_BYTES_MAX: usize = 2 * 1_024;
/// Most bytes of a value that `read` hands out.
pub const READ_BYTES_MAX: usize = 2 * 1_024;
/// Most questions of one evaluation, and so the depth of a tree.
pub const QUESTIONS_MAX: usize = 512;
/// Most templates of one predicate.
pub const TEMPLATES_MAX: usize = 512;
/// Most parts of one template.
pub const TEMPLATE_PARTS_MAX: usize = 64;
/// Most references to other attributes in one template: each may have many values, and every combination counts.
pub const TEMPLATE_REFERENCES_MAX: usize = 4;
/// Most bytes that the answers to one evaluation's questions may look at. A byte takes about a nanosecond.
pub const WORK_BYTES_MAX: u64 = 1_024 * 1_024;
/// Longest name of a statement that `because` takes, in bytes.
pub const REASON_BYTES_MAX: usize = 64;
/// Most statements that one evaluation may name.
pub const REASONS_MAX: usize = 8;
/// Most obligations of one evaluation.
pub const OBLIGATIONS_MAX: usize = 8;
/// Most layers of a plan.
pub const LAYERS_MAX: usize = 64;

/// Largest document, in bytes. Source: S3 User Guide, "Bucket policies": 20 KB.
pub const DOCUMENT_BYTES_MAX: usize = 20 * 1_024;
/// Most statements of one document. The shortest statements that do something fill a document of
/// [`DOCUMENT_BYTES_MAX`] with about as many.
pub const DOCUMENT_STATEMENTS_MAX: usize = 400;
/// Most faults that one reading reports: who reads the first hundred needs no more.
pub const DOCUMENT_FAULTS_MAX: usize = 100;

/// Largest module, in bytes.
pub const MODULE_BYTES_MAX: usize = 1_024 * 1_024;
/// Largest custom section `postern.policy`, in bytes.
pub const MANIFEST_BYTES_MAX: usize = 256 * 1_024;
/// Longest name of a module, in bytes.
pub const MODULE_NAME_BYTES_MAX: usize = 128;
/// Longest description of a module, in bytes.
pub const DESCRIPTION_BYTES_MAX: usize = 4 * 1_024;
/// Most tests that a module may carry.
pub const EMBEDDED_TESTS_MAX: usize = 1_000;
/// Most functions of a module.
pub const FUNCTIONS_MAX: u32 = 4_096;
/// Largest body of a function, in bytes: the time that Cranelift takes grows faster than a body.
pub const FUNCTION_BYTES_MAX: usize = 128 * 1_024;
/// Most locals of a function, its parameters among them.
pub const LOCALS_MAX: u32 = 2_048;
/// Deepest nesting of blocks in a function.
pub const NESTING_MAX: u32 = 256;
/// Most globals of a module.
pub const GLOBALS_MAX: u32 = 256;
/// Most types of a module.
pub const TYPES_MAX: u32 = 512;
/// Most exports of a module.
pub const EXPORTS_MAX: u32 = 64;
/// Most data or element segments of a module.
pub const SEGMENTS_MAX: u32 = 1_024;
/// Most elements of a module's table.
pub const TABLE_ELEMENTS_MAX: u64 = 1_024;

/// Bytes of a page of WebAssembly. Source: WebAssembly Core Specification, "Memory Instances".
pub const PAGE_BYTES: usize = 64 * 1_024;
/// Largest memory of a module, in pages. The default of LLVM's linker is 17.
pub const MEMORY_PAGES_MAX: usize = 32;
/// Largest memory of a module, in bytes.
pub const MEMORY_BYTES_MAX: usize = MEMORY_PAGES_MAX * PAGE_BYTES;
/// Stack of a guest, in bytes. It lies on the stack of the worker, which has 2 MiB.
pub const GUEST_STACK_BYTES_MAX: usize = 256 * 1_024;
/// Fuel of one evaluation: about as many instructions, so about half a millisecond.
pub const FUEL_MAX: u64 = 1_000_000;
/// Ticks of the engine's epoch after which an evaluation ends, whatever its fuel. See `Engine::tick`.
pub const EPOCH_TICKS_MAX: u64 = 5;
/// Instances that may live at once, reused ones among them.
pub const INSTANCES_MAX: u32 = 1_024;
/// Instances that one worker keeps for reuse.
pub const REUSED_INSTANCES_MAX: usize = 32;
/// Instances that all workers together keep for reuse. The others stay free for evaluations.
pub const REUSED_INSTANCES_OF_ALL_MAX: usize = 512;

/// Compiled modules that the engine keeps, in bytes of machine code. A small module takes 24 KiB and two memory maps, of
/// which a process has 65,530 (Linux, `vm.max_map_count`): so these are some 2,700 small modules and 5,400 maps. The
/// default; see `EngineOptions`.
pub const COMPILED_BYTES_MAX: u64 = 64 * 1_024 * 1_024;
/// Memory maps that the code of one module takes: what is read, and what is run.
pub const MODULE_MAPS: usize = 2;
/// Modules whose code is in memory at once, whoever holds them. Linux allows a process 65,530 memory maps, and the rest of
/// it needs some. Source: Linux, Documentation/admin-guide/sysctl/vm.rst, `max_map_count`.
pub const LIVING_MODULES_MAX: usize = 24_576;
/// Modules whose number the engine remembers, so that a module that comes back finds its trees.
pub const NUMBERED_MODULES_MAX: usize = 65_536;
/// Files that the store of machine code keeps: those that were used last.
pub const MACHINE_CODE_FILES_MAX: usize = 4_096;
/// Bytes of all files of the store of machine code. A small module takes some 20 KiB.
pub const MACHINE_CODE_STORE_BYTES_MAX: u64 = 512 * 1_024 * 1_024;
/// Largest machine code of one module, in bytes. It is some five to ten times as long as the module.
pub const MACHINE_CODE_BYTES_MAX: u64 = 32 * 1_024 * 1_024;

/// Processor time that compiling one module may take, in seconds. A large policy takes 25 ms. One function of
/// [`FUNCTION_BYTES_MAX`] made of nothing but loops within loops takes half a minute, and a module has room for eight.
pub const COMPILE_PROCESSOR_SECONDS_MAX: u64 = 5;
/// Time by the clock that compiling one module may take. The compiler goes after everything else that wants a processor.
pub const COMPILE_TIME_MAX: Duration = Duration::from_secs(30);
/// Address space of a compiler in a process of its own, in bytes. The allocator reserves 1 GiB when the program starts,
/// which may be before the bound is set, so half of this is for the work. An ordinary module of 1 MiB takes some 50 MiB;
/// the worst that is within the bounds of a module takes 450 MiB in its first five seconds, and 3 GiB within a minute.
pub const COMPILE_MEMORY_BYTES_MAX: u64 = 2 * 1_024 * 1_024 * 1_024;
/// Files that it may have open: its three pipes, and what the C library looks at while it starts.
pub const COMPILE_FILES_MAX: u64 = 16;
/// Its priority. Source: setpriority(2): 0 is that of the server, 19 the last.
pub const COMPILE_NICENESS: i32 = 5;
/// Modules that are compiled at once.
pub const COMPILES_AT_ONCE_MAX: usize = 2;
/// Modules that wait to be compiled.
pub const COMPILES_WAITING_MAX: usize = 64;
/// How long they wait.
pub const COMPILE_WAIT_MAX: Duration = Duration::from_secs(15);
/// Largest head of what a compiler answers, in bytes: the names of the imports and some numbers.
pub const COMPILED_HEAD_BYTES_MAX: usize = 4 * 1_024;
/// Longest explanation that a compiler gives, in bytes.
pub const COMPILER_SAYS_BYTES_MAX: usize = 4 * 1_024;

/// Memory of all trees together, in bytes. The default; see `DeciderOptions`.
pub const TREES_BYTES_MAX: u64 = 64 * 1_024 * 1_024;
/// Nodes of one tree. A full tree is replaced by the path that did not fit.
pub const TREE_NODES_MAX: u32 = 16_384;
/// Bytes of one tree.
pub const TREE_BYTES_MAX: u32 = 2 * 1_024 * 1_024;
/// Children of a node that reads a value: the oldest makes room.
pub const READ_CHILDREN_MAX: usize = 64;
/// Trees in the small table of a worker; a power of two.
pub const WORKER_TREES_MAX: usize = 512;
/// Bytes of the trees that the small table of a worker holds on to.
pub const WORKER_TREE_BYTES_MAX: u64 = 8 * 1_024 * 1_024;
/// Locks that keep two threads from evaluating for one tree.
pub const FLIGHTS_MAX: usize = 64;

/// Units of work (fuel, bytes looked at) that one module may burn in a second. About a tenth of a processor.
pub const WASTE_UNITS_PER_SECOND_MAX: u64 = 100_000_000;
/// How long a module that burnt more is not evaluated, in milliseconds.
pub const TRIPPED_MILLISECONDS: u64 = 10_000;

/// Paths that an enumeration follows before it says that it is not complete. The default.
pub const ENUMERATED_PATHS_MAX: usize = 100_000;
/// Questions of one path that an enumeration answers before it gives the path up. The default: what one module may ask.
pub const ENUMERATED_QUESTIONS_MAX: usize = QUESTIONS_MAX;
/// Time of an enumeration, in milliseconds. The default.
pub const ENUMERATION_MILLISECONDS_MAX: u64 = 10_000;
/// States of the search for one text that fits some patterns and not others. What takes more counts as unknown.
pub const TEXT_STATES_MAX: usize = 4_096;
/// Values that are tried for questions that compare one attribute with another.
pub const LINKED_TRIES_MAX: usize = 1_024;
/// Results that the solver of one enumeration remembers, by the questions about one attribute.
pub const SOLVED_MAX: usize = 65_536;
/// Most paths on one side of a question for which it is tried whether the question matters.
pub const MERGED_PATHS_MAX: usize = 2_048;
/// Answers that a proposed change may turn.
pub const CHANGED_ANSWERS_MAX: usize = 3;
/// Evaluations of a plan in the search for the smallest change. The default.
pub const CHANGE_EVALUATIONS_MAX: usize = 4_096;
/// Longest name of a module's project, in bytes. Source: crates.io takes 64.
pub const PROJECT_NAME_BYTES_MAX: usize = 64;
/// Calls that are timed together where a module is measured: one alone is hardly longer than the clock takes.
pub const BENCHED_BATCH: u32 = 32;
/// Batches of one case.
pub const BENCHED_BATCHES_MAX: usize = 201;
/// Time for the batches of one case, in nanoseconds.
pub const BENCHED_NANOSECONDS_MAX: u64 = 200_000_000;
/// How often a module is compiled where it is measured.
pub const BENCHED_COMPILATIONS: usize = 5;
/// Prefixes that a narrower key scope names in each bucket. A prefix is a question of each request.
pub const PROPOSED_PREFIXES_MAX: usize = 8;

// A question's operand and a value that is read must fit the smallest memory of a guest.
const _: () = assert!(OPERAND_BYTES_MAX + READ_BYTES_MAX < PAGE_BYTES);
// The stack must leave the worker room.
const _: () = assert!(GUEST_STACK_BYTES_MAX <= 512 * 1_024);
// The code of all modules leaves the rest of the process 15,000 memory maps.
const _: () = assert!(LIVING_MODULES_MAX * MODULE_MAPS + 15_000 <= 65_530);
// What is kept for reuse leaves room for evaluations.
const _: () = assert!(REUSED_INSTANCES_OF_ALL_MAX * 2 <= INSTANCES_MAX as usize);
// The table of a worker is indexed by masking.
const _: () = assert!(WORKER_TREES_MAX.is_power_of_two() && FLIGHTS_MAX.is_power_of_two());
