//! Statements become a program: conditions turn into questions, equal questions into one, and the cheap ones come first.

use std::collections::HashMap;

use crate::limits::{ATTRIBUTES_MAX, OBLIGATIONS_MAX, OPERAND_BYTES_MAX, QUESTIONS_MAX};
use crate::plan::{Obligation, ObligationOperand as Owed};
use crate::question::{
    Operand as Value, Order, Part, Predicate, PredicateError, Quantifier, Template, Templates,
    Test, TextMatch,
};
use crate::registry::{Attribute, Cost, Kind};

use super::program::{Ask, Clause, Duty, Hoped, Literal, Operand, Program, Term};
use super::statement::{Absent, Check, Condition, Effect, Missing, Sense, Statement, references};
use super::{CompileError, STATEMENTS_MAX};

/// In the place of an attribute: there is none, the operand is in memory. Source: `postern:policy/1`, `oblige`.
const NO_ATTRIBUTE: i32 = -1;

/// A program and the attributes that its questions name by index.
pub(super) struct Lowered {
    pub(super) program: Program,
    pub(super) attributes: Vec<Attribute>,
}

/// Lowers all statements, or says what is too much.
pub(super) fn lower(statements: &[Statement]) -> Result<Lowered, CompileError> {
    if statements.len() > STATEMENTS_MAX {
        return Err(CompileError::TooManyStatements {
            count: statements.len(),
        });
    }
    let mut lowering = Lowering::default();
    for statement in statements {
        lowering.statement(statement)?;
    }
    lowering.finish()
}

#[derive(Default)]
struct Lowering {
    attributes: Vec<Attribute>,
    program: Program,
    /// Where each question stands in the program.
    asked: HashMap<Ask, usize>,
    /// What is known of each question, beside it.
    weights: Vec<Weight>,
}

/// What an answer costs; the smaller is asked first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Weight {
    /// Whether the upstream must be asked.
    fetched: bool,
    /// How the answer is found: a look, a comparison, a list.
    effort: u32,
}

impl Weight {
    fn of(attribute: &Attribute, effort: u32) -> Self {
        Self {
            fetched: is_fetched(attribute),
            effort,
        }
    }
}

fn is_fetched(attribute: &Attribute) -> bool {
    attribute.entry().cost == Cost::Fetched
}

impl Lowering {
    fn statement(&mut self, statement: &Statement) -> Result<(), CompileError> {
        let mut terms: Vec<Term> = Vec::new();
        for condition in statement.terms() {
            for term in self.condition(statement, condition)? {
                if !terms.contains(&term) {
                    terms.push(term);
                }
            }
        }
        // A condition on an empty list can never hold, nor can its statement.
        if terms.iter().any(|term| term.literals.is_empty()) {
            return Ok(());
        }
        let mut duties = Vec::new();
        for obligation in statement.obligations() {
            let duty = self.duty(obligation)?;
            if !duties.contains(&duty) {
                duties.push(duty);
            }
        }
        let clause = Clause {
            id: statement.id.as_str().to_owned(),
            terms,
            duties,
        };
        match &statement.effect {
            Effect::Deny => self.program.denials.push(clause),
            Effect::Allow(owed) if owed.is_empty() => self.program.free.push(clause),
            Effect::Allow(_) => self.program.bound.push(clause),
            Effect::DenyUnlessAllowed => self.program.last.push(clause),
        }
        Ok(())
    }

