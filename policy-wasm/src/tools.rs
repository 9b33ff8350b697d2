//! What people and command lines do with modules beside running them: look into one, put a manifest into one, read
//! why a plan decided as it did and what would have to change, and see every way through it. Everything here gives values that print as text and serialise as JSON.

mod attach;
mod bench;
mod change;
mod diff;
mod enumerate;
mod explain;
mod explore;
mod inspect;
mod project;
mod questions;
mod right_size;
mod situation;
mod solver;
mod subject;
mod test;

pub use attach::{AttachError, attach};
pub use bench::{BenchError, BenchReport, BenchedCase, Nanoseconds, bench};
pub use change::{Change, SmallestChange, smallest_change};
pub use diff::{Area, Difference, diff};
pub use enumerate::{Access, Doubt, Enumeration, Never, Path, Witness, enumerate, never, who_can};
pub use explain::{
    ExplainedAnswer, ExplainedDecision, ExplainedLayer, ExplainedModule, ExplainedPlan, Viewer,
    explain,
};
pub use explore::{Bounds, Incomplete, Query, Settle};
pub use inspect::{InspectedAttribute, ModuleReport, inspect};
pub use project::{BadName, Language, ProjectFile, ProjectName, project};
pub use questions::{StaticQuestions, questions};
pub use right_size::{Narrower, Scope, Unused, Use, right_size};
pub use situation::Situation;
pub use solver::Answered;
pub use subject::{Judgement, Outcome, Subject};
pub use test::{CasesError, FailedCase, TestReport, cases, failed_tests, test};
