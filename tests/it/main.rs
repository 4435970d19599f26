//! Integration tests.

mod registry;
mod support;
