//! Integration tests: one binary, one behaviour per test, names are sentences.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "clippy exempts test functions only, not what they share"
)]

mod architecture;
mod cli;
mod support;
//! Integration tests.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used
)]

mod git;

mod support {
    pub(crate) mod git_http;
}
