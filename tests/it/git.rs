//! The Git edge against real Git: over smart HTTP, over local paths, and in a person's checkout.

mod local;
mod objects;
mod packs;
mod past;
mod remote;
mod signing;
mod tls;
mod work_tree;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use headwater::config::git::GitSettings;
use headwater::git::{Fetched, NewCommit, Person, PushResult, RefUpdate, Repository};
use headwater::model::{CommitId, Timestamp};

use crate::support::git_http::{GitHttp, bare_repository};

/// A repository `r.git` with one commit, served over HTTP, and settings with a cache of their own.
struct World {
    dir: tempfile::TempDir,
    bare: PathBuf,
    server: GitHttp,
    settings: GitSettings,
}

impl World {
    async fn with(files: &[(&str, &str)]) -> Self {
        Self::with_login(files, None).await
    }

    async fn with_login(files: &[(&str, &str)], login: Option<(&str, &str)>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let bare = bare_repository(dir.path(), "r.git", files);
        let server = GitHttp::serve(dir.path(), login).await;
        let settings = settings(&dir.path().join("cache"));
        Self {
            dir,
            bare,
            server,
            settings,
        }
    }

    fn open(&self) -> Repository {
        Repository::open(&self.server.url("r.git"), &self.settings, false).unwrap()
    }

    /// The only mirror in the cache.
    fn mirror(&self) -> PathBuf {
        let found: Vec<PathBuf> = std::fs::read_dir(self.dir.path().join("cache"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "git"))
            .collect();
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].clone()
    }
}

fn settings(cache: &Path) -> GitSettings {
    GitSettings {
        cache_dir: cache.to_owned(),
        ..GitSettings::default()
    }
}

fn base(fetched: &Fetched) -> CommitId {
    fetched.base.clone().expect("the repository has a base")
}

fn id(text: &str) -> CommitId {
    text.parse().unwrap()
}

/// A commit of ours on top of `parent`, not pushed yet.
async fn commit(
    repository: &Repository,
    parent: &CommitId,
    files: &[(&str, Option<&str>)],
    message: &str,
) -> CommitId {
    let ours = Person {
        name: "headwater".to_owned(),
        email: "headwater@localhost".to_owned(),
    };
    let files: BTreeMap<_, _> = files
        .iter()
        .map(|(path, content)| {
            let content = content.map(|content| content.as_bytes().to_vec());
            (path.parse().unwrap(), content)
        })
        .collect();
    let new = NewCommit {
        parents: vec![parent.clone()],
        start: Some(parent.clone()),
        files,
        message: message.to_owned(),
        author: ours.clone(),
        committer: ours,
        time: Timestamp::from_second(1_700_000_100).unwrap(),
    };
    repository.commit(new).await.unwrap()
}

fn update(name: &str, expect: Option<&CommitId>, new: Option<&CommitId>) -> RefUpdate {
    RefUpdate {
        name: name.to_owned(),
        expect: expect.cloned(),
        new: new.cloned(),
    }
}

/// Pushes one ref.
async fn push(
    repository: &Repository,
    name: &str,
    expect: Option<&CommitId>,
    new: Option<&CommitId>,
) -> PushResult {
    let outcomes = repository
        .push(vec![update(name, expect, new)])
        .await
        .unwrap();
    assert_eq!(outcomes.len(), 1);
    assert_eq!(outcomes[0].name, name);
    outcomes[0].result.clone()
}
