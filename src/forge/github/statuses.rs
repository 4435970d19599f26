//! Commit statuses: what stands beside the merge button, and what a protected branch may ask for.

use serde_json::json;

use super::GitHubForge;
use super::wire::Ignored;
use crate::forge::error::ForgeError;
use crate::model::{CommitId, CommitState, CommitStatus};

impl GitHubForge {
    /// Those of ours that a commit has.
    pub(super) async fn statuses(&self, head: &CommitId) -> Result<Vec<CommitStatus>, ForgeError> {
        let all = self.statuses_of(head).await?;
        let ours = all.into_iter().filter_map(|status| {
            let ours = status.context.starts_with(CommitStatus::PREFIX);
            ours.then(|| CommitStatus {
                context: status.context,
                state: match status.state.as_str() {
                    "success" => CommitState::Success,
                    "pending" => CommitState::Pending,
                    _ => CommitState::Failure,
                },
                words: status.description.unwrap_or_default(),
            })
        });
        Ok(ours.collect())
    }

    pub(super) async fn put_status(
        &self,
        head: &CommitId,
        status: &CommitStatus,
    ) -> Result<(), ForgeError> {
        let what = format!("set `{}` on {}", status.context, head.short());
        let route = self.route(&format!("/statuses/{head}"));
        let body = json!({
            "state": status.state.as_str(),
            "context": status.context,
            "description": status.words,
        });
        self.client.post::<Ignored>(&what, &route, &body).await?;
        Ok(())
    }
}
