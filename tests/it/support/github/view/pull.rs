//! How pull requests, reviews, labels and comments look in answers.

use serde_json::{Value, json};

use super::{MAIN, OWNER, View, merge, time};
use crate::support::github::merging::{Mergeable, mergeable};
use crate::support::github::records::{Comment, Happening, Pull, Review};
use crate::support::github::state::State;

impl View {
    /// A pull request as lists have it.
    pub(in crate::support::github) fn short_pull(&self, state: &State, pull: &Pull) -> Value {
        let number = pull.number;
        let url = format!("{}/pulls/{number}", self.repo_url());
        let issue = format!("{}/issues/{number}", self.repo_url());
        let page = format!("{}/pull/{number}", self.repo_page());
        let statuses = format!("{}/statuses/{}", self.repo_url(), pull.head_sha);
        let person = |login: &String| self.person(state, Some(login));
        let link = |href: String| json!({ "href": href });
        json!({
            "url": url, "id": 40_000 + number, "node_id": node(number), "html_url": page,
            "diff_url": format!("{page}.diff"), "patch_url": format!("{page}.patch"), "issue_url": issue,
            "commits_url": format!("{url}/commits"), "review_comments_url": format!("{url}/comments"),
            "review_comment_url": format!("{}/pulls/comments{{/number}}", self.repo_url()),
            "comments_url": format!("{issue}/comments"), "statuses_url": statuses,
            "number": number, "state": if pull.open { "open" } else { "closed" }, "locked": false,
            "title": pull.title, "user": person(&pull.author), "body": pull.body,
            "labels": pull.labels.iter().map(|name| self.label(state, name)).collect::<Vec<_>>(),
            "milestone": null, "active_lock_reason": null,
            "created_at": time(pull.created), "updated_at": time(pull.updated),
            "closed_at": pull.closed.map(time), "merged_at": pull.merged.as_ref().map(|m| time(m.at)),
            "merge_commit_sha": self.merge_commit(state, pull), "assignee": null, "assignees": [],
            "requested_reviewers": pull.reviewers.iter().map(person).collect::<Vec<_>>(),
            "requested_teams": pull.teams.iter().map(|team| self.full_team(team)).collect::<Vec<_>>(),
            "head": self.end(state, &pull.head, &pull.head_sha), "base": self.end(state, &pull.base, &pull.base_sha),
            "_links": {
                "self": link(url.clone()), "html": link(page), "issue": link(issue.clone()),
                "comments": link(format!("{issue}/comments")), "review_comments": link(format!("{url}/comments")),
                "review_comment": link(format!("{}/pulls/comments{{/number}}", self.repo_url())),
                "commits": link(format!("{url}/commits")), "statuses": link(statuses.clone()),
            },
            "author_association": Self::association(state, &pull.author), "auto_merge": null, "draft": pull.draft,
        })
    }

    /// A pull request by itself.
    pub(in crate::support::github) fn pull(&self, state: &State, pull: &Pull) -> Value {
        let mut body = self.short_pull(state, pull);
        let found = mergeable(state, pull);
        let base = state.git.branch(&pull.base).filter(|_| pull.open);
        let difference = state
            .git
            .difference(base.as_ref().unwrap_or(&pull.base_sha), &pull.head_sha);
        let merged_by = pull.merged.as_ref().and_then(|m| m.by.as_deref());
        let teams: Vec<Value> = pull.teams.iter().map(|team| self.team(team)).collect();
        let more = json!({
            "requested_teams": teams,
            "merged": pull.merged.is_some(), "mergeable": found.answer(), "rebaseable": found.answer(),
            "mergeable_state": found.word(), "merged_by": self.person(state, merged_by),
            "comments": pull.comments.len(), "review_comments": 0, "maintainer_can_modify": false,
            "commits": difference.commits, "additions": difference.additions, "deletions": difference.deletions,
            "changed_files": difference.files.len(),
        });
        merge(&mut body, more);
        body
    }

