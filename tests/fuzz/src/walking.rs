//! Modules that an [`author`](super::author) makes, evaluated and remembered.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use policy_wasm::decider::{Decider, DeciderOptions};
use policy_wasm::engine::{Cause, Engine, Evaluation, Module, Stopped};
use policy_wasm::facts::{Fact, Facts, Value};
use policy_wasm::plan::{ActionId, Layer, LayerKind, Outcome, TreeScope};
use policy_wasm::registry::Attribute;

use super::author::{self, ATTRIBUTES, Bytes, TEXTS};
use super::engine;

/// Steps of one input.
const STEPS_MAX: usize = 24;
/// Callers that take turns.
const CALLERS: usize = 3;

/// A module that is valid: it is let in, loads, and says the same to the same facts each time, whatever it has done before and
/// to whom.
pub fn structured(data: &[u8]) {
    let mut bytes = Bytes(data);
    let Some((engine, module)) = authored(&mut bytes) else {
        return;
    };
    let mut caller = Caller::default();
    (0..ATTRIBUTES.len()).for_each(|_| caller.change(&mut bytes));
    let mut now = 0;
    let mut evaluate = |facts: &dyn Facts| {
        // A module that burns all of its fuel each time would be tripped, were it always the same second.
        now += 1_000;
        module.evaluate(facts, now)
    };
    let first = evaluate(&caller);
    let other = evaluate(&Caller::default());
    assert_alike(&first, &evaluate(&caller));
    assert_alike(&other, &evaluate(&Caller::default()));
    assert!(!module.is_fickle());
    engine.tick();
}

/// A module, callers and an order: what the trees remember is what the module says.
pub fn walk(data: &[u8]) {
    let mut bytes = Bytes(data);
    let Some((_, module)) = authored(&mut bytes) else {
        return;
    };
    let now = Arc::new(AtomicU64::new(0));
    let clock = Arc::clone(&now);
    let decider = Decider::new(DeciderOptions::new(move || {
        clock.fetch_add(1_000, Ordering::Relaxed)
    }));
    let mut callers: [Caller; CALLERS] = Default::default();
    for _ in 0..STEPS_MAX {
        if bytes.is_empty() {
            break;
        }
        let step = usize::from(bytes.next());
        let caller = &mut callers[step % CALLERS];
        if step & 0x80 != 0 {
            caller.change(&mut bytes);
        }
        let scope = if step & 0x40 == 0 {
            TreeScope::Shared
        } else {
            TreeScope::Tenant(7)
        };
        let layer = Layer {
            kind: LayerKind::Grant,
            name: Arc::from("fuzzed"),
            module: Arc::clone(&module),
            scope,
        };
        let action = ActionId(u32::from(step & 0x20 != 0));
        let walked = decider.judge(&layer, action, caller);
        let fresh = module.evaluate(caller, now.fetch_add(1_000, Ordering::Relaxed));
        assert_eq!(outcome(&walked), said(&fresh), "{caller:?}");
        assert!(!module.is_fickle());
    }
}

fn authored(bytes: &mut Bytes<'_>) -> Option<(&'static Engine, Arc<Module>)> {
    let engine = engine()?;
    let module = author::module(bytes);
    let loaded = engine.load(&module);
    Some((engine, loaded.expect("what is valid is let in")))
}

fn assert_alike(one: &Result<Evaluation, Stopped>, other: &Result<Evaluation, Stopped>) {
    let path = |ran: &Result<Evaluation, Stopped>| match ran {
        Ok(ran) => ran.path.clone(),
        Err(stopped) => stopped.path.clone(),
    };
    assert_eq!(path(one), path(other), "it asks alike");
    assert_eq!(said(one), said(other), "it says alike");
}

/// What came of an evaluation, to be compared.
fn said(ran: &Result<Evaluation, Stopped>) -> String {
    match ran {
        Ok(ran) => format!("{:?} {:?} {:?}", ran.verdict, ran.reasons, ran.obligations),
        Err(Stopped {
            cause: Cause::NotFetched(question),
            ..
        }) => question.attribute.to_string(),
        Err(Stopped {
            cause: Cause::Fault(fault),
            ..
        }) => format!("{fault:?}"),
    }
}

/// The same of a walk.
fn outcome(walked: &Outcome) -> String {
    match walked {
        Outcome::Answered {
            verdict,
            reasons,
            obligations,
        } => {
            format!("{verdict:?} {reasons:?} {obligations:?}")
        }
        Outcome::NotFetched(attribute) => attribute.to_string(),
        Outcome::Fault(fault) => format!("{fault:?}"),
    }
}

/// The facts of one caller: for each attribute of the author, absent unless it was changed.
#[derive(Clone, Debug, Default)]
struct Caller([Held; ATTRIBUTES.len()]);

#[derive(Clone, Debug, Default)]
enum Held {
    #[default]
    Absent,
    Unfetched,
    Values(Vec<Value<'static>>),
}

impl Caller {
    fn change(&mut self, bytes: &mut Bytes<'_>) {
        let place = bytes.below(ATTRIBUTES.len());
        let name = ATTRIBUTES[place];
        let count = match bytes.below(5) {
            0 => {
                self.0[place] = Held::Absent;
                return;
            }
            1 if name.starts_with("s3:Existing") => {
                self.0[place] = Held::Unfetched;
                return;
            }
            more if name == "postern:Principals" => more - 1,
            _ => 1,
        };
        let values = (0..count).map(|_| value(name, bytes.next()));
        self.0[place] = Held::Values(values.collect());
    }
}

fn value(name: &str, byte: u8) -> Value<'static> {
    let number = i64::from(byte);
    match name {
        "aws:SourceIp" => Value::Address(IpAddr::from([10, byte % 3, 2, 3])),
        "aws:CurrentTime" => Value::Time(number * 100),
        "s3:max-keys" => Value::Number(number * 1_000),
        "aws:SecureTransport" => Value::Bool(byte.is_multiple_of(2)),
        _ => Value::Text(TEXTS[usize::from(byte) % TEXTS.len()].as_bytes()),
    }
}

impl Facts for Caller {
    fn get(&self, attribute: &Attribute) -> Fact<'_> {
        let name = attribute.to_string();
        let place = ATTRIBUTES.iter().position(|known| *known == name);
        match place.map(|place| &self.0[place]) {
            Some(Held::Values(values)) => Fact::Present(values.as_slice().into()),
            Some(Held::Unfetched) => Fact::NotFetched,
            Some(Held::Absent) | None => Fact::Absent,
        }
    }
}
