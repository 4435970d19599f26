//! Feeds the target `saved` with what libFuzzer makes up.
#![no_main]

#[path = "../../it/fuzz/saved.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::run(data));
