//! Our engine: a document as a plan of one grant, and the facts of a request.

use std::net::IpAddr;
use std::sync::Arc;

use policy_wasm::compiler::document::{Context, Kind, Unmentioned, compile_document, read};
use policy_wasm::compiler::{self, Statement};
use policy_wasm::engine::{Engine, Module};
use policy_wasm::facts::{Fact, Facts};
use policy_wasm::manifest::Manifest;
use policy_wasm::plan::{ActionId, Layer, LayerKind, Plan, TreeScope};
use policy_wasm::registry::{Attribute, Name};

use crate::rules::{ACCOUNT, ACTIONS, BUCKET, Request, Rule, aws};

/// A document of a bucket as a module.
pub fn compile(document: &str, bucket: &str) -> Vec<u8> {
    let context = Context {
        kind: Kind::Bucket { name: bucket },
        unmentioned: Unmentioned::NoOpinion,
    };
    let compiled = compile_document(document, &context, &Manifest::new("bucket-policy", "1"));
    compiled.expect("a document that is understood").module
}

/// Rules as one module. A document has a bound of 20 KiB, so many rules are read as several documents.
pub fn compile_rules(rules: &[Rule]) -> Vec<u8> {
    let context = Context {
        kind: Kind::Bucket { name: BUCKET },
        unmentioned: Unmentioned::NoOpinion,
    };
    let statements: Vec<Statement> = rules
        .chunks(50)
        .flat_map(|rules| {
            read(&aws(rules), &context)
                .expect("a document that is understood")
                .statements
        })
        .collect();
    compiler::compile(&statements, &Manifest::new("bucket-policy", "1")).expect("a module")
}

/// A module as a plan of one grant, with a tree of its own for the tenant.
pub fn plan(module: &Arc<Module>, tenant: u64) -> Plan {
    Plan::new(vec![layer(module, tenant)]).expect("one layer")
}

pub fn layer(module: &Arc<Module>, tenant: u64) -> Layer {
    Layer {
        kind: LayerKind::Grant,
        name: Arc::from("bucket-policy"),
        module: Arc::clone(module),
        scope: TreeScope::Tenant(tenant),
    }
}

pub fn load(engine: &Engine, module: &[u8]) -> Arc<Module> {
    engine.load(module).expect("a module of our compiler")
}

/// The number of an action: trees are kept apart by it.
pub fn action(name: &str) -> ActionId {
    let place = ACTIONS.iter().position(|known| *known == name);
    ActionId(u32::try_from(place.expect("a known action")).expect("few"))
}

/// A request as the gate describes it: values in fields, found by a match.
#[derive(Debug)]
pub struct Scene {
    pub action: &'static str,
    pub resource: String,
    pub principals: Vec<String>,
    address: IpAddr,
    tls: bool,
    tag: String,
}

impl Scene {
    pub fn of(request: &Request) -> Self {
        Self {
            action: request.action,
            resource: request.resource(),
            principals: vec![
                request.arn(),
                format!("arn:aws:iam::{ACCOUNT}:root"),
                ACCOUNT.to_owned(),
            ],
            address: request.ip(),
            tls: request.tls,
            tag: request.tag.clone(),
        }
    }
}

impl Facts for Scene {
    fn get(&self, attribute: &Attribute) -> Fact<'_> {
        match attribute.name() {
            Name::Action => Fact::text(self.action),
            Name::Resource => Fact::text(&self.resource),
            Name::Principals => Fact::list(self.principals.as_slice()),
            Name::PrincipalArn => Fact::text(&self.principals[0]),
            Name::SourceIp => Fact::address(self.address),
            Name::SecureTransport => Fact::boolean(self.tls),
            Name::ExistingObjectTag if attribute.parameter() == Some("class") => {
                Fact::text(&self.tag)
            }
            _ => Fact::Absent,
        }
    }
}
