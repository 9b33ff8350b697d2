//! A compiler in a process of its own.
//!
//! The process is started for one module and gets nothing but its bytes: no environment, no file of ours, no folder. Its
//! bounds are set from outside before the first byte is handed over, and hold whatever it does. It is no sandbox against
//! a compiler that an attacker has taken over, only against one that takes too much or breaks.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use rustix::process::{
    Pid, Resource, Rlimit, Signal, WaitId, WaitIdOptions, kill_process_group, prlimit,
    setpriority_process, waitid,
};

use super::seats::{Seat, Seats};
use super::{CompilerFault, Frame};
use crate::limits::{
    COMPILE_FILES_MAX, COMPILE_MEMORY_BYTES_MAX, COMPILE_NICENESS, COMPILE_PROCESSOR_SECONDS_MAX,
    COMPILE_TIME_MAX, COMPILE_WAIT_MAX, COMPILED_HEAD_BYTES_MAX, COMPILER_SAYS_BYTES_MAX,
    COMPILES_AT_ONCE_MAX, COMPILES_WAITING_MAX, MACHINE_CODE_BYTES_MAX,
};

/// A command that is a compiler: it reads a module from its standard input and writes to its standard output what
/// [`compile_for_another`](super::compile_for_another) writes.
#[derive(Debug)]
pub struct CompilerProcess {
    program: PathBuf,
    arguments: Vec<OsString>,
    bounds: CompileBounds,
    seats: Seats,
}

/// What compiling one module may take, and how many are compiled.
#[derive(Clone, Copy, Debug)]
pub struct CompileBounds {
    /// Processor time, in seconds.
    pub processor_seconds: u64,
    /// Time by the clock.
    pub time: Duration,
    /// Address space, in bytes.
    pub memory_bytes: u64,
    /// Machine code, in bytes.
    pub output_bytes: u64,
    /// Modules at once.
    pub at_once: usize,
    /// How long the next ones wait.
    pub wait: Duration,
}

impl Default for CompileBounds {
    fn default() -> Self {
        Self {
            processor_seconds: COMPILE_PROCESSOR_SECONDS_MAX,
            time: COMPILE_TIME_MAX,
            memory_bytes: COMPILE_MEMORY_BYTES_MAX,
            output_bytes: MACHINE_CODE_BYTES_MAX,
            at_once: COMPILES_AT_ONCE_MAX,
            wait: COMPILE_WAIT_MAX,
        }
    }
}

impl CompilerProcess {
    /// The compiler that this command is.
    pub fn new(
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
        bounds: CompileBounds,
    ) -> Self {
        Self {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            bounds,
            seats: Seats::new(bounds.at_once, COMPILES_WAITING_MAX, bounds.wait),
        }
    }

