//! A program of questions becomes core WebAssembly: the last step of the compiler, which knows nothing of statements.
//!
//! The module has one function. It holds no state: answers are kept in locals, so a question that several
//! statements ask is put once per evaluation. There is no start function, store, `global.set`, bulk, table or
//! grow instruction, so that the engine may reuse one instance for many evaluations. The same program always
//! gives the same bytes, and so the same digest.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, CustomSection, DataSection, EntityType, ExportKind,
    ExportSection, Function, FunctionSection, ImportSection, InstructionSink, MemorySection,
    MemoryType, Module, TypeSection, ValType,
};

use crate::limits::{FUNCTION_BYTES_MAX, MODULE_BYTES_MAX, PAGE_BYTES};

use super::CompileError;
use super::program::{Ask, Clause, Hoped, Literal, Operand, Program, Term};

/// Writes `program` as a module of the interface `postern:policy/1`, with `manifest` as its section `postern.policy`.
///
/// # Errors
/// Where the code or the module is larger than the engine takes.
pub(super) fn module(program: &Program, manifest: &[u8]) -> Result<Vec<u8>, CompileError> {
    let imports = Imports::of(program);
    let data = Data::of(program);

    let mut module = Module::new();
    module
        .section(&Imports::types())
        .section(&imports.section());

    let mut functions = FunctionSection::new();
    functions.function(DECIDE);
    module.section(&functions);

    let pages = u64::try_from(data.bytes.len().div_ceil(PAGE_BYTES).max(1)).unwrap_or(u64::MAX);
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: pages,
        maximum: Some(pages),
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    module.section(&memories);

    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0).export(
        "decide",
        ExportKind::Func,
        imports.count(),
    );
    module.section(&exports);

    let body = Body::new(program, &imports, &data).write();
    if body.byte_len() > FUNCTION_BYTES_MAX {
        return Err(CompileError::CodeTooLong {
            bytes: body.byte_len(),
        });
    }
    let mut code = CodeSection::new();
    code.function(&body);
    module.section(&code);

    if !data.bytes.is_empty() {
        let mut section = DataSection::new();
        section.active(0, &ConstExpr::i32_const(0), data.bytes.iter().copied());
        module.section(&section);
    }
    module.section(&CustomSection {
        name: Cow::Borrowed(crate::manifest::SECTION),
        data: Cow::Borrowed(manifest),
    });
    let bytes = module.finish();
    if bytes.len() > MODULE_BYTES_MAX {
        return Err(CompileError::ModuleTooLarge { bytes: bytes.len() });
    }
    Ok(bytes)
}

