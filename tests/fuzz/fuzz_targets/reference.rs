//! Feeds the target `reference` with what libFuzzer makes up.
#![no_main]

#[path = "../../it/fuzz/reference.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::run(data));
