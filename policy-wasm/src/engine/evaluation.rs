//! One evaluation: a module, the facts, and what it says to them.

use std::cell::RefCell;
use std::fmt;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use smallvec::SmallVec;
use wasmtime::{Store, Trap, TypedFunc};

use super::imports::{Said, State};
use super::module::{Module, ModuleNumber};
use crate::facts::Facts;
use crate::limits::{
    EPOCH_TICKS_MAX, FUEL_MAX, QUESTIONS_MAX, REASON_BYTES_MAX, REUSED_INSTANCES_MAX,
    REUSED_INSTANCES_OF_ALL_MAX,
};
use crate::plan::Obligation;
use crate::question::{Answer, PredicateError, Question, Unanswered, Work, answer};

/// What a module says to a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// 0: nothing.
    NoOpinion,
    /// 1: it may pass.
    Allow,
    /// 2: it may not.
    Deny,
}

impl Verdict {
    /// The verdict of a number of the interface.
    pub const fn from_number(number: i32) -> Option<Self> {
        match number {
            0 => Some(Self::NoOpinion),
            1 => Some(Self::Allow),
            2 => Some(Self::Deny),
            _ => None,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoOpinion => "no opinion",
            Self::Allow => "allow",
            Self::Deny => "deny",
        })
    }
}

/// The name of a statement that decided: at most 64 bytes of UTF-8.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reason(Arc<str>);

impl Reason {
    pub(super) fn new(text: &str) -> Self {
        debug_assert!(
            text.len() <= REASON_BYTES_MAX,
            "checked where guests give reasons"
        );
        Self(Arc::from(text))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a module said, and everything that it heard before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// What it said.
    pub verdict: Verdict,
    /// The statements that it named.
    pub reasons: SmallVec<[Reason; 1]>,
    /// What it demands.
    pub obligations: Vec<Obligation>,
    /// Its questions with their answers, in order.
    pub path: Vec<(Question, Answer<'static>)>,
    /// Whether an answer rests on attributes that were fetched.
    pub fetched: bool,
}

/// A module that stopped before it said anything.
#[derive(Clone, Debug)]
pub struct Stopped {
    /// Why.
    pub cause: Cause,
    /// Its questions with their answers, in order.
    pub path: Vec<(Question, Answer<'static>)>,
}

/// Why a module stopped.
#[derive(Clone, Debug)]
pub enum Cause {
    /// It asked for an attribute that was not fetched yet.
    NotFetched(Question),
    /// It broke.
    Fault(Fault),
}

/// Why a module gives no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It ran too long.
    #[error("out of fuel")]
    OutOfFuel,
    /// It ran too long by the clock.
    #[error("out of time")]
    OutOfTime,
    /// It called too deeply.
    #[error("out of stack")]
    OutOfStack,
    /// It trapped.
    #[error("{0}")]
    Trap(Box<str>),
    /// It asked more questions than it may.
    #[error("more than {QUESTIONS_MAX} questions")]
    TooManyQuestions,
    /// The answers to its questions cost more than they may.
    #[error("its questions look at too many bytes")]
    TooMuchWork,
    /// It asked before its evaluation began, in its start function.
    #[error("it asks in its start function")]
    AskedTooEarly,
    /// It named an attribute that is not in its table.
    #[error("no attribute {place} in its table")]
    Attribute {
        /// The place.
        place: i32,
    },
    /// It pointed outside its memory.
    #[error("{length} bytes at {pointer} are outside its memory")]
    OutOfBounds {
        /// Where.
        pointer: u32,
        /// How many bytes.
        length: u32,
    },
    /// It gave an operand that is too long.
    #[error("an operand of {bytes} bytes")]
    OperandTooLong {
        /// How long.
        bytes: usize,
    },
    /// It asked about a block of addresses that is none.
    #[error("no block of addresses")]
    Network,
    /// It gave `test` something that is no predicate.
    #[error(transparent)]
    Predicate(Box<PredicateError>),
    /// It wants to read an attribute that follows the clock.
    #[error("it reads an attribute that follows the clock")]
    ReadsTheClock,
    /// It gave a reason that is too long, no UTF-8, or one too many.
    #[error("a reason that is too long, no UTF-8, or one too many")]
    Because,
    /// It demanded something unknown, or too much.
    #[error("an obligation that is unknown, or one too many")]
    Oblige,
    /// It answered something else than 0, 1 or 2.
    #[error("the verdict {0}")]
    Verdict(i32),
    /// There was no room for an instance.
    #[error("no instance: {0}")]
    NoInstance(Box<str>),
    /// It wasted its share of the processor and is not evaluated for a while.
    #[error("it wasted its share of the processor")]
    Tripped,
    /// It could not be loaded.
    #[error("it could not be loaded")]
    Unavailable,
}

/// Whoever answers a module's questions: facts, or a tool that tries out what each answer leads to.
pub trait Answering {
    /// The answer, noting the bytes that were looked at for it.
    ///
    /// # Errors
    /// Where there is none: the evaluation then stops.
    fn answer(&self, question: &Question, work: &mut Work) -> Result<Answer<'static>, Unanswered>;
}

/// Answers from facts, as a request is answered.
#[derive(Clone, Copy)]
pub(crate) struct FromFacts<'a>(pub(crate) &'a dyn Facts);

impl Answering for FromFacts<'_> {
    fn answer(&self, question: &Question, work: &mut Work) -> Result<Answer<'static>, Unanswered> {
        answer(question, self.0, work).map(Answer::into_owned)
    }
}

