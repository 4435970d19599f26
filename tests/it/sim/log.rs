//! What happened, line by line: told when something fails, with the seed to make it happen again.

use std::fmt;

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

/// What is counted, and the words that tell it.
const KINDS: [(&str, &str); 8] = [
    ("promotions", "Promote "),
    ("bad registries", "the registry of "),
    ("bad Git servers", "the Git server is "),
    ("killed at a request", "killed at request"),
    ("died between effects", "dies after"),
    ("overtaken", "overtaken:"),
    ("met a twin", "beside the twin"),
    ("jumps of the clock", "the clock "),
];

/// How often each of some things happened.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts([usize; KINDS.len()]);

impl Log {
    /// How often each of these happened.
    pub(super) fn counts(&self) -> Counts {
        let count = |word: &str| {
            let told = self.lines.iter().filter(|line| line.contains(word));
            told.filter(|line| !line.contains(" fine again")).count()
        };
        Counts(KINDS.map(|(_, word)| count(word)))
    }
}

impl Counts {
    /// One more day.
    pub(super) fn add(&mut self, other: Self) {
        for (sum, more) in self.0.iter_mut().zip(other.0) {
            *sum += more;
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = KINDS.iter().zip(self.0);
        let counts: Vec<String> = counts.map(|((kind, _), n)| format!("{n} {kind}")).collect();
        f.write_str(&counts.join(", "))
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
