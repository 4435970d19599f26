//! Pull requests in memory: branches of one commit, approvals, and what the forge tells of them.

use std::collections::{BTreeMap, BTreeSet};

use headwater::model::{CommitId, RepoPath, SetId, StageKey, Timestamp};
use headwater::plan::effect::{CommitContent, PullRequestText};
use headwater::plan::facts::marker::Marker;
use headwater::plan::facts::pull::{
    ApprovalFacts, BranchFacts, PullRequestFacts, PullState, ReviewFacts,
};

use super::line::{Line, Tree, US, laid_over, name};

/// A branch of ours.
#[derive(Debug, Clone)]
pub(super) struct Branch {
    pub(super) head: CommitId,
    /// The commit of the base it starts from.
    pub(super) start: CommitId,
    pub(super) commit: CommitContent,
    /// Who else pushed to it.
    pub(super) pushed_by: Option<&'static str>,
}

/// A pull request.
#[derive(Debug, Clone)]
pub(super) struct Pull {
    pub(super) branch: String,
    pub(super) state: PullState,
    pub(super) text: PullRequestText,
    /// Approvals: who, and of which head.
    pub(super) approvals: Vec<(&'static str, CommitId)>,
    pub(super) closed_by: Option<&'static str>,
    pub(super) merged_as: Option<CommitId>,
    pub(super) unrecorded: bool,
    pub(super) opened_at: Timestamp,
}

impl Pull {
    /// The stage and the set it is for.
    pub(super) fn subject(&self) -> (StageKey, SetId) {
        let mut carried = self.text.marker.promotions().into_iter();
        let carried = carried.next().expect("only promotions are opened here");
        (carried.stage, carried.set)
    }
}

/// The forge: pull requests by number from 1, branches by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Forge {
    pub(super) pulls: Vec<Pull>,
    pub(super) branches: BTreeMap<String, Branch>,
    pub(super) away: bool,
}

/// The number of a pull request as it is called.
pub(super) fn id_of(index: usize) -> String {
    format!("{:03}", index + 1)
}

fn index_of(id: &str) -> usize {
    id.parse::<usize>().unwrap() - 1
}

/// A commit of ours on a commit of the base, as a branch.
pub(super) fn branch(
    line: &Line,
    start: &CommitId,
    commit: &CommitContent,
    time: Timestamp,
) -> Branch {
    let from = line.commits.iter().rfind(|c| c.id == *start);
    let tree = laid_over(&from.expect("it starts from the base").tree, &commit.files);
    Branch {
        head: name(start.as_str(), &commit.message, US, time, &tree),
        start: start.clone(),
        commit: commit.clone(),
        pushed_by: None,
    }
}

impl Forge {
    pub(super) fn pull(&mut self, id: &str) -> &mut Pull {
        &mut self.pulls[index_of(id)]
    }

    pub(super) fn branch_of(&self, index: usize) -> &Branch {
        &self.branches[&self.pulls[index].branch]
    }

    /// Pull requests in a state.
    pub(super) fn of(&self, state: PullState) -> Vec<usize> {
        let all = self.pulls.iter().enumerate();
        all.filter(|(_, p)| p.state == state)
            .map(|(i, _)| i)
            .collect()
    }

    /// Opens a pull request, unless there is one for the branch.
    pub(super) fn open(&mut self, branch: &str, text: &PullRequestText, time: Timestamp) {
        if self.pulls.iter().any(|pull| pull.branch == branch) {
            return;
        }
        self.pulls.push(Pull {
            branch: branch.to_owned(),
            state: PullState::Open,
            text: text.clone(),
            approvals: Vec::new(),
            closed_by: None,
            merged_as: None,
            unrecorded: false,
            opened_at: time,
        });
    }

