//! Merging: note the commit, push it to the base, note that it is done. Cut off anywhere, the note tells the truth.

use super::document::{State, one_line};
use super::read::Stored;
use super::standing::Standing;
use super::write::{Put, pause, state_error};
use super::{ATTEMPTS, OfflineForge};
use crate::forge::error::ForgeError;
use crate::forge::types::{MergeMethod, Merged, Merging, PullState};
use crate::git::{Fetched, Merge, NewCommit, PushResult, RefUpdate, Replay};
use crate::model::{CommitId, Timestamp};

impl OfflineForge {
    pub(super) async fn land(&self, id: &str, merging: Merging) -> Result<Merged, ForgeError> {
        let mut seen = Vec::new();
        for attempt in 0..ATTEMPTS {
            pause(attempt).await;
            let fetched = self.repository.fetch().await?;
            let (stored, standing) = self.load_one(&fetched, id).await?;
            self.notice_hidden(&mut seen, &stored);
            if standing.state == PullState::Merged {
                return self
                    .note_earlier(&fetched, stored, standing, &merging)
                    .await;
            }
            check(&fetched, id, &standing, &merging)?;
            let commit = match self.noted_commit(&stored, &standing, &merging).await? {
                Some(commit) => commit,
                None => {
                    let commit = self.merged_commit(id, &merging).await?;
                    let noted = self.note(&fetched, &stored, &standing, &commit, &merging);
                    if noted.await? == Put::Lost {
                        continue;
                    }
                    commit
                }
            };
            self.push_base(&fetched, &merging, &commit).await?;
            self.note_merged(id, merging.now).await;
            return Ok(Merged {
                commit: Some(commit),
                fresh: true,
            });
        }
        Err(ForgeError::Contended(one_line(id)))
    }

    /// The commit of this very merge that was noted last, before we were cut off: made anew with the instant of the note.
    async fn noted_commit(
        &self,
        stored: &Stored,
        standing: &Standing,
        merging: &Merging,
    ) -> Result<Option<CommitId>, ForgeError> {
        let Some(noted) = stored.document.merging.last() else {
            return Ok(None);
        };
        if stored.document.head != standing.head {
            return Ok(None);
        }
        let now = self.repository.commit_info(&stored.meta).await?.commit_time;
        let merging = Merging {
            now,
            ..merging.clone()
        };
        let commit = self.merged_commit(&stored.id, &merging).await?;
        Ok((commit == *noted).then_some(commit))
    }

    /// Notes a commit that is about to be pushed.
    async fn note(
        &self,
        fetched: &Fetched,
        stored: &Stored,
        standing: &Standing,
        commit: &CommitId,
        merging: &Merging,
    ) -> Result<Put, ForgeError> {
        let mut document = stored.document.clone();
        document.note_merging(commit.clone());
        document.head.clone_from(&standing.head);
        let id = &stored.id;
        let message = format!("merge {id} as {commit}");
        self.put(fetched, id, Some(stored), &document, &message, merging.now)
            .await
    }

    /// The commit that the base is to become.
    async fn merged_commit(&self, id: &str, merging: &Merging) -> Result<CommitId, ForgeError> {
        let conflict = |paths| ForgeError::Conflict {
            id: id.to_owned(),
            paths,
        };
        let merged = self.repository.merge(&merging.base, &merging.head).await?;
        let tree = match merged {
            Merge::Conflict { paths } => return Err(conflict(paths)),
            Merge::Clean { changed, .. } if changed.is_empty() => {
                return Err(ForgeError::Invalid(format!(
                    "pull request `{id}` changes nothing on the base"
                )));
            }
            Merge::Clean { tree, .. } => tree,
        };
        let parents = match merging.method {
            MergeMethod::Squash => vec![merging.base.clone()],
            MergeMethod::Merge => vec![merging.base.clone(), merging.head.clone()],
            MergeMethod::Rebase => return self.replayed(id, merging, &tree).await,
        };
        let commit = NewCommit {
            parents,
            start: None,
            files: std::collections::BTreeMap::new(),
            message: merging.message.clone(),
            author: merging.author.clone(),
            committer: self.committer.clone(),
            time: merging.now,
        };
        Ok(self.repository.commit_tree(tree, commit).await?)
    }