    pub(super) fn seat(&self) -> Result<Seat<'_>, CompilerFault> {
        self.seats.sit().ok_or(CompilerFault::Busy)
    }

    pub(super) fn compile(&self, module: &[u8]) -> Result<Frame, CompilerFault> {
        let child = self.start().map_err(CompilerFault::Start)?;
        let ended = self.watch(child, module).map_err(CompilerFault::Start)?;
        self.judge(&ended)
    }

    /// Starts the process and bounds it. It waits for its input meanwhile.
    fn start(&self) -> io::Result<Running> {
        let child = Command::new(&self.program)
            .arg0("postern-compiler")
            .args(&self.arguments)
            .env_clear()
            .current_dir("/")
            // A group of its own: it is ended with all that it may have started, and not by a key at our terminal.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let running = Running::new(child)?;
        let bounds = &self.bounds;
        let limit = |resource, soft, hard| {
            let limit = Rlimit {
                current: Some(soft),
                maximum: Some(hard),
            };
            prlimit(Some(running.id), resource, limit)
        };
        // The soft limit of processor time ends it with a signal that says so; the hard one is for who ignores that.
        let seconds = bounds.processor_seconds;
        limit(Resource::Cpu, seconds, seconds.saturating_add(1))?;
        limit(Resource::As, bounds.memory_bytes, bounds.memory_bytes)?;
        limit(Resource::Core, 0, 0)?;
        limit(Resource::Fsize, 0, 0)?;
        limit(Resource::Nofile, COMPILE_FILES_MAX, COMPILE_FILES_MAX)?;
        // Requests go first.
        setpriority_process(Some(running.id), COMPILE_NICENESS)?;
        Ok(running)
    }

    /// Hands the module over and waits for the end, which comes by itself or at the bound.
    fn watch(&self, mut running: Running, module: &[u8]) -> io::Result<Ended> {
        let id = running.id;
        let pipes = (
            running.child.stdin.take(),
            running.child.stdout.take(),
            running.child.stderr.take(),
        );
        let (Some(mut input), Some(output), Some(errors)) = pipes else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let most = self.bounds.output_bytes.saturating_add(head_bytes());
        let (tell, told) = sync_channel(1);
        std::thread::scope(|scope| {
            // One that does not read to the end says why in another way.
            scope.spawn(move || input.write_all(module).ok());
            let output = scope.spawn(move || bounded(output, most));
            let errors = scope.spawn(move || bounded(errors, says_bytes()));
            // It stays a zombie until `end`, so its number cannot be another's when it is killed.
            let id = WaitId::Pid(id);
            scope.spawn(move || {
                waitid(id, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).ok();
                // Nobody listens after the time is over.
                tell.send(()).ok();
            });
            let in_time = told.recv_timeout(self.bounds.time).is_ok();
            let status = running.end()?;
            let joined = |read: std::thread::Result<io::Result<Vec<u8>>>| {
                read.unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()))
            };
            Ok(Ended {
                in_time,
                status,
                output: joined(output.join())?,
                errors: joined(errors.join())?,
            })
        })
    }

    fn judge(&self, ended: &Ended) -> Result<Frame, CompilerFault> {
        let bounds = &self.bounds;
        if !ended.in_time {
            return Err(CompilerFault::Time {
                milliseconds: bounds.time.as_millis(),
            });
        }
        let most = bounds.output_bytes.saturating_add(head_bytes());
        if u64::try_from(ended.output.len()).unwrap_or(u64::MAX) > most {
            return Err(CompilerFault::Output {
                bytes: bounds.output_bytes,
            });
        }
        if ended.status.success() {
            return Frame::read(&ended.output).ok_or_else(|| CompilerFault::Crashed {
                said: "its answer cannot be read".to_owned(),
            });
        }
        let said = String::from_utf8_lossy(&ended.errors);
        let signal = ended.status.signal();
        if signal == Some(Signal::XCPU.as_raw()) {
            return Err(CompilerFault::ProcessorTime {
                seconds: bounds.processor_seconds,
            });
        }
        // What Rust's own runtime says before it aborts: the only way to tell it from other ends by the same signal.
        if said.contains("memory allocation of") {
            return Err(CompilerFault::Memory {
                mebibytes: bounds.memory_bytes / (1_024 * 1_024),
            });
        }
        let last = said.lines().rfind(|line| !line.trim().is_empty());
        let last = last.map(|line| format!(": {}", line.trim()));
        Err(CompilerFault::Crashed {
            said: format!("{}{}", ended.status, last.unwrap_or_default()),
        })
    }
}

/// A compiler that has ended.
struct Ended {
    in_time: bool,
    status: ExitStatus,
    output: Vec<u8>,
    errors: Vec<u8>,
}

/// A process that does not outlive its watcher.
struct Running {
    child: Child,
    id: Pid,
    ended: bool,
}

impl Running {
    fn new(mut child: Child) -> io::Result<Self> {
        match i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
            Some(id) => Ok(Self {
                child,
                id,
                ended: false,
            }),
            None => {
                child.kill()?;
                child.wait()?;
                Err(io::ErrorKind::InvalidData.into())
            }
        }
    }

    /// Ends it, should it still run, and whatever it started.
    fn end(&mut self) -> io::Result<ExitStatus> {
        // A group that is gone needs no killing.
        kill_process_group(self.id, Signal::KILL).ok();
        self.ended = true;
        self.child.wait()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            drop(self.end());
        }
    }
}

/// What is read, at most one byte more than the bound. The pipe is closed then, which ends who goes on writing.
fn bounded(from: impl Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn head_bytes() -> u64 {
    u64::try_from(COMPILED_HEAD_BYTES_MAX).unwrap_or(0)
}

fn says_bytes() -> u64 {
    u64::try_from(COMPILER_SAYS_BYTES_MAX).unwrap_or(0)
}
