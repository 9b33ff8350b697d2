//! The binary `postern`.

use std::process::ExitCode;

/// Small answers are made of small allocations: mimalloc is quicker at them than glibc, and gives memory back sooner.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    postern::cli::run()
}
