//! What lies on the disk after a commit: a few new objects as files of their own, many as one pack, and that same pack in
//! a remote on this disk.

use std::path::{Path, PathBuf};

use headwater::git::{NewCommit, Person, PushResult, Repository};
use headwater::model::{CommitId, Timestamp};

use super::{World, base, commit, id, push, settings};
use crate::support::git_http::{bare_repository, commit_to, git, git_is_here};

const MAIN: &str = "refs/heads/main";

/// The packs of a repository, and how many objects of it are files of their own.
fn stored(repository: &Path) -> (Vec<PathBuf>, usize) {
    let objects = repository.join("objects");
    let (mut packs, mut loose) = (Vec::new(), 0);
    for folder in std::fs::read_dir(objects).unwrap() {
        let folder = folder.unwrap().path();
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let files = std::fs::read_dir(&folder).unwrap();
        let files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
        match name.as_str() {
            "pack" => packs = files,
            _ if name.len() == 2 => loose += files.len(),
            _ => {}
        }
    }
    packs.retain(|file| file.extension().is_none_or(|e| e != "idx"));
    packs.sort();
    (packs, loose)
}

fn many(revision: &str) -> Vec<(String, String)> {
    let numbers = 0..300;
    numbers
        .map(|n| {
            (
                format!("d{}/f{n}.yaml", n / 40),
                format!("{revision} {n}\n"),
            )
        })
        .collect()
}

async fn commit_many(repository: &Repository, parent: &CommitId, revision: &str) -> CommitId {
    let files = many(revision);
    let files: Vec<_> = files
        .iter()
        .map(|(path, text)| (path.as_str(), Some(text.as_str())))
        .collect();
    commit(repository, parent, &files, revision).await
}

