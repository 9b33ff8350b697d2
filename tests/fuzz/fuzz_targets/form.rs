//! Fuzzes `postern_fuzz::post_form`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| postern_fuzz::post_form(data));
