//! How many requests a host gets at a time: more while it answers promptly, half as many once it is overtaxed.

use std::time::Duration;

/// Places to begin with.
const BEGIN: f64 = 8.0;
/// An answer is prompt within this many times the quickest one, and a little more for hosts around the corner.
const PROMPT: (f64, f64) = (2.0, 0.002);
/// How fast the quickest answer is forgotten, because networks change.
const FORGETTING: f64 = 0.01;

/// Additive increase and multiplicative decrease, between one place and what the operator allows.
#[derive(Debug)]
pub(super) struct Limit {
    most: f64,
    now: f64,
    /// Seconds that the quickest answers took.
    quickest: Option<f64>,
    /// No bound was found yet: grow with every answer.
    searching: bool,
}

impl Limit {
    /// At most so many places (at least one).
    pub(super) fn new(most: usize) -> Self {
        let most = most.clamp(1, 1024) as f64;
        Self {
            most,
            now: BEGIN.min(most),
            quickest: None,
            searching: true,
        }
    }

    /// Requests that may be under way.
    pub(super) fn places(&self) -> usize {
        // Between 1 and 1024.
        self.now as usize
    }

    /// An answer came after this time; `full` if no place was free meanwhile.
    pub(super) fn answered(&mut self, took: Duration, full: bool) {
        let took = took.as_secs_f64();
        let quickest = match self.quickest {
            // While all places are taken, what takes longer may be our own doing.
            Some(before) if before < took && full => before,
            Some(before) if before < took => before + (took - before) * FORGETTING,
            _ => took,
        };
        self.quickest = Some(quickest);
        if took > quickest * PROMPT.0 + PROMPT.1 {
            self.searching = false;
        } else if full {
            let more = if self.searching { 1.0 } else { 1.0 / self.now };
            self.now = (self.now + more).min(self.most);
        }
    }

    /// The host refused, failed or did not answer in time.
    pub(super) fn overtaxed(&mut self) {
        self.searching = false;
        self.now = (self.now / 2.0).max(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(limit: &mut Limit, n: usize, took: u64) {
        for _ in 0..n {
            limit.answered(Duration::from_millis(took), true);
        }
    }

    #[test]
    fn a_prompt_host_far_away_soon_gets_all_that_is_allowed() {
        let mut limit = Limit::new(64);
        assert_eq!(limit.places(), 8);
        answers(&mut limit, 56, 50);
        assert_eq!(limit.places(), 64);
        answers(&mut limit, 1000, 50);
        assert_eq!(limit.places(), 64);
    }

    #[test]
    fn a_host_that_slows_down_under_load_gets_no_more() {
        let mut limit = Limit::new(64);
        answers(&mut limit, 1, 1);
        answers(&mut limit, 500, 6);
        assert!(limit.places() < 12, "{limit:?}");
    }

    #[test]
    fn trouble_halves_and_success_mends_slowly() {
        let mut limit = Limit::new(64);
        answers(&mut limit, 56, 50);
        for places in [32, 16, 8, 4, 2, 1, 1] {
            limit.overtaxed();
            assert_eq!(limit.places(), places);
        }
        answers(&mut limit, 1, 50);
        assert_eq!(limit.places(), 2);
        answers(&mut limit, 1, 50);
        assert_eq!(limit.places(), 2);
        answers(&mut limit, 2, 50);
        assert_eq!(limit.places(), 3);
    }

    #[test]
    fn places_that_nobody_needs_teach_nothing() {
        let mut limit = Limit::new(64);
        for _ in 0..100 {
            limit.answered(Duration::from_millis(50), false);
        }
        assert_eq!(limit.places(), 8);
        assert_eq!(Limit::new(2).places(), 2);
        assert_eq!(Limit::new(0).places(), 1);
    }
}
