//! The admin side without a gate: one program, since each one more is linked with all that it stands on.

mod admin;
mod directory;
mod doors;
mod stand_ins;
