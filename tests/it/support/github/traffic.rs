//! What was asked: requests, the faults they meet, and whatever was not as published.

use super::fault::Fault;
use crate::support::fault_proxy::Rule;

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Without `/api/v3` and without the query.
    pub(crate) path: String,
    pub(crate) query: String,
    /// The body as it was sent.
    pub(crate) body: String,
    /// The status that was answered; `None` if none was.
    pub(crate) status: Option<u16>,
    /// Reads and writes, as the counters have it.
    pub(crate) kind: Kind,
    /// Whether people are notified of it.
    pub(crate) content: bool,
}

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Reads.
    Read,
    /// Writes.
    Write,
    /// Asks for a token.
    Token,
}

/// All of it.
pub(super) struct Traffic {
    pub(super) seen: Vec<Asked>,
    /// What was not as published, in words.
    pub(super) violations: Vec<String>,
    rules: Vec<(Rule, Fault)>,
    /// The request that ends everything, and what it meets.
    deadly: Option<(Rule, Fault)>,
    /// Nothing gets through any more.
    pub(super) dead: bool,
    random: fastrand::Rng,
}

impl Traffic {
    /// None.
    pub(super) fn new() -> Self {
        Self {
            seen: Vec::new(),
            violations: Vec::new(),
            rules: Vec::new(),
            deadly: None,
            dead: false,
            random: fastrand::Rng::with_seed(1),
        }
    }

    /// From now on requests that fit the rule meet the fault.
    pub(super) fn add(&mut self, rule: Rule, fault: Fault) {
        self.rules.push((rule, fault));
    }

    /// The first request that fits the rule meets the fault, and nothing after it gets through.
    pub(super) fn die(&mut self, rule: Rule, fault: Fault) {
        self.deadly = Some((rule, fault));
    }

    /// No faults any more.
    pub(super) fn heal(&mut self) {
        self.rules.clear();
        self.deadly = None;
        self.dead = false;
    }

    /// The fault that a request meets.
    pub(super) fn choose(
        &mut self,
        method: &str,
        target: &str,
        has: impl Fn(&str) -> bool,
    ) -> Option<Fault> {
        let random = &mut self.random;
        if self.dead {
            return Some(Fault::LoseRequest);
        }
        if let Some((rule, fault)) = &mut self.deadly
            && rule.chooses(method, target, &has, random)
        {
            self.dead = true;
            return Some(fault.clone());
        }
        self.rules.iter_mut().find_map(|(rule, fault)| {
            let chosen = rule.chooses(method, target, &has, random);
            chosen.then(|| fault.clone())
        })
    }
}
