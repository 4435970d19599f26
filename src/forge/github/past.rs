//! What was done about a pull request before, from its timeline: what somebody took away again is not given once more.

use super::GitHubForge;
use super::queue::{Trace, trace};
use super::tend::key_of;
use super::why::one_line;
use super::wire::{Event, Pull, Team, User};
use crate::forge::error::ForgeError;
use crate::forge::types::{Command, Past};

const COMMAND: &str = "/headwater ";
/// Longer words are no commands.
const LONGEST_COMMAND: usize = 40;
/// So many commands are looked at that nobody has answered.
const MOST_COMMANDS: usize = 10;

impl GitHubForge {
    /// With what it says of a merge queue.
    pub(super) async fn past(&self, pull: &Pull) -> Result<(Past, Trace), ForgeError> {
        let what = format!("show what happened to pull request {}", pull.number);
        let route = self.route(&format!("/issues/{}/timeline", pull.number));
        let hundred = [("per_page", "100")];
        let events: Vec<Event> = self.client.list(&what, &route, &hundred).all().await?;
        let mut past = past(pull, &events, self.owner());
        let mut allowed = Vec::new();
        for command in past.commands {
            if self.may_write(&command.who).await? {
                allowed.push(command);
            }
        }
        past.commands = allowed;
        let ticked = self.ticked(pull).await?;
        let ticked = ticked.into_iter().filter(|c| !past.notes.contains(&c.key));
        past.commands.extend(ticked);
        Ok((past, trace(&events)))
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
            "commented" => past.commands.extend(command(event)),
            _ => {}
        }
    }
    let notes = &past.notes;
    past.commands
        .retain(|command| !notes.contains(&command.key));
    past.commands.truncate(MOST_COMMANDS);
    past
}

/// The command in the first line of somebody's comment.
fn command(event: &Event) -> Option<Command> {
    let line = event.body.as_deref()?.lines().next()?.trim();
    let asked = line.strip_prefix(COMMAND)?.trim();
    let (word, text) = asked.split_once(' ').unwrap_or((asked, ""));
    let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    (plain && word.len() <= LONGEST_COMMAND).then_some(Command {
        key: format!("command-{}", event.id?),
        who: format!("@{}", event.user.as_ref()?.login),
        word: word.to_owned(),
        text: one_line(text),
        ticked: false,
        allowed: true,
    })
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
            {"event": "commented", "id": 7, "user": {"login": "mara"}, "body": "/headwater rebuild\r\nplease"},
            {"event": "commented", "id": 8, "user": {"login": "mara"}, "body": "/headwater rebuild"},
            {"event": "commented", "id": 9, "user": {"login": "mara"}, "body": "/headwater <b>\n"},
            {"event": "commented", "user": {"login": "Bot"}, "body": note.replace("foreign", "command-7")},
            {"event": "committed", "sha": "a"},
            {"sha": "an event without a name"},
        ]);
        let events: Vec<Event> = serde_json::from_value(events).unwrap();
        let Past {
            labels,
            informed,
            notes,
            commands,
        } = past(&pull, &events, "acme");
        let list = |set: std::collections::BTreeSet<String>| Vec::from_iter(set).join(" ");
        assert_eq!(list(labels), "gone now");
        assert_eq!(list(informed), "@acme/release @acme/sre @bot @mara @otto");
        assert_eq!(list(notes), "command-7 foreign");
        let open = Command {
            key: "command-8".to_owned(),
            who: "@mara".to_owned(),
            word: "rebuild".to_owned(),
            text: String::new(),
            ticked: false,
            allowed: true,
        };
        assert_eq!(commands, [open]);
    }
}