    /// The commit that merged it; while it is open, one that merging would make.
    fn merge_commit(&self, state: &State, pull: &Pull) -> Option<String> {
        if let Some(merged) = &pull.merged {
            return Some(merged.commit.clone());
        }
        let known = pull.open && mergeable(state, pull) != Mergeable::Unknown;
        known.then(|| state.test_merge(pull)).flatten()
    }

    fn end(&self, state: &State, branch: &str, sha: &str) -> Value {
        json!({
            "label": format!("{OWNER}:{branch}"), "ref": branch, "sha": sha,
            "user": self.person(state, Some(OWNER)), "repo": self.repository(state),
        })
    }

    /// A label that the repository has.
    pub(in crate::support::github) fn label(&self, state: &State, name: &str) -> Value {
        let label = &state.records.labels[&name.to_lowercase()];
        json!({
            "id": label.id, "node_id": format!("LA_{}", label.id), "name": label.name, "color": "ededed", "default": false,
            "description": "", "url": format!("{}/labels/{}", self.repo_url(), label.name.replace(' ', "%20")),
        })
    }

    /// A review.
    pub(in crate::support::github) fn review(
        &self,
        state: &State,
        pull: &Pull,
        review: &Review,
    ) -> Value {
        let page = format!(
            "{}/pull/{}#pullrequestreview-{}",
            self.repo_page(),
            pull.number,
            review.id
        );
        let pull = format!("{}/pulls/{}", self.repo_url(), pull.number);
        json!({
            "id": review.id, "node_id": format!("PRR_{}", review.id), "user": self.person(state, Some(&review.author)),
            "body": review.body, "state": review.state, "html_url": page, "pull_request_url": pull,
            "author_association": Self::association(state, &review.author), "submitted_at": time(review.at),
            "commit_id": review.commit, "_links": { "html": { "href": page }, "pull_request": { "href": pull } },
        })
    }

    /// A comment below a pull request.
    pub(in crate::support::github) fn comment(
        &self,
        state: &State,
        number: u64,
        comment: &Comment,
    ) -> Value {
        json!({
            "id": comment.id, "node_id": format!("IC_{}", comment.id), "body": comment.body,
            "url": format!("{}/issues/comments/{}", self.repo_url(), comment.id),
            "html_url": format!("{}/pull/{number}#issuecomment-{}", self.repo_page(), comment.id),
            "issue_url": format!("{}/issues/{number}", self.repo_url()), "user": self.person(state, Some(&comment.author)),
            "created_at": time(comment.created), "updated_at": time(comment.updated),
            "author_association": Self::association(state, &comment.author), "performed_via_github_app": null,
        })
    }

    /// Something that happened to a pull request.
    pub(in crate::support::github) fn happening(
        &self,
        state: &State,
        happening: &Happening,
    ) -> Value {
        let actor = match self.person(state, Some(&happening.actor)) {
            Value::Null => self.person(state, Some(OWNER)),
            known => known,
        };
        let mut shown = json!({
            "id": happening.id, "node_id": format!("E_{}", happening.id), "event": happening.event, "actor": actor,
            "url": format!("{}/issues/events/{}", self.repo_url(), happening.id), "commit_id": null, "commit_url": null,
            "created_at": time(happening.at), "performed_via_github_app": null,
        });
        let about = happening.about.as_str();
        if happening.event.ends_with("labeled") {
            shown["label"] = json!({ "name": about, "color": "ededed" });
            return shown;
        }
        if !happening.event.starts_with("review_") {
            return shown;
        }
        shown["review_requester"] = shown["actor"].clone();
        match about.strip_prefix("team/") {
            Some(slug) => shown["requested_team"] = self.full_team(slug),
            None => shown["requested_reviewer"] = self.person(state, Some(about)),
        }
        shown
    }

