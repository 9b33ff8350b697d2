//! The public face of the engine: hostile modules, plans and trees, machine code that is kept.

#![expect(
    clippy::items_after_statements,
    reason = "what only one test needs stands in it"
)]

#[cfg(test)]
mod compiler;
#[cfg(test)]
mod decisions;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod instructions;
#[cfg(test)]
mod machine_code;
#[cfg(test)]
mod support;
