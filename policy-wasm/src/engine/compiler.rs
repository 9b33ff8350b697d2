//! Who checks and compiles a module: this process, or one of its own that can be stopped.
//!
//! A compiler takes the time and the memory that a module makes it take; no check of the module's size bounds them for
//! certain. What strangers hand in is therefore compiled where it can do no harm: in a process with bounds, which is
//! killed when it passes one, while the server goes on. What our own compiler of policies wrote is compiled here.

mod process;
mod seats;

use std::io::{self, Read, Write};

pub use process::{CompileBounds, CompilerProcess};

use super::check;
use super::compiled::{Compiled, Frame, Head};
use super::{EngineError, LoadError, config};
use crate::limits::{COMPILER_SAYS_BYTES_MAX, MODULE_BYTES_MAX};

/// Who checks and compiles.
#[derive(Debug, Default)]
pub enum Compiler {
    /// This process: for modules that are trusted not to harm it, for tests, and for commands that end soon.
    #[default]
    Here,
    /// A process of its own for each module, with bounds.
    Apart(CompilerProcess),
}

impl Compiler {
    /// Waits for a seat: compiling is work for a processor, and there are not many.
    pub(super) fn seat(&self) -> Result<Option<seats::Seat<'_>>, CompilerFault> {
        match self {
            Self::Here => Ok(None),
            Self::Apart(process) => process.seat().map(Some),
        }
    }

    pub(super) fn compile(
        &self,
        engine: &wasmtime::Engine,
        bytes: &[u8],
    ) -> Result<Compiled, LoadError> {
        match self {
            Self::Here => here(engine, bytes),
            Self::Apart(process) => match process.compile(bytes)? {
                Frame::Made(compiled) => Ok(compiled),
                Frame::Refused(why) => Err(LoadError::Refused { why }),
            },
        }
    }
}

fn here(engine: &wasmtime::Engine, bytes: &[u8]) -> Result<Compiled, LoadError> {
    let inspection = check::check(bytes)?;
    let code = engine
        .precompile_module(bytes)
        .map_err(LoadError::compile)?;
    Ok(Compiled {
        head: Head::from(&inspection),
        code,
    })
}

/// The other side of [`Compiler::Apart`]: reads a module, checks and compiles it, and writes what came of it. It is all
/// that the process does which was started for it, and its bounds were set by who started it.
///
/// # Errors
/// Where reading or writing fails, or there is no engine. The process then ends with a failure.
pub fn compile_for_another(mut from: impl Read, mut to: impl Write) -> io::Result<()> {
    let most = u64::try_from(MODULE_BYTES_MAX).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    // One byte more than is allowed, so that too large a module is seen to be one.
    from.by_ref()
        .take(most.saturating_add(1))
        .read_to_end(&mut bytes)?;
    // No module runs here, so one instance is room enough; the pool would only take address space.
    let engine = wasmtime::Engine::new(&config(1)).map_err(EngineError::new);
    let engine = engine.map_err(io::Error::other)?;
    let frame = match here(&engine, &bytes) {
        Ok(compiled) => Frame::Made(compiled),
        Err(why) => {
            let mut why = why.to_string();
            why.truncate(why.floor_char_boundary(COMPILER_SAYS_BYTES_MAX));
            Frame::Refused(why)
        }
    };
    let (head, rest) = frame.write().ok_or(io::ErrorKind::FileTooLarge)?;
    to.write_all(&head)?;
    to.write_all(rest)?;
    to.flush()
}

/// Why the compiler gave no machine code, although nothing may be wrong with the module.
#[derive(Debug, thiserror::Error)]
pub enum CompilerFault {
    /// Others are being compiled.
    #[error("the compiler is at work on other modules: try again in a moment")]
    Busy,
    /// It took too much of a processor.
    #[error("compiling it took more than {seconds} s of processor time")]
    ProcessorTime {
        /// The bound.
        seconds: u64,
    },
    /// It took too long by the clock.
    #[error("compiling it took longer than {milliseconds} ms")]
    Time {
        /// The bound.
        milliseconds: u128,
    },
    /// It took too much memory.
    #[error("compiling it took more than {mebibytes} MiB of memory")]
    Memory {
        /// The bound.
        mebibytes: u64,
    },
    /// The machine code is too long.
    #[error("its machine code has more than {bytes} bytes")]
    Output {
        /// The bound.
        bytes: u64,
    },
    /// The compiler broke.
    #[error("the compiler broke on it: {said}")]
    Crashed {
        /// How it ended, and what it said last.
        said: String,
    },
    /// There is no compiler.
    #[error("the compiler cannot be started: {0}")]
    Start(#[source] io::Error),
}

impl CompilerFault {
    /// Whether the module is to blame, and not the moment or the machine.
    pub const fn is_the_modules(&self) -> bool {
        match self {
            Self::ProcessorTime { .. }
            | Self::Time { .. }
            | Self::Memory { .. }
            | Self::Output { .. }
            | Self::Crashed { .. } => true,
            Self::Busy | Self::Start(_) => false,
        }
    }
}
