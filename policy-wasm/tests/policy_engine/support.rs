//! Modules from WAT, facts from a table, and an engine to try them with.

use std::collections::HashMap;
use std::sync::Arc;

use policy_wasm::decider::{Decider, DeciderOptions};
use policy_wasm::engine::{Engine, EngineOptions, Module};
use policy_wasm::facts::{Fact, Facts};
use policy_wasm::manifest::{Manifest, SECTION};
use policy_wasm::plan::{ActionId, Layer, LayerKind, Plan, TreeScope};
use policy_wasm::registry::Attribute;

/// Facts from a table. What is not in it is absent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table(HashMap<String, Held>);

#[derive(Clone, Debug)]
pub(crate) enum Held {
    Text(String),
    Texts(Vec<String>),
    Number(i64),
    Unfetched,
}

impl Table {
    pub(crate) fn with(mut self, name: &str, held: Held) -> Self {
        self.0.insert(name.to_owned(), held);
        self
    }

    pub(crate) fn text(self, name: &str, text: &str) -> Self {
        self.with(name, Held::Text(text.to_owned()))
    }
}

impl Facts for Table {
    fn get(&self, attribute: &Attribute) -> Fact<'_> {
        match self.0.get(&attribute.to_string()) {
            None => Fact::Absent,
            Some(Held::Text(text)) => Fact::text(text),
            Some(Held::Texts(texts)) => Fact::list(texts.as_slice()),
            Some(Held::Number(number)) => Fact::integer(*number),
            Some(Held::Unfetched) => Fact::NotFetched,
        }
    }
}

pub(crate) fn engine() -> Arc<Engine> {
    Arc::new(
        Engine::new(EngineOptions {
            instances: 64,
            ..EngineOptions::default()
        })
        .unwrap(),
    )
}

pub(crate) fn decider() -> Decider {
    Decider::new(DeciderOptions::new(|| 0))
}

/// A module of this text, with a manifest that names these attributes.
pub(crate) fn assemble(wat: &str, attributes: &[&str]) -> Vec<u8> {
    let mut manifest = Manifest::new("test", "1");
    manifest.attributes = attributes.iter().map(|name| (*name).to_owned()).collect();
    with_section(&wat::parse_str(wat).unwrap(), &manifest.to_json().unwrap())
}

pub(crate) fn with_section(module: &[u8], data: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    leb(&mut body, SECTION.len());
    body.extend_from_slice(SECTION.as_bytes());
    body.extend_from_slice(data);
    let mut out = module.to_vec();
    out.push(0);
    leb(&mut out, body.len());
    out.extend_from_slice(&body);
    out
}

fn leb(out: &mut Vec<u8>, mut number: usize) {
    loop {
        let byte = u8::try_from(number & 0x7f).unwrap();
        number >>= 7;
        if number == 0 {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}

/// A module whose `decide` has this body, with every import and some bytes in its memory.
pub(crate) fn policy(body: &str) -> String {
    policy_with("", body)
}

pub(crate) fn policy_with(fields: &str, body: &str) -> String {
    format!(
        r#"(module
            (import "postern" "equals" (func $equals (param i32 i32 i32) (result i32)))
            (import "postern" "starts_with" (func $starts_with (param i32 i32 i32) (result i32)))
            (import "postern" "in_network" (func $in_network (param i32 i32 i32) (result i32)))
            (import "postern" "below" (func $below (param i32 i64) (result i32)))
            (import "postern" "present" (func $present (param i32) (result i32)))
            (import "postern" "test" (func $test (param i32 i32 i32) (result i32)))
            (import "postern" "because" (func $because (param i32 i32)))
            (import "postern" "oblige" (func $oblige (param i32 i32 i32 i32)))
            (memory (export "memory") 1 1)
            (data (i32.const 0) "alice")
            (data (i32.const 16) "10.0.0.0/8")
            (data (i32.const 32) "logs/")
            (data (i32.const 48) "1000")
            {fields}
            (func (export "decide") (result i32) {body}))"#
    )
}

pub(crate) fn load(engine: &Engine, wat: &str, attributes: &[&str]) -> Arc<Module> {
    engine.load(&assemble(wat, attributes)).unwrap()
}

pub(crate) fn layer(kind: LayerKind, module: &Arc<Module>) -> Layer {
    Layer {
        kind,
        name: Arc::from("layer"),
        module: Arc::clone(module),
        scope: TreeScope::Shared,
    }
}

/// A plan of one grant.
pub(crate) fn grant(module: &Arc<Module>) -> Plan {
    Plan::new(vec![layer(LayerKind::Grant, module)]).unwrap()
}

pub(crate) const ACTION: ActionId = ActionId(1);
