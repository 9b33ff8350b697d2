//! Modules that people write by hand, in WebAssembly text, C and Rust: the samples are built and asked.
//!
//! The C and Rust samples need a compiler for wasm32. Nothing is installed here; a machine without one fails this test
//! with the names of the packages, so that it cannot pass by not having looked. Rust is built where a `rustc` knows the
//! target, which `tests/run` sees to and then demands; elsewhere the C sample holds the interface.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

#[path = "compiler/facts.rs"]
#[expect(dead_code, reason = "the samples look at texts and addresses only")]
mod facts;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use policy_wasm::decider::{Decider, DeciderOptions};
use policy_wasm::engine::{Engine, EngineOptions, Module};
use policy_wasm::manifest::Manifest;
use policy_wasm::plan::{ActionId, Decision, Layer, LayerKind, Plan, TreeScope};
use policy_wasm::tools;

use facts::Known;

/// clang and its linker, the newest first.
const CLANGS: [(&str, &str); 4] = [
    ("clang-19", "wasm-ld-19"),
    ("clang-16", "wasm-ld-16"),
    ("clang-14", "wasm-ld-14"),
    ("clang", "wasm-ld"),
];

/// Set where every sample has to be built.
const EVERY_GUEST: &str = "POSTERN_TEST_EVERY_GUEST";

#[test]
fn the_rule_of_the_drafts_holds_in_webassembly_text() {
    let text = std::fs::read(sample("drafts-internal.wat")).expect("the sample is there");
    let wasm = wat::parse_bytes(&text).expect("the sample is WebAssembly text");
    Gate::new(&wasm).assert_drafts_are_internal();
}

#[test]
fn the_rule_of_the_drafts_holds_in_c() {
    let folder = tempfile::tempdir().expect("a folder");
    let clangs = found_clangs();
    assert!(
        !clangs.is_empty(),
        "no clang with a linker for wasm32 was found: apt-get install clang-19 lld-19 (or clang lld)"
    );
    for (clang, linker) in clangs {
        let output = folder.path().join(format!("{clang}.wasm"));
        let built = Command::new(clang)
            .args([
                "--target=wasm32",
                "-std=c11",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-O2",
            ])
            .args(["-ffreestanding", "-nostdlib"])
            .arg(format!("-fuse-ld={}", linker.display()))
            .args([
                "-Wl,--no-entry",
                "-Wl,--strip-all",
                "-Wl,-z,stack-size=4096",
            ])
            .args(["-Wl,--initial-memory=65536", "-Wl,--max-memory=65536"])
            .arg("-I")
            .arg(guest("c"))
            .arg("-o")
            .args([&output, &sample("drafts-internal.c")])
            .output()
            .expect("clang starts");
        assert!(
            built.status.success(),
            "{clang}: {}",
            String::from_utf8_lossy(&built.stderr)
        );
        Gate::new(&std::fs::read(&output).expect("a module")).assert_drafts_are_internal();
    }
}

