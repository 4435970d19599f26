//! Resident memory over many days, each of which begins with nothing and ends with its world gone.

use std::fmt;

/// Days that warm the process up: allocator, caches that are bounded, threads.
const WARM: usize = 2;
/// Resident memory may be so many MiB more after the last day than when it was warm.
const GROWTH: usize = 32;

/// After how many passes there was how much, in MiB.
#[derive(Debug, Default)]
pub(super) struct Memory(Vec<(usize, usize)>);

impl Memory {
    /// After one more day.
    pub(super) fn note(&mut self, passes: usize, resident: usize) {
        self.0.push((passes, resident));
    }

    /// Fails if what is resident grew since it was warm, by more than days differ from each other.
    pub(super) fn is_flat(&self) {
        let warm: Vec<usize> = self.0.iter().skip(WARM).map(|(_, mib)| *mib).collect();
        let (Some(first), Some(last)) = (warm.first(), warm.last()) else {
            return;
        };
        assert!(
            *last <= first + GROWTH,
            "{first} MiB became {last} MiB: {self}"
        );
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.0.last().map_or(0, |(passes, _)| *passes);
        let quarters = [25, 50, 75, 100].map(|percent| {
            let there = self.0.iter().find(|(n, _)| n * 100 >= all * percent);
            format!("{} MiB at {percent} %", there.map_or(0, |(_, mib)| *mib))
        });
        write!(f, "{} resident", quarters.join(", "))
    }
}

/// What this process holds in memory now.
pub(super) fn resident_mib() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split(' ').nth(1).and_then(|p| p.parse::<usize>().ok());
    pages.unwrap_or(0) * 4 / 1024
}
