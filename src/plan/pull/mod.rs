//! Pull requests: what becomes of the one a set waits in, and of the one that carries an environment's drift.

pub mod closing;
pub mod command;
pub mod drift;
mod due;
pub mod flow;
pub mod group;
pub mod life;
pub mod queue;
pub mod recording;
pub mod room;
pub mod status;
pub mod tend;
#[cfg(test)]
mod tests;
pub mod vanished;
mod words;
