//! What GitHub keeps beside the commits: pull requests and all that hangs on them or on commits.

use std::collections::BTreeMap;

use headwater::model::Timestamp;
use serde_json::Value;

/// All of it; compared and copied as a whole, so that lists can be shown as they were.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Records {
    /// By number.
    pub(crate) pulls: BTreeMap<u64, Pull>,
    /// Labels of the repository, in their first spelling, by name in lower case.
    pub(crate) labels: BTreeMap<String, Label>,
    /// In the order they were made.
    pub(crate) runs: Vec<CheckRun>,
    /// In the order they were made.
    pub(crate) statuses: Vec<Status>,
    /// In the order they were made.
    pub(crate) deployments: Vec<Deployment>,
    /// By their files.
    pub(crate) workflows: BTreeMap<String, Workflow>,
    /// In the order they were made.
    pub(crate) workflow_runs: Vec<WorkflowRun>,
    /// Whether the number of a run is told when it is started.
    pub(crate) tells_runs: bool,
    /// By branch.
    pub(crate) protection: BTreeMap<String, Protection>,
    /// Pull requests in the merge queue, the first at its head.
    pub(crate) queue: Vec<Queued>,
    /// What rulesets demand: branch, and kind of rule as GitHub names it.
    pub(crate) rules: Vec<(String, &'static str)>,
    /// Where each branch was when it was last looked at.
    pub(super) branches: BTreeMap<String, String>,
}

/// A pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pull {
    pub(crate) number: u64,
    pub(crate) author: String,
    /// Its branch.
    pub(crate) head: String,
    /// Head of the branch; the last one known once it is closed.
    pub(crate) head_sha: String,
    /// The base branch.
    pub(crate) base: String,
    /// Head of the base when the branch was last pushed; GitHub lets it lag behind the base too.
    pub(crate) base_sha: String,
    pub(crate) title: String,
    pub(crate) body: Option<String>,
    pub(crate) draft: bool,
    pub(crate) open: bool,
    pub(crate) labels: Vec<String>,
    /// Users and teams who were asked and have not answered.
    pub(crate) reviewers: Vec<String>,
    pub(crate) teams: Vec<String>,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) closed: Option<Timestamp>,
    /// Who closed or merged it.
    pub(crate) closed_by: Option<String>,
    pub(crate) merged: Option<Merge>,
    pub(crate) reviews: Vec<Review>,
    pub(crate) comments: Vec<Comment>,
    pub(crate) events: Vec<Happening>,
    /// Its texts so far, oldest first, once somebody edited it.
    pub(crate) edits: Vec<Edit>,
}

/// A text of a pull request's, and who wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) editor: String,
    /// `None` once somebody took it out of the list of edits.
    pub(crate) body: Option<String>,
    pub(crate) at: Timestamp,
}

/// Something that happened to a pull request, beside reviews and comments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Happening {
    pub(crate) id: u64,
    pub(crate) actor: String,
    /// `labeled`, `unlabeled`, `review_requested`, `review_request_removed`, `added_to_merge_queue`, `removed_from_merge_queue`
    /// or `head_ref_force_pushed`.
    pub(crate) event: &'static str,
    /// The label, the login, or the team as `team/SLUG`; why it left the queue and the head of its group, `REASON SHA`.
    pub(crate) about: String,
    pub(crate) at: Timestamp,
}

/// A pull request in the merge queue of its base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Queued {
    pub(crate) number: u64,
    pub(crate) by: String,
    pub(crate) at: Timestamp,
    /// The group that is built for it: its branch, what it is built on, and its head.
    pub(crate) group: Option<Group>,
}

/// A merge group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) branch: String,
    pub(crate) base: String,
    pub(crate) head: String,
}

/// How a pull request was merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Merge {
    /// The commit on the base.
    pub(crate) commit: String,
    pub(crate) by: Option<String>,
    pub(crate) at: Timestamp,
}

/// A review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Review {
    pub(crate) id: u64,
    pub(crate) author: String,
    /// `APPROVED`, `CHANGES_REQUESTED`, `COMMENTED` or `DISMISSED`.
    pub(crate) state: &'static str,
    pub(crate) body: String,
    /// The head that was reviewed.
    pub(crate) commit: String,
    pub(crate) at: Timestamp,
}

