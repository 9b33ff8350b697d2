//! Fuzzes `storage_node::fuzzing::record`, which no other build has.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| storage_node::fuzzing::record(data));
