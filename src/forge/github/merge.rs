//! Merging: GitHub does it, for the head that was approved and on the base that it was checked on. An answer that was lost
//! is found again by looking.

use std::time::Duration;

use serde_json::json;

use super::wire::{self, Pull, Reference};
use super::{GitHubForge, number};
use crate::forge::error::ForgeError;
use crate::forge::types::{MergeMethod, Merged, Merging, PullState};
use crate::model::{CommitId, Fault, Party};

/// Between looks whether GitHub has found out what merges.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
];

impl GitHubForge {
    pub(super) async fn land(&self, id: &str, merging: Merging) -> Result<Merged, ForgeError> {
        let pull = match self.show_open(id).await {
            Ok(pull) => pull,
            Err(ForgeError::State {
                state: PullState::Merged,
                ..
            }) => return self.was_merged(id).await,
            Err(error) => return Err(error),
        };
        if pull.head.sha != merging.head.as_str() {
            return Err(ForgeError::HeadMoved {
                id: id.to_owned(),
                expected: merging.head,
                found: commit(&pull.head.sha, id)?,
            });
        }
        let base = pull.base.name.clone();
        self.wait_until_known(id, pull).await?;
        self.check_base(&base, &merging.base).await?;
        let error = match self.put_merge(id, &merging).await {
            Ok(merged) => return fresh(&merged, id),
            Err(error) => error,
        };
        if let Err(ForgeError::State {
            state: PullState::Merged,
            ..
        }) = self.show_open(id).await
        {
            return self.was_merged(id).await;
        }
        if says(&error, "was modified") {
            return Err(ForgeError::BaseMoved {
                expected: merging.base,
                found: None,
            });
        }
        if self.meets_queue(&error) {
            let head = &merging.head;
            self.add_to_queue(id, head).await?;
            return Err(waits_in_queue(id));
        }
        match self.allowed_instead(&error).await? {
            Some(method) => {
                let instead = Merging { method, ..merging };
                fresh(&self.put_merge(id, &instead).await?, id)
            }
            None => Err(error),
        }
    }

    /// A way of merging that the repository allows, where it refused one for being none.
    async fn allowed_instead(&self, error: &ForgeError) -> Result<Option<MergeMethod>, ForgeError> {
        if !says(error, "not allowed on this repository") {
            return Ok(None);
        }
        let facts = self.facts().await?;
        Ok(if facts.allow_squash_merge {
            Some(MergeMethod::Squash)
        } else if facts.allow_merge_commit {
            Some(MergeMethod::Merge)
        } else {
            facts.allow_rebase_merge.then_some(MergeMethod::Rebase)
        })
    }

    /// GitHub finds out on demand whether something merges. Nothing is merged before it has; a later pass tries again.
    async fn wait_until_known(&self, id: &str, mut pull: Pull) -> Result<(), ForgeError> {
        let mut pauses = PAUSES.into_iter();
        while pull.mergeable.is_none() {
            let Some(pause) = pauses.next() else {
                return Err(ForgeError::Api {
                    forge: "GitHub",
                    what: format!("merge pull request {id}"),
                    message: "it has not found out yet whether it merges".to_owned(),
                    reason: "NotMergeable",
                    fault: Fault::of(Party::Remote).later(None),
                });
            };
            tokio::time::sleep(pause).await;
            pull = self.show_open(id).await?;
        }
        Ok(())
    }

    /// GitHub merges onto whatever the base is then; a moment before, it must be what the merge was checked on.
    async fn check_base(&self, base: &str, expected: &CommitId) -> Result<(), ForgeError> {
        let route = self.route(&format!("/git/ref/heads/{base}"));
        let what = format!("show the branch `{base}`");
        let reference: Reference = self.client.get(&what, &route, &[]).await?;
        if reference.object.sha == expected.as_str() {
            return Ok(());
        }
        Err(ForgeError::BaseMoved {
            expected: expected.clone(),
            found: reference.object.sha.parse().ok(),
        })
    }

    async fn put_merge(&self, id: &str, merging: &Merging) -> Result<wire::Merged, ForgeError> {
        let (title, message) = merging
            .message
            .split_once('\n')
            .unwrap_or((&merging.message, ""));
        let method = match merging.method {
            MergeMethod::Squash => "squash",
            MergeMethod::Merge => "merge",
            MergeMethod::Rebase => "rebase",
        };
        let mut body = json!({ "sha": merging.head.as_str(), "merge_method": method });
        if merging.method != MergeMethod::Rebase {
            body["commit_title"] = title.into();
            body["commit_message"] = message.trim_start_matches('\n').into();
        }
        let what = format!("merge pull request {id}");
        let route = self.route(&format!("/pulls/{}/merge", number(id)?));
        self.client.put(&what, &route, &body).await
    }

    /// What a merge that is over came to.
    async fn was_merged(&self, id: &str) -> Result<Merged, ForgeError> {
        let commit = self.merged_as(id).await?;
        Ok(Merged {
            commit,
            fresh: false,
        })
    }

    pub(super) async fn merged_as(&self, id: &str) -> Result<Option<CommitId>, ForgeError> {
        let pull = self.show(id).await?;
        let sha = pull.merge_commit_sha.filter(|_| pull.merged_at.is_some());
        sha.map(|sha| commit(&sha, id)).transpose()
    }
}

pub(super) fn commit(sha: &str, id: &str) -> Result<CommitId, ForgeError> {
    sha.parse().map_err(|_| ForgeError::Malformed {
        id: id.to_owned(),
        problem: "GitHub names a commit that is none".to_owned(),
    })
}

/// It is on its way, and not merged yet.
fn waits_in_queue(id: &str) -> ForgeError {
    ForgeError::Api {
        forge: "GitHub",
        what: format!("merge pull request {id}"),
        message: "the base has a merge queue, and it was added to that".to_owned(),
        reason: "NotMergeable",
        fault: Fault::of(Party::Remote).later(None),
    }
}

fn fresh(merged: &wire::Merged, id: &str) -> Result<Merged, ForgeError> {
    Ok(Merged {
        commit: Some(commit(&merged.sha, id)?),
        fresh: true,
    })
}

/// Whether GitHub refused with these words: it has no other sign for them.
fn says(error: &ForgeError, words: &str) -> bool {
    matches!(error, ForgeError::Api { reason: "NotMergeable", message, .. } if message.contains(words))
}
