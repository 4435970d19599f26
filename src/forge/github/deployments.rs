//! Deployments: that a set came into an environment, and how it fares there. Each is found again by the key in its payload.
//!
//! GitHub ends by itself what was in the environment before (`auto_inactive`), but by the environment's name alone, and not
//! where that is one of production (its description of the REST API). Several stages may lead to one environment, so that is
//! left off, and what the same stage brought there before is ended one by one.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};

use super::GitHubForge;
use super::wire::{DeploymentStatus, Ignored, Made};
use crate::forge::error::ForgeError;
use crate::model::{Deployment, DeploymentState};

/// The task of ours: those of others are none of our business.
const TASK: &str = "headwater";
/// So many pages of an environment's deployments are looked at, of a hundred each, the newest first.
const MOST_PAGES: usize = 5;
/// So many deployments are asked about at a time.
const AT_ONCE: usize = 4;
/// So many of a stage are looked at that may have to be ended.
const MOST_ENDED: usize = 20;

/// A deployment of ours.
#[derive(Debug)]
struct Ours {
    id: u64,
    key: String,
    stage: String,
}

impl Ours {
    /// Reads a payload, which comes as it was sent or as text.
    fn of(made: &Made, environment: &str) -> Option<Self> {
        // GitHub leaves out a filter that it does not understand.
        if made.task != TASK || made.environment != environment {
            return None;
        }
        let parsed: Value;
        let payload = match &made.payload {
            Value::String(text) => {
                parsed = serde_json::from_str(text).ok()?;
                &parsed
            }
            other => other,
        };
        let text = |name: &str| payload[name].as_str().map(str::to_owned);
        Some(Self {
            id: made.id,
            key: text("key")?,
            stage: text("stage")?,
        })
    }
}

