//! Registry: a client for the OCI distribution API.
