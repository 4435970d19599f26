//! `pull.json`: all that is remembered about a pull request. It comes from a repository, so it is bounded and checked
//! in the same way whether it is read or written.

use serde::{Deserialize, Serialize};

use super::names;
use crate::forge::types::PullText;
use crate::model::{CommitId, Timestamp};

/// The file's name.
pub(super) const FILE: &str = "pull.json";
/// The file's largest size in bytes.
pub(super) const MAX_BYTES: usize = 64 << 10;
const VERSION: u32 = 1;
const MAX_TITLE: usize = 256;
const MAX_LABELS: usize = 32;
const MAX_LABEL: usize = 50;
const MAX_NOTE: usize = 500;
const MAX_MERGING: usize = 16;
const MARKER: &str = "<!--";

/// A pull request as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Document {
    v: u32,
    /// Branch without `refs/heads/`.
    pub(super) branch: String,
    pub(super) title: String,
    /// The body's first line if that is a hidden marker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    set: Option<String>,
    /// The rest of the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) labels: Vec<String>,
    pub(super) state: State,
    /// The branch's head when this was last written.
    pub(super) head: CommitId,
    /// Where the branch had left the base when the pull request was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) start: Option<CommitId>,
    pub(super) opened_at: Timestamp,
    /// Who closed it; absent when we did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) closed_by: Option<String>,
    /// Why it was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// Commits about to be pushed to the base, newest last: once one is there, this is merged, whatever `state` says.
    /// Several, because of two who merge at once either may get through.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) merging: Vec<CommitId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) merged_as: Option<CommitId>,
}

/// What was last written down; the truth may be further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum State {
    Open,
    Merged,
    Closed,
}

impl Document {
    /// An open pull request.
    pub(super) fn new(
        branch: String,
        text: &PullText,
        head: CommitId,
        start: Option<CommitId>,
        now: Timestamp,
    ) -> Self {
        let mut made = Self {
            v: VERSION,
            branch,
            title: String::new(),
            set: None,
            body: None,
            labels: Vec::new(),
            state: State::Open,
            head,
            start,
            opened_at: now,
            closed_by: None,
            reason: None,
            merging: Vec::new(),
            merged_as: None,
        };
        made.set_text(text);
        made
    }

    /// The whole body.
    pub(super) fn body(&self) -> String {
        match (&self.set, &self.body) {
            (Some(marker), Some(rest)) => format!("{marker}\n{rest}"),
            (Some(only), None) | (None, Some(only)) => only.clone(),
            (None, None) => String::new(),
        }
    }

    /// Takes over what people read.
    pub(super) fn set_text(&mut self, text: &PullText) {
        self.title.clone_from(&text.title);
        self.labels.clone_from(&text.labels);
        let (first, rest) = match text.body.split_once('\n') {
            Some((first, rest)) => (first, Some(rest)),
            None => (text.body.as_str(), None),
        };
        if first.starts_with(MARKER) {
            self.set = Some(first.to_owned());
            self.body = rest.map(str::to_owned);
        } else {
            self.set = None;
            self.body = (!text.body.is_empty()).then(|| text.body.clone());
        }
    }

    /// Notes a commit that is about to be pushed to the base.
    pub(super) fn note_merging(&mut self, commit: CommitId) {
        self.merging.retain(|noted| *noted != commit);
        if self.merging.len() >= MAX_MERGING {
            self.merging.remove(0);
        }
        self.merging.push(commit);
    }