/// The imports that the program uses, no more, and their types.
///
/// Types and functions are numbered by their order here, `decide` after all of them.
struct Imports {
    /// Name and type index of each import; its place is its function index.
    functions: Vec<(&'static str, u32)>,
}

/// Parameters and results of the interface's functions; the place is the type's index.
const SIGNATURES: [(&[ValType], &[ValType]); 6] = [
    (&[ValType::I32], &[ValType::I32]),
    (&[ValType::I32, ValType::I64], &[ValType::I32]),
    (&[ValType::I32, ValType::I32, ValType::I32], &[ValType::I32]),
    (&[ValType::I32, ValType::I32], &[]),
    (
        &[ValType::I32, ValType::I32, ValType::I32, ValType::I32],
        &[],
    ),
    (&[], &[ValType::I32]),
];
const PRESENT: u32 = 0;
const NUMBER: u32 = 1;
const BYTES: u32 = 2;
const BECAUSE: u32 = 3;
const OBLIGE: u32 = 4;
const DECIDE: u32 = 5;

impl Imports {
    fn of(program: &Program) -> Self {
        // A sorted set: the order in the module does not hang on the order of statements.
        let mut used: BTreeSet<(&'static str, u32)> = program
            .asks
            .iter()
            .map(|ask| {
                let signature = match ask.operand {
                    Operand::None => PRESENT,
                    Operand::Number(_) => NUMBER,
                    Operand::Bytes(_) => BYTES,
                };
                (ask.import, signature)
            })
            .collect();
        if program.clauses().next().is_some() {
            used.insert(("because", BECAUSE));
        }
        if !program.duties.is_empty() {
            used.insert(("oblige", OBLIGE));
        }
        Self {
            functions: used.into_iter().collect(),
        }
    }

    fn types() -> TypeSection {
        let mut types = TypeSection::new();
        for (params, results) in SIGNATURES {
            types
                .ty()
                .function(params.iter().copied(), results.iter().copied());
        }
        types
    }

    fn section(&self) -> ImportSection {
        let mut section = ImportSection::new();
        for (name, signature) in &self.functions {
            section.import("postern", name, EntityType::Function(*signature));
        }
        section
    }

    fn count(&self) -> u32 {
        index(self.functions.len())
    }

    /// The function index of an import that [`Imports::of`] has seen.
    fn function(&self, name: &str) -> u32 {
        index(
            self.functions
                .iter()
                .position(|(known, _)| *known == name)
                .unwrap_or_default(),
        )
    }
}

/// All constant bytes, each once, in the order of their first use.
struct Data {
    bytes: Vec<u8>,
    places: HashMap<Vec<u8>, i32>,
}

impl Data {
    fn of(program: &Program) -> Self {
        let mut data = Self {
            bytes: Vec::new(),
            places: HashMap::new(),
        };
        for ask in &program.asks {
            if let Operand::Bytes(bytes) = &ask.operand {
                data.keep(bytes);
            }
        }
        for clause in program.clauses() {
            data.keep(clause.id.as_bytes());
        }
        for duty in &program.duties {
            data.keep(&duty.constant);
        }
        data
    }

    fn keep(&mut self, bytes: &[u8]) {
        if !self.places.contains_key(bytes) {
            self.places.insert(bytes.to_vec(), signed(self.bytes.len()));
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// Pushes the address and the length of bytes that [`Data::of`] has kept.
    fn push(&self, code: &mut InstructionSink<'_>, bytes: &[u8]) {
        code.i32_const(self.places.get(bytes).copied().unwrap_or_default());
        code.i32_const(signed(bytes.len()));
    }
}

/// The instructions of `decide`.
///
/// Locals: one for each question that is used more than once (0 not asked, 1 no, 2 yes), one for each
/// obligation (1 when owed), and the decision so far.
struct Body<'a> {
    program: &'a Program,
    imports: &'a Imports,
    data: &'a Data,
    /// The local of each question, where it has one.
    memos: Vec<Option<u32>>,
}

impl<'a> Body<'a> {
    fn new(program: &'a Program, imports: &'a Imports, data: &'a Data) -> Self {
        let mut uses = vec![0_u32; program.asks.len()];
        for literal in program
            .clauses()
            .flat_map(|clause| &clause.terms)
            .flat_map(|term| &term.literals)
        {
            if let Some(count) = uses.get_mut(literal.ask) {
                *count += 1;
            }
        }
        let mut next = 0;
        let memos = uses
            .into_iter()
            .map(|count| {
                (count > 1).then(|| {
                    next += 1;
                    next - 1
                })
            })
            .collect();
        Self {
            program,
            imports,
            data,
            memos,
        }
    }

    fn memo_count(&self) -> u32 {
        index(self.memos.iter().flatten().count())
    }

    /// The local that says whether an obligation is owed.
    fn owed(&self, duty: usize) -> u32 {
        self.memo_count() + index(duty)
    }

    /// The local that holds the decision of the statements that oblige.
    fn verdict(&self) -> u32 {
        self.owed(self.program.duties.len())
    }

