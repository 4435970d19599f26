//! By what commits are known as ours: by their committer, or, where a forge makes them in our name, by their author too.

use super::types::CommitInfo;
use crate::config::GitSettings;

/// Who we are in commits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Us {
    /// The address of our committer (`git.committer`).
    pub email: String,
    /// The address by which a forge commits what it makes in our name (`git.commits: api`); `None` where none does. Whoever
    /// may merge there can have a commit made with these very addresses, so what such a commit says is judged by its content.
    pub forge: Option<String>,
}

impl Us {
    /// Whether we made a commit ourselves, by its committer.
    pub fn committed(&self, committer: &str) -> bool {
        committer == self.email
    }

    /// Whether a forge made a commit in our name, by its author and its committer.
    pub fn are_named(&self, author: &str, committer: &str) -> bool {
        self.forge.as_deref() == Some(committer) && author == self.email
    }

    /// Whether a commit is by us, one way or the other.
    pub fn made(&self, commit: &CommitInfo) -> bool {
        let (author, committer) = (&commit.author.email, &commit.committer.email);
        self.committed(committer) || self.are_named(author, committer)
    }
}

impl From<&GitSettings> for Us {
    fn from(settings: &GitSettings) -> Self {
        Self {
            email: settings.committer.email.clone(),
            forge: settings.forge_committer.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forge_commits_in_our_name_only_where_it_is_asked_to() {
        let us = |forge: Option<&str>| Us {
            email: "bot@x".to_owned(),
            forge: forge.map(str::to_owned),
        };
        let forge = Some("noreply@github.com");
        assert!(us(forge).are_named("bot@x", "noreply@github.com"));
        assert!(!us(forge).are_named("mara@x", "noreply@github.com"));
        assert!(!us(forge).are_named("bot@x", "noreply@ghe.example"));
        assert!(!us(None).are_named("bot@x", "noreply@github.com"));
        assert!(us(None).committed("bot@x") && !us(forge).committed("noreply@github.com"));
    }
}
