//! The nouns: what exists in a repository and in a registry, as types that cannot hold a wrong value.
//! Pure: no async, no files, no clock, and nothing of ours above it.

pub mod alias;
pub mod annotations;
pub mod commit_check;
pub mod commit_status;
pub mod deployment;
pub mod digest;
pub mod environment;
pub mod event;
pub mod fault;
pub mod follow;
pub mod gate;
pub mod hold;
pub mod image_stream;
pub mod name;
pub mod object;
pub mod pipeline;
pub mod platform;
pub mod promotion;
pub mod reference;
pub mod repository_config;
mod rest;
pub mod set;
pub mod settle;
pub mod staging;
pub mod tag_event;
pub mod tag_order;
#[cfg(test)]
pub(crate) mod testing;
pub mod tick_box;
pub mod time;
pub mod verifying_key;
mod whole;
pub mod window;
pub mod word;

pub use annotations::Annotations;
pub use commit_check::CommitCheck;
pub use commit_status::{CommitState, CommitStatus};
pub use deployment::{Deployment, DeploymentPlace, DeploymentState};
pub use digest::Digest;
pub use environment::{Application, ApplicationName, Delivery, Environment};
pub use event::TagEvent;
pub use fault::{Fault, Faulty, Party, Retry};
pub use gate::{Approvals, Gate, Verdict};
pub use hold::{Freeze, Hold};
pub use image_stream::{ImageStream, TagReference};
pub use name::{Name, Namespace, StageKey, StreamKey, StreamName, TagKey, TagName};
pub use object::{BlobId, CommitId, RepoPath};
pub use pipeline::{Pipeline, Stage};
pub use promotion::{Promotion, Request, Source};
pub use reference::{ImageReference, ImageRepository, PinnedImage, RegistryHost};
pub use repository_config::RepositoryConfig;
pub use set::{Set, SetId};
pub use settle::Settle;
pub use time::{Period, Timestamp};
pub use verifying_key::VerifyingKey;
