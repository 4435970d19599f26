//! Feeds the target `templates` with what libFuzzer makes up.
#![no_main]

#[path = "../../it/fuzz/templates.rs"]
mod target;

libfuzzer_sys::fuzz_target!(
    init: {
        // libFuzzer ends the program at every panic; the engine's parser may panic, and is caught.
        drop(std::panic::take_hook());
    },
    |data: &[u8]| target::run(data)
);
