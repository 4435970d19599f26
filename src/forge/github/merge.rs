//! Merging: GitHub does it, for the head that was approved and on the base that it was checked on. An answer that was lost
//! is found again by looking.

use serde_json::json;

use super::wire::{self, Reference};
use super::{GitHubForge, number};
use crate::forge::error::ForgeError;
use crate::forge::types::{MergeMethod, Merged, Merging, PullState};
use crate::model::CommitId;

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
        self.check_base(&pull.base.name, &merging.base).await?;
        match self.put_merge(id, &merging).await {
            Ok(merged) => Ok(Merged {
                commit: Some(commit(&merged.sha, id)?),
                fresh: true,
            }),
            Err(error) => match self.show_open(id).await {
                Err(ForgeError::State {
                    state: PullState::Merged,
                    ..
                }) => self.was_merged(id).await,
                _ => Err(error),
            },
        }
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

fn commit(sha: &str, id: &str) -> Result<CommitId, ForgeError> {
    sha.parse().map_err(|_| ForgeError::Malformed {
        id: id.to_owned(),
        problem: "GitHub names a commit that is none".to_owned(),
    })
}
