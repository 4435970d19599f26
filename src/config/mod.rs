//! Operator settings: one struct per concern, every value with its origin.