    fn write(&self) -> Function {
        let mut function = Function::new([(self.verdict() + 1, ValType::I32)]);
        let mut code = function.instructions();
        for clause in &self.program.denials {
            self.clause(&mut code, clause, |code| {
                self.because(code, clause);
                code.i32_const(DENY).return_();
            });
        }
        for clause in &self.program.bound {
            self.clause(&mut code, clause, |code| self.bind(code, clause));
        }
        // The free ones are of no use when one that obliges has allowed: they can only allow too.
        code.block(BlockType::Empty);
        if !self.program.bound.is_empty() {
            code.local_get(self.verdict()).br_if(0);
        }
        for clause in &self.program.free {
            self.clause(&mut code, clause, |code| {
                self.because(code, clause);
                code.i32_const(ALLOW).return_();
            });
        }
        for clause in &self.program.last {
            self.clause(&mut code, clause, |code| {
                self.because(code, clause);
                code.i32_const(DENY).return_();
            });
        }
        code.end();
        for (place, duty) in self.program.duties.iter().enumerate() {
            code.local_get(self.owed(place)).if_(BlockType::Empty);
            code.i32_const(duty.kind).i32_const(duty.attribute);
            self.data.push(&mut code, &duty.constant);
            code.call(self.imports.function("oblige")).end();
        }
        code.local_get(self.verdict()).end();
        function
    }

    /// `then`, if every term of `clause` holds.
    fn clause(
        &self,
        code: &mut InstructionSink<'_>,
        clause: &Clause,
        then: impl FnOnce(&mut InstructionSink<'_>),
    ) {
        code.block(BlockType::Empty);
        for term in &clause.terms {
            self.term(code, term);
        }
        then(code);
        code.end();
    }

    /// Leaves the clause's block unless one literal of `term` holds.
    fn term(&self, code: &mut InstructionSink<'_>, term: &Term) {
        let Some((last, first)) = term.literals.split_last() else {
            code.br(0);
            return;
        };
        code.block(BlockType::Empty);
        for literal in first {
            self.literal(code, *literal);
            code.br_if(0);
        }
        self.literal(code, *last);
        code.br_if(0).br(1).end();
    }

    /// Pushes 1 if the question has the answer that is hoped for, else 0.
    fn literal(&self, code: &mut InstructionSink<'_>, literal: Literal) {
        let Some(ask) = self.program.asks.get(literal.ask) else {
            code.i32_const(0);
            return;
        };
        match self.memos.get(literal.ask).copied().flatten() {
            None => {
                self.ask(code, ask);
                if literal.hoped == Hoped::No {
                    code.i32_eqz();
                }
            }
            Some(local) => {
                code.local_get(local).i32_eqz().if_(BlockType::Empty);
                self.ask(code, ask);
                code.i32_const(1).i32_add().local_set(local).end();
                code.local_get(local);
                code.i32_const(match literal.hoped {
                    Hoped::No => 1,
                    Hoped::Yes => 2,
                });
                code.i32_eq();
            }
        }
    }

    fn ask(&self, code: &mut InstructionSink<'_>, ask: &Ask) {
        code.i32_const(ask.attribute);
        match &ask.operand {
            Operand::None => {}
            Operand::Number(number) => {
                code.i64_const(*number);
            }
            Operand::Bytes(bytes) => self.data.push(code, bytes),
        }
        code.call(self.imports.function(ask.import));
    }

    fn because(&self, code: &mut InstructionSink<'_>, clause: &Clause) {
        self.data.push(code, clause.id.as_bytes());
        code.call(self.imports.function("because"));
    }

    /// An allowing statement that obliges has held: what it asks for is owed; the first to hold is the reason.
    fn bind(&self, code: &mut InstructionSink<'_>, clause: &Clause) {
        for duty in &clause.duties {
            code.i32_const(1).local_set(self.owed(*duty));
        }
        code.local_get(self.verdict())
            .i32_eqz()
            .if_(BlockType::Empty);
        self.because(code, clause);
        code.i32_const(ALLOW).local_set(self.verdict()).end();
    }
}

/// What `decide` returns to allow, and to deny. Source: `postern:policy/1`.
const ALLOW: i32 = 1;
const DENY: i32 = 2;

// The compiler's limits keep every count far below 2^31; saturating would make a module that does not validate.
fn index(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn signed(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
