//! What people do on GitHub's pages and with their own Git, and what operators set up. It counts as nobody's requests, and
//! panics where GitHub would refuse.

use serde_json::{Value, json};

use super::GitHub;
use super::dispatch::{Request, dispatch};
use super::limits;
use super::people::{Actor, Permission};
use super::records::{Protection, Workflow, WorkflowRun};
use super::view::{NAME, OWNER, View};
use crate::support::git_http::{commit_to, git};

/// How the base takes a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// One commit with all of it.
    Squash,
    /// A merge commit.
    Merge,
    /// The branch's own commits, made anew on the base.
    Rebase,
}

impl Method {
    const fn word(self) -> &'static str {
        match self {
            Self::Squash => "squash",
            Self::Merge => "merge",
            Self::Rebase => "rebase",
        }
    }
}

impl GitHub {
    /// Somebody commits files to a branch, one that is not there beginning at `main`, and pushes it; the commit.
    pub(crate) fn push(&self, branch: &str, files: &[(&str, &str)], login: &str) -> String {
        self.state().look(None);
        let commit = commit_to(self.bare(), branch, files, &format!("Change by {login}"));
        self.state().look(Some(login));
        commit
    }

    /// Somebody pushes a commit that is there already to a branch, by force.
    pub(crate) fn force_push(&self, branch: &str, commit: &str, login: &str) {
        self.state().look(None);
        let name = format!("refs/heads/{branch}");
        git(self.bare(), &["update-ref", &name, commit]);
        self.state().look(Some(login));
    }

    /// Somebody deletes a branch.
    pub(crate) fn delete_branch(&self, branch: &str, login: &str) {
        self.state().look(None);
        let name = format!("refs/heads/{branch}");
        git(self.bare(), &["update-ref", "-d", &name]);
        self.state().look(Some(login));
    }

    /// Where a branch is.
    pub(crate) fn head(&self, branch: &str) -> Option<String> {
        self.state().git.branch(branch)
    }

    /// Somebody opens a pull request onto `main`; its number.
    pub(crate) fn open(&self, branch: &str, title: &str, login: &str) -> u64 {
        let body = json!({ "title": title, "head": branch, "base": self.state().main.clone(), "body": "" });
        self.does(login, "POST", "pulls", body)["number"]
            .as_u64()
            .unwrap()
    }

    /// Somebody approves the present head.
    pub(crate) fn approve(&self, number: u64, login: &str) -> u64 {
        self.review(number, login, "APPROVE", "")
    }

    /// Somebody asks for changes.
    pub(crate) fn request_changes(&self, number: u64, login: &str) -> u64 {
        self.review(number, login, "REQUEST_CHANGES", "not like this")
    }

    fn review(&self, number: u64, login: &str, event: &str, body: &str) -> u64 {
        let path = format!("pulls/{number}/reviews");
        let review = self.does(
            login,
            "POST",
            &path,
            json!({ "event": event, "body": body }),
        );
        review["id"].as_u64().unwrap()
    }

    /// Somebody dismisses a review.
    pub(crate) fn dismiss(&self, number: u64, review: u64, login: &str) {
        let path = format!("pulls/{number}/reviews/{review}/dismissals");
        self.does(login, "PUT", &path, json!({ "message": "no longer" }));
    }

    /// Somebody closes a pull request.
    pub(crate) fn close(&self, number: u64, login: &str) {
        self.edit(number, login, json!({ "state": "closed" }));
    }

    /// Somebody opens it again.
    pub(crate) fn reopen(&self, number: u64, login: &str) {
        self.edit(number, login, json!({ "state": "open" }));
    }

    /// Somebody merges it; the commit on the base.
    pub(crate) fn merge_by(&self, number: u64, login: &str, method: Method) -> String {
        let path = format!("pulls/{number}/merge");
        let done = self.does(
            login,
            "PUT",
            &path,
            json!({ "merge_method": method.word() }),
        );
        done["sha"].as_str().unwrap().to_owned()
    }

