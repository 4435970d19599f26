//! What an open pull request gets beside its content: labels, people who are asked for reviews, notes. GitHub refuses a list
//! as a whole for one wrong item, so what it refuses is tried item by item.

use serde_json::json;

use super::wire::{Comment, Ignored};
use super::{GitHubForge, number};
use crate::forge::error::ForgeError;
use crate::forge::types::{Note, Part, Tending};

const OPEN: &str = "<!-- headwater-note: ";
const CLOSE: &str = " -->";

impl GitHubForge {
    pub(super) async fn tend_to(
        &self,
        id: &str,
        tending: Tending,
    ) -> Result<Vec<(Part, ForgeError)>, ForgeError> {
        let pull = self.show_open(id).await?;
        let mut refused = Vec::new();
        if let Err(error) = self.label(&pull, &tending.labels).await {
            match tending.labels.as_slice() {
                [only] => refused.push((Part::Label(only.clone()), error)),
                several => {
                    for label in several {
                        if let Err(error) = self.label(&pull, std::slice::from_ref(label)).await {
                            refused.push((Part::Label(label.clone()), error));
                        }
                    }
                }
            }
        }
        if let Err(error) = self.ask(id, &tending.ask).await {
            match tending.ask.as_slice() {
                [only] => refused.push((Part::Ask(only.clone()), error)),
                several => {
                    for who in several {
                        if let Err(error) = self.ask(id, std::slice::from_ref(who)).await {
                            refused.push((Part::Ask(who.clone()), error));
                        }
                    }
                }
            }
        }
        for note in tending.notes {
            if let Err(error) = self.leave(id, &note).await {
                refused.push((Part::Note(note.key), error));
            }
        }
        Ok(refused)
    }

    /// Asks people and teams of the repository's owner for reviews.
    async fn ask(&self, id: &str, who: &[String]) -> Result<(), ForgeError> {
        if who.is_empty() {
            return Ok(());
        }
        let (mut people, mut teams) = (Vec::new(), Vec::new());
        for name in who {
            let name = name.trim_start_matches('@');
            match name.split_once('/') {
                None => people.push(name),
                Some((owner, slug)) if owner.eq_ignore_ascii_case(self.owner()) => teams.push(slug),
                Some(_) => {
                    return Err(ForgeError::Invalid(format!(
                        "@{name} is a team of others: only teams of {} can be asked",
                        self.owner()
                    )));
                }
            }
        }
        let what = format!("ask {} for a review of pull request {id}", who.join(", "));
        let route = self.route(&format!("/pulls/{}/requested_reviewers", number(id)?));
        let body = json!({ "reviewers": people, "team_reviewers": teams });
        self.client.post::<Ignored>(&what, &route, &body).await?;
        Ok(())
    }

    /// Leaves a note unless it is there.
    async fn leave(&self, id: &str, note: &Note) -> Result<(), ForgeError> {
        let what = format!("comment on pull request {id}");
        let route = self.route(&format!("/issues/{}/comments", number(id)?));
        let hundred = [("per_page", "100")];
        let comments: Vec<Comment> = self.client.list(&what, &route, &hundred).all().await?;
        let us = self.show(id).await?.user;
        let ours = comments.iter().filter(|comment| comment.user == us);
        let mut keys = ours.filter_map(|comment| key_of(comment.body.as_deref()?));
        if keys.any(|key| key == note.key) {
            return Ok(());
        }
        let body = json!({ "body": format!("{OPEN}{}{CLOSE}\n{}", note.key, note.text) });
        self.client.post::<Ignored>(&what, &route, &body).await?;
        Ok(())
    }
}

/// The key of a note of ours, in the first line of a comment.
pub(super) fn key_of(body: &str) -> Option<&str> {
    let line = body.lines().next()?.trim();
    line.strip_prefix(OPEN)?.strip_suffix(CLOSE)
}
