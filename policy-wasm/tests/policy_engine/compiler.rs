//! A compiler in a process of its own: whatever it does, it ends at a bound, and the engine goes on.
//!
//! The compilers here are commands of the shell that do what a compiler in trouble does. The real one is tried by the
//! tests of the system, with the binary.

use std::time::Duration;

use policy_wasm::engine::{
    CompileBounds, Compiler, CompilerFault, CompilerProcess, Engine, EngineOptions, LoadError,
};

use super::support::*;

/// An engine whose compiler is this command.
fn engine_by(command: &str, bounds: CompileBounds) -> Engine {
    let compiler = CompilerProcess::new("/bin/sh", ["-c", command], bounds);
    Engine::new(EngineOptions {
        compiler: Compiler::Apart(compiler),
        instances: 16,
        ..EngineOptions::default()
    })
    .unwrap()
}

fn bounds() -> CompileBounds {
    CompileBounds::default()
}

fn fault(command: &str, bounds: CompileBounds) -> CompilerFault {
    let engine = engine_by(command, bounds);
    let bytes = assemble(&policy("(i32.const 1)"), &[]);
    let Err(LoadError::Compiler(fault)) = engine.load(&bytes) else {
        panic!("`{command}` compiled a module");
    };
    let counted = engine.statistics();
    let expected = u64::from(fault.is_the_modules());
    assert_eq!(
        (counted.refused, counted.turned_away),
        (expected, 1 - expected)
    );
    // What is not a stranger's is compiled all the same.
    engine.load_own(&bytes).unwrap();
    fault
}

#[test]
fn a_compiler_that_spins_is_ended_at_its_processor_time() {
    let bounds = CompileBounds {
        processor_seconds: 1,
        ..bounds()
    };
    let fault = fault("while :; do :; done", bounds);
    assert!(
        matches!(fault, CompilerFault::ProcessorTime { seconds: 1 }),
        "{fault}"
    );
    assert_eq!(
        fault.to_string(),
        "compiling it took more than 1 s of processor time"
    );
}

#[test]
fn a_compiler_that_sleeps_is_ended_at_its_time_with_all_that_it_started() {
    let bounds = CompileBounds {
        time: Duration::from_millis(200),
        ..bounds()
    };
    // The sleeper holds the pipes: the answer would come after a minute if only the shell were ended.
    let fault = fault("sleep 60 & sleep 60", bounds);
    assert_eq!(fault.to_string(), "compiling it took longer than 200 ms");
}

#[test]
fn a_compiler_that_takes_too_much_memory_is_refused_it() {
    let bounds = CompileBounds {
        memory_bytes: 64 * 1_024 * 1_024,
        ..bounds()
    };
    let fault = fault(
        "echo memory allocation of 99 bytes failed >&2; ulimit -v; kill -ABRT $$",
        bounds,
    );
    assert_eq!(
        fault.to_string(),
        "compiling it took more than 64 MiB of memory"
    );
}

#[test]
fn the_bounds_are_those_of_the_process_before_it_reads_a_byte() {
    let bounds = CompileBounds {
        processor_seconds: 3,
        memory_bytes: 512 * 1_024 * 1_024,
        ..bounds()
    };
    let told = "read x; echo $(ulimit -t) $(ulimit -v) $(ulimit -c) $(ulimit -f) $(ulimit -n) $(env) $PWD >&2; exit 1";
    let fault = fault(told, bounds).to_string();
    // The shell itself makes PWD.
    assert!(fault.ends_with("3 524288 0 0 16 PWD=/ /"), "{fault}");
}

#[test]
fn a_compiler_that_says_too_much_is_not_listened_to() {
    let bounds = CompileBounds {
        output_bytes: 1_000_000,
        ..bounds()
    };
    let fault = fault("yes", bounds);
    assert!(
        matches!(fault, CompilerFault::Output { bytes: 1_000_000 }),
        "{fault}"
    );
}

#[test]
fn a_compiler_that_crashes_babbles_or_is_not_there_is_a_fault_and_no_more() {
    for (command, said) in [
        (
            "kill -SEGV $$",
            "the compiler broke on it: signal: 11 (SIGSEGV)",
        ),
        (
            "echo what a mess >&2; exit 3",
            "the compiler broke on it: exit status: 3: what a mess",
        ),
        (
            "echo nonsense",
            "the compiler broke on it: its answer cannot be read",
        ),
        (
            "true",
            "the compiler broke on it: its answer cannot be read",
        ),
        (
            "printf 'pstncmp1\\001\\377\\377\\377\\377'",
            "the compiler broke on it: its answer cannot be read",
        ),
    ] {
        assert_eq!(fault(command, bounds()).to_string(), said);
    }
    let compiler = CompilerProcess::new("/nowhere/postern", [""; 0], bounds());
    let engine = Engine::new(EngineOptions {
        compiler: Compiler::Apart(compiler),
        instances: 16,
        ..EngineOptions::default()
    });
    let error = engine
        .unwrap()
        .load(&assemble(&policy("(i32.const 1)"), &[]));
    assert!(
        error
            .unwrap_err()
            .to_string()
            .starts_with("the compiler cannot be started")
    );
}

#[test]
fn machine_code_that_no_compiler_wrote_is_refused() {
    let frame = r#"printf 'pstncmp1\001\100\000\000\000{"reusable":true,"functions":1,"imports":[],"memory_pages":1}   nonsense'"#;
    let engine = engine_by(frame, bounds());
    let error = engine.load(&assemble(&policy("(i32.const 1)"), &[]));
    assert!(matches!(error, Err(LoadError::Compile { .. })), "{error:?}");
}

#[test]
fn who_comes_when_all_seats_are_taken_waits_and_is_then_turned_away() {
    let bounds = CompileBounds {
        time: Duration::from_secs(2),
        at_once: 1,
        wait: Duration::from_millis(50),
        ..bounds()
    };
    let engine = engine_by("sleep 60", bounds);
    let [one, two] = ["(i32.const 1)", "(i32.const 2)"].map(|body| assemble(&policy(body), &[]));
    std::thread::scope(|scope| {
        let both = [one, two].map(|bytes| {
            scope.spawn(|| {
                let bytes = bytes;
                engine.load(&bytes).unwrap_err().to_string()
            })
        });
        let mut said = both.map(|thread| thread.join().unwrap());
        said.sort_unstable();
        assert_eq!(
            said,
            [
                "compiling it took longer than 2000 ms",
                "the compiler is at work on other modules: try again in a moment"
            ]
        );
    });
}
