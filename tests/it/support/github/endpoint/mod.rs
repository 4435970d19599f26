//! What is done for each operation: one file per concern, and the table that leads there.

mod apps;
mod checks;
mod deployments;
mod issues;
mod owners;
mod pulls;
mod refs;
mod repository;
mod reviews;
mod workflows;

use super::call::Handler;
use super::people::Permission;

/// Who may call an operation, and what carries it out.
pub(super) struct Route {
    /// Method and path as published.
    pub(super) operation: &'static str,
    /// Areas of which the App needs one, `write` where it writes.
    pub(super) areas: &'static [&'static str],
    /// What a user needs.
    pub(super) needs: Permission,
    /// Whether people are notified of it.
    pub(super) content: bool,
    /// What carries it out.
    pub(super) handler: Handler,
}

const fn route(
    operation: &'static str,
    areas: &'static [&'static str],
    needs: Permission,
    handler: Handler,
) -> Route {
    Route {
        operation,
        areas,
        needs,
        content: false,
        handler,
    }
}

const fn loud(route: Route) -> Route {
    Route {
        content: true,
        ..route
    }
}

const ACTIONS: &[&str] = &["actions"];
const CHECKS: &[&str] = &["checks"];
const CONTENTS: &[&str] = &["contents"];
const DEPLOYMENTS: &[&str] = &["deployments"];
const ISSUES: &[&str] = &["issues", "pull_requests"];
const METADATA: &[&str] = &["metadata"];
const PULLS: &[&str] = &["pull_requests"];
const STATUSES: &[&str] = &["statuses"];
const ADMINISTRATION: &[&str] = &["administration"];
const MEMBERS: &[&str] = &["members"];

use Permission::{Admin, None as Anybody, Read, Write};

/// All operations that the model speaks.
#[rustfmt::skip]
pub(super) const ROUTES: &[Route] = &[
    route("GET /app", &[], Anybody, apps::app),
    route("GET /repos/{owner}/{repo}/installation", &[], Anybody, apps::installation),
    route("POST /app/installations/{installation_id}/access_tokens", &[], Anybody, apps::token),
    route("GET /user", &[], Anybody, apps::user),
    route("GET /users/{username}", &[], Anybody, apps::account),
    route("GET /rate_limit", &[], Anybody, apps::rate_limit),
    route("GET /orgs/{org}/teams/{team_slug}/members", MEMBERS, Read, apps::members),
    route("GET /repos/{owner}/{repo}", METADATA, Read, repository::get),
    route("GET /repos/{owner}/{repo}/collaborators/{username}/permission", METADATA, Read, repository::permission),
    route("GET /repos/{owner}/{repo}/branches/{branch}", CONTENTS, Read, repository::branch),
    route("GET /repos/{owner}/{repo}/branches/{branch}/protection", ADMINISTRATION, Admin, repository::protection),
    route("GET /repos/{owner}/{repo}/rules/branches/{branch}", METADATA, Read, repository::rules),
    route("GET /repos/{owner}/{repo}/git/ref/{ref}", CONTENTS, Read, refs::get),
    route("GET /repos/{owner}/{repo}/git/matching-refs/{ref}", CONTENTS, Read, refs::matching),
    route("POST /repos/{owner}/{repo}/git/refs", CONTENTS, Write, refs::create),
    route("PATCH /repos/{owner}/{repo}/git/refs/{ref}", CONTENTS, Write, refs::update),
    route("DELETE /repos/{owner}/{repo}/git/refs/{ref}", CONTENTS, Write, refs::delete),
    route("GET /repos/{owner}/{repo}/commits", CONTENTS, Read, repository::commits),
    route("GET /repos/{owner}/{repo}/commits/{ref}", CONTENTS, Read, repository::commit),
    route("GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls", PULLS, Read, repository::pulls_of),
    route("GET /repos/{owner}/{repo}/commits/{ref}/check-runs", CHECKS, Read, checks::runs),
    route("GET /repos/{owner}/{repo}/commits/{ref}/status", STATUSES, Read, checks::combined),
    route("GET /repos/{owner}/{repo}/commits/{ref}/statuses", STATUSES, Read, checks::statuses),
    route("POST /repos/{owner}/{repo}/statuses/{sha}", STATUSES, Write, checks::set_status),
    route("POST /repos/{owner}/{repo}/check-runs", CHECKS, Write, checks::create),
    route("PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}", CHECKS, Write, checks::update),
    route("GET /repos/{owner}/{repo}/deployments", DEPLOYMENTS, Read, deployments::list),
    route("POST /repos/{owner}/{repo}/deployments", DEPLOYMENTS, Write, deployments::create),
    route("GET /repos/{owner}/{repo}/deployments/{deployment_id}/statuses", DEPLOYMENTS, Read, deployments::statuses),
    route("POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses", DEPLOYMENTS, Write, deployments::set_status),
    route("GET /repos/{owner}/{repo}/actions/workflows/{workflow_id}/runs", ACTIONS, Read, workflows::runs),
    route("POST /repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches", ACTIONS, Write, workflows::dispatch),
    route("GET /repos/{owner}/{repo}/pulls", PULLS, Read, pulls::list),
    loud(route("POST /repos/{owner}/{repo}/pulls", PULLS, Read, pulls::create)),
    route("GET /repos/{owner}/{repo}/pulls/{pull_number}", PULLS, Read, pulls::get),
    route("PATCH /repos/{owner}/{repo}/pulls/{pull_number}", PULLS, Read, pulls::update),
    route("GET /repos/{owner}/{repo}/pulls/{pull_number}/merge", PULLS, Read, pulls::is_merged),
    loud(route("PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge", CONTENTS, Write, pulls::merge)),
    route("PUT /repos/{owner}/{repo}/pulls/{pull_number}/update-branch", CONTENTS, Write, pulls::update_branch),
    route("GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews", PULLS, Read, reviews::list),
    loud(route("POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews", PULLS, Read, reviews::create)),
    route("PUT /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/dismissals", PULLS, Write, reviews::dismiss),
    route("GET /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers", PULLS, Read, reviews::requested),
    loud(route("POST /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers", PULLS, Write, reviews::request)),
    route("DELETE /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers", PULLS, Write, reviews::take_back),
    route("GET /repos/{owner}/{repo}/issues/{issue_number}", ISSUES, Read, issues::get),
    route("PATCH /repos/{owner}/{repo}/issues/{issue_number}", ISSUES, Read, issues::update),
    route("GET /repos/{owner}/{repo}/issues/{issue_number}/labels", ISSUES, Read, issues::labels),
    route("POST /repos/{owner}/{repo}/issues/{issue_number}/labels", ISSUES, Write, issues::add_labels),
    route("PUT /repos/{owner}/{repo}/issues/{issue_number}/labels", ISSUES, Write, issues::set_labels),
    route("GET /repos/{owner}/{repo}/issues/{issue_number}/comments", ISSUES, Read, issues::comments),
    route("GET /repos/{owner}/{repo}/issues/{issue_number}/timeline", ISSUES, Read, issues::timeline),
    loud(route("POST /repos/{owner}/{repo}/issues/{issue_number}/comments", ISSUES, Read, issues::comment)),
    route("PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}", ISSUES, Read, issues::edit_comment),
];
