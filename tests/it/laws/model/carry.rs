//! Carrying plans out in memory: every effect by compare-and-swap, cut off anywhere.

use headwater::model::CommitId;
use headwater::plan::facts::pull::PullState;
use headwater::plan::{Effect, Plan};

use super::book::{Book, Kept, kept};
use super::line::Hand;
use super::pulls::{Branch, branch};
use super::world::World;

/// How carrying out ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// All is done.
    Done,
    /// Somebody was faster.
    Lost,
    /// It was cut off.
    Killed,
}

/// How many writes may yet be made.
pub(super) struct Fuse(pub(super) usize);

impl Fuse {
    fn burns(&mut self) -> bool {
        let burnt = self.0 == 0;
        self.0 = self.0.saturating_sub(1);
        burnt
    }
}

macro_rules! unless_killed {
    ($fuse:expr) => {
        if $fuse.burns() {
            return Ok(Ended::Killed);
        }
    };
}

impl World {
    /// Carries a plan out as far as the fuse lets.
    pub(super) fn carry(&mut self, plan: &Plan, book: &Book, mut fuse: Fuse) -> Kept<Ended> {
        kept(plan.now == self.now, || {
            "a plan bears another time".to_owned()
        })?;
        for effect in &plan.effects {
            let ended = self.one(effect, plan, book, &mut fuse)?;
            if ended != Ended::Done {
                return Ok(ended);
            }
        }
        Ok(Ended::Done)
    }

    fn one(&mut self, effect: &Effect, plan: &Plan, book: &Book, fuse: &mut Fuse) -> Kept<Ended> {
        let now = self.now;
        match effect {
            Effect::PushBase { expect, commit, .. } => {
                kept(*expect == plan.base, || {
                    "a push names another base than its plan".to_owned()
                })?;
                unless_killed!(fuse);
                if self.line.head().id != *expect {
                    return Ok(Ended::Lost);
                }
                self.line.commit(Hand::Us, commit, now);
            }
            Effect::OpenPullRequest { .. } => return self.opens(effect, plan, book, fuse),
            Effect::UpdatePullRequest { .. } => return self.updates(effect, plan, book, fuse),
            Effect::MergePullRequest { .. } => return self.lands(effect, fuse),
            Effect::RecordMerge { id } => {
                unless_killed!(fuse);
                self.forge.pull(id).unrecorded = false;
            }
            Effect::ClosePullRequest { id, text, .. } => {
                unless_killed!(fuse);
                let pull = self.forge.pull(id);
                if pull.state != PullState::Open {
                    return Ok(Ended::Lost);
                }
                kept(text.marker.superseded, || {
                    format!("pull request {id} is closed as if by a person")
                })?;
                pull.state = PullState::Closed;
                pull.text = text.clone();
            }
            other => return Err(format!("nobody asked for {other:?}")),
        }
        Ok(Ended::Done)
    }

    fn opens(&mut self, effect: &Effect, plan: &Plan, book: &Book, fuse: &mut Fuse) -> Kept<Ended> {
        let Effect::OpenPullRequest {
            branch: name,
            expect,
            start,
            commit,
            text,
        } = effect
        else {
            return Ok(Ended::Done);
        };
        let now = self.now;

        unless_killed!(fuse);
        let new = branch(&self.line, start, commit, now);
        if !self.put(name, expect.as_ref(), new) {
            return Ok(Ended::Lost);
        }
        unless_killed!(fuse);
        if self.forge.pulls.iter().all(|pull| pull.branch != *name) {
            book.may_open(text, plan, self)?;
        }
        self.forge.open(name, text, now);

        Ok(Ended::Done)
    }

    fn updates(
        &mut self,
        effect: &Effect,
        plan: &Plan,
        book: &Book,
        fuse: &mut Fuse,
    ) -> Kept<Ended> {
        let Effect::UpdatePullRequest {
            id,
            branch: name,
            expect,
            rebuild,
            text,
        } = effect
        else {
            return Ok(Ended::Done);
        };
        let now = self.now;

        if let Some(rebuild) = rebuild {
            unless_killed!(fuse);
            let new = branch(&self.line, &rebuild.start, &rebuild.commit, now);
            if self.forge.branches[name].head == *expect {
                book.may_rebuild(id, text.as_ref(), plan, self)?;
            }
            if !self.put(name, Some(expect), new) {
                return Ok(Ended::Lost);
            }
        }
        if let Some(text) = text {
            unless_killed!(fuse);
            self.forge.pull(id).text = text.clone();
        }

        Ok(Ended::Done)
    }

    fn lands(&mut self, effect: &Effect, fuse: &mut Fuse) -> Kept<Ended> {
        let Effect::MergePullRequest {
            id,
            branch: name,
            head,
            expect_base,
            message,
        } = effect
        else {
            return Ok(Ended::Done);
        };
        let now = self.now;

        unless_killed!(fuse);
        let index = self
            .forge
            .pulls
            .iter()
            .position(|p| p.branch == *name)
            .unwrap();
        let moved = self.forge.branches[name].head != *head || self.line.head().id != *expect_base;
        if moved || self.forge.pulls[index].state != PullState::Open {
            return Ok(Ended::Lost);
        }
        let merged = self.forge.merged(index, &self.line);
        kept(merged.is_some(), || {
            format!("pull request {id} is merged though it conflicts")
        })?;
        let commit = self
            .line
            .push(Hand::Bot(index), message, now, merged.unwrap());
        let recorded = !fuse.burns();
        let pull = &mut self.forge.pulls[index];
        pull.state = PullState::Merged;
        pull.merged_as = Some(commit);
        pull.unrecorded = !recorded;
        if !recorded {
            return Ok(Ended::Killed);
        }

        Ok(Ended::Done)
    }

    /// Puts a branch to a new head; finding it there already is as good.
    fn put(&mut self, name: &str, expect: Option<&CommitId>, new: Branch) -> bool {
        let found = self.forge.branches.get(name).map(|b| &b.head);
        if found != expect && found != Some(&new.head) {
            return false;
        }
        self.forge.branches.insert(name.to_owned(), new);
        true
    }

    /// The world as far as others see it, for comparing two of them.
    pub(super) fn seen(&self) -> String {
        let mut text = format!("base {}\n", self.line.head().id);
        for pull in &self.forge.pulls {
            let head = &self.forge.branches[&pull.branch].head;
            text += &format!(
                "{} {:?} {head} {}\n",
                pull.branch, pull.state, pull.text.body
            );
        }
        text
    }

    /// What it came to, whatever way it went: where tags point, other files, and what pull requests are for.
    pub(super) fn outcome(&self, book: &mut Book) -> String {
        let mut text = String::new();
        let tree = &self.line.head().tree;
        for at in book.pages.keys().copied().collect::<Vec<_>>() {
            text += &format!("{} = {:?}\n", book.words(at), book.set_in(tree, at));
        }
        let others = tree
            .iter()
            .filter(|(path, _)| !path.as_str().ends_with("imagestream.yaml"));
        for (path, file) in others {
            text += &format!("{path} {}\n", file.blob);
        }
        let pulls = self.forge.pulls.iter().map(|pull| {
            let (stage, set) = pull.subject();
            format!("pull request {stage} {} {:?}\n", set.short(), pull.state)
        });
        // Whichever of them was opened first.
        let mut pulls: Vec<String> = pulls.collect();
        pulls.sort();
        text + &pulls.concat()
    }
}
