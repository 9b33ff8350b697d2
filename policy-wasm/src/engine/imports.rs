//! The imports of a module: the questions that it can ask, and nothing else.

use std::sync::Arc;

use smallvec::SmallVec;
use wasmtime::{Caller, Linker, Memory, ResourceLimiter};

use super::evaluation::{Cause, Fault, Reason, with_answers};
use crate::limits::{
    OBLIGATIONS_MAX, OPERAND_BYTES_MAX, QUESTIONS_MAX, READ_BYTES_MAX, REASON_BYTES_MAX,
    REASONS_MAX,
};
use crate::plan::{Obligation, ObligationKind, ObligationOperand};
use crate::question::{Answer, Ask, Predicate, Question, Reading, Unanswered, Work, network};
use crate::registry::Attribute;

/// The name under which a module imports.
pub(super) const NAMESPACE: &str = "postern";

/// What one evaluation has heard and said. It is emptied before each one.
pub(super) struct State {
    table: Arc<[Attribute]>,
    memory: Option<Memory>,
    grown: bool,
    work: Work,
    said: Said,
}

/// What an evaluation leaves behind.
#[derive(Default)]
pub(super) struct Said {
    pub(super) path: Vec<(Question, Answer<'static>)>,
    pub(super) reasons: SmallVec<[Reason; 1]>,
    pub(super) obligations: Vec<Obligation>,
    pub(super) cause: Option<Cause>,
    pub(super) fetched: bool,
}

impl State {
    pub(super) fn new(table: Arc<[Attribute]>) -> Self {
        Self {
            table,
            memory: None,
            grown: false,
            work: Work::full(),
            said: Said::default(),
        }
    }

    /// After the instance is made: its memory is known, and may not grow any more.
    pub(super) fn settle(&mut self, memory: Option<Memory>) {
        self.memory = memory;
        self.grown = true;
    }

    pub(super) fn begin(&mut self) {
        self.work = Work::full();
        self.said = Said::default();
    }

    pub(super) fn end(&mut self) -> (Said, u64) {
        (std::mem::take(&mut self.said), self.work.spent())
    }

    fn stop(&mut self, cause: Cause) -> wasmtime::Error {
        self.said.cause = Some(cause);
        wasmtime::Error::new(Halted)
    }

    fn fail(&mut self, fault: Fault) -> wasmtime::Error {
        self.stop(Cause::Fault(fault))
    }

    fn attribute(&mut self, place: i32) -> wasmtime::Result<Attribute> {
        let attribute = usize::try_from(place)
            .ok()
            .and_then(|place| self.table.get(place))
            .cloned();
        attribute.ok_or_else(|| self.fail(Fault::Attribute { place }))
    }

    /// Answers a question and notes it.
    fn ask(&mut self, attribute: Attribute, ask: Ask) -> wasmtime::Result<Answer<'static>> {
        if self.said.path.len() >= QUESTIONS_MAX {
            return Err(self.fail(Fault::TooManyQuestions));
        }
        let question = Question { attribute, ask };
        self.said.fetched |= question.is_fetched();
        let work = &mut self.work;
        let answered = with_answers(|answers| answers.answer(&question, work));
        match answered {
            Some(Ok(answer)) => {
                self.said.path.push((question, answer.clone()));
                Ok(answer)
            }
            Some(Err(Unanswered::NotFetched)) => Err(self.stop(Cause::NotFetched(question))),
            Some(Err(Unanswered::TooMuchWork)) => Err(self.fail(Fault::TooMuchWork)),
            None => Err(self.fail(Fault::AskedTooEarly)),
        }
    }
}

/// The memory of an instance is as large as it declares and never grows, so that `memory.grow` answers alike each time.
impl ResourceLimiter for State {
    fn memory_growing(
        &mut self,
        _current: usize,
        _desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(!self.grown)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        _desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(!self.grown)
    }
}

/// Ends an evaluation; the cause is in the state.
#[derive(Debug, thiserror::Error)]
#[error("the evaluation was ended")]
struct Halted;

/// Every import, by name, with the types of its parameters and results as letters: `i` for i32, `l` for i64.
pub(super) const SIGNATURES: &[(&str, &str, &str)] = &[
    ("equals", "iii", "i"),
    ("starts_with", "iii", "i"),
    ("ends_with", "iii", "i"),
    ("matches", "iii", "i"),
    ("in_network", "iii", "i"),
    ("below", "il", "i"),
    ("present", "i", "i"),
    ("test", "iii", "i"),
    ("read", "iii", "i"),
    ("because", "ii", ""),
    ("oblige", "iiii", ""),
];

type Asker<'a> = Caller<'a, State>;

