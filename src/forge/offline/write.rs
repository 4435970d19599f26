//! Writing pull requests: read, decide, compare-and-swap one ref, and from the start again if somebody was faster.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::document::{self, Document, State, one_line};
use super::names::{self, Root};
use super::read::Stored;
use super::standing::Standing;
use super::{ATTEMPTS, OfflineForge};
use crate::config::forge::PullRefs;
use crate::forge::error::ForgeError;
use crate::forge::types::{Closing, NewPull, Opened, PullState, PullText};
use crate::git::{Fetched, NewCommit, PushResult, RefUpdate};
use crate::model::{CommitId, Timestamp};

/// What became of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    Done,
    Lost,
}

impl OfflineForge {
    pub(super) async fn create(&self, new: NewPull) -> Result<Opened, ForgeError> {
        let Some(ids) = names::ids(&new.branch) else {
            return Err(ForgeError::Invalid(format!(
                "`{}` cannot have a pull request: it is no plain name below `headwater/`",
                one_line(&new.branch)
            )));
        };
        for attempt in 0..ATTEMPTS {
            pause(attempt).await;
            let fetched = self.repository.fetch().await?;
            let mut free = None;
            for id in &ids {
                match self.load_one(&fetched, id).await {
                    Ok((stored, standing)) if stored.document.branch == new.branch => {
                        return already(&stored, &standing);
                    }
                    Ok(_) => {}
                    Err(ForgeError::NotFound(_)) => free = free.or(Some(id)),
                    Err(error) => return Err(error),
                }
            }
            let Some(id) = free else {
                return Err(ForgeError::Invalid(format!(
                    "both ids that `{}` could have belong to other branches",
                    new.branch
                )));
            };
            let document = self.draft(&fetched, &new).await?;
            let message = format!("open {id}");
            let put = self
                .put(&fetched, id, None, &document, &message, new.now)
                .await?;
            if put == Put::Done && self.is_visible(id).await? {
                return Ok(Opened {
                    id: id.clone(),
                    created: true,
                });
            }
        }
        Err(ForgeError::Contended(one_line(&new.branch)))
    }

    /// Whether what was just pushed can be fetched. A server may take refs and hide them: what nobody sees is not kept
    /// there, and the next attempt goes elsewhere.
    async fn is_visible(&self, id: &str) -> Result<bool, ForgeError> {
        let fetched = self.repository.fetch().await?;
        let visible = Root::ALL
            .iter()
            .any(|root| fetched.refs.contains_key(&root.meta(id)));
        if !visible {
            self.custom_refused.store(true, Ordering::Relaxed);
        }
        Ok(visible)
    }

    async fn draft(&self, fetched: &Fetched, new: &NewPull) -> Result<Document, ForgeError> {
        let head = fetched
            .refs
            .get(&format!("refs/heads/{}", new.branch))
            .ok_or_else(|| ForgeError::NoBranch(new.branch.clone()))?;
        let start = match &fetched.base {
            Some(base) => self.repository.merge_base(base, head).await?,
            None => None,
        };
        Ok(Document::new(
            new.branch.clone(),
            &new.text,
            head.clone(),
            start,
            new.now,
        ))
    }

    pub(super) async fn set_text(
        &self,
        id: &str,
        text: PullText,
        now: Timestamp,
    ) -> Result<bool, ForgeError> {
        self.change(id, "update", now, |stored, standing| {
            let mut document = stored.document.clone();
            document.set_text(&text);
            if standing.state == PullState::Open {
                document.head.clone_from(&standing.head);
            }
            Ok(document)
        })
        .await
    }

    pub(super) async fn set_closed(&self, id: &str, closing: Closing) -> Result<bool, ForgeError> {
        self.change(id, "close", closing.now, |stored, standing| {
            let mut document = stored.document.clone();
            match standing.state {
                PullState::Merged => return Err(state_error(id, standing)),
                PullState::Closed if document.state == State::Closed => return Ok(document),
                // Closed by the deletion of its branch: who did that is no longer unknown.
                PullState::Closed | PullState::Open => {}
            }
            document.state = State::Closed;
            document.head.clone_from(&standing.head);
            document.closed_by.clone_from(&closing.by);
            document.reason = Some(closing.reason.clone());
            if let Some(text) = &closing.text {
                document.set_text(text);
            }
            Ok(document)
        })
        .await
    }

    pub(super) async fn set_open(&self, id: &str, now: Timestamp) -> Result<bool, ForgeError> {
        self.change(id, "reopen", now, |stored, standing| {
            let mut document = stored.document.clone();
            match standing.state {
                PullState::Merged => return Err(state_error(id, standing)),
                _ if !standing.present => {
                    return Err(ForgeError::NoBranch(document.branch));
                }
                PullState::Open => return Ok(document),
                PullState::Closed => {}
            }
            document.state = State::Open;
            document.head.clone_from(&standing.head);
            document.closed_by = None;
            document.reason = None;
            Ok(document)
        })
        .await
    }

