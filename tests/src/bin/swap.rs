//! Swaps a policy module under load and prints what the clients notice of it.
//!
//! The load is an open loop: each request is due at a moment that was fixed beforehand, and its latency counts from that
//! moment, so that a request that had to wait for a slow one before it is not forgotten. Runs without swaps and with them
//! take turns, and the median of each is printed. The generator shares the machine, and how late it wakes is in the
//! latencies of both.

use std::ops::Range;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use clap::Parser;
use tests::call::{self, Call};
use tests::gate::Gate;
use tests::load;
use tests::random::Random;
use tests::wire::Wire;

/// Objects that are read.
const OBJECTS: u64 = 64;
/// Length of each, in bytes.
const OBJECT_BYTES: usize = 4_096;
/// Answers that came so soon after the command to swap was sent are also counted by themselves.
const NEAR: Duration = Duration::from_millis(20);

/// Drives the gate at a fixed rate while a policy module is swapped.
#[derive(Parser, Debug)]
#[command(name = "swap")]
struct Options {
    /// Requests a second.
    #[arg(long, default_value_t = 2_000)]
    rate: u32,
    /// Connections that share them.
    #[arg(long, default_value_t = 8)]
    connections: u32,
    /// Seconds of each run.
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// Runs without swaps, and as many with them.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Milliseconds from one swap to the next.
    #[arg(long, default_value_t = 1_000)]
    every: u64,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let gate = Gate::start();
    let full = call::signer(&gate, gate.key("photos", "full"));
    let mut wire = gate.wire();
    for key in (0..OBJECTS)
        .map(cool)
        .chain(["old/object".into(), "new/object".into()])
    {
        let body = Random::new(1).bytes(OBJECT_BYTES);
        let put = Call::put(&format!("/demo-bucket/{key}"), &body).sign(&full, gate.host());
        wire.ask(&put.bytes()).expect("an answer").expect(200);
    }
    let mut swapper = Swapper::new(&gate);
    let mut runs = [Vec::new(), Vec::new()];
    // One run that is not counted: connections, trees and the processor get warm.
    run(&gate, &options, None);
    for _ in 0..options.runs.max(1) {
        runs[0].push(run(&gate, &options, None));
        runs[1].push(run(&gate, &options, Some(&mut swapper)));
    }
    println!(
        "{} signed GET of 4 KiB a second over {} connections, {} runs of {} s each way",
        options.rate, options.connections, options.runs, options.seconds
    );
    println!(
        "{:<34} {:>9} {:>7} {:>6} {:>8} {:>8} {:>9} {:>8} {:>7}",
        "", "requests", "failed", "swaps", "p50 µs", "p99 µs", "p99.9 µs", "max ms", "CPU µs"
    );
    row("without swaps", &runs[0], Run::all);
    row("with swaps", &runs[1], Run::all);
    row("  within 20 ms of a swap", &runs[1], Run::near);
    let took: Vec<u128> = runs[1]
        .iter()
        .flat_map(|run| &run.swaps)
        .map(|swap| swap.took.as_micros())
        .collect();
    println!(
        "a swap took at most {:.1} ms, its command included",
        *took.iter().max().unwrap_or(&0) as f64 / 1e3
    );
    let failed: Vec<&String> = runs
        .iter()
        .flatten()
        .flat_map(|run| &run.failures)
        .collect();
    for failure in failed.iter().take(5) {
        println!("failed: {failure}");
    }
    if failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn cool(number: u64) -> String {
    format!("cool/{number}")
}

/// One run: when each request was due and how long after that its answer was there.
struct Run {
    answers: Vec<Answered>,
    swaps: Vec<Swap>,
    failures: Vec<String>,
    cpu: Duration,
}

#[derive(Clone, Copy)]
struct Answered {
    due: Duration,
    latency: Duration,
}

/// A swap: when its command was sent, and how long it took to come back.
#[derive(Clone, Copy)]
struct Swap {
    at: Duration,
    took: Duration,
}

impl Run {
    fn all(&self) -> Vec<u128> {
        self.answers
            .iter()
            .map(|answer| answer.latency.as_micros())
            .collect()
    }

