//! Fuzzes `postern_fuzz::aws_chunked`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| postern_fuzz::aws_chunked(data));