pub(super) fn linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    let bytes: [(&str, fn(Arc<[u8]>) -> Ask); 4] = [
        ("equals", Ask::Equals),
        ("starts_with", Ask::StartsWith),
        ("ends_with", Ask::EndsWith),
        ("matches", Ask::Matches),
    ];
    for (name, ask) in bytes {
        linker.func_wrap(
            NAMESPACE,
            name,
            move |mut caller: Asker<'_>, place: i32, pointer: i32, length: i32| {
                let operand = Arc::from(operand(&mut caller, pointer, length)?);
                truth(&mut caller, place, ask(operand))
            },
        )?;
    }
    linker.func_wrap(NAMESPACE, "in_network", in_network)?;
    linker.func_wrap(
        NAMESPACE,
        "below",
        |mut caller: Asker<'_>, place: i32, bound: i64| {
            truth(&mut caller, place, Ask::Below(bound))
        },
    )?;
    linker.func_wrap(NAMESPACE, "present", |mut caller: Asker<'_>, place: i32| {
        truth(&mut caller, place, Ask::Present)
    })?;
    linker.func_wrap(NAMESPACE, "test", test)?;
    linker.func_wrap(NAMESPACE, "read", read)?;
    linker.func_wrap(NAMESPACE, "because", because)?;
    linker.func_wrap(NAMESPACE, "oblige", oblige)?;
    Ok(linker)
}

fn truth(caller: &mut Asker<'_>, place: i32, ask: Ask) -> wasmtime::Result<i32> {
    let state = caller.data_mut();
    let attribute = state.attribute(place)?;
    match state.ask(attribute, ask)? {
        Answer::Truth(truth) => Ok(i32::from(truth)),
        Answer::Reading(_) => Ok(0),
    }
}

/// The bytes of guest memory that an import was given.
fn operand<'a>(caller: &'a mut Asker<'_>, pointer: i32, length: i32) -> wasmtime::Result<&'a [u8]> {
    let out_of_bounds = Fault::OutOfBounds {
        pointer: pointer.cast_unsigned(),
        length: length.cast_unsigned(),
    };
    let Ok(bytes) = usize::try_from(length.cast_unsigned()) else {
        return Err(caller.data_mut().fail(out_of_bounds));
    };
    if bytes > OPERAND_BYTES_MAX {
        return Err(caller.data_mut().fail(Fault::OperandTooLong { bytes }));
    }
    let range = range(pointer, bytes);
    let memory = caller.data().memory;
    let within = match (memory, range.clone()) {
        (Some(memory), Some(range)) => memory.data(&*caller).get(range).is_some(),
        _ => false,
    };
    match (memory, range) {
        (Some(memory), Some(range)) if within => {
            Ok(memory.data(&*caller).get(range).unwrap_or_default())
        }
        _ => Err(caller.data_mut().fail(out_of_bounds)),
    }
}

fn range(pointer: i32, bytes: usize) -> Option<std::ops::Range<usize>> {
    let start = usize::try_from(pointer.cast_unsigned()).ok()?;
    Some(start..start.checked_add(bytes)?)
}

fn in_network(
    mut caller: Asker<'_>,
    place: i32,
    pointer: i32,
    length: i32,
) -> wasmtime::Result<i32> {
    let block = network(operand(&mut caller, pointer, length)?);
    let block = block.ok_or_else(|| caller.data_mut().fail(Fault::Network))?;
    truth(&mut caller, place, Ask::InNetwork(block))
}

fn test(mut caller: Asker<'_>, place: i32, pointer: i32, length: i32) -> wasmtime::Result<i32> {
    let table = Arc::clone(&caller.data().table);
    let predicate = Predicate::decode(operand(&mut caller, pointer, length)?, &table);
    let predicate =
        predicate.map_err(|error| caller.data_mut().fail(Fault::Predicate(Box::new(error))))?;
    truth(&mut caller, place, Ask::Test(Arc::new(predicate)))
}

/// Answers the length of the whole value, or -1 where the attribute is absent, and writes as much of it as fits.
fn read(mut caller: Asker<'_>, place: i32, pointer: i32, cap: i32) -> wasmtime::Result<i32> {
    let cap = usize::try_from(cap.cast_unsigned())
        .unwrap_or(usize::MAX)
        .min(READ_BYTES_MAX);
    // The room must be there whatever the value is, or the fault would tell how long it is without a question.
    operand(&mut caller, pointer, i32::try_from(cap).unwrap_or(i32::MAX))?;
    let state = caller.data_mut();
    let attribute = state.attribute(place)?;
    if attribute.entry().clock {
        return Err(state.fail(Fault::ReadsTheClock));
    }
    let ask = Ask::Read(u16::try_from(cap).unwrap_or(u16::MAX));
    let Answer::Reading(Reading { length, bytes }) = state.ask(attribute, ask)? else {
        return Ok(-1);
    };
    let memory = state.memory;
    if let (Some(memory), Some(range)) = (memory, range(pointer, bytes.len()))
        && let Some(room) = memory.data_mut(&mut caller).get_mut(range)
    {
        room.copy_from_slice(&bytes);
    }
    Ok(length.map_or(-1, |length| i32::try_from(length).unwrap_or(i32::MAX)))
}

