//! Opening, changing and closing. Each looks before it writes, so that it may be repeated after a crash or an answer that
//! was lost on the way.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::fit::fit;
use super::list::state;
use super::wire::{Label, Pull};
use super::{GitHubForge, number};
use crate::forge::error::ForgeError;
use crate::forge::types::{Closing, NewPull, Opened, PullState, PullText};
use crate::model::Faulty as _;

/// Between tries to open a pull request for a branch that GitHub does not know yet.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

impl GitHubForge {
    pub(super) async fn create(&self, new: NewPull) -> Result<Opened, ForgeError> {
        if let Some(found) = self.of_branch(&new.branch).await? {
            return already(&found);
        }
        let (title, text) = fit(&new.text);
        let body = json!({
            "title": title,
            "body": text,
            "head": new.branch,
            "base": self.base().await?,
        });
        let pull = match self.post_pull(&new.branch, &body).await {
            Ok(pull) => pull,
            // Somebody was faster, or an earlier call of ours was answered too late.
            Err(error) => match self.of_branch(&new.branch).await {
                Ok(Some(found)) => return already(&found),
                _ => return Err(error),
            },
        };
        let id = pull.number.to_string();
        self.note(pull.clone()).await;
        // It is open, labelled or not.
        if let Err(error) = self.label(&pull, &new.text.labels).await {
            let fault = error.fault().party.as_str();
            tracing::warn!(pull_request = id, %error, fault, "a pull request is without its labels");
        }
        Ok(Opened { id, created: true })
    }

    /// GitHub may not have seen the branch yet that was just pushed.
    async fn post_pull(&self, branch: &str, body: &Value) -> Result<Pull, ForgeError> {
        let what = format!("open a pull request from `{branch}`");
        let route = self.route("/pulls");
        let mut pauses = PAUSES.into_iter();
        loop {
            let made = self.client.post::<Pull>(&what, &route, body).await;
            match (made, pauses.next()) {
                (Err(error), Some(pause)) if is_unknown_head(&error) => {
                    tracing::debug!(%error, "the branch is not known yet");
                    tokio::time::sleep(pause).await;
                }
                (made, _) => return made,
            }
        }
    }

    /// The latest pull request of a branch, an open one before all others.
    async fn of_branch(&self, branch: &str) -> Result<Option<Pull>, ForgeError> {
        let owner = self.repository.split('/').next().unwrap_or_default();
        let head = format!("{owner}:{branch}");
        let parameters = [
            ("head", head.as_str()),
            ("state", "all"),
            ("per_page", "100"),
        ];
        let what = format!("look for a pull request of `{branch}`");
        let route = self.route("/pulls");
        let page = self
            .client
            .get::<octocrab::Page<Pull>>(&what, &route, &parameters)
            .await?;
        let of_it = page.items.into_iter().filter(|pull| {
            // GitHub leaves out a filter that it does not understand.
            pull.head.name == branch && pull.is_ours(&self.repository)
        });
        Ok(of_it.max_by_key(|pull| (state(pull) == PullState::Open, pull.number)))
    }

    pub(super) async fn show(&self, id: &str) -> Result<Pull, ForgeError> {
        let number = number(id)?;
        let what = format!("show pull request {id}");
        let route = self.route(&format!("/pulls/{number}"));
        let read = self.client.get::<Pull>(&what, &route, &[]).await;
        read.map_err(|error| match error {
            ForgeError::Api {
                reason: "NotFound", ..
            } => ForgeError::NotFound(id.to_owned()),
            other => other,
        })
    }

    /// An open one, or which state it is in.
    pub(super) async fn show_open(&self, id: &str) -> Result<Pull, ForgeError> {
        let pull = self.show(id).await?;
        match state(&pull) {
            PullState::Open => Ok(pull),
            state => Err(ForgeError::State {
                id: id.to_owned(),
                state,
            }),
        }
    }

    pub(super) async fn set_text(&self, id: &str, text: PullText) -> Result<bool, ForgeError> {
        let pull = self.show_open(id).await?;
        let (title, body) = fit(&text);
        let differs = pull.title != title || pull.text() != body;
        if differs {
            let body = json!({ "title": title, "body": body });
            self.change(id, &body).await?;
        }
        Ok(differs)
    }

    pub(super) async fn set_closed(&self, id: &str, closing: Closing) -> Result<bool, ForgeError> {
        let pull = self.show(id).await?;
        match state(&pull) {
            PullState::Open => {}
            PullState::Closed => return Ok(false),
            state => {
                return Err(ForgeError::State {
                    id: id.to_owned(),
                    state,
                });
            }
        }
        // Text and state in one call: closed without the marker that says by whom, it would hold the set.
        let mut body = json!({ "state": "closed" });
        if let Some(text) = &closing.text {
            let (title, text) = fit(text);
            body["title"] = title.into();
            body["body"] = text.into();
        }
        self.change(id, &body).await?;
        Ok(true)
    }

    pub(super) async fn set_open(&self, id: &str) -> Result<bool, ForgeError> {
        let pull = self.show(id).await?;
        match state(&pull) {
            PullState::Open => return Ok(false),
            PullState::Closed => {}
            state => {
                return Err(ForgeError::State {
                    id: id.to_owned(),
                    state,
                });
            }
        }
        self.change(id, &json!({ "state": "open" })).await?;
        Ok(true)
    }

    async fn change(&self, id: &str, body: &Value) -> Result<(), ForgeError> {
        let what = format!("change pull request {id}");
        let route = self.route(&format!("/pulls/{}", number(id)?));
        let pull = self.client.patch::<Pull>(&what, &route, body).await?;
        self.note(pull).await;
        Ok(())
    }

    /// Adds the labels that it lacks; those that people gave it stay.
    pub(super) async fn label(&self, pull: &Pull, wanted: &[String]) -> Result<bool, ForgeError> {
        let present: BTreeSet<String> = pull.labels.iter().map(|l| l.name.to_lowercase()).collect();
        let lacking = wanted
            .iter()
            .filter(|l| !present.contains(&l.to_lowercase()));
        let lacking: Vec<&String> = lacking.collect();
        if lacking.is_empty() {
            return Ok(false);
        }
        let what = format!("label pull request {}", pull.number);
        let route = self.route(&format!("/issues/{}/labels", pull.number));
        let body = json!({ "labels": lacking });
        let labels: Vec<Label> = self.client.post(&what, &route, &body).await?;
        let labelled = Pull {
            labels,
            ..pull.clone()
        };
        self.note(labelled).await;
        Ok(true)
    }

    pub(super) async fn note(&self, pull: Pull) {
        self.known.lock().await.note(pull);
    }
}

fn is_unknown_head(error: &ForgeError) -> bool {
    matches!(error, ForgeError::Api { reason: "Invalid", message, .. } if message.contains("\"head\""))
}

/// What there is already for a branch. One that was closed or merged is not opened a second time.
fn already(pull: &Pull) -> Result<Opened, ForgeError> {
    let id = pull.number.to_string();
    match state(pull) {
        PullState::Open => Ok(Opened { id, created: false }),
        state => Err(ForgeError::State { id, state }),
    }
}