    /// The terms of a condition, all of which must hold.
    fn condition(
        &mut self,
        statement: &Statement,
        condition: &Condition,
    ) -> Result<Vec<Term>, CompileError> {
        let hoped = match condition.sense {
            Sense::Is => Hoped::Yes,
            Sense::IsNot => Hoped::No,
        };
        let Check::Passes(predicate) = &condition.check else {
            let ask = self.present(&condition.attribute)?;
            return Ok(vec![Term {
                literals: vec![Literal { ask, hoped }],
            }]);
        };
        let asks = self.passes(statement, &condition.attribute, predicate)?;
        let literals = asks.into_iter().map(|ask| Literal { ask, hoped });
        let mut terms = match condition.sense {
            Sense::Is => vec![Term {
                literals: literals.collect(),
            }],
            // No value passes when no part of the list has one that does.
            Sense::IsNot => literals
                .map(|literal| Term {
                    literals: vec![literal],
                })
                .collect(),
        };
        // An absent attribute is answered no. That is what it shall be, but for these two.
        match (condition.sense, condition.absent) {
            (Sense::Is, Absent::Fails) | (Sense::IsNot, Absent::Holds) => {}
            (Sense::Is, Absent::Holds) => {
                let ask = self.present(&condition.attribute)?;
                for term in &mut terms {
                    term.literals.insert(
                        0,
                        Literal {
                            ask,
                            hoped: Hoped::No,
                        },
                    );
                }
            }
            (Sense::IsNot, Absent::Fails) => {
                let ask = self.present(&condition.attribute)?;
                terms.push(Term {
                    literals: vec![Literal {
                        ask,
                        hoped: Hoped::Yes,
                    }],
                });
            }
        }
        self.missing(condition, &mut terms)?;
        Ok(terms)
    }

    /// What refers to an absent attribute fits nothing: that is what it shall be, unless the condition says otherwise.
    fn missing(
        &mut self,
        condition: &Condition,
        terms: &mut Vec<Term>,
    ) -> Result<(), CompileError> {
        let hoped = match condition.missing {
            Missing::FitsNothing => return Ok(()),
            Missing::Fails => Hoped::Yes,
            Missing::Holds => Hoped::No,
        };
        for reference in condition.requires() {
            let ask = self.present(&reference)?;
            let literal = Literal { ask, hoped };
            if condition.missing == Missing::Fails {
                let literals = vec![literal];
                terms.insert(0, Term { literals });
            } else {
                for term in &mut *terms {
                    term.literals.insert(0, literal);
                }
            }
        }
        Ok(())
    }

    fn present(&mut self, attribute: &Attribute) -> Result<usize, CompileError> {
        self.ask(
            attribute,
            "present",
            Operand::None,
            Weight::of(attribute, 0),
        )
    }

    /// The questions of which one is answered yes when the values pass: several where one is too long for the interface.
    fn passes(
        &mut self,
        statement: &Statement,
        attribute: &Attribute,
        predicate: &Predicate,
    ) -> Result<Vec<usize>, CompileError> {
        if let Some((import, operand, effort)) = plain(attribute, predicate) {
            let bytes = match &operand {
                Operand::Bytes(bytes) => bytes.len(),
                Operand::None | Operand::Number(_) => 0,
            };
            if bytes > OPERAND_BYTES_MAX {
                let source = PredicateError::TooLong { bytes };
                return Err(CompileError::Predicate {
                    statement: statement.id.clone(),
                    source,
                });
            }
            let weight = Weight::of(attribute, effort);
            return Ok(vec![self.ask(attribute, import, operand, weight)?]);
        }
        let count = alternatives(predicate);
        if count == 0 && predicate.quantifier == Quantifier::Any {
            return Ok(Vec::new());
        }
        let references = references(predicate);
        for reference in &references {
            self.index(reference)?;
        }
        let encoded = predicate.encode(|wanted| {
            let place = self.attributes.iter().position(|known| known == wanted)?;
            u16::try_from(place).ok()
        });
        match encoded {
            Ok(bytes) => {
                let effort = 5_u32.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
                let mut weight = Weight::of(attribute, effort);
                weight.fetched |= references.iter().any(is_fetched);
                let operand = Operand::Bytes(bytes);
                Ok(vec![self.ask(attribute, "test", operand, weight)?])
            }
            // Any value in either half of the list is any value in the list. "Every value is in the list" has no halves.
            Err(_) if predicate.quantifier == Quantifier::Any && count > 1 => {
                let (first, second) = halves(predicate);
                let mut asks = self.passes(statement, attribute, &first)?;
                asks.extend(self.passes(statement, attribute, &second)?);
                Ok(asks)
            }
            Err(source) => Err(CompileError::Predicate {
                statement: statement.id.clone(),
                source,
            }),
        }
    }

