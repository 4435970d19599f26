//! A person's checkout: reading, writing, committing and pushing from it.

use std::path::{Path, PathBuf};

use headwater::git::{Person, PushResult, PushTarget, WorkFile, WorkTree};
use headwater::model::{RepoPath, Timestamp};

use super::{World, settings};
use crate::support::git_http::{bare_repository, commit_to, git, git_is_here, write_files};

fn path(text: &str) -> RepoPath {
    text.parse().unwrap()
}

fn ann() -> Person {
    Person {
        name: "Ann".to_owned(),
        email: "ann@example.org".to_owned(),
    }
}

fn clone(root: &Path, from: &str) -> PathBuf {
    git(root, &["clone", "-q", from, "work"]);
    let work = root.join("work");
    git(&work, &["config", "user.name", "Ann"]);
    git(&work, &["config", "user.email", "ann@example.org"]);
    work
}

#[test]
fn files_are_read_without_following_links() {
    if !git_is_here() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    bare_repository(
        dir.path(),
        "r.git",
        &[("d/a", "1"), ("d/e/b", "22"), ("other", "x")],
    );
    let work = clone(dir.path(), "r.git");
    std::fs::write(dir.path().join("secret"), "canary").unwrap();
    std::os::unix::fs::symlink("../../secret", work.join("d/link")).unwrap();
    std::os::unix::fs::symlink(dir.path(), work.join("up")).unwrap();
    let tree = WorkTree::discover(&work.join("d")).unwrap();
    let found = tree.read_below(&[path("d"), path("missing")], 1).unwrap();
    let names: Vec<&str> = found.keys().map(RepoPath::as_str).collect();
    assert_eq!(names, ["d/a", "d/e/b", "d/link"]);
    assert_eq!(found[&path("d/a")], WorkFile::Bytes(b"1".to_vec()));
    assert_eq!(found[&path("d/e/b")], WorkFile::TooLarge { bytes: 2 });
    assert_eq!(found[&path("d/link")], WorkFile::Symlink);
    assert!(tree.read_below(&[path("up/secret")], 100).is_err());
    assert!(tree.read(&path("up/secret"), 100).is_err());
    assert!(tree.write(&path("up/new"), None, b"x").is_err());
    assert_eq!(tree.relative(&work.join("d/a")).unwrap(), Some(path("d/a")));
    assert_eq!(tree.relative(&work).unwrap(), None);
    assert!(tree.relative(dir.path()).is_err());
}

#[test]
fn a_file_is_written_only_if_nobody_changed_it() {
    if !git_is_here() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    bare_repository(dir.path(), "r.git", &[("a", "1")]);
    let work = clone(dir.path(), "r.git");
    let tree = WorkTree::discover(&work).unwrap();
    tree.write(&path("a"), Some(b"1"), b"2").unwrap();
    assert_eq!(std::fs::read(work.join("a")).unwrap(), b"2");
    assert!(tree.write(&path("a"), Some(b"1"), b"3").is_err());
    assert!(tree.write(&path("a"), None, b"3").is_err());
    tree.write(&path("new/b"), None, b"b").unwrap();
    assert!(tree.remove(&path("new/b"), b"c").is_err());
    tree.remove(&path("new/b"), b"b").unwrap();
    assert_eq!(std::fs::read(work.join("a")).unwrap(), b"2");
    let left: Vec<_> = std::fs::read_dir(&work)
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 3, "no temporary files stay: {left:?}");
}

