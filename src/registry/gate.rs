//! One host's door: how many requests may be under way, and until when none may go.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::HeaderMap;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::door::{Door, Tally};
use super::error::RegistryError;
use crate::model::Timestamp;

/// The longest a registry may send us away for.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// Failures in a row after which a host is left alone.
const FAILURES: u32 = 5;
/// The first and the longest time a failing host is left alone.
const REST: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(600));

/// Why a door is shut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shut {
    /// The registry asked for it.
    Asked,
    /// It failed too often.
    Failing,
}

#[derive(Debug, Default)]
struct State {
    /// Monotone, so that a jumping wall clock neither opens nor bars the door.
    shut: Option<(Instant, Shut)>,
    refusals: u32,
    failures: u32,
}

/// The door of one host.
#[derive(Debug)]
pub(super) struct Gate {
    permits: Semaphore,
    size: usize,
    /// What passed.
    pub(super) tally: Tally,
    state: Mutex<State>,
}

impl Gate {
    /// A door for so many requests at a time (at least one).
    pub(super) fn new(concurrency: usize) -> Self {
        Self {
            permits: Semaphore::new(concurrency.clamp(1, 1024)),
            size: concurrency.clamp(1, 1024),
            tally: Tally::default(),
            state: Mutex::default(),
        }
    }

    /// Waits for a free place; an error while the door is shut.
    pub(super) async fn enter(&self, host: &str) -> Result<SemaphorePermit<'_>, RegistryError> {
        self.check(host)?;
        let waiting = self.tally.wait();
        let permit = self
            .permits
            .acquire()
            .await
            .map_err(|_| RegistryError::Network {
                host: host.to_owned(),
                detail: "the client is shutting down".to_owned(),
            })?;
        drop(waiting);
        // Those who waited while a neighbour was sent away must not knock all the same.
        self.check(host)?;
        Ok(permit)
    }

    fn check(&self, host: &str) -> Result<(), RegistryError> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((until, why)) = state.shut else {
            return Ok(());
        };
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        let host = host.to_owned();
        let retry_at = from_now(left);
        Err(match why {
            Shut::Asked => RegistryError::RateLimited { host, retry_at },
            Shut::Failing => RegistryError::Unavailable { host, retry_at },
        })
    }

    /// The registry sent us away, for `pause` or without saying how long; returns when it may be asked again.
    pub(super) fn refused(&self, pause: Option<Duration>) -> Timestamp {
        self.tally.refused();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let left = state.shut.map_or(Duration::ZERO, |(until, _)| {
            until.saturating_duration_since(Instant::now())
        });
        if pause.is_none() && !left.is_zero() {
            // Requests that were under way together are one refusal, not many.
            return from_now(left);
        }
        let guess = || {
            Duration::from_secs_f64(
                f64::from(1u32 << state.refusals.min(12)) * (1.0 + fastrand::f64() / 2.0),
            )
        };
        let pause = pause.unwrap_or_else(guess).min(LONGEST_PAUSE);
        state.refusals += 1;
        let until = Instant::now() + pause;
        if state.shut.is_none_or(|(before, _)| before < until) {
            state.shut = Some((until, Shut::Asked));
        }
        from_now(pause)
    }

    /// What it looks like now.
    pub(super) fn reading(&self, host: &str) -> Door {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let left = state.shut.map_or(Duration::ZERO, |(until, _)| {
            until.saturating_duration_since(Instant::now())
        });
        Door {
            host: host.to_owned(),
            permits: self.size as u64,
            free: self.permits.available_permits() as u64,
            waiting: read(&self.tally.waiting),
            shut_until: (!left.is_zero()).then(|| from_now(left)),
            retries: read(&self.tally.retries),
            refusals: read(&self.tally.refusals),
            received_bytes: read(&self.tally.received),
        }
    }

    /// An answer came that shows the host at work.
    pub(super) fn answered(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.failures = 0;
        state.refusals = 0;
    }

    /// A request failed for good although it was tried again.
    pub(super) fn failed(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.failures += 1;
        let Some(beyond) = state.failures.checked_sub(FAILURES) else {
            return;
        };
        let rest = REST.0.saturating_mul(1 << beyond.min(8)).min(REST.1);
        let until = Instant::now() + rest;
        if state.shut.is_none_or(|(before, _)| before < until) {
            state.shut = Some((until, Shut::Failing));
        }
    }
}

