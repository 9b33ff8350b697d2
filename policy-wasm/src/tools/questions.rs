//! The questions of a module, found without running it.
//!
//! A call of an import whose arguments are constants is a question that can be told in words; modules of our compiler
//! hold no others. Where an argument is computed, only the import is known, and the list says that it is not complete.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;
use wasmparser::{
    BinaryReaderError, ConstExpr, DataKind, FunctionBody, Operator, Parser, Payload, TypeRef,
};

use crate::limits::READ_BYTES_MAX;
use crate::question::{Ask, Predicate, Question, network};
use crate::registry::Attribute;

/// What a module can ask, as far as its code tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StaticQuestions {
    /// The questions in words, each once, in the order of the code.
    pub questions: Vec<String>,
    /// Whether these are all: `false` where the code computes what it asks.
    pub complete: bool,
}

/// Finds the questions in the code of a module with this table of attributes.
///
/// # Errors
/// Where the bytes are no module.
pub fn questions(wasm: &[u8], table: &[Attribute]) -> Result<StaticQuestions, BinaryReaderError> {
    let mut reading = Reading {
        table,
        ..Reading::default()
    };
    let mut bodies = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let import = import?;
                    if matches!(import.ty, TypeRef::Func(_)) {
                        reading.imports.push(import.name);
                    }
                }
            }
            Payload::CodeSectionEntry(body) => bodies.push(body),
            Payload::DataSection(segments) => {
                for segment in segments {
                    let segment = segment?;
                    if let DataKind::Active { offset_expr, .. } = &segment.kind
                        && let Some(start) = constant(offset_expr)?
                    {
                        reading.segments.push((start, segment.data));
                    }
                }
            }
            _ => {}
        }
    }
    // The data section comes behind the code.
    let mut found = StaticQuestions {
        questions: Vec::new(),
        complete: true,
    };
    for body in &bodies {
        reading.body(body, &mut found)?;
    }
    Ok(found)
}

fn constant(expression: &ConstExpr<'_>) -> Result<Option<usize>, BinaryReaderError> {
    match expression.get_operators_reader().read()? {
        Operator::I32Const { value } => Ok(usize::try_from(value.cast_unsigned()).ok()),
        _ => Ok(None),
    }
}

#[derive(Default)]
struct Reading<'a> {
    table: &'a [Attribute],
    /// The imported functions, by their index.
    imports: Vec<&'a str>,
    segments: Vec<(usize, &'a [u8])>,
}

/// What an instruction pushes, where that is known.
#[derive(Clone, Copy)]
enum Pushed {
    Small(i32),
    Large(i64),
}

impl Reading<'_> {
    fn body(
        &self,
        body: &FunctionBody<'_>,
        found: &mut StaticQuestions,
    ) -> Result<(), BinaryReaderError> {
        // Constants that were pushed one after the other; anything else empties it. A local that was set to one
        // constant and is read at once is what compilers leave behind for an address that is used twice.
        let mut pushed: Vec<Pushed> = Vec::new();
        let mut locals: HashMap<u32, Pushed> = HashMap::new();
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            match operators.read()? {
                Operator::I32Const { value } => pushed.push(Pushed::Small(value)),
                Operator::I64Const { value } => pushed.push(Pushed::Large(value)),
                Operator::LocalTee { local_index } => match pushed.last() {
                    Some(known) => {
                        locals.insert(local_index, *known);
                    }
                    None => {
                        locals.remove(&local_index);
                    }
                },
                Operator::LocalSet { local_index } => match pushed.pop() {
                    Some(known) => {
                        locals.insert(local_index, known);
                    }
                    None => {
                        locals.remove(&local_index);
                    }
                },
                Operator::LocalGet { local_index } => match locals.get(&local_index) {
                    Some(known) => pushed.push(*known),
                    None => pushed.clear(),
                },
                Operator::Call { function_index } => {
                    self.call(function_index, &pushed, found);
                    pushed.clear();
                }
                // Where ways meet, what a local holds is not known any more.
                Operator::Loop { .. } | Operator::Else | Operator::End => {
                    locals.clear();
                    pushed.clear();
                }
                _ => pushed.clear(),
            }
        }
        Ok(())
    }

    fn call(&self, function: u32, pushed: &[Pushed], found: &mut StaticQuestions) {
        let import = usize::try_from(function)
            .ok()
            .and_then(|place| self.imports.get(place));
        let Some(import) = import.filter(|import| !matches!(**import, "because" | "oblige")) else {
            return;
        };
        match self.question(import, pushed) {
            Some(question) => {
                let words = question.to_string();
                if !found.questions.contains(&words) {
                    found.questions.push(words);
                }
            }
            None => found.complete = false,
        }
    }

    fn question(&self, import: &str, pushed: &[Pushed]) -> Option<Question> {
        let ask = match (import, pushed) {
            ("present", [.., Pushed::Small(_)]) => (self.last(pushed, 1)?, Ask::Present),
            ("below", [.., Pushed::Small(_), Pushed::Large(bound)]) => {
                (self.last(pushed, 2)?, Ask::Below(*bound))
            }
            ("read", [.., Pushed::Small(_), Pushed::Small(_), Pushed::Small(cap)]) => {
                let cap = usize::try_from(*cap)
                    .unwrap_or(READ_BYTES_MAX)
                    .min(READ_BYTES_MAX);
                (self.last(pushed, 3)?, Ask::Read(u16::try_from(cap).ok()?))
            }
            (
                _,
                [
                    ..,
                    Pushed::Small(_),
                    Pushed::Small(pointer),
                    Pushed::Small(length),
                ],
            ) => (
                self.last(pushed, 3)?,
                self.about(import, self.bytes(*pointer, *length)?)?,
            ),
            _ => return None,
        };
        Some(Question {
            attribute: ask.0,
            ask: ask.1,
        })
    }

    fn about(&self, import: &str, bytes: &[u8]) -> Option<Ask> {
        Some(match import {
            "equals" => Ask::Equals(Arc::from(bytes)),
            "starts_with" => Ask::StartsWith(Arc::from(bytes)),
            "ends_with" => Ask::EndsWith(Arc::from(bytes)),
            "matches" => Ask::Matches(Arc::from(bytes)),
            "in_network" => Ask::InNetwork(network(bytes)?),
            "test" => Ask::Test(Arc::new(Predicate::decode(bytes, self.table).ok()?)),
            _ => return None,
        })
    }

    /// The attribute whose place stands so far from the end.
    fn last(&self, pushed: &[Pushed], from_end: usize) -> Option<Attribute> {
        match pushed.get(pushed.len().checked_sub(from_end)?)? {
            Pushed::Small(place) => self.table.get(usize::try_from(*place).ok()?).cloned(),
            Pushed::Large(_) => None,
        }
    }

    fn bytes(&self, pointer: i32, length: i32) -> Option<&[u8]> {
        let pointer = usize::try_from(pointer.cast_unsigned()).ok()?;
        let length = usize::try_from(length.cast_unsigned()).ok()?;
        self.segments.iter().find_map(|(start, data)| {
            let from = pointer.checked_sub(*start)?;
            data.get(from..from.checked_add(length)?)
        })
    }
}
