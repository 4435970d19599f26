//! A small Argo CD: applications that are synced and fare well or badly, told by its REST API to whoever has the token.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use headwater::model::{Digest, Timestamp};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Takes this token and no other.
pub(crate) const TOKEN: &str = "argocd-token-canary";

#[derive(Default)]
struct Inner {
    applications: BTreeMap<String, Application>,
    requests: usize,
    down: bool,
}

struct Application {
    sync: &'static str,
    health: &'static str,
    message: Option<&'static str>,
    since: String,
    images: Vec<String>,
    history: Vec<(String, String)>,
}

/// The server. It is gone when dropped.
pub(crate) struct ArgoCd {
    url: String,
    inner: Arc<Mutex<Inner>>,
    task: JoinHandle<()>,
}

impl ArgoCd {
    /// One without applications, below a path of its own.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/argo", listener.local_addr().unwrap());
        let inner: Arc<Mutex<Inner>> = Arc::default();
        let app = Router::new()
            .route("/argo/api/v1/applications/{name}", get(application))
            .with_state(Arc::clone(&inner));
        let task = tokio::spawn(async { axum::serve(listener, app).await.unwrap() });
        Self { url, inner, task }
    }

    /// Its address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// It deployed a commit: pods with these images come up.
    pub(crate) fn sync(&self, name: &str, revision: &str, images: &[&Digest], at: Timestamp) {
        let mut inner = self.inner.lock().unwrap();
        let images = images.iter();
        let images = images.map(|digest| format!("registry.example/acme/app@{digest}"));
        let before = inner.applications.remove(name);
        let mut history = before.map(|before| before.history).unwrap_or_default();
        history.push((revision.to_owned(), at.to_string()));
        let application = Application {
            sync: "Synced",
            health: "Progressing",
            message: None,
            since: at.to_string(),
            images: images.collect(),
            history,
        };
        inner.applications.insert(name.to_owned(), application);
    }

    /// It fares so from now on.
    pub(crate) fn fares(&self, name: &str, health: &'static str, at: Timestamp) {
        let mut inner = self.inner.lock().unwrap();
        let application = inner.applications.get_mut(name).unwrap();
        application.health = health;
        application.since = at.to_string();
        application.message =
            (health == "Degraded").then_some("Deployment exceeded its progress deadline");
    }

    /// What it should be is not what it is.
    pub(crate) fn out_of_sync(&self, name: &str) {
        let mut inner = self.inner.lock().unwrap();
        inner.applications.get_mut(name).unwrap().sync = "OutOfSync";
    }

    /// It answers nobody well, or does again.
    pub(crate) fn down(&self, down: bool) {
        self.inner.lock().unwrap().down = down;
    }

    /// How often it was asked.
    pub(crate) fn requests(&self) -> usize {
        self.inner.lock().unwrap().requests
    }
}

impl Drop for ArgoCd {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn refused(status: StatusCode, code: u8, words: &str) -> (StatusCode, Json<Value>) {
    let body = json!({"error": words, "code": code, "message": words});
    (status, Json(body))
}

async fn application(
    State(inner): State<Arc<Mutex<Inner>>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> (StatusCode, Json<Value>) {
    let mut inner = inner.lock().unwrap();
    inner.requests += 1;
    if inner.down {
        return refused(StatusCode::SERVICE_UNAVAILABLE, 14, "connection refused");
    }
    let token = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    if token != Some(&format!("Bearer {TOKEN}")) {
        return refused(StatusCode::UNAUTHORIZED, 16, "no session information");
    }
    // Whether there is one is not told to whoever may not see it.
    let Some(found) = inner.applications.get(&name) else {
        return refused(StatusCode::FORBIDDEN, 7, "permission denied");
    };
    let history = found.history.iter().enumerate().map(|(id, (revision, at))| {
        json!({"id": id, "revision": revision, "deployedAt": at, "source": {"repoURL": "https://git.example/deploy", "path": "."}})
    });
    let revision = found.history.last().map(|(revision, _)| revision.clone());
    let mut health = json!({"status": found.health, "lastTransitionTime": found.since});
    if let Some(message) = found.message {
        health["message"] = message.into();
    }
    let finished = found.history.last().map(|(_, at)| at.clone());
    (
        StatusCode::OK,
        Json(json!({
            "metadata": {"name": name, "namespace": "argocd", "uid": "7a3d", "resourceVersion": "1"},
            "spec": {
                "project": "default",
                "source": {"repoURL": "https://git.example/deploy", "path": "environments/qa/rendered", "targetRevision": "main"},
                "destination": {"server": "https://kubernetes.default.svc", "namespace": "app"}
            },
            "status": {
                "resources": [{"version": "v1", "kind": "Deployment", "group": "apps", "name": "app", "status": found.sync, "health": {"status": found.health}}],
                "sync": {"status": found.sync, "comparedTo": {"source": {"repoURL": "https://git.example/deploy"}}, "revision": revision},
                "health": health,
                "history": history.collect::<Vec<_>>(),
                "reconciledAt": found.since,
                "operationState": {"phase": "Succeeded", "message": "successfully synced (all tasks run)", "startedAt": finished, "finishedAt": finished, "syncResult": {"revision": revision}},
                "sourceType": "Directory",
                "summary": {"images": found.images}
            }
        })),
    )
}
