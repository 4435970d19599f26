//! Boxes that somebody ticked in the text of a pull request. REST does not tell who; GraphQL knows the texts it had before and
//! who wrote each. Asked only where a box is ticked.

use serde::Deserialize;
use serde_json::json;

use super::GitHubForge;
use super::graphql::Answer;
use super::wire::Pull;
use crate::forge::error::ForgeError;
use crate::forge::types::Command;
use crate::model::tick_box;

const QUERY: &str = "query($owner: String!, $name: String!, $number: Int!) { repository(owner: $owner, name: $name) { pullRequest(number: $number) { userContentEdits(first: 20) { nodes { id editedAt diff editor { __typename login } } } } } }";
/// By which the one note is found that says that nobody is known.
const NOBODY: &str = "tick-nobody";
/// Longest id of an edit that becomes part of a key.
const LONGEST_ID: usize = 80;

#[derive(Debug, Clone, Deserialize)]
struct Data {
    #[serde(default)]
    repository: Option<Repository>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Repository {
    #[serde(default)]
    pull_request: Option<PullRequest>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PullRequest {
    #[serde(default)]
    user_content_edits: Option<Edits>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Edits {
    #[serde(default)]
    nodes: Vec<Option<Edit>>,
}

/// A text as it was after one edit.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Edit {
    id: String,
    edited_at: String,
    /// The whole text, whatever the name; `None` where somebody took it out of the list.
    #[serde(default)]
    diff: Option<String>,
    #[serde(default)]
    editor: Option<Editor>,
}

#[derive(Debug, Clone, Deserialize)]
struct Editor {
    #[serde(rename = "__typename")]
    kind: String,
    login: String,
}

impl GitHubForge {
    /// What people ask for by boxes, each with whether they may.
    pub(super) async fn ticked(&self, pull: &Pull) -> Result<Vec<Command>, ForgeError> {
        let body = pull.text();
        let words: Vec<&str> = tick_box::ticked(&body).collect();
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let edits = match self.edits(pull.number).await {
            Err(error) if !error.is_transient() => Vec::new(),
            edits => edits?,
        };
        let mut commands = Vec::new();
        for words in words {
            let found = who_ticked(words, &edits);
            let allowed = match &found {
                Some((_, who)) => self.may_write(who).await?,
                None => false,
            };
            let (key, who) = found.unwrap_or_else(|| (NOBODY.to_owned(), String::new()));
            let (word, rest) = words.split_once(' ').unwrap_or((words, ""));
            commands.push(Command {
                key,
                who,
                word: word.to_owned(),
                text: rest.to_owned(),
                ticked: true,
                allowed,
            });
        }
        commands.dedup_by(|a, b| a.key == b.key && a.word == b.word);
        Ok(commands)
    }

    /// The texts that it had, newest first.
    async fn edits(&self, number: u64) -> Result<Vec<Edit>, ForgeError> {
        let what = format!("say who edited pull request {number}");
        let (owner, name) = self.repository.split_once('/').unwrap_or_default();
        let variables = json!({ "owner": owner, "name": name, "number": number });
        let answer: Answer<Data> = self.client.query(&what, QUERY, &variables).await?;
        let pull = answer.data(&what)?.repository.and_then(|r| r.pull_request);
        let edits = pull.and_then(|pull| pull.user_content_edits);
        let nodes = edits.unwrap_or_default().nodes.into_iter();
        let mut edits: Vec<Edit> = nodes.flatten().collect();
        if let (Some(first), Some(last)) = (edits.first(), edits.last())
            && first.edited_at < last.edited_at
        {
            edits.reverse();
        }
        Ok(edits)
    }
}

/// The key of the edit that ticked a box, and whose it is: the newest text that has it ticked behind one that has not. `None`
/// where a text between is not to be seen, or nobody's.
fn who_ticked(words: &str, edits: &[Edit]) -> Option<(String, String)> {
    let has = |edit: &Edit| {
        let text = edit.diff.as_deref()?;
        Some(tick_box::ticked(text).any(|ticked| ticked == words))
    };
    for pair in edits.windows(2) {
        if !has(&pair[0])? {
            return None;
        }
        if !has(&pair[1])? {
            let editor = pair[0].editor.as_ref()?;
            let bot = match editor.kind.as_str() {
                "Bot" if !editor.login.ends_with("[bot]") => "[bot]",
                _ => "",
            };
            let plain = |c: &char| c.is_ascii_alphanumeric() || "-_".contains(*c);
            let id: String = pair[0].id.chars().filter(plain).take(LONGEST_ID).collect();
            let word = words.split(' ').next().unwrap_or_default();
            return Some((
                format!("tick-{word}-{id}"),
                format!("@{}{bot}", editor.login),
            ));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(id: &str, who: &str, body: Option<&str>) -> Edit {
        let json = json!({
            "id": id, "editedAt": "2026-01-05T09:00:00Z", "diff": body,
            "editor": {"__typename": "User", "login": who},
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn who_ticked_is_whose_text_has_it_first() {
        let empty = tick_box::empty("rebuild this branch");
        let ticked = empty.replace("[ ]", "[x]");
        let with = |text: &str| format!("{ticked}\n{text}");
        let who = |edits: &[Edit]| who_ticked("rebuild this branch", edits).map(|(_, who)| who);
        let otto = [
            edit("3", "mara", Some(&with("and a typo mended"))),
            edit("2", "otto", Some(&ticked)),
            edit("1", "bot", Some(&empty)),
        ];
        assert_eq!(who(&otto), Some("@otto".to_owned()));
        // Unticked and ticked again: the last one counts.
        let again = [
            edit("5", "rita", Some(&ticked)),
            edit("4", "mara", Some(&empty)),
            edit("2", "otto", Some(&ticked)),
            edit("1", "bot", Some(&empty)),
        ];
        assert_eq!(who(&again), Some("@rita".to_owned()));
        let hidden = [edit("2", "otto", Some(&ticked)), edit("1", "bot", None)];
        assert_eq!(who(&hidden), None);
        assert_eq!(
            who(&[edit("1", "otto", Some(&ticked))]),
            None,
            "it began like that"
        );
        let late = [edit("1", "bot", Some(&empty)), edit("0", "bot", Some("x"))];
        assert_eq!(who(&late), None, "what is listed is not among them yet");
    }
}