    fn ask(
        &mut self,
        attribute: &Attribute,
        import: &'static str,
        operand: Operand,
        weight: Weight,
    ) -> Result<usize, CompileError> {
        let ask = Ask {
            import,
            attribute: self.index(attribute)?,
            operand,
        };
        if let Some(place) = self.asked.get(&ask) {
            return Ok(*place);
        }
        let place = self.program.asks.len();
        self.asked.insert(ask.clone(), place);
        self.program.asks.push(ask);
        self.weights.push(weight);
        Ok(place)
    }

    fn index(&mut self, attribute: &Attribute) -> Result<i32, CompileError> {
        let place = match self.attributes.iter().position(|known| known == attribute) {
            Some(place) => place,
            None if self.attributes.len() == ATTRIBUTES_MAX => {
                return Err(CompileError::TooManyAttributes);
            }
            None => {
                self.attributes.push(attribute.clone());
                self.attributes.len() - 1
            }
        };
        i32::try_from(place).map_err(|_| CompileError::TooManyAttributes)
    }

    /// The place of an obligation among the distinct ones.
    fn duty(&mut self, obligation: &Obligation) -> Result<usize, CompileError> {
        let (attribute, constant) = match &obligation.operand {
            Owed::None => (NO_ATTRIBUTE, Vec::new()),
            Owed::Constant(bytes) => (NO_ATTRIBUTE, bytes.to_vec()),
            Owed::Reference(attribute) => (self.index(attribute)?, Vec::new()),
        };
        let duty = Duty {
            kind: obligation.kind.number(),
            attribute,
            constant,
        };
        let duties = &mut self.program.duties;
        Ok(duties
            .iter()
            .position(|known| *known == duty)
            .unwrap_or_else(|| {
                duties.push(duty);
                duties.len() - 1
            }))
    }

    fn finish(mut self) -> Result<Lowered, CompileError> {
        if self.program.asks.len() > QUESTIONS_MAX {
            return Err(CompileError::TooManyQuestions {
                count: self.program.asks.len(),
            });
        }
        if self.program.duties.len() > OBLIGATIONS_MAX {
            return Err(CompileError::TooManyObligations {
                count: self.program.duties.len(),
            });
        }
        self.order();
        Ok(Lowered {
            program: self.program,
            attributes: self.attributes,
        })
    }

    /// Puts the questions of each statement, and the statements, into the order in which they are asked.
    ///
    /// What must be fetched comes last, so that it is fetched only when nothing else decides. Before that, what many
    /// statements ask comes first: it is asked once, and one no rules all of them out. Then the cheaper question.
    /// Statements keep the order of their author otherwise, who knows which of them is the usual case.
    fn order(&mut self) {
        let mut uses = vec![0_u32; self.program.asks.len()];
        for literal in self
            .program
            .clauses()
            .flat_map(|clause| &clause.terms)
            .flat_map(|term| &term.literals)
        {
            if let Some(count) = uses.get_mut(literal.ask) {
                *count += 1;
            }
        }
        let weights = &self.weights;
        let weigh = |term: &Term| {
            let heaviest = term
                .literals
                .iter()
                .filter_map(|l| weights.get(l.ask))
                .max();
            let shared = term.literals.iter().filter_map(|l| uses.get(l.ask)).min();
            let heaviest = heaviest.copied().unwrap_or(Weight {
                fetched: false,
                effort: 0,
            });
            (
                heaviest.fetched,
                std::cmp::Reverse(shared.copied().unwrap_or(0)),
                heaviest.effort,
            )
        };
        let Program {
            denials,
            bound,
            free,
            last,
            ..
        } = &mut self.program;
        for clauses in [denials, bound, free, last] {
            for clause in clauses.iter_mut() {
                clause.terms.sort_by_key(weigh);
            }
            clauses.sort_by_key(|clause| clause.terms.iter().any(|term| weigh(term).0));
        }
    }
}

