//! Integration tests.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used
)]

mod forge;
mod git;

mod support {
    pub(crate) mod git_http;
}
