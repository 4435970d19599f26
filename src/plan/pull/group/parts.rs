//! What a shared pull request should carry: what it carries and still can, newer sets in place of older ones, and what
//! becomes ready while it collects.

use std::collections::BTreeSet;

use super::super::queue::is_queued;
use super::{Group, MOST_MEMBERS};
use crate::model::SetId;
use crate::model::pipeline::Supersede;
use crate::plan::desk::Desk;
use crate::plan::facts::pull::PullRequestFacts;
use crate::plan::report::State;
use crate::plan::stage::decide::Judged;
use crate::plan::stage::set_report;

/// One promotion of a shared pull request.
#[derive(Clone)]
pub(super) struct Part {
    /// Index of the member.
    pub at: usize,
    /// The set, judged as it stands now.
    pub judged: Judged,
    /// Whether the pull request carries this very set for it already.
    pub kept: bool,
}

/// What a shared pull request should carry.
pub(super) enum Parts {
    /// These, in the order of members.
    Are(Vec<Part>),
    /// Nothing of it is of any use, and why.
    Useless(String),
    /// A set in it cannot be judged yet.
    Unknown,
}

/// What becomes of one set in it.
enum One {
    /// It is of no use any more, and why.
    Useless(String),
    /// It cannot be judged yet.
    Unknown,
    /// This.
    Is(Box<Part>),
}

impl Group<'_, '_> {
    /// What an open one should carry now. Members in `out` neither join it nor take a newer set.
    pub(super) fn parts(
        &mut self,
        pull: &PullRequestFacts,
        mine: &[usize],
        out: &BTreeSet<usize>,
        desk: &mut Desk<'_>,
    ) -> Parts {
        let approved = self.is_approved(pull, mine, desk);
        let (mut parts, mut stuck, mut useless) = (Vec::new(), Vec::new(), None);
        for at in mine.iter().copied() {
            let Some(carried) = pull.marker.carried(&self.members[at].view().key) else {
                continue;
            };
            let yields = !is_queued(pull) && !out.contains(&at) && self.yields(at, approved);
            match self.part(at, &carried.set, yields, desk) {
                One::Useless(why) => useless = Some(why),
                One::Unknown => return Parts::Unknown,
                One::Is(part) if part.kept && !self.may_stay(&part) => stuck.push(*part),
                One::Is(part) => parts.push(*part),
            }
        }
        if parts.is_empty() && stuck.is_empty() {
            let why = "no set in it is one that its stage could take";
            return Parts::Useless(
                useless
                    .filter(|_| mine.len() == 1)
                    .unwrap_or(why.to_owned()),
            );
        }
        // Where nothing else goes on, there is nobody to be held up.
        if parts.is_empty() {
            parts = stuck;
        }
        if !is_queued(pull) && self.collects_until(pull, mine, desk).is_some() {
            let environments = &self.members[parts[0].at].view().environments;
            let fits = |at: &&usize| {
                !out.contains(*at) && self.members[**at].view().environments == *environments
            };
            let joining: Vec<usize> = self.free.iter().filter(fits).copied().collect();
            let room = MOST_MEMBERS.saturating_sub(parts.len());
            parts.extend(
                joining
                    .into_iter()
                    .take(room)
                    .filter_map(|at| self.fresh(at)),
            );
        }
        parts.sort_by_key(|part| part.at);
        Parts::Are(parts)
    }

    /// What becomes of the set that it carries for one member: a newer one takes its place where it `yields`.
    fn part(&mut self, at: usize, set: &SetId, yields: bool, desk: &mut Desk<'_>) -> One {
        if let Some(why) = self.alone(at).useless(set) {
            return One::Useless(why);
        }
        let member = &mut self.members[at];
        let newer = member.decided.decision.chosen.clone();
        if let Some(newer) = newer.filter(|newer| newer.candidate.id != *set) {
            if yields {
                return One::Is(Box::new(Part {
                    at,
                    judged: newer,
                    kept: false,
                }));
            }
            let words = "an approved pull request stays; this one waits for it".to_owned();
            let set = set_report(&newer.candidate.set, None, desk);
            let passed_over = &mut member.decided.report.passed_over;
            if !passed_over.iter().any(|(_, said)| *said == words) {
                passed_over.push((set, words));
            }
        }
        let judged = member.open_judged.clone();
        match judged.filter(|judged| judged.candidate.id == *set) {
            Some(judged) => One::Is(Box::new(Part {
                at,
                judged,
                kept: true,
            })),
            None => One::Unknown,
        }
    }

    fn yields(&self, at: usize, approved: bool) -> bool {
        match self.members[at].view().supersede {
            Supersede::Always => true,
            Supersede::Never => false,
            Supersede::UntilApproved => !approved,
        }
    }

    /// What it carries, each as it is; `None` where one cannot be judged.
    pub(super) fn carried(&self, pull: &PullRequestFacts, mine: &[usize]) -> Option<Vec<Part>> {
        let parts = mine.iter().map(|at| {
            let member = &self.members[*at];
            let carried = pull.marker.carried(&member.view().key)?;
            let judged = member.open_judged.clone();
            let judged = judged.filter(|judged| judged.candidate.id == carried.set)?;
            Some(Part {
                at: *at,
                judged,
                kept: true,
            })
        });
        parts.collect()
    }

    /// Whether a set stays beside others: what is held, frozen or refused would hold them up.
    fn may_stay(&self, part: &Part) -> bool {
        let decision = &self.members[part.at].decided.decision;
        let mut blocks = decision.blocks.iter();
        let blocked = blocks.any(|block| block.state != State::Waiting);
        let mut conditions = part.judged.conditions.iter();
        let shut = conditions.any(|condition| {
            let frozen = condition.kind == "freeze" && !condition.verdict.is_open();
            frozen || condition.verdict.is_refused()
        });
        part.judged.held.is_none() && !blocked && !shut
    }
}