    /// Requests that were due or under way while a swap was made, or soon after.
    fn near(&self) -> Vec<u128> {
        let touched = |answer: &&Answered| {
            let Range { start, end } = answer.due..answer.due + answer.latency;
            self.swaps
                .iter()
                .any(|swap| start <= swap.at + swap.took.max(NEAR) && end >= swap.at)
        };
        self.answers
            .iter()
            .filter(touched)
            .map(|answer| answer.latency.as_micros())
            .collect()
    }
}

fn run(gate: &Gate, options: &Options, swapper: Option<&mut Swapper<'_>>) -> Run {
    let signer = call::signer(gate, gate.key("photos", "read"));
    let get = |n| {
        Call::get(&format!("/demo-bucket/{}", cool(n)))
            .sign(&signer, gate.host())
            .bytes()
    };
    let requests: Vec<Vec<u8>> = (0..OBJECTS).map(get).collect();
    let (answers, failures) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let wires: Vec<Wire> = (0..options.connections).map(|_| gate.wire()).collect();
    let before = load::cpu(gate.pid());
    let begin = Instant::now() + Duration::from_millis(50);
    let mut swaps = Vec::new();

    std::thread::scope(|scope| {
        for (connection, mut wire) in (0..).zip(wires) {
            let (answers, failures, requests) = (&answers, &failures, &requests);
            scope.spawn(move || {
                let mut mine = Vec::new();
                let outcome = send(options, (connection, begin), &mut wire, requests, &mut mine);
                answers.lock().expect("no panic").extend(mine);
                failures.lock().expect("no panic").extend(outcome.err());
            });
        }
        if let Some(swapper) = swapper {
            let period = Duration::from_millis(options.every.max(1));
            let end = Duration::from_secs(options.seconds.into());
            let mut at = period / 2;
            while at < end {
                std::thread::sleep((begin + at).saturating_duration_since(Instant::now()));
                match swapper.swap() {
                    Ok(took) => swaps.push(Swap { at, took }),
                    Err(failure) => failures.lock().expect("no panic").push(failure),
                }
                at += period;
            }
        }
    });

    let answers = answers.into_inner().expect("no panic");
    let mut failures = failures.into_inner().expect("no panic");
    let wanted = usize::try_from(options.rate * options.seconds).unwrap_or(usize::MAX);
    if answers.len() != wanted {
        failures.push(format!(
            "{} of {wanted} requests were answered",
            answers.len()
        ));
    }
    Run {
        answers,
        swaps,
        failures,
        cpu: load::cpu(gate.pid()).saturating_sub(before),
    }
}

/// One connection: sends each of its requests when it is due, or as soon after that as the one before is answered.
fn send(
    options: &Options,
    (connection, begin): (u32, Instant),
    wire: &mut Wire,
    requests: &[Vec<u8>],
    answers: &mut Vec<Answered>,
) -> Result<(), String> {
    let mut scratch = vec![0; 64 * 1024];
    let mut nth = connection;
    while nth < options.rate * options.seconds {
        let due = Duration::from_secs(1) * nth / options.rate;
        std::thread::sleep((begin + due).saturating_duration_since(Instant::now()));
        let request = &requests[usize::try_from(nth).unwrap_or(0) % requests.len()];
        wire.send(request)
            .map_err(|error| format!("sending request {nth}: {error}"))?;
        match wire
            .skim(&mut scratch)
            .map_err(|error| format!("answer to request {nth}: {error}"))?
        {
            (200, OBJECT_BYTES) => {}
            other => return Err(format!("status and length {other:?} for request {nth}")),
        }
        let latency = (begin + due).elapsed();
        answers.push(Answered { due, latency });
        nth += options.connections;
    }
    Ok(())
}

/// Puts one of two versions of a module in force after the other, by the admin API, and looks whether it holds at once.
struct Swapper<'g> {
    gate: &'g Gate,
    token: String,
    new: String,
    is_new: bool,
}

impl<'g> Swapper<'g> {
    fn new(gate: &'g Gate) -> Self {
        let [old, new] = ["old", "new"].map(|version| push(gate, version));
        gate.postern_ok(&["module", "activate", "swap", &old]);
        let token = std::fs::read_to_string(gate.dir().join("admin.token"));
        Self {
            gate,
            token: token.expect("the admin token").trim().to_owned(),
            new,
            is_new: false,
        }
    }

