//! What the system tests share: a gate in a folder of its own, clients of several kinds, and a signer that shares no
//! code with the gate.
//!
//! Nothing here sleeps for a fixed time: whoever waits, waits for the state itself, with a deadline.

pub mod browser;
pub mod call;
pub mod clients;
pub mod drive;
pub mod filled;
pub mod garage;
pub mod gate;
pub mod house;
pub mod idp;
pub mod load;
pub mod long;
pub mod nginx;
pub mod node;
pub mod operations;
pub mod page;
pub mod random;
pub mod sign;
pub mod wait;
pub mod wire;
