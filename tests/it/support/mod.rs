//! What tests stand on: real servers on loopback, and servers that misbehave on purpose.

pub(crate) mod docker_registry;
pub(crate) mod odd_registry;
