//! The laws of the design, each as a test: in worlds where anything may happen in any order, and one by one.

mod exact;
mod isolation;
pub(crate) mod ledger;
mod model;
mod races;
mod sameness;
mod walk;
