//! Where a pull request stands: what was written down, and what the base and the branch have become since.

use std::collections::BTreeMap;

use super::OfflineForge;
use super::document::State;
use super::read::Stored;
use crate::forge::error::ForgeError;
use crate::forge::types::PullState;
use crate::git::Fetched;
use crate::model::CommitId;

/// Who closed a pull request whose branch somebody deleted; Git does not tell names.
const DELETED: &str = "whoever deleted its branch";
/// How far back the commit that merged a branch by hand is looked for.
const MAX_LOG: usize = 2_000;

/// State, head and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) state: PullState,
    pub(super) head: CommitId,
    /// Whether the branch is there.
    pub(super) present: bool,
    pub(super) closed_by: Option<String>,
    pub(super) merged_as: Option<CommitId>,
}

/// What is known of one base head: it holds for as long as the base stays there.
#[derive(Debug, Default)]
pub(super) struct Reach {
    base: Option<CommitId>,
    contained: BTreeMap<CommitId, bool>,
    landed: BTreeMap<CommitId, Landed>,
}

/// Whether the base took a head that it contains.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Landed {
    /// No: the branch was moved back to where the base has been.
    No,
    /// Yes, by this commit if it is near enough to be told.
    As(Option<CommitId>),
}

impl OfflineForge {
    /// Where each of them stands, in the same order.
    pub(super) async fn standings(
        &self,
        fetched: &Fetched,
        stored: &[Stored],
    ) -> Result<Vec<Standing>, ForgeError> {
        self.reach(fetched, stored).await?;
        let mut standings = Vec::with_capacity(stored.len());
        for stored in stored {
            standings.push(self.standing(fetched, stored).await?);
        }
        Ok(standings)
    }

    async fn standing(&self, fetched: &Fetched, stored: &Stored) -> Result<Standing, ForgeError> {
        let document = &stored.document;
        let branch = fetched.refs.get(&format!("refs/heads/{}", document.branch));
        let head = branch.unwrap_or(&document.head).clone();
        let mut standing = Standing {
            state: PullState::Open,
            present: branch.is_some(),
            closed_by: None,
            merged_as: None,
            head,
        };
        let merging = document.merging.as_ref().filter(|id| self.contains(id));
        if document.state == State::Merged || merging.is_some() {
            standing.state = PullState::Merged;
            standing.merged_as = document.merged_as.as_ref().or(merging).cloned();
            // What was merged, not what the branch became afterwards.
            standing.head = document.head.clone();
        } else if document.state == State::Closed {
            standing.state = PullState::Closed;
            standing.closed_by.clone_from(&document.closed_by);
        } else if let Landed::As(commit) = self.landed(fetched, stored, &standing.head).await? {
            standing.state = PullState::Merged;
            standing.merged_as = commit;
        } else if branch.is_none() {
            standing.state = PullState::Closed;
            standing.closed_by = Some(DELETED.to_owned());
        }
        Ok(standing)
    }

    /// Asks Git once for all that has to be known of the base.
    async fn reach(&self, fetched: &Fetched, stored: &[Stored]) -> Result<(), ForgeError> {
        let unknown: Vec<CommitId> = {
            let reach = &mut self.cache().reach;
            if reach.base != fetched.base {
                *reach = Reach {
                    base: fetched.base.clone(),
                    ..Reach::default()
                };
            }
            stored
                .iter()
                .filter(|stored| stored.document.state != State::Merged)
                .flat_map(|stored| {
                    let document = &stored.document;
                    let name = format!("refs/heads/{}", document.branch);
                    let head = fetched.refs.get(&name).unwrap_or(&document.head);
                    let head = (document.state == State::Open).then_some(head);
                    document.merging.as_ref().into_iter().chain(head)
                })
                .filter(|id| !reach.contained.contains_key(*id))
                .cloned()
                .collect()
        };
        let Some(base) = &fetched.base else {
            return Ok(());
        };
        if unknown.is_empty() {
            return Ok(());
        }
        let inside = self.repository.contained_in(unknown.clone(), base).await?;
        let reach = &mut self.cache().reach;
        for id in unknown {
            let contained = inside.contains(&id);
            reach.contained.insert(id, contained);
        }
        Ok(())
    }

    fn contains(&self, id: &CommitId) -> bool {
        self.cache()
            .reach
            .contained
            .get(id)
            .copied()
            .unwrap_or(false)
    }

    /// Whether somebody merged the branch by hand. A branch that was moved to a commit the base had anyway was not
    /// merged: nothing of it arrived.
    async fn landed(
        &self,
        fetched: &Fetched,
        stored: &Stored,
        head: &CommitId,
    ) -> Result<Landed, ForgeError> {
        let Some(base) = &fetched.base else {
            return Ok(Landed::No);
        };
        if !self.contains(head) {
            return Ok(Landed::No);
        }
        if let Some(known) = self.cache().reach.landed.get(head) {
            return Ok(known.clone());
        }
        let found = self.find_landing(base, stored, head).await?;
        self.cache()
            .reach
            .landed
            .insert(head.clone(), found.clone());
        Ok(found)
    }

    async fn find_landing(
        &self,
        base: &CommitId,
        stored: &Stored,
        head: &CommitId,
    ) -> Result<Landed, ForgeError> {
        let log = self.repository.log(base, None, MAX_LOG).await?;
        if log.commits.iter().any(|commit| commit.id == *head) {
            // On the base's own line: a fast-forward of what we knew as the head, or a branch emptied by a push.
            let known =
                stored.document.head == *head && stored.document.start.as_ref() != Some(head);
            return Ok(if known {
                Landed::As(Some(head.clone()))
            } else {
                Landed::No
            });
        }
        if let Some(start) = &stored.document.start
            && self.repository.is_ancestor(head, start).await?
        {
            return Ok(Landed::No);
        }
        // Newest first: all that contain the head come before all that do not.
        let (mut inside, mut outside) = (0, log.commits.len());
        while inside < outside {
            let middle = inside.midpoint(outside);
            if self
                .repository
                .is_ancestor(head, &log.commits[middle].id)
                .await?
            {
                inside = middle + 1;
            } else {
                outside = middle;
            }
        }
        // Where even the oldest contains it, an older one may have brought it.
        let told = inside > 0 && inside < log.commits.len();
        Ok(Landed::As(told.then(|| log.commits[inside - 1].id.clone())))
    }
}
