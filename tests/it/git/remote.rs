//! Over smart HTTP: fetching, leases, races, hooks, credentials, damage.

use headwater::config::git::GitCredential;
use headwater::git::{GitError, PushResult, Repository};
use headwater::model::{CommitId, Period};

use super::{World, base, commit, id, push, settings, update};
use crate::support::git_http::{GitHttp, bare_repository, commit_to, git, git_is_here, hook};

const MAIN: &str = "refs/heads/main";

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_follows_the_remote_and_forgets_what_is_gone() {
    if !git_is_here() {
        return;
    }
    let world = World::with(&[("a.yaml", "a: 1\n")]).await;
    let repository = world.open();
    let first = repository.fetch().await.unwrap();
    assert_eq!(first.base_branch, "main");
    assert!(!first.shallow && first.moved_back.is_none());
    let second = commit_to(&world.bare, "main", &[("a.yaml", "a: 2\n")], "second");
    commit_to(&world.bare, "side", &[("b.yaml", "b: 1\n")], "side");
    let fetched = repository.fetch().await.unwrap();
    assert_eq!(fetched.base, Some(id(&second)));
    assert_eq!(fetched.moved_back, None);
    assert!(fetched.refs.contains_key("refs/heads/side"));

    git(&world.bare, &["branch", "-D", "side"]);
    commit_to(
        &world.bare,
        "side/nested",
        &[("b.yaml", "b: 2\n")],
        "nested",
    );
    let fetched = repository.fetch().await.unwrap();
    let names: Vec<&str> = fetched.refs.keys().map(String::as_str).collect();
    assert_eq!(names, [MAIN, "refs/heads/side/nested"]);

    let before = world.server.requests();
    repository.fetch().await.unwrap();
    assert_eq!(
        world.server.requests() - before,
        1,
        "nothing new costs one request"
    );
    assert_eq!(repository.describe(), world.server.url("r.git"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_repository_has_no_base_until_the_first_push() {
    if !git_is_here() {
        return;
    }
    let world = World::with(&[]).await;
    let repository = world.open();
    assert_eq!(repository.fetch().await.unwrap().base, None);
    let there = commit_to(&world.bare, "main", &[("a", "1")], "first");
    assert_eq!(repository.fetch().await.unwrap().base, Some(id(&there)));
    git(&world.bare, &["update-ref", "-d", MAIN]);
    let error = repository.fetch().await.unwrap_err();
    assert!(matches!(error, GitError::NotFound(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_that_was_forced_back_is_told() {
    if !git_is_here() {
        return;
    }
    let world = World::with(&[("a", "1")]).await;
    let repository = world.open();
    let first = base(&repository.fetch().await.unwrap());
    let second = commit(&repository, &first, &[("a", Some("2"))], "ours").await;
    assert_eq!(
        push(&repository, MAIN, Some(&first), Some(&second)).await,
        PushResult::Done
    );
    git(&world.bare, &["update-ref", MAIN, first.as_str()]);
    let fetched = repository.fetch().await.unwrap();
    assert_eq!(fetched.base, Some(first));
    assert_eq!(fetched.moved_back, Some(second));
    assert_eq!(repository.fetch().await.unwrap().moved_back, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_moves_refs_only_from_where_they_are_expected() {
    if !git_is_here() {
        return;
    }
    let world = World::with(&[("a", "1")]).await;
    let repository = world.open();
    let first = base(&repository.fetch().await.unwrap());
    let second = commit(&repository, &first, &[("a", Some("2"))], "ours").await;
    assert_eq!(
        push(&repository, MAIN, Some(&first), Some(&second)).await,
        PushResult::Done
    );
    assert_eq!(git(&world.bare, &["rev-parse", MAIN]), second.as_str());

    let third = commit(&repository, &first, &[("a", Some("3"))], "stale").await;
    let lost = PushResult::Lost {
        found: Some(second.clone()),
    };
    assert_eq!(
        push(&repository, MAIN, Some(&first), Some(&third)).await,
        lost
    );
    assert_eq!(push(&repository, MAIN, None, Some(&third)).await, lost);

    let branch = "refs/heads/headwater/promote/x";
    assert_eq!(
        push(&repository, branch, None, Some(&third)).await,
        PushResult::Done
    );
    let forced = push(&repository, branch, Some(&third), Some(&second)).await;
    assert_eq!(forced, PushResult::Done, "a lease may rebuild a branch");
    let stale = push(&repository, branch, Some(&third), None).await;
    assert_eq!(
        stale,
        PushResult::Lost {
            found: Some(second.clone())
        }
    );
    assert_eq!(
        push(&repository, branch, Some(&second), None).await,
        PushResult::Done
    );
    let gone = push(&repository, branch, Some(&second), Some(&third)).await;
    assert_eq!(gone, PushResult::Lost { found: None });
    assert_eq!(
        git(&world.bare, &["for-each-ref", "--format=%(refname)"]),
        MAIN
    );
    assert_eq!(git(&world.bare, &["fsck", "--strict", "--no-dangling"]), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_lost_ref_does_not_hinder_the_others() {
    if !git_is_here() {
        return;
    }
    let world = World::with(&[("a", "1")]).await;
    let repository = world.open();
    let first = base(&repository.fetch().await.unwrap());
    let new = commit(&repository, &first, &[("a", Some("2"))], "ours").await;
    let meta = "refs/headwater/pulls/1/meta";
    let outcomes = repository
        .push(vec![
            update(MAIN, None, Some(&new)),
            update(meta, None, Some(&new)),
        ])
        .await
        .unwrap();
    assert_eq!(
        outcomes[0].result,
        PushResult::Lost {
            found: Some(first.clone())
        }
    );
    assert_eq!(outcomes[1].result, PushResult::Done);
    let fetched = repository.fetch().await.unwrap();
    assert_eq!(fetched.base, Some(first));
    assert_eq!(fetched.refs.get(meta), Some(&new));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ref_that_moves_behind_the_advertisement_is_a_lost_race() {
    if !git_is_here() {
        return;
    }
    let world = World::with(&[("a", "1")]).await;
    let repository = world.open();
    let first = base(&repository.fetch().await.unwrap());
    let ours = commit(&repository, &first, &[("a", Some("2"))], "ours").await;
    let bare = world.bare.clone();
    world.server.between(move || {
        commit_to(&bare, "main", &[("a", "theirs")], "theirs");
    });
    let result = push(&repository, MAIN, Some(&first), Some(&ours)).await;
    assert_eq!(result, PushResult::Lost { found: None });
    assert_eq!(
        git(&world.bare, &["log", "-1", "--format=%s", MAIN]),
        "theirs"
    );
    let found = base(&repository.fetch().await.unwrap());
    assert!(repository.is_ancestor(&first, &found).await.unwrap());
    assert!(!repository.is_ancestor(&ours, &found).await.unwrap());
    // One that nobody has any more, as where a repository was put back from a backup.
    let gone = "d02f8f2620334a9af65b766c20e1781d6ef16946".parse().unwrap();
    assert!(!repository.is_ancestor(&gone, &found).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_declines_is_a_refusal_in_its_own_words() {
    if !git_is_here() {
        return;
    }
    let world = World::with(&[("a", "1")]).await;
    let repository = world.open();
    let first = base(&repository.fetch().await.unwrap());
    let ours = commit(&repository, &first, &[("a", Some("2"))], "ours").await;
    hook(
        &world.bare,
        "pre-receive",
        "echo 'GH006: main is \u{1b}[31mprotected' >&2; exit 1",
    );
    let result = push(&repository, MAIN, Some(&first), Some(&ours)).await;
    let PushResult::Refused { message } = result else {
        panic!("{result:?}");
    };
    assert!(message.contains("pre-receive hook declined"), "{message}");
    assert!(message.contains("GH006: main is"), "{message}");
    assert!(!message.contains('\u{1b}'), "{message:?}");
    assert_eq!(base(&repository.fetch().await.unwrap()), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_whose_answer_is_lost_shows_in_the_next_fetch() {
    if !git_is_here() {
        return;
    }
    let world = World::with(&[("a", "1")]).await;
    let repository = world.open();
    let first = base(&repository.fetch().await.unwrap());
    let ours = commit(&repository, &first, &[("a", Some("2"))], "ours").await;
    world.server.cut_next_answer();
    let error = repository
        .push(vec![update(MAIN, Some(&first), Some(&ours))])
        .await
        .unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert_eq!(base(&repository.fetch().await.unwrap()), ours);
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_open_the_door_and_never_show() {
    if !git_is_here() {
        return;
    }
    let mut world = World::with_login(&[("a", "1")], Some(("bot", "canary"))).await;
    let error = world.open().fetch().await.unwrap_err();
    assert!(matches!(error, GitError::Auth { .. }) && !error.is_transient());
    assert!(error.to_string().contains("git.credentials"), "{error}");

    let credential = |password: &str| GitCredential {
        origin: world.server.origin(),
        username: Some("bot".to_owned()),
        password: password.to_owned().into(),
    };
    let (bad, good) = (credential("canary-wrong"), credential("canary"));
    world.settings.credentials = vec![bad];
    let error = world.open().fetch().await.unwrap_err();
    assert!(matches!(error, GitError::Auth { .. }), "{error}");
    assert!(!error.to_string().contains("canary"), "{error}");

    world.settings.credentials = vec![good];
    let repository = world.open();
    let first = base(&repository.fetch().await.unwrap());
    let ours = commit(&repository, &first, &[("a", Some("2"))], "ours").await;
    assert_eq!(
        push(&repository, MAIN, Some(&first), Some(&ours)).await,
        PushResult::Done
    );

    world.settings.credentials.clear();
    let url = world.server.url_with_login("bot:canary", "r.git");
    let repository = Repository::open(&url, &world.settings, false).unwrap();
    repository.fetch().await.unwrap();
    assert!(!repository.describe().contains("canary"));
    let config = std::fs::read_to_string(world.mirror().join("config")).unwrap();
    assert!(!config.contains("canary"));
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_do_not_follow_a_redirect_to_another_origin() {
    if !git_is_here() {
        return;
    }
    let world = World::with(&[("a", "1")]).await;
    let entrance = GitHttp::serve(world.dir.path(), None).await;
    entrance.redirect_to(&world.server.origin());
    let open = |settings: &_| Repository::open(&entrance.url("r.git"), settings, false).unwrap();
    open(&world.settings).fetch().await.unwrap();

    let mut with_secret = settings(&world.dir.path().join("cache-2"));
    with_secret.credentials = vec![GitCredential {
        origin: entrance.origin(),
        username: None,
        password: "canary".to_owned().into(),
    }];
    let error = open(&with_secret).fetch().await.unwrap_err();
    assert!(matches!(error, GitError::Rejected { .. }), "{error}");
    assert_eq!(entrance.authorized_requests(), 1);
    assert_eq!(world.server.authorized_requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_or_no_git_server_is_told_apart() {
    if !git_is_here() {
        return;
    }
    let world = World::with(&[("a", "1")]).await;
    let missing = Repository::open(&world.server.url("none.git"), &world.settings, false).unwrap();
    let error = missing.fetch().await.unwrap_err();
    assert!(matches!(error, GitError::NotFound(_)), "{error}");
    let url = world.server.url("r.git");
    drop(world.server);
    tokio::task::yield_now().await;
    let gone = Repository::open(&url, &world.settings, false).unwrap();
    let error = gone.fetch().await.unwrap_err();
    assert!(matches!(error, GitError::Network { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_mirror_is_set_aside_and_made_anew() {
    if !git_is_here() {
        return;
    }
    let world = World::with(&[("a", "1"), ("d/b", "2")]).await;
    let repository = world.open();
    let first = base(&repository.fetch().await.unwrap());
    let broken = world.mirror().with_extension("broken");

    // HEAD vanishes.
    std::fs::remove_file(world.mirror().join("HEAD")).unwrap();
    assert_eq!(base(&repository.fetch().await.unwrap()), first);
    assert!(broken.exists());

    // A ref becomes empty.
    std::fs::write(world.mirror().join("refs/heads/main"), "").unwrap();
    assert_eq!(base(&repository.fetch().await.unwrap()), first);

    // Every pack is cut in the middle: noticed while reading, mended by the next fetch.
    for entry in std::fs::read_dir(world.mirror().join("objects/pack")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "pack") {
            let bytes = std::fs::read(&path).unwrap();
            std::fs::remove_file(&path).unwrap();
            std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        }
    }
    assert!(repository.tree(&first).await.is_err());
    assert_eq!(base(&repository.fetch().await.unwrap()), first);
    assert_eq!(repository.tree(&first).await.unwrap().entries.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn locks_that_a_dead_process_left_in_the_mirror_are_removed() {
    if !git_is_here() {
        return;
    }
    let world = World::with(&[("a", "1")]).await;
    let repository = world.open();
    repository.fetch().await.unwrap();
    let there = commit_to(&world.bare, "main", &[("a", "2")], "second");
    std::fs::write(world.mirror().join("refs/heads/main.lock"), "").unwrap();
    assert_eq!(repository.fetch().await.unwrap().base, Some(id(&there)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_never_answers_costs_no_more_than_the_time_limit() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/r.git", listener.local_addr().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(&dir.path().join("cache"));
    settings.timeouts.read = Period::seconds(1);
    let start = std::time::Instant::now();
    let repository = Repository::open(&url, &settings, false).unwrap();
    let error = repository.fetch().await.unwrap_err();
    assert!(error.to_string().contains("no answer in time"), "{error}");
    assert!(start.elapsed().as_secs() < 10);
    drop(listener);
}

/// The packs in a folder.
fn packs_in(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|e| e == "pack"))
        .collect()
}

/// Seventy packs more in a mirror, so many seconds old.
fn make_many_packs(folder: &std::path::Path, age: u64) {
    let original = packs_in(folder).pop().unwrap();
    let then = std::time::SystemTime::now() - std::time::Duration::from_secs(age);
    for n in 0..70 {
        let copy = folder.join(format!("pack-{n:040x}.pack"));
        std::fs::copy(original.with_extension("idx"), copy.with_extension("idx")).unwrap();
        std::fs::copy(&original, &copy).unwrap();
        // Packs are read-only; their times are not.
        std::fs::File::open(&copy)
            .unwrap()
            .set_modified(then)
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_of_many_packs_is_tidied_without_losing_anything() {
    if !git_is_here() {
        return;
    }
    let world = World::with(&[("a", "1"), ("d/b", "2")]).await;
    let repository = world.open();
    let first = base(&repository.fetch().await.unwrap());
    let folder = world.mirror().join("objects/pack");
    make_many_packs(&folder, 3 * 24 * 3600);
    let second = commit_to(&world.bare, "main", &[("a", "2")], "second");
    repository.fetch().await.unwrap();
    let packs = packs_in(&folder);
    assert!(packs.len() <= 3, "{packs:?}");
    assert_eq!(
        git(&world.mirror(), &["fsck", "--strict", "--no-dangling"]),
        ""
    );
    assert_eq!(
        repository.tree(&id(&second)).await.unwrap().entries.len(),
        2
    );
    assert!(repository.is_ancestor(&first, &id(&second)).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn packs_that_are_too_young_to_go_are_not_packed_anew_with_every_fetch() {
    if !git_is_here() {
        return;
    }
    let world = World::with(&[("a", "1"), ("d/b", "2")]).await;
    let repository = world.open();
    repository.fetch().await.unwrap();
    let folder = world.mirror().join("objects/pack");
    make_many_packs(&folder, 3600);
    let before = packs_in(&folder).len();
    commit_to(&world.bare, "main", &[("a", "2")], "second");
    repository.fetch().await.unwrap();
    repository.fetch().await.unwrap();
    let after = packs_in(&folder).len();
    assert_eq!(after, before + 1, "what was fetched, and nothing else");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shallow_remote_is_told_and_its_log_is_not_complete() {
    if !git_is_here() {
        return;
    }
    let world = World::with(&[("a", "1")]).await;
    commit_to(&world.bare, "main", &[("a", "2")], "second");
    let source = format!("file://{}", world.bare.display());
    git(
        world.dir.path(),
        &["clone", "-q", "--bare", "--depth", "1", &source, "cut.git"],
    );
    let repository =
        Repository::open(&world.server.url("cut.git"), &world.settings, false).unwrap();
    let fetched = repository.fetch().await.unwrap();
    assert!(fetched.shallow);
    let log = repository.log(&base(&fetched), None, 100).await.unwrap();
    assert_eq!((log.commits.len(), log.complete), (1, false));
    // Fetching goes on from there.
    let cut = world.dir.path().join("cut.git");
    let third = commit_to(&cut, "main", &[("a", "3")], "third");
    assert_eq!(repository.fetch().await.unwrap().base, Some(id(&third)));
    let log = repository.log(&id(&third), None, 100).await.unwrap();
    assert_eq!((log.commits.len(), log.complete), (2, false));
}

/// How much each of several jobs on one mirror does.
const ROUNDS: usize = 3;

/// The only number in `a` and `b`, which every commit of the remote's base changes together.
async fn number_at(repository: &Repository, commit: &CommitId) -> usize {
    let tree = repository.tree(commit).await.unwrap();
    let blob = |path: &str| tree.entries[&path.parse().unwrap()].blob.clone();
    let (a, b) = (blob("a"), blob("b"));
    assert_eq!(a, b, "{commit} is a mixture of two commits");
    let content = repository.blobs(vec![a.clone()], 100).await.unwrap();
    String::from_utf8(content[&a].clone().unwrap())
        .unwrap()
        .parse()
        .unwrap()
}

/// Fetches, reads, commits and pushes to a branch of its own, and never sees the base go back.
async fn works_in_rounds(repository: Repository, n: usize) {
    let name = format!("refs/heads/headwater/b{n}");
    let (mut own, mut last) = (None, 0);
    for round in 0..ROUNDS {
        let fetched = repository.fetch().await.unwrap();
        let first = base(&fetched);
        assert_eq!(fetched.refs["refs/heads/main"], first);
        assert_eq!(fetched.refs.get(&name), own.as_ref(), "{name} is its own");
        let now = number_at(&repository, &first).await;
        assert!(now >= last, "{now} comes after {last}");
        last = now;
        let text = format!("{n} {round}");
        let new = commit(&repository, &first, &[("mine", Some(&text))], "ours").await;
        let pushed = push(&repository, &name, own.as_ref(), Some(&new)).await;
        assert_eq!(pushed, PushResult::Done);
        assert_eq!(
            number_at(&repository, &new).await,
            now,
            "ours is of what it is on"
        );
        own = Some(new);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_jobs_at_once_keep_one_mirror_sound_and_never_read_a_mixture() {
    if !git_is_here() {
        return;
    }
    let world = World::with(&[("a", "0"), ("b", "0")]).await;
    let shared = world.open();
    // Some share a handle, as the parts of one process do; the others are processes of their own.
    let jobs: Vec<_> = (0..8)
        .map(|n| {
            let repository = match n % 2 {
                0 => shared.clone(),
                _ => world.open(),
            };
            tokio::spawn(works_in_rounds(repository, n))
        })
        .collect();
    let bare = world.bare.clone();
    let (done, working) = std::sync::mpsc::channel::<()>();
    let moving = std::thread::spawn(move || {
        let mut number = 0;
        while matches!(
            working.try_recv(),
            Err(std::sync::mpsc::TryRecvError::Empty)
        ) {
            number += 1;
            let text = number.to_string();
            commit_to(&bare, "main", &[("a", &text), ("b", &text)], "move on");
        }
        number
    });
    for job in jobs {
        job.await.unwrap();
    }
    drop(done);
    let last = moving.join().unwrap();
    let fetched = shared.fetch().await.unwrap();
    assert_eq!(number_at(&shared, &base(&fetched)).await, last);
    assert_eq!(fetched.refs.len(), 1 + 8, "{:?}", fetched.refs);
    for place in [&world.bare, &world.mirror()] {
        assert_eq!(git(place, &["fsck", "--strict", "--no-dangling"]), "");
    }
    let branches = git(
        &world.mirror(),
        &["for-each-ref", "--format=%(objectname) %(refname)"],
    );
    let upstream = git(
        &world.bare,
        &["for-each-ref", "--format=%(objectname) %(refname)"],
    );
    assert_eq!(branches, upstream);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_is_behind_ahead_diverged_or_gone_upstream_is_left_until_that_was_seen() {
    if !git_is_here() {
        return;
    }
    let world = World::with(&[("a", "1")]).await;
    let repository = world.open();
    let first = base(&repository.fetch().await.unwrap());
    for what in ["behind", "ahead", "diverged", "gone"] {
        let branch = format!("headwater/promote/{what}");
        let name = format!("refs/heads/{branch}");
        let older = commit(&repository, &first, &[("a", Some("2"))], "older").await;
        let seen = commit(&repository, &older, &[("a", Some("3"))], what).await;
        let pushed = push(&repository, &name, None, Some(&seen)).await;
        assert_eq!(pushed, PushResult::Done, "{what}");
        let there = match what {
            "behind" => {
                git(&world.bare, &["update-ref", &name, older.as_str()]);
                Some(older.clone())
            }
            "ahead" => Some(id(&commit_to(&world.bare, &branch, &[("b", "1")], "more"))),
            "diverged" => {
                git(&world.bare, &["update-ref", &name, older.as_str()]);
                Some(id(&commit_to(&world.bare, &branch, &[("b", "1")], "other")))
            }
            _ => {
                git(&world.bare, &["update-ref", "-d", &name]);
                None
            }
        };
        let stands = || {
            let upstream = git(
                &world.bare,
                &["for-each-ref", "--format=%(objectname)", &name],
            );
            (!upstream.is_empty()).then(|| id(&upstream))
        };
        let anew = commit(&repository, &first, &[("a", Some("4"))], "anew").await;
        let lost = PushResult::Lost {
            found: there.clone(),
        };
        // Neither moved on, nor made anew, nor taken away, whatever it was thought to be.
        let later = commit(&repository, &seen, &[("a", Some("5"))], "later").await;
        for new in [Some(&anew), Some(&later), None] {
            let pushed = push(&repository, &name, Some(&seen), new).await;
            assert_eq!(pushed, lost, "{what}");
            assert_eq!(stands(), there, "{what}");
        }
        let fetched = repository.fetch().await.unwrap();
        assert_eq!(fetched.refs.get(&name), there.as_ref(), "{what}");
        let pushed = push(&repository, &name, there.as_ref(), Some(&anew)).await;
        assert_eq!((pushed, stands()), (PushResult::Done, Some(anew)), "{what}");
    }
    assert_eq!(git(&world.bare, &["fsck", "--strict", "--no-dangling"]), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_repository_of_the_same_name_is_another_mirror() {
    if !git_is_here() {
        return;
    }
    let world = World::with(&[("a", "1")]).await;
    bare_repository(world.dir.path(), "s.git", &[("b", "2")]);
    let other = Repository::open(&world.server.url("s.git"), &world.settings, false).unwrap();
    let (a, b) = (
        world.open().fetch().await.unwrap(),
        other.fetch().await.unwrap(),
    );
    assert_ne!(base(&a), base(&b));
}
