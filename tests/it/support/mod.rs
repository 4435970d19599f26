//! What tests stand on: real servers on loopback, and servers that misbehave on purpose.

pub mod docker_registry;
pub mod odd_registry;
