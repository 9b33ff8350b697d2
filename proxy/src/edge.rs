//! Where clients arrive: listeners, TLS, PROXY protocol, connection limits, and HTTP on each connection.

pub mod peer;

pub use peer::{Peer, TlsInfo};
