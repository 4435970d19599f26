//! The merge queue of a base: who is in it, the groups that are built, and what comes of them. A group is a branch
//! `gh-readonly-queue/BASE/pr-NUMBER-SHA` with one commit more than the group before it.

use super::GitHub;
use super::call::Refusal;
use super::merging::{Asked, Mergeable, mergeable};
use super::people::Permission;
use super::records::{Group, Queued};
use super::state::State;

/// Who takes pull requests out of the queue.
const QUEUE: &str = "github-merge-queue[bot]";

impl State {
    /// Whether a ruleset demands that a branch is merged into by its queue.
    pub(super) fn has_queue(&self, branch: &str) -> bool {
        let mut rules = self.records.rules.iter();
        rules.any(|(of, kind)| of == branch && *kind == "merge_queue")
    }

    /// Where a pull request is in the queue, counted from 1.
    pub(super) fn position(&self, number: u64) -> Option<usize> {
        let at = self.records.queue.iter().position(|q| q.number == number);
        at.map(|at| at + 1)
    }

    /// Adds a pull request that could be merged now.
    pub(super) fn enqueue(
        &mut self,
        number: u64,
        expected: Option<&str>,
        by: &str,
    ) -> Result<(), String> {
        let pull = self.pull(number).clone();
        if !self.has_queue(&pull.base) {
            return Err("Pull request's base branch has no merge queue".to_owned());
        }
        if expected.is_some_and(|sha| sha != pull.head_sha) {
            return Err("Head branch was modified. Review and try the merge again.".to_owned());
        }
        if self.position(number).is_some() {
            return Err("Pull request is already in the queue".to_owned());
        }
        match mergeable(self, &pull) {
            Mergeable::Blocked(missing) => return Err(format!("Pull request {missing}")),
            Mergeable::Unknown | Mergeable::Dirty | Mergeable::Draft => {
                return Err("Pull request is not mergeable".to_owned());
            }
            Mergeable::Behind | Mergeable::Unstable | Mergeable::Clean => {}
        }
        let at = self.now;
        let by = by.to_owned();
        self.happened(number, &by, "added_to_merge_queue", "");
        self.pull_mut(number).updated = at;
        self.records.queue.push(Queued {
            number,
            by,
            at,
            group: None,
        });
        Ok(())
    }

    /// Takes a pull request out of the queue, if it is in it. Groups that were built on its own are built anew.
    pub(super) fn leaves_queue(&mut self, number: u64, reason: &str) {
        let Some(at) = self.position(number) else {
            return;
        };
        for behind in self.records.queue.iter_mut().skip(at - 1) {
            if let Some(group) = behind.group.take() {
                let name = format!("refs/heads/{}", group.branch);
                self.git.set(&name, Some(&group.head), None);
                if behind.number == number {
                    behind.group = Some(group);
                }
            }
        }
        let gone = self.records.queue.remove(at - 1);
        let head = gone.group.map_or_else(String::new, |group| group.head);
        let about = format!("{reason} {head}");
        self.happened(number, QUEUE, "removed_from_merge_queue", &about);
        let now = self.now;
        self.pull_mut(number).updated = now;
    }

    /// Builds the groups that are lacking, each on the one before; what conflicts is thrown out.
    fn build(&mut self) {
        let numbers: Vec<u64> = self.records.queue.iter().map(|q| q.number).collect();
        for number in numbers {
            let Some(at) = self.position(number).map(|at| at - 1) else {
                continue;
            };
            if self.records.queue[at].group.is_some() {
                continue;
            }
            let pull = self.pull(number).clone();
            let before = at.checked_sub(1);
            let before = before.and_then(|at| self.records.queue[at].group.clone());
            let main = self.git.branch(&pull.base).unwrap();
            let base = before.map_or(main, |group| group.head);
            if self.git.merged_tree(&base, &pull.head_sha).is_none() {
                self.leaves_queue(number, "merge_conflict");
                continue;
            }
            let by = self.records.queue[at].by.clone();
            let asked = Asked {
                method: "squash",
                sha: None,
                title: None,
                message: None,
                by: &by,
            };
            let head = self.made(&pull, &base, &asked).unwrap();
            let branch = format!("gh-readonly-queue/{}/pr-{number}-{base}", pull.base);
            self.git.force(&format!("refs/heads/{branch}"), &head);
            self.records.queue[at].group = Some(Group { branch, base, head });
        }
        self.follow_refs(None);
    }

