//! Reviews as approvals: whoever's latest word is an approval approves the head that it was given for. GitHub vouches for
//! who it was.

use std::collections::BTreeMap;

use super::wire::{Permission, Review};
use super::{GitHubForge, number};
use crate::forge::error::ForgeError;
use crate::forge::types::Approval;
use crate::model::CommitId;

impl GitHubForge {
    pub(super) async fn reviews(&self, number: u64) -> Result<Vec<Review>, ForgeError> {
        let what = format!("list the reviews of pull request {number}");
        let route = self.route(&format!("/pulls/{number}/reviews"));
        let hundred = [("per_page", "100")];
        self.client.list(&what, &route, &hundred).all().await
    }

    /// Approvals of a pull request, with what those of its present head may do: everybody may review who may read.
    pub(super) async fn approvals(
        &self,
        number: u64,
        head: &CommitId,
    ) -> Result<Vec<Approval>, ForgeError> {
        let mut approvals = approvals(&self.reviews(number).await?);
        for approval in approvals.iter_mut().filter(|a| a.head == *head) {
            approval.reader = !self.may_write(&approval.who).await?;
        }
        Ok(approvals)
    }

    /// Approvals of a merged one, without our own.
    pub(super) async fn approvals_of_merged(
        &self,
        id: &str,
        head: &CommitId,
    ) -> Result<Option<Vec<Approval>>, ForgeError> {
        let mut approvals = self.approvals(number(id)?, head).await?;
        if !approvals.is_empty()
            && let Some(us) = self.who().await?
        {
            let ours = format!("@{us}");
            approvals.retain(|approval| !approval.who.eq_ignore_ascii_case(&ours));
        }
        Ok(Some(approvals))
    }

    /// Whether somebody may write to the repository; not, where GitHub does not tell.
    pub(super) async fn may_write(&self, who: &str) -> Result<bool, ForgeError> {
        let login = who.trim_start_matches('@');
        let (name, end) = match login.strip_suffix("[bot]") {
            Some(name) => (name, "%5Bbot%5D"),
            None => (login, ""),
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if name.is_empty() || !name.bytes().all(plain) {
            return Ok(false);
        }
        let what = format!("show what @{login} may do");
        let route = self.route(&format!("/collaborators/{name}{end}/permission"));
        match self.client.get::<Permission>(&what, &route, &[]).await {
            Ok(found) => Ok(matches!(found.permission.as_str(), "admin" | "write")),
            Err(ForgeError::Api {
                reason: "NotFound" | "Forbidden",
                ..
            }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Approvals that stand. A comment takes nothing back; a request for changes, and a dismissal, do.
pub(super) fn approvals(reviews: &[Review]) -> Vec<Approval> {
    let mut standing: BTreeMap<String, Option<Approval>> = BTreeMap::new();
    for review in reviews {
        let Some(user) = &review.user else {
            continue;
        };
        let word = match review.state.as_str() {
            "APPROVED" => approval(&user.login, review),
            "CHANGES_REQUESTED" | "DISMISSED" => None,
            _ => continue,
        };
        standing.insert(user.login.to_lowercase(), word);
    }
    let mut standing: Vec<Approval> = standing.into_values().flatten().collect();
    standing.sort();
    standing
}

fn approval(login: &str, review: &Review) -> Option<Approval> {
    Some(Approval {
        who: format!("@{login}"),
        head: review.commit_id.as_deref()?.parse().ok()?,
        at: review.submitted_at?,
        authentic: true,
        reader: false,
        note: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn review(login: &str, state: &str, head: char) -> Review {
        let json = serde_json::json!({
            "user": {"login": login}, "state": state, "commit_id": head.to_string().repeat(40),
            "submitted_at": "2026-01-05T08:00:00Z",
        });
        serde_json::from_value(json).unwrap()
    }

    fn standing(reviews: &[Review]) -> Vec<String> {
        let all = approvals(reviews);
        all.iter()
            .map(|a| format!("{} {}", a.who, &a.head.as_str()[..1]))
            .collect()
    }

    #[test]
    fn the_latest_word_of_each_counts_for_the_head_it_was_given_for() {
        let reviews = [
            review("ann", "APPROVED", 'a'),
            review("bob", "APPROVED", 'a'),
            review("Ann", "APPROVED", 'b'),
            review("bob", "COMMENTED", 'b'),
        ];
        assert_eq!(standing(&reviews), ["@Ann b", "@bob a"]);
        let taken_back = [
            review("ann", "APPROVED", 'a'),
            review("ann", "CHANGES_REQUESTED", 'a'),
            review("bob", "DISMISSED", 'a'),
            review("eve", "PENDING", 'a'),
        ];
        assert_eq!(standing(&taken_back), [""; 0]);
    }

    #[test]
    fn reviews_of_accounts_that_are_gone_or_without_a_head_approve_nothing() {
        let gone: Review = serde_json::from_str(r#"{"user": null, "state": "APPROVED"}"#).unwrap();
        let headless: Review = serde_json::from_str(
            r#"{"user": {"login": "ann"}, "state": "APPROVED", "commit_id": null}"#,
        )
        .unwrap();
        assert_eq!(standing(&[gone, headless]), [""; 0]);
    }
}
