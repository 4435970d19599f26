//! Operator settings for git.
