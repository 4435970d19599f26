//! Operator settings: one struct per concern, every value with its origin.

pub mod forge;
pub mod git;
pub mod registry;