/// A comment below a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Comment {
    pub(crate) id: u64,
    pub(crate) author: String,
    pub(crate) body: String,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
}

/// A label of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) id: u64,
    pub(crate) name: String,
}

/// A check run of some App's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CheckRun {
    pub(crate) id: u64,
    /// Who made it: the login of the App.
    pub(crate) app: String,
    pub(crate) name: String,
    pub(crate) sha: String,
    pub(crate) status: String,
    pub(crate) conclusion: Option<String>,
    pub(crate) external_id: Option<String>,
    pub(crate) details_url: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) summary: Option<String>,
    pub(crate) text: Option<String>,
    pub(crate) started: Timestamp,
    pub(crate) completed: Option<Timestamp>,
}

/// A status of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) id: u64,
    pub(crate) author: String,
    pub(crate) sha: String,
    pub(crate) context: String,
    pub(crate) state: String,
    pub(crate) description: Option<String>,
    pub(crate) target_url: Option<String>,
    pub(crate) at: Timestamp,
}

/// A workflow that can be started by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Workflow {
    /// Inputs that it declares.
    pub(crate) inputs: Vec<String>,
    /// Whether its runs bear the input `headwater` in their names.
    pub(crate) names_runs: bool,
}

/// A run of a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WorkflowRun {
    pub(crate) id: u64,
    pub(crate) file: String,
    pub(crate) title: String,
    pub(crate) actor: String,
    pub(crate) number: u64,
    /// How often it was started.
    pub(crate) attempt: u64,
    pub(crate) given: BTreeMap<String, String>,
    pub(crate) reference: String,
    pub(crate) sha: String,
    pub(crate) conclusion: Option<String>,
    pub(crate) created: Timestamp,
    pub(crate) started: Timestamp,
}

/// A deployment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Deployment {
    pub(crate) id: u64,
    pub(crate) author: String,
    pub(crate) reference: String,
    pub(crate) sha: String,
    pub(crate) task: String,
    pub(crate) environment: String,
    pub(crate) description: Option<String>,
    pub(crate) payload: Value,
    pub(crate) at: Timestamp,
    /// In the order they were made.
    pub(crate) statuses: Vec<DeploymentStatus>,
}

impl Deployment {
    /// Whether it is one of production: by its name, as nobody says otherwise here.
    pub(crate) fn is_production(&self) -> bool {
        self.environment == "production"
    }
}

/// How a deployment fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeploymentStatus {
    pub(crate) id: u64,
    pub(crate) author: String,
    pub(crate) state: String,
    pub(crate) description: String,
    pub(crate) environment: String,
    pub(crate) environment_url: String,
    pub(crate) log_url: String,
    pub(crate) at: Timestamp,
}

/// What a branch demands before anything gets into it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Protection {
    /// Checks or statuses that must have passed at the head.
    pub(crate) checks: Vec<String>,
    /// Whether the head must contain the base as well.
    pub(crate) strict: bool,
    /// How many approvals of people who may write; `Some` shuts out pushes without a pull request.
    pub(crate) approvals: Option<usize>,
    /// Whether a push to the head takes its approvals away.
    pub(crate) dismiss_stale: bool,
    /// Whether admins are bound too.
    pub(crate) enforce_admins: bool,
}

impl Pull {
    /// Gives it another text, and remembers who did.
    pub(super) fn edited(&mut self, editor: String, body: String, at: Timestamp) {
        if self.body.as_ref() == Some(&body) {
            return;
        }
        if self.edits.is_empty() {
            self.edits.push(Edit {
                editor: self.author.clone(),
                body: self.body.clone(),
                at: self.created,
            });
        }
        self.body = Some(body.clone());
        let body = Some(body);
        self.edits.push(Edit { editor, body, at });
    }
    /// Who approves (`true`) or rejects it at present: each one's last word.
    pub(crate) fn verdicts(&self) -> BTreeMap<&str, bool> {
        let mut verdicts = BTreeMap::new();
        for review in &self.reviews {
            match review.state {
                "APPROVED" => verdicts.insert(review.author.as_str(), true),
                "CHANGES_REQUESTED" => verdicts.insert(review.author.as_str(), false),
                "DISMISSED" => verdicts.remove(review.author.as_str()),
                _ => None,
            };
        }
        verdicts
    }
}
