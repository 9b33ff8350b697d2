//! Our engine beside Cedar and Rego: the same rules, the same requests, in one run and in turn.
//!
//! Whatever an engine can prepare is prepared before it is timed: parsed policies, entities, contexts, inputs, facts.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use cedar_policy::{
    Authorizer, Context, Decision as Said, Entities, EntityUid, PolicySet, Request as Asked,
    RestrictedExpression,
};
use policy_wasm::decider::{Decider, DeciderOptions};
use policy_wasm::engine::{Engine, EngineOptions, Module, Verdict};
use policy_wasm::plan::{Decision, Denial, Layer, Outcome, Plan};
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::RegoVM;

use crate::clock;
use crate::ours::{self, Scene};
use crate::rules::{self, Answer, Request};

/// How long one engine runs before it is the next one's turn.
const TURN: Duration = Duration::from_millis(40);

/// Prints the table.
pub fn compare(sizes: &[usize], (rounds, repeat): (usize, usize)) {
    println!(
        "| statements | requests: allowed, denied, no match | ours, remembered | ours, afresh | Cedar | Rego, bytecode | Rego, default | Cedar ÷ remembered |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for size in sizes {
        let rules = rules::rules(*size);
        let requests = rules::requests(&rules);
        let mut engines: Vec<Box<dyn Runs>> = vec![
            Box::new(Remembered::new(&rules, &requests)),
            Box::new(Afresh::new(&rules, &requests)),
            Box::new(Cedar::new(&rules, &requests)),
            Box::new(RegoBytecode::new(&rules, &requests)),
            Box::new(RegoDefault::new(&rules, &requests)),
        ];
        let answers = agree(&mut engines, &requests);
        let times = measure(&mut engines, requests.len() * repeat, (rounds, repeat));
        let count = |wanted| answers.iter().filter(|answer| **answer == wanted).count();
        print!(
            "| {size} | {}, {}, {} |",
            count(Answer::Allowed),
            count(Answer::Denied),
            count(Answer::NoMatch)
        );
        times.iter().for_each(|ns| print!(" {} |", shown(*ns)));
        println!(" {:.0} × |", times[2] / times[0]);
    }
}

/// An engine with its rules, and the requests in its own form.
trait Runs {
    fn name(&self) -> &'static str;
    fn answer(&mut self, request: usize) -> Answer;
    /// Decides every request, each so many times.
    fn all(&mut self, repeat: usize);
}

/// Every engine says the same to every request, or there is nothing to compare.
fn agree(engines: &mut [Box<dyn Runs>], requests: &[Request]) -> Vec<Answer> {
    let mut answers = Vec::new();
    for (number, request) in requests.iter().enumerate() {
        let said: Vec<_> = engines
            .iter_mut()
            .map(|engine| (engine.name(), engine.answer(number)))
            .collect();
        let (_, first) = said[0];
        assert!(
            said.iter().all(|(_, answer)| *answer == first),
            "{request:?}: {said:?}"
        );
        answers.push(first);
    }
    answers
}

/// Nanoseconds of one decision, for each engine: the median of the rounds.
fn measure(
    engines: &mut [Box<dyn Runs>],
    decisions: usize,
    (rounds, repeat): (usize, usize),
) -> Vec<f64> {
    let mut passes = Vec::new();
    for engine in engines.iter_mut() {
        engine.all(repeat);
        let (once, ()) = clock::timed(|| engine.all(repeat));
        let fits = TURN.as_nanos() / once.as_nanos().max(1);
        passes.push(usize::try_from(fits).unwrap_or(1).max(1));
    }
    let mut times: Vec<Vec<f64>> = engines.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds.max(1) {
        for ((engine, passes), times) in engines.iter_mut().zip(&passes).zip(&mut times) {
            let (spent, ()) = clock::timed(|| (0..*passes).for_each(|_| engine.all(repeat)));
            times.push(clock::each(spent, passes * decisions));
        }
    }
    times.into_iter().map(clock::median).collect()
}

/// Each item so many times in a row.
fn times<T>(items: &[T], repeat: usize) -> impl Iterator<Item = &T> {
    items
        .iter()
        .flat_map(move |item| std::iter::repeat_n(item, repeat))
}