    /// The base with the change of an open pull request; `None` where they conflict: the base changed one of its files.
    pub(super) fn merged(&self, index: usize, line: &Line) -> Option<Tree> {
        let branch = self.branch_of(index);
        let start = line.commits.iter().rfind(|c| c.id == branch.start)?;
        let head = &line.head().tree;
        let blob = |tree: &Tree, path: &RepoPath| tree.get(path).map(|f| f.blob.clone());
        let new = laid_over(head, &branch.commit.files);
        let paths = branch.commit.files.keys();
        for path in paths {
            let changed = blob(head, path) != blob(&start.tree, path);
            if changed && blob(head, path) != blob(&new, path) {
                return None;
            }
        }
        Some(new)
    }

    /// What the forge tells of all of them.
    pub(super) fn facts(&self, line: &Line, now: Timestamp) -> Vec<PullRequestFacts> {
        let all = 0..self.pulls.len();
        all.map(|index| self.facts_of(index, line, now)).collect()
    }

    fn facts_of(&self, index: usize, line: &Line, now: Timestamp) -> PullRequestFacts {
        let pull = &self.pulls[index];
        let branch = self.branch_of(index);
        let open = pull.state == PullState::Open;
        let marker = Marker::find(&pull.text.body);
        PullRequestFacts {
            id: id_of(index),
            branch: pull.branch.clone(),
            state: pull.state,
            marker: marker.expect("its first line is the marker"),
            unmarked: false,
            title: pull.text.title.clone(),
            body: pull.text.body.clone(),
            labels: pull.text.labels.clone(),
            head: branch.head.clone(),
            closed_by: pull.closed_by.map(str::to_owned),
            closed_why: None,
            merged_as: pull.merged_as.clone(),
            unrecorded: pull.unrecorded,
            statuses: None,
            approvals: approvals(pull, now),
            queue: None,
            past: None,
            opened_at: Some(pull.opened_at),
            branch_facts: open.then(|| self.branch_facts(index, line)),
        }
    }

    fn branch_facts(&self, index: usize, line: &Line) -> BranchFacts {
        let branch = self.branch_of(index);
        let start = line.commits.iter().rfind(|c| c.id == branch.start).unwrap();
        let changes = |from: &Tree, to: &Tree| {
            let paths: BTreeSet<&RepoPath> = branch.commit.files.keys().collect();
            let blob = |tree: &Tree, path: &RepoPath| tree.get(path).map(|f| f.blob.clone());
            let pairs = paths.into_iter().map(|p| (p, blob(from, p), blob(to, p)));
            let pairs = pairs.filter(|(_, from, to)| from != to);
            pairs
                .map(|(p, _, to)| (p.clone(), to))
                .collect::<BTreeMap<_, _>>()
        };
        let tip = laid_over(&start.tree, &branch.commit.files);
        let merged = self.merged(index, line);
        BranchFacts {
            head: branch.head.clone(),
            merge_base: branch.start.clone(),
            foreign: branch
                .pushed_by
                .map(|who| format!("a commit by {who} is not ours")),
            pushed_by: branch.pushed_by.into_iter().map(str::to_owned).collect(),
            changed: changes(&start.tree, &tip),
            merged: merged.map(|tree| changes(&line.head().tree, &tree)),
        }
    }

    /// Who approved a merged one, and who pushed to it.
    pub(super) fn review(&self, id: &str, now: Timestamp) -> ReviewFacts {
        let index = index_of(id);
        let pushed = self.branch_of(index).pushed_by;
        ReviewFacts {
            approvals: approvals(&self.pulls[index], now),
            pushed_by: Some(pushed.into_iter().map(str::to_owned).collect()),
        }
    }

    /// Branches that no pull request was opened for.
    pub(super) fn orphans(&self) -> BTreeMap<String, CommitId> {
        let used: BTreeSet<&String> = self.pulls.iter().map(|p| &p.branch).collect();
        let free = self
            .branches
            .iter()
            .filter(|(name, _)| !used.contains(name));
        free.map(|(name, b)| (name.clone(), b.head.clone()))
            .collect()
    }
}

fn approvals(pull: &Pull, now: Timestamp) -> Vec<ApprovalFacts> {
    let all = pull.approvals.iter().map(|(who, head)| ApprovalFacts {
        who: (*who).to_owned(),
        head: head.clone(),
        at: now,
        authentic: true,
        reader: false,
    });
    all.collect()
}
