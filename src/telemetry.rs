//! Logs: structured, to stderr, never with a secret in them.
