//! Commits that GitHub makes and signs: by GraphQL, on a branch that must be where we believe it to be.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::GitHubForge;
use super::graphql::Answer;
use super::why::failed;
use crate::forge::error::ForgeError;
use crate::forge::types::{Author, Committed, Committing};
use crate::model::{Fault, Party};

const QUERY: &str = "mutation($input: CreateCommitOnBranchInput!) { createCommitOnBranch(input: $input) { commit { oid tree { oid } author { email } committer { email } } } }";
/// GitHub takes no commit of 40 MiB, in Base64 as it is sent (it does not publish its limit; this is what others met).
const MOST_BYTES: usize = 40_000_000;
/// Between tries to commit on a branch that GitHub does not know yet.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    #[serde(default)]
    create_commit_on_branch: Option<Payload>,
}

#[derive(Debug, Clone, Deserialize)]
struct Payload {
    #[serde(default)]
    commit: Option<Made>,
}

#[derive(Debug, Clone, Deserialize)]
struct Made {
    oid: String,
    tree: Tree,
    #[serde(default)]
    author: Option<Actor>,
    #[serde(default)]
    committer: Option<Actor>,
}

#[derive(Debug, Clone, Deserialize)]
struct Tree {
    oid: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Actor {
    #[serde(default)]
    email: Option<String>,
}

impl GitHubForge {
    /// Makes a commit. Where its answer is lost, nobody knows whether it was made: look.
    pub(super) async fn make(&self, new: Committing) -> Result<Committed, ForgeError> {
        let what = format!("commit to `{}`", new.branch);
        let input = self.input(&what, &new)?;
        let mut pauses = PAUSES.into_iter();
        let made = loop {
            match (self.tried(&what, &input).await, pauses.next()) {
                (Err(error), Some(pause)) if is_unknown_branch(&error) => {
                    tracing::debug!(%error, "the branch is not known yet");
                    tokio::time::sleep(pause).await;
                }
                (Err(error), _) if is_stale(&error) => {
                    return Err(ForgeError::BaseMoved {
                        expected: new.expect,
                        found: None,
                    });
                }
                (made, _) => break made?,
            }
        };
        let odd = |what_: &str| {
            let fault = Fault::of(Party::Remote).later(None);
            failed(&what, what_, "Malformed", fault)
        };
        if let Some(email) = made.committer.and_then(|committer| committer.email)
            && email != self.noreply
        {
            return Err(self.other_committer(&what, &email).await);
        }
        if let Some(email) = made.author.and_then(|author| author.email) {
            self.note_author(email).await;
        }
        Ok(Committed {
            commit: made
                .oid
                .parse()
                .map_err(|_| odd("its answer names no commit"))?,
            tree: made.tree.oid,
        })
    }

    async fn tried(&self, what: &str, input: &Value) -> Result<Made, ForgeError> {
        let variables = json!({ "input": input });
        let answer: Answer<Data> = self.client.mutate(what, QUERY, &variables).await?;
        let data = answer.data(what)?;
        let made = data.create_commit_on_branch.and_then(|p| p.commit);
        made.ok_or_else(|| {
            let fault = Fault::of(Party::Remote).later(None);
            failed(what, "its answer names no commit", "Malformed", fault)
        })
    }

    fn input(&self, what: &str, new: &Committing) -> Result<Value, ForgeError> {
        let mut bytes = 0;
        let (mut additions, mut deletions) = (Vec::new(), Vec::new());
        for (path, content) in &new.files {
            match content {
                Some(content) => {
                    let contents = STANDARD.encode(content);
                    bytes += contents.len() + path.as_str().len();
                    additions.push(json!({ "path": path.as_str(), "contents": contents }));
                }
                None => deletions.push(json!({ "path": path.as_str() })),
            }
        }
        if bytes > MOST_BYTES {
            let message = format!(
                "its {} files are {} MB to be sent, and GitHub takes no commit of more than {} MB: set `git.commits: push`",
                new.files.len(),
                bytes / 1_000_000,
                MOST_BYTES / 1_000_000
            );
            let fault = Fault::of(Party::Operator);
            return Err(failed(what, &message, "TooLarge", fault));
        }
        let (headline, body) = parted(&new.message);
        let mut message = json!({ "headline": headline });
        if !body.is_empty() {
            message["body"] = body.into();
        }
        Ok(json!({
            "branch": { "repositoryNameWithOwner": self.repository, "branchName": new.branch },
            "expectedHeadOid": new.expect.as_str(),
            "message": message,
            "fileChanges": { "additions": additions, "deletions": deletions },
        }))
    }

    /// What it commits by another address than was thought: from now on that is found out aside.
    async fn other_committer(&self, what: &str, email: &str) -> ForgeError {
        if let Some(known) = self.author.lock().await.as_mut() {
            known.sure = false;
        }
        let message = format!(
            "it commits as <{email}>, and our settings say <{}>, so its commits would not be known as ours: set `forge.github.noreply: {email}`",
            self.noreply
        );
        failed(what, &message, "Committer", Fault::of(Party::Operator))
    }

    /// What an answer says of the author is what holds for the next commit.
    async fn note_author(&self, email: String) {
        let mut known = self.author.lock().await;
        let name = known
            .as_ref()
            .map_or_else(String::new, |author| author.name.clone());
        *known = Some(Author {
            name,
            emails: vec![email],
            sure: true,
        });
    }
}

/// First line and the rest, which GitHub puts together again with an empty line between: trailers stay in the last paragraph.
fn parted(message: &str) -> (&str, &str) {
    let (headline, body) = message.split_once('\n').unwrap_or((message, ""));
    (headline.trim_end(), body.trim())
}

fn is_unknown_branch(error: &ForgeError) -> bool {
    matches!(
        error,
        ForgeError::Api {
            reason: "NotFound",
            ..
        }
    )
}

fn is_stale(error: &ForgeError) -> bool {
    matches!(
        error,
        ForgeError::Api {
            reason: "Conflict",
            ..
        }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_parted_behind_its_first_line() {
        assert_eq!(
            parted("Promote\n\nwords\n\nA: 1\nB: 2\n"),
            ("Promote", "words\n\nA: 1\nB: 2")
        );
        assert_eq!(parted("Promote\n"), ("Promote", ""));
        assert_eq!(parted("Promote"), ("Promote", ""));
    }
}
