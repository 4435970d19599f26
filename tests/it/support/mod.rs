//! What integration tests share: worlds to act in. Mocks are not among them: a fake is a small model of the real thing,
//! spoken to through the real client.
//!
//! - [`hermetic`]: commands that see nothing of the machine they run on, and bare Git repositories to act on.
//! - [`docker_registry`], [`odd_registry`]: real servers on loopback, and servers that misbehave on purpose.

pub(crate) mod docker_registry;
pub(crate) mod hermetic;
pub(crate) mod odd_registry;
