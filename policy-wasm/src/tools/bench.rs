//! What a module costs on the cases that it brings and those of a file: `postern module bench`.
//!
//! Each number is a median: of batches within a case, and of cases within the report. A busy machine shifts it less than a
//! mean.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::test::GivenFacts;
use crate::decider::{Decider, DeciderOptions};
use crate::engine::{Engine, EngineError, EngineOptions, LoadError, Module};
use crate::limits::{
    BENCHED_BATCH, BENCHED_BATCHES_MAX, BENCHED_COMPILATIONS, BENCHED_NANOSECONDS_MAX,
};
use crate::manifest::EmbeddedTest;
use crate::plan::{ActionId, Layer, LayerKind, Plan, TreeScope};

/// A clock that never goes back, in nanoseconds.
pub type Nanoseconds<'a> = &'a dyn Fn() -> u64;

/// What a module costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BenchReport {
    /// Its name for people.
    pub name: String,
    /// SHA-256 of its bytes.
    pub digest: String,
    /// Its size, in bytes.
    pub bytes: usize,
    /// Its machine code in memory, in bytes.
    pub machine_code_bytes: usize,
    /// To check and compile it, in nanoseconds.
    pub compile_ns: u64,
    /// Whether one instance serves many evaluations.
    pub reusable: bool,
    /// Each case.
    pub cases: Vec<BenchedCase>,
    /// The medians of all cases.
    pub median: BenchedCase,
}

/// What one case costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BenchedCase {
    /// Its name.
    pub name: String,
    /// What the module says to it.
    pub verdict: String,
    /// How many questions it asks.
    pub questions: u64,
    /// Instructions, and bytes that its questions look at.
    pub fuel: u64,
    /// An evaluation, in nanoseconds.
    pub fresh_ns: u64,
    /// The same decision from the tree, in nanoseconds.
    pub walk_ns: u64,
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// There is no engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The module is refused.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// There is nothing to measure with.
    #[error("there are no cases: `tests` of the manifest and `--cases FILE` bring some")]
    NoCases,
    /// A case cannot be measured.
    #[error("case `{name}`: {why}")]
    Case {
        /// Which.
        name: String,
        /// Why not.
        why: String,
    },
}

/// Measures a module on its own cases and these.
///
/// # Errors
/// See [`BenchError`].
pub fn bench(
    wasm: &[u8],
    cases: &[EmbeddedTest],
    now: Nanoseconds<'_>,
) -> Result<BenchReport, BenchError> {
    let engine = || {
        Engine::new(EngineOptions {
            instances: 16,
            ..EngineOptions::default()
        })
    };
    let mut compile_ns = Vec::new();
    let mut module = None;
    for _ in 0..BENCHED_COMPILATIONS {
        // Each by an engine of its own, since an engine compiles a module once.
        let engine = engine()?;
        let began = now();
        module = Some(engine.load(wasm)?);
        compile_ns.push(now().saturating_sub(began));
    }
    let module = module.ok_or(BenchError::NoCases)?;
    let all = module.manifest().tests.iter().chain(cases);
    let cases = all
        .map(|case| measure(&module, case, now))
        .collect::<Result<Vec<_>, BenchError>>()?;
    let of = |number: fn(&BenchedCase) -> u64| median(cases.iter().map(number));
    let median_case = BenchedCase {
        name: "median".to_owned(),
        verdict: String::new(),
        questions: of(|case| case.questions).ok_or(BenchError::NoCases)?,
        fuel: of(|case| case.fuel).unwrap_or(0),
        fresh_ns: of(|case| case.fresh_ns).unwrap_or(0),
        walk_ns: of(|case| case.walk_ns).unwrap_or(0),
    };
    Ok(BenchReport {
        name: module.manifest().name.clone(),
        digest: module.digest().to_string(),
        bytes: module.inspection().bytes,
        machine_code_bytes: module.code_bytes(),
        compile_ns: median(compile_ns).unwrap_or(0),
        reusable: module.inspection().reusable,
        cases,
        median: median_case,
    })
}

fn measure(
    module: &Arc<Module>,
    case: &EmbeddedTest,
    now: Nanoseconds<'_>,
) -> Result<BenchedCase, BenchError> {
    let fault = |why: String| BenchError::Case {
        name: case.name.clone(),
        why,
    };
    let given = GivenFacts::read(case).map_err(fault)?;
    let facts = given.borrow();
    let before = module.statistics().units;
    let evaluated = module
        .evaluate(&facts, 0)
        .map_err(|stopped| fault(format!("no answer: {:?}", stopped.cause)))?;
    let fuel = module.statistics().units.saturating_sub(before);

    // A second passes between two evaluations, or the fuse for modules that waste the processor would blow.
    let mut seconds = 0_u64;
    let fresh_ns = timed(now, || {
        seconds += 1;
        drop(module.evaluate(&facts, seconds * 1_000));
    });

    let decider = Decider::new(DeciderOptions::new(|| 0));
    let layer = Layer {
        kind: LayerKind::Grant,
        name: Arc::from("bench"),
        module: Arc::clone(module),
        scope: TreeScope::Shared,
    };
    let plan = Plan::new(vec![layer]).map_err(|why| fault(why.to_string()))?;
    let walk_ns = timed(now, || drop(decider.decide(&plan, ActionId(1), &facts)));

    Ok(BenchedCase {
        name: case.name.clone(),
        verdict: evaluated.verdict.to_string(),
        questions: u64::try_from(evaluated.path.len()).unwrap_or(u64::MAX),
        fuel,
        fresh_ns,
        walk_ns,
    })
}