fn from_now(wait: Duration) -> Timestamp {
    let now = Timestamp::now();
    jiff::SignedDuration::try_from(wait)
        .ok()
        .and_then(|wait| now.checked_add(wait).ok())
        .unwrap_or(now)
}

/// The pause that a `Retry-After` header asks for: seconds or an HTTP date, nothing if it is neither.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get("retry-after")?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        let seconds = text.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(LONGEST_PAUSE));
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    let wait = Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO);
    Some(wait.min(LONGEST_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(text: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", text.parse().unwrap());
        retry_after(&headers, "2015-10-21T07:28:00Z".parse().unwrap())
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_never_more_than_an_hour() {
        assert_eq!(after("7"), Some(Duration::from_secs(7)));
        assert_eq!(
            after("Wed, 21 Oct 2015 07:28:30 GMT"),
            Some(Duration::from_secs(30))
        );
        assert_eq!(after("Wed, 21 Oct 2015 07:00:00 GMT"), Some(Duration::ZERO));
        for long in [
            "999999999",
            "99999999999999999999999",
            "Wed, 21 Oct 2099 07:28:00 GMT",
        ] {
            assert_eq!(after(long), Some(LONGEST_PAUSE), "{long}");
        }
        for odd in ["soon", "-1", "", "1.5"] {
            assert_eq!(after(odd), None, "{odd}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_shut_door_opens_when_its_time_has_come() {
        let gate = Gate::new(1);
        gate.refused(Some(Duration::from_secs(7)));
        assert!(matches!(
            gate.enter("r").await,
            Err(RegistryError::RateLimited { .. })
        ));
        tokio::time::advance(Duration::from_millis(6_900)).await;
        assert!(gate.enter("r").await.is_err());
        tokio::time::advance(Duration::from_millis(101)).await;
        assert!(gate.enter("r").await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_word_the_pause_doubles_from_about_a_second() {
        let gate = Gate::new(1);
        let mut before = 0.0_f64;
        for n in 0..4 {
            gate.refused(None);
            let shut = gate.state.lock().unwrap().shut;
            let pause = shut.unwrap().0.duration_since(Instant::now()).as_secs_f64();
            assert!(
                pause >= f64::from(1 << n) && pause <= 1.5 * f64::from(1 << n),
                "{pause}"
            );
            assert!(pause > before);
            before = pause;
            assert!(
                gate.refused(None) > Timestamp::now(),
                "a neighbour's refusal adds nothing"
            );
            tokio::time::advance(Duration::from_secs_f64(pause)).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_keeps_failing_is_left_alone_and_probed_again() {
        let gate = Gate::new(1);
        for _ in 0..4 {
            gate.failed();
        }
        assert!(gate.enter("r").await.is_ok());
        gate.failed();
        assert!(matches!(
            gate.enter("r").await,
            Err(RegistryError::Unavailable { .. })
        ));
        tokio::time::advance(Duration::from_secs(31)).await;
        assert!(gate.enter("r").await.is_ok());
        gate.failed();
        tokio::time::advance(Duration::from_secs(31)).await;
        assert!(gate.enter("r").await.is_err(), "the second rest is longer");
        tokio::time::advance(Duration::from_secs(31)).await;
        assert!(gate.enter("r").await.is_ok());
        gate.answered();
        gate.failed();
        assert!(gate.enter("r").await.is_ok(), "one success forgives all");
    }
}
