//! The HTTP server of the daemon: health and status.