    /// Reads the file, or says in one line why it is none.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Versioned {
            v: u32,
        }
        if bytes.len() > MAX_BYTES {
            return Err(format!("`{FILE}` is larger than {MAX_BYTES} bytes"));
        }
        let explain =
            |error: serde_json::Error| format!("`{FILE}`: {}", one_line(&error.to_string()));
        let versioned: Versioned = serde_json::from_slice(bytes).map_err(explain)?;
        if versioned.v != VERSION {
            return Err(format!(
                "`{FILE}` has version {}, this program knows {VERSION}",
                versioned.v
            ));
        }
        let read: Self = serde_json::from_slice(bytes).map_err(explain)?;
        read.check()?;
        Ok(read)
    }

    /// The file's bytes, or in one line why this cannot be stored.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, String> {
        self.check()?;
        let mut bytes = serde_json::to_vec_pretty(self).map_err(|error| error.to_string())?;
        bytes.push(b'\n');
        if bytes.len() > MAX_BYTES {
            return Err(format!(
                "its text is too long: `{FILE}` would have {} bytes, {MAX_BYTES} are allowed",
                bytes.len()
            ));
        }
        Ok(bytes)
    }

    fn check(&self) -> Result<(), String> {
        if names::ids(&self.branch).is_none() {
            return Err("its branch is none below `headwater/`".to_owned());
        }
        if !is_line(&self.title, MAX_TITLE) {
            return Err(format!(
                "its title is empty, not one plain line, or above {MAX_TITLE} characters"
            ));
        }
        if !self
            .body()
            .chars()
            .all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t'))
        {
            return Err("its body holds control characters".to_owned());
        }
        if self.labels.len() > MAX_LABELS || !self.labels.iter().all(|l| is_line(l, MAX_LABEL)) {
            return Err(format!(
                "it has more than {MAX_LABELS} labels, or one that is not 1 to {MAX_LABEL} plain characters"
            ));
        }
        if self.merging.len() > MAX_MERGING {
            return Err(format!("more than {MAX_MERGING} merges of it are noted"));
        }
        for (what, note) in [("closer", &self.closed_by), ("reason", &self.reason)] {
            if note.as_ref().is_some_and(|note| !is_line(note, MAX_NOTE)) {
                return Err(format!(
                    "its {what} is empty, not one plain line, or above {MAX_NOTE} characters"
                ));
            }
        }
        Ok(())
    }
}

fn is_line(text: &str, limit: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= limit && text.chars().all(is_printable)
}

/// Neither a control character nor one that turns the direction of text around or hides in it.
fn is_printable(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Text from outside as one short line that can be shown.
pub(super) fn one_line(text: &str) -> String {
    text.chars()
        .take(300)
        .map(|c| if is_printable(c) { c } else { ' ' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(body: &str) -> PullText {
        PullText {
            title: "Promote myapp 1.2 -> 1.3 to prod".to_owned(),
            body: body.to_owned(),
            labels: vec!["promotion".to_owned()],
        }
    }

    fn document(body: &str) -> Document {
        Document::new(
            "headwater/promote/myapp/prod/1a2b3c4d".to_owned(),
            &text(body),
            "a".repeat(40).parse().unwrap(),
            None,
            "2026-11-02T09:00:00Z".parse().unwrap(),
        )
    }

    #[test]
    fn every_body_comes_back_as_it_was_given() {
        for body in [
            "<!-- headwater: {} -->\n\n**myapp** moves\n",
            "<!-- headwater: {} -->",
            "<!-- headwater: {} -->\n",
            "no marker\nat all",
            "\n<!-- later -->",
            "",
        ] {
            let written = document(body).to_bytes().unwrap();
            assert_eq!(Document::parse(&written).unwrap().body(), body);
        }
    }

    #[test]
    fn the_marker_stands_by_itself_in_the_file() {
        let bytes = document("<!-- headwater: {\"v\":1} -->\n\ntext")
            .to_bytes()
            .unwrap();
        let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(value["set"], "<!-- headwater: {\"v\":1} -->");
        assert_eq!(value["body"], "\ntext");
        assert_eq!(value["state"], "open");
    }

    #[test]
    fn what_is_hostile_or_too_large_is_named_and_refused() {
        let good = String::from_utf8(document("x").to_bytes().unwrap()).unwrap();
        for (old, new, says) in [
            ("\"v\": 1", "\"v\": 2", "version 2"),
            ("headwater/promote/myapp/prod/1a2b3c4d", "main", "branch"),
            ("headwater/promote/", "headwater/../", "branch"),
            ("Promote myapp", "Promote \\u001b[31mmyapp", "title"),
            ("Promote myapp", "Promote \\u202emyapp", "title"),
            ("\"promotion\"", "\"\"", "label"),
            ("\"open\"", "\"ajar\"", "unknown variant"),
            ("\"v\": 1", "\"v\": 1, \"evil\": 1", "unknown field"),
            ("\"v\": 1", "\"v\": 1, \"closedBy\": \"a\\nb\"", "closer"),
            ("aaaa", "zzzz", "commit"),
        ] {
            let bad = good.replacen(old, new, 1);
            assert_ne!(bad, good);
            let problem = Document::parse(bad.as_bytes()).unwrap_err();
            assert!(problem.contains(says), "{problem}");
        }
        assert!(Document::parse(&vec![b'['; 50_000]).is_err());
        assert!(Document::parse(&vec![b' '; MAX_BYTES + 1]).is_err());
        let problem = document(&"x".repeat(MAX_BYTES)).to_bytes().unwrap_err();
        assert!(problem.contains("too long"), "{problem}");
    }
}
