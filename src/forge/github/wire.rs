//! What GitHub's REST API answers, as far as it is read. Fields that are not read may change as they like.

use serde::Deserialize;

use crate::model::Timestamp;

/// `GET /repos/{owner}/{repo}`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Repository {
    pub(super) full_name: String,
    pub(super) default_branch: String,
    #[serde(default)]
    pub(super) archived: bool,
    #[serde(default)]
    pub(super) allow_squash_merge: bool,
    #[serde(default)]
    pub(super) allow_merge_commit: bool,
    #[serde(default)]
    pub(super) allow_rebase_merge: bool,
    #[serde(default)]
    pub(super) permissions: Option<Permissions>,
}

/// What the token may do.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Permissions {
    #[serde(default)]
    pub(super) push: bool,
}

/// A pull request, in a list or alone.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Pull {
    pub(super) number: u64,
    /// Its name for GraphQL.
    #[serde(default)]
    pub(super) node_id: String,
    pub(super) state: State,
    pub(super) title: String,
    #[serde(default)]
    pub(super) body: Option<String>,
    #[serde(default)]
    pub(super) labels: Vec<Label>,
    /// Gone when the account was deleted.
    #[serde(default)]
    pub(super) user: Option<User>,
    #[serde(default)]
    pub(super) requested_reviewers: Vec<User>,
    #[serde(default)]
    pub(super) requested_teams: Vec<Team>,
    pub(super) head: Side,
    pub(super) base: Side,
    #[serde(default)]
    pub(super) merged_at: Option<Timestamp>,
    #[serde(default)]
    pub(super) merge_commit_sha: Option<String>,
    /// `null` until GitHub has found out, and absent in lists.
    #[serde(default)]
    pub(super) mergeable: Option<bool>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Open,
    Closed,
}

/// One side of a pull request.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Side {
    #[serde(rename = "ref")]
    pub(super) name: String,
    pub(super) sha: String,
    /// Gone when a fork was deleted.
    #[serde(default)]
    pub(super) repo: Option<SideRepository>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct SideRepository {
    pub(super) full_name: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Label {
    pub(super) name: String,
}

/// `GET /repos/{owner}/{repo}/issues/{number}`, which alone tells who closed it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Issue {
    #[serde(default)]
    pub(super) closed_by: Option<User>,
    #[serde(default)]
    pub(super) user: Option<User>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct User {
    pub(super) login: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Team {
    pub(super) slug: String,
}

/// Something that happened to a pull request (`GET /repos/{owner}/{repo}/issues/{number}/timeline`), oldest first.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Event {
    pub(super) id: Option<u64>,
    /// `labeled`, `review_requested`, `reviewed`, `commented`, ...
    pub(super) event: String,
    pub(super) label: Option<Label>,
    pub(super) requested_reviewer: Option<User>,
    pub(super) requested_team: Option<Team>,
    /// Who reviewed or commented.
    pub(super) user: Option<User>,
    pub(super) body: Option<String>,
}

/// `GET /repos/{owner}/{repo}/collaborators/{username}/permission`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Permission {
    /// `admin`, `write`, `read` or `none`; other roles are one of these here.
    pub(super) permission: String,
}

/// A commit (`GET /repos/{owner}/{repo}/commits`).
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Authored {
    /// The account, where GitHub knows it.
    #[serde(default)]
    pub(super) author: Option<User>,
    pub(super) commit: Signed,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Signed {
    #[serde(default)]
    pub(super) author: Option<Signature>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Signature {
    #[serde(default)]
    pub(super) email: Option<String>,
}

/// One of `GET /repos/{owner}/{repo}/rules/branches/{branch}`: what rulesets demand of a branch.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Rule {
    #[serde(rename = "type")]
    pub(super) kind: String,
}

/// A comment (`GET /repos/{owner}/{repo}/issues/{number}/comments`).
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Comment {
    #[serde(default)]
    pub(super) user: Option<User>,
    #[serde(default)]
    pub(super) body: Option<String>,
}

/// A review, oldest first in lists.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Review {
    /// Gone when the account was deleted.
    #[serde(default)]
    pub(super) user: Option<User>,
    /// `APPROVED`, `CHANGES_REQUESTED`, `DISMISSED`, `COMMENTED` or `PENDING`.
    pub(super) state: String,
    #[serde(default)]
    pub(super) commit_id: Option<String>,
    #[serde(default)]
    pub(super) submitted_at: Option<Timestamp>,
}

/// `PUT /repos/{owner}/{repo}/pulls/{number}/merge`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Merged {
    pub(super) sha: String,
}

/// `GET /repos/{owner}/{repo}/git/ref/{ref}`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Reference {
    pub(super) object: Object,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Object {
    pub(super) sha: String,
}

/// `GET /repos/{owner}/{repo}/commits/{ref}/status`: the latest status of each context.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct CombinedStatus {
    #[serde(default)]
    pub(super) statuses: Vec<Status>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Status {
    pub(super) context: String,
    /// `success`, `pending`, `failure` or `error`.
    pub(super) state: String,
    #[serde(default)]
    pub(super) description: Option<String>,
    #[serde(default)]
    pub(super) updated_at: Option<Timestamp>,
}

/// `GET /repos/{owner}/{repo}/commits/{ref}/check-runs`: the latest run of each name.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct CheckRuns {
    #[serde(default)]
    pub(super) check_runs: Vec<CheckRun>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct CheckRun {
    pub(super) name: String,
    /// `queued`, `in_progress`, `completed`, ...
    pub(super) status: String,
    /// Set once it is completed.
    #[serde(default)]
    pub(super) conclusion: Option<String>,
    #[serde(default)]
    pub(super) started_at: Option<Timestamp>,
    #[serde(default)]
    pub(super) completed_at: Option<Timestamp>,
    #[serde(default)]
    pub(super) output: Option<RunOutput>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct RunOutput {
    #[serde(default)]
    pub(super) title: Option<String>,
}

/// A deployment (`GET /repos/{owner}/{repo}/deployments`).
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Made {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) task: String,
    #[serde(default)]
    pub(super) environment: String,
    /// As it was sent, or that as text.
    #[serde(default)]
    pub(super) payload: serde_json::Value,
}

/// How a deployment fares (`GET /repos/{owner}/{repo}/deployments/{id}/statuses`).
#[derive(Debug, Clone, Deserialize)]
pub(super) struct DeploymentStatus {
    pub(super) id: u64,
    /// `success`, `failure`, `error`, `inactive`, `in_progress`, `queued` or `pending`.
    pub(super) state: String,
}

/// An answer of which nothing is read.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Ignored {}

impl Pull {
    /// The body with the line ends that we write: a browser sends others.
    pub(super) fn text(&self) -> String {
        let body = self.body.as_deref().unwrap_or_default();
        body.replace("\r\n", "\n")
    }

    /// Whether its branch is one of the repository itself, below `headwater/`. A fork's is somebody else's whatever its
    /// name.
    pub(super) fn is_ours(&self, repository: &str) -> bool {
        let home = self.head.repo.as_ref().map(|repo| repo.full_name.as_str());
        self.head.name.starts_with("headwater/")
            && home.is_some_and(|home| home.eq_ignore_ascii_case(repository))
    }
}
