//! What a decision costs: from the tree with one and with two threads, afresh, and a module from its machine code.
//!
//! What is measured is the processor time of the measuring thread, so that a busy machine gives the same numbers.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench that cannot be set up must stop"
)]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use criterion::Criterion;
use policy_wasm::decider::{Decider, DeciderOptions};
use policy_wasm::engine::{Engine, EngineOptions, MachineCodeStore, Module};
use policy_wasm::facts::{Fact, Facts};
use policy_wasm::manifest::Manifest;
use policy_wasm::plan::{ActionId, Decision, Layer, LayerKind, Plan, TreeScope};
use policy_wasm::registry::{Attribute, Name};
use policy_wasm::tools::attach;

/// A caller as the gate would describe one: values in fields, found by a match.
struct Caller {
    key: String,
    principals: Vec<String>,
    address: IpAddr,
    now: i64,
}

impl Facts for Caller {
    fn get(&self, attribute: &Attribute) -> Fact<'_> {
        match attribute.name() {
            Name::Operation => Fact::text("GetObject"),
            Name::Atom => Fact::text("obj.read"),
            Name::Bucket => Fact::text("demo-bucket"),
            Name::Key => Fact::text(&self.key),
            Name::KeyLevel => Fact::text("read-write"),
            Name::Principals => Fact::list(self.principals.as_slice()),
            Name::SourceIp => Fact::address(self.address),
            Name::CurrentTime => Fact::time(self.now),
            Name::SecureTransport => Fact::boolean(true),
            _ => Fact::Absent,
        }
    }
}

const ATTRIBUTES: &[&str] = &[
    "postern:Operation",
    "postern:Atom",
    "postern:Bucket",
    "postern:Key",
    "postern:KeyLevel",
    "postern:Principals",
    "aws:SourceIp",
    "aws:CurrentTime",
    "aws:SecureTransport",
    "postern:KeyExpires",
];

/// Ten questions, each answered as it takes to go on.
const POLICY: &str = r#"(module
    (import "postern" "equals" (func $equals (param i32 i32 i32) (result i32)))
    (import "postern" "starts_with" (func $starts_with (param i32 i32 i32) (result i32)))
    (import "postern" "in_network" (func $in_network (param i32 i32 i32) (result i32)))
    (import "postern" "below" (func $below (param i32 i64) (result i32)))
    (import "postern" "present" (func $present (param i32) (result i32)))
    (memory (export "memory") 1 1)
    (data (i32.const 0) "PutObject")   (data (i32.const 16) "obj.read")
    (data (i32.const 32) "demo-bucket") (data (i32.const 48) "drafts/")
    (data (i32.const 64) "read-write") (data (i32.const 80) "arn:aws:iam::7:user/photos")
    (data (i32.const 112) "10.0.0.0/8") (data (i32.const 128) "true")
    (func (export "decide") (result i32)
        (if (call $equals (i32.const 0) (i32.const 0) (i32.const 9)) (then (return (i32.const 2))))
        (if (i32.eqz (call $equals (i32.const 1) (i32.const 16) (i32.const 8))) (then (return (i32.const 2))))
        (if (i32.eqz (call $equals (i32.const 2) (i32.const 32) (i32.const 11))) (then (return (i32.const 2))))
        (if (call $starts_with (i32.const 3) (i32.const 48) (i32.const 7)) (then (return (i32.const 2))))
        (if (i32.eqz (call $equals (i32.const 4) (i32.const 64) (i32.const 10))) (then (return (i32.const 2))))
        (if (i32.eqz (call $equals (i32.const 5) (i32.const 80) (i32.const 26))) (then (return (i32.const 2))))
        (if (i32.eqz (call $in_network (i32.const 6) (i32.const 112) (i32.const 10))) (then (return (i32.const 2))))
        (if (call $below (i32.const 7) (i64.const 1000)) (then (return (i32.const 2))))
        (if (i32.eqz (call $equals (i32.const 8) (i32.const 128) (i32.const 4))) (then (return (i32.const 2))))
        (if (call $present (i32.const 9)) (then (return (i32.const 2))))
        (i32.const 1)))"#;