    /// Activates the new version or rolls back to the old one. The very first request after it obeys.
    fn swap(&mut self) -> Result<Duration, String> {
        let (step, body) = if self.is_new {
            ("rollback", r#"{"tenant":"demo"}"#.to_owned())
        } else {
            (
                "activate",
                format!(r#"{{"tenant":"demo","digest":"{}"}}"#, self.new),
            )
        };
        let request = format!(
            "POST /api/v1/modules/swap/{step} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.gate.admin_host(),
            self.token,
            body.len()
        );
        // Connections of their own: those of the last swap may have been closed in between.
        let (mut admin, mut wire) = (self.gate.admin_wire(), self.gate.wire());
        let begin = Instant::now();
        let answer = admin
            .ask(request.as_bytes())
            .map_err(|error| format!("{step}: {error}"))?;
        let took = begin.elapsed();
        if answer.status != 200 {
            return Err(format!("{step}: {} {}", answer.status, answer.text()));
        }
        self.is_new = !self.is_new;
        for (key, denied) in [("old/object", !self.is_new), ("new/object", self.is_new)] {
            let signer = call::signer(self.gate, self.gate.key("photos", "read"));
            let get = Call::get(&format!("/demo-bucket/{key}")).sign(&signer, self.gate.host());
            let answer = wire
                .ask(&get.bytes())
                .map_err(|error| format!("{key}: {error}"))?;
            let wanted = if denied { 403 } else { 200 };
            if answer.status != wanted {
                return Err(format!(
                    "{key} after {step}: {} instead of {wanted}",
                    answer.status
                ));
            }
        }
        Ok(took)
    }
}

/// Stores a version that denies reads below its own name, and answers its digest.
fn push(gate: &Gate, version: &str) -> String {
    let text = format!(
        r#"(module
  (import "postern" "starts_with" (func $starts_with (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1 1)
  (data (i32.const 0) "{version}/")
  (func (export "decide") (result i32)
    (i32.shl (call $starts_with (i32.const 0) (i32.const 0) (i32.const 4)) (i32.const 1)))
  (@custom "postern.policy" "{{\"abi\":\"postern:policy/1\",\"name\":\"swap\",\"version\":\"{version}\",\"attributes\":[\"postern:Key\"]}}"))"#
    );
    let path = gate.dir().join("swap.wat");
    std::fs::write(&path, text).expect("a file");
    let path = path.to_str().expect("a path of UTF-8");
    gate.postern_ok(&["--quiet", "module", "push", path, "--name", "swap"])
        .trim()
        .to_owned()
}

/// The medians of some runs.
fn row(name: &str, runs: &[Run], of: impl Fn(&Run) -> Vec<u128>) {
    let mut shares: [Vec<u128>; 4] = Default::default();
    let (mut requests, mut cpu) = (0, Vec::new());
    for run in runs {
        let mut latencies = of(run);
        latencies.sort_unstable();
        requests += latencies.len();
        cpu.push(run.cpu.as_nanos() / run.answers.len().max(1) as u128);
        for (share, column) in [0.5, 0.99, 0.999, 1.0].into_iter().zip(&mut shares) {
            let last = latencies.len().saturating_sub(1);
            column.push(
                latencies
                    .get((last as f64 * share) as usize)
                    .copied()
                    .unwrap_or(0),
            );
        }
    }
    let median = |mut values: Vec<u128>| {
        values.sort_unstable();
        values[values.len() / 2]
    };
    let [p50, p99, p999, most] = shares;
    println!(
        "{name:<34} {requests:>9} {:>7} {:>6} {:>8} {:>8} {:>9} {:>8.1} {:>7.1}",
        runs.iter().map(|run| run.failures.len()).sum::<usize>(),
        runs.iter().map(|run| run.swaps.len()).sum::<usize>(),
        median(p50),
        median(p99),
        median(p999),
        median(most) as f64 / 1e3,
        median(cpu) as f64 / 1e3,
    );
}
