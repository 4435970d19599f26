//! Where the offline forge keeps things: ids derived from branches, and the refs of one pull request.

use sha2::{Digest as _, Sha256};

use crate::model::CommitId;

/// Every branch with a pull request begins so.
const BRANCHES: &str = "headwater/";
const MAX_BRANCH: usize = 200;
const MAX_ID: usize = 220;

/// Where pull requests are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Root {
    /// Refs of our own.
    Custom,
    /// Branches, for servers that refuse other refs.
    Heads,
}

impl Root {
    pub(super) const ALL: [Self; 2] = [Self::Custom, Self::Heads];

    /// What all its refs begin with.
    pub(super) const fn prefix(self) -> &'static str {
        match self {
            Self::Custom => "refs/headwater/pulls/",
            Self::Heads => "refs/heads/headwater-pulls/",
        }
    }

    /// The ref of a pull request's description.
    pub(super) fn meta(self, id: &str) -> String {
        format!("{}{id}/meta", self.prefix())
    }

    /// What the refs of its approvals begin with.
    pub(super) fn approvals(self, id: &str) -> String {
        format!("{}{id}/approvals/", self.prefix())
    }

    /// The ref of one approval: the head's first eight digits, who in readable form, and who in unmistakable form.
    pub(super) fn approval(self, id: &str, head: &CommitId, email: &str) -> String {
        let readable: String = email
            .chars()
            .take(40)
            .map(|c| {
                if c.is_ascii_alphanumeric() {
                    c.to_ascii_lowercase()
                } else {
                    '-'
                }
            })
            .collect();
        format!(
            "{}{}-{}-{}",
            self.approvals(id),
            head.short(),
            readable.trim_matches('-'),
            hash8(email)
        )
    }
}

/// The id of a branch's pull request, and the one to use where another branch got that first (`a-b/c` and `a/b-c`);
/// `None` for branches that can have none.
pub(super) fn ids(branch: &str) -> Option<[String; 2]> {
    if !is_branch(branch) {
        return None;
    }
    let plain = branch.strip_prefix(BRANCHES)?.replace('/', "-");
    let other = format!("{plain}.{}", hash8(branch));
    Some([plain, other])
}

/// Whether a text can be an id: it becomes part of a ref's name.
pub(super) fn is_id(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_ID
        && text.bytes().all(is_plain)
        && !text.starts_with('.')
        && !text.ends_with('.')
        && !text.ends_with(".lock")
        && !text.contains("..")
}

/// Whether a text is the name of a branch that may have a pull request.
fn is_branch(text: &str) -> bool {
    text.len() <= MAX_BRANCH && text.starts_with(BRANCHES) && text.split('/').all(is_id)
}

const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

fn hash8(text: &str) -> String {
    hex::encode(&Sha256::digest(text.as_bytes())[..4])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_branch_with_dashes_and_differs_where_branches_would_collide() {
        let [plain, other] = ids("headwater/promote/my-app/prod/1a2b3c4d-2").unwrap();
        assert_eq!(plain, "promote-my-app-prod-1a2b3c4d-2");
        let [same, differs] = ids("headwater/promote/my/app-prod/1a2b3c4d-2").unwrap();
        assert_eq!(plain, same);
        assert_ne!(other, differs);
        assert!(is_id(&plain) && is_id(&other));
    }

    #[test]
    fn what_is_not_ours_or_not_a_name_has_no_id() {
        for bad in [
            "main",
            "headwater",
            "headwater/",
            "headwater//x",
            "headwater/../main",
            "headwater/a b",
            "headwater/x.lock",
            "headwater/x\n",
        ] {
            assert_eq!(ids(bad), None, "{bad}");
        }
        assert_eq!(ids(&format!("headwater/{}", "x".repeat(300))), None);
    }

    #[test]
    fn an_approvals_ref_tells_people_apart() {
        let head: CommitId = "1a2b3c4d".repeat(5).parse().unwrap();
        let name = |who| Root::Custom.approval("x", &head, who);
        assert!(
            name("Ann@acme.example")
                .starts_with("refs/headwater/pulls/x/approvals/1a2b3c4d-ann-acme-example-")
        );
        assert_ne!(name("ann@acme.example"), name("ann.acme@example"));
    }
}