impl GitHubForge {
    /// How those of these keys fare. One without a word is under way.
    pub(super) async fn deployed(
        &self,
        environment: &str,
        keys: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, DeploymentState>, ForgeError> {
        let enough = |found: &[Ours]| {
            let has = |key: &String| found.iter().any(|ours| ours.key == *key);
            keys.iter().all(has)
        };
        let mut found = self.deployments_of(environment, enough).await?;
        found.retain(|ours| keys.contains(&ours.key));
        let states = found.into_iter().map(|ours| async move {
            let state = self.fares(ours.id).await?;
            // What was made and not told any more is told anew.
            Ok::<_, ForgeError>(state.map(|state| (ours.key, state)))
        });
        let states = futures_util::stream::iter(states).buffered(AT_ONCE);
        let states: Vec<_> = states.try_collect().await?;
        // Of several with one key the newest counts, which comes first.
        Ok(states.into_iter().flatten().rev().collect())
    }

    /// Looks first, so that it may be repeated after a crash.
    pub(super) async fn show_deployment(
        &self,
        deployment: &Deployment,
        state: DeploymentState,
        words: &str,
    ) -> Result<(), ForgeError> {
        let environment = deployment.place.environment.as_str();
        let stage = String::from(deployment.place.stage.clone());
        let found = self.deployments_of(environment, |_| false).await?;
        let here = found.iter().find(|ours| ours.key == deployment.key);
        let id = match here {
            Some(ours) => ours.id,
            None => self.make_deployment(deployment, &stage).await?,
        };
        let before = match here {
            Some(_) => self.fares(id).await?,
            None => None,
        };
        if before == Some(state) || before.is_some_and(DeploymentState::is_final) {
            return Ok(());
        }
        if state == DeploymentState::Success {
            let older = found.iter().filter(|o| o.stage == stage && o.id < id);
            // The new one succeeds last: cut off before, all of it is done again.
            self.end(older.take(MOST_ENDED), &deployment.title).await?;
        }
        self.tell_of(id, state, words).await
    }

    async fn make_deployment(
        &self,
        deployment: &Deployment,
        stage: &str,
    ) -> Result<u64, ForgeError> {
        let what = format!("record the deployment of {}", deployment.title);
        let body = json!({
            "ref": deployment.commit.as_str(),
            "environment": deployment.place.environment.as_str(),
            "task": TASK,
            "auto_merge": false,
            "required_contexts": [],
            "description": deployment.title,
            "payload": {
                "v": 1,
                "key": deployment.key,
                "stage": stage,
                "set": deployment.set.to_string(),
            },
        });
        let route = self.route("/deployments");
        let made: Made = self.client.post(&what, &route, &body).await?;
        Ok(made.id)
    }

    /// Ends what ran there before. Below one that is ended already all others are.
    async fn end(&self, older: impl Iterator<Item = &Ours>, by: &str) -> Result<(), ForgeError> {
        for ours in older {
            match self.fares(ours.id).await? {
                Some(DeploymentState::Inactive) => break,
                Some(DeploymentState::Failure) => {}
                Some(DeploymentState::Success | DeploymentState::InProgress) | None => {
                    let words = crate::model::deployment::line(&format!("followed by {by}"));
                    self.tell_of(ours.id, DeploymentState::Inactive, &words)
                        .await?;
                }
            }
        }
        Ok(())
    }

    /// Those of ours in an environment, newest first, as far as somebody wants to see them.
    async fn deployments_of(
        &self,
        environment: &str,
        enough: impl Fn(&[Ours]) -> bool,
    ) -> Result<Vec<Ours>, ForgeError> {
        let what = format!("list the deployments to {environment}");
        let route = self.route("/deployments");
        let parameters = [
            ("environment", environment),
            ("task", TASK),
            ("per_page", "100"),
        ];
        let mut pages = self.client.list::<Made>(&what, &route, &parameters);
        let mut found = Vec::new();
        for _ in 0..MOST_PAGES {
            let Some(page) = pages.next().await? else {
                break;
            };
            found.extend(page.iter().filter_map(|made| Ours::of(made, environment)));
            if enough(&found) {
                break;
            }
        }
        found.sort_by_key(|ours| std::cmp::Reverse(ours.id));
        Ok(found)
    }

    /// The last word on one; `None` before the first.
    async fn fares(&self, id: u64) -> Result<Option<DeploymentState>, ForgeError> {
        let what = format!("show how deployment {id} fares");
        let route = self.route(&format!("/deployments/{id}/statuses"));
        let hundred = [("per_page", "100")];
        let statuses: Vec<DeploymentStatus> = self.client.get(&what, &route, &hundred).await?;
        let last = statuses.into_iter().max_by_key(|status| status.id);
        Ok(last.map(|status| match status.state.as_str() {
            "success" => DeploymentState::Success,
            "failure" | "error" => DeploymentState::Failure,
            "inactive" => DeploymentState::Inactive,
            _ => DeploymentState::InProgress,
        }))
    }

    async fn tell_of(
        &self,
        id: u64,
        state: DeploymentState,
        words: &str,
    ) -> Result<(), ForgeError> {
        let what = format!("say how deployment {id} fares");
        let route = self.route(&format!("/deployments/{id}/statuses"));
        let body = json!({
            "state": state.as_str(),
            "description": words,
            "auto_inactive": false,
        });
        self.client.post::<Ignored>(&what, &route, &body).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_read_as_they_were_sent_and_as_text_and_those_of_others_are_none() {
        let read = |task: &str, payload: Value| {
            let json = json!({"id": 7, "task": task, "environment": "prod", "payload": payload});
            let made: Made = serde_json::from_value(json).unwrap();
            Ours::of(&made, "prod").map(|ours| (ours.key, ours.stage))
        };
        let payload = json!({"v": 1, "key": "k", "stage": "app/prod"});
        let ours = Some(("k".to_owned(), "app/prod".to_owned()));
        assert_eq!(read(TASK, payload.clone()), ours);
        assert_eq!(read(TASK, Value::String(payload.to_string())), ours);
        assert_eq!(read("deploy", payload), None);
        for none in [
            json!(null),
            json!(""),
            json!("{"),
            json!([]),
            json!({"key": 1}),
        ] {
            assert_eq!(read(TASK, none), None);
        }
    }
}
