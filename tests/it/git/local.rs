//! Repositories on this disk: bare paths in place, file URLs, work trees that lead to their remote.

use headwater::git::{GitError, PushResult, RefUpdate, Repository};
use headwater::model::CommitId;

use super::{base, commit, id, push, settings};
use crate::support::git_http::{bare_repository, commit_to, git, git_is_here, hook};

const MAIN: &str = "refs/heads/main";

#[tokio::test(flavor = "multi_thread")]
async fn a_bare_path_is_its_own_base_and_refs_move_by_compare_and_swap() {
    if !git_is_here() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let bare = bare_repository(dir.path(), "r.git", &[("a", "1")]);
    let settings = settings(&dir.path().join("cache"));
    let repository = Repository::open(bare.to_str().unwrap(), &settings, false).unwrap();
    let first = base(&repository.fetch().await.unwrap());
    let ours = commit(&repository, &first, &[("a", Some("2"))], "ours").await;
    assert_eq!(
        push(&repository, MAIN, Some(&first), Some(&ours)).await,
        PushResult::Done
    );
    assert_eq!(git(&bare, &["rev-parse", MAIN]), ours.as_str());
    let lost = PushResult::Lost {
        found: Some(ours.clone()),
    };
    assert_eq!(
        push(&repository, MAIN, Some(&first), Some(&ours)).await,
        lost
    );
    assert_eq!(push(&repository, MAIN, None, Some(&ours)).await, lost);
    git(&bare, &["pack-refs", "--all"]);
    assert_eq!(push(&repository, MAIN, Some(&first), None).await, lost);
    assert_eq!(repository.fetch().await.unwrap().moved_back, None);
    git(&bare, &["update-ref", MAIN, first.as_str()]);
    assert_eq!(repository.fetch().await.unwrap().moved_back, Some(ours));
    assert!(
        !dir.path().join("cache").exists(),
        "in place needs no mirror"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_a_folder_cannot_run_is_never_passed_by() {
    if !git_is_here() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let bare = bare_repository(dir.path(), "r.git", &[("a", "1")]);
    let settings = settings(&dir.path().join("cache"));
    for (n, location) in [
        bare.display().to_string(),
        format!("file://{}", bare.display()),
    ]
    .into_iter()
    .enumerate()
    {
        let repository = Repository::open(&location, &settings, false).unwrap();
        let mut head = base(&repository.fetch().await.unwrap());
        for name in [
            "pre-receive",
            "update",
            "proc-receive",
            "reference-transaction",
        ] {
            for configured in [false, true] {
                let folder = if configured { "guards" } else { "hooks" };
                if configured {
                    git(&bare, &["config", "core.hooksPath", folder]);
                }
                hook(&bare, name, "exit 1");
                let placed = bare.join(folder).join(name);
                if configured {
                    std::fs::create_dir_all(bare.join(folder)).unwrap();
                    std::fs::rename(bare.join("hooks").join(name), &placed).unwrap();
                }
                let text = format!("{n} {name} {folder}");
                let ours = commit(&repository, &head, &[("a", Some(&text))], &text).await;
                let refused = push(&repository, MAIN, Some(&head), Some(&ours)).await;
                assert!(
                    matches!(&refused, PushResult::Refused { message } if message.contains(&format!("has the hook `{name}`, which a push to a folder cannot run"))),
                    "{location}: {refused:?}"
                );
                assert_eq!(git(&bare, &["rev-parse", MAIN]), head.as_str());
                // What nobody runs is in nobody's way.
                std::fs::rename(&placed, placed.with_extension("sample")).unwrap();
                hook(&bare, "post-receive", "exit 1");
                let pushed = push(&repository, MAIN, Some(&head), Some(&ours)).await;
                assert_eq!(pushed, PushResult::Done, "{location}: {text}");
                head = ours;
                if configured {
                    git(&bare, &["config", "--unset", "core.hooksPath"]);
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_of_a_living_git_is_waited_for_and_then_named() {
    if !git_is_here() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let bare = bare_repository(dir.path(), "r.git", &[("a", "1")]);
    let settings = settings(&dir.path().join("cache"));
    let repository = Repository::open(bare.to_str().unwrap(), &settings, false).unwrap();
    let first = base(&repository.fetch().await.unwrap());
    let ours = commit(&repository, &first, &[("a", Some("2"))], "ours").await;
    let lock = bare.join("refs/heads/main.lock");
    std::fs::write(&lock, "").unwrap();
    let held = lock.clone();
    let owner = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(300));
        std::fs::remove_file(held).unwrap();
    });
    assert_eq!(
        push(&repository, MAIN, Some(&first), Some(&ours)).await,
        PushResult::Done
    );
    owner.join().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_url_is_mirrored_and_pushed_to_with_a_real_lease() {
    if !git_is_here() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let bare = bare_repository(dir.path(), "r.git", &[("a", "1"), ("d/e/f", "2")]);
    let settings = settings(&dir.path().join("cache"));
    let url = format!("file://{}", bare.display());
    let repository = Repository::open(&url, &settings, false).unwrap();
    let first = base(&repository.fetch().await.unwrap());
    let ours = commit(&repository, &first, &[("d/e/f", Some("3"))], "ours").await;
    assert_eq!(
        push(&repository, MAIN, Some(&first), Some(&ours)).await,
        PushResult::Done
    );
    assert_eq!(git(&bare, &["show", "main:d/e/f"]), "3");
    assert_eq!(git(&bare, &["fsck", "--strict", "--no-dangling"]), "");

    let theirs = commit_to(&bare, "main", &[("a", "theirs")], "theirs");
    let late = commit(&repository, &ours, &[("a", Some("4"))], "late").await;
    let lost = PushResult::Lost {
        found: Some(id(&theirs)),
    };
    assert_eq!(
        push(&repository, MAIN, Some(&ours), Some(&late)).await,
        lost
    );
    assert_eq!(repository.fetch().await.unwrap().base, Some(id(&theirs)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_work_tree_leads_to_its_remote_or_needs_to_be_told() {
    if !git_is_here() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let bare = bare_repository(dir.path(), "r.git", &[("a", "1")]);
    let settings = settings(&dir.path().join("cache"));
    git(dir.path(), &["clone", "-q", "r.git", "work"]);
    let work = dir.path().join("work");
    let path = work.to_str().unwrap();
    git(
        &work,
        &["commit", "-q", "--allow-empty", "-m", "not pushed"],
    );
    let repository = Repository::open(path, &settings, false).unwrap();
    let remote_head = id(&git(&bare, &["rev-parse", "main"]));
    assert_eq!(base(&repository.fetch().await.unwrap()), remote_head);

    let local = Repository::open(path, &settings, true).unwrap();
    let head = base(&local.fetch().await.unwrap());
    assert_ne!(head, remote_head);
    let ours = commit(&local, &head, &[("a", Some("2"))], "ours").await;
    assert_eq!(
        push(&local, MAIN, Some(&head), Some(&ours)).await,
        PushResult::Done
    );
    assert_eq!(std::fs::read_to_string(work.join("a")).unwrap(), "2");
    assert_eq!(git(&work, &["status", "--porcelain"]), "");

    git(&work, &["remote", "remove", "origin"]);
    let error = Repository::open(path, &settings, false).unwrap_err();
    assert!(error.to_string().contains("--local"), "{error}");
    git(&work, &["remote", "add", "origin", "git@host:x.git"]);
    let error = Repository::open(path, &settings, false).unwrap_err();
    assert!(matches!(error, GitError::Unsupported(_)), "{error}");
}

/// A work tree that is its own base, with a commit of ours that its branch is to move to.
struct Checkout {
    folder: tempfile::TempDir,
    local: Repository,
    head: CommitId,
    ours: CommitId,
}

impl Checkout {
    async fn begin() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = [("a", "1"), ("b", "1"), ("gone", "1"), ("d/e", "1")];
        bare_repository(folder.path(), "r.git", &files);
        let settings = settings(&folder.path().join("cache"));
        git(folder.path(), &["clone", "-q", "r.git", "work"]);
        let work = folder.path().join("work");
        let local = Repository::open(work.to_str().unwrap(), &settings, true).unwrap();
        let head = base(&local.fetch().await.unwrap());
        let changes = [
            ("a", Some("2")),
            ("gone", None),
            ("new", Some("1")),
            ("d/e", Some("2")),
        ];
        let ours = commit(&local, &head, &changes, "ours").await;
        Self {
            folder,
            local,
            head,
            ours,
        }
    }

    fn work(&self) -> std::path::PathBuf {
        self.folder.path().join("work")
    }

    fn git(&self, words: &[&str]) -> String {
        git(&self.work(), words)
    }

    fn write(&self, path: &str, text: &str) {
        std::fs::write(self.work().join(path), text).unwrap();
    }

    fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.work().join(path)).unwrap()
    }

    fn remove(&self, path: &str) {
        std::fs::remove_file(self.work().join(path)).unwrap();
    }

    async fn attempt(&self) -> PushResult {
        push(&self.local, MAIN, Some(&self.head), Some(&self.ours)).await
    }

    async fn refused(&self, path: &str) {
        let PushResult::Refused { message } = self.attempt().await else {
            panic!("{path} was overwritten");
        };
        assert!(message.contains(&format!("`{path}`")), "{message}");
        assert!(message.contains("not committed"), "{message}");
        assert_eq!(self.git(&["rev-parse", "main"]), self.head.as_str());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkout_goes_along_with_its_branch_and_changes_in_the_way_stop_both() {
    if !git_is_here() {
        return;
    }
    let at = Checkout::begin().await;
    at.write("b", "mine");
    at.write("a", "mine");
    at.refused("a").await;
    at.git(&["add", "a"]);
    at.refused("a").await;
    at.write("a", "1");
    at.refused("a").await;
    at.git(&["checkout", "-q", "HEAD", "--", "a"]);
    at.write("new", "mine");
    at.refused("new").await;
    at.write(".git/info/exclude", "new\n");
    at.refused("new").await;
    assert_eq!(at.read("new"), "mine", "an ignored file is somebody's, too");
    at.remove("new");
    at.write("gone", "mine");
    at.refused("gone").await;
    at.git(&["checkout", "-q", "--", "gone"]);
    let status = || at.git(&["status", "--porcelain"]);
    assert_eq!(status(), " M b", "nothing else was touched by the refusals");

    assert_eq!(at.attempt().await, PushResult::Done);
    assert_eq!(status(), " M b", "a change that is not in the way stays");
    assert_eq!((at.read("d/e"), at.read("a")), ("2".into(), "2".into()));
    assert!(!at.work().join("gone").exists());
    let message = format!(
        "`main` is checked out in `{}/`, so it is not deleted",
        at.work().display()
    );
    assert_eq!(
        push(&at.local, MAIN, Some(&at.ours), None).await,
        PushResult::Refused { message }
    );
    assert_eq!(
        push(&at.local, "refs/heads/other", None, Some(&at.ours)).await,
        PushResult::Done
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_attempt_left_in_a_checkout_does_not_stop_the_next() {
    if !git_is_here() {
        return;
    }
    let at = Checkout::begin().await;
    at.write(".git/index.lock", "");
    let update = RefUpdate {
        name: MAIN.to_owned(),
        expect: Some(at.head.clone()),
        new: Some(at.ours.clone()),
    };
    let locked = at.local.push(vec![update]).await.unwrap_err();
    assert!(matches!(locked, GitError::Locked(_)), "{locked}");
    at.remove(".git/index.lock");
    assert_eq!(at.git(&["status", "--porcelain"]), "", "nothing was begun");

    // Files are there already when the branch turns out not to move: they are put back.
    let log = at.work().join(".git/logs/refs/heads/main");
    std::fs::remove_file(&log).unwrap();
    std::fs::create_dir(&log).unwrap();
    std::fs::write(log.join("beneath"), "").unwrap();
    let update = RefUpdate {
        name: MAIN.to_owned(),
        expect: Some(at.head.clone()),
        new: Some(at.ours.clone()),
    };
    assert!(at.local.push(vec![update]).await.is_err());
    assert_eq!(at.git(&["rev-parse", "main"]), at.head.as_str());
    assert_eq!(at.git(&["status", "--porcelain"]), "", "all is back");
    assert!(!at.work().join(".git/headwater-checkout").exists());
    std::fs::remove_dir_all(&log).unwrap();

    // It died: one file is there, one half, one is gone already.
    at.write(".git/headwater-checkout", at.ours.as_str());
    at.write("a", "2");
    at.write("d/e", "");
    at.remove("gone");
    assert_eq!(at.attempt().await, PushResult::Done);
    assert!(!at.work().join(".git/headwater-checkout").exists());
    assert_eq!(at.git(&["status", "--porcelain"]), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_address_of_a_checkout_does_what_git_would_do() {
    if !git_is_here() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    bare_repository(dir.path(), "r.git", &[("a", "1")]);
    let settings = settings(&dir.path().join("cache"));
    git(dir.path(), &["clone", "-q", "r.git", "work"]);
    let work = dir.path().join("work");
    let address = format!("file://{}", work.display());
    let repository = Repository::open(&address, &settings, false).unwrap();
    let mut head = base(&repository.fetch().await.unwrap());
    let next = commit(&repository, &head, &[("a", Some("2"))], "ours").await;
    let PushResult::Refused { message } = push(&repository, MAIN, Some(&head), Some(&next)).await
    else {
        panic!("a branch moved under a checkout");
    };
    assert!(message.contains("updateInstead"), "{message}");
    for (rule, on_disk) in [("updateInstead", "3"), ("ignore", "3")] {
        git(&work, &["config", "receive.denyCurrentBranch", rule]);
        let text = if rule == "ignore" { "4" } else { "3" };
        let next = commit(&repository, &head, &[("a", Some(text))], "ours").await;
        let done = push(&repository, MAIN, Some(&head), Some(&next)).await;
        assert_eq!(done, PushResult::Done, "{rule}");
        assert_eq!(std::fs::read_to_string(work.join("a")).unwrap(), on_disk);
        head = next;
    }
    git(&work, &["reset", "-q", "--hard"]);
    git(&work, &["checkout", "-q", "-b", "elsewhere"]);
    git(&work, &["config", "--unset", "receive.denyCurrentBranch"]);
    git(&work, &["worktree", "add", "-q", "../linked", "main"]);
    let next = commit(&repository, &head, &[("a", Some("5"))], "ours").await;
    let refused = push(&repository, MAIN, Some(&head), Some(&next)).await;
    assert!(
        matches!(&refused, PushResult::Refused { message } if message.contains("linked")),
        "{refused:?}"
    );
    git(
        &work,
        &["config", "receive.denyCurrentBranch", "updateInstead"],
    );
    let done = push(&repository, MAIN, Some(&head), Some(&next)).await;
    assert_eq!(done, PushResult::Done);
    let linked = dir.path().join("linked");
    assert_eq!(std::fs::read_to_string(linked.join("a")).unwrap(), "5");
    assert_eq!(git(&linked, &["status", "--porcelain"]), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shallow_clone_used_in_place_is_told() {
    if !git_is_here() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let bare = bare_repository(dir.path(), "r.git", &[("a", "1")]);
    commit_to(&bare, "main", &[("a", "2")], "second");
    let source = format!("file://{}", bare.display());
    git(
        dir.path(),
        &["clone", "-q", "--depth", "1", &source, "work"],
    );
    let settings = settings(&dir.path().join("cache"));
    let path = dir.path().join("work");
    let repository = Repository::open(path.to_str().unwrap(), &settings, true).unwrap();
    let fetched = repository.fetch().await.unwrap();
    assert!(fetched.shallow);
    let log = repository.log(&base(&fetched), None, 10).await.unwrap();
    assert_eq!((log.commits.len(), log.complete), (1, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configured_base_that_does_not_exist_is_named() {
    if !git_is_here() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let bare = bare_repository(dir.path(), "r.git", &[("a", "1")]);
    let mut settings = settings(&dir.path().join("cache"));
    settings.base = Some("trunk".to_owned());
    let repository = Repository::open(bare.to_str().unwrap(), &settings, false).unwrap();
    let error = repository.fetch().await.unwrap_err();
    assert!(error.to_string().contains("`trunk`"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_remote_changes_nothing_in_the_mirror() {
    if !git_is_here() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let bare = bare_repository(dir.path(), "r.git", &[("a", "1")]);
    let cache = dir.path().join("cache");
    let url = format!("file://{}", bare.display());
    let repository = Repository::open(&url, &settings(&cache), false).unwrap();
    let first = base(&repository.fetch().await.unwrap());
    commit_to(&bare, "main", &[("a", "2")], "second");
    git(&bare, &["repack", "-adq"]);
    for entry in std::fs::read_dir(bare.join("objects/pack")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "rubbish").unwrap();
    }
    let error = repository.fetch().await.unwrap_err();
    assert!(error.to_string().contains("r.git"), "{error}");
    assert_eq!(repository.tree(&first).await.unwrap().entries.len(), 1);
    let aside = std::fs::read_dir(&cache)
        .unwrap()
        .map(|e| e.unwrap().path());
    let aside: Vec<_> = aside
        .filter(|p| p.extension().is_some_and(|e| e == "broken"))
        .collect();
    assert!(aside.is_empty(), "{aside:?}");
}
