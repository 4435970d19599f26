//! Operator settings for registry.
