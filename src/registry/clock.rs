//! What time it is, as whoever asks says. Doors open and shut by a clock that nobody sets; only what is told of them goes by
//! this one, so that every instant of a pass belongs to the same time.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::config::clock;
use crate::model::Timestamp;

/// An instant told again may be so much off before it is told anew: then the clock was put to another time.
const TOLERANCE: i64 = 2;

/// The time. Until somebody says what it is, that of the machine.
#[derive(Debug, Default)]
pub(super) struct Clock(Mutex<Option<(Timestamp, Instant)>>);

impl Clock {
    /// It is so late now.
    pub(super) fn set(&self, now: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Instant::now()));
    }

    /// The time after so long a wait from now on.
    pub(super) fn after(&self, wait: Duration) -> Timestamp {
        let said = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (from, wait) = match said {
            Some((at, since)) => (at, wait.saturating_add(since.elapsed())),
            None => (clock::now(), wait),
        };
        let wait = jiff::SignedDuration::try_from(wait);
        let then = wait.ok().and_then(|wait| from.checked_add(wait).ok());
        then.unwrap_or(from)
    }
}

/// An instant, told the same whenever it is told.
#[derive(Debug, Default)]
pub(super) struct Told(Option<(Instant, Timestamp)>);

impl Told {
    /// When `until` is.
    pub(super) fn tell(&mut self, clock: &Clock, until: Instant) -> Timestamp {
        let at = clock.after(until.saturating_duration_since(Instant::now()));
        match self.0 {
            Some((of, told))
                if of == until && (told.as_second() - at.as_second()).abs() <= TOLERANCE =>
            {
                told
            }
            _ => {
                self.0 = Some((until, at));
                at
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_instant_is_told_the_same_in_the_time_of_whoever_asks() {
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let (clock, mut told) = (Clock::default(), Told::default());
        clock.set(at("2030-01-05T09:00:00Z"));
        let until = Instant::now() + Duration::from_secs(60);
        let first = told.tell(&clock, until);
        assert_eq!(first, at("2030-01-05T09:01:00Z"));
        // The same pass asks again a moment later, while its own time stands still.
        tokio::time::advance(Duration::from_millis(700)).await;
        clock.set(at("2030-01-05T09:00:00Z"));
        assert_eq!(told.tell(&clock, until), first);
        // The clock was put back an hour; sixty seconds stay sixty seconds.
        clock.set(at("2030-01-05T08:00:00Z"));
        assert_eq!(told.tell(&clock, until), at("2030-01-05T08:00:59.3Z"));
    }

    #[test]
    fn the_longest_wait_overflows_nothing() {
        let clock = Clock::default();
        assert!(clock.after(Duration::MAX) > Timestamp::UNIX_EPOCH);
    }
}