fn bytes(name: &str) -> Vec<u8> {
    let mut manifest = Manifest::new(name, "1");
    manifest.attributes = ATTRIBUTES.iter().map(|name| (*name).to_owned()).collect();
    attach(&wat::parse_str(POLICY).unwrap(), &manifest).unwrap()
}

fn plan(engine: &Engine) -> (Plan, Arc<Module>) {
    let kinds = [LayerKind::Grant, LayerKind::Limit, LayerKind::Guard];
    let layers: Vec<_> = kinds
        .iter()
        .zip(["grant", "limit", "guard"])
        .map(|(kind, name)| Layer {
            kind: *kind,
            name: Arc::from(name),
            module: engine.load(&bytes(name)).unwrap(),
            scope: TreeScope::Shared,
        })
        .collect();
    let module = Arc::clone(&layers[0].module);
    (Plan::new(layers).unwrap(), module)
}

fn caller(number: u64) -> Caller {
    Caller {
        key: format!("photos/{number}.jpg"),
        principals: vec![
            "arn:aws:iam::7:root".into(),
            "arn:aws:iam::7:user/photos".into(),
        ],
        address: Ipv4Addr::new(10, 0, 0, 7).into(),
        now: 1_767_225_600,
    }
}

/// The processor time that `work` takes, so many times. Source: Linux, Documentation/scheduler/sched-stats.rst.
fn spent<T>(rounds: u64, mut work: impl FnMut() -> T) -> Duration {
    let now = || {
        let spent = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::try_from(spent).unwrap()
    };
    let started = now();
    for _ in 0..rounds {
        black_box(work());
    }
    now() - started
}

fn decisions(c: &mut Criterion) {
    let engine = Engine::new(EngineOptions::default()).unwrap();
    let (plan, module) = plan(&engine);
    let decider = Decider::new(DeciderOptions::new(|| 0));
    let facts = caller(1);
    assert!(matches!(
        decider.decide(&plan, ActionId(1), &facts),
        Decision::Allowed(_)
    ));

    c.bench_function("decide, 3 layers of 10 questions, one thread", |b| {
        b.iter_custom(|rounds| {
            spent(rounds, || {
                decider.decide(&plan, ActionId(1), black_box(&facts))
            })
        });
    });
    c.bench_function(
        "decide, 3 layers of 10 questions, beside a second thread",
        |b| {
            let stop = AtomicBool::new(false);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    let facts = caller(2);
                    while !stop.load(Ordering::Relaxed) {
                        for _ in 0..1_000 {
                            black_box(decider.decide(&plan, ActionId(1), black_box(&facts)));
                        }
                    }
                });
                b.iter_custom(|rounds| {
                    spent(rounds, || {
                        decider.decide(&plan, ActionId(1), black_box(&facts))
                    })
                });
                stop.store(true, Ordering::Relaxed);
            });
        },
    );
    c.bench_function("evaluate one layer of 10 questions afresh", |b| {
        // Time passes, or the module would be tripped: it may use a share of it.
        let mut now_ms = 0;
        b.iter_custom(|rounds| {
            spent(rounds, || {
                now_ms += 1;
                module.evaluate(black_box(&facts), now_ms).unwrap()
            })
        });
    });
}

fn loading(c: &mut Criterion) {
    let directory = tempfile::tempdir().unwrap();
    let options = || EngineOptions {
        machine_code: Some(MachineCodeStore::new(directory.path(), [7; 32])),
        compiled_bytes: 0,
        ..EngineOptions::default()
    };
    let bytes = bytes("load");
    let engine = Engine::new(EngineOptions {
        compiled_bytes: 0,
        ..EngineOptions::default()
    })
    .unwrap();
    c.bench_function("load a module, compiled", |b| {
        b.iter_custom(|rounds| spent(rounds, || engine.load(black_box(&bytes)).unwrap()));
    });
    let engine = Engine::new(options()).unwrap();
    drop(engine.load(&bytes).unwrap());
    c.bench_function("load a module, from machine code", |b| {
        b.iter_custom(|rounds| spent(rounds, || engine.load(black_box(&bytes)).unwrap()));
    });
    c.bench_function("check a module", |b| {
        b.iter(|| engine.check(black_box(&bytes)).unwrap())
    });
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    decisions(&mut criterion);
    loading(&mut criterion);
    criterion.final_summary();
}
