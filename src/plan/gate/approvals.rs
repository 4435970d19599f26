//! Approvals: counted on the current head, not ours, not of whoever pushed to the branch or asked for the promotion.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Approvals, Verdict};
use crate::plan::facts::pull::PullRequestFacts;

/// Whether enough of the right people approved the head of a pull request.
pub fn approvals(
    rule: &Approvals,
    pull: &PullRequestFacts,
    asked_by: Option<&str>,
    teams: &BTreeMap<String, Vec<String>>,
) -> Verdict {
    let who_may = if rule.from.is_empty() {
        "anybody".to_owned()
    } else {
        rule.from.join(", ")
    };
    let unknown: Vec<&String> = rule
        .from
        .iter()
        .filter(|f| f.contains('/') && !teams.contains_key(*f))
        .collect();
    let mut counted: BTreeSet<&str> = BTreeSet::new();
    let mut unauthentic: BTreeSet<&str> = BTreeSet::new();
    for approval in pull
        .approvals
        .iter()
        .filter(|a| a.head == pull.head && barred(&a.who, pull, asked_by).is_none())
    {
        if !may_approve(rule, &approval.who, teams) {
            continue;
        }
        if approval.authentic {
            counted.insert(&approval.who)
        } else {
            unauthentic.insert(&approval.who)
        };
    }
    let have = counted.len();
    if have >= rule.count as usize {
        let names: Vec<&str> = counted.into_iter().collect();
        return Verdict::Open {
            why: format!(
                "{have} of {} ({})",
                rule.count,
                if names.is_empty() {
                    "none needed".to_owned()
                } else {
                    names.join(", ")
                }
            ),
        };
    }
    let mut why = format!("{have} of {} {who_may}", rule.count);
    if !unauthentic.is_empty() {
        let names: Vec<&str> = unauthentic.into_iter().collect();
        why.push_str(&format!("; not vouched for: {}", names.join(", ")));
    }
    if let Some(team) = unknown.first() {
        why.push_str(&format!(
            "; the members of {team} are not known (CannotReadTeams)"
        ));
    }
    Verdict::Waiting { why, until: None }
}

/// What somebody did so that their approval is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Barred {
    /// Pushed commits of their own to the branch.
    Pushed,
    /// Asked for the change.
    Asked,
}

impl Barred {
    /// What they did, in words.
    pub const fn did(self) -> &'static str {
        match self {
            Self::Pushed => "pushed to its branch",
            Self::Asked => "asked for it",
        }
    }
}

/// Whether somebody's approval is none, whatever the rules say.
pub fn barred(who: &str, pull: &PullRequestFacts, asked_by: Option<&str>) -> Option<Barred> {
    let mut pushed = pull.branch_facts.iter().flat_map(|b| &b.pushed_by);
    if pushed.any(|other| same_person(other, who)) {
        return Some(Barred::Pushed);
    }
    let asked = asked_by.is_some_and(|other| same_person(other, who));
    asked.then_some(Barred::Asked)
}

/// Whether somebody is among those a rule names: by login, by e-mail address, or as member of a team.
pub fn may_approve(rule: &Approvals, who: &str, teams: &BTreeMap<String, Vec<String>>) -> bool {
    rule.from.is_empty()
        || rule.from.iter().any(|allowed| {
            same_person(allowed, who)
                || teams
                    .get(allowed)
                    .is_some_and(|members| members.iter().any(|m| same_person(m, who)))
        })
}

fn same_person(a: &str, b: &str) -> bool {
    a.trim_start_matches('@')
        .eq_ignore_ascii_case(b.trim_start_matches('@'))
}