    async fn replayed(
        &self,
        id: &str,
        merging: &Merging,
        merged_tree: &str,
    ) -> Result<CommitId, ForgeError> {
        let replay = self
            .repository
            .replay(
                &merging.base,
                &merging.head,
                self.committer.clone(),
                merging.now,
            )
            .await?;
        match replay {
            Replay::Clean { head, tree } if tree == merged_tree => Ok(head),
            Replay::Clean { .. } => Err(ForgeError::Invalid(format!(
                "the commits of pull request `{id}`, made anew on the base, do not give what was checked: merge or squash it"
            ))),
            Replay::Conflict { commit } => Err(ForgeError::Invalid(format!(
                "commit `{commit}` of pull request `{id}` does not apply to the base by itself: merge or squash it"
            ))),
        }
    }

    async fn push_base(
        &self,
        fetched: &Fetched,
        merging: &Merging,
        commit: &CommitId,
    ) -> Result<(), ForgeError> {
        let name = format!("refs/heads/{}", fetched.base_branch);
        let outcomes = self
            .repository
            .push(vec![RefUpdate {
                name: name.clone(),
                expect: Some(merging.base.clone()),
                new: Some(commit.clone()),
            }])
            .await?;
        match outcomes.into_iter().next().map(|outcome| outcome.result) {
            Some(PushResult::Done) => Ok(()),
            Some(PushResult::Lost { found }) => Err(ForgeError::BaseMoved {
                expected: merging.base.clone(),
                found,
            }),
            Some(PushResult::Refused { message }) => Err(ForgeError::Refused { name, message }),
            None => Err(ForgeError::Invalid(format!(
                "nothing is known of the push of `{name}`"
            ))),
        }
    }

    /// Writes down what is true already. If that fails the note made before says it too, and the next pass writes it.
    async fn note_merged(&self, id: &str, now: Timestamp) {
        if let Err(error) = self.write_merged(id, now).await {
            tracing::warn!(pull_request = %id, %error, "pull request `{id}` is merged, but this could not be written down");
        }
    }

    /// Writes down that it is merged, as the base shows; the commit there.
    pub(super) async fn write_merged(
        &self,
        id: &str,
        now: Timestamp,
    ) -> Result<Option<CommitId>, ForgeError> {
        let mut seen = Vec::new();
        for attempt in 0..ATTEMPTS {
            pause(attempt).await;
            let fetched = self.repository.fetch().await?;
            let (stored, standing) = self.load_one(&fetched, id).await?;
            self.notice_hidden(&mut seen, &stored);
            if standing.state != PullState::Merged {
                return Err(state_error(id, &standing));
            }
            if stored.document.state == State::Merged
                || self.put_merged(&fetched, &stored, &standing, now).await? == Put::Done
            {
                return Ok(standing.merged_as);
            }
        }
        Err(ForgeError::Contended(one_line(id)))
    }

    async fn put_merged(
        &self,
        fetched: &Fetched,
        stored: &Stored,
        standing: &Standing,
        now: Timestamp,
    ) -> Result<Put, ForgeError> {
        let mut document = stored.document.clone();
        document.state = State::Merged;
        document.head.clone_from(&standing.head);
        document.merged_as.clone_from(&standing.merged_as);
        document.merging.clear();
        document.closed_by = None;
        document.reason = None;
        let id = &stored.id;
        let message = format!("merged {id}");
        self.put(fetched, id, Some(stored), &document, &message, now)
            .await
    }

    /// Somebody merged it before, or we did and were cut off.
    async fn note_earlier(
        &self,
        fetched: &Fetched,
        stored: Stored,
        standing: Standing,
        merging: &Merging,
    ) -> Result<Merged, ForgeError> {
        tracing::debug!(pull_request = %stored.id, "pull request `{}` is merged already into {}", stored.id, fetched.base_branch);
        if stored.document.state != State::Merged {
            self.put_merged(fetched, &stored, &standing, merging.now)
                .await?;
        }
        Ok(Merged {
            commit: standing.merged_as,
            fresh: false,
        })
    }
}

fn check(
    fetched: &Fetched,
    id: &str,
    standing: &Standing,
    merging: &Merging,
) -> Result<(), ForgeError> {
    if standing.state != PullState::Open {
        return Err(state_error(id, standing));
    }
    if standing.head != merging.head {
        return Err(ForgeError::HeadMoved {
            id: id.to_owned(),
            expected: merging.head.clone(),
            found: standing.head.clone(),
        });
    }
    if fetched.base.as_ref() != Some(&merging.base) {
        return Err(ForgeError::BaseMoved {
            expected: merging.base.clone(),
            found: fetched.base.clone(),
        });
    }
    Ok(())
}
