//! Registry: a client for the OCI distribution API. Asks allowed hosts only, checks every byte against its digest, and
//! hands credentials to nobody but the registry they are for.

mod address;
mod auth;
mod challenge;
mod client;
mod clock;
mod credentials;
mod describe;
mod details;
mod docker_config;
mod door;
mod error;
mod gate;
mod helper;
mod hosts;
mod http;
mod limit;
mod manifest;
mod metadata;
mod pause;
mod pool;
mod refusals;
mod signature;
mod stats;
mod tags;
mod unique;

pub(crate) use address::Reach;
pub use client::{Access, Audience, Client, Resolved};
pub use details::{ImageDetails, ImageLayer};
pub use door::Door;
pub use error::RegistryError;
pub(crate) use hosts::Tls;
pub(crate) use http::check_literal;
pub use metadata::{ImageMetadata, Platform};
pub(crate) use pause::retry_after;
pub(crate) use pool::{Pool, connection_error};
pub use signature::Signatures;
pub use stats::{RequestKind, Stats};
