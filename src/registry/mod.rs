//! Registry: a client for the OCI distribution API. Asks allowed hosts only, checks every byte against its digest, and
//! hands credentials to nobody but the registry they are for.

mod address;
mod auth;
mod challenge;
mod client;
mod credentials;
mod docker_config;
mod error;
mod gate;
mod helper;
mod hosts;
mod http;
mod manifest;
mod metadata;
mod pool;
mod stats;

pub use client::{Access, Client, Resolved};
pub use error::RegistryError;
pub use hosts::SettingsError;
pub use metadata::{ImageMetadata, Platform};
pub use stats::{RequestKind, Stats};
