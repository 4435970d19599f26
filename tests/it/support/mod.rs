//! What integration tests share: worlds to act in. Mocks are not among them: a fake is a small model of the real thing,
//! spoken to through the real client.
//!
//! - [`hermetic`]: commands that see nothing of the machine they run on, and bare Git repositories to act on.

pub(crate) mod hermetic;