fn shown(ns: f64) -> String {
    if ns < 1_000.0 {
        format!("{ns:.0} ns")
    } else {
        format!("{:.1} µs", ns / 1e3)
    }
}

/// Our decision over trees that know every request.
struct Remembered {
    decider: Decider,
    plan: Plan,
    scenes: Vec<Scene>,
}

fn module(rules: &[rules::Rule]) -> Arc<Module> {
    let engine = Engine::new(EngineOptions::default()).expect("an engine");
    ours::load(&engine, &ours::compile_rules(rules))
}

impl Remembered {
    fn new(rules: &[rules::Rule], requests: &[Request]) -> Self {
        Self {
            decider: Decider::new(DeciderOptions::new(|| 0)),
            plan: ours::plan(&module(rules), 1),
            scenes: requests.iter().map(Scene::of).collect(),
        }
    }
}

impl Runs for Remembered {
    fn name(&self) -> &'static str {
        "remembered"
    }

    fn answer(&mut self, request: usize) -> Answer {
        let scene = &self.scenes[request];
        match self
            .decider
            .decide(&self.plan, ours::action(scene.action), scene)
        {
            Decision::Allowed(_) => Answer::Allowed,
            Decision::Denied(denied) if denied.denial == Denial::Ungranted => Answer::NoMatch,
            Decision::Denied(_) => Answer::Denied,
            other => panic!("{other:?}"),
        }
    }

    fn all(&mut self, repeat: usize) {
        for scene in times(&self.scenes, repeat) {
            black_box(self.decider.decide(
                &self.plan,
                ours::action(scene.action),
                black_box(scene),
            ));
        }
    }
}

/// The module itself, each time.
struct Afresh {
    layer: Layer,
    scenes: Vec<Scene>,
    /// Time passes, or the module would be tripped: it may use a share of it.
    now_ms: u64,
}

impl Afresh {
    fn new(rules: &[rules::Rule], requests: &[Request]) -> Self {
        Self {
            layer: ours::layer(&module(rules), 1),
            scenes: requests.iter().map(Scene::of).collect(),
            now_ms: 0,
        }
    }
}

impl Runs for Afresh {
    fn name(&self) -> &'static str {
        "afresh"
    }

    fn answer(&mut self, request: usize) -> Answer {
        let decider = Decider::new(DeciderOptions::new(|| 0));
        let scene = &self.scenes[request];
        match decider.judge(&self.layer, ours::action(scene.action), scene) {
            Outcome::Answered { verdict, .. } => match verdict {
                Verdict::Allow => Answer::Allowed,
                Verdict::Deny => Answer::Denied,
                Verdict::NoOpinion => Answer::NoMatch,
            },
            other => panic!("{other:?}"),
        }
    }

    fn all(&mut self, repeat: usize) {
        for scene in times(&self.scenes, repeat) {
            self.now_ms += 1;
            let said = self.layer.module.evaluate(black_box(scene), self.now_ms);
            black_box(said.expect("an answer"));
        }
    }
}

struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
    requests: Vec<Asked>,
}

impl Cedar {
    fn new(rules: &[rules::Rule], requests: &[Request]) -> Self {
        Self {
            authorizer: Authorizer::new(),
            policies: rules::cedar(rules).parse().expect("policies of Cedar"),
            entities: Entities::empty(),
            requests: requests.iter().map(Self::request).collect(),
        }
    }

    fn request(request: &Request) -> Asked {
        let uid = |kind: &str, name: &str| -> EntityUid {
            format!("{kind}::\"{name}\"").parse().expect("an entity")
        };
        let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
        let context = Context::from_pairs([
            ("key".to_owned(), text(&request.key)),
            (
                "address".to_owned(),
                RestrictedExpression::new_ip(request.address.to_string()),
            ),
            (
                "tls".to_owned(),
                RestrictedExpression::new_bool(request.tls),
            ),
            ("tag".to_owned(), text(&request.tag)),
        ]);
        Asked::new(
            uid("User", &request.user),
            uid("Action", request.action),
            uid("Bucket", rules::BUCKET),
            context.expect("a context"),
            None,
        )
        .expect("a request")
    }
}

