//! How things look in answers: people and the repository.

mod commit;
mod deployment;
mod pull;
mod workflow;

pub(super) use pull::node;

use headwater::model::Timestamp;
use serde_json::{Value, json};

use super::people::{APP, INSTALLATION, Permission, SLUG, User};
use super::state::State;

/// Owner of the repository.
pub(super) const OWNER: &str = "acme";
/// Name of the repository.
pub(super) const NAME: &str = "deploy";
/// The default branch.
pub(super) const MAIN: &str = "main";

/// Writes answers with the addresses that were asked at.
#[derive(Debug, Clone)]
pub(super) struct View {
    /// Where people look.
    pub(super) origin: String,
    /// Where REST is.
    pub(super) api: String,
}

/// A time in answers.
pub(super) fn time(at: Timestamp) -> Value {
    json!(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

impl View {
    /// Address of the repository in REST.
    pub(super) fn repo_url(&self) -> String {
        format!("{}/repos/{OWNER}/{NAME}", self.api)
    }

    /// Address of the repository for people.
    pub(super) fn repo_page(&self) -> String {
        format!("{}/{OWNER}/{NAME}", self.origin)
    }

    /// A user.
    pub(super) fn user(&self, user: &User) -> Value {
        let login = &user.login;
        let kind = match login {
            login if login.ends_with("[bot]") => "Bot",
            login if login == OWNER => "Organization",
            _ => "User",
        };
        let url = format!(
            "{}/users/{}",
            self.api,
            login.replace('[', "%5B").replace(']', "%5D")
        );
        json!({
            "login": login, "id": user.id, "node_id": format!("U_{}", user.id),
            "avatar_url": format!("{}/avatars/{}", self.origin, user.id), "gravatar_id": "",
            "url": url, "html_url": format!("{}/{}", self.origin, login.replace("[bot]", "")),
            "followers_url": format!("{url}/followers"), "following_url": format!("{url}/following{{/other_user}}"),
            "gists_url": format!("{url}/gists{{/gist_id}}"), "starred_url": format!("{url}/starred{{/owner}}{{/repo}}"),
            "subscriptions_url": format!("{url}/subscriptions"), "organizations_url": format!("{url}/orgs"),
            "repos_url": format!("{url}/repos"), "events_url": format!("{url}/events{{/privacy}}"),
            "received_events_url": format!("{url}/received_events"), "type": kind, "site_admin": false,
        })
    }

    /// A user by login; null for one who is gone or unknown.
    pub(super) fn person(&self, state: &State, login: Option<&str>) -> Value {
        let user = login.and_then(|login| state.people.find(login));
        user.map_or(Value::Null, |user| self.user(user))
    }

    /// Somebody's relation to the repository.
    pub(super) fn association(state: &State, login: &str) -> &'static str {
        match state.people.user(login).permission {
            Permission::Admin | Permission::Write => "MEMBER",
            Permission::Read => "COLLABORATOR",
            Permission::None => "NONE",
        }
    }

    /// The repository as other answers carry it.
    pub(super) fn repository(&self, state: &State) -> Value {
        let mut body = self.small_repository(state);
        let open = state.records.pulls.values().filter(|p| p.open).count();
        let more = json!({
            "clone_url": format!("{}.git", self.repo_page()), "git_url": format!("{}.git", self.repo_page()),
            "ssh_url": format!("git@{}.git", self.repo_page().trim_start_matches("http://")),
            "svn_url": self.repo_page(), "mirror_url": null, "default_branch": state.main, "homepage": null,
            "language": null, "license": null, "forks": 0, "forks_count": 0, "open_issues": open,
            "open_issues_count": open, "watchers": 0, "watchers_count": 0, "stargazers_count": 0, "size": 1,
            "has_issues": true, "has_projects": false, "has_wiki": false, "has_pages": false, "has_downloads": true,
            "archived": state.archived, "disabled": false, "visibility": "private",
            "pushed_at": time(state.now), "created_at": "2025-01-01T00:00:00Z", "updated_at": "2025-01-01T00:00:00Z",
        });
        merge(&mut body, more);
        body
    }

    /// The repository as it is asked for itself.
    pub(super) fn full_repository(&self, state: &State, permission: Permission) -> Value {
        let mut body = self.repository(state);
        let allows = |method: &str| state.methods.contains(&method);
        let more = json!({
            "network_count": 0, "subscribers_count": 0, "has_discussions": false,
            "organization": self.person(state, Some(OWNER)),
            "allow_squash_merge": allows("squash"), "allow_merge_commit": allows("merge"),
            "allow_rebase_merge": allows("rebase"), "delete_branch_on_merge": state.deletes_merged,
            "permissions": {
                "admin": permission == Permission::Admin, "maintain": permission == Permission::Admin,
                "push": permission >= Permission::Write, "triage": permission >= Permission::Write,
                "pull": permission >= Permission::Read,
            },
        });
        merge(&mut body, more);
        body
    }

    /// The repository in its shortest form.
    pub(super) fn small_repository(&self, state: &State) -> Value {
        let url = self.repo_url();
        let mut body = json!({
            "id": 100_200, "node_id": "R_100200", "name": NAME, "full_name": state.renamed.clone().unwrap_or_else(|| format!("{OWNER}/{NAME}")),
            "owner": self.person(state, Some(OWNER)), "private": true, "html_url": self.repo_page(),
            "description": null, "fork": false, "url": url,
        });
        for (field, path) in [
            ("archive_url", "{archive_format}{/ref}"),
            ("assignees_url", "assignees{/user}"),
            ("blobs_url", "git/blobs{/sha}"),
            ("branches_url", "branches{/branch}"),
            ("collaborators_url", "collaborators{/collaborator}"),
            ("comments_url", "comments{/number}"),
            ("commits_url", "commits{/sha}"),
            ("compare_url", "compare/{base}...{head}"),
            ("contents_url", "contents/{+path}"),
            ("contributors_url", "contributors"),
            ("deployments_url", "deployments"),
            ("downloads_url", "downloads"),
            ("events_url", "events"),
            ("forks_url", "forks"),
            ("git_commits_url", "git/commits{/sha}"),
            ("git_refs_url", "git/refs{/sha}"),
            ("git_tags_url", "git/tags{/sha}"),
            ("hooks_url", "hooks"),
            ("issue_comment_url", "issues/comments{/number}"),
            ("issue_events_url", "issues/events{/number}"),
            ("issues_url", "issues{/number}"),
            ("keys_url", "keys{/key_id}"),
            ("labels_url", "labels{/name}"),
            ("languages_url", "languages"),
            ("merges_url", "merges"),
            ("milestones_url", "milestones{/number}"),
            (
                "notifications_url",
                "notifications{?since,all,participating}",
            ),
            ("pulls_url", "pulls{/number}"),
            ("releases_url", "releases{/id}"),
            ("stargazers_url", "stargazers"),
            ("statuses_url", "statuses/{sha}"),
            ("subscribers_url", "subscribers"),
            ("subscription_url", "subscription"),
            ("tags_url", "tags"),
            ("teams_url", "teams"),
            ("trees_url", "git/trees{/sha}"),
        ] {
            body[field] = json!(format!("{url}/{path}"));
        }
        body
    }

    /// A team of `acme`.
    pub(super) fn team(&self, slug: &str) -> Value {
        let id = 500 + slug.bytes().map(u64::from).sum::<u64>();
        let url = format!("{}/organizations/1/team/{id}", self.api);
        json!({
            "id": id, "node_id": format!("T_{id}"), "name": slug, "slug": slug, "description": null,
            "permission": "push", "privacy": "closed", "url": url, "members_url": format!("{url}/members{{/member}}"),
            "html_url": format!("{}/orgs/{OWNER}/teams/{slug}", self.origin), "repositories_url": format!("{url}/repos"),
            "type": "organization", "organization_id": 1,
        })
    }

    /// A team, with the one above it.
    pub(super) fn full_team(&self, slug: &str) -> Value {
        let mut body = self.team(slug);
        body["parent"] = Value::Null;
        body
    }

    /// An App by the login of its bot.
    pub(super) fn app(&self, state: &State, bot: &str) -> Value {
        let slug = bot.trim_end_matches("[bot]");
        let id = if slug == SLUG {
            APP
        } else {
            state.people.user(bot).id
        };
        let grants: Value = state
            .people
            .grants
            .iter()
            .map(|(a, l)| (a.clone(), json!(l)))
            .collect();
        json!({
            "id": id, "slug": slug, "node_id": format!("A_{id}"), "owner": self.person(state, Some(OWNER)), "name": slug,
            "description": null, "external_url": "https://example.org", "html_url": format!("{}/apps/{slug}", self.origin),
            "created_at": "2025-01-01T00:00:00Z", "updated_at": "2025-01-01T00:00:00Z", "permissions": grants, "events": [],
        })
    }

    /// The App's installation.
    pub(super) fn installation(&self, state: &State) -> Value {
        let url = format!("{}/app/installations/{INSTALLATION}", self.api);
        let grants: Value = state
            .people
            .grants
            .iter()
            .map(|(a, l)| (a.clone(), json!(l)))
            .collect();
        let suspended = state.people.suspended.then_some("2026-01-01T00:00:00Z");
        json!({
            "id": INSTALLATION, "account": self.person(state, Some(OWNER)), "repository_selection": "selected",
            "access_tokens_url": format!("{url}/access_tokens"), "repositories_url": format!("{}/installation/repositories", self.api),
            "html_url": format!("{}/organizations/{OWNER}/settings/installations/{INSTALLATION}", self.origin),
            "app_id": APP, "app_slug": SLUG, "target_id": 1, "target_type": "Organization", "permissions": grants, "events": [],
            "created_at": "2025-01-01T00:00:00Z", "updated_at": "2025-01-01T00:00:00Z", "single_file_name": null,
            "suspended_by": self.person(state, suspended.map(|_| OWNER)), "suspended_at": suspended,
        })
    }
}

/// Puts the fields of one object into another.
fn merge(into: &mut Value, more: Value) {
    let (Value::Object(into), Value::Object(more)) = (into, more) else {
        return;
    };
    into.extend(more);
}
