//! Feeds the target `documents` with what libFuzzer makes up.
#![no_main]

#[path = "../../it/fuzz/documents.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::run(data));