#[test]
fn a_commit_takes_the_named_paths_and_leaves_the_index_alone() {
    if !git_is_here() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    bare_repository(dir.path(), "r.git", &[("a", "1"), ("b", "1"), ("c", "1")]);
    let work = clone(dir.path(), "r.git");
    let tree = WorkTree::discover(&work).unwrap();
    assert_eq!(tree.branch().unwrap(), "main");
    assert_eq!(tree.identity().unwrap(), ann());
    write_files(&work, &[("a", "2"), ("b", "2"), ("sub/new", "n")]);
    git(&work, &["add", "b"]);
    std::fs::remove_file(work.join("c")).unwrap();
    let all = [path("a"), path("b"), path("c"), path("sub")];
    assert_eq!(
        tree.dirty(&all).unwrap(),
        [path("a"), path("b"), path("c"), path("sub/new")]
    );
    let time = Timestamp::from_second(1_700_000_200).unwrap();
    let made = tree
        .commit(
            &[path("a"), path("c"), path("sub/new")],
            "Promote",
            (&ann(), &ann()),
            time,
        )
        .unwrap();
    assert_eq!(tree.head().unwrap(), Some(made));
    let names = git(&work, &["show", "--format=", "--name-status", "HEAD"]);
    assert_eq!(names, "M\ta\nD\tc\nA\tsub/new");
    assert_eq!(git(&work, &["status", "--porcelain"]), "M  b");
    assert_eq!(tree.dirty(&[path("a"), path("sub")]).unwrap(), []);
    assert!(
        tree.commit(&[path("a")], "again", (&ann(), &ann()), time)
            .is_err()
    );
    assert_eq!(git(&work, &["fsck", "--strict", "--no-dangling"]), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_current_branch_is_pushed_over_http_with_the_persons_rights() {
    if !git_is_here() {
        return;
    }
    let world = World::with_login(&[("a", "1")], Some(("ann", "canary"))).await;
    let url = world.server.url_with_login("ann:canary", "r.git");
    // The clone is made from disk: git itself would block this thread's server.
    let work = clone(world.dir.path(), "r.git");
    git(&work, &["remote", "set-url", "origin", &url]);
    let tree = WorkTree::discover(&work).unwrap();
    write_files(&work, &[("a", "2")]);
    let made = tree
        .commit(&[path("a")], "Two", (&ann(), &ann()), Timestamp::UNIX_EPOCH)
        .unwrap();
    let base = PushTarget::Base("main".to_owned());
    let result = tree.push(&world.settings, base.clone()).await.unwrap();
    assert_eq!(result, PushResult::Done);
    assert_eq!(git(&world.bare, &["rev-parse", "main"]), made.as_str());
    assert_eq!(git(&work, &["rev-parse", "origin/main"]), made.as_str());

    let theirs = commit_to(&world.bare, "main", &[("b", "theirs")], "theirs");
    write_files(&work, &[("a", "3")]);
    tree.commit(
        &[path("a")],
        "Three",
        (&ann(), &ann()),
        Timestamp::UNIX_EPOCH,
    )
    .unwrap();
    let lost = tree.push(&world.settings, base).await.unwrap();
    assert_eq!(
        lost,
        PushResult::Lost {
            found: Some(theirs.parse().unwrap())
        }
    );

    let branch = PushTarget::NewBranch("rollback/x".to_owned());
    let result = tree.push(&world.settings, branch.clone()).await.unwrap();
    assert_eq!(result, PushResult::Done);
    let again = tree.push(&world.settings, branch).await.unwrap();
    assert!(matches!(again, PushResult::Lost { found: Some(_) }));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_current_branch_is_pushed_to_a_remote_on_this_disk() {
    if !git_is_here() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let bare = bare_repository(dir.path(), "r.git", &[("a", "1")]);
    let work = clone(dir.path(), "r.git");
    let tree = WorkTree::discover(&work).unwrap();
    write_files(&work, &[("a", "2")]);
    let made = tree
        .commit(&[path("a")], "Two", (&ann(), &ann()), Timestamp::UNIX_EPOCH)
        .unwrap();
    let settings = settings(&dir.path().join("cache"));
    let target = PushTarget::Base("main".to_owned());
    assert_eq!(
        tree.push(&settings, target).await.unwrap(),
        PushResult::Done
    );
    assert_eq!(git(&bare, &["rev-parse", "main"]), made.as_str());
    assert_eq!(git(&bare, &["fsck", "--strict", "--no-dangling"]), "");
}
