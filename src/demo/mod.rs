//! The demo: the whole story on embedded parts.

pub mod content;
#[cfg(test)]
mod probe;
pub mod registry;
pub mod world;
