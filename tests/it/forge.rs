//! The offline forge on real Git: over smart HTTP, and in a bare repository in place.

mod approvals;
mod checks;
mod deployments;
mod github;
mod github_answers;
mod github_app;
mod github_boxes;
mod github_budget;
mod github_hands;
mod github_many;
mod github_merging;
mod github_people;
mod github_queue;
mod github_signed;
mod github_story;
mod groups;
mod life;
mod merging;
mod trouble;
mod waves;
mod workflows;

use std::path::{Path, PathBuf};

use headwater::config::forge::{AllowedSigners, OfflineSettings, Trust};
use headwater::config::git::GitSettings;
use headwater::forge::{
    Approver, Closing, Forge, Listing, MergeMethod, Merging, NewPull, OfflineForge, PullRequest,
    PullText,
};
use headwater::git::{Person, Repository};
use headwater::model::{CommitId, Timestamp};

use crate::support::git_http::{GitHttp, bare_repository, commit_to, git};

const BRANCH: &str = "headwater/promote/myapp/prod/1a2b3c4d";
const ID: &str = "promote-myapp-prod-1a2b3c4d";
const META: &str = "refs/headwater/pulls/promote-myapp-prod-1a2b3c4d/meta";
const MARKER: &str = "<!-- headwater: {\"promotion\":{}} -->";

/// A repository `r.git` with one commit on `main` and a promotion's branch, served over HTTP.
struct World {
    dir: tempfile::TempDir,
    bare: PathBuf,
    server: GitHttp,
}

impl World {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let bare = bare_repository(
            dir.path(),
            "r.git",
            &[("a.yaml", "a: 1\n"), ("b.yaml", "b: 1\n")],
        );
        commit_to(&bare, BRANCH, &[("a.yaml", "a: 2\n")], "promote");
        let server = GitHttp::serve(dir.path(), None).await;
        Self { dir, bare, server }
    }

    /// One process: with a mirror and memory of its own.
    fn process(&self, name: &str) -> Process {
        self.process_with(name, settings())
    }

    fn process_with(&self, name: &str, settings: OfflineSettings) -> Process {
        Process::open(
            &self.server.url("r.git"),
            &self.dir.path().join(name),
            settings,
        )
    }

    /// A process that uses the bare repository in place.
    fn local(&self) -> Process {
        Process::open(
            self.bare.to_str().unwrap(),
            &self.dir.path().join("unused"),
            settings(),
        )
    }

    fn head(&self, branch: &str) -> CommitId {
        git(&self.bare, &["rev-parse", &format!("refs/heads/{branch}")])
            .parse()
            .unwrap()
    }

    fn refs_below(&self, prefix: &str) -> Vec<String> {
        git(&self.bare, &["for-each-ref", "--format=%(refname)", prefix])
            .lines()
            .map(str::to_owned)
            .collect()
    }
}

/// A repository handle and the forge upon it.
struct Process {
    repository: Repository,
    forge: OfflineForge,
}

impl Process {
    fn open(location: &str, cache: &Path, settings: OfflineSettings) -> Self {
        let git = GitSettings {
            cache_dir: cache.to_owned(),
            ..GitSettings::default()
        };
        let repository = Repository::open(location, &git, false).unwrap();
        let committer = Person::from(&git.committer);
        let forge = OfflineForge::new(repository.clone(), settings, committer);
        Self { repository, forge }
    }

    async fn open_pull(&self) -> String {
        self.forge.open(new_pull(BRANCH)).await.unwrap().id
    }

    async fn list(&self) -> Listing {
        let fetched = self.repository.fetch().await.unwrap();
        self.forge.list(&fetched).await.unwrap()
    }

    /// The only pull request there is.
    async fn pull(&self) -> PullRequest {
        let mut listing = self.list().await;
        assert_eq!(listing.problems, []);
        assert_eq!(listing.pulls.len(), 1);
        listing.pulls.remove(0)
    }

    async fn merging(&self, method: MergeMethod) -> Merging {
        let fetched = self.repository.fetch().await.unwrap();
        Merging {
            head: fetched.refs[&format!("refs/heads/{BRANCH}")].clone(),
            base: fetched.base.unwrap(),
            method,
            message: "Promote myapp 1.3 to prod\n\nHeadwater-Stage: myapp/prod\n".to_owned(),
            author: person("Mara", "mara@acme.example"),
            now: at(500),
        }
    }
}

/// Who approves is believed.
fn settings() -> OfflineSettings {
    OfflineSettings {
        trust: Trust::Push,
        ..OfflineSettings::default()
    }
}

fn signed(lines: &[String]) -> OfflineSettings {
    OfflineSettings {
        trust: Trust::Signed,
        allowed_signers: Some(AllowedSigners::Lines(lines.to_vec())),
        ..OfflineSettings::default()
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).unwrap()
}

fn person(name: &str, email: &str) -> Person {
    Person {
        name: name.to_owned(),
        email: email.to_owned(),
    }
}

fn text(title: &str) -> PullText {
    PullText {
        title: title.to_owned(),
        body: format!("{MARKER}\n\n**myapp** moves\n"),
        labels: vec!["promotion".to_owned()],
    }
}

fn new_pull(branch: &str) -> NewPull {
    NewPull {
        branch: branch.to_owned(),
        text: text("Promote myapp 1.3 to prod"),
        now: at(100),
    }
}

fn approver(email: &str, key: Option<&Path>) -> Approver {
    Approver {
        person: person("Someone", email),
        key: key.map(Path::to_owned),
        now: at(200),
    }
}

fn closing(by: Option<&str>) -> Closing {
    Closing {
        by: by.map(str::to_owned),
        reason: "not this week".to_owned(),
        text: None,
        now: at(300),
    }
}
