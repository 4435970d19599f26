//! How commits, refs, check runs and statuses look in answers.

use headwater::model::Timestamp;
use serde_json::{Value, json};

use super::{View, time};
use crate::support::github::records::{CheckRun, Status};
use crate::support::github::state::State;

impl View {
    /// A commit.
    pub(in crate::support::github) fn commit(&self, state: &State, sha: &str) -> Value {
        let commit = state.git.commit(sha);
        let url = format!("{}/commits/{sha}", self.repo_url());
        let signature = |by: git2::Signature<'_>| {
            let at = Timestamp::from_second(by.when().seconds()).unwrap();
            json!({ "name": by.name().unwrap(), "email": by.email().unwrap(), "date": time(at) })
        };
        let known = |by: &git2::Signature<'_>| {
            let email = by.email().unwrap_or_default().to_owned();
            let login = email.strip_suffix("@users.noreply.github.com");
            let login = login.and_then(|l| Some(l.split_once('+')?.1));
            let told = state.people.emails.get(&email).map(String::as_str);
            self.person(state, login.or(told))
        };
        let tree = commit.tree_id().to_string();
        let parents: Vec<Value> = commit
            .parent_ids()
            .map(|id| {
                json!({
                    "sha": id.to_string(), "url": format!("{}/commits/{id}", self.repo_url()),
                    "html_url": format!("{}/commit/{id}", self.repo_page()),
                })
            })
            .collect();
        json!({
            "url": url, "sha": sha, "node_id": format!("C_{sha}"), "html_url": format!("{}/commit/{sha}", self.repo_page()),
            "comments_url": format!("{url}/comments"), "author": known(&commit.author()), "committer": known(&commit.committer()),
            "parents": parents,
            "commit": {
                "url": format!("{}/git/commits/{sha}", self.repo_url()), "author": signature(commit.author()),
                "committer": signature(commit.committer()), "message": commit.message().unwrap().trim_end(), "comment_count": 0,
                "tree": { "sha": tree, "url": format!("{}/git/trees/{tree}", self.repo_url()) },
                "verification": { "verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null },
            },
        })
    }

    /// A commit by itself: with its files.
    pub(in crate::support::github) fn full_commit(&self, state: &State, sha: &str) -> Value {
        let mut body = self.commit(state, sha);
        let changes = state.git.changes_of(sha);
        let (added, removed) = (changes.additions, changes.deletions);
        body["stats"] =
            json!({ "additions": added, "deletions": removed, "total": added + removed });
        let file = |(path, what, added, removed, blob): &(String, &str, usize, usize, String)| {
            let page = self.repo_page();
            json!({
                "sha": blob, "filename": path, "status": what, "additions": added, "deletions": removed,
                "changes": added + removed, "blob_url": format!("{page}/blob/{sha}/{path}"),
                "raw_url": format!("{page}/raw/{sha}/{path}"),
                "contents_url": format!("{}/contents/{path}?ref={sha}", self.repo_url()),
            })
        };
        body["files"] = changes.files.iter().map(file).collect();
        body
    }

    /// A ref.
    pub(in crate::support::github) fn reference(&self, name: &str, sha: &str) -> Value {
        json!({
            "ref": name, "node_id": format!("REF_{name}"), "url": format!("{}/git/{name}", self.repo_url()),
            "object": { "type": "commit", "sha": sha, "url": format!("{}/git/commits/{sha}", self.repo_url()) },
        })
    }

    /// A check run.
    pub(in crate::support::github) fn check_run(&self, state: &State, run: &CheckRun) -> Value {
        let url = format!("{}/check-runs/{}", self.repo_url(), run.id);
        let page = format!("{}/runs/{}", self.repo_page(), run.id);
        let pulls = state.records.pulls.values();
        let pulls = pulls.filter(|pull| pull.open && pull.head_sha == run.sha);
        let repository = json!({ "id": 100_200, "url": self.repo_url(), "name": super::NAME });
        let end =
            |branch: &str, sha: &str| json!({ "ref": branch, "sha": sha, "repo": repository });
        json!({
            "id": run.id, "node_id": format!("CR_{}", run.id), "head_sha": run.sha, "external_id": run.external_id, "url": url,
            "html_url": page, "details_url": run.details_url.as_ref().unwrap_or(&page), "status": run.status,
            "conclusion": run.conclusion, "started_at": time(run.started), "completed_at": run.completed.map(time),
            "output": {
                "title": run.title, "summary": run.summary, "text": run.text, "annotations_count": 0,
                "annotations_url": format!("{url}/annotations"),
            },
            "name": run.name, "check_suite": { "id": 1 }, "app": self.app(state, &run.app),
            "pull_requests": pulls.map(|pull| json!({
                "id": 40_000 + pull.number, "number": pull.number, "url": format!("{}/pulls/{}", self.repo_url(), pull.number),
                "head": end(&pull.head, &pull.head_sha), "base": end(&pull.base, &pull.base_sha),
            })).collect::<Vec<_>>(),
        })
    }

    /// A status of a commit, without who gave it.
    pub(in crate::support::github) fn short_status(&self, status: &Status) -> Value {
        json!({
            "url": format!("{}/statuses/{}", self.repo_url(), status.sha), "avatar_url": format!("{}/avatars/1", self.origin),
            "id": status.id, "node_id": format!("SC_{}", status.id), "state": status.state, "description": status.description,
            "target_url": status.target_url, "context": status.context, "created_at": time(status.at), "updated_at": time(status.at),
        })
    }

    /// A status of a commit.
    pub(in crate::support::github) fn status(&self, state: &State, status: &Status) -> Value {
        let mut body = self.short_status(status);
        body["creator"] = self.person(state, Some(&status.author));
        body
    }
}
