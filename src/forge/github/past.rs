//! What was done about a pull request before, from its timeline: what somebody took away again is not given once more.

use super::GitHubForge;
use super::tend::key_of;
use super::wire::{Event, Pull, Team, User};
use crate::forge::error::ForgeError;
use crate::forge::types::Past;

impl GitHubForge {
    pub(super) async fn past(&self, pull: &Pull) -> Result<Past, ForgeError> {
        let what = format!("show what happened to pull request {}", pull.number);
        let route = self.route(&format!("/issues/{}/timeline", pull.number));
        let hundred = [("per_page", "100")];
        let events: Vec<Event> = self.client.list(&what, &route, &hundred).all().await?;
        Ok(past(pull, &events, self.owner()))
    }

    /// Whoever the repository belongs to.
    pub(super) fn owner(&self) -> &str {
        self.repository.split('/').next().unwrap_or_default()
    }
}

fn past(pull: &Pull, events: &[Event], owner: &str) -> Past {
    let person = |user: &User| format!("@{}", user.login).to_lowercase();
    let team = |team: &Team| format!("@{owner}/{}", team.slug).to_lowercase();
    let mut past = Past::default();
    let present = pull.labels.iter();
    past.labels.extend(present.map(|l| l.name.to_lowercase()));
    past.informed.extend(pull.user.as_ref().map(person));
    past.informed
        .extend(pull.requested_reviewers.iter().map(person));
    past.informed.extend(pull.requested_teams.iter().map(team));
    for event in events {
        match event.event.as_str() {
            "labeled" | "unlabeled" => {
                let label = event.label.as_ref();
                past.labels.extend(label.map(|l| l.name.to_lowercase()));
            }
            "review_requested" | "review_request_removed" => {
                past.informed
                    .extend(event.requested_reviewer.as_ref().map(person));
                past.informed
                    .extend(event.requested_team.as_ref().map(team));
            }
            "reviewed" => past.informed.extend(event.user.as_ref().map(person)),
            // A note that somebody else imitates is none of ours.
            "commented" if event.user.is_some() && event.user == pull.user => {
                past.notes
                    .extend(event.body.as_deref().and_then(key_of).map(str::to_owned));
            }
            _ => {}
        }
    }
    past
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_away_was_there_and_strangers_leave_no_notes() {
        let json = serde_json::json!({
            "number": 1, "state": "open", "title": "t", "user": {"login": "Bot"}, "labels": [{"name": "Now"}],
            "requested_teams": [{"slug": "release"}],
            "head": {"ref": "headwater/x", "sha": "a"}, "base": {"ref": "main", "sha": "b"},
            "created_at": "2026-01-05T08:00:00Z", "updated_at": "2026-01-05T08:00:00Z",
        });
        let pull: Pull = serde_json::from_value(json).unwrap();
        let note = "<!-- headwater-note: foreign -->\nwords";
        let events = serde_json::json!([
            {"event": "labeled", "label": {"name": "Gone", "color": "ededed"}},
            {"event": "unlabeled", "label": {"name": "Gone", "color": "ededed"}},
            {"event": "review_requested", "requested_reviewer": {"login": "Mara"}},
            {"event": "review_request_removed", "requested_reviewer": {"login": "Mara"}},
            {"event": "review_requested", "requested_team": {"slug": "sre"}},
            {"event": "reviewed", "user": {"login": "otto"}, "body": null},
            {"event": "commented", "user": {"login": "eve"}, "body": note.replace("foreign", "forged")},
            {"event": "commented", "user": {"login": "Bot"}, "body": note},
            {"event": "committed", "sha": "a"},
            {"sha": "an event without a name"},
        ]);
        let events: Vec<Event> = serde_json::from_value(events).unwrap();
        let Past {
            labels,
            informed,
            notes,
        } = past(&pull, &events, "acme");
        let list = |set: std::collections::BTreeSet<String>| Vec::from_iter(set).join(" ");
        assert_eq!(list(labels), "gone now");
        assert_eq!(list(informed), "@acme/release @acme/sre @bot @mara @otto");
        assert_eq!(list(notes), "foreign");
    }
}