    /// There is a workflow with these inputs from now on, the number of whose runs is told.
    pub(crate) fn workflow(&self, file: &str, inputs: &[&str], names_runs: bool) {
        let inputs = inputs.iter().map(|name| (*name).to_owned()).collect();
        let workflow = Workflow { inputs, names_runs };
        self.state().change(|state| {
            state.records.tells_runs = true;
            state.records.workflows.insert(file.to_owned(), workflow);
        });
    }

    /// Whether the number of a run is told when it is started: an older server does not.
    pub(crate) fn tells_runs(&self, tells: bool) {
        self.state()
            .change(|state| state.records.tells_runs = tells);
    }

    /// There are no workflows any more.
    pub(crate) fn forget_workflows(&self) {
        self.state().change(|state| state.records.workflows.clear());
    }

    /// Runs are gone, as they are after a while.
    pub(crate) fn forget_runs(&self) {
        self.state()
            .change(|state| state.records.workflow_runs.clear());
    }

    /// All runs of workflows, in the order they were made.
    pub(crate) fn workflow_runs(&self) -> Vec<WorkflowRun> {
        self.records().workflow_runs
    }

    /// A run ends so.
    pub(crate) fn ends(&self, run: u64, conclusion: &str) {
        self.state().change(|state| {
            let mut runs = state.records.workflow_runs.iter_mut();
            let run = runs.find(|known| known.id == run).unwrap();
            run.conclusion = Some(conclusion.to_owned());
        });
    }

    /// Somebody has the failed jobs of a run made again.
    pub(crate) fn runs_again(&self, run: u64) {
        self.state().change(|state| {
            let now = state.now;
            let mut runs = state.records.workflow_runs.iter_mut();
            let run = runs.find(|known| known.id == run).unwrap();
            run.conclusion = None;
            run.started = now;
            run.attempt += 1;
        });
    }

    /// Somebody edits its body.
    pub(crate) fn edit_body(&self, number: u64, login: &str, body: &str) {
        self.edit(number, login, json!({ "body": body }));
    }

    /// Somebody takes the texts before the present one out of the list of edits.
    pub(crate) fn hide_edits(&self, number: u64) {
        self.state().change(|state| {
            let edits = &mut state.pull_mut(number).edits;
            let before = edits.len().saturating_sub(1);
            edits
                .iter_mut()
                .take(before)
                .for_each(|edit| edit.body = None);
        });
    }

    /// Somebody ticks a box of a pull request's text.
    pub(crate) fn tick(&self, number: u64, login: &str, words: &str) {
        let body = self.pull(number).body.unwrap();
        let (empty, ticked) = (format!("- [ ] {words}"), format!("- [x] {words}"));
        assert!(body.contains(&empty), "{words}: {body}");
        self.edit_body(number, login, &body.replacen(&empty, &ticked, 1));
    }

    /// The address of commits that somebody makes at GitHub.
    pub(crate) fn email(&self, login: &str) -> String {
        self.state().people.user(login).email()
    }

    /// Somebody lets their profile show an address.
    pub(crate) fn show_email(&self, login: &str, email: &str) {
        self.state().people.show_email(login, email);
    }

