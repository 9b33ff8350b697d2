//! The check of a module: what it may contain, and how much of it, before any of it is compiled.
//!
//! It is one pass over the bytes. Everything has a bound here, because compiling is where a module could take time and
//! memory without having asked a single question.

use std::ops::Range;

use wasmparser::{
    BinaryReaderError, ExternalKind, FuncType, FuncValidatorAllocations, FunctionBody, MemoryType,
    Operator, Parser, Payload, TypeRef, ValType, ValidPayload, Validator, WasmFeatures,
};

use super::imports::{NAMESPACE, SIGNATURES};
use super::inspection::Inspection;
use super::module::Digest;
use crate::limits::{
    EXPORTS_MAX, FUNCTION_BYTES_MAX, FUNCTIONS_MAX, GLOBALS_MAX, LOCALS_MAX, MEMORY_PAGES_MAX,
    MODULE_BYTES_MAX, NESTING_MAX, SEGMENTS_MAX, TABLE_ELEMENTS_MAX, TYPES_MAX,
};
use crate::manifest::{Manifest, ManifestError, SECTION};
use crate::registry::UnknownAttribute;

/// Why a module is refused.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// It is too large.
    #[error("a module of {bytes} bytes, at most {MODULE_BYTES_MAX}")]
    TooLarge {
        /// How large.
        bytes: usize,
    },
    /// It is not valid WebAssembly, or uses a feature that policies do not have.
    #[error("not a valid module: {0}")]
    Invalid(#[from] BinaryReaderError),
    /// It has no manifest, or two.
    #[error("the module needs exactly one custom section `{SECTION}`")]
    NoManifest,
    /// Its manifest is wrong.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// It asks for an attribute that nobody knows.
    #[error(transparent)]
    Attribute(#[from] UnknownAttribute),
    /// It imports what does not exist.
    #[error("unknown import `{module}.{name}`")]
    UnknownImport {
        /// From where.
        module: String,
        /// What.
        name: String,
    },
    /// It imports something with other types than it has.
    #[error("the import `{name}` has another type")]
    MistypedImport {
        /// What.
        name: String,
    },
    /// It lacks an export.
    #[error("the module must export {0}")]
    MissingExport(&'static str),
    /// It has an export of another type.
    #[error("the export `{0}` has another type")]
    MistypedExport(&'static str),
    /// It has more of something than it may.
    #[error("{count} {what}, at most {most}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        count: u64,
        /// How many there may be.
        most: u64,
    },
}

pub(super) fn check(bytes: &[u8]) -> Result<Inspection, CheckError> {
    if bytes.len() > MODULE_BYTES_MAX {
        return Err(CheckError::TooLarge { bytes: bytes.len() });
    }
    let mut checking = Checking::default();
    let mut validator = Validator::new_with_features(features());
    let mut allocations = FuncValidatorAllocations::default();
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload?;
        checking.payload(&payload)?;
        if let ValidPayload::Func(function, body) = validator.payload(&payload)? {
            let mut function = function.into_validator(allocations);
            function.validate(&body)?;
            allocations = function.into_allocations();
        }
    }
    let manifest = checking.manifest.take().ok_or(CheckError::NoManifest)?;
    let attributes = manifest.table()?;
    let memory_pages = checking.exports()?;
    Ok(Inspection {
        digest: Digest::of(bytes),
        manifest,
        attributes,
        bytes: bytes.len(),
        reusable: !checking.leaves_traces,
        functions: checking.functions,
        imports: checking.imports,
        memory_pages,
    })
}

/// What the engine has switched on, which is what compilers for WebAssembly use without being asked.
fn features() -> WasmFeatures {
    WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::REFERENCE_TYPES
        | WasmFeatures::CALL_INDIRECT_OVERLONG
        | WasmFeatures::MULTI_VALUE
        | WasmFeatures::BULK_MEMORY
        | WasmFeatures::BULK_MEMORY_OPT
        | WasmFeatures::SIMD
        | WasmFeatures::FLOATS
        | WasmFeatures::GC_TYPES
}

/// What was seen so far.
#[derive(Default)]
struct Checking {
    manifest: Option<Manifest>,
    types: Vec<Option<FuncType>>,
    /// The type of each function, imported ones first.
    function_types: Vec<u32>,
    imports: Vec<String>,
    functions: u32,
    memories: Vec<MemoryType>,
    memory_export: Option<u32>,
    decide_export: Option<u32>,
    leaves_traces: bool,
}

impl Checking {
    fn payload(&mut self, payload: &Payload<'_>) -> Result<(), CheckError> {
        match payload {
            Payload::TypeSection(types) => {
                at_most("types", types.count(), TYPES_MAX)?;
                for group in types.clone() {
                    for subtype in group?.into_types() {
                        let function = match subtype.composite_type.inner {
                            wasmparser::CompositeInnerType::Func(function) => Some(function),
                            _ => None,
                        };
                        self.types.push(function);
                    }
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.clone().into_imports() {
                    let import = import?;
                    self.import(import.module, import.name, import.ty)?;
                }
            }
            Payload::FunctionSection(functions) => {
                at_most("functions", functions.count(), FUNCTIONS_MAX)?;
                self.functions = functions.count();
                for function in functions.clone() {
                    self.function_types.push(function?);
                }
            }
            Payload::TableSection(tables) => {
                at_most("tables", tables.count(), 1)?;
                for table in tables.clone() {
                    at_most("table elements", table?.ty.initial, TABLE_ELEMENTS_MAX)?;
                }
            }
            Payload::MemorySection(memories) => {
                at_most("memories", memories.count(), 1)?;
                for memory in memories.clone() {
                    let memory = memory?;
                    // A maximum says nothing here: an instance is held at its minimum, see `ResourceLimiter` in the imports.
                    at_most("pages of memory", memory.initial, pages_max())?;
                    self.memories.push(memory);
                }
            }
            Payload::GlobalSection(globals) => at_most("globals", globals.count(), GLOBALS_MAX)?,
            Payload::ElementSection(elements) => {
                at_most("element segments", elements.count(), SEGMENTS_MAX)?;
            }
            Payload::DataSection(data) => at_most("data segments", data.count(), SEGMENTS_MAX)?,
            Payload::ExportSection(exports) => {
                at_most("exports", exports.count(), EXPORTS_MAX)?;
                for export in exports.clone() {
                    let export = export?;
                    match (export.name, export.kind) {
                        ("memory", ExternalKind::Memory) => self.memory_export = Some(export.index),
                        ("memory", _) => return Err(CheckError::MistypedExport("memory")),
                        ("decide", ExternalKind::Func) => self.decide_export = Some(export.index),
                        ("decide", _) => return Err(CheckError::MistypedExport("decide")),
                        _ => {}
                    }
                }
            }
            Payload::StartSection { .. } => self.leaves_traces = true,
            Payload::CodeSectionEntry(body) => self.body(body)?,
            Payload::CustomSection(section) if section.name() == SECTION => {
                if self.manifest.is_some() {
                    return Err(CheckError::NoManifest);
                }
                self.manifest = Some(Manifest::read(section.data())?);
            }
            _ => {}
        }
        Ok(())
    }

    fn import(&mut self, module: &str, name: &str, imported: TypeRef) -> Result<(), CheckError> {
        let cut = |text: &str| text.chars().take(64).collect::<String>();
        let known = SIGNATURES
            .iter()
            .find(|(known, ..)| module == NAMESPACE && *known == name);
        let Some((_, parameters, results)) = known else {
            return Err(CheckError::UnknownImport {
                module: cut(module),
                name: cut(name),
            });
        };
        let TypeRef::Func(place) = imported else {
            return Err(CheckError::MistypedImport { name: cut(name) });
        };
        if !self.has_type(place, parameters, results) {
            return Err(CheckError::MistypedImport { name: cut(name) });
        }
        self.function_types.push(place);
        self.imports.push(name.to_owned());
        at_most("imports", self.imports.len(), SIGNATURES.len() * 4)?;
        // What is read is written into the memory.
        self.leaves_traces |= name == "read";
        Ok(())
    }

    fn has_type(&self, place: u32, parameters: &str, results: &str) -> bool {
        let letters = |types: &[ValType]| {
            types
                .iter()
                .map(|value| match value {
                    ValType::I32 => 'i',
                    ValType::I64 => 'l',
                    _ => '?',
                })
                .collect::<String>()
        };
        let found = usize::try_from(place)
            .ok()
            .and_then(|place| self.types.get(place));
        found.and_then(Option::as_ref).is_some_and(|function| {
            letters(function.params()) == parameters && letters(function.results()) == results
        })
    }

    fn body(&mut self, body: &FunctionBody<'_>) -> Result<(), CheckError> {
        let Range { start, end } = body.range();
        at_most(
            "bytes in a function",
            end.saturating_sub(start),
            FUNCTION_BYTES_MAX,
        )?;
        let mut locals: u32 = 0;
        for local in body.get_locals_reader()? {
            locals = locals.saturating_add(local?.0);
            at_most("locals in a function", locals, LOCALS_MAX)?;
        }
        let mut nesting: u32 = 0;
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            let operator = operators.read()?;
            match operator {
                Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                    nesting += 1
                }
                Operator::End => nesting = nesting.saturating_sub(1),
                _ => {}
            }
            at_most("blocks within each other", nesting, NESTING_MAX)?;
            self.leaves_traces |= !harmless(&operator);
        }
        Ok(())
    }

    /// Holds the exports against the interface, and gives the size of the memory.
    fn exports(&self) -> Result<u64, CheckError> {
        let memory = self
            .memory_export
            .ok_or(CheckError::MissingExport("`memory`"))?;
        let decide = self
            .decide_export
            .ok_or(CheckError::MissingExport("`decide() -> i32`"))?;
        let decide = usize::try_from(decide)
            .ok()
            .and_then(|place| self.function_types.get(place));
        if !decide.is_some_and(|place| self.has_type(*place, "", "i")) {
            return Err(CheckError::MistypedExport("decide"));
        }
        let memory = usize::try_from(memory)
            .ok()
            .and_then(|place| self.memories.get(place));
        memory
            .map(|memory| memory.initial)
            .ok_or(CheckError::MissingExport("`memory`"))
    }
}

