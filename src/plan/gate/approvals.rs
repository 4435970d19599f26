//! Approvals: counted on the current head, not ours, not of whoever pushed to the branch or asked for the promotion.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Approvals, Verdict};
use crate::plan::facts::Facts;
use crate::plan::facts::pull::PullRequestFacts;

/// Whether enough of the right people approved the head of a pull request. Who asked for it and is not known by account
/// may be among those who approved: then one approval more is needed, which cannot be theirs as well.
pub fn approvals(
    rule: &Approvals,
    pull: &PullRequestFacts,
    asked_by: Option<&str>,
    facts: &Facts,
) -> Verdict {
    let counted = Counted::of(rule, pull, asked_by, facts);
    let stranger = asked_by.filter(|by| counted.may_include(by, facts));
    let needed = rule.count as usize + usize::from(stranger.is_some());
    let have = counted.people.len();
    if have >= needed {
        let names: Vec<&str> = counted.people.into_iter().collect();
        let names = match names.as_slice() {
            [] => "none needed".to_owned(),
            names => names.join(", "),
        };
        return Verdict::Open {
            why: format!("{have} of {needed} ({names})"),
        };
    }
    let mut why = format!("{have} of {needed} {}", rule.who());
    if let Some(by) = stranger {
        why.push_str(&format!(
            "; whose account {by} is who asked for it is not known, so one more is needed"
        ));
    }
    for (words, names) in [
        ("not vouched for", counted.unauthentic),
        ("without the right to write", counted.readers),
    ] {
        if !names.is_empty() {
            let names: Vec<&str> = names.into_iter().collect();
            why.push_str(&format!("; {words}: {}", names.join(", ")));
        }
    }
    // Before anybody approved, nobody asks who is in a team.
    let is_asked = pull.approvals.iter().any(|a| a.head == pull.head);
    let teams = rule.from.iter().filter(|named| named.contains('/'));
    let mut teams = teams.filter(|_| is_asked);
    if let Some(team) = teams.find(|team| !facts.teams.contains_key(*team)) {
        why.push_str(&format!(
            "; the members of {team} are not known (CannotReadTeams)"
        ));
    }
    Verdict::Waiting { why, until: None }
}

/// People who approved this very head, as far as a rule has use for them.
#[derive(Default)]
struct Counted<'p> {
    people: BTreeSet<&'p str>,
    unauthentic: BTreeSet<&'p str>,
    readers: BTreeSet<&'p str>,
}

impl<'p> Counted<'p> {
    fn of(
        rule: &Approvals,
        pull: &'p PullRequestFacts,
        asked_by: Option<&str>,
        facts: &Facts,
    ) -> Self {
        let mut counted = Self::default();
        let approvals = pull.approvals.iter().filter(|a| a.head == pull.head);
        for approval in approvals {
            let who = approval.who.as_str();
            if barred(who, pull, asked_by, facts).is_some() || !may_approve(rule, who, &facts.teams)
            {
                continue;
            }
            // Everybody may leave a review where everybody may read.
            let heap = match approval {
                a if !a.authentic => &mut counted.unauthentic,
                a if a.reader && rule.from.is_empty() => &mut counted.readers,
                _ => &mut counted.people,
            };
            heap.insert(who);
        }
        counted
    }

    /// Whether somebody known by an address alone may be one of them.
    fn may_include(&self, by: &str, facts: &Facts) -> bool {
        let known = by.starts_with('@') || facts.accounts.contains_key(&by.to_lowercase());
        !known && self.people.iter().any(|who| who.starts_with('@'))
    }
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
pub fn barred(
    who: &str,
    pull: &PullRequestFacts,
    asked_by: Option<&str>,
    facts: &Facts,
) -> Option<Barred> {
    let is_them = |other: &str| {
        let account = facts.accounts.get(&other.to_lowercase());
        same_person(other, who) || account.is_some_and(|account| same_person(account, who))
    };
    let mut pushed = pull.branch_facts.iter().flat_map(|b| &b.pushed_by);
    if pushed.any(|other| is_them(other)) {
        return Some(Barred::Pushed);
    }
    asked_by.is_some_and(is_them).then_some(Barred::Asked)
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