scoped_tls_hkt::scoped_thread_local! {
    /// Who answers the evaluation that runs on this thread. A store of wasmtime can hold nothing that is borrowed.
    static ANSWERS: for<'a> &'a (dyn Answering + 'a)
}

/// Lends who answers the evaluation that runs; `None` where none does.
pub(super) fn with_answers<T>(use_them: impl FnOnce(&dyn Answering) -> T) -> Option<T> {
    ANSWERS.is_set().then(|| ANSWERS.with(use_them))
}

impl Module {
    /// Runs the module on these facts, fresh, and notes each question. Nothing is remembered.
    ///
    /// `now` is a monotonic clock in milliseconds: a module that wasted its share of the processor is not run.
    ///
    /// # Errors
    /// Where it gives no answer, or needs attributes that were not fetched.
    pub fn evaluate(&self, facts: &dyn Facts, now: u64) -> Result<Evaluation, Stopped> {
        let stopped = |fault| Stopped {
            cause: Cause::Fault(fault),
            path: Vec::new(),
        };
        if self.meter.is_tripped(now) {
            return Err(stopped(Fault::Tripped));
        }
        let mut instance = self.instance().map_err(stopped)?;
        let (outcome, said, units) = instance.run(&FromFacts(facts), EPOCH_TICKS_MAX);
        let fault = match (&outcome, &said.cause) {
            (Ok(_), _) | (Err(_), Some(Cause::NotFetched(_))) => false,
            (Err(_), _) => true,
        };
        if outcome.is_ok() && self.is_reusable() {
            instance.put_back(self.number());
        }
        if self.meter.count(units, fault, now) {
            tracing::warn!(
                module.digest = %self.digest(),
                module.name = self.manifest().name,
                "a module wasted its share of the processor and is not evaluated for a while"
            );
        }
        conclude(outcome, said)
    }

    /// Runs the module with these answers in the place of facts: what a tool does that looks for all the ways through
    /// it. It counts for nothing, neither in the statistics nor for the share of the processor, because no request
    /// waits for it and the module is not to blame.
    ///
    /// # Errors
    /// Where it gives no answer, or was given none.
    pub fn interrogate(&self, answers: &dyn Answering) -> Result<Evaluation, Stopped> {
        let mut instance = self.instance().map_err(|fault| Stopped {
            cause: Cause::Fault(fault),
            path: Vec::new(),
        })?;
        let (outcome, said, _) = instance.run(answers, TOOL_TICKS);
        if outcome.is_ok() && self.is_reusable() {
            instance.put_back(self.number());
        }
        conclude(outcome, said)
    }

    fn instance(&self) -> Result<Instance, Fault> {
        let code = self.code().ok_or(Fault::Unavailable)?;
        if self.is_reusable()
            && let Some(instance) = Instance::take(self.number())
        {
            return Ok(instance);
        }
        let make = || Instance::new(code, self.table());
        match make() {
            Err(Fault::NoInstance(_)) => {
                // The pool may be full of instances that this worker keeps for modules of yesterday.
                Instance::forget_all();
                make()
            }
            made => made,
        }
    }
}

fn conclude(outcome: Result<i32, Fault>, said: Said) -> Result<Evaluation, Stopped> {
    let Said {
        path,
        reasons,
        obligations,
        cause,
        fetched,
    } = said;
    let fault = match (outcome, cause) {
        (Err(_), Some(cause)) => return Err(Stopped { cause, path }),
        (Err(fault), None) => fault,
        (Ok(number), _) => match Verdict::from_number(number) {
            Some(verdict) => {
                return Ok(Evaluation {
                    verdict,
                    reasons,
                    obligations,
                    path,
                    fetched,
                });
            }
            None => Fault::Verdict(number),
        },
    };
    Err(Stopped {
        cause: Cause::Fault(fault),
        path,
    })
}

/// An instance with its store.
struct Instance {
    store: Store<State>,
    decide: TypedFunc<(), i32>,
}

impl Instance {
    fn new(
        code: &wasmtime::InstancePre<State>,
        table: Arc<[crate::registry::Attribute]>,
    ) -> Result<Self, Fault> {
        let failed = |error: wasmtime::Error| match error.downcast_ref::<Trap>() {
            Some(trap) => trapped(*trap),
            None => Fault::NoInstance(format!("{error:#}").into()),
        };
        let mut store = Store::new(code.module().engine(), State::new(table));
        store.limiter(|state| state);
        // A start function runs now.
        fuel(&mut store, EPOCH_TICKS_MAX).map_err(failed)?;
        let instance = match code.instantiate(&mut store) {
            Ok(instance) => instance,
            Err(error) => {
                let (said, _) = store.data_mut().end();
                return Err(match said.cause {
                    Some(Cause::Fault(fault)) => fault,
                    _ => failed(error),
                });
            }
        };
        let memory = instance.get_memory(&mut store, "memory");
        let decide = instance
            .get_typed_func(&mut store, "decide")
            .map_err(failed)?;
        store.data_mut().settle(memory);
        Ok(Self { store, decide })
    }

    fn run(&mut self, answers: &dyn Answering, ticks: u64) -> (Result<i32, Fault>, Said, u64) {
        self.store.data_mut().begin();
        let outcome = fuel(&mut self.store, ticks)
            .and_then(|()| ANSWERS.set(answers, || self.decide.call(&mut self.store, ())))
            .map_err(|error| match error.downcast_ref::<Trap>() {
                Some(trap) => trapped(*trap),
                None => Fault::Trap(error.to_string().into()),
            });
        let left = self.store.get_fuel().unwrap_or(0);
        let (said, looked_at) = self.store.data_mut().end();
        (
            outcome,
            said,
            FUEL_MAX.saturating_sub(left).saturating_add(looked_at),
        )
    }
}

/// No end by the clock, for tools: whoever answers there thinks about each answer, and an evaluation that was cut off would be taken
/// for one that asks nothing more. Its fuel ends it, always at the same instruction. Half of what the engine can count to.
const TOOL_TICKS: u64 = u64::MAX / 2;

fn fuel(store: &mut Store<State>, ticks: u64) -> wasmtime::Result<()> {
    store.set_epoch_deadline(ticks);
    store.set_fuel(FUEL_MAX)
}

fn trapped(trap: Trap) -> Fault {
    match trap {
        Trap::OutOfFuel => Fault::OutOfFuel,
        Trap::Interrupt => Fault::OutOfTime,
        Trap::StackOverflow => Fault::OutOfStack,
        other => Fault::Trap(other.to_string().into()),
    }
}

/// Instances that cannot keep a trace of what they heard, the latest used last. Making one takes longer than ten
/// evaluations, and the pool behind it is a lock that all threads share.
///
/// Each lies in a seat. There are fewer seats in all than the pool has instances, because what idle threads keep would
/// otherwise be missing where a thread that keeps none must answer.
struct Reused {
    instances: Vec<(ModuleNumber, Instance)>,
    /// Seats that this thread has taken, and those that it may take.
    seats: usize,
    share: usize,
}

thread_local! {
    static REUSED: RefCell<Reused> = RefCell::new(Reused::new());
}

/// Seats that are taken by all threads of the process.
static SEATS: AtomicUsize = AtomicUsize::new(0);

impl Reused {
    fn new() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            instances: Vec::new(),
            seats: 0,
            share: REUSED_INSTANCES_MAX.min(REUSED_INSTANCES_OF_ALL_MAX / threads),
        }
    }

    /// Keeps an instance, and answers the one that makes room for it.
    fn keep(&mut self, number: ModuleNumber, instance: Instance) -> Option<Instance> {
        if self.instances.len() == self.seats && !self.sit() {
            if self.instances.is_empty() {
                return Some(instance);
            }
            let oldest = self.instances.remove(0).1;
            self.instances.push((number, instance));
            return Some(oldest);
        }
        self.instances.push((number, instance));
        None
    }

    /// Takes one more seat, if there is one.
    fn sit(&mut self) -> bool {
        let next = |taken: usize| (taken < REUSED_INSTANCES_OF_ALL_MAX).then_some(taken + 1);
        let sits = self.seats < self.share
            && SEATS
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next)
                .is_ok();
        self.seats += usize::from(sits);
        sits
    }
}

impl Drop for Reused {
    fn drop(&mut self) {
        self.instances.clear();
        SEATS.fetch_sub(self.seats, Ordering::Relaxed);
    }
}

impl Instance {
    fn take(number: ModuleNumber) -> Option<Self> {
        REUSED.with_borrow_mut(|reused| {
            let instances = &mut reused.instances;
            let place = instances.iter().rposition(|(other, _)| *other == number)?;
            Some(instances.remove(place).1)
        })
    }

    fn put_back(self, number: ModuleNumber) {
        drop(REUSED.with_borrow_mut(|reused| reused.keep(number, self)));
    }

    fn forget_all() {
        drop(REUSED.with_borrow_mut(|reused| std::mem::take(&mut reused.instances)));
    }
}
