//! Branches on which a forge makes commits in our name before they go where they belong. No promotion ever has one.

use super::CommitId;
use super::object::hash16;

const BEGINNING: &str = "headwater/staging/";

/// The branch on which a commit is made; the same one for the same content, so that a later try finds it.
pub fn staging_branch(tree: &str, parent: &CommitId, message: &str) -> String {
    let key = hash16(&format!("{tree}\n{parent}\n{message}"));
    format!("{BEGINNING}{key}")
}

/// Whether a branch (without `refs/heads/`) is one on which commits are made for us.
pub fn is_staging(branch: &str) -> bool {
    let key = branch.strip_prefix(BEGINNING);
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    key.is_some_and(|key| key.len() == 16 && key.bytes().all(hex))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_staging_branch_is_told_from_all_others_and_named_by_what_is_made_on_it() {
        let parent: CommitId = "1".repeat(40).parse().unwrap();
        let branch = staging_branch("a", &parent, "words");
        assert!(is_staging(&branch), "{branch}");
        assert_eq!(branch, staging_branch("a", &parent, "words"));
        assert_ne!(branch, staging_branch("b", &parent, "words"));
        for other in [
            "headwater/promote/app/prod/1a2b3c4d",
            "headwater/staging/mine",
            "staging/1234567890abcdef",
            "headwater/staging/1234567890ABCDEF",
        ] {
            assert!(!is_staging(other), "{other}");
        }
    }
}