/// Whether an instruction can change nothing that outlives the call: no memory, table, global or segment.
///
/// The list names what is harmless and not what harms, so that an instruction of a later day counts as harmful.
#[expect(
    clippy::too_many_lines,
    reason = "a table: one line for each instruction"
)]
fn harmless(operator: &Operator<'_>) -> bool {
    use Operator as O;
    matches!(
        operator,
        O::Unreachable
            | O::Nop
            | O::Block { .. }
            | O::Loop { .. }
            | O::If { .. }
            | O::Else
            | O::End
            | O::Br { .. }
            | O::BrIf { .. }
            | O::BrTable { .. }
            | O::Return
            | O::Call { .. }
            | O::CallIndirect { .. }
            | O::Drop
            | O::Select
            | O::TypedSelect { .. }
            | O::LocalGet { .. }
            | O::LocalSet { .. }
            | O::LocalTee { .. }
            | O::GlobalGet { .. }
            | O::I32Load { .. }
            | O::I64Load { .. }
            | O::I32Load8S { .. }
            | O::I32Load8U { .. }
            | O::I32Load16S { .. }
            | O::I32Load16U { .. }
            | O::I64Load8S { .. }
            | O::I64Load8U { .. }
            | O::I64Load16S { .. }
            | O::I64Load16U { .. }
            | O::I64Load32S { .. }
            | O::I64Load32U { .. }
            | O::MemorySize { .. }
            | O::I32Const { .. }
            | O::I64Const { .. }
            | O::I32Eqz
            | O::I32Eq
            | O::I32Ne
            | O::I32LtS
            | O::I32LtU
            | O::I32GtS
            | O::I32GtU
            | O::I32LeS
            | O::I32LeU
            | O::I32GeS
            | O::I32GeU
            | O::I64Eqz
            | O::I64Eq
            | O::I64Ne
            | O::I64LtS
            | O::I64LtU
            | O::I64GtS
            | O::I64GtU
            | O::I64LeS
            | O::I64LeU
            | O::I64GeS
            | O::I64GeU
            | O::I32Clz
            | O::I32Ctz
            | O::I32Popcnt
            | O::I32Add
            | O::I32Sub
            | O::I32Mul
            | O::I32DivS
            | O::I32DivU
            | O::I32RemS
            | O::I32RemU
            | O::I32And
            | O::I32Or
            | O::I32Xor
            | O::I32Shl
            | O::I32ShrS
            | O::I32ShrU
            | O::I32Rotl
            | O::I32Rotr
            | O::I64Clz
            | O::I64Ctz
            | O::I64Popcnt
            | O::I64Add
            | O::I64Sub
            | O::I64Mul
            | O::I64DivS
            | O::I64DivU
            | O::I64RemS
            | O::I64RemU
            | O::I64And
            | O::I64Or
            | O::I64Xor
            | O::I64Shl
            | O::I64ShrS
            | O::I64ShrU
            | O::I64Rotl
            | O::I64Rotr
            | O::I32WrapI64
            | O::I64ExtendI32S
            | O::I64ExtendI32U
            | O::I32Extend8S
            | O::I32Extend16S
            | O::I64Extend8S
            | O::I64Extend16S
            | O::I64Extend32S
    )
}

fn pages_max() -> u64 {
    u64::try_from(MEMORY_PAGES_MAX).unwrap_or(0)
}

fn at_most<T: TryInto<u64>, M: TryInto<u64>>(
    what: &'static str,
    count: T,
    most: M,
) -> Result<(), CheckError> {
    let count = count.try_into().unwrap_or(u64::MAX);
    let most = most.try_into().unwrap_or(0);
    if count > most {
        Err(CheckError::TooMany { what, count, most })
    } else {
        Ok(())
    }
}
