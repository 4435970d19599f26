//! Observe: asks git, registries and the forge; failures become data.

mod blobs;
pub mod documents;
mod error;
pub mod history;
mod store;

pub use error::ObserveError;