/// The median time of one call, over batches. The first batch only warms up.
fn timed(now: Nanoseconds<'_>, mut call: impl FnMut()) -> u64 {
    let mut batch = || {
        let began = now();
        (0..BENCHED_BATCH).for_each(|_| call());
        now().saturating_sub(began)
    };
    let mut left = BENCHED_NANOSECONDS_MAX.saturating_sub(batch());
    let mut times = Vec::new();
    while times.is_empty() || (left > 0 && times.len() < BENCHED_BATCHES_MAX) {
        let time = batch();
        left = left.saturating_sub(time);
        times.push(time);
    }
    median(times).unwrap_or(0) / u64::from(BENCHED_BATCH)
}

fn median(numbers: impl IntoIterator<Item = u64>) -> Option<u64> {
    let mut numbers: Vec<u64> = numbers.into_iter().collect();
    numbers.sort_unstable();
    numbers.get(numbers.len() / 2).copied()
}

impl fmt::Display for BenchReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instances = if self.reusable {
            "instances are reused"
        } else {
            "each evaluation takes a fresh instance"
        };
        writeln!(
            f,
            "{}: {} bytes, compiled in {:.1} ms to {} bytes of machine code; {instances}",
            self.name,
            self.bytes,
            Milliseconds(self.compile_ns),
            self.machine_code_bytes,
        )?;
        let widest = self.cases.iter().map(|case| case.name.chars().count());
        let width = widest.max().unwrap_or(0).clamp(6, 60);
        writeln!(
            f,
            "{:<width$}  {:<10} {:>9} {:>8} {:>10} {:>10}",
            "case", "verdict", "questions", "fuel", "evaluated", "from tree"
        )?;
        for case in self.cases.iter().chain([&self.median]) {
            let name: String = case.name.chars().take(width).collect();
            let time = |nanoseconds: u64| format!("{nanoseconds} ns");
            writeln!(
                f,
                "{name:<width$}  {:<10} {:>9} {:>8} {:>10} {:>10}",
                case.verdict,
                case.questions,
                case.fuel,
                time(case.fresh_ns),
                time(case.walk_ns),
            )?;
        }
        Ok(())
    }
}

/// Nanoseconds, shown as milliseconds with one digit behind the point.
struct Milliseconds(u64);

impl fmt::Display for Milliseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = self.0 / 100_000;
        write!(f, "{}.{}", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::manifest::Manifest;
    use crate::tools::{attach, cases};

    fn module() -> Vec<u8> {
        let wasm = wat::parse_str(
            r#"(module
                 (import "postern" "present" (func $present (param i32) (result i32)))
                 (memory (export "memory") 1 1)
                 (func (export "decide") (result i32)
                   (if (call $present (i32.const 0)) (then (return (call $present (i32.const 1)))))
                   (i32.const 2)))"#,
        )
        .unwrap();
        let mut manifest = Manifest::new("benched", "1");
        manifest.attributes = vec!["postern:Key".to_owned(), "postern:Bucket".to_owned()];
        attach(&wasm, &manifest).unwrap()
    }

    #[test]
    fn each_case_is_measured_and_the_median_is_of_all() {
        let cases = cases(
            br#"[{"name": "two", "facts": {"postern:Key": "a", "postern:Bucket": "b"}, "expect": "allow"},
                 {"name": "one", "expect": "deny"}, {"name": "also one", "expect": "allow"}]"#,
        )
        .unwrap();
        // A clock that goes on by a microsecond whenever it is read.
        let clock = Cell::new(0_u64);
        let now = || {
            clock.set(clock.get() + 1_000);
            clock.get()
        };
        let report = bench(&module(), &cases, &now).unwrap();
        assert_eq!(report.compile_ns, 1_000);
        assert!(report.machine_code_bytes > 0 && report.reusable);
        let asked: Vec<_> = report.cases.iter().map(|it| it.questions).collect();
        assert_eq!((asked, report.median.questions), (vec![2, 1, 1], 1));
        assert!(report.cases.iter().all(|it| it.fuel > 0));
        assert_eq!(report.median.walk_ns, 1_000 / u64::from(BENCHED_BATCH));
        assert_eq!(report.cases.first().unwrap().verdict, "allow");
        let told = report.to_string();
        assert!(told.contains("also one  deny               1"), "{told}");
    }

    #[test]
    fn a_module_without_cases_or_with_a_case_that_is_none_is_not_measured() {
        let now = || 0;
        assert!(matches!(
            bench(&module(), &[], &now),
            Err(BenchError::NoCases)
        ));
        let bad =
            cases(br#"[{"name": "bad", "facts": {"postern:Nothing": "a"}, "expect": "allow"}]"#);
        let error = bench(&module(), &bad.unwrap(), &now).unwrap_err();
        assert!(error.to_string().starts_with("case `bad`: "), "{error}");
        assert!(matches!(
            bench(b"nothing", &[], &now),
            Err(BenchError::Load(_))
        ));
    }
}
