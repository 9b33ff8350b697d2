//! The edge as raw bytes meet it: limits, framing, TLS, PROXY protocol, drain. The journey behind it is a small one.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod client;
mod framing;
mod lifecycle;
mod pace;
mod stand_in;
