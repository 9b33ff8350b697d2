//! The system as a stranger meets it: real clients, real servers, real crashes.
