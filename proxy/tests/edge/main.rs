//! The edge as raw bytes meet it: limits, framing, TLS, PROXY protocol, drain. The journey behind it is a small one.

mod client;
mod framing;
mod lifecycle;
mod pace;
mod stand_in;
