//! Argo CD's API, as far as it tells how an application fares.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use url::Url;

use super::client::{Answer, Egress};
use super::error::EgressError;
use crate::config::ArgoCdServer;
use crate::model::{Name, Timestamp};

/// The largest answer that is read, in bytes: an application lists all of its objects, some of them twice.
const MOST_BYTES: usize = 8 << 20;
/// More images and deployments of an answer are not read.
const MOST: usize = 1_000;
/// Longer words of an answer are cut.
const MOST_CHARACTERS: usize = 200;

/// How an application fares, as Argo CD said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Application {
    /// `Synced`, `OutOfSync` or `Unknown`.
    pub sync: String,
    /// `Healthy`, `Progressing`, `Degraded`, `Suspended`, `Missing` or `Unknown`.
    pub health: String,
    /// Since when it fares so, where that is told.
    pub since: Option<Timestamp>,
    /// What is said about it.
    pub message: String,
    /// Images of its pods.
    pub images: Vec<String>,
    /// What it was compared with: one revision for each of its sources.
    pub revisions: Vec<String>,
    /// Revisions that were deployed, and when.
    pub deployed: Vec<(Vec<String>, Timestamp)>,
}

/// Asks the Argo CD servers that the operator lists.
#[derive(Debug, Clone, Default)]
pub struct ArgoCd {
    servers: Arc<BTreeMap<Name, Result<Server, String>>>,
    hurried: bool,
}

#[derive(Debug)]
struct Server {
    base: Url,
    egress: Egress,
}

impl ArgoCd {
    /// For the servers of the settings.
    pub fn new(servers: &BTreeMap<Name, ArgoCdServer>) -> Self {
        let servers = servers.iter().map(|(name, server)| {
            let server = server.host(name).map(|(base, host)| Server {
                base,
                egress: Egress::new(&[host]),
            });
            (name.clone(), server)
        });
        Self {
            servers: Arc::new(servers.collect()),
            hurried: false,
        }
    }

    /// The same for a server that did not answer when it was last asked.
    #[must_use]
    pub fn hurried(&self) -> Self {
        Self {
            servers: Arc::clone(&self.servers),
            hurried: true,
        }
    }

    /// How an application fares.
    ///
    /// # Errors
    /// When no such server is listed, or it does not tell.
    pub async fn application(&self, server: &Name, name: &str) -> Result<Application, EgressError> {
        let unclear = |detail: String| EgressError::Unclear {
            server: server.to_string(),
            detail,
        };
        let found = self
            .servers
            .get(server)
            .ok_or_else(|| EgressError::NoServer {
                server: server.to_string(),
            })?;
        let Server { base, egress } = found.as_ref().map_err(|why| unclear(why.clone()))?;
        let mut url = base.clone();
        url.path_segments_mut()
            .map_err(|()| unclear("its address takes no path".to_owned()))?
            .pop_if_empty()
            .extend(["api", "v1", "applications", name]);
        let egress = match self.hurried {
            true => egress.hurried(),
            false => egress.clone(),
        };
        let answer = egress
            .get_within(&url, Some(server.as_str()), MOST_BYTES)
            .await?;
        read(answer, name).map_err(unclear)
    }
}

fn read(answer: Answer, name: &str) -> Result<Application, String> {
    match answer.status {
        200 => {}
        401 => return Err("it does not take the token".to_owned()),
        403 => {
            return Err(format!(
                "it does not show application `{name}` to the account of the token, or there is none"
            ));
        }
        404 => return Err(format!("it has no application `{name}`")),
        status => return Err(format!("it answers with status {status}")),
    }
    let told: Told = serde_json::from_str(&answer.body).map_err(|error| {
        format!(
            "its answer is no Application: line {} column {}",
            error.line(),
            error.column()
        )
    })?;
    let Status {
        sync,
        health,
        history,
        operation_state,
        summary,
    } = told.status;
    let finished = operation_state.and_then(|state| state.finished_at);
    let history = history.into_iter().flatten().rev().take(MOST);
    Ok(Application {
        sync: word(&sync.status),
        health: word(&health.status),
        since: at(health.last_transition_time.as_deref()).or_else(|| at(finished.as_deref())),
        message: word(&health.message),
        images: summary.images.into_iter().flatten().take(MOST).collect(),
        revisions: revisions(sync.revision, sync.revisions),
        deployed: history
            .filter_map(|one| {
                let at = at(one.deployed_at.as_deref())?;
                Some((revisions(one.revision, one.revisions), at))
            })
            .collect(),
    })
}

