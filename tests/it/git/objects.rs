//! Trees, blobs, history, merges and commits, made and read without a work tree.

use std::collections::BTreeMap;

use headwater::git::{BlobProblem, EntryKind, Merge, NewCommit, Person, Repository};
use headwater::model::{BlobId, CommitId, Timestamp};

use super::{base, commit, id, settings};
use crate::support::git_http::{bare_repository, commit_to, git, git_is_here, write_files};

/// A bare repository in place.
struct Place {
    dir: tempfile::TempDir,
    bare: std::path::PathBuf,
    repository: Repository,
    head: CommitId,
}

async fn place(files: &[(&str, &str)]) -> Place {
    let dir = tempfile::tempdir().unwrap();
    let bare = bare_repository(dir.path(), "r.git", files);
    let settings = settings(&dir.path().join("cache"));
    let repository = Repository::open(bare.to_str().unwrap(), &settings, false).unwrap();
    let head = base(&repository.fetch().await.unwrap());
    Place {
        dir,
        bare,
        repository,
        head,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_is_made_without_a_work_tree_and_git_likes_it() {
    if !git_is_here() {
        return;
    }
    let place = place(&[("keep/a", "1"), ("gone/only", "x"), ("b", "old")]).await;
    let new = commit(
        &place.repository,
        &place.head,
        &[
            ("b", Some("new\n")),
            ("gone/only", None),
            ("never/was", None),
            ("deep/er/c.yaml", Some("c: 1\n")),
        ],
        "Promote\n\nHeadwater-Set: x\n",
    )
    .await;
    git(
        &place.bare,
        &["update-ref", "refs/heads/main", new.as_str()],
    );
    assert_eq!(git(&place.bare, &["fsck", "--strict", "--no-dangling"]), "");
    let names = git(&place.bare, &["ls-tree", "-r", "--name-only", "main"]);
    assert_eq!(names, "b\ndeep/er/c.yaml\nkeep/a");
    assert_eq!(
        git(&place.bare, &["ls-tree", "--name-only", "main"]),
        "b\ndeep\nkeep"
    );
    assert_eq!(git(&place.bare, &["show", "main:b"]), "new");
    let who = git(
        &place.bare,
        &["log", "-1", "--format=%an <%ae> %ct %s", "main"],
    );
    assert_eq!(who, "headwater <headwater@localhost> 1700000100 Promote");
    let info = place.repository.commit_info(&new).await.unwrap();
    assert_eq!(info.parents, [place.head]);
    assert!(!info.signed && info.message.ends_with("Headwater-Set: x\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_keeps_modes_and_refuses_links_and_files_as_folders() {
    if !git_is_here() {
        return;
    }
    let place = place(&[("run.sh", "1"), ("file", "x")]).await;
    let work = place.dir.path().join("w");
    git(place.dir.path(), &["clone", "-q", "r.git", "w"]);
    git(&work, &["update-index", "--chmod=+x", "run.sh"]);
    std::os::unix::fs::symlink("/etc", work.join("link")).unwrap();
    git(&work, &["add", "link"]);
    git(&work, &["commit", "-q", "-m", "modes"]);
    git(&work, &["push", "-q", "origin", "main"]);
    let head = base(&place.repository.fetch().await.unwrap());
    let new = commit(&place.repository, &head, &[("run.sh", Some("2"))], "x").await;
    let shown = git(&place.bare, &["ls-tree", new.as_str(), "run.sh"]);
    assert!(shown.starts_with("100755 blob"), "{shown}");
    for bad in ["link", "link/passwd", "file/below"] {
        let new = NewCommit {
            parents: vec![head.clone()],
            start: Some(head.clone()),
            files: BTreeMap::from([(bad.parse().unwrap(), Some(b"x".to_vec()))]),
            message: "x".to_owned(),
            author: ours(),
            committer: ours(),
            time: Timestamp::UNIX_EPOCH,
        };
        assert!(place.repository.commit(new).await.is_err(), "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_cannot_smuggle_a_header_into_a_commit() {
    if !git_is_here() {
        return;
    }
    let place = place(&[("a", "1")]).await;
    let evil = Person {
        name: "x\nparent 0000\n<y>".to_owned(),
        email: "a@b>\ngpgsig z".to_owned(),
    };
    let new = NewCommit {
        parents: vec![],
        start: None,
        files: BTreeMap::from([("a".parse().unwrap(), Some(b"1".to_vec()))]),
        message: "root".to_owned(),
        author: evil,
        committer: ours(),
        time: Timestamp::UNIX_EPOCH,
    };
    let new = place.repository.commit(new).await.unwrap();
    let info = place.repository.commit_info(&new).await.unwrap();
    assert!(info.parents.is_empty() && !info.signed);
    assert_eq!(info.author.name, "x parent 0000 y");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_names_links_submodules_and_odd_entries() {
    if !git_is_here() {
        return;
    }
    let place = place(&[("a.yaml", "a: 1\n")]).await;
    let blob = git(&place.bare, &["rev-parse", "main:a.yaml"]);
    let script = format!(
        "{{ printf '100644 blob {blob}\\tfine\\0'; printf '120000 blob {blob}\\tlink\\0'; \
         printf '160000 commit {head}\\tmodule\\0'; printf '100755 blob {blob}\\trun\\0'; \
         printf '100644 blob {blob}\\tbad\\377name\\0'; printf '100644 blob {blob}\\tback\\\\slash\\0'; \
         printf '100644 blob {blob}\\tnew\\nline\\0'; }} | git mktree -z",
        head = place.head
    );
    let output = std::process::Command::new("sh")
        .args(["-c", &script])
        .current_dir(&place.bare)
        .output()
        .unwrap();
    let tree = String::from_utf8(output.stdout).unwrap();
    let odd = git(&place.bare, &["commit-tree", tree.trim(), "-m", "odd"]);
    let listing = place.repository.tree(&id(&odd)).await.unwrap();
    let kinds: Vec<_> = listing
        .entries
        .iter()
        .map(|(path, entry)| (path.as_str(), entry.kind))
        .collect();
    assert_eq!(
        kinds,
        [
            ("fine", EntryKind::File),
            ("link", EntryKind::Symlink),
            ("module", EntryKind::Submodule),
            ("run", EntryKind::Executable),
        ]
    );
    assert_eq!(listing.odd.len(), 3, "{:?}", listing.odd);
    assert!(
        listing
            .odd
            .iter()
            .all(|(name, why)| !name.contains('\n') && !why.is_empty())
    );
    let changes = place
        .repository
        .changes(Some(&place.head), &id(&odd))
        .await
        .unwrap();
    let changed: Vec<_> = changes
        .iter()
        .map(|c| (c.path.as_str(), c.new.is_some()))
        .collect();
    assert_eq!(
        changed,
        [
            ("a.yaml", false),
            ("fine", true),
            ("link", true),
            ("module", false),
            ("run", true)
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_are_read_within_a_limit() {
    if !git_is_here() {
        return;
    }
    let place = place(&[("small", "12345"), ("large", "1234567890")]).await;
    let (small, large) = (BlobId::of(b"12345"), BlobId::of(b"1234567890"));
    let absent = BlobId::of(b"absent");
    let tree: BlobId = git(&place.bare, &["rev-parse", "main^{tree}"])
        .parse()
        .unwrap();
    let ids = vec![small.clone(), large.clone(), absent.clone(), tree.clone()];
    let found = place.repository.blobs(ids, 5).await.unwrap();
    assert_eq!(found[&small], Ok(b"12345".to_vec()));
    assert_eq!(
        found[&large],
        Err(BlobProblem::TooLarge {
            bytes: 10,
            limit: 5
        })
    );
    assert_eq!(found[&absent], Err(BlobProblem::Missing));
    assert_eq!(found[&tree], Err(BlobProblem::NotABlob));
}

#[tokio::test(flavor = "multi_thread")]
async fn merges_are_tried_in_memory() {
    if !git_is_here() {
        return;
    }
    let lines = "1\n2\n3\n4\n5\n6\n7\n8\n";
    let place = place(&[("a", lines), ("b", "x")]).await;
    let ours = commit(
        &place.repository,
        &place.head,
        &[("a", Some(&lines.replace('1', "one")))],
        "o",
    )
    .await;
    let theirs = commit(
        &place.repository,
        &place.head,
        &[("a", Some(&lines.replace('8', "eight")))],
        "t",
    )
    .await;
    let Merge::Clean { changed, .. } = place.repository.merge(&ours, &theirs).await.unwrap() else {
        panic!("it should merge");
    };
    assert_eq!(changed.len(), 1);
    let merged = changed[0].new.clone().unwrap();
    let content = place
        .repository
        .blobs(vec![merged.clone()], 1000)
        .await
        .unwrap();
    let expected = lines.replace('1', "one").replace('8', "eight");
    assert_eq!(content[&merged], Ok(expected.into_bytes()));
    assert_eq!(
        place.repository.merge_base(&ours, &theirs).await.unwrap(),
        Some(place.head.clone())
    );

    let clash = commit(
        &place.repository,
        &place.head,
        &[("a", Some(&lines.replace('1', "uno")))],
        "c",
    )
    .await;
    let result = place.repository.merge(&ours, &clash).await.unwrap();
    assert_eq!(
        result,
        Merge::Conflict {
            paths: vec!["a".to_owned()]
        }
    );
    assert_eq!(
        git(&place.bare, &["for-each-ref", "--format=%(refname)"]),
        "refs/heads/main"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_follows_first_parents_until_it_is_told_to_stop() {
    if !git_is_here() {
        return;
    }
    let place = place(&[("a", "1")]).await;
    commit_to(&place.bare, "main", &[("a", "2")], "second");
    let head = id(&commit_to(&place.bare, "main", &[("a", "3")], "third"));
    let all = place.repository.log(&head, None, 10).await.unwrap();
    let subjects: Vec<&str> = all.commits.iter().map(|c| c.message.trim()).collect();
    assert_eq!(subjects, ["third", "second", "first"]);
    assert!(all.complete);
    let some = place
        .repository
        .log(&head, Some(&place.head), 10)
        .await
        .unwrap();
    assert_eq!((some.commits.len(), some.complete), (2, true));
    let few = place.repository.log(&head, None, 2).await.unwrap();
    assert_eq!((few.commits.len(), few.complete), (2, false));
    assert_eq!(few.commits[0].author.email, "ann@example.org");
    assert_eq!(few.commits[0].commit_time.as_second(), 1_700_000_000);
}

/// A person commits, pulls our commit and pushes the merge: the base's own line is then behind the second parent.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_follows_the_later_parent_that_holds_our_commits() {
    if !git_is_here() {
        return;
    }
    let place = place(&[("a", "1")]).await;
    let message = format!("Import\n\nHeadwater-Base: {}\n", place.head);
    let ours = commit(
        &place.repository,
        &place.head,
        &[("a", Some("2"))],
        &message,
    )
    .await;
    git(place.dir.path(), &["clone", "-q", "r.git", "w"]);
    let work = place.dir.path().join("w");
    write_files(&work, &[("b", "theirs")]);
    git(&work, &["add", "b"]);
    git(&work, &["commit", "-q", "-m", "theirs"]);
    git(
        &place.bare,
        &["update-ref", "refs/heads/main", ours.as_str()],
    );
    git(
        &work,
        &["pull", "-q", "--no-rebase", "--no-edit", "origin", "main"],
    );
    git(&work, &["push", "-q", "origin", "HEAD:main"]);
    let head = base(&place.repository.fetch().await.unwrap());
    let log = place.repository.log(&head, None, 10).await.unwrap();
    let ids: Vec<_> = log.commits.iter().map(|c| c.id.clone()).collect();
    assert_eq!(ids, [head, ours, place.head.clone()]);

    // The same merge of a branch that holds nothing of ours stays on the first parent.
    commit_to(
        &place.bare,
        "side",
        &[("c", "x")],
        "Quoting\n\nHeadwater-Base: x\n\nin the middle",
    );
    git(&work, &["fetch", "-q", "origin"]);
    git(
        &work,
        &["merge", "-q", "--no-ff", "-m", "merge side", "origin/side"],
    );
    git(&work, &["push", "-q", "origin", "HEAD:main"]);
    let head = base(&place.repository.fetch().await.unwrap());
    let log = place.repository.log(&head, None, 2).await.unwrap();
    assert!(
        log.commits[1].message.starts_with("Merge branch"),
        "{:?}",
        log.commits[1]
    );
}

fn ours() -> Person {
    Person {
        name: "headwater".to_owned(),
        email: "headwater@localhost".to_owned(),
    }
}
