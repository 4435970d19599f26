//! Which requests meet which fault.

use std::ops::RangeInclusive;
use std::time::Duration;

use regex::Regex;

use super::fault::Fault;
use super::record::Seen;

/// Chooses requests.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    method: String,
    path: Regex,
    lacking: Option<String>,
    choice: Choice,
    late: Duration,
    met: usize,
}

#[derive(Debug, Clone)]
enum Choice {
    All,
    Nth(RangeInclusive<usize>),
    Every(usize),
    Ratio(f64),
}

impl Rule {
    /// Every request.
    pub(crate) fn any() -> Self {
        Self::on("*", "")
    }

    /// Requests of a method (`*` is any) whose path and query match a regular expression somewhere.
    pub(crate) fn on(method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: Regex::new(path).unwrap(),
            lacking: None,
            choice: Choice::All,
            late: Duration::ZERO,
            met: 0,
        }
    }

    /// Only those without this header.
    pub(crate) fn lacking(self, header: &str) -> Self {
        Self {
            lacking: Some(header.to_owned()),
            ..self
        }
    }

    /// Only these of them, counted from 1.
    pub(crate) fn nth(self, which: RangeInclusive<usize>) -> Self {
        Self {
            choice: Choice::Nth(which),
            ..self
        }
    }

    /// Only the first of them.
    pub(crate) fn once(self) -> Self {
        self.nth(1..=1)
    }

    /// One in `n` of them, exactly.
    pub(crate) fn every(self, n: usize) -> Self {
        Self {
            choice: Choice::Every(n),
            ..self
        }
    }

    /// About this part of them, by the proxy's seed.
    pub(crate) fn ratio(self, part: f64) -> Self {
        Self {
            choice: Choice::Ratio(part),
            ..self
        }
    }

    /// The fault comes only after this time.
    pub(crate) fn late(self, late: Duration) -> Self {
        Self { late, ..self }
    }

    fn fits(&mut self, seen: &Seen, random: &mut fastrand::Rng) -> bool {
        let has = |header: &str| seen.header(header).is_some();
        self.chooses(&seen.method, &seen.target, has, random)
    }

    /// Whether a request is chosen; one that is asked about is counted.
    pub(crate) fn chooses(
        &mut self,
        method: &str,
        target: &str,
        has: impl Fn(&str) -> bool,
        random: &mut fastrand::Rng,
    ) -> bool {
        if !(self.method == "*" || self.method == method)
            || !self.path.is_match(target)
            || self.lacking.as_deref().is_some_and(has)
        {
            return false;
        }
        self.met += 1;
        match &self.choice {
            Choice::All => true,
            Choice::Nth(which) => which.contains(&self.met),
            Choice::Every(n) => self.met.is_multiple_of(*n),
            Choice::Ratio(part) => random.f64() < *part,
        }
    }
}

/// All rules, in their order.
pub(super) struct Rules {
    rules: Vec<(Rule, Fault)>,
    random: fastrand::Rng,
}

impl Rules {
    /// None, with a seed for ratios.
    pub(super) fn seeded(seed: u64) -> Self {
        Self {
            rules: Vec::new(),
            random: fastrand::Rng::with_seed(seed),
        }
    }

    /// Draws from this seed from now on.
    pub(super) fn seed(&mut self, seed: u64) {
        self.random = fastrand::Rng::with_seed(seed);
    }

    /// One more.
    pub(super) fn add(&mut self, rule: Rule, fault: Fault) {
        self.rules.push((rule, fault));
    }

    /// None any more.
    pub(super) fn clear(&mut self) {
        self.rules.clear();
    }

    /// What this request meets, and after what time.
    pub(super) fn choose(&mut self, seen: &Seen) -> (Duration, Fault) {
        let random = &mut self.random;
        let found = self
            .rules
            .iter_mut()
            .find_map(|(rule, fault)| rule.fits(seen, random).then_some((rule, fault)));
        found.map_or((Duration::ZERO, Fault::Nothing), |(rule, fault)| {
            (rule.late, fault.clone())
        })
    }
}
