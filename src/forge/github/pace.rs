//! The pace of calls that change something: one after the other, and a while between them, as GitHub asks for.

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Duration, Instant, sleep_until};

use crate::model::Period;

/// Lets one caller after the other go.
#[derive(Debug)]
pub(super) struct Pace {
    pause: Duration,
    /// When the last one was done.
    last: Mutex<Option<Instant>>,
}

/// The turn of somebody; it ends with this.
pub(super) struct Turn<'a>(MutexGuard<'a, Option<Instant>>);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0 = Some(Instant::now());
    }
}

impl Pace {
    /// With at least so much between two.
    pub(super) fn new(pause: Period) -> Self {
        Self {
            pause: pause.as_std(),
            last: Mutex::default(),
        }
    }

    /// Waits for its turn.
    pub(super) async fn turn(&self) -> Turn<'_> {
        let last = self.last.lock().await;
        if let Some(last) = *last {
            sleep_until(last + self.pause).await;
        }
        Turn(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_goes_after_the_other_with_a_second_between_them() {
        let pace = Pace::new(Period::seconds(1));
        let begin = Instant::now();
        let all = (0..5).map(|_| async {
            let turn = pace.turn().await;
            let at = begin.elapsed();
            tokio::time::sleep(Duration::from_millis(200)).await;
            drop(turn);
            at
        });
        let mut at = futures_util::future::join_all(all).await;
        at.sort();
        let at: Vec<u128> = at.iter().map(Duration::as_millis).collect();
        assert_eq!(at, [0, 1_200, 2_400, 3_600, 4_800]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_later_than_that_does_not_wait() {
        let pace = Pace::new(Period::seconds(1));
        drop(pace.turn().await);
        tokio::time::sleep(Duration::from_secs(5)).await;
        let begin = Instant::now();
        drop(pace.turn().await);
        assert_eq!(begin.elapsed(), Duration::ZERO);
    }
}
