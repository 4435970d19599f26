//! How a row is measured: ours and the floor in turn, so that both see the same moods of the machine; medians of pairs.

use std::time::{Duration, Instant};

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Pairs of measurements for each row.
    pub(crate) pairs: usize,
    /// Manifests of the large repository.
    pub(crate) manifests: usize,
    /// Tags of it that are asked for from time to time.
    pub(crate) watched: usize,
    /// Tags that are checked again, four in each stream.
    pub(crate) checked: usize,
    /// How many manifests change at once.
    pub(crate) changed: [usize; 3],
    /// Manifests that are rendered.
    pub(crate) rendered: usize,
    /// Pipelines with four stages and ten sets each.
    pub(crate) roads: usize,
    /// Commits of the repository's past.
    pub(crate) commits: usize,
}

impl Plan {
    /// What the bars are about.
    pub(crate) const fn full() -> Self {
        Self {
            pairs: 5,
            manifests: 20_000,
            watched: 10_000,
            checked: 2_000,
            changed: [1, 100, 2_000],
            rendered: 1_000,
            roads: 1_000,
            commits: 200,
        }
    }

    /// The same made small, to see that it works.
    pub(crate) const fn quick() -> Self {
        Self {
            pairs: 1,
            manifests: 200,
            watched: 100,
            checked: 40,
            changed: [1, 5, 20],
            rendered: 20,
            roads: 10,
            commits: 10,
        }
    }

    /// Whether the bars apply.
    pub(crate) const fn is_full(&self) -> bool {
        self.manifests == Self::full().manifests
    }
}

/// Two things measured in turn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair {
    /// Median of ours.
    pub(crate) ours: Duration,
    /// Median of the floor.
    pub(crate) floor: Duration,
    /// Median of ours / floor within each pair.
    pub(crate) ratio: f64,
}

/// Measures `ours` and `floor` in turn. Each says itself how long it took, because not all it does is meant.
pub(crate) fn pairs(
    plan: &Plan,
    mut ours: impl FnMut(usize) -> Duration,
    mut floor: impl FnMut(usize) -> Duration,
) -> Pair {
    let all: Vec<(Duration, Duration)> = (0..plan.pairs)
        .map(|round| (ours(round), floor(round)))
        .collect();
    let ratios = all
        .iter()
        .map(|(ours, floor)| ours.as_secs_f64() / floor.as_secs_f64())
        .collect();
    Pair {
        ours: median(all.iter().map(|pair| pair.0).collect()),
        floor: median(all.iter().map(|pair| pair.1).collect()),
        ratio: middle(ratios, f64::total_cmp),
    }
}

/// The middle one.
pub(crate) fn median(times: Vec<Duration>) -> Duration {
    middle(times, Ord::cmp)
}

fn middle<T: Copy>(mut all: Vec<T>, order: impl FnMut(&T, &T) -> std::cmp::Ordering) -> T {
    all.sort_by(order);
    all[all.len() / 2]
}

/// How long something takes, and what it gives.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let begin = Instant::now();
    let result = work();
    (begin.elapsed(), result)
}