fn because(mut caller: Asker<'_>, pointer: i32, length: i32) -> wasmtime::Result<()> {
    let bytes = operand(&mut caller, pointer, length)?;
    let reason = if bytes.len() <= REASON_BYTES_MAX {
        std::str::from_utf8(bytes).ok().map(Reason::new)
    } else {
        None
    };
    let state = caller.data_mut();
    match reason {
        Some(reason) if state.said.reasons.len() < REASONS_MAX => {
            state.said.reasons.push(reason);
            Ok(())
        }
        _ => Err(state.fail(Fault::Because)),
    }
}

/// `oblige(kind, attribute, pointer, length)`: the operand is the attribute, or, where that is -1, the bytes.
fn oblige(
    mut caller: Asker<'_>,
    kind: i32,
    place: i32,
    pointer: i32,
    length: i32,
) -> wasmtime::Result<()> {
    let Some(kind) = ObligationKind::from_number(kind) else {
        return Err(caller.data_mut().fail(Fault::Oblige));
    };
    let operand = match (kind.takes_operand(), place) {
        (false, _) => ObligationOperand::None,
        (true, -1) => {
            ObligationOperand::Constant(Arc::from(operand(&mut caller, pointer, length)?))
        }
        (true, place) => ObligationOperand::Reference(caller.data_mut().attribute(place)?),
    };
    let state = caller.data_mut();
    if state.said.obligations.len() >= OBLIGATIONS_MAX {
        return Err(state.fail(Fault::Oblige));
    }
    state.said.obligations.push(Obligation { kind, operand });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parameters and result of the declaration that begins here, in the letters of [`SIGNATURES`].
    fn letters(declaration: &str) -> (String, bool) {
        let (parameters, rest) = declaration.split_once(')').unwrap();
        let (_, parameters) = parameters.split_once('(').unwrap();
        let letter = |parameter: &str| if parameter.contains("64") { 'l' } else { 'i' };
        let line = rest.lines().next().unwrap();
        (
            parameters.split(',').map(letter).collect(),
            line.contains("i32"),
        )
    }

    /// What follows `mark` in the text, which has it once.
    fn after<'a>(text: &'a str, mark: &str) -> &'a str {
        let mut found = text.match_indices(mark);
        let place = found.next().unwrap_or_else(|| panic!("no `{mark}`")).0;
        assert!(found.next().is_none(), "`{mark}` twice");
        text.get(place..).unwrap()
    }

    #[test]
    fn documentation_and_bindings_declare_every_import_as_it_is_and_no_other() {
        // The working directory of a test is its package's, wherever the build was.
        let read = |path: &str| std::fs::read_to_string(path).unwrap();
        let page = read("../docs/modules.md");
        let c = read("guest/c/postern.h");
        let script = read("guest/assemblyscript/postern.ts");
        let rust = read("guest/rust/src/lib.rs");
        for (name, parameters, results) in SIGNATURES {
            let expected = ((*parameters).to_owned(), !results.is_empty());
            assert_eq!(
                letters(after(&page, &format!("| `{name}("))),
                expected,
                "page: {name}"
            );
            let declared = after(&script, &format!("@external(\"postern\", \"{name}\")"));
            let (_, declared) = declared.split_once("function").unwrap();
            assert_eq!(letters(declared), expected, "postern.ts: {name}");
            let declared = after(&rust, &format!("pub(crate) fn {name}("));
            let declared = declared.trim_start_matches("pub(crate)");
            assert_eq!(letters(declared), expected, "lib.rs: {name}");
            // In C the result comes first.
            let declared = after(&c, &format!("POSTERN_IMPORT_(\"{name}\")"));
            let (before, declared) = declared.split_once(&format!("postern_{name}")).unwrap();
            let found = (letters(declared).0, before.contains("int32_t"));
            assert_eq!(found, expected, "postern.h: {name}");
        }
        let count = SIGNATURES.len();
        assert_eq!(script.matches("@external").count(), count);
        assert_eq!(rust.matches("pub(crate) fn ").count(), count);
        assert_eq!(c.matches("POSTERN_IMPORT_(\"").count(), count);
    }
}
