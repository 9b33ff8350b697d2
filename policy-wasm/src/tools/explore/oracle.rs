//! Answers the questions of one way through a module, and notes them: the choices of an exploration.

use std::cell::RefCell;
use std::collections::HashMap;

use super::super::situation::Situation;
use super::super::solver::{Answered, Solved, Solver};
use super::{Incomplete, Query};
use crate::engine::Answering;
use crate::question::{Answer, Ask, Question, Unanswered, Work, answer, truth};

/// A question of the present way, and where the ways begin that have its answers.
pub(super) struct Choice {
    pub(super) answered: Answered,
    pub(super) side: Side,
    /// The first kept way behind it.
    pub(super) from: usize,
}

pub(super) enum Side {
    /// The other answer is still to be followed.
    First,
    /// Both were, the second from this way on.
    Second { from: usize },
    /// The other answer is impossible.
    Only,
}

/// Answers the questions of one way, and notes them.
pub(super) struct Oracle<'e> {
    solver: &'e Solver<'e>,
    assumed: &'e [Answered],
    questions_max: usize,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    choices: Vec<Choice>,
    said: HashMap<Question, bool>,
    /// What takes the present way, where something is known to.
    situation: Option<Situation>,
    /// How many of the choices this run has asked for.
    asked: usize,
    ways: usize,
    stopped: Option<Incomplete>,
}

impl<'e> Oracle<'e> {
    /// `None` where what is assumed contradicts itself.
    pub(super) fn new(
        solver: &'e Solver<'e>,
        query: &'e Query,
        questions_max: usize,
    ) -> Option<Self> {
        let situation = match solver.solve(&query.assumed) {
            Solved::Found(situation) => Some(situation),
            Solved::Unknown => None,
            Solved::Contradiction => return None,
        };
        let assumed = query.assumed.iter();
        Some(Self {
            solver,
            assumed: &query.assumed,
            questions_max,
            state: RefCell::new(State {
                said: assumed.map(|a| (a.question.clone(), a.answer)).collect(),
                situation,
                ..State::default()
            }),
        })
    }

    pub(super) fn begin(&self, ways: usize) {
        let mut state = self.state.borrow_mut();
        state.asked = 0;
        state.ways = ways;
        state.stopped = None;
    }

    pub(super) fn stopped(&self) -> Option<Incomplete> {
        let state = self.state.borrow();
        let skipped = state.stopped.is_none() && state.asked < state.choices.len();
        if skipped {
            return Some(Incomplete::Fickle);
        }
        state.stopped.clone()
    }

    pub(super) fn depth(&self) -> usize {
        self.state.borrow().choices.len()
    }

    pub(super) fn answers(&self) -> Vec<Answered> {
        let state = self.state.borrow();
        state.choices.iter().map(|c| c.answered.clone()).collect()
    }

    /// What takes the present way. The outer `None`: it is proven that nothing does.
    #[expect(clippy::option_option, reason = "impossible, unknown, and found")]
    pub(super) fn situation(&self) -> Option<Option<Situation>> {
        if let Some(situation) = &self.state.borrow().situation {
            return Some(Some(situation.clone()));
        }
        match self.solve(None) {
            Solved::Found(situation) => Some(Some(situation)),
            Solved::Unknown => Some(None),
            Solved::Contradiction => None,
        }
    }

    fn solve(&self, more: Option<&Answered>) -> Solved {
        let state = self.state.borrow();
        let chosen = state.choices.iter().map(|choice| &choice.answered);
        self.solver
            .solve(self.assumed.iter().chain(chosen).chain(more))
    }

    pub(super) fn pop(&self) -> Option<Choice> {
        let mut state = self.state.borrow_mut();
        let choice = state.choices.pop()?;
        state.said.remove(&choice.answered.question);
        Some(choice)
    }

    /// Adds an answer to the way, unless no request could give it.
    pub(super) fn push(&self, answered: Answered, side: Side, from: usize) -> bool {
        let situation = match self.solve(Some(&answered)) {
            Solved::Contradiction => return false,
            Solved::Found(situation) => Some(situation),
            Solved::Unknown => None,
        };
        self.state.borrow_mut().situation = situation;
        self.add(answered, side, from);
        true
    }

    fn add(&self, answered: Answered, side: Side, from: usize) {
        let mut state = self.state.borrow_mut();
        state
            .said
            .insert(answered.question.clone(), answered.answer);
        state.choices.push(Choice {
            answered,
            side,
            from,
        });
    }

    /// Decides the answer to a question that was not asked on this way.
    fn choose(&self, question: &Question) -> bool {
        let from = self.state.borrow().ways;
        let taken = self
            .state
            .borrow()
            .situation
            .as_ref()
            .map(|situation| truth(question, situation, &mut Work::full()) == Ok(true));
        if let Some(answer) = taken {
            let question = question.clone();
            self.add(Answered { question, answer }, Side::First, from);
            return answer;
        }
        let answered = |answer| Answered {
            question: question.clone(),
            answer,
        };
        if self.push(answered(false), Side::First, from) {
            return false;
        }
        self.add(answered(true), Side::Only, from);
        true
    }
}

impl Answering for Oracle<'_> {
    fn answer(&self, question: &Question, work: &mut Work) -> Result<Answer<'static>, Unanswered> {
        if let Ask::Read(_) = question.ask {
            if self.solver.fixes(&question.attribute) {
                return answer(question, self.solver.fixed(), work).map(Answer::into_owned);
            }
            let attribute = question.attribute.to_string();
            self.state.borrow_mut().stopped = Some(Incomplete::Reads { attribute });
            return Err(Unanswered::NotFetched);
        }
        if let Some(answer) = self.solver.decided(question) {
            return Ok(Answer::Truth(answer));
        }
        let (said, place) = {
            let mut state = self.state.borrow_mut();
            let next = state.choices.get(state.asked);
            let is_next = next.is_some_and(|choice| choice.answered.question == *question);
            state.asked += usize::from(is_next);
            (state.said.get(question).copied(), state.asked)
        };
        if let Some(answer) = said {
            return Ok(Answer::Truth(answer));
        }
        let depth = self.depth();
        let stopped = if place < depth {
            Some(Incomplete::Fickle)
        } else if depth >= self.questions_max {
            let most = self.questions_max;
            Some(Incomplete::Questions { most })
        } else {
            None
        };
        if stopped.is_some() {
            self.state.borrow_mut().stopped = stopped;
            return Err(Unanswered::NotFetched);
        }
        let answer = self.choose(question);
        self.state.borrow_mut().asked += 1;
        Ok(Answer::Truth(answer))
    }
}
