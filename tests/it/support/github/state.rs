//! Everything the model knows, and what follows of itself when refs move: heads follow pushes, a deleted branch closes, a
//! base that holds a head merges.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use headwater::model::Timestamp;

use super::bare::Bare;
use super::call::Refusal;
use super::people::{Actor, People, Permission};
use super::records::{Happening, Merge, Protection, Pull, Records};
use super::view::MAIN;

/// Changes whose beginnings are kept for stale lists.
const KEPT: usize = 64;

/// Everything there is.
pub(super) struct State {
    pub(super) git: Bare,
    pub(super) people: People,
    pub(super) records: Records,
    pub(super) now: Timestamp,
    /// Whether GitHub has found out by now what merges.
    pub(super) knows_mergeability: bool,
    /// Whether a merged branch is taken away.
    pub(super) deletes_merged: bool,
    /// The default branch.
    pub(super) main: String,
    /// `owner/name`, where the repository was renamed.
    pub(super) renamed: Option<String>,
    /// Nothing can be changed any more.
    pub(super) archived: bool,
    /// Ways of merging that the repository allows.
    pub(super) methods: Vec<&'static str>,
    /// The hour of the last request of each one, and what remained in it.
    pub(super) remaining: BTreeMap<String, (i64, u64)>,
    past: VecDeque<Records>,
    ids: u64,
}

impl State {
    /// A fresh repository.
    pub(super) fn new(bare: &Path, now: Timestamp) -> Self {
        let mut state = Self {
            git: Bare::open(bare),
            people: People::new(),
            records: Records::default(),
            now,
            knows_mergeability: true,
            deletes_merged: false,
            main: MAIN.to_owned(),
            renamed: None,
            archived: false,
            methods: vec!["merge", "squash", "rebase"],
            remaining: BTreeMap::new(),
            past: VecDeque::new(),
            ids: 9_000_000,
        };
        state.look(None);
        state
    }

    /// A number that nothing else has.
    pub(super) fn id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    /// The number of the next pull request.
    pub(super) fn next_number(&self) -> u64 {
        let last = self.records.pulls.last_key_value();
        last.map_or(1, |(number, _)| number + 1)
    }

    /// Does something and, if it changed anything, remembers how things were.
    pub(super) fn change<T>(&mut self, act: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.records.clone();
        let done = act(self);
        if before != self.records {
            self.past.push_back(before);
            if self.past.len() > KEPT {
                self.past.pop_front();
            }
        }
        done
    }

    /// Reads as things were before the last so many changes.
    pub(super) fn as_before<T>(&mut self, back: usize, read: impl FnOnce(&mut Self) -> T) -> T {
        let at = self.past.len().saturating_sub(back);
        let Some(old) = self.past.get(at).cloned() else {
            return read(self);
        };
        let present = std::mem::replace(&mut self.records, old);
        let answer = read(self);
        self.records = present;
        answer
    }

    /// Looks where the branches are and draws the consequences; `pusher` moved them, as far as is known.
    pub(super) fn look(&mut self, pusher: Option<&str>) {
        self.change(|state| state.follow_refs(pusher));
    }

    /// The same within some other change.
    pub(super) fn follow_refs(&mut self, pusher: Option<&str>) {
        let refs = self.git.refs("refs/heads/").into_iter();
        let branches: BTreeMap<String, String> = refs
            .map(|(name, sha)| (name["refs/heads/".len()..].to_owned(), sha))
            .collect();
        if branches == self.records.branches {
            return;
        }
        let before = std::mem::replace(&mut self.records.branches, branches);
        let open = self.records.pulls.values().filter(|pull| pull.open);
        let open: Vec<u64> = open.map(|pull| pull.number).collect();
        for number in open {
            self.follow(number, &before, pusher);
        }
    }

    fn follow(&mut self, number: u64, before: &BTreeMap<String, String>, pusher: Option<&str>) {
        let pull = &self.records.pulls[&number];
        let head = self.records.branches.get(&pull.head).cloned();
        let base = self.records.branches.get(&pull.base).cloned();
        let Some(base) = base else {
            return self.close(number, pusher);
        };
        let base_moved = before.get(&pull.base) != Some(&base);
        let merged = [Some(&pull.head_sha), head.as_ref()]
            .into_iter()
            .flatten()
            .find(|sha| self.git.contains(&base, sha));
        if let Some(merged) = merged.filter(|_| base_moved) {
            let commit = self.git.brought_by(&base, merged);
            return self.merged(number, commit, pusher);
        }
        match head {
            None => self.close(number, pusher),
            Some(head) if self.git.contains(&base, &head) => {
                self.moved(number, &head, &base);
                self.close(number, pusher);
            }
            Some(head) if head != self.records.pulls[&number].head_sha => {
                self.moved(number, &head, &base);
            }
            Some(_) => {}
        }
    }