/// A predicate that is one of the plain questions: its import, its operand, and what it costs.
fn plain(attribute: &Attribute, predicate: &Predicate) -> Option<(&'static str, Operand, u32)> {
    if predicate.quantifier != Quantifier::Any {
        return None;
    }
    match (&predicate.test, attribute.entry().kind) {
        (Test::Text(how, templates), Kind::Text | Kind::Arn) if templates.len() == 1 => {
            plain_text(*how, &templates.iter().next()?)
        }
        (Test::Network(networks), Kind::Address) => match networks.as_slice() {
            [Value::Constant(network)] => Some((
                "in_network",
                Operand::Bytes(network.to_string().into_bytes()),
                2,
            )),
            _ => None,
        },
        (Test::Number(Order::Below, bounds), Kind::Number)
        | (Test::Time(Order::Below, bounds), Kind::Time) => match bounds.as_slice() {
            [Value::Constant(bound)] => Some(("below", Operand::Number(*bound), 1)),
            _ => None,
        },
        _ => None,
    }
}

fn plain_text(how: TextMatch, template: &Template) -> Option<(&'static str, Operand, u32)> {
    let literal = |bytes: &[u8]| Operand::Bytes(bytes.to_vec());
    match (how, template.parts.as_slice()) {
        (TextMatch::Equals | TextMatch::Like, _) if template.as_literal().is_some() => {
            Some(("equals", literal(template.as_literal()?), 1))
        }
        (TextMatch::Like, [Part::Literal(bytes), Part::AnyText]) => {
            Some(("starts_with", literal(bytes), 1))
        }
        (TextMatch::Like, [Part::AnyText, Part::Literal(bytes)]) => {
            Some(("ends_with", literal(bytes), 1))
        }
        (TextMatch::Like, parts) => Some(("matches", Operand::Bytes(pattern(parts)?), 4)),
        _ => None,
    }
}

/// The parts as a pattern, unless one refers to an attribute or holds a star or question mark that means itself.
fn pattern(parts: &[Part]) -> Option<Vec<u8>> {
    let mut pattern = Vec::new();
    for part in parts {
        match part {
            Part::Literal(bytes) if bytes.iter().any(|b| matches!(b, b'*' | b'?')) => return None,
            Part::Literal(bytes) => pattern.extend_from_slice(bytes),
            Part::AnyText => pattern.push(b'*'),
            Part::AnyCharacter => pattern.push(b'?'),
            Part::Reference(_) | Part::ReferenceOr(..) => return None,
        }
    }
    Some(pattern)
}

/// How many templates or operands a predicate has.
fn alternatives(predicate: &Predicate) -> usize {
    match &predicate.test {
        Test::Text(_, templates) => templates.len(),
        Test::Number(_, bounds) | Test::Time(_, bounds) => bounds.len(),
        Test::Network(networks) => networks.len(),
        Test::Bool(truths) => truths.len(),
    }
}

/// The same predicate on the first and on the second half of its list.
fn halves(predicate: &Predicate) -> (Predicate, Predicate) {
    fn split<T: Clone>(list: &[T]) -> (Vec<T>, Vec<T>) {
        let (first, second) = list.split_at(list.len() / 2);
        (first.to_vec(), second.to_vec())
    }
    let (first, second) = match &predicate.test {
        Test::Text(how, templates) => {
            let (first, second) = split(&templates.iter().collect::<Vec<_>>());
            (
                Test::Text(*how, Templates::new(first)),
                Test::Text(*how, Templates::new(second)),
            )
        }
        Test::Number(order, bounds) => {
            let (first, second) = split(bounds);
            (Test::Number(*order, first), Test::Number(*order, second))
        }
        Test::Time(order, bounds) => {
            let (first, second) = split(bounds);
            (Test::Time(*order, first), Test::Time(*order, second))
        }
        Test::Network(networks) => {
            let (first, second) = split(networks);
            (Test::Network(first), Test::Network(second))
        }
        Test::Bool(truths) => {
            let (first, second) = split(truths);
            (Test::Bool(first), Test::Bool(second))
        }
    };
    let half = |test| Predicate {
        quantifier: predicate.quantifier,
        test,
    };
    (half(first), half(second))
}
