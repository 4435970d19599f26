//! The demo: the whole story on embedded parts.

pub mod content;
mod keep;
mod proof;
pub mod registry;
mod shell;
pub mod story;
pub mod world;
