//! What happened, line by line: told when something fails, with the seed to make it happen again.

use headwater::model::Timestamp;

/// Only the end of a long story is told.
const LAST: usize = 400;

/// The log of one day.
pub(super) struct Log {
    seed: u64,
    served: bool,
    lines: Vec<String>,
    /// The last plan that a rest was judged by.
    plan: String,
}

impl Log {
    /// Of the day with this seed.
    pub(super) fn new(seed: u64, served: bool) -> Self {
        Self {
            seed,
            served,
            lines: Vec::new(),
            plan: String::new(),
        }
    }

    /// What is planned now.
    pub(super) fn planned(&mut self, plan: String) {
        self.plan = plan;
    }

    /// One line.
    pub(super) fn add(&mut self, at: Timestamp, line: impl Into<String>) {
        self.lines.push(format!("{at}  {}", line.into()));
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let hidden = self.lines.len().saturating_sub(LAST);
        eprintln!(
            "the day of seed {} ({}), its first {hidden} lines left out; again: HEADWATER_SIM_SEED={} cargo test --test it sim::",
            self.seed,
            if self.served { "over HTTP" } else { "in place" },
            self.seed
        );
        for line in &self.lines[hidden..] {
            eprintln!("  {line}");
        }
        eprintln!("{}", self.plan);
    }
}
