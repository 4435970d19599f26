//! `approvedBy`: approvals of the pull request by which another stage took the very same set count here as well, so that a
//! wave is reviewed once. Each rule of this stage judges them anew.

use std::collections::{BTreeMap, BTreeSet};

use super::approvals::approvals;
use crate::model::{Approvals, Name, SetId, Verdict};
use crate::plan::desk::{Desk, Known};
use crate::plan::facts::Facts;
use crate::plan::facts::pull::{PullRequestFacts, PullState};
use crate::plan::question::Reviewed;
use crate::plan::road::StageView;
use crate::plan::road::candidates::pulls_of;

/// Who approved a set in another stage.
#[derive(Debug, Clone)]
pub struct Vouched {
    stage: Name,
    /// The merged pull request with those who approved it, or why they do not count.
    pull: Result<PullRequestFacts, String>,
    /// Who asked for it there.
    asked_by: Option<String>,
}

/// Who approved this set in the stage that `approvedBy` names; `None` where it names none, or none merged it there. What was
/// taken back there is approved no more.
pub fn vouched(
    view: &StageView<'_>,
    road: &BTreeMap<Name, &StageView<'_>>,
    id: &SetId,
    desk: &mut Desk<'_>,
) -> Option<Box<Vouched>> {
    let stage = view.stage.approved_by.as_ref()?;
    if view.approvals.iter().all(|ruled| ruled.rule.count == 0) {
        return None;
    }
    let other = road.get(stage)?;
    let stay = other.timeline.latest(id).filter(|stay| !stay.left_back)?;
    let asked_by = stay.record.as_ref().and_then(|r| r.asked_by.clone());
    let pull = merged(other, id, desk)?;
    let rules: Vec<&Approvals> = view.approvals.iter().map(|ruled| &ruled.rule).collect();
    let asked_here = crate::plan::stage::request::request(view, desk);
    let asked_here = asked_here.ok().flatten().map(|request| request.by);
    let people = asked_by.iter().cloned().chain(asked_here).collect();
    let found = reviewed(pull, &rules, people, desk)?;
    Some(Box::new(Vouched {
        stage: stage.clone(),
        pull: found,
        asked_by,
    }))
}

/// A merged pull request with those who approved it, or why that does not count; `None` while nobody was asked. `people` are
/// those whose approvals would be none.
pub fn reviewed(
    pull: &PullRequestFacts,
    rules: &[&Approvals],
    people: BTreeSet<String>,
    desk: &mut Desk<'_>,
) -> Option<Result<PullRequestFacts, String>> {
    let named = rules.iter().flat_map(|rule| &rule.from);
    let question = Reviewed {
        pull: pull.id.clone(),
        teams: named.filter(|who| who.contains('/')).cloned().collect(),
        people,
    };
    Some(match desk.reviewed(&question) {
        Known::NotYet => return None,
        Known::Failed(failure) => Err(failure.message),
        Known::Yes(found) => match found.pushed_by.as_ref().map(BTreeSet::first) {
            None => Err(format!(
                "the head of pull request {} is gone, so nobody can tell who pushed to it",
                pull.id
            )),
            // What they approved was not ours alone.
            Some(Some(who)) => Err(format!("{who} pushed to pull request {}", pull.id)),
            Some(None) => Ok(PullRequestFacts {
                approvals: found.approvals.clone(),
                branch_facts: None,
                ..pull.clone()
            }),
        },
    })
}

/// The pull request by which a stage took a set last, if its merge is on the base.
pub fn merged<'d>(
    stage: &StageView<'_>,
    id: &SetId,
    desk: &Desk<'d>,
) -> Option<&'d PullRequestFacts> {
    let history = &desk.obs.history;
    let merged =
        pulls_of(stage, desk).filter(|(set, pull)| set == id && pull.state == PullState::Merged);
    let merged = merged.filter_map(|(_, pull)| {
        let commit = pull.merged_as.as_ref()?;
        Some((history.position(commit)?, pull))
    });
    merged.max_by_key(|(at, _)| *at).map(|(_, pull)| pull)
}

/// Whether a rule is satisfied by those who approved here, or by those who approved the same set where `approvedBy` says.
pub fn approved(
    rule: &Approvals,
    pull: Option<&PullRequestFacts>,
    vouched: Option<&Vouched>,
    asked_by: Option<&str>,
    facts: &Facts,
) -> Verdict {
    let here = match pull {
        Some(pull) => approvals(rule, pull, asked_by, facts),
        None => Verdict::Waiting {
            why: format!("0 of {} {}", rule.count, rule.who()),
            until: None,
        },
    };
    let Some(vouched) = vouched.filter(|_| !here.is_open()) else {
        return here;
    };
    let stage = &vouched.stage;
    let pull = match &vouched.pull {
        Ok(pull) => pull,
        Err(why) => {
            return Verdict::Waiting {
                why: format!(
                    "{}; what was approved in {stage} does not count: {why}",
                    here.why()
                ),
                until: None,
            };
        }
    };
    let there = approvals(rule, pull, asked_by, facts);
    let as_there = approvals(rule, pull, vouched.asked_by.as_deref(), facts);
    let shut = [&there, &as_there].into_iter().find(|v| !v.is_open());
    match shut {
        Some(shut) => Verdict::Waiting {
            why: format!("{}; in {stage}: {}", here.why(), shut.why()),
            until: None,
        },
        None => Verdict::Open {
            why: format!("{} in {stage} (pull request {})", there.why(), pull.id),
        },
    }
}
