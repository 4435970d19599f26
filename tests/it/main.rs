//! Integration tests: one binary, one behaviour per test, names are sentences.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "clippy exempts test functions only, not what they share"
)]

mod acts;
mod architecture;
mod cli;
mod demo;
mod faults;
mod forge;
mod fuzz;
mod git;
mod github_model;
mod laws;
mod line;
mod looks;
mod observability;
mod observe;
mod registry;
mod scenarios;
mod sim;
mod story;
mod streams;
mod support;