    /// Changes what is stored; `false` if there was nothing to change.
    async fn change(
        &self,
        id: &str,
        verb: &str,
        now: Timestamp,
        decide: impl Fn(&Stored, &Standing) -> Result<Document, ForgeError> + Send,
    ) -> Result<bool, ForgeError> {
        let mut seen = Vec::new();
        for attempt in 0..ATTEMPTS {
            pause(attempt).await;
            let fetched = self.repository.fetch().await?;
            let (stored, standing) = self.load_one(&fetched, id).await?;
            self.notice_hidden(&mut seen, &stored);
            let document = decide(&stored, &standing)?;
            if document == stored.document {
                return Ok(false);
            }
            let message = format!("{verb} {id}");
            let put = self
                .put(&fetched, id, Some(&stored), &document, &message, now)
                .await?;
            if put == Put::Done {
                return Ok(true);
            }
        }
        Err(ForgeError::Contended(one_line(id)))
    }

    /// Stores a document in the place of what was read, or where there was nothing.
    pub(super) async fn put(
        &self,
        fetched: &Fetched,
        id: &str,
        old: Option<&Stored>,
        document: &Document,
        message: &str,
        now: Timestamp,
    ) -> Result<Put, ForgeError> {
        let bytes = document.to_bytes().map_err(|problem| {
            ForgeError::Invalid(format!("pull request `{id}` cannot be stored: {problem}"))
        })?;
        let path = document::FILE
            .parse()
            .map_err(|_| ForgeError::Invalid(format!("`{}` is no path", document::FILE)))?;
        let commit = self
            .repository
            .commit(NewCommit {
                parents: old.map(|old| old.meta.clone()).into_iter().collect(),
                start: None,
                files: BTreeMap::from([(path, Some(bytes))]),
                message: format!("{message}\n"),
                author: self.committer.clone(),
                committer: self.committer.clone(),
                time: now,
            })
            .await?;
        let (root, expect) = match old {
            None => (self.root_for_new(fetched), None),
            Some(old) if old.root == Root::Custom && self.custom_is_refused() => {
                (Root::Heads, None)
            }
            Some(old) => (old.root, Some(old.meta.clone())),
        };
        match self.swap(root.meta(id), expect, &commit).await {
            Err(ForgeError::Refused { name, message }) if root == Root::Custom => {
                tracing::info!(
                    reference = %name,
                    "the server refuses refs of our own (`{message}`); pull requests are kept below `{}`",
                    Root::Heads.prefix()
                );
                self.custom_refused.store(true, Ordering::Relaxed);
                self.swap(Root::Heads.meta(id), None, &commit).await
            }
            other => other,
        }
    }

    /// A server that shows our refs to readers but not to pushers lets every push be lost although nobody was faster.
    pub(super) fn notice_hidden(&self, seen: &mut Vec<CommitId>, stored: &Stored) {
        if stored.root == Root::Custom
            && seen.iter().filter(|meta| **meta == stored.meta).count() >= 2
        {
            self.custom_refused.store(true, Ordering::Relaxed);
        }
        seen.push(stored.meta.clone());
    }

    fn custom_is_refused(&self) -> bool {
        self.custom_refused.load(Ordering::Relaxed)
    }

    /// Moves one ref if it is where it was seen.
    pub(super) async fn swap(
        &self,
        name: String,
        expect: Option<CommitId>,
        new: &CommitId,
    ) -> Result<Put, ForgeError> {
        let outcomes = self
            .repository
            .push(vec![RefUpdate {
                name: name.clone(),
                expect,
                new: Some(new.clone()),
            }])
            .await?;
        match outcomes.into_iter().next().map(|outcome| outcome.result) {
            Some(PushResult::Done) => Ok(Put::Done),
            Some(PushResult::Lost { .. }) => Ok(Put::Lost),
            Some(PushResult::Refused { message }) => Err(ForgeError::Refused { name, message }),
            None => Err(ForgeError::Invalid(format!(
                "nothing is known of the push of `{name}`"
            ))),
        }
    }

    /// Where to put a pull request that is not there yet: where others are, so that a server is asked only once.
    fn root_for_new(&self, fetched: &Fetched) -> Root {
        let used = |root: Root| {
            fetched
                .refs
                .range(root.prefix().to_owned()..)
                .next()
                .is_some_and(|(name, _)| name.starts_with(root.prefix()))
        };
        let moved = used(Root::Heads) && !used(Root::Custom);
        if self.settings.refs == PullRefs::Heads || self.custom_is_refused() || moved {
            Root::Heads
        } else {
            Root::Custom
        }
    }
}

fn already(stored: &Stored, standing: &Standing) -> Result<Opened, ForgeError> {
    match standing.state {
        PullState::Open => Ok(Opened {
            id: stored.id.clone(),
            created: false,
        }),
        PullState::Merged | PullState::Closed => Err(state_error(&stored.id, standing)),
    }
}

pub(super) fn state_error(id: &str, standing: &Standing) -> ForgeError {
    ForgeError::State {
        id: id.to_owned(),
        state: standing.state,
    }
}

/// Waits before another attempt, longer each time and never twice the same, so that two who race part.
pub(super) async fn pause(attempt: u32) {
    if attempt > 0 {
        let most = 25 << attempt.min(6);
        tokio::time::sleep(Duration::from_millis(fastrand::u64(most / 4..most))).await;
    }
}
