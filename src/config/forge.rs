//! Operator settings for forge.