    /// A pull request as an issue.
    pub(in crate::support::github) fn issue(&self, state: &State, pull: &Pull) -> Value {
        let number = pull.number;
        let url = format!("{}/issues/{number}", self.repo_url());
        let page = format!("{}/pull/{number}", self.repo_page());
        json!({
            "id": 80_000 + number, "node_id": node(number), "url": url, "repository_url": self.repo_url(),
            "labels_url": format!("{url}/labels{{/name}}"), "comments_url": format!("{url}/comments"),
            "events_url": format!("{url}/events"), "timeline_url": format!("{url}/timeline"), "html_url": page,
            "number": number, "state": if pull.open { "open" } else { "closed" }, "state_reason": null,
            "title": pull.title, "body": pull.body, "user": self.person(state, Some(&pull.author)),
            "labels": pull.labels.iter().map(|name| self.label(state, name)).collect::<Vec<_>>(),
            "assignee": null, "assignees": [], "milestone": null, "locked": false, "active_lock_reason": null,
            "comments": pull.comments.len(), "closed_at": pull.closed.map(time), "created_at": time(pull.created),
            "updated_at": time(pull.updated), "closed_by": self.person(state, pull.closed_by.as_deref()), "draft": pull.draft,
            "author_association": Self::association(state, &pull.author), "performed_via_github_app": null,
            "pull_request": {
                "url": format!("{}/pulls/{number}", self.repo_url()), "html_url": page, "diff_url": format!("{page}.diff"),
                "patch_url": format!("{page}.patch"), "merged_at": pull.merged.as_ref().map(|m| time(m.at)),
            },
        })
    }

    /// A branch with its head and what it demands.
    pub(in crate::support::github) fn branch(&self, state: &State, name: &str, sha: &str) -> Value {
        let url = format!("{}/branches/{name}", self.repo_url());
        let protection = state.protection(name);
        let checks = protection.map(|p| p.checks.clone()).unwrap_or_default();
        let level = if checks.is_empty() {
            "off"
        } else {
            "non_admins"
        };
        let pairs: Vec<Value> = checks
            .iter()
            .map(|c| json!({ "context": c, "app_id": null }))
            .collect();
        json!({
            "name": name, "commit": self.commit(state, sha), "protected": protection.is_some(),
            "protection": {
                "enabled": protection.is_some(),
                "required_status_checks": { "enforcement_level": level, "contexts": checks, "checks": pairs },
            },
            "protection_url": format!("{url}/protection"),
            "_links": { "self": url, "html": format!("{}/tree/{name}", self.repo_page()) },
        })
    }

    /// What a branch demands, in full.
    pub(in crate::support::github) fn protection(
        &self,
        state: &State,
        name: &str,
    ) -> Option<Value> {
        let protection = state.protection(name)?;
        let url = format!("{}/branches/{name}/protection", self.repo_url());
        let enforced = protection.enforce_admins;
        let mut body = json!({
            "url": url, "enforce_admins": { "url": format!("{url}/enforce_admins"), "enabled": enforced },
            "required_linear_history": { "enabled": false }, "allow_force_pushes": { "enabled": false },
            "allow_deletions": { "enabled": false }, "block_creations": { "enabled": false },
            "required_conversation_resolution": { "enabled": false }, "lock_branch": { "enabled": false },
            "allow_fork_syncing": { "enabled": false },
            "required_signatures": { "url": format!("{url}/required_signatures"), "enabled": false },
        });
        if !protection.checks.is_empty() {
            let checks = protection.checks.iter();
            let pairs: Vec<Value> = checks
                .map(|c| json!({ "context": c, "app_id": null }))
                .collect();
            body["required_status_checks"] = json!({
                "url": format!("{url}/required_status_checks"), "strict": protection.strict, "contexts": protection.checks,
                "contexts_url": format!("{url}/required_status_checks/contexts"), "checks": pairs,
            });
        }
        if let Some(count) = protection.approvals {
            body["required_pull_request_reviews"] = json!({
                "url": format!("{url}/required_pull_request_reviews"), "dismiss_stale_reviews": protection.dismiss_stale,
                "require_code_owner_reviews": false, "required_approving_review_count": count, "require_last_push_approval": false,
            });
        }
        Some(body)
    }
}

/// The global name of a pull request.
pub(in crate::support::github) fn node(number: u64) -> String {
    format!("PR_{MAIN}_{number}")
}