    fn moved(&mut self, number: u64, head: &str, base: &str) {
        let dismisses = {
            let base = &self.pull(number).base;
            self.records
                .protection
                .get(base)
                .is_some_and(|p| p.dismiss_stale)
        };
        let now = self.now;
        if !self.git.contains(head, &self.pull(number).head_sha.clone()) {
            let author = self.pull(number).author.clone();
            self.happened(number, &author, "head_ref_force_pushed", "");
        }
        self.leaves_queue(number, "head_changed");
        self.git.force(&format!("refs/pull/{number}/head"), head);
        let pull = self.pull_mut(number);
        pull.head_sha = head.to_owned();
        pull.base_sha = base.to_owned();
        pull.updated = now;
        if dismisses {
            let approvals = pull.reviews.iter_mut().filter(|r| r.state == "APPROVED");
            approvals.for_each(|review| review.state = "DISMISSED");
        }
    }

    /// Closes without merging.
    pub(super) fn close(&mut self, number: u64, by: Option<&str>) {
        let now = self.now;
        self.leaves_queue(number, "closed");
        let pull = self.pull_mut(number);
        pull.open = false;
        pull.closed = Some(now);
        pull.closed_by = by.map(str::to_owned);
        pull.updated = now;
    }

    /// Writes down that something happened to a pull request.
    pub(super) fn happened(&mut self, number: u64, actor: &str, event: &'static str, about: &str) {
        let happening = Happening {
            id: self.id(),
            actor: actor.to_owned(),
            event,
            about: about.to_owned(),
            at: self.now,
        };
        self.pull_mut(number).events.push(happening);
    }

    /// Asks people and teams for reviews; those who are asked already are asked no second time.
    pub(super) fn asked(
        &mut self,
        number: u64,
        actor: &str,
        users: Vec<String>,
        teams: Vec<String>,
    ) {
        let now = self.now;
        self.pull_mut(number).updated = now;
        for login in users {
            if !self.pull(number).reviewers.contains(&login) {
                self.happened(number, actor, "review_requested", &login);
                self.pull_mut(number).reviewers.push(login);
            }
        }
        for slug in teams {
            if !self.pull(number).teams.contains(&slug) {
                let about = format!("team/{slug}");
                self.happened(number, actor, "review_requested", &about);
                self.pull_mut(number).teams.push(slug);
            }
        }
    }

    /// Marks as merged by a commit on the base.
    pub(super) fn merged(&mut self, number: u64, commit: String, by: Option<&str>) {
        self.close(number, by);
        let at = self.now;
        let by = by.map(str::to_owned);
        self.pull_mut(number).merged = Some(Merge { commit, by, at });
    }

    /// A pull request that is there.
    pub(super) fn pull(&self, number: u64) -> &Pull {
        &self.records.pulls[&number]
    }

    /// The same, to change it.
    pub(super) fn pull_mut(&mut self, number: u64) -> &mut Pull {
        self.records.pulls.get_mut(&number).unwrap()
    }

    /// What a branch demands.
    pub(super) fn protection(&self, branch: &str) -> Option<&Protection> {
        self.records.protection.get(branch)
    }

    /// Whether somebody may move a branch: one that demands pull requests or checks is moved by nothing else.
    pub(super) fn may_move(&self, actor: &Actor, branch: &str) -> Result<(), Refusal> {
        let Some(protection) = self.protection(branch) else {
            return Ok(());
        };
        let admin = self.people.permission(actor) == Permission::Admin;
        if admin && !protection.enforce_admins {
            return Ok(());
        }
        let message = match (protection.approvals, protection.checks.as_slice()) {
            (Some(_), _) => "Changes must be made through a pull request.".to_owned(),
            (None, []) => return Ok(()),
            (None, [only]) => format!("Required status check \"{only}\" is expected."),
            (None, all) => {
                let n = all.len();
                format!("{n} of {n} required status checks are expected.")
            }
        };
        Err(Refusal::unprocessable(&message))
    }

    /// How a check of this name stands at a commit: its last run or status; `None` if it never reported.
    pub(super) fn check(&self, sha: &str, name: &str) -> Option<&str> {
        let runs = self.records.runs.iter();
        let run = runs.rev().find(|run| run.sha == sha && run.name == name);
        let statuses = self.records.statuses.iter();
        let status = statuses.rev().find(|s| s.sha == sha && s.context == name);
        match (run, status) {
            (Some(run), _) => Some(match run.conclusion.as_deref() {
                Some("success" | "neutral" | "skipped") => "success",
                Some(_) => "failure",
                None => "pending",
            }),
            (None, Some(status)) => Some(&status.state),
            (None, None) => None,
        }
    }
}
