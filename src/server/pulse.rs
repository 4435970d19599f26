//! The pulse of the loop: by when it has to come round again. Measured by a clock that nobody sets, so that a jump of the
//! wall clock neither hides a stall nor makes one up.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Shared by the loop, which promises, and by whoever asks whether it keeps its word.
#[derive(Debug, Clone)]
pub struct Pulse(Arc<Mutex<Instant>>);

impl Pulse {
    /// A loop that has to come round for the first time within `within`.
    pub fn new(within: Duration) -> Self {
        Self(Arc::new(Mutex::new(Instant::now() + within)))
    }

    /// The loop came round, and will again within `within`.
    pub fn due_within(&self, within: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now() + within;
    }

    /// For how long it should have come round already; `None` while it is in time.
    pub fn overdue(&self) -> Option<Duration> {
        let due = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Instant::now().checked_duration_since(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_loop_is_overdue_only_after_the_time_it_gave_itself() {
        let pulse = Pulse::new(Duration::from_secs(10));
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(pulse.overdue(), None);
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(pulse.overdue(), Some(Duration::from_secs(2)));
        pulse.clone().due_within(Duration::from_secs(5));
        assert_eq!(pulse.overdue(), None);
    }
}