fn assert_whole(repository: &Path) {
    assert_eq!(
        git(repository, &["fsck", "--strict", "--no-dangling"]),
        "",
        "{}",
        repository.display()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_many_files_is_one_pack_here_and_the_same_one_at_the_remote() {
    if !git_is_here() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let bare = bare_repository(dir.path(), "r.git", &[("a", "1"), ("d0/old", "2")]);
    let cache = dir.path().join("cache");
    let url = format!("file://{}", bare.display());
    let repository = Repository::open(&url, &settings(&cache), false).unwrap();
    let first = base(&repository.fetch().await.unwrap());
    let entries = std::fs::read_dir(&cache).unwrap();
    let mut entries = entries.map(|entry| entry.unwrap().path());
    let mirror = entries
        .find(|path| path.extension().is_some_and(|e| e == "git"))
        .unwrap();
    let (before_here, before_there) = (stored(&mirror), stored(&bare));

    let ours = commit_many(&repository, &first, "one").await;
    let here = stored(&mirror);
    assert_eq!(here.0.len(), before_here.0.len() + 1, "{here:?}");
    assert_eq!(here.1, before_here.1, "no object is a file of its own");

    assert_eq!(
        push(&repository, MAIN, Some(&first), Some(&ours)).await,
        PushResult::Done
    );
    let there = stored(&bare);
    assert_eq!(there.0.len(), before_there.0.len() + 1, "{there:?}");
    assert_eq!(there.1, before_there.1, "no object is a file of its own");
    let new = |all: &[PathBuf], old: &[PathBuf]| {
        let mut fresh = all.iter().filter(|pack| !old.contains(pack));
        std::fs::read(fresh.next().unwrap()).unwrap()
    };
    assert_eq!(
        new(&here.0, &before_here.0),
        new(&there.0, &before_there.0),
        "nothing is packed twice"
    );
    assert_whole(&mirror);
    assert_whole(&bare);
    assert_eq!(git(&bare, &["show", "main:d7/f299.yaml"]), "one 299");
    assert_eq!(git(&bare, &["show", "main:d0/old"]), "2");
    assert_eq!(repository.fetch().await.unwrap().base, Some(ours));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_a_few_files_makes_no_pack() {
    if !git_is_here() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let bare = bare_repository(dir.path(), "r.git", &[("a", "1"), ("d/b", "2")]);
    let settings = settings(&dir.path().join("cache"));
    let repository = Repository::open(bare.to_str().unwrap(), &settings, false).unwrap();
    let first = base(&repository.fetch().await.unwrap());
    let before = stored(&bare);
    let ours = commit(&repository, &first, &[("d/b", Some("3"))], "few").await;
    let after = stored(&bare);
    assert_eq!(after.0, before.0);
    assert_eq!(
        after.1,
        before.1 + 4,
        "a file, two folders, a commit: {ours}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bare_path_used_in_place_gets_one_pack() {
    if !git_is_here() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let bare = bare_repository(dir.path(), "r.git", &[("a", "1")]);
    let settings = settings(&dir.path().join("cache"));
    let repository = Repository::open(bare.to_str().unwrap(), &settings, false).unwrap();
    let first = base(&repository.fetch().await.unwrap());
    let before = stored(&bare);
    let ours = commit_many(&repository, &first, "one").await;
    assert_eq!(
        push(&repository, MAIN, Some(&first), Some(&ours)).await,
        PushResult::Done
    );
    let after = stored(&bare);
    assert_eq!(
        (after.0.len(), after.1),
        (before.0.len() + 1, before.1),
        "{after:?}"
    );
    assert_whole(&bare);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_that_would_not_be_all_is_made_anew_for_the_remote() {
    if !git_is_here() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let bare = bare_repository(dir.path(), "r.git", &[("a", "1")]);
    let url = format!("file://{}", bare.display());
    let settings = settings(&dir.path().join("cache"));
    let repository = Repository::open(&url, &settings, false).unwrap();
    let first = base(&repository.fetch().await.unwrap());
    let before = stored(&bare);
    let second = commit_many(&repository, &first, "one").await;
    let files: Vec<_> = many("two").into_iter().take(150).collect();
    let files: Vec<_> = files
        .iter()
        .map(|(path, text)| (path.as_str(), Some(text.as_str())))
        .collect();
    let third = commit(&repository, &second, &files, "two").await;
    assert_eq!(
        push(&repository, MAIN, Some(&first), Some(&third)).await,
        PushResult::Done
    );
    let after = stored(&bare);
    assert_eq!(
        (after.0.len(), after.1),
        (before.0.len() + 1, before.1),
        "both commits in one pack: {after:?}"
    );
    assert_whole(&bare);
    assert_eq!(git(&bare, &["show", "main:d0/f1.yaml"]), "two 1");
    assert_eq!(git(&bare, &["show", "main:d7/f299.yaml"]), "one 299");

    // A commit whose files come from a commit that the remote does not have.
    let beside = commit_many(&repository, &first, "beside").await;
    let ours = Person {
        name: "headwater".to_owned(),
        email: "headwater@localhost".to_owned(),
    };
    let new = NewCommit {
        parents: vec![third.clone()],
        start: Some(beside),
        files: many("three")
            .into_iter()
            .skip(150)
            .map(|(path, text)| (path.parse().unwrap(), Some(text.into_bytes())))
            .collect(),
        message: "three".to_owned(),
        author: ours.clone(),
        committer: ours,
        time: Timestamp::from_second(1_700_000_100).unwrap(),
    };
    let fourth = repository.commit(new).await.unwrap();
    assert_eq!(
        push(&repository, MAIN, Some(&third), Some(&fourth)).await,
        PushResult::Done
    );
    assert_whole(&bare);
    assert_eq!(git(&bare, &["show", "main:d0/f1.yaml"]), "beside 1");
    assert_eq!(git(&bare, &["show", "main:d7/f299.yaml"]), "three 299");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_changes_of_others_come_into_the_mirror_as_one_pack() {
    if !git_is_here() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let bare = bare_repository(dir.path(), "r.git", &[("a", "1")]);
    let cache = dir.path().join("cache");
    let url = format!("file://{}", bare.display());
    let repository = Repository::open(&url, &settings(&cache), false).unwrap();
    repository.fetch().await.unwrap();
    let entries = std::fs::read_dir(&cache).unwrap();
    let mut entries = entries.map(|entry| entry.unwrap().path());
    let mirror = entries
        .find(|path| path.extension().is_some_and(|e| e == "git"))
        .unwrap();
    let before = stored(&mirror);
    let files = many("theirs");
    let files: Vec<_> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let theirs = commit_to(&bare, "main", &files, "theirs");
    assert_eq!(repository.fetch().await.unwrap().base, Some(id(&theirs)));
    let after = stored(&mirror);
    assert_eq!(
        (after.0.len(), after.1),
        (before.0.len() + 1, before.1),
        "{after:?}"
    );
    assert_whole(&mirror);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_packed_commit_goes_over_http_like_any_other() {
    if !git_is_here() {
        return;
    }
    let world = World::with(&[("a", "1")]).await;
    let repository = world.open();
    let first = base(&repository.fetch().await.unwrap());
    let ours = commit_many(&repository, &first, "one").await;
    let (packs, loose) = stored(&world.mirror());
    assert_eq!((packs.len(), loose), (2, 0), "{packs:?}");
    assert_eq!(
        push(&repository, MAIN, Some(&first), Some(&ours)).await,
        PushResult::Done
    );
    assert_whole(&world.bare);
    assert_eq!(git(&world.bare, &["show", "main:d7/f299.yaml"]), "one 299");
}
