//! The public face of the engine: hostile modules, plans and trees, machine code that is kept.

#[cfg(test)]
mod decisions;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod machine_code;
#[cfg(test)]
mod support;