impl Runs for Cedar {
    fn name(&self) -> &'static str {
        "Cedar"
    }

    fn answer(&mut self, request: usize) -> Answer {
        let said =
            self.authorizer
                .is_authorized(&self.requests[request], &self.policies, &self.entities);
        assert_eq!(said.diagnostics().errors().count(), 0, "{said:?}");
        match said.decision() {
            Said::Allow => Answer::Allowed,
            Said::Deny if said.diagnostics().reason().count() > 0 => Answer::Denied,
            Said::Deny => Answer::NoMatch,
        }
    }

    fn all(&mut self, repeat: usize) {
        for request in times(&self.requests, repeat) {
            black_box(self.authorizer.is_authorized(
                black_box(request),
                &self.policies,
                &self.entities,
            ));
        }
    }
}

const ENTRY: &str = "data.bucket.answer";

fn rego(rules: &[rules::Rule]) -> regorus::Engine {
    let mut engine = regorus::Engine::new();
    engine
        .add_policy("bucket.rego".into(), rules::rego(rules))
        .expect("a package of Rego");
    engine
}

fn inputs(requests: &[Request]) -> Vec<regorus::Value> {
    let input = |request: &Request| {
        let json = serde_json::json!({
            "user": request.user,
            "action": request.action,
            "key": request.key,
            "address": request.address.to_string(),
            "tls": request.tls,
            "tag": request.tag,
        });
        regorus::Value::from_json_str(&json.to_string()).expect("an input")
    };
    requests.iter().map(input).collect()
}

fn said(value: &regorus::Value) -> Answer {
    match value.as_string().expect("a text").as_ref() {
        "allowed" => Answer::Allowed,
        "denied" => Answer::Denied,
        "no match" => Answer::NoMatch,
        other => panic!("{other}"),
    }
}

/// Rego compiled to the bytecode of regorus, in one machine that is used again.
struct RegoBytecode {
    machine: RegoVM,
    inputs: Vec<regorus::Value>,
}

impl RegoBytecode {
    fn new(rules: &[rules::Rule], requests: &[Request]) -> Self {
        let compiled = rego(rules)
            .compile_with_entrypoint(&ENTRY.into())
            .expect("compiled");
        let program = Compiler::compile_from_policy(&compiled, &[ENTRY]).expect("bytecode");
        let mut machine = RegoVM::new();
        machine.load_program(program);
        machine.set_execution_timer_config(None);
        machine.set_max_instructions(usize::MAX);
        Self {
            machine,
            inputs: inputs(requests),
        }
    }
}

impl Runs for RegoBytecode {
    fn name(&self) -> &'static str {
        "Rego, bytecode"
    }

    fn answer(&mut self, request: usize) -> Answer {
        self.machine.set_input(self.inputs[request].clone());
        said(&self.machine.execute().expect("an answer"))
    }

    fn all(&mut self, repeat: usize) {
        for input in times(&self.inputs, repeat) {
            self.machine.set_input(black_box(input.clone()));
            black_box(self.machine.execute().expect("an answer"));
        }
    }
}

/// Rego as regorus interprets it unless told otherwise.
struct RegoDefault {
    engine: regorus::Engine,
    inputs: Vec<regorus::Value>,
}

impl RegoDefault {
    fn new(rules: &[rules::Rule], requests: &[Request]) -> Self {
        Self {
            engine: rego(rules),
            inputs: inputs(requests),
        }
    }
}

impl Runs for RegoDefault {
    fn name(&self) -> &'static str {
        "Rego, default"
    }

    fn answer(&mut self, request: usize) -> Answer {
        self.engine.set_input(self.inputs[request].clone());
        said(&self.engine.eval_rule(ENTRY.to_owned()).expect("an answer"))
    }

    fn all(&mut self, repeat: usize) {
        for input in times(&self.inputs, repeat) {
            self.engine.set_input(black_box(input.clone()));
            black_box(self.engine.eval_rule(ENTRY.to_owned()).expect("an answer"));
        }
    }
}
