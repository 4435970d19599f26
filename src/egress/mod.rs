//! Egress: asks what gates want to know of hosts that the operator listed, and of no other. The address that was checked is
//! the one that is connected, no redirect is followed, and what comes back is bounded in bytes and time.

mod argocd;
mod client;
mod error;

pub use argocd::{Application, ArgoCd};
pub use client::{Answer, Egress};
pub use error::EgressError;
