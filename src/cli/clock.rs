//! Where commands take the present instant from.

use super::engine;
use crate::model::Timestamp;

/// A clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// The machine's, read each time.
    Wall,
    /// One that stands still: the demo moves it in front of its reader.
    At(Timestamp),
}

impl Clock {
    /// The present instant.
    pub fn now(self) -> Timestamp {
        match self {
            Self::Wall => engine::now(),
            Self::At(instant) => instant,
        }
    }
}