    /// Somebody gives a file of `main` the executable bit.
    pub(crate) fn make_executable(&self, path: &str) {
        self.state().look(None);
        let blob = git(self.bare(), &["rev-parse", &format!("main:{path}")]);
        let info = format!("100755,{blob},{path}");
        let index = self.folder().join("index");
        let run = |args: &[&str]| {
            let output = std::process::Command::new("git")
                .current_dir(self.bare())
                .env("GIT_INDEX_FILE", &index)
                .args(["-c", "user.name=otto", "-c", "user.email=otto@acme.example"])
                .args(args)
                .output()
                .unwrap();
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        run(&["read-tree", "main"]);
        run(&["update-index", "--cacheinfo", &info]);
        let tree = run(&["write-tree"]);
        let commit = run(&["commit-tree", "-p", "main", "-m", "Let it run", &tree]);
        run(&["update-ref", "refs/heads/main", &commit]);
        self.state().look(Some("otto"));
    }

    /// Somebody has commits that are made at GitHub bear another address than GitHub gave.
    pub(crate) fn choose_email(&self, login: &str, email: &str) {
        self.state().people.choose_email(login, email);
    }

    /// Somebody edits its title.
    pub(crate) fn edit_title(&self, number: u64, login: &str, title: &str) {
        self.edit(number, login, json!({ "title": title }));
    }

    fn edit(&self, number: u64, login: &str, body: Value) {
        self.does(login, "PATCH", &format!("pulls/{number}"), body);
    }

    /// Somebody lets it go into another branch.
    pub(crate) fn retarget(&self, number: u64, login: &str, base: &str) {
        self.edit(number, login, json!({ "base": base }));
    }

    /// The default branch gets another name, and open pull requests go along.
    pub(crate) fn rename_main(&self, name: &str) {
        let mut state = self.state();
        let old = std::mem::replace(&mut state.main, name.to_owned());
        git(self.bare(), &["branch", "-m", &old, name]);
        git(
            self.bare(),
            &["symbolic-ref", "HEAD", &format!("refs/heads/{name}")],
        );
        let pulls = state.records.pulls.values_mut();
        for pull in pulls.filter(|pull| pull.open && pull.base == old) {
            name.clone_into(&mut pull.base);
        }
        state.look(None);
    }

    /// The repository gets another name; it answers under the old one too.
    pub(crate) fn rename(&self, name: Option<&str>) {
        self.state().renamed = name.map(str::to_owned);
    }

    /// Nothing can be changed any more, or again.
    pub(crate) fn archive(&self, yes: bool) {
        self.state().archived = yes;
    }

    /// Somebody sets all of its labels.
    pub(crate) fn label(&self, number: u64, login: &str, labels: &[&str]) {
        let path = format!("issues/{number}/labels");
        self.does(login, "PUT", &path, json!({ "labels": labels }));
    }

    /// Somebody comments.
    pub(crate) fn comment(&self, number: u64, login: &str, body: &str) {
        let path = format!("issues/{number}/comments");
        self.does(login, "POST", &path, json!({ "body": body }));
    }

    /// Somebody presses "Update branch"; the new head.
    pub(crate) fn update_branch(&self, number: u64, login: &str) -> String {
        let path = format!("pulls/{number}/update-branch");
        self.does(login, "PUT", &path, json!({}));
        self.pull(number).head_sha
    }

    /// The App `ci` reports on a commit: `success`, `failure`, ..., or `pending` for a run that goes on.
    pub(crate) fn check(&self, sha: &str, name: &str, conclusion: &str) {
        let mut body = json!({ "name": name, "head_sha": sha, "status": "in_progress" });
        if conclusion != "pending" {
            body["status"] = json!("completed");
            body["conclusion"] = json!(conclusion);
        }
        self.does("ci[bot]", "POST", "check-runs", body);
    }

    /// Somebody sets a status of a commit.
    pub(crate) fn status(&self, sha: &str, context: &str, state: &str, login: &str) {
        let path = format!("statuses/{sha}");
        self.does(
            login,
            "POST",
            &path,
            json!({ "context": context, "state": state }),
        );
    }

    /// What a branch demands from now on; `None`: nothing.
    pub(crate) fn protect(&self, branch: &str, protection: Option<Protection>) {
        let all = &mut self.state().records.protection;
        match protection {
            Some(protection) => all.insert(branch.to_owned(), protection),
            None => all.remove(branch),
        };
    }

    /// One more user.
    pub(crate) fn add_user(&self, login: &str, permission: Permission) {
        self.state().people.add(login, permission);
    }

    /// A user tells GitHub an address, and commits that bear it are theirs.
    pub(crate) fn add_email(&self, login: &str, email: &str) {
        let emails = &mut self.state().people.emails;
        emails.insert(email.to_owned(), login.to_owned());
    }

    /// Somebody takes back that people (`login`) or a team (`team/slug`) were asked for a review.
    pub(crate) fn unask(&self, number: u64, login: &str, whom: &str) {
        let path = format!("pulls/{number}/requested_reviewers");
        let body = match whom.strip_prefix("team/") {
            Some(slug) => json!({ "reviewers": [], "team_reviewers": [slug] }),
            None => json!({ "reviewers": [whom] }),
        };
        self.does(login, "DELETE", &path, body);
    }

    /// Another permission for a user.
    pub(crate) fn set_permission(&self, login: &str, permission: Permission) {
        self.state().people.add(login, permission);
    }

    /// A team of `acme` and its members.
    pub(crate) fn team(&self, slug: &str, members: &[&str]) {
        let members = members.iter().map(|login| (*login).to_owned()).collect();
        self.state().people.teams.insert(slug.to_owned(), members);
    }

    /// A ruleset demands something of a branch: `pull_request`, `merge_queue`, ...
    pub(crate) fn demand(&self, branch: &str, kind: &'static str) {
        let rules = &mut self.state().records.rules;
        rules.push((branch.to_owned(), kind));
    }

    /// What the App is granted in an area from now on: `read`, `write`, or nothing.
    pub(crate) fn grant(&self, area: &str, level: Option<&str>) {
        let grants = &mut self.state().people.grants;
        match level {
            Some(level) => grants.insert(area.to_owned(), level.to_owned()),
            None => grants.remove(area),
        };
    }

    /// The App's installation is suspended, or no longer.
    pub(crate) fn suspend_app(&self, suspended: bool) {
        self.state().people.suspended = suspended;
    }

    /// The App is installed, or removed: then none of its tokens is good any more.
    pub(crate) fn install_app(&self, installed: bool) {
        let people = &mut self.state().people;
        people.installed = installed;
        people.revoke_app();
    }

    /// Sets how many seconds the clock that tokens live by, and the App's word, is ahead of the real one.
    pub(crate) fn tokens_clock(&self, ahead: i64) {
        self.state().people.ahead = ahead;
    }

    /// How many seconds the App's tokens live from now on.
    pub(crate) fn tokens_live(&self, seconds: i64) {
        self.state().people.life = seconds;
    }

    /// No token that was given is good any more.
    pub(crate) fn revoke_tokens(&self) {
        self.state().people.revoke();
    }

    /// Whether GitHub has found out what merges; until then `mergeable` is null.
    pub(crate) fn know_mergeability(&self, known: bool) {
        self.state().knows_mergeability = known;
    }

    /// Whether a merged branch is deleted.
    pub(crate) fn delete_merged_branches(&self, yes: bool) {
        self.state().deletes_merged = yes;
    }

    /// Which ways of merging the repository allows.
    pub(crate) fn allow_methods(&self, methods: &[Method]) {
        self.state().methods = methods.iter().map(|method| method.word()).collect();
    }

    /// What remains of somebody's limit in this hour of the model's clock.
    pub(crate) fn remaining(&self, login: &str, requests: u64) {
        limits::set(&mut self.state(), login, requests);
    }

    /// Carries out what somebody asks for on GitHub's pages.
    fn does(&self, login: &str, method: &str, path: &str, body: Value) -> Value {
        let mut state = self.state();
        state.look(None);
        let actor = Actor::User(state.people.user(login).login.clone());
        let request = Request {
            method: method.to_owned(),
            path: format!("/repos/{OWNER}/{NAME}/{path}"),
            query: std::collections::BTreeMap::new(),
            body: Some(body),
            token: None,
            view: View {
                origin: self.origin(),
                api: self.api(),
            },
        };
        let done = dispatch(&mut state, actor, request);
        drop(state);
        let reply = done.reply;
        let answer = reply.body.unwrap_or_default();
        assert!(reply.status < 300, "{login}: {method} {path}: {answer}");
        assert_eq!(done.violations, Vec::<String>::new());
        answer
    }
}
