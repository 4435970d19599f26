//! Where a pull request stands: what was written down, and what the base and the branch have become since.

use std::collections::{BTreeMap, BTreeSet};

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
    pub(super) closed_why: Option<String>,
    pub(super) merged_as: Option<CommitId>,
    /// A noted merge is on the base, and the description does not say so.
    pub(super) unrecorded: bool,
}

/// What is known of one base head: it holds for as long as the base stays there.
#[derive(Debug, Default)]
pub(super) struct Reach {
    base: Option<CommitId>,
    contained: BTreeMap<CommitId, bool>,
    /// By description and head.
    landed: BTreeMap<(CommitId, CommitId), Landed>,
}

/// Whether the base took a head that it contains.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Landed {
    /// No: the branch was moved back to where the base has been.
    No,
    /// Yes, by this commit if it is near enough to be told.
    As(Option<CommitId>),
}

impl Reach {
    /// What is known of this base; what was known of another is forgotten.
    fn of(&mut self, base: &CommitId) -> &mut Self {
        if self.base.as_ref() != Some(base) {
            *self = Self {
                base: Some(base.clone()),
                ..Self::default()
            };
        }
        self
    }
}

impl OfflineForge {
    /// Where each of them stands, in the same order.
    pub(super) async fn standings(
        &self,
        fetched: &Fetched,
        stored: &[Stored],
    ) -> Result<Vec<Standing>, ForgeError> {
        let contained = self.reach(fetched, stored).await?;
        let mut standings = Vec::with_capacity(stored.len());
        for stored in stored {
            standings.push(self.standing(fetched, stored, &contained).await?);
        }
        Ok(standings)
    }

    /// `contained`: what of it is on the base.
    async fn standing(
        &self,
        fetched: &Fetched,
        stored: &Stored,
        contained: &BTreeSet<CommitId>,
    ) -> Result<Standing, ForgeError> {
        let document = &stored.document;
        let branch = fetched.refs.get(&format!("refs/heads/{}", document.branch));
        let head = branch.unwrap_or(&document.head).clone();
        let mut standing = Standing {
            state: PullState::Open,
            present: branch.is_some(),
            closed_by: None,
            closed_why: None,
            merged_as: None,
            unrecorded: false,
            head,
        };
        let merging = document.merging.iter().find(|id| contained.contains(*id));
        if document.state == State::Merged || merging.is_some() {
            standing.state = PullState::Merged;
            standing.unrecorded = document.state != State::Merged;
            standing.merged_as = document.merged_as.as_ref().or(merging).cloned();
            // What was merged, not what the branch became afterwards.
            standing.head = document.head.clone();
        } else if document.state == State::Closed {
            standing.state = PullState::Closed;
            standing.closed_by.clone_from(&document.closed_by);
            standing.closed_why.clone_from(&document.reason);
        } else if let Some(base) = &fetched.base
            && contained.contains(&standing.head)
            && let Landed::As(commit) = self.landed(base, stored, &standing.head).await?
        {
            standing.state = PullState::Merged;
            standing.merged_as = commit;
        } else if branch.is_none() {
            standing.state = PullState::Closed;
            standing.closed_by = Some(DELETED.to_owned());
        }
        Ok(standing)
    }

    /// Those of the commits that matter which are on the base; Git is asked once for all.
    async fn reach(
        &self,
        fetched: &Fetched,
        stored: &[Stored],
    ) -> Result<BTreeSet<CommitId>, ForgeError> {
        let Some(base) = &fetched.base else {
            return Ok(BTreeSet::new());
        };
        let wanted: BTreeSet<CommitId> = stored
            .iter()
            .flat_map(|stored| commits_of(fetched, stored))
            .cloned()
            .collect();
        let mut known = self.cache().reach.of(base).contained.clone();
        known.retain(|id, _| wanted.contains(id));
        let unknown: Vec<CommitId> = wanted
            .into_iter()
            .filter(|id| !known.contains_key(id))
            .collect();
        if !unknown.is_empty() {
            let inside = self.repository.contained_in(unknown.clone(), base).await?;
            known.extend(unknown.into_iter().map(|id| {
                let found = inside.contains(&id);
                (id, found)
            }));
            let mut cache = self.cache();
            cache.reach.of(base).contained.extend(known.clone());
        }
        Ok(known
            .into_iter()
            .filter_map(|(id, found)| found.then_some(id))
            .collect())
    }

    /// Whether somebody merged by hand a branch whose head the base contains. One that was moved to a commit the base
    /// had anyway was not merged: nothing of it arrived.
    async fn landed(
        &self,
        base: &CommitId,
        stored: &Stored,
        head: &CommitId,
    ) -> Result<Landed, ForgeError> {
        let key = (stored.meta.clone(), head.clone());
        if let Some(known) = self.cache().reach.of(base).landed.get(&key) {
            return Ok(known.clone());
        }
        let found = self.find_landing(base, stored, head).await?;
        self.cache()
            .reach
            .of(base)
            .landed
            .insert(key, found.clone());
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

/// The commits that decide where it stands if the base contains them.
fn commits_of<'a>(fetched: &'a Fetched, stored: &'a Stored) -> impl Iterator<Item = &'a CommitId> {
    let document = &stored.document;
    let head = (document.state == State::Open).then(|| {
        fetched
            .refs
            .get(&format!("refs/heads/{}", document.branch))
            .unwrap_or(&document.head)
    });
    let merging = match document.state {
        State::Merged => &[],
        State::Open | State::Closed => document.merging.as_slice(),
    };
    merging.iter().chain(head)
}
