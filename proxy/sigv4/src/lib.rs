//! AWS Signature Version 4 as pure functions: no I/O, and time is an argument.