#[test]
fn the_rule_of_the_drafts_holds_in_rust_where_rustc_knows_the_target() {
    let Some(rustc) = found_rustc() else {
        assert!(
            std::env::var_os(EVERY_GUEST).is_none(),
            "no rustc knows wasm32: rustup target add wasm32-unknown-unknown, or apt-get install rustc libstd-rust-dev-wasm32 lld"
        );
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let build = |crate_type: &str, source: &Path, rest: &[String]| {
        let built = rustc
            .command()
            .args([
                "--edition=2021",
                "--target=wasm32-unknown-unknown",
                "-Copt-level=s",
            ])
            .args(["-Cpanic=abort", "-Cstrip=symbols"])
            .arg(format!("--crate-type={crate_type}"))
            .args(rest)
            .arg(source)
            .current_dir(folder.path())
            .output()
            .expect("rustc starts");
        assert!(
            built.status.success(),
            "{}",
            String::from_utf8_lossy(&built.stderr)
        );
    };
    let library = guest("rust").join("src/lib.rs");
    build(
        "rlib",
        &library,
        &["--crate-name=postern_policy".to_owned()],
    );
    let mut arguments = vec![
        "--crate-name=drafts_internal".to_owned(),
        "--extern=postern_policy=libpostern_policy.rlib".to_owned(),
        "-odrafts.wasm".to_owned(),
        "-Clink-arg=-zstack-size=4096".to_owned(),
        "-Clink-arg=--initial-memory=65536".to_owned(),
        "-Clink-arg=--max-memory=65536".to_owned(),
    ];
    arguments.extend(
        rustc
            .linker
            .iter()
            .map(|linker| format!("-Clinker={linker}")),
    );
    build("cdylib", &sample("drafts-internal.rs"), &arguments);
    let wasm = std::fs::read(folder.path().join("drafts.wasm")).expect("a module");
    Gate::new(&wasm).assert_drafts_are_internal();
}

#[test]
fn a_module_without_a_manifest_is_refused_until_one_is_attached() {
    let engine = engine();
    let bare = wat::parse_str(
        r#"(module
             (import "postern" "present" (func $present (param i32) (result i32)))
             (memory (export "memory") 1 1)
             (func (export "decide") (result i32) (call $present (i32.const 0))))"#,
    )
    .expect("it is WebAssembly text");
    assert!(engine.check(&bare).is_err());
    let mut manifest = Manifest::new("attached", "1");
    manifest.attributes.push("postern:Key".to_owned());
    let whole = tools::attach(&bare, &manifest).expect("it is attached");
    let report = tools::inspect(&engine, &whole).expect("the engine takes it");
    assert_eq!(report.asks.questions, ["postern:Key is present"]);
}

/// A plan with the module as its only guard, behind a grant that allows everything.
struct Gate {
    engine: Engine,
    module: Arc<Module>,
    plan: Plan,
    decider: Decider,
}

impl Gate {
    fn new(wasm: &[u8]) -> Self {
        let engine = engine();
        let module = engine.load(wasm).expect("the engine takes it");
        let grant = wat::parse_str(
            r#"(module (memory (export "memory") 1 1) (func (export "decide") (result i32) (i32.const 1)))"#,
        )
        .expect("it is WebAssembly text");
        let grant = tools::attach(&grant, &Manifest::new("everything", "1")).expect("attached");
        let grant = engine.load(&grant).expect("the engine takes it");
        let layer = |kind, name: &str, module: &Arc<Module>| Layer {
            kind,
            name: name.into(),
            module: Arc::clone(module),
            scope: TreeScope::Tenant(7),
        };
        let plan = Plan::new(vec![
            layer(LayerKind::Grant, "owner", &grant),
            layer(LayerKind::Guard, "tenant", &module),
        ])
        .expect("two layers");
        Self {
            engine,
            module,
            plan,
            decider: Decider::new(DeciderOptions::new(|| 0)),
        }
    }

    /// The statement that denies; `None` where the check may pass.
    fn denied_by(&self, facts: &Known) -> Option<String> {
        match self.decider.decide(&self.plan, ActionId(1), facts) {
            Decision::Allowed(_) => None,
            Decision::Denied(denied) => Some(denied.reasons[0].to_string()),
            other => panic!("no decision: {other:?}"),
        }
    }

    fn assert_drafts_are_internal(&self) {
        assert!(
            self.module.inspection().reusable,
            "nothing in the sample leaves a trace"
        );
        assert_eq!(self.module.inspection().memory_pages, 1);
        assert_eq!(tools::failed_tests(&self.module), [""; 0]);
        assert_eq!(self.module.manifest().tests.len(), 2);
        let check = |key, atom, address| {
            let facts = Known::default()
                .text("postern:Key", key)
                .text("postern:Atom", atom);
            self.denied_by(&facts.address("aws:SourceIp", address))
        };
        let denied = Some("drafts-internal".to_owned());
        // Twice: afresh and from the tree.
        for _ in 0..2 {
            for atom in ["obj.read", "obj.head"] {
                assert_eq!(check("drafts/a.txt", atom, "10.255.0.1"), None);
                assert_eq!(check("drafts/a.txt", atom, "11.0.0.1"), denied);
                assert_eq!(check("drafts/", atom, "2001:db8::1"), denied);
                assert_eq!(check("draft/a.txt", atom, "11.0.0.1"), None);
                assert_eq!(check("a/drafts/b", atom, "11.0.0.1"), None);
            }
            assert_eq!(check("drafts/a.txt", "obj.write", "11.0.0.1"), None);
        }
        let from_nowhere = Known::default()
            .text("postern:Key", "drafts/a")
            .text("postern:Atom", "obj.read");
        assert_eq!(
            self.denied_by(&from_nowhere),
            denied,
            "an unknown address is outside"
        );
        self.assert_explained();
    }

