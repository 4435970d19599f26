//! The life of a promotion's pull request: opened once, moved in place, left alone when good, merged, closed when useless.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::environment::Merger;
use crate::model::pipeline::Supersede;
use crate::model::{BlobId, CommitId, RepoPath, SetId};
use crate::plan::change::files::Files;
use crate::plan::desk::Desk;
use crate::plan::facts::pull::{PullRequestFacts, PullState};
use crate::plan::gate::{Vouched, approvals, approved};
use crate::plan::guard;
use crate::plan::report::Condition;
use crate::plan::road::StageView;

/// A name for a new branch, and the head it must have if it exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBranch {
    /// The name.
    pub name: String,
    /// The head of ours that an earlier pass left there without a pull request.
    pub expect: Option<CommitId>,
}

/// The smallest unused name of a branch: `stem`, `stem-2`, `stem-3`, ... Never one that a branch or a pull request has
/// used, open or not, except for a branch of ours that no pull request was opened for yet.
pub fn next_branch(stem: &str, desk: &Desk<'_>) -> NewBranch {
    let facts = &desk.obs.facts;
    let pulls = facts.pulls.iter().flatten().map(|p| p.branch.as_str());
    let pulls: BTreeSet<&str> = pulls.collect();
    let names = std::iter::once(stem.to_owned()).chain((2..).map(|n| format!("{stem}-{n}")));
    let free = |name: String| {
        let expect = facts.orphans.get(&name).cloned();
        let taken = facts.branches.contains_key(&name) && expect.is_none();
        let free = !taken && !pulls.contains(name.as_str());
        free.then_some(NewBranch { name, expect })
    };
    names.into_iter().find_map(free).unwrap_or(NewBranch {
        name: stem.to_owned(),
        expect: None,
    })
}

/// The open pull request of a stage, if there is one (the lowest id, should there be several).
pub fn open_of<'d>(view: &StageView<'_>, desk: &Desk<'d>) -> Option<(SetId, &'d PullRequestFacts)> {
    crate::plan::road::candidates::pulls_of(view, desk)
        .filter(|(_, p)| p.state == PullState::Open)
        .min_by(|a, b| a.1.id.cmp(&b.1.id))
}

/// Approval conditions of a stage for an open pull request, or for one still to be opened.
pub fn approval_conditions(
    view: &StageView<'_>,
    pull: Option<&PullRequestFacts>,
    vouched: Option<&Vouched>,
    asked_by: Option<&str>,
    desk: &Desk<'_>,
) -> Vec<Condition> {
    let approvals = view.approvals.iter();
    let conditions = approvals.filter(|r| r.rule.count > 0).map(|ruled| {
        let rule = &ruled.rule;
        Condition {
            name: format!("approval by {} of {}", rule.count, rule.who()),
            kind: "approvals".to_owned(),
            verdict: approved(rule, pull, vouched, asked_by, &desk.obs.facts),
            set_by: Some(ruled.set_by.clone()),
        }
    });
    let mut conditions: Vec<Condition> = conditions.collect();
    guard::tell(&mut conditions, &view.environments, desk.guards());
    conditions
}

/// Whether anybody who counts has approved the present head.
pub fn is_approved_by_anybody(
    view: &StageView<'_>,
    pull: &PullRequestFacts,
    asked_by: Option<&str>,
    desk: &Desk<'_>,
) -> bool {
    let one = crate::model::Approvals {
        count: 1,
        from: Vec::new(),
    };
    let facts = &desk.obs.facts;
    let any = view
        .approvals
        .iter()
        .map(|r| crate::model::Approvals {
            count: 1,
            from: r.rule.from.clone(),
        })
        .chain(
            // Where no rule names anybody, any approval shows that somebody looked at it.
            view.approvals.is_empty().then_some(one),
        );
    any.into_iter()
        .any(|rule| approvals(&rule, pull, asked_by, facts).is_open())
}

/// Whether a newer set may take an open pull request over.
pub fn may_supersede(
    view: &StageView<'_>,
    pull: &PullRequestFacts,
    asked_by: Option<&str>,
    desk: &Desk<'_>,
) -> bool {
    match view.supersede {
        Supersede::Always => true,
        Supersede::Never => false,
        Supersede::UntilApproved => !is_approved_by_anybody(view, pull, asked_by, desk),
    }
}

/// Whether we merge it ourselves.
pub fn bot_merges(view: &StageView<'_>) -> bool {
    view.merger == Merger::Bot
}

/// Whether base and branch, merged in memory, are the base plus our change set and nothing else.
pub fn still_merges(pull: &PullRequestFacts, wished: &Files) -> bool {
    let Some(merged) = pull.branch_facts.as_ref().and_then(|b| b.merged.as_ref()) else {
        return false;
    };
    let wished: BTreeMap<&RepoPath, Option<BlobId>> = wished
        .iter()
        .map(|(path, text)| (path, text.as_ref().map(|t| BlobId::of(t.as_bytes()))))
        .collect();
    merged.len() == wished.len()
        && merged
            .iter()
            .all(|(path, blob)| wished.get(path) == Some(blob))
}

/// Files of the branch other than stream files, as it holds them: outputs keep the templates they were rendered with.
pub fn outputs_on_branch(
    pull: &PullRequestFacts,
    streams: &BTreeSet<RepoPath>,
    desk: &mut Desk<'_>,
) -> Option<Files> {
    let mut files = Files::new();
    let mut asking = false;
    for (path, blob) in &pull.branch_facts.as_ref()?.changed {
        if streams.contains(path) {
            continue;
        }
        match blob {
            None => {
                files.insert(path.clone(), None);
            }
            Some(blob) => match desk.text(blob) {
                None => asking = true,
                Some(text) => {
                    files.insert(path.clone(), Some(text?.to_string()));
                }
            },
        }
    }
    (!asking).then_some(files)
}