    /// Merges the groups at the head of the queue that have passed what the base demands, and throws out what has failed.
    fn run(&mut self) {
        while let Some(first) = self.records.queue.first().cloned() {
            let Some(group) = first.group else {
                return;
            };
            let base = self.pull(first.number).base.clone();
            let main = self.git.branch(&base).unwrap();
            if group.base != main {
                // The base went on without the queue: everything is built anew.
                for queued in &mut self.records.queue {
                    if let Some(group) = queued.group.take() {
                        let name = format!("refs/heads/{}", group.branch);
                        self.git.set(&name, Some(&group.head), None);
                    }
                }
                return self.build();
            }
            let checks = self.protection(&base).map(|p| p.checks.clone());
            let checks = checks.unwrap_or_default();
            let standing = |name: &String| self.check(&group.head, name).map(str::to_owned);
            let states: Vec<Option<String>> = checks.iter().map(standing).collect();
            if states
                .iter()
                .flatten()
                .any(|s| s == "failure" || s == "error")
            {
                self.leaves_queue(first.number, "failed_checks");
                self.build();
                continue;
            }
            if states
                .iter()
                .any(|state| state.as_deref() != Some("success"))
            {
                return;
            }
            // What is built on it stays.
            self.records.queue.remove(0);
            let name = format!("refs/heads/{}", group.branch);
            self.git.set(&name, Some(&group.head), None);
            let about = format!("merge {}", group.head);
            self.happened(first.number, QUEUE, "removed_from_merge_queue", &about);
            let (base, head) = (format!("refs/heads/{base}"), group.head);
            self.git.set(&base, Some(&main), Some(&head));
            self.merged(first.number, head, Some(&first.by));
            self.follow_refs(Some(QUEUE));
        }
    }

    /// Whether somebody may add a pull request.
    pub(super) fn may_enqueue(&self, actor: &super::people::Actor) -> Result<(), Refusal> {
        let granted = |area: &str| self.people.grants.get(area).map(String::as_str);
        let may = match actor {
            super::people::Actor::Installation => {
                granted("contents") == Some("write") && granted("pull_requests") == Some("write")
            }
            _ => self.people.permission(actor) >= Permission::Write,
        };
        match may {
            true => Ok(()),
            false => Err(Refusal::new(403, "Resource not accessible by integration")),
        }
    }
}

impl GitHub {
    /// Somebody presses "Merge when ready".
    pub(crate) fn enqueue(&self, number: u64, login: &str) {
        let mut state = self.state();
        state.look(None);
        let added = state.change(|state| state.enqueue(number, None, login));
        added.unwrap_or_else(|why| panic!("{login}: {number}: {why}"));
    }

    /// Somebody takes a pull request out of the queue.
    pub(crate) fn dequeue(&self, number: u64) {
        let mut state = self.state();
        state.change(|state| state.leaves_queue(number, "manual"));
    }

    /// The queue builds its groups; those of the pull requests in it, in order.
    pub(crate) fn build_groups(&self) -> Vec<(u64, Group)> {
        let mut state = self.state();
        state.look(None);
        state.change(State::build);
        let queue = state.records.queue.iter();
        queue
            .filter_map(|queued| Some((queued.number, queued.group.clone()?)))
            .collect()
    }

    /// The queue looks what its checks have come to.
    pub(crate) fn run_queue(&self) {
        let mut state = self.state();
        state.look(None);
        state.change(State::run);
    }
}