    fn assert_explained(&self) {
        let facts = Known::default()
            .text("postern:Key", "drafts/a.txt")
            .text("postern:Atom", "obj.read")
            .address("aws:SourceIp", "203.0.113.7");
        let explanation = self.decider.explain(&self.plan, ActionId(1), &facts);
        let told = tools::explain(&self.plan, &explanation, &|_: &Layer| true).to_string();
        for part in [
            "denied: the guard `tenant` denies, by the statement `drafts-internal`",
            "postern:Key starts with `drafts/`? yes",
            "aws:SourceIp is in 10.0.0.0/8? no",
            &self.module.digest().to_string(),
        ] {
            assert!(told.contains(part), "`{part}` is not in:\n{told}");
        }
        let hidden = tools::explain(&self.plan, &explanation, &|layer: &Layer| {
            layer.kind == LayerKind::Grant
        });
        let json = serde_json::to_value(&hidden).expect("it serialises");
        assert_eq!(json["decision"], "denied");
        assert_eq!(json["layers"][1]["statements"][0], "drafts-internal");
        assert!(json["layers"][1]["asked"].is_null(), "{json}");
        assert!(!hidden.to_string().contains("10.0.0.0/8"));
        assert!(
            tools::inspect(&self.engine, &[]).is_err(),
            "nothing is no module"
        );
    }
}

fn engine() -> Engine {
    let options = EngineOptions {
        instances: 16,
        ..EngineOptions::default()
    };
    Engine::new(options).expect("an engine")
}

fn root() -> PathBuf {
    // The working directory of a test is its package's, wherever the build was.
    std::env::current_dir().expect("a working directory")
}

fn sample(name: &str) -> PathBuf {
    root().join("../config/samples/policies").join(name)
}

fn guest(language: &str) -> PathBuf {
    root().join("guest").join(language)
}

fn found_clangs() -> Vec<(&'static str, PathBuf)> {
    CLANGS
        .into_iter()
        .filter_map(|(clang, linker)| {
            find(clang)?;
            Some((clang, find(linker)?))
        })
        .collect()
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// A Rust compiler that has the core library for wasm32: rustup's, or Debian's with `libstd-rust-dev-wasm32`.
struct Rustc {
    program: PathBuf,
    /// Debian's compiler does not bring `rust-lld`.
    linker: Option<String>,
}

impl Rustc {
    fn command(&self) -> Command {
        Command::new(&self.program)
    }
}

fn found_rustc() -> Option<Rustc> {
    let candidates = [find("rustc"), Some(PathBuf::from("/usr/bin/rustc"))];
    candidates
        .into_iter()
        .flatten()
        .filter(|file| file.is_file())
        .find_map(|program| {
            let asked = Command::new(&program)
                .args(["--target=wasm32-unknown-unknown", "--print=target-libdir"])
                .output()
                .ok()?;
            let folder = String::from_utf8(asked.stdout).ok()?;
            let has_core = std::fs::read_dir(folder.trim())
                .ok()?
                .flatten()
                .any(|file| file.file_name().to_string_lossy().starts_with("libcore-"));
            let debian = program.starts_with("/usr/bin");
            // A distribution's compiler goes with its own linker: newer ones refuse what old compilers put into a library.
            let linker = CLANGS
                .iter()
                .rev()
                .find_map(|(_, linker)| find(linker))
                .filter(|_| debian);
            has_core.then(|| Rustc {
                program,
                linker: linker.map(|l| l.display().to_string()),
            })
        })
}