fn revisions(one: String, several: Option<Vec<String>>) -> Vec<String> {
    let all = several.into_iter().flatten().chain([one]);
    all.filter(|revision| !revision.is_empty())
        .take(MOST)
        .collect()
}

fn at(text: Option<&str>) -> Option<Timestamp> {
    text?.parse().ok()
}

/// The word of a stranger, on one line.
fn word(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let printable = line.chars().filter(|c| !c.is_control());
    printable.take(MOST_CHARACTERS).collect()
}

#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    sync: Sync,
    health: Health,
    history: Option<Vec<Deployed>>,
    operation_state: Option<OperationState>,
    summary: Summary,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Sync {
    status: String,
    revision: String,
    revisions: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Health {
    status: String,
    message: String,
    last_transition_time: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Deployed {
    revision: String,
    revisions: Option<Vec<String>>,
    deployed_at: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct OperationState {
    finished_at: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Summary {
    images: Option<Vec<String>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str) -> Result<Application, String> {
        let answer = Answer {
            status,
            headers: BTreeMap::new(),
            body: body.to_owned(),
        };
        read(answer, "app-qa")
    }

    #[test]
    fn what_argo_cd_says_is_read_and_what_is_lacking_is_not_made_up() {
        let body = r#"{
            "metadata": {"name": "app-qa", "namespace": "argocd"},
            "spec": {"source": {"repoURL": "https://x", "path": "."}, "project": "default"},
            "status": {
                "sync": {"status": "Synced", "comparedTo": {}, "revision": "aa"},
                "health": {"status": "Healthy", "lastTransitionTime": "2026-01-05T09:00:00Z"},
                "history": [
                    {"id": 0, "revision": "zz", "deployedAt": "2026-01-05T08:00:00Z"},
                    {"id": 1, "revision": "aa", "deployedAt": "2026-01-05T08:59:00Z"}
                ],
                "operationState": {"phase": "Succeeded", "finishedAt": "2026-01-05T08:59:01Z"},
                "summary": {"images": ["q.io/a@sha256:00"]},
                "resources": [{"kind": "Deployment"}]
            }
        }"#;
        let found = of(200, body).unwrap();
        assert_eq!(
            (found.sync.as_str(), found.health.as_str()),
            ("Synced", "Healthy")
        );
        assert_eq!(found.since.unwrap().to_string(), "2026-01-05T09:00:00Z");
        assert_eq!(found.revisions, ["aa"]);
        assert_eq!(found.deployed[0].0, ["aa"], "the newest comes first");
        let several = r#"{"status": {"sync": {"status": "Synced", "revisions": ["a", "b"]}, "health": {"status": "Healthy"}, "operationState": {"finishedAt": "2026-01-05T08:59:01Z"}, "summary": {}}}"#;
        let found = of(200, several).unwrap();
        assert_eq!(found.revisions, ["a", "b"]);
        assert_eq!(found.since.unwrap().to_string(), "2026-01-05T08:59:01Z");
        assert_eq!(of(200, "{}"), Ok(Application::default()));
        let odd = r#"{"status": {"sync": {"status": "a\u001b[31m\nb"}, "history": null, "summary": {"images": null}}}"#;
        assert_eq!(of(200, odd).unwrap().sync, "a[31m b");
        for (status, body, words) in [
            (401, "", "does not take the token"),
            (403, "", "or there is none"),
            (404, "", "has no application `app-qa`"),
            (302, "", "status 302"),
            (200, "<html>", "no Application: line 1"),
            (200, r#"{"status": 1}"#, "no Application"),
        ] {
            let error = of(status, body).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }
}
