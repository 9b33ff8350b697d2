//! What people and command lines do with modules beside running them: look into one, put a manifest into one, and read
//! why a plan decided as it did. Everything here gives values that print as text and serialise as JSON.

mod attach;
mod explain;
mod inspect;
mod questions;
mod test;

pub use attach::{AttachError, attach};
pub use explain::{
    ExplainedAnswer, ExplainedDecision, ExplainedLayer, ExplainedModule, ExplainedPlan, Viewer,
    explain,
};
pub use inspect::{InspectedAttribute, ModuleReport, inspect};
pub use questions::{StaticQuestions, questions};
pub use test::failed_tests;
