//! A policy module goes in and out of force a hundred times under load. No request fails for it, each line of the log
//! names one version, and a rule holds from the first request after the command has returned.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tests::call::{self, Call};
use tests::gate::Gate;
use tests::wait;
use tests::wire::Wire;

/// How often the module is put in force and taken back.
const SWAPS: usize = 100;
/// The load that must be there meanwhile, in requests a second.
const RATE_MIN: f64 = 1_000.0;
/// Connections that load the gate.
const CONNECTIONS: usize = 4;

/// A guard that denies all reads below `prefix`, and says so.
fn module(version: &str, prefix: &str) -> String {
    format!(
        r#"(module
  (import "postern" "starts_with" (func $starts_with (param i32 i32 i32) (result i32)))
  (import "postern" "because" (func $because (param i32 i32)))
  (memory (export "memory") 1 1)
  (data (i32.const 0) "{prefix}")
  (data (i32.const 64) "{version}")
  (func (export "decide") (result i32)
    (if (i32.eqz (call $starts_with (i32.const 0) (i32.const 0) (i32.const {})))
      (then (return (i32.const 0))))
    (call $because (i32.const 64) (i32.const {}))
    (i32.const 2))
  (@custom "postern.policy" "{{\"abi\":\"postern:policy/1\",\"name\":\"swap\",\"version\":\"{version}\",\"attributes\":[\"postern:Key\"]}}"))"#,
        prefix.len(),
        version.len()
    )
}

/// Stores a version and answers its digest.
fn push(gate: &Gate, version: &str, prefix: &str) -> String {
    let path = tests::clients::file(gate.dir(), "swap.wat", module(version, prefix).as_bytes());
    gate.postern_ok(&["--quiet", "module", "push", &path, "--name", "swap"])
        .trim()
        .to_owned()
}

#[test]
fn a_hundred_swaps_under_load_fail_no_request() {
    let gate = Gate::start();
    let full = gate.key("photos", "full");
    for key in ["cool/object", "old/object", "new/object"] {
        Call::put(&format!("/demo-bucket/{key}"), b"swap")
            .send(&gate, full)
            .expect(200);
    }
    let old = push(&gate, "1.0.0", "old/");
    let new = push(&gate, "2.0.0", "new/");
    gate.postern_ok(&["module", "activate", "swap", &old]);

    let signer = call::signer(&gate, gate.key("photos", "read"));
    let request = |key: &str| {
        Call::get(&format!("/demo-bucket/{key}"))
            .sign(&signer, gate.host())
            .bytes()
    };
    let cool = request("cool/object");
    let (stop, answered) = (AtomicBool::new(false), AtomicU64::new(0));
    let failures = Mutex::new(Vec::new());
    let mut elapsed = Duration::ZERO;
    let mut counted = 0;
    let mut probes = 0;

    std::thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                let outcome = hammer(gate.wire(), &cool, &stop, &answered);
                failures.lock().unwrap().extend(outcome.err());
            });
        }
        wait::until("load", Duration::from_secs(10), || {
            (answered.load(Ordering::Relaxed) > 500).then_some(())
        });
        let stopping = Stop(&stop);
        let mut wire = gate.wire();
        let (begin, before) = (Instant::now(), answered.load(Ordering::Relaxed));
        for _ in 0..SWAPS {
            gate.postern_ok(&["module", "activate", "swap", &new]);
            // The very first request after the command: the new rule, and no longer the old one.
            wire.ask(&request("new/object"))
                .unwrap()
                .expect_error(403, "AccessDenied");
            wire.ask(&request("old/object")).unwrap().expect(200);
            gate.postern_ok(&["module", "rollback", "swap"]);
            wire.ask(&request("new/object")).unwrap().expect(200);
            wire.ask(&request("old/object"))
                .unwrap()
                .expect_error(403, "AccessDenied");
            probes += 4;
        }
        elapsed = begin.elapsed();
        counted = answered.load(Ordering::Relaxed) - before;
        drop(stopping);
    });

    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{failures:?}");
    let rate = counted as f64 / elapsed.as_secs_f64();
    println!("{SWAPS} swaps in {elapsed:?} at {rate:.0} requests a second");
    assert!(rate >= RATE_MIN, "{rate:.0} requests a second were no load");
    each_line_names_one_version(&gate, &old, &new, counted + probes);
}

/// Each entry names the module once, in one of the two versions.
fn each_line_names_one_version(gate: &Gate, old: &str, new: &str, at_least: u64) {
    // Hundreds of thousands of lines: looked at as text, and each only when all are there.
    let is_read = |line: &&str| line.contains(r#""operation":"GetObject""#);
    let log = wait::until("the log's last entries", Duration::from_secs(60), || {
        let log = std::fs::read_to_string(gate.access_log()).unwrap();
        (log.lines().filter(is_read).count() as u64 >= at_least).then_some(log)
    });
    let (mut olds, mut news) = (0, 0);
    for line in log.lines().filter(is_read) {
        let mut named = line.split(r#""swap@"#).skip(1);
        let version = named.next().and_then(|rest| rest.split('"').next());
        assert_eq!(named.next(), None, "two versions: {line}");
        match version.expect("each line names a version") {
            version if matches(version, old) => olds += 1,
            version if matches(version, new) => news += 1,
            other => panic!("a line names {other}"),
        }
    }
    assert!(
        olds > 100 && news > 100,
        "{olds} lines of the old version, {news} of the new"
    );
}

/// A line may shorten a digest.
fn matches(named: &str, digest: &str) -> bool {
    named.len() >= 8 && (digest.starts_with(named) || digest.ends_with(named))
}

fn hammer(
    mut wire: Wire,
    request: &[u8],
    stop: &AtomicBool,
    answered: &AtomicU64,
) -> Result<(), String> {
    let mut scratch = vec![0; 64 * 1024];
    while !stop.load(Ordering::Relaxed) {
        wire.send(request)
            .map_err(|error| format!("sending: {error}"))?;
        match wire
            .skim(&mut scratch)
            .map_err(|error| format!("reading: {error}"))?
        {
            (200, 4) => answered.fetch_add(1, Ordering::Relaxed),
            other => return Err(format!("status and length {other:?}")),
        };
    }
    Ok(())
}

/// Stops the load even when the test fails half-way.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
