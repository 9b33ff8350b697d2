//! The gate: TLS, signatures, policies, and what is allowed goes on to storage.
