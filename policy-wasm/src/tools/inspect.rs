//! What is in a module, for people: `postern module inspect`.

use std::fmt;

use serde::Serialize;
use wasmparser::{Parser, Payload};

use super::questions::{StaticQuestions, questions};
use crate::engine::{CheckError, Engine};
use crate::registry::{Cost, Kind};

/// Everything that can be told of a module without running it.
#[derive(Clone, Debug, Serialize)]
pub struct ModuleReport {
    /// SHA-256 of its bytes, in hexadecimal digits: its name for machines.
    pub digest: String,
    /// Its name for people.
    pub name: String,
    /// Its version for people.
    pub version: String,
    /// What it says that it does.
    pub description: String,
    /// The interface that it was made for.
    pub abi: String,
    /// Its size, in bytes.
    pub bytes: usize,
    /// Its memory, in pages of 64 KiB.
    pub memory_pages: u64,
    /// How many functions it defines.
    pub functions: u32,
    /// Whether one instance serves many evaluations: it cannot leave a trace in itself.
    pub reusable: bool,
    /// The imports that it uses.
    pub imports: Vec<String>,
    /// What it exports.
    pub exports: Vec<String>,
    /// The attributes of its table.
    pub attributes: Vec<InspectedAttribute>,
    /// What it can ask.
    pub asks: StaticQuestions,
    /// The names of the tests that it carries.
    pub tests: Vec<String>,
}

/// An attribute of a module's table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InspectedAttribute {
    /// Its name.
    pub name: String,
    /// The type of its values.
    pub kind: &'static str,
    /// Whether it may have several values.
    pub many: bool,
    /// Whether it must be fetched from the upstream, which costs a request.
    pub fetched: bool,
}

/// Looks into a module.
///
/// # Errors
/// Where the engine would refuse it.
pub fn inspect(engine: &Engine, wasm: &[u8]) -> Result<ModuleReport, CheckError> {
    let inspection = engine.check(wasm)?;
    let attributes = inspection
        .attributes
        .iter()
        .map(|attribute| InspectedAttribute {
            name: attribute.to_string(),
            kind: kind(attribute.entry().kind),
            many: attribute.entry().many,
            fetched: attribute.entry().cost == Cost::Fetched,
        })
        .collect();
    let manifest = inspection.manifest;
    Ok(ModuleReport {
        digest: inspection.digest.to_string(),
        name: manifest.name,
        version: manifest.version,
        description: manifest.description,
        abi: manifest.abi,
        bytes: inspection.bytes,
        memory_pages: inspection.memory_pages,
        functions: inspection.functions,
        reusable: inspection.reusable,
        imports: inspection.imports,
        exports: exports(wasm)?,
        attributes,
        asks: questions(wasm, &inspection.attributes)?,
        tests: manifest.tests.into_iter().map(|test| test.name).collect(),
    })
}

fn exports(wasm: &[u8]) -> Result<Vec<String>, CheckError> {
    let mut names = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::ExportSection(exports) = payload? {
            for export in exports {
                names.push(export?.name.to_owned());
            }
        }
    }
    Ok(names)
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Arn => "arn",
        Kind::Number => "number",
        Kind::Time => "time",
        Kind::Bool => "truth value",
        Kind::Address => "address",
        Kind::Network => "network",
    }
}

impl fmt::Display for ModuleReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}", self.name, self.version)?;
        if !self.description.is_empty() {
            writeln!(f, "  {}", self.description)?;
        }
        writeln!(f, "digest      {}", self.digest)?;
        writeln!(f, "interface   {}", self.abi)?;
        writeln!(
            f,
            "size        {} bytes, {} function(s), {} page(s) of memory",
            self.bytes, self.functions, self.memory_pages
        )?;
        writeln!(
            f,
            "instances   {}",
            if self.reusable {
                "reused"
            } else {
                "a fresh one for each evaluation"
            }
        )?;
        writeln!(f, "imports     {}", self.imports.join(", "))?;
        writeln!(f, "exports     {}", self.exports.join(", "))?;
        writeln!(f, "attributes")?;
        for attribute in &self.attributes {
            let InspectedAttribute {
                name,
                kind,
                many,
                fetched,
            } = attribute;
            let many = if *many { ", several" } else { "" };
            let fetched = if *fetched {
                ", fetched from the upstream"
            } else {
                ""
            };
            writeln!(f, "  {name} ({kind}{many}{fetched})")?;
        }
        writeln!(
            f,
            "questions{}",
            if self.asks.complete {
                ""
            } else {
                " (and others, computed)"
            }
        )?;
        for question in &self.asks.questions {
            writeln!(f, "  {question}")?;
        }
        if !self.tests.is_empty() {
            writeln!(f, "tests")?;
            for test in &self.tests {
                writeln!(f, "  {test}")?;
            }
        }
        Ok(())
    }
}
